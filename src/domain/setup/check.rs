//! Checking a record before it is stored: its own form, and that what it names is there.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Campaign, HIDDEN, Kind, OPTIONS, Options, OwnedNumber, PlaylistRecord, RingGroup, Setup, Skill,
    dialing::{checked_dialing, expect_objects},
    hides, user_of,
};
use crate::domain::{
    client_app::{self, ClientApp},
    disposition::Disposition,
    filter::Filter,
    lead::field::check_custom_name,
    message::provider::Provider,
    phone::{HomeRegion, Number},
    playlist::{MAX_CAMPAIGNS, MAX_FILTERS, Playlist},
    skill::{SkillChange, SkillPriority, update_priority},
    telephone::System,
};

/// Longest name, in characters: as long as the field of a lead that holds it.
const MAX_NAME: usize = 50;
/// Most texts in a list of a record.
const MAX_LIST: usize = 500;

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field.
    pub field: String,
    /// What was expected.
    pub message: String,
}

pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Invalid {
    Invalid { field: field.into(), message: message.into() }
}

/// What an account has beside its setup, and records name.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// Whether there is an agent of this login.
    pub is_agent: &'a dyn Fn(&str) -> bool,
    /// Whether there is a gateway of this name.
    pub is_gateway: &'a dyn Fn(&str) -> bool,
}

/// The name and body to store.
///
/// # Errors
/// The first fault.
pub fn check(
    kind: Kind,
    name: &str,
    body: &Value,
    setup: &Setup,
    region: HomeRegion,
    beside: Beside<'_>,
) -> Result<(String, Value), Invalid> {
    let name = checked_name(kind, name, region)?;
    let body = match kind {
        Kind::Campaign => {
            expect_objects(body)?;
            let mut campaign: Campaign = typed(body)?;
            checked_list("subcampaigns", &campaign.subcampaigns)?;
            if campaign.dispositions.len() > MAX_LIST {
                return Err(invalid("dispositions", format!("expected at most {MAX_LIST}")));
            }
            if !(1..=1000).contains(&campaign.daily_cap) {
                return Err(invalid("dailyCap", "expected 1 to 1000"));
            }
            if let Some(dialing) = campaign.dialing {
                campaign.dialing = Some(checked_dialing(&name, dialing, &campaign.dispositions, setup, region)?);
            }
            json!(campaign)
        }
        Kind::Disposition => {
            let mut body = body.clone();
            let object = body.as_object_mut().ok_or_else(|| invalid("", "expected an object"))?;
            object.insert("name".to_owned(), json!(name));
            object.entry("text").or_insert_with(|| json!(name));
            object.entry("isConnectXorAbort").or_insert(json!(false));
            let disposition: Disposition = typed(&body)?;
            json!(disposition)
        }
        Kind::Field => {
            check_custom_name(&name).map_err(|message| invalid("name", message))?;
            match body.as_object() {
                Some(object) if object.is_empty() => json!({}),
                _ => return Err(invalid("", "expected an empty object: a field has a name and nothing else")),
            }
        }
        Kind::Number => {
            let number: OwnedNumber = typed(body)?;
            let provider = number.provider.as_deref();
            exists("provider", provider.is_none_or(|provider| setup.providers.get(provider).is_some()), "such provider")?;
            if let Some(user) = user_of(setup, kind, &name).filter(|_| !number.voice) {
                return Err(invalid("voice", format!("expected true: {user}")));
            }
            json!(number)
        }
        Kind::RingGroup => checked_ring_group(&name, body, setup, region)?,
        Kind::Skill => {
            let skill: Skill = typed(body)?;
            checked_list("agents", &skill.agents)?;
            exists("agents", skill.agents.iter().all(|login| (beside.is_agent)(login)), "such agent")?;
            json!(skill)
        }
        Kind::Filter => {
            json!(Filter::read(body, &setup.fields, region).map_err(|fault| invalid(fault.path, fault.message))?)
        }
        Kind::Playlist => checked_playlist(&name, body, setup)?,
        Kind::Provider => with_all_given::<Provider>(body).map(|_| body.clone())?,
        Kind::TelephoneSystem => {
            let system = with_all_given::<System>(body)?;
            exists("gateway", system.gateway().is_none_or(|gateway| (beside.is_gateway)(gateway)), "such gateway")?;
            body.clone()
        }
        Kind::ClientApp => checked_client_app(body, setup, region)?,
        Kind::Options => {
            let options: Options = typed(body)?;
            checked_list("breakReasons", &options.break_reasons)?;
            let system = options.telephone_system.as_deref();
            exists("telephoneSystem", system.is_none_or(|name| setup.telephone_systems.get(name).is_some()), "such telephone system")?;
            json!(options)
        }
    };
    Ok((name, body))
}

fn typed<T: DeserializeOwned>(body: &Value) -> Result<T, Invalid> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let path = error.path().to_string();
        invalid(if path == "." { String::new() } else { path }, error.into_inner().to_string())
    })
}

/// A record in which nothing stands for what is not shown.
fn with_all_given<T: DeserializeOwned>(body: &Value) -> Result<T, Invalid> {
    if hides(body) {
        return Err(invalid("", format!("{HIDDEN} stands for what is not shown: give the value itself")));
    }
    typed(body)
}

pub(super) fn exists(field: &str, found: bool, what: &str) -> Result<(), Invalid> {
    if found { Ok(()) } else { Err(invalid(field, format!("there is no {what}"))) }
}

