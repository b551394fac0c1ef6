//! The committer: acknowledged means committed.
//!
//! Doors hand a typed piece of [`Work`] in and wait. One spawned task per shard applies what comes in while its last commit
//! runs (no timer), then commits it in one transaction, answers, then publishes. The queue is bounded: a full one is said at
//! once. A commit of unknown outcome is settled by reading back whether its first entry is in the journal.

mod apply;
mod batch;
mod dialer;
mod floor;
mod known_leads;
mod leads;
mod ledger;
mod look_up;
mod messages;
mod orders;
mod pace;
mod routing;
mod shard;
mod shelf;
mod sure;
mod wishes;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::JoinHandle,
};
use uuid::Uuid;

pub use self::{
    dialer::{Launch, Launched},
    leads::{DialWord, DncOrder, Intake, LeadDone, LeadEdit, LeadKey, LeadOrder, LeadTold, LeadWork, LeadsTold},
    ledger::{audience_now, capabilities},
    messages::{MessageDone, MessageOrder, Outcome},
    orders::{OrderWork, SIMULATED, SystemWork},
    routing::{Route, RouteAnswer, RouteWork},
    wishes::{Denial, WishDone, WishWork},
};
pub(in crate::app) use self::{
    leads::judge,
    pace::{Records, crew},
};
use super::{clock::Clock, directory::Account, hub::Hub};
use crate::{
    domain::{
        call::{News, Refused, State},
        lead::Rule,
        presence::{self, Ask},
        tab,
        telephone::Refusal,
    },
    store::Db,
};

/// An agent's softphone that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The agent.
    pub login: String,
    /// The tabs it is open in, as far as they have names.
    pub tabs: Vec<Uuid>,
}

/// What the committer is asked to do for one account. Each piece happens wholly or not at all.
#[derive(Clone, Debug)]
pub enum Work {
    /// News of calls.
    News {
        /// In the order the sender gave them.
        items: Vec<NewsItem>,
        /// When given, the same request is done once and answered the same again.
        once: Option<Once>,
    },
    /// The deadlines of these calls may have passed.
    Expire(Vec<Uuid>),
    /// The wrap-up of this call is to end. With a login only if it is this agent's.
    EndWrap(Uuid, Option<String>),
    /// An agent asks something of his presence, or the gateway for him.
    Presence(String, Ask),
    /// The softphones of these agents are still there, and count as that until then.
    Seen(Vec<Connected>, DateTime<Utc>),
    /// Something happens to these agents by itself, if its time has come.
    ExpireAgents(Vec<String>),
    /// Something is wished of a call.
    Wish(Box<WishWork>),
    /// A telephone system asks where a caller is to go.
    Route(Box<RouteWork>),
    /// Leads of a campaign are dialed, as many as the law of pacing lets.
    Launch(Launch),
    /// The CRM sets fields of a call's record.
    Edit(Uuid, EditPatch),
    /// Leads come in or change.
    Leads(LeadWork),
    /// Numbers come on the do-not-call list or leave it.
    Dnc(Vec<DncOrder>),
    /// The places of these leads in the queue are worked out anew; one whose number is on the do-not-call list is marked.
    Retime {
        /// Their ids.
        leads: Vec<i64>,
        /// What spoke against dialing them when it was their turn; `None` when the setup changed.
        rule: Option<Rule>,
    },
    /// Something is done with a text message.
    Message {
        /// What.
        order: MessageOrder,
        /// As with news; for drafts only.
        once: Option<Once>,
    },
    /// A telephone system is told something, whatever agents wish.
    Order(OrderWork),
    /// A telephone system has not done what it was told.
    OrderFailed(OrderWork, Refusal),
    /// There is something to tell of a telephone system.
    System(SystemWork),
}

