//! The demo CRM: the softphone in a page of host.js, from the printed link to a case that a call has left.

use cti_gateway::app::{clock::Clock, directory::Subject, sessions::OneTimeLink};
use serde_json::json;

use super::crm::{ANNA, Crm, SECONDS};
use crate::support::{
    app::ACCOUNT,
    chromium::{Browser, Page},
    floor::{due, put},
};

/// Waits until the page's own part shows a text.
async fn shows(page: &Page, text: &str) {
    page.wait_for(&format!("document.querySelector('[data-testid=record]').innerText.includes({})", json!(text)), SECONDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_pops_his_case_once_and_a_number_is_clicked() {
    let crm = Crm::open().await;
    let t = &crm.t;
    put(t, "client-apps/crm", json!({"origins": [t.url("")]})).await;
    put(t, "numbers/+12025550100", json!({"voice": true})).await;
    put(t, "ring-groups/Sales", json!({"number": "+12025550100", "reception": {}})).await;
    let link =
        OneTimeLink::issue(&t.app().db, &Clock::System, (t.account, ACCOUNT), &Subject::Agent(ANNA.to_owned())).await.expect("the store");
    let browser = Browser::launch().await;
    let page = browser.page(&t.url(&format!("/demo?client=acme.crm#code={}", link.secret))).await;
    let phone = page.frame("/apps/acme.crm").await;
    phone.wait_for("document.body.dataset.connection === 'connected' && document.body.dataset.enabled === 'true'", SECONDS).await;
    assert_eq!(page.eval("location.hash").await, "", "the code has left the address");
    shows(&page, "Greta Sommer").await;
    // one click lets somebody ring whom a contact is known of
    phone.eval("document.querySelector('[data-testid=ready]').click()").await;
    phone.wait_for("document.querySelector('[data-testid=presence]').dataset.state === 'ready'", SECONDS).await;
    page.eval("document.querySelector('[data-testid=ring]').click()").await;
    page.wait_for("!document.querySelector('[data-testid=notice]').hidden", SECONDS).await;
    due(t).await;
    phone.wait_for("document.querySelector('[data-testid=card][data-state=incoming]') !== null", SECONDS).await;
    let popped = "/^#\\/cases\\/1003$/.test(location.hash)";
    page.wait_for(popped, SECONDS).await;
    shows(&page, "Call of").await;
    page.wait_for("document.querySelector('[data-testid=events]').innerText.includes('call_ringing')", SECONDS).await;
    // who looks at something else meanwhile is not called back to it
    page.eval("location.hash = '#/cases'").await;
    let later =
        "{ const all = document.querySelector('[data-testid=not-ready]'); all.value = '-'; all.dispatchEvent(new Event('change')); }";
    phone.eval(later).await;
    phone.wait_for("document.querySelector('[data-testid=presence]').textContent.includes('then not ready')", SECONDS).await;
    assert_eq!(page.eval("location.hash").await, "#/cases");
    page.eval("location.hash = '#/cases/1003'").await;
    phone.eval("document.querySelector('[data-testid=answer]').click()").await;
    due(t).await;
    phone.wait_for("document.querySelector('[data-testid=card][data-state=talk]') !== null", SECONDS).await;
    // a reload in the call shows the same case, and makes no other
    page.reload().await;
    page.wait_for("location.hash === '#/cases/1003'", SECONDS).await;
    let phone = page.frame("/apps/acme.crm").await;
    phone.wait_for("document.querySelector('[data-testid=card][data-state=talk]') !== null", SECONDS).await;
    phone.eval("document.querySelector('[data-testid=hangup]').click()").await;
    phone.wait_for("document.querySelector('[data-testid=end-wrap]')?.offsetParent", SECONDS).await;
    phone.eval("document.querySelector('[data-testid=end-wrap]').click()").await;
    phone.wait_for("document.querySelector('[data-testid=card]') === null", SECONDS).await;
    page.eval("location.hash = '#/cases'").await;
    shows(&page, "#1003").await;
    assert_eq!(page.eval("document.querySelectorAll('tbody tr').length").await, 3);
    // and a number of the page is dialed by a click
    page.eval("location.hash = '#/contacts/c-4'").await;
    shows(&page, "+12025550142").await;
    let number = "[...document.querySelectorAll('main [role=button], main button, main a')].find(element => element.textContent.includes('+12025550142'))";
    page.wait_for(&format!("({number}) !== undefined"), SECONDS).await;
    page.eval(&format!("({number}).click()")).await;
    phone.wait_for("/\\+12025550142/.test(document.querySelector('[data-testid=card-number]')?.textContent)", SECONDS).await;
    assert_eq!(page.console_errors(), [""; 0]);
}
