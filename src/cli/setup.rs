//! What an account has set up: campaigns, custom fields, numbers and dispositions each by a command, every kind by `setup`.

use std::io::Read;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{AccountName, desk, output};
use crate::{
    app::{
        admin::Admin,
        clock::Clock,
        seal::Seal,
        setup::{Change, Changed},
    },
    config::Config,
    domain::{
        disposition::{Disposition, SYSTEM},
        setup::{Invalid, Kind, OPTIONS, Setup as Known},
    },
    store::{Db, setup},
};

/// Longest body that is read, in bytes.
const MAX_BODY: u64 = 1024 * 1024;

/// Campaigns.
#[derive(Debug, Subcommand)]
pub(super) enum Campaign {
    /// Add a campaign
    #[command(after_help = r#"Example:
  cti-gateway campaign add --account acme --name Spring \
      --subcampaign North --subcampaign South --daily-cap 3"#)]
    Add {
        #[command(flatten)]
        account: AccountName,
        /// Its name; the same in any case
        #[arg(long)]
        name: String,
        /// A part of it (repeatable)
        #[arg(long = "subcampaign", value_name = "NAME")]
        subcampaigns: Vec<String>,
        /// Most attempts per lead and day, 1 to 1000
        #[arg(long, value_name = "N", default_value_t = 5)]
        daily_cap: i64,
    },
    /// List the campaigns
    List {
        #[command(flatten)]
        account: AccountName,
    },
}

/// Custom fields of leads.
#[derive(Debug, Subcommand)]
pub(super) enum Field {
    /// Declare a custom field of leads
    ///
    /// DialedIn clients call it adv_Policy__ID, the native API custom."Policy ID", a CSV column Policy ID.
    #[command(after_help = r#"Example:
  cti-gateway field add --account acme --name "Policy ID""#)]
    Add {
        #[command(flatten)]
        account: AccountName,
        /// Its name; the same in any case
        #[arg(long)]
        name: String,
    },
    /// List the custom fields
    List {
        #[command(flatten)]
        account: AccountName,
    },
}

/// Numbers of the account's own.
#[derive(Debug, Subcommand)]
pub(super) enum Number {
    /// Add a number of the account's own: what calls may show and messages may come from
    #[command(after_help = r#"Example:
  cti-gateway number add --account acme --number +12025550123 --voice --sms --provider twilio"#)]
    Add {
        #[command(flatten)]
        account: AccountName,
        /// The number; without a country code it belongs to the account's region
        #[arg(long)]
        number: String,
        /// Calls may show it
        #[arg(long)]
        voice: bool,
        /// Messages may come from it
        #[arg(long)]
        sms: bool,
        /// Who carries its messages: a record of the kind provider
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
    },
    /// List the numbers
    List {
        #[command(flatten)]
        account: AccountName,
    },
}

/// Dispositions: what an outcome means.
#[derive(Debug, Subcommand)]
pub(super) enum Outcome {
    /// Add an outcome of the account's own, or of one campaign
    ///
    /// Of the same name, a campaign's goes before the account's, and that before the system's.
    #[command(after_help = r#"Examples:
  cti-gateway disposition add --account acme --name "Call in spring" --callable --connects
  cti-gateway disposition add --account acme --name SALE --campaign Spring --callable --connects"#)]
    Add {
        #[command(flatten)]
        account: AccountName,
        /// What a lead's call status names; the same in any case
        #[arg(long)]
        name: String,
        /// Shown to people; the name when absent
        #[arg(long)]
        text: Option<String>,
        /// Only in this campaign
        #[arg(long, value_name = "NAME")]
        campaign: Option<String>,
        /// A lead with this status may be dialed again
        #[arg(long)]
        callable: bool,
        /// A person was reached
        #[arg(long)]
        connects: bool,
        /// Where it is no connect, whoever chose it gave the call up
        #[arg(long)]
        connects_or_aborts: bool,
    },
    /// List the outcomes
    List {
        #[command(flatten)]
        account: AccountName,
        /// Show also those that every account has
        #[arg(long)]
        system: bool,
    },
}

