//! What there is after a new connection: ends that were missed are told, and what nobody knows any more is found out from its names.
//!
//! A process that has just begun knows nothing. It takes over what it finds, with one exception: a number that was about to be called
//! is not called. Whether it had been called already cannot be known, and nobody is to be called twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::{
    Exchange,
    model::{Call, Leg, Owner, Purpose, Seat, Stage},
    names::{self, BridgeName, ChannelName, Errand},
    orders::STATION_RING_S,
    wire,
};
use crate::domain::phone::Number;

/// Where a channel is: the room, and whether it waits there.
type Places = HashMap<String, (String, bool)>;

/// A channel of our side that was found.
struct Found {
    room: String,
    number: u32,
    seat: Seat,
    takes: Option<String>,
    /// It is in the room's bridge.
    inside: bool,
}

impl Exchange {
    pub(super) fn compare(&mut self, channels: &[wire::Channel], bridges: &[wire::Bridge]) {
        let first = !std::mem::replace(&mut self.listed, true);
        let ours: Vec<&wire::Channel> = channels.iter().filter(|channel| channel.arguments(self.asterisk.app()).is_some()).collect();
        let mut places = Places::new();
        let mut rooms: BTreeMap<String, (bool, bool)> = BTreeMap::new();
        for bridge in bridges {
            let (room, waits) = match names::read_bridge(&bridge.id) {
                Some(BridgeName::Talk(room)) => (room, false),
                Some(BridgeName::Hold(room)) => (room, true),
                None => continue,
            };
            let entry = rooms.entry(room.clone()).or_default();
            if waits {
                entry.1 = true
            } else {
                entry.0 = true
            }
            places.extend(bridge.channels.iter().map(|channel| (channel.clone(), (room.clone(), waits))));
        }
        self.miss(channels);
        self.catch_up(&ours);
        self.find(&ours, &places, first);
        for (name, (talk, hold)) in rooms {
            match self.rooms.get_mut(&name) {
                Some(room) => (room.bridge, room.hold) = (talk, hold),
                None => self.close_bridges(&name, talk, hold),
            }
        }
        if first {
            self.tidy();
        }
    }

    /// What we know and is not there has ended. A room whose bridges are gone has none.
    fn miss(&mut self, channels: &[wire::Channel]) {
        let there: BTreeSet<&str> = channels.iter().map(|channel| channel.id.as_str()).collect();
        let missing: Vec<_> = self.channels.iter().filter(|(id, _)| !there.contains(id.as_str())).collect();
        let mut missing: Vec<(String, Owner)> = missing.into_iter().map(|(id, owner)| (id.clone(), owner.clone())).collect();
        // the other sides first: else they would seem to have been hung up by us, for the lack of ours
        missing.sort_by_key(|(channel, owner)| (matches!(owner, Owner::Seat(_)), channel.clone()));
        for room in self.rooms.values_mut() {
            (room.bridge, room.hold) = (false, false);
        }
        for (channel, owner) in missing {
            self.gone(&owner, &channel, None);
        }
    }

    /// What we know and is there may have gone on.
    fn catch_up(&mut self, channels: &[&wire::Channel]) {
        for channel in channels {
            let Some(owner) = self.channels.get(&channel.id).cloned() else { continue };
            let Some(leg) = self.leg_mut(&owner, &channel.id) else { continue };
            leg.rang |= channel.rings();
            if leg.hung {
                self.hang(&self.room_of(&owner), &channel.id, "normal");
            } else if channel.is_up() {
                self.picked_up(&owner, &channel.id);
            } else {
                self.begun(&owner, &channel.id);
            }
        }
    }

    /// What is there and we do not know.
    fn find(&mut self, channels: &[&wire::Channel], places: &Places, first: bool) {
        let mut seats = Vec::new();
        for channel in channels.iter().filter(|channel| !self.channels.contains_key(&channel.id)).copied().collect::<Vec<_>>() {
            let arguments: Vec<String> =
                channel.arguments(self.asterisk.app()).map(|words| words.map(str::to_owned).collect()).unwrap_or_default();
            let place = places.get(&channel.id);
            let Some(name) = names::read_channel(&channel.id) else {
                self.find_caller(channel, &arguments, place);
                continue;
            };
            let errand = Errand::read(arguments.iter().map(String::as_str)).filter(|_| first);
            match (name, errand) {
                (ChannelName::Party { call }, Some(Errand::Party { room, number })) => {
                    self.find_party(channel, call, place.cloned().unwrap_or((room, false)), number);
                }
                (ChannelName::Seat { room, number }, Some(Errand::Seat { login, extension, takes })) => {
                    let leg = found_leg(channel);
                    let seat = Seat { leg, login, extension, holds: false };
                    let room = place.map_or(room, |(room, _)| room.clone());
                    seats.push(Found { room, number, seat, takes, inside: place.is_some() });
                }
                // given up before the connection was lost, and not hung up for the lack of it
                _ => self.hang("", &channel.id, "normal"),
            }
        }
        seats.sort_by_key(|found| (found.room.clone(), found.number));
        for found in seats {
            self.find_seat(found);
        }
    }

