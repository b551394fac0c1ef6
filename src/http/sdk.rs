//! `/sdk/cti.js`: the client library for pages of any origin. It is written as a few modules and served as one, so that one import is all
//! a page needs and one request all it costs.

use std::borrow::Cow;

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::{Web, error::ApiError};

/// The modules of the client, each after those that it needs.
const MODULES: [&str; 4] = ["wire.js", "cursor.js", "connection.js", "client.js"];

#[derive(RustEmbed)]
#[folder = "web/sdk"]
struct Files;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/sdk/cti.js", get(client))
}

/// The library, or that it has not changed: browsers ask each time, so that a new server is never met by an old client.
async fn client(headers: HeaderMap) -> Result<Response, ApiError> {
    let text = joined().ok_or(ApiError::NotFound("the client library is not part of this build".into()))?;
    let tag = format!("\"{}\"", hex(&Sha256::digest(text.as_bytes())[..12]));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let common = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        // it holds nothing of anybody: any page may import it
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    Ok((common, [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response())
}

/// The modules as one: what they import from each other is in the same file.
fn joined() -> Option<String> {
    let mut text = String::new();
    for name in MODULES {
        let file = Files::get(name)?;
        let module = match file.data {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok()?.to_owned(),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok()?,
        };
        let own = module.lines().filter(|line| !is_of_a_sibling(line));
        own.for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
    }
    Some(text)
}

/// `import { uuid } from "./wire.js";`, or the same with `export`.
fn is_of_a_sibling(line: &str) -> bool {
    (line.starts_with("import {") || line.starts_with("export {")) && line.contains("} from \"./")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
