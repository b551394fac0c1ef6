//! Sockets by hand: frames and bytes as they are on the wire, for tests that must see or break them.

use std::{future::Future, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
    },
};

use super::app::{TOKEN, TestApp, answer};

/// Whatever a test waits for comes within this time, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A socket whose frames are sent and read one by one; it answers nothing by itself.
pub(crate) struct Wire(WebSocketStream<TcpStream>);

/// Why there is no next frame: the close frame's code and reason, or 1006 when the connection just went away.
pub(crate) type Closed = (u16, String);

impl Wire {
    /// Connects with the subprotocol and these headers. A refusal is the status and the body.
    pub(crate) async fn open(t: &TestApp, headers: &[(&str, &str)]) -> Result<Self, (u16, Value)> {
        let protocol = [("sec-websocket-protocol", "cti.v1.json")];
        Self::with_headers(t.address, None, &[&protocol[..], headers].concat()).await
    }

    /// Connects with exactly these headers; `window` makes the kernel take little for a client that does not read.
    pub(crate) async fn with_headers(at: SocketAddr, window: Option<u32>, headers: &[(&str, &str)]) -> Result<Self, (u16, Value)> {
        let mut request = format!("ws://{at}/ws").into_client_request().expect("an address");
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).expect("a header's name");
            request.headers_mut().insert(name, HeaderValue::try_from(*value).expect("a header's value"));
        }
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(window) = window {
            socket.set_recv_buffer_size(window).expect("a small window");
        }
        let stream = socket.connect(at).await.expect("the server listens");
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(response)) => {
                let text = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                Err((response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null)))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A program that says hello with these fields.
    pub(crate) async fn program(t: &TestApp, hello: Value) -> Self {
        let mut wire = Self::open(t, &[("authorization", &format!("Bearer {TOKEN}"))]).await.expect("the upgrade");
        wire.hello(hello).await;
        wire
    }

    /// A softphone of this agent that says hello with these fields.
    pub(crate) async fn softphone(t: &TestApp, agent: &str, hello: Value) -> Self {
        let ticket = t.ticket(agent).await;
        let mut wire = Self::open(t, &[]).await.expect("the upgrade");
        wire.hello(with(json!({ "ticket": ticket }), hello)).await;
        wire
    }

    /// Says hello with these fields.
    pub(crate) async fn hello(&mut self, fields: Value) {
        self.send(with(json!({"op": "hello", "client": "test/1"}), fields)).await;
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.message(Message::text(frame.to_string())).await;
    }

    /// Sends it, or finds the connection gone, which the next read tells.
    pub(crate) async fn message(&mut self, message: Message) {
        let _ = timeout(PATIENCE, self.0.send(message)).await.expect("the server reads");
    }

    /// The next text frame as it came.
    pub(crate) async fn next(&mut self) -> Result<String, Closed> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(Some(frame)))) => return Err((frame.code.into(), frame.reason.to_string())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err((1006, error.to_string())),
                None => return Err((1006, String::new())),
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            let frame = self.any_frame().await;
            if frame["type"] != "agent.state" {
                return frame;
            }
        }
    }

    /// The next frame, whatever it tells of.
    async fn any_frame(&mut self) -> Value {
        let text = self.next().await.expect("a frame");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The next frame of this kind; others are passed over.
    pub(crate) async fn next_of(&mut self, op: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["op"] == op {
                return frame;
            }
        }
    }

    /// The code and reason with which the server closes; frames before that are passed over.
    pub(crate) async fn closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.next().await {
                return closed;
            }
        }
    }
}

/// An object with the fields of another one.
pub(crate) fn with(mut object: Value, fields: Value) -> Value {
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
    }
    object
}

/// Reports `count` new calls for an agent's number, named `PREFIX-0` and so on; each leaves one entry of about `weight` bytes.
pub(crate) async fn flood(t: &TestApp, prefix: &str, to: &str, count: usize, weight: usize) {
    let notes = "n".repeat(weight.min(4096));
    let custom = "c".repeat(weight.saturating_sub(4096).min(2000));
    let call = |n: usize| json!({"event": "initiated", "callId": format!("{prefix}-{n}"), "from": "+4930123456", "to": to, "notes": notes, "customData": custom});
    let numbers: Vec<usize> = (0..count).collect();
    for batch in numbers.chunks(100) {
        let events: Vec<Value> = batch.iter().map(|&n| call(n)).collect();
        let (status, body) = answer(t.api(reqwest::Method::POST, "/api/v1/call-events").json(&json!({ "events": events }))).await;
        assert_eq!(status, reqwest::StatusCode::OK, "{body}");
    }
}

/// Waits until something holds, by looking again and again.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waited = timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("in time: {what}"));
}

/// A connection on which a test writes an HTTP request by hand.
pub(crate) struct Bytes(TcpStream);

impl Bytes {
    pub(crate) async fn open(at: SocketAddr) -> Self {
        Self(TcpStream::connect(at).await.expect("the server listens"))
    }

    /// Writes; a server that has closed already is no failure of the test, but `false`.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Says that no more will be written.
    pub(crate) async fn finish(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// Everything until the server closes.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("the server closes in time");
        let _ = read; // a reset after the answer is an end like any other
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
