//! Would this lead be dialed now, and if not, what speaks against it and until when.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::Lead;

/// What must be looked up to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whether its number is on the DNC list.
    pub on_dnc: bool,
    /// Whether its call status is callable.
    pub callable: bool,
    /// The playlist of its campaign, where that does not hold it.
    pub left_out: Option<String>,
    /// How it came out so far, where its call status names an outcome.
    pub tries: Option<Tries>,
    /// Most attempts in all.
    pub max_attempts: i64,
    /// What the calling window says.
    pub window: Window,
    /// What the day's cap says.
    pub day: DayCap,
}

/// How often a lead came out one way, and how often it is tried again after that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tries {
    /// The name of the disposition.
    pub outcome: String,
    /// How often it came out so.
    pub came: i64,
    /// How often it is tried again.
    pub times: i64,
}

/// The verdict of the calling window, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Whether calling is allowed there now.
    pub open: bool,
    /// The zone or zones it was judged in.
    pub zone: String,
    /// The time there.
    pub local_time: String,
    /// The rule that was applied.
    pub rule: String,
    /// When it opens; `None` when it never does.
    pub next_allowed: Option<DateTime<Utc>>,
}

/// How often a number may be dialed a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCap {
    /// Attempts of today.
    pub attempts: i64,
    /// Most attempts a day.
    pub cap: i64,
    /// When the next day begins there.
    pub resets_at: DateTime<Utc>,
}

/// A rule of dialing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DialRule)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It is kept only.
    ImportOnly,
    /// Its time is over, or will be before the other rules allow it.
    Expiry,
    /// Its number is on the DNC list.
    Dnc,
    /// Its call status is not callable.
    CallStatus,
    /// The playlist of its campaign does not hold it.
    Playlist,
    /// It was dialed often enough in all.
    MaxAttempts,
    /// It is tried again later, or no more: it came out the same way too often.
    Retry,
    /// It was promised for later.
    Callback,
    /// Calling is not allowed there now.
    Window,
    /// It was dialed often enough today.
    DayCap,
}

/// What one rule has against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DialReason)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The rule.
    pub rule: Rule,
    /// What the rule looked at.
    pub value: String,
    /// A text for people.
    pub message: String,
    /// When the rule passes by itself; `None` is never.
    pub next_allowed: Option<DateTime<Utc>>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Whether it would be dialed now.
    pub dial: bool,
    /// Everything that speaks against it.
    pub reasons: Vec<Reason>,
    /// What would speak against it, were it not for a granted override. A dial with one of these is recorded.
    pub overridden: Vec<Reason>,
    /// Not before then: now when it would be dialed; `None` when something never passes by itself. A rule that has nothing
    /// against it now may have by then, so ask again.
    pub next_allowed: Option<DateTime<Utc>>,
}

/// Judges by every rule, not only by the first that fails.
pub fn would_dial(lead: &Lead, facts: &Facts, now: DateTime<Utc>) -> Explanation {
    let judged = [
        (import_only(lead), false),
        (expired(lead, now), false),
        (dnc(lead, facts), lead.goes_over_dnc()),
        (call_status(lead, facts), lead.goes_over_dnc()),
        (playlist(facts), false),
        (max_attempts(lead, facts), false),
        (retry(lead, facts, now), false),
        (callback(lead, now), false),
        (window(facts), lead.goes_over_window()),
        (day_cap(facts), false),
    ];
    let against = judged.into_iter().filter_map(|(reason, lifted)| reason.map(|reason| (reason, lifted)));
    let (overridden, reasons): (Vec<_>, Vec<_>) = against.partition(|(_, lifted)| *lifted);
    let mut reasons: Vec<Reason> = reasons.into_iter().map(|(reason, _)| reason).collect();
    let overridden = overridden.into_iter().map(|(reason, _)| reason).collect();
    let dial = reasons.is_empty();
    let mut next_allowed = reasons.iter().map(|reason| reason.next_allowed).try_fold(now, |latest, next| Some(latest.max(next?)));
    if let (Some(next), Some(expires)) = (next_allowed, lead.expires_at)
        && expires <= next
    {
        reasons.push(never(Rule::Expiry, wire(expires), format!("it expires at {}, before the other rules allow it", wire(expires))));
        next_allowed = None;
    }
    Explanation { dial, reasons, overridden, next_allowed }
}

