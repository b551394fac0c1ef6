//! Leads and list entries as they will be once all that was worked out is committed, and what a batch writes of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::{
    leads::{LeadKey, LeadOrder},
    shelf::Shelf,
};
use crate::{
    domain::{
        dnc::Channel,
        lead::{self, Lead},
        phone::Number,
        setup::Setup,
    },
    store::{
        Reads, Result, Rows,
        dnc::{self, listed},
        leads, queue,
    },
};

/// Leads of an account that the book may not have yet, and what was read beside them.
#[derive(Default)]
pub(super) struct KnownLeads {
    /// The last id that was given.
    pub(super) last_id: i64,
    pub(super) leads: Shelf<i64, Lead>,
    /// All leads of a number.
    phones: Shelf<Number, BTreeSet<i64>>,
    /// All leads of a client's id.
    clients: Shelf<String, BTreeSet<i64>>,
    /// Whether a number is on the list.
    pub(super) dnc: Shelf<(Channel, Number), bool>,
}

/// What a batch does to leads and to the list.
#[derive(Default)]
pub(super) struct LeadChanges {
    /// Leads to write, with the custom values they had in the book; `None` when it does not have them.
    pub(super) written: BTreeMap<i64, Option<BTreeMap<String, String>>>,
    /// Numbers whose place on the list changes, with who says so, and whether they were on it.
    pub(super) dnc: BTreeMap<(Channel, Number), (bool, &'static str, bool)>,
    /// Leads of which only the place is written.
    pub(super) retimed: BTreeSet<i64>,
    /// Imported leads, to be told of in one entry: first and last id, and how many.
    pub(super) imported: Option<(i64, i64, i64)>,
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
        self.drop_incomplete();
    }

    pub(super) fn unwritten(&mut self, batch: u64) {
        self.leads.unwritten(batch);
        self.phones.unwritten(batch);
        self.clients.unwritten(batch);
        self.dnc.unwritten(batch);
        self.drop_incomplete();
    }

    /// A number is needed for longer than one of its leads when a later batch asked for it alone. Without that lead the number
    /// would seem to have fewer than there are, so the book is asked again.
    fn drop_incomplete(&mut self) {
        let Self { leads, phones, clients, .. } = self;
        let complete = |ids: &BTreeSet<i64>| ids.iter().all(|id| leads.get(id).is_some());
        phones.keep_if(complete);
        clients.keep_if(complete);
    }

    /// Reads the leads and list entries that are wanted and not known.
    pub(super) async fn look_up(&mut self, reads: &mut Reads<'_>, account: i64, batch: u64, mut wanted: Wanted) -> Result<()> {
        let dialed = std::mem::take(&mut wanted.dialed);
        self.look_up_wanted(reads, account, batch, wanted).await?;
        // whose numbers these are is known only now
        let numbers = dialed.iter().filter_map(|id| Some(self.leads.get(id)?.phone.clone())).collect();
        self.look_up_listed(reads, account, batch, (Channel::Voice, numbers)).await
    }

    /// Reads whether numbers are on the list.
    async fn look_up_listed(
        &mut self,
        reads: &mut Reads<'_>,
        account: i64,
        batch: u64,
        (channel, numbers): (Channel, BTreeSet<Number>),
    ) -> Result<()> {
        let numbers: Vec<Number> = numbers.into_iter().filter(|n| self.dnc.need(&(channel, n.clone()), batch).is_none()).collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let listed = listed(reads, account, channel, &numbers).await?;
        for number in numbers {
            let on_list = listed.contains(&number);
            self.dnc.put((channel, number), on_list, batch);
        }
        Ok(())
    }

    async fn look_up_wanted(&mut self, reads: &mut Reads<'_>, account: i64, batch: u64, wanted: Wanted) -> Result<()> {
        for (channel, numbers) in wanted.numbers {
            self.look_up_listed(reads, account, batch, (channel, numbers)).await?;
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
        let mut by_phone: HashMap<&Number, Vec<i64>> = HashMap::new();
        let mut by_client: HashMap<&str, Vec<i64>> = HashMap::new();
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
    pub(super) fn keep(&mut self, lead: Lead, batch: u64) {
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

    /// The newest lead of a key.
    pub(super) fn newest(&self, key: &LeadKey) -> Option<&Lead> {
        let id = match key {
            LeadKey::Id(id) => Some(id),
            LeadKey::ClientId(client) => self.clients.get(client)?.last(),
            LeadKey::Phone(phone) => self.phones.get(phone)?.last(),
        }?;
        self.leads.get(id)
    }

    /// Whether a number that was looked up is on the list.
    pub(super) fn is_listed(&self, channel: Channel, number: &Number) -> bool {
        self.dnc.get(&(channel, number.clone())) == Some(&true)
    }

    pub(super) fn of_phone(&self, phone: &Number) -> impl Iterator<Item = &Lead> {
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
    /// Leads of whose numbers it is asked whether they are on the list.
    dialed: BTreeSet<i64>,
}

impl Wanted {
    pub(super) fn add(&mut self, order: &LeadOrder) {
        let (key, intake) = match order {
            LeadOrder::Inject(intake) => (None, Some(intake)),
            LeadOrder::Edit(key, _) => (Some(key), None),
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

    pub(super) fn add_dialed(&mut self, id: i64) {
        self.ids.insert(id);
        self.dialed.insert(id);
    }

    pub(super) fn add_phone(&mut self, phone: &Number) {
        self.phones.insert(phone.clone());
    }

    /// Only whether it is on the list is asked, not whose it is.
    pub(super) fn add_listed(&mut self, channel: Channel, number: &Number) {
        self.numbers.entry(channel).or_default().insert(number.clone());
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
        self.written.is_empty() && self.retimed.is_empty() && self.dnc.is_empty()
    }

    /// The rows of the commit.
    pub(super) fn rows(&self, account: i64, setup: &Setup, known: &KnownLeads, now: DateTime<Utc>) -> Result<Vec<Rows>> {
        let place = |lead: &Lead| lead.place(&lead::Rules::of(setup, lead), now);
        let written = self.written.iter().filter_map(|(id, before)| Some((known.leads.get(id)?, before.as_ref())));
        let mut rows: Vec<Rows> = leads::rows(account, written, place)?.into();
        let retimed = self.retimed.iter().filter(|id| !self.written.contains_key(id));
        rows.push(queue::rows(account, retimed.filter_map(|id| Some((*id, place(known.leads.get(id)?))))));
        let changed = || self.dnc.iter().filter(|(_, (now, _, before))| now != before);
        let put = changed().filter(|(_, (now, ..))| *now).map(|((channel, number), (_, source, _))| (*channel, number, *source));
        let taken = changed().filter(|(_, (now, ..))| !*now).map(|((channel, number), _)| (*channel, number));
        rows.extend(dnc::rows(account, put, taken, now));
        Ok(rows)
    }
}
