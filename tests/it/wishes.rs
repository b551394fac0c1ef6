//! Wishes of people and programs: whose wrap-up they may end, that a repeated one is done once, and that none holds a feed up.

use std::time::Duration;

use cti_gateway::{
    app::passwords,
    client::{Connection, Frame},
    store::{journal, people::NewAgent},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{ACCOUNT, Kind, QUIET_SECRET, TestApp, agent, answer, both, next};

both! {
    async fn an_agent_ends_his_own_wrap_ups_only(t: TestApp) {
        let session = sign_in(&t, "ben", "1010").await;
        let mut phones = [t.softphone("agent1", None).await, t.softphone("ben", None).await];
        let call = wrapping(&t, "1", "1001").await;
        let refused = ask(&mut phones[1], "1", &call).await;
        assert_eq!(refused["err"]["code"], "forbidden", "{refused}");
        let path = format!("/api/v1/dialer-calls/{call}/end-wrap");
        let (status, body) = answer(t.request(Method::POST, &path).bearer_auth(&session)).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")));
        assert_eq!(t.only_call().await["state"], "idle");
        assert_eq!(ask(&mut phones[0], "1", &call).await["ok"], true);

        let own = wrapping(&t, "2", "1010").await;
        let (status, _) = answer(t.request(Method::POST, &format!("/api/v1/dialer-calls/{own}/end-wrap")).bearer_auth(&session)).await;
        assert_eq!(status, StatusCode::OK, "his own");
        let any = wrapping(&t, "3", "1010").await;
        let (status, _) = answer(t.api(Method::POST, &format!("/api/v1/dialer-calls/{any}/end-wrap"))).await;
        assert_eq!(status, StatusCode::OK, "a program ends any");
    }

    async fn a_repeated_wish_gets_its_answer_again(t: TestApp) {
        let mut phone = t.softphone("agent1", None).await;
        let call = wrapping(&t, "1", "1001").await;
        assert_eq!(ask(&mut phone, "w1", &call).await["ok"], true);
        assert_eq!(ask(&mut phone, "w1", &call).await["ok"], true, "the same socket");
        phone.close().await;
        let mut phone = t.softphone("agent1", None).await;
        assert_eq!(ask(&mut phone, "w1", &call).await["ok"], true, "another socket of the same agent");
        assert_eq!(ask(&mut phone, "w2", &call).await["err"]["code"], "refused", "another wish");
        let other = wrapping(&t, "2", "1001").await;
        assert_eq!(ask(&mut phone, "w1", &other).await["ok"], true, "a client that counts from one again");
    }
}

/// A commit that waits holds neither pings nor the reading of frames up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_that_waits_holds_nothing_up() {
    let t = TestApp::start_with(Kind::Postgres, |config| config.socket.ping_ms = 300).await;
    let mut phone = t.softphone("agent1", None).await;
    next(&mut phone).await.expect("a snapshot");
    let call = wrapping(&t, "1", "1001").await;
    let app = t.app();
    let mut turn = app.db.begin().await.expect("a transaction");
    journal::hold_turn(&mut turn, t.account).await.expect("the turn");
    wish(&mut phone, "slow", &call).await;
    wish(&mut phone, "not_a_call", "nothing").await;
    // the client answers pings inside: were they held up, it would take the server for dead
    let silence = tokio::time::timeout(Duration::from_secs(2), answered(&mut phone)).await;
    assert!(silence.is_err(), "answers keep their order: {silence:?}");
    turn.rollback().await.expect("given up");
    drop(app);
    assert_eq!(answered(&mut phone).await["id"], "slow");
    assert_eq!(answered(&mut phone).await["id"], "not_a_call");
}

/// A call of the agent with this number, in wrap-up.
async fn wrapping(t: &TestApp, id: &str, number: &str) -> String {
    t.vtiger_at(QUIET_SECRET, &format!("event=call_initiated&call_id={id}&from=%2B4930123456&to={number}")).await;
    t.vtiger_at(QUIET_SECRET, &format!("event=call_connected&call_id={id}&from=%2B4930123456&to={number}")).await;
    let said = t.vtiger_at(QUIET_SECRET, &format!("event=call_hangup&call_id={id}")).await;
    assert_eq!(said["state"], "idle", "{said}");
    said["dialerCallId"].as_str().expect("an id").to_owned()
}

async fn wish(phone: &mut Connection, id: &str, call: &str) {
    phone.send(&json!({"op": "cmd", "id": id, "m": "end_wrap", "p": {"call": call}})).await.expect("sent");
}

async fn answered(phone: &mut Connection) -> Value {
    loop {
        if let Frame::Answer(answer) = next(phone).await.expect("a frame") {
            return answer;
        }
    }
}

async fn ask(phone: &mut Connection, id: &str, call: &str) -> Value {
    wish(phone, id, call).await;
    answered(phone).await
}

/// The session of a new agent.
pub(crate) async fn sign_in(t: &TestApp, login: &str, number: &str) -> String {
    let password_hash = Some(passwords::hash("a password").expect("a hash"));
    t.admin().add_agent((t.account, ACCOUNT), &NewAgent { password_hash, ..agent(login, number) }).await.expect("the store");
    t.app().directory.invalidate(t.account);
    let body = json!({"account": ACCOUNT, "login": login, "password": "a password"});
    let (status, body) = answer(t.request(Method::POST, "/api/v1/sessions").json(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    body["token"].as_str().expect("a session").to_owned()
}
