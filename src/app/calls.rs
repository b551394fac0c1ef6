//! What doors do with calls: report news, ask for changes, see what is live.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    App,
    committer::{Done, EditPatch, Failure, NATIVE_GATEWAY, NewsItem, Once, Route, RouteWork, Told, Work, audience_now, pbx_key},
    directory::{Account, Subject},
};
use crate::{
    domain::{
        call::{Call, State},
        phone::Number,
        telephone::OWN_GATEWAY,
        wish::CallWish,
    },
    pbx::fold_call_id,
    store::{Reads, calls},
};

/// Telephone systems do not send again: their doors wait this long before they say that the server is busy.
pub const PBX_PATIENCE: Duration = Duration::from_secs(8);

impl App {
    /// Makes news durable and says what it did, one answer per item.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn hear(&self, account: &Arc<Account>, items: Vec<NewsItem>, once: Option<Once>) -> Result<Vec<Told>, Failure> {
        let pulse = self.pulses.of(account.id);
        items.iter().for_each(|item| pulse.heard(item.gateway, self.clock.now()));
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
        self.pulses.of(account.id).heard(item.gateway, self.clock.now());
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

    /// The calls that telephone systems mean now by this id of theirs, the newest first: each gateway has ids of its own.
    ///
    /// # Errors
    /// What the database says.
    pub async fn calls_named(&self, account: &Account, pbx_call_id: &str) -> crate::store::Result<Vec<Uuid>> {
        let gateways = account.gateways.iter().map(|gateway| gateway.id).chain([NATIVE_GATEWAY, OWN_GATEWAY]);
        let name = fold_call_id(pbx_call_id.trim());
        let keys: Vec<String> = gateways.map(|gateway| pbx_key(account.id, gateway, &name)).collect();
        let (lines, _) = calls::by_keys(&mut Reads::On(self.db.read()), account.id, &keys).await?;
        let mut found: Vec<Uuid> = lines.into_values().map(|(call, _)| call).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        Ok(found)
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
