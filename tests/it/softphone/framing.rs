//! Who may frame the softphone and speak with it: the origins of its client app, and nobody who resembles them.

use axum::{Router, http::Uri};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::crm::{ANNA, Crm, PASSWORD, SECONDS, THEIRS};
use crate::support::{
    app::{TestApp, answer, both},
    chromium::Browser,
    floor::put,
};

/// The headers of an answer that decide who frames it.
async fn policy_of(t: &TestApp, path: &str) -> (StatusCode, String, String) {
    let answer = t.request(Method::GET, path).send().await.expect("an answer");
    let text = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default();
    (answer.status(), text("content-security-policy"), text("x-robots-tag"))
}

both! {
    async fn every_answer_of_the_flow_names_who_may_frame_it(t: TestApp) {
        let app = json!({"origins": ["https://crm.example.com", "*.example.org:*", "http://localhost:*"], "headers": {"X-Robots-Tag": "noindex"}});
        put(&t, "client-apps/crm", app).await;
        let ancestors = "frame-ancestors https://crm.example.com https://*.example.org:* http://localhost:*;";
        for path in ["", "/app.json", "/login"] {
            let (status, policy, header) = policy_of(&t, &format!("/apps/acme.crm{path}")).await;
            assert_eq!((status, header.as_str()), (StatusCode::OK, "noindex"), "{path}");
            assert!(policy.contains(ancestors) && !policy.contains("unsafe"), "{path}: {policy}");
        }
        // refusals, too
        let request = t.request(Method::POST, "/apps/acme.crm/login").header("sec-fetch-site", "same-origin");
        for (body, status) in [("{}", 422), ("x", 400), (r#"{"login":"agent1","password":"wrong"}"#, 401)] {
            let request = request.try_clone().expect("a request").header("content-type", "application/json").body(body);
            let refused = request.send().await.expect("an answer");
            assert_eq!(refused.status().as_u16(), status, "{body}");
            assert!(refused.headers()["content-security-policy"].to_str().expect("text").contains(ancestors));
        }
        // a log-in that another page sends is none
        for site in ["cross-site", "same-site", "none"] {
            let request = t.request(Method::POST, "/apps/acme.crm/login").header("sec-fetch-site", site);
            let (status, _) = answer(request.json(&json!({"login": "agent1", "password": "x"}))).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{site}");
        }
        for unknown in ["/apps/acme.none", "/apps/none.crm", "/apps/crm", "/apps/acme.none/login"] {
            let (status, policy, _) = policy_of(&t, unknown).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{unknown}");
            assert!(policy.contains("frame-ancestors 'none'"), "{unknown}: {policy}");
        }
        put(&t, "client-apps/crm", json!({})).await;
        assert!(policy_of(&t, "/apps/acme.crm").await.1.contains("frame-ancestors 'none'"));
    }

    async fn who_frames_it_from_elsewhere_reads_why_it_is_not_shown(t: TestApp) {
        put(&t, "client-apps/crm", json!({"origins": ["https://crm.example.com"]})).await;
        for (referer, status) in [("https://crm.example.com/", 200), ("https://crm.example.com.evil.net/page", 403), ("http://crm.example.com/", 403)] {
            let request = t.request(Method::GET, "/apps/acme.crm").header("sec-fetch-dest", "iframe").header("referer", referer);
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status().as_u16(), status, "{referer}");
            let text = response.text().await.expect("a body");
            assert_eq!(text.contains("This origin is not allowed"), status == 403, "{text}");
        }
    }

    async fn what_makes_no_sense_in_a_client_app_is_refused(t: TestApp) {
        for (app, field) in [
            (json!({"origins": ["example.*"]}), "origins"), (json!({"origins": ["*"]}), "origins"), (json!({"origins": ["https://example.com/path"]}), "origins"),
            (json!({"headers": {"Set-Cookie": "a=b"}}), "headers.Set-Cookie"), (json!({"headers": {"X-Frame-Options": "DENY"}}), "headers.X-Frame-Options"),
            (json!({"autoDial": "maybe"}), "autoDial"), (json!({"identities": [{"type": "CallCenter", "id": 1}]}), "identities[0]"),
            (json!({"identities": [{"type": "CallCenter", "id": 1, "ringGroup": "None"}]}), "identities[0].ringGroup"),
            (json!({"identities": [{"type": "Office", "id": 1, "number": "+4930555999"}]}), "identities[0].number"),
            (json!({"identities": [{"type": "Shop", "id": 1, "number": "+4930555999"}]}), "identities[0].type"), (json!({"origin": []}), "origin"),
        ] {
            let (status, body) = answer(t.api(Method::PUT, "/api/v1/client-apps/crm").json(&app)).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{app}");
            assert!(body["error"]["field"].as_str().is_some_and(|named| named.starts_with(field) || field.starts_with(named)), "{app}: {body}");
        }
        let (status, _) = answer(t.api(Method::PUT, "/api/v1/client-apps/My%20CRM").json(&json!({}))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(t.get("/api/v1/client-apps").await.1["items"], json!([]));
    }

    async fn a_page_of_a_client_app_opens_a_socket_of_its_account_only(t: TestApp) {
        use crate::support::wire::Wire;
        let origin = "https://crm.example.com";
        assert_eq!(Wire::open(&t, &[("origin", origin)]).await.err().expect("a refusal").0, 403);
        put(&t, "client-apps/crm", json!({ "origins": [origin] })).await;
        let mut wire = Wire::open(&t, &[("origin", origin)]).await.expect("the upgrade");
        wire.hello(json!({"ticket": t.ticket("agent1").await})).await;
        assert_eq!(wire.frame().await["op"], "welcome");
        let request = t.request(Method::POST, "/api/v1/sessions").header("origin", origin).json(&json!({"code": "x"}));
        let response = request.send().await.expect("an answer");
        assert_eq!(response.headers()["access-control-allow-origin"], origin);
    }

    async fn an_embed_token_signs_in_once_and_a_session_is_exchanged(t: TestApp) {
        let (status, body) = answer(t.api(Method::POST, "/api/v1/embed-tokens").json(&json!({"agent": "nobody"}))).await;
        assert_eq!((status.as_u16(), &body["error"]["field"]), (422, &json!("agent")));
        let (status, made) = answer(t.api(Method::POST, "/api/v1/embed-tokens").json(&json!({"agent": "agent1"}))).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let code = json!({ "code": made["token"] });
        let (status, session) = answer(t.request(Method::POST, "/api/v1/sessions").json(&code)).await;
        assert_eq!((status, &session["login"]), (StatusCode::CREATED, &json!("agent1")));
        assert_eq!(answer(t.request(Method::POST, "/api/v1/sessions").json(&code)).await.0, StatusCode::UNAUTHORIZED, "once");
        let of = |session: &Value| session["token"].as_str().expect("a token").to_owned();
        let alive = async |token: &str| answer(t.request(Method::POST, "/api/v1/ws-ticket").bearer_auth(token).json(&json!({}))).await.0 == StatusCode::CREATED;
        let exchange = async |token: &str, beside: bool| {
            let request = t.request(Method::POST, "/api/v1/sessions/current/exchange").bearer_auth(token).json(&json!({ "beside": beside }));
            let (status, new) = answer(request).await;
            assert_eq!((status, &new["expiresAt"]), (StatusCode::CREATED, &session["expiresAt"]), "it lives no longer");
            of(&new)
        };
        let second = exchange(&of(&session), false).await;
        assert!(alive(&of(&session)).await && alive(&second).await);
        t.clock.advance(std::time::Duration::from_secs(31));
        assert!(!alive(&of(&session)).await && alive(&second).await, "the old one has ended");
        let third = exchange(&second, true).await;
        t.clock.advance(std::time::Duration::from_secs(31));
        assert!(alive(&second).await && alive(&third).await, "of two tabs each has its own");
        let (status, made) = answer(t.api(Method::POST, "/api/v1/embed-tokens").json(&json!({"agent": "agent1"}))).await;
        assert_eq!(status, StatusCode::CREATED);
        t.clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(answer(t.request(Method::POST, "/api/v1/sessions").json(&json!({ "code": made["token"] }))).await.0, StatusCode::UNAUTHORIZED, "late");
    }
}

/// The gateway's pages without the headers that keep strangers out, as a browser has them that does not know these.
async fn without_policies(gateway: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let page = async move |uri: Uri| {
        let answer = reqwest::get(format!("{gateway}{uri}")).await.expect("an answer");
        let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
        ([("content-type", kind)], answer.bytes().await.expect("a body"))
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(page)).into_future());
    origin
}

