//! kill -9 at random moments under load.
//!
//! A killed process takes nothing along that it has handed to the kernel or to Postgres, so the quick settings of the test
//! databases are as good here as durable ones; a power cut would be another test.

use std::time::Duration;

use rand::RngExt;

use super::{Audit, Watcher, agents, full_load, named, print_waits, seeded, since};
use crate::support::{
    app::Kind,
    figure,
    load::{Load, Tally},
    process::Site,
};

/// The server dies again and again at random moments under full load, and nobody loses anything.
async fn at_random(kind: Kind, kills: usize) {
    let test = named("random kills", kind);
    let mut random = seeded(&test);
    let agents = agents(4);
    let site = Site::set_up(kind, &agents).await;
    let extensions: Vec<String> = agents.into_iter().map(|(_, number)| number).collect();
    let base = site.url("");
    let began = cti_gateway::app::clock::instant();
    let mut process = site.serve().await;
    let watcher = Watcher::start(site.follow(None));
    let load = Load::start(&full_load(&base, &site, &extensions));
    let (mut met, mut between) = (0, 0);
    for _ in 0..kills {
        load.tally.progress(16).await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..200_000))).await;
        let unanswered = Tally::get(&load.tally.unanswered);
        let in_flight = Tally::get(&load.tally.in_flight);
        process.kill().await;
        met += usize::from(in_flight > 0);
        process = site.serve().await;
        between += usize::from(Tally::get(&load.tally.unanswered) > unanswered);
    }
    load.tally.progress(64).await;
    let (tally, played) = load.finish().await;
    figure(&format!(
        "{test}: {kills} kills in {}, {met} while posts were in flight, {between} left posts without an answer; \
         {} posts acknowledged, {} without an answer, {} of them stored",
        since(began),
        Tally::get(&tally.acknowledged),
        Tally::get(&tally.unanswered),
        Tally::get(&tally.found_done),
    ));
    print_waits(&test, &tally.waits());
    watcher.settle(&test, &site).await;
    Audit::of(&site, &played).await.settle(&test);
    assert!(met > 0 && between > 0, "{test}: no kill fell while posts were in flight");
    assert!(!site.log().contains("panicked"), "{}", site.log());
    process.kill().await;
}

mod random {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        at_random(Kind::Sqlite, 5).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        at_random(Kind::Postgres, 5).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "slow"]
    async fn sqlite_fifty() {
        at_random(Kind::Sqlite, 50).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "slow"]
    async fn postgres_fifty() {
        at_random(Kind::Postgres, 50).await;
    }
}
