//! What a token may do.

use std::{collections::BTreeSet, fmt, str::FromStr};

macro_rules! scopes {
    ($($name:ident = $word:literal),* $(,)?) => {
        /// One permission. The words are the wire and CLI form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the word beside each name says what it allows")]
        pub enum Scope { $($name),* }

        impl Scope {
            /// Every scope, in the order the documentation lists them.
            pub const ALL: &'static [Scope] = &[$(Scope::$name),*];

            /// The word on the wire.
            pub fn word(self) -> &'static str {
                match self { $(Scope::$name => $word),* }
            }
        }
    };
}

scopes! {
    EventsRead = "events:read", CallsRead = "calls:read", CallsWrite = "calls:write", CallsControl = "calls:control",
    LeadsRead = "leads:read", LeadsWrite = "leads:write", ListsWrite = "lists:write", SkillsWrite = "skills:write",
    DncWrite = "dnc:write", DncOverride = "dnc:override", DupsOverride = "dups:override", WindowOverride = "window:override",
    MessagesSend = "messages:send", AgentsRead = "agents:read", AgentsAct = "agents:act", WebhooksWrite = "webhooks:write",
    Admin = "admin",
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        Scope::ALL.iter().copied().find(|scope| scope.word() == word).ok_or_else(|| UnknownScope(word.to_owned()))
    }
}

/// The word names no scope.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a scope; known are: {known}", known = Scope::ALL.iter().map(|s| s.word()).collect::<Vec<_>>().join(" "))]
pub struct UnknownScope(String);

/// The scopes of one token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Whether the token may do this. `admin` may do everything but the overrides, which are always explicit.
    pub fn allow(&self, scope: Scope) -> bool {
        let explicit_only = matches!(scope, Scope::DncOverride | Scope::DupsOverride | Scope::WindowOverride);
        self.0.contains(&scope) || (!explicit_only && self.0.contains(&Scope::Admin))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// Words separated by commas or blanks.
impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(words: &str) -> Result<Self, UnknownScope> {
        words.split([',', ' ']).filter(|word| !word.is_empty()).map(Scope::from_str).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|s| s.word()).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_never_implies_an_override() {
        let admin: Scopes = "admin".parse().unwrap();
        assert!(admin.allow(Scope::EventsRead));
        assert!(!admin.allow(Scope::DncOverride));
    }

    #[test]
    fn an_unknown_word_is_named() {
        let error = "events:read, calls:fly".parse::<Scopes>().unwrap_err().to_string();
        assert!(error.contains("calls:fly") && error.contains("calls:read"), "{error}");
    }
}