/// Pages that are not the client app's: what they hear of the softphone, and what comes of what they send.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_pages_get_nothing() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let port = crm.origin.rsplit(':').next().expect("a port").to_owned();
    // the CRM's own page inside a page of another origin, too
    let nest =
        "<!doctype html><title>nest</title><iframe src='CRM/page.html'></iframe><script src=crm.js></script>".replace("CRM", &crm.origin);
    crm.put("nest.html", "text/html", &nest);
    // `null`: a sandboxed page of the very origin
    crm.put(
        "sandboxed.html",
        "text/html",
        "<!doctype html><title>null</title><iframe src='page.html' sandbox='allow-scripts allow-popups'></iframe>",
    );
    for (name, address) in [
        ("prefix", format!("http://evil-localhost.localhost:{port}/page.html")),
        ("below", format!("http://crm.localhost:{port}/page.html")),
        ("suffix", format!("http://localhost.evil.localhost:{port}/page.html")),
        ("nested", format!("http://evil.localhost:{port}/nest.html")),
    ] {
        let page = browser.page(&address).await;
        page.wait_for("typeof heard === 'object'", SECONDS).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert_eq!(page.eval("heard.length").await, 0, "{name}");
        let errors = page.console_errors().join("\n");
        assert!(
            errors.contains("frame-ancestors") || errors.contains("refused to connect") || errors.contains("ERR_BLOCKED"),
            "{name}: {errors}"
        );
    }
    // where a browser lets a stranger frame it all the same, the page itself neither speaks nor listens
    let bare = without_policies(crm.t.url("")).await;
    let frame = format!(
        "<!doctype html><title>stranger</title><iframe id=cti src='{bare}/apps/acme.crm' referrerpolicy=no-referrer></iframe><script src=stranger.js></script>"
    );
    crm.put("stranger.html", "text/html", &frame);
    crm.put("stranger.js", "text/javascript", "var heard = []; addEventListener('message', function (event) { heard.push(event.data); });");
    let page = browser.page(&format!("http://evil.localhost:{port}/stranger.html")).await;
    let phone = page.frame("/apps/acme.crm").await;
    phone.wait_for("document.querySelector('[data-testid=told]').innerText.includes('is not among the origins')", SECONDS).await;
    let dial = format!("{{api: 'opencti_dialpad', version: '1.0', method: 'initiate_call', payload: {{phone_number: '{THEIRS}'}}}}");
    page.eval(&format!("document.getElementById('cti').contentWindow.postMessage({dial}, '*')")).await;
    phone.wait_for("document.body.dataset.ignored === '1'", SECONDS).await;
    assert_eq!(page.eval("heard.length").await, 0);
    let page = browser.page(&format!("{}/sandboxed.html", crm.origin)).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(page.console_errors().join("\n").contains("frame-ancestors"), "{:?}", page.console_errors());
    // another window, and a frame beside the softphone, send in vain
    let attack = format!(
        "window.opener.document.getElementById('cti').contentWindow.postMessage({{api:'opencti_dialpad',version:'1.0',method:'initiate_call',payload:{{phone_number:'{THEIRS}'}}}}, '*')"
    );
    crm.put("window.html", "text/html", "<!doctype html><title>window</title><script src=window.js></script>");
    crm.put("window.js", "text/javascript", &attack);
    let ignored = tab.frame.eval("Number(document.body.dataset.ignored)").await.as_i64().expect("a count");
    tab.page.eval("void window.open('window.html')").await;
    tab.frame.wait_for(&format!("Number(document.body.dataset.ignored) === {}", ignored + 1), SECONDS).await;
    assert_eq!(crm.t.calls().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_signs_its_agent_in_by_a_token() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.tab(&browser).await;
    tab.page.wait_for("heard.some(m => m.api === 'cti_gateway' && m.method === 'sign_in_needed')", SECONDS).await;
    let send = |token: &str| {
        format!(
            "document.getElementById('cti').contentWindow.postMessage({{api:'cti_gateway',version:'1.0',method:'sign_in',payload:{{token:'{token}'}}}}, '{}')",
            crm.t.url("")
        )
    };
    tab.page.eval(&send("code_wrong")).await;
    tab.frame.wait_for("document.querySelector('[data-testid=sign-in-hint]').textContent.includes('could not log you in')", SECONDS).await;
    let (_, made) = answer(crm.t.api(Method::POST, "/api/v1/embed-tokens").json(&json!({ "agent": ANNA }))).await;
    tab.page.eval(&send(made["token"].as_str().expect("a token"))).await;
    tab.connected().await;
    tab.frame.wait_for("document.body.dataset.enabled === 'true'", SECONDS).await;
    assert!(tab.frame.eval("document.cookie").await == "" && !PASSWORD.is_empty());
}
