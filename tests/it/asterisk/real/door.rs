//! The whole way: what an agent wishes at his softphone, or the dialer decides, is done by a real Asterisk, and shows at the softphone.

use std::time::Duration;

use cti_gateway::client::Connection;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, both, command},
    asterisk::Asterisk,
    desk::{Desk, outside},
    floor::{campaign, lead, pass, put, ready, wish},
    phones::Phones,
};

const CUSTOMER: &str = "+4930111001";
const EXPERT: &str = "+4930111002";

/// The agent wishes something, and it is granted.
async fn wishes(screen: &mut Connection, id: &str, verb: &str, parameters: Value) -> Value {
    let answer = command(screen, id, verb, parameters).await;
    assert_eq!(answer["ok"], true, "{verb}: {answer}");
    answer["d"].clone()
}

/// The one call beside this one.
async fn other_than(t: &TestApp, call: &str) -> String {
    let calls: Vec<Value> = t.calls().await;
    let other = calls.iter().find(|other| other["id"] != call).unwrap_or_else(|| panic!("{calls:?}"));
    other["id"].as_str().expect("an id").to_owned()
}

both! {
    #[ignore = "asterisk"]
    async fn an_agent_controls_his_call_from_his_softphone(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        let mut screen = t.softphone("agent1", None).await;
        let call = wishes(&mut screen, "1", "dial", json!({"number": CUSTOMER})).await["call"].as_str().expect("a call").to_owned();
        let telephone = phones.called("1001").await;
        telephone.pick_up().await;
        let customer = phones.called(CUSTOMER).await;
        customer.ring().await;
        desk.until(&call, "ringing").await;
        customer.pick_up().await;
        desk.until(&call, "talk").await;
        desk.agent_is("agent1", "on_call").await;

        t.clock.advance(Duration::from_secs(1));
        wishes(&mut screen, "2", "hold", json!({"call": call})).await;
        desk.until(&call, "hold").await;
        t.clock.advance(Duration::from_secs(1));
        wishes(&mut screen, "3", "resume", json!({"call": call})).await;
        desk.until(&call, "talk").await;
        wishes(&mut screen, "4", "dtmf", json!({"call": call, "digits": "12#"})).await;
        customer.hears("12#").await;
        wishes(&mut screen, "5", "play", json!({"call": call, "file": "demo-instruct"})).await;
        customer.hears_sound().await;

        t.clock.advance(Duration::from_secs(1));
        let (status, body) = wish(&t, &call, "consult-transfer", json!({"number": EXPERT})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        let expert = phones.called(EXPERT).await;
        expert.pick_up().await;
        desk.until(&call, "hold").await;
        let other = other_than(&t, &call).await;
        desk.until(&other, "talk").await;
        expert.press("1").await;
        telephone.hears("1").await;
        t.clock.advance(Duration::from_secs(1));
        let (status, body) = wish(&t, &other, "complete_transfer", json!({"with": call})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        telephone.is_released().await;
        customer.press("2").await;
        expert.hears("2").await;
        desk.agent_is("agent1", "wrap_up").await;
        customer.hang_up(16).await;
        phones.nothing_left().await;
        desk.refused_nothing().await;
    }

    #[ignore = "asterisk"]
    async fn a_caller_reaches_the_agent_of_a_ring_group(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        put(&t, "ring-groups/Main", json!({"number": "+4930555000"})).await;
        let mut screen = t.softphone("agent2", None).await;
        t.be("agent2", "ready").await;
        let call = phones.call_in("+4930555000@group", "\"Ada\" <+12025550123>", "ada").await;
        let call = desk.until(&call, "incoming").await["id"].as_str().expect("an id").to_owned();
        desk.shows(&call, "agent", "agent2").await;
        desk.agent_is("agent2", "ringing").await;
        wishes(&mut screen, "1", "answer", json!({"call": call})).await;
        let telephone = phones.called("1002").await;
        telephone.pick_up().await;
        let ada = phones.answered("ada").await;
        desk.until(&call, "talk").await;
        desk.agent_is("agent2", "on_call").await;
        ada.press("5").await;
        telephone.hears("5").await;
        ada.hang_up(16).await;
        desk.until(&call, "idle").await;
        telephone.is_released().await;
        phones.nothing_left().await;
    }

    #[ignore = "asterisk"]
    async fn a_lead_is_dialed_and_given_to_an_agent(t: TestApp with outside) {
        let asterisk = Asterisk::start().await;
        let phones = Phones::of(&asterisk).await;
        let desk = Desk::of(&t, asterisk.address).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        lead(&t, "Spring", CUSTOMER, json!({})).await;
        ready(&t, "agent1").await;
        let customer = tokio::select! {
            phone = phones.called(CUSTOMER) => phone,
            () = async { loop { pass(&t, 1).await } } => unreachable!("it goes on"),
        };
        customer.pick_up().await;
        let telephone = phones.called("1001").await;
        telephone.pick_up().await;
        desk.agent_is("agent1", "on_call").await;
        customer.press("6").await;
        telephone.hears("6").await;
        customer.hang_up(16).await;
        telephone.is_released().await;
        phones.nothing_left().await;
        let call = t.only_call().await;
        assert_eq!((&call["direction"], &call["agent"], &call["phoneNumber"]), (&json!("ccOutbound"), &json!("agent1"), &json!(CUSTOMER)));
        desk.agent_is("agent1", "wrap_up").await;
    }
}
