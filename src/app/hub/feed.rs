//! A follower's cursor over the journal: replay from the book, then live from the hub, with no gap and no copy between.

use std::{collections::VecDeque, pin::Pin, sync::Arc};

use super::{
    Hub,
    mailbox::{Interest, Mail},
    topic::{Entry, Seat, Topic},
};
use crate::{
    domain::call::Call,
    store::{
        Db, Result, calls,
        journal::{self, Position, StoredEntry},
    },
};

/// Entries read from the book at once.
const PAGE: i64 = 256;
/// A follower that is further behind gets a snapshot: cheaper for both sides than this much history.
const MAX_REPLAY: i64 = 50_000;

/// Where a follower says it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The journal's incarnation it knew.
    pub epoch: String,
    /// The last position it applied.
    pub seq: i64,
}

/// How a feed begins.
#[derive(Debug)]
pub enum Opening {
    /// Nothing was missed.
    Live,
    /// What was missed follows, ended by a mark.
    Replay,
    /// Too much was missed, or the journal began anew: what goes on from here needs a [`Feed::snapshot`] before.
    Reset,
}

/// What a feed gives next.
#[derive(Debug)]
pub enum Item {
    /// An entry that the follower wants.
    Entry(Arc<Entry>),
    /// The end of a replay: everything up to here was looked at.
    Mark(i64),
    /// Nothing that was known holds: open a new feed.
    Reset,
}

/// A follower's cursor.
pub struct Feed {
    hub: Hub,
    account: i64,
    seat: Seat,
    topic: Arc<Topic>,
    epoch: String,
    cursor: i64,
    /// The end of the replay that is under way.
    replay_to: Option<i64>,
    /// The page that is being read: kept, so that whoever stops waiting for it does not lose its place in the queue.
    reading: Option<Reading>,
    /// The end of a replay whose last entries wait to be given.
    mark: Option<i64>,
    waiting: VecDeque<Arc<Entry>>,
}

