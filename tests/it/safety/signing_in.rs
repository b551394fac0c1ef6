//! People sign in by password or by a link that works once, and out again.

use std::time::Duration;

use cti_gateway::app::{directory::Subject, passwords, sessions::OneTimeLink};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::is_error;
use crate::support::app::{ACCOUNT, TOKEN, TestApp, agent, answer, both};

const PASSWORD: &str = "correct horse battery staple";

/// An operator `olga` and an agent `anna` with this password; of the other agents none has one.
async fn people(t: &TestApp) {
    let hash = passwords::hash(PASSWORD).expect("a hash");
    assert!(t.admin().add_operator((t.account, ACCOUNT), "olga", &hash).await.expect("the store"));
    let mut anna = agent("anna", "1007");
    anna.password_hash = Some(hash);
    t.admin().add_agent((t.account, ACCOUNT), &anna).await.expect("the store").expect("a new agent");
    t.app().directory.invalidate(t.account);
}

async fn sign_in(t: &TestApp, body: Value) -> (StatusCode, Value) {
    answer(t.request(Method::POST, "/api/v1/sessions").json(&body)).await
}

async fn with_password(t: &TestApp, account: &str, login: &str, password: &str) -> (StatusCode, Value) {
    sign_in(t, json!({"account": account, "login": login, "password": password})).await
}

/// The code of a new link for the operator.
async fn link(t: &TestApp) -> String {
    OneTimeLink::issue(&t.app().db, &t.clock, (t.account, ACCOUNT), &Subject::Operator("olga".to_owned())).await.expect("the store").secret
}

async fn ask(t: &TestApp, bearer: &str, method: Method, path: &str) -> (StatusCode, Value) {
    answer(t.request(method, path).bearer_auth(bearer)).await
}

