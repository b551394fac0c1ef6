//! The softphone socket `GET /ws`, subprotocol `cti.v1.json`. The protocol is written down in docs/protocol.md.

mod frames;
mod socket;

use std::time::Duration;

use axum::{
    Router,
    extract::{FromRequestParts, Request, State, WebSocketUpgrade},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::any,
};

use super::{Web, auth::Bearer, cors, error::ApiError, server::Place};
use crate::domain::scope::Scope;

/// The subprotocol.
pub(crate) const PROTOCOL: &str = "cti.v1.json";
/// Longest frame that a client may send.
const MAX_FRAME: usize = 16 * 1024;
/// Small buffers: thousands of sockets are idle most of the time. No more than this and one message waits to be written: a
/// message that does not fit makes the next one wait, and the mailbox fills instead.
const BUFFER: usize = 4 * 1024;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/ws", any(upgrade))
}

/// Upgrades a connection. A program sends its bearer here; a browser, which cannot, sends a ticket in its first frame.
async fn upgrade(State(web): State<Web>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let page = foreign_page(&web, &parts.headers).await?;
    let grant = if parts.headers.contains_key(header::AUTHORIZATION) {
        let bearer = Bearer::from_request_parts(&mut parts, &web).await?;
        Some(bearer.with(Scope::EventsRead)?.clone())
    } else {
        None
    };
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &web).await;
    let upgrade =
        upgrade.map_err(|error| ApiError::Unreadable(format!("this is the softphone socket: open it as a WebSocket ({error})").into()))?;
    let upgrade = upgrade.protocols([PROTOCOL]).read_buffer_size(BUFFER).write_buffer_size(BUFFER);
    let upgrade = upgrade.max_message_size(MAX_FRAME).max_frame_size(MAX_FRAME);
    if upgrade.selected_protocol().is_none() {
        return Err(ApiError::Unreadable(format!("offer the subprotocol {PROTOCOL} (Sec-WebSocket-Protocol)").into()));
    }
    let tracker = web.sockets.clone();
    let place = parts.extensions.remove::<Place>();
    Ok(upgrade
        .on_upgrade(move |socket| {
            // boxed: the state of an open socket is kept for hours, and only what it needs
            let session = Box::pin(async move {
                socket::Session::run(web, socket, grant, page).await;
                drop(place);
            });
            tracker.track_future(session)
        })
        .into_response())
}

/// Browsers name the page's origin; it must be ours or an allowed one. Programs name none. One that only client apps name is answered:
/// whether they are of the account is seen when hello has said which it is.
async fn foreign_page(web: &Web, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let own = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) == Some(host);
    if own || web.config.http.allowed_origins.iter().any(|allowed| allowed == origin) {
        return Ok(None);
    }
    if cors::is_allowed(web, origin).await {
        return Ok(Some(origin.to_owned()));
    }
    Err(ApiError::Forbidden("this page's origin is not allowed: add it to a client app, or to http.allowed_origins in the settings".into()))
}

/// Why a socket is closed. 4000–4499: connect again; 4500–4999: do not, without a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// The server stops; another one will answer.
    Drain,
    /// The journal began anew.
    Anew,
    /// Nothing was taken for too long.
    Slow,
    /// Hello did not come in time.
    Late,
    /// The session has ended.
    SessionExpired,
    /// The ticket is not valid (any more).
    Ticket,
    /// A frame that the protocol does not know.
    Frame(&'static str),
    /// The credential may not do what hello asks for.
    Forbidden(&'static str),
    /// The book does not answer.
    Store,
}

impl Close {
    fn code(self) -> u16 {
        match self {
            Self::Drain | Self::Anew | Self::Store => 4000,
            Self::Slow | Self::Late => 4008,
            Self::SessionExpired => 4014,
            Self::Ticket => 4500,
            Self::Frame(_) => 4501,
            Self::Forbidden(_) => 4507,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Drain => "the server stops: connect again",
            Self::Anew => "the journal began anew: connect again",
            Self::Store => "the store is away: connect again",
            Self::Slow => "too slow: connect again and resume",
            Self::Late => "hello did not come in time: connect again",
            Self::SessionExpired => "the session has ended: sign in again",
            Self::Ticket => "the ticket is not valid: get a new one",
            Self::Frame(why) | Self::Forbidden(why) => why,
        }
    }
}

/// After the close frame the client gets this long to answer it.
const LINGER: Duration = Duration::from_secs(1);
