//! Who is there: softphones that are connected to this server keep their agents signed in.
//!
//! A softphone is a lease in the book. Whoever holds its socket renews it, so a server that dies takes its softphones with it once
//! their time is over, and another server may have them by then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    App,
    calls::PBX_PATIENCE,
    clock::instant,
    committer::{Connected, Done, Failure, Work},
    directory::Account,
};
use crate::{
    domain::{
        presence::{Ask, Shown},
        tab::{self, Enable},
    },
    store::{self, presence},
};

/// A lease is renewed so often in its life.
const RENEWALS: i32 = 4;
/// Agents whose time has come that one sweep looks at.
const MAX_DUE: i64 = 1000;

/// The softphones that are connected to this server.
#[derive(Clone, Default)]
pub struct Softphones(Arc<Mutex<HashMap<(i64, String), Sockets>>>);

struct Sockets {
    /// The tab of each, where it has a name.
    open: Vec<Option<Uuid>>,
    /// When the lease was last taken, so that a softphone that comes and goes does not write each time; `None` when it was given back.
    leased: Option<Instant>,
}

/// One connected softphone; gone when dropped.
pub struct Softphone {
    of: Softphones,
    key: (i64, String),
    tab: Option<Uuid>,
}

impl Drop for Softphone {
    fn drop(&mut self) {
        if let Some(sockets) = self.of.lock().get_mut(&self.key)
            && let Some(place) = sockets.open.iter().position(|tab| *tab == self.tab)
        {
            sockets.open.swap_remove(place);
        }
    }
}

impl Sockets {
    fn is_leased_within(&self, time: Duration) -> bool {
        self.leased.is_some_and(|at| at.elapsed() < time)
    }

    /// As the committer is told of them; `None` when there is none.
    fn connected(&self, login: &str) -> Option<Connected> {
        (!self.open.is_empty()).then(|| Connected { login: login.to_owned(), tabs: self.open.iter().flatten().copied().collect() })
    }
}

impl Softphones {
    fn lock(&self) -> MutexGuard<'_, HashMap<(i64, String), Sockets>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a softphone; whether its lease is fresh enough to need no other.
    fn connect(&self, account: i64, login: &str, tab: Option<Uuid>, fresh: Duration) -> (Softphone, bool) {
        let key = (account, login.to_owned());
        let mut all = self.lock();
        let is_fresh = all.get(&key).is_some_and(|sockets| sockets.is_leased_within(fresh));
        all.entry(key.clone()).or_insert_with(|| Sockets { open: vec![], leased: None }).open.push(tab);
        (Softphone { of: self.clone(), key, tab }, is_fresh)
    }

    fn leased(&self, account: i64, login: &str, at: Option<Instant>) {
        if let Some(sockets) = self.lock().get_mut(&(account, login.to_owned())) {
            sockets.leased = at;
        }
    }

    /// The agent's softphone, if this server holds a socket of it.
    fn held(&self, account: i64, login: &str) -> Option<Connected> {
        self.lock().get(&(account, login.to_owned()))?.connected(login)
    }

    /// How many agents of an account have one here.
    pub fn count(&self, account: i64) -> usize {
        self.lock().iter().filter(|((of, _), connected)| *of == account && !connected.open.is_empty()).count()
    }

    /// Those that are here now, by account; those that went are forgotten once their lease may be over.
    fn here(&self, grace: Duration) -> HashMap<i64, Vec<Connected>> {
        let mut here: HashMap<i64, Vec<Connected>> = HashMap::new();
        let mut all = self.lock();
        all.retain(|_, sockets| !sockets.open.is_empty() || sockets.is_leased_within(grace));
        for ((account, login), sockets) in all.iter() {
            here.entry(*account).or_default().extend(sockets.connected(login));
        }
        here
    }
}

