//! The lists of the native API: filters, cursors, CSV, and what they refuse.

use std::{collections::BTreeSet, time::Duration};

use reqwest::{Method, StatusCode, header::ACCEPT};
use serde_json::{Value, json};

use crate::support::app::{TestApp, answer, both};

const CALLS: &str = "/api/v1/dialer-calls";
const EVENTS: &str = "/api/v1/dialer-call-events";
const RESULTS: &str = "/api/v1/dialer-call-results";

/// The page that these parameters ask for.
async fn page(t: &TestApp, path: &str, query: &[(&str, &str)]) -> Value {
    let (status, body) = answer(t.api(Method::GET, path).query(query)).await;
    assert_eq!(status, StatusCode::OK, "{path} {query:?}: {body}");
    body
}

/// A field of each row, in the order listed.
async fn column(t: &TestApp, path: &str, query: &[(&str, &str)], field: &str) -> Vec<String> {
    let body = page(t, path, query).await;
    let cell = |row: &Value| row.pointer(field).and_then(Value::as_str).unwrap_or("-").to_owned();
    body["items"].as_array().expect("items").iter().map(cell).collect()
}

/// The telephone system's ids of the calls that pass, newest first.
async fn calls(t: &TestApp, query: &[(&str, &str)]) -> String {
    column(t, CALLS, query, "/attempts/0/callId").await.concat()
}

/// Four calls: `a` answered, `b` busy, `c` missed, `d` still rings. Each begins a second and a bit after the one before.
async fn four_calls(t: &TestApp) {
    let post = async |event: Value| t.native(event).await;
    post(json!({"callId": "a", "event": "initiated", "from": "+4930123456", "to": "1001", "subject": "Spring sale"})).await;
    post(json!({"callId": "a", "event": "connected"})).await;
    t.clock.advance(Duration::from_micros(1_000_001));
    post(json!({"callId": "a", "event": "ended"})).await;
    post(json!({"callId": "b", "event": "initiated", "from": "1002", "to": "(202) 555-0123"})).await;
    post(json!({"callId": "b", "event": "ended", "cause": "busy"})).await;
    t.clock.advance(Duration::from_micros(1_000_001));
    post(json!({"callId": "c", "event": "initiated", "from": "+12025550123", "to": "1001"})).await;
    post(json!({"callId": "c", "event": "ended", "cause": "no_answer"})).await;
    t.clock.advance(Duration::from_micros(1_000_001));
    post(json!({"callId": "d", "event": "initiated", "from": "+4930123456", "to": "4711"})).await;
}

