//! The law of filters, playlists, dial lists and skills, and the SQL that filters become.

mod agreement;
mod lists;
mod playlists;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::{
    domain::{
        filter::{
            Filter, FlagField, MAX_BLOCKS, MAX_JOINED_BLOCKS, MAX_LISTED, MAX_STATEMENTS, MAX_VALUE, MAX_VALUES, NumberField, Subject,
            TextField, TimeField,
        },
        phone::HomeRegion,
    },
    store::{Arg, filter_text},
};
use serde_json::{Value, json};

use crate::support::app::noon;

/// The custom fields of the account.
const CUSTOM: [&str; 3] = ["Policy ID", "note", "Note"];

/// A lead, or as much of it as a filter asks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lead {
    texts: [Option<String>; TextField::ALL.len()],
    custom: BTreeMap<String, String>,
    numbers: [Option<i64>; NumberField::ALL.len()],
    times: [Option<DateTime<Utc>>; TimeField::ALL.len()],
    hot: Option<bool>,
}

impl Subject for Lead {
    fn text(&self, field: TextField) -> Option<&str> {
        self.texts[field as usize].as_deref()
    }

    fn custom(&self, name: &str) -> Option<&str> {
        self.custom.get(name).map(String::as_str)
    }

    fn number(&self, field: NumberField) -> Option<i64> {
        self.numbers[field as usize]
    }

    fn time(&self, field: TimeField) -> Option<DateTime<Utc>> {
        self.times[field as usize]
    }

    fn flag(&self, FlagField::Hot: FlagField) -> Option<bool> {
        self.hot
    }
}

/// A lead with one text.
fn with(field: TextField, text: &str) -> Lead {
    let mut lead = Lead::default();
    lead.texts[field as usize] = Some(text.to_owned());
    lead
}

