//! The agents' side: softphone sockets that check what they hear. Each proves from `prev` and `seq` that its stream is
//! unbroken and reports every call state to the ledger.

use std::{cell::RefCell, net::SocketAddr, rc::Rc};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, de::IgnoredAny};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, Utf8Bytes, client::IntoClientRequest as _, protocol::WebSocketConfig},
};
use uuid::Uuid;

use crate::{
    ledger::{CallKey, Ledger, Step},
    machine,
    server::{Server, login},
    wire::Connection,
};

/// The subprotocol of the softphone socket.
pub(crate) const SUBPROTOCOL: &str = "cti.v1.json";

/// Thousands of sockets in one process: the usual 128 KiB of buffer each would dwarf everything else.
const READ_BUFFER: usize = 4 * 1024;

/// Of a frame only what is checked here; strings stay where they are and the rest is skipped.
#[derive(Deserialize)]
struct Frame<'a> {
    op: &'a str,
    seq: Option<u64>,
    prev: Option<u64>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow)]
    data: Option<CallData<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallData<'a> {
    call_id: Option<&'a str>,
    state: Option<&'a str>,
    recording_url: Option<IgnoredAny>,
}

impl Frame<'_> {
    /// The step of a call that an event tells of, if it is one that the bench waits for.
    fn step(&self) -> Option<(CallKey, Step)> {
        let data = self.data.as_ref()?;
        let step = match (self.kind?, data.state?) {
            ("call.state", "incoming") => Step::Initiated,
            ("call.state", "talk") => Step::Connected,
            ("call.state", "end") => Step::HungUp,
            ("call.updated", _) if data.recording_url.is_some() => Step::Recording,
            _ => return None,
        };
        Some((CallKey::parse(data.call_id?)?, step))
    }
}

/// One agent's softphone.
pub(crate) struct Subscriber {
    /// Number of the socket; the first ones belong to the agents who get calls.
    socket: usize,
    stream: WebSocketStream<TcpStream>,
    /// Position of the last event, or of the snapshot before the first: what the next frame must name as `prev`.
    last: u64,
}

impl Subscriber {
    /// Fetches a ticket, connects, says hello and reads up to the snapshot.
    pub(crate) async fn open(server: &Server, door: &mut Connection, socket: usize) -> Result<Self> {
        let ticket = ticket(server, door, socket).await?;
        let mut stream = connect(server.addr).await?;
        let tab = tab();
        let hello = format!(r#"{{"op":"hello","ticket":"{ticket}","client":"bench/1","tab":"{tab}"}}"#);
        stream.send(Message::text(hello)).await?;
        let mut welcomed = false;
        loop {
            let text = next_text(&mut stream).await.context("no snapshot")?;
            let frame: Frame<'_> = parse(&text)?;
            match frame.op {
                "welcome" => welcomed = true,
                "snapshot" => {
                    ensure!(welcomed, "the snapshot came before the welcome");
                    let last = frame.seq.context("a snapshot without seq")?;
                    return Ok(Self { socket, stream, last });
                }
                _ => bail!("{text} before the snapshot"),
            }
        }
    }

    /// Listens until the run is over. It returns only by failing: a softphone's socket is never closed under it.
    pub(crate) async fn listen(mut self, ledger: Rc<RefCell<Ledger>>) -> Result<()> {
        loop {
            let text = next_text(&mut self.stream).await.with_context(|| format!("socket of {}", login(self.socket)))?;
            let frame: Frame<'_> = parse(&text)?;
            match frame.op {
                "ev" => self.hear(&frame, text.len(), &mut ledger.borrow_mut())?,
                "ping" => {
                    let seq = frame.seq.context("a ping without seq")?;
                    self.stream.send(Message::text(format!(r#"{{"op":"pong","seq":{seq}}}"#))).await?;
                }
                // a start from a new snapshot: what lies between is missing, and the ledger will say so
                "snapshot" => self.last = frame.seq.context("a snapshot without seq")?,
                "mark" => {}
                _ => bail!("unexpected frame {text}"),
            }
        }
    }

    fn hear(&mut self, frame: &Frame<'_>, bytes: usize, ledger: &mut Ledger) -> Result<()> {
        let at = machine::now();
        ledger.frame(bytes, at);
        let (seq, prev) = (frame.seq.context("an event without seq")?, frame.prev.context("an event without prev")?);
        if prev != self.last || seq <= self.last {
            ledger.out_of_order();
        }
        self.last = seq;
        if let Some((key, step)) = frame.step() {
            ledger.delivered(self.socket, key, step, at);
        }
        Ok(())
    }
}

/// A browser tab's own id.
#[expect(clippy::disallowed_methods, reason = "nothing here is repeated from a seed")]
fn tab() -> Uuid {
    Uuid::now_v7()
}

async fn ticket(server: &Server, door: &mut Connection, socket: usize) -> Result<String> {
    #[derive(Deserialize)]
    struct Issued {
        ticket: String,
    }
    let body = format!(r#"{{"agent":"{}"}}"#, login(socket));
    let request = format!(
        "POST /api/v1/ws-ticket HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        server.addr,
        server.token,
        body.len()
    );
    let answer = door.send(request.as_bytes()).await?;
    let text = String::from_utf8_lossy(answer.body);
    ensure!((200..300).contains(&answer.status), "no ticket: {} {text}", answer.status);
    Ok(serde_json::from_str::<Issued>(&text).with_context(|| format!("no ticket in {text}"))?.ticket)
}

async fn connect(addr: SocketAddr) -> Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{addr}/ws").into_client_request()?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse()?);
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let (stream, _answer) = client_async_with_config(request, stream, Some(config)).await.context("open a socket")?;
    Ok(stream)
}

async fn next_text(stream: &mut WebSocketStream<TcpStream>) -> Result<Utf8Bytes> {
    loop {
        match stream.next().await.context("the socket ended")?? {
            Message::Text(text) => return Ok(text),
            Message::Ping(_) | Message::Pong(_) => {}
            other => bail!("the server sent {other:?}"),
        }
    }
}

fn parse(text: &str) -> Result<Frame<'_>> {
    serde_json::from_str(text).with_context(|| format!("cannot read the frame {text}"))
}