impl Feed {
    /// Opens a feed after `resume`, or at the present when there is none or it cannot be served completely.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(hub: &Hub, account: i64, interest: Interest, resume: Option<Resume>) -> Result<(Self, Opening)> {
        let topic = hub.topic(account).await?;
        // the seat first: what is committed after the book was read reaches the mailbox, what before is in the book
        let seat = topic.follow(interest);
        let position = journal::position(hub.db().replay(), account).await?;
        let mut feed = Self {
            hub: hub.clone(),
            account,
            seat,
            topic,
            epoch: position.epoch.clone(),
            cursor: position.seq,
            replay_to: None,
            reading: None,
            mark: None,
            waiting: VecDeque::new(),
        };
        let known = |resume: &Resume| resume.epoch == position.epoch && (position.floor..=position.seq).contains(&resume.seq);
        let opening = match resume {
            Some(resume) if known(&resume) && resume.seq == position.seq => Opening::Live,
            Some(resume) if known(&resume) && position.seq - resume.seq <= MAX_REPLAY => {
                feed.cursor = resume.seq;
                feed.replay_to = Some(position.seq);
                Opening::Replay
            }
            _ => Opening::Reset,
        };
        Ok((feed, opening))
    }

    /// The live calls; the feed goes on from the position that they show.
    ///
    /// # Errors
    /// What the database says.
    pub async fn snapshot(&mut self) -> Result<Vec<Call>> {
        let (epoch, seq, calls) = calls::live(self.hub.db().replay(), self.account).await?;
        (self.epoch, self.cursor) = (epoch, seq);
        Ok(calls)
    }

    /// Everything up to here was given or was not wanted.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// The journal's incarnation.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The journal's head as far as this server knows it.
    pub fn head(&self) -> i64 {
        self.topic.head().max(self.cursor)
    }

    /// Moves the cursor over entries that were not wanted, when nothing else waits: an idle follower's position then keeps up.
    pub fn settle(&mut self) -> i64 {
        // the head first: what was delivered up to it is in the mailbox, so an empty one means that it was all given
        let head = self.topic.head();
        if self.replay_to.is_none() && self.mark.is_none() && self.waiting.is_empty() && self.seat.mailbox.is_empty() {
            self.cursor = self.cursor.max(head);
        }
        self.cursor
    }

    /// The next item, if one is at hand without asking the book and without waiting for news. What the mailbox holds of
    /// entries that the book gave already is passed over.
    pub fn at_hand(&mut self) -> Option<Item> {
        loop {
            while let Some(entry) = self.waiting.pop_front() {
                if entry.seq > self.cursor {
                    self.cursor = entry.seq;
                    return Some(Item::Entry(entry));
                }
            }
            if let Some(target) = self.mark.take() {
                self.cursor = target;
                return Some(Item::Mark(target));
            }
            if self.replay_to.is_some() {
                return None;
            }
            match self.seat.mailbox.take() {
                // whether this feed is concerned, or began after what happened, the book tells
                Mail::Reset | Mail::Overflown => self.replay_to = Some(i64::MAX),
                Mail::Entries(entries) if entries.is_empty() => return None,
                Mail::Entries(entries) => self.waiting = entries,
            }
        }
    }

    /// The next item; waits for one. Dropping the future loses nothing.
    ///
    /// # Errors
    /// What the database says; the feed may be asked again.
    pub async fn next(&mut self) -> Result<Item> {
        loop {
            if let Some(item) = self.at_hand() {
                return Ok(item);
            }
            match self.replay_to {
                Some(target) => {
                    let page = self.page(target).await;
                    self.reading = None;
                    if self.turn(page?) {
                        return Ok(Item::Reset);
                    }
                }
                None => self.seat.mailbox.wait().await,
            }
        }
    }

    /// The next page of the replay.
    async fn page(&mut self, target: i64) -> Result<Page> {
        let read = || {
            let login = self.seat.mailbox.interest.single_agent().map(str::to_owned);
            Box::pin(read_page(self.hub.db().clone(), self.account, self.cursor, target, login)) as Reading
        };
        self.reading.get_or_insert_with(read).await
    }

    /// Takes a page that was read; `true` when the journal began anew.
    fn turn(&mut self, page: Page) -> bool {
        let Page { rows, target, position } = page;
        if position.epoch != self.epoch || self.cursor < position.floor {
            return true;
        }
        let target = target.min(position.seq);
        let full = i64::try_from(rows.len()).unwrap_or(PAGE) == PAGE;
        let last_seq = rows.last().map(|row| row.seq);
        let interest = &self.seat.mailbox.interest;
        let wanted = rows.into_iter().map(|row| Arc::new(Entry::from(row))).filter(|entry| interest.wants(entry));
        self.waiting = wanted.collect();
        (self.replay_to, self.mark) = match last_seq {
            Some(seq) if full => {
                if self.waiting.is_empty() {
                    self.cursor = seq; // a whole page that nobody wanted
                }
                (Some(target), None)
            }
            _ => (None, Some(target)),
        };
        false
    }
}

/// A page of a replay.
struct Page {
    rows: Vec<StoredEntry>,
    /// The end of the replay.
    target: i64,
    /// Where the journal stood afterwards.
    position: Position,
}

type Reading = Pin<Box<dyn Future<Output = Result<Page>> + Send>>;

async fn read_page(db: Db, account: i64, after: i64, target: i64, login: Option<String>) -> Result<Page> {
    let book = db.replay();
    let target = if target == i64::MAX { journal::position(book, account).await?.seq } else { target };
    let rows = journal::page(book, account, after, target, login.as_deref(), PAGE).await?;
    // looked at after the rows: what was trimmed meanwhile is missing among them
    let position = journal::position(book, account).await?;
    Ok(Page { rows, target, position })
}
