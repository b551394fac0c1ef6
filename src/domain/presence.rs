//! Presence: what an agent is ready for, and what his screen says he is doing.
//!
//! Only the agent's own setting is kept: offline, not ready or ready, and what he wants to be next. All else (reserved, ringing, on
//! a call, in wrap-up) follows from the calls that are his and not over. A call's states have deadlines, so nobody is stuck in one
//! of them for longer than his call is.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    call,
    tab::{Enable, InCall, TabLease},
};

/// The reason given to an agent whose softphone went away.
pub const SOFTPHONE_LOST: &str = "softphone_lost";
/// The reason given to an agent who did not pick up what was offered to him.
pub const MISSED_CALL: &str = "missed_call";
/// The reason given to an agent who let a preview run out, where the campaign says so.
pub const MISSED_PREVIEW: &str = "missed_preview";
/// The longest reason, in characters.
pub const MAX_REASON: usize = 60;

/// What an agent has set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AgentMode)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not signed in.
    #[default]
    Offline,
    /// Signed in; no call is given to him.
    NotReady,
    /// Waits for calls.
    Ready,
}

/// What a screen says about an agent. The order tells which of several calls counts: the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Not signed in.
    Offline,
    /// Signed in; no call is given to him.
    NotReady,
    /// Waits for calls.
    Ready,
    /// A call is over and he writes it up.
    WrapUp,
    /// A call is meant for him and has not reached him: a preview, or one that was just ordered.
    Reserved,
    /// His telephone rings, or that of the one he calls.
    Ringing,
    /// He talks.
    OnCall,
}

impl AgentState {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::NotReady => "not_ready",
            Self::Ready => "ready",
            Self::WrapUp => "wrap_up",
            Self::Reserved => "reserved",
            Self::Ringing => "ringing",
            Self::OnCall => "on_call",
        }
    }

    /// What an agent does by a call of his in this state; `None` when it is over. A call that shows nowhere yet was ordered.
    pub fn by_call(state: Option<call::State>) -> Option<Self> {
        Some(match state {
            None | Some(call::State::Preview) => Self::Reserved,
            Some(call::State::Incoming | call::State::Ringing) => Self::Ringing,
            Some(call::State::Talk | call::State::Hold) => Self::OnCall,
            Some(call::State::Idle) => Self::WrapUp,
            Some(call::State::End) => return None,
        })
    }
}

/// What is kept of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// Counts the changes that show.
    #[serde(default)]
    pub version: i64,
    /// What he has set.
    pub mode: Mode,
    /// Why he is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when he has been in this mode.
    pub since: DateTime<Utc>,
    /// Since when nothing has kept him busy: whoever waits the longest is asked first.
    pub free_since: DateTime<Utc>,
    /// What he wants to be when his call, or the one he is needed for, is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// His softphone was seen and counts as there until then; `None` when a program speaks for him.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub softphone_until: Option<DateTime<Utc>>,
    /// Which of the tabs of his softphone is enabled.
    #[serde(default, skip_serializing_if = "TabLease::is_new")]
    pub tab: TabLease,
}

/// What an agent wants to be later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AgentNext)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// Not ready or offline.
    pub mode: Mode,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When he asked for it.
    pub asked_at: DateTime<Utc>,
}

/// What an agent, or the gateway for him, asks of his presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// He signed in. With a softphone, which counts as there until then.
    SignIn(Option<DateTime<Utc>>),
    /// His softphone is still there, in these tabs.
    Seen(DateTime<Utc>, Vec<Uuid>),
    /// A tab of his softphone asks to be the enabled one.
    EnableTab(Enable),
    /// He waits for calls.
    Ready,
    /// He wants no calls.
    NotReady(Option<String>),
    /// He signs out.
    SignOut,
}

/// Why an agent's wish is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// He is not signed in.
    #[error("the agent is not signed in: open a softphone, or sign in first")]
    NotSignedIn,
    /// Another tab has his call.
    #[error(transparent)]
    InCall(#[from] InCall),
}

