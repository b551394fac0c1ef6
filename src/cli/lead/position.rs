//! How far an import is, kept beside the file so that the same command goes on from there.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    check::Fate,
    hex,
    sheet::{Identity, Place},
};
use crate::domain::lead::DuplicatesCheck;

/// The store remembers for a day which batches it has; some of that day may be spent before the next run reaches them.
const REMEMBERED: TimeDelta = TimeDelta::hours(20);

/// How an import is done: another one is another import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    pub(super) account: String,
    pub(super) campaign: Option<String>,
    pub(super) subcampaign: Option<String>,
    /// What each column is, by its name.
    pub(super) columns: Vec<(String, String)>,
    pub(super) duplicates: DuplicatesCheck,
    pub(super) hot: bool,
    pub(super) rejected: PathBuf,
}

/// What became of the rows so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) stored: u64,
    pub(super) duplicates: u64,
    pub(super) rejected: u64,
}

impl Counts {
    pub(super) fn add(&mut self, fates: &[Fate]) {
        for fate in fates {
            match fate {
                Fate::Empty => continue,
                Fate::Stored => self.stored += 1,
                Fate::Duplicate(_) => self.duplicates += 1,
                Fate::Rejected(_) => self.rejected += 1,
            }
            self.rows += 1;
        }
    }
}

/// The place that was reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    pub(super) file: Identity,
    pub(super) settings: Settings,
    /// Tells this run from an earlier one that was given up; empty when there was none.
    run: String,
    pub(super) reached: Place,
    /// Bytes of the file of rejected rows.
    pub(super) rejected_bytes: u64,
    pub(super) counts: Counts,
    /// Nothing after the place was handed in.
    pub(super) settled: bool,
    pub(super) finished: bool,
    pub(super) written_at: DateTime<Utc>,
}

impl Position {
    /// Where an import begins.
    pub(super) fn begin(file: Identity, settings: Settings, begin: Place, run: String, now: DateTime<Utc>) -> Self {
        Self {
            file,
            settings,
            run,
            reached: begin,
            rejected_bytes: 0,
            counts: Counts::default(),
            settled: true,
            finished: false,
            written_at: now,
        }
    }

    /// What an earlier run left; `None` when there is nothing.
    pub(super) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => anyhow::bail!("{}: {error}", path.display()),
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| anyhow::anyhow!("{} cannot be understood ({error}): begin anew with --restart", path.display()))
    }

    /// Whether a run with these settings may go on from here, or why not.
    pub(super) fn suits(&self, file: &Identity, settings: &Settings, now: DateTime<Utc>) -> Result<(), String> {
        if self.file != *file {
            return Err("the file has changed since".to_owned());
        }
        if self.settings != *settings {
            return Err("it was begun with other options, or the fields of the account have changed since".to_owned());
        }
        let doubles = settings.duplicates == DuplicatesCheck::Allow;
        if doubles && !self.settled && now - self.written_at > REMEMBERED {
            return Err("it broke off so long ago that the store may have forgotten which of the last rows it has, \
                        and --duplicates allow would store them once more"
                .to_owned());
        }
        Ok(())
    }

    /// What the keys of this import begin with: the same file and settings make the same.
    pub(super) fn key(&self) -> String {
        let settings = serde_json::to_vec(&(&self.file, &self.settings, &self.run)).unwrap_or_default();
        format!("import/{}", &hex(&Sha256::digest(settings))[..32])
    }

    /// Keeps it: a reader finds the old one or the new one, also after a power cut.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let write = || -> std::io::Result<()> {
            let new = path.with_extension("json.new");
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_data()?;
            fs::rename(&new, path)
        };
        write().map_err(|error| anyhow::anyhow!("{} cannot be written: {error}", path.display()))
    }
}
