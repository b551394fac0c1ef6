//! Any provider that takes one HTTP request per message, described by a template.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ContentType, Credential, InvalidProvider, Method, Outgoing, Unfit,
    posts::Posts,
    reply::{self, Reading, Reply, Verdict},
};
use crate::domain::{
    message::{Message, Status, Told},
    request::{self, Draft, Hole, Template, check_header, check_url, is_token, is_user},
};

/// What stands for a value of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    From,
    To,
    Body,
    Id,
    Agent,
    Lead,
    Callback,
}

impl Hole for Place {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("from", Self::From),
        ("to", Self::To),
        ("body", Self::Body),
        ("id", Self::Id),
        ("agent", Self::Agent),
        ("lead", Self::Lead),
        ("callback", Self::Callback),
    ];
}

impl Place {
    /// The value; `None` when this message has none.
    fn of<'a>(self, message: &'a Message, callback: Option<&'a str>) -> Option<Cow<'a, str>> {
        match self {
            Self::From => Some(message.from.as_str().into()),
            Self::To => Some(message.to.as_str().into()),
            Self::Body => Some(message.body.as_str().into()),
            Self::Id => Some(message.id.to_string().into()),
            Self::Agent => message.agent.as_deref().map(Cow::Borrowed),
            Self::Lead => message.lead.map(|lead| lead.to_string().into()),
            Self::Callback => callback.map(Cow::Borrowed),
        }
    }
}

/// A request with holes, and how to read its answer. Made only of a configuration that holds together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct HttpTemplate(Written);

/// The configuration as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    method: Method,
    /// May hold placeholders behind the host.
    url: Template<Place>,
    /// How a body holds the parameters.
    #[serde(default)]
    content_type: ContentType,
    /// Values may hold placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Template<Place>>,
    #[serde(default)]
    auth: Auth,
    /// With GET in the query, else in the body. One that is a single placeholder without a value is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, Template<Place>>,
    /// Where the answer, being JSON, holds the provider's id (RFC 6901). An answer without one is then no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_pointer: Option<String>,
    /// Statuses that mean that the provider has the message; when none are given, 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    success_statuses: Vec<u16>,
    /// What it posts to us; when absent, it tells no more than its answer and brings no messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    posts: Option<Posts>,
}

/// How we prove who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Auth {
    /// Not at all, or by a header or parameter of the template.
    #[default]
    None,
    /// With a user and a password.
    Basic {
        /// Without a colon.
        user: String,
        /// Anything.
        password: Credential,
    },
    /// With a token.
    Bearer {
        /// As the provider gave it.
        token: Credential,
    },
}

impl Auth {
    /// The header's value.
    pub(super) fn header(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Basic { user, password } => Some(request::basic(user, password)),
            Self::Bearer { token } => Some(format!("Bearer {}", token.reveal())),
        }
    }
}

impl TryFrom<Written> for HttpTemplate {
    type Error = InvalidProvider;

    fn try_from(written: Written) -> Result<Self, InvalidProvider> {
        let wrong = |field, expected| Err(InvalidProvider::Field { field, expected });
        check_url("url", &written.url)?;
        for (name, value) in &written.headers {
            check_header(name, value, written.auth != Auth::None)?;
        }
        let pointer_is_one = written.id_pointer.as_ref().is_none_or(|pointer| pointer.starts_with('/'));
        match () {
            () if written.method == Method::Get && written.content_type == ContentType::Json => {
                wrong("contentType", "GET has no body; its parameters are in the query")
            }
            () if matches!(&written.auth, Auth::Basic { user, .. } if !is_user(user)) => wrong("auth.basic.user", "a user has no colon"),
            () if matches!(&written.auth, Auth::Bearer { token } if !is_token(token.reveal())) => {
                wrong("auth.bearer.token", "a token has letters, digits and signs only")
            }
            () if !pointer_is_one => wrong("idPointer", "a JSON pointer begins with a slash, such as /messages/0/id"),
            () if !written.success_statuses.iter().all(|status| (200..400).contains(status)) => {
                wrong("successStatuses", "statuses of success are between 200 and 399")
            }
            () => Ok(Self(written)),
        }
    }
}

impl From<HttpTemplate> for Written {
    fn from(template: HttpTemplate) -> Self {
        template.0
    }
}

impl HttpTemplate {
    /// What it posts to us.
    pub(super) fn posts(&self) -> Option<&Posts> {
        self.0.posts.as_ref()
    }

    /// The request that sends this message.
    pub(super) fn render(&self, message: &Message, callback: Option<&str>) -> Result<Outgoing, Unfit> {
        let written = &self.0;
        let draft = Draft {
            method: written.method,
            url: &written.url,
            content_type: written.content_type,
            headers: &written.headers,
            authorization: written.auth.header(),
            params: written.params.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        };
        draft.render(&|hole: Place| hole.of(message, callback))
    }

    /// What an answer means. Many a provider tells no more afterwards: what it took counts as sent.
    pub(super) fn judge(&self, reply: Reply<'_>) -> Verdict {
        reply::judge(reply, &self.0.success_statuses, |body| {
            let sent = |provider_id| Told { provider_id, ..Told::status(Status::Sent) };
            let text = Some(String::from_utf8_lossy(body).trim().to_owned()).filter(|text| !text.is_empty());
            let taken = match &self.0.id_pointer {
                None => Some(sent(None)),
                Some(pointer) => {
                    let answer: Option<Value> = serde_json::from_slice(body).ok();
                    answer.as_ref().and_then(|answer| answer.pointer(pointer)).and_then(request::word).map(|id| sent(Some(id)))
                }
            };
            Reading { taken, code: None, text }
        })
    }
}