/// How long a softphone may be away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// After its time an agent whose softphone is gone is signed out.
    pub sign_out: TimeDelta,
}

impl Presence {
    /// Of somebody who was never here.
    pub fn unknown(now: DateTime<Utc>) -> Self {
        Self {
            version: 0,
            mode: Mode::Offline,
            reason: None,
            since: now,
            free_since: now,
            next: None,
            softphone_until: None,
            tab: TabLease::default(),
        }
    }

    /// What a screen says, given what his calls say.
    pub fn state(&self, busy: Option<AgentState>) -> AgentState {
        busy.unwrap_or(match self.mode {
            Mode::Offline => AgentState::Offline,
            Mode::NotReady => AgentState::NotReady,
            Mode::Ready => AgentState::Ready,
        })
    }

    /// Since when he is in the state that he has when no call keeps him busy: what he set, or the end of his last call.
    pub fn idle_since(&self) -> DateTime<Utc> {
        self.since.max(self.free_since)
    }

    /// Whether he is signed in.
    pub fn is_signed_in(&self) -> bool {
        self.mode != Mode::Offline
    }

    /// Whether a new call may be given to him.
    pub fn is_free(&self, busy: Option<AgentState>) -> bool {
        self.mode == Mode::Ready && self.next.is_none() && busy.is_none()
    }

    /// When one who is ready asked to leave; he covers calls in flight until he may.
    pub fn leaves_since(&self) -> Option<DateTime<Utc>> {
        self.next.as_ref().filter(|_| self.mode == Mode::Ready).map(|next| next.asked_at)
    }

    /// Does what is asked; whether it changed anything. One who is busy, or `needed` by a call that nobody has answered yet, becomes
    /// what he asks for when that is over.
    ///
    /// # Errors
    /// Why not.
    pub fn ask(&mut self, ask: &Ask, busy: Option<AgentState>, needed: bool, now: DateTime<Utc>) -> Result<bool, Refusal> {
        let before = self.clone();
        match ask {
            Ask::SignIn(softphone) => {
                self.softphone_until = softphone.or(self.softphone_until);
                if self.mode == Mode::Offline {
                    self.enter(Mode::NotReady, None, now);
                } else if softphone.is_some() {
                    self.found_again();
                }
            }
            Ask::Seen(until, tabs) => {
                self.tab.seen(tabs, *until, now);
                if self.softphone_until.is_some_and(|known| known < *until) {
                    self.softphone_until = Some(*until);
                }
                self.found_again();
            }
            Ask::Ready | Ask::NotReady(_) | Ask::EnableTab(_) if self.mode == Mode::Offline => return Err(Refusal::NotSignedIn),
            Ask::EnableTab(enable) => self.tab.enable(*enable, busy, now)?,
            Ask::Ready => {
                self.next = None;
                if self.mode != Mode::Ready {
                    self.enter(Mode::Ready, None, now);
                }
            }
            Ask::NotReady(reason) => self.become_later(Mode::NotReady, reason.clone(), busy.is_some() || needed, now),
            Ask::SignOut if self.mode == Mode::Offline => {}
            Ask::SignOut => self.become_later(Mode::Offline, None, busy.is_some() || needed, now),
        }
        Ok(*self != before)
    }

    /// A softphone that is back takes back what its loss brought about, as far as that has not happened yet.
    fn found_again(&mut self) {
        if self.next.as_ref().is_some_and(|next| next.reason.as_deref() == Some(SOFTPHONE_LOST)) {
            self.next = None;
        }
    }

    fn become_later(&mut self, mode: Mode, reason: Option<String>, later: bool, now: DateTime<Utc>) {
        if later && self.mode == Mode::Ready {
            self.next = Some(Next { mode, reason, asked_at: self.next.as_ref().map_or(now, |next| next.asked_at) });
        } else if self.mode != mode || self.reason != reason {
            self.next = None;
            self.enter(mode, reason, now);
        }
    }

