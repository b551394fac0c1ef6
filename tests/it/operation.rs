//! What operators look at: how the parts are, how campaigns get on, what the journal holds about a call.

use std::time::Duration;

use cti_gateway::{
    app::{sessions::AGENT_SCOPES, sweeper},
    client::{Frame, Position},
    domain::order::{Command, Order},
    store::credentials::NewCredential,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    app::{ACCOUNT, QUIET_SECRET, TestApp, agent, answer, both, next, token},
    floor::{campaign, due, house, lead, pass, put, ready, steady, with},
    wire::until,
};

const BERLIN: &str = "+493055501901";

async fn health(t: &TestApp) -> Value {
    let (status, told) = t.get("/api/v1/health").await;
    assert_eq!(status, StatusCode::OK, "{told}");
    told
}

/// The progress of the only campaign.
async fn progress(t: &TestApp) -> Value {
    let (status, told) = t.get("/api/v1/progress").await;
    assert_eq!((status, told["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{told}");
    told["items"][0].clone()
}

/// Type and state of each entry about a call.
async fn trace(t: &TestApp, id: &str) -> (Vec<String>, bool) {
    let (status, told) = t.get(&format!("/api/v1/dialer-calls/{id}/journal")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let word = |entry: &Value| format!("{} {}", entry["type"].as_str().unwrap_or_default(), entry["data"]["state"].as_str().unwrap_or("-"));
    (told["items"].as_array().expect("items").iter().map(word).collect(), told["complete"] == true)
}

both! {
    async fn health_tells_which_part_stands_still(t: TestApp) {
        let calm = health(&t).await;
        assert_eq!(calm["store"]["kind"], if t.kind == crate::support::app::Kind::Sqlite { "sqlite" } else { "postgres" });
        assert_eq!((&calm["telephoneSystems"], &calm["providers"]), (&json!([]), &json!([])));
        assert_eq!(calm["gateways"][0], json!({"gateway": "office", "lastNewsAt": null, "news": 0, "unknown": 0, "lastUnknownAt": null}));
        let _phone = t.softphone("agent1", None).await;
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        t.clock.advance(Duration::from_secs(5));
        t.vtiger("event=call_whatever&call_id=1").await;
        t.native(json!({"callId": "n1", "event": "initiated", "from": "+4930111", "to": "1002"})).await;
        let told = health(&t).await;
        let office = json!({"gateway": "office", "lastNewsAt": "2026-11-20T12:00:00Z", "news": 1, "unknown": 1, "lastUnknownAt": "2026-11-20T12:00:05Z"});
        let api = json!({"gateway": null, "lastNewsAt": "2026-11-20T12:00:05Z", "news": 1, "unknown": 0, "lastUnknownAt": null});
        assert_eq!((&told["gateways"][0], &told["gateways"][2]), (&office, &api));
        assert_eq!((&told["sockets"]["softphones"], &told["journal"]["lastAt"]), (&json!(1), &json!("2026-11-20T12:00:05Z")));
        let (_, head) = t.get("/api/v1/events").await;
        assert_eq!((&told["journal"]["seq"], &told["journal"]["epoch"]), (&head["after"], &head["epoch"]));
    }

    async fn who_was_away_is_no_late_delivery(t: TestApp) {
        let (_, start) = t.get("/api/v1/events").await;
        let position = Position { epoch: start["epoch"].as_str().expect("an epoch").to_owned(), seq: start["after"].as_i64().expect("a seq") };
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        t.clock.advance(Duration::from_secs(300));
        let mut phone = t.softphone("agent1", Some(position)).await;
        while !matches!(next(&mut phone).await, Ok(Frame::Mark(_))) {}
        assert_eq!(health(&t).await["sockets"]["slowestUs"], Value::Null);
    }

    async fn health_tells_of_systems_their_orders_and_providers(t: TestApp) {
        house(&t, steady()).await;
        put(&t, "telephone-systems/spare", json!({"simulated": {}})).await;
        put(&t, "options/account", json!({"telephoneSystem": "house"})).await;
        put(&t, "providers/carrier", json!({"simulated": null})).await;
        put(&t, "numbers/%2B493055501000", json!({"sms": true, "provider": "carrier"})).await;
        due(&t).await;
        ready(&t, "agent1").await;
        let dialed = answer(t.api(Method::POST, "/api/v1/calls").json(&json!({"agent": "agent1", "number": BERLIN}))).await;
        assert_eq!(dialed.0, StatusCode::ACCEPTED, "{}", dialed.1);
        let sent = json!({"from": "+493055501000", "to": BERLIN, "body": "x"});
        assert_eq!(answer(t.api(Method::POST, "/api/v1/messages").json(&sent)).await.0, StatusCode::ACCEPTED);
        due(&t).await;
        let told = health(&t).await;
        let (house, spare) = (&told["telephoneSystems"][0], &told["telephoneSystems"][1]);
        assert_eq!((&house["system"], &house["state"], &house["orders"]["taken"]), (&json!("house"), &json!("up"), &json!(1)), "{house}");
        assert!(house["news"].as_u64() > Some(0) && house["lastNewsAt"].is_string(), "{house}");
        assert_eq!((&spare["state"], &spare["message"]), (&json!("down"), &json!("it is not in use")));
        // what it does not have it cannot hold
        let order = Order { id: t.clock.id(), call: "nobody".to_owned(), command: Command::Hold };
        let account = t.app().directory.account(&t.app().hub, t.account).await.expect("the account");
        t.app().order(&account, order).await.expect("it is stored");
        due(&t).await;
        let orders = health(&t).await["telephoneSystems"][0]["orders"].clone();
        assert_eq!((&orders["refused"], &orders["lastTrouble"]["verb"]), (&json!(1), &json!("hold")), "{orders}");
        assert!(orders["lastTrouble"]["message"].as_str().is_some_and(|why| !why.is_empty()), "{orders}");
        let carrier = &told["providers"][0];
        let count: i64 = carrier["messages"].as_object().expect("counts").values().filter_map(Value::as_i64).sum();
        assert_eq!((&carrier["provider"], count), (&json!("carrier"), 1), "{carrier}");
    }

    async fn progress_counts_leads_agents_and_lines_and_says_why(t: TestApp) {
        put(&t, "campaigns/Spring", json!({})).await;
        let none = progress(&t).await;
        assert_eq!((&none["mode"], &none["leads"]["total"], &none["why"]["code"]), (&Value::Null, &json!(0), &json!("not_dialed")));
        campaign(&t, "Spring", "progressive", json!({"running": false})).await;
        assert_eq!(progress(&t).await["why"]["code"], "stopped");
        campaign(&t, "Spring", "progressive", json!({})).await;
        assert_eq!(progress(&t).await["why"]["code"], "no_system");
        house(&t, with(json!({"answerS": [5, 5]}))).await;
        assert_eq!(progress(&t).await["why"]["code"], "no_agents");
        ready(&t, "agent1").await;
        due(&t).await;
        assert_eq!(progress(&t).await["why"]["code"], "no_leads");
        t.be("agent1", "not_ready").await;
        lead(&t, "Spring", BERLIN, json!({})).await;
        lead(&t, "Spring", "+493055501902", json!({})).await;
        lead(&t, "Spring", "+17812706510", json!({})).await; // it is seven in Boston
        lead(&t, "Spring", "+493055501903", json!({"callback": {"at": "2026-11-20T13:00:00Z"}})).await;
        lead(&t, "Spring", "+493055501904", json!({})).await;
        put(&t, "dnc/%2B493055501904", json!({})).await;
        t.be("agent1", "ready").await;
        due(&t).await;
        tokio::time::sleep(Duration::from_millis(300)).await; // a count that took long is kept for a while
        let told = progress(&t).await;
        let leads = &told["leads"];
        assert_eq!([&leads["total"], &leads["callback"], &leads["dialedToday"]], [5, 1, 1], "{told}");
        assert_eq!(leads["cameOut"], json!({"DO NOT CALL": 1}), "{told}");
        let queued: i64 = ["hot", "callback", "fresh", "retry", "rest"].iter().filter_map(|word| leads[word].as_i64()).sum();
        assert_eq!((queued, &leads["due"]), (5, &json!(1)), "of those who wait it is day for one: {told}");
        assert_eq!(told["lines"], json!({"preview": 0, "ringing": 1, "talking": 0, "wrapUp": 0}), "{told}");
        assert_eq!((&told["why"]["code"], &told["agents"]), (&json!("enough_in_flight"), &json!({"offline": 2, "ready": 1})), "{told}");
        pass(&t, 6).await;
        let told = progress(&t).await;
        assert_eq!((&told["lines"]["talking"], &told["today"], &told["agents"]["on_call"]), (&json!(1), &json!({"answered": 1, "abandoned": 0}), &json!(1)), "{told}");
        let before = t.journal_of(&["lead.*"]).await.len();
        progress(&t).await;
        assert_eq!(t.journal_of(&["lead.*"]).await.len(), before, "who looks changes nothing");
    }

    async fn the_journal_of_a_call_is_found_by_its_id(t: TestApp) {
        t.be("agent1", "signed_in").await;
        let heard = t.vtiger("event=call_initiated&call_id=abc&from=%2B4930123456&to=1001").await;
        let id = heard["dialer_call_id"].as_str().or(heard["dialerCallId"].as_str()).expect("an id").to_owned();
        for other in 0..20 {
            t.vtiger(&format!("event=call_initiated&call_id=o{other}&from=%2B49301234{other:02}&to=1002")).await;
        }
        t.vtiger("event=call_connected&call_id=abc&to=1001").await;
        t.clock.advance(Duration::from_secs(60));
        t.vtiger("event=call_hangup&call_id=abc").await;
        t.vtiger_at(QUIET_SECRET, "event=call_initiated&call_id=abc&from=%2B4930999&to=1002").await;
        let (story, complete) = trace(&t, &id).await;
        let states: Vec<&str> = story.iter().filter(|entry| entry.starts_with("call.state")).map(String::as_str).collect();
        assert_eq!((states, complete), (vec!["call.state incoming", "call.state talk", "call.state idle"], true));
        assert!(story.contains(&"agent.state on_call".to_owned()), "what the agent did by it: {story:?}");
        let (_, found) = t.get("/api/v1/dialer-calls?callId=abc").await;
        let numbers: Vec<&Value> = found["items"].as_array().expect("items").iter().map(|call| &call["phoneNumber"]).collect();
        assert_eq!(numbers, ["+4930999", "+4930123456"], "each gateway has ids of its own");
        let (_, found) = t.get("/api/v1/dialer-calls?callId=abc&agent=agent1").await;
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(t.get("/api/v1/dialer-calls?callId=none").await.1["items"], json!([]));
        let unknown = t.get("/api/v1/dialer-calls/0193a1b2-0000-7000-8000-000000000000/journal").await;
        assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    }

    async fn an_agent_reads_of_a_call_what_was_for_him(t: TestApp) {
        let heard = t.vtiger_at(QUIET_SECRET, "event=call_initiated&call_id=abc&from=%2B4930123456&to=1001").await;
        let id = heard["dialer_call_id"].as_str().or(heard["dialerCallId"].as_str()).expect("an id").to_owned();
        for (login, expected) in [("agent1", 1), ("agent2", 0)] {
            let secret = format!("session_{login}");
            let subject = Some(format!("agent:{login}"));
            let new = NewCredential { kind: "session", subject, ..token(t.account, &secret, AGENT_SCOPES) };
            assert!(t.admin().add_token(ACCOUNT, &new).await.expect("the store"));
            let path = format!("/api/v1/dialer-calls/{id}/journal");
            let (status, told) = answer(t.request(Method::GET, &path).bearer_auth(&secret)).await;
            assert_eq!((status, told["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(expected)), "{login}: {told}");
        }
    }

    async fn what_the_journal_no_longer_holds_is_said_to_be_missing(t: TestApp) {
        let heard = t.vtiger("event=call_initiated&call_id=abc&from=%2B4930123456&to=1001").await;
        let id = heard["dialer_call_id"].as_str().or(heard["dialerCallId"].as_str()).expect("an id").to_owned();
        t.vtiger("event=call_hangup&call_id=abc").await;
        assert!(trace(&t, &id).await.1);
        t.clock.advance(t.config.retention() + Duration::from_secs(1));
        t.vtiger("event=call_initiated&call_id=new&from=%2B4930123456&to=1001").await;
        sweeper::trim(&t.app()).await.expect("the store");
        until("everything old is trimmed", || async { trace(&t, &id).await == (vec![], false) }).await;
        let (_, states) = t.get(&format!("/api/v1/dialer-calls/{id}/events")).await;
        assert_eq!(states["items"].as_array().map(Vec::len), Some(2), "its states are kept: {states}");
        assert_eq!(health(&t).await["journal"]["kept"], 1);
    }

    async fn another_account_sees_nothing_of_it(t: TestApp) {
        let heard = t.vtiger("event=call_initiated&call_id=abc&from=%2B4930123456&to=1001").await;
        let id = heard["dialer_call_id"].as_str().or(heard["dialerCallId"].as_str()).expect("an id").to_owned();
        let new = cti_gateway::store::accounts::NewAccount { name: "other".into(), region: "US".into(), search_url: None, create_url: None };
        let other = t.admin().add_account(&new).await.expect("the store").expect("a new account");
        assert!(t.admin().add_token("other", &token(other, "cti_other", "admin")).await.expect("the store"));
        t.admin().add_agent((other, "other"), &agent("agent1", "1001")).await.expect("the store").expect("a new agent");
        assert_ne!("other", ACCOUNT);
        let ask = async |path: String| answer(t.request(Method::GET, &path).bearer_auth("cti_other")).await;
        assert_eq!(ask(format!("/api/v1/dialer-calls/{id}/journal")).await.0, StatusCode::NOT_FOUND);
        let (_, told) = ask("/api/v1/health".to_owned()).await;
        assert_eq!((&told["gateways"], &told["sockets"]["followers"]), (&json!([]), &json!(0)), "{told}");
    }
}
