//! The listener: hyper with a header timeout and limits (axum's own loop has neither), and an orderly end.

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::{Web, guard::guard, leftover, router};
use crate::{
    app::{App, Tasks, clock::Clock},
    config::Config,
    store::{Db, OpenError},
};

/// Open requests get this long to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(10);
const MAX_HEADERS: usize = 100;

/// A server that is ready to be driven.
pub struct Server {
    web: Web,
    tasks: Tasks,
}

impl Server {
    /// Opens the book and starts the tasks of the desk.
    ///
    /// # Errors
    /// When the book cannot be opened.
    pub async fn open(
        config: Config,
        clock: Clock,
        metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
    ) -> Result<Self, OpenError> {
        let db = Db::open(&config.store_options()).await?;
        let (app, tasks) = App::start(db, clock, &config.committer_settings(), config.retention(), config.outside());
        Ok(Self { web: Web::new(app, config, metrics), tasks })
    }

    /// The desk behind the doors.
    pub fn app(&self) -> Arc<App> {
        self.web.app.clone()
    }

    /// Serves until `shutdown`; then drains: sockets close with 4000, requests finish, the committer empties its queue.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let Self { web, tasks } = self;
        let router = router(web.clone());
        let connections = TaskTracker::new();
        let room = Arc::new(Semaphore::new(web.config.http.max_connections));
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&listener, &room) => accepted,
            };
            let Some((stream, peer, permit)) = accepted else { continue };
            let (router, web) = (router.clone(), web.clone());
            connections.spawn(serve_connection(stream, peer, router, web, Arc::new(permit)));
        }
        tracing::info!("stopping: no new connections, open ones finish");
        drop(listener);
        web.draining.cancel();
        web.sockets.close();
        connections.close();
        let drained = async {
            web.sockets.wait().await;
            connections.wait().await;
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("some connections did not finish in time");
        }
        drop(router);
        let app = web.app.clone();
        drop(web);
        tasks.finish(app).await;
        tracing::info!("stopped");
    }
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// A connection's place among those that the server holds at once.
#[derive(Clone)]
pub(super) struct Place(#[expect(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

/// Takes the next connection when there is room for it.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, permit))
        }
        Err(error) => {
            // out of file descriptors: others must close first
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn serve_connection(stream: TcpStream, peer: SocketAddr, router: Router, web: Web, permit: Arc<OwnedSemaphorePermit>) {
    let shared = web.clone();
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let (router, web, permit) = (router.clone(), shared.clone(), permit.clone());
        async move {
            let (mut request, leftover) = leftover::lend(request);
            request.extensions_mut().insert(ConnectInfo(peer));
            // an upgraded socket keeps the connection's place after this service is gone
            request.extensions_mut().insert(Place(permit));
            let answer = guard(&web, request, async |request| router.oneshot(request).await).await;
            leftover.take_in(&web).await;
            Ok::<_, Infallible>(answer)
        }
    });
    let http = &web.config.http;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(http.header_timeout_ms))
        .max_headers(MAX_HEADERS)
        .max_buf_size(http.max_head_bytes.max(8192))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = Box::pin(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = web.draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}
