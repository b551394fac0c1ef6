//! What the committer says and keeps: how long keys hold, what a copy leaves, what was surely not stored, what a hold is.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use cti_gateway::{
    app::{
        committer::{Failure, NewsItem, Work},
        sweeper,
    },
    domain::call::{News, NewsKind, Told},
    store::journal,
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::app::{Kind, TestApp, answer, both};

both! {
    async fn only_what_was_not_taken_in_is_called_busy(_t: TestApp) {
        let t = TestApp::start_with(_t.kind, |config| (config.committer.queue, config.committer.batch) = (1, 1)).await;
        let app = t.app();
        let account = app.directory.account(&app.hub, t.account).await.expect("the account");
        let mut turn = app.db.begin().await.expect("a transaction");
        journal::hold_turn(&mut turn, t.account).await.expect("the turn");
        // news of a call that the book does not have, so that each piece needs the turn
        let submit = |call: &str| {
            let (committer, account) = (app.committer.clone(), Arc::clone(&account));
            let news = News { kind: NewsKind::Started, occurred_at: t.clock.now(), observed_at: t.clock.now(), told: Told::default() };
            let items = vec![NewsItem { gateway: 0, source: "native", pbx_call_id: call.into(), ordered_as: None, news }];
            let work = Work::News { items, once: None };
            tokio::spawn(async move { committer.submit(&account, work, Duration::from_millis(700)).await })
        };
        // one is being committed, one is the next batch, one waits in the queue
        let first = submit("first");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let next = submit("next");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let second = submit("second");
        while app.committer.queued() == 0 {
            tokio::task::yield_now().await;
        }
        let third = submit("third");
        for (job, late) in [(first, true), (next, true), (second, true), (third, false)] {
            let said = job.await.expect("no panic");
            let fits = if late { matches!(said, Err(Failure::Late)) } else { matches!(said, Err(Failure::Busy)) };
            assert!(fits, "{late}: {said:?}");
        }
        turn.rollback().await.expect("given up");
    }

    async fn a_party_that_a_copy_finds_is_kept(t: TestApp) {
        let start = "event=call_initiated&call_id=1&from=%2B4930123456&to=1001";
        t.vtiger(start).await;
        answer(t.api(Method::PUT, "/api/v1/parties/contact/1").json(&json!({"name": "Ada", "numbers": ["+4930123456"]}))).await;
        assert_eq!(t.vtiger(start).await["changed"], false);
        t.restart().await;
        t.vtiger("event=call_hangup&call_id=1").await;
        assert_eq!(t.only_call().await["to"], "Ada", "as it would be without the restart");
    }

    async fn a_hold_follows_the_timeline(t: TestApp) {
        let at = |seconds: i64| t.clock.now() - TimeDelta::seconds(60 - seconds);
        for (id, events, state, rows) in [
            ("early", &[("initiated", 0), ("held", 1), ("connected", 2)][..], "talk", "ring talk"),
            ("instant", &[("initiated", 0), ("connected", 2), ("held", 3), ("resumed", 3)], "talk", "ring talk"),
            ("instant-turned", &[("initiated", 0), ("connected", 2), ("resumed", 3), ("held", 3)], "talk", "ring talk"),
            ("blink", &[("initiated", 0), ("connected", 2), ("held", 3), ("resumed", 4), ("held", 4)], "hold", "ring talk hold"),
            ("plain", &[("initiated", 0), ("connected", 2), ("held", 3)], "hold", "ring talk hold"),
            ("back", &[("initiated", 0), ("connected", 2), ("held", 3), ("resumed", 4)], "talk", "ring talk hold talk"),
        ] {
            let mut said = json!(null);
            for (event, seconds) in events {
                said = t.native(json!({"callId": id, "event": event, "from": "+4930123456", "to": "1001", "occurredAt": at(*seconds)})).await;
            }
            assert_eq!(said["state"], state, "{id}");
            let (_, list) = t.get(&format!("/api/v1/dialer-calls/{}/events", said["dialerCallId"].as_str().expect("an id"))).await;
            let names: Vec<_> = list["items"].as_array().expect("items").iter().map(|row| row["eventName"].as_str().expect("a name")).collect();
            assert_eq!(names.join(" "), rows, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_hold_for_a_day_however_short_the_journal_is() {
    let t = TestApp::start_with(Kind::Sqlite, |config| config.journal.retention_days = 0).await;
    let post = || {
        let body = json!({"events": [{"callId": "1", "event": "initiated", "from": "+4930123456", "to": "1001"}]});
        answer(t.api(Method::POST, "/api/v1/call-events").header("Idempotency-Key", "k").json(&body))
    };
    for (hours, changed) in [(1, true), (22, true), (2, false)] {
        assert_eq!(post().await.0, StatusCode::OK);
        t.clock.advance(Duration::from_secs(hours * 3600));
        sweeper::trim(&t.app()).await.expect("a trim");
        assert_eq!(post().await.1["items"][0]["changed"], changed, "after {hours} more");
    }
}
