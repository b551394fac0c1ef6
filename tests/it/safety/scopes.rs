//! What a token may do, from where and until when.

use std::{collections::BTreeSet, path::Path, time::Duration};

use cti_gateway::store::credentials::NewCredential;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{add_token, is_error};
use crate::support::{
    app::{ACCOUNT, SCOPES, TestApp, answer, both, token},
    wire::until,
};

/// Each route of the API: method, path, the scope it needs, a body that is fine.
pub(crate) fn routes() -> Vec<(Method, &'static str, &'static str, Option<Value>)> {
    let event = json!({"events": [{"event": "details", "callId": "1"}]});
    let lead = json!({"campaign": "Summer", "phone": "+4930123456", "duplicatesCheck": "allow"});
    vec![
        (Method::GET, "/api/v1/agents", "agents:read", None),
        (Method::GET, "/api/v1/agents/{login}", "agents:read", None),
        (Method::GET, "/api/v1/agents/{login}/desk", "leads:read", None),
        (Method::POST, "/api/v1/agents/{login}/state", "agents:act", Some(json!({"state": "ready"}))),
        (Method::POST, "/api/v1/calls", "calls:control", Some(json!({"agent": "agent1", "number": "+4930123456"}))),
        (Method::POST, "/api/v1/calls/{id}/{verb}", "calls:control", Some(json!({}))),
        (Method::POST, "/api/v1/click-to-call", "calls:control", Some(json!({"agent": "agent1", "number": "+4930123456"}))),
        (Method::POST, "/api/v1/call-events", "calls:write", Some(event)),
        (Method::POST, "/api/v1/route", "calls:write", Some(json!({"callId": "1", "number": "+17815550100"}))),
        (Method::GET, "/api/v1/events", "events:read", None),
        (Method::GET, "/api/v1/health", "events:read", None),
        (Method::GET, "/api/v1/progress", "leads:read", None),
        (Method::GET, "/api/v1/dial-lists", "leads:read", None),
        (Method::PUT, "/api/v1/dial-lists/{agent}/{list}", "lists:write", None),
        (Method::GET, "/api/v1/dial-lists/{agent}/{list}", "leads:read", None),
        (Method::GET, "/api/v1/dial-lists/{agent}/{list}/next", "leads:read", None),
        (Method::GET, "/api/v1/dial-lists/{agent}/{list}/numbers", "leads:read", None),
        (Method::POST, "/api/v1/dial-lists/{agent}/{list}/numbers", "lists:write", Some(json!({"numbers": ["+4930123456"]}))),
        (Method::PATCH, "/api/v1/dial-lists/{agent}/{list}/numbers/{number}", "lists:write", Some(json!({"dialed": true}))),
        (Method::DELETE, "/api/v1/dial-lists/{agent}/{list}/numbers/{number}", "lists:write", None),
        (Method::DELETE, "/api/v1/dial-lists/{agent}/{list}/numbers", "lists:write", None),
        (Method::DELETE, "/api/v1/dial-lists/{agent}/{list}", "lists:write", None),
        (Method::GET, "/api/v1/dnc", "leads:read", None),
        (Method::POST, "/api/v1/dnc/batch", "dnc:write", Some(json!({"numbers": ["+4930123456"]}))),
        (Method::GET, "/api/v1/dnc/{number}", "leads:read", None),
        (Method::PUT, "/api/v1/dnc/{number}", "dnc:write", None),
        (Method::DELETE, "/api/v1/dnc/{number}", "dnc:write", None),
        (Method::GET, "/api/v1/leads", "leads:read", None),
        (Method::POST, "/api/v1/leads", "leads:write", Some(lead.clone())),
        (Method::PUT, "/api/v1/leads?key=phone", "leads:write", Some(lead)),
        (Method::POST, "/api/v1/leads/batch", "leads:write", Some(json!({"items": [{"op": "none"}]}))),
        (Method::GET, "/api/v1/leads/{id}", "leads:read", None),
        (Method::PATCH, "/api/v1/leads/{id}", "leads:write", Some(json!({}))),
        (Method::GET, "/api/v1/leads/{id}/explain", "leads:read", None),
        (Method::POST, "/api/v1/leads/{id}/disposition", "leads:write", Some(json!({"disposition": "SALE"}))),
        (Method::GET, "/api/v1/campaigns/{name}/queue", "leads:read", None),
        (Method::GET, "/api/v1/campaigns/{name}/pacing", "leads:read", None),
        (Method::GET, "/api/v1/telephone-systems/{name}/state", "calls:read", None),
        (Method::GET, "/api/v1/playlists/{name}/preview", "leads:read", None),
        (Method::POST, "/api/v1/playlists/{name}/reload", "lists:write", None),
        (Method::POST, "/api/v1/ring-groups/{name}/reload", "skills:write", None),
        (Method::GET, "/api/v1/messages", "messages:send", None),
        (Method::POST, "/api/v1/messages", "messages:send", Some(json!({"from": "+12025550123", "to": "+493055501901", "body": "x"}))),
        (Method::GET, "/api/v1/messages/{id}", "messages:send", None),
        (Method::GET, "/api/v1/parties", "leads:read", None),
        (Method::POST, "/api/v1/parties", "leads:write", Some(json!("csv"))),
        (Method::PUT, "/api/v1/parties/{type}/{id}", "leads:write", Some(json!({"name": "x"}))),
        (Method::GET, "/api/v1/parties/{type}/{id}", "leads:read", None),
        (Method::DELETE, "/api/v1/parties/{type}/{id}", "leads:write", None),
        (Method::GET, "/api/v1/dialer-calls", "calls:read", None),
        (Method::GET, "/api/v1/dialer-calls/{id}", "calls:read", None),
        (Method::PATCH, "/api/v1/dialer-calls/{id}", "calls:write", Some(json!({"subject": "x"}))),
        (Method::GET, "/api/v1/dialer-calls/{id}/card", "leads:read", None),
        (Method::GET, "/api/v1/dialer-calls/{id}/events", "calls:read", None),
        (Method::GET, "/api/v1/dialer-calls/{id}/journal", "events:read", None),
        (Method::POST, "/api/v1/dialer-calls/{id}/end-wrap", "calls:control", None),
        (Method::GET, "/api/v1/dialer-call-events", "calls:read", None),
        (Method::GET, "/api/v1/dialer-call-results", "calls:read", None),
        (Method::POST, "/api/v1/embed-tokens", "agents:act", Some(json!({"agent": "agent1"}))),
        (Method::POST, "/api/v1/ws-ticket", "events:read", Some(json!({}))),
        (Method::POST, "/api/v1/ws-ticket", "agents:act", Some(json!({"agent": "agent1"}))),
    ]
}

