//! The dialer through the doors, on the simulated telephone system: who is dialed, when, by whom, what comes of it, and what is
//! written down about it.

mod faults;
mod pacing;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, answer, both, next_event},
    floor::{campaign, due, house, lead, lead_now, pass, ready, state, steady, told, wish, with},
};

/// Germans, who may be called at the hour at which test clocks stand.
const FIRST: &str = "+493055501901";
const SECOND: &str = "+493055501902";
const THIRD: &str = "+493055501903";
/// An American, for whom it is too early.
const SLEEPER: &str = "+17812706511";

both! {
    async fn a_preview_is_accepted_dialed_and_written_up(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "preview", json!({"wrapS": 20})).await;
        let (one, two) = (lead(&t, "Spring", FIRST, json!({"firstName": "Ada", "lastName": "Ader"})).await, lead(&t, "Spring", SECOND, json!({})).await);
        ready(&t, "agent1").await;
        due(&t).await;
        let call = call_of(&t, "agent1").await;
        assert_eq!((state(&t, &call).await.as_str(), &t.agent("agent1").await["state"]), ("preview", &json!("reserved")));
        let shown = told(&t, "call.state").await;
        assert_eq!((&shown[0]["leadId"], &shown[0]["campaign"], &shown[0]["direction"], &shown[0]["phone"], &shown[0]["toName"]), (&json!(one), &json!("Spring"), &json!("ccOutbound"), &json!(FIRST), &json!("Ada Ader")));
        assert_eq!(shown[0]["verbs"], json!(["accept_preview", "skip_preview"]));
        assert_eq!(lead_now(&t, one).await["attempts"], 0, "looked at is not dialed");
        assert_eq!(wish(&t, &call, "accept-preview", json!({})).await.0, StatusCode::ACCEPTED);
        pass(&t, 1).await;
        assert_eq!((state(&t, &call).await.as_str(), &lead_now(&t, one).await["attempts"]), ("ringing", &json!(1)));
        pass(&t, 4).await;
        assert_eq!(state(&t, &call).await, "talk");
        assert_eq!(wish(&t, &call, "hangup", json!({})).await.0, StatusCode::ACCEPTED);
        pass(&t, 1).await;
        assert_eq!(t.agent("agent1").await["state"], "wrap_up");
        assert_eq!(wish(&t, &call, "set-outcome", json!({"outcome": "SALE"})).await.0, StatusCode::ACCEPTED);
        assert_eq!(wish(&t, &call, "end-wrap", json!({})).await.0, StatusCode::ACCEPTED);
        let after = lead_now(&t, one).await;
        assert_eq!((&after["callStatus"], &after["attempts"]), (&json!("SALE"), &json!(1)), "{after}");
        due(&t).await;
        let next = told(&t, "lead.presented").await;
        assert_eq!(next.iter().map(|told| told["lead"].as_i64().unwrap_or_default()).collect::<Vec<_>>(), [one, two]);
        assert_eq!(told(&t, "lead.dialed").await.len(), 1);
    }

    async fn a_wrap_up_that_nobody_ends_takes_the_campaign_s_time(t: TestApp) {
        house(&t, with(json!({"remoteHangup": 100, "talkS": [5, 5]}))).await;
        campaign(&t, "Spring", "progressive", json!({"wrapS": 7})).await;
        let one = lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        pass(&t, 10).await;
        let (mut wrapping, mut seconds) = (false, 0);
        for _ in 0..20 {
            let state = t.agent("agent1").await["state"].clone();
            wrapping |= state == "wrap_up";
            seconds += u32::from(state == "wrap_up");
            pass(&t, 1).await;
        }
        assert!(wrapping && (6..=8).contains(&seconds), "{seconds}");
        assert_eq!(t.agent("agent1").await["state"], "ready");
        assert_eq!(lead_now(&t, one).await["callStatus"], "CR_CNCT/CON_CAD");
    }

    async fn a_call_that_was_dialed_ahead_pops_up_when_it_is_given_to_an_agent(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        let id = lead(&t, "Spring", FIRST, json!({})).await;
        let mut phone = t.softphone("agent1", None).await;
        t.be("agent1", "ready").await;
        pass(&t, 5).await;
        let event = next_event(&mut phone).await;
        assert_eq!((&event["type"], &event["data"]["state"], &event["data"]["leadId"]), (&json!("call.state"), &json!("talk"), &json!(id)), "{event}");
    }

    async fn a_skipped_lead_comes_again_later(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "preview", json!({})).await;
        let (one, two) = (lead(&t, "Spring", FIRST, json!({})).await, lead(&t, "Spring", SECOND, json!({})).await);
        ready(&t, "agent1").await;
        due(&t).await;
        let call = call_of(&t, "agent1").await;
        assert_eq!(wish(&t, &call, "skip_preview", json!({"reason": "a child"})).await.0, StatusCode::ACCEPTED);
        due(&t).await;
        let presented = told(&t, "lead.presented").await;
        assert_eq!(presented.last().map(|told| told["lead"].clone()), Some(json!(two)));
        let skipped = lead_now(&t, one).await;
        assert_eq!((&skipped["callStatus"], &skipped["attempts"]), (&json!("SKIP"), &json!(0)), "{skipped}");
        let (_, why) = t.get(&format!("/api/v1/leads/{one}/explain")).await;
        assert_eq!((&why["dial"], &why["reasons"][0]["rule"]), (&json!(false), &json!("retry")), "{why}");
        let past = why["past"].as_array().cloned().unwrap_or_default();
        assert_eq!(past.iter().map(|receipt| receipt["kind"].as_str().unwrap_or("-")).collect::<Vec<_>>(), ["skipped", "presented"], "{why}");
        assert!(past[0]["texts"][0].as_str().is_some_and(|text| text.contains("a child")), "{past:?}");
        assert_eq!(told(&t, "call.ordered").await.len(), 0, "nobody was called");
    }

    async fn a_preview_that_runs_out_is_dialed_skipped_or_ends_readiness(t: TestApp) {
        house(&t, steady()).await;
        for (rule, orders, state) in [("dial", 1, "on_call"), ("skip", 1, "ready"), ("notReady", 1, "not_ready")] {
            campaign(&t, rule, "preview", json!({"previewS": 10, "onPreviewEnd": rule})).await;
            let id = lead(&t, rule, FIRST, json!({"duplicatesCheck": "allow"})).await;
            ready(&t, "agent2").await;
            pass(&t, 16).await;
            assert_eq!(told(&t, "call.ordered").await.iter().filter(|order| order["verb"] == "dial").count(), orders, "{rule}");
            let agent = t.agent("agent2").await;
            assert_eq!(agent["state"], state, "{rule}: {agent} {}", lead_now(&t, id).await);
            if rule == "dial" {
                let call = call_of(&t, "agent2").await;
                wish(&t, &call, "hangup", json!({})).await;
                pass(&t, 40).await;
            }
            t.be("agent2", "offline").await;
            campaign(&t, rule, "preview", json!({"running": false})).await;
        }
        assert!(told(&t, "agent.state").await.iter().any(|told| told["reason"] == "missed_preview"));
    }

    async fn hot_leads_come_first_and_promised_ones_at_their_time(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "preview", json!({})).await;
        let plain = lead(&t, "Spring", FIRST, json!({"importOnly": false})).await;
        let promised = lead(&t, "Spring", SECOND, json!({"callback": {"at": "2026-11-20T12:05:00Z", "agent": "agent2"}})).await;
        let _ = (plain, promised);
        ready(&t, "agent1").await;
        due(&t).await;
        assert_eq!(last_presented(&t).await, (plain, "agent1".to_owned()));
        ready(&t, "agent2").await;
        pass(&t, 5).await;
        assert_eq!(last_presented(&t).await.1, "agent1", "it was promised for later");
        t.clock.advance(std::time::Duration::from_secs(300));
        tokio::time::sleep(std::time::Duration::ZERO).await;
        pass(&t, 2).await;
        assert_eq!(last_presented(&t).await, (promised, "agent2".to_owned()));
    }

    async fn nobody_is_dialed_whom_the_law_protects(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "progressive", json!({})).await;
        let asleep = lead(&t, "Spring", SLEEPER, json!({})).await;
        let listed = lead(&t, "Spring", FIRST, json!({})).await;
        let kept = lead(&t, "Spring", SECOND, json!({"importOnly": true})).await;
        assert!(answer(t.api(Method::PUT, &format!("/api/v1/dnc/{FIRST}"))).await.0.is_success());
        for login in ["agent1", "agent2"] {
            ready(&t, login).await;
        }
        pass(&t, 10).await;
        assert_eq!(told(&t, "call.ordered").await, Vec::<Value>::new());
        for (id, rule) in [(asleep, "window"), (listed, "dnc"), (kept, "import_only")] {
            let (_, why) = t.get(&format!("/api/v1/leads/{id}/explain")).await;
            let rules: Vec<&str> = why["reasons"].as_array().into_iter().flatten().filter_map(|reason| reason["rule"].as_str()).collect();
            assert!(rules.contains(&rule), "{id}: {why}");
        }
        // at eight in Massachusetts
        t.clock.advance(std::time::Duration::from_secs(3600 * 2));
        pass(&t, 8).await;
        let dialed = told(&t, "lead.dialed").await;
        assert_eq!(dialed.iter().map(|told| told["lead"].as_i64().unwrap_or_default()).collect::<Vec<_>>(), [asleep]);
        assert!(dialed[0]["rules"].as_str().is_some_and(|rules| rules.starts_with("US")), "{}", dialed[0]);
    }

    async fn the_list_wins_against_a_preview(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "preview", json!({})).await;
        let one = lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        due(&t).await;
        let call = call_of(&t, "agent1").await;
        assert!(answer(t.api(Method::PUT, &format!("/api/v1/dnc/{FIRST}"))).await.0.is_success());
        let (status, body) = wish(&t, &call, "accept_preview", json!({})).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("refused")), "{body}");
        due(&t).await;
        assert_eq!((told(&t, "call.ordered").await.len(), state(&t, &call).await.as_str()), (0, "end"));
        assert_eq!(lead_now(&t, one).await["callStatus"], "DO NOT CALL");
        assert_eq!(t.agent("agent1").await["state"], "ready");
    }

    async fn a_lead_that_nobody_answers_is_tried_again_by_the_rules(t: TestApp) {
        house(&t, with(json!({"outcomes": {"answered": 0, "busy": 0, "noAnswer": 1, "machine": 0, "failed": 0}}))).await;
        campaign(&t, "Spring", "progressive", json!({"ringS": 20, "retries": {"CR_NOANS": {"afterMin": 15, "times": 1}}})).await;
        let one = lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        pass(&t, 40).await;
        let tried = lead_now(&t, one).await;
        assert_eq!((&tried["callStatus"], &tried["attempts"]), (&json!("CR_NOANS"), &json!(1)), "{tried}");
        let result = &told(&t, "call.result").await[0];
        assert_eq!((&result["outcome"], &t.only_call().await["noAnswers"]), (&json!("No Answer"), &json!(1)));
        pass(&t, 30).await;
        assert_eq!(told(&t, "lead.dialed").await.len(), 1, "not before its time");
        t.clock.advance(std::time::Duration::from_secs(15 * 60));
        pass(&t, 40).await;
        assert_eq!(told(&t, "lead.dialed").await.len(), 2);
        t.clock.advance(std::time::Duration::from_secs(3600));
        pass(&t, 40).await;
        assert_eq!(told(&t, "lead.dialed").await.len(), 2, "once more, and no more");
    }

    async fn a_promise_made_in_the_wrap_up_is_kept_by_the_same_agent(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "preview", json!({})).await;
        let one = lead(&t, "Spring", FIRST, json!({})).await;
        ready(&t, "agent1").await;
        due(&t).await;
        let call = call_of(&t, "agent1").await;
        wish(&t, &call, "accept_preview", json!({})).await;
        pass(&t, 5).await;
        wish(&t, &call, "hangup", json!({})).await;
        pass(&t, 1).await;
        let promise = json!({"outcome": "CALL BACK", "retryAt": "2026-11-20T12:10:00Z", "retryMine": true, "notes": "after lunch"});
        assert_eq!(wish(&t, &call, "set_outcome", promise).await.0, StatusCode::ACCEPTED);
        wish(&t, &call, "end_wrap", json!({})).await;
        let after = lead_now(&t, one).await;
        assert_eq!((&after["callback"]["agent"], &after["callback"]["at"]), (&json!("agent1"), &json!("2026-11-20T12:10:00Z")), "{after}");
        ready(&t, "agent2").await;
        t.clock.advance(std::time::Duration::from_secs(11 * 60));
        pass(&t, 2).await;
        assert_eq!(last_presented(&t).await, (one, "agent1".to_owned()));
        let shown = told(&t, "call.state").await;
        assert_eq!(shown.last().map(|call| (&call["isCallback"], &call["state"])), Some((&json!(true), &json!("preview"))));
    }

    async fn two_desks_dial_a_lead_once(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "preview", json!({})).await;
        for last in 10..40 {
            lead(&t, "Spring", &format!("+4930555019{last}"), json!({})).await;
        }
        let app = t.app();
        for login in ["agent1", "agent2", "agent3"] {
            ready(&t, login).await;
        }
        let mut desks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (app, account) = (app.clone(), t.account);
            desks.spawn(async move { cti_gateway::app::dialer::Desk::default().look(&app, account).await });
        }
        while desks.join_next().await.is_some() {}
        let presented = told(&t, "lead.presented").await;
        let mut leads: Vec<i64> = presented.iter().filter_map(|told| told["lead"].as_i64()).collect();
        leads.sort_unstable();
        leads.dedup();
        assert_eq!((presented.len(), leads.len()), (3, 3), "one for each agent: {presented:?}");
    }

    async fn a_campaign_that_stands_still_dials_nobody(t: TestApp) {
        house(&t, steady()).await;
        campaign(&t, "Spring", "progressive", json!({"running": false})).await;
        lead(&t, "Spring", THIRD, json!({})).await;
        ready(&t, "agent1").await;
        pass(&t, 5).await;
        assert_eq!(told(&t, "call.ordered").await.len(), 0);
        campaign(&t, "Spring", "progressive", json!({})).await;
        pass(&t, 5).await;
        assert_eq!(told(&t, "call.ordered").await.iter().filter(|order| order["verb"] == "dial").count(), 1);
    }
}

/// The call that keeps an agent busy.
async fn call_of(t: &TestApp, login: &str) -> String {
    let agent = t.agent(login).await;
    agent["call"].as_str().unwrap_or_else(|| panic!("no call: {agent}")).to_owned()
}

/// The lead that was presented last, and to whom.
async fn last_presented(t: &TestApp) -> (i64, String) {
    let presented = told(t, "lead.presented").await;
    let last = presented.last().unwrap_or_else(|| panic!("nothing was presented"));
    (last["lead"].as_i64().unwrap_or_default(), last["agent"].as_str().unwrap_or_default().to_owned())
}
