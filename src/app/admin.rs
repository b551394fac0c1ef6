//! Changes to the configuration: each takes the account's turn and leaves a `config.*` entry, so that running servers
//! hear of it, whoever made it. The command line uses this beside a running server.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{clock::Clock, seal::Seal};
use crate::{
    domain::event::{Audience, Envelope, wire_micros},
    store::{
        Db, Result, Tx, Writes,
        accounts::{self, NewAccount},
        credentials::{self, NewCredential},
        gateways::{self, NewGateway},
        journal::{self, NewEntry},
        parties::{self, NewParty},
        people::{self, NewAgent},
    },
};

/// The pen for configuration.
#[derive(Clone)]
pub struct Admin {
    db: Db,
    clock: Clock,
    pub(super) seal: Seal,
}

impl Admin {
    /// A pen for this book. Without keys it writes no provider's secrets.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, seal: Seal::default() }
    }

    /// The same with keys.
    #[must_use]
    pub fn with_seal(self, seal: Seal) -> Self {
        Self { seal, ..self }
    }

    /// Adds an account; `None` when the name is taken.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_account(&self, account: &NewAccount) -> Result<Option<i64>> {
        let mut tx = self.db.begin().await?;
        let id = accounts::add(&mut tx, account, self.clock.id(), self.clock.now()).await?;
        if let Some(id) = id {
            self.note(&mut tx, id, &account.name, "config.account", json!({"name": account.name})).await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// Adds an agent; `None` when the login is taken.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_agent(&self, account: (i64, &str), agent: &NewAgent) -> Result<Option<i64>> {
        let mut tx = self.db.begin().await?;
        let id = people::add_agent(&mut tx, account.0, agent, self.clock.now()).await?;
        if id.is_some() {
            self.note(&mut tx, account.0, account.1, "config.agent", json!({"login": agent.login})).await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// Adds an operator; `false` when the login is taken.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_operator(&self, account: (i64, &str), login: &str, password_hash: &str) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let added = people::add_operator(&mut tx, account.0, login, password_hash, self.clock.now()).await?;
        if added {
            self.note(&mut tx, account.0, account.1, "config.operator", json!({"login": login})).await?;
        }
        tx.commit().await?;
        Ok(added)
    }

    /// Adds a token; `false` when the same secret is known already.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_token(&self, account: &str, token: &NewCredential) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let added = tx.run(credentials::insert(token, self.clock.now())).await? == 1;
        if added {
            self.note(&mut tx, token.account, account, "config.token", json!({"label": token.label, "prefix": token.prefix})).await?;
        }
        tx.commit().await?;
        Ok(added)
    }

    /// Revokes a token or session; `false` when there is no such valid one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn revoke(&self, account: (i64, &str), credential: i64) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let revoked = tx.run(credentials::revoke(account.0, credential, self.clock.now())).await? == 1;
        if revoked {
            self.note(&mut tx, account.0, account.1, "config.token", json!({"revoked": credential})).await?;
        }
        tx.commit().await?;
        Ok(revoked)
    }

    /// Lets a session end at this time, if it would last longer.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_session(&self, account: (i64, &str), session: i64, at: DateTime<Utc>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        if tx.run(credentials::shorten(account.0, session, at)).await? == 1 {
            self.note(&mut tx, account.0, account.1, "config.token", json!({"ends": session})).await?;
        }
        tx.commit().await
    }

    /// Adds a gateway; `None` when its name or secret is taken.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add_gateway(&self, account: (i64, &str), gateway: &NewGateway) -> Result<Option<i64>> {
        let mut tx = self.db.begin().await?;
        let id = gateways::add(&mut tx, account.0, gateway, self.clock.now()).await?;
        if id.is_some() {
            self.note(&mut tx, account.0, account.1, "config.gateway", json!({"name": gateway.name})).await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// Adds or replaces parties; of two with one key the later is kept.
    ///
    /// # Errors
    /// What the database says; then none of them was stored.
    pub async fn put_parties(&self, account: (i64, &str), list: &[NewParty]) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let now = self.clock.now();
        // in the order of their keys, so that two writers never wait for each other
        let mut list: Vec<&NewParty> = list.iter().collect();
        list.sort_by(|one, other| (&one.kind, &one.id).cmp(&(&other.kind, &other.id)));
        for party in &list {
            parties::put(&mut tx, account.0, party, now).await?;
        }
        self.note(&mut tx, account.0, account.1, "config.parties", json!({"count": list.len()})).await?;
        tx.commit().await
    }

    /// Removes a party; `false` when there was none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_party(&self, account: (i64, &str), kind: &str, id: &str) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let removed = parties::remove(&mut tx, account.0, kind, id).await?;
        if removed {
            self.note(&mut tx, account.0, account.1, "config.parties", json!({"removed": {"type": kind, "id": id}})).await?;
        }
        tx.commit().await?;
        Ok(removed)
    }

    /// A transaction that holds the account's turn: what is read in it is what the change is judged by.
    pub(super) async fn begin(&self, account: i64) -> Result<Tx> {
        let mut tx = self.db.begin().await?;
        journal::hold_turn(&mut tx, account).await?;
        Ok(tx)
    }

    /// The time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Leaves the entry of a change.
    pub(super) async fn note(&self, tx: &mut Tx, account: i64, name: &str, kind: &'static str, data: serde_json::Value) -> Result<()> {
        let position = journal::hold_turn(tx, account).await?;
        let now = self.clock.now();
        let id = self.clock.id();
        let seq = position.seq + 1;
        let audience = Audience::Agents(vec![]);
        let envelope = Envelope {
            v: 1,
            id: format!("evt_{}", id.simple()),
            account: name,
            epoch: &position.epoch,
            seq,
            kind,
            call: None,
            attempt: None,
            cv: None,
            audience: &audience,
            agent: None,
            occurred_at: wire_micros(now),
            observed_at: wire_micros(now),
            source: "admin",
            data,
        };
        let body = serde_json::to_string(&envelope).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let entry = NewEntry { seq, id, kind, audience: audience.to_stored(), body, observed_at: now };
        let rows = vec![journal::entries(account, vec![entry])];
        // the turn is held: nobody can have written since
        tx.write(Writes {
            account,
            epoch: position.epoch,
            after: position.turn,
            turn: self.clock.id(),
            seq,
            lead_id: position.lead_id,
            rows,
        })
        .await
        .map(drop)
    }
}
