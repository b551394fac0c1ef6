//! The description of the native API is true: every route is in it with its scope, it holds together, and whatever a program asks
//! that was made from it, the server answers as it says.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use cti_gateway::domain::{lead::field::FIELDS, setup::Kind};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    safety::scopes::routes,
    support::{
        app::{TestApp, answer, both},
        figure,
    },
};

/// Routes without a scope of their own: whoever signs in has none yet, who signs out needs none, and a line is told to its agent's own
/// session. What is simulated is the administrator's, as `telephone` tests.
const FREE: [&str; 5] = [
    "POST /api/v1/sessions",
    "DELETE /api/v1/sessions/current",
    "POST /api/v1/sessions/current/exchange",
    "GET /api/v1/agents/{login}/audio",
    "POST /api/v1/telephone-systems/{name}/simulate",
];
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document(t: &TestApp) -> Value {
    let (status, document) = answer(t.request(Method::GET, "/api/v1/openapi.json")).await;
    assert_eq!(status, StatusCode::OK);
    document
}

/// Every operation by its method and path.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let each = |(path, methods): (&String, &'_ Value)| format!("{path} {}", methods.as_object().map_or(0, serde_json::Map::len));
    assert!(paths.clone().map(each).all(|path| !path.ends_with(" 0")), "a path without a method");
    paths
        .flat_map(|(path, methods)| {
            METHODS.iter().filter_map(move |method| Some((format!("{} {path}", method.to_uppercase()), methods.get(method)?)))
        })
        .collect()
}

/// Every reference inside a document.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// What the examples of the description name.
async fn furnish(t: &TestApp) {
    let anna = crate::support::app::agent("anna", "+493055501001");
    t.admin().add_agent((t.account, crate::support::app::ACCOUNT), &anna).await.expect("the store").expect("a new agent");
    t.app().directory.invalidate(t.account);
    for (path, body) in [
        ("telephone-systems/house", json!({"simulated": {}})),
        ("providers/carrier", json!({"simulated": null})),
        ("fields/Policy%20ID", json!({})),
        ("numbers/%2B493055501000", json!({"voice": true, "sms": true, "provider": "carrier"})),
        ("campaigns/Spring", json!({"dialing": {"mode": "preview"}})),
        ("skills/German", json!({"agents": ["anna"]})),
        (
            "ring-groups/Main",
            json!({"number": "+493055501000", "campaign": "Spring", "skills": {"German": {"priority": 1, "delayS": 0, "active": true}}}),
        ),
        ("filters/Berlin", json!({"blocks": [{"statements": [{"field": "City", "op": "eq", "value": "Berlin"}]}]})),
        ("playlists/Evening", json!({"campaigns": ["Spring"], "filters": [{"filter": "Berlin", "active": true}]})),
        ("dial-lists/anna/hot", json!({})),
        ("parties/contact/1", json!({"name": "Ada", "numbers": ["+493055501901"]})),
        ("dnc/%2B493055501999", json!({})),
    ] {
        let (status, body) = answer(t.api(Method::PUT, &format!("/api/v1/{path}")).json(&body)).await;
        assert!(status.is_success(), "{path}: {status} {body}");
    }
    for (path, body) in [
        ("leads", json!({"campaign": "Spring", "phone": "+493055501901"})),
        ("dial-lists/anna/hot/numbers", json!({"numbers": ["+493055501901"]})),
        ("messages", json!({"from": "+493055501000", "to": "+493055501901", "body": "Hello"})),
        ("call-events", json!({"events": [{"callId": "1", "event": "ringing", "from": "+493055501901", "to": "+493055501001"}]})),
    ] {
        let (status, body) = answer(t.api(Method::POST, &format!("/api/v1/{path}")).json(&body)).await;
        assert!(status.is_success(), "{path}: {status} {body}");
    }
}

