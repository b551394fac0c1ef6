//! The mouth: what a telephone system is told to do. A command changes no state here; the system's own news do.

use chrono::{DateTime, Utc};

use super::simulator;
use crate::domain::{call::News, phone::Number};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A third party joins a conversation.
    Conference {
        /// The telephone system's id of the conversation.
        call: String,
        /// The agent's login.
        agent: String,
        /// Who joins.
        number: Number,
        /// Whether the customer hears nothing of it.
        mute_customer: bool,
    },
}

/// Why a telephone system does not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It cannot.
    #[error("the telephone system cannot do this")]
    NotSupported,
}

/// The telephone systems that take commands: a closed set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pbx {
    /// One that exists in this process only.
    #[default]
    Simulator,
}

impl Pbx {
    /// Tells it to do something; answers the news that it reports at once.
    ///
    /// # Errors
    /// When it does not do it.
    pub fn carry_out(self, command: &Command, now: DateTime<Utc>) -> Result<Vec<(String, News)>, CommandError> {
        match self {
            Self::Simulator => simulator::carry_out(command, now),
        }
    }
}
