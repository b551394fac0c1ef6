//! Calls that we start: they come about, or do not, and end.

use cti_gateway::domain::order::Command;
use serde_json::json;

use crate::support::{
    app::{TestApp, both},
    asterisk::Asterisk,
    desk::{Desk, OUR_NUMBER, dial, number, outside, station},
    phones::{Phone, Phones},
};

const CUSTOMER: &str = "+4930111001";

/// The call came about, and its number rings.
async fn ringing(phones: &Phones, desk: &Desk<'_>, call: &str, to: &str) -> (Phone, Phone) {
    desk.order(call, dial(to, Some("agent1"))).await;
    let anna = phones.called("1001").await;
    anna.pick_up().await;
    let customer = phones.called(to).await;
    customer.ring().await;
    desk.until(call, "ringing").await;
    (anna, customer)
}

async fn leads_nowhere(t: &TestApp, trunk: &str) {
    let asterisk = Asterisk::start().await;
    let phones = Phones::of(&asterisk).await;
    let desk = Desk::with(t, asterisk.address, &json!({ "trunk": trunk })).await;
    desk.is_up().await;
    desk.order("c1", dial(CUSTOMER, None)).await;
    assert_eq!(desk.until("c1", "end").await["outcome"], "Failed");
    phones.nothing_left().await;
}

