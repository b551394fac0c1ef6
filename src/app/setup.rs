//! Changes of what an account has set up. Each takes the account's turn, is judged by what is there then, and leaves an entry.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    App,
    admin::Admin,
    directory::{Account, read_setup},
};
use crate::{
    domain::setup::{Invalid, Kind, Setup, check},
    store::{Result, setup},
};

/// What is to be done with a record.
pub enum Change {
    /// It is stored, if it passes the check.
    Put(Value),
    /// It is stored as it is: the law made it.
    Record(Value),
    /// It is removed.
    Remove,
    /// It stays as it is.
    Keep,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was stored under this name in this version; whether it is new.
    Stored(String, i64),
    /// It was removed.
    Removed,
    /// It is as it was.
    Kept,
    /// There is none.
    Missing,
}

impl App {
    /// Stores a record of an account's setup.
    ///
    /// # Errors
    /// What is wrong with it, or what the database says.
    pub async fn put_setup(&self, account: &Arc<Account>, kind: Kind, name: &str, body: Value) -> Result<Result<Changed, Invalid>> {
        self.change_setup(account, kind, name, move |_, _| Ok(Change::Put(body))).await
    }

    /// Removes a record of an account's setup.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_setup(&self, account: &Arc<Account>, kind: Kind, name: &str) -> Result<Result<Changed, Invalid>> {
        self.change_setup(account, kind, name, |_, body| Ok(if body.is_some() { Change::Remove } else { Change::Keep })).await
    }

    /// Changes a record by what there is: `change` gets the setup and the record's body under the account's turn. The work
    /// is done in a task of its own: a client that goes away must not cut a transaction in two.
    ///
    /// # Errors
    /// What `change` or the check of the record refuses, or what the database says.
    pub async fn change_setup<E: From<Invalid> + Send + 'static>(
        &self,
        account: &Arc<Account>,
        kind: Kind,
        name: &str,
        change: impl FnOnce(&Setup, Option<Value>) -> Result<Change, E> + Send + 'static,
    ) -> Result<Result<Changed, E>> {
        let id = account.id;
        let (admin, account, name) = (Admin::new(self.db.clone(), self.clock.clone()), account.clone(), name.to_owned());
        let work = async move { admin.change_setup(&account, kind, &name, change).await };
        let changed = tokio::spawn(work).await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        // whoever made the change finds it at once; other servers hear of it by its entry
        self.directory.invalidate(id);
        changed
    }
}

impl Admin {
    /// See [`App::change_setup`].
    ///
    /// # Errors
    /// As there.
    pub async fn change_setup<E: From<Invalid>>(
        &self,
        account: &Account,
        kind: Kind,
        name: &str,
        change: impl FnOnce(&Setup, Option<Value>) -> Result<Change, E>,
    ) -> Result<Result<Changed, E>> {
        let mut tx = self.begin(account.id).await?;
        let rows = setup::all_in(&mut tx, account.id).await?;
        let setup = read_setup(rows.clone(), account.region);
        let key = |name: &str| name.trim().to_lowercase();
        let row = rows.into_iter().find(|row| row.kind == kind.word() && key(&row.name) == key(name));
        let body = row.as_ref().and_then(|row| serde_json::from_str(&row.body).ok());
        let refused = |error: E| Ok(Err(error));
        let done = match change(&setup, body) {
            Err(error) => return refused(error),
            Ok(Change::Keep) => return Ok(Ok(if row.is_some() { Changed::Kept } else { Changed::Missing })),
            Ok(Change::Remove) if setup::remove(&mut tx, account.id, kind, name).await? => Changed::Removed,
            Ok(Change::Remove) => return Ok(Ok(Changed::Missing)),
            Ok(Change::Record(body)) => {
                let name = row.as_ref().map_or(name, |row| &row.name);
                let version = setup::put(&mut tx, account.id, kind, name, &body.to_string(), self.now()).await?;
                Changed::Stored(name.to_owned(), version)
            }
            Ok(Change::Put(body)) => {
                let is_agent = |login: &str| account.roster.by_login(login).is_some();
                match check(kind, name, &body, &setup, account.region, is_agent) {
                    Err(invalid) => return refused(invalid.into()),
                    Ok((name, body)) => {
                        let version = setup::put(&mut tx, account.id, kind, &name, &body.to_string(), self.now()).await?;
                        Changed::Stored(name, version)
                    }
                }
            }
        };
        let event = match kind {
            Kind::Campaign => "campaign.changed",
            Kind::Playlist | Kind::Filter => "list.changed",
            _ => "config.changed",
        };
        self.note(&mut tx, account.id, &account.name, event, json!({"kind": kind.word(), "name": name})).await?;
        tx.commit().await?;
        Ok(Ok(done))
    }
}
