//! Agents and operators.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{On, Result, Tx};
use crate::{
    domain::{agent::Agent, phone::Number},
    q,
};

#[derive(FromRow)]
struct AgentRow {
    id: i64,
    login: String,
    name: String,
    number: Option<String>,
    extension: Option<String>,
}

impl From<AgentRow> for Agent {
    fn from(row: AgentRow) -> Self {
        let number = |text: Option<String>| text.map(Number::from_canonical);
        Self { id: row.id, login: row.login, name: row.name, number: number(row.number), extension: number(row.extension) }
    }
}

/// A new agent.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct NewAgent {
    pub login: String,
    pub name: String,
    pub number: Option<Number>,
    pub extension: Option<Number>,
    pub password_hash: Option<String>,
}

/// Adds an agent; `None` when the login is taken.
///
/// # Errors
/// What the database says.
pub async fn add_agent(tx: &mut Tx, account: i64, agent: &NewAgent, at: DateTime<Utc>) -> Result<Option<i64>> {
    let text = |number: &Option<Number>| number.as_ref().map(|number| number.as_str().to_owned());
    let added: Option<(i64,)> = tx
        .opt(q!(
            "insert into agent (account_id, login, name, number, extension, password, created_at)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning id",
            account,
            &agent.login,
            &agent.name,
            text(&agent.number),
            text(&agent.extension),
            agent.password_hash.clone(),
            at
        ))
        .await?;
    Ok(added.map(|(id,)| id))
}

/// All agents of an account, oldest first.
///
/// # Errors
/// What the database says.
pub async fn agents(on: On<'_>, account: i64) -> Result<Vec<Agent>> {
    let rows: Vec<AgentRow> =
        on.all(q!("select id, login, name, number, extension from agent where account_id = $1 order by id", account)).await?;
    Ok(rows.into_iter().map(Agent::from).collect())
}

/// The password hash of an agent, if the agent exists and has one.
///
/// # Errors
/// What the database says.
pub async fn agent_password(on: On<'_>, account: i64, login: &str) -> Result<Option<String>> {
    let row: Option<(Option<String>,)> =
        on.opt(q!("select password from agent where account_id = $1 and login = $2", account, login)).await?;
    Ok(row.and_then(|(hash,)| hash))
}

/// Adds an operator; `false` when the login is taken.
///
/// # Errors
/// What the database says.
pub async fn add_operator(tx: &mut Tx, account: i64, login: &str, password_hash: &str, at: DateTime<Utc>) -> Result<bool> {
    let sql = "insert into operator (account_id, login, password, created_at) values ($1, $2, $3, $4) on conflict do nothing";
    Ok(tx.run(q!(sql, account, login, password_hash, at)).await? == 1)
}

/// The password hash of an operator.
///
/// # Errors
/// What the database says.
pub async fn operator_password(on: On<'_>, account: i64, login: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = on.opt(q!("select password from operator where account_id = $1 and login = $2", account, login)).await?;
    Ok(row.map(|(hash,)| hash))
}
