//! Sockets that break at random: whoever resumes gets exactly what it missed.

use std::time::Duration;

use cti_gateway::{
    app::hub::{Feed, Interest, Item, Opening, Resume},
    client::{Connect, Connection, Error, Frame, Position},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{agents, first_difference, identity, named, print_waits, seeded};
use crate::support::{
    app::{ACCOUNT, Kind, QUIET_SECRET, SECRET, TestApp, agent, both},
    figure,
    load::{Load, Plan, Tally},
};

/// Agents that the sockets follow, several sockets each.
const AGENTS: usize = 20;
/// A socket that is not served within this time fails the test. In the full size two million frames are written, read and
/// parsed by this one process, most of them at the end, when everyone catches up.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much to do.
struct Size {
    sockets: usize,
    connections: usize,
    /// Between two posts of a connection.
    pause: Duration,
    posts: usize,
    /// Longest life of a connection.
    life: Duration,
}

/// What one socket was given, over all its connections.
struct History {
    login: String,
    events: Vec<(i64, String)>,
    cuts: usize,
    replays: usize,
    /// Times that the server closed it first.
    closed: usize,
}

/// Cuts sockets while calls are played, and compares what each was given with the journal.
async fn cut_at_random(kind: Kind, size: Size) {
    let test = named("cut sockets", kind);
    let mut random = seeded(&test);
    // pings move an idle client's position: often, so that many resume from such a one
    let t = TestApp::start_with(kind, |config| config.socket.ping_ms = 1000).await;
    let agents = agents(AGENTS);
    for (login, number) in &agents {
        let _ = t.admin().add_agent((t.account, ACCOUNT), &agent(login, number)).await.expect("the store");
    }
    let from = position(&t).await;
    let extensions: Vec<String> = agents.iter().map(|(_, number)| number.clone()).collect();
    let secrets = [SECRET.to_owned(), QUIET_SECRET.to_owned()];
    let base = t.url("");
    let Size { connections, pause, .. } = size;
    let load = Load::start(&Plan { base: &base, name: "call", secrets: &secrets, connections, extensions: &extensions, pause });
    let done = CancellationToken::new();
    let mut followers = JoinSet::new();
    for number in 0..size.sockets {
        let login = agents[number % AGENTS].0.clone();
        let connect = Connect { agents: Some(json!([login])), resume: Some(from.clone()), ..t.follow() };
        followers.spawn(follow(connect, login, size.life, StdRng::seed_from_u64(random.random()), done.clone()));
    }
    load.tally.progress(size.posts).await;
    let (tally, _) = load.finish().await;
    done.cancel();
    let histories = followers.join_all().await;
    let journal = t.journal().await;
    check(&test, &journal, &from, &histories);
    figure(&format!("{test}: {} posts acknowledged", Tally::get(&tally.acknowledged)));
    print_waits(&test, &tally.waits());
}

fn check(test: &str, journal: &[Value], from: &Position, histories: &[History]) {
    let mut given = 0;
    for history in histories {
        let visible = |entry: &&Value| match &entry["audience"] {
            Value::String(_) => true,
            Value::Array(logins) => logins.iter().any(|login| *login == *history.login),
            _ => false,
        };
        let calls = journal.iter().filter(|entry| entry["call"].is_string());
        let wanted: Vec<_> = calls.filter(visible).map(identity).filter(|(seq, _)| *seq > from.seq).collect();
        let difference = first_difference(&history.events, &wanted);
        assert!(difference.is_none(), "{test}: {} was given something else than the journal holds: {difference:?}", history.login);
        given += wanted.len();
    }
    let sum = |part: fn(&History) -> usize| histories.iter().map(part).sum::<usize>();
    let (cuts, replays) = (sum(|history| history.cuts), sum(|history| history.replays));
    figure(&format!(
        "{test}: {} sockets, {cuts} cuts, {replays} replays, {} closed by the server, {given} events given: lost 0, doubled 0",
        histories.len(),
        sum(|history| history.closed),
    ));
    assert!(cuts > histories.len() && replays > histories.len(), "{test}: too few sockets were cut while something happened");
}

/// Follows from `connect.resume` on, breaking off at random, until all is done and read.
async fn follow(mut connect: Connect, login: String, life: Duration, mut random: StdRng, done: CancellationToken) -> History {
    let mut history = History { login, events: vec![], cuts: 0, replays: 0, closed: 0 };
    loop {
        let last = done.is_cancelled();
        let opening = tokio::time::timeout(PATIENCE, Connection::open(&connect)).await;
        let mut connection = match opening.unwrap_or_else(|_| panic!("{}: no welcome from {:?}", history.login, connect.resume)) {
            Ok(connection) => connection,
            Err(error) if error.is_passing() => {
                history.closed += 1;
                tokio::time::sleep(Duration::from_millis(random.random_range(0..100))).await;
                continue;
            }
            Err(error) => panic!("{}: {error}", history.login),
        };
        let word = connection.welcome.resume.clone();
        assert_ne!(word, "reset", "everything since {:?} is in the journal", connect.resume);
        history.replays += usize::from(word == "replay");
        if last && word == "live" {
            return history;
        }
        let frames = if last { usize::MAX } else { random.random_range(0..100) };
        let time = if last { PATIENCE } else { random.random_range(Duration::ZERO..life) };
        let read = read(&mut connection, &mut history, frames, last);
        let whole = match tokio::time::timeout(time, read).await {
            Ok(Ok(whole)) => whole,
            // on a machine that is this busy a ping may come late, too
            Ok(Err(Error::Closed(..) | Error::Broken(_) | Error::Silent)) => {
                history.closed += 1;
                false
            }
            Ok(Err(error)) => panic!("{}: {error}", history.login),
            Err(_) if last => panic!(
                "{}: no end of the replay from {:?}, now at {:?}, head {}",
                history.login, connect.resume, connection.position, connection.welcome.head
            ),
            Err(_) => false,
        };
        if last && whole {
            return history;
        }
        history.cuts += 1;
        connect.resume = Some(connection.position.clone());
        // no close frame: the connection is gone from one moment to the next
        drop(connection);
    }
}

/// Reads so many frames; `true` at the end of a replay, when that is waited for.
async fn read(connection: &mut Connection, history: &mut History, frames: usize, upto_mark: bool) -> Result<bool, Error> {
    for _ in 0..frames {
        match connection.next().await? {
            Frame::Event(event) => history.events.push(identity(&event)),
            Frame::Mark(_) if upto_mark => return Ok(true),
            Frame::Mark(_) | Frame::Answer(_) => {}
            Frame::Snapshot { .. } => panic!("a snapshot for one that resumed"),
        }
    }
    Ok(false)
}

/// The journal's head.
async fn position(t: &TestApp) -> Position {
    let (_, body) = t.get("/api/v1/events").await;
    Position { epoch: body["epoch"].as_str().expect("an epoch").to_owned(), seq: body["after"].as_i64().expect("a position") }
}

both! {
    /// What a replay gave may reach the mailbox later than that. It must not be taken for news to wait for: what was
    /// written before it would wait too.
    async fn a_late_copy_is_nothing_to_wait_for(t: TestApp) {
        let hub = t.app().hub.clone();
        hub.topic(t.account).await.expect("the store");
        let Position { epoch, seq } = position(&t).await;
        // the hub hears of it when it looks for what others wrote: a quarter of a second later, or when it is told to
        let _ = t.admin().add_agent((t.account, ACCOUNT), &agent("late", "4711")).await.expect("the store");
        let interest = Interest { agents: None, types: vec!["config.*".to_owned()], only_types: false, softphone: false };
        let (mut feed, opening) = Feed::open(&hub, t.account, interest, Some(Resume { epoch, seq })).await.expect("the store");
        assert!(matches!(opening, Opening::Replay), "{opening:?}");
        hub.poll().await.expect("the store");
        let heard = async {
            while feed.head() == seq {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("the hub hears of it");
        assert!(matches!(feed.next().await.expect("the store"), Item::Entry(_)));
        assert!(matches!(feed.next().await.expect("the store"), Item::Mark(_)));
        assert!(feed.at_hand().is_none(), "a copy was taken for news");
    }
}

const QUICK: Size = Size { sockets: 50, connections: 4, pause: Duration::from_millis(10), posts: 400, life: Duration::from_millis(300) };
const FULL: Size = Size { sockets: 500, connections: 8, pause: Duration::from_millis(20), posts: 3000, life: Duration::from_secs(3) };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    cut_at_random(Kind::Sqlite, QUICK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    cut_at_random(Kind::Postgres, QUICK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn sqlite_five_hundred() {
    cut_at_random(Kind::Sqlite, FULL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn postgres_five_hundred() {
    cut_at_random(Kind::Postgres, FULL).await;
}
