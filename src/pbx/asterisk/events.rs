//! What Asterisk's events mean.
//!
//! Events of channels that we do not know are no error: Asterisk tells of far ends of local channels too, and of what ended while we
//! were away.

use super::{
    Exchange, cause,
    model::{Call, Leg, Owner, Purpose, Room, Stage},
    names, wire,
};
use crate::domain::{
    call::{Cause, Certainty, Direction, NewsKind, Told},
    phone::Number,
    telephone::Refusal,
};

impl Exchange {
    pub(super) fn hear(&mut self, event: wire::Event) {
        if event.kind == "RecordingFailed" {
            return self.recording_failed(&event.recording.unwrap_or_default().name);
        }
        let Some(channel) = event.channel else { return };
        let owner = self.channels.get(&channel.id).cloned();
        match (event.kind.as_str(), owner) {
            ("StasisStart", owner) => match event.replace_channel {
                Some(replaced) => self.replaced(&replaced.id, &channel.id),
                None => self.entered(&channel, &event.args, owner.as_ref()),
            },
            ("ChannelStateChange", Some(owner)) => self.changed(&owner, &channel),
            ("ChannelHangupRequest", Some(owner)) => self.with_leg(&owner, &channel.id, |leg| leg.leaving = true),
            ("ChannelHold", Some(Owner::Seat(room))) => self.held_by_telephone(&room, &channel.id, true),
            ("ChannelUnhold", Some(Owner::Seat(room))) => self.held_by_telephone(&room, &channel.id, false),
            ("StasisEnd", Some(owner)) => self.left(&owner, &channel.id),
            ("ChannelDestroyed", Some(owner)) => self.gone(&owner, &channel.id, event.cause),
            _ => {}
        }
    }

    /// Does something to the leg that this channel is, if the owner still has it.
    fn with_leg(&mut self, owner: &Owner, channel: &str, change: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.leg_mut(owner, channel) {
            change(leg);
        }
    }

    pub(super) fn leg_mut(&mut self, owner: &Owner, channel: &str) -> Option<&mut Leg> {
        let leg = match owner {
            Owner::Call(call) => self.calls.get_mut(call)?.leg.as_mut(),
            Owner::Seat(room) => {
                let room = self.rooms.get_mut(room)?;
                let next = room.next.as_mut().map(|(seat, _)| &mut seat.leg);
                next.filter(|leg| leg.channel == channel).or(room.seat.as_mut().map(|seat| &mut seat.leg))
            }
        };
        leg.filter(|leg| leg.channel == channel)
    }

    /// A channel is in our application.
    fn entered(&mut self, channel: &wire::Channel, arguments: &[String], owner: Option<&Owner>) {
        match owner {
            Some(owner) => self.begun(owner, &channel.id),
            // one of ours that nobody knows any more: its call was given up before it came about
            None if names::read_channel(&channel.id).is_some() => self.hang("", &channel.id, "normal"),
            None => self.offered(channel, arguments, true),
        }
    }

    /// A channel that we asked for is there: it is called.
    pub(super) fn begun(&mut self, owner: &Owner, channel: &str) {
        let Some(leg) = self.leg_mut(owner, channel).filter(|leg| leg.stage == Stage::Asked) else { return };
        leg.stage = Stage::Begun;
        let leg = leg.clone();
        if leg.hung {
            return;
        }
        let (room, joins) = match owner {
            // both hear what the network has to say before the answer, or that it rings
            Owner::Call(call) => (self.calls.get(call).map(|call| call.room.clone()).unwrap_or_default(), true),
            Owner::Seat(room) => {
                let next = self.rooms.get(room).and_then(|room| room.next.as_ref());
                (room.clone(), next.is_some_and(|(_, purpose)| matches!(purpose, Purpose::Transfer { .. })))
            }
        };
        if joins {
            self.join(&room, channel, None);
        }
        self.call_out(&room, &leg);
        if let Owner::Call(name) = owner {
            self.tell_started(name);
        }
    }

