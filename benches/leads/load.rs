//! The CRM's side: clients that inject or search as fast as they are answered.

use std::{cell::RefCell, io::Write as _, net::SocketAddr, rc::Rc, time::Duration, time::Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::{Work, fill::phone, machine, wire::Connection};

/// The answer that says that a lead was taken in.
const TAKEN: &[u8] = b"<br><br>Result:  OK";

/// What is to be played.
pub(crate) struct Load {
    pub(crate) addr: SocketAddr,
    pub(crate) token: String,
    pub(crate) work: Work,
    pub(crate) leads: u64,
    pub(crate) connections: usize,
}

/// What was played.
#[derive(Default)]
pub(crate) struct Played {
    /// Requests answered in the measured time.
    pub(crate) measured: u64,
    /// Requests answered at all.
    pub(crate) total: u64,
    /// Answers 503.
    pub(crate) refused: u64,
    /// Microseconds from request to answer, of those measured.
    pub(crate) times_us: Vec<u32>,
}

impl Load {
    /// Plays for the warm-up and then for the measured time; `at_start` is called between.
    pub(crate) async fn play(&self, warmup: Duration, seconds: Duration, at_start: impl FnOnce() -> Result<()>) -> Result<Played> {
        let start = machine::now() + warmup;
        let until = start + seconds;
        let played = Rc::new(RefCell::new(Played::default()));
        let mut clients = JoinSet::new();
        for line in 0..self.connections {
            let connection = Connection::open(self.addr).await?;
            let client = Client {
                work: self.work,
                leads: self.leads,
                line,
                connections: self.connections,
                token: self.token.clone(),
                addr: self.addr,
            };
            clients.spawn_local(client.play(connection, start..until, Rc::clone(&played)));
        }
        tokio::time::sleep_until(start.into()).await;
        at_start()?;
        while let Some(ended) = clients.join_next().await {
            ended??;
        }
        Ok(played.take())
    }
}

struct Client {
    work: Work,
    leads: u64,
    line: usize,
    connections: usize,
    token: String,
    addr: SocketAddr,
}

impl Client {
    async fn play(self, mut connection: Connection, window: std::ops::Range<Instant>, played: Rc<RefCell<Played>>) -> Result<()> {
        let mut request = Vec::with_capacity(512);
        let mut turn = self.line as u64;
        while machine::now() < window.end {
            request.clear();
            self.write(&mut request, turn)?;
            let sent = machine::now();
            let answer = connection.send(&request).await?;
            let now = machine::now();
            if answer.status == 503 {
                played.borrow_mut().refused += 1;
                tokio::time::sleep(answer.retry_after.unwrap_or(Duration::from_secs(1))).await;
                continue;
            }
            let expected = match self.work {
                Work::Inject => answer.body == TAKEN,
                Work::Search => answer.body.ends_with(b"\"LeadExists\":true}"),
            };
            ensure!(expected, "the server answered {}: {}", answer.status, String::from_utf8_lossy(answer.body));
            let mut played = played.borrow_mut();
            played.total += 1;
            if sent >= window.start && now < window.end {
                played.measured += 1;
                played.times_us.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
            }
            turn += self.connections as u64;
        }
        Ok(())
    }

    fn write(&self, request: &mut Vec<u8>, turn: u64) -> Result<()> {
        let Self { token, addr, leads, .. } = self;
        match self.work {
            // new numbers spread over the index, none of them one that was filled in
            Work::Inject => write!(
                request,
                "POST /HttpImport/InjectLead.php?token={token}&accid=bench&Campaign=bench&DuplicatesCheck=2&PrimaryPhone={}&FirstName=Ada\
                 &LastName=Lovelace&City=Tampa&State=FL&ZipCode=33601&ClientId=new-{turn}",
                12_020_000_000 + turn.wrapping_mul(7_919_777) % 7_970_000_000
            )?,
            Work::Search => write!(
                request,
                "GET /HttpImport/LeadOperations.php?token={token}&accid=bench&Action=SearchLead&SearchField=Phone&Identifier={}",
                phone(turn.wrapping_mul(7_919) % leads)
            )?,
        }
        write!(request, " HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 0\r\n\r\n")?;
        Ok(())
    }
}
