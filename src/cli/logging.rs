//! The log: to the standard error output, as text or as JSON lines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// Starts logging as the settings say.
///
/// # Errors
/// When the filter cannot be understood.
pub(super) fn start(config: &Config) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_new(&config.log).map_err(|error| anyhow::anyhow!("the setting log = {:?} is not a filter: {error}", config.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    if config.log_json {
        builder.json().init()
    } else {
        builder.compact().init()
    }
    Ok(())
}