    /// Somebody calls us. Of one that is not new nobody needs to be told.
    pub(super) fn offered(&mut self, channel: &wire::Channel, arguments: &[String], is_new: bool) {
        let name = channel.id.clone();
        if self.calls.contains_key(&name) {
            return;
        }
        let leg = Leg { stage: if channel.is_up() { Stage::Up } else { Stage::Begun }, ..Leg::new(name.clone(), 0) };
        let call = Call {
            room: name.clone(),
            leg: Some(leg),
            number: Number::read(&channel.caller.number, self.region),
            endpoint: String::new(),
            caller_id: None,
            inbound: true,
            held: false,
            keeps_waiting: None,
            over: false,
            ring_s: 0,
        };
        let word = |index: usize| arguments.get(index).map(String::as_str).filter(|word| !word.is_empty());
        let words = if word(0) == Some("inbound") { (word(1), word(2)) } else { (None, None) };
        let dialed = Some(channel.dialplan.exten.as_str()).filter(|exten| exten.chars().any(|c| c.is_ascii_digit()));
        let told = Told {
            direction: Some((Direction::Inbound, Certainty::Said)),
            customer: call.number.clone(),
            dnis: words.0.or(dialed).map(str::to_owned),
            queue_dn: words.1.map(str::to_owned),
            caller_name: Some(channel.caller.name.clone()).filter(|name| !name.is_empty()),
            ..Told::default()
        };
        self.channels.insert(name.clone(), Owner::Call(name.clone()));
        self.rooms.insert(name.clone(), Room::default());
        self.calls.insert(name.clone(), call);
        if !is_new {
            return;
        }
        // he has been calling since his channel was made; a list that finds him later says the same
        self.at = channel.made_at().map_or(self.at, |at| self.believed(at));
        self.tell(&name, NewsKind::Started, told);
        if !channel.is_up() {
            self.ring(&name, &name);
        }
    }

    fn changed(&mut self, owner: &Owner, channel: &wire::Channel) {
        if channel.rings() {
            self.with_leg(owner, &channel.id, |leg| leg.rang = true);
        }
        if channel.is_up() {
            self.picked_up(owner, &channel.id);
        }
    }

    /// Somebody has answered a channel of ours.
    pub(super) fn picked_up(&mut self, owner: &Owner, channel: &str) {
        let Some(leg) = self.leg_mut(owner, channel).filter(|leg| !leg.is_up() && !leg.hung) else { return };
        match owner {
            Owner::Call(name) => {
                // a caller is answered by us; that was told when we did it
                if self.calls.get(name).is_some_and(|call| call.inbound) {
                    return;
                }
                if let Some(leg) = self.leg_mut(owner, channel) {
                    leg.stage = Stage::Up;
                }
                let room = self.calls.get(name).map(|call| call.room.clone()).unwrap_or_default();
                self.tell_connected(name);
                self.record(&room);
            }
            Owner::Seat(room) => {
                leg.stage = Stage::Up;
                self.sits(room, channel);
            }
        }
    }

