//! What agents have set: rows of a commit, and what is due.

use chrono::{DateTime, Utc};

use super::{Bulk, Column, On, Reads, Result, Rows, Verb};
use crate::{
    domain::presence::{Patience, Presence},
    q,
};

static PUT: Bulk<4> = Bulk {
    table: "presence",
    columns: [("account_id", Column::Int), ("agent", Column::Text), ("record", Column::Text), ("due_at", Column::Time)],
    verb: Verb::Insert("on conflict (account_id, agent) do update set record = excluded.record, due_at = excluded.due_at"),
};

/// What agents have set now, as rows of a commit.
///
/// # Errors
/// When one cannot be written as JSON, which it always can.
pub fn rows<'a>(account: i64, agents: impl Iterator<Item = (&'a str, &'a Presence)>, patience: &Patience) -> Result<Rows> {
    let mut rows = Vec::new();
    for (agent, presence) in agents {
        let record = serde_json::to_string(presence).map_err(|error| sqlx::Error::Encode(error.into()))?;
        rows.push([account.into(), agent.into(), record.into(), presence.due_at(patience).into()]);
    }
    Ok(PUT.rows(rows))
}

/// What all agents of an account have set, as far as they were ever here.
///
/// # Errors
/// What the database says.
pub async fn all(reads: &mut Reads<'_>, account: i64) -> Result<Vec<(String, Presence)>> {
    let rows: Vec<(String, String)> = reads.all(q!("select agent, record from presence where account_id = $1", account)).await?;
    rows.into_iter()
        .map(|(agent, record)| {
            let presence = serde_json::from_str(&record).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok((agent, presence))
        })
        .collect()
}

/// Agents to whom something happens by itself by now, over all accounts.
///
/// # Errors
/// What the database says.
pub async fn due(on: On<'_>, now: DateTime<Utc>, limit: i64) -> Result<Vec<(i64, String)>> {
    on.all(q!("select account_id, agent from presence where due_at <= $1 order by due_at limit $2", now, limit)).await
}
