//! Leads written straight into the book, and counted there.

use anyhow::Result;
use sqlx::Connection as _;

use crate::store::Store;

/// The number of the lead with this place among those that were filled in: all of North America's form, none twice.
pub(crate) fn phone(index: u64) -> u64 {
    12_010_000_000 + index
}

const COLUMNS: &str =
    "account_id, id, version, campaign, client_id, first_name, last_name, city, state, zip, phone, phone_raw, source, hot,
    import_only, dial_non_callables, check_window, attempts, attempts_total, created_at, updated_at";

/// Writes so many leads into the only account.
pub(crate) fn fill(store: &Store, leads: u64) -> Result<()> {
    let leads = i64::try_from(leads)?;
    let head = "update journal_head set lead_id = (select coalesce(max(id), 0) from lead)";
    match store {
        Store::Sqlite(_) => {
            let book = sqlite(store)?;
            // numbers in no order, as they come in real life: an index that grows at its end costs nothing
            let fill = format!(
                "with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ?1)
                 insert into lead ({COLUMNS})
                 select h.account_id, i + 1, 1, 'bench', 'client-' || i, 'Ada', 'Lovelace', 'Tampa', 'FL', '33601',
                        '+' || (12010000000 + (i * 7919) % ?1), '813', 'import', 0, 1, 0, 1, 0, 0, '2026-01-01T00:00:00+00:00',
                        '2026-01-01T00:00:00+00:00'
                 from n cross join journal_head h"
            );
            book.execute(&fill, [leads])?;
            book.execute(head, ())?;
        }
        Store::Postgres(_) => {
            let fill = format!(
                "insert into lead ({COLUMNS})
                 select h.account_id, i + 1, 1, 'bench', 'client-' || i, 'Ada', 'Lovelace', 'Tampa', 'FL', '33601',
                        '+' || (12010000000 + (i * 7919) % $1), '813', 'import', false, true, false, true, 0, 0, now(), now()
                 from generate_series(0, $1 - 1) i cross join journal_head h"
            );
            postgres(store, async |book| {
                sqlx::query(sqlx::AssertSqlSafe(fill)).bind(leads).execute(&mut *book).await?;
                sqlx::query(head).execute(&mut *book).await?;
                sqlx::query("vacuum analyze lead").execute(&mut *book).await?;
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// How many leads are in the book.
pub(crate) fn count(store: &Store) -> Result<u64> {
    let count = "select count(*) from lead";
    let count: i64 = match store {
        Store::Sqlite(_) => sqlite(store)?.query_row(count, (), |row| row.get(0))?,
        Store::Postgres(_) => postgres(store, async |book| Ok(sqlx::query_scalar(count).fetch_one(book).await?))?,
    };
    Ok(u64::try_from(count)?)
}

fn sqlite(store: &Store) -> Result<rusqlite::Connection> {
    Ok(rusqlite::Connection::open(store.url().trim_start_matches("sqlite:"))?)
}

fn postgres<T>(store: &Store, work: impl AsyncFnOnce(&mut sqlx::PgConnection) -> Result<T>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut book = sqlx::PgConnection::connect(&store.url()).await?;
        work(&mut book).await
    })
}
