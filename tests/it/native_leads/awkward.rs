//! Requests that clients send by mistake, each with the exact answer; what is refused stores nothing.

use std::fmt::Write;

use reqwest::{Method, header};
use serde_json::{Value, json};

use super::{BERLIN, LEADS, count, entries, lead, set_up};
use crate::support::app::both;

/// What is wrong, and the body that says so.
fn requests() -> Vec<(&'static str, Value)> {
    let with = |more: Value| {
        let mut body = json!({"campaign": "Winter", "phone": "+4930123457"});
        more.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
        body
    };
    vec![
        ("nothing", json!({})),
        ("a list", json!([])),
        ("a text", json!("lead")),
        ("null", json!(null)),
        ("no campaign", json!({"phone": BERLIN})),
        ("no number", json!({"campaign": "Winter"})),
        ("an unknown campaign", with(json!({"campaign": "Autumn"}))),
        ("a campaign that is a number", with(json!({"campaign": 7}))),
        ("a campaign of blanks", with(json!({"campaign": "  "}))),
        ("a campaign that is too long", with(json!({"campaign": "x".repeat(51)}))),
        ("an unknown subcampaign", with(json!({"subcampaign": "North"}))),
        ("a number without digits", with(json!({"phone": "call me"}))),
        ("the text null as a number", with(json!({"phone": "null"}))),
        ("an extension", with(json!({"phone": "1001"}))),
        ("an emergency line", with(json!({"phone": "112"}))),
        ("a JSON number as a number", with(json!({"phone": 4_930_123_457_i64}))),
        ("too many digits", with(json!({"phone": "1".repeat(40)}))),
        ("a number that is too long", with(json!({"phone": "+".repeat(51)}))),
        ("a long first name", with(json!({"firstName": "x".repeat(101)}))),
        ("a state in full", with(json!({"state": "Florida"}))),
        ("a long ZIP", with(json!({"zip": "12345-67890"}))),
        ("a long e-mail", with(json!({"email": "x".repeat(255)}))),
        ("a control character", with(json!({"lastName": "a\u{1}b"}))),
        ("a NUL", with(json!({"lastName": "a\0b"}))),
        ("a NUL in a key", with(json!({"a\0b": "x"}))),
        ("a flag as a field", with(json!({"city": true}))),
        ("a nested field", with(json!({"city": {"name": "Berlin"}}))),
        ("an unknown field", with(json!({"firstname": "Ada"}))),
        ("DialedIn's name of a field", with(json!({"PrimaryPhone": BERLIN}))),
        ("a field of the server's", with(json!({"id": 7}))),
        ("a source", with(json!({"source": "import"}))),
        ("custom values as a list", with(json!({"custom": ["P-7"]}))),
        ("a custom field that is not declared", with(json!({"custom": {"Shoe Size": "7"}}))),
        ("a custom value that is a number", with(json!({"custom": {"Policy ID": 7}}))),
        ("a custom value that is too long", with(json!({"custom": {"Policy ID": "x".repeat(4_001)}}))),
        ("an unknown check", with(json!({"duplicatesCheck": "some"}))),
        ("DialedIn's figure of a check", with(json!({"duplicatesCheck": 2}))),
        ("a flag as a text", with(json!({"importOnly": "true"}))),
        ("a flag as a figure", with(json!({"importOnly": 1}))),
        ("an override without the scope", with(json!({"dialNonCallables": true}))),
        ("an override as a text", with(json!({"allowDuplicates": "1"}))),
        ("a time without a zone", with(json!({"expiresAt": "2026-12-01T00:00:00"}))),
        ("a time as a figure", with(json!({"expiresAt": 1_764_547_200}))),
        ("a time that is past", with(json!({"expiresAt": "2026-11-20T12:00:00Z"}))),
        ("a year that no calendar has", with(json!({"expiresAt": "+12026-12-01T00:00:00Z"}))),
        ("a callback that is a time", with(json!({"callback": "2026-11-21T10:00:00Z"}))),
        ("a callback without a time", with(json!({"callback": {"agent": "agent1"}}))),
        ("a callback with two times", with(json!({"callback": {"at": "2026-11-21T10:00:00Z", "localTime": "11/21/2026 10:00:00"}}))),
        ("a callback by nobody", with(json!({"callback": {"at": "2026-11-21T10:00:00Z", "agent": "nobody"}}))),
        ("a callback's time in the other form", with(json!({"callback": {"localTime": "2026-11-21 10:00:00"}}))),
        ("a day that is none", with(json!({"callback": {"localTime": "02/30/2026 10:00:00"}}))),
        ("an hour that is none", with(json!({"callback": {"localTime": "11/21/2026 24:00:00"}}))),
        ("an unknown key in a callback", with(json!({"callback": {"at": "2026-11-21T10:00:00Z", "by": "agent1"}}))),
        ("a callback's notes that are too long", with(json!({"callback": {"at": "2026-11-21T10:00:00Z", "notes": "x".repeat(4_001)}}))),
        (
            "several faults",
            json!({"campaign": "Autumn", "phone": "x", "city": 7, "custom": {"a": 1}, "expiresAt": "soon", "callback": {}, "colour": "red"}),
        ),
        ("a duplicate", with(json!({"campaign": "Summer", "phone": BERLIN}))),
        ("a duplicate elsewhere", with(json!({"phone": BERLIN, "duplicatesCheck": "all"}))),
    ]
}

