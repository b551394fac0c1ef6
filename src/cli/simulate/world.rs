//! The world of `simulate`: agents who talk and wrap up, people who answer or do not, and the dialer that the pacing law
//! leads. Events in order of time, randomness by the seed alone: the same seed plays the same shift.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rand::{SeedableRng, rngs::StdRng};

use super::people::{Fate, People, Scenario};
use crate::domain::pacing::{
    Budget, CONNECT_WITHIN, Call, Connection, Cover, Estimates, Forecast, Limits, Mode, Situation, Stage, Standing, Tally, plan,
};

/// The picture shows a shift in so many parts.
pub(super) const PARTS: usize = 32;
/// The dialer looks again this often although nothing happened.
const TICK_MS: i64 = 1_000;
/// The forecast is made anew every so many ticks.
const FORECAST_TICKS: u32 = 15;

/// What happens, and when.
type Due = Reverse<(i64, u64, Event)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Answers(u64),
    Fails(u64),
    GivesUp(u64),
    TalkEnds(usize),
    WrapUpEnds(usize),
    Tick,
}

/// A call in flight, and what will become of it.
struct Flight {
    id: u64,
    fate: Fate,
}

/// One part of a shift.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    /// Time that agents talked, in milliseconds.
    pub(super) talk_ms: i64,
    /// Decided in it.
    pub(super) tally: Tally,
}

/// A shift that was played.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) dialed: u64,
    pub(super) tally: Tally,
    /// Time that agents talked within the shift.
    pub(super) talk_ms: i64,
    /// How long each agent waited before each call, shortest first.
    pub(super) waits_ms: Vec<i64>,
    /// Moments when the law did not hold.
    pub(super) broken: u64,
    pub(super) parts: Vec<Part>,
}

struct World<'a> {
    scenario: &'a Scenario,
    mode: Mode,
    now: i64,
    queue: BinaryHeap<Due>,
    events: u64,
    people: People,
    agents: Vec<Standing>,
    /// Ready agents, the longest ready first, with since when.
    ready: VecDeque<(usize, i64)>,
    /// Wrap-up that follows the talk of each agent.
    wrap_ups: Vec<TimeDelta>,
    calls: Vec<Call>,
    flights: Vec<Flight>,
    estimates: Estimates,
    forecast: Forecast,
    ticks: u32,
    played: Played,
}

/// Plays a shift; `tell` hears how many milliseconds of it are over and how many
/// calls were dialed.
pub(super) fn play(scenario: &Scenario, mode: Mode, seed: u64, mut tell: impl FnMut(i64, u64)) -> anyhow::Result<Played> {
    let agents = scenario.agents;
    let estimates = Estimates::default();
    let mut world = World {
        scenario,
        mode,
        now: 0,
        queue: BinaryHeap::new(),
        events: 0,
        people: People::new(scenario, StdRng::seed_from_u64(seed))?,
        agents: vec![Standing::Ready; agents],
        ready: (0..agents).map(|agent| (agent, 0)).collect(),
        wrap_ups: vec![TimeDelta::zero(); agents],
        calls: Vec::new(),
        flights: Vec::new(),
        forecast: Forecast::new(&estimates, scenario.ring),
        estimates,
        ticks: 0,
        played: Played {
            dialed: 0,
            tally: Tally::default(),
            talk_ms: 0,
            waits_ms: Vec::new(),
            broken: 0,
            parts: vec![Part::default(); PARTS],
        },
    };
    world.after(TimeDelta::zero(), Event::Tick);
    while let Some(Reverse((at, _, event))) = world.queue.pop() {
        if at >= scenario.shift_ms() && world.calls.is_empty() {
            break;
        }
        world.now = at;
        world.happen(event);
        if at < scenario.shift_ms() {
            world.dial();
        }
        world.watch();
        if event == Event::Tick {
            tell(at.min(scenario.shift_ms()), world.played.dialed);
        }
    }
    world.played.waits_ms.sort_unstable();
    Ok(world.played)
}

