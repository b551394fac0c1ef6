//! Where a number can be: the table of prefixes, what narrows it, and the instant that a callback time means there.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use chrono_tz::{
    America::{Los_Angeles, New_York},
    Europe::Berlin,
    Tz,
};
use cti_gateway::domain::{
    callback::{self, Due},
    phone::{HomeRegion, Number},
    zone::{Basis, Place, Zones},
};

const TABLE: &str = include_str!("../../src/domain/zone/table.txt");

fn number(canonical: &str) -> Number {
    Number::from_canonical(canonical.to_owned())
}

fn names(zones: &Zones) -> String {
    zones.candidates().iter().map(|zone| zone.name()).collect::<Vec<_>>().join(" ")
}

/// The zones of a number, by name; empty when unknown.
fn zones_of(canonical: &str) -> String {
    names(&Zones::of(&number(canonical)))
}

fn narrowed(canonical: &str, state: Option<&str>, zip: Option<&str>) -> String {
    names(&Zones::of(&number(canonical)).narrowed(&Place { state, zip }))
}

/// Every prefix that the table lists, made as long as a number of its country.
fn numbers() -> Vec<String> {
    let words = TABLE.lines().skip(1).flat_map(str::split_whitespace);
    let prefixes = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    prefixes.map(|prefix| format!("+{prefix:2<11}")).collect()
}

#[test]
fn every_zone_of_the_table_is_known() {
    let header = TABLE.lines().next().expect("a header");
    assert!(header.starts_with("# phonenumbers 9."), "the version it was made from: {header}");
    let sets = TABLE.lines().skip(1).filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next());
    let zones: BTreeSet<&str> = sets.flat_map(|set| set.split(',')).collect();
    assert!(zones.len() > 250, "{} zones", zones.len());
    let unknown: Vec<_> = zones.iter().filter(|zone| zone.parse::<Tz>().is_err()).collect();
    assert!(unknown.is_empty(), "not known to chrono-tz: {unknown:?}");
}

#[test]
fn a_number_has_the_zones_of_its_longest_prefix() {
    for (canonical, expected) in [
        ("+4930123456", "Europe/Berlin"),
        ("+12125551234", "America/New_York"),
        // the leading zero of an Italian number is a part of it: without it, it would be one of the whole country
        ("+39021234567", "Europe/Rome"),
        ("+390669812345", "Europe/Vatican"),
        ("+393331234567", "Europe/Rome Europe/Vatican"),
        ("+34928123456", "Atlantic/Canary"),
        ("+34911234567", "Europe/Madrid"),
        ("+441481720000", "Europe/Guernsey"),
        ("+18765551234", "America/Jamaica"),
        ("+18085551212", "Pacific/Honolulu"),
        ("+551123456789", "America/Sao_Paulo"),
        ("+61891234567", "Australia/Adelaide Australia/Perth"),
        // two countries and eleven hours share one country code
        ("+74951234567", "Europe/Moscow"),
        ("+74232123456", "Asia/Vladivostok"),
        ("+77272501234", "Asia/Almaty"),
    ] {
        assert_eq!(zones_of(canonical), expected, "{canonical}");
    }
    let italy: HomeRegion = "IT".parse().expect("a region");
    let rome = Number::read("06 698 12345", italy).expect("a number");
    assert_eq!(names(&Zones::of(&rome)), "Europe/Vatican", "as a sender writes it");
}

#[test]
fn a_number_that_belongs_to_no_place_can_be_in_all_of_its_country() {
    for (canonical, expected) in [
        // mobiles
        ("+34612345678", "Atlantic/Canary Europe/Madrid"),
        ("+447911123456", "Europe/Guernsey Europe/Isle_of_Man Europe/Jersey Europe/London"),
        ("+4915112345678", "Europe/Berlin"),
        ("+77011234567", "Asia/Almaty Asia/Aqtobe"),
        // Brazil's have an area code
        ("+5511961234567", "America/Sao_Paulo"),
        // toll free within one country
        ("+34900123456", "Atlantic/Canary Europe/Madrid"),
        ("+498001234567", "Europe/Berlin"),
    ] {
        assert_eq!(zones_of(canonical), expected, "{canonical}");
    }
    let count = |canonical| Zones::of(&number(canonical)).candidates().len();
    assert_eq!((count("+79161234567"), count("+74951234567")), (16, 1), "a mobile of Moscow's may be in Vladivostok");
    assert_eq!((count("+61412345678"), count("+61295551234")), (8, 1));
    assert_eq!(count("+78005553535"), 16, "all of Russia is not nowhere");
}

