//! Applies work to calls by the call law. Pure but for identifiers: all that is read was loaded before, all that is
//! written goes into the ledger.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    Done, EditPatch, Failure, MessageDone, MessageOrder, NewsItem, Once, Origin, Settings, Told, WishDone, WishWork, Work,
    ledger::{Before, Known, Ledger},
};
use crate::{
    app::{clock::Clock, failpoint},
    domain::call::{Call, Fact, Heard, Intent, NewsKind, Terms},
    store::journal::Remembered,
};

/// What applying needs beside the ledger.
pub(super) struct Desk<'a> {
    pub(super) clock: &'a Clock,
    pub(super) settings: &'a Settings,
}

impl Desk<'_> {
    /// Does one piece of work.
    pub(super) fn apply(&self, ledger: &mut Ledger, known: &mut Known, work: &Work) -> Result<Done, Failure> {
        failpoint::may_panic("law");
        match work {
            Work::News { items, once } => {
                self.once(ledger, known, once.as_ref(), |ledger, known| self.hear_all(ledger, known, items)).map(Done::News)
            }
            Work::Leads(work) => {
                self.once(ledger, known, work.once.as_ref(), |ledger, known| self.apply_leads(ledger, known, work)).map(Done::Leads)
            }
            Work::Message { order, once } => self.message_once(ledger, known, order, once.as_ref()).map(Done::Message),
            Work::Dnc(orders) => Ok(Done::Dnc(self.apply_dnc(ledger, known, orders))),
            Work::Retime { leads, rule } => Ok(Done::Retimed(self.retime(ledger, known, leads, *rule))),
            Work::Expire(calls) => Ok(Done::Expired(calls.iter().filter(|&&call| self.expire(ledger, known, call)).count())),
            Work::EndWrap(call, agent) => self.end_wrap(ledger, known, *call, agent.as_deref()),
            Work::Presence(login, ask) => self.ask(ledger, known, login, ask),
            Work::Seen(softphones, until) => {
                self.seen(ledger, known, softphones, *until);
                Ok(Done::Granted)
            }
            Work::ExpireAgents(logins) => Ok(Done::Expired(self.expire_agents(ledger, known, logins))),
            Work::Wish(work) => self.wish_once(ledger, known, work).map(Done::Wished),
            Work::Route(work) => self.route(ledger, known, work),
            Work::Launch(launch) => Ok(Done::Launched(self.launch(ledger, known, launch))),
            Work::Edit(call, patch) => self.edit(ledger, known, *call, patch),
            Work::Order(work) => Ok(self.give_order(ledger, known, work)),
            Work::OrderFailed(work, refusal) => Ok(self.order_failed(ledger, known, work, refusal)),
            Work::System(work) => Ok(self.tell_system(ledger, work)),
        }
    }

    /// The terms for a call of this agent, started for this.
    pub(super) fn terms(&self, known: &Known, agent: Option<&str>, intent: Option<&Intent>) -> Terms {
        let signed_in = agent.is_some_and(|login| known.floor.as_ref().is_some_and(|floor| floor.is_signed_in(login)));
        let of_campaign = intent.and_then(|intent| intent.wrap_s).map(TimeDelta::seconds);
        Terms {
            wrap_up: if signed_in { of_campaign.unwrap_or(self.settings.wrap_up) } else { TimeDelta::zero() },
            ringing: self.settings.ringing,
            talk: self.settings.talk,
        }
    }

    fn hear_all(&self, ledger: &mut Ledger, known: &mut Known, items: &[NewsItem]) -> Vec<Told> {
        items.iter().map(|item| self.hear(ledger, known, item)).collect()
    }

    /// The same request is done once. The answer of an earlier one was looked up.
    fn once<T: Serialize + DeserializeOwned>(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        once: Option<&Once>,
        work: impl FnOnce(&mut Ledger, &mut Known) -> T,
    ) -> Result<T, Failure> {
        let Some(once) = once else { return Ok(work(ledger, known)) };
        if let Some(before) = answered(known, once)? {
            return Ok(before);
        }
        let told = work(ledger, known);
        remember(ledger, known, once, &told)?;
        Ok(told)
    }

    /// The same wish is granted once. A denial stores nothing, not even that it was one.
    fn wish_once(&self, ledger: &mut Ledger, known: &mut Known, work: &WishWork) -> Result<WishDone, Failure> {
        if let Some(before) = work.once.as_ref().map(|once| answered(known, once)).transpose()?.flatten() {
            return Ok(before);
        }
        let done = self.grant(ledger, known, work)?;
        if let Some(once) = &work.once {
            remember(ledger, known, once, &done)?;
        }
        Ok(done)
    }

    /// The same draft is taken once. A refusal stores nothing, not even that it was one.
    fn message_once(
        &self,
        ledger: &mut Ledger,
        known: &mut Known,
        order: &MessageOrder,
        once: Option<&Once>,
    ) -> Result<MessageDone, Failure> {
        if let Some(before) = once.map(|once| answered(known, once)).transpose()?.flatten() {
            return Ok(MessageDone::Queued(before));
        }
        let done = self.apply_message(ledger, known, order);
        if let (Some(once), MessageDone::Queued(message)) = (once, &done) {
            remember(ledger, known, once, message)?;
        }
        Ok(done)
    }

    pub(super) fn hear(&self, ledger: &mut Ledger, known: &mut Known, item: &NewsItem) -> Told {
        let (id, number) = self.line(ledger, known, item);
        let unknown = Told { call: id, attempt: number, state: None, changed: false };
        let Some(call) = known.calls.get(&id) else { return unknown };
        let index = call.attempts.iter().position(|attempt| attempt.number == number).unwrap_or_default();
        let before = Before::of(&call.attempts[index]);
        let attempt = &call.attempts[index];
        let intent = call.intent.clone();
        // whose wrap-up it is may only be known by this very news
        let agent = item.news.told.agent.as_deref().or(attempt.agent());
        let wraps = matches!(item.news.kind, NewsKind::Ended(_) | NewsKind::Connected);
        let agent = if wraps { agent } else { attempt.agent() }.map(str::to_owned);
        let terms = self.terms(known, agent.as_deref(), intent.as_ref());
        let Some(call) = known.calls.get_mut(&id) else { return unknown };
        let attempt = &mut call.attempts[index];
        let heard = attempt.hear(&item.news, &terms);
        let had_party = call.party.is_some();
        if !had_party && !ledger.owners.is_empty() {
            let customer = call.attempts[index].line.customer();
            call.party = customer.and_then(|number| ledger.owners.get(number)).cloned();
        }
        // a party that a copy finds is stored too: what is known of a call must be what the book holds
        if heard.store || call.party.is_some() != had_party {
            let origin = Origin { source: item.source, occurred: item.news.occurred_at, observed: item.news.observed_at };
            ledger.record(self.clock, call, index, &before, &heard.facts, origin);
        }
        let told = Told { call: id, attempt: number, state: call.attempts[index].state(), changed: !heard.facts.is_empty() };
        if heard.store {
            self.after(ledger, known, id);
        }
        told
    }

    /// The call and attempt that news is about; opens a new one when the law says so.
    fn line(&self, ledger: &mut Ledger, known: &mut Known, item: &NewsItem) -> (Uuid, i64) {
        let key = item.pbx_key(ledger.account.id);
        let line = known.lines.get(&key).copied().or_else(|| self.meet(ledger, known, item, &key));
        let attempt = line.and_then(|(id, number)| known.calls.get(&id)?.attempts.iter().find(|attempt| attempt.number == number));
        if let (Some(line), false) = (line, Call::starts_anew(attempt, &item.news, self.settings.reuse_window)) {
            return line;
        }
        let call = Call::open(self.clock.id(), item.gateway, item.pbx_call_id.clone(), item.news.observed_at);
        let line = (call.id, 1);
        let meant = known.lines.insert(key.clone(), line);
        ledger.open_line(key, line, meant.is_none());
        known.calls.insert(call.id, call);
        if let Some(ordered) = item.ordered_key(ledger.account.id) {
            // nobody opened the call when it was ordered
            let meant = known.lines.insert(ordered.clone(), line);
            ledger.alias_line(ordered, line, meant.is_none());
        }
        line
    }

    fn expire(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid) -> bool {
        let now = self.clock.now();
        let Some(call) = known.calls.get(&id) else { return false };
        let attempt = call.newest();
        let terms = self.terms(known, attempt.agent(), call.intent.as_ref());
        if attempt.deadline(&terms).is_none_or(|deadline| deadline > now) {
            return false;
        }
        if attempt.is_preview() {
            return self.preview_ended(ledger, known, id).is_ok();
        }
        let lapsed = attempt.is_offered().then(|| attempt.agent().map(str::to_owned)).flatten();
        if attempt.waits_for_agent() && attempt.handling.abandoned {
            self.give_up(ledger, known, id);
        }
        if let Some(agent) = lapsed {
            self.offer_lapsed(ledger, known, &agent);
        }
        self.change(ledger, known, id, |attempt, now| Ok(attempt.expire(now, &terms))).is_ok()
    }

    fn end_wrap(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid, agent: Option<&str>) -> Result<Done, Failure> {
        let call = known.calls.get(&id).ok_or(Failure::NoSuchCall)?;
        if agent.is_some() && agent != call.newest().agent() {
            return Err(Failure::NotYours);
        }
        self.change(ledger, known, id, |attempt, now| attempt.end_wrap(now).map_err(Failure::Refused))?;
        Ok(Done::Granted)
    }

    pub(super) fn step(
        &self,
        ledger: &mut Ledger,
        call: &mut Call,
        index: usize,
        now: DateTime<Utc>,
        step: impl FnOnce(&mut crate::domain::call::Attempt) -> Result<Heard, Failure>,
    ) -> Result<usize, Failure> {
        let before = Before::of(&call.attempts[index]);
        let heard = step(&mut call.attempts[index])?;
        if heard.store {
            ledger.record(self.clock, call, index, &before, &heard.facts, Origin { source: "gateway", occurred: now, observed: now });
        }
        Ok(heard.facts.len())
    }

    fn edit(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid, patch: &EditPatch) -> Result<Done, Failure> {
        let now = self.clock.now();
        let call = known.calls.get_mut(&id).ok_or(Failure::NoSuchCall)?;
        let old = call.edits.clone();
        let before = Before::of(call.newest());
        for (field, value) in [
            (&mut call.edits.phone_call_id, &patch.phone_call_id),
            (&mut call.edits.subject, &patch.subject),
            (&mut call.edits.to, &patch.to),
            (&mut call.edits.computed_outcome, &patch.computed_outcome),
        ] {
            if value.is_some() {
                field.clone_from(value);
            }
        }
        if call.edits != old {
            let index = call.attempts.len() - 1;
            let over = call.attempts[index].handling.finished_at.is_some();
            let facts = if over && call.edits.computed_outcome != old.computed_outcome {
                &[Fact::Updated, Fact::Result][..]
            } else {
                &[Fact::Updated]
            };
            ledger.record(self.clock, call, index, &before, facts, Origin { source: "api", occurred: now, observed: now });
        }
        Ok(Done::Granted)
    }
}

/// What the same request was answered before, which was looked up.
fn answered<T: DeserializeOwned>(known: &Known, once: &Once) -> Result<Option<T>, Failure> {
    match known.answers.get(&once.key) {
        None => Ok(None),
        Some((_, before)) if before.content != once.content => Err(Failure::KeyReused),
        Some((_, before)) => serde_json::from_str(&before.answer).map(Some).map_err(unreadable),
    }
}

/// Keeps what a request is answered.
fn remember(ledger: &mut Ledger, known: &mut Known, once: &Once, told: &impl Serialize) -> Result<(), Failure> {
    let answer = Remembered { content: once.content.clone(), answer: serde_json::to_string(told).map_err(unreadable)? };
    known.answers.insert(once.key.clone(), (ledger.batch, answer.clone()));
    ledger.remember(once.key.clone(), answer);
    Ok(())
}

fn unreadable(error: serde_json::Error) -> Failure {
    Failure::Store(Arc::new(sqlx::Error::Decode(error.into())))
}
