//! The client while nothing is lost: calls are seen, commands done and refused, and a reload changes nothing.

use reqwest::Method;
use serde_json::json;

use super::site::{ANNA, PASSWORD, SECONDS, Site, THEIRS, connected, head, heard_all, telephones, wait_is};
use crate::support::{
    app::{ACCOUNT, Kind, QUIET_SECRET, TestApp, answer, both},
    chromium::Browser,
};

both! {
    async fn calls_are_seen_and_commanded(t: TestApp) {
        let mut t = t;
        let site = Site::open(&mut t).await;
        telephones(&t).await;
        let browser = Browser::launch().await;
        let page = site.page(&browser).await;
        let began = head(&t).await;
        page.eval("heard.length = 0").await;
        assert_eq!(page.eval("states.map(({state}) => state).join()").await, "connecting,connected");
        assert_eq!(page.eval("[client.agent.login, client.agent.presence.state, client.calls.length, snapshots]").await, json!(["agent1", "not_ready", 0, 1]));

        t.vtiger("event=call_initiated&call_id=1&from=%2B4930123456&to=1001").await;
        wait_is(&page, "client.calls.map(({phone, state, agent}) => [phone, state, agent])", json!([["+4930123456", "incoming", "agent1"]])).await;
        t.vtiger("event=call_hangup&call_id=1").await;
        wait_is(&page, "[client.calls.length, changes.at(-1)]", json!([0, ["end", "ended", false]])).await;

        assert_eq!(page.eval("client.ready().then(({state}) => state)").await, "ready");
        wait_is(&page, "client.agent.presence.state", json!("ready")).await;
        page.eval(&format!("client.dial('{THEIRS}', {{customData: 'case 7'}}).then(({{call}}) => {{ globalThis.call = call }})")).await;
        wait_is(&page, "client.calls.map(({dtCallId, state, customData}) => [dtCallId === call, state, customData])", json!([[true, "talk", "case 7"]])).await;
        page.eval("client.hold(call)").await;
        wait_is(&page, "client.calls[0].state", json!("hold")).await;
        let refused = page.eval("client.hold(call).catch((error) => [error instanceof CtiError, error.code, error.message.length > 10])").await;
        assert_eq!(refused, json!([true, "refused", true]));
        assert_eq!(page.eval("client.command('juggle').catch(({code}) => code)").await, "unknown");
        assert_eq!(page.eval("client.dtmf(call, 'x').catch(({code, field}) => [code, field])").await, json!(["invalid", "digits"]));
        assert_eq!(page.eval("client.command('dial', {number: 'x'.repeat(20000)}).catch(({code}) => code)").await, "invalid");
        page.eval("client.resume(call)").await;
        wait_is(&page, "client.calls[0].state", json!("talk")).await;
        page.eval("client.hangup()").await;
        wait_is(&page, "[client.calls[0].state, client.agent.presence.state]", json!(["idle", "wrap_up"])).await;
        page.eval("client.setOutcome(call, 'SALE', {notes: 'two of them'})").await;
        page.eval("client.endWrap(call)").await;
        wait_is(&page, "[client.calls.length, client.agent.presence.state]", json!([0, "ready"])).await;
        heard_all(&t, &page, began).await;
        assert_eq!(page.eval("[snapshots, states.length]").await, json!([1, 2]));
        assert_eq!(page.console_errors(), [""; 0]);
    }

    async fn a_reload_in_the_middle_of_a_call_keeps_it(t: TestApp) {
        let mut t = t;
        let site = Site::open(&mut t).await;
        telephones(&t).await;
        let browser = Browser::launch().await;
        let page = site.page(&browser).await;
        let began = head(&t).await;
        page.eval("heard.length = 0").await;
        page.eval(&format!("client.dial('{THEIRS}')")).await;
        wait_is(&page, "client.calls.map(({state}) => state)", json!(["talk"])).await;
        let before = page.eval("JSON.stringify([client.calls, client.agent])").await;
        page.open(&site.url("page.html")).await;
        page.wait_for("globalThis.client !== undefined", SECONDS).await;
        assert_eq!(page.eval("JSON.stringify([client.calls, client.agent])").await, before, "it is shown before the socket is there");
        connected(&page).await;
        assert_eq!(page.eval("snapshots").await, 0, "resumed, not begun anew");
        // something happens between two loads
        page.open("about:blank").await;
        let call = t.only_call().await["id"].as_str().expect("an id").to_owned();
        let hold = t.api(Method::POST, &format!("/api/v1/calls/{call}/hold")).json(&json!({})).send().await.expect("an answer");
        assert_eq!(hold.status().as_u16(), 202);
        page.open(&site.url("page.html")).await;
        wait_is(&page, "client.calls.map(({state}) => state)", json!(["hold"])).await;
        page.eval("client.hangup()").await;
        wait_is(&page, "client.calls[0].state", json!("idle")).await;
        heard_all(&t, &page, began).await;
        assert_eq!(page.eval("[snapshots, changes.map(([state]) => state).includes('hold')]").await, json!([0, true]));
        assert_eq!(page.console_errors(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_tickets_are_final_and_say_why() {
    let mut t = TestApp::start_with(Kind::Sqlite, |config| config.socket.ping_ms = 400).await;
    let site = Site::open(&mut t).await;
    let browser = Browser::launch().await;
    let closed = "[client.connection.state, client.connection.code, client.connection.reason.length > 10]";

    // by the site's own server, and then no more
    site.refuse(Some(401));
    let page = browser.page(&site.url("page.html")).await;
    wait_is(&page, closed, json!(["closed", "unauthorized", true])).await;
    assert_eq!(page.eval("client.ready().catch(({code}) => code)").await, "unauthorized");
    site.refuse(None);
    assert_eq!(page.eval("client.connect().then(() => client.connection.state)").await, "connected", "when that has changed");
    page.eval("client.close()").await;
    wait_is(&page, "[client.connection.state, client.connection.code, client.position]", json!(["closed", "client", null])).await;
    site.refuse(Some(403));
    assert_eq!(page.eval("client.connect().catch(({code}) => code)").await, "forbidden");
    site.refuse(Some(500));
    page.eval("void client.connect()").await;
    wait_is(&page, "client.connection.state", json!("reconnecting")).await;
    page.eval("client.close()").await;

    // by the gateway: asked twice, and then no more
    page.eval("globalThis.asked = 0; globalThis.bad = new CtiClient({storage: null, ticket: () => { asked += 1; return 'ticket_wrong' }})")
        .await;
    assert_eq!(
        page.eval("bad.connect().catch(({code, message}) => [code, message, asked])").await,
        json!(["ticket", "the ticket is not valid: get a new one", 2])
    );

    // a session that ends while the socket is open
    let sign_in = json!({"account": ACCOUNT, "login": ANNA, "password": PASSWORD});
    let server = t.url("");
    page.eval(&format!(
        "(async () => {{
            const headers = {{'Content-Type': 'application/json'}};
            const answer = await fetch('{server}/api/v1/sessions', {{method: 'POST', headers, body: JSON.stringify({sign_in})}});
            const {{ token }} = await answer.json();
            Object.assign(globalThis, {{ token, own: new CtiClient({{session: () => token, client: 'own/1'}}) }});
            await own.connect();
        }})()"
    ))
    .await;
    assert_eq!(page.eval("own.agent.login").await, ANNA);
    page.eval(&format!("fetch('{server}/api/v1/sessions/current', {{method: 'DELETE', headers: {{Authorization: `Bearer ${{token}}`}}}})"))
        .await;
    page.wait_for("own.connection.code === 'unauthorized'", SECONDS).await;
    let alien: Vec<String> =
        page.own_errors().into_iter().filter(|error| !["401", "403", "500"].iter().any(|status| error.contains(status))).collect();
    assert_eq!(alien, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_sees_what_is_for_him() {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let site = Site::open(&mut t).await;
    let browser = Browser::launch().await;
    let page = site.page(&browser).await;
    let (_, told) = answer(t.api(Method::POST, "/api/v1/ws-ticket").json(&json!({}))).await;
    page.eval(&format!("globalThis.floor = new CtiClient({{ticket: () => {}, agents: '*'}}); floor.connect()", told["ticket"])).await;
    assert_eq!(page.eval("[floor.agent, floor.connection.state]").await, json!([null, "connected"]));
    t.vtiger_at(QUIET_SECRET, "event=call_initiated&call_id=1&from=%2B4930123456&to=1002").await;
    t.vtiger_at(QUIET_SECRET, "event=call_initiated&call_id=2&from=%2B4930123457&to=1001").await;
    wait_is(&page, "floor.calls.map(({agent}) => agent)", json!(["agent2", "agent1"])).await;
    wait_is(&page, "client.calls.map(({phone}) => phone)", json!(["+4930123457"])).await;
    // a call that becomes another agent's leaves the one and comes to the other
    t.vtiger_at(QUIET_SECRET, "event=call_connected&call_id=2&to=1002").await;
    wait_is(&page, "[client.calls.length, changes.at(-1).slice(0, 2)]", json!([0, ["talk", "left"]])).await;
    wait_is(&page, "floor.calls.map(({agent, state}) => [agent, state])", json!([["agent2", "incoming"], ["agent2", "talk"]])).await;
    assert_eq!(page.eval("(() => { try { client.on('calls', () => {}) } catch (error) { return error.code } })()").await, "invalid");

    // a listener may close its client, or fail: the others hear all the same
    let closes = "const one = new CtiClient({...options, storage: null}); one.on('snapshot', () => one.close()); one.on('snapshot', () => heard.push('yes'))";
    page.eval(&format!("(() => {{ {closes}; globalThis.one = one; void one.connect() }})()")).await;
    wait_is(&page, "[heard.at(-1), one.connection.state, one.connection.code, one.position]", json!(["yes", "closed", "client", null]))
        .await;

    // another agent in the same tab is shown nothing of the one before
    t.vtiger_at(QUIET_SECRET, "event=call_initiated&call_id=3&from=%2B4930123458&to=1001").await;
    wait_is(&page, "client.calls.length", json!(1)).await;
    site.serves("agent2");
    page.open(&site.url("page.html")).await;
    wait_is(&page, "[client.connection.state, client.agent?.login, client.calls.length, snapshots]", json!(["connected", "agent2", 2, 1]))
        .await;
    assert_eq!(page.console_errors(), [""; 0]);
}
