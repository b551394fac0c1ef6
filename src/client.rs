//! The reference client of the softphone socket: what docs/protocol.md describes, in as few lines as it takes.
//!
//! [`Connection`] is one socket; it answers pings and proves continuity by the `prev` chain. [`Follower`] keeps one open:
//! it connects again with full jitter and resumes where it was.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
    },
};

use crate::app::clock::instant;

/// The longest pause before a new connection.
const MAX_PAUSE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A connection that lived for this long was a good one: the pauses begin anew.
const GOOD_LIFE: Duration = Duration::from_secs(10);
/// How long the server may take until its welcome.
const WELCOME_PATIENCE: Duration = Duration::from_secs(15);

/// Who connects.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A program: its token, sent on the upgrade.
    Bearer(String),
    /// A browser: a one-use ticket, sent in hello.
    Ticket(String),
}

/// A place in an account's journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The journal's incarnation.
    pub epoch: String,
    /// The last entry that was applied or passed over.
    pub seq: i64,
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct Connect {
    /// `ws://HOST:PORT/ws`.
    pub url: String,
    /// Who connects.
    pub credential: Credential,
    /// Whom a program follows: `"*"` or a list of logins.
    pub agents: Option<Value>,
    /// Types beside those of softphones.
    pub types: Vec<String>,
    /// Where it was.
    pub resume: Option<Position>,
}

/// The first frame of the server.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the keys are described in docs/protocol.md")]
pub struct Welcome {
    pub agent: Option<String>,
    pub epoch: String,
    pub head: i64,
    pub ping: u64,
    pub resume: String,
}

/// What the server sends after welcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Everything that was known before is replaced by this.
    Snapshot {
        /// The position it shows.
        seq: i64,
        /// The live calls.
        calls: Vec<Value>,
        /// The whole frame.
        raw: Value,
    },
    /// An event: the envelope.
    Event(Value),
    /// The end of a replay.
    Mark(i64),
    /// The answer to a command.
    Answer(Value),
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server closed it with this code and reason.
    #[error("closed by the server: {0} {1}")]
    Closed(u16, String),
    /// An event is missing: `prev` is not what was applied last.
    #[error("events are missing: expected prev {expected}, got {got}")]
    Gap {
        /// The last event applied.
        expected: i64,
        /// What the server says it was.
        got: i64,
    },
    /// The server refused the upgrade.
    #[error("refused: HTTP {0}: {1}")]
    Refused(u16, String),
    /// Nothing came for two ping intervals, or no welcome in time.
    #[error("the server is silent")]
    Silent,
    /// The frame is not one of the protocol.
    #[error("not a frame of the protocol: {0}")]
    Frame(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] Box<tungstenite::Error>),
}

impl Error {
    /// Whether connecting again without a change may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Closed(code, _) => !(4500..5000).contains(code),
            Self::Refused(status, _) => matches!(status, 429 | 502 | 503 | 504),
            Self::Gap { .. } | Self::Broken(_) | Self::Silent => true,
            Self::Frame(_) => false,
        }
    }
}

impl From<tungstenite::Error> for Error {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => {
                let text = response.body().as_deref().map(|body| String::from_utf8_lossy(body).into_owned());
                Self::Refused(response.status().as_u16(), text.unwrap_or_default())
            }
            other => Self::Broken(Box::new(other)),
        }
    }
}

/// One open socket.
pub struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What the server said first.
    pub welcome: Welcome,
    /// Where this client is; of no use between a reset and its snapshot, see [`Connection::resume`].
    pub position: Position,
    chain: i64,
    /// Whether there is a position: after a reset there is none until the snapshot.
    placed: bool,
}

