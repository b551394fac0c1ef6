//! What doors do with agents' dial lists. Each change takes the account's turn and leaves a `list.*` entry.

use std::sync::Arc;

use serde_json::json;

use super::{App, admin::Admin, directory::Account};
use crate::{
    domain::{
        dial_list::{self, Added, DialListError, Mark},
        phone::Number,
    },
    store::{Result, dial_lists},
};

/// What is to be done with a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListOrder {
    /// It is made.
    Create,
    /// It is removed, with its numbers.
    Delete,
    /// A number is added.
    Add(Number),
    /// A number is taken out.
    Remove(Number),
    /// A number is marked.
    Mark(Number, Mark),
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
        list: &str,
        order: ListOrder,
    ) -> Result<Result<bool, DialListError>> {
        let admin = self.admin();
        let (account, agent, list) = (account.clone(), agent.to_owned(), list.to_owned());
        let work = async move { admin.change_dial_list(&account, &agent, &list, order).await };
        tokio::spawn(work).await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

impl Admin {
    async fn change_dial_list(&self, account: &Account, agent: &str, name: &str, order: ListOrder) -> Result<Result<bool, DialListError>> {
        let mut tx = self.begin(account.id).await?;
        let lists = dial_lists::named(&mut tx, account.id, name).await?;
        macro_rules! lawful {
            ($law:expr) => {
                match $law {
                    Ok(allowed) => allowed,
                    Err(refusal) => return Ok(Err(refusal)),
                }
            };
        }
        let (event, phone) = match &order {
            ListOrder::Create => {
                lawful!(dial_list::may_create(agent, name, &lists));
                dial_lists::add(&mut tx, account.id, agent, name, self.now()).await?;
                ("list.created", None)
            }
            ListOrder::Delete => {
                let list = lawful!(dial_list::find(agent, name, &lists));
                dial_lists::remove(&mut tx, list.id).await?;
                ("list.deleted", None)
            }
            ListOrder::Add(phone) => {
                let list = lawful!(dial_list::find(agent, name, &lists));
                let found = dial_lists::mark_of(&mut tx, list.id, phone).await?;
                let (count, last) = dial_lists::extent(&mut tx, list.id).await?;
                if lawful!(dial_list::add(found, usize::try_from(count).unwrap_or(usize::MAX))) == Added::Again {
                    return Ok(Ok(false));
                }
                dial_lists::add_phone(&mut tx, list.id, last + 1, phone).await?;
                ("list.phone_added", Some(phone))
            }
            ListOrder::Remove(phone) => {
                let list = lawful!(dial_list::find(agent, name, &lists));
                lawful!(dial_list::remove(dial_lists::mark_of(&mut tx, list.id, phone).await?));
                dial_lists::remove_phone(&mut tx, list.id, phone).await?;
                ("list.phone_removed", Some(phone))
            }
            ListOrder::Mark(phone, mark) => {
                let list = lawful!(dial_list::find(agent, name, &lists));
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
}