/// Records of every kind.
#[derive(Debug, Subcommand)]
pub(super) enum Setup {
    /// Show the records of a kind, or one of them
    ///
    /// What a provider or a telephone system is configured with holds secrets and is not shown.
    #[command(after_help = r#"Example:
  cti-gateway setup get --account acme --kind ring_group --name Sales"#)]
    Get {
        #[command(flatten)]
        account: AccountName,
        #[arg(long, value_parser = kind, help = KINDS)]
        kind: Kind,
        /// The record; all of the kind when absent
        #[arg(long)]
        name: Option<String>,
    },
    /// Store a record: add it, or replace the one of this name
    #[command(after_help = r#"Examples:
  echo '{"agents":["agent1"]}' | cti-gateway setup put --account acme \
      --kind skill --name Spanish --body-stdin
  echo '{"zone":"America/New_York"}' | cti-gateway setup put --account acme --kind options --body-stdin"#)]
    Put {
        #[command(flatten)]
        account: AccountName,
        #[arg(long, value_parser = kind, help = KINDS)]
        kind: Kind,
        /// Its name; options have none
        #[arg(long)]
        name: Option<String>,
        /// Read the body, a JSON object, from the standard input; an empty object when absent
        #[arg(long)]
        body_stdin: bool,
    },
    /// Remove a record
    #[command(after_help = r#"Example:
  cti-gateway setup remove --account acme --kind skill --name Spanish"#)]
    Remove {
        #[command(flatten)]
        account: AccountName,
        #[arg(long, value_parser = kind, help = KINDS)]
        kind: Kind,
        /// Its name
        #[arg(long)]
        name: String,
    },
}

const KINDS: &str =
    "campaign, disposition, field, number, ring_group, skill, filter, playlist, provider, telephone_system, client_app or options";

fn kind(word: &str) -> Result<Kind, String> {
    let found = Kind::ALL.iter().copied().find(|kind| kind.word() == word || kind.path() == word);
    found.ok_or_else(|| format!("expected {KINDS}"))
}

/// What records are written with.
pub(super) struct Pen {
    pub(super) db: Db,
    seal: Seal,
}

impl Pen {
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { db: super::open(config).await?, seal: config.seal.clone() })
    }
}

/// Why a record was not stored.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0} exists already; `cti-gateway setup put` replaces it")]
    Exists(String),
    #[error("there is no {0}")]
    Missing(String),
    #[error("{}", told(.0))]
    Invalid(#[from] Invalid),
}

fn told(invalid: &Invalid) -> String {
    if invalid.field.is_empty() { invalid.message.clone() } else { invalid.to_string() }
}

/// Changes a record under the account's turn.
async fn change(
    pen: &Pen,
    name: &AccountName,
    (kind, record): (Kind, &str),
    change: impl FnOnce(&Known, Option<Value>) -> Result<Change, Refusal>,
) -> anyhow::Result<Changed> {
    let account = desk::account(&pen.db, name).await?;
    Ok(Admin::new(pen.db.clone(), Clock::System).with_seal(pen.seal.clone()).change_setup(&account, kind, record, change).await??)
}

/// Adds a record; answers the name as it was stored.
pub(super) async fn add(pen: &Pen, name: &AccountName, (kind, record): (Kind, &str), body: Value) -> anyhow::Result<String> {
    let exists = Refusal::Exists(format!("the {} {record:?}", kind.word()));
    let changed = change(pen, name, (kind, record), |_, before| match before {
        Some(_) => Err(exists),
        None => Ok(Change::Put(body)),
    });
    match changed.await? {
        Changed::Stored(name, _) => Ok(name),
        Changed::Removed | Changed::Kept | Changed::Missing => Ok(record.to_owned()),
    }
}

