//! `AgentDialListOperations`: numbers that an agent dials himself.

use super::{
    Asking,
    action::{Action, choose},
    answer::{Refusal, Stop, changed},
};
use crate::{
    app::dial_lists::{ListOrder, Naming},
    domain::{
        dial_list::{Mark, read_number},
        scope::Scope,
    },
};

#[derive(Clone, Copy)]
enum Does {
    Create,
    Delete,
    Add,
    Remove,
    Mark(Mark),
}

const fn of_list(name: &'static str, does: Does) -> Action<Does> {
    Action { name, scope: Scope::ListsWrite, required: &["Agent", "List"], does }
}

const fn of_phone(name: &'static str, does: Does) -> Action<Does> {
    Action { name, scope: Scope::ListsWrite, required: &["Agent", "List", "Phone"], does }
}

static ACTIONS: [Action<Does>; 6] = [
    of_list("CreateList", Does::Create),
    of_list("DeleteList", Does::Delete),
    of_phone("AddPhone", Does::Add),
    of_phone("DeletePhone", Does::Remove),
    of_phone("PhoneDialed", Does::Mark(Mark::Dialed)),
    of_phone("PhoneUnDialed", Does::Mark(Mark::Undialed)),
];

/// The script.
pub(super) async fn run(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    let does = choose(asking, &ACTIONS)?;
    let account = asking.account().clone();
    let (agent, list) = (asking.required("Agent"), asking.required("List"));
    if account.roster.by_login(&agent).is_none() {
        return Refusal::new("not_found", "Agent: there is no such agent (case matters)");
    }
    let phone = || read_number(&asking.required("Phone"), account.region).or_else(|error| Refusal::new("invalid", error));
    let order = match does {
        Does::Create => ListOrder::Create,
        Does::Delete => ListOrder::Delete,
        Does::Add => ListOrder::Add(phone()?),
        Does::Remove => ListOrder::Remove(phone()?),
        Does::Mark(mark) => ListOrder::Mark(phone()?, mark),
    };
    match asking.web.app.change_dial_list(&account, &agent, (&list, Naming::Alone), order).await? {
        Ok(done) => changed(done),
        Err(refused) => Refusal::new("refused", refused),
    }
}
