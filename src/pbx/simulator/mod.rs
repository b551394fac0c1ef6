//! The simulated telephone system. It has no clock and no thread: whoever drives it says what time it is, and is told when something
//! happens next. Demo, tests and bench stand on it, so it does what a real one does: it rings, lets people answer or not, hangs up by
//! itself, tells late, tells nothing, is down for a while, and knows afterwards which calls it still has.

mod chance;
mod take;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use self::chance::{Chance, Outcome};
use crate::domain::{
    agent::Roster,
    call::{Cause, CauseKind, Certainty, Direction, News, NewsKind, Told},
    order::Station,
    phone::Number,
    telephone::{Simulated, Span},
};

/// Seconds that a machine speaks before it hangs up.
const GREETING_S: Span = Span(5, 20);

/// One simulated system.
#[derive(Debug)]
pub struct Simulator {
    knobs: Simulated,
    calls: BTreeMap<String, Life>,
    /// What happens next; steps of the same instant in the order in which they were planned.
    agenda: BTreeMap<(DateTime<Utc>, u64), Step>,
    planned: u64,
    /// From when until when it is down.
    down: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// A call that it has.
#[derive(Debug)]
struct Life {
    began: DateTime<Utc>,
    answered: Option<DateTime<Utc>>,
    /// Whether it was put on hold or taken back, and when.
    hold: Option<(DateTime<Utc>, bool)>,
    is_inbound: bool,
    customer: Number,
    agent: Option<Station>,
    /// What was told when it began.
    told: Told,
    /// The call that cannot hear this one.
    mutes: Option<String>,
    /// Turns that were planned under another number do not happen any more.
    plan: u64,
    /// How many news there were of it.
    news: u32,
    /// When the last of them reaches us.
    told_at: DateTime<Utc>,
}

#[derive(Debug)]
enum Step {
    /// Something happens to a call, if it is still planned so.
    Turn(String, u64, Turn),
    /// News of a call reach us.
    Tell(String, Box<News>),
}

#[derive(Debug)]
enum Turn {
    Answered { is_machine: bool },
    PickedUp(Station),
    Ended(Cause),
}

impl Life {
    fn is_held(&self) -> bool {
        self.hold.is_some_and(|(_, held)| held)
    }

    fn of_agent(&self) -> Told {
        let agent = self.agent.as_ref();
        Told {
            agent: agent.map(|station| station.login.clone()),
            extension: agent.and_then(|station| station.extension.clone()),
            ..Told::default()
        }
    }
}

fn cause(kind: CauseKind, text: &str) -> Cause {
    Cause { kind, text: text.to_owned() }
}

impl Simulator {
    /// A system without calls.
    pub fn new(knobs: Simulated) -> Self {
        Self { knobs, calls: BTreeMap::new(), agenda: BTreeMap::new(), planned: 0, down: None }
    }

    /// When something happens next; nothing may ever.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        let first = self.agenda.keys().next().map(|(at, _)| *at);
        let up = self.down.map(|(_, until)| until);
        first.into_iter().chain(up).min()
    }

