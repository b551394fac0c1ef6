//! How the libraries are served: one small file, to pages of any origin, revalidated instead of fetched anew; and who may sign in.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::site::{ANNA, Site};
use crate::support::{
    app::{ACCOUNT, Kind, TestApp},
    chromium::Browser,
    figure,
};

/// The client may weigh this much, as gzip makes it.
const MOST_BYTES: usize = 12 * 1024;

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_revalidated_and_readable_everywhere() {
    let t = TestApp::start(Kind::Sqlite).await;
    for (path, kind) in [
        ("/sdk/cti.js", "text/javascript"),
        ("/sdk/DynamicsTelephony.js", "text/javascript"),
        ("/sdk/opencti.js", "text/javascript"),
        ("/sdk/host.js", "text/javascript"),
        ("/sdk/examples/walk-through.html", "text/html"),
        ("/sdk/examples/walk-through.css", "text/css"),
    ] {
        let got = t.request(Method::GET, path).header("Origin", "https://crm.example").send().await.expect("an answer");
        assert_eq!(got.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&got, "content-type"), format!("{kind}; charset=utf-8"), "{path}");
        assert_eq!(header(&got, "access-control-allow-origin"), "*");
        assert_eq!(header(&got, "cross-origin-resource-policy"), "cross-origin");
        assert_eq!(header(&got, "x-content-type-options"), "nosniff");
        assert_eq!(header(&got, "cache-control"), "public, no-cache");
        let policy = header(&got, "content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let tag = header(&got, "etag").to_owned();
        for (held, status) in [(tag.clone(), 304), (format!("W/{tag}"), 304), (format!("\"x\", {tag}"), 304), ("\"x\"".into(), 200)] {
            let again = t.request(Method::GET, path).header("If-None-Match", &held).send().await.expect("an answer");
            assert_eq!((again.status().as_u16(), header(&again, "etag")), (status, tag.as_str()), "{held}");
        }
        assert!(!got.text().await.expect("text").is_empty());
    }
    for absent in [
        "/sdk/",
        "/sdk/link.js",
        "/sdk/host/main.js",
        "/sdk/package.json",
        "/sdk/examples/../link.js",
        "/sdk/examples/%2e%2e/link.js",
        "/sdk/types/cti.d.ts",
    ] {
        assert_eq!(t.request(Method::GET, absent).send().await.expect("an answer").status(), StatusCode::NOT_FOUND, "{absent}");
    }
    // weighed by the browser's own gzip
    let browser = Browser::launch().await;
    let page = browser.page(&t.url("/healthz")).await;
    for file in ["cti.js", "DynamicsTelephony.js"] {
        let bytes = page.gzipped(&format!("/sdk/{file}")).await;
        figure(&format!("{file}: {bytes} bytes gzipped"));
        assert!(bytes <= MOST_BYTES, "{file}: {bytes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_pages_of_allowed_origins_sign_in() {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let site = Site::open(&mut t).await;
    let body = json!({"account": ACCOUNT, "login": ANNA, "password": "wrong"});
    for (origin, is_allowed) in [(site.origin.as_str(), true), ("https://evil.example", false), ("null", false)] {
        let asked = t.request(Method::POST, "/api/v1/sessions").header("Origin", origin).json(&body).send().await.expect("an answer");
        let shown = if is_allowed { origin } else { "" };
        assert_eq!((asked.status().as_u16(), header(&asked, "access-control-allow-origin")), (401, shown), "it reads refusals, too");
        assert_eq!(header(&asked, "access-control-allow-credentials"), "");
        for (path, method) in [("/api/v1/sessions", "POST"), ("/api/v1/sessions/current", "DELETE"), ("/api/v1/ws-ticket", "POST")] {
            let preflight = t.request(Method::OPTIONS, path).header("Origin", origin).header("Access-Control-Request-Method", method);
            let preflight = preflight.send().await.expect("an answer");
            let expected = if is_allowed { (204, origin, "POST, DELETE", "Authorization, Content-Type") } else { (405, "", "", "") };
            let got = ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"]
                .map(|name| header(&preflight, name));
            assert_eq!((preflight.status().as_u16(), got[0], got[1], got[2]), expected, "{path}");
        }
    }
    // the rest of the API is for programs
    let other = t.api(Method::GET, "/api/v1/dialer-calls").header("Origin", &site.origin).send().await.expect("an answer");
    assert_eq!(header(&other, "access-control-allow-origin"), "");
}
