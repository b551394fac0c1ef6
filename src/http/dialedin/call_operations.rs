//! `CallOperations`: who could take a call, and a third party for a conversation.

use serde::Serialize;

use super::{
    Asking,
    action::{Action, choose},
    answer::{Refusal, Stop, done},
    desk::{self, Tolerance},
    detail::Record,
    text_operations::number,
};
use crate::{
    app::committer::LeadKey,
    domain::{lead::Lead, phone::Number, scope::Scope},
};

#[derive(Clone, Copy)]
enum Does {
    Available,
    Conference,
}

static ACTIONS: [Action<Does>; 2] = [
    Action { name: "AvailableInboundAgents", scope: Scope::AgentsRead, required: &["DID"], does: Does::Available },
    Action { name: "ConferenceCall", scope: Scope::CallsControl, required: &["Agent", "Phone"], does: Does::Conference },
];

/// The script.
pub(super) async fn run(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    match choose(asking, &ACTIONS)? {
        Does::Available => available(asking).await,
        Does::Conference => conference(asking).await,
    }
}

#[derive(Serialize)]
struct Available {
    count: usize,
    agents: Vec<String>,
    /// The lead of the caller, whose own agent comes first.
    lead: Option<Record>,
}

async fn available(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    let account = asking.account().clone();
    let Some((_, group)) = account.setup.ring_group(&asking.required("DID"), account.region) else {
        return Refusal::new("not_found", "DID: there is no such ring group");
    };
    let mut may_be = |name| asking.flag(name) == Some(true);
    let tolerance = Tolerance { on_call: may_be("CanBeOnCall"), on_break: may_be("CanBeOnBreak"), wrap_up: may_be("CanDoWrapUp") };
    let mut agents = desk::available_agents(&asking.web, &account, group, tolerance).await?;
    let caller = asking.text("CallId").and_then(|caller| Number::read(caller, account.region));
    let lead = match caller {
        // a sender that may not read leads is told the agents only
        Some(number) if asking.may(Scope::LeadsRead).is_ok() => {
            asking.web.app.find_leads(account.id, &LeadKey::Phone(number)).await?.into_iter().next()
        }
        _ => None,
    };
    agents.sort_by_key(|login| !lead.as_ref().is_some_and(|lead| is_of(lead, login)));
    asking.lead = lead.as_ref().map(|lead| lead.id);
    done(Available { count: agents.len(), agents, lead: lead.map(|lead| Record::of(&account, &lead)) })
}

/// Whether the lead is this agent's.
fn is_of(lead: &Lead, login: &str) -> bool {
    let promised = lead.callback.as_ref().and_then(|callback| callback.agent.as_deref());
    promised == Some(login) || lead.rep.as_deref() == Some(login)
}

async fn conference(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    #[derive(Serialize)]
    struct Joined {
        call: String,
    }
    let account = asking.account().clone();
    let agent = asking.required("Agent");
    if account.roster.by_login(&agent).is_none() {
        return Refusal::new("not_found", "Agent: there is no such agent (case matters)");
    }
    let phone = number(asking, "Phone")?;
    let mute = asking.flag("PrivateConference") == Some(true);
    done(Joined { call: desk::conference(&asking.web, &account, &agent, phone, mute).await? })
}
