//! Any telephone system that takes one HTTP request per order, described by templates, and posts what happens to one of the
//! account's gateways.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Refusal,
    judge::{self, Reply, Verdict},
    place::{Place, Values},
};
use crate::domain::{
    order::{Command, Order, Verb},
    request::{
        self, ContentType, Credential, Draft, Invalid, Method, Outgoing, Template, check_header, check_url, escape, is_token, is_user, word,
    },
};

/// One system. Made only of a configuration that holds together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Generic {
    written: Written,
    capabilities: Vec<Verb>,
}

/// The configuration as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    /// The gateway of the account that it reports to.
    gateway: String,
    /// With every request that names none of its own.
    #[serde(default = "post")]
    method: Method,
    #[serde(default)]
    content_type: ContentType,
    #[serde(default)]
    auth: Auth,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Template<Place>>,
    /// With every request; one of the same name in a request goes before it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, Template<Place>>,
    /// By the word of the order.
    requests: BTreeMap<String, Request>,
    /// Where the answer, being JSON, holds the system's own id of the call (RFC 6901).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call_id_pointer: Option<String>,
    /// Statuses that mean that it has taken the order; when none are given, 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    success_statuses: Vec<u16>,
    /// Whole answers that mean that it has not, whatever the status is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failure_texts: Vec<String>,
}

fn post() -> Method {
    Method::Post
}

/// How one order is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    /// May hold placeholders behind the host.
    url: Template<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<Method>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, Template<Place>>,
}

/// How we prove who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Auth {
    /// Not at all, or by a header or parameter.
    #[default]
    None,
    /// With a user and a password.
    Basic {
        /// Without a colon.
        user: String,
        /// Anything.
        password: Credential,
    },
    /// With a token that is asked for first. Where a header or parameter says `{token}`, it goes there; else it is a bearer.
    Token(TokenUrl),
}

/// Where a token is to be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenUrl {
    url: String,
    #[serde(default = "post")]
    method: Method,
    #[serde(default)]
    content_type: ContentType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<Credential>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, Credential>,
    /// Where the answer, being JSON, holds the token.
    #[serde(default = "access_token")]
    pointer: String,
    /// Where it holds the token's life in seconds; without one it is kept until it is refused.
    #[serde(default = "expires_in")]
    life_pointer: String,
}

fn access_token() -> String {
    "/access_token".to_owned()
}

fn expires_in() -> String {
    "/expires_in".to_owned()
}

/// The word of an order. A third party who is rung into a conversation is asked for in another way than two calls that are joined.
fn word_of(command: &Command) -> &'static str {
    match command {
        Command::Invite { .. } => INVITE,
        command => command.verb().word(),
    }
}

const INVITE: &str = "invite";

/// What a request must tell, or the system could not know what is meant.
fn needs(word: &str) -> &'static [Place] {
    match Verb::read(word) {
        Some(Verb::Dial | Verb::Deflect) => &[Place::Number, Place::PlainNumber],
        Some(Verb::Dtmf) => &[Place::Digits],
        Some(Verb::Play) => &[Place::File],
        _ => &[Place::Call],
    }
}

impl TryFrom<Written> for Generic {
    type Error = Invalid;

