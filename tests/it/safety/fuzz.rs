//! Whatever comes in: no door answers with a failure of ours.

use futures_util::{StreamExt, stream};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    app::{ACCOUNT, GENERIC, PBXMANAGER, SECRET, TOKEN, TestApp, answer, both, gateway},
    wire::{Bytes, Wire},
};

const DOORS: [&str; 24] = [
    GENERIC,
    PBXMANAGER,
    "/modules/PhoneCalls/callbacks/Search.php",
    "/api/v1/call-events",
    "/api/v1/events",
    "/api/v1/agents",
    "/api/v1/parties",
    "/api/v1/parties/contact/1",
    "/api/v1/parties/a%00b/%00",
    "/api/v1/dialer-calls",
    "/api/v1/dialer-calls/0193a1b2-0000-7000-8000-000000000000",
    "/api/v1/dialer-calls/x/events",
    "/api/v1/dialer-calls/0193a1b2-0000-7000-8000-000000000000/end-wrap",
    "/api/v1/dialer-call-events",
    "/api/v1/dialer-call-results",
    "/api/v1/sessions",
    "/api/v1/sessions/current",
    "/api/v1/ws-ticket",
    "/ws",
    "/login",
    "/logout",
    "/directory/new",
    "/directory/%00/x",
    "/console/x",
];
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"];
const TYPES: [&str; 8] = [
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "text/csv",
    "multipart/form-data; boundary=x",
    "text/plain",
    "\"",
    "",
];
/// Names that some door reads.
const NAMES: [&str; 46] = [
    "event",
    "call_id",
    "from",
    "to",
    "direction",
    "notes",
    "billduration",
    "hangup_reason",
    "transferred_number",
    "gw",
    "callstatus",
    "callUUID",
    "callerIdNumber",
    "callerid",
    "channel",
    "StartTime",
    "vtigersignature",
    "phone_number",
    "after",
    "epoch",
    "wait",
    "limit",
    "agents",
    "types",
    "agent",
    "number",
    "status",
    "callStatus",
    "since",
    "until",
    "cursor",
    "call",
    "eventName",
    "result",
    "account",
    "login",
    "password",
    "code",
    "name",
    "numbers",
    "next",
    "csrf",
    "id",
    "type",
    "url",
    "events",
];
/// Values that have broken servers before.
const NASTY: [&str; 36] = [
    "",
    " ",
    "\0",
    "a\0b",
    "null",
    "undefined",
    "NaN",
    "-1",
    "0",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999999999999999",
    "1e309",
    "*",
    "%",
    "_",
    "\\",
    "'",
    "' or 1=1 --",
    "\"",
    "{{7*7}}",
    "../../etc/passwd",
    "\r\nX-Evil: 1",
    "\u{202e}\u{feff}",
    "😀",
    "call_initiated",
    "+4930123456",
    "ACME\\anna",
    "1970-01-01T00:00:00Z",
    "+262142-12-31T23:59:59.999999999Z",
    "-262143-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "W10",
    "WyIAIiwiXHUwMDAwIl0",
    "WyItMjYyMTQzLTAxLTAxVDAwOjAwOjAwWiIsIjAxOTNhMWIyLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMCIsMSwxXQ", // cursors of the year -262143
    "WyItMjYyMTQzLTAxLTAxVDAwOjAwOjAwWiIsIjAxOTNhMWIyLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMCIsMV0",
];

/// One request.
#[derive(Clone, Debug)]
struct Shot {
    door: &'static str,
    method: &'static str,
    kind: &'static str,
    bearer: bool,
    secret: bool,
    query: Vec<(String, String)>,
    body: Vec<u8>,
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(&NASTY[..]).prop_map(str::to_owned), 2 => any::<String>(), 1 => "[0-9+() -]{0,40}", 1 => (0_usize..3000).prop_map(|n| "x".repeat(n))]
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((prop_oneof![9 => select(&NAMES[..]).prop_map(str::to_owned), 1 => any::<String>()], value()), 0..6)
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => value().prop_map(Value::from), 1 => any::<i64>().prop_map(Value::from), 1 => any::<f64>().prop_map(Value::from), 1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((select(&NAMES[..]), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let form = pairs().prop_map(|pairs| form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes());
    let event = (value(), value(), value(), select(&["initiated", "connected", "ended", "held", "transferred", "details"][..]));
    let events = event.prop_map(|(id, from, text, kind)| {
        let event = json!({"event": kind, "callId": id, "from": from, "to": "1001", "notes": text, "cause": text, "transferredTo": from});
        json!({ "events": [event] }).to_string().into_bytes()
    });
    let csv = (value(), value(), value()).prop_map(|(a, b, c)| format!("type,id,name,numbers,email,url\n{a},{b},{c},,,\n").into_bytes());
    prop_oneof![vec(any::<u8>(), 0..300), form, json_value().prop_map(|value| value.to_string().into_bytes()), events, csv]
}

fn shot() -> impl Strategy<Value = Shot> {
    let wire = (select(&DOORS[..]), select(&METHODS[..]), select(&TYPES[..]), any::<bool>(), any::<bool>());
    (wire, pairs(), body()).prop_map(|((door, method, kind, bearer, secret), query, body)| Shot {
        door,
        method,
        kind,
        bearer,
        secret,
        query,
        body,
    })
}

impl Shot {
    async fn fire(&self, t: &TestApp) -> StatusCode {
        let method = Method::from_bytes(self.method.as_bytes()).expect("a method");
        let mut request = t.request(method, self.door).query(&self.query).header(header::CONTENT_TYPE, self.kind).body(self.body.clone());
        if self.bearer {
            request = request.bearer_auth(TOKEN);
        }
        if self.secret {
            request = request.header("X-VTIGER-SECRET", SECRET);
        }
        request.send().await.expect("an answer").status()
    }
}

/// As many cases as `PROPTEST_CASES` says, else these.
fn runner(cases: u32) -> TestRunner {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(cases);
    TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() })
}

