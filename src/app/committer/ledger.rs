//! What one batch writes to one account: calls as they become, rows that follow from them, and the journal's entries.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::Origin;
use crate::{
    app::{
        clock::Clock,
        directory::{Account, Popup},
        hub::Entry,
    },
    domain::{
        call::{Attempt, Call, CallObject, Fact, PartyRef, Segment, State, Terms},
        event::{Audience, Envelope, wire_micros},
        phone::Number,
    },
    store::{
        Result, Tx,
        calls::{self, Extent, Line},
        journal::{self, NewEntry},
    },
};

/// Calls and keys of an account that this server knows to be as stored, while nobody else took the account's turn.
#[derive(Default)]
pub(super) struct Known {
    /// The last turn that was taken here; when the next one is not its successor, somebody else wrote between.
    pub(super) turn: i64,
    pub(super) epoch: String,
    pub(super) lines: HashMap<String, Line>,
    pub(super) calls: HashMap<Uuid, Call>,
}

impl Known {
    /// Drops what is over, once there is much of it; late news reads it back.
    pub(super) fn shrink(&mut self, most: usize) {
        if self.calls.len() > most {
            self.calls.retain(|_, call| call.newest().handling.finished_at.is_none());
            if self.calls.len() > most {
                self.calls.clear();
            }
            let calls = &self.calls;
            self.lines.retain(|_, (call, _)| calls.contains_key(call));
        }
    }
}

/// One account's part of a batch.
pub(super) struct Ledger {
    pub(super) account: Arc<Account>,
    pub(super) epoch: String,
    pub(super) seq: i64,
    pub(super) owners: HashMap<Number, PartyRef>,
    entries: Vec<NewEntry>,
    published: Vec<Arc<Entry>>,
    new_lines: Vec<(String, Line)>,
    /// The rows of states that are stored, of attempts that had finished before this batch.
    touched: BTreeMap<(Uuid, i64), Option<Vec<Segment>>>,
    rewritten: BTreeSet<(Uuid, i64)>,
    results: BTreeSet<(Uuid, i64)>,
    /// Calls to write, and how much of them.
    stored: BTreeMap<Uuid, Extent>,
    /// The first entry, by which a commit of unknown outcome is settled.
    witness: Option<(i64, Uuid)>,
    /// Something beside calls was written.
    beside: bool,
}

/// What a call is found by and what its rows of states repeat; when it changes they are all written whole.
#[derive(PartialEq, Eq)]
pub(super) struct FoundBy {
    direction: Option<&'static str>,
    customer: Option<Number>,
    agent: Option<String>,
    phone_call_id: Option<String>,
    subject: Option<String>,
    to_name: Option<String>,
    computed_outcome: Option<String>,
}

pub(super) fn found_by(call: &Call, attempt: &Attempt) -> FoundBy {
    let line = &attempt.line;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    FoundBy {
        direction: line.direction().map(|direction| direction.word()),
        customer: line.customer().cloned(),
        agent: owned(line.agent()),
        phone_call_id: owned(call.phone_call_id()),
        subject: owned(call.subject()),
        to_name: owned(call.to_name()),
        computed_outcome: call.edits.computed_outcome.clone(),
    }
}

impl Ledger {
    pub(super) fn new(account: Arc<Account>, epoch: String, seq: i64) -> Self {
        Self {
            account,
            epoch,
            seq,
            owners: HashMap::new(),
            entries: vec![],
            published: vec![],
            new_lines: vec![],
            touched: BTreeMap::new(),
            rewritten: BTreeSet::new(),
            results: BTreeSet::new(),
            stored: BTreeMap::new(),
            witness: None,
            beside: false,
        }
    }

    /// The first entry, by which a commit of unknown outcome is settled.
    pub(super) fn witness(&self) -> Option<(i64, Uuid)> {
        self.witness
    }

    /// Says that the transaction holds something beside this ledger.
    pub(super) fn must_commit(&mut self) {
        self.beside = true;
    }

    /// What to publish once committed.
    pub(super) fn take_published(&mut self) -> Vec<Arc<Entry>> {
        std::mem::take(&mut self.published)
    }

    pub(super) fn open_line(&mut self, key: String, line: Line) {
        self.new_lines.push((key, line));
    }

