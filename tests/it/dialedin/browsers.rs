//! Pages of other origins: those of `http.allowed_origins` read the scripts' answers, others do not.

use reqwest::{Method, Response, header};

use super::{AUTH, OK, effect, moved_in, script};
use crate::support::app::{TestApp, both};

const PAGE: &str = "https://crm.example";

async fn send(t: &TestApp, method: Method, query: &str, origin: Option<&str>) -> Response {
    let mut request = t.request(method, &format!("{}?{query}", script("InjectLead")));
    if let Some(origin) = origin {
        request = request
            .header(header::ORIGIN, origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
    }
    request.send().await.expect("an answer")
}

/// The headers that browsers look at.
fn shared(response: &Response) -> Vec<(String, String)> {
    let shown = response.headers().iter().filter(|(name, _)| name.as_str().starts_with("access-control") || *name == header::VARY);
    let mut shown: Vec<_> = shown.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned())).collect();
    shown.sort();
    shown
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const READ: [(&str, &str); 3] = [
    ("access-control-allow-origin", PAGE),
    ("access-control-expose-headers", "X-Lead-Id, X-Warnings, X-Request-Id, Retry-After"),
    ("vary", "Origin"),
];

both! {
    async fn a_page_of_an_allowed_origin_reads_the_answer(t: TestApp with |config| config.http.allowed_origins = vec!["https://crm.example".into()]) {
        moved_in(&t).await;
        let said = send(&t, Method::POST, &format!("{AUTH}&Campaign=Spring&PrimaryPhone=7812706510"), Some(PAGE)).await;
        assert_eq!(shared(&said), pairs(&READ));
        assert_eq!(said.text().await.expect("text"), OK);
        let refused = send(&t, Method::POST, "token=x&accid=acme", Some(PAGE)).await;
        assert_eq!((refused.status().as_u16(), shared(&refused)), (401, pairs(&READ)), "it reads why, too");
        let before = effect(&t).await;
        let asked = send(&t, Method::OPTIONS, &format!("{AUTH}&Campaign=Spring&PrimaryPhone=7812706511"), Some(PAGE)).await;
        let allowed = [("access-control-allow-headers", "Content-Type"), ("access-control-allow-methods", "GET, POST"), READ[0], READ[1], ("access-control-max-age", "600"), READ[2]];
        assert_eq!((asked.status().as_u16(), shared(&asked)), (204, pairs(&allowed)));
        assert_eq!(effect(&t).await, before, "whoever asks changes nothing");
    }

    async fn no_other_page_does(t: TestApp with |config| config.http.allowed_origins = vec!["https://crm.example".into()]) {
        moved_in(&t).await;
        for origin in [None, Some("http://crm.example"), Some("https://crm.example.evil.example"), Some("https://CRM.example"), Some("https://crm.example:8443"), Some("null"), Some("*"), Some("")] {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                let said = send(&t, method.clone(), &format!("{AUTH}&Campaign=Spring&PrimaryPhone=7812706510&DuplicatesCheck=1"), origin).await;
                assert_eq!(shared(&said), [], "{method} {origin:?}");
                assert_eq!(said.status().as_u16(), if method == Method::OPTIONS { 405 } else { 200 }, "{origin:?}");
            }
        }
    }
}
