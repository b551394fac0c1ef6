//! Which skill answers the calls of a number (*Source*, a DID), how soon and whether at all.
//!
//! # Assumptions
//! - A skill of a smaller figure is asked before one of a larger figure; a new one without a figure has 0.
//! - A new one is active and has no delay, unless it is told otherwise.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The largest figure of a priority.
pub const MAX_PRIORITY: i64 = 100;
/// The longest delay, in seconds: nobody waits in a queue for longer than a day.
pub const MAX_DELAY_S: i64 = 86_400;

/// How a skill stands to a source. A pair has at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SkillPriority {
    /// 0 to [`MAX_PRIORITY`], smaller first.
    pub priority: i64,
    /// How long a call waits before this skill is asked.
    pub delay_s: i64,
    /// Whether the skill takes the source's calls.
    pub active: bool,
}

impl Default for SkillPriority {
    fn default() -> Self {
        Self { priority: 0, delay_s: 0, active: true }
    }
}

/// What is to be set; what is absent stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of SkillPriority")]
pub struct SkillChange {
    pub priority: Option<i64>,
    pub delay_s: Option<i64>,
    pub active: Option<bool>,
}

/// What cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkillError {
    /// The priority.
    #[error("expected a priority of 0 to {MAX_PRIORITY}")]
    Priority,
    /// The delay.
    #[error("expected a delay of 0 to {MAX_DELAY_S} seconds")]
    Delay,
}

/// The priority after a change: of the present one, or of a new one when there is none.
///
/// # Errors
/// When a figure is out of range; then nothing is set.
pub fn update_priority(present: Option<SkillPriority>, change: SkillChange) -> Result<SkillPriority, SkillError> {
    if change.priority.is_some_and(|priority| !(0..=MAX_PRIORITY).contains(&priority)) {
        return Err(SkillError::Priority);
    }
    if change.delay_s.is_some_and(|delay| !(0..=MAX_DELAY_S).contains(&delay)) {
        return Err(SkillError::Delay);
    }
    let present = present.unwrap_or_default();
    Ok(SkillPriority {
        priority: change.priority.unwrap_or(present.priority),
        delay_s: change.delay_s.unwrap_or(present.delay_s),
        active: change.active.unwrap_or(present.active),
    })
}
