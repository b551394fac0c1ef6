//! Limits of requests, and requests that lead nowhere.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::is_error;
use crate::support::{
    app::{GENERIC, PBXMANAGER, SECRET, TestApp, answer, both},
    wire::{Bytes, Wire},
};

/// The status line of a raw answer.
fn status(text: &str) -> &str {
    text.split("\r\n").next().unwrap_or_default().strip_prefix("HTTP/1.1 ").unwrap_or_default()
}

/// The JSON body of a raw answer.
fn body(text: &str) -> Value {
    text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok()).unwrap_or(Value::Null)
}

async fn send(t: &TestApp, request: &str) -> String {
    let mut bytes = Bytes::open(t.address).await;
    bytes.write(request.as_bytes()).await;
    bytes.read_to_end().await
}

both! {
    async fn a_long_body_is_refused_at_every_door(t: TestApp with |config| config.http.max_body_bytes = 2000) {
        let long = "x".repeat(2001);
        let events = |text: &str| json!({"events": [{"event": "details", "callId": "1", "notes": text}]}).to_string();
        for (method, path, kind, text) in [
            (Method::POST, "/api/v1/call-events", "application/json", events(&long)), (Method::POST, "/api/v1/sessions", "application/json", json!({ "code": long }).to_string()),
            (Method::POST, "/api/v1/ws-ticket", "application/json", json!({ "agent": long }).to_string()), (Method::POST, "/api/v1/parties", "text/csv", long.clone()),
            (Method::PUT, "/api/v1/parties/contact/1", "application/json", json!({ "name": long }).to_string()),
            (Method::PATCH, "/api/v1/dialer-calls/0193a1b2-0000-7000-8000-000000000000", "application/json", json!({ "subject": long }).to_string()),
        ] {
            let (status, body) = answer(t.api(method, path).header(header::CONTENT_TYPE, kind).body(text)).await;
            assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}: {body}");
            assert!(is_error(&body, "too_large"), "{path}: {body}");
        }
        let form = format!("event=call_initiated&call_id=1&notes={long}");
        let (status, body) = answer(t.request(Method::POST, GENERIC).header("X-VTIGER-SECRET", SECRET).body(form.clone())).await;
        assert_eq!((status, &body["success"], &body["error"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(false), &json!("too_large")));
        for path in [PBXMANAGER, "/login"] {
            assert_eq!(answer(t.request(Method::POST, path).body(form.clone())).await.0, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        }
        assert!(t.calls().await.is_empty());
        let (status, body) = answer(t.api(Method::POST, "/api/v1/call-events").header(header::CONTENT_TYPE, "application/json").body(events("short"))).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
}

/// Limits that no database has a part in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_head_and_a_long_address_are_refused() {
    let t = TestApp::start(crate::support::app::Kind::Sqlite).await;
    let address = |length: usize| format!("/healthz?{}", "x".repeat(length - "/healthz?".len()));
    let get = |path: &str, header: &str| format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{header}\r\n");
    for (name, request, expected) in [
        ("an address at the limit", get(&address(8192), ""), "200 OK"),
        ("a longer address", get(&address(8193), ""), "414 URI Too Long"),
        ("a head within the limit", get("/healthz", &format!("X-Pad: {}\r\n", "x".repeat(16_000))), "200 OK"),
        ("a longer head", get("/healthz", &format!("X-Pad: {}\r\n", "x".repeat(17_000))), "431 Request Header Fields Too Large"),
        ("many headers", get("/healthz", &"X-Pad: x\r\n".repeat(101)), "431 Request Header Fields Too Large"),
        ("no request at all", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), "400 Bad Request"),
    ] {
        assert_eq!(status(&send(&t, &request).await), expected, "{name}");
    }
    let long = send(&t, &get(&address(9000), "")).await;
    assert!(is_error(&body(&long), "address_too_long"), "{long}");
}

/// Somebody who sends a head byte by byte, or nothing at all, does not keep a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_head_is_cut_off() {
    let t = TestApp::start_with(crate::support::app::Kind::Sqlite, |config| config.http.header_timeout_ms = 200).await;
    for begun in ["", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nHost: test\r\nX-Slow: "] {
        let text = send(&t, begun).await;
        assert!(matches!(status(&text), "" | "408 Request Timeout"), "{begun:?}: {text}");
    }
    // nor after a request that was answered
    let text = send(&t, "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").await;
    assert_eq!(status(&text), "200 OK");
}

/// Nor does somebody whose body never ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_body_is_cut_off() {
    let t = TestApp::start_with(crate::support::app::Kind::Sqlite, |config| config.http.body_timeout_ms = 200).await;
    let auth = format!("Authorization: Bearer {}\r\nX-Vtiger-Secret: {SECRET}\r\nSec-Fetch-Site: same-origin", crate::support::app::TOKEN);
    for (path, kind) in [
        ("/api/v1/call-events", "application/json"),
        ("/api/v1/sessions", "application/json"),
        ("/api/v1/parties", "text/csv"),
        (GENERIC, "application/json"),
        (PBXMANAGER, "application/x-www-form-urlencoded"),
        ("/login", "application/x-www-form-urlencoded"),
    ] {
        let text = send(
            &t,
            &format!("POST {path} HTTP/1.1\r\nHost: test\r\n{auth}\r\nContent-Type: {kind}\r\nContent-Length: 100\r\n\r\n{{\"begun\":"),
        )
        .await;
        assert!(matches!(status(&text), "400 Bad Request" | "200 OK"), "{path}: {text}");
        assert_eq!(status(&text) == "200 OK", path == PBXMANAGER, "connectors read no refusal: {text}");
    }
    assert!(t.calls().await.is_empty());
}

