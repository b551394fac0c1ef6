//! The law of leads: what a lead is, what a client may write into it, whether it is stored and whether it is dialed.
//!
//! A [`LeadPatch`] is what a client gives, [`decide`] what becomes of a lead that is injected, [`would_dial`] whether one that
//! is stored would be dialed now, and if not, what speaks against it. [`Rules`] are what the account says about dialing it,
//! [`Lead::place`] is its place in the queue, and [`Lead::came_out`] what becomes of it after a dial.

mod explain;
pub mod field;
mod inject;
mod patch;
mod place;
mod retry;
mod rules;
mod subject;

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    explain::{DayCap, Explanation, Facts, Reason, Rule, Tries, Window, would_dial},
    field::Field,
    inject::{Asked, Dial, DuplicatesCheck, Flag, Found, Nearest, NoDial, Override, Verdict, Warning, decide},
    patch::{Applied, FieldError, FieldRules, LeadPatch, Missing, Remark, dialable},
    place::{Lane, Place, Rank},
    retry::{After, Came, NoMore, SKIP},
    rules::Rules,
};
use super::{disposition::DO_NOT_CALL, phone::Number};

/// Who shall be called. Flat, so that a row holds it as columns; the table in [`field`] names them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "names, addresses and the like say what they are")]
pub struct Lead {
    /// Counts within the account.
    pub id: i64,
    /// The name of the campaign.
    pub campaign: String,
    pub subcampaign: Option<String>,
    /// The client's own id; it need not be unique.
    pub client_id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub zip: Option<String>,
    /// The number to dial: what duplicates, DNC and search compare.
    pub phone: Number,
    /// The number as it was sent.
    pub phone_raw: String,
    pub email: Option<String>,
    /// The agent who looks after it.
    pub rep: Option<String>,
    /// Names a disposition; `None` while nobody has called.
    pub call_status: Option<String>,
    pub notes: Option<String>,
    /// Values of declared fields by the declared name, such as "Policy ID"; others where the account takes them.
    pub custom: BTreeMap<String, String>,
    /// The way it came.
    pub source: Source,
    /// Dialed before all that are not.
    pub hot: bool,
    /// Since when it is hot.
    pub hot_at: Option<DateTime<Utc>>,
    /// Not dialed from then on.
    pub expires_at: Option<DateTime<Utc>>,
    /// Kept, and never dialed.
    pub import_only: bool,
    /// A granted override: dialed although its number is on the DNC list or its status is not callable. It was given for the
    /// number and the status that the lead came with, and lapses when one of them changes or the number is put on the list.
    pub dial_non_callables: bool,
    /// Whether calling windows bind; not so only by a granted override, for the number that the lead came with. Either override
    /// is for the dial that the client asked for: once the lead is neither hot nor promised, everything binds.
    pub check_window: bool,
    /// A promised call.
    pub callback: Option<Callback>,
    /// How often it was dialed on the day of its last attempt.
    pub attempts: i64,
    /// How often it was dialed in all.
    pub attempts_total: i64,
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// How often it came out which way, by the names of dispositions.
    pub outcomes: BTreeMap<String, i64>,
    /// Not dialed before then.
    pub retry_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Counts the changes, so that a reader can drop an older object.
    pub version: i64,
}

/// The way a lead came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LeadSource)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The drop-in door of DialedIn's clients.
    DialedIn,
    /// The native API.
    Api,
    /// A file of many.
    Import,
}

impl Source {
    /// Whether what cannot be taken is left out and said, rather than refused with all the rest.
    pub fn is_lenient(self) -> bool {
        self == Self::DialedIn
    }

    /// The word on the wire and in the book.
    pub fn word(self) -> &'static str {
        match self {
            Self::DialedIn => "dialedin",
            Self::Api => "api",
            Self::Import => "import",
        }
    }

    /// The way of this word.
    pub fn read(word: &str) -> Option<Self> {
        [Self::DialedIn, Self::Api, Self::Import].into_iter().find(|way| way.word() == word)
    }
}

/// A call that was promised to the customer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// The login of the agent who promised it; `None` is anybody.
    pub agent: Option<String>,
    /// Not before.
    pub at: DateTime<Utc>,
    /// What it is about.
    pub notes: Option<String>,
}

impl Lead {
    /// What a field holds. The phone is the number to dial.
    pub fn text(&self, field: Field) -> Option<&str> {
        match field {
            Field::Campaign => Some(&self.campaign),
            Field::Phone => Some(self.phone.as_str()),
            Field::Subcampaign => self.subcampaign.as_deref(),
            Field::ClientId => self.client_id.as_deref(),
            Field::FirstName => self.first_name.as_deref(),
            Field::LastName => self.last_name.as_deref(),
            Field::Address => self.address.as_deref(),
            Field::City => self.city.as_deref(),
            Field::State => self.state.as_deref(),
            Field::Zip => self.zip.as_deref(),
            Field::Email => self.email.as_deref(),
            Field::Rep => self.rep.as_deref(),
            Field::CallStatus => self.call_status.as_deref(),
            Field::Notes => self.notes.as_deref(),
        }
    }

    /// Where a field that may be empty is kept; `None` for the two that no lead is without.
    fn slot(&mut self, field: Field) -> Option<&mut Option<String>> {
        Some(match field {
            Field::Campaign | Field::Phone => return None,
            Field::Subcampaign => &mut self.subcampaign,
            Field::ClientId => &mut self.client_id,
            Field::FirstName => &mut self.first_name,
            Field::LastName => &mut self.last_name,
            Field::Address => &mut self.address,
            Field::City => &mut self.city,
            Field::State => &mut self.state,
            Field::Zip => &mut self.zip,
            Field::Email => &mut self.email,
            Field::Rep => &mut self.rep,
            Field::CallStatus => &mut self.call_status,
            Field::Notes => &mut self.notes,
        })
    }

    /// Records what was asked and decided when it was injected. One with a callback is not hot: it was promised for a time.
    pub fn settle(&mut self, asked: &Asked, dial: Dial, now: DateTime<Utc>) {
        self.import_only = asked.import_only;
        self.dial_non_callables = asked.dial_non_callables.is_granted();
        self.check_window = !asked.skip_window.is_granted();
        self.hot = !matches!(dial, Dial::No(_)) && self.callback.is_none();
        self.hot_at = self.hot.then_some(now);
    }

    /// Whether a granted override lets it be dialed over the DNC list and its call status.
    pub fn goes_over_dnc(&self) -> bool {
        self.dial_non_callables && self.is_asked_for()
    }

    /// Whether a granted override lets it be dialed outside the calling window.
    pub fn goes_over_window(&self) -> bool {
        !self.check_window && self.is_asked_for()
    }

    /// Whether a client's request waits for its dial. Other dials are the campaign's own idea, and it has no override.
    fn is_asked_for(&self) -> bool {
        self.hot || self.callback.is_some()
    }

    /// Its number was put on the DNC list: an override that was granted before does not reach over that.
    pub fn scrub(&mut self, now: DateTime<Utc>) {
        self.call_status = Some(DO_NOT_CALL.to_owned());
        (self.hot, self.hot_at, self.dial_non_callables) = (false, None, false);
        self.updated_at = now;
        self.version += 1;
    }
}

/// People's data never reaches a log.
impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead").field("id", &self.id).field("phone", &self.phone).field("version", &self.version).finish_non_exhaustive()
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("at", &self.at).finish_non_exhaustive()
    }
}
