//! Drivers: each knows how one kind of telephone system is told, and how it tells. A closed set.

use std::{future::pending, sync::Arc};

use chrono::{DateTime, Utc};

use super::{Wanted, asterisk, generic};
use crate::{
    app::App,
    domain::{
        agent::Roster,
        call::News,
        order::Order,
        telephone::{Refusal, System},
    },
    pbx::simulator::Simulator,
};

/// The driver of one system.
pub(super) enum Driver {
    Simulated(Simulator),
    Generic(generic::Driver),
    Asterisk(Box<asterisk::Driver>),
}

/// What a driver says.
#[derive(Debug)]
pub(super) enum Event {
    /// What became of an order that was not settled at once.
    Settled(Box<Settled>),
    /// How the system is now, and why.
    Condition(bool, String),
    /// What happened to a call.
    News(String, Box<News>),
    /// It did something that nobody needs to know of.
    Nothing,
}

/// What became of an order.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) order: Order,
    /// When it was given.
    pub(super) given_at: DateTime<Utc>,
    pub(super) outcome: Outcome,
}

/// How an order came out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The system has it.
    Taken,
    /// It has it, and says so in this way only: by its own name of the call, when it tells one.
    Answered(Option<String>),
    /// It does not do it.
    Refused(Refusal),
    /// Nobody knows.
    Unclear(Refusal),
}

impl Driver {
    /// A driver.
    pub(super) fn new(app: &Arc<App>, wanted: &Wanted) -> Self {
        match &wanted.system {
            System::Simulated(knobs) => Self::Simulated(Simulator::new(knobs.clone())),
            System::Generic(generic) => Self::Generic(generic::Driver::new(app, generic)),
            System::Asterisk(asterisk) => Self::Asterisk(Box::new(asterisk::Driver::new(app, asterisk, wanted.region))),
        }
    }

    /// Gives it an order. What becomes of it is answered at once, or said later.
    pub(super) fn take(&mut self, order: Order, given_at: DateTime<Utc>, now: DateTime<Utc>, roster: &Roster) -> Option<Settled> {
        match self {
            Self::Simulated(simulator) => {
                let outcome = simulator.take(&order, now, roster).map_or_else(Outcome::Refused, |()| Outcome::Taken);
                Some(Settled { order, given_at, outcome })
            }
            Self::Generic(driver) => {
                driver.take(order, given_at);
                None
            }
            Self::Asterisk(driver) => Some(driver.take(order, given_at, now, roster)),
        }
    }

    /// When something happens by itself.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Simulated(simulator) => simulator.next_due(),
            Self::Generic(_) | Self::Asterisk(_) => None,
        }
    }

    /// The news of all that has happened by itself by now, each with the name of its call.
    pub(super) fn due(&mut self, now: DateTime<Utc>) -> Vec<(String, News)> {
        match self {
            Self::Simulated(simulator) => simulator.due(now),
            Self::Generic(_) | Self::Asterisk(_) => vec![],
        }
    }

    /// Whether it can be told something now, where that is known without asking, and why not.
    pub(super) fn condition(&self, now: DateTime<Utc>) -> Option<(bool, &'static str)> {
        match self {
            Self::Simulated(simulator) if simulator.is_down(now) => Some((false, "it is down, as it was told")),
            Self::Simulated(_) => Some((true, "")),
            Self::Generic(_) | Self::Asterisk(_) => None,
        }
    }

    /// Whether it has just come up again, so that its calls must be compared with ours; told once.
    pub(super) fn came_up(&mut self, now: DateTime<Utc>) -> bool {
        match self {
            Self::Simulated(simulator) => simulator.came_up(now),
            Self::Generic(_) => false,
            Self::Asterisk(driver) => driver.came_up(),
        }
    }

    /// The calls that it has, each with the news that lead to where it is; `None` from a system that does not tell.
    pub(super) fn list(&self, now: DateTime<Utc>) -> Option<Vec<(String, Vec<News>)>> {
        match self {
            Self::Simulated(simulator) => Some(simulator.list(now)),
            Self::Generic(_) => None,
            Self::Asterisk(driver) => driver.list().map(|names| names.into_iter().map(|name| (name, vec![])).collect()),
        }
    }

    /// Whether orders are on their way.
    pub(super) fn is_busy(&self) -> bool {
        match self {
            Self::Simulated(_) => false,
            Self::Generic(driver) => driver.is_busy(),
            Self::Asterisk(driver) => driver.is_busy(),
        }
    }

    /// What it says next; waits for it. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Event {
        match self {
            Self::Simulated(_) => pending().await,
            Self::Generic(driver) => driver.next().await,
            Self::Asterisk(driver) => driver.next().await,
        }
    }

    /// This server drives it no more: what it has and was told is forgotten.
    pub(super) fn let_go(&mut self, app: &Arc<App>, wanted: &Wanted) {
        *self = Self::new(app, wanted);
    }
}
