//! The softphone as an agent uses it: by keyboard and by screen reader, its lists, its messages, and how fast and small it is.

use cti_gateway::app::clock::instant;
use reqwest::Method;
use serde_json::{Value, json};

use super::crm::{ANNA, CALLER, Crm, DID, SECONDS, THEIRS, Tab};
use crate::support::{
    app::{answer, both},
    chromium::Browser,
    figure,
    floor::{due, house, put, ring_in, steady},
};

/// What the page may weigh, compressed, with the client and without audio.
const MOST_BYTES: usize = 60 * 1024;
const MOST_MS: u128 = 1_000;

/// What is serious about the page for somebody who does not see it, by axe.
pub(super) async fn faults(tab: &Tab) -> Vec<Value> {
    let source = std::fs::read_to_string("web/node_modules/axe-core/axe.min.js").expect("axe is there: npm --prefix web ci");
    tab.frame.eval(&format!("{source}; 0")).await;
    let run = "axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations
        .filter(({impact}) => impact === 'serious' || impact === 'critical')
        .map(({id, nodes}) => ({id, nodes: nodes.map(({html}) => html)})))";
    serde_json::from_value(tab.frame.eval(run).await).expect("a list")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_reader_finds_nothing_serious_in_any_view() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.tab(&browser).await;
    assert_eq!(faults(&tab).await, Vec::<Value>::new(), "signed out");
    tab.sign_in(&browser, super::crm::PASSWORD).await;
    tab.connected().await;
    tab.press("ready").await;
    tab.shows_presence("ready").await;
    ring_in(&crm.t, CALLER, DID).await;
    due(&crm.t).await;
    tab.shows("incoming").await;
    for dark in [false, true] {
        tab.page.emulate_media(dark).await;
        assert_eq!(faults(&tab).await, Vec::<Value>::new(), "incoming, dark: {dark}");
    }
    tab.press("answer").await;
    due(&crm.t).await;
    tab.shows("talk").await;
    tab.press("transfer").await;
    tab.press("tones").await;
    for dark in [false, true] {
        tab.page.emulate_media(dark).await;
        assert_eq!(faults(&tab).await, Vec::<Value>::new(), "talk, dark: {dark}");
    }
    tab.press("hangup").await;
    tab.shows("idle").await;
    for view in ["phone", "history", "lists", "messages"] {
        tab.frame.eval(&format!("document.querySelector('nav [data-view={view}]').click()")).await;
        assert_eq!(faults(&tab).await, Vec::<Value>::new(), "{view}");
    }
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_made_and_finished_by_keyboard_alone() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    // as many tabs as it takes to come to it
    let reach = async |name: &str| {
        let meant = format!("document.activeElement?.dataset.testid === '{name}'");
        for _ in 0..60 {
            if tab.frame.eval(&meant).await == true {
                return;
            }
            tab.page.key("Tab").await;
        }
        panic!("{name} cannot be reached");
    };
    tab.frame.eval("document.querySelector('main.phone').focus()").await;
    reach("number").await;
    tab.page.type_text(THEIRS).await;
    tab.page.key("Enter").await;
    let call = tab.shows("talk").await;
    reach("hangup").await;
    tab.page.key("Enter").await;
    tab.shows("idle").await;
    reach("outcome").await;
    tab.page.type_text("Sale").await;
    reach("notes").await;
    tab.page.type_text("by hand").await;
    reach("save").await;
    tab.page.key("Enter").await;
    tab.shows_none().await;
    let (_, now) = crm.t.get(&format!("/api/v1/dialer-calls/{call}")).await;
    assert_eq!((&now["outcome"], &now["notes"], &now["direction"]), (&json!("Sale"), &json!("by hand"), &json!("outbound")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listed_number_is_called_only_with_a_reason_and_a_bad_one_not_at_all() {
    let crm = Crm::open().await;
    let (status, _) = answer(crm.t.api(Method::PUT, &format!("/api/v1/dnc/{THEIRS}")).json(&json!({}))).await;
    assert!(status.is_success());
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let number = async |number: &str| {
        tab.frame.eval(&format!("document.querySelector('[data-testid=number]').value = '{number}'; document.querySelector('[data-testid=number]').dispatchEvent(new Event('input'))")).await
    };
    for bad in ["hello", "12x", "+"] {
        number(bad).await;
        tab.press("dial").await;
        tab.frame
            .wait_for("document.querySelector('[data-testid=pad-error]').textContent.includes('is not a telephone number')", SECONDS)
            .await;
    }
    number(THEIRS).await;
    tab.press("dial").await;
    tab.frame.wait_for("!document.querySelector('[data-testid=dnc]').hidden", SECONDS).await;
    tab.press("dnc-dial").await;
    tab.frame.wait_for("document.activeElement.dataset.testid === 'dnc-reason'", SECONDS).await;
    assert_eq!(tab.frame.eval("document.querySelector('[data-testid=dnc]').hidden").await, false, "it is still asked for");
    assert_eq!(crm.t.calls().await.len(), 0, "a reason is needed");
    tab.frame.eval("document.querySelector('[data-testid=dnc-reason]').value = 'asked for it'").await;
    tab.press("dnc-dial").await;
    tab.shows("talk").await;
    assert!(
        crm.t
            .journal_of(&["dnc.*"])
            .await
            .iter()
            .any(|entry| entry["type"] == "dnc.overridden" && entry["data"]["reason"] == "asked for it")
    );
    // a click in a page sets no list aside
    tab.press("hangup").await;
    tab.shows("idle").await;
    tab.press("end-wrap").await;
    tab.shows_none().await;
    tab.sends("initiate_call", json!({ "phone_number": THEIRS })).await;
    tab.tells("do-not-call").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_callbacks_calls_and_messages_are_at_hand() {
    let crm = Crm::open().await;
    let t = &crm.t;
    put(t, "providers/carrier", json!({"simulated": null})).await;
    put(t, "numbers/+493055501000", json!({"voice": true, "sms": true, "provider": "carrier"})).await;
    put(t, "campaigns/Spring", json!({})).await;
    put(t, &format!("dial-lists/{ANNA}/hot"), json!({})).await;
    let numbers = json!({"numbers": [THEIRS, "+493055501902"]});
    assert!(answer(t.api(Method::POST, &format!("/api/v1/dial-lists/{ANNA}/hot/numbers")).json(&numbers)).await.0.is_success());
    let lead = json!({"campaign": "Spring", "phone": CALLER, "firstName": "Greta", "callback": {"at": "2030-01-02T10:00:00Z", "agent": ANNA, "notes": "an offer"}});
    let (status, told) = answer(t.api(Method::POST, "/api/v1/leads").json(&lead)).await;
    assert!(status.is_success(), "{told}");
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let shows = async |text: &str| tab.frame.wait_for(&format!("document.body.innerText.includes({})", json!(text)), SECONDS).await;
    let view = async |name: &str| tab.frame.eval(&format!("document.querySelector('nav [data-view={name}]').click()")).await;
    view("lists").await;
    for text in ["Greta", "an offer", "0 of 2 dialed", &format!("Next: {THEIRS}")] {
        shows(text).await;
    }
    tab.press("mark-dialed").await;
    shows("Next: +493055501902").await;
    tab.press("call-next").await;
    assert_eq!(tab.frame.eval("document.querySelector('[data-testid=number]').value").await, "+493055501902");
    tab.press("dial").await;
    tab.shows("talk").await;
    tab.press("hangup").await;
    tab.shows("idle").await;
    tab.press("end-wrap").await;
    tab.shows_none().await;
    view("history").await;
    tab.frame.wait_for("document.querySelector('[data-testid=history]').innerText.includes('+493055501902')", SECONDS).await;
    view("messages").await;
    tab.frame.eval(&format!("document.querySelector('[data-testid=message-to]').value = '{CALLER}'; document.querySelector('[data-testid=message-text]').value = 'On my way'")).await;
    tab.frame.wait_for("document.querySelector('[data-testid=message-from]').value !== ''", SECONDS).await;
    tab.press("send").await;
    tab.frame.wait_for("document.querySelector('[data-testid=messages]').innerText.includes('On my way')", SECONDS).await;
    tab.frame.wait_for("/sent|delivered/.test(document.querySelector('[data-testid=messages]').innerText)", SECONDS).await;
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verb_that_the_telephone_system_lacks_is_not_shown() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    put(
        &crm.t,
        "telephone-systems/house",
        json!({"generic": {"gateway": "office", "requests": {"hangup": {"url": "http://127.0.0.1:9/{call}"}}}}),
    )
    .await;
    let tab = crm.reloaded(tab).await;
    tab.connected().await;
    tab.frame
        .wait_for("!document.querySelector('[data-testid=no-dial]').hidden && document.querySelector('[data-testid=dial]').hidden", SECONDS)
        .await;
    crm.t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1009").await;
    tab.shows("incoming").await;
    let verbs = "JSON.stringify([...document.querySelectorAll('.card > .verbs button')].map(button => button.dataset.testid))";
    assert_eq!(tab.frame.eval(verbs).await, "[\"hangup\"]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_small_and_soon_of_use() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let files = [
        "/apps/acme.crm",
        "/apps/acme.crm/app.json",
        "/softphone/softphone.css",
        "/softphone/softphone.js",
        "/sdk/cti.js",
        "/sdk/opencti.js",
        "/console/icon.svg",
    ];
    let mut bytes = 0;
    for file in files {
        bytes += tab.frame.gzipped(file).await;
    }
    figure(&format!("the softphone, compressed: {bytes} bytes"));
    assert!(bytes <= MOST_BYTES, "{bytes}");
    let began = instant();
    let page = browser.page(&crm.t.url("/apps/acme.crm")).await;
    page.wait_for("!document.querySelector('main.sign-in').hidden", SECONDS).await;
    let took = began.elapsed().as_millis();
    figure(&format!("a new tab → the softphone can be used: {took} ms"));
    assert!(took < MOST_MS, "{took} ms");
    assert_eq!(tab.errors(), [""; 0]);
}

both! {
    async fn a_desk_and_a_card_are_for_their_agent(t: TestApp) {
        house(&t, steady()).await;
        put(&t, "campaigns/Spring", json!({"dispositions": [{"name": "SALE", "text": "Sold", "connects": true, "isConnectXorAbort": true, "callable": false}]})).await;
        put(&t, "options/account", json!({"breakReasons": ["tea"]})).await;
        put(&t, "parties/contact/7", json!({"name": "Greta Sommer", "email": "greta@example.com", "numbers": [CALLER]})).await;
        let lead = json!({"campaign": "Spring", "phone": CALLER, "firstName": "Greta", "callback": {"at": "2030-01-02T10:00:00Z", "agent": "agent1"}});
        let (status, told) = answer(t.api(Method::POST, "/api/v1/leads").json(&lead)).await;
        assert!(status.is_success(), "{told}");
        let session = async |login: &str| {
            let (_, made) = answer(t.api(Method::POST, "/api/v1/embed-tokens").json(&json!({ "agent": login }))).await;
            let (_, session) = answer(t.request(Method::POST, "/api/v1/sessions").json(&json!({ "code": made["token"] }))).await;
            session["token"].as_str().expect("a token").to_owned()
        };
        let (own, other) = (session("agent1").await, session("agent2").await);
        let get = async |token: &str, path: &str| answer(t.request(Method::GET, path).bearer_auth(token)).await;
        let (status, desk) = get(&own, "/api/v1/agents/agent1/desk").await;
        assert_eq!((status.as_u16(), &desk["breakReasons"], &desk["callbacks"][0]["name"], &desk["callbacks"][0]["phone"]), (200, &json!(["tea"]), &json!("Greta"), &json!(CALLER)));
        assert!(desk["capabilities"].as_array().is_some_and(|all| all.contains(&json!("dial"))), "{desk}");
        assert_eq!(get(&other, "/api/v1/agents/agent1/desk").await.0.as_u16(), 403);
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        let call = t.only_call().await["id"].as_str().expect("an id").to_owned();
        let card = format!("/api/v1/dialer-calls/{call}/card");
        let (status, shown) = get(&own, &card).await;
        assert_eq!(status.as_u16(), 200, "{shown}");
        assert_eq!((&shown["party"]["name"], &shown["lead"]["firstName"], &shown["outcomes"][0]["text"]), (&json!("Greta Sommer"), &json!("Greta"), &json!("Sold")));
        assert!(!shown["outcomes"].to_string().contains("CR_"), "what only the line can say is not chosen");
        assert_eq!(get(&other, &card).await.0.as_u16(), 403);
        let (_, earlier) = get(&own, &card).await;
        assert_eq!(earlier["earlier"], json!([]));
    }
}
