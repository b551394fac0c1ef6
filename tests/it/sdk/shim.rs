//! The global `DynamicsTelephony`, driven by a page that knows nothing but its documented methods, events and words.

use cti_gateway::store::parties::NewParty;
use reqwest::Method;
use serde_json::{Value, json};

use super::site::{ANNA, PASSWORD, SECONDS, Site, THEIRS, telephones, wait_is};
use crate::support::{
    app::{ACCOUNT, Kind, TestApp, answer, both, number, token},
    chromium::{Browser, Page},
    floor::{campaign, put, ring_in},
};

const OTHER: &str = "+493055501902";
const CALLER: &str = "+4930123456";

/// The form of a phone call, as somebody writes it who has the documentation only.
const FORM: &str = r"
var log = [], results = [], printed = [];
var onEvent = function (ev) {
  printed.push(ev.dtEventArgs.toString());
  log.push(DynamicsTelephony.parseEventArgs(ev));
};
var registered = DynamicsTelephony.RegisterForEvents(onEvent);
var early = [DynamicsTelephony.GetCallDetails().state, DynamicsTelephony.Ready()];
document.addEventListener('dynamicstelephony:result', function (event) { results.push(event.detail); });
";

const KEYS: [&str; 18] = [
    "state",
    "stateTime",
    "type",
    "id",
    "direction",
    "phone",
    "outcome",
    "fromType",
    "fromId",
    "toType",
    "toId",
    "dtCallId",
    "isCallback",
    "retryDatetime",
    "dnis",
    "queueDn",
    "agentId",
    "extension",
];

/// Opens the form and waits until it is connected.
async fn form(site: &Site, browser: &Browser, attributes: &str) -> Page {
    site.put("form.js", "text/javascript", FORM);
    let script = format!("<script src='SERVER/sdk/DynamicsTelephony.js' data-ticket='/cti-ticket' {attributes}></script>");
    site.put("form.html", "text/html", &format!("<!doctype html><title>Phone call</title>{script}<script src=form.js></script>"));
    let page = browser.page(&site.url("form.html")).await;
    page.wait_for("DynamicsTelephony.connection.state === 'connected'", SECONDS).await;
    page
}

/// Calls a method that must be accepted, here and by the gateway.
async fn done(page: &Page, call: &str) {
    let before = page.eval("results.length").await;
    assert_eq!(page.eval(&format!("DynamicsTelephony.{call}")).await, true, "{call}: {}", page.eval("results").await);
    page.wait_for(&format!("results.length > {before}"), SECONDS).await;
    let result = page.eval("results.at(-1)").await;
    assert_eq!(result["ok"], true, "{call}: {result}");
}

/// Waits until the state of this page's call is told.
async fn told(page: &Page, state: &str) {
    wait_is(page, "log.at(-1)?.state", json!(state)).await;
}

/// Ends the wrap-up of all that is over.
async fn wrapped_up(page: &Page) {
    page.wait_for("(DynamicsTelephony.EndWrap(), DynamicsTelephony.GetAgentState() === 'Ready')", SECONDS).await;
}

/// Dials, and waits until somebody talks; the call.
async fn talking(page: &Page, method: &str) -> String {
    done(page, &format!("{method}('{THEIRS}')")).await;
    told(page, "talk").await;
    page.eval("DynamicsTelephony.GetCallDetails().dtCallId").await.as_str().expect("an id").to_owned()
}

