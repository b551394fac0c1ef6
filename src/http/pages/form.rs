//! What a browser's form sends.

use std::collections::HashMap;

use axum::extract::{FromRequest, FromRequestParts, Request};

use super::{layout::PageError, person::Person};
use crate::http::{Web, error::ApiError, input::read_body};

/// The fields of a form, by name.
pub(super) struct Fields(HashMap<String, String>);

impl Fields {
    /// Reads an urlencoded body or query. Databases take no NUL in text.
    pub(super) fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.replace('\0', ""))).collect())
    }

    /// A field as it was sent; empty when it was not.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A field without the blanks around it.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }
}

impl FromRequest<Web> for Fields {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        Ok(Self::read(&read_body(web, request.into_body()).await?))
    }
}

/// A form that a signed-in person sent from one of our pages.
pub(super) struct Signed {
    pub(super) person: Person,
    pub(super) fields: Fields,
}

impl FromRequest<Web> for Signed {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let person = <Person as FromRequestParts<Web>>::from_request_parts(&mut parts, web).await?;
        let fields = Fields::from_request(Request::from_parts(parts, body), web).await?;
        if !person.was_given(fields.raw("csrf")) {
            return Err(ApiError::Forbidden(
                "This form is of an earlier session. Go back, load the page again and send it once more.".into(),
            )
            .into());
        }
        Ok(Self { person, fields })
    }
}
