//! Operations: alive, ready, metrics.

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};

use super::{Web, error::ApiError, peer::Peer};
use crate::store::accounts;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(readyz)).route("/metrics", get(metrics))
}

/// Ready while the book answers and the server is not stopping.
async fn readyz(State(web): State<Web>) -> impl IntoResponse {
    if web.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match accounts::by_id(web.app.db.read(), 0).await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}

async fn metrics(State(web): State<Web>, Peer(address): Peer) -> Result<String, ApiError> {
    if !web.config.metrics.allow.iter().any(|net| net.contains(&address)) {
        return Err(ApiError::Forbidden("metrics are not for this address: see metrics.allow in the settings".into()));
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of open things are small")]
    {
        metrics::gauge!("cti_committer_queue").set(web.app.committer.queued() as f64);
        metrics::gauge!("cti_followers").set(web.app.hub.followers() as f64);
        metrics::gauge!("cti_sockets").set(web.sockets.len() as f64);
    }
    let handle = web.metrics.as_ref().ok_or(ApiError::NotFound("this server records no metrics".into()))?;
    handle.run_upkeep();
    Ok(handle.render())
}
