//! The call object of the DynamicsTelephony page, as pushed, replayed and sent to webhooks. All keys are always there.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Attempt, Call, Direction, offered_verbs};
use crate::domain::order::Verb;

/// The object. Unknown values are `null`; times are whole seconds in UTC.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the keys are the page's own; module and glossary say what they mean")]
pub struct CallObject<'a> {
    pub state: Option<&'static str>,
    pub state_time: Option<String>,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: Option<&'a str>,
    pub direction: Option<&'static str>,
    pub phone: Option<&'a str>,
    pub outcome: Option<&'a str>,
    pub from_type: Option<&'a str>,
    pub from_id: Option<&'a str>,
    pub from_name: Option<&'a str>,
    pub to_type: Option<&'a str>,
    pub to_id: Option<&'a str>,
    pub to_name: Option<&'a str>,
    pub dt_call_id: Uuid,
    pub is_callback: bool,
    pub retry_datetime: Option<String>,
    pub dnis: Option<&'a str>,
    pub queue_dn: Option<&'a str>,
    pub agent_id: Option<&'a str>,
    pub extension: Option<&'a str>,
    pub call_id: &'a str,
    pub call_status: &'a str,
    pub custom_data: Option<&'a str>,
    pub recording_url: Option<&'a str>,
    pub notes: Option<&'a str>,
    /// What the telephone system can do at all.
    pub capabilities: Vec<&'static str>,
    /// What can be wished of the call now.
    pub verbs: Vec<&'static str>,
    pub lead_id: Option<i64>,
    pub campaign: Option<&'a str>,
    /// When the present state ends by itself, where an agent waits for that: a preview, a wrap-up.
    pub until: Option<String>,
}

impl<'a> CallObject<'a> {
    /// The object of one attempt, showing `state` as entered at `state_time`.
    pub fn new(
        call: &'a Call,
        attempt: &'a Attempt,
        state: Option<super::State>,
        state_time: Option<DateTime<Utc>>,
        capabilities: &[Verb],
    ) -> Self {
        let line = &attempt.line;
        let party = call.party.as_ref();
        let customer = (party.map(|party| party.kind.as_str()), party.map(|party| party.id.as_str()));
        let customer_name = call.edits.to.as_deref().or(party.map(|party| party.name.as_str())).or(line.caller_name());
        let agent = (attempt.agent().map(|_| "agent"), attempt.agent());
        let customer_calls = line.direction().is_none_or(Direction::is_offered);
        let ((from_type, from_id), (to_type, to_id)) = if customer_calls { (customer, agent) } else { (agent, customer) };
        let (from_name, to_name) = if customer_calls { (customer_name, None) } else { (None, customer_name) };
        let lead = call.intent.as_ref().and_then(|intent| intent.lead.as_ref());
        Self {
            state: state.map(super::State::word),
            state_time: state_time.map(wire_seconds),
            kind: "phonecall",
            id: call.phone_call_id(),
            direction: line.direction().map(Direction::word),
            phone: line.customer().map(|number| number.as_str()),
            outcome: call.outcome_text(),
            from_type,
            from_id,
            from_name,
            to_type,
            to_id,
            to_name,
            dt_call_id: call.id,
            is_callback: lead.is_some_and(|lead| lead.is_callback),
            retry_datetime: call.edits.chosen.as_ref().and_then(|chosen| chosen.retry_at).map(wire_seconds),
            dnis: line.dnis(),
            queue_dn: line.queue_dn(),
            agent_id: attempt.agent(),
            extension: line.extension().map(|number| number.as_str()),
            call_id: &attempt.pbx_call_id,
            call_status: attempt.call_status(),
            custom_data: line.custom_data(),
            recording_url: line.recording_url(),
            notes: call.notes(),
            capabilities: capabilities.iter().filter(|verb| verb.is_wished()).map(|verb| verb.word()).collect(),
            verbs: offered_verbs(state, capabilities),
            lead_id: lead.map(|lead| lead.id),
            campaign: lead.map(|lead| lead.campaign.as_str()),
            until: attempt.waits_until(state).map(wire_seconds),
        }
    }
}

impl Call {
    /// The CRM's id of this phone call: what it set, else what came with the news.
    pub fn phone_call_id(&self) -> Option<&str> {
        self.edits.phone_call_id.as_deref().or_else(|| self.newest().line.phone_call_id())
    }

    /// What the call is about: what the CRM set, else what came with the news.
    pub fn subject(&self) -> Option<&str> {
        self.edits.subject.as_deref().or_else(|| self.newest().line.subject())
    }

    /// What its agent wrote, else what came with the news.
    pub fn notes(&self) -> Option<&str> {
        self.edits.notes.as_deref().or_else(|| self.newest().line.notes())
    }

    /// Full name of the other side, as far as anyone told.
    pub fn to_name(&self) -> Option<&str> {
        let told = || self.party.as_ref().map(|party| party.name.as_str()).or_else(|| self.newest().line.caller_name());
        self.edits.to.as_deref().or_else(told)
    }
}

impl Attempt {
    /// When a preview or a wrap-up ends by itself.
    fn waits_until(&self, state: Option<super::State>) -> Option<DateTime<Utc>> {
        match state {
            Some(super::State::Preview) => self.handling.preview.map(|(_, until)| until),
            Some(super::State::Idle) => self.handling.wrap_until,
            _ => None,
        }
    }
}

/// Whole seconds in UTC, `YYYY-MM-DDTHH:MM:SSZ`.
pub fn wire_seconds(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
