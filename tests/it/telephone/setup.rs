//! How telephone systems are set up, shown, chosen and kept from going.

use cti_gateway::{
    app::{committer::Failure, seal::Seal},
    config::Config,
    domain::order::Command,
    store::setup,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{THEIRS, account, dial, due, entries, give, house, order, put, shown, state, steady, system_state};
use crate::support::app::{ACCOUNT, TestApp, answer, both, token};

const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// A server with a key.
pub(super) fn with_key(config: &mut Config) {
    config.seal = Seal::new(Some(KEY), None).expect("a key");
}

/// One with a secret in every place that may hold one.
fn generic() -> Value {
    json!({"generic": {
        "gateway": "office",
        "auth": {"token": {"url": "https://pbx.example/token?key=s3cret", "user": "u", "password": "s3cret", "params": {"grant": "s3cret"}}},
        "headers": {"X-Key": "s3cret", "X-Token": "{token}"},
        "params": {"to": "{number}", "key": "s3cret", "mixed": "s3cret-{order}"},
        "requests": {"dial": {"url": "https://pbx.example:8443/s3cret/dial", "params": {"pin": "s3cret"}}},
    }})
}

fn asterisk() -> Value {
    json!({"asterisk": {
        "url": "http://127.0.0.1:8088", "user": "cti", "password": "s3cret", "app": "cti",
        "station": "PJSIP/{extension}", "trunk": "PJSIP/{number}@trunk",
    }})
}

async fn refused(t: &TestApp, path: &str, body: Value) -> String {
    let (status, told) = answer(t.api(Method::PUT, &format!("/api/v1/{path}")).json(&body)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {told}");
    format!("{}: {}", told["error"]["field"].as_str().unwrap_or_default(), told["error"]["message"].as_str().unwrap_or_default())
}

both! {
    async fn secrets_are_sealed_and_never_shown(t: TestApp with with_key) {
        for (name, body) in [("generic", generic()), ("asterisk", asterisk())] {
            let path = format!("telephone-systems/{name}");
            let shown = put(&t, &path, body.clone()).await;
            assert!(!shown.to_string().contains("s3cret"), "{shown}");
            // sent back as it was shown, it keeps what it had
            put(&t, &path, shown).await;
            let row = setup::of_kind(t.app().db.read(), t.account, cti_gateway::domain::setup::Kind::TelephoneSystem).await.expect("the store");
            let row = row.into_iter().find(|row| row.name == name).expect("a record");
            assert!(row.body.starts_with("{\"sealed\":"), "{}", row.body);
            let kept = t.app().seal.open(t.account, cti_gateway::domain::setup::Kind::TelephoneSystem, name, serde_json::from_str(&row.body).expect("JSON"));
            assert_eq!(kept, Ok(body));
        }
        let (_, shown) = t.get("/api/v1/telephone-systems/generic").await;
        let shown = &shown["generic"];
        assert_eq!((&shown["requests"]["dial"]["url"], &shown["params"]["to"]), (&json!("https://pbx.example:8443/***"), &json!("{number}")));
        assert_eq!((&shown["auth"]["token"]["url"], &shown["headers"]["X-Token"]), (&json!("https://pbx.example/***"), &json!("{token}")));
        // what is kept for one host goes to no other
        for (name, place, moved) in [
            ("generic", "/generic/requests/dial/url", "https://evil.example/***"), ("generic", "/generic/auth/token/url", "https://evil.example/token"),
            ("generic", "/generic/requests/dial/url", "https://evil.example/dial"), ("asterisk", "/asterisk/url", "http://evil.example"),
        ] {
            let (_, mut body) = t.get(&format!("/api/v1/telephone-systems/{name}")).await;
            *body.pointer_mut(place).expect("a place") = json!(moved);
            assert!(refused(&t, &format!("telephone-systems/{name}"), body).await.contains("***"), "{place}");
        }
        assert!(t.journal().await.iter().all(|entry| !entry.to_string().contains("s3cret")));
        let sealed = t.admin().with_seal(Seal::new(Some(&Seal::make_key()), Some(KEY)).expect("keys")).reseal((t.account, ACCOUNT)).await.expect("the store");
        assert_eq!(sealed, Ok(2));
    }

    async fn without_a_key_no_secret_is_stored(t: TestApp) {
        assert!(refused(&t, "telephone-systems/main", asterisk()).await.contains("CTI_SECRET_KEY"));
        house(&t, steady()).await;
    }

    async fn what_is_wrong_is_named(t: TestApp with with_key) {
        let change = |body: &Value, place: &str, value: Value| {
            let mut body = body.clone();
            let (parent, name) = place.rsplit_once('/').expect("a place");
            body.pointer_mut(parent).expect("a place")[name] = value;
            body
        };
        for (place, value, expected) in [
            ("/asterisk/url", json!("ftp://x"), "url: an address begins with"), ("/asterisk/url", json!("http://x/?a"), "url: the address has neither"),
            ("/asterisk/user", json!("a b"), "user: "), ("/asterisk/password", json!(""), "a password or token is empty"), ("/asterisk/app", json!("a/b"), "app: "),
            ("/asterisk/station", json!("PJSIP/1001"), "station: expected an endpoint with {extension}"), ("/asterisk/station", json!("{extension}"), "station: "),
            ("/asterisk/station", json!("PJSIP/{number}"), "{number} is not a placeholder"), ("/asterisk/trunk", json!("PJSIP/trunk"), "trunk: expected an endpoint with {number}"),
            ("/asterisk/callerId", json!("1001"), "callerId: "), ("/asterisk/context", json!("a b"), "context: "), ("/asterisk/colour", json!("red"), "colour"),
        ] {
            let told = refused(&t, "telephone-systems/x", change(&asterisk(), place, value)).await;
            assert!(told.contains(expected), "{place}: {told}");
        }
        for (place, value, expected) in [
            ("/generic/gateway", json!("none"), "gateway: there is no such gateway"), ("/generic/gateway", json!(" "), "gateway: expected"),
            ("/generic/requests", json!({}), "requests: expected one"), ("/generic/requests/sing", json!({"url": "https://x/{call}"}), "requests: expected requests by the names"),
            ("/generic/requests/hangup", json!({"url": "https://x/"}), "{call} in the url"), ("/generic/requests/dtmf", json!({"url": "https://x/{call}", "params": {}}), "requests.dtmf: expected {digits}"),
            ("/generic/requests/dial/url", json!("https://{number}/"), "requests.url: a placeholder stands in the path"), ("/generic/params/to", json!("{phone}"), "{phone} is not a placeholder"),
            ("/generic/headers/Host", json!("x"), "headers: \"Host\" follows"), ("/generic/auth", json!("none"), "auth: {token} stands for a token"),
            ("/generic/auth/token/url", json!("https://x/{call}"), "auth.token.url: "), ("/generic/auth/token/pointer", json!("token"), "auth.token.pointer: "),
            ("/generic/auth/token/user", json!(null), "auth.token.user: "), ("/generic/callIdPointer", json!("id"), "callIdPointer: "), ("/generic/successStatuses", json!([500]), "successStatuses: "),
            ("/generic/contentType", json!("xml"), "contentType"),
        ] {
            let told = refused(&t, "telephone-systems/x", change(&generic(), place, value)).await;
            assert!(told.contains(expected), "{place}: {told}");
        }
        for (knobs, expected) in [
            (json!({"outcomes": {"answered": 0, "busy": 0, "noAnswer": 0, "machine": 0, "failed": 0}}), "outcomes: "), (json!({"answerS": [3, 2]}), "answerS: "),
            (json!({"newsMs": [0, 86_401]}), "newsMs: "), (json!({"remoteHangup": 101}), "remoteHangup: "), (json!({"lostNews": 101}), "lostNews: "), (json!({"mood": 1}), "mood"),
        ] {
            let told = refused(&t, "telephone-systems/x", json!({ "simulated": knobs })).await;
            assert!(told.contains(expected), "{told}");
        }
        assert!(refused(&t, "telephone-systems/x", json!({"simulated": {}, "asterisk": {}})).await.contains("single key"));
    }

    async fn orders_go_to_the_one_that_is_chosen(t: TestApp) {
        let hangup = || give(&t, "x", Command::Hangup);
        assert!(matches!(hangup().await, Err(Failure::NotSupported)), "there is none");
        house(&t, steady()).await;
        assert!(hangup().await.is_ok(), "the only one there is");
        put(&t, "telephone-systems/other", json!({"simulated": steady()})).await;
        assert!(matches!(hangup().await, Err(Failure::NotSupported)), "there are two");
        put(&t, "options/account", json!({"telephoneSystem": "OTHER"})).await;
        due(&t).await;
        assert_eq!(account(&t).await.telephone_system().map(|driven| driven.name.to_owned()).as_deref(), Some("other"));
        order(&t, "out", dial(THEIRS)).await;
        assert_eq!(entries(&t, "call.ordered").await.last().expect("one")["system"], "other");
        assert_eq!(state(&t, "out").await.0, "ringing");
        assert_eq!((system_state(&t, "other").await["state"].clone(), system_state(&t, "house").await["message"].clone()), (json!("up"), json!("it is not in use")));
        let gone = answer(t.api(Method::DELETE, "/api/v1/telephone-systems/Other")).await;
        assert!(gone.0 == StatusCode::CONFLICT && gone.1["error"]["message"].as_str().is_some_and(|text| text.contains("telephoneSystem")), "{gone:?}");
        assert_eq!(answer(t.api(Method::DELETE, "/api/v1/telephone-systems/house")).await.0, StatusCode::NO_CONTENT);
        // another one has none of its calls
        put(&t, "telephone-systems/third", json!({"simulated": {}})).await;
        put(&t, "options/account", json!({"telephoneSystem": "third"})).await;
        due(&t).await;
        assert_eq!(state(&t, "out").await, shown("end", "lost"));
    }

    async fn what_may_happen_in_a_simulated_one(t: TestApp with with_key) {
        house(&t, steady()).await;
        put(&t, "telephone-systems/main", asterisk()).await;
        put(&t, "telephone-systems/spare", json!({"simulated": {}})).await;
        put(&t, "options/account", json!({"telephoneSystem": "house"})).await;
        let ask = async |name: &str, body: Value| answer(t.api(Method::POST, &format!("/api/v1/telephone-systems/{name}/simulate")).json(&body)).await;
        for (name, body, status, text) in [
            ("none", json!({"down": 1}), 404, "no such telephone system"), ("main", json!({"down": 1}), 409, "not simulated"), ("spare", json!({"down": 1}), 409, "not in use"),
            ("house", json!({"down": 0}), 422, "1 to 86400"), ("house", json!({}), 422, "from and did, or down"), ("house", json!({"from": "nobody", "did": "1"}), 422, "a telephone number"),
            ("house", json!({"from": "+4930123456", "did": "1001", "down": 3}), 422, "from and did, or down"), ("house", json!({"colour": "red"}), 422, "colour"),
        ] {
            let (found, told) = ask(name, body.clone()).await;
            assert!(found.as_u16() == status && told["error"]["message"].as_str().is_some_and(|found| found.contains(text)), "{name} {body}: {found} {told}");
        }
        assert!(t.admin().add_token(ACCOUNT, &token(t.account, "cti_weak", "calls:read,calls:control,leads:read")).await.expect("the store"));
        for (method, path, allowed) in [(Method::POST, "house/simulate", false), (Method::GET, "house/state", true), (Method::GET, "house", false)] {
            let request = t.request(method, &format!("/api/v1/telephone-systems/{path}")).bearer_auth("cti_weak").json(&json!({"down": 1}));
            assert_eq!(answer(request).await.0.is_success(), allowed, "{path}");
        }
        assert_eq!(system_state(&t, "main").await["state"], "down");
    }
}
