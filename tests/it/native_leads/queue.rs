//! The queue of a campaign: who is next, in which order, whom a closed window or another agent's promise holds back, and that a
//! changed setup reaches those that wait.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use cti_gateway::{
    app::{
        committer::{Done, Work},
        directory::Account,
        requeue,
    },
    domain::lead::{Came, Lead, Rule, Rules},
    q,
    store::{leads, requeue as book},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BERLIN, BOSTON, LEADS, add_token, entries, lead, put, send, send_as, set_up};
use crate::support::{
    app::{ACCOUNT, TestApp, answer, both, noon, token},
    wire::until,
};

async fn account(t: &TestApp) -> Arc<Account> {
    t.app().directory.account(&t.app().hub, t.account).await.expect("the account")
}

/// The ids of those who are next.
async fn next(t: &TestApp, campaign: &str) -> Vec<i64> {
    let leads = t.app().next_to_dial(&account(t).await, campaign, 100).await.expect("the store");
    leads.iter().map(|lead| lead.id).collect()
}

async fn promised_by(t: &TestApp, agent: &str) -> Vec<i64> {
    let leads = t.app().promised_by(&account(t).await, agent, 100).await.expect("the store");
    leads.iter().map(|lead| lead.id).collect()
}

/// `id rank dialAt` of all who wait, as an operator reads them.
async fn waiting(t: &TestApp, campaign: &str) -> Vec<String> {
    let (status, told) = t.get(&format!("/api/v1/campaigns/{campaign}/queue?limit=500")).await;
    assert_eq!((status, &told["next"]), (StatusCode::OK, &Value::Null), "{told}");
    let line = |item: &Value| {
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", item["lead"]["id"], text("rank"), text("dialAt").trim_start_matches("2026-11-").trim_end_matches(":00Z"))
    };
    told["items"].as_array().expect("items").iter().map(line).collect()
}

/// A lead that nobody asked to have dialed at once.
async fn fresh(t: &TestApp, phone: &str) -> i64 {
    let made = lead(t, json!({"campaign": "Summer", "phone": phone, "importOnly": true, "duplicatesCheck": "allow"})).await;
    let id = made["lead"]["id"].as_i64().expect("an id");
    let (status, told) = send(t, Method::PATCH, &format!("{LEADS}/{id}"), &json!({"importOnly": false})).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    id
}

async fn find(t: &TestApp, id: i64) -> Lead {
    t.app().find_leads(t.account, &cti_gateway::app::committer::LeadKey::Id(id)).await.expect("the store").pop().expect("a lead")
}

/// Changes a lead as the dialer does.
async fn change(t: &TestApp, id: i64, change: impl FnOnce(&mut Lead, &Account)) {
    let (mut lead, account, now) = (find(t, id).await, account(t).await, t.clock.now());
    let custom = lead.custom.clone();
    change(&mut lead, &account);
    let place = |lead: &Lead| lead.place(&Rules::of(&account.setup, lead), now);
    let mut tx = t.app().db.begin().await.expect("a transaction");
    for rows in leads::rows(t.account, std::iter::once((&lead, Some(&custom))), place).expect("rows") {
        tx.bulk(rows).await.expect("the store");
    }
    tx.commit().await.expect("a commit");
}

/// Dials a lead now, and it comes out so.
async fn dial(t: &TestApp, id: i64, outcome: &str) {
    let now = t.clock.now();
    change(t, id, |lead, account| {
        lead.dial(&Rules::of(&account.setup, lead), now);
        lead.came_out(&account.setup, Came { outcome, callback: None }, now);
    })
    .await;
}

/// Waits until every lead has the place that the setup says. Time passes for it.
async fn settle(t: &TestApp) {
    t.clock.advance(Duration::from_secs(2));
    until("no campaign is left to do", || async {
        requeue::run_due(&t.app()).await.expect("the store");
        left(t).await == 0
    })
    .await;
}

