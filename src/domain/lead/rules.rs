//! What an account says about dialing a lead, whatever the time: looked up once, then asked for any moment.

use chrono::{DateTime, Days, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::{DayCap, Facts, Lead, Tries, Window};
use crate::domain::{
    dialing,
    disposition::{self, Callable},
    playlist::Published,
    setup::{Campaign, Setup},
    window::{self, RuleSet},
    zone::{Place as Address, Zones},
};

/// What is known of dialing one lead.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    pub(super) callable: bool,
    /// The playlist of its campaign, where that does not hold it.
    pub(super) left_out: Option<&'a str>,
    /// How it came out so far, where its call status names an outcome.
    pub(super) tries: Option<Tries>,
    pub(super) max_attempts: i64,
    daily_cap: i64,
    zones: Zones,
    account_zone: Tz,
    pub(super) hours: &'static RuleSet,
}

/// A day by one clock: from its first instant to the next day's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

impl<'a> Rules<'a> {
    /// What the setup says about this lead.
    pub fn of(setup: &'a Setup, lead: &Lead) -> Self {
        let campaign = setup.campaigns.get(&lead.campaign);
        let dialing = campaign.and_then(|campaign| campaign.dialing.as_ref());
        let status = disposition::resolve(lead.call_status.as_deref(), own(campaign), &setup.dispositions);
        let tries = match status {
            Callable::By(known) => {
                let came = lead.outcomes.get(known.name.as_ref()).copied().unwrap_or_default();
                Some(Tries { outcome: known.name.to_string(), came, times: dialing::retry_after(dialing, &known.name).times })
            }
            Callable::Fresh | Callable::Unknown => None,
        };
        let holds = |name: &str| setup.playlists.get(name).and_then(|record| record.published.as_ref()).is_some_and(|p| held(p, lead));
        Self {
            callable: status.is_callable(),
            left_out: dialing.and_then(|dialing| dialing.playlist.as_deref()).filter(|name| !holds(name)),
            tries,
            max_attempts: dialing::max_attempts(dialing),
            daily_cap: campaign.map_or(0, |campaign| campaign.daily_cap),
            zones: Zones::of(&lead.phone).narrowed(&Address { state: lead.state.as_deref(), zip: lead.zip.as_deref() }),
            account_zone: setup.options.zone,
            hours: RuleSet::of_number(&lead.phone),
        }
    }

    /// The zones that the lead can be in; the account's when that is unknown.
    pub(super) fn zones(&self) -> &[Tz] {
        self.zones.or_account(&self.account_zone).1
    }

    /// What [`would_dial`](super::would_dial) looks at.
    pub fn facts(&self, lead: &Lead, on_dnc: bool, now: DateTime<Utc>) -> Facts {
        Facts {
            on_dnc,
            callable: self.callable,
            left_out: self.left_out.map(str::to_owned),
            tries: self.tries.clone(),
            max_attempts: self.max_attempts,
            window: self.window(now),
            day: DayCap { attempts: self.attempts_of_day(lead, now), cap: self.daily_cap, resets_at: self.day(now).to },
        }
    }

    fn window(&self, now: DateTime<Utc>) -> Window {
        let verdict = window::permits(&self.zones, self.account_zone, self.hours, now);
        let zones = self.zones();
        let shown = verdict.refusal.as_ref().map_or_else(|| zones.first().copied().unwrap_or(Tz::UTC), |refusal| refusal.zone);
        Window {
            open: verdict.is_permitted(),
            zone: zones.iter().map(|zone| zone.name()).collect::<Vec<_>>().join(", "),
            local_time: now.with_timezone(&shown).format("%A %H:%M").to_string(),
            rule: format!("{} {}", self.hours.jurisdiction, self.hours.version),
            next_allowed: verdict.refusal.map_or(Some(now), |refusal| refusal.next_allowed),
        }
    }

    /// The first moment from then on when its window is open; `None` when there is none within eight days.
    pub(super) fn opens(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        window::opens(&self.zones, self.account_zone, self.hours, from)
    }

    /// Not before then for the day's cap: now, or when the day is over. `None` when no day has room for an attempt.
    pub(super) fn has_room(&self, lead: &Lead, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let full = self.attempts_of_day(lead, now) >= self.daily_cap;
        (self.daily_cap > 0).then(|| if full { self.day(now).to } else { now })
    }

    /// How often it was dialed on the day that it is now.
    pub(super) fn attempts_of_day(&self, lead: &Lead, now: DateTime<Utc>) -> i64 {
        let today = lead.last_attempt_at.is_some_and(|at| at >= self.day(now).from);
        if today { lead.attempts } else { 0 }
    }

    /// The day by the westernmost clock that the lead can have: wherever he is, it is not yet later there.
    fn day(&self, now: DateTime<Utc>) -> Day {
        let local = |zone: &Tz| now.with_timezone(zone).naive_local();
        let zone = self.zones().iter().copied().min_by_key(|zone| (local(zone), zone.name())).unwrap_or(self.account_zone);
        let today = local(&zone).date();
        let begins = |date: chrono::NaiveDate| {
            // where a clock skips midnight the day begins with the first hour that there is; some skipped a whole day
            let midnight = date.and_time(chrono::NaiveTime::MIN);
            (0..48).find_map(|hour| zone.from_local_datetime(&(midnight + TimeDelta::hours(hour))).earliest()).map(|at| at.to_utc())
        };
        let tomorrow = today.checked_add_days(Days::new(1)).and_then(begins);
        Day { from: begins(today).unwrap_or(now), to: tomorrow.unwrap_or(now + TimeDelta::days(1)) }
    }
}

/// The outcomes that a campaign has of its own.
fn own(campaign: Option<&Campaign>) -> &[disposition::Disposition] {
    campaign.map_or(&[], |campaign| &campaign.dispositions)
}

/// Whether a playlist does not narrow the lead away. A call that was promised is made whatever is dialed otherwise.
fn held(playlist: &Published, lead: &Lead) -> bool {
    lead.callback.is_some() || playlist.matches(lead)
}
