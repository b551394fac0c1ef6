//! What the doors withstand, what they keep apart and what they keep to themselves.

mod fuzz;
mod limits;
mod log;
mod operations;
pub(crate) mod scopes;
mod signing_in;
mod tenants;

use cti_gateway::store::credentials;
use serde_json::Value;

use crate::support::app::{ACCOUNT, TestApp, token};

/// Adds a token with these scopes; its id.
async fn add_token(t: &TestApp, secret: &str, scopes: &str) -> i64 {
    assert!(t.admin().add_token(ACCOUNT, &token(t.account, secret, scopes)).await.expect("the store"));
    credentials::list(t.app().db.read(), t.account).await.expect("the store").last().expect("a token").id
}

/// Whether a body is an error in the API's form, with this code.
fn is_error(body: &Value, code: &str) -> bool {
    body["error"]["code"] == code && body["error"]["message"].as_str().is_some_and(|text| text.len() > 10)
}
