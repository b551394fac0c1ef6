//! A hold: this server drives a telephone system, and no other does, as long as it is renewed in time.
//!
//! The times of a hold are by each server's own clock; they must agree to a second, as those of all servers of one database.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    app::App,
    store::{Result, holds},
};

/// A hold of one system.
pub(super) struct Hold {
    account: i64,
    system: String,
    holder: Uuid,
    /// How long it lasts. It is renewed three times as often, and looked so often whether another's is over.
    life: TimeDelta,
    /// Until when it is ours; `None` when it is not.
    until: Option<DateTime<Utc>>,
    /// When the book is to be asked again.
    ask_at: Option<DateTime<Utc>>,
}

/// What became of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It is ours from now on.
    Taken,
    /// It is as it was.
    Same,
    /// Another server has it now.
    Lost,
}

impl Hold {
    pub(super) fn new(account: i64, system: String, holder: Uuid, life: TimeDelta) -> Self {
        Self { account, system, holder, life, until: None, ask_at: None }
    }

    /// Whether it is surely ours: before another may take over, nothing is done any more.
    pub(super) fn is_sure(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| now < until - self.life / 6)
    }

    /// When the book is to be asked again.
    pub(super) fn ask_at(&self) -> Option<DateTime<Utc>> {
        self.ask_at
    }

    /// Takes it if it is free, renews it if it is ours.
    pub(super) async fn ask(&mut self, app: &App) -> Result<Held> {
        let now = app.clock.now();
        let until = now + self.life;
        // whatever comes of it, the next time is not at once
        self.ask_at = Some(now + self.life / 3);
        if self.until.is_none() {
            let taken = holds::take(app.db.write(), self.account, &self.system, self.holder, now, until).await?;
            self.until = taken.then_some(until);
            return Ok(if taken { Held::Taken } else { Held::Same });
        }
        let kept = holds::keep(app.db.write(), self.account, &self.system, self.holder, until).await?;
        self.until = kept.then_some(until);
        Ok(if kept { Held::Same } else { Held::Lost })
    }

    /// Lets another server take it at once.
    pub(super) async fn let_go(&mut self, app: &App) -> Result<()> {
        if self.until.take().is_some() {
            holds::keep(app.db.write(), self.account, &self.system, self.holder, app.clock.now()).await?;
        }
        Ok(())
    }
}
