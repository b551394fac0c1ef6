//! The forecast: who will have answered and who will be free within the next half minute or so, from what was seen. It is
//! made anew now and then, not for every decision. Only sums, products and roots: every machine decides alike.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Situation, Stage, Standing,
    estimates::{Estimates, TALK_WIDTH},
};

/// A ring is looked at in so many steps.
const STEPS: usize = 12;
/// An agent who is free so long after the answer is free in time; the law allows a second more.
const SLACK_S: usize = 1;
const TALK_WIDTH_S: usize = TALK_WIDTH as usize;

/// A chance per step: that it has happened by the end of the step.
type By = [f64; STEPS];

/// Chances by how long something has lasted, made of [`Estimates`].
#[derive(Clone, Debug)]
pub struct Forecast {
    /// That a call is answered, by its age in seconds.
    answered: Vec<By>,
    /// When a new call is answered if it is: the chance per step.
    answers_in: By,
    /// That an agent in wrap-up is ready, by seconds.
    wrapped_up: Vec<By>,
    /// That a talking agent is ready, by bins of his talk.
    talked: Vec<By>,
}

impl Forecast {
    /// The forecast for telephones that ring for so long.
    pub fn new(estimates: &Estimates, ring: TimeDelta) -> Self {
        let step = usize::try_from(ring.num_seconds()).unwrap_or(0).clamp(STEPS, 120).div_ceil(STEPS);
        let answered = answered(estimates, step);
        let new = answered[0];
        let answers_in = each(|index| part(new[index] - if index == 0 { 0.0 } else { new[index - 1] }, new[STEPS - 1]));
        let wrap = estimates.wrap_up.shorter();
        let ready = |age: usize| each(|index| part(at(&wrap, age + (index + 1) * step + SLACK_S) - wrap[age], 1.0 - wrap[age]));
        Self { answers_in, wrapped_up: (0..wrap.len()).map(ready).collect(), talked: talked(estimates, step), answered }
    }

    /// What comes of the calls in flight and of the agents.
    pub(super) fn outlook(&self, situation: &Situation<'_>, ready: u32) -> Outlook<'_> {
        let mut outlook = Outlook { forecast: self, mean: [-f64::from(ready); STEPS], variance: [0.0; STEPS] };
        for call in situation.calls {
            match call.stage {
                Stage::Answered { .. } => outlook.mean.iter_mut().for_each(|mean| *mean += 1.0),
                Stage::Dialing | Stage::Ringing { .. } => outlook.add(self.answered_by(seconds(situation.now, call.launched)), 1.0),
            }
        }
        for agent in situation.agents {
            match agent {
                Standing::Talking { since } => {
                    let bin = seconds(situation.now, *since) / TALK_WIDTH_S;
                    outlook.add(&self.talked[bin.min(self.talked.len() - 1)], -1.0);
                }
                Standing::WrappingUp { since } => {
                    let age = seconds(situation.now, *since);
                    outlook.add(&self.wrapped_up[age.min(self.wrapped_up.len() - 1)], -1.0);
                }
                Standing::Ready | Standing::Leaving | Standing::Away => {}
            }
        }
        outlook
    }

    fn answered_by(&self, age: usize) -> &By {
        &self.answered[age.min(self.answered.len() - 1)]
    }
}

/// The chances that a call is answered, by its age: of those that are neither answered nor over at that age.
fn answered(estimates: &Estimates, step: usize) -> Vec<By> {
    let (answer, fail, rate) = (estimates.answer_after.shorter(), estimates.fail_after.shorter(), estimates.answer_rate());
    let by = |age: usize| {
        let open = rate * (1.0 - answer[age]) + (1.0 - rate) * (1.0 - fail[age]);
        each(|index| part(rate * (at(&answer, age + (index + 1) * step) - answer[age]), open))
    };
    (0..answer.len()).map(by).collect()
}

/// The chances that a talking agent is ready again, by how long he has talked: the talk ends in one step, the wrap-up fits
/// into the steps that are left.
fn talked(estimates: &Estimates, step: usize) -> Vec<By> {
    let (talk, wrap) = (estimates.talk.shorter(), estimates.wrap_up.shorter());
    let wrapped: By = each(|steps| at(&wrap, steps * step + step / 2 + SLACK_S));
    let by = |bin: usize| {
        // taken in the middle of its bin
        let age = bin * TALK_WIDTH_S + TALK_WIDTH_S / 2;
        let before = talk_shorter(&talk, age);
        let ended: By = each(|index| part(talk_shorter(&talk, age + (index + 1) * step) - before, 1.0 - before));
        let ends_in: By = each(|index| ended[index] - if index == 0 { 0.0 } else { ended[index - 1] });
        each(|index| (0..=index).map(|ends| ends_in[ends] * wrapped[index - ends]).sum())
    };
    (0..talk.len()).map(by).collect()
}

/// How many more people than agents there will be at the end of each step, if nothing new is opened: mean and variance.
pub(super) struct Outlook<'a> {
    forecast: &'a Forecast,
    mean: By,
    variance: By,
}

