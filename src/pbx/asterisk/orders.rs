//! How orders are carried out: dialing, answering, hold, tones, files. Giving calls away is in `transfer.rs`.

use super::{
    Exchange,
    asking::Shown,
    model::{Call, Leg, Owner, Purpose, Room, Seat, Stage},
    names::{self, Errand},
};
use crate::domain::{
    agent::Roster,
    order::{Command, Order, Station},
    phone::Number,
    telephone::Refusal,
};

/// Longest run of tones in one order, and longest name of a file.
const MAX_TONES: usize = 100;
const MAX_FILE: usize = 200;
/// How long a third party is rung, and an agent's telephone, in seconds.
pub(super) const THIRD_RING_S: i64 = 45;
pub(super) const STATION_RING_S: i64 = 30;

/// A new call to a number.
pub(super) struct Plan<'a> {
    pub(super) number: &'a Number,
    pub(super) endpoint: String,
    pub(super) caller_id: Option<&'a Number>,
    pub(super) ring_s: i64,
}

impl Exchange {
    pub(super) fn carry_out(&mut self, order: &Order, roster: &Roster) -> Result<(), Refusal> {
        let call = order.call.as_str();
        match &order.command {
            Command::Dial { number, caller_id, station, ring_s } => {
                let plan = Plan { number, endpoint: self.endpoint(number, roster), caller_id: caller_id.as_ref(), ring_s: *ring_s };
                self.dial(call, &plan, station.as_ref())
            }
            Command::Connect { station } => self.connect(order, station),
            Command::Answer { station } => self.answer(order, station),
            // its dialplan knows the way; it asks before it hands a caller to us
            Command::Deflect { .. } => Err(Refusal::new("not_supported", "a caller is sent elsewhere by the dialplan")),
            Command::Hangup => self.hang_up_order(call),
            Command::Hold => self.hold(order, true),
            Command::Resume => self.hold(order, false),
            Command::BlindTransfer { number } => self.blind_transfer(order, number, roster),
            Command::ConsultTransfer { number, leg, .. } => self.consult(order, &self.third(number, roster), leg),
            Command::CompleteTransfer { with } => self.complete_transfer(call, with, roster),
            Command::Conference { with } => self.conference(call, with),
            Command::Invite { number, leg, mute_customer, .. } => self.invite(order, &self.third(number, roster), leg, *mute_customer),
            Command::Dtmf { digits } => self.tones(order, digits),
            Command::Play { file } => self.play_file(order, file),
        }
    }

    /// The way to a number: to his telephone when it is an agent's.
    pub(super) fn endpoint(&self, number: &Number, roster: &Roster) -> String {
        let agent = roster.by_number(number);
        let station = agent.map(|agent| Station { login: agent.login.clone(), extension: agent.extension.clone() });
        station.and_then(|station| self.asterisk.endpoint_of(&station)).unwrap_or_else(|| self.asterisk.endpoint_to(number))
    }

