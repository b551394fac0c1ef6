//! A follower's mailbox: small and bounded, so that a stalled reader costs nobody else anything.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::topic::Entry;
use crate::domain::event::{SOFTPHONE_KINDS, type_matches};

/// More entries than this are read from the book instead.
const MAX_ENTRIES: usize = 256;
/// More bytes than this are read from the book instead.
const MAX_BYTES: usize = 256 * 1024;

/// What a follower wants to see.
#[derive(Clone, Debug)]
pub struct Interest {
    /// The agents it follows; `None` follows everything of the account.
    pub agents: Option<BTreeSet<String>>,
    /// Types asked for beside what softphones get: `lead.*`, `dnc.created` …
    pub types: Vec<String>,
    /// Whether it wants these types and nothing else.
    pub only_types: bool,
    /// Whether this is an agent's softphone, so that the agent counts as signed in.
    pub softphone: bool,
}

impl Interest {
    /// Whether the follower wants this entry.
    pub fn wants(&self, entry: &Entry) -> bool {
        let type_wanted = (!self.only_types && SOFTPHONE_KINDS.contains(&entry.kind.split('.').next().unwrap_or_default()))
            || self.types.iter().any(|pattern| type_matches(pattern, &entry.kind));
        type_wanted && self.agents.as_ref().is_none_or(|agents| agents.iter().any(|login| entry.audience.includes(login)))
    }

    /// The one agent followed, which lets the book leave out what surely does not concern him.
    pub(super) fn single_agent(&self) -> Option<&str> {
        let agents = self.agents.as_ref()?;
        if agents.len() == 1 { agents.first().map(String::as_str) } else { None }
    }
}

/// What waits for a follower.
#[derive(Debug)]
pub(super) struct Mailbox {
    inner: Mutex<Inner>,
    bell: Notify,
    pub(super) interest: Interest,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    overflown: bool,
    reset: bool,
}

/// What a follower finds when it looks.
#[derive(Debug)]
pub(super) enum Mail {
    /// Wanted entries in order.
    Entries(VecDeque<Arc<Entry>>),
    /// More came than fits: read the book.
    Overflown,
    /// The journal began anew: nothing that was known holds.
    Reset,
}

impl Mailbox {
    pub(super) fn new(interest: Interest) -> Self {
        Self { inner: Mutex::default(), bell: Notify::new(), interest }
    }

    /// Puts an entry in. The topic has checked that it is wanted.
    pub(super) fn put(&self, entry: &Arc<Entry>) {
        let mut inner = self.lock();
        if inner.overflown {
            return;
        }
        inner.bytes += entry.body.len();
        if inner.entries.len() >= MAX_ENTRIES || inner.bytes > MAX_BYTES {
            inner.entries = VecDeque::new();
            inner.bytes = 0;
            inner.overflown = true;
            metrics::counter!("cti_mailbox_overflows_total").increment(1);
        } else {
            inner.entries.push_back(entry.clone());
        }
        drop(inner);
        self.bell.notify_one();
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        let inner = self.lock();
        inner.entries.is_empty() && !inner.overflown && !inner.reset
    }

    pub(super) fn reset(&self) {
        self.lock().reset = true;
        self.bell.notify_one();
    }

    /// Everything that waits; an empty list when nothing does.
    pub(super) fn take(&self) -> Mail {
        let mut inner = self.lock();
        if std::mem::take(&mut inner.reset) {
            return Mail::Reset;
        }
        if std::mem::take(&mut inner.overflown) {
            return Mail::Overflown;
        }
        inner.bytes = 0;
        Mail::Entries(std::mem::take(&mut inner.entries))
    }

    /// Waits until something was put in since the last look.
    pub(super) async fn wait(&self) {
        self.bell.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
