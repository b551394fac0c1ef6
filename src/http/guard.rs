//! What every request passes, around all doors: the length of its address, an id for the log, headers that every answer
//! carries, and a net under panics. Not a layer: a layer is boxed and cloned for each request.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicU64, Ordering},
};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{Web, error, error::ApiError};
use crate::app::clock::Clock;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a path that a log line shows.
const SHOWN_PATH: usize = 80;

/// Makes ids of requests: the server's start and a count.
pub(super) struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { prefix: format!("{:x}", clock.now().timestamp_millis()), next: AtomicU64::new(1) }
    }

    fn next(&self) -> String {
        format!("{}-{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Guards one request. The log span has the path without the query: secrets and phone numbers ride there.
pub(super) async fn guard(web: &Web, request: Request, doors: impl AsyncFnOnce(Request) -> Result<Response, Infallible>) -> Response {
    let id = web.request_ids.next();
    let path: String = request.uri().path().chars().take(SHOWN_PATH).collect();
    let span = tracing::info_span!("request", %id, method = %request.method(), path);
    let too_long = request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > web.config.http.max_uri_bytes);
    let mut response = async {
        if too_long {
            return ApiError::AddressTooLong.into_response();
        }
        match AssertUnwindSafe(doors(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(cause) => error::panicked(cause),
        }
    }
    .instrument(span)
    .await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    response
}