impl Outlook<'_> {
    fn add(&mut self, chance: &By, sign: f64) {
        for (index, chance) in chance.iter().enumerate() {
            self.mean[index] += sign * chance;
            self.variance[index] += chance * (1.0 - chance);
        }
    }

    /// With one more new line.
    pub(super) fn open(&mut self) {
        let forecast = self.forecast;
        self.add(forecast.answered_by(0), 1.0);
    }

    /// The chance that a new line, if a person answers it, makes one person too many, himself or one who answers later.
    pub(super) fn risk(&self) -> f64 {
        let (mut worst, mut risk) = (0.0_f64, 0.0);
        for index in (0..STEPS).rev() {
            worst = worst.max(none_free(self.mean[index], self.variance[index]));
            risk += self.forecast.answers_in[index] * worst;
        }
        risk
    }
}

/// The chance that at least as many people as agents are there: the normal law, corrected for counts.
fn none_free(mean: f64, variance: f64) -> f64 {
    let above = mean + 0.5;
    if variance < 1e-9 {
        return if above > 0.0 { 1.0 } else { 0.0 };
    }
    normal(above / variance.sqrt())
}

/// The normal distribution at 0, 1/4, … 4.
const NORMAL: [f64; 17] = [
    0.5, 0.598_706, 0.691_462, 0.773_373, 0.841_345, 0.894_350, 0.933_193, 0.959_941, 0.977_250, 0.987_776, 0.993_790, 0.997_020,
    0.998_650, 0.999_423, 0.999_767, 0.999_912, 0.999_968,
];

/// The normal distribution, straight between the values of the table: at most three thousandths off.
fn normal(x: f64) -> f64 {
    let (mut place, mut above) = (x.abs() * 4.0, NORMAL[NORMAL.len() - 1]);
    for pair in NORMAL.windows(2) {
        if place < 1.0 {
            above = pair[0] + (pair[1] - pair[0]) * place;
            break;
        }
        place -= 1.0;
    }
    if x < 0.0 { 1.0 - above } else { above }
}

fn each(value: impl Fn(usize) -> f64) -> By {
    std::array::from_fn(value)
}

/// A part of a whole; all of it where nothing is left of the whole.
fn part(part: f64, whole: f64) -> f64 {
    if whole < 1e-9 { 1.0 } else { (part / whole).clamp(0.0, 1.0) }
}

/// The part that is shorter than so many bins.
fn at(shorter: &[f64], bins: usize) -> f64 {
    shorter[bins.min(shorter.len() - 1)]
}

/// The part of talks that are shorter than so many seconds: straight within a bin.
fn talk_shorter(talk: &[f64], seconds: usize) -> f64 {
    let (bin, rest) = (seconds / TALK_WIDTH_S, u32::try_from(seconds % TALK_WIDTH_S).unwrap_or(0));
    let low = at(talk, bin);
    low + (at(talk, bin + 1) - low) * f64::from(rest) / f64::from(TALK_WIDTH)
}

fn seconds(now: DateTime<Utc>, since: DateTime<Utc>) -> usize {
    usize::try_from((now - since).num_seconds()).unwrap_or(0)
}
