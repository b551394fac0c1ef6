//! The agents at work: what each does about what his screen shows, and how long he waited for it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use cti_gateway::{
    app::clock::Clock,
    client::{Connect, Connection, Credential, Frame},
};
use indicatif::ProgressBar;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    machine,
    site::{Site, login},
    wire,
};

/// Seconds that an agent looks at a lead before he dials.
const LOOKS_S: (f64, f64) = (1.0, 3.0);
/// Seconds that he writes up a call.
const WRITES_S: (f64, f64) = (2.0, 6.0);

/// What was measured.
#[derive(Default)]
pub(crate) struct Figures {
    /// Microseconds from when the gateway heard of an event until a screen had it.
    pub(crate) push_us: Vec<u64>,
    /// Microseconds from an agent's word that he is done until he had the next lead.
    pub(crate) next_us: Vec<u64>,
    /// Conversations begun.
    pub(crate) talks: u64,
    /// Commands that were refused, by code.
    pub(crate) refused: BTreeMap<String, u64>,
}

/// A shift to be played.
pub(crate) struct Shift<'a> {
    pub(crate) site: &'a Site,
    pub(crate) agents: usize,
    /// The time over which they come in.
    pub(crate) arriving: Duration,
}

/// What all agents write into.
struct Board {
    measures: Cell<bool>,
    figures: RefCell<Figures>,
}

impl Shift<'_> {
    /// Lets the agents come, waits until they are at work, and measures for so long; `at_start` is called when that begins.
    pub(crate) async fn play(&self, seconds: Duration, at_start: impl FnOnce() -> Result<()>) -> Result<Figures> {
        let board = Rc::new(Board { measures: Cell::new(false), figures: RefCell::default() });
        let mut door = wire::Connection::open(self.site.server.addr).await?;
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        bar.set_message("agents arrive");
        let mut agents = JoinSet::new();
        let began = machine::now();
        for index in 0..self.agents {
            let due = began + self.arriving.mul_f64(index as f64 / self.agents.max(1) as f64);
            tokio::time::sleep_until(due.into()).await;
            let ticket = self.ticket(&mut door, &login(index)).await?;
            let connect = Connect {
                url: format!("ws://{}/ws", self.site.server.addr),
                credential: Credential::Ticket(ticket),
                agents: None,
                types: vec![],
                resume: None,
            };
            let socket = Connection::open(&connect).await.with_context(|| format!("the softphone of {}", login(index)))?;
            let seed = index as u64;
            agents.spawn_local(Agent::new(socket, seed, Rc::clone(&board)).work());
        }
        tokio::time::sleep(self.arriving).await;
        bar.set_message("measuring");
        at_start()?;
        board.measures.set(true);
        tokio::select! {
            () = tokio::time::sleep(seconds) => {}
            ended = agents.join_next() => match ended {
                Some(Ok(Err(error))) => return Err(error),
                other => bail!("an agent went home: {other:?}"),
            }
        }
        bar.finish_and_clear();
        board.measures.set(false);
        Ok(board.figures.take())
    }

    async fn ticket(&self, door: &mut wire::Connection, login: &str) -> Result<String> {
        let body = json!({"agent": login}).to_string();
        let request = format!(
            "POST /api/v1/ws-ticket HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.site.server.addr,
            self.site.token,
            body.len()
        );
        let answer = door.send(request.as_bytes()).await?;
        let told: Value = serde_json::from_slice(answer.body).context("no ticket")?;
        Ok(told["ticket"].as_str().with_context(|| format!("no ticket: {told}"))?.to_owned())
    }
}

/// What an agent will do by himself.
enum Plan {
    /// Dial what is presented.
    Dial(String),
    /// Be done with a call.
    Finish(String),
}

struct Agent {
    socket: Connection,
    rng: StdRng,
    board: Rc<Board>,
    commands: u64,
    /// Since when he waits for a lead.
    free_at: Option<Instant>,
    plan: Option<(Instant, Plan)>,
}

