//! The browser libraries: `/sdk/cti.js`, the client in one file; the classic scripts `/sdk/DynamicsTelephony.js`, `/sdk/opencti.js` and
//! `/sdk/host.js`; examples. Anybody may load them: they hold no secret, and what they do is decided at the doors they knock on.

use std::collections::BTreeSet;

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::{Web, console::PAGE_POLICY, error::ApiError, input::Path};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

#[derive(RustEmbed)]
#[folder = "web/sdk"]
struct Files;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/sdk/{*file}", get(|Path(name): Path<String>, headers: HeaderMap| async move { file(&name, &headers) }))
}

/// A file as it is served. The modules of a library are served as the one that joins them; what only npm needs, not at all.
fn read(name: &str) -> Option<Vec<u8>> {
    let source = |name: &str| Files::get(name).and_then(|file| String::from_utf8(file.data.into_owned()).ok());
    match name {
        "cti.js" => join(name, &source).map(String::into_bytes),
        "host.js" => join("main.js", &|part| source(&format!("host/{part}"))).map(|joined| classic(&joined).into_bytes()),
        "DynamicsTelephony.js" | "opencti.js" => source(name).map(String::into_bytes),
        _ if name.starts_with("examples/") && !name.contains("..") => Files::get(name).map(|file| file.data.into_owned()),
        _ => None,
    }
}

fn file(name: &str, asked: &HeaderMap) -> Result<Response, ApiError> {
    let content = read(name).ok_or(ApiError::NotFound("there is no such file".into()))?;
    let tag = format!("\"{}\"", hex(&Sha256::digest(&content)[..16]));
    let held = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    let is_held = held.map(|held| held.trim().trim_start_matches("W/")).any(|held| held == tag || held == "*");
    let mut response = if is_held { StatusCode::NOT_MODIFIED.into_response() } else { content.into_response() };
    let headers = response.headers_mut();
    // a classic script is else read as the page that includes it is written
    let kind = format!("{}; charset=utf-8", mime_guess::from_path(name).first_or_octet_stream());
    // a page and what it imports must be of one version: kept, and asked for each time whether it is still so
    for (name, value) in [
        (header::CONTENT_TYPE, &*kind),
        (header::CACHE_CONTROL, "public, no-cache"),
        (header::ETAG, &tag),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (RESOURCE_POLICY, "cross-origin"),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ] {
        headers.insert(name, HeaderValue::from_str(value).map_err(|error| ApiError::Internal(error.into()))?);
    }
    Ok(response)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Joined modules as a script that a page includes like any other: it runs at once, and leaves no names but those it sets.
fn classic(joined: &str) -> String {
    format!("(() => {{\n\"use strict\";\n{joined}}})();\n")
}

/// A module and all that it imports as one text, each after what it needs. It knows the one form in which `web/sdk` writes imports
/// and exports; only what the entry exports stays exported.
fn join(entry: &str, source: &dyn Fn(&str) -> Option<String>) -> Option<String> {
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

/// `import { A } from "./a.js";` names `a.js`.
fn imported(line: &str) -> Option<&str> {
    line.strip_prefix("import ")?.split_once(" from \"./")?.1.strip_suffix("\";")
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

    #[test]
    fn libraries_are_one_file_each() {
        let client = String::from_utf8(read("cti.js").unwrap()).unwrap();
        let starting = |word: &str| client.lines().filter(|line| line.starts_with(word)).collect::<Vec<_>>();
        assert_eq!(starting("import "), [""; 0]);
        assert_eq!(starting("export "), ["export { CtiError };", "export class CtiClient {"]);
        let host = String::from_utf8(read("host.js").unwrap()).unwrap();
        assert!(host.starts_with("(() => {\n") && host.ends_with("})();\n"));
        assert_eq!(host.lines().find(|line| line.starts_with("import ") || line.starts_with("export ")), None);
        // in one scope a second function of the same name would silently replace the first
        let declared = ["const ", "let ", "class ", "function ", "async function "];
        let names = host.lines().filter_map(|line| declared.iter().find_map(|word| line.strip_prefix(word)));
        let names: Vec<&str> = names.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()).collect();
        assert!(names.len() > 80, "{names:?}");
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{names:?}");
        for only_for_npm in ["link.js", "host/main.js", "types.js", "package.json", "../console/api.js", "examples/../link.js"] {
            assert!(read(only_for_npm).is_none(), "{only_for_npm}");
        }
    }
}
