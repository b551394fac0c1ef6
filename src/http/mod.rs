//! The doors. A door checks the secret, parses by way of an ear, hands the work in and renders the answer; it holds no rule
//! and no SQL. Each feature owns its `router()`.

pub mod auth;
pub mod error;
pub mod server;

mod apps;
mod asset;
mod console;
mod cors;
mod demo;
mod dialedin;
mod guard;
mod health;
mod input;
mod leftover;
mod lenient;
mod native;
mod once;
mod pages;
mod peer;
mod providers;
mod reference;
mod sdk;
mod vtiger;
mod ws;

use std::{ops::Deref, sync::Arc};

use axum::{Router, extract::DefaultBodyLimit};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{app::App, config::Config};

/// What every door shares. Cloned for every request: one pointer.
#[derive(Clone)]
pub struct Web(Arc<Shared>);

/// What is behind the pointer.
pub struct Shared {
    /// The desk.
    pub app: Arc<App>,
    /// The settings.
    pub config: Config,
    /// Renders the metrics; absent where none are recorded.
    pub metrics: Option<PrometheusHandle>,
    /// Cancelled when the server begins to stop.
    pub draining: CancellationToken,
    /// Open sockets, to wait for at the end.
    pub sockets: TaskTracker,
    sign_ins: native::SignInLimit,
    request_ids: guard::RequestIds,
}

impl Deref for Web {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Web {
    /// The shared state of a server.
    pub fn new(app: Arc<App>, config: Config, metrics: Option<PrometheusHandle>) -> Self {
        let request_ids = guard::RequestIds::new(&app.clock);
        Self(Arc::new(Shared {
            app,
            config,
            metrics,
            draining: CancellationToken::new(),
            sockets: TaskTracker::new(),
            sign_ins: native::sign_in_limit(),
            request_ids,
        }))
    }
}

/// Every door.
pub fn router(web: Web) -> Router {
    Router::new()
        .merge(vtiger::router())
        .merge(dialedin::router())
        .merge(native::router())
        .merge(pages::router())
        .merge(providers::router())
        .merge(sdk::router())
        .merge(asset::router())
        .merge(apps::router())
        .merge(demo::router())
        .merge(ws::router())
        .merge(console::router())
        .merge(health::router())
        .fallback(error::no_such_door)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(DefaultBodyLimit::max(web.config.http.max_body_bytes))
        .with_state(web)
}
