//! The native API `/api/v1`: JSON, bearer, honest status codes, one error form, cursor paging.

mod agents;
mod call_events;
mod events;
mod page;
pub(super) mod parties;
mod records;
mod sessions;

use axum::Router;

pub(super) use self::sessions::{SignInLimit, sign_in_limit, sign_out};
use super::Web;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .merge(agents::router())
        .merge(call_events::router())
        .merge(events::router())
        .merge(parties::router())
        .merge(records::router())
        .merge(sessions::router())
}
