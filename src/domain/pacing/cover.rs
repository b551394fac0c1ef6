//! Cover: a ready agent covers one call in flight. Who covers may not leave, and when cover is lost all the same, what is not
//! answered yet is cancelled. Here is also what abandoned means.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{Budget, Call, Mode, Situation, Stage, Standing};

/// Who answered is connected to an agent within this time, or is abandoned.
pub const CONNECT_WITHIN: TimeDelta = TimeDelta::seconds(2);
/// A telephone that has rung so long may be hung up although nobody answered: rules of several countries ask for it.
pub const RUNG_LONG_ENOUGH: TimeDelta = TimeDelta::seconds(15);

/// How many agents cover how many calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cover {
    /// Ready agents who stay.
    pub ready: u32,
    /// Ready agents who asked to leave. They cover what is in flight; nothing new is opened for them.
    pub leaving: u32,
    /// Calls that the dialer opened and that are not decided yet.
    pub in_flight: u32,
}

impl Cover {
    /// Counts who covers and what is to be covered.
    pub fn of(agents: &[Standing], calls: &[Call]) -> Self {
        let count = |wanted: fn(&Standing) -> bool| counted(agents.iter().filter(|agent| wanted(agent)).count());
        Self {
            ready: count(|agent| matches!(agent, Standing::Ready)),
            leaving: count(|agent| matches!(agent, Standing::Leaving)),
            in_flight: counted(calls.len()),
        }
    }

    /// Calls that no ready agent covers.
    pub const fn uncovered(self) -> u32 {
        self.in_flight.saturating_sub(self.ready.saturating_add(self.leaving))
    }

    /// How many lines more may be open, now and not once more after that: the exact part of every launch. Whoever claims a
    /// lead asks this again with what is true at that moment.
    pub fn headroom(self, mode: Mode, budget: &Budget) -> u32 {
        match mode {
            Mode::Preview => 0,
            _ => self.ready.saturating_add(mode.room(budget)).saturating_sub(self.in_flight),
        }
    }
}

/// A count as the law keeps it.
pub(super) fn counted(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Whether a ready agent may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "leave")]
pub enum Leave {
    /// Nothing in flight needs him.
    Now,
    /// He covers: until these calls are decided, at the latest then; or he gets one of them, and leaves after it.
    Deferred {
        /// Calls in flight beyond what others cover.
        calls: u32,
        /// When all that were in flight when he asked are over.
        until: DateTime<Utc>,
    },
}

/// Whether a ready agent may go on a pause, or to anything else that takes him away: log off, an inbound call, a preview.
/// `asked` is when he asked for it; until he may go he is [`Standing::Leaving`], which is how the situation shows him.
///
/// He covers the calls that were in flight when he asked, but for those that agents who stay cover. Later ones were opened
/// without counting on him. So nobody waits longer than a telephone rings.
pub fn may_pause(situation: &Situation<'_>, asked: DateTime<Utc>) -> Leave {
    let cover = Cover::of(situation.agents, situation.calls);
    let before: Vec<_> = situation.calls.iter().filter(|call| call.launched <= asked).collect();
    let owed = counted(before.len()).saturating_sub(cover.ready);
    let without_him = Cover { leaving: cover.leaving.saturating_sub(1), ..cover };
    let excess = without_him.uncovered().saturating_sub(situation.mode.room(situation.budget));
    if owed == 0 && excess == 0 {
        return Leave::Now;
    }
    let last = before.iter().map(|call| call.launched).max().unwrap_or(situation.now);
    Leave::Deferred { calls: owed.max(excess), until: last + situation.ring + CONNECT_WITHIN }
}

/// The calls to cancel, by their place in the situation: as many as the law asks for, of those that nobody answered yet.
/// There are none while only our own decisions were made; an agent whose socket died took his cover with him. `is_own` says of a
/// call by its place whether it is the campaign's own: those of others that share its agents count, and are theirs to cancel.
///
/// First those that do not ring yet, which nobody notices; then those that rang long enough, the longest first; then the
/// others, the latest first.
pub fn to_cancel(situation: &Situation<'_>, is_own: impl Fn(usize) -> bool) -> Vec<usize> {
    let cover = Cover::of(situation.agents, situation.calls);
    let excess = cover.uncovered().saturating_sub(situation.mode.room(situation.budget));
    let mut order: Vec<(u8, i64, usize)> = Vec::new();
    for (place, call) in situation.calls.iter().enumerate().filter(|(place, _)| is_own(*place)) {
        match call.stage {
            Stage::Dialing => order.push((0, -call.launched.timestamp_millis(), place)),
            Stage::Ringing { since } if situation.now - since >= RUNG_LONG_ENOUGH => order.push((1, since.timestamp_millis(), place)),
            Stage::Ringing { since } => order.push((2, -since.timestamp_millis(), place)),
            Stage::Answered { .. } => {}
        }
    }
    order.sort_unstable();
    order.into_iter().take(usize::try_from(excess).unwrap_or(usize::MAX)).map(|(_, _, place)| place).collect()
}

/// What became of a call that a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// An agent may still be found in time.
    Waiting {
        /// Abandoned after this.
        until: DateTime<Utc>,
    },
    /// To an agent in time.
    Connected,
    /// Nobody was there in time, although somebody may have been there later, or the person hung up before.
    Abandoned,
}

impl Connection {
    /// Judges a call that a person answered at `answered`.
    pub fn judge(answered: DateTime<Utc>, connected: Option<DateTime<Utc>>, ended: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        let until = answered + CONNECT_WITHIN;
        match (connected, ended) {
            (Some(at), _) if at <= until => Self::Connected,
            (Some(_), _) | (None, Some(_)) => Self::Abandoned,
            (None, None) if now > until => Self::Abandoned,
            (None, None) => Self::Waiting { until },
        }
    }
}
