//! Browsers as telephones: two pages with microphones of their own, and packets counted on both sides.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    softphone::crm::{Crm, SECONDS},
    support::{
        app::answer,
        asterisk::Asterisk,
        chromium::{Browser, Page},
        desk::Desk,
        figure,
        floor::put,
        phones::Phones,
    },
};

/// Anna in a frame of her CRM, agent1 and agent2 in pages of their own.
const ANNA: &str = "1009";
const LINES: &[(&str, &str)] = &[(ANNA, "s3cret-9"), ("1001", "s3cret-1"), ("1002", "s3cret-2")];
/// Enough to be a conversation: a packet is 20 ms of sound.
const PACKETS: i64 = 100;

/// Keeps the connections that a page makes, its lines and the streams of its microphone, for the test to look into.
const KEEP: &str = "(() => {
  const Real = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...terms) { super(...terms); connections.push(this); }
  };
  const {mediaDevices} = navigator;
  const open = mediaDevices?.getUserMedia.bind(mediaDevices);
  window.streams = [];
  if (open) mediaDevices.getUserMedia = (terms) => open(terms).then((stream) => { streams.push(stream); return stream; });
  const Socket = WebSocket;
  window.lines = [];
  window.WebSocket = class extends Socket {
    constructor(...terms) { super(...terms); if (terms[1] === 'sip') lines.push(this); }
  };
})()";

/// What went through a page's newest connection: packets both ways, and how much sound came.
const COUNT: &str = "(async () => {
  const count = {sent: 0, received: 0, sound: 0};
  const reports = await connections.at(-1).getStats();
  for (const report of reports.values()) {
    if (report.type === 'outbound-rtp') count.sent = report.packetsSent;
    if (report.type === 'inbound-rtp') { count.received = report.packetsReceived; count.sound = report.totalAudioEnergy; }
  }
  return count;
})()";

struct Counts {
    sent: i64,
    received: i64,
    sound: f64,
}

async fn counts(page: &Page) -> Counts {
    let told = page.eval(COUNT).await;
    let number = |name: &str| told[name].as_i64().expect("a number");
    Counts { sent: number("sent"), received: number("received"), sound: told["sound"].as_f64().unwrap_or_default() }
}

/// Waits until so many more packets went both ways, and came with sound.
async fn converse(page: &Page) -> Counts {
    let before = counts(page).await;
    let (sent, received) = (before.sent + PACKETS, before.received + PACKETS);
    let more = format!(
        "(async () => {{ const now = await ({COUNT}); return now.sent >= {sent} && now.received >= {received} && now.sound > {} }})()",
        before.sound
    );
    page.wait_for(&more, SECONDS).await;
    counts(page).await
}

/// How much sound comes within two seconds.
async fn loudness(page: &Page) -> f64 {
    let before = counts(page).await.sound;
    page.eval("new Promise((resolve) => setTimeout(resolve, 2000))").await;
    counts(page).await.sound - before
}

/// Waits until so much sound has come.
async fn hears(page: &Page, sound: f64) {
    let enough = counts(page).await.sound + sound;
    page.wait_for(&format!("({COUNT}).then((now) => now.sound > {enough})"), SECONDS).await;
}

async fn press(page: &Page, name: &str) {
    let button = format!("document.querySelector('[data-testid=\"{name}\"]')");
    page.wait_for(&format!("!{button}.disabled && {button}.offsetParent !== null"), SECONDS).await;
    page.eval(&format!("{button}.click()")).await;
}

async fn sound_is(page: &Page, state: &str) {
    page.wait_for(&format!("document.querySelector('soft-audio').dataset.state === '{state}'"), SECONDS).await;
}

async fn says(page: &Page, text: &str) {
    page.wait_for(&format!("document.querySelector('[data-testid=sound]').textContent.includes({})", json!(text)), SECONDS).await;
}

async fn dial(page: &Page, number: &str) {
    let fill = format!(
        "{{ const field = document.querySelector('[data-testid=number]'); field.value = '{number}'; field.dispatchEvent(new Event('input')); }}"
    );
    page.eval(&fill).await;
    press(page, "dial").await;
}

