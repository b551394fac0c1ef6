//! How the parts are that an account depends on, as operators look at them: what it hears from, whom it gives orders to, what carries
//! its messages, the book, and how soon news gets to screens.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{App, clock::instant, committer::NATIVE_GATEWAY, directory::Account, pulse::Ordered};
use crate::{
    domain::telephone::OWN_GATEWAY,
    store::{Result, journal, messages},
};

/// Messages are counted over this time.
const MESSAGES_HOURS: i64 = 24;

/// How an account's parts are. What is counted, this server has noticed since it started; other servers have counts of their own.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Health {
    pub server: ServerHealth,
    pub store: StoreHealth,
    pub journal: JournalHealth,
    pub sockets: SocketsHealth,
    pub telephone_systems: Vec<SystemHealth>,
    pub gateways: Vec<GatewayHealth>,
    pub providers: Vec<ProviderHealth>,
}

/// The server that answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerHealth {
    /// Of the software.
    pub version: &'static str,
    /// Since when it runs.
    pub started_at: DateTime<Utc>,
    /// Work that waits to be committed, of all accounts.
    pub waiting: usize,
}

/// The book.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreHealth {
    /// `sqlite` or `postgres`.
    pub kind: &'static str,
    /// How long it took to answer, in microseconds.
    pub answered_us: u64,
}

/// The account's journal.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalHealth {
    /// Its incarnation.
    pub epoch: String,
    /// The last entry.
    pub seq: i64,
    /// When that was observed; null when there is none any more.
    pub last_at: Option<DateTime<Utc>>,
    /// How many entries are kept.
    pub kept: i64,
}

/// Who follows the account at this server.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SocketsHealth {
    /// Sockets, long polls that wait, and whoever drives the telephone system.
    pub followers: usize,
    /// Agents with a connected softphone.
    pub softphones: usize,
    /// Entries that sockets were given.
    pub delivered: u64,
    /// The slowest of the last one to two minutes, from the commit to the socket, in microseconds; null when there was none.
    pub slowest_us: Option<u64>,
}

/// A telephone system that takes orders.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemHealth {
    /// Its name.
    pub system: String,
    /// `up` or `down`.
    pub state: &'static str,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Why it is down.
    pub message: String,
    /// When it last told something.
    pub last_news_at: Option<DateTime<Utc>>,
    /// How much it told.
    pub news: u64,
    /// Orders by what became of them.
    pub orders: OrdersHealth,
}

/// Orders by what became of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrdersHealth {
    /// Taken.
    pub taken: u64,
    /// Refused.
    pub refused: u64,
    /// Nobody knows.
    pub unclear: u64,
    /// The last one that was not taken.
    pub last_trouble: Option<TroubleHealth>,
}

/// An order that was not taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TroubleHealth {
    /// When.
    pub at: DateTime<Utc>,
    /// What was ordered.
    #[schema(example = "dial")]
    pub verb: &'static str,
    /// Why it was not taken.
    pub message: String,
}

/// Something that reports calls to us.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayHealth {
    /// Its name; null for the door of the API.
    pub gateway: Option<String>,
    /// When it last told something.
    pub last_news_at: Option<DateTime<Utc>>,
    /// How much it told.
    pub news: u64,
    /// Events that nobody understood.
    pub unknown: u64,
    /// When the last of these came.
    pub last_unknown_at: Option<DateTime<Utc>>,
}

/// Who carries messages.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderHealth {
    /// Its name.
    pub provider: String,
    /// Messages of the last 24 hours by their status: `received`, `queued`, `sending`, `unclear`, `sent`, `failed` and so on.
    pub messages: BTreeMap<String, i64>,
    /// When the last of these changed.
    pub last_at: Option<DateTime<Utc>>,
}

impl App {
    /// How an account's parts are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn health(&self, account: &Arc<Account>) -> Result<Health> {
        let began = instant();
        let position = journal::position(self.db.read(), account.id).await?;
        let answered_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let last_at = journal::observed_after(self.db.read(), account.id, position.seq - 1).await?;
        let pulse = self.pulses.of(account.id);
        let (delivered, slowest_us) = pulse.deliveries(self.clock.now());
        Ok(Health {
            server: ServerHealth { version: env!("CARGO_PKG_VERSION"), started_at: self.started_at, waiting: self.committer.queued() },
            store: StoreHealth { kind: self.db.name(), answered_us },
            journal: JournalHealth { epoch: position.epoch, seq: position.seq, last_at, kept: position.seq - position.floor },
            sockets: SocketsHealth {
                followers: self.hub.followers_of(account.id),
                softphones: self.softphones.count(account.id),
                delivered,
                slowest_us,
            },
            telephone_systems: self.systems_health(account).await?,
            gateways: self.gateways_health(account),
            providers: self.providers_health(account).await?,
        })
    }

    async fn systems_health(&self, account: &Arc<Account>) -> Result<Vec<SystemHealth>> {
        let pulse = self.pulses.of(account.id);
        let heard = pulse.gateways();
        let mut all = Vec::new();
        for (name, _) in account.setup.telephone_systems.iter() {
            let Some(state) = self.system_state(account, name).await? else { continue };
            let driven = account.telephone_system().filter(|driven| driven.name == name);
            let heard = driven.and_then(|driven| heard.get(&driven.gateway)).copied().unwrap_or_default();
            all.push(SystemHealth {
                system: state.system,
                state: if state.is_up { "up" } else { "down" },
                since: state.since,
                message: state.message,
                last_news_at: heard.last_at,
                news: heard.news,
                orders: pulse.orders(name).into(),
            });
        }
        all.sort_by(|a, b| a.system.cmp(&b.system));
        Ok(all)
    }

    /// The gateways that the account has, and the door of the API once it was used.
    fn gateways_health(&self, account: &Account) -> Vec<GatewayHealth> {
        let heard = self.pulses.of(account.id).gateways();
        let known = account.gateways.iter().map(|gateway| (gateway.id, Some(gateway.name.clone())));
        let native = heard.contains_key(&NATIVE_GATEWAY).then_some((NATIVE_GATEWAY, None));
        let shown = known.filter(|(id, _)| *id != OWN_GATEWAY).chain(native).map(|(id, gateway)| {
            let heard = heard.get(&id).copied().unwrap_or_default();
            GatewayHealth {
                gateway,
                last_news_at: heard.last_at,
                news: heard.news,
                unknown: heard.ignored,
                last_unknown_at: heard.ignored_at,
            }
        });
        shown.collect()
    }

    async fn providers_health(&self, account: &Account) -> Result<Vec<ProviderHealth>> {
        let silent = |provider: String| ProviderHealth { provider, messages: BTreeMap::new(), last_at: None };
        let known = account.setup.providers.iter().map(|(name, _)| (name.to_owned(), silent(name.to_owned())));
        let mut all: BTreeMap<String, ProviderHealth> = known.collect();
        let since = self.clock.now() - TimeDelta::hours(MESSAGES_HOURS);
        for row in messages::carried(self.db.read(), account.id, since).await? {
            // one that is not set up any more is shown as long as its messages are
            let provider = all.entry(row.provider.clone()).or_insert_with(|| silent(row.provider));
            provider.messages.insert(row.status, row.messages);
            provider.last_at = provider.last_at.max(Some(row.last_at));
        }
        Ok(all.into_values().collect())
    }
}

impl From<Ordered> for OrdersHealth {
    fn from(Ordered { taken, refused, unclear, last_trouble }: Ordered) -> Self {
        Self { taken, refused, unclear, last_trouble: last_trouble.map(|(at, verb, message)| TroubleHealth { at, verb, message }) }
    }
}
