//! What an agent writes and where his hands are: nothing of it is lost or moved because something else happens.

use reqwest::Method;
use serde_json::{Value, json};

use super::crm::{CALLER, Crm, PASSWORD, SECONDS, THEIRS, Tab};
use crate::support::{
    app::answer,
    chromium::Browser,
    floor::{due, put, wish, with},
};

async fn value(tab: &Tab, name: &str) -> Value {
    tab.frame.eval(&format!("document.querySelector('[data-testid={name}]').value")).await
}

/// A call of his, in wrap-up.
async fn wrapping_up(crm: &Crm, tab: &Tab) -> String {
    tab.sends("initiate_call", json!({ "phone_number": THEIRS })).await;
    let call = tab.shows("talk").await;
    due(&crm.t).await;
    tab.press("hangup").await;
    tab.shows("idle").await;
    tab.can_choose().await;
    call
}

/// The wrap-up ends without him, as its time does it.
async fn its_time_is_over(crm: &Crm, call: &str) {
    let (status, told) = wish(&crm.t, call, "end_wrap", json!({})).await;
    assert!(status.is_success(), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_outlives_the_wrap_up() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let first = wrapping_up(&crm, &tab).await;
    tab.writes("notes", "wants two").await;
    its_time_is_over(&crm, &first).await;
    assert_eq!(tab.shows("end").await, first);
    tab.frame.wait_for("document.querySelector('[data-testid=saved]').textContent.includes('not saved yet')", SECONDS).await;
    assert_eq!(tab.frame.eval("document.querySelector('[data-testid=state]').textContent").await, "Not saved");
    // also over a reload
    let tab = crm.reloaded(tab).await;
    tab.connected().await;
    assert_eq!(tab.shows("end").await, first);
    tab.can_choose().await;
    assert_eq!(value(&tab, "notes").await, "wants two");
    tab.writes("outcome", "SALE").await;
    tab.press("save").await;
    tab.shows_none().await;
    let (_, now) = crm.t.get(&format!("/api/v1/dialer-calls/{first}")).await;
    assert_eq!((&now["outcome"], &now["notes"], &now["status"]), (&json!("Sale"), &json!("wants two"), &json!("closed")));
    // what he does not want to save is kept neither here nor there
    let second = wrapping_up(&crm, &tab).await;
    tab.writes("notes", "nothing").await;
    its_time_is_over(&crm, &second).await;
    tab.shows("end").await;
    tab.press("end-wrap").await;
    tab.shows_none().await;
    let third = wrapping_up(&crm, &tab).await;
    tab.writes("notes", "nothing").await;
    tab.press("end-wrap").await;
    tab.shows_none().await;
    // a call of which nothing is written just goes
    let fourth = wrapping_up(&crm, &tab).await;
    its_time_is_over(&crm, &fourth).await;
    tab.shows_none().await;
    let tab = crm.reloaded(tab).await;
    tab.connected().await;
    tab.shows_none().await;
    for call in [second, third, fourth] {
        assert_eq!(crm.t.get(&format!("/api/v1/dialer-calls/{call}")).await.1["notes"], Value::Null);
    }
    assert_eq!(tab.errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_not_for_the_next_one_at_this_desk() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let call = wrapping_up(&crm, &tab).await;
    tab.writes("notes", "hers").await;
    its_time_is_over(&crm, &call).await;
    tab.shows("end").await;
    tab.sign_out().await;
    assert_eq!(tab.frame.eval("JSON.stringify({...sessionStorage}).includes('hers')").await, false);
    tab.sign_in(&browser, PASSWORD).await;
    tab.connected().await;
    tab.shows_none().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_could_not_be_had_is_asked_for_again() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let broken = "const real = window.fetch; globalThis.mend = () => void (window.fetch = real);
        window.fetch = (address, ...more) => String(address).endsWith('/card') ? Promise.reject(new TypeError('gone')) : real(address, ...more); 0";
    tab.frame.eval(broken).await;
    tab.sends("initiate_call", json!({ "phone_number": THEIRS })).await;
    tab.shows("talk").await;
    tab.frame.eval("mend()").await;
    assert_eq!(tab.frame.eval("document.querySelector('[data-testid=outcome]').options.length").await, 1);
    tab.page.set_offline(true).await;
    tab.frame.wait_for("document.body.dataset.connection !== 'connected'", SECONDS).await;
    tab.page.set_offline(false).await;
    tab.connected().await;
    tab.can_choose().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_himself_is_not_told_that_nobody_was_reached() {
    let crm = Crm::open().await;
    put(&crm.t, "telephone-systems/house", json!({ "simulated": with(json!({"answerS": [60, 60]})) })).await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    for by in ["him", "his page", "somebody else"] {
        tab.sends("initiate_call", json!({ "phone_number": THEIRS })).await;
        let call = tab.shows("ringing").await;
        match by {
            "him" => tab.press("hangup").await,
            "his page" => tab.sends("hang_up_all_calls", json!(null)).await,
            _ => assert!(wish(&crm.t, &call, "hangup", json!({})).await.0.is_success()),
        }
        due(&crm.t).await;
        let over = format!("heard.some(({{payload}}) => payload?.dtCallId === '{call}' && payload.gone === 'ended')");
        tab.page.wait_for(&over, SECONDS).await;
        if by == "somebody else" {
            tab.tells("was not reached").await;
        } else {
            assert_eq!(tab.frame.eval("document.querySelector('[data-testid=told]').hidden").await, true, "{by}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_focus_stays_with_the_call() {
    let crm = Crm::open().await;
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.sends("initiate_call", json!({ "phone_number": THEIRS })).await;
    tab.shows("talk").await;
    tab.frame.wait_for("document.querySelector('[data-testid=hold]') !== null", SECONDS).await;
    tab.frame.eval("document.querySelector('[data-testid=hold]').focus()").await;
    tab.press("hold").await;
    tab.shows("hold").await;
    assert_eq!(tab.frame.eval("document.activeElement.dataset.testid").await, "card", "its button is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_keep_their_rows_and_the_choice_of_number() {
    let crm = Crm::open().await;
    let t = &crm.t;
    put(t, "providers/carrier", json!({"simulated": null})).await;
    for number in ["+493055501000", "+493055501001"] {
        put(t, &format!("numbers/{number}"), json!({"voice": true, "sms": true, "provider": "carrier"})).await;
    }
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    let view = async |name: &str| tab.frame.eval(&format!("document.querySelector('nav [data-view={name}]').click()")).await;
    view("messages").await;
    tab.frame.wait_for("document.querySelector('[data-testid=message-from]').options.length === 2", SECONDS).await;
    tab.writes("message-from", "+493055501001").await;
    let send = async |body: &str| {
        let message = json!({"from": "+493055501000", "to": CALLER, "body": body});
        let (status, told) = answer(t.api(Method::POST, "/api/v1/messages").json(&message)).await;
        assert!(status.is_success(), "{told}");
    };
    let list = "document.querySelector('[data-testid=messages]')";
    let first = format!("[...{list}.querySelectorAll('li')].find((row) => row.innerText.includes('the first'))");
    send("the first").await;
    tab.frame.wait_for(&format!("/delivered/.test({first}?.innerText)"), SECONDS).await;
    tab.frame.eval(&format!("{first}.dataset.mine = 'yes'")).await;
    send("the second").await;
    tab.frame.wait_for(&format!("{list}.innerText.includes('the second')"), SECONDS).await;
    view("phone").await;
    view("messages").await;
    tab.frame.eval("new Promise((later) => setTimeout(later, 300))").await;
    assert_eq!(tab.frame.eval(&format!("{first}.dataset.mine")).await, "yes", "the row is the same element");
    // a desk that is read again changes no choice
    tab.page.set_offline(true).await;
    tab.frame.wait_for("document.body.dataset.connection !== 'connected'", SECONDS).await;
    tab.page.set_offline(false).await;
    tab.connected().await;
    tab.frame.eval("new Promise((later) => setTimeout(later, 300))").await;
    assert_eq!(value(&tab, "message-from").await, "+493055501001");
    assert_eq!(tab.errors(), [""; 0]);
}
