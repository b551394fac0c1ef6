//! Records as clients see them, and how they are written. What is shown can be sent back as it is.

use serde_json::{Map, Value, json};

use crate::{
    app::seal::Seal,
    domain::setup::{Kind, OPTIONS, Options, with_secrets, without_secrets},
    http::error::ApiError,
    store::setup::SetupRow,
};

/// What the server sets of every record.
const OURS: [&str; 3] = ["name", "version", "updatedAt"];
/// What a reload sets.
const PUBLISHED: &str = "published";

/// A record: its name, version and time, and its body. Without a row it is what nobody has set.
pub(super) fn record(seal: &Seal, account: i64, kind: Kind, row: Option<SetupRow>) -> Value {
    let (name, version, updated_at, body) = match row {
        Some(row) => {
            let body = serde_json::from_str(&row.body).unwrap_or_default();
            // what cannot be opened is shown without its body
            let body = seal.open(account, kind, &row.name, body).unwrap_or_default();
            (row.name, row.version, Some(row.updated_at), body)
        }
        None => (OPTIONS.to_owned(), 0, None, json!(Options::default())),
    };
    let mut shown = match (kind, body) {
        (kind, body) if kind.has_secrets() => object(without_secrets(kind, &body)),
        (Kind::Playlist, mut body) => {
            // one edits the draft; what was published is beside it
            let mut shown = object(body["draft"].take());
            shown.insert(PUBLISHED.to_owned(), body[PUBLISHED].take());
            shown
        }
        (_, body) => object(body),
    };
    shown.insert("name".to_owned(), json!(name));
    shown.insert("version".to_owned(), json!(version));
    shown.insert("updatedAt".to_owned(), json!(updated_at));
    Value::Object(shown)
}

fn object(body: Value) -> Map<String, Value> {
    if let Value::Object(object) = body { object } else { Map::new() }
}

/// A body as it was sent, without what only the server sets.
pub(super) fn taken(kind: Kind, name: &str, mut body: Value) -> Result<Value, ApiError> {
    let Value::Object(fields) = &mut body else {
        return Err(ApiError::Invalid { field: "body".into(), message: "expected an object".into() });
    };
    let same = |told: &Value| told.as_str().is_some_and(|told| told.trim().to_lowercase() == name.to_lowercase());
    if fields.get("name").is_some_and(|told| !same(told)) {
        return Err(ApiError::Invalid { field: "name".into(), message: "expected the name in the address, or none".into() });
    }
    fields.retain(|key, _| !OURS.contains(&key.as_str()));
    if matches!(kind, Kind::Playlist | Kind::RingGroup) {
        fields.remove(PUBLISHED);
    }
    Ok(body)
}

/// The body to store, with what stays of the present one.
pub(super) fn beside(kind: Kind, mut body: Value, present: Option<Value>) -> Value {
    match (kind, present) {
        (kind, Some(present)) if kind.has_secrets() => with_secrets(kind, body, &present),
        // a ring group answers as it was last reloaded, whatever is edited
        (Kind::RingGroup, Some(mut present)) => {
            body[PUBLISHED] = present[PUBLISHED].take();
            body
        }
        (_, _) => body,
    }
}
