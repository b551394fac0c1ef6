//! Leads: rows of a commit, and what is found by id, client's id, number and place in a list.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{AssertSqlSafe, FromRow};

use super::{Arg, Bulk, Column, On, Q, Reads, Result, Rows, Verb, filter_text, queue};
use crate::{
    domain::{
        lead::{Callback, Lead, Place, Source},
        phone::Number,
        playlist::Published,
    },
    q,
};

/// A lead's columns, in the order of [`LEAD`] but for the account.
macro_rules! select {
    ($tail:literal) => {
        select!($tail, "")
    };
    ($tail:literal, $more:literal) => {
        concat!(
            "select id, version, campaign, subcampaign, client_id, first_name, last_name, address, city, state, \
             zip, phone, phone_raw, email, rep, call_status, notes, custom, source, hot, hot_at, \
             expires_at, import_only, dial_non_callables, check_window, callback_agent, callback_at, \
             callback_notes, attempts, attempts_total, last_attempt_at, outcomes, retry_at, created_at, updated_at",
            $more,
            " from lead l ",
            $tail
        )
    };
}
pub(super) use select;

const LEAD: [(&str, Column); 39] = [
    ("id", Column::Int),
    ("account_id", Column::Int),
    ("version", Column::Int),
    ("campaign", Column::Text),
    ("subcampaign", Column::Text),
    ("client_id", Column::Text),
    ("first_name", Column::Text),
    ("last_name", Column::Text),
    ("address", Column::Text),
    ("city", Column::Text),
    ("state", Column::Text),
    ("zip", Column::Text),
    ("phone", Column::Text),
    ("phone_raw", Column::Text),
    ("email", Column::Text),
    ("rep", Column::Text),
    ("call_status", Column::Text),
    ("notes", Column::Text),
    ("custom", Column::Text),
    ("source", Column::Text),
    ("hot", Column::Bool),
    ("hot_at", Column::Time),
    ("expires_at", Column::Time),
    ("import_only", Column::Bool),
    ("dial_non_callables", Column::Bool),
    ("check_window", Column::Bool),
    ("callback_agent", Column::Text),
    ("callback_at", Column::Time),
    ("callback_notes", Column::Text),
    ("attempts", Column::Int),
    ("attempts_total", Column::Int),
    ("last_attempt_at", Column::Time),
    ("outcomes", Column::Text),
    ("retry_at", Column::Time),
    ("created_at", Column::Time),
    ("updated_at", Column::Time),
    ("dial_rank", Column::Int),
    ("dial_at", Column::Time),
    ("dial_lane", Column::Text),
];

static NEW: Bulk<39> = Bulk { table: "lead", columns: LEAD, verb: Verb::Insert("") };

static CHANGED: Bulk<39> = Bulk {
    table: "lead",
    columns: LEAD,
    verb: Verb::Update(
        "set version = v.version, campaign = v.campaign, subcampaign = v.subcampaign, client_id = v.client_id,
           first_name = v.first_name, last_name = v.last_name, address = v.address, city = v.city, state = v.state,
           zip = v.zip, phone = v.phone, phone_raw = v.phone_raw, email = v.email, rep = v.rep,
           call_status = v.call_status, notes = v.notes, custom = v.custom, hot = v.hot, hot_at = v.hot_at,
           expires_at = v.expires_at, import_only = v.import_only, dial_non_callables = v.dial_non_callables,
           check_window = v.check_window, callback_agent = v.callback_agent, callback_at = v.callback_at,
           callback_notes = v.callback_notes, attempts = v.attempts, attempts_total = v.attempts_total,
           last_attempt_at = v.last_attempt_at, outcomes = v.outcomes, retry_at = v.retry_at,
           updated_at = v.updated_at, dial_rank = v.dial_rank, dial_at = v.dial_at, dial_lane = v.dial_lane
         where lead.account_id = v.account_id and lead.id = v.id",
    ),
};

static NEW_FIELDS: Bulk<4> = Bulk {
    table: "lead_field",
    columns: [("account_id", Column::Int), ("lead_id", Column::Int), ("name", Column::Text), ("value", Column::Text)],
    verb: Verb::Insert("on conflict (account_id, lead_id, name) do update set value = excluded.value"),
};