async fn ask(
    t: &TestApp,
    secret: &str,
    (method, path, _, body): &(Method, &'static str, &'static str, Option<Value>),
) -> (StatusCode, Value) {
    let path = path.replace("{type}", "contact").replace("{id}", "0193a1b2-0000-7000-8000-000000000000");
    let path = path.replace("{number}", "+4930123456").replace("{name}", "none").replace("{login}", "agent1").replace("{verb}", "hangup");
    let path = path.replace("{agent}", "agent1").replace("{list}", "hot");
    let request = t.request(method.clone(), &path).bearer_auth(secret);
    answer(match body {
        Some(Value::String(_)) => request.header("content-type", "text/csv").body("type,id,name,numbers,email,url\n"),
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

both! {
    async fn each_route_needs_its_scope_and_names_it(t: TestApp) {
        let all = || SCOPES.split(',').filter(|scope| *scope != "admin").chain(["dnc:write", "lists:write", "skills:write"]);
        let campaign = answer(t.api(Method::PUT, "/api/v1/campaigns/Summer").json(&json!({}))).await;
        assert_eq!(campaign.0, StatusCode::CREATED);
        let group = answer(t.api(Method::PUT, "/api/v1/ring-groups/Main").json(&json!({"number": "+17815550100"}))).await;
        assert_eq!(group.0, StatusCode::CREATED);
        for scope in all() {
            add_token(&t, &format!("cti_only_{scope}"), scope).await;
            add_token(&t, &format!("cti_but_{scope}"), &all().filter(|other| *other != scope).collect::<Vec<_>>().join(",")).await;
        }
        add_token(&t, "cti_admin", "admin").await;
        add_token(&t, "cti_nothing", "").await;
        for route in routes() {
            let (method, path, scope, _) = &route;
            for secret in [format!("cti_but_{scope}"), "cti_nothing".into()] {
                let (status, body) = ask(&t, &secret, &route).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} with {secret}: {body}");
                assert!(is_error(&body, "forbidden") && body["error"]["message"].as_str().is_some_and(|text| text.contains(scope)), "{method} {path}: {body}");
            }
            for secret in [format!("cti_only_{scope}"), "cti_admin".into()] {
                let (status, body) = ask(&t, &secret, &route).await;
                let code = body["error"]["code"].as_str().unwrap_or_default();
                let refused = status == StatusCode::NOT_FOUND || ["number_not_owned", "not_supported", "refused"].contains(&code);
                assert!(status.is_success() || refused, "{method} {path} with {secret}: {status} {body}");
            }
            let (status, body) = ask(&t, "cti_unknown", &route).await;
            assert!(status == StatusCode::UNAUTHORIZED && is_error(&body, "unauthorized"), "{method} {path}: {body}");
        }
    }

    async fn a_token_is_good_from_its_networks_only(t: TestApp) {
        for (secret, networks, fine) in [("cti_here", "10.0.0.0/8,127.0.0.1", true), ("cti_net", "127.0.0.0/8", true), ("cti_there", "10.0.0.0/8", false), ("cti_six", "::1/128", false)] {
            let new = NewCredential { networks: Some(networks.into()), ..token(t.account, secret, "agents:read") };
            assert!(t.admin().add_token(ACCOUNT, &new).await.expect("the store"));
            for forged in [None, Some("10.1.2.3")] {
                let mut request = t.request(Method::GET, "/api/v1/agents").bearer_auth(secret);
                if let Some(forged) = forged {
                    request = request.header("x-forwarded-for", forged).header("forwarded", format!("for={forged}")).header("x-real-ip", forged);
                }
                let (status, body) = answer(request).await;
                assert_eq!(status, if fine { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{secret} {forged:?}: {body}");
            }
        }
    }

    async fn a_trusted_proxy_names_the_address(t: TestApp with |config| config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network"), "10.9.0.0/16".parse().expect("a network")]) {
        let new = NewCredential { networks: Some("192.0.2.0/24".into()), ..token(t.account, "cti_there", "agents:read") };
        assert!(t.admin().add_token(ACCOUNT, &new).await.expect("the store"));
        for (chain, fine) in [
            ("192.0.2.7", true), ("198.51.100.1", false), ("198.51.100.1, 192.0.2.7", true), ("192.0.2.7, 198.51.100.1", false), ("192.0.2.7, 10.9.1.1", true),
            ("192.0.2.7,198.51.100.1,10.9.1.1", false), ("", false), ("junk", false), ("10.9.1.1", false), ("192.0.2.7, junk", false),
            ("192.0.2.7, ", false), ("192.0.2.7:4711", true), ("192.0.2.7, 198.51.100.1:4711", false), ("192.0.2.7, [2001:db8::1]:4711", false),
            ("::ffff:192.0.2.7", true),
        ] {
            let request = t.request(Method::GET, "/api/v1/agents").bearer_auth("cti_there").header("x-forwarded-for", chain);
            assert_eq!(answer(request).await.0, if fine { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{chain:?}");
        }
        let request = t.request(Method::GET, "/api/v1/agents").bearer_auth("cti_there").header("x-forwarded-for", "192.0.2.7").header("x-forwarded-for", "198.51.100.1");
        assert_eq!(answer(request).await.0, StatusCode::FORBIDDEN, "the last header was added last");
    }

    async fn a_token_expires_to_the_second(t: TestApp) {
        let new = NewCredential { expires_at: Some(t.clock.now() + Duration::from_secs(60)), ..token(t.account, "cti_short", "agents:read") };
        assert!(t.admin().add_token(ACCOUNT, &new).await.expect("the store"));
        let ask = || answer(t.request(Method::GET, "/api/v1/agents").bearer_auth("cti_short"));
        assert_eq!(ask().await.0, StatusCode::OK);
        t.clock.advance(Duration::from_secs(59));
        assert_eq!(ask().await.0, StatusCode::OK);
        t.clock.advance(Duration::from_secs(1));
        assert_eq!(ask().await.0, StatusCode::UNAUTHORIZED);
        t.restart().await;
        assert_eq!(ask().await.0, StatusCode::UNAUTHORIZED);
    }

    async fn a_running_server_hears_of_a_revocation(t: TestApp) {
        let id = add_token(&t, "cti_revoked", "agents:read").await;
        let ask = || async { answer(t.request(Method::GET, "/api/v1/agents").bearer_auth("cti_revoked")).await.0 };
        assert_eq!(ask().await, StatusCode::OK);
        // what the command line does beside a running server
        assert!(t.admin().revoke((t.account, ACCOUNT), id).await.expect("the store"));
        until("the token is refused", || async { ask().await == StatusCode::UNAUTHORIZED }).await;
        assert!(!t.admin().revoke((t.account, ACCOUNT), id).await.expect("the store"), "a second time there is nothing to revoke");
        assert_eq!(t.get("/api/v1/agents").await.0, StatusCode::OK, "others stay");
    }

    async fn only_a_bearer_header_is_looked_at(t: TestApp) {
        let secret = "cti_token_for_everything";
        for (name, value, fine) in [
            ("authorization", format!("Bearer {secret}"), true), ("authorization", format!("bearer   {secret} "), true), ("authorization", secret.to_owned(), false),
            ("authorization", format!("Basic {secret}"), false), ("authorization", "Bearer ".to_owned(), false), ("x-api-key", secret.to_owned(), false),
            ("cookie", format!("__Host-cti={secret}"), false),
        ] {
            let (status, body) = answer(t.request(Method::GET, "/api/v1/agents").header(name, &value)).await;
            assert_eq!(status == StatusCode::OK, fine, "{name}: {value}: {body}");
        }
        for query in ["token", "access_token", "authorization"] {
            let (status, _) = answer(t.request(Method::GET, &format!("/api/v1/agents?{query}={secret}"))).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{query}: a token never rides in the address");
        }
        let response = t.request(Method::GET, "/api/v1/agents").send().await.expect("an answer");
        assert_eq!(response.headers().get("www-authenticate").and_then(|value| value.to_str().ok()), Some("Bearer"));
    }
}

/// A route of the API is in its description, which `openapi` holds against the list above: none is served without.
#[test]
fn no_route_of_the_api_is_without_a_description() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/native")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).expect("a folder of the API") {
            let path = file.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            if [".route(\"", ".route(&", ".route(PATH"].iter().any(|call| text.contains(call)) {
                found.insert(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
            }
        }
    }
    // the document itself, and the kinds of the setup, which are described as one
    assert_eq!(found, BTreeSet::from([Some("mod.rs".to_owned())]), "use routes! instead of .route");
}
