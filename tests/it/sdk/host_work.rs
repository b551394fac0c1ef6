//! What the host does in the page and at its server: numbers that can be clicked, the one phone case of a call, and no more requests
//! than the page opens.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    crm::{Crm, settled},
    site::{SECONDS, wait_is},
};
use crate::support::chromium::Page;

/// The softphone listens twice and then wants clicks.
const LISTENS: &str = "desk.interaction.cti.onClickToDial((response) => clicks.push(response));
    desk.interaction.cti.onClickToDial((response) => clicks.push(response)); ask('interaction.cti.enableClickToDial')";

const NUMBERS: [(&str, &str); 14] = [
    ("Call +49 30 1234567 now", "+49301234567"),
    ("+493055501901", "+493055501901"),
    ("+49 (0)30 / 123 456", "+4930123456"),
    ("(+49 30 1234567)", "+49301234567"),
    ("Phone:+49\u{a0}30\u{a0}1234567.", "+49301234567"),
    ("0049 30 1234567", "0049301234567"),
    ("030 1234567", "0301234567"),
    ("(030) 123 45 67", "0301234567"),
    ("Tel.:030/1234567", "0301234567"),
    ("0170-1234567, or later", "01701234567"),
    ("781-555-0100", "7815550100"),
    ("(781) 555-0100!", "7815550100"),
    ("1 781.555.0100", "17815550100"),
    ("781\u{2011}555\u{2011}0100", "7815550100"),
];

const NO_NUMBERS: [&str; 22] = [
    "01.02.2024 12:30",
    "2024-01-02 03:04:05",
    "05/06/2024 12",
    "192.168.100.200",
    "1.234.567,89 €",
    "$781 555 0100",
    "DE89 3704 0044 0532 0130 00",
    "4111 1111 1111 1111",
    "978-3-16-148410-0",
    "Order 2024-001234",
    "ID 000123456789",
    "7815550100",
    "#781-555-0100",
    "v1.781.555.0100",
    "https://x.example/781-555-0100",
    "a781-555-0100",
    "781-555-0100kg",
    "781-555-01001",
    "12 345 678",
    "+49 30",
    "+1 2345 6789 0123 4567 89",
    "081-555-0100 %",
];

