//! Applies what is wished of calls: judges it by the call law and by what is known of the agents, and leaves an order for the
//! telephone system where it must do something.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    Failure, Once, Origin,
    apply::Desk,
    ledger::{Before, Known, Ledger, capabilities},
};
use crate::{
    app::directory::{Account, Driven},
    domain::{
        call::{Attempt, Call, Certainty, Chosen, Direction, Fact, HandlingVerb, Heard, Intent, State, Told, allowed},
        disposition,
        dnc::Channel,
        event::Audience,
        order::{Command, Order, Station, Verb},
        phone::Number,
        presence::AgentState,
        wish::{CallWish, Dial, SetOutcome},
    },
};

/// A telephone system that was told to dial must say something within this time.
const DIAL_PATIENCE: TimeDelta = TimeDelta::seconds(15);
/// How long a number is rung where nothing else is said, in seconds.
pub(super) const RING_S: i64 = 30;

/// A wish for a call.
#[derive(Clone, Debug)]
pub struct WishWork {
    /// The agent who wishes; `None` is a program that may control every call.
    pub by: Option<String>,
    /// The call; `None` for one that is to be started.
    pub call: Option<Uuid>,
    /// What is wished.
    pub wish: CallWish,
    /// The same wish is granted once and answered the same again.
    pub once: Option<Once>,
}

impl WishWork {
    /// The second call that it is about.
    pub(super) fn other_call(&self) -> Option<Uuid> {
        match self.wish {
            CallWish::CompleteTransfer(with) | CallWish::Conference(with) => Some(with),
            _ => None,
        }
    }

    /// The number that would be dialed.
    pub(super) fn number(&self) -> Option<&Number> {
        match &self.wish {
            CallWish::Dial(dial) => Some(&dial.number),
            CallWish::ConsultTransfer(number) | CallWish::BlindTransfer(number) | CallWish::Invite(number, _) => Some(number),
            _ => None,
        }
    }
}

/// What a granted wish is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WishDone {
    /// The call that it is about; a new one where one was started.
    pub call: Uuid,
    /// The order that was given to the telephone system, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Uuid>,
}

/// Why a wish is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// A word for programs.
    pub code: &'static str,
    /// A text for people.
    pub message: String,
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

fn deny<T>(code: &'static str, message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Denied(Denial { code, message: message.into() }))
}

