//! The ear: bytes of a telephone system → `News`; and the telephone system that is made here. No clock, no rule of the law.
//!
//! | dialect | file |
//! |---|---|
//! | Vtiger Phone Calls, Generic gateway | `vtiger.rs` |
//! | Vtiger PBXManager, as open-source Asterisk connectors speak it | `pbxmanager.rs` |
//! | the native door `POST /api/v1/call-events` | `native.rs` |
//! | Asterisk, by its REST interface | `asterisk/` |
//! | none: a simulated system | `simulator/` |

pub mod asterisk;
pub mod native;
pub mod params;
pub mod pbxmanager;
pub mod simulator;
pub mod vtiger;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::domain::{
    agent::Roster,
    call::{Certainty, Direction, News, NewsKind, Told},
    phone::{HomeRegion, Number},
};

/// What an ear knows beside the bytes.
#[derive(Clone, Copy)]
pub struct Hearing<'a> {
    /// The agents of the account.
    pub roster: &'a Roster,
    /// Where numbers without a country code belong.
    pub region: HomeRegion,
    /// The zone of local times.
    pub zone: Tz,
    /// When the bytes reached us.
    pub observed_at: DateTime<Utc>,
}

/// One parsed message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// News of one call.
    News {
        /// The telephone system's id of the call.
        call_id: String,
        /// What it says; boxed, as it is much larger than the other variant.
        news: Box<News>,
    },
    /// An event that we do not know: accepted, counted, ignored.
    Ignored(String),
}

/// Why a message cannot be attributed to a call. Everything else is accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is missing: expected {expected}")]
pub struct Missing {
    /// The parameter.
    pub field: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

/// Times from senders are believed this far back.
const OLDEST: TimeDelta = TimeDelta::hours(24);
/// A PBX's call id longer than this is replaced by a digest, so that it still tells calls apart.
const MAX_CALL_ID: usize = 200;

impl Hearing<'_> {
    /// News with the time that the sender gave, if it can be true.
    fn news(&self, kind: NewsKind, occurred: Option<DateTime<Utc>>, told: Told) -> Box<News> {
        let believable = occurred.filter(|at| *at <= self.observed_at && self.observed_at - *at < OLDEST);
        Box::new(News { kind, occurred_at: believable.unwrap_or(self.observed_at), observed_at: self.observed_at, told })
    }

    fn number(&self, raw: Option<&str>) -> Option<Number> {
        raw.and_then(|raw| Number::read(raw, self.region))
    }

    /// Sorts two numbers into our side and the other side, and infers the direction.
    fn sides(&self, from: Option<Number>, to: Option<Number>, said: Option<Direction>) -> Told {
        let agent_of =
            |number: &Option<Number>| number.as_ref().and_then(|number| self.roster.by_number(number)).map(|agent| agent.login.clone());
        let (caller, callee) = (agent_of(&from), agent_of(&to));
        let inferred = if caller.is_some() { Direction::Outbound } else { Direction::Inbound };
        let any_number = from.is_some() || to.is_some();
        let direction = said.map(|direction| (direction, Certainty::Said)).or(any_number.then_some((inferred, Certainty::Inferred)));
        // the page calls `from` the customer always; a sender whose `from` is one of our agents means it the other way
        if caller.is_some() && !(said == Some(Direction::Inbound) && callee.is_some()) {
            return Told { direction, customer: to, extension: from, agent: caller, ..Told::default() };
        }
        Told { direction, customer: from, extension: to, agent: callee, ..Told::default() }
    }
}

/// A call id of a length that the book can index.
pub fn fold_call_id(id: &str) -> String {
    use sha2::{Digest, Sha256};
    if id.len() <= MAX_CALL_ID {
        return id.to_owned();
    }
    let digest = Sha256::digest(id.as_bytes());
    format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
