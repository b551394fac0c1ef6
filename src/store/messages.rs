//! Text messages: rows of a commit, and what is found by id, by the provider's id, by what is left to do and by filters.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Arg, Bulk, Column, On, Q, Reads, Result, Rows, Verb};
use crate::{
    domain::{
        message::{Direction, Errand, Message},
        phone::Number,
    },
    q,
};

/// A message and what is left to do with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The message.
    pub message: Message,
    /// What is left to do.
    pub errand: Errand,
}

const MESSAGE: [(&str, Column); 16] = [
    ("account_id", Column::Int),
    ("id", Column::Uuid),
    ("version", Column::Int),
    ("direction", Column::Text),
    ("status", Column::Text),
    ("from_number", Column::Text),
    ("to_number", Column::Text),
    ("agent", Column::Text),
    ("lead_id", Column::Int),
    ("provider", Column::Text),
    ("provider_id", Column::Text),
    ("record", Column::Text),
    ("errand", Column::Text),
    ("due_at", Column::Time),
    ("created_at", Column::Time),
    ("updated_at", Column::Time),
];
static NEW: Bulk<16> = Bulk { table: "message", columns: MESSAGE, verb: Verb::Insert("") };

static CHANGED: Bulk<9> = Bulk {
    table: "message",
    columns: [
        ("account_id", Column::Int),
        ("id", Column::Uuid),
        ("version", Column::Int),
        ("status", Column::Text),
        ("provider_id", Column::Text),
        ("record", Column::Text),
        ("errand", Column::Text),
        ("due_at", Column::Time),
        ("updated_at", Column::Time),
    ],
    verb: Verb::Update(
        "set version = v.version, status = v.status, provider_id = v.provider_id, record = v.record, errand = v.errand, \
         due_at = v.due_at, updated_at = v.updated_at where message.account_id = v.account_id and message.id = v.id",
    ),
};

/// The word that lists filter by: one that nobody knows about is not like others that are being sent.
fn status(message: &Message) -> &'static str {
    if message.delivery.is_unclear() { "unclear" } else { message.status_word() }
}

/// Messages as they are now, each with whether it is new, as rows of a commit.
///
/// # Errors
/// When a message cannot be written as JSON, which it always can.
pub fn rows<'a>(account: i64, messages: impl Iterator<Item = (&'a Kept, bool)>) -> Result<[Rows; 2]> {
    let (mut new, mut changed) = (vec![], vec![]);
    let unwritable = |error: serde_json::Error| sqlx::Error::Encode(error.into());
    for (Kept { message, errand }, is_new) in messages {
        let record = serde_json::to_string(message).map_err(unwritable)?;
        let errand_text = serde_json::to_string(errand).map_err(unwritable)?;
        let provider_id = message.delivery.provider_id();
        if is_new {
            new.push([
                account.into(),
                message.id.into(),
                message.version.into(),
                message.direction.word().into(),
                status(message).into(),
                message.from.as_str().into(),
                message.to.as_str().into(),
                message.agent.as_deref().into(),
                message.lead.into(),
                message.provider.as_str().into(),
                provider_id.into(),
                record.into(),
                errand_text.into(),
                errand.due_at().into(),
                message.created_at.into(),
                message.updated_at.into(),
            ]);
        } else {
            changed.push([
                account.into(),
                message.id.into(),
                message.version.into(),
                status(message).into(),
                provider_id.into(),
                record.into(),
                errand_text.into(),
                errand.due_at().into(),
                message.updated_at.into(),
            ]);
        }
    }
    Ok([NEW.rows(new), CHANGED.rows(changed)])
}

#[derive(FromRow)]
struct KeptRow {
    id: Uuid,
    record: String,
    errand: String,
}

impl KeptRow {
    fn read(self) -> Result<Kept> {
        let unreadable = |error: serde_json::Error| sqlx::Error::Decode(format!("message {}: {error}", self.id).into());
        Ok(Kept {
            message: serde_json::from_str(&self.record).map_err(unreadable)?,
            errand: serde_json::from_str(&self.errand).map_err(unreadable)?,
        })
    }
}

/// The messages with these ids.
///
/// # Errors
/// What the database says.
pub async fn by_ids(reads: &mut Reads<'_>, account: i64, ids: &[Uuid]) -> Result<Vec<Kept>> {
    let values = ids.iter().map(|&id| Arg::from(id)).collect();
    let mut found = Vec::new();
    for q in Q::with_lists("select id, record, errand from message where account_id = $1 and id in (", account, values, ")") {
        found.extend(reads.all::<KeptRow>(q).await?.into_iter().map(KeptRow::read).collect::<Result<Vec<_>>>()?);
    }
    Ok(found)
}

