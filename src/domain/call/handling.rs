//! The handling: the facet of an attempt that is ours, the steps that move it, and when they must have ended.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Attempt, Fact, Heard, Refused, State, Terms, Told};
use crate::domain::routing::Turned;

/// A person who answered must have an agent within this time, or he counts as abandoned.
pub const CONNECT_WITHIN: TimeDelta = TimeDelta::seconds(2);
/// Nobody is kept waiting for an agent for longer than this.
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::seconds(10);
/// A caller who was turned away is gone within this time, or presumed to be.
const GONE_WITHIN: TimeDelta = TimeDelta::seconds(15);

/// The facet of an attempt that is ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Handling {
    /// Presented to an agent from … until.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// We told the telephone system to dial it, and expect news of it until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordered_until: Option<DateTime<Utc>>,
    /// To whom a caller is offered, and until when he may pick up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offered: Option<(String, DateTime<Utc>)>,
    /// A caller waits in a queue, and is looked at again then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_at: Option<DateTime<Utc>>,
    /// The telephone system asks where he is to go, and rings nobody on our word alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asks: bool,
    /// Why a caller was not kept waiting, and since when that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turned: Option<(Turned, DateTime<Utc>)>,
    /// An agent was found for a call that was dialed ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_at: Option<DateTime<Utc>>,
    /// It was dialed before an agent was found for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_ahead: bool,
    /// Somebody answered, and no agent was found for him in time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub abandoned: bool,
    /// Hung up by us before anybody answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    /// Counted among those that a person answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
    /// The dialer has learnt from it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub learnt: bool,
    /// What its lead was told that it came to, and when to call again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<(String, Option<DateTime<Utc>>)>,
    /// The wrap-up ends here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrap_until: Option<DateTime<Utc>>,
    /// The terminal moment; set once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// The sweeper closed it: no news told its end in time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub presumed_lost: bool,
}

impl Attempt {
    /// When the present state must have ended. `None` once finished.
    pub fn deadline(&self, terms: &Terms) -> Option<DateTime<Utc>> {
        let line = &self.line;
        if self.handling.finished_at.is_some() {
            return None;
        }
        if let Some(until) = self.handling.wrap_until {
            return Some(until);
        }
        if let Some((_, until)) = self.handling.offered.as_ref().filter(|_| self.is_offered()) {
            return Some(*until);
        }
        if let Some(answered) = line.first_heard.answer {
            let patience = if self.handling.abandoned { GIVE_UP_AFTER } else { CONNECT_WITHIN };
            return Some(answered + if self.waits_for_agent() { patience } else { terms.talk });
        }
        if self.state() == Some(State::Incoming) {
            if let Some((_, at)) = self.handling.turned {
                return Some(at + GONE_WITHIN);
            }
            if let Some(at) = self.handling.ask_at {
                return Some(at);
            }
        }
        let by_us = || self.handling.ordered_until.or(self.handling.preview.map(|(_, until)| until));
        line.first_heard.any.map_or_else(by_us, |heard| Some(heard + terms.ringing))
    }

    /// It is presented to its agent, until then.
    pub fn present(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) -> Heard {
        self.handling.preview = Some((now, until));
        Heard { facts: vec![Fact::Entered(State::Preview, now)], store: true }
    }

    /// The telephone system was told to dial it.
    pub fn order(&mut self, until: DateTime<Utc>) -> Heard {
        self.handling.ordered_until = Some(until);
        Heard { facts: vec![], store: true }
    }

    /// Whether somebody may pick it up who has not yet.
    pub fn is_offered(&self) -> bool {
        self.handling.offered.is_some() && self.line.agent().is_none() && self.state() == Some(State::Incoming)
    }

    /// A caller is offered to an agent, who may pick up until then.
    pub fn offer(&mut self, agent: &str, until: DateTime<Utc>) -> Heard {
        self.handling.offered = Some((agent.to_owned(), until));
        Heard { facts: vec![Fact::Updated], store: true }
    }

    /// A caller is offered to nobody any more.
    pub fn withdraw(&mut self) -> Heard {
        self.handling.offered = None;
        Heard { facts: vec![Fact::Updated], store: true }
    }

    /// The telephone system asks where a caller is to go, and does so again until then.
    pub fn await_route(&mut self, until: DateTime<Utc>) -> Heard {
        self.handling.asks = true;
        self.handling.ask_at = Some(until);
        Heard { facts: vec![], store: true }
    }

    /// Whether the telephone system asks where he is to go, and did so lately.
    pub fn is_asked_for(&self) -> bool {
        self.handling.asks && self.handling.ask_at.is_some()
    }

    /// A caller is not kept waiting.
    pub fn turn_away(&mut self, why: Turned, now: DateTime<Utc>) -> Heard {
        self.handling.turned = Some((why, now));
        Heard { facts: vec![Fact::Updated], store: true }
    }

    /// An answered call that was dialed ahead is given to an agent. It has been talked for a moment; to him it is new.
    pub fn assign(&mut self, told: &Told, now: DateTime<Utc>) -> Heard {
        self.tell(told, now);
        self.handling.assigned_at = Some(now);
        Heard { facts: vec![Fact::Entered(State::Talk, now)], store: true }
    }

    /// Whether it was answered, and nobody was found for it yet.
    pub fn waits_for_agent(&self) -> bool {
        self.handling.is_ahead && self.line.answered_at.is_some() && self.line.ended_at.is_none() && self.line.agent().is_none()
    }

    /// Whether the telephone system was told to dial it and has not answered that in any way.
    pub fn is_unheard(&self) -> bool {
        self.handling.ordered_until.is_some() && self.line.first_heard.any.is_none() && self.handling.finished_at.is_none()
    }

    /// Whether it is only a preview: nothing was ordered.
    pub fn is_preview(&self) -> bool {
        self.state() == Some(State::Preview) && self.handling.ordered_until.is_none()
    }

    /// A preview is over without a call.
    ///
    /// # Errors
    /// The state that forbids it.
    pub fn skip(&mut self, now: DateTime<Utc>) -> Result<Heard, Refused> {
        if !self.is_preview() {
            return Err(Refused { wish: "skip_preview", state: self.state() });
        }
        Ok(Heard { facts: self.finish(now), store: true })
    }

    /// Ends what has outlived its deadline at `now`; nothing when the time has not come.
    pub fn expire(&mut self, now: DateTime<Utc>, terms: &Terms) -> Heard {
        if self.deadline(terms).is_none_or(|deadline| deadline > now) {
            return Heard::default();
        }
        if self.is_offered() {
            return self.withdraw();
        }
        if self.state() == Some(State::Incoming) && self.handling.turned.is_none() && self.handling.ask_at.take().is_some() {
            return Heard { facts: vec![], store: true };
        }
        if self.waits_for_agent() && !self.handling.abandoned {
            self.handling.abandoned = true;
            return Heard { facts: vec![Fact::Updated], store: true };
        }
        // a preview that ran out was never on the telephone system: it is over, but not lost
        let was_dialed = self.line.first_heard.any.is_some() || self.handling.ordered_until.is_some();
        self.handling.presumed_lost = self.line.ended_at.is_none() && was_dialed;
        Heard { facts: self.finish(now), store: true }
    }

    /// The agent is done with the wrap-up. Refused unless the call is in wrap-up.
    ///
    /// # Errors
    /// The state that forbids it.
    pub fn end_wrap(&mut self, now: DateTime<Utc>) -> Result<Heard, Refused> {
        match self.state() {
            Some(State::Idle) => Ok(Heard { facts: self.finish(now), store: true }),
            state => Err(Refused { wish: "end_wrap", state }),
        }
    }
}
