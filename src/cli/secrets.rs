//! `secrets`: the key that seals what the database must not hold in clear.

use clap::Subcommand;
use serde_json::json;

use super::output;
use crate::{
    app::{admin::Admin, clock::Clock, seal::Seal},
    config::Config,
    store::{Db, accounts},
};

/// Keys of sealed secrets.
#[derive(Debug, Subcommand)]
pub(super) enum Secrets {
    /// Make a key for CTI_SECRET_KEY and print it
    ///
    /// Keep it beside the database's own password, not in the database: whoever has both reads the secrets of providers and telephone
    /// systems.
    Key,
    /// Seal everything anew with CTI_SECRET_KEY
    ///
    /// To change the key: set CTI_SECRET_KEY to the new one and CTI_SECRET_KEY_OLD to the old one (a list, separated by commas),
    /// restart the servers, run this, then drop CTI_SECRET_KEY_OLD. What was stored without a key is sealed too.
    Rotate,
}

impl Secrets {
    pub(super) async fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Key if json => output::record(true, &json!({"key": Seal::make_key()})),
            Self::Key => output::text(&format!("{}\n", Seal::make_key())),
            Self::Rotate => {
                let db = super::open(config).await?;
                let sealed = rotate(&db, &config.seal).await?;
                output::record(json, &json!({ "sealed": sealed }))
            }
        }
    }
}

async fn rotate(db: &Db, seal: &Seal) -> anyhow::Result<usize> {
    anyhow::ensure!(seal.has_key(), "there is no key to seal with: set CTI_SECRET_KEY, as `cti-gateway secrets key` makes it");
    let admin = Admin::new(db.clone(), Clock::System).with_seal(seal.clone());
    let mut count = 0;
    for account in accounts::list(db.read()).await? {
        let sealed = admin.reseal((account.id, &account.name)).await?;
        count += sealed.map_err(|(name, error)| anyhow::anyhow!("{name:?} of {:?}: {error}", account.name))?;
    }
    Ok(count)
}
