//! Who is signed in on the pages: a session in a cookie.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{address, layout::PageError};
use crate::{
    app::directory::{Account, Grant, Subject},
    http::{Web, error::ApiError},
};

/// The prefix makes browsers keep it to this host and to secure connections.
const COOKIE: &str = "__Host-cti";
const TERMS: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
/// As long as a session lasts.
const MAX_AGE: u32 = 43_200;

/// A signed-in operator or agent of an account.
pub(in crate::http) struct Person {
    pub(super) grant: Grant,
    pub(super) login: String,
    secret: String,
}

impl Person {
    /// The account.
    pub(in crate::http) fn account(&self) -> &Account {
        &self.grant.account
    }

    async fn find(headers: &HeaderMap, web: &Web) -> Result<Option<Self>, ApiError> {
        let Some(secret) = session_of(headers) else { return Ok(None) };
        let grant = web.app.directory.grant(&web.app.hub, secret, web.app.clock.now()).await?;
        Ok(grant.filter(|grant| grant.kind == "session").and_then(|grant| match grant.subject.clone() {
            Subject::Operator(login) | Subject::Agent(login) => Some(Self { grant, login, secret: secret.to_owned() }),
            Subject::Program => None,
        }))
    }

    /// What every form of this person carries: another site cannot know it, nor learn the session from it.
    pub(super) fn form_token(&self) -> String {
        form_token(&self.secret)
    }

    /// Whether a form with this token was one of ours, for this session.
    pub(super) fn was_given(&self, token: &str) -> bool {
        self.form_token().as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// Sends whoever is not signed in to the log-in page, and back here afterwards if this was a page and no form.
impl FromRequestParts<Web> for Person {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, PageError> {
        let login = || if parts.method == Method::GET { address::login_for(&parts.uri) } else { "/login".to_owned() };
        Self::find(&parts.headers, web).await?.ok_or_else(|| PageError::SignIn(login()))
    }
}

impl OptionalFromRequestParts<Web> for Person {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Option<Self>, PageError> {
        Ok(Self::find(&parts.headers, web).await?)
    }
}

/// The cookie that keeps a person signed in.
pub(super) fn cookie(secret: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(format!("{COOKIE}={secret}; {TERMS}; Max-Age={MAX_AGE}")).map_err(|error| ApiError::Internal(error.into()))
}

/// Takes the cookie back.
pub(super) fn no_cookie() -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(format!("{COOKIE}=; {TERMS}; Max-Age=0")).map_err(|error| ApiError::Internal(error.into()))
}

fn session_of(headers: &HeaderMap) -> Option<&str> {
    let lists = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lists.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, secret)| secret)
}

fn form_token(secret: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(b"cti-gateway form token\0").chain_update(secret).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_found_among_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(session_of(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; cti=no; x__Host-cti=no"));
        assert_eq!(session_of(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("b=2;__Host-cti=session_x=y"));
        assert_eq!(session_of(&headers), Some("session_x=y"));
    }

    #[test]
    fn a_form_token_belongs_to_one_session() {
        assert_eq!(form_token("session_a"), form_token("session_a"));
        assert_ne!(form_token("session_a"), form_token("session_b"));
        assert!(!form_token("session_a").contains("session_a"));
    }
}
