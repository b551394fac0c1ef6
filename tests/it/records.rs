//! The permanent records of calls, through whole lives: every field of a call, its states and its results.

use std::time::Duration;

use insta::assert_json_snapshot;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{ACCOUNT, TestApp, answer, both, noon, token};

/// The rows of a list.
async fn rows(t: &TestApp, path: &str) -> Vec<Value> {
    let (status, body) = t.get(path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body["items"].as_array().cloned().expect("items")
}

/// `(eventName, duration)` of the states that a call went through.
async fn states(t: &TestApp, call: &Value) -> Vec<(String, Option<i64>)> {
    let rows = rows(t, &format!("/api/v1/dialer-calls/{}/events", call["id"].as_str().expect("an id"))).await;
    rows.iter().map(|row| (row["eventName"].as_str().expect("a name").to_owned(), row["duration"].as_i64())).collect()
}

fn lasted(expected: &[(&str, Option<i64>)]) -> Vec<(String, Option<i64>)> {
    expected.iter().map(|(name, duration)| ((*name).to_owned(), *duration)).collect()
}

async fn patch(t: &TestApp, id: &Value, edit: Value) -> (StatusCode, Value) {
    answer(t.api(Method::PATCH, &format!("/api/v1/dialer-calls/{}", id.as_str().expect("an id"))).json(&edit)).await
}

async fn end_wrap(t: &TestApp, id: &str, secret: &str) -> (StatusCode, Value) {
    answer(t.request(Method::POST, &format!("/api/v1/dialer-calls/{id}/end-wrap")).bearer_auth(secret)).await
}

/// Posts events of one call; before each but the first the clock moves on.
async fn life(t: &TestApp, call: &str, events: &[(u64, Value)]) {
    for (seconds, event) in events {
        t.clock.advance(Duration::from_secs(*seconds));
        let mut event = event.clone();
        event["callId"] = json!(call);
        t.native(event).await;
    }
}

/// Everything that the native door can say, over a whole life.
async fn full_life(t: &TestApp, call: &str) {
    let start = json!({
        "event": "initiated", "from": "+49 30 123456", "to": "1001", "direction": "inbound", "dnis": "+18005550100", "queueDn": "7000",
        "callerName": "Greta Sommer", "customData": "{\"order\":7}", "phoneCallId": "pc-1", "subject": "Spring sale",
    });
    let end = json!({
        "event": "ended", "cause": "completed", "billRate": "0.02", "billDuration": 61, "duration": 66, "notes": "wants a call back",
        "recordingUrl": "https://r.example/1",
    });
    life(
        t,
        call,
        &[(0, start), (5, json!({"event": "connected"})), (10, json!({"event": "held"})), (20, json!({"event": "resumed"})), (30, end)],
    )
    .await;
}

both! {
    async fn an_answered_call_has_every_field(t: TestApp) {
        full_life(&t, "pbx-1").await;
        let listed = t.only_call().await;
        let (status, call) = t.get(&format!("/api/v1/dialer-calls/{}", listed["id"].as_str().expect("an id"))).await;
        assert_eq!((status, &call), (StatusCode::OK, &listed), "the list and the call show the same");
        assert_json_snapshot!(call, {".id" => "[id]"}, @r#"
            {
              "aborts": 0,
              "agent": "agent1",
              "attempts": [
                {
                  "answeredAt": "2026-11-20T12:00:05Z",
                  "attempt": 1,
                  "callId": "pbx-1",
                  "callStatus": "completed",
                  "disposition": "CR_CNCT/CON_CAD",
                  "endedAt": "2026-11-20T12:01:05Z",
                  "finishedAt": "2026-11-20T12:01:05Z",
                  "outcome": "Connected",
                  "presumedLost": false,
                  "startedAt": "2026-11-20T12:00:00Z",
                  "state": "end"
                }
              ],
              "billDuration": 61,
              "billRate": "0.02",
              "busies": 0,
              "callStatus": "completed",
              "calls": 1,
              "computedOutcome": null,
              "connects": 1,
              "createdAt": "2026-11-20T12:00:00Z",
              "cv": 7,
              "didConnect": true,
              "direction": "inbound",
              "finishedAt": "2026-11-20T12:01:05Z",
              "hangupReason": "completed",
              "id": "[id]",
              "noAnswers": 0,
              "notes": "wants a call back",
              "outcome": "Connected",
              "phoneCallId": "pc-1",
              "phoneNumber": "+4930123456",
              "recordingUrl": "https://r.example/1",
              "state": "end",
              "status": "closed",
              "subject": "Spring sale",
              "to": "Greta Sommer",
              "totalDuration": 66,
              "transferredNumber": null,
              "updatedAt": "2026-11-20T12:01:05Z"
            }
            "#);
        let expected = [("ring", Some(5_000)), ("talk", Some(10_000)), ("hold", Some(20_000)), ("talk", Some(30_000)), ("idle", Some(0))];
        assert_eq!(states(&t, &call).await, lasted(&expected));
        let events = rows(&t, "/api/v1/dialer-call-events?eventName=hold").await;
        assert_json_snapshot!(events, {"[].dialerCallId" => "[id]"}, @r#"
            [
              {
                "agent": "agent1",
                "attempt": 1,
                "dialerCallId": "[id]",
                "direction": "inbound",
                "duration": 20000,
                "enteredAt": "2026-11-20T12:00:15Z",
                "eventName": "hold",
                "phoneNumber": "+4930123456"
              }
            ]
            "#);
        let results = rows(&t, "/api/v1/dialer-call-results").await;
        assert_eq!(results[0]["dialerCallId"], call["id"]);
        assert_json_snapshot!(results, {"[].dialerCallId" => "[id]"}, @r#"
            [
              {
                "agent": "agent1",
                "attempt": 1,
                "dialerCallId": "[id]",
                "direction": "inbound",
                "disposition": "CR_CNCT/CON_CAD",
                "phoneNumber": "+4930123456",
                "result": "Connected",
                "resultedAt": "2026-11-20T12:01:05Z",
                "subject": "Spring sale"
              }
            ]
            "#);
    }

    async fn an_entry_is_an_envelope_around_the_call_object(t: TestApp) {
        full_life(&t, "pbx-1").await;
        let entries = t.journal().await;
        let hold = entries.iter().find(|entry| entry["data"]["state"] == "hold").expect("a hold");
        assert_eq!(hold["data"]["dtCallId"], hold["call"]);
        assert_json_snapshot!(hold, {".id" => "[id]", ".epoch" => "[epoch]", ".call" => "[call]", ".data.dtCallId" => "[call]"}, @r#"
            {
              "account": "acme",
              "agent": "agent1",
              "attempt": 1,
              "audience": [
                "agent1"
              ],
              "call": "[call]",
              "cv": 3,
              "data": {
                "agentId": "agent1",
                "callId": "pbx-1",
                "callStatus": "in-progress",
                "campaign": null,
                "capabilities": [],
                "customData": "{\"order\":7}",
                "direction": "inbound",
                "dnis": "+18005550100",
                "dtCallId": "[call]",
                "extension": "1001",
                "fromId": null,
                "fromName": "Greta Sommer",
                "fromType": null,
                "id": "pc-1",
                "isCallback": false,
                "leadId": null,
                "notes": null,
                "outcome": null,
                "phone": "+4930123456",
                "queueDn": "7000",
                "recordingUrl": null,
                "retryDatetime": null,
                "state": "hold",
                "stateTime": "2026-11-20T12:00:15Z",
                "toId": "agent1",
                "toName": null,
                "toType": "agent",
                "type": "phonecall",
                "until": null,
                "verbs": [
                  "set_outcome"
                ]
              },
              "epoch": "[epoch]",
              "id": "[id]",
              "observedAt": "2026-11-20T12:00:15.000000Z",
              "occurredAt": "2026-11-20T12:00:15.000000Z",
              "seq": 10,
              "source": "api",
              "type": "call.state",
              "v": 1
            }
            "#);
        assert!(entries.iter().filter_map(|entry| entry["seq"].as_i64()).eq(1..=entries.len() as i64), "seq has no gap");
        let versions: Vec<i64> = entries.iter().filter_map(|entry| entry["cv"].as_i64()).collect();
        assert!(versions.iter().copied().eq(1..=versions.len() as i64), "cv counts the call's entries: {versions:?}");
    }

    async fn every_way_a_call_comes_out(t: TestApp) {
        // (direction, answered, cause, call status, outcome, disposition, last event, no answers, busies, connects)
        for (direction, answered, cause, status, outcome, disposition, event, counters) in [
            ("inbound", true, "completed", "completed", "Connected", "CR_CNCT/CON_CAD", "idle", [0, 0, 1]),
            ("inbound", true, "busy", "busy", "Connected", "CR_CNCT/CON_CAD", "idle", [0, 0, 1]),
            ("inbound", false, "no_answer", "hangup", "No Answer", "CR_NOANS", "no answer", [1, 0, 0]),
            ("inbound", false, "completed", "completed", "Hung Up", "CR_HANGUP", "idle", [0, 0, 0]),
            ("outbound", false, "busy", "busy", "Busy", "CR_BUSY", "busy", [0, 1, 0]),
            ("outbound", false, "failed", "failed", "Failed", "CR_FAILED", "error on dial", [0, 0, 0]),
            ("clicktocall", false, "left planet", "left planet", "Hung Up", "CR_HANGUP", "idle", [0, 0, 0]),
            ("ccOutbound", true, "", "", "Connected", "CR_CNCT/CON_CAD", "idle", [0, 0, 1]),
        ] {
            let (from, to) = if direction == "inbound" { ("+4930123456", "1001") } else { ("1001", "+4930123456") };
            let mut events = vec![(1, json!({"event": "initiated", "from": from, "to": to, "direction": direction}))];
            if answered {
                events.push((4, json!({"event": "connected"})));
            }
            events.push((9, json!({"event": "ended", "cause": cause})));
            life(&t, &format!("{direction}-{answered}-{cause}"), &events).await;
            let call = t.calls().await[0].clone();
            for (field, expected) in [
                ("agent", json!("agent1")), ("phoneNumber", json!("+4930123456")), ("direction", json!(direction)), ("calls", json!(1)),
                ("noAnswers", json!(counters[0])), ("busies", json!(counters[1])), ("connects", json!(counters[2])), ("aborts", json!(0)),
                ("didConnect", json!(answered)), ("status", json!("closed")), ("callStatus", json!(status)), ("outcome", json!(outcome)),
                ("computedOutcome", Value::Null), ("state", json!("end")), ("hangupReason", json!(cause)), ("phoneCallId", Value::Null),
            ] {
                assert_eq!(call[field], expected, "{field} of {direction} {cause}");
            }
            assert_eq!(call["attempts"][0]["disposition"], disposition);
            let talk = if answered { vec![("talk", Some(9_000))] } else { vec![] };
            let ring = if answered { 4_000 } else { 9_000 };
            let expected: Vec<_> = [("ring", Some(ring))].into_iter().chain(talk).chain([(event, Some(0))]).collect();
            assert_eq!(states(&t, &call).await, lasted(&expected), "{direction} {cause}");
            let result = &rows(&t, &format!("/api/v1/dialer-call-results?call={}", call["id"].as_str().expect("an id"))).await[0];
            for (field, expected) in [
                ("result", outcome), ("disposition", disposition), ("agent", "agent1"), ("direction", direction), ("phoneNumber", "+4930123456"),
            ] {
                assert_eq!(result[field], expected, "{field} of {direction} {cause}");
            }
        }
    }

    async fn a_transfer_moves_every_row_to_the_new_agent(t: TestApp) {
        life(&t, "1", &[
            (0, json!({"event": "initiated", "from": "+4930123456", "to": "1001"})),
            (5, json!({"event": "connected"})),
            (5, json!({"event": "transferred", "transferredTo": "1002"})),
            (5, json!({"event": "ended"})),
        ]).await;
        let call = t.only_call().await;
        assert_eq!((&call["agent"], &call["transferredNumber"], &call["direction"]), (&json!("agent2"), &json!("1002"), &json!("inbound")));
        let events = rows(&t, "/api/v1/dialer-call-events").await;
        assert!(events.len() == 3 && events.iter().all(|row| row["agent"] == "agent2"), "{events:?}");
        assert_eq!(rows(&t, "/api/v1/dialer-call-results").await[0]["agent"], "agent2");
        let audiences: Vec<_> = t.journal().await.iter().filter(|entry| entry["call"] == call["id"]).map(|entry| entry["audience"].clone()).collect();
        assert_eq!(audiences, [json!(["agent1"]), json!(["agent1"]), json!(["agent1", "agent2"]), json!(["agent2"]), json!(["agent2"]), json!(["agent2"])]);
    }

    async fn a_conversation_without_an_end_is_presumed_lost(t: TestApp) {
        life(&t, "1", &[(0, json!({"event": "initiated", "from": "+4930123456", "to": "1001"})), (10, json!({"event": "connected"}))]).await;
        assert_eq!(t.pass(Duration::from_secs(4 * 3600 - 1)).await, 0);
        assert_eq!(t.pass(Duration::from_secs(1)).await, 1);
        let call = t.only_call().await;
        for (field, expected) in [
            ("callStatus", json!("presumed_lost")), ("outcome", json!("Presumed Lost")), ("status", json!("closed")), ("connects", json!(1)),
            ("didConnect", json!(true)), ("finishedAt", json!("2026-11-20T16:00:10Z")),
        ] {
            assert_eq!(call[field], expected, "{field}");
        }
        assert_eq!(states(&t, &call).await, lasted(&[("ring", Some(10_000)), ("talk", Some(4 * 3_600_000)), ("idle", Some(0))]));
        assert_eq!(rows(&t, "/api/v1/dialer-call-results").await[0]["disposition"], "CR_UNFINISHED");
        t.native(json!({"callId": "1", "event": "ended", "occurredAt": "2026-11-20T12:01:00Z"})).await;
        let call = t.only_call().await;
        assert_eq!((&call["outcome"], &call["callStatus"], &call["attempts"][0]["presumedLost"]), (&json!("Connected"), &json!("completed"), &json!(true)));
        assert_eq!(rows(&t, "/api/v1/dialer-call-results").await[0]["result"], "Connected", "late news may say what really happened");
        assert_eq!(t.story().await.iter().filter(|entry| *entry == "call.state end").count(), 1);
    }

    async fn any_order_of_news_ends_in_the_same_rows(t: TestApp) {
        let at = |second: i64| json!(noon() - chrono::TimeDelta::seconds(100 - second));
        let news = [
            json!({"event": "initiated", "from": "+4930123456", "to": "1001", "subject": "Spring sale", "occurredAt": at(0)}),
            json!({"event": "connected", "occurredAt": at(5)}),
            json!({"event": "held", "occurredAt": at(15)}),
            json!({"event": "resumed", "occurredAt": at(35)}),
            json!({"event": "transferred", "transferredTo": "1002", "occurredAt": at(40)}),
            json!({"event": "ended", "cause": "completed", "occurredAt": at(65)}),
        ];
        let backward: Vec<_> = news.iter().rev().cloned().collect();
        let mixed: Vec<_> = [3, 5, 0, 4, 2, 1].map(|index: usize| news[index].clone()).to_vec();
        let mut seen = Vec::new();
        for (name, order) in [("forward", &news.to_vec()), ("backward", &backward), ("mixed", &mixed)] {
            let events: Vec<_> = order.iter().map(|event| (0, event.clone())).collect();
            life(&t, name, &events).await;
            let call = t.calls().await[0].clone();
            assert_eq!(states(&t, &call).await[..4], lasted(&[("ring", Some(5_000)), ("talk", Some(10_000)), ("hold", Some(20_000)), ("talk", Some(30_000))]), "{name}");
            let path = format!("?call={}", call["id"].as_str().expect("an id"));
            let mut records = vec![rows(&t, &format!("/api/v1/dialer-call-events{path}")).await, rows(&t, &format!("/api/v1/dialer-call-results{path}")).await];
            for row in records.iter_mut().flatten() {
                row["dialerCallId"] = Value::Null;
            }
            seen.push((name, records));
        }
        for (name, records) in &seen[1..] {
            assert_eq!(records, &seen[0].1, "{name} and forward");
        }
    }

    async fn the_crm_edits_a_call(t: TestApp) {
        life(&t, "1", &[(0, json!({"event": "initiated", "from": "+4930123456", "to": "1001", "callerName": "NETWORK NAME"}))]).await;
        let id = t.only_call().await["id"].clone();
        assert_eq!(t.only_call().await["to"], "NETWORK NAME");
        let (status, call) = patch(&t, &id, json!({"phoneCallId": "pc-9", "subject": "Refund", "to": "Greta Sommer"})).await;
        assert_eq!(status, StatusCode::OK, "{call}");
        assert_eq!((&call["phoneCallId"], &call["subject"], &call["to"]), (&json!("pc-9"), &json!("Refund"), &json!("Greta Sommer")));
        let entry = t.journal().await.pop().expect("an entry");
        assert_eq!((&entry["type"], &entry["source"], &entry["data"]["id"], &entry["data"]["fromName"]), (&json!("call.updated"), &json!("api"), &json!("pc-9"), &json!("Greta Sommer")));
        let before = t.journal().await.len();
        assert_eq!(patch(&t, &id, json!({"subject": "Refund"})).await.0, StatusCode::OK);
        assert_eq!(patch(&t, &id, json!({})).await.0, StatusCode::OK);
        assert_eq!(t.journal().await.len(), before, "the same again is no news");

        patch(&t, &id, json!({"computedOutcome": "Left a message"})).await;
        assert!(rows(&t, "/api/v1/dialer-call-results").await.is_empty(), "no result before the end");
        life(&t, "1", &[(1, json!({"event": "ended", "cause": "no_answer"}))]).await;
        let result = rows(&t, "/api/v1/dialer-call-results").await.remove(0);
        assert_eq!((&result["result"], &result["disposition"], &result["subject"]), (&json!("Left a message"), &json!("CR_NOANS"), &json!("Refund")));
        let (_, call) = patch(&t, &id, json!({"computedOutcome": "Sold", "subject": "Sale"})).await;
        assert_eq!((&call["outcome"], &call["computedOutcome"], &call["noAnswers"]), (&json!("Sold"), &json!("Sold"), &json!(1)));
        let result = rows(&t, "/api/v1/dialer-call-results").await.remove(0);
        assert_eq!((&result["result"], &result["subject"]), (&json!("Sold"), &json!("Sale")));
        assert_eq!(t.story().await.last().map(String::as_str), Some("call.result end"));
        patch(&t, &id, json!({"subject": "Second sale"})).await;
        assert_eq!(rows(&t, "/api/v1/dialer-call-results").await[0]["subject"], "Second sale");
    }

    async fn edits_that_cannot_be_are_refused_by_name(t: TestApp) {
        life(&t, "1", &[(0, json!({"event": "initiated", "from": "+4930123456", "to": "1001"}))]).await;
        let id = t.only_call().await["id"].clone();
        for (edit, field) in [
            (json!({"subject": ""}), "subject"), (json!({"to": "x".repeat(501)}), "to"), (json!({"phoneCallId": "a\0b"}), "phoneCallId"),
            (json!({"computedOutcome": 7}), "computedOutcome"), (json!({"colour": "red"}), "colour"), (json!({"status": "closed"}), "status"),
        ] {
            let (status, body) = patch(&t, &id, edit).await;
            assert_eq!((status, body["error"]["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(field)), "{body}");
        }
        let nobody = json!("01900000-0000-7000-8000-000000000000");
        assert_eq!(patch(&t, &nobody, json!({"subject": "x"})).await.0, StatusCode::NOT_FOUND);
        assert_eq!(patch(&t, &json!("seven"), json!({"subject": "x"})).await.1["error"]["field"], "id");
        assert_eq!(t.get("/api/v1/dialer-calls/01900000-0000-7000-8000-000000000000/events").await.0, StatusCode::NOT_FOUND);
        t.admin().add_token(ACCOUNT, &token(t.account, "cti_reader", "calls:read")).await.expect("the store");
        let request = t.request(Method::PATCH, &format!("/api/v1/dialer-calls/{}", id.as_str().expect("an id"))).bearer_auth("cti_reader");
        let (status, body) = answer(request.json(&json!({"subject": "x"}))).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("calls:write")), "{body}");
        assert_eq!(t.only_call().await["subject"], Value::Null);
    }

    async fn the_wrap_up_of_a_signed_in_agent_ends_once(t: TestApp) {
        let softphone = t.softphone("agent1", None).await;
        life(&t, "1", &[
            (0, json!({"event": "initiated", "from": "+4930123456", "to": "1001"})), (5, json!({"event": "connected"})), (5, json!({"event": "ended"})),
        ]).await;
        let call = t.only_call().await;
        assert_eq!((&call["state"], &call["status"], &call["finishedAt"]), (&json!("idle"), &json!("open"), &Value::Null));
        assert!(rows(&t, "/api/v1/dialer-call-results").await.is_empty(), "the result waits for the agent");
        assert_eq!(t.pass(Duration::from_secs(29)).await, 0);
        assert_eq!(t.pass(Duration::from_secs(1)).await, 1);
        assert_eq!(t.pass(Duration::from_secs(3600)).await, 0);
        let call = t.only_call().await;
        assert_eq!((&call["state"], &call["status"], &call["finishedAt"]), (&json!("end"), &json!("closed"), &json!("2026-11-20T12:00:40Z")));
        assert_eq!(states(&t, &call).await, lasted(&[("ring", Some(5_000)), ("talk", Some(5_000)), ("idle", Some(30_000))]));
        assert_eq!(t.story().await[2..], ["call.state idle", "call.state end", "call.result end"]);
        softphone.close().await;
    }

    async fn the_agent_ends_the_wrap_up(t: TestApp) {
        use crate::support::app::TOKEN;
        let softphone = t.softphone("agent1", None).await;
        life(&t, "1", &[(0, json!({"event": "initiated", "from": "+4930123456", "to": "1001"})), (5, json!({"event": "connected"}))]).await;
        let id = t.only_call().await["id"].as_str().expect("an id").to_owned();
        let (status, body) = end_wrap(&t, &id, TOKEN).await;
        assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::CONFLICT, Some("conflict")));
        assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("talk")), "it names the state: {body}");
        life(&t, "1", &[(5, json!({"event": "ended"}))]).await;
        t.admin().add_token(ACCOUNT, &token(t.account, "cti_reader", "calls:read")).await.expect("the store");
        assert_eq!(end_wrap(&t, &id, "cti_reader").await.0, StatusCode::FORBIDDEN);
        t.clock.advance(Duration::from_secs(7));
        assert_eq!(end_wrap(&t, &id, TOKEN).await.0, StatusCode::OK);
        assert_eq!(states(&t, &t.only_call().await).await[2], ("idle".to_owned(), Some(7_000)));
        assert_eq!(end_wrap(&t, &id, TOKEN).await.0, StatusCode::CONFLICT, "only once");
        assert_eq!(t.pass(Duration::from_secs(60)).await, 0, "nothing is left for the sweeper");
        assert_eq!(end_wrap(&t, "01900000-0000-7000-8000-000000000000", TOKEN).await.0, StatusCode::NOT_FOUND);
        assert_eq!(end_wrap(&t, "seven", TOKEN).await.1["error"]["field"], "id");
        softphone.close().await;
    }
}
