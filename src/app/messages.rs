//! What doors do with text messages: send them, bring them in, hear what became of them.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    App,
    calls::PBX_PATIENCE,
    committer::{DncOrder, Done, Failure, MessageDone, MessageOrder, Once, Work},
    directory::Account,
};
use crate::{
    domain::{
        dnc::Channel,
        message::{Direction, Draft, Incoming, Keyword, Message, Refusal, Told},
    },
    store::{Reads, messages},
};

/// Why a message is not sent.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// The law forbids it. Nothing was stored.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The lead that it is about is not there. Nothing was stored.
    #[error("there is no such lead")]
    NoSuchLead,
    /// It could not be stored, or not surely.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Why a message does not come in.
#[derive(Debug, thiserror::Error)]
pub enum NotReceived {
    /// It is for somebody else's number. Nothing was stored.
    #[error("the receiver is not a number of this account that has messages")]
    NotOwned,
    /// It could not be stored, or not surely.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl App {
    /// Takes a message to be sent: it is stored, and goes out as soon as it can. With `once` the same request is taken once, and
    /// answered with the message as it was then.
    ///
    /// # Errors
    /// See [`NotSent`].
    pub async fn send_message(&self, account: &Arc<Account>, draft: Draft, once: Option<Once>) -> Result<Message, NotSent> {
        match self.order_message(account, MessageOrder::Send(Box::new(draft)), once).await? {
            MessageDone::Queued(message) => {
                self.mail.notify_one();
                Ok(*message)
            }
            MessageDone::Refused(refusal) => Err(refusal.into()),
            MessageDone::NoSuchLead => Err(NotSent::NoSuchLead),
            _ => Err(Failure::Late.into()),
        }
    }

    /// Brings a message in; answers its id and whether it is no copy. STOP puts its sender on the opt-out list, START takes him
    /// off; neither is answered.
    ///
    /// # Errors
    /// See [`NotReceived`].
    pub async fn receive_message(&self, account: &Arc<Account>, provider: &str, incoming: Incoming) -> Result<(Uuid, bool), NotReceived> {
        if account.setup.numbers.get(incoming.to.as_str()).is_none_or(|number| !number.sms) {
            // whoever says STOP is heard, whichever number he wrote to
            if Keyword::read(&incoming.body) == Keyword::Stop {
                let order = DncOrder { channel: Channel::Message, number: incoming.from, listed: true, source: "stop" };
                self.apply_dnc(account, vec![order]).await?;
            }
            return Err(NotReceived::NotOwned);
        }
        let order = MessageOrder::Receive { incoming: Box::new(incoming), provider: provider.to_owned() };
        match self.order_message(account, order, None).await? {
            MessageDone::Received(id, new) => Ok((id, new)),
            _ => Err(Failure::Late.into()),
        }
    }

    /// Hears what a provider tells of a message, which is named by our id or, failing that, by the provider's; answers whether there
    /// is such a message.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn hear_message(&self, account: &Arc<Account>, provider: &str, id: Option<Uuid>, told: Told) -> Result<bool, Failure> {
        let id = match (id, &told.provider_id) {
            (Some(id), _) => Some(id),
            (None, None) => None,
            (None, Some(theirs)) => {
                let mut reads = Reads::On(self.db.read());
                let found = messages::by_provider_id(&mut reads, account.id, Direction::Out, provider, theirs).await;
                found.map_err(|error| Failure::Store(Arc::new(error)))?
            }
        };
        let Some(id) = id else { return Ok(false) };
        let order = MessageOrder::Hear { id, provider: provider.to_owned(), told: Box::new(told) };
        Ok(self.order_message(account, order, None).await? == MessageDone::Heard)
    }

    /// Does something with a message, durably.
    pub(super) async fn order_message(
        &self,
        account: &Arc<Account>,
        order: MessageOrder,
        once: Option<Once>,
    ) -> Result<MessageDone, Failure> {
        match self.committer.submit(account, Work::Message { order, once }, PBX_PATIENCE).await? {
            Done::Message(done) => Ok(done),
            _ => Ok(MessageDone::Nothing),
        }
    }
}
