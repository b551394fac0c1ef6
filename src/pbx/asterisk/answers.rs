//! What the answers to our requests mean.

use uuid::Uuid;

use super::{
    Exchange,
    asking::Asked,
    cause,
    model::{Owner, Purpose},
    wire::Complaint,
};
use crate::domain::{
    call::{NewsKind, Told},
    telephone::{Refusal, Reply},
};

fn is_done(reply: Reply<'_>) -> bool {
    matches!(reply, Reply::Answer { status: 200..300, .. })
}

fn is_missing(reply: Reply<'_>) -> bool {
    matches!(reply, Reply::Answer { status: 404, .. })
}

/// Why it did not do it.
fn refusal(reply: Reply<'_>) -> Refusal {
    match reply {
        Reply::Answer { status, body } => {
            let complaint = Complaint::read(body);
            let sep = if complaint.is_empty() { "" } else { ": " };
            Refusal::new("refused", format!("the telephone system answered {status}{sep}{complaint}"))
        }
        Reply::NotConnected => Refusal::new("not_reached", "the telephone system could not be reached"),
        Reply::Silence => Refusal::new("unclear", "the telephone system did not answer; it may have done it"),
    }
}

impl Exchange {
    pub(super) fn read_reply(&mut self, asked: Asked, reply: Reply<'_>) {
        match asked {
            Asked::Make(channel) => self.made(&channel, reply),
            Asked::Dial(channel) | Asked::Join(channel) if !is_done(reply) => self.useless(&channel),
            Asked::Hang { channel, more } if !is_done(reply) => self.not_hung(&channel, more, reply),
            Asked::Hold { call, held, order } => {
                if is_done(reply) {
                    return self.tell(&call, NewsKind::Held(held), Told::default());
                }
                if let Some(call) = self.calls.get_mut(&call) {
                    call.held = !held;
                }
                if let Some(order) = order {
                    self.refuse(order, refusal(reply));
                }
            }
            Asked::Order(order) if !is_done(reply) => self.refuse(order, refusal(reply)),
            // it lives on elsewhere, where we neither see nor tell it anything
            Asked::Look(channel) if is_done(reply) => {
                if let Some(owner) = self.channels.get(&channel).cloned() {
                    self.gone(&owner, &channel, Some(16));
                }
            }
            _ => {}
        }
    }

    /// Whether a channel that we asked for was made. What its making is worth shows by its events.
    fn made(&mut self, channel: &str, reply: Reply<'_>) {
        let Some(owner) = self.channels.get(channel).cloned() else { return };
        let transfer = self.transfer_to(&owner, channel);
        if is_done(reply) {
            if let (Owner::Seat(room), Some(_)) = (&owner, &transfer) {
                self.give_away(room);
            }
            return;
        }
        if reply == Reply::Silence {
            // it may be there: what there is of it shall go, and then we know
            if let Some(leg) = self.leg_mut(&owner, channel) {
                leg.leaving = true;
            }
            return self.hang(&self.room_of(&owner), channel, "normal");
        }
        let why = refusal(reply);
        match (&owner, transfer) {
            (Owner::Seat(room), Some(order)) => {
                // who wanted to give the call away has it still
                self.channels.remove(channel);
                if let Some(room) = self.rooms.get_mut(room) {
                    room.next = None;
                }
                self.refuse(order, why);
            }
            (Owner::Call(call), _) => self.end_call(call, cause::failed(why.code)),
            (Owner::Seat(_), None) => self.gone(&owner, channel, None),
        }
    }

    /// The order of the transfer that a channel is rung for.
    fn transfer_to(&self, owner: &Owner, channel: &str) -> Option<Uuid> {
        let Owner::Seat(room) = owner else { return None };
        match self.rooms.get(room)?.next.as_ref()? {
            (seat, Purpose::Transfer { order, .. }) if seat.leg.channel == channel => Some(*order),
            _ => None,
        }
    }

    /// A channel that cannot do what it was made for goes: a call that nobody hears is worse than none.
    fn useless(&mut self, channel: &str) {
        let Some(owner) = self.channels.get(channel).cloned() else { return };
        let Some(leg) = self.leg_mut(&owner, channel) else { return };
        leg.leaving = true;
        self.hang(&self.room_of(&owner), channel, "failure");
    }

    /// A channel was not hung up, as far as we know.
    fn not_hung(&mut self, channel: &str, more: u8, reply: Reply<'_>) {
        let owner = self.channels.get(channel).cloned();
        let room = owner.as_ref().map(|owner| self.room_of(owner)).unwrap_or_default();
        match owner {
            // also when it is not there: the event that tells why may be on its way, and is given time
            Some(_) if more > 0 => self.hang_again(&room, channel, "normal", more - 1),
            Some(owner) => self.gone(&owner, channel, None),
            None if more > 0 && !is_missing(reply) => self.hang_again(&room, channel, "normal", more - 1),
            None => {}
        }
    }

    pub(super) fn room_of(&self, owner: &Owner) -> String {
        match owner {
            Owner::Seat(room) => room.clone(),
            Owner::Call(call) => self.calls.get(call).map(|call| call.room.clone()).unwrap_or_default(),
        }
    }
}
