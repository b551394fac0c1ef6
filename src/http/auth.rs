//! Bearer credentials: tokens of programs and sessions of people.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::{Web, error::ApiError, peer::Peer};
use crate::{app::directory::Grant, domain::scope::Scope};

/// A request with a valid bearer.
pub struct Bearer(pub Grant);

impl Bearer {
    /// The grant, whatever it allows.
    pub fn grant(&self) -> &Grant {
        &self.0
    }

    /// The grant, if it has this scope.
    ///
    /// # Errors
    /// Forbidden, naming the scope.
    pub fn with(&self, scope: Scope) -> Result<&Grant, ApiError> {
        if self.0.scopes.allow(scope) {
            return Ok(&self.0);
        }
        Err(ApiError::Forbidden(format!("this token lacks the scope {scope}").into()))
    }
}

impl FromRequestParts<Web> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        let secret = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, secret) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
        });
        let secret = secret.ok_or(ApiError::Unauthorized("send a header: Authorization: Bearer <token>".into()))?;
        let grant = web.app.directory.grant(&web.app.hub, secret, web.app.clock.now()).await?;
        let grant = grant.ok_or(ApiError::Unauthorized("this token is not known, has expired or was revoked".into()))?;
        let Ok(Peer(address)) = Peer::from_request_parts(parts, web).await;
        if !grant.networks.is_empty() && !grant.networks.iter().any(|net| net.contains(&address)) {
            return Err(ApiError::Forbidden("this token may not be used from this address".into()));
        }
        Ok(Self(grant))
    }
}
