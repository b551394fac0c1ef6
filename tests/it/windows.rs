//! Calling windows: what each jurisdiction permits, in whose zone it is judged, when the next call may be made, and that all of
//! this holds while clocks are moved.

use std::collections::BTreeSet;

use chrono::{
    DateTime, Datelike, NaiveDateTime, TimeDelta, Utc,
    Weekday::{self, Fri, Mon, Sun},
    WeekdaySet,
};
use chrono_tz::{
    America::{Los_Angeles, New_York, Noronha, Phoenix, St_Johns},
    Australia::{Lord_Howe, Perth, Sydney},
    Europe::{Berlin, Paris},
    Pacific::{Apia, Auckland, Honolulu},
    Tz,
};
use cti_gateway::domain::{
    hours::{Hours, TimeOfDay},
    phone::Number,
    window::{Refusal, RuleSet, permits},
    zone::{Basis, Zones},
};
use proptest::{collection::vec, prelude::*, sample::select};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn local(text: &str) -> NaiveDateTime {
    text.parse().expect("a time")
}

fn zones<const N: usize>(zones: [Tz; N]) -> Zones {
    zones.into_iter().collect()
}

fn number(canonical: &str) -> Number {
    Number::from_canonical(canonical.to_owned())
}

/// A rule set of our own.
fn rules(hours: &[(WeekdaySet, (u16, u16), (u16, u16))]) -> RuleSet {
    let hours: Vec<Hours> = hours
        .iter()
        .map(|(days, from, to)| Hours { days: *days, from: TimeOfDay::new(from.0, from.1), to: TimeOfDay::new(to.0, to.1) })
        .collect();
    RuleSet { version: "test-1", jurisdiction: "test", hours: hours.leak() }
}

/// What forbids a call, or nothing. The account is in Honolulu, where it would show if its zone were taken.
fn refusal(zones: &Zones, rules: &RuleSet, now: &str) -> Option<Refusal> {
    let verdict = permits(zones, Honolulu, rules, utc(now));
    assert_eq!(verdict.basis, if zones.is_unknown() { Basis::Account } else { Basis::Number });
    assert_eq!(verdict.is_permitted(), verdict.refusal.is_none());
    verdict.refusal
}

/// When the next call may be made, for a call that may not be made now.
fn next(zones: &Zones, rules: &RuleSet, now: &str) -> Option<DateTime<Utc>> {
    refusal(zones, rules, now).expect("a refusal").next_allowed
}

#[test]
fn the_default_is_eight_to_nine_every_day() {
    let berlin = zones([Berlin]);
    // a week of November: Berlin is an hour ahead
    for day in 16..23 {
        for (time, permitted) in [("06:59:59", false), ("07:00:00", true), ("19:59:59", true), ("20:00:00", false), ("00:00:00", false)] {
            let now = format!("2026-11-{day}T{time}Z");
            assert_eq!(refusal(&berlin, RuleSet::DEFAULT, &now).is_none(), permitted, "{now}");
        }
    }
}

#[test]
fn a_refusal_says_where_and_why_and_until_when() {
    let refused = refusal(&zones([New_York, Los_Angeles]), RuleSet::of_region("US"), "2026-11-20T13:30:15Z").expect("a refusal");
    assert_eq!(
        refused,
        Refusal {
            zone: Los_Angeles,
            local: local("2026-11-20T05:30:15"),
            jurisdiction: "US",
            version: "US-1",
            next_allowed: Some(utc("2026-11-20T16:00:00Z")),
        }
    );
    assert_eq!(refused.to_string(), "it is Friday 05:30 in America/Los_Angeles, which is no calling hour there by the rules US-1");
}

