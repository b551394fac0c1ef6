//! Two servers on one Postgres: neither overwrites what the other has learnt.

use std::time::Duration;

use cti_gateway::http::server::Server;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::app::{GENERIC, Kind, SECRET, TestApp, answer};

/// Says something of the one call to the server at this base address.
async fn tell(t: &TestApp, base: &str, event: &str) {
    let query = format!("{base}{GENERIC}?call_id=1&from=%2B4930123456&to=1001&event={event}");
    let (status, body) = answer(t.http.post(query).header("X-VTIGER-SECRET", SECRET)).await;
    assert!(status.is_success(), "{event}: {body}");
    t.clock.advance(Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_shows_nowhere_is_known_to_both() {
    let t = TestApp::start(Kind::Postgres).await;
    let server = Server::open(t.config.clone(), t.clock.clone(), None).await.expect("a second server");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (one, other) = (t.url(""), format!("http://{}", listener.local_addr().expect("an address")));
    tokio::spawn(server.serve(listener, std::future::pending()));
    tell(&t, &one, "call_initiated").await;
    // that it is inbound was inferred; now it was said: the same on every screen, but it weighs more
    tell(&t, &other, "call_initiated&direction=inbound").await;
    tell(&t, &one, "call_connected").await;
    tell(&t, &one, "call_initiated&direction=outbound").await;
    assert_eq!(t.only_call().await["direction"], json!("inbound"), "the other server's word was forgotten");
}