    /// Remembers the states of an attempt as stored, before its first change in this batch. They are stored when it has
    /// finished; until then they follow from the record.
    pub(super) fn touch(&mut self, call: Uuid, attempt: &Attempt) {
        let stored = || attempt.handling.finished_at.map(|_| attempt.timeline());
        self.touched.entry((call, attempt.number)).or_insert_with(stored);
    }

    /// Records what a step did to a call: its facts become entries, the call is stored.
    pub(super) fn record(&mut self, clock: &Clock, call: &mut Call, attempt: usize, before: &FoundBy, facts: &[Fact], origin: Origin<'_>) {
        let key = (call.id, call.attempts[attempt].number);
        let extent = self.stored.entry(call.id).or_insert(Extent::Progress);
        // a call without a version was never written
        if call.version == 0 || *before != found_by(call, &call.attempts[attempt]) {
            *extent = Extent::Whole;
            self.rewritten.insert(key);
        }
        // the result repeats the call, so what is told or set after the end changes it too
        if call.attempts[attempt].handling.finished_at.is_some() {
            self.results.insert(key);
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
            let data = CallObject::new(call, shown, state, since);
            let subject = Subject { call: call.id, attempt: shown.number, version: call.version, agent: shown.line.agent() };
            self.append(clock.id(), kind, &audience, &subject, origin, data);
        }
    }

    fn append(
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
            call: Some(subject.call),
            attempt: Some(subject.attempt),
            cv: Some(subject.version),
            audience,
            agent: subject.agent,
            occurred_at: wire_micros(origin.occurred),
            observed_at: wire_micros(origin.observed),
            source: origin.source,
            data,
        };
        #[expect(clippy::expect_used, reason = "an envelope has text keys only, and nothing in it fails to serialize")]
        let body = serde_json::to_string(&envelope).expect("an envelope is JSON");
        self.witness.get_or_insert((self.seq, id));
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

    /// Writes everything; `false` when there was nothing. The account's turn is held.
    pub(super) async fn write(&mut self, tx: &mut Tx, known: &Known, terms: &Terms, now: DateTime<Utc>) -> Result<bool> {
        if self.stored.is_empty() {
            return Ok(self.beside);
        }
        let account = self.account.id;
        calls::save(tx, account, self.stored.iter().filter_map(|(id, extent)| Some((known.calls.get(id)?, *extent))), terms, now).await?;
        calls::save_lines(tx, account, std::mem::take(&mut self.new_lines)).await?;
        let find = |(id, number): &(Uuid, i64)| {
            let call = known.calls.get(id)?;
            Some((call, call.attempts.iter().find(|attempt| attempt.number == *number)?))
        };
        let mut events = Vec::new();
        for (key, before) in &self.touched {
            let Some((call, attempt)) = find(key) else { continue };
            if attempt.handling.finished_at.is_none() {
                continue;
            }
            let after = attempt.timeline();
            let before = before.as_deref().unwrap_or_default();
            let gone: Vec<i64> =
                before.iter().map(|segment| segment.slot).filter(|slot| !after.iter().any(|segment| segment.slot == *slot)).collect();
            calls::drop_events(tx, account, key.0, key.1, &gone).await?;
            let all = self.rewritten.contains(key);
            events.extend(after.into_iter().filter(|segment| all || !before.contains(segment)).map(|segment| (call, attempt, segment)));
        }
        calls::save_events(tx, account, &events).await?;
        let results: Vec<_> = self.results.iter().filter_map(find).collect();
        calls::save_results(tx, account, &results, now).await?;
        journal::append(tx, account, std::mem::take(&mut self.entries)).await?;
        Ok(true)
    }
}

/// Which call an entry is about.
struct Subject<'a> {
    call: Uuid,
    attempt: i64,
    version: i64,
    agent: Option<&'a str>,
}

/// Who sees an entry of this call. An owner change goes to the old and the new one; what no screen can show goes to nobody.
fn audience(account: &Account, attempt: &Attempt, agent_before: Option<&str>, state: Option<State>) -> Audience {
    if state.is_none() {
        return Audience::Agents(vec![]);
    }
    match account.popup(attempt.gateway) {
        Popup::All => Audience::All,
        Popup::Agent => {
            let logins: BTreeSet<&str> = agent_before.into_iter().chain(attempt.line.agent()).collect();
            Audience::Agents(logins.into_iter().map(str::to_owned).collect())
        }
    }
}

/// Who sees a call now, as a snapshot needs it.
pub fn audience_now(account: &Account, attempt: &Attempt) -> Audience {
    audience(account, attempt, None, attempt.state())
}