both! {
    async fn operators_and_agents_sign_in_by_password(t: TestApp) {
        people(&t).await;
        for (login, may, may_not) in [
            ("olga", &["/api/v1/dialer-calls", "/api/v1/agents", "/api/v1/events"][..], (Method::POST, "/api/v1/dialer-calls/0193a1b2-0000-7000-8000-000000000000/end-wrap")),
            ("anna", &["/api/v1/dialer-calls", "/api/v1/agents", "/api/v1/events"], (Method::DELETE, "/api/v1/parties/contact/1")),
        ] {
            let (status, session) = with_password(&t, ACCOUNT, login, PASSWORD).await;
            assert_eq!(status, StatusCode::CREATED, "{session}");
            assert_eq!((&session["account"], &session["login"], &session["expiresAt"]), (&json!(ACCOUNT), &json!(login), &json!("2026-11-21T00:00:00.000000Z")));
            let bearer = session["token"].as_str().expect("a token");
            for path in may {
                assert_eq!(ask(&t, bearer, Method::GET, path).await.0, StatusCode::OK, "{login}: {path}");
            }
            assert_eq!(ask(&t, bearer, may_not.0, may_not.1).await.0, StatusCode::FORBIDDEN, "{login}");
        }
    }

    async fn a_wrong_password_tells_nothing(t: TestApp) {
        people(&t).await;
        let (_, expected) = with_password(&t, ACCOUNT, "olga", "wrong").await;
        for (account, login, password) in [
            (ACCOUNT, "anna", "wrong"), (ACCOUNT, "anna", ""), (ACCOUNT, "nobody", PASSWORD), ("nowhere", "anna", PASSWORD), (ACCOUNT, "agent1", ""),
            (ACCOUNT, "agent1", "nobody has this password"), (ACCOUNT, "Anna", PASSWORD), ("Acme", "anna", PASSWORD),
        ] {
            let (status, body) = with_password(&t, account, login, password).await;
            assert_eq!((status, &body), (StatusCode::UNAUTHORIZED, &expected), "{account} {login} {password}");
        }
        assert!(is_error(&expected, "unauthorized"));
        assert!(t.calls().await.is_empty());
    }

    async fn a_link_works_once_and_within_an_hour(t: TestApp) {
        people(&t).await;
        let code = link(&t).await;
        assert_eq!(ask(&t, &code, Method::GET, "/api/v1/agents").await.0, StatusCode::UNAUTHORIZED, "a code is no bearer");
        let (status, session) = sign_in(&t, json!({ "code": code })).await;
        assert_eq!((status, &session["login"]), (StatusCode::CREATED, &json!("olga")), "{session}");
        let bearer = session["token"].as_str().expect("a token");
        assert_eq!(ask(&t, bearer, Method::GET, "/api/v1/agents").await.0, StatusCode::OK);
        assert_eq!(ask(&t, bearer, Method::DELETE, "/api/v1/parties/contact/1").await.0, StatusCode::FORBIDDEN);
        let (status, body) = sign_in(&t, json!({ "code": code })).await;
        assert!(status == StatusCode::UNAUTHORIZED && is_error(&body, "unauthorized"), "a second time: {body}");
        let (late, in_time) = (link(&t).await, link(&t).await);
        t.clock.advance(Duration::from_secs(3599));
        assert_eq!(sign_in(&t, json!({ "code": in_time })).await.0, StatusCode::CREATED);
        t.clock.advance(Duration::from_secs(1));
        assert_eq!(sign_in(&t, json!({ "code": late })).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(sign_in(&t, json!({ "code": TOKEN })).await.0, StatusCode::UNAUTHORIZED, "a token is no code");
        assert_eq!(sign_in(&t, json!({ "code": t.ticket("agent1").await })).await.0, StatusCode::UNAUTHORIZED, "nor is a ticket");
    }

    async fn two_at_once_with_one_link_are_one_session(t: TestApp) {
        people(&t).await;
        let code = link(&t).await;
        let tries = (0..8).map(|_| sign_in(&t, json!({ "code": code })));
        let answers = futures_util::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::UNAUTHORIZED).count(), 7, "{answers:?}");
    }

    async fn what_is_missing_is_named(t: TestApp) {
        for (body, status, field) in [
            (json!({}), 400, "account"), (json!({"account": "a"}), 400, "login"), (json!({"account": "a", "login": "b"}), 400, "password"),
            (json!({"login": "b", "password": "c"}), 400, "account"), (json!({"account": 7}), 422, "account"), (json!({"user": "a"}), 422, "user"),
        ] {
            let (got, answer) = sign_in(&t, body.clone()).await;
            assert_eq!((got.as_u16(), &answer["error"]["field"]), (status, &json!(field)), "{body}: {answer}");
        }
        for junk in ["", "[]", "junk", "{"] {
            let (status, body) = answer(t.request(Method::POST, "/api/v1/sessions").header("content-type", "application/json").body(junk)).await;
            assert!(status.is_client_error() && body["error"]["code"].is_string(), "{junk}: {body}");
        }
    }

    async fn the_eleventh_try_in_a_minute_is_turned_away(t: TestApp with |config| config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")]) {
        people(&t).await;
        let from = |address: &'static str, password: &'static str| {
            let body = json!({"account": ACCOUNT, "login": "anna", "password": password});
            t.request(Method::POST, "/api/v1/sessions").header("x-forwarded-for", address).json(&body).send()
        };
        for number in 1..=10 {
            assert_eq!(from("192.0.2.1", "wrong").await.expect("an answer").status(), StatusCode::UNAUTHORIZED, "try {number}");
        }
        let refused = from("192.0.2.1", PASSWORD).await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "even with the right password");
        assert_eq!(refused.headers().get("retry-after").and_then(|value| value.to_str().ok()), Some("60"));
        assert!(is_error(&refused.json().await.expect("JSON"), "too_many"));
        assert_eq!(from("192.0.2.2", PASSWORD).await.expect("an answer").status(), StatusCode::CREATED, "others are not held up");
    }

    async fn signing_out_ends_the_session(t: TestApp) {
        people(&t).await;
        let mut sessions = Vec::new();
        for _ in 0..2 {
            let (_, session) = with_password(&t, ACCOUNT, "anna", PASSWORD).await;
            sessions.push(session["token"].as_str().expect("a token").to_owned());
        }
        assert_eq!(ask(&t, &sessions[0], Method::GET, "/api/v1/agents").await.0, StatusCode::OK);
        assert_eq!(ask(&t, &sessions[0], Method::DELETE, "/api/v1/sessions/current").await.0, StatusCode::NO_CONTENT);
        for (method, path) in [(Method::GET, "/api/v1/agents"), (Method::DELETE, "/api/v1/sessions/current"), (Method::POST, "/api/v1/ws-ticket")] {
            let (status, body) = ask(&t, &sessions[0], method, path).await;
            assert!(status == StatusCode::UNAUTHORIZED && is_error(&body, "unauthorized"), "{path}: {body}");
        }
        assert_eq!(ask(&t, &sessions[1], Method::GET, "/api/v1/agents").await.0, StatusCode::OK, "the other session stays");
        let (status, body) = ask(&t, TOKEN, Method::DELETE, "/api/v1/sessions/current").await;
        assert!(status == StatusCode::CONFLICT && is_error(&body, "conflict"), "a token is no session: {body}");
    }

    async fn a_session_lasts_twelve_hours(t: TestApp) {
        people(&t).await;
        let (_, session) = with_password(&t, ACCOUNT, "olga", PASSWORD).await;
        let bearer = session["token"].as_str().expect("a token");
        t.clock.advance(Duration::from_secs(12 * 3600 - 1));
        t.restart().await;
        assert_eq!(ask(&t, bearer, Method::GET, "/api/v1/agents").await.0, StatusCode::OK, "a restart does not sign anybody out");
        t.clock.advance(Duration::from_secs(1));
        assert_eq!(ask(&t, bearer, Method::GET, "/api/v1/agents").await.0, StatusCode::UNAUTHORIZED);
    }
}
