//! What doors do with agents' dial lists. Each change takes the account's turn and leaves a `list.*` entry.

use std::sync::Arc;

use serde_json::json;

use super::{App, admin::Admin, directory::Account};
use crate::{
    domain::{
        dial_list::{self, Added, DialList, DialListError, Mark},
        phone::Number,
    },
    store::{Result, dial_lists},
};

/// What came of something that the law may refuse.
pub type Lawful<T> = std::result::Result<T, DialListError>;
/// What adding numbers meant, each for itself.
pub type Each = Vec<Lawful<Added>>;

/// What is to be done with a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListOrder {
    /// It is made.
    Create,
    /// It is removed, with its numbers.
    Delete,
    /// All its numbers are taken out.
    Clear,
    /// A number is added.
    Add(Number),
    /// A number is taken out.
    Remove(Number),
    /// A number is marked.
    Mark(Number, Mark),
}

/// Which list of an account is meant by an agent's login and a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// The one of this name, which must be the agent's and the only one.
    Alone,
    /// The agent's own.
    WithAgent,
}

impl Naming {
    fn find<'a>(self, agent: &str, name: &str, lists: &'a [DialList]) -> Result<&'a DialList, DialListError> {
        match self {
            Self::Alone => dial_list::find(agent, name, lists),
            Self::WithAgent => dial_list::own(agent, name, lists),
        }
    }
}

/// Lets a lawful change go on; what the law refuses is the answer.
macro_rules! lawful {
    ($law:expr) => {
        match $law {
            Ok(allowed) => allowed,
            Err(refusal) => return Ok(Err(refusal)),
        }
    };
}

impl App {
    /// Changes an agent's dial list; whether anything changed. The work is done in a task of its own: a client that goes away
    /// must not cut a transaction in two.
    ///
    /// # Errors
    /// What the law refuses, or what the database says.
    pub async fn change_dial_list(
        &self,
        account: &Arc<Account>,
        agent: &str,
        (list, naming): (&str, Naming),
        order: ListOrder,
    ) -> Result<Lawful<bool>> {
        let admin = self.admin();
        let (account, agent, list) = (account.clone(), agent.to_owned(), list.to_owned());
        let work = async move { admin.change_dial_list(&account, &agent, (&list, naming), order).await };
        tokio::spawn(work).await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// Adds numbers to an agent's own dial list, each for itself: what adding each one meant, in their order. They leave one
    /// entry.
    ///
    /// # Errors
    /// What the law refuses of all, or what the database says.
    pub async fn add_to_dial_list(&self, account: &Arc<Account>, agent: &str, list: &str, phones: Vec<Number>) -> Result<Lawful<Each>> {
        let admin = self.admin();
        let (account, agent, list) = (account.clone(), agent.to_owned(), list.to_owned());
        let work = async move { admin.add_to_dial_list(&account, &agent, &list, &phones).await };
        tokio::spawn(work).await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

impl Admin {
    async fn change_dial_list(
        &self,
        account: &Account,
        agent: &str,
        (name, naming): (&str, Naming),
        order: ListOrder,
    ) -> Result<Lawful<bool>> {
        let mut tx = self.begin(account.id).await?;
        let lists = dial_lists::named(&mut tx, account.id, name).await?;
        let find = || naming.find(agent, name, &lists);
        let (event, phone) = match &order {
            ListOrder::Create => {
                lawful!(dial_list::may_create(agent, name, &lists));
                dial_lists::add(&mut tx, account.id, agent, name, self.now()).await?;
                ("list.created", None)
            }
            ListOrder::Delete => {
                let list = lawful!(find());
                dial_lists::remove(&mut tx, list.id).await?;
                ("list.deleted", None)
            }
            ListOrder::Clear => {
                let list = lawful!(find());
                if dial_lists::clear(&mut tx, list.id).await? == 0 {
                    return Ok(Ok(false));
                }
                ("list.cleared", None)
            }
            ListOrder::Add(phone) => {
                let list = lawful!(find());
                let found = dial_lists::mark_of(&mut tx, list.id, phone).await?;
                let (count, last) = dial_lists::extent(&mut tx, list.id).await?;
                if lawful!(dial_list::add(found, usize::try_from(count).unwrap_or(usize::MAX))) == Added::Again {
                    return Ok(Ok(false));
                }
                dial_lists::add_phone(&mut tx, list.id, last + 1, phone).await?;
                ("list.phone_added", Some(phone))
            }
            ListOrder::Remove(phone) => {
                let list = lawful!(find());
                lawful!(dial_list::remove(dial_lists::mark_of(&mut tx, list.id, phone).await?));
                dial_lists::remove_phone(&mut tx, list.id, phone).await?;
                ("list.phone_removed", Some(phone))
            }
            ListOrder::Mark(phone, mark) => {
                let list = lawful!(find());
                if !lawful!(dial_list::mark(dial_lists::mark_of(&mut tx, list.id, phone).await?, *mark)) {
                    return Ok(Ok(false));
                }
                dial_lists::set_mark(&mut tx, list.id, phone, *mark).await?;
                (if *mark == Mark::Dialed { "list.phone_dialed" } else { "list.phone_undialed" }, Some(phone))
            }
        };
        self.note(&mut tx, account.id, &account.name, event, json!({"agent": agent, "list": name, "phone": phone})).await?;
        tx.commit().await?;
        Ok(Ok(true))
    }

    async fn add_to_dial_list(&self, account: &Account, agent: &str, name: &str, phones: &[Number]) -> Result<Lawful<Each>> {
        let mut tx = self.begin(account.id).await?;
        let lists = dial_lists::named(&mut tx, account.id, name).await?;
        let list = lawful!(dial_list::own(agent, name, &lists));
        let found = dial_lists::marks_of(&mut tx, list.id, phones).await?;
        let (count, last) = dial_lists::extent(&mut tx, list.id).await?;
        let each = dial_list::add_each(phones, &found, usize::try_from(count).unwrap_or(usize::MAX));
        let new: Vec<&Number> = phones.iter().zip(&each).filter(|(_, added)| **added == Ok(Added::New)).map(|(phone, _)| phone).collect();
        if !new.is_empty() {
            dial_lists::add_phones(&mut tx, list.id, last, &new).await?;
            let data = json!({"agent": agent, "list": name, "phones": new});
            self.note(&mut tx, account.id, &account.name, "list.phones_added", data).await?;
            tx.commit().await?;
        }
        Ok(Ok(each))
    }
}
