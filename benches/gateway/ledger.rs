//! The books of a run: what was sent, acknowledged and delivered, call by call, and what the sockets did wrong.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

/// One event of a call's life, as the telephone system reports it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The telephone rings; the agent's socket hears `incoming`.
    Initiated,
    /// Picked up; `talk`.
    Connected,
    /// The recording is there; `call.updated` with its address.
    Recording,
    /// Over; `end`, exactly once.
    HungUp,
}

impl Step {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A call of this run: the connection that plays it, and its number there. It travels as the call id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CallKey {
    pub(crate) line: usize,
    pub(crate) number: usize,
}

impl CallKey {
    /// The call id on the wire.
    pub(crate) fn id(self) -> String {
        format!("bench-{}-{}", self.line, self.number)
    }

    /// Reads a call id back.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let (line, number) = id.strip_prefix("bench-")?.split_once('-')?;
        Some(Self { line: line.parse().ok()?, number: number.parse().ok()? })
    }
}

/// When each step of a call was sent, and which of them came back.
#[derive(Default)]
struct Call {
    /// Microseconds since the run began.
    sent_us: [u32; 4],
    acknowledged: u8,
    delivered: u8,
}

/// What one socket heard.
#[derive(Default)]
struct Socket {
    /// New calls of other agents.
    foreign_popups: u64,
}

/// What a run found wrong.
#[derive(Default, Clone, Copy)]
pub(crate) struct Faults {
    /// Acknowledged events that never reached the agent's socket.
    pub(crate) lost: u64,
    /// Call states that one socket heard twice.
    pub(crate) doubled: u64,
    /// Frames whose `seq` fell or whose `prev` is not the frame before.
    pub(crate) out_of_order: u64,
    /// Events answered with 503; they were sent again later.
    pub(crate) refused_503: u64,
}

/// The books. One thread keeps them, so they need no lock.
pub(crate) struct Ledger {
    began: Instant,
    window: Range<Instant>,
    lines: Vec<Vec<Call>>,
    sockets: Vec<Socket>,
    agents: usize,
    faults: Faults,
    acked_in_window: u64,
    ack_us: Vec<u32>,
    delivery_us: Vec<u32>,
    frames: u64,
    frame_bytes: u64,
    last_frame: Instant,
    /// Acknowledged, not delivered yet.
    outstanding: usize,
}

impl Ledger {
    /// Empty books: `window` is the measured time, the first `agents` sockets belong to agents who get calls.
    pub(crate) fn new(began: Instant, window: Range<Instant>, lines: usize, agents: usize, sockets: usize) -> Self {
        Self {
            began,
            window,
            lines: std::iter::repeat_with(Vec::new).take(lines).collect(),
            sockets: std::iter::repeat_with(Socket::default).take(sockets).collect(),
            agents,
            faults: Faults::default(),
            acked_in_window: 0,
            ack_us: Vec::new(),
            delivery_us: Vec::new(),
            frames: 0,
            frame_bytes: 0,
            last_frame: began,
            outstanding: 0,
        }
    }

    /// The next call of a connection.
    pub(crate) fn open_call(&mut self, line: usize) -> CallKey {
        let calls = &mut self.lines[line];
        calls.push(Call::default());
        CallKey { line, number: calls.len() - 1 }
    }

    /// An event goes out now, or was due at `at`.
    pub(crate) fn sent(&mut self, key: CallKey, step: Step, at: Instant) {
        let since = micros(at.saturating_duration_since(self.began));
        self.lines[key.line][key.number].sent_us[step as usize] = since;
    }

    /// The server answered that it has the event.
    pub(crate) fn acknowledged(&mut self, key: CallKey, step: Step, at: Instant) {
        let call = &mut self.lines[key.line][key.number];
        call.acknowledged |= step.bit();
        if call.delivered & step.bit() == 0 {
            self.outstanding += 1;
        }
        let sent = self.began + Duration::from_micros(call.sent_us[step as usize].into());
        if self.window.contains(&sent) {
            self.ack_us.push(micros(at - sent));
        }
        if self.window.contains(&at) {
            self.acked_in_window += 1;
        }
    }

    /// The server said 503.
    pub(crate) fn refused(&mut self) {
        self.faults.refused_503 += 1;
    }

    /// A frame of an event came in.
    pub(crate) fn frame(&mut self, bytes: usize, at: Instant) {
        self.frames += 1;
        self.frame_bytes += bytes as u64;
        self.last_frame = at;
    }

    /// A frame broke the chain of its socket.
    pub(crate) fn out_of_order(&mut self) {
        self.faults.out_of_order += 1;
    }

    /// A socket heard of a step.
    pub(crate) fn delivered(&mut self, socket: usize, key: CallKey, step: Step, at: Instant) {
        if key.line % self.agents != socket {
            self.sockets[socket].foreign_popups += u64::from(step == Step::Initiated);
            return;
        }
        let Some(call) = self.lines.get_mut(key.line).and_then(|calls| calls.get_mut(key.number)) else {
            return;
        };
        if call.delivered & step.bit() != 0 {
            // A call may be updated more than once; a state is entered once.
            self.faults.doubled += u64::from(step != Step::Recording);
            return;
        }
        call.delivered |= step.bit();
        if call.acknowledged & step.bit() != 0 {
            self.outstanding -= 1;
        }
        let sent = self.began + Duration::from_micros(call.sent_us[step as usize].into());
        if self.window.contains(&sent) {
            self.delivery_us.push(micros(at.saturating_duration_since(sent)));
        }
    }

    /// Whether nothing more is to be expected: all is delivered and the sockets were silent for a while, or they were
    /// silent for so long that the rest will not come.
    pub(crate) fn is_quiet(&self, now: Instant) -> bool {
        let silence = now.saturating_duration_since(self.last_frame);
        silence > if self.outstanding == 0 { Duration::from_secs(1) } else { Duration::from_secs(5) }
    }

    /// Acknowledged so far within the measured time.
    pub(crate) fn acked_in_window(&self) -> u64 {
        self.acked_in_window
    }

    /// What went wrong. With `popups_to_all`, every other agent's socket must have heard of every new call too.
    pub(crate) fn faults(&self, popups_to_all: bool) -> Faults {
        let calls = self.lines.iter().flatten();
        let mut lost: u64 = calls.map(|call| u64::from((call.acknowledged & !call.delivered).count_ones())).sum();
        if popups_to_all {
            let begun = |line: &Vec<Call>| line.iter().filter(|call| call.acknowledged & 1 != 0).count() as u64;
            let by_line: Vec<u64> = self.lines.iter().map(begun).collect();
            let total: u64 = by_line.iter().sum();
            for (socket, heard) in self.sockets.iter().enumerate() {
                let own: u64 = (socket..by_line.len()).step_by(self.agents).map(|line| by_line[line]).sum();
                let own = if socket < self.agents { own } else { 0 };
                lost += (total - own).saturating_sub(heard.foreign_popups);
            }
        }
        Faults { lost, ..self.faults }
    }

    /// Latencies of the acknowledgements and of the deliveries, in microseconds.
    pub(crate) fn latencies(&mut self) -> (&mut [u32], &mut [u32]) {
        (&mut self.ack_us, &mut self.delivery_us)
    }

    /// Mean size of an event's frame.
    pub(crate) fn mean_frame_bytes(&self) -> u64 {
        self.frame_bytes.checked_div(self.frames).unwrap_or(0)
    }

    /// Frames of events on all sockets.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }
}

/// Microseconds in 32 bits: 71 minutes, longer than any run.
fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