/// A message.
///
/// # Errors
/// What the database says.
pub async fn get(on: On<'_>, account: i64, id: Uuid) -> Result<Option<Message>> {
    let row: Option<KeptRow> = on.opt(q!("select id, record, errand from message where account_id = $1 and id = $2", account, id)).await?;
    Ok(row.map(KeptRow::read).transpose()?.map(|kept| kept.message))
}

/// The message that this provider knows by this id.
///
/// # Errors
/// What the database says.
pub async fn by_provider_id(reads: &mut Reads<'_>, account: i64, direction: Direction, provider: &str, id: &str) -> Result<Option<Uuid>> {
    // the sum keeps planners from walking the account by its key, which is in order already
    let sql =
        "select id from message where provider_id = $1 and account_id + 0 = $2 and provider = $3 and direction = $4 order by id limit 1";
    let row: Option<(Uuid,)> = reads.opt(q!(sql, id, account, provider, direction.word())).await?;
    Ok(row.map(|(id,)| id))
}

/// A message that somebody must look at.
#[derive(Clone, Debug, FromRow)]
pub struct Due {
    /// Its account.
    pub account_id: i64,
    /// The message.
    pub id: Uuid,
    to_number: String,
}

impl Due {
    /// Whom it is for.
    pub fn to(&self) -> Number {
        Number::from_canonical(self.to_number.clone())
    }
}

/// Messages that somebody must look at, the longest due first: of each account `each` at most, so that no account's many keep
/// another's from being seen.
///
/// # Errors
/// What the database says.
pub async fn due(on: On<'_>, now: DateTime<Utc>, each: i64) -> Result<Vec<Due>> {
    let sql = "select account_id, id, to_number from (
                 select account_id, id, to_number, due_at, row_number() over (partition by account_id order by due_at, id) as place
                 from message where due_at is not null and due_at <= $1
               ) waiting where place <= $2 order by place, due_at, account_id";
    on.all(q!(sql, now, each)).await
}

/// What a list of messages is narrowed by; `None` is anything.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct MessagesQuery {
    pub direction: Option<&'static str>,
    pub status: Option<String>,
    /// Either side's.
    pub number: Option<Number>,
    pub lead: Option<i64>,
    pub agent: Option<String>,
}

/// The list's text: what it is found by, then what it is narrowed by.
macro_rules! page {
    ($found_by:literal) => {
        concat!(
            "select id, record, errand from message where account_id = $1 and ($2 is null or id < $2) and ",
            $found_by,
            " and ($3 is null or direction = $3) and ($4 is null or status = $4) and ($5 is null or agent = $5) and ($6 is null or lead_id = $6) \
             and ($7 is null or from_number = $7 or to_number = $7) order by id desc limit $8"
        )
    };
}

/// Up to `limit` messages before `before`, the newest first.
///
/// # Errors
/// What the database says.
pub async fn page(on: On<'_>, account: i64, query: &MessagesQuery, before: Option<Uuid>, limit: i64) -> Result<Vec<Message>> {
    let number = query.number.as_ref().map(Number::as_str);
    // an index is used only when the text says so outright
    let sql = match (query.lead, number) {
        (Some(_), _) => page!("lead_id = $6"),
        (None, Some(_)) => page!(
            "id in (select id from message where from_number = $7 and account_id + 0 = $1
                    union all select id from message where to_number = $7 and account_id + 0 = $1)"
        ),
        (None, None) => page!("1 = 1"),
    };
    let q = q!(sql, account, before, query.direction, query.status.as_deref(), query.agent.as_deref(), query.lead, number, limit);
    on.all::<KeptRow>(q).await?.into_iter().map(|row| row.read().map(|kept| kept.message)).collect()
}

/// Messages of one provider that are alike.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct CarriedRow {
    pub provider: String,
    pub status: String,
    /// How many.
    pub messages: i64,
    /// When the last of them changed.
    pub last_at: DateTime<Utc>,
}

/// How many messages that were made since then each provider has, by status.
///
/// # Errors
/// What the database says.
pub async fn carried(on: On<'_>, account: i64, since: DateTime<Utc>) -> Result<Vec<CarriedRow>> {
    // their ids are in the order of time
    let first = Uuid::from_u128(u128::from(u64::try_from(since.timestamp_millis()).unwrap_or_default()) << 80);
    on.all(q!(
        "select provider, status, count(*) as messages, max(updated_at) as last_at from message
         where account_id = $1 and id >= $2 group by provider, status order by provider, status",
        account,
        first
    ))
    .await
}
