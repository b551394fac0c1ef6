//! What becomes of a lead after a dial, by how that came out: whether it is tried again, and not before when.
//!
//! # Assumptions
//! - A dial is an attempt from its beginning on: [`Lead::dial`] counts it, [`Lead::came_out`] says what follows. Whoever dies in
//!   between has dialed.
//! - A lead is hot until it was dialed, and an override holds for the dial that was asked for: after it everything binds.
//! - A promised call that reached nobody stays promised for as long as the lead is tried again: the same agent calls, at the later
//!   time.
//! - Whoever looked at a lead and passed it over has not dialed: it stays hot, or promised, and comes again later.
//! - What no rule lets be tried again keeps its outcome. So it comes back by itself when somebody allows more.

use chrono::{DateTime, Utc};

use super::{Callback, Lead, Rules};
use crate::domain::{
    dialing::{Dialing, max_attempts, retry_after},
    disposition::{Callable, Disposition, resolve},
    setup::Setup,
};

/// The outcome of a preview that ended without a dial.
pub const SKIP: &str = "SKIP";

/// The outcome of a dial of which nobody said anything: an empty one would be that of a lead that nobody has dialed.
const UNKNOWN: &str = "UNKNOWN";

/// How a dial came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came<'a> {
    /// The name of a disposition: the agent's choice, or what was found automatically, such as `CR_NOANS`.
    pub outcome: &'a str,
    /// A call that the agent promised.
    pub callback: Option<Callback>,
}

/// What becomes of the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It is dialed again, not before then.
    Again(DateTime<Utc>),
    /// A call is promised for then.
    Promised(DateTime<Utc>),
    /// It is dialed no more.
    NoMore(NoMore),
}

/// Why a lead is dialed no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMore {
    /// Nobody is called again after this outcome.
    NotCallable,
    /// It came out so too often.
    Retries,
    /// It was dialed too often in all.
    MaxAttempts,
}

impl Lead {
    /// It is being dialed.
    pub fn dial(&mut self, rules: &Rules<'_>, at: DateTime<Utc>) {
        self.attempts = rules.attempts_of_day(self, at) + 1;
        self.attempts_total += 1;
        self.last_attempt_at = Some(at);
        self.touch(at);
    }

    /// The dial is over. An outcome that nobody knows is kept, and the lead is left alone.
    pub fn came_out(&mut self, setup: &Setup, came: Came<'_>, now: DateTime<Utc>) -> After {
        let promise = self.callback.take();
        (self.hot, self.hot_at, self.retry_at) = (false, None, None);
        (self.dial_non_callables, self.check_window) = (false, true);
        self.touch(now);
        let (known, dialing) = self.note_outcome(setup, came.outcome);
        let Some(known) = known.filter(|known| known.callable) else { return After::NoMore(NoMore::NotCallable) };
        if let Some(callback) = came.callback {
            let at = callback.at;
            self.callback = Some(callback);
            return After::Promised(at);
        }
        if self.attempts_total >= max_attempts(dialing) {
            return After::NoMore(NoMore::MaxAttempts);
        }
        let retry = retry_after(dialing, &known.name);
        if self.outcomes.get(known.name.as_ref()).is_some_and(|came| *came > retry.times) {
            return After::NoMore(NoMore::Retries);
        }
        let at = now + retry.after();
        self.retry_at = Some(at);
        match promise.filter(|_| !known.connects) {
            Some(promise) => {
                self.callback = Some(Callback { at, ..promise });
                After::Promised(at)
            }
            None => After::Again(at),
        }
    }

    /// An agent looked at it and did not dial: it is shown again, not before the time that this gives.
    pub fn skipped(&mut self, setup: &Setup, now: DateTime<Utc>) -> DateTime<Utc> {
        let (_, dialing) = self.note_outcome(setup, SKIP);
        let at = now + retry_after(dialing, SKIP).after();
        self.retry_at = Some(at);
        self.touch(now);
        at
    }

    /// Writes the outcome down and counts it; the disposition that it names, and how the campaign is dialed.
    fn note_outcome<'a>(&mut self, setup: &'a Setup, outcome: &str) -> (Option<&'a Disposition>, Option<&'a Dialing>) {
        let campaign = setup.campaigns.get(&self.campaign);
        let dialing = campaign.and_then(|campaign| campaign.dialing.as_ref());
        let outcome = if outcome.trim().is_empty() { UNKNOWN } else { outcome };
        let known = match resolve(Some(outcome), setup.dispositions_of(&self.campaign), &setup.dispositions) {
            Callable::By(known) => Some(known),
            Callable::Fresh | Callable::Unknown => None,
        };
        self.call_status = Some(known.map_or_else(|| outcome.trim().to_owned(), |known| known.name.to_string()));
        if let Some(known) = known {
            *self.outcomes.entry(known.name.to_string()).or_default() += 1;
        }
        (known, dialing)
    }

    fn touch(&mut self, now: DateTime<Utc>) {
        self.updated_at = now;
        self.version += 1;
    }
}
