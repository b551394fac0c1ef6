//! What one batch does to one account: calls as they become, rows that follow from them, and the journal's entries.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::{
    Origin,
    floor::Floor,
    known_leads::{KnownLeads, LeadChanges},
    messages::{KnownMessages, MessageChanges},
};
use crate::{
    app::{
        clock::Clock,
        directory::{Account, Popup},
        hub::Entry,
    },
    domain::{
        call::{Attempt, Call, CallObject, Direction, Fact, PartyRef, State, Terms},
        event::{Audience, Envelope, wire_micros},
        order::{ORDERED, Order, Verb},
        phone::Number,
        presence::Patience,
    },
    store::{
        Result, Rows, Writes,
        calls::{self, Extent, Line},
        journal::{self, NewEntry, Position, Remembered},
        pace, presence,
        receipts::{self, Receipt},
    },
};

/// Calls remembered per account before those that are over are dropped.
const MAX_KNOWN_CALLS: usize = 20_000;

/// What this server knows of an account: its calls and keys as they will be once all that was worked out is committed.
/// It holds as long as nobody else takes the account's turn.
pub(super) struct Known {
    pub(super) epoch: String,
    /// The last turn that was worked out.
    pub(super) turn: Uuid,
    /// The last entry that was worked out.
    pub(super) seq: i64,
    /// Counts the batches that were worked out.
    pub(super) batch: u64,
    pub(super) lines: HashMap<String, Line>,
    pub(super) calls: HashMap<Uuid, Call>,
    pub(super) leads: KnownLeads,
    pub(super) messages: KnownMessages,
    /// Read when it is first needed.
    pub(super) floor: Option<Floor>,
    /// Answers that idempotency keys got in batches that may not be committed yet, with the batch of each.
    pub(super) answers: HashMap<String, (u64, Remembered)>,
    /// Whether work is being given to whoever is free.
    pub(super) settling: Settling,
    /// Calls of batches that may not be committed yet.
    written: VecDeque<(u64, Vec<Uuid>)>,
}

impl Known {
    /// Nothing but the position.
    pub(super) fn at(position: Position) -> Self {
        let Position { epoch, seq, turn, lead_id, .. } = position;
        Self {
            epoch,
            turn,
            seq,
            batch: 0,
            lines: HashMap::new(),
            calls: HashMap::new(),
            leads: KnownLeads::at(lead_id),
            messages: KnownMessages::default(),
            floor: None,
            settling: Settling::Idle,
            answers: HashMap::new(),
            written: VecDeque::new(),
        }
    }

    /// All that was worked out up to this batch is in the book now, and is found there.
    pub(super) fn landed(&mut self, batch: u64) {
        self.answers.retain(|_, (of, _)| *of > batch);
        self.written.retain(|(of, _)| *of > batch);
        self.leads.landed(batch);
        self.messages.landed(batch);
    }

    /// Drops what is over, once there is much of it, and then what keeps no agent; late news reads it back. What may not be in the book
    /// yet stays.
    fn shrink(&mut self, most: usize) {
        if self.calls.len() <= most {
            return;
        }
        let written: HashSet<&Uuid> = self.written.iter().flat_map(|(_, calls)| calls).collect();
        self.calls.retain(|id, call| call.newest().handling.finished_at.is_none() || written.contains(id));
        if self.calls.len() > most {
            self.calls.retain(|id, _| written.contains(id) || self.floor.as_ref().is_some_and(|floor| floor.has(*id)));
        }
        let calls = &self.calls;
        self.lines.retain(|_, (call, _)| calls.contains_key(call));
    }
}

/// Whether work is being given to whoever is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settling {
    /// It is not.
    Idle,
    /// It is.
    Busy,
    /// It is, and something has moved since it began.
    Again,
}

