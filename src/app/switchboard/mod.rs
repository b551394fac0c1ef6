//! The switchboard: drives the accounts' telephone systems. Orders are entries of the journal; each is carried out at most once.
//!
//! Of each account the system that its options name, or its only one, has a task (a line (`line.rs`)) that follows the journal and
//! tells the system what it finds there; what the system says comes back to the committer as from any door. Of all servers on one
//! database one drives a system, by a hold (`hold.rs`) that it renews; another takes over when it does not. Whoever begins reads the
//! journal from its head: what nobody carried out is not made up for, and calls that the system does not have are ended as lost.

mod asterisk;
mod driver;
mod generic;
mod hold;
mod line;
mod telling;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{driver::Driver, line::Line};
use super::{
    App,
    calls::PBX_PATIENCE,
    clock::Clock,
    committer::{Failure, OrderWork, SystemWork, Work},
    directory::Account,
};
use crate::{
    domain::{
        order::Order,
        phone::{HomeRegion, Number},
        telephone::System,
    },
    store::{Result, holds},
};

/// How often it is looked which systems there are.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Whoever asks, and is answered when all that was due is done.
type Asked = oneshot::Sender<()>;

/// How others reach the switchboard.
#[derive(Clone)]
pub(in crate::app) struct Handle {
    /// What this server is called where systems are held.
    holder: Uuid,
    /// How long a hold lasts that is not renewed.
    hold: TimeDelta,
    /// Told when a setup was changed here.
    pub(in crate::app) changed: Arc<Notify>,
    asked: mpsc::UnboundedSender<Asked>,
}

impl Handle {
    /// A handle, and what [`run`] reads from.
    pub(in crate::app) fn new(clock: &Clock, hold: TimeDelta) -> (Self, mpsc::UnboundedReceiver<Asked>) {
        let (asked, asking) = mpsc::unbounded_channel();
        (Self { holder: clock.id(), hold, changed: Arc::default(), asked }, asking)
    }
}

/// What a line is for. When any of it changes, another line takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    name: String,
    system: System,
    gateway: i64,
    region: HomeRegion,
}

/// A line that runs.
struct Running {
    wanted: Wanted,
    stop: CancellationToken,
    asked: mpsc::UnboundedSender<Asked>,
    task: JoinHandle<()>,
}

/// Drives until told to stop; then waits for what is on its way.
pub(super) async fn run(app: Arc<App>, mut asking: mpsc::UnboundedReceiver<Asked>, stop: CancellationToken) {
    let mut lines: HashMap<i64, Running> = HashMap::new();
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LOOK_EVERY) => None,
            () = app.switchboard.changed.notified() => None,
            asked = asking.recv() => asked,
        };
        if let Err(error) = align(&app, &mut lines).await {
            tracing::warn!(%error, "the telephone systems cannot be read");
        }
        if let Some(asked) = asked {
            pass_on(&lines, asked);
        }
    }
    end(lines.into_values()).await;
}

/// Starts what is wanted and does not run, ends what runs and is not wanted.
async fn align(app: &Arc<App>, lines: &mut HashMap<i64, Running>) -> Result<()> {
    let accounts = holds::accounts(app.db.read()).await?;
    let with_one: HashSet<i64> = accounts.iter().copied().collect();
    let mut wanted = HashMap::new();
    for id in accounts {
        let account = app.directory.account(&app.hub, id).await?;
        if let (Some((_, system)), Some(driven)) = (account.setup.telephone_system(), account.telephone_system()) {
            let (name, system, gateway) = (driven.name.to_owned(), system.clone(), driven.gateway);
            wanted.insert(id, Wanted { name, system, gateway, region: account.region });
        }
    }
    let is_wanted = |id: &i64, running: &Running| wanted.get(id) == Some(&running.wanted) && !running.task.is_finished();
    let (stay, go) = std::mem::take(lines).into_iter().partition(|(id, running)| with_one.contains(id) && is_wanted(id, running));
    *lines = stay;
    let go: HashMap<i64, Running> = go;
    end(go.into_values()).await;
    for (id, wanted) in wanted {
        if lines.contains_key(&id) {
            continue;
        }
        let driver = Driver::new(app, &wanted);
        let (asked, asking) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let line = Line::new(app.clone(), id, &wanted, driver);
        let task = tokio::spawn(line.run(asking, stop.clone()));
        lines.insert(id, Running { wanted, stop, asked, task });
    }
    Ok(())
}

/// Ends lines, and waits until they have ended.
async fn end(lines: impl Iterator<Item = Running>) {
    let tasks: Vec<JoinHandle<()>> = lines
        .map(|Running { stop, task, .. }| {
            stop.cancel();
            task
        })
        .collect();
    for task in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "the task of a telephone system failed");
        }
    }
}