/// A site with its CRM, and a gateway that drives an Asterisk at which browsers register.
struct Site {
    crm: Crm,
    asterisk: Asterisk,
}

impl Site {
    async fn open() -> Self {
        Self::with(&json!({})).await
    }

    async fn with(passwords: &Value) -> Self {
        let asterisk = Asterisk::for_browsers(LINES).await;
        let crm = Crm::open().await;
        let mut all: Value =
            LINES.iter().map(|(extension, password)| ((*extension).to_owned(), json!(password))).collect::<serde_json::Map<_, _>>().into();
        for (extension, password) in passwords.as_object().expect("passwords") {
            all[extension] = password.clone();
        }
        let audio = json!({"url": format!("ws://{}/ws", asterisk.address), "domain": "127.0.0.1", "passwords": all});
        let desk = Desk::with(&crm.t, asterisk.address, &json!({"station": "PJSIP/{extension}", "audio": audio})).await;
        put(&crm.t, "options/account", json!({"telephoneSystem": "office"})).await;
        desk.is_up().await;
        Self { crm, asterisk }
    }

    /// Anna's frame, signed in, with sound.
    async fn anna(&self, browser: &Browser) -> crate::softphone::crm::Tab {
        let page = browser.page_after(KEEP, &format!("{}/page.html", self.crm.origin)).await;
        let tab = self.crm.tab_of(page).await;
        tab.sign_in(browser, crate::softphone::crm::PASSWORD).await;
        tab.connected().await;
        press(&tab.frame, "sound-switch").await;
        sound_is(&tab.frame, "ready").await;
        tab
    }

