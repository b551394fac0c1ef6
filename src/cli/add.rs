//! Setting up accounts, people, credentials and gateways. What is created carries its secret once; the store keeps a hash.

use std::{
    io::{BufRead, IsTerminal, Read},
    path::PathBuf,
};

use chrono::TimeDelta;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{AccountName, output};
use crate::{
    app::{
        admin::Admin,
        clock::{self, Clock},
        directory::{Popup, Subject, parse_network},
        passwords,
        sessions::OneTimeLink,
    },
    config::Config,
    domain::{
        phone::{HomeRegion, Number},
        scope::Scopes,
        secret::{self, SecretHash},
    },
    store::{
        Db,
        accounts::{self, AccountRow, NewAccount},
        credentials::{self, NewCredential},
        gateways::{self, NewGateway},
        people::{self, NewAgent},
    },
};

/// Longest name or login.
const MAX_NAME: usize = 100;

/// Accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Add an account
    Add {
        /// Its name: the accid of DialedIn clients
        name: String,
        /// Where numbers without a country code belong (two letters)
        #[arg(long, default_value = "US")]
        region: HomeRegionText,
        /// Where Search.php opens a record: a URL with {type}, {id} and {number}; our own page when absent
        #[arg(long, value_name = "TEMPLATE")]
        search_url: Option<String>,
        /// Where Search.php creates a contact: a URL with {number}; our own page when absent
        #[arg(long, value_name = "TEMPLATE")]
        create_url: Option<String>,
    },
    /// List the accounts
    List,
}

/// A region as typed, checked.
#[derive(Clone, Debug)]
pub(super) struct HomeRegionText(String);

impl std::str::FromStr for HomeRegionText {
    type Err = crate::domain::phone::UnknownRegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<HomeRegion>().map(|_| Self(text.to_ascii_uppercase()))
    }
}

/// Agents.
#[derive(Debug, Subcommand)]
pub(super) enum Agent {
    /// Add an agent
    Add {
        #[command(flatten)]
        account: AccountName,
        /// Login; case matters
        #[arg(long)]
        login: String,
        /// Office number or extension, by which telephone systems name the agent
        #[arg(long)]
        number: String,
        /// Extension, when the telephone system names the agent by that too
        #[arg(long)]
        extension: Option<String>,
        /// Full name; the login when absent
        #[arg(long)]
        name: Option<String>,
        /// Read a password from the first line of the standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the agents
    List {
        #[command(flatten)]
        account: AccountName,
    },
}

/// Operators.
#[derive(Debug, Subcommand)]
pub(super) enum Operator {
    /// Add an operator; reads the password from the standard input, or makes one and prints it once
    Add {
        #[command(flatten)]
        account: AccountName,
        /// Login; case matters
        #[arg(long)]
        login: String,
        /// Read the password from the first line of the standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Print a link that signs the operator in once, within an hour
    Link {
        #[command(flatten)]
        account: AccountName,
        /// Login of the operator
        #[arg(long)]
        login: String,
    },
}

/// Tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Add a token; prints it once
    Add {
        #[command(flatten)]
        account: AccountName,
        /// What it may do, comma separated: events:read,calls:read,calls:write …
        #[arg(long)]
        scopes: Scopes,
        /// It may ride in a query string, as DialedIn clients send it
        #[arg(long)]
        allow_query: bool,
        /// What it is for, shown in lists
        #[arg(long, default_value = "token")]
        label: String,
        /// Days until it expires; never when absent
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3650))]
        expires: Option<i64>,
        /// Networks or addresses it may be used from (repeatable); anywhere when absent
        #[arg(long = "network", value_name = "CIDR")]
        networks: Vec<String>,
        /// Take over this token of a system that is being replaced
        #[arg(long, value_name = "UUID")]
        import: Option<uuid::Uuid>,
        /// Take over DialedIn's older pair of GroupId and SecurityCode
        #[arg(long, value_name = "N", requires = "security_code_stdin", conflicts_with = "import")]
        group_id: Option<i64>,
        /// Read the SecurityCode of the group from the standard input
        #[arg(long, requires = "group_id")]
        security_code_stdin: bool,
    },
    /// List the tokens, without their secrets
    List {
        #[command(flatten)]
        account: AccountName,
    },
    /// Revoke a token
    Revoke {
        #[command(flatten)]
        account: AccountName,
        /// Its id, as listed
        id: i64,
    },
}

