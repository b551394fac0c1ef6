//! Applies work to leads and to the do-not-call list by the law of leads.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Origin,
    apply::Desk,
    ledger::{Known, Ledger, Subject},
    shelf::Shelf,
};
use crate::{
    app::directory::Account,
    domain::{
        disposition,
        dnc::Channel,
        event::Audience,
        lead::{Asked, Callback, Dial, Found, Lead, LeadPatch, Nearest, NoDial, Override, Source, Verdict, decide},
        phone::Number,
        window::{self, RuleSet},
        zone::{Place, Zones},
    },
    store::{
        Reads, Result, Rows,
        dnc::{self, listed},
        leads,
    },
};

/// What is to be done with one lead.
#[derive(Clone, Debug)]
pub enum LeadOrder {
    /// Add it, if the decision table lets it in.
    Inject(Box<Intake>),
    /// Change the newest lead of this key.
    Change {
        /// Which lead.
        key: LeadKey,
        /// What to write into it.
        patch: LeadPatch,
        /// A call to be promised with it.
        callback: Option<Callback>,
    },
    /// Change the newest lead of this key, or add one when there is none.
    Upsert(LeadKey, Box<Intake>),
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
    },
    /// There is none.
    NotFound,
}

/// Whether a stored lead is dialed, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Leads of an account that the book may not have yet, and what was read beside them.
#[derive(Default)]
pub(super) struct KnownLeads {
    /// The last id that was given.
    pub(super) last_id: i64,
    leads: Shelf<i64, Lead>,
    /// All leads of a number.
    phones: Shelf<Number, BTreeSet<i64>>,
    /// All leads of a client's id.
    clients: Shelf<String, BTreeSet<i64>>,
    /// Whether a number is on the list.
    dnc: Shelf<(Channel, Number), bool>,
}

/// What a batch does to leads and to the list.
#[derive(Default)]
pub(super) struct LeadChanges {
    /// Leads to write, with the custom values they had in the book; `None` when it does not have them.
    written: BTreeMap<i64, Option<BTreeMap<String, String>>>,
    /// Numbers whose place on the list changes, with who says so, and whether they were on it.
    dnc: BTreeMap<(Channel, Number), (bool, &'static str, bool)>,
    /// Imported leads, to be told of in one entry: first and last id, and how many.
    imported: Option<(i64, i64, i64)>,
}

impl KnownLeads {
    pub(super) fn at(last_id: i64) -> Self {
        Self { last_id, ..Self::default() }
    }

    pub(super) fn landed(&mut self, batch: u64) {
        self.leads.landed(batch);
        self.phones.landed(batch);
        self.clients.landed(batch);
        self.dnc.landed(batch);
    }

    pub(super) fn unwritten(&mut self, batch: u64) {
        self.leads.unwritten(batch);
        self.phones.unwritten(batch);
        self.clients.unwritten(batch);
        self.dnc.unwritten(batch);
    }

    /// Reads the leads and list entries that are wanted and not known.
    pub(super) async fn look_up(&mut self, reads: &mut Reads<'_>, account: i64, batch: u64, wanted: Wanted) -> Result<()> {
        for (channel, numbers) in wanted.numbers {
            let numbers: Vec<Number> = numbers.into_iter().filter(|n| self.dnc.need(&(channel, n.clone()), batch).is_none()).collect();
            if !numbers.is_empty() {
                let listed = listed(reads, account, channel, &numbers).await?;
                for number in numbers {
                    let on_list = listed.contains(&number);
                    self.dnc.put((channel, number), on_list, batch);
                }
            }
        }
        let phones: Vec<Number> = wanted.phones.into_iter().filter(|phone| self.phones.need(phone, batch).is_none()).collect();
        let clients: Vec<String> = wanted.clients.into_iter().filter(|client| self.clients.need(client, batch).is_none()).collect();
        let ids: Vec<i64> = wanted.ids.into_iter().filter(|id| self.leads.need(id, batch).is_none()).collect();
        if phones.is_empty() && clients.is_empty() && ids.is_empty() {
            return Ok(());
        }
        let mut found = Vec::new();
        if !phones.is_empty() {
            found.append(&mut leads::by_phones(reads, account, &phones).await?);
        }
        if !clients.is_empty() {
            found.append(&mut leads::by_client_ids(reads, account, &clients).await?);
        }
        if !ids.is_empty() {
            found.append(&mut leads::by_ids(reads, account, &ids).await?);
        }
        for lead in found {
            self.leads.found(lead.id, lead, batch);
        }
        phones.into_iter().for_each(|phone| self.phones.put(phone, BTreeSet::new(), batch));
        clients.into_iter().for_each(|client| self.clients.put(client, BTreeSet::new(), batch));
        self.index();
        Ok(())
    }

