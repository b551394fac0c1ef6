//! What a campaign's earlier calls teach: how often and how soon people answer, how long calls and wrap-ups take. It begins
//! with cautious guesses that weigh little, and newer calls weigh more than older ones.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::histogram::{Histogram, ONE};

/// About so many of the last calls say how often people answer.
const REMEMBERED: u32 = 1_024;
/// What the first guess weighs, in calls.
const GUESSED: u32 = 20;
/// The width of a bin of talks, in seconds.
pub(super) const TALK_WIDTH: u32 = 10;

/// What was seen. Keep it with the campaign; it is small, and without it the dialer is cautious again for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimates {
    answered: u32,
    launched: u32,
    /// From launch to answer, of calls that a person answered.
    pub(super) answer_after: Histogram<1, 120>,
    /// From launch to end, of all others.
    pub(super) fail_after: Histogram<1, 120>,
    pub(super) talk: Histogram<TALK_WIDTH, 120>,
    pub(super) wrap_up: Histogram<1, 300>,
}

impl Default for Estimates {
    /// Of a campaign that never dialed: every second person answers, within half a minute; calls take long.
    fn default() -> Self {
        let (answered, launched) = (GUESSED / 2 * ONE, GUESSED * ONE);
        let (answer_after, fail_after) = (Histogram::new(), Histogram::new());
        let mut guess = Self { answered, launched, answer_after, fail_after, talk: Histogram::new(), wrap_up: Histogram::new() };
        for step in 0..i64::from(GUESSED) {
            guess.answer_after.add(TimeDelta::milliseconds(1_500 * step));
            guess.fail_after.add(TimeDelta::seconds(30));
            guess.talk.add(TimeDelta::seconds(20 * step));
            guess.wrap_up.add(TimeDelta::seconds(3 * step));
        }
        guess
    }
}

impl Estimates {
    /// A person answered, so long after the launch.
    pub fn answered(&mut self, after: TimeDelta) {
        self.launched(true);
        self.answer_after.add(after);
    }

    /// It ended otherwise, so long after the launch: busy, a machine, no answer. Calls that we cancelled teach nothing.
    pub fn unanswered(&mut self, after: TimeDelta) {
        self.launched(false);
        self.fail_after.add(after);
    }

    /// An agent talked for so long.
    pub fn talked(&mut self, length: TimeDelta) {
        self.talk.add(length);
    }

    /// An agent wrapped up for so long.
    pub fn wrapped_up(&mut self, length: TimeDelta) {
        self.wrap_up.add(length);
    }

    fn launched(&mut self, answered: bool) {
        self.answered = self.answered.saturating_add(if answered { ONE } else { 0 });
        self.launched = self.launched.saturating_add(ONE);
        if self.launched > REMEMBERED * ONE {
            self.answered /= 2;
            self.launched /= 2;
        }
    }

    /// The part of launched calls that a person answers: no less than it may well be, one standard deviation above the mean.
    pub(super) fn answer_rate(&self) -> f64 {
        let launched = f64::from(self.launched.max(1));
        let mean = (f64::from(self.answered) / launched).min(1.0);
        (mean + (mean * (1.0 - mean) * f64::from(ONE) / launched).sqrt()).min(1.0)
    }
}
