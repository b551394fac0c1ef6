//! What a telephone system tells, on its way to the committer: in its order, and until it is stored. A system says things once.

use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    app::{
        App,
        calls::PBX_PATIENCE,
        committer::{Failure, NewsItem, SystemWork, Work},
    },
    store::holds,
};

/// News in one piece of work.
const MAX_ITEMS: usize = 100;
/// Pause before something is handed in again that was not surely stored.
const PAUSE: Duration = Duration::from_millis(250);

/// What waits, and what is on its way.
#[derive(Default)]
pub(super) struct Telling {
    waiting: VecDeque<Work>,
    /// A task of its own: one that nobody polls for a while could hold the book's only writer while others wait for that.
    flight: Option<JoinHandle<()>>,
}

impl Telling {
    /// News that are to be stored.
    pub(super) fn news(&mut self, item: NewsItem) {
        match self.waiting.back_mut() {
            Some(Work::News { items, .. }) if items.len() < MAX_ITEMS => items.push(item),
            _ => self.work(Work::News { items: vec![item], once: None }),
        }
    }

    /// Something else that is to be stored.
    pub(super) fn work(&mut self, work: Work) {
        self.waiting.push_back(work);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.flight.is_none()
    }

    /// Sends what waits, one after the other, until something is stored; never returns when there is nothing. Dropping the future
    /// loses nothing.
    pub(super) async fn next(&mut self, app: &Arc<App>, account: i64, holder: Uuid) {
        if self.flight.is_none()
            && let Some(work) = self.waiting.pop_front()
        {
            self.flight = Some(tokio::spawn(deliver(app.clone(), account, holder, work)));
        }
        match &mut self.flight {
            Some(flight) => {
                if let Err(error) = flight.await {
                    tracing::error!(%error, "what a telephone system told is lost");
                }
                self.flight = None;
            }
            None => pending().await,
        }
    }
}

/// Hands a piece of work in until it is stored. All of it may be stored twice without harm.
async fn deliver(app: Arc<App>, account: i64, holder: Uuid, work: Work) {
    match insist(&app, account, &work).await {
        Err(Failure::Store(error)) => match work {
            // one of them is at fault: the others are stored without it
            Work::News { items, .. } if items.len() > 1 => {
                for item in items {
                    if let Err(error) = insist(&app, account, &Work::News { items: vec![item], once: None }).await {
                        tracing::error!(%error, "news of a telephone system are lost");
                    }
                }
            }
            _ => tracing::error!(%error, "what a telephone system told is lost"),
        },
        Err(error) => tracing::error!(%error, "what a telephone system told is lost"),
        Ok(()) => {
            if let Work::System(SystemWork::State { system, is_up, since, message }) = &work {
                let state = if *is_up { "up" } else { "down" };
                if let Err(error) = holds::set_state(app.db.write(), account, system, holder, (state, *since, message)).await {
                    tracing::warn!(%error, "how a telephone system is could not be kept");
                }
            }
        }
    }
}

async fn insist(app: &App, account: i64, work: &Work) -> Result<(), Failure> {
    loop {
        let submitted = match app.directory.account(&app.hub, account).await {
            Ok(account) => app.committer.submit(&account, work.clone(), PBX_PATIENCE).await.map(drop),
            Err(error) if crate::store::is_passing(&error) => Err(Failure::Late),
            Err(error) => Err(Failure::Store(Arc::new(error))),
        };
        match submitted {
            Err(Failure::Busy | Failure::Late) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
}