fn checked_ring_group(name: &str, body: &Value, setup: &Setup, region: HomeRegion) -> Result<Value, Invalid> {
    let group: RingGroup = typed(&with_numbers(body, region)?)?;
    let twin = setup.ring_groups.iter().find(|(other, present)| present.number == group.number && !other.eq_ignore_ascii_case(name));
    if let Some((twin, _)) = twin {
        return Err(invalid("number", format!("ring group {twin:?} has this number")));
    }
    if let Some(reception) = &group.reception {
        reception.check().map_err(|(field, expected)| invalid(format!("reception.{field}"), expected))?;
    }
    for (skill, SkillPriority { priority, delay_s, .. }) in &group.skills {
        let change = SkillChange { priority: Some(*priority), delay_s: Some(*delay_s), active: None };
        update_priority(None, change).map_err(|error| invalid(format!("skills.{skill}"), error.to_string()))?;
    }
    let campaign = group.campaign.as_deref();
    exists("campaign", campaign.is_none_or(|campaign| setup.campaigns.get(campaign).is_some()), "such campaign")?;
    let unknown = group.skills.keys().find(|skill| setup.skills.get(skill).is_none());
    exists("skills", unknown.is_none(), "such skill")?;
    Ok(json!(group))
}

fn checked_playlist(name: &str, body: &Value, setup: &Setup) -> Result<Value, Invalid> {
    let mut body = body.clone();
    let object = body.as_object_mut().ok_or_else(|| invalid("", "expected an object"))?;
    object.insert("name".to_owned(), json!(name));
    let draft: Playlist = typed(&body)?;
    if draft.campaigns.len() > MAX_CAMPAIGNS {
        return Err(invalid("campaigns", format!("expected at most {MAX_CAMPAIGNS}")));
    }
    if draft.filters.len() > MAX_FILTERS {
        return Err(invalid("filters", format!("expected at most {MAX_FILTERS}")));
    }
    exists("campaigns", draft.campaigns.iter().all(|campaign| setup.campaigns.get(campaign).is_some()), "such campaign")?;
    exists("filters", draft.filters.iter().all(|assigned| setup.filters.contains_key(&assigned.filter)), "such filter")?;
    let published = setup.playlists.get(name).and_then(|record| record.published.clone());
    Ok(PlaylistRecord { draft, published }.to_body())
}

fn checked_client_app(body: &Value, setup: &Setup, region: HomeRegion) -> Result<Value, Invalid> {
    let mut body = body.clone();
    for (index, identity) in body.get_mut("identities").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        canonical(identity, "/number", &format!("identities[{index}].number"), region)?;
    }
    let app: ClientApp = typed(&body)?;
    app.check().map_err(|(field, expected)| invalid(field, expected))?;
    for (index, identity) in app.identities.iter().enumerate() {
        let group = identity.ring_group.as_deref().is_none_or(|group| setup.ring_groups.get(group).is_some());
        exists(&format!("identities[{index}].ringGroup"), group, "such ring group")?;
        let number = identity.number.as_ref().is_none_or(|number| setup.may_show(number));
        exists(&format!("identities[{index}].number"), number, "such number that calls may show")?;
    }
    Ok(json!(app))
}

/// Writes a number in canonical form, where there is one.
fn canonical(body: &mut Value, place: &str, field: &str, region: HomeRegion) -> Result<(), Invalid> {
    if let Some(Value::String(raw)) = body.pointer_mut(place) {
        let number = Number::read(raw, region).ok_or_else(|| invalid(field, "expected a telephone number"))?;
        number.as_str().clone_into(raw);
    }
    Ok(())
}

/// The body of a ring group with its numbers in canonical form.
fn with_numbers(body: &Value, region: HomeRegion) -> Result<Value, Invalid> {
    let mut body = body.clone();
    for (place, field) in
        [("/number", "number"), ("/reception/closedTo", "reception.closedTo"), ("/reception/overflowTo", "reception.overflowTo")]
    {
        canonical(&mut body, place, field, region)?;
    }
    Ok(body)
}

/// The name under which a record is kept.
///
/// # Errors
/// What is expected of a name.
pub fn checked_name(kind: Kind, name: &str, region: HomeRegion) -> Result<String, Invalid> {
    let name = name.trim();
    if kind == Kind::Options {
        return Ok(OPTIONS.to_owned());
    }
    if kind == Kind::Number {
        let number = Number::read(name, region).filter(|number| !number.is_extension());
        return number.map(|number| number.as_str().to_owned()).ok_or_else(|| invalid("name", "expected a telephone number"));
    }
    if kind == Kind::ClientApp {
        client_app::check_name(&name.to_lowercase()).map_err(|expected| invalid("name", expected))?;
        return Ok(name.to_lowercase());
    }
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(invalid("name", format!("expected 1 to {MAX_NAME} characters")));
    }
    Ok(name.to_owned())
}

fn checked_list(field: &str, list: &[String]) -> Result<(), Invalid> {
    if list.len() > MAX_LIST {
        return Err(invalid(field, format!("expected at most {MAX_LIST}")));
    }
    let bad = list.iter().position(|text| text.trim().is_empty() || text.chars().count() > MAX_NAME || text.chars().any(char::is_control));
    match bad {
        Some(index) => Err(invalid(format!("{field}[{index}]"), format!("expected 1 to {MAX_NAME} characters"))),
        None => Ok(()),
    }
}
