//! The law of text messages: what may be sent, any order and any copies of a message's news end in the same record, and the whole
//! table of statuses and news as one snapshot.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::domain::{
    message::{
        Change, Delivery, Direction, Draft, Encoding, Fault, Incoming, MAX_CHARACTERS, Message, News, Refusal, Standing, Status, Told,
    },
    phone::Number,
};
use proptest::{prelude::*, sample::Index};
use uuid::Uuid;

use crate::support::app::noon;

const STATUSES: [Status; 6] = [Status::Queued, Status::Sending, Status::Sent, Status::Failed, Status::Undelivered, Status::Delivered];

fn at(second: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(second)
}

fn number(text: &str) -> Number {
    Number::from_canonical(text.to_owned())
}

fn draft(body: &str) -> Draft {
    Draft { from: number("+12025550123"), to: number("+4930123456"), body: body.to_owned(), agent: Some("agent1".into()), lead: Some(7) }
}

fn good() -> Standing {
    Standing { owned: true, opted_out: false, provider: Some("main".into()) }
}

fn message() -> Message {
    Message::compose(Uuid::nil(), draft("hello"), good(), noon()).expect("a message")
}

fn fault(code: Option<&str>, text: &str) -> Option<Fault> {
    Some(Fault::new(code.map(str::to_owned), text))
}

fn told(status: Status, fault: Option<Fault>) -> Told {
    Told { fault, ..Told::status(status) }
}

fn news() -> impl Strategy<Value = News> {
    let faults = prop_oneof![
        Just(None),
        Just(fault(None, "vague")),
        Just(fault(None, "also vague")),
        Just(fault(Some("1"), "one")),
        Just(fault(Some("2"), "two")),
    ];
    let ids = prop::option::of(prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned));
    // few seconds, so that times meet
    (prop::sample::select(STATUSES.to_vec()), faults, ids, -4..0_i64).prop_map(|(status, fault, provider_id, second)| News {
        occurred_at: at(second),
        observed_at: noon(),
        told: Told { status, provider_id, fault },
    })
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

/// What came of a run: the record.
fn play(run: &[News]) -> Message {
    let mut message = message();
    for news in run {
        let before = message.clone();
        let change = message.hear(news);
        let shows = matches!(change, Change::Updated | Change::Entered(_));
        assert_eq!(message.version - before.version, i64::from(shows), "the version counts what shows");
        assert_eq!(message.delivery == before.delivery, change == Change::Nothing);
        assert_eq!(message.status_word() != before.status_word(), matches!(change, Change::Entered(_)));
        let copy = News { observed_at: at(60), ..news.clone() };
        let kept = message.clone();
        assert_eq!((message.hear(&copy), &message), (Change::Nothing, &kept), "a copy right after changes nothing");
    }
    message
}

/// All but what counts the steps.
fn record(message: Message) -> Message {
    Message { version: 0, updated_at: noon(), ..message }
}

fn earliest(set: &[News], status: Status) -> Option<DateTime<Utc>> {
    set.iter().filter(|news| news.told.status == status).map(|news| news.occurred_at).min()
}

fn order_does_not_matter((set, run): (Vec<News>, Vec<News>)) -> Result<(), TestCaseError> {
    let (one, other) = (play(&set), play(&run));
    prop_assert_eq!(record(one.clone()), record(other));
    let delivery = one.delivery;
    let furthest = set.iter().map(|news| news.told.status).max().expect("news");
    let ids = set.iter().filter_map(|news| Some((news.occurred_at, news.told.provider_id.as_deref()?)));
    prop_assert_eq!((delivery.status(), delivery.provider_id()), (furthest, ids.min().map(|(_, id)| id)));
    let (sent, delivered) = (earliest(&set, Status::Sent), earliest(&set, Status::Delivered));
    prop_assert_eq!((delivery.sent_at(), delivery.delivered_at()), (sent.into_iter().chain(delivered).min(), delivered));
    let causes = || set.iter().filter(|news| matches!(news.told.status, Status::Failed | Status::Undelivered));
    let any_code = causes().any(|news| news.told.fault.as_ref().is_some_and(|fault| fault.code().is_some()));
    match delivery.status() {
        Status::Failed | Status::Undelivered => {
            prop_assert_eq!(delivery.fault().is_some(), causes().any(|news| news.told.fault.is_some()));
            prop_assert_eq!(delivery.fault().is_some_and(|fault| fault.code().is_some()), any_code, "a specific fault is kept");
        }
        Status::Sent | Status::Delivered => prop_assert_eq!(delivery.fault(), None),
        Status::Queued | Status::Sending => prop_assert!(delivery.fault().is_none() || delivery.provider_id().is_none()),
    }
    Ok(())
}

