//! The system is dead for a while: agents see it, nothing is stuck, and what was missed is made up for.

use cti_gateway::domain::order::Command;
use serde_json::json;

use super::{CALLER, THEIRS, dial, due, entries, go_down, house, order, pass, ring_in, shown, state, steady, system_state, with};
use crate::support::app::{both, next_event};

both! {
    async fn a_dead_system_is_seen_and_takes_nothing(t: TestApp) {
        house(&t, steady()).await;
        order(&t, "out", dial(THEIRS)).await;
        pass(&t, 3).await;
        let mut softphone = t.softphone("agent2", None).await;
        go_down(&t, 60).await;
        let event = next_event(&mut softphone).await;
        assert_eq!((&event["type"], &event["data"]["state"], &event["data"]["system"]), (&json!("system.state"), &json!("down"), &json!("house")), "every agent sees it: {event}");
        assert_eq!(system_state(&t, "house").await["state"], "down");
        order(&t, "out", Command::Hold).await;
        assert_eq!(entries(&t, "call.order_failed").await.last().expect("one")["code"], "down");
        order(&t, "none", dial(THEIRS)).await;
        assert_eq!(state(&t, "none").await, shown("end", "down"), "a call that is not begun is over");
        pass(&t, 59).await;
        assert_eq!(system_state(&t, "house").await["state"], "down");
        pass(&t, 1).await;
        assert_eq!(next_event(&mut softphone).await["data"]["state"], "up");
        assert_eq!(state(&t, "out").await.0, "talk", "what it still has goes on");
        order(&t, "out", Command::Hangup).await;
        assert_eq!(state(&t, "out").await.0, "end");
    }

    async fn what_was_missed_is_made_up_for(t: TestApp) {
        house(&t, with(json!({"answerS": [5, 5], "callerWaitsS": [20, 20]}))).await;
        order(&t, "answered", dial(THEIRS)).await;
        let gone = ring_in(&t, CALLER, "1001").await;
        go_down(&t, 60).await;
        pass(&t, 59).await;
        assert_eq!((state(&t, "answered").await.0, state(&t, &gone).await.0), ("ringing".into(), "incoming".into()), "nothing is told");
        pass(&t, 1).await;
        assert_eq!(state(&t, "answered").await.0, "talk", "it was answered while nothing was told");
        assert_eq!(state(&t, &gone).await, shown("end", "lost"));
        let ends = t.story().await.iter().filter(|entry| *entry == "call.state end").count();
        due(&t).await;
        assert_eq!(ends, 1);
    }
}