    /// Enters all known leads under their numbers and clients' ids: what was read may be older than what was worked out.
    fn index(&mut self) {
        let (mut by_phone, mut by_client): (HashMap<&Number, Vec<i64>>, HashMap<&str, Vec<i64>>) = Default::default();
        for lead in self.leads.values() {
            by_phone.entry(&lead.phone).or_default().push(lead.id);
            if let Some(client) = &lead.client_id {
                by_client.entry(client).or_default().push(lead.id);
            }
        }
        for (phone, ids) in self.phones.iter_mut() {
            *ids = by_phone.get(phone).into_iter().flatten().copied().collect();
        }
        for (client, ids) in self.clients.iter_mut() {
            *ids = by_client.get(client.as_str()).into_iter().flatten().copied().collect();
        }
    }

    /// Keeps a lead as it is now.
    fn keep(&mut self, lead: Lead, batch: u64) {
        let before = self.leads.get(&lead.id).map(|before| (before.phone.clone(), before.client_id.clone()));
        if let Some((phone, client)) = before {
            if let Some(ids) = self.phones.need(&phone, batch) {
                ids.remove(&lead.id);
            }
            if let Some(ids) = client.and_then(|client| self.clients.need(&client, batch)) {
                ids.remove(&lead.id);
            }
        }
        if let Some(ids) = self.phones.need(&lead.phone, batch) {
            ids.insert(lead.id);
        }
        if let Some(ids) = lead.client_id.as_ref().and_then(|client| self.clients.need(client, batch)) {
            ids.insert(lead.id);
        }
        self.leads.put(lead.id, lead, batch);
    }

    /// Whether a number that was looked up is on the list.
    pub(super) fn is_listed(&self, channel: Channel, number: &Number) -> bool {
        self.dnc.get(&(channel, number.clone())) == Some(&true)
    }

    /// The newest lead of a key.
    pub(super) fn newest(&self, key: &LeadKey) -> Option<&Lead> {
        let id = match key {
            LeadKey::Id(id) => Some(id),
            LeadKey::ClientId(client) => self.clients.get(client)?.last(),
            LeadKey::Phone(phone) => self.phones.get(phone)?.last(),
        }?;
        self.leads.get(id)
    }

    fn of_phone(&self, phone: &Number) -> impl Iterator<Item = &Lead> {
        self.phones.get(phone).into_iter().flatten().filter_map(|id| self.leads.get(id))
    }
}

/// What must be read for a round of orders.
#[derive(Default)]
pub(super) struct Wanted {
    ids: BTreeSet<i64>,
    phones: BTreeSet<Number>,
    clients: BTreeSet<String>,
    numbers: BTreeMap<Channel, BTreeSet<Number>>,
}

impl Wanted {
    pub(super) fn add(&mut self, order: &LeadOrder) {
        let (key, intake) = match order {
            LeadOrder::Inject(intake) => (None, Some(intake)),
            LeadOrder::Change { key, .. } => (Some(key), None),
            LeadOrder::Upsert(key, intake) => (Some(key), Some(intake)),
        };
        match key {
            Some(LeadKey::Id(id)) => drop(self.ids.insert(*id)),
            Some(LeadKey::ClientId(client)) => drop(self.clients.insert(client.clone())),
            Some(LeadKey::Phone(phone)) => drop(self.phones.insert(phone.clone())),
            None => {}
        }
        if let Some(phone) = intake.and_then(|intake| intake.patch.phone()) {
            self.add_number(Channel::Voice, phone);
        }
    }

