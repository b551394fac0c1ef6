//! What every door does with odd requests: bodies that never end, text that no database takes, methods that only look.

use std::time::Duration;

use cti_gateway::store::gateways::NewGateway;
use reqwest::{Method, StatusCode, header};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::app::{ACCOUNT, GENERIC, Kind, PBXMANAGER, SECRET, TOKEN, TestApp, agent, answer, both, gateway};

both! {
    async fn a_key_stands_in_for_no_secret(t: TestApp) {
        let post = |key: &str| answer(t.request(Method::POST, &format!("{GENERIC}?event=call_initiated&call_id=1&from=%2B4930123456&gw={key}")));
        assert_eq!(post("key-of-office").await.0, StatusCode::UNAUTHORIZED, "it has a secret, which the sender must know");
        let open = NewGateway { secret: None, ..gateway("open", "unused", "all") };
        t.admin().add_gateway((t.account, ACCOUNT), &open).await.expect("the store").expect("a new gateway");
        t.app().directory.invalidate(t.account);
        assert_eq!(post("key-of-open").await.0, StatusCode::OK);
    }

    async fn text_with_a_nul_is_refused_by_its_field(t: TestApp) {
        let post = |path: &str, body: serde_json::Value| t.api(Method::POST, path).json(&body);
        let get = |path: &str| t.api(Method::GET, path);
        for (request, field) in [
            (post("/api/v1/sessions", json!({"account": "a\0", "login": "b", "password": "c"})), "account"),
            (post("/api/v1/sessions", json!({"account": ACCOUNT, "login": "b\0", "password": "c"})), "login"),
            (post("/api/v1/ws-ticket", json!({"agent": "a\0"})), "agent"),
            (post("/api/v1/call-events", json!({"events": [{"callId": "1", "event": "details"}, {"callId": "2", "event": "details", "notes": "a\0"}]})), "events[1].notes"),
            (t.api(Method::PUT, "/api/v1/parties/contact/1").json(&json!({"name": "Ada", "numbers": ["1", "2\0"]})), "numbers[1]"),
            (get("/api/v1/dialer-calls?agent=a%00"), "agent"),
            (get("/api/v1/dialer-calls?callStatus=%00"), "callStatus"),
            (get("/api/v1/dialer-call-results?result=%00"), "result"),
            (get("/api/v1/events?agents=a%00"), "agents"),
            (get("/api/v1/parties/a%00/b"), "type"),
            (get("/api/v1/parties/a/b%00"), "id"),
            (t.api(Method::DELETE, "/api/v1/parties/a%00/b"), "type"),
            // ["\u0000","a"]
            (get("/api/v1/parties?cursor=WyJcdTAwMDAiLCJhIl0"), "cursor"),
            (get("/api/v1/dialer-calls?since=%2B200000-01-01T00:00:00Z"), "since"),
            (get("/api/v1/dialer-call-events?until=0001-01-01T00:00:00Z"), "until"),
        ] {
            let (status, body) = answer(request).await;
            assert_eq!((status, &body["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{body}");
        }
        // a backslash and a word are no NUL
        let (status, _) = answer(t.api(Method::PUT, "/api/v1/parties/contact/1").json(&json!({"name": "\\u0000"}))).await;
        assert_eq!(status, StatusCode::OK);
    }

    async fn refusals_have_one_form(t: TestApp) {
        let long = format!("type,id,name\n{}", "x".repeat(t.config.http.max_body_bytes));
        let (status, body) = answer(t.api(Method::POST, "/api/v1/parties").header(header::CONTENT_TYPE, "text/csv").body(long)).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")));
        for path in ["/api/v1/parties/%FF/1", "/api/v1/dialer-calls/%FF", "/console/%FF", "/pages/%FF"] {
            let (status, body) = t.get(path).await;
            assert_eq!((status, &body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("unreadable")), "{path}");
        }
    }

    async fn whoever_only_looks_tells_no_news(t: TestApp) {
        let open = NewGateway { networks: Some("127.0.0.1".into()), ..gateway("asterisk", "unused", "all") };
        t.admin().add_gateway((t.account, ACCOUNT), &open).await.expect("the store").expect("a new gateway");
        t.app().directory.invalidate(t.account);
        let generic = format!("{GENERIC}?event=call_initiated&call_id=1&from=%2B4930123456&to=1001");
        let manager = format!("{PBXMANAGER}?callstatus=StartApp&callUUID=1&callerIdNumber=2025550123&callerId=1001");
        for door in [generic.as_str(), manager.as_str()] {
            for (request, status) in [
                (t.request(Method::HEAD, door), StatusCode::NO_CONTENT),
                (t.request(Method::GET, door).header("Purpose", "prefetch"), StatusCode::NO_CONTENT),
                (t.request(Method::GET, door).header("Sec-Purpose", "prefetch;prerender"), StatusCode::NO_CONTENT),
                (t.request(Method::PUT, door), StatusCode::METHOD_NOT_ALLOWED),
                (t.request(Method::DELETE, door), StatusCode::METHOD_NOT_ALLOWED),
                (t.request(Method::OPTIONS, door), StatusCode::METHOD_NOT_ALLOWED),
            ] {
                assert_eq!(answer(request.header("X-VTIGER-SECRET", SECRET)).await.0, status, "{door}");
            }
            assert!(t.calls().await.is_empty(), "{door}");
        }
        for (count, door) in [(1, generic), (2, manager)] {
            answer(t.request(Method::GET, &door).header("X-VTIGER-SECRET", SECRET)).await;
            assert_eq!(t.calls().await.len(), count, "{door}");
        }
    }

    async fn what_is_cut_is_said(t: TestApp) {
        let open = NewGateway { networks: Some("127.0.0.1".into()), ..gateway("asterisk", "unused", "all") };
        t.admin().add_gateway((t.account, ACCOUNT), &open).await.expect("the store").expect("a new gateway");
        t.app().directory.invalidate(t.account);
        let long = "é".repeat(2049);
        for (door, fields, warnings) in [
            (GENERIC, vec![("event", "call_recording"), ("call_id", "1"), ("notes", &long), ("recordingurl", &long)], Some("recordingurl cut to 4096 bytes, notes cut to 4096 bytes")),
            (GENERIC, vec![("event", "call_recording"), ("call_id", "1"), ("notes", "short"), ("unknown", &long)], None),
            (PBXMANAGER, vec![("callstatus", "Record"), ("callUUID", "2"), ("recordinglink", &long)], Some("recordinglink cut to 4096 bytes")),
        ] {
            let response = t.request(Method::POST, door).header("X-VTIGER-SECRET", SECRET).form(&fields).send().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers().get("x-warnings").map(|value| value.to_str().expect("text")), warnings, "{door}");
        }
    }

    async fn a_user_id_is_no_extension(t: TestApp) {
        t.admin().add_agent((t.account, ACCOUNT), &agent("seven", "77")).await.expect("the store");
        t.app().directory.invalidate(t.account);
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=user-77-x").await;
        assert_eq!(t.only_call().await["agent"], json!(null));
    }
}

/// A body that never ends is given up at every door.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_must_end() {
    let t = TestApp::start_with(Kind::Sqlite, |config| config.http.body_timeout_ms = 200).await;
    for (path, kind) in [
        ("/api/v1/call-events", "application/json"),
        ("/api/v1/sessions", "application/json"),
        ("/api/v1/parties", "text/csv"),
        ("/login", "application/x-www-form-urlencoded"),
        (GENERIC, "application/x-www-form-urlencoded"),
        (PBXMANAGER, "application/x-www-form-urlencoded"),
    ] {
        let mut stream = TcpStream::connect(t.address).await.expect("a connection");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {kind}\r\nContent-Length: 100\r\n\r\n{{",
            t.address,
            t.url("")
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut said = [0; 12];
        tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut said)).await.expect(path).expect("an answer");
        let expected = if path == PBXMANAGER { "HTTP/1.1 200" } else { "HTTP/1.1 400" };
        assert_eq!(String::from_utf8_lossy(&said), expected, "{path}");
    }
}

#[test]
fn the_command_line_makes_gateways_without_a_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let url = format!("sqlite:{}", folder.path().join("cli.db").display());
        let program = env!("CARGO_BIN_EXE_cti-gateway");
        let output = std::process::Command::new(program).args(args).env("CTI_STORE__URL", url).output().expect("the program runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&["account", "add", "acme"]);
    let made = run(&["gateway", "add", "--account", "acme", "--name", "main", "--no-secret"]);
    assert!(made.contains("key") && !made.contains("vt_"), "{made}");
}
