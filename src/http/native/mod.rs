//! The native API `/api/v1`: JSON, bearer, honest status codes, one error form, cursor paging.

mod agents;
mod call_events;
mod events;
mod messages;
mod page;
pub(super) mod parties;
mod records;
mod sessions;
mod sign_in_limit;

use axum::Router;

pub(super) use self::{
    sessions::sign_out,
    sign_in_limit::{SignInLimit, sign_in_limit},
};
use super::Web;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .merge(agents::router())
        .merge(call_events::router())
        .merge(events::router())
        .merge(messages::router())
        .merge(parties::router())
        .merge(records::router())
        .merge(sessions::router())
}