    /// A call to a third party.
    fn third<'a>(&self, number: &'a Number, roster: &Roster) -> Plan<'a> {
        Plan { number, endpoint: self.endpoint(number, roster), caller_id: None, ring_s: THIRD_RING_S }
    }

    /// A call that is there and has not left us.
    pub(super) fn known(&self, call: &str) -> Result<&Call, Refusal> {
        self.calls.get(call).filter(|call| !call.over).ok_or_else(|| Refusal::new("no_such_call", "the telephone system has no such call"))
    }

    /// The channel and the room of a call that was answered.
    pub(super) fn talking(&self, call: &str) -> Result<(String, String), Refusal> {
        let call = self.known(call)?;
        let leg = call.leg.as_ref().filter(|leg| leg.is_up() && !leg.hung);
        let leg = leg.ok_or_else(|| Refusal::new("not_answered", "nobody has answered this call yet"))?;
        Ok((leg.channel.clone(), call.room.clone()))
    }

    fn dial(&mut self, call: &str, plan: &Plan<'_>, station: Option<&Station>) -> Result<(), Refusal> {
        self.is_new(call)?;
        let Some(station) = station else {
            self.rooms.insert(call.to_owned(), Room::default());
            self.begin_call(call, call, plan);
            self.call_number(call);
            return Ok(());
        };
        if let Some(room) = self.free_seat(&station.login) {
            // he is on the line already and talks to nobody: his telephone need not ring once more
            self.begin_call(call, &room, plan);
            self.call_number(call);
            return Ok(());
        }
        let endpoint = self.station(station)?;
        self.rooms.insert(call.to_owned(), Room::default());
        self.begin_call(call, call, plan);
        let caller = Some(plan.number.clone());
        self.ring_seat(call, station, endpoint, caller.as_ref(), Purpose::Dial { call: call.to_owned() });
        Ok(())
    }

    pub(super) fn is_new(&self, call: &str) -> Result<(), Refusal> {
        if self.calls.contains_key(call) {
            return Err(Refusal::new("call_exists", "the telephone system has a call of this name already"));
        }
        Ok(())
    }

    fn station(&self, station: &Station) -> Result<String, Refusal> {
        let endpoint = self.asterisk.endpoint_of(station);
        endpoint.ok_or_else(|| Refusal::new("no_extension", "no telephone of this agent is known: give him an extension"))
    }

    /// The room in which this agent sits and talks to nobody, as all whom he talked to wait.
    fn free_seat(&self, login: &str) -> Option<String> {
        let is_free = |name: &str, room: &Room| {
            let sits = room.seat.as_ref().is_some_and(|seat| seat.login.as_deref() == Some(login) && seat.leg.is_up() && !seat.leg.hung);
            let mut calls = self.calls.values().filter(|call| call.room == name).peekable();
            sits && !room.left && room.next.is_none() && calls.peek().is_some() && calls.all(|call| call.held)
        };
        self.rooms.iter().find(|(name, room)| is_free(name, room)).map(|(name, _)| name.clone())
    }

    pub(super) fn begin_call(&mut self, name: &str, room: &str, plan: &Plan<'_>) {
        let call = Call {
            room: room.to_owned(),
            leg: None,
            number: Some(plan.number.clone()),
            endpoint: plan.endpoint.clone(),
            caller_id: plan.caller_id.or(self.asterisk.caller_id()).cloned(),
            inbound: false,
            held: false,
            keeps_waiting: None,
            over: false,
            ring_s: plan.ring_s,
        };
        self.calls.insert(name.to_owned(), call);
    }

    /// Makes the channel that calls a call's number.
    pub(super) fn call_number(&mut self, name: &str) {
        let Some(call) = self.calls.get_mut(name) else { return };
        let Some(number) = call.number.clone() else { return };
        let leg = Leg::new(names::party(name), call.ring_s);
        call.leg = Some(leg.clone());
        let (room, caller, endpoint) = (call.room.clone(), call.caller_id.clone(), call.endpoint.clone());
        self.channels.insert(leg.channel.clone(), Owner::Call(name.to_owned()));
        let shown = Shown { own: Some(&number), caller: caller.as_ref(), by_itself: false };
        let errand = Errand::Party { room: room.clone(), number: number.clone() };
        self.make(&leg, &room, endpoint, &errand, shown);
    }

    /// Makes the channel that rings an agent's telephone.
    fn ring_seat(&mut self, room: &str, station: &Station, endpoint: String, caller: Option<&Number>, purpose: Purpose) {
        let leg = Leg::new(self.next_seat(room), STATION_RING_S);
        self.channels.insert(leg.channel.clone(), Owner::Seat(room.to_owned()));
        let takes = match &purpose {
            Purpose::Take { call, .. } => Some(call.clone()),
            Purpose::Dial { .. } | Purpose::Transfer { .. } => None,
        };
        let errand = Errand::Seat { login: Some(station.login.clone()), extension: station.extension.clone(), takes };
        // the other end of the bridge is shown what outsiders may see, not the extension
        let own = self.asterisk.caller_id().cloned();
        let shown = Shown { own: own.as_ref(), caller, by_itself: self.asterisk.auto_answer() };
        self.make(&leg, room, endpoint, &errand, shown);
        if let Some(room) = self.rooms.get_mut(room) {
            room.next = Some((Seat::new(leg, station), purpose));
        }
    }

    pub(super) fn next_seat(&mut self, room: &str) -> String {
        let seats = self.rooms.get_mut(room).map_or(1, |room| {
            room.seats += 1;
            room.seats
        });
        names::seat(room, seats)
    }

    /// Gives a call that was answered by a person to an agent.
    fn connect(&mut self, order: &Order, station: &Station) -> Result<(), Refusal> {
        self.talking(&order.call)?;
        self.take(order, station)
    }

    /// Lets an agent pick up a call that is offered to him.
    fn answer(&mut self, order: &Order, station: &Station) -> Result<(), Refusal> {
        if !self.known(&order.call)?.inbound {
            return Err(Refusal::new("not_offered", "this call was not offered to an agent"));
        }
        self.take(order, station)
    }

    fn take(&mut self, order: &Order, station: &Station) -> Result<(), Refusal> {
        let call = self.known(&order.call)?;
        let (name, caller) = (call.room.clone(), call.number.clone());
        let room = self.rooms.get(&name);
        if room.is_none_or(|room| room.seat.is_some() || room.next.is_some()) {
            return Err(Refusal::new("taken", "another agent has this call, or is being rung for it"));
        }
        if let Some(seat) = self.free_seat(&station.login) {
            return self.bring(&order.call, &seat);
        }
        let endpoint = self.station(station)?;
        let purpose = Purpose::Take { call: order.call.clone(), order: order.id };
        self.ring_seat(&name, station, endpoint, caller.as_ref(), purpose);
        Ok(())
    }

    /// Brings a call into the room of an agent who sits there already.
    fn bring(&mut self, name: &str, room: &str) -> Result<(), Refusal> {
        let old = self.known(name)?.room.clone();
        if self.known(name)?.is_up() {
            self.move_call(name, room);
        } else if let Some(call) = self.calls.get_mut(name) {
            room.clone_into(&mut call.room);
        }
        self.drop_room(&old);
        self.taken(name);
        Ok(())
    }

    /// An agent has picked up to take this call: it joins him.
    pub(super) fn taken(&mut self, name: &str) {
        let Some(call) = self.calls.get_mut(name) else { return };
        let (room, inbound) = (call.room.clone(), call.inbound);
        let Some(leg) = call.leg.as_mut().filter(|leg| !leg.hung) else { return };
        let was_up = std::mem::replace(&mut leg.stage, Stage::Up) == Stage::Up;
        let channel = leg.channel.clone();
        if inbound && !was_up {
            self.pick_up(&room, &channel);
        }
        // who was called by us is in the bridge already
        if inbound {
            self.join(&room, &channel, None);
        }
        self.tell_connected(name);
        self.record(&room);
    }

    /// Moves an answered call to another room, with its channel.
    pub(super) fn move_call(&mut self, name: &str, room: &str) {
        let Some(call) = self.calls.get_mut(name) else { return };
        let old = std::mem::replace(&mut call.room, room.to_owned());
        call.held = false;
        if let Some(leg) = call.leg.clone() {
            self.join(room, &leg.channel, Some(&old));
        }
    }

    /// Ends a call by order. Who called us and was not answered hears that we are busy.
    fn hang_up_order(&mut self, name: &str) -> Result<(), Refusal> {
        self.known(name)?;
        self.hang_up(name);
        Ok(())
    }

    /// Ends the other side of a call; what is left of its room goes when that has happened.
    pub(super) fn hang_up(&mut self, name: &str) {
        let Some(call) = self.calls.get_mut(name) else { return };
        let (room, offered) = (call.room.clone(), call.inbound && !call.is_up());
        if let Some(leg) = &mut call.leg {
            leg.hung = true;
            let channel = leg.channel.clone();
            return self.hang(&room, &channel, if offered { "busy" } else { "normal" });
        }
        // only our own telephone rings yet
        if let Some((seat, _)) = self.rooms.get_mut(&room).and_then(|room| room.next.as_mut()) {
            seat.leg.hung = true;
            let channel = seat.leg.channel.clone();
            self.hang(&room, &channel, "normal");
        }
    }

    fn hold(&mut self, order: &Order, held: bool) -> Result<(), Refusal> {
        self.talking(&order.call)?;
        if self.known(&order.call)?.held == held {
            return Err(match held {
                true => Refusal::new("on_hold", "this call is on hold already"),
                false => Refusal::new("not_on_hold", "this call is not on hold"),
            });
        }
        self.put_on_hold(&order.call, held, Some(order.id));
        Ok(())
    }

    fn tones(&mut self, order: &Order, digits: &str) -> Result<(), Refusal> {
        let known = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#');
        if digits.is_empty() || digits.len() > MAX_TONES || !digits.chars().all(known) {
            return Err(Refusal::new("digits", "expected one to a hundred of 0123456789*#"));
        }
        let (channel, room) = self.talking(&order.call)?;
        self.send_tones(order.id, &room, &channel, digits);
        Ok(())
    }

    fn play_file(&mut self, order: &Order, file: &str) -> Result<(), Refusal> {
        let (_, room) = self.talking(&order.call)?;
        if self.known(&order.call)?.held {
            return Err(Refusal::new("on_hold", "a file cannot be played into a call that is on hold"));
        }
        self.play(order.id, &room, media(file)?);
        Ok(())
    }
}

