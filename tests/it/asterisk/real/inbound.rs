//! Calls that reach us.

use cti_gateway::domain::order::Command;
use serde_json::json;

use crate::support::{
    app::both,
    asterisk::Asterisk,
    desk::{Desk, dial, outside, station},
    phones::Phones,
};

const CALLER: &str = "\"Ada Lovelace\" <+12025550123>";
const OUR_LINE: &str = "4930555000";
const LINE: &str = "4930555000@did";

both! {
    #[ignore = "asterisk"]
    async fn a_caller_is_offered_and_answered(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let call = phones.call_in(LINE, CALLER, "ada").await;
        desk.until(&call, "incoming").await;
        let journal = t.journal().await;
        let shown = journal.iter().find(|entry| entry["type"] == "call.state").map(|entry| &entry["data"]).expect("a call");
        assert_eq!((&shown["state"], &shown["direction"]), (&json!("incoming"), &json!("inbound")), "{shown}");
        assert_eq!((&shown["phone"], &shown["dnis"], &shown["queueDn"]), (&json!("+12025550123"), &json!(OUR_LINE), &json!("support")));

        desk.order(&call, Command::Answer { station: station("agent1") }).await;
        let anna = phones.called("1001").await;
        assert_eq!(anna.shows, "+12025550123");
        anna.ring().await;
        let order = desk.order(&call, Command::Answer { station: station("agent2") }).await;
        assert_eq!(desk.refusal(order).await, "taken", "two agents want it, and one gets it");
        anna.pick_up().await;
        desk.until(&call, "talk").await;
        let ada = phones.answered("ada").await;
        ada.press("1").await;
        anna.hears("1").await;
        anna.press("2").await;
        ada.hears("2").await;
        assert_eq!(desk.until(&call, "talk").await["agent"], "agent1");

        ada.hang_up(16).await;
        assert_eq!(desk.ended(&call).await, "completed");
        anna.is_released().await;
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn an_agent_who_does_not_pick_up_leaves_the_caller_ringing(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let call = phones.call_in(LINE, CALLER, "ada").await;
        desk.until(&call, "incoming").await;
        let order = desk.order(&call, Command::Answer { station: station("agent1") }).await;
        phones.called("1001").await.hang_up(19).await;
        assert_eq!(desk.refusal(order).await, "agent_no_answer");
        desk.order(&call, Command::Answer { station: station("agent2") }).await;
        let ben = phones.called("1002").await;
        ben.pick_up().await;
        let ada = phones.answered("ada").await;
        ben.press("7").await;
        ada.hears("7").await;
        ben.hang_up(16).await;
        ada.is_released().await;
        desk.ended(&call).await;
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn a_caller_gives_up_or_is_turned_away(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let call = phones.call_in(LINE, CALLER, "ada").await;
        desk.until(&call, "incoming").await;
        desk.order(&call, Command::Answer { station: station("agent1") }).await;
        let anna = phones.called("1001").await;
        phones.give_up("ada").await;
        desk.until(&call, "end").await;
        anna.is_released().await;
        assert_eq!(desk.states(&call).await, ["incoming", "idle", "end"]);

        let call = phones.call_in(LINE, "<anonymous>", "bob").await;
        desk.until(&call, "incoming").await;
        assert_eq!(desk.until(&call, "incoming").await["phoneNumber"], json!(null), "a caller without a number");
        desk.order(&call, Command::Hangup).await;
        assert_eq!(phones.ended("bob").await, 17, "he hears that we are busy");
        assert_eq!(desk.ended(&call).await, "completed");
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn an_agent_on_the_line_who_talks_to_nobody_is_not_rung_again(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        desk.order("c1", dial("+4930111001", Some("agent1"))).await;
        let anna = phones.called("1001").await;
        anna.pick_up().await;
        let first = phones.called("+4930111001").await;
        first.pick_up().await;
        desk.until("c1", "talk").await;
        desk.order("c1", Command::Hold).await;
        desk.until("c1", "hold").await;

        let call = phones.call_in(LINE, CALLER, "ada").await;
        desk.until(&call, "incoming").await;
        desk.order(&call, Command::Answer { station: station("agent1") }).await;
        let ada = phones.answered("ada").await;
        desk.until(&call, "talk").await;
        ada.press("4").await;
        anna.hears("4").await;
        desk.order(&call, Command::Hold).await;
        desk.until(&call, "hold").await;

        desk.order("c2", dial("+4930111002", Some("agent1"))).await;
        let second = phones.called("+4930111002").await;
        second.pick_up().await;
        second.press("5").await;
        anna.hears("45").await;
        second.hang_up(16).await;
        desk.ended("c2").await;

        desk.order("c1", Command::Resume).await;
        desk.until("c1", "talk").await;
        first.press("6").await;
        anna.hears("456").await;
        assert_eq!(ada.tones(), "", "who waits hears nothing of it");
        desk.order(&call, Command::Hangup).await;
        ada.is_released().await;
        assert!(first.is_busy() && anna.is_busy(), "the others go on");
        desk.order("c1", Command::Hangup).await;
        anna.is_released().await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn a_caller_who_is_sent_elsewhere_by_the_dialplan_is_over_for_us(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let call = phones.call_in(LINE, CALLER, "ada").await;
        desk.until(&call, "incoming").await;
        desk.order(&call, Command::Answer { station: station("agent1") }).await;
        let anna = phones.called("1001").await;
        anna.pick_up().await;
        let ada = phones.answered("ada").await;
        desk.until(&call, "talk").await;
        ada.go_elsewhere(&call).await;
        assert_eq!(desk.ended(&call).await, "completed");
        anna.is_released().await;
        assert!(ada.is_busy(), "he is still in a call, but not in one of ours");
        ada.hang_up(16).await;
        phones.nothing_left().await;
    }
}
