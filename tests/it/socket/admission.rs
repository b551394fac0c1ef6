//! Who may open the socket, and what hello may ask for.

use std::time::Duration;

use cti_gateway::{
    client::{Connect, Connection, Credential, Error},
    domain::secret::SecretHash,
    store::credentials::NewCredential,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    app::{ACCOUNT, TOKEN, TestApp, answer, both, token},
    wire::{Wire, with},
};

const BEARER: (&str, &str) = ("authorization", "Bearer cti_token_for_everything");

/// A token with these scopes.
async fn token_with(t: &TestApp, secret: &str, scopes: &str) {
    assert!(t.admin().add_token(ACCOUNT, &token(t.account, secret, scopes)).await.expect("the store"));
}

/// How a socket that says this hello is closed.
async fn closed_after(t: &TestApp, headers: &[(&str, &str)], hello: Value) -> (u16, String) {
    let mut wire = Wire::open(t, headers).await.expect("the upgrade");
    wire.hello(hello).await;
    wire.closed().await
}

both! {
    async fn a_ticket_opens_one_socket_within_half_a_minute(t: TestApp) {
        let ticket = t.ticket("agent1").await;
        let mut first = Wire::open(&t, &[]).await.expect("the upgrade");
        first.hello(json!({ "ticket": ticket })).await;
        assert_eq!(first.frame().await["agent"], "agent1");
        assert_eq!(closed_after(&t, &[], json!({ "ticket": ticket })).await.0, 4500, "a second time");
        let ticket = t.ticket("agent1").await;
        t.clock.advance(Duration::from_secs(29));
        let mut late = Wire::open(&t, &[]).await.expect("the upgrade");
        late.hello(json!({ "ticket": ticket })).await;
        assert_eq!(late.frame().await["op"], "welcome", "just in time");
        let ticket = t.ticket("agent1").await;
        t.clock.advance(Duration::from_secs(30));
        for (name, wrong) in [("too late", json!(ticket)), ("made up", json!("ticket_AAAA")), ("a token", json!(TOKEN)), ("empty", json!("")), ("none", Value::Null)] {
            let (code, reason) = closed_after(&t, &[], json!({ "ticket": wrong })).await;
            assert_eq!(code, 4500, "{name}: {reason}");
            assert!(reason.contains("ticket"), "{reason}");
        }
        assert_eq!(closed_after(&t, &[BEARER], json!({"ticket": "ticket_AAAA", "agents": "*"})).await.0, 4500, "a bearer does not mend a wrong ticket");
    }

    async fn a_ticket_is_no_bearer(t: TestApp) {
        let ticket = t.ticket("agent1").await;
        let (status, _) = answer(t.request(Method::GET, "/api/v1/events").bearer_auth(&ticket)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let authorization = format!("Bearer {ticket}");
        let refused = Wire::open(&t, &[("authorization", &authorization)]).await.err().expect("a refusal");
        assert_eq!(refused.0, 401);
    }

    async fn a_ticket_of_a_revoked_token_opens_nothing(t: TestApp) {
        token_with(&t, "cti_for_tickets", "agents:act").await;
        let request = t.request(Method::POST, "/api/v1/ws-ticket").bearer_auth("cti_for_tickets").json(&json!({"agent": "agent1"}));
        let (status, body) = answer(request).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let tokens = cti_gateway::store::credentials::list(t.app().db.read(), t.account).await.expect("the store");
        let id = tokens.last().expect("a token").id;
        assert!(t.admin().revoke((t.account, ACCOUNT), id).await.expect("the store"));
        assert_eq!(closed_after(&t, &[], json!({"ticket": body["ticket"]})).await.0, 4500);
    }

    async fn tickets_stand_for_agents_operators_and_programs(t: TestApp) {
        token_with(&t, "cti_acts", "agents:act").await;
        token_with(&t, "cti_reads", "events:read").await;
        token_with(&t, "cti_neither", "calls:read").await;
        let ask = |secret: &'static str, agent: Option<&'static str>| {
            let body = agent.map_or(json!({}), |agent| json!({ "agent": agent }));
            answer(t.request(Method::POST, "/api/v1/ws-ticket").bearer_auth(secret).json(&body))
        };
        for (secret, agent, status, named) in [
            ("cti_acts", Some("agent1"), 201, ""), ("cti_acts", Some("nobody"), 422, "agent"), ("cti_acts", None, 403, "events:read"),
            ("cti_reads", None, 201, ""), ("cti_reads", Some("agent1"), 403, "agents:act"), ("cti_neither", None, 403, "events:read"),
        ] {
            let (got, body) = ask(secret, agent).await;
            assert_eq!(got.as_u16(), status, "{secret} {agent:?}: {body}");
            assert!(body.to_string().contains(named), "{body}");
        }
        // a softphone whose ticket came from a token that may not read events
        let hello = |ticket: &Value, fields: Value| with(json!({ "ticket": ticket }), fields);
        let (_, acts) = ask("cti_acts", Some("agent2")).await;
        let mut phone = Wire::open(&t, &[]).await.expect("the upgrade");
        phone.hello(hello(&acts["ticket"], json!({}))).await;
        assert_eq!(phone.frame().await["agent"], "agent2");
        let (_, acts) = ask("cti_acts", Some("agent2")).await;
        let (code, reason) = closed_after(&t, &[], hello(&acts["ticket"], json!({"types": ["config.*"]}))).await;
        assert_eq!(code, 4507);
        assert!(reason.contains("scope"), "{reason}");
        // a program's ticket needs to say whom it follows, as with a bearer
        let (_, reads) = ask("cti_reads", None).await;
        let mut program = Wire::open(&t, &[]).await.expect("the upgrade");
        program.hello(hello(&reads["ticket"], json!({"agents": ["agent1"]}))).await;
        assert_eq!(program.frame().await["agent"], Value::Null);
        let (_, reads) = ask("cti_reads", None).await;
        assert_eq!(closed_after(&t, &[], hello(&reads["ticket"], json!({}))).await.0, 4501);
    }

    async fn a_program_names_whom_it_follows(t: TestApp) {
        for agents in [json!(["agent1"]), json!(["agent1", "agent2"]), json!("*")] {
            let mut wire = Wire::program(&t, json!({ "agents": agents })).await;
            assert_eq!(wire.frame().await["op"], "welcome", "{agents}");
        }
        let many: Vec<String> = (0..1001).map(|n| format!("agent{n}")).collect();
        for (hello, code) in [
            (json!({}), 4501), (json!({"agents": null}), 4501), (json!({"agents": []}), 4501), (json!({"agents": "agent1"}), 4501),
            (json!({"agents": 7}), 4501), (json!({"agents": ["agent1", "nobody"]}), 4507), (json!({"agents": ["Agent1"]}), 4507),
            (json!({"agents": ["*"]}), 4507), (json!({"agents": many}), 4501), (json!({"agents": "*", "types": many}), 4501),
        ] {
            let (got, reason) = closed_after(&t, &[BEARER], hello.clone()).await;
            assert_eq!(got, code, "{hello}: {reason}");
            assert!(reason.len() > 20, "{reason}");
        }
    }

    async fn a_bearer_is_checked_before_the_upgrade(t: TestApp) {
        token_with(&t, "cti_without", "calls:read,agents:act").await;
        let mut elsewhere = token(t.account, "cti_elsewhere", "events:read");
        elsewhere.networks = Some("10.0.0.0/8".into());
        let expired = NewCredential { hash: SecretHash::of("cti_expired"), expires_at: Some(t.clock.now()), ..token(t.account, "", "events:read") };
        for new in [&elsewhere, &expired] {
            assert!(t.admin().add_token(ACCOUNT, new).await.expect("the store"));
        }
        for (secret, status, code, named) in [
            ("cti_without", 403, "forbidden", "events:read"), ("cti_elsewhere", 403, "forbidden", "address"), ("cti_expired", 401, "unauthorized", "expired"),
            ("cti_unknown", 401, "unauthorized", "not known"), ("", 401, "unauthorized", "Bearer"),
        ] {
            let authorization = format!("Bearer {secret}");
            let (got, body) = Wire::open(&t, &[("authorization", &authorization)]).await.err().expect("a refusal");
            assert_eq!((got, body["error"]["code"].as_str()), (status, Some(code)), "{secret}: {body}");
            assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains(named)), "{body}");
        }
        let refused = Wire::open(&t, &[("authorization", "Basic YTpi")]).await.err().expect("a refusal");
        assert_eq!(refused.0, 401);
        let follow = Connect { credential: Credential::Bearer("cti_without".into()), ..t.follow() };
        assert!(matches!(Connection::open(&follow).await, Err(Error::Refused(403, text)) if text.contains("events:read")));
    }

    async fn a_page_of_another_origin_is_refused(t: TestApp with |config| config.http.allowed_origins = vec!["https://crm.example".into()]) {
        let own = format!("http://{}", t.address);
        let secure = format!("https://{}", t.address);
        for origin in ["https://crm.example", &own, &secure] {
            let mut wire = Wire::open(&t, &[("origin", origin)]).await.unwrap_or_else(|refused| panic!("{origin}: {refused:?}"));
            wire.hello(json!({"ticket": t.ticket("agent1").await})).await;
            assert_eq!(wire.frame().await["op"], "welcome");
        }
        let (port, host) = (t.address.port(), t.address.ip());
        let (neighbour, longer) = (format!("http://{host}:{}", port ^ 1), format!("{own}.evil.example"));
        for origin in ["https://evil.example", "http://crm.example", "https://crm.example:444", "https://crm.example.evil.example", "null", "", &neighbour, &longer] {
            let refused = Wire::open(&t, &[("origin", origin), BEARER]).await.err().unwrap_or_else(|| panic!("{origin:?} was let in"));
            assert_eq!((refused.0, refused.1["error"]["code"].as_str()), (403, Some("forbidden")), "{origin:?}");
        }
    }

    async fn only_a_websocket_of_our_protocol_is_taken(t: TestApp) {
        for headers in [&[][..], &[("sec-websocket-protocol", "graphql-ws")], &[("sec-websocket-protocol", "cti.v1")]] {
            let refused = Wire::with_headers(t.address, None, headers).await.err().expect("a refusal");
            assert_eq!(refused.0, 400, "{headers:?}");
            assert!(refused.1["error"]["message"].as_str().is_some_and(|text| text.contains("cti.v1.json")), "{refused:?}");
        }
        let several = [("sec-websocket-protocol", "graphql-ws, cti.v1.json")];
        assert!(Wire::with_headers(t.address, None, &several).await.is_ok(), "one of several offered");
        for method in [Method::GET, Method::POST, Method::PUT] {
            let (status, body) = answer(t.api(method.clone(), "/ws")).await;
            assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::BAD_REQUEST, Some("unreadable")), "{method}: {body}");
        }
    }
}
