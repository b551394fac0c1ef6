//! Filters in memory, on SQLite and on Postgres: the same leads, whatever they hold.

use std::{cell::RefCell, collections::BTreeSet, fs, path::Path};

use chrono::{DateTime, Utc};
use cti_gateway::{
    domain::{
        filter::{Filter, MAX_JOINED_BLOCKS, MAX_LISTED, NumberField, TextField, TimeField},
        phone::HomeRegion,
        playlist::Playlist,
    },
    q,
    store::{
        Arg, Q, Tx,
        filter_text::{self, Condition},
    },
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::runtime::Handle;

use super::{CUSTOM, Lead, only, read, with};
use crate::support::app::{Kind, TestApp, both};

/// Texts that meet one another, and what patterns, quotes and other alphabets make of them.
const TEXTS: [&str; 32] = [
    "", "FL", "fl", "Fl", "florida", "FLORIDA", " fl", "50%", "50", "a_b", "axb", "A_B", "a!b", "!", "%", "_", "\\", "a\\b", "'", "''; --",
    "$1", "München", "MÜNCHEN", "münchen", "k", "\u{212a}", "ß", "SS", "\u{130}", "i\u{307}", "é", "e\u{301}",
];
const PHONES: [&str; 9] =
    ["+17812706510", "+17812706511", "+13055550100", "+4930123456", "1001", "+1781270651é", "+178127065100", "+1781%_6510", ""];
/// Nanoseconds are cut on every side; the second before 1970 is cut downwards.
const TIMES: [&str; 7] = [
    "2026-11-20T12:00:00Z",
    "2026-11-20T12:00:00.000001Z",
    "2026-11-20T12:00:00.000001999Z",
    "2026-11-20T12:00:00.5Z",
    "2026-11-19T12:00:00Z",
    "1969-12-31T23:59:59.9999999Z",
    "0001-01-01T00:00:00Z",
];
const COLUMNS: &str = "client_id, first_name, last_name, address, city, state, zip, phone, email, rep, call_status, campaign, subcampaign";

/// Operators by what they compare with.
const WHOLES: &[&str] = &["eq", "ne", "in", "notIn", "isEmpty", "isNotEmpty"];
const PARTS: &[&str] = &["contains", "startsWith", "endsWith"];
const NUMBERS: &[&str] = &["eq", "ne", "lt", "le", "gt", "ge", "in", "notIn", "isEmpty", "isNotEmpty"];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(TEXTS.as_slice()).prop_map(str::to_owned), 1 => "[a-cA-CäÄßKſ%_! \\\\]{0,4}"]
}

fn lead() -> impl Strategy<Value = Lead> {
    let others = prop::collection::vec(prop::option::weighted(0.8, text()), TextField::ALL.len());
    let phone = prop::option::of(prop::sample::select(PHONES.as_slice()));
    let time = || prop::option::of(prop::sample::select(TIMES.as_slice()).prop_map(at));
    let times = [time(), time(), time(), time()];
    let number = || prop::option::of(-1..3_i64);
    let custom = prop::collection::btree_map(prop::sample::select(CUSTOM.as_slice()).prop_map(str::to_owned), text(), 0..3);
    (others, phone, custom, [number(), number()], times, any::<Option<bool>>()).prop_map(|(texts, phone, custom, numbers, times, hot)| {
        let mut texts: [Option<String>; TextField::ALL.len()] = texts.try_into().expect("as many");
        texts[TextField::Phone as usize] = phone.map(str::to_owned);
        Lead { texts, custom, numbers, times, hot }
    })
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// A statement about a field: compared with one value, looked for in a list, or there at all.
fn about<T: std::fmt::Debug + Clone + Into<Value> + 'static>(
    field: impl Strategy<Value = &'static str> + 'static,
    ops: &'static [&'static str],
    value: impl Strategy<Value = T> + Clone + 'static,
) -> BoxedStrategy<Value> {
    (field, prop::sample::select(ops), prop::collection::vec(value, 1..4))
        .prop_map(|(field, op, mut values)| {
            let value = match op {
                "isEmpty" | "isNotEmpty" => Value::Null,
                "in" | "notIn" => Value::Array(values.into_iter().map(Into::into).collect()),
                _ => values.swap_remove(0).into(),
            };
            json!({"field": field, "op": op, "value": value})
        })
        .boxed()
}