/// Gateways.
#[derive(Debug, Subcommand)]
pub(super) enum Gateway {
    /// Add a telephone system; prints its X-VTIGER-SECRET once
    Add {
        #[command(flatten)]
        account: AccountName,
        /// Its name
        #[arg(long)]
        name: String,
        /// Who sees an incoming call: all agents, or the agent concerned
        #[arg(long, default_value = "all")]
        popup: String,
        /// Read the X-VTIGER-SECRET from the standard input, to replace a server without touching its senders
        #[arg(long)]
        secret_stdin: bool,
        /// Make no secret: senders are found by the key in `?gw=` alone, or by --network
        #[arg(long, conflicts_with = "secret_stdin")]
        no_secret: bool,
        /// Read the vtigersignature of PBXManager connectors from the standard input (after the secret, if both)
        #[arg(long)]
        signature_key_stdin: bool,
        /// Networks or addresses of senders that cannot sign (repeatable)
        #[arg(long = "network", value_name = "CIDR")]
        networks: Vec<String>,
        /// Zone of the local times it sends
        #[arg(long, default_value = "UTC", value_name = "IANA")]
        zone: chrono_tz::Tz,
    },
    /// List the gateways, without their secrets
    List {
        #[command(flatten)]
        account: AccountName,
    },
}

/// The party directory.
#[derive(Debug, Subcommand)]
pub(super) enum Party {
    /// Import parties from CSV: type, id, name, numbers (separated by semicolons), email, url
    Import {
        #[command(flatten)]
        account: AccountName,
        /// The file; `-` is the standard input
        file: PathBuf,
    },
}

pub(super) fn no_such_account(name: &str) -> anyhow::Error {
    anyhow::anyhow!("there is no account {name:?}: list them with `cti-gateway account list`, add it with `cti-gateway account add {name}`")
}

async fn account(db: &Db, name: &AccountName) -> anyhow::Result<AccountRow> {
    accounts::by_name(db.read(), &name.account).await?.ok_or_else(|| no_such_account(&name.account))
}

fn admin(db: &Db) -> Admin {
    Admin::new(db.clone(), Clock::System)
}

/// Names and logins are single lines without blanks at the ends.
fn check_name(what: &str, text: &str) -> anyhow::Result<()> {
    let fine = !text.is_empty() && text.len() <= MAX_NAME && text.trim() == text && !text.chars().any(char::is_control) && text != "*";
    anyhow::ensure!(fine, "{what} {text:?} cannot be used: expected 1 to {MAX_NAME} characters in one line");
    Ok(())
}

fn read_secret(what: &str) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    anyhow::ensure!(!stdin.is_terminal(), "give the {what} on the standard input, such as: … < file");
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    let secret = line.trim_end_matches(['\r', '\n']).to_owned();
    anyhow::ensure!(!secret.is_empty(), "the {what} is empty: expected it in the first line of the standard input");
    Ok(secret)
}

/// A code that is only hashed must not be one that can be guessed.
fn read_security_code() -> anyhow::Result<String> {
    let code = read_secret("security code")?;
    anyhow::ensure!(code.trim().len() >= 16, "the security code is too short: expected at least 16 characters (DialedIn's have 32)");
    Ok(code)
}

fn check_networks(networks: &[String]) -> anyhow::Result<Option<String>> {
    if let Some(wrong) = networks.iter().find(|text| parse_network(text).is_none()) {
        anyhow::bail!("--network {wrong:?} is not a network: expected an address or a CIDR such as 10.1.0.0/16");
    }
    Ok((!networks.is_empty()).then(|| networks.join(",")))
}

impl Account {
    pub(super) async fn run(self, db: &Db, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { name, region, search_url, create_url } => {
                check_name("the account's name", &name)?;
                let new = NewAccount { name: name.clone(), region: region.0, search_url, create_url };
                let id = admin(db).add_account(&new).await?;
                anyhow::ensure!(id.is_some(), "the account {name:?} exists already");
                output::record(json, &json!({ "account": name }))
            }
            Self::List => {
                let rows: Vec<Value> = accounts::list(db.read())
                    .await?
                    .iter()
                    .map(|row| json!({"account": row.name, "region": row.region, "created": row.created_at}))
                    .collect();
                output::table(
                    json,
                    &["account", "region", "created"],
                    &rows,
                    "no accounts yet: add one with `cti-gateway account add NAME`",
                )
            }
        }
    }
}

