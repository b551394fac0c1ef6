//! The settings: defaults from `config/default.toml` (compiled in), then a file, then `CTI_*` variables.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use chrono::TimeDelta;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::{
    app::{Outside, committer, seal::Seal},
    courier,
    store::OpenOptions,
};

/// The defaults, with a reason beside each.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($(#[$on:meta])* $field:ident: $type:ty),* $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "each setting is described in config/default.toml")]
        pub struct $name { $($(#[$on])* pub $field: $type),* }
    )* };
}

sections! {
    /// All settings.
    Config {
        listen: SocketAddr, log: String, log_json: bool,
        store: Store, committer: Committer, calls: Calls, agents: Agents, telephone: Telephone, journal: Journal, http: Http, socket: Socket, courier: Courier,
        metrics: Metrics,
        #[serde(skip)] seal: Seal,
    }
    /// The book.
    Store { url: String, writers: u32, readers: u32, replayers: u32, allow_volatile: bool }
    /// The committing tasks.
    Committer { queue: usize, batch: usize, shards: usize, patience_ms: u64 }
    /// Deadlines of calls.
    Calls { wrap_up_ms: u32, ringing_ms: u32, talk_ms: u32, reuse_window_ms: u32 }
    /// How long agents are kept without their softphones.
    Agents { softphone_grace_ms: u32, sign_out_ms: u32 }
    /// How telephone systems are driven.
    Telephone { hold_ms: u32 }
    /// Retention.
    Journal { retention_days: u32 }
    /// Limits of the doors.
    Http {
        header_timeout_ms: u64, max_head_bytes: usize, max_uri_bytes: usize, max_body_bytes: usize, body_timeout_ms: u64,
        max_connections: usize, trusted_proxies: Vec<IpNet>, allowed_origins: Vec<String>, public_url: String,
    }
    /// The softphone socket.
    Socket { ping_ms: u64, stall_ms: u64, hello_ms: u64 }
    /// Requests to providers.
    Courier { allow: Vec<String>, connect_ms: u64, timeout_ms: u64 }
    /// Who may read the metrics.
    Metrics { allow: Vec<IpNet> }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings file {0:?} cannot be read: {1}")]
    File(std::path::PathBuf, std::io::Error),
    /// The file is not TOML.
    #[error("the settings file {0:?} is not TOML: {1}")]
    Syntax(std::path::PathBuf, toml::de::Error),
    /// A value does not fit its setting, or a setting does not exist.
    #[error(
        "a setting is wrong: {0}\n(every setting with its default is in config/default.toml; `cti-gateway check` shows what is in force)"
    )]
    Value(String),
}

/// A hold is renewed, and given up in time, while a commit may take a moment.
const SHORTEST_HOLD_MS: u32 = 600;

impl Config {
    /// Reads the settings. `variables` are the environment's.
    ///
    /// # Errors
    /// When the file or a value cannot be understood; the text names the setting.
    pub fn load(file: Option<&Path>, variables: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut table: Table = DEFAULTS.parse().map_err(|error: toml::de::Error| ConfigError::Value(error.to_string()))?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| ConfigError::File(path.to_owned(), error))?;
            let overlay: Table = text.parse().map_err(|error| ConfigError::Syntax(path.to_owned(), error))?;
            merge(&mut table, overlay);
        }
        let (mut key, mut old_keys) = (None, None);
        for (name, value) in variables {
            let Some(name) = name.strip_prefix("CTI_") else { continue };
            match name {
                "SECRET_KEY" => key = Some(value.clone()),
                "SECRET_KEY_OLD" => old_keys = Some(value.clone()),
                _ => {}
            }
            // variables of the command line and of tests, which are no settings
            if matches!(name, "CONFIG" | "TOKEN" | "SERVER" | "FAILPOINT" | "SECRET_KEY" | "SECRET_KEY_OLD") {
                continue;
            }
            let path: Vec<String> = name.split("__").map(str::to_ascii_lowercase).collect();
            set(&mut table, &path, &value).map_err(|why| ConfigError::Value(format!("variable CTI_{name}: {why}")))?;
        }
        let config: Self = table.try_into().map_err(|error: toml::de::Error| ConfigError::Value(error.message().to_owned()))?;
        let seal = Seal::new(key.as_deref(), old_keys.as_deref()).map_err(|error| ConfigError::Value(error.to_string()))?;
        let public_url = config.http.public_url.trim().trim_end_matches('/').to_owned();
        let is_base = public_url.is_empty()
            || (["https://", "http://"].iter().any(|scheme| public_url.len() > scheme.len() && public_url.starts_with(scheme))
                && !public_url.contains(['?', '#', ' ', '@']));
        if config.telephone.hold_ms < SHORTEST_HOLD_MS {
            return Err(ConfigError::Value(format!("telephone.hold_ms: expected at least {SHORTEST_HOLD_MS}")));
        }
        if !is_base {
            return Err(ConfigError::Value("http.public_url: expected an address such as https://cti.example".to_owned()));
        }
        let http = Http { public_url, ..config.http };
        Ok(Self { seal, http, ..config })
    }

    /// How requests go out, and where answers to them come in.
    pub fn outside(&self) -> Outside {
        let Courier { allow, connect_ms, timeout_ms } = self.courier.clone();
        let (connect, timeout) = (Duration::from_millis(connect_ms), Duration::from_millis(timeout_ms));
        Outside {
            courier: courier::Settings { allow, connect, timeout },
            public_url: self.http.public_url.clone(),
            seal: self.seal.clone(),
        }
    }

    /// Where the server answers on this machine: 0.0.0.0 is only where it listens.
    pub fn here(&self) -> SocketAddr {
        let mut address = self.listen;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        address
    }

    /// How to open the book.
    pub fn store_options(&self) -> OpenOptions {
        let Store { url, writers, readers, replayers, .. } = self.store.clone();
        OpenOptions { url, pipes: self.committer.shards, writers, readers, replayers }
    }

    /// Limits of the committer and terms of the call law.
    pub fn committer_settings(&self) -> committer::Settings {
        let millis = |ms: u32| TimeDelta::milliseconds(i64::from(ms));
        committer::Settings {
            queue: self.committer.queue,
            batch: self.committer.batch,
            shards: self.committer.shards,
            patience: Duration::from_millis(self.committer.patience_ms),
            wrap_up: millis(self.calls.wrap_up_ms),
            ringing: millis(self.calls.ringing_ms),
            talk: millis(self.calls.talk_ms),
            reuse_window: millis(self.calls.reuse_window_ms),
            softphone_grace: millis(self.agents.softphone_grace_ms),
            sign_out: millis(self.agents.sign_out_ms),
            hold: millis(self.telephone.hold_ms),
        }
    }

    /// How long journals are kept.
    pub fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.journal.retention_days) * 86_400)
    }

    /// The settings as TOML without secrets: a password in the store's address is blanked.
    pub fn redacted(&self) -> String {
        let mut shown = self.clone();
        shown.store.url = redact_url(&self.store.url);
        toml::to_string_pretty(&shown).unwrap_or_default()
    }
}

