//! Pictures of the softphone, light and dark, for people to look at: they are left in `target/pictures`.

use std::{fs, path::PathBuf};

use cti_gateway::app::{clock::Clock, directory::Subject, sessions::OneTimeLink};
use serde_json::json;

use super::{
    audio::{line, site},
    crm::{ANNA, CALLER, Crm, DID, SECONDS, THEIRS},
};
use crate::support::{
    app::{ACCOUNT, answer},
    chromium::{Browser, Page},
    figure,
    floor::{due, put, ring_in},
};

/// A CRM that gives the softphone the room that it is made for.
const PAGE: &str = "<!doctype html><html lang=en><meta name=color-scheme content='light dark'><title>CRM</title>
    <iframe id=cti width=400 height=560 src='SERVER/apps/acme.crm' title=Softphone allow='microphone; autoplay' sandbox='allow-popups allow-scripts allow-same-origin'></iframe>
    <script src=crm.js></script>";

/// Takes a picture of a page in each look.
async fn picture(page: &Page, name: &str) {
    let folder = PathBuf::from(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into())).join("pictures");
    fs::create_dir_all(&folder).expect("the target folder is writable");
    for (dark, look) in [(false, "light"), (true, "dark")] {
        page.emulate_media(dark).await;
        let file = folder.join(format!("{name}-{look}.png"));
        page.screenshot(&file).await;
        figure(&format!("picture: {}", file.display()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn pictures_of_the_softphone() {
    let crm = Crm::open().await;
    crm.put("page.html", "text/html", PAGE);
    put(&crm.t, "campaigns/Spring", json!({})).await;
    let lead = json!({"campaign": "Spring", "phone": CALLER, "firstName": "Greta", "lastName": "Sommer", "city": "Berlin", "email": "greta@example.com",
        "callback": {"at": "2030-01-02T10:00:00Z", "agent": "anna", "notes": "wants an offer"}});
    let (status, told) = answer(crm.t.api(reqwest::Method::POST, "/api/v1/leads").json(&lead)).await;
    assert!(status.is_success(), "{told}");
    let browser = Browser::launch().await;
    let tab = crm.tab(&browser).await;
    picture(&tab.page, "softphone-signed-out").await;
    tab.sign_in(&browser, super::crm::PASSWORD).await;
    tab.connected().await;
    picture(&tab.page, "softphone-ready").await;
    tab.press("ready").await;
    tab.shows_presence("ready").await;
    ring_in(&crm.t, CALLER, DID).await;
    due(&crm.t).await;
    tab.shows("incoming").await;
    tab.frame.wait_for("document.querySelector('[data-testid=facts]').children.length > 0", SECONDS).await;
    picture(&tab.page, "softphone-incoming").await;
    tab.press("answer").await;
    due(&crm.t).await;
    tab.shows("talk").await;
    picture(&tab.page, "softphone-talk").await;
    tab.press("transfer").await;
    picture(&tab.page, "softphone-transfer").await;
    tab.press("hangup").await;
    tab.shows("idle").await;
    picture(&tab.page, "softphone-wrap-up").await;
    tab.press("end-wrap").await;
    tab.shows_none().await;
    tab.sends("initiate_call", json!({"phone_number": THEIRS, "identity_type": "Office", "identity_id": 1})).await;
    tab.tells("Office 1").await;
    for view in ["history", "lists", "messages"] {
        tab.frame.eval(&format!("document.querySelector('nav [data-view={view}]').click()")).await;
        tab.frame.wait_for(&format!("!document.querySelector('section[data-view={view}]').hidden"), SECONDS).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        picture(&tab.page, &format!("softphone-{view}")).await;
    }
    crm.t.stop().await;
    tab.frame.wait_for("!document.querySelector('[data-testid=connection]').hidden", SECONDS).await;
    picture(&tab.page, "softphone-lost").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn pictures_of_sound() {
    let crm = site(&line()).await;
    crm.put("page.html", "text/html", PAGE);
    let browser = Browser::launch().await;
    let tab = crm.signed_in(&browser).await;
    tab.frame.wait_for("!document.querySelector('soft-audio').hidden", SECONDS).await;
    picture(&tab.page, "sound-off").await;
    tab.press("sound-switch").await;
    tab.frame.eval("document.querySelector('soft-audio details').open = true").await;
    tab.frame.wait_for("document.querySelector('[data-testid=sound]').textContent.includes('cannot be reached')", SECONDS).await;
    tab.press("sound-test").await;
    tab.frame.wait_for("!document.querySelector('soft-audio meter').hidden", SECONDS).await;
    picture(&tab.page, "sound-test").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow"]
async fn pictures_of_the_demo() {
    let crm = Crm::open().await;
    let t = &crm.t;
    put(t, "client-apps/crm", json!({"origins": [t.url("")]})).await;
    let link =
        OneTimeLink::issue(&t.app().db, &Clock::System, (t.account, ACCOUNT), &Subject::Agent(ANNA.to_owned())).await.expect("the store");
    let browser = Browser::launch().await;
    let page = browser.page(&t.url(&format!("/demo?client=acme.crm#code={}", link.secret))).await;
    let phone = page.frame("/apps/acme.crm").await;
    phone.wait_for("document.body.dataset.connection === 'connected'", SECONDS).await;
    picture(&page, "demo-contacts-narrow").await;
    page.resize(1280, 800).await;
    picture(&page, "demo-contacts").await;
    phone.eval("document.querySelector('[data-testid=ready]').click()").await;
    phone.wait_for("document.querySelector('[data-testid=presence]').dataset.state === 'ready'", SECONDS).await;
    ring_in(t, CALLER, DID).await;
    due(t).await;
    page.wait_for("location.hash.startsWith('#/cases/')", SECONDS).await;
    picture(&page, "demo-case").await;
}