fn read(json: &Value) -> Filter {
    Filter::read(json, &CUSTOM, HomeRegion::default()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn refused(json: &Value) -> String {
    match Filter::read(json, &CUSTOM, HomeRegion::default()) {
        Ok(filter) => panic!("{json} was read as {filter:?}"),
        Err(error) => error.to_string(),
    }
}

/// A filter of one statement; without a value it is `null`.
fn only(field: &str, op: &str, value: Value) -> Value {
    json!({"blocks": [{"statements": [{"field": field, "op": op, "value": value}]}]})
}

/// A filter of blocks with one statement each: its text and what joins it to the next.
fn blocks(blocks: &[(&str, &str)]) -> Filter {
    let block = |(state, join): &(&str, &str)| json!({"statements": [{"field": "state", "op": "contains", "value": state}], "join": join});
    read(&json!({"blocks": blocks.iter().map(block).collect::<Vec<_>>()}))
}

#[test]
fn statements_hold_together() {
    let filter = read(&json!({"blocks": [{"statements": [
        {"field": "state", "op": "eq", "value": "FL"}, {"field": "city", "op": "startsWith", "value": "mia"},
    ]}]}));
    let mut lead = with(TextField::State, "FL");
    assert!(!filter.matches(&lead));
    lead.texts[TextField::City as usize] = Some("Miami".into());
    assert!(filter.matches(&lead));
    lead.texts[TextField::State as usize] = Some("GA".into());
    assert!(!filter.matches(&lead));
}

#[test]
fn what_follows_a_block_is_one_whole() {
    let truth = |text: &str, letter: &str| text.contains(letter);
    for states in ["-", "a", "b", "c", "ab", "ac", "bc", "abc"] {
        let (a, b, c) = (truth(states, "a"), truth(states, "b"), truth(states, "c"));
        let lead = with(TextField::State, states);
        // the last join says nothing
        for last in ["and", "or"] {
            for (first, second, expected) in
                [("and", "or", a && (b || c)), ("or", "and", a || (b && c)), ("and", "and", a && b && c), ("or", "or", a || b || c)]
            {
                let filter = blocks(&[("a", first), ("b", second), ("c", last)]);
                assert_eq!(filter.matches(&lead), expected, "{states}: a {first} b {second} c");
            }
        }
    }
    let has = |letter: &str| json!({"statements": [{"field": "state", "op": "contains", "value": letter}]});
    let silent = json!({"blocks": [has("a"), has("b")]});
    assert!(read(&silent).matches(&with(TextField::State, "ab")));
    assert!(!read(&silent).matches(&with(TextField::State, "b")), "without a word a block is joined by and");
}

#[test]
fn texts_are_compared_without_the_case_of_a_to_z() {
    for (op, value, text, expected) in [
        ("eq", "fl", "FL", true),
        ("eq", "FL", "F", false),
        ("eq", "MÜNCHEN", "münchen", false),
        ("eq", "MüNCHEN", "münchen", true),
        ("eq", "k", "\u{212a}", false),
        ("eq", "", "", true),
        ("ne", "fl", "FL", false),
        ("ne", "fl", "", true),
        ("contains", "LOR", "Florida", true),
        ("contains", "_", "Florida", false),
        ("contains", "%", "Florida", false),
        ("startsWith", "FLO", "Florida", true),
        ("startsWith", "lor", "Florida", false),
        ("endsWith", "IDA", "Florida", true),
        ("endsWith", "rid", "Florida", false),
    ] {
        assert_eq!(read(&only("city", op, json!(value))).matches(&with(TextField::City, text)), expected, "{text:?} {op} {value:?}");
    }
    for (op, expected) in [("in", [true, true, false]), ("notIn", [false, false, true])] {
        let filter = read(&only("city", op, json!(["FL", ""])));
        for (text, expected) in ["fl", "", "GA"].into_iter().zip(expected) {
            assert_eq!(filter.matches(&with(TextField::City, text)), expected, "{text:?} {op}");
        }
    }
}

#[test]
fn an_absent_text_is_the_empty_one() {
    let absent = Lead::default();
    for (op, value, expected) in [
        ("eq", json!(""), true),
        ("eq", json!("x"), false),
        ("ne", json!("x"), true),
        ("contains", json!("x"), false),
        ("in", json!(["x", ""]), true),
        ("notIn", json!(["x"]), true),
        ("isEmpty", Value::Null, true),
        ("isNotEmpty", Value::Null, false),
    ] {
        for field in ["city", "custom:Policy ID"] {
            let filter = read(&only(field, op, value.clone()));
            assert_eq!(filter.matches(&absent), expected, "{field} {op}");
            let mut empty = with(TextField::City, "");
            empty.custom.insert("Policy ID".into(), String::new());
            assert_eq!(filter.matches(&empty), expected, "{field} {op}, empty");
        }
    }
    let area = read(&only("areaCode", "isEmpty", Value::Null));
    assert!(area.matches(&absent));
}

#[test]
fn an_absent_number_or_time_matches_no_comparison() {
    let (mut present, absent) = (Lead { numbers: [Some(3), None], ..Lead::default() }, Lead::default());
    present.times[TimeField::CallbackAt as usize] = Some(noon());
    let [before, at, after] = [-1, 0, 1].map(|second| json!(noon() + TimeDelta::seconds(second)));
    for (op, less, same, more) in [
        ("eq", false, true, false),
        ("ne", true, false, true),
        ("lt", false, false, true),
        ("le", false, true, true),
        ("gt", true, false, false),
        ("ge", true, true, false),
    ] {
        let numbers = [json!(2), json!(3), json!(4)].map(|value| only("attempts", op, value));
        let times = [&before, &at, &after].map(|value| only("callbackAt", op, value.clone()));
        for filters in [numbers, times] {
            for (filter, expected) in filters.iter().zip([less, same, more]) {
                assert_eq!(read(filter).matches(&present), expected, "{filter}");
                assert!(!read(filter).matches(&absent), "{filter}");
            }
        }
    }
    for (filter, there, missing) in [
        (only("attempts", "in", json!([1, 3])), true, false),
        (only("attempts", "in", json!([1, 2])), false, false),
        (only("attempts", "notIn", json!([1, 3])), false, false),
        (only("attempts", "notIn", json!([1])), true, false),
        (only("attempts", "isEmpty", Value::Null), false, true),
        (only("attempts", "isNotEmpty", Value::Null), true, false),
        (only("callbackAt", "isEmpty", Value::Null), false, true),
        (only("callbackAt", "isNotEmpty", Value::Null), true, false),
    ] {
        assert_eq!(read(&filter).matches(&present), there, "{filter}");
        assert_eq!(read(&filter).matches(&absent), missing, "{filter}, absent");
    }
}

#[test]
fn times_are_compared_to_the_microsecond() {
    let mut lead = Lead::default();
    lead.times[TimeField::CreatedAt as usize] = Some(noon() + TimeDelta::nanoseconds(1_999));
    let at = |text: &str| read(&only("createdAt", "eq", json!(text))).matches(&lead);
    assert!(at("2026-11-20T12:00:00.000001Z"));
    assert!(at("2026-11-20T13:00:00.000001001+01:00"));
    assert!(!at("2026-11-20T12:00:00.000002Z"));
    // a leap second is the second after it
    lead.times[TimeField::CreatedAt as usize] = "2017-01-01T00:00:00Z".parse().ok();
    assert!(read(&only("createdAt", "eq", json!("2016-12-31T23:59:60Z"))).matches(&lead));
}

#[test]
fn an_absent_flag_is_false() {
    let lead = |hot| Lead { hot, ..Lead::default() };
    for (op, value, hot, cold) in
        [("eq", true, true, false), ("eq", false, false, true), ("ne", true, false, true), ("ne", false, true, false)]
    {
        let filter = read(&only("hot", op, json!(value)));
        assert_eq!(filter.matches(&lead(Some(true))), hot, "{op} {value}");
        assert_eq!(filter.matches(&lead(Some(false))), cold, "{op} {value}");
        assert_eq!(filter.matches(&lead(None)), cold, "{op} {value}, absent");
    }
}

#[test]
fn numbers_are_found_however_they_are_written_and_by_their_area() {
    let lead = with(TextField::Phone, "+17812706510");
    for (field, op, value, expected) in [
        ("phone", "eq", json!("(781) 270-6510"), true),
        ("phone", "ne", json!("781 270 6510"), false),
        ("phone", "in", json!(["1001", "17812706510"]), true),
        ("phone", "startsWith", json!("+1781"), true),
        ("phone", "contains", json!("2706"), true),
        ("areaCode", "eq", json!("781"), true),
        ("areaCode", "startsWith", json!("8"), false),
        ("areaCode", "notIn", json!(["305", "781"]), false),
    ] {
        assert_eq!(read(&only(field, op, value.clone())).matches(&lead), expected, "{field} {op} {value}");
    }
    for other in ["+4930123456", "+178127065100", "+1781270651", "7812706510", "1001", ""] {
        assert!(read(&only("areaCode", "isEmpty", Value::Null)).matches(&with(TextField::Phone, other)), "{other}");
    }
}

#[test]
fn names_are_found_in_any_case_and_as_dialedin_writes_them() {
    let canonical = |name: &str, op: &str, value: Value| {
        let written = serde_json::to_value(read(&only(name, op, value))).expect("JSON");
        written["blocks"][0]["statements"][0]["field"].as_str().expect("a name").to_owned()
    };
    for (name, expected) in [
        ("ClientId", "clientId"),
        ("FirstName", "firstName"),
        ("LASTNAME", "lastName"),
        ("Address", "address"),
        ("City", "city"),
        ("State", "state"),
        ("ZipCode", "zip"),
        ("zip", "zip"),
        ("Email", "email"),
        ("Rep", "rep"),
        ("CallStatus", "callStatus"),
        ("Campaign", "campaign"),
        ("Subcampaign", "subcampaign"),
        ("Custom:policy id", "custom:Policy ID"),
        ("custom:note", "custom:note"),
        ("custom:Note", "custom:Note"),
        ("custom:NOTE", "custom:note"),
    ] {
        assert_eq!(canonical(name, "eq", json!("x")), expected);
    }
    assert_eq!(canonical("PrimaryPhone", "eq", json!("1001")), "phone");
    assert_eq!(canonical("AreaCode", "eq", json!("781")), "areaCode");
    assert_eq!(canonical("Attempts", "eq", json!(1)), "attempts");
    assert_eq!(canonical("priority", "eq", json!(true)), "hot");
    for time in ["CreatedAt", "UpdatedAt", "LastAttemptAt", "CallbackAt"] {
        assert!(canonical(time, "eq", json!(noon())).eq_ignore_ascii_case(time));
    }
}

#[test]
fn a_fault_is_named_by_its_path() {
    let second = |statement: Value| {
        let first = json!({"field": "City", "op": "isEmpty"});
        json!({"blocks": [{"statements": [first]}, {"statements": [first, statement]}]})
    };
    let written = |field: &str, op: &str, value: Value| second(json!({"field": field, "op": op, "value": value}));
    let faults = [
        json!([]),
        json!([[]]),
        json!({}),
        json!({"blocks": "+17812706510"}),
        json!({"blocks": [[]]}),
        json!({"blocks": [{}]}),
        json!({"blocks": [{"statements": ["city"]}]}),
        json!({"blocks": [], "name": "x"}),
        json!({"blocks": []}),
        json!({"blocks": [{"statements": []}]}),
        json!({"blocks": [{"statements": [{"field": "city", "op": "isEmpty"}], "join": "xor"}]}),
        json!({"blocks": [{"statements": [{"field": "city", "op": "isEmpty"}], "joins": "or"}]}),
        second(json!({"field": "city", "op": "eq", "values": ["x"]})),
        second(json!({"field": "city"})),
        second(json!({"field": "city", "op": 1})),
        second(json!({"op": "isEmpty"})),
        written("colour", "eq", json!("x")),
        written("custom:", "eq", json!("x")),
        written("custom:Policy", "eq", json!("x")),
        written("city", "lt", json!("x")),
        written("city", "EQ", json!("x")),
        written("city", "eq", json!(1)),
        written("city", "eq", Value::Null),
        written("city", "eq", json!("a\0b")),
        written("city", "contains", json!("")),
        written("city", "in", json!("x")),
        written("city", "in", json!([])),
        written("city", "notIn", json!(["x", 1])),
        written("city", "isEmpty", json!("")),
        written("attempts", "contains", json!(1)),
        written("attempts", "eq", json!("1")),
        written("attempts", "eq", json!(1.5)),
        written("attempts", "in", json!([1, 9_223_372_036_854_775_808_u64])),
        written("createdAt", "in", json!([noon()])),
        written("createdAt", "lt", json!("2026-11-20")),
        written("createdAt", "lt", json!("0001-01-01T00:00:00+01:00")),
        written("createdAt", "lt", json!("9999-12-31T23:59:59-01:00")),
        written("hot", "isEmpty", Value::Null),
        written("hot", "eq", json!(1)),
        written("phone", "eq", json!("nobody")),
        written("phone", "in", json!(["1001", ""])),
        written("phone", "startsWith", json!("(781)")),
        written("phone", "contains", json!("+")),
        written("areaCode", "eq", json!("1781")),
        written("areaCode", "in", json!(["781", "x12"])),
        written("areaCode", "startsWith", json!("+1")),
    ];
    let told: Vec<String> = faults.iter().map(refused).collect();
    insta::assert_snapshot!(told.join("\n"));
    let many: Vec<String> = (0..25).map(|n| format!("f{n}")).collect();
    let error = Filter::read(&only("colour", "eq", json!("x")), &many, HomeRegion::default()).expect_err("no field");
    assert!(error.message.ends_with("custom:f19, 5 more custom fields"), "{error}");
}

#[test]
fn everything_has_a_limit() {
    let many = |blocks: usize, statements: usize, listed: usize| {
        let statement = json!({"field": "city", "op": "in", "value": vec!["x"; listed]});
        json!({"blocks": vec![json!({"statements": vec![statement; statements]}); blocks]})
    };
    read(&many(MAX_BLOCKS, 1, 1));
    assert_eq!(refused(&many(MAX_BLOCKS + 1, 1, 1)), "blocks: expected a list of 1 to 20 blocks");
    read(&many(1, MAX_STATEMENTS, 1));
    assert_eq!(refused(&many(1, MAX_STATEMENTS + 1, 1)), "blocks[0].statements: expected a list of 1 to 50 statements");
    read(&many(1, 1, MAX_LISTED));
    assert_eq!(refused(&many(1, 1, MAX_LISTED + 1)), "blocks[0].statements[0].value: expected a list of 1 to 200 values");
    read(&only("city", "eq", json!("ü".repeat(MAX_VALUE))));
    let told = refused(&only("city", "eq", json!("u".repeat(MAX_VALUE + 1))));
    assert_eq!(told, "blocks[0].statements[0].value: expected a text of at most 500 characters");
    read(&many(1, MAX_VALUES / MAX_LISTED, MAX_LISTED));
    let told = refused(&many(2, MAX_VALUES / MAX_LISTED / 2 + 1, MAX_LISTED));
    assert_eq!(told, "blocks: expected at most 4000 values in all lists and statements together");
}

#[test]
fn joined_filters_have_limits_too() {
    let one = blocks(&[("a", "or")]);
    let full = Filter::join(vec![&one; MAX_JOINED_BLOCKS]).expect("just enough").expect("a filter");
    assert_eq!(full.blocks().len(), MAX_JOINED_BLOCKS);
    let written = serde_json::to_value(&full).expect("JSON");
    assert_eq!(Filter::read_joined(&written, &CUSTOM, HomeRegion::default()).as_ref(), Ok(&full));
    assert_eq!(refused(&written), "blocks: expected a list of 1 to 20 blocks");
    let told = Filter::join(vec![&one; MAX_JOINED_BLOCKS + 1]).expect_err("too many").to_string();
    assert_eq!(told, "the filters have 101 blocks and 101 values together; expected at most 100 blocks and 4000 values");
    // a custom field is an argument too
    let listed = |field: &str| {
        let statement = json!({"field": field, "op": "in", "value": vec!["x"; MAX_LISTED]});
        read(&json!({"blocks": [{"statements": vec![statement; 4]}]}))
    };
    assert!(Filter::join(vec![&listed("city"); 5]).is_ok());
    assert!(Filter::join(vec![&listed("custom:note"); 5]).is_err());
    assert_eq!(Filter::join([]), Ok(None));
}

#[test]
fn the_texts_of_filters() {
    let condition = |filter: &Filter| filter_text::of_filter(filter, 7).sql;
    let mut texts = Vec::new();
    for op in ["eq", "ne", "contains", "startsWith", "endsWith"] {
        texts.push(condition(&read(&only("city", op, json!("x")))));
    }
    for op in ["in", "notIn"] {
        texts.push(condition(&read(&only("zip", op, json!(["a", "b"])))));
        texts.push(condition(&read(&only("attempts", op, json!([1, 2])))));
    }
    for op in ["isEmpty", "isNotEmpty"] {
        texts.extend(["rep", "areaCode", "attempts", "callbackAt"].map(|field| condition(&read(&only(field, op, Value::Null)))));
    }
    for op in ["eq", "ne", "lt", "le", "gt", "ge"] {
        texts.push(condition(&read(&only("attempts", op, json!(1)))));
    }
    texts.push(condition(&read(&only("createdAt", "lt", json!(noon())))));
    texts.push(condition(&read(&only("hot", "ne", json!(true)))));
    texts.push(condition(&read(&only("custom:Policy ID", "eq", json!("x")))));
    texts.push(condition(&read(&json!({"blocks": [{"statements": [
        {"field": "custom:note", "op": "startsWith", "value": "x"}, {"field": "areaCode", "op": "eq", "value": "781"}]}]}))));
    for joins in [
        ["and", "and", "and", "and"],
        ["or", "or", "or", "or"],
        ["and", "or", "and", "or"],
        ["or", "and", "and", "or"],
        ["and", "or", "or", "and"],
    ] {
        let [a, b, c, d] = joins;
        texts.push(condition(&blocks(&[("a", a), ("b", b), ("c", c), ("d", d)])));
    }
    texts.push(condition(&blocks(&[("a", "or"), ("b", "and")])));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn what_is_written_is_bound_folded_and_never_part_of_the_text() {
    let filter = read(&json!({"blocks": [{"statements": [
        {"field": "city", "op": "contains", "value": "50%_!É'; drop table lead --"},
        {"field": "custom:POLICY ID", "op": "ne", "value": "$9 MÜNCHEN"},
        {"field": "attempts", "op": "in", "value": [1, 2]},
        {"field": "hot", "op": "ne", "value": true},
        {"field": "createdAt", "op": "lt", "value": "2026-11-20T13:00:00.0000019+01:00"}]}]}));
    let condition = filter_text::of_filter(&filter, 3);
    insta::assert_snapshot!(format!("{}\n{}", condition.sql, condition.args.iter().map(shown).collect::<Vec<_>>().join("\n")));
}

/// An argument, as people read it.
fn shown(arg: &Arg) -> String {
    format!("{arg:?}")
}
