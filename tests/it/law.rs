//! The call law's proofs: any order and any copies of a call's news end in the same record, with one terminal event; and
//! the whole table of states and news as one snapshot.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::domain::{
    call::{Attempt, Cause, Certainty, Direction, Fact, Handling, News, NewsKind, State, Terms, Told},
    phone::Number,
};
use proptest::{prelude::*, sample::Index};

use crate::support::app::noon;

fn terms(wrap_up_s: i64) -> Terms {
    Terms { wrap_up: TimeDelta::seconds(wrap_up_s), ringing: TimeDelta::minutes(5), talk: TimeDelta::hours(4) }
}

fn at(second: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(second)
}

fn kinds() -> impl Strategy<Value = NewsKind> {
    let causes = prop::sample::select(vec!["completed", "no_answer", "busy", "User busy", "Normal Clearing", "failed", "odd", ""]);
    prop_oneof![
        3 => Just(NewsKind::Started),
        3 => Just(NewsKind::Connected),
        2 => any::<bool>().prop_map(NewsKind::Held),
        1 => Just(NewsKind::Transferred),
        1 => Just(NewsKind::Details),
        3 => prop::option::of(causes).prop_map(|cause| NewsKind::Ended(cause.map(Cause::read))),
    ]
}

fn told() -> impl Strategy<Value = Told> {
    let text = || prop::option::of(prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned));
    let number = || {
        prop::option::of(
            prop::sample::select(vec!["1001", "+4930123456", "+12025550123"]).prop_map(|n| Number::from_canonical(n.to_owned())),
        )
    };
    let direction = prop::option::of((
        prop::sample::select(vec![Direction::Inbound, Direction::Outbound, Direction::Transfer]),
        prop::sample::select(vec![Certainty::Inferred, Certainty::Said]),
    ));
    let figures = (prop::option::of(0..9_i64), prop::option::of(0..9_i64));
    (direction, number(), number(), text(), text(), text(), text(), figures).prop_map(
        |(direction, customer, extension, agent, recording_url, notes, subject, figures)| Told {
            direction,
            customer,
            extension,
            agent,
            recording_url,
            notes,
            subject,
            bill_duration_s: figures.0,
            total_duration_s: figures.1,
            ..Told::default()
        },
    )
}

/// News of one call. Everything arrives at noon: when it arrived is the one thing that an order does change.
fn news() -> impl Strategy<Value = News> {
    (kinds(), -600..0_i64, told()).prop_map(|(kind, second, told)| News { kind, occurred_at: at(second), observed_at: noon(), told })
}

/// A set of news, and a longer run over the same set in another order: every one at least once, some again.
fn runs() -> impl Strategy<Value = (Vec<News>, Vec<News>)> {
    prop::collection::vec(news(), 1..9).prop_flat_map(|set| {
        let shuffled = Just(set.clone()).prop_shuffle();
        let copies = prop::collection::vec((any::<Index>(), any::<Index>()), 0..8);
        (Just(set), shuffled, copies).prop_map(|(set, mut run, copies)| {
            for (which, place) in copies {
                let copy = run[which.index(run.len())].clone();
                run.insert(place.index(run.len() + 1), copy);
            }
            (set, run)
        })
    })
}

/// What came of a run: the record after every deadline has passed, and all facts.
fn play(run: &[News], terms: &Terms) -> (Attempt, Vec<Fact>) {
    let mut attempt = Attempt::new(1, 1, "1".to_owned());
    let mut facts = Vec::new();
    for news in run {
        facts.extend(attempt.hear(news, terms).facts);
        let again = attempt.hear(news, terms);
        assert_eq!((again.facts.len(), again.store), (0, false), "a copy right after changes nothing");
    }
    facts.extend(attempt.expire(at(86_400), terms).facts);
    (attempt, facts)
}

fn ends(facts: &[Fact]) -> usize {
    facts.iter().filter(|fact| matches!(fact, Fact::Entered(State::End, _))).count()
}

fn order_does_not_matter((set, run): (Vec<News>, Vec<News>)) -> Result<(), TestCaseError> {
    let (one, facts_one) = play(&set, &terms(0));
    let (other, facts_other) = play(&run, &terms(0));
    prop_assert_eq!(&one, &other);
    prop_assert_eq!(one.timeline(), other.timeline());
    prop_assert_eq!((ends(&facts_one), ends(&facts_other)), (1, 1));
    // with a wrap-up, when we are done with a call depends on what we knew when; the line does not
    let (one, facts_one) = play(&set, &terms(30));
    let (other, facts_other) = play(&run, &terms(30));
    prop_assert_eq!(&one.line, &other.line);
    prop_assert_eq!((one.outcome(), one.call_status()), (other.outcome(), other.call_status()));
    prop_assert_eq!((ends(&facts_one), ends(&facts_other)), (1, 1));
    Ok(())
}

