//! One server drives a system, and an order is carried out at most once.

use std::time::Duration;

use chrono::TimeDelta;
use cti_gateway::{
    app::{
        clock::Clock,
        committer::{Committer, OrderWork, Work},
    },
    domain::{
        order::{Command, Order},
        telephone::OWN_GATEWAY,
    },
    store::holds,
};
use serde_json::json;

use super::{CALLER, THEIRS, account, call, dial, due, entries, give, house, order, pass, ring_in, shown, state, steady, system_state};
use crate::support::{
    app::{TestApp, both},
    beside::Beside,
};

/// Another server, of which nothing is left but its hold.
async fn somebody_else_holds(t: &TestApp, seconds: i64) {
    let (app, now) = (t.app(), t.clock.now());
    let until = now + TimeDelta::seconds(seconds);
    // whoever held it before has let go
    holds::take(app.db.write(), t.account, "house", t.clock.id(), now + TimeDelta::days(1), until).await.expect("the store");
}

/// How often the call began to ring, by what was told.
async fn beginnings(t: &TestApp) -> usize {
    t.story().await.iter().filter(|entry| *entry == "call.state ringing").count()
}

both! {
    async fn what_another_server_holds_is_left_to_it_until_its_hold_is_over(t: TestApp) {
        somebody_else_holds(&t, 6).await;
        house(&t, steady()).await;
        order(&t, "before", dial(THEIRS)).await;
        assert_eq!((beginnings(&t).await, system_state(&t, "house").await["state"].clone()), (0, json!("down")));
        pass(&t, 5).await;
        assert_eq!(beginnings(&t).await, 0);
        pass(&t, 1).await;
        assert_eq!(system_state(&t, "house").await["state"], "up", "it is ours now");
        assert_eq!(beginnings(&t).await, 0, "what was ordered before is not made up for");
        order(&t, "after", dial(THEIRS)).await;
        assert_eq!((beginnings(&t).await, state(&t, "after").await.0), (1, "ringing".into()));
    }

    async fn who_has_lost_a_system_does_nothing_more(t: TestApp) {
        house(&t, steady()).await;
        order(&t, "ours", dial(THEIRS)).await;
        assert_eq!(beginnings(&t).await, 1);
        somebody_else_holds(&t, 600).await;
        pass(&t, 6).await;
        assert_eq!(state(&t, "ours").await.0, "ringing", "what it had is not told any more");
        order(&t, "theirs", dial(THEIRS)).await;
        assert_eq!(beginnings(&t).await, 1);
    }

    async fn after_a_restart_lost_calls_are_ended_and_no_order_is_repeated(t: TestApp) {
        house(&t, steady()).await;
        order(&t, "out", dial(THEIRS)).await;
        let incoming = ring_in(&t, CALLER, "1001").await;
        // another gateway's call is another's to end
        t.vtiger("event=call_initiated&call_id=theirs&from=%2B4930123457&to=1002").await;
        pass(&t, 3).await;
        assert_eq!(state(&t, "out").await.0, "talk");
        let before = beginnings(&t).await;
        t.restart().await;
        due(&t).await;
        assert_eq!(state(&t, "out").await, shown("end", "lost"));
        assert_eq!(state(&t, &incoming).await, shown("end", "lost"));
        assert_eq!(state(&t, "theirs").await.0, "incoming");
        assert_eq!(beginnings(&t).await, before);
        pass(&t, 10).await;
        assert_eq!(beginnings(&t).await, before, "the journal is not read from its beginning");
    }

    async fn an_order_that_nobody_read_in_time_is_not_carried_out(t: TestApp) {
        house(&t, steady()).await;
        order(&t, "out", dial(THEIRS)).await;
        pass(&t, 3).await;
        for (age, kept) in [(15, "hold"), (16, "talk")] {
            // it was given by a server whose entries come late
            let (app, clock) = (t.app(), Clock::manual(t.clock.now() - TimeDelta::seconds(age)));
            let (committer, tasks) = Committer::start(&app.db, &app.hub, &clock, &t.config.committer_settings());
            let hold = Order { id: clock.id(), call: "out".into(), command: Command::Hold };
            let work = Work::Order(OrderWork { system: "house".into(), gateway: OWN_GATEWAY, order: hold });
            committer.submit(&account(&t).await, work, Duration::from_secs(5)).await.expect("stored");
            drop(committer);
            for task in tasks {
                task.await.expect("it ends well");
            }
            due(&t).await;
            assert_eq!(state(&t, "out").await.0, kept, "{age} s old");
            if kept == "hold" {
                order(&t, "out", Command::Resume).await;
            }
        }
        assert_eq!(entries(&t, "call.order_failed").await[0]["code"], "too_late");
    }

    async fn of_two_servers_one_drives_and_the_other_takes_over(t: TestApp) {
        house(&t, steady()).await;
        let second = Beside::start(&t).await;
        second.app.run_switchboard_due().await;
        for name in ["a", "b", "c"] {
            give(&t, name, dial(THEIRS)).await.expect("stored");
            second.app.run_switchboard_due().await;
            due(&t).await;
        }
        second.app.run_switchboard_due().await;
        assert_eq!(beginnings(&t).await, 3, "each was carried out once");
        assert_eq!(entries(&t, "call.order_failed").await.len(), 0);
        // an order that comes to the other server is carried out by the one that drives
        let theirs = second.app.directory.account(&second.app.hub, t.account).await.expect("the account");
        let hangup = Order { id: t.clock.id(), call: "a".into(), command: Command::Hangup };
        second.app.order(&theirs, hangup).await.expect("stored");
        second.app.run_switchboard_due().await;
        assert_eq!(state(&t, "a").await.0, "ringing");
        due(&t).await;
        assert_eq!(state(&t, "a").await.0, "end");
        drop(theirs);
        // the one that drives goes, and the other has the system at once, without its calls
        t.stop().await;
        second.app.run_switchboard_due().await;
        let shown = second.app.system_state(&second.app.directory.account(&second.app.hub, t.account).await.expect("the account"), "house").await.expect("the store");
        assert!(shown.is_some_and(|state| state.is_up));
        second.stop().await;
        t.restart().await;
        assert_eq!(call(&t, "b").await["callStatus"], "lost");
        assert_eq!(beginnings(&t).await, 3);
    }
}
