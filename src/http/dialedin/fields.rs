//! What a request says of a lead: its fields, the promised call, and how it is to be treated.

use super::{Asking, answer::Stop, texts::Text};
use crate::{
    app::{
        committer::DialWord,
        leads::{NoPlace, callback_at, spell_place},
    },
    domain::{
        lead::{Asked, Callback, DuplicatesCheck, FieldRules, Flag, LeadPatch, Override},
        phone::Number,
        zone::Place,
    },
    pbx::params::MAX_TEXT,
};

/// Parameters that are no fields of a lead.
const OURS: [&str; 14] = [
    "token",
    "accid",
    "groupid",
    "securitycode",
    "timezone",
    "allowdialingdups",
    "dialnoncallables",
    "duplicatescheck",
    "importonly",
    "callbackagent",
    "callbackdate",
    "callbacknotes",
    "searchfield",
    "identifier",
];

/// Names and values that are meant for the lead.
fn given(asking: &Asking) -> impl Iterator<Item = (&str, &str)> {
    asking.params.iter().filter(|(name, ..)| !name.is_empty() && !OURS.contains(name)).map(|(_, sent, value)| (sent, value))
}

/// Whether anything but a place is given.
pub(super) fn gives_data(asking: &Asking) -> bool {
    given(asking).any(|(name, _)| !["campaign", "subcampaign"].iter().any(|place| name.eq_ignore_ascii_case(place)))
}

/// The fields that are given.
pub(super) fn read(asking: &mut Asking) -> Result<LeadPatch, Text> {
    let account = asking.account().clone();
    let setup = &account.setup;
    let rules = FieldRules { region: account.region, declared: &setup.fields, allow_undeclared: setup.options.undeclared_fields };
    let (patch, remarks) = LeadPatch::lenient(given(asking), &rules).map_err(|errors| {
        let first = errors.into_iter().next();
        first.map_or(Text::NothingToImport, |error| Text::Refused { field: error.field, message: error.message })
    })?;
    asking.warnings.extend(remarks.iter().map(ToString::to_string));
    Ok(patch)
}

/// Spells the place as the account does. DialedIn wants only the campaign to exist beforehand.
pub(super) fn place(asking: &mut Asking, patch: &mut LeadPatch, of: Option<&str>) -> Result<(), Text> {
    match spell_place(asking.account(), patch, of) {
        Ok(()) => Ok(()),
        Err(NoPlace::Campaign) => Err(Text::NoSuchCampaign),
        Err(NoPlace::Subcampaign) => {
            asking.warn("Subcampaign is stored, but the campaign has none of this name");
            Ok(())
        }
    }
}

/// Whether a call is to be promised.
pub(super) fn wants_callback(asking: &Asking) -> bool {
    ["CallbackAgent", "CallbackDate"].iter().any(|name| asking.text(name).is_some())
}

/// The promised call, at the customer's time.
pub(super) fn callback(asking: &mut Asking, phone: Option<&Number>, place: &Place<'_>) -> Result<Option<Callback>, Stop<Text>> {
    let (agent, date) = (asking.text("CallbackAgent").map(str::to_owned), asking.text("CallbackDate").map(str::to_owned));
    let notes = asking.params.text(&["callbacknotes"]);
    if !asking.params.overlong(&["callbacknotes"]).is_empty() {
        asking.warn(format_args!("CallbackNotes was cut to {MAX_TEXT} bytes"));
    }
    let Some(date) = date else {
        if agent.is_some() {
            return Err(Text::NoCallbackDate.into());
        }
        if notes.is_some() {
            asking.warn("CallbackNotes is ignored: no CallbackDate is given");
        }
        return Ok(None);
    };
    match &agent {
        Some(login) if asking.account().roster.by_login(login).is_none() => return Err(Text::NoSuchAgent.into()),
        Some(_) => {}
        None => asking.warn("CallbackAgent is not given: the callback is anybody's"),
    }
    let due = callback_at(asking.account(), &date, phone, place).map_err(Text::BadCallbackDate)?;
    Ok(Some(Callback { agent, at: due.at, notes }))
}

/// How the lead is to be treated. What the sender may not ask for is ignored, and said.
pub(super) fn asked(asking: &mut Asking) -> Asked {
    let duplicates_check = duplicates_check(asking);
    let (dups, non_callables) = (asking.flag("AllowDialingDups"), asking.flag("DialNonCallables"));
    let (timezone, import_only) = (asking.flag("timezone"), asking.flag("ImportOnly"));
    let may = |which: Override| asking.grant.scopes.allow(which.scope());
    let asked = Asked {
        duplicates_check,
        allow_dups: Flag::of(dups == Some(true), may(Override::Dups)),
        dial_non_callables: Flag::of(non_callables == Some(true), may(Override::Dnc)),
        skip_window: Flag::of_timezone(timezone, may(Override::Window)),
        import_only: import_only == Some(true),
    };
    for warning in asked.warnings() {
        asking.warn(warning);
    }
    asked
}

fn duplicates_check(asking: &mut Asking) -> DuplicatesCheck {
    let Some(figure) = asking.text("DuplicatesCheck") else { return DuplicatesCheck::default() };
    DuplicatesCheck::read(figure).unwrap_or_else(|| {
        asking.warn("DuplicatesCheck is ignored: expected 0, 1, 2 or 3");
        DuplicatesCheck::default()
    })
}

/// Says of a stored lead why it is not dialed at once, unless that was asked for.
pub(super) fn warn_of_dial(asking: &mut Asking, dial: DialWord) {
    match dial {
        DialWord::Now | DialWord::ImportOnly => {}
        DialWord::WhenWindowOpens => asking.warn("the lead is dialed when calling is allowed there"),
        DialWord::Dnc => asking.warn("the lead is stored and not dialed: its number is on the do-not-call list"),
        DialWord::NotCallable => asking.warn("the lead is stored and not dialed: its CallStatus is not callable"),
    }
}