impl Connection {
    /// Connects, says hello and reads welcome.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn open(connect: &Connect) -> Result<Self, Error> {
        let mut request = connect.url.as_str().into_client_request()?;
        let headers = request.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("cti.v1.json"));
        let mut hello = json!({"op": "hello", "client": concat!("cti-gateway/", env!("CARGO_PKG_VERSION")), "types": connect.types});
        match &connect.credential {
            Credential::Bearer(token) => {
                let value = HeaderValue::from_str(&format!("Bearer {token}"))
                    .map_err(|_| Error::Frame("the token has characters that no header takes".into()))?;
                headers.insert(header::AUTHORIZATION, value);
            }
            Credential::Ticket(ticket) => hello["ticket"] = json!(ticket),
        }
        if let Some(agents) = &connect.agents {
            hello["agents"] = agents.clone();
        }
        if let Some(position) = &connect.resume {
            hello["resume"] = json!({"epoch": position.epoch, "seq": position.seq});
        }
        let greeting = async {
            let (mut socket, _) = connect_async(request).await?;
            socket.send(Message::text(hello.to_string())).await?;
            let first = read(&mut socket).await?;
            Ok::<_, Error>((socket, first))
        };
        let (socket, first) = tokio::time::timeout(WELCOME_PATIENCE, greeting).await.map_err(|_| Error::Silent)??;
        let welcome: Welcome = serde_json::from_value(first.clone()).map_err(|_| Error::Frame(first.to_string()))?;
        let chain = connect.resume.as_ref().map_or(0, |position| position.seq);
        let position = Position { epoch: welcome.epoch.clone(), seq: chain };
        let placed = connect.resume.is_some() && welcome.resume != "reset";
        Ok(Self { socket, welcome, position, chain, placed })
    }

    /// Where a new connection can go on; `None` between a reset and its snapshot.
    pub fn resume(&self) -> Option<&Position> {
        self.placed.then_some(&self.position)
    }

    /// The next frame that is not a ping. Dropping the future loses nothing but a pong.
    ///
    /// # Errors
    /// See [`Error`]; the connection is then over.
    pub async fn next(&mut self) -> Result<Frame, Error> {
        let silence = Duration::from_millis(self.welcome.ping.saturating_mul(2));
        loop {
            let frame = tokio::time::timeout(silence, read(&mut self.socket)).await.map_err(|_| Error::Silent)??;
            let seq = frame["seq"].as_i64().unwrap_or_default();
            match frame["op"].as_str() {
                Some("ev") => {
                    let prev = frame["prev"].as_i64().unwrap_or(-1);
                    if prev != self.chain {
                        return Err(Error::Gap { expected: self.chain, got: prev });
                    }
                    (self.chain, self.position.seq) = (seq, seq);
                    return Ok(Frame::Event(frame));
                }
                Some("snapshot") => {
                    (self.chain, self.position.seq, self.placed) = (seq, seq, true);
                    let calls = frame["calls"].as_array().cloned().unwrap_or_default();
                    return Ok(Frame::Snapshot { seq, calls, raw: frame });
                }
                Some("mark") => {
                    self.pass(seq);
                    return Ok(Frame::Mark(seq));
                }
                Some("ping") => {
                    self.pass(seq);
                    let seq = self.resume().map_or(0, |position| position.seq);
                    self.send(&json!({"op": "pong", "seq": seq})).await?;
                }
                Some("res") => return Ok(Frame::Answer(frame)),
                // a later server may say more
                Some(_) => {}
                None => return Err(Error::Frame(frame.to_string())),
            }
        }
    }

    /// Everything up to `seq` was given; says nothing to a client that has no position.
    fn pass(&mut self, seq: i64) {
        if self.placed {
            self.position.seq = self.position.seq.max(seq);
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn send(&mut self, frame: &Value) -> Result<(), Error> {
        Ok(self.socket.send(Message::text(frame.to_string())).await?)
    }

    /// Closes the socket in an orderly way.
    pub async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}

async fn read(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Result<Value, Error> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).map_err(|_| Error::Frame(text.to_string())),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
                return Err(Error::Closed(code, reason));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Error::Closed(1006, "the connection went away".into())),
        }
    }
}

/// What a follower gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    /// A frame of the present connection.
    Frame(Frame),
    /// Connected, with the server's word for how it goes on: live, replay or reset.
    Connected(String),
    /// The connection was lost; a new one is tried after the pause.
    Lost(String, Duration),
}

/// A connection that is opened again and again, resuming where it was.
pub struct Follower {
    connect: Connect,
    connection: Option<Connection>,
    connected_at: tokio::time::Instant,
    pause: Duration,
    wait: Duration,
}

impl Follower {
    /// A follower that connects at the first [`Follower::next`].
    pub fn new(connect: Connect) -> Self {
        Self { connect, connection: None, connected_at: instant(), pause: FIRST_PAUSE, wait: Duration::ZERO }
    }

    /// Where it is.
    pub fn position(&self) -> Option<&Position> {
        match &self.connection {
            Some(connection) => connection.resume(),
            None => self.connect.resume.as_ref(),
        }
    }

    /// What happens next.
    ///
    /// # Errors
    /// When connecting again would not help.
    pub async fn next(&mut self) -> Result<Followed, Error> {
        let result = match &mut self.connection {
            Some(connection) => connection.next().await.map(Followed::Frame),
            None => {
                tokio::time::sleep(self.wait).await;
                match Connection::open(&self.connect).await {
                    Ok(connection) => {
                        let word = connection.welcome.resume.clone();
                        self.connection = Some(connection);
                        self.connected_at = instant();
                        Ok(Followed::Connected(word))
                    }
                    Err(error) => Err(error),
                }
            }
        };
        match result {
            Err(error) if error.is_passing() => {
                if let Some(connection) = self.connection.take() {
                    // after a gap nothing that was known can be trusted
                    self.connect.resume = connection.resume().filter(|_| !matches!(error, Error::Gap { .. })).cloned();
                    self.pause = after_life(self.pause, self.connected_at.elapsed());
                }
                self.wait = self.pause.mul_f64(rand::random::<f64>());
                self.pause = (self.pause * 2).min(MAX_PAUSE);
                Ok(Followed::Lost(error.to_string(), self.wait))
            }
            other => other,
        }
    }
}

/// The longest pause before the next try, after a connection that lived for this long: one that was lost at once does not
/// make the pauses short again.
fn after_life(pause: Duration, life: Duration) -> Duration {
    if life >= GOOD_LIFE { FIRST_PAUSE } else { pause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_good_connection_makes_the_pauses_short_again() {
        assert_eq!(after_life(MAX_PAUSE, Duration::from_secs(9)), MAX_PAUSE);
        assert_eq!(after_life(MAX_PAUSE, Duration::from_secs(10)), FIRST_PAUSE);
    }
}
