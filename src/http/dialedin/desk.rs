//! What the desk does not do yet. This is the one place where its script reaches it.

use std::sync::Arc;

use super::answer::{Refusal, Stop};
use crate::{app::directory::Account, domain::phone::Number, http::Web};

/// A text message to be sent.
#[expect(dead_code, reason = "the desk reads it once it can")]
pub(super) struct Sms {
    /// One of the account's own numbers.
    pub(super) from: Number,
    pub(super) to: Number,
    pub(super) message: String,
    /// An agent's login.
    pub(super) agent: Option<String>,
    pub(super) lead: Option<i64>,
}

/// Sends a text message; answers its id.
pub(super) async fn send_sms(_web: &Web, _account: &Arc<Account>, _sms: Sms) -> Result<String, Stop<Refusal>> {
    Refusal::new("not_yet", "this action is not available yet")
}
