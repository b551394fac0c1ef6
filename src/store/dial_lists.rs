//! Agents' dial lists and the numbers in them.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{On, Result, Tx};
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
}

/// The lists of this name, whoever has them, read under the account's turn.
///
/// # Errors
/// What the database says.
pub async fn named(tx: &mut Tx, account: i64, name: &str) -> Result<Vec<DialList>> {
    let sql = "select id, agent, name from dial_list where account_id = $1 and name = $2 order by id";
    Ok(tx.all::<ListRow>(q!(sql, account, name)).await?.into_iter().map(DialList::from).collect())
}

/// An account's lists, or those of one agent, with how many numbers each has and how many of them are dialed.
///
/// # Errors
/// What the database says.
pub async fn lists(on: On<'_>, account: i64, agent: Option<&str>) -> Result<Vec<(DialList, i64, i64)>> {
    #[derive(FromRow)]
    struct Counted {
        #[sqlx(flatten)]
        list: ListRow,
        phones: i64,
        dialed: i64,
    }
    let sql = "select l.id, l.agent, l.name, count(p.phone) as phones, count(case when p.dialed then 1 end) as dialed
               from dial_list l left join dial_list_phone p on p.list_id = l.id
               where l.account_id = $1 and ($2 is null or l.agent = $2)
               group by l.id, l.agent, l.name order by l.agent, l.name";
    let rows: Vec<Counted> = on.all(q!(sql, account, agent)).await?;
    Ok(rows.into_iter().map(|row| (row.list.into(), row.phones, row.dialed)).collect())
}

/// The list of this agent and name.
///
/// # Errors
/// What the database says.
pub async fn get(on: On<'_>, account: i64, agent: &str, name: &str) -> Result<Option<DialList>> {
    let sql = "select id, agent, name from dial_list where account_id = $1 and agent = $2 and name = $3";
    Ok(on.opt::<ListRow>(q!(sql, account, agent, name)).await?.map(DialList::from))
}

/// Up to `limit` numbers of a list after this position, in the order in which they were added.
///
/// # Errors
/// What the database says.
pub async fn phones(on: On<'_>, list: i64, after: i64, limit: i64) -> Result<Vec<PhoneRow>> {
    let sql = "select position, phone, dialed from dial_list_phone where list_id = $1 and position > $2 order by position limit $3";
    on.all(q!(sql, list, after, limit)).await
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
    Ok(row.map(|(dialed,)| if dialed { Mark::Dialed } else { Mark::Undialed }))
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
