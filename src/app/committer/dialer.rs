//! Applies the dialer's claims: a lead is dialed, or passed over, by what is true at the moment of the claim, and a receipt says
//! why. What a call came to is written into its lead.

use std::collections::VecDeque;

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Failure,
    apply::Desk,
    leads::{audience, lead_agent},
    ledger::{Known, Ledger, Settling},
    pace::crew,
    wishes::{driver, station, told},
};
use crate::{
    app::{
        directory::{Account, Driven},
        leads::explained,
    },
    domain::{
        call::{Certainty, Direction, Intent, LeadOfCall, State, Told},
        dialing::{Dialing, Mode, OnPreviewEnd},
        disposition::DO_NOT_CALL,
        dnc::Channel,
        lead::{Callback, Came, Explanation, Lead, Rule, Rules, SKIP},
        order::{Command, Verb},
        pacing::{Limit, Plan},
        presence::{MISSED_CALL, MISSED_PREVIEW},
        window::RuleSet,
    },
    store::receipts::Receipt,
};

/// A lead that has a call is kept out of the queue for so long; a call that lasts longer keeps it by itself.
const HELD_FOR: TimeDelta = TimeDelta::minutes(10);

/// Leads of a campaign that are to be dialed, in this order.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The campaign.
    pub campaign: String,
    /// The leads, as they were found in the queue.
    pub candidates: Vec<i64>,
}

/// What became of a launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launched {
    /// Leads that are being dialed or are presented now, with their calls.
    pub started: Vec<(i64, Uuid)>,
    /// Leads that must not be dialed now: their place in the queue is out of date.
    pub stale: Vec<i64>,
    /// Agents who could have had another lead, had there been more candidates.
    pub wanting: usize,
    /// Candidates that were not looked at.
    pub untouched: Vec<i64>,
    /// Why no more lines were opened.
    pub limit: Option<Limit>,
}

/// A campaign that dials.
struct Dialer<'a> {
    name: &'a str,
    dialing: &'a Dialing,
    account: &'a Account,
    driven: Driven<'a>,
}

