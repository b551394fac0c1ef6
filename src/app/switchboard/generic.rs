//! Drives a system that is told by HTTP requests. Orders of one call go one after the other, those of different calls at once.
//!
//! An order that surely did not reach the system is told again, a few times. One whose answer is lost may have reached it, and a second
//! one might ring somebody twice: it is told once.

use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{sync::Mutex, task::JoinSet};

use super::driver::{Event, Outcome, Settled};
use crate::{
    app::{App, clock::Clock},
    courier::{Courier, Trouble},
    domain::{
        order::Order,
        request::Credential,
        telephone::{Generic, Refusal, Reply, TokenUrl, Verdict},
    },
};

/// Pauses before an order is told again that did not reach the system.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];
/// A token is renewed so long before its life is over.
const EARLY: TimeDelta = TimeDelta::seconds(10);

/// The driver of one system.
pub(super) struct Driver {
    carrier: Arc<Carrier>,
    flights: JoinSet<(Settled, bool)>,
    /// By call, the orders that wait for the one that is on its way.
    waiting: HashMap<String, VecDeque<(Order, DateTime<Utc>)>>,
    /// Whether the system was reached when it was last told something.
    was_reached: Option<bool>,
    said: VecDeque<Event>,
}

/// Tells orders.
struct Carrier {
    system: Generic,
    courier: Courier,
    clock: Clock,
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    credential: Credential,
    until: Option<DateTime<Utc>>,
}

impl Driver {
    pub(super) fn new(app: &App, system: &Generic) -> Self {
        let carrier = Carrier { system: system.clone(), courier: app.courier.clone(), clock: app.clock.clone(), token: Mutex::default() };
        // until it proves otherwise it can be reached
        let said = VecDeque::from([Event::Condition(true, String::new())]);
        Self { carrier: Arc::new(carrier), flights: JoinSet::new(), waiting: HashMap::new(), was_reached: None, said }
    }

    pub(super) fn take(&mut self, order: Order, given_at: DateTime<Utc>) {
        if let Some(waiting) = self.waiting.get_mut(&order.call) {
            waiting.push_back((order, given_at));
            return;
        }
        self.waiting.insert(order.call.clone(), VecDeque::new());
        self.launch(order, given_at);
    }

    fn launch(&mut self, order: Order, given_at: DateTime<Utc>) {
        let carrier = self.carrier.clone();
        self.flights.spawn(async move {
            let (outcome, reached) = carrier.carry(&order).await;
            (Settled { order, given_at, outcome }, reached)
        });
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.flights.is_empty() || !self.said.is_empty()
    }

    pub(super) async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.said.pop_front() {
                return event;
            }
            match self.flights.join_next().await {
                None => return pending().await,
                Some(Err(error)) => {
                    tracing::error!(%error, "the task of an order failed");
                    if self.flights.is_empty() {
                        self.waiting.clear();
                    }
                }
                Some(Ok((settled, reached))) => {
                    self.landed(&settled.order.call);
                    if self.was_reached.replace(reached) != Some(reached) {
                        let why = if reached { "" } else { "it could not be reached when it was told something" };
                        self.said.push_back(Event::Condition(reached, why.to_owned()));
                    }
                    self.said.push_back(Event::Settled(Box::new(settled)));
                }
            }
        }
    }

    /// The next order of a call may go.
    fn landed(&mut self, call: &str) {
        match self.waiting.get_mut(call).and_then(VecDeque::pop_front) {
            Some((order, given_at)) => self.launch(order, given_at),
            None => drop(self.waiting.remove(call)),
        }
    }
}

impl Carrier {
    /// Tells an order; answers what became of it, and whether the system was reached.
    async fn carry(&self, order: &Order) -> (Outcome, bool) {
        let (mut tries, mut is_renewed) = (0, false);
        loop {
            let (verdict, token) = self.tell(order).await;
            match verdict {
                Verdict::Taken(name) => return (Outcome::Answered(name), true),
                Verdict::Unknown(refusal) => {
                    self.forget(token.as_ref()).await;
                    if token.is_none() || is_renewed {
                        return (Outcome::Refused(refusal), true);
                    }
                    is_renewed = true;
                }
                Verdict::Refused(refusal) => return (Outcome::Refused(refusal), true),
                Verdict::Unclear(refusal) => return (Outcome::Unclear(refusal), true),
                Verdict::Again(refusal) => match PAUSES.get(tries) {
                    Some(pause) => {
                        tries += 1;
                        tokio::time::sleep(*pause).await;
                    }
                    None => {
                        let reached = refusal.code != "not_reached";
                        return (Outcome::Refused(refusal), reached);
                    }
                },
            }
        }
    }

    /// One try; the token that it was made with.
    async fn tell(&self, order: &Order) -> (Verdict, Option<Credential>) {
        let token = match self.system.token() {
            None => None,
            Some(token_url) => match self.token(token_url).await {
                Ok(token) => Some(token),
                Err(verdict) => return (verdict, None),
            },
        };
        let verdict = match self.system.request(order, token.as_ref()) {
            Err(refusal) => Verdict::Refused(refusal),
            Ok(outgoing) => match self.courier.send(&outgoing).await {
                Ok(answer) => self.system.judge(Reply::Answer { status: answer.status, body: &answer.body }),
                Err(Trouble::NotConnected) => self.system.judge(Reply::NotConnected),
                Err(Trouble::Silence) => self.system.judge(Reply::Silence),
                Err(trouble @ (Trouble::Forbidden | Trouble::Unfit(_))) => Verdict::Refused(Refusal::new("not_sent", trouble.to_string())),
            },
        };
        (verdict, token)
    }

    /// The token, asked for when there is none, or none that lives on. Who waits for one that is asked for gets the same.
    async fn token(&self, token_url: &TokenUrl) -> Result<Credential, Verdict> {
        let mut kept = self.token.lock().await;
        let now = self.clock.now();
        if let Some(token) = kept.as_ref().filter(|token| token.until.is_none_or(|until| now < until - EARLY)) {
            return Ok(token.credential.clone());
        }
        let none = |why: String| Verdict::Refused(Refusal::new("no_token", why));
        match self.courier.send(&token_url.request()).await {
            Ok(answer) if (200..300).contains(&answer.status) => {
                let (credential, life) =
                    token_url.read(&answer.body).ok_or_else(|| none("the telephone system's answer holds no token".to_owned()))?;
                let until = life.map(|life| now + TimeDelta::seconds(life.min(365 * 86_400)));
                *kept = Some(Token { credential: credential.clone(), until });
                Ok(credential)
            }
            Ok(answer) => Err(none(format!("the telephone system gave no token, and answered {}", answer.status))),
            // asking for a token twice rings nobody
            Err(Trouble::NotConnected | Trouble::Silence) => {
                Err(Verdict::Again(Refusal::new("not_reached", "the telephone system could not be reached for a token")))
            }
            Err(trouble) => Err(none(trouble.to_string())),
        }
    }

    /// A token was refused: it is not used again.
    async fn forget(&self, token: Option<&Credential>) {
        self.token.lock().await.take_if(|kept| Some(&kept.credential) == token);
    }
}
