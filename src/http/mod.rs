//! The doors. A door checks the secret, parses by way of an ear, hands the work in and renders the answer; it holds no rule
//! and no SQL. Each feature owns its `router()`.

pub mod auth;
pub mod error;
pub mod server;

mod console;
mod guard;
mod health;
mod native;
mod pages;
mod peer;
mod vtiger;
mod ws;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{app::App, config::Config};

/// What every door shares.
#[derive(Clone)]
pub struct Web {
    /// The desk.
    pub app: Arc<App>,
    /// The settings.
    pub config: Arc<Config>,
    /// Renders the metrics; absent where none are recorded.
    pub metrics: Option<PrometheusHandle>,
    /// Cancelled when the server begins to stop.
    pub draining: CancellationToken,
    /// Open sockets, to wait for at the end.
    pub sockets: TaskTracker,
    ready: Arc<AtomicBool>,
    sign_ins: Arc<native::SignInLimit>,
}

impl Web {
    /// The shared state of a server.
    pub fn new(app: Arc<App>, config: Arc<Config>, metrics: Option<PrometheusHandle>) -> Self {
        Self {
            app,
            config,
            metrics,
            draining: CancellationToken::new(),
            sockets: TaskTracker::new(),
            ready: Arc::new(AtomicBool::new(true)),
            sign_ins: Arc::new(native::sign_in_limit()),
        }
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) && !self.draining.is_cancelled()
    }
}

/// Every door.
pub fn router(web: Web) -> Router {
    Router::new()
        .merge(vtiger::router())
        .merge(native::router())
        .merge(pages::router())
        .merge(ws::router())
        .merge(console::router())
        .merge(health::router())
        .fallback(error::no_such_door)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(DefaultBodyLimit::max(web.config.http.max_body_bytes))
        .layer(middleware::from_fn_with_state(web.clone(), guard::guard))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(error::panicked))
        .with_state(web)
}
