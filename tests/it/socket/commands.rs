//! Wishes over the socket.

use cti_gateway::domain::call::State;
use serde_json::{Value, json};

use super::{hang_up, ring};
use crate::support::{
    app::{ACCOUNT, QUIET_SECRET, TestApp, both, token},
    wire::Wire,
};

/// The answer to a command; events that come before it are passed over.
async fn ask(wire: &mut Wire, id: &str, m: &str, p: Value) -> Value {
    wire.send(json!({"op": "cmd", "id": id, "m": m, "p": p})).await;
    let answer = wire.next_of("res").await;
    assert_eq!(answer["id"], id);
    answer
}

fn refused<'a>(answer: &'a Value, code: &str) -> &'a str {
    assert_eq!((&answer["ok"], &answer["d"], &answer["err"]["code"]), (&Value::Null, &Value::Null, &json!(code)), "{answer}");
    answer["err"]["message"].as_str().expect("a message")
}

/// A call of agent1 that was answered and hung up while the softphone was there, so that it is in wrap-up; its dtCallId.
async fn in_wrap_up(t: &TestApp, call: &str) -> String {
    ring(t, QUIET_SECRET, call, "1001").await;
    t.vtiger_at(QUIET_SECRET, &format!("event=call_connected&call_id={call}&to=1001")).await;
    hang_up(t, QUIET_SECRET, call).await;
    let shown = t.calls().await[0].clone();
    assert_eq!(shown["state"], State::Idle.word(), "{shown}");
    shown["id"].as_str().expect("an id").to_owned()
}

both! {
    async fn a_wrap_up_is_ended_by_its_agent(t: TestApp) {
        let mut phone = Wire::softphone(&t, "agent1", json!({})).await;
        phone.next_of("snapshot").await;
        let call = in_wrap_up(&t, "1").await;
        let answer = ask(&mut phone, "a", "end_wrap", json!({ "call": call })).await;
        assert_eq!(answer, json!({"op": "res", "id": "a", "ok": true, "d": {"call": call}}));
        let ended = t.only_call().await;
        assert_eq!((&ended["state"], &ended["status"]), (&json!("end"), &json!("closed")));
        let again = ask(&mut phone, "b", "end_wrap", json!({ "call": call })).await;
        assert!(refused(&again, "refused").contains("end"), "{again}");
        assert_eq!(t.story().await.iter().filter(|entry| *entry == "call.state end").count(), 1);
    }

    async fn what_cannot_be_done_is_refused_with_the_reason(t: TestApp) {
        let mut phone = Wire::softphone(&t, "agent1", json!({})).await;
        phone.next_of("snapshot").await;
        ring(&t, QUIET_SECRET, "rings", "1001").await;
        let rings = t.only_call().await["id"].clone();
        let unknown = json!("0193a1b2-0000-7000-8000-000000000000");
        for (m, p, code, text) in [
            ("end_wrap", json!({ "call": rings }), "refused", "incoming"), ("end_wrap", json!({ "call": unknown }), "not_found", "no such call"),
            ("end_wrap", json!({"call": "rings"}), "invalid", "dtCallId"), ("end_wrap", json!({}), "invalid", "dtCallId"),
            ("end_wrap", json!([rings]), "invalid", "object"), ("end_wrap", Value::Null, "invalid", "dtCallId"),
            ("dial", json!({"number": "+4930123456"}), "not_supported", "dial"), ("dtmf", json!({ "call": rings, "digits": "1" }), "not_supported", "dtmf"),
            ("fly", json!({}), "unknown", "fly"), ("", json!({}), "unknown", "no such command"),
        ] {
            let answer = ask(&mut phone, m, m, p).await;
            assert!(refused(&answer, code).contains(text), "{answer}");
        }
        // parameters may be left out, and a long name is not echoed whole
        phone.send(json!({"op": "cmd", "id": "z", "m": "x".repeat(3000)})).await;
        let answer = phone.next_of("res").await;
        assert!(refused(&answer, "unknown").len() < 100);
        assert_eq!(t.only_call().await["state"], "incoming", "a wish changes no state");
    }

    async fn a_watching_program_may_not_act(t: TestApp) {
        let mut phone = Wire::softphone(&t, "agent1", json!({})).await;
        phone.next_of("snapshot").await;
        let call = in_wrap_up(&t, "1").await;
        assert!(t.admin().add_token(ACCOUNT, &token(t.account, "cti_watches", "events:read")).await.expect("the store"));
        let mut watcher = Wire::open(&t, &[("authorization", "Bearer cti_watches")]).await.expect("the upgrade");
        watcher.hello(json!({"agents": "*"})).await;
        let answer = ask(&mut watcher, "a", "end_wrap", json!({ "call": call })).await;
        assert!(refused(&answer, "forbidden").contains("watch"));
        assert_eq!(t.only_call().await["state"], "idle");
        let mut controller = Wire::program(&t, json!({"agents": "*"})).await;
        assert_eq!(ask(&mut controller, "b", "end_wrap", json!({ "call": call })).await["ok"], true);
    }
}