    fn find_party(&mut self, channel: &wire::Channel, name: String, (room, held): (String, bool), number: Number) {
        let mut leg = found_leg(channel);
        if leg.stage == Stage::Begun && !leg.rang {
            leg.hung = true;
            self.hang(&room, &channel.id, "normal");
        }
        let call = Call {
            room: room.clone(),
            leg: Some(leg),
            number: Some(number),
            endpoint: String::new(),
            caller_id: None,
            inbound: false,
            held,
            keeps_waiting: None,
            over: false,
            ring_s: 0,
        };
        self.found_in(room, call.is_up());
        self.channels.insert(channel.id.clone(), Owner::Call(name.clone()));
        self.calls.insert(name, call);
    }

    fn find_caller(&mut self, channel: &wire::Channel, arguments: &[String], place: Option<&(String, bool)>) {
        // who is in a bridge was dealt with: his start was told, and he hears already whatever he is to hear
        self.offered(channel, arguments, place.is_none());
        self.at = self.now;
        let Some((room, held)) = place else { return };
        if *room != channel.id {
            self.rooms.remove(&channel.id);
        }
        if let Some(call) = self.calls.get_mut(&channel.id) {
            call.room = room.clone();
            call.held = *held;
        }
        self.found_in(room.clone(), true);
    }

    fn find_seat(&mut self, found: Found) {
        let Found { room: name, number, mut seat, takes, inside } = found;
        self.found_in(name.clone(), false);
        let Some(room) = self.rooms.get_mut(&name) else { return };
        room.seats = room.seats.max(number);
        let channel = seat.leg.channel.clone();
        if seat.leg.is_up() {
            // of two, the later one has come to replace the earlier
            let replaced = room.seat.replace(seat);
            self.channels.insert(channel, Owner::Seat(name.clone()));
            if let Some(earlier) = replaced {
                self.channels.remove(&earlier.leg.channel);
                self.hang(&name, &earlier.leg.channel, "normal");
            }
            if let Some(call) = takes
                && self.calls.get(&call).is_some_and(|call| call.inbound && !call.is_up())
            {
                self.taken(&call);
            }
            return;
        }
        let purpose = match takes {
            Some(call) => Purpose::Take { call, order: Uuid::nil() },
            None if inside => {
                let number = seat.extension.clone().unwrap_or_else(|| Number::from_canonical(String::new()));
                Purpose::Transfer { call: String::new(), order: Uuid::nil(), number }
            }
            // behind it a number was to be called
            None => return self.hang(&name, &channel, "normal"),
        };
        seat.leg.ring_s = STATION_RING_S;
        room.next = Some((seat, purpose));
        self.channels.insert(channel, Owner::Seat(name));
    }

    fn found_in(&mut self, room: String, talks: bool) {
        let recording = (talks && self.asterisk.records()).then(|| names::recording(&room));
        let room = self.rooms.entry(room).or_default();
        room.recording = room.recording.take().or(recording);
    }

    /// After everything was found: rooms without calls go, and whom nobody sits with is not left alone.
    fn tidy(&mut self) {
        for name in self.rooms.keys().cloned().collect::<Vec<_>>() {
            let calls = self.calls_in(&name);
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            if room.seat.is_some() || room.next.is_some() {
                self.settle(&name);
                continue;
            }
            room.left = calls.len() > 1;
            let talked = room.bridge || room.hold;
            match calls.as_slice() {
                [] => self.drop_room(&name),
                [call] if talked && self.calls.get(call).is_some_and(Call::is_up) => self.hang_up(call),
                _ => {}
            }
        }
    }
}

fn found_leg(channel: &wire::Channel) -> Leg {
    let stage = if channel.is_up() { Stage::Up } else { Stage::Begun };
    Leg { stage, rang: channel.rings(), ..Leg::new(channel.id.clone(), 0) }
}