#[test]
fn what_is_nowhere_in_particular_is_unknown() {
    for canonical in [
        "+18005551234",  // toll free
        "+15005550006",  // personal
        "+1",            // all of North America
        "+870773111632", // a satellite
        "+80012345678",  // toll free everywhere
        "+9991234567",   // nobody's
        "+2",
        "+",
        "1001",       // an extension
        "2125551234", // digits that no numbering plan explains, whatever they look like
        "",
    ] {
        let zones = Zones::of(&number(canonical));
        assert!(zones.is_unknown() && zones.candidates().is_empty(), "{canonical}: {zones:?}");
        assert_eq!(zones.or_account(&Berlin), (Basis::Account, [Berlin].as_slice()), "{canonical}");
    }
    let known = Zones::of(&number("+12125551234"));
    assert!(!known.is_unknown());
    assert_eq!(known.or_account(&Berlin), (Basis::Number, [New_York].as_slice()));
}

#[test]
fn a_north_american_exchange_that_is_not_listed_may_be_anywhere_in_its_area() {
    // Florida's 850: Pensacola and Panama City are listed, Tallahassee is the rest
    assert_eq!(zones_of("+18504321234"), "America/Chicago");
    assert_eq!(zones_of("+18509991234"), "America/Chicago America/New_York");
    // Tennessee's 423 lists Chattanooga instead
    assert_eq!(zones_of("+14232651234"), "America/New_York");
    assert_eq!(zones_of("+14239991234"), "America/Chicago America/New_York");
    assert_eq!(zones_of("+17019991234"), "America/Chicago America/Denver America/North_Dakota/Center");
}

#[test]
fn a_state_narrows_what_the_number_leaves_open() {
    const TOLL_FREE: &str = "+18005551234";
    const EASTERN: &str = "America/New_York";
    const CENTRAL: &str = "America/Chicago America/North_Dakota/Center";
    const MOUNTAIN: &str = "America/Boise America/Denver";
    let states = [
        ("CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV", EASTERN.to_owned()),
        ("FL IN KY MI TN", "America/Chicago America/New_York America/North_Dakota/Center".to_owned()),
        ("AL AR IA IL LA MN MO MS OK WI", CENTRAL.to_owned()),
        ("KS ND NE SD TX", "America/Boise America/Chicago America/Denver America/North_Dakota/Center".to_owned()),
        ("CO MT NM UT WY", MOUNTAIN.to_owned()),
        ("AZ", format!("{MOUNTAIN} America/Phoenix")),
        ("ID NV OR", format!("{MOUNTAIN} America/Los_Angeles")),
        ("CA WA", "America/Los_Angeles".to_owned()),
        ("AK", "America/Adak America/Anchorage America/Juneau".to_owned()),
        ("HI", "Pacific/Honolulu".to_owned()),
        ("PR", "America/Puerto_Rico".to_owned()),
        ("VI", "America/St_Thomas".to_owned()),
        ("GU", "Pacific/Guam".to_owned()),
        ("MP", "Pacific/Saipan".to_owned()),
        ("AS", "Pacific/Pago_Pago".to_owned()),
        ("NB NS PE", "America/Halifax".to_owned()),
        ("NL", "America/Halifax America/Puerto_Rico America/St_Johns".to_owned()),
        ("QC", "America/Halifax America/Puerto_Rico America/Toronto".to_owned()),
        ("ON", "America/Toronto America/Winnipeg".to_owned()),
        ("MB", "America/Winnipeg".to_owned()),
        ("SK", "America/Edmonton America/Regina America/Winnipeg".to_owned()),
        ("AB NT", "America/Edmonton".to_owned()),
        ("NU", "America/Edmonton America/Toronto America/Winnipeg".to_owned()),
        ("BC", "America/Edmonton America/Fort_Nelson America/Vancouver".to_owned()),
        ("YT", "America/Fort_Nelson America/Vancouver".to_owned()),
    ];
    assert_eq!(
        states.iter().flat_map(|(states, _)| states.split(' ')).count(),
        50 + 1 + 5 + 13,
        "states, district, territories, provinces"
    );
    for (state, expected) in states.iter().flat_map(|(states, expected)| states.split(' ').map(move |state| (state, expected))) {
        assert_eq!(narrowed(TOLL_FREE, Some(state), None), *expected, "{state}: anywhere in North America, and in this state");
    }
    assert_eq!(narrowed(TOLL_FREE, Some(" az "), None), format!("{MOUNTAIN} America/Phoenix"), "as it is typed");
    for nothing in ["", "XX", "A", "FL IN", "AE", "Florida"] {
        assert_eq!(narrowed(TOLL_FREE, Some(nothing), None), "", "{nothing:?} says nothing");
    }
    assert_eq!(narrowed("+17019991234", Some("ND"), Some("58701")), "America/Chicago America/North_Dakota/Center");
    assert_eq!(narrowed("+15413821234", Some("OR"), None), zones_of("+15413821234"), "nothing to narrow");
}