    /// The page of another agent, signed in by its address.
    async fn agent(&self, browser: &Browser, login: &str) -> Page {
        let (_, made) = answer(self.crm.t.api(Method::POST, "/api/v1/embed-tokens").json(&json!({ "agent": login }))).await;
        let url = self.crm.t.url(&format!("/apps/acme.crm#embed={}", made["token"].as_str().expect("a token")));
        let page = browser.page_after(KEEP, &url).await;
        page.wait_for("document.body.dataset.connection === 'connected'", SECONDS).await;
        page
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "asterisk"]
async fn two_pages_speak_with_each_other() {
    let site = Site::open().await;
    let (browser, other) = (Browser::launch().await, Browser::launch().await);
    let anna = site.anna(&browser).await;
    let ben = site.agent(&other, "agent1").await;
    press(&ben, "sound-switch").await;
    sound_is(&ben, "ready").await;

    dial(&anna.frame, "1001").await;
    // hers picks up by itself, as she asked for the call; his rings, and he has not asked for anything
    sound_is(&ben, "ringing").await;
    assert_eq!(ben.eval("document.body.dataset.ringing").await, "true");
    press(&ben, "line-answer").await;
    sound_is(&ben, "talking").await;
    sound_is(&anna.frame, "talking").await;
    anna.shows("talk").await;
    site.asterisk.assert_loopback_only();
    let (hers, his) = (converse(&anna.frame).await, converse(&ben).await);
    figure(&format!(
        "sound in two pages: packets sent and received {} and {} by one, {} and {} by the other",
        hers.sent, hers.received, his.sent, his.received
    ));

    // muted, she is not heard any more; then she is again
    let loud = loudness(&ben).await;
    press(&anna.frame, "sound-mute").await;
    says(&anna.frame, "you are not heard").await;
    // what was on its way arrives
    ben.eval("new Promise((resolve) => setTimeout(resolve, 500))").await;
    let quiet = loudness(&ben).await;
    assert!(loud > 0.0 && quiet < loud / 20.0, "{loud} and muted {quiet}");
    press(&anna.frame, "sound-mute").await;
    says(&anna.frame, "You are heard").await;
    hears(&ben, loud / 10.0).await;

    // another microphone in the middle of a call
    anna.frame.eval("document.querySelector('soft-audio details').open = true").await;
    anna.frame.wait_for("document.querySelector('[data-testid=microphone]').options.length > 1", SECONDS).await;
    let choose = "{ const all = document.querySelector('[data-testid=microphone]'); all.selectedIndex = all.options.length - 1; all.dispatchEvent(new Event('change')); }";
    // one that cannot be used is closed, and she goes on with the one she had
    let open = "streams.filter((stream) => stream.getTracks().some(({readyState}) => readyState === 'live')).length";
    let (before, live) = (anna.frame.eval("streams.length").await, anna.frame.eval(open).await);
    anna.frame.eval("const put = RTCRtpSender.prototype.replaceTrack; globalThis.mend = () => void (RTCRtpSender.prototype.replaceTrack = put); RTCRtpSender.prototype.replaceTrack = () => Promise.reject(new DOMException('no', 'InvalidStateError')); 0").await;
    anna.frame.eval(choose).await;
    anna.frame.wait_for(&format!("streams.length > {before} && {open} === {live}"), SECONDS).await;
    hears(&ben, loud / 10.0).await;
    anna.frame.eval("mend()").await;
    anna.frame.eval(choose).await;
    anna.frame.wait_for(&format!("streams.length > {before} + 1 && {open} === {live}"), SECONDS).await;
    hears(&ben, loud / 10.0).await;

    // the gateway's hold and hang-up
    press(&anna.frame, "hold").await;
    anna.shows("hold").await;
    press(&anna.frame, "resume").await;
    anna.shows("talk").await;
    converse(&anna.frame).await;
    press(&anna.frame, "hangup").await;
    sound_is(&anna.frame, "ready").await;
    sound_is(&ben, "ready").await;

    let told = "JSON.stringify(heard.filter(({method}) => method === 'sound').map(({payload}) => payload.talking))";
    anna.page.wait_for(&format!("{told} === '[true,false]'"), SECONDS).await;

    // what she asked for is over, or was refused: a call that somebody else makes opens no microphone by itself
    dial(&anna.frame, "12x").await;
    anna.frame
        .wait_for("document.querySelector('[data-testid=pad-error]').textContent.includes('is not a telephone number')", SECONDS)
        .await;
    dial(&ben, "1009").await;
    sound_is(&anna.frame, "ringing").await;
    sound_is(&ben, "talking").await;
    press(&anna.frame, "line-answer").await;
    sound_is(&anna.frame, "talking").await;
    // one line, one call
    let eve = site.agent(&other, "agent2").await;
    sound_is(&eve, "ready").await;
    dial(&eve, "1009").await;
    eve.wait_for("document.querySelector('[data-testid=told]').innerText.includes('was not reached: busy')", SECONDS).await;
    sound_is(&anna.frame, "talking").await;
    press(&anna.frame, "line-hangup").await;
    sound_is(&ben, "ready").await;
    assert_eq!(anna.errors(), [""; 0]);
    assert_eq!(ben.own_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "asterisk"]
async fn a_caller_is_answered_in_the_card_and_heard() {
    let site = Site::open().await;
    let phones = Phones::of(&site.asterisk).await;
    put(&site.crm.t, "ring-groups/support", json!({"number": "+4930555000", "reception": {}})).await;
    let browser = Browser::launch().await;
    let anna = site.anna(&browser).await;
    anna.press("ready").await;
    phones.call_in("4930555000@did", "\"Ada Lovelace\" <+12025550123>", "ada").await;
    anna.shows("incoming").await;
    sound_is(&anna.frame, "ready").await;
    anna.press("answer").await;
    let ada = phones.answered("ada").await;
    sound_is(&anna.frame, "talking").await;
    anna.shows("talk").await;
    ada.hears_sound().await;
    // who leaves the page takes the sound with it: the caller is not left with nobody
    anna.page.eval("location.href = 'about:blank'; 0").await;
    ada.is_released().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "asterisk"]
async fn a_call_that_the_crm_makes_for_her_is_picked_up() {
    let site = Site::open().await;
    let (browser, other) = (Browser::launch().await, Browser::launch().await);
    let anna = site.anna(&browser).await;
    let ben = site.agent(&other, "agent1").await;
    press(&ben, "sound-switch").await;
    sound_is(&ben, "ready").await;
    let asked = site.crm.t.api(Method::POST, "/api/v1/calls").json(&json!({"agent": "anna", "number": "1001"}));
    let (status, told) = answer(asked).await;
    assert!(status.is_success(), "{told}");
    sound_is(&anna.frame, "talking").await;
    sound_is(&ben, "ringing").await;
    press(&anna.frame, "hangup").await;
    sound_is(&anna.frame, "ready").await;
    sound_is(&ben, "ready").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "asterisk"]
async fn the_line_is_in_the_enabled_tab_only() {
    let site = Site::open().await;
    let (browser, other) = (Browser::launch().await, Browser::launch().await);
    let anna = site.anna(&browser).await;
    let first = site.agent(&other, "agent1").await;
    press(&first, "sound-switch").await;
    sound_is(&first, "ready").await;
    let second = site.agent(&other, "agent1").await;
    says(&second, "in the active tab").await;
    press(&second, "enable-tab").await;
    sound_is(&second, "ready").await;
    sound_is(&first, "off").await;

    dial(&anna.frame, "1001").await;
    sound_is(&second, "ringing").await;
    assert_eq!(first.eval("document.querySelector('soft-audio').dataset.state").await, "off");
    // declined: she hears of it, and her own line is free again
    press(&second, "line-hangup").await;
    anna.tells("was not reached: declined").await;
    anna.shows_none().await;
    sound_is(&anna.frame, "ready").await;
    sound_is(&second, "ready").await;

    // taken over in the middle of a conversation, it goes on where it is
    dial(&anna.frame, "1001").await;
    press(&second, "line-answer").await;
    sound_is(&second, "talking").await;
    press(&first, "enable-tab").await;
    sound_is(&first, "ready").await;
    converse(&second).await;
    press(&anna.frame, "hangup").await;
    sound_is(&second, "off").await;
    second.wait_for("lines.length > 0 && lines.every(({readyState}) => readyState === WebSocket.CLOSED)", SECONDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "asterisk"]
async fn a_line_that_is_refused_or_lost_says_so_and_comes_back() {
    let mut site = Site::with(&json!({"1002": "wrong"})).await;
    let (browser, other) = (Browser::launch().await, Browser::launch().await);
    let anna = site.anna(&browser).await;
    let eve = site.agent(&other, "agent2").await;
    press(&eve, "sound-switch").await;
    sound_is(&eve, "failed").await;
    says(&eve, "refuses this line").await;

    site.asterisk.kill();
    says(&anna.frame, "cannot be reached").await;
    site.asterisk.run().await;
    anna.frame.wait_for("document.querySelector('soft-audio').dataset.state === 'ready'", Duration::from_secs(40)).await;
    dial(&anna.frame, "1002").await;
    anna.tells("1002 was not reached").await;

    // in the middle of a conversation; that sound is on is the browser's to remember
    let ben = site.agent(&other, "agent1").await;
    sound_is(&ben, "ready").await;
    dial(&anna.frame, "1001").await;
    press(&ben, "line-answer").await;
    anna.shows("talk").await;
    converse(&anna.frame).await;
    site.asterisk.kill();
    says(&anna.frame, "No sound arrives").await;
    site.asterisk.run().await;
    anna.shows("idle").await;
    for page in [&anna.frame, &ben] {
        page.wait_for("document.querySelector('soft-audio').dataset.state === 'ready'", Duration::from_secs(40)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "asterisk"]
async fn sound_goes_on_while_the_gateway_is_away() {
    let site = Site::open().await;
    let (browser, other) = (Browser::launch().await, Browser::launch().await);
    let anna = site.anna(&browser).await;
    let ben = site.agent(&other, "agent1").await;
    press(&ben, "sound-switch").await;
    sound_is(&ben, "ready").await;
    dial(&anna.frame, "1001").await;
    press(&ben, "line-answer").await;
    anna.shows("talk").await;
    converse(&anna.frame).await;
    site.crm.t.stop().await;
    anna.frame.wait_for("document.body.dataset.connection === 'reconnecting'", SECONDS).await;
    converse(&anna.frame).await;
    site.crm.t.restart().await;
    anna.connected().await;
    anna.shows("talk").await;
    converse(&ben).await;
    press(&anna.frame, "hangup").await;
    sound_is(&ben, "ready").await;
}
