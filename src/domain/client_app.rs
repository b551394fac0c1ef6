//! Client apps: a CRM that embeds the softphone, or a page that uses the libraries; from which origins it comes, and what it may do.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::phone::Number;

/// Most origins of a client app.
const MAX_ORIGINS: usize = 50;
/// Most headers.
const MAX_HEADERS: usize = 20;
/// Most identities.
const MAX_IDENTITIES: usize = 200;
/// The longest value of a header, in characters.
const MAX_HEADER: usize = 1_000;
/// Longest name, in characters.
const MAX_NAME: usize = 40;

/// Headers that decide who may frame, read or keep an answer, or how it travels: they are the gateway's.
const OURS: [&str; 24] = [
    "content-security-policy",
    "content-security-policy-report-only",
    "x-frame-options",
    "set-cookie",
    "set-cookie2",
    "cookie",
    "clear-site-data",
    "cache-control",
    "content-type",
    "content-length",
    "content-encoding",
    "location",
    "x-content-type-options",
    "referrer-policy",
    // hop by hop
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];
/// All headers that begin so are the gateway's, too.
const OUR_PREFIXES: [&str; 2] = ["access-control-", "cross-origin-"];

/// A client app. Its name and that of its account make the client id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientApp {
    /// Where its pages are, such as `https://crm.example.com` or `*.example.com`.
    #[schema(value_type = Vec<String>)]
    pub origins: Vec<Pattern>,
    /// Headers beside the gateway's own on every answer of its softphone page.
    pub headers: BTreeMap<String, String>,
    /// What becomes of a number that its page wants dialed.
    pub auto_dial: AutoDial,
    /// For whom an agent can call.
    pub identities: Vec<Identity>,
}

/// What becomes of a number that a page wants dialed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutoDial {
    /// It is dialed at once.
    #[default]
    Allow,
    /// It is put into the dial pad, and the agent dials it.
    Confirm,
}

/// For whom an agent can call: the page names it by kind and id, and the called party sees its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ClientAppIdentity)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: IdentityKind,
    /// The page's id of it.
    pub id: i64,
    /// The ring group whose number is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_group: Option<String>,
    /// The number that is shown, one of the account's own, where no ring group is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Number>,
}

/// The kinds of identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ClientAppIdentityKind)]
pub enum IdentityKind {
    /// An office.
    Office,
    /// A department.
    OfficeGroup,
    /// A call centre.
    CallCenter,
}

/// Which origins are meant: one, those of all hosts below a domain, those of all ports of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    is_https: bool,
    /// Whether all hosts below this one are meant, and not this one.
    below: bool,
    host: String,
    port: Port,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Any,
    /// As the scheme has it where none is said.
    Of(u16),
}

impl Pattern {
    /// Whether an origin, as a browser says it, is meant. `null` and what is no origin are not.
    pub fn includes(&self, origin: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let default = match scheme {
            "https" if self.is_https => 443,
            "http" if !self.is_https => 80,
            _ => return false,
        };
        let Some((host, port)) = host_and_port(authority, default) else { return false };
        let same_host = match host.strip_suffix(&*self.host) {
            Some("") => !self.below,
            Some(above) => self.below && above.len() > 1 && above.ends_with('.'),
            None => false,
        };
        same_host && (self.port == Port::Any || self.port == Port::Of(port))
    }

    /// A regular expression that an origin must match, for a browser. It says what [`includes`](Self::includes) does.
    pub fn expression(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        let below = if self.below { "(?:[a-z0-9_-]+\\.)+" } else { "" };
        let host = self.host.replace('.', "\\.").replace('[', "\\[").replace(']', "\\]");
        let port = match self.port {
            Port::Any => "(?::[0-9]+)?".to_owned(),
            Port::Of(port) if port == Self::default_port(self.is_https) => String::new(),
            Port::Of(port) => format!(":{port}"),
        };
        format!("^{scheme}://{below}{host}{port}$")
    }

    fn default_port(is_https: bool) -> u16 {
        if is_https { 443 } else { 80 }
    }
}

/// The host, in lower case, and the port of what follows `://`. An origin has nothing after them.
fn host_and_port(authority: &str, default: u16) -> Option<(&str, u16)> {
    let named = authority.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()));
    let (host, port) = match named {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default),
    };
    is_host(host).then_some((host, port))
}

/// Labels of letters, digits and hyphens, or an address of IPv6 in brackets.
fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<core::net::Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

