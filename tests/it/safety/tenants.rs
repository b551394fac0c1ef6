//! Tenants never see each other, even when they use the same names for everything.

use std::time::Duration;

use cti_gateway::{
    client::{Connect, Connection, Credential, Frame, Position},
    store::{accounts::NewAccount, credentials},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    app::{
        ACCOUNT, GENERIC, PBXMANAGER, QUIET_SECRET, SCOPES, SECRET, TOKEN, TestApp, agent, answer, both, gateway, next, next_event, token,
    },
    wire::Wire,
};

const OTHER: &str = "globex";
const OTHER_SECRET: &str = "vt_secret_of_globex";
const OTHER_TOKEN: &str = "cti_token_of_globex";

/// A second account whose agents, gateways and numbers are called as the first one's are.
async fn globex(t: &TestApp) -> i64 {
    let admin = t.admin();
    let new = NewAccount { name: OTHER.into(), region: "US".into(), search_url: None, create_url: None };
    let account = admin.add_account(&new).await.expect("the store").expect("a new account");
    for (login, office) in [("agent1", "1001"), ("agent2", "1002")] {
        admin.add_agent((account, OTHER), &agent(login, office)).await.expect("the store").expect("a new agent");
    }
    let mut office = gateway("office", OTHER_SECRET, "all");
    office.key = "key-of-globex".into();
    admin.add_gateway((account, OTHER), &office).await.expect("the store").expect("a new gateway");
    assert!(admin.add_token(OTHER, &token(account, OTHER_TOKEN, SCOPES)).await.expect("the store"));
    account
}