impl Desk<'_> {
    /// Dials as many of the candidates as there are agents for, by the law of pacing.
    pub(super) fn launch(&self, ledger: &mut Ledger, known: &mut Known, launch: &Launch) -> Launched {
        let account = ledger.account.clone();
        let mut launched = Launched::default();
        let Some((name, campaign)) = account.setup.campaigns.entry(&launch.campaign) else { return launched };
        let Some(dialing) = campaign.dialing.as_ref().filter(|dialing| dialing.running) else { return launched };
        let Ok(driven) = driver(&account, Verb::Dial) else { return launched };
        let dialer = Dialer { name, dialing, account: &account, driven };
        let mut candidates: VecDeque<i64> = launch.candidates.iter().copied().collect();
        self.present_promised(ledger, known, &dialer, &mut candidates, &mut launched);
        if dialing.mode == Mode::Preview {
            let free = free_agents(known, &dialer);
            for (index, agent) in free.iter().enumerate() {
                if self.is_needed(ledger, known, agent) {
                    continue;
                }
                let Some((lead, explanation)) = self.next(ledger, known, &dialer, &mut candidates, &mut launched) else {
                    launched.wanting = free.len() - index;
                    break;
                };
                let call = self.present(ledger, known, &dialer, &lead, &explanation, agent);
                launched.started.push((lead.id, call));
            }
        } else if let Some(floor) = &mut known.floor {
            let plan = self.plan(&account, floor, name, dialing);
            launched.limit = Some(plan.limit);
            for opened in 0..plan.open {
                let Some((lead, explanation)) = self.next(ledger, known, &dialer, &mut candidates, &mut launched) else {
                    launched.wanting = usize::try_from(plan.open - opened).unwrap_or_default();
                    break;
                };
                let call = self.dial_ahead(ledger, known, &dialer, &lead, &explanation, &plan);
                launched.started.push((lead.id, call));
            }
        }
        launched.untouched = candidates.into();
        if !launched.stale.is_empty() {
            self.retime(ledger, known, &launched.stale, None);
        }
        launched
    }

    /// The next candidate that may be dialed now. One that may not is passed over, which is noted where a client waits for it.
    fn next(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        dialer: &Dialer<'_>,
        candidates: &mut VecDeque<i64>,
        launched: &mut Launched,
    ) -> Option<(Lead, Explanation)> {
        while let Some(id) = candidates.pop_front() {
            if let Some(judged) = self.judge_candidate(ledger, known, dialer, id, launched) {
                return Some(judged);
            }
        }
        None
    }

    fn judge_candidate(
        &self,
        ledger: &mut Ledger,
        known: &Known,
        dialer: &Dialer<'_>,
        id: i64,
        launched: &mut Launched,
    ) -> Option<(Lead, Explanation)> {
        let lead = known.leads.leads.get(&id)?;
        if lead.campaign != dialer.name || known.floor.as_ref().is_none_or(|floor| floor.is_called(id)) {
            return None;
        }
        let explanation = self.explain(dialer.account, known, lead);
        if explanation.dial {
            return Some((lead.clone(), explanation));
        }
        launched.stale.push(id);
        let reasons: Vec<String> = explanation.reasons.iter().map(|reason| reason.message.clone()).collect();
        // one that only waits for its next turn had this one since the desk looked: nobody passed it over
        let had_its_turn = explanation.reasons.iter().all(|reason| reason.rule == Rule::Retry);
        if !had_its_turn && (lead.hot || lead.callback.is_some()) {
            self.receipt(
                ledger,
                lead,
                "skipped",
                None,
                &json!({"campaign": dialer.name, "reasons": explanation.reasons, "texts": reasons}),
            );
        }
        None
    }

    fn explain(&self, account: &Account, known: &Known, lead: &Lead) -> Explanation {
        explained(account, lead, known.leads.is_listed(Channel::Voice, &lead.phone), self.clock.now())
    }

    /// Calls that an agent promised himself are presented to him and to nobody else.
    fn present_promised(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        dialer: &Dialer<'_>,
        candidates: &mut VecDeque<i64>,
        launched: &mut Launched,
    ) {
        let own = |known: &Known, id: i64| known.leads.leads.get(&id)?.callback.as_ref()?.agent.clone();
        let (promised, others): (Vec<i64>, Vec<i64>) = candidates.iter().partition(|id| own(known, **id).is_some());
        *candidates = others.into();
        for id in promised {
            let Some(agent) = own(known, id) else { continue };
            let free = known.floor.as_ref().is_some_and(|floor| floor.free_since(&agent).is_some());
            if !free || self.is_needed(ledger, known, &agent) {
                continue;
            }
            if let Some((lead, explanation)) = self.judge_candidate(ledger, known, dialer, id, launched) {
                let call = self.present(ledger, known, dialer, &lead, &explanation, &agent);
                launched.started.push((id, call));
            }
        }
    }

    /// Shows a lead to an agent, who dials it or passes it over.
    fn present(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        dialer: &Dialer<'_>,
        lead: &Lead,
        explanation: &Explanation,
        agent: &str,
    ) -> Uuid {
        let told = match station(dialer.account, agent) {
            Some(station) => told(Direction::CcOutbound, &lead.phone, &station),
            None => without_agent(lead),
        };
        let told = with_lead(told, lead);
        let call = self.open(ledger, known, &dialer.driven, intent(dialer, lead, false), &told);
        let until = TimeDelta::seconds(dialer.dialing.preview_s);
        let _ = self.change(ledger, known, call, |attempt, now| Ok(attempt.present(now, now + until)));
        self.claimed(ledger, known, dialer, lead, explanation, call, Some(agent), None);
        call
    }

    /// Dials a lead for whoever is free when somebody answers.
    fn dial_ahead(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        dialer: &Dialer<'_>,
        lead: &Lead,
        explanation: &Explanation,
        plan: &Plan,
    ) -> Uuid {
        let intent = intent(dialer, lead, true);
        let command =
            Command::Dial { number: intent.number.clone(), caller_id: intent.caller_id.clone(), station: None, ring_s: intent.ring_s };
        let call = self.open(ledger, known, &dialer.driven, intent, &with_lead(without_agent(lead), lead));
        if let Some(attempt) = known.calls.get_mut(&call).and_then(|call| call.attempts.last_mut()) {
            attempt.handling.is_ahead = true;
        }
        let _ = self.order_dial(ledger, known, call, &dialer.driven, command);
        self.claimed(ledger, known, dialer, lead, explanation, call, None, Some(plan));
        call
    }

    /// Writes the claim into the lead, and why it was made.
    #[expect(clippy::too_many_arguments, reason = "all that a receipt tells")]
    fn claimed(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        dialer: &Dialer<'_>,
        lead: &Lead,
        explanation: &Explanation,
        call: Uuid,
        agent: Option<&str>,
        plan: Option<&Plan>,
    ) {
        self.keep_from_others(ledger, known, lead.id);
        // what is only looked at is not dialed yet
        let attempt = if plan.is_some() { self.count_dial(ledger, known, lead.id) } else { lead.attempts + 1 };
        let body = json!({
            "campaign": dialer.name, "mode": dialer.dialing.mode, "call": call, "agent": agent, "attempt": attempt,
            "rules": rules_of(lead), "overridden": explanation.overridden, "pacing": plan,
        });
        self.receipt(ledger, lead, if plan.is_some() { "dialed" } else { "presented" }, Some(call), &body);
    }

    /// A lead has a call now: the queue is not to show it meanwhile. What becomes of the call says when it comes again.
    fn keep_from_others(&self, ledger: &mut Ledger, known: &mut Known, lead: i64) {
        let Some(mut held) = known.leads.leads.get(&lead).cloned() else { return };
        held.retry_at = Some(self.clock.now() + HELD_FOR);
        ledger.leads.written.entry(lead).or_insert(Some(held.custom.clone()));
        known.leads.keep(held, ledger.batch);
    }

    /// A lead is being dialed: that counts, whatever comes of it. Answers how often it was dialed today.
    pub(super) fn count_dial(&self, ledger: &mut Ledger, known: &mut Known, lead: i64) -> i64 {
        let Some(mut dialed) = known.leads.leads.get(&lead).cloned() else { return 0 };
        let before = dialed.custom.clone();
        let account = ledger.account.clone();
        let rules = Rules::of(&account.setup, &dialed);
        dialed.dial(&rules, self.clock.now());
        let count = dialed.attempts;
        ledger.leads.written.entry(lead).or_insert(Some(before));
        known.leads.keep(dialed, ledger.batch);
        count
    }

    /// Keeps why a lead was dialed or passed over, and tells it.
    fn receipt(&self, ledger: &mut Ledger, lead: &Lead, kind: &'static str, call: Option<Uuid>, body: &Value) {
        let at = self.clock.now();
        let mut data = body.clone();
        if let Some(object) = data.as_object_mut() {
            object.insert("lead".to_owned(), json!(lead.id));
            object.insert("call".to_owned(), json!(call));
        }
        let event = match kind {
            "dialed" => "lead.dialed",
            "presented" => "lead.presented",
            _ => "lead.skipped",
        };
        self.tell(ledger, event, &audience([lead_agent(lead)]), lead_agent(lead), "dialer", &data);
        ledger.receipts.push(Receipt { lead: lead.id, id: self.clock.id(), kind, body: body.to_string(), at });
    }

    /// Notes that a lead was dialed that an agent had looked at.
    pub(super) fn note_dial(&self, ledger: &mut Ledger, known: &Known, lead: i64, call: Uuid, agent: &str, attempt: i64) {
        if let Some(lead) = known.leads.leads.get(&lead) {
            let rules = rules_of(lead);
            let body = json!({"campaign": lead.campaign, "call": call, "agent": agent, "attempt": attempt, "rules": rules});
            self.receipt(ledger, lead, "dialed", Some(call), &body);
        }
    }

    /// Notes that a lead was passed over.
    pub(super) fn note_skip(&self, ledger: &mut Ledger, known: &Known, lead: i64, call: Option<Uuid>, reasons: &[String]) {
        if let Some(lead) = known.leads.leads.get(&lead) {
            self.receipt(ledger, lead, "skipped", call, &json!({"campaign": lead.campaign, "texts": reasons}));
        }
    }

    /// What speaks against dialing a lead now that was claimed before; `None` when nothing does.
    pub(super) fn speaks_against(&self, ledger: &Ledger, known: &Known, lead: i64) -> Option<Vec<String>> {
        let mut lead = known.leads.leads.get(&lead)?.clone();
        lead.retry_at = None; // it is kept from others, not from this call
        let explanation = self.explain(&ledger.account, known, &lead);
        (!explanation.dial).then(|| explanation.reasons.into_iter().map(|reason| reason.message).collect())
    }

    /// A preview ran out.
    pub(super) fn preview_ended(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid) -> Result<(), Failure> {
        let Some(call) = known.calls.get(&id) else { return Err(Failure::NoSuchCall) };
        let agent = call.newest().agent().map(str::to_owned);
        let rule = call.intent.as_ref().and_then(|intent| intent.lead.as_ref()).map_or(OnPreviewEnd::Skip, |lead| lead.on_preview_end);
        match rule {
            OnPreviewEnd::Dial => {
                if self.accept_preview(ledger, known, id).is_err() && known.calls.get(&id).is_some_and(|call| call.newest().is_preview()) {
                    self.skip(ledger, known, id, &["the preview ran out, and the telephone system takes no calls".to_owned()])?;
                }
            }
            OnPreviewEnd::Skip => self.skip(ledger, known, id, &["the preview ran out".to_owned()])?,
            OnPreviewEnd::NotReady => {
                if let Some(agent) = &agent {
                    self.missed(ledger, known, agent, MISSED_PREVIEW);
                }
                self.skip(ledger, known, id, &["the preview ran out: nobody was there".to_owned()])?;
            }
        }
        Ok(())
    }

    /// All that follows from a step of a call.
    pub(super) fn after(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid) {
        self.follow(ledger, known, id);
        let Some(call) = known.calls.get(&id) else { return };
        let is_lead = call.intent.as_ref().is_some_and(|intent| intent.lead.is_some());
        if is_lead {
            self.count(ledger, known, id);
            if known.calls.get(&id).is_some_and(|call| call.newest().state() == Some(State::End)) {
                self.settle_lead(ledger, known, id);
            }
        }
        self.settle_floor(ledger, known);
    }

    /// Gives work to whoever is free, and lets go whom nothing needs.
    ///
    /// What is given to one may change what is right for another, so this goes round until nothing moves. The steps made meanwhile
    /// ask for this too; they are told that it is under way, for it must not begin in its own midst.
    pub(super) fn settle_floor(&self, ledger: &mut Ledger, known: &mut Known) {
        if known.settling != Settling::Idle {
            known.settling = Settling::Again;
            return;
        }
        loop {
            known.settling = Settling::Busy;
            self.connect_waiting(ledger, known);
            self.offer_waiting(ledger, known);
            self.rebalance(ledger, known);
            if known.settling == Settling::Busy {
                break;
            }
        }
        known.settling = Settling::Idle;
    }

    /// Writes what a call came to into its lead; once for each outcome.
    pub(super) fn settle_lead(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid) {
        let now = self.clock.now();
        let account = ledger.account.clone();
        let Some(call) = known.calls.get_mut(&id) else { return };
        let (Some(disposition), Some(of)) =
            (call.disposition().map(str::to_owned), call.intent.as_ref().and_then(|intent| intent.lead.clone()))
        else {
            return;
        };
        let (chosen, notes) = (call.edits.chosen.clone(), call.edits.notes.clone());
        let Some(attempt) = call.attempts.last_mut() else { return };
        let outcome = Some((disposition.clone(), chosen.as_ref().and_then(|chosen| chosen.retry_at)));
        if attempt.handling.settled == outcome {
            return;
        }
        attempt.handling.settled = outcome;
        ledger.touch(id);
        let Some(mut lead) = known.leads.leads.get(&of.id).cloned() else { return };
        let before = lead.custom.clone();
        if lead.call_status.as_deref() == Some(DO_NOT_CALL) {
            // its number was listed meanwhile: whatever came of the call, nobody is to call again
            return;
        }
        if disposition == SKIP {
            lead.skipped(&account.setup, now);
        } else {
            let promise = chosen
                .as_ref()
                .and_then(|chosen| Some(Callback { agent: chosen.retry_agent.clone(), at: chosen.retry_at?, notes: notes.clone() }));
            lead.came_out(&account.setup, Came { outcome: &disposition, callback: promise }, now);
        }
        ledger.leads.written.entry(lead.id).or_insert(Some(before));
        let data = json!({"lead": lead, "changed": ["callStatus"], "call": id});
        self.tell(ledger, "lead.updated", &audience([lead_agent(&lead)]), lead_agent(&lead), "dialer", &data);
        known.leads.keep(lead, ledger.batch);
    }

    /// An agent let a caller ring who was offered to him.
    pub(super) fn offer_lapsed(&self, ledger: &mut Ledger, known: &mut Known, agent: &str) {
        self.missed(ledger, known, agent, MISSED_CALL);
    }
}

