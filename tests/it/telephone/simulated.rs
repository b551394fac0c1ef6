//! What the simulated system does with orders and by itself, and what a screen sees of it.

use cti_gateway::domain::order::Command;
use serde_json::json;

use super::{CALLER, THEIRS, call, dial, due, entries, house, order, pass, ring_in, shown, state, station, steady, system_state, with};
use crate::support::app::{both, next_event, number};

both! {
    async fn a_call_rings_is_answered_held_and_hung_up(t: TestApp) {
        house(&t, steady()).await;
        order(&t, "out", dial(THEIRS)).await;
        assert_eq!(state(&t, "out").await, shown("ringing", "ringing"));
        let told = call(&t, "out").await;
        assert_eq!((&told["agent"], &told["direction"], &told["phoneNumber"]), (&json!("agent1"), &json!("outbound"), &json!(THEIRS)));
        pass(&t, 2).await;
        assert_eq!(state(&t, "out").await.0, "ringing", "three seconds are not over");
        pass(&t, 1).await;
        assert_eq!(state(&t, "out").await, shown("talk", "in-progress"));
        order(&t, "out", Command::Hold).await;
        assert_eq!(state(&t, "out").await.0, "hold");
        order(&t, "out", Command::Resume).await;
        assert_eq!(state(&t, "out").await.0, "talk");
        let before = t.story().await;
        order(&t, "out", Command::Dtmf { digits: "12#".into() }).await;
        order(&t, "out", Command::Play { file: "hello".into() }).await;
        let more: Vec<String> = t.story().await.split_off(before.len());
        assert_eq!(more, ["call.ordered -", "call.ordered -"], "nothing moves");
        pass(&t, 7).await;
        order(&t, "out", Command::Hangup).await;
        assert_eq!(state(&t, "out").await, shown("end", "completed"));
        assert_eq!(call(&t, "out").await["billDuration"], 7);
    }

    async fn calls_come_out_as_the_shares_say(t: TestApp) {
        for (share, seconds, status) in [("busy", 0, "busy"), ("failed", 0, "failed"), ("noAnswer", 30, "hangup"), ("machine", 23, "machine")] {
            let mut outcomes = json!({"answered": 0, "busy": 0, "noAnswer": 0, "machine": 0, "failed": 0});
            outcomes[share] = json!(1);
            house(&t, with(json!({ "outcomes": outcomes }))).await;
            order(&t, share, dial(THEIRS)).await;
            pass(&t, seconds).await;
            assert_eq!(state(&t, share).await, shown("end", status), "{share}");
        }
        // somebody who answers hangs up by himself, when nobody else does
        house(&t, with(json!({"remoteHangup": 100, "talkS": [5, 5]}))).await;
        order(&t, "talk", dial(THEIRS)).await;
        pass(&t, 7).await;
        assert_eq!(state(&t, "talk").await.0, "talk");
        pass(&t, 1).await;
        assert_eq!(state(&t, "talk").await, shown("end", "completed"));
    }

    async fn a_caller_rings_until_he_is_answered_or_gives_up(t: TestApp) {
        house(&t, steady()).await;
        let mut softphone = t.softphone("agent1", None).await;
        let answered = ring_in(&t, CALLER, "1001").await;
        let event = next_event(&mut softphone).await;
        assert_eq!((&event["data"]["state"], &event["data"]["phone"]), (&json!("incoming"), &json!(CALLER)), "{event}");
        order(&t, &answered, Command::Answer { station: station("agent1", "1001") }).await;
        assert_eq!(next_event(&mut softphone).await["data"]["state"], "talk");
        order(&t, &answered, Command::Hangup).await;
        let given_up = ring_in(&t, CALLER, "+12025550100").await;
        let told = call(&t, &given_up).await;
        assert_eq!((&told["direction"], &told["agent"]), (&json!("inbound"), &json!(null)), "nobody's own number");
        pass(&t, 59).await;
        assert_eq!(state(&t, &given_up).await.0, "incoming");
        pass(&t, 1).await;
        assert_eq!(state(&t, &given_up).await, shown("end", "hangup"));
    }

    async fn an_answered_call_is_given_to_an_agent(t: TestApp) {
        house(&t, with(json!({"pickupS": [2, 2], "silenceS": [4, 4]}))).await;
        let alone = Command::Dial { number: number(THEIRS).expect("a number"), caller_id: None, station: None, ring_s: 30 };
        for name in ["taken", "left"] {
            order(&t, name, alone.clone()).await;
        }
        pass(&t, 3).await;
        assert_eq!((state(&t, "taken").await.0, &call(&t, "taken").await["agent"]), ("talk".into(), &json!(null)));
        order(&t, "taken", Command::Connect { station: station("agent2", "1002") }).await;
        pass(&t, 2).await;
        assert_eq!(call(&t, "taken").await["agent"], "agent2");
        pass(&t, 2).await;
        assert_eq!((state(&t, "taken").await.0, state(&t, "left").await.0), ("talk".into(), "end".into()), "who hears nobody hangs up");
        order(&t, "left", Command::Connect { station: station("agent1", "1001") }).await;
        assert_eq!(entries(&t, "call.order_failed").await.len(), 0, "a call that cannot be connected is over, and that is all");
    }

    async fn a_conversation_is_given_away(t: TestApp) {
        house(&t, steady()).await;
        for name in ["inside", "outside"] {
            order(&t, name, dial(THEIRS)).await;
        }
        pass(&t, 3).await;
        order(&t, "inside", Command::BlindTransfer { number: number("1002").expect("a number") }).await;
        assert_eq!((state(&t, "inside").await.0, &call(&t, "inside").await["agent"]), ("talk".into(), &json!("agent2")));
        order(&t, "outside", Command::BlindTransfer { number: number(CALLER).expect("a number") }).await;
        assert_eq!(state(&t, "outside").await, shown("end", "completed"), "it is ours no more");
        assert_eq!(call(&t, "outside").await["transferredNumber"], CALLER);
    }

    async fn a_colleague_is_asked_first(t: TestApp) {
        house(&t, steady()).await;
        order(&t, "out", dial(THEIRS)).await;
        pass(&t, 3).await;
        let ask = |leg: &str| Command::ConsultTransfer { number: number("1002").expect("a number"), leg: leg.into(), station: station("agent1", "1001") };
        order(&t, "out", ask("leg")).await;
        assert_eq!((state(&t, "out").await.0, state(&t, "leg").await.0), ("hold".into(), "ringing".into()));
        order(&t, "leg", Command::CompleteTransfer { with: "out".into() }).await;
        assert_eq!(entries(&t, "call.order_failed").await[0]["code"], "wrong_state", "the colleague has not answered");
        pass(&t, 3).await;
        assert_eq!(state(&t, "leg").await.0, "talk");
        order(&t, "leg", Command::CompleteTransfer { with: "out".into() }).await;
        assert_eq!((state(&t, "out").await.0, state(&t, "leg").await.0), ("talk".into(), "end".into()));
        assert_eq!(call(&t, "out").await["agent"], "agent2");
    }

    async fn two_calls_become_one_conversation(t: TestApp) {
        house(&t, steady()).await;
        order(&t, "out", dial(THEIRS)).await;
        pass(&t, 3).await;
        order(&t, "out", Command::ConsultTransfer { number: number(CALLER).expect("a number"), leg: "leg".into(), station: station("agent1", "1001") }).await;
        pass(&t, 3).await;
        order(&t, "leg", Command::Conference { with: "out".into() }).await;
        assert_eq!((state(&t, "out").await.0, state(&t, "leg").await.0), ("talk".into(), "talk".into()));
        order(&t, "leg", Command::Hangup).await;
        assert_eq!(state(&t, "out").await.0, "talk", "the others go on");
        // a third party is rung into it, and the customer hears nothing until that one has left
        let invite = Command::Invite { number: number(CALLER).expect("a number"), leg: "third".into(), station: station("agent1", "1001"), mute_customer: true };
        order(&t, "out", invite).await;
        pass(&t, 3).await;
        assert_eq!((state(&t, "out").await.0, state(&t, "third").await.0), ("hold".into(), "talk".into()));
        order(&t, "third", Command::Hangup).await;
        assert_eq!(state(&t, "out").await.0, "talk");
    }

    async fn what_is_refused_is_told_to_the_agent(t: TestApp) {
        house(&t, steady()).await;
        let mut softphone = t.softphone("agent1", None).await;
        order(&t, "out", dial(THEIRS)).await;
        assert_eq!(next_event(&mut softphone).await["data"]["state"], "ringing");
        order(&t, "out", Command::Resume).await;
        let event = next_event(&mut softphone).await;
        let told = call(&t, "out").await;
        assert_eq!((&event["type"], &event["call"], &event["agent"], &event["audience"]), (&json!("call.order_failed"), &told["id"], &json!("agent1"), &json!(["agent1"])));
        assert_eq!((&event["data"]["verb"], &event["data"]["code"], &event["data"]["call"]), (&json!("resume"), &json!("wrong_state"), &told["id"]), "{event}");
        // a call of that name is there already: the second one fails as a call does, and takes nothing from the first
        order(&t, "unknown", Command::Hangup).await;
        assert_eq!(entries(&t, "call.order_failed").await.last().expect("one")["code"], "no_such_call");
        pass(&t, 3).await;
        assert_eq!(state(&t, "out").await.0, "talk");
    }

    async fn news_are_late_or_lost_as_it_is_told(t: TestApp) {
        house(&t, with(json!({"newsMs": [1500, 1500]}))).await;
        order(&t, "late", dial(THEIRS)).await;
        assert!(t.calls().await.is_empty(), "nothing was heard yet");
        pass(&t, 1).await;
        assert!(t.calls().await.is_empty());
        pass(&t, 1).await;
        let told = call(&t, "late").await;
        assert_eq!((&told["state"], &told["createdAt"]), (&json!("ringing"), &json!("2026-11-20T12:00:02Z")), "{told}");
        assert_eq!(told["attempts"][0]["startedAt"], "2026-11-20T12:00:00Z", "it happened before we heard of it");
        house(&t, with(json!({"lostNews": 100}))).await;
        order(&t, "lost", dial(THEIRS)).await;
        pass(&t, 5).await;
        assert_eq!(t.calls().await.len(), 1, "nothing of it was heard");
        order(&t, "lost", Command::Hold).await;
        assert_eq!(entries(&t, "call.order_failed").await.len(), 0, "but it is there");
    }

    async fn its_state_is_told_and_can_be_asked_for(t: TestApp) {
        assert_eq!(t.get("/api/v1/telephone-systems/house/state").await.0, 404);
        house(&t, steady()).await;
        let up = json!({"system": "house", "state": "up", "since": "2026-11-20T12:00:00Z", "message": ""});
        assert_eq!(system_state(&t, "House").await, up);
        due(&t).await;
        assert_eq!(entries(&t, "system.state").await, std::slice::from_ref(&up), "once");
        t.restart().await;
        due(&t).await;
        assert_eq!(entries(&t, "system.state").await, [up], "and not again");
    }
}