both! {
    async fn every_route_is_described_with_its_scope(t: TestApp) {
        let document = document(&t).await;
        let described = operations(&document);
        let mut served: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (method, path, scope, _) in routes() {
            let path = path.split('?').next().unwrap_or_default();
            served.entry(format!("{method} {path}")).or_default().insert(scope);
        }
        // what the kinds of the setup need is tested with them
        let kinds = Kind::ALL.iter().flat_map(|kind| {
            let path = format!("/api/v1/{}", kind.path());
            let one = |method: &str| format!("{method} {path}/{{name}}");
            [format!("GET {path}"), one("GET"), one("PUT"), one("DELETE")]
        });
        let known: BTreeSet<String> = served.keys().cloned().chain(FREE.map(str::to_owned)).chain(kinds).collect();
        let described_names: BTreeSet<String> = described.keys().cloned().collect();
        let (missing, unknown): (Vec<_>, Vec<_>) = (known.difference(&described_names).collect(), described_names.difference(&known).collect());
        assert!(missing.is_empty() && unknown.is_empty(), "not described: {missing:?}, not in the list of scopes: {unknown:?}");
        for (operation, scopes) in served {
            let named: BTreeSet<&str> = described[&operation]["security"][0]["bearer"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            assert!(!named.is_empty() && named.is_subset(&scopes), "{operation}: {named:?}, and it needs {scopes:?}");
        }
    }

    async fn the_document_holds_together(t: TestApp) {
        let document = document(&t).await;
        assert_eq!(document["openapi"], "3.1.0");
        let mut named = BTreeSet::new();
        references(&document, &mut named);
        let lost: Vec<_> = named.iter().filter(|name| document.pointer(name.trim_start_matches('#')).is_none()).collect();
        assert!(lost.is_empty(), "{lost:?}");
        let tags: BTreeSet<&str> = document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()).collect();
        let mut ids = BTreeSet::new();
        for (name, operation) in operations(&document) {
            assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{name}: its id is another's");
            assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{name}: no sentence says what it does");
            assert!(operation["tags"].as_array().is_some_and(|of| of.iter().all(|tag| tag.as_str().is_some_and(|tag| tags.contains(tag)))), "{name}");
            let answers = operation["responses"].as_object().expect("answers");
            assert!(answers.keys().any(|status| status.starts_with('2')), "{name}");
            assert_eq!(answers["4XX"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/ErrorForm", "{name}");
            for place in name.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let told = operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == place && parameter["in"] == "path");
                assert!(told, "{name}: {place} is not described");
            }
        }
    }

    async fn a_lead_is_described_with_all_its_fields(t: TestApp) {
        let document = document(&t).await;
        let fields = |form: &str| document["components"]["schemas"][form]["properties"].as_object().cloned().unwrap_or_default();
        let (shown, written) = (fields("Lead"), fields("NewLead"));
        for row in &FIELDS {
            assert!(shown.contains_key(row.native), "{} of a lead", row.native);
            if row.client.is_some() {
                assert_eq!(written[row.native]["maxLength"], row.max_chars, "{} of a new lead", row.native);
            }
        }
    }

    async fn the_page_shows_every_operation(t: TestApp) {
        let document = document(&t).await;
        let response = t.request(Method::GET, "/api/docs").send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        assert!(!policy.contains("unsafe"), "{policy}");
        let page = response.text().await.expect("a page");
        assert!(!page.contains("<script") && !page.contains("style="), "nothing inline");
        for (name, operation) in operations(&document) {
            let id = operation["operationId"].as_str().expect("an id");
            assert!(page.contains(&format!(r#"id="{id}""#)), "{name}");
        }
        for form in document["components"]["schemas"].as_object().expect("forms").keys() {
            assert!(page.contains(&format!(r#"id="form-{form}""#)), "{form}");
        }
    }

    #[ignore = "slow"]
    async fn a_program_made_from_it_is_answered_as_it_says(t: TestApp with |config| config.http.max_body_bytes = 1 << 20) {
        furnish(&t).await;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
        let seed = std::env::var("CTI_SEED").unwrap_or_else(|_| rand::random::<u32>().to_string());
        let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance";
        let output = tokio::process::Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis.sh"))
            .arg(&folder)
            .args(["run", &t.url("/api/v1/openapi.json"), "--checks", checks, "--phases", "examples,coverage,fuzzing"])
            .args(["--max-examples", "100", "--seed", &seed, "--continue-on-failure", "--no-color", "--generation-database", "none"])
            .args(["--header", &format!("Authorization: Bearer {}", crate::support::app::TOKEN)])
            // the one ends the session that asks, the other waits for events
            .args(["--exclude-operation-id", "signOut", "--exclude-operation-id", "pollEvents"])
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .output()
            .await
            .expect("schemathesis runs");
        let told = String::from_utf8_lossy(&output.stdout);
        let cases = told.lines().find(|line| line.contains("generated,")).unwrap_or_default();
        figure(&format!("{:?}, seed {seed}: {}", t.kind, cases.trim()));
        assert!(output.status.success(), "seed {seed}\n{told}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(!cases.is_empty(), "nothing was asked: {told}");
    }
}
