//! Sockets that are open and never read: nobody else waits for them, and they cost a bounded amount of memory.
//!
//! Delivery is measured from the moment the server heard of an event to the moment a reader holds it, on one machine and
//! one clock. Runs alone and runs beside stalled sockets alternate, so that what else the machine does hits both, and the
//! medians of their 99th percentiles are compared.

use std::time::Duration;

use chrono::{DateTime, Utc};
use cti_gateway::{
    app::clock::Clock,
    client::{Connection, Error, Frame},
};
use futures_util::future::join_all;
use tokio::{sync::watch, task::JoinHandle};

use super::{agents, named, quantile};
use crate::support::{
    app::Kind,
    figure,
    load::{Load, Plan, Sender, Step, Tally},
    process::{Process, Site},
};

const READERS: usize = 64;
const STALLED: usize = 50;
/// Of the stalled sockets, so many read on in the end.
const WAKING: usize = 25;
/// Posts that fill every buffer between the server and a socket that does not read, and its mailbox: 5 KB each, and the
/// kernel holds 4 MB of them.
const FILLING: usize = 1200;
/// Most memory that a stalled socket may cost the server, in KiB: a mailbox of 256, and what is being written.
const COST_KIB: u64 = 512;
const PATIENCE: Duration = Duration::from_secs(60);

struct Size {
    rounds: usize,
    /// Between two posts of each of four connections.
    pause: Duration,
    /// Posts in a run.
    posts: usize,
    /// The server closes what takes nothing for so long; longer than filling and a run take together.
    stall: Duration,
    /// The 99th percentile beside stalled sockets may be at most this much of that alone …
    share: f64,
    /// … or longer by this.
    slack: Duration,
}

/// Measures deliveries alone and beside stalled sockets.
async fn stall(kind: Kind, size: Size) {
    let test = named("stalled sockets", kind);
    let agents = agents(4);
    let site = Site::set_up(kind, &agents).await;
    let process = site.serve_with(&[("CTI_SOCKET__STALL_MS", &size.stall.as_millis().to_string())]).await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..size.rounds {
        alone.push(run(&site, &format!("alone-{round}"), &size).await);
        let sockets = join_all((0..STALLED).map(|_| async { Connection::open(&site.follow(None)).await.expect("a socket") })).await;
        fill(&test, &site, &process, round).await;
        beside.push(run(&site, &format!("beside-{round}"), &size).await);
        let closed = site.metric("cti_sockets_closed_total", "code=\"4008\"").await;
        assert!(closed <= count(round * (STALLED - WAKING)), "{test}: sockets were closed before the run was over");
        let (last_alone, last_beside) = (alone.last().copied(), beside.last().copied());
        figure(&format!("{test}: p99 of delivery alone {last_alone:.1?}, beside {STALLED} stalled sockets {last_beside:.1?}"));
        settle(&test, &site, sockets, round).await;
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        quantile(times, 0.5)
    };
    let (alone, beside) = (median(&mut alone), median(&mut beside));
    let bound = alone.mul_f64(size.share).max(alone + size.slack);
    figure(&format!("{test}: medians {alone:.2?} alone, {beside:.2?} beside; at most {bound:.2?}"));
    assert!(beside <= bound, "{test}: stalled sockets delay the others");
    process.kill().await;
}

/// Readers and a steady load; the 99th percentile of all deliveries.
async fn run(site: &Site, name: &str, size: &Size) -> Duration {
    let (head, upto) = watch::channel(i64::MAX);
    let from = site.position().await.seq;
    let mut readers: Vec<JoinHandle<Vec<Duration>>> = Vec::new();
    for _ in 0..READERS {
        let connection = Connection::open(&site.follow(None)).await.expect("a reader");
        readers.push(tokio::spawn(read(connection, upto.clone())));
    }
    let extensions = ["1001", "1002", "1003", "1004"].map(str::to_owned);
    let (base, secrets) = (site.url(""), std::slice::from_ref(&site.secret));
    let load = Load::start(&Plan { base: &base, name, secrets, connections: 4, extensions: &extensions, pause: size.pause });
    load.tally.progress(size.posts).await;
    load.finish().await;
    let last = site.position().await.seq;
    let _ = head.send(last);
    let mut times = Vec::new();
    for reader in readers {
        let given = tokio::time::timeout(PATIENCE, reader).await.expect("a reader is given everything").expect("a reader ends well");
        assert_eq!(i64::try_from(given.len()), Ok(last - from), "a reader was given something else than the journal holds");
        times.extend(given);
    }
    times.sort();
    quantile(&times, 0.99)
}

