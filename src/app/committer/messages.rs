//! Applies work to text messages: takes drafts, brings messages in, claims what is to be sent, and hears what became of it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{
    DncOrder, Origin,
    apply::Desk,
    known_leads::Wanted,
    leads::{LeadKey, lead_agent},
    ledger::{Known, Ledger, Subject},
    shelf::Shelf,
};
use crate::{
    app::directory::Account,
    domain::{
        dnc::Channel,
        event::Audience,
        message::{
            Change, Claimed, Direction, Draft, Errand, Fault, Incoming, Keyword, Message, MessageView, News, Refusal, Standing, Status,
            Told,
        },
        phone::Number,
    },
    store::{
        Reads, Result, Rows,
        messages::{self, Kept},
    },
};

/// What is to be done with one message.
#[derive(Clone, Debug)]
pub enum MessageOrder {
    /// Take it to be sent.
    Send(Box<Draft>),
    /// Bring it in.
    Receive {
        /// As the provider brought it.
        incoming: Box<Incoming>,
        /// The provider, as the account spells it.
        provider: String,
    },
    /// Claim it, to give it to its provider; or see that the one who did was lost.
    Claim {
        /// The message.
        id: Uuid,
        /// Whom it is for.
        to: Number,
        /// The claim.
        claim: Uuid,
    },
    /// Somebody's claim came out like this.
    Settle {
        /// The message.
        id: Uuid,
        /// The claim.
        claim: Uuid,
        /// How.
        outcome: Outcome,
    },
    /// The provider tells what became of it.
    Hear {
        /// The message.
        id: Uuid,
        /// Which provider.
        provider: String,
        /// What it tells.
        told: Box<Told>,
    },
}

impl MessageOrder {
    /// The message of which a provider tells that its receiver wants none.
    fn tells_of_opt_out(&self) -> Option<Uuid> {
        let (id, told) = match self {
            Self::Settle { id, outcome: Outcome::Told(told), .. } => (id, told.as_slice()),
            Self::Hear { id, told, .. } => (id, std::slice::from_ref(&**told)),
            _ => return None,
        };
        told.iter().any(|told| told.fault.as_ref().is_some_and(Fault::is_opt_out)).then_some(*id)
    }
}

/// How a try came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has it, surely has not and never will, or nobody knows: what it tells, in order.
    Told(Vec<Told>),
    /// The provider surely has not got it, and another try may do better.
    Again {
        /// Why, in case that it was the last try.
        fault: Fault,
        /// What the provider asks for.
        no_sooner: Option<TimeDelta>,
    },
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageDone {
    /// It was taken and is queued.
    Queued(Box<Message>),
    /// It is not sent.
    Refused(Refusal),
    /// The draft's lead is not there.
    NoSuchLead,
    /// It came in: its id, and whether it is no copy.
    Received(Uuid, bool),
    /// It may be given to its provider.
    Claimed(Box<Message>),
    /// Nothing was to be done.
    Nothing,
    /// Something was learned.
    Heard,
}

/// Messages of an account that the book may not have yet, and what was read beside them.
#[derive(Default)]
pub(super) struct KnownMessages {
    messages: Shelf<Uuid, Kept>,
    /// Which message came in by a provider's id.
    incoming: Shelf<(String, String), Option<Uuid>>,
}

/// What a batch does to messages: those to write, and whether the book does not have them.
#[derive(Default)]
pub(super) struct MessageChanges(BTreeMap<Uuid, bool>);

impl KnownMessages {
    pub(super) fn landed(&mut self, batch: u64) {
        self.messages.landed(batch);
        self.incoming.landed(batch);
    }

    pub(super) fn unwritten(&mut self, batch: u64) {
        self.messages.unwritten(batch);
        self.incoming.unwritten(batch);
    }

    /// Reads the messages that the orders are about and that are not known, and says what else they need.
    pub(super) async fn look_up(
        &mut self,
        reads: &mut Reads<'_>,
        account: i64,
        batch: u64,
        orders: &[&MessageOrder],
        wanted: &mut Wanted,
    ) -> Result<()> {
        let (mut ids, mut all) = (Vec::new(), Vec::new());
        for order in orders {
            match order {
                MessageOrder::Send(draft) => {
                    wanted.add_number(Channel::Message, &draft.to);
                    draft.lead.into_iter().for_each(|lead| wanted.add_lead(lead));
                }
                MessageOrder::Receive { incoming, provider } => {
                    wanted.add_number(Channel::Message, &incoming.from);
                    wanted.add_phone(&incoming.from);
                    let key = (provider.clone(), incoming.provider_id.clone());
                    if self.incoming.need(&key, batch).is_none() {
                        let found = messages::by_provider_id(reads, account, Direction::In, &key.0, &key.1).await?;
                        self.incoming.put(key, found, batch);
                    }
                }
                MessageOrder::Claim { id, to, .. } => {
                    wanted.add_number(Channel::Message, to);
                    all.push(*id);
                }
                MessageOrder::Settle { id, .. } | MessageOrder::Hear { id, .. } => all.push(*id),
            }
        }
        ids.extend(all.iter().copied().filter(|id| self.messages.need(id, batch).is_none()));
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            for kept in messages::by_ids(reads, account, &ids).await? {
                self.messages.found(kept.message.id, kept, batch);
            }
        }
        all.iter().filter_map(|id| self.messages.get(id)?.message.lead).for_each(|lead| wanted.add_lead(lead));
        for id in orders.iter().filter_map(|order| order.tells_of_opt_out()) {
            self.messages.get(&id).into_iter().for_each(|kept| wanted.add_number(Channel::Message, &kept.message.to));
        }
        Ok(())
    }
}