/// One account's part of a batch.
pub(super) struct Ledger {
    pub(super) account: Arc<Account>,
    pub(super) epoch: String,
    pub(super) owners: HashMap<Number, PartyRef>,
    pub(super) leads: LeadChanges,
    pub(super) messages: MessageChanges,
    /// Agents whose presence is to be written.
    pub(super) presences: BTreeSet<String>,
    /// Why leads were dialed or passed over.
    pub(super) receipts: Vec<Receipt>,
    /// Campaigns whose figures of a day are to be written.
    pub(super) tallies: BTreeSet<(String, NaiveDate)>,
    /// Campaigns that have learnt something.
    pub(super) learnt: BTreeSet<String>,
    /// The turn and the entry that this follows on.
    turn: Uuid,
    seq: i64,
    /// The batch that this is.
    pub(super) batch: u64,
    entries: Vec<NewEntry>,
    published: Vec<Arc<Entry>>,
    /// What each key means, and whether the key is new.
    lines: BTreeMap<String, (Line, bool)>,
    answers: Vec<(String, Remembered)>,
    /// Attempts that are over, and whether they have ended in this batch.
    results: BTreeMap<(Uuid, i64), bool>,
    /// Calls to write, and how much of them.
    stored: BTreeMap<Uuid, Extent>,
}

/// A ledger that was closed.
pub(super) enum Closed {
    /// There is something to write, and something to publish once that is committed.
    Changed {
        writes: Writes,
        /// Which batch of the account this is.
        batch: u64,
        published: Vec<Arc<Entry>>,
        /// The first entry, by which a commit of unknown outcome is settled.
        witness: Option<(i64, Uuid)>,
    },
    /// Nothing changed: copies, and wishes that were refused. The account's turn that this was seen at.
    Unchanged { account: i64, epoch: String, turn: Uuid },
}

/// What a step may change of what a call's row is found by, and whether the attempt was over.
pub(super) struct Before {
    direction: Option<Direction>,
    customer: Option<Number>,
    agent: Option<String>,
    over: bool,
}

impl Before {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let (line, handling) = (&attempt.line, &attempt.handling);
        Self {
            direction: line.direction(),
            customer: line.customer().cloned(),
            agent: attempt.agent().map(str::to_owned),
            over: handling.finished_at.is_some(),
        }
    }

    fn is_found_alike(&self, attempt: &Attempt) -> bool {
        let line = &attempt.line;
        self.direction == line.direction() && self.customer.as_ref() == line.customer() && self.agent.as_deref() == attempt.agent()
    }
}

impl Ledger {
    pub(super) fn new(account: Arc<Account>, known: &Known) -> Self {
        Self {
            account,
            epoch: known.epoch.clone(),
            owners: HashMap::new(),
            leads: LeadChanges::default(),
            messages: MessageChanges::default(),
            presences: BTreeSet::new(),
            receipts: vec![],
            tallies: BTreeSet::new(),
            learnt: BTreeSet::new(),
            turn: known.turn,
            seq: known.seq,
            batch: known.batch + 1,
            entries: vec![],
            published: vec![],
            lines: BTreeMap::new(),
            answers: vec![],
            results: BTreeMap::new(),
            stored: BTreeMap::new(),
        }
    }

    /// A call that was opened for a PBX's key; `new` when the key meant none before.
    pub(super) fn open_line(&mut self, key: String, line: Line, new: bool) {
        self.stored.insert(line.0, Extent::New);
        self.lines.entry(key).and_modify(|(meant, _)| *meant = line).or_insert((line, new));
    }

    /// Another key means a call that there is; `new` when the key meant none before.
    pub(super) fn alias_line(&mut self, key: String, line: Line, new: bool) {
        self.stored.entry(line.0).or_insert(Extent::Progress);
        self.lines.entry(key).and_modify(|(meant, _)| *meant = line).or_insert((line, new));
    }

    /// Keeps the answer that an idempotency key gets.
    pub(super) fn remember(&mut self, key: String, answer: Remembered) {
        self.answers.push((key, answer));
    }

    /// A call's record changed in a way that shows nowhere.
    pub(super) fn touch(&mut self, call: Uuid) {
        self.stored.entry(call).or_insert(Extent::Progress);
    }