    /// Nothing keeps him busy or needs him any more. Whether that changed anything.
    pub fn freed(&mut self, now: DateTime<Utc>) -> bool {
        self.free_since = now;
        match self.next.take() {
            Some(Next { mode, reason, .. }) => {
                self.enter(mode, reason, now);
                true
            }
            None => false,
        }
    }

    /// He did not take what was offered: he gets no more calls until he says so himself.
    pub fn missed(&mut self, reason: &str, now: DateTime<Utc>) {
        if self.mode == Mode::Ready {
            self.next = None;
            self.enter(Mode::NotReady, Some(reason.to_owned()), now);
        }
    }

    /// When something happens by itself.
    pub fn due_at(&self, patience: &Patience) -> Option<DateTime<Utc>> {
        self.softphone_due_at(patience).into_iter().chain(self.tab.due_at()).min()
    }

    fn softphone_due_at(&self, patience: &Patience) -> Option<DateTime<Utc>> {
        let until = self.softphone_until?;
        match self.mode {
            Mode::Offline => None,
            Mode::Ready if !self.is_leaving() => Some(until),
            Mode::Ready | Mode::NotReady => Some(until + patience.sign_out),
        }
    }

    fn is_leaving(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.reason.as_deref() == Some(SOFTPHONE_LOST) || next.mode == Mode::Offline)
    }

    /// His softphone's time is over: no more calls for him, and signed out after a while. Whether that changed anything. Whom nobody
    /// reaches takes no call, whatever counts on him.
    pub fn expire(&mut self, busy: Option<AgentState>, patience: &Patience, now: DateTime<Utc>) -> bool {
        let before = self.clone();
        self.tab.expire(now);
        if self.softphone_due_at(patience).is_none_or(|due| due > now) {
            return *self != before;
        }
        let gone = self.softphone_until.is_some_and(|until| until + patience.sign_out <= now);
        if gone && busy.is_none() {
            self.next = None;
            self.enter(Mode::Offline, None, now);
        } else if self.mode == Mode::Ready {
            self.become_later(Mode::NotReady, Some(SOFTPHONE_LOST.to_owned()), busy.is_some(), now);
        }
        *self != before
    }

    fn enter(&mut self, mode: Mode, reason: Option<String>, now: DateTime<Utc>) {
        if mode == Mode::Offline {
            self.softphone_until = None;
            self.tab.free();
        }
        if mode == Mode::Ready {
            self.free_since = now;
        }
        (self.mode, self.reason, self.since) = (mode, reason, now);
    }
}