async fn ask(t: &TestApp, secret: &str, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let request = t.request(method, path).bearer_auth(secret);
    answer(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

async fn items(t: &TestApp, secret: &str, path: &str) -> Vec<Value> {
    let (status, body) = ask(t, secret, Method::GET, path, None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["items"].as_array().cloned().expect("items")
}

/// The same call, by its id, rings in both accounts: with a note that tells them apart.
async fn same_call(t: &TestApp) {
    for (secret, note) in [(SECRET, "of-acme"), (OTHER_SECRET, "of-globex")] {
        t.vtiger_at(secret, &format!("event=call_initiated&call_id=same&from=%2B4930123456&to=1001&notes={note}")).await;
    }
}

both! {
    async fn the_same_call_id_is_two_calls(t: TestApp) {
        globex(&t).await;
        same_call(&t).await;
        t.vtiger("event=call_connected&call_id=same&from=%2B4930123456&to=1001").await;
        t.clock.advance(Duration::from_secs(1));
        t.vtiger_at(OTHER_SECRET, "event=call_hangup&call_id=same&hangup_reason=busy").await;
        for (secret, note, status, events, results) in [(TOKEN, "of-acme", "in-progress", 2, 0), (OTHER_TOKEN, "of-globex", "busy", 2, 1)] {
            let calls = items(&t, secret, "/api/v1/dialer-calls").await;
            assert_eq!(calls.len(), 1);
            assert_eq!((&calls[0]["notes"], &calls[0]["callStatus"]), (&json!(note), &json!(status)));
            let rows = items(&t, secret, "/api/v1/dialer-call-events").await;
            assert_eq!(rows.len(), events, "{rows:?}");
            assert!(rows.iter().all(|row| row["dialerCallId"] == calls[0]["id"]));
            assert_eq!(items(&t, secret, "/api/v1/dialer-call-results").await.len(), results);
        }
    }

    async fn a_call_of_another_account_is_no_call(t: TestApp) {
        globex(&t).await;
        same_call(&t).await;
        let foreign = t.only_call().await["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/v1/dialer-calls/{foreign}");
        for (method, path, body) in [
            (Method::GET, path.clone(), None), (Method::GET, format!("{path}/events"), None), (Method::PATCH, path.clone(), Some(json!({"subject": "stolen"}))),
            (Method::POST, format!("{path}/end-wrap"), None),
        ] {
            let (status, body) = ask(&t, OTHER_TOKEN, method.clone(), &path, body).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {body}");
        }
        for list in ["dialer-call-events", "dialer-call-results"] {
            let rows = items(&t, OTHER_TOKEN, &format!("/api/v1/{list}?call={foreign}")).await;
            assert!(rows.is_empty(), "{list}: {rows:?}");
        }
        let mut socket = Wire::open(&t, &[("authorization", &format!("Bearer {OTHER_TOKEN}"))]).await.expect("the upgrade");
        socket.hello(json!({"agents": "*"})).await;
        socket.send(json!({"op": "cmd", "id": "a", "m": "end_wrap", "p": {"call": foreign}})).await;
        assert_eq!(socket.next_of("res").await["err"]["code"], "not_found");
        assert_eq!(t.only_call().await["subject"], Value::Null);
        // a cursor is a place, not a permission
        t.vtiger("event=call_initiated&call_id=second&from=%2B4930123456&to=1001").await;
        let (_, first) = t.get("/api/v1/dialer-calls?limit=1").await;
        let cursor = first["next"].as_str().expect("a cursor");
        let rows = items(&t, OTHER_TOKEN, &format!("/api/v1/dialer-calls?cursor={cursor}")).await;
        assert!(rows.iter().all(|row| row["notes"] == "of-globex"), "{rows:?}");
    }

    async fn events_stay_in_their_account(t: TestApp) {
        globex(&t).await;
        let globex_follow = Connect { credential: Credential::Bearer(OTHER_TOKEN.into()), ..t.follow() };
        let mut programs = [Connection::open(&t.follow()).await.expect("a program connects"), Connection::open(&globex_follow).await.expect("a program connects")];
        assert_ne!(programs[0].welcome.epoch, programs[1].welcome.epoch);
        let (_, ticket) = ask(&t, OTHER_TOKEN, Method::POST, "/api/v1/ws-ticket", Some(json!({"agent": "agent1"}))).await;
        let credential = Credential::Ticket(ticket["ticket"].as_str().expect("a ticket").to_owned());
        let mut phones = [t.softphone("agent1", None).await, Connection::open(&Connect { credential, agents: None, ..t.follow() }).await.expect("a softphone connects")];
        same_call(&t).await;
        let others = format!("/api/v1/events?after=0&epoch={}&types=config.*&limit=500", programs[1].welcome.epoch);
        for (index, note, account) in [(0, "of-acme", ACCOUNT), (1, "of-globex", OTHER)] {
            for connection in [&mut programs[index], &mut phones[index]] {
                let mut event = next_event(connection).await;
                while event["type"] == "agent.state" {
                    assert_eq!(event["account"], account);
                    event = next_event(connection).await;
                }
                assert_eq!((&event["data"]["notes"], &event["account"]), (&json!(note), &json!(account)));
            }
        }
        let (_, body) = ask(&t, OTHER_TOKEN, Method::GET, &others, None).await;
        assert!(body["items"].as_array().is_some_and(|items| items.len() == 8 && items.iter().all(|item| item["account"] == OTHER)), "{body}");
        // another account's epoch is a foreign one
        let (_, body) = t.get(&others).await;
        assert_eq!(body["reset"], true);
        let resume = Some(Position { epoch: programs[1].welcome.epoch.clone(), seq: 1 });
        let mut reset = t.softphone("agent1", resume).await;
        assert_eq!(reset.welcome.resume, "reset");
        match next(&mut reset).await.expect("a snapshot") {
            Frame::Snapshot { calls, .. } => assert_eq!(calls.iter().map(|call| &call["notes"]).collect::<Vec<_>>(), ["of-acme"]),
            other => panic!("{other:?}"),
        }
    }

    async fn people_and_parties_stay_in_their_account(t: TestApp) {
        globex(&t).await;
        assert_eq!(items(&t, TOKEN, "/api/v1/agents").await.len(), 3);
        let agents = items(&t, OTHER_TOKEN, "/api/v1/agents").await;
        assert_eq!(agents.iter().map(|agent| agent["login"].as_str().expect("a login")).collect::<Vec<_>>(), ["agent1", "agent2"]);
        let (status, _) = ask(&t, OTHER_TOKEN, Method::POST, "/api/v1/ws-ticket", Some(json!({"agent": "agent3"}))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "agent3 is the other's");
        let party = |name: &str| Some(json!({ "name": name, "numbers": ["+4930123456"] }));
        for (secret, id, name) in [(TOKEN, "1", "Acme's"), (OTHER_TOKEN, "1", "Globex's"), (TOKEN, "2", "Acme's only")] {
            let (status, body) = ask(&t, secret, Method::PUT, &format!("/api/v1/parties/contact/{id}"), party(name)).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            t.clock.advance(Duration::from_secs(1));
        }
        for path in ["/api/v1/parties", "/api/v1/parties?number=%2B4930123456"] {
            let rows = items(&t, OTHER_TOKEN, path).await;
            assert_eq!(rows.iter().map(|row| row["name"].as_str().expect("a name")).collect::<Vec<_>>(), ["Globex's"], "{path}");
        }
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(ask(&t, OTHER_TOKEN, method, "/api/v1/parties/contact/2", None).await.0, StatusCode::NOT_FOUND);
        }
        assert_eq!(ask(&t, OTHER_TOKEN, Method::DELETE, "/api/v1/parties/contact/1", None).await.0, StatusCode::NO_CONTENT);
        let left = items(&t, TOKEN, "/api/v1/parties").await;
        assert_eq!(left.iter().map(|row| row["name"].as_str().expect("a name")).collect::<Vec<_>>(), ["Acme's", "Acme's only"]);
        same_call(&t).await;
        let mut phone = t.softphone("agent1", None).await;
        let Frame::Snapshot { calls, .. } = next(&mut phone).await.expect("a snapshot") else { panic!("a snapshot comes first") };
        assert_eq!((&calls[0]["fromId"], &calls[0]["fromName"]), (&json!("2"), &json!("Acme's only")));
    }

    async fn tokens_and_gateways_belong_to_one_account(t: TestApp) {
        let other = globex(&t).await;
        let admin = t.admin();
        let id = credentials::list(t.app().db.read(), other).await.expect("the store")[0].id;
        assert!(!admin.revoke((t.account, ACCOUNT), id).await.expect("the store"), "not the other's to revoke");
        assert_eq!(ask(&t, OTHER_TOKEN, Method::GET, "/api/v1/agents", None).await.0, StatusCode::OK);
        assert!(!admin.add_token(ACCOUNT, &token(t.account, OTHER_TOKEN, "admin")).await.expect("the store"), "a secret means one token");
        let mut copy = gateway("copy", OTHER_SECRET, "all");
        copy.key = "key-of-copy".into();
        assert_eq!(admin.add_gateway((t.account, ACCOUNT), &copy).await.expect("the store"), None, "a secret means one gateway");
        // the same Idempotency-Key in both accounts is two keys
        for secret in [TOKEN, OTHER_TOKEN, TOKEN] {
            let event = json!({"events": [{"event": "initiated", "callId": "once", "from": "+4930123456", "to": "1001"}]});
            let (status, body) = answer(t.request(Method::POST, "/api/v1/call-events").bearer_auth(secret).header("idempotency-key", "k").json(&event)).await;
            assert_eq!((status, &body["items"][0]["changed"]), (StatusCode::OK, &json!(true)), "{body}");
        }
        assert_eq!(t.calls().await.len(), 1);
        assert_eq!(items(&t, OTHER_TOKEN, "/api/v1/dialer-calls").await.len(), 1);
        let (_, quiet) = answer(t.request(Method::POST, &format!("{GENERIC}?event=call_initiated&call_id=q&from=%2B4930123456&to=1001")).header("X-VTIGER-SECRET", QUIET_SECRET)).await;
        assert_eq!(quiet["success"], true);
        assert_eq!(items(&t, OTHER_TOKEN, "/api/v1/dialer-calls").await.len(), 1);
    }

    async fn an_address_that_two_accounts_claim_is_nobodys(t: TestApp) {
        let other = globex(&t).await;
        let send = |path: &'static str| answer(t.request(Method::POST, path).body("event=call_initiated&call_id=1&callstatus=NewCall&callUUID=1&from=2025550123&callerIdNumber=2025550123"));
        for (account, name) in [(t.account, ACCOUNT), (other, OTHER)] {
            let mut by_address = gateway("by-address", "unused", "all");
            (by_address.secret, by_address.networks) = (None, Some("127.0.0.0/8".into()));
            by_address.key = format!("key-{name}");
            t.admin().add_gateway((account, name), &by_address).await.expect("the store").expect("a new gateway");
            t.app().directory.invalidate(account);
            let (status, body) = send(GENERIC).await;
            assert_eq!(status, if name == ACCOUNT { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{name}: {body}");
            let response = t.request(Method::POST, PBXMANAGER).body("callstatus=NewCall&callUUID=2&callerIdNumber=2025550123").send().await.expect("an answer");
            assert_eq!(response.text().await.expect("a body").contains("Failure"), name != ACCOUNT);
        }
        assert!(items(&t, OTHER_TOKEN, "/api/v1/dialer-calls").await.is_empty());
        let keyed = answer(t.request(Method::POST, &format!("{GENERIC}?gw=key-globex&event=call_initiated&call_id=k&from=2025550123&to=1001"))).await;
        assert_eq!(keyed.0, StatusCode::OK, "{}", keyed.1);
        assert_eq!(items(&t, OTHER_TOKEN, "/api/v1/dialer-calls").await.len(), 1);
        assert_eq!(t.calls().await.len(), 2, "only what came before the other account claimed the address");
    }
}
