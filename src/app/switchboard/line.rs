//! A line: one account's telephone system, driven. It follows the account's journal while this server holds the system, carries out
//! the orders that it finds, and tells the committer what the system says.

use std::{collections::HashSet, future::pending, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Asked, Wanted,
    driver::{Driver, Event, Outcome, Settled},
    hold::{Held, Hold},
    telling::Telling,
};
use crate::{
    app::{
        App,
        committer::{NewsItem, OrderWork, SIMULATED, SystemWork, Work},
        hub::{Entry, Feed, Interest, Item},
        pulse::Word,
    },
    domain::{
        call::{Call, Cause, CauseKind, Certainty, Direction, News, NewsKind, State, Told},
        order::{Command, ORDERED, Order},
        phone::Number,
        telephone::Refusal,
    },
    pbx::fold_call_id,
    store::{Result, calls, holds, journal},
};

/// An order that is older than this is not carried out any more: whoever gave it waits no longer.
const STALE: TimeDelta = TimeDelta::seconds(15);
/// Longest pause between two looks at the clock.
const LONGEST: Duration = Duration::from_secs(1);
/// How long it is waited for the journal's next entry before the book is asked whether there is one.
const NUDGE: Duration = Duration::from_millis(5);
/// How long what is under way gets at the end.
const DRAIN: Duration = Duration::from_secs(8);

/// One system, driven.
pub(super) struct Line {
    app: Arc<App>,
    account: i64,
    wanted: Wanted,
    driver: Driver,
    hold: Hold,
    /// The journal; only while the system is held.
    feed: Option<Feed>,
    telling: Telling,
    /// Whether all know it as up.
    is_up: Option<bool>,
}

/// An entry with an order.
#[derive(Deserialize)]
struct Ordered {
    data: OrderedData,
}

#[derive(Deserialize)]
struct OrderedData {
    system: String,
    #[serde(flatten)]
    order: Order,
}

/// An entry that asks a simulated system for something.
#[derive(Deserialize)]
struct Simulated {
    data: SimulatedData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimulatedData {
    system: String,
    call: Option<String>,
    from: Option<Number>,
    did: Option<Number>,
    down_s: Option<i64>,
}

impl Line {
    pub(super) fn new(app: Arc<App>, account: i64, wanted: &Wanted, driver: Driver) -> Self {
        let hold = Hold::new(account, wanted.name.clone(), app.switchboard.holder, app.switchboard.hold);
        Self { app, account, wanted: wanted.clone(), driver, hold, feed: None, telling: Telling::default(), is_up: None }
    }

    /// Drives until told to stop.
    pub(super) async fn run(mut self, mut asked: mpsc::UnboundedReceiver<Asked>, stop: CancellationToken) {
        self.ask_hold().await;
        loop {
            self.play_due().await;
            let pause = self.pause();
            let holder = self.app.switchboard.holder;
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = asked.recv() => {
                    self.settle().await;
                    let _ = done.send(());
                }
                item = next_item(&mut self.feed) => self.take_in(item).await,
                event = self.driver.next(), if self.feed.is_some() => self.hear(event),
                () = self.telling.next(&self.app, self.account, holder) => {}
                () = tokio::time::sleep(pause) => {}
            }
            if self.hold.ask_at().is_none_or(|at| at <= self.app.clock.now()) {
                self.ask_hold().await;
            }
        }
        if tokio::time::timeout(DRAIN, self.drain()).await.is_err() {
            tracing::warn!(account = self.account, "a telephone system still had something under way");
        }
        if let Err(error) = self.hold.let_go(&self.app).await {
            tracing::warn!(%error, "a telephone system is held until its hold ends by itself");
        }
    }

    /// How long nothing happens by the clock.
    fn pause(&self) -> Duration {
        let due = self.feed.as_ref().and_then(|_| self.driver.next_due());
        let next = due.into_iter().chain(self.hold.ask_at()).min();
        next.map_or(LONGEST, |at| (at - self.app.clock.now()).to_std().unwrap_or_default()).min(LONGEST)
    }

