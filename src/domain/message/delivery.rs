//! What became of a message that we send, merged from what the provider tells so that neither order nor copies matter.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::merge::{Field, Prefer, earliest};

/// Longest text kept of a fault; providers answer with whole pages.
const MAX_TEXT: usize = 300;

/// How far a message has come, in the order of rank: a status never gives way to one before it. Delivered is last, because a handset's
/// word beats whatever anybody feared; of the other two ends the one further down the road knows more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waits with us.
    #[default]
    Queued,
    /// Given to the provider, or being given to it.
    Sending,
    /// The provider has passed it on.
    Sent,
    /// The provider did not pass it on.
    Failed,
    /// The network did not deliver it.
    Undelivered,
    /// It has arrived.
    Delivered,
}

impl Status {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Undelivered => "undelivered",
            Self::Delivered => "delivered",
        }
    }

    /// The type of the event that tells it; what waits is no event.
    pub fn event_type(self) -> Option<&'static str> {
        match self {
            Self::Queued | Self::Sending => None,
            Self::Sent => Some("message.sent"),
            Self::Failed | Self::Undelivered => Some("message.failed"),
            Self::Delivered => Some("message.delivered"),
        }
    }
}

/// Why a message did not arrive, or why nobody knows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    code: Option<String>,
    text: String,
    /// The provider refuses because the receiver wants no messages.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    opted_out: bool,
}

impl Fault {
    /// A fault with the provider's code, if it gave one. Control characters become blanks, a long text is cut.
    pub fn new(code: Option<String>, text: &str) -> Self {
        let text: String = text.trim().chars().take(MAX_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self { code, text, opted_out: false }
    }

    /// The same, where the provider's reason is that the receiver wants no messages.
    #[must_use]
    pub fn by_opt_out(self) -> Self {
        Self { opted_out: true, ..self }
    }

    /// Whether the receiver wants no messages, as the provider knows.
    pub fn is_opt_out(&self) -> bool {
        self.opted_out
    }

    /// The provider's own code.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// For people.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Providers write numbers of people into their texts, and those never reach a log.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({}, …)", self.code.as_deref().unwrap_or("no code"))
    }
}

/// One piece of news about a message.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// When it happened, as the provider tells it; else when we heard of it.
    pub occurred_at: DateTime<Utc>,
    /// When it reached us.
    pub observed_at: DateTime<Utc>,
    /// What it says.
    pub told: Told,
}

/// What a piece of news says. What is absent says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How far the message has come.
    pub status: Status,
    /// The provider's id of it.
    pub provider_id: Option<String>,
    /// With a failed or undelivered message: why. With one being sent: why nobody knows whether it was. Else it says nothing.
    pub fault: Option<Fault>,
}

impl Told {
    /// A status and nothing else.
    pub fn status(status: Status) -> Self {
        Self { status, provider_id: None, fault: None }
    }

    /// News of something that carries no time of its own.
    pub fn heard_at(self, now: DateTime<Utc>) -> News {
        News { occurred_at: now, observed_at: now, told: self }
    }
}

/// What a piece of news did to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: a copy, or less than was known.
    Nothing,
    /// It must be stored, so that later news come out right, but shows nowhere.
    Silent,
    /// Something shows that is not the status.
    Updated,
    /// This status was entered.
    Entered(Status),
}

/// What the provider has told about one message, and the law of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Delivery {
    status: Status,
    #[serde(skip_serializing_if = "Field::is_unset")]
    provider_id: Field<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Field::is_unset")]
    fault: Field<Fault>,
    /// Why nobody knows whether the provider has it.
    #[serde(skip_serializing_if = "Field::is_unset")]
    doubt: Field<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<DateTime<Utc>>,
}

impl Delivery {
    /// How far it has come.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The provider's id of the message.
    pub fn provider_id(&self) -> Option<&str> {
        self.provider_id.get().map(String::as_str)
    }

    /// Why it did not arrive, or, while it is being sent, why nobody knows.
    pub fn fault(&self) -> Option<&Fault> {
        match self.status {
            Status::Failed | Status::Undelivered => self.fault.get(),
            Status::Queued | Status::Sending => self.doubt(),
            Status::Sent | Status::Delivered => None,
        }
    }

    /// Whether it was tried and nobody knows if the provider has it. Such a message is never sent again by itself.
    pub fn is_unclear(&self) -> bool {
        self.status == Status::Sending && self.doubt().is_some()
    }

    /// An id is proof that the provider has it.
    fn doubt(&self) -> Option<&Fault> {
        if self.provider_id.is_unset() { self.doubt.get() } else { None }
    }

    /// When the provider passed it on; no later than its arrival.
    pub fn sent_at(&self) -> Option<DateTime<Utc>> {
        self.sent_at.into_iter().chain(self.delivered_at).min()
    }

    /// When it arrived.
    pub fn delivered_at(&self) -> Option<DateTime<Utc>> {
        self.delivered_at
    }

    /// What a piece of news means. Total: it cannot fail; copies and any order end in the same record.
    pub fn hear(&mut self, news: &News) -> Change {
        let before = self.clone();
        self.merge(news);
        let shown = |delivery: &Self| {
            (delivery.provider_id().map(str::to_owned), delivery.fault().cloned(), delivery.sent_at(), delivery.delivered_at())
        };
        match () {
            () if *self == before => Change::Nothing,
            () if self.status != before.status => Change::Entered(self.status),
            () if shown(self) != shown(&before) => Change::Updated,
            () => Change::Silent,
        }
    }

    fn merge(&mut self, News { occurred_at: at, told, .. }: &News) {
        let Told { status, provider_id, fault } = told.clone();
        self.provider_id.claim(Prefer::Earliest, 0, *at, provider_id);
        match status {
            Status::Queued => {}
            Status::Sending => _ = self.doubt.claim(Prefer::Earliest, 0, *at, fault),
            Status::Sent => _ = earliest(&mut self.sent_at, *at),
            Status::Failed | Status::Undelivered => {
                // a code says more than a text alone
                let specificity = fault.as_ref().map_or(0, |fault| u8::from(fault.code.is_some()));
                self.fault.claim(Prefer::Earliest, specificity, *at, fault);
            }
            Status::Delivered => _ = earliest(&mut self.delivered_at, *at),
        }
        self.status = self.status.max(status);
        if self.status == Status::Delivered {
            // nothing is left to explain, whether it was told before or comes later
            self.fault = Field::default();
            self.doubt = Field::default();
        }
    }
}
