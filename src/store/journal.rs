//! The journal: per account a gap-free row of entries, in commit order.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Arg, Bulk, Column, Db, On, Reads, Result, Rows, Tx, Verb};
use crate::q;

/// Where a journal stands.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Position {
    /// The incarnation.
    pub epoch: String,
    /// The last entry.
    pub seq: i64,
    /// Entries up to here have been trimmed.
    pub floor: i64,
    /// The name of the last turn that was taken and kept.
    pub turn: Uuid,
    /// The last id that was given to a lead.
    pub lead_id: i64,
}

/// A new entry; its `seq` is inside `body` too.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Within the account and epoch.
    pub seq: i64,
    /// Of the event.
    pub id: Uuid,
    /// The event's type.
    pub kind: &'static str,
    /// As [`Audience::to_stored`](crate::domain::event::Audience::to_stored).
    pub audience: Option<String>,
    /// The envelope.
    pub body: String,
    /// When we heard of it.
    pub observed_at: DateTime<Utc>,
}

/// A stored entry.
#[derive(Clone, Debug, FromRow)]
pub struct StoredEntry {
    /// Within the account and epoch.
    pub seq: i64,
    /// The event's type.
    pub kind: String,
    /// As stored.
    pub audience: Option<String>,
    /// The envelope.
    pub body: String,
    /// When we heard of it.
    pub observed_at: DateTime<Utc>,
}

static ENTRIES: Bulk<7> = Bulk {
    table: "journal",
    columns: [
        ("account_id", Column::Int),
        ("seq", Column::Int),
        ("id", Column::Uuid),
        ("kind", Column::Text),
        ("audience", Column::Text),
        ("body", Column::Text),
        ("observed_at", Column::Time),
    ],
    verb: Verb::Insert(""),
};

/// Holds the account's turn: whoever else wants to write to this account waits until this transaction ends. The turn
/// gets a name when something is written.
///
/// # Errors
/// What the database says; a missing row means that the account does not exist.
pub async fn hold_turn(tx: &mut Tx, account: i64) -> Result<Position> {
    tx.one(q!("update journal_head set turn = turn where account_id = $1 returning epoch, seq, floor, turn, lead_id", account)).await
}

/// Entries whose `seq` follow on the account's last one, as rows of a commit.
pub fn entries(account: i64, entries: Vec<NewEntry>) -> Rows {
    let row = |entry: NewEntry| -> [Arg; 7] {
        [
            account.into(),
            entry.seq.into(),
            entry.id.into(),
            entry.kind.into(),
            entry.audience.into(),
            entry.body.into(),
            entry.observed_at.into(),
        ]
    };
    ENTRIES.rows(entries.into_iter().map(row).collect())
}

/// Whether the entry with this `seq` is the event `id`: tells if a commit of unknown outcome happened.
///
/// # Errors
/// What the database says.
pub async fn holds(tx: &mut Tx, account: i64, seq: i64, id: Uuid) -> Result<bool> {
    Ok(tx.opt::<(i64,)>(q!("select seq from journal where account_id = $1 and seq = $2 and id = $3", account, seq, id)).await?.is_some())
}

/// Where an account's journal stands.
///
/// # Errors
/// What the database says.
pub async fn position(on: On<'_>, account: i64) -> Result<Position> {
    on.one(q!("select epoch, seq, floor, turn, lead_id from journal_head where account_id = $1", account)).await
}

/// Where every journal stands.
///
/// # Errors
/// What the database says.
pub async fn heads(on: On<'_>) -> Result<Vec<(i64, String, i64)>> {
    on.all(q!("select account_id, epoch, seq from journal_head")).await
}

