//! `TextOperations`: sending text messages.

use serde::Serialize;

use super::{
    Asking,
    action::{Action, choose},
    answer::{Refusal, Stop, done},
    desk::{self, Sms},
};
use crate::domain::{phone::Number, scope::Scope};

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
    let sms = Sms { from, to, message: asking.required("Message"), agent, lead };
    done(Sent { id: desk::send_sms(&asking.web, &account, sms).await? })
}

/// The number that a parameter holds.
pub(super) fn number(asking: &Asking, name: &str) -> Result<Number, Stop<Refusal>> {
    match Number::read(&asking.required(name), asking.account().region) {
        Some(number) => Ok(number),
        None => Refusal::new("invalid", format_args!("{name} is no telephone number")),
    }
}