    pub(super) fn add_lead(&mut self, id: i64) {
        self.ids.insert(id);
    }

    pub(super) fn add_phone(&mut self, phone: &Number) {
        self.phones.insert(phone.clone());
    }

    pub(super) fn add_number(&mut self, channel: Channel, number: &Number) {
        self.numbers.entry(channel).or_default().insert(number.clone());
        if channel == Channel::Voice {
            self.phones.insert(number.clone());
        }
    }
}

impl LeadChanges {
    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty() && self.dnc.is_empty()
    }

    /// The rows of the commit.
    pub(super) fn rows(&self, account: i64, known: &KnownLeads, now: DateTime<Utc>) -> Result<Vec<Rows>> {
        let written = self.written.iter().filter_map(|(id, before)| Some((known.leads.get(id)?, before.as_ref())));
        let mut rows: Vec<Rows> = leads::rows(account, written)?.into();
        let changed = || self.dnc.iter().filter(|(_, (now, _, before))| now != before);
        let put = changed().filter(|(_, (now, ..))| *now).map(|((channel, number), (_, source, _))| (*channel, number, *source));
        let taken = changed().filter(|(_, (now, ..))| !*now).map(|((channel, number), _)| (*channel, number));
        rows.extend(dnc::rows(account, put, taken, now));
        Ok(rows)
    }
}