    fn try_from(written: Written) -> Result<Self, Invalid> {
        let wrong = |field, expected| Err(Invalid::Field { field, expected });
        if written.gateway.trim().is_empty() {
            return wrong("gateway", "expected the name of the gateway that it reports to");
        }
        let has_token = match &written.auth {
            Auth::None => false,
            Auth::Basic { user, .. } if !is_user(user) => return wrong("auth.basic.user", "a user has no colon"),
            Auth::Basic { .. } => false,
            Auth::Token(token) => token.check().map(|()| true)?,
        };
        let token_is_placed = written.says(Place::Token);
        for (name, value) in &written.headers {
            check_header(name, value, matches!(written.auth, Auth::Basic { .. }) || (has_token && !token_is_placed))?;
        }
        if token_is_placed && !has_token {
            return wrong("auth", "{token} stands for a token, and auth.token does not say where it is to be had");
        }
        if written.requests.is_empty() {
            return wrong("requests", "expected one request at least, such as dial");
        }
        for (word, request) in &written.requests {
            written.check_request(word, request)?;
        }
        let pointer_is_one = written.call_id_pointer.as_ref().is_none_or(|pointer| pointer.starts_with('/'));
        match () {
            () if !pointer_is_one => wrong("callIdPointer", "a JSON pointer begins with a slash, such as /call/id"),
            () if !written.success_statuses.iter().all(|status| (200..400).contains(status)) => {
                wrong("successStatuses", "statuses of success are between 200 and 399")
            }
            () => {
                let has = |verb: &Verb| {
                    written.requests.contains_key(verb.word()) || (*verb == Verb::Conference && written.requests.contains_key(INVITE))
                };
                let capabilities = Verb::ALL.iter().copied().filter(has).collect();
                Ok(Self { written, capabilities })
            }
        }
    }
}

impl From<Generic> for Written {
    fn from(generic: Generic) -> Self {
        generic.written
    }
}

impl TokenUrl {
    fn check(&self) -> Result<(), Invalid> {
        let wrong = |field, expected| Err(Invalid::Field { field, expected });
        escape::check_address("auth.token.url", &self.url)?;
        match () {
            () if self.url.contains(['{', '}']) => wrong("auth.token.url", "the address has no placeholders"),
            () if self.user.is_some() != self.password.is_some() => {
                wrong("auth.token.user", "a user has a password, and a password a user")
            }
            () if !self.user.as_deref().is_none_or(is_user) => wrong("auth.token.user", "a user has no colon"),
            () if self.method == Method::Get && self.content_type == ContentType::Json => {
                wrong("auth.token.contentType", "GET has no body; its parameters are in the query")
            }
            () if !self.pointer.starts_with('/') => {
                wrong("auth.token.pointer", "a JSON pointer begins with a slash, such as /access_token")
            }
            () if !self.life_pointer.starts_with('/') => {
                wrong("auth.token.lifePointer", "a JSON pointer begins with a slash, such as /expires_in")
            }
            () => Ok(()),
        }
    }

    /// The request for a token.
    pub fn request(&self) -> Outgoing {
        let pairs = || escape::pairs(self.params.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value.reveal()))));
        let mut url = self.url.clone();
        let (content_type, body) = match (self.method, self.content_type) {
            (Method::Get, _) => {
                let query = pairs();
                if !query.is_empty() {
                    url.push(if url.contains('?') { '&' } else { '?' });
                    url.push_str(&query);
                }
                (None, vec![])
            }
            (_, ContentType::Form) => (Some("application/x-www-form-urlencoded"), pairs().into_bytes()),
            (_, ContentType::Json) => {
                let object = self.params.iter().map(|(name, value)| (name.clone(), Value::String(value.reveal().to_owned()))).collect();
                (Some("application/json"), Value::Object(object).to_string().into_bytes())
            }
        };
        let authorization = self.user.as_ref().zip(self.password.as_ref()).map(|(user, password)| request::basic(user, password));
        let headers = authorization.map(|value| ("Authorization".to_owned(), value)).into_iter().collect();
        Outgoing { method: self.method, url, headers, body, content_type }
    }

    /// The token that an answer holds, and its life in seconds when that is told.
    pub fn read(&self, body: &[u8]) -> Option<(Credential, Option<i64>)> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let token = answer.pointer(&self.pointer).and_then(word).filter(|token| is_token(token))?;
        let life = answer.pointer(&self.life_pointer).and_then(word).and_then(|text| text.parse().ok());
        Some((Credential::try_from(token).ok()?, life.filter(|life| *life > 0)))
    }
}

impl Written {
    /// Whether a header or a parameter asks for this.
    fn says(&self, place: Place) -> bool {
        let own = self.requests.values().flat_map(|request| request.params.values());
        self.headers.values().chain(self.params.values()).chain(own).any(|template| template.asks_for(place))
    }

