//! Where pages lead to: records here or in the CRM, and the place that a person wanted before signing in.

use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{app::directory::Account, domain::phone::Number, http::error::ApiError, store::parties::PartyRow};

/// Everything that could end a part of an address or begin another.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a whole address may not hold as it is; its own escapes stay.
const STRAY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// One value as it stands inside an address.
pub(super) fn encode(value: &str) -> String {
    utf8_percent_encode(value, VALUE).to_string()
}

/// Our own page of a party.
pub(super) fn page_of(kind: &str, id: &str) -> String {
    format!("/directory/{}/{}", encode(kind), encode(id))
}

/// The record of a party: by the account's template, else the address that the CRM gave, else our own page.
pub(in crate::http) fn record(account: &Account, party: &PartyRow, number: &Number) -> String {
    match (&account.search_url, &party.url) {
        (Some(template), _) => fill(template, &[("{type}", &party.kind), ("{id}", &party.id), ("{number}", number.as_str())]),
        (None, Some(url)) => url.clone(),
        (None, None) => page_of(&party.kind, &party.id),
    }
}

/// Where a record with this number is made: by the account's template, else on our own page.
pub(in crate::http) fn create(account: &Account, number: &Number) -> String {
    fill(account.create_url.as_deref().unwrap_or("/directory/new?number={number}"), &[("{number}", number.as_str())])
}

/// Puts values into a template. A value cannot hold a placeholder of the next one: its braces are escaped.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (hole, value)| text.replace(hole, &encode(value)))
}

/// Sends the browser elsewhere.
///
/// # Errors
/// When no header can hold the address.
pub(in crate::http) fn leave_for(status: StatusCode, address: &str) -> Result<Response, ApiError> {
    let address =
        HeaderValue::try_from(utf8_percent_encode(address, STRAY).to_string()).map_err(|error| ApiError::Internal(error.into()))?;
    Ok((status, [(header::LOCATION, address)]).into_response())
}

/// The log-in page that leads back to this address.
pub(super) fn login_for(uri: &Uri) -> String {
    format!("/login?next={}", encode(uri.path_and_query().map_or("/", |address| address.as_str())))
}

/// Where to go after signing in: only to an address of this server, whatever a link says. Browsers drop tabs and line ends
/// from addresses and read a backslash as a slash, so these are not taken either.
pub(super) fn local(next: &str) -> Option<&str> {
    let elsewhere =
        !next.starts_with('/') || next.contains("//") || next.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace());
    (!elsewhere).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_addresses_are_next() {
        for good in ["/", "/directory", "/modules/PhoneCalls/callbacks/Search.php?phone_number=%2B4930123456"] {
            assert_eq!(local(good), Some(good));
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/x",
            "https://evil.example",
            "javascript:alert(1)",
            "evil",
            "/a//b",
        ] {
            assert_eq!(local(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_value_stays_inside_its_place() {
        let filled =
            fill("https://crm.example/{type}?id={id}&n={number}", &[("{type}", "a/b"), ("{id}", "{number}&x=ü"), ("{number}", "+49")]);
        assert_eq!(filled, "https://crm.example/a%2Fb?id=%7Bnumber%7D%26x%3D%C3%BC&n=%2B49");
    }

    #[test]
    fn an_address_keeps_its_escapes_and_fits_a_header() {
        let response = leave_for(StatusCode::FOUND, "https://crm.example/ä b?x=%2B").unwrap();
        assert_eq!(response.headers()[header::LOCATION], "https://crm.example/%C3%A4%20b?x=%2B");
    }
}
