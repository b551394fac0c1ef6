//! Where a lead's record says that somebody lives, and which zones that leaves. Facts: states and provinces, ZIP codes by their
//! first three digits, Canadian postal codes by their first letter.

use chrono_tz::{
    America::{
        Adak, Anchorage, Boise, Chicago, Denver, Edmonton, Fort_Nelson, Halifax, Juneau, Los_Angeles, New_York, Phoenix, Puerto_Rico,
        Regina, St_Johns, St_Thomas, Toronto, Vancouver, Winnipeg,
    },
    Pacific::{Guam, Honolulu, Pago_Pago, Saipan},
    Tz,
};

/// The zones are those by which the table of prefixes knows the time that a place keeps: Indiana's is New York's.
type Times = &'static [&'static [Tz]];

const EASTERN: &[Tz] = &[New_York];
/// North Dakota's centre keeps Central time under a name of its own, as Idaho's south keeps Mountain time.
const CENTRAL: &[Tz] = &[Chicago, chrono_tz::America::North_Dakota::Center];
const MOUNTAIN: &[Tz] = &[Denver, Boise];
/// Arizona does not move its clocks; the Navajo Nation within it does.
const ARIZONA: &[Tz] = &[Phoenix];
const PACIFIC: &[Tz] = &[Los_Angeles];
const ALASKA: &[Tz] = &[Anchorage, Juneau];
const ALEUTIAN: &[Tz] = &[Adak];
const HAWAII: &[Tz] = &[Honolulu];
const ATLANTIC: &[Tz] = &[Halifax];
/// Parts of Labrador and of Quebec's north shore keep Atlantic time all year, as Puerto Rico does.
const NEWFOUNDLAND: Times = &[ATLANTIC, &[St_Johns, Puerto_Rico]];
const QUEBEC: Times = &[ATLANTIC, &[Toronto, Puerto_Rico]];
const SASKATCHEWAN: Times = &[&[Regina, Winnipeg, Edmonton]];
const BRITISH_COLUMBIA: Times = &[&[Vancouver, Fort_Nelson, Edmonton]];
/// Nunavut, and with it the Northwest Territories, which share its postal codes.
const NORTH: Times = &[&[Toronto, Winnipeg, Edmonton]];
/// The Yukon left Vancouver's time for Fort Nelson's in 2020; the table of prefixes knows it by both.
const YUKON: Times = &[&[Fort_Nelson, Vancouver]];

/// Every state, province and territory, by the zones that some of its people live in.
const STATES: &[(&str, Times)] = &[
    ("CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV", &[EASTERN]),
    ("FL IN KY MI TN", &[EASTERN, CENTRAL]),
    ("AL AR IA IL LA MN MO MS OK WI", &[CENTRAL]),
    ("KS ND NE SD TX", &[CENTRAL, MOUNTAIN]),
    ("CO MT NM UT WY", &[MOUNTAIN]),
    ("AZ", &[ARIZONA, MOUNTAIN]),
    ("ID NV OR", &[MOUNTAIN, PACIFIC]),
    ("CA WA", &[PACIFIC]),
    ("AK", &[ALASKA, ALEUTIAN]),
    ("HI", &[HAWAII]),
    ("PR", &[&[Puerto_Rico]]),
    ("VI", &[&[St_Thomas]]),
    ("GU", &[&[Guam]]),
    ("MP", &[&[Saipan]]),
    ("AS", &[&[Pago_Pago]]),
    ("NB NS PE", &[ATLANTIC]),
    ("NL", NEWFOUNDLAND),
    ("QC", QUEBEC),
    ("ON", &[&[Toronto, Winnipeg]]),
    ("MB", &[&[Winnipeg]]),
    ("SK", SASKATCHEWAN),
    ("AB NT", &[&[Edmonton]]),
    ("NU", NORTH),
    ("BC", BRITISH_COLUMBIA),
    ("YT", YUKON),
];

