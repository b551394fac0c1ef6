//! Checking how a campaign is dialed before it is stored: figures in their ranges, and that what it names is there.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::Value;

use super::{
    Invalid, Setup,
    check::{exists, invalid},
};
use crate::domain::{
    dialing::{Dialing, MAX_AFTER_MIN, MAX_PRIORITY, MAX_RETRIES, MAX_TIMES, Retry},
    disposition::{Disposition, by_word},
    phone::{HomeRegion, Number},
};

/// Figures of a campaign's dialing: what each is called, what it is, and what it may be.
fn figures(dialing: &Dialing) -> [(&'static str, i64, RangeInclusive<i64>); 6] {
    [
        ("previewS", dialing.preview_s, 1..=3600),
        ("ringS", dialing.ring_s, 5..=300),
        ("wrapS", dialing.wrap_s, 0..=3600),
        ("callbackGraceMin", dialing.callback_grace_min, 0..=MAX_AFTER_MIN),
        ("maxAttempts", dialing.max_attempts, 1..=MAX_TIMES),
        ("priority", dialing.priority, 0..=MAX_PRIORITY),
    ]
}

/// How the campaign is dialed, as it is stored: what it names is spelt as the account has it. `own` are its dispositions.
pub(super) fn checked_dialing(
    campaign: &str,
    dialing: Dialing,
    own: &[Disposition],
    setup: &Setup,
    region: HomeRegion,
) -> Result<Dialing, Invalid> {
    for (name, figure, range) in figures(&dialing) {
        if !range.contains(&figure) {
            return Err(invalid(format!("dialing.{name}"), format!("expected {} to {}", range.start(), range.end())));
        }
    }
    let skill = dialing.skill.map(|name| spelt("dialing.skill", setup.skills.entry(&name), "such skill")).transpose()?;
    let playlist = dialing.playlist.map(|name| checked_playlist(campaign, &name, setup)).transpose()?;
    let caller_id = dialing.caller_id.map(|number| checked_caller(number.as_str(), setup, region)).transpose()?;
    let retries = checked_retries(dialing.retries, own, setup)?;
    Ok(Dialing { skill, playlist, caller_id, retries, ..dialing })
}

/// A list of values would be read as an object in the order in which that is declared, which nobody means.
pub(super) fn expect_objects(campaign: &Value) -> Result<(), Invalid> {
    let object = |field: String, value: &Value| match value {
        Value::Object(_) | Value::Null => Ok(()),
        _ => Err(invalid(field, "expected an object")),
    };
    let dialing = &campaign["dialing"];
    let retries = &dialing["retries"];
    object("dialing".to_owned(), dialing)?;
    object("dialing.retries".to_owned(), retries)?;
    let mut each = retries.as_object().into_iter().flatten();
    each.try_for_each(|(outcome, retry)| object(format!("dialing.retries.{outcome}"), retry))
}

fn spelt<T>(field: &str, found: Option<(&str, &T)>, what: &str) -> Result<String, Invalid> {
    exists(field, found.is_some(), what)?;
    Ok(found.map(|(name, _)| name.to_owned()).unwrap_or_default())
}

/// A playlist without the campaign holds none of its leads, and nobody would be dialed.
fn checked_playlist(campaign: &str, name: &str, setup: &Setup) -> Result<String, Invalid> {
    let found = setup.playlists.entry(name);
    let holds = |ours: &String| ours.trim().to_lowercase() == campaign.trim().to_lowercase();
    if found.is_some_and(|(_, record)| !record.draft.campaigns.iter().any(holds)) {
        return Err(invalid("dialing.playlist", "expected a playlist that holds this campaign"));
    }
    spelt("dialing.playlist", found, "such playlist")
}

fn checked_caller(raw: &str, setup: &Setup, region: HomeRegion) -> Result<Number, Invalid> {
    let field = "dialing.callerId";
    let number = Number::read(raw, region).ok_or_else(|| invalid(field, "expected a telephone number"))?;
    match setup.numbers.get(number.as_str()) {
        None => Err(invalid(field, "the account has no such number")),
        Some(owned) if !owned.voice => Err(invalid(field, "expected a number with voice: this one is not for calls")),
        Some(_) => Ok(number),
    }
}

/// The tries by the names of dispositions. Each may be given by its name or by the text that people see.
fn checked_retries(given: BTreeMap<String, Retry>, own: &[Disposition], setup: &Setup) -> Result<BTreeMap<String, Retry>, Invalid> {
    if given.len() > MAX_RETRIES {
        return Err(invalid("dialing.retries", format!("expected at most {MAX_RETRIES}")));
    }
    let mut checked = BTreeMap::new();
    for (word, retry) in given {
        let field = format!("dialing.retries.{word}");
        let Some(known) = by_word(&word, own, &setup.dispositions) else {
            return Err(invalid(field, "expected a disposition of the campaign, of the account or of the system"));
        };
        if !(0..=MAX_AFTER_MIN).contains(&retry.after_min) {
            return Err(invalid(format!("{field}.afterMin"), format!("expected 0 to {MAX_AFTER_MIN}")));
        }
        if !(0..=MAX_TIMES).contains(&retry.times) {
            return Err(invalid(format!("{field}.times"), format!("expected 0 to {MAX_TIMES}")));
        }
        if retry.times > 0 && !known.callable {
            return Err(invalid(field, "expected a callable outcome, or 0 times: a lead that came out so is not called again"));
        }
        if checked.insert(known.name.to_string(), retry).is_some() {
            return Err(invalid(field, format!("{} is named twice", known.name)));
        }
    }
    Ok(checked)
}
