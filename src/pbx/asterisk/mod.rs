//! Asterisk by its REST interface (ARI): the protocol as a state machine without a clock and without a connection.
//!
//! [`Exchange`] is told orders, events, answers and, after every new connection, which channels and bridges there are. It says which
//! requests to make and what happened to calls. Nothing in it needs to outlive the process: all that goes on at an Asterisk can be read
//! from its lists (`names.rs`).
//!
//! | file | what |
//! |---|---|
//! | `names.rs` | names of channels and bridges |
//! | `wire.rs` | Asterisk's JSON |
//! | `cause.rs` | Q.850 |
//! | `model.rs` | rooms, calls, seats |
//! | `asking.rs` | requests |
//! | `orders.rs`, `transfer.rs` | how orders are carried out |
//! | `events.rs` | what events mean |
//! | `answers.rs` | what answers to requests mean |
//! | `relist.rs` | what lists mean |

mod answers;
mod asking;
mod cause;
mod events;
mod model;
mod names;
mod orders;
mod relist;
mod transfer;
mod wire;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

pub use self::asking::{Method, Request};
use self::{
    asking::Asked,
    model::{Call, Owner, Room},
};
use crate::domain::{
    agent::Roster,
    call::{News, NewsKind, Told},
    order::Order,
    phone::HomeRegion,
    telephone::{Asterisk, Refusal, Reply},
};

/// Times of events are believed this far back.
const OLDEST: TimeDelta = TimeDelta::hours(24);

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Act {
    /// A request to make; its reply goes to [`Exchange::answered`].
    Ask(Request),
    /// News of a call.
    Tell {
        /// Its name.
        call: String,
        /// Boxed, as it is much larger than the rest.
        news: Box<News>,
    },
    /// An order that was taken came to nothing.
    Refuse {
        /// Its name.
        order: Uuid,
        /// Why.
        why: Refusal,
    },
}

/// What Asterisk said cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what Asterisk said is not what its documentation says")]
pub struct Unreadable;

/// One Asterisk, as we know it.
pub struct Exchange {
    asterisk: Asterisk,
    /// Where numbers without a country code belong.
    region: HomeRegion,
    calls: BTreeMap<String, Call>,
    rooms: BTreeMap<String, Room>,
    /// By the channel's id.
    channels: HashMap<String, Owner>,
    asked: BTreeMap<u64, Asked>,
    asks: u64,
    acts: Vec<Act>,
    /// When the input that is being worked on reached us.
    now: DateTime<Utc>,
    /// When what it tells happened.
    at: DateTime<Utc>,
    /// It has been listed once, so that what is not known now is not there.
    listed: bool,
}

impl Exchange {
    /// An Asterisk of which nothing is known.
    pub fn new(asterisk: Asterisk, region: HomeRegion) -> Self {
        let dawn = DateTime::UNIX_EPOCH;
        Self {
            asterisk,
            region,
            calls: BTreeMap::new(),
            rooms: BTreeMap::new(),
            channels: HashMap::new(),
            asked: BTreeMap::new(),
            asks: 0,
            acts: vec![],
            now: dawn,
            at: dawn,
            listed: false,
        }
    }

    /// The calls that it has, by their names.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().filter(|(_, call)| !call.over).map(|(name, _)| name.as_str())
    }

    /// Whether nothing is known of it, and nothing is waited for.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.rooms.is_empty() && self.channels.is_empty() && self.asked.is_empty()
    }

    /// Carries out an order. `roster` tells whose extension a number is. What comes of it later is told by news, or by
    /// [`Act::Refuse`].
    ///
    /// # Errors
    /// Why it is not carried out. Then nothing has changed.
    pub fn order(&mut self, order: &Order, roster: &Roster, now: DateTime<Utc>) -> Result<Vec<Act>, Refusal> {
        self.begin(now, None);
        self.carry_out(order, roster)?;
        Ok(self.end())
    }

    /// Hears an event.
    ///
    /// # Errors
    /// When it is none.
    pub fn event(&mut self, text: &str, now: DateTime<Utc>) -> Result<Vec<Act>, Unreadable> {
        let event: wire::Event = serde_json::from_str(text).map_err(|_| Unreadable)?;
        self.begin(now, event.at());
        self.hear(event);
        Ok(self.end())
    }

    /// Takes the reply to a request.
    #[must_use]
    pub fn answered(&mut self, id: u64, reply: Reply<'_>, now: DateTime<Utc>) -> Vec<Act> {
        self.begin(now, None);
        if let Some(asked) = self.asked.remove(&id) {
            self.read_reply(asked, reply);
        }
        self.end()
    }

    /// Hears which channels and bridges there are, as `GET /channels` and `GET /bridges` answer. What it knows and does not find has
    /// ended. Events that came since the question was asked are to be told after this.
    ///
    /// # Errors
    /// When it is no list. Then nothing is known that was not known before.
    pub fn listed(&mut self, channels: &[u8], bridges: &[u8], now: DateTime<Utc>) -> Result<Vec<Act>, Unreadable> {
        let channels: Vec<wire::Channel> = serde_json::from_slice(channels).map_err(|_| Unreadable)?;
        let bridges: Vec<wire::Bridge> = serde_json::from_slice(bridges).map_err(|_| Unreadable)?;
        self.begin(now, None);
        self.compare(&channels, &bridges);
        Ok(self.end())
    }

    fn begin(&mut self, now: DateTime<Utc>, at: Option<DateTime<Utc>>) {
        self.now = now;
        self.at = at.map_or(now, |at| self.believed(at));
    }

    /// News never happen later than they are heard of, whatever Asterisk's clock says.
    fn believed(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        if at <= self.now && self.now - at < OLDEST { at } else { self.now }
    }

    fn end(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// Tells news of a call, unless its end has been told.
    fn tell(&mut self, call: &str, kind: NewsKind, told: Told) {
        if self.calls.get(call).is_some_and(|call| call.over) {
            return;
        }
        let news = News { kind, occurred_at: self.at, observed_at: self.now, told };
        self.acts.push(Act::Tell { call: call.to_owned(), news: Box::new(news) });
    }

    fn refuse(&mut self, order: Uuid, why: Refusal) {
        self.acts.push(Act::Refuse { order, why });
    }
}
