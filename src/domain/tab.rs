//! The tab lease: of all tabs in which an agent has his softphone open, one is enabled. It rings, sounds, pops and dials; the others
//! show the same and keep quiet.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::presence::AgentState;

/// What is kept of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TabLease {
    /// Counts the changes of hands: what a tab says with an older one is late.
    fence: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    tab: Uuid,
    until: DateTime<Utc>,
}

/// A tab that asks to be the enabled one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enable {
    /// The tab.
    pub tab: Uuid,
    /// How long it has the lease if it is not seen again.
    pub until: DateTime<Utc>,
    /// Whether it stands back where another one has it.
    pub if_free: bool,
}

/// Why a tab is not enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another tab has the call: it can be taken over when the call is over")]
pub struct InCall;

/// Which tab is enabled. All keys are always there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TabLease)]
pub struct Shown {
    /// The login.
    pub agent: String,
    /// The tab, by the name that it gave itself; `null` when none is.
    pub tab: Option<Uuid>,
    /// Counts the changes of hands.
    pub fence: i64,
}

impl TabLease {
    /// Whether it is worth keeping.
    pub fn is_new(&self) -> bool {
        *self == Self::default()
    }

    /// Gives it to a tab. One that has a call that rings or is talked on keeps it for as long as it is there.
    ///
    /// # Errors
    /// That it is kept.
    pub fn enable(&mut self, Enable { tab, until, if_free }: Enable, busy: Option<AgentState>, now: DateTime<Utc>) -> Result<(), InCall> {
        match self.held.filter(|held| held.until > now) {
            Some(held) if held.tab == tab => self.held = Some(Held { tab, until: until.max(held.until) }),
            Some(_) if if_free => {}
            Some(_) if matches!(busy, Some(AgentState::Ringing | AgentState::OnCall)) => return Err(InCall),
            _ => {
                self.fence += 1;
                self.held = Some(Held { tab, until });
            }
        }
        Ok(())
    }

    /// These tabs are still there.
    pub fn seen(&mut self, tabs: &[Uuid], until: DateTime<Utc>, now: DateTime<Utc>) {
        match &mut self.held {
            Some(held) if tabs.contains(&held.tab) => held.until = held.until.max(until),
            _ => self.expire(now),
        }
    }

    /// Frees it once its time is over.
    pub fn expire(&mut self, now: DateTime<Utc>) {
        if self.held.is_some_and(|held| held.until <= now) {
            self.free();
        }
    }

    /// Frees it.
    pub fn free(&mut self) {
        self.held = None;
    }

    /// When its time is over.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        self.held.map(|held| held.until)
    }

    /// Whether another tab than this one is enabled.
    pub fn is_elsewhere(&self, tab: Uuid, now: DateTime<Utc>) -> bool {
        self.held.is_some_and(|held| held.tab != tab && held.until > now)
    }

    /// What is shown of it.
    pub fn shown(&self, agent: &str) -> Shown {
        Shown { agent: agent.to_owned(), tab: self.held.map(|held| held.tab), fence: self.fence }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn wish(tab: Uuid, second: i64) -> Enable {
        Enable { tab, until: at(second + 20), if_free: false }
    }

    fn held(lease: &TabLease) -> (Option<Uuid>, i64) {
        let shown = lease.shown("agent1");
        (shown.tab, shown.fence)
    }

    #[test]
    fn the_first_tab_is_enabled_and_another_takes_over_only_when_asked_to() {
        let mut lease = TabLease::default();
        lease.enable(Enable { if_free: true, ..wish(A, 0) }, None, at(0)).unwrap();
        lease.enable(Enable { if_free: true, ..wish(B, 1) }, None, at(1)).unwrap();
        assert_eq!(held(&lease), (Some(A), 1));
        lease.enable(wish(A, 2), None, at(2)).unwrap();
        assert_eq!(held(&lease), (Some(A), 1), "who has it asks in vain");
        lease.enable(wish(B, 3), None, at(3)).unwrap();
        assert_eq!(held(&lease), (Some(B), 2));
        assert!(lease.is_elsewhere(A, at(4)) && !lease.is_elsewhere(B, at(4)));
    }

    #[test]
    fn a_tab_keeps_its_call_while_it_is_there() {
        let mut lease = TabLease::default();
        lease.enable(wish(A, 0), None, at(0)).unwrap();
        for busy in [AgentState::Ringing, AgentState::OnCall] {
            assert_eq!(lease.enable(wish(B, 5), Some(busy), at(5)), Err(InCall));
        }
        lease.seen(&[A, B], at(30), at(10));
        assert_eq!(lease.enable(wish(B, 29), Some(AgentState::OnCall), at(29)), Err(InCall));
        lease.enable(wish(B, 30), Some(AgentState::OnCall), at(30)).unwrap();
        assert_eq!(held(&lease), (Some(B), 2), "it was not seen again");
    }

    #[test]
    fn a_tab_that_is_gone_frees_it() {
        let mut lease = TabLease::default();
        lease.enable(wish(A, 0), None, at(0)).unwrap();
        lease.seen(&[B], at(39), at(19));
        assert_eq!(held(&lease), (Some(A), 1));
        lease.seen(&[B], at(40), at(20));
        assert_eq!(held(&lease), (None, 1));
        assert!(!lease.is_elsewhere(B, at(20)));
    }

    proptest! {
        /// Whatever happens, hands change only with a new fence, so that two tabs never hold the same one.
        #[test]
        fn no_two_tabs_have_the_same_fence(script in prop::collection::vec((0u128..3, 0i64..15, any::<bool>(), any::<bool>(), 0u8..4), 0..60)) {
            let (mut lease, mut now) = (TabLease::default(), 0);
            let mut holders = std::collections::HashMap::new();
            for (tab, later, if_free, talks, what) in script {
                now += later;
                let tab = Uuid::from_u128(tab);
                match what {
                    0 => lease.expire(at(now)),
                    1 => lease.seen(&[tab], at(now + 20), at(now)),
                    _ => drop(lease.enable(Enable { if_free, ..wish(tab, now) }, talks.then_some(AgentState::OnCall), at(now))),
                }
                if let (Some(tab), fence) = held(&lease) {
                    prop_assert_eq!(*holders.entry(fence).or_insert(tab), tab);
                }
            }
        }
    }
}
