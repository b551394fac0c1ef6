//! The directory: accounts, agents, gateways and credentials as this server last read them.
//!
//! A cache with one rule: an entry of type `config.*` drops what is known of its account. An account's topic is opened
//! before the account is read, so that no such entry is missed.

use std::{
    collections::HashMap,
    net::IpAddr,
    str::FromStr,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use ipnet::IpNet;

use crate::{
    app::{hub::Hub, seal::Seal},
    domain::{
        agent::{Agent, Roster},
        client_app::ClientApp,
        order::Verb,
        phone::HomeRegion,
        scope::Scopes,
        secret::SecretHash,
        setup::{Kind, Setup},
        telephone::{Line, OWN_GATEWAY},
    },
    store::{
        Db, Result, accounts, credentials, credentials::CredentialRow, gateways, gateways::GatewayRow, parties, people, setup,
        setup::SetupRow,
    },
};

/// What this server knows of an account.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Account {
    pub id: i64,
    pub name: String,
    pub region: HomeRegion,
    pub roster: Roster,
    pub has_parties: bool,
    pub search_url: Option<String>,
    pub create_url: Option<String>,
    pub gateways: Vec<Arc<Gateway>>,
    pub setup: Setup,
}

impl Account {
    /// The telephone system that takes this account's orders.
    pub fn telephone_system(&self) -> Option<Driven<'_>> {
        let (name, system) = self.setup.telephone_system()?;
        let gateway = match system.gateway() {
            None => OWN_GATEWAY,
            Some(name) => self.gateways.iter().find(|gateway| gateway.name == name)?.id,
        };
        Some(Driven { name, gateway, capabilities: system.capabilities() })
    }

    /// As whom an agent's browser registers at the telephone system that takes the orders; `None` when it cannot.
    pub fn line_of(&self, agent: &Agent) -> Option<Line<'_>> {
        self.setup.telephone_system()?.1.audio()?.line_of(agent.telephone()?)
    }

    /// Whether pages of this origin are those of a client app of this account.
    pub fn has_client_app(&self, origin: &str) -> bool {
        self.setup.client_apps.iter().any(|(_, app)| app.includes(origin))
    }

    /// Whom calls of this gateway pop up for; the native door's concern the agent.
    pub fn popup(&self, gateway: i64) -> Popup {
        self.gateways.iter().find(|known| known.id == gateway).map_or(Popup::Agent, |known| known.popup)
    }
}

/// The telephone system that takes an account's orders.
#[derive(Clone, Copy, Debug)]
pub struct Driven<'a> {
    /// What the account calls it.
    pub name: &'a str,
    /// The gateway that its calls are of.
    pub gateway: i64,
    /// What it can be told.
    pub capabilities: &'a [Verb],
}

/// A configured telephone system.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Gateway {
    pub id: i64,
    pub account: i64,
    pub name: String,
    pub key: String,
    pub has_secret: bool,
    pub popup: Popup,
    pub zone: Tz,
    pub signature: Option<SecretHash>,
    pub networks: Vec<IpNet>,
}

/// Who sees an incoming call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popup {
    /// All agents of the account.
    All,
    /// The agent concerned.
    Agent,
}

impl FromStr for Popup {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        match word {
            "all" => Ok(Self::All),
            "agent" => Ok(Self::Agent),
            _ => Err(format!("{word:?} is not a popup audience: expected all or agent")),
        }
    }
}

/// Who is asking: a valid credential.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Grant {
    pub credential: i64,
    pub account: Arc<Account>,
    pub kind: String,
    pub scopes: Scopes,
    pub subject: Subject,
    pub allow_query: bool,
    pub networks: Vec<IpNet>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Whom a credential stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A program.
    Program,
    /// A signed-in operator.
    Operator(String),
    /// A signed-in agent.
    Agent(String),
}

impl Subject {
    /// The stored form.
    pub fn to_stored(&self) -> Option<String> {
        match self {
            Self::Program => None,
            Self::Operator(login) => Some(format!("operator:{login}")),
            Self::Agent(login) => Some(format!("agent:{login}")),
        }
    }

    fn from_stored(stored: Option<&str>) -> Self {
        match stored.and_then(|text| text.split_once(':')) {
            Some(("operator", login)) => Self::Operator(login.to_owned()),
            Some(("agent", login)) => Self::Agent(login.to_owned()),
            _ => Self::Program,
        }
    }

    /// The agent it stands for, if any.
    pub fn agent(&self) -> Option<&str> {
        match self {
            Self::Agent(login) => Some(login),
            Self::Program | Self::Operator(_) => None,
        }
    }
}

