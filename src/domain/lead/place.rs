//! A lead's place in the queue of its campaign: before whom it is dialed, and not before when.
//!
//! A place follows from the lead and from what the account has set up, not from when it was worked out: it is written with the
//! lead, and stays right while time passes. Windows open and close, though, and a lead that was due in the morning is not due at
//! night. So leads whose windows are the same stand in one *lane*, and whoever looks for the next lead passes closed lanes by,
//! however many leads wait there.

use std::fmt;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Lead, Rules};
use crate::domain::{
    window::{self, RuleSet},
    zone::Zones,
};

/// Rounds after which the rules must have agreed on a moment. Each goes on to an opening or to the next day, and two are the rule.
const MAX_ROUNDS: usize = 32;
/// How a lane begins whose leads wait for the agents who promised to call.
const OWN: &str = "own ";
/// The lane of leads that no window binds.
const ANY: &str = "any";

/// Who is dialed before whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = QueueRank)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// A client asked for it to be dialed at once.
    Hot,
    /// A call was promised.
    Callback,
    /// Nobody has dialed it.
    Fresh,
    /// It was dialed, and is tried again.
    Retry,
}

impl Rank {
    /// Every rank, the first first.
    pub const ALL: [Self; 4] = [Self::Hot, Self::Callback, Self::Fresh, Self::Retry];

    /// The figure in the book, which sorts as the ranks do.
    pub fn figure(self) -> i64 {
        self as i64
    }

    /// The rank of this figure.
    pub fn of_figure(figure: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|rank| rank.figure() == figure)
    }
}

/// A place in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Before whom.
    pub rank: Rank,
    /// Not before then: the first moment, since the lead began to wait, when all rules allow it.
    pub at: DateTime<Utc>,
    /// With whom it shares its window.
    pub lane: Lane,
}

/// Leads of one window. As text it is the lane's name in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Whether they wait for the agents who promised to call.
    pub own: bool,
    /// The rules and the zones in which they must hold; `None` when no window binds.
    window: Option<(&'static RuleSet, Vec<Tz>)>,
}

impl Lane {
    /// The lane of this name; `None` for one that nobody knows any more.
    pub fn read(name: &str) -> Option<Self> {
        let (own, window) = name.strip_prefix(OWN).map_or((false, name), |window| (true, window));
        if window == ANY {
            return Some(Self { own, window: None });
        }
        let (jurisdiction, zones) = window.split_once(' ')?;
        let rules = RuleSet::all().iter().find(|rules| rules.jurisdiction == jurisdiction)?;
        let zones = zones.split(',').map(|zone| zone.parse().ok()).collect::<Option<Vec<Tz>>>()?;
        Some(Self { own, window: Some((rules, zones)) })
    }

    /// The first moment from then on when its window is open: then, when it is; `None` when there is none within eight days.
    pub fn opens(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Some((rules, zones)) = &self.window else { return Some(from) };
        window::opens(&zones.iter().copied().collect::<Zones>(), Tz::UTC, rules, from)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.own { OWN } else { "" })?;
        let Some((rules, zones)) = &self.window else { return f.write_str(ANY) };
        f.write_str(rules.jurisdiction)?;
        for (index, zone) in zones.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { ' ' } else { ',' }, zone.name())?;
        }
        Ok(())
    }
}

impl Lead {
    /// Its place, as far as that follows from the lead and from what the account has set up; the do-not-call list is asked when
    /// it is dialed. `None` when nobody dials it by itself.
    pub fn place(&self, rules: &Rules<'_>, now: DateTime<Utc>) -> Option<Place> {
        let callable = rules.callable || self.goes_over_dnc();
        if self.import_only || !callable || rules.left_out.is_some() || self.is_used_up(rules.max_attempts, rules.tries.as_ref()) {
            return None;
        }
        let at = self.first_allowed(rules)?;
        if self.expires_at.is_some_and(|expires| expires <= at.max(now)) {
            return None;
        }
        let window = (!self.goes_over_window()).then(|| (rules.hours, rules.zones().to_vec()));
        let own = self.callback.as_ref().is_some_and(|callback| callback.agent.is_some());
        Some(Place { rank: self.rank(), at, lane: Lane { own, window } })
    }

    fn rank(&self) -> Rank {
        match () {
            () if self.hot => Rank::Hot,
            () if self.callback.is_some() => Rank::Callback,
            () if self.attempts_total == 0 && self.retry_at.is_none() => Rank::Fresh,
            () => Rank::Retry,
        }
    }

    /// The first moment, since it began to wait, when callback, retry, day cap and window allow it together.
    fn first_allowed(&self, rules: &Rules<'_>) -> Option<DateTime<Utc>> {
        let since = self.hot_at.filter(|_| self.hot).or(self.last_attempt_at).unwrap_or(self.created_at);
        let promised = self.callback.as_ref().map_or(since, |callback| callback.at);
        let mut at = promised.max(self.retry_at.unwrap_or(promised));
        for _ in 0..MAX_ROUNDS {
            let room = rules.has_room(self, at)?;
            let open = if self.goes_over_window() { room } else { rules.opens(room)? };
            if open == at {
                return Some(at);
            }
            at = open;
        }
        None
    }
}