both! {
    #[ignore = "asterisk"]
    async fn a_call_from_its_beginning_to_its_end(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        desk.order("c1", dial(CUSTOMER, Some("agent1"))).await;

        let anna = phones.called("1001").await;
        assert_eq!(anna.shows, CUSTOMER, "her telephone shows whom it is about to call");
        anna.ring().await;
        assert!(!phones.was_called(CUSTOMER), "the number is not rung before she has picked up");
        anna.pick_up().await;

        let customer = phones.called(CUSTOMER).await;
        assert_eq!(customer.shows, OUR_NUMBER);
        customer.ring().await;
        desk.until("c1", "ringing").await;
        customer.pick_up().await;
        desk.until("c1", "talk").await;

        customer.press("1").await;
        anna.hears("1").await;
        anna.press("2").await;
        customer.hears("2").await;

        desk.order("c1", Command::Dtmf { digits: "47#*".into() }).await;
        customer.hears("47#*").await;
        assert_eq!(anna.tones(), "1", "tones go to the other side only");

        desk.order("c1", Command::Hold).await;
        desk.until("c1", "hold").await;
        customer.hears_sound().await;
        anna.press_and_wait("3").await;
        customer.press_and_wait("3").await;
        desk.order("c1", Command::Resume).await;
        desk.until("c1", "talk").await;
        anna.press("8").await;
        customer.hears("8").await;
        customer.press("9").await;
        anna.hears("9").await;
        assert_eq!((anna.tones().as_str(), customer.tones().as_str()), ("19", "247#*8"), "nothing was heard while it was on hold");

        desk.order("c1", Command::Play { file: "demo-instruct".into() }).await;
        customer.hears_sound().await;
        desk.refused_nothing().await;

        desk.order("c1", Command::Hangup).await;
        assert_eq!(desk.ended("c1").await, "completed");
        customer.is_released().await;
        anna.is_released().await;
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn a_number_that_does_not_answer_says_why(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        for (index, (cause, outcome, word)) in [
            (17, "Busy", "busy"),
            (21, "Busy", "rejected"),
            (18, "No Answer", "no_answer"),
            (19, "No Answer", "no_answer"),
            (1, "Failed", "failed"),
            (34, "Failed", "failed"),
            (38, "Failed", "failed"),
        ]
        .into_iter()
        .enumerate()
        {
            let call = format!("c{index}");
            let (anna, customer) = ringing(&phones, &desk, &call, CUSTOMER).await;
            customer.hang_up(cause).await;
            let ended = desk.until(&call, "end").await;
            assert_eq!((&ended["outcome"], &ended["hangupReason"]), (&json!(outcome), &json!(word)), "{cause}");
            anna.is_released().await;
        }
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn a_number_is_rung_no_longer_than_ordered(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        desk.order("c1", Command::Dial { number: number(CUSTOMER), caller_id: Some(number("+4930555009")), station: None, ring_s: 1 }).await;
        let customer = phones.called(CUSTOMER).await;
        assert_eq!(customer.shows, "+4930555009", "the order's own caller ID");
        customer.ring().await;
        assert_eq!(desk.until("c1", "end").await["outcome"], "No Answer");
        customer.is_released().await;
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn a_number_that_leads_to_no_driver_fails(t: TestApp with outside) {
        leads_nowhere(&t, "PJSIP/{number}@trunk").await;
    }

    #[ignore = "asterisk"]
    async fn a_number_that_leads_to_no_extension_fails(t: TestApp with outside) {
        leads_nowhere(&t, "Local/{number}@nowhere/n").await;
    }

    #[ignore = "asterisk"]
    async fn the_other_side_hangs_up(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer) = ringing(&phones, &desk, "c1", CUSTOMER).await;
        customer.pick_up().await;
        desk.until("c1", "talk").await;
        customer.hang_up(16).await;
        assert_eq!(desk.ended("c1").await, "completed");
        anna.is_released().await;
        phones.nothing_left().await;
        let call = desk.until("c1", "end").await;
        assert_eq!((&call["agent"], &call["phoneNumber"], &call["outcome"]), (&json!("agent1"), &json!(CUSTOMER), &json!("Connected")));
    }

    #[ignore = "asterisk"]
    async fn the_agents_telephone_hangs_up(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer) = ringing(&phones, &desk, "c1", CUSTOMER).await;
        anna.hang_up(16).await;
        customer.is_released().await;
        assert_eq!(desk.ended("c1").await, "completed", "given up by us while it rang");

        let (anna, customer) = ringing(&phones, &desk, "c2", CUSTOMER).await;
        customer.pick_up().await;
        desk.until("c2", "talk").await;
        anna.hang_up(16).await;
        customer.is_released().await;
        desk.ended("c2").await;
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn an_agent_who_does_not_come_costs_nobody_a_call(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        desk.order("c1", dial(CUSTOMER, Some("agent1"))).await;
        phones.called("1001").await.hang_up(17).await;
        assert_eq!(desk.ended("c1").await, "agent_busy");

        desk.order("c2", dial(CUSTOMER, Some("agent1"))).await;
        phones.called("1001").await.ring().await;
        desk.order("c2", Command::Hangup).await;
        assert_eq!(desk.ended("c2").await, "completed", "ended by order while only our own telephone rang");

        desk.order("c3", dial(CUSTOMER, Some("nobody"))).await;
        assert_eq!(desk.ended("c3").await, "no_extension");

        phones.nothing_left().await;
        assert!(!phones.was_called(CUSTOMER));
        assert_eq!(desk.states("c1").await, ["idle", "end"], "it was never rung");
    }

    #[ignore = "asterisk"]
    async fn a_call_is_dialed_first_and_given_to_an_agent_when_it_is_answered(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        desk.order("c1", dial(CUSTOMER, None)).await;
        let customer = phones.called(CUSTOMER).await;
        customer.pick_up().await;
        desk.until("c1", "talk").await;
        let agent = &desk.until("c1", "talk").await["agent"];
        assert_eq!(agent, &json!(null), "it was answered, but nobody of us is there yet");

        desk.order("c1", Command::Connect { station: station("agent1") }).await;
        let anna = phones.called("1001").await;
        assert_eq!(anna.shows, CUSTOMER);
        anna.pick_up().await;
        desk.shows("c1", "agent", "agent1").await;
        customer.press("5").await;
        anna.hears("5").await;
        anna.press("6").await;
        customer.hears("6").await;
        desk.order("c1", Command::Hangup).await;
        desk.ended("c1").await;
        anna.is_released().await;
        phones.nothing_left().await;
    }
}