/// The address of a sound by its name: `custom/welcome` and `sound:custom/welcome` are the same. Others of Asterisk's kinds that say
/// something by themselves are taken too; what leads out of its folder of sounds, or to recordings of other people, is not.
fn media(file: &str) -> Result<String, Refusal> {
    let (kind, name) = file.split_once(':').unwrap_or(("sound", file));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '#' | '*' | '+' | ';' | '=');
    let leads_out = name.starts_with('/') || name.split('/').any(|part| part.is_empty() || part == "..");
    let fits = !name.is_empty() && name.len() <= MAX_FILE && name.chars().all(plain) && !leads_out;
    match kind {
        "sound" | "number" | "digits" | "characters" | "tone" if fits => Ok(format!("{kind}:{name}")),
        _ => Err(Refusal::new("file", "expected the name of a sound, such as custom/welcome, without .. and / at its beginning")),
    }
}

#[cfg(test)]
mod tests {
    use super::media;

    #[test]
    fn a_file_stays_in_its_folder() {
        for (file, address) in [
            ("hello-world", "sound:hello-world"),
            ("custom/welcome", "sound:custom/welcome"),
            ("sound:custom/welcome", "sound:custom/welcome"),
            ("digits:12#", "digits:12#"),
            ("tone:ring;tonezone=us", "tone:ring;tonezone=us"),
        ] {
            assert_eq!(media(file).ok().as_deref(), Some(address), "{file}");
        }
        for file in
            ["", "sound:", "/etc/passwd", "../x", "a/../b", "a//b", "recording:cti-1", "http://x/y", "sound:/x", "a b", "a\n", "a,b"]
        {
            assert!(media(file).is_err(), "{file}");
        }
    }
}
