//! Frames of `cti.v1.json`.

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    app::{availability::AgentNow, committer::capabilities, directory::Account, hub::Entry, wishes::Refusal},
    domain::{
        agent::Agent,
        call::{Call, CallObject},
        presence::Shown,
        tab,
    },
};

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum FromClient {
    Hello(Hello),
    Pong { seq: i64 },
    Cmd(Command),
}

/// The first frame.
#[derive(Debug, Deserialize)]
pub(super) struct Hello {
    pub(super) ticket: Option<String>,
    pub(super) client: String,
    pub(super) tab: Option<Uuid>,
    pub(super) agents: Option<Follow>,
    #[serde(default)]
    pub(super) types: Vec<String>,
    pub(super) resume: Option<Position>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Position {
    pub(super) epoch: String,
    pub(super) seq: i64,
}

/// Whom a program follows: `"*"` or a list of logins.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Follow {
    Word(String),
    Logins(Vec<String>),
}

/// A wish.
#[derive(Debug, Deserialize)]
pub(super) struct Command {
    pub(super) id: String,
    pub(super) m: String,
    #[serde(default)]
    pub(super) p: Value,
}

/// What the server says, but for `ev`, which is built from the stored text.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum FromServer<'a> {
    Welcome {
        session: Uuid,
        agent: Option<&'a str>,
        epoch: &'a str,
        head: i64,
        ping: u64,
        resume: &'static str,
    },
    Snapshot {
        seq: i64,
        agent: Option<AgentView<'a>>,
        calls: Vec<CallView<'a>>,
    },
    Mark {
        seq: i64,
        live: bool,
    },
    Ping {
        seq: i64,
    },
    Res {
        id: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        d: Option<Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        err: Option<Refusal>,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct AgentView<'a> {
    id: i64,
    login: &'a str,
    name: &'a str,
    number: Option<&'a str>,
    extension: Option<&'a str>,
    presence: Option<Shown>,
    /// Which tab of his softphone is enabled.
    lease: Option<tab::Shown>,
}

impl<'a> AgentView<'a> {
    pub(super) fn new(agent: &'a Agent, now: Option<AgentNow>) -> Self {
        let text = |number: &'a Option<crate::domain::phone::Number>| number.as_ref().map(|number| number.as_str());
        let (number, extension) = (text(&agent.number), text(&agent.extension));
        let (presence, lease) = now.map(|now| (now.shown, now.presence.tab.shown(&agent.login))).unzip();
        Self { id: agent.id, login: &agent.login, name: &agent.name, number, extension, presence, lease }
    }
}

/// A call in a snapshot.
#[derive(Debug, Serialize)]
pub(super) struct CallView<'a> {
    attempt: i64,
    cv: i64,
    agent: Option<&'a str>,
    #[serde(flatten)]
    object: CallObject<'a>,
}

impl<'a> CallView<'a> {
    pub(super) fn new(account: &Account, call: &'a Call) -> Self {
        let attempt = call.newest();
        let object = CallObject::new(call, attempt, attempt.state(), attempt.state_time(), capabilities(account, attempt));
        Self { attempt: attempt.number, cv: call.version, agent: attempt.agent(), object }
    }
}

impl FromServer<'_> {
    pub(super) fn text(&self) -> Utf8Bytes {
        // frames hold text and numbers only; an empty frame would close the socket at the client
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// An event: the stored envelope with `op` and `prev` in front.
pub(super) fn event(entry: &Entry, prev: i64) -> Utf8Bytes {
    let envelope = entry.body.strip_prefix('{').unwrap_or_default();
    format!(r#"{{"op":"ev","prev":{prev},{envelope}"#).into()
}
