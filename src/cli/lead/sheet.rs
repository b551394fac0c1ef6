//! A CSV file, read in chunks of rows: where each begins is known by byte and row, so that a later run can go on there.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Take},
    path::Path,
};

use csv::{ByteRecord, ReaderBuilder, StringRecord};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;
use crate::app::parties::unquote_formula;

/// Rows that are stored together.
pub(super) const CHUNK: usize = 1000;
/// Longest row, in bytes: the longest lead there can be, and a file in which a quote is never closed must have an end.
const MAX_ROW: u64 = 4 * 1024 * 1024;
/// Bytes read at once.
const BUFFER: usize = 64 * 1024;
/// What a file is recognised by beside its length.
const HEAD: usize = 64 * 1024;

/// A file that is being imported. Nobody else imports it meanwhile.
pub(super) struct Sheet {
    file: File,
    delimiter: u8,
    /// What it is recognised by.
    pub(super) identity: Identity,
    /// The names of the columns.
    pub(super) header: Vec<String>,
    /// Behind the header.
    pub(super) begin: Place,
}

/// What a file is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// In bytes.
    pub(super) length: u64,
    /// SHA-256 of the first 64 KiB.
    pub(super) head: String,
}

/// A place between two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Where the next row begins.
    pub(super) byte: u64,
    /// The last row before it; the header is row 1. Empty lines are none.
    pub(super) row: u64,
}

/// Rows that follow on one another.
pub(super) struct Chunk {
    /// The first row.
    pub(super) first: u64,
    pub(super) rows: Vec<Row>,
    /// Behind the last row.
    pub(super) end: Place,
}

/// A row, as it is in the file.
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) cells: ByteRecord,
}

impl Sheet {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut file = File::open(path).map_err(|error| anyhow::anyhow!("{shown}: {error}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => anyhow::bail!("{shown} is being imported by another process"),
            Err(TryLockError::Error(error)) => anyhow::bail!("{shown}: {error}"),
        }
        let data = file.metadata()?;
        anyhow::ensure!(data.is_file(), "{shown} is no file: an import that can go on after an interruption needs one");
        let mut head = Vec::with_capacity(HEAD);
        (&mut file).take(HEAD as u64).read_to_end(&mut head)?;
        match head.as_slice() {
            [] => anyhow::bail!("{shown} is empty"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => anyhow::bail!("{shown} is UTF-16: save it as CSV UTF-8"),
            [b'P', b'K', 3, 4, ..] => anyhow::bail!("{shown} is a spreadsheet: save it as CSV UTF-8"),
            _ => {}
        }
        let identity = Identity { length: data.len(), head: hex(&Sha256::digest(&head)) };
        let delimiter = delimiter(&head);
        let mut sheet = Self { file, delimiter, identity, header: vec![], begin: Place { byte: 0, row: 0 } };
        let mut rows = sheet.rows(sheet.begin)?;
        let first = rows.next()?.ok_or_else(|| anyhow::anyhow!("{shown} has no rows"))?;
        let names = StringRecord::from_byte_record(first.cells);
        let names = names.map_err(|_| anyhow::anyhow!("{shown} is not UTF-8: save it as CSV UTF-8"))?;
        sheet.header = names.iter().map(|name| unquote_formula(name.trim().to_owned())).collect();
        sheet.begin = rows.place();
        Ok(sheet)
    }

    /// The rows from a place on.
    pub(super) fn rows(&self, from: Place) -> anyhow::Result<Rows> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(from.byte))?;
        // what is written to the file meanwhile is not what it was recognised by
        let text = Bounded { inner: file.take(self.identity.length.saturating_sub(from.byte)), given: 0, most: 0 };
        let reader =
            ReaderBuilder::new().has_headers(false).flexible(true).delimiter(self.delimiter).buffer_capacity(BUFFER).from_reader(text);
        Ok(Rows { reader, from, row: from.row })
    }
}

/// Rows of a file, one after the other.
pub(super) struct Rows {
    reader: csv::Reader<Bounded<Take<File>>>,
    from: Place,
    row: u64,
}

impl Rows {
    /// Where the next row begins.
    fn place(&self) -> Place {
        Place { byte: self.from.byte + self.reader.position().byte(), row: self.row }
    }

    fn next(&mut self) -> anyhow::Result<Option<Row>> {
        let mut record = ByteRecord::new();
        let most = self.reader.position().byte() + MAX_ROW + BUFFER as u64;
        self.reader.get_mut().most = most;
        let number = self.row + 1;
        let read = self.reader.read_byte_record(&mut record);
        if !read.map_err(|error| anyhow::anyhow!("row {number} cannot be read: {error}"))? {
            return Ok(None);
        }
        self.row = number;
        Ok(Some(Row { number, cells: record }))
    }

    /// The next rows; `None` at the end. Where a chunk ends follows from where it begins.
    pub(super) fn next_chunk(&mut self) -> anyhow::Result<Option<Chunk>> {
        let first = self.row + 1;
        let mut rows = Vec::with_capacity(CHUNK);
        while rows.len() < CHUNK
            && let Some(row) = self.next()?
        {
            rows.push(row);
        }
        Ok((!rows.is_empty()).then(|| Chunk { first, rows, end: self.place() }))
    }
}

/// Text that has an end within a row.
struct Bounded<R> {
    inner: R,
    given: u64,
    most: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.most {
            return Err(io::Error::other(format!("it is longer than {} MiB: is a quote not closed?", MAX_ROW >> 20)));
        }
        let length = self.inner.read(buffer)?;
        self.given += length as u64;
        Ok(length)
    }
}

/// What parts the columns: of the usual signs the one that the header has most of.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for &byte in head.iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')) {
        quoted ^= byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(sign, _)| *sign == byte && !quoted) {
            *count += 1;
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
    counts.iter().find(|(_, count)| *count == most).map_or(b',', |(sign, _)| *sign)
}
