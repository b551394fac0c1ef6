//! The PBXManager dialect of Vtiger's open-source sibling, as Asterisk connectors speak it.
//!
//! # Assumptions
//! Each leg of a call is reported, so that starts, answers and hang-ups come several times with differing figures. Only
//! some posts carry numbers, and which one is the caller's is told by position, not by name; the agent is whichever number
//! is one of ours. Times are local, in either of two forms. `EndCall` brings totals and precedes `Hangup`.

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};

use super::{Hearing, Message, Missing, fold_call_id, params::Params};
use crate::domain::{
    call::{Cause, CauseKind, NewsKind, Told},
    phone::Number,
};

/// Parameters whose text is kept, and cut when it is too long.
pub const TEXTS: [&str; 3] = ["recordinglink", "calleridname", "causetxt"];

/// Reads one request.
///
/// # Errors
/// When it cannot be attributed: no `callUUID` or no `callstatus`.
pub fn read(params: &Params, hearing: &Hearing<'_>) -> Result<Message, Missing> {
    let status = params
        .text(&["callstatus"])
        .ok_or(Missing { field: "callstatus", expected: "StartApp, NewCall, DialBegin, DialAnswer, EndCall, Hangup or Record" })?;
    let call_id = params.raw(&["calluuid"]).map(str::trim).ok_or(Missing { field: "callUUID", expected: "the unique id of the call" })?;
    let (kind, occurred, told) = match status.to_ascii_lowercase().as_str() {
        "startapp" | "newcall" => (NewsKind::Started, &["starttime"][..], start(params, hearing)),
        "dialbegin" => (NewsKind::Started, &["starttime"][..], leg(params, hearing)),
        "dialanswer" => (NewsKind::Connected, &["datereceived"][..], answer(params, hearing)),
        "endcall" => (NewsKind::Details, &["endtime"][..], totals(params)),
        "hangup" => match cause(params) {
            Some(cause) => (NewsKind::Ended(Some(cause)), &["endtime"][..], totals(params)),
            None => return Ok(Message::Ignored("Hangup without a cause".into())),
        },
        "record" => (NewsKind::Details, &[][..], Told { recording_url: params.text(&["recordinglink"]), ..Told::default() }),
        _ => return Ok(Message::Ignored(status)),
    };
    let occurred = params.raw(occurred).and_then(|text| local_time(text, hearing));
    Ok(Message::News { call_id: fold_call_id(call_id), news: hearing.news(kind, occurred, told) })
}

fn start(params: &Params, hearing: &Hearing<'_>) -> Told {
    let caller = hearing.number(params.raw(&["calleridnumber"]));
    let channel = params.raw(&["channel"]).and_then(channel_user).and_then(|user| hearing.number(Some(user)));
    let channel_agent = channel.filter(|number| hearing.roster.by_number(number).is_some());
    let caller_name = params.text(&["calleridname"]);
    // an agent's own channel means that the agent calls, whatever number he shows
    let sides = match (channel_agent, caller) {
        (Some(agent), caller) => {
            let callee = hearing.number(params.raw(&["callerid"])).or(caller).filter(|number| *number != agent);
            hearing.sides(Some(agent), callee, None)
        }
        (None, Some(caller)) => hearing.sides(Some(caller), hearing.number(params.raw(&["callerid"])), None),
        (None, None) => Told::default(),
    };
    Told { caller_name, ..sides }
}

fn leg(params: &Params, hearing: &Hearing<'_>) -> Told {
    let dialed = params.raw(&["dialstring"]).map(|dial| dial.rsplit('/').next().unwrap_or(dial));
    let (from, to) = (hearing.number(params.raw(&["calleridnumber"])), hearing.number(dialed));
    if from.is_none() && to.is_none() { Told::default() } else { hearing.sides(from, to, None) }
}

/// Both ends of the answered call, in no order that can be relied on: ours is the one that the roster knows.
fn answer(params: &Params, hearing: &Hearing<'_>) -> Told {
    let ends = [hearing.number(params.raw(&["callerid1"])), hearing.number(params.raw(&["callerid2"]))];
    let ours = ends.iter().flatten().find_map(|number| hearing.roster.by_number(number).map(|agent| (number.clone(), agent.login.clone())));
    let is_ours = |number: &Number| hearing.roster.by_number(number).is_some();
    let customer = ends.iter().flatten().find(|number| !is_ours(number) && !number.is_extension()).cloned();
    Told { customer, extension: ours.as_ref().map(|(number, _)| number.clone()), agent: ours.map(|(_, login)| login), ..Told::default() }
}

fn totals(params: &Params) -> Told {
    Told { total_duration_s: params.int(&["duration"]), bill_duration_s: params.int(&["billableseconds"]), ..Told::default() }
}

/// The cause in the words of the call status; `None` for a hang-up that says nothing.
fn cause(params: &Params) -> Option<Cause> {
    let text = params.text(&["causetxt"])?;
    let plain = params.text(&["hangupcause"]).unwrap_or_default().to_ascii_lowercase();
    let read = Cause::read(&text);
    let word = match read.kind {
        CauseKind::Completed if plain.contains("no answer") || plain.contains("noanswer") => "no-answer",
        CauseKind::Completed => "completed",
        CauseKind::Busy => "busy",
        CauseKind::NoAnswer => "no-answer",
        CauseKind::Failed | CauseKind::Other => return Some(read),
    };
    Some(Cause::read(word))
}

/// The number inside `SIP/101-0000`.
fn channel_user(channel: &str) -> Option<&str> {
    let (_, rest) = channel.split_once('/')?;
    rest.split(['-', '@']).next().filter(|user| !user.is_empty())
}

/// Reads `2026-11-20 12:12:06` in the gateway's zone, or `Fri Nov 20 12:12:07 UTC 2026`.
fn local_time(text: &str, hearing: &Hearing<'_>) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S") {
        return hearing.zone.from_local_datetime(&local).earliest().map(|at| at.to_utc());
    }
    // the zone's name stands before the year; only UTC can be told apart for sure
    let (head, year) = text.rsplit_once(' ')?;
    let (head, zone) = head.rsplit_once(' ')?;
    let local = NaiveDateTime::parse_from_str(&format!("{head} {year}"), "%a %b %e %H:%M:%S %Y").ok()?;
    if matches!(zone, "UTC" | "GMT") {
        Some(local.and_utc())
    } else {
        hearing.zone.from_local_datetime(&local).earliest().map(|at| at.to_utc())
    }
}
