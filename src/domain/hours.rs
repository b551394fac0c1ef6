//! Hours of the week on a wall clock: whether they hold, and when they do next.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc, WeekdaySet};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// No zone changes its clock twice within this time. Within eight days some did.
const STEADY: TimeDelta = TimeDelta::days(1);

/// A time on the wall clock, to the minute; 24:00 is the end of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// The time at `hour`:`minute`.
    pub const fn new(hour: u16, minute: u16) -> Self {
        Self(hour * 60 + minute)
    }

    fn of(local: NaiveDateTime) -> u32 {
        local.hour() * 60 + local.minute()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let read = || {
            let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5)?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(Self::new(hour, minute))
        };
        read().ok_or_else(|| D::Error::custom("expected a time of day such as \"08:00\", at most \"24:00\""))
    }
}

/// The hours of some days of a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The days.
    pub days: WeekdaySet,
    /// From this minute on,
    pub from: TimeOfDay,
    /// and no more at this one.
    pub to: TimeOfDay,
}

impl Hours {
    fn hold(&self, local: NaiveDateTime) -> bool {
        let minute = TimeOfDay::of(local);
        self.days.contains(local.weekday()) && (u32::from(self.from.0)..u32::from(self.to.0)).contains(&minute)
    }
}

/// Whether any of these hold when the wall clock shows this. A time that the clock shows twice is judged alike both times.
pub fn hold(hours: &[Hours], local: NaiveDateTime) -> bool {
    hours.iter().any(|hours| hours.hold(local))
}

/// The first time from `start` and before `end` when any of them hold, on a wall clock that nobody moves meanwhile.
fn opening(hours: &[Hours], start: NaiveDateTime, end: NaiveDateTime) -> Option<NaiveDateTime> {
    if hold(hours, start) {
        return Some(start);
    }
    let days = start.date().iter_days().take_while(|day| *day <= end.date());
    let openings = days.flat_map(|day| {
        let on_this_day = hours.iter().filter(move |hours| hours.days.contains(day.weekday()));
        on_this_day.map(move |hours| day.and_time(NaiveTime::MIN) + TimeDelta::minutes(hours.from.0.into()))
    });
    openings.filter(|opening| (start..end).contains(opening)).min()
}

/// The first instant from `start` and before `end` when any of them hold in this zone. Its clock is followed from one change to the
/// next: hours that begin within a gap begin when the gap is over; those that begin within a fold begin twice, since the clock goes
/// back to before them.
pub fn next_in(hours: &[Hours], zone: Tz, start: DateTime<Utc>, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut at = start;
    while at < end {
        let (offset, until) = steady(zone, at, end.min(at + STEADY));
        if let Some(opening) = opening(hours, at.naive_utc() + offset, until.naive_utc() + offset) {
            return Some((opening - offset).and_utc());
        }
        at = until;
    }
    None
}

/// How far the zone's clock is ahead of UTC at `start`, and until when: the clock's next change, or `end` when there is none before.
fn steady(zone: Tz, start: DateTime<Utc>, end: DateTime<Utc>) -> (TimeDelta, DateTime<Utc>) {
    let ahead = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    let offset = ahead(start);
    let until = if ahead(end) == offset { end } else { change(start, end, |at| ahead(at) == offset) };
    (TimeDelta::seconds(offset.into()), until)
}

/// The second when something stops being true that is so at `start` and is not at `end`.
fn change(start: DateTime<Utc>, end: DateTime<Utc>, still: impl Fn(DateTime<Utc>) -> bool) -> DateTime<Utc> {
    let (mut low, mut high) = (start.timestamp(), end.timestamp());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if DateTime::from_timestamp(middle, 0).is_some_and(&still) { low = middle } else { high = middle }
    }
    DateTime::from_timestamp(high, 0).unwrap_or(end)
}