    /// Does all that is due now, and waits until it is stored.
    async fn settle(&mut self) {
        self.ask_hold().await;
        loop {
            if self.feed.is_none() {
                return;
            }
            let mut is_quiet = match self.read_on().await {
                Ok(count) => count == 0,
                Err(error) => {
                    tracing::warn!(%error, "the journal cannot be read");
                    return;
                }
            };
            self.play_due().await;
            is_quiet &= !self.driver.is_busy() && self.telling.is_idle();
            if is_quiet {
                return;
            }
            self.drain().await;
        }
    }

    /// Waits for all that is under way, and until it is stored.
    async fn drain(&mut self) {
        while self.driver.is_busy() {
            let event = self.driver.next().await;
            self.hear(event);
        }
        while !self.telling.is_idle() {
            self.telling.next(&self.app, self.account, self.app.switchboard.holder).await;
        }
    }

    /// Asks the book who holds the system, and begins or ends accordingly.
    async fn ask_hold(&mut self) {
        match self.hold.ask(&self.app).await {
            Ok(Held::Same) => {
                // what could not be begun is tried again
                if self.feed.is_none() && self.hold.is_sure(self.app.clock.now()) {
                    self.begin_surely().await;
                }
            }
            Ok(Held::Taken) => self.begin_surely().await,
            Ok(Held::Lost) => {
                tracing::warn!(account = self.account, system = self.wanted.name, "another server drives this telephone system now");
                self.feed = None;
                self.driver.let_go(&self.app, &self.wanted);
            }
            Err(error) => tracing::warn!(%error, "who holds a telephone system cannot be read"),
        }
    }

    async fn begin_surely(&mut self) {
        if let Err(error) = self.begin().await {
            tracing::warn!(%error, "a telephone system cannot be driven yet");
            self.feed = None;
        }
    }

    /// Begins at the journal's head. What was ordered before it is another server's, or nobody's.
    async fn begin(&mut self) -> Result<()> {
        let row = holds::get(self.app.db.read(), self.account, &self.wanted.name).await?;
        self.is_up = row.and_then(|row| row.state).map(|state| state == "up");
        let types = vec![ORDERED.to_owned(), SIMULATED.to_owned()];
        let interest = Interest { agents: None, types, only_types: true, softphone: false };
        let (mut feed, _) = Feed::open(&self.app.hub, self.account, interest, None).await?;
        let live = feed.snapshot().await?;
        self.feed = Some(feed);
        self.compare(&live);
        Ok(())
    }

    /// Ends the calls that the system does not have, and hears of those that it has.
    fn compare(&mut self, live: &[Call]) {
        let now = self.app.clock.now();
        let Some(list) = self.driver.list(now) else { return };
        let had: HashSet<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
        for call in live {
            let attempt = call.newest();
            let is_presented = attempt.state() == Some(State::Preview);
            // the order that begins it may be on its way to us
            let is_new = attempt.line.started_at.is_none() && attempt.line.answered_at.is_none() && now - call.created_at < STALE;
            let is_gone = attempt.gateway == self.wanted.gateway && attempt.line.ended_at.is_none() && !is_presented && !is_new;
            if is_gone && !had.contains(attempt.pbx_call_id.as_str()) {
                metrics::counter!("cti_calls_lost_total").increment(1);
                let lost = Cause { kind: CauseKind::Other, text: "lost".to_owned() };
                self.tell(attempt.pbx_call_id.clone(), NewsKind::Ended(Some(lost)), Told::default());
            }
        }
        for (name, news) in list {
            news.into_iter().for_each(|news| self.tell_news(name.clone(), None, news));
        }
    }

    /// Reads the journal up to its present head; answers how many entries there were for us.
    async fn read_on(&mut self) -> Result<usize> {
        let head = journal::position(self.app.db.read(), self.account).await?.seq;
        let mut count = 0;
        while let Some(feed) = &mut self.feed {
            if feed.settle() >= head {
                break;
            }
            match tokio::time::timeout(NUDGE, next_item(&mut self.feed)).await {
                Ok(item) => {
                    count += 1;
                    self.take_in(item).await;
                }
                Err(_) => self.app.hub.poll().await?,
            }
        }
        Ok(count)
    }