/// One piece of news and where it came from.
#[derive(Clone, Debug)]
pub struct NewsItem {
    /// The gateway; [`NATIVE_GATEWAY`] is the native door.
    pub gateway: i64,
    /// The dialect, as entries name it.
    pub source: &'static str,
    /// The telephone system's id of the call.
    pub pbx_call_id: String,
    /// The name under which we ordered the call, when the telephone system says its own with this.
    pub ordered_as: Option<String>,
    /// What happened.
    pub news: News,
}

impl NewsItem {
    /// What the book finds the call by.
    pub fn pbx_key(&self, account: i64) -> String {
        pbx_key(account, self.gateway, &self.pbx_call_id)
    }

    /// What the book finds the call by that we ordered.
    pub(super) fn ordered_key(&self, account: i64) -> Option<String> {
        self.ordered_as.as_ref().map(|name| pbx_key(account, self.gateway, name))
    }
}

/// The native door, where news name their gateway.
pub const NATIVE_GATEWAY: i64 = 0;

/// What the book finds the call of a PBX's call id by.
pub(in crate::app) fn pbx_key(account: i64, gateway: i64, pbx_call_id: &str) -> String {
    format!("{account}/{gateway}/{pbx_call_id}")
}

/// An idempotency key with the hash of the request it came with.
#[derive(Clone, Debug)]
pub struct Once {
    /// The client's key.
    pub key: String,
    /// SHA-256 of the request's content.
    pub content: Vec<u8>,
}

/// Fields to set; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "fields of the call's record")]
pub struct EditPatch {
    pub phone_call_id: Option<String>,
    pub subject: Option<String>,
    pub to: Option<String>,
    pub computed_outcome: Option<String>,
}

/// What a piece of news did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The dtCallId.
    pub call: Uuid,
    /// The attempt it belongs to.
    pub attempt: i64,
    /// What a screen shows now.
    pub state: Option<State>,
    /// Whether anything changed; a copy changes nothing.
    pub changed: bool,
}

/// What came of the work.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// One answer per item.
    News(Vec<Told>),
    /// How many calls the sweep ended.
    Expired(usize),
    /// The wish was carried out.
    Granted,
    /// What is shown of an agent now.
    Presence(Box<(presence::Shown, tab::Shown)>),
    /// What a wish for a call is answered.
    Wished(WishDone),
    /// Where a caller is to go.
    Routed(Route),
    /// What became of a launch.
    Launched(Launched),
    /// One answer per lead.
    Leads(LeadsTold),
    /// For each number whether that changed anything.
    Dnc(Vec<bool>),
    /// How many leads there are of those.
    Retimed(usize),
    /// What became of a message.
    Message(MessageDone),
}

/// Why work was not done, or not surely.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The queue is full; nothing was taken in.
    #[error("the server is busy: nothing was stored; try again in a moment")]
    Busy,
    /// No answer came in time; the work may still be done, and sending it again is safe.
    #[error("the store did not answer in time: send it again, which is safe")]
    Late,
    /// The server is stopping.
    #[error("the server is stopping: send it to the next one")]
    Stopping,
    /// The state forbids the wish.
    #[error(transparent)]
    Refused(Refused),
    /// The call is another agent's.
    #[error("this call is another agent's")]
    NotYours,
    /// There is no such call.
    #[error("there is no such call")]
    NoSuchCall,
    /// An agent's presence forbids it.
    #[error(transparent)]
    Presence(presence::Refusal),
    /// A wish is denied.
    #[error("{0}")]
    Denied(Denial),
    /// The telephone system cannot do it.
    #[error("the telephone system cannot do this")]
    NotSupported,
    /// The idempotency key came with another request before.
    #[error("this Idempotency-Key was used with other content before")]
    KeyReused,
    /// The book refused this very work; others beside it were done.
    #[error("the store refused it")]
    Store(Arc<sqlx::Error>),
}

