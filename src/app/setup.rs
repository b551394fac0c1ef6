//! Changes of what an account has set up. Each takes the account's turn, is judged by what is there then, and leaves an entry.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    App,
    admin::Admin,
    directory::{Account, read_setup},
    requeue::HEARD_AFTER,
    seal::SealError,
};
use crate::{
    domain::{
        message::provider::Provider,
        setup::{Beside, Invalid, Kind, Setup, check, replaced, user_of},
        telephone::System,
    },
    store::{Reads, Result, Tx, leads, requeue, setup},
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

/// Which version of a record a client means to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meant {
    /// Whatever there is, be it nothing.
    #[default]
    Any,
    /// Whatever there is, but something.
    Present,
    /// This one.
    Version(i64),
}

/// Why a record was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// There is another version, or none.
    Stale(Option<i64>),
    /// Something else names it; what.
    InUse(String),
    /// The change itself is refused.
    Change(E),
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

    /// Removes a record of an account's setup that nothing else names.
    ///
    /// # Errors
    /// What names it, or what the database says.
    pub async fn remove_setup(&self, account: &Arc<Account>, kind: Kind, name: &str) -> Result<Result<Changed, Invalid>> {
        self.change_setup(account, kind, name, |_, body| Ok(if body.is_some() { Change::Remove } else { Change::Keep })).await
    }

    /// Changes a record by what there is: `change` gets the setup and the record's body under the account's turn.
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
        let changed = self.change_version(account, (kind, name), Meant::Any, change).await?;
        Ok(changed.map_err(Refusal::into_change))
    }

    /// The same, if the record is in the version that is meant. The work is done in a task of its own: a client that goes
    /// away must not cut a transaction in two.
    ///
    /// # Errors
    /// As there, and when the record is in another version or in use.
    pub async fn change_version<E: From<Invalid> + Send + 'static>(
        &self,
        account: &Arc<Account>,
        (kind, name): (Kind, &str),
        meant: Meant,
        change: impl FnOnce(&Setup, Option<Value>) -> Result<Change, E> + Send + 'static,
    ) -> Result<Result<Changed, Refusal<E>>> {
        let (admin, own, name) = (self.admin(), account.clone(), name.to_owned());
        let work = async move { admin.change_version(&own, (kind, &name), meant, change).await };
        let changed = tokio::spawn(work).await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        // whoever asks next has it, without waiting for the entry to come round
        self.directory.invalidate(account.id);
        if matches!(kind, Kind::TelephoneSystem | Kind::Options) {
            self.switchboard.changed.notify_one();
        }
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
        Ok(self.change_version(account, (kind, name), Meant::Any, change).await?.map_err(Refusal::into_change))
    }

    /// See [`App::change_version`].
    ///
    /// # Errors
    /// As there.
    pub async fn change_version<E: From<Invalid>>(
        &self,
        account: &Account,
        (kind, name): (Kind, &str),
        meant: Meant,
        change: impl FnOnce(&Setup, Option<Value>) -> Result<Change, E>,
    ) -> Result<Result<Changed, Refusal<E>>> {
        let mut tx = self.begin(account.id).await?;
        let rows = setup::all_in(&mut tx, account.id).await?;
        let setup = read_setup(&self.seal, account.id, rows.clone(), account.region);
        let key = |name: &str| name.trim().to_lowercase();
        let row = rows.into_iter().find(|row| row.kind == kind.word() && key(&row.name) == key(name));
        let version = row.as_ref().map(|row| row.version);
        if !meant.is(version) {
            return Ok(Err(Refusal::Stale(version)));
        }
        // leads and other records name it as it was spelt first
        let name = row.as_ref().map_or(name, |row| row.name.as_str());
        let body = row.as_ref().and_then(|row| serde_json::from_str(&row.body).ok());
        let opened = body.map(|body| self.seal.open(account.id, kind, name, body)).transpose();
        // what cannot be opened may be removed; to be written over, it would have to be known
        let (body, locked) = match opened {
            Ok(body) => (body, None),
            Err(error) => (Some(Value::Null), Some(error)),
        };
        let done = match change(&setup, body) {
            Err(error) => return Ok(Err(Refusal::Change(error))),
            Ok(Change::Keep) => return Ok(Ok(if row.is_some() { Changed::Kept } else { Changed::Missing })),
            Ok(Change::Remove) => {
                if let Some(user) = in_use(&mut tx, account.id, &setup, kind, name).await? {
                    return Ok(Err(Refusal::InUse(user)));
                }
                if !setup::remove(&mut tx, account.id, kind, name).await? {
                    return Ok(Ok(Changed::Missing));
                }
                Changed::Removed
            }
            Ok(Change::Put(_) | Change::Record(_)) if locked.is_some() => {
                return Ok(Err(Refusal::Change(
                    Invalid { field: String::new(), message: locked.map(|error| error.to_string()).unwrap_or_default() }.into(),
                )));
            }
            Ok(Change::Record(body)) => {
                let version = setup::put(&mut tx, account.id, kind, name, &body.to_string(), self.now()).await?;
                Changed::Stored(name.to_owned(), version)
            }
            Ok(Change::Put(body)) => {
                let beside = Beside {
                    is_agent: &|login| account.roster.by_login(login).is_some(),
                    is_gateway: &|name| account.gateways.iter().any(|gateway| gateway.name == name),
                };
                match check(kind, name, &body, &setup, account.region, beside) {
                    Err(invalid) => return Ok(Err(Refusal::Change(invalid.into()))),
                    Ok((name, body)) => match self.to_store(account.id, kind, &name, body) {
                        Err(error) => return Ok(Err(Refusal::Change(Invalid { field: String::new(), message: error.to_string() }.into()))),
                        Ok(body) => {
                            let version = setup::put(&mut tx, account.id, kind, &name, &body.to_string(), self.now()).await?;
                            Changed::Stored(name, version)
                        }
                    },
                }
            }
        };
        self.requeue(&mut tx, account, &setup).await?;
        let event = match kind {
            Kind::Campaign => "campaign.changed",
            Kind::Playlist | Kind::Filter => "list.changed",
            _ => "config.changed",
        };
        self.note(&mut tx, account.id, &account.name, event, json!({"kind": kind.word(), "name": name})).await?;
        tx.commit().await?;
        Ok(Ok(done))
    }

    /// Has the leads of those campaigns get their places anew of which something else holds now.
    async fn requeue(&self, tx: &mut Tx, account: &Account, before: &Setup) -> Result<()> {
        let after = read_setup(&self.seal, account.id, setup::all_in(tx, account.id).await?, account.region);
        for campaign in replaced(before, &after) {
            requeue::ask(tx, account.id, &campaign, self.now() + HEARD_AFTER).await?;
        }
        Ok(())
    }

    /// A record as the book keeps it: those that may have secrets are sealed. One without any needs no key.
    fn to_store(&self, account: i64, kind: Kind, name: &str, body: Value) -> Result<Value, SealError> {
        let is_open = || match kind {
            Kind::Provider => serde_json::from_value::<Provider>(body.clone()).is_ok_and(|provider| !provider.has_secrets()),
            Kind::TelephoneSystem => serde_json::from_value::<System>(body.clone()).is_ok_and(|system| !system.has_secrets()),
            _ => true,
        };
        if !kind.has_secrets() || (!self.seal.has_key() && is_open()) {
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
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for row in setup::all_in(&mut tx, account.0).await? {
            let kind = Kind::read(&row.kind).filter(|kind| kind.has_secrets());
            let (Some(kind), Ok(body)) = (kind, serde_json::from_str(&row.body)) else { continue };
            if self.seal.is_current(&body) {
                continue;
            }
            let opened = self.seal.open(account.0, kind, &row.name, body);
            match opened.and_then(|body| self.seal.seal(account.0, kind, &row.name, &body)) {
                Err(error) => return Ok(Err((row.name, error))),
                Ok(body) => drop(setup::put(&mut tx, account.0, kind, &row.name, &body.to_string(), self.now()).await?),
            }
            *counts.entry(kind).or_default() += 1;
        }
        for (kind, count) in &counts {
            self.note(&mut tx, account.0, account.1, "config.changed", json!({"kind": kind.word(), "resealed": count})).await?;
        }
        tx.commit().await?;
        Ok(Ok(counts.values().sum()))
    }
}

/// What names a record, so that it cannot go.
async fn in_use(tx: &mut Tx, account: i64, setup: &Setup, kind: Kind, name: &str) -> Result<Option<String>> {
    if let Some(user) = user_of(setup, kind, name) {
        return Ok(Some(user));
    }
    let has_leads = kind == Kind::Campaign && leads::any_of(&mut Reads::Tx(tx), account, name).await?;
    Ok(has_leads.then(|| "leads belong to it".to_owned()))
}

impl Meant {
    fn is(self, version: Option<i64>) -> bool {
        match self {
            Self::Any => true,
            Self::Present => version.is_some(),
            Self::Version(meant) => version == Some(meant),
        }
    }
}

impl<E: From<Invalid>> Refusal<E> {
    /// As those are told who name no version.
    fn into_change(self) -> E {
        let told = |message: String| Invalid { field: "name".to_owned(), message }.into();
        match self {
            Self::Change(error) => error,
            Self::InUse(user) => told(format!("it cannot be removed: {user}")),
            Self::Stale(_) => told("it is in another version".to_owned()),
        }
    }
}
