//! Changes of what an account has set up. Each takes the account's turn, is judged by what is there then, and leaves an entry.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    App,
    admin::Admin,
    directory::{Account, read_setup},
    seal::SealError,
};
use crate::{
    domain::{
        message::provider::Provider,
        setup::{Invalid, Kind, Setup, check},
    },
    store::{Result, setup},
};

/// What is to be done with a record.
pub enum Change {
    /// It is stored.
    Put(Value),
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
    /// The pen for configuration, with the server's keys.
    pub fn admin(&self) -> Admin {
        Admin::new(self.db.clone(), self.clock.clone()).with_seal(self.seal.clone())
    }

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
        let (admin, account, name) = (self.admin(), account.clone(), name.to_owned());
        let work = async move { admin.change_setup(&account, kind, &name, change).await };
        tokio::spawn(work).await.map_err(|_| sqlx::Error::WorkerCrashed)?
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
        let setup = read_setup(&self.seal, account.id, rows.clone(), account.region);
        let key = |name: &str| name.trim().to_lowercase();
        let row = rows.into_iter().find(|row| row.kind == kind.word() && key(&row.name) == key(name));
        let body = row.as_ref().and_then(|row| serde_json::from_str(&row.body).ok());
        let body = body.and_then(|body| self.seal.open(account.id, kind, name, body).ok());
        let refused = |error: E| Ok(Err(error));
        let done = match change(&setup, body) {
            Err(error) => return refused(error),
            Ok(Change::Keep) => return Ok(Ok(if row.is_some() { Changed::Kept } else { Changed::Missing })),
            Ok(Change::Remove) if setup::remove(&mut tx, account.id, kind, name).await? => Changed::Removed,
            Ok(Change::Remove) => return Ok(Ok(Changed::Missing)),
            Ok(Change::Put(body)) => {
                let is_agent = |login: &str| account.roster.by_login(login).is_some();
                match check(kind, name, &body, &setup, account.region, is_agent) {
                    Err(invalid) => return refused(invalid.into()),
                    Ok((name, body)) => match self.to_store(account.id, kind, &name, body) {
                        Err(error) => return refused(Invalid { field: String::new(), message: error.to_string() }.into()),
                        Ok(body) => {
                            let version = setup::put(&mut tx, account.id, kind, &name, &body.to_string(), self.now()).await?;
                            Changed::Stored(name, version)
                        }
                    },
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

    /// A record as the book keeps it: a provider's is sealed. The one without secrets needs no key.
    fn to_store(&self, account: i64, kind: Kind, name: &str, body: Value) -> Result<Value, SealError> {
        let is_open = || serde_json::from_value::<Provider>(body.clone()).is_ok_and(|provider| !provider.has_secrets());
        if kind != Kind::Provider || (!self.seal.has_key() && is_open()) {
            return Ok(body);
        }
        self.seal.seal(account, kind, name, &body)
    }

    /// Seals everything of an account anew that was sealed with an older key, or not at all; answers how many records.
    ///
    /// # Errors
    /// What cannot be opened or sealed, or what the database says. Then nothing was changed.
    pub async fn reseal(&self, account: (i64, &str)) -> Result<Result<usize, (String, SealError)>> {
        let mut tx = self.begin(account.0).await?;
        let mut count = 0;
        for row in setup::all_in(&mut tx, account.0).await? {
            let (Some(Kind::Provider), Ok(body)) = (Kind::read(&row.kind), serde_json::from_str(&row.body)) else { continue };
            if self.seal.is_current(&body) {
                continue;
            }
            let opened = self.seal.open(account.0, Kind::Provider, &row.name, body);
            match opened.and_then(|body| self.seal.seal(account.0, Kind::Provider, &row.name, &body)) {
                Err(error) => return Ok(Err((row.name, error))),
                Ok(body) => drop(setup::put(&mut tx, account.0, Kind::Provider, &row.name, &body.to_string(), self.now()).await?),
            }
            count += 1;
        }
        if count > 0 {
            self.note(&mut tx, account.0, account.1, "config.changed", json!({"kind": Kind::Provider.word(), "resealed": count})).await?;
        }
        tx.commit().await?;
        Ok(Ok(count))
    }
}