fn statement() -> impl Strategy<Value = Value> {
    let texts = || {
        let plain = TextField::ALL.iter().filter(|field| **field != TextField::Phone).map(|field| field.word());
        prop::sample::select(plain.chain(["custom:Policy ID", "custom:note", "custom:Note"]).collect::<Vec<_>>())
    };
    let one_of = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    let part = prop_oneof![text(), "[a-zA-Z%_!]"].prop_filter("something", |text| !text.is_empty());
    let seldom = prop_oneof![Just(String::new()), Just("fl".to_owned()), Just("k".to_owned())];
    let times = prop::sample::select(TimeField::ALL).prop_map(|field| field.word());
    let numbers = prop::sample::select(NumberField::ALL).prop_map(|field| field.word());
    prop_oneof![
        6 => about(texts(), WHOLES, seldom.boxed()),
        6 => about(texts(), &["eq", "ne", "in", "notIn"], text().boxed()),
        6 => about(texts(), PARTS, part.boxed()),
        1 => about(Just("phone"), WHOLES, one_of(&["+17812706510", "(781) 270-6511", "1001"])),
        1 => about(Just("phone"), PARTS, one_of(&["+1", "781", "0", "1001"])),
        2 => about(Just("areaCode"), WHOLES, one_of(&["781", "305"])),
        1 => about(Just("areaCode"), PARTS, one_of(&["7", "81", "05"])),
        2 => about(numbers, NUMBERS, -1..3_i64),
        2 => about(times, &["eq", "ne", "lt", "le", "gt", "ge", "isEmpty", "isNotEmpty"], one_of(&TIMES)),
        1 => about(Just("hot"), &["eq", "ne"], any::<bool>()),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let join = prop::sample::select(vec!["and", "or"]);
    let block =
        (prop::collection::vec(statement(), 1..3), join).prop_map(|(statements, join)| json!({"statements": statements, "join": join}));
    prop::collection::vec(block, 1..6).prop_map(|blocks| read(&json!({ "blocks": blocks })))
}

/// The tables that a condition reads, for this transaction only.
async fn make_tables(t: &TestApp, tx: &mut Tx) {
    let (id, text, time, flag, end) = match t.kind {
        Kind::Sqlite => ("integer", "text", "text", "integer", ") strict"),
        Kind::Postgres => ("bigint", "text collate \"C\"", "timestamptz", "boolean", ")"),
    };
    let texts: Vec<String> = COLUMNS.split(", ").map(|column| format!("{column} {text}")).collect();
    let lead = format!(
        "create temp table lead (account_id {id}, id {id}, {}, attempts {id}, attempts_total {id}, created_at {time}, updated_at {time}, \
         last_attempt_at {time}, callback_at {time}, hot {flag}{end}",
        texts.join(", ")
    );
    let fields = format!("create temp table lead_field (account_id {id}, lead_id {id}, name {text}, value {text}{end}");
    for sql in [lead, fields] {
        tx.run(Q::new(AssertSqlSafe(sql), vec![])).await.expect("a table");
    }
}

/// Puts these leads in the place of all others, and beside them the same of another account.
async fn put(tx: &mut Tx, leads: &[Lead]) {
    for sql in ["delete from lead", "delete from lead_field"] {
        tx.run(q!(sql)).await.expect("no leads");
    }
    let holes = (1..=22).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let insert = format!(
        "insert into lead (account_id, id, {COLUMNS}, attempts, attempts_total, created_at, updated_at, last_attempt_at, callback_at, hot) values ({holes})"
    );
    for (id, lead) in (0_i64..).zip(leads) {
        let mut args = vec![Arg::from(1_i64), Arg::from(id)];
        args.extend(lead.texts.iter().map(|text| Arg::from(text.clone())));
        args.extend(lead.numbers.iter().map(|number| Arg::from(*number)));
        args.extend(lead.times.iter().map(|time| Arg::from(*time)));
        args.push(lead.hot.into());
        tx.run(Q::new(AssertSqlSafe(insert.clone()), args)).await.expect("a lead");
        // the other account's comes first: who takes the first field of a lead takes the wrong one
        for (account, value) in [(2_i64, Some("fl")), (1, None)] {
            for (name, ours) in &lead.custom {
                let value = value.unwrap_or(ours);
                tx.run(q!("insert into lead_field (account_id, lead_id, name, value) values ($1, $2, $3, $4)", account, id, name, value))
                    .await
                    .expect("a field");
            }
        }
    }
}

/// The leads that a condition picks, which begins at the second placeholder.
async fn picked(tx: &mut Tx, condition: Condition) -> Vec<i64> {
    let sql = format!("select l.id from lead l where l.account_id = $1 and {} order by l.id", condition.sql);
    let args = std::iter::once(Arg::from(1_i64)).chain(condition.args).collect();
    let found: Vec<(i64,)> = tx.all(Q::new(AssertSqlSafe(sql.clone()), args)).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    found.into_iter().map(|(id,)| id).collect()
}

fn numbered(leads: &[Lead], matches: impl Fn(&Lead) -> bool) -> Vec<i64> {
    (0..).zip(leads).filter(|(_, lead)| matches(lead)).map(|(id, _)| id).collect()
}

both! {
    async fn a_filter_picks_what_it_matches(t: TestApp) {
        let mut tx = t.app().db.begin().await.expect("a transaction");
        make_tables(&t, &mut tx).await;
        let (tx, seen, handle) = (RefCell::new(tx), RefCell::new((0, 0)), Handle::current());
        let cases = (prop::collection::vec(lead(), 1..12), prop::collection::vec(filter(), 12));
        tokio::task::block_in_place(|| {
            let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, max_shrink_iters: 300, ..Config::default() });
            let ran = runner.run(&cases, |(leads, filters)| {
                let mut tx = tx.borrow_mut();
                handle.block_on(put(&mut tx, &leads));
                for filter in filters {
                    let expected = numbered(&leads, |lead| filter.matches(lead));
                    let condition = filter_text::of_filter(&filter, 2);
                    let found = handle.block_on(picked(&mut tx, condition.clone()));
                    prop_assert_eq!(&found, &expected, "{:?} as {}", filter, condition.sql);
                    let mut seen = seen.borrow_mut();
                    *seen = (seen.0 + found.len(), seen.1 + leads.len() - found.len());
                    // what is stored says the same
                    let stored = serde_json::to_value(&filter).expect("JSON");
                    prop_assert_eq!(Filter::read(&stored, &CUSTOM, HomeRegion::default()), Ok(filter));
                }
                Ok(())
            });
            ran.unwrap_or_else(|failure| panic!("{failure}"));
        });
        let (met, missed) = seen.into_inner();
        assert!(met > 500 && missed > 500, "filters that pick everything or nothing prove little: {met} and {missed}");
    }

    async fn every_text_meets_every_text_alike(t: TestApp) {
        let mut tx = t.app().db.begin().await.expect("a transaction");
        make_tables(&t, &mut tx).await;
        let leads: Vec<Lead> = TEXTS.iter().map(|text| with(TextField::City, text)).chain([Lead::default()]).collect();
        put(&mut tx, &leads).await;
        for value in TEXTS {
            for op in ["eq", "ne", "contains", "startsWith", "endsWith", "in", "notIn"] {
                let is_part = matches!(op, "contains" | "startsWith" | "endsWith");
                if value.is_empty() && is_part {
                    continue;
                }
                let filter = read(&only("city", op, if op.to_lowercase().ends_with("in") { json!([value]) } else { json!(value) }));
                let found = picked(&mut tx, filter_text::of_filter(&filter, 2)).await;
                assert_eq!(found, numbered(&leads, |lead| filter.matches(lead)), "{op} {value:?}");
            }
        }
    }

    async fn a_playlist_picks_what_it_holds(t: TestApp) {
        let mut tx = t.app().db.begin().await.expect("a transaction");
        make_tables(&t, &mut tx).await;
        let campaigns = ["Spring", "spring", "Ü", "ü", "Summer"];
        let lead = |(index, campaign): (usize, &&str)| {
            let mut lead = with(TextField::Campaign, campaign);
            lead.texts[TextField::State as usize] = Some(["FL", "GA"][index % 2].into());
            lead
        };
        let leads: Vec<Lead> = campaigns.repeat(2).iter().enumerate().map(lead).chain([Lead::default()]).collect();
        put(&mut tx, &leads).await;
        let either = read(&json!({"blocks": [
            {"statements": [{"field": "state", "op": "eq", "value": "fl"}], "join": "or"},
            {"statements": [{"field": "campaign", "op": "eq", "value": "summer"}]}]}));
        let filters = [("either".to_owned(), either)].into();
        let mut playlist = Playlist { name: "p".into(), campaigns: vec![], filters: vec![] };
        let mut sizes = BTreeSet::new();
        for campaigns in [vec![], vec!["SPRING"], vec!["Ü", "summer"]] {
            playlist.campaigns = campaigns.into_iter().map(str::to_owned).collect();
            for filter in [None, Some("either")] {
                playlist.filters.clear();
                filter.map(|name| playlist.assign(name, true).expect("a filter"));
                let published = playlist.reload(&filters).expect("a playlist");
                let found = picked(&mut tx, filter_text::of_playlist(&published, 2)).await;
                assert_eq!(found, numbered(&leads, |lead| published.matches(lead)), "{published:?}");
                sizes.insert(found.len());
            }
        }
        assert_eq!(sizes, [0, 2, 3, 4].into(), "each says something else");
    }

    async fn the_largest_playlist_runs(t: TestApp) {
        let mut tx = t.app().db.begin().await.expect("a transaction");
        make_tables(&t, &mut tx).await;
        let leads = [with(TextField::City, "FL"), with(TextField::City, "x")];
        put(&mut tx, &leads).await;
        // as deep as it gets: every join is another one; and as many values as there may be
        let wide = json!([{"field": "city", "op": "in", "value": vec!["FL"; MAX_LISTED - 1]}, {"field": "custom:note", "op": "isEmpty"}]);
        let deep = json!([{"field": "city", "op": "ne", "value": "x"}]);
        let block = |index: usize| {
            let join = if index.is_multiple_of(2) { "and" } else { "or" };
            json!({"statements": if index < 19 { &wide } else { &deep }, "join": join})
        };
        let blocks: Vec<Value> = (0..MAX_JOINED_BLOCKS).map(block).collect();
        let filter = Filter::read_joined(&json!({ "blocks": blocks }), &CUSTOM, HomeRegion::default()).expect("a filter");
        let found = picked(&mut tx, filter_text::of_filter(&filter, 2)).await;
        assert_eq!(found, numbered(&leads, |lead| filter.matches(lead)));
        assert_eq!(found, [0]);
    }
}

