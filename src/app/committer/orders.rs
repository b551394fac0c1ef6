//! What the committer does for telephone systems: orders that are given outright, what became of others, how a system is, and the
//! system's own names of calls that we ordered.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Done, NewsItem, Origin,
    apply::Desk,
    ledger::{Known, Ledger, Subject},
};
use crate::{
    domain::{event::Audience, order::Order, telephone::Refusal},
    store::calls::Line,
};

/// The type of the entry that a system is asked for something to happen in it.
pub const SIMULATED: &str = "system.simulated";

/// An order, and the telephone system that it is for.
#[derive(Clone, Debug)]
pub struct OrderWork {
    /// The name of the system.
    pub system: String,
    /// The gateway that its calls are of.
    pub gateway: i64,
    /// What to do.
    pub order: Order,
}

/// Something about a telephone system that is told to all who follow.
#[derive(Clone, Debug)]
pub enum SystemWork {
    /// It is up or down.
    State {
        /// The name of the system.
        system: String,
        /// Whether it is up.
        is_up: bool,
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        message: String,
    },
    /// Something is to happen in a simulated one.
    Simulated(Value),
}

impl OrderWork {
    /// What the book finds the call by.
    pub(super) fn key(&self, account: i64) -> String {
        super::pbx_key(account, self.gateway, &self.order.call)
    }
}

impl Desk<'_> {
    /// Stores an order as it is: whether it makes sense the telephone system says.
    pub(super) fn give_order(&self, ledger: &mut Ledger, known: &Known, work: &OrderWork) -> Done {
        let line = known.lines.get(&work.key(ledger.account.id));
        let call = line.and_then(|(id, attempt)| Some((*id, *attempt, known.calls.get(id)?.version)));
        ledger.order(self.clock, &work.order, &work.system, call);
        Done::Granted
    }

    /// Tells the agent that a telephone system has not done what it was told.
    pub(super) fn order_failed(&self, ledger: &mut Ledger, known: &Known, work: &OrderWork, refusal: &Refusal) -> Done {
        let line = known.lines.get(&work.key(ledger.account.id));
        let call = line.and_then(|(id, number)| {
            let call = known.calls.get(id)?;
            Some((call, call.attempts.iter().find(|attempt| attempt.number == *number)?))
        });
        let order = &work.order;
        let agent = call.and_then(|(_, attempt)| attempt.line.agent()).or(order.command.station().map(|station| station.login.as_str()));
        let data = json!({
            "system": work.system, "order": order.id, "call": call.map(|(call, _)| call.id), "verb": order.command.verb().word(),
            "code": refusal.code, "message": refusal.message,
        });
        let audience = Audience::Agents(agent.into_iter().map(str::to_owned).collect());
        let subject = Subject::new(call.map(|(call, attempt)| (call.id, attempt.number, call.version)), agent);
        ledger.append(self.clock.id(), "call.order_failed", &audience, &subject, self.origin(), data);
        Done::Granted
    }

    /// Tells what is to be told of a system.
    pub(super) fn tell_system(&self, ledger: &mut Ledger, work: &SystemWork) -> Done {
        let subject = Subject::no_call(None);
        match work {
            SystemWork::State { system, is_up, since, message } => {
                let state = if *is_up { "up" } else { "down" };
                let data = json!({"system": system, "state": state, "since": since, "message": message});
                ledger.append(self.clock.id(), "system.state", &Audience::All, &subject, self.origin(), data);
            }
            SystemWork::Simulated(data) => {
                ledger.append(self.clock.id(), SIMULATED, &Audience::Agents(vec![]), &subject, self.origin(), data);
            }
        }
        Done::Granted
    }

    fn origin(&self) -> Origin<'static> {
        let now = self.clock.now();
        Origin { source: "gateway", occurred: now, observed: now }
    }

    /// The call that news is about when it tells the system's own name of a call that we ordered: from now on that name means the
    /// same call, and is what the system is told.
    pub(super) fn meet(&self, ledger: &mut Ledger, known: &mut Known, item: &NewsItem, key: &str) -> Option<Line> {
        let ordered = item.ordered_key(ledger.account.id)?;
        let line = *known.lines.get(&ordered)?;
        self.rename(ledger, known, line, key, &item.pbx_call_id);
        Some(line)
    }

    fn rename(&self, ledger: &mut Ledger, known: &mut Known, line: Line, key: &str, name: &str) {
        let (id, number): (Uuid, i64) = line;
        let is_new = known.lines.insert(key.to_owned(), line).is_none();
        ledger.alias_line(key.to_owned(), line, is_new);
        let attempts = known.calls.get_mut(&id).map(|call| &mut call.attempts);
        if let Some(attempt) = attempts.into_iter().flatten().find(|attempt| attempt.number == number) {
            name.clone_into(&mut attempt.pbx_call_id);
        }
    }
}
