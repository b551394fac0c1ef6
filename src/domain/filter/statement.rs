//! One statement of a filter: a field, how it is compared, and with what. What does not fit the kind of a field cannot be said.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::{FlagField, NumberField, Subject, TextField, TextSource, TimeField};

macro_rules! words {
    ($(#[$meta:meta])* $kind:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $kind { $($(#[$doc])* $variant),* }

        impl $kind {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its word in a filter.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
    };
}

words! {
    /// How a text is compared with one value.
    TextOp {
        /// The same text.
        Eq = "eq",
        /// Another text.
        Ne = "ne",
        /// The value is a part of it.
        Contains = "contains",
        /// It begins with the value.
        StartsWith = "startsWith",
        /// It ends in the value.
        EndsWith = "endsWith",
    }
}

words! {
    /// How a number or a time is compared with one value.
    Order {
        /// The same.
        Eq = "eq",
        /// Another one.
        Ne = "ne",
        /// Less, or earlier.
        Lt = "lt",
        /// Not more, or not later.
        Le = "le",
        /// More, or later.
        Gt = "gt",
        /// Not less, or not earlier.
        Ge = "ge",
    }
}

/// What is asked of a value: `O` is how it may be compared, `T` what with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test<O, T> {
    /// Compared with one value.
    One(O, T),
    /// One of these; never empty.
    In(Vec<T>),
    /// None of these; never empty.
    NotIn(Vec<T>),
    /// It is absent.
    IsEmpty,
    /// It is there.
    IsNotEmpty,
}

/// One statement about a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// About a text.
    Text(TextSource, Test<TextOp, String>),
    /// About a number.
    Number(NumberField, Test<Order, i64>),
    /// About a time.
    Time(TimeField, Test<Order, DateTime<Utc>>),
    /// The flag has this value. `ne` is read as `eq` of the other one.
    Flag(FlagField, bool),
}

impl Statement {
    pub(super) fn holds(&self, lead: &impl Subject) -> bool {
        match self {
            Self::Text(source, test) => {
                let text = match source {
                    TextSource::Of(field) => lead.text(*field),
                    TextSource::AreaCode => lead.text(TextField::Phone).and_then(area_code),
                    TextSource::Custom(name) => lead.custom(name),
                };
                test.holds(text.unwrap_or_default())
            }
            Self::Number(field, test) => test.holds(lead.number(*field)),
            Self::Time(field, test) => test.holds(lead.time(*field).map(to_the_microsecond)),
            Self::Flag(field, value) => lead.flag(*field).unwrap_or_default() == *value,
        }
    }

    /// How many arguments it needs in an SQL text.
    pub(super) fn values(&self) -> usize {
        match self {
            Self::Text(source, test) => test.values() + usize::from(matches!(source, TextSource::Custom(_))),
            Self::Number(_, test) => test.values(),
            Self::Time(_, test) => test.values(),
            Self::Flag(..) => 1,
        }
    }
}

/// What a database keeps of a time. A leap second becomes the second after it, as it does there.
pub(super) fn to_the_microsecond(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// The three characters behind `+1`, if seven more follow.
fn area_code(phone: &str) -> Option<&str> {
    let national = phone.strip_prefix("+1").filter(|national| national.chars().count() == 10)?;
    let (end, _) = national.char_indices().nth(3)?;
    Some(&national[..end])
}

impl<O, T> Test<O, T> {
    fn values(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::In(listed) | Self::NotIn(listed) => listed.len(),
            Self::IsEmpty | Self::IsNotEmpty => 0,
        }
    }
}

impl Test<TextOp, String> {
    fn holds(&self, text: &str) -> bool {
        let is = |value: &String| text.eq_ignore_ascii_case(value);
        let folded = |text: &str| text.to_ascii_lowercase();
        match self {
            Self::One(TextOp::Eq, value) => is(value),
            Self::One(TextOp::Ne, value) => !is(value),
            Self::One(TextOp::Contains, value) => folded(text).contains(&folded(value)),
            Self::One(TextOp::StartsWith, value) => folded(text).starts_with(&folded(value)),
            Self::One(TextOp::EndsWith, value) => folded(text).ends_with(&folded(value)),
            Self::In(listed) => listed.iter().any(is),
            Self::NotIn(listed) => !listed.iter().any(is),
            Self::IsEmpty => text.is_empty(),
            Self::IsNotEmpty => !text.is_empty(),
        }
    }
}

impl<T: Ord> Test<Order, T> {
    fn holds(&self, value: Option<T>) -> bool {
        let Some(value) = value else { return matches!(self, Self::IsEmpty) };
        match self {
            Self::One(order, other) => order.holds(value.cmp(other)),
            Self::In(listed) => listed.contains(&value),
            Self::NotIn(listed) => !listed.contains(&value),
            Self::IsEmpty => false,
            Self::IsNotEmpty => true,
        }
    }
}

impl Order {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Eq => found.is_eq(),
            Self::Ne => found.is_ne(),
            Self::Lt => found.is_lt(),
            Self::Le => found.is_le(),
            Self::Gt => found.is_gt(),
            Self::Ge => found.is_ge(),
        }
    }
}

/// A statement as it is read.
#[derive(Serialize)]
struct Written<'a, T> {
    field: &'a str,
    op: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<T>,
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(source, test) => test.write(&source.name(), |op| op.word(), serializer),
            Self::Number(field, test) => test.write(field.word(), |op| op.word(), serializer),
            Self::Time(field, test) => test.write(field.word(), |op| op.word(), serializer),
            Self::Flag(field, value) => Written { field: field.word(), op: "eq", value: Some(value) }.serialize(serializer),
        }
    }
}

impl<O: Copy, T: Serialize> Test<O, T> {
    fn write<S: Serializer>(&self, field: &str, word: impl Fn(O) -> &'static str, serializer: S) -> Result<S::Ok, S::Error> {
        let list = |op, listed| Written { field, op, value: Some(listed) };
        let bare = |op| Written { field, op, value: None::<T> };
        match self {
            Self::One(op, value) => Written { field, op: word(*op), value: Some(value) }.serialize(serializer),
            Self::In(listed) => list("in", listed).serialize(serializer),
            Self::NotIn(listed) => list("notIn", listed).serialize(serializer),
            Self::IsEmpty => bare("isEmpty").serialize(serializer),
            Self::IsNotEmpty => bare("isNotEmpty").serialize(serializer),
        }
    }
}
