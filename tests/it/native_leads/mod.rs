//! Leads, the do-not-call list and an account's setup through the native API.

mod awkward;
mod batch;
mod dial_lists;
mod dialing;
mod dnc;
mod explain;
mod leads;
mod once;
mod queue;
mod setup;
mod tenants;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{ACCOUNT, TestApp, answer, token};

const LEADS: &str = "/api/v1/leads";
/// Where it is one in the afternoon when test clocks begin.
const BERLIN: &str = "+4930123456";
/// Where it is seven in the morning then, and no time to call.
const BOSTON: &str = "+17812706510";

/// Two campaigns and a custom field.
async fn set_up(t: &TestApp) {
    put(t, "campaigns/Summer", json!({"subcampaigns": ["North", "South"]})).await;
    put(t, "campaigns/Winter", json!({})).await;
    put(t, "fields/Policy ID", json!({})).await;
}

/// Stores a record of the setup.
async fn put(t: &TestApp, path: &str, body: Value) -> Value {
    let (status, body) = send(t, Method::PUT, &format!("/api/v1/{path}"), &body).await;
    assert!(status.is_success(), "{path}: {status} {body}");
    body
}

async fn send(t: &TestApp, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    answer(t.api(method, path).json(body)).await
}

/// The same with another token.
async fn send_as(t: &TestApp, secret: &str, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    answer(t.request(method, path).bearer_auth(secret).json(body)).await
}

async fn post(t: &TestApp, body: Value) -> (StatusCode, Value) {
    send(t, Method::POST, LEADS, &body).await
}

/// A lead that must come in; the whole answer.
async fn lead(t: &TestApp, body: Value) -> Value {
    let (status, answer) = post(t, body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    answer
}

async fn add_token(t: &TestApp, secret: &str, scopes: &str) {
    assert!(t.admin().add_token(ACCOUNT, &token(t.account, secret, scopes)).await.expect("the store"));
}

/// How many leads there are.
async fn count(t: &TestApp) -> usize {
    t.get(&format!("{LEADS}?limit=500")).await.1["items"].as_array().map_or(0, Vec::len)
}

/// The entries of these types, as a client reads them that may.
async fn entries(t: &TestApp, types: &str) -> Vec<Value> {
    let (_, start) = t.get("/api/v1/events").await;
    let epoch = start["epoch"].as_str().expect("an epoch");
    let (status, page) = t.get(&format!("/api/v1/events?after=0&epoch={epoch}&limit=500&types={types}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let kind = types.trim_end_matches('*');
    let is_one = |entry: &&Value| entry["type"].as_str().is_some_and(|of| of.starts_with(kind));
    page["items"].as_array().expect("items").iter().filter(is_one).cloned().collect()
}