#[test]
fn the_window_must_be_open_in_all_zones() {
    let both = zones([New_York, Los_Angeles]);
    let judge = |now| refusal(&both, RuleSet::DEFAULT, now).map(|refusal| (refusal.zone, refusal.next_allowed));
    // New York is open from 13:00 to 02:00 UTC, Los Angeles from 16:00 to 05:00
    assert_eq!(judge("2026-11-20T15:59:59Z"), Some((Los_Angeles, Some(utc("2026-11-20T16:00:00Z")))));
    assert_eq!(judge("2026-11-20T16:00:00Z"), None);
    assert_eq!(judge("2026-11-21T01:59:59Z"), None);
    assert_eq!(judge("2026-11-21T02:00:00Z"), Some((New_York, Some(utc("2026-11-21T16:00:00Z")))));
    assert_eq!(judge("2026-11-21T08:00:00Z"), Some((Los_Angeles, Some(utc("2026-11-21T16:00:00Z")))), "the first that forbids");
    // eleven hours of clocks leave two
    let russia = Zones::of(&number("+78005553535"));
    assert_eq!(next(&russia, RuleSet::DEFAULT, "2026-11-20T12:00:00Z"), Some(utc("2026-11-21T06:00:00Z")));
    assert!(refusal(&russia, RuleSet::DEFAULT, "2026-11-21T08:59:59Z").is_none());
    assert_eq!(refusal(&russia, RuleSet::DEFAULT, "2026-11-21T09:00:00Z").map(|refusal| refusal.zone.name()), Some("Asia/Anadyr"));
}

#[test]
fn an_unknown_number_is_judged_in_the_accounts_zone_and_said_to_be() {
    for canonical in ["1001", "+18005551234", "+870773111632"] {
        let unknown = Zones::of(&number(canonical));
        let verdict = permits(&unknown, Berlin, RuleSet::DEFAULT, utc("2026-11-20T07:00:00Z"));
        assert_eq!((verdict.basis, verdict.refusal), (Basis::Account, None), "{canonical}");
        let verdict = permits(&unknown, Berlin, RuleSet::DEFAULT, utc("2026-11-20T20:00:00Z"));
        let refused = verdict.refusal.expect("a refusal");
        assert_eq!((verdict.basis, refused.zone), (Basis::Account, Berlin), "{canonical}");
        assert_eq!(refused.next_allowed, Some(utc("2026-11-21T07:00:00Z")), "{canonical}");
    }
    let known = permits(&Zones::of(&number("+4930123456")), New_York, RuleSet::DEFAULT, utc("2026-11-20T07:00:00Z"));
    assert_eq!((known.basis, known.refusal), (Basis::Number, None), "New York sleeps");
}

