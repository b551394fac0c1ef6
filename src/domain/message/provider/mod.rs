//! Providers that carry text messages: a closed set, written as configuration. What goes to them and what comes from them are
//! plain data here; the one who has a connection sends [`Outgoing`] and brings back the [`Reply`].
//!
//! # An unclear send
//! A request whose answer is lost may have reached the provider, and a second one would reach the person twice. So a reply is judged
//! three ways ([`Verdict`]): the provider has the message; it surely has not; nobody knows. Only the second may be tried again. The
//! third stays `sending` and is shown as unclear, until the provider tells more by itself or a person decides.

mod escape;
mod http;
mod posts;
mod reply;
mod simulated;
mod template;
mod twilio;

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

pub use self::{
    http::{Auth, ContentType, HttpTemplate},
    posts::Posts,
    reply::{Reply, Verdict},
    template::Template,
    twilio::{Callback, Form, TwilioAccount, Unreadable},
};
use super::{Incoming, Message, Told};
use crate::domain::phone::HomeRegion;

/// Who carries messages, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Provider {
    /// Nobody: what becomes of a message follows from the last digit of the receiver's number.
    ///
    /// | last digit | what becomes of it |
    /// |---|---|
    /// | 9 | failed |
    /// | 8 | sent, then undelivered |
    /// | 7 | unclear: the answer never comes |
    /// | any other | sent, then delivered |
    Simulated,
    /// Any provider that takes one HTTP request per message.
    Http(Box<HttpTemplate>),
    /// Twilio, and whoever speaks like it.
    Twilio(TwilioAccount),
}

/// How a message leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// By a request, whose reply goes to [`Provider::judge`].
    Request(Outgoing),
    /// Not at all: this is what a provider would have told, in order.
    Played(Vec<Told>),
}

impl Provider {
    /// How this message leaves. `callback` is where the provider shall post what becomes of it; it should name the message's id,
    /// because such a post may arrive before the answer that tells us the provider's id.
    ///
    /// # Errors
    /// When no request can be made of it.
    pub fn dispatch(&self, message: &Message, callback: Option<&str>) -> Result<Dispatch, Unfit> {
        match self {
            Self::Simulated => Ok(Dispatch::Played(simulated::play(message))),
            Self::Http(template) => template.render(message, callback).map(Dispatch::Request),
            Self::Twilio(account) => Ok(Dispatch::Request(account.render(message, callback))),
        }
    }

    /// What a reply means for the message that was sent.
    pub fn judge(&self, reply: Reply<'_>) -> Verdict {
        match self {
            Self::Simulated => reply::judge(reply, &[], |_| reply::Reading::default()),
            Self::Http(template) => template.judge(reply),
            Self::Twilio(_) => twilio::judge(reply),
        }
    }

    /// Whether its configuration holds what nobody may read.
    pub fn has_secrets(&self) -> bool {
        !matches!(self, Self::Simulated)
    }

    /// Where it shall post what becomes of a message: `base` is our public address, and `name` what the account calls it. `None`
    /// for one that posts nothing.
    pub fn callback(&self, base: &str, account: &str, name: &str, message: uuid::Uuid) -> Option<String> {
        let secret = match self {
            Self::Simulated => return None,
            Self::Twilio(_) => String::new(),
            Self::Http(template) => template.posts()?.in_address(),
        };
        let (account, name) = (escape::in_address(account), escape::in_address(name));
        Some(format!("{base}/providers/{account}/{name}/status?message={message}{secret}"))
    }

    /// Whether a post came from it.
    pub fn is_genuine(&self, post: &Post<'_>) -> bool {
        match self {
            Self::Simulated => false,
            Self::Http(template) => template.posts().is_some_and(|posts| posts.is_genuine(post)),
            Self::Twilio(account) => (post.header)("x-twilio-signature")
                .is_some_and(|signature| !post.base.is_empty() && account.is_signed(&post.url(), &Form::read(post.body), &signature)),
        }
    }

    /// What a post tells of a message; `None` when it says nothing that we know.
    ///
    /// # Errors
    /// Which value is missing.
    pub fn read_news(&self, post: &Post<'_>) -> Result<Option<Told>, Unreadable> {
        match self {
            Self::Simulated => Ok(None),
            Self::Http(template) => template.posts().map_or(Ok(None), |posts| posts.news(post)),
            Self::Twilio(_) => Callback::read(&Form::read(post.body)).map(|callback| callback.told),
        }
    }

    /// The message that a post brings; numbers without a country code are of the region.
    ///
    /// # Errors
    /// Which value is missing, or is no number.
    pub fn read_incoming(&self, post: &Post<'_>, region: HomeRegion) -> Result<Incoming, Unreadable> {
        match self {
            Self::Simulated => Err(Unreadable("provider")),
            Self::Http(template) => template.posts().ok_or(Unreadable("posts")).and_then(|posts| posts.incoming(post, region)),
            Self::Twilio(_) => Incoming::from_twilio(&Form::read(post.body), region),
        }
    }
}

/// A post as plain data.
#[derive(Clone, Copy)]
pub struct Post<'a> {
    /// The address at which the provider knows us, without a slash at its end; empty when nobody set it.
    pub base: &'a str,
    /// Path and query, as they came.
    pub target: &'a str,
    /// The header of this name.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    /// The body.
    pub body: &'a [u8],
}

impl Post<'_> {
    /// The whole address, as the provider wrote it.
    fn url(&self) -> String {
        format!("{}{}", self.base, self.target)
    }

    /// A parameter of the address.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        form_urlencoded::parse(query.as_bytes()).find(|(other, _)| other == name).map(|(_, value)| Cow::into_owned(value))
    }
}

/// A request as plain data.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The verb.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Without the content type.
    pub headers: Vec<(String, String)>,
    /// Empty with GET.
    pub body: Vec<u8>,
    /// Of the body, when there is one.
    pub content_type: Option<&'static str>,
}

/// Addresses, headers and bodies hold secrets, numbers and what people write; none of it reaches a log.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} {}…, {} bytes)", self.method.word(), escape::origin(&self.url), self.body.len())
    }
}

/// The verbs by which messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the verbs of HTTP")]
pub enum Method {
    Get,
    Post,
    Put,
}

impl Method {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A password or token of a provider. It is stored and sent, but never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Credential(String);

impl Credential {
    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Credential {
    type Error = InvalidProvider;

    fn try_from(text: String) -> Result<Self, InvalidProvider> {
        if text.is_empty() || text.contains(char::is_control) {
            return Err(InvalidProvider::Credential);
        }
        Ok(Self(text))
    }
}

impl From<Credential> for String {
    fn from(credential: Credential) -> Self {
        credential.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// What is wrong with a provider's configuration. The texts show no values: these may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProvider {
    /// A name in braces that stands for nothing.
    #[error("{{{0}}} is not a placeholder; known are {known}", known = template::known())]
    Placeholder(String),
    /// A single brace.
    #[error("a brace opens or closes no placeholder; a brace that is meant as such is written twice")]
    Brace,
    /// An address that cannot be asked.
    #[error("{field}: {expected}")]
    Address {
        /// Which one.
        field: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// A header that cannot be sent, or is not the template's to set.
    #[error("headers: {name:?} {why}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A field that does not fit the others.
    #[error("{field}: {expected}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// A secret that cannot be one.
    #[error("a password or token is empty or holds control characters")]
    Credential,
}

/// A message of which no request can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value of this message would change the path of the provider's address")]
pub struct Unfit;
