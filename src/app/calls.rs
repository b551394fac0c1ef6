//! What doors do with calls: report news, ask for changes, see what is live.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    App,
    committer::{Done, EditPatch, Failure, NewsItem, Once, Route, RouteWork, Told, Work, audience_now},
    directory::{Account, Subject},
};
use crate::{
    domain::{
        call::{Call, State},
        phone::Number,
        wish::CallWish,
    },
    store::calls,
};

/// Telephone systems do not send again: their doors wait this long before they say that the server is busy.
pub const PBX_PATIENCE: Duration = Duration::from_secs(8);

impl App {
    /// Makes news durable and says what it did, one answer per item.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn hear(&self, account: &Arc<Account>, items: Vec<NewsItem>, once: Option<Once>) -> Result<Vec<Told>, Failure> {
        match self.committer.submit(account, Work::News { items, once }, PBX_PATIENCE).await? {
            Done::News(told) => Ok(told),
            _ => Ok(vec![]),
        }
    }

    /// Where a telephone system is to send a caller; `group` is the name of a ring group of the account.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::Refused`] when the call does not ring any more.
    pub async fn route(&self, account: &Arc<Account>, item: NewsItem, group: &str, missed: Option<String>) -> Result<Route, Failure> {
        let work = Work::Route(Box::new(RouteWork { item, group: group.to_owned(), missed }));
        match self.committer.submit(account, work, PBX_PATIENCE).await? {
            Done::Routed(route) => Ok(route),
            _ => Err(Failure::Late),
        }
    }

    /// Ends the wrap-up of a call. An agent may end his own only, a program any.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn end_wrap(&self, account: &Arc<Account>, call: Uuid, by: &Subject) -> Result<(), Failure> {
        self.committer.submit(account, Work::EndWrap(call, by.agent().map(str::to_owned)), PBX_PATIENCE).await.map(drop)
    }

    /// Brings a third party into the conversation that this agent is in; answers its call. What happens then is reported by the
    /// telephone system, like anything else.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::NoSuchCall`] when the agent is in no conversation.
    pub async fn conference(&self, account: &Arc<Account>, agent: &str, number: Number, mute_customer: bool) -> Result<Uuid, Failure> {
        let (_, _, live) = calls::live(self.db.read(), account.id).await.map_err(|error| Failure::Store(Arc::new(error)))?;
        let talks = |call: &&Call| call.newest().agent() == Some(agent) && call.newest().state() == Some(State::Talk);
        let call = live.iter().filter(talks).max_by_key(|call| call.newest().state_time()).ok_or(Failure::NoSuchCall)?;
        self.wish(account, None, Some(call.id), CallWish::Invite(number, mute_customer), None).await?;
        Ok(call.id)
    }

    /// The call that this agent has now, the newest where he has several.
    ///
    /// # Errors
    /// What the database says.
    pub async fn call_of(&self, account: &Account, login: &str) -> Result<Option<Uuid>, Failure> {
        let (_, _, live) = calls::live(self.db.read(), account.id).await.map_err(|error| Failure::Store(Arc::new(error)))?;
        let his = live.iter().filter(|call| call.newest().agent() == Some(login) && call.newest().state() != Some(State::Idle));
        Ok(his.max_by_key(|call| call.id).map(|call| call.id))
    }

    /// Sets fields of a call's record.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn edit_call(&self, account: &Arc<Account>, call: Uuid, patch: EditPatch) -> Result<(), Failure> {
        self.committer.submit(account, Work::Edit(call, patch), PBX_PATIENCE).await.map(drop)
    }
}

/// Whether one of these agents (`None` = everyone) sees this call now.
pub fn is_visible(account: &Account, call: &Call, agents: Option<&std::collections::BTreeSet<String>>) -> bool {
    let audience = audience_now(account, call.newest());
    call.newest().state().is_some() && agents.is_none_or(|agents| agents.iter().any(|login| audience.includes(login)))
}