    /// Does what an entry says.
    async fn take_in(&mut self, item: Result<Item>) {
        match item {
            Ok(Item::Entry(entry)) => {
                if let Err(error) = self.carry_out(&entry).await {
                    tracing::error!(%error, seq = entry.seq, kind = entry.kind, "an order cannot be carried out");
                }
            }
            Ok(Item::Mark(_)) => {}
            Ok(Item::Reset) => self.begin_surely().await,
            Err(error) => {
                tracing::warn!(%error, "the journal cannot be read");
                tokio::time::sleep(NUDGE).await;
            }
        }
    }

    async fn carry_out(&mut self, entry: &Entry) -> Result<()> {
        if !self.hold.is_sure(self.app.clock.now()) {
            self.ask_hold().await;
            if !self.hold.is_sure(self.app.clock.now()) || self.feed.is_none() {
                return Ok(());
            }
        }
        // what happened by now comes before what is ordered now
        self.play_due().await;
        let account = self.app.directory.account(&self.app.hub, self.account).await?;
        let now = self.app.clock.now();
        if entry.kind == SIMULATED {
            let Simulated { data } = read(&entry.body)?;
            let Driver::Simulated(simulator) = &mut self.driver else { return Ok(()) };
            if data.system != self.wanted.name {
                return Ok(());
            }
            if let Some(seconds) = data.down_s {
                simulator.go_down(now, now + TimeDelta::seconds(seconds));
            }
            if let (Some(call), Some(from), Some(did)) = (data.call, data.from, data.did) {
                simulator.ring_in(&call, from, did, now, &account.roster);
            }
            return Ok(());
        }
        let Ordered { data: OrderedData { system, order } } = read(&entry.body)?;
        if system != self.wanted.name {
            return Ok(());
        }
        if now - entry.observed_at > STALE {
            let outcome = Outcome::Refused(Refusal::new("too_late", "the order came to nobody in time, and was not carried out"));
            self.settled(Settled { order, given_at: entry.observed_at, outcome });
        } else if let Some(settled) = self.driver.take(order, entry.observed_at, now, &account.roster) {
            self.settled(settled);
        }
        Ok(())
    }

    /// Hears what the driver says.
    fn hear(&mut self, event: Event) {
        match event {
            Event::Settled(settled) => self.settled(*settled),
            Event::Condition(is_up, message) => self.say_condition(is_up, &message),
            Event::News(call, news) => self.tell_news(call, None, *news),
            Event::Nothing => {}
        }
    }

    /// Tells the committer what has happened in the system by now.
    async fn play_due(&mut self) {
        if self.feed.is_none() {
            return;
        }
        let now = self.app.clock.now();
        for (call, news) in self.driver.due(now) {
            self.tell_news(call, None, news);
        }
        if let Some((is_up, message)) = self.driver.condition(now) {
            self.say_condition(is_up, message);
        }
        if self.driver.came_up(now) {
            // what it had told before is stored before it is looked what it has missed
            self.drain().await;
            match calls::live(self.app.db.read(), self.account).await {
                Ok((_, _, live)) => self.compare(&live),
                Err(error) => tracing::error!(%error, "what a telephone system has cannot be compared"),
            }
        }
    }

    fn say_condition(&mut self, is_up: bool, message: &str) {
        if self.is_up.replace(is_up) == Some(is_up) {
            return;
        }
        tracing::info!(account = self.account, system = self.wanted.name, is_up, "a telephone system's state changed");
        let (system, since) = (self.wanted.name.clone(), self.app.clock.now());
        self.telling.work(Work::System(SystemWork::State { system, is_up, since, message: message.to_owned() }));
    }

