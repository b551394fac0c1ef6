//! What doors do with leads: bring them in, change them, ask what would become of them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::{
    App,
    calls::PBX_PATIENCE,
    committer::{DncOrder, Done, Failure, Intake, LeadDone, LeadKey, LeadOrder, Once, Work, found, window_of},
    directory::Account,
};
use crate::{
    domain::{
        callback::{self, BadTime, Due},
        disposition,
        dnc::Channel,
        lead::{DayCap, Explanation, Facts, Field, Lead, LeadPatch, Nearest, Verdict, Window, decide, would_dial},
        phone::Number,
        window::RuleSet,
        zone::{Place, Zones},
    },
    store::{Reads, Result, dnc, leads},
};

/// Why a lead cannot belong where the client says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// The account has no campaign of this name.
    #[error("there is no such campaign")]
    Campaign,
    /// The campaign has no subcampaign of this name.
    #[error("the campaign has no such subcampaign")]
    Subcampaign,
}

/// Spells campaign and subcampaign as the account does. A name that is not given is not looked at; a subcampaign is looked up
/// in the campaign that is given, else in `of`, which is the lead's present one.
///
/// # Errors
/// When there is none of that name.
pub fn spell_place(account: &Account, patch: &mut LeadPatch, of: Option<&str>) -> Result<(), NoPlace> {
    let given = patch.given(Field::Campaign).or(of);
    let Some(campaign) = given else { return Ok(()) };
    let (name, campaign) = account.setup.campaigns.entry(campaign).ok_or(NoPlace::Campaign)?;
    if patch.given(Field::Campaign).is_some() {
        patch.respell(Field::Campaign, name);
    }
    if let Some(subcampaign) = patch.given(Field::Subcampaign) {
        let same = |known: &&String| known.trim().to_lowercase() == subcampaign.trim().to_lowercase();
        let name = campaign.subcampaigns.iter().find(same).ok_or(NoPlace::Subcampaign)?;
        patch.respell(Field::Subcampaign, name);
    }
    Ok(())
}

/// The instant that a customer means by `MM/dd/yyyy HH:mm:ss` on his wall clock.
///
/// # Errors
/// What was expected of the text.
pub fn callback_at(account: &Account, text: &str, phone: Option<&Number>, place: &Place<'_>) -> Result<Due, BadTime> {
    let zones = phone.map(|phone| Zones::of(phone).narrowed(place)).unwrap_or_default();
    Ok(callback::resolve(callback::parse(text)?, &zones, account.setup.options.zone))
}