/// Begins `count` calls at the same instant.
async fn many_calls(t: &TestApp, prefix: &str, count: usize) {
    let events: Vec<Value> =
        (0..count).map(|n| json!({"callId": format!("{prefix}{n}"), "event": "initiated", "from": "+4930123456", "to": "1001"})).collect();
    for batch in events.chunks(100) {
        let (status, body) = answer(t.api(Method::POST, "/api/v1/call-events").json(&json!({ "events": batch }))).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
}

/// Follows the cursors to the end; the keys of all rows. Between the pages a new call begins and a listed one ends.
async fn all_pages(t: &TestApp, path: &str, limit: usize, key: impl Fn(&Value) -> String) -> Vec<String> {
    let (mut keys, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let limit_text = limit.to_string();
        let mut query = vec![("limit", limit_text.as_str())];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let body = page(t, path, &query).await;
        let items = body["items"].as_array().expect("items");
        keys.extend(items.iter().map(&key));
        let Some(next) = body["next"].as_str() else { return keys };
        assert_eq!(items.len(), limit, "a page with a next one is full");
        cursor = Some(next.to_owned());
        pages += 1;
        t.clock.advance(Duration::from_secs(1));
        many_calls(t, &format!("late-{limit}-{path}-{pages}-"), 1).await;
        t.native(json!({"callId": format!("call-{}", 130 - 2 * pages), "event": "ended", "cause": "busy"})).await;
    }
}

async fn csv(t: &TestApp, path: &str) -> (reqwest::header::HeaderMap, String) {
    let response = t.api(Method::GET, path).header(ACCEPT, "text/csv").send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    (headers, response.text().await.expect("text"))
}

/// CSV as a spreadsheet reads it: the header line, then the rows.
fn read(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

both! {
    async fn calls_are_filtered(t: TestApp) {
        four_calls(&t).await;
        for (query, expected) in [
            (&[][..], "dcba"),
            (&[("agent", "agent1")], "ca"),
            (&[("agent", "Agent1")], ""),
            (&[("number", "+4930123456")], "da"),
            (&[("number", "(202) 555-0123")], "cb"),
            (&[("number", "202.555.0123")], "cb"),
            (&[("number", "001 202 555 0123")], ""),
            (&[("number", "0123")], ""),
            (&[("status", "open")], "d"),
            (&[("status", "closed")], "cba"),
            (&[("status", "retry")], ""),
            (&[("callStatus", "busy")], "b"),
            (&[("callStatus", "hangup")], "c"),
            (&[("callStatus", "ringing")], "d"),
            (&[("direction", "outbound")], "b"),
            (&[("direction", "inbound")], "dca"),
            (&[("since", "2026-11-20T12:00:00Z"), ("until", "2026-11-20T12:00:00Z")], ""),
            (&[("since", "2026-11-20T12:00:00Z"), ("until", "2026-11-20T12:00:00.000001Z")], "a"),
            (&[("since", "2026-11-20T12:00:01.000001Z")], "dcb"),
            (&[("since", "2026-11-20T12:00:01.000002Z")], "dc"),
            (&[("until", "2026-11-20T12:00:01.000001Z")], "a"),
            (&[("until", "2026-11-20T12:00:01.000002Z")], "ba"),
            (&[("since", "2026-11-20T13:00:02.000002+01:00")], "dc"),
            (&[("agent", "agent1"), ("number", "2025550123"), ("status", "closed")], "c"),
            (&[("direction", "outbound"), ("status", "open")], ""),
        ] {
            assert_eq!(calls(&t, query).await, expected, "{query:?}");
        }
    }

    async fn events_and_results_are_filtered(t: TestApp) {
        four_calls(&t).await;
        let a = t.calls().await[3]["id"].as_str().expect("an id").to_owned();
        for (query, expected) in [
            (&[][..], &["busy", "idle", "no answer", "ring", "ring", "ring", "ring", "talk"][..]),
            (&[("eventName", "talk")], &["talk"]),
            (&[("eventName", "no answer")], &["no answer"]),
            (&[("eventName", "preview")], &[]),
            (&[("agent", "agent2")], &["busy", "ring"]),
            (&[("number", "tel:+49-30-123456"), ("eventName", "ring")], &["ring", "ring"]),
            (&[("direction", "outbound")], &["busy", "ring"]),
            (&[("call", &a)], &["idle", "ring", "talk"]),
            (&[("since", "2026-11-20T12:00:03.000003Z")], &["ring"]),
            (&[("until", "2026-11-20T12:00:00.000001Z")], &["ring", "talk"]),
        ] {
            let mut names = column(&t, EVENTS, query, "/eventName").await;
            names.sort();
            assert_eq!(names, expected, "{query:?}");
        }
        for (query, expected) in [
            (&[][..], &["Busy", "Connected", "No Answer"][..]),
            (&[("result", "Busy")], &["Busy"]),
            (&[("agent", "agent1")], &["Connected", "No Answer"]),
            (&[("number", "2025550123")], &["Busy", "No Answer"]),
            (&[("direction", "outbound")], &["Busy"]),
            (&[("call", &a)], &["Connected"]),
            (&[("since", "2026-11-20T12:00:02.000002Z")], &["No Answer"]),
        ] {
            let mut results = column(&t, RESULTS, query, "/result").await;
            results.sort();
            assert_eq!(results, expected, "{query:?}");
        }
    }

    async fn cursors_give_every_row_once(t: TestApp) {
        many_calls(&t, "call-", 130).await;
        let ids: BTreeSet<String> = column(&t, CALLS, &[("limit", "500")], "/id").await.into_iter().collect();
        assert_eq!(ids.len(), 130);
        for limit in [50, 7] {
            let keys = all_pages(&t, CALLS, limit, |row| row["id"].as_str().expect("an id").to_owned()).await;
            assert!(keys.is_sorted_by(|a, b| a > b), "newest first, and no copy: {keys:?}");
            assert!(ids.iter().all(|id| keys.contains(id)), "a gap");
            let keys = all_pages(&t, EVENTS, limit, |row| format!("{} {}", row["dialerCallId"].as_str().expect("an id"), row["eventName"])).await;
            let distinct: BTreeSet<&String> = keys.iter().collect();
            assert_eq!(distinct.len(), keys.len(), "a copy");
            assert!(ids.iter().all(|id| distinct.contains(&format!("{id} \"ring\""))), "a gap");
        }
        let (status, body) = t.get(&format!("{CALLS}?limit=130&agent=agent1&until=2026-11-20T12:00:00.000001Z")).await;
        assert_eq!((status, body["items"].as_array().map(Vec::len), &body["next"]), (StatusCode::OK, Some(130), &Value::Null), "the last page is just full");
    }

    async fn results_are_paged_too(t: TestApp) {
        let ends: Vec<Value> = (0..120).map(|n| json!({"callId": format!("r-{n}"), "event": "ended", "cause": "busy"})).collect();
        for batch in ends.chunks(100) {
            answer(t.api(Method::POST, "/api/v1/call-events").json(&json!({ "events": batch }))).await;
        }
        let keys = all_pages(&t, RESULTS, 50, |row| row["dialerCallId"].as_str().expect("an id").to_owned()).await;
        assert_eq!((keys.len(), keys.iter().collect::<BTreeSet<_>>().len()), (120, 120));
    }

    async fn events_are_listed_once_while_calls_end(t: TestApp) {
        many_calls(&t, "call-", 100).await;
        t.clock.advance(Duration::from_secs(1));
        let ending = async {
            for n in 0..100 {
                t.native(json!({"callId": format!("call-{n}"), "event": "ended", "cause": "busy"})).await;
            }
        };
        let listing = async {
            loop {
                let body = page(&t, EVENTS, &[("limit", "500")]).await;
                let rows = body["items"].as_array().expect("items");
                let keys: BTreeSet<String> = rows.iter().map(|row| format!("{} {}", row["dialerCallId"], row["eventName"])).collect();
                assert_eq!(keys.len(), rows.len(), "a state of a call that has just ended is there twice");
                assert_eq!(keys.iter().filter(|key| key.ends_with("\"ring\"")).count(), 100, "and never missing");
                if rows.len() == 200 {
                    return;
                }
            }
        };
        tokio::join!(ending, listing);
    }

    async fn lists_come_as_csv(t: TestApp) {
        for (call, name) in [("1", "Sommer, \"Greta\""), ("2", "two\nlines"), ("3", "=HYPERLINK(\"x\")"), ("4", "@sum"), ("5", "+1+1"), ("6", "-2"), ("7", "\tx")] {
            t.clock.advance(Duration::from_secs(1));
            t.native(json!({"callId": call, "event": "initiated", "from": "+4930123456", "to": "1001", "callerName": name})).await;
        }
        let (headers, text) = csv(&t, &format!("{CALLS}?limit=4")).await;
        assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
        let rows = read(&text);
        let at = |name: &str| rows[0].iter().position(|column| column == name).unwrap_or_else(|| panic!("no column {name} in {:?}", rows[0]));
        assert_eq!(rows[0][..4], ["id", "createdAt", "updatedAt", "finishedAt"]);
        let to: Vec<&str> = rows[1..].iter().map(|row| row[at("to")].as_str()).collect();
        assert_eq!(to, ["'\tx", "-2", "'+1+1", "'@sum"], "a formula is defused, a number is not");
        assert!(rows[1..].iter().all(|row| row[at("phoneNumber")] == "+4930123456" && row[at("didConnect")] == "false" && row[at("finishedAt")].is_empty()));
        let next = headers["x-next-cursor"].to_str().expect("text");
        let (headers, text) = csv(&t, &format!("{CALLS}?limit=4&cursor={next}")).await;
        let to: Vec<String> = read(&text)[1..].iter().map(|row| row[at("to")].clone()).collect();
        assert_eq!(to, ["'=HYPERLINK(\"x\")", "two\nlines", "Sommer, \"Greta\""]);
        assert!(!headers.contains_key("x-next-cursor"), "the last page");
        assert!(text.contains("\"Sommer, \"\"Greta\"\"\""), "{text}");

        // the columns are those of JSON, but for the attempts, which are no cell
        let keys: BTreeSet<String> = t.calls().await[0].as_object().expect("a call").keys().filter(|key| *key != "attempts").cloned().collect();
        assert_eq!(rows[0].iter().cloned().collect::<BTreeSet<_>>(), keys);
        for path in [EVENTS, RESULTS] {
            t.native(json!({"callId": "1", "event": "ended"})).await;
            let (_, text) = csv(&t, path).await;
            let (_, body) = t.get(path).await;
            let keys: BTreeSet<String> = body["items"][0].as_object().expect("a row").keys().cloned().collect();
            assert_eq!(read(&text)[0].iter().cloned().collect::<BTreeSet<_>>(), keys, "{path}");
        }
        let (_, none) = csv(&t, &format!("{CALLS}?agent=nobody")).await;
        assert_eq!(read(&none), [rows[0].clone()], "a list without rows still names its columns");
        let both = t.api(Method::GET, CALLS).header(ACCEPT, "text/csv, application/json");
        assert_eq!(answer(both).await.1["items"].as_array().map(Vec::len), Some(7), "JSON when both are welcome");
    }

    async fn wrong_filters_are_named(t: TestApp) {
        for (path, name, value) in [
            (CALLS, "status", "shut"), (CALLS, "direction", "sideways"), (CALLS, "number", "nobody"), (CALLS, "since", "yesterday"),
            (CALLS, "until", "2026-13-01T00:00:00Z"), (CALLS, "limit", "0"), (CALLS, "limit", "501"), (CALLS, "limit", "many"),
            (CALLS, "cursor", "abc"), (CALLS, "cursor", "!"), (CALLS, "colour", "red"), (CALLS, "agent", "a\0b"), (CALLS, "callStatus", "\0"),
            (CALLS, "since", "-9999-01-01T00:00:00Z"), (EVENTS, "eventName", "nap"), (EVENTS, "call", "seven"), (EVENTS, "cursor", "W10"),
            (RESULTS, "result", "\0"), (RESULTS, "call", "seven"),
            // a filter that the list does not know would let everything pass
            (CALLS, "result", "Busy"), (CALLS, "eventName", "talk"), (EVENTS, "status", "open"), (EVENTS, "result", "Busy"),
            (EVENTS, "callStatus", "busy"), (RESULTS, "status", "open"), (RESULTS, "eventName", "talk"),
        ] {
            let (status, body) = answer(t.api(Method::GET, path).query(&[(name, value)])).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(name)), "{path} {name}={value:?}: {body}");
            assert!(body["error"]["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
        }
        // what even the book would refuse is no failure of ours
        for request in [
            t.api(Method::GET, &format!("{EVENTS}?cursor=WyItOTk5OS0wMS0wMVQwMDowMDowMFoiLCIwMTkwMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDAiLDEsMV0")),
            t.api(Method::GET, "/api/v1/events?after=0&epoch=x&agents=%00"),
            t.request(Method::POST, "/api/v1/sessions").json(&json!({"account": "a\u{0}", "login": "b", "password": "c"})),
            t.request(Method::POST, "/api/v1/sessions").json(&json!({"account": "acme", "login": "b\u{0}", "password": "c"})),
        ] {
            let (status, body) = answer(request).await;
            assert!(!status.is_server_error(), "{body}");
        }
        let unsigned = answer(t.request(Method::GET, CALLS)).await;
        assert_eq!((unsigned.0, unsigned.1["error"]["code"].as_str()), (StatusCode::UNAUTHORIZED, Some("unauthorized")));
    }
}
