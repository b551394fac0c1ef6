//! `SkillListOperations`: which skills answer the calls of a number (*Source*), from the next reload on.

use serde::Serialize;

use super::{
    Asking,
    action::{Action, choose},
    answer::{Refusal, Stop, changed, done},
    yes_or_no,
};
use crate::{
    app::skills::SkillRefusal,
    domain::{scope::Scope, skill::SkillChange},
};

#[derive(Clone, Copy)]
enum Does {
    Update,
    Reload,
}

static ACTIONS: [Action<Does>; 2] = [
    Action { name: "UpdatePriority", scope: Scope::SkillsWrite, required: &["Skill", "Source"], does: Does::Update },
    Action { name: "Reload", scope: Scope::SkillsWrite, required: &[], does: Does::Reload },
];

/// The script.
pub(super) async fn run(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    match choose(asking, &ACTIONS)? {
        Does::Update => update(asking).await,
        Does::Reload => reload(asking).await,
    }
}

async fn update(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    let change = SkillChange { priority: figure(asking, "Priority")?, delay_s: figure(asking, "Delay")?, active: active(asking)? };
    let (source, skill) = (asking.required("Source"), asking.required("Skill"));
    match asking.web.app.set_skill_priority(asking.account(), &source, &skill, change).await? {
        Ok(is_new) => changed(is_new),
        Err(refusal) => refused(&refusal),
    }
}

/// A reload has no parameters; one that names a source all the same means that one.
async fn reload(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    #[derive(Serialize)]
    struct Reloaded {
        reloaded: usize,
    }
    let source = asking.text("Source");
    match asking.web.app.reload_skills(asking.account(), source).await? {
        Ok(reloaded) => done(Reloaded { reloaded }),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &SkillRefusal) -> Result<String, Stop<Refusal>> {
    let code = match refusal {
        SkillRefusal::NoSuchSource(_) | SkillRefusal::NoSuchSkill(_) => "not_found",
        SkillRefusal::Law(_) | SkillRefusal::Invalid(_) => "invalid",
    };
    Refusal::new(code, refusal)
}

/// A figure must be one: guessing would queue callers wrongly, and nobody would notice.
fn figure(asking: &Asking, name: &str) -> Result<Option<i64>, Stop<Refusal>> {
    match asking.text(name).map(str::parse) {
        None => Ok(None),
        Some(Ok(figure)) => Ok(Some(figure)),
        Some(Err(_)) => Refusal::new("invalid", format_args!("{name} should be a whole number")),
    }
}

fn active(asking: &Asking) -> Result<Option<bool>, Stop<Refusal>> {
    match asking.text("Active").map(yes_or_no) {
        None => Ok(None),
        Some(Some(active)) => Ok(Some(active)),
        Some(None) => Refusal::new("invalid", "Active should be 0 or 1"),
    }
}
