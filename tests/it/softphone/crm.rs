//! A CRM at a site of its own that frames the softphone, and the agents, numbers and telephones behind it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use cti_gateway::{app::passwords, store::people::NewAgent};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    app::{ACCOUNT, Kind, TestApp, agent},
    chromium::{Browser, Page},
    desk::outside,
    floor::{put, with},
};

pub(crate) const SECONDS: Duration = Duration::from_secs(20);
pub(crate) const ANNA: &str = "anna";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const THEIRS: &str = "+493055501901";
pub(crate) const CALLER: &str = "+4930123456";
/// Rings Anna.
pub(crate) const DID: &str = "+17815550100";

/// The page of the seed: the frame as it is written there, and a script that listens.
const PAGE: &str = r#"<!doctype html><html lang="en"><title>CRM</title>
<iframe id="cti" src="SERVER/apps/acme.crm" title="Dialpad" allow="microphone; speaker-selection; autoplay; camera; display-capture; hid"
 sandbox="allow-popups allow-scripts allow-same-origin"></iframe><script src="crm.js"></script>"#;

/// It keeps what it heard over a reload, as a CRM would that counts.
const SCRIPT: &str = r"
var heard = JSON.parse(sessionStorage.heard || '[]');
window.addEventListener('message', function (event) {
  if (event.origin !== 'SERVER') return;
  heard.push(event.data);
  sessionStorage.heard = JSON.stringify(heard);
});
function dialpad(method) {
  return heard.filter(function (m) { return m.api === 'opencti_dialpad' && m.version === '1.0' && m.method === method; })
    .map(function (m) { return m.payload; });
}
function send(method, payload) {
  document.getElementById('cti').contentWindow.postMessage({
    'api': 'opencti_dialpad', 'version': '1.0', 'method': method, 'payload': payload
  }, 'SERVER');
}
";

type Files = Arc<Mutex<HashMap<String, (&'static str, String)>>>;

/// The CRM's site, and the gateway behind it.
pub(crate) struct Crm {
    pub(crate) t: TestApp,
    pub(crate) origin: String,
    files: Files,
}

impl Crm {
    /// Opens both. The gateway lives by the machine's clock, as the page's timers do; its client app `crm` names the CRM's origin.
    pub(crate) async fn open() -> Self {
        let mut t = TestApp::start_with(Kind::Sqlite, outside).await;
        let hash = passwords::hash(PASSWORD).expect("a hash");
        let anna = NewAgent { password_hash: Some(hash), ..agent(ANNA, "1009") };
        t.admin().add_agent((t.account, ACCOUNT), &anna).await.expect("the store").expect("a new agent");
        t.go_live().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        // another name is another site to the browser
        let origin = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let files = Files::default();
        let pages = Router::new()
            .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
            .route("/{*path}", get(file))
            .with_state(files.clone());
        tokio::spawn(axum::serve(listener, pages).into_future());
        let crm = Self { t, origin, files };
        crm.put("page.html", "text/html", PAGE);
        crm.put("crm.js", "text/javascript", SCRIPT);
        crm.app(json!({})).await;
        put(&crm.t, "telephone-systems/house", json!({ "simulated": with(json!({"answerS": [1, 1]})) })).await;
        put(&crm.t, "ring-groups/Main", json!({"number": DID, "reception": {}})).await;
        crm
    }

    /// The client app with these terms.
    pub(crate) async fn app(&self, terms: Value) {
        let mut app = json!({ "origins": [self.origin] });
        for (name, value) in terms.as_object().expect("terms") {
            app[name] = value.clone();
        }
        put(&self.t, "client-apps/crm", app).await;
    }

    /// Puts a file on the site; the gateway's origin is put in for SERVER.
    pub(crate) fn put(&self, path: &str, kind: &'static str, body: &str) {
        let body = body.replace("SERVER", &self.t.url(""));
        self.files.lock().expect("no panic").insert(path.to_owned(), (kind, body));
    }

    /// A tab of the CRM, with the softphone's frame in it.
    pub(crate) async fn tab(&self, browser: &Browser) -> Tab {
        self.tab_of(browser.page(&format!("{}/page.html", self.origin)).await).await
    }

    /// The tab whose page has been opened already.
    pub(crate) async fn tab_of(&self, page: Page) -> Tab {
        let frame = page.frame("/apps/acme.crm").await;
        frame.wait_for("document.body.dataset.session !== 'unknown'", SECONDS).await;
        Tab { page, frame }
    }

    /// The tab, loaded anew.
    pub(crate) async fn reloaded(&self, tab: Tab) -> Tab {
        tab.page.reload().await;
        self.tab_of(tab.page).await
    }

    /// The same, with Anna signed in by the pop-up.
    pub(crate) async fn signed_in(&self, browser: &Browser) -> Tab {
        let tab = self.tab(browser).await;
        tab.sign_in(browser, PASSWORD).await;
        tab.connected().await;
        tab
    }
}

async fn file(State(files): State<Files>, Path(path): Path<String>) -> Response {
    let Some((kind, body)) = files.lock().expect("no panic").get(&path).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let policy = "default-src 'none'; script-src 'self' http://127.0.0.1:*; frame-src http://127.0.0.1:* http://localhost:*";
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)], body).into_response()
}

