//! The party directory: who a number belongs to.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Arg, On, Q, Reads, Result, Tx};
use crate::{
    domain::{call::PartyRef, phone::Number},
    q,
};

/// A party as stored, without its numbers.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct PartyRow {
    pub kind: String,
    pub id: String,
    pub name: String,
    pub email: Option<String>,
    pub url: Option<String>,
    pub updated_at: DateTime<Utc>,
}

/// A party to store.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct NewParty {
    pub kind: String,
    pub id: String,
    pub name: String,
    pub email: Option<String>,
    pub url: Option<String>,
    pub numbers: Vec<Number>,
}

#[derive(FromRow)]
struct OwnerRow {
    number: String,
    kind: String,
    id: String,
    name: String,
}

/// Adds a party or replaces it, its numbers included.
///
/// # Errors
/// What the database says.
pub async fn put(tx: &mut Tx, account: i64, party: &NewParty, at: DateTime<Utc>) -> Result<()> {
    tx.run(q!(
        "insert into party (account_id, kind, id, name, email, url, updated_at) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (account_id, kind, id) do update
         set name = excluded.name, email = excluded.email, url = excluded.url, updated_at = excluded.updated_at",
        account,
        &party.kind,
        &party.id,
        &party.name,
        party.email.clone(),
        party.url.clone(),
        at
    ))
    .await?;
    tx.run(q!("delete from party_number where account_id = $1 and kind = $2 and id = $3", account, &party.kind, &party.id)).await?;
    for number in &party.numbers {
        let sql = "insert into party_number (account_id, number, kind, id) values ($1, $2, $3, $4) on conflict do nothing";
        tx.run(q!(sql, account, number.as_str(), &party.kind, &party.id)).await?;
    }
    Ok(())
}

/// Removes a party; `false` when there was none.
///
/// # Errors
/// What the database says.
pub async fn remove(tx: &mut Tx, account: i64, kind: &str, id: &str) -> Result<bool> {
    Ok(tx.run(q!("delete from party where account_id = $1 and kind = $2 and id = $3", account, kind, id)).await? == 1)
}

/// The parties that these numbers belong to, the one that is meant last: of several that share a number the one that
/// [`by_number`] lists first.
///
/// # Errors
/// What the database says.
pub async fn owners(reads: &mut Reads<'_>, account: i64, numbers: &[Number]) -> Result<Vec<(Number, PartyRef)>> {
    let head = "select n.number, p.kind, p.id, p.name from party_number n
                join party p on p.account_id = n.account_id and p.kind = n.kind and p.id = n.id
                where n.account_id = $1 and n.number in (";
    let values = numbers.iter().map(|number| Arg::from(number.as_str())).collect();
    let mut owners = Vec::with_capacity(numbers.len());
    for q in Q::with_lists(head, account, values, ") order by p.updated_at, p.kind desc, p.id desc") {
        let rows: Vec<OwnerRow> = reads.all(q).await?;
        let owner = |row: OwnerRow| (Number::from_canonical(row.number), PartyRef { kind: row.kind, id: row.id, name: row.name });
        owners.extend(rows.into_iter().map(owner));
    }
    Ok(owners)
}

/// The parties with this number, the one changed last first.
///
/// # Errors
/// What the database says.
pub async fn by_number(on: On<'_>, account: i64, number: &Number) -> Result<Vec<PartyRow>> {
    on.all(q!(
        "select p.kind, p.id, p.name, p.email, p.url, p.updated_at from party_number n
         join party p on p.account_id = n.account_id and p.kind = n.kind and p.id = n.id
         where n.account_id = $1 and n.number = $2 order by p.updated_at desc, p.kind, p.id",
        account,
        number.as_str()
    ))
    .await
}

/// One party.
///
/// # Errors
/// What the database says.
pub async fn get(on: On<'_>, account: i64, kind: &str, id: &str) -> Result<Option<PartyRow>> {
    on.opt(q!(
        "select kind, id, name, email, url, updated_at from party where account_id = $1 and kind = $2 and id = $3",
        account,
        kind,
        id
    ))
    .await
}

/// Up to `limit` parties after the key `(kind, id)`, in key order.
///
/// # Errors
/// What the database says.
pub async fn list(on: On<'_>, account: i64, after: (&str, &str), limit: i64) -> Result<Vec<PartyRow>> {
    on.all(q!(
        "select kind, id, name, email, url, updated_at from party
         where account_id = $1 and (kind, id) > ($2, $3) order by kind, id limit $4",
        account,
        after.0,
        after.1,
        limit
    ))
    .await
}

/// The numbers of a party.
///
/// # Errors
/// What the database says.
pub async fn numbers(on: On<'_>, account: i64, kind: &str, id: &str) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = on
        .all(q!("select number from party_number where account_id = $1 and kind = $2 and id = $3 order by number", account, kind, id))
        .await?;
    Ok(rows.into_iter().map(|(number,)| number).collect())
}

/// A number and the key of the party that it belongs to.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct NumberRow {
    pub kind: String,
    pub id: String,
    pub number: String,
}

/// The numbers of the parties from the key `first` to the key `last`, both included, in order.
///
/// # Errors
/// What the database says.
pub async fn numbers_between(on: On<'_>, account: i64, first: (&str, &str), last: (&str, &str)) -> Result<Vec<NumberRow>> {
    on.all(q!(
        "select kind, id, number from party_number
         where account_id = $1 and (kind, id) >= ($2, $3) and (kind, id) <= ($4, $5) order by number",
        account,
        first.0,
        first.1,
        last.0,
        last.1
    ))
    .await
}

/// All numbers of the parties that share this one, in order.
///
/// # Errors
/// What the database says.
pub async fn numbers_beside(on: On<'_>, account: i64, number: &Number) -> Result<Vec<NumberRow>> {
    on.all(q!(
        "select n.kind, n.id, n.number from party_number s
         join party_number n on n.account_id = s.account_id and n.kind = s.kind and n.id = s.id
         where s.account_id = $1 and s.number = $2 order by n.number",
        account,
        number.as_str()
    ))
    .await
}

/// Whether the account has any party at all: spares a look-up per call where the directory is not used.
///
/// # Errors
/// What the database says.
pub async fn any(on: On<'_>, account: i64) -> Result<bool> {
    Ok(on.opt::<(i64,)>(q!("select account_id from party where account_id = $1 limit 1", account)).await?.is_some())
}