    /// Stores an order for a telephone system. `call` is what it is about: the call, the attempt's number and the call's version.
    pub(super) fn order(&mut self, clock: &Clock, order: &Order, system: &str, call: Option<(Uuid, i64, i64)>) {
        #[derive(Serialize)]
        struct Ordered<'a> {
            system: &'a str,
            #[serde(flatten)]
            order: &'a Order,
        }
        let now = clock.now();
        let origin = Origin { source: "gateway", occurred: now, observed: now };
        let subject = Subject { call, agent: order.command.station().map(|station| station.login.as_str()) };
        // whoever drives the system follows everything; no softphone needs it
        self.append(clock.id(), ORDERED, &Audience::Agents(vec![]), &subject, origin, Ordered { system, order });
    }

    /// Whether there is something to write.
    pub(super) fn is_changed(&self) -> bool {
        !self.stored.is_empty()
            || !self.answers.is_empty()
            || !self.leads.is_empty()
            || !self.messages.is_empty()
            || !self.presences.is_empty()
            || !self.receipts.is_empty()
            || !self.entries.is_empty()
    }

    /// Records what a step did to a call: its facts become entries, the call is stored.
    pub(super) fn record(&mut self, clock: &Clock, call: &mut Call, attempt: usize, before: &Before, facts: &[Fact], origin: Origin<'_>) {
        let extent = self.stored.entry(call.id).or_insert(Extent::Progress);
        if *extent == Extent::Progress && !before.is_found_alike(&call.attempts[attempt]) {
            *extent = Extent::Whole;
        }
        // the result repeats the call, so what is told or set after the end changes it too
        if call.attempts[attempt].handling.finished_at.is_some() {
            self.results.entry((call.id, call.attempts[attempt].number)).or_insert(!before.over);
        }
        for fact in facts {
            call.version += 1;
            let shown = &call.attempts[attempt];
            let (kind, state, since) = match *fact {
                Fact::Entered(state, at) => ("call.state", Some(state), Some(at)),
                Fact::Updated => ("call.updated", shown.state(), shown.state_time()),
                Fact::Result => ("call.result", shown.state(), shown.state_time()),
            };
            let occurred = if let Fact::Entered(_, at) = *fact { at } else { origin.occurred };
            let audience = audience(&self.account, shown, before.agent.as_deref(), state);
            let origin = Origin { occurred, ..origin };
            let data = CallObject::new(call, shown, state, since, capabilities(&self.account, shown));
            let subject = Subject { call: Some((call.id, shown.number, call.version)), agent: shown.agent() };
            self.append(clock.id(), kind, &audience, &subject, origin, data);
        }
    }

    pub(super) fn append(
        &mut self,
        id: Uuid,
        kind: &'static str,
        audience: &Audience,
        subject: &Subject<'_>,
        origin: Origin<'_>,
        data: impl Serialize,
    ) {
        self.seq += 1;
        let envelope = Envelope {
            v: 1,
            id: format!("evt_{}", id.simple()),
            account: &self.account.name,
            epoch: &self.epoch,
            seq: self.seq,
            kind,
            call: subject.call.map(|(call, ..)| call),
            attempt: subject.call.map(|(_, attempt, _)| attempt),
            cv: subject.call.map(|(.., version)| version),
            audience,
            agent: subject.agent,
            occurred_at: wire_micros(origin.occurred),
            observed_at: wire_micros(origin.observed),
            source: origin.source,
            data,
        };
        #[expect(clippy::expect_used, reason = "an envelope has text keys only, and nothing in it fails to serialize")]
        let body = serde_json::to_string(&envelope).expect("an envelope is JSON");
        self.entries.push(NewEntry {
            seq: self.seq,
            id,
            kind,
            audience: audience.to_stored(),
            body: body.clone(),
            observed_at: origin.observed,
        });
        self.published.push(Arc::new(Entry {
            seq: self.seq,
            kind: kind.to_owned(),
            audience: audience.clone(),
            body,
            observed_at: origin.observed,
        }));
    }

    /// What there is to write, which is then the last that is known.
    ///
    /// # Errors
    /// When a call cannot be written as JSON, which it always can.
    pub(super) fn close(self, known: &mut Known, terms: &Terms, patience: &Patience, clock: &Clock) -> Result<Closed> {
        let (changed, now) = (self.is_changed(), clock.now());
        let Self { account, epoch, turn: after, seq, batch, entries, published, lines, leads, messages, answers, results, stored, .. } =
            self;
        let (presences, receipts, tallies, learnt) = (self.presences, self.receipts, self.tallies, self.learnt);
        let (account, setup) = (account.id, &account.setup);
        if !changed {
            known.leads.unwritten(known.batch);
            known.messages.unwritten(known.batch);
            return Ok(Closed::Unchanged { account, epoch, turn: after });
        }
        let witness = entries.first().map(|entry| (entry.seq, entry.id));
        let mut rows: Vec<Rows> =
            calls::rows(account, stored.iter().filter_map(|(id, extent)| Some((known.calls.get(id)?, *extent))), terms, now)?.into();
        let (new, moved): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(_, (_, new))| *new);
        for (lines, new) in [(new, true), (moved, false)] {
            rows.push(calls::line_rows(account, lines.into_iter().map(|(key, (line, _))| (key, line)), new));
        }
        let find = |(id, number): &(Uuid, i64)| {
            let call = known.calls.get(id)?;
            Some((call, call.attempts.iter().find(|attempt| attempt.number == *number)?))
        };
        for new in [true, false] {
            let results = results.iter().filter(|(_, is_new)| **is_new == new).filter_map(|(key, _)| find(key));
            rows.push(calls::result_rows(account, results, new, now));
        }
        rows.append(&mut leads.rows(account, setup, &known.leads, now)?);
        rows.extend(messages.rows(account, &known.messages)?);
        if let Some(floor) = &known.floor {
            rows.push(presence::rows(account, floor.presences(&presences), patience)?);
            rows.push(pace::tally_rows(account, floor.records.rows(&tallies)));
            rows.push(pace::learnt_rows(account, floor.records.learnt(&learnt)));
        }
        rows.push(receipts::rows(account, receipts));
        rows.push(journal::entries(account, entries));
        rows.push(journal::answers(account, answers, now));
        let turn = clock.id();
        (known.turn, known.seq, known.batch) = (turn, seq, batch);
        known.written.push_back((batch, stored.into_keys().collect()));
        known.shrink(MAX_KNOWN_CALLS);
        Ok(Closed::Changed {
            writes: Writes { account, epoch, after, turn, seq, lead_id: known.leads.last_id, rows },
            batch,
            published,
            witness,
        })
    }
}