impl MessageChanges {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows of the commit.
    pub(super) fn rows(&self, account: i64, known: &KnownMessages) -> Result<[Rows; 2]> {
        messages::rows(account, self.0.iter().filter_map(|(id, new)| Some((known.messages.get(id)?, *new))))
    }
}

impl Desk<'_> {
    /// Does what is to be done with a message.
    pub(super) fn apply_message(&self, ledger: &mut Ledger, known: &mut Known, order: &MessageOrder) -> MessageDone {
        match order {
            MessageOrder::Send(draft) => self.send(ledger, known, draft),
            MessageOrder::Receive { incoming, provider } => self.receive(ledger, known, incoming, provider),
            MessageOrder::Claim { id, to, claim } => self.claim(ledger, known, *id, to, *claim),
            MessageOrder::Settle { id, claim, outcome } => self.settle(ledger, known, *id, *claim, outcome),
            MessageOrder::Hear { id, provider, told } => self.told(ledger, known, *id, provider, told),
        }
    }

    fn send(&self, ledger: &mut Ledger, known: &mut Known, draft: &Draft) -> MessageDone {
        let now = self.clock.now();
        if draft.lead.is_some_and(|lead| known.leads.newest(&LeadKey::Id(lead)).is_none()) {
            return MessageDone::NoSuchLead;
        }
        let standing = standing(&ledger.account, &draft.from, known.leads.is_listed(Channel::Message, &draft.to));
        match Message::compose(self.clock.id(), draft.clone(), standing, now) {
            Err(refusal) => MessageDone::Refused(refusal),
            Ok(message) => {
                self.add(ledger, known, "message.queued", "api", message.clone(), Errand::new(now));
                MessageDone::Queued(Box::new(message))
            }
        }
    }

    /// A copy changes nothing. The words of leaving and coming back change the opt-out list.
    fn receive(&self, ledger: &mut Ledger, known: &mut Known, incoming: &Incoming, provider: &str) -> MessageDone {
        let key = (provider.to_owned(), incoming.provider_id.clone());
        if let Some(Some(id)) = known.messages.incoming.get(&key) {
            return MessageDone::Received(*id, false);
        }
        let mut message = Message::receive(self.clock.id(), incoming.clone(), provider.to_owned(), self.clock.now());
        message.lead = known.leads.newest(&LeadKey::Phone(message.from.clone())).map(|lead| lead.id);
        let (id, from, keyword) = (message.id, message.from.clone(), Keyword::read(&message.body));
        known.messages.incoming.put(key, Some(id), ledger.batch);
        self.add(ledger, known, "message.received", "provider", message, Errand::default());
        let listed = match keyword {
            Keyword::Stop => Some((true, "stop")),
            Keyword::Start => Some((false, "start")),
            Keyword::Help | Keyword::None => None,
        };
        if let Some((listed, source)) = listed {
            self.apply_dnc(ledger, known, &[DncOrder { channel: Channel::Message, number: from, listed, source }]);
        }
        MessageDone::Received(id, true)
    }

    fn claim(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid, to: &Number, claim: Uuid) -> MessageDone {
        let now = self.clock.now();
        let opted_out = known.leads.is_listed(Channel::Message, to);
        let Some(mut kept) = known.messages.messages.get(&id).cloned() else { return MessageDone::Nothing };
        let fault = |text: &str| Fault::new(None, text);
        let told = match kept.errand.claim(claim, now) {
            Claimed::No => return MessageDone::Nothing,
            Claimed::Lost => Told {
                fault: Some(fault("the server ended while this was being sent; the provider may have it")),
                ..Told::status(Status::Sending)
            },
            // he said STOP since it was written
            Claimed::Yes if opted_out => {
                kept.errand.end();
                let refusal = Refusal::OptedOut;
                Told { fault: Some(Fault::new(Some(refusal.word().to_owned()), &refusal.to_string())), ..Told::status(Status::Failed) }
            }
            Claimed::Yes => Told::status(Status::Sending),
        };
        let sends = told.status == Status::Sending && told.fault.is_none();
        let message = self.learn(ledger, known, kept, &[told], "gateway");
        if sends { MessageDone::Claimed(Box::new(message)) } else { MessageDone::Heard }
    }

    fn settle(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid, claim: Uuid, outcome: &Outcome) -> MessageDone {
        let Some(mut kept) = known.messages.messages.get(&id).cloned() else { return MessageDone::Nothing };
        match outcome {
            Outcome::Told(told) => {
                kept.errand.end();
                self.learn(ledger, known, kept, told, "provider");
            }
            Outcome::Again { no_sooner, .. } if kept.errand.again(claim, self.clock.now(), *no_sooner) => {
                self.learn(ledger, known, kept, &[], "gateway");
            }
            // this was settled before, and another try is planned or under way
            Outcome::Again { .. } if kept.errand.is_anothers(claim) => return MessageDone::Nothing,
            Outcome::Again { fault, .. } => {
                kept.errand.end();
                let told = Told { fault: Some(fault.clone()), ..Told::status(Status::Failed) };
                self.learn(ledger, known, kept, &[told], "gateway");
            }
        }
        MessageDone::Heard
    }

    /// Only the provider that carries a message knows what became of it.
    fn told(&self, ledger: &mut Ledger, known: &mut Known, id: Uuid, provider: &str, told: &Told) -> MessageDone {
        let Some(mut kept) = known.messages.messages.get(&id).cloned() else { return MessageDone::Nothing };
        if kept.message.provider != provider || kept.message.direction != Direction::Out {
            return MessageDone::Nothing;
        }
        // whoever posts about a message has it
        kept.errand.end();
        self.learn(ledger, known, kept, std::slice::from_ref(told), "provider");
        MessageDone::Heard
    }

    /// Stores a new message and leaves its entry.
    fn add(&self, ledger: &mut Ledger, known: &mut Known, kind: &'static str, source: &str, message: Message, errand: Errand) {
        self.tell_of(ledger, known, kind, source, message.created_at, &message);
        ledger.messages.0.insert(message.id, true);
        known.messages.messages.put(message.id, Kept { message, errand }, ledger.batch);
    }

    /// Hears news of a message in order, leaves an entry for each that shows, and stores what changed. A message that fails
    /// because its receiver has opted out at the provider puts him on the opt-out list; a copy of that news does not, since he
    /// may have come back meanwhile.
    fn learn(&self, ledger: &mut Ledger, known: &mut Known, mut kept: Kept, told: &[Told], source: &str) -> Message {
        let now = self.clock.now();
        let is_opt_out = |message: &Message| message.delivery.fault().is_some_and(Fault::is_opt_out);
        let was_opt_out = is_opt_out(&kept.message);
        for told in told {
            let news: News = told.clone().heard_at(now);
            let kind = match kept.message.hear(&news) {
                Change::Nothing | Change::Silent => continue,
                Change::Updated => "message.updated",
                Change::Entered(status) => status.event_type().unwrap_or("message.updated"),
            };
            self.tell_of(ledger, known, kind, source, news.occurred_at, &kept.message);
        }
        let message = kept.message.clone();
        if is_opt_out(&message) && !was_opt_out {
            let number = message.to.clone();
            self.apply_dnc(ledger, known, &[DncOrder { channel: Channel::Message, number, listed: true, source: "provider" }]);
        }
        if known.messages.messages.get(&message.id) != Some(&kept) {
            ledger.messages.0.entry(message.id).or_insert(false);
            known.messages.messages.put(message.id, kept, ledger.batch);
        }
        message
    }

    fn tell_of(&self, ledger: &mut Ledger, known: &Known, kind: &'static str, source: &str, occurred: DateTime<Utc>, message: &Message) {
        let rep = message.lead.and_then(|lead| known.leads.newest(&LeadKey::Id(lead))).and_then(lead_agent);
        let audience = audience(message.agent.as_deref(), rep);
        let origin = Origin { source, occurred, observed: self.clock.now() };
        let subject = Subject::no_call(message.agent.as_deref().or(rep));
        ledger.append(self.clock.id(), kind, &audience, &subject, origin, json!({"message": MessageView::new(message)}));
    }
}

/// The agent who wrote it and the one whose lead it is about; all when there is neither.
fn audience(author: Option<&str>, rep: Option<&str>) -> Audience {
    let logins: std::collections::BTreeSet<&str> = author.into_iter().chain(rep).collect();
    if logins.is_empty() { Audience::All } else { Audience::Agents(logins.into_iter().map(str::to_owned).collect()) }
}

/// What the book says about a draft from this number.
fn standing(account: &Account, from: &Number, opted_out: bool) -> Standing {
    let number = account.setup.numbers.get(from.as_str()).filter(|number| number.sms);
    let provider = number.and_then(|number| account.setup.providers.entry(number.provider.as_deref()?));
    Standing { owned: number.is_some(), opted_out, provider: provider.map(|(name, _)| name.to_owned()) }
}