/// A tab of the CRM and the softphone in it.
pub(crate) struct Tab {
    pub(crate) page: Page,
    pub(crate) frame: Page,
}

impl Tab {
    /// Signs Anna in, as a person does it.
    pub(crate) async fn sign_in(&self, browser: &Browser, password: &str) {
        self.frame.eval("document.querySelector('[data-testid=sign-in]').click()").await;
        let popup = browser.popup("/apps/acme.crm/login").await;
        popup.wait_for("document.querySelector('[name=login]') === document.activeElement", SECONDS).await;
        let fill = format!(
            "document.querySelector('[name=login]').value = '{ANNA}'; document.querySelector('[name=password]').value = '{password}';
             setTimeout(() => document.querySelector('[data-testid=login]').click())"
        );
        popup.eval(&fill).await;
    }

    pub(crate) async fn connected(&self) {
        self.frame.wait_for("document.body.dataset.connection === 'connected'", SECONDS).await;
    }

    /// Waits until the frame shows a call in this state; its dtCallId.
    pub(crate) async fn shows(&self, state: &str) -> String {
        let card = format!("document.querySelector('[data-testid=card][data-state={state}]')");
        self.frame.wait_for(&format!("{card} !== null"), SECONDS).await;
        self.frame.eval(&format!("{card}.dataset.call")).await.as_str().expect("an id").to_owned()
    }

    /// Waits until the frame shows no call.
    pub(crate) async fn shows_none(&self) {
        self.frame.wait_for("document.querySelector('[data-testid=card]') === null", SECONDS).await;
    }

    /// Presses what a test knows by this name.
    pub(crate) async fn press(&self, name: &str) {
        let button = format!("document.querySelector('[data-testid=\"{name}\"]')");
        self.frame.wait_for(&format!("!{button}.disabled && {button}.offsetParent !== null"), SECONDS).await;
        self.frame.eval(&format!("{button}.click()")).await;
    }

    /// Waits until the frame shows its agent in this state.
    pub(crate) async fn shows_presence(&self, state: &str) {
        self.frame.wait_for(&format!("document.querySelector('[data-testid=presence]').dataset.state === '{state}'"), SECONDS).await;
    }

    /// Signs its agent out, as a person does it.
    pub(crate) async fn sign_out(&self) {
        self.press("sign-out").await;
        self.frame.wait_for("document.body.dataset.session === 'none'", SECONDS).await;
    }

    /// Writes into a field as a person does, as far as the page can tell.
    pub(crate) async fn writes(&self, name: &str, text: &str) {
        let field = format!("document.querySelector('[data-testid={name}]')");
        let written = format!("{field}.value = {}; {field}.dispatchEvent(new Event('input', {{bubbles: true}}))", json!(text));
        self.frame.eval(&written).await;
    }

    /// Waits until the outcomes that can be chosen are there.
    pub(crate) async fn can_choose(&self) {
        self.frame.wait_for("document.querySelector('[data-testid=outcome]').options.length > 5", SECONDS).await;
    }

    /// Waits until the CRM's page has been told exactly this by this method.
    pub(crate) async fn heard(&self, method: &str, payloads: Value) {
        let is = format!("JSON.stringify(dialpad('{method}')) === {}", json!(payloads.to_string()));
        self.page.wait_for(&is, SECONDS).await;
    }

    /// What the CRM's page sends to the frame.
    pub(crate) async fn sends(&self, method: &str, payload: Value) {
        self.page.eval(&format!("send('{method}', {payload})")).await;
    }

    /// Waits until the frame tells its agent this.
    pub(crate) async fn tells(&self, text: &str) {
        let shown = "document.querySelector('[data-testid=told]')";
        self.frame.wait_for(&format!("!{shown}.hidden && {shown}.innerText.includes({})", json!(text)), SECONDS).await;
    }

    /// What went wrong in the tab, but for the network's own words.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.page.own_errors()
    }
}
