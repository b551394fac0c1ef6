//! The PBXManager door: what a real Asterisk connector posted, replayed, and the table of statuses.

use chrono::{DateTime, TimeDelta};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::app::{ACCOUNT, GENERIC, PBXMANAGER, TestApp, agent, both, gateway};

const CAPTURE: &str = include_str!("wire/pbxmanager-answered-call.jsonl");

/// A connector's gateway, found by address as its sender signs nothing, and the agent of the capture.
async fn connector(t: &TestApp) {
    let mut new = gateway("asterisk", "unused", "all");
    new.secret = None;
    new.networks = Some("127.0.0.1".into());
    new.signature = Some(cti_gateway::domain::secret::SecretHash::of("signing key"));
    t.admin().add_gateway((t.account, ACCOUNT), &new).await.expect("the store").expect("a new gateway");
    t.admin().add_agent((t.account, ACCOUNT), &agent("anna", "101")).await.expect("the store").expect("a new agent");
    t.app().directory.invalidate(t.account);
}

async fn post(t: &TestApp, body: &str) -> (StatusCode, String) {
    let request = t.request(Method::POST, PBXMANAGER).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8");
    let response = request.body(body.to_owned()).send().await.expect("an answer");
    (response.status(), response.text().await.expect("a body"))
}

both! {
    async fn the_capture_is_one_call(t: TestApp) {
        connector(&t).await;
        for line in CAPTURE.lines() {
            let sent: Value = serde_json::from_str(line).expect("a line of the capture");
            // the clock goes with the capture, so that its times are neither old nor in the future
            let at = DateTime::from_timestamp_secs(sent["t"].as_f64().expect("a time").to_string().split('.').next().and_then(|s| s.parse().ok()).expect("seconds")).expect("an instant") + TimeDelta::seconds(1);
            if let Ok(ahead) = (at - t.clock.now()).to_std() {
                t.clock.advance(ahead);
            }
            let (status, body) = post(&t, sent["b"].as_str().expect("a body")).await;
            assert_eq!((status, body.as_str()), (StatusCode::OK, ""), "{line}");
        }
        let call = t.only_call().await;
        for (field, expected) in [
            ("direction", json!("inbound")), ("phoneNumber", json!("+4930123456")), ("agent", json!("anna")), ("callStatus", json!("completed")),
            ("status", json!("closed")), ("didConnect", json!(true)), ("connects", json!(1)), ("outcome", json!("Connected")),
            ("billDuration", json!(4)), ("totalDuration", json!(4)),
        ] {
            assert_eq!(call[field], expected, "{field}");
        }
        assert_eq!((&call["attempts"][0]["startedAt"], &call["attempts"][0]["answeredAt"]), (&json!("2026-11-20T12:12:06Z"), &json!("2026-11-20T12:12:07Z")));
        let story = t.story().await;
        let states: Vec<&str> = story.iter().filter_map(|entry| entry.strip_prefix("call.state ")).collect();
        assert_eq!(states, ["incoming", "talk", "idle", "end"]);
        assert_eq!(story.iter().filter(|entry| entry.starts_with("call.result")).count(), 1);
    }

    async fn a_key_signs_and_a_wrong_one_is_told_apart(t: TestApp) {
        connector(&t).await;
        let (status, body) = post(&t, "vtigersignature=wrong&callstatus=StartApp&callUUID=1&callerIdNumber=2025550123&callerId=101").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("<Authentication>Failure</Authentication>"), "{body}");
        assert!(t.calls().await.is_empty());
        let (_, body) = post(&t, "vtigersignature=signing+key&callstatus=StartApp&callUUID=1&callerIdNumber=2025550123&callerId=101").await;
        assert_eq!(body, "<Response><Dial><Authentication>Success</Authentication><Number>SIP/101</Number></Dial></Response>");
        let call = t.only_call().await;
        assert_eq!((&call["direction"], &call["agent"], &call["phoneNumber"]), (&json!("inbound"), &json!("anna"), &json!("+12025550123")));
    }

    async fn an_agents_channel_means_outbound(t: TestApp) {
        connector(&t).await;
        post(&t, "callstatus=StartApp&callUUID=1&channel=SIP%2F101-0000&callerIdNumber=101&callerId=2025550123").await;
        let call = t.only_call().await;
        assert_eq!((&call["direction"], &call["agent"], &call["phoneNumber"], &call["state"]), (&json!("outbound"), &json!("anna"), &json!("+12025550123"), &json!("ringing")));
        post(&t, "callstatus=DialAnswer&callUUID=1&callerid1=101&callerid2=2025550123").await;
        post(&t, "callstatus=Record&callUUID=1&recordinglink=https%3A%2F%2Fr.example%2F1").await;
        post(&t, "callstatus=Hangup&callUUID=1&causetxt=Normal+Clearing&HangupCause=ANSWERED").await;
        let call = t.only_call().await;
        assert_eq!((&call["callStatus"], &call["recordingUrl"], &call["didConnect"]), (&json!("completed"), &json!("https://r.example/1"), &json!(true)));
    }

    async fn causes_of_the_table(t: TestApp) {
        connector(&t).await;
        for (id, hang_ups, status) in [
            ("a", &["causetxt=Normal+Clearing&HangupCause=NO+ANSWER"][..], "no-answer"),
            ("b", &["causetxt=User+busy", "causetxt=Normal+Clearing"], "busy"),
            ("c", &["causetxt=Call+Rejected"], "busy"),
            ("d", &["causetxt=Bearer+capability+not+available"], "Bearer capability not available"),
            ("e", &["causetxt=null", "causetxt=", "causetxt=Normal+Clearing"], "completed"),
        ] {
            post(&t, &format!("callstatus=NewCall&callUUID={id}&callerIdNumber=2025550123")).await;
            for hang_up in hang_ups {
                post(&t, &format!("callstatus=Hangup&callUUID={id}&{hang_up}")).await;
            }
            assert_eq!(t.calls().await[0]["callStatus"], status, "{id}");
        }
        post(&t, "callstatus=NewCall&callUUID=f&callerIdNumber=2025550123").await;
        post(&t, "callstatus=Hangup&callUUID=f&causetxt=null").await;
        assert_eq!(t.calls().await[0]["state"], "incoming", "a hang-up without a cause says nothing");
    }

    async fn nothing_is_refused_but_a_key(t: TestApp) {
        connector(&t).await;
        for body in ["", "callstatus=Hangup", "callUUID=1", "callstatus=Dance&callUUID=1", "\u{0}=&&&"] {
            assert_eq!(post(&t, body).await, (StatusCode::OK, String::new()), "{body}");
        }
        assert!(t.calls().await.is_empty());
        let stranger = t.request(Method::POST, &format!("{GENERIC}?event=call_initiated")).send().await.expect("an answer");
        assert_eq!(stranger.status(), StatusCode::BAD_REQUEST, "the address lets it in, the missing id does not");
    }
}
