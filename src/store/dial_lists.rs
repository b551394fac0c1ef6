//! Agents' dial lists and the numbers in them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Arg, Bulk, Column, On, Q, Result, Tx, Verb};
use crate::{
    domain::{
        dial_list::{DialList, Mark},
        phone::Number,
    },
    q,
};

#[derive(FromRow)]
struct ListRow {
    id: i64,
    agent: String,
    name: String,
}

impl From<ListRow> for DialList {
    fn from(ListRow { id, agent, name }: ListRow) -> Self {
        Self { id, agent, name }
    }
}

/// A number of a list.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct PhoneRow {
    pub position: i64,
    pub phone: String,
    pub dialed: bool,
    /// Whether it must not be called.
    pub on_dnc: bool,
}

/// A list with how many numbers it has and how many of them are dialed.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct CountedList {
    pub id: i64,
    pub agent: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub phones: i64,
    pub dialed: i64,
}

/// The lists of this name, whoever has them, read under the account's turn.
///
/// # Errors
/// What the database says.
pub async fn named(tx: &mut Tx, account: i64, name: &str) -> Result<Vec<DialList>> {
    let sql = "select id, agent, name from dial_list where account_id = $1 and name = $2 order by id";
    Ok(tx.all::<ListRow>(q!(sql, account, name)).await?.into_iter().map(DialList::from).collect())
}

/// Lists with their counts.
macro_rules! counted {
    ($tail:literal) => {
        concat!(
            "select l.id, l.agent, l.name, l.created_at,
                    (select count(*) from dial_list_phone p where p.list_id = l.id) as phones,
                    (select count(*) from dial_list_phone p where p.list_id = l.id and p.dialed) as dialed
             from dial_list l where l.account_id = $1 and ",
            $tail
        )
    };
}

/// Numbers of a list, with whether they must not be called.
macro_rules! phones {
    ($tail:literal) => {
        concat!(
            "select p.position, p.phone, p.dialed, d.number is not null as on_dnc
             from dial_list_phone p left join dnc d on d.account_id = $1 and d.channel = 'voice' and d.number = p.phone
             where p.list_id = $2 and ",
            $tail
        )
    };
}

/// Up to `limit` lists of an account after this agent's of this name, or those of one agent, by agent and name.
///
/// # Errors
/// What the database says.
pub async fn lists(on: On<'_>, account: i64, of: Option<&str>, after: (&str, &str), limit: i64) -> Result<Vec<CountedList>> {
    let sql = counted!("($2 is null or l.agent = $2) and (l.agent, l.name) > ($3, $4) order by l.agent, l.name limit $5");
    on.all(q!(sql, account, of, after.0, after.1, limit)).await
}

/// The list of this agent and name.
///
/// # Errors
/// What the database says.
pub async fn get(on: On<'_>, account: i64, agent: &str, name: &str) -> Result<Option<CountedList>> {
    on.opt(q!(counted!("l.agent = $2 and l.name = $3"), account, agent, name)).await
}

/// Up to `limit` numbers of a list after this position, in the order in which they were added; only those with this mark,
/// when one is given.
///
/// # Errors
/// What the database says.
pub async fn phones(on: On<'_>, (account, list): (i64, i64), mark: Option<Mark>, after: i64, limit: i64) -> Result<Vec<PhoneRow>> {
    let sql = phones!("($3 is null or p.dialed = $3) and p.position > $4 order by p.position limit $5");
    on.all(q!(sql, account, list, mark.map(|mark| mark == Mark::Dialed), after, limit)).await
}

/// The first number that is not dialed and may be called.
///
/// # Errors
/// What the database says.
pub async fn next(on: On<'_>, account: i64, list: i64) -> Result<Option<PhoneRow>> {
    let sql = phones!("p.dialed = $3 and d.number is null order by p.position limit 1");
    on.opt(q!(sql, account, list, false)).await
}

/// Makes a list.
///
/// # Errors
/// What the database says.
pub async fn add(tx: &mut Tx, account: i64, agent: &str, name: &str, at: DateTime<Utc>) -> Result<()> {
    let sql = "insert into dial_list (account_id, agent, name, created_at) values ($1, $2, $3, $4)";
    tx.run(q!(sql, account, agent, name, at)).await.map(drop)
}