impl App {
    /// An agent's softphone is connected: he is signed in for as long as what is returned lives, and the grace after it. Its tab is
    /// enabled if no other one is.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn connect_softphone(&self, account: &Arc<Account>, login: &str, tab: Option<Uuid>) -> Result<Softphone, Failure> {
        let fresh = self.grace / RENEWALS.unsigned_abs();
        let (softphone, is_fresh) = self.softphones.connect(account.id, login, tab, fresh);
        if !is_fresh {
            self.ask_presence(account, login, Ask::SignIn(Some(self.lease_until()))).await?;
            self.softphones.leased(account.id, login, Some(instant()));
        }
        if let Some(tab) = tab {
            self.enable_tab(account, login, tab, true).await?;
        }
        Ok(softphone)
    }

    /// Makes this tab the one that rings and dials; answers which one is then.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn enable_tab(&self, account: &Arc<Account>, login: &str, tab: Uuid, if_free: bool) -> Result<tab::Shown, Failure> {
        Ok(self.ask(account, login, Ask::EnableTab(Enable { tab, until: self.lease_until(), if_free })).await?.1)
    }

    /// Does what an agent asks of his presence; answers what is shown of him then.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn ask_presence(&self, account: &Arc<Account>, login: &str, ask: Ask) -> Result<Shown, Failure> {
        let is_end = matches!(ask, Ask::SignOut);
        let shown = self.ask(account, login, ask).await?.0;
        if is_end {
            // whoever comes back, however soon, is signed in again
            self.softphones.leased(account.id, login, None);
        }
        Ok(shown)
    }

    async fn ask(&self, account: &Arc<Account>, login: &str, ask: Ask) -> Result<(Shown, tab::Shown), Failure> {
        match self.committer.submit(account, Work::Presence(login.to_owned(), ask), PBX_PATIENCE).await? {
            Done::Presence(shown) => Ok(*shown),
            _ => Err(Failure::Late),
        }
    }

    /// Renews the leases of all softphones that are connected here.
    pub async fn renew_softphones(&self) {
        let until = self.lease_until();
        for (account, here) in self.softphones.here(self.grace).into_iter().filter(|(_, here)| !here.is_empty()) {
            let renewed = async {
                let account = self.directory.account(&self.hub, account).await.map_err(|error| Failure::Store(Arc::new(error)))?;
                self.committer.submit(&account, Work::Seen(here.clone(), until), PBX_PATIENCE).await
            };
            match renewed.await {
                Ok(_) => here.iter().for_each(|softphone| self.softphones.leased(account, &softphone.login, Some(instant()))),
                Err(error) => tracing::warn!(account, %error, "softphones could not be kept signed in"),
            }
        }
    }

    /// Ends what has outlived its time among the agents; answers how many that concerned.
    ///
    /// # Errors
    /// When the book cannot be read, or an agent could not be written.
    pub async fn sweep_agents(&self) -> Result<usize, Failure> {
        let failed = |error: sqlx::Error| Failure::Store(Arc::new(error));
        let mut by_account: HashMap<i64, Vec<String>> = HashMap::new();
        for (account, login) in presence::due(self.db.look_up(), self.clock.now(), MAX_DUE).await.map_err(failed)? {
            by_account.entry(account).or_default().push(login);
        }
        let mut count = 0;
        for (account, logins) in by_account {
            let account = self.directory.account(&self.hub, account).await.map_err(failed)?;
            // whoever is connected here is not gone, however long the book took to hear it
            let (mut here, mut gone) = (Vec::new(), Vec::new());
            for login in logins {
                match self.softphones.held(account.id, &login) {
                    Some(softphone) => here.push(softphone),
                    None => gone.push(login),
                }
            }
            if !here.is_empty() {
                self.committer.submit(&account, Work::Seen(here, self.lease_until()), PBX_PATIENCE).await?;
            }
            if gone.is_empty() {
                continue;
            }
            if let Done::Expired(expired) = self.committer.submit(&account, Work::ExpireAgents(gone), PBX_PATIENCE).await? {
                count += expired;
            }
        }
        Ok(count)
    }

    /// What all agents have set, as far as they were ever here.
    ///
    /// # Errors
    /// What the database says.
    pub async fn presences(&self, account: i64) -> store::Result<HashMap<String, crate::domain::presence::Presence>> {
        let mut reads = store::Reads::On(self.db.read());
        Ok(presence::all(&mut reads, account).await?.into_iter().collect())
    }

    fn lease_until(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::from_std(self.grace).unwrap_or(TimeDelta::MAX)
    }
}

/// Keeps softphones signed in until told to stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    let every = app.grace / RENEWALS.unsigned_abs();
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        app.renew_softphones().await;
    }
}
