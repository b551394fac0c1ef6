//! Applies work to leads and to the do-not-call list by the law of leads.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    Once, Origin,
    apply::Desk,
    ledger::{Known, Ledger, Subject},
};
use crate::{
    app::directory::Account,
    domain::{
        disposition,
        dnc::Channel,
        event::Audience,
        lead::{
            Applied, Asked, Callback, Dial, Field, Found, Lead, LeadPatch, Nearest, NoDial, Override, Rule, Source, Verdict, Warning,
            decide,
        },
        phone::Number,
        window::{self, RuleSet},
        zone::{Place, Zones},
    },
};

/// Leads to bring in or to change, each for itself, in order.
#[derive(Clone, Debug, Default)]
pub struct LeadWork {
    /// What is to be done.
    pub orders: Vec<LeadOrder>,
    /// When given, the same request is done once and answered the same again.
    pub once: Option<Once>,
    /// Whether the answer shows each lead as it is then.
    pub show: bool,
    /// What the door wants to find beside the answer, the same when that is given again.
    pub beside: Value,
}

/// What is to be done with one lead.
#[derive(Clone, Debug)]
pub enum LeadOrder {
    /// Add it, if the decision table lets it in.
    Inject(Box<Intake>),
    /// Change the newest lead of this key.
    Edit(LeadKey, Box<LeadEdit>),
    /// Change the newest lead of this key, or add one when there is none.
    Upsert(LeadKey, Box<Intake>),
}

/// What changes of a lead; what is `None` stays.
#[derive(Clone, Debug)]
pub struct LeadEdit {
    /// What clients write into it.
    pub patch: LeadPatch,
    /// A promised call. A lead that has one is not hot.
    pub callback: Option<Option<Callback>>,
    /// Not dialed from then on.
    pub expires_at: Option<Option<DateTime<Utc>>>,
    /// Kept, and never dialed.
    pub import_only: Option<bool>,
    /// The way the change comes.
    pub source: Source,
}

impl LeadEdit {
    /// What a client writes, and a call that it promises with it.
    pub fn by(source: Source, patch: LeadPatch, callback: Option<Callback>) -> Self {
        Self { patch, callback: callback.map(Some), expires_at: None, import_only: None, source }
    }
}

/// A lead that comes in.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Its values; the campaign is spelt as the account has it.
    pub patch: LeadPatch,
    /// What the client asks for.
    pub asked: Asked,
    /// A promised call.
    pub callback: Option<Callback>,
    /// Not dialed from then on.
    pub expires_at: Option<DateTime<Utc>>,
    /// The way it comes.
    pub source: Source,
}

/// What a lead is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadKey {
    /// Ours.
    Id(i64),
    /// The client's own.
    ClientId(String),
    /// Its number.
    Phone(Number),
}

/// What is to be done with a number of the do-not-call list.
#[derive(Clone, Debug)]
pub struct DncOrder {
    /// Calls or messages.
    pub channel: Channel,
    /// The number.
    pub number: Number,
    /// Put it there, or take it away.
    pub listed: bool,
    /// Who says so.
    pub source: &'static str,
}

/// What became of one lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum LeadDone {
    /// It was added.
    Created {
        /// Its id.
        id: i64,
        /// Whether it is dialed.
        dial: DialWord,
        /// Rules that a granted override set aside.
        overrides: Vec<Override>,
    },
    /// There is one already, and it was not stored.
    Duplicate {
        /// The newest one that counts.
        id: i64,
    },
    /// It was changed, if there was anything to change.
    Updated {
        /// Its id.
        id: i64,
        /// The native keys of what changed.
        changed: Vec<String>,
        /// Custom fields that a lenient client gave and for which there is no room.
        #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "leftOut")]
        left_out: Vec<String>,
    },
    /// It was not changed: there is no room for these custom fields.
    NoRoom {
        /// Their names.
        fields: Vec<String>,
    },
    /// There is none.
    NotFound,
}

/// What became of one lead, and the lead as it was then when the door wants to show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadTold {
    /// What became of it.
    #[serde(flatten)]
    pub done: LeadDone,
    /// Absent when it is not to be shown, and when nothing was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Box<Lead>>,
}

/// What became of a piece of work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadsTold {
    /// One per order.
    pub told: Vec<LeadTold>,
    /// What the door gave the first time.
    pub beside: Value,
}

/// Whether a stored lead is dialed, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the law's Dial and NoDial say what they mean")]
pub enum DialWord {
    Now,
    WhenWindowOpens,
    ImportOnly,
    Dnc,
    NotCallable,
}

