//! What a command needs beside a running server: an account as it is now, and a committer of its own. The account's turn keeps
//! the two apart.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use super::{AccountName, add::no_such_account};
use crate::{
    app::{
        clock::{Clock, instant},
        committer::{Committer, Done, Failure, Work},
        directory::{Account, Directory},
        hub::Hub,
    },
    config::Config,
    store::Db,
};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(30);
/// How long work is handed in again while the database is away.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(250);

/// The account of this name, with all that it has set up.
pub(super) async fn account(db: &Db, name: &AccountName) -> anyhow::Result<Arc<Account>> {
    let hub = Hub::new(db.clone(), |_| {});
    Directory::new(db.clone()).account_named(&hub, &name.account).await?.ok_or_else(|| no_such_account(&name.account))
}

/// A desk for one command: one account, and what makes changes durable. It sweeps nothing: that is the server's.
pub(super) struct Desk {
    pub(super) db: Db,
    pub(super) account: Arc<Account>,
    committer: Committer,
    tasks: Vec<JoinHandle<()>>,
}

impl Desk {
    /// Opens the store and finds the account.
    pub(super) async fn open(config: &Config, name: &AccountName) -> anyhow::Result<Self> {
        let db = Db::open(&config.store_options()).await?;
        let account = account(&db, name).await?;
        let hub = Hub::new(db.clone(), |_| {});
        let (committer, tasks) = Committer::start(&db, &hub, &Clock::System, &config.committer_settings());
        Ok(Self { db, account, committer, tasks })
    }

    /// Has work done that is safe to hand in twice. It stands in line when this is first polled.
    pub(super) async fn submit(&self, work: Work) -> Result<Done, Failure> {
        let give_up = instant() + PATIENCE;
        loop {
            match self.committer.submit(&self.account, work.clone(), TRY).await {
                Err(Failure::Busy | Failure::Late) if instant() < give_up => tokio::time::sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    /// Waits until all that was handed in is done.
    pub(super) async fn close(self) {
        let Self { db, committer, tasks, .. } = self;
        drop(committer);
        for task in tasks {
            let _ = task.await;
        }
        db.close().await;
    }
}
