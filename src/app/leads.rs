//! What doors do with leads: bring them in, change them, ask what would become of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    App,
    calls::PBX_PATIENCE,
    committer::{DialWord, DncOrder, Done, Failure, Intake, LeadDone, LeadKey, LeadOrder, LeadWork, LeadsTold, Once, Work, judge},
    directory::Account,
};
use crate::{
    domain::{
        callback::{self, BadTime, Due},
        dnc::Channel,
        lead::{Explanation, Field, Lead, LeadPatch, Override, Rules, Verdict, would_dial},
        phone::Number,
        zone::{Place, Zones},
    },
    store::{Reads, Result, dnc, is_passing, journal, leads},
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
        let told = self.tell_leads(account, LeadWork { orders, once, ..LeadWork::default() }).await?;
        Ok(told.told.into_iter().map(|told| told.done).collect())
    }

    /// The same, with all that the answer can hold.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn tell_leads(&self, account: &Arc<Account>, work: LeadWork) -> Result<LeadsTold, Failure> {
        match self.committer.submit(account, Work::Leads(work), PBX_PATIENCE).await? {
            Done::Leads(done) => Ok(done),
            _ => Ok(LeadsTold::default()),
        }
    }

    /// What the same request was told before, if it is in the book. What is still on its way there, the committer knows.
    ///
    /// # Errors
    /// When the key came with other content, or what the database says.
    pub async fn told_before(&self, account: i64, once: &Once) -> Result<Option<LeadsTold>, Failure> {
        let failed = |error: sqlx::Error| if is_passing(&error) { Failure::Busy } else { Failure::Store(Arc::new(error)) };
        let mut reads = Reads::On(self.db.read());
        let Some(before) = journal::remembered(&mut reads, account, &once.key).await.map_err(failed)? else { return Ok(None) };
        if before.content != once.content {
            return Err(Failure::KeyReused);
        }
        serde_json::from_str(&before.answer).map(Some).map_err(|error| failed(sqlx::Error::Decode(error.into())))
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
        Ok(self.judge(account, intake).await?.map(|judged| judged.verdict))
    }

    /// The same, with whom it would double and what would speak against dialing it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn try_intake(&self, account: &Account, intake: &Intake) -> Result<Option<Trial>> {
        let Some(Judged { mut lead, verdict, duplicate, on_dnc, now }) = self.judge(account, intake).await? else { return Ok(None) };
        Ok(Some(match verdict {
            Verdict::Rejected { .. } => Trial { would_store: false, duplicate_of: duplicate, ..Trial::default() },
            Verdict::Stored { dial, used, .. } => {
                intake.settle(&mut lead, dial, now);
                let explanation = Some(explained(account, &lead, on_dnc, now));
                Trial { would_store: true, duplicate_of: duplicate, dial: Some(dial.into()), overrides: used, explanation }
            }
        }))
    }

    async fn judge(&self, account: &Account, intake: &Intake) -> Result<Option<Judged>> {
        let now = self.clock.now();
        let Ok(lead) = intake.patch.new_lead(0, intake.source, now) else { return Ok(None) };
        let phones = std::slice::from_ref(&lead.phone);
        let mut reads = Reads::On(self.db.read());
        let others = leads::by_phones(&mut reads, account.id, phones).await?;
        let on_dnc = !dnc::listed(&mut reads, account.id, Channel::Voice, phones).await?.is_empty();
        let (verdict, duplicate) = judge(account, &intake.asked, &lead, others.iter(), on_dnc, now);
        Ok(Some(Judged { lead, verdict, duplicate, on_dnc, now }))
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
        Ok(explained(account, lead, on_dnc, now))
    }
}

/// A lead that has not come in, and what was decided of it.
struct Judged {
    lead: Lead,
    verdict: Verdict,
    duplicate: Option<i64>,
    on_dnc: bool,
    now: DateTime<Utc>,
}

/// What would become of a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// Whether it would be stored.
    pub would_store: bool,
    /// The newest lead that counts as its duplicate, also where that would be set aside.
    pub duplicate_of: Option<i64>,
    /// Whether it would be dialed; `None` when it would not be stored.
    pub dial: Option<DialWord>,
    /// Rules that a granted override would set aside.
    pub overrides: Vec<Override>,
    /// What would speak against dialing it now; `None` when it would not be stored.
    pub explanation: Option<Explanation>,
}

pub(in crate::app) fn explained(account: &Account, lead: &Lead, on_dnc: bool, now: DateTime<Utc>) -> Explanation {
    would_dial(lead, &Rules::of(&account.setup, lead).facts(lead, on_dnc, now), now)
}
