//! The doors of DialedIn's dialect: exact bytes, both kinds of credential, and what careless clients get wrong.

mod awkward;
mod browsers;
mod credentials;
mod desk;
mod leads;
mod operations;
mod parts;
mod setup;
mod walk;

use std::{fmt::Write, sync::Arc, time::Duration};

use cti_gateway::{
    app::directory::Account,
    domain::{
        secret::{SecretHash, of_group},
        setup::Kind,
    },
    store::{
        credentials::NewCredential,
        journal,
        leads::{LeadsQuery, page},
    },
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::app::{ACCOUNT, TestApp, token};

const UUID: &str = "0b6e7a52-3c1d-4f8e-9a70-5d2c1b3e4f60";
const AUTH: &str = "token=0b6e7a52-3c1d-4f8e-9a70-5d2c1b3e4f60&accid=acme";
/// A token that may override as well.
const BOLD: &str = "token=1c6e7a52-3c1d-4f8e-9a70-5d2c1b3e4f61&accid=acme";
const SCOPES: &str = "leads:read,leads:write,dnc:write,lists:write,skills:write,messages:send,calls:control,agents:read";
const CODE: &str = "0123456789abcdef0123456789ABCDEF";
const OK: &str = "<br><br>Result:  OK";
const DUPLICATE: &str = "<br><br>Result: CURL error[500]: Duplicated phone number. Lead ignored.";

/// What came back.
struct Said {
    status: u16,
    kind: String,
    body: String,
    lead: Option<i64>,
    warnings: Option<String>,
}

impl Said {
    /// One line: everything that a client could look at.
    fn line(&self) -> String {
        let mut line = format!("{} {}", self.status, self.body);
        if let Some(lead) = self.lead {
            write!(line, " | lead {lead}").expect("text");
        }
        if let Some(warnings) = &self.warnings {
            write!(line, " | {warnings}").expect("text");
        }
        line
    }

    fn json(&self) -> Value {
        assert_eq!(self.kind, "application/json", "{}", self.body);
        serde_json::from_str(&self.body).expect("JSON")
    }
}

async fn said(request: RequestBuilder) -> Said {
    let response = request.send().await.expect("an answer");
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned());
    let (status, kind) = (response.status().as_u16(), header("content-type").unwrap_or_default());
    let (lead, warnings) = (header("x-lead-id").map(|id| id.parse().expect("an id")), header("x-warnings"));
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    Said { status, kind, body: response.text().await.expect("a body"), lead, warnings }
}

fn script(name: &str) -> String {
    format!("/HttpImport/{name}.php")
}

/// `GET` with everything in the query.
async fn ask(t: &TestApp, name: &str, query: &str) -> Said {
    said(t.request(Method::GET, &format!("{}?{query}", script(name)))).await
}

/// Injects with the usual token.
async fn inject(t: &TestApp, query: &str) -> Said {
    ask(t, "InjectLead", &format!("{AUTH}&{query}")).await
}

async fn account(t: &TestApp) -> Arc<Account> {
    let app = t.app();
    app.directory.account(&app.hub, t.account).await.expect("the account")
}

async fn put(t: &TestApp, kind: Kind, name: &str, body: Value) {
    t.app().put_setup(&account(t).await, kind, name, body).await.expect("the store").expect("a fine record");
}

fn dialedin_token(t: &TestApp, secret: &str, scopes: &str) -> NewCredential {
    NewCredential { allow_query: true, ..token(t.account, secret, scopes) }
}

async fn add(t: &TestApp, credential: NewCredential) {
    assert!(t.admin().add_token(ACCOUNT, &credential).await.expect("the store"));
}

/// Campaigns, a field, and the credentials of a client that moves here; the sun is up in America.
async fn moved_in(t: &TestApp) {
    t.clock.advance(Duration::from_secs(5 * 3600));
    put(t, Kind::Campaign, "Spring", json!({"subcampaigns": ["North", "South"]})).await;
    put(t, Kind::Campaign, "Autumn", json!({})).await;
    put(t, Kind::Field, "Policy ID", json!({})).await;
    add(t, dialedin_token(t, UUID, SCOPES)).await;
    let bold = format!("{SCOPES},dnc:override,dups:override,window:override");
    add(t, dialedin_token(t, "1c6e7a52-3c1d-4f8e-9a70-5d2c1b3e4f61", &bold)).await;
    let pair = SecretHash::of(&of_group(77, CODE));
    add(t, NewCredential { hash: pair, prefix: "group:77".into(), ..dialedin_token(t, "unused", SCOPES) }).await;
}

/// How many leads there are, and how many entries the journal has.
async fn effect(t: &TestApp) -> (usize, i64) {
    let app = t.app();
    let leads = page(app.db.read(), t.account, &LeadsQuery::default(), None, 1000).await.expect("the leads");
    (leads.len(), journal::position(app.db.read(), t.account).await.expect("the journal").seq)
}

/// The one lead of this id, in detail.
async fn detail(t: &TestApp, id: i64) -> Value {
    let said = ask(t, "LeadOperations", &format!("{AUTH}&Action=SearchLead&SearchField=LeadId&Identifier={id}&Detailed=1")).await;
    said.json()["Leads"][0].clone()
}

/// The journal's entries of this type, with their data.
async fn entries(t: &TestApp, kind: &str) -> Vec<Value> {
    let app = t.app();
    let head = journal::position(app.db.read(), t.account).await.expect("the journal").seq;
    let stored = journal::page(app.db.read(), t.account, 0, head, None, 1000).await.expect("the journal");
    let all = stored.iter().map(|entry| serde_json::from_str::<Value>(&entry.body).expect("an envelope"));
    all.filter(|entry| entry["type"] == kind).map(|entry| entry["data"].clone()).collect()
}