impl Campaign {
    pub(super) async fn run(self, pen: &Pen, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account, name, subcampaigns, daily_cap } => {
                let body = json!({"subcampaigns": subcampaigns, "dailyCap": daily_cap});
                let name = add(pen, &account, (Kind::Campaign, &name), body).await?;
                output::record(json, &json!({"campaign": name, "subcampaigns": subcampaigns, "dailyCap": daily_cap}))
            }
            Self::List { account } => {
                let account = desk::account(&pen.db, &account).await?;
                let row = |(name, campaign): (&str, &crate::domain::setup::Campaign)| {
                    let own: Vec<&str> = campaign.dispositions.iter().map(|own| own.name.as_ref()).collect();
                    json!({"campaign": name, "subcampaigns": campaign.subcampaigns, "dailyCap": campaign.daily_cap, "dispositions": own})
                };
                let rows: Vec<Value> = account.setup.campaigns.iter().map(row).collect();
                let empty = "no campaigns yet: add one with `cti-gateway campaign add`";
                output::table(json, &["campaign", "subcampaigns", "dailyCap", "dispositions"], &rows, empty)
            }
        }
    }
}

impl Field {
    pub(super) async fn run(self, pen: &Pen, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account, name } => {
                let name = add(pen, &account, (Kind::Field, &name), json!({})).await?;
                output::record(json, &json!({ "field": name }))
            }
            Self::List { account } => {
                let account = desk::account(&pen.db, &account).await?;
                let rows: Vec<Value> = account.setup.fields.iter().map(|name| json!({ "field": name })).collect();
                output::table(json, &["field"], &rows, "no custom fields yet: declare one with `cti-gateway field add`")
            }
        }
    }
}

impl Number {
    pub(super) async fn run(self, pen: &Pen, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account: name, number, voice, sms, provider } => {
                anyhow::ensure!(voice || sms, "say what the number is for: --voice, --sms or both");
                let account = desk::account(&pen.db, &name).await?;
                // the book knows it by its canonical form, however it is written here
                let read = crate::domain::phone::Number::read(&number, account.region);
                let number = read.map_or(number, |number| number.as_str().to_owned());
                let body = json!({"voice": voice, "sms": sms, "provider": provider});
                let number = add(pen, &name, (Kind::Number, &number), body).await?;
                output::record(json, &json!({"number": number, "voice": voice, "sms": sms, "provider": provider}))
            }
            Self::List { account } => {
                let account = desk::account(&pen.db, &account).await?;
                let row = |(name, number): (&str, &crate::domain::setup::OwnedNumber)| json!({"number": name, "voice": number.voice, "sms": number.sms, "provider": number.provider});
                let rows: Vec<Value> = account.setup.numbers.iter().map(row).collect();
                let empty = "no numbers yet: add one with `cti-gateway number add`";
                output::table(json, &["number", "voice", "sms", "provider"], &rows, empty)
            }
        }
    }
}

impl Outcome {
    pub(super) async fn run(self, pen: &Pen, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account, name, text, campaign, callable, connects, connects_or_aborts } => {
                let name = name.trim().to_owned();
                let text = text.unwrap_or_else(|| name.clone());
                let body = json!({"name": name, "text": text, "connects": connects, "isConnectXorAbort": connects_or_aborts, "callable": callable});
                match &campaign {
                    None => drop(add(pen, &account, (Kind::Disposition, &name), body).await?),
                    Some(campaign) => {
                        let missing = || Refusal::Missing(format!("campaign {campaign:?}: list them with `cti-gateway campaign list`"));
                        let known = desk::account(&pen.db, &account).await?;
                        // it keeps the name that it has
                        let (campaign, _) = known.setup.campaigns.entry(campaign).ok_or_else(missing)?;
                        let exists = Refusal::Exists(format!("the disposition {name:?} of the campaign {campaign:?}"));
                        let named = name.to_lowercase();
                        anyhow::ensure!(!name.is_empty() && name.chars().count() <= 50, "--name: expected 1 to 50 characters");
                        let added = change(pen, &account, (Kind::Campaign, campaign), |_, before| {
                            let mut campaign = before.ok_or_else(missing)?;
                            let Some(own) = campaign["dispositions"].as_array_mut() else { return Ok(Change::Keep) };
                            if own.iter().any(|own| own["name"].as_str().is_some_and(|own| own.to_lowercase() == named)) {
                                return Err(exists);
                            }
                            own.push(body);
                            Ok(Change::Put(campaign))
                        });
                        added.await?;
                    }
                }
                output::record(json, &json!({"disposition": name, "campaign": campaign, "callable": callable, "connects": connects}))
            }
            Self::List { account, system } => {
                let account = desk::account(&pen.db, &account).await?;
                let row = |campaign: Option<&str>, own: &Disposition| json!({"disposition": own.name, "text": own.text, "campaign": campaign, "callable": own.callable, "connects": own.connects});
                let mut rows: Vec<Value> = account.setup.dispositions.iter().map(|own| row(None, own)).collect();
                for (name, campaign) in account.setup.campaigns.iter() {
                    rows.extend(campaign.dispositions.iter().map(|own| row(Some(name), own)));
                }
                if system {
                    rows.extend(SYSTEM.iter().map(|own| row(None, own)));
                }
                let empty = "no dispositions of its own yet: add one with `cti-gateway disposition add`, or see --system";
                output::table(json, &["disposition", "text", "campaign", "callable", "connects"], &rows, empty)
            }
        }
    }
}

