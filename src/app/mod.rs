//! The desk: what is done with calls, agents and accounts.

pub mod admin;
pub mod availability;
pub mod calls;
pub mod clock;
pub mod committer;
pub mod dial_lists;
pub mod dialer;
pub mod directory;
pub mod failpoint;
pub mod finder;
pub mod health;
pub mod hub;
pub mod leads;
pub mod messages;
pub mod outbox;
pub mod parties;
pub mod passwords;
pub mod playlists;
pub mod presence;
pub mod progress;
pub mod pulse;
pub mod queue;
pub mod requeue;
pub mod seal;
pub mod sessions;
pub mod setup;
pub mod skills;
pub mod sweeper;
pub mod switchboard;
pub mod trace;
pub mod wishes;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{
    clock::Clock,
    committer::{Committer, Settings},
    directory::Directory,
    finder::Finder,
    hub::Hub,
    presence::Softphones,
    progress::Counts,
    pulse::Pulses,
    seal::Seal,
    wishes::Wishes,
};
use crate::{
    courier::{self, Courier},
    store::Db,
};

/// How often the journal heads are looked at for what other processes wrote.
const POLL_EVERY: Duration = Duration::from_millis(250);

/// Everything a door needs.
#[derive(Clone)]
pub struct App {
    /// The book.
    pub db: Db,
    /// Time and identifiers.
    pub clock: Clock,
    /// Where entries go.
    pub hub: Hub,
    /// Who is who.
    pub directory: Directory,
    /// Where changes are made durable.
    pub committer: Committer,
    /// Finds leads by number.
    pub finder: Finder,
    /// Which wishes were answered lately.
    pub wishes: Wishes,
    /// How long journals and one-time records are kept.
    pub retention: Duration,
    /// Softphones that are connected to this server.
    pub softphones: Softphones,
    /// How long an agent is kept without his softphone.
    pub grace: Duration,
    /// Who carries requests out.
    pub courier: Courier,
    /// Where the outside world reaches us, without a slash at its end; empty when nobody said so.
    pub public_url: Arc<str>,
    /// The keys of secrets.
    pub seal: Seal,
    /// What was noticed of each account.
    pub pulses: Pulses,
    /// Since when this server runs.
    pub started_at: DateTime<Utc>,
    /// How many leads campaigns have, for those who watch.
    pub(in crate::app) counts: Counts,
    /// Told when there is a message to send.
    pub(in crate::app) mail: Arc<Notify>,
    /// Who drives the telephone systems.
    pub(in crate::app) switchboard: switchboard::Handle,
}

/// What an app needs to deal with the outside world.
#[derive(Clone, Debug)]
pub struct Outside {
    /// How requests go out.
    pub courier: courier::Settings,
    /// Where the outside world reaches us.
    pub public_url: String,
    /// The keys of secrets.
    pub seal: Seal,
}

/// The tasks of an app, to wait for at the end.
pub struct Tasks {
    stop: CancellationToken,
    committing: Vec<JoinHandle<()>>,
    watching: Vec<JoinHandle<()>>,
}

impl App {
    /// Starts the committer and everybody who watches.
    pub fn start(db: Db, clock: Clock, settings: &Settings, retention: Duration, outside: Outside) -> (Arc<Self>, Tasks) {
        let Outside { courier, public_url, seal } = outside;
        let courier = Courier::new(&courier);
        let directory = Directory::new(db.clone()).with_seal(seal.clone());
        let hub = Hub::new(db.clone(), {
            let directory = directory.clone();
            move |account| directory.invalidate(account)
        });
        let (switchboard, asking) = switchboard::Handle::new(&clock, settings.hold);
        let (committer, committing) = Committer::start(&db, &hub, &clock, settings);
        let app = Arc::new(Self {
            started_at: clock.now(),
            clock,
            hub,
            directory,
            committer,
            finder: Finder::start(&db),
            wishes: Wishes::default(),
            retention,
            softphones: Softphones::default(),
            grace: settings.softphone_grace.to_std().unwrap_or_default(),
            courier,
            public_url: public_url.into(),
            seal,
            pulses: Pulses::default(),
            counts: Counts::default(),
            mail: Arc::default(),
            switchboard,
            db,
        });
        let stop = CancellationToken::new();
        let watching = vec![
            tokio::spawn(poll(app.clone(), stop.clone())),
            tokio::spawn(sweeper::run(app.clone(), stop.clone())),
            tokio::spawn(presence::run(app.clone(), stop.clone())),
            tokio::spawn(dialer::run(app.clone(), stop.clone())),
            tokio::spawn(outbox::run(app.clone(), stop.clone())),
            tokio::spawn(switchboard::run(app.clone(), asking, stop.clone())),
            tokio::spawn(requeue::run(app.clone(), stop.clone())),
        ];
        (app, Tasks { stop, committing, watching })
    }
}

impl Tasks {
    /// Ends the watchers, then waits until the committer has done what was handed in. Every `App` must be gone by then.
    pub async fn finish(self, app: Arc<App>) {
        self.stop.cancel();
        for task in self.watching {
            let _ = task.await;
        }
        let db = app.db.clone();
        drop(app);
        for task in self.committing {
            if tokio::time::timeout(Duration::from_secs(10), task).await.is_err() {
                tracing::warn!("the committer still had work after ten seconds");
            }
        }
        db.close().await;
    }
}

/// Hears of what other processes committed.
async fn poll(app: Arc<App>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(POLL_EVERY)).await.is_some() {
        if let Err(error) = app.hub.poll().await {
            tracing::warn!(%error, "the journal heads cannot be read");
        }
    }
}
