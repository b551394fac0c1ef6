//! The courier: one outgoing request, timed, to where it may go.
//!
//! Addresses come from configuration that accounts write, so they must not lead into our own network: an address that is private,
//! loopback, link-local, multicast or otherwise not of the public internet is refused after its name was resolved, and the connection
//! goes to what was checked. Hosts that the server's own settings name are exempt. No redirect is followed and no proxy is asked.
//!
//! Each request has a connection of its own. So "no connection" means that nothing was sent; whatever goes wrong after that may have
//! reached the other side.

mod socket;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, ClientBuilder, RequestBuilder, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT},
};

pub use self::socket::{NoSocket, Socket};
use crate::domain::request::{Method, Outgoing};

/// Most of an answer's body that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Where it may go, and how long it waits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host` or `host:port` that may be on our own network.
    pub allow: Vec<String>,
    /// For a connection.
    pub connect: Duration,
    /// For all of it.
    pub timeout: Duration,
}

/// Sends requests.
#[derive(Clone)]
pub struct Courier {
    allow: Arc<[String]>,
    /// For what the settings name.
    free: Option<Client>,
    /// For everything else.
    guarded: Option<Client>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The body, or as much of it as came and is read.
    pub body: Vec<u8>,
    /// How long we shall wait before we try again.
    pub retry_after: Option<Duration>,
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It may not go there. Nothing was sent.
    #[error("the address is not of the public internet; name its host in courier.allow to permit it")]
    Forbidden,
    /// It is no request. Nothing was sent.
    #[error("the request cannot be made: {0}")]
    Unfit(&'static str),
    /// No connection came about. Nothing was sent.
    #[error("no connection came about")]
    NotConnected,
    /// It went out, at least in part.
    #[error("no answer came")]
    Silence,
}

/// Gives TLS its algorithms, once for the process: ring, as no other is compiled in.
pub fn install_tls() {
    // an error means that somebody did it before
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Courier {
    /// A courier with these settings.
    pub fn new(settings: &Settings) -> Self {
        install_tls();
        Self {
            allow: settings.allow.iter().map(|host| host.trim().to_ascii_lowercase()).collect(),
            free: client(|| builder(settings)),
            guarded: client(|| builder(settings).dns_resolver(Arc::new(Guarded))),
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn send(&self, outgoing: &Outgoing) -> Result<Answer, Trouble> {
        self.exchange(verb(outgoing.method), outgoing, MAX_ANSWER).await
    }

    /// The same, for an answer that may be long: reads up to `most` bytes.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn fetch(&self, outgoing: &Outgoing, most: usize) -> Result<Answer, Trouble> {
        self.exchange(verb(outgoing.method), outgoing, most).await
    }

    /// The same with the verb DELETE, which no configuration can choose.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn delete(&self, outgoing: &Outgoing) -> Result<Answer, Trouble> {
        self.exchange(reqwest::Method::DELETE, outgoing, MAX_ANSWER).await
    }

    fn request(&self, method: reqwest::Method, outgoing: &Outgoing) -> Result<RequestBuilder, Trouble> {
        let url = Url::parse(&outgoing.url).map_err(|_| Trouble::Unfit("its address is none"))?;
        let request = self.client_for(&url)?.request(method, url).headers(headers(outgoing)?);
        Ok(if outgoing.content_type.is_some() { request.body(outgoing.body.clone()) } else { request })
    }

    async fn exchange(&self, method: reqwest::Method, outgoing: &Outgoing, most: usize) -> Result<Answer, Trouble> {
        let mut response = self.request(method, outgoing)?.send().await.map_err(|error| trouble(&error))?;
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let status = response.status().as_u16();
        let mut body = Vec::new();
        // a body that breaks off does not take back the status that came before it
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = most - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == most {
                break;
            }
        }
        Ok(Answer { status, body, retry_after: seconds.map(Duration::from_secs) })
    }

    /// The client that may go there. Names are checked when they are resolved; an address is its own name.
    fn client_for(&self, url: &Url) -> Result<&Client, Trouble> {
        let host = url.host_str().ok_or(Trouble::Unfit("its address has no host"))?;
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        if self.allow.iter().any(|allowed| *allowed == host || *allowed == with_port) {
            return self.free.as_ref().ok_or(Trouble::Unfit(NO_CLIENT));
        }
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !is_public(address) => Err(Trouble::Forbidden),
            _ => self.guarded.as_ref().ok_or(Trouble::Unfit(NO_CLIENT)),
        }
    }
}

fn verb(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
    }
}

const NO_CLIENT: &str = "this machine has no client for it, see the log of its start";

fn builder(settings: &Settings) -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .referer(false)
        .connect_timeout(settings.connect)
        // time that runs out before there is a connection must be told from time that runs out after
        .timeout(settings.timeout.max(settings.connect + Duration::from_millis(500)))
}

/// A machine without certificates trusts nobody, but does everything else.
fn client(builder: impl Fn() -> ClientBuilder) -> Option<Client> {
    let with_certificates = builder().build();
    let without = |error| {
        tracing::warn!(%error, "no certificates to trust (install ca-certificates): no request by https will succeed");
        builder().tls_certs_only([]).build()
    };
    with_certificates.or_else(without).inspect_err(|error| tracing::error!(%error, "no requests can be made")).ok()
}

fn headers(outgoing: &Outgoing) -> Result<HeaderMap, Trouble> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("cti-gateway/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in &outgoing.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Trouble::Unfit("a header has no name"))?;
        let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Trouble::Unfit("a header has no value"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    if let Some(kind) = outgoing.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    Ok(headers)
}

fn trouble(error: &reqwest::Error) -> Trouble {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<ForbiddenHost>() {
            return Trouble::Forbidden;
        }
        cause = inner.source();
    }
    match () {
        () if error.is_builder() => Trouble::Unfit("it cannot be built"),
        () if error.is_connect() => Trouble::NotConnected,
        () => Trouble::Silence,
    }
}

/// A resolver that knows public addresses only.
struct Guarded;

/// The name leads into our own network.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
struct ForbiddenHost;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.iter().copied().filter(|address| is_public(address.ip())).collect();
            if public.is_empty() && !found.is_empty() {
                return Err(ForbiddenHost.into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // what is only another way to write an address of the older kind, or leads to one
    let segments = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => inner(high, low),
        // global unicast, without documentation, benchmarks and Teredo
        [0x2001, 0x0db8, ..] | [0x2001, 0..0x0200, ..] | [0x3fff, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "224.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.7",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
            "3fff::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["8.8.8.8", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2a00:1450::1", "2600::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