    /// Our side is there: it sits down, and what it was rung for goes on.
    fn sits(&mut self, name: &str, channel: &str) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        let Some((seat, purpose)) = room.next.take_if(|(seat, _)| seat.leg.channel == channel) else { return };
        room.seat = Some(seat);
        match purpose {
            Purpose::Dial { call } => {
                self.join(name, channel, None);
                self.call_number(&call);
            }
            Purpose::Take { call, .. } => {
                self.join(name, channel, None);
                self.taken(&call);
            }
            Purpose::Transfer { .. } => {}
        }
    }

    /// An agent's telephone put us on hold by its own key. Asterisk plays the music; only the news are ours.
    fn held_by_telephone(&mut self, name: &str, channel: &str, held: bool) {
        let Some(seat) = self.rooms.get_mut(name).and_then(|room| room.seat.as_mut()) else { return };
        if seat.leg.channel != channel || seat.holds == held {
            return;
        }
        seat.holds = held;
        for call in self.calls_in(name) {
            if self.calls.get(&call).is_some_and(|call| call.is_up() && !call.held) {
                self.tell(&call, NewsKind::Held(held), Told::default());
            }
        }
    }

    /// A channel was put in the place of another, as telephones do that transfer by themselves.
    fn replaced(&mut self, old: &str, new: &str) {
        let Some(owner) = self.channels.remove(old) else { return };
        self.with_leg(&owner, old, |leg| leg.channel = new.to_owned());
        self.channels.insert(new.to_owned(), owner);
    }

    /// A channel left our application. One that we made is mostly being hung up, and its end follows with the cause; else it went its
    /// own way. Of a caller's channel nothing is told any more.
    fn left(&mut self, owner: &Owner, channel: &str) {
        if matches!(owner, Owner::Call(call) if self.calls.get(call).is_some_and(|call| call.inbound)) {
            return self.gone(owner, channel, None);
        }
        let went = self.leg_mut(owner, channel).is_some_and(|leg| leg.is_up() && !leg.leaving && !leg.hung);
        if went {
            self.look(owner, channel);
        }
    }

    /// A channel is not there any more.
    pub(super) fn gone(&mut self, owner: &Owner, channel: &str, code: Option<i64>) {
        self.channels.remove(channel);
        match owner {
            Owner::Call(call) => {
                let Some(known) = self.calls.get(call) else { return };
                let Some(leg) = known.leg.as_ref().filter(|leg| leg.channel == channel) else { return };
                // a caller who goes has no reason that would tell anything of us
                let why = if known.inbound { cause::completed() } else { cause::read(code, leg.ending()) };
                self.end_call(call, why);
            }
            Owner::Seat(room) => self.seat_gone(room, channel, code),
        }
    }

    /// The other side of a call is gone.
    pub(super) fn end_call(&mut self, name: &str, why: Cause) {
        let told = self.ending_told(name);
        self.tell(name, NewsKind::Ended(Some(why)), told);
        let Some(call) = self.calls.remove(name) else { return };
        if let Some(leg) = &call.leg {
            self.channels.remove(&leg.channel);
        }
        if let Some(waiting) = call.keeps_waiting
            && self.calls.get(&waiting).is_some_and(|call| call.held)
        {
            self.put_on_hold(&waiting, false, None);
        }
        self.settle(&call.room);
    }

    /// What the end of a call tells besides: where its recording is.
    pub(super) fn ending_told(&self, name: &str) -> Told {
        let call = self.calls.get(name).filter(|call| call.is_up());
        let recording = call.and_then(|call| self.rooms.get(&call.room)?.recording.as_deref());
        Told { recording_url: recording.and_then(|name| self.asterisk.recording_at(name)), ..Told::default() }
    }

    fn recording_failed(&mut self, name: &str) {
        for room in self.rooms.values_mut() {
            room.recording.take_if(|recording| recording == name);
        }
    }

    /// Whether what is left of a room can stay.
    pub(super) fn settle(&mut self, name: &str) {
        let calls = self.calls_in(name);
        match calls.as_slice() {
            [] => self.drop_room(name),
            [last] if self.rooms.get(name).is_some_and(|room| room.left) => self.hang_up(last),
            _ => {}
        }
    }

    /// Takes a room away, with who sits there.
    pub(super) fn drop_room(&mut self, name: &str) {
        let Some(room) = self.rooms.remove(name) else { return };
        for seat in room.seat.into_iter().chain(room.next.map(|(seat, _)| seat)) {
            // it may have been hung up before; once more does no harm, and its end means nothing to us any more
            self.channels.remove(&seat.leg.channel);
            self.hang(name, &seat.leg.channel, "normal");
        }
        self.close_bridges(name, room.bridge, room.hold);
    }

    /// Our side of a room is gone, or did not come.
    fn seat_gone(&mut self, name: &str, channel: &str, code: Option<i64>) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        if let Some((seat, purpose)) = room.next.take_if(|(seat, _)| seat.leg.channel == channel) {
            let why = cause::read(code, seat.leg.ending());
            return self.did_not_come(name, &why, purpose, seat.leg.hung);
        }
        let sat = room.seat.take_if(|seat| seat.leg.channel == channel).is_some();
        if sat && room.next.is_none() {
            for call in self.calls_in(name) {
                self.hang_up(&call);
            }
        }
    }

    /// Who was rung to sit in a room did not come.
    fn did_not_come(&mut self, room: &str, why: &Cause, purpose: Purpose, by_us: bool) {
        let word = cause::station_word(why);
        match purpose {
            Purpose::Dial { call } => {
                let why = if by_us { cause::completed() } else { cause::failed(word) };
                self.end_call(&call, why);
            }
            Purpose::Take { call, order } => {
                self.refuse(order, Refusal::new(word, "the agent's telephone did not pick up"));
                // a caller goes on ringing, and another agent may take him; whom we called has nobody to talk to
                if self.calls.get(&call).is_some_and(|call| !call.inbound) {
                    self.hang_up(&call);
                }
            }
            // nobody else is there for whom was given away
            Purpose::Transfer { .. } => {
                for call in self.calls_in(room) {
                    self.hang_up(&call);
                }
            }
        }
    }

    /// Tells that a number is being called.
    fn tell_started(&mut self, name: &str) {
        let Some(call) = self.calls.get(name) else { return };
        let seat = self.rooms.get(&call.room).and_then(|room| room.seat.as_ref());
        let direction = if seat.is_some() { Direction::Outbound } else { Direction::CcOutbound };
        let told = Told {
            direction: Some((direction, Certainty::Inferred)),
            customer: call.number.clone(),
            agent: seat.and_then(|seat| seat.login.clone()),
            extension: seat.and_then(|seat| seat.extension.clone()),
            ..Told::default()
        };
        self.tell(name, NewsKind::Started, told);
    }

    /// Tells that a call was answered, and who of us is in it.
    pub(super) fn tell_connected(&mut self, name: &str) {
        let Some(call) = self.calls.get(name) else { return };
        let seat = self.rooms.get(&call.room).and_then(|room| room.seat.as_ref());
        let told = Told {
            agent: seat.and_then(|seat| seat.login.clone()),
            extension: seat.and_then(|seat| seat.extension.clone()),
            ..Told::default()
        };
        self.tell(name, NewsKind::Connected, told);
    }
}
