//! HTTP/1.1 as cheap as it gets: one keep-alive connection, preformatted requests, and of each answer the status, the
//! length and the body. A full client would use as much CPU as the server that it measures.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// No answer may be larger; the bench asks for nothing large.
const MAX_ANSWER: usize = 64 * 1024;

/// A keep-alive connection that carries one request at a time.
pub(crate) struct Connection {
    addr: SocketAddr,
    stream: TcpStream,
    received: Vec<u8>,
}

/// What a server answered.
pub(crate) struct Answer<'a> {
    /// Status code.
    pub(crate) status: u16,
    /// How long a refused client is asked to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The body, whole.
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        Ok(Self { addr, stream: connect(addr).await?, received: Vec::with_capacity(4096) })
    }

    /// Sends a whole request and reads its answer.
    ///
    /// A server may close an idle connection at any time; as every keep-alive client does, the request then goes out
    /// once more on a new one. Telephone events are idempotent, so a copy does no harm.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        let head = match self.exchange(request).await {
            Err(error) if self.received.is_empty() && is_closed(&error) => {
                self.stream = connect(self.addr).await?;
                self.exchange(request).await?
            }
            other => other?,
        };
        let body = &self.received[head.length..];
        Ok(Answer { status: head.status, retry_after: head.retry_after, body })
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Head> {
        self.received.clear();
        self.stream.write_all(request).await?;
        let mut head: Option<Head> = None;
        loop {
            if head.is_none() {
                head = Head::parse(&self.received)?;
            }
            match head {
                Some(head) if self.received.len() == head.length + head.body => return Ok(head),
                Some(head) => ensure!(self.received.len() < head.length + head.body, "more than one answer"),
                None => ensure!(self.received.len() < MAX_ANSWER, "an endless answer"),
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
        }
    }
}

async fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(addr).await.context("connect to the server")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn is_closed(error: &anyhow::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(kind, Some(BrokenPipe | ConnectionReset | UnexpectedEof))
}

/// Of an answer's head: what is needed to find its end and to judge it.
#[derive(Clone, Copy)]
struct Head {
    status: u16,
    length: usize,
    body: usize,
    retry_after: Option<Duration>,
}

impl Head {
    /// `None` while the head is incomplete.
    fn parse(received: &[u8]) -> Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&received[..end]).context("a head that is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok()).context("no status line")?;
        let mut head = Self { status, length: end + 4, body: 0, retry_after: None };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                head.body = value.trim().parse().context("content-length")?;
            } else if name.eq_ignore_ascii_case("retry-after") {
                head.retry_after = value.trim().parse().ok().map(Duration::from_secs);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                bail!("a chunked answer: the bench reads only answers with a length");
            }
        }
        Ok(Some(head))
    }
}
