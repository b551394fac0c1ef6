//! Providers that carry text messages: a closed set, written as configuration. What goes to them and what comes from them are
//! plain data here; the one who has a connection sends [`Outgoing`] and brings back the [`Reply`].
//!
//! # An unclear send
//! A request whose answer is lost may have reached the provider, and a second one would reach the person twice. So a reply is judged
//! three ways ([`Verdict`]): the provider has the message; it surely has not; nobody knows. Only the second may be tried again. The
//! third stays `sending` and is shown as unclear, until the provider tells more by itself or a person decides.

mod http;
mod posts;
mod reply;
mod simulated;
mod twilio;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::{
    http::{Auth, HttpTemplate},
    posts::Posts,
    reply::{Reply, Verdict},
    twilio::{Callback, Form, TwilioAccount, Unreadable},
};
use super::{Incoming, Message, Told};
pub use crate::domain::request::{ContentType, Credential, Invalid as InvalidProvider, Method, Outgoing, Unfit};
use crate::domain::{phone::HomeRegion, request::escape};

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
