//! Commits of unknown outcome: the connection breaks between a commit and its answer, before it, or around it.

use std::sync::Arc;

use super::{Audit, agents, has_failpoints};
use crate::support::{
    figure,
    load::{Played, Sender, Step, Tally},
    postgres::{Cluster, Durability},
    process::Site,
    proxy::{Loss, Proxy},
};

const WAYS: [Loss; 3] = [Loss::AfterIt, Loss::BeforeIt, Loss::Belated];

/// A site whose server reaches its Postgres through a proxy only.
async fn behind_a_proxy() -> (Cluster, Proxy, Site) {
    // nothing is killed but connections: a quick server will do
    let cluster = Cluster::start(Durability::Fast).expect("a Postgres");
    let store = cluster.create_database("unclear").await.expect("a database");
    let proxy = Proxy::start(&store).await;
    let site = Site::set_up_at(proxy.url(), &agents(1)).await;
    (cluster, proxy, site)
}

/// Every commit of a call is lost in every way; the sender hears of nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_commit_is_settled_by_reading_back() {
    let (_cluster, proxy, site) = behind_a_proxy().await;
    let process = site.serve().await;
    let tally = Arc::<Tally>::default();
    let sender = Sender::new(&site.url(""), &site.secret, &tally);
    let mut played = Vec::new();
    for how in WAYS {
        let mut call = Played::named(format!("{how:?}"));
        for step in Step::ALL {
            proxy.lose(&call.call_id, how);
            let receipt = sender.tell(&call.call_id, "1001", step).await;
            assert!(receipt.changed, "{how:?} {step:?}: settled as a copy");
            call.note(step, receipt);
        }
        played.push(call);
    }
    let met = WAYS.len() * Step::ALL.len();
    let unclear = site.metric("cti_commits_unclear_total", "").await;
    let done = site.metric("cti_commits_settled_total", "outcome=\"done\"").await;
    let undone = site.metric("cti_commits_settled_total", "outcome=\"undone\"").await;
    figure(&format!("lost commits: {met}, unclear {unclear}, settled as done {done}, as undone {undone}"));
    super::print_waits("lost commits", &tally.waits());
    assert_eq!((proxy.lost(), Tally::get(&tally.unanswered), Tally::get(&tally.refused)), (met, 0, 0));
    Audit::of(&site, &played).await.settle("lost commits");
    // one that arrives when the client has done its work anew follows on a turn that is past: it writes nothing
    assert_eq!((unclear, done, undone), (12.0, 4.0, 8.0));
    process.kill().await;
}

/// The server dies in the act of settling: the sender sends again, and it was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn death_while_settling() {
    if !has_failpoints() {
        return;
    }
    let (_cluster, proxy, site) = behind_a_proxy().await;
    let process = site.serve_with(&[("CTI_FAILPOINT", "settled:1")]).await;
    let tally = Arc::<Tally>::default();
    let sender = Sender::new(&site.url(""), &site.secret, &tally);
    proxy.lose("only", Loss::AfterIt);
    let playing = tokio::spawn(async move { Played::play(&sender, "only".to_owned(), "1001", std::time::Duration::ZERO).await });
    process.ended().await;
    let process = site.serve().await;
    let played = playing.await.expect("the sender ends well");
    assert_eq!((proxy.lost(), Tally::get(&tally.unanswered), Tally::get(&tally.found_done)), (1, 1, 1));
    Audit::of(&site, &[played]).await.settle("death while settling");
    process.kill().await;
}