impl Agent {
    pub(super) async fn run(self, db: &Db, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account: name, login, number, extension, name: full, password_stdin } => {
                let account = account(db, &name).await?;
                check_name("the login", &login)?;
                let region = account.region.parse().unwrap_or_default();
                let read = |what: &str, raw: &str| {
                    Number::read(raw, region).ok_or_else(|| anyhow::anyhow!("--{what} {raw:?} has no digits of a telephone number"))
                };
                let number = Some(read("number", &number)?);
                let extension = extension.as_deref().map(|raw| read("extension", raw)).transpose()?;
                let password_hash = if password_stdin { Some(hash(&read_secret("password")?)?) } else { None };
                let agent = NewAgent {
                    name: full.unwrap_or_else(|| login.clone()),
                    login: login.clone(),
                    number: number.clone(),
                    extension,
                    password_hash,
                };
                let id = admin(db).add_agent((account.id, &account.name), &agent).await?;
                let id = id.ok_or_else(|| anyhow::anyhow!("the agent {login:?} exists already in {:?}", account.name))?;
                output::record(json, &json!({"agent": login, "id": id, "number": number}))
            }
            Self::List { account: name } => {
                let account = account(db, &name).await?;
                let agents = people::agents(db.read(), account.id).await?;
                let rows: Vec<Value> = agents.iter().map(|agent| json!({"agent": agent.login, "id": agent.id, "name": agent.name, "number": agent.number, "extension": agent.extension})).collect();
                output::table(
                    json,
                    &["agent", "id", "name", "number", "extension"],
                    &rows,
                    "no agents yet: add one with `cti-gateway agent add`",
                )
            }
        }
    }
}

fn hash(password: &str) -> anyhow::Result<String> {
    passwords::hash(password).map_err(|error| anyhow::anyhow!("the password cannot be hashed: {error}"))
}

impl Operator {
    pub(super) async fn run(self, db: &Db, config: &Config, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account: name, login, password_stdin } => {
                let account = account(db, &name).await?;
                check_name("the login", &login)?;
                let made = if password_stdin { None } else { Some(clock::secret("pw")) };
                let password = made.clone().map_or_else(|| read_secret("password"), Ok)?;
                let added = admin(db).add_operator((account.id, &account.name), &login, &hash(&password)?).await?;
                anyhow::ensure!(added, "the operator {login:?} exists already in {:?}", account.name);
                let mut shown = json!({ "operator": login });
                if let Some(password) = made {
                    shown["password"] = json!(password);
                }
                output::record(json, &shown)
            }
            Self::Link { account: name, login } => {
                let account = account(db, &name).await?;
                anyhow::ensure!(
                    people::operator_password(db.read(), account.id, &login).await?.is_some(),
                    "there is no operator {login:?} in {:?}: add one with `cti-gateway operator add`",
                    account.name
                );
                let link = OneTimeLink::issue(db, &Clock::System, (account.id, &account.name), &Subject::Operator(login.clone())).await?;
                output::record(
                    json,
                    &json!({"link": format!("http://{}/console#code={}", config.here(), link.secret), "expires": link.expires_at}),
                )
            }
        }
    }
}

