//! What a client still sends of a body that nobody reads to its end: taken in and dropped before the answer goes out, within limits. A
//! connection that is closed under a client's hands costs it the answer, and it would send the same again instead of reading why not.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, header},
};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::{sync::oneshot, time::timeout};

use super::Web;

/// A body is taken in to so many times the length that is allowed; who sends yet more is cut off.
const MOST: usize = 8;
/// Who sends nothing for this long is not waited for.
const IDLE: Duration = Duration::from_secs(1);

/// The body of a request, which is handed back when whoever had it let go of it before its end.
struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Incoming::size_hint).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take())
            && !body.is_end_stream()
        {
            let _ = back.send(body);
        }
    }
}

/// What may be left of a request's body.
pub(super) struct Leftover(Option<oneshot::Receiver<Incoming>>);

/// Lends a request's body to the doors.
pub(super) fn lend(request: Request<Incoming>) -> (Request<Body>, Leftover) {
    // whoever asks first whether to send the body is told so by the answer
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return (request.map(Body::new), Leftover(None));
    }
    let (back, left) = oneshot::channel();
    (request.map(|body| Body::new(Lent { body: Some(body), back: Some(back) })), Leftover(Some(left)))
}

impl Leftover {
    /// Takes in what is left, if the doors are done with it.
    pub(super) async fn take_in(self, web: &Web) {
        let Some(Ok(body)) = self.0.map(|mut left| left.try_recv()) else { return };
        let http = &web.config.http;
        let whole = Duration::from_millis(http.body_timeout_ms);
        let _ = timeout(whole, drop_all(Body::new(body), http.max_body_bytes.saturating_mul(MOST))).await;
    }
}

async fn drop_all(mut body: Body, most: usize) {
    let mut taken = 0;
    while taken <= most {
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        match timeout(IDLE, next).await {
            Ok(Some(Ok(frame))) => taken += frame.data_ref().map_or(0, Bytes::len),
            _ => return,
        }
    }
}
