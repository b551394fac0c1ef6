//! A panic in the law concerns the piece of work that made it and nothing else: the committing task goes on.

use reqwest::StatusCode;
use serde_json::json;

use super::{agents, has_failpoints};
use crate::support::{
    app::{Kind, answer},
    process::Site,
};

async fn one_fails(kind: Kind) {
    if !has_failpoints() {
        return;
    }
    let site = Site::set_up(kind, &agents(1)).await;
    let process = site.serve_with(&[("CTI_FAILPOINT", "law:2")]).await;
    let post = async |call: &str| {
        let events =
            json!({"events": [{"callId": call, "event": "initiated", "direction": "inbound", "from": "+4930123456", "to": "1001"}]});
        answer(site.http.post(site.url("/api/v1/call-events")).bearer_auth(&site.token).json(&events)).await.0
    };
    for (call, expected) in [("1", StatusCode::OK), ("2", StatusCode::INTERNAL_SERVER_ERROR), ("3", StatusCode::OK), ("2", StatusCode::OK)]
    {
        assert_eq!(post(call).await, expected, "{call}");
    }
    let journal = site.journal().await;
    let calls: Vec<_> = journal.iter().filter(|entry| entry["call"].is_string()).map(|entry| entry["data"]["callId"].as_str()).collect();
    assert_eq!(calls, [Some("1"), Some("3"), Some("2")]);
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    one_fails(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    one_fails(Kind::Postgres).await;
}
