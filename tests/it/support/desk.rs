//! Whoever gives orders to a real Asterisk through the whole server, and reads from the API what became of calls.

use std::{net::SocketAddr, time::Duration};

use cti_gateway::{
    app::{clock::instant, seal::Seal},
    config::Config,
    domain::{
        agent::{Agent, Roster},
        order::{Command, Order, Station},
        phone::Number,
        telephone::Asterisk as Record,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    app::{TestApp, answer},
    asterisk::{APP, PASSWORD, USER},
};

const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(20);
/// The agents of the tests' account.
const AGENTS: [(&str, &str); 2] = [("agent1", "1001"), ("agent2", "1002")];
pub(crate) const OUR_NUMBER: &str = "+4930555000";

/// Settings under which an Asterisk may be on this machine.
pub(crate) fn outside(config: &mut Config) {
    config.courier.allow = vec!["127.0.0.1".into()];
    config.seal = Seal::new(Some(KEY), None).expect("a key");
}

pub(crate) fn number(text: &str) -> Number {
    Number::from_canonical(text.to_owned())
}

pub(crate) fn station(login: &str) -> Station {
    let extension = AGENTS.iter().find(|(known, _)| *known == login).map(|(_, extension)| number(extension));
    Station { login: login.to_owned(), extension }
}

pub(crate) fn roster() -> Roster {
    let agent = |(id, (login, extension)): (i64, (&str, &str))| Agent {
        id,
        login: login.to_owned(),
        name: login.to_owned(),
        number: None,
        extension: Some(number(extension)),
    };
    Roster::new((1..).zip(AGENTS).map(agent).collect())
}

pub(crate) fn dial(to: &str, login: Option<&str>) -> Command {
    Command::Dial { number: number(to), caller_id: None, station: login.map(station), ring_s: 20 }
}

/// What an account's record says of the Asterisk of these tests, with some of it changed.
fn written(address: SocketAddr, changes: &Value) -> Value {
    let mut record = json!({
        "url": format!("http://{address}"), "user": USER, "password": PASSWORD, "app": APP,
        "station": "Local/{extension}@phones/n", "trunk": "Local/{number}@world/n", "callerId": OUR_NUMBER,
    });
    for (name, value) in changes.as_object().expect("changes") {
        record[name] = value.clone();
    }
    record
}

/// The same, read.
pub(crate) fn house(changes: &Value) -> Record {
    serde_json::from_value(written(SocketAddr::from(([127, 0, 0, 1], 8088)), changes)).expect("a record")
}

/// One server that drives one Asterisk.
pub(crate) struct Desk<'a> {
    t: &'a TestApp,
}

impl<'a> Desk<'a> {
    /// Waits until the server drives it.
    pub(crate) async fn of(t: &'a TestApp, address: SocketAddr) -> Self {
        let desk = Self::with(t, address, &json!({})).await;
        desk.is_up().await;
        desk
    }

    /// With some of the record changed, and without waiting.
    pub(crate) async fn with(t: &'a TestApp, address: SocketAddr, changes: &Value) -> Self {
        let body = json!({ "asterisk": written(address, changes) });
        let (status, told) = answer(t.api(Method::PUT, "/api/v1/telephone-systems/office").json(&body)).await;
        assert!(status.is_success(), "{status} {told}");
        Self { t }
    }

    /// Waits until a question is answered by something.
    async fn wait<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let began = instant();
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            if began.elapsed() > PATIENCE {
                panic!("not so: {what}\n{:#?}\n{:#?}", self.t.calls().await, self.t.story().await);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn condition(&self) -> (bool, String) {
        let (_, told) = self.t.get("/api/v1/telephone-systems/office/state").await;
        (told["state"] == "up", told["message"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) async fn is_up(&self) {
        self.wait("the telephone system is up", async || self.condition().await.0.then_some(())).await;
    }

    /// Waits until it is known to be down; why.
    pub(crate) async fn is_down(&self) -> String {
        let known = ["it has not answered yet", "no server has driven it yet", "no server drives it"];
        let ask = async || Some(self.condition().await).filter(|(up, why)| !up && !known.contains(&why.as_str()));
        self.wait("the telephone system is down", ask).await.1
    }

    /// Gives an order; its name. Time passes, so that one thing comes after the other.
    pub(crate) async fn order(&self, call: &str, command: Command) -> Uuid {
        self.t.clock.advance(Duration::from_millis(100));
        let app = self.t.app();
        let account = app.directory.account(&app.hub, self.t.account).await.expect("the account");
        let id = self.t.clock.id();
        app.order(&account, Order { id, call: call.to_owned(), command }).await.expect("it is stored");
        id
    }

    /// The call that Asterisk knows by this name, or the API by this id, as the API shows it.
    pub(crate) async fn call(&self, name: &str) -> Option<Value> {
        let mut calls = self.t.calls().await;
        let at = calls.iter().position(|call| call["attempts"][0]["callId"] == name || call["id"] == name)?;
        Some(calls.swap_remove(at))
    }

    /// Waits until the call is in this state; the call.
    pub(crate) async fn until(&self, name: &str, state: &str) -> Value {
        let ask = async || self.call(name).await.filter(|call| call["state"] == state);
        self.wait(&format!("{name} is in {state}"), ask).await
    }

    /// Waits until a call shows this.
    pub(crate) async fn shows(&self, name: &str, field: &str, value: &str) {
        let ask = async || self.call(name).await.filter(|call| call[field] == value);
        self.wait(&format!("{name} has {field} {value}"), ask).await;
    }

    /// Waits until an agent is in this state.
    pub(crate) async fn agent_is(&self, login: &str, state: &str) {
        let ask = async || Some(self.t.agent(login).await).filter(|agent| agent["state"] == state);
        self.wait(&format!("{login} is {state}"), ask).await;
    }

    /// Waits until the call has ended; Vtiger's word for how.
    pub(crate) async fn ended(&self, name: &str) -> String {
        self.until(name, "end").await["callStatus"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an order has failed; the word for why.
    pub(crate) async fn refusal(&self, id: Uuid) -> String {
        let ask = async || {
            let entries = self.t.journal().await;
            let failed = entries.iter().filter(|entry| entry["type"] == "call.order_failed");
            failed.map(|entry| &entry["data"]).find(|data| data["order"] == id.to_string() || data["id"] == id.to_string()).cloned()
        };
        self.wait(&format!("the order {id} fails"), ask).await["code"].as_str().unwrap_or_default().to_owned()
    }

    /// No order has failed so far.
    pub(crate) async fn refused_nothing(&self) {
        let entries = self.t.journal().await;
        let failed: Vec<&Value> = entries.iter().filter(|entry| entry["type"] == "call.order_failed").collect();
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// The states that a call went through, as screens were shown them.
    pub(crate) async fn states(&self, name: &str) -> Vec<String> {
        let Some(call) = self.call(name).await else { return vec![] };
        let entries = self.t.journal().await;
        let mine = entries.iter().filter(|entry| entry["type"] == "call.state" && entry["call"] == call["id"]);
        mine.map(|entry| entry["data"]["state"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
