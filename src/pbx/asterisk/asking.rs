//! Requests to Asterisk, and what each was for.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Act, Exchange,
    model::{Leg, Owner},
    names::{self, Errand},
};
use crate::domain::phone::Number;

/// Headers by which SIP telephones of most makers understand that they shall pick up.
const AUTO_ANSWER: [(&str, &str); 2] = [
    ("PJSIP_HEADER(add,Call-Info)", "<sip:localhost>;answer-after=0"),
    ("PJSIP_HEADER(add,Alert-Info)", "<http://localhost>;info=alert-autoanswer;delay=0"),
];

/// A request as plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Names its reply.
    pub id: u64,
    /// Requests of one lane are made one after the other, in the order in which they were told. Two lanes may be one request's.
    pub lanes: Vec<String>,
    /// The verb.
    pub method: Method,
    /// Below `/ari`, escaped.
    pub path: String,
    /// Not escaped.
    pub query: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Option<Value>,
}

/// The verbs that are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the verbs of HTTP")]
pub enum Method {
    Get,
    Post,
    Delete,
}

/// What a request was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A channel is to be made.
    Make(String),
    /// A channel is to be called.
    Dial(String),
    /// A channel is to be in the conversation.
    Join(String),
    /// A channel is to go.
    Hang {
        channel: String,
        /// Tries that are left.
        more: u8,
    },
    /// A call is to wait, or to be taken back.
    Hold {
        call: String,
        held: bool,
        /// What asked for it, if an order did.
        order: Option<Uuid>,
    },
    /// An order that is done when it is answered.
    Order(Uuid),
    /// Whether a channel that left our application still exists.
    Look(String),
    /// What nobody waits for.
    Aside,
}

/// What a channel shows: what is on the channel itself is what the other end of its bridge is shown, and what it is shown itself
/// is its connected line.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    /// Whose telephone it is.
    pub(super) own: Option<&'a Number>,
    /// Who calls it.
    pub(super) caller: Option<&'a Number>,
    /// It shall pick up by itself.
    pub(super) by_itself: bool,
}

