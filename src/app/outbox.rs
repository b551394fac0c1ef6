//! The outbox: gives messages that are queued to their providers, each by a task of its own, and hears what came of it.
//!
//! The queue is the database. A message is claimed, which is stored, before its request leaves; what came of the request is stored
//! after. Whoever dies in between leaves a claim that nobody settles: it is found when its time is over, the message is shown as
//! unclear, and is not sent again. A message that surely did not go is tried again, a few times.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    App,
    committer::{Failure, MessageDone, MessageOrder, Outcome},
    directory::Account,
};
use crate::{
    courier::Trouble,
    domain::message::{
        Fault, Message, Status, Told,
        provider::{Dispatch, Outgoing, Provider, Reply, Verdict},
    },
    store::{
        Result,
        messages::{self, Due},
    },
};

/// How often the book is looked at for what nobody told us of: other servers' messages, and those whose time has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Messages on their way at once.
const MAX_FLYING: usize = 64;
/// The same for one account, so that a slow provider holds up its own account only.
const MAX_PER_ACCOUNT: usize = 16;
/// Messages of one account looked at in one go: those on their way, and as many that wait.
const LOOK: i64 = 32;
/// How often it is tried to store a claim, and what came of a request.
const TRIES: usize = 5;

/// Messages on their way from this server.
#[derive(Default)]
struct Flying {
    sends: JoinSet<(i64, Uuid)>,
    ids: HashSet<Uuid>,
    per_account: HashMap<i64, usize>,
}

/// Sends until told to stop; then waits for what is on its way.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut flying = Flying::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = app.mail.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            landed = flying.sends.join_next(), if !flying.sends.is_empty() => flying.landed(landed),
        }
        if let Err(error) = flying.launch(&app).await {
            tracing::warn!(%error, "the messages to send cannot be read");
        }
    }
    while let Some(landed) = flying.sends.join_next().await {
        flying.landed(Some(landed));
    }
}

/// Sends all that is due, and waits until it is settled; answers how many messages were looked at.
///
/// # Errors
/// What the database says.
pub async fn send_due(app: &Arc<App>) -> Result<usize> {
    let mut flying = Flying::default();
    let count = flying.launch(app).await?;
    while flying.sends.join_next().await.is_some() {}
    Ok(count)
}

impl Flying {
    /// Starts what is due and has room.
    async fn launch(&mut self, app: &Arc<App>) -> Result<usize> {
        if self.ids.len() >= MAX_FLYING {
            return Ok(0);
        }
        let mut count = 0;
        for due in messages::due(app.db.look_up(), app.clock.now(), LOOK).await? {
            let of_account = self.per_account.entry(due.account_id).or_default();
            if self.ids.len() >= MAX_FLYING || *of_account >= MAX_PER_ACCOUNT || !self.ids.insert(due.id) {
                continue;
            }
            *of_account += 1;
            count += 1;
            let (app, key) = (app.clone(), (due.account_id, due.id));
            self.sends.spawn(async move {
                if let Err(error) = send(&app, due).await {
                    tracing::warn!(%error, "a message could not be claimed or settled");
                }
                key
            });
        }
        Ok(count)
    }

    fn landed(&mut self, landed: Option<std::result::Result<(i64, Uuid), tokio::task::JoinError>>) {
        match landed {
            Some(Ok((account, id))) => {
                self.ids.remove(&id);
                if let Some(count) = self.per_account.get_mut(&account) {
                    *count -= 1;
                }
            }
            // a panic leaves its claim behind; its place is given up with all others once nothing flies
            Some(Err(error)) => tracing::error!(%error, "a message's task failed"),
            None => {}
        }
        if self.sends.is_empty() {
            self.ids.clear();
            self.per_account.clear();
        }
    }
}

/// Claims one message, gives it to its provider, and settles what came of it.
async fn send(app: &App, due: Due) -> std::result::Result<(), Failure> {
    let account = app.directory.account(&app.hub, due.account_id).await.map_err(|error| Failure::Store(Arc::new(error)))?;
    let claim = app.clock.id();
    // a claim that was not surely stored may be there all the same: the same one again is answered alike
    let order = MessageOrder::Claim { id: due.id, to: due.to(), claim };
    let MessageDone::Claimed(message) = insist(app, &account, &order).await? else { return Ok(()) };
    let outcome = carry(app, &account, &message).await;
    let word = match &outcome {
        Outcome::Told(told) => told.last().map_or("nothing", |told| told.status.word()),
        Outcome::Again { .. } => "again",
    };
    metrics::counter!("cti_messages_tried_total", "outcome" => word).increment(1);
    insist(app, &account, &MessageOrder::Settle { id: due.id, claim, outcome }).await.map(drop)
}

/// Does something with a message, again and again while the book is away.
async fn insist(app: &App, account: &Arc<Account>, order: &MessageOrder) -> std::result::Result<MessageDone, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        match app.order_message(account, order.clone(), None).await {
            Err(Failure::Busy | Failure::Late) if tries < TRIES => {}
            done => return done,
        }
    }
}

/// Gives a message to its provider.
async fn carry(app: &App, account: &Account, message: &Message) -> Outcome {
    let failed = |code: &str, text: &str| {
        Outcome::Told(vec![Told { fault: Some(Fault::new(Some(code.to_owned()), text)), ..Told::status(Status::Failed) }])
    };
    let Some((name, provider)) = account.setup.providers.entry(&message.provider) else {
        return failed("no_provider", "its provider is not set up any more, or cannot be read");
    };
    let base = Some(&*app.public_url).filter(|base| !base.is_empty());
    let callback = base.and_then(|base| provider.callback(base, &account.name, name, message.id));
    match provider.dispatch(message, callback.as_deref()) {
        Err(unfit) => failed("unfit", &unfit.to_string()),
        Ok(Dispatch::Played(told)) => Outcome::Told(told),
        Ok(Dispatch::Request(outgoing)) => request(app, provider, &outgoing).await,
    }
}

/// Sends a request and judges what came back.
async fn request(app: &App, provider: &Provider, outgoing: &Outgoing) -> Outcome {
    let (answer, no_sooner) = match app.courier.send(outgoing).await {
        Ok(answer) => {
            let no_sooner = answer.retry_after.and_then(|after| TimeDelta::from_std(after).ok());
            (Ok((answer.status, answer.body)), no_sooner)
        }
        Err(trouble) => (Err(trouble), None),
    };
    let verdict = match &answer {
        Ok((status, body)) => provider.judge(Reply::Answer { status: *status, body }),
        Err(Trouble::NotConnected) => provider.judge(Reply::NotConnected),
        Err(Trouble::Silence) => provider.judge(Reply::Silence),
        Err(trouble @ (Trouble::Forbidden | Trouble::Unfit(_))) => {
            Verdict::NotTaken { fault: Fault::new(Some("not_sent".to_owned()), &trouble.to_string()), again: false }
        }
    };
    match verdict {
        Verdict::NotTaken { fault, again: true } => Outcome::Again { fault, no_sooner },
        verdict => Outcome::Told(vec![verdict.told()]),
    }
}
