//! Wishes that come by the socket: who may, what they do, and the answers that are remembered, so that a client that asks again
//! after it lost its connection gets the answer instead of a second deed.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{sync::OnceCell, time::Instant};
use uuid::Uuid;

use super::{App, clock::instant, committer::Failure, directory::Grant};
use crate::domain::scope::Scope;

/// Answers are remembered for this long …
const MEMORY: Duration = Duration::from_secs(600);
/// … and not more of them than this, over all accounts.
const MAX_REMEMBERED: usize = 10_000;

/// Verbs that the protocol knows but that need a telephone system which takes commands.
const CALL_VERBS: [&str; 17] = [
    "dial",
    "answer",
    "hangup",
    "hold",
    "resume",
    "blind_transfer",
    "consult_transfer",
    "complete_transfer",
    "conference",
    "dtmf",
    "play",
    "ready",
    "not_ready",
    "set_outcome",
    "accept_preview",
    "skip_preview",
    "enable_current_tab",
];

/// A wish.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The client's name for it.
    pub id: String,
    /// What to do.
    pub verb: String,
    /// With what.
    pub parameters: Value,
}

/// Why a wish was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// A word for programs.
    pub code: &'static str,
    /// A text for people.
    pub message: String,
}

/// What came of a wish.
pub type Granted = Result<Value, Refusal>;

/// The answers given lately. A wish that is under way has its place already: the same one waits for it.
#[derive(Clone, Default)]
pub struct Wishes(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    answers: HashMap<Key, Arc<OnceCell<Granted>>>,
    /// In the order in which they came.
    ages: VecDeque<(Instant, Key)>,
}

/// Account, and a digest of who wishes and of the whole wish: a client that counts its ids from one again means another wish by
/// the same id.
type Key = (i64, [u8; 32]);

impl Wishes {
    /// The place of an answer, after those that are past keeping were forgotten.
    fn place(&self, key: &Key, now: Instant) -> Arc<OnceCell<Granted>> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while memory.ages.len() >= MAX_REMEMBERED || memory.ages.front().is_some_and(|(at, _)| now - *at >= MEMORY) {
            let Some((_, old)) = memory.ages.pop_front() else { break };
            memory.answers.remove(&old);
        }
        if let Some(place) = memory.answers.get(key) {
            return place.clone();
        }
        memory.ages.push_back((now, *key));
        memory.answers.entry(*key).or_default().clone()
    }

    /// Forgets an answer that says nothing for sure.
    fn forget(&self, key: &Key) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.answers.remove(key);
        memory.ages.retain(|(_, known)| known != key);
    }
}

impl App {
    /// Carries a wish out, or says why not; once, however often it is asked.
    ///
    /// # Errors
    /// The refusal.
    pub async fn grant_wish(&self, grant: &Grant, wish: &Wish) -> Granted {
        let who = grant.subject.to_stored().unwrap_or_else(|| format!("token:{}", grant.credential));
        let whole = json!([who, wish.id, wish.verb, wish.parameters]).to_string();
        let key = (grant.account.id, Sha256::digest(whole).into());
        let place = self.wishes.place(&key, instant());
        let answer = place.get_or_init(|| self.carry_out(grant, wish)).await.clone();
        if answer.as_ref().is_err_and(|refusal| refusal.code == "busy") {
            self.wishes.forget(&key);
        }
        answer
    }

    async fn carry_out(&self, grant: &Grant, wish: &Wish) -> Granted {
        let refuse = |code, message: String| Err(Refusal { code, message });
        match wish.verb.as_str() {
            _ if grant.subject.agent().is_none() && !grant.scopes.allow(Scope::CallsControl) => {
                refuse("forbidden", "this session may only watch".to_owned())
            }
            "end_wrap" => {
                let call = wish.parameters.get("call").and_then(Value::as_str).and_then(|text| Uuid::parse_str(text).ok());
                let Some(call) = call else { return refuse("invalid", "p.call: expected a dtCallId".to_owned()) };
                match self.end_wrap(&grant.account, call, &grant.subject).await {
                    Ok(()) => Ok(json!({})),
                    Err(failure @ Failure::Refused(_)) => refuse("refused", failure.to_string()),
                    Err(failure @ Failure::NotYours) => refuse("forbidden", failure.to_string()),
                    Err(failure @ Failure::NoSuchCall) => refuse("not_found", failure.to_string()),
                    Err(failure) => refuse("busy", failure.to_string()),
                }
            }
            verb if CALL_VERBS.contains(&verb) => {
                refuse("not_supported", format!("{verb}: this account's telephone system reports calls but takes no commands"))
            }
            verb => refuse("unknown", format!("{}: there is no such command", verb.chars().take(40).collect::<String>())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: usize) -> Key {
        (1, Sha256::digest(id.to_string()).into())
    }

    #[test]
    fn the_memory_is_bounded_in_number_and_time() {
        let (wishes, now) = (Wishes::default(), instant());
        for id in 0..MAX_REMEMBERED + 5 {
            let _ = wishes.place(&key(id), now).set(Ok(Value::Null));
        }
        assert_eq!(wishes.0.lock().unwrap().answers.len(), MAX_REMEMBERED);
        assert!(wishes.place(&key(MAX_REMEMBERED), now).get().is_some());
        assert!(wishes.place(&key(MAX_REMEMBERED), now + MEMORY).get().is_none());
        assert_eq!(wishes.0.lock().unwrap().answers.len(), 1);
    }
}
