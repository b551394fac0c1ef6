//! One account's stream of entries, delivered to its followers in order and without a gap.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::mailbox::{Interest, Mailbox};
use crate::{
    domain::event::{Audience, changes_account, moves_floor},
    store::{
        Db,
        journal::{self, Position, StoredEntry},
    },
};

/// Entries read from the book at once when the topic catches up.
const FILL_PAGE: i64 = 500;
/// Pause before the book is asked again after it failed.
const FILL_RETRY: Duration = Duration::from_millis(500);

/// A committed entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the journal.
    pub seq: i64,
    /// The event's type.
    pub kind: String,
    /// Who may see it.
    pub audience: Audience,
    /// The envelope.
    pub body: String,
    /// When we heard of it.
    pub observed_at: DateTime<Utc>,
}

impl From<StoredEntry> for Entry {
    fn from(row: StoredEntry) -> Self {
        Self {
            seq: row.seq,
            kind: row.kind,
            audience: Audience::from_stored(row.audience.as_deref()),
            body: row.body,
            observed_at: row.observed_at,
        }
    }
}

/// The stream.
pub struct Topic {
    account: i64,
    db: Db,
    on_config: Arc<dyn Fn(i64) + Send + Sync>,
    moves: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    epoch: String,
    /// Everything up to here was delivered.
    head: i64,
    /// A task is reading what was missed; until it is done new entries are left to it.
    filling: bool,
    /// Something was left to that task since it last looked.
    left: bool,
    next_follower: u64,
    followers: HashMap<u64, Arc<Mailbox>>,
    /// Followers by the agent they follow; those that follow everything are under `None`.
    index: HashMap<Option<String>, Vec<u64>>,
}

/// A place among a topic's followers; given up on drop.
pub(super) struct Seat {
    topic: Arc<Topic>,
    number: u64,
    pub(super) mailbox: Arc<Mailbox>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.topic.lock();
        state.followers.remove(&self.number);
        for key in index_keys(&self.mailbox.interest) {
            if let Some(numbers) = state.index.get_mut(&key) {
                numbers.retain(|&number| number != self.number);
                if numbers.is_empty() {
                    state.index.remove(&key);
                }
            }
        }
    }
}

fn index_keys(interest: &Interest) -> Vec<Option<String>> {
    match &interest.agents {
        Some(agents) => agents.iter().cloned().map(Some).collect(),
        None => vec![None],
    }
}

impl Topic {
    pub(super) fn new(
        account: i64,
        position: Position,
        db: Db,
        on_config: Arc<dyn Fn(i64) + Send + Sync>,
        moves: Arc<Notify>,
    ) -> Arc<Self> {
        let state = State { epoch: position.epoch, head: position.seq, ..State::default() };
        Arc::new(Self { account, db, on_config, moves, state: Mutex::new(state) })
    }

    /// Takes a seat. Entries published from now on reach its mailbox.
    pub(super) fn follow(self: &Arc<Self>, interest: Interest) -> Seat {
        let mailbox = Arc::new(Mailbox::new(interest));
        let mut state = self.lock();
        let number = state.next_follower;
        state.next_follower += 1;
        for key in index_keys(&mailbox.interest) {
            state.index.entry(key).or_default().push(number);
        }
        state.followers.insert(number, mailbox.clone());
        drop(state);
        Seat { topic: self.clone(), number, mailbox }
    }

    /// Everything up to here was delivered.
    pub fn head(&self) -> i64 {
        self.lock().head
    }

    pub(super) fn followers(&self) -> usize {
        self.lock().followers.len()
    }

    pub(super) fn is_signed_in(&self, login: &str) -> bool {
        let state = self.lock();
        let numbers = state.index.get(&Some(login.to_owned()));
        numbers.is_some_and(|numbers| {
            numbers.iter().any(|number| state.followers.get(number).is_some_and(|mailbox| mailbox.interest.softphone))
        })
    }

    /// Delivers entries of one commit, unless something before them is missing: then the book is read.
    pub(super) fn publish(self: &Arc<Self>, epoch: &str, entries: Vec<Arc<Entry>>) {
        let Some((first, last)) = entries.first().zip(entries.last()).map(|(first, last)| (first.seq, last.seq)) else { return };
        let mut state = self.lock();
        if last <= state.head {
            return;
        }
        if state.filling {
            state.left = true;
            return;
        }
        if state.epoch == epoch && first == state.head + 1 {
            state.deliver(&entries, || (self.on_config)(self.account));
            self.tell_moves(&entries);
        } else {
            drop(state);
            self.observe(epoch, last);
        }
    }

    /// Hears that the journal reaches up to `seq`; reads what is missing in a task of its own.
    pub(super) fn observe(self: &Arc<Self>, epoch: &str, seq: i64) {
        let mut state = self.lock();
        let behind = state.epoch != epoch || seq > state.head;
        state.left |= behind;
        if behind && !std::mem::replace(&mut state.filling, true) {
            drop(state);
            tokio::spawn(self.clone().fill());
        }
    }

    async fn fill(self: Arc<Self>) {
        loop {
            match self.fill_page().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(account = self.account, %error, "the book cannot be read; followers wait");
                    tokio::time::sleep(FILL_RETRY).await;
                }
            }
        }
    }

    /// Delivers one page from the book. `true` when nothing was left and live delivery goes on.
    async fn fill_page(&self) -> crate::store::Result<bool> {
        self.lock().left = false;
        let position = journal::position(self.db.replay(), self.account).await?;
        let head = self.head_in(&position);
        let page = journal::page(self.db.replay(), self.account, head, position.seq, None, FILL_PAGE).await?;
        let entries: Vec<_> = page.into_iter().map(|row| Arc::new(Entry::from(row))).collect();
        let mut state = self.lock();
        state.deliver(&entries, || (self.on_config)(self.account));
        self.tell_moves(&entries);
        let done = state.head >= position.seq && !state.left;
        state.filling = !done;
        Ok(done)
    }

    fn tell_moves(&self, entries: &[Arc<Entry>]) {
        if entries.iter().any(|entry| moves_floor(&entry.kind)) {
            self.moves.notify_one();
        }
    }

    /// The delivered head within the journal's present incarnation.
    fn head_in(&self, position: &Position) -> i64 {
        let mut state = self.lock();
        if state.epoch != position.epoch || state.head > position.seq || state.head < position.floor {
            state.epoch.clone_from(&position.epoch);
            state.head = position.seq;
            state.followers.values().for_each(|mailbox| mailbox.reset());
        }
        state.head
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn deliver(&mut self, entries: &[Arc<Entry>], on_config: impl Fn()) {
        for entry in entries {
            self.head = entry.seq;
            if changes_account(&entry.kind) {
                on_config();
            }
            let logins = match &entry.audience {
                Audience::All => {
                    self.followers.values().filter(|mailbox| mailbox.interest.wants(entry)).for_each(|mailbox| mailbox.put(entry));
                    continue;
                }
                Audience::Agents(logins) => logins,
            };
            let named = logins.iter().filter_map(|login| self.index.get(&Some(login.clone())));
            let mut numbers: Vec<u64> = named.chain(self.index.get(&None)).flatten().copied().collect();
            if logins.len() > 1 {
                numbers.sort_unstable();
                numbers.dedup();
            }
            let mailboxes = numbers.iter().filter_map(|number| self.followers.get(number));
            mailboxes.filter(|mailbox| mailbox.interest.wants(entry)).for_each(|mailbox| mailbox.put(entry));
        }
    }
}