impl From<Dial> for DialWord {
    fn from(dial: Dial) -> Self {
        match dial {
            Dial::Now => Self::Now,
            Dial::WhenWindowOpens => Self::WhenWindowOpens,
            Dial::No(NoDial::ImportOnly) => Self::ImportOnly,
            Dial::No(NoDial::Dnc) => Self::Dnc,
            Dial::No(NoDial::NotCallable) => Self::NotCallable,
        }
    }
}

impl Desk<'_> {
    /// Does what is to be done with each lead, in order.
    pub(super) fn apply_leads(&self, ledger: &mut Ledger, known: &mut Known, work: &LeadWork) -> LeadsTold {
        let mut told = Vec::with_capacity(work.orders.len());
        for order in &work.orders {
            let done = self.apply_lead(ledger, known, order);
            let shown = match &done {
                LeadDone::Created { id, .. } | LeadDone::Updated { id, .. } if work.show => known.leads.leads.get(id),
                _ => None,
            };
            told.push(LeadTold { lead: shown.cloned().map(Box::new), done });
        }
        if let Some((first, last, count)) = ledger.leads.imported.take() {
            let data = json!({"first": first, "last": last, "count": count});
            self.tell(ledger, "lead.imported", &Audience::Agents(vec![]), None, "import", &data);
        }
        LeadsTold { told, beside: work.beside.clone() }
    }

    fn apply_lead(&self, ledger: &mut Ledger, known: &mut Known, order: &LeadOrder) -> LeadDone {
        match order {
            LeadOrder::Inject(intake) => self.inject(ledger, known, intake),
            LeadOrder::Edit(key, edit) => self.edit_lead(ledger, known, key, edit),
            LeadOrder::Upsert(key, intake) if known.leads.newest(key).is_some() => {
                let Intake { patch, callback, expires_at, source, .. } = intake.as_ref().clone();
                let (callback, expires_at) = (callback.map(Some), expires_at.map(Some));
                self.edit_lead(ledger, known, key, &LeadEdit { patch, callback, expires_at, import_only: None, source })
            }
            LeadOrder::Upsert(_, intake) => self.inject(ledger, known, intake),
        }
    }

    fn inject(&self, ledger: &mut Ledger, known: &mut Known, intake: &Intake) -> LeadDone {
        let now = self.clock.now();
        // an intake without a number or a campaign is refused at the door
        let Ok(mut lead) = intake.patch.new_lead(known.leads.last_id + 1, intake.source, now) else { return LeadDone::NotFound };
        let on_dnc = known.leads.dnc.get(&(Channel::Voice, lead.phone.clone())) == Some(&true);
        let others = known.leads.of_phone(&lead.phone);
        match judge(&ledger.account, &intake.asked, &lead, others, on_dnc, now) {
            (Verdict::Rejected { .. }, counted) => LeadDone::Duplicate { id: counted.unwrap_or_default() },
            (Verdict::Stored { dial, used, warnings }, _) => {
                intake.settle(&mut lead, dial, now);
                known.leads.last_id = lead.id;
                let (id, dial) = (lead.id, DialWord::from(dial));
                ledger.leads.written.insert(id, None);
                if intake.source == Source::Import {
                    let (_, last, count) = ledger.leads.imported.get_or_insert((id, id, 0));
                    (*last, *count) = (id, *count + 1);
                } else {
                    let denied: Vec<Override> = warnings.into_iter().map(|Warning::NotGranted(which)| which).collect();
                    let data = json!({"lead": lead, "dial": dial, "overrides": used, "deniedOverrides": denied});
                    self.tell(ledger, "lead.created", &audience([lead_agent(&lead)]), lead_agent(&lead), intake.source.word(), &data);
                }
                known.leads.keep(lead, ledger.batch);
                LeadDone::Created { id, dial, overrides: used }
            }
        }
    }

    fn edit_lead(&self, ledger: &mut Ledger, known: &mut Known, key: &LeadKey, edit: &LeadEdit) -> LeadDone {
        let now = self.clock.now();
        let Some(before) = known.leads.newest(key) else { return LeadDone::NotFound };
        let mut lead = before.clone();
        let id = lead.id;
        let (changed, left_out) = edit.apply(&mut lead, &ledger.account, now);
        if !left_out.is_empty() && !edit.source.is_lenient() {
            return LeadDone::NoRoom { fields: left_out };
        }
        if !changed.is_empty() {
            let audience = audience([lead_agent(before), lead_agent(&lead)]);
            ledger.leads.written.entry(lead.id).or_insert(Some(before.custom.clone()));
            let data = json!({"lead": lead, "changed": changed});
            self.tell(ledger, "lead.updated", &audience, lead_agent(&lead), edit.source.word(), &data);
            known.leads.keep(lead, ledger.batch);
        }
        LeadDone::Updated { id, changed: changed.into_iter().map(str::to_owned).collect(), left_out }
    }

    /// Puts numbers on the list or takes them away; answers for each whether that changed anything. A number that comes on
    /// the list for calls scrubs its leads; taking it away restores none.
    pub(super) fn apply_dnc(&self, ledger: &mut Ledger, known: &mut Known, orders: &[DncOrder]) -> Vec<bool> {
        orders.iter().map(|order| self.list(ledger, known, order)).collect()
    }

    fn list(&self, ledger: &mut Ledger, known: &mut Known, order: &DncOrder) -> bool {
        let DncOrder { channel, number, listed, source } = order;
        let key = (*channel, number.clone());
        let was = known.leads.dnc.get(&key) == Some(&true);
        let scrubbed = if *listed && *channel == Channel::Voice { self.scrub(ledger, known, number) } else { 0 };
        if was != *listed {
            ledger.leads.dnc.entry(key.clone()).or_insert((false, source, was)).0 = *listed;
            known.leads.dnc.put(key, *listed, ledger.batch);
        }
        if was != *listed || scrubbed > 0 {
            let kind = if *listed { "dnc.added" } else { "dnc.removed" };
            let data = json!({"channel": channel.word(), "number": number, "scrubbedLeads": scrubbed});
            self.tell(ledger, kind, &Audience::Agents(vec![]), None, source, &data);
        }
        was != *listed
    }

    /// Leads of the number that are not marked yet; answers how many.
    fn scrub(&self, ledger: &mut Ledger, known: &mut Known, number: &Number) -> usize {
        let now = self.clock.now();
        let marked = |lead: &&Lead| lead.call_status.as_deref() != Some(disposition::DO_NOT_CALL) || lead.hot || lead.dial_non_callables;
        let leads: Vec<Lead> = known.leads.of_phone(number).filter(marked).cloned().collect();
        let count = leads.len();
        leads.into_iter().for_each(|lead| self.mark(ledger, known, lead, now));
        count
    }

    /// Marks a lead whose number is on the list.
    fn mark(&self, ledger: &mut Ledger, known: &mut Known, mut lead: Lead, now: DateTime<Utc>) {
        let custom = lead.custom.clone();
        lead.scrub(now);
        ledger.leads.written.entry(lead.id).or_insert(Some(custom));
        let data = json!({"lead": lead, "changed": ["callStatus"]});
        self.tell(ledger, "lead.updated", &audience([lead_agent(&lead)]), lead_agent(&lead), "dnc", &data);
        known.leads.keep(lead, ledger.batch);
    }

    /// Has the places of these leads written as they are now; answers how many leads there are.
    pub(super) fn retime(&self, ledger: &mut Ledger, known: &mut Known, leads: &[i64], rule: Option<Rule>) -> usize {
        let now = self.clock.now();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for id in leads {
            let Some(lead) = known.leads.leads.get(id).cloned() else { continue };
            *counts.entry(lead.campaign.clone()).or_default() += 1;
            ledger.leads.retimed.insert(*id);
            // it came while its number was on the list, and would be at the head of the queue for ever
            if known.leads.is_listed(Channel::Voice, &lead.phone)
                && !lead.goes_over_dnc()
                && lead.call_status.as_deref() != Some(disposition::DO_NOT_CALL)
            {
                self.mark(ledger, known, lead, now);
            }
        }
        for (campaign, count) in &counts {
            let data = json!({"campaign": campaign, "count": count, "rule": rule});
            self.tell(ledger, "lead.retimed", &Audience::Agents(vec![]), None, "gateway", &data);
        }
        counts.values().sum()
    }

    /// Leaves an entry that is about no call.
    pub(super) fn tell(
        &self,
        ledger: &mut Ledger,
        kind: &'static str,
        audience: &Audience,
        agent: Option<&str>,
        source: &str,
        data: &Value,
    ) {
        let now = self.clock.now();
        let origin = Origin { source, occurred: now, observed: now };
        ledger.append(self.clock.id(), kind, audience, &Subject::no_call(agent), origin, data);
    }
}

