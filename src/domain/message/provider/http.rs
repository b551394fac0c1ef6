//! Any provider that takes one HTTP request per message, described by a template.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Credential, InvalidProvider, Method, Outgoing, Unfit, escape,
    posts::Posts,
    reply::{self, Reading, Reply, Verdict},
    template::{Template, Values},
};
use crate::domain::message::{Message, Status, Told};

/// Headers that follow from the request itself.
const NOT_TO_SET: [&str; 7] = ["connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"];

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
    url: Template,
    /// How a body holds the parameters.
    #[serde(default)]
    content_type: ContentType,
    /// Values may hold placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Template>,
    #[serde(default)]
    auth: Auth,
    /// With GET in the query, else in the body. One that is a single placeholder without a value is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, Template>,
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

/// How a body holds parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentType {
    /// As an HTML form.
    #[default]
    Form,
    /// As one JSON object of strings.
    Json,
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
            Self::Basic { user, password } => Some(basic(user, password)),
            Self::Bearer { token } => Some(format!("Bearer {}", token.reveal())),
        }
    }
}

/// The value of a Basic header.
pub(super) fn basic(user: &str, password: &Credential) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.reveal())))
}

impl TryFrom<Written> for HttpTemplate {
    type Error = InvalidProvider;

    fn try_from(written: Written) -> Result<Self, InvalidProvider> {
        let wrong = |field, expected| Err(InvalidProvider::Field { field, expected });
        escape::check_address("url", &written.url.to_string())?;
        if written.url.literals().any(|text| text.contains(['{', '}'])) {
            return wrong("url", "a brace in an address is written as %7B or %7D");
        }
        for (name, value) in &written.headers {
            check_header(name, value, &written.auth)?;
        }
        let pointer_is_one = written.id_pointer.as_ref().is_none_or(|pointer| pointer.starts_with('/'));
        match () {
            () if written.method == Method::Get && written.content_type == ContentType::Json => {
                wrong("contentType", "GET has no body; its parameters are in the query")
            }
            () if matches!(&written.auth, Auth::Basic { user, .. } if user.contains(|c: char| c == ':' || c.is_control())) => {
                wrong("auth.basic.user", "a user has no colon")
            }
            () if matches!(&written.auth, Auth::Bearer { token } if !token.reveal().chars().all(|c| c.is_ascii_graphic())) => {
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

/// A header must be one, and must not be one that follows from something else.
fn check_header(name: &str, value: &Template, auth: &Auth) -> Result<(), InvalidProvider> {
    let wrong = |why| Err(InvalidProvider::Header { name: name.to_owned(), why });
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match () {
        () if name.is_empty() || !name.chars().all(token) => wrong("is not the name of a header"),
        () if NOT_TO_SET.iter().any(|known| name.eq_ignore_ascii_case(known)) => wrong("follows from the request and cannot be set"),
        () if name.eq_ignore_ascii_case("authorization") && *auth != Auth::None => wrong("is set by auth"),
        () if !value.literals().all(|text| text.chars().all(|c| c == ' ' || c.is_ascii_graphic())) => {
            wrong("has a value that no header can hold")
        }
        () => Ok(()),
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
        let values = Values { message, callback };
        let mut url = written.url.fill(values, escape::in_address);
        if escape::climbs(&url) {
            return Err(Unfit);
        }
        // a parameter is written as a whole, so its text needs no escape before
        let params =
            || written.params.iter().filter_map(|(name, value)| Some((name.as_str(), value.fill_if_any(values, escape::as_it_is)?)));
        let pairs = || escape::pairs(params().map(|(name, value)| (name, Cow::Owned(value))));
        let (content_type, body) = match (written.method, written.content_type) {
            (Method::Get, _) => {
                let query = pairs();
                if !query.is_empty() {
                    url.push(if url.contains('?') { '&' } else { '?' });
                    url.push_str(&query);
                }
                (None, Vec::new())
            }
            (Method::Post | Method::Put, ContentType::Form) => (Some("application/x-www-form-urlencoded"), pairs().into_bytes()),
            (Method::Post | Method::Put, ContentType::Json) => {
                let object = params().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
                (Some("application/json"), Value::Object(object).to_string().into_bytes())
            }
        };
        let own = written.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.fill_if_any(values, escape::in_header)?)));
        let headers = written.auth.header().map(|value| ("Authorization".to_owned(), value)).into_iter().chain(own).collect();
        Ok(Outgoing { method: written.method, url, headers, body, content_type })
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
                    answer.as_ref().and_then(|answer| answer.pointer(pointer)).and_then(reply::word).map(|id| sent(Some(id)))
                }
            };
            Reading { taken, code: None, text }
        })
    }
}
