//! What becomes of a lead after a dial: every outcome of the system, the figures of a campaign, promises, and when it is over.

use std::{fmt::Write, fs, path::Path};

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::domain::{
    call::Outcome,
    dialing::{OTHERWISE, RETRIES, Retry},
    disposition::{SYSTEM, same_name},
    lead::{After, Callback, Came, Explanation, Lead, NoMore, Rank, Rule, Rules, would_dial},
    setup::{Kind, Setup},
};
use serde_json::{Value, json};

use super::{broken, in_hours, lead};
use crate::support::app::noon;

/// An account with the campaign of the lead, which is in Boston.
pub(super) fn setup(campaign: Value) -> Setup {
    let own = json!({"name": "MAYBE", "text": "Maybe", "connects": true, "isConnectXorAbort": false, "callable": true});
    let records = [(Kind::Campaign, "Solar".to_owned(), campaign), (Kind::Disposition, "MAYBE".to_owned(), own)];
    let (setup, faults) = Setup::read(records, "US".parse().expect("a region"));
    assert_eq!(faults, [""; 0]);
    setup
}

fn dialed(retries: Value, max_attempts: i64) -> Setup {
    setup(json!({"dialing": {"mode": "progressive", "retries": retries, "maxAttempts": max_attempts}}))
}

fn explained(setup: &Setup, lead: &Lead, now: DateTime<Utc>) -> Explanation {
    would_dial(lead, &Rules::of(setup, lead).facts(lead, false, now), now)
}

/// Dials at noon plus so many hours, and it comes out so a minute later.
fn dial(setup: &Setup, lead: &mut Lead, outcome: &str, hours: i64) -> After {
    let at = in_hours(hours);
    lead.dial(&Rules::of(setup, lead), at);
    lead.came_out(setup, Came { outcome, callback: None }, at + TimeDelta::minutes(1))
}

