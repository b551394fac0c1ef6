//! Arguments of statements as typed data, bound natively for each database in one place.

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::{Arguments, postgres::PgArguments, sqlite::SqliteArguments};
use uuid::Uuid;

/// One argument. Absent values are typed too: Postgres must know what kind of null it gets.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each variant is the type it names")]
pub enum Arg {
    Bool(Option<bool>),
    Int(Option<i64>),
    Text(Option<String>),
    Uuid(Option<Uuid>),
    Time(Option<DateTime<Utc>>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! from_values {
    ($($variant:ident: $type:ty),* $(,)?) => { $(
        impl From<$type> for Arg { fn from(value: $type) -> Self { Self::$variant(Some(value)) } }
        impl From<Option<$type>> for Arg { fn from(value: Option<$type>) -> Self { Self::$variant(value) } }
    )* };
}

from_values!(Bool: bool, Int: i64, Text: String, Uuid: Uuid, Bytes: Vec<u8>);

/// Times are cut to microseconds, so that both databases give back what was written.
impl From<DateTime<Utc>> for Arg {
    fn from(at: DateTime<Utc>) -> Self {
        Self::Time(Some(at.trunc_subsecs(6)))
    }
}

impl From<Option<DateTime<Utc>>> for Arg {
    fn from(at: Option<DateTime<Utc>>) -> Self {
        Self::Time(at.map(|at| at.trunc_subsecs(6)))
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<&str>> for Arg {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<&[u8]> for Arg {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Some(bytes.to_owned()))
    }
}

macro_rules! bind_all {
    ($args:expr, $into:expr) => {{
        let mut into = $into;
        for arg in $args {
            match arg {
                Arg::Bool(value) => into.add(value),
                Arg::Int(value) => into.add(value),
                Arg::Text(value) => into.add(value),
                Arg::Uuid(value) => into.add(value),
                Arg::Time(value) => into.add(value),
                Arg::Bytes(value) => into.add(value),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(into)
    }};
}

pub(super) fn postgres(args: impl IntoIterator<Item = Arg>) -> sqlx::Result<PgArguments> {
    bind_all!(args, PgArguments::default())
}

pub(super) fn sqlite(args: impl IntoIterator<Item = Arg>) -> sqlx::Result<SqliteArguments> {
    bind_all!(args, SqliteArguments::default())
}
