//! Things by their name, which is the same in any case.

use std::collections::BTreeMap;

/// Things by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Names<T>(BTreeMap<String, (String, T)>);

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Names<T> {
    /// Adds one, or replaces the one of that name.
    pub fn put(&mut self, name: String, thing: T) {
        self.0.insert(key(&name), (name, thing));
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(&key(name)).map(|(_, thing)| thing)
    }

    /// The one of this name, with the name as it was given.
    pub fn entry(&self, name: &str) -> Option<(&str, &T)> {
        self.0.get(&key(name)).map(|(name, thing)| (name.as_str(), thing))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.values().map(|(name, thing)| (name.as_str(), thing))
    }
}

fn key(name: &str) -> String {
    name.trim().to_lowercase()
}
