//! What we started a call for, and what its agent made of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{dialing::OnPreviewEnd, phone::Number};

/// Why a call was started, and how it is dialed; calls that a telephone system reports by itself have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The telephone system that dials.
    pub system: String,
    /// Whom to call.
    pub number: Number,
    /// What the called party is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<Number>,
    /// How long the number is rung, in seconds.
    pub ring_s: i64,
    /// How long the wrap-up lasts, in seconds, where the campaign says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_s: Option<i64>,
    /// Which lead is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<LeadOfCall>,
}

/// The lead that a call was started for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeadOfCall {
    /// Its id.
    pub id: i64,
    /// The campaign that dials it.
    pub campaign: String,
    /// Whether the call was promised to the customer.
    #[serde(default)]
    pub is_callback: bool,
    /// What becomes of a preview that runs out.
    pub on_preview_end: OnPreviewEnd,
    /// Whether it was dialed before an agent was found for it.
    #[serde(default)]
    pub is_ahead: bool,
}

/// The outcome that an agent, or the gateway in his place, gave a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chosen {
    /// The name of the disposition.
    pub disposition: String,
    /// Its text.
    pub text: String,
    /// Whether a person was reached by its word.
    pub connects: bool,
    /// Whether it counts as giving up when nobody was reached.
    pub is_connect_xor_abort: bool,
    /// The customer wants to be called again then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime<Utc>>,
    /// The agent who is to call again; `None` is anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_agent: Option<String>,
    /// Who chose it; `None` is the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}
