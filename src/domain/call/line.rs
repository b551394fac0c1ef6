//! The line facet of an attempt: everything that news has told, merged so that order and copies do not matter.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::news::{Cause, Certainty, Direction, News, NewsKind, Told};
use crate::domain::{
    merge::{Change, Field, Prefer, earliest, greatest},
    phone::Number,
};

/// Holds and resumes kept per attempt. The earliest ones are kept, so that the set does not depend on order.
const MAX_HOLDS: usize = 64;

/// What the telephone system has told about one attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Line {
    /// When the call began to be offered or dialed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When somebody answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    /// When the line was released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// When the first news of each kind reached us; leases count from here, by our own clock.
    pub(super) first_heard: FirstHeard,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) holds: BTreeSet<(DateTime<Utc>, bool)>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    cause: Field<Cause>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    direction: Field<Direction>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    customer: Field<Number>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    extension: Field<Number>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    agent: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    dnis: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    queue_dn: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    caller_name: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    recording_url: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    notes: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    bill_rate: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    transferred_to: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    custom_data: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    phone_call_id: Field<String>,
    #[serde(skip_serializing_if = "Field::is_unset")]
    subject: Field<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_duration_s: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_duration_s: Option<i64>,
}

/// When we first heard news of each kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FirstHeard {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) any: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<DateTime<Utc>>,
}

/// Accessors of fields that claims compete for.
macro_rules! told_texts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $( $(#[$doc])* pub fn $name(&self) -> Option<&str> { self.$name.get().map(String::as_str) } )* };
}

impl Line {
    told_texts! {
        /// The login of the agent concerned.
        agent,
        /// The number that the customer dialed.
        dnis,
        /// The number of the queue.
        queue_dn,
        /// The caller's name as the network shows it.
        caller_name,
        /// Where the recording is.
        recording_url,
        /// Notes that came with the news.
        notes,
        /// Price per unit, verbatim.
        bill_rate,
        /// Where the call was transferred to.
        transferred_to,
        /// What the one who started the call attached to it.
        custom_data,
        /// The CRM's own id of this phone call.
        phone_call_id,
        /// What the call is about.
        subject,
    }

    /// Who called whom, once known.
    pub fn direction(&self) -> Option<Direction> {
        self.direction.get().copied()
    }

    /// The other side's number.
    pub fn customer(&self) -> Option<&Number> {
        self.customer.get()
    }

    /// Our side's number.
    pub fn extension(&self) -> Option<&Number> {
        self.extension.get()
    }

    /// Why the line was released.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.get()
    }

    /// Billed time in seconds.
    pub fn bill_duration_s(&self) -> Option<i64> {
        self.bill_duration_s
    }

    /// Total time in seconds as the telephone system counts it.
    pub fn total_duration_s(&self) -> Option<i64> {
        self.total_duration_s
    }

    /// Merges one piece of news. Total and idempotent; any order gives the same line.
    pub(super) fn merge(&mut self, news: &News) -> Change {
        let at = news.occurred_at;
        let mut change = match &news.kind {
            NewsKind::Started => earliest(&mut self.started_at, at),
            NewsKind::Connected => heard(&mut self.first_heard.answer, news).max(earliest(&mut self.answered_at, at)),
            NewsKind::Held(held) => self.merge_hold(at, *held),
            NewsKind::Transferred | NewsKind::Details => Change::Nothing,
            NewsKind::Ended(cause) => {
                let mut change = heard(&mut self.first_heard.end, news).max(earliest(&mut self.ended_at, at));
                let specificity = cause.as_ref().map_or(0, |cause| cause.kind.specificity());
                change |= self.cause.claim(Prefer::Earliest, specificity, at, cause.clone());
                change
            }
        };
        change |= heard(&mut self.first_heard.any, news);
        change |= self.merge_told(&news.kind, at, &news.told);
        change
    }

    /// Merges what we know ourselves. It says nothing of when anything was heard.
    pub(super) fn tell(&mut self, told: &Told, at: DateTime<Utc>) {
        self.merge_told(&NewsKind::Details, at, told);
    }

    fn merge_hold(&mut self, at: DateTime<Utc>, held: bool) -> Change {
        if !self.holds.insert((at, held)) {
            return Change::Nothing;
        }
        if self.holds.len() > MAX_HOLDS && self.holds.pop_last() == Some((at, held)) {
            return Change::Nothing;
        }
        // what shows of it is the state, and that is compared before and after
        Change::Silent
    }

    fn merge_told(&mut self, kind: &NewsKind, at: DateTime<Utc>, told: &Told) -> Change {
        use Prefer::{Earliest, Latest};
        let number_weight = u8::from(*kind == NewsKind::Started);
        // the one who picked up beats the one who was called; a transfer beats both
        let agent_weight = match kind {
            NewsKind::Transferred => 3,
            NewsKind::Connected => 2,
            _ => 1,
        };
        let direction_weight = told.direction.map_or(0, |(_, certainty)| u8::from(certainty == Certainty::Said));
        let mut change = self.direction.claim(Earliest, direction_weight, at, told.direction.map(|(direction, _)| direction));
        change |= self.customer.claim(Earliest, number_weight, at, told.customer.clone());
        change |= self.extension.claim(Latest, agent_weight, at, told.extension.clone());
        change |= self.agent.claim(Latest, agent_weight, at, told.agent.clone());
        for (field, prefer, text) in [
            (&mut self.dnis, Earliest, &told.dnis),
            (&mut self.queue_dn, Earliest, &told.queue_dn),
            (&mut self.caller_name, Earliest, &told.caller_name),
            (&mut self.recording_url, Latest, &told.recording_url),
            (&mut self.notes, Latest, &told.notes),
            (&mut self.bill_rate, Latest, &told.bill_rate),
            (&mut self.transferred_to, Latest, &told.transferred_to),
            (&mut self.custom_data, Earliest, &told.custom_data),
            (&mut self.phone_call_id, Earliest, &told.phone_call_id),
            (&mut self.subject, Earliest, &told.subject),
        ] {
            change |= field.claim(prefer, 0, at, text.clone());
        }
        change |= greatest(&mut self.bill_duration_s, told.bill_duration_s);
        change |= greatest(&mut self.total_duration_s, told.total_duration_s);
        change
    }
}

/// Notes when news was first heard; shows nowhere.
fn heard(first: &mut Option<DateTime<Utc>>, news: &News) -> Change {
    earliest(first, news.observed_at).min(Change::Silent)
}
