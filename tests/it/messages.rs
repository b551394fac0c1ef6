//! Text messages end to end: from the door to a provider inside the test, and back by its posts.

mod courier;
mod incoming;
mod kept;
mod listing;
mod opt_out;
mod secrets;
mod sending;

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::TimeDelta;
use cti_gateway::{
    app::{directory::Account, outbox, seal::Seal},
    config::Config,
    domain::setup::Kind,
    store::{Reads, messages},
};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::support::{
    app::{ACCOUNT, TestApp, answer, noon},
    fake,
    wire::until,
};

const MESSAGES: &str = "/api/v1/messages";
/// A number of the account's own, and two of other people.
const OURS: &str = "+12025550123";
const THEIRS: &str = "+493055501901";
const OTHERS: &str = "+493055501902";
const PUBLIC: &str = "https://cti.example/base";
const SID: &str = "ACfedcba9876543210fedcba9876543210";
const AUTH_TOKEN: &str = "hush-auth-token-of-twilio";
const POST_SECRET: &str = "hush-secret of posts&x";
const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// Settings under which a provider may be on this machine.
fn outside(config: &mut Config) {
    config.courier.allow = vec!["127.0.0.1".into()];
    config.http.public_url = PUBLIC.into();
    config.seal = Seal::new(Some(KEY), None).expect("a key");
}

async fn account(t: &TestApp) -> Arc<Account> {
    let app = t.app();
    app.hub.poll().await.expect("the store");
    app.directory.account(&app.hub, t.account).await.expect("the account")
}

async fn put(t: &TestApp, kind: Kind, name: &str, body: Value) {
    let account = account(t).await;
    t.app().put_setup(&account, kind, name, body).await.expect("the store").expect("a good record");
    until("the server hears of it", || async {
        let setup = &self::account(t).await.setup;
        match kind {
            Kind::Provider => setup.providers.get(name).is_some(),
            Kind::Number => setup.numbers.get(name).is_some(),
            _ => true,
        }
    })
    .await;
}

/// Sets the provider up as `main`, which carries the messages of our number.
async fn carried_by(t: &TestApp, provider: Value) {
    put(t, Kind::Provider, "main", provider).await;
    put(t, Kind::Number, OURS, json!({"sms": true, "provider": "main"})).await;
}

fn twilio(base: &str) -> Value {
    json!({"twilio": {"accountSid": SID, "authToken": AUTH_TOKEN, "baseUrl": base}})
}

fn generic(base: &str) -> Value {
    json!({"http": {
        "method": "POST", "url": format!("{base}/send"), "contentType": "json", "auth": {"bearer": {"token": "hush-bearer"}},
        "params": {"from": "{from}", "to": "{to}", "text": "{body}", "report": "{callback}"}, "idPointer": "/id",
        "posts": {"secret": POST_SECRET, "words": {"DELIVRD": "delivered", "EXPIRED": "undelivered"}, "status": {"status": "/report/state"}},
    }})
}

fn draft(to: &str) -> Value {
    json!({"from": OURS, "to": to, "body": "Your parcel is here"})
}

async fn post(t: &TestApp, draft: &Value) -> (StatusCode, Value) {
    answer(t.api(Method::POST, MESSAGES).json(draft)).await
}

/// Sends a message to this number; its id.
async fn send(t: &TestApp, to: &str) -> String {
    let (status, body) = post(t, &draft(to)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    body["id"].as_str().expect("an id").to_owned()
}

async fn message(t: &TestApp, id: &str) -> Value {
    let (status, body) = t.get(&format!("{MESSAGES}/{id}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// Waits until the message holds this; the message.
async fn when(t: &TestApp, id: &str, key: &str, value: impl Into<Value>) -> Value {
    let value = value.into();
    until(&format!("{key} is {value}"), || async { message(t, id).await[key] == value }).await;
    message(t, id).await
}

/// Sends what is due now, and waits until that is settled.
async fn send_due(t: &TestApp) -> usize {
    outbox::send_due(&t.app()).await.expect("the store")
}

/// Waits until the message's next try is planned for so many seconds after noon.
async fn when_due(t: &TestApp, id: &str, seconds: i64) {
    let (app, id) = (t.app(), id.parse().expect("an id"));
    until("the next try is planned", || async {
        let kept = messages::by_ids(&mut Reads::On(app.db.read()), t.account, &[id]).await.expect("the store");
        kept[0].errand.due_at() == Some(noon() + TimeDelta::seconds(seconds))
    })
    .await;
}

/// The entries about messages: type and status.
async fn story(t: &TestApp) -> Vec<String> {
    let entries = t.journal().await;
    let about = entries.iter().filter(|entry| entry["type"].as_str().is_some_and(|kind| kind.starts_with("message.")));
    about
        .map(|entry| {
            format!("{} {}", entry["type"].as_str().expect("a type"), entry["data"]["message"]["status"].as_str().expect("a status"))
        })
        .collect()
}

/// A form as Twilio posts it to a path of ours.
async fn twilio_posts(t: &TestApp, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
    twilio_posts_signed(t, path, fields, &signature(&format!("{PUBLIC}{path}"), fields, AUTH_TOKEN)).await
}

async fn twilio_posts_signed(t: &TestApp, path: &str, fields: &[(&str, &str)], signature: &str) -> (StatusCode, String) {
    let response = t.request(Method::POST, path).header("X-Twilio-Signature", signature).form(fields).send().await.expect("an answer");
    (response.status(), response.text().await.expect("text"))
}

fn signature(url: &str, fields: &[(&str, &str)], token: &str) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("any key");
    mac.update(url.as_bytes());
    sorted.iter().for_each(|(name, value)| mac.update(format!("{name}{value}").as_bytes()));
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Where a provider posts.
fn posts(what: &str) -> String {
    format!("/providers/{ACCOUNT}/main/{what}")
}
