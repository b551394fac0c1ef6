//! One run from an empty store to its report: start the server, open the softphones, play, listen until all is quiet.

use std::{cell::RefCell, rc::Rc, time::Duration, time::Instant};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{runtime, task::JoinSet, task::LocalSet};

use crate::{
    ledger::Ledger,
    load::{self, Caller},
    machine,
    options::{Options, Reference},
    report::{Contender, Idle, Measured, Report, Usage},
    server::Server,
    sockets::Subscriber,
    store::Store,
    wire::Connection,
};

/// After this the rest will not come any more.
const QUIET_WITHIN: Duration = Duration::from_secs(60);

/// Runs `contender` on `store`.
pub(crate) fn run(options: &Options, contender: Contender, store: Option<&Store>) -> Result<Report> {
    let bar = progress();
    let server = match (contender, store) {
        (Contender::Product, Some(store)) => Server::product(store, options, &bar)?,
        (Contender::Product, None) => anyhow::bail!("the product needs a store"),
        (Contender::Memory, _) => Server::reference(Reference::Memory, None, options.audience)?,
        (Contender::OneTx, store) => Server::reference(Reference::OneTx, store, options.audience)?,
    };
    // One thread for everything: what it costs is its own, and the ledger needs no lock.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let run = Run { options, server: &server, store, bar: &bar };
    let report = LocalSet::new().block_on(&runtime, run.play(contender));
    bar.finish_and_clear();
    let log = server.log();
    match report {
        Ok(report) => {
            if let Some(first) = log.lines().next() {
                eprintln!("the server logged {} lines, the first: {first}", log.lines().count());
            }
            Ok(report)
        }
        Err(error) if log.is_empty() => Err(error),
        Err(error) => Err(error.context(format!("the server logged:\n{log}"))),
    }
}

struct Run<'a> {
    options: &'a Options,
    server: &'a Server,
    store: Option<&'a Store>,
    bar: &'a ProgressBar,
}

/// The tasks of a run. None of them may fail, and a socket's task never ends.
type Tasks = JoinSet<Result<()>>;

impl Run<'_> {
    async fn play(&self, contender: Contender) -> Result<Report> {
        let options = self.options;
        let (subscribers, idle) = self.subscribe().await?;
        let began = machine::now();
        let start = began + Duration::from_secs(options.warmup);
        let until = start + Duration::from_secs(options.seconds);
        let ledger = Ledger::new(began, start..until, options.connections, options.agents, options.sockets());
        let ledger = Rc::new(RefCell::new(ledger));
        let mut tasks = Tasks::new();
        for subscriber in subscribers {
            tasks.spawn_local(subscriber.listen(Rc::clone(&ledger)));
        }
        let mut usage = Usage::default();
        if options.seconds > 0 {
            self.start_callers(&mut tasks, until, &ledger).await?;
            self.watch(&mut tasks, &ledger, "warm-up", start).await?;
            let before = self.usage()?;
            self.watch(&mut tasks, &ledger, "measuring", until).await?;
            usage = self.usage()?.since(before);
        }
        let server_rss_kib = machine::rss_kib(self.server.pid())?;
        self.settle(&mut tasks, &ledger).await?;
        let ready_ms = self.server.ready_within.as_secs_f64() * 1000.0;
        let measured = Measured { usage, server_rss_kib, ready_ms, idle };
        let engine = self.store.map(Store::engine);
        Ok(Report::new(options, contender, engine, &mut ledger.borrow_mut(), measured))
    }

    /// Opens every socket, the idle ones last, and weighs these.
    async fn subscribe(&self) -> Result<(Vec<Subscriber>, Option<Idle>)> {
        let Options { agents, idle_sockets, .. } = *self.options;
        let mut door = Connection::open(self.server.addr).await?;
        let mut subscribers = Vec::with_capacity(self.options.sockets());
        self.bar.set_message("sockets");
        self.bar.set_length(self.options.sockets() as u64);
        self.bar.set_position(0);
        for socket in 0..agents {
            subscribers.push(Subscriber::open(self.server, &mut door, socket).await?);
            self.bar.inc(1);
        }
        if idle_sockets == 0 {
            return Ok((subscribers, None));
        }
        let before = machine::rss_kib(self.server.pid())?;
        for socket in agents..agents + idle_sockets {
            subscribers.push(Subscriber::open(self.server, &mut door, socket).await?);
            self.bar.inc(1);
        }
        tokio::time::sleep(Duration::from_secs(1)).await; // what a handshake needed is given back
        let after = machine::rss_kib(self.server.pid())?;
        Ok((subscribers, Some(Idle::new(idle_sockets, before, after))))
    }

    async fn start_callers(&self, tasks: &mut Tasks, until: Instant, ledger: &Rc<RefCell<Ledger>>) -> Result<()> {
        let Options { connections, agents, .. } = *self.options;
        let mut callers = Vec::with_capacity(connections);
        for line in 0..connections {
            callers.push(Caller::open(self.server, line, line % agents, until, Rc::clone(ledger)).await?);
        }
        if let Some(rate) = self.options.rate {
            let dues = load::pace(rate, connections, machine::now(), until);
            for (caller, due) in callers.iter_mut().zip(dues) {
                caller.paced(due);
            }
        }
        for caller in callers {
            tasks.spawn_local(caller.play());
        }
        Ok(())
    }

    /// Waits, shows progress, and fails as soon as a task does.
    async fn watch(&self, tasks: &mut Tasks, ledger: &RefCell<Ledger>, what: &str, until: Instant) -> Result<()> {
        let left = until.saturating_duration_since(machine::now());
        self.bar.set_length(left.as_secs());
        self.bar.set_position(0);
        let deadline = tokio::time::sleep_until(until.into());
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                Some(ended) = tasks.join_next() => ended.context("a task of the bench panicked")??,
                () = &mut deadline => return Ok(()),
                _ = tick.tick() => {
                    let left = until.saturating_duration_since(machine::now());
                    self.bar.set_position(self.bar.length().unwrap_or(0).saturating_sub(left.as_secs()));
                    self.bar.set_message(format!("{what}: {} acknowledged", ledger.borrow().acked_in_window()));
                }
            }
        }
    }

    /// Listens until the sockets have gone quiet.
    async fn settle(&self, tasks: &mut Tasks, ledger: &RefCell<Ledger>) -> Result<()> {
        let began = machine::now();
        while began.elapsed() < QUIET_WITHIN && !ledger.borrow().is_quiet(machine::now()) {
            self.watch(tasks, ledger, "settling", machine::now() + Duration::from_millis(100)).await?;
        }
        Ok(())
    }

    fn usage(&self) -> Result<Usage> {
        let (busy, capacity) = machine::machine_cpu_us()?;
        Ok(Usage {
            server: machine::cpu_us(self.server.pid()),
            database: self.store.map_or(0, Store::cpu_us),
            generator: machine::cpu_us(std::process::id()),
            busy,
            capacity,
        })
    }
}

/// A bar on stderr; nothing where stderr is no terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message("starting")
}
