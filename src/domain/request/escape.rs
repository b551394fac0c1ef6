//! How a value is written where it goes, so that it can neither end its place nor begin another; and what an address must be.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Invalid;

/// Everything that means something in a path, a query or a form. A blank becomes `%20`, which all three read.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a header cannot hold, and the sign of the escape itself.
const HEADER: &AsciiSet = &CONTROLS.add(b'%');

/// A value inside a path, a query or a form.
pub(in crate::domain) fn in_address(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, VALUE).into()
}

/// A value that is escaped later, or needs no escape.
pub(in crate::domain) fn as_it_is(value: &str) -> Cow<'_, str> {
    value.into()
}

/// A value inside a header.
pub(in crate::domain) fn in_header(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, HEADER).into()
}

/// Names and values as a query or a form holds them.
pub(in crate::domain) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Cow<'a, str>)>) -> String {
    let one = |(name, value): (&str, Cow<'_, str>)| format!("{}={}", in_address(name), in_address(&value));
    pairs.into_iter().map(one).collect::<Vec<_>>().join("&")
}

/// Scheme and host.
pub(in crate::domain) fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    &url[..end]
}

/// Whether a segment of the path means "here" or "up", spelled out or escaped. Whoever sends the request would resolve it, and ask
/// for something else than the template says.
pub(in crate::domain) fn climbs(url: &str) -> bool {
    let path = url[origin(url).len()..].split('?').next().unwrap_or_default();
    path.split('/').any(|segment| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."))
}

/// Checks an address as configuration gives it: its placeholders, if it may have any, stand behind the host.
pub(in crate::domain) fn check_address(field: &'static str, url: &str) -> Result<(), Invalid> {
    let expected = |expected| Err(Invalid::Address { field, expected });
    let Some(host) = ["https://", "http://"].iter().find_map(|scheme| origin(url).strip_prefix(scheme)) else {
        return expected("an address begins with https:// or http://");
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    match () {
        () if host.contains('@') => expected("a user and password belong into auth, not into the address"),
        () if host.contains('{') => expected("a placeholder stands in the path or the query, not in the host"),
        () if host.is_empty() || !host.chars().all(plain) => expected("the address has no host, or one that is not plain"),
        () if !url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '|' | '#')) => {
            expected("the address has blanks or signs that must be escaped, or a fragment")
        }
        () if climbs(url) => expected("the path climbs by a dot or two"),
        () => Ok(()),
    }
}
