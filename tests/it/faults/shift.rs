//! kill -9 in the midst of a busy shift: twenty agents, two campaigns that are dialed ahead, hot leads that come in, numbers that are put
//! on the do-not-call list, clicks that are sent twice. Whenever the server dies, nobody is dialed twice or against the list, every call
//! ends once, and every agent and call comes to rest within its deadlines.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono_tz::Tz;
use cti_gateway::{
    app::clock::{Clock, instant},
    domain::{
        phone::{HomeRegion, Number},
        window::{self, RuleSet},
        zone::Zones,
    },
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Audit, Watcher, agents, named, seeded, since};
use crate::support::{
    app::Kind,
    figure,
    process::{Process, Site},
};

const AGENTS: usize = 20;
const CAMPAIGNS: [(&str, &str); 2] = [("Spring", "progressive"), ("Autumn", "predictive")];
/// Leads of each campaign.
const LEADS: usize = 3_000;
/// Telephone systems are taken over after this time, so that a server that was killed is at work again soon.
const HOLD: (&str, &str) = ("CTI_TELEPHONE__HOLD_MS", "900");
/// The longest deadline here is that of a click, which rings for thirty seconds; an order that nobody has carried out has fifteen.
const AT_REST_WITHIN: Duration = Duration::from_secs(45);
/// Somebody has talked by then, or nobody can.
const BUSY_WITHIN: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(100);

/// The beginnings of numbers all around the world, with seven more digits to come.
const PREFIXES: [&str; 6] = ["+4930", "+1781", "+1206", "+1808", "+6495", "+91222"];

/// One where the telephone may ring for the next two hours.
fn awake() -> &'static str {
    let now = Clock::System.now();
    let open = |prefix: &&&str| {
        let number = Number::read(&format!("{prefix}2700000"), HomeRegion::default()).expect("a number");
        let (zones, rules) = (Zones::of(&number), RuleSet::of_number(&number));
        [0, 60, 120]
            .iter()
            .all(|minutes| window::permits(&zones, Tz::UTC, rules, now + chrono::TimeDelta::minutes(*minutes)).is_permitted())
    };
    PREFIXES.iter().find(open).expect("somewhere it is day")
}

/// What the people of the shift have done.
#[derive(Default)]
struct Done {
    hot: AtomicUsize,
    listed: AtomicUsize,
    clicks: AtomicUsize,
    repeated: AtomicUsize,
    unlike: AtomicUsize,
    wrapped: AtomicUsize,
}

/// What people do things with. A server that is away is no fault: they try again.
#[derive(Clone)]
struct Door {
    http: Client,
    base: String,
    token: String,
}

impl Door {
    fn of(site: &Site) -> Self {
        Self { http: site.http.clone(), base: site.url(""), token: site.token.clone() }
    }

    async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> Option<(StatusCode, Value)> {
        let mut request = self.http.request(method, format!("{}/api/v1/{path}", self.base)).bearer_auth(&self.token).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.send().await.ok()?;
        let status = response.status();
        let body = response.json().await.unwrap_or_default();
        (!status.is_server_error()).then_some((status, body))
    }