/// Asks every line, and answers when all have.
fn pass_on(lines: &HashMap<i64, Running>, asked: Asked) {
    let answers: Vec<oneshot::Receiver<()>> = lines
        .values()
        .map(|running| {
            let (ask, answer) = oneshot::channel();
            let _ = running.asked.send(ask);
            answer
        })
        .collect();
    tokio::spawn(async move {
        for answer in answers {
            let _ = answer.await;
        }
        let _ = asked.send(());
    });
}

/// Something that happens in a simulated system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Somebody calls.
    Call {
        /// Who.
        from: Number,
        /// The number that is called.
        did: Number,
    },
    /// It is down for so many seconds.
    Down(i64),
}

/// Why nothing happens.
#[derive(Debug, thiserror::Error)]
pub enum NotSimulated {
    /// There is no such system.
    #[error("there is no such telephone system")]
    Missing,
    /// It is a real one.
    #[error("this telephone system is not simulated")]
    Real,
    /// Orders go to another one.
    #[error("this telephone system is not in use: the options name another one, or there are several and they name none")]
    NotInUse,
    /// It could not be stored.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// How a telephone system is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemState {
    /// Its name.
    pub system: String,
    /// Whether it can be told something.
    pub is_up: bool,
    /// Since when; unknown of one that nobody has driven yet.
    pub since: Option<DateTime<Utc>>,
    /// Why.
    pub message: String,
}

impl App {
    /// Lets every telephone system that this server drives do all that is due now, and waits until that is stored. A server does so
    /// by itself; whoever holds the clock still, does so by this.
    pub async fn run_switchboard_due(&self) {
        let (asked, answer) = oneshot::channel();
        if self.switchboard.asked.send(asked).is_ok() {
            let _ = answer.await;
        }
    }

    /// Tells the account's telephone system to do something, whatever agents wish.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::NotSupported`] when there is no system, or it cannot do this.
    pub async fn order(&self, account: &Arc<Account>, order: Order) -> std::result::Result<(), Failure> {
        let driven = account.telephone_system().ok_or(Failure::NotSupported)?;
        if !driven.capabilities.contains(&order.command.verb()) {
            return Err(Failure::NotSupported);
        }
        let work = OrderWork { system: driven.name.to_owned(), gateway: driven.gateway, order };
        self.committer.submit(account, Work::Order(work), PBX_PATIENCE).await.map(drop)
    }

    /// Lets something happen in a simulated system; answers the name of the call, where that is one.
    ///
    /// # Errors
    /// See [`NotSimulated`].
    pub async fn simulate(
        &self,
        account: &Arc<Account>,
        system: &str,
        happening: &Happening,
    ) -> std::result::Result<Option<String>, NotSimulated> {
        let (name, system) = account.setup.telephone_systems.entry(system).ok_or(NotSimulated::Missing)?;
        if !matches!(system, System::Simulated(_)) {
            return Err(NotSimulated::Real);
        }
        if account.telephone_system().is_none_or(|driven| driven.name != name) {
            return Err(NotSimulated::NotInUse);
        }
        let call = format!("sim-{}", self.clock.id().simple());
        let (data, call) = match happening {
            Happening::Call { from, did } => (json!({"system": name, "call": call, "from": from, "did": did}), Some(call)),
            Happening::Down(seconds) => (json!({"system": name, "downS": seconds}), None),
        };
        self.committer.submit(account, Work::System(SystemWork::Simulated(data)), PBX_PATIENCE).await?;
        Ok(call)
    }

    /// How a telephone system is; `None` when there is none of this name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn system_state(&self, account: &Account, system: &str) -> Result<Option<SystemState>> {
        let Some((name, _)) = account.setup.telephone_systems.entry(system) else { return Ok(None) };
        let in_use = account.telephone_system().is_some_and(|driven| driven.name == name);
        let row = holds::get(self.db.read(), account.id, name).await?;
        let down = |since, message: &str| SystemState { system: name.to_owned(), is_up: false, since, message: message.to_owned() };
        Ok(Some(match row {
            _ if !in_use => down(None, "it is not in use"),
            None => down(None, "no server has driven it yet"),
            Some(row) if row.until <= self.clock.now() => down(Some(row.until), "no server drives it"),
            Some(row) => match row.state {
                None => down(None, "it has not answered yet"),
                Some(state) => SystemState {
                    system: name.to_owned(),
                    is_up: state == "up",
                    since: Some(row.since),
                    message: row.message.unwrap_or_default(),
                },
            },
        }))
    }
}
