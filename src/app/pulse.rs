//! The pulse of each account: what this server has noticed of its gateways, orders and deliveries since it started. Operators look at
//! it to see which part stands still. It is memory only and decides nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};

/// What was noticed of all accounts.
#[derive(Clone, Default)]
pub struct Pulses(Arc<Mutex<HashMap<i64, Arc<Pulse>>>>);

impl Pulses {
    /// The pulse of one account.
    pub fn of(&self, account: i64) -> Arc<Pulse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(account).or_default().clone()
    }
}

/// News of one gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// How many came.
    pub news: u64,
    /// When the last one came.
    pub last_at: Option<DateTime<Utc>>,
    /// Events that nobody understood.
    pub ignored: u64,
    /// When the last of these came.
    pub ignored_at: Option<DateTime<Utc>>,
}

/// Orders to one telephone system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ordered {
    /// It took so many.
    pub taken: u64,
    /// It refused so many.
    pub refused: u64,
    /// Nobody knows what became of so many.
    pub unclear: u64,
    /// The last one that it did not take: when, what it was, and why.
    pub last_trouble: Option<(DateTime<Utc>, &'static str, String)>,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It was taken.
    Taken,
    /// It was refused.
    Refused,
    /// Nobody knows.
    Unclear,
}

/// What was noticed of one account.
#[derive(Default)]
pub struct Pulse {
    gateways: Mutex<HashMap<i64, Heard>>,
    systems: Mutex<HashMap<String, Ordered>>,
    lag: Lag,
}

/// The slowest delivery of this minute and of the one before. Many sockets note theirs at once, so there is no lock; one that comes
/// between two minutes may be lost.
#[derive(Default)]
struct Lag {
    minute: AtomicI64,
    worst_us: AtomicU64,
    before_us: AtomicU64,
    count: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pulse {
    /// News came from a gateway.
    pub fn heard(&self, gateway: i64, now: DateTime<Utc>) {
        let mut all = locked(&self.gateways);
        let heard = all.entry(gateway).or_default();
        (heard.news, heard.last_at) = (heard.news + 1, Some(now));
    }

    /// A gateway sent something that says nothing to us.
    pub fn ignored(&self, gateway: i64, now: DateTime<Utc>) {
        let mut all = locked(&self.gateways);
        let heard = all.entry(gateway).or_default();
        (heard.ignored, heard.ignored_at) = (heard.ignored + 1, Some(now));
    }

    /// An order to a telephone system is settled.
    pub fn ordered(&self, system: &str, word: Word, verb: &'static str, why: &str, now: DateTime<Utc>) {
        let mut all = locked(&self.systems);
        let ordered = all.entry(system.to_owned()).or_default();
        match word {
            Word::Taken => ordered.taken += 1,
            Word::Refused => ordered.refused += 1,
            Word::Unclear => ordered.unclear += 1,
        }
        if word != Word::Taken {
            ordered.last_trouble = Some((now, verb, why.to_owned()));
        }
    }

    /// An entry of this age was given to a socket.
    pub fn delivered(&self, age: Duration, now: DateTime<Utc>) {
        let Lag { worst_us, count, .. } = &self.lag;
        self.lag.turn(now);
        worst_us.fetch_max(u64::try_from(age.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// What was heard of each gateway.
    pub fn gateways(&self) -> HashMap<i64, Heard> {
        locked(&self.gateways).clone()
    }

    /// What became of the orders to a telephone system.
    pub fn orders(&self, system: &str) -> Ordered {
        locked(&self.systems).get(system).cloned().unwrap_or_default()
    }

    /// How many entries were given to sockets, and the slowest of the last one to two minutes, in microseconds.
    pub fn deliveries(&self, now: DateTime<Utc>) -> (u64, Option<u64>) {
        self.lag.turn(now);
        let worst = self.lag.worst_us.load(Ordering::Relaxed).max(self.lag.before_us.load(Ordering::Relaxed));
        (self.lag.count.load(Ordering::Relaxed), Some(worst).filter(|worst| *worst > 0))
    }
}

impl Lag {
    /// Begins a new minute when one has begun.
    fn turn(&self, now: DateTime<Utc>) {
        let minute = now.timestamp() / 60;
        let before = self.minute.swap(minute, Ordering::Relaxed);
        if before != minute {
            let worst = self.worst_us.swap(0, Ordering::Relaxed);
            self.before_us.store(if before == minute - 1 { worst } else { 0 }, Ordering::Relaxed);
        }
    }
}