static GONE_FIELDS: Bulk<3> = Bulk {
    table: "lead_field",
    columns: [("account_id", Column::Int), ("lead_id", Column::Int), ("name", Column::Text)],
    verb: Verb::Delete,
};

#[derive(Debug, FromRow)]
pub(super) struct LeadRow {
    id: i64,
    version: i64,
    campaign: String,
    subcampaign: Option<String>,
    client_id: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    address: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    phone: String,
    phone_raw: String,
    email: Option<String>,
    rep: Option<String>,
    call_status: Option<String>,
    notes: Option<String>,
    custom: Option<String>,
    source: String,
    hot: bool,
    hot_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    import_only: bool,
    dial_non_callables: bool,
    check_window: bool,
    callback_agent: Option<String>,
    callback_at: Option<DateTime<Utc>>,
    callback_notes: Option<String>,
    attempts: i64,
    attempts_total: i64,
    last_attempt_at: Option<DateTime<Utc>>,
    outcomes: Option<String>,
    retry_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl LeadRow {
    pub(super) fn read(self) -> Result<Lead> {
        let unreadable = |why: String| sqlx::Error::Decode(format!("lead {}: {why}", self.id).into());
        let custom = from_json(self.custom.as_deref()).map_err(|error| unreadable(format!("custom: {error}")))?;
        let outcomes = from_json(self.outcomes.as_deref()).map_err(|error| unreadable(format!("outcomes: {error}")))?;
        let source = Source::read(&self.source).ok_or_else(|| unreadable(format!("source {:?}", self.source)))?;
        let (agent, notes) = (self.callback_agent, self.callback_notes);
        Ok(Lead {
            id: self.id,
            campaign: self.campaign,
            subcampaign: self.subcampaign,
            client_id: self.client_id,
            first_name: self.first_name,
            last_name: self.last_name,
            address: self.address,
            city: self.city,
            state: self.state,
            zip: self.zip,
            phone: Number::from_canonical(self.phone),
            phone_raw: self.phone_raw,
            email: self.email,
            rep: self.rep,
            call_status: self.call_status,
            notes: self.notes,
            custom,
            source,
            hot: self.hot,
            hot_at: self.hot_at,
            expires_at: self.expires_at,
            import_only: self.import_only,
            dial_non_callables: self.dial_non_callables,
            check_window: self.check_window,
            callback: self.callback_at.map(|at| Callback { agent, at, notes }),
            attempts: self.attempts,
            attempts_total: self.attempts_total,
            last_attempt_at: self.last_attempt_at,
            outcomes,
            retry_at: self.retry_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        })
    }
}

/// What a column of JSON by name holds; nothing is nothing.
fn from_json<V: DeserializeOwned>(text: Option<&str>) -> serde_json::Result<BTreeMap<String, V>> {
    text.map_or(Ok(BTreeMap::new()), serde_json::from_str)
}

fn to_json<V: Serialize>(map: &BTreeMap<String, V>) -> Result<Arg> {
    let text = (!map.is_empty()).then(|| serde_json::to_string(map)).transpose();
    Ok(text.map_err(|error| sqlx::Error::Encode(error.into()))?.into())
}

fn row(account: i64, lead: &Lead, place: Option<&Place>) -> Result<[Arg; 39]> {
    let [rank, at, lane] = queue::columns(place);
    let callback = lead.callback.as_ref();
    let text = |text: &Option<String>| Arg::from(text.as_deref());
    Ok([
        lead.id.into(),
        account.into(),
        lead.version.into(),
        (&lead.campaign).into(),
        text(&lead.subcampaign),
        text(&lead.client_id),
        text(&lead.first_name),
        text(&lead.last_name),
        text(&lead.address),
        text(&lead.city),
        text(&lead.state),
        text(&lead.zip),
        lead.phone.as_str().into(),
        (&lead.phone_raw).into(),
        text(&lead.email),
        text(&lead.rep),
        text(&lead.call_status),
        text(&lead.notes),
        to_json(&lead.custom)?,
        lead.source.word().into(),
        lead.hot.into(),
        lead.hot_at.into(),
        lead.expires_at.into(),
        lead.import_only.into(),
        lead.dial_non_callables.into(),
        lead.check_window.into(),
        callback.and_then(|callback| callback.agent.as_deref()).into(),
        callback.map(|callback| callback.at).into(),
        callback.and_then(|callback| callback.notes.as_deref()).into(),
        lead.attempts.into(),
        lead.attempts_total.into(),
        lead.last_attempt_at.into(),
        to_json(&lead.outcomes)?,
        lead.retry_at.into(),
        lead.created_at.into(),
        lead.updated_at.into(),
        rank,
        at,
        lane,
    ])
}

/// A lead to write, and the custom values that it had before; `None` when the book does not have it yet.
pub type Written<'a> = (&'a Lead, Option<&'a BTreeMap<String, String>>);

/// Leads as they are now, as rows of a commit; `place` says where each stands in the queue.
///
/// # Errors
/// When custom values cannot be written as JSON, which they always can.
pub fn rows<'a>(account: i64, leads: impl Iterator<Item = Written<'a>>, place: impl Fn(&Lead) -> Option<Place>) -> Result<[Rows; 4]> {
    let (mut new, mut changed, mut fields, mut gone) = (vec![], vec![], vec![], vec![]);
    for (lead, before) in leads {
        if before.is_some() { &mut changed } else { &mut new }.push(row(account, lead, place(lead).as_ref())?);
        for (name, value) in &lead.custom {
            if before.is_none_or(|before| before.get(name) != Some(value)) {
                fields.push([account.into(), lead.id.into(), name.into(), value.into()]);
            }
        }
        for name in before.into_iter().flat_map(BTreeMap::keys).filter(|name| !lead.custom.contains_key(*name)) {
            gone.push([account.into(), lead.id.into(), name.into()]);
        }
    }
    Ok([NEW.rows(new), CHANGED.rows(changed), GONE_FIELDS.rows(gone), NEW_FIELDS.rows(fields)])
}