#[test]
fn a_zip_narrows_as_far_as_its_first_three_digits_tell() {
    const TOLL_FREE: &str = "+18005551234";
    const BOTH: &str = "America/Chicago America/New_York America/North_Dakota/Center";
    for (zip, expected) in [
        ("10001", "America/New_York"),
        ("10001-1234", "America/New_York"),
        ("100011234", "America/New_York"),
        (" 10001 ", "America/New_York"),
        ("00501", "America/New_York"),
        ("00601", "America/Puerto_Rico"),
        ("00801", "America/St_Thomas"),
        ("00901", "America/Puerto_Rico"),
        ("33101", "America/New_York"),
        ("32501", "America/Chicago America/North_Dakota/Center"),
        ("32456", BOTH),
        ("37211", "America/Chicago America/North_Dakota/Center"),
        ("37402", "America/New_York"),
        ("37355", BOTH),
        ("46320", "America/Chicago America/North_Dakota/Center"),
        ("46201", "America/New_York"),
        ("49801", BOTH),
        ("57701", "America/Boise America/Denver"),
        ("69101", "America/Boise America/Chicago America/Denver America/North_Dakota/Center"),
        ("79901", "America/Boise America/Denver"),
        ("79830", "America/Boise America/Chicago America/Denver America/North_Dakota/Center"),
        ("83501", "America/Boise America/Denver America/Los_Angeles"),
        ("83814", "America/Los_Angeles"),
        ("85001", "America/Phoenix"),
        ("86515", "America/Boise America/Denver America/Phoenix"),
        ("90210", "America/Los_Angeles"),
        ("96813", "Pacific/Honolulu"),
        ("96799", "Pacific/Honolulu Pacific/Pago_Pago"),
        ("96910", "Pacific/Guam Pacific/Saipan"),
        ("97401", "America/Los_Angeles"),
        ("97914", "America/Boise America/Denver America/Los_Angeles"),
        ("99501", "America/Adak America/Anchorage America/Juneau"),
        ("99801", "America/Anchorage America/Juneau"),
        ("K1A 0B1", "America/Toronto"),
        ("h2y1c6", "America/Toronto"),
        ("P8N 2P8", "America/Toronto America/Winnipeg"),
        ("G0C 1A0", "America/Halifax America/Puerto_Rico America/Toronto"),
        ("A1C 5S7", "America/Halifax America/Puerto_Rico America/St_Johns"),
        ("B3H 4R2", "America/Halifax"),
        ("R3C 4T3", "America/Winnipeg"),
        ("S4P 3Y2", "America/Edmonton America/Regina America/Winnipeg"),
        ("T2P 2M5", "America/Edmonton"),
        ("V6B 1A1", "America/Edmonton America/Fort_Nelson America/Vancouver"),
        ("X1A 2N2", "America/Edmonton America/Toronto America/Winnipeg"),
        ("Y1A 2C6", "America/Fort_Nelson America/Vancouver"),
        // the armed forces, nobody's, and what is no code at all
        ("09012", ""),
        ("34001", ""),
        ("96201", ""),
        ("00001", ""),
        ("1001", ""),
        ("100", ""),
        ("1000112345", ""),
        ("1000X", ""),
        ("SW1A 1AA", ""),
        ("D1A 0B1", ""),
        ("K1A 0B", ""),
        ("KAA 0B1", ""),
        ("١٢٣٤٥", ""),
        ("", ""),
    ] {
        assert_eq!(narrowed(TOLL_FREE, None, Some(zip)), expected, "{zip:?}");
    }
    // together they say more than each; when they contradict each other neither is believed
    assert_eq!(narrowed(TOLL_FREE, Some("TX"), Some("79901")), "America/Boise America/Denver");
    assert_eq!(narrowed(TOLL_FREE, Some("AZ"), Some("86001")), "America/Boise America/Denver America/Phoenix");
    assert_eq!(narrowed(TOLL_FREE, Some("FL"), Some("90210")), "");
    assert_eq!(narrowed("+18509991234", Some("FL"), Some("90210")), "America/Chicago America/New_York");
    assert_eq!(narrowed("+18509991234", Some("FL"), Some("nowhere")), "America/Chicago America/New_York");
    assert_eq!(narrowed("+18509991234", None, Some("32501")), "America/Chicago");
    assert_eq!(narrowed("+18509991234", Some("XX"), Some("32301")), "America/New_York");
}

