//! The line that a run prints.

use serde::Serialize;

use crate::{ledger::Ledger, options::Audience, options::Options, store::Engine};

/// What stood under the load.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// The gateway.
    Product,
    /// The reference that stores nothing.
    Memory,
    /// The reference with one transaction per event.
    OneTx,
}

/// One run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) server: Contender,
    /// `null` for the reference that stores nothing.
    pub(crate) store: Option<Engine>,
    pub(crate) audience: Audience,
    pub(crate) connections: usize,
    pub(crate) agents: usize,
    pub(crate) seconds: u64,
    /// Events per second that were due; `null` in a closed loop.
    pub(crate) rate: Option<u32>,
    /// Events that were acknowledged per second of the measured time.
    pub(crate) acked_per_s: f64,
    pub(crate) ack_ms: Latency,
    /// From sending an event to having read its frame on the agent's socket.
    pub(crate) delivery_ms: Latency,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) out_of_order: u64,
    pub(crate) refused_503: u64,
    /// Frames of events on all sockets, warm-up included.
    pub(crate) frames: u64,
    pub(crate) mean_frame_bytes: u64,
    pub(crate) cpu_us_per_event: CpuPerEvent,
    /// Server and database, as a share of all cores.
    pub(crate) cpu_share_of_machine: f64,
    /// Everything on the machine, the generator included, as a share of all cores.
    pub(crate) machine_busy: f64,
    /// What other processes and the kernel took of that: near 0, or the other figures say little.
    pub(crate) busy_elsewhere: f64,
    pub(crate) server_rss_kib: u64,
    /// From the server's start until it was ready.
    pub(crate) ready_ms: f64,
    /// Entries that its journal held then.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) entries: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle: Option<Idle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio_to_memory: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio_to_one_tx: Option<f64>,
}

/// Milliseconds; `null` when nothing was measured.
#[derive(Serialize)]
pub(crate) struct Latency {
    p50: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

impl Latency {
    fn of(samples_us: &mut [u32]) -> Self {
        samples_us.sort_unstable();
        let rank = |percent: usize| {
            let at = (samples_us.len() * percent).div_ceil(100).checked_sub(1)?;
            Some(rounded(f64::from(samples_us[at]) / 1000.0, 3))
        };
        Self { p50: rank(50), p99: rank(99), max: rank(100) }
    }
}

/// Microseconds of CPU time per acknowledged event.
#[derive(Serialize)]
pub(crate) struct CpuPerEvent {
    server: Option<f64>,
    database: Option<f64>,
    generator: Option<f64>,
}

/// What idle sockets cost the server.
#[derive(Serialize)]
pub(crate) struct Idle {
    sockets: usize,
    rss_before_kib: u64,
    rss_after_kib: u64,
    kib_per_socket: f64,
}

impl Idle {
    /// The server's memory before and after `sockets` sockets were opened.
    pub(crate) fn new(sockets: usize, rss_before_kib: u64, rss_after_kib: u64) -> Self {
        let grown = rss_after_kib.saturating_sub(rss_before_kib) as f64;
        Self { sockets, rss_before_kib, rss_after_kib, kib_per_socket: rounded(grown / sockets as f64, 1) }
    }
}

/// CPU time of everyone concerned, in microseconds, at one moment or between two.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) server: u64,
    pub(crate) database: u64,
    pub(crate) generator: u64,
    /// All processes of the machine, and what the cores could have given.
    pub(crate) busy: u64,
    pub(crate) capacity: u64,
}

impl Usage {
    /// What was used between an earlier moment and this one. The kernel's figures may step back a tick.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            server: self.server.saturating_sub(earlier.server),
            database: self.database.saturating_sub(earlier.database),
            generator: self.generator.saturating_sub(earlier.generator),
            busy: self.busy.saturating_sub(earlier.busy),
            capacity: self.capacity.saturating_sub(earlier.capacity),
        }
    }
}

/// What a run measured besides its ledger.
pub(crate) struct Measured {
    pub(crate) usage: Usage,
    pub(crate) server_rss_kib: u64,
    pub(crate) ready_ms: f64,
    pub(crate) idle: Option<Idle>,
}

impl Report {
    /// Sums a run up.
    pub(crate) fn new(options: &Options, server: Contender, store: Option<Engine>, ledger: &mut Ledger, measured: Measured) -> Self {
        let acked = ledger.acked_in_window();
        let faults = ledger.faults(options.audience == Audience::All);
        let Measured { usage, server_rss_kib, ready_ms, idle } = measured;
        let per_event = |cpu_us: u64| (acked > 0).then(|| rounded(cpu_us as f64 / acked as f64, 1));
        let share = |cpu_us: u64| rounded(cpu_us as f64 / usage.capacity.max(1) as f64, 4);
        let (frames, mean_frame_bytes) = (ledger.frames(), ledger.mean_frame_bytes());
        let (ack_us, delivery_us) = ledger.latencies();
        Self {
            server,
            store,
            audience: options.audience,
            connections: options.connections,
            agents: options.agents,
            seconds: options.seconds,
            rate: options.rate,
            acked_per_s: rounded(acked as f64 / options.seconds.max(1) as f64, 1),
            ack_ms: Latency::of(ack_us),
            delivery_ms: Latency::of(delivery_us),
            lost: faults.lost,
            doubled: faults.doubled,
            out_of_order: faults.out_of_order,
            refused_503: faults.refused_503,
            frames,
            mean_frame_bytes,
            cpu_us_per_event: CpuPerEvent {
                server: per_event(usage.server),
                database: per_event(usage.database),
                generator: per_event(usage.generator),
            },
            cpu_share_of_machine: share(usage.server + usage.database),
            machine_busy: share(usage.busy),
            busy_elsewhere: share(usage.busy.saturating_sub(usage.server + usage.database + usage.generator)),
            server_rss_kib,
            ready_ms: rounded(ready_ms, 0),
            entries: options.entries,
            idle,
            ratio_to_memory: None,
            ratio_to_one_tx: None,
        }
    }

    /// This run's rate as a multiple of another's.
    pub(crate) fn ratio_to(&self, rate: f64) -> Option<f64> {
        (rate > 0.0).then(|| rounded(self.acked_per_s / rate, 3))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(entries: &u64) -> bool {
    *entries == 0
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
