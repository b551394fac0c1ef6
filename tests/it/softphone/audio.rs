//! Sound in the browser, as far as it needs no telephone system: who is told of his line, what the page may speak with, and what it
//! says when there is no sound. That two pages hear each other shows `asterisk::real::browser`.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::ws::{Message, WebSocketUpgrade},
    routing::any,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    crm::{ANNA, Crm, SECONDS, Tab},
    using::faults,
};
use crate::support::{
    app::{TestApp, agent, answer, both},
    chromium::Browser,
    desk::outside,
    floor::put,
};

/// An Asterisk that nobody runs.
fn office(audio: &Value) -> Value {
    json!({"asterisk": {
        "url": "http://127.0.0.1:9", "user": "cti", "password": "s3cret", "app": "cti",
        "station": "PJSIP/{extension}", "trunk": "PJSIP/{number}@trunk", "audio": audio,
    }})
}

pub(super) fn line() -> Value {
    json!({"url": "ws://127.0.0.1:9/ws", "domain": "pbx.example", "user": "web-{extension}", "passwords": {"1001": "own", "1009": "hers"}})
}

/// The session of an agent.
async fn session(t: &TestApp, login: &str) -> String {
    let (_, made) = answer(t.api(Method::POST, "/api/v1/embed-tokens").json(&json!({ "agent": login }))).await;
    let (_, session) = answer(t.request(Method::POST, "/api/v1/sessions").json(&json!({"code": made["token"]}))).await;
    session["token"].as_str().expect("a session").to_owned()
}

both! {
    async fn only_an_agents_own_session_is_told_of_his_line(t: TestApp with outside) {
        t.admin().add_agent((t.account, "acme"), &agent("nora", "1077")).await.expect("the store").expect("a new agent");
        put(&t, "telephone-systems/office", office(&line())).await;
        let (one, two, none) = (session(&t, "agent1").await, session(&t, "agent2").await, session(&t, "nora").await);
        let ask = async |login: &str, bearer: &str| answer(t.request(Method::GET, &format!("/api/v1/agents/{login}/audio")).bearer_auth(bearer)).await;
        let told = ask("agent1", &one).await;
        assert_eq!(told, (StatusCode::OK, json!({"url": "ws://127.0.0.1:9/ws", "uri": "sip:web-1001@pbx.example", "password": "own"})));
        for (login, bearer, expected) in [
            ("agent1", two.as_str(), StatusCode::FORBIDDEN), ("agent1", "cti_token_for_everything", StatusCode::FORBIDDEN), ("nobody", &one, StatusCode::FORBIDDEN),
            ("agent2", &two, StatusCode::NOT_FOUND), ("nora", &none, StatusCode::NOT_FOUND),
        ] {
            let (status, body) = ask(login, bearer).await;
            assert_eq!(status, expected, "{login}: {body}");
            assert!(!body.to_string().contains("own\""), "{body}");
        }
        assert_eq!(t.get("/api/v1/agents/agent1/desk").await.1["audio"], true);
        assert_eq!(t.get("/api/v1/agents/nora/desk").await.1["audio"], false);
        // one password for whoever has none of his own
        let mut shared = line();
        shared["password"] = json!("all");
        put(&t, "telephone-systems/office", office(&shared)).await;
        assert_eq!(ask("agent1", &one).await.1["password"], "own");
        assert_eq!(ask("agent2", &two).await.1["password"], "all");
        assert_eq!(t.get("/api/v1/agents/nora/desk").await.1["audio"], true);
    }

    async fn a_line_is_checked_and_its_passwords_are_kept(t: TestApp with outside) {
        let mut shared = line();
        shared["password"] = json!("all");
        put(&t, "telephone-systems/office", office(&shared)).await;
        let (_, shown) = t.get("/api/v1/telephone-systems/office").await;
        assert_eq!(shown["asterisk"]["audio"]["passwords"], json!({"1001": "***", "1009": "***"}), "{shown}");
        assert_eq!((&shown["asterisk"]["audio"]["password"], &shown["asterisk"]["audio"]["url"]), (&json!("***"), &json!("ws://127.0.0.1:9/ws")));
        put(&t, "telephone-systems/office", shown.clone()).await;
        let one = session(&t, "agent1").await;
        let ask = async || answer(t.request(Method::GET, "/api/v1/agents/agent1/audio").bearer_auth(&one)).await.1;
        assert_eq!(ask().await["password"], "own");
        for (field, value, expected) in [
            ("url", json!("https://pbx.example/ws"), "audio.url: expected the address of a WebSocket"), ("url", json!("wss://a@pbx.example/ws"), "audio.url: a user and password belong"),
            ("url", json!("wss://pbx.example/ws;x"), "audio.url: "), ("url", json!("wss://pbx.example/ws?a"), "audio.url: "), ("url", json!("wss://'none'/"), "audio.url: "),
            ("domain", json!("a b"), "audio.domain: "), ("domain", json!(""), "audio.domain: "), ("user", json!("me"), "audio.user: "), ("user", json!("{extension}@x"), "audio.user: "),
            ("passwords", json!({}), "audio.passwords: "), ("passwords", json!({"1001": ""}), "a password or token is empty"), ("codec", json!("opus"), "codec"),
            // what is kept for one host goes to no other
            ("url", json!("wss://evil.example/ws"), "***"),
        ] {
            let mut audio = if field == "url" && expected == "***" { shown["asterisk"]["audio"].clone() } else { line() };
            audio[field] = value;
            let (status, told) = answer(t.api(Method::PUT, "/api/v1/telephone-systems/office").json(&office(&audio))).await;
            let told = format!("{}: {}", told["error"]["field"].as_str().unwrap_or_default(), told["error"]["message"].as_str().unwrap_or_default());
            assert!(status == StatusCode::UNPROCESSABLE_ENTITY && told.contains(expected), "{field}: {status} {told}");
        }
        assert_eq!(ask().await["password"], "own", "nothing was changed");
    }

    async fn the_page_may_speak_with_this_system_and_no_other(t: TestApp with outside) {
        put(&t, "client-apps/crm", json!({"origins": ["https://crm.example.com"]})).await;
        let policy = async || {
            let page = t.request(Method::GET, "/apps/acme.crm").send().await.expect("an answer");
            let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
            policy.split("; ").find(|rule| rule.starts_with("connect-src ")).expect("a rule").to_owned()
        };
        assert_eq!(policy().await, "connect-src 'self'");
        put(&t, "telephone-systems/office", office(&line())).await;
        assert_eq!(policy().await, "connect-src 'self' ws://127.0.0.1:9");
    }
}