impl FromStr for Pattern {
    type Err = String;

    /// Reads `https://crm.example.com`, `crm.example.com`, `*.example.com`, `http://localhost:*` and the like. A path says nothing and
    /// may be left out, or be `/` or `/*`.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "expected an origin such as https://crm.example.com, *.example.com or https://example.com:*";
        let text = text.trim().to_ascii_lowercase();
        let (is_https, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) => return Err(format!("{FORM}: pages come by https, or by http")),
            None => (true, &*text),
        };
        let rest = match rest.split_once('/') {
            Some((authority, "" | "*")) => authority,
            Some(_) => return Err(format!("{FORM}: an origin has no path, and at most * stands for one")),
            None => rest,
        };
        let (rest, port) = match rest.strip_suffix(":*") {
            Some(rest) => (rest, Some(Port::Any)),
            None => (rest, None),
        };
        if rest.ends_with(".*") {
            return Err("expected a domain without * at its end: whoever owns any domain of that name would be let in".to_owned());
        }
        let (below, rest) = rest.strip_prefix("*.").map_or((false, rest), |rest| (true, rest));
        let has_port = port.is_none();
        let (host, number) = if has_port { host_and_port(rest, Self::default_port(is_https)) } else { Some((rest, 0)) }.ok_or(FORM)?;
        if !is_host(host) || host.contains('*') {
            return Err(FORM.to_owned());
        }
        if below && (!host.contains('.') || host.starts_with('[') || host.bytes().all(|c| c.is_ascii_digit() || c == b'.')) {
            return Err("expected a domain of at least two parts after *., such as *.example.com".to_owned());
        }
        Ok(Self { is_https, below, host: host.to_owned(), port: port.unwrap_or(Port::Of(number)) })
    }
}

/// As a browser's content security policy has it, too.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        write!(f, "{}://{below}{}", if self.is_https { "https" } else { "http" }, self.host)?;
        match self.port {
            Port::Any => f.write_str(":*"),
            Port::Of(port) if port == Self::default_port(self.is_https) => Ok(()),
            Port::Of(port) => write!(f, ":{port}"),
        }
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl ClientApp {
    /// Checks what its own form does not say. Whether the numbers and ring groups that it names are there is checked beside.
    ///
    /// # Errors
    /// The field, and what was expected.
    pub fn check(&self) -> Result<(), (String, String)> {
        let fault = |field: String, expected: String| Err((field, expected));
        if self.origins.len() > MAX_ORIGINS {
            return fault("origins".to_owned(), format!("expected at most {MAX_ORIGINS}"));
        }
        if self.headers.len() > MAX_HEADERS {
            return fault("headers".to_owned(), format!("expected at most {MAX_HEADERS}"));
        }
        for (name, value) in &self.headers {
            let lower = name.to_ascii_lowercase();
            let is_token = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
            if !is_token {
                return fault(format!("headers.{name}"), "expected the name of a header".to_owned());
            }
            if OURS.contains(&&*lower) || OUR_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
                return fault(format!("headers.{name}"), "expected another header: this one is the gateway's".to_owned());
            }
            if value.len() > MAX_HEADER || !value.bytes().all(|c| (b' '..=b'~').contains(&c)) {
                return fault(format!("headers.{name}"), format!("expected at most {MAX_HEADER} printable characters of ASCII"));
            }
        }
        if self.identities.len() > MAX_IDENTITIES {
            return fault("identities".to_owned(), format!("expected at most {MAX_IDENTITIES}"));
        }
        for (index, identity) in self.identities.iter().enumerate() {
            if identity.ring_group.is_some() == identity.number.is_some() {
                return fault(format!("identities[{index}]"), "expected either ringGroup or number".to_owned());
            }
            let twin = |other: &Identity| (other.kind, other.id) == (identity.kind, identity.id);
            if self.identities[..index].iter().any(twin) {
                return fault(format!("identities[{index}].id"), "expected an id that no other of this type has".to_owned());
            }
        }
        Ok(())
    }

    /// Whether pages of this origin are this client app's.
    pub fn includes(&self, origin: &str) -> bool {
        self.origins.iter().any(|pattern| pattern.includes(origin))
    }
}

/// Checks the name of a client app; it is a part of an address.
///
/// # Errors
/// What was expected.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_');
    if name.is_empty() || name.len() > MAX_NAME || !fits {
        return Err(format!("expected 1 to {MAX_NAME} of a–z, 0–9, - and _: it becomes a part of an address"));
    }
    Ok(())
}

