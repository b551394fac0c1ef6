//! How long something takes, as counts per length. Newer counts weigh more: when there are many, all are halved.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// What one length counts, so that it is forgotten by halves and not at once.
pub(super) const ONE: u32 = 16;
/// All are halved when there are more lengths.
const REMEMBERED: u32 = 512;

/// Counts of lengths in bins of `WIDTH` seconds. The last bin holds all that is longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u32>", into = "Vec<u32>")]
pub(super) struct Histogram<const WIDTH: u32, const BINS: usize>([u32; BINS]);

impl<const WIDTH: u32, const BINS: usize> Histogram<WIDTH, BINS> {
    /// Without counts.
    pub(super) fn new() -> Self {
        Self([0; BINS])
    }

    /// Counts a length.
    pub(super) fn add(&mut self, length: TimeDelta) {
        let bin = usize::try_from(length.num_seconds().max(0) / i64::from(WIDTH)).unwrap_or(usize::MAX).min(BINS - 1);
        self.0[bin] = self.0[bin].saturating_add(ONE);
        if self.0.iter().fold(0, |sum: u32, count| sum.saturating_add(*count)) > REMEMBERED * ONE {
            self.0.iter_mut().for_each(|count| *count /= 2);
        }
    }

    /// The part of all that is shorter than so many bins, for 0 up to the number of bins but one: the last bin has no end.
    pub(super) fn shorter(&self) -> [f64; BINS] {
        let total: f64 = self.0.iter().map(|count| f64::from(*count)).sum();
        let mut below = 0.0;
        self.0.map(|count| {
            let part = if total > 0.0 { below / total } else { 0.0 };
            below += f64::from(count);
            part
        })
    }
}

impl<const WIDTH: u32, const BINS: usize> From<Vec<u32>> for Histogram<WIDTH, BINS> {
    /// One that was stored with more or fewer bins is cut or filled up.
    fn from(counts: Vec<u32>) -> Self {
        let mut counts = counts.into_iter();
        Self(std::array::from_fn(|_| counts.next().unwrap_or_default()))
    }
}

impl<const WIDTH: u32, const BINS: usize> From<Histogram<WIDTH, BINS>> for Vec<u32> {
    /// Without the empty bins at the end.
    fn from(histogram: Histogram<WIDTH, BINS>) -> Self {
        let used = histogram.0.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        histogram.0[..used].to_vec()
    }
}