impl Intake {
    /// Records in a lead that is new what was asked and decided.
    pub(in crate::app) fn settle(&self, lead: &mut Lead, dial: Dial, now: DateTime<Utc>) {
        lead.callback.clone_from(&self.callback);
        lead.expires_at = self.expires_at;
        lead.settle(&self.asked, dial, now);
    }
}

impl LeadEdit {
    /// Writes the change into a lead; the native keys of what changed, and the custom fields for which there was no room.
    fn apply(&self, lead: &mut Lead, account: &Account, now: DateTime<Utc>) -> (Vec<&'static str>, Vec<String>) {
        let Applied { mut changed, left_out } = self.patch.apply(lead, now);
        let is_counted = !changed.is_empty();
        // a part of one campaign is none of another
        if changed.contains(&Field::Campaign.row().native) && self.patch.given(Field::Subcampaign).is_none() {
            let parts = account.setup.campaigns.get(&lead.campaign).map(|campaign| &campaign.subcampaigns);
            let is_part = |name: &String| parts.is_none_or(|parts| parts.contains(name));
            if lead.subcampaign.take_if(|name| !is_part(name)).is_some() {
                changed.push(Field::Subcampaign.row().native);
            }
        }
        if let Some(callback) = self.callback.as_ref().filter(|callback| **callback != lead.callback) {
            lead.callback.clone_from(callback);
            if callback.is_some() {
                // it was promised for a time
                (lead.hot, lead.hot_at) = (false, None);
            }
            changed.push("callback");
        }
        if let Some(expires_at) = self.expires_at.filter(|at| *at != lead.expires_at) {
            lead.expires_at = expires_at;
            changed.push("expiresAt");
        }
        if let Some(import_only) = self.import_only.filter(|only| *only != lead.import_only) {
            lead.import_only = import_only;
            if import_only {
                (lead.hot, lead.hot_at) = (false, None);
            }
            changed.push("importOnly");
        }
        if !is_counted && !changed.is_empty() {
            lead.version += 1;
            lead.updated_at = now;
        }
        (changed, left_out)
    }
}

