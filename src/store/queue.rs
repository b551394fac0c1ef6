//! The queue of leads to dial: who is next in a campaign, and whom an agent promised to call.
//!
//! Leads of one campaign and rank stand in lanes, by the window that they share. Who is next is found lane by lane: those that
//! are closed now are passed by, however many leads wait there, and the rest is a walk along one index.

use std::collections::HashMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sqlx::FromRow;

use super::{
    Arg, Bulk, Column, On, Reads, Result, Rows, Verb,
    leads::{self, LeadRow},
};
use crate::{
    domain::lead::{Lane, Lead, Place, Rank},
    q,
};

/// Promised calls that are looked at in one go.
const PAGE: i64 = 200;
/// The last second of the year 9999, in seconds since 1970: later than any time that is stored.
const EVER: i64 = 253_402_300_799;

static RETIMED: Bulk<5> = Bulk {
    table: "lead",
    columns: [
        ("id", Column::Int),
        ("account_id", Column::Int),
        ("dial_rank", Column::Int),
        ("dial_at", Column::Time),
        ("dial_lane", Column::Text),
    ],
    verb: Verb::Update(
        "set dial_rank = v.dial_rank, dial_at = v.dial_at, dial_lane = v.dial_lane
         where lead.account_id = v.account_id and lead.id = v.id",
    ),
};

/// A place as the columns of a lead.
pub(super) fn columns(place: Option<&Place>) -> [Arg; 3] {
    [place.map(|place| place.rank.figure()).into(), place.map(|place| place.at).into(), place.map(|place| place.lane.to_string()).into()]
}

/// Leads by their ids with the places that they have now, as rows of a commit.
pub fn rows(account: i64, places: impl Iterator<Item = (i64, Option<Place>)>) -> Rows {
    let row = |(id, place): (i64, Option<Place>)| {
        let [rank, at, lane] = columns(place.as_ref());
        [id.into(), account.into(), rank, at, lane]
    };
    RETIMED.rows(places.map(row).collect())
}

/// A lead and its place as the book has it.
#[derive(Debug, FromRow)]
pub struct PlacedRow {
    #[sqlx(flatten)]
    lead: LeadRow,
    dial_rank: Option<i64>,
    dial_at: Option<DateTime<Utc>>,
    dial_lane: Option<String>,
}

/// A lead and its place as the book has it.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The lead.
    pub lead: Lead,
    place: (Option<i64>, Option<DateTime<Utc>>, Option<String>),
}

impl Placed {
    /// Whether this is where the book has it.
    pub fn is_at(&self, place: Option<&Place>) -> bool {
        let at = place.map(|place| place.at.trunc_subsecs(6));
        self.place == (place.map(|place| place.rank.figure()), at, place.map(|place| place.lane.to_string()))
    }
}

/// Up to `limit` leads of a campaign after this id, the oldest first, each with its place.
///
/// # Errors
/// What the database says.
pub async fn placed(on: On<'_>, account: i64, campaign: &str, after: i64, limit: i64) -> Result<Vec<Placed>> {
    // from end to end of the campaign's part of its index: where the account is named by itself, planners go through all its leads
    let sql = leads::select!(
        "where (l.campaign, l.account_id, l.id) > ($2, $1, $3) and (l.campaign, l.account_id, l.id) <= ($2, $1, $4) \
         order by l.campaign, l.account_id, l.id limit $5",
        ", dial_rank, dial_at, dial_lane"
    );
    let rows = on.all::<PlacedRow>(q!(sql, account, campaign, after, i64::MAX, limit)).await?;
    let read = |row: PlacedRow| Ok(Placed { lead: row.lead.read()?, place: (row.dial_rank, row.dial_at, row.dial_lane) });
    rows.into_iter().map(read).collect()
}

/// One rank's leads in one lane.
#[derive(Debug, FromRow)]
struct Group {
    dial_rank: i64,
    dial_lane: String,
}

