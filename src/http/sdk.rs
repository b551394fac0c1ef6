//! The browser libraries: `/sdk/cti.js`, the client in one file; `/sdk/DynamicsTelephony.js`; examples. Anybody may load them: they hold
//! no secret, and what they do is decided at the doors they knock on.

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

/// A file as it is served. The client's modules are served as the one that joins them; what only npm needs, not at all.
fn read(name: &str) -> Option<Vec<u8>> {
    let source = |name: &str| Files::get(name).and_then(|file| String::from_utf8(file.data.into_owned()).ok());
    match name {
        "cti.js" => asset::join(name, &source).map(String::into_bytes),
        "DynamicsTelephony.js" => source(name).map(String::into_bytes),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_one_file() {
        let client = String::from_utf8(read("cti.js").unwrap()).unwrap();
        let starting = |word: &str| client.lines().filter(|line| line.starts_with(word)).collect::<Vec<_>>();
        assert_eq!(starting("import "), [""; 0]);
        assert_eq!(starting("export "), ["export { CtiError };", "export class CtiClient {"]);
        for only_for_npm in ["link.js", "types.js", "package.json", "../console/api.js", "examples/../link.js"] {
            assert!(read(only_for_npm).is_none(), "{only_for_npm}");
        }
    }
}