/// The cache.
#[derive(Clone)]
pub struct Directory {
    db: Db,
    seal: Seal,
    cache: Arc<RwLock<Cache>>,
}

#[derive(Default)]
struct Cache {
    accounts: HashMap<i64, Arc<Account>>,
    gateways: HashMap<SecretHash, Arc<Gateway>>,
    credentials: HashMap<SecretHash, Arc<CredentialRow>>,
    /// Every gateway, for senders that are found by key, signature or address.
    all_gateways: Option<Arc<Vec<Arc<Gateway>>>>,
    /// Every client app, whoever's it is.
    client_apps: Option<Arc<Vec<ClientApp>>>,
    /// Counts invalidations: what was read before one must not be kept after it.
    generation: u64,
}

/// Most secrets remembered at once; beyond that the memory is emptied and fills again.
const MAX_SECRETS: usize = 100_000;

impl Directory {
    /// An empty directory. Without keys it reads no provider's secrets.
    pub fn new(db: Db) -> Self {
        Self { db, seal: Seal::default(), cache: Arc::default() }
    }

    /// The same with keys.
    #[must_use]
    pub fn with_seal(self, seal: Seal) -> Self {
        Self { seal, ..self }
    }

    /// Forgets what is known of an account.
    pub fn invalidate(&self, account: i64) {
        let mut cache = self.write();
        cache.generation += 1;
        cache.accounts.remove(&account);
        cache.gateways.retain(|_, gateway| gateway.account != account);
        cache.credentials.retain(|_, credential| credential.account_id != account);
        cache.all_gateways = None;
        cache.client_apps = None;
    }

    /// The account of this id.
    ///
    /// # Errors
    /// What the database says; an account that does not exist is a missing row.
    pub async fn account(&self, hub: &Hub, id: i64) -> Result<Arc<Account>> {
        if let Some(account) = self.read().accounts.get(&id) {
            return Ok(account.clone());
        }
        hub.topic(id).await?;
        let generation = self.read().generation;
        let row = accounts::by_id(self.db.read(), id).await?.ok_or(sqlx::Error::RowNotFound)?;
        let gateways = gateways::all(self.db.read()).await?;
        let account = Arc::new(Account {
            id,
            name: row.name,
            region: row.region.parse().unwrap_or_default(),
            roster: Roster::new(people::agents(self.db.read(), id).await?),
            has_parties: parties::any(self.db.read(), id).await?,
            setup: read_setup(&self.seal, id, setup::all(self.db.read(), id).await?, row.region.parse().unwrap_or_default()),
            search_url: row.search_url,
            create_url: row.create_url,
            gateways: gateways.into_iter().filter(|gateway| gateway.account_id == id).map(|row| Arc::new(Gateway::from(row))).collect(),
        });
        let mut cache = self.write();
        if cache.generation == generation {
            cache.accounts.insert(id, account.clone());
        }
        Ok(account)
    }

    /// The account of this name, if there is one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn account_named(&self, hub: &Hub, name: &str) -> Result<Option<Arc<Account>>> {
        match accounts::by_name(self.db.read(), name).await? {
            Some(row) => self.account(hub, row.id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The gateway of this secret.
    ///
    /// # Errors
    /// What the database says.
    pub async fn gateway_by_secret(&self, hub: &Hub, secret: &str) -> Result<Option<Arc<Gateway>>> {
        let hash = SecretHash::of(secret);
        if let Some(gateway) = self.read().gateways.get(&hash) {
            return Ok(Some(gateway.clone()));
        }
        // once to learn the account, and again when its changes are being heard
        let Some(row) = gateways::by_secret(self.db.read(), &hash).await? else { return Ok(None) };
        hub.topic(row.account_id).await?;
        let generation = self.read().generation;
        let Some(row) = gateways::by_secret(self.db.read(), &hash).await? else { return Ok(None) };
        let gateway = Arc::new(Gateway::from(row));
        let mut cache = self.write();
        if cache.generation == generation {
            if cache.gateways.len() >= MAX_SECRETS {
                cache.gateways.clear();
            }
            cache.gateways.insert(hash, gateway.clone());
        }
        Ok(Some(gateway))
    }

    /// Every gateway. Read anew at most when a configuration changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn gateways(&self, hub: &Hub) -> Result<Arc<Vec<Arc<Gateway>>>> {
        if let Some(all) = &self.read().all_gateways {
            return Ok(all.clone());
        }
        let generation = self.read().generation;
        for account in accounts::list(self.db.read()).await? {
            hub.topic(account.id).await?;
        }
        let all: Arc<Vec<_>> = Arc::new(gateways::all(self.db.read()).await?.into_iter().map(|row| Arc::new(Gateway::from(row))).collect());
        let mut cache = self.write();
        if cache.generation == generation {
            cache.all_gateways = Some(all.clone());
        }
        Ok(all)
    }

    /// Whether pages of this origin are those of some account's client app. Read anew at most when a configuration changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_client_app(&self, hub: &Hub, origin: &str) -> Result<bool> {
        let known = self.read().client_apps.clone();
        let all = match known {
            Some(all) => all,
            None => {
                let generation = self.read().generation;
                for account in accounts::list(self.db.read()).await? {
                    hub.topic(account.id).await?;
                }
                let bodies = setup::everywhere(self.db.read(), Kind::ClientApp).await?;
                let all: Arc<Vec<ClientApp>> = Arc::new(bodies.iter().filter_map(|body| serde_json::from_str(body).ok()).collect());
                let mut cache = self.write();
                if cache.generation == generation {
                    cache.client_apps = Some(all.clone());
                }
                all
            }
        };
        Ok(all.iter().any(|app| app.includes(origin)))
    }

