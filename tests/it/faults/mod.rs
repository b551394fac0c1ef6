//! The promises under faults: what was acknowledged is there exactly once, in order and without a gap, whatever dies.
//!
//! Each test prints its figures (`cargo nextest run --no-capture faults`) and proves that it met its fault. The slow ones
//! (`./test.sh --slow faults`) do the same at full size.

mod cut;
mod instants;
mod kill;
mod nodes;
mod panics;
mod restart;
mod shift;
mod stall;
mod unclear;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cti_gateway::{
    app::clock::instant,
    client::{Connect, Followed, Follower, Frame},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};

use crate::support::{
    app::Kind,
    figure,
    load::{Plan, Played},
    process::Site,
};

/// Whether the server ends itself where it is told to: debug builds only.
fn has_failpoints() -> bool {
    if !cfg!(debug_assertions) {
        figure("only debug builds have failpoints: run without --release");
    }
    cfg!(debug_assertions)
}

/// The moments of faults follow from a seed, which is printed; `CTI_SEED` repeats a run's.
fn seeded(test: &str) -> StdRng {
    let seed = std::env::var("CTI_SEED").ok().map_or_else(rand::random, |text| text.parse().expect("CTI_SEED is a number"));
    figure(&format!("{test}: CTI_SEED={seed}"));
    StdRng::seed_from_u64(seed)
}

/// So many agents, with their telephones.
fn agents(count: usize) -> Vec<(String, String)> {
    (1..=count).map(|number| (format!("agent{number}"), (1000 + number).to_string())).collect()
}

/// Between two posts of a connection. Without it a quick server writes more between its deaths than a client that follows
/// everything is given, and the client rightly begins anew.
const PAUSE: Duration = Duration::from_millis(5);

/// Sixteen connections that play calls about as fast as they are acknowledged.
fn full_load<'a>(base: &'a str, site: &'a Site, extensions: &'a [String]) -> Plan<'a> {
    Plan { base, name: "call", secrets: std::slice::from_ref(&site.secret), connections: 16, extensions, pause: PAUSE }
}

/// What a journal and the records of calls hold against what senders know.
#[derive(Default)]
struct Audit {
    entries: usize,
    calls: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
    gaps: Vec<String>,
    wrong: Vec<String>,
}

impl Audit {
    /// Reads everything back through the front door.
    async fn of(site: &Site, played: &[Played]) -> Self {
        let journal = site.journal().await;
        let mut audit = Self { entries: journal.len(), calls: played.len(), ..Self::default() };
        audit.check_positions(&journal);
        audit.check_stories(&journal, played);
        audit.check_records(&site.list("dialer-calls", "").await, played);
        audit.check_one_each("result", &site.list("dialer-call-results", "").await, played);
        for name in ["ring", "talk", "idle"] {
            audit.check_one_each(name, &site.list("dialer-call-events", &format!("eventName={name}")).await, played);
        }
        audit
    }

    fn check_positions(&mut self, journal: &[Value]) {
        let epochs: BTreeSet<_> = journal.iter().map(|entry| entry["epoch"].to_string()).collect();
        if epochs.len() > 1 {
            self.gaps.push(format!("several epochs: {epochs:?}"));
        }
        for (expected, entry) in (1..).zip(journal) {
            if entry["seq"] != expected {
                self.gaps.push(format!("seq {} where {expected} was due", entry["seq"]));
                return;
            }
        }
    }

    /// Each call must have left exactly the entries of the steps that were acknowledged, once and in order.
    fn check_stories(&mut self, journal: &[Value], played: &[Played]) {
        let mut stories: BTreeMap<&str, (Vec<String>, BTreeSet<&str>)> = BTreeMap::new();
        for entry in journal.iter().filter(|entry| entry["call"].is_string()) {
            let text = |value: &'_ Value| value.as_str().unwrap_or("-").to_owned();
            let (story, calls) = stories.entry(entry["data"]["callId"].as_str().expect("a call id")).or_default();
            story.push(format!("{} {}", text(&entry["type"]), text(&entry["data"]["state"])));
            calls.insert(entry["call"].as_str().expect("a dtCallId"));
        }
        for call in played {
            let expected: Vec<&str> = call.acknowledged.iter().flat_map(|step| step.entries()).copied().collect();
            let (mut story, calls) = stories.remove(call.call_id.as_str()).unwrap_or_default();
            let told: BTreeSet<&str> = call.dialer_calls.iter().map(String::as_str).collect();
            if calls.len() > 1 || told.len() > 1 || calls != told {
                self.doubled.push(format!("{}: told {told:?}, the journal has {calls:?}", call.call_id));
            }
            if story == expected {
                continue;
            }
            let whole = format!("{}: {story:?}", call.call_id);
            let missing = expected.iter().filter(|entry| match story.iter().position(|got| got == *entry) {
                Some(index) => story.remove(index).is_empty(),
                None => true,
            });
            match (missing.count(), story.is_empty()) {
                (0, true) => self.wrong.push(whole),
                (0, false) => self.doubled.push(whole),
                (_, _) => self.lost.push(whole),
            }
        }
        self.doubled.extend(stories.keys().map(|call| format!("{call}: nobody played it")));
    }

    fn check_records(&mut self, records: &[Value], played: &[Played]) {
        self.check_ids("record", records.iter().map(|record| record["id"].as_str().unwrap_or_default()), played);
        let unlike = records.iter().filter(|record| record["state"] != "end" || record["status"] != "closed");
        self.wrong.extend(unlike.map(ToString::to_string));
    }

    fn check_one_each(&mut self, what: &str, rows: &[Value], played: &[Played]) {
        self.check_ids(what, rows.iter().map(|row| row["dialerCallId"].as_str().unwrap_or_default()), played);
    }