    /// Says what became of an order.
    fn settled(&mut self, Settled { order, given_at, outcome }: Settled) {
        let verb = order.command.verb();
        let (word, noted, why) = match &outcome {
            Outcome::Taken | Outcome::Answered(_) => ("taken", Word::Taken, ""),
            Outcome::Refused(refusal) => ("refused", Word::Refused, &*refusal.message),
            Outcome::Unclear(refusal) => ("unclear", Word::Unclear, &*refusal.message),
        };
        self.app.pulses.of(self.account).ordered(&self.wanted.name, noted, verb.word(), why, self.app.clock.now());
        metrics::counter!("cti_orders_total", "verb" => verb.word(), "outcome" => word).increment(1);
        let took = (self.app.clock.now() - given_at).to_std().unwrap_or_default();
        metrics::histogram!("cti_order_seconds").record(took.as_secs_f64());
        let starts = order.command.leg().or(matches!(order.command, Command::Dial { .. }).then_some(order.call.as_str()));
        let starts = starts.map(str::to_owned);
        match outcome {
            Outcome::Taken => {}
            Outcome::Answered(name) => {
                if let Some(ordered) = starts {
                    let own = name.map(|name| fold_call_id(&name));
                    let news = self.news(NewsKind::Details, Told::default());
                    match own.filter(|own| *own != ordered) {
                        Some(own) => self.tell_news(own, Some(ordered), news),
                        None => self.tell_news(ordered, None, news),
                    }
                }
            }
            Outcome::Refused(refusal) => {
                tracing::warn!(account = self.account, verb = verb.word(), code = refusal.code, "a telephone system refused an order");
                if matches!(order.command, Command::Connect { .. }) {
                    self.tell(order.call, NewsKind::Ended(Some(failed(&refusal))), Told::default());
                    return;
                }
                if let Some(call) = starts {
                    self.tell(call, NewsKind::Ended(Some(failed(&refusal))), told_of(&order.command));
                }
                if !matches!(order.command, Command::Dial { .. }) {
                    self.say_failed(order, refusal);
                }
            }
            // a call that may ring is left to what the system tells of it, and to its deadline
            Outcome::Unclear(refusal) => {
                tracing::warn!(account = self.account, verb = verb.word(), "nobody knows whether a telephone system did what it was told");
                if !matches!(order.command, Command::Dial { .. } | Command::Connect { .. }) {
                    self.say_failed(order, refusal);
                }
            }
        }
    }

    fn say_failed(&mut self, order: Order, refusal: Refusal) {
        let work = OrderWork { system: self.wanted.name.clone(), gateway: self.wanted.gateway, order };
        self.telling.work(Work::OrderFailed(work, refusal));
    }

    fn news(&self, kind: NewsKind, told: Told) -> News {
        let now: DateTime<Utc> = self.app.clock.now();
        News { kind, occurred_at: now, observed_at: now, told }
    }

    fn tell(&mut self, call: String, kind: NewsKind, told: Told) {
        let news = self.news(kind, told);
        self.tell_news(call, None, news);
    }

    fn tell_news(&mut self, pbx_call_id: String, ordered_as: Option<String>, news: News) {
        self.app.pulses.of(self.account).heard(self.wanted.gateway, self.app.clock.now());
        let source = self.wanted.system.word();
        self.telling.news(NewsItem { gateway: self.wanted.gateway, source, pbx_call_id, ordered_as, news });
    }
}

/// The next item of the journal; none comes while nothing is followed. Dropping the future loses nothing.
async fn next_item(feed: &mut Option<Feed>) -> Result<Item> {
    match feed {
        Some(feed) => feed.next().await,
        None => pending().await,
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn failed(refusal: &Refusal) -> Cause {
    Cause { kind: CauseKind::Failed, text: refusal.code.to_owned() }
}

/// What an order says of the call that it starts.
fn told_of(command: &Command) -> Told {
    let station = command.station();
    Told {
        direction: Some((Direction::Outbound, Certainty::Inferred)),
        customer: command.number().cloned(),
        agent: station.map(|station| station.login.clone()),
        extension: station.and_then(|station| station.extension.clone()),
        ..Told::default()
    }
}
