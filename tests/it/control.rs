//! Call control through the doors, on the simulated telephone system: every verb moves the call as it should, and what is refused
//! says why and does nothing.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    app::{QUIET_SECRET, TestApp, answer, both, command},
    floor::{house, pass, put, ring_in, state, steady, told, wish, with},
};

const THEIRS: &str = "+493055501901";

both! {
    async fn an_agent_dials_talks_and_wraps_up(t: TestApp) {
        house(&t, steady()).await;
        let mut phone = t.softphone("agent1", None).await;
        let dialed = command(&mut phone, "1", "dial", json!({"number": THEIRS, "customData": "case 7", "phoneCallId": "pc-1"})).await;
        let call = dialed["d"]["call"].as_str().unwrap_or_else(|| panic!("{dialed}")).to_owned();
        let busy = t.agent("agent1").await["state"].as_str().unwrap_or_default().to_owned();
        assert!(["reserved", "ringing"].iter().any(|state| state == &busy), "{busy}");
        pass(&t, 1).await;
        assert_eq!((state(&t, &call).await.as_str(), &t.agent("agent1").await["state"]), ("ringing", &json!("ringing")));
        pass(&t, 4).await;
        assert_eq!((state(&t, &call).await.as_str(), &t.agent("agent1").await["state"]), ("talk", &json!("on_call")));
        let record = t.only_call().await;
        assert_eq!((&record["direction"], &record["phoneNumber"], &record["agent"], &record["phoneCallId"]), (&json!("outbound"), &json!(THEIRS), &json!("agent1"), &json!("pc-1")));
        assert_eq!(command(&mut phone, "2", "hold", json!({"call": call})).await["ok"], true);
        pass(&t, 1).await;
        assert_eq!(state(&t, &call).await, "hold");
        assert_eq!(command(&mut phone, "3", "hold", json!({"call": call})).await["err"]["code"], "refused");
        assert_eq!(command(&mut phone, "4", "resume", json!({"call": call})).await["ok"], true);
        pass(&t, 1).await;
        assert_eq!(state(&t, &call).await, "talk");
        for (id, verb, parameters) in [("5", "dtmf", json!({"call": call, "digits": "12#"})), ("6", "play", json!({"call": call, "file": "hello"}))] {
            assert_eq!(command(&mut phone, id, verb, parameters).await["ok"], true, "{verb}");
        }
        assert_eq!(command(&mut phone, "7", "hangup", json!({})).await["ok"], true, "the only call there is");
        pass(&t, 1).await;
        assert_eq!((state(&t, &call).await.as_str(), &t.agent("agent1").await["state"]), ("idle", &json!("wrap_up")));
        let chosen = command(&mut phone, "8", "set_outcome", json!({"call": call, "outcome": "sale", "notes": "two of them"})).await;
        assert_eq!(chosen["ok"], true, "{chosen}");
        assert_eq!(command(&mut phone, "9", "end_wrap", json!({"call": call})).await["ok"], true);
        let over = t.only_call().await;
        assert_eq!((&over["state"], &over["outcome"], &over["notes"], &over["connects"]), (&json!("end"), &json!("Sale"), &json!("two of them"), &json!(1)));
        assert_eq!(told(&t, "call.result").await.len(), 1);
    }

    async fn the_same_command_dials_once_across_the_server_s_life(t: TestApp) {
        house(&t, steady()).await;
        let mut phone = t.softphone("agent1", None).await;
        let first = command(&mut phone, "d1", "dial", json!({"number": THEIRS})).await;
        assert_eq!(command(&mut phone, "d1", "dial", json!({"number": THEIRS})).await, first);
        drop(phone);
        t.restart().await;
        let mut phone = t.softphone("agent1", None).await;
        assert_eq!(command(&mut phone, "d1", "dial", json!({"number": THEIRS})).await, first, "the book remembers");
        assert_eq!(t.calls().await.len(), 1);
        assert_eq!(told(&t, "call.ordered").await.len(), 1);
    }

    async fn an_order_that_nobody_carries_out_ends_by_its_deadline(t: TestApp) {
        house(&t, steady()).await;
        let (status, body) = answer(t.api(Method::POST, "/api/v1/telephone-systems/house/simulate").json(&json!({"down": 3600}))).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        pass(&t, 1).await;
        t.be("agent1", "signed_in").await;
        t.be("agent1", "ready").await;
        let (status, body) = answer(t.api(Method::POST, "/api/v1/calls").json(&json!({"agent": "agent1", "number": THEIRS}))).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        pass(&t, 20).await;
        let call = t.only_call().await;
        assert_eq!(call["state"], "end", "{call}");
        assert_eq!(t.agent("agent1").await["state"], "ready", "nobody is stuck");
    }

    async fn a_consultation_is_completed_or_becomes_a_conference(t: TestApp) {
        house(&t, steady()).await;
        let call = talking(&t).await;
        let (status, body) = wish(&t, &call, "consult-transfer", json!({"number": "+493055501902"})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        pass(&t, 5).await;
        assert_eq!(state(&t, &call).await, "hold", "the customer waits");
        let other = other_than(&t, &call).await;
        assert_eq!(state(&t, &other).await, "talk");
        let (status, body) = wish(&t, &call, "complete_transfer", json!({"with": other})).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("conflict")), "the call itself is on hold: {body}");
        let (status, body) = wish(&t, &other, "complete_transfer", json!({"with": call})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        pass(&t, 1).await;
        assert_eq!(t.agent("agent1").await["state"], "wrap_up", "he has left");
    }

    async fn a_third_party_is_invited(t: TestApp) {
        house(&t, steady()).await;
        let call = talking(&t).await;
        let (status, body) = wish(&t, &call, "conference", json!({"number": "+493055501902", "muteCustomer": true})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        pass(&t, 5).await;
        let other = other_than(&t, &call).await;
        assert_eq!(state(&t, &other).await, "talk");
        let orders = told(&t, "call.ordered").await;
        assert_eq!(orders.last().map(|order| (&order["verb"], &order["muteCustomer"])), Some((&json!("invite"), &json!(true))));
    }

    async fn a_call_that_is_given_away_is_the_agent_s_no_more(t: TestApp) {
        house(&t, steady()).await;
        let call = talking(&t).await;
        let (status, body) = wish(&t, &call, "blind-transfer", json!({"number": "+493055501903"})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        pass(&t, 2).await;
        assert_ne!(t.agent("agent1").await["state"], "on_call");
    }

    async fn a_caller_is_answered_by_whom_he_is_offered_to(t: TestApp) {
        house(&t, steady()).await;
        put(&t, "ring-groups/Main", json!({"number": "+17815550100"})).await;
        let mut phone = t.softphone("agent2", None).await;
        t.be("agent2", "ready").await;
        ring_in(&t, "+4930123456", "+17815550100").await;
        pass(&t, 1).await;
        let call = t.only_call().await;
        assert_eq!((&call["state"], &call["agent"]), (&json!("incoming"), &json!("agent2")), "{call}");
        assert_eq!(t.agent("agent2").await["state"], "ringing");
        let id = call["id"].as_str().expect("an id").to_owned();
        assert_eq!(command(&mut phone, "1", "answer", json!({"call": id})).await["ok"], true);
        pass(&t, 2).await;
        assert_eq!((state(&t, &id).await.as_str(), &t.agent("agent2").await["state"]), ("talk", &json!("on_call")));
    }

    async fn who_does_not_pick_up_gets_no_more_and_the_next_is_asked(t: TestApp) {
        house(&t, steady()).await;
        put(&t, "ring-groups/Main", json!({"number": "+17815550100"})).await;
        for login in ["agent1", "agent2"] {
            t.be(login, "signed_in").await;
            t.be(login, "ready").await;
            pass(&t, 1).await;
        }
        ring_in(&t, "+4930123456", "+17815550100").await;
        pass(&t, 1).await;
        assert_eq!(t.only_call().await["agent"], "agent1", "he waits the longest");
        pass(&t, 31).await;
        let missed = t.agent("agent1").await;
        assert_eq!((&missed["state"], &missed["reason"]), (&json!("not_ready"), &json!("missed_call")));
        assert_eq!(t.only_call().await["agent"], "agent2");
        assert_eq!(t.agent("agent2").await["state"], "ringing");
    }

    async fn the_list_binds_clicks_and_a_keypad_confirms(t: TestApp) {
        house(&t, steady()).await;
        let (status, _) = answer(t.api(Method::PUT, &format!("/api/v1/dnc/{THEIRS}"))).await;
        assert!(status.is_success());
        let mut phone = t.softphone("agent1", None).await;
        let (status, body) = answer(t.api(Method::POST, "/api/v1/click-to-call").json(&json!({"agent": "agent1", "number": THEIRS, "dncReason": "he asked"}))).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("dnc")), "{body}");
        assert_eq!(command(&mut phone, "1", "dial", json!({"number": THEIRS})).await["err"]["code"], "dnc");
        assert_eq!(t.calls().await.len(), 0);
        assert_eq!(command(&mut phone, "2", "dial", json!({"number": THEIRS, "dncReason": "he asked to be called"})).await["ok"], true);
        let overridden = told(&t, "dnc.overridden").await;
        assert_eq!((&overridden[0]["by"], &overridden[0]["reason"]), (&json!("agent1"), &json!("he asked to be called")));
    }

    async fn a_call_of_another_agent_or_system_is_left_alone(t: TestApp) {
        house(&t, steady()).await;
        let call = talking(&t).await;
        let mut other = t.softphone("agent2", None).await;
        for verb in ["hold", "hangup", "set_outcome"] {
            let parameters = if verb == "set_outcome" { json!({"call": call, "outcome": "SALE"}) } else { json!({"call": call}) };
            assert_eq!(command(&mut other, verb, verb, parameters).await["err"]["code"], "forbidden", "{verb}");
        }
        t.vtiger_at(QUIET_SECRET, "event=call_initiated&call_id=x&from=%2B4930123456&to=1002").await;
        t.vtiger_at(QUIET_SECRET, "event=call_connected&call_id=x&to=1002").await;
        let foreign = other_than(&t, &call).await;
        let (_, shown) = t.get(&format!("/api/v1/dialer-calls/{foreign}")).await;
        assert_eq!(shown["agent"], "agent2");
        assert_eq!(command(&mut other, "h", "hold", json!({"call": foreign})).await["err"]["code"], "not_supported", "that system only reports");
    }

    async fn the_call_object_says_what_can_be_wished(t: TestApp) {
        house(&t, with(json!({"answerS": [5, 5]}))).await;
        talking(&t).await;
        let shown = told(&t, "call.state").await;
        let verbs = |state: &str| shown.iter().find(|call| call["state"] == state).map(|call| call["verbs"].clone()).unwrap_or_default();
        assert_eq!(verbs("ringing"), json!(["hangup"]));
        assert_eq!(verbs("talk"), json!(["hangup", "hold", "blind_transfer", "consult_transfer", "complete_transfer", "conference", "dtmf", "play", "set_outcome"]));
        assert!(shown[0]["capabilities"].as_array().is_some_and(|all| all.len() == 11), "{}", shown[0]);
    }

    async fn an_agent_with_a_call_dials_no_other(t: TestApp) {
        house(&t, steady()).await;
        talking(&t).await;
        let (status, body) = answer(t.api(Method::POST, "/api/v1/calls").json(&json!({"agent": "agent1", "number": "+493055501909"}))).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("refused")), "{body}");
        let (status, body) = answer(t.api(Method::POST, "/api/v1/calls").json(&json!({"agent": "nobody", "number": THEIRS}))).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
        let (status, body) = answer(t.api(Method::POST, "/api/v1/calls").json(&json!({"agent": "agent2", "number": THEIRS, "callerId": "+15550000000"}))).await;
        assert_eq!((status, &body["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("callerId")), "{body}");
    }
}

/// The id of a call in which agent1 talks.
async fn talking(t: &TestApp) -> String {
    t.be("agent1", "signed_in").await;
    t.be("agent1", "ready").await;
    let (status, body) = answer(t.api(Method::POST, "/api/v1/calls").json(&json!({"agent": "agent1", "number": THEIRS}))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    pass(t, 6).await;
    let call = body["dialerCallId"].as_str().expect("an id").to_owned();
    assert_eq!(state(t, &call).await, "talk");
    call
}

/// The id of the other call there is.
async fn other_than(t: &TestApp, call: &str) -> String {
    let calls = t.calls().await;
    let other: Vec<&Value> = calls.iter().filter(|known| known["id"] != call).collect();
    assert_eq!(other.len(), 1, "{calls:?}");
    other[0]["id"].as_str().expect("an id").to_owned()
}
