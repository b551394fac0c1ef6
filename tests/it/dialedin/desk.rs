//! Dial lists, who is available, and a third party for a conversation.

use cti_gateway::{
    app::dial_lists::{ListOrder, Naming},
    domain::setup::Kind,
    store::dial_lists,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{AUTH, account, ask, entries, moved_in, put};
use crate::{
    support::app::{GENERIC, SECRET, TestApp, agent, both},
    telephone::{due, house, steady, talk},
};

async fn list(t: &TestApp, action: &str, query: &str) -> Value {
    ask(t, "AgentDialListOperations", &format!("{AUTH}&Action={action}&{query}")).await.json()
}

/// What the telephone system says of a call of agent1.
async fn hear(t: &TestApp, call: &str, event: &str) {
    let request = t.request(Method::POST, &format!("{GENERIC}?call_id={call}&event={event}")).header("X-VTIGER-SECRET", SECRET);
    assert!(request.send().await.expect("an answer").status().is_success());
}

/// The calls of agent1 with their states, oldest first.
async fn states(t: &TestApp) -> Vec<(String, String)> {
    let (_, body) = t.get("/api/v1/dialer-calls").await;
    let mut calls: Vec<_> =
        body["items"].as_array().expect("calls").iter().map(|call| (text(&call["phoneNumber"]), text(&call["state"]))).collect();
    calls.reverse();
    calls
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

both! {
    async fn a_dial_list_holds_each_number_once_with_its_mark(t: TestApp) {
        moved_in(&t).await;
        let mine = "Agent=agent1&List=mine";
        assert_eq!(list(&t, "CreateList", mine).await, json!({"success": true, "changed": true}));
        assert_eq!(list(&t, "CreateList", mine).await["error"]["code"], "refused", "the name is the agent's only");
        let phone = "Agent=agent1&List=mine&Phone=7812706510";
        assert_eq!(list(&t, "AddPhone", phone).await["changed"], true);
        assert_eq!(list(&t, "AddPhone", phone).await["changed"], false, "suppressed");
        assert_eq!(list(&t, "AddPhone", "Agent=agent1&List=mine&Phone=17812706510").await["changed"], false, "the same number");
        assert_eq!(list(&t, "AddPhone", "Agent=agent1&List=mine&Phone=7812706511").await["changed"], true);
        assert_eq!(list(&t, "PhoneDialed", phone).await["changed"], true);
        assert_eq!(list(&t, "PhoneDialed", phone).await["changed"], false);
        let (db, shown) = (t.app().db.clone(), async |list: i64| {
            let rows = dial_lists::phones(t.app().db.read(), (t.account, list), None, 0, 10).await.expect("the store");
            rows.into_iter().map(|row| (row.position, row.phone, row.dialed)).collect::<Vec<_>>()
        });
        let id = dial_lists::get(db.read(), t.account, "agent1", "mine").await.expect("the store").expect("the list").id;
        assert_eq!(shown(id).await, [(1, "+17812706510".to_owned(), true), (2, "+17812706511".to_owned(), false)]);
        assert_eq!(list(&t, "PhoneUnDialed", phone).await["changed"], true);
        assert_eq!(list(&t, "DeletePhone", phone).await["changed"], true);
        assert_eq!(list(&t, "DeletePhone", phone).await["error"]["code"], "refused");
        assert_eq!(shown(id).await, [(2, "+17812706511".to_owned(), false)]);
        // another agent's list of the same name makes it nobody's that can be told apart
        t.admin().add_agent((t.account, "acme"), &agent("agent2", "1002")).await.expect("the store");
        t.app().directory.invalidate(t.account);
        assert_eq!(list(&t, "DeleteList", "Agent=agent2&List=mine").await["error"]["code"], "refused", "not hers");
        assert_eq!(list(&t, "CreateList", "Agent=agent2&List=mine").await["changed"], true);
        assert_eq!(list(&t, "AddPhone", phone).await["error"]["code"], "refused", "two are named so");
        let gone = t.app().change_dial_list(&account(&t).await, "agent2", ("mine", Naming::Alone), ListOrder::Delete).await.expect("the store");
        assert!(gone.is_err(), "the law is the same behind the door");
        let told = entries(&t, "list.phone_added").await;
        assert_eq!(told, [json!({"agent": "agent1", "list": "mine", "phone": "+17812706510"}), json!({"agent": "agent1", "list": "mine", "phone": "+17812706511"})]);
        assert_eq!(dial_lists::lists(db.read(), t.account, Some("agent1"), ("", ""), 10).await.expect("the store").iter().map(|list| (list.name.as_str(), list.phones, list.dialed)).collect::<Vec<_>>(), [("mine", 1, 0)]);
    }

    async fn a_conference_rings_a_third_party_and_may_mute_the_customer(t: TestApp) {
        moved_in(&t).await;
        let join = async |query: &str| ask(&t, "CallOperations", &format!("{AUTH}&Action=ConferenceCall&Agent=agent1&Phone=7815550123{query}")).await.json();
        assert_eq!(join("").await["error"]["code"], "no_call");
        hear(&t, "1", "call_initiated&from=%2B17812706520&to=1001").await;
        assert_eq!(join("").await["error"]["code"], "no_call", "it only rings");
        hear(&t, "1", "call_connected&to=1001").await;
        assert_eq!(join("").await["error"]["code"], "not_supported", "no telephone system takes orders");
        house(&t, steady()).await;
        assert_eq!(join("").await["error"]["code"], "not_supported", "this call is none of the system that does");
        hear(&t, "1", "call_hangup").await;
        talk(&t, "+17812706520", "agent1", "1001").await;
        let joined = join("").await;
        assert_eq!(joined["success"], true, "{joined}");
        let answered = async || {
            due(&t).await;
            t.clock.advance(std::time::Duration::from_secs(3));
            due(&t).await;
        };
        answered().await;
        let two = [("+17812706520".to_owned(), "talk".to_owned()), ("+17815550123".to_owned(), "talk".to_owned())];
        let live: Vec<_> = states(&t).await.into_iter().filter(|(_, state)| state != "end").collect();
        assert_eq!(live, two);
        t.clock.advance(std::time::Duration::from_secs(5));
        talk(&t, "+17812706511", "agent1", "1001").await;
        assert_eq!(join("&PrivateConference=1").await["success"], true);
        answered().await;
        assert!(states(&t).await.contains(&("+17812706511".to_owned(), "hold".to_owned())), "the customer hears nothing");
    }

    async fn agents_are_available_by_skill_and_by_what_they_do(t: TestApp) {
        moved_in(&t).await;
        put(&t, Kind::RingGroup, "Main", json!({"number": "+17815550100"})).await;
        let available = async |query: &str| {
            let told = ask(&t, "CallOperations", &format!("{AUTH}&Action=AvailableInboundAgents&DID=7815550100{query}")).await.json();
            (told["count"].clone(), told["agents"].clone())
        };
        assert_eq!(available("").await, (json!(0), json!([])), "nobody has signed in");
        let _softphone = t.softphone("agent1", None).await;
        assert_eq!(available("").await.0, json!(0), "he is not ready");
        assert_eq!(available("&CanBeOnBreak=1").await.0, json!(1));
        t.be("agent1", "ready").await;
        assert_eq!(available("").await, (json!(1), json!(["agent1"])));
        hear(&t, "1", "call_initiated&from=%2B17812706520&to=1001").await;
        hear(&t, "1", "call_connected&to=1001").await;
        assert_eq!(available("").await.0, json!(0));
        assert_eq!(available("&CanDoWrapUp=1").await.0, json!(0));
        assert_eq!(available("&CanBeOnCall=1").await.0, json!(1));
        hear(&t, "1", "call_hangup&hangup_reason=completed").await;
        assert_eq!(available("").await.0, json!(0), "in wrap-up");
        assert_eq!(available("&CanDoWrapUp=1").await.0, json!(1));
        put(&t, Kind::Skill, "Spanish", json!({"agents": []})).await;
        let group = json!({"number": "+17815550100", "skills": {"Spanish": {"priority": 1, "delayS": 0, "active": true}}});
        put(&t, Kind::RingGroup, "Main", group).await;
        assert_eq!(available("&CanDoWrapUp=1").await.0, json!(1), "not reloaded yet");
        ask(&t, "SkillListOperations", &format!("{AUTH}&Action=Reload")).await;
        assert_eq!(available("&CanDoWrapUp=1").await.0, json!(0), "he does not speak Spanish");
    }
}