#[test]
fn every_rule_set_is_sound() {
    let all = RuleSet::all();
    assert_eq!(all[0], *RuleSet::DEFAULT);
    assert_eq!(all[0].jurisdiction, "default");
    let versions: BTreeSet<&str> = all.iter().map(|rules| rules.version).collect();
    let jurisdictions: BTreeSet<&str> = all.iter().map(|rules| rules.jurisdiction).collect();
    assert_eq!((versions.len(), jurisdictions.len()), (all.len(), all.len()), "each once");
    for hours in all.iter().flat_map(|rules| rules.hours) {
        assert!(hours.from < hours.to && hours.to <= TimeOfDay::new(24, 0) && !hours.days.is_empty(), "{hours:?}");
    }
    let text = |rules: &RuleSet| {
        let hours = rules.hours.iter().map(|hours| format!("{} {}-{}", hours.days, hours.from, hours.to));
        format!("{}: {}", rules.version, hours.collect::<Vec<_>>().join(", "))
    };
    insta::assert_snapshot!(all.iter().map(text).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_jurisdiction_is_found_by_region_and_by_number() {
    for (region, version) in
        [("US", "US-1"), ("us", "US-1"), ("CA", "CA-1"), ("AU", "AU-1"), ("FR", "FR-1"), ("DE", "default-1"), ("", "default-1")]
    {
        assert_eq!(RuleSet::of_region(region).version, version, "{region:?}");
    }
    for (canonical, version) in [
        ("+12125551234", "US-1"),
        ("+14165551234", "CA-1"),
        ("+18005551234", "US-1"),
        ("+18765551234", "default-1"), // Jamaica
        ("+61212345678", "AU-1"),
        ("+33123456789", "FR-1"),
        ("+4930123456", "default-1"),
        ("+870773111632", "default-1"),
        ("+", "default-1"),
        ("1001", "default-1"),
        ("2125551234", "default-1"),
    ] {
        assert_eq!(RuleSet::of_number(&number(canonical)).version, version, "{canonical}");
    }
}

#[test]
fn days_and_hours_differ_by_jurisdiction() {
    // the 20th of November 2026 is a Friday
    let cases: &[(&str, Tz, &[(&str, Option<&str>)])] = &[
        (
            "CA",
            Phoenix,
            &[
                ("2026-11-20T15:59:59Z", Some("2026-11-20T16:00:00Z")),
                ("2026-11-21T04:29:59Z", None),
                ("2026-11-21T04:30:00Z", Some("2026-11-21T17:00:00Z")),
                ("2026-11-22T00:59:59Z", None),
                ("2026-11-22T01:00:00Z", Some("2026-11-22T17:00:00Z")),
                ("2026-11-23T01:00:00Z", Some("2026-11-23T16:00:00Z")),
            ],
        ),
        (
            "AU",
            Perth,
            &[
                ("2026-11-20T11:59:59Z", None),
                ("2026-11-20T12:00:00Z", Some("2026-11-21T01:00:00Z")),
                ("2026-11-21T08:59:59Z", None),
                ("2026-11-21T09:00:00Z", Some("2026-11-23T01:00:00Z")),
                ("2026-11-22T03:00:00Z", Some("2026-11-23T01:00:00Z")),
            ],
        ),
        (
            "FR",
            Paris,
            &[
                ("2026-11-20T08:59:59Z", Some("2026-11-20T09:00:00Z")),
                ("2026-11-20T11:59:59Z", None),
                ("2026-11-20T12:00:00Z", Some("2026-11-20T13:00:00Z")),
                ("2026-11-20T18:59:59Z", None),
                ("2026-11-20T19:00:00Z", Some("2026-11-23T09:00:00Z")),
                ("2026-11-21T10:00:00Z", Some("2026-11-23T09:00:00Z")),
            ],
        ),
    ];
    for (region, zone, moments) in cases {
        for (now, expected) in *moments {
            let found = refusal(&zones([*zone]), RuleSet::of_region(region), now).map(|refusal| refusal.next_allowed);
            assert_eq!(found, expected.map(|text| Some(utc(text))), "{region} at {now}");
        }
    }
    // it is Saturday in Sydney before it is in Perth
    assert_eq!(next(&zones([Sydney, Perth]), RuleSet::of_region("AU"), "2026-11-20T09:00:00Z"), Some(utc("2026-11-21T01:00:00Z")));
}

#[test]
fn windows_open_by_the_wall_clock_when_clocks_have_been_moved() {
    let (berlin, new_york, noronha) = (zones([Berlin]), zones([New_York]), zones([Noronha]));
    let next = |zones, now| next(zones, RuleSet::DEFAULT, now).expect("an instant");
    assert_eq!(next(&berlin, "2026-03-27T21:00:00Z"), utc("2026-03-28T07:00:00Z"), "the morning before");
    assert_eq!(next(&berlin, "2026-03-28T21:00:00Z"), utc("2026-03-29T06:00:00Z"), "an hour of the night was skipped");
    assert_eq!(next(&berlin, "2026-10-24T21:00:00Z"), utc("2026-10-25T07:00:00Z"), "an hour of the night was long");
    assert_eq!(next(&new_york, "2026-10-31T02:00:00Z"), utc("2026-10-31T12:00:00Z"));
    assert_eq!(next(&new_york, "2026-11-01T02:00:00Z"), utc("2026-11-01T13:00:00Z"));
    assert_eq!(next(&new_york, "2026-03-08T03:00:00Z"), utc("2026-03-08T12:00:00Z"));
    // Noronha gave up its summer time after a week: at both ends of these eight days the clock is the same
    assert_eq!(next(&noronha, "2000-10-08T00:00:00Z"), utc("2000-10-08T09:00:00Z"));
    // for a week in March America is an hour nearer to Europe
    let both = zones([Berlin, New_York]);
    assert_eq!(next(&both, "2026-03-20T21:00:00Z"), utc("2026-03-21T12:00:00Z"));
    assert_eq!(next(&both, "2026-03-29T21:00:00Z"), utc("2026-03-30T12:00:00Z"));
    assert_eq!(next(&both, "2026-03-01T21:00:00Z"), utc("2026-03-02T13:00:00Z"));
}

#[test]
fn a_window_within_a_gap_opens_when_the_gap_is_over() {
    let gap = rules(&[(WeekdaySet::ALL, (2, 30), (4, 0))]);
    let judge = |now| refusal(&zones([Berlin]), &gap, now).map(|refusal| refusal.next_allowed);
    assert_eq!(judge("2026-03-29T00:59:59Z"), Some(Some(utc("2026-03-29T01:00:00Z"))), "two o'clock is three");
    assert_eq!(judge("2026-03-29T01:00:00Z"), None);
    assert_eq!(judge("2026-03-29T02:00:00Z"), Some(Some(utc("2026-03-30T00:30:00Z"))), "and the next day as ever");
    // a window that would lie within the gap altogether does not open that day
    let lost = rules(&[(WeekdaySet::ALL, (2, 10), (2, 50))]);
    assert_eq!(next(&zones([Berlin]), &lost, "2026-03-29T00:59:59Z"), Some(utc("2026-03-30T00:10:00Z")));
    // half an hour is skipped on Lord Howe Island, and was a whole day in Samoa
    let lord_howe = rules(&[(WeekdaySet::ALL, (2, 10), (3, 0))]);
    assert_eq!(next(&zones([Lord_Howe]), &lord_howe, "2026-10-03T15:00:00Z"), Some(utc("2026-10-03T15:30:00Z")));
    let fridays = rules(&[(WeekdaySet::single(Fri), (8, 0), (21, 0))]);
    assert_eq!(next(&zones([Apia]), &fridays, "2011-12-29T20:00:00Z"), Some(utc("2012-01-05T18:00:00Z")));
}

#[test]
fn a_window_within_a_fold_opens_twice() {
    let fold = rules(&[(WeekdaySet::ALL, (1, 30), (3, 0))]);
    let judge = |now| refusal(&zones([New_York]), &fold, now).map(|refusal| refusal.next_allowed);
    assert_eq!(judge("2026-11-01T05:29:59Z"), Some(Some(utc("2026-11-01T05:30:00Z"))));
    assert_eq!(judge("2026-11-01T05:30:00Z"), None);
    assert_eq!(judge("2026-11-01T05:59:59Z"), None);
    assert_eq!(judge("2026-11-01T06:00:00Z"), Some(Some(utc("2026-11-01T06:30:00Z"))), "it is one o'clock again");
    assert_eq!(judge("2026-11-01T06:30:00Z"), None);
    // one that opens when the clock goes back has to wait until it gets there again
    let after = rules(&[(WeekdaySet::ALL, (3, 0), (4, 0))]);
    assert_eq!(next(&zones([Berlin]), &after, "2026-10-25T00:30:00Z"), Some(utc("2026-10-25T02:00:00Z")));
    // one that closes within the fold opens again when the clock goes back
    let closing = rules(&[(WeekdaySet::ALL, (0, 0), (1, 30))]);
    let judge = |now| refusal(&zones([New_York]), &closing, now).map(|refusal| refusal.next_allowed);
    assert_eq!(judge("2026-11-01T05:29:59Z"), None);
    assert_eq!(judge("2026-11-01T05:30:00Z"), Some(Some(utc("2026-11-01T06:00:00Z"))));
    assert_eq!(judge("2026-11-01T06:29:59Z"), None);
    assert_eq!(judge("2026-11-01T06:30:00Z"), Some(Some(utc("2026-11-02T05:00:00Z"))));
}

#[test]
fn what_is_not_permitted_within_eight_days_has_no_next_time() {
    let hour = rules(&[(WeekdaySet::ALL, (8, 0), (9, 0))]);
    assert_eq!(next(&zones([Berlin, New_York]), &hour, "2026-11-20T12:00:00Z"), None, "an hour here is never an hour there");
    assert_eq!(next(&zones([Berlin]), &rules(&[]), "2026-11-20T12:00:00Z"), None);
    let mondays = rules(&[(WeekdaySet::single(Mon), (0, 0), (24, 0))]);
    assert_eq!(next(&zones([Berlin]), &mondays, "2026-11-23T23:00:00Z"), Some(utc("2026-11-29T23:00:00Z")), "a day has 24 hours");
    // Sunday in Auckland is over before it begins in Honolulu
    let sundays = rules(&[(WeekdaySet::single(Sun), (0, 0), (24, 0))]);
    assert_eq!(next(&zones([Auckland]), &sundays, "2026-11-20T12:00:00Z"), Some(utc("2026-11-21T11:00:00Z")));
    assert_eq!(next(&zones([Auckland, Honolulu]), &sundays, "2026-11-20T12:00:00Z"), Some(utc("2026-11-22T10:00:00Z")), "nearly");
    // the bound itself: Samoa's lost Friday makes two weeks of one
    let fridays = rules(&[(WeekdaySet::single(Fri), (8, 0), (21, 0))]);
    assert_eq!(next(&zones([Apia]), &fridays, "2011-12-28T17:00:00Z"), None);
    assert_eq!(next(&zones([Apia]), &fridays, "2011-12-28T18:00:00Z"), None, "in eight days and no sooner");
    assert_eq!(next(&zones([Apia]), &fridays, "2011-12-28T18:00:01Z"), Some(utc("2012-01-05T18:00:00Z")));
}

/// Moments near a change of some clock, and any others of these years.
fn moments() -> impl Strategy<Value = DateTime<Utc>> {
    let changes = [
        "2026-03-08T07:00:00Z",
        "2026-03-29T01:00:00Z",
        "2026-04-04T15:00:00Z",
        "2026-10-03T15:30:00Z",
        "2026-10-25T01:00:00Z",
        "2026-11-01T06:00:00Z",
        "2011-12-30T10:00:00Z",
    ];
    let near = (select(changes.to_vec()), -200_000_i64..50_000).prop_map(|(change, seconds)| utc(change) + TimeDelta::seconds(seconds));
    let any = (0..63_072_000_i64).prop_map(|seconds| utc("2026-01-01T00:00:00Z") + TimeDelta::seconds(seconds));
    prop_oneof![3 => near, 1 => any]
}

fn any_hours() -> impl Strategy<Value = (WeekdaySet, (u16, u16), (u16, u16))> {
    let days: Vec<Weekday> = WeekdaySet::ALL.iter(Mon).collect();
    let days = prop::sample::subsequence(days, 1..=7).prop_map(|days| days.into_iter().collect::<WeekdaySet>());
    (days, 0..24_u16, select(vec![0_u16, 10, 30, 59]), 1..=1_439_u16).prop_map(|(days, hour, minute, length)| {
        let end = (hour * 60 + minute + length).min(1_440);
        (days, (hour, minute), (end / 60, end % 60))
    })
}

fn any_rules() -> impl Strategy<Value = RuleSet> {
    prop_oneof![1 => select(RuleSet::all()), 3 => vec(any_hours(), 1..3).prop_map(|hours| rules(&hours))]
}

fn any_zones() -> impl Strategy<Value = Zones> {
    let known = vec![Berlin, New_York, Los_Angeles, Phoenix, St_Johns, Sydney, Lord_Howe, Auckland, Apia, Honolulu];
    vec(select(known), 1..4).prop_map(|zones| zones.into_iter().collect())
}

/// Every minute after `now` and before the next permitted moment is refused, and so is the second before it.
fn nothing_is_permitted_before_the_next_time(zones: &Zones, rules: &RuleSet, now: DateTime<Utc>) -> Result<(), TestCaseError> {
    let permitted = |at: DateTime<Utc>| permits(zones, Berlin, rules, at).is_permitted();
    let Some(refusal) = permits(zones, Berlin, rules, now).refusal else {
        prop_assert!(open_in_all(zones, rules, now), "{} is not within the hours of {:?}", now, zones);
        return Ok(());
    };
    let end = refusal.next_allowed.unwrap_or(now + TimeDelta::days(8));
    if let Some(next) = refusal.next_allowed {
        prop_assert!(next > now && next < now + TimeDelta::days(8));
        prop_assert!(permitted(next), "{} is permitted", next);
        prop_assert!(!permitted(next - TimeDelta::seconds(1)), "a second before {}", next);
    }
    let mut at = now;
    while at < end {
        prop_assert!(!open_in_all(zones, rules, at), "{} comes before {:?}", at, refusal.next_allowed);
        at += TimeDelta::minutes(1);
    }
    Ok(())
}

/// Whether the wall clocks of all zones are within the hours, told here by other means than the program's.
fn open_in_all(zones: &Zones, rules: &RuleSet, at: DateTime<Utc>) -> bool {
    zones.candidates().iter().all(|zone| {
        let local = at.with_timezone(zone).naive_local();
        let clock = local.format("%H:%M").to_string();
        rules
            .hours
            .iter()
            .any(|hours| hours.days.contains(local.weekday()) && hours.from.to_string() <= clock && clock < hours.to.to_string())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_next_time_is_the_first_one(zones in any_zones(), rules in any_rules(), now in moments()) {
        nothing_is_permitted_before_the_next_time(&zones, &rules, now)?;
    }
}