/// Goes from each rank and lane to the next one, which is one step along the index for each.
const GROUPS: &str = "\
    with recursive ranks (dial_rank) as (
      select cast(0 as bigint) union all select dial_rank + 1 from ranks where dial_rank < 3
    ), groups (dial_rank, dial_lane) as (
      select r.dial_rank, (select min(l.dial_lane) from lead l
                           where l.campaign = $2 and l.account_id = $1 and l.dial_rank = r.dial_rank)
      from ranks r
      union all
      select g.dial_rank, (select min(l.dial_lane) from lead l
                           where l.campaign = $2 and l.account_id = $1 and l.dial_rank = g.dial_rank and l.dial_lane > g.dial_lane)
      from groups g where g.dial_lane is not null
    )
    select dial_rank, dial_lane from groups where dial_lane is not null order by dial_rank, dial_lane";

const DUE: &str = "\
    select l.dial_at, l.id from lead l
    where l.campaign = $2 and l.account_id = $1 and l.dial_rank = $3 and l.dial_lane = $4 and l.dial_at <= $5
    order by l.dial_at, l.id limit $6";

/// Who is next, and since when.
type Head = (DateTime<Utc>, i64);

/// The groups of a campaign in the order of their ranks, each with its lane. A lane that nobody knows any more counts as open:
/// whoever dials its leads asks anew.
async fn groups(on: On<'_>, account: i64, campaign: &str) -> Result<Vec<(Group, Option<Lane>)>> {
    let groups: Vec<Group> = on.all(q!(GROUPS, account, campaign)).await?;
    Ok(groups
        .into_iter()
        .map(|group| {
            let lane = Lane::read(&group.dial_lane);
            (group, lane)
        })
        .collect())
}

/// Up to `limit` leads of a campaign that may be dialed now as far as their places say, in their order: by rank, then by who has
/// waited longest. A call that an agent promised is among them when he has let it wait for longer than `grace`.
///
/// # Errors
/// What the database says.
pub async fn next_to_dial(on: On<'_>, account: i64, campaign: &str, grace: TimeDelta, now: DateTime<Utc>, limit: i64) -> Result<Vec<Lead>> {
    let groups = groups(on, account, campaign).await?;
    let most = usize::try_from(limit).unwrap_or_default();
    let mut next: Vec<i64> = Vec::new();
    for rank in Rank::ALL {
        if next.len() >= most {
            break;
        }
        let mut heads: Vec<Head> = Vec::new();
        for (Group { dial_lane, .. }, lane) in groups.iter().filter(|(group, _)| group.dial_rank == rank.figure()) {
            if lane.as_ref().is_some_and(|lane| lane.opens(now) != Some(now)) {
                continue;
            }
            let until = if lane.as_ref().is_some_and(|lane| lane.own) { now - grace } else { now };
            heads.extend(on.all::<Head>(q!(DUE, account, campaign, rank.figure(), dial_lane, until, limit)).await?);
        }
        heads.sort_unstable();
        next.extend(heads.into_iter().map(|(_, id)| id).take(most - next.len()));
    }
    in_order(on, account, &next).await
}