/// Campaigns that are left to do.
async fn left(t: &TestApp) -> i64 {
    t.app().db.read().one::<(i64,)>(q!("select count(*) from requeue")).await.expect("the store").0
}

both! {
    async fn hot_ones_go_first_then_promises_then_the_rest(t: TestApp) {
        set_up(&t).await;
        assert_eq!((next(&t, "Summer").await, next(&t, "none").await), (vec![], vec![]));
        let fresh_one = fresh(&t, BERLIN).await;
        let tried = fresh(&t, "+4930123457").await;
        dial(&t, tried, "CR_BUSY").await;
        t.clock.advance(Duration::from_secs(1));
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123458", "callback": {"at": "2026-11-20T12:05:00Z"}})).await;
        lead(&t, json!({"campaign": "summer", "phone": "+4930123459"})).await;
        t.clock.advance(Duration::from_secs(1));
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123460"})).await;
        lead(&t, json!({"campaign": "Winter", "phone": "+4930123461"})).await;
        assert_eq!((fresh_one, tried), (1, 2));
        assert_eq!(next(&t, "SUMMER").await, [4, 5, 1], "the hot one that waited longest is first");
        assert_eq!(next(&t, "Winter").await, [6]);
        assert_eq!(waiting(&t, "summer").await, ["4 hot 20T12:00:02Z", "5 hot 20T12:00:02Z", "1 fresh 20T12:00:02Z", "3 callback 20T12:05", "2 retry 20T12:10"]);
        t.clock.advance(Duration::from_secs(10 * 60));
        assert_eq!(next(&t, "Summer").await, [4, 5, 3, 1, 2]);
        let one = t.app().next_to_dial(&account(&t).await, "Summer", 1).await.expect("the store");
        assert_eq!(one, [find(&t, 4).await], "as it is in the book");
        // who changes a lead does not send it to the end
        send(&t, Method::PATCH, &format!("{LEADS}/4"), &json!({"city": "Berlin"})).await;
        assert_eq!(next(&t, "Summer").await[0], 4);
        send(&t, Method::POST, &format!("{LEADS}/4/disposition"), &json!({"disposition": "SALE"})).await;
        send(&t, Method::PATCH, &format!("{LEADS}/5"), &json!({"campaign": "Winter"})).await;
        send(&t, Method::PUT, &format!("/api/v1/dnc/{BERLIN}"), &json!({})).await;
        assert_eq!((next(&t, "Summer").await, next(&t, "Winter").await), (vec![3, 2], vec![5, 6]));
    }

    async fn a_closed_window_holds_up_its_own_leads_only(t: TestApp) {
        set_up(&t).await;
        for index in 0..40 {
            lead(&t, json!({"campaign": "Summer", "phone": format!("+1781270{:04}", 6500 + index)})).await;
        }
        let berlin = fresh(&t, BERLIN).await;
        assert_eq!(next(&t, "Summer").await, [berlin], "it is seven in Boston");
        assert_eq!(waiting(&t, "Summer").await[..2], [format!("{berlin} fresh 20T12:00"), "1 hot 20T13:00".to_owned()]);
        t.clock.advance(Duration::from_secs(3600));
        assert_eq!(next(&t, "Summer").await, (1..=41).collect::<Vec<_>>());
        // nine in the evening in Boston, three in the morning in Berlin: everybody was due, and nobody is
        t.clock.advance(Duration::from_secs(13 * 3600));
        assert_eq!(next(&t, "Summer").await, [0; 0]);
        assert_eq!(waiting(&t, "Summer").await[..2], [format!("{berlin} fresh 21T07:00"), "1 hot 21T13:00".to_owned()]);
        t.clock.advance(Duration::from_secs(6 * 3600));
        assert_eq!(next(&t, "Summer").await, [berlin], "those who were due last evening are not in its way");
        // whoever may set windows aside is bound by none
        add_token(&t, "cti_over", "leads:write,window:override").await;
        let body = json!({"campaign": "Summer", "phone": BOSTON, "skipWindow": true, "duplicatesCheck": "allow"});
        assert_eq!(send_as(&t, "cti_over", Method::POST, LEADS, &body).await.0, StatusCode::CREATED);
        assert_eq!(next(&t, "Summer").await, [42, berlin]);
    }

    async fn a_promise_waits_for_its_agent(t: TestApp) {
        set_up(&t).await;
        put(&t, "campaigns/Summer", json!({"dialing": {"mode": "preview", "callbackGraceMin": 30}})).await;
        for (campaign, phone, agent, minutes) in [("Summer", BERLIN, Some("agent1"), 10), ("Winter", "+4930123457", Some("agent1"), 5), ("Summer", "+4930123458", Some("agent2"), 0), ("Summer", "+4930123459", None, 20), ("Summer", BOSTON, Some("agent1"), 0)] {
            let at = noon() + TimeDelta::minutes(minutes);
            lead(&t, json!({"campaign": campaign, "phone": phone, "callback": {"agent": agent, "at": at}})).await;
        }
        assert_eq!((promised_by(&t, "agent1").await, promised_by(&t, "agent2").await), (vec![], vec![3]));
        t.clock.advance(Duration::from_secs(20 * 60));
        assert_eq!((promised_by(&t, "agent1").await, promised_by(&t, "agent2").await, promised_by(&t, "agent3").await), (vec![2, 1], vec![3], vec![]), "in every campaign");
        assert_eq!(next(&t, "Summer").await, [4], "what was promised by nobody in person");
        t.clock.advance(Duration::from_secs(10 * 60));
        assert_eq!((next(&t, "Summer").await, next(&t, "Winter").await), (vec![3, 4], vec![2]), "agent2 has had his time; a campaign that says nothing has no grace");
        t.clock.advance(Duration::from_secs(10 * 60));
        assert_eq!(next(&t, "Summer").await, [3, 1, 4]);
        t.clock.advance(Duration::from_secs(3600));
        assert_eq!((promised_by(&t, "agent1").await, next(&t, "Summer").await), (vec![2, 1, 5], vec![3, 1, 4, 5]), "morning in Boston");
    }

    async fn what_should_not_stand_there_is_put_right(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN, "expiresAt": "2026-11-20T12:30:00Z"})).await;
        send(&t, Method::PUT, "/api/v1/dnc/+4930123457", &json!({})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123457"})).await;
        lead(&t, json!({"campaign": "Winter", "phone": "+4930123458"})).await;
        t.clock.advance(Duration::from_secs(3600));
        let before = entries(&t, "lead.*").await.len();
        assert_eq!(next(&t, "Summer").await, [2], "the list is asked when it is dialed");
        let told = entries(&t, "lead.*").await.split_off(before);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["type"], &told[0]["data"]), (&json!("lead.retimed"), &json!({"campaign": "Summer", "count": 1, "rule": "expiry"})));
        assert_eq!((&told[0]["source"], &told[0]["audience"]), (&json!("gateway"), &json!([])));
        assert_eq!(waiting(&t, "Summer").await, ["2 fresh 20T13:00"], "the expired one has no place");
        // then the dialer finds the number on the list
        let work = Work::Retime { leads: vec![1, 2, 3, 99], rule: Some(Rule::Dnc) };
        let done = t.app().committer.submit(&account(&t).await, work.clone(), Duration::from_secs(5)).await.expect("done");
        assert_eq!(done, Done::Retimed(3));
        let told: Vec<String> = entries(&t, "lead.*").await.split_off(before + 1).iter().map(|entry| format!("{} {} {}", entry["type"], entry["data"]["campaign"], entry["data"]["count"])).collect();
        assert_eq!(told, ["\"lead.updated\" null null", "\"lead.retimed\" \"Summer\" 2", "\"lead.retimed\" \"Winter\" 1"]);
        assert_eq!((find(&t, 2).await.call_status.as_deref(), next(&t, "Summer").await, next(&t, "Winter").await), (Some("DO NOT CALL"), vec![], vec![3]));
        let done = t.app().committer.submit(&account(&t).await, work, Duration::from_secs(5)).await.expect("done");
        assert_eq!((done, entries(&t, "lead.updated").await.len()), (Done::Retimed(3), 1), "it is marked once");
        assert_eq!(find(&t, 3).await.version, 1, "a place is no change of a lead");
    }

    async fn a_changed_setup_reaches_those_that_wait(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN, "callStatus": "CR_BUSY"})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123457", "callStatus": "unheard of"})).await;
        lead(&t, json!({"campaign": "Winter", "phone": "+4930123458", "callStatus": "CR_BUSY"})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+18005550100"})).await;
        assert_eq!((next(&t, "Summer").await, left(&t).await), (vec![1, 4], 0));
        // of a campaign
        let own = |name: &str, callable: bool| json!({"name": name, "text": name, "connects": false, "isConnectXorAbort": false, "callable": callable});
        put(&t, "campaigns/Summer", json!({"dispositions": [own("CR_BUSY", false), own("unheard of", true)]})).await;
        settle(&t).await;
        assert_eq!((next(&t, "Summer").await, next(&t, "Winter").await), (vec![4, 2], vec![3]), "nobody asked for the second at once");
        // of the account
        put(&t, "campaigns/Summer", json!({})).await;
        put(&t, "dispositions/CR_BUSY", json!({"connects": false, "callable": false})).await;
        settle(&t).await;
        assert_eq!((next(&t, "Summer").await, next(&t, "Winter").await), (vec![4], vec![]));
        assert_eq!(answer(t.api(Method::DELETE, "/api/v1/dispositions/CR_BUSY")).await.0, StatusCode::NO_CONTENT);
        // where somebody is of whom nothing is known
        put(&t, "options/account", json!({"zone": "America/New_York"})).await;
        settle(&t).await;
        assert_eq!((next(&t, "Summer").await, next(&t, "Winter").await), (vec![1], vec![3]));
        let told: Vec<Value> = entries(&t, "lead.retimed").await.into_iter().map(|entry| entry["data"].clone()).collect();
        assert!(told.iter().all(|data| data["rule"].is_null() && data["count"].as_i64().is_some_and(|count| count > 0)), "{told:?}");
        // how it is dialed moves nobody, and the most attempts do
        dial(&t, 1, "CR_BUSY").await;
        put(&t, "campaigns/Summer", json!({"dialing": {"mode": "preview", "running": true, "ringS": 5, "retries": {}}})).await;
        assert_eq!(left(&t).await, 0);
        put(&t, "campaigns/Summer", json!({"dialing": {"mode": "preview", "maxAttempts": 1}})).await;
        assert_eq!(left(&t).await, 1);
        settle(&t).await;
        assert_eq!(waiting(&t, "Summer").await, ["4 hot 20T13:00"]);
        put(&t, "campaigns/Summer", json!({"dialing": {"mode": "preview", "retries": {"CR_BUSY": {"afterMin": 10, "times": 0}}}})).await;
        settle(&t).await;
        assert_eq!(waiting(&t, "Summer").await, ["4 hot 20T13:00"], "it came out so once, and is not tried again");
    }

    async fn a_playlist_narrows_the_queue_when_it_is_reloaded(t: TestApp) {
        set_up(&t).await;
        put(&t, "playlists/Morning", json!({"campaigns": ["Summer"], "filters": []})).await;
        for index in 0..60 {
            let city = if index % 20 == 19 { "Potsdam" } else { "Berlin" };
            lead(&t, json!({"campaign": "Summer", "phone": format!("+49301234{index:03}"), "city": city})).await;
        }
        put(&t, "campaigns/Summer", json!({"dialing": {"mode": "preview", "playlist": "Morning"}})).await;
        assert_eq!(next(&t, "Summer").await, [0; 0], "one that was never reloaded holds nobody, at once");
        send(&t, Method::POST, "/api/v1/playlists/Morning/reload", &json!({})).await;
        settle(&t).await;
        assert_eq!(next(&t, "Summer").await.len(), 60);
        put(&t, "filters/Potsdamers", json!({"blocks": [{"statements": [{"field": "city", "op": "eq", "value": "potsdam"}]}]})).await;
        put(&t, "playlists/Morning", json!({"campaigns": ["Summer"], "filters": [{"filter": "Potsdamers", "active": true}]})).await;
        assert_eq!((next(&t, "Summer").await.len(), left(&t).await), (60, 0), "a draft");
        send(&t, Method::POST, "/api/v1/playlists/Morning/reload", &json!({})).await;
        // before everybody has his place: nobody is dialed whom the playlist does not hold
        assert_eq!(next(&t, "Summer").await, [20, 40, 60]);
        settle(&t).await;
        assert_eq!(waiting(&t, "Summer").await.len(), 3);
        send(&t, Method::PATCH, &format!("{LEADS}/1"), &json!({"city": "Potsdam"})).await;
        assert_eq!(next(&t, "Summer").await, [1, 20, 40, 60]);
    }

    async fn a_pass_goes_on_where_it_stopped(t: TestApp) {
        set_up(&t).await;
        for part in 0..3 {
            let item = |index: i64| json!({"op": "create", "lead": {"campaign": "Summer", "phone": format!("+4930{:07}", part * 1000 + index), "callStatus": "CR_BUSY"}});
            let (status, told) = send(&t, Method::POST, &format!("{LEADS}/batch"), &json!({"items": (0..1000).map(item).collect::<Vec<_>>()})).await;
            assert_eq!((status, &told["items"][999]["status"]), (StatusCode::OK, &json!(201)), "{}", told["items"][0]);
        }
        let db = t.app().db.clone();
        let count = async || db.read().one::<(i64,)>(q!("select count(*) from lead where dial_rank is not null")).await.expect("the store").0;
        assert_eq!(count().await, 3000);
        // somebody else has begun it, and has died over it
        put(&t, "dispositions/CR_BUSY", json!({"connects": false, "callable": false})).await;
        let now = t.clock.now();
        let due = book::due(db.read(), now + TimeDelta::seconds(2), 10).await.expect("the store");
        let [summer, winter] = &due[..] else { panic!("{due:?}") };
        assert_eq!((summer.campaign.as_str(), summer.after_id, winter.campaign.as_str(), summer.due_at), ("Summer", 0, "Winter", now + TimeDelta::seconds(2)));
        assert!(book::due(db.read(), now, 10).await.expect("the store").is_empty(), "every server hears of it first");
        let until = now + TimeDelta::seconds(30);
        assert!(book::take(db.write(), summer, now, until).await.expect("the store"));
        assert!(!book::take(db.write(), summer, now, until).await.expect("the store"), "one has it");
        assert!(book::reach(db.write(), summer, 1500, Some(until)).await.expect("the store"));
        assert!(!book::reach(db.write(), summer, 1600, Some(until)).await.expect("the store"), "from where it was, and no other place");
        settle_others(&t).await;
        assert_eq!(count().await, 3000, "while it is taken nobody else does it");
        t.clock.advance(Duration::from_secs(30));
        settle(&t).await;
        assert_eq!(count().await, 1500, "the rest was done");
        // who asks anew has it done from the first lead on
        let mut tx = db.begin().await.expect("a transaction");
        book::ask(&mut tx, t.account, "Summer", t.clock.now()).await.expect("the store");
        tx.commit().await.expect("a commit");
        settle(&t).await;
        assert_eq!((count().await, next(&t, "Summer").await.len()), (0, 0));
        let retimed = entries(&t, "lead.retimed").await;
        assert_eq!(retimed.iter().map(|entry| entry["data"]["count"].as_i64().expect("a count")).sum::<i64>(), 3000, "each once");
        // asked anew while it is under way: the one that is at it has lost it
        put(&t, "dispositions/CR_BUSY", json!({"connects": false, "callable": true})).await;
        let at = t.clock.now();
        let due = book::due(db.read(), at + TimeDelta::seconds(2), 10).await.expect("the store").swap_remove(0);
        assert!(book::take(db.write(), &due, at, at + TimeDelta::seconds(30)).await.expect("the store"));
        t.clock.advance(Duration::from_secs(1));
        put(&t, "campaigns/Summer", json!({"dailyCap": 6})).await;
        assert!(!book::reach(db.write(), &due, 1000, None).await.expect("the store"));
        book::finish(db.write(), &due).await.expect("the store");
        assert_eq!(left(&t).await, 2, "what was asked for since is still to be done");
        settle(&t).await;
        assert_eq!(count().await, 3000);
    }

    async fn a_queue_is_one_account_s_and_one_campaign_s(t: TestApp) {
        set_up(&t).await;
        let new = cti_gateway::store::accounts::NewAccount { name: "other".into(), region: "US".into(), search_url: None, create_url: None };
        let other = t.admin().add_account(&new).await.expect("the store").expect("a new account");
        assert!(t.admin().add_token("other", &token(other, "cti_other", "admin")).await.expect("the store"));
        assert_eq!(send_as(&t, "cti_other", Method::PUT, "/api/v1/campaigns/Summer", &json!({})).await.0, StatusCode::CREATED);
        let body = json!({"campaign": "Summer", "phone": BERLIN, "callback": {"at": "2026-11-20T12:00:00Z"}});
        assert_eq!(send_as(&t, "cti_other", Method::POST, LEADS, &body).await.0, StatusCode::CREATED);
        assert_eq!((next(&t, "Summer").await, waiting(&t, "Summer").await.len()), (vec![], 0));
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        assert_eq!(next(&t, "Summer").await, [1]);
        let (_, told) = send_as(&t, "cti_other", Method::GET, "/api/v1/campaigns/Summer/queue", &json!({})).await;
        assert_eq!((told["items"].as_array().map(Vec::len), &told["items"][0]["rank"]), (Some(1), &json!("callback")));
        assert_eq!(ACCOUNT, account(&t).await.name);
    }

    async fn the_queue_as_operators_read_it(t: TestApp) {
        set_up(&t).await;
        put(&t, "campaigns/Summer", json!({"dailyCap": 1})).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN, "firstName": "Ada"})).await;
        lead(&t, json!({"campaign": "Summer", "phone": BOSTON})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123457", "callback": {"at": "2026-11-20T14:00:00Z", "agent": "agent1"}})).await;
        lead(&t, json!({"campaign": "Summer", "phone": "+4930123458"})).await;
        dial(&t, 4, "CR_NOANS").await;
        let (status, told) = t.get("/api/v1/campaigns/summer/queue?explain=1").await;
        assert_eq!(status, StatusCode::OK);
        insta::assert_json_snapshot!("the_queue", told);
        let (_, two) = t.get("/api/v1/campaigns/Summer/queue?limit=2&explain=0").await;
        let items = two["items"].as_array().expect("items");
        assert_eq!((items.len(), items[0].get("explanation"), &items[0]["lead"]), (2, None, &told["items"][0]["lead"]));
        for (path, status, field) in [
            ("Autumn/queue", 404, Value::Null), ("Summer/queue?limit=0", 422, json!("limit")), ("Summer/queue?limit=501", 422, json!("limit")),
            ("Summer/queue?explain=maybe", 422, json!("explain")), ("Summer/queue?why=1", 422, json!("why")),
        ] {
            let (found, told) = t.get(&format!("/api/v1/campaigns/{path}")).await;
            assert_eq!((found.as_u16(), &told["error"]["field"]), (status, &field), "{path}: {told}");
        }
    }
}

/// Does what nobody has.
async fn settle_others(t: &TestApp) {
    t.clock.advance(Duration::from_secs(2));
    until("one campaign is left", || async {
        requeue::run_due(&t.app()).await.expect("the store");
        left(t).await == 1
    })
    .await;
}