async fn state_is(t: &TestApp, page: &Page, call: &str, state: &str) {
    for _ in 0..200 {
        if crate::support::floor::state(t, call).await == state {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{call} is not {state}: {}", page.eval("JSON.stringify([log, results])").await);
}

both! {
    async fn every_method_does_what_it_is_named_for(t: TestApp) {
        let mut t = t;
        let site = Site::open(&mut t).await;
        telephones(&t).await;
        put(&t, "ring-groups/Main", json!({"number": "+17815550100"})).await;
        let browser = Browser::launch().await;
        let page = form(&site, &browser, "").await;
        assert_eq!(page.eval("[registered, early]").await, json!([true, [null, true]]), "what is asked too early waits");
        wait_is(&page, "DynamicsTelephony.GetAgentState()", json!("Ready")).await;
        done(&page, "NotReady()").await;
        wait_is(&page, "DynamicsTelephony.GetAgentState()", json!("NotReady")).await;
        done(&page, "NotReady('lunch')").await;
        wait_is(&page, "DynamicsTelephony.GetAgentState()", json!("Away")).await;
        done(&page, "Ready()").await;
        wait_is(&page, "DynamicsTelephony.GetAgentState()", json!("Ready")).await;
        assert_eq!(page.eval("[DynamicsTelephony.Hold(), DynamicsTelephony.Answer(), DynamicsTelephony.Release(), results.at(-1).code]").await, json!([false, false, false, "refused"]));

        // a call, and what can be done in it
        let call = talking(&page, "Dial").await;
        let shown = page.eval("DynamicsTelephony.GetCallDetails()").await;
        let expected = [("state", json!("talk")), ("type", json!("phonecall")), ("direction", json!("clicktocall")), ("phone", json!(THEIRS)), ("agentId", json!("agent1")), ("fromType", json!("agent")), ("isCallback", json!(false)), ("id", Value::Null)];
        for (key, value) in expected {
            assert_eq!(shown[key], value, "{key}");
        }
        assert_eq!(page.eval("Object.keys(DynamicsTelephony.GetCallDetails())").await, json!(KEYS));
        for verb in ["SendDTMF('12#')", "SendDtmf('3')", "PlayFile('hello')", "Hold()"] {
            done(&page, verb).await;
        }
        state_is(&t, &page, &call, "hold").await;
        assert_eq!(page.eval("[DynamicsTelephony.GetCallDetails().state, log.map(({state}) => state)]").await, json!(["talk", ["ringing", "talk"]]));
        for (verb, state) in [("HoldResume()", "talk"), ("Hold()", "hold"), ("Resume()", "talk")] {
            done(&page, verb).await;
            state_is(&t, &page, &call, state).await;
            // the page hears of it a moment after the book
            page.wait_for("new Promise((later) => setTimeout(later, 100, true))", SECONDS).await;
        }
        assert_eq!(page.eval("DynamicsTelephony.Resume()").await, false, "it is not on hold");

        // a colleague is asked, and gets the call
        done(&page, &format!("ConsultTransfer('{OTHER}')")).await;
        wait_is(&page, "[log.at(-1).phone, log.at(-1).state]", json!([OTHER, "talk"])).await;
        assert_eq!(page.eval("DynamicsTelephony.CompleteTransfer('nonsense')").await, false);
        assert_eq!(page.eval("DynamicsTelephony.GetCallDetails().phone").await, OTHER, "the active one");
        done(&page, &format!("CompleteTransfer('{call}')")).await;
        wrapped_up(&page).await;

        // all speak with each other
        let first = talking(&page, "MakeCall").await;
        done(&page, &format!("Consult('{OTHER}')")).await;
        wait_is(&page, "[log.at(-1).phone, log.at(-1).state]", json!([OTHER, "talk"])).await;
        done(&page, &format!("Conference('{first}')")).await;
        state_is(&t, &page, &first, "talk").await;
        page.wait_for("new Promise((later) => setTimeout(later, 100, true))", SECONDS).await;
        done(&page, "Hangup()").await;
        wait_is(&page, "log.filter(({state}) => state === 'idle').length >= 1", json!(true)).await;
        page.wait_for("(DynamicsTelephony.HangUp(), DynamicsTelephony.EndWrap(), DynamicsTelephony.GetAgentState() === 'Ready')", SECONDS).await;

        // given away without a question
        talking(&page, "Call").await;
        done(&page, &format!("Transfer('{OTHER}')")).await;
        wrapped_up(&page).await;

        // somebody calls
        ring_in(&t, CALLER, "+17815550100").await;
        told(&page, "incoming").await;
        assert_eq!(page.eval("[log.at(-1).direction, log.at(-1).phone, log.at(-1).dnis]").await, json!(["inbound", CALLER, "+17815550100"]));
        done(&page, "Answer()").await;
        told(&page, "talk").await;
        done(&page, "EndCall()").await;
        told(&page, "idle").await;
        done(&page, "SetOutcome('No Answer')").await;
        wait_is(&page, "DynamicsTelephony.GetCallDetails().outcome", json!("No Answer")).await;
        done(&page, "SetOutcome('SALE')").await;
        wait_is(&page, "DynamicsTelephony.GetCallDetails().outcome", json!("Sale")).await;
        done(&page, "EndWrap()").await;
        told(&page, "end").await;
        assert_eq!(page.eval("[DynamicsTelephony.GetCallDetails().state, DynamicsTelephony.GetCallDetails().outcome]").await, json!(["end", "Sale"]), "the most recent one");

        each_state_was_told_once(&page).await;
        // what cannot be is refused, and nothing is thrown into the form
        assert_eq!(page.eval("[Object.create(null), {toString: null}].map((odd) => [DynamicsTelephony.Dial(odd), DynamicsTelephony.SendDTMF(odd)])").await, json!([[false, false], [false, false]]));
        page.eval("globalThis.button = document.createElement('button'); button.onclick = DynamicsTelephony.NotReady").await;
        done(&page, "Ready()").await;
        page.eval("button.click()").await;
        wait_is(&page, "DynamicsTelephony.GetAgentState()", json!("NotReady")).await;
        assert_eq!(page.console_errors(), [""; 0]);
        // over a reload its call is still the most recent one
        page.open(&site.url("form.html")).await;
        assert_eq!(page.eval("[DynamicsTelephony.GetCallDetails().state, DynamicsTelephony.GetCallDetails().outcome, early[0]]").await, json!(["end", "Sale", "end"]));
        // but not for somebody else who signs in in that tab
        site.serves("agent2");
        page.open(&site.url("form.html")).await;
        page.wait_for("DynamicsTelephony.connection.state === 'connected'", SECONDS).await;
        assert_eq!(page.eval("DynamicsTelephony.GetCallDetails().dtCallId").await, Value::Null);
    }

    async fn a_preview_is_a_call_of_its_page(t: TestApp) {
        let mut t = t;
        let site = Site::open(&mut t).await;
        telephones(&t).await;
        campaign(&t, "Spring", "preview", json!({})).await;
        let night = token(t.account, "cti_night", "leads:write,window:override");
        assert!(t.admin().add_token(ACCOUNT, &night).await.expect("the store"));
        let id = lead_by_night(&t, THEIRS).await;
        let browser = Browser::launch().await;
        let page = form(&site, &browser, "").await;
        told(&page, "preview").await;
        let shown = page.eval("DynamicsTelephony.GetCallDetails()").await;
        assert_eq!((&shown["phone"], &shown["toType"], &shown["toId"]), (&json!(THEIRS), &json!("lead"), &json!(id.to_string())), "{shown}");
        done(&page, &format!("Dial('{THEIRS}')")).await;
        told(&page, "talk").await;
        assert_eq!(t.calls().await.len(), 1, "the preview itself is dialed");
        done(&page, "Release()").await;
        told(&page, "idle").await;
        done(&page, "EndWrap()").await;
        // the next one is left out
        lead_by_night(&t, OTHER).await;
        told(&page, "preview").await;
        done(&page, "Release()").await;
        told(&page, "end").await;
        assert_eq!(page.eval("log.filter(({phone}) => phone !== log[0].phone).map(({state}) => state)").await, json!(["preview", "end"]));
    }
}

/// A lead that may be dialed at any hour: the test lives by the machine's clock.
async fn lead_by_night(t: &TestApp, number: &str) -> i64 {
    let lead = json!({"campaign": "Spring", "phone": number, "skipWindow": true});
    let (status, told) = answer(t.request(Method::POST, "/api/v1/leads").bearer_auth("cti_night").json(&lead)).await;
    assert!(status.is_success(), "{told}");
    told["lead"]["id"].as_i64().expect("an id")
}

/// Who forgets to say how to connect is told, and not left waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_does_not_say_how_to_connect_is_refused() {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let site = Site::open(&mut t).await;
    // the time is the test's
    let clock = "const later = setTimeout; globalThis.setTimeout = (act, ms) => ms === 10_000 ? (globalThis.due = act) : later(act, ms);";
    site.put("clock.js", "text/javascript", clock);
    site.put("form.js", "text/javascript", FORM);
    let scripts = "<script src=clock.js></script><script src='SERVER/sdk/DynamicsTelephony.js'></script><script src=form.js></script>";
    site.put("lost.html", "text/html", &format!("<!doctype html><title>Phone call</title>{scripts}"));
    let browser = Browser::launch().await;
    let page = browser.page(&site.url("lost.html")).await;
    page.eval("due()").await;
    assert_eq!(page.eval("DynamicsTelephony.connection.code").await, "not_configured");
    assert_eq!(
        page.eval("[early[1], results.map(({method, ok, code}) => [method, ok, code]), DynamicsTelephony.Dial('1')]").await,
        json!([true, [["Ready", false, "not_configured"]], false])
    );
    page.eval("DynamicsTelephony.configure({ticket: (signal) => fetch('/cti-ticket', {method: 'POST', signal})})").await;
    page.wait_for("DynamicsTelephony.connection.state === 'connected'", SECONDS).await;
    page.eval("due()").await;
    assert_eq!(page.eval("DynamicsTelephony.connection.state").await, "connected");
}

/// By call: known words only, none twice, the end last and once.
async fn each_state_was_told_once(page: &Page) {
    let log = page.eval("log.map(({dtCallId, state}) => [dtCallId, state])").await;
    let mut calls: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for entry in log.as_array().expect("a list") {
        let text = |at: usize| entry[at].as_str().expect("text").to_owned();
        calls.entry(text(0)).or_default().push(text(1));
    }
    assert!(calls.len() >= 6, "{calls:?}");
    for (call, states) in &calls {
        let place = |state: &String| ["preview", "incoming", "ringing", "talk", "idle", "end"].iter().position(|known| known == state);
        assert!(
            states.iter().all(|state| place(state).is_some()) && states.is_sorted_by(|one, other| place(one) < place(other)),
            "{call}: {states:?}"
        );
        assert_eq!(states.last().map(String::as_str), Some("end"), "{call}: {states:?}");
    }
    let parsed = page.eval("JSON.stringify(printed.map((text) => JSON.parse(text))) === JSON.stringify(log)").await;
    assert_eq!(parsed, true, "what is printed is what is parsed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_be_about_one_call() {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let site = Site::open(&mut t).await;
    telephones(&t).await;
    let browser = Browser::launch().await;
    let page = form(&site, &browser, "data-phone-call-id='pc-1'").await;
    t.vtiger(&format!("event=call_initiated&call_id=1&from={}&to=1001", CALLER.replace('+', "%2B"))).await;
    t.vtiger("event=call_hangup&call_id=1").await;
    talking(&page, "Dial").await;
    assert_eq!(
        page.eval("[log.map(({id, state}) => [id, state]), DynamicsTelephony.GetCallDetails().id]").await,
        json!([[["pc-1", "ringing"], ["pc-1", "talk"]], "pc-1"])
    );
    let call = page.eval("DynamicsTelephony.GetCallDetails().dtCallId").await;

    // the page is loaded anew in the middle of its call, and is told where that stands
    page.open(&site.url("form.html")).await;
    told(&page, "talk").await;
    assert_eq!(page.eval("log.map(({dtCallId, state}) => [dtCallId, state])").await, json!([[call, "talk"]]));
    // who comes late is told, too; and twice the same is once
    page.eval("globalThis.late = []; globalThis.lateOne = (ev) => late.push(DynamicsTelephony.parseEventArgs(ev).state)").await;
    assert_eq!(page.eval("[DynamicsTelephony.RegisterForEvents(lateOne), DynamicsTelephony.RegisterForEvents(lateOne), DynamicsTelephony.RegisterForEvents(7)]").await, json!([true, true, false]));
    wait_is(&page, "late", json!(["talk"])).await;
    page.eval("DynamicsTelephony.Release()").await;
    told(&page, "idle").await;
    wait_is(&page, "late", json!(["talk", "idle"])).await;
    // or by our own name of it; what such a page dials is its call then
    done(&page, "EndWrap()").await;
    page.eval(&format!("DynamicsTelephony.configure({{call: {call}, phoneCallId: ''}})")).await;
    page.wait_for("DynamicsTelephony.connection.state === 'connected'", SECONDS).await;
    let next = talking(&page, "Dial").await;
    assert_eq!(page.eval("late").await, json!(["talk", "idle", "end", "ringing", "talk"]));
    assert_ne!(json!(next), call);
    done(&page, "Release()").await;
    told(&page, "idle").await;

    let forms = page
        .eval("[{dtEventArgs: printed[0]}, printed[0], log[0], 'no JSON', null, undefined, 7].map((form) => DynamicsTelephony.parseEventArgs(form))")
        .await;
    for form in forms.as_array().expect("a list") {
        assert_eq!(form.as_object().expect("an object").keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>(), KEYS.into());
        assert_eq!((&form["type"], &form["isCallback"]), (&json!("phonecall"), &json!(false)));
    }
    assert_eq!(page.console_errors(), [""; 0]);

    // what cannot be had is said, and refused
    site.refuse(Some(401));
    page.open(&site.url("form.html")).await;
    page.wait_for("DynamicsTelephony.connection.code === 'unauthorized'", SECONDS).await;
    assert_eq!(
        page.eval("[results.map(({method, ok}) => [method, ok]), DynamicsTelephony.Dial('1')]").await,
        json!([[["Ready", false]], false])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_through_lists_events_and_runs_none() {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let _site = Site::open(&mut t).await;
    telephones(&t).await;
    // whoever names things may have bad intentions
    let evil = NewParty {
        kind: "contact".into(),
        id: "<img src=x>".into(),
        name: "Eve".into(),
        email: None,
        url: None,
        numbers: number(THEIRS).into_iter().collect(),
    };
    t.admin().put_parties((t.account, ACCOUNT), &[evil]).await.expect("the store");
    t.restart().await;
    let browser = Browser::launch().await;
    let page = browser.page(&t.url("/sdk/examples/walk-through.html")).await;
    let sign_in = json!({"account": ACCOUNT, "login": ANNA, "password": PASSWORD});
    page.eval(&format!(
        "for (const [name, value] of Object.entries({sign_in})) document.querySelector(`#sign-in [name=${{name}}]`).value = value;
         document.querySelector('#sign-in').requestSubmit()"
    ))
    .await;
    wait_is(&page, "document.querySelector('#connection').textContent", json!("connected")).await;
    page.eval(&format!(
        "document.querySelector('#dial [name=number]').value = '{THEIRS}'; document.querySelector('#dial').requestSubmit()"
    ))
    .await;
    let list = "[...window.open('', 'dtEventsWindow').document.querySelectorAll('div')]";
    wait_is(&page, &format!("{list}.map((line) => JSON.parse(line.textContent).state)"), json!(["ringing", "talk"])).await;
    assert_eq!(
        page.eval(&format!("[JSON.parse({list}[0].textContent).toId, window.open('', 'dtEventsWindow').document.images.length]")).await,
        json!(["<img src=x>", 0])
    );
    page.eval("document.querySelector('#hold').click()").await;
    page.eval("document.querySelector('#release').click()").await;
    wait_is(&page, &format!("{list}.length"), json!(3)).await;
    page.eval("document.querySelector('#release').click()").await;
    wait_is(&page, "document.querySelector('#refusal').textContent.startsWith('Release: No call')", json!(true)).await;
    assert_eq!(page.own_errors(), [""; 0]);
}
