//! The simulated telephone system: what it is told to do happens at once and without fail, and it reports that as a real one
//! would.

use chrono::{DateTime, Utc};

use super::{Command, CommandError};
use crate::domain::call::{Certainty, Direction, News, NewsKind, Told};

/// Carries out a command; answers the news that follow from it, each with the call it is about.
pub(super) fn carry_out(command: &Command, now: DateTime<Utc>) -> Result<Vec<(String, News)>, CommandError> {
    let Command::Conference { call, agent, number, mute_customer } = command;
    let news = |kind, told| News { kind, occurred_at: now, observed_at: now, told };
    // the third party is a leg of its own, which the agent rings and which picks up
    let leg = format!("{call}/conference/{}", now.timestamp_micros());
    let told = Told {
        direction: Some((Direction::Outbound, Certainty::Said)),
        customer: Some(number.clone()),
        agent: Some(agent.clone()),
        ..Told::default()
    };
    let mut all = vec![(leg.clone(), news(NewsKind::Started, told)), (leg, news(NewsKind::Connected, Told::default()))];
    if *mute_customer {
        all.push((call.clone(), news(NewsKind::Held(true), Told::default())));
    }
    Ok(all)
}
