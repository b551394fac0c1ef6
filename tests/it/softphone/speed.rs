//! How soon an event is on the screen, with fifty softphones open.

use std::time::Duration;

use cti_gateway::app::clock::Clock;
use reqwest::Method;
use serde_json::json;

use super::crm::{Crm, SECONDS};
use crate::support::{
    app::{ACCOUNT, QUIET_SECRET, agent, answer},
    chromium::Browser,
    figure,
};

const TABS: usize = 50;
const CALLS_EACH: usize = 8;
/// Between two calls: six a minute for each agent, which is a very busy centre.
const EVERY: Duration = Duration::from_millis(200);
const MOST_MS: i64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn an_event_is_on_the_screen_at_once_with_fifty_tabs() {
    let crm = Crm::open().await;
    let t = &crm.t;
    let browser = Browser::launch().await;
    for number in 0..TABS {
        let new = agent(&format!("a{number}"), &format!("2{number:03}"));
        t.admin().add_agent((t.account, ACCOUNT), &new).await.expect("the store").expect("a new agent");
    }
    t.restart().await;
    let mut pages = Vec::new();
    for number in 0..TABS {
        let login = format!("a{number}");
        let (status, made) = answer(t.api(Method::POST, "/api/v1/embed-tokens").json(&json!({ "agent": login }))).await;
        assert!(status.is_success(), "{made}");
        let page = browser.page(&t.url(&format!("/apps/acme.crm#embed={}", made["token"].as_str().expect("a token")))).await;
        page.wait_for("document.body.dataset.connection === 'connected'", SECONDS).await;
        // when each call is first seen on the page, by the machine's clock
        let watch = "globalThis.seen = {};
            new MutationObserver(() => {
              for (const card of document.querySelectorAll('[data-testid=card]')) {
                if (card.getClientRects().length > 0) seen[card.querySelector('[data-testid=card-number]').textContent] ??= Date.now();
              }
            }).observe(document.querySelector('[data-testid=cards]'), {childList: true, subtree: true, characterData: true})";
        page.eval(watch).await;
        pages.push(page);
    }
    let mut posted = Vec::new();
    for call in 0..TABS * CALLS_EACH {
        let (tab, number) = (call % TABS, format!("+4930{call:07}"));
        let at = Clock::System.now().timestamp_millis();
        t.vtiger_at(QUIET_SECRET, &format!("event=call_initiated&call_id={call}&from=%2B{}&to=2{tab:03}", &number[1..])).await;
        posted.push((tab, number, at));
        tokio::time::sleep(EVERY).await;
        if call >= TABS {
            t.vtiger_at(QUIET_SECRET, &format!("event=call_hangup&call_id={}", call - TABS)).await;
        }
    }
    let mut took = Vec::new();
    for (tab, number, at) in posted {
        let seen = format!("seen['{number}'] ?? null");
        pages[tab].wait_for(&format!("({seen}) !== null"), SECONDS).await;
        took.push(pages[tab].eval(&seen).await.as_i64().expect("a time") - at);
    }
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    figure(&format!("{TABS} tabs, {} calls, posted → on the screen: p50 {} ms, p99 {} ms, max {} ms", took.len(), at(50), at(99), at(100)));
    assert!(at(99) <= MOST_MS, "p99 {} ms", at(99));
}