    /// Tries until the server says something.
    async fn insist(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
        loop {
            if let Some(answer) = self.ask(method.clone(), path, key, body).await {
                return answer;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

/// Whether it is the agent who must end it: one conversation in ten the other side does not.
fn talks_for_long(agent: &Value) -> bool {
    let since = agent["since"].as_str().and_then(|since| since.parse().ok());
    since.is_some_and(|since: chrono::DateTime<chrono::Utc>| Clock::System.now() - since > chrono::TimeDelta::seconds(4))
}

/// Has all agents ready, and lets them write up what they have talked.
async fn work(door: Door, done: Arc<Done>, open: Arc<AtomicBool>) {
    loop {
        let now = door.ask(Method::GET, "agents", None, &json!({})).await;
        for agent in now.iter().flat_map(|(_, body)| body["items"].as_array().into_iter().flatten()) {
            let login = agent["login"].as_str().unwrap_or_default();
            match agent["state"].as_str() {
                Some(state @ ("offline" | "not_ready")) if open.load(Relaxed) => {
                    let next = if state == "offline" { "signed_in" } else { "ready" };
                    door.ask(Method::POST, &format!("agents/{login}/state"), None, &json!({ "state": next })).await;
                }
                Some("on_call") if talks_for_long(agent) => {
                    let call = agent["call"].as_str().unwrap_or_default();
                    door.ask(Method::POST, &format!("calls/{call}/hangup"), None, &json!({})).await;
                }
                Some("wrap_up") => {
                    let call = agent["call"].as_str().unwrap_or_default();
                    let outcome = json!({"outcome": "NOT INTERESTED"});
                    door.ask(Method::POST, &format!("calls/{call}/set-outcome"), Some(&format!("outcome-{call}")), &outcome).await;
                    if door.ask(Method::POST, &format!("calls/{call}/end-wrap"), Some(&format!("wrap-{call}")), &json!({})).await.is_some()
                    {
                        done.wrapped.fetch_add(1, Relaxed);
                    }
                }
                _ => {}
            }
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// The CRM: injects hot leads, lists numbers, and clicks; each click is sent again with its key, and must be answered the same.
async fn disturb(door: Door, done: Arc<Done>, open: Arc<AtomicBool>, seed: u64, prefix: &'static str) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut next = 0;
    while open.load(Relaxed) {
        next += 1;
        let hot = json!({"campaign": CAMPAIGNS[next % 2].0, "phone": format!("{prefix}{}", 5_000_000 + next)});
        if door.insist(Method::POST, "leads", Some(&format!("hot-{next}")), &hot).await.0 == StatusCode::CREATED {
            done.hot.fetch_add(1, Relaxed);
        }
        let listed = format!("{prefix}{}", 2_000_000 + random.random_range(0..2 * LEADS));
        if door.insist(Method::PUT, &format!("dnc/{}", listed.replace('+', "%2B")), None, &json!({})).await.0 == StatusCode::CREATED {
            done.listed.fetch_add(1, Relaxed);
        }
        let click =
            json!({"agent": format!("agent{}", random.random_range(1..=AGENTS)), "number": format!("{prefix}{}", 7_000_000 + next)});
        let key = format!("click-{next}");
        let first = door.insist(Method::POST, "click-to-call", Some(&key), &click).await;
        if first.0 == StatusCode::ACCEPTED {
            done.clicks.fetch_add(1, Relaxed);
            tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
            let again = door.insist(Method::POST, "click-to-call", Some(&key), &click).await;
            done.repeated.fetch_add(1, Relaxed);
            done.unlike.fetch_add(usize::from(again != first), Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
    }
}

async fn furnish(site: &Site, prefix: &str) {
    let door = Door::of(site);
    let put = async |path: &str, body: Value| {
        let (status, told) = door.insist(Method::PUT, path, None, &body).await;
        assert!(status.is_success(), "{path}: {status} {told}");
    };
    let knobs = json!({"answerS": [0, 2], "talkS": [1, 3], "pickupS": [0, 1], "remoteHangup": 90, "newsMs": [0, 200]});
    put("telephone-systems/house", json!({ "simulated": knobs })).await;
    for (index, (campaign, mode)) in CAMPAIGNS.iter().enumerate() {
        let dialing = json!({"mode": mode, "running": true, "ringS": 5, "wrapS": 2, "maxAttempts": 1});
        put(&format!("campaigns/{campaign}"), json!({ "dialing": dialing })).await;
        for thousand in 0..LEADS / 1000 {
            let numbers = (0..1000).map(|place| 2_000_000 + index * LEADS + thousand * 1000 + place);
            let items: Vec<Value> = numbers
                .map(|number| json!({"op": "create", "lead": {"campaign": campaign, "phone": format!("{prefix}{number}"), "importOnly": false}}))
                .collect();
            let (status, told) = door.insist(Method::POST, "leads/batch", None, &json!({ "items": items })).await;
            assert_eq!(status, StatusCode::OK, "{told}");
        }
    }
}

/// Waits until nothing moves: every call is over, and every agent is what he has set. How long that took.
async fn at_rest(site: &Site, test: &str) -> Duration {
    let door = Door::of(site);
    let began = instant();
    loop {
        let open = site.list("dialer-calls", "status=open").await;
        let (_, agents) = door.insist(Method::GET, "agents", None, &json!({})).await;
        let moving = |agent: &&Value| !["ready", "not_ready", "offline"].contains(&agent["state"].as_str().unwrap_or("-"));
        let moving: Vec<&Value> = agents["items"].as_array().into_iter().flatten().filter(moving).collect();
        if open.is_empty() && moving.is_empty() {
            return began.elapsed();
        }
        assert!(began.elapsed() < AT_REST_WITHIN, "{test}: not at rest: {moving:?} {open:?}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// What the journal tells of the shift.
#[derive(Default)]
struct Story {
    dials: usize,
    talks: BTreeMap<String, BTreeSet<String>>,
    faults: Vec<String>,
}

impl Story {
    fn of(journal: &[Value]) -> Self {
        let mut story = Self::default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut lead_of: HashMap<String, i64> = HashMap::new();
        for entry in journal {
            if let (Some(call), Some(lead)) = (entry["call"].as_str(), entry["data"]["leadId"].as_i64()) {
                lead_of.insert(call.to_owned(), lead);
            }
        }
        let mut listed: BTreeSet<String> = BTreeSet::new();
        let (mut dialed, mut ends): (HashMap<i64, usize>, BTreeMap<String, usize>) = (HashMap::new(), BTreeMap::new());
        for entry in journal {
            let (call, data) = (text(&entry["call"]), &entry["data"]);
            match (entry["type"].as_str().unwrap_or_default(), data["state"].as_str(), data["verb"].as_str()) {
                ("dnc.added", ..) => drop(listed.insert(text(&data["number"]))),
                ("call.ordered", _, Some("dial")) => {
                    story.dials += 1;
                    if listed.contains(data["number"].as_str().unwrap_or_default()) {
                        story.faults.push(format!("dialed after it was listed: {entry}"));
                    }
                    if let Some(lead) = lead_of.get(&call) {
                        *dialed.entry(*lead).or_default() += 1;
                    }
                    ends.entry(call).or_default();
                }
                ("call.state", Some("end"), _) => *ends.entry(call).or_default() += 1,
                ("call.state", Some("talk"), _) => {
                    ends.entry(call.clone()).or_default();
                    if let Some(campaign) = data["campaign"].as_str() {
                        story.talks.entry(campaign.to_owned()).or_default().insert(call);
                    }
                }
                _ => {}
            }
        }
        story
            .faults
            .extend(dialed.iter().filter(|(_, times)| **times > 1).map(|(lead, times)| format!("lead {lead} was dialed {times} times")));
        story.faults.extend(ends.iter().filter(|(_, times)| **times != 1).map(|(call, times)| format!("call {call} ended {times} times")));
        story
    }
}

/// The tally of each campaign is what its calls came to.
async fn check_tallies(site: &Site, story: &mut Story) {
    let door = Door::of(site);
    for (campaign, _) in CAMPAIGNS {
        let (_, pacing) = door.insist(Method::GET, &format!("campaigns/{campaign}/pacing"), None, &json!({})).await;
        let talked = story.talks.get(campaign).map_or(0, BTreeSet::len);
        if pacing["tally"]["answered"] != talked {
            story.faults.push(format!("{campaign}: {talked} were answered, and the tally says {}", pacing["tally"]));
        }
    }
}

struct People(Vec<JoinHandle<()>>);

impl Drop for People {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// One server, or two on the same store, of which now the one dies and now the other.
async fn shift(kind: Kind, kills: usize, servers: usize) {
    let test = named(if servers == 1 { "a shift" } else { "a shift of two servers" }, kind);
    let mut random = seeded(&test);
    let prefix = awake();
    let site = Site::set_up(kind, &agents(AGENTS)).await;
    let sites: Vec<Site> = (1..servers).map(|_| site.beside()).collect();
    let sites: Vec<&Site> = std::iter::once(&site).chain(&sites).collect();
    let serve = async |site: &Site| site.serve_with(&[HOLD, ("CTI_CALLS__WRAP_UP_MS", "2000")]).await;
    let mut processes: Vec<Process> = Vec::new();
    for site in &sites {
        processes.push(serve(site).await);
    }
    furnish(&site, prefix).await;
    let (began, done, open) = (instant(), Arc::new(Done::default()), Arc::new(AtomicBool::new(true)));
    let watcher = Watcher::start(site.follow(None));
    let door = || Door::of(&site);
    let people = People(vec![
        tokio::spawn(work(door(), done.clone(), open.clone())),
        tokio::spawn(disturb(door(), done.clone(), open.clone(), random.random(), prefix)),
    ]);
    for _ in 0..kills {
        // at first nobody drives the telephone system; then it is busy
        tokio::time::sleep(Duration::from_millis(random.random_range(0..4_000))).await;
        let server = random.random_range(0..servers);
        processes.remove(server).kill().await;
        processes.insert(server, serve(sites[server]).await);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    // kills that follow each other closely leave little time to talk: the day goes on until somebody has
    let late = instant() + BUSY_WITHIN;
    while done.wrapped.load(Relaxed) <= kills / 4 && instant() < late {
        tokio::time::sleep(GLANCE).await;
    }
    open.store(false, Relaxed);
    for (campaign, mode) in CAMPAIGNS {
        let stopped = json!({"dialing": {"mode": mode, "running": false, "ringS": 5, "wrapS": 2, "maxAttempts": 1}});
        assert!(door().insist(Method::PUT, &format!("campaigns/{campaign}"), None, &stopped).await.0.is_success());
    }
    let rest = at_rest(&site, &test).await;
    drop(people);
    watcher.settle(&test, &site).await;
    let journal = site.journal().await;
    let mut story = Story::of(&journal);
    check_tallies(&site, &mut story).await;
    let mut audit = Audit::default();
    audit.check_positions(&journal);
    let count = |figure: &AtomicUsize| figure.load(Relaxed);
    figure(&format!(
        "{test}: {kills} kills in {}; {} entries, {} dialed, {} talked; {} hot leads, {} numbers listed, {} calls written up; \
         {} of {} clicks sent again; at rest after {rest:.1?}; faults {}",
        since(began),
        journal.len(),
        story.dials,
        story.talks.values().map(BTreeSet::len).sum::<usize>(),
        count(&done.hot),
        count(&done.listed),
        count(&done.wrapped),
        count(&done.repeated),
        count(&done.clicks),
        story.faults.len(),
    ));
    assert_eq!(count(&done.unlike), 0, "{test}: a click that was sent again was answered otherwise");
    assert!(
        story.faults.is_empty() && audit.gaps.is_empty(),
        "{test}: {:#?} {:?}",
        &story.faults[..story.faults.len().min(10)],
        audit.gaps
    );
    assert!(story.dials > kills && count(&done.wrapped) > kills / 4, "{test}: that was no busy shift");
    for (site, process) in sites.iter().zip(processes) {
        assert!(!site.log().contains("panicked"), "{}", site.log());
        process.kill().await;
    }
}

mod killed {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        shift(Kind::Sqlite, 3, 1).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        shift(Kind::Postgres, 3, 2).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "slow"]
    async fn sqlite_two_hundred() {
        shift(Kind::Sqlite, 200, 1).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "slow"]
    async fn postgres_two_hundred() {
        shift(Kind::Postgres, 200, 1).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "slow"]
    async fn two_on_one_postgres() {
        shift(Kind::Postgres, 100, 2).await;
    }
}
