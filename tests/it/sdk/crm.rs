//! A CRM of one origin and a softphone of another, each with a strict policy: the CRM's server keeps what it is asked, creates phone
//! cases and finds customers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    app::{Kind, TestApp},
    chromium::{Browser, Page},
};

/// The softphone's page, as somebody writes it who has Desk's documentation only.
const GUEST: &str = r"
var readied = 0, clicks = [], focused = [], heard = [];
desk.ready(function () { readied += 1; });
window.addEventListener('message', function (event) { heard.push(event.data); });
// what a method answers: the response, and whether it has the property `error`
function ask(path) {
  var rest = Array.prototype.slice.call(arguments, 1);
  return new Promise(function (done) {
    var owner = path.split('.').slice(0, -1).reduce(function (at, name) { return at[name]; }, desk);
    rest.push(function (response) { done([response.result, response.error, 'error' in response]); });
    owner[path.split('.').pop()].apply(owner, rest);
  });
}
function ajax(url, config) {
  return new Promise(function (done) {
    desk.interaction.ajax(url, Object.assign({}, config, { callback: function (response) { done([response.result, response.error]); } }));
  });
}
// a message that the library would not send
function raw(message) { window.parent.postMessage(message, '*'); }
";

const CRM_POLICY: &str = "default-src 'none'; script-src 'self' SERVER; style-src 'self'; connect-src 'self'; \
     frame-src 'self' http://127.0.0.1:*; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const PHONE_POLICY: &str = "default-src 'none'; script-src 'self' SERVER; frame-src http:";

/// What the CRM's server was asked.
pub(super) type Asked = (String, String, Value);

#[derive(Default)]
struct Shared {
    files: Mutex<HashMap<String, String>>,
    gateway: String,
    asked: Mutex<Vec<Asked>>,
    /// The ids of the customers that any search finds.
    customers: Mutex<Vec<String>>,
    /// How long it takes to create a case.
    pause: Mutex<Duration>,
    /// The status that requests for cases get.
    refuses: Mutex<Option<u16>>,
}

/// The CRM, the softphone and a browser.
pub(super) struct Crm {
    _gateway: TestApp,
    pub(super) browser: Browser,
    pub(super) origin: String,
    /// Where the softphone is.
    pub(super) phone: String,
    /// An origin that nobody has to do with.
    pub(super) stranger: String,
    shared: Arc<Shared>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic")
}

impl Crm {
    pub(super) async fn open() -> Self {
        let t = TestApp::start(Kind::Sqlite).await;
        let shared = Arc::new(Shared { gateway: t.url(""), ..Shared::default() });
        let mut ports = vec![];
        for _ in 0..2 {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            ports.push(listener.local_addr().expect("an address").port());
            tokio::spawn(axum::serve(listener, Router::new().fallback(any(answer)).with_state(shared.clone())).into_future());
        }
        // another name is another site to the browser
        let origins = ("localhost", "127.0.0.1");
        let crm = Self {
            browser: Browser::launch().await,
            origin: format!("http://{}:{}", origins.0, ports[0]),
            phone: format!("http://{}:{}", origins.1, ports[0]),
            stranger: format!("http://{}:{}", origins.1, ports[1]),
            _gateway: t,
            shared,
        };
        crm.put("phone.html", "<!doctype html><script src=SERVER/sdk/opencti.js></script><script src=phone.js></script><p>softphone");
        crm.put("phone.js", GUEST);
        crm
    }

    /// Puts a file there; the gateway's name is put in for SERVER.
    pub(super) fn put(&self, path: &str, text: &str) {
        let text = text.replace("SERVER", &self.shared.gateway).replace("PHONE", &self.phone).replace("STRANGER", &self.stranger);
        lock(&self.shared.files).insert(path.to_owned(), text);
    }

    /// A page of the CRM with the host, its configuration, and what else is in it.
    pub(super) fn put_page(&self, path: &str, attributes: &str, configuration: &str, body: &str) {
        self.put(&format!("{path}.js"), configuration);
        let scripts = format!("<script src=SERVER/sdk/host.js {attributes}></script><script src=/{path}.js></script>");
        self.put(path, &format!("<!doctype html><html lang=en><title>CRM</title>{scripts}<body>{body}"));
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }

    /// Such a page, opened, and its softphone's.
    pub(super) async fn page(&self, configuration: &str, body: &str) -> (Page, Page) {
        self.put_page("page.html", "data-softphone=PHONE/phone.html", configuration, body);
        let page = self.browser.page(&self.url("page.html")).await;
        let phone = page.frame("/phone.html").await;
        (page, phone)
    }

    /// From now on any search finds these.
    pub(super) fn finds(&self, ids: &[&str]) {
        *lock(&self.shared.customers) = ids.iter().map(|id| (*id).to_owned()).collect();
    }

    pub(super) fn creates_within(&self, pause: Duration) {
        *lock(&self.shared.pause) = pause;
    }

    pub(super) fn refuses_cases(&self, status: Option<u16>) {
        *lock(&self.shared.refuses) = status;
    }

    /// What the CRM's server was asked whose path begins so.
    pub(super) fn asked(&self, prefix: &str) -> Vec<Asked> {
        lock(&self.shared.asked).iter().filter(|(_, path, _)| path.starts_with(prefix)).cloned().collect()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().trim_start_matches('/').to_owned();
    if path == "favicon.ico" {
        return StatusCode::NO_CONTENT.into_response();
    }
    if let Some(text) = lock(&shared.files).get(&path).cloned() {
        let kind = if path.rsplit('.').next() == Some("js") { "text/javascript" } else { "text/html; charset=utf-8" };
        let is_crm = headers.get(header::HOST).is_some_and(|host| host.as_bytes().starts_with(b"localhost"));
        let policy = if is_crm { CRM_POLICY } else { PHONE_POLICY }.replace("SERVER", &shared.gateway);
        return ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, &policy)], text).into_response();
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let data = String::from_utf8_lossy(&body).into_owned();
    let details = json!({ "kind": text("content-type"), "key": text("idempotency-key"), "csrf": text("x-csrf"), "data": data });
    lock(&shared.asked).push((method.to_string(), uri.to_string(), details));
    let answer = match path.as_str() {
        "search" => json!({"items": lock(&shared.customers).iter().map(|id| json!({"id": id})).collect::<Vec<_>>()}),
        "cases" => {
            let (pause, refused) = (*lock(&shared.pause), *lock(&shared.refuses));
            tokio::time::sleep(pause).await;
            if let Some(status) = refused {
                return StatusCode::from_u16(status).expect("a status").into_response();
            }
            json!({"id": lock(&shared.asked).iter().filter(|(_, path, _)| path == "/cases").count()})
        }
        "embed-token" => json!({"token": "embed_1"}),
        "api/away" => return (StatusCode::FOUND, [(header::LOCATION, "/secret")]).into_response(),
        "api/text" => return "plain".into_response(),
        _ if path.starts_with("api/") => json!({"got": method.as_str(), "path": uri.to_string(), "data": data}),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    axum::Json(answer).into_response()
}

/// Waits until the softphone's messages so far are taken in.
pub(super) async fn settled(page: &Page) {
    page.eval("new Promise((later) => setTimeout(later, 150))").await;
}
