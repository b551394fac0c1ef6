//! The provider that is none: for trying out, and for tests that need every way a message can go.

use super::super::{Fault, Message, Status, Told};

/// What a provider would have told about this message: the table is at [`super::Provider::Simulated`].
pub(super) fn play(message: &Message) -> Vec<Told> {
    let id = Some(format!("simulated-{}", message.id));
    let told = |status, fault: Option<(&str, &str)>| Told {
        status,
        provider_id: id.clone(),
        fault: fault.map(|(code, text)| Fault::new(Some(code.to_owned()), text)),
    };
    match message.to.as_str().chars().next_back() {
        Some('9') => vec![told(Status::Failed, Some(("simulated_failed", "a number that ends in 9 fails")))],
        Some('8') => vec![
            told(Status::Sent, None),
            told(Status::Undelivered, Some(("simulated_undelivered", "a number that ends in 8 cannot be reached"))),
        ],
        Some('7') => {
            vec![Told { provider_id: None, ..told(Status::Sending, Some(("simulated_lost", "a number that ends in 7 loses the answer"))) }]
        }
        _ => vec![told(Status::Sent, None), told(Status::Delivered, None)],
    }
}
