//! How a campaign is dialed: in which mode, by whose agents, and how often a lead is tried again after which outcome.
//!
//! # Assumptions
//! - Nobody dials a campaign that says nothing of dialing. Its leads have their places in the queue all the same, by the defaults.
//! - After an outcome that no table names, somebody may be tried again a day later: a callable outcome of the account's own means
//!   that somebody wants to be called, but says nothing of when.
//! - Whoever was dropped because no agent was free is left alone for three days: the strictest rule that is known for it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{disposition::same_name, phone::Number};

/// The largest figure of a campaign's priority; smaller goes first, as with skills.
pub const MAX_PRIORITY: i64 = 100;
/// The longest pause before a lead is tried again, in minutes: a year.
pub const MAX_AFTER_MIN: i64 = 365 * 24 * 60;
/// Most tries after one outcome, and most attempts in all.
pub const MAX_TIMES: i64 = 1000;
/// Most outcomes that a campaign says something of.
pub const MAX_RETRIES: usize = 100;

/// Who decides when a line is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DialingMode)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// An agent is shown the lead first.
    Preview,
    /// One line for each agent who is ready.
    Progressive,
    /// As many lines as the law of pacing allows.
    Predictive,
}

/// What happens when an agent lets the preview's time pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnPreviewEnd {
    /// The lead is dialed.
    #[default]
    Dial,
    /// The lead is skipped, and the agent gets the next one.
    Skip,
    /// The lead is skipped, and the agent gets no more until he says that he is ready.
    NotReady,
}

/// How a lead is tried again after an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// Not before so many minutes have passed.
    pub after_min: i64,
    /// So many times; 0 is not again.
    pub times: i64,
}

impl Retry {
    /// The pause.
    pub fn after(self) -> TimeDelta {
        TimeDelta::minutes(self.after_min)
    }
}

const fn retry(outcome: &'static str, after_min: i64, times: i64) -> (&'static str, Retry) {
    (outcome, Retry { after_min, times })
}

/// The tries after outcomes that exist in every account, where a campaign says nothing else. Every one of them that is callable
/// is here.
pub static RETRIES: [(&str, Retry); 17] = [
    retry("CR_NOANS", 60, 5),
    retry("CR_BUSY", 10, 5),
    retry("CR_NORB", 60, 3),
    retry("CR_HANGUP", 60, 3),
    retry("CR_FAILED", 30, 3),
    retry("CR_ERROR", 30, 3),
    retry("CR_UNFINISHED", 60, 3),
    retry("ANS. MACHINE", 180, 3),
    retry("CR_CNCT/CON_PAMD", 180, 3),
    retry("LEFT MESSAGE", 1440, 2),
    // ring him while he still holds the telephone
    retry("CALL DROPPED", 2, 2),
    retry("CR_DROPPED", 3 * 1440, 1),
    retry("UNAVAILABLE", 240, 3),
    retry("SKIP", 30, 5),
    // a call back without a time
    retry("CALL BACK", 1440, 3),
    retry("AGENTSPCB", 1440, 3),
    retry("SYS_CALLBACK", 1440, 3),
];

/// The tries after any other outcome.
pub const OTHERWISE: Retry = Retry { after_min: 1440, times: 3 };

/// Most attempts per lead in all, where a campaign says nothing else.
const MAX_ATTEMPTS: i64 = 10;

/// How a campaign is dialed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dialing {
    /// Who decides when a line is opened.
    pub mode: Mode,
    /// Whether it is dialed now.
    #[serde(default)]
    pub running: bool,
    /// Whose agents serve it; without a name every agent does.
    #[serde(default)]
    pub skill: Option<String>,
    /// The number that is shown to whoever is called.
    #[serde(default)]
    pub caller_id: Option<Number>,
    /// The playlist that narrows its leads, as it was last reloaded.
    #[serde(default)]
    pub playlist: Option<String>,
    /// How long an agent looks at a lead before he dials, in seconds.
    #[serde(default = "half_a_minute")]
    pub preview_s: i64,
    /// What happens when that time has passed.
    #[serde(default)]
    pub on_preview_end: OnPreviewEnd,
    /// How long a telephone rings, in seconds.
    #[serde(default = "half_a_minute")]
    pub ring_s: i64,
    /// How long an agent has after a call, in seconds.
    #[serde(default = "half_a_minute")]
    pub wrap_s: i64,
    /// How long a call that an agent promised waits for him alone, in minutes; then anybody may make it.
    #[serde(default = "an_hour")]
    pub callback_grace_min: i64,
    /// By the name of a disposition, how a lead is tried again after it.
    #[serde(default)]
    pub retries: BTreeMap<String, Retry>,
    /// Most attempts per lead in all.
    #[serde(default = "ten")]
    pub max_attempts: i64,
    /// 0 to [`MAX_PRIORITY`]: which of several campaigns an agent serves first, smaller first.
    #[serde(default)]
    pub priority: i64,
}

fn half_a_minute() -> i64 {
    30
}

fn an_hour() -> i64 {
    60
}

fn ten() -> i64 {
    MAX_ATTEMPTS
}

/// Most attempts per lead in all, in a campaign that may say nothing of dialing.
pub fn max_attempts(dialing: Option<&Dialing>) -> i64 {
    dialing.map_or(MAX_ATTEMPTS, |dialing| dialing.max_attempts)
}

/// How a lead is tried again after this outcome, in a campaign that may say nothing of dialing.
pub fn retry_after(dialing: Option<&Dialing>, outcome: &str) -> Retry {
    let own = dialing.and_then(|dialing| dialing.retries.iter().find(|(name, _)| same_name(name, outcome)).map(|(_, retry)| *retry));
    let general = || RETRIES.iter().find(|(name, _)| same_name(name, outcome)).map(|(_, retry)| *retry);
    own.or_else(general).unwrap_or(OTHERWISE)
}
