//! Where the owner of a telephone number may be: the time zones that its prefix allows, narrowed by what the lead's record says.

mod place;
mod table;

use std::borrow::Cow;

use chrono_tz::Tz;
use rlibphonenumber::PHONE_NUMBER_UTIL;

pub use self::place::Place;
use super::phone::Number;

/// An entry with more zones than this names no place: the country code that twenty-five countries share, as a toll-free number has.
const NOWHERE: usize = 24;

/// The zones that a number can be in; unknown is a possible answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zones {
    entry: Cow<'static, [Tz]>,
    north_american: bool,
}

/// Whose zone a judgement rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Every zone that the number can be in.
    Number,
    /// The account's, because nothing is known of the number.
    Account,
}

impl Zones {
    /// All zones that the table knows for the longest prefix of a number that belongs to a place, and all of its country for
    /// any other: the prefix of a mobile says where it was sold at best. Extensions, North America's toll-free numbers,
    /// satellites and prefixes that nobody listed are unknown.
    pub fn of(number: &Number) -> Self {
        let Some(digits) = number.as_str().strip_prefix('+') else { return Self::default() };
        let (place, country) = (table::of_place(digits), table::of_country(digits));
        // every area of North America is a place, and whatever else begins with 1 is in no area that is listed
        let north_american = digits.starts_with('1');
        // whether a number belongs to a place takes longer to tell, and most countries have one zone
        let entry = if north_american || place == country || belongs_to_a_place(number) { place } else { country };
        Self { entry: Cow::Borrowed(entry), north_american }
    }

    /// The zones that fit the lead's state and ZIP, too. These only ever narrow: where nothing would be left, somebody has
    /// moved or mistyped, and the number's own zones stand. They mean something for North American numbers alone:
    /// "CO" is Colorado, but also Coahuila.
    #[must_use]
    pub fn narrowed(self, place: &Place<'_>) -> Self {
        let Some(within) = place.zones().filter(|_| self.north_american) else { return self };
        let both: Vec<Tz> = self.entry.iter().copied().filter(|zone| within.contains(zone)).collect();
        if both.is_empty() { self } else { Self { entry: Cow::Owned(both), ..self } }
    }

    /// The zones, by name; empty when unknown.
    pub fn candidates(&self) -> &[Tz] {
        if self.entry.len() > NOWHERE { &[] } else { &self.entry }
    }

    /// Whether nothing is known of where the number is.
    pub fn is_unknown(&self) -> bool {
        self.candidates().is_empty()
    }

    /// The zones to judge in: the number's, or the account's when they are unknown.
    pub fn or_account<'a>(&'a self, account: &'a Tz) -> (Basis, &'a [Tz]) {
        match self.candidates() {
            [] => (Basis::Account, std::slice::from_ref(account)),
            known => (Basis::Number, known),
        }
    }
}

/// Whether the numbering plan gives numbers such as this one to places: fixed lines, and the mobiles of Brazil and some more.
fn belongs_to_a_place(number: &Number) -> bool {
    PHONE_NUMBER_UTIL.parse(number.as_str(), None).is_ok_and(|parsed| parsed.is_geographical())
}

/// Zones that somebody chose, such as those of an address.
impl FromIterator<Tz> for Zones {
    fn from_iter<I: IntoIterator<Item = Tz>>(zones: I) -> Self {
        Self { entry: Cow::Owned(sorted(zones.into_iter().collect())), north_american: false }
    }
}

/// By name, each once.
fn sorted(mut zones: Vec<Tz>) -> Vec<Tz> {
    zones.sort_by_key(|zone| zone.name());
    zones.dedup();
    zones
}
