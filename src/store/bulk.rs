//! Many rows in one write: the one place where the two databases get different texts.
//!
//! Postgres takes whole columns as arrays: one statement, whatever the count. SQLite, which is in this process, takes row
//! after row through one prepared statement.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use sqlx::{Arguments, postgres::PgArguments};
use uuid::Uuid;

use super::{Arg, Result, Sides, Tx, arg};

/// The type of a column.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each variant is the type it names")]
pub enum Column {
    Bool,
    Int,
    Text,
    Uuid,
    Time,
    Bytes,
}

/// A write of many rows of `N` columns. Keys must be distinct within one call.
pub struct Bulk<const N: usize> {
    /// The table.
    pub table: &'static str,
    /// Names and types.
    pub columns: [(&'static str, Column); N],
    /// What is done with the rows.
    pub verb: Verb,
}

/// What is done with the rows.
#[derive(Clone, Copy, Debug)]
pub enum Verb {
    /// They are inserted; the text follows the values, such as `on conflict …`.
    Insert(&'static str),
    /// Rows that exist are updated by `set … where …`, in which the given ones are called `v`.
    Update(&'static str),
    /// Rows that equal the given ones are deleted.
    Delete,
}

/// Rows for one table and what is to be done with them.
pub struct Rows {
    table: &'static str,
    columns: &'static [(&'static str, Column)],
    verb: Verb,
    /// Row after row.
    values: Vec<Arg>,
}

impl<const N: usize> Bulk<N> {
    /// These rows, to be written.
    pub fn rows(&'static self, rows: Vec<[Arg; N]>) -> Rows {
        Rows { table: self.table, columns: &self.columns, verb: self.verb, values: rows.into_flattened() }
    }
}

impl Rows {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Which statement this is, for texts that are kept.
    pub(super) fn key(&self) -> usize {
        self.columns.as_ptr().addr()
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// SQLite's text for one row.
    pub(super) fn lite_text(&self) -> &'static str {
        kept_text(&[self.key(), 1], || {
            let (table, names) = (self.table, self.names());
            let row = vec!["?"; self.width()].join(",");
            match self.verb {
                Verb::Insert(tail) => format!("insert into {table} ({names}) values ({row}) {tail}"),
                Verb::Update(set) => format!("update {table} {}", self.numbered(set)),
                Verb::Delete => format!("delete from {table} where ({names}) = ({row})"),
            }
        })
    }

    /// The text with each `v.column` as the number of that argument.
    fn numbered(&self, text: &str) -> String {
        let argument = |part: &str| {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let index = self.columns.iter().position(|(name, _)| *name == &part[..end]);
            index.map_or_else(|| format!("v.{part}"), |index| format!("?{}{}", index + 1, &part[end..]))
        };
        let mut parts = text.split("v.");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + &argument(part))
    }

    /// The values of each row.
    pub(super) fn each(&self) -> impl Iterator<Item = &[Arg]> {
        self.values.chunks_exact(self.width())
    }

    /// Postgres' text for any number of rows, with arguments from `$first` on. It writes only when `when` holds.
    pub(super) fn pg_text(&self, first: usize, when: &str) -> String {
        let array = |(index, (_, column)): (usize, &(&str, Column))| {
            let word = match column {
                Column::Bool => "boolean",
                Column::Int => "bigint",
                Column::Text => "text",
                Column::Uuid => "uuid",
                Column::Time => "timestamptz",
                Column::Bytes => "bytea",
            };
            format!("${}::{word}[]", first + index)
        };
        let arrays = self.columns.iter().enumerate().map(array).collect::<Vec<_>>().join(", ");
        let (table, names) = (self.table, self.names());
        match self.verb {
            Verb::Insert(tail) => format!("insert into {table} ({names}) select * from unnest({arrays}) where {when} {tail}"),
            Verb::Update(set) => {
                let (set, condition) = set.split_once(" where ").unwrap_or((set, "false"));
                format!("update {table} {set} from unnest({arrays}) as v ({names}) where {condition} and {when}")
            }
            Verb::Delete => {
                let equal = |(name, _): &(&str, Column)| format!("{table}.{name} = v.{name}");
                let condition = self.columns.iter().map(equal).collect::<Vec<_>>().join(" and ");
                format!("delete from {table} using unnest({arrays}) as v ({names}) where {condition} and {when}")
            }
        }
    }

    /// How many columns a row has.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The values, column by column.
    pub(super) fn into_arrays(mut self) -> Result<Vec<Array>> {
        let width = self.columns.len();
        let mut arrays = Vec::with_capacity(width);
        for (index, (name, kind)) in self.columns.iter().enumerate() {
            macro_rules! array {
                ($variant:ident) => {{
                    let column = self.values.iter_mut().skip(index).step_by(width);
                    let values: Option<Vec<_>> =
                        column.map(|arg| if let Arg::$variant(value) = arg { Some(value.take()) } else { None }).collect();
                    Array::$variant(values.ok_or_else(|| mismatch(self.table, name, *kind))?)
                }};
            }
            arrays.push(match kind {
                Column::Bool => array!(Bool),
                Column::Int => array!(Int),
                Column::Text => array!(Text),
                Column::Uuid => array!(Uuid),
                Column::Time => array!(Time),
                Column::Bytes => array!(Bytes),
            });
        }
        Ok(arrays)
    }
}

/// One column's values.
#[derive(Debug)]
pub(super) enum Array {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Uuid(Vec<Option<Uuid>>),
    Time(Vec<Option<DateTime<Utc>>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Array {
    fn add_to(self, args: &mut PgArguments) -> Result<()> {
        match self {
            Self::Bool(values) => args.add(values),
            Self::Int(values) => args.add(values),
            Self::Text(values) => args.add(values),
            Self::Uuid(values) => args.add(values),
            Self::Time(values) => args.add(values),
            Self::Bytes(values) => args.add(values),
        }
        .map_err(sqlx::Error::Encode)
    }
}

impl Tx {
    /// Writes the rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn bulk(&mut self, rows: Rows) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        match self.sides() {
            Sides::Pg(conn) => {
                let text = kept_text(&[rows.key()], || rows.pg_text(1, "true"));
                let mut args = PgArguments::default();
                rows.into_arrays()?.into_iter().try_for_each(|array| array.add_to(&mut args))?;
                sqlx::query_with(text, args).execute(conn).await.map(drop)
            }
            Sides::Lite(conn) => {
                for row in rows.each() {
                    sqlx::query_with(rows.lite_text(), arg::sqlite(row.iter().cloned())?).execute(&mut *conn).await?;
                }
                Ok(())
            }
        }
    }
}

/// A statement's text by its key, made once: they are kilobytes. There are a few dozen keys.
pub(super) fn kept_text(key: &[usize], make: impl FnOnce() -> String) -> &'static str {
    static TEXTS: LazyLock<Mutex<HashMap<Vec<usize>, &'static str>>> = LazyLock::new(Mutex::default);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = texts.get(key) {
        return text;
    }
    let text: &'static str = Box::leak(make().into_boxed_str());
    texts.insert(key.to_owned(), text);
    text
}

fn mismatch(table: &str, column: &str, kind: Column) -> sqlx::Error {
    sqlx::Error::Encode(format!("{table}.{column}: a row holds a value that is not {kind:?}").into())
}
