//! Death at the instants that matter: the server ends itself at named places of its committer, in debug builds only.

use std::{os::unix::process::ExitStatusExt, sync::Arc};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Audit, agents, has_failpoints, named};
use crate::support::{
    app::{Kind, answer},
    figure,
    load::{Played, Sender, Step, Tally},
    process::Site,
};

/// The committer's named instants, and whether the batch is durable there.
const POINTS: [(&str, bool); 5] =
    [("written", false), ("before-commit", false), ("after-commit", true), ("replied", true), ("published", true)];

/// The server dies at each named instant of a call's first, second and third news; its sender sends again.
async fn at_every_instant(kind: Kind) {
    if !has_failpoints() {
        return;
    }
    let site = Site::set_up(kind, &agents(1)).await;
    let tally = Arc::<Tally>::default();
    let sender = Arc::new(Sender::new(&site.url(""), &site.secret, &tally));
    let mut played = Vec::new();
    for (point, durable) in POINTS {
        for pass in 1..=3 {
            let process = site.serve_with(&[("CTI_FAILPOINT", &format!("{point}:{pass}"))]).await;
            let call = format!("{point}-{pass}");
            let playing = tokio::spawn(play(sender.clone(), call.clone()));
            let status = process.ended().await;
            assert_eq!(status.signal(), Some(6), "{call}: the server did not meet its instant: {status}");
            let process = site.serve().await;
            let (call, found_done) = playing.await.expect("the sender ends well");
            // an answer may get out just before the end; what got none tells where the commit was
            for done in found_done {
                assert_eq!(done, durable, "{}: what was sent again was found done, or not", call.call_id);
            }
            played.push(call);
            process.kill().await;
        }
    }
    let process = site.serve().await;
    let test = named("kill at each instant", kind);
    let (unanswered, found_done) = (Tally::get(&tally.unanswered), Tally::get(&tally.found_done));
    figure(&format!("{test}: {} kills, {unanswered} posts without an answer, {found_done} of them stored", POINTS.len() * 3));
    assert!(unanswered >= 9 && found_done >= 3, "the senders did not meet the kills");
    Audit::of(&site, &played).await.settle(&test);
    process.kill().await;
}

/// Plays a call; for each step that had to be sent again, whether it was found done.
async fn play(sender: Arc<Sender>, call_id: String) -> (Played, Vec<bool>) {
    let mut played = Played::named(call_id);
    let mut found_done = Vec::new();
    for step in Step::ALL {
        let receipt = sender.tell(&played.call_id, "1001", step).await;
        if receipt.unanswered > 0 {
            found_done.push(!receipt.changed);
        }
        played.note(step, receipt);
    }
    (played, found_done)
}

/// The server dies on a request with an Idempotency-Key: the same request then gets the answer that was lost.
async fn keyed(kind: Kind) {
    if !has_failpoints() {
        return;
    }
    let site = Site::set_up(kind, &agents(1)).await;
    for (point, _) in POINTS {
        let process = site.serve_with(&[("CTI_FAILPOINT", &format!("{point}:1"))]).await;
        let events =
            json!({"events": [{"callId": point, "event": "initiated", "direction": "inbound", "from": "+4930123456", "to": "1001"}]});
        let request = || {
            let request = site.http.post(site.url("/api/v1/call-events")).bearer_auth(&site.token);
            request.header("Idempotency-Key", point).json(&events)
        };
        let lost = request().send().await;
        process.ended().await;
        let process = site.serve().await;
        let (status, told) = answer(request()).await;
        assert_eq!((status, &told["items"][0]["changed"]), (StatusCode::OK, &json!(true)), "{point}: {told}");
        if let Ok(lost) = lost {
            assert_eq!(lost.json::<Value>().await.expect("a body"), told, "{point}: another answer than before");
        }
        process.kill().await;
    }
    let process = site.serve().await;
    let journal = site.journal().await;
    let stories: Vec<_> = journal.iter().filter(|entry| entry["call"].is_string()).map(|entry| entry["data"]["callId"].as_str()).collect();
    assert_eq!(stories, POINTS.map(|(point, _)| Some(point)), "each call began once");
    process.kill().await;
}

mod with_a_key {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        keyed(Kind::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        keyed(Kind::Postgres).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    at_every_instant(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    at_every_instant(Kind::Postgres).await;
}
