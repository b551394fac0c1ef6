//! The telephone system's side: callers that play whole calls, and the pacer that tells them when to speak.

use std::{
    cell::RefCell,
    io::Write as _,
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{
    ledger::{CallKey, Ledger, Step},
    machine,
    server::{Server, number},
    wire::Connection,
};

/// The lives of calls: answered, answered with a recording, missed.
const ANSWERED: &[Step] = &[Step::Initiated, Step::Connected, Step::HungUp];
const RECORDED: &[Step] = &[Step::Initiated, Step::Connected, Step::Recording, Step::HungUp];
const MISSED: &[Step] = &[Step::Initiated, Step::HungUp];

/// How long a refused event waits when the server does not say.
const DEFAULT_RETRY: Duration = Duration::from_secs(1);

/// The life of a call: a tenth is missed, every fourth of all has a recording if it was answered.
fn script(key: CallKey) -> &'static [Step] {
    match key.line + key.number {
        turn if turn % 10 == 9 => MISSED,
        turn if turn % 4 == 0 => RECORDED,
        _ => ANSWERED,
    }
}

/// One keep-alive connection that plays one call after the other.
pub(crate) struct Caller {
    line: usize,
    connection: Connection,
    /// What every request begins and ends with.
    head: String,
    tail: String,
    /// The agent's telephone.
    extension: usize,
    /// Due times of an open loop; `None` speaks again as soon as the last event was acknowledged.
    due: Option<UnboundedReceiver<Instant>>,
    until: Instant,
    ledger: Rc<RefCell<Ledger>>,
}

impl Caller {
    /// Connects the caller of connection `line`, who plays for `agent` until `until`.
    pub(crate) async fn open(server: &Server, line: usize, agent: usize, until: Instant, ledger: Rc<RefCell<Ledger>>) -> Result<Self> {
        Ok(Self {
            line,
            connection: Connection::open(server.addr).await?,
            head: "POST /modules/PhoneCalls/callbacks/Generic.php?call_id=".into(),
            tail: format!(" HTTP/1.1\r\nHost: {}\r\nX-VTIGER-SECRET: {}\r\nContent-Length: 0\r\n\r\n", server.addr, server.secret),
            extension: number(agent),
            due: None,
            until,
            ledger,
        })
    }

    /// Speaks at the times that come in here instead of as fast as it can.
    pub(crate) fn paced(&mut self, due: UnboundedReceiver<Instant>) {
        self.due = Some(due);
    }

    /// Plays calls until time is up.
    pub(crate) async fn play(mut self) -> Result<()> {
        let mut request = Vec::with_capacity(512);
        loop {
            let key = self.ledger.borrow_mut().open_call(self.line);
            for &step in script(key) {
                let Some(start) = self.next_start().await else {
                    return Ok(());
                };
                self.ledger.borrow_mut().sent(key, step, start);
                request.clear();
                self.write(&mut request, key, step)?;
                if !self.post(&request).await? {
                    return Ok(());
                }
                self.ledger.borrow_mut().acknowledged(key, step, machine::now());
            }
        }
    }

    async fn next_start(&mut self) -> Option<Instant> {
        let now = machine::now();
        let start = match &mut self.due {
            Some(due) => due.recv().await?,
            None => now,
        };
        (now < self.until).then_some(start)
    }

    /// Sends until the server takes it; false when time ran out on a refused event.
    async fn post(&mut self, request: &[u8]) -> Result<bool> {
        loop {
            let answer = self.connection.send(request).await?;
            match answer.status {
                200 => return Ok(true),
                503 => {}
                status => bail!("the server answered {status}: {}", String::from_utf8_lossy(answer.body)),
            }
            self.ledger.borrow_mut().refused();
            tokio::time::sleep(answer.retry_after.unwrap_or(DEFAULT_RETRY)).await;
            if machine::now() >= self.until {
                return Ok(false);
            }
        }
    }

    fn write(&self, request: &mut Vec<u8>, key: CallKey, step: Step) -> Result<()> {
        let Self { head, tail, extension, .. } = self;
        let customer = 1_000_000 + key.line * 10_000 + key.number % 10_000;
        write!(request, "{head}{}", key.id())?;
        match step {
            Step::Initiated => write!(request, "&event=call_initiated&from=%2B4930{customer}&to={extension}&direction=inbound")?,
            Step::Connected => write!(request, "&event=call_connected&from=%2B4930{customer}&to={extension}")?,
            Step::Recording => write!(request, "&event=call_recording&recordingurl=https%3A%2F%2Fpbx.example%2Frec%2F{}.wav", key.id())?,
            Step::HungUp if script(key) == MISSED => {
                write!(request, "&event=call_hangup&hangup_reason=no_answer&billduration=0")?;
            }
            Step::HungUp => write!(request, "&event=call_hangup&hangup_reason=completed&billduration=42")?,
        }
        request.extend_from_slice(tail.as_bytes());
        Ok(())
    }
}

/// Starts the clockwork of an open loop: `rate` due times a second, dealt to the callers in turn.
///
/// It has a thread of its own because the runtime's timer is a millisecond coarse, which would show in every latency.
pub(crate) fn pace(rate: u32, callers: usize, from: Instant, until: Instant) -> Vec<UnboundedReceiver<Instant>> {
    let (senders, receivers): (Vec<UnboundedSender<Instant>>, Vec<_>) = std::iter::repeat_with(unbounded_channel).take(callers).unzip();
    thread::spawn(move || {
        for (turn, sender) in (0_u64..).zip(senders.iter().cycle()) {
            let due = from + Duration::from_nanos(turn * 1_000_000_000 / u64::from(rate));
            if due >= until {
                return;
            }
            thread::sleep(due.saturating_duration_since(machine::now()));
            if sender.send(due).is_err() {
                return; // the callers have stopped
            }
        }
    });
    receivers
}
