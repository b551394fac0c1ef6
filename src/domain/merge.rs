//! Merging what news say, so that neither their order nor copies of them matter.
//!
//! A [`Claim`] is one statement with its weight and time. Of two claims one always wins, by a total order; merging is
//! therefore commutative, associative and idempotent, and so is every record that is made of claims.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a merge did to a record. `Silent` must be stored, so that later merges come out right, but shows nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Nothing,
    Silent,
    Visible,
}

impl std::ops::BitOrAssign for Change {
    fn bitor_assign(&mut self, other: Self) {
        *self = (*self).max(other);
    }
}

/// A statement: its weight, when it was true, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Claim<T>(u8, DateTime<Utc>, T);

/// Which of two claims of equal weight holds.
#[derive(Clone, Copy)]
pub(super) enum Prefer {
    Earliest,
    Latest,
}

/// A field that claims compete for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Field<T>(Option<Claim<T>>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq + PartialOrd> Field<T> {
    /// The value that holds now.
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|claim| &claim.2)
    }

    /// Whether nothing was ever said; keeps stored records short.
    pub(super) fn is_unset(&self) -> bool {
        self.0.is_none()
    }

    /// Takes the claim if it beats the one held. The change is silent when the same value holds for a better reason.
    pub(super) fn claim(&mut self, prefer: Prefer, weight: u8, at: DateTime<Utc>, value: Option<T>) -> Change {
        let Some(value) = value else { return Change::Nothing };
        let Some(held) = &self.0 else {
            self.0 = Some(Claim(weight, at, value));
            return Change::Visible;
        };
        let by_time = match prefer {
            Prefer::Earliest => held.1.cmp(&at),
            Prefer::Latest => at.cmp(&held.1),
        };
        // equal weight and time: the smaller value, so that the winner never depends on who came first
        let wins = weight.cmp(&held.0).then(by_time).is_gt() || (weight == held.0 && at == held.1 && value < held.2);
        if !wins {
            return Change::Nothing;
        }
        let change = if value == held.2 { Change::Silent } else { Change::Visible };
        self.0 = Some(Claim(weight, at, value));
        change
    }
}

/// Keeps the earlier of two instants.
pub(super) fn earliest(held: &mut Option<DateTime<Utc>>, at: DateTime<Utc>) -> Change {
    let earlier = held.is_none_or(|held| at < held);
    if !earlier {
        return Change::Nothing;
    }
    *held = Some(at);
    Change::Visible
}

/// Keeps the greater of two figures.
pub(super) fn greatest(held: &mut Option<i64>, figure: Option<i64>) -> Change {
    if figure <= *held {
        return Change::Nothing;
    }
    *held = figure;
    Change::Visible
}
