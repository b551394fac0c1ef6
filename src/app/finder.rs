//! Searches that wait together are answered together: one statement finds the leads of all numbers that were asked for while the
//! last one ran. There is no timer; a lone search goes at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::{Mutex, mpsc, oneshot};

use crate::{
    domain::phone::Number,
    store::{
        Db, Reads, Result,
        leads::{self, LeadPlace},
    },
};

/// Searches that may wait.
const QUEUE: usize = 4096;
/// Searches answered by one statement.
const BATCH: usize = 256;
/// Statements on their way at once.
const WORKERS: usize = 2;

struct Search {
    account: i64,
    phone: Number,
    reply: oneshot::Sender<Result<Vec<LeadPlace>>>,
}

/// Finds leads by number.
#[derive(Clone)]
pub struct Finder(mpsc::Sender<Search>);

impl Finder {
    /// Starts the workers. They end when every handle is gone.
    pub fn start(db: &Db) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let searches = Arc::new(Mutex::new(receiver));
        for _ in 0..WORKERS {
            tokio::spawn(work(db.clone(), searches.clone()));
        }
        Self(sender)
    }

    /// The leads of this number, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn by_phone(&self, account: i64, phone: &Number) -> Result<Vec<LeadPlace>> {
        let (reply, answer) = oneshot::channel();
        let search = Search { account, phone: phone.clone(), reply };
        self.0.send(search).await.map_err(|_| sqlx::Error::PoolClosed)?;
        answer.await.map_err(|_| sqlx::Error::PoolClosed)?
    }
}

async fn work(db: Db, searches: Arc<Mutex<mpsc::Receiver<Search>>>) {
    let mut round = Vec::with_capacity(BATCH);
    loop {
        // whoever waits for the first search also takes what came with it
        if searches.lock().await.recv_many(&mut round, BATCH).await == 0 {
            return;
        }
        let mut by_account: BTreeMap<i64, Vec<Search>> = BTreeMap::new();
        for search in round.drain(..) {
            by_account.entry(search.account).or_default().push(search);
        }
        for (account, searches) in by_account {
            answer(&db, account, searches).await;
        }
    }
}

async fn answer(db: &Db, account: i64, searches: Vec<Search>) {
    let phones: BTreeSet<Number> = searches.iter().map(|search| search.phone.clone()).collect();
    let phones: Vec<Number> = phones.into_iter().collect();
    match leads::places_by_phones(&mut Reads::On(db.look_up()), account, &phones).await {
        Ok(found) => {
            for search in searches {
                let own = found.iter().filter(|place| place.phone == search.phone.as_str()).cloned().collect();
                let _ = search.reply.send(Ok(own));
            }
        }
        Err(error) => {
            let passing = crate::store::is_passing(&error);
            let text = error.to_string();
            for search in searches {
                // an error cannot be copied: each gets one that is treated alike
                let error = if passing { sqlx::Error::PoolTimedOut } else { sqlx::Error::Protocol(text.clone()) };
                let _ = search.reply.send(Err(error));
            }
        }
    }
}
