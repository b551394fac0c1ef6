//! The client when something is lost: the network, the server, a frame, an answer, or everything but the connection.

use std::time::Duration;

use cti_gateway::app::clock::instant;
use reqwest::StatusCode;
use serde_json::json;

use super::site::{SECONDS, Site, THEIRS, connected, head, heard_all, telephones, wait_is};
use crate::support::{
    app::{GENERIC, Kind, SECRET, TestApp, answer, both},
    beside::Beside,
    cable::Cable,
    chromium::Browser,
    figure,
};

both! {
    async fn a_network_that_goes_in_the_middle_of_a_call_costs_no_event(t: TestApp) {
        let mut t = t;
        let site = Site::open(&mut t).await;
        telephones(&t).await;
        let browser = Browser::launch().await;
        let page = site.page(&browser).await;
        let began = head(&t).await;
        page.eval("heard.length = 0").await;
        page.eval(&format!("client.dial('{THEIRS}')")).await;
        wait_is(&page, "client.calls.map(({state}) => state)", json!(["talk"])).await;
        page.set_offline(true).await;
        wait_is(&page, "[client.connection.state, client.calls.length]", json!(["reconnecting", 1])).await;
        assert_eq!(page.eval("typeof client.connection.reason").await, "string");
        for step in ["event=call_initiated&call_id=1&from=%2B4930123456&to=1001", "event=call_connected&call_id=1&to=1001"] {
            t.vtiger(step).await;
        }
        // what is asked meanwhile is done when the network is back
        page.eval("void client.command('hangup', {call: client.calls[0].dtCallId}, {id: 'h1'}).then(() => { globalThis.hungUp = true })").await;
        page.set_offline(false).await;
        connected(&page).await;
        page.wait_for("globalThis.hungUp", SECONDS).await;
        wait_is(&page, "client.calls.map(({state}) => state)", json!(["idle", "talk"])).await;
        t.vtiger("event=call_hangup&call_id=1").await;
        heard_all(&t, &page, began).await;
        assert_eq!(page.eval("[snapshots, changes.some(([state, , replay]) => state === 'incoming' && replay)]").await, json!([1, true]), "it came as events");
        assert_eq!(page.own_errors(), [""; 0]);
    }

    async fn a_server_that_restarts_costs_no_event(t: TestApp) {
        let mut t = t;
        let site = Site::open(&mut t).await;
        let browser = Browser::launch().await;
        let page = site.page(&browser).await;
        let began = head(&t).await;
        page.eval("heard.length = 0").await;
        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        wait_is(&page, "client.calls.length", json!(1)).await;
        t.stop().await;
        page.wait_for("client.connection.state === 'reconnecting' && client.connection.retryAt > 0", SECONDS).await;
        // meanwhile, by another server on the same store
        let other = Beside::start(&t).await;
        for query in ["event=call_connected&call_id=1&to=1001", "event=call_initiated&call_id=2&from=%2B81312345678&to=1002"] {
            let url = format!("http://{}{GENERIC}?{query}", other.address);
            assert_eq!(answer(t.http.post(url).header("X-VTIGER-SECRET", SECRET)).await.0, StatusCode::OK);
        }
        other.stop().await;
        t.restart().await;
        connected(&page).await;
        wait_is(&page, "client.calls.map(({state}) => state)", json!(["talk", "incoming"])).await;
        heard_all(&t, &page, began).await;
        assert_eq!(page.eval("snapshots").await, 1);
        assert_eq!(page.own_errors(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_healed_by_a_snapshot() {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let site = Site::open(&mut t).await;
    let browser = Browser::launch().await;
    let page = site.page(&browser).await;
    page.eval("globalThis.loses = (frame) => frame.op === 'ev' && frame.data.callStatus === 'ringing'").await;
    t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
    t.vtiger("event=call_connected&call_id=1&to=1001").await;
    wait_is(&page, "[snapshots, client.connection.state, client.calls.map(({state}) => state)]", json!([2, "connected", ["talk"]])).await;
    assert_eq!(page.eval("states.find(({state}) => state === 'reconnecting').reason").await, "An event was missing.");
    assert_eq!(page.eval("changes").await, json!([]), "nothing was told that does not follow on what was");
    t.vtiger("event=call_hangup&call_id=1").await;
    wait_is(&page, "client.calls.map(({state}) => state)", json!(["idle"])).await;
    // a position that the server does not know is a snapshot, too
    page.wait_for("globalThis.key = Object.keys(sessionStorage).find((key) => key.startsWith('cti '))", SECONDS).await;
    page.eval(
        "client.close(); sessionStorage[key] = JSON.stringify({form: 1, position: {epoch: 'other', seq: 3}, shown: {calls: [], agent: client.agent}})",
    )
    .await;
    page.open(&site.url("page.html")).await;
    wait_is(&page, "[snapshots, client.connection.state]", json!([1, "connected"])).await;
    // nor does what nobody can read keep a page from beginning
    for kept in ["no JSON", "{}", "{\"form\":1}", "{\"form\":1,\"position\":{\"epoch\":\"e\",\"seq\":1},\"shown\":{\"calls\":7}}", "null"] {
        let key = "Object.keys(sessionStorage).find((key) => key.startsWith('cti '))";
        page.wait_for(&format!("globalThis.key = {key}"), SECONDS).await;
        page.eval(&format!("client.close(); sessionStorage[key] = {}", json!(kept))).await;
        page.open(&site.url("page.html")).await;
        wait_is(&page, "[snapshots, client.connection.state]", json!([1, "connected"])).await;
    }
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_answer_was_lost_is_done_once() {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let site = Site::open(&mut t).await;
    telephones(&t).await;
    let browser = Browser::launch().await;
    let page = site.page(&browser).await;
    page.eval("globalThis.loses = ({op}) => op === 'res'").await;
    page.eval(&format!("void client.dial('{THEIRS}').then(({{call}}) => {{ globalThis.call = call }})")).await;
    wait_is(&page, "client.calls.map(({state}) => state)", json!(["talk"])).await;
    assert_eq!(page.eval("globalThis.call === undefined").await, true);
    page.set_offline(true).await;
    page.wait_for("client.connection.state === 'reconnecting'", SECONDS).await;
    page.eval("globalThis.loses = () => false").await;
    page.set_offline(false).await;
    page.wait_for("client.calls[0].dtCallId === call", SECONDS).await;
    assert_eq!(t.calls().await.len(), 1);
    // and one that is never answered fails, and is not sent later
    page.eval("globalThis.loses = ({op}) => op === 'res'").await;
    assert_eq!(page.eval("client.command('ready', {}, {timeoutMs: 300}).catch(({code}) => code)").await, "timeout");
    assert_eq!(page.own_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_noticed_within_two_pings() {
    const PING: Duration = Duration::from_secs(1);
    let mut t = TestApp::start_with(Kind::Sqlite, |config| config.socket.ping_ms = 1_000).await;
    let site = Site::open(&mut t).await;
    let cable = Cable::to(t.address).await;
    site.with_options(&format!("server: 'http://{}'", cable.address));
    let browser = Browser::launch().await;
    let page = site.page(&browser).await;
    let began = head(&t).await;
    page.eval("heard.length = 0").await;
    cable.stall();
    let at = instant();
    page.wait_for("client.connection.state === 'reconnecting'", SECONDS).await;
    let took = at.elapsed();
    figure(&format!("a silent socket was noticed after {took:?}, pings being {PING:?} apart"));
    // and a busy machine
    assert!(took <= 2 * PING + Duration::from_secs(1), "{took:?}");
    assert_eq!(page.eval("client.connection.reason").await, "The server fell silent.");
    t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
    cable.cut();
    cable.mend();
    connected(&page).await;
    wait_is(&page, "client.calls.length", json!(1)).await;
    heard_all(&t, &page, began).await;
    // a computer that wakes: the page is shown again, and nobody waits for the timer
    let wakes = "Date.now = ((now) => () => now() + 3_500)(Date.now.bind(Date)), document.dispatchEvent(new Event('visibilitychange'))";
    let wakes = page.eval(&format!("{wakes}, [states.at(-1).state, states.at(-1).retryAt - Date.now() <= 0]")).await;
    assert_eq!(wakes, json!(["reconnecting", true]));
    connected(&page).await;
    assert_eq!(page.own_errors(), [""; 0]);
}