impl Desk<'_> {
    /// Grants a wish, or says why not.
    pub(super) fn grant(&self, ledger: &mut Ledger, known: &mut Known, work: &WishWork) -> Result<WishDone, Failure> {
        let Some(call) = work.call else {
            let CallWish::Dial(dial) = &work.wish else { return deny("invalid", "call: expected a dtCallId") };
            return self.dial(ledger, known, dial);
        };
        let found = known.calls.get(&call).ok_or(Failure::NoSuchCall)?;
        if work.by.is_some() && work.by.as_deref() != found.newest().agent() {
            return Err(Failure::NotYours);
        }
        match &work.wish {
            CallWish::SetOutcome(outcome) => self.set_outcome(ledger, known, call, outcome, work.by.as_deref())?,
            CallWish::EndWrap => self.change(ledger, known, call, |attempt, now| attempt.end_wrap(now).map_err(Failure::Refused))?,
            CallWish::SkipPreview(reason) => self.skip_preview(ledger, known, call, reason.as_deref())?,
            CallWish::AcceptPreview => return self.accept_preview(ledger, known, call),
            wish => return self.command(ledger, known, call, wish),
        }
        Ok(WishDone { call, order: None })
    }

    /// Starts a call of an agent.
    fn dial(&self, ledger: &mut Ledger, known: &mut Known, dial: &Dial) -> Result<WishDone, Failure> {
        let account = ledger.account.clone();
        let driven = driver(&account, Verb::Dial)?;
        let Some(station) = station(&account, &dial.agent) else { return deny("not_found", "there is no such agent") };
        let is_elsewhere =
            |tab| known.floor.as_ref()?.presence_of(&dial.agent).map(|presence| presence.tab.is_elsewhere(tab, self.clock.now()));
        if dial.tab.and_then(is_elsewhere) == Some(true) {
            return deny("disabled_tab", "another tab is the one that dials: enable this one first");
        }
        let busy = known.floor.as_ref().and_then(|floor| floor.busy(&dial.agent));
        if let Some((AgentState::Reserved | AgentState::Ringing | AgentState::OnCall, call)) = busy {
            return deny("refused", format!("dial needs an agent without a call: he has {call}"));
        }
        if self.is_needed(ledger, known, &dial.agent) {
            return deny("refused", "the agent is needed for a call that is being dialed for him: try again in a moment");
        }
        if let Some(caller_id) = &dial.caller_id
            && !account.setup.may_show(caller_id)
        {
            return deny("invalid", "callerId: expected a number of the account's own that calls may show");
        }
        if known.leads.is_listed(Channel::Voice, &dial.number) {
            match &dial.dnc_reason {
                Some(reason) if !dial.by_click => self.note_override(ledger, dial, reason),
                _ if dial.by_click => return deny("dnc", "the number is on the do-not-call list"),
                _ => {
                    return deny(
                        "dnc",
                        "the number is on the do-not-call list: to call it all the same, confirm with a reason (dncReason)",
                    );
                }
            }
        }
        let direction = if dial.by_click { Direction::ClickToCall } else { Direction::Outbound };
        let told = Told {
            custom_data: dial.custom_data.clone(),
            phone_call_id: dial.phone_call_id.clone(),
            subject: dial.subject.clone(),
            caller_name: dial.to.clone(),
            ..told(direction, &dial.number, &station)
        };
        let intent = intent(&driven, &dial.number, dial.caller_id.clone());
        let call = self.open(ledger, known, &driven, intent, &told);
        let command =
            Command::Dial { number: dial.number.clone(), caller_id: dial.caller_id.clone(), station: Some(station), ring_s: RING_S };
        self.order_dial(ledger, known, call, &driven, command)
    }

    /// An agent confirmed that he calls a number of the list, and why.
    fn note_override(&self, ledger: &mut Ledger, dial: &Dial, reason: &str) {
        let data = json!({"channel": Channel::Voice.word(), "number": dial.number, "by": dial.agent, "reason": reason});
        self.tell(ledger, "dnc.overridden", &Audience::Agents(vec![]), Some(&dial.agent), "gateway", &data);
    }

    /// Opens a call that we start.
    pub(super) fn open(&self, ledger: &mut Ledger, known: &mut Known, driven: &Driven<'_>, intent: Intent, told: &Told) -> Uuid {
        let (id, now) = (self.clock.id(), self.clock.now());
        let name = format!("cti-{}", id.simple());
        let call = Call::start(id, driven.gateway, name.clone(), intent, told, now);
        let key = super::pbx_key(ledger.account.id, driven.gateway, &name);
        known.lines.insert(key.clone(), (id, 1));
        ledger.open_line(key, (id, 1), true);
        known.calls.insert(id, call);
        id
    }

    /// Tells the telephone system to dial a call that was opened.
    pub(super) fn order_dial(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        call: Uuid,
        driven: &Driven<'_>,
        command: Command,
    ) -> Result<WishDone, Failure> {
        // the order comes first: what follows from the step may be that the call is hung up again
        let order = self.order(ledger, known, call, driven, command)?;
        self.change(ledger, known, call, |attempt, now| Ok(attempt.order(now + DIAL_PATIENCE)))?;
        Ok(WishDone { call, order: Some(order) })
    }

    /// Leaves an order about a call.
    pub(super) fn order(
        &self,
        ledger: &mut Ledger,
        known: &Known,
        call: Uuid,
        driven: &Driven<'_>,
        command: Command,
    ) -> Result<Uuid, Failure> {
        let found = known.calls.get(&call).ok_or(Failure::NoSuchCall)?;
        let attempt = found.newest();
        let order = Order { id: self.clock.id(), call: attempt.pbx_call_id.clone(), command };
        ledger.order(self.clock, &order, driven.name, Some((call, attempt.number, found.version)));
        Ok(order.id)
    }

    /// What a telephone system must do with a call that is there.
    fn command(&self, ledger: &mut Ledger, known: &mut Known, call: Uuid, wish: &CallWish) -> Result<WishDone, Failure> {
        let account = ledger.account.clone();
        let Some(verb) = wish.verb() else { return deny("invalid", "this is no wish for a telephone system") };
        let found = known.calls.get(&call).ok_or(Failure::NoSuchCall)?;
        let attempt = found.newest();
        if !capabilities(&account, attempt).contains(&verb) {
            return deny("not_supported", format!("{verb}: this call's telephone system cannot do that"));
        }
        let driven = driver(&account, verb)?;
        if !allowed(verb, attempt.state()) {
            return Err(Failure::Refused(crate::domain::call::Refused { wish: verb.word(), state: attempt.state() }));
        }
        let agent = attempt.agent().map(str::to_owned);
        let here = agent.as_deref().and_then(|login| station(&account, login));
        let Some(station) = here else { return deny("refused", "the call has no agent yet") };
        let command = match wish {
            CallWish::Answer => Command::Answer { station },
            CallWish::Hangup => Command::Hangup,
            CallWish::Hold => Command::Hold,
            CallWish::Resume => Command::Resume,
            CallWish::Dtmf(digits) => Command::Dtmf { digits: digits.clone() },
            CallWish::Play(file) => Command::Play { file: file.clone() },
            CallWish::BlindTransfer(number) => {
                self.bar_listed(known, number)?;
                Command::BlindTransfer { number: number.clone() }
            }
            CallWish::CompleteTransfer(with) => Command::CompleteTransfer { with: self.held_call(known, *with, call, agent.as_deref())? },
            CallWish::Conference(with) => Command::Conference { with: self.held_call(known, *with, call, agent.as_deref())? },
            CallWish::ConsultTransfer(number) => {
                self.bar_listed(known, number)?;
                let leg = self.open_leg(ledger, known, &driven, number, &station);
                Command::ConsultTransfer { number: number.clone(), leg, station }
            }
            CallWish::Invite(number, mute_customer) => {
                self.bar_listed(known, number)?;
                let leg = self.open_leg(ledger, known, &driven, number, &station);
                Command::Invite { number: number.clone(), leg, station, mute_customer: *mute_customer }
            }
            _ => return deny("invalid", "this is no wish for a telephone system"),
        };
        let order = self.order(ledger, known, call, &driven, command)?;
        Ok(WishDone { call, order: Some(order) })
    }

    /// Opens the call of a third party; answers its name at the telephone system.
    fn open_leg(&self, ledger: &mut Ledger, known: &mut Known, driven: &Driven<'_>, number: &Number, station: &Station) -> String {
        let leg = self.open(ledger, known, driven, intent(driven, number, None), &told(Direction::Outbound, number, station));
        let _ = self.change(ledger, known, leg, |attempt, now| Ok(attempt.order(now + DIAL_PATIENCE)));
        known.calls.get(&leg).map(|call| call.newest().pbx_call_id.clone()).unwrap_or_default()
    }

    fn bar_listed(&self, known: &Known, number: &Number) -> Result<(), Failure> {
        if known.leads.is_listed(Channel::Voice, number) {
            return deny("dnc", "the number is on the do-not-call list");
        }
        Ok(())
    }

    /// The name of the agent's other call, which must be on hold.
    fn held_call(&self, known: &Known, with: Uuid, than: Uuid, agent: Option<&str>) -> Result<String, Failure> {
        let Some(other) = known.calls.get(&with).filter(|_| with != than) else {
            return deny("not_found", "with: there is no such other call");
        };
        let attempt = other.newest();
        if attempt.agent() != agent {
            return Err(Failure::NotYours);
        }
        if attempt.state() != Some(State::Hold) {
            let state = attempt.state().map_or("not presented yet", State::word);
            return deny("refused", format!("with: the other call must be on hold, and is {state}"));
        }
        Ok(attempt.pbx_call_id.clone())
    }

    fn set_outcome(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid, outcome: &SetOutcome, by: Option<&str>) -> Result<(), Failure> {
        let now = self.clock.now();
        let account = ledger.account.clone();
        let call = known.calls.get_mut(&id).ok_or(Failure::NoSuchCall)?;
        let state = call.newest().state();
        if !HandlingVerb::SetOutcome.fits(state) {
            return Err(Failure::Refused(crate::domain::call::Refused { wish: "set_outcome", state }));
        }
        let campaign = call.intent.as_ref().and_then(|intent| intent.lead.as_ref()).map(|lead| lead.campaign.as_str()).unwrap_or_default();
        let setup = &account.setup;
        let Some(found) = disposition::by_word(&outcome.outcome, setup.dispositions_of(campaign), &setup.dispositions) else {
            return deny("invalid", format!("outcome: there is no disposition {:?}", outcome.outcome));
        };
        let by = by.or(call.newest().agent()).map(str::to_owned);
        let chosen = Chosen {
            disposition: found.name.clone().into_owned(),
            text: found.text.clone().into_owned(),
            connects: found.connects,
            is_connect_xor_abort: found.is_connect_xor_abort,
            retry_at: outcome.retry_at,
            retry_agent: outcome.retry_mine.then(|| by.clone()).flatten(),
            by,
        };
        if call.edits.chosen.as_ref() == Some(&chosen) && outcome.notes.is_none() {
            return Ok(());
        }
        let before = Before::of(call.newest());
        call.edits.chosen = Some(chosen);
        if outcome.notes.is_some() {
            call.edits.notes.clone_from(&outcome.notes);
        }
        let facts: &[Fact] = if state == Some(State::End) { &[Fact::Updated, Fact::Result] } else { &[Fact::Updated] };
        let index = call.attempts.len() - 1;
        ledger.record(self.clock, call, index, &before, facts, Origin { source: "gateway", occurred: now, observed: now });
        if state == Some(State::End) {
            self.settle_lead(ledger, known, id);
        }
        Ok(())
    }

    pub(super) fn accept_preview(&self, ledger: &mut Ledger, known: &mut Known, call: Uuid) -> Result<WishDone, Failure> {
        let account = ledger.account.clone();
        let driven = driver(&account, Verb::Dial)?;
        let found = known.calls.get(&call).ok_or(Failure::NoSuchCall)?;
        let attempt = found.newest();
        if !attempt.is_preview() {
            return Err(Failure::Refused(crate::domain::call::Refused { wish: "accept_preview", state: attempt.state() }));
        }
        let Some(station) = attempt.agent().and_then(|login| station(&account, login)) else {
            return deny("refused", "the call has no agent");
        };
        let Some(intent) = found.intent.clone() else { return deny("refused", "nobody knows whom to call") };
        // a number may have come on the list, and a window may have closed, while the lead was on the screen
        if let Some(lead) = &intent.lead
            && let Some(reasons) = self.speaks_against(ledger, known, lead.id)
        {
            self.skip(ledger, known, call, &reasons)?;
            return deny("refused", format!("the lead must not be called any more: {}", reasons.join("; ")));
        }
        if let Some(lead) = &intent.lead {
            let attempt = self.count_dial(ledger, known, lead.id);
            self.note_dial(ledger, known, lead.id, call, &station.login, attempt);
        }
        let command = Command::Dial { number: intent.number, caller_id: intent.caller_id, station: Some(station), ring_s: intent.ring_s };
        self.order_dial(ledger, known, call, &driven, command)
    }

    /// The agent passes over what is presented.
    fn skip_preview(&self, ledger: &mut Ledger, known: &mut Known, call: Uuid, reason: Option<&str>) -> Result<(), Failure> {
        let by = known.calls.get(&call).and_then(|call| call.newest().agent()).unwrap_or_default().to_owned();
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        self.skip(ledger, known, call, &[format!("skipped by {by}{reason}")])
    }

    /// Ends a preview without a call, and says why.
    pub(super) fn skip(&self, ledger: &mut Ledger, known: &mut Known, call: Uuid, reasons: &[String]) -> Result<(), Failure> {
        let skipped = disposition::SYSTEM.iter().find(|known| known.name == "SKIP");
        if let (Some(call), Some(found)) = (known.calls.get_mut(&call), skipped)
            && call.newest().is_preview()
        {
            call.edits.chosen = Some(Chosen {
                disposition: found.name.clone().into_owned(),
                text: found.text.clone().into_owned(),
                connects: false,
                is_connect_xor_abort: found.is_connect_xor_abort,
                retry_at: None,
                retry_agent: None,
                by: None,
            });
        }
        let lead = known.calls.get(&call).and_then(|call| Some(call.intent.as_ref()?.lead.as_ref()?.id));
        if let Some(lead) = lead {
            self.note_skip(ledger, known, lead, Some(call), reasons);
        }
        self.change(ledger, known, call, |attempt, now| attempt.skip(now).map_err(Failure::Refused))
    }

    /// One step of a call that is ours to make, and all that follows from it.
    pub(super) fn change(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        id: Uuid,
        step: impl FnOnce(&mut Attempt, DateTime<Utc>) -> Result<Heard, Failure>,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let call = known.calls.get_mut(&id).ok_or(Failure::NoSuchCall)?;
        let index = call.attempts.len() - 1;
        self.step(ledger, call, index, now, |attempt| step(attempt, now))?;
        self.after(ledger, known, id);
        Ok(())
    }
}

