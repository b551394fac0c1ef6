//! Files of `web/` as they are sent: compiled in, kept by browsers and asked for each time whether they are still so. A page and what
//! it imports must be of one version.

use std::collections::BTreeSet;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::{Web, console::PAGE_POLICY, error::ApiError, input::Path};

/// What several pages are made of.
#[derive(RustEmbed)]
#[folder = "web/shared"]
pub(super) struct Shared;

/// What others made, and `npm --prefix web run vendor` puts together; a build without that has none of it.
#[derive(RustEmbed)]
#[folder = "web/vendor"]
struct Vendor;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/shared/{file}", get(of::<Shared>)).route("/vendor/{file}", get(of::<Vendor>))
}

async fn of<Files: RustEmbed>(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let file = Files::get(&name).ok_or(ApiError::NotFound("there is no such file".into()))?;
    answer(&name, file.data.into_owned(), &headers, PAGE_POLICY)
}

/// An answer with this content, or that the browser has it.
pub(super) fn answer(name: &str, content: Vec<u8>, asked: &HeaderMap, policy: &str) -> Result<Response, ApiError> {
    let digest: String = Sha256::digest(&content)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{digest}\"");
    let held = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    let is_held = held.map(|held| held.trim().trim_start_matches("W/")).any(|held| held == tag || held == "*");
    let mut response = if is_held { StatusCode::NOT_MODIFIED.into_response() } else { content.into_response() };
    // a classic script is else read as the page that includes it is written
    let kind = format!("{}; charset=utf-8", mime_guess::from_path(name).first_or_octet_stream());
    for (name, value) in [
        (header::CONTENT_TYPE, &*kind),
        (header::CACHE_CONTROL, "public, no-cache"),
        (header::ETAG, &tag),
        (header::CONTENT_SECURITY_POLICY, policy),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_str(value).map_err(|error| ApiError::Internal(error.into()))?);
    }
    Ok(response)
}

/// A module and all that it imports by relative names as one text, each after what it needs. It knows the one form in which `web/` writes
/// imports and exports; only what the entry exports stays exported. Names at the top of modules must differ.
pub(super) fn join(entry: &str, source: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut joined = String::new();
    add(entry, true, source, &mut BTreeSet::new(), &mut joined)?;
    Some(joined)
}

fn add(
    name: &str,
    is_entry: bool,
    source: &dyn Fn(&str) -> Option<String>,
    known: &mut BTreeSet<String>,
    joined: &mut String,
) -> Option<()> {
    if !known.insert(name.to_owned()) {
        return Some(());
    }
    let mut own = String::new();
    for line in source(name)?.lines() {
        if let Some(needed) = imported(line) {
            add(needed, false, source, known, joined)?;
            continue;
        }
        own += if is_entry { line } else { line.strip_prefix("export ").unwrap_or(line) };
        own.push('\n');
    }
    *joined += &own;
    Some(())
}

/// `import { A } from "./a.js";` names `a.js`; what begins with `../` is of another folder and keeps that name.
fn imported(line: &str) -> Option<&str> {
    let name = line.strip_prefix("import ")?.split_once(" from \"")?.1.strip_suffix("\";")?;
    name.strip_prefix("./").or_else(|| name.starts_with("../").then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_become_one() {
        let source = |name: &str| {
            let text = match name {
                "a.js" => "import { B } from \"./b.js\";\nimport { c } from \"./c.js\";\nexport { B };\nexport class A {}",
                "b.js" => "import { c } from \"./c.js\";\nexport class B {}",
                "c.js" => "export const c = 1;",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(join("a.js", &source).as_deref(), Some("const c = 1;\nclass B {}\nexport { B };\nexport class A {}\n"));
        assert_eq!(join("d.js", &source), None);
    }
}