impl Setup {
    pub(super) async fn run(self, pen: &Pen, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Get { account, kind, name } => {
                let account = desk::account(&pen.db, &account).await?;
                let wanted = |row: &setup::SetupRow| {
                    let same = |name: &String| name.trim().to_lowercase() == row.name.to_lowercase();
                    row.kind == kind.word() && (kind == Kind::Options || name.as_ref().is_none_or(same))
                };
                let rows: Vec<Value> = setup::all(pen.db.read(), account.id).await?.iter().filter(|row| wanted(row)).map(shown).collect();
                if let (Some(name), []) = (&name, &rows[..]) {
                    anyhow::bail!("there is no {} {name:?} in {:?}", kind.word(), account.name);
                }
                output::table(json, &["kind", "name", "version", "body"], &rows, &format!("no records of the kind {} yet", kind.word()))
            }
            Self::Put { account, kind, name, body_stdin } => {
                anyhow::ensure!(name.is_some() || kind == Kind::Options, "--name is missing: which {}?", kind.word());
                let name = name.unwrap_or_else(|| OPTIONS.to_owned());
                let body = if body_stdin { read_body()? } else { json!({}) };
                match change(pen, &account, (kind, &name), |_, _| Ok(Change::Put(body))).await? {
                    Changed::Stored(name, version) => output::record(json, &json!({"kind": kind.word(), "name": name, "version": version})),
                    Changed::Removed | Changed::Kept | Changed::Missing => Ok(()),
                }
            }
            Self::Remove { account, kind, name } => {
                let missing = Refusal::Missing(format!("{} {name:?}", kind.word()));
                change(pen, &account, (kind, &name), |_, before| before.map(|_| Change::Remove).ok_or(missing)).await?;
                output::record(json, &json!({"kind": kind.word(), "removed": name}))
            }
        }
    }
}

/// A record as it can be put again: of a playlist what is edited, of what has secrets not what it is
/// configured with.
fn shown(row: &setup::SetupRow) -> Value {
    let mut body: Value = serde_json::from_str(&row.body).unwrap_or_default();
    match Kind::read(&row.kind) {
        Some(Kind::Playlist) => body = body["draft"].take(),
        Some(kind) if kind.has_secrets() => {
            if let Value::Object(ways) = &mut body {
                ways.values_mut().for_each(|secret| *secret = json!("***"));
            }
        }
        _ => {}
    }
    json!({"kind": row.kind, "name": row.name, "version": row.version, "body": body})
}

pub(super) fn read_body() -> anyhow::Result<Value> {
    let mut text = String::new();
    std::io::stdin().take(MAX_BODY + 1).read_to_string(&mut text)?;
    anyhow::ensure!(text.len() as u64 <= MAX_BODY, "the body is longer than {MAX_BODY} bytes");
    serde_json::from_str(&text).map_err(|error| anyhow::anyhow!("the standard input is not JSON: {error}"))
}
