//! What is shown of a record that holds secrets, and how one that is sent back as it was shown keeps them.

use serde_json::{Value, json};

/// Stands for what is not shown.
pub const HIDDEN: &str = "***";

/// The body of a provider without what may be a secret: a password or token, the address behind the host, and every header and
/// parameter that is not one placeholder alone. Some providers take a key as a parameter, some as a part of the path.
pub fn without_secrets(body: &Value) -> Value {
    let mut shown = match body {
        // a provider without terms is a word alone
        Value::String(word) => json!({word.as_str(): null}),
        body => body.clone(),
    };
    if let Some(http) = shown.get_mut("http") {
        for pointer in ["/auth/basic/password", "/auth/bearer/token", "/posts/secret"] {
            if let Some(secret) = http.pointer_mut(pointer) {
                *secret = json!(HIDDEN);
            }
        }
        for name in ["headers", "params"] {
            for value in http.get_mut(name).and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut()) {
                if !value.as_str().is_some_and(is_placeholder) {
                    *value = json!(HIDDEN);
                }
            }
        }
        if let Some(url) = http.get_mut("url") {
            *url = json!(format!("{}/{HIDDEN}", origin(url.as_str().unwrap_or_default())));
        }
    }
    if let Some(token) = shown.pointer_mut("/twilio/authToken") {
        *token = json!(HIDDEN);
    }
    shown
}

/// A body as it is sent, with what is there in every place that looks as it was shown.
pub fn with_secrets(sent: Value, present: &Value) -> Value {
    fn keep(sent: Value, shown: &Value, present: &Value) -> Value {
        match sent {
            sent if sent == *shown => present.clone(),
            Value::Object(fields) => {
                let inner = |(name, value): (String, Value)| {
                    let value = keep(value, &shown[&name], &present[&name]);
                    (name, value)
                };
                Value::Object(fields.into_iter().map(inner).collect())
            }
            other => other,
        }
    }
    // what is kept for one host is not given to another
    let moved = ["/http/url", "/twilio/baseUrl"].iter().any(|place| {
        let at = |body: &Value| body.pointer(place).and_then(Value::as_str).map(|url| origin(url).to_owned());
        at(&sent) != at(present)
    });
    if moved { sent } else { keep(sent, &without_secrets(present), present) }
}

/// Whether something is still hidden in a body that is to be stored.
pub fn hides(body: &Value) -> bool {
    match body {
        Value::String(text) => text == HIDDEN || text.ends_with(&format!("/{HIDDEN}")),
        Value::Array(items) => items.iter().any(hides),
        Value::Object(fields) => fields.values().any(hides),
        _ => false,
    }
}

/// Whether the text is one name in braces.
fn is_placeholder(text: &str) -> bool {
    let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Scheme and host of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?', '#']).map_or(url, |end| &url[..host + end])
}
