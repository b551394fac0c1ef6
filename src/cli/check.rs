//! `check` and `health`: is everything as it should be?

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::output;
use crate::{
    config::Config,
    store::{Db, Durability},
};

/// Shows the settings in force and tries the store.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Do not fail when the store may lose acknowledged events in a power cut
    #[arg(long)]
    allow_volatile: bool,
}

impl Check {
    pub(super) async fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        if !json {
            output::text(&format!("# settings in force (secrets blanked)\n{}", config.redacted()))?;
        }
        let db = Db::open(&config.store_options()).await?;
        let durability = db.durability().await?;
        let word = match &durability {
            Durability::Durable => "durable".to_owned(),
            Durability::Volatile(why) => format!("VOLATILE: {why}"),
        };
        output::record(json, &json!({"store": db.name(), "reachable": true, "durability": word}))?;
        db.close().await;
        let allowed = self.allow_volatile || config.store.allow_volatile;
        match durability {
            Durability::Volatile(why) if !allowed => {
                anyhow::bail!("{why}: acknowledged events may be lost in a power cut. Set it on, or say --allow-volatile")
            }
            _ => Ok(()),
        }
    }
}

/// Asks the server on the configured address whether it is ready.
pub(super) async fn health(config: &Config) -> anyhow::Result<()> {
    let url = format!("http://{}/readyz", config.here());
    // no proxy: it is for the outside world, and this is the same machine
    let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).no_proxy().tls_certs_only([]).build()?;
    let status = client.get(&url).send().await.map_err(|error| anyhow::anyhow!("{url}: {error}"))?.status();
    anyhow::ensure!(status.is_success(), "{url} answers {status}");
    output::text("ready\n")
}