/// The telephone system that takes this order.
pub(super) fn driver(account: &Account, verb: Verb) -> Result<Driven<'_>, Failure> {
    match account.telephone_system() {
        None => deny("not_supported", format!("{verb}: this account has no telephone system that takes commands")),
        Some(driven) if !driven.capabilities.contains(&verb) => {
            deny("not_supported", format!("{verb}: telephone system {:?} cannot do that", driven.name))
        }
        Some(driven) => Ok(driven),
    }
}

/// Where an agent is reached.
pub(super) fn station(account: &Account, login: &str) -> Option<Station> {
    let agent = account.roster.by_login(login)?;
    Some(Station { login: agent.login.clone(), extension: agent.telephone().cloned() })
}

/// What we know of a call that we start.
pub(super) fn told(direction: Direction, number: &Number, station: &Station) -> Told {
    Told {
        direction: Some((direction, Certainty::Said)),
        customer: Some(number.clone()),
        extension: station.extension.clone(),
        agent: Some(station.login.clone()),
        ..Told::default()
    }
}

fn intent(driven: &Driven<'_>, number: &Number, caller_id: Option<Number>) -> Intent {
    Intent { system: driven.name.to_owned(), number: number.clone(), caller_id, ring_s: RING_S, wrap_s: None, lead: None }
}
