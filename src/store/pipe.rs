//! The connections that commit to Postgres.
//!
//! A commit is one statement, which is a transaction of its own, and the next one is sent while it runs: the database goes
//! from one to the other without waiting for us, and takes them in the order they were sent. When one fails, so do those that
//! follow on it, because each names the turn before it.

use std::{borrow::Cow, collections::HashMap, future::poll_fn, io, pin::pin, sync::Arc, task::Poll, time::Duration};

use sqlx::{
    ConnectOptions,
    error::{DatabaseError, ErrorKind},
    postgres::PgConnectOptions,
};
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config, Statement, config::SslMode, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    CommitError, Result, Rows, Writes,
    bulk::{Array, kept_text},
    tls::{Demand, Papers, paper},
};

/// A connection is made within this time or not.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A peer that acknowledges nothing for this long is gone: a silent network must not hold commits for ever.
const SILENCE: Duration = Duration::from_secs(15);
/// Statements kept per connection; there are a few dozen.
const PREPARED: usize = 256;

/// One connection, made when it is needed.
pub(super) struct Pipe {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// Held while a commit is being sent: who comes first is sent first.
    line: Mutex<Option<Line>>,
}

struct Line {
    client: Arc<Client>,
    statements: HashMap<&'static str, Statement>,
}

impl Pipe {
    /// A pipe to where the pools lead. Nothing is connected yet.
    pub(super) fn new(options: &PgConnectOptions) -> Result<Self> {
        let (config, tls) = address(options)?;
        Ok(Self { config, tls, line: Mutex::new(None) })
    }

    /// See [`Db::commit`](super::Db::commit).
    pub(super) async fn commit(&self, writes: Writes, before_commit: impl FnOnce()) -> Result<bool, CommitError> {
        let (text, arrays, head) = one_statement(writes).map_err(CommitError::Undone)?;
        let mut line = self.line.lock().await;
        let (client, statement) = match self.prepared(&mut line, text).await {
            Ok(ready) => ready,
            Err(error) => {
                *line = None;
                return Err(CommitError::Undone(as_sqlx(error)));
            }
        };
        let (turn, seq, lead_id, account, after, epoch) = head.head();
        let mut args: Vec<&(dyn ToSql + Sync)> = vec![&turn, &seq, &lead_id, &account, &after, &epoch];
        args.extend(arrays.iter().map(Array::to_sql));
        before_commit();
        let mut answer = pin!(client.query(&statement, &args));
        // the first poll sends it
        let first = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        drop(line);
        let rows = match first {
            Poll::Ready(rows) => rows,
            Poll::Pending => answer.await,
        };
        let rows = rows.map_err(|error| CommitError::Unclear(as_sqlx(error)))?;
        Ok(matches!(&rows[..], [row] if row.get::<_, i64>(0) == 1))
    }

    /// Connects, unless that is done.
    pub(super) async fn connect(&self) -> Result<()> {
        let mut line = self.line.lock().await;
        self.connected(&mut line).await.map(drop).map_err(as_sqlx)
    }

    /// Closes the connection after what was sent.
    pub(super) async fn close(&self) {
        *self.line.lock().await = None;
    }

    async fn open(&self) -> Result<Line, tokio_postgres::Error> {
        let client = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                tokio::spawn(connection);
                client
            }
            None => {
                let (client, connection) = self.config.connect(tokio_postgres::NoTls).await?;
                tokio::spawn(connection);
                client
            }
        };
        Ok(Line { client: Arc::new(client), statements: HashMap::new() })
    }

    /// The line as it is, or a new one where it is closed.
    async fn connected<'a>(&self, line: &'a mut Option<Line>) -> Result<&'a mut Line, tokio_postgres::Error> {
        Ok(match line.take() {
            Some(open) if !open.client.is_closed() => line.insert(open),
            _ => line.insert(self.open().await?),
        })
    }

    async fn prepared(&self, line: &mut Option<Line>, text: &'static str) -> Result<(Arc<Client>, Statement), tokio_postgres::Error> {
        let open = self.connected(line).await?;
        if let Some(statement) = open.statements.get(text) {
            return Ok((open.client.clone(), statement.clone()));
        }
        let statement = open.client.prepare(text).await?;
        if open.statements.len() >= PREPARED {
            open.statements.clear();
        }
        open.statements.insert(text, statement.clone());
        Ok((open.client.clone(), statement))
    }
}

