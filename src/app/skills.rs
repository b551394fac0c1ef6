//! What doors do with the skills of a ring group: how they stand to it, and the reload that makes it so.

use std::sync::Arc;

use serde_json::json;

use super::{
    App,
    directory::Account,
    setup::{Change, Changed},
};
use crate::{
    domain::{
        setup::{Invalid, Kind, Setup},
        skill::{SkillChange, SkillError, update_priority},
    },
    store::Result,
};

/// Why it is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkillRefusal {
    /// The account has no ring group of this name or number.
    #[error("there is no source {0:?}")]
    NoSuchSource(String),
    /// The account has no skill of this name.
    #[error("there is no skill {0:?}")]
    NoSuchSkill(String),
    /// The law of skills.
    #[error(transparent)]
    Law(#[from] SkillError),
    /// The check of the record.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl App {
    /// Sets how a skill stands to a source, which is a ring group's number or name; whether anything changed.
    ///
    /// # Errors
    /// Why it is not done, or what the database says.
    pub async fn set_skill_priority(
        &self,
        account: &Arc<Account>,
        source: &str,
        skill: &str,
        change: SkillChange,
    ) -> Result<Result<bool, SkillRefusal>> {
        let Some((group, _)) = account.setup.ring_group(source, account.region) else {
            return Ok(Err(SkillRefusal::NoSuchSource(source.to_owned())));
        };
        let (name, skill, missing) = (group.to_owned(), skill.to_owned(), SkillRefusal::NoSuchSource(source.to_owned()));
        let set = move |setup: &Setup, _| {
            let group = setup.ring_groups.get(&name).ok_or(missing)?;
            let (spelt, _) = setup.skills.entry(&skill).ok_or(SkillRefusal::NoSuchSkill(skill.clone()))?;
            let key = group.skills.keys().find(|known| known.to_lowercase() == spelt.to_lowercase()).map_or(spelt, String::as_str);
            let mut changed = group.clone();
            let priority = update_priority(group.skills.get(key).copied(), change)?;
            changed.skills.insert(key.to_owned(), priority);
            Ok(if changed == *group { Change::Keep } else { Change::Record(json!(changed)) })
        };
        let changed = self.change_setup(account, Kind::RingGroup, group, set).await?;
        Ok(changed.map(|changed| matches!(changed, Changed::Stored(..))))
    }

    /// Publishes how skills stand to this source, or to every one; how many ring groups changed by it.
    ///
    /// # Errors
    /// Why it is not done, or what the database says.
    pub async fn reload_skills(&self, account: &Arc<Account>, source: Option<&str>) -> Result<Result<usize, SkillRefusal>> {
        let groups: Vec<&str> = match source.map(|source| (source, account.setup.ring_group(source, account.region))) {
            None => account.setup.ring_groups.iter().map(|(name, _)| name).collect(),
            Some((_, Some((name, _)))) => vec![name],
            Some((source, None)) => return Ok(Err(SkillRefusal::NoSuchSource(source.to_owned()))),
        };
        let mut count = 0;
        for group in groups {
            let name = group.to_owned();
            let publish = move |setup: &Setup, _| {
                let stale = setup.ring_groups.get(&name).filter(|group| group.published != group.skills).cloned();
                let Some(mut group) = stale else { return Ok(Change::Keep) };
                group.published = group.skills.clone();
                Ok::<_, SkillRefusal>(Change::Record(json!(group)))
            };
            match self.change_setup(account, Kind::RingGroup, group, publish).await? {
                Ok(changed) => count += usize::from(matches!(changed, Changed::Stored(..))),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(count))
    }
}
