//! Many rows in few statements: the one place where the two databases get different texts.
//!
//! Postgres takes whole columns as arrays (one statement, whatever the count). SQLite takes rows in chunks whose sizes are
//! powers of two: few distinct texts to prepare, and never so many arguments that looking them up becomes the cost.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use sqlx::{Arguments, postgres::PgArguments};

use super::{Arg, Result, Sides, Tx, arg};

/// SQLite's cost per statement grows with the square of its arguments; past this it is slower than two statements.
const MAX_LITE_ARGS: usize = 480;

/// The type of a column.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each variant is the type it names")]
pub enum Column {
    Bool,
    Int,
    Text,
    Uuid,
    Time,
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
}

impl<const N: usize> Bulk<N> {
    /// The text for so many rows (SQLite), or for any number of them (Postgres, 0). Made once each: they are kilobytes.
    fn text(&'static self, rows: usize) -> &'static str {
        static TEXTS: LazyLock<Mutex<HashMap<(usize, usize), &'static str>>> = LazyLock::new(Mutex::default);
        let statement = std::ptr::from_ref(self).addr();
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || -> &'static str { Box::leak(if rows == 0 { self.pg_text() } else { self.lite_text(rows) }.into_boxed_str()) };
        texts.entry((statement, rows)).or_insert_with(made)
    }

    fn names(&self) -> String {
        self.columns.map(|(name, _)| name).join(", ")
    }

    fn lite_text(&self, rows: usize) -> String {
        let (table, names) = (self.table, self.names());
        let row = format!("({})", vec!["?"; N].join(","));
        let values = vec![row; rows].join(",");
        match self.verb {
            Verb::Insert(tail) => format!("insert into {table} ({names}) values {values} {tail}"),
            Verb::Update(set) => {
                let (set, condition) = set.split_once(" where ").unwrap_or((set, "false"));
                format!("with v ({names}) as (values {values}) update {table} {set} from v where {condition}")
            }
        }
    }

    fn pg_text(&self) -> String {
        let array = |(index, (_, column)): (usize, &(&str, Column))| {
            let word = match column {
                Column::Bool => "boolean",
                Column::Int => "bigint",
                Column::Text => "text",
                Column::Uuid => "uuid",
                Column::Time => "timestamptz",
            };
            format!("${}::{word}[]", index + 1)
        };
        let arrays = self.columns.iter().enumerate().map(array).collect::<Vec<_>>().join(", ");
        let (table, names) = (self.table, self.names());
        match self.verb {
            Verb::Insert(tail) => format!("insert into {table} ({names}) select * from unnest({arrays}) {tail}"),
            Verb::Update(set) => {
                let (set, condition) = set.split_once(" where ").unwrap_or((set, "false"));
                format!("update {table} {set} from unnest({arrays}) as v ({names}) where {condition}")
            }
        }
    }
}

impl Tx {
    /// Inserts the rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn bulk<const N: usize>(&mut self, bulk: &'static Bulk<N>, rows: Vec<[Arg; N]>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        match self.sides() {
            Sides::Pg(conn) => {
                let args = columns(bulk, rows)?;
                sqlx::query_with(bulk.text(0), args).execute(conn).await.map(drop)
            }
            Sides::Lite(conn) => {
                let mut rest = rows;
                while !rest.is_empty() {
                    let fit = (MAX_LITE_ARGS / N).min(rest.len()).max(1);
                    let size = 1 << fit.ilog2();
                    let tail = rest.split_off(size);
                    let chunk = std::mem::replace(&mut rest, tail);
                    let args = arg::sqlite(chunk.into_iter().flatten())?;
                    sqlx::query_with(bulk.text(size), args).execute(&mut *conn).await?;
                }
                Ok(())
            }
        }
    }
}

/// Turns rows into one array argument per column.
fn columns<const N: usize>(bulk: &Bulk<N>, rows: Vec<[Arg; N]>) -> Result<PgArguments> {
    let mut columns: [Vec<Arg>; N] = std::array::from_fn(|_| Vec::with_capacity(rows.len()));
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let mut args = PgArguments::default();
    for ((name, kind), column) in bulk.columns.iter().zip(columns) {
        macro_rules! array {
            ($variant:ident) => {{
                let values: Option<Vec<_>> =
                    column.into_iter().map(|arg| if let Arg::$variant(value) = arg { Some(value) } else { None }).collect();
                args.add(values.ok_or_else(|| mismatch(bulk.table, name, *kind))?)
            }};
        }
        match kind {
            Column::Bool => array!(Bool),
            Column::Int => array!(Int),
            Column::Text => array!(Text),
            Column::Uuid => array!(Uuid),
            Column::Time => array!(Time),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

fn mismatch(table: &str, column: &str, kind: Column) -> sqlx::Error {
    sqlx::Error::Encode(format!("{table}.{column}: a row holds a value that is not {kind:?}").into())
}
