//! Wishes for calls: what an agent, or a program for one, may ask for. A wish moves no line; the telephone system's news do.

use chrono::{DateTime, Utc};

use super::{order::Verb, phone::Number};
use uuid::Uuid;

/// The digits that can be sent into a call.
pub const DTMF: &str = "0123456789*#";
/// The longest row of digits.
pub const MAX_DTMF: usize = 64;
/// The longest text that whoever starts a call may attach to it, in characters.
pub const MAX_CUSTOM_DATA: usize = 2_000;
/// The longest notes, in characters.
pub const MAX_NOTES: usize = 4_000;
/// The longest name of a file to play, in characters.
pub const MAX_FILE: usize = 200;

/// A wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallWish {
    /// Start a call.
    Dial(Box<Dial>),
    /// Pick up.
    Answer,
    /// End it, or give up what is being dialed.
    Hangup,
    /// Put the other side on hold.
    Hold,
    /// Take the other side back.
    Resume,
    /// Give the call away without asking.
    BlindTransfer(Number),
    /// Ask a third party first.
    ConsultTransfer(Number),
    /// Join the other sides of this call and of that one, and leave.
    CompleteTransfer(Uuid),
    /// Make one conversation of this call and of that one.
    Conference(Uuid),
    /// Ring a third party into the conversation; the flag keeps it from the customer.
    Invite(Number, bool),
    /// Send tones.
    Dtmf(String),
    /// Play a file.
    Play(String),
    /// Say how it came out.
    SetOutcome(Box<SetOutcome>),
    /// Be done with the wrap-up.
    EndWrap,
    /// Dial what is presented.
    AcceptPreview,
    /// Pass over what is presented.
    SkipPreview(Option<String>),
}

/// A call to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// The agent who calls.
    pub agent: String,
    /// Whom.
    pub number: Number,
    /// What the called party is shown, one of the account's own numbers.
    pub caller_id: Option<Number>,
    /// The CRM's id of this phone call.
    pub phone_call_id: Option<String>,
    /// What to keep with the call.
    pub custom_data: Option<String>,
    /// Full name of the called party.
    pub to: Option<String>,
    /// What the call is about.
    pub subject: Option<String>,
    /// Whether a page or a program started it, and no keypad.
    pub by_click: bool,
    /// Why a number is called although it is on the do-not-call list: said, and confirmed, by the agent.
    pub dnc_reason: Option<String>,
    /// The tab of the softphone that it comes from, where that has a name.
    pub tab: Option<Uuid>,
}

/// How a call came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOutcome {
    /// The name of a disposition.
    pub outcome: String,
    /// What to keep with the call.
    pub notes: Option<String>,
    /// The customer wants to be called again then.
    pub retry_at: Option<DateTime<Utc>>,
    /// Whether only this agent is to call again.
    pub retry_mine: bool,
}

impl CallWish {
    /// What the telephone system must be able to do; `None` for what is ours.
    pub fn verb(&self) -> Option<Verb> {
        Some(match self {
            Self::Dial(_) | Self::AcceptPreview => Verb::Dial,
            Self::Answer => Verb::Answer,
            Self::Hangup => Verb::Hangup,
            Self::Hold => Verb::Hold,
            Self::Resume => Verb::Resume,
            Self::BlindTransfer(_) => Verb::BlindTransfer,
            Self::ConsultTransfer(_) => Verb::ConsultTransfer,
            Self::CompleteTransfer(_) => Verb::CompleteTransfer,
            Self::Conference(_) | Self::Invite(..) => Verb::Conference,
            Self::Dtmf(_) => Verb::Dtmf,
            Self::Play(_) => Verb::Play,
            Self::SetOutcome(_) | Self::EndWrap | Self::SkipPreview(_) => return None,
        })
    }

    /// The word on the wire.
    pub fn word(&self) -> &'static str {
        match self {
            Self::AcceptPreview => "accept_preview",
            Self::SkipPreview(_) => "skip_preview",
            Self::SetOutcome(_) => "set_outcome",
            Self::EndWrap => "end_wrap",
            other => other.verb().map_or("", Verb::word),
        }
    }
}
