//! Reads what a round of work is about, as far as it is not known.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Job, LeadWork, Once, Work,
    floor::Floor,
    known_leads::Wanted,
    ledger::{Known, Ledger},
};
use crate::{
    domain::{dnc::Channel, phone::Number},
    store::{self, Reads, calls, journal, parties},
};

/// Calls that were dialed ahead count for this long.
const WINDOW: TimeDelta = TimeDelta::days(31);

/// What a round of work names.
#[derive(Default)]
struct Named<'a> {
    keys: BTreeSet<String>,
    calls: BTreeSet<Uuid>,
    leads: Wanted,
    messages: Vec<&'a super::MessageOrder>,
    owners: BTreeSet<Number>,
    onces: Vec<&'a Once>,
    /// Leads that may be dialed, whose numbers must not be on the do-not-call list.
    dialed: BTreeSet<i64>,
}

impl<'a> Named<'a> {
    fn add(&mut self, job: &'a Job) {
        let account = &job.account;
        match &job.work {
            Work::News { items, once } => {
                self.keys.extend(items.iter().flat_map(|item| [Some(item.pbx_key(account.id)), item.ordered_key(account.id)]).flatten());
                if account.has_parties {
                    self.owners.extend(items.iter().filter_map(|item| item.news.told.customer.clone()));
                }
                self.onces.extend(once);
            }
            Work::Leads(LeadWork { orders, once, .. }) => {
                orders.iter().for_each(|order| self.leads.add(order));
                self.onces.extend(once);
            }
            Work::Message { order, once } => {
                self.messages.push(order);
                self.onces.extend(once);
            }
            Work::Dnc(orders) => orders.iter().for_each(|order| self.leads.add_number(order.channel, &order.number)),
            Work::Order(work) | Work::OrderFailed(work, _) => drop(self.keys.insert(work.key(account.id))),
            Work::Retime { leads, .. } => leads.iter().for_each(|id| self.leads.add_dialed(*id)),
            Work::Expire(calls) => self.calls.extend(calls.iter().copied()),
            Work::EndWrap(call, _) | Work::Edit(call, _) => drop(self.calls.insert(*call)),
            Work::Wish(work) => {
                self.calls.extend(work.call);
                // a transfer or conference is about another call of the agent's, too
                self.calls.extend(work.other_call());
                if let Some(number) = work.number() {
                    self.leads.add_listed(Channel::Voice, number);
                }
                self.onces.extend(&work.once);
            }
            Work::Route(work) => {
                self.keys.insert(work.item.pbx_key(account.id));
                if account.has_parties {
                    self.owners.extend(work.item.news.told.customer.clone());
                }
            }
            Work::Launch(launch) => {
                self.dialed.extend(&launch.candidates);
            }
            Work::System(_) | Work::Presence(..) | Work::Seen(..) | Work::ExpireAgents(_) => {}
        }
    }
}

/// Reads the calls, owners, leads, agents and answers that the work is about and that are not known.
pub(super) async fn look_up(
    reads: &mut Reads<'_>,
    known: &mut Known,
    ledger: &mut Ledger,
    jobs: &[&Job],
    now: DateTime<Utc>,
) -> store::Result<()> {
    let (account, batch) = (ledger.account.id, ledger.batch);
    if known.floor.is_none() {
        known.floor = Some(Floor::read(reads, account, (now - WINDOW).date_naive(), &mut known.calls).await?);
    }
    let mut named = Named::default();
    jobs.iter().for_each(|job| named.add(job));
    let Named { keys, calls: ids, mut leads, messages, owners, onces, mut dialed } = named;
    for once in onces {
        remember(reads, known, account, once).await?;
    }
    let new_keys: Vec<String> = keys.iter().filter(|key| !known.lines.contains_key(*key)).cloned().collect();
    if !new_keys.is_empty() {
        let (lines, calls) = calls::by_keys(reads, account, &new_keys).await?;
        known.lines.extend(lines);
        for call in calls {
            known.calls.entry(call.id).or_insert(call);
        }
    }
    let by_line = keys.iter().filter_map(|key| known.lines.get(key)).map(|(call, _)| *call);
    let named_calls: BTreeSet<Uuid> = ids.into_iter().chain(by_line).collect();
    let new_ids: Vec<Uuid> = named_calls.iter().filter(|id| !known.calls.contains_key(id)).copied().collect();
    if !new_ids.is_empty() {
        known.calls.extend(calls::by_ids(reads, account, &new_ids).await?.into_iter().map(|call| (call.id, call)));
    }
    // what becomes of a call becomes of its lead
    dialed.extend(named_calls.iter().filter_map(|id| Some(known.calls.get(id)?.intent.as_ref()?.lead.as_ref()?.id)));
    dialed.iter().for_each(|lead| leads.add_dialed(*lead));
    known.messages.look_up(reads, account, batch, &messages, &mut leads).await?;
    known.leads.look_up(reads, account, batch, leads).await?;
    if !owners.is_empty() {
        let owners: Vec<Number> = owners.into_iter().collect();
        ledger.owners.extend(parties::owners(reads, account, &owners).await?);
    }
    Ok(())
}

/// Reads what an idempotency key was answered before.
async fn remember(reads: &mut Reads<'_>, known: &mut Known, account: i64, once: &Once) -> store::Result<()> {
    if !known.answers.contains_key(&once.key)
        && let Some(answer) = journal::remembered(reads, account, &once.key).await?
    {
        // what was found in the book is needed by this round only
        known.answers.insert(once.key.clone(), (0, answer));
    }
    Ok(())
}
