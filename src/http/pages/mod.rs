//! The pages that people of an account open in a browser: signing in, finding a number, records of the party directory.
//!
//! They are rendered here, whole, and need no script. A person's session rides in a cookie that no other door reads.

mod address;
mod directory;
mod field;
mod form;
mod layout;
mod login;
mod new_record;
mod person;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;

pub(super) use self::{
    address::{create, leave_for, record},
    directory::find_page,
    layout::PageError,
    login::is_own_form,
    person::Person,
};
use super::{Web, error::ApiError, input::Path};

#[derive(RustEmbed)]
#[folder = "web/pages"]
struct Files;

pub(super) fn router() -> Router<Web> {
    Router::new()
        .merge(login::router())
        .merge(directory::router())
        .merge(new_record::router())
        .route("/pages/{file}", get(|Path(name): Path<String>| async move { file(&name) }))
}

fn file(name: &str) -> Result<Response, ApiError> {
    let file = Files::get(name).ok_or(ApiError::NotFound("there is no such file".into()))?;
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    Ok(([(header::CONTENT_TYPE, kind.to_string())], file.data).into_response())
}
