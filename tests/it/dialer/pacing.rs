//! Calls that are dialed before an agent is found for them: who gets them, who must stay for them, who counts as abandoned.

use cti_gateway::store::Q;
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{FIRST, SECOND, call_of};
use crate::support::{
    app::{ACCOUNT, TestApp, agent, both},
    floor::{campaign, due, house, lead, lead_now, pass, ready, state, steady, told, wish, with},
};

both! {
    async fn one_line_is_opened_for_each_ready_agent(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        for last in 10..16 {
            lead(&t, "Spring", &format!("+4930555019{last}"), json!({})).await;
        }
        ready(&t, "agent1").await;
        ready(&t, "agent2").await;
        due(&t).await;
        assert_eq!(dials(&t).await, 2);
        pass(&t, 2).await;
        assert_eq!(dials(&t).await, 2, "they are for those who are ready");
        pass(&t, 4).await;
        for login in ["agent1", "agent2"] {
            assert_eq!(t.agent(login).await["state"], "on_call", "{login}");
        }
        assert_eq!(told(&t, "call.ordered").await.iter().filter(|order| order["verb"] == "connect").count(), 2);
        let receipt = told(&t, "lead.dialed").await.pop().expect("a receipt");
        assert_eq!((&receipt["pacing"]["cover"]["ready"], &receipt["mode"]), (&json!(2), &json!("progressive")), "{receipt}");
    }

    async fn whoever_waits_the_longest_gets_the_call(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        for login in ["agent2", "agent1", "agent3"] {
            ready(&t, login).await;
            pass(&t, 1).await;
        }
        lead(&t, "Spring", FIRST, json!({})).await;
        pass(&t, 6).await;
        assert_eq!(t.agent("agent2").await["state"], "on_call");
        assert_eq!(t.agent("agent1").await["state"], "ready");
    }

    async fn whom_a_call_counts_on_stays_for_it(t: TestApp) {
        house(&t, with(json!({"answerS": [10, 10]}))).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        due(&t).await;
        assert_eq!(dials(&t).await, 1);
        let paused = t.be("agent1", "not_ready").await;
        assert_eq!((&paused["state"], &paused["next"]["mode"]), (&json!("ready"), &json!("not_ready")), "{paused}");
        lead(&t, "Spring", SECOND, json!({})).await;
        pass(&t, 5).await;
        assert_eq!(dials(&t).await, 1, "nothing new is opened for who leaves");
        pass(&t, 8).await;
        let talking = t.agent("agent1").await;
        assert_eq!((&talking["state"], &talking["next"]["mode"]), (&json!("on_call"), &json!("not_ready")), "he gets the call he covers: {talking}");
        let call = call_of(&t, "agent1").await;
        wish(&t, &call, "hangup", json!({})).await;
        pass(&t, 1).await;
        wish(&t, &call, "end_wrap", json!({})).await;
        assert_eq!(t.agent("agent1").await["state"], "not_ready");
        pass(&t, 5).await;
        assert_eq!(dials(&t).await, 1);
    }

    async fn whom_nothing_needs_any_more_goes(t: TestApp) {
        house(&t, with(json!({"outcomes": {"answered": 0, "busy": 0, "noAnswer": 1, "machine": 0, "failed": 0}}))).await;
        campaign(&t, "Spring", "progressive", json!({"ringS": 10})).await;
        lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        due(&t).await;
        assert_eq!(t.be("agent1", "not_ready").await["state"], "ready");
        pass(&t, 14).await;
        assert_eq!(t.agent("agent1").await["state"], "not_ready");
    }

    async fn calls_that_lost_their_agent_are_cancelled_while_they_ring(t: TestApp) {
        house(&t, with(json!({"answerS": [60, 60]}))).await;
        campaign(&t, "Spring", "progressive", json!({"ringS": 90})).await;
        let one = lead(&t, "Spring", FIRST, json!({})).await;
        let phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        due(&t).await;
        assert_eq!(dials(&t).await, 1);
        phone.close().await;
        pass(&t, 25).await;
        let orders = told(&t, "call.ordered").await;
        assert_eq!(orders.last().map(|order| &order["verb"]), Some(&json!("hangup")), "{orders:?}");
        pass(&t, 2).await;
        assert_eq!(lead_now(&t, one).await["callStatus"], "CR_HANGUP", "it is over, and is tried again");
        assert_eq!(t.agent("agent1").await["reason"], "softphone_lost");
    }

    async fn a_person_whom_nobody_takes_counts_as_abandoned(t: TestApp) {
        house(&t, with(json!({"answerS": [5, 5]}))).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        let one = lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        due(&t).await;
        assert_eq!(dials(&t).await, 1);
        // a call from outside takes the agent away: no decision of ours
        t.vtiger("event=call_initiated&call_id=x&from=%2B4930123456&to=1001").await;
        t.vtiger("event=call_connected&call_id=x&to=1001").await;
        pass(&t, 20).await;
        let result = told(&t, "call.result").await;
        assert_eq!(result.len(), 1, "{result:?}");
        let status = lead_now(&t, one).await["callStatus"].clone();
        assert!(status == "CR_DROPPED" || status == "CR_HANGUP", "dropped, or cancelled while it rang: {status}");
        let (_, pace) = t.get("/api/v1/campaigns/Spring/pacing").await;
        assert_eq!(pace["tally"]["abandoned"].as_i64().unwrap_or(-1), i64::from(status == "CR_DROPPED"), "{pace}");
    }

    async fn campaigns_that_share_agents_do_not_cancel_each_other_s_calls(t: TestApp) {
        house(&t, with(json!({"answerS": [10, 10]}))).await;
        for number in 1..=12 {
            let more = agent(&format!("crew{number}"), &format!("{}", 2000 + number));
            t.admin().add_agent((t.account, ACCOUNT), &more).await.expect("the store").expect("a new agent");
        }
        t.app().directory.invalidate(t.account);
        for name in ["Spring", "Autumn"] {
            campaign(&t, name, "progressive", json!({"running": false})).await;
            for last in 10..40 {
                lead(&t, name, &format!("+4930555{}{last}", 10 + name.len() + usize::from(name == "Autumn")), json!({})).await;
            }
        }
        // Autumn has done so well that it may open many lines which no ready agent covers
        let day = t.clock.now().date_naive().to_epoch_days();
        let tally = format!("insert into tally (account_id, campaign, day, answered, abandoned) values ({}, 'Autumn', {day}, 10000, 0)", t.account);
        t.app().db.write().run(Q::new(AssertSqlSafe(tally), vec![])).await.expect("the store");
        t.restart().await;
        for number in 1..=12 {
            ready(&t, &format!("crew{number}")).await;
        }
        campaign(&t, "Spring", "progressive", json!({})).await;
        due(&t).await;
        assert_eq!(dials(&t).await, 12, "they cover them");
        campaign(&t, "Autumn", "predictive", json!({})).await;
        pass(&t, 5).await;
        let orders = told(&t, "call.ordered").await;
        assert!(orders.iter().all(|order| order["verb"] == "dial"), "{orders:?}");
        assert_eq!(orders.len(), 12, "what Autumn may open would uncover Spring's calls");
        pass(&t, 8).await;
        for number in 1..=12 {
            assert_eq!(t.agent(&format!("crew{number}")).await["state"], "on_call");
        }
    }

    async fn cover_that_is_lost_costs_one_call_and_not_one_of_each_campaign(t: TestApp) {
        house(&t, with(json!({"answerS": [60, 60]}))).await;
        let phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        for (name, number) in [("Spring", FIRST), ("Autumn", SECOND)] {
            campaign(&t, name, "progressive", json!({"ringS": 90})).await;
            lead(&t, name, number, json!({})).await;
            due(&t).await;
            ready(&t, "agent2").await;
        }
        due(&t).await;
        assert_eq!(dials(&t).await, 2, "one line of each campaign");
        drop(phone);
        pass(&t, 25).await;
        let hung_up = told(&t, "call.ordered").await.iter().filter(|order| order["verb"] == "hangup").count();
        assert_eq!(hung_up, 1, "agent2 covers the other");
    }

    async fn a_connected_call_counts_as_answered(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "predictive", json!({})).await;
        lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        pass(&t, 8).await;
        let call = call_of(&t, "agent1").await;
        assert_eq!(state(&t, &call).await, "talk");
        let (_, pace) = t.get("/api/v1/campaigns/Spring/pacing").await;
        assert_eq!((&pace["tally"]["answered"], &pace["tally"]["abandoned"]), (&json!(1), &json!(0)), "{pace}");
        t.restart().await;
        let (_, again) = t.get("/api/v1/campaigns/Spring/pacing").await;
        assert_eq!(again["tally"], pace["tally"], "the book remembers");
    }
}

/// How often a number was to be dialed.
async fn dials(t: &TestApp) -> usize {
    told(t, "call.ordered").await.iter().filter(|order| order["verb"] == "dial").count()
}