/// The leads with these numbers, oldest first.
///
/// # Errors
/// What the database says.
pub async fn by_phones(reads: &mut Reads<'_>, account: i64, phones: &[Number]) -> Result<Vec<Lead>> {
    let values = phones.iter().map(|phone| Arg::from(phone.as_str())).collect();
    // the sum keeps planners from reading the whole account by the key: a plan that is kept from an empty table would
    listed(reads, Q::with_lists(select!("where l.account_id + 0 = $1 and l.phone in ("), account, values, ") order by l.id")).await
}

/// Where a lead belongs, for those who only want to know that there is one.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct LeadPlace {
    pub id: i64,
    pub phone: String,
    pub campaign: String,
    pub subcampaign: Option<String>,
}

/// The same leads, with little of each.
///
/// # Errors
/// What the database says.
pub async fn places_by_phones(reads: &mut Reads<'_>, account: i64, phones: &[Number]) -> Result<Vec<LeadPlace>> {
    let head = "select id, phone, campaign, subcampaign from lead where account_id + 0 = $1 and phone in (";
    let values = phones.iter().map(|phone| Arg::from(phone.as_str())).collect();
    let mut places = Vec::new();
    for q in Q::with_lists(head, account, values, ") order by id") {
        places.extend(reads.all::<LeadPlace>(q).await?);
    }
    Ok(places)
}

/// The leads with these ids of the client's, oldest first.
///
/// # Errors
/// What the database says.
pub async fn by_client_ids(reads: &mut Reads<'_>, account: i64, ids: &[String]) -> Result<Vec<Lead>> {
    let values = ids.iter().map(Arg::from).collect();
    // the sum as above
    listed(reads, Q::with_lists(select!("where l.account_id + 0 = $1 and l.client_id in ("), account, values, ") order by l.id")).await
}

/// The leads with these ids.
///
/// # Errors
/// What the database says.
pub async fn by_ids(reads: &mut Reads<'_>, account: i64, ids: &[i64]) -> Result<Vec<Lead>> {
    let values = ids.iter().map(|&id| Arg::from(id)).collect();
    listed(reads, Q::with_lists(select!("where l.account_id = $1 and l.id in ("), account, values, ")")).await
}

async fn listed(reads: &mut Reads<'_>, parts: Vec<Q>) -> Result<Vec<Lead>> {
    let mut leads = Vec::new();
    for q in parts {
        leads.extend(reads.all::<LeadRow>(q).await?.into_iter().map(LeadRow::read).collect::<Result<Vec<_>>>()?);
    }
    Ok(leads)
}

