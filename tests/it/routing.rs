//! Inbound routing through the doors: who is asked, when it is closed or full, and what a telephone system is told that asks.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    app::{ACCOUNT, PBXMANAGER, TestApp, agent, answer, both, gateway},
    floor::{house, lead, pass, put, ready, ring_in, state, steady, told},
};

const DID: &str = "+17815550100";
const ELSEWHERE: &str = "+17815550199";
const CALLER: &str = "+4930123456";

async fn group(t: &TestApp, reception: Value) {
    put(t, "ring-groups/Main", json!({"number": DID, "reception": reception})).await;
}

/// What a system is told that asks; more values are added to those that are needed.
async fn ask(t: &TestApp, call: &str, more: Value) -> (StatusCode, Value) {
    let mut body = json!({"callId": call, "number": DID, "from": CALLER});
    for (name, value) in more.as_object().expect("values") {
        body[name] = value.clone();
    }
    answer(t.api(Method::POST, "/api/v1/route").json(&body)).await
}

async fn told_of(t: &TestApp, call: &str) -> Value {
    let (status, body) = ask(t, call, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// What the system reports of a call.
async fn report(t: &TestApp, call: &str, event: &str, more: Value) {
    let mut body = json!({"callId": call, "event": event});
    for (name, value) in more.as_object().expect("values") {
        body[name] = value.clone();
    }
    let (status, body) = answer(t.api(Method::POST, "/api/v1/call-events").json(&json!({"events": [body]}))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

both! {
    async fn who_rings_while_it_is_closed_is_hung_up_on_or_goes_elsewhere(t: TestApp) {
        house(&t, steady()).await;
        ready(&t, "agent1").await;
        // a Friday at noon
        let weekend = json!([{"days": ["Sat", "Sun"], "from": "00:00", "to": "24:00"}]);
        for (reception, verb) in [(json!({"hours": weekend}), "hangup"), (json!({"hours": weekend, "closedTo": ELSEWHERE}), "deflect")] {
            group(&t, reception).await;
            ring_in(&t, CALLER, DID).await;
            pass(&t, 3).await;
            let order = told(&t, "call.ordered").await.pop().expect("an order");
            assert_eq!(order["verb"], verb, "{order}");
            let call = t.calls().await.into_iter().max_by_key(|call| call["id"].as_str().map(str::to_owned)).expect("a call");
            assert_eq!((&call["state"], &call["outcome"], &call["agent"]), (&json!("end"), &json!("Closed"), &Value::Null), "{call}");
            assert_eq!(t.agent("agent1").await["state"], "ready", "nobody was rung");
        }
        // a day of its own is closed, too, and the hours are those of the zone that is named
        group(&t, json!({"closedOn": ["2026-11-20"], "zone": "Asia/Tokyo"})).await;
        assert_eq!(told_of(&t, "asked").await["decision"], "closed");
        group(&t, json!({"closedOn": ["2026-11-21"], "zone": "Pacific/Kiritimati"})).await;
        let closed = told_of(&t, "again").await;
        assert_eq!((&closed["decision"], &closed["opensAt"]), (&json!("closed"), &json!("2026-11-21T10:00:00Z")), "{closed}");
    }

    async fn who_finds_no_place_or_waits_too_long_goes_elsewhere(t: TestApp) {
        house(&t, steady()).await;
        group(&t, json!({"maxWaiting": 1, "maxWaitS": 20, "overflowTo": ELSEWHERE})).await;
        ring_in(&t, "+4930111111", DID).await;
        pass(&t, 1).await;
        ring_in(&t, "+4930222222", DID).await;
        pass(&t, 2).await;
        let outcome = async |phone: &str| {
            let (_, found) = t.get(&format!("/api/v1/dialer-calls?number={}", phone.replace('+', "%2B"))).await;
            (found["items"][0]["state"].clone(), found["items"][0]["outcome"].clone())
        };
        assert_eq!(outcome("+4930222222").await, (json!("end"), json!("Queue Full")));
        assert_eq!(outcome("+4930111111").await.0, "incoming", "he has the place");
        pass(&t, 20).await;
        assert_eq!(outcome("+4930111111").await, (json!("end"), json!("Waited Too Long")));
        let orders = told(&t, "call.ordered").await;
        assert!(orders.len() == 2 && orders.iter().all(|order| order["verb"] == "deflect" && order["number"] == ELSEWHERE), "{orders:?}");
    }

    async fn a_skill_with_a_delay_is_asked_when_its_time_comes(t: TestApp) {
        house(&t, steady()).await;
        put(&t, "skills/Second", json!({"agents": ["agent2"]})).await;
        put(&t, "ring-groups/Main", json!({"number": DID, "skills": {"Second": {"priority": 1, "delayS": 15, "active": true}}})).await;
        assert_eq!(answer(t.api(Method::POST, "/api/v1/ring-groups/Main/reload")).await.0, StatusCode::OK);
        ready(&t, "agent1").await;
        ready(&t, "agent2").await;
        ring_in(&t, CALLER, DID).await;
        pass(&t, 13).await;
        assert_eq!(t.only_call().await["agent"], Value::Null, "the other agent has no skill of the group");
        pass(&t, 4).await;
        assert_eq!(t.only_call().await["agent"], "agent2", "nothing but time has passed");
    }

    async fn who_waits_is_not_forgotten_when_somebody_else_writes(t: TestApp) {
        house(&t, steady()).await;
        group(&t, json!({})).await;
        ring_in(&t, CALLER, DID).await;
        pass(&t, 1).await;
        // what the committer knew is of an earlier turn now, and is read anew
        crate::support::floor::campaign(&t, "Spring", "progressive", json!({})).await;
        ready(&t, "agent1").await;
        assert_eq!(t.only_call().await["agent"], "agent1");
    }

    async fn callers_and_agents_meet_one_to_one(t: TestApp) {
        house(&t, steady()).await;
        group(&t, json!({})).await;
        for caller in ["+4930111111", "+4930222222"] {
            ring_in(&t, caller, DID).await;
        }
        pass(&t, 1).await;
        for login in ["agent1", "agent2"] {
            ready(&t, login).await;
        }
        pass(&t, 1).await;
        let mut rung: Vec<_> = t.calls().await.iter().map(|call| call["agent"].as_str().unwrap_or("-").to_owned()).collect();
        rung.sort();
        assert_eq!(rung, ["agent1", "agent2"]);
    }

    async fn a_system_that_asks_is_told_whom_to_ring(t: TestApp) {
        group(&t, json!({})).await;
        let waits = told_of(&t, "c1").await;
        assert_eq!((&waits["decision"], &waits["before"], &waits["askAt"]), (&json!("wait"), &json!(0), &json!("2026-11-20T12:00:30Z")));
        assert_eq!(told_of(&t, "c2").await["before"], 1, "the other came first");
        ready(&t, "agent1").await;
        t.clock.advance(Duration::from_secs(1));
        ready(&t, "agent2").await;
        let first = told_of(&t, "c1").await;
        let station = t.agent("agent1").await["number"].clone();
        assert_eq!((&first["decision"], &first["agent"], &first["to"]), (&json!("agent"), &json!("agent1"), &station), "{first}");
        assert_eq!(t.agent("agent1").await["state"], "ringing");
        assert_eq!(told_of(&t, "c1").await, first, "asking again changes nothing");
        assert_eq!(ask(&t, "c1", json!({"missed": "agent1"})).await.1["agent"], "agent2");
        let missed = t.agent("agent1").await;
        assert_eq!((&missed["state"], &missed["reason"]), (&json!("not_ready"), &json!("missed_call")));
        t.restart().await;
        assert_eq!(told_of(&t, "c1").await["agent"], "agent2", "the book remembers");
        report(&t, "c1", "connected", json!({"agent": "agent2"})).await;
        assert_eq!(t.agent("agent2").await["state"], "on_call");
        let (status, body) = ask(&t, "c1", json!({})).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{body}");
        report(&t, "c1", "ended", json!({})).await;
        report(&t, "c2", "ended", json!({"cause": "no answer"})).await;
        assert!(t.calls().await.iter().all(|call| ["idle", "end"].contains(&call["state"].as_str().unwrap_or("-"))));
    }

    async fn a_system_that_asks_is_told_to_send_away(t: TestApp) {
        group(&t, json!({"maxWaiting": 1, "maxWaitS": 40, "overflowTo": ELSEWHERE})).await;
        assert_eq!(told_of(&t, "c1").await["decision"], "wait");
        let full = told_of(&t, "c2").await;
        assert_eq!((&full["decision"], &full["to"]), (&json!("full"), &json!(ELSEWHERE)), "{full}");
        assert_eq!(told_of(&t, "c2").await, full, "that is settled");
        t.clock.advance(Duration::from_secs(41));
        assert_eq!(told_of(&t, "c1").await["decision"], "waited");
        report(&t, "c1", "ended", json!({})).await;
        let (_, ended) = t.get("/api/v1/dialer-calls?status=closed").await;
        assert!(ended["items"].as_array().is_some_and(|items| items.iter().any(|call| call["outcome"] == "Waited Too Long")), "{ended}");
        // who was sent away is presumed gone soon
        t.pass(Duration::from_secs(20)).await;
        assert!(t.calls().await.iter().all(|call| call["state"] == "end"), "{:?}", t.calls().await);
    }

    async fn who_is_not_asked_for_any_more_makes_room(t: TestApp) {
        group(&t, json!({"maxWaiting": 1})).await;
        assert_eq!(told_of(&t, "c1").await["decision"], "wait");
        t.pass(Duration::from_secs(59)).await;
        assert_eq!(told_of(&t, "c2").await["decision"], "full");
        t.pass(Duration::from_secs(2)).await;
        assert_eq!(told_of(&t, "c3").await["decision"], "wait");
        let others = told_of(&t, "c1").await;
        assert_eq!((&others["decision"], &others["before"]), (&json!("wait"), &json!(0)), "he came first all the same: {others}");
    }

    async fn what_makes_no_sense_is_refused_and_changes_nothing(t: TestApp) {
        group(&t, json!({})).await;
        let before = t.story().await.len();
        for (more, field) in [
            (json!({"number": "+4930999999"}), "number"),
            (json!({"callId": " "}), "callId"),
            (json!({"from": "nobody"}), "from"),
            (json!({"missed": "nobody"}), "missed"),
            (json!({"queue": "Main"}), "queue"),
        ] {
            let (status, body) = ask(&t, "c1", more).await;
            assert_eq!((status, &body["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{body}");
        }
        for (reception, field) in [
            (json!({"hours": [{"days": ["Mon"], "from": "22:00", "to": "06:00"}]}), "reception.hours[0].to"),
            (json!({"hours": [{"days": [], "from": "08:00", "to": "18:00"}]}), "reception.hours[0].days"),
            (json!({"hours": [{"days": ["Mon"], "from": "8", "to": "18:00"}]}), "reception.hours[0].from"),
            (json!({"closedTo": "nowhere"}), "reception.closedTo"),
            (json!({"maxWaiting": -1}), "reception.maxWaiting"),
            (json!({"maxWaitS": 0}), "reception.maxWaitS"),
            (json!({"zone": "Berlin"}), "reception.zone"),
            (json!({"open": true}), "reception.open"),
        ] {
            let body = json!({"number": DID, "reception": reception});
            let (status, body) = answer(t.api(Method::PUT, "/api/v1/ring-groups/Main").json(&body)).await;
            assert_eq!((status, &body["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{body}");
        }
        assert_eq!(t.story().await.len(), before);
        assert_eq!(t.calls().await.len(), 0);
    }

    async fn a_call_that_is_dialed_ahead_keeps_its_agent_from_callers(t: TestApp) {
        house(&t, steady()).await;
        group(&t, json!({})).await;
        crate::support::floor::campaign(&t, "Spring", "progressive", json!({})).await;
        lead(&t, "Spring", "+4930555019", json!({})).await;
        ready(&t, "agent1").await;
        pass(&t, 1).await;
        ring_in(&t, CALLER, DID).await;
        pass(&t, 1).await;
        let calls = t.calls().await;
        let caller = calls.iter().find(|call| call["direction"] == "inbound").expect("the caller");
        assert_eq!((&caller["agent"], &caller["state"]), (&Value::Null, &json!("incoming")), "he waits for another");
        pass(&t, 3).await;
        let dialed = calls.iter().find(|call| call["direction"] != "inbound").expect("the lead's call");
        assert_eq!(state(&t, dialed["id"].as_str().expect("an id")).await, "talk");
    }

    async fn a_connector_is_told_the_agent_of_the_ring_group(t: TestApp) {
        let mut asterisk = gateway("asterisk", "unused", "all");
        asterisk.signature = Some(cti_gateway::domain::secret::SecretHash::of("signing key"));
        t.admin().add_gateway((t.account, ACCOUNT), &asterisk).await.expect("the store").expect("a new gateway");
        t.admin().add_agent((t.account, ACCOUNT), &agent("anna", "101")).await.expect("the store").expect("a new agent");
        t.app().directory.invalidate(t.account);
        group(&t, json!({})).await;
        let start = async |call: &str| {
            let body = format!("vtigersignature=signing+key&callstatus=StartApp&callUUID={call}&callerIdNumber=2025550123&callerId=%2B17815550100");
            let request = t.request(Method::POST, PBXMANAGER).header("content-type", "application/x-www-form-urlencoded");
            request.body(body).send().await.expect("an answer").text().await.expect("a body")
        };
        assert!(start("1").await.contains("<Number>SIP/+17815550100</Number>"), "nobody is free: he stays where he rang");
        ready(&t, "anna").await;
        assert!(start("2").await.contains("<Number>SIP/101</Number>"));
        assert_eq!(t.agent("anna").await["state"], "ringing");
    }
}