impl World<'_> {
    fn happen(&mut self, event: Event) {
        match event {
            Event::Answers(id) => {
                let Some(place) = self.place(id) else { return };
                let now = self.moment();
                self.estimates.answered(now - self.calls[place].launched);
                self.calls[place].stage = Stage::Answered { at: now };
                match self.ready.pop_front() {
                    Some((agent, since)) => self.connect(place, agent, since),
                    None => self.after(CONNECT_WITHIN + TimeDelta::milliseconds(1), Event::GivesUp(id)),
                }
            }
            Event::Fails(id) => {
                let Some(place) = self.place(id) else { return };
                self.estimates.unanswered(self.moment() - self.calls[place].launched);
                self.over(place);
            }
            Event::GivesUp(id) => {
                let Some(place) = self.place(id) else { return };
                self.decided(place, None);
                self.over(place);
            }
            Event::TalkEnds(agent) => {
                if let Standing::Talking { since } = self.agents[agent] {
                    self.estimates.talked(self.moment() - since);
                }
                self.agents[agent] = Standing::WrappingUp { since: self.moment() };
                self.after(self.wrap_ups[agent], Event::WrapUpEnds(agent));
            }
            Event::WrapUpEnds(agent) => {
                if let Standing::WrappingUp { since } = self.agents[agent] {
                    self.estimates.wrapped_up(self.moment() - since);
                }
                self.agents[agent] = Standing::Ready;
                let answered = |call: &Call| if let Stage::Answered { at } = call.stage { Some(at) } else { None };
                let waiting = (0..self.calls.len()).filter_map(|place| Some((answered(&self.calls[place])?, place))).min();
                match waiting {
                    Some((_, place)) => self.connect(place, agent, self.now),
                    None => self.ready.push_back((agent, self.now)),
                }
            }
            Event::Tick => {
                if self.ticks.is_multiple_of(FORECAST_TICKS) {
                    self.forecast = Forecast::new(&self.estimates, self.scenario.ring);
                }
                self.ticks += 1;
                self.after(TimeDelta::milliseconds(TICK_MS), Event::Tick);
            }
        }
    }

    /// Opens the lines that the law grants.
    fn dial(&mut self) {
        let budget = self.budget();
        let (now, calls, agents) = (self.moment(), &self.calls, &self.agents);
        let situation = Situation { now, mode: self.mode, budget: &budget, agents, calls, ring: self.scenario.ring, lines: None };
        let open = plan(&situation, &self.forecast).open;
        for _ in 0..open {
            let (id, fate) = (self.played.dialed, self.people.next());
            self.played.dialed += 1;
            self.after(fate.after, if fate.answers { Event::Answers(id) } else { Event::Fails(id) });
            self.calls.push(Call { launched: now, stage: Stage::Ringing { since: now } });
            self.flights.push(Flight { id, fate });
        }
    }

    fn connect(&mut self, place: usize, agent: usize, since: i64) {
        let Fate { talk, wrap_up, .. } = self.flights[place].fate;
        self.decided(place, Some(self.moment()));
        self.over(place);
        self.played.waits_ms.push(self.now - since);
        self.agents[agent] = Standing::Talking { since: self.moment() };
        self.wrap_ups[agent] = wrap_up;
        self.after(talk, Event::TalkEnds(agent));
        self.talked(self.now, self.now + talk.num_milliseconds());
    }

    /// Counts a call that a person answered.
    fn decided(&mut self, place: usize, connected: Option<DateTime<Utc>>) {
        let Stage::Answered { at } = self.calls[place].stage else { return };
        let abandoned = Connection::judge(at, connected, None, self.moment()) == Connection::Abandoned;
        self.played.tally = self.played.tally.and(abandoned);
        let part = self.part(self.now);
        self.played.parts[part].tally = self.played.parts[part].tally.and(abandoned);
    }

    /// Adds talk to the parts of the shift that it lies in.
    fn talked(&mut self, from: i64, to: i64) {
        let (mut from, to) = (from, to.min(self.scenario.shift_ms()));
        while from < to {
            let part = self.part(from);
            let end = self.part_start(part + 1).max(from + 1).min(to);
            self.played.parts[part].talk_ms += end - from;
            self.played.talk_ms += end - from;
            from = end;
        }
    }

    fn watch(&mut self) {
        if !self.budget().holds(Cover::of(&self.agents, &self.calls).uncovered()) {
            self.played.broken += 1;
        }
    }

    fn budget(&self) -> Budget {
        Budget::of(Limits::LAW, &[(NaiveDate::MIN, self.played.tally)], NaiveDate::MIN)
    }

    fn after(&mut self, time: TimeDelta, event: Event) {
        self.events += 1;
        self.queue.push(Reverse((self.now + time.num_milliseconds(), self.events, event)));
    }

    fn place(&self, id: u64) -> Option<usize> {
        self.flights.iter().position(|flight| flight.id == id)
    }

    fn over(&mut self, place: usize) {
        self.calls.swap_remove(place);
        self.flights.swap_remove(place);
    }

    fn moment(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(self.now)
    }

    fn part(&self, at: i64) -> usize {
        let parts = i64::try_from(PARTS).unwrap_or(1);
        usize::try_from(at * parts / self.scenario.shift_ms()).unwrap_or(0).min(PARTS - 1)
    }

    fn part_start(&self, part: usize) -> i64 {
        let count = |n: usize| i64::try_from(n).unwrap_or(0);
        // rounded up: the first millisecond that belongs to the part
        (self.scenario.shift_ms() * count(part) + count(PARTS) - 1) / count(PARTS)
    }
}
