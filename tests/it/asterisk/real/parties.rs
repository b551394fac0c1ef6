//! Third parties: transfers and conferences, to outsiders and to agents of ours.

use cti_gateway::domain::order::Command;
use serde_json::json;

use crate::support::{
    app::both,
    asterisk::Asterisk,
    desk::{Desk, dial, number, outside, station},
    phones::{Phone, Phones},
};

const CUSTOMER: &str = "+4930111001";
const EXPERT: &str = "+4930111002";

/// Anna talks to the customer.
async fn talking(phones: &Phones, desk: &Desk<'_>) -> (Phone, Phone) {
    desk.order("c1", dial(CUSTOMER, Some("agent1"))).await;
    let anna = phones.called("1001").await;
    anna.pick_up().await;
    let customer = phones.called(CUSTOMER).await;
    customer.pick_up().await;
    desk.until("c1", "talk").await;
    (anna, customer)
}

/// Each of them hears what each other says.
async fn all_talk(all: &[&Phone], digit: &str) {
    for speaker in all {
        let before: Vec<String> = all.iter().map(|phone| phone.tones()).collect();
        speaker.press(digit).await;
        for (phone, before) in all.iter().zip(before) {
            if phone.channel != speaker.channel {
                phone.hears(&format!("{before}{digit}")).await;
            }
        }
    }
}

async fn consulting(phones: &Phones, desk: &Desk<'_>, to: &str) -> (Phone, Phone, Phone) {
    let (anna, customer) = talking(phones, desk).await;
    desk.order("c1", Command::ConsultTransfer { number: number(to), leg: "c2".into(), station: station("agent1") }).await;
    desk.until("c1", "hold").await;
    let expert = phones.called(to).await;
    expert.ring().await;
    desk.until("c2", "ringing").await;
    expert.pick_up().await;
    desk.until("c2", "talk").await;
    all_talk(&[&anna, &expert], "1").await;
    assert_eq!(customer.tones(), "", "who waits hears nothing of it");
    customer.hears_sound().await;
    (anna, customer, expert)
}

