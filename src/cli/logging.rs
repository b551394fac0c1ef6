//! The log: to the standard error output, as text or as JSON lines.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::Config;

/// Whose finest records hold no secret and no telephone number. What others say below INFO may be whole frames or the
/// numbers they read, and is never logged.
const DISCREET: [&str; 2] = ["cti_gateway", "sqlx"];

/// Starts logging as the settings say.
///
/// # Errors
/// When the filter cannot be understood.
pub(super) fn start(config: &Config) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_new(&config.log).map_err(|error| anyhow::anyhow!("the setting log = {:?} is not a filter: {error}", config.log))?;
    let discreet = filter_fn(|record| *record.level() <= Level::INFO || DISCREET.iter().any(|name| record.target().starts_with(name)));
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let log = tracing_subscriber::registry().with(filter).with(discreet);
    if config.log_json {
        log.with(lines.json()).init();
    } else {
        log.with(lines.compact()).init();
    }
    Ok(())
}