/// A site whose telephone system offers lines, as far as the gateway knows.
pub(super) async fn site(audio: &Value) -> Crm {
    let crm = Crm::open().await;
    put(&crm.t, "telephone-systems/office", office(audio)).await;
    put(&crm.t, "options/account", json!({"telephoneSystem": "office"})).await;
    crm
}

async fn says(tab: &Tab, text: &str) {
    let said = format!("document.querySelector('[data-testid=sound]').textContent.includes({})", json!(text));
    tab.frame.wait_for(&said, SECONDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_cannot_be_reached_is_said_and_remembered() {
    let crm = site(&line()).await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    says(&tab, "Calls reach your telephone").await;
    let asked = "performance.getEntriesByType('resource').some(({name}) => name.endsWith('/vendor/jssip.js'))";
    assert_eq!(tab.frame.eval(asked).await, false, "the library is loaded when it is needed");
    tab.press("sound-switch").await;
    says(&tab, "cannot be reached").await;
    assert_eq!(tab.frame.eval(asked).await, true);
    let tab = crm.reloaded(tab).await;
    says(&tab, "cannot be reached").await;
    tab.press("sound-switch").await;
    says(&tab, "Calls reach your telephone").await;
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_self_test_hears_the_microphone() {
    let crm = site(&line()).await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.frame.wait_for("!document.querySelector('soft-audio').hidden", SECONDS).await;
    tab.frame.eval("document.querySelector('soft-audio details').open = true").await;
    for dark in [false, true] {
        tab.page.emulate_media(dark).await;
        assert_eq!(faults(&tab).await, Vec::<Value>::new(), "a screen reader, dark: {dark}");
    }
    tab.press("sound-test").await;
    let told = |text: &str| format!("document.querySelector('[data-testid=sound-tested]').textContent.includes({})", json!(text));
    tab.frame.wait_for("document.querySelector('soft-audio meter').value > 0.02", SECONDS).await;
    tab.frame.wait_for(&told("If you did not hear yourself"), SECONDS).await;
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_microphone_it_stays_off_and_says_why() {
    let crm = site(&line()).await;
    // the page that frames it does not lend it the microphone
    crm.put(
        "page.html",
        "text/html",
        r#"<!doctype html><title>CRM</title><iframe id="cti" src="SERVER/apps/acme.crm" sandbox="allow-popups allow-scripts allow-same-origin"></iframe><script src="crm.js"></script>"#,
    );
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.press("sound-switch").await;
    tab.tells("does not allow the microphone").await;
    says(&tab, "Calls reach your telephone").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_without_lines_shows_nothing_of_sound() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.press("ready").await;
    tab.shows_presence("ready").await;
    let (_, desk) = crm.t.get(&format!("/api/v1/agents/{ANNA}/desk")).await;
    assert_eq!(desk["audio"], false);
    assert_eq!(tab.frame.eval("document.querySelector('soft-audio').hidden").await, true);
}

/// A telephone system's door for browsers that registers whoever's name begins with `new-` and refuses all others; the names that it saw.
async fn registrar() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let names = seen.clone();
    let upgrade = async move |upgrade: WebSocketUpgrade| {
        upgrade.protocols(["sip"]).on_upgrade(async move |mut socket| {
            while let Some(Ok(Message::Text(request))) = socket.recv().await {
                let header = |name: &str| request.lines().find(|line| line.starts_with(name)).expect("a header").to_owned();
                if !request.starts_with("REGISTER") {
                    continue;
                }
                let to = header("To: ");
                let is_known = to.contains("<sip:new-");
                names.lock().expect("no panic").push(to.clone());
                let status = if is_known { "200 OK" } else { "403 Forbidden" };
                let copied = ["Via: ", "From: ", "Call-ID: ", "CSeq: ", "Contact: "].map(header).join("\r\n");
                let answer = format!("SIP/2.0 {status}\r\n{copied}\r\n{to};tag=1\r\nExpires: 120\r\nContent-Length: 0\r\n\r\n");
                if socket.send(Message::text(answer)).await.is_err() {
                    return;
                }
            }
        })
    };
    tokio::spawn(axum::serve(listener, Router::new().route("/ws", any(upgrade))).into_future());
    (url, seen)
}

/// The page waits no longer than a moment before it tries again.
const IMPATIENT: &str =
    "const later = setTimeout; window.setTimeout = (act, ms, ...more) => later(act, ms === 15_000 ? 300 : ms, ...more); 0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_refused_is_asked_for_again() {
    let (url, seen) = registrar().await;
    let terms = |user: &str| json!({"url": url, "domain": "pbx.example", "user": user, "password": "own"});
    let crm = site(&terms("old-{extension}")).await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.frame.wait_for("!document.querySelector('soft-audio').hidden", SECONDS).await;
    tab.frame.eval(IMPATIENT).await;
    tab.press("sound-switch").await;
    says(&tab, "refuses this line").await;
    put(&crm.t, "telephone-systems/office", office(&terms("new-{extension}"))).await;
    says(&tab, "Sound is on").await;
    let seen = seen.lock().expect("no panic").clone();
    assert!(seen[0].contains("<sip:old-1009@pbx.example>") && seen.last().expect("one").contains("<sip:new-1009@pbx.example>"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_no_missing_line() {
    let (url, _) = registrar().await;
    let crm = site(&json!({"url": url, "domain": "pbx.example", "user": "new-{extension}", "password": "own"})).await;
    let browser = Browser::launch().await;
    for part in ["*/audio", "*/vendor/jssip.js*"] {
        let tab = crm.signed_in(&browser).await;
        tab.frame.wait_for("!document.querySelector('soft-audio').hidden", SECONDS).await;
        tab.frame.eval(IMPATIENT).await;
        tab.frame.block(&[part]).await;
        tab.press("sound-switch").await;
        says(&tab, "The server does not answer").await;
        tab.frame.block(&[]).await;
        says(&tab, "Sound is on").await;
        // by another address, as some browsers remember that the first one failed
        let again = "performance.getEntriesByType('resource').some(({name}) => name.includes('/vendor/jssip.js?again='))";
        assert_eq!(tab.frame.eval(again).await, part.contains("jssip"), "{part}");
        tab.press("sound-switch").await;
        says(&tab, "Calls reach your telephone").await;
        tab.page.close().await;
    }
}