async fn links(page: &Page) -> Value {
    page.eval("[...document.querySelectorAll('a[data-cti-number]')].map((link) => [link.textContent, link.getAttribute('href')])").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_in_running_text_are_found_with_care() {
    let crm = Crm::open().await;
    let (page, phone) = crm.page("", "").await;
    let texts: Vec<&str> = NUMBERS.iter().map(|(text, _)| *text).chain(NO_NUMBERS).collect();
    page.eval(&format!(
        "for (const text of {}) {{ const line = document.createElement('p'); line.textContent = text; document.body.append(line) }}",
        json!(texts)
    ))
    .await;
    let lines =
        "[...document.querySelectorAll('p')].map((line) => [line.textContent, line.querySelector('a')?.getAttribute('href') ?? null])";
    phone.eval(LISTENS).await;
    let expected: Vec<Value> = NUMBERS.iter().map(|(text, number)| json!([text, format!("tel:{number}")])).collect();
    let none = NO_NUMBERS.iter().map(|text| json!([text, null]));
    assert_eq!(page.eval(lines).await, json!(expected.into_iter().chain(none).collect::<Vec<_>>()));
}

const CLICKS: &str = "
    <p id=text>Ring 030 1234567 or <b>+49 30 7654321</b>.</p>
    <div data-cti-object=customer data-cti-id=c-7><a id=tel href='tel:+49-30-111;ext=5'>Anna</a>
      <span id=marked data-cti-phone='+49 30 222'>call</span><button id=button data-cti-phone='+49 30 333'>call</button></div>
    <div data-cti-object=lead data-cti-id=1><a id=lead href='tel:+4930444'>x</a></div>
    <div data-cti-object=case data-cti-id=404><a id=unknown href='tel:+4930555'>x</a></div>
    <section id=apart><input id=input value='030 1234567'><textarea>030 1234567</textarea><a href=/x>030 1234567</a>
      <button>030 1234567</button><div contenteditable id=edited>030 1234567</div><code>030 1234567</code>
      <div data-cti-no-dial>030 1234567</div><select><option>030 1234567</option></select></section>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_dials_once_and_tells_whose_number_it_is() {
    let crm = Crm::open().await;
    let configuration = "CtiHost.configure({pageInfo: {object: 'case', objectId: '42'}, recordExists: async (object, id) => id !== '404'})";
    let (page, phone) = crm.page(configuration, CLICKS).await;
    let before = page.eval("document.body.innerHTML").await;
    phone.eval("desk.interaction.cti.onClickToDial((response) => clicks.push(response)); ask('interaction.isVisible')").await;
    page.eval("document.querySelector('#marked').click()").await;
    assert_eq!(phone.eval(LISTENS).await, json!([true, null, true]));
    assert_eq!(links(&page).await, json!([["030 1234567", "tel:0301234567"], ["+49 30 7654321", "tel:+49307654321"]]));
    assert_eq!(
        page.eval("[...document.querySelectorAll('#marked, #button')].map(({tabIndex, role}) => [tabIndex, role])").await,
        json!([[0, "button"], [0, null]])
    );

    // by mouse and by keyboard; a double click is one
    page.eval("globalThis.outside = 0; document.body.addEventListener('click', () => { outside += 1 })").await;
    let click = |selector: &str| format!("document.querySelector('{selector}').click()");
    let double = "document.querySelector('#tel').dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, detail: 2}))";
    let key =
        "document.querySelector('#marked').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}))";
    for action in [
        click("#text a"),
        click("#text b a"),
        click("#tel"),
        double.into(),
        click("#marked"),
        key.into(),
        click("#button"),
        click("#lead"),
        click("#unknown"),
    ] {
        page.eval(&action).await;
        settled(&page).await;
    }
    let of = |number: &str, object: &str, id: &str| json!([{"number": number, "objectId": id, "object": object}, null]);
    let missing = json!([null, "Resource Object does not exist."]);
    let expected = json!([
        of("0301234567", "case", "42"),
        of("+49307654321", "case", "42"),
        of("+4930111", "customer", "c-7"),
        of("+4930222", "customer", "c-7"),
        of("+4930222", "customer", "c-7"),
        of("+4930333", "customer", "c-7"),
        missing,
        missing,
    ]);
    assert_eq!(phone.eval("clicks.map(({result, error}) => [result, error ?? null])").await, expected);
    assert_eq!(page.eval("outside").await, 6, "around a number in running text the page sees no click");
    page.eval("CtiHost.setPageInfo(null); document.querySelector('#text a').click()").await;
    wait_is(&phone, "[clicks.length, clicks.at(-1).result?.object, clicks.at(-1).result?.number]", json!([9, null, "0301234567"])).await;

    // all is undone, and nothing dials
    assert_eq!(phone.eval("ask('interaction.cti.disableClickToDial')").await, json!([true, null, true]));
    assert_eq!(page.eval("document.body.innerHTML").await, before);
    page.eval("addEventListener('click', (event) => event.preventDefault())").await;
    for id in ["#tel", "#marked", "#button"] {
        page.eval(&click(id)).await;
    }
    settled(&page).await;
    assert_eq!(phone.eval("clicks.length").await, 9);
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_may_change_what_was_made_clickable() {
    let crm = Crm::open().await;
    let (page, phone) = crm
        .page(
            "",
            "<p id=one>Ring 030 1234567 today</p><p id=two>030 7654321</p><p id=four></p><p id=three>030 1111111 x</p><div id=later></div>",
        )
        .await;
    page.eval("document.querySelector('#four').append('or ', '030 7654321', ' or')").await;
    phone.eval(LISTENS).await;
    // a framework holds on to its text nodes, and writes into them
    page.eval("globalThis.held = document.querySelector('#one').firstChild; held.data = 'Ring 781-555-0100 now'").await;
    wait_is(&page, "document.querySelector('#one').textContent", json!("Ring 781-555-0100 now")).await;
    assert_eq!(page.eval("document.querySelector('#one a').getAttribute('href')").await, "tel:7815550100");
    page.eval("held.data = 'nobody'").await;
    wait_is(&page, "document.querySelector('#one').innerHTML", json!("nobody")).await;
    page.eval("held.data = 'again 030 1234567'").await;
    page.wait_for("document.querySelector('#one a')", SECONDS).await;
    page.eval("held.remove()").await;
    wait_is(&page, "document.querySelector('#one').innerHTML", json!("")).await;
    // what is merged stays
    for (id, text) in [("two", "030 7654321"), ("four", "or 030 7654321 or")] {
        page.eval(&format!("globalThis.link = document.querySelector('#{id} a'); link.parentElement.normalize()")).await;
        page.wait_for(&format!("!link.isConnected && document.querySelector('#{id} a')"), SECONDS).await;
        assert_eq!(page.eval(&format!("document.querySelector('#{id}').textContent")).await, text);
    }
    // what is edited is the page's
    page.eval("document.querySelector('#three').contentEditable = 'true'").await;
    wait_is(&page, "document.querySelector('#three').innerHTML", json!("030 1111111 x")).await;
    // what comes later
    page.eval(
        "const late = document.createElement('p'); late.append('+49 30 9999999'); const marked = document.createElement('span');
         marked.dataset.ctiPhone = '+49 30 888'; document.querySelector('#later').append(late, marked)",
    )
    .await;
    page.wait_for("document.querySelector('#later a[href=\"tel:+49309999999\"]')", SECONDS).await;
    assert_eq!(page.eval("document.querySelector('#later span').role").await, "button");
    page.eval("document.querySelector('#later span').removeAttribute('data-cti-phone')").await;
    wait_is(&page, "document.querySelector('#later span').outerHTML", json!("<span></span>")).await;
    assert_eq!(page.console_errors(), [""; 0]);
}

const CASES: &str = "globalThis.pops = []; CtiHost.configure({searchUrl: '/search?object={object}&q={text}', createCaseUrl: '/cases',
    screenPop: {case: '/cases/{id}'}, headers: () => ({'X-Csrf': 'c-1'}),
    onScreenPop: ({object, id}) => { pops.push([object, id]); return true; }});";