/// A record survives the book: what is stored and read back merges like the one that stayed in memory.
fn storing_does_not_matter((set, _): (Vec<News>, Vec<News>)) -> Result<(), TestCaseError> {
    let mut kept = Attempt::new(1, 1, "1".to_owned());
    let mut stored = serde_json::to_string(&kept).expect("JSON");
    for news in &set {
        kept.hear(news, &terms(30));
        let mut read: Attempt = serde_json::from_str(&stored).expect("an attempt");
        if read.hear(news, &terms(30)).store {
            stored = serde_json::to_string(&read).expect("JSON");
        }
    }
    prop_assert_eq!(kept, serde_json::from_str::<Attempt>(&stored).expect("an attempt"));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_copies_end_in_the_same_record(runs in runs()) {
        order_does_not_matter(runs)?;
    }

    #[test]
    fn a_stored_record_is_as_good_as_a_kept_one(runs in runs()) {
        storing_does_not_matter(runs)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "slow"]
    fn any_order_and_copies_end_in_the_same_record_200_000_times(runs in runs()) {
        order_does_not_matter(runs)?;
    }
}

/// A call in each state, made by news alone where news can make it.
fn in_state(state: Option<State>) -> Attempt {
    let mut attempt = Attempt::new(1, 1, "1".to_owned());
    let mut hear = |kind, second, direction| {
        let told = Told { direction: Some((direction, Certainty::Said)), agent: Some("agent1".into()), ..Told::default() };
        attempt.hear(&News { kind, occurred_at: at(second), observed_at: at(second), told }, &terms(30));
    };
    match state {
        None => {}
        Some(State::Preview) => attempt.handling = Handling { preview: Some((at(0), at(30))), ..Handling::default() },
        Some(State::Incoming) => hear(NewsKind::Started, 0, Direction::Inbound),
        Some(State::Ringing) => hear(NewsKind::Started, 0, Direction::Outbound),
        Some(State::Talk | State::Hold | State::Idle | State::End) => {
            hear(NewsKind::Started, 0, Direction::Inbound);
            hear(NewsKind::Connected, 1, Direction::Inbound);
            if state == Some(State::Hold) {
                hear(NewsKind::Held(true), 2, Direction::Inbound);
            }
            if matches!(state, Some(State::Idle | State::End)) {
                hear(NewsKind::Ended(Some(Cause::read("completed"))), 3, Direction::Inbound);
            }
            if state == Some(State::End) {
                attempt.expire(at(60), &terms(30));
            }
        }
    }
    assert_eq!(attempt.state(), state);
    attempt
}

fn word(state: Option<State>) -> &'static str {
    state.map_or("(none)", State::word)
}

fn show(facts: &[Fact]) -> String {
    let show = |fact: &Fact| match fact {
        Fact::Entered(state, _) => state.word().to_owned(),
        Fact::Updated => "updated".to_owned(),
        Fact::Result => "result".to_owned(),
    };
    if facts.is_empty() { "nothing".to_owned() } else { facts.iter().map(show).collect::<Vec<_>>().join(", ") }
}

#[test]
fn every_state_meets_every_news() {
    let states = [
        None,
        Some(State::Preview),
        Some(State::Incoming),
        Some(State::Ringing),
        Some(State::Talk),
        Some(State::Hold),
        Some(State::Idle),
        Some(State::End),
    ];
    let news: [(&str, NewsKind, Told); 10] = [
        ("started, no direction", NewsKind::Started, Told::default()),
        ("started inbound", NewsKind::Started, Told { direction: Some((Direction::Inbound, Certainty::Inferred)), ..Told::default() }),
        ("started outbound", NewsKind::Started, Told { direction: Some((Direction::Outbound, Certainty::Inferred)), ..Told::default() }),
        ("connected", NewsKind::Connected, Told::default()),
        ("held", NewsKind::Held(true), Told::default()),
        ("resumed", NewsKind::Held(false), Told::default()),
        ("transferred", NewsKind::Transferred, Told { agent: Some("agent2".into()), ..Told::default() }),
        ("recording", NewsKind::Details, Told { recording_url: Some("https://r.example/1".into()), ..Told::default() }),
        ("ended completed", NewsKind::Ended(Some(Cause::read("completed"))), Told::default()),
        ("ended busy", NewsKind::Ended(Some(Cause::read("busy"))), Told::default()),
    ];
    let mut table = String::new();
    for state in states {
        for (name, kind, told) in &news {
            let mut attempt = in_state(state);
            let heard =
                attempt.hear(&News { kind: kind.clone(), occurred_at: at(20), observed_at: at(20), told: told.clone() }, &terms(30));
            writeln!(table, "{:8} + {name:22} → {:8} : {}", word(state), word(attempt.state()), show(&heard.facts)).expect("text");
        }
        let mut attempt = in_state(state);
        let heard = attempt.expire(at(86_400), &terms(30));
        writeln!(table, "{:8} + {:22} → {:8} : {}", word(state), "(deadline)", word(attempt.state()), show(&heard.facts)).expect("text");
        let mut attempt = in_state(state);
        let answer = attempt.end_wrap(at(41)).map_or_else(|refused| format!("refused: {refused}"), |heard| show(&heard.facts));
        writeln!(table, "{:8} + {:22} → {:8} : {answer}\n", word(state), "(end_wrap)", word(attempt.state())).expect("text");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn more_holds_than_are_kept_still_do_not_depend_on_order() {
    let holds: Vec<News> = (0..200)
        .map(|n| News { kind: NewsKind::Held(n % 2 == 0), occurred_at: at(n - 600), observed_at: noon(), told: Told::default() })
        .collect();
    let mut backwards = holds.clone();
    backwards.reverse();
    assert_eq!(play(&holds, &terms(0)).0, play(&backwards, &terms(0)).0);
}
