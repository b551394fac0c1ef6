//! The law of text messages: which may be sent, what a text costs, what a provider's news means for it, and the wire forms of
//! providers.
//!
//! A [`Message`] is one text in one direction. One that comes in is complete when it is there. What becomes of one that goes out is
//! moved only by news ([`Message::hear`], total and idempotent, in any order and with any copies).

mod delivery;
mod errand;
mod opt_out;
pub mod provider;
mod segments;
mod view;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    delivery::{Change, Delivery, Fault, News, Status, Told},
    errand::{Claimed, Errand, LEASE},
    opt_out::Keyword,
    segments::{Encoding, Segments},
    view::MessageView,
};
use super::phone::Number;

/// The longest text that is sent, in characters; what providers take at most.
pub const MAX_CHARACTERS: usize = 1_600;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To us.
    In,
    /// From us.
    Out,
}

impl Direction {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// One text message. The stored form is this, as JSON.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Ours.
    pub id: Uuid,
    /// Which way it goes.
    pub direction: Direction,
    /// The sender's number.
    pub from: Number,
    /// The receiver's number.
    pub to: Number,
    /// The text.
    pub body: String,
    /// The login of the agent who wrote it.
    pub agent: Option<String>,
    /// The lead it belongs to.
    pub lead: Option<i64>,
    /// The name of the configured provider that carries it.
    pub provider: String,
    /// What the text costs.
    pub segments: Segments,
    /// What the provider has told.
    pub delivery: Delivery,
    /// When it was written or came in.
    pub created_at: DateTime<Utc>,
    /// When we last learned something about it.
    pub updated_at: DateTime<Utc>,
    /// Counts what showed; rides in every entry, so that a reader can drop an older object. With `updated_at` the only part that
    /// depends on the order of news.
    pub version: i64,
}

/// A message that somebody wants to send.
#[derive(Clone, PartialEq)]
pub struct Draft {
    /// A number of ours.
    pub from: Number,
    /// Whom it is for.
    pub to: Number,
    /// The text.
    pub body: String,
    /// The login of the agent who wrote it.
    pub agent: Option<String>,
    /// The lead it belongs to.
    pub lead: Option<i64>,
}

/// What the book says about a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the sender's number is the account's and may send messages.
    pub owned: bool,
    /// Whether the receiver has opted out.
    pub opted_out: bool,
    /// The provider that carries messages of this sender's number.
    pub provider: Option<String>,
}

/// A message as a provider brought it.
#[derive(Clone, PartialEq)]
pub struct Incoming {
    /// The provider's id; a copy carries the same.
    pub provider_id: String,
    /// Who wrote it.
    pub from: Number,
    /// Which number of ours it is for.
    pub to: Number,
    /// The text.
    pub body: String,
}

/// Why a message is not sent. The texts name no number: they may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else's number.
    #[error("the sender is not a number of this account that may send messages")]
    NotOwned,
    /// Nobody carries it.
    #[error("no provider of text messages is set up for the sender's number")]
    NoProvider,
    /// Nothing to say.
    #[error("the text is empty")]
    Empty,
    /// Too much to say.
    #[error("the text has {characters} characters; at most {MAX_CHARACTERS} are sent")]
    TooLong {
        /// As people count them.
        characters: usize,
    },
    /// The receiver said STOP.
    #[error("the receiver has opted out of messages; only START from that number opts in again")]
    OptedOut,
}

impl Refusal {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotOwned => "number_not_owned",
            Self::NoProvider => "no_provider",
            Self::Empty => "empty",
            Self::TooLong { .. } => "too_long",
            Self::OptedOut => "opted_out",
        }
    }
}

impl Message {
    /// Takes a draft to be sent.
    ///
    /// # Errors
    /// Why it is not sent.
    pub fn compose(id: Uuid, draft: Draft, standing: Standing, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let Draft { from, to, body, agent, lead } = draft;
        let body = without_nul(&body);
        let characters = body.chars().count();
        if !standing.owned {
            return Err(Refusal::NotOwned);
        }
        let provider = standing.provider.ok_or(Refusal::NoProvider)?;
        match () {
            () if body.trim().is_empty() => Err(Refusal::Empty),
            () if characters > MAX_CHARACTERS => Err(Refusal::TooLong { characters }),
            () if standing.opted_out => Err(Refusal::OptedOut),
            () => Ok(Self { agent, lead, ..Self::new(id, Direction::Out, from, to, body, provider, now) }),
        }
    }

    /// Takes a message that came in.
    pub fn receive(id: Uuid, incoming: Incoming, provider: String, now: DateTime<Utc>) -> Self {
        let Incoming { provider_id, from, to, body } = incoming;
        let mut message = Self::new(id, Direction::In, from, to, without_nul(&body), provider, now);
        message.delivery.hear(&Told { provider_id: Some(provider_id), ..Told::status(Status::Queued) }.heard_at(now));
        message
    }

    fn new(id: Uuid, direction: Direction, from: Number, to: Number, body: String, provider: String, now: DateTime<Utc>) -> Self {
        Self {
            id,
            direction,
            from,
            to,
            segments: Segments::of(&body),
            body,
            agent: None,
            lead: None,
            provider,
            delivery: Delivery::default(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// What a piece of news means for it; for one that came in, nothing.
    pub fn hear(&mut self, news: &News) -> Change {
        if self.direction == Direction::In {
            return Change::Nothing;
        }
        let change = self.delivery.hear(news);
        if change != Change::Nothing {
            self.updated_at = self.updated_at.max(news.observed_at);
        }
        if matches!(change, Change::Updated | Change::Entered(_)) {
            self.version += 1;
        }
        change
    }

    /// The word of its status: `received` for one that came in.
    pub fn status_word(&self) -> &'static str {
        match self.direction {
            Direction::In => "received",
            Direction::Out => self.delivery.status().word(),
        }
    }
}

/// Databases take no NUL in text.
fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

/// What people write never reaches a log.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// What people write never reaches a log.
impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// What people write never reaches a log.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("direction", &self.direction)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("segments", &self.segments)
            .field("delivery", &self.delivery)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