/// Limits of the committer and terms of the call law.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Pieces of work that may wait, per shard.
    pub queue: usize,
    /// Pieces of work in one transaction.
    pub batch: usize,
    /// Tasks that commit at the same time; accounts are spread over them. SQLite has one.
    pub shards: usize,
    /// How long a commit is tried again while the database is away.
    pub patience: Duration,
    /// Wrap-up after a conversation of a signed-in agent.
    pub wrap_up: TimeDelta,
    /// Ringing without an answer.
    pub ringing: TimeDelta,
    /// Talking without an end.
    pub talk: TimeDelta,
    /// Start news for a call that has been over for longer than this begins a new call.
    pub reuse_window: TimeDelta,
    /// Without a softphone for this long an agent gets no more calls …
    pub softphone_grace: TimeDelta,
    /// … and after this time more he is signed out.
    pub sign_out: TimeDelta,
    /// A server that drives a telephone system and has not said so for this long drives it no more.
    pub hold: TimeDelta,
}

impl Settings {
    fn patience_with_agents(&self) -> presence::Patience {
        presence::Patience { sign_out: self.sign_out }
    }
}

struct Job {
    account: Arc<Account>,
    work: Work,
    reply: oneshot::Sender<Result<Done, Failure>>,
    queued_at: tokio::time::Instant,
}

impl Job {
    /// How much it is to write, in news and leads.
    fn weight(&self) -> usize {
        match &self.work {
            Work::News { items, .. } => items.len(),
            Work::Expire(calls) => calls.len(),
            Work::Seen(softphones, _) => softphones.len(),
            Work::ExpireAgents(logins) => logins.len(),
            Work::Launch(launch) => launch.candidates.len(),
            Work::Leads(work) => work.orders.len(),
            Work::Dnc(orders) => orders.len(),
            Work::Retime { leads, .. } => leads.len(),
            _ => 1,
        }
    }
}

/// The doors' handle.
#[derive(Clone)]
pub struct Committer {
    shards: Vec<mpsc::Sender<Job>>,
}

impl Committer {
    /// Starts the shards. They end when every handle is gone and their queues are empty.
    pub fn start(db: &Db, hub: &Hub, clock: &Clock, settings: &Settings) -> (Self, Vec<JoinHandle<()>>) {
        let count = if db.has_single_writer() { 1 } else { settings.shards.max(1) };
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(settings.queue.max(1))).unzip();
        let tasks = receivers
            .into_iter()
            .map(|jobs| tokio::spawn(shard::Shard::new(db.clone(), hub.clone(), clock.clone(), settings.clone()).run(jobs)))
            .collect();
        (Self { shards: senders }, tasks)
    }

    /// Hands work in and waits for its commit, at most `wait`.
    ///
    /// # Errors
    /// See [`Failure`]. After [`Failure::Late`] the work may still be done.
    pub async fn submit(&self, account: &Arc<Account>, work: Work, wait: Duration) -> Result<Done, Failure> {
        let (reply, answer) = oneshot::channel();
        let job = Job { account: account.clone(), work, reply, queued_at: super::clock::instant() };
        let shard = usize::try_from(account.id.unsigned_abs()).unwrap_or_default() % self.shards.len();
        let patience = job.queued_at + wait;
        // without room nothing was handed in, and that is sure; from then on the work may be done at any time
        match self.shards[shard].try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => return Err(Failure::Stopping),
            Err(TrySendError::Full(job)) => {
                let room = tokio::time::timeout_at(patience, self.shards[shard].reserve()).await.map_err(|_| Failure::Busy)?;
                room.map_err(|_| Failure::Stopping)?.send(job);
            }
        }
        tokio::time::timeout_at(patience, answer).await.map_err(|_| Failure::Late)?.map_err(|_| Failure::Late)?
    }

    /// Work that waits, over all shards.
    pub fn queued(&self) -> usize {
        self.shards.iter().map(|shard| shard.max_capacity() - shard.capacity()).sum()
    }
}

/// Where an entry comes from: the dialect, and when it happened by the sender's clock and by ours.
#[derive(Clone, Copy, Debug)]
struct Origin<'a> {
    source: &'a str,
    occurred: DateTime<Utc>,
    observed: DateTime<Utc>,
}
