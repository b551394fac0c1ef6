//! The people of `simulate`: whether and when each answers, how long he talks, how long his call is wrapped up. Drawn in the
//! order of dialing, so that two modes with one seed dial the same people.

use chrono::TimeDelta;
use rand::{RngExt, rngs::StdRng};
use rand_distr::{Distribution, Gamma, LogNormal};

/// A shift to play.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) agents: usize,
    pub(super) shift: TimeDelta,
    /// The chance that a person answers.
    pub(super) answer_rate: f64,
    /// Means.
    pub(super) answer_after: TimeDelta,
    pub(super) talk: TimeDelta,
    pub(super) wrap_up: TimeDelta,
    /// How long a telephone rings when nobody answers.
    pub(super) ring: TimeDelta,
    /// The part of those who do not answer whose line is busy or dead.
    pub(super) busy: f64,
}

/// After this a busy line is known to be busy.
const BUSY_AFTER: TimeDelta = TimeDelta::seconds(3);

impl Scenario {
    pub(super) fn shift_ms(&self) -> i64 {
        self.shift.num_milliseconds().max(1)
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) answers: bool,
    /// When he answers, or the call ends otherwise.
    pub(super) after: TimeDelta,
    pub(super) talk: TimeDelta,
    pub(super) wrap_up: TimeDelta,
}

/// Everybody on the list.
pub(super) struct People {
    random: StdRng,
    answer_rate: f64,
    ring: TimeDelta,
    busy: f64,
    answer_after: Gamma<f64>,
    talk: LogNormal<f64>,
    wrap_up: Gamma<f64>,
}

impl People {
    /// Times to answer and wrap-ups gather around their mean (gamma, shape 4); talks are mostly short and sometimes long
    /// (log-normal, as wide as its mean).
    pub(super) fn new(scenario: &Scenario, random: StdRng) -> anyhow::Result<Self> {
        let gamma = |mean: TimeDelta| Gamma::new(4.0, mean.as_seconds_f64().max(0.001) / 4.0);
        Ok(Self {
            random,
            answer_rate: scenario.answer_rate,
            ring: scenario.ring,
            busy: scenario.busy,
            answer_after: gamma(scenario.answer_after)?,
            talk: LogNormal::from_mean_cv(scenario.talk.as_seconds_f64().max(0.001), 1.0)?,
            wrap_up: gamma(scenario.wrap_up)?,
        })
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Fate {
        let answers = self.random.random_bool(self.answer_rate);
        // who would answer only when the telephone no more rings answers at its last ring
        let answers_after = time(self.answer_after.sample(&mut self.random)).min(self.ring);
        let (talk, wrap_up) = (time(self.talk.sample(&mut self.random)), time(self.wrap_up.sample(&mut self.random)));
        let busy = self.busy > 0.0 && self.random.random_bool(self.busy);
        let after = match (answers, busy) {
            (true, _) => answers_after,
            (false, true) => BUSY_AFTER.min(self.ring),
            (false, false) => self.ring,
        };
        Fate { answers, after, talk, wrap_up }
    }
}

/// To the millisecond; nothing takes no time.
#[expect(clippy::cast_possible_truncation, reason = "a cast from f64 stays within i64")]
fn time(seconds: f64) -> TimeDelta {
    TimeDelta::milliseconds(((seconds * 1000.0) as i64).max(1))
}
