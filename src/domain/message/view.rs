//! A message as screens and programs see it: in entries, in answers and in lists.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Message, Segments};

/// One message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Message)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the keys are described in docs/messages.md")]
pub struct MessageView<'a> {
    pub id: Uuid,
    pub version: i64,
    pub direction: &'static str,
    pub status: &'static str,
    pub from: &'a str,
    pub to: &'a str,
    pub body: &'a str,
    pub agent: Option<&'a str>,
    pub lead_id: Option<i64>,
    pub provider: &'a str,
    pub provider_id: Option<&'a str>,
    pub segments: Segments,
    /// Nobody knows whether the provider has it.
    pub unclear: bool,
    pub error_code: Option<&'a str>,
    pub error: Option<&'a str>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
}

impl<'a> MessageView<'a> {
    /// How a message is shown.
    pub fn new(message: &'a Message) -> Self {
        let delivery = &message.delivery;
        let fault = delivery.fault();
        Self {
            id: message.id,
            version: message.version,
            direction: message.direction.word(),
            status: message.status_word(),
            from: message.from.as_str(),
            to: message.to.as_str(),
            body: &message.body,
            agent: message.agent.as_deref(),
            lead_id: message.lead,
            provider: &message.provider,
            provider_id: delivery.provider_id(),
            segments: message.segments,
            unclear: delivery.is_unclear(),
            error_code: fault.and_then(super::Fault::code),
            error: fault.map(super::Fault::text),
            created_at: message.created_at,
            updated_at: message.updated_at,
            sent_at: delivery.sent_at(),
            delivered_at: delivery.delivered_at(),
        }
    }
}
