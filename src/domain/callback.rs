//! Callback times: `MM/dd/yyyy HH:mm:ss` on the customer's wall clock, and the instant that is meant by it.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::zone::{Basis, Zones};

/// How a callback time is written: letters stand for digits, the rest for itself.
pub const FORM: &str = "MM/dd/yyyy HH:mm:ss";

/// A text that is no callback time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// It is not written like [`FORM`].
    #[error("a callback time is written {FORM}, such as 08/23/2018 14:20:00: expected {expected} as character {at}, found {found}")]
    Form {
        /// What belongs there.
        expected: String,
        /// Counted from one.
        at: usize,
        /// What is there.
        found: String,
    },
    /// A part of it does not exist.
    #[error("the {part} of a callback time is {first} to {last}, not {found}")]
    Part {
        /// month, day, year, hour, minute or second
        part: &'static str,
        /// The least it can be.
        first: u32,
        /// The most it can be.
        last: u32,
        /// What it is.
        found: u32,
    },
}

/// Reads the text strictly: nothing is guessed, because a callback at a wrong time is worse than none.
///
/// # Errors
/// What was expected where.
pub fn parse(text: &str) -> Result<NaiveDateTime, BadTime> {
    check_form(text)?;
    let month = part(text, "month", 0..2, 1..=12)?;
    let year = part(text, "year", 6..10, 1..=9999)?;
    let first = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, 1));
    let last_day = first.map_or(0, |first| first.num_days_in_month().into());
    let day = part(text, "day", 3..5, 1..=last_day)?;
    let hour = part(text, "hour", 11..13, 0..=23)?;
    let minute = part(text, "minute", 14..16, 0..=59)?;
    let second = part(text, "second", 17..19, 0..=59)?;
    let time = first.and_then(|first| first.with_day(day)).and_then(|date| date.and_hms_opt(hour, minute, second));
    time.ok_or(BadTime::Part { part: "day", first: 1, last: last_day, found: day })
}

/// Compares the text with the form, character by character.
fn check_form(text: &str) -> Result<(), BadTime> {
    let mut written = text.chars();
    let bad = |expected: &str, index: usize, found: Option<char>| BadTime::Form {
        expected: expected.to_owned(),
        at: index + 1,
        found: found.map_or("the end".to_owned(), |c| format!("{c:?}")),
    };
    for (index, wanted) in FORM.chars().enumerate() {
        let found = written.next();
        let (fits, expected) = if wanted.is_ascii_alphabetic() {
            (found.is_some_and(|c| c.is_ascii_digit()), format!("a digit of the {}", name(wanted)))
        } else {
            (found == Some(wanted), format!("{wanted:?}"))
        };
        if !fits {
            return Err(bad(&expected, index, found));
        }
    }
    written.next().map_or(Ok(()), |more| Err(bad("the end", FORM.len(), Some(more))))
}

fn name(letter: char) -> &'static str {
    match letter {
        'M' => "month",
        'd' => "day",
        'y' => "year",
        'H' => "hour",
        'm' => "minute",
        _ => "second",
    }
}

/// The digits of one part, which must be one of those that exist.
fn part(text: &str, part: &'static str, place: std::ops::Range<usize>, exist: RangeInclusive<u32>) -> Result<u32, BadTime> {
    let found = text.get(place).and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX);
    let bad = || BadTime::Part { part, first: *exist.start(), last: *exist.end(), found };
    exist.contains(&found).then_some(found).ok_or_else(bad)
}

/// When to call back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The zone in which it is what the customer said.
    pub zone: Tz,
    /// Whose zone that is.
    pub basis: Basis,
}

/// The instant that a customer means by a time on his wall clock. When he can be in several zones it is the latest of their
/// instants: then the hour that he named has come wherever he is. Nobody is called before his time; a call that is late by a
/// zone still finds him waiting.
pub fn resolve(local: NaiveDateTime, zones: &Zones, account: Tz) -> Due {
    let (basis, zones) = zones.or_account(&account);
    let instants = zones.iter().map(|zone| Due { at: instant(local, *zone), zone: *zone, basis });
    instants.max_by_key(|due| due.at).unwrap_or(Due { at: instant(local, account), zone: account, basis })
}

/// The instant when the zone's clock shows this. A time that it shows twice is the later one, for the reason that makes the
/// latest zone win: at the first one he might have meant the second. A time that it skips moves forward by what was skipped,
/// which is what a clock shows that nobody has moved yet.
fn instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => at.to_utc(),
        MappedLocalTime::Ambiguous(one, other) => one.max(other).to_utc(),
        MappedLocalTime::None => {
            let before = GapInfo::new(&local, &zone).and_then(|gap| gap.begin).map(|(_, offset)| offset.fix().local_minus_utc());
            (local - TimeDelta::seconds(before.unwrap_or_default().into())).and_utc()
        }
    }
}
