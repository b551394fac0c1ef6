//! `demo`: a server with everything set up, and a simulated telephone system that calls it through its front door.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{AccountName, desk::account, logging, output, scene, serve};
use crate::{
    app::{
        admin::Admin,
        clock::{self, Clock},
        directory::Subject,
        passwords,
        seal::Seal,
        sessions::OneTimeLink,
        setup::Change,
    },
    config::Config,
    domain::{
        phone::{HomeRegion, Number},
        secret::SecretHash,
        setup::{Invalid, Kind},
    },
    http::server::Server,
    store::{
        Db,
        accounts::{self, NewAccount},
        credentials::NewCredential,
        gateways::NewGateway,
        parties::NewParty,
        people::NewAgent,
    },
};

const ACCOUNT: &str = "demo";
const OPERATOR: &str = "operator";
const CAMPAIGN: &str = "Spring";
const SYSTEM: &str = "house";
const NUMBER: &str = "+12025550100";
const AGENTS: [(&str, &str, &str); 3] =
    [("agent1", "1001", "Ada Lindqvist"), ("agent2", "1002", "Ben Okafor"), (CRM_AGENT, "1003", "Cleo Marsh")];
/// Who works in the demo CRM; the simulated telephone system leaves him alone.
const CRM_AGENT: &str = "agent3";
const CRM: &str = "crm";
const CONTACTS: [(&str, &str, &str); 3] =
    [("c-1", "Greta Sommer", "+4930123456"), ("c-2", "Hiro Tanaka", "+81312345678"), ("c-3", "Ines Duarte", "+351211234567")];

/// A server with a demo account and a simulated telephone system.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Folder for the database and the demo's secrets; delete it to start afresh
    #[arg(long, default_value = "demo-data", value_name = "DIR")]
    data: PathBuf,
    /// Calls per minute that the simulated telephone system plays; 0 for none
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=600))]
    calls: u32,
}

/// Secrets of the demo account, kept beside its database, so that a second start prints the same ones.
#[derive(Debug, Deserialize, Serialize)]
struct Secrets {
    gateway: String,
    token: String,
    password: String,
}

impl Demo {
    pub(super) async fn run(self, mut config: Config) -> anyhow::Result<()> {
        logging::start(&config)?;
        std::fs::create_dir_all(&self.data)
            .map_err(|error| anyhow::anyhow!("the folder {} cannot be made: {error}", self.data.display()))?;
        config.store.url = format!("sqlite:{}", self.data.join("demo.db").display());
        if !config.seal.has_key() {
            config.seal = Seal::new(Some(&kept_key(&self.data.join("secret.key"))?), None)?;
        }
        let metrics = serve::record_metrics()?;
        let listener = serve::listen(&config).await?;
        let server = Server::open(config, Clock::System, Some(metrics)).await?;
        let app = server.app();
        let (account, secrets) = set_up(&app.db, &self.data.join("secrets.json")).await?;
        let link = OneTimeLink::issue(&app.db, &Clock::System, (account, ACCOUNT), &Subject::Operator(OPERATOR.to_owned())).await?;
        let crm = OneTimeLink::issue(&app.db, &Clock::System, (account, ACCOUNT), &Subject::Agent(CRM_AGENT.to_owned())).await?;
        let base = base_url(&listener)?;
        let origins = [base.clone(), base.replace("127.0.0.1", "localhost")];
        put(&app.db, &app.admin(), Kind::ClientApp, CRM, json!({ "origins": origins })).await?;
        drop(app);
        output::text(&welcome(&base, (&crm.secret, &link.secret), &secrets))?;
        let stop = CancellationToken::new();
        let play = scene::play(format!("{base}/modules/PhoneCalls/callbacks/Generic.php"), secrets.gateway, self.calls, stop.clone());
        let telephone_system = tokio::spawn(play);
        let signal = serve::stop_signal()?;
        server
            .serve(listener, async {
                signal.await;
                stop.cancel();
                // calls that are under way hang up, so that the next start finds none
                let _ = telephone_system.await;
            })
            .await;
        Ok(())
    }
}

/// The key that seals providers' secrets, made on the first start.
fn kept_key(file: &Path) -> anyhow::Result<String> {
    if let Ok(key) = std::fs::read_to_string(file) {
        return Ok(key);
    }
    let key = Seal::make_key();
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?.write_all(key.as_bytes())?;
    Ok(key)
}

fn base_url(listener: &TcpListener) -> anyhow::Result<String> {
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Ok(format!("http://{address}"))
}

