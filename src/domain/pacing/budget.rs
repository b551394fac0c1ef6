//! The budget: how many calls may be in flight without a ready agent, so that abandonment stays below its cap whatever
//! becomes of them. Counts and whole numbers only: nothing is rounded where the law is at stake.

use std::fmt;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The tally reaches over this many days, today among them.
pub const WINDOW_DAYS: u64 = 30;
/// The law's cap: what no campaign may go above.
pub const CAP: Share = Share(300);
/// What is aimed at below the cap.
pub const TARGET: Share = Share(250);

const WHOLE: u128 = 10_000;

/// A part of a whole, in basis points: 300 are 3 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(value_type = u16)]
pub struct Share(u16);

impl Share {
    /// So many of ten thousand; `None` above the whole.
    pub const fn new(basis_points: u16) -> Option<Self> {
        if basis_points <= 10_000 { Some(Self(basis_points)) } else { None }
    }

    /// Basis points.
    pub const fn basis_points(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        if part == 0 { write!(f, "{whole} %") } else { write!(f, "{} %", format!("{whole}.{part:02}").trim_end_matches('0')) }
    }
}

/// What a campaign holds itself to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Limits {
    cap: Share,
    target: Share,
}

/// Limits that the law does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLimits {
    /// Above the law's cap.
    #[error("the cap is {0}, expected at most {CAP}")]
    Cap(Share),
    /// Aims above its own cap.
    #[error("the target is {target}, expected at most the cap of {cap}")]
    Target {
        /// Aimed at.
        target: Share,
        /// The cap.
        cap: Share,
    },
}

impl Limits {
    /// The law's own.
    pub const LAW: Self = Self { cap: CAP, target: TARGET };

    /// A campaign may be stricter than the law.
    ///
    /// # Errors
    /// When it would be laxer, or the target is above the cap.
    pub fn new(cap: Share, target: Share) -> Result<Self, BadLimits> {
        if cap > CAP {
            return Err(BadLimits::Cap(cap));
        }
        if target > cap {
            return Err(BadLimits::Target { target, cap });
        }
        Ok(Self { cap, target })
    }

    /// Never more than this.
    pub const fn cap(self) -> Share {
        self.cap
    }

    /// What a predictor aims at.
    pub const fn target(self) -> Share {
        self.target
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::LAW
    }
}

/// Calls of a campaign that a person answered. A call comes in here when it is decided: connected, or abandoned. While it
/// waits for an agent it is still in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// Answered by a person, abandoned ones included.
    pub answered: u64,
    /// Of these, abandoned.
    pub abandoned: u64,
}

impl Tally {
    /// With one more call.
    #[must_use]
    pub const fn and(self, abandoned: bool) -> Self {
        Self { answered: self.answered.saturating_add(1), abandoned: self.abandoned.saturating_add(abandoned as u64) }
    }

    /// The sum of the days from `first` on. A day after today, by a clock that is ahead, counts too.
    fn since(first: NaiveDate, days: &[(NaiveDate, Self)]) -> Self {
        days.iter().filter(|(day, _)| *day >= first).fold(Self::default(), |sum, (_, tally)| Self {
            answered: sum.answered.saturating_add(tally.answered),
            abandoned: sum.abandoned.saturating_add(tally.abandoned),
        })
    }
}

/// What a campaign may still do, from its limits and its tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// What it holds itself to.
    pub limits: Limits,
    /// The last thirty days, or the last twenty-nine, whichever leave less room.
    pub tally: Tally,
    /// Today alone.
    pub today: Tally,
}

impl Budget {
    /// The budget on a day. A call that is in flight at midnight is judged without the day that leaves the window then: a
    /// good day long ago must not be what keeps the law now. So the law is kept with it and without it.
    pub fn of(limits: Limits, days: &[(NaiveDate, Tally)], today: NaiveDate) -> Self {
        let ending = |ahead: u64| {
            let first = today.checked_add_days(Days::new(ahead)).and_then(|last| last.checked_sub_days(Days::new(WINDOW_DAYS - 1)));
            Tally::since(first.unwrap_or(NaiveDate::MIN), days)
        };
        let with = |tally| Self { limits, tally, today: Tally::since(today, days) };
        let (now, tomorrow) = (with(ending(0)), with(ending(1)));
        if tomorrow.slack() < now.slack() { tomorrow } else { now }
    }

    /// Whether the law is kept with so many calls in flight that no ready agent covers, even if a person answers each of
    /// them and each is abandoned: abandoned + uncovered ≤ cap × (answered + uncovered).
    pub fn holds(&self, uncovered: u32) -> bool {
        let Tally { answered, abandoned } = self.tally;
        let uncovered = u128::from(uncovered);
        WHOLE * (u128::from(abandoned) + uncovered) <= u128::from(self.limits.cap.0) * (u128::from(answered) + uncovered)
    }

    /// The most calls in flight without cover with which the law is kept; with none answered there are none.
    pub fn room(&self) -> u32 {
        let room = self.slack() / i128::from(10_000 - self.limits.cap.0);
        u32::try_from(room.max(0)).unwrap_or(u32::MAX)
    }

    /// How far the abandoned ones are below the cap, in ten-thousandths of a call.
    fn slack(&self) -> i128 {
        i128::from(self.limits.cap.0) * i128::from(self.tally.answered) - 10_000 * i128::from(self.tally.abandoned)
    }
}