/// The answer to a refused body arrives also when the client sends all of it first; one that goes on and on is cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_body_does_not_cost_the_client_the_answer() {
    let t = TestApp::start_with(crate::support::app::Kind::Sqlite, |config| config.http.max_body_bytes = 1_000_000).await;
    let token = crate::support::app::TOKEN;
    for (auth, length, expected) in
        [(token, 7_000_000, "413 Payload Too Large"), ("cti_nobody", 7_000_000, "401 Unauthorized"), (token, 300_000_000, "")]
    {
        let mut bytes = Bytes::open(t.address).await;
        let head = format!(
            "POST /api/v1/call-events HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {auth}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        bytes.write(head.as_bytes()).await;
        let chunk = [b' '; 100_000];
        let mut sent = 0;
        while sent < length && bytes.write(&chunk).await {
            sent += chunk.len();
        }
        assert_eq!(sent == length, !expected.is_empty(), "{sent} of {length}");
        if sent == length {
            assert_eq!(status(&bytes.read_to_end().await), expected);
        }
    }
    let asking = "POST /api/v1/call-events HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n";
    assert_eq!(status(&send(&t, asking).await), "401 Unauthorized", "the body is not asked for");
}

/// When there is no room, a connection waits for its turn and is not dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_limit_wait() {
    let t = TestApp::start_with(crate::support::app::Kind::Sqlite, |config| config.http.max_connections = 2).await;
    let first = Bytes::open(t.address).await;
    let mut wire = Wire::open(&t, &[]).await.expect("the upgrade");
    let mut third = Bytes::open(t.address).await;
    third.write(b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await;
    let mut answered = Box::pin(third.read_to_end());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(200), &mut answered).await.is_err(), "there is no room");
    drop(first);
    assert_eq!(status(&answered.await), "200 OK");
    wire.hello(json!({"ticket": "none"})).await;
    assert_eq!(wire.closed().await.0, 4500);
}

/// Addresses and methods that no door has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leads_nowhere_is_told_in_the_error_form() {
    let t = TestApp::start(crate::support::app::Kind::Sqlite).await;
    for path in [
        "/nowhere",
        "/api/v1",
        "/api/v1/",
        "/api/v2/events",
        "/api/v1/dialer-calls/",
        "/API/v1/agents",
        "/console/../Cargo.toml",
        "/console/nothing.js",
        "/pages/none.css",
    ] {
        let (status, body) = answer(t.api(Method::GET, path)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {body}");
        assert!(is_error(&body, "not_found"), "{path}: {body}");
    }
    for (method, path) in [
        (Method::DELETE, "/api/v1/agents"),
        (Method::POST, "/api/v1/events"),
        (Method::GET, "/api/v1/sessions"),
        (Method::POST, "/healthz"),
        (Method::PUT, "/api/v1/call-events"),
        (Method::TRACE, "/metrics"),
        (Method::POST, "/console"),
    ] {
        let response = t.api(method.clone(), path).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert!(response.headers().contains_key(header::ALLOW), "{method} {path}: the answer names what it takes");
        let body: Value = response.json().await.expect("JSON");
        assert!(is_error(&body, "method_not_allowed"), "{method} {path}: {body}");
    }
    for path in ["/api/v1/parties/%ff/1", "/api/v1/parties/contact/%c3%28", "/api/v1/dialer-calls/%ff", "/console/%ff", "/pages/%ff"] {
        let (status, body) = answer(t.api(Method::GET, path)).await;
        assert!(status.is_client_error(), "{path}: {status}");
        assert!(body["error"]["code"].is_string(), "{path}: {status} {body}");
    }
    for (path, encoded) in
        [("/directory", "..%2f..%2fCargo.toml"), ("/console", "..%2fpages%2fpages.css"), ("/pages", "..%2F..%2Fetc%2Fpasswd")]
    {
        let (status, _) = answer(t.api(Method::GET, &format!("{path}/{encoded}"))).await;
        assert!(status.is_client_error() || status.is_redirection(), "{path}/{encoded}: {status}");
    }
}

/// Every answer carries what keeps browsers and caches from mischief, and an id for the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_carries_the_safe_headers() {
    let t = TestApp::start(crate::support::app::Kind::Sqlite).await;
    let mut ids = std::collections::HashSet::new();
    for path in ["/healthz", "/api/v1/agents", "/nowhere", "/console", "/login", GENERIC, "/ws"] {
        let response = t.request(Method::GET, path).send().await.expect("an answer");
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!((header("x-content-type-options").as_str(), header("cache-control").as_str()), ("nosniff", "no-store"), "{path}");
        assert!(!header("referrer-policy").is_empty(), "{path}");
        assert!(ids.insert(header("x-request-id")) && !header("x-request-id").is_empty(), "{path}: an id of its own");
        if header("content-type").starts_with("text/html") {
            let policy = header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
                "{path}: {policy}"
            );
        }
    }
}

/// An address may hold letters of any script, and be cut anywhere for the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_in_any_script_is_no_trouble() {
    let t = TestApp::start(crate::support::app::Kind::Sqlite).await;
    for pad in 0..4 {
        let path = format!("/{}{}", "a".repeat(pad), "€".repeat(40));
        let text = send(&t, &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")).await;
        assert_eq!(status(&text), "404 Not Found", "{text}");
        assert!(is_error(&body(&text), "not_found"), "{text}");
    }
}
