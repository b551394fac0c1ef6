//! A provider of text messages, or a telephone system, inside the test: it notes what it is asked and answers as the test says.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// What it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The first line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    /// A value of the form in the body.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.body.as_bytes()).find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
    }
}

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// It answers: status, headers, body.
    Answer(u16, &'static str, String),
    /// It answers when the gate is opened.
    Gated(Arc<Notify>, u16, String),
    /// It ends the connection without an answer.
    Close,
    /// It never answers.
    Hang,
}

impl Act {
    pub(crate) fn answer(status: u16, body: &str) -> Self {
        Self::Answer(status, "", body.to_owned())
    }
}

/// A running one.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    acts: Arc<Mutex<VecDeque<Act>>>,
}

impl Fake {
    /// Does these in turn, the last one for ever.
    pub(crate) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), acts).await
    }

    /// The same, at this address.
    pub(crate) async fn start_at(address: SocketAddr, acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let fake = Self { address, seen: Arc::default(), acts: Arc::new(Mutex::new(acts.into_iter().collect())) };
        let (seen, acts) = (fake.seen.clone(), fake.acts.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), acts.clone()));
            }
        });
        fake
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything it was asked.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics while it holds this").clone()
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>, acts: Arc<Mutex<VecDeque<Act>>>) {
    let Some(request) = read(&mut stream).await else { return };
    seen.lock().expect("no test panics while it holds this").push(request);
    let act = {
        let mut acts = acts.lock().expect("no test panics while it holds this");
        if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
    };
    let (status, headers, body) = match act {
        None | Some(Act::Close) => return,
        Some(Act::Hang) => {
            // until the other side gives up
            while stream.read_u8().await.is_ok() {}
            return;
        }
        Some(Act::Answer(status, headers, body)) => (status, headers, body),
        Some(Act::Gated(gate, status, body)) => {
            gate.notified().await;
            (status, "", body)
        }
    };
    let answer = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            let body = &bytes[at + 4..];
            if body.len() >= length.unwrap_or(0) {
                return Some(Seen { head, body: String::from_utf8_lossy(body).into_owned() });
            }
        }
        let read = stream.read_buf(&mut bytes).await.ok()?;
        if read == 0 {
            return None;
        }
    }
}
