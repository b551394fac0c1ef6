//! Who is signed in: out and in again, in several tabs, and what a page may ask for before and after.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::crm::{ANNA, Crm, PASSWORD, SECONDS, THEIRS, Tab};
use crate::support::chromium::Browser;

/// How often a page was asked who its agent is.
const ASKED: &str = "heard.filter(({method}) => method === 'sign_in_needed').length";

/// What a page writes to ask for a call by our own words.
fn dials(number: &str, to: &str) -> String {
    let message = json!({"api": "cti_gateway", "version": "1.0", "method": "dial", "payload": {"number": number}});
    format!("document.getElementById('cti').contentWindow.postMessage({message}, '{to}')")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_is_out_and_can_come_back_at_once() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.tab(&browser).await;
    tab.page.wait_for(&format!("{ASKED} === 1"), SECONDS).await;
    tab.sign_in(&browser, PASSWORD).await;
    tab.connected().await;
    tab.sign_out().await;
    tab.page.wait_for("dialpad('user_authentication').at(-1).user_authenticated === false", SECONDS).await;
    assert_eq!(tab.page.eval(ASKED).await, 1, "a page that vouches for its agent would sign him in again");
    tab.sign_in(&browser, PASSWORD).await;
    tab.connected().await;
    tab.frame.wait_for("document.body.dataset.enabled === 'true'", SECONDS).await;
    assert_eq!(crm.t.agent(ANNA).await["state"], "not_ready");
    // whose session somebody else has ended is asked again
    let token = tab.frame.eval("sessionStorage['cti session']").await;
    let ended = crm.t.request(Method::DELETE, "/api/v1/sessions/current").bearer_auth(token.as_str().expect("a token")).send().await;
    assert_eq!(ended.expect("an answer").status(), StatusCode::NO_CONTENT);
    // which it hears as soon as it connects
    tab.page.set_offline(true).await;
    tab.frame.wait_for("document.body.dataset.connection !== 'connected'", SECONDS).await;
    tab.page.set_offline(false).await;
    tab.page.wait_for(&format!("{ASKED} === 2"), SECONDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_in_one_tab_leaves_the_others_of_use() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let [first, second, third] = [crm.signed_in(&browser).await, crm.signed_in(&browser).await, crm.signed_in(&browser).await];
    assert_eq!(first.frame.eval("document.body.dataset.enabled").await, "true");
    first.sign_out().await;
    for tab in [&second, &third] {
        tab.shows_presence("offline").await;
    }
    // Ready signs him on again, there
    second.press("ready").await;
    second.shows_presence("ready").await;
    second.frame.wait_for("document.body.dataset.enabled === 'true'", SECONDS).await;
    third.shows_presence("ready").await;
    second.sign_out().await;
    third.shows_presence("offline").await;
    // and so does a call
    third.sends("initiate_call", json!({ "phone_number": THEIRS })).await;
    third.shows("talk").await;
    assert_eq!(third.frame.eval("document.body.dataset.enabled").await, "true");
    for tab in [&first, &second, &third] {
        assert_eq!(tab.errors(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_speak_as_soon_as_the_frame_has_loaded() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let ask = dials("030 5550 1901", &crm.t.url(""));
    crm.put("ask.js", "text/javascript", &format!("document.getElementById('cti').addEventListener('load', () => {ask})"));
    let page = "<!doctype html><html lang=en><title>CRM</title><iframe id=cti src='SERVER/apps/acme.crm' title=Dialpad \
         sandbox='allow-popups allow-scripts allow-same-origin'></iframe><script src=crm.js></script><script src=ask.js></script>";
    crm.put("page.html", "text/html", page);
    let tab = crm.reloaded(tab).await;
    tab.shows("talk").await;
    let told = tab.frame.eval("document.querySelector('[data-testid=told]').hidden").await;
    assert_eq!(told, true, "he is signed in, and nobody says that he is not");
    assert_eq!(crm.t.calls().await.len(), 1);
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_forgotten_with_its_agent_and_with_time() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.tab(&browser).await;
    let ask = dials(THEIRS, &crm.t.url(""));
    let comes = async |tab: &Tab| {
        tab.sign_in(&browser, PASSWORD).await;
        tab.connected().await;
        tab.frame.wait_for("document.body.dataset.enabled === 'true'", SECONDS).await;
        tab.frame.eval("new Promise((later) => setTimeout(later, 300))").await;
    };
    // a click of more than a minute ago
    tab.page.eval(&ask).await;
    tab.tells("Log in to make and receive calls").await;
    tab.frame.eval("const now = performance.now.bind(performance); performance.now = () => now() + 61_000; 0").await;
    comes(&tab).await;
    assert_eq!(crm.t.calls().await.len(), 0, "late");
    assert_eq!(tab.frame.eval("document.querySelector('[data-testid=told]').hidden").await, true, "he has logged in");
    let tab = crm.reloaded(tab).await;
    tab.connected().await;
    // what was asked for while he had no connection is not the next one's
    tab.page.set_offline(true).await;
    tab.frame.wait_for("document.body.dataset.connection !== 'connected'", SECONDS).await;
    tab.page.eval(&ask).await;
    tab.frame.eval("new Promise((later) => setTimeout(later, 100))").await;
    tab.sign_out().await;
    tab.page.set_offline(false).await;
    comes(&tab).await;
    assert_eq!(crm.t.calls().await.len(), 0, "somebody else's");
    assert_eq!(tab.errors(), [""; 0]);
}
