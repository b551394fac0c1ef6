//! How a call queue receives its callers: when it is open, how many may wait and for how long, and where the others go.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    hours::{self, Hours, TimeOfDay},
    phone::Number,
};

/// Whoever has waited for this long waits no more, whatever is set.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);
/// Most callers that may be set to wait.
pub const MAX_WAITING: i64 = 10_000;
/// How far ahead the next opening is looked for.
const HORIZON: TimeDelta = TimeDelta::days(60);

/// Some days of the week with their hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Opening {
    /// `Mon` to `Sun`.
    #[schema(value_type = Vec<String>, min_items = 1, example = json!(["Mon", "Fri"]))]
    pub days: Vec<Weekday>,
    /// From this minute on, `HH:MM`,
    #[schema(value_type = String, pattern = "^[0-9]{2}:[0-9]{2}$", example = "08:00")]
    pub from: TimeOfDay,
    /// and no more at this one; `24:00` is the end of the day.
    #[schema(value_type = String, pattern = "^[0-9]{2}:[0-9]{2}$", example = "18:00")]
    pub to: TimeOfDay,
}

/// How callers are received. What is not set does not bind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Reception {
    /// When it is open; always when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Opening>,
    /// Days on which it is closed all the same.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub closed_on: BTreeSet<NaiveDate>,
    /// Whose wall clock counts; the account's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Europe/Berlin")]
    pub zone: Option<Tz>,
    /// Where callers go who ring while it is closed; they are hung up on when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_to: Option<Number>,
    /// Most callers that wait at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_waiting: Option<i64>,
    /// Longest wait, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_wait_s: Option<i64>,
    /// Where callers go for whom there is no place, or who have waited too long; they are hung up on when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow_to: Option<Number>,
}

/// Why a caller is not kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turned {
    /// He rang while it was closed.
    Closed,
    /// As many wait as may.
    Full,
    /// He has waited for as long as one may.
    Waited,
}

impl Turned {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Full => "full",
            Self::Waited => "waited",
        }
    }
}

impl Reception {
    /// What is wrong with it: the field, and what was expected.
    ///
    /// # Errors
    /// The first that is.
    pub fn check(&self) -> Result<(), (String, String)> {
        for (index, opening) in self.hours.iter().enumerate() {
            if opening.days.is_empty() {
                return Err((format!("hours[{index}].days"), "expected at least one day, Mon to Sun".to_owned()));
            }
            if opening.from >= opening.to {
                let expected = "expected a time after \"from\"; hours past midnight are two, each on its own day";
                return Err((format!("hours[{index}].to"), expected.to_owned()));
            }
        }
        if self.max_waiting.is_some_and(|most| !(0..=MAX_WAITING).contains(&most)) {
            return Err(("maxWaiting".to_owned(), format!("expected 0 to {MAX_WAITING}")));
        }
        let longest = LONGEST_WAIT.num_seconds();
        if self.max_wait_s.is_some_and(|seconds| !(1..=longest).contains(&seconds)) {
            return Err(("maxWaitS".to_owned(), format!("expected 1 to {longest} seconds")));
        }
        Ok(())
    }

    /// Whether callers are taken at `at`; `account` is the account's zone.
    pub fn is_open(&self, account: Tz, at: DateTime<Utc>) -> bool {
        let local = at.with_timezone(&self.zone.unwrap_or(account)).naive_local();
        !self.closed_on.contains(&local.date()) && (self.hours.is_empty() || hours::hold(&self.week(), local))
    }

    /// When it opens next, from `at` on; `None` when it does not within sixty days.
    pub fn opens(&self, account: Tz, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let zone = self.zone.unwrap_or(account);
        let (week, end) = (self.week(), at + HORIZON);
        let mut from = at;
        while from < end {
            let open = if self.hours.is_empty() { from } else { hours::next_in(&week, zone, from, end)? };
            let day = open.with_timezone(&zone).date_naive();
            if !self.closed_on.contains(&day) {
                return Some(open);
            }
            from = next_day(zone, day, open);
        }
        None
    }

    /// How long one may wait.
    pub fn patience(&self) -> TimeDelta {
        self.max_wait_s.map_or(LONGEST_WAIT, TimeDelta::seconds)
    }

