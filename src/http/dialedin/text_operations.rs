//! `TextOperations`: sending text messages.

use serde::Serialize;

use super::{
    Asking,
    action::{Action, choose},
    answer::{Refusal, Stop, done},
};
use crate::{
    app::messages::NotSent,
    domain::{message::Draft, phone::Number, scope::Scope},
};

#[derive(Clone, Copy)]
enum Does {
    SendSms,
}

static ACTIONS: [Action<Does>; 1] =
    [Action { name: "SendSms", scope: Scope::MessagesSend, required: &["From", "To", "Message"], does: Does::SendSms }];

/// The script.
pub(super) async fn run(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    #[derive(Serialize)]
    struct Sent {
        id: String,
    }
    let Does::SendSms = choose(asking, &ACTIONS)?;
    let account = asking.account().clone();
    let agent = asking.text("Agent").map(str::to_owned);
    if agent.as_ref().is_some_and(|login| account.roster.by_login(login).is_none()) {
        return Refusal::new("not_found", "Agent: there is no such agent (case matters)");
    }
    let lead = match asking.text("LeadId").map(str::parse) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Refusal::new("invalid", "LeadId should be a whole number"),
    };
    let (from, to) = (number(asking, "From")?, number(asking, "To")?);
    let draft = Draft { from, to, body: asking.required("Message"), agent, lead };
    match asking.web.app.send_message(&account, draft, None).await {
        Ok(message) => done(Sent { id: message.id.to_string() }),
        Err(NotSent::Refused(refusal)) => Refusal::new(refusal.word(), refusal),
        Err(error @ NotSent::NoSuchLead) => Refusal::new("not_found", format_args!("LeadId: {error}")),
        Err(NotSent::Failed(failure)) => Err(failure.into()),
    }
}

/// The number that a parameter holds.
pub(super) fn number(asking: &Asking, name: &str) -> Result<Number, Stop<Refusal>> {
    match Number::read(&asking.required(name), asking.account().region) {
        Some(number) => Ok(number),
        None => Refusal::new("invalid", format_args!("{name} is no telephone number")),
    }
}
