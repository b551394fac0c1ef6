//! The call law: what a piece of news means for a call.
//!
//! A [`Call`] lives longer than one try on the telephone system: it has 1..n [`Attempt`]s. An attempt has two facets.
//! The *line* is moved only by news ([`Attempt::hear`], total and idempotent, in any order and with any copies).
//! The *handling* is ours: preview, wrap-up, finished. What a screen shows is a pure function of both ([`Attempt::state`]).

mod handling;
mod intent;
mod line;
mod news;
mod outcome;
mod timeline;
mod verbs;
mod view;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::{
    handling::{CONNECT_WITHIN, GIVE_UP_AFTER, Handling},
    intent::{Chosen, Intent, LeadOfCall},
    line::Line,
    news::{Cause, CauseKind, Certainty, Direction, News, NewsKind, Told},
    outcome::{Computed, Outcome},
    timeline::Segment,
    verbs::{HandlingVerb, allowed, offered_verbs},
    view::{CallObject, wire_seconds},
};
use super::merge::Change;

/// What a screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = CallState)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Presented to the agent before dialing.
    Preview,
    /// Offered to the agent.
    Incoming,
    /// Dialed, the other side has not answered.
    Ringing,
    /// The parties talk.
    Talk,
    /// One side is on hold.
    Hold,
    /// Released; the wrap-up runs.
    Idle,
    /// Over. The one terminal state.
    End,
}

impl State {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Incoming => "incoming",
            Self::Ringing => "ringing",
            Self::Talk => "talk",
            Self::Hold => "hold",
            Self::Idle => "idle",
            Self::End => "end",
        }
    }
}

/// How long transient states may last. Past its limit a state is ended by the sweeper.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Wrap-up after a conversation; zero when the agent is not signed in.
    pub wrap_up: TimeDelta,
    /// Ringing without an answer.
    pub ringing: TimeDelta,
    /// Talking without an end.
    pub talk: TimeDelta,
}

/// What changed: becomes one journal entry each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A state was entered, at that time.
    Entered(State, DateTime<Utc>),
    /// Something else that shows: a recording, a number, an owner.
    Updated,
    /// The attempt came out; a result row is due.
    Result,
}

/// The facts of one step and whether the record must be stored at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// In the order they happened.
    pub facts: Vec<Fact>,
    /// Whether the record changed, be it silently.
    pub store: bool,
}

/// One `dialer_call`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The dtCallId.
    pub id: Uuid,
    /// When we first heard of it.
    pub created_at: DateTime<Utc>,
    /// Counts the facts of this call; rides in every entry, so that a reader can drop an older object.
    pub version: i64,
    /// Oldest first; never empty.
    pub attempts: Vec<Attempt>,
    /// What people and the CRM set on the record.
    pub edits: Edits,
    /// Whom the customer's number belongs to, looked up once it is known.
    pub party: Option<PartyRef>,
    /// Why we started it, if we did.
    pub intent: Option<Intent>,
}

/// Fields of a call that the CRM sets, beside the news.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Edits {
    /// The CRM's own id of this phone call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_call_id: Option<String>,
    /// What the call is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Full name of the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// An outcome that overrides ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_outcome: Option<String>,
    /// The outcome that its agent chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// What its agent wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// A party of the CRM that a number belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyRef {
    /// contact, account, case, lead, user …
    pub kind: String,
    /// The CRM's id.
    pub id: String,
    /// Full name.
    pub name: String,
}

/// One try on the telephone system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// 1, 2, …
    pub number: i64,
    /// The configured telephone system; 0 is the native door.
    pub gateway: i64,
    /// Its id of this call.
    pub pbx_call_id: String,
    /// What news told.
    pub line: Line,
    /// What is ours.
    pub handling: Handling,
}

impl Call {
    /// A call of which the first news has just come.
    pub fn open(id: Uuid, gateway: i64, pbx_call_id: String, now: DateTime<Utc>) -> Self {
        Self {
            id,
            created_at: now,
            version: 0,
            attempts: vec![Attempt::new(1, gateway, pbx_call_id)],
            edits: Edits::default(),
            party: None,
            intent: None,
        }
    }

    /// A call that we start, of which no news has come.
    pub fn start(id: Uuid, gateway: i64, pbx_call_id: String, intent: Intent, told: &Told, now: DateTime<Utc>) -> Self {
        let mut call = Self { intent: Some(intent), ..Self::open(id, gateway, pbx_call_id, now) };
        if let Some(attempt) = call.attempts.last_mut() {
            attempt.tell(told, now);
        }
        call
    }

    /// The attempt that news and screens mean.
    ///
    /// # Panics
    /// Never: a call is made with one attempt and loses none.
    #[expect(clippy::expect_used, reason = "a call has at least one attempt by construction")]
    pub fn newest(&self) -> &Attempt {
        self.attempts.last().expect("a call has an attempt")
    }

