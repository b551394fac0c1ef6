//! What happens to calls when Asterisk, the connection to it or our own process goes away in the middle.

use std::sync::atomic::Ordering;

use cti_gateway::domain::order::Command;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    app::both,
    asterisk::Asterisk,
    cable::Cable,
    desk::{Desk, dial, number, outside, station},
    phones::{Phone, Phones},
};

const ONE: &str = "+4930111001";
const TWO: &str = "+4930111002";
const CALLER: &str = "\"Ada Lovelace\" <+12025550123>";

/// An agent talks to a number.
async fn talking(phones: &Phones, desk: &Desk<'_>, call: &str, login: &str, to: &str) -> (Phone, Phone) {
    desk.order(call, dial(to, Some(login))).await;
    let agent = phones.called(station(login).extension.expect("an extension").as_str()).await;
    agent.pick_up().await;
    let customer = phones.called(to).await;
    customer.pick_up().await;
    desk.until(call, "talk").await;
    (agent, customer)
}

async fn hear_each_other(one: &Phone, other: &Phone, digit: &str) {
    for (speaker, listener) in [(one, other), (other, one)] {
        let before = listener.tones();
        speaker.press(digit).await;
        listener.hears(&format!("{before}{digit}")).await;
    }
}

both! {
    #[ignore = "asterisk"]
    async fn asterisk_is_killed_and_started_again(t: TestApp with outside) {
        let mut asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        talking(&phones, &desk, "c1", "agent1", ONE).await;
        desk.order("c2", dial(TWO, None)).await;
        phones.called(TWO).await.ring().await;
        desk.until("c2", "ringing").await;

        asterisk.kill();
        desk.is_down().await;
        desk.order("c3", dial(TWO, None)).await;
        assert_eq!(desk.ended("c3").await, "not_reached", "it is not dialed later");
        assert_eq!(desk.states("c1").await, ["ringing", "talk"], "nobody knows yet");

        asterisk.run().await;
        desk.is_up().await;
        for call in ["c1", "c2"] {
            assert_eq!(desk.ended(call).await, "lost");
        }
        let phones = Phones::of(&asterisk).await;
        let (anna, customer) = talking(&phones, &desk, "c4", "agent1", ONE).await;
        hear_each_other(&anna, &customer, "1").await;
        desk.order("c4", Command::Hangup).await;
        phones.nothing_left().await;
        assert!(!phones.was_called(TWO));
    }

    #[ignore = "asterisk"]
    async fn the_connection_is_cut_and_comes_back(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let cable = Cable::to(asterisk.address).await;
        let desk = Desk::of(&t, cable.address).await;
        let (_, one) = talking(&phones, &desk, "c1", "agent1", ONE).await;
        let (ben, two) = talking(&phones, &desk, "c2", "agent2", TWO).await;
        desk.order("c3", dial("+4930111003", None)).await;
        let three = phones.called("+4930111003").await;
        three.ring().await;
        desk.until("c3", "ringing").await;

        cable.cut();
        desk.is_down().await;
        one.hang_up(16).await;
        three.pick_up().await;
        hear_each_other(&ben, &two, "1").await;
        cable.mend();
        desk.is_up().await;

        desk.ended("c1").await;
        desk.until("c3", "talk").await;
        desk.order("c2", Command::Hold).await;
        desk.until("c2", "hold").await;
        desk.order("c2", Command::Resume).await;
        desk.until("c2", "talk").await;
        hear_each_other(&ben, &two, "2").await;
        two.hang_up(16).await;
        desk.ended("c2").await;
        desk.order("c3", Command::Hangup).await;
        desk.ended("c3").await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
        for call in ["c1", "c2", "c3"] {
            let states = desk.states(call).await;
            assert_eq!(states.iter().filter(|state| *state == "end").count(), 1, "{call} ends once");
            assert_eq!(states.iter().filter(|state| *state == "ringing").count(), 1, "{call} starts once");
        }
    }

    #[ignore = "asterisk"]
    async fn a_connection_that_only_seems_to_live_is_given_up(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let cable = Cable::to(asterisk.address).await;
        let desk = Desk::of(&t, cable.address).await;
        let (_, one) = talking(&phones, &desk, "c1", "agent1", ONE).await;
        cable.stall();
        assert_eq!(desk.is_down().await, "it does not answer");
        one.hang_up(16).await;
        cable.mend();
        desk.is_up().await;
        desk.ended("c1").await;
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn our_process_dies_and_its_successor_takes_over(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        // one that talks, one that waits while its agent asks, one that rings, one that will be gone, a caller
        let (anna, one) = talking(&phones, &desk, "c1", "agent1", ONE).await;
        let (ben, two) = talking(&phones, &desk, "c2", "agent2", TWO).await;
        desk.order("c2", Command::ConsultTransfer { number: number("+4930111003"), leg: "c3".into(), station: station("agent2") }).await;
        let three = phones.called("+4930111003").await;
        three.pick_up().await;
        desk.until("c3", "talk").await;
        desk.until("c2", "hold").await;
        desk.order("c4", dial("+4930111004", None)).await;
        let four = phones.called("+4930111004").await;
        four.ring().await;
        desk.until("c4", "ringing").await;
        desk.order("c5", dial("+4930111005", None)).await;
        let five = phones.called("+4930111005").await;
        five.ring().await;
        desk.until("c5", "ringing").await;
        let caller = phones.call_in("4930555000@did", CALLER, "ada").await;
        desk.until(&caller, "incoming").await;

        let states = desk.states(&caller).await;
        t.stop().await;
        five.hang_up(17).await;
        five.is_released().await;
        t.restart().await;
        assert_eq!(desk.ended("c5").await, "lost");
        for (call, state) in [("c1", "talk"), ("c2", "hold"), ("c3", "talk"), ("c4", "ringing"), (caller.as_str(), "incoming")] {
            desk.until(call, state).await;
        }
        assert_eq!(desk.states(&caller).await, states, "he goes on, and nothing new is to be said of him");

        hear_each_other(&anna, &one, "1").await;
        hear_each_other(&ben, &three, "2").await;
        desk.order("c3", Command::CompleteTransfer { with: "c2".into() }).await;
        ben.is_released().await;
        hear_each_other(&two, &three, "3").await;
        desk.ended("c2").await;
        four.pick_up().await;
        desk.until("c4", "talk").await;
        desk.order("c4", Command::Connect { station: station("agent2") }).await;
        let ben = phones.called("1002").await;
        ben.pick_up().await;
        hear_each_other(&ben, &four, "4").await;
        desk.order("c1", Command::Hold).await;
        desk.until("c1", "hold").await;
        desk.order(&caller, Command::Answer { station: station("agent1") }).await;
        let ada = phones.answered("ada").await;
        hear_each_other(&anna, &ada, "5").await;

        for call in ["c1", "c4", &caller] {
            desk.order(call, Command::Hangup).await;
            desk.ended(call).await;
        }
        three.hang_up(16).await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn a_successor_dials_nothing_and_leaves_nobody_alone(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        desk.order("c1", dial(ONE, Some("agent1"))).await;
        let anna = phones.called("1001").await;
        anna.ring().await;
        desk.order("c2", dial(TWO, None)).await;
        let two = phones.called(TWO).await;
        two.pick_up().await;
        desk.until("c2", "talk").await;

        t.restart().await;
        anna.is_released().await;
        two.is_released().await;
        desk.ended("c2").await;
        phones.nothing_left().await;
        assert!(!phones.was_called(ONE), "whether it had been dialed already could not be known");
    }

    #[ignore = "asterisk"]
    async fn a_conversation_is_recorded(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let recorded = json!({"record": true, "recordingUrl": "https://pbx.example/recordings/{name}.wav"});
        let desk = Desk::with(&t, asterisk.address, &recorded).await;
        desk.is_up().await;
        let (anna, one) = talking(&phones, &desk, "c1", "agent1", ONE).await;
        desk.order("c1", Command::Play { file: "hello-world".into() }).await;
        hear_each_other(&anna, &one, "1").await;
        one.hang_up(16).await;
        assert_eq!(desk.until("c1", "end").await["recordingUrl"], "https://pbx.example/recordings/cti-c1.wav");
        phones.nothing_left().await;
        let (status, stored) = phones.ask(Method::GET, "/recordings/stored", &[]).await;
        assert_eq!((status.as_u16(), stored[0]["name"].as_str()), (200, Some("cti-c1")), "{stored}");

        desk.order("c2", dial(TWO, None)).await;
        phones.called(TWO).await.hang_up(17).await;
        assert_eq!(desk.until("c2", "end").await["recordingUrl"], json!(null), "nobody answered");
    }

    #[ignore = "asterisk"]
    async fn a_wrong_password_is_said(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let cable = Cable::to(asterisk.address).await;
        let desk = Desk::with(&t, cable.address, &json!({"password": "wrong"})).await;
        assert_eq!(desk.is_down().await, "it does not know our user or password");
        desk.order("c1", dial(ONE, None)).await;
        assert_eq!(desk.ended("c1").await, "not_reached");
        t.stop().await;
        assert!(cable.connections.load(Ordering::Relaxed) < 10, "it is not tried without a pause");
    }
}