/// The leads with these ids, in this order.
async fn in_order(on: On<'_>, account: i64, ids: &[i64]) -> Result<Vec<Lead>> {
    let leads = leads::by_ids(&mut Reads::On(on), account, ids).await?;
    let mut by_id: HashMap<i64, Lead> = leads.into_iter().map(|lead| (lead.id, lead)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// Up to `limit` calls that this agent promised, in any campaign, and that may be made now as far as their places say; the one
/// that has waited longest comes first.
///
/// # Errors
/// What the database says.
pub async fn promised_by(on: On<'_>, account: i64, agent: &str, now: DateTime<Utc>, limit: i64) -> Result<Vec<Lead>> {
    let sql = "select l.dial_at, l.id, l.dial_lane from lead l
               where l.callback_agent = $2 and l.account_id = $1 and l.dial_rank = $3
                 and (l.dial_at, l.id) > ($4, $5) and l.dial_at <= $6
               order by l.dial_at, l.id limit $7";
    let most = usize::try_from(limit).unwrap_or_default();
    let (mut next, mut after, mut open) = (Vec::new(), (DateTime::UNIX_EPOCH, 0), HashMap::new());
    while next.len() < most {
        let q = q!(sql, account, agent, Rank::Callback.figure(), after.0, after.1, now, PAGE);
        let rows: Vec<(DateTime<Utc>, i64, String)> = on.all(q).await?;
        let Some(last) = rows.last().map(|(at, id, _)| (*at, *id)) else { break };
        for (_, id, lane) in rows {
            let is_open = open.entry(lane).or_insert_with_key(|lane| Lane::read(lane).is_none_or(|lane| lane.opens(now) == Some(now)));
            if *is_open && next.len() < most {
                next.push(id);
            }
        }
        after = last;
    }
    in_order(on, account, &next).await
}

/// Up to `limit` calls that this agent promised, the earliest first, whether their time has come or not.
///
/// # Errors
/// What the database says.
pub async fn promises_of(on: On<'_>, account: i64, agent: &str, limit: i64) -> Result<Vec<Lead>> {
    let sql = "select id from lead where callback_agent = $2 and account_id = $1 and dial_rank = $3 order by dial_at, id limit $4";
    let rows: Vec<(i64,)> = on.all(q!(sql, account, agent, Rank::Callback.figure(), limit)).await?;
    in_order(on, account, &rows.into_iter().map(|(id,)| id).collect::<Vec<_>>()).await
}

/// Promised calls of all agents whose time has come, as far as is known, with their campaigns; the oldest first.
///
/// # Errors
/// What the database says.
pub async fn promised(on: On<'_>, account: i64, now: DateTime<Utc>, limit: i64) -> Result<Vec<(i64, String)>> {
    let sql = "select l.id, l.campaign from lead l
               where l.callback_agent is not null and l.account_id = $1 and l.dial_rank = $2 and l.dial_at <= $3
               order by l.dial_at, l.id limit $4";
    on.all(q!(sql, account, Rank::Callback.figure(), now, limit)).await
}

/// A lead that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Before whom it is dialed.
    pub rank: Rank,
    /// The first moment from now on when its place lets it be dialed.
    pub at: DateTime<Utc>,
    /// The lead.
    pub lead: Lead,
}

/// Up to `limit` leads of a campaign in the order in which they will be dialed, whether their time has come or not.
///
/// # Errors
/// What the database says.
pub async fn waiting(on: On<'_>, account: i64, campaign: &str, now: DateTime<Utc>, limit: i64) -> Result<Vec<Waiting>> {
    let mut heads: Vec<(DateTime<Utc>, Rank, Head)> = Vec::new();
    let ever = DateTime::from_timestamp(EVER, 0);
    for (Group { dial_rank, dial_lane }, lane) in groups(on, account, campaign).await? {
        let Some(rank) = Rank::of_figure(dial_rank) else { continue };
        for head in on.all::<Head>(q!(DUE, account, campaign, dial_rank, dial_lane, ever, limit)).await? {
            let from = head.0.max(now);
            // a window that does not open is no time at which to expect it
            if let Some(at) = lane.as_ref().map_or(Some(from), |lane| lane.opens(from)) {
                heads.push((at, rank, head));
            }
        }
    }
    heads.sort_unstable();
    heads.truncate(usize::try_from(limit).unwrap_or_default());
    let ids: Vec<i64> = heads.iter().map(|(.., (_, id))| *id).collect();
    let mut leads = in_order(on, account, &ids).await?.into_iter().peekable();
    let with_lead =
        |(at, rank, (_, id)): (DateTime<Utc>, Rank, Head)| leads.next_if(|lead| lead.id == id).map(|lead| Waiting { rank, at, lead });
    Ok(heads.into_iter().filter_map(with_lead).collect())
}
