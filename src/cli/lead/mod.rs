//! Leads from the command line: files of any size in and out.

mod check;
mod columns;
mod dry_run;
mod export;
mod import;
mod position;
mod rejected;
mod sheet;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::AccountName;
use crate::{config::Config, domain::lead::DuplicatesCheck};

/// Leads.
#[derive(Debug, Subcommand)]
pub(super) enum Lead {
    /// Import leads from a CSV file of any size
    ///
    /// The first row names the columns. Names of a lead's fields are known in every spelling (first name, FIRST_NAME, FirstName,
    /// Phone, PrimaryPhone, ZIP …), other columns are custom fields when they are declared, and the rest is named and ignored.
    /// Rows that cannot be stored go to FILE.rejected.csv with the reason. What was reached is kept in FILE.progress.json:
    /// after an interruption the same command goes on from there, and nothing is stored twice.
    ///
    /// Leads are kept and not dialed, unless you say --hot.
    #[command(after_help = r#"Examples:
  cti-gateway lead import spring.csv --account acme --campaign Spring --dry-run
  cti-gateway lead import spring.csv --account acme --campaign Spring --subcampaign North
  cti-gateway lead import old.csv --account acme --campaign Spring \
      --map "Handy=phone" --map "Police=Policy ID" --map "Fax=""#)]
    Import(Import),
    /// Export leads as CSV that `lead import` reads again
    ///
    /// Every field is a column, and so is every custom field. What a spreadsheet would take for a formula gets a quote before
    /// it, which the import takes away. With --json and no --output: one lead per line as the API shows it.
    #[command(after_help = r#"Example:
  cti-gateway lead export --account acme --campaign Spring --output spring.csv"#)]
    Export(Export),
}

/// What is imported, and how.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file: CSV in UTF-8, with commas, semicolons or tabs
    file: PathBuf,
    #[command(flatten)]
    account: AccountName,
    /// The campaign of all leads; a column of the file when absent
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// The subcampaign of all leads
    #[arg(long, value_name = "NAME", requires = "campaign")]
    subcampaign: Option<String>,
    /// What a column is: a field of leads or a declared custom field; nothing after the = ignores it (repeatable)
    #[arg(long = "map", value_name = "COLUMN=FIELD")]
    maps: Vec<String>,
    /// Say what would be stored and rejected, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Which stored leads of the same number a row is a duplicate of, and not stored
    #[arg(long, default_value = "campaign")]
    duplicates: Duplicates,
    /// Have the leads dialed as soon as it is allowed; otherwise they are only kept
    #[arg(long)]
    hot: bool,
    /// Where rejected rows go; FILE.rejected.csv when absent
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Begin anew, whatever an earlier run reached
    #[arg(long)]
    restart: bool,
}

/// What is exported.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    account: AccountName,
    /// Only this campaign's
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// Write to this file instead of the standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Which leads of the same number count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Duplicates {
    /// Those of the same campaign
    Campaign,
    /// None: every row is stored
    Allow,
    /// Those of any campaign
    All,
    /// Those of the same campaign and subcampaign
    Subcampaign,
}

impl From<Duplicates> for DuplicatesCheck {
    fn from(duplicates: Duplicates) -> Self {
        match duplicates {
            Duplicates::Campaign => Self::Campaign,
            Duplicates::Allow => Self::Allow,
            Duplicates::All => Self::All,
            Duplicates::Subcampaign => Self::Subcampaign,
        }
    }
}

impl Lead {
    pub(super) async fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Import(import) => import.run(config, json).await,
            Self::Export(export) => export.run(config, json).await,
        }
    }
}

/// Bytes as text.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
