//! Numbers that must not be called or written to.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Arg, Bulk, Column, On, Q, Reads, Result, Rows, Verb};
use crate::{
    domain::{dnc::Channel, phone::Number},
    q,
};

/// An entry of the list.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct DncRow {
    pub channel: String,
    pub number: String,
    pub source: String,
    pub created_at: DateTime<Utc>,
}

/// Which of these numbers are on the list.
///
/// # Errors
/// What the database says.
pub async fn listed(reads: &mut Reads<'_>, account: i64, channel: Channel, numbers: &[Number]) -> Result<HashSet<Number>> {
    let head = match channel {
        Channel::Voice => "select number from dnc where account_id = $1 and channel = 'voice' and number in (",
        Channel::Message => "select number from dnc where account_id = $1 and channel = 'message' and number in (",
    };
    let mut listed = HashSet::new();
    for q in Q::with_lists(head, account, numbers.iter().map(|number| Arg::from(number.as_str())).collect(), ")") {
        listed.extend(reads.all::<(String,)>(q).await?.into_iter().map(|(number,)| Number::from_canonical(number)));
    }
    Ok(listed)
}

/// Whether a number is on the list, and since when.
///
/// # Errors
/// What the database says.
pub async fn get(on: On<'_>, account: i64, channel: Channel, number: &Number) -> Result<Option<DncRow>> {
    on.opt(q!(
        "select channel, number, source, created_at from dnc where account_id = $1 and channel = $2 and number = $3",
        account,
        channel.word(),
        number.as_str()
    ))
    .await
}

/// Up to `limit` entries after this number, by number.
///
/// # Errors
/// What the database says.
pub async fn page(on: On<'_>, account: i64, channel: Channel, after: &str, limit: i64) -> Result<Vec<DncRow>> {
    on.all(q!(
        "select channel, number, source, created_at from dnc where account_id = $1 and channel = $2 and number > $3
         order by number limit $4",
        account,
        channel.word(),
        after,
        limit
    ))
    .await
}

static PUT: Bulk<5> = Bulk {
    table: "dnc",
    columns: [
        ("account_id", Column::Int),
        ("channel", Column::Text),
        ("number", Column::Text),
        ("source", Column::Text),
        ("created_at", Column::Time),
    ],
    verb: Verb::Insert(""),
};

static TAKEN: Bulk<3> =
    Bulk { table: "dnc", columns: [("account_id", Column::Int), ("channel", Column::Text), ("number", Column::Text)], verb: Verb::Delete };

/// What a commit does to the list: numbers that were not on it are put there, others are taken from it.
pub fn rows<'a>(
    account: i64,
    put: impl Iterator<Item = (Channel, &'a Number, &'static str)>,
    taken: impl Iterator<Item = (Channel, &'a Number)>,
    at: DateTime<Utc>,
) -> [Rows; 2] {
    let put =
        put.map(|(channel, number, source)| [account.into(), channel.word().into(), number.as_str().into(), source.into(), at.into()]);
    let taken = taken.map(|(channel, number)| [account.into(), channel.word().into(), number.as_str().into()]);
    [PUT.rows(put.collect()), TAKEN.rows(taken.collect())]
}
