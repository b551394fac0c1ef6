//! The native dialect of `POST /api/v1/call-events`: strict JSON for CRM back ends and telephone systems that can choose.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Hearing, fold_call_id, params::MAX_TEXT};
use crate::domain::call::{Cause, Certainty, Direction, News, NewsKind, Told};

/// Most events in one request.
pub const MAX_EVENTS: usize = 100;

/// One event as posted.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are described in docs/api.md")]
pub struct CallEvent {
    pub call_id: String,
    pub event: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub direction: Option<String>,
    pub agent: Option<String>,
    pub occurred_at: Option<DateTime<Utc>>,
    pub dnis: Option<String>,
    pub queue_dn: Option<String>,
    pub caller_name: Option<String>,
    pub transferred_to: Option<String>,
    pub recording_url: Option<String>,
    pub cause: Option<String>,
    pub notes: Option<String>,
    pub bill_rate: Option<String>,
    pub bill_duration: Option<i64>,
    pub duration: Option<i64>,
    pub custom_data: Option<String>,
    pub phone_call_id: Option<String>,
    pub subject: Option<String>,
}

/// The words of `event`.
pub const EVENTS: [&str; 9] = ["initiated", "connected", "held", "resumed", "transferred", "recording", "details", "ended", "ringing"];
/// Longest `customData`, in characters.
const MAX_CUSTOM_DATA: usize = 2000;

/// A field that is wrong, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The field.
    pub field: &'static str,
    /// What was expected.
    pub expected: String,
}

impl CallEvent {
    /// Reads the event strictly.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn read(self, hearing: &Hearing<'_>) -> Result<(String, News), Invalid> {
        let invalid = |field, expected: &str| Err(Invalid { field, expected: expected.to_owned() });
        if self.call_id.trim().is_empty() {
            return invalid("callId", "the telephone system's id of the call");
        }
        let kind = self.kind()?;
        let said = match self.direction.as_deref().map(|word| (word, Direction::read(word))) {
            Some((_, None)) => return invalid("direction", "inbound, outbound, clicktocall, transfer or ccOutbound"),
            Some((_, direction)) => direction,
            None => None,
        };
        for (field, text) in [("from", &self.from), ("to", &self.to)] {
            if text.as_deref().is_some_and(|raw| hearing.number(Some(raw)).is_none()) {
                return invalid(field, "a telephone number or an extension with at least one digit");
            }
        }
        if let Some(login) = &self.agent
            && hearing.roster.by_login(login).is_none()
        {
            return invalid("agent", "the login of an agent of this account");
        }
        self.check_lengths()?;
        let told = self.told(&kind, said, hearing);
        Ok((fold_call_id(self.call_id.trim()), *hearing.news(kind, self.occurred_at, told)))
    }

    fn kind(&self) -> Result<NewsKind, Invalid> {
        Ok(match self.event.as_str() {
            "initiated" | "ringing" => NewsKind::Started,
            "connected" => NewsKind::Connected,
            "held" => NewsKind::Held(true),
            "resumed" => NewsKind::Held(false),
            "transferred" => NewsKind::Transferred,
            "recording" | "details" => NewsKind::Details,
            "ended" => NewsKind::Ended(Some(Cause::read(self.cause.as_deref().unwrap_or("completed")))),
            _ => return Err(Invalid { field: "event", expected: format!("one of {}", EVENTS.join(", ")) }),
        })
    }

    fn check_lengths(&self) -> Result<(), Invalid> {
        let texts = [
            ("dnis", &self.dnis),
            ("queueDn", &self.queue_dn),
            ("callerName", &self.caller_name),
            ("transferredTo", &self.transferred_to),
            ("recordingUrl", &self.recording_url),
            ("cause", &self.cause),
            ("notes", &self.notes),
            ("billRate", &self.bill_rate),
            ("phoneCallId", &self.phone_call_id),
            ("subject", &self.subject),
            ("callId", &Some(self.call_id.clone())),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT || text.contains('\0')) {
                return Err(Invalid { field, expected: format!("at most {MAX_TEXT} bytes of text without NUL") });
            }
        }
        if self.custom_data.as_ref().is_some_and(|data| data.chars().count() > MAX_CUSTOM_DATA || data.contains('\0')) {
            return Err(Invalid { field: "customData", expected: format!("at most {MAX_CUSTOM_DATA} characters without NUL") });
        }
        for (field, seconds) in [("billDuration", self.bill_duration), ("duration", self.duration)] {
            if seconds.is_some_and(|seconds| !(0..=i64::from(i32::MAX)).contains(&seconds)) {
                return Err(Invalid { field, expected: "seconds, zero or more".to_owned() });
            }
        }
        Ok(())
    }

    fn told(&self, kind: &NewsKind, said: Option<Direction>, hearing: &Hearing<'_>) -> Told {
        let number = |raw: &Option<String>| hearing.number(raw.as_deref());
        let sides = if *kind == NewsKind::Transferred {
            let target = number(&self.transferred_to).or_else(|| number(&self.to));
            let agent = target.as_ref().and_then(|number| hearing.roster.by_number(number)).map(|agent| agent.login.clone());
            Told { agent, extension: target, ..Told::default() }
        } else {
            hearing.sides(number(&self.from), number(&self.to), said)
        };
        let inferred_late = *kind != NewsKind::Started;
        Told {
            direction: sides.direction.filter(|(_, certainty)| *certainty == Certainty::Said || !inferred_late),
            agent: self.agent.clone().or(sides.agent),
            dnis: self.dnis.clone(),
            queue_dn: self.queue_dn.clone(),
            caller_name: self.caller_name.clone(),
            recording_url: self.recording_url.clone(),
            notes: self.notes.clone(),
            bill_rate: self.bill_rate.clone(),
            bill_duration_s: self.bill_duration,
            total_duration_s: self.duration,
            transferred_to: self.transferred_to.clone(),
            custom_data: self.custom_data.clone(),
            phone_call_id: self.phone_call_id.clone(),
            subject: self.subject.clone(),
            ..sides
        }
    }
}
