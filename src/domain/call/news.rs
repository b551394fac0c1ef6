//! News: what a telephone system says happened to one of its calls, in canonical form.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::phone::Number;

/// One piece of news. Everything but `kind` and the two times may be missing; what is missing says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// What happened to the line.
    pub kind: NewsKind,
    /// When it happened, as the telephone system tells it; else when we heard of it. Never later than `observed_at`.
    pub occurred_at: DateTime<Utc>,
    /// When it reached our door.
    pub observed_at: DateTime<Utc>,
    /// What the news says about the call besides.
    pub told: Told,
}

/// How a piece of news moves the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewsKind {
    /// The call exists and is being offered or dialed.
    Started,
    /// Somebody answered.
    Connected,
    /// The call was put on hold (`true`) or taken back (`false`).
    Held(bool),
    /// The call moved to another agent.
    Transferred,
    /// The call is over.
    Ended(Option<Cause>),
    /// A recording, totals, notes: nothing moves.
    Details,
}

/// What a piece of news says about a call. Absent means unknown, never "cleared".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Who called whom, and whether the sender said so or we inferred it.
    pub direction: Option<(Direction, Certainty)>,
    /// The other side's number.
    pub customer: Option<Number>,
    /// Our side's number: extension, user number or a foreign user id.
    pub extension: Option<Number>,
    /// The login of the agent concerned, when our side's number is one of ours.
    pub agent: Option<String>,
    /// The number that the customer dialed.
    pub dnis: Option<String>,
    /// The number of the queue.
    pub queue_dn: Option<String>,
    /// The caller's name as the network shows it.
    pub caller_name: Option<String>,
    /// Where the recording is.
    pub recording_url: Option<String>,
    /// Notes to keep with the call.
    pub notes: Option<String>,
    /// Price per unit, verbatim.
    pub bill_rate: Option<String>,
    /// Billed time in seconds.
    pub bill_duration_s: Option<i64>,
    /// Total time in seconds as the telephone system counts it.
    pub total_duration_s: Option<i64>,
    /// Where the call was transferred to.
    pub transferred_to: Option<String>,
    /// What the one who started the call attached to it.
    pub custom_data: Option<String>,
    /// The CRM's own id of this phone call.
    pub phone_call_id: Option<String>,
    /// What the call is about, such as a campaign's name.
    pub subject: Option<String>,
}

/// How sure we are of a statement: a sender's own word outweighs what we inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Certainty {
    /// From the numbers and the roster.
    Inferred,
    /// The sender said it.
    Said,
}

/// Who called whom, in the words of the DynamicsTelephony page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// A customer called us.
    #[serde(rename = "inbound")]
    Inbound,
    /// An agent dialed by keypad.
    #[serde(rename = "outbound")]
    Outbound,
    /// The API or a click in the CRM started it.
    #[serde(rename = "clicktocall")]
    ClickToCall,
    /// This leg was received by transfer.
    #[serde(rename = "transfer")]
    Transfer,
    /// The dialer started it.
    #[serde(rename = "ccOutbound")]
    CcOutbound,
}

impl Direction {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::ClickToCall => "clicktocall",
            Self::Transfer => "transfer",
            Self::CcOutbound => "ccOutbound",
        }
    }

    /// Reads the wire word, in any case.
    pub fn read(word: &str) -> Option<Self> {
        [Self::Inbound, Self::Outbound, Self::ClickToCall, Self::Transfer, Self::CcOutbound]
            .into_iter()
            .find(|direction| direction.word().eq_ignore_ascii_case(word.trim()))
    }

    /// Whether the call is offered to the agent rather than placed for him.
    pub fn is_offered(self) -> bool {
        matches!(self, Self::Inbound | Self::Transfer)
    }
}

/// Why a call ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// The class we understand.
    pub kind: CauseKind,
    /// The sender's own word.
    pub text: String,
}

/// Classes of causes, vaguest first: a specific cause is never overwritten by a vaguer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CauseKind {
    /// A normal end.
    Completed,
    /// A word we do not know.
    Other,
    /// The call could not be set up.
    Failed,
    /// Nobody answered.
    NoAnswer,
    /// The other side was busy or rejected the call.
    Busy,
}

impl CauseKind {
    /// How much a cause says; the greater wins.
    pub(super) fn specificity(self) -> u8 {
        match self {
            Self::Completed => 1,
            Self::Other => 2,
            Self::Failed | Self::NoAnswer | Self::Busy => 3,
        }
    }
}

impl Cause {
    /// Reads a sender's word. Any word is a cause; unknown ones are kept verbatim.
    pub fn read(text: &str) -> Self {
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let kind = match plain.as_str() {
            "completed" | "complete" | "normalclearing" | "normal" | "answered" | "16" => CauseKind::Completed,
            "noanswer" | "notanswered" | "nouserresponse" | "userabsent" | "18" | "19" => CauseKind::NoAnswer,
            "busy" | "userbusy" | "callrejected" | "rejected" | "declined" | "17" | "21" => CauseKind::Busy,
            "failed" | "error" | "congestion" | "chanunavail" | "unallocatednumber" | "invalidnumberformat" | "networkoutoforder" => {
                CauseKind::Failed
            }
            _ => CauseKind::Other,
        };
        Self { kind, text: text.trim().to_owned() }
    }

    /// Vtiger's call status for this cause: `no_answer` reads `hangup`, the rest as sent.
    pub fn call_status(&self) -> &str {
        match self.text.as_str() {
            text if text.eq_ignore_ascii_case("no_answer") => "hangup",
            text => text,
        }
    }
}
