//! What is known of an Asterisk's calls: rooms, the calls in them, and the legs of both sides.
//!
//! A *room* is our side of one or more conversations: a bridge of those who talk, a bridge of those who wait, and at most one *seat*,
//! the channel of the one who sits on our side. A *call* is the other side: one number and its channel.

use uuid::Uuid;

use super::cause::Ending;
use crate::domain::{order::Station, phone::Number};

/// How far a channel has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Asked for.
    Asked,
    /// It is in our application, and is called or calls.
    Begun,
    /// Somebody has answered.
    Up,
}

/// A channel.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) channel: String,
    pub(super) stage: Stage,
    /// How long it is rung, in seconds.
    pub(super) ring_s: i64,
    /// It has rung.
    pub(super) rang: bool,
    /// We hang it up.
    pub(super) hung: bool,
    /// Asterisk has said that it is being hung up.
    pub(super) leaving: bool,
}

impl Leg {
    pub(super) fn new(channel: String, ring_s: i64) -> Self {
        Self { channel, stage: Stage::Asked, ring_s, rang: false, hung: false, leaving: false }
    }

    pub(super) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    pub(super) fn ending(&self) -> Ending {
        Ending { answered: self.is_up(), rang: self.rang, ours: self.hung }
    }
}

/// The other side.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) room: String,
    /// `None` while our side is being rung first.
    pub(super) leg: Option<Leg>,
    /// Whom we call, or who calls; `None` for a caller without a number.
    pub(super) number: Option<Number>,
    /// By which he is called.
    pub(super) endpoint: String,
    /// What the called party is shown.
    pub(super) caller_id: Option<Number>,
    /// They called us.
    pub(super) inbound: bool,
    /// Its channel waits.
    pub(super) held: bool,
    /// Another call that waits for as long as this one lasts.
    pub(super) keeps_waiting: Option<String>,
    /// Its end has been told already: it has left us, and only its channel is looked after.
    pub(super) over: bool,
    /// How long the number is rung, in seconds.
    pub(super) ring_s: i64,
}

impl Call {
    pub(super) fn is_up(&self) -> bool {
        self.leg.as_ref().is_some_and(Leg::is_up)
    }
}

/// Why our side is rung.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// To dial the number behind it.
    Dial {
        /// The call.
        call: String,
    },
    /// To bring it to a call.
    Take {
        /// The call.
        call: String,
        /// What asked for it.
        order: Uuid,
    },
    /// To take the place of the one who gave the call away.
    Transfer {
        /// The call.
        call: String,
        /// What asked for it.
        order: Uuid,
        /// As it was dialed.
        number: Number,
    },
}

/// Our side.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) leg: Leg,
    /// The agent, when it is one.
    pub(super) login: Option<String>,
    pub(super) extension: Option<Number>,
    /// His telephone has us on hold.
    pub(super) holds: bool,
}

impl Seat {
    pub(super) fn new(leg: Leg, station: &Station) -> Self {
        Self { leg, login: Some(station.login.clone()), extension: station.extension.clone(), holds: false }
    }
}

/// A place to talk.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    /// The bridge of those who talk was asked for.
    pub(super) bridge: bool,
    /// The bridge of those who wait was asked for.
    pub(super) hold: bool,
    pub(super) seat: Option<Seat>,
    /// Who is being rung to sit there.
    pub(super) next: Option<(Seat, Purpose)>,
    /// Seats that there were.
    pub(super) seats: u32,
    /// The recording's name.
    pub(super) recording: Option<String>,
    /// Our side has joined the others and left.
    pub(super) left: bool,
}

/// Whose channel it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The other side's.
    Call(String),
    /// Our side's.
    Seat(String),
}