/// What an entry is about.
pub(super) struct Subject<'a> {
    /// With the attempt's number and the call's version.
    call: Option<(Uuid, i64, i64)>,
    agent: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// An entry about an attempt of a call.
    pub(super) fn new(call: Option<(Uuid, i64, i64)>, agent: Option<&'a str>) -> Self {
        Self { call, agent }
    }

    /// An entry that is about no call.
    pub(super) fn no_call(agent: Option<&'a str>) -> Self {
        Self { call: None, agent }
    }
}

/// What can be wished of this call: what its telephone system can do, if it takes orders at all.
pub fn capabilities<'a>(account: &'a Account, attempt: &Attempt) -> &'a [Verb] {
    match account.telephone_system() {
        Some(driven) if driven.gateway == attempt.gateway => driven.capabilities,
        _ => &[],
    }
}

/// Who sees an entry of this call. An owner change goes to the old and the new one; what no screen can show goes to nobody.
fn audience(account: &Account, attempt: &Attempt, agent_before: Option<&str>, state: Option<State>) -> Audience {
    if state.is_none() {
        return Audience::Agents(vec![]);
    }
    match account.popup(attempt.gateway) {
        Popup::All => Audience::All,
        Popup::Agent => {
            let logins: BTreeSet<&str> = agent_before.into_iter().chain(attempt.agent()).collect();
            Audience::Agents(logins.into_iter().map(str::to_owned).collect())
        }
    }
}

/// Who sees a call now, as a snapshot needs it.
pub fn audience_now(account: &Account, attempt: &Attempt) -> Audience {
    audience(account, attempt, None, attempt.state())
}
