//! Pacing: how many lines the dialer of a campaign may open now, and why not one more.
//!
//! The law, at every moment: *abandoned + calls in flight that no ready agent covers ≤ cap × (answered + those calls)*. It is
//! kept by our own decisions, whatever becomes of the calls: a launch is granted only if it holds with the new line, and a
//! ready agent leaves only if it holds without him. What a [`Predictor`] thinks decides how much of that is used.

mod budget;
mod cover;
mod estimates;
mod forecast;
mod histogram;
mod predictor;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use budget::{BadLimits, Budget, CAP, Limits, Share, TARGET, Tally, WINDOW_DAYS};
pub use cover::{CONNECT_WITHIN, Connection, Cover, Leave, RUNG_LONG_ENOUGH, may_pause, to_cancel};
pub use estimates::Estimates;
pub use forecast::Forecast;
pub use predictor::Predictor;

/// How a campaign's dialer opens lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// An agent looks at a lead first and dials it himself: no line is opened without him.
    Preview,
    /// One line per ready agent.
    Progressive,
    /// More lines than ready agents, as many as the predictor thinks good and the budget allows.
    Predictive(Predictor),
}

impl Mode {
    /// How many calls in flight without cover it permits.
    pub fn room(self, budget: &Budget) -> u32 {
        match self {
            Self::Preview | Self::Progressive => 0,
            Self::Predictive(_) => budget.room(),
        }
    }
}

/// What an agent of the campaign is to its dialer. Who serves several campaigns is shown to one of them at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Ready for a call. So is, until they are connected, who is being connected to a call that is in flight.
    Ready,
    /// Ready, and asked to leave: covers what is in flight.
    Leaving,
    /// On a call, and back after it.
    Talking {
        /// Since then.
        since: DateTime<Utc>,
    },
    /// In wrap-up, and back after it.
    WrappingUp {
        /// Since then.
        since: DateTime<Utc>,
    },
    /// Not back by himself soon: not ready, reserved for other work, or leaves after this call.
    Away,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing rings yet.
    Dialing,
    /// The telephone rings.
    Ringing {
        /// Since then.
        since: DateTime<Utc>,
    },
    /// A person answered, and waits for an agent.
    Answered {
        /// Since then.
        at: DateTime<Utc>,
    },
}

/// A call in flight: the dialer opened it for whoever will be free. An agent's own calls (a preview, a callback of his) are
/// none, and neither are those that are connected or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// When the line was opened.
    pub launched: DateTime<Utc>,
    /// How far it is.
    pub stage: Stage,
}

/// A campaign at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The moment.
    pub now: DateTime<Utc>,
    /// How it dials.
    pub mode: Mode,
    /// What it may still do.
    pub budget: &'a Budget,
    /// Its agents who are signed in.
    pub agents: &'a [Standing],
    /// Its calls in flight.
    pub calls: &'a [Call],
    /// How long a telephone rings before the dialer gives up.
    pub ring: TimeDelta,
    /// The most lines that it may have open at once, where the telephone system has such a limit.
    pub lines: Option<u32>,
}

/// How many lines to open now. It is also what the receipt of each of these dials says about pacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Open so many.
    pub open: u32,
    /// Why not one more.
    pub limit: Limit,
    /// Who covered how many when it was decided.
    pub cover: Cover,
    /// The most calls without cover that were allowed.
    pub room: u32,
    /// What was known of earlier calls.
    pub budget: Budget,
    /// The chance, in basis points, that a person who answers the next line finds nobody; `None` where nothing was predicted.
    pub risk: Option<Share>,
}

/// Why no more lines are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Agents dial for themselves.
    Preview,
    /// No agent is there who could take a call soon.
    NoAgents,
    /// No agent is ready, and none is expected in time.
    NoFreeAgent,
    /// Enough calls are in flight for those who are or will be ready.
    EnoughInFlight,
    /// More calls without cover would risk the cap on abandoned calls.
    BudgetUsedUp,
    /// The telephone system has no more lines.
    NoLines,
}

impl Limit {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::NoAgents => "no_agents",
            Self::NoFreeAgent => "no_free_agent",
            Self::EnoughInFlight => "enough_in_flight",
            Self::BudgetUsedUp => "budget_used_up",
            Self::NoLines => "no_lines",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Preview => "in preview, agents dial for themselves",
            Self::NoAgents => "no agent is there who could take a call soon",
            Self::NoFreeAgent => "no agent is ready, and none is expected in time",
            Self::EnoughInFlight => "enough calls are in flight for the agents who are or will be ready",
            Self::BudgetUsedUp => "more calls without a ready agent would risk the cap on abandoned calls",
            Self::NoLines => "the telephone system has no more lines",
        })
    }
}

/// Decides how many lines to open now. The predictor proposes, the budget decides; lines that ready agents cover are always
/// opened.
pub fn plan(situation: &Situation<'_>, forecast: &Forecast) -> Plan {
    let Situation { mode, budget, agents, calls, .. } = *situation;
    let cover = Cover::of(agents, calls);
    let lines = situation.lines.map_or(u32::MAX, |lines| lines.saturating_sub(cover.in_flight));
    let most = cover.headroom(mode, budget).min(lines);
    let (wanted, risk) = match mode {
        Mode::Preview => (0, None),
        Mode::Progressive => (cover.ready.saturating_sub(cover.in_flight), None),
        Mode::Predictive(predictor) => {
            let proposal = predictor.propose(situation, cover, forecast, most);
            (proposal.lines, proposal.risk)
        }
    };
    let open = wanted.min(most);
    let limit = if mode == Mode::Preview {
        Limit::Preview
    } else if agents.iter().all(|agent| matches!(agent, Standing::Away | Standing::Leaving)) {
        Limit::NoAgents
    } else if wanted > lines {
        Limit::NoLines
    } else if wanted > most {
        Limit::BudgetUsedUp
    } else if cover.ready == 0 && cover.in_flight == 0 && open == 0 {
        Limit::NoFreeAgent
    } else {
        Limit::EnoughInFlight
    };
    Plan { open, limit, cover, room: mode.room(budget), budget: *budget, risk }
}
