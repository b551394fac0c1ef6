//! Why and how the server closes a socket.

use std::{sync::OnceLock, time::Duration};

use cti_gateway::{
    app::passwords,
    client::{Connection, Error, Frame},
    store::credentials,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    app::{ACCOUNT, SECRET, TestApp, agent, answer, both, next, token},
    wire::{PATIENCE, Wire, flood, until},
};

const BEARER: (&str, &str) = ("authorization", "Bearer cti_token_for_everything");

/// The metrics of this process.
fn metrics() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().expect("the one recorder of this process"))
}

/// How many sockets were closed with this code.
fn closed_with(code: u16) -> u64 {
    let wanted = format!("cti_sockets_closed_total{{code=\"{code}\"}} ");
    metrics().render().lines().find_map(|line| line.strip_prefix(&wanted)?.parse().ok()).unwrap_or(0)
}

/// Welcome and snapshot were read.
async fn settled(mut wire: Wire) -> Wire {
    wire.next_of("snapshot").await;
    wire
}

both! {
    async fn a_stopping_server_sends_everyone_elsewhere(t: TestApp) {
        let mut phone = settled(Wire::softphone(&t, "agent1", json!({})).await).await;
        let mut program = settled(Wire::program(&t, json!({"agents": "*"})).await).await;
        let mut silent = Wire::open(&t, &[]).await.expect("the upgrade"); // has not said hello yet
        t.stop().await;
        for wire in [&mut phone, &mut program, &mut silent] {
            let (code, reason) = wire.closed().await;
            assert_eq!((code, reason.is_empty()), (4000, false), "{reason}");
        }
    }

    async fn a_store_that_does_not_answer_closes_with_4000(t: TestApp) {
        settled(Wire::program(&t, json!({"agents": "*"})).await).await;
        t.app().db.close().await;
        let mut wire = Wire::program(&t, json!({"agents": "*"})).await;
        let (code, reason) = wire.closed().await;
        assert_eq!(code, 4000);
        assert!(reason.contains("store"), "{reason}");
    }

    async fn a_silent_client_is_let_go(t: TestApp with |config| config.socket.ping_ms = 60) {
        let mut wire = settled(Wire::softphone(&t, "agent1", json!({})).await).await;
        let (code, reason) = wire.closed().await;
        assert_eq!(code, 4008, "{reason}");
        until("the agent is signed out", || async { !t.app().hub.is_signed_in(t.account, "agent1") }).await;
    }

    async fn a_reader_that_takes_nothing_is_let_go_and_delays_nobody(t: TestApp with |config| config.socket.stall_ms = 1500) {
        const EVENTS: usize = 1200;
        let before = { metrics(); closed_with(4008) };
        let mut stalled = Wire::with_headers(t.address, Some(4096), &[("sec-websocket-protocol", "cti.v1.json"), BEARER]).await.expect("the upgrade");
        stalled.hello(json!({"agents": "*"})).await;
        let (mut program, mut phone) = (Connection::open(&t.follow()).await.expect("a program connects"), t.softphone("agent1", None).await);
        until("all three are there", || async { t.app().hub.followers() == 3 }).await;
        let read_all = async |connection: &mut Connection| {
            let mut events = 0;
            while events < EVENTS {
                events += usize::from(matches!(next(connection).await.expect("an unbroken chain"), Frame::Event(_)));
            }
        };
        tokio::join!(flood(&t, "call", "1001", EVENTS, 6000), read_all(&mut program), read_all(&mut phone));
        until("the stalled one is gone", || async { t.app().hub.followers() == 2 }).await;
        until("it is counted", || async { closed_with(4008) > before }).await;
    }

    async fn a_stalled_reader_does_not_hold_up_the_stop(t: TestApp with |config| config.socket.stall_ms = 60_000) {
        let mut stalled = Wire::with_headers(t.address, Some(4096), &[("sec-websocket-protocol", "cti.v1.json"), BEARER]).await.expect("the upgrade");
        stalled.hello(json!({"agents": "*"})).await;
        until("it is there", || async { t.app().hub.followers() == 1 }).await;
        flood(&t, "call", "1001", 1200, 6000).await;
        tokio::time::timeout(Duration::from_secs(6), t.stop()).await.expect("the server stops in time");
    }

    async fn a_revoked_token_ends_its_sockets(t: TestApp with |config| config.socket.ping_ms = 1000) {
        assert!(t.admin().add_token(ACCOUNT, &token(t.account, "cti_revoked", "events:read,agents:act")).await.expect("the store"));
        let id = credentials::list(t.app().db.read(), t.account).await.expect("the store").last().expect("a token").id;
        let mut program = Wire::open(&t, &[("authorization", "Bearer cti_revoked")]).await.expect("the upgrade");
        program.hello(json!({"agents": "*"})).await;
        let request = t.request(Method::POST, "/api/v1/ws-ticket").bearer_auth("cti_revoked").json(&json!({"agent": "agent1"}));
        let (_, body) = answer(request).await;
        let mut phone = Wire::open(&t, &[]).await.expect("the upgrade");
        phone.hello(json!({"ticket": body["ticket"]})).await;
        let mut bystander = settled(Wire::program(&t, json!({"agents": "*"})).await).await;
        let (mut program, mut phone) = (settled(program).await, settled(phone).await);
        assert!(t.admin().revoke((t.account, ACCOUNT), id).await.expect("the store"));
        for wire in [&mut program, &mut phone] {
            let (code, reason) = wire.closed().await;
            assert_eq!(code, 4014, "{reason}");
        }
        let ping = bystander.next_of("ping").await;
        bystander.send(json!({"op": "pong", "seq": ping["seq"]})).await;
        assert_eq!(bystander.next_of("ping").await["op"], "ping", "others stay");
    }

    async fn the_end_of_a_session_ends_its_softphone(t: TestApp with |config| config.socket.ping_ms = 1000) {
        let mut anna = agent("anna", "1007");
        anna.password_hash = Some(passwords::hash("the password").expect("a hash"));
        t.admin().add_agent((t.account, ACCOUNT), &anna).await.expect("the store");
        t.app().directory.invalidate(t.account);
        let sign_in = json!({"account": ACCOUNT, "login": "anna", "password": "the password"});
        for way in ["sign-out", "expiry"] {
            let (status, session) = answer(t.request(Method::POST, "/api/v1/sessions").json(&sign_in)).await;
            assert_eq!(status, StatusCode::CREATED, "{session}");
            let bearer = session["token"].as_str().expect("a token");
            let (_, body) = answer(t.request(Method::POST, "/api/v1/ws-ticket").bearer_auth(bearer).json(&json!({}))).await;
            let mut phone = Wire::open(&t, &[]).await.expect("the upgrade");
            phone.hello(json!({"ticket": body["ticket"]})).await;
            assert_eq!(phone.frame().await["agent"], "anna");
            let mut phone = settled(phone).await;
            match way {
                "sign-out" => assert_eq!(answer(t.request(Method::DELETE, "/api/v1/sessions/current").bearer_auth(bearer)).await.0, StatusCode::NO_CONTENT),
                _ => t.clock.advance(Duration::from_secs(12 * 3600)),
            }
            assert_eq!(phone.closed().await.0, 4014, "{way}");
        }
    }

    async fn frames_that_the_protocol_does_not_know(t: TestApp) {
        let hello = json!({"op": "hello", "client": "test/1", "agents": "*"});
        for bad in [
            Message::text("junk"), Message::text(""), Message::text("{}"), Message::text("[]"), Message::text("null"), Message::text(r#"{"op":"dance"}"#),
            Message::text(r#"{"op":"pong"}"#), Message::text(r#"{"op":"pong","seq":"1"}"#), Message::text(r#"{"op":"cmd","m":"dial"}"#),
            Message::text(r#"{"op":"cmd","id":7,"m":"dial"}"#), Message::text(r#"{"op":"welcome"}"#), Message::text("[".repeat(16_000)),
            Message::binary(hello.to_string().into_bytes()), Message::text(hello.to_string()),
            Message::text(format!(r#"{{"op":"cmd","id":"{}","m":"dial"}}"#, "x".repeat(16 * 1024))), Message::text("x".repeat(1 << 20)),
        ] {
            let shown: String = bad.to_string().chars().take(40).collect();
            let mut wire = settled(Wire::program(&t, json!({"agents": "*"})).await).await;
            wire.message(bad.clone()).await;
            let (code, reason) = wire.closed().await;
            assert_eq!(code, 4501, "{shown}: {reason}");
            assert!(!reason.is_empty());
        }
        // the longest frame that is taken
        let mut wire = settled(Wire::program(&t, json!({"agents": "*"})).await).await;
        let frame = |id: &str| json!({"op": "cmd", "id": id, "m": "fly"}).to_string();
        let id = "x".repeat(16 * 1024 - frame("").len());
        wire.message(Message::text(frame(&id))).await;
        assert_eq!(wire.frame().await["id"].as_str().map(str::len), Some(id.len()));
    }

    async fn the_first_frame_is_hello_and_comes_in_time(t: TestApp with |config| config.socket.hello_ms = 300) {
        for bad in [
            Message::text("junk"), Message::text(r#"{"op":"pong","seq":1}"#), Message::text(r#"{"op":"cmd","id":"a","m":"dial"}"#),
            Message::text(r#"{"op":"hello","agents":"*"}"#), Message::text(r#"{"op":"hello","client":"x","agents":"*","resume":{"seq":1}}"#),
            Message::binary(b"{}".to_vec()), Message::text("x".repeat(20_000)), Message::text("x".repeat(1 << 20)),
        ] {
            let shown: String = bad.to_string().chars().take(60).collect();
            let mut wire = Wire::open(&t, &[BEARER]).await.expect("the upgrade");
            wire.message(bad).await;
            assert_eq!(wire.closed().await.0, 4501, "{shown}");
        }
        let mut wire = Wire::open(&t, &[BEARER]).await.expect("the upgrade");
        let (code, reason) = wire.closed().await;
        assert_eq!((code, reason.contains("hello")), (4008, true), "late is no fault of the protocol: {reason}");
    }

    async fn codes_say_whether_to_come_back(t: TestApp) {
        let mut follow = t.follow();
        follow.agents = Some(json!(["nobody"]));
        let refused = Connection::open(&follow).await.err().expect("a refusal");
        assert!(matches!(refused, Error::Closed(4507, _)) && !refused.is_passing(), "{refused}");
        let mut connection = t.softphone("agent1", None).await;
        next(&mut connection).await.expect("a snapshot");
        t.stop().await;
        let stopped = next(&mut connection).await.expect_err("the end");
        assert!(matches!(stopped, Error::Closed(4000, _)) && stopped.is_passing(), "{stopped}");
        let away = Connection::open(&t.follow()).await.err().expect("nobody listens");
        assert!(away.is_passing(), "{away}");
    }
}

/// A client that says goodbye is answered in kind, and its agent is signed out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_close() {
    let t = TestApp::start(crate::support::app::Kind::Sqlite).await;
    let mut wire = settled(Wire::softphone(&t, "agent1", json!({})).await).await;
    assert!(t.app().hub.is_signed_in(t.account, "agent1"));
    let (_, agents) = t.get("/api/v1/agents").await;
    assert_eq!((&agents["items"][0]["signedIn"], &agents["items"][1]["signedIn"]), (&json!(true), &json!(false)));
    wire.message(Message::Close(None)).await;
    let closed = tokio::time::timeout(PATIENCE, wire.next()).await.expect("an end");
    assert!(closed.is_err(), "{closed:?}");
    until("the agent is signed out", || async { !t.app().hub.is_signed_in(t.account, "agent1") }).await;
    super::ring(&t, SECRET, "1", "1001").await;
    assert_eq!(t.only_call().await["state"], Value::from("incoming"));
}