impl Desk<'_> {
    /// Does what is to be done with each lead, in order.
    pub(super) fn apply_leads(&self, ledger: &mut Ledger, known: &mut Known, orders: &[LeadOrder]) -> Vec<LeadDone> {
        let done = orders.iter().map(|order| self.apply_lead(ledger, known, order)).collect();
        if let Some((first, last, count)) = ledger.leads.imported.take() {
            let data = json!({"first": first, "last": last, "count": count});
            self.tell(ledger, "lead.imported", &Audience::Agents(vec![]), None, "import", &data);
        }
        done
    }

    fn apply_lead(&self, ledger: &mut Ledger, known: &mut Known, order: &LeadOrder) -> LeadDone {
        match order {
            LeadOrder::Inject(intake) => self.inject(ledger, known, intake),
            LeadOrder::Change { key, patch, callback } => self.change(ledger, known, key, patch, callback.as_ref()),
            LeadOrder::Upsert(key, intake) if known.leads.newest(key).is_some() => {
                self.change(ledger, known, key, &intake.patch, intake.callback.as_ref())
            }
            LeadOrder::Upsert(_, intake) => self.inject(ledger, known, intake),
        }
    }

    fn inject(&self, ledger: &mut Ledger, known: &mut Known, intake: &Intake) -> LeadDone {
        let now = self.clock.now();
        // an intake without a number or a campaign is refused at the door
        let Ok(mut lead) = intake.patch.new_lead(known.leads.last_id + 1, intake.source, now) else { return LeadDone::NotFound };
        let others = || known.leads.of_phone(&lead.phone).filter(|other| other.id != lead.id);
        let near = |other: &Lead| {
            Nearest::of(&lead.campaign, lead.subcampaign.as_deref(), [(other.campaign.as_str(), other.subcampaign.as_deref())])
        };
        let nearest = others().map(near).max().unwrap_or(Nearest::None);
        let found = found(&ledger.account, &lead, nearest, known.leads.is_listed(Channel::Voice, &lead.phone), now);
        match decide(&intake.asked, &found) {
            Verdict::Rejected { .. } => {
                let counted = others().filter(|other| intake.asked.duplicates_check.counts(near(other))).map(|other| other.id).max();
                LeadDone::Duplicate { id: counted.unwrap_or_default() }
            }
            Verdict::Stored { dial, used, .. } => {
                lead.callback.clone_from(&intake.callback);
                lead.expires_at = intake.expires_at;
                lead.settle(&intake.asked, dial, now);
                known.leads.last_id = lead.id;
                let (id, dial) = (lead.id, DialWord::from(dial));
                ledger.leads.written.insert(id, None);
                if intake.source == Source::Import {
                    let (_, last, count) = ledger.leads.imported.get_or_insert((id, id, 0));
                    (*last, *count) = (id, *count + 1);
                } else {
                    let data = json!({"lead": lead, "dial": dial, "overrides": used});
                    self.tell(ledger, "lead.created", &audience(&lead), lead_agent(&lead), intake.source.word(), &data);
                }
                known.leads.keep(lead, ledger.batch);
                LeadDone::Created { id, dial, overrides: used }
            }
        }
    }

    fn change(&self, ledger: &mut Ledger, known: &mut Known, key: &LeadKey, patch: &LeadPatch, callback: Option<&Callback>) -> LeadDone {
        let now = self.clock.now();
        let Some(before) = known.leads.newest(key) else { return LeadDone::NotFound };
        let mut lead = before.clone();
        let custom = lead.custom.clone();
        let mut changed = patch.apply(&mut lead, now).changed;
        if callback.is_some() && callback != lead.callback.as_ref() {
            lead.callback = callback.cloned();
            if changed.is_empty() {
                lead.version += 1;
                lead.updated_at = now;
            }
            changed.push("callback");
        }
        let id = lead.id;
        if !changed.is_empty() {
            ledger.leads.written.entry(id).or_insert(Some(custom));
            let data = json!({"lead": lead, "changed": changed});
            self.tell(ledger, "lead.updated", &audience(&lead), lead_agent(&lead), "api", &data);
            known.leads.keep(lead, ledger.batch);
        }
        LeadDone::Updated { id, changed: changed.into_iter().map(str::to_owned).collect() }
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
        for mut lead in leads {
            let custom = lead.custom.clone();
            lead.scrub(now);
            ledger.leads.written.entry(lead.id).or_insert(Some(custom));
            let data = json!({"lead": lead, "changed": ["callStatus"]});
            self.tell(ledger, "lead.updated", &audience(&lead), lead_agent(&lead), "dnc", &data);
            known.leads.keep(lead, ledger.batch);
        }
        count
    }

    /// Leaves an entry that is about no call.
    fn tell(
        &self,
        ledger: &mut Ledger,
        kind: &'static str,
        audience: &Audience,
        agent: Option<&str>,
        source: &str,
        data: &serde_json::Value,
    ) {
        let now = self.clock.now();
        let origin = Origin { source, occurred: now, observed: now };
        ledger.append(self.clock.id(), kind, audience, &Subject::no_call(agent), origin, data);
    }
}

/// What the decision table looks at.
pub(in crate::app) fn found(account: &Account, lead: &Lead, nearest: Nearest, on_dnc: bool, now: DateTime<Utc>) -> Found {
    let setup = &account.setup;
    let callable = disposition::resolve(lead.call_status.as_deref(), setup.dispositions_of(&lead.campaign), &setup.dispositions);
    Found { nearest, callable: callable.is_callable(), on_dnc, window_open: window_of(account, lead, now).is_permitted() }
}

/// Whether the lead's telephone may ring now.
pub(in crate::app) fn window_of(account: &Account, lead: &Lead, now: DateTime<Utc>) -> window::Verdict {
    let place = Place { state: lead.state.as_deref(), zip: lead.zip.as_deref() };
    let zones = Zones::of(&lead.phone).narrowed(&place);
    window::permits(&zones, account.setup.options.zone, RuleSet::of_number(&lead.phone), now)
}

/// Who sees an entry of this lead beside those who follow everything.
fn audience(lead: &Lead) -> Audience {
    Audience::Agents(lead_agent(lead).into_iter().map(str::to_owned).collect())
}

/// The agent whose lead it is.
pub(super) fn lead_agent(lead: &Lead) -> Option<&str> {
    lead.callback.as_ref().and_then(|callback| callback.agent.as_deref()).or(lead.rep.as_deref())
}
