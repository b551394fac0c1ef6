//! The Vtiger Phone Calls dialect: five events, parameters wherever a sender puts them.
//!
//! # Assumptions
//! The page calls `from` the customer and `to` our user, always. Real senders swap them on outbound calls, leave `+`
//! unescaped, write `undefined`, send `to` values that are nobody's number, and never read the answer. So nothing is
//! refused but what has no call id or no event.

use super::{Hearing, Message, Missing, fold_call_id, params::Params, params::with_plus};
use crate::domain::call::{Cause, Direction, NewsKind, Told};

/// Parameters whose text is kept, and cut when it is too long.
pub const TEXTS: [&str; 8] =
    ["recordingurl", "recording_url", "notes", "billrate", "transferred_number", "dnis", "hangup_reason", "hang_reason"];

/// Reads one request.
///
/// # Errors
/// When it cannot be attributed: no `call_id` or no `event`.
pub fn read(params: &Params, hearing: &Hearing<'_>) -> Result<Message, Missing> {
    let call_id = params.raw(&["call_id"]).map(str::trim).ok_or(Missing { field: "call_id", expected: "the unique id of the call" })?;
    let event = params
        .text(&["event"])
        .ok_or(Missing { field: "event", expected: "call_initiated, call_connected, call_recording, call_transfer or call_hangup" })?;
    let number = |names: &[&str]| params.raw(names).map(with_plus).and_then(|raw| hearing.number(Some(&raw)));
    let (from, to) = (number(&["from"]), number(&["to"]));
    let details = details(params);
    let (kind, told) = match event.to_ascii_lowercase().as_str() {
        "call_initiated" => {
            let said = params.raw(&["direction"]).and_then(Direction::read);
            (NewsKind::Started, Told { dnis: params.text(&["dnis"]), ..hearing.sides(from, to, said) })
        }
        "call_connected" => {
            // `to` is who picked up; what direction the call has was told when it began
            (NewsKind::Connected, Told { direction: None, ..hearing.sides(from, to, None) })
        }
        "call_recording" => (NewsKind::Details, Told::default()),
        "call_transfer" | "call_transferred" => {
            let target = number(&["transferred_number", "to"]);
            let agent = target.as_ref().and_then(|number| hearing.roster.by_number(number)).map(|agent| agent.login.clone());
            (NewsKind::Transferred, Told { agent, extension: target, ..Told::default() })
        }
        "call_hangup" => {
            let reason = params.text(&["hangup_reason", "hang_reason"]);
            (NewsKind::Ended(Some(Cause::read(reason.as_deref().unwrap_or("completed")))), Told::default())
        }
        _ => return Ok(Message::Ignored(event)),
    };
    let told = Told {
        recording_url: details.recording_url,
        notes: details.notes,
        bill_rate: details.bill_rate,
        bill_duration_s: details.bill_duration_s,
        transferred_to: details.transferred_to,
        ..told
    };
    Ok(Message::News { call_id: fold_call_id(call_id), news: hearing.news(kind, None, told) })
}

/// What may ride on any of the events.
fn details(params: &Params) -> Told {
    Told {
        recording_url: params.text(&["recordingurl", "recording_url"]),
        notes: params.text(&["notes"]),
        bill_rate: params.text(&["billrate"]),
        bill_duration_s: params.int(&["billduration"]),
        transferred_to: params.text(&["transferred_number"]),
        ..Told::default()
    }
}