    /// Whether news for this PBX call id starts a call of its own: nothing is known of the id, or start news comes when
    /// the newest attempt has been over for longer than `window` (some senders count their ids from one after a restart).
    pub fn starts_anew(known: Option<&Attempt>, news: &News, window: TimeDelta) -> bool {
        let Some(attempt) = known else { return true };
        news.kind == NewsKind::Started && attempt.handling.finished_at.is_some_and(|finished| finished + window < news.observed_at)
    }

    /// `open`, `retry` or `closed`.
    pub fn status(&self) -> &'static str {
        if self.newest().handling.finished_at.is_some() { "closed" } else { "open" }
    }

    /// How many attempts came out in a way, or were answered.
    pub fn count(&self, which: impl Fn(&Attempt) -> bool) -> i64 {
        i64::try_from(self.attempts.iter().filter(|attempt| which(attempt)).count()).unwrap_or(i64::MAX)
    }
}

impl Attempt {
    /// An attempt of which nothing is known yet.
    pub fn new(number: i64, gateway: i64, pbx_call_id: String) -> Self {
        Self { number, gateway, pbx_call_id, line: Line::default(), handling: Handling::default() }
    }

    /// What a screen shows; `None` while nothing is known that a screen could show.
    pub fn state(&self) -> Option<State> {
        let line = &self.line;
        if self.handling.finished_at.is_some() {
            return Some(State::End);
        }
        if line.ended_at.is_some() {
            return Some(State::Idle);
        }
        if line.answered_at.is_some() {
            return Some(if self.is_held() { State::Hold } else { State::Talk });
        }
        // without a direction there is nothing to pop: the call might be our own
        if let (Some(_), Some(direction)) = (line.started_at, line.direction()) {
            return Some(if direction.is_offered() { State::Incoming } else { State::Ringing });
        }
        self.handling.preview.map(|_| State::Preview)
    }

    /// When the present state was entered.
    pub fn state_time(&self) -> Option<DateTime<Utc>> {
        match self.state()? {
            State::Preview => self.handling.preview.map(|(since, _)| since),
            State::Incoming | State::Ringing => self.line.started_at,
            State::Talk | State::Hold => self.timeline().last().map(|segment| segment.since),
            State::Idle => self.line.ended_at,
            State::End => self.handling.finished_at,
        }
    }

    /// Records what we know of a call that we start, or whom we gave it to. It moves nothing; the telephone system's own word
    /// counts more.
    pub fn tell(&mut self, told: &Told, now: DateTime<Utc>) {
        self.line.tell(told, now);
    }

    /// Whose call it is: who talks, else to whom it is offered.
    pub fn agent(&self) -> Option<&str> {
        self.line.agent().or_else(|| self.handling.offered.as_ref().map(|(agent, _)| agent.as_str()))
    }

    /// What a piece of news means. Total: it cannot fail; copies and any order end in the same line.
    pub fn hear(&mut self, news: &News, terms: &Terms) -> Heard {
        let before = self.state();
        let outcome_before = self.outcome();
        let change = self.line.merge(news);
        if change == Change::Nothing {
            return Heard::default();
        }
        let mut facts = Vec::new();
        let after = self.state();
        if after != before {
            if let (Some(state), Some(at)) = (after, self.state_time()) {
                facts.push(Fact::Entered(state, at));
            }
        } else if change == Change::Visible {
            facts.push(Fact::Updated);
        }
        match self.handling.finished_at {
            // a late cause may say more than the one the result was made of
            Some(_) if self.outcome() != outcome_before => facts.push(Fact::Result),
            Some(_) => {}
            None => facts.extend(self.wrap_up(news.observed_at, terms)),
        }
        Heard { facts, store: true }
    }

    /// Starts the wrap-up once the line has ended; without one to do, the attempt finishes at once.
    fn wrap_up(&mut self, now: DateTime<Utc>, terms: &Terms) -> Vec<Fact> {
        let Some(end_heard) = self.line.first_heard.end else { return vec![] };
        let to_do = self.line.answered_at.is_some() && self.agent().is_some();
        let until = end_heard + if to_do { terms.wrap_up } else { TimeDelta::zero() };
        self.handling.wrap_until = Some(until);
        if until <= now { self.finish(until.max(end_heard)) } else { vec![] }
    }

    /// The one place that ends an attempt: exactly one terminal fact, then its result.
    fn finish(&mut self, at: DateTime<Utc>) -> Vec<Fact> {
        if self.handling.finished_at.is_some() {
            return vec![];
        }
        self.handling.finished_at = Some(at);
        vec![Fact::Entered(State::End, at), Fact::Result]
    }
}

/// A wish that the state does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{wish} needs another state of the call: it is {}", state.map_or("not presented yet", State::word))]
pub struct Refused {
    /// The verb.
    pub wish: &'static str,
    /// The state the call is in.
    pub state: Option<State>,
}
