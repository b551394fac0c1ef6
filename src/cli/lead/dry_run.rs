//! What an import would do: everything is read and checked, nothing is stored.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use super::check::{Batch, Fate};
use crate::{
    app::committer::LeadOrder,
    cli::desk::Desk,
    domain::{
        lead::{DuplicatesCheck, Field, Lead, LeadPatch, Nearest},
        phone::Number,
    },
    store::{self, Reads, leads},
};

/// Finds duplicates without storing.
pub(super) struct DryRun {
    check: DuplicatesCheck,
    /// Places of earlier rows, hashed: a file of millions fits into memory.
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl DryRun {
    pub(super) fn new(check: DuplicatesCheck) -> Self {
        Self { check, seen: HashSet::new(), hasher: RandomState::new() }
    }

    /// What would become of each row.
    pub(super) async fn fates(&mut self, desk: &Desk, batch: &Batch) -> store::Result<Vec<Fate>> {
        let patches: Vec<&LeadPatch> = batch.orders.iter().filter_map(patch).collect();
        let phones: HashSet<Number> = patches.iter().filter_map(|patch| patch.phone().cloned()).collect();
        let phones: Vec<Number> = if self.check == DuplicatesCheck::Allow { vec![] } else { phones.into_iter().collect() };
        let stored = leads::by_phones(&mut Reads::On(desk.db.read()), desk.account.id, &phones).await?;
        let mut stored_by: HashMap<&Number, Vec<&Lead>> = HashMap::new();
        for lead in &stored {
            stored_by.entry(&lead.phone).or_default().push(lead);
        }
        let mut good = Vec::with_capacity(patches.len());
        for patch in patches {
            let (campaign, subcampaign) = (patch.given(Field::Campaign).unwrap_or_default(), patch.given(Field::Subcampaign));
            let counts = |lead: &&&Lead| {
                self.check.counts(Nearest::of(campaign, subcampaign, [(lead.campaign.as_str(), lead.subcampaign.as_deref())]))
            };
            let others = patch.phone().and_then(|phone| stored_by.get(phone)).map(Vec::as_slice).unwrap_or_default();
            good.push(match others.iter().filter(counts).map(|lead| lead.id).max() {
                Some(id) => Fate::Duplicate(format!("duplicate of lead {id}")),
                None if self.is_new(patch) => Fate::Stored,
                None => Fate::Duplicate("duplicate of a row before it".to_owned()),
            });
        }
        Ok(batch.fates(good))
    }

    /// Whether no row before this one is in its way.
    fn is_new(&mut self, patch: &LeadPatch) -> bool {
        let place = |field: Field| patch.given(field).unwrap_or_default().to_lowercase();
        let (campaign, subcampaign) = match self.check {
            DuplicatesCheck::Allow => return true,
            DuplicatesCheck::All => (String::new(), String::new()),
            DuplicatesCheck::Campaign => (place(Field::Campaign), String::new()),
            DuplicatesCheck::Subcampaign => (place(Field::Campaign), place(Field::Subcampaign)),
        };
        let key = (patch.phone().map(Number::as_str), campaign, subcampaign);
        self.seen.insert(self.hasher.hash_one(key))
    }
}

fn patch(order: &LeadOrder) -> Option<&LeadPatch> {
    match order {
        LeadOrder::Inject(intake) => Some(&intake.patch),
        LeadOrder::Edit(..) | LeadOrder::Upsert(..) => None,
    }
}
