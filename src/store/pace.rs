//! How campaigns that dial ahead have done: what was answered and abandoned by day, and what the dialer has learnt.

use sqlx::FromRow;

use super::{Bulk, Column, Reads, Result, Rows, Verb};
use crate::q;

/// One campaign's figures of one day.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
#[expect(missing_docs, reason = "columns are described in the migration")]
pub struct TallyRow {
    pub campaign: String,
    pub day: i64,
    pub answered: i64,
    pub abandoned: i64,
}

static TALLIES: Bulk<5> = Bulk {
    table: "tally",
    columns: [
        ("account_id", Column::Int),
        ("campaign", Column::Text),
        ("day", Column::Int),
        ("answered", Column::Int),
        ("abandoned", Column::Int),
    ],
    verb: Verb::Insert(
        "on conflict (account_id, campaign, day) do update set answered = excluded.answered, abandoned = excluded.abandoned",
    ),
};

/// Figures as they are now, as rows of a commit.
pub fn tally_rows(account: i64, tallies: Vec<TallyRow>) -> Rows {
    let row =
        |TallyRow { campaign, day, answered, abandoned }| [account.into(), campaign.into(), day.into(), answered.into(), abandoned.into()];
    TALLIES.rows(tallies.into_iter().map(row).collect())
}

/// All campaigns' figures since a day.
///
/// # Errors
/// What the database says.
pub async fn tallies(reads: &mut Reads<'_>, account: i64, since: i64) -> Result<Vec<TallyRow>> {
    reads.all(q!("select campaign, day, answered, abandoned from tally where account_id = $1 and day >= $2", account, since)).await
}

static LEARNT: Bulk<3> = Bulk {
    table: "pace",
    columns: [("account_id", Column::Int), ("campaign", Column::Text), ("estimates", Column::Text)],
    verb: Verb::Insert("on conflict (account_id, campaign) do update set estimates = excluded.estimates"),
};

/// What campaigns have learnt, as JSON by name, as rows of a commit.
pub fn learnt_rows(account: i64, learnt: Vec<(String, String)>) -> Rows {
    let row = |(campaign, estimates): (String, String)| [account.into(), campaign.into(), estimates.into()];
    LEARNT.rows(learnt.into_iter().map(row).collect())
}

/// What all campaigns of an account have learnt.
///
/// # Errors
/// What the database says.
pub async fn learnt(reads: &mut Reads<'_>, account: i64) -> Result<Vec<(String, String)>> {
    reads.all(q!("select campaign, estimates from pace where account_id = $1", account)).await
}
