//! Sound in the browser: where the softphone of an agent registers by SIP over a WebSocket, and as whom.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::asterisk::StationHole;
use crate::domain::{
    phone::Number,
    request::{Credential, Invalid, Template, escape},
};

/// How browsers become telephones of a system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Audio {
    /// Where its WebSocket is.
    url: String,
    /// What stands behind the `@` of its addresses.
    domain: String,
    /// As whom an agent registers; by his extension when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<Template<StationHole>>,
    /// The password of whoever has none of his own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<Credential>,
    /// Passwords by extension.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    passwords: BTreeMap<String, Credential>,
}

/// As whom one agent's softphone registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The address of the WebSocket.
    pub url: &'a str,
    /// What stands before the `@`.
    pub user: String,
    /// What stands behind it.
    pub domain: &'a str,
    /// The password.
    pub password: &'a Credential,
}

impl Audio {
    /// Checks what stands in it.
    ///
    /// # Errors
    /// The field that cannot be, and what was expected.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let wrong = |field, expected| Err(Invalid::Field { field, expected });
        // the rules of other addresses hold behind another scheme
        let asked = self.url.strip_prefix("wss://").map(|rest| format!("https://{rest}"));
        let asked = asked.or_else(|| self.url.strip_prefix("ws://").map(|rest| format!("http://{rest}")));
        let Some(asked) = asked else {
            return wrong("audio.url", "expected the address of a WebSocket, such as wss://pbx.example:8089/ws");
        };
        escape::check_address("audio.url", &asked)?;
        let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '{' | '}');
        match () {
            () if self.url.contains(['?', '{', '}', ';', ',', '\'']) => {
                wrong("audio.url", "the address has neither a query, nor placeholders, nor commas, semicolons and quotes")
            }
            () if self.domain.is_empty() || !self.domain.chars().all(host) => {
                wrong("audio.domain", "expected the name of a host, such as pbx.example")
            }
            () if !self.user.as_ref().is_none_or(|user| user.asks_for(StationHole::Extension) && user.to_string().chars().all(name)) => {
                wrong("audio.user", "expected a name with {extension}, such as web-{extension}")
            }
            () if self.password.is_none() && self.passwords.is_empty() => {
                wrong("audio.passwords", "expected a password for each extension, or one for all as audio.password")
            }
            () => Ok(()),
        }
    }

    /// Scheme, host and port of the WebSocket.
    pub fn origin(&self) -> &str {
        escape::origin(&self.url)
    }

    /// As whom the agent with this extension registers; `None` when he has no password.
    pub fn line_of(&self, extension: &Number) -> Option<Line<'_>> {
        let password = self.passwords.get(extension.as_str()).or(self.password.as_ref())?;
        let value = |StationHole::Extension| Some(Cow::Borrowed(extension.as_str()));
        let user = self.user.as_ref().map_or_else(|| extension.to_string(), |user| user.fill(&value, escape::as_it_is));
        Some(Line { url: &self.url, user, domain: &self.domain, password })
    }
}
