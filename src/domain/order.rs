//! Orders: what a telephone system is told to do. An order changes no call; the system's own news do.
//!
//! An order is an entry of the journal, stored in the commit that granted the wish behind it; whoever drives the telephone system
//! reads it there and carries it out once. One that nobody carried out is not made up for later: the call it was about is ended by
//! its deadline.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::phone::Number;

/// The type of an order's entry in the journal.
pub const ORDERED: &str = "call.ordered";

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its own name.
    pub id: Uuid,
    /// The name of the attempt at the telephone system. For a call that we start it is ours to choose; a system that cannot take
    /// our name says its own in its first news.
    pub call: String,
    /// What to do with it.
    #[serde(flatten)]
    pub command: Command,
}

/// Where an agent is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Station {
    /// The agent.
    pub login: String,
    /// His telephone at the telephone system; `None` when none is known.
    pub extension: Option<Number>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Command {
    /// Start a call. With a station the agent's telephone is rung first and the number when he has picked up; without one the
    /// number is rung alone, and [`Command::Connect`] follows once somebody answers.
    Dial {
        /// Whom to call.
        number: Number,
        /// What the called party is shown.
        caller_id: Option<Number>,
        /// Who calls.
        station: Option<Station>,
        /// How long the number is rung, in seconds.
        ring_s: i64,
    },
    /// Give an answered call to an agent.
    Connect {
        /// Who takes it.
        station: Station,
    },
    /// Pick up a call that is offered to this agent.
    Answer {
        /// Who takes it.
        station: Station,
    },
    /// Send a caller whom nobody has answered elsewhere.
    Deflect {
        /// To whom.
        number: Number,
    },
    /// End it.
    Hangup,
    /// Put the other side on hold.
    Hold,
    /// Take the other side back.
    Resume,
    /// Give the call away without asking.
    BlindTransfer {
        /// To whom.
        number: Number,
    },
    /// Hold the call and ring a third party to ask.
    ConsultTransfer {
        /// To whom.
        number: Number,
        /// The name of the new call.
        leg: String,
        /// Who asks.
        station: Station,
    },
    /// Join the other sides of both calls and leave.
    CompleteTransfer {
        /// The name of the other call, which is on hold.
        with: String,
    },
    /// Make one conversation of both calls.
    Conference {
        /// The name of the other call, which is on hold.
        with: String,
    },
    /// Ring a third party into the conversation.
    Invite {
        /// Whom.
        number: Number,
        /// The name of the new call.
        leg: String,
        /// Who invites.
        station: Station,
        /// Whether the other side hears nothing of it.
        mute_customer: bool,
    },
    /// Send tones.
    Dtmf {
        /// Of `0123456789*#`.
        digits: String,
    },
    /// Play a file into the call.
    Play {
        /// The system's name of it.
        file: String,
    },
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// What can be wished of a call that a telephone system must do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Verb { $($(#[$doc])* $name),* }

        impl Verb {
            /// Every verb.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word on the wire.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

verbs! {
    /// Start a call.
    Dial = "dial";
    /// Pick up.
    Answer = "answer";
    /// End it.
    Hangup = "hangup";
    /// Put on hold.
    Hold = "hold";
    /// Take back.
    Resume = "resume";
    /// Give away without asking.
    BlindTransfer = "blind_transfer";
    /// Ask a third party first.
    ConsultTransfer = "consult_transfer";
    /// Join the others and leave.
    CompleteTransfer = "complete_transfer";
    /// Make one conversation of two, or ring a third party into one.
    Conference = "conference";
    /// Send tones.
    Dtmf = "dtmf";
    /// Play a file.
    Play = "play";
    /// Give an answered call to an agent: the dialer's own, nobody wishes it.
    Connect = "connect";
    /// Send a caller whom nobody has answered elsewhere: the routing's own, nobody wishes it.
    Deflect = "deflect";
}

impl Verb {
    /// Whether somebody may wish it.
    pub fn is_wished(self) -> bool {
        !matches!(self, Self::Connect | Self::Deflect)
    }

    /// The verb of this word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verb| verb.word() == word)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Command {
    /// What the telephone system must be able to do.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Dial { .. } => Verb::Dial,
            Self::Connect { .. } => Verb::Connect,
            Self::Answer { .. } => Verb::Answer,
            Self::Deflect { .. } => Verb::Deflect,
            Self::Hangup => Verb::Hangup,
            Self::Hold => Verb::Hold,
            Self::Resume => Verb::Resume,
            Self::BlindTransfer { .. } => Verb::BlindTransfer,
            Self::ConsultTransfer { .. } => Verb::ConsultTransfer,
            Self::CompleteTransfer { .. } => Verb::CompleteTransfer,
            Self::Conference { .. } | Self::Invite { .. } => Verb::Conference,
            Self::Dtmf { .. } => Verb::Dtmf,
            Self::Play { .. } => Verb::Play,
        }
    }

    /// Whom it calls.
    pub fn number(&self) -> Option<&Number> {
        match self {
            Self::Dial { number, .. }
            | Self::Deflect { number }
            | Self::BlindTransfer { number }
            | Self::ConsultTransfer { number, .. }
            | Self::Invite { number, .. } => Some(number),
            _ => None,
        }
    }

    /// The agent that it names.
    pub fn station(&self) -> Option<&Station> {
        match self {
            Self::Dial { station, .. } => station.as_ref(),
            Self::Connect { station } | Self::Answer { station } | Self::ConsultTransfer { station, .. } | Self::Invite { station, .. } => {
                Some(station)
            }
            _ => None,
        }
    }

    /// The name of the call that begins beside the one it is about.
    pub fn leg(&self) -> Option<&str> {
        match self {
            Self::ConsultTransfer { leg, .. } | Self::Invite { leg, .. } => Some(leg),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::HomeRegion;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let number = Number::read("+12025550123", HomeRegion::default()).unwrap();
        let station = Station { login: "kim".into(), extension: None };
        let commands = [
            Command::Dial { number: number.clone(), caller_id: None, station: Some(station.clone()), ring_s: 30 },
            Command::Hangup,
            Command::Invite { number, leg: "leg".into(), station, mute_customer: true },
            Command::Dtmf { digits: "12#".into() },
        ];
        for command in commands {
            let order = Order { id: Uuid::nil(), call: "call".into(), command };
            let text = serde_json::to_string(&order).unwrap();
            assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order, "{text}");
            assert_eq!(Verb::read(order.command.verb().word()), Some(order.command.verb()));
        }
    }
}
