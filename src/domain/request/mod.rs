//! Requests that configuration describes: plain data, and templates that become such data. Providers of text messages and gateways of
//! telephone systems are asked by them; the one who has a connection sends them.

pub(in crate::domain) mod escape;
mod template;

use std::{borrow::Cow, collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(in crate::domain) use self::template::Values;
pub use self::template::{Hole, Template};

/// Headers that follow from the request itself.
const NOT_TO_SET: [&str; 7] = ["connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"];

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

/// The verbs of requests.
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

/// A password or token. It is stored and sent, but never shown.
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
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        if text.is_empty() || text.contains(char::is_control) {
            return Err(Invalid::Credential);
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

/// The value of a Basic header.
pub(in crate::domain) fn basic(user: &str, password: &Credential) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.reveal())))
}

/// Whether a user can be told by Basic.
pub(in crate::domain) fn is_user(user: &str) -> bool {
    !user.contains(|c: char| c == ':' || c.is_control())
}

/// Whether a text can be sent as a token.
pub(in crate::domain) fn is_token(token: &str) -> bool {
    !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic())
}

/// What is wrong with a configuration. The texts show no values: these may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A name in braces that stands for nothing.
    #[error("{{{name}}} is not a placeholder; known are {known}")]
    Placeholder {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
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

/// Something of which no request can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value would change the path of the address")]
pub struct Unfit;

/// Whether it is the name of a header.
fn is_header(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

/// A header must be one, and must not be one that follows from something else.
pub(in crate::domain) fn check_header<H: Hole>(name: &str, value: &Template<H>, sets_authorization: bool) -> Result<(), Invalid> {
    let wrong = |why| Err(Invalid::Header { name: name.to_owned(), why });
    match () {
        () if !is_header(name) => wrong("is not the name of a header"),
        () if NOT_TO_SET.iter().any(|known| name.eq_ignore_ascii_case(known)) => wrong("follows from the request and cannot be set"),
        () if name.eq_ignore_ascii_case("authorization") && sets_authorization => wrong("is set by auth"),
        () if !value.literals().all(|text| text.chars().all(|c| c == ' ' || c.is_ascii_graphic())) => {
            wrong("has a value that no header can hold")
        }
        () => Ok(()),
    }
}

/// An address with holes must be one.
pub(in crate::domain) fn check_url<H: Hole>(field: &'static str, url: &Template<H>) -> Result<(), Invalid> {
    escape::check_address(field, &url.to_string())?;
    if url.literals().any(|text| text.contains(['{', '}'])) {
        return Err(Invalid::Field { field, expected: "a brace in an address is written as %7B or %7D" });
    }
    Ok(())
}

/// A request with holes.
pub(in crate::domain) struct Draft<'a, H> {
    pub(in crate::domain) method: Method,
    /// May hold placeholders behind the host.
    pub(in crate::domain) url: &'a Template<H>,
    /// How a body holds the parameters.
    pub(in crate::domain) content_type: ContentType,
    pub(in crate::domain) headers: &'a BTreeMap<String, Template<H>>,
    pub(in crate::domain) authorization: Option<String>,
    /// With GET in the query, else in the body. One that is a single placeholder without a value is left out.
    pub(in crate::domain) params: Vec<(&'a str, &'a Template<H>)>,
}

impl<H: Hole> Draft<'_, H> {
    /// The request with its holes filled.
    pub(in crate::domain) fn render(&self, values: Values<'_, H>) -> Result<Outgoing, Unfit> {
        let mut url = self.url.fill(values, escape::in_address);
        if escape::climbs(&url) {
            return Err(Unfit);
        }
        // a parameter is written as a whole, so its text needs no escape before
        let params = || self.params.iter().filter_map(|(name, value)| Some((*name, value.fill_if_any(values, escape::as_it_is)?)));
        let pairs = || escape::pairs(params().map(|(name, value)| (name, Cow::Owned(value))));
        let (content_type, body) = match (self.method, self.content_type) {
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
        let own = self.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.fill_if_any(values, escape::in_header)?)));
        let headers = self.authorization.iter().map(|value| ("Authorization".to_owned(), value.clone())).chain(own).collect();
        Ok(Outgoing { method: self.method, url, headers, body, content_type })
    }
}

/// An identifier or code as JSON holds it.
pub(in crate::domain) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
