//! What the simulated system does with orders.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Life, Simulator, Turn, cause};
use crate::domain::{
    agent::Roster,
    call::{CauseKind, Certainty, Direction, NewsKind, Told},
    order::{Command, Order, Station},
    phone::Number,
    telephone::Refusal,
};

/// How long a third party is rung.
const LEG_RING: TimeDelta = TimeDelta::seconds(30);

fn wrong_state(what: &str) -> Refusal {
    Refusal::new("wrong_state", what)
}

impl Simulator {
    /// Takes an order. What becomes of it is told by news.
    ///
    /// # Errors
    /// Why it is not done; then nothing happens.
    pub fn take(&mut self, order: &Order, now: DateTime<Utc>, roster: &Roster) -> Result<(), Refusal> {
        if self.is_down(now) {
            return Err(Refusal::new("down", "the telephone system is down"));
        }
        let call = order.call.as_str();
        match &order.command {
            Command::Dial { number, station, ring_s, .. } => {
                self.is_new(call)?;
                self.start(call, number, station.clone(), now);
                // the agent's own telephone rings first
                let picked_up = station.as_ref().map(|_| self.chance(call).seconds("pickup", self.knobs.pickup_s())).unwrap_or_default();
                self.ring_out(call, now + picked_up, TimeDelta::seconds(*ring_s));
            }
            Command::Connect { station } => self.connect(call, station, now)?,
            Command::Answer { station } => {
                self.rings_here(call)?;
                self.picked_up(call, station.clone(), now);
            }
            Command::Deflect { number } => {
                self.rings_here(call)?;
                self.give(call, number, now, roster);
            }
            Command::Hangup => {
                let answered = self.life(call)?.answered.is_some();
                let cause = if answered { cause(CauseKind::Completed, "completed") } else { cause(CauseKind::Other, "cancelled") };
                self.end(call, cause, now);
            }
            Command::Hold => {
                self.active(call)?;
                self.hold(call, true, now);
            }
            Command::Resume => {
                self.held(call)?;
                self.hold(call, false, now);
            }
            Command::Dtmf { .. } | Command::Play { .. } => drop(self.active(call)?),
            Command::BlindTransfer { number } => {
                self.life(call)?.answered.ok_or_else(|| wrong_state("the call is no conversation"))?;
                self.give(call, number, now, roster);
            }
            Command::ConsultTransfer { number, leg, station } => {
                self.active(call)?;
                self.is_new(leg)?;
                self.hold(call, true, now);
                self.start_leg(leg, number, station, now);
            }
            Command::CompleteTransfer { with } => {
                let number = self.active(call)?.customer.clone();
                self.held(with)?;
                self.hold(with, false, now);
                self.give(with, &number, now, roster);
                self.end(call, cause(CauseKind::Completed, "completed"), now);
            }
            Command::Conference { with } => {
                self.active(call)?;
                self.held(with)?;
                self.hold(with, false, now);
            }
            Command::Invite { number, leg, station, mute_customer } => {
                self.active(call)?;
                self.is_new(leg)?;
                self.start_leg(leg, number, station, now);
                if *mute_customer {
                    self.mute(call, leg, now);
                }
            }
        }
        Ok(())
    }

    /// An agent's telephone rings for a call that was answered, or for a caller.
    fn connect(&mut self, call: &str, station: &Station, now: DateTime<Utc>) -> Result<(), Refusal> {
        let life = self.life(call)?;
        if life.agent.is_some() || (life.answered.is_none() && !life.is_inbound) {
            return Err(wrong_state("the call has an agent already, or nobody has answered it"));
        }
        let after = self.chance(call).seconds("pickup", self.knobs.pickup_s());
        self.plan(call, now + after, Turn::PickedUp(station.clone()));
        Ok(())
    }

    /// The customer of a call hears nothing for as long as a third party is there.
    fn mute(&mut self, call: &str, leg: &str, now: DateTime<Utc>) {
        self.hold(call, true, now);
        if let Some(leg) = self.calls.get_mut(leg) {
            leg.mutes = Some(call.to_owned());
        }
    }

    /// A call that we start.
    fn start(&mut self, call: &str, number: &Number, station: Option<Station>, now: DateTime<Utc>) {
        let told = Told {
            // why it was started is known to whoever started it
            direction: Some((Direction::Outbound, Certainty::Inferred)),
            customer: Some(number.clone()),
            agent: station.as_ref().map(|station| station.login.clone()),
            extension: station.as_ref().and_then(|station| station.extension.clone()),
            ..Told::default()
        };
        self.begin(call, number.clone(), false, station, told, now);
    }

    /// A third party is rung; the agent is at his telephone already.
    fn start_leg(&mut self, leg: &str, number: &Number, station: &Station, now: DateTime<Utc>) {
        self.start(leg, number, Some(station.clone()), now);
        self.ring_out(leg, now, LEG_RING);
    }

    /// A call is given to whoever has this number: to an agent, who has it from now on, or to somebody else, and then it is ours no
    /// more.
    fn give(&mut self, call: &str, number: &Number, now: DateTime<Utc>, roster: &Roster) {
        let agent = roster.by_number(number).map(|agent| agent.login.clone());
        let told = Told {
            agent: agent.clone(),
            extension: agent.as_ref().map(|_| number.clone()),
            transferred_to: Some(number.as_str().to_owned()),
            ..Told::default()
        };
        self.tell(call, NewsKind::Transferred, told, now);
        match (agent, self.calls.get_mut(call)) {
            (Some(login), Some(life)) => life.agent = Some(Station { login, extension: Some(number.clone()) }),
            _ => self.end(call, cause(CauseKind::Completed, "completed"), now),
        }
    }

    fn life(&self, call: &str) -> Result<&Life, Refusal> {
        self.calls.get(call).ok_or_else(Refusal::no_such_call)
    }

    /// A caller whom nobody has answered.
    fn rings_here(&self, call: &str) -> Result<(), Refusal> {
        let rings = self.life(call).map(|life| life.is_inbound && life.answered.is_none())?;
        rings.then_some(()).ok_or_else(|| wrong_state("the call does not ring here"))
    }

    fn is_new(&self, call: &str) -> Result<(), Refusal> {
        if self.calls.contains_key(call) { Err(Refusal::new("call_exists", "there is a call of this name already")) } else { Ok(()) }
    }

    /// A conversation that is not on hold.
    fn active(&self, call: &str) -> Result<&Life, Refusal> {
        let life = self.life(call)?;
        if life.answered.is_some() && !life.is_held() {
            Ok(life)
        } else {
            Err(wrong_state("the call is no conversation that is not on hold"))
        }
    }

    /// A conversation that is on hold.
    fn held(&self, call: &str) -> Result<&Life, Refusal> {
        let life = self.life(call)?;
        if life.is_held() { Ok(life) } else { Err(wrong_state("the call is not on hold")) }
    }
}
