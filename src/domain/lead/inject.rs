//! What becomes of a lead that is injected: one total function from what was asked and what was found.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{disposition::same_name, scope::Scope};

/// Which leads with the same number count as duplicates. The figures are DialedIn's, the words the native API's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DuplicatesCheck {
    /// 0: those of the same campaign.
    #[default]
    Campaign,
    /// 1: none.
    Allow,
    /// 2: those of any campaign.
    All,
    /// 3: those of the same campaign and subcampaign.
    Subcampaign,
}

impl DuplicatesCheck {
    /// Reads DialedIn's figure.
    pub fn read(figure: &str) -> Option<Self> {
        Some(match figure.trim() {
            "0" => Self::Campaign,
            "1" => Self::Allow,
            "2" => Self::All,
            "3" => Self::Subcampaign,
            _ => return None,
        })
    }

    /// Whether the nearest lead with the same number counts.
    pub fn counts(self, nearest: Nearest) -> bool {
        match self {
            Self::Allow => false,
            Self::All => nearest >= Nearest::Elsewhere,
            Self::Campaign => nearest >= Nearest::Campaign,
            Self::Subcampaign => nearest >= Nearest::Subcampaign,
        }
    }
}

/// How near another lead with the same number is. One in the same subcampaign is also one in the same campaign, so the nearest
/// one answers for every scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearest {
    /// There is none.
    None,
    /// Only in other campaigns.
    Elsewhere,
    /// In the same campaign, in another subcampaign.
    Campaign,
    /// In the same campaign and subcampaign; having none is one, too.
    Subcampaign,
}

impl Nearest {
    /// The nearest of the leads with the same number, each given by its campaign and subcampaign.
    pub fn of<'a>(campaign: &str, subcampaign: Option<&str>, others: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let near = |(other, other_sub): (&str, Option<&str>)| match () {
            () if !same_name(campaign, other) => Self::Elsewhere,
            () if same_name(subcampaign.unwrap_or_default(), other_sub.unwrap_or_default()) => Self::Subcampaign,
            () => Self::Campaign,
        };
        others.into_iter().map(near).max().unwrap_or(Self::None)
    }
}

/// A rule that a client may ask to set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Override {
    /// Store and dial a duplicate.
    Dups,
    /// Dial what is on the DNC list or not callable.
    Dnc,
    /// Dial outside the calling window.
    Window,
}

impl Override {
    /// The scope it needs.
    pub fn scope(self) -> Scope {
        match self {
            Self::Dups => Scope::DupsOverride,
            Self::Dnc => Scope::DncOverride,
            Self::Window => Scope::WindowOverride,
        }
    }

    /// How a DialedIn client asks for it.
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Dups => "AllowDialingDups=1",
            Self::Dnc => "DialNonCallables=1",
            Self::Window => "timezone=0",
        }
    }
}

/// Whether an override was asked for and whether the caller may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flag {
    /// Not asked for.
    #[default]
    Absent,
    /// Asked for without the scope: ignored, and said.
    Denied,
    /// Asked for with the scope.
    Granted,
}

impl Flag {
    /// The flag of one who asks, or not, and may, or not.
    pub fn of(wanted: bool, may: bool) -> Self {
        match (wanted, may) {
            (false, _) => Self::Absent,
            (true, false) => Self::Denied,
            (true, true) => Self::Granted,
        }
    }

    /// The flag of DialedIn's `timezone` (whether to check), of which the default is not to check. A client that says nothing
    /// gets what it is used to where it may, and no warning where it may not: it asked for nothing.
    pub fn of_timezone(timezone: Option<bool>, may: bool) -> Self {
        match timezone {
            Some(check) => Self::of(!check, may),
            None => Self::of(may, may),
        }
    }

    /// Whether the rule is set aside.
    pub fn is_granted(self) -> bool {
        self == Self::Granted
    }
}

/// What the client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Which duplicates count.
    pub duplicates_check: DuplicatesCheck,
    /// [`Override::Dups`].
    pub allow_dups: Flag,
    /// [`Override::Dnc`].
    pub dial_non_callables: Flag,
    /// [`Override::Window`].
    pub skip_window: Flag,
    /// Store only.
    pub import_only: bool,
}

/// What was found when the lead came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The nearest lead with the same number.
    pub nearest: Nearest,
    /// Whether its call status is callable.
    pub callable: bool,
    /// Whether its number is on the DNC list.
    pub on_dnc: bool,
    /// Whether calling is allowed there now.
    pub window_open: bool,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A duplicate: not stored.
    Rejected {
        /// Where the other one is.
        nearest: Nearest,
        /// What was asked for and ignored.
        warnings: Vec<Warning>,
    },
    /// Stored.
    Stored {
        /// Whether it is dialed.
        dial: Dial,
        /// The overrides without which the verdict would be another; each must be recorded.
        used: Vec<Override>,
        /// What was asked for and ignored.
        warnings: Vec<Warning>,
    },
}

/// Whether a stored lead is dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    /// As soon as possible.
    Now,
    /// As soon as calling is allowed there.
    WhenWindowOpens,
    /// Not at all.
    No(NoDial),
}

/// Why a stored lead is not dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoDial {
    /// The client asked to store it only.
    ImportOnly,
    /// Its number is on the DNC list.
    Dnc,
    /// Its call status is not callable.
    NotCallable,
}

/// Something asked for that was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The caller may not ask for this.
    NotGranted(Override),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::NotGranted(wanted) = self;
        write!(f, "{} is ignored: the token has no scope {}", wanted.parameter(), wanted.scope())
    }
}

impl Asked {
    /// What is ignored of it. The same whatever becomes of the lead.
    pub fn warnings(&self) -> Vec<Warning> {
        let flags = [(self.allow_dups, Override::Dups), (self.dial_non_callables, Override::Dnc), (self.skip_window, Override::Window)];
        flags.into_iter().filter(|(flag, _)| *flag == Flag::Denied).map(|(_, wanted)| Warning::NotGranted(wanted)).collect()
    }
}

/// The decision table. Total: every request meets every state.
pub fn decide(asked: &Asked, found: &Found) -> Verdict {
    let warnings = asked.warnings();
    let duplicate = asked.duplicates_check.counts(found.nearest);
    if duplicate && !asked.allow_dups.is_granted() {
        return Verdict::Rejected { nearest: found.nearest, warnings };
    }
    let dial = dial(asked, found);
    let made_a_difference = [
        (Override::Dups, duplicate),
        (Override::Dnc, !matches!(dial, Dial::No(_)) && (found.on_dnc || !found.callable)),
        (Override::Window, dial == Dial::Now && !found.window_open),
    ];
    let used = made_a_difference.into_iter().filter(|(_, used)| *used).map(|(which, _)| which).collect();
    Verdict::Stored { dial, used, warnings }
}

/// Of several reasons not to dial, what was asked for goes first, then what binds the whole account.
fn dial(asked: &Asked, found: &Found) -> Dial {
    let dnc_binds = !asked.dial_non_callables.is_granted();
    match () {
        () if asked.import_only => Dial::No(NoDial::ImportOnly),
        () if found.on_dnc && dnc_binds => Dial::No(NoDial::Dnc),
        () if !found.callable && dnc_binds => Dial::No(NoDial::NotCallable),
        () if found.window_open || asked.skip_window.is_granted() => Dial::Now,
        () => Dial::WhenWindowOpens,
    }
}
