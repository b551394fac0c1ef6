//! `lead export`: all leads as CSV, in a form that the import reads again.

use std::{
    fs::File,
    io::{BufWriter, Write},
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::Export;
use crate::{
    app::{directory::Account, parties::quote_formula},
    cli::{desk, output},
    config::Config,
    domain::lead::{Field, Lead, field::FIELDS},
    store::{Db, leads},
};

/// Leads read at once.
const PAGE: i64 = 1000;

impl Export {
    pub(super) async fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let db = Db::open(&config.store_options()).await?;
        let account = desk::account(&db, &self.account).await?;
        let campaign = match &self.campaign {
            None => None,
            Some(name) => {
                let known = account.setup.campaigns.entry(name).map(|(name, _)| name.to_owned());
                Some(known.ok_or_else(|| {
                    anyhow::anyhow!("there is no campaign {name:?} in {:?}: list them with `cti-gateway campaign list`", account.name)
                })?)
            }
        };
        let campaign = campaign.as_deref();
        match self.output {
            None if json => {
                let mut out = BufWriter::new(std::io::stdout().lock());
                each(&db, &account, campaign, |lead| Ok(writeln!(out, "{}", serde_json::to_string(lead)?)?)).await?;
                out.flush()?;
            }
            None => drop(csv(&db, &account, campaign, std::io::stdout().lock()).await?),
            Some(path) => {
                // a reader finds the whole file or none
                let part = path.with_added_extension("part");
                let named = |error: std::io::Error| anyhow::anyhow!("{}: {error}", part.display());
                let file = File::create(&part).map_err(named)?;
                let count = csv(&db, &account, campaign, &file).await?;
                file.sync_all()?;
                std::fs::rename(&part, &path)?;
                output::record(json, &json!({"exported": count, "file": path}))?;
            }
        }
        db.close().await;
        Ok(())
    }
}

/// Every lead, the oldest first.
async fn each(
    db: &Db,
    account: &Account,
    campaign: Option<&str>,
    mut take: impl FnMut(&Lead) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let (mut after, mut count) = (0, 0);
    loop {
        let page = leads::export(db.read(), account.id, campaign, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        page.iter().try_for_each(&mut take)?;
        count += page.len() as u64;
        after = last.id;
    }
}

async fn csv(db: &Db, account: &Account, campaign: Option<&str>, out: impl Write) -> anyhow::Result<u64> {
    // the declared fields in their order, then what was taken without being declared
    let mut custom = account.setup.fields.clone();
    for name in leads::custom_names(db.read(), account.id).await? {
        if !custom.iter().any(|known| same_name(known, &name)) {
            custom.push(name);
        }
    }
    let mut writer = csv::Writer::from_writer(BufWriter::new(out));
    // a lead's callback has parts, and outcomes are counted in figures that no import takes
    let own = FIELDS.iter().map(|row| row.native).filter(|name| !matches!(*name, "callback" | "custom" | "outcomes"));
    let own: Vec<&str> = own.chain(["callbackAt", "callbackAgent", "callbackNotes"]).collect();
    let names = own.iter().map(|name| (*name).to_owned()).chain(custom.iter().map(|name| quote_formula(name)));
    writer.write_record(names).map_err(std::io::Error::from)?;
    let count = each(db, account, campaign, |lead| {
        let value = |name: &String| lead.custom.iter().find(|(known, _)| same_name(known, name)).map(|(_, value)| quote_formula(value));
        let cells = own.iter().map(|name| cell(lead, name)).chain(custom.iter().map(|name| value(name).unwrap_or_default()));
        Ok(writer.write_record(cells).map_err(std::io::Error::from)?)
    });
    let count = count.await?;
    writer.flush()?;
    Ok(count)
}

/// The cell of a column.
fn cell(lead: &Lead, name: &str) -> String {
    let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)).unwrap_or_default();
    let callback = lead.callback.as_ref();
    match name {
        "id" => lead.id.to_string(),
        "phoneRaw" => quote_formula(&lead.phone_raw),
        "source" => lead.source.word().to_owned(),
        "hot" => lead.hot.to_string(),
        "hotAt" => time(lead.hot_at),
        "expiresAt" => time(lead.expires_at),
        "importOnly" => lead.import_only.to_string(),
        "dialNonCallables" => lead.dial_non_callables.to_string(),
        "checkWindow" => lead.check_window.to_string(),
        "callbackAt" => time(callback.map(|callback| callback.at)),
        "callbackAgent" => quote_formula(callback.and_then(|callback| callback.agent.as_deref()).unwrap_or_default()),
        "callbackNotes" => quote_formula(callback.and_then(|callback| callback.notes.as_deref()).unwrap_or_default()),
        "attempts" => lead.attempts.to_string(),
        "attemptsTotal" => lead.attempts_total.to_string(),
        "retryAt" => time(lead.retry_at),
        "lastAttemptAt" => time(lead.last_attempt_at),
        "createdAt" => time(Some(lead.created_at)),
        "updatedAt" => time(Some(lead.updated_at)),
        "version" => lead.version.to_string(),
        name => {
            let field: Option<Field> = FIELDS.iter().find(|row| row.native == name).and_then(|row| row.client);
            quote_formula(field.and_then(|field| lead.text(field)).unwrap_or_default())
        }
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
