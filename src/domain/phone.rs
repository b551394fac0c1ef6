//! Telephone numbers: one canonical form for comparing, whatever a sender wrote.

use std::{fmt, str::FromStr};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, enums::Region};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Digits up to this length, without a plus sign, are an extension and never a public number.
const EXTENSION_DIGITS: usize = 6;
/// Longer runs of digits than this are not telephone numbers (E.164 allows 15; prefixes and pauses need some more).
const MAX_DIGITS: usize = 32;

/// A number in canonical form: `+` and digits (E.164) for a public number, bare digits for an extension or
/// for digits that no numbering plan explains. Equality is the only match; there is no prefix or suffix match.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(value_type = String, example = "+493055501901")]
#[serde(transparent)]
pub struct Number(String);

impl Number {
    /// Reads what a sender wrote. `region` is where a number without a country code belongs.
    /// A SIP or tel address gives its user part, an extension behind a public number is left out. `None` when no digit is
    /// left, or when there are letters: the digits of a name or an id are nobody's number.
    pub fn read(raw: &str, region: HomeRegion) -> Option<Self> {
        let raw = without_extension(user_part(raw));
        if raw.contains(char::is_alphabetic) {
            return None;
        }
        let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() || digits.len() > MAX_DIGITS {
            return None;
        }
        let international = raw.trim_start_matches(['(', ' ']).starts_with('+');
        if !international && digits.len() <= EXTENSION_DIGITS {
            return Some(Self(digits));
        }
        let parsed = PHONE_NUMBER_UTIL.parse(raw, Some(region.0));
        if !international
            && !parsed.as_ref().is_ok_and(rlibphonenumber::PhoneNumber::is_valid)
            && let Ok(number) = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None)
            && number.is_valid()
        {
            // no number of the home region, but one of the world: the sender left the plus sign out
            return Some(Self(number.format_as(PhoneNumberFormat::E164).into_owned()));
        }
        match parsed {
            Ok(number) => Some(Self(number.format_as(PhoneNumberFormat::E164).into_owned())),
            Err(_) if international => Some(Self(format!("+{digits}"))),
            Err(_) => Some(Self(digits)),
        }
    }

    /// Wraps text that is already canonical, as the book returns it.
    pub fn from_canonical(text: String) -> Self {
        Self(text)
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an extension of the telephone system rather than a public number.
    pub fn is_extension(&self) -> bool {
        !self.0.starts_with('+') && self.0.len() <= EXTENSION_DIGITS
    }
}

/// What stands for the subscriber: without `<>` and a name before it, scheme, host and parameters.
fn user_part(raw: &str) -> &str {
    let raw = raw.trim();
    let raw = raw.strip_suffix('>').and_then(|named| named.rsplit_once('<')).map_or(raw, |(_, address)| address);
    let scheme = raw.split_once(':').filter(|(scheme, _)| ["tel", "sip", "sips"].iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    let address = scheme.map_or(raw, |(_, address)| address);
    address.split(['@', ';']).next().unwrap_or_default().trim()
}

/// The text before a mark such as `ext. 12` or `x12`.
fn without_extension(raw: &str) -> &str {
    let Some(start) = raw.find(|c: char| c.is_ascii_alphabetic()) else { return raw };
    let (number, rest) = raw.split_at(start);
    let mark = rest.find(|c: char| !c.is_ascii_alphabetic()).map(|end| rest.split_at(end));
    let is_mark = mark.is_some_and(|(word, inner)| {
        let inner = inner.trim_start_matches(['.', ':', '=', ' ']);
        let digits = !inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit());
        digits && ["x", "ext", "extn", "extension"].iter().any(|known| word.eq_ignore_ascii_case(known))
    });
    if is_mark && number.contains(|c: char| c.is_ascii_digit()) { number.trim_end_matches([' ', ',']) } else { raw }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Numbers of people never reach a log: only the last two digits are shown.
impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number(…{})", &self.0[self.0.len().saturating_sub(2)..])
    }
}

/// Where numbers without a country code belong: an account's default region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HomeRegion(Region);

impl FromStr for HomeRegion {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Self, UnknownRegion> {
        Region::from_str(&text.to_ascii_uppercase()).map(Self).map_err(|_| UnknownRegion(text.to_owned()))
    }
}

impl Default for HomeRegion {
    fn default() -> Self {
        Self(Region::US)
    }
}

/// The text is not a two-letter region.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a region: expected two letters such as US, DE or GB")]
pub struct UnknownRegion(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str, region: &str) -> Option<String> {
        Number::read(raw, region.parse().unwrap()).map(|n| n.0)
    }

    #[test]
    fn canonical_forms() {
        for (raw, region, expected) in [
            ("(781) 270-6510", "US", Some("+17812706510")),
            ("+49 30 123456", "US", Some("+4930123456")),
            ("030 123456", "DE", Some("+4930123456")),
            ("0049 30 123456", "DE", Some("+4930123456")),
            ("+39 06 6982", "US", Some("+39066982")),
            ("4930123456", "US", Some("+4930123456")),
            ("4930123456", "DE", Some("+4930123456")),
            ("2025550123", "US", Some("+12025550123")),
            ("1001", "US", Some("1001")),
            ("101@phones", "US", Some("101")),
            ("sip:101@pbx.example", "US", Some("101")),
            ("SIPS:101@pbx.example", "US", Some("101")),
            ("\"Ada 7\" <sip:+4930123456@pbx.example;user=phone>", "US", Some("+4930123456")),
            ("tel:+4930123456;phone-context=x1", "US", Some("+4930123456")),
            ("(781) 270-6510 ext. 12", "US", Some("+17812706510")),
            ("+1 781 270 6510x12", "US", Some("+17812706510")),
            ("1001 Ext: 5", "US", Some("1001")),
            ("user-77-x", "US", None),
            ("a8f3-user-77", "US", None),
            ("x12", "US", None),
            ("12x", "US", None),
            ("12 ext 3 b", "US", None),
            ("0x1F", "US", None),
            ("1-800-FLOWERS", "US", None),
            ("s@caller", "US", None),
            ("", "US", None),
            ("undefined", "US", None),
            ("99999999999999999999999999", "US", Some("99999999999999999999999999")),
        ] {
            assert_eq!(read(raw, region).as_deref(), expected, "{raw} in {region}");
        }
    }

    #[test]
    fn a_log_line_shows_two_digits_only() {
        let number = Number::read("+4930123456", HomeRegion::default()).unwrap();
        assert_eq!(format!("{number:?}"), "Number(…56)");
    }
}
