//! The rows that were not stored, each with its number and the reason, as CSV: corrected, it can be imported again.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom},
    path::PathBuf,
};

use super::{
    check::Fate,
    sheet::{Chunk, Sheet},
};
use crate::app::parties::quote_formula;

/// The columns that are added.
const ADDED: [&str; 2] = ["row", "reason"];

/// The file; it is made when the first row is rejected.
pub(super) struct Rejected {
    path: PathBuf,
    header: Vec<String>,
    /// Columns of the import; a file that was rejected once before has ours, which are not kept.
    columns: usize,
    /// Columns of the file.
    width: usize,
    writer: Option<csv::Writer<File>>,
    /// What was written and is on disk.
    length: u64,
}

impl Rejected {
    /// The file as an earlier run left it when it had reached `length`.
    pub(super) fn open(path: PathBuf, sheet: &Sheet, length: u64) -> anyhow::Result<Self> {
        let columns = sheet.header.len() - if sheet.header.ends_with(&ADDED.map(str::to_owned)) { ADDED.len() } else { 0 };
        let header = sheet.header[..columns].iter().map(|name| quote_formula(name)).chain(ADDED.map(str::to_owned)).collect();
        let mut rejected = Self { path, header, columns, width: sheet.header.len(), writer: None, length };
        if length > 0 {
            let file = OpenOptions::new().write(true).open(&rejected.path).map_err(|error| rejected.trouble(&error))?;
            let there = file.metadata()?.len();
            anyhow::ensure!(
                there >= length,
                "{} has been changed since the import was interrupted: begin anew with --restart",
                rejected.path.display()
            );
            rejected.begin(file)?;
        } else if rejected.path.exists() {
            std::fs::remove_file(&rejected.path).map_err(|error| rejected.trouble(&error))?;
        }
        Ok(rejected)
    }

    fn begin(&mut self, mut file: File) -> anyhow::Result<&mut csv::Writer<File>> {
        file.set_len(self.length)?;
        file.seek(SeekFrom::Start(self.length))?;
        Ok(self.writer.insert(csv::WriterBuilder::new().flexible(true).from_writer(file)))
    }

    fn trouble(&self, error: &std::io::Error) -> anyhow::Error {
        anyhow::anyhow!("{}: {error}", self.path.display())
    }

    /// Where it is, if there is any.
    pub(super) fn path(&self) -> Option<&PathBuf> {
        (self.length > 0).then_some(&self.path)
    }

    /// What is on disk, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Writes the rows of a chunk that were not stored. When this returns they are on disk.
    pub(super) fn write(&mut self, chunk: &Chunk, fates: &[Fate]) -> anyhow::Result<()> {
        let refused = |fate: &Fate| match fate {
            Fate::Empty | Fate::Stored => None,
            Fate::Duplicate(why) | Fate::Rejected(why) => Some(why.clone()),
        };
        let rows: Vec<_> = chunk.rows.iter().zip(fates).filter_map(|(row, fate)| Some((row, refused(fate)?))).collect();
        if rows.is_empty() {
            return Ok(());
        }
        if self.writer.is_none() {
            let file =
                OpenOptions::new().write(true).create(true).truncate(false).open(&self.path).map_err(|error| self.trouble(&error))?;
            let header = self.header.clone();
            self.begin(file)?.write_record(header)?;
        }
        let (columns, width) = (self.columns, self.width);
        let Some(writer) = &mut self.writer else { return Ok(()) };
        for (row, why) in rows {
            // a row with too few columns is filled, so that what is added stands in its place; of one with too many nothing is lost
            let kept = if row.cells.len() == width { columns } else { row.cells.len() };
            let cells = row.cells.iter().take(kept);
            let filled = std::iter::repeat_n(&b""[..], columns.saturating_sub(kept));
            let (number, why) = (row.number.to_string(), quote_formula(&why));
            writer.write_byte_record(&cells.chain(filled).chain([number.as_bytes(), why.as_bytes()]).collect())?;
        }
        writer.flush()?;
        writer.get_ref().sync_data()?;
        self.length = writer.get_ref().metadata()?.len();
        Ok(())
    }
}