/// The text columns of tables that filters read which Postgres would fold by the rules of a language.
fn folded_by_language(sql: &str) -> Vec<String> {
    let columns: Vec<&str> = COLUMNS.split(", ").chain(["value", "name"]).collect();
    let mut found = Vec::new();
    for table in ["create table lead (", "create table lead_field ("] {
        let body = sql.split_once(table).and_then(|(_, rest)| rest.split_once(");")).map_or("", |(body, _)| body);
        let lines = body.lines().filter(|line| line.split_whitespace().next().is_some_and(|word| columns.contains(&word)));
        found.extend(lines.filter(|line| line.contains(" text") && !line.contains("collate \"C\"")).map(|line| line.trim().to_owned()));
    }
    found
}

#[test]
fn postgres_folds_the_columns_of_leads_as_sqlite_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    for entry in fs::read_dir(folder).expect("migrations") {
        let sql = fs::read_to_string(entry.expect("a file").path()).expect("text");
        assert_eq!(folded_by_language(&sql), [""; 0]);
    }
    let example = "create table lead (\n    city text not null,\n    zip text collate \"C\",\n    notes text\n);\n\
                   create table lead_field (\n    value text\n);\ncreate table x (\n    city text\n);";
    assert_eq!(folded_by_language(example), ["city text not null,", "value text"]);
}
