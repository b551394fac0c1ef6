//! Drives one Asterisk: makes the requests that the exchange asks for, and hands it what Asterisk says.
//!
//! A new connection begins with a look at what there is. Before it, everything that was under way is waited for; events that come
//! meanwhile are kept and told after. Orders that come while there is no connection are refused at once: nobody wants a call to be
//! dialed minutes later.

mod link;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use tokio::task::{JoinError, JoinSet};
use uuid::Uuid;

use self::link::{Carrier, Heard, Link};
use super::driver::{Event, Outcome, Settled};
use crate::{
    app::{App, clock::Clock},
    courier::{Answer, Trouble},
    domain::{
        agent::Roster,
        order::Order,
        phone::HomeRegion,
        telephone::{Asterisk, Refusal, Reply},
    },
    pbx::asterisk::{Act, Exchange, Request},
};

/// Requests under way at once.
const MAX_RUNNING: usize = 16;
/// Orders that are remembered in case that they come to nothing after all.
const MAX_TAKEN: usize = 4096;

/// The driver of one Asterisk.
pub(in crate::app::switchboard) struct Driver {
    exchange: Exchange,
    carrier: Arc<Carrier>,
    clock: Clock,
    /// Begins when it is first asked what it has to say: before that nobody drives this Asterisk.
    link: Option<Link>,
    phase: Phase,
    /// In order; each waits until its lanes are free.
    waiting: VecDeque<Request>,
    /// Lanes of requests under way.
    busy: HashSet<String>,
    running: JoinSet<Landed>,
    said: VecDeque<Event>,
    taken: HashMap<Uuid, (Order, DateTime<Utc>)>,
    taken_in_order: VecDeque<Uuid>,
    came_up: bool,
}

/// How far a connection has come, and the events that are kept until it is looked what there is.
enum Phase {
    Down,
    /// What is under way is waited for.
    Settling(Vec<String>),
    /// It is being looked what there is.
    Listing(Vec<String>),
    Up,
}

/// What came of something that was asked for.
enum Landed {
    Request(u64, Vec<String>, Result<Answer, Trouble>),
    Lists(Result<(Vec<u8>, Vec<u8>), String>),
}

impl Driver {
    pub(in crate::app::switchboard) fn new(app: &App, asterisk: &Asterisk, region: HomeRegion) -> Self {
        Self {
            exchange: Exchange::new(asterisk.clone(), region),
            carrier: Arc::new(Carrier::new(app.courier.clone(), asterisk)),
            clock: app.clock.clone(),
            link: None,
            phase: Phase::Down,
            waiting: VecDeque::new(),
            busy: HashSet::new(),
            running: JoinSet::new(),
            said: VecDeque::new(),
            taken: HashMap::new(),
            taken_in_order: VecDeque::new(),
            came_up: false,
        }
    }

    /// Gives it an order. What becomes of it later is said when it comes to nothing after all.
    pub(in crate::app::switchboard) fn take(
        &mut self,
        order: Order,
        given_at: DateTime<Utc>,
        now: DateTime<Utc>,
        roster: &Roster,
    ) -> Settled {
        if !matches!(self.phase, Phase::Up) {
            let outcome = Outcome::Refused(Refusal::new("not_reached", "the telephone system could not be reached"));
            return Settled { order, given_at, outcome };
        }
        match self.exchange.order(&order, roster, now) {
            Err(refusal) => Settled { order, given_at, outcome: Outcome::Refused(refusal) },
            Ok(acts) => {
                self.remember(&order, given_at);
                self.act(acts);
                Settled { order, given_at, outcome: Outcome::Taken }
            }
        }
    }

    fn remember(&mut self, order: &Order, given_at: DateTime<Utc>) {
        self.taken.insert(order.id, (order.clone(), given_at));
        self.taken_in_order.push_back(order.id);
        if self.taken_in_order.len() > MAX_TAKEN
            && let Some(oldest) = self.taken_in_order.pop_front()
        {
            self.taken.remove(&oldest);
        }
    }

    /// Whether it was just looked what there is; told once.
    pub(in crate::app::switchboard) fn came_up(&mut self) -> bool {
        std::mem::replace(&mut self.came_up, false)
    }

    /// The calls that it has; `None` while that is not known.
    pub(in crate::app::switchboard) fn list(&self) -> Option<Vec<String>> {
        matches!(self.phase, Phase::Up).then(|| self.exchange.calls().map(str::to_owned).collect())
    }

    /// Whether something is under way.
    pub(in crate::app::switchboard) fn is_busy(&self) -> bool {
        !self.said.is_empty() || !self.running.is_empty() || !self.waiting.is_empty()
    }