    /// All that has happened by now: the news that reach us, each with the name of its call.
    pub fn due(&mut self, now: DateTime<Utc>) -> Vec<(String, News)> {
        let mut told = Vec::new();
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), step) = entry.remove_entry();
            match step {
                Step::Turn(call, plan, turn) => {
                    if self.calls.get(&call).is_some_and(|life| life.plan == plan) {
                        self.turn(&call, turn, at);
                    }
                }
                // what would be told while it is down is never told
                Step::Tell(call, news) if !self.is_down(at) => told.push((call, News { observed_at: now, ..*news })),
                Step::Tell(..) => {}
            }
        }
        told
    }

    /// Whether it is down at that time.
    pub fn is_down(&self, at: DateTime<Utc>) -> bool {
        self.down.is_some_and(|(from, until)| from <= at && at < until)
    }

    /// It goes down until then: it takes no orders and tells nothing, while its calls go on.
    pub fn go_down(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) {
        let from = self.down.map_or(now, |(from, _)| from.min(now));
        self.down = Some((from, until));
    }

    /// Whether it has just come up again; told once.
    pub fn came_up(&mut self, now: DateTime<Utc>) -> bool {
        self.down.take_if(|(_, until)| *until <= now).is_some()
    }

    /// The calls that it has, each with the news that lead to where it is.
    pub fn list(&self, now: DateTime<Utc>) -> Vec<(String, Vec<News>)> {
        let news = |at, kind, told| News { kind, occurred_at: at, observed_at: now, told };
        let known = |life: &Life| {
            let mut all = vec![news(life.began, NewsKind::Started, life.told.clone())];
            all.extend(life.answered.map(|at| news(at, NewsKind::Connected, life.of_agent())));
            all.extend(life.hold.map(|(at, held)| news(at, NewsKind::Held(held), Told::default())));
            all
        };
        self.calls.iter().map(|(name, life)| (name.clone(), known(life))).collect()
    }

    /// Somebody calls one of our numbers. An agent whose own number it is hears it ring.
    pub fn ring_in(&mut self, call: &str, from: Number, did: Number, now: DateTime<Utc>, roster: &Roster) {
        let agent = roster.by_number(&did);
        let told = Told {
            direction: Some((Direction::Inbound, Certainty::Said)),
            customer: Some(from.clone()),
            agent: agent.map(|agent| agent.login.clone()),
            extension: agent.map(|_| did.clone()),
            dnis: Some(did.as_str().to_owned()),
            ..Told::default()
        };
        self.begin(call, from, true, None, told, now);
        let patience = self.chance(call).seconds("patience", self.knobs.caller_waits_s());
        self.plan(call, now + patience, Turn::Ended(cause(CauseKind::NoAnswer, "no_answer")));
    }

    fn chance<'a>(&self, call: &'a str) -> Chance<'a> {
        Chance { seed: self.knobs.seed(), call }
    }

    /// A call that begins now.
    fn begin(&mut self, call: &str, customer: Number, is_inbound: bool, agent: Option<Station>, told: Told, now: DateTime<Utc>) {
        let life = Life {
            began: now,
            answered: None,
            hold: None,
            is_inbound,
            customer,
            agent,
            told: told.clone(),
            mutes: None,
            plan: 0,
            news: 0,
            told_at: now,
        };
        self.calls.insert(call.to_owned(), life);
        self.tell(call, NewsKind::Started, told, now);
    }

    /// The called number rings from then on, as its chance has it.
    fn ring_out(&mut self, call: &str, from: DateTime<Utc>, ring: chrono::TimeDelta) {
        let chance = self.chance(call);
        let answers = chance.seconds("answer", self.knobs.answer_s());
        let (at, turn) = match chance.outcome(self.knobs.outcomes()) {
            Outcome::Failed => (from, Turn::Ended(cause(CauseKind::Failed, "failed"))),
            Outcome::Busy => (from, Turn::Ended(cause(CauseKind::Busy, "busy"))),
            Outcome::Answered if answers <= ring => (from + answers, Turn::Answered { is_machine: false }),
            Outcome::Machine if answers <= ring => (from + answers, Turn::Answered { is_machine: true }),
            Outcome::Answered | Outcome::Machine | Outcome::NoAnswer => (from + ring, Turn::Ended(cause(CauseKind::NoAnswer, "no_answer"))),
        };
        self.plan(call, at, turn);
    }

    fn step(&mut self, at: DateTime<Utc>, step: Step) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), step);
    }

    /// Plans a turn of a call; what was planned for it before still may come first.
    fn plan(&mut self, call: &str, at: DateTime<Utc>, turn: Turn) {
        if let Some(life) = self.calls.get(call) {
            let plan = life.plan;
            self.step(at, Step::Turn(call.to_owned(), plan, turn));
        }
    }

    fn turn(&mut self, call: &str, turn: Turn, at: DateTime<Utc>) {
        match turn {
            Turn::Answered { is_machine } => self.answered(call, is_machine, at),
            Turn::PickedUp(station) => self.picked_up(call, station, at),
            Turn::Ended(cause) => self.end(call, cause, at),
        }
    }

    /// The called number answers.
    fn answered(&mut self, call: &str, is_machine: bool, at: DateTime<Utc>) {
        let Some(life) = self.calls.get_mut(call) else { return };
        life.answered = Some(at);
        life.plan += 1;
        let (told, has_agent) = (life.of_agent(), life.agent.is_some());
        self.tell(call, NewsKind::Connected, told, at);
        if is_machine {
            let speaks = self.chance(call).seconds("greeting", GREETING_S);
            self.plan(call, at + speaks, Turn::Ended(cause(CauseKind::Completed, "machine")));
        } else if has_agent {
            self.talk(call, at);
        } else {
            // nobody speaks to him yet
            let silence = self.chance(call).seconds("silence", self.knobs.silence_s());
            self.plan(call, at + silence, Turn::Ended(cause(CauseKind::Completed, "completed")));
        }
    }

    /// An agent takes the call.
    fn picked_up(&mut self, call: &str, station: Station, at: DateTime<Utc>) {
        let Some(life) = self.calls.get_mut(call) else { return };
        life.answered.get_or_insert(at);
        life.agent = Some(station);
        life.plan += 1;
        let told = life.of_agent();
        self.tell(call, NewsKind::Connected, told, at);
        self.talk(call, at);
    }

    /// A conversation begins. Whether the other side ends it, and when, is left to chance.
    fn talk(&mut self, call: &str, at: DateTime<Utc>) {
        let chance = self.chance(call);
        if chance.happens("hangs up", self.knobs.remote_hangup()) {
            let lasts = chance.seconds("talk", self.knobs.talk_s());
            self.plan(call, at + lasts, Turn::Ended(cause(CauseKind::Completed, "completed")));
        }
    }

    /// The call is over.
    fn end(&mut self, call: &str, cause: Cause, at: DateTime<Utc>) {
        let Some(life) = self.calls.get(call) else { return };
        let told = Told {
            total_duration_s: Some((at - life.began).num_seconds()),
            bill_duration_s: life.answered.map(|answered| (at - answered).num_seconds()),
            ..Told::default()
        };
        self.tell(call, NewsKind::Ended(Some(cause)), told, at);
        // whoever could not hear it is back in the conversation
        if let Some(muted) = self.calls.remove(call).and_then(|life| life.mutes) {
            self.hold(&muted, false, at);
        }
    }

    /// A call is put on hold or taken back, if that changes anything.
    fn hold(&mut self, call: &str, held: bool, at: DateTime<Utc>) {
        if let Some(life) = self.calls.get_mut(call).filter(|life| life.is_held() != held) {
            life.hold = Some((at, held));
            self.tell(call, NewsKind::Held(held), Told::default(), at);
        }
    }

    /// News of a call set out. They take their time, and some are lost.
    fn tell(&mut self, call: &str, kind: NewsKind, told: Told, at: DateTime<Utc>) {
        let chance = self.chance(call);
        let Some(life) = self.calls.get_mut(call) else { return };
        life.news += 1;
        if chance.happens(&format!("lost {}", life.news), self.knobs.lost_news()) {
            return;
        }
        let mut arrives = at + chance.millis(&format!("delay {}", life.news), self.knobs.news_ms());
        if !self.knobs.out_of_order() {
            arrives = arrives.max(life.told_at);
        }
        life.told_at = life.told_at.max(arrives);
        let news = News { kind, occurred_at: at, observed_at: arrives, told };
        self.step(arrives, Step::Tell(call.to_owned(), Box::new(news)));
    }
}
