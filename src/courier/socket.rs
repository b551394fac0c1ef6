//! A WebSocket to the outside: opened by the courier's own clients, so that it may go where requests may go, and trusts whom they trust.

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{
    StatusCode, Upgraded,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{Courier, Trouble, trouble};
use crate::domain::request::Outgoing;

/// Longest message that is read.
const MAX_MESSAGE: usize = 1 << 20;

/// An open socket.
pub type Socket = WebSocketStream<Upgraded>;

/// Why there is no socket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSocket {
    /// No answer came.
    #[error("{0}")]
    Trouble(#[from] Trouble),
    /// The answer was no socket.
    #[error("the answer was {0}")]
    Status(u16),
}

impl Courier {
    /// Opens a socket: `outgoing` is the request for it, by http or https. `key` is fresh randomness. The courier's time limit is for
    /// the opening; the socket lives on.
    ///
    /// # Errors
    /// See [`NoSocket`].
    pub async fn open_socket(&self, outgoing: &Outgoing, key: [u8; 16]) -> Result<Socket, NoSocket> {
        let key = BASE64_STANDARD.encode(key);
        let request = self.request(reqwest::Method::GET, outgoing)?;
        let request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
        let request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, &key);
        let response = request.send().await.map_err(|error| trouble(&error))?;
        let status = response.status();
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| *accept == derive_accept_key(key.as_bytes()));
        if status != StatusCode::SWITCHING_PROTOCOLS || !accepted {
            return Err(NoSocket::Status(status.as_u16()));
        }
        let upgraded = response.upgrade().await.map_err(|error| trouble(&error))?;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
    }
}