/// Creates the demo account on the first start; answers its id and secrets.
async fn set_up(db: &Db, file: &Path) -> anyhow::Result<(i64, Secrets)> {
    if let Some(account) = accounts::by_name(db.read(), ACCOUNT).await? {
        let text = std::fs::read_to_string(file)
            .map_err(|error| anyhow::anyhow!("{}: {error}; delete the demo's folder to start afresh", file.display()))?;
        return Ok((account.id, serde_json::from_str(&text)?));
    }
    let secrets = Secrets { gateway: clock::secret("vt"), token: clock::secret("cti"), password: clock::secret("pw") };
    let mut kept = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    kept.write_all(serde_json::to_string_pretty(&secrets)?.as_bytes())?;
    let admin = Admin::new(db.clone(), Clock::System);
    let new = NewAccount { name: ACCOUNT.into(), region: "US".into(), search_url: None, create_url: None };
    let account = admin.add_account(&new).await?.ok_or_else(|| anyhow::anyhow!("the demo account was added by somebody else just now"))?;
    let place = (account, ACCOUNT);
    let password_hash = passwords::hash(&secrets.password).map_err(|error| anyhow::anyhow!("the password cannot be hashed: {error}"))?;
    for (login, number, name) in AGENTS {
        let number = Number::read(number, HomeRegion::default());
        let agent =
            NewAgent { login: login.into(), name: name.into(), number, extension: None, password_hash: Some(password_hash.clone()) };
        admin.add_agent(place, &agent).await?;
    }
    admin.add_operator(place, OPERATOR, &password_hash).await?;
    admin.add_token(ACCOUNT, &token(account, &secrets.token)).await?;
    let gateway = NewGateway {
        name: "simulated".into(),
        key: Clock::System.id().simple().to_string(),
        secret: Some(SecretHash::of(&secrets.gateway)),
        signature: None,
        networks: None,
        popup: "all".into(),
        zone: "UTC".into(),
    };
    admin.add_gateway(place, &gateway).await?;
    admin.put_parties(place, &CONTACTS.map(contact)).await?;
    set_up_leads(db, &admin).await?;
    Ok((account, secrets))
}

/// What leads and messages need: a campaign, a number, and nobody who really carries a message or takes a command.
async fn set_up_leads(db: &Db, admin: &Admin) -> anyhow::Result<()> {
    for (kind, name, body) in [
        (Kind::TelephoneSystem, SYSTEM, json!({"simulated": {}})),
        (Kind::Campaign, CAMPAIGN, json!({})),
        (Kind::Provider, "nobody", json!("simulated")),
        (Kind::Number, NUMBER, json!({"sms": true, "voice": true, "provider": "nobody"})),
        (Kind::RingGroup, "Sales", json!({"number": NUMBER, "reception": {}})),
    ] {
        put(db, admin, kind, name, body).await?;
    }
    Ok(())
}

/// Stores a record, checked against those that are there.
async fn put(db: &Db, admin: &Admin, kind: Kind, name: &str, body: Value) -> anyhow::Result<()> {
    let account = account(db, &AccountName { account: ACCOUNT.into() }).await?;
    let put = admin.change_setup(&account, kind, name, |_, _| Ok::<_, Invalid>(Change::Put(body))).await?;
    put.map_err(|invalid| anyhow::anyhow!("{} {name}: {invalid}", kind.word()))?;
    Ok(())
}

fn token(account: i64, secret: &str) -> NewCredential {
    NewCredential {
        account,
        hash: SecretHash::of(secret),
        prefix: secret.chars().take(8).collect(),
        label: "demo".into(),
        kind: "token",
        subject: None,
        scopes: "events:read,calls:read,calls:write,calls:control,agents:read,agents:act,leads:read,leads:write,dnc:write,lists:write,\
                 skills:write,messages:send"
            .into(),
        allow_query: true,
        networks: None,
        expires_at: None,
    }
}

fn contact((id, name, number): (&str, &str, &str)) -> NewParty {
    let numbers = Number::read(number, HomeRegion::default()).into_iter().collect();
    NewParty { kind: "contact".into(), id: id.into(), name: name.into(), email: None, url: None, numbers }
}

fn welcome(base: &str, (crm, console): (&str, &str), secrets: &Secrets) -> String {
    let Secrets { gateway, token, password } = secrets;
    let door = format!("{base}/modules/PhoneCalls/callbacks/Generic.php");
    format!(
        "
  Open a small CRM with the softphone in it (signs you in as {CRM_AGENT} once, within an hour), press Ready there, and let a customer ring:

    {base}/demo#code={crm}

  Watch the whole centre in the console:

    {base}/console#code={console}

  Later: account {ACCOUNT}, login {CRM_AGENT} in the softphone, {OPERATOR} in the console, password {password}

  A simulated telephone system is calling. Call the others, too:

    curl -X POST '{door}?event=call_initiated&call_id=mine-1&from=%2B4930123456&to=1001' -H 'X-VTIGER-SECRET: {gateway}'
    curl -X POST '{door}?event=call_connected&call_id=mine-1&to=1001' -H 'X-VTIGER-SECRET: {gateway}'
    curl -X POST '{door}?event=call_hangup&call_id=mine-1&hangup_reason=completed' -H 'X-VTIGER-SECRET: {gateway}'

  Bring a lead in as a DialedIn client does, and ask why it is not dialed:

    curl '{base}/HttpImport/InjectLead.php?token={token}&accid={ACCOUNT}&Campaign={CAMPAIGN}&PrimaryPhone=2025550142&FirstName=Ada'
    curl -H 'Authorization: Bearer {token}' '{base}/api/v1/leads/1/explain'

  What happened, and what happens next:

    curl -H 'Authorization: Bearer {token}' '{base}/api/v1/dialer-calls?limit=5'
    curl -H 'Authorization: Bearer {token}' '{base}/api/v1/events?wait=20'

  Ctrl-C stops it. Everything is kept in the demo's folder.

"
    )
}
