//! The hub: gives committed entries to whoever follows an account.
//!
//! It holds no truth: the journal is the truth, and every follower is a cursor over it. The hub saves followers from
//! asking the book for each entry. A [`Topic`] per account delivers entries in `seq` order without a gap: what it was not
//! given (another node or the command line wrote it) it reads from the book first.

mod feed;
mod mailbox;
mod topic;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OnceCell};

pub use self::{
    feed::{Feed, Item, Opening, Resume},
    mailbox::Interest,
    topic::{Entry, Topic},
};
use crate::store::{Db, Result, journal};

/// By account; a cell is empty while its topic is being opened.
type Topics = HashMap<i64, Arc<OnceCell<Arc<Topic>>>>;

/// All topics of this server.
#[derive(Clone)]
pub struct Hub {
    db: Db,
    topics: Arc<Mutex<Topics>>,
    /// Accounts that were met in the journal heads.
    met: Arc<Mutex<HashSet<i64>>>,
    on_config: Arc<dyn Fn(i64) + Send + Sync>,
    moves: Arc<Notify>,
}

impl Hub {
    /// A hub that calls `on_config` with the account whose configuration an entry changed.
    pub fn new(db: Db, on_config: impl Fn(i64) + Send + Sync + 'static) -> Self {
        Self { db, topics: Arc::default(), met: Arc::default(), on_config: Arc::new(on_config), moves: Arc::default() }
    }

    /// The topic of an account, opened at the journal's present position when it is new.
    ///
    /// # Errors
    /// What the database says.
    pub async fn topic(&self, account: i64) -> Result<Arc<Topic>> {
        let cell = self.lock().entry(account).or_default().clone();
        let topic = cell
            .get_or_try_init(|| async {
                let position = journal::position(self.db.read(), account).await?;
                Ok::<_, sqlx::Error>(Topic::new(account, position, self.db.clone(), self.on_config.clone(), self.moves.clone()))
            })
            .await?;
        Ok(topic.clone())
    }

    /// Gives entries that were just committed to their account's followers. An account without a topic has none.
    pub fn publish(&self, account: i64, epoch: &str, entries: Vec<Arc<Entry>>) {
        if let Some(topic) = self.open_topic(account) {
            topic.publish(epoch, entries);
        }
    }

    /// Whether this agent has a softphone on the socket.
    pub fn is_signed_in(&self, account: i64, login: &str) -> bool {
        self.open_topic(account).is_some_and(|topic| topic.is_signed_in(login))
    }

    /// Looks for entries that somebody else committed and delivers them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn poll(&self) -> Result<()> {
        for (account, epoch, seq) in journal::heads(self.db.read()).await? {
            if let Some(topic) = self.open_topic(account) {
                topic.observe(&epoch, seq);
            }
            // entries of a new account that are older than its topic are not delivered, but what is known of all accounts is
            // out of date
            if self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(account) {
                (self.on_config)(account);
            }
        }
        Ok(())
    }

    /// Waits until an agent or a lead has changed since this was asked last: there may be something to dial.
    pub async fn floor_moves(&self) {
        self.moves.notified().await;
    }

    /// Followers of one account: sockets, long polls that wait, and whoever drives its telephone system.
    pub fn followers_of(&self, account: i64) -> usize {
        self.open_topic(account).map_or(0, |topic| topic.followers())
    }

    /// Followers over all accounts.
    pub fn followers(&self) -> usize {
        let topics: Vec<_> = self.lock().values().filter_map(|cell| cell.get().cloned()).collect();
        topics.iter().map(|topic| topic.followers()).sum()
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    fn open_topic(&self, account: i64) -> Option<Arc<Topic>> {
        self.lock().get(&account).and_then(|cell| cell.get().cloned())
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
