//! Filters: which leads are meant, as data. One filter is asked in memory ([`Filter::matches`]) and by the book, as one SQL
//! condition; both give the same answer for every lead.
//!
//! ```json
//! {"blocks":[{"statements":[{"field":"State","op":"eq","value":"FL"}],"join":"or"},
//!            {"statements":[{"field":"custom:Policy ID","op":"isEmpty"}]}]}
//! ```
//!
//! # Assumptions
//! - The statements of a block hold together (*and*). A block's `join` stands between it and the next block, and what follows
//!   is one whole: `f1 and f2 or f3` is `f1 and (f2 or f3)`. Without a `join` a block says `and`; what the last block says
//!   counts only when filters are joined.
//! - *Text* is compared without regard to the case of the letters A to Z. Every other letter is compared as it is: `é` is not
//!   `É`, nor is it an `e` with an accent of its own. That is what both databases can do alike. An absent text is the empty
//!   text, so `ne` matches it. Texts have no order, because the databases sort by different rules.
//! - *Numbers and times*: an absent one matches no comparison, `ne` and `notIn` included; `isEmpty` finds it. Times are compared
//!   to the microsecond.
//! - *Flags*: an absent one is false.
//! - *Telephone numbers* are texts in canonical form. A whole number may be written in any way; a part of one is digits only.
//! - *areaCode* is the three digits behind `+1`; any other number has the empty one.

mod field;
mod read;
mod statement;

use serde::Serialize;
use serde_json::Value;

pub use self::{
    field::{FlagField, NumberField, TextField, TextSource, TimeField},
    read::FilterError,
    statement::{Order, Statement, Test, TextOp},
};
use super::phone::HomeRegion;

/// Most blocks of one filter.
pub const MAX_BLOCKS: usize = 20;
/// Most statements of one block.
pub const MAX_STATEMENTS: usize = 50;
/// Longest value, in characters.
pub const MAX_VALUE: usize = 500;
/// Most values of one list.
pub const MAX_LISTED: usize = 200;
/// Most blocks of filters that are joined: each may nest deeper, and databases limit how deep.
pub const MAX_JOINED_BLOCKS: usize = 100;
/// Most values and custom fields in all statements together: databases limit the arguments of one statement, and SQLite takes
/// ever longer to find each.
pub const MAX_VALUES: usize = 4_000;

/// What stands between a block and the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Join {
    /// This block and what follows.
    And,
    /// This block or what follows.
    Or,
}

/// Statements that hold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    statements: Vec<Statement>,
    join: Join,
}

impl Block {
    /// What all must hold; never empty.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// What stands between this block and the next one.
    pub fn join(&self) -> Join {
        self.join
    }
}

/// Which leads are meant. Whatever holds one knows that it keeps the limits: it is made by reading or by joining only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Filter {
    blocks: Vec<Block>,
}

/// What a filter asks of a lead. `None` is an absent value.
pub trait Subject {
    /// A text of the lead.
    fn text(&self, field: TextField) -> Option<&str>;
    /// A custom field, by the name it was declared with.
    fn custom(&self, name: &str) -> Option<&str>;
    /// A number of the lead.
    fn number(&self, field: NumberField) -> Option<i64>;
    /// A time of the lead.
    fn time(&self, field: TimeField) -> Option<chrono::DateTime<chrono::Utc>>;
    /// A flag of the lead.
    fn flag(&self, field: FlagField) -> Option<bool>;
}

/// Filters that say too much together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the filters have {blocks} blocks and {values} values together; expected at most {MAX_JOINED_BLOCKS} blocks and {MAX_VALUES} values"
)]
pub struct TooLarge {
    blocks: usize,
    values: usize,
}

impl Filter {
    /// Reads a filter. `custom` are the names of the account's custom fields; `region` is where a telephone number without a
    /// country code belongs.
    ///
    /// # Errors
    /// The first fault, with its path.
    pub fn read(json: &Value, custom: &[impl AsRef<str>], region: HomeRegion) -> Result<Self, FilterError> {
        read::filter(json, custom, region, MAX_BLOCKS)
    }

    /// Reads what [`join`](Self::join) made.
    ///
    /// # Errors
    /// The first fault, with its path.
    pub fn read_joined(json: &Value, custom: &[impl AsRef<str>], region: HomeRegion) -> Result<Self, FilterError> {
        read::filter(json, custom, region, MAX_JOINED_BLOCKS)
    }

    /// The filters' blocks one after the other: the `join` of a filter's last block stands between it and the next filter.
    /// No filters make none.
    ///
    /// # Errors
    /// When they say more together than one may.
    pub fn join<'a>(filters: impl IntoIterator<Item = &'a Self>) -> Result<Option<Self>, TooLarge> {
        let blocks: Vec<Block> = filters.into_iter().flat_map(|filter| filter.blocks.iter().cloned()).collect();
        let joined = Self { blocks };
        let (blocks, values) = (joined.blocks.len(), joined.values());
        if blocks > MAX_JOINED_BLOCKS || values > MAX_VALUES {
            return Err(TooLarge { blocks, values });
        }
        Ok((blocks > 0).then_some(joined))
    }

    /// In their order; never empty.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Whether a lead is meant.
    pub fn matches(&self, lead: &impl Subject) -> bool {
        // what follows a block is one whole, so the first block that settles the matter is the last one asked
        let mut holds = true;
        for block in &self.blocks {
            holds = block.statements.iter().all(|statement| statement.holds(lead));
            match block.join {
                Join::And if !holds => return false,
                Join::Or if holds => return true,
                Join::And | Join::Or => {}
            }
        }
        holds
    }

    fn values(&self) -> usize {
        self.blocks.iter().flat_map(|block| &block.statements).map(Statement::values).sum()
    }
}
