//! Telephone systems that take orders: a closed set, written as configuration. What a system is like is plain data here; whoever
//! drives it has the connection and carries the [orders](super::order) out.

mod asterisk;
mod audio;
mod generic;
mod judge;
mod place;
mod simulated;

use serde::{Deserialize, Serialize};

pub use self::{
    asterisk::Asterisk,
    audio::{Audio, Line},
    generic::{Generic, TokenUrl},
    judge::{Reply, Verdict},
    simulated::{Shares, Simulated, Span},
};
use super::order::Verb;

/// One system, and how it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum System {
    /// One that exists in this process only.
    Simulated(Simulated),
    /// Any that takes HTTP requests and reports to one of the account's gateways.
    Generic(Box<Generic>),
    /// Asterisk, by its REST interface.
    Asterisk(Box<Asterisk>),
}

impl System {
    /// The word of its kind.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Simulated(_) => "simulated",
            Self::Generic(_) => "generic",
            Self::Asterisk(_) => "asterisk",
        }
    }

    /// What it can be told.
    pub fn capabilities(&self) -> &[Verb] {
        match self {
            Self::Simulated(_) => Verb::ALL,
            Self::Asterisk(_) => asterisk::CAPABILITIES,
            Self::Generic(generic) => generic.capabilities(),
        }
    }

    /// Whether it can be told this.
    pub fn can(&self, verb: Verb) -> bool {
        self.capabilities().contains(&verb)
    }

    /// The gateway that it reports to; `None` for one that reports to whoever drives it.
    pub fn gateway(&self) -> Option<&str> {
        match self {
            Self::Generic(generic) => Some(generic.gateway()),
            Self::Simulated(_) | Self::Asterisk(_) => None,
        }
    }

    /// How browsers become its telephones; `None` when they cannot.
    pub fn audio(&self) -> Option<&Audio> {
        match self {
            Self::Asterisk(asterisk) => asterisk.audio(),
            Self::Simulated(_) | Self::Generic(_) => None,
        }
    }

    /// Whether its configuration holds what nobody may read.
    pub fn has_secrets(&self) -> bool {
        !matches!(self, Self::Simulated(_))
    }
}

/// The number that stands for a gateway in calls of a system that reports to whoever drives it: it has no door of its own.
pub const OWN_GATEWAY: i64 = -1;

/// Why a system does not do what it is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// A word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// It does not know the call, or not any more.
    pub fn no_such_call() -> Self {
        Self::new("no_such_call", "the telephone system has no such call")
    }
}
