//! `Action`: what a script is asked to do. Each script has a table of what it can do, what that takes and who may.

use super::{
    Asking,
    answer::{Refusal, Stop},
};
use crate::domain::scope::Scope;

/// One row of a script's table.
pub(super) struct Action<T: 'static> {
    /// Its name, in any case.
    pub(super) name: &'static str,
    /// Who may.
    pub(super) scope: Scope,
    /// The parameters that it does not work without.
    pub(super) required: &'static [&'static str],
    /// What it does.
    pub(super) does: T,
}

/// The row that the request names.
pub(super) fn named<T>(asking: &Asking, actions: &'static [Action<T>]) -> Option<&'static Action<T>> {
    let name = asking.text("Action")?;
    actions.iter().find(|action| action.name.eq_ignore_ascii_case(name))
}

/// What the request asks for, if there is such a thing, the sender may, and nothing is missing.
pub(super) fn choose<T: Copy>(asking: &Asking, actions: &'static [Action<T>]) -> Result<T, Stop<Refusal>> {
    let Some(action) = named(asking, actions) else {
        let names: Vec<&str> = actions.iter().map(|action| action.name).collect();
        let code = if asking.text("Action").is_some() { "unknown_action" } else { "missing" };
        return Refusal::new(code, format_args!("Action should be one of: {}", names.join(", ")));
    };
    asking.may(action.scope)?;
    let missing: Vec<&str> = action.required.iter().copied().filter(|name| asking.text(name).is_none()).collect();
    if missing.is_empty() { Ok(action.does) } else { Refusal::new("missing", format_args!("{} should be specified", missing.join(", "))) }
}
