//! The tab lease as three tabs of one agent see it: one rings and dials, the others keep quiet.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, both},
    floor::{due, house, steady},
    wire::Wire,
};

const TABS: [&str; 3] =
    ["0193a1b2-0000-7000-8000-00000000000a", "0193a1b2-0000-7000-8000-00000000000b", "0193a1b2-0000-7000-8000-00000000000c"];

/// A tab of agent1's softphone, and what its snapshot says of the lease.
async fn tab(t: &TestApp, tab: &str) -> (Wire, Value) {
    let mut wire = Wire::softphone(t, "agent1", json!({ "tab": tab })).await;
    let lease = wire.next_of("snapshot").await["agent"]["lease"].clone();
    (wire, lease)
}

/// The answer to a command; events that come before it are passed over.
async fn ask(wire: &mut Wire, id: &str, m: &str, p: Value) -> Value {
    wire.send(json!({"op": "cmd", "id": id, "m": m, "p": p})).await;
    wire.next_of("res").await
}

/// The next change of the lease.
async fn changed(wire: &mut Wire) -> (Value, Value) {
    loop {
        let frame = wire.frame().await;
        if frame["type"] == "lease.changed" {
            assert_eq!(frame["data"]["agent"], "agent1");
            return (frame["data"]["tab"].clone(), frame["data"]["fence"].clone());
        }
    }
}

both! {
    async fn one_tab_is_enabled_until_another_one_is_asked_to(t: TestApp) {
        house(&t, steady()).await;
        let (mut first, lease) = tab(&t, TABS[0]).await;
        assert_eq!(lease, json!({"agent": "agent1", "tab": TABS[0], "fence": 1}), "who comes first is enabled");
        let (mut second, lease) = tab(&t, TABS[1]).await;
        let (mut third, again) = tab(&t, TABS[2]).await;
        assert_eq!((&lease["tab"], &again["tab"]), (&json!(TABS[0]), &json!(TABS[0])));
        // no second tab dials
        let refused = ask(&mut second, "1", "dial", json!({"number": "+493055501901"})).await;
        assert_eq!(refused["err"]["code"], "disabled_tab", "{refused}");
        // nor does one take over that only asks whether it is free
        let answer = ask(&mut third, "2", "enable_current_tab", json!({"ifFree": true})).await;
        assert_eq!(answer["d"], json!({"agent": "agent1", "tab": TABS[0], "fence": 1}));
        let answer = ask(&mut second, "3", "enable_current_tab", json!({})).await;
        assert_eq!(answer["d"], json!({"agent": "agent1", "tab": TABS[1], "fence": 2}));
        for wire in [&mut first, &mut third] {
            assert_eq!(changed(wire).await, (json!(TABS[1]), json!(2)));
        }
        // its call stays where it is
        let granted = ask(&mut second, "4", "dial", json!({"number": "+493055501901"})).await;
        assert_eq!(granted["ok"], true, "{granted}");
        due(&t).await;
        let refused = ask(&mut first, "5", "enable_current_tab", json!({})).await;
        assert_eq!(refused["err"]["code"], "refused", "{refused}");
        // but every tab may end it
        let call = granted["d"]["call"].clone();
        assert_eq!(ask(&mut first, "6", "hangup", json!({ "call": call })).await["ok"], true);
        due(&t).await;
        assert_eq!(ask(&mut first, "7", "enable_current_tab", json!({})).await["d"]["fence"], 3);
    }

    async fn a_tab_that_is_gone_frees_it_and_one_that_comes_back_in_time_keeps_it(t: TestApp) {
        let (first, _) = tab(&t, TABS[0]).await;
        let (mut second, _) = tab(&t, TABS[1]).await;
        drop(first);
        t.clock.advance(Duration::from_secs(10));
        t.app().renew_softphones().await;
        let (first, lease) = tab(&t, TABS[0]).await;
        assert_eq!(lease, json!({"agent": "agent1", "tab": TABS[0], "fence": 1}), "a reload");
        drop(first);
        while t.app().sweep_agents().await.expect("a sweep") > 0 {}
        t.clock.advance(Duration::from_secs(21));
        t.app().sweep_agents().await.expect("a sweep");
        assert_eq!(changed(&mut second).await, (Value::Null, json!(1)));
        assert_eq!(ask(&mut second, "1", "enable_current_tab", json!({"ifFree": true})).await["d"]["tab"], TABS[1]);
        assert_eq!(t.agent("agent1").await["state"], "not_ready", "the softphone was there all the time");
    }

    async fn who_signs_out_leaves_no_tab_enabled(t: TestApp) {
        let (mut first, _) = tab(&t, TABS[0]).await;
        t.be("agent1", "offline").await;
        assert_eq!(changed(&mut first).await, (Value::Null, json!(1)));
        let refused = ask(&mut first, "1", "enable_current_tab", json!({})).await;
        assert_eq!(refused["err"]["code"], "refused");
    }

    async fn who_signs_out_and_comes_back_at_once_is_signed_in(t: TestApp) {
        let (first, _) = tab(&t, TABS[0]).await;
        t.be("agent1", "offline").await;
        drop(first);
        let (_second, lease) = tab(&t, TABS[1]).await;
        assert_eq!((t.agent("agent1").await["state"].clone(), &lease["tab"]), (json!("not_ready"), &json!(TABS[1])));
    }

    async fn a_program_and_a_tab_without_a_name_cannot_be_enabled(t: TestApp) {
        let mut nameless = Wire::softphone(&t, "agent1", json!({})).await;
        assert_eq!(nameless.next_of("snapshot").await["agent"]["lease"]["tab"], Value::Null);
        assert_eq!(ask(&mut nameless, "1", "enable_current_tab", json!({})).await["err"]["code"], "forbidden");
        let mut program = Wire::program(&t, json!({"agents": "*"})).await;
        assert_eq!(ask(&mut program, "1", "enable_current_tab", json!({})).await["err"]["code"], "forbidden");
        let mut wrong = Wire::softphone(&t, "agent1", json!({"tab": "one"})).await;
        assert_eq!(wrong.closed().await.0, 4501);
    }
}