/// The first three digits of ZIP codes, from … to, and the zones of the people there. What is not listed says nothing: the
/// addresses of the armed forces are wherever these are.
const ZIPS: &[(u16, u16, Times)] = &[
    (5, 5, &[EASTERN]),
    (6, 7, &[&[Puerto_Rico]]),
    (8, 8, &[&[St_Thomas]]),
    (9, 9, &[&[Puerto_Rico]]),
    (10, 89, &[EASTERN]),
    (100, 323, &[EASTERN]),
    (324, 324, &[EASTERN, CENTRAL]),
    (325, 325, &[CENTRAL]),
    (326, 339, &[EASTERN]),
    (341, 349, &[EASTERN]),
    (350, 372, &[CENTRAL]),
    (373, 373, &[EASTERN, CENTRAL]),
    (374, 374, &[EASTERN]),
    (375, 375, &[CENTRAL]),
    (376, 376, &[EASTERN]),
    (377, 377, &[EASTERN, CENTRAL]),
    (378, 379, &[EASTERN]),
    (380, 397, &[CENTRAL]),
    (398, 400, &[EASTERN]),
    (401, 401, &[EASTERN, CENTRAL]),
    (402, 418, &[EASTERN]),
    (420, 424, &[CENTRAL]),
    (425, 425, &[EASTERN]),
    (426, 427, &[EASTERN, CENTRAL]),
    (430, 462, &[EASTERN]),
    (463, 464, &[CENTRAL]),
    (465, 465, &[EASTERN, CENTRAL]),
    (466, 468, &[EASTERN]),
    (469, 469, &[EASTERN, CENTRAL]),
    (470, 474, &[EASTERN]),
    (475, 475, &[EASTERN, CENTRAL]),
    (476, 477, &[CENTRAL]),
    (478, 478, &[EASTERN]),
    (479, 479, &[EASTERN, CENTRAL]),
    (480, 497, &[EASTERN]),
    (498, 499, &[EASTERN, CENTRAL]),
    (500, 567, &[CENTRAL]),
    (570, 574, &[CENTRAL]),
    (575, 576, &[CENTRAL, MOUNTAIN]),
    (577, 577, &[MOUNTAIN]),
    (580, 584, &[CENTRAL]),
    (585, 586, &[CENTRAL, MOUNTAIN]),
    (587, 587, &[CENTRAL]),
    (588, 588, &[CENTRAL, MOUNTAIN]),
    (590, 599, &[MOUNTAIN]),
    (600, 676, &[CENTRAL]),
    (677, 678, &[CENTRAL, MOUNTAIN]),
    (679, 689, &[CENTRAL]),
    (690, 692, &[CENTRAL, MOUNTAIN]),
    (693, 693, &[MOUNTAIN]),
    (700, 797, &[CENTRAL]),
    (798, 798, &[CENTRAL, MOUNTAIN]),
    (799, 834, &[MOUNTAIN]),
    (835, 835, &[MOUNTAIN, PACIFIC]),
    (836, 837, &[MOUNTAIN]),
    (838, 838, &[PACIFIC]),
    (840, 847, &[MOUNTAIN]),
    (850, 859, &[ARIZONA]),
    (860, 860, &[ARIZONA, MOUNTAIN]),
    (863, 864, &[ARIZONA]),
    (865, 865, &[ARIZONA, MOUNTAIN]),
    (870, 885, &[MOUNTAIN]),
    (889, 897, &[PACIFIC]),
    (898, 898, &[MOUNTAIN, PACIFIC]),
    (900, 961, &[PACIFIC]),
    (967, 967, &[HAWAII, &[Pago_Pago]]),
    (968, 968, &[HAWAII]),
    (969, 969, &[&[Guam, Saipan]]),
    (970, 978, &[PACIFIC]),
    (979, 979, &[MOUNTAIN, PACIFIC]),
    (980, 994, &[PACIFIC]),
    (995, 995, &[ALASKA, ALEUTIAN]),
    (996, 999, &[ALASKA]),
];

/// The first letters of Canadian postal codes.
const POSTAL: &[(&str, Times)] = &[
    ("A", NEWFOUNDLAND),
    ("BCE", &[ATLANTIC]),
    ("G", QUEBEC),
    ("HJKLMN", &[&[Toronto]]),
    ("P", &[&[Toronto, Winnipeg]]),
    ("R", &[&[Winnipeg]]),
    ("S", SASKATCHEWAN),
    ("T", &[&[Edmonton]]),
    ("V", BRITISH_COLUMBIA),
    ("X", NORTH),
    ("Y", YUKON),
];

/// Where a lead lives, as its record says; whatever was typed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// Two letters of a state, province or territory, such as `FL`.
    pub state: Option<&'a str>,
    /// A ZIP code (`32501`, `32501-1234`, `325011234`) or a Canadian postal code (`K1A 0B1`).
    pub zip: Option<&'a str>,
}

impl Place<'_> {
    /// The zones where such a place can be. `None` when it is in no table; empty when state and ZIP contradict each other,
    /// because it cannot be told which of them is wrong.
    pub(super) fn zones(&self) -> Option<Vec<Tz>> {
        match (self.state.and_then(of_state), self.zip.and_then(of_zip)) {
            (Some(state), Some(zip)) => Some(state.into_iter().filter(|zone| zip.contains(zone)).collect()),
            (state, zip) => zip.or(state),
        }
    }
}

fn of_state(state: &str) -> Option<Vec<Tz>> {
    let state = state.trim().to_ascii_uppercase();
    let (_, times) = STATES.iter().find(|(states, _)| states.split(' ').any(|known| known == state))?;
    Some(times.concat())
}

fn of_zip(zip: &str) -> Option<Vec<Tz>> {
    let plain: String = zip.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if plain.bytes().all(|byte| byte.is_ascii_digit()) && matches!(plain.len(), 5 | 9) {
        let area: u16 = plain.get(..3)?.parse().ok()?;
        return ZIPS.iter().find(|(first, last, _)| (*first..=*last).contains(&area)).map(|(_, _, times)| times.concat());
    }
    let is_postal = plain.len() == 6
        && plain.bytes().enumerate().all(|(index, byte)| match index % 2 {
            0 => byte.is_ascii_alphabetic(),
            _ => byte.is_ascii_digit(),
        });
    let letter = plain.chars().next().filter(|_| is_postal)?.to_ascii_uppercase();
    POSTAL.iter().find(|(letters, _)| letters.contains(letter)).map(|(_, times)| times.concat())
}
