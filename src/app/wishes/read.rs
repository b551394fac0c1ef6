//! Reads wishes as they come by the socket and by the API: strict, and an error names the value and what was expected.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Refusal;
use crate::domain::{
    phone::{HomeRegion, Number},
    presence::{Ask, MAX_REASON},
    wish::{CallWish, DTMF, Dial, MAX_CUSTOM_DATA, MAX_DTMF, MAX_FILE, MAX_NOTES, SetOutcome},
};

/// Longest short text, in characters.
const MAX_TEXT: usize = 200;

/// What is wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wished {
    /// Something of the agent's presence.
    Presence(Ask),
    /// That this tab is the one that rings and dials; or only if no other one is.
    EnableTab {
        /// Only if no other one is.
        if_free: bool,
    },
    /// Something of a call; without one it is to be started.
    Call(Option<Uuid>, CallWish),
}

/// Who wishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct By<'a> {
    /// The agent, where it is one.
    pub agent: Option<&'a str>,
    /// The tab of his softphone.
    pub tab: Option<Uuid>,
}

/// The parameters of a wish; whatever is not taken in the end is an error.
struct Parameters {
    values: Map<String, Value>,
    region: HomeRegion,
}

fn invalid<T>(field: &str, expected: &str) -> Result<T, Refusal> {
    Err(Refusal { code: "invalid", message: format!("{field}: expected {expected}"), field: Some(field.to_owned()) })
}

impl Parameters {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str, most: usize) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= most => Ok(Some(text)),
            Some(_) => invalid(name, &format!("a text of at most {most} characters")),
        }
    }

    fn needed(&mut self, name: &str, most: usize) -> Result<String, Refusal> {
        match self.text(name, most)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => invalid(name, &format!("a text of 1 to {most} characters")),
        }
    }

    fn number(&mut self, name: &str) -> Result<Option<Number>, Refusal> {
        let Some(text) = self.text(name, MAX_TEXT)? else { return Ok(None) };
        match Number::read(&text, self.region) {
            Some(number) => Ok(Some(number)),
            None => invalid(name, "a telephone number"),
        }
    }

    fn needed_number(&mut self, name: &str) -> Result<Number, Refusal> {
        match self.number(name)? {
            Some(number) => Ok(number),
            None => invalid(name, "a telephone number"),
        }
    }

    fn call(&mut self, name: &str) -> Result<Option<Uuid>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_str().and_then(|text| Uuid::parse_str(text).ok()) {
                Some(id) => Ok(Some(id)),
                None => invalid(name, "a dtCallId"),
            },
        }
    }

    fn needed_call(&mut self, name: &str) -> Result<Uuid, Refusal> {
        match self.call(name)? {
            Some(call) => Ok(call),
            None => invalid(name, "a dtCallId"),
        }
    }

    fn flag(&mut self, name: &str) -> Result<bool, Refusal> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => invalid(name, "true or false"),
        }
    }

    fn time(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()) {
            Some(at) => Ok(Some(at.to_utc())),
            None => invalid(name, "a time such as 2026-11-20T12:00:00Z"),
        }
    }

    /// Nothing may be left: a misspelt name must not be taken for one that is absent.
    fn end(self) -> Result<(), Refusal> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => invalid(&name.chars().take(40).collect::<String>(), "no such value"),
        }
    }
}

/// Reads a wish.
///
/// # Errors
/// What is wrong with it, or that nobody knows the verb.
pub fn read(verb: &str, parameters: &Value, by: By<'_>, region: HomeRegion) -> Result<Wished, Refusal> {
    let values = match parameters {
        Value::Null => Map::new(),
        Value::Object(values) => values.clone(),
        _ => return invalid("p", "an object"),
    };
    let mut given = Parameters { values, region };
    let wished = match verb {
        "ready" => Wished::Presence(Ask::Ready),
        "not_ready" => Wished::Presence(Ask::NotReady(given.text("reason", MAX_REASON)?)),
        "enable_current_tab" => Wished::EnableTab { if_free: given.flag("ifFree")? },
        "dial" => Wished::Call(None, CallWish::Dial(Box::new(dial(&mut given, by)?))),
        _ => {
            let wish = of_call(verb, &mut given)?;
            // one who names no call means the one he has
            let call = if wish == CallWish::Hangup { given.call("call")? } else { Some(given.needed_call("call")?) };
            Wished::Call(call, wish)
        }
    };
    given.end()?;
    Ok(wished)
}

fn of_call(verb: &str, given: &mut Parameters) -> Result<CallWish, Refusal> {
    Ok(match verb {
        "answer" => CallWish::Answer,
        "hangup" => CallWish::Hangup,
        "hold" => CallWish::Hold,
        "resume" => CallWish::Resume,
        "blind_transfer" => CallWish::BlindTransfer(given.needed_number("number")?),
        "consult_transfer" => CallWish::ConsultTransfer(given.needed_number("number")?),
        "complete_transfer" => CallWish::CompleteTransfer(given.needed_call("with")?),
        "conference" => match (given.call("with")?, given.number("number")?) {
            (Some(with), None) => CallWish::Conference(with),
            (None, Some(number)) => CallWish::Invite(number, given.flag("muteCustomer")?),
            _ => return invalid("with", "the dtCallId of a held call, or else a number"),
        },
        "dtmf" => {
            let digits = given.needed("digits", MAX_DTMF)?;
            if !digits.chars().all(|digit| DTMF.contains(digit)) {
                return invalid("digits", "some of 0123456789*#");
            }
            CallWish::Dtmf(digits)
        }
        "play" => CallWish::Play(given.needed("file", MAX_FILE)?),
        "set_outcome" => CallWish::SetOutcome(Box::new(SetOutcome {
            outcome: given.needed("outcome", MAX_TEXT)?,
            notes: given.text("notes", MAX_NOTES)?,
            retry_at: given.time("retryAt")?,
            retry_mine: given.flag("retryMine")?,
        })),
        "end_wrap" => CallWish::EndWrap,
        "accept_preview" => CallWish::AcceptPreview,
        "skip_preview" => CallWish::SkipPreview(given.text("reason", MAX_REASON)?),
        verb => {
            let message = format!("{}: there is no such command", verb.chars().take(40).collect::<String>());
            return Err(Refusal { code: "unknown", message, field: None });
        }
    })
}

fn dial(given: &mut Parameters, By { agent, tab }: By<'_>) -> Result<Dial, Refusal> {
    let named = given.text("agent", MAX_TEXT)?;
    let agent = match (agent, named) {
        (Some(agent), None) => agent.to_owned(),
        (Some(agent), Some(named)) if agent == named => named,
        (None, Some(named)) => named,
        (Some(_), Some(_)) => return invalid("agent", "nobody else: an agent dials for himself"),
        (None, None) => return invalid("agent", "the login of the agent who calls"),
    };
    Ok(Dial {
        agent,
        number: given.needed_number("number")?,
        caller_id: given.number("callerId")?,
        phone_call_id: given.text("phoneCallId", MAX_TEXT)?,
        custom_data: given.text("customData", MAX_CUSTOM_DATA)?,
        to: given.text("to", MAX_TEXT)?,
        subject: given.text("subject", MAX_TEXT)?,
        by_click: given.flag("click")?,
        dnc_reason: given.text("dncReason", MAX_TEXT)?,
        tab,
    })
}
