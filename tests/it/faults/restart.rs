//! Postgres dies in the middle of whatever it does and comes back, under load: senders wait, or are told to come again.
//!
//! The server's own process lives on. Postgres must be durable here: the quick setting acknowledges commits before their
//! log has left Postgres' memory (`synchronous_commit = off`), and an immediate stop loses that memory.

use std::time::Duration;

use cti_gateway::app::clock::instant;
use rand::RngExt;

use super::{Audit, Watcher, agents, full_load, print_waits, seeded, since};
use crate::support::{
    figure,
    load::{Load, Tally},
    postgres::{Cluster, Durability},
    process::Site,
};

/// Crashes Postgres so often under full load. `long` adds an outage that no sender can wait out.
async fn crashes(test: &str, crashes: usize, long: Option<Duration>) {
    let mut random = seeded(test);
    let cluster = Cluster::start(Durability::Durable).expect("a Postgres");
    let agents = agents(4);
    let site = Site::set_up_at(cluster.create_database("crashed").await.expect("a database"), &agents).await;
    let extensions: Vec<String> = agents.into_iter().map(|(_, number)| number).collect();
    let base = site.url("");
    let process = site.serve().await;
    let watcher = Watcher::start(site.follow(None));
    let load = Load::start(&full_load(&base, &site, &extensions));
    let mut met = 0;
    for _ in 0..crashes {
        load.tally.progress(64).await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..500_000))).await;
        let began = instant();
        met += usize::from(Tally::get(&load.tally.in_flight) > 0);
        cluster.restart_immediate().await.expect("Postgres comes back");
        let back = since(began);
        load.tally.progress(1).await;
        figure(&format!("{test}: Postgres was back after {back}, the next acknowledgement came after {}", since(began)));
    }
    if let Some(outage) = long {
        cluster.crash().await.expect("Postgres stops");
        tokio::time::sleep(outage).await;
        assert!(Tally::get(&load.tally.refused) > 0, "{test}: nobody was told to come again in {outage:?}");
        assert!(!site.is_ready().await, "a server without its store is not ready");
        cluster.resume().await.expect("Postgres comes back");
    }
    load.tally.progress(64).await;
    let (tally, played) = load.finish().await;
    let unclear = site.metric("cti_commits_unclear_total", "").await;
    let done = site.metric("cti_commits_settled_total", "outcome=\"done\"").await;
    let undone = site.metric("cti_commits_settled_total", "outcome=\"undone\"").await;
    figure(&format!(
        "{test}: {crashes} crashes, {met} while posts were in flight; {} posts acknowledged, {} told to come again; \
         {unclear} commits were unclear, {done} settled as done, {undone} as undone",
        Tally::get(&tally.acknowledged),
        Tally::get(&tally.refused),
    ));
    print_waits(test, &tally.waits());
    // the sender fails the test on any other answer, and a server that lives leaves no post without one
    assert_eq!(Tally::get(&tally.unanswered), 0);
    watcher.settle(test, &site).await;
    Audit::of(&site, &played).await.settle(test);
    assert!(met > 0, "{test}: no crash fell while posts were in flight");
    if unclear == 0.0 {
        figure(&format!("{test}: no crash fell between a commit and its answer this time; `unclear` makes it happen"));
    }
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once() {
    crashes("Postgres crash", 1, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn five_times_and_an_outage() {
    crashes("Postgres crashes", 5, Some(Duration::from_secs(15))).await;
}