fn search(text: &str, more: &str) -> String {
    format!("ask('interaction.searchAndScreenPop', '{text}', 'object=customer{more}')")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_gets_one_phone_case_for_a_call() {
    let crm = Crm::open().await;
    let (page, phone) = crm.page(CASES, "").await;
    crm.finds(&["c-1"]);
    let done = json!([true, null, false]);
    // twice at once, and once more
    let twice = format!("Promise.all([{0}, {0}])", search("+49 30 1", "&call=dt-1"));
    assert_eq!(phone.eval(&twice).await, json!([done, done]));
    assert_eq!(phone.eval(&search("another text", "&call=dt-1")).await, done);
    let made = crm.asked("/cases");
    assert_eq!(made.len(), 1, "{made:?}");
    let (method, _, details) = &made[0];
    assert_eq!(
        (method.as_str(), &details["key"], &details["csrf"], &details["kind"]),
        ("POST", &json!("c-1:dt-1"), &json!("c-1"), &json!("application/json"))
    );
    let sent: Value = serde_json::from_str(details["data"].as_str().expect("text")).expect("JSON");
    assert_eq!(sent, json!({"customerId": "c-1", "call": "dt-1", "text": "+49 30 1"}));
    assert_eq!(crm.asked("/search")[0].1, "/search?object=customer&q=%2B49%2030%201");
    assert_eq!(page.eval("pops").await, json!([["case", "1"], ["case", "1"], ["case", "1"]]));

    // the call that the softphone told of last; without one, the text
    assert_eq!(phone.eval(&search("text", "")).await, done);
    let told = json!({"api": "cti_gateway", "version": "1.0", "method": "call", "payload": {"dtCallId": "dt-2"}});
    phone.eval(&format!("raw({told})")).await;
    assert_eq!(phone.eval(&search("text", "")).await, done);
    let keys = |crm: &Crm| crm.asked("/cases").iter().map(|(.., details)| details["key"].clone()).collect::<Vec<_>>();
    assert_eq!(keys(&crm), [json!("c-1:dt-1"), json!("c-1:text"), json!("c-1:dt-2")]);

    // also across a reload
    page.open(&crm.url("page.html")).await;
    let phone = page.frame("/phone.html").await;
    for more in ["&call=dt-1", "&call=dt-2", ""] {
        assert_eq!(phone.eval(&search("text", more)).await, done);
    }
    assert_eq!(page.eval("pops").await, json!([["case", "1"], ["case", "3"], ["case", "3"]]));
    assert_eq!(crm.asked("/cases").len(), 3);

    // another customer in the same call has his own; what failed may be tried again
    crm.finds(&["c-2"]);
    crm.refuses_cases(Some(500));
    assert_eq!(phone.eval(&search("text", "")).await, json!([false, "The server answered 500 Internal Server Error", true]));
    crm.refuses_cases(None);
    assert_eq!(phone.eval(&search("text", "")).await, done);
    assert_eq!(keys(&crm)[3..], [json!("c-2:dt-2"), json!("c-2:dt-2")]);

    // the page is left while the case is being created: there is no second one
    crm.creates_within(Duration::from_secs(30));
    phone.eval(&format!("void {}", search("text", "&call=dt-3"))).await;
    for _ in 0..100 {
        if crm.asked("/cases").len() == 6 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    page.open(&crm.url("page.html")).await;
    let phone = page.frame("/phone.html").await;
    let said = phone.eval(&search("text", "&call=dt-3")).await;
    assert_eq!(
        said,
        json!([false, "The phone case of this call was being created when the page was left. It is not created again.", true])
    );
    assert_eq!(crm.asked("/cases").len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_customer_gets_a_phone_case() {
    let crm = Crm::open().await;
    let (page, phone) =
        crm.page("CtiHost.configure({searchUrl: '/search?q={text}', createCaseUrl: '/cases', screenPop: {case: '/cases/{id}'}})", "").await;
    for (found, why) in [(&[][..], "No customer was found."), (&["c-1", "c-2"], "2 customers were found.")] {
        crm.finds(found);
        assert_eq!(phone.eval(&search("x", "")).await, json!([false, why, true]));
    }
    // by hooks, and with a list
    page.eval(
        "globalThis.made = []; globalThis.pops = []; globalThis.found = [{id: 7}];
         CtiHost.configure({search: (object, text) => found, list: {customer: '/people?q={text}'},
             onCreatePhoneCase: async (wanted) => { made.push(wanted); return {id: 'k-1'} },
             onScreenPop: ({url}) => { pops.push(new URL(url).pathname); return true }})",
    )
    .await;
    assert_eq!(phone.eval(&search("x", "&call=dt-9")).await, json!([true, null, false]));
    assert_eq!(page.eval("made").await, json!([{"customerId": "7", "call": "dt-9", "text": "x", "key": "7:dt-9"}]));
    page.eval("found = {items: []}").await;
    assert_eq!(phone.eval(&search("x", "")).await[0], true);
    assert_eq!(page.eval("pops").await, json!(["/cases/k-1", "/people"]));
    for (odd, why) in [("'text'", "The search did not answer {items: [{id}]}."), ("[{}]", "The search did not answer {items: [{id}]}.")] {
        page.eval(&format!("found = {odd}")).await;
        assert_eq!(phone.eval(&search("x", "")).await, json!([false, why, true]), "{odd}");
    }
    page.eval("found = [{id: 8}]; CtiHost.configure({onCreatePhoneCase: () => { throw new Error('no more cases') }})").await;
    assert_eq!(phone.eval(&search("x", "")).await, json!([false, "no more cases", true]));
    assert_eq!(crm.asked("/cases"), []);
}

/// What servers and browsers may read in more ways than one, or what is not opened.
const REFUSED_PATHS: [&str; 41] = [
    "/secret",
    "/apiary",
    "/api/../secret",
    "/api/./x",
    "/api/..",
    "/api/%2e%2e/secret",
    "/api/%2E%2E/secret",
    "/api/.%2e/secret",
    "/api/..%2fsecret",
    "/api/..%5csecret",
    "/api/..\\\\secret",
    "\\\\\\\\stranger/api",
    "/api/..;/secret",
    "/api/..;a=b/secret",
    "/api/%252e%252e/secret",
    "/api//x",
    "//stranger/api/x",
    "///stranger/api/x",
    "/\\\\stranger/api",
    "/api/\\t../secret",
    "\\n/api/x",
    " /api/x",
    "/api/x\\u0000",
    "api/x",
    "../api/x",
    "?a",
    "",
    "#",
    "/v2/open",
    "/v2/opener/x",
    "javascript:0",
    "data:,x",
    "http:/api/x",
    "http:api/x",
    "STRANGER/api/x",
    "http://user:pw@HOST/api/x",
    "http://HOST/api/../secret",
    "http://HOST@127.0.0.1/api/x",
    "blob:http://HOST/api",
    "http://HOST:1/api/x",
    "https://HOST/api/x",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_where_the_page_allows() {
    let crm = Crm::open().await;
    let (page, phone) = crm.page("", "").await;
    assert_eq!(phone.eval("ajax('/api/x')").await[1]["message"], "ajax: this page does not open /api/x.");
    page.eval("CtiHost.configure({ajaxPaths: ['/api', '/v2/open/']})").await;
    for (call, got) in [
        ("'/api/x?a=1%2F2&b=..#z'", json!({"got": "GET", "path": "/api/x?a=1%2F2&b=..", "data": ""})),
        ("'/api/x', {method: 'delete'}", json!({"got": "DELETE", "path": "/api/x", "data": ""})),
        ("'/api/x', {method: 'POST', data: {a: [1]}}", json!({"got": "POST", "path": "/api/x", "data": "{\"a\":[1]}"})),
        ("'/api/x', {method: 'PUT', data: 'a=1'}", json!({"got": "PUT", "path": "/api/x", "data": "a=1"})),
        ("'/api/x', {method: 'PATCH', data: [1]}", json!({"got": "PATCH", "path": "/api/x", "data": "[1]"})),
        ("location.ancestorOrigins[0] + '/api/x'", json!({"got": "GET", "path": "/api/x", "data": ""})),
        ("'/api/text'", json!("plain")),
    ] {
        let said = phone.eval(&format!("ajax({call})")).await;
        assert_eq!(said, json!([{"data": got, "status": 200, "statusText": "OK"}, null]), "{call}");
    }
    let kinds: Vec<Value> = crm.asked("/api").iter().map(|(.., details)| details["kind"].clone()).collect();
    assert_eq!(
        kinds,
        [json!(null), json!(null), json!("application/json"), json!("text/plain"), json!("application/json"), json!(null), json!(null)]
    );

    let before = crm.asked("/").len();
    let host = crm.origin.replace("http://", "");
    for path in REFUSED_PATHS {
        let path = path.replace("STRANGER", &crm.stranger).replace("HOST", &host);
        let said = phone.eval(&format!("ajax('{path}')")).await;
        assert_eq!((&said[0], &said[1]["status"], &said[1]["statusText"]), (&json!(null), &json!(0), &json!("")), "{path}: {said}");
        assert!(said[1]["message"].as_str().unwrap_or_default().starts_with("ajax: "), "{path}: {said}");
    }
    for (call, why) in [
        ("7", "ajax: url must be text."),
        ("'/api/x', {method: 'TRACE'}", "ajax: method must be one of GET, POST, PUT, PATCH, DELETE."),
        ("'/api/x', {method: 7}", "ajax: method must be one of GET, POST, PUT, PATCH, DELETE."),
        ("'/api/x', {headers: {}}", "ajax: there is no option \"headers\"."),
        ("'/api/x', {data: 'x'}", "ajax: GET takes no data."),
        ("'/api/x', {method: 'POST', data: 7}", "ajax: data must be text, an object or an array."),
    ] {
        assert_eq!(phone.eval(&format!("ajax({call})")).await[1]["message"], why, "{call}");
    }
    assert_eq!(crm.asked("/").len(), before, "none of them was sent");
    // what the server refuses is told as it says it; and it sends nobody elsewhere
    page.eval("CtiHost.configure({ajaxPaths: ['/']})").await;
    let missing = json!([null, {"message": "The server answered 404 Not Found", "status": 404, "statusText": "Not Found"}]);
    assert_eq!(phone.eval("ajax('/nothing')").await, missing);
    let away = phone.eval("ajax('/api/away')").await;
    assert_eq!(away[1]["status"], 0, "{away}");
    assert_eq!(crm.asked("/secret"), []);
}