    fn check_request(&self, word: &str, request: &Request) -> Result<(), Invalid> {
        let wrong = |field, expected| Err(Invalid::Field { field, expected });
        if word != INVITE && Verb::read(word).is_none() {
            return wrong(
                "requests",
                "expected requests by the names dial, connect, answer, hangup, hold, resume, blind_transfer, consult_transfer, \
                 complete_transfer, conference, invite, deflect, dtmf, play",
            );
        }
        check_url("requests.url", &request.url)?;
        if self.content_type == ContentType::Json && request.method.unwrap_or(self.method) == Method::Get {
            return wrong("contentType", "GET has no body; its parameters are in the query");
        }
        let told = |place: &Place| self.params_of(request).any(|(_, template)| template.asks_for(*place)) || request.url.asks_for(*place);
        match needs(word) {
            needed if needed.iter().any(told) => Ok(()),
            [Place::Number, ..] if word == Verb::Deflect.word() => {
                wrong("requests.deflect", "expected {number} or {plainNumber} in its url or a parameter")
            }
            [Place::Digits] => wrong("requests.dtmf", "expected {digits} in its url or a parameter"),
            [Place::File] => wrong("requests.play", "expected {file} in its url or a parameter"),
            [Place::Call] => wrong("requests", "expected {call} in the url or a parameter of every request but dial"),
            _ => wrong("requests.dial", "expected {number} or {plainNumber} in its url or a parameter"),
        }
    }

    /// Those of every request, and its own, which go before them.
    fn params_of<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = (&'a str, &'a Template<Place>)> {
        let common = self.params.iter().filter(|(name, _)| !request.params.contains_key(*name));
        common.chain(&request.params).map(|(name, value)| (name.as_str(), value))
    }
}

impl Generic {
    /// What it can be told.
    pub fn capabilities(&self) -> &[Verb] {
        &self.capabilities
    }

    /// The gateway that it reports to.
    pub fn gateway(&self) -> &str {
        &self.written.gateway
    }

    /// Where a token is to be had, when one is needed.
    pub fn token(&self) -> Option<&TokenUrl> {
        if let Auth::Token(token) = &self.written.auth { Some(token) } else { None }
    }

    /// The request that tells an order.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn request(&self, order: &Order, token: Option<&Credential>) -> Result<Outgoing, Refusal> {
        let written = &self.written;
        let word = word_of(&order.command);
        let request = written.requests.get(word).ok_or_else(|| Refusal::new("not_supported", "the telephone system cannot do this"))?;
        let asks = |place| written.params_of(request).any(|(_, value)| value.asks_for(place)) || request.url.asks_for(place);
        let values = Values { order, word, token };
        if asks(Place::Extension) && values.lacks_extension() {
            return Err(Refusal::new("no_extension", "no telephone of this agent is known: give him an extension"));
        }
        let authorization = match &written.auth {
            Auth::Basic { user, password } => Some(request::basic(user, password)),
            Auth::Token(_) if !written.says(Place::Token) => token.map(|token| format!("Bearer {}", token.reveal())),
            Auth::None | Auth::Token(_) => None,
        };
        let draft = Draft {
            method: request.method.unwrap_or(written.method),
            url: &request.url,
            content_type: written.content_type,
            headers: &written.headers,
            authorization,
            params: written.params_of(request).collect(),
        };
        draft.render(&|place| values.get(place)).map_err(|unfit| Refusal::new("unfit", unfit.to_string()))
    }

    /// What an answer means.
    pub fn judge(&self, reply: Reply<'_>) -> Verdict {
        judge::judge(reply, &self.written.success_statuses, |body| {
            let text = String::from_utf8_lossy(body);
            if self.written.failure_texts.iter().any(|failure| failure.trim() == text.trim()) {
                return Err(Refusal::new("refused", "the telephone system answered that it failed"));
            }
            let answer = || serde_json::from_slice::<Value>(body).ok();
            Ok(self.written.call_id_pointer.as_ref().and_then(|pointer| answer()?.pointer(pointer).and_then(word)))
        })
    }
}
