//! What a provider described by a template posts to us: by what secret it is known, and where each value stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Credential, InvalidProvider, Post, escape,
    twilio::{self, Unreadable},
};
use crate::domain::{
    message::{Fault, Incoming, Status, Told},
    phone::{HomeRegion, Number},
    request::word,
    secret::SecretHash,
};

/// The parameter of the address that carries the secret when no header does.
const SECRET: &str = "secret";
/// The shortest secret: an address is easily found out, and the secret is all that guards it.
const MIN_SECRET: usize = 16;

/// What it posts. Values are found by JSON pointers (RFC 6901); a form is read as an object of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Posts(Written);

/// The configuration as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    secret: Credential,
    /// The header that carries the secret; without one, the address's parameter `secret` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    #[serde(default)]
    status: StatusPlaces,
    #[serde(default)]
    incoming: IncomingPlaces,
    /// What the provider's words mean; those that are not here are taken as Twilio's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    words: BTreeMap<String, Status>,
}

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident { $($field:ident = $pointer:literal),* $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        struct $name { $($field: String),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $pointer.to_owned()),* }
            }
        }

        impl $name {
            fn all(&self) -> Vec<&str> {
                vec![$(self.$field.as_str()),*]
            }
        }
    )* };
}

places! {
    /// Where a post of the first kind tells what became of a message.
    StatusPlaces { id = "/id", status = "/status", code = "/code", text = "/text" }
    /// Where a post of the second kind holds a message.
    IncomingPlaces { id = "/id", from = "/from", to = "/to", body = "/body" }
}

impl TryFrom<Written> for Posts {
    type Error = InvalidProvider;

    fn try_from(mut written: Written) -> Result<Self, InvalidProvider> {
        let wrong = |field, expected| Err(InvalidProvider::Field { field, expected });
        let token = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
        let pointers = written.status.all().into_iter().chain(written.incoming.all());
        let (pointers_are_ones, secret) = (pointers.into_iter().all(|pointer| pointer.starts_with('/')), written.secret.reveal());
        match () {
            () if secret.len() < MIN_SECRET => wrong("posts.secret", "a secret has 16 characters or more"),
            () if written.header.as_ref().is_some_and(|name| !token(name)) => wrong("posts.header", "this is not the name of a header"),
            () if written.header.is_some() && !secret.chars().all(|c| c.is_ascii_graphic()) => {
                wrong("posts.secret", "a secret in a header has letters, digits and signs only")
            }
            () if !pointers_are_ones => wrong("posts", "a JSON pointer begins with a slash, such as /message/id"),
            () => {
                written.words = written.words.into_iter().map(|(word, status)| (word.trim().to_lowercase(), status)).collect();
                Ok(Self(written))
            }
        }
    }
}

impl From<Posts> for Written {
    fn from(posts: Posts) -> Self {
        posts.0
    }
}

impl Posts {
    /// What the address for posts must carry, to be put behind its query.
    pub(super) fn in_address(&self) -> String {
        match &self.0.header {
            Some(_) => String::new(),
            None => format!("&{SECRET}={}", escape::in_address(self.0.secret.reveal())),
        }
    }

    /// Whether a post carries the secret. Takes the same time however wrong it is.
    pub(super) fn is_genuine(&self, post: &Post<'_>) -> bool {
        let given = match &self.0.header {
            Some(name) => (post.header)(name),
            None => post.parameter(SECRET),
        };
        given.is_some_and(|given| SecretHash::of(self.0.secret.reveal()).matches(&given))
    }

    /// What a post tells of a message; `None` for a status that nobody knows, which says nothing.
    pub(super) fn news(&self, post: &Post<'_>) -> Result<Option<Told>, Unreadable> {
        let (values, places) = (read(post), &self.0.status);
        let status = text(&values, &places.status).ok_or(Unreadable("status"))?;
        let status = self.0.words.get(&status.to_lowercase()).copied().or_else(|| twilio::status(&status));
        let (code, why) = (text(&values, &places.code), text(&values, &places.text));
        let fault = match (code, why) {
            (None, None) => None,
            (code, why) => Some(Fault::new(code, why.as_deref().unwrap_or("the provider gave a code only"))),
        };
        Ok(status.map(|status| Told { status, provider_id: text(&values, &places.id), fault }))
    }

    /// A message that a post brings.
    pub(super) fn incoming(&self, post: &Post<'_>, region: HomeRegion) -> Result<Incoming, Unreadable> {
        let (values, places) = (read(post), &self.0.incoming);
        let number = |place: &str, name| text(&values, place).and_then(|raw| Number::read(&raw, region)).ok_or(Unreadable(name));
        Ok(Incoming {
            provider_id: text(&values, &places.id).ok_or(Unreadable("id"))?,
            from: number(&places.from, "from")?,
            to: number(&places.to, "to")?,
            body: values.pointer(&places.body).and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
    }
}

/// A body as one object. What is neither JSON nor a form has no values.
fn read(post: &Post<'_>) -> Value {
    if post.body.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(post.body).unwrap_or_default();
    }
    form_urlencoded::parse(post.body).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
}

fn text(values: &Value, place: &str) -> Option<String> {
    word(values.pointer(place)?).map(|text| text.replace('\0', "")).filter(|text| !text.is_empty())
}
