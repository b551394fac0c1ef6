//! Agents' dial lists: who may have which, and what may be done with the numbers in them. They live outside the dialer's
//! rules: marking a number touches no lead and no record of a call.
//!
//! # Assumptions
//! - Two agents may have lists of the same name, and then DialedIn's clients can do nothing with either by that name: whatever
//!   is not the making of a list wants a name that is the only one of its account. Our own API always means the agent's own.
//!   Names of lists and logins are compared exactly.
//! - A list of another agent is as good as none.
//! - Telephone numbers are written in digits only. Two ways to write the same number are one number, in a list as elsewhere.
//! - A number that is added again is left as it is, its mark included. Marking what is marked so already is no error.

use std::collections::{BTreeSet, HashMap};

use super::phone::{HomeRegion, Number};

/// Longest name of a list, in characters.
pub const MAX_NAME: usize = 100;
/// Most numbers of one list.
pub const MAX_NUMBERS: usize = 10_000;
/// Most digits of a number, as E.164 has it.
const MAX_DIGITS: usize = 15;

/// A list as its account knows it, without its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialList {
    /// The book's number of it.
    pub id: i64,
    /// The login of its agent.
    pub agent: String,
    /// Its name.
    pub name: String,
}

/// What became of a number in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Not dialed, or skipped.
    Undialed,
    /// Dialed.
    Dialed,
}

/// What adding a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new, and undialed.
    New,
    /// It is there already; nothing is to be done.
    Again,
}

/// Why something cannot be done with a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialListError {
    /// Nobody can name such a list.
    #[error("a dial list has a name of 1 to {MAX_NAME} characters, with no blanks around it and no control characters")]
    Name,
    /// The agent has one of that name.
    #[error("agent {agent:?} already has a dial list {name:?}")]
    Exists {
        /// The agent's login.
        agent: String,
        /// The list's name.
        name: String,
    },
    /// The agent has none of that name.
    #[error("agent {agent:?} has no dial list {name:?}")]
    NoSuchList {
        /// The agent's login.
        agent: String,
        /// The list's name.
        name: String,
    },
    /// Several agents have one of that name.
    #[error("{count} dial lists are named {name:?}: the name must be the only one for anything but making a list")]
    Ambiguous {
        /// The lists' name.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// The number is not written in digits.
    #[error("expected a phone number of 1 to {MAX_DIGITS} digits and nothing else")]
    Digits,
    /// The number is not in the list. It is not named: messages reach logs.
    #[error("the phone number is not in the dial list")]
    NoSuchNumber,
    /// No room.
    #[error("a dial list has at most {MAX_NUMBERS} phone numbers")]
    Full,
}

/// Whether an agent may have a new list of this name. `lists` are those of the account; any others than of this name count for
/// nothing.
///
/// # Errors
/// When the name is none, or the agent has such a list.
pub fn may_create(agent: &str, name: &str, lists: &[DialList]) -> Result<(), DialListError> {
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.trim() != name || name.contains(char::is_control) {
        return Err(DialListError::Name);
    }
    if lists.iter().any(|list| list.name == name && list.agent == agent) {
        return Err(DialListError::Exists { agent: agent.to_owned(), name: name.to_owned() });
    }
    Ok(())
}

/// The list that an agent has under this name, whoever else has one of that name.
///
/// # Errors
/// When there is none.
pub fn own<'a>(agent: &str, name: &str, lists: &'a [DialList]) -> Result<&'a DialList, DialListError> {
    let mine = lists.iter().find(|list| list.name == name && list.agent == agent);
    mine.ok_or_else(|| DialListError::NoSuchList { agent: agent.to_owned(), name: name.to_owned() })
}

/// The list that an agent means by this name where the name alone must tell it, for anything but making one.
///
/// # Errors
/// When there is none, or another agent's has the same name.
pub fn find<'a>(agent: &str, name: &str, lists: &'a [DialList]) -> Result<&'a DialList, DialListError> {
    let mut named = lists.iter().filter(|list| list.name == name);
    match (named.next(), named.count()) {
        (Some(list), 0) if list.agent == agent => Ok(list),
        (None, _) | (Some(_), 0) => Err(DialListError::NoSuchList { agent: agent.to_owned(), name: name.to_owned() }),
        (Some(_), others) => Err(DialListError::Ambiguous { name: name.to_owned(), count: others + 1 }),
    }
}

/// The number of a list's entry, as somebody wrote it.
///
/// # Errors
/// When it is not digits only.
pub fn read_number(raw: &str, region: HomeRegion) -> Result<Number, DialListError> {
    let is_digits = (1..=MAX_DIGITS).contains(&raw.len()) && raw.chars().all(|c| c.is_ascii_digit());
    if is_digits { Number::read(raw, region).ok_or(DialListError::Digits) } else { Err(DialListError::Digits) }
}

/// What adding a number means: `found` is its mark in the list, `count` how many numbers the list has.
///
/// # Errors
/// When there is no room.
pub fn add(found: Option<Mark>, count: usize) -> Result<Added, DialListError> {
    match found {
        Some(_) => Ok(Added::Again),
        None if count >= MAX_NUMBERS => Err(DialListError::Full),
        None => Ok(Added::New),
    }
}

/// What adding these numbers means, one after the other: `found` are the marks of those that are in the list, which has `count`
/// numbers. One that is given twice is new once.
pub fn add_each(numbers: &[Number], found: &HashMap<Number, Mark>, count: usize) -> Vec<Result<Added, DialListError>> {
    let mut new: BTreeSet<&Number> = BTreeSet::new();
    let mut add_one = |number| {
        let found = found.get(number).copied().or(new.contains(number).then_some(Mark::Undialed));
        let added = add(found, count + new.len());
        if added == Ok(Added::New) {
            new.insert(number);
        }
        added
    };
    numbers.iter().map(&mut add_one).collect()
}

/// Whether marking a number changes anything.
///
/// # Errors
/// When it is not in the list.
pub fn mark(found: Option<Mark>, to: Mark) -> Result<bool, DialListError> {
    found.map(|found| found != to).ok_or(DialListError::NoSuchNumber)
}

/// Whether a number can be taken out.
///
/// # Errors
/// When it is not in the list.
pub fn remove(found: Option<Mark>) -> Result<(), DialListError> {
    found.map(drop).ok_or(DialListError::NoSuchNumber)
}
