//! What was read from the book or worked out since, kept for as long as the book may not have it yet.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Values by key, each with the last batch that needs it. Once that has landed, the book is asked again.
pub(super) struct Shelf<K, V>(HashMap<K, (u64, V)>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V> Shelf<K, V> {
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key).map(|(_, value)| value)
    }

    /// The value, which this batch needs too.
    pub(super) fn need<Q: Eq + Hash + ?Sized>(&mut self, key: &Q, batch: u64) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key).map(|(of, value)| {
            *of = batch;
            value
        })
    }

    pub(super) fn put(&mut self, key: K, value: V, batch: u64) {
        self.0.insert(key, (batch, value));
    }

    /// Keeps what the book says, unless more is known.
    pub(super) fn found(&mut self, key: K, value: V, batch: u64) {
        self.0.entry(key).or_insert((batch, value)).0 = batch;
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values().map(|(_, value)| value)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, (_, value))| (key, value))
    }

    /// Drops the values that are not so.
    pub(super) fn keep_if(&mut self, is_so: impl Fn(&V) -> bool) {
        self.0.retain(|_, (_, value)| is_so(value));
    }

    /// All batches up to this one are in the book.
    pub(super) fn landed(&mut self, batch: u64) {
        self.0.retain(|_, (of, _)| *of > batch);
    }

    /// No batch after this one was written: what was only looked up for one goes.
    pub(super) fn unwritten(&mut self, batch: u64) {
        self.0.retain(|_, (of, _)| *of <= batch);
    }
}