/// The server still works, and its journal has neither gap nor copy.
async fn check_sound(t: &TestApp) {
    let said = t.vtiger("event=call_initiated&call_id=after-the-fuzz&from=%2B4930123456&to=1001").await;
    assert_eq!(said["state"], "incoming");
    let seqs: Vec<i64> = t.journal().await.iter().map(|entry| entry["seq"].as_i64().expect("a seq")).collect();
    assert!(seqs.iter().copied().eq(1..=i64::try_from(seqs.len()).expect("few")), "{seqs:?}");
}

both! {
    async fn no_request_makes_a_door_fail(t: TestApp) {
        let mut by_address = gateway("by-address", "unused", "all");
        (by_address.secret, by_address.networks) = (None, Some("127.0.0.0/8".into()));
        t.admin().add_gateway((t.account, ACCOUNT), &by_address).await.expect("the store");
        let handle = Handle::current();
        tokio::task::block_in_place(|| {
            let fired = runner(500).run(&shot(), |shot| {
                let status = handle.block_on(shot.fire(&t));
                prop_assert!(!status.is_server_error(), "{status}");
                Ok(())
            });
            fired.unwrap_or_else(|failure| panic!("{failure}"));
        });
        check_sound(&t).await;
    }

    async fn no_value_of_a_parameter_makes_a_door_fail(t: TestApp) {
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        let call = t.only_call().await["id"].as_str().expect("an id").to_owned();
        let (_, start) = t.get("/api/v1/events").await;
        let epoch = start["epoch"].as_str().expect("an epoch");
        let of_call = format!("/api/v1/dialer-calls/{call}");
        let lists = ["agent", "number", "status", "callStatus", "direction", "since", "until", "eventName", "result", "call", "cursor", "limit"];
        for value in NASTY {
            let mut requests = Vec::new();
            for path in ["/api/v1/dialer-calls", "/api/v1/dialer-call-events", "/api/v1/dialer-call-results"] {
                requests.extend(lists.iter().map(|name| t.api(Method::GET, path).query(&[(name, value)])));
            }
            requests.extend(["number", "cursor", "limit"].iter().map(|name| t.api(Method::GET, "/api/v1/parties").query(&[(name, value)])));
            requests.extend(["after", "epoch", "wait", "limit", "agents", "types"].iter().map(|name| t.api(Method::GET, "/api/v1/events").query(&[(name, value)])));
            requests.push(t.api(Method::GET, "/api/v1/events").query(&[("after", "0"), ("epoch", epoch), ("agents", value)]));
            requests.push(t.api(Method::GET, "/api/v1/events").query(&[("after", "0"), ("epoch", epoch), ("types", value)]));
            let segment: String = form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20");
            for path in [format!("/api/v1/parties/contact/{segment}"), format!("/api/v1/parties/{segment}/1"), format!("/directory/{segment}/1")] {
                requests.extend([Method::GET, Method::DELETE].map(|method| t.api(method, &path)));
                requests.push(t.api(Method::PUT, &path).json(&json!({"name": value, "email": value, "url": value, "numbers": [value]})));
            }
            requests.extend(["phoneCallId", "subject", "to", "computedOutcome"].iter().map(|name| t.api(Method::PATCH, &of_call).json(&json!({ *name: value }))));
            for name in ["callId", "from", "to", "agent", "dnis", "queueDn", "callerName", "transferredTo", "recordingUrl", "cause", "notes", "billRate", "customData", "subject", "occurredAt"] {
                let mut event = json!({"event": "ended", "callId": "1"});
                event[name] = json!(value);
                requests.push(t.api(Method::POST, "/api/v1/call-events").json(&json!({ "events": [event] })));
            }
            requests.push(t.api(Method::POST, "/api/v1/call-events").header("idempotency-key", value.replace(['\0', '\r', '\n'], "?")).json(&json!({"events": [{"event": "details", "callId": "1"}]})));
            requests.push(t.api(Method::POST, "/api/v1/ws-ticket").json(&json!({ "agent": value })));
            let asked = requests.into_iter().map(|request| async {
                let shown: String = format!("{request:?}").chars().take(400).collect();
                (shown, answer(request).await)
            });
            for (shown, (status, body)) in stream::iter(asked).buffered(8).collect::<Vec<_>>().await {
                assert!(!status.is_server_error(), "{value:?}: {status} {body} {shown}");
            }
        }
        check_sound(&t).await;
    }

    async fn no_sign_in_makes_the_door_fail(t: TestApp with |config| config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")]) {
        let mut sender = 0;
        // a password takes long to check: only what no clerk would type
        for value in NASTY.into_iter().filter(|value| value.is_empty() || !value.chars().all(|c| c.is_ascii_graphic())) {
            for body in [
                json!({"account": value, "login": "x", "password": "x"}), json!({"account": ACCOUNT, "login": value, "password": "x"}),
                json!({"account": ACCOUNT, "login": "agent1", "password": value}), json!({ "code": value }),
            ] {
                sender += 1; // each from an address of its own, so that none is turned away for trying too often
                let request = t.request(Method::POST, "/api/v1/sessions").header("x-forwarded-for", format!("10.0.{}.{}", sender / 250, sender % 250)).json(&body);
                let (status, answer) = answer(request).await;
                assert!(matches!(status.as_u16(), 400 | 401 | 422), "{body}: {status} {answer}");
            }
        }
    }

    async fn no_bytes_make_the_server_fail(t: TestApp) {
        let handle = Handle::current();
        let head = (select(&METHODS[..]), select(&DOORS[..]), vec(any::<u8>(), 0..60), vec(any::<u8>(), 0..200));
        let request = head.prop_map(|(method, door, junk, rest)| [method.as_bytes(), b" ", door.as_bytes(), &junk, b" HTTP/1.1\r\nHost: t\r\nConnection: close\r\n", &rest, b"\r\n\r\n"].concat());
        let bytes = prop_oneof![1 => vec(any::<u8>(), 1..400), 3 => request];
        tokio::task::block_in_place(|| {
            let sent = runner(150).run(&bytes, |bytes| {
                let answer = handle.block_on(async {
                    let mut connection = Bytes::open(t.address).await;
                    connection.write(&bytes).await;
                    connection.finish().await;
                    connection.read_to_end().await
                });
                prop_assert!(!answer.starts_with("HTTP/1.1 5") && !answer.contains("\r\nHTTP/1.1 5"), "{answer}");
                Ok(())
            });
            sent.unwrap_or_else(|failure| panic!("{failure}"));
        });
        check_sound(&t).await;
    }

    async fn no_frame_makes_the_socket_fail(t: TestApp) {
        let mut bystander = Wire::program(&t, json!({"agents": "*"})).await;
        bystander.next_of("snapshot").await;
        let handle = Handle::current();
        let field = select(&["op", "id", "m", "p", "seq", "ticket", "client", "agents", "types", "resume", "call"][..]);
        let words = prop_oneof![select(&["hello", "pong", "cmd", "end_wrap", "dial", "*", "agent1"][..]).prop_map(Value::from), json_value()];
        let frame = vec((field, words), 0..6).prop_map(|fields| Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()).to_string());
        let frames = vec(prop_oneof![3 => frame.prop_map(Message::text), 1 => any::<String>().prop_map(Message::text), 1 => vec(any::<u8>(), 0..50).prop_map(Message::binary)], 1..4);
        tokio::task::block_in_place(|| {
            let sent = runner(150).run(&(any::<bool>(), frames), |(greeted, frames)| {
                let code = handle.block_on(async {
                    let hello = json!({"op": "hello", "client": "x", "agents": "*"}).to_string();
                    let mut wire = Wire::open(&t, &[("authorization", &format!("Bearer {TOKEN}"))]).await.expect("the upgrade");
                    for frame in greeted.then(|| Message::text(hello)).into_iter().chain(frames).chain([Message::binary(b"the end".to_vec())]) {
                        wire.message(frame).await;
                    }
                    wire.closed().await.0
                });
                prop_assert!(matches!(code, 4500 | 4501 | 4507), "{code}");
                Ok(())
            });
            sent.unwrap_or_else(|failure| panic!("{failure}"));
        });
        check_sound(&t).await;
        assert_eq!(bystander.next_of("ev").await["data"]["callId"], "after-the-fuzz");
    }
}