/// What stands in the address of the softphone page: it is unique over all accounts.
pub fn client_id(account: &str, app: &str) -> String {
    format!("{account}.{app}")
}

/// Account and client app of a client id.
pub fn read_client_id(id: &str) -> Option<(&str, &str)> {
    id.rsplit_once('.').filter(|(account, app)| !account.is_empty() && check_name(app).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn includes(pattern: &str, origin: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().includes(origin)
    }

    #[test]
    fn an_origin_is_meant_exactly() {
        for (pattern, origin) in [
            ("https://crm.example.com", "https://crm.example.com"),
            ("crm.example.com", "https://crm.example.com"),
            ("CRM.example.com/", "https://crm.example.com"),
            ("https://crm.example.com/*", "https://crm.example.com"),
            ("https://crm.example.com:443", "https://crm.example.com"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://localhost:*", "http://localhost:8080"),
            ("http://localhost:*", "http://localhost"),
            ("*.example.com", "https://a.example.com"),
            ("*.example.com", "https://a.b.example.com"),
            ("*.example.com:*", "https://a.example.com:8443"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert!(includes(pattern, origin), "{pattern} {origin}");
        }
    }

    #[test]
    fn a_hostile_origin_is_not_meant() {
        for (pattern, origin) in [
            ("crm.example.com", "http://crm.example.com"),
            ("crm.example.com", "https://crm.example.com.evil.net"),
            ("crm.example.com", "https://evilcrm.example.com"),
            ("crm.example.com", "https://a.crm.example.com"),
            ("crm.example.com", "https://crm.example.com:8443"),
            ("crm.example.com", "https://crm.example.com/"),
            ("crm.example.com", "null"),
            ("crm.example.com", ""),
            ("crm.example.com", "https://crm.example.com@evil.net"),
            ("*.example.com", "https://example.com"),
            ("*.example.com", "https://evilexample.com"),
            ("*.example.com", "https://.example.com"),
            ("*.example.com", "https://a.example.com.evil.net"),
            ("*.example.com", "https://evil.net/.example.com"),
            ("http://localhost:*", "https://localhost"),
            ("http://localhost:*", "http://localhost.evil.net:80"),
            ("http://localhost:*", "http://localhost:x"),
        ] {
            assert!(!includes(pattern, origin), "{pattern} {origin}");
        }
    }

    #[test]
    fn what_would_let_in_strangers_is_refused() {
        for bad in [
            "*",
            "*.",
            "*.com",
            "example.*",
            "https://example.*",
            "https://*",
            "a.*.com",
            "ftp://example.com",
            "example.com/path",
            "",
            " ",
            "a b.com",
            "https://example.com:99999",
            "exa*mple.com",
            "*.127.0.0.1",
            "https://*.example.*:*",
            "//example.com",
            "'self'",
            "example.com;",
            "*.[::1]",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_shown_as_a_policy_has_it() {
        for (text, shown) in [
            ("example.com", "https://example.com"),
            ("*.example.com:*", "https://*.example.com:*"),
            ("http://localhost:8080/*", "http://localhost:8080"),
            ("https://example.com:443", "https://example.com"),
        ] {
            let pattern: Pattern = text.parse().unwrap();
            assert_eq!(pattern.to_string(), shown);
            assert_eq!(shown.parse::<Pattern>().unwrap(), pattern);
        }
    }

    #[test]
    fn headers_that_decide_over_the_page_stay_ours() {
        let with =
            |name: &str, value: &str| ClientApp { headers: BTreeMap::from([(name.to_owned(), value.to_owned())]), ..ClientApp::default() };
        for ours in
            ["Content-Security-Policy", "x-frame-options", "Set-Cookie", "Access-Control-Allow-Origin", "Connection", "bad name", ""]
        {
            assert!(with(ours, "x").check().is_err(), "{ours}");
        }
        assert!(with("X-Robots-Tag", "noindex\r\nSet-Cookie: a=b").check().is_err());
        assert_eq!(with("X-Robots-Tag", "noindex").check(), Ok(()));
    }

    #[test]
    fn a_client_id_names_its_account() {
        assert_eq!(read_client_id(&client_id("acme.de", "crm")), Some(("acme.de", "crm")));
        for bad in ["crm", ".crm", "acme.", "acme.C R M"] {
            assert_eq!(read_client_id(bad), None, "{bad}");
        }
    }
}
