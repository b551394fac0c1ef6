//! Asterisk, told what to do by its REST interface (ARI).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::audio::Audio;
use crate::domain::{
    order::{Station, Verb},
    phone::Number,
    request::{Credential, Hole, Invalid, Template, check_url, escape},
};

/// What it can be told: everything but where to send a caller before anybody has answered, which its dialplan asks before it hands
/// him to us.
pub(super) const CAPABILITIES: &[Verb] = &[
    Verb::Dial,
    Verb::Answer,
    Verb::Hangup,
    Verb::Hold,
    Verb::Resume,
    Verb::BlindTransfer,
    Verb::ConsultTransfer,
    Verb::CompleteTransfer,
    Verb::Conference,
    Verb::Dtmf,
    Verb::Play,
    Verb::Connect,
];

/// One Asterisk. Made only of a configuration that holds together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Asterisk(Written);

/// The configuration as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    url: String,
    user: String,
    password: Credential,
    app: String,
    station: Template<StationHole>,
    trunk: Template<TrunkHole>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller_id: Option<Number>,
    #[serde(default)]
    auto_answer: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(default)]
    record: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recording_url: Option<Template<RecordingHole>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audio: Option<Audio>,
}

/// What stands for a value of an agent's telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StationHole {
    Extension,
}

impl Hole for StationHole {
    const NAMES: &'static [(&'static str, Self)] = &[("extension", Self::Extension)];
}

/// What stands for a value of a call that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TrunkHole {
    Number,
}

impl Hole for TrunkHole {
    const NAMES: &'static [(&'static str, Self)] = &[("number", Self::Number)];
}

/// What stands for a value of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordingHole {
    Name,
}

impl Hole for RecordingHole {
    const NAMES: &'static [(&'static str, Self)] = &[("name", Self::Name)];
}

impl TryFrom<Written> for Asterisk {
    type Error = Invalid;

    fn try_from(written: Written) -> Result<Self, Invalid> {
        let wrong = |field, expected| Err(Invalid::Field { field, expected });
        escape::check_address("url", &written.url)?;
        if let Some(url) = &written.recording_url {
            check_url("recordingUrl", url)?;
        }
        if let Some(audio) = &written.audio {
            audio.check()?;
        }
        let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let shown = |text: String| text.contains('/') && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, ',' | '&'));
        let public = |number: &Number| number.as_str().strip_prefix('+').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        match () {
            () if written.url.contains(['?', '{', '}']) => wrong("url", "the address has neither a query nor placeholders"),
            () if !plain(&written.user) => wrong("user", "a user has letters, digits, hyphens, dots and underscores only"),
            () if !plain(&written.app) => {
                wrong("app", "the name of an application has letters, digits, hyphens, dots and underscores only")
            }
            () if !written.station.asks_for(StationHole::Extension) || !shown(written.station.to_string()) => {
                wrong("station", "expected an endpoint with {extension}, such as PJSIP/{extension}")
            }
            () if !written.trunk.asks_for(TrunkHole::Number) || !shown(written.trunk.to_string()) => {
                wrong("trunk", "expected an endpoint with {number}, such as PJSIP/{number}@trunk")
            }
            () if !written.caller_id.as_ref().is_none_or(public) => wrong("callerId", "expected a number such as +12025550100"),
            () if !written.context.as_deref().is_none_or(plain) => {
                wrong("context", "a context has letters, digits, hyphens, dots and underscores only")
            }
            () if !written.recording_url.as_ref().is_none_or(|url| url.asks_for(RecordingHole::Name)) => {
                wrong("recordingUrl", "expected an address with {name}, such as https://pbx.example/recordings/{name}.wav")
            }
            () => Ok(Self(written)),
        }
    }
}

impl From<Asterisk> for Written {
    fn from(asterisk: Asterisk) -> Self {
        asterisk.0
    }
}

impl Asterisk {
    /// Where its HTTP server is: scheme, host and port, and a prefix if it has one; no slash at its end.
    pub fn url(&self) -> &str {
        self.0.url.trim_end_matches('/')
    }

    /// The user of its REST interface.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// The user's password.
    pub fn password(&self) -> &Credential {
        &self.0.password
    }

    /// The name of our application in its dialplan.
    pub fn app(&self) -> &str {
        &self.0.app
    }

    /// The endpoint of an agent's telephone; `None` when he has no extension.
    pub fn endpoint_of(&self, station: &Station) -> Option<String> {
        let extension = station.extension.as_ref()?;
        let value = |StationHole::Extension| Some(Cow::Borrowed(extension.as_str()));
        Some(self.0.station.fill(&value, escape::as_it_is))
    }

    /// The endpoint by which a number is called that is no agent's: a public number by the trunk, an extension through the context
    /// when one is named, else as a telephone.
    pub fn endpoint_to(&self, number: &Number) -> String {
        match &self.0.context {
            _ if !number.is_extension() => {
                let value = |TrunkHole::Number| Some(Cow::Borrowed(number.as_str()));
                self.0.trunk.fill(&value, escape::as_it_is)
            }
            Some(context) => format!("Local/{number}@{context}"),
            None => {
                let value = |StationHole::Extension| Some(Cow::Borrowed(number.as_str()));
                self.0.station.fill(&value, escape::as_it_is)
            }
        }
    }

    /// What a called party is shown when the order names nothing else.
    pub fn caller_id(&self) -> Option<&Number> {
        self.0.caller_id.as_ref()
    }

    /// Whether agents' telephones are told to pick up by themselves.
    pub fn auto_answer(&self) -> bool {
        self.0.auto_answer
    }

    /// Whether conversations are recorded from the answer on.
    pub fn records(&self) -> bool {
        self.0.record
    }

    /// How browsers become its telephones; `None` when they cannot.
    pub fn audio(&self) -> Option<&Audio> {
        self.0.audio.as_ref()
    }

    /// Where people find the recording of this name; `None` when they find none.
    pub fn recording_at(&self, name: &str) -> Option<String> {
        let value = |RecordingHole::Name| Some(Cow::Borrowed(name));
        self.0.recording_url.as_ref().map(|url| url.fill(&value, escape::as_it_is))
    }
}
