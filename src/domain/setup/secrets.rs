//! What is shown of a record that holds secrets, and how one that is sent back as it was shown keeps them.

use serde_json::{Value, json};

use super::Kind;

/// Stands for what is not shown.
pub const HIDDEN: &str = "***";

/// The body of a record without what may be a secret: a password or token, the address behind the host, and every header and
/// parameter that is not one placeholder alone. Some take a key as a parameter, some as a part of the path.
pub fn without_secrets(kind: Kind, body: &Value) -> Value {
    let mut shown = match body {
        // a provider without terms is a word alone
        Value::String(word) => json!({word.as_str(): null}),
        body => body.clone(),
    };
    match kind {
        Kind::Provider => hide_provider(&mut shown),
        Kind::TelephoneSystem => hide_system(&mut shown),
        _ => {}
    }
    shown
}

fn hide_provider(shown: &mut Value) {
    hide(shown, &["/http/auth/basic/password", "/http/auth/bearer/token", "/http/posts/secret", "/twilio/authToken"]);
    if let Some(http) = shown.get_mut("http") {
        hide_values(http, &["headers", "params"]);
        hide_path(http);
    }
}

fn hide_system(shown: &mut Value) {
    hide(shown, &["/asterisk/password", "/asterisk/audio/password", "/generic/auth/basic/password", "/generic/auth/token/password"]);
    if let Some(audio) = shown.pointer_mut("/asterisk/audio") {
        hide_values(audio, &["passwords"]);
    }
    if let Some(generic) = shown.get_mut("generic") {
        hide_values(generic, &["headers", "params"]);
        if let Some(token) = generic.pointer_mut("/auth/token") {
            hide_values(token, &["params"]);
            hide_path(token);
        }
        for request in generic.get_mut("requests").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut()) {
            hide_values(request, &["params"]);
            hide_path(request);
        }
    }
}

/// Hides what stands at these places.
fn hide(shown: &mut Value, pointers: &[&str]) {
    for pointer in pointers {
        if let Some(secret) = shown.pointer_mut(pointer) {
            *secret = json!(HIDDEN);
        }
    }
}

/// Hides the values of these maps that are not one placeholder alone.
fn hide_values(shown: &mut Value, maps: &[&str]) {
    for name in maps {
        for value in shown.get_mut(*name).and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut()) {
            if !value.as_str().is_some_and(is_placeholder) {
                *value = json!(HIDDEN);
            }
        }
    }
}

/// Hides an address behind its host.
fn hide_path(shown: &mut Value) {
    if let Some(url) = shown.get_mut("url") {
        *url = json!(format!("{}/{HIDDEN}", origin(url.as_str().unwrap_or_default())));
    }
}

/// A body as it is sent, with what is there in every place that looks as it was shown.
pub fn with_secrets(kind: Kind, sent: Value, present: &Value) -> Value {
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
    let known = hosts(present);
    let moved = hosts(&sent).iter().any(|host| !known.contains(host));
    if moved { sent } else { keep(sent, &without_secrets(kind, present), present) }
}

/// The hosts that a body names as addresses to ask, and where it leaves an address out that has one of its own.
fn hosts(body: &Value) -> Vec<Option<String>> {
    let at = |place: &str| body.pointer(place).and_then(Value::as_str).map(|url| origin(url).to_owned());
    let requests = body.pointer("/generic/requests").and_then(Value::as_object);
    let urls = requests.into_iter().flat_map(|all| all.values()).filter_map(|request| request["url"].as_str());
    let mut hosts: Vec<_> = urls.map(|url| Some(origin(url).to_owned())).collect();
    hosts.extend(
        ["/http/url", "/generic/auth/token/url", "/asterisk/url", "/asterisk/audio/url"].into_iter().map(at).filter(Option::is_some),
    );
    if body.get("twilio").is_some() {
        hosts.push(at("/twilio/baseUrl"));
    }
    hosts
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