/// What becomes of a lead that comes in, and the newest of the `others` that count as its duplicates.
pub(in crate::app) fn judge<'a>(
    account: &Account,
    asked: &Asked,
    lead: &Lead,
    others: impl Iterator<Item = &'a Lead>,
    on_dnc: bool,
    now: DateTime<Utc>,
) -> (Verdict, Option<i64>) {
    let (mut nearest, mut counted) = (Nearest::None, None);
    for other in others {
        let near = Nearest::of(&lead.campaign, lead.subcampaign.as_deref(), [(other.campaign.as_str(), other.subcampaign.as_deref())]);
        nearest = nearest.max(near);
        if asked.duplicates_check.counts(near) {
            counted = counted.max(Some(other.id));
        }
    }
    (decide(asked, &found(account, lead, nearest, on_dnc, now)), counted)
}

/// What the decision table looks at.
fn found(account: &Account, lead: &Lead, nearest: Nearest, on_dnc: bool, now: DateTime<Utc>) -> Found {
    let setup = &account.setup;
    let callable = disposition::resolve(lead.call_status.as_deref(), setup.dispositions_of(&lead.campaign), &setup.dispositions);
    Found { nearest, callable: callable.is_callable(), on_dnc, window_open: window_of(account, lead, now).is_permitted() }
}

/// Whether the lead's telephone may ring now.
fn window_of(account: &Account, lead: &Lead, now: DateTime<Utc>) -> window::Verdict {
    let place = Place { state: lead.state.as_deref(), zip: lead.zip.as_deref() };
    let zones = Zones::of(&lead.phone).narrowed(&place);
    window::permits(&zones, account.setup.options.zone, RuleSet::of_number(&lead.phone), now)
}

/// Who sees an entry of a lead beside those who follow everything: whose it is, and whose it was.
pub(super) fn audience<const N: usize>(agents: [Option<&str>; N]) -> Audience {
    let logins: BTreeSet<&str> = agents.into_iter().flatten().collect();
    Audience::Agents(logins.into_iter().map(str::to_owned).collect())
}

/// The agent whose lead it is.
pub(super) fn lead_agent(lead: &Lead) -> Option<&str> {
    lead.callback.as_ref().and_then(|callback| callback.agent.as_deref()).or(lead.rep.as_deref())
}
