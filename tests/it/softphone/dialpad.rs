//! Dialpad's mini dialer, as a page speaks it that was written from its description alone.

use serde_json::json;

use super::crm::{ANNA, CALLER, Crm, DID, PASSWORD, SECONDS, THEIRS};
use crate::support::{
    chromium::Browser,
    floor::{due, ring_in},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_signs_in_by_the_pop_up_and_a_reload_keeps_him() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.tab(&browser).await;
    tab.frame.wait_for("!document.querySelector('main.sign-in').hidden", SECONDS).await;
    tab.heard("user_authentication", json!([])).await;
    tab.sign_in(&browser, "wrong").await;
    let popup = browser.popup("/login").await;
    popup.wait_for("document.querySelector('[data-testid=login-error]').textContent.includes('belong together')", SECONDS).await;
    assert_eq!(popup.eval("document.querySelector('[name=password]').value").await, "");
    popup.eval(&format!("document.querySelector('[name=password]').value = '{PASSWORD}'; setTimeout(() => document.querySelector('[data-testid=login]').click())")).await;
    tab.connected().await;
    let (_, anna) = crm.t.get("/api/v1/agents/anna").await;
    let id = &anna["id"];
    tab.heard("user_authentication", json!([{"user_authenticated": true, "user_id": id}])).await;
    assert!(id.is_i64(), "{anna}");
    tab.frame.wait_for("document.body.dataset.enabled === 'true'", SECONDS).await;
    assert_eq!(crm.t.agent(ANNA).await["state"], "not_ready");

    let tab = crm.reloaded(tab).await;
    tab.heard("user_authentication", json!([{"user_authenticated": true, "user_id": id}, {"user_authenticated": true, "user_id": id}]))
        .await;
    tab.connected().await;
    tab.press("sign-out").await;
    tab.heard("user_authentication", json!([
        {"user_authenticated": true, "user_id": id}, {"user_authenticated": true, "user_id": id}, {"user_authenticated": false, "user_id": id}
    ])).await;
    while crm.t.agent(ANNA).await["state"] != "offline" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(tab.errors().iter().filter(|error| !error.contains("401")).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_rings_once_over_a_reload() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.press("ready").await;
    tab.shows_presence("ready").await;
    ring_in(&crm.t, CALLER, DID).await;
    due(&crm.t).await;
    tab.shows("incoming").await;
    let states = "JSON.stringify(dialpad('call_ringing').map(({state}) => state))";
    tab.page.wait_for(&format!("{states} === '[\"on\"]'"), SECONDS).await;
    assert_eq!(tab.page.eval("dialpad('call_ringing')[0].contact.phone").await, CALLER);
    assert_eq!(tab.frame.eval("document.body.dataset.ringing").await, "true");
    let tab = crm.reloaded(tab).await;
    tab.connected().await;
    tab.shows("incoming").await;
    tab.press("answer").await;
    due(&crm.t).await;
    tab.shows("talk").await;
    tab.page.wait_for(&format!("{states} === '[\"on\",\"off\"]'"), SECONDS).await;
    assert_eq!(tab.frame.eval("document.body.dataset.ringing").await, "false");
    tab.sends("hang_up_all_calls", json!(null)).await;
    tab.shows("idle").await;
    tab.press("end-wrap").await;
    tab.shows_none().await;
    assert_eq!(tab.page.eval(states).await, "[\"on\",\"off\"]");
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_starts_a_call_with_all_that_it_may_say() {
    let crm = Crm::open().await;
    crm.app(json!({"identities": [{"type": "CallCenter", "id": 1_234_567, "ringGroup": "Main"}]})).await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let data = "any string \u{1f600}";
    tab.sends(
        "initiate_call",
        json!({
            "enable_current_tab": true, "phone_number": THEIRS, "identity_type": "CallCenter", "identity_id": 1_234_567,
            "custom_data": data, "outbound_caller_id": "+18005550970",
        }),
    )
    .await;
    let call = tab.shows("talk").await;
    let (_, now) = crm.t.get(&format!("/api/v1/dialer-calls/{call}")).await;
    assert_eq!((&now["phoneNumber"], &now["direction"], &now["agent"]), (&json!(THEIRS), &json!("clicktocall"), &json!(ANNA)));
    let own = "heard.filter(m => m.api === 'cti_gateway' && m.method === 'call').map(m => m.payload.customData)";
    tab.page.wait_for(&format!("{own}.length > 0 && {own}.every(data => data === {})", json!(data)), SECONDS).await;
    let order = crm.t.journal().await.into_iter().find(|entry| entry["type"] == "call.ordered");
    assert!(order.is_none() || order.is_some_and(|order| order["data"]["verb"] == "dial"));
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_says_wrongly_is_shown_and_dials_nothing() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    for (payload, told) in [
        (json!({"phone_number": "030 123456"}), "E.164"),
        (json!({"phone_number": "+0123456789"}), "E.164"),
        (json!({}), "E.164"),
        (json!(null), "E.164"),
        (json!({"phone_number": THEIRS, "identity_type": "CallCenter"}), "identity_id is missing"),
        (json!({"phone_number": THEIRS, "identity_type": "CallCenter", "identity_id": 8}), "CallCenter 8"),
        (json!({"phone_number": THEIRS, "custom_data": "x".repeat(2_001)}), "sent custom_data that is no text"),
        (json!({"phone_number": THEIRS, "custom_data": {"a": 1}}), "2000"),
        (json!({"phone_number": THEIRS, "outbound_caller_id": "me"}), "“me”"),
        (json!({"phone_number": THEIRS, "outbound_caller_id": "+18005550970"}), "callerId"),
        (json!({"phone_number": THEIRS, "enable_current_tab": "yes"}), "enable_current_tab"),
    ] {
        tab.frame.eval("document.querySelector('[data-testid=told]').hidden = true").await;
        tab.sends("initiate_call", payload).await;
        tab.tells(told).await;
    }
    assert_eq!(crm.t.calls().await.len(), 0);
    // what is none of the dialect's messages is counted and does nothing
    let before = tab.frame.eval("Number(document.body.dataset.ignored)").await.as_i64().expect("a count");
    let frame = "document.getElementById('cti').contentWindow";
    for message in [
        "null",
        "'initiate_call'",
        "42",
        "{}",
        "[]",
        "{api: 'opencti_dialpad', version: '1.0', method: 'toString'}",
        "{api: 'opencti_dialpad', version: '2.0', method: 'hang_up_all_calls'}",
        "{api: 'other', version: '1.0', method: 'initiate_call', payload: {phone_number: '+493055501901'}}",
        "{api: 'opencti_dialpad', version: '1.0', method: '__proto__'}",
    ] {
        tab.page.eval(&format!("{frame}.postMessage({message}, '*')")).await;
    }
    tab.frame.wait_for(&format!("Number(document.body.dataset.ignored) === {}", before + 9), SECONDS).await;
    assert_eq!(crm.t.calls().await.len(), 0);
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_confirms_calls_finds_the_number_in_the_pad() {
    let crm = Crm::open().await;
    crm.app(json!({"autoDial": "confirm"})).await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.sends("initiate_call", json!({ "phone_number": THEIRS, "custom_data": "kept" })).await;
    tab.frame.wait_for(&format!("document.querySelector('[data-testid=number]').value === '{THEIRS}'"), SECONDS).await;
    tab.frame.eval("new Promise((later) => setTimeout(later, 300))").await;
    assert_eq!(crm.t.calls().await.len(), 0);
    tab.press("dial").await;
    let call = tab.shows("talk").await;
    let journal = crm.t.journal().await;
    assert!(journal.iter().any(|entry| entry["call"] == json!(call) && entry["data"]["customData"] == "kept"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_tabs_rings_and_a_page_can_enable_its_own() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let first = crm.signed_in(&browser).await;
    let second = crm.signed_in(&browser).await;
    let third = crm.signed_in(&browser).await;
    let enabled = async || {
        let mut all = Vec::new();
        for tab in [&first, &second, &third] {
            all.push(tab.frame.eval("document.body.dataset.enabled").await == "true");
        }
        all
    };
    assert_eq!(enabled().await, [true, false, false]);
    // without being enabled it opens the prompt and dials nothing
    second.sends("initiate_call", json!({"phone_number": THEIRS, "enable_current_tab": false})).await;
    second.frame.wait_for(&format!("document.querySelector('[data-testid=number]').value === '{THEIRS}'"), SECONDS).await;
    second.frame.eval("new Promise((later) => setTimeout(later, 300))").await;
    assert_eq!((enabled().await, crm.t.calls().await.len()), (vec![true, false, false], 0));
    third.sends("enable_current_tab", json!(null)).await;
    third.frame.wait_for("document.body.dataset.enabled === 'true'", SECONDS).await;
    first.frame.wait_for("document.body.dataset.enabled === 'false'", SECONDS).await;
    assert_eq!((enabled().await, crm.t.calls().await.len()), (vec![false, false, true], 0));
    third.press("ready").await;
    third.shows_presence("ready").await;
    ring_in(&crm.t, CALLER, DID).await;
    due(&crm.t).await;
    for tab in [&first, &second, &third] {
        tab.shows("incoming").await;
    }
    third.page.wait_for("dialpad('call_ringing').length === 1", SECONDS).await;
    assert_eq!(third.frame.eval("document.body.dataset.ringing").await, "true");
    for tab in [&first, &second] {
        assert_eq!(tab.page.eval("dialpad('call_ringing').length").await, 0);
        assert_eq!(tab.frame.eval("document.body.dataset.ringing").await, "false");
    }
    // a call that rings stays where it is, and a page whose tab does not get it is told that nothing is dialed
    first.press("enable-tab").await;
    first.tells("another tab has the call").await;
    second.sends("initiate_call", json!({"phone_number": THEIRS})).await;
    let refused = "heard.filter(({method}) => method === 'call_refused').map(({payload}) => payload.code)";
    second.page.wait_for(&format!("JSON.stringify({refused}) === '[\"disabled_tab\"]'"), SECONDS).await;
    assert_eq!(second.frame.eval("document.querySelector('[data-testid=number]').value").await, THEIRS, "the number is still there");
    // who signs out in one of the others leaves the ring to the one that rings
    first.sign_out().await;
    assert_eq!(first.page.eval("dialpad('call_ringing').length").await, 0);
    first.sign_in(&browser, PASSWORD).await;
    first.connected().await;
    // and initiate_call enables the tab it is sent to
    third.press("hangup").await;
    due(&crm.t).await;
    for tab in [&first, &second, &third] {
        tab.shows_none().await;
    }
    third.page.wait_for("JSON.stringify(dialpad('call_ringing').map(({state}) => state)) === '[\"on\",\"off\"]'", SECONDS).await;
    second.sends("initiate_call", json!({"phone_number": THEIRS})).await;
    second.shows("talk").await;
    assert_eq!(enabled().await, [false, true, false]);
    for tab in [&first, &second, &third] {
        assert_eq!(tab.errors(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_tab_is_a_tab_of_its_own() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.frame.wait_for("document.body.dataset.enabled === 'true'", SECONDS).await;
    // browsers copy the storage of a tab to one that it opens
    assert_eq!(tab.page.eval("window.open(`${location.href}?copy`) !== null").await, true);
    let copy = crm.tab_of(browser.popup("?copy").await).await;
    copy.connected().await;
    copy.frame.wait_for("!document.querySelector('[data-testid=tab-elsewhere]').hidden", SECONDS).await;
    assert_eq!(copy.frame.eval("document.body.dataset.enabled").await, "false");
    assert_eq!(tab.frame.eval("document.body.dataset.enabled").await, "true");
    // it has a session of its own: the first one's goes on when it signs out
    copy.press("sign-out").await;
    let tab = crm.reloaded(tab).await;
    tab.connected().await;
    assert_eq!(tab.frame.eval("document.body.dataset.enabled").await, "true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_asks_for_before_anybody_is_signed_in_waits() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.tab(&browser).await;
    let dial = "document.getElementById('cti').contentWindow.postMessage({api: 'cti_gateway', version: '1.0', method: 'dial', payload: {number: '030 5550 1901'}}, '*')";
    tab.page.eval(dial).await;
    tab.tells("Log in to make and receive calls").await;
    tab.sign_in(&browser, PASSWORD).await;
    let call = tab.shows("talk").await;
    let (_, now) = crm.t.get(&format!("/api/v1/dialer-calls/{call}")).await;
    assert_eq!(
        (&now["direction"], now["phoneNumber"].as_str().map(|number| number.ends_with("3055501901"))),
        (&json!("clicktocall"), Some(true)),
        "{now}"
    );
}
