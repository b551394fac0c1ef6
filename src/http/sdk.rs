//! The browser libraries: `/sdk/cti.js`, the client in one file; the classic scripts `/sdk/DynamicsTelephony.js`, `/sdk/opencti.js` and
//! `/sdk/host.js`; examples. Anybody may load them: they hold no secret, and what they do is decided at the doors they knock on.

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
    routing::get,
};
use rust_embed::RustEmbed;

use super::{Web, asset, console::PAGE_POLICY, error::ApiError, input::Path};

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
        "cti.js" => asset::join(name, &source).map(String::into_bytes),
        "host.js" => asset::join("main.js", &|part| source(&format!("host/{part}"))).map(|joined| classic(&joined).into_bytes()),
        "DynamicsTelephony.js" | "opencti.js" => source(name).map(String::into_bytes),
        _ if name.starts_with("examples/") && !name.contains("..") => Files::get(name).map(|file| file.data.into_owned()),
        _ => None,
    }
}

fn file(name: &str, asked: &HeaderMap) -> Result<Response, ApiError> {
    let content = read(name).ok_or(ApiError::NotFound("there is no such file".into()))?;
    let mut response = asset::answer(name, content, asked, PAGE_POLICY)?;
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    Ok(response)
}

/// Joined modules as a script that a page includes like any other: it runs at once, and leaves no names but those it sets.
fn classic(joined: &str) -> String {
    format!("(() => {{\n\"use strict\";\n{joined}}})();\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
