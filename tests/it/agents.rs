//! Agents' presence through the doors: what they set, what their calls make of it, and what becomes of one whose softphone goes.

use std::time::Duration;

use cti_gateway::client::{Connection, Frame};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{QUIET_SECRET, TestApp, answer, both, command, next_any};

both! {
    async fn a_softphone_signs_its_agent_in(t: TestApp) {
        assert_eq!(t.agent("agent1").await["state"], "offline");
        let mut phone = t.softphone("agent1", None).await;
        let shown = t.agent("agent1").await;
        assert_eq!((&shown["state"], &shown["signedIn"], &shown["reason"]), (&json!("not_ready"), &json!(true), &Value::Null));
        let ready = command(&mut phone, "1", "ready", json!({})).await;
        assert_eq!((&ready["ok"], &ready["d"]["state"]), (&json!(true), &json!("ready")), "{ready}");
        let paused = command(&mut phone, "2", "not_ready", json!({"reason": "lunch"})).await;
        assert_eq!((&paused["d"]["state"], &paused["d"]["reason"]), (&json!("not_ready"), &json!("lunch")));
        let told = states(&t).await;
        assert_eq!(told, ["agent1 not_ready -", "agent1 ready -", "agent1 not_ready lunch"]);
        assert_eq!(t.agent("agent2").await["state"], "offline", "nobody else");
    }

    async fn a_break_during_a_call_comes_after_it(t: TestApp) {
        let mut phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        hear(&t, "1", "call_initiated&from=%2B4930123456&to=1001").await;
        assert_eq!(t.agent("agent1").await["state"], "ringing");
        hear(&t, "1", "call_connected&to=1001").await;
        let paused = command(&mut phone, "1", "not_ready", json!({"reason": "lunch"})).await;
        assert_eq!((&paused["d"]["state"], &paused["d"]["next"]["reason"]), (&json!("on_call"), &json!("lunch")), "{paused}");
        hear(&t, "1", "call_hangup&hangup_reason=completed").await;
        let wrapping = t.agent("agent1").await;
        assert_eq!((&wrapping["state"], &wrapping["next"]["mode"]), (&json!("wrap_up"), &json!("not_ready")));
        let call = wrapping["call"].as_str().expect("a call").to_owned();
        assert_eq!(command(&mut phone, "2", "end_wrap", json!({"call": call})).await["ok"], true);
        let after = t.agent("agent1").await;
        assert_eq!((&after["state"], &after["reason"], &after["next"]), (&json!("not_ready"), &json!("lunch"), &Value::Null));
    }

    async fn a_wrap_up_that_nobody_ends_ends_itself(t: TestApp) {
        let _phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        hear(&t, "1", "call_initiated&from=%2B4930123456&to=1001").await;
        hear(&t, "1", "call_connected&to=1001").await;
        hear(&t, "1", "call_hangup&hangup_reason=completed").await;
        assert_eq!(t.agent("agent1").await["state"], "wrap_up");
        t.pass(Duration::from_secs(30)).await;
        let free = t.agent("agent1").await;
        assert_eq!((&free["state"], &free["since"]), (&json!("ready"), &json!("2026-11-20T12:00:30.000000Z")), "since the call was over");
        let entries = t.journal().await;
        let told = entries.iter().rfind(|entry| entry["type"] == "agent.state").expect("an event");
        assert_eq!(told["data"]["since"], free["since"]);
    }

    async fn a_softphone_that_goes_is_waited_for_and_then_missed(t: TestApp) {
        let phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        phone.close().await;
        pass(&t, 19).await;
        assert_eq!(t.agent("agent1").await["state"], "ready", "it may come back");
        pass(&t, 1).await;
        let lost = t.agent("agent1").await;
        assert_eq!((&lost["state"], &lost["reason"], &lost["signedIn"]), (&json!("not_ready"), &json!("softphone_lost"), &json!(true)));
        pass(&t, 900).await;
        assert_eq!(t.agent("agent1").await["state"], "offline");
        pass(&t, 900).await;
        let told = states(&t).await;
        assert_eq!(told, ["agent1 not_ready -", "agent1 ready -", "agent1 not_ready softphone_lost", "agent1 offline -"]);
    }

    async fn a_softphone_that_stays_keeps_its_agent_for_hours(t: TestApp) {
        let _phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        for _ in 0..8 {
            pass(&t, 3600).await;
        }
        assert_eq!(t.agent("agent1").await["state"], "ready");
    }

    async fn what_an_agent_set_survives_the_server(t: TestApp) {
        let phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        drop(phone);
        t.restart().await;
        assert_eq!(t.agent("agent1").await["state"], "ready", "his lease is not over");
        let _phone = t.softphone("agent1", None).await;
        pass(&t, 600).await;
        assert_eq!(t.agent("agent1").await["state"], "ready");
        assert_eq!(states(&t).await.len(), 2, "nothing to tell");
    }

    async fn whom_a_program_signs_in_needs_no_softphone(t: TestApp) {
        let early = json!({"state": "ready"});
        let (status, body) = answer(t.api(Method::POST, "/api/v1/agents/agent2/state").json(&early)).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("refused")), "{body}");
        t.be("agent2", "signed_in").await;
        assert_eq!(t.be("agent2", "ready").await["state"], "ready");
        pass(&t, 36_000).await;
        assert_eq!(t.agent("agent2").await["state"], "ready");
        assert_eq!(t.be("agent2", "offline").await["state"], "offline");
    }

    async fn a_wrong_setting_changes_nothing(t: TestApp) {
        t.be("agent1", "signed_in").await;
        let table = [
            (json!({"state": "asleep"}), "state"),
            (json!({"state": "Ready"}), "state"),
            (json!({"state": "ready", "reason": "lunch"}), "reason"),
            (json!({"state": "not_ready", "reason": "x".repeat(61)}), "reason"),
            (json!({"state": 1}), "state"),
            (json!({"state": "ready", "sta": 1}), "sta"),
            (json!({}), "state"),
        ];
        let before = t.journal().await.len();
        for (body, field) in table {
            let (status, answered) = answer(t.api(Method::POST, "/api/v1/agents/agent1/state").json(&body)).await;
            assert_eq!((status, &answered["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{body}: {answered}");
        }
        let (status, _) = answer(t.api(Method::POST, "/api/v1/agents/AGENT1/state").json(&json!({"state": "ready"}))).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "case matters");
        assert_eq!(t.journal().await.len(), before);
        assert_eq!(t.agent("agent1").await["state"], "not_ready");
    }

    async fn a_wrong_command_says_which_value(t: TestApp) {
        let mut phone = t.softphone("agent1", None).await;
        let call = "01a1fba8-8a99-72e5-ac6a-525dc3a8bb3a";
        let table = [
            ("not_ready", json!({"reason": 5}), "reason"),
            ("not_ready", json!({"why": "lunch"}), "why"),
            ("ready", json!([1]), "p"),
            ("dial", json!({}), "number"),
            ("dial", json!({"number": "nobody"}), "number"),
            ("dial", json!({"number": "+12025550123", "agent": "agent2"}), "agent"),
            ("dial", json!({"number": "+12025550123", "customData": "x".repeat(2001)}), "customData"),
            ("answer", json!({}), "call"),
            ("answer", json!({"call": "1"}), "call"),
            ("hold", json!({"call": call, "number": "1"}), "number"),
            ("blind_transfer", json!({"call": call}), "number"),
            ("complete_transfer", json!({"call": call}), "with"),
            ("conference", json!({"call": call}), "with"),
            ("conference", json!({"call": call, "with": call, "number": "+12025550123"}), "with"),
            ("dtmf", json!({"call": call, "digits": "12a"}), "digits"),
            ("dtmf", json!({"call": call, "digits": ""}), "digits"),
            ("dtmf", json!({"call": call, "digits": "1".repeat(65)}), "digits"),
            ("play", json!({"call": call}), "file"),
            ("set_outcome", json!({"call": call}), "outcome"),
            ("set_outcome", json!({"call": call, "outcome": "SALE", "retryAt": "tomorrow"}), "retryAt"),
            ("skip_preview", json!({"call": call, "reason": "x".repeat(61)}), "reason"),
        ];
        for (index, (verb, parameters, field)) in table.into_iter().enumerate() {
            let answered = command(&mut phone, &index.to_string(), verb, parameters.clone()).await;
            assert_eq!((&answered["err"]["code"], &answered["err"]["field"]), (&json!("invalid"), &json!(field)), "{verb} {parameters}: {answered}");
        }
        let unsupported = command(&mut phone, "dial", "dial", json!({"number": "+12025550123"})).await;
        assert_eq!(unsupported["err"]["code"], "not_supported", "{unsupported}");
        let unknown = command(&mut phone, "hold", "hold", json!({"call": call})).await;
        assert_eq!(unknown["err"]["code"], "not_found", "{unknown}");
        assert_eq!(t.calls().await.len(), 0);
    }

    async fn the_snapshot_tells_an_agent_what_he_does(t: TestApp) {
        let phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        phone.close().await;
        let mut phone = t.softphone("agent1", None).await;
        let snapshot = snapshot(&mut phone).await;
        assert_eq!(snapshot["agent"]["presence"]["state"], "ready", "{snapshot}");
        hear(&t, "1", "call_initiated&from=%2B4930123456&to=1001").await;
        let kinds = [event(&mut phone).await, event(&mut phone).await];
        assert_eq!([&kinds[0]["type"], &kinds[1]["type"]], ["call.state", "agent.state"], "{kinds:?}");
        assert_eq!(kinds[1]["data"]["state"], "ringing");
        assert_eq!(kinds[1]["data"]["call"], kinds[0]["call"]);
    }
}

