//! What is left to do with a message that goes out: when it is given to its provider, and how often that was tried.
//!
//! A try begins with a claim that is stored before the request leaves. Who claimed it either says what came of it, or is never heard
//! of again: then nobody knows whether the provider has the message, and it is not tried again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Pauses between tries. There is one try more than there are pauses.
const PAUSES: [TimeDelta; 5] =
    [TimeDelta::seconds(10), TimeDelta::seconds(30), TimeDelta::minutes(2), TimeDelta::minutes(10), TimeDelta::minutes(30)];
/// The longest pause that a provider may ask for.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// A claim of which nothing was heard for so long is lost. Longer than any request and its commit take.
pub const LEASE: TimeDelta = TimeDelta::minutes(3);

/// What is left to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Errand {
    #[serde(default)]
    tries: usize,
    step: Step,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Step {
    /// It waits for this time.
    Waiting { at: DateTime<Utc> },
    /// Somebody is giving it to the provider.
    Given { claim: Uuid, until: DateTime<Utc> },
    /// Nothing.
    #[default]
    Done,
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It may be given to the provider.
    Yes,
    /// Somebody else has it, or it is done, or its time has not come.
    No,
    /// Whoever had it was lost with it.
    Lost,
}

impl Errand {
    /// A message that is to be sent now.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { tries: 0, step: Step::Waiting { at: now } }
    }

    /// When somebody must look at it next.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        match self.step {
            Step::Waiting { at } => Some(at),
            Step::Given { until, .. } => Some(until),
            Step::Done => None,
        }
    }

    /// Claims it. The same claim may be made twice: a commit of unknown outcome is done anew.
    pub fn claim(&mut self, claim: Uuid, now: DateTime<Utc>) -> Claimed {
        match self.step {
            Step::Waiting { at } if at <= now => {
                self.tries += 1;
                self.step = Step::Given { claim, until: now + LEASE };
                Claimed::Yes
            }
            Step::Given { claim: held, .. } if held == claim => Claimed::Yes,
            Step::Given { until, .. } if until <= now => {
                self.step = Step::Done;
                Claimed::Lost
            }
            _ => Claimed::No,
        }
    }

    /// After a try that surely failed: whether another one follows, no sooner than the provider asks. Only for the one whose
    /// claim holds.
    pub fn again(&mut self, claim: Uuid, now: DateTime<Utc>, no_sooner: Option<TimeDelta>) -> bool {
        let holds = matches!(self.step, Step::Given { claim: held, .. } if held == claim);
        let Some(pause) = PAUSES.get(self.tries.saturating_sub(1)).filter(|_| holds) else { return false };
        let pause = (*pause).max(no_sooner.unwrap_or_default().min(LONGEST_PAUSE));
        self.step = Step::Waiting { at: now + pause };
        true
    }

    /// Nothing is left to do.
    pub fn end(&mut self) {
        self.step = Step::Done;
    }

    /// Whether it waits for another try, or somebody else's claim holds.
    pub fn is_anothers(&self, claim: Uuid) -> bool {
        match self.step {
            Step::Waiting { .. } => true,
            Step::Given { claim: held, .. } => held != claim,
            Step::Done => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn one_claim_holds_until_it_is_lost() {
        let (mine, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut errand = Errand::new(at(0));
        assert_eq!(errand.claim(mine, at(-1)), Claimed::No, "its time has not come");
        assert_eq!(
            (errand.claim(mine, at(0)), errand.claim(mine, at(0)), errand.claim(theirs, at(0))),
            (Claimed::Yes, Claimed::Yes, Claimed::No)
        );
        assert_eq!((errand.tries, errand.is_anothers(mine), errand.is_anothers(theirs)), (1, false, true));
        assert!(!errand.clone().again(theirs, at(0), None), "only who holds it knows what came of it");
        let lost = at(0) + LEASE;
        assert_eq!(errand.due_at(), Some(lost));
        assert_eq!((errand.claim(theirs, lost), errand.claim(theirs, lost), errand.due_at()), (Claimed::Lost, Claimed::No, None));
        assert!(!errand.again(mine, lost, None));
    }

    #[test]
    fn tries_are_bounded_and_pauses_grow() {
        let claim = Uuid::nil();
        let (mut errand, mut now, mut pauses) = (Errand::new(at(0)), at(0), vec![]);
        while errand.claim(claim, now) == Claimed::Yes && errand.again(claim, now, None) {
            let next = errand.due_at().unwrap();
            pauses.push((next - now).num_seconds());
            now = next;
        }
        assert_eq!((pauses, errand.tries), (vec![10, 30, 120, 600, 1800], 6));
    }

    #[test]
    fn a_provider_may_ask_for_a_longer_pause_but_not_for_ever() {
        for (asked, pause) in [(5, 10), (60, 60), (1_000_000, 3600)] {
            let mut errand = Errand::new(at(0));
            errand.claim(Uuid::nil(), at(0));
            assert!(errand.again(Uuid::nil(), at(0), Some(TimeDelta::seconds(asked))));
            assert_eq!(errand.due_at(), Some(at(pause)), "{asked}");
        }
    }
}
