//! The native API `/api/v1`: JSON, bearer, honest status codes, one error form, cursor paging.
#![expect(unused_qualifications, reason = "what is written by utoipa's macro, which names types in full")]

mod agents;
mod audio;
mod call_events;
mod calls;
mod desk;
mod dial_lists;
mod dnc;
mod events;
mod health;
mod leads;
mod messages;
pub(super) mod openapi;
mod page;
pub(super) mod parties;
mod queue;
mod records;
mod route;
mod sessions;
mod setup;
mod sign_in_limit;
mod telephone;
mod trace;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

pub(super) use self::{
    sessions::sign_out,
    sign_in_limit::{SignInLimit, sign_in_limit},
};
use super::Web;

pub(super) fn router() -> Router<Web> {
    openapi::router(described())
}

/// Every operation with its description.
fn described() -> OpenApiRouter<Web> {
    OpenApiRouter::new()
        .merge(agents::router())
        .merge(audio::router())
        .merge(call_events::router())
        .merge(calls::router())
        .merge(desk::router())
        .merge(dial_lists::router())
        .merge(dnc::router())
        .merge(events::router())
        .merge(health::router())
        .merge(leads::router())
        .merge(messages::router())
        .merge(parties::router())
        .merge(queue::router())
        .merge(records::router())
        .merge(route::router())
        .merge(sessions::router())
        .merge(setup::router())
        .merge(telephone::router())
        .merge(trace::router())
}