/// Removes a list with its numbers.
///
/// # Errors
/// What the database says.
pub async fn remove(tx: &mut Tx, list: i64) -> Result<()> {
    tx.run(q!("delete from dial_list where id = $1", list)).await.map(drop)
}

/// What became of a number in a list; `None` when it is not there.
///
/// # Errors
/// What the database says.
pub async fn mark_of(tx: &mut Tx, list: i64, phone: &Number) -> Result<Option<Mark>> {
    let sql = "select dialed from dial_list_phone where list_id = $1 and phone = $2";
    let row: Option<(bool,)> = tx.opt(q!(sql, list, phone.as_str())).await?;
    Ok(row.map(|(dialed,)| mark(dialed)))
}

/// What became of these numbers; those that are not in the list are left out.
///
/// # Errors
/// What the database says.
pub async fn marks_of(tx: &mut Tx, list: i64, phones: &[Number]) -> Result<HashMap<Number, Mark>> {
    let head = "select phone, dialed from dial_list_phone where list_id = $1 and phone in (";
    let mut marks = HashMap::new();
    for q in Q::with_lists(head, list, phones.iter().map(|phone| Arg::from(phone.as_str())).collect(), ")") {
        let rows: Vec<(String, bool)> = tx.all(q).await?;
        marks.extend(rows.into_iter().map(|(phone, dialed)| (Number::from_canonical(phone), mark(dialed))));
    }
    Ok(marks)
}

fn mark(dialed: bool) -> Mark {
    if dialed { Mark::Dialed } else { Mark::Undialed }
}

/// How many numbers a list has, and the last position.
///
/// # Errors
/// What the database says.
pub async fn extent(tx: &mut Tx, list: i64) -> Result<(i64, i64)> {
    tx.one(q!("select count(*), coalesce(max(position), 0) from dial_list_phone where list_id = $1", list)).await
}

/// Adds a number that is not there, as the last one.
///
/// # Errors
/// What the database says.
pub async fn add_phone(tx: &mut Tx, list: i64, position: i64, phone: &Number) -> Result<()> {
    let sql = "insert into dial_list_phone (list_id, position, phone, dialed) values ($1, $2, $3, $4)";
    tx.run(q!(sql, list, position, phone.as_str(), false)).await.map(drop)
}

/// Adds numbers that are not there, in this order behind the last one.
///
/// # Errors
/// What the database says.
pub async fn add_phones(tx: &mut Tx, list: i64, last: i64, phones: &[&Number]) -> Result<()> {
    let row = |(position, phone): (i64, &&Number)| -> [Arg; 4] { [list.into(), position.into(), phone.as_str().into(), false.into()] };
    tx.bulk(PHONES.rows((last + 1..).zip(phones).map(row).collect())).await
}

static PHONES: Bulk<4> = Bulk {
    table: "dial_list_phone",
    columns: [("list_id", Column::Int), ("position", Column::Int), ("phone", Column::Text), ("dialed", Column::Bool)],
    verb: Verb::Insert(""),
};

/// Marks a number.
///
/// # Errors
/// What the database says.
pub async fn set_mark(tx: &mut Tx, list: i64, phone: &Number, mark: Mark) -> Result<()> {
    let sql = "update dial_list_phone set dialed = $3 where list_id = $1 and phone = $2";
    tx.run(q!(sql, list, phone.as_str(), mark == Mark::Dialed)).await.map(drop)
}

/// Takes a number out.
///
/// # Errors
/// What the database says.
pub async fn remove_phone(tx: &mut Tx, list: i64, phone: &Number) -> Result<()> {
    tx.run(q!("delete from dial_list_phone where list_id = $1 and phone = $2", list, phone.as_str())).await.map(drop)
}

/// Takes all numbers out; answers how many there were.
///
/// # Errors
/// What the database says.
pub async fn clear(tx: &mut Tx, list: i64) -> Result<u64> {
    tx.run(q!("delete from dial_list_phone where list_id = $1", list)).await
}
