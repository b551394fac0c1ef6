//! Health, metrics, and an orderly end.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::is_error;
use crate::support::{
    app::{GENERIC, PBXMANAGER, SECRET, TOKEN, answer, both},
    binary::Binary,
    wire::{Bytes, Wire, until},
};

/// What operators may build dashboards on.
const METRICS: [&str; 13] = [
    "cti_ack_seconds_bucket",
    "cti_calls_swept_total",
    "cti_commit_batch_jobs_bucket",
    "cti_commit_seconds_bucket",
    "cti_committer_queue",
    "cti_delivery_seconds_bucket",
    "cti_errors_total{code=\"unauthorized\"}",
    "cti_events_total",
    "cti_followers",
    "cti_news_ignored_total{source=\"vtiger\"}",
    "cti_sockets",
    "cti_sockets_closed_total{code=\"4501\"}",
    "cti_softphone_lag_events{account=\"acme\",agent=\"agent1\"}",
];

fn client() -> Client {
    cti_gateway::courier::install_tls();
    Client::builder().no_proxy().build().expect("a client")
}

/// A request whose head is whole but for its last line end.
fn begun(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n{headers}")
}

both! {
    async fn a_server_says_whether_it_is_ready(t: TestApp) {
        for (path, expected) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
            let response = t.request(Method::GET, path).send().await.expect("an answer");
            assert_eq!((response.status(), response.text().await.expect("a body").as_str()), (StatusCode::OK, expected), "{path}");
        }
        t.app().db.close().await;
        let statuses = [("/healthz", StatusCode::OK), ("/readyz", StatusCode::SERVICE_UNAVAILABLE)];
        for (path, expected) in statuses {
            assert_eq!(answer(t.request(Method::GET, path)).await.0, expected, "{path}, without a store");
        }
    }

    async fn what_is_under_way_finishes_when_the_server_stops(t: TestApp) {
        let (_, start) = t.get("/api/v1/events").await;
        let body = json!({"events": [{"event": "initiated", "callId": "late", "from": "+4930123456", "to": "1001"}]}).to_string();
        let mut posting = Bytes::open(t.address).await;
        let head = begun("POST", "/api/v1/call-events", &format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len()));
        posting.write(format!("{head}{}", &body[..20]).as_bytes()).await;
        let mut probing = Bytes::open(t.address).await;
        probing.write(begun("GET", "/readyz", "").as_bytes()).await;
        let mut idle = Bytes::open(t.address).await;
        let query = format!("/api/v1/events?after={}&epoch={}&wait=30&agents=agent1", start["after"], start["epoch"].as_str().expect("an epoch"));
        let polling = tokio::spawn(answer(t.api(Method::GET, &query)));
        until("it waits", || async { t.app().hub.followers() == 1 }).await;
        let app = t.app();
        let stopping = t.stop();
        tokio::pin!(stopping);
        let finish = async {
            let (status, page) = polling.await.expect("an answer");
            assert_eq!((status, &page["items"], &page["reset"]), (StatusCode::OK, &json!([]), &json!(false)), "a long poll ends at once");
            assert_eq!(idle.read_to_end().await, "", "an idle connection is closed");
            probing.write(b"\r\n").await;
            let probe = probing.read_to_end().await;
            assert!(probe.starts_with("HTTP/1.1 503 ") && probe.ends_with("stopping\n"), "{probe}");
            drop(app);
            posting.write(&body.as_bytes()[20..]).await;
            let posted = posting.read_to_end().await;
            assert!(posted.starts_with("HTTP/1.1 200 ") && posted.contains(r#""changed":true"#), "{posted}");
        };
        let began = tokio::time::timeout(Duration::from_secs(8), async { tokio::join!(stopping, finish) });
        began.await.expect("nobody waits for anybody");
        assert!(t.request(Method::GET, "/healthz").send().await.is_err(), "no new connections");
        t.restart().await;
        assert_eq!(t.only_call().await["attempts"][0]["callId"], "late", "what was acknowledged is there");
    }
}

/// The names of the metrics are a promise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_promised_metrics_appear_after_traffic() {
    let program = Binary::start(&[("CTI_SOCKET__PING_MS", "500")]).await;
    let client = client();
    for query in ["event=call_initiated&call_id=1&from=%2B4930123456&to=1001", "event=call_teleported&call_id=1"] {
        let request = client.post(program.url(&format!("{GENERIC}?{query}"))).header("X-VTIGER-SECRET", SECRET);
        assert_eq!(answer(request).await.0, StatusCode::OK);
    }
    answer(client.post(program.url(GENERIC)).header("X-VTIGER-SECRET", "wrong")).await;
    let signed = client.post(program.url(PBXMANAGER)).header("vtigersignature", "none").body("callstatus=Dance");
    assert!(signed.send().await.expect("an answer").text().await.expect("a body").contains("Failure"));
    let (_, ticket) = answer(client.post(program.url("/api/v1/ws-ticket")).bearer_auth(TOKEN).json(&json!({"agent": "agent1"}))).await;
    let mut phone = Wire::with_headers(program.address, None, &[("sec-websocket-protocol", "cti.v1.json")]).await.expect("the upgrade");
    phone.hello(json!({"ticket": ticket["ticket"]})).await;
    phone.next_of("snapshot").await;
    let ping = phone.next_of("ping").await;
    phone.send(json!({"op": "pong", "seq": ping["seq"]})).await;
    answer(client.post(program.url(&format!("{GENERIC}?event=call_connected&call_id=1&to=1001"))).header("X-VTIGER-SECRET", SECRET)).await;
    phone.next_of("ev").await;
    let mut junk = Wire::with_headers(program.address, None, &[("sec-websocket-protocol", "cti.v1.json")]).await.expect("the upgrade");
    junk.message(Message::text("junk")).await;
    assert_eq!(junk.closed().await.0, 4501);
    drop(junk);
    let text = || async { client.get(program.url("/metrics")).send().await.expect("an answer").text().await.expect("a body") };
    until("every metric is there", || async {
        let text = text().await;
        METRICS.iter().all(|name| text.contains(name))
            && ["cti_sockets 1", "cti_followers 1", "cti_events_total 4"].iter().all(|figure| text.lines().any(|line| line == *figure))
    })
    .await;
    let text = text().await;
    assert!(!text.contains("4930123456") && !text.contains(SECRET) && !text.contains(TOKEN));
    program.terminate();
    program.ended().await;
}

/// Metrics are for the addresses that the settings name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_not_for_everybody() {
    let program = Binary::start(&[("CTI_METRICS__ALLOW", "10.0.0.0/8"), ("CTI_HTTP__TRUSTED_PROXIES", "127.0.0.1/32")]).await;
    for (from, expected) in [
        (None, StatusCode::FORBIDDEN),
        (Some("192.0.2.1"), StatusCode::FORBIDDEN),
        (Some("10.1.2.3"), StatusCode::OK),
        (Some("10.1.2.3, 192.0.2.1"), StatusCode::FORBIDDEN),
    ] {
        let mut request = client().get(program.url("/metrics"));
        if let Some(from) = from {
            request = request.header("x-forwarded-for", from);
        }
        let (status, body) = answer(request).await;
        assert_eq!(status, expected, "{from:?}");
        assert!(status.is_success() || is_error(&body, "forbidden"), "{body}");
    }
}