    fn check_ids<'a>(&mut self, what: &str, ids: impl Iterator<Item = &'a str>, played: &[Played]) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for id in ids {
            *counts.entry(id).or_default() += 1;
        }
        for id in played.iter().flat_map(|call| &call.dialer_calls) {
            match counts.remove(id.as_str()) {
                Some(1) => {}
                None => self.lost.push(format!("{what} of {id}")),
                Some(count) => self.doubled.push(format!("{what} of {id}: {count}")),
            }
        }
        self.doubled.extend(counts.keys().map(|id| format!("{what} of {id}: nobody played it")));
    }

    /// Prints the figures and holds them to zero.
    fn settle(&self, test: &str) {
        let Self { entries, calls, lost, doubled, gaps, wrong } = self;
        figure(&format!(
            "{test}: {calls} calls, {entries} entries: lost {}, doubled {}, gaps {}, wrong {}",
            lost.len(),
            doubled.len(),
            gaps.len(),
            wrong.len()
        ));
        let first = |list: &[String]| list.iter().take(5).cloned().collect::<Vec<_>>();
        let found = [("lost", lost), ("doubled", doubled), ("gaps", gaps), ("wrong", wrong)];
        let found: Vec<_> = found.iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name, first(list))).collect();
        assert!(found.is_empty(), "{test}: {found:#?}");
    }
}

/// A program that follows everything through every fault and keeps what it was given.
struct Watcher {
    upto: watch::Sender<Option<i64>>,
    task: JoinHandle<Seen>,
}

/// What a watcher was given.
#[derive(Default)]
struct Seen {
    /// Position of the snapshot that it began with.
    from: i64,
    /// `seq` and id of each event.
    events: Vec<(i64, String)>,
    connections: usize,
}

impl Watcher {
    fn start(connect: Connect) -> Self {
        let (upto, until) = watch::channel(None);
        Self { upto, task: tokio::spawn(watch_all(connect, until)) }
    }

    /// Waits until it was given everything, then compares that with the journal.
    async fn settle(self, test: &str, site: &Site) {
        let journal = site.journal().await;
        let shown: Vec<_> = journal.iter().filter(|entry| is_of_a_call(entry)).map(identity).collect();
        let _ = self.upto.send(shown.last().map(|(seq, _)| *seq));
        let seen = tokio::time::timeout(Duration::from_secs(60), self.task).await;
        let seen = seen.expect("the watcher reaches the head").expect("the watcher ends well");
        let wanted: Vec<_> = shown.into_iter().filter(|(seq, _)| *seq > seen.from).collect();
        figure(&format!("{test}: a watcher was given {} events over {} connections", seen.events.len(), seen.connections));
        assert!(seen.events == wanted, "{test}: pushed and stored differ, from {:?}", first_difference(&seen.events, &wanted));
    }
}

/// Whether a screen shows it of a call. Orders are for telephone systems.
fn is_of_a_call(entry: &Value) -> bool {
    entry["type"].as_str().is_some_and(|kind| kind.starts_with("call.") && kind != "call.ordered")
}

/// What tells an event from all others.
fn identity(entry: &Value) -> (i64, String) {
    (entry["seq"].as_i64().expect("a seq"), entry["id"].as_str().expect("an id").to_owned())
}

type Pair<'a> = (Option<&'a (i64, String)>, Option<&'a (i64, String)>);

fn first_difference<'a>(got: &'a [(i64, String)], wanted: &'a [(i64, String)]) -> Option<Pair<'a>> {
    let length = got.len().max(wanted.len());
    (0..length).map(|index| (got.get(index), wanted.get(index))).find(|(got, wanted)| got != wanted)
}

async fn watch_all(connect: Connect, mut until: watch::Receiver<Option<i64>>) -> Seen {
    let mut follower = Follower::new(connect);
    let mut seen = Seen::default();
    loop {
        let last = seen.events.last().map_or(seen.from, |(seq, _)| *seq);
        if until.borrow_and_update().is_some_and(|head| head <= last) {
            return seen;
        }
        let followed = tokio::select! {
            followed = follower.next() => followed.expect("a passing trouble at most"),
            _ = until.changed() => continue,
        };
        match followed {
            Followed::Connected(word) => {
                seen.connections += 1;
                assert!(seen.connections == 1 || word != "reset", "what it missed is all in the journal");
            }
            Followed::Frame(Frame::Snapshot { seq, .. }) => seen.from = seq,
            Followed::Frame(Frame::Event(event)) if is_of_a_call(&event) => seen.events.push(identity(&event)),
            Followed::Frame(Frame::Event(_)) => {}
            Followed::Frame(Frame::Mark(_) | Frame::Answer(_)) | Followed::Lost(..) => {}
        }
    }
}

/// The name of a test on a database.
fn named(test: &str, kind: Kind) -> String {
    format!("{test} on {kind:?}").to_lowercase()
}

/// The value below which `share` of the sorted values lie.
fn quantile<T: Copy + Default>(sorted: &[T], share: f64) -> T {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index of a short list")]
    let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

/// Prints how long events waited for their acknowledgement.
fn print_waits(test: &str, waits: &[Duration]) {
    let shares = [0.5, 0.99, 1.0].map(|share| quantile(waits, share));
    figure(&format!("{test}: acknowledged after p50 {:.1?}, p99 {:.1?}, longest {:.1?}", shares[0], shares[1], shares[2]));
}

/// Time since `began`, for figures.
fn since(began: tokio::time::Instant) -> String {
    format!("{:.1} s", (instant() - began).as_secs_f64())
}
