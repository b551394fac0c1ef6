//! What a client may write into a lead: the table of fields, what is cut and what is refused, and that nobody sets what is the
//! server's own.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use cti_gateway::domain::lead::{
    Callback, Field, FieldError, FieldRules, Lead, LeadPatch, Missing, Remark, Source,
    field::{self, FIELDS},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{lead, rules};
use crate::support::app::noon;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn lenient(given: &[(&str, &str)]) -> (LeadPatch, Vec<Remark>) {
    LeadPatch::lenient(given.iter().copied(), &rules(&names(&["Policy ID"]))).expect("nothing refused")
}

fn strict(given: &Value) -> Result<LeadPatch, Vec<FieldError>> {
    LeadPatch::strict(object(given), &rules(&names(&["Policy ID"])))
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

/// The fields at fault.
fn faults(given: &Value) -> Vec<String> {
    strict(given).expect_err("refused").into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect()
}

/// A lead on which nothing is empty.
fn full() -> Lead {
    let given = FIELDS.iter().filter(|row| row.client.is_some_and(|field| field != Field::Phone)).map(|row| (row.dialedin, "CA"));
    let given: Vec<_> = given.chain([("PrimaryPhone", "7812706510"), ("adv_policy__id", "7")]).collect();
    let mut lead = lenient(&given).0.new_lead(1, Source::Import, noon()).expect("a lead");
    lead.callback = Some(Callback { agent: Some("anna".to_owned()), at: noon(), notes: Some("again".to_owned()) });
    (lead.hot_at, lead.expires_at, lead.last_attempt_at, lead.retry_at) = (Some(noon()), Some(noon()), Some(noon()), Some(noon()));
    lead
}

#[test]
fn the_table_is_the_record() {
    let wire = json!(full());
    let keys: BTreeSet<&str> = object(&wire).keys().map(String::as_str).collect();
    assert_eq!(keys, FIELDS.iter().map(|row| row.native).collect(), "each key of the record has its row");
    assert!(wire.as_object().expect("an object").values().all(|value| !value.is_null()), "{wire}");
    assert_eq!(serde_json::from_value::<Lead>(wire).expect("a lead"), full());

    let clients: Vec<Field> = FIELDS.iter().filter_map(|row| row.client).collect();
    for (row, field) in FIELDS.iter().zip(&clients) {
        assert_eq!((row.client, field.row()), (Some(*field), row), "those that clients set come first, in their order");
        assert!(full().text(*field).is_some(), "{field:?}");
    }
    assert_eq!(clients.iter().collect::<BTreeSet<_>>().len(), 14, "each once");
    for dialect in 0..3 {
        let spelling = |row: &field::FieldRow| [row.name, row.dialedin, row.native][dialect].to_lowercase();
        let different: BTreeSet<String> = FIELDS.iter().map(spelling).collect();
        assert_eq!(different.len(), FIELDS.len(), "no name twice in one dialect");
    }
    let lengths: Vec<String> = FIELDS.iter().map(|row| format!("{} {}", row.dialedin, row.max_chars)).collect();
    insta::assert_snapshot!(lengths.join("\n"));
}

#[test]
fn words_of_the_source() {
    for source in [Source::DialedIn, Source::Api, Source::Import] {
        assert_eq!(json!(source), json!(source.word()));
    }
}

#[test]
fn dirty_input_of_real_clients_is_taken() {
    let (patch, remarks) = lenient(&[
        ("campaign", " Solar "),
        ("PRIMARYPHONE", "(781) 270-6510"),
        ("FirstName", "null"),
        ("LastName", "Null"),
        ("City", "undefined"),
        ("Address", ""),
        ("email", "ada@example.com"),
        ("Notes", "one\r\ntwo\0"),
        (" ADV_policy__id", "7"),
    ]);
    assert_eq!(remarks, []);
    let lead = patch.new_lead(1, Source::DialedIn, noon()).expect("a lead");
    assert_eq!((lead.campaign.as_str(), lead.phone.as_str(), lead.phone_raw.as_str()), ("Solar", "+17812706510", "(781) 270-6510"));
    assert_eq!((lead.first_name.as_deref(), lead.last_name.as_deref()), (None, Some("Null")), "Null is a name of people");
    assert_eq!((lead.city.as_deref(), lead.address.as_deref()), (None, None));
    assert_eq!((lead.email.as_deref(), lead.notes.as_deref()), (Some("ada@example.com"), Some("one\r\ntwo")));
    assert_eq!(json!(lead.custom), json!({"Policy ID": "7"}), "by the declared name");
    assert_eq!((lead.version, lead.created_at, lead.updated_at, lead.check_window), (1, noon(), noon(), true));
}

#[test]
fn a_plain_email_goes_before_a_custom_one() {
    for given in [[("email", "plain"), ("adv_Email", "custom")], [("adv_Email", "custom"), ("email", "plain")]] {
        assert_eq!(lenient(&given).0.given(Field::Email), Some("plain"));
    }
    let (patch, remarks) = lenient(&[("adv_email", "custom")]);
    assert_eq!((patch.given(Field::Email), remarks.len()), (Some("custom"), 0));
}

#[test]
fn the_lenient_cut_what_is_too_long_and_say_so() {
    for row in FIELDS.iter().filter(|row| row.client.is_some_and(|field| !field.is_required())) {
        let field = row.client.expect("a client's");
        // characters, not bytes
        let fits = "ü".repeat(row.max_chars);
        let (patch, remarks) = lenient(&[(row.dialedin, &fits)]);
        assert_eq!((patch.given(field), remarks), (Some(fits.as_str()), vec![]), "{}", row.name);
        let (patch, remarks) = lenient(&[(row.dialedin, &format!("{fits}x"))]);
        assert_eq!(patch.given(field), Some(fits.as_str()), "{}", row.name);
        assert_eq!(remarks, [Remark::Cut(row.dialedin.to_owned(), row.max_chars)]);
    }
    assert_eq!(lenient(&[("ZipCode", "123456789 0")]).0.given(Field::Zip), Some("123456789"), "no blank is left at the cut");
    let long = "x".repeat(field::MAX_CUSTOM_CHARS + 1);
    let (patch, remarks) = lenient(&[("adv_Policy__ID", &long), ("Campaign", "Solar"), ("PrimaryPhone", "7812706510")]);
    assert_eq!(remarks, [Remark::Cut("Policy ID".to_owned(), 4_000)]);
    assert_eq!(patch.new_lead(1, Source::Api, noon()).expect("a lead").custom["Policy ID"].len(), 4_000);
}

#[test]
fn the_lenient_refuse_what_would_name_something_else() {
    let (name, number) = ("x".repeat(51), format!("7812706510{}", " ".repeat(40) + "1"));
    let given = [("Campaign", name.as_str()), ("PrimaryPhone", number.as_str()), ("City", name.as_str())];
    let refused = LeadPatch::lenient(given, &rules(&[])).expect_err("refused");
    let expected = ["Campaign", "PrimaryPhone"]
        .map(|field| FieldError { field: field.to_owned(), message: "expected at most 50 characters".to_owned() });
    assert_eq!(refused, expected);
}

#[test]
fn a_lead_has_a_campaign_and_a_number_that_can_be_dialed() {
    let made = |given: &[(&str, &str)]| {
        lenient(given).0.new_lead(1, Source::DialedIn, noon()).map(|lead| {
            assert_eq!((lead.version, lead.updated_at), (1, noon()));
            lead.phone.to_string()
        })
    };
    assert_eq!(made(&[("PrimaryPhone", "7812706510")]), Err(Missing(Field::Campaign)));
    assert_eq!(made(&[("Campaign", "Solar")]), Err(Missing(Field::Phone)));
    assert_eq!(Missing(Field::Phone).to_string(), "PrimaryPhone is missing");
    assert_eq!(made(&[("Campaign", "Solar"), ("PrimaryPhone", "+683 4000")]), Ok("+6834000".to_owned()), "the shortest there are");
    for number in ["911", "+911", "112", "1001", "+49 110", "123456", "+123456", "unknown", "-"] {
        let (patch, remarks) = lenient(&[("Campaign", "Solar"), ("PrimaryPhone", number)]);
        assert_eq!(remarks, [Remark::NoNumber("PrimaryPhone".to_owned())], "{number}");
        assert_eq!(patch.new_lead(1, Source::DialedIn, noon()), Err(Missing(Field::Phone)), "{number}");
        assert_eq!(faults(&json!({"phone": number})), ["phone: expected a telephone number that can be dialed"], "{number}");
    }
}

#[test]
fn names_that_are_no_fields_are_said_and_change_nothing() {
    let (patch, remarks) = lenient(&[
        ("Favourite", "x"),
        ("adv_", "x"),
        ("LeadId", "5"),
        ("version", "5"),
        ("adv_Shoe__Size", "46"),
        ("adv_id", "5"),
        ("adv_Created__At", "x"),
        ("adv_call_status", "SALE"),
        ("adv_x\ny", "x"),
    ]);
    assert!(patch.is_empty());
    let remarks: Vec<String> = remarks.iter().map(Remark::to_string).collect();
    insta::assert_snapshot!(remarks.join("\n"));
    let (declared, rude) = ([], "ü\r\n\u{1F600}".repeat(99));
    let (_, remarks) = LeadPatch::lenient([(rude.as_str(), "x")], &rules(&declared)).expect("fields");
    let text = remarks[0].to_string();
    assert!(text.len() < 1_000 && text.chars().all(|c| c.is_ascii() && !c.is_control()), "fit for a header: {text}");
}

#[test]
fn names_of_custom_fields() {
    let (longest, too_long) = ("x".repeat(100), "x".repeat(101));
    for (name, fits) in [
        ("Policy ID", true),
        ("Größe", true),
        (longest.as_str(), true),
        (too_long.as_str(), false),
        ("", false),
        (" ", false),
        ("a\nb", false),
        ("zip code", false),
        ("PHONE-RAW", false),
        ("lead id", false),
    ] {
        assert_eq!(field::check_custom_name(name).is_ok(), fits, "{name}");
    }
}

#[test]
fn undeclared_fields_are_stored_where_the_account_takes_them() {
    let declared = names(&["Policy ID"]);
    let taking = FieldRules { allow_undeclared: true, ..rules(&declared) };
    let given = [("adv_Shoe__Size", "46"), ("adv_id", "5"), ("adv_POLICY__ID", "7")];
    let (patch, remarks) = LeadPatch::lenient(given, &taking).expect("fields");
    assert_eq!(remarks, [Remark::Undeclared("Shoe Size".to_owned(), true), Remark::BadName("id".to_owned())]);
    let mut lead = lead();
    assert_eq!(patch.apply(&mut lead, noon()).changed, ["custom"]);
    assert_eq!(json!(lead.custom), json!({"Policy ID": "7", "Shoe Size": "46"}));

    let given = json!({"custom": {"shoe size": "47", "policy id": ""}});
    assert_eq!(faults(&given), ["custom.shoe size: the account has not declared this field"]);
    LeadPatch::strict(object(&given), &taking).expect("fields").apply(&mut lead, noon());
    assert_eq!(json!(lead.custom), json!({"Shoe Size": "47"}), "one field, whatever its case");
    let given = json!({"custom": {"Call Status": "SALE"}});
    let refused = LeadPatch::strict(object(&given), &taking).expect_err("refused");
    assert_eq!(refused[0].message, "a field of every lead has this name");
}

#[test]
fn a_lead_holds_so_many_custom_fields() {
    let taking = FieldRules { allow_undeclared: true, ..rules(&[]) };
    let many: Vec<String> = (0..=field::MAX_CUSTOM_VALUES).map(|n| format!("adv_n{n}")).collect();
    let (patch, remarks) = LeadPatch::lenient(many.iter().map(|name| (name.as_str(), "x")), &taking).expect("fields");
    assert_eq!(remarks.last(), Some(&Remark::TooMany("n100".to_owned())));
    let mut lead = lead();
    assert_eq!(patch.apply(&mut lead, noon()).left_out, [""; 0]);
    assert_eq!(lead.custom.len(), field::MAX_CUSTOM_VALUES);

    let more = json!({"custom": {"n5": "y", "another": "x"}});
    let applied = LeadPatch::strict(object(&more), &taking).expect("fields").apply(&mut lead, noon());
    assert_eq!(applied.left_out, ["another"], "there was room for what it held");
    assert_eq!((lead.custom["n5"].as_str(), lead.custom.len()), ("y", field::MAX_CUSTOM_VALUES));
    let exchanged = json!({"custom": {"another": "x", "n6": ""}});
    let applied = LeadPatch::strict(object(&exchanged), &taking).expect("fields").apply(&mut lead, noon());
    assert_eq!(
        (applied.left_out, lead.custom.get("n6"), lead.custom.len()),
        (vec![], None, field::MAX_CUSTOM_VALUES),
        "what is cleared makes room"
    );

    let given: Map<String, Value> = many.into_iter().map(|name| (name, json!("x"))).collect();
    let refused = LeadPatch::strict(object(&json!({"custom": given})), &taking).expect_err("refused");
    assert_eq!((refused.len(), refused[0].message.as_str()), (1, "expected at most 100 custom fields"));
}

#[test]
fn the_strict_refuse_everything_that_is_wrong_at_once() {
    let given = json!({
        "campaign": "", "phone": "", "firstName": "x".repeat(101), "lastName": 7, "city": "a\u{7}b", "state": "CAL", "FirstName": "x",
        "zip": null, "id": 5, "createdAt": "x", "version": 9, "hot": true, "expiresAt": "x", "favourite": "x",
        "custom": {"Policy ID": 7, "id": "5", "nothing": null},
    });
    insta::assert_snapshot!(faults(&given).join("\n"));
    assert_eq!(faults(&json!({"custom": "x"})), ["custom: expected an object"]);
    let all_wrong: Map<String, Value> = (0..200).map(|n| (format!("x{n}"), json!("x"))).collect();
    assert_eq!(strict(&json!(all_wrong)).expect_err("refused").len(), 50);
    for row in FIELDS.iter().filter(|row| row.client.is_some_and(|field| field != Field::Phone)) {
        assert!(strict(&json!({row.native: "ü".repeat(row.max_chars)})).is_ok(), "{}", row.name);
        assert_eq!(faults(&json!({row.native: "ü".repeat(row.max_chars + 1)})).len(), 1, "{}", row.name);
    }
    assert_eq!(faults(&json!({"phone": format!("7812706510{}1", " ".repeat(40))})), ["phone: expected at most 50 characters"]);
    assert_eq!(faults(&json!({"custom": {"Policy ID": "x".repeat(4_001)}})), ["custom.Policy ID: expected at most 4000 characters"]);
}

#[test]
fn an_empty_text_clears_and_null_leaves_alone() {
    let mut lead = full();
    let patch = strict(&json!({"firstName": " ", "lastName": null, "callStatus": "", "city": "Rome", "custom": {"Policy ID": ""}}));
    let later = noon() + TimeDelta::hours(1);
    let applied = patch.expect("fields").apply(&mut lead, later);
    assert_eq!(applied.changed, ["firstName", "city", "callStatus", "custom"]);
    assert_eq!((lead.first_name.as_deref(), lead.last_name.as_deref(), lead.city.as_deref()), (None, Some("CA"), Some("Rome")));
    assert_eq!((lead.call_status.as_deref(), lead.custom.len(), lead.updated_at, lead.version), (None, 0, later, 2));
    assert!(strict(&json!({"lastName": null})).expect("fields").is_empty());
}

#[test]
fn what_changes_nothing_leaves_time_and_version() {
    let mut lead = full();
    let same = json!({"campaign": "CA", "firstName": "CA", "phone": "7812706510", "custom": {"policy id": "7"}});
    let applied = strict(&same).expect("fields").apply(&mut lead, noon() + TimeDelta::hours(1));
    assert_eq!((applied.changed.len(), lead), (0, full()));
}

#[test]
fn an_override_was_given_for_a_number_and_a_status() {
    let overridden = || Lead { dial_non_callables: true, check_window: false, ..full() };
    for (given, dnc_lifted, window_checked) in [
        (json!({"city": "Rome"}), true, false),
        (json!({"phone": "(781) 270-6510"}), true, false),
        (json!({"callStatus": "CA"}), true, false),
        (json!({"phone": "7812706511"}), false, true),
        (json!({"callStatus": "SALE"}), false, false),
        (json!({"callStatus": ""}), false, false),
    ] {
        let mut lead = overridden();
        strict(&given).expect("fields").apply(&mut lead, noon());
        assert_eq!((lead.dial_non_callables, lead.check_window), (dnc_lifted, window_checked), "{given}");
    }
    let mut lead = full();
    let applied = strict(&json!({"phone": "7812706511"})).expect("fields").apply(&mut lead, noon());
    assert_eq!((applied.changed, lead.phone.as_str(), lead.phone_raw.as_str()), (vec!["phone"], "+17812706511", "7812706511"));
    assert!(!lead.dial_non_callables && lead.check_window, "nothing was set aside before, and nothing is now");
}

#[test]
fn a_log_line_shows_nobody() {
    let shown = format!("{:?} {:?}", full(), lenient(&[("FirstName", "Ada"), ("PrimaryPhone", "7812706510"), ("adv_Policy__ID", "77")]).0);
    assert!(shown.contains("FirstName") && shown.contains("Policy ID"), "{shown}");
    assert!(["Ada", "7812706510", "77", "CA", "again"].iter().all(|secret| !shown.contains(secret)), "{shown}");
}

/// Names as careless or hostile senders write them.
fn name() -> impl Strategy<Value = String> {
    let row = prop::sample::select(FIELDS.iter().flat_map(|row| [row.name, row.dialedin, row.native]).collect::<Vec<_>>());
    let known = prop_oneof![row.prop_map(str::to_owned), Just("Policy ID".to_owned()), "[a-zA-Zü_ ]{0,12}"];
    let prefix = prop::sample::select(vec!["", "", "adv_", "ADV_", " adv_", "adv___"]);
    (prefix, known, any::<bool>()).prop_map(|(prefix, name, upper)| {
        let name = format!("{prefix}{}", name.replace(' ', "__"));
        if upper { name.to_uppercase() } else { name }
    })
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[0-9+() ]{0,20}", 4 => "\\PC{0,80}", 1 => ".{0,600}", 1 => Just("null".to_owned()), 1 => "[\0-\u{20}x]{0,5}"]
}

/// Everything that is the server's own.
fn servers_own(lead: &Lead) -> Value {
    let mut wire = json!(lead);
    let own = wire.as_object_mut().expect("an object");
    own.retain(|key, _| !["custom", "phoneRaw"].contains(&key.as_str()) && field::by_native(key).is_some_and(|row| row.client.is_none()));
    wire
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_a_sender_writes_breaks_a_lead(given in prop::collection::vec((name(), value()), 0..12), allow_undeclared: bool) {
        let declared = names(&["Policy ID"]);
        let rules = FieldRules { allow_undeclared, ..rules(&declared) };
        let given_texts = given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let as_json: Map<String, Value> = given.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let custom = json!({"custom": as_json});
        let patches = [
            LeadPatch::lenient(given_texts, &rules).ok().map(|(patch, _)| patch),
            LeadPatch::strict(&as_json, &rules).ok(),
            LeadPatch::strict(object(&custom), &rules).ok(),
        ];
        for patch in patches.into_iter().flatten() {
            let mut lead = full();
            let applied = patch.apply(&mut lead, noon());
            prop_assert_eq!(lead.version, full().version + i64::from(!applied.changed.is_empty()));
            lead.version = full().version;
            prop_assert_eq!(servers_own(&lead), servers_own(&full()), "the server's own");
            for row in FIELDS.iter() {
                let Some(field) = row.client else { continue };
                let text = lead.text(field).unwrap_or("x");
                let visible = |c: char| !c.is_control() || "\r\n\t".contains(c);
                prop_assert!((1..=row.max_chars).contains(&text.chars().count()) && text.chars().all(visible), "{}: {:?}", row.name, text);
            }
            for name in lead.custom.keys() {
                prop_assert!(name == "Policy ID" || allow_undeclared && field::check_custom_name(name).is_ok(), "{}", name);
            }
            let again = patch.apply(&mut lead, noon());
            prop_assert!(again.changed.is_empty(), "{:?}", again);
        }
    }
}