impl Token {
    pub(super) async fn run(self, db: &Db, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account: name, scopes, allow_query, label, expires, networks, import, group_id, security_code_stdin: _ } => {
                let account = account(db, &name).await?;
                anyhow::ensure!(scopes != Scopes::default(), "--scopes is empty: name what the token may do");
                let secret = match group_id {
                    Some(id) => secret::of_group(id, &read_security_code()?),
                    None => import.map_or_else(|| clock::secret("cti"), |uuid| uuid.to_string()),
                };
                let token = NewCredential {
                    account: account.id,
                    hash: SecretHash::of(&secret),
                    prefix: secret.chars().take(8).collect(),
                    label,
                    kind: "token",
                    subject: None,
                    scopes: scopes.to_string(),
                    allow_query: allow_query || group_id.is_some(),
                    networks: check_networks(&networks)?,
                    expires_at: expires.map(|days| Clock::System.now() + TimeDelta::days(days)),
                };
                anyhow::ensure!(admin(db).add_token(&account.name, &token).await?, "this token is known already");
                output::record(json, &group_id.map_or_else(|| json!({ "token": secret }), |id| json!({ "groupId": id })))
            }
            Self::List { account: name } => {
                let account = account(db, &name).await?;
                let rows: Vec<Value> = credentials::list(db.read(), account.id)
                    .await?
                    .iter()
                    .map(|row| json!({"id": row.id, "token": format!("{}…", row.prefix), "label": row.label, "scopes": row.scopes, "expires": row.expires_at, "revoked": row.revoked_at}))
                    .collect();
                output::table(
                    json,
                    &["id", "token", "label", "scopes", "expires", "revoked"],
                    &rows,
                    "no tokens yet: add one with `cti-gateway token add`",
                )
            }
            Self::Revoke { account: name, id } => {
                let account = account(db, &name).await?;
                anyhow::ensure!(
                    admin(db).revoke((account.id, &account.name), id).await?,
                    "there is no valid token {id} in {:?}",
                    account.name
                );
                output::record(json, &json!({ "revoked": id }))
            }
        }
    }
}

impl Gateway {
    pub(super) async fn run(self, db: &Db, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account: name, name: gateway, popup, secret_stdin, no_secret, signature_key_stdin, networks, zone } => {
                let account = account(db, &name).await?;
                check_name("the gateway's name", &gateway)?;
                popup.parse::<Popup>().map_err(|error| anyhow::anyhow!("--popup: {error}"))?;
                let made = (!secret_stdin && !no_secret).then(|| clock::secret("vt"));
                let secret = if secret_stdin { Some(read_secret("secret")?) } else { made.clone() };
                let signature = if signature_key_stdin { Some(read_secret("signature key")?) } else { None };
                let new = NewGateway {
                    name: gateway.clone(),
                    key: Clock::System.id().simple().to_string(),
                    secret: secret.as_deref().map(SecretHash::of),
                    signature: signature.as_deref().map(SecretHash::of),
                    networks: check_networks(&networks)?,
                    popup,
                    zone: zone.name().to_owned(),
                };
                let id = admin(db).add_gateway((account.id, &account.name), &new).await?;
                anyhow::ensure!(id.is_some(), "the gateway {gateway:?} exists already in {:?}, or its secret is in use", account.name);
                let mut shown = json!({"gateway": gateway, "key": new.key});
                if let Some(secret) = made {
                    shown["secret"] = json!(secret);
                }
                output::record(json, &shown)
            }
            Self::List { account: name } => {
                let account = account(db, &name).await?;
                let rows: Vec<Value> = gateways::all(db.read())
                    .await?
                    .iter()
                    .filter(|row| row.account_id == account.id)
                    .map(|row| json!({"gateway": row.name, "id": row.id, "key": row.key, "popup": row.popup, "networks": row.networks, "zone": row.zone}))
                    .collect();
                output::table(
                    json,
                    &["gateway", "id", "key", "popup", "networks", "zone"],
                    &rows,
                    "no gateways yet: add one with `cti-gateway gateway add`",
                )
            }
        }
    }
}

/// Rows stored in one transaction: a running server is held up for this long at most.
const IMPORT_PAGE: usize = 500;

impl Party {
    pub(super) async fn run(self, db: &Db, json: bool) -> anyhow::Result<()> {
        let Self::Import { account: name, file } = self;
        let account = super::desk::account(db, &name).await?;
        // read whole before anything is stored: a wrong row stores nothing
        let mut text = Vec::new();
        if file.as_os_str() == "-" {
            std::io::stdin().read_to_end(&mut text)?;
        } else {
            text = std::fs::read(&file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        }
        let parties = crate::app::parties::read_csv(&account, &text, usize::MAX).map_err(|invalid| anyhow::anyhow!("{invalid}"))?;
        let bar = indicatif::ProgressBar::new(parties.len() as u64);
        for page in parties.chunks(IMPORT_PAGE) {
            admin(db).put_parties((account.id, &account.name), page).await?;
            bar.inc(page.len() as u64);
        }
        bar.finish_and_clear();
        output::record(json, &json!({"stored": parties.len()}))
    }
}