impl Exchange {
    fn ask(&mut self, asked: Asked, lanes: &[&str], method: Method, path: String, query: Vec<(&'static str, String)>, body: Option<Value>) {
        self.asks += 1;
        let lanes = lanes.iter().map(|&lane| lane.to_owned()).collect();
        self.asked.insert(self.asks, asked);
        self.acts.push(Act::Ask(Request { id: self.asks, lanes, method, path, query, body }));
    }

    fn post(&mut self, asked: Asked, room: &str, path: String, query: Vec<(&'static str, String)>) {
        self.ask(asked, &[room], Method::Post, path, query, None);
    }

    /// Makes a channel. It is in our application at once, and calls when [`Exchange::call_out`] says so.
    pub(super) fn make(&mut self, leg: &Leg, room: &str, endpoint: String, errand: &Errand, shown: Shown<'_>) {
        let mut variables = Map::new();
        for (name, number) in [("CALLERID(num)", shown.own), ("CONNECTEDLINE(num,i)", shown.caller)] {
            if let Some(number) = number {
                variables.insert(name.to_owned(), Value::from(number.as_str()));
            }
        }
        if shown.by_itself {
            variables.extend(AUTO_ANSWER.map(|(name, value)| (name.to_owned(), Value::from(value))));
        }
        let query = vec![
            ("endpoint", endpoint),
            ("app", self.asterisk.app().to_owned()),
            ("appArgs", errand.write()),
            ("channelId", leg.channel.clone()),
        ];
        let body = Some(json!({ "variables": variables }));
        self.ask(Asked::Make(leg.channel.clone()), &[room], Method::Post, "/channels/create".to_owned(), query, body);
    }

    /// Calls with a channel that was made.
    pub(super) fn call_out(&mut self, room: &str, leg: &Leg) {
        let path = format!("/channels/{}/dial", names::escape(&leg.channel));
        self.post(Asked::Dial(leg.channel.clone()), room, path, vec![("timeout", leg.ring_s.max(1).to_string())]);
    }

    /// Brings a channel into the conversation of a room. `from` is the room that it was in, when it is another.
    pub(super) fn join(&mut self, room: &str, channel: &str, from: Option<&str>) {
        self.enter(Asked::Join(channel.to_owned()), room, channel, from);
    }

    /// Puts a call among those who wait, or takes it back.
    pub(super) fn put_on_hold(&mut self, name: &str, held: bool, order: Option<Uuid>) {
        let Some(call) = self.calls.get_mut(name) else { return };
        let Some(channel) = call.leg.as_ref().map(|leg| leg.channel.clone()) else { return };
        call.held = held;
        let room = call.room.clone();
        let asked = Asked::Hold { call: name.to_owned(), held, order };
        if !held {
            return self.enter(asked, &room, &channel, None);
        }
        let bridge = names::hold(&room);
        if self.rooms.get_mut(&room).is_some_and(|room| !std::mem::replace(&mut room.hold, true)) {
            self.post(Asked::Aside, &room, format!("/bridges/{}", names::escape(&bridge)), vec![("type", "holding".to_owned())]);
        }
        let path = format!("/bridges/{}/addChannel", names::escape(&bridge));
        self.post(asked, &room, path, vec![("channel", channel)]);
        // the music ends with the last who waits; a second request for it while it plays changes nothing
        self.post(Asked::Aside, &room, format!("/bridges/{}/moh", names::escape(&bridge)), vec![]);
    }

    fn enter(&mut self, asked: Asked, room: &str, channel: &str, from: Option<&str>) {
        self.open_bridge(room);
        let path = format!("/bridges/{}/addChannel", names::escape(&names::bridge(room)));
        let mut lanes = vec![room];
        lanes.extend(from.filter(|from| *from != room));
        self.ask(asked, &lanes, Method::Post, path, vec![("channel", channel.to_owned())], None);
    }

    /// Makes the bridge of a room, once.
    fn open_bridge(&mut self, room: &str) {
        if self.rooms.get_mut(room).is_some_and(|room| !std::mem::replace(&mut room.bridge, true)) {
            let path = format!("/bridges/{}", names::escape(&names::bridge(room)));
            self.post(Asked::Aside, room, path, vec![("type", "mixing".to_owned())]);
        }
    }

    /// Hangs a channel up, whoever's it is.
    pub(super) fn hang(&mut self, room: &str, channel: &str, reason: &str) {
        self.hang_again(room, channel, reason, 2);
    }

    pub(super) fn hang_again(&mut self, room: &str, channel: &str, reason: &str, more: u8) {
        let path = format!("/channels/{}", names::escape(channel));
        let asked = Asked::Hang { channel: channel.to_owned(), more };
        self.ask(asked, &[room], Method::Delete, path, vec![("reason", reason.to_owned())], None);
    }

    /// Takes the bridges of a room away.
    pub(super) fn close_bridges(&mut self, room: &str, talk: bool, hold: bool) {
        for name in [talk.then(|| names::bridge(room)), hold.then(|| names::hold(room))].into_iter().flatten() {
            self.ask(Asked::Aside, &[room], Method::Delete, format!("/bridges/{}", names::escape(&name)), vec![], None);
        }
    }

    /// A caller hears that it rings, or is answered.
    pub(super) fn ring(&mut self, room: &str, channel: &str) {
        self.post(Asked::Aside, room, format!("/channels/{}/ring", names::escape(channel)), vec![]);
    }

    pub(super) fn pick_up(&mut self, room: &str, channel: &str) {
        // that it is answered shows by what follows: a channel that is gone cannot join
        self.post(Asked::Aside, room, format!("/channels/{}/answer", names::escape(channel)), vec![]);
    }

    pub(super) fn send_tones(&mut self, order: Uuid, room: &str, channel: &str, digits: &str) {
        let path = format!("/channels/{}/dtmf", names::escape(channel));
        self.post(Asked::Order(order), room, path, vec![("dtmf", digits.to_owned())]);
    }

    pub(super) fn play(&mut self, order: Uuid, room: &str, media: String) {
        let path = format!("/bridges/{}/play", names::escape(&names::bridge(room)));
        self.post(Asked::Order(order), room, path, vec![("media", media)]);
    }

    /// Begins to record a room, if it is to be recorded and is not yet.
    pub(super) fn record(&mut self, room: &str) {
        let name = names::recording(room);
        let wanted = self.asterisk.records() && self.rooms.get(room).is_some_and(|room| room.recording.is_none());
        if !wanted {
            return;
        }
        if let Some(room) = self.rooms.get_mut(room) {
            room.recording = Some(name.clone());
        }
        let path = format!("/bridges/{}/record", names::escape(&names::bridge(room)));
        let query = vec![("name", name), ("format", "wav".to_owned()), ("ifExists", "overwrite".to_owned())];
        self.post(Asked::Aside, room, path, query);
    }

    /// Looks whether a channel that left our application still exists.
    pub(super) fn look(&mut self, owner: &Owner, channel: &str) {
        let room = match owner {
            Owner::Seat(room) => room.clone(),
            Owner::Call(call) => self.calls.get(call).map(|call| call.room.clone()).unwrap_or_default(),
        };
        let path = format!("/channels/{}", names::escape(channel));
        self.ask(Asked::Look(channel.to_owned()), &[&room], Method::Get, path, vec![], None);
    }
}
