//! The native door `POST /api/v1/call-events`: every word, batches that happen wholly or not at all, and keys that make
//! sending again safe.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{ACCOUNT, TOKEN, TestApp, agent, answer, both, gateway, token};

const DOOR: &str = "/api/v1/call-events";

fn post(t: &TestApp, events: &Value) -> RequestBuilder {
    t.api(Method::POST, DOOR).json(&json!({ "events": events }))
}

fn post_once(t: &TestApp, key: &str, events: &Value) -> RequestBuilder {
    post(t, events).header("Idempotency-Key", key)
}

fn start(call: &str) -> Value {
    json!({"callId": call, "event": "initiated", "from": "+4930123456", "to": "1001"})
}

/// The states of the entries about calls.
async fn story(t: &TestApp) -> Vec<String> {
    t.story().await
}

both! {
    async fn every_word_does_what_it_says(t: TestApp) {
        for (event, more, state) in [
            ("initiated", json!({"from": "+4930123456", "to": "1001"}), "incoming"),
            ("ringing", json!({"from": "+4930123456", "to": "1001"}), "incoming"),
            ("connected", json!({"to": "1001"}), "talk"),
            ("held", json!({}), "hold"),
            ("recording", json!({"recordingUrl": "https://r.example/1"}), "hold"),
            ("resumed", json!({}), "talk"),
            ("transferred", json!({"transferredTo": "1002"}), "talk"),
            ("details", json!({"notes": "n", "billRate": "0.1", "billDuration": 3, "duration": 4}), "talk"),
            ("ended", json!({"cause": "completed"}), "end"),
        ] {
            t.clock.advance(Duration::from_secs(1));
            let mut body = more;
            (body["callId"], body["event"]) = (json!("1"), json!(event));
            let told = t.native(body).await;
            assert_eq!((told["state"].as_str(), told["attempt"].as_i64()), (Some(state), Some(1)), "{event}");
        }
        assert_eq!(story(&t).await, [
            "call.state incoming", "call.state talk", "call.state hold", "call.updated hold", "call.state talk", "call.updated talk",
            "call.updated talk", "call.state idle", "call.state end", "call.result end",
        ]);
        let call = t.only_call().await;
        for (field, expected) in [
            ("agent", json!("agent2")), ("transferredNumber", json!("1002")), ("recordingUrl", json!("https://r.example/1")),
            ("notes", json!("n")), ("billRate", json!("0.1")), ("billDuration", json!(3)), ("totalDuration", json!(4)),
        ] {
            assert_eq!(call[field], expected, "{field}");
        }
        assert_eq!(t.journal().await.iter().filter(|entry| entry["source"] == "api").count(), 10);
    }

    async fn a_hundred_events_in_one_request(t: TestApp) {
        let events: Vec<Value> = (0..100).map(|n| start(&format!("call-{n}"))).collect();
        let (status, body) = answer(post(&t, &json!(events))).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let items = body["items"].as_array().expect("items");
        assert!(items.len() == 100 && items.iter().all(|item| item["state"] == "incoming" && item["changed"] == true), "{body}");
        let (_, call) = t.get(&format!("/api/v1/dialer-calls/{}", items[41]["dialerCallId"].as_str().expect("an id"))).await;
        assert_eq!(call["attempts"][0]["callId"], "call-41", "one answer per event, in their order");
        let more: Vec<Value> = (0..101).map(|n| start(&format!("more-{n}"))).collect();
        for wrong in [json!(more), json!([])] {
            let (status, body) = answer(post(&t, &wrong)).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("events")), "{body}");
        }
        assert_eq!(t.get("/api/v1/dialer-calls?limit=500").await.1["items"].as_array().map(Vec::len), Some(100));
    }

    async fn one_wrong_event_refuses_the_batch_and_is_named(t: TestApp) {
        let before = t.journal().await.len();
        for (wrong, field) in [
            (json!({"callId": "", "event": "ended"}), "callId"),
            (json!({"callId": " ", "event": "ended"}), "callId"),
            (json!({"event": "ended"}), "callId"),
            (json!({"callId": 7, "event": "ended"}), "callId"),
            (json!({"callId": "x".repeat(5000), "event": "ended"}), "callId"),
            (json!({"callId": "a\0b", "event": "ended"}), "callId"),
            (json!({"callId": "1"}), "event"),
            (json!({"callId": "1", "event": "teleported"}), "event"),
            (json!({"callId": "1", "event": "initiated", "direction": "sideways"}), "direction"),
            (json!({"callId": "1", "event": "initiated", "from": "nobody"}), "from"),
            (json!({"callId": "1", "event": "initiated", "to": ""}), "to"),
            (json!({"callId": "1", "event": "initiated", "agent": "agent9"}), "agent"),
            (json!({"callId": "1", "event": "initiated", "agent": "Agent1"}), "agent"),
            (json!({"callId": "1", "event": "ended", "occurredAt": "yesterday"}), "occurredAt"),
            (json!({"callId": "1", "event": "ended", "occurredAt": 1_763_640_000}), "occurredAt"),
            (json!({"callId": "1", "event": "ended", "billDuration": -1}), "billDuration"),
            (json!({"callId": "1", "event": "ended", "duration": 3_000_000_000_i64}), "duration"),
            (json!({"callId": "1", "event": "ended", "duration": "66"}), "duration"),
            (json!({"callId": "1", "event": "ended", "notes": "n".repeat(4097)}), "notes"),
            (json!({"callId": "1", "event": "ended", "cause": "a\0"}), "cause"),
            (json!({"callId": "1", "event": "ended", "customData": "d".repeat(2001)}), "customData"),
            (json!({"callId": "1", "event": "ended", "hangupReason": "busy"}), "hangupReason"),
        ] {
            let (status, body) = answer(post(&t, &json!([start("good-1"), wrong, start("good-2")]))).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(format!("events[1].{field}").as_str())), "{wrong}: {body}");
            assert!(body["error"]["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
        }
        assert_eq!(t.journal().await.len(), before, "nothing was stored");
        assert!(t.calls().await.is_empty());
    }

    async fn what_is_no_request_is_refused(t: TestApp) {
        let raw = |body: &'static str, kind: &'static str| t.api(Method::POST, DOOR).header("Content-Type", kind).body(body);
        for (request, status, code) in [
            (raw("{", "application/json"), 400, "unreadable"),
            (raw("", "application/json"), 400, "unreadable"),
            (raw("{\"events\":[]}", "text/plain"), 400, "unreadable"),
            (raw("[]", "application/json"), 422, "invalid"),
            (raw("{\"events\":{}}", "application/json"), 422, "invalid"),
            (raw("{\"events\":[],\"dry\":true}", "application/json"), 422, "invalid"),
            (t.api(Method::POST, DOOR).header("Content-Type", "application/json").body(" ".repeat(1_100_000)), 413, "too_large"),
            (t.request(Method::POST, DOOR).json(&json!({"events": [start("1")]})), 401, "unauthorized"),
            (t.api(Method::GET, DOOR), 405, "method_not_allowed"),
        ] {
            let (got, body) = answer(request).await;
            assert_eq!((got.as_u16(), body["error"]["code"].as_str()), (status, Some(code)), "{body}");
        }
        t.admin().add_token(ACCOUNT, &token(t.account, "cti_reader", "calls:read")).await.expect("the store");
        let (status, body) = answer(t.request(Method::POST, DOOR).bearer_auth("cti_reader").json(&json!({"events": [start("1")]}))).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("calls:write")), "{body}");
        assert!(t.calls().await.is_empty());
    }

    async fn the_same_key_does_the_same_once(t: TestApp) {
        let events = json!([start("1"), {"callId": "1", "event": "connected"}, start("2")]);
        let (status, first) = answer(post_once(&t, "order-7", &events)).await;
        assert_eq!(status, StatusCode::OK, "{first}");
        assert!(first["items"].as_array().is_some_and(|items| items.iter().all(|item| item["changed"] == true)), "{first}");
        let before = t.journal().await.len();
        assert_eq!(answer(post_once(&t, "order-7", &events)).await, (StatusCode::OK, first.clone()));
        t.native(json!({"callId": "1", "event": "ended"})).await;
        t.restart().await;
        t.clock.advance(Duration::from_secs(3600));
        let rearranged = json!([{"to": "1001", "from": "+4930123456", "event": "initiated", "callId": "1"}, {"event": "connected", "callId": "1"}, start("2")]);
        assert_eq!(answer(post_once(&t, "order-7", &rearranged)).await, (StatusCode::OK, first), "the same after a restart, in another order of fields");
        assert_eq!(t.journal().await.len(), before + 3, "only the end was new");
        for other in [json!([start("1")]), json!([start("3"), start("1"), start("2")])] {
            let (status, body) = answer(post_once(&t, "order-7", &other)).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("Idempotency-Key")), "{body}");
        }
        let (_, again) = answer(post_once(&t, "order-8", &events)).await;
        assert!(again["items"].as_array().is_some_and(|items| items.iter().all(|item| item["changed"] == false)), "another key: copies, which change nothing");
        assert_eq!(t.calls().await.len(), 2);
    }

    async fn a_key_at_the_same_time_is_used_once(t: TestApp) {
        let events = json!([start("1"), {"callId": "1", "event": "held"}, {"callId": "1", "event": "connected"}]);
        let posts = (0..16).map(|_| tokio::spawn(answer(post_once(&t, "race", &events))));
        let mut answers = Vec::new();
        for post in posts.collect::<Vec<_>>() {
            answers.push(post.await.expect("an answer"));
        }
        assert!(answers.iter().all(|answer| answer == &answers[0] && answer.0 == StatusCode::OK), "{answers:?}");
        assert_eq!(answers[0].1["items"][0]["changed"], true);
        assert_eq!(story(&t).await.len(), 2, "one effect");
    }

    async fn a_refused_request_leaves_its_key_free(t: TestApp) {
        let (status, _) = answer(post_once(&t, "k", &json!([{"callId": "1", "event": "teleported"}]))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer(post_once(&t, "k", &json!([start("1")]))).await.0, StatusCode::OK);
        for key in ["", " ", &"k".repeat(201)] {
            let (status, body) = answer(post_once(&t, key, &json!([start("2")]))).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("Idempotency-Key")), "{key:?}: {body}");
        }
        assert_eq!(t.calls().await.len(), 1);
    }

    async fn keys_belong_to_their_account(t: TestApp) {
        use cti_gateway::store::accounts::NewAccount;
        let other = NewAccount { name: "other".into(), region: "DE".into(), search_url: None, create_url: None };
        let other = t.admin().add_account(&other).await.expect("the store").expect("a new account");
        t.admin().add_token("other", &token(other, "cti_other", "calls:write,calls:read")).await.expect("the store");
        t.admin().add_agent((other, "other"), &agent("agent1", "1001")).await.expect("the store");
        t.admin().add_gateway((other, "other"), &gateway("g", "vt_other", "all")).await.expect("the store");
        let at_other = |events: Value| t.request(Method::POST, DOOR).bearer_auth("cti_other").header("Idempotency-Key", "k").json(&json!({ "events": events }));
        let (_, ours) = answer(post_once(&t, "k", &json!([start("1")]))).await;
        let (status, theirs) = answer(at_other(json!([{"callId": "1", "event": "initiated", "from": "030 123456", "to": "1001"}]))).await;
        assert_eq!(status, StatusCode::OK, "{theirs}");
        assert_ne!(ours["items"][0]["dialerCallId"], theirs["items"][0]["dialerCallId"], "the same call id in two accounts is two calls");
        let (_, calls) = answer(t.request(Method::GET, "/api/v1/dialer-calls").bearer_auth("cti_other")).await;
        assert_eq!((calls["items"].as_array().map(Vec::len), &calls["items"][0]["phoneNumber"]), (Some(1), &json!("+4930123456")), "their region is theirs");
        let foreign = format!("/api/v1/dialer-calls/{}", ours["items"][0]["dialerCallId"].as_str().expect("an id"));
        assert_eq!(answer(t.request(Method::GET, &foreign).bearer_auth("cti_other")).await.0, StatusCode::NOT_FOUND);
    }

    async fn times_that_cannot_be_are_replaced(t: TestApp) {
        for (call, said, kept) in [
            ("past", "2026-11-20T11:59:30.25Z", "2026-11-20T11:59:30.250Z"),
            ("zone", "2026-11-20T13:59:30+02:00", "2026-11-20T11:59:30Z"),
            ("future", "2026-11-20T12:00:00.000001Z", "2026-11-20T12:00:00Z"),
            ("far", "2199-01-01T00:00:00Z", "2026-11-20T12:00:00Z"),
            ("young", "2026-11-19T12:00:01Z", "2026-11-19T12:00:01Z"),
            ("old", "2026-11-19T12:00:00Z", "2026-11-20T12:00:00Z"),
            ("ancient", "0001-01-01T00:00:00Z", "2026-11-20T12:00:00Z"),
        ] {
            let mut event = start(call);
            event["occurredAt"] = json!(said);
            t.native(event).await;
            let shown = t.calls().await[0].clone();
            assert_eq!(shown["attempts"][0]["startedAt"], kept, "{call}");
            assert_eq!(shown["createdAt"], "2026-11-20T12:00:00Z", "{call} was heard now");
        }
        let entry = t.journal().await.into_iter().find(|entry| entry["data"]["callId"] == "past").expect("an entry");
        assert_eq!((entry["occurredAt"].as_str(), entry["observedAt"].as_str()), (Some("2026-11-20T11:59:30.250000Z"), Some("2026-11-20T12:00:00.000000Z")));
        assert_eq!(entry["data"]["stateTime"], "2026-11-20T11:59:30Z", "whole seconds in the call object");
    }

    async fn the_sender_may_name_the_agent(t: TestApp) {
        let call = |id: &str, more: Value| {
            let mut event = start(id);
            event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            event
        };
        for (id, event, agent, direction, number) in [
            ("by-number", call("by-number", json!({})), Some("agent1"), "inbound", "+4930123456"),
            ("named", call("named", json!({"agent": "agent2"})), Some("agent2"), "inbound", "+4930123456"),
            ("nobody's", call("nobody's", json!({"to": "4711"})), None, "inbound", "+4930123456"),
            ("queue", call("queue", json!({"to": "4711", "agent": "agent3"})), Some("agent3"), "inbound", "+4930123456"),
            ("out", call("out", json!({"from": "1002", "to": "+4930123456"})), Some("agent2"), "outbound", "+4930123456"),
            ("click", call("click", json!({"from": "1002", "to": "+4930123456", "direction": "clickToCall"})), Some("agent2"), "clicktocall", "+4930123456"),
        ] {
            t.native(event).await;
            let shown = t.calls().await[0].clone();
            assert_eq!((shown["agent"].as_str(), shown["direction"].as_str(), shown["phoneNumber"].as_str()), (agent, Some(direction), Some(number)), "{id}");
        }
        t.native(json!({"callId": "by-number", "event": "connected", "agent": "agent3"})).await;
        assert_eq!(t.calls().await[5]["agent"], "agent3", "who picked up beats who was called");
        t.clock.advance(Duration::from_secs(1));
        t.native(json!({"callId": "by-number", "event": "details", "agent": "agent1"})).await;
        assert_eq!(t.calls().await[5]["agent"], "agent3", "a remark beats nobody");
        t.native(json!({"callId": "by-number", "event": "transferred", "agent": "agent2"})).await;
        assert_eq!(t.calls().await[5]["agent"], "agent2");
    }

    async fn hold_and_resume_are_states(t: TestApp) {
        t.native(start("1")).await;
        t.native(json!({"callId": "1", "event": "connected"})).await;
        let mut expected = vec!["call.state incoming", "call.state talk"];
        for word in ["held", "resumed", "held"] {
            t.clock.advance(Duration::from_secs(1));
            for changed in [true, false] {
                let told = t.native(json!({"callId": "1", "event": word})).await;
                assert_eq!(told["changed"], changed, "{word}");
            }
            expected.push(if word == "held" { "call.state hold" } else { "call.state talk" });
        }
        assert_eq!(story(&t).await, expected);
        // a hold while it already holds moves nothing
        t.clock.advance(Duration::from_secs(1));
        assert_eq!(t.native(json!({"callId": "1", "event": "held"})).await["changed"], false);
        t.clock.advance(Duration::from_secs(1));
        t.native(json!({"callId": "1", "event": "ended"})).await;
        let (_, events) = t.get(&format!("/api/v1/dialer-calls/{}/events", t.only_call().await["id"].as_str().expect("an id"))).await;
        let rows: Vec<_> = events["items"].as_array().expect("items").iter().map(|row| (row["eventName"].as_str().expect("a name"), row["duration"].as_i64())).collect();
        assert_eq!(rows, [("ring", Some(0)), ("talk", Some(1000)), ("hold", Some(1000)), ("talk", Some(1000)), ("hold", Some(2000)), ("idle", Some(0))]);
        // a clock of whole seconds may tell both at once: then the call is as it was
        t.native(json!({"callId": "3", "event": "connected", "to": "1001", "from": "+4930123456"})).await;
        for (word, state) in [("held", "hold"), ("resumed", "talk"), ("held", "talk")] {
            assert_eq!(t.native(json!({"callId": "3", "event": word})).await["state"], state, "{word}");
        }
        // a hold from before the answer, as skewed clocks tell it, is none
        t.native(start("2")).await;
        t.native(json!({"callId": "2", "event": "held"})).await;
        t.clock.advance(Duration::from_secs(3));
        assert_eq!(t.native(json!({"callId": "2", "event": "connected"})).await["state"], "talk");
        let (_, events) = t.get(&format!("/api/v1/dialer-calls/{}/events", t.calls().await[0]["id"].as_str().expect("an id"))).await;
        assert_eq!(events["items"].as_array().and_then(|rows| rows.last()).map(|row| row["eventName"].clone()), Some(json!("talk")), "{events}");
    }

    async fn a_token_in_another_network_is_refused(t: TestApp) {
        let mut far = token(t.account, "cti_far", "calls:write");
        far.networks = Some("10.0.0.0/8".into());
        t.admin().add_token(ACCOUNT, &far).await.expect("the store");
        let (status, body) = answer(t.request(Method::POST, DOOR).bearer_auth("cti_far").json(&json!({"events": [start("1")]}))).await;
        assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::FORBIDDEN, Some("forbidden")));
        assert_eq!(answer(t.request(Method::POST, DOOR).bearer_auth(TOKEN).json(&json!({"events": [start("1")]}))).await.0, StatusCode::OK);
    }
}