impl App {
    /// Brings leads in and changes them, each for itself; one answer per order.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn apply_leads(&self, account: &Arc<Account>, orders: Vec<LeadOrder>, once: Option<Once>) -> Result<Vec<LeadDone>, Failure> {
        match self.committer.submit(account, Work::Leads { orders, once }, PBX_PATIENCE).await? {
            Done::Leads(done) => Ok(done),
            _ => Ok(vec![]),
        }
    }

    /// Puts numbers on the do-not-call list or takes them away; answers for each whether that changed anything.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn apply_dnc(&self, account: &Arc<Account>, orders: Vec<DncOrder>) -> Result<Vec<bool>, Failure> {
        match self.committer.submit(account, Work::Dnc(orders), PBX_PATIENCE).await? {
            Done::Dnc(done) => Ok(done),
            _ => Ok(vec![]),
        }
    }

    /// What would become of a lead if it came in now; nothing is stored. `None` without a number or a campaign.
    ///
    /// # Errors
    /// What the database says.
    pub async fn would_inject(&self, account: &Account, intake: &Intake) -> Result<Option<Verdict>> {
        let now = self.clock.now();
        let Ok(lead) = intake.patch.new_lead(0, intake.source, now) else { return Ok(None) };
        let phones = std::slice::from_ref(&lead.phone);
        let mut reads = Reads::On(self.db.read());
        let others = leads::by_phones(&mut reads, account.id, phones).await?;
        let places = others.iter().map(|other| (other.campaign.as_str(), other.subcampaign.as_deref()));
        let nearest = Nearest::of(&lead.campaign, lead.subcampaign.as_deref(), places);
        let on_dnc = !dnc::listed(&mut reads, account.id, Channel::Voice, phones).await?.is_empty();
        Ok(Some(decide(&intake.asked, &found(account, &lead, nearest, on_dnc, now))))
    }

    /// The leads of a key, newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn find_leads(&self, account: i64, key: &LeadKey) -> Result<Vec<Lead>> {
        let mut reads = Reads::On(self.db.read());
        let mut found = match key {
            LeadKey::Id(id) => leads::by_ids(&mut reads, account, &[*id]).await?,
            LeadKey::ClientId(client) => leads::by_client_ids(&mut reads, account, std::slice::from_ref(client)).await?,
            LeadKey::Phone(phone) => leads::by_phones(&mut reads, account, std::slice::from_ref(phone)).await?,
        };
        found.reverse();
        Ok(found)
    }

    /// Whether this lead would be dialed now, and if not, why and until when.
    ///
    /// # Errors
    /// What the database says.
    pub async fn explain(&self, account: &Account, lead: &Lead) -> Result<Explanation> {
        let now = self.clock.now();
        let phones = std::slice::from_ref(&lead.phone);
        let on_dnc = !dnc::listed(&mut Reads::On(self.db.read()), account.id, Channel::Voice, phones).await?.is_empty();
        let setup = &account.setup;
        let callable = disposition::resolve(lead.call_status.as_deref(), setup.dispositions_of(&lead.campaign), &setup.dispositions);
        let facts = Facts { on_dnc, callable: callable.is_callable(), window: window(account, lead, now), day: day(account, lead, now) };
        Ok(would_dial(lead, &facts, now))
    }
}

/// The zones that a lead can be in; the account's when that is unknown.
fn zones(account: &Account, lead: &Lead) -> Vec<Tz> {
    let zones = Zones::of(&lead.phone).narrowed(&Place { state: lead.state.as_deref(), zip: lead.zip.as_deref() });
    zones.or_account(&account.setup.options.zone).1.to_vec()
}

fn window(account: &Account, lead: &Lead, now: DateTime<Utc>) -> Window {
    let verdict = window_of(account, lead, now);
    let zones = zones(account, lead);
    let rules = RuleSet::of_number(&lead.phone);
    let shown = verdict.refusal.as_ref().map_or_else(|| zones.first().copied().unwrap_or(Tz::UTC), |refusal| refusal.zone);
    Window {
        open: verdict.is_permitted(),
        zone: zones.iter().map(|zone| zone.name()).collect::<Vec<_>>().join(", "),
        local_time: now.with_timezone(&shown).format("%A %H:%M").to_string(),
        rule: format!("{} {}", rules.jurisdiction, rules.version),
        next_allowed: verdict.refusal.map_or(Some(now), |refusal| refusal.next_allowed),
    }
}

/// The day's cap. A day is that of the westernmost clock the lead can have: where it ends last.
fn day(account: &Account, lead: &Lead, now: DateTime<Utc>) -> DayCap {
    let zones = zones(account, lead);
    let resets_at = zones.iter().filter_map(|zone| next_midnight(*zone, now)).max().unwrap_or(now + TimeDelta::days(1));
    let today = lead.last_attempt_at.is_some_and(|at| at > resets_at - TimeDelta::days(1));
    let cap = account.setup.campaigns.get(&lead.campaign).map_or(0, |campaign| campaign.daily_cap);
    DayCap { attempts: if today { lead.attempts } else { 0 }, cap, resets_at }
}

fn next_midnight(zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let tomorrow = now.with_timezone(&zone).date_naive().succ_opt()?.and_hms_opt(0, 0, 0)?;
    // where a clock skips midnight the day begins with the first hour that there is
    (0..4).find_map(|hour| zone.from_local_datetime(&(tomorrow + TimeDelta::hours(hour))).earliest()).map(|at| at.to_utc())
}
