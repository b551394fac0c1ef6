//! What Asterisk says, as JSON: events, channels and bridges. Only what we need is read; what we do not know is no error.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// One event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) timestamp: Option<String>,
    pub(super) args: Vec<String>,
    pub(super) channel: Option<Channel>,
    pub(super) replace_channel: Option<Channel>,
    pub(super) cause: Option<i64>,
    pub(super) recording: Option<Recording>,
}

/// A channel as events and lists show it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) caller: Caller,
    pub(super) dialplan: Dialplan,
    pub(super) creationtime: Option<String>,
}

/// Who calls.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) number: String,
}

/// Where a channel is in the dialplan.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Dialplan {
    pub(super) exten: String,
    pub(super) app_name: String,
    pub(super) app_data: String,
}

/// A bridge and who is in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Bridge {
    pub(super) id: String,
    pub(super) channels: Vec<String>,
}

/// A recording.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Recording {
    pub(super) name: String,
}

/// What an answer says that refuses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Complaint {
    message: String,
    error: String,
}

impl Event {
    pub(super) fn at(&self) -> Option<DateTime<Utc>> {
        self.timestamp.as_deref().and_then(time)
    }
}

impl Channel {
    /// Somebody has answered.
    pub(super) fn is_up(&self) -> bool {
        self.state == "Up"
    }

    /// It rings.
    pub(super) fn rings(&self) -> bool {
        self.state == "Ringing"
    }

    pub(super) fn made_at(&self) -> Option<DateTime<Utc>> {
        self.creationtime.as_deref().and_then(time)
    }

    /// The arguments with which it is in our application; `None` when it is not.
    pub(super) fn arguments(&self, app: &str) -> Option<impl Iterator<Item = &str>> {
        let mut words = self.dialplan.app_data.split(',');
        (self.dialplan.app_name == "Stasis" && words.next() == Some(app)).then_some(words)
    }
}

impl Complaint {
    /// What an answer's body complains of, as a short text.
    pub(super) fn read(body: &[u8]) -> String {
        let complaint: Self = serde_json::from_slice(body).unwrap_or_default();
        let text = if complaint.message.is_empty() { complaint.error } else { complaint.message };
        text.chars().filter(|c| !c.is_control()).take(100).collect()
    }
}

/// `2026-11-26T05:55:16.509+0000`
fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(time("2026-11-26T05:55:16.509+0000"), "2026-11-26T05:55:16.509Z".parse().ok());
        assert_eq!(time("2026-11-26T05:55:16.509+0200"), "2026-11-26T03:55:16.509Z".parse().ok());
        assert_eq!(time("yesterday"), None);
    }

    #[test]
    fn an_unknown_event_is_no_error() {
        let event: Event = serde_json::from_str(r#"{"type": "Novelty", "channel": {"id": "1.2", "odd": []}, "x": 1}"#).unwrap();
        assert_eq!((event.kind.as_str(), event.channel.unwrap().id.as_str()), ("Novelty", "1.2"));
    }

    #[test]
    fn a_complaint_is_short() {
        assert_eq!(Complaint::read(br#"{"message": "Channel not found"}"#), "Channel not found");
        assert_eq!(Complaint::read(br#"{"error": "Allocation failed"}"#), "Allocation failed");
        assert_eq!(Complaint::read(b"<html>"), "");
    }
}