/// What is shown of an agent's presence. All keys are always there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AgentShown)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The login.
    pub agent: String,
    /// What he does.
    pub state: AgentState,
    /// Since when.
    pub since: String,
    /// Why he is not ready.
    pub reason: Option<String>,
    /// What he is going to be.
    pub next: Option<Next>,
    /// The call that keeps him busy.
    pub call: Option<Uuid>,
    /// Counts the changes.
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    const PATIENCE: Patience = Patience { sign_out: TimeDelta::minutes(15) };

    fn ready() -> Presence {
        let mut presence = Presence::unknown(at(0));
        presence.ask(&Ask::SignIn(Some(at(20))), None, false, at(0)).unwrap();
        presence.ask(&Ask::Ready, None, false, at(1)).unwrap();
        presence
    }

    #[test]
    fn a_break_during_a_call_comes_after_it() {
        let mut presence = ready();
        assert!(presence.ask(&Ask::NotReady(Some("lunch".into())), Some(AgentState::OnCall), false, at(5)).unwrap());
        assert_eq!(presence.state(Some(AgentState::OnCall)), AgentState::OnCall);
        assert!(!presence.is_free(None), "nobody who is leaving gets another call");
        assert!(presence.freed(at(9)));
        assert_eq!((presence.mode, presence.reason.as_deref(), presence.since), (Mode::NotReady, Some("lunch"), at(9)));
    }

    #[test]
    fn a_break_that_was_not_meant_is_taken_back() {
        let mut presence = ready();
        presence.ask(&Ask::NotReady(None), Some(AgentState::OnCall), false, at(5)).unwrap();
        presence.ask(&Ask::Ready, Some(AgentState::OnCall), false, at(6)).unwrap();
        assert!(!presence.freed(at(9)));
        assert!(presence.is_free(None));
    }

    #[test]
    fn whoever_is_needed_for_a_call_in_flight_leaves_after_it() {
        let mut presence = ready();
        presence.ask(&Ask::NotReady(None), None, true, at(5)).unwrap();
        assert_eq!((presence.mode, presence.state(None)), (Mode::Ready, AgentState::Ready));
        assert!(presence.freed(at(6)));
        assert_eq!(presence.mode, Mode::NotReady);
    }

    #[test]
    fn a_lost_softphone_ends_readiness_then_the_sign_in() {
        let mut presence = ready();
        assert!(!presence.expire(None, &PATIENCE, at(19)));
        assert!(presence.expire(None, &PATIENCE, at(20)));
        assert_eq!((presence.mode, presence.reason.as_deref()), (Mode::NotReady, Some(SOFTPHONE_LOST)));
        assert!(!presence.expire(None, &PATIENCE, at(21)));
        assert!(presence.expire(None, &PATIENCE, at(20 + 900)));
        assert_eq!(presence.due_at(&PATIENCE), None);
        assert_eq!(presence.mode, Mode::Offline);
    }

    #[test]
    fn a_softphone_lost_during_a_call_and_found_again_changes_nothing() {
        let mut presence = ready();
        assert!(presence.expire(Some(AgentState::OnCall), &PATIENCE, at(20)));
        assert_eq!(presence.next.as_ref().and_then(|next| next.reason.as_deref()), Some(SOFTPHONE_LOST));
        presence.ask(&Ask::SignIn(Some(at(50))), Some(AgentState::OnCall), false, at(30)).unwrap();
        assert!(!presence.freed(at(40)));
        assert!(presence.is_free(None));
    }

    #[test]
    fn nobody_is_ready_who_is_not_signed_in() {
        let mut presence = Presence::unknown(at(0));
        assert_eq!(presence.ask(&Ask::Ready, None, false, at(1)), Err(Refusal::NotSignedIn));
        assert_eq!(presence, Presence::unknown(at(0)));
    }

    fn asks() -> impl Strategy<Value = Ask> {
        prop_oneof![
            Just(Ask::SignIn(None)),
            (0i64..2000).prop_map(|second| Ask::SignIn(Some(at(second)))),
            (0i64..2000).prop_map(|second| Ask::Seen(at(second), vec![])),
            Just(Ask::Ready),
            Just(Ask::NotReady(Some("lunch".into()))),
            Just(Ask::SignOut),
        ]
    }

    proptest! {
        /// Whatever is asked in whatever order: with nothing to do and no softphone an agent is signed out in the end, and asking
        /// is repeatable.
        #[test]
        fn everybody_who_had_a_softphone_ends_offline(script in prop::collection::vec((asks(), any::<bool>(), any::<bool>()), 0..40)) {
            let mut presence = Presence::unknown(at(0));
            for (second, (ask, busy, needed)) in (1..).zip(script) {
                let busy = busy.then_some(AgentState::OnCall);
                let _ = presence.ask(&ask, busy, needed, at(second));
                let mut again = presence.clone();
                let _ = again.ask(&ask, busy, needed, at(second));
                prop_assert_eq!(&again, &presence);
            }
            presence.freed(at(3000));
            for minute in 0..40 {
                presence.expire(None, &PATIENCE, at(3000 + 60 * minute));
            }
            prop_assert!(presence.softphone_until.is_none() || !presence.is_signed_in());
            prop_assert!(presence.next.is_none());
        }
    }
}
