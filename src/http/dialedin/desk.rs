//! What the desk does not do yet. Each of these is the one place where its scripts reach it.

use std::sync::Arc;

use super::answer::{Refusal, Stop};
use crate::{
    app::directory::Account,
    domain::{dial_list::Mark, phone::Number, setup::RingGroup},
    http::Web,
};

fn not_yet<T>() -> Result<T, Stop<Refusal>> {
    Refusal::new("not_yet", "this action is not available yet")
}

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
    not_yet()
}

/// Whom to count as available beside those who wait.
#[expect(dead_code, reason = "the desk reads it once it can")]
pub(super) struct Tolerance {
    pub(super) on_call: bool,
    pub(super) on_break: bool,
    pub(super) wrap_up: bool,
}

/// The logins of agents who could take a call of this ring group now.
pub(super) async fn available_agents(
    _web: &Web,
    _account: &Account,
    _group: &RingGroup,
    _tolerance: Tolerance,
) -> Result<Vec<String>, Stop<Refusal>> {
    not_yet()
}

/// Brings a third party into the conversation that an agent is in; answers the call's id.
pub(super) async fn conference(
    _web: &Web,
    _account: &Arc<Account>,
    _agent: &str,
    _phone: Number,
    _mute_customer: bool,
) -> Result<String, Stop<Refusal>> {
    not_yet()
}

/// What is to be done with an agent's dial list.
#[expect(dead_code, reason = "the desk reads it once it can")]
pub(super) enum ListOrder {
    Create,
    Delete,
    Add(Number),
    Remove(Number),
    Mark(Number, Mark),
}

/// Changes an agent's dial list; whether anything changed.
pub(super) async fn change_dial_list(
    _web: &Web,
    _account: &Arc<Account>,
    _agent: &str,
    _list: &str,
    _order: ListOrder,
) -> Result<bool, Stop<Refusal>> {
    not_yet()
}