both! {
    #[ignore = "asterisk"]
    async fn a_call_is_given_away_without_asking(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer) = talking(&phones, &desk).await;
        desk.order("c1", Command::BlindTransfer { number: number(EXPERT) }).await;
        let expert = phones.called(EXPERT).await;
        anna.is_released().await;
        assert_eq!(desk.ended("c1").await, "completed", "no agent of ours is left in it");
        assert_eq!(desk.until("c1", "end").await["transferredNumber"], EXPERT);
        expert.pick_up().await;
        all_talk(&[&customer, &expert], "1").await;
        let order = desk.order("c1", Command::Hold).await;
        assert_eq!(desk.refusal(order).await, "no_such_call");
        expert.hang_up(16).await;
        customer.is_released().await;
        phones.nothing_left().await;
        assert_eq!(desk.states("c1").await, ["ringing", "talk", "idle", "end"]);
    }

    #[ignore = "asterisk"]
    async fn a_call_is_given_to_another_agent_without_asking(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer) = talking(&phones, &desk).await;
        desk.order("c1", Command::BlindTransfer { number: number("1002") }).await;
        let ben = phones.called("1002").await;
        assert_eq!(ben.shows, CUSTOMER, "an agent sees who calls");
        anna.is_released().await;
        desk.shows("c1", "agent", "agent2").await;
        ben.pick_up().await;
        all_talk(&[&customer, &ben], "1").await;
        desk.order("c1", Command::Hold).await;
        desk.until("c1", "hold").await;
        desk.order("c1", Command::Resume).await;
        desk.until("c1", "talk").await;
        customer.hang_up(16).await;
        ben.is_released().await;
        desk.ended("c1").await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn who_is_given_away_to_a_busy_number_is_released(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer) = talking(&phones, &desk).await;
        desk.order("c1", Command::BlindTransfer { number: number(EXPERT) }).await;
        let expert = phones.called(EXPERT).await;
        anna.is_released().await;
        expert.hang_up(17).await;
        customer.is_released().await;
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn a_call_is_given_away_after_asking(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer, expert) = consulting(&phones, &desk, EXPERT).await;
        desk.order("c2", Command::CompleteTransfer { with: "c1".into() }).await;
        anna.is_released().await;
        all_talk(&[&customer, &expert], "2").await;
        for call in ["c1", "c2"] {
            assert_eq!(desk.ended(call).await, "completed");
        }
        assert_eq!(desk.until("c1", "end").await["transferredNumber"], json!(EXPERT));
        customer.hang_up(16).await;
        expert.is_released().await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn a_call_is_given_to_another_agent_after_asking(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer, ben) = consulting(&phones, &desk, "1002").await;
        desk.order("c1", Command::CompleteTransfer { with: "c2".into() }).await;
        anna.is_released().await;
        all_talk(&[&customer, &ben], "2").await;
        assert_eq!(desk.ended("c2").await, "completed", "the question is over");
        desk.shows("c1", "agent", "agent2").await;
        desk.order("c1", Command::Dtmf { digits: "99".into() }).await;
        customer.hears("99").await;
        desk.order("c1", Command::Hangup).await;
        ben.is_released().await;
        customer.is_released().await;
        desk.ended("c1").await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn who_cannot_be_asked_leaves_the_customer_waiting(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer) = talking(&phones, &desk).await;
        desk.order("c1", Command::ConsultTransfer { number: number(EXPERT), leg: "c2".into(), station: station("agent1") }).await;
        phones.called(EXPERT).await.hang_up(17).await;
        assert_eq!(desk.ended("c2").await, "busy");
        desk.until("c1", "hold").await;
        desk.order("c1", Command::Resume).await;
        desk.until("c1", "talk").await;
        all_talk(&[&anna, &customer], "3").await;
        desk.order("c1", Command::Hangup).await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn three_talk(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer, expert) = consulting(&phones, &desk, EXPERT).await;
        desk.order("c2", Command::Conference { with: "c1".into() }).await;
        desk.until("c1", "talk").await;
        all_talk(&[&anna, &customer, &expert], "4").await;
        desk.order("c2", Command::Hangup).await;
        expert.is_released().await;
        desk.ended("c2").await;
        all_talk(&[&anna, &customer], "5").await;
        anna.hang_up(16).await;
        customer.is_released().await;
        desk.ended("c1").await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn a_third_party_is_rung_into_the_conversation(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer) = talking(&phones, &desk).await;
        let invite = |mute_customer| Command::Invite { number: number(EXPERT), leg: "c2".into(), station: station("agent1"), mute_customer };
        desk.order("c1", invite(false)).await;
        let expert = phones.called(EXPERT).await;
        expert.pick_up().await;
        desk.until("c2", "talk").await;
        all_talk(&[&anna, &customer, &expert], "1").await;
        expert.hang_up(16).await;
        desk.ended("c2").await;
        all_talk(&[&anna, &customer], "2").await;
        desk.order("c1", Command::Hangup).await;
        phones.nothing_left().await;

        let (anna, customer) = {
            desk.order("c3", dial(CUSTOMER, Some("agent1"))).await;
            let anna = phones.called("1001").await;
            anna.pick_up().await;
            let customer = phones.called(CUSTOMER).await;
            customer.pick_up().await;
            desk.until("c3", "talk").await;
            (anna, customer)
        };
        let mute = Command::Invite { number: number(EXPERT), leg: "c4".into(), station: station("agent1"), mute_customer: true };
        desk.order("c3", mute).await;
        desk.until("c3", "hold").await;
        let expert = phones.called(EXPERT).await;
        expert.pick_up().await;
        desk.until("c4", "talk").await;
        all_talk(&[&anna, &expert], "3").await;
        assert_eq!(customer.tones(), "");
        expert.hang_up(16).await;
        desk.until("c3", "talk").await;
        all_talk(&[&anna, &customer], "4").await;
        desk.order("c3", Command::Hangup).await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn two_lines_of_one_agent_become_one_conversation(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let (anna, customer) = talking(&phones, &desk).await;
        // her telephone takes a second call while she talks
        desk.order("c2", dial(EXPERT, Some("agent1"))).await;
        let second_line = phones.called("1001").await;
        second_line.pick_up().await;
        let expert = phones.called(EXPERT).await;
        expert.pick_up().await;
        desk.until("c2", "talk").await;
        desk.order("c2", Command::Hold).await;
        desk.until("c2", "hold").await;
        desk.order("c1", Command::Conference { with: "c2".into() }).await;
        second_line.is_released().await;
        desk.until("c2", "talk").await;
        all_talk(&[&anna, &customer, &expert], "6").await;
        desk.order("c1", Command::CompleteTransfer { with: "c2".into() }).await;
        anna.is_released().await;
        all_talk(&[&customer, &expert], "7").await;
        expert.hang_up(16).await;
        customer.is_released().await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }
}
