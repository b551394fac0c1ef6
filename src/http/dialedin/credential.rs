//! Who asks: `token` and `accid`, or the older pair of `GroupId` and `SecurityCode`. Both ride where logs may see them, so a
//! token must have been allowed to.

use std::net::IpAddr;

use uuid::Uuid;

use super::texts::Text;
use crate::{
    app::directory::Grant,
    domain::secret,
    http::{Web, error::ApiError},
    pbx::params::Params,
};

fn unauthorized(text: Text) -> ApiError {
    ApiError::Unauthorized(text.to_string().into())
}

/// What the credential of a request grants.
pub(super) async fn grant(web: &Web, address: IpAddr, params: &Params) -> Result<Grant, ApiError> {
    let secret = secret(params).map_err(unauthorized)?;
    let grant = web.app.directory.grant(&web.app.hub, &secret, web.app.clock.now()).await?;
    let accid = params.raw(&["accid"]).map(|accid| accid.trim().to_lowercase());
    let is_theirs = |grant: &Grant| accid.as_ref().is_none_or(|accid| *accid == grant.account.name.to_lowercase());
    let grant = grant.filter(is_theirs).ok_or_else(|| unauthorized(Text::BadCredential))?;
    if !grant.allow_query {
        return Err(ApiError::Forbidden(Text::NotAsParameter.to_string().into()));
    }
    if !grant.networks.is_empty() && !grant.networks.iter().any(|net| net.contains(&address)) {
        return Err(ApiError::Forbidden(Text::NotFromHere.to_string().into()));
    }
    Ok(grant)
}

/// The secret that was sent, in the form in which it was hashed.
fn secret(params: &Params) -> Result<String, Text> {
    let sent = |name: &str| params.raw(&[name]).map(str::trim);
    if let Some(token) = sent("token") {
        sent("accid").ok_or(Text::NoAccid)?;
        return Ok(Uuid::parse_str(token).map_or_else(|_| token.to_owned(), |uuid| uuid.to_string()));
    }
    match (sent("groupid"), sent("securitycode")) {
        (Some(id), Some(code)) => Ok(secret::of_group(id.parse().map_err(|_| Text::BadCredential)?, code)),
        (Some(_), None) => Err(Text::NoSecurityCode),
        (None, Some(_)) => Err(Text::NoGroupId),
        (None, None) => Err(Text::NoCredential),
    }
}