/// The rules of calling windows that a lead was judged by.
fn rules_of(lead: &Lead) -> String {
    let rules = RuleSet::of_number(&lead.phone);
    format!("{} {}", rules.jurisdiction, rules.version)
}

/// The free agents of the campaign, who waits the longest first.
fn free_agents(known: &Known, dialer: &Dialer<'_>) -> Vec<String> {
    let Some(floor) = &known.floor else { return vec![] };
    let free = crew(dialer.account, dialer.dialing).into_iter().filter_map(|login| Some((floor.free_since(login)?, login)));
    let mut free: Vec<_> = free.collect();
    free.sort_unstable();
    free.into_iter().map(|(_, login)| login.to_owned()).collect()
}

fn intent(dialer: &Dialer<'_>, lead: &Lead, is_ahead: bool) -> Intent {
    let Dialing { ring_s, wrap_s, caller_id, on_preview_end, .. } = dialer.dialing;
    Intent {
        system: dialer.driven.name.to_owned(),
        number: lead.phone.clone(),
        caller_id: caller_id.clone(),
        ring_s: *ring_s,
        wrap_s: Some(*wrap_s),
        lead: Some(LeadOfCall {
            id: lead.id,
            campaign: dialer.name.to_owned(),
            is_callback: lead.callback.is_some(),
            on_preview_end: *on_preview_end,
            is_ahead,
        }),
    }
}

fn without_agent(lead: &Lead) -> Told {
    Told { direction: Some((Direction::CcOutbound, Certainty::Said)), customer: Some(lead.phone.clone()), ..Told::default() }
}

fn with_lead(told: Told, lead: &Lead) -> Told {
    let names = [lead.first_name.as_deref(), lead.last_name.as_deref()];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Told { subject: Some(lead.campaign.clone()), caller_name: Some(name).filter(|name| !name.is_empty()), ..told }
}
