//! Parameters in `multipart/form-data`, as some HTTP libraries and browsers' forms send them: each part is one text. This server
//! takes no files, and says so rather than store a lead without what the sender thinks it gave.

use std::convert::Infallible;

use axum::{body::Bytes, extract::Request, http::header};
use futures_util::stream;
use multer::{Field, Multipart};

use crate::{
    http::{Web, error::ApiError, input::read_body, lenient},
    pbx::params::Params,
};

/// Characters of a file's name of field that an answer shows.
const SHOWN: usize = 100;

/// What a request brings.
pub(super) struct Given {
    /// Its parameters, wherever they were put.
    pub(super) params: Params,
    /// The name of a part that is a file.
    pub(super) file: Option<String>,
}

/// Reads the parameters of a request, and whether it brings a file.
pub(super) async fn read(web: &Web, request: Request) -> Result<Given, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = match multer::parse_boundary(content_type) {
        Ok(boundary) => boundary,
        Err(multer::Error::NoBoundary) => return Err(unreadable(&multer::Error::NoBoundary)),
        Err(_) => return Ok(Given { params: lenient::params(web, request).await?, file: None }),
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = read_body(web, request.into_body()).await?;
    // some libraries name the type though there is nothing to send
    let (pairs, file) = match body.is_empty() {
        true => (vec![], None),
        false => pairs(body, boundary).await.map_err(|error| unreadable(&error))?,
    };
    Ok(Given { params: Params::with_pairs(&query, pairs), file })
}

/// Names and texts of all parts, and the name of the first part that is a file. The body is here already, as long as may be.
async fn pairs(body: Bytes, boundary: String) -> multer::Result<(Vec<(String, String)>, Option<String>)> {
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let (mut pairs, mut file) = (vec![], None);
    while let Some(part) = parts.next_field().await? {
        let (name, is_file) = (part.name().unwrap_or_default().to_owned(), is_file(&part));
        // a form whose field for a file was left alone sends an empty one
        let unnamed = part.file_name().is_some_and(str::is_empty);
        let text = part.text().await?;
        match is_file {
            true if unnamed && text.is_empty() => {}
            true => file = file.or_else(|| Some(name.chars().take(SHOWN).collect())),
            false => pairs.push((name, text)),
        }
    }
    Ok((pairs, file))
}

fn is_file(part: &Field<'_>) -> bool {
    part.file_name().is_some() || part.content_type().is_some_and(|kind| kind.type_() != "text")
}

/// Half a form must not become half a lead.
fn unreadable(error: &multer::Error) -> ApiError {
    ApiError::Unreadable(format!("the body is no multipart/form-data: {error}").into())
}
