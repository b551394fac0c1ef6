//! Calling windows: when the law of the called party's country lets his telephone ring, by his own wall clock.

use chrono::{
    DateTime, NaiveDateTime, TimeDelta, Utc,
    Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed},
    WeekdaySet,
};
use chrono_tz::Tz;
use rlibphonenumber::PHONE_NUMBER_UTIL;

use super::{
    hours::{self, Hours, TimeOfDay},
    phone::Number,
    zone::{Basis, Zones},
};

/// How far ahead the next permitted moment is looked for: every weekday once, and one more.
const HORIZON: TimeDelta = TimeDelta::days(8);

/// What is permitted in one jurisdiction. A set is never changed: other hours are a set with another version, so that a
/// refusal that was written down can be read later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSet {
    /// Names this set, and only it.
    pub version: &'static str,
    /// The region whose law this is, or `default`.
    pub jurisdiction: &'static str,
    /// A call is permitted when any of these permit it.
    pub hours: &'static [Hours],
}

const WORKDAYS: WeekdaySet = WeekdaySet::from_array([Mon, Tue, Wed, Thu, Fri]);
const WEEKEND: WeekdaySet = WeekdaySet::from_array([Sat, Sun]);

const fn hours(days: WeekdaySet, from: (u16, u16), to: (u16, u16)) -> Hours {
    Hours { days, from: TimeOfDay::new(from.0, from.1), to: TimeOfDay::new(to.0, to.1) }
}

/// Every jurisdiction with hours of its own, after the default. Public holidays are not known here.
const RULE_SETS: &[RuleSet] = &[
    RuleSet { version: "default-1", jurisdiction: "default", hours: &[hours(WeekdaySet::ALL, (8, 0), (21, 0))] },
    // 47 CFR 64.1200(c)(1), 16 CFR 310.4(c); some states allow less
    RuleSet { version: "US-1", jurisdiction: "US", hours: &[hours(WeekdaySet::ALL, (8, 0), (21, 0))] },
    // Unsolicited Telecommunications Rules of the CRTC, part III
    RuleSet { version: "CA-1", jurisdiction: "CA", hours: &[hours(WORKDAYS, (9, 0), (21, 30)), hours(WEEKEND, (10, 0), (18, 0))] },
    // Telecommunications (Telemarketing and Research Calls) Industry Standard 2017
    RuleSet {
        version: "AU-1",
        jurisdiction: "AU",
        hours: &[hours(WORKDAYS, (9, 0), (20, 0)), hours(WeekdaySet::single(Sat), (9, 0), (17, 0))],
    },
    // Code de la consommation, D. 223-9
    RuleSet { version: "FR-1", jurisdiction: "FR", hours: &[hours(WORKDAYS, (10, 0), (13, 0)), hours(WORKDAYS, (14, 0), (20, 0))] },
];

impl RuleSet {
    /// The default: 8:00 to 21:00 every day.
    pub const DEFAULT: &'static Self = &RULE_SETS[0];

    /// Every set, the default first.
    pub fn all() -> &'static [Self] {
        RULE_SETS
    }

    /// The set of a region, two letters such as `US`; the default where there is none.
    pub fn of_region(region: &str) -> &'static Self {
        RULE_SETS.iter().find(|rules| rules.jurisdiction.eq_ignore_ascii_case(region)).unwrap_or(Self::DEFAULT)
    }

    /// The set of the region that the number belongs to; the default when that cannot be told.
    pub fn of_number(number: &Number) -> &'static Self {
        let region = PHONE_NUMBER_UTIL.parse(number.as_str(), None).ok().and_then(|parsed| parsed.get_region_code());
        region.map_or(Self::DEFAULT, |region| Self::of_region(region.as_region_str().as_str()))
    }

    /// The first instant from `start` and before `end` when a call is permitted in all zones at once.
    fn next_in_all(&self, zones: &[Tz], start: DateTime<Utc>, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut at = start;
        loop {
            let later = zones.iter().try_fold(at, |at, zone| hours::next_in(self.hours, *zone, at, end))?;
            if later == at {
                return Some(at);
            }
            at = later;
        }
    }
}

/// Whether the telephone may ring now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whose zone was judged in. With the account's, nobody knows where the called party is.
    pub basis: Basis,
    /// Why not; `None` when permitted.
    pub refusal: Option<Refusal>,
}

impl Verdict {
    /// Whether the telephone may ring.
    pub fn is_permitted(&self) -> bool {
        self.refusal.is_none()
    }
}

/// What forbids a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is {} in {zone}, which is no calling hour there by the rules {version}", local.format("%A %H:%M"))]
pub struct Refusal {
    /// The first zone, by name, that forbids it.
    pub zone: Tz,
    /// What the clock shows there.
    pub local: NaiveDateTime,
    /// Whose law it is.
    pub jurisdiction: &'static str,
    /// The version of the rule set.
    pub version: &'static str,
    /// The first instant when a call is permitted in all zones; `None` when there is none within eight days.
    pub next_allowed: Option<DateTime<Utc>>,
}

/// The first instant from then on when a call is permitted in all zones: then, when it is; `None` when there is none within
/// eight days.
pub fn opens(zones: &Zones, account: Tz, rules: &RuleSet, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
    rules.next_in_all(zones.or_account(&account).1, from, from + HORIZON)
}

/// Judges a call at `now`. The window must be open in every zone that the called party can be in; when that is unknown, in
/// the account's zone.
pub fn permits(zones: &Zones, account: Tz, rules: &RuleSet, now: DateTime<Utc>) -> Verdict {
    let (basis, zones) = zones.or_account(&account);
    let local = |zone: Tz| now.with_timezone(&zone).naive_local();
    let forbidding = zones.iter().copied().find(|zone| !hours::hold(rules.hours, local(*zone)));
    let refusal = forbidding.map(|zone| Refusal {
        zone,
        local: local(zone),
        jurisdiction: rules.jurisdiction,
        version: rules.version,
        next_allowed: rules.next_in_all(zones, now, now + HORIZON),
    });
    Verdict { basis, refusal }
}
