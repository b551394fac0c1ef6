//! Which wishes a call's state allows: one table for the refusal and for the buttons that a screen shows.

use super::State;
use crate::domain::order::Verb;

/// What can be wished of a call that no telephone system has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandlingVerb {
    /// Dial what is presented.
    AcceptPreview,
    /// Pass it over.
    SkipPreview,
    /// Say how it came out.
    SetOutcome,
    /// Be done with it.
    EndWrap,
}

impl HandlingVerb {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::AcceptPreview, Self::SkipPreview, Self::SetOutcome, Self::EndWrap];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::AcceptPreview => "accept_preview",
            Self::SkipPreview => "skip_preview",
            Self::SetOutcome => "set_outcome",
            Self::EndWrap => "end_wrap",
        }
    }

    /// Whether it can be wished of a call in this state.
    pub fn fits(self, state: Option<State>) -> bool {
        match self {
            Self::AcceptPreview | Self::SkipPreview => state == Some(State::Preview),
            // an outcome may be put right after the end
            Self::SetOutcome => matches!(state, Some(State::Talk | State::Hold | State::Idle | State::End)),
            Self::EndWrap => state == Some(State::Idle),
        }
    }
}

/// Whether a telephone system can be asked for this in that state. A call that nobody has heard of yet can only be given up.
pub fn allowed(verb: Verb, state: Option<State>) -> bool {
    match verb {
        Verb::Dial => false,
        Verb::Answer | Verb::Deflect => state == Some(State::Incoming),
        Verb::Hangup => !matches!(state, Some(State::Preview | State::Idle | State::End)),
        Verb::Hold | Verb::Dtmf | Verb::Play | Verb::ConsultTransfer | Verb::CompleteTransfer | Verb::Conference => {
            state == Some(State::Talk)
        }
        Verb::Resume => state == Some(State::Hold),
        Verb::BlindTransfer => matches!(state, Some(State::Talk | State::Hold)),
        Verb::Connect => state == Some(State::Talk),
    }
}

/// The words of what can be wished of a call now, by what its telephone system can do.
pub fn offered_verbs(state: Option<State>, capabilities: &[Verb]) -> Vec<&'static str> {
    let of_system = capabilities.iter().filter(|&&verb| verb.is_wished() && allowed(verb, state)).map(|verb| verb.word());
    let ours = HandlingVerb::ALL.into_iter().filter(|verb| verb.fits(state) && state != Some(State::End)).map(HandlingVerb::word);
    of_system.chain(ours).collect()
}
