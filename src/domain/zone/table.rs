//! The table of prefixes: read once from `table.txt`, which `make_table.py` makes, then looked up by longest prefix.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use chrono_tz::Tz;

/// What the table's source writes where no zone is known.
const UNKNOWN: &str = "Etc/Unknown";
/// The country code that North America shares, and how long a prefix with an area code is.
const NORTH_AMERICA: &str = "1";
const AREA: usize = 4;

/// Kazakhstan shares Russia's country code, but no zone of Russia's.
const KAZAKHSTAN: &str = "77";

/// Zones by E.164 prefix.
#[derive(Debug)]
pub(super) struct Table {
    zones: HashMap<&'static str, Vec<Tz>>,
    longest: usize,
}

#[expect(clippy::expect_used, reason = "the text is part of the program, and a test reads it")]
static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("table.txt")).expect("table.txt is well formed"));

/// The zones of the longest prefix that these digits begin with; none when the table has no such prefix.
pub(super) fn of_place(digits: &str) -> &'static [Tz] {
    TABLE.longest_prefix(digits)
}

/// All zones of the country that these digits begin with.
pub(super) fn of_country(digits: &str) -> &'static [Tz] {
    TABLE.country(digits)
}

impl Table {
    /// Reads the text; says which line is wrong.
    fn read(text: &'static str) -> Result<Self, BadLine> {
        let mut listed: BTreeMap<&str, Vec<Tz>> = BTreeMap::new();
        let mut zones = None;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let bad = |what: &str, which: &str| BadLine { line: index + 1, what: format!("{what} {which:?}") };
            let mut words = line.split(' ');
            let first = words.next().unwrap_or_default();
            if !first.is_empty() {
                let names = first.split(',').filter(|name| *name != UNKNOWN);
                zones = Some(names.map(|name| name.parse().map_err(|_| bad("unknown zone", name))).collect::<Result<Vec<Tz>, _>>()?);
            }
            let zones = zones.as_ref().ok_or_else(|| bad("no zones before", line))?;
            for prefix in words {
                if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(bad("not a prefix:", prefix));
                }
                if listed.insert(prefix, zones.clone()).is_some() {
                    return Err(bad("listed twice:", prefix));
                }
            }
        }
        let longest = listed.keys().map(|prefix| prefix.len()).max().unwrap_or_default();
        Ok(Self { zones: listed.keys().map(|prefix| (*prefix, with_exchanges(&listed, prefix))).collect(), longest })
    }

    /// The zones of every prefix of these digits that is listed, the shortest first.
    fn prefixes<'a>(&'a self, digits: &str) -> impl DoubleEndedIterator<Item = &'a [Tz]> {
        (1..=self.longest.min(digits.len())).filter_map(|length| self.zones.get(digits.get(..length)?)).map(Vec::as_slice)
    }

    fn longest_prefix(&self, digits: &str) -> &[Tz] {
        self.prefixes(digits).next_back().unwrap_or_default()
    }

    /// The shortest prefix in the table is the country code, with all zones of what lies behind it.
    fn country(&self, digits: &str) -> &[Tz] {
        let own = if digits.starts_with(KAZAKHSTAN) { self.zones.get(KAZAKHSTAN).map(Vec::as_slice) } else { None };
        own.or_else(|| self.prefixes(digits).next()).unwrap_or_default()
    }
}

/// The zones of a prefix; those of a North American area with all that lie within it. The table gives an area that lies in
/// several zones one of them, and lists the exchanges of the others. But exchanges are opened all the time: one that is not
/// listed may be in any zone of its area.
fn with_exchanges(listed: &BTreeMap<&str, Vec<Tz>>, prefix: &str) -> Vec<Tz> {
    if !prefix.starts_with(NORTH_AMERICA) || prefix.len() < AREA {
        return listed[prefix].clone();
    }
    let within = listed.range(prefix..).take_while(|(other, _)| other.starts_with(prefix));
    super::sorted(within.flat_map(|(_, zones)| zones.iter().copied()).collect())
}

