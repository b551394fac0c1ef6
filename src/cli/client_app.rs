//! Client apps: CRMs that embed the softphone, and pages that use the libraries.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::{
    AccountName, desk, output,
    setup::{Pen, add},
};
use crate::domain::{client_app, setup::Kind};

/// Client apps.
#[derive(Debug, Subcommand)]
pub(super) enum ClientApp {
    /// Let the pages of some origins embed the softphone, or use the libraries
    ///
    /// Prints the client id, which stands in the address of the softphone page: /apps/CLIENT_ID.
    /// An origin may begin with *. for all hosts below a domain, and end with :* for all ports.
    #[command(after_help = r#"Examples:
  cti-gateway client-app add --account acme --name crm --origin https://crm.example.com
  cti-gateway client-app add --account acme --name desk --origin '*.example.com' --auto-dial confirm \
      --header X-Robots-Tag=noindex --identity CallCenter:1234567=Sales --identity Office:7=+493055501000"#)]
    Add {
        #[command(flatten)]
        account: AccountName,
        /// Its name: a–z, 0–9, - and _
        #[arg(long)]
        name: String,
        /// Where its pages are (repeatable)
        #[arg(long = "origin", value_name = "ORIGIN", required = true)]
        origins: Vec<String>,
        /// A header of every answer of its softphone page (repeatable)
        #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
        headers: Vec<(String, String)>,
        /// A number that a page wants dialed is dialed at once (allow), or put into the dial pad (confirm)
        #[arg(long, value_parser = ["allow", "confirm"], default_value = "allow")]
        auto_dial: String,
        /// For whom an agent can call: TYPE:ID=RING_GROUP or =NUMBER; TYPE is Office, OfficeGroup or CallCenter (repeatable)
        #[arg(long = "identity", value_name = "TYPE:ID=WHOM", value_parser = identity)]
        identities: Vec<Value>,
    },
    /// List the client apps
    List {
        #[command(flatten)]
        account: AccountName,
    },
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn identity(text: &str) -> Result<Value, String> {
    const FORM: &str = "expected TYPE:ID=RING_GROUP or TYPE:ID=NUMBER, such as CallCenter:1234567=Sales";
    let (of, whom) = text.split_once('=').ok_or(FORM)?;
    let (kind, id) = of.split_once(':').ok_or(FORM)?;
    let id: i64 = id.trim().parse().map_err(|_| FORM)?;
    let field = if whom.trim().starts_with('+') { "number" } else { "ringGroup" };
    Ok(json!({"type": kind.trim(), "id": id, field: whom.trim()}))
}

impl ClientApp {
    pub(super) async fn run(self, pen: &Pen, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account: name, name: app, origins, headers, auto_dial, identities } => {
                let account = desk::account(&pen.db, &name).await?;
                let headers: Map<String, Value> = headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
                let body = json!({"origins": origins, "headers": headers, "autoDial": auto_dial, "identities": identities});
                let app = add(pen, &name, (Kind::ClientApp, &app), body).await?;
                let id = client_app::client_id(&account.name, &app);
                output::record(json, &json!({"clientApp": app, "page": format!("/apps/{id}"), "clientId": id}))
            }
            Self::List { account } => {
                let account = desk::account(&pen.db, &account).await?;
                let row = |(name, app): (&str, &client_app::ClientApp)| {
                    json!({
                        "clientApp": name, "clientId": client_app::client_id(&account.name, name), "origins": app.origins,
                        "autoDial": app.auto_dial, "headers": app.headers.keys().collect::<Vec<_>>(), "identities": app.identities.len(),
                    })
                };
                let rows: Vec<Value> = account.setup.client_apps.iter().map(row).collect();
                let empty = "no client apps yet: add one with `cti-gateway client-app add`";
                output::table(json, &["clientApp", "clientId", "origins", "autoDial", "headers", "identities"], &rows, empty)
            }
        }
    }
}