/// The same address for the other library, with the pools' own reading of it.
fn address(options: &PgConnectOptions) -> Result<(Config, Option<MakeRustlsConnect>)> {
    let url = options.to_url_lossy();
    let mut config = Config::new();
    match options.get_socket() {
        Some(folder) => config.host_path(folder),
        None => config.host(options.get_host()),
    };
    config.port(options.get_port()).user(options.get_username());
    config.dbname(options.get_database().unwrap_or(options.get_username()));
    if let Some(password) = url.password() {
        config.password(percent_encoding::percent_decode_str(password).collect::<Vec<u8>>());
    }
    if let Some(name) = options.get_application_name() {
        config.application_name(name);
    }
    if let Some(settings) = options.get_options() {
        config.options(settings);
    }
    config.connect_timeout(CONNECT_WITHIN).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
    let demand = if options.get_socket().is_some() { Demand::None } else { options.get_ssl_mode().into() };
    config.ssl_mode(match demand {
        Demand::None => SslMode::Disable,
        Demand::Perhaps => SslMode::Prefer,
        Demand::Anyone | Demand::Root | Demand::Host => SslMode::Require,
    });
    let named = |key: &str| url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| paper(&value)).transpose();
    let papers = || io::Result::Ok(Papers { roots: named("sslrootcert")?, certificate: named("sslcert")?, key: named("sslkey")? });
    let tls = papers().and_then(|papers| demand.connector(&papers)).map_err(|error| sqlx::Error::Tls(error.into()))?;
    Ok((config, tls))
}

/// The whole commit as one statement: a tenth of the round trips of one for each table.
fn one_statement(mut writes: Writes) -> Result<(&'static str, Vec<Array>, Writes)> {
    let rows: Vec<Rows> = std::mem::take(&mut writes.rows).into_iter().filter(|rows| !rows.is_empty()).collect();
    let key: Vec<usize> = std::iter::once(0).chain(rows.iter().map(Rows::key)).collect();
    let text = kept_text(&key, || {
        let mut first = 7;
        let mut text = format!("with head as ({} returning turn)", Writes::HEAD);
        for (index, rows) in rows.iter().enumerate() {
            text += &format!(",\nrows_{index} as ({})", rows.pg_text(first, "exists (select 1 from head)"));
            first += rows.width();
        }
        text + "\nselect count(*) from head"
    });
    let mut arrays = Vec::new();
    for rows in rows {
        arrays.append(&mut rows.into_arrays()?);
    }
    Ok((text, arrays, writes))
}

impl Array {
    fn to_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Bool(values) => values,
            Self::Int(values) => values,
            Self::Text(values) => values,
            Self::Uuid(values) => values,
            Self::Time(values) => values,
            Self::Bytes(values) => values,
        }
    }
}

/// The book speaks of errors as sqlx does.
fn as_sqlx(error: tokio_postgres::Error) -> sqlx::Error {
    match error.as_db_error() {
        Some(_) => sqlx::Error::Database(Box::new(Refusal(error))),
        // whatever is no word of the server is trouble of the connection, which the next one may not have
        None => sqlx::Error::Io(io::Error::other(error)),
    }
}

/// What the server answered instead of doing it.
#[derive(Debug)]
struct Refusal(tokio_postgres::Error);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl DatabaseError for Refusal {
    fn message(&self) -> &str {
        self.0.as_db_error().map_or("", tokio_postgres::error::DbError::message)
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.0.code().map(|state| state.code().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