#[test]
fn a_place_never_widens_nor_replaces_what_the_number_says() {
    assert_eq!(narrowed("+12125551234", Some("CA"), Some("90210")), "America/New_York", "he moved and kept his number, or it is a typo");
    assert_eq!(narrowed("+4930123456", Some("DE"), None), "Europe/Berlin");
    // Michoacán lies in Mexico City's zone, and one of Mexico's prefixes is in New York's: it is not Michigan
    let mexico = zones_of("+5215512345678");
    assert!(mexico.contains("America/New_York"), "{mexico}");
    assert_eq!(narrowed("+5215512345678", Some("MI"), None), mexico);
    for nowhere in ["1001", "+870773111632", "2125551234"] {
        assert_eq!(narrowed(nowhere, Some("WA"), None), "", "{nowhere}: perhaps Western Australia");
    }
    let states: Vec<&str> = "AL AK AZ CA CO FL HI ID IN KY MI MP ND NV NY OR PR TN TX AB BC NL NT NU ON QC SK YT".split(' ').collect();
    for canonical in numbers() {
        let zones = Zones::of(&number(&canonical));
        let zips = ["32501", "37355", "58701", "79830", "83501", "86515", "96799", "99501", "K1A 0B1", "P8N 2P8"];
        let places = states.iter().map(|state| (Some(*state), None)).chain(zips.iter().map(|zip| (None, Some(*zip))));
        for (state, zip) in places.filter(|_| !zones.is_unknown()) {
            let within = zones.clone().narrowed(&Place { state, zip });
            assert!(!within.is_unknown(), "{canonical} in {state:?} {zip:?}");
            assert!(within.candidates().iter().all(|zone| zones.candidates().contains(zone)), "{canonical} in {state:?} {zip:?}");
        }
    }
}

#[test]
fn a_callback_time_is_read_strictly() {
    let good = |text: &str| callback::parse(text).map(|time| time.to_string());
    assert_eq!(good("08/23/2018 14:20:00").as_deref(), Ok("2018-08-23 14:20:00"));
    assert_eq!(good("02/29/2028 00:00:00").as_deref(), Ok("2028-02-29 00:00:00"));
    assert_eq!(good("12/31/9999 23:59:59").as_deref(), Ok("9999-12-31 23:59:59"));
    let form = |rest: &str| format!("a callback time is written MM/dd/yyyy HH:mm:ss, such as 08/23/2018 14:20:00: expected {rest}");
    let part = |rest: &str| format!("the {rest}");
    for (text, complaint) in [
        ("", form("a digit of the month as character 1, found the end")),
        ("8/23/2018 14:20:00", form("a digit of the month as character 2, found '/'")),
        ("08-23-2018 14:20:00", form("'/' as character 3, found '-'")),
        ("08/2/2018 14:20:00", form("a digit of the day as character 5, found '/'")),
        ("08/23-2018 14:20:00", form("'/' as character 6, found '-'")),
        ("08/23/18 14:20:00", form("a digit of the year as character 9, found ' '")),
        ("2018-08-23 14:20:00", form("'/' as character 3, found '1'")),
        ("08/23/2018T14:20:00", form("' ' as character 11, found 'T'")),
        ("08/23/2018  4:20:00", form("a digit of the hour as character 12, found ' '")),
        ("08/23/2018 2:20:00 PM", form("a digit of the hour as character 13, found ':'")),
        ("08/23/2018 14.20.00", form("':' as character 14, found '.'")),
        ("08/23/2018 14:2:00", form("a digit of the minute as character 16, found ':'")),
        ("08/23/2018 14:20", form("':' as character 17, found the end")),
        ("08/23/2018 14:20:0", form("a digit of the second as character 19, found the end")),
        ("08/23/2018 14:20:00 ", form("the end as character 20, found ' '")),
        ("08/23/2018 14:20:00Z", form("the end as character 20, found 'Z'")),
        (" 08/23/2018 14:20:00", form("a digit of the month as character 1, found ' '")),
        ("+8/23/2018 14:20:00", form("a digit of the month as character 1, found '+'")),
        ("٠٨/23/2018 14:20:00", form("a digit of the month as character 1, found '٠'")),
        ("13/01/2026 14:20:00", part("month of a callback time is 1 to 12, not 13")),
        ("00/01/2026 14:20:00", part("month of a callback time is 1 to 12, not 0")),
        ("23/08/2018 14:20:00", part("month of a callback time is 1 to 12, not 23")),
        ("02/29/2026 14:20:00", part("day of a callback time is 1 to 28, not 29")),
        ("04/31/2026 14:20:00", part("day of a callback time is 1 to 30, not 31")),
        ("04/00/2026 14:20:00", part("day of a callback time is 1 to 30, not 0")),
        ("04/01/0000 14:20:00", part("year of a callback time is 1 to 9999, not 0")),
        ("04/01/2026 24:00:00", part("hour of a callback time is 0 to 23, not 24")),
        ("04/01/2026 23:60:00", part("minute of a callback time is 0 to 59, not 60")),
        ("04/01/2026 23:59:60", part("second of a callback time is 0 to 59, not 60")),
    ] {
        assert_eq!(callback::parse(text).map_err(|bad| bad.to_string()), Err(complaint), "{text:?}");
    }
}

