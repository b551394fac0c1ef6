//! The Vtiger door: five events however they are sent, and what careless senders get wrong.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{GENERIC, QUIET_SECRET, SECRET, TestApp, answer, both, next_event};

/// The entries of a call that was answered and hung up, with no wrap-up to do.
const LIFE: [&str; 5] = ["call.state incoming", "call.state talk", "call.state idle", "call.state end", "call.result end"];

both! {
    async fn a_call_from_ring_to_hang_up(t: TestApp) {
        let said = t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001&direction=inbound").await;
        assert_eq!((said["success"].as_bool(), said["state"].as_str(), said["changed"].as_bool()), (Some(true), Some("incoming"), Some(true)));
        let call = t.only_call().await;
        assert_eq!(call["id"], said["dialerCallId"]);
        assert_eq!((call["callStatus"].as_str(), call["status"].as_str(), call["agent"].as_str()), (Some("ringing"), Some("open"), Some("agent1")));
        t.clock.advance(Duration::from_secs(7));
        t.vtiger("event=call_connected&call_id=1&from=%2B4930123456&to=1001").await;
        assert_eq!(t.only_call().await["callStatus"], "in-progress");
        t.clock.advance(Duration::from_secs(60));
        t.vtiger("event=call_hangup&call_id=1&hangup_reason=completed&billrate=0.02&billduration=61&notes=hello&recordingurl=https://r.example/1").await;
        let call = t.only_call().await;
        for (field, expected) in [
            ("callStatus", json!("completed")), ("status", json!("closed")), ("state", json!("end")), ("direction", json!("inbound")),
            ("phoneNumber", json!("+4930123456")), ("calls", json!(1)), ("connects", json!(1)), ("noAnswers", json!(0)), ("busies", json!(0)),
            ("didConnect", json!(true)), ("billRate", json!("0.02")), ("billDuration", json!(61)), ("notes", json!("hello")),
            ("recordingUrl", json!("https://r.example/1")), ("outcome", json!("Connected")), ("hangupReason", json!("completed")),
        ] {
            assert_eq!(call[field], expected, "{field}");
        }
        assert_eq!(t.story().await, LIFE);
        let (_, events) = t.get(&format!("/api/v1/dialer-calls/{}/events", call["id"].as_str().expect("an id"))).await;
        let rows: Vec<_> = events["items"].as_array().expect("items").iter().map(|row| (row["eventName"].as_str().expect("a name"), row["duration"].as_i64())).collect();
        assert_eq!(rows, [("ring", Some(7000)), ("talk", Some(60000)), ("idle", Some(0))]);
    }

    async fn parameters_come_in_any_place(t: TestApp) {
        let form = |request: reqwest::RequestBuilder, body: &'static str, kind: &'static str| request.header("X-VTIGER-SECRET", SECRET).header("Content-Type", kind).body(body);
        let query = format!("{GENERIC}?event=call_initiated&from=%2B4930123456&to=1001&call_id=");
        let url = |id: &str| format!("{query}{id}");
        for request in [
            t.request(Method::GET, &url("get")).header("X-VTIGER-SECRET", SECRET),
            form(t.request(Method::POST, &url("junk-json")), "\"junk\"", "application/json"),
            form(t.request(Method::POST, &url("junk-array")), "[1,2", "application/json"),
            form(t.request(Method::POST, &url("binary")), "\u{0}\u{1}%%%", "application/octet-stream"),
            form(t.request(Method::POST, GENERIC), "event=call_initiated&call_id=form&from=%2B4930123456&to=1001", "application/x-www-form-urlencoded"),
            form(t.request(Method::POST, &url("overridden")), "call_id=body-wins", "application/x-www-form-urlencoded"),
            form(t.request(Method::POST, GENERIC), r#"{"event":"call_initiated","call_id":77,"from":"+4930123456","to":"1001"}"#, "application/json"),
        ] {
            let (status, body) = answer(request).await;
            assert_eq!((status, &body["state"]), (StatusCode::OK, &json!("incoming")), "{body}");
        }
        let mut ids: Vec<String> = t.calls().await.iter().map(|call| call["attempts"][0]["callId"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        assert_eq!(ids, ["77", "binary", "body-wins", "form", "get", "junk-array", "junk-json"]);
    }

    async fn what_cannot_be_attributed_is_refused_and_stores_nothing(t: TestApp) {
        let before = t.journal().await.len();
        for (secret, query, status, field) in [
            (Some("wrong"), "event=call_initiated&call_id=1&from=1", 401, None),
            (None, "event=call_initiated&call_id=1&from=1", 401, None),
            (Some(SECRET), "event=call_initiated&from=1", 400, Some("call_id")),
            (Some(SECRET), "event=call_initiated&call_id=undefined&from=1", 400, Some("call_id")),
            (Some(SECRET), "call_id=1&from=1", 400, Some("event")),
            (Some(SECRET), "", 400, Some("call_id")),
        ] {
            let mut request = t.request(Method::POST, &format!("{GENERIC}?{query}"));
            if let Some(secret) = secret {
                request = request.header("X-VTIGER-SECRET", secret);
            }
            let (got, body) = answer(request).await;
            assert_eq!(got.as_u16(), status, "{query}: {body}");
            assert_eq!(body["success"], false);
            assert_eq!(body["error"]["field"].as_str(), field, "{body}");
            assert!(body["error"]["message"].as_str().is_some_and(|text| text.len() > 20), "{body}");
        }
        assert!(t.calls().await.is_empty());
        assert_eq!(t.journal().await.len(), before);
    }

    async fn unknown_events_are_accepted_and_ignored(t: TestApp) {
        let said = t.vtiger("event=call_teleported&call_id=1").await;
        assert_eq!(said, json!({"success": true, "ignored": "call_teleported"}));
        assert!(t.calls().await.is_empty());
    }

    // fault 1
    async fn an_unescaped_plus_is_put_back(t: TestApp) {
        t.vtiger("event=call_initiated&call_id=1&from=+4930123456&to=1001").await;
        assert_eq!(t.only_call().await["phoneNumber"], "+4930123456");
    }

    // fault 2
    async fn the_word_undefined_is_no_number(t: TestApp) {
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        t.vtiger("event=call_connected&call_id=1&from=undefined&to=undefined").await;
        let call = t.only_call().await;
        assert_eq!((&call["phoneNumber"], &call["agent"], &call["state"]), (&json!("+4930123456"), &json!("agent1"), &json!("talk")));
    }

    // fault 3
    async fn an_unknown_agent_is_normal(t: TestApp) {
        let said = t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=a8f3-user-77").await;
        assert_eq!(said["state"], "incoming");
        assert_eq!(t.only_call().await["agent"], Value::Null);
    }

    // fault 4, and 6: everything in reverse, repeated
    async fn recording_and_hang_up_before_the_start(t: TestApp) {
        for _ in 0..20 {
            t.vtiger("event=call_recording&call_id=1&recordingurl=https://r.example/1").await;
            t.vtiger("event=call_hangup&call_id=1").await;
        }
        let said = t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        assert_eq!(said["state"], "end");
        let call = t.only_call().await;
        assert_eq!((&call["recordingUrl"], &call["phoneNumber"], &call["callStatus"]), (&json!("https://r.example/1"), &json!("+4930123456"), &json!("completed")));
        let story = t.story().await;
        assert_eq!(story.iter().filter(|entry| *entry == "call.state end").count(), 1, "{story:?}");
        assert!(!story.iter().any(|entry| entry == "call.state incoming"), "no popup for what is over: {story:?}");
    }

    // fault 5
    async fn a_recording_address_cut_at_its_ampersand(t: TestApp) {
        t.vtiger("event=call_recording&call_id=1&recordingurl=https://r.example/get?id=1&token=abc&expires=9").await;
        assert_eq!(t.only_call().await["recordingUrl"], "https://r.example/get?id=1");
    }

    // fault 7
    async fn a_missed_call(t: TestApp) {
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        t.vtiger("event=call_hangup&call_id=1&hangup_reason=no_answer").await;
        let call = t.only_call().await;
        assert_eq!((&call["callStatus"], &call["outcome"], &call["noAnswers"], &call["didConnect"]), (&json!("hangup"), &json!("No Answer"), &json!(1), &json!(false)));
        assert_eq!(t.story().await, ["call.state incoming", "call.state idle", "call.state end", "call.result end"]);
    }

    // fault 8
    async fn a_specific_cause_is_not_overwritten(t: TestApp) {
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        for reason in ["", "User%20busy", "Normal%20Clearing"] {
            t.vtiger(&format!("event=call_hangup&call_id=1&hangup_reason={reason}")).await;
        }
        let call = t.only_call().await;
        assert_eq!((&call["callStatus"], &call["outcome"], &call["busies"]), (&json!("User busy"), &json!("Busy"), &json!(1)));
        let (_, results) = t.get("/api/v1/dialer-call-results").await;
        assert_eq!(results["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(results["items"][0]["result"], "Busy");
        assert_eq!(t.story().await.iter().filter(|entry| *entry == "call.state end").count(), 1);
    }

    // fault 9
    async fn copies_change_nothing(t: TestApp) {
        let events = [
            "event=call_initiated&call_id=1&from=%2B4930123456&to=1001", "event=call_connected&call_id=1&from=%2B4930123456&to=1001",
            "event=call_hangup&call_id=1&billduration=9",
        ];
        for event in events {
            t.vtiger(event).await;
        }
        let (before, call) = (t.journal().await.len(), t.only_call().await);
        for event in events.iter().rev().chain(&events).cycle().take(13) {
            assert_eq!(t.vtiger(event).await["changed"], false, "{event}");
        }
        assert_eq!(t.journal().await.len(), before);
        let after = t.only_call().await;
        assert_eq!((&after["attempts"], &after["billDuration"]), (&call["attempts"], &call["billDuration"]));
    }

    // fault 10
    async fn an_old_call_id_may_be_used_again(t: TestApp) {
        let life = ["event=call_initiated&call_id=7&from=%2B4930123456&to=1001", "event=call_hangup&call_id=7"];
        for event in life {
            t.vtiger(event).await;
        }
        t.clock.advance(Duration::from_secs(3 * 3600));
        assert_eq!(t.vtiger(life[0]).await["changed"], false, "within the window it is a late copy");
        t.clock.advance(Duration::from_secs(2 * 3600));
        let late = t.vtiger("event=call_recording&call_id=7&recordingurl=https://r.example/late").await;
        assert_eq!(t.vtiger(life[0]).await["state"], "incoming");
        let calls = t.calls().await;
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1]["id"], late["dialerCallId"], "late details belong to the old call");
        assert_ne!(calls[0]["id"], calls[1]["id"]);
        t.restart().await;
        t.vtiger(life[1]).await;
        assert!(t.calls().await.iter().all(|call| call["status"] == "closed"), "the hang-up ended the new call");
    }

    // fault 11
    async fn a_call_without_an_end_is_presumed_lost_once(t: TestApp) {
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        assert_eq!(t.pass(Duration::from_secs(299)).await, 0);
        assert_eq!(t.pass(Duration::from_secs(2)).await, 1);
        assert_eq!(t.pass(Duration::from_secs(3600)).await, 0);
        let call = t.only_call().await;
        assert_eq!((&call["callStatus"], &call["outcome"], &call["attempts"][0]["presumedLost"]), (&json!("presumed_lost"), &json!("Presumed Lost"), &json!(true)));
        let said = t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        assert_eq!(said["state"], "end", "late news does not reopen it");
        t.vtiger("event=call_hangup&call_id=1&hangup_reason=busy").await;
        assert_eq!(t.only_call().await["callStatus"], "busy", "but it may say what really happened");
        assert_eq!(t.story().await.iter().filter(|entry| *entry == "call.state end").count(), 1);
    }

    // fault 12
    async fn hang_up_reasons_become_statuses(t: TestApp) {
        for (reason, status) in [("no_answer", "hangup"), ("busy", "busy"), ("completed", "completed"), ("left_planet", "left_planet"), ("", "completed")] {
            let id = format!("r-{reason}");
            t.vtiger(&format!("event=call_initiated&call_id={id}&from=%2B4930123456&to=1001")).await;
            t.vtiger(&format!("event=call_hangup&call_id={id}&hang_reason={reason}")).await;
            assert_eq!(t.calls().await[0]["callStatus"], status);
        }
    }

    async fn direction_is_said_or_inferred(t: TestApp) {
        for (id, query, direction, number, agent) in [
            ("a", "from=%2B4930123456&to=1001", "inbound", "+4930123456", Some("agent1")),
            ("b", "from=1001&to=%2B4930123456", "outbound", "+4930123456", Some("agent1")),
            ("c", "from=%2B4930123456&to=1001&direction=outbound", "outbound", "+4930123456", Some("agent1")),
            ("d", "from=%28781%29%20270-6510&to=%2B4930123456", "outbound", "+4930123456", Some("agent3")),
            ("e", "from=%2B4930123456&to=11001&direction=sideways", "inbound", "+4930123456", None),
        ] {
            t.vtiger(&format!("event=call_initiated&call_id={id}&{query}")).await;
            let call = t.calls().await[0].clone();
            assert_eq!((call["direction"].as_str(), call["phoneNumber"].as_str(), call["agent"].as_str()), (Some(direction), Some(number), agent), "{id}");
        }
    }

    async fn a_transfer_changes_the_agent_and_tells_both(t: TestApp) {
        let mut first = t.softphone("agent1", None).await;
        let mut second = t.softphone("agent2", None).await;
        t.vtiger_at(QUIET_SECRET, "event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        t.vtiger_at(QUIET_SECRET, "event=call_connected&call_id=1&to=1001").await;
        t.clock.advance(Duration::from_secs(1));
        t.vtiger_at(QUIET_SECRET, "event=call_transfer&call_id=1&transferred_number=1002").await;
        for state in ["incoming", "talk"] {
            assert_eq!(next_event(&mut first).await["data"]["state"], state);
        }
        let (told_first, told_second) = (next_event(&mut first).await, next_event(&mut second).await);
        assert_eq!(told_first["type"], "call.updated");
        assert_eq!(told_first["audience"], json!(["agent1", "agent2"]));
        assert_eq!(told_second["agent"], "agent2");
        assert_eq!(told_first["seq"], told_second["seq"]);
        let call = t.only_call().await;
        assert_eq!((&call["agent"], &call["transferredNumber"]), (&json!("agent2"), &json!("1002")));
    }

    async fn popups_go_to_everyone_or_to_the_agent(t: TestApp) {
        let mut bystander = t.softphone("agent2", None).await;
        t.vtiger_at(QUIET_SECRET, "event=call_initiated&call_id=quiet&from=%2B4930123456&to=1001").await;
        t.vtiger("event=call_initiated&call_id=loud&from=%2B4930123456&to=1001").await;
        let event = next_event(&mut bystander).await;
        assert_eq!((event["data"]["callId"].as_str(), event["audience"].as_str()), (Some("loud"), Some("all")));
    }

    async fn a_long_call_id_still_tells_calls_apart(t: TestApp) {
        let long = "x".repeat(3000);
        t.vtiger(&format!("event=call_initiated&call_id={long}1&from=%2B4930123456&to=1001")).await;
        t.vtiger(&format!("event=call_initiated&call_id={long}2&from=%2B4930123456&to=1001")).await;
        t.vtiger(&format!("event=call_hangup&call_id={long}2")).await;
        let calls = t.calls().await;
        assert_eq!(calls.len(), 2);
        assert_eq!((&calls[0]["status"], &calls[1]["status"]), (&json!("closed"), &json!("open")));
    }

    async fn odd_bytes_are_kept_or_dropped_but_never_refused(t: TestApp) {
        t.vtiger("event=call_hangup&call_id=1&notes=a%00b%F0%9F%98%80%ff&billduration=-5&billrate=%22").await;
        let call = t.only_call().await;
        assert_eq!((call["notes"].as_str(), &call["billDuration"]), (Some("ab\u{1F600}\u{FFFD}"), &Value::Null));
        let long = "n".repeat(5000);
        t.vtiger(&format!("event=call_hangup&call_id=2&notes={long}")).await;
        assert_eq!(t.calls().await[0]["notes"].as_str().map(str::len), Some(4096));
    }
}

/// Senders that know no secret are found by key or address, when the gateway allows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_without_a_secret() {
    use crate::support::app::{ACCOUNT, Kind, gateway};
    let t = TestApp::start(Kind::Sqlite).await;
    let mut by_key = gateway("by-key", "unused", "all");
    by_key.secret = None;
    t.admin().add_gateway((t.account, ACCOUNT), &by_key).await.expect("the store");
    let post = |query: &str| t.request(Method::POST, &format!("{GENERIC}?event=call_initiated&call_id=1&from=2025550123&to=1001{query}"));
    assert_eq!(answer(post("&gw=wrong")).await.0, StatusCode::UNAUTHORIZED);
    tokio::time::timeout(Duration::from_secs(5), async {
        while answer(post("&gw=key-of-by-key")).await.0 != StatusCode::OK {
            tokio::task::yield_now().await
        }
    })
    .await
    .expect("the running server hears of the new gateway");
    assert_eq!(answer(post("")).await.0, StatusCode::UNAUTHORIZED);
    let mut by_address = gateway("by-address", "unused too", "all");
    (by_address.secret, by_address.networks) = (None, Some("127.0.0.0/8".into()));
    t.admin().add_gateway((t.account, ACCOUNT), &by_address).await.expect("the store");
    tokio::time::timeout(Duration::from_secs(5), async {
        while answer(post("")).await.0 != StatusCode::OK {
            tokio::task::yield_now().await
        }
    })
    .await
    .expect("the sender's address is known now");
}
