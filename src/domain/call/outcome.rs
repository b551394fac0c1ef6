//! How an attempt came out: one table from facts to the words of every dialect.

use super::{Attempt, Call, CauseKind};
use crate::domain::routing::Turned;

/// How an attempt came out, as far as the telephone system can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody answered.
    Connected,
    /// Nobody answered.
    NoAnswer,
    /// Busy or rejected.
    Busy,
    /// It could not be set up.
    Failed,
    /// The caller gave up, or a cause we have no word for.
    HungUp,
    /// No news of its end came in time.
    PresumedLost,
    /// A person answered, and no agent was found for him in time.
    Dropped,
    /// A caller was not kept waiting.
    TurnedAway(Turned),
}

/// The words of an outcome.
pub struct Computed {
    /// The system disposition of the dialer world.
    pub disposition: &'static str,
    /// The text of the DynamicsTelephony page.
    pub text: &'static str,
    /// The terminal `event_name` of a dialer_call_event.
    pub event_name: &'static str,
}

impl Outcome {
    /// The table: outcome → disposition, text, event name.
    pub fn words(&self) -> Computed {
        let (disposition, text, event_name) = match self {
            Self::Connected => ("CR_CNCT/CON_CAD", "Connected", "idle"),
            Self::NoAnswer => ("CR_NOANS", "No Answer", "no answer"),
            Self::Busy => ("CR_BUSY", "Busy", "busy"),
            Self::Failed => ("CR_FAILED", "Failed", "error on dial"),
            Self::HungUp => ("CR_HANGUP", "Hung Up", "idle"),
            Self::PresumedLost => ("CR_UNFINISHED", "Presumed Lost", "idle"),
            Self::Dropped => ("CR_DROPPED", "Dropped by the Dialer", "idle"),
            Self::TurnedAway(Turned::Closed) => ("CR_HANGUP", "Closed", "idle"),
            Self::TurnedAway(Turned::Full) => ("CR_HANGUP", "Queue Full", "idle"),
            Self::TurnedAway(Turned::Waited) => ("CR_HANGUP", "Waited Too Long", "idle"),
        };
        Computed { disposition, text, event_name }
    }
}

impl Attempt {
    /// How it came out; `None` while it has not ended. An answered call stays connected whatever a leg's cause says.
    pub fn outcome(&self) -> Option<Outcome> {
        let is_over = self.line.ended_at.is_some() || self.handling.presumed_lost;
        if is_over && self.handling.abandoned && self.line.agent().is_none() {
            return Some(Outcome::Dropped);
        }
        if self.line.ended_at.is_none() {
            return self.handling.presumed_lost.then_some(Outcome::PresumedLost);
        }
        if self.line.answered_at.is_some() {
            return Some(Outcome::Connected);
        }
        if let Some((why, _)) = self.handling.turned {
            return Some(Outcome::TurnedAway(why));
        }
        Some(match self.line.cause().map(|cause| cause.kind) {
            Some(CauseKind::NoAnswer) => Outcome::NoAnswer,
            Some(CauseKind::Busy) => Outcome::Busy,
            Some(CauseKind::Failed) => Outcome::Failed,
            Some(CauseKind::Completed | CauseKind::Other) | None => Outcome::HungUp,
        })
    }

    /// Vtiger's call status: ringing, in-progress, then the cause as the page maps it.
    pub fn call_status(&self) -> &str {
        if self.line.ended_at.is_some() {
            return self.line.cause().map_or("completed", |cause| cause.call_status());
        }
        match () {
            () if self.handling.presumed_lost => "presumed_lost",
            () if self.line.answered_at.is_some() => "in-progress",
            () => "ringing",
        }
    }
}

impl Call {
    /// The outcome to show: the CRM's override, else the agent's choice, else ours.
    pub fn outcome_text(&self) -> Option<&str> {
        let chosen = || self.edits.chosen.as_ref().map(|chosen| chosen.text.as_str());
        let ours = || self.newest().outcome().map(|outcome| outcome.words().text);
        self.edits.computed_outcome.as_deref().or_else(chosen).or_else(ours)
    }

    /// The name of the disposition that its newest attempt came out with: the agent's choice, else ours.
    pub fn disposition(&self) -> Option<&str> {
        let chosen = self.edits.chosen.as_ref().map(|chosen| chosen.disposition.as_str());
        chosen.or_else(|| self.newest().outcome().map(|outcome| outcome.words().disposition))
    }

    /// Whether its agent gave it up: an outcome that is either a connect or an abort, and nobody was reached.
    pub fn is_aborted(&self) -> bool {
        let gave_up = self.edits.chosen.as_ref().is_some_and(|chosen| chosen.is_connect_xor_abort && !chosen.connects);
        gave_up && self.newest().line.answered_at.is_none()
    }
}
