//! Wishes that come by the socket: who may, what they do, and the answers that are remembered, so that a client that asks again
//! after it lost its connection gets the answer instead of a second deed. Of wishes for calls the book remembers the answer, too: a
//! server that died and came back does not dial twice.

mod read;

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

pub use self::read::{By, Wished, read};
use super::{
    App,
    calls::PBX_PATIENCE,
    clock::instant,
    committer::{Done, Failure, Once, WishDone, WishWork, Work},
    directory::{Account, Grant},
};
use crate::domain::{scope::Scope, wish::CallWish};

/// Answers are remembered for this long …
const MEMORY: Duration = Duration::from_secs(600);
/// … and not more of them than this, over all accounts.
const MAX_REMEMBERED: usize = 10_000;

/// A wish.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The client's name for it.
    pub id: String,
    /// What to do.
    pub verb: String,
    /// With what.
    pub parameters: Value,
    /// The tab of the softphone it comes from, where it has a name.
    pub tab: Option<Uuid>,
}

/// Why a wish was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// A word for programs.
    pub code: &'static str,
    /// A text for people.
    pub message: String,
    /// The value at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
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
        let whole = json!([who, wish.id, wish.verb, wish.parameters, wish.tab]).to_string();
        let key = (grant.account.id, Sha256::digest(whole).into());
        let place = self.wishes.place(&key, instant());
        let answer = place.get_or_init(|| self.carry_out(grant, wish, &key.1)).await.clone();
        if answer.as_ref().is_err_and(|refusal| refusal.code == "busy") {
            self.wishes.forget(&key);
        }
        answer
    }

    async fn carry_out(&self, grant: &Grant, wish: &Wish, key: &[u8; 32]) -> Granted {
        let refuse = |code, message: &str| Err(Refusal { code, message: message.to_owned(), field: None });
        let agent = grant.subject.agent();
        if agent.is_none() && !grant.scopes.allow(Scope::CallsControl) {
            return refuse("forbidden", "this session may only watch");
        }
        match read(&wish.verb, &wish.parameters, By { agent, tab: wish.tab }, grant.account.region)? {
            Wished::Presence(ask) => {
                let Some(agent) = agent else { return refuse("forbidden", "only an agent has a presence to change") };
                let shown = self.ask_presence(&grant.account, agent, ask).await.map_err(Refusal::from)?;
                Ok(json!(shown))
            }
            Wished::EnableTab { if_free } => match (agent, wish.tab) {
                (Some(agent), Some(tab)) => Ok(json!(self.enable_tab(&grant.account, agent, tab, if_free).await.map_err(Refusal::from)?)),
                _ => refuse("forbidden", "only a softphone whose hello named its tab can be enabled"),
            },
            Wished::Call(call, wished) => {
                let once = Once { key: format!("wish/{}", hex(key)), content: key.to_vec() };
                let done = self.wish(&grant.account, agent, call, wished, Some(once)).await.map_err(Refusal::from)?;
                Ok(json!(done))
            }
        }
    }

    /// Wishes something of a call. Without a call, and where it is not to be started, the only one of the agent's is meant.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn wish(
        &self,
        account: &Arc<Account>,
        by: Option<&str>,
        call: Option<Uuid>,
        wish: CallWish,
        once: Option<Once>,
    ) -> Result<WishDone, Failure> {
        let call = match (call, &wish) {
            (None, CallWish::Dial(_)) => None,
            (Some(call), _) => Some(call),
            (None, _) => Some(self.call_of(account, by.unwrap_or_default()).await?.ok_or(Failure::NoSuchCall)?),
        };
        let work = WishWork { by: by.map(str::to_owned), call, wish, once };
        match self.committer.submit(account, Work::Wish(Box::new(work)), PBX_PATIENCE).await? {
            Done::Wished(done) => Ok(done),
            _ => Err(Failure::Late),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let code = match &failure {
            Failure::Refused(_) | Failure::Presence(_) => "refused",
            Failure::Denied(denial) => denial.code,
            Failure::NotYours => "forbidden",
            Failure::NoSuchCall => "not_found",
            Failure::NotSupported => "not_supported",
            Failure::KeyReused | Failure::Busy | Failure::Late | Failure::Stopping | Failure::Store(_) => "busy",
        };
        Self { code, message: failure.to_string(), field: None }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
