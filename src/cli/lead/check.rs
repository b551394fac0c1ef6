//! Rows become orders for the committer, or are at fault.

use std::sync::Arc;

use csv::StringRecord;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{columns::Columns, sheet::Chunk};
use crate::{
    app::{
        committer::{Intake, LeadDone, LeadOrder, Once},
        directory::Account,
        leads::spell_place,
    },
    domain::lead::{Asked, Field, FieldRules, LeadPatch, Source},
};

/// What holds for every row.
pub(super) struct Plan {
    pub(super) account: Arc<Account>,
    pub(super) columns: Columns,
    /// What every lead is given.
    pub(super) given: Map<String, Value>,
    pub(super) asked: Asked,
    /// What the keys of this import begin with.
    pub(super) key: String,
}

/// A chunk that was checked.
pub(super) struct Batch {
    pub(super) chunk: Chunk,
    /// What is wrong with each row; `None` where an order was made of it, or where it is empty.
    pub(super) faults: Vec<Option<String>>,
    /// By row, which are empty.
    pub(super) empty: Vec<bool>,
    /// One for each good row.
    pub(super) orders: Vec<LeadOrder>,
    pub(super) once: Once,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Empty,
    Stored,
    Duplicate(String),
    Rejected(String),
}

impl Plan {
    /// Checks each row by the rules of the native API.
    pub(super) fn check(&self, chunk: Chunk) -> Batch {
        let setup = &self.account.setup;
        let rules = FieldRules { region: self.account.region, declared: &setup.fields, allow_undeclared: setup.options.undeclared_fields };
        let mut content = Sha256::new();
        let (mut faults, mut empty, mut orders) = (Vec::new(), Vec::new(), Vec::with_capacity(chunk.rows.len()));
        for row in &chunk.rows {
            let is_empty = row.cells.iter().all(|cell| cell.trim_ascii().is_empty());
            let checked = (!is_empty).then(|| match StringRecord::from_byte_record(row.cells.clone()) {
                Ok(cells) => self.order(&cells, &rules),
                Err(_) => Err("the row is not UTF-8: save the file as CSV UTF-8".to_owned()),
            });
            // the answer of an earlier run holds for the same rows, of which the same are good
            for cell in &row.cells {
                content.update((cell.len() as u64).to_le_bytes());
                content.update(cell);
            }
            content.update([u8::from(matches!(checked, Some(Ok(_)))), b'\n']);
            empty.push(is_empty);
            faults.push(match checked {
                Some(Ok(order)) => {
                    orders.push(order);
                    None
                }
                Some(Err(fault)) => Some(fault),
                None => None,
            });
        }
        let key = format!("{}/{}-{}", self.key, chunk.first, chunk.end.row);
        let once = Once { key, content: content.finalize().to_vec() };
        Batch { chunk, faults, empty, orders, once }
    }

    fn order(&self, cells: &StringRecord, rules: &FieldRules<'_>) -> Result<LeadOrder, String> {
        if cells.len() != self.columns.count() {
            return Err(format!("expected {} columns, found {}", self.columns.count(), cells.len()));
        }
        let mut given = self.given.clone();
        self.columns.read(cells, &mut given);
        let mut patch = LeadPatch::strict(&given, rules).map_err(|errors| {
            let told: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
            told.join("; ")
        })?;
        if patch.phone().is_none() {
            return Err("phone: it is missing".to_owned());
        }
        if patch.given(Field::Campaign).is_none() {
            return Err("campaign: it is missing".to_owned());
        }
        spell_place(&self.account, &mut patch, None).map_err(|why| why.to_string())?;
        let intake = Intake { patch, asked: self.asked, callback: None, expires_at: None, source: Source::Import };
        Ok(LeadOrder::Inject(Box::new(intake)))
    }
}

impl Batch {
    /// What became of each row, when this is what became of the good ones.
    pub(super) fn fates(&self, good: impl IntoIterator<Item = Fate>) -> Vec<Fate> {
        let mut good = good.into_iter();
        let mut fate = |(fault, empty): (&Option<String>, &bool)| match (fault, empty) {
            (_, true) => Fate::Empty,
            (Some(fault), _) => Fate::Rejected(fault.clone()),
            (None, _) => good.next().unwrap_or_else(|| Fate::Rejected("the store says nothing of it".to_owned())),
        };
        self.faults.iter().zip(&self.empty).map(&mut fate).collect()
    }
}

impl From<LeadDone> for Fate {
    fn from(done: LeadDone) -> Self {
        match done {
            LeadDone::Created { .. } | LeadDone::Updated { .. } => Self::Stored,
            LeadDone::Duplicate { id } => Self::Duplicate(format!("duplicate of lead {id}")),
            LeadDone::NoRoom { fields } => Self::Rejected(format!("no room for custom fields: {}", fields.join(", "))),
            LeadDone::NotFound => Self::Rejected("it was not stored".to_owned()),
        }
    }
}