    /// What it says next. Dropping the future loses nothing.
    pub(in crate::app::switchboard) async fn next(&mut self) -> Event {
        if let Some(event) = self.said.pop_front() {
            // only now has everything been told that was missed
            self.came_up |= matches!(event, Event::Condition(true, _));
            return event;
        }
        let link = self.link.get_or_insert_with(|| Link::start(&self.carrier));
        tokio::select! {
            heard = link.next() => self.hear(heard),
            Some(landed) = self.running.join_next() => self.land(landed),
        }
        self.said.pop_front().inspect(|event| self.came_up |= matches!(event, Event::Condition(true, _))).unwrap_or(Event::Nothing)
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Connected => {
                self.phase = Phase::Settling(vec![]);
                self.look_around();
            }
            Heard::Lost(why) => {
                self.phase = Phase::Down;
                self.said.push_back(Event::Condition(false, why));
            }
            Heard::Event(text) => match &mut self.phase {
                Phase::Down => {}
                Phase::Settling(kept) | Phase::Listing(kept) => kept.push(text),
                Phase::Up => self.event(&text),
            },
        }
    }

    fn event(&mut self, text: &str) {
        match self.exchange.event(text, self.clock.now()) {
            Ok(acts) => self.act(acts),
            Err(error) => tracing::warn!(%error, "an event of Asterisk was passed over"),
        }
    }

    /// Asks what there is, once nothing is under way any more.
    fn look_around(&mut self) {
        let Phase::Settling(kept) = &mut self.phase else { return };
        if !self.running.is_empty() || !self.waiting.is_empty() {
            return;
        }
        self.phase = Phase::Listing(std::mem::take(kept));
        let carrier = self.carrier.clone();
        self.running.spawn(async move { Landed::Lists(carrier.lists().await) });
    }

    fn land(&mut self, landed: Result<Landed, JoinError>) {
        match landed {
            Err(error) => tracing::error!(%error, "the task of a request to Asterisk failed"),
            Ok(Landed::Request(id, lanes, answer)) => {
                for lane in lanes {
                    self.busy.remove(&lane);
                }
                let reply = match &answer {
                    Ok(answer) => Reply::Answer { status: answer.status, body: &answer.body },
                    Err(Trouble::Silence) => Reply::Silence,
                    Err(_) => Reply::NotConnected,
                };
                let acts = self.exchange.answered(id, reply, self.clock.now());
                self.act(acts);
            }
            Ok(Landed::Lists(lists)) => self.listed(lists),
        }
        self.look_around();
    }

    fn listed(&mut self, lists: Result<(Vec<u8>, Vec<u8>), String>) {
        let Phase::Listing(kept) = &mut self.phase else { return };
        let kept = std::mem::take(kept);
        let acts = lists
            .and_then(|(channels, bridges)| self.exchange.listed(&channels, &bridges, self.clock.now()).map_err(|error| error.to_string()));
        match acts {
            Ok(acts) => {
                self.phase = Phase::Up;
                self.act(acts);
                kept.iter().for_each(|text| self.event(text));
                self.said.push_back(Event::Condition(true, String::new()));
            }
            Err(why) => {
                self.phase = Phase::Down;
                self.said.push_back(Event::Condition(false, why));
                if let Some(link) = &self.link {
                    link.connect_again();
                }
            }
        }
    }

    /// Starts requests and keeps what is to be said, in order.
    fn act(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Ask(request) => self.waiting.push_back(request),
                Act::Tell { call, news } => self.said.push_back(Event::News(call, news)),
                Act::Refuse { order, why } => {
                    if let Some((order, given_at)) = self.taken.remove(&order) {
                        let outcome = if why.code == "unclear" { Outcome::Unclear(why) } else { Outcome::Refused(why) };
                        self.said.push_back(Event::Settled(Box::new(Settled { order, given_at, outcome })));
                    }
                }
            }
        }
        self.start();
    }

    /// Starts the requests whose lanes are free, none before another of its lane that came earlier.
    fn start(&mut self) {
        let mut taken = self.busy.clone();
        let mut index = 0;
        while index < self.waiting.len() && self.running.len() < MAX_RUNNING {
            let is_free = self.waiting[index].lanes.iter().all(|lane| !taken.contains(lane));
            taken.extend(self.waiting[index].lanes.iter().cloned());
            if !is_free {
                index += 1;
                continue;
            }
            let Some(request) = self.waiting.remove(index) else { break };
            self.busy.extend(request.lanes.iter().cloned());
            let carrier = self.carrier.clone();
            self.running.spawn(async move {
                let answer = carrier.make(&request).await;
                Landed::Request(request.id, request.lanes, answer)
            });
        }
    }
}