/// Reads up to the head that is told in the end; how long each event took.
async fn read(mut connection: Connection, mut upto: watch::Receiver<i64>) -> Vec<Duration> {
    let mut times = Vec::new();
    loop {
        if connection.position.seq >= *upto.borrow_and_update() {
            return times;
        }
        let frame = tokio::select! {
            frame = connection.next() => frame.expect("a frame"),
            _ = upto.changed() => continue,
        };
        if let Frame::Event(event) = frame {
            let heard: DateTime<Utc> = event["observedAt"].as_str().and_then(|text| text.parse().ok()).expect("a time");
            times.push((Clock::System.now() - heard).to_std().unwrap_or_default());
        }
    }
}

/// Posts until every buffer on the way to the stalled sockets is full; the server's memory must not follow.
async fn fill(test: &str, site: &Site, process: &Process, round: usize) {
    let before = process.memory_kib();
    let overflows = site.metric("cti_mailbox_overflows_total", "").await;
    let tally = std::sync::Arc::<Tally>::default();
    let senders: Vec<Sender> = (0..8).map(|_| Sender::new(&site.url(""), &site.secret, &tally)).collect();
    join_all(senders.iter().enumerate().map(|(line, sender)| async move {
        let call = format!("fill-{round}-{line}");
        sender.tell(&call, "1001", Step::Initiated).await;
        for number in 0..FILLING / 8 {
            sender.post(&format!("event=call_recording&call_id={call}&notes={number:04}{}", "x".repeat(4000))).await;
        }
        sender.tell(&call, "1001", Step::HungUp).await;
    }))
    .await;
    let overflows = site.metric("cti_mailbox_overflows_total", "").await - overflows;
    let cost = process.memory_kib().saturating_sub(before);
    figure(&format!("{test}: {FILLING} posts nobody reads: {overflows} mailboxes overflown, the server grew by {cost} KiB from {before}"));
    assert!(overflows >= count(STALLED), "{test}: the sockets are not stalled");
    assert!(cost < COST_KIB * u64::try_from(STALLED).unwrap_or_default(), "{test}: stalled sockets cost too much memory");
}

/// Some of the stalled sockets read on and must be given everything; the rest must be closed.
async fn settle(test: &str, site: &Site, mut sockets: Vec<Connection>, round: usize) {
    let asleep = sockets.split_off(WAKING);
    let head = site.position().await.seq;
    let woken = sockets.into_iter().map(|mut connection| async move {
        while connection.position.seq < head {
            connection.next().await?;
        }
        Ok::<_, Error>(())
    });
    let woken = tokio::time::timeout(PATIENCE, join_all(woken)).await.expect("whoever reads on is given everything");
    for result in &woken {
        // the chain of `prev` has proved that nothing was left out
        assert!(result.is_ok(), "{test}: {result:?}");
    }
    let expected = count((round + 1) * asleep.len());
    let closed = async {
        while site.metric("cti_sockets_closed_total", "code=\"4008\"").await < expected {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("the stalled sockets are closed with 4008");
    figure(&format!("{test}: {} read on and were given everything, {} were closed with 4008", woken.len(), asleep.len()));
}

#[expect(clippy::cast_precision_loss, reason = "counts of sockets are small")]
fn count(sockets: usize) -> f64 {
    sockets as f64
}

const QUICK: Size = Size {
    rounds: 1,
    pause: Duration::from_millis(150),
    posts: 80,
    stall: Duration::from_secs(12),
    share: 3.0,
    slack: Duration::from_millis(250),
};

const FULL: Size = Size {
    rounds: 3,
    pause: Duration::from_millis(40),
    posts: 1000,
    stall: Duration::from_secs(25),
    // a debug build spends its time elsewhere
    share: if cfg!(debug_assertions) { 3.0 } else { 1.1 },
    slack: Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 0 }),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    stall(Kind::Sqlite, QUICK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    stall(Kind::Postgres, QUICK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn sqlite_three_rounds() {
    stall(Kind::Sqlite, FULL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn postgres_three_rounds() {
    stall(Kind::Postgres, FULL).await;
}
