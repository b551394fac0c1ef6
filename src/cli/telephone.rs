//! Telephone systems of an account: added and listed by a command.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    AccountName, desk, output,
    setup::{Pen, add, read_body},
};
use crate::{
    domain::setup::Kind,
    store::{holds, setup},
};

/// Telephone systems.
#[derive(Debug, Subcommand)]
pub(super) enum TelephoneSystem {
    /// Add a telephone system
    ///
    /// Without a body it is a simulated one. A body with a password needs CTI_SECRET_KEY, as the servers have it.
    #[command(after_help = r#"Examples:
  cti-gateway telephone-system add --account acme --name house
  cti-gateway telephone-system add --account acme --name asterisk --body-stdin <<'END'
  {"asterisk": {"url": "http://127.0.0.1:8088", "user": "cti", "password": "…", "app": "cti",
                "station": "PJSIP/{extension}", "trunk": "PJSIP/{number}@trunk"}}
  END"#)]
    Add {
        #[command(flatten)]
        account: AccountName,
        /// Its name; the same in any case
        #[arg(long)]
        name: String,
        /// Read the body, a JSON object, from the standard input
        #[arg(long)]
        body_stdin: bool,
    },
    /// List the telephone systems, and how the servers find them
    List {
        #[command(flatten)]
        account: AccountName,
    },
}

impl TelephoneSystem {
    pub(super) async fn run(self, pen: &Pen, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account, name, body_stdin } => {
                let body = if body_stdin { read_body()? } else { json!({"simulated": {}}) };
                let kind = body.as_object().and_then(|body| body.keys().next()).cloned();
                let name = add(pen, &account, (Kind::TelephoneSystem, &name), body).await?;
                output::record(json, &json!({"telephoneSystem": name, "kind": kind}))
            }
            Self::List { account } => {
                let account = desk::account(&pen.db, &account).await?;
                let mut rows: Vec<Value> = Vec::new();
                for row in setup::of_kind(pen.db.read(), account.id, Kind::TelephoneSystem).await? {
                    let held = holds::get(pen.db.read(), account.id, &row.name).await?;
                    rows.push(json!({
                        "telephoneSystem": row.name, "state": held.as_ref().and_then(|held| held.state.clone()),
                        "since": held.as_ref().map(|held| held.since), "drivenUntil": held.map(|held| held.until),
                    }));
                }
                let empty = "no telephone systems yet: add one with `cti-gateway telephone-system add`";
                output::table(json, &["telephoneSystem", "state", "since", "drivenUntil"], &rows, empty)
            }
        }
    }
}
