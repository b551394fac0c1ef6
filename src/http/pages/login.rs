//! Signing in and out of the pages.

use std::net::IpAddr;

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use maud::html;

use super::{
    address::{leave_for, local},
    form::{Fields, Signed},
    layout::{Page, PageError},
    person::{self, Person},
};
use crate::http::{Web, auth::Bearer, error::ApiError, native, peer::Peer};

/// Where to go when nobody said.
const HOME: &str = "/directory";

pub(super) fn router() -> Router<Web> {
    Router::new().route("/login", get(ask).post(sign_in)).route("/logout", post(sign_out))
}

async fn ask(person: Option<Person>, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let asked = Fields::read(query.unwrap_or_default().as_bytes());
    let next = local(asked.raw("next")).unwrap_or_default();
    if person.is_some() {
        return Ok(leave_for(StatusCode::SEE_OTHER, if next.is_empty() { HOME } else { next })?);
    }
    Ok(page(&Typed { next, ..Typed::default() }, None).into_response())
}

/// What was typed and is shown again; never the password.
#[derive(Default)]
struct Typed<'a> {
    account: &'a str,
    login: &'a str,
    next: &'a str,
}

fn page<'a>(typed: &Typed<'_>, error: Option<&str>) -> Page<'a> {
    let filled = !typed.account.is_empty() && !typed.login.is_empty();
    let content = html! {
        main.login-page {
            form.card.login method="post" action="/login" autocomplete="on" aria-labelledby="login-title" {
                h1 #login-title { "Log in to the directory" }
                @if let Some(error) = error {
                    p.error role="alert" { (error) }
                }
                input type="hidden" name="next" value=(typed.next);
                label { "Account"
                    input name="account" value=(typed.account) autocomplete="organization" autocapitalize="none" spellcheck="false" required autofocus[!filled];
                }
                label { "Login"
                    input name="login" value=(typed.login) autocomplete="username" autocapitalize="none" spellcheck="false" required;
                }
                label { "Password"
                    input name="password" type="password" autocomplete="current-password" required autofocus[filled];
                }
                button.primary type="submit" { "Log in" }
                p.hint { "You stay signed in for twelve hours in this browser, or until you sign out." }
            }
        }
    };
    Page::new("Log in", content).leading_away()
}

async fn sign_in(State(web): State<Web>, Peer(address): Peer, headers: HeaderMap, fields: Fields) -> Result<Response, PageError> {
    let typed = Typed { account: fields.text("account"), login: fields.text("login"), next: local(fields.raw("next")).unwrap_or_default() };
    match try_sign_in(&web, address, &headers, &typed, fields.raw("password")).await {
        Ok(secret) => {
            let mut response = leave_for(StatusCode::SEE_OTHER, if typed.next.is_empty() { HOME } else { typed.next })?;
            response.headers_mut().insert(header::SET_COOKIE, person::cookie(&secret)?);
            Ok(response)
        }
        Err(error) => Ok(error.with_body(page(&typed, Some(&error.body().message)))),
    }
}

/// The secret of a new session.
async fn try_sign_in(web: &Web, address: IpAddr, headers: &HeaderMap, typed: &Typed<'_>, password: &str) -> Result<String, ApiError> {
    if !is_own_form(headers) {
        return Err(ApiError::Forbidden("This form did not come from this page. Please log in here.".into()));
    }
    if !keeps_cookies(headers) {
        let message = "Browsers keep you signed in over a secure connection only. Open this page by https:// and log in there.";
        return Err(ApiError::Forbidden(message.into()));
    }
    web.sign_ins.check(address, Some((typed.account, typed.login)))?;
    if typed.account.is_empty() || typed.login.is_empty() || password.is_empty() {
        return Err(ApiError::Missing { field: "login".into(), message: "Account, login and password are all needed.".into() });
    }
    let issued = web.app.sign_in(typed.account, typed.login, password.to_owned()).await?;
    let wrong = || ApiError::Unauthorized("Account, login and password do not belong together. Please check all three.".into());
    issued.map(|issued| issued.secret).ok_or_else(wrong)
}

/// Whether a page of ours sent this. There is no session yet that a token could be bound to; browsers tell where a form
/// comes from, and a form that comes from nowhere is refused.
pub(in crate::http) fn is_own_form(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, host)| Some(host) == text(header::HOST))
}

/// Whether the browser will take a `Secure` cookie: by https, or by http from its own machine.
fn keeps_cookies(headers: &HeaderMap) -> bool {
    let Some(authority) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()?.strip_prefix("http://")) else { return true };
    let host = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|c| c.is_ascii_digit())).map_or(authority, |(host, _)| host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

async fn sign_out(State(web): State<Web>, Signed { person, .. }: Signed) -> Result<Response, PageError> {
    native::sign_out(State(web), Bearer(person.grant)).await?;
    let mut response = leave_for(StatusCode::SEE_OTHER, "/login")?;
    response.headers_mut().insert(header::SET_COOKIE, person::no_cookie()?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_form_must_come_from_this_origin() {
        for own in [&[("sec-fetch-site", "same-origin")][..], &[("host", "cti.example:8080"), ("origin", "http://cti.example:8080")]] {
            assert!(is_own_form(&headers(own)), "{own:?}");
        }
        for alien in [
            &[][..],
            &[("host", "cti.example")],
            &[("host", "cti.example"), ("origin", "null")],
            &[("host", "cti.example"), ("origin", "https://evil.example")],
            &[("sec-fetch-site", "same-site"), ("host", "cti.example"), ("origin", "https://cti.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!is_own_form(&headers(alien)), "{alien:?}");
        }
    }

    #[test]
    fn a_browser_keeps_no_secure_cookie_of_a_plain_page() {
        for kept in ["https://cti.example", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080", "http://demo.localhost"] {
            assert!(keeps_cookies(&headers(&[("origin", kept)])), "{kept}");
        }
        for dropped in ["http://cti.example", "http://192.168.1.5:8080"] {
            assert!(!keeps_cookies(&headers(&[("origin", dropped)])), "{dropped}");
        }
    }
}
