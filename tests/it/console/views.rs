//! The views of the console: agents and what they do, campaigns, a queue and why somebody waits in it, health.

use cti_gateway::q;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{PASSWORD, SECONDS, log_in, server, wait_connection};
use crate::support::{
    app::{TestApp, answer},
    chromium::{Browser, Page},
    floor::{campaign, lead, put, steady},
};

/// A page of an operator who has logged in, at this view.
pub(super) async fn open(t: &TestApp, browser: &Browser, view: &str) -> Page {
    let page = browser.page(&t.url(&format!("/console#{view}"))).await;
    log_in(&page, PASSWORD).await;
    wait_connection(&page, "live").await;
    page
}

/// Waits until an element's text has all of these words.
pub(super) async fn wait_text(page: &Page, selector: &str, words: &[&str]) {
    let condition = format!(
        "(text => {}.every(word => text.includes(word)))(document.querySelector({}).innerText.replace(/\\s+/g, ' '))",
        json!(words),
        json!(selector)
    );
    page.wait_for(&condition, SECONDS).await;
}

/// Goes to a view by its link, as a person does.
async fn go(page: &Page, view: &str) {
    page.eval(&format!("document.querySelector('.views a[href=\"#{view}\"]').click()")).await;
    page.wait_for(&format!("!document.querySelector('[data-view={view}]').hidden"), SECONDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_shown_with_what_they_do() {
    let t = server().await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "").await;
    let doing = |agent: &str| format!("[data-testid=agent][data-agent={agent}] [data-testid=agent-state]");
    wait_text(&page, &doing("agent1"), &["Offline"]).await;
    wait_text(&page, "[data-testid=agent-counts]", &["3 offline"]).await;
    t.be("agent1", "signed_in").await;
    wait_text(&page, &doing("agent1"), &["Not ready"]).await;
    t.be("agent1", "ready").await;
    wait_text(&page, &doing("agent1"), &["Ready"]).await;
    wait_text(&page, "[data-testid=agent-counts]", &["2 offline", "1 ready"]).await;
    let since = format!("document.querySelector({}).textContent", json!(format!("{} .since", doing("agent1"))));
    let shown = page.eval(&since).await;
    page.wait_for(&format!("/^\\d+:\\d\\d$/.test({since}) && {since} !== {shown}"), SECONDS).await;

    t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
    wait_text(&page, &doing("agent1"), &["Ringing"]).await;
    t.vtiger("event=call_connected&call_id=1&to=1001").await;
    wait_text(&page, &doing("agent1"), &["On a call"]).await;
    let pause = json!({"state": "not_ready", "reason": "lunch"});
    let (status, told) = answer(t.api(Method::POST, "/api/v1/agents/agent1/state").json(&pause)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    wait_text(&page, &doing("agent1"), &["On a call", "then not ready, lunch"]).await;
    t.vtiger("event=call_hangup&call_id=1").await;
    wait_text(&page, &doing("agent1"), &["Wrap-up"]).await;

    // who is not signed in does what his calls say
    t.vtiger("event=call_initiated&call_id=2&from=%2B4930123457&to=1002").await;
    wait_text(&page, &doing("agent2"), &["Ringing", "0:"]).await;
    t.vtiger("event=call_hangup&call_id=2").await;
    wait_text(&page, &doing("agent2"), &["Offline"]).await;

    page.eval("document.querySelector('.head[data-state=offline] button').click()").await;
    page.wait_for("document.querySelectorAll('[data-testid=agent]').length === 2", SECONDS).await;
    page.eval("document.querySelector('.head[data-state=offline] button').click()").await;
    page.wait_for("document.querySelectorAll('[data-testid=agent]').length === 3", SECONDS).await;
    // whoever comes later sees the same, and for how long
    let second = open(&t, &browser, "live").await;
    wait_text(&second, "[data-testid=agent-counts]", &["2 offline"]).await;
    second.wait_for(&format!("/^\\d+:\\d\\d$/.test({since})"), SECONDS).await;
    assert_eq!((page.console_errors(), second.console_errors()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_shows_its_figures_as_leads_come_in() {
    let t = server().await;
    put(&t, "campaigns/Winter", json!({})).await;
    campaign(&t, "Spring & Co", "progressive", json!({"running": false})).await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "campaigns").await;
    let card = "[data-testid=campaign][data-campaign='Spring & Co']";
    page.wait_for("document.querySelectorAll('[data-testid=campaign]').length === 2", SECONDS).await;
    wait_text(&page, card, &["Spring & Co", "Progressive", "Stopped", "nobody has started it", "3 offline"]).await;
    wait_text(&page, "[data-campaign=Winter] [data-testid=why]", &["Not dialed"]).await;
    page.eval("window.notReloaded = true").await;
    for last in 1..=3 {
        lead(&t, "Spring & Co", &format!("+493055501{last:02}0"), json!({})).await;
    }
    put(&t, "dnc/%2B493055501010", json!({})).await;
    t.be("agent1", "signed_in").await;
    wait_text(&page, card, &["Leads 3", "2 hot", "1 not dialed any more", "DO NOT CALL 1", "1 not ready"]).await;
    put(&t, "telephone-systems/house", json!({"simulated": steady()})).await;
    campaign(&t, "Spring & Co", "progressive", json!({})).await;
    wait_text(&page, &format!("{card} [data-testid=why]"), &["No agents"]).await;
    page.wait_for(&format!("document.querySelector(\"{card} .plot polyline\") !== null"), SECONDS).await;
    assert_eq!(page.eval("window.notReloaded && document.title").await, "0 live · Campaigns · cti-gateway");
    assert_eq!(page.console_errors(), [""; 0]);
    page.eval(&format!("document.querySelector(\"{card} .to-queue\").click()")).await;
    wait_text(&page, "[data-view=queue] tbody", &["+493055501020", "+493055501030", "Hot"]).await;
    assert_eq!(page.eval("location.hash + document.querySelector('[data-view=campaigns]').hidden").await, "#queue/Spring%20%26%20Cotrue");
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_says_why_somebody_is_not_dialed() {
    let t = server().await;
    campaign(&t, "Spring", "preview", json!({})).await;
    let later = "2099-01-01T12:00:00Z";
    lead(&t, "Spring", "+493055501901", json!({"firstName": "Ada", "lastName": "Adler", "callback": {"at": later}})).await;
    lead(&t, "Spring", "+493055501902", json!({})).await;
    put(&t, "dnc/%2B493055501902", json!({})).await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "queue/Spring").await;
    wait_text(&page, "[data-testid=queued][data-number='+493055501901']", &["Promised", "Ada Adler", "2099"]).await;
    assert_eq!(page.eval("document.querySelectorAll('[data-testid=queued]').length").await, 1, "who is listed does not wait");
    find_lead(&page, "030 5550-1902").await;
    wait_text(&page, "[data-testid=lead-said]", &["No lead"]).await;
    find_lead(&page, "+49 30 5550-1902").await;
    wait_text(&page, "[data-testid=lead]", &["It will not be dialed", "its number is on the do-not-call list", "does not pass by itself"])
        .await;
    assert_eq!(page.eval("document.querySelector('[data-testid=lead] [data-rule]').dataset.rule").await, "dnc");
    find_lead(&page, "+493055501901").await;
    wait_text(&page, "[data-testid=lead]", &["It is not dialed before", "Promised for later"]).await;
    assert_eq!(page.console_errors(), [""; 0]);
    find_lead(&page, "nobody").await;
    wait_text(&page, "[data-testid=lead-said]", &["nobody is no telephone number"]).await;
    page.eval("location.hash = '#queue/Gone'").await;
    wait_text(&page, "[data-view=queue] [data-testid=failure]", &["There is no campaign Gone"]).await;
}

async fn find_lead(page: &Page, number: &str) {
    let fill = format!(
        "document.querySelector('[name=phone]').value = {}; document.querySelector('[data-view=queue] form').requestSubmit()",
        json!(number)
    );
    page.eval(&fill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_what_is_connected_and_who_was_heard() {
    let t = server().await;
    put(&t, "telephone-systems/house", json!({"simulated": steady()})).await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "health").await;
    wait_text(&page, "[data-testid=systems]", &["house", "Connected", "Orders taken"]).await;
    wait_text(&page, "[data-testid=gateways] [data-name=office]", &["Silent", "never"]).await;
    wait_text(&page, "[data-testid=providers]", &["No provider carries messages"]).await;
    t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
    t.vtiger("event=call_whatever&call_id=1").await;
    wait_text(&page, "[data-testid=gateways] [data-name=office]", &["Heard", "Unknown events 1, last"]).await;
    wait_text(&page, "[data-testid=server]", &["SQLite", "In time", "Last entry"]).await;
    let down = json!({"down": 60});
    let (status, told) = answer(t.api(Method::POST, "/api/v1/telephone-systems/house/simulate").json(&down)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    wait_text(&page, "[data-testid=systems]", &["Not connected", "Away since"]).await;
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_is_reached_by_keyboard_and_fits_the_smallest_screen() {
    let t = server().await;
    campaign(&t, "A campaign with a rather long name, on a phone", "predictive", json!({})).await;
    lead(&t, "A campaign with a rather long name, on a phone", "+493055501901", json!({})).await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "nothing-of-this-name").await;
    let is_current = "document.querySelector('.views [aria-current=page]').hash";
    assert_eq!(page.eval(&format!("{is_current} + document.querySelector('[data-view=live]').hidden")).await, "#livefalse");
    page.eval("document.querySelector('.views a').focus()").await;
    page.press("Tab").await;
    assert_eq!(page.eval("document.activeElement.hash").await, "#campaigns");
    page.resize(320, 640).await;
    for view in ["campaigns", "queue", "call", "health", "live"] {
        go(&page, view).await;
        page.wait_for(&format!("{is_current} === '#{view}' && document.activeElement.dataset.view === '{view}'"), SECONDS).await;
        if view == "campaigns" {
            page.wait_for("document.querySelector('[data-testid=campaign]') !== null", SECONDS).await;
        }
        let shown = page.eval("[...document.querySelectorAll('[data-view]')].filter(view => !view.hidden).length").await;
        assert_eq!(shown, 1);
        let width = page.eval("document.documentElement.scrollWidth").await.as_i64();
        assert!(width <= Some(320), "{view} is wider than the screen: {width:?}");
    }
    page.eval("history.back()").await;
    page.wait_for(&format!("{is_current} === '#health'"), SECONDS).await;
    let inline = "document.querySelectorAll('[style], style, script:not([src]), [onclick]').length";
    assert_eq!(page.eval(inline).await, 0);
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_cannot_be_loaded_says_why_and_what_to_do() {
    let t = server().await;
    put(&t, "campaigns/Spring", json!({})).await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "live").await;
    // a session of before, which may not read leads
    let scopes = "events:read,calls:read,agents:read";
    let changed = t.app().db.write().run(q!("update token set scopes = $1 where kind = 'session'", scopes)).await;
    assert_eq!(changed.expect("the store"), 1);
    t.restart().await;
    wait_connection(&page, "live").await;
    go(&page, "campaigns").await;
    wait_text(&page, "[data-view=campaigns] [data-testid=failure]", &["may not read the campaigns", "leads:read", "log in again"]).await;
    let changed = t.app().db.write().run(q!("update token set scopes = $1 where kind = 'session'", format!("{scopes},leads:read"))).await;
    assert_eq!(changed.expect("the store"), 1);
    t.restart().await;
    wait_text(&page, "[data-view=campaigns]", &["Spring"]).await;
    page.wait_for("document.querySelector('[data-view=campaigns] [data-testid=failure]').hidden", SECONDS).await;
    t.stop().await;
    wait_text(&page, "[data-view=campaigns] [data-testid=failure]", &["not reachable", "Shown as of"]).await;
    wait_text(&page, "[data-testid=connection]", &["Offline"]).await;
    let (hidden, title) = ("document.querySelector('[data-testid=campaign]') === null", "document.title");
    assert_eq!((page.eval(hidden).await, page.eval(title).await), (Value::Bool(false), json!("Offline · Campaigns · cti-gateway")));
    t.restart().await;
    wait_connection(&page, "live").await;
    page.wait_for("document.querySelector('[data-view=campaigns] [data-testid=failure]').hidden", SECONDS / 10).await;
    page.eval("location.hash = '#constructor'").await;
    page.wait_for("!document.querySelector('[data-view=live]').hidden", SECONDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_is_asked_for_only_while_somebody_looks() {
    let t = server().await;
    put(&t, "campaigns/Spring", json!({})).await;
    let browser = Browser::launch().await;
    let page = open(&t, &browser, "live").await;
    let asked = "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/api/v1/progress')).length";
    go(&page, "health").await;
    assert_eq!(page.eval(asked).await, 0, "nobody looked at campaigns");
    go(&page, "campaigns").await;
    page.wait_for(&format!("{asked} === 2"), SECONDS).await;
    // another tab hides this one
    let other = browser.page(&t.url("/console")).await;
    page.wait_for("document.visibilityState === 'hidden'", SECONDS).await;
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(page.eval(asked).await, 2, "nobody looks");
    other.close().await;
    page.wait_for(&format!("document.visibilityState === 'visible' && {asked} === 3"), SECONDS).await;
    // back and forth asks once at a time
    for view in ["live", "campaigns", "live", "campaigns", "live"] {
        go(&page, view).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let after = page.eval(asked).await.as_i64();
    assert!(after <= Some(5), "{after:?}");
    assert_eq!(page.console_errors(), [""; 0]);
}