    /// The grant of a lasting credential (token or session), if it is valid at `now`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn grant(&self, hub: &Hub, secret: &str, now: DateTime<Utc>) -> Result<Option<Grant>> {
        let hash = SecretHash::of(secret);
        let known = self.read().credentials.get(&hash).cloned();
        let row = match known {
            Some(row) => row,
            None => {
                // once to learn the account, and again when its changes are being heard
                let Some(row) = credentials::find(self.db.read(), &hash, now).await? else { return Ok(None) };
                hub.topic(row.account_id).await?;
                let generation = self.read().generation;
                let Some(row) = credentials::find(self.db.read(), &hash, now).await?.map(Arc::new) else { return Ok(None) };
                let mut cache = self.write();
                if cache.generation == generation {
                    if cache.credentials.len() >= MAX_SECRETS {
                        cache.credentials.clear();
                    }
                    cache.credentials.insert(hash, row.clone());
                }
                row
            }
        };
        let lasting = matches!(row.kind.as_str(), "token" | "session");
        if !lasting || row.expires_at.is_some_and(|expires| expires <= now) {
            return Ok(None);
        }
        self.grant_of(hub, &row).await.map(Some)
    }

    /// What a credential row grants.
    ///
    /// # Errors
    /// What the database says.
    pub async fn grant_of(&self, hub: &Hub, row: &CredentialRow) -> Result<Grant> {
        Ok(Grant {
            credential: row.id,
            account: self.account(hub, row.account_id).await?,
            kind: row.kind.clone(),
            scopes: row.scopes.parse().unwrap_or_default(),
            subject: Subject::from_stored(row.subject.as_deref()),
            allow_query: row.allow_query,
            networks: read_networks(row.networks.as_deref()),
            expires_at: row.expires_at,
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Cache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Cache> {
        self.cache.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<GatewayRow> for Gateway {
    fn from(row: GatewayRow) -> Self {
        Self {
            id: row.id,
            account: row.account_id,
            name: row.name,
            key: row.key,
            has_secret: row.secret_hash.is_some(),
            popup: row.popup.parse().unwrap_or(Popup::Agent),
            zone: row.zone.parse().unwrap_or(Tz::UTC),
            signature: row.signature_hash.as_deref().and_then(SecretHash::from_bytes),
            networks: read_networks(row.networks.as_deref()),
        }
    }
}

/// Reads what an account has set up. What cannot be read is left out, and said: the rest of the account goes on.
pub(super) fn read_setup(seal: &Seal, account: i64, rows: Vec<SetupRow>, region: HomeRegion) -> Setup {
    let typed = |row: SetupRow| {
        let kind = Kind::read(&row.kind)?;
        let body = seal.open(account, kind, &row.name, serde_json::from_str(&row.body).ok()?);
        body.inspect_err(|error| tracing::error!(account, kind = kind.word(), name = row.name, %error, "a sealed record is left out"))
            .ok()
            .map(|body| (kind, row.name, body))
    };
    let (setup, faults) = Setup::read(rows.into_iter().filter_map(typed), region);
    for fault in faults {
        tracing::error!(%fault, "a record of an account's setup cannot be read and is left out");
    }
    setup
}

/// Reads a stored list of networks; the door that stored it checked each.
pub fn read_networks(stored: Option<&str>) -> Vec<IpNet> {
    stored.into_iter().flat_map(|list| list.split(',')).filter_map(|net| parse_network(net.trim())).collect()
}

/// Reads `10.0.0.0/8`, or a single address.
pub fn parse_network(text: &str) -> Option<IpNet> {
    IpNet::from_str(text).ok().or_else(|| IpAddr::from_str(text).ok().map(IpNet::from))
}
