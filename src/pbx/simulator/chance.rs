//! What is left to chance in the life of a call. Each draw follows from the seed, the call's name and what is asked, and from nothing
//! else: so a call lives the same life whatever other calls there are, and in whatever order they come.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::domain::telephone::{Shares, Span};

/// The chance of one call.
#[derive(Clone, Copy)]
pub(super) struct Chance<'a> {
    pub(super) seed: u64,
    pub(super) call: &'a str,
}

/// How a called number comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Busy,
    NoAnswer,
    Machine,
    Failed,
}

impl Chance<'_> {
    fn draw(self, what: &str) -> u64 {
        let digest = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(self.call).chain_update([0]).chain_update(what);
        digest.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// A number within the span.
    fn within(self, what: &str, Span(from, to): Span) -> i64 {
        i64::from(from) + i64::try_from(self.draw(what) % (u64::from(to.saturating_sub(from)) + 1)).unwrap_or_default()
    }

    pub(super) fn seconds(self, what: &str, span: Span) -> TimeDelta {
        TimeDelta::seconds(self.within(what, span))
    }

    pub(super) fn millis(self, what: &str, span: Span) -> TimeDelta {
        TimeDelta::milliseconds(self.within(what, span))
    }

    /// Whether it happens, when it does so `share` times of a hundred.
    pub(super) fn happens(self, what: &str, share: u8) -> bool {
        self.draw(what) % 100 < u64::from(share)
    }

    pub(super) fn outcome(self, shares: Shares) -> Outcome {
        let all = [
            (shares.answered, Outcome::Answered),
            (shares.busy, Outcome::Busy),
            (shares.no_answer, Outcome::NoAnswer),
            (shares.machine, Outcome::Machine),
            (shares.failed, Outcome::Failed),
        ];
        let sum: u64 = all.iter().map(|(share, _)| u64::from(*share)).sum();
        let mut left = self.draw("outcome") % sum.max(1);
        for (share, outcome) in all {
            match left.checked_sub(u64::from(share)) {
                Some(rest) => left = rest,
                None => return outcome,
            }
        }
        Outcome::Failed
    }
}