fn never(rule: Rule, value: String, message: String) -> Reason {
    Reason { rule, value, message, next_allowed: None }
}

fn import_only(lead: &Lead) -> Option<Reason> {
    lead.import_only.then(|| never(Rule::ImportOnly, "true".to_owned(), "it was stored to be kept, not to be dialed".to_owned()))
}

fn expired(lead: &Lead, now: DateTime<Utc>) -> Option<Reason> {
    let at = lead.expires_at.filter(|at| *at <= now)?;
    Some(never(Rule::Expiry, wire(at), format!("it expired at {}", wire(at))))
}

fn dnc(lead: &Lead, facts: &Facts) -> Option<Reason> {
    facts.on_dnc.then(|| never(Rule::Dnc, lead.phone.to_string(), "its number is on the do-not-call list".to_owned()))
}

fn call_status(lead: &Lead, facts: &Facts) -> Option<Reason> {
    let status = lead.call_status.clone().unwrap_or_default();
    (!facts.callable).then(|| never(Rule::CallStatus, status, "its call status is not callable".to_owned()))
}

fn playlist(facts: &Facts) -> Option<Reason> {
    let name = facts.left_out.clone()?;
    let message = format!("the playlist {name:?} of its campaign, as it was last reloaded, does not hold it");
    Some(never(Rule::Playlist, name, message))
}

impl Lead {
    /// Whether it was dialed often enough in all. A dial that somebody asked for is made all the same.
    fn is_worn_out(&self, max_attempts: i64) -> bool {
        self.attempts_total >= max_attempts && !self.is_asked_for()
    }

    /// How it came out too often to be tried again.
    fn came_too_often<'a>(&self, tries: Option<&'a Tries>) -> Option<&'a Tries> {
        tries.filter(|tries| tries.came > tries.times && !self.is_asked_for())
    }

    /// Whether it was dialed so often that nobody dials it any more.
    pub(super) fn is_used_up(&self, max_attempts: i64, tries: Option<&Tries>) -> bool {
        self.is_worn_out(max_attempts) || self.came_too_often(tries).is_some()
    }
}

fn max_attempts(lead: &Lead, facts: &Facts) -> Option<Reason> {
    let (total, most) = (lead.attempts_total, facts.max_attempts);
    let message = || format!("it was dialed {total} times in all, and {most} are allowed");
    lead.is_worn_out(most).then(|| never(Rule::MaxAttempts, total.to_string(), message()))
}

fn retry(lead: &Lead, facts: &Facts, now: DateTime<Utc>) -> Option<Reason> {
    if let Some(Tries { outcome, came, times }) = lead.came_too_often(facts.tries.as_ref()) {
        let message = format!("it came out as {outcome} {came} times, and is tried again {times} times after that");
        return Some(never(Rule::Retry, came.to_string(), message));
    }
    let at = lead.retry_at.filter(|at| *at > now)?;
    Some(Reason { rule: Rule::Retry, value: wire(at), message: format!("it is tried again from {} on", wire(at)), next_allowed: Some(at) })
}

fn callback(lead: &Lead, now: DateTime<Utc>) -> Option<Reason> {
    let callback = lead.callback.as_ref().filter(|callback| callback.at > now)?;
    let by = callback.agent.as_ref().map(|agent| format!(" by {agent}")).unwrap_or_default();
    Some(Reason {
        rule: Rule::Callback,
        value: wire(callback.at),
        message: format!("a call{by} was promised for {}", wire(callback.at)),
        next_allowed: Some(callback.at),
    })
}

fn window(facts: &Facts) -> Option<Reason> {
    let Window { open, zone, local_time, rule, next_allowed } = &facts.window;
    (!open).then(|| Reason {
        rule: Rule::Window,
        value: local_time.clone(),
        message: format!("it is {local_time} in {zone}: {rule}"),
        next_allowed: *next_allowed,
    })
}

fn day_cap(facts: &Facts) -> Option<Reason> {
    let DayCap { attempts, cap, resets_at } = facts.day;
    (attempts >= cap).then(|| Reason {
        rule: Rule::DayCap,
        value: attempts.to_string(),
        message: format!("it was dialed {attempts} times today, and {cap} are allowed"),
        // a cap of none never passes, however many days begin
        next_allowed: (cap > 0).then_some(resets_at),
    })
}

fn wire(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
