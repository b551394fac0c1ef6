//! Who is at the other end: the address of the connection, or the one a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};

use super::Web;

/// The address that the request came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

impl FromRequestParts<Web> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Self::Rejection> {
        let connection =
            parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip().to_canonical());
        let trusted = |address: &IpAddr| web.config.http.trusted_proxies.iter().any(|net| net.contains(address));
        if !trusted(&connection) {
            return Ok(Self(connection));
        }
        // from the right: each trusted proxy added the address it saw; the first untrusted one is the sender. What stands
        // left of an address that cannot be read was written by nobody knows whom.
        let named = parts.headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
        let chain: Vec<&str> = named.flat_map(|list| list.split(',')).collect();
        let mut nearest = connection;
        for address in chain.into_iter().rev().map_while(read) {
            nearest = address;
            if !trusted(&address) {
                break;
            }
        }
        Ok(Self(nearest))
    }
}

/// An address as proxies write it, some with the port.
fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}