/// What a list of leads is narrowed by; `None` is anything. Campaigns are compared as they are stored.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct LeadsQuery {
    pub campaign: Option<String>,
    pub subcampaign: Option<String>,
    pub client_id: Option<String>,
    pub phone: Option<Number>,
    pub rep: Option<String>,
    pub call_status: Option<String>,
    pub hot: Option<bool>,
}

/// The list's text: what it is found by, then what it is narrowed by. An index is used only when the text says so outright.
macro_rules! page {
    ($found_by:literal) => {
        concat!(
            select!("where l.account_id = $1 and l.id < $2 and "),
            $found_by,
            " and ($3 is null or l.phone = $3) and ($4 is null or l.client_id = $4) and ($5 is null or l.campaign = $5) \
             and ($6 is null or l.subcampaign = $6) and ($7 is null or l.rep = $7) and ($8 is null or l.call_status = $8) \
             and ($9 is null or l.hot = $9) order by l.id desc limit $10"
        )
    };
}

/// Up to `limit` leads older than `before`, the newest first.
///
/// # Errors
/// What the database says.
pub async fn page(on: On<'_>, account: i64, query: &LeadsQuery, before: Option<i64>, limit: i64) -> Result<Vec<Lead>> {
    let sql = match query {
        LeadsQuery { phone: Some(_), .. } => page!("l.phone = $3"),
        LeadsQuery { client_id: Some(_), .. } => page!("l.client_id = $4"),
        LeadsQuery { campaign: Some(_), .. } => page!("l.campaign = $5"),
        _ => page!("1 = 1"),
    };
    let q = q!(
        sql,
        account,
        before.unwrap_or(i64::MAX),
        query.phone.as_ref().map(Number::as_str),
        query.client_id.as_deref(),
        query.campaign.as_deref(),
        query.subcampaign.as_deref(),
        query.rep.as_deref(),
        query.call_status.as_deref(),
        query.hot,
        limit
    );
    on.all::<LeadRow>(q).await?.into_iter().map(LeadRow::read).collect()
}

/// Up to `limit` leads that a playlist holds, the oldest first, and how many it holds.
///
/// # Errors
/// What the database says.
pub async fn matching(on: On<'_>, account: i64, playlist: &Published, limit: i64) -> Result<(i64, Vec<Lead>)> {
    let condition = filter_text::of_playlist(playlist, 2);
    let args = || std::iter::once(Arg::from(account)).chain(condition.args.iter().cloned()).collect::<Vec<_>>();
    let count = format!("select count(*) from lead l where l.account_id = $1 and {}", condition.sql);
    let (count,): (i64,) = on.one(Q::new(AssertSqlSafe(count), args())).await?;
    let first = format!("{}{} order by l.id limit ${}", select!("where l.account_id = $1 and "), condition.sql, condition.args.len() + 2);
    let args = args().into_iter().chain([limit.into()]).collect();
    let rows = on.all::<LeadRow>(Q::new(AssertSqlSafe(first), args)).await?;
    Ok((count, rows.into_iter().map(LeadRow::read).collect::<Result<_>>()?))
}

/// Whether a campaign has a lead.
///
/// # Errors
/// What the database says.
pub async fn any_of(reads: &mut Reads<'_>, account: i64, campaign: &str) -> Result<bool> {
    let q = q!("select id from lead where account_id + 0 = $1 and campaign = $2 limit 1", account, campaign);
    Ok(reads.opt::<(i64,)>(q).await?.is_some())
}

/// Up to `limit` leads after this id, the oldest first: for a copy of all.
///
/// # Errors
/// What the database says.
pub async fn export(on: On<'_>, account: i64, campaign: Option<&str>, after: i64, limit: i64) -> Result<Vec<Lead>> {
    let sql = select!("where l.account_id = $1 and l.id > $2 and ($3 is null or l.campaign = $3) order by l.id limit $4");
    on.all::<LeadRow>(q!(sql, account, after, campaign, limit)).await?.into_iter().map(LeadRow::read).collect()
}

/// The names of all custom values that an account's leads have.
///
/// # Errors
/// What the database says.
pub async fn custom_names(on: On<'_>, account: i64) -> Result<Vec<String>> {
    let names: Vec<(String,)> = on.all(q!("select distinct name from lead_field where account_id = $1 order by name", account)).await?;
    Ok(names.into_iter().map(|(name,)| name).collect())
}