/// A line that is not as `make_table.py` writes it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
struct BadLine {
    line: usize,
    what: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(text: &'static str, digits: &str) -> Vec<&'static str> {
        Table::read(text).unwrap().longest_prefix(digits).iter().map(|zone| zone.name()).collect()
    }

    #[test]
    fn every_malformed_line_is_named() {
        for (text, complaint) in [
            ("# 1\nEurope/Rome 39\nEurope/Atlantis 40", "line 3: unknown zone \"Europe/Atlantis\""),
            ("Europe/Rome,Europe/Atlantis 39", "line 1: unknown zone \"Europe/Atlantis\""),
            ("Europe/Rome +39", "line 1: not a prefix: \"+39\""),
            ("Europe/Rome 39 ", "line 1: not a prefix: \"\""),
            ("Europe/Rome 39 40\nEurope/Berlin 40", "line 2: listed twice: \"40\""),
            ("# 1\n 39", "line 2: no zones before \" 39\""),
        ] {
            assert_eq!(Table::read(text).unwrap_err().to_string(), complaint);
        }
        assert!(Table::read(include_str!("table.txt")).is_ok());
    }

    #[test]
    fn the_longest_prefix_wins() {
        let text = "Europe/Rome 39\nEurope/Vatican 3906698\nEtc/Unknown 398\nEurope/London 44\n 447";
        assert_eq!(zones(text, "390669812345"), ["Europe/Vatican"]);
        assert_eq!(zones(text, "3906698"), ["Europe/Vatican"]);
        assert_eq!(zones(text, "390669"), ["Europe/Rome"]);
        assert_eq!(zones(text, "398001"), [""; 0], "known to be nowhere, though its country is known");
        assert_eq!(zones(text, "447"), ["Europe/London"], "a line goes on");
        assert_eq!(zones(text, "3"), [""; 0]);
        assert_eq!(zones(text, ""), [""; 0]);
    }

    #[test]
    fn a_country_has_the_zones_of_its_code() {
        let text = "Asia/Almaty,Europe/Moscow 7\nAsia/Almaty 77\nEurope/Moscow 79 7495\nEurope/Rome 39";
        for (digits, expected) in [
            ("74951234567", ["Asia/Almaty", "Europe/Moscow"].as_slice()),
            ("79161234567", &["Asia/Almaty", "Europe/Moscow"]),
            ("77011234567", &["Asia/Almaty"]),
            ("39021234567", &["Europe/Rome"]),
            ("40", &[]),
        ] {
            let zones: Vec<&str> = Table::read(text).unwrap().country(digits).iter().map(|zone| zone.name()).collect();
            assert_eq!(zones, expected, "{digits}");
        }
    }

    /// Every prefix is found with the zones that are listed; a country's are those of all its places.
    #[test]
    fn the_whole_table_is_found() {
        let (mut zones, mut prefixes) = ("", 0);
        for line in include_str!("table.txt").lines().skip(1) {
            let mut words = line.split_whitespace();
            zones = if line.starts_with(' ') { zones } else { words.next().unwrap() };
            for prefix in words {
                let found = of_place(prefix);
                assert!(zones.split(',').all(|zone| found.iter().any(|other| other.name() == zone)), "{prefix} in {zones}: {found:?}");
                let of_area = prefix.starts_with('1') && prefix.len() >= AREA;
                assert!(of_area || found.len() == zones.split(',').count(), "{prefix} in {zones}: {found:?}");
                assert!(found.iter().all(|zone| of_country(prefix).contains(zone)), "{prefix}: {found:?}");
                prefixes += 1;
            }
        }
        assert!(prefixes > 3_000, "{prefixes} prefixes");
    }

    #[test]
    fn only_a_north_american_area_has_the_zones_of_its_exchanges() {
        let text = "America/New_York 1850\nAmerica/Chicago 1 1850234\nEurope/Lisbon 351\nAtlantic/Azores 351292";
        assert_eq!(zones(text, "18502345678"), ["America/Chicago"], "a listed exchange");
        assert_eq!(zones(text, "18509995678"), ["America/Chicago", "America/New_York"], "one that is not");
        assert_eq!(zones(text, "18005551234"), ["America/Chicago"], "the country code is no area");
        assert_eq!(zones(text, "351211234567"), ["Europe/Lisbon"], "elsewhere the list is whole");
    }
}