/// The next event, of whatever type.
async fn event(phone: &mut Connection) -> Value {
    loop {
        if let Frame::Event(event) = next_any(phone).await.expect("a frame") {
            return event;
        }
    }
}

async fn snapshot(phone: &mut Connection) -> Value {
    loop {
        let frame = next_any(phone).await.expect("a frame");
        if let Frame::Snapshot { raw, .. } = frame {
            return raw;
        }
    }
}

/// News by the gateway that tells the agent concerned only.
async fn hear(t: &TestApp, call: &str, event: &str) {
    t.vtiger_at(QUIET_SECRET, &format!("event={event}&call_id={call}")).await;
}

/// Moves the clock and ends what is due, of calls and of agents.
async fn pass(t: &TestApp, seconds: u64) {
    t.pass(Duration::from_secs(seconds)).await;
    t.app().sweep_agents().await.expect("the agents are swept");
}

/// Who became what, and why, in order.
async fn states(t: &TestApp) -> Vec<String> {
    let entries = t.journal().await;
    let of_agents = entries.iter().filter(|entry| entry["type"] == "agent.state");
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    of_agents
        .map(|entry| format!("{} {} {}", word(&entry["agent"]), word(&entry["data"]["state"]), word(&entry["data"]["reason"])))
        .collect()
}
