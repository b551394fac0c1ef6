//! How many short messages a text becomes: the alphabets, their limits, and what is never cut apart.
//!
//! A text that GSM 03.38 can write takes septets, any other takes UTF-16 units. Alone it may fill a whole short message; in several,
//! each gives a part of its room to a header that puts them together again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The characters that take one septet. The one position left out is the escape to [`EXTENSION`].
const BASIC: &str = concat!(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ",
    " !\"#¤%&'()*+,-./0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§",
    "¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
/// The characters that take two: the escape and a septet.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How a text is written on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Septets of the GSM 03.38 alphabet.
    Gsm7,
    /// UTF-16 units: one character outside the alphabet is enough.
    Ucs2,
}

impl Encoding {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }

    /// Units that one short message holds: alone, and as a part of several.
    fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }
}

/// What a text costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Segments {
    /// How it is written.
    pub encoding: Encoding,
    /// Septets or UTF-16 units in all.
    pub units: usize,
    /// Short messages it takes; an empty text takes one.
    pub segments: usize,
    /// Units that each of them holds.
    pub per_segment: usize,
}

impl Segments {
    /// Measures a text. What takes two units stays whole: it moves to the next short message when only one unit is left, so a
    /// text may take more of them than its length divided by theirs.
    pub fn of(text: &str) -> Self {
        let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
        let (encoding, widths) = match septets {
            Some(widths) => (Encoding::Gsm7, widths),
            None => (Encoding::Ucs2, text.chars().map(char::len_utf16).collect()),
        };
        let units = widths.iter().sum();
        let (alone, in_several) = encoding.room();
        if units <= alone {
            return Self { encoding, units, segments: 1, per_segment: alone };
        }
        let (mut segments, mut used) = (1, 0);
        for width in widths {
            if used + width > in_several {
                segments += 1;
                used = 0;
            }
            used += width;
        }
        Self { encoding, units, segments, per_segment: in_several }
    }
}

/// The septets of a character; `None` when the alphabet lacks it.
fn septets(c: char) -> Option<usize> {
    match () {
        () if BASIC.contains(c) => Some(1),
        () if EXTENSION.contains(c) => Some(2),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn measure(text: &str) -> (Encoding, usize, usize, usize) {
        let Segments { encoding, units, segments, per_segment } = Segments::of(text);
        (encoding, units, segments, per_segment)
    }

    #[test]
    fn the_alphabet_is_whole() {
        let characters: BTreeSet<char> = BASIC.chars().chain(EXTENSION.chars()).collect();
        assert_eq!((BASIC.chars().count(), EXTENSION.chars().count(), characters.len()), (127, 10, 137));
        for (position, c) in [(0x00, '@'), (0x0a, '\n'), (0x0d, '\r'), (0x10, 'Δ'), (0x1a, 'Ξ')] {
            assert_eq!(BASIC.chars().position(|other| other == c), Some(position), "{c:?}");
        }
        // behind the escape each is one place further to the front
        for (position, c) in [(0x1f, 'É'), (0x20, ' '), (0x24, '¤'), (0x40, '¡'), (0x5e, 'Ü'), (0x60, '¿'), (0x7a, 'z'), (0x7f, 'à')]
        {
            assert_eq!(BASIC.chars().position(|other| other == c), Some(position - 1), "{c:?}");
        }
        for foreign in ["`", "ç", "\t", "’", "“", "–", "…", "á", "Č"] {
            assert_eq!(Segments::of(foreign).encoding, Encoding::Ucs2, "{foreign:?}");
        }
    }

    #[test]
    fn borders_of_septets() {
        for (length, segments, per_segment) in
            [(0, 1, 160), (1, 1, 160), (160, 1, 160), (161, 2, 153), (306, 2, 153), (307, 3, 153), (1_530, 10, 153), (1_531, 11, 153)]
        {
            assert_eq!(measure(&"a".repeat(length)), (Encoding::Gsm7, length, segments, per_segment));
        }
        assert_eq!(measure(&"€".repeat(80)), (Encoding::Gsm7, 160, 1, 160));
        assert_eq!(measure(&"€".repeat(81)), (Encoding::Gsm7, 162, 2, 153));
    }

    #[test]
    fn borders_of_utf16() {
        for (length, segments, per_segment) in [(1, 1, 70), (70, 1, 70), (71, 2, 67), (134, 2, 67), (135, 3, 67)] {
            assert_eq!(measure(&"я".repeat(length)), (Encoding::Ucs2, length, segments, per_segment));
        }
        assert_eq!(measure(&"😀".repeat(35)), (Encoding::Ucs2, 70, 1, 70));
        // one character outside the alphabet makes the whole text dearer, and an extension character cheaper
        assert_eq!(measure(&format!("{}я", "€".repeat(69))), (Encoding::Ucs2, 70, 1, 70));
    }

    #[test]
    fn nothing_is_cut_apart() {
        let around = |side: usize, letter: &str, middle: &str| format!("{}{middle}{}", letter.repeat(side), letter.repeat(side));
        assert_eq!(measure(&around(152, "a", "€")), (Encoding::Gsm7, 306, 3, 153));
        assert_eq!(measure(&around(151, "a", "€")), (Encoding::Gsm7, 304, 2, 153));
        assert_eq!(measure(&around(66, "я", "😀")), (Encoding::Ucs2, 134, 3, 67));
        assert_eq!(measure(&around(65, "я", "😀")), (Encoding::Ucs2, 132, 2, 67));
        // 33 of them and one unit that stays empty, each time
        assert_eq!(measure(&"😀".repeat(66)), (Encoding::Ucs2, 132, 2, 67));
        assert_eq!(measure(&"😀".repeat(67)), (Encoding::Ucs2, 134, 3, 67));
    }
}
