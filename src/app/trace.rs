//! The trace of a call: its entries in the journal. The journal has no index for them, since every commit would pay for that; they are
//! found by when the call began and last changed.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    App,
    hub::{Entry, Interest},
};
use crate::store::{Result, journal, records};

/// Servers' clocks differ; entries are looked for this long before a call began and after it last changed.
const MARGIN: TimeDelta = TimeDelta::seconds(30);
/// Entries looked at in one go.
const STEP: i64 = 5_000;
/// Most entries that are looked at.
const MOST: i64 = 200_000;

/// The entries of a call.
#[derive(Debug)]
pub struct Trace {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Whether these are all: older ones may have been removed, and nobody looks through the whole journal.
    pub is_complete: bool,
}

impl App {
    /// The entries about a call that `interest` wants; `None` when there is no such call.
    ///
    /// # Errors
    /// What the database says.
    pub async fn trace(&self, account: i64, call: Uuid, interest: &Interest) -> Result<Option<Trace>> {
        let Some(record) = records::call(self.db.read(), account, call).await? else { return Ok(None) };
        let position = journal::position(self.db.read(), account).await?;
        let first = self.first_entry_at(account, record.call.created_at - MARGIN, position.floor, position.seq).await?;
        let last = self.first_entry_at(account, record.updated_at + MARGIN, first, position.seq).await?;
        let name = call.to_string();
        let (mut after, mut entries) = (first, Vec::new());
        while after < last && after - first < MOST {
            let upto = (after + STEP).min(last);
            let found = journal::naming(self.db.read(), account, after, upto, &name).await?;
            entries.extend(found.into_iter().map(Entry::from).filter(|entry| interest.wants(entry)));
            after = upto;
        }
        let is_complete = after >= last && (position.floor == 0 || first > position.floor);
        Ok(Some(Trace { entries, is_complete }))
    }

    /// The last place after `floor` before which all entries are older than `at`, as far as they are in the order of time.
    async fn first_entry_at(&self, account: i64, at: DateTime<Utc>, floor: i64, head: i64) -> Result<i64> {
        let (mut low, mut high) = (floor, head);
        while low < high {
            let middle = low + (high - low) / 2;
            match journal::observed_after(self.db.read(), account, middle).await? {
                Some(observed) if observed < at => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}