impl Agent {
    fn new(socket: Connection, seed: u64, board: Rc<Board>) -> Self {
        Self { socket, rng: StdRng::seed_from_u64(seed), board, commands: 0, free_at: None, plan: None }
    }

    /// Works until the socket breaks, which is a failure.
    async fn work(mut self) -> Result<()> {
        self.command("ready", json!({})).await?;
        self.free_at = Some(machine::now());
        loop {
            let due = self.plan.as_ref().map_or_else(|| machine::now() + Duration::from_secs(3600), |(at, _)| *at);
            tokio::select! {
                frame = self.socket.next() => match frame? {
                    Frame::Event(event) => self.see(&event).await?,
                    Frame::Answer(answer) => self.answered(&answer),
                    Frame::Snapshot { .. } | Frame::Mark(_) => {}
                },
                () = tokio::time::sleep_until(due.into()) => self.act().await?,
            }
        }
    }

    async fn see(&mut self, event: &Value) -> Result<()> {
        let (arrived, now) = (machine::now(), Clock::System.now());
        let observed: DateTime<Utc> = event["observedAt"].as_str().context("an event without observedAt")?.parse()?;
        let took = (now - observed).num_microseconds().unwrap_or_default();
        self.note(|figures| figures.push_us.push(u64::try_from(took).unwrap_or_default()));
        let data = &event["data"];
        let call = || data["dtCallId"].as_str().unwrap_or_default().to_owned();
        match (event["type"].as_str(), data["state"].as_str()) {
            (Some("call.state"), Some("preview")) => {
                self.has_next(arrived);
                self.plan(LOOKS_S, Plan::Dial(call()));
            }
            (Some("call.state"), Some("talk")) => {
                self.note(|figures| figures.talks += 1);
                self.has_next(arrived);
            }
            (Some("call.state"), Some("idle")) => self.plan(WRITES_S, Plan::Finish(call())),
            (Some("agent.state"), Some("ready")) => drop(self.free_at.get_or_insert(arrived)),
            (Some("agent.state"), Some("not_ready")) => self.command("ready", json!({})).await?,
            _ => {}
        }
        Ok(())
    }

    fn has_next(&mut self, at: Instant) {
        if let Some(since) = self.free_at.take() {
            let took = u64::try_from((at - since).as_micros()).unwrap_or(u64::MAX);
            self.note(|figures| figures.next_us.push(took));
        }
    }

    async fn act(&mut self) -> Result<()> {
        match self.plan.take() {
            Some((_, Plan::Dial(call))) => self.command("accept_preview", json!({"call": call})).await,
            Some((_, Plan::Finish(call))) => {
                self.command("set_outcome", json!({"call": call, "outcome": "NOT INTERESTED"})).await?;
                self.free_at = Some(machine::now());
                self.command("end_wrap", json!({"call": call})).await
            }
            None => Ok(()),
        }
    }

    fn plan(&mut self, (from, to): (f64, f64), plan: Plan) {
        self.plan = Some((machine::now() + Duration::from_secs_f64(self.rng.random_range(from..to)), plan));
    }

    async fn command(&mut self, verb: &str, parameters: Value) -> Result<()> {
        self.commands += 1;
        Ok(self.socket.send(&json!({"op": "cmd", "id": self.commands.to_string(), "m": verb, "p": parameters})).await?)
    }

    fn answered(&self, answer: &Value) {
        if let Some(code) = answer["err"]["code"].as_str() {
            let text = format!("{code}: {}", answer["err"]["message"].as_str().unwrap_or_default());
            self.note(|figures| *figures.refused.entry(text).or_default() += 1);
        }
    }

    fn note(&self, what: impl FnOnce(&mut Figures)) {
        if self.board.measures.get() {
            what(&mut self.board.figures.borrow_mut());
        }
    }
}