/// When a lead of this number asked to be called; the account is in Berlin.
fn due(text: &str, canonical: &str, place: Place<'_>) -> Due {
    let zones = Zones::of(&number(canonical)).narrowed(&place);
    callback::resolve(callback::parse(text).expect("a callback time"), &zones, Berlin)
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

#[test]
fn a_callback_time_is_the_customers() {
    let anywhere = Place::default();
    let noon = |canonical, place| due("07/01/2026 12:00:00", canonical, place);
    assert_eq!(
        noon("+12125551234", anywhere),
        Due { at: utc("2026-07-01T16:00:00Z"), zone: New_York, basis: Basis::Number },
        "the number's single zone"
    );
    assert_eq!(noon("1001", anywhere), Due { at: utc("2026-07-01T10:00:00Z"), zone: Berlin, basis: Basis::Account }, "unknown");
    // several zones: the latest instant, when it is noon or later in all of them
    let several = noon("+18509991234", anywhere);
    assert_eq!((several.at, several.zone.name(), several.basis), (utc("2026-07-01T17:00:00Z"), "America/Chicago", Basis::Number));
    let narrowed = noon("+18509991234", Place { zip: Some("32301"), ..anywhere });
    assert_eq!((narrowed.at, narrowed.zone), (utc("2026-07-01T16:00:00Z"), New_York));
    let free = noon("+18005551234", Place { state: Some("CA"), ..anywhere });
    assert_eq!(free, Due { at: utc("2026-07-01T19:00:00Z"), zone: Los_Angeles, basis: Basis::Number }, "a toll-free number in a state");
    assert_eq!(noon("+12125551234", Place { state: Some("CA"), ..anywhere }).zone, New_York, "the number's zones stand");
    let zones: Zones = [Los_Angeles, New_York, Berlin].into_iter().collect();
    let time = callback::parse("07/01/2026 12:00:00").expect("a time");
    assert_eq!(callback::resolve(time, &zones, Berlin).zone, Los_Angeles, "whatever the order");
}

#[test]
fn a_callback_time_meets_a_change_of_the_clock() {
    let at = |text, canonical| due(text, canonical, Place::default()).at;
    // a gap: the clock goes from 2:00 to 3:00, and half past two is half past three
    assert_eq!(at("03/29/2026 01:59:59", "+4930123456"), utc("2026-03-29T00:59:59Z"));
    assert_eq!(at("03/29/2026 02:30:00", "+4930123456"), utc("2026-03-29T01:30:00Z"));
    assert_eq!(at("03/29/2026 02:00:00", "+4930123456"), utc("2026-03-29T01:00:00Z"));
    assert_eq!(at("03/29/2026 03:00:00", "+4930123456"), utc("2026-03-29T01:00:00Z"));
    assert_eq!(at("03/08/2026 02:30:00", "+12125551234"), utc("2026-03-08T07:30:00Z"));
    // a fold: the clock shows 1:00 to 2:00 twice, and the second time counts
    assert_eq!(at("11/01/2026 00:59:59", "+12125551234"), utc("2026-11-01T04:59:59Z"));
    assert_eq!(at("11/01/2026 01:30:00", "+12125551234"), utc("2026-11-01T06:30:00Z"));
    assert_eq!(at("11/01/2026 02:00:00", "+12125551234"), utc("2026-11-01T07:00:00Z"));
    assert_eq!(at("10/25/2026 02:30:00", "+4930123456"), utc("2026-10-25T01:30:00Z"));
    // a day that Samoa never had
    assert_eq!(at("12/30/2011 10:00:00", "+68521234"), utc("2011-12-30T20:00:00Z"));
    // and the first and the last time that can be written
    assert_eq!(at("12/31/9999 23:59:59", "+12125551234"), utc("+10000-01-01T04:59:59Z"));
    assert_eq!(at("01/01/0001 00:00:00", "1001").timestamp(), utc("0000-12-31T23:06:32Z").timestamp());
}