/// Up to `limit` entries with `after < seq <= upto`, oldest first. With `login`, entries that surely do not concern that
/// agent are left out by the database; the caller still filters by audience.
///
/// # Errors
/// What the database says.
pub async fn page(on: On<'_>, account: i64, after: i64, upto: i64, login: Option<&str>, limit: i64) -> Result<Vec<StoredEntry>> {
    // a login may hold what a pattern gives a meaning to; with an escape of our own a backslash has none on either side
    let login = login.map(|login| login.replace('!', "!!").replace('%', "!%").replace('_', "!_"));
    on.all(q!(
        "select seq, kind, audience, body, observed_at from journal
         where account_id = $1 and seq > $2 and seq <= $3
           and ($4 is null or audience is null or audience like '%' || $4 || '%' escape '!')
         order by seq limit $5",
        account,
        after,
        upto,
        login,
        limit
    ))
    .await
}

/// When the first entry after this place was observed.
///
/// # Errors
/// What the database says.
pub async fn observed_after(on: On<'_>, account: i64, after: i64) -> Result<Option<DateTime<Utc>>> {
    let sql = "select observed_at from journal where account_id = $1 and seq > $2 order by seq limit 1";
    Ok(on.opt::<(DateTime<Utc>,)>(q!(sql, account, after)).await?.map(|(at,)| at))
}

/// The entries with `after < seq <= upto` whose envelope names `word`, which holds nothing that a pattern gives a meaning to.
///
/// # Errors
/// What the database says.
pub async fn naming(on: On<'_>, account: i64, after: i64, upto: i64, word: &str) -> Result<Vec<StoredEntry>> {
    on.all(q!(
        "select seq, kind, audience, body, observed_at from journal
         where account_id = $1 and seq > $2 and seq <= $3 and body like '%' || $4 || '%' order by seq",
        account,
        after,
        upto,
        word
    ))
    .await
}

/// Removes entries older than `before`, at most `limit` of them, oldest first; answers how many.
///
/// # Errors
/// What the database says.
pub async fn trim(tx: &mut Tx, account: i64, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let position = hold_turn(tx, account).await?;
    let old: Vec<(i64, DateTime<Utc>)> = tx
        .all(q!(
            "select seq, observed_at from journal where account_id = $1 and seq > $2 order by seq limit $3",
            account,
            position.floor,
            limit
        ))
        .await?;
    let Some(&(floor, _)) = old.iter().take_while(|(_, observed)| *observed < before).last() else { return Ok(0) };
    let removed = tx.run(q!("delete from journal where account_id = $1 and seq <= $2", account, floor)).await?;
    tx.run(q!("update journal_head set floor = $2 where account_id = $1", account, floor)).await?;
    Ok(removed)
}

/// A stored answer for an idempotency key, with the hash of the request that got it.
#[derive(Clone, Debug, FromRow)]
pub struct Remembered {
    /// SHA-256 of the request.
    pub content: Vec<u8>,
    /// The answer, as sent.
    pub answer: String,
}

/// The answer that this key got before.
///
/// # Errors
/// What the database says.
pub async fn remembered(reads: &mut Reads<'_>, account: i64, key: &str) -> Result<Option<Remembered>> {
    reads.opt(q!("select content, answer from idempotency where account_id = $1 and key = $2", account, key)).await
}

static ANSWERS: Bulk<5> = Bulk {
    table: "idempotency",
    columns: [
        ("account_id", Column::Int),
        ("key", Column::Text),
        ("content", Column::Bytes),
        ("answer", Column::Text),
        ("created_at", Column::Time),
    ],
    verb: Verb::Insert(""),
};

/// Answers that keys got, as rows of a commit.
pub fn answers(account: i64, answers: Vec<(String, Remembered)>, at: DateTime<Utc>) -> Rows {
    let row = |(key, answer): (String, Remembered)| -> [Arg; 5] {
        [account.into(), key.into(), answer.content.into(), answer.answer.into(), at.into()]
    };
    ANSWERS.rows(answers.into_iter().map(row).collect())
}

/// Forgets idempotency keys and one-time credentials that are past use.
///
/// # Errors
/// What the database says.
pub async fn forget(db: &Db, before: DateTime<Utc>) -> Result<u64> {
    let keys = db.write().run(q!("delete from idempotency where created_at < $1", before)).await?;
    let credentials = db.write().run(q!("delete from token where expires_at < $1", before)).await?;
    Ok(keys + credentials)
}
