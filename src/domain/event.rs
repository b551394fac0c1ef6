//! The event envelope: one form, stored as it is pushed and sent to webhooks.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::scope::Scope;

/// Who may see an entry. Decided at commit and stored, so that push and replay agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every agent of the account.
    All,
    /// These logins; an empty list is seen only by clients that follow everything.
    Agents(Vec<String>),
}

impl Audience {
    /// Whether an agent may see it.
    pub fn includes(&self, login: &str) -> bool {
        match self {
            Self::All => true,
            Self::Agents(logins) => logins.iter().any(|l| l == login),
        }
    }

    /// The stored form: `None` is everyone, else the logins one per line (a login holds no line break).
    pub fn to_stored(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Agents(logins) => Some(logins.join("\n")),
        }
    }

    /// Reads the stored form.
    pub fn from_stored(stored: Option<&str>) -> Self {
        stored.map_or(Self::All, |text| Self::Agents(text.lines().map(str::to_owned).collect()))
    }
}

impl Serialize for Audience {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Agents(logins) => logins.serialize(serializer),
        }
    }
}

/// The kinds of events softphones get without asking; the rest only on request.
pub const SOFTPHONE_KINDS: [&str; 5] = ["call", "agent", "message", "lease", "system"];

/// What seeing a kind of events needs: its scope when there is one for it, else that of events.
pub fn scope_to_see(pattern: &str) -> Scope {
    match pattern.split('.').next().unwrap_or_default() {
        "lead" => Scope::LeadsRead,
        "dnc" => Scope::DncWrite,
        "list" => Scope::ListsWrite,
        "campaign" | "config" | "webhook" => Scope::Admin,
        _ => Scope::EventsRead,
    }
}

/// Whether an event of this type changes what is known of its account beside its calls and leads.
pub fn changes_account(event_type: &str) -> bool {
    event_type.starts_with("config.") || matches!(event_type, "campaign.changed" | "list.changed")
}

/// Whether an event of this type may let somebody be dialed who could not be before.
pub fn moves_floor(event_type: &str) -> bool {
    changes_account(event_type) || matches!(event_type, "agent.state" | "lead.created" | "lead.updated" | "lead.imported" | "system.state")
}

/// Whether a pattern such as `call.*` or `call.state` names this type.
pub fn type_matches(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(kind) => event_type.split('.').next() == Some(kind),
        None => pattern == event_type,
    }
}

/// One entry's envelope. `D` is the data of its type.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the envelope's keys are described in docs/protocol.md")]
pub struct Envelope<'a, D> {
    pub v: u8,
    pub id: String,
    pub account: &'a str,
    pub epoch: &'a str,
    pub seq: i64,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub call: Option<Uuid>,
    pub attempt: Option<i64>,
    pub cv: Option<i64>,
    pub audience: &'a Audience,
    pub agent: Option<&'a str>,
    pub occurred_at: String,
    pub observed_at: String,
    pub source: &'a str,
    pub data: D,
}

/// UTC with microseconds, as envelopes carry it.
pub fn wire_micros(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
