//! What came of all shifts of one mode: figures for the table, for programs and for the picture.

use serde_json::{Value, json};

use super::{
    people::Scenario,
    world::{PARTS, Part, Played},
};

/// All shifts of one mode.
pub(super) struct Sum {
    pub(super) name: &'static str,
    /// What all agents together could talk in one shift, in milliseconds.
    time_ms: i64,
    shifts: Vec<(u64, Played)>,
}

/// A figure for each part of the shift: in the mean, and the least and the most of all shifts.
pub(super) type Course = Vec<(f64, f64, f64)>;

impl Sum {
    pub(super) fn new(name: &'static str, scenario: &Scenario) -> Self {
        let agents = i64::try_from(scenario.agents).unwrap_or(i64::MAX);
        Self { name, time_ms: scenario.shift_ms().saturating_mul(agents), shifts: Vec::new() }
    }

    pub(super) fn add(&mut self, seed: u64, played: Played) {
        self.shifts.push((seed, played));
    }

    pub(super) fn last_talk_ms(&self) -> i64 {
        self.shifts.last().map_or(0, |(_, played)| played.talk_ms)
    }

    /// In all shifts.
    pub(super) fn talk_ms(&self) -> i64 {
        self.shifts.iter().map(|(_, played)| played.talk_ms).sum()
    }

    /// Moments when the law did not hold.
    pub(super) fn broken(&self) -> u64 {
        self.shifts.iter().map(|(_, played)| played.broken).sum()
    }

    /// One object per shift.
    pub(super) fn lines(&self) -> impl Iterator<Item = Value> {
        self.shifts.iter().map(|(seed, played)| {
            let (mean, p90) = waits(&played.waits_ms);
            json!({
                "mode": self.name,
                "seed": seed,
                "talkShare": ratio(played.talk_ms, self.time_ms),
                "dialed": played.dialed,
                "answered": played.tally.answered,
                "abandoned": played.tally.abandoned,
                "abandonedRate": rate(played),
                "waitMeanSeconds": mean,
                "waitP90Seconds": p90,
                "broken": played.broken,
            })
        })
    }

    /// The row of the table: per shift in the mean.
    pub(super) fn row(&self) -> Value {
        let count = self.shifts.len();
        let each = |figure| format!("{:.0}", share_of(float(self.total(figure)), count));
        let mut all: Vec<i64> = self.shifts.iter().flat_map(|(_, played)| &played.waits_ms).copied().collect();
        all.sort_unstable();
        let (mean, p90) = waits(&all);
        let worst = self.shifts.iter().map(|(_, played)| rate(played)).fold(0.0, f64::max);
        json!({
            "mode": self.name,
            "talk share": self.talk_share(),
            "dialed": each(|played| played.dialed),
            "answered": each(|played| played.tally.answered),
            "abandoned": each(|played| played.tally.abandoned),
            "rate": self.abandoned_rate(),
            "worst rate": percent(worst, 2),
            "mean wait": mean.map(|seconds| format!("{seconds:.1} s")),
            "90 % wait": p90.map(|seconds| format!("{seconds:.1} s")),
        })
    }

    fn total(&self, figure: fn(&Played) -> u64) -> u64 {
        self.shifts.iter().map(|(_, played)| figure(played)).sum()
    }

    /// The part of the agents' time in which they talked.
    pub(super) fn talk_share(&self) -> String {
        percent(share_of(ratio(self.talk_ms(), self.time_ms), self.shifts.len()), 1)
    }

    /// The part of the answered calls that were abandoned.
    pub(super) fn abandoned_rate(&self) -> String {
        let (answered, abandoned) = (self.total(|played| played.tally.answered), self.total(|played| played.tally.abandoned));
        percent(if answered == 0 { 0.0 } else { float(abandoned) / float(answered) }, 2)
    }

    /// The talk share over the shift, in percent.
    pub(super) fn talk_shares(&self) -> Course {
        let time = self.time_ms / i64::try_from(PARTS).unwrap_or(1);
        self.course(|parts| parts.iter().map(|part| 100.0 * ratio(part.talk_ms, time)).collect())
    }

    /// How many of a hundred answered calls were abandoned until then.
    pub(super) fn abandonment(&self) -> Course {
        self.course(|parts| {
            let sums = parts.iter().scan((0, 0), |(answered, abandoned), part| {
                *answered += part.tally.answered;
                *abandoned += part.tally.abandoned;
                Some(if *answered == 0 { 0.0 } else { 100.0 * float(*abandoned) / float(*answered) })
            });
            sums.collect()
        })
    }

    fn course(&self, figure: impl Fn(&[Part]) -> Vec<f64>) -> Course {
        let courses: Vec<Vec<f64>> = self.shifts.iter().map(|(_, played)| figure(&played.parts)).collect();
        let at = |part: usize| {
            let values = || courses.iter().map(|course| course[part]);
            (share_of(values().sum(), courses.len()), values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max))
        };
        (0..PARTS).map(at).collect()
    }
}

fn rate(played: &Played) -> f64 {
    if played.tally.answered == 0 { 0.0 } else { float(played.tally.abandoned) / float(played.tally.answered) }
}

/// Mean and ninth decile of sorted waits, in seconds.
fn waits(sorted_ms: &[i64]) -> (Option<f64>, Option<f64>) {
    let p90 = sorted_ms.get(sorted_ms.len() * 9 / 10).map(|ms| ratio(*ms, 1_000));
    let mean = (!sorted_ms.is_empty()).then(|| share_of(ratio(sorted_ms.iter().sum(), 1_000), sorted_ms.len()));
    (mean, p90)
}

/// A sum divided among so many; nothing among none.
pub(super) fn share_of(sum: f64, count: usize) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

pub(super) fn ratio(part: i64, whole: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of shifts are far below 2^53")]
    let float = |count: i64| count as f64;
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

fn float(count: u64) -> f64 {
    ratio(i64::try_from(count).unwrap_or(i64::MAX), 1)
}

/// As people read it.
pub(super) fn percent(part: f64, digits: usize) -> String {
    format!("{:.digits$} %", part * 100.0)
}
