//! Orders that bring third parties in and give calls away.
//!
//! A call that no agent of ours is left in is over for us, however long the others talk: it is told as transferred and ended. Its
//! channels are looked after until they are gone. When the one who got it is an agent of ours, it goes on as his.

use super::{
    Exchange,
    asking::Shown,
    cause,
    model::{Leg, Owner, Purpose, Seat},
    names::Errand,
    orders::{Plan, THIRD_RING_S},
};
use crate::domain::{
    agent::Roster,
    call::{NewsKind, Told},
    order::Order,
    phone::Number,
    telephone::Refusal,
};

impl Exchange {
    /// The room of an answered call whose seat an agent sits in.
    fn seated(&self, call: &str) -> Result<String, Refusal> {
        let (_, room) = self.talking(call)?;
        let sits = self.rooms.get(&room).is_some_and(|room| {
            room.next.is_none() && !room.left && room.seat.as_ref().is_some_and(|seat| seat.leg.is_up() && !seat.leg.hung)
        });
        if !sits {
            return Err(Refusal::new("no_agent", "no agent is in this call"));
        }
        Ok(room)
    }

    pub(super) fn calls_in(&self, room: &str) -> Vec<String> {
        self.calls.iter().filter(|(_, call)| call.room == room).map(|(name, _)| name.clone()).collect()
    }

    /// Rings somebody to sit in our seat. Who sits there now leaves when that has begun.
    pub(super) fn blind_transfer(&mut self, order: &Order, number: &Number, roster: &Roster) -> Result<(), Refusal> {
        let room = self.seated(&order.call)?;
        if self.calls_in(&room).len() > 1 {
            return Err(Refusal::new("in_conference", "this call shares its line with another; complete the transfer instead"));
        }
        if self.known(&order.call)?.held {
            self.put_on_hold(&order.call, false, None);
        }
        let agent = roster.by_number(number);
        let call = self.known(&order.call)?;
        // an agent sees who calls; an outsider sees what he may
        let ours = self.asterisk.caller_id().cloned();
        let (own, caller) = if agent.is_some() { (ours, call.number.clone()) } else { (Some(number.clone()), ours) };
        let leg = Leg::new(self.next_seat(&room), THIRD_RING_S);
        let endpoint = self.endpoint(number, roster);
        let login = agent.map(|agent| agent.login.clone());
        let extension = Some(agent.and_then(|agent| agent.extension.clone()).unwrap_or_else(|| number.clone()));
        let errand = Errand::Seat { login: login.clone(), extension: extension.clone(), takes: None };
        self.channels.insert(leg.channel.clone(), Owner::Seat(room.clone()));
        self.make(&leg, &room, endpoint, &errand, Shown { own: own.as_ref(), caller: caller.as_ref(), by_itself: false });
        let seat = Seat { leg, login, extension, holds: false };
        let purpose = Purpose::Transfer { call: order.call.clone(), order: order.id, number: number.clone() };
        if let Some(room) = self.rooms.get_mut(&room) {
            room.next = Some((seat, purpose));
        }
        Ok(())
    }

    /// The one who gets a call is being rung: the one who gave it away leaves.
    pub(super) fn give_away(&mut self, room: &str) {
        let Some(the_room) = self.rooms.get_mut(room) else { return };
        let Some((next, Purpose::Transfer { call, number, .. })) = &the_room.next else { return };
        let (call, number) = (call.clone(), number.clone());
        let to = next.login.clone().zip(next.extension.clone());
        let giver = the_room.seat.take();
        if let Some(giver) = giver {
            self.hang(room, &giver.leg.channel, "normal");
        }
        self.tell_transferred(&call, &number, to);
    }

    /// Tells that a call went to a number: to an agent with his extension, or away.
    fn tell_transferred(&mut self, call: &str, number: &Number, to: Option<(String, Number)>) {
        let away = to.is_none();
        let (agent, extension) = to.unzip();
        let told = Told { agent, extension, transferred_to: Some(number.as_str().to_owned()), ..Told::default() };
        self.tell(call, NewsKind::Transferred, told);
        if away {
            self.tell_over(call);
        }
    }

    /// Tells the end of a call whose channel lives on.
    fn tell_over(&mut self, call: &str) {
        let told = self.ending_told(call);
        self.tell(call, NewsKind::Ended(Some(cause::completed())), told);
        if let Some(call) = self.calls.get_mut(call) {
            call.over = true;
        }
    }

