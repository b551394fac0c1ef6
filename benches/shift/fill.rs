//! A campaign's leads written straight into the book, in the lanes in which they would stand: some where it is day now, the others where
//! nobody may be called.

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use cti_gateway::domain::{
    phone::{HomeRegion, Number},
    window::{self, RuleSet},
    zone::Zones,
};
use sqlx::Connection as _;

use crate::store::Store;

/// The campaign.
pub(crate) const CAMPAIGN: &str = "Spring";

/// The beginnings of numbers in one zone each, all around the world, with seven more digits to come.
const PREFIXES: [&str; 11] = ["+4930", "+1781", "+1312", "+1303", "+1206", "+1808", "+35818", "+61292", "+6495", "+91222", "+8133"];

/// Numbers that share a window.
struct Lane {
    /// How they begin.
    prefix: &'static str,
    /// Its name in the book.
    name: String,
}

/// The lanes where the telephone may ring now and for an hour more, and those where it may not.
fn lanes(now: DateTime<Utc>) -> Result<[Vec<Lane>; 2]> {
    let mut lanes = [vec![], vec![]];
    for prefix in PREFIXES {
        let number =
            Number::read(&format!("{prefix}2700000"), HomeRegion::default()).with_context(|| format!("{prefix} begins no number"))?;
        let (zones, rules) = (Zones::of(&number), RuleSet::of_number(&number));
        let open = |at| window::permits(&zones, Tz::UTC, rules, at).is_permitted();
        let names: Vec<&str> = zones.candidates().iter().map(|zone| zone.name()).collect();
        let lane = Lane { prefix, name: format!("{} {}", rules.jurisdiction, names.join(",")) };
        match (open(now), open(now + TimeDelta::hours(1))) {
            (true, true) => lanes[0].push(lane),
            (false, false) => lanes[1].push(lane),
            _ => {}
        }
    }
    Ok(lanes)
}

/// Writes so many leads into the only account; of ten so many are asleep.
pub(crate) fn fill(store: &Store, leads: u64, asleep: u64, now: DateTime<Utc>) -> Result<()> {
    let [awake, sleeping] = lanes(now)?;
    ensure!(!awake.is_empty() && !sleeping.is_empty(), "nowhere is it day, or nowhere night: wait an hour");
    let case = |of: &[Lane], pick: fn(&Lane) -> &str| {
        let cases: String = of.iter().enumerate().map(|(index, lane)| format!(" when {index} then '{}'", pick(lane))).collect();
        format!("case (i / 10) % {}{cases} end", of.len())
    };
    let both = |pick| format!("case when i % 10 < {asleep} then {} else {} end", case(&sleeping, pick), case(&awake, pick));
    let (phone, lane) = (both(|lane| lane.prefix), both(|lane| &lane.name));
    let is_sqlite = matches!(store, Store::Sqlite(_));
    let (numbers, flags, yesterday) = if is_sqlite {
        let numbers = format!("with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < {leads})");
        (numbers, "0, 0, 0, 1", format!("'{}'", (now - TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%S+00:00")))
    } else {
        let numbers = format!("with n (i) as (select generate_series(0, {leads} - 1))");
        (numbers, "false, false, false, true", "now() - interval '1 day'".to_owned())
    };
    let insert = format!(
        "insert into lead (account_id, id, version, campaign, client_id, first_name, last_name, phone, phone_raw, source, hot, import_only,
           dial_non_callables, check_window, attempts, attempts_total, created_at, updated_at, dial_rank, dial_at, dial_lane)
         {numbers}
         select h.account_id, i + 1, 1, '{CAMPAIGN}', 'client-' || i, 'Ada', 'Lovelace', ({phone}) || (2700000 + i), '', 'import', {flags},
           0, 0, {yesterday}, {yesterday}, 2, {yesterday}, {lane}
         from n cross join journal_head h"
    );
    let head = "update journal_head set lead_id = (select coalesce(max(id), 0) from lead)";
    match store {
        Store::Sqlite(_) => {
            let book = rusqlite::Connection::open(store.url().trim_start_matches("sqlite:"))?;
            book.execute(&insert, [])?;
            book.execute(head, [])?;
        }
        Store::Postgres(_) => tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut book = sqlx::PgConnection::connect(&store.url()).await?;
            sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut book).await?;
            sqlx::query(head).execute(&mut book).await?;
            sqlx::query("vacuum analyze lead").execute(&mut book).await?;
            anyhow::Ok(())
        })?,
    }
    Ok(())
}