    /// Where a caller goes who is turned away.
    pub fn elsewhere(&self, why: Turned) -> Option<&Number> {
        match why {
            Turned::Closed => self.closed_to.as_ref(),
            Turned::Full | Turned::Waited => self.overflow_to.as_ref(),
        }
    }

    /// Why a caller for whom nobody is free does not wait: he has done so since `since`, with so many before him.
    pub fn turns_away(&self, since: DateTime<Utc>, before: usize, now: DateTime<Utc>) -> Option<Turned> {
        let place = i64::try_from(before).unwrap_or(i64::MAX);
        if now - since >= self.patience() {
            return Some(Turned::Waited);
        }
        self.max_waiting.is_some_and(|most| place >= most).then_some(Turned::Full)
    }

    fn week(&self) -> Vec<Hours> {
        self.hours
            .iter()
            .map(|opening| Hours { days: opening.days.iter().copied().collect(), from: opening.from, to: opening.to })
            .collect()
    }
}

/// The first instant after `after` that belongs to a later day than this one; an hour later where the clock shows no midnight.
fn next_day(zone: Tz, day: NaiveDate, after: DateTime<Utc>) -> DateTime<Utc> {
    let midnight = day.succ_opt().and_then(|next| zone.from_local_datetime(&next.and_time(NaiveTime::MIN)).earliest());
    midnight.map(|at| at.to_utc()).filter(|at| *at > after).unwrap_or(after + TimeDelta::hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn office() -> Reception {
        serde_json::from_value(serde_json::json!({
            "hours": [{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "from": "08:00", "to": "18:00"}],
            "closedOn": ["2026-12-25"], "zone": "Europe/Berlin", "maxWaiting": 2, "maxWaitS": 60,
        }))
        .unwrap()
    }

    #[test]
    fn hours_are_those_of_the_wall_clock() {
        let office = office();
        // a Friday in winter: one hour ahead of UTC
        assert!(!office.is_open(Tz::UTC, at("2026-11-20T06:59:59Z")));
        assert!(office.is_open(Tz::UTC, at("2026-11-20T07:00:00Z")));
        assert!(!office.is_open(Tz::UTC, at("2026-11-20T17:00:00Z")));
        assert_eq!(office.opens(Tz::UTC, at("2026-11-20T17:00:00Z")), Some(at("2026-11-23T07:00:00Z")), "on Monday");
        assert_eq!(office.opens(Tz::UTC, at("2026-11-20T09:00:00Z")), Some(at("2026-11-20T09:00:00Z")), "it is");
        // the first Monday of summer time
        assert_eq!(office.opens(Tz::UTC, at("2026-03-28T12:00:00Z")), Some(at("2026-03-30T06:00:00Z")));
    }

    #[test]
    fn a_closed_day_is_closed_whatever_the_week_says() {
        let office = office();
        assert!(!office.is_open(Tz::UTC, at("2026-12-25T10:00:00Z")));
        assert_eq!(office.opens(Tz::UTC, at("2026-12-24T18:00:00Z")), Some(at("2026-12-28T07:00:00Z")), "Christmas is a Friday");
        let always = Reception { closed_on: office.closed_on.clone(), ..Reception::default() };
        assert_eq!(always.opens(Tz::UTC, at("2026-12-25T10:00:00Z")), Some(at("2026-12-26T00:00:00Z")));
    }

    #[test]
    fn one_waits_for_a_place_and_for_so_long() {
        let (office, since) = (office(), at("2026-11-20T09:00:00Z"));
        assert_eq!(office.turns_away(since, 1, since), None);
        assert_eq!(office.turns_away(since, 2, since), Some(Turned::Full));
        assert_eq!(office.turns_away(since, 0, since + TimeDelta::seconds(59)), None);
        assert_eq!(office.turns_away(since, 0, since + TimeDelta::seconds(60)), Some(Turned::Waited));
        assert_eq!(Reception::default().turns_away(since, 9999, since + LONGEST_WAIT), Some(Turned::Waited));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let night = Opening { days: vec![Weekday::Mon], from: TimeOfDay::new(22, 0), to: TimeOfDay::new(6, 0) };
        let nights = Reception { hours: vec![night], ..Reception::default() };
        assert_eq!(nights.check().unwrap_err().0, "hours[0].to");
        let nobody = Reception { max_wait_s: Some(0), ..Reception::default() };
        assert_eq!(nobody.check().unwrap_err().0, "maxWaitS");
        assert_eq!(office().check(), Ok(()));
    }
}