fn in_minutes(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

#[test]
fn the_tries_of_the_system() {
    let mut table = String::new();
    for (name, Retry { after_min, times }) in &RETRIES {
        writeln!(table, "{name:17} {after_min:5} min {times} times").expect("text");
        assert!(SYSTEM.iter().any(|known| known.name == *name && known.callable), "{name} is no callable outcome");
    }
    for known in SYSTEM.iter().filter(|known| known.callable) {
        assert!(RETRIES.iter().any(|(name, _)| *name == known.name), "{} has no row", known.name);
    }
    insta::assert_snapshot!(table);
    // the page that clients read says the same
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/leads.md")).expect("the page");
    for (name, Retry { after_min, times }) in &RETRIES {
        assert!(page.contains(&format!("| `{name}` | {after_min} | {times} |")), "the page has no row of {name}");
    }
    assert!(page.contains(&format!("| any other | {} | {} |", OTHERWISE.after_min, OTHERWISE.times)));
}

#[test]
fn what_a_telephone_system_finds_is_tried_again_or_not() {
    for (outcome, after) in [
        (Outcome::NoAnswer, After::Again(in_minutes(61))),
        (Outcome::Busy, After::Again(in_minutes(11))),
        (Outcome::Failed, After::Again(in_minutes(31))),
        (Outcome::HungUp, After::Again(in_minutes(61))),
        (Outcome::PresumedLost, After::Again(in_minutes(61))),
        (Outcome::Connected, After::NoMore(NoMore::NotCallable)),
    ] {
        let (setup, mut lead) = (setup(json!({})), lead());
        assert_eq!(dial(&setup, &mut lead, outcome.words().disposition, 0), after, "{outcome:?}");
        assert_eq!(lead.call_status.as_deref(), Some(outcome.words().disposition));
        let at = if let After::Again(at) = after { Some(at) } else { None };
        assert_eq!((lead.retry_at, lead.attempts, lead.attempts_total, lead.last_attempt_at), (at, 1, 1, Some(noon())));
        let place = lead.place(&Rules::of(&setup, &lead), noon());
        assert_eq!(place.is_some(), at.is_some(), "{outcome:?}");
    }
}

#[test]
fn every_outcome_leaves_a_place_or_a_reason() {
    let setup = setup(json!({}));
    for outcome in SYSTEM.iter().map(|known| known.name.as_ref()).chain(["MAYBE", "maybe ", "nobody knows", ""]) {
        let mut lead = lead();
        let after = dial(&setup, &mut lead, outcome, 1);
        let told = explained(&setup, &lead, in_hours(2));
        let place = lead.place(&Rules::of(&setup, &lead), in_hours(2));
        match after {
            After::Again(at) => {
                assert!(place.is_some_and(|place| place.rank == Rank::Retry && place.at >= at), "{outcome}");
                assert!(told.next_allowed.is_some_and(|next| next >= at), "{outcome}: {told:?}");
            }
            After::NoMore(why) => {
                assert_eq!((why, place, told.next_allowed), (NoMore::NotCallable, None, None), "{outcome}");
                assert_eq!(broken(&told), [Rule::CallStatus], "{outcome}");
            }
            After::Promised(_) => panic!("nobody promised: {outcome}"),
        }
        let known = SYSTEM.iter().find(|known| same_name(&known.name, outcome));
        let is_counted = known.is_some() || same_name(outcome, "MAYBE") || outcome.is_empty();
        assert_eq!(lead.outcomes.values().sum::<i64>(), i64::from(is_counted), "{outcome}: what nobody knows is not counted");
    }
    let mut lead = lead();
    assert_eq!(dial(&setup, &mut lead, "maybe", 0), After::Again(in_minutes(1441)), "an outcome of the account's own");
    assert_eq!(lead.call_status.as_deref(), Some("MAYBE"), "as the account spells it");
}

#[test]
fn a_campaign_says_how_often() {
    let setup = dialed(json!({"CR_NOANS": {"afterMin": 120, "times": 2}, "CR_BUSY": {"afterMin": 1, "times": 0}}), 10);
    let mut lead = lead();
    assert_eq!(dial(&setup, &mut lead, "CR_NOANS", 1), After::Again(in_minutes(181)));
    let told = explained(&setup, &lead, in_hours(2));
    assert_eq!((broken(&told), told.next_allowed), (vec![Rule::Retry], Some(in_minutes(181))));
    assert!(explained(&setup, &lead, in_minutes(181)).dial, "when it is time");
    assert_eq!(dial(&setup, &mut lead, "CR_NOANS", 4), After::Again(in_minutes(361)));
    assert_eq!(dial(&setup, &mut lead, "CR_NOANS", 7), After::NoMore(NoMore::Retries), "twice again, and no more");
    let told = explained(&setup, &lead, in_hours(9));
    assert_eq!((broken(&told), told.next_allowed, told.reasons[0].value.as_str()), (vec![Rule::Retry], None, "3"));
    assert_eq!(lead.place(&Rules::of(&setup, &lead), in_hours(9)), None);
    // whoever allows more has it back, and another status is another matter
    let generous = dialed(json!({"CR_NOANS": {"afterMin": 120, "times": 3}}), 10);
    assert!(explained(&generous, &lead, in_hours(9)).dial && lead.place(&Rules::of(&generous, &lead), in_hours(9)).is_some());
    lead.call_status = None;
    assert!(explained(&setup, &lead, in_hours(9)).dial);
    assert_eq!(dial(&setup, &mut lead, "cr_busy", 8), After::NoMore(NoMore::Retries), "not again at all");
}

#[test]
fn there_is_an_end_to_all_attempts() {
    let setup = dialed(json!({}), 2);
    let mut lead = lead();
    assert!(matches!(dial(&setup, &mut lead, "CR_BUSY", 1), After::Again(_)));
    assert_eq!(dial(&setup, &mut lead, "CR_NOANS", 2), After::NoMore(NoMore::MaxAttempts));
    let told = explained(&setup, &lead, in_hours(3));
    assert_eq!((broken(&told), told.reasons[0].value.as_str(), told.next_allowed), (vec![Rule::MaxAttempts], "2", None));
    assert_eq!(lead.place(&Rules::of(&setup, &lead), in_hours(3)), None);
    // a promise goes before it
    let callback = Callback { agent: Some("anna".to_owned()), at: in_hours(5), notes: None };
    lead.dial(&Rules::of(&setup, &lead), in_hours(3));
    let promised = lead.came_out(&setup, Came { outcome: "CALL BACK", callback: Some(callback.clone()) }, in_hours(3));
    assert_eq!((promised, &lead.callback), (After::Promised(in_hours(5)), &Some(callback)));
    assert!(explained(&setup, &lead, in_hours(5)).dial);
    assert_eq!(dial(&setup, &mut lead, "CR_NOANS", 5), After::NoMore(NoMore::MaxAttempts), "but is not tried again and again");
    assert_eq!(lead.callback, None);
}

#[test]
fn a_promise_that_reached_nobody_stays_one() {
    let setup = setup(json!({}));
    let mut lead = lead();
    let callback = Callback { agent: Some("anna".to_owned()), at: noon(), notes: Some("the roof".to_owned()) };
    lead.callback = Some(callback.clone());
    lead.dial_non_callables = true;
    lead.check_window = false;
    assert_eq!(dial(&setup, &mut lead, "CR_BUSY", 0), After::Promised(in_minutes(11)));
    assert_eq!(lead.callback, Some(Callback { at: in_minutes(11), ..callback }), "the same agent, later");
    assert!(!lead.dial_non_callables && lead.check_window, "the overrides were for the first dial");
    let place = lead.place(&Rules::of(&setup, &lead), noon()).expect("a place");
    assert_eq!((place.rank, place.lane.own), (Rank::Callback, true));
    assert!(matches!(dial(&setup, &mut lead, "UNAVAILABLE", 2), After::Again(_)), "somebody was reached");
    assert_eq!(lead.callback, None);
    lead.callback = Some(Callback { agent: None, at: noon(), notes: None });
    let came = Came { outcome: "DO NOT CALL", callback: Some(Callback { agent: None, at: in_hours(3), notes: None }) };
    assert_eq!(lead.came_out(&setup, came, in_hours(2)), After::NoMore(NoMore::NotCallable), "no promise against his will");
    assert_eq!((lead.callback, lead.retry_at), (None, None));
}

#[test]
fn a_hot_lead_is_hot_until_it_was_dialed() {
    let setup = setup(json!({}));
    let mut lead = lead();
    (lead.hot, lead.hot_at) = (true, Some(noon()));
    assert_eq!(lead.skipped(&setup, in_hours(1)), in_minutes(90));
    assert_eq!((lead.hot, lead.attempts_total, lead.call_status.as_deref()), (true, 0, Some("SKIP")), "nobody dialed");
    assert_eq!(
        (broken(&explained(&setup, &lead, in_minutes(80))), explained(&setup, &lead, in_minutes(90)).dial),
        (vec![Rule::Retry], true)
    );
    for hours in 2..20 {
        lead.skipped(&setup, in_hours(hours));
    }
    assert!(lead.place(&Rules::of(&setup, &lead), in_hours(20)).is_some(), "whoever asked for the dial gets it");
    assert_eq!(lead.version, 20);
    dial(&setup, &mut lead, "CR_NOANS", 3);
    assert_eq!((lead.hot, lead.hot_at), (false, None));
    for hours in 20..26 {
        lead.skipped(&setup, in_hours(hours));
    }
    assert_eq!(lead.place(&Rules::of(&setup, &lead), in_hours(26)), None, "passed over too often");
}

#[test]
fn attempts_are_counted_by_the_day_of_the_called_party() {
    let setup = dialed(json!({"CR_BUSY": {"afterMin": 0, "times": 100}}), 100);
    let mut lead = lead();
    // noon in UTC is seven in Boston; its day ends at five in the morning, UTC
    for (hours, attempts, total) in [(1, 1, 1), (2, 2, 2), (16, 3, 3), (17, 1, 4), (40, 2, 5), (41, 1, 6)] {
        lead.dial(&Rules::of(&setup, &lead), in_hours(hours));
        assert_eq!((lead.attempts, lead.attempts_total), (attempts, total), "{hours} h");
    }
}
