//! `LeadOperations`: looking a lead up, the do-not-call list, and the outcome that clients set without naming an action.

use serde::Serialize;

use super::{
    Asking,
    action::{Action, choose, named},
    answer::{Refusal, Stop, changed, done, plain},
    detail::Record,
    search,
    texts::Text,
};
use crate::{
    app::committer::{DncOrder, LeadDone, LeadEdit, LeadKey, LeadOrder},
    domain::{
        disposition::{self, Callable},
        dnc::Channel,
        lead::{FieldRules, Lead, LeadPatch, Source, dialable},
        phone::Number,
        scope::Scope,
    },
    store::leads::LeadPlace,
};

#[derive(Clone, Copy)]
enum Does {
    Search,
    Dnc { listed: bool },
}

static ACTIONS: [Action<Does>; 3] = [
    Action { name: "SearchLead", scope: Scope::LeadsRead, required: &["SearchField", "Identifier"], does: Does::Search },
    Action { name: "InsertDnc", scope: Scope::DncWrite, required: &["Number"], does: Does::Dnc { listed: true } },
    Action { name: "DeleteDnc", scope: Scope::DncWrite, required: &["Number"], does: Does::Dnc { listed: false } },
];

/// The script.
pub(super) async fn run(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    if named(asking, &ACTIONS).is_none() && asking.text("LeadId").is_some() && asking.text("Disposition").is_some() {
        return set_outcome(asking).await;
    }
    match choose(asking, &ACTIONS)? {
        Does::Search => search(asking).await,
        Does::Dnc { listed } => dnc(asking, listed).await,
    }
}

/// What `SearchLead` answers.
#[derive(Serialize)]
struct Found {
    id: i64,
    #[serde(rename = "LeadExists")]
    exists: bool,
    #[serde(rename = "Leads", skip_serializing_if = "Option::is_none")]
    leads: Option<Vec<Record>>,
}

async fn search(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    let account = asking.account().clone();
    let key = search::key(asking).or_else(|text| Refusal::new("invalid", text))?;
    let detailed = asking.flag("Detailed") == Some(true);
    if let (Some(LeadKey::Phone(phone)), false) = (&key, detailed) {
        return search_by_phone(asking, phone).await;
    }
    let mut found = match key {
        Some(key) => asking.web.app.find_leads(account.id, &key).await?,
        None => vec![],
    };
    for (name, place) in
        [("Campaign", (|lead| Some(&lead.campaign)) as fn(&Lead) -> Option<&String>), ("Subcampaign", |lead| lead.subcampaign.as_ref())]
    {
        if let Some(wanted) = asking.text(name).map(str::to_lowercase) {
            found.retain(|lead| place(lead).is_some_and(|place| place.to_lowercase() == wanted));
        }
    }
    asking.lead = found.first().map(|lead| lead.id);
    let leads = detailed.then(|| found.iter().map(|lead| Record::of(&account, lead)).collect());
    plain(&Found { id: asking.lead.unwrap_or(0), exists: asking.lead.is_some(), leads })
}

/// The search that clients make before every call: only whether there is one.
async fn search_by_phone(asking: &mut Asking, phone: &Number) -> Result<String, Stop<Refusal>> {
    let found = asking.web.app.finder.by_phone(asking.account().id, phone).await?;
    let wanted = |name: &str, place: Option<&str>| {
        asking.text(name).is_none_or(|wanted| place.is_some_and(|place| place.to_lowercase() == wanted.to_lowercase()))
    };
    let is_meant = |place: &&LeadPlace| wanted("Campaign", Some(&place.campaign)) && wanted("Subcampaign", place.subcampaign.as_deref());
    let id = found.iter().rev().find(is_meant).map(|place| place.id);
    asking.lead = id;
    plain(&Found { id: id.unwrap_or(0), exists: id.is_some(), leads: None })
}

async fn dnc(asking: &mut Asking, listed: bool) -> Result<String, Stop<Refusal>> {
    let account = asking.account().clone();
    let Some(number) = dialable(&asking.required("Number"), account.region) else {
        return Refusal::new("invalid", "Number is no number that can be dialed");
    };
    let order = DncOrder { channel: Channel::Voice, number, listed, source: "dialedin" };
    let done = asking.web.app.apply_dnc(&account, vec![order]).await?;
    changed(done.first() == Some(&true))
}

/// Sets the outcome of a lead: undocumented, and used.
async fn set_outcome(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    #[derive(Serialize)]
    struct Set {
        id: i64,
        changed: bool,
    }
    asking.may(Scope::LeadsWrite)?;
    let account = asking.account().clone();
    let rules = FieldRules { region: account.region, declared: &[], allow_undeclared: false };
    let outcome = asking.required("Disposition");
    let (patch, remarks) = LeadPatch::lenient([("CallStatus", outcome.as_str())], &rules).unwrap_or_default();
    asking.warnings.extend(remarks.iter().map(ToString::to_string));
    let found = match asking.text("LeadId").and_then(|id| id.parse().ok()) {
        Some(id) => asking.web.app.find_leads(account.id, &LeadKey::Id(id)).await?,
        None => vec![],
    };
    let Some(lead) = found.first() else { return Refusal::new("not_found", Text::NoMatch) };
    let meant = disposition::resolve(Some(&outcome), account.setup.dispositions_of(&lead.campaign), &account.setup.dispositions);
    if meant == Callable::Unknown {
        asking.warn("Disposition is stored, but there is none of this name: the lead is not callable");
    }
    let order = LeadOrder::Edit(LeadKey::Id(lead.id), Box::new(LeadEdit::by(Source::DialedIn, patch, None)));
    match asking.web.app.apply_leads(&account, vec![order], None).await?.into_iter().next() {
        Some(LeadDone::Updated { id, changed, .. }) => {
            asking.lead = Some(id);
            done(Set { id, changed: !changed.is_empty() })
        }
        _ => Refusal::new("not_found", Text::NoMatch),
    }
}