/// An address without its password.
pub fn redact_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = match rest.rsplit_once('@') {
        Some((user, host)) => format!("{}:***@{host}", user.split(':').next().unwrap_or_default()),
        None => rest.to_owned(),
    };
    // libpq addresses may carry the password as a parameter too
    let shown = rest.split('&').map(|part| if part.contains("password=") { "password=***" } else { part }).collect::<Vec<_>>().join("&");
    format!("{scheme}://{shown}")
}

fn merge(base: &mut Table, overlay: Table) {
    for (key, value) in overlay {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => merge(inner, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Sets one value; its text is read as the type that the default has.
fn set(table: &mut Table, path: &[String], text: &str) -> Result<(), String> {
    let (first, rest) = path.split_first().ok_or("no setting named")?;
    let current = table.get_mut(first).ok_or_else(|| format!("there is no setting {first:?} here"))?;
    match (current, rest) {
        (Value::Table(inner), [_, ..]) => set(inner, rest, text),
        (Value::Table(_), []) => Err(format!("{first:?} is a section; name a setting in it with two underscores")),
        (_, [_, ..]) => Err(format!("{first:?} is a setting, not a section")),
        (current, []) => {
            *current = match current {
                Value::String(_) => Value::String(text.to_owned()),
                Value::Integer(_) => Value::Integer(text.parse().map_err(|_| format!("expected a whole number, got {text:?}"))?),
                Value::Boolean(_) => Value::Boolean(text.parse().map_err(|_| format!("expected true or false, got {text:?}"))?),
                _ => Value::Array(
                    text.split(',').filter(|part| !part.is_empty()).map(|part| Value::String(part.trim().to_owned())).collect(),
                ),
            };
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(None, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_override_defaults() {
        let config =
            load(&[("CTI_LISTEN", "127.0.0.1:9"), ("CTI_CALLS__WRAP_UP_MS", "0"), ("CTI_METRICS__ALLOW", "10.0.0.0/8,::1/128")]).unwrap();
        assert_eq!(config.listen.port(), 9);
        assert_eq!(config.calls.wrap_up_ms, 0);
        assert_eq!(config.metrics.allow.len(), 2);
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (name, value, expected) in [
            ("CTI_LISEN", "x", "CTI_LISEN"),
            ("CTI_CALLS__WRAP_UP_MS", "soon", "expected a whole number"),
            ("CTI_STORE", "x", "is a section"),
            ("CTI_LISTEN", "nowhere", "socket address"),
        ] {
            let error = load(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in ["postgres://cti:hush@db/cti", "postgres://db/cti?user=cti&password=hush", "postgres://cti:hu@sh@db/cti"] {
            assert!(!redact_url(url).contains("hush") && !redact_url(url).contains("sh@"), "{}", redact_url(url));
        }
    }
}
