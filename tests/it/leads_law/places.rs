//! A lead's place in the queue agrees with what `would_dial` says at any moment: for numbers of many places, on days when clocks
//! are moved, whatever was promised, tried and dialed before.

use std::cell::Cell;

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::domain::{
    lead::{Callback, FieldRules, Lane, Lead, LeadPatch, Place, Rank, Rule, Rules, Source, would_dial},
    setup::{Kind, Setup},
};
use proptest::{
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::json;

use super::{in_hours, lead, retry::setup};

/// One zone and many, fixed lines and mobiles, half hours, dates that differ, a number of nowhere.
const PHONES: [&str; 14] = [
    "+17812706510",
    "+13055550100",
    "+12065550100",
    "+18085550100",
    "+16502530000",
    "+18005550100",
    "+4930123456",
    "+33142685300",
    "+61412345678",
    "+79161234567",
    "+5511987654321",
    "+97714123456",
    "+6857222222",
    "+56221234567",
];
/// Around these clocks are moved: in North America, Europe, Australia, South America, and on no day at all.
const MOMENTS: [&str; 7] = [
    "2026-03-08T07:00:00Z",
    "2026-03-29T01:00:00Z",
    "2026-04-04T16:00:00Z",
    "2026-09-06T04:00:00Z",
    "2026-10-25T01:00:00Z",
    "2026-11-01T06:00:00Z",
    "2026-11-20T12:00:00Z",
];
const ZONES: [&str; 4] = ["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"];

fn account(cap: i64, zone: &str) -> Setup {
    let campaign = json!({"dailyCap": cap, "dialing": {"mode": "preview", "maxAttempts": 6}});
    let records = [(Kind::Campaign, "Solar".to_owned(), campaign), (Kind::Options, "account".to_owned(), json!({"zone": zone}))];
    Setup::read(records, "US".parse().expect("a region")).0
}

/// A moment within four days of one of those above.
fn moment() -> impl Strategy<Value = DateTime<Utc>> {
    let near = prop_oneof![-60..60_i64, -5_760..5_760_i64];
    (select(MOMENTS.as_slice()), near, 0..60_i64).prop_map(|(moment, minutes, seconds)| {
        moment.parse::<DateTime<Utc>>().expect("a moment") + TimeDelta::minutes(minutes) + TimeDelta::seconds(seconds)
    })
}

prop_compose! {
    fn leads()(
        phone in select(PHONES.as_slice()),
        (state, zip) in (option::of(select(&["FL", "CA", "HI", "IN"][..])), option::of(select(&["32501", "33601", "96801"][..]))),
        created in moment(),
        (hot, promised, retry) in (any::<bool>(), option::of((any::<bool>(), -2_000..6_000_i64)), option::of(-2_000..6_000_i64)),
        (attempts, dialed, total) in (0..4_i64, option::of(0..2_000_i64), 0..8_i64),
        (expires, free, import_only) in (option::of(0..6_000_i64), any::<bool>(), prop::bool::weighted(0.05)),
        status in option::of(select(&["CR_NOANS", "CR_BUSY", "SALE", "CALL BACK", "unheard of"][..])),
        came in 0..8_i64,
    ) -> Lead {
        let rules = FieldRules { region: "US".parse().expect("a region"), declared: &[], allow_undeclared: false };
        let given = [("Campaign", "Solar"), ("PrimaryPhone", phone), ("State", state.unwrap_or_default()), ("ZipCode", zip.unwrap_or_default())];
        let mut lead = LeadPatch::lenient(given, &rules).expect("fields").0.new_lead(7, Source::Api, created).expect("a lead");
        let after = |minutes: i64| created + TimeDelta::minutes(minutes);
        lead.callback = promised.map(|(own, minutes)| Callback { agent: own.then(|| "anna".to_owned()), at: after(minutes), notes: None });
        lead.hot = hot && lead.callback.is_none();
        lead.hot_at = lead.hot.then(|| after(3));
        lead.retry_at = retry.map(after);
        lead.last_attempt_at = dialed.map(after);
        (lead.attempts, lead.attempts_total) = if dialed.is_some() { (attempts.min(total), total) } else { (0, 0) };
        lead.expires_at = expires.map(after);
        lead.check_window = !free;
        lead.import_only = import_only;
        lead.call_status = status.map(str::to_owned);
        lead.outcomes = status.into_iter().map(|status| (status.to_owned(), came)).collect();
        lead
    }
}

fn is_allowed(setup: &Setup, lead: &Lead, at: DateTime<Utc>) -> bool {
    would_dial(lead, &Rules::of(setup, lead).facts(lead, false, at), at).dial
}

/// What a place promises, at the moments `after` so many minutes.
fn check(setup: &Setup, lead: &Lead, now: DateTime<Utc>, after: &[i64]) -> Result<Option<Place>, TestCaseError> {
    let rules = Rules::of(setup, lead);
    let Some(place) = lead.place(&rules, now) else {
        for minutes in after {
            let at = now + TimeDelta::minutes(*minutes);
            prop_assert!(!is_allowed(setup, lead, at), "it has no place, and is allowed at {}", at);
        }
        return Ok(None);
    };
    prop_assert!(is_allowed(setup, lead, place.at), "not allowed when its place says: {:?}", place);
    prop_assert_eq!(Lane::read(&place.lane.to_string()), Some(place.lane.clone()));
    for minutes in after {
        let at = now + TimeDelta::minutes(*minutes);
        let open = place.lane.opens(at) == Some(at);
        let expired = lead.expires_at.is_some_and(|expires| expires <= at);
        // whoever looks for a lead that is due in an open lane finds one that may be dialed, and misses none
        prop_assert_eq!(is_allowed(setup, lead, at), place.at <= at && open && !expired, "{:?} at {}", place, at);
    }
    Ok(Some(place))
}

#[test]
fn a_place_says_what_the_rules_say() {
    let cases = (leads(), 1..4_i64, select(ZONES.as_slice()), 0..3_000_i64, prop::collection::vec(0..20_000_i64, 12));
    let seen = Cell::new((0, 0, [0; 4]));
    let mut runner = TestRunner::new(Config { cases: 4_000, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&cases, |(lead, cap, zone, later, after)| {
        let setup = account(cap, zone);
        // it is looked at when its time began, and later
        let since = [Some(lead.created_at), lead.hot_at, lead.last_attempt_at, lead.callback.as_ref().map(|callback| callback.at)];
        let now = since.into_iter().flatten().max().unwrap_or(lead.created_at) + TimeDelta::minutes(later);
        let (mut placed, mut none, mut ranks) = seen.get();
        match check(&setup, &lead, now, &after)? {
            Some(place) => (placed, ranks[place.rank as usize]) = (placed + 1, ranks[place.rank as usize] + 1),
            None => none += 1,
        }
        seen.set((placed, none, ranks));
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
    let (placed, none, ranks) = seen.get();
    assert!(placed > 1_000 && none > 500 && ranks.iter().all(|count| *count > 50), "{:?}", seen.get());
}

#[test]
fn a_place_does_not_move_while_time_passes() {
    let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&(leads(), 0..5_000_i64), |(lead, later)| {
        let lead = Lead { expires_at: None, ..lead };
        let setup = account(2, "UTC");
        let rules = Rules::of(&setup, &lead);
        let now = lead.created_at;
        prop_assert_eq!(lead.place(&rules, now), lead.place(&rules, now + TimeDelta::minutes(later)));
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn ranks_and_lanes() {
    let setup = setup(json!({}));
    let place = |lead: &Lead| {
        let place = lead.place(&Rules::of(&setup, lead), in_hours(0)).expect("a place");
        (place.rank, place.at, place.lane.to_string())
    };
    let boston = "US America/New_York".to_owned();
    assert_eq!(place(&lead()), (Rank::Fresh, in_hours(1), boston.clone()), "eight in the morning");
    assert_eq!(place(&Lead { hot: true, hot_at: Some(in_hours(2)), ..lead() }), (Rank::Hot, in_hours(2), boston.clone()));
    let free = Lead { hot: true, hot_at: Some(in_hours(0)), check_window: false, ..lead() };
    assert_eq!(place(&free), (Rank::Hot, in_hours(0), "any".to_owned()));
    assert_eq!(place(&Lead { hot: false, ..free }), (Rank::Fresh, in_hours(1), boston.clone()), "the override was for the hot lead");
    let promised = |agent: Option<&str>| Lead {
        callback: Some(Callback { agent: agent.map(str::to_owned), at: in_hours(20), notes: None }),
        ..lead()
    };
    assert_eq!(place(&promised(None)), (Rank::Callback, in_hours(25), boston.clone()), "promised for the night");
    assert_eq!(place(&promised(Some("anna"))), (Rank::Callback, in_hours(25), format!("own {boston}")));
    assert_eq!(place(&Lead { retry_at: Some(in_hours(3)), ..lead() }), (Rank::Retry, in_hours(3), boston.clone()));
    let tired = Lead { attempts: 5, attempts_total: 5, last_attempt_at: Some(in_hours(4)), ..lead() };
    assert_eq!(place(&tired), (Rank::Retry, in_hours(25), boston), "tomorrow at eight");
    for nobody in ["", "US", "US Mars/Olympus", "XX UTC", "US UTC,", "own", "own any more"] {
        assert_eq!(Lane::read(nobody), None, "{nobody}");
    }
}

#[test]
fn a_campaign_without_a_name_dials_nobody() {
    let (setup, _) = Setup::read([], "US".parse().expect("a region"));
    assert_eq!(lead().place(&Rules::of(&setup, &lead()), in_hours(1)), None, "nobody knows its cap");
    let facts = Rules::of(&setup, &lead()).facts(&lead(), false, in_hours(1));
    assert_eq!(would_dial(&lead(), &facts, in_hours(1)).reasons[0].rule, Rule::DayCap);
}