/// A record survives the book: what is stored and read back merges like the one that stayed in memory.
fn storing_does_not_matter((set, _): (Vec<News>, Vec<News>)) -> Result<(), TestCaseError> {
    let mut kept = Delivery::default();
    let mut stored = serde_json::to_string(&kept).expect("JSON");
    for news in &set {
        kept.hear(news);
        let mut read: Delivery = serde_json::from_str(&stored).expect("a delivery");
        if read.hear(news) != Change::Nothing {
            stored = serde_json::to_string(&read).expect("JSON");
        }
    }
    prop_assert_eq!(kept, serde_json::from_str::<Delivery>(&stored).expect("a delivery"));
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

#[test]
fn every_status_meets_every_news() {
    let told = [
        ("queued", told(Status::Queued, None)),
        ("sending", told(Status::Sending, None)),
        ("sending, unclear", told(Status::Sending, fault(None, "no answer"))),
        ("sending, with an id", Told { provider_id: Some("x".into()), ..Told::status(Status::Sending) }),
        ("sent", told(Status::Sent, None)),
        ("failed", told(Status::Failed, fault(None, "vague"))),
        ("failed 1", told(Status::Failed, fault(Some("1"), "one"))),
        ("undelivered 2", told(Status::Undelivered, fault(Some("2"), "two"))),
        ("delivered", told(Status::Delivered, None)),
    ];
    let mut table = String::new();
    for (before, first) in &told {
        for (name, second) in &told {
            let mut message = message();
            message.hear(&first.clone().heard_at(at(1)));
            let change = match message.hear(&second.clone().heard_at(at(2))) {
                Change::Entered(status) => format!("entered, {}", status.event_type().unwrap_or("no event")),
                other => format!("{other:?}").to_lowercase(),
            };
            let delivery = &message.delivery;
            let fault = delivery.fault().map_or("-", |fault| fault.code().unwrap_or_else(|| fault.text()));
            let unclear = if delivery.is_unclear() { " unclear" } else { "" };
            let second = |time: Option<DateTime<Utc>>| time.map_or("-".to_owned(), |time| (time - noon()).num_seconds().to_string());
            let (sent, delivered) = (second(delivery.sent_at()), second(delivery.delivered_at()));
            let after = message.status_word();
            writeln!(table, "{before:19} + {name:19} → {after:11} : {change} [fault {fault}{unclear}, sent {sent}, delivered {delivered}]")
                .expect("text");
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_comes_after_arrival_is_ignored() {
    let mut message = message();
    assert_eq!(message.hear(&told(Status::Delivered, None).heard_at(at(5))), Change::Entered(Status::Delivered));
    for status in [Status::Failed, Status::Undelivered, Status::Sending, Status::Queued] {
        assert_eq!(message.hear(&told(status, fault(Some("1"), "one")).heard_at(at(1))), Change::Nothing, "{status:?}");
    }
    // nobody sends a message after it has arrived: the provider's word came late
    assert_eq!(message.hear(&told(Status::Sent, None).heard_at(at(9))), Change::Silent);
    assert_eq!(message.delivery.sent_at(), Some(at(5)));
    assert_eq!(message.hear(&told(Status::Sent, None).heard_at(at(2))), Change::Updated);
    assert_eq!((message.delivery.sent_at(), message.delivery.delivered_at()), (Some(at(2)), Some(at(5))));
    assert_eq!((message.version, message.updated_at, message.created_at), (3, at(9), noon()));
}

#[test]
fn a_sure_answer_ends_the_doubt() {
    let lost = || told(Status::Sending, fault(None, "no answer")).heard_at(at(1));
    let known = || Told { provider_id: Some("x".into()), ..Told::status(Status::Sending) }.heard_at(at(2));
    let mut message = message();
    message.hear(&lost());
    assert!(message.delivery.is_unclear());
    assert_eq!(message.hear(&known()), Change::Updated);
    assert!(!message.delivery.is_unclear() && message.delivery.fault().is_none());
    for status in [Status::Sent, Status::Failed, Status::Undelivered, Status::Delivered] {
        let mut message = self::message();
        message.hear(&lost());
        message.hear(&told(status, None).heard_at(at(2)));
        assert!(!message.delivery.is_unclear() && message.delivery.fault().is_none(), "{status:?}");
    }
}

#[test]
fn a_message_is_refused_for_a_reason_that_says_what_to_do() {
    let compose = |body: &str, standing: Standing| Message::compose(Uuid::nil(), draft(body), standing, noon());
    let longest = "ä".repeat(MAX_CHARACTERS);
    for (body, standing, refusal, word, text) in [
        ("x", Standing { owned: false, ..good() }, Refusal::NotOwned, "number_not_owned", "not a number of this account"),
        ("x", Standing { provider: None, ..good() }, Refusal::NoProvider, "no_provider", "no provider of text messages is set up"),
        ("x", Standing { opted_out: true, ..good() }, Refusal::OptedOut, "opted_out", "only START"),
        (" \n\0", good(), Refusal::Empty, "empty", "is empty"),
        (&format!("{longest}ä"), good(), Refusal::TooLong { characters: 1_601 }, "too_long", "1601 characters; at most 1600"),
    ] {
        let refused = compose(body, standing).err();
        assert_eq!((refused, refusal.word()), (Some(refusal), word));
        assert!(refusal.to_string().contains(text) && !refusal.to_string().contains("4930"), "{refusal}");
    }
    let message = compose(&longest, good()).expect("as long as may be");
    assert_eq!((message.segments.encoding, message.segments.segments), (Encoding::Gsm7, 11));
    assert_eq!((message.direction.word(), message.status_word(), message.provider.as_str()), ("out", "queued", "main"));
    assert_eq!((message.agent.as_deref(), message.lead, message.version), (Some("agent1"), Some(7), 1));
    assert_eq!(compose("a\0b", good()).expect("a message").body, "ab", "databases take no NUL");
}

#[test]
fn a_message_that_came_in_is_complete() {
    let incoming =
        Incoming { provider_id: "SM1".into(), from: number("+4930123456"), to: number("+12025550123"), body: "Grüße\0 😀".into() };
    let mut message = Message::receive(Uuid::nil(), incoming, "main".into(), noon());
    assert_eq!((message.direction, message.direction.word(), message.status_word()), (Direction::In, "in", "received"));
    assert_eq!((message.delivery.provider_id(), message.body.as_str()), (Some("SM1"), "Grüße 😀"));
    assert_eq!((message.segments.encoding.word(), message.segments.units, message.version), ("ucs2", 8, 1));
    for status in STATUSES {
        assert_eq!(message.hear(&told(status, None).heard_at(at(1))), Change::Nothing);
    }
    assert_eq!((message.status_word(), message.updated_at), ("received", noon()));
}

#[test]
fn no_log_shows_a_number_or_a_text() {
    let mut message = message();
    message.hear(&told(Status::Failed, fault(Some("21211"), "'To' number +4930123456 is not valid")).heard_at(at(1)));
    let shown = format!("{message:?}");
    assert!(shown.contains("21211") && !shown.contains("hello") && !shown.contains("4930123456"), "{shown}");
}

#[test]
fn a_fault_is_short_and_one_line() {
    let fault = Fault::new(None, &format!("\n<h1>\r\n{}", "ü".repeat(1_000)));
    assert_eq!((fault.text().chars().count(), fault.text().contains(char::is_control)), (300, false));
    assert!(fault.text().starts_with("<h1>  ü"));
}
