//! The committer under pressure: one poisoned piece of work, many writers, two servers on one store, a full queue.

use std::{pin::Pin, sync::Arc, time::Duration};

use cti_gateway::{
    app::{
        App,
        committer::{Failure, NewsItem, Once, Told as Answer},
        directory::Account,
        hub::{Feed, Interest, Item},
    },
    domain::call::{Cause, Certainty, Direction, News, NewsKind, Told},
    q,
    store::{Db, Tx, journal},
};
use futures_util::FutureExt;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{
    app::{Kind, TestApp, answer, both, gateway, noon, number},
    beside::Beside,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn item(call: &str, kind: NewsKind) -> NewsItem {
    let told = Told {
        direction: Some((Direction::Inbound, Certainty::Said)),
        customer: number("+4930123456"),
        agent: Some("agent1".into()),
        ..Told::default()
    };
    NewsItem {
        gateway: 0,
        source: "api",
        pbx_call_id: call.into(),
        ordered_as: None,
        news: News { kind, occurred_at: noon(), observed_at: noon(), told },
    }
}

async fn account(app: &App, id: i64) -> Arc<Account> {
    app.directory.account(&app.hub, id).await.expect("the store")
}

/// Hands one piece of news in, in a task of its own.
fn hear(app: &Arc<App>, account: &Arc<Account>, items: Vec<NewsItem>, once: Option<Once>) -> JoinHandle<Result<Vec<Answer>, Failure>> {
    let (app, account) = (app.clone(), account.clone());
    tokio::spawn(async move { app.hear(&account, items, once).await })
}

/// Hands work in now and leaves its answer for later.
fn hand_in<'a, F: Future + Send + 'a>(work: F) -> Pin<Box<F>> {
    let mut work = Box::pin(work);
    assert!(work.as_mut().now_or_never().is_none(), "the store is held: nothing is answered yet");
    work
}

/// Keeps every writer of the account waiting until the transaction ends.
async fn hold_the_store(app: &App, account: i64) -> Tx {
    let mut tx = app.db.begin().await.expect("a transaction");
    journal::hold_turn(&mut tx, account).await.expect("the turn");
    tx
}

async fn wait_for(what: &str, holds: impl AsyncFn() -> bool) {
    let polled = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, polled).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

/// All entries of an account's journal, from the book.
async fn seqs(app: &App, account: i64) -> Vec<i64> {
    let rows = journal::page(app.db.read(), account, 0, i64::MAX, None, 100_000).await.expect("the journal");
    rows.into_iter().map(|row| row.seq).collect()
}

async fn assert_no_gap(app: &App, account: i64) {
    let seqs = seqs(app, account).await;
    let count = i64::try_from(seqs.len()).expect("a count");
    assert!(seqs.iter().copied().eq(1..=count), "{seqs:?}");
    assert_eq!(journal::position(app.db.read(), account).await.expect("a position").seq, count);
}

/// Follows everything of an account from the present on.
async fn follow(app: &App, account: i64) -> Feed {
    let interest = Interest { agents: None, types: vec!["config.*".into()], only_types: false, softphone: false };
    Feed::open(&app.hub, account, interest, None).await.expect("the store").0
}

/// The next `count` entries that a feed gives.
async fn given(feed: &mut Feed, count: usize) -> Vec<i64> {
    let mut seqs = Vec::new();
    let reading = async {
        while seqs.len() < count {
            match feed.next().await.expect("the store") {
                Item::Entry(entry) => seqs.push(entry.seq),
                Item::Mark(_) => {}
                Item::Reset => panic!("a reset after {seqs:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("every entry is delivered in time");
    seqs
}

both! {
    async fn a_poisoned_piece_of_work_fails_alone(t: TestApp) {
        let app = t.app();
        let acme = account(&app, t.account).await;
        // Postgres takes no NUL in text; SQLite does and is told to refuse this one
        if t.kind == Kind::Sqlite {
            let refuse = "create trigger refuse before insert on line when new.pbx_key like '%poison%' begin select raise(abort, 'poison'); end";
            app.db.write().run(q!(refuse)).await.expect("a trigger");
        }
        let store = hold_the_store(&app, t.account).await;
        let first = hand_in(app.hear(&acme, vec![item("first", NewsKind::Started)], None));
        wait_for("the first is being committed", async || app.committer.queued() == 0).await;
        let work = |n: usize| if n == 23 {
            vec![item("fine", NewsKind::Started), item("poison\0", NewsKind::Started)]
        } else {
            vec![item(&format!("call-{n}"), NewsKind::Started)]
        };
        let mut batch: Vec<_> = (0..51).map(|n| hand_in(app.hear(&acme, work(n), None))).collect();
        store.rollback().await.expect("a rollback");
        let failure = batch.remove(23).await.expect_err("it is refused");
        assert!(matches!(failure, Failure::Store(_)), "{failure:?}");
        batch.push(first);
        for told in batch {
            let told = told.await.expect("the others are done");
            assert!(told.len() == 1 && told[0].changed, "{told:?}");
        }
        let (_, body) = t.get("/api/v1/dialer-calls?limit=500").await;
        let calls: Vec<&str> = body["items"].as_array().expect("items").iter().map(|call| call["attempts"][0]["callId"].as_str().expect("an id")).collect();
        assert!(calls.len() == 51 && !calls.contains(&"fine"), "its work happened not at all: {calls:?}");
        assert_no_gap(&app, t.account).await;
        // and nothing of it stayed in memory
        hear(&app, &acme, vec![item("fine", NewsKind::Ended(Some(Cause::read("busy"))))], None).await.expect("no panic").expect("done");
        assert_eq!(t.calls().await[0]["callStatus"], "busy");
        assert_no_gap(&app, t.account).await;
    }

    async fn what_cannot_be_swept_holds_nobody_else_up(t: TestApp) {
        use cti_gateway::{app::sweeper, store::accounts::NewAccount};
        let other = NewAccount { name: "other".into(), region: "US".into(), search_url: None, create_url: None };
        let other = t.admin().add_account(&other).await.expect("the store").expect("a new account");
        let app = t.app();
        for (account_id, calls) in [(t.account, ["broken", "good"]), (other, ["one", "two"])] {
            let account = account(&app, account_id).await;
            for call in calls {
                app.hear(&account, vec![item(call, NewsKind::Started)], None).await.expect("done");
            }
        }
        let broken = t.calls().await.iter().find(|call| call["attempts"][0]["callId"] == "broken").and_then(|call| call["id"].as_str()?.parse::<uuid::Uuid>().ok()).expect("a call");
        app.db.write().run(q!("update dialer_call set record = $1 where id = $2", "{}", broken)).await.expect("the store");
        drop(app);
        t.restart().await; // so that nothing is remembered
        t.clock.advance(Duration::from_secs(301));
        let _ = sweeper::sweep(&t.app()).await;
        let (open,): (i64,) = t.app().db.read().one(q!("select count(*) from dialer_call where finished_at is null")).await.expect("a count");
        assert_eq!(open, 1, "all but the broken one have ended");
    }

    async fn gateways_of_a_new_account_are_found(t: TestApp) {
        use cti_gateway::store::accounts::NewAccount;
        let app = t.app();
        // whether somebody asked for the new account before its entry was heard of, or not
        for (name, asked) in [("beta", false), ("gamma", true)] {
            app.directory.gateways(&app.hub).await.expect("the store"); // from now on they are remembered
            let new = NewAccount { name: name.into(), region: "US".into(), search_url: None, create_url: None };
            let id = t.admin().add_account(&new).await.expect("the store").expect("a new account");
            t.admin().add_gateway((id, name), &gateway(name, name, "all")).await.expect("the store").expect("a new gateway");
            if asked {
                app.hub.topic(id).await.expect("the store");
            }
            app.hub.poll().await.expect("the store");
            let all = app.directory.gateways(&app.hub).await.expect("the store");
            assert!(all.iter().any(|gateway| gateway.name == name), "{name}");
        }
    }

    async fn sixty_four_writers_leave_no_gap(t: TestApp) {
        use cti_gateway::store::accounts::NewAccount;
        let other = NewAccount { name: "other".into(), region: "US".into(), search_url: None, create_url: None };
        let other = t.admin().add_account(&other).await.expect("the store").expect("a new account");
        let app = t.app();
        let accounts = [account(&app, t.account).await, account(&app, other).await];
        let mut feeds = [follow(&app, t.account).await, follow(&app, other).await];
        let before = [seqs(&app, t.account).await.len(), seqs(&app, other).await.len()];
        let writer = async |app: Arc<App>, account: Arc<Account>, n: usize| {
            for kind in [NewsKind::Started, NewsKind::Connected, NewsKind::Ended(None)] {
                app.hear(&account, vec![item(&format!("call-{n}"), kind)], None).await.expect("done");
            }
        };
        let writers = (0..64).map(|n| tokio::spawn(writer(app.clone(), accounts[n % 2].clone(), n)));
        // the configuration is written beside the calls
        let admin = t.admin();
        for n in 0..10 {
            let agent = crate::support::app::agent(&format!("new-{n}"), &format!("20{n}"));
            admin.add_agent((t.account, "acme"), &agent).await.expect("the store").expect("a new agent");
        }
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("no panic");
        }
        // incoming, talk, idle, end, result
        for (index, (account, more)) in [(t.account, 10), (other, 0)].into_iter().enumerate() {
            assert_no_gap(&app, account).await;
            let all = seqs(&app, account).await;
            assert_eq!(all.len(), before[index] + 32 * 5 + more, "account {account}");
            assert_eq!(given(&mut feeds[index], 32 * 5 + more).await, all[before[index]..], "the hub gives them in order");
        }
    }
}

/// With room for one: the work that is being committed, the next batch, the work that waits, and the work that finds no room.
async fn a_full_queue_says_so_and_says_the_truth(kind: Kind) {
    let t = TestApp::start_with(kind, |config| (config.committer.queue, config.committer.batch) = (1, 1)).await;
    let app = t.app();
    let acme = account(&app, t.account).await;
    let store = hold_the_store(&app, t.account).await;
    let first = hand_in(app.hear(&acme, vec![item("first", NewsKind::Started)], None));
    wait_for("the first is being committed", async || app.committer.queued() == 0).await;
    let next = hand_in(app.hear(&acme, vec![item("next", NewsKind::Started)], None));
    wait_for("the next batch was begun", async || app.committer.queued() == 0).await;
    let second = hand_in(app.hear(&acme, vec![item("second", NewsKind::Started)], None));
    assert_eq!(app.committer.queued(), 1);
    let third = hand_in(app.hear(&acme, vec![item("third", NewsKind::Started)], None));
    let event = json!({"callId": "fourth", "event": "initiated", "from": "+4930123456", "to": "1001"});
    let fourth = t.api(Method::POST, "/api/v1/call-events").json(&json!({"events": [event]})).send();
    let (first, next, second, third, fourth) = tokio::join!(first, next, second, third, fourth);
    assert!(matches!(first, Err(Failure::Late)), "it may still be done: {first:?}");
    assert!(matches!(next, Err(Failure::Late)), "it may still be done: {next:?}");
    assert!(matches!(second, Err(Failure::Late)), "it may still be done: {second:?}");
    assert!(matches!(third, Err(Failure::Busy)), "nothing was taken in: {third:?}");
    let fourth = fourth.expect("an answer");
    assert_eq!(fourth.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fourth.headers()["retry-after"], "1");
    store.rollback().await.expect("a rollback");
    wait_for("what was taken in is stored", async || t.calls().await.len() == 3).await;
    let event = json!({"callId": "first", "event": "initiated", "from": "+4930123456", "to": "1001", "agent": "agent1"});
    let (status, body) = answer(t.api(Method::POST, "/api/v1/call-events").json(&json!({"events": [event]}))).await;
    assert_eq!((status, &body["items"][0]["state"]), (StatusCode::OK, &json!("incoming")), "and there is room again");
    assert_eq!(t.calls().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_so_on_sqlite() {
    a_full_queue_says_so_and_says_the_truth(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_so_on_postgres() {
    a_full_queue_says_so_and_says_the_truth(Kind::Postgres).await;
}

/// Another process, such as a command, keeps SQLite's one write lock for longer than a statement waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_waits_for_another_process() {
    let t = TestApp::start(Kind::Sqlite).await;
    let app = t.app();
    let acme = account(&app, t.account).await;
    let beside = Db::open(&t.config.store_options()).await.expect("the store opens");
    let store = beside.begin().await.expect("a transaction");
    let work = hear(&app, &acme, vec![item("1", NewsKind::Started)], None);
    tokio::time::sleep(Duration::from_millis(5_500)).await; // a statement waits for five seconds
    assert!(!work.is_finished());
    store.rollback().await.expect("a rollback");
    assert!(work.await.expect("no panic").expect("it was only late")[0].changed);
    beside.close().await;
}

/// Two servers write the same calls and other calls of one account at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_one_store() {
    let t = TestApp::start(Kind::Postgres).await;
    let second = Beside::start(&t).await;
    let apps = [t.app(), second.app.clone()];
    let accounts = [account(&apps[0], t.account).await, account(&apps[1], t.account).await];
    let mut feeds = [follow(&apps[0], t.account).await, follow(&apps[1], t.account).await];
    let before = seqs(&apps[0], t.account).await.len();
    let life = [NewsKind::Started, NewsKind::Connected, NewsKind::Held(true), NewsKind::Ended(Some(Cause::read("completed")))];
    let mut work = Vec::new();
    for server in 0..2 {
        for n in 0..15 {
            let (app, account, life) = (apps[server].clone(), accounts[server].clone(), life.clone());
            work.push(tokio::spawn(async move {
                for kind in life {
                    // the same news of one call to both, and a call of its own
                    let items = vec![item(&format!("shared-{n}"), kind.clone()), item(&format!("own-{server}-{n}"), kind)];
                    app.hear(&account, items, None).await.expect("done");
                }
            }));
        }
    }
    for work in work {
        work.await.expect("no panic");
    }
    assert_no_gap(&apps[0], t.account).await;
    let all = seqs(&apps[0], t.account).await;
    let (_, body) = t.get("/api/v1/dialer-calls?limit=500").await;
    let calls = body["items"].as_array().expect("items");
    assert_eq!(calls.len(), 45, "a shared call is one call");
    assert!(calls.iter().all(|call| call["status"] == "closed" && call["didConnect"] == true));
    let ends = t.story().await.iter().filter(|entry| *entry == "call.state end").count();
    assert_eq!(ends, 45, "one end each");
    for feed in &mut feeds {
        assert_eq!(given(feed, all.len() - before).await, all[before..], "each hub gives everything in order");
    }
    // a key is one key, whichever server it comes to
    let once = || Some(Once { key: "k".into(), content: vec![1; 32] });
    let posts: Vec<_> = (0..8).map(|n| hear(&apps[n % 2], &accounts[n % 2], vec![item("keyed", NewsKind::Started)], once())).collect();
    let mut answers = Vec::new();
    for post in posts {
        answers.push(post.await.expect("no panic").expect("done"));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0] && answer[0].changed), "{answers:?}");
    assert_eq!(seqs(&apps[0], t.account).await.len(), all.len() + 1);
    drop((apps, accounts, feeds));
    second.stop().await;
}

/// A call that one server knows is changed by the other: what is remembered must not win over what is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_take_turns_on_one_call() {
    let t = TestApp::start(Kind::Postgres).await;
    let second = Beside::start(&t).await;
    let apps = [t.app(), second.app.clone()];
    let accounts = [account(&apps[0], t.account).await, account(&apps[1], t.account).await];
    for (turn, (kind, state)) in [
        (NewsKind::Started, "incoming"),
        (NewsKind::Connected, "talk"),
        (NewsKind::Held(true), "hold"),
        (NewsKind::Details, "hold"),
        (NewsKind::Ended(Some(Cause::read("busy"))), "end"),
    ]
    .into_iter()
    .enumerate()
    {
        let told = apps[turn % 2].hear(&accounts[turn % 2], vec![item("1", kind)], None).await.expect("done");
        assert_eq!(told[0].state.map(|state| state.word()), Some(state));
    }
    let versions: Vec<i64> = t.journal().await.iter().filter_map(|entry| entry["cv"].as_i64()).collect();
    assert!(versions.iter().copied().eq(1..=i64::try_from(versions.len()).unwrap()), "{versions:?}");
    assert_eq!(t.only_call().await["callStatus"], "busy");
    drop((apps, accounts));
    second.stop().await;
}