    /// Puts the call on hold and calls a third party in its place.
    pub(super) fn consult(&mut self, order: &Order, plan: &Plan<'_>, leg: &str) -> Result<(), Refusal> {
        let room = self.seated(&order.call)?;
        self.is_new(leg)?;
        for name in self.calls_in(&room) {
            if self.calls.get(&name).is_some_and(|call| call.is_up() && !call.held) {
                self.put_on_hold(&name, true, None);
            }
        }
        self.begin_call(leg, &room, plan);
        self.call_number(leg);
        Ok(())
    }

    /// Calls a third party into the conversation. `mute` lets the other side wait for as long as he is in it.
    pub(super) fn invite(&mut self, order: &Order, plan: &Plan<'_>, leg: &str, mute: bool) -> Result<(), Refusal> {
        let room = self.seated(&order.call)?;
        self.is_new(leg)?;
        let waits = self.known(&order.call)?.held;
        if mute && !waits {
            self.put_on_hold(&order.call, true, None);
        }
        self.begin_call(leg, &room, plan);
        if let Some(leg) = self.calls.get_mut(leg) {
            leg.keeps_waiting = mute.then(|| order.call.clone());
        }
        self.call_number(leg);
        Ok(())
    }

    /// Brings two calls into one conversation.
    pub(super) fn conference(&mut self, call: &str, with: &str) -> Result<(), Refusal> {
        let room = self.seated(call)?;
        self.unite(call, with, &room)
    }

    fn unite(&mut self, call: &str, with: &str, room: &str) -> Result<(), Refusal> {
        let (_, other) = self.talking(with)?;
        if call == with {
            return Err(Refusal::new("same_call", "a call cannot be joined with itself"));
        }
        if other != room {
            let was_held = self.known(with)?.held;
            self.move_call(with, room);
            if was_held {
                self.tell(with, NewsKind::Held(false), Told::default());
            }
            if self.calls_in(&other).is_empty() {
                self.drop_room(&other);
            }
        }
        for name in [call, with] {
            if let Some(call) = self.calls.get_mut(name) {
                call.keeps_waiting = None;
            }
            if self.calls.get(name).is_some_and(|call| call.held) {
                self.put_on_hold(name, false, None);
            }
        }
        Ok(())
    }

    /// Joins the other sides of two calls, and our side leaves. When one of them is an agent of ours, the call with the other goes on
    /// as his, and he sits in our seat; else both are over for us.
    pub(super) fn complete_transfer(&mut self, call: &str, with: &str, roster: &Roster) -> Result<(), Refusal> {
        let room = self.seated(call)?;
        let others = self.calls_in(&room).iter().filter(|name| *name != call && *name != with).count();
        if others > 0 {
            return Err(Refusal::new("in_conference", "more than these two calls share the line"));
        }
        self.unite(call, with, &room)?;
        let number = |name: &str| self.calls.get(name).and_then(|call| call.number.clone());
        let agent = |number: &Option<Number>| {
            let agent = roster.by_number(number.as_ref()?)?;
            Some((agent.login.clone(), agent.extension.clone().or_else(|| number.clone())?))
        };
        let (one, other) = (number(call), number(with));
        let (went, stayed, number, to) = match (agent(&one), agent(&other)) {
            (Some(to), _) => (call, with, one, Some(to)),
            (None, Some(to)) => (with, call, other, Some(to)),
            (None, None) => (call, with, one, None),
        };
        let leaving = self.rooms.get_mut(&room).and_then(|room| room.seat.take());
        match to {
            Some(to) => self.sit_down(&room, went, stayed, to),
            None => {
                let back = self.calls.get(stayed).and_then(|call| call.number.clone());
                for (name, to) in [(stayed, number), (went, back)] {
                    match to {
                        Some(to) => self.tell_transferred(name, &to, None),
                        None => self.tell_over(name),
                    }
                }
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.left = true;
                }
            }
        }
        if let Some(seat) = leaving {
            self.hang(&room, &seat.leg.channel, "normal");
        }
        Ok(())
    }

    /// An agent who was asked gets the call: his own call with the one who asked is over, and its channel becomes our side's.
    fn sit_down(&mut self, room: &str, went: &str, stayed: &str, (login, extension): (String, Number)) {
        self.tell_over(went);
        let leg = self.calls.remove(went).and_then(|call| call.leg);
        if let Some(leg) = leg {
            self.channels.insert(leg.channel.clone(), Owner::Seat(room.to_owned()));
            let seat = Seat { leg, login: Some(login.clone()), extension: Some(extension.clone()), holds: false };
            if let Some(room) = self.rooms.get_mut(room) {
                room.seat = Some(seat);
            }
        }
        let number = extension.clone();
        self.tell_transferred(stayed, &number, Some((login, extension)));
    }
}
