//! `serve`: runs the server until it is told to stop.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::logging;
use crate::{
    app::clock::Clock,
    config::{Config, redact_url},
    http::server::Server,
    store::Durability,
};

/// Seconds: buckets of the latency metrics.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Pieces of work: buckets of the batch size.
const JOBS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Runs the server.
pub(super) async fn serve(config: Config) -> anyhow::Result<()> {
    logging::start(&config)?;
    let metrics = record_metrics()?;
    let listener = listen(&config).await?;
    let url = redact_url(&config.store.url);
    let allow_volatile = config.store.allow_volatile;
    let server = Server::open(config, Clock::System, Some(metrics)).await?;
    refuse_volatile(&server, allow_volatile).await?;
    tracing::info!(address = %listener.local_addr()?, store = %url, "serving");
    server.serve(listener, stop_signal()?).await;
    Ok(())
}

/// Binds the listener; the error says what to change.
pub(super) async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    TcpListener::bind(config.listen).await.map_err(|error| {
        anyhow::anyhow!("cannot listen on {}: {error}; choose another address with CTI_LISTEN=127.0.0.1:PORT", config.listen)
    })
}

/// Records metrics for `/metrics`.
pub(super) fn record_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_jobs".into()), &JOBS)?
        .install_recorder()?;
    // measured values pile up until they are put into their buckets
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

async fn refuse_volatile(server: &Server, allowed: bool) -> anyhow::Result<()> {
    if let Durability::Volatile(why) = server.app().db.durability().await? {
        anyhow::ensure!(
            allowed,
            "{why}: acknowledged events may be lost in a power cut. Set it on, or start with CTI_STORE__ALLOW_VOLATILE=true"
        );
        tracing::warn!("{why}: acknowledged events may be lost in a power cut");
    }
    Ok(())
}

/// Resolves when the process is asked to stop.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