/// Bodies that are no JSON, or not said to be.
const UNREADABLE: [(&str, &str, &str); 6] = [
    ("no body", "application/json", ""),
    ("half a body", "application/json", "{\"campaign\":"),
    ("a form", "application/x-www-form-urlencoded", "campaign=Winter&phone=%2B4930123457"),
    ("JSON that is said to be text", "text/plain", "{\"campaign\":\"Winter\",\"phone\":\"+4930123457\"}"),
    ("bytes that are no text", "application/json", "{\"campaign\":\"\u{fffd}\"}"),
    ("a comment", "application/json", "{/* */}"),
];

async fn line(table: &mut String, what: &str, response: reqwest::Response) {
    let status = response.status();
    let body: Value = response.json().await.expect("JSON");
    let error = body["error"].clone();
    let details: Vec<String> = error["details"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| format!("{}: {}", e["field"].as_str().unwrap_or_default(), e["message"].as_str().unwrap_or_default()))
        .collect();
    let told = if details.is_empty() {
        error.to_string()
    } else {
        format!("{} {}\n      {}", error["code"], error["field"], details.join("\n      "))
    };
    writeln!(table, "{what}\n   {status} {told}").expect("a line");
}

both! {
    async fn awkward_requests_have_exact_answers(t: TestApp) {
        set_up(&t).await;
        lead(&t, json!({"campaign": "Summer", "phone": BERLIN})).await;
        let mut table = String::new();
        for (what, body) in requests() {
            let response = t.api(Method::POST, LEADS).json(&body).send().await.expect("an answer");
            line(&mut table, what, response).await;
        }
        for (what, kind, body) in UNREADABLE {
            let response = t.api(Method::POST, LEADS).header(header::CONTENT_TYPE, kind).body(body).send().await.expect("an answer");
            line(&mut table, what, response).await;
        }
        let twice = "{\"phone\":\"+4930123450\",\"phone\":\"nobody\",\"campaign\":\"Winter\"}";
        let response = t.api(Method::POST, LEADS).header(header::CONTENT_TYPE, "application/json").body(twice).send().await.expect("an answer");
        line(&mut table, "a key that is there twice", response).await;
        let response = t.api(Method::POST, &format!("{LEADS}?campaign=Winter")).json(&json!({})).send().await.expect("an answer");
        line(&mut table, "parameters in the address", response).await;
        assert_eq!(count(&t).await, 1, "nothing was stored");
        assert_eq!(entries(&t, "lead.*").await.len(), 1);
        insta::assert_snapshot!("awkward_requests", table);
    }
}
