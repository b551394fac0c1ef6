//! The host in a page of a CRM with a strict policy: each method of Open CTI, whom it believes, and what it tells beside.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    crm::{Crm, settled},
    site::{SECONDS, wait_is},
};
use crate::support::chromium::Page;

const RECORD: &str =
    "<meta name=cti-object content=case><meta name=cti-object-id content=42><meta name=cti-object-name content='Broken lamp'>";
/// Pops are kept instead of followed.
const KEEPS_POPS: &str = "globalThis.pops = []; CtiHost.configure({onScreenPop: (pop) => { pops.push(pop); return true; },";

/// What the shadow of the host's element shows.
const TREE: &str = "CtiHost.frame.getRootNode()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_softphone_is_framed_and_sized() {
    let crm = Crm::open().await;
    let (page, phone) = crm.page("", "").await;
    let frame = page.eval("['title', 'allow', 'sandbox', 'referrerpolicy'].map((name) => CtiHost.frame.getAttribute(name))").await;
    let expected = json!([
        "Softphone",
        "microphone; speaker-selection; autoplay; camera; display-capture; hid",
        "allow-popups allow-scripts allow-same-origin",
        "origin"
    ]);
    assert_eq!(frame, expected);
    let query = phone.eval("Object.fromEntries(new URLSearchParams(location.search))").await;
    assert_eq!(query["frameOrigin"], crm.origin);
    assert!(query["token"].as_str().expect("a token").len() >= 32, "{query}");
    assert_eq!(phone.eval("document.referrer").await, format!("{}/", crm.origin));

    // whatever the page's styles are, it stands at the lower right
    page.eval(
        "const sheet = new CSSStyleSheet();
         sheet.replaceSync('* { border: 3px solid red; margin: 9px; width: 100%; position: static; display: none }');
         sheet.insertRule('html, body { display: block }', 1); document.adoptedStyleSheets.push(sheet)",
    )
    .await;
    let rect = format!("const {{right, bottom, width}} = {TREE}.host.getBoundingClientRect()");
    let from = "document.documentElement";
    let box_of = format!("(() => {{ {rect}; return [{from}.clientWidth - right, {from}.clientHeight - bottom, width] }})()");
    assert_eq!(page.eval(&box_of).await, json!([16, 0, 402]));

    // shown, hidden, sized
    let shown = "(({width, height}) => [CtiHost.visible, width, height])(CtiHost.frame.getBoundingClientRect())";
    assert_eq!(page.eval("[CtiHost.frame.style.width, CtiHost.frame.style.height]").await, json!(["400px", "520px"]));
    assert_eq!(page.eval(&format!("{shown}[2] <= innerHeight - 60")).await, true, "it keeps inside of the window");
    for (method, argument, expected) in [
        ("cti.setSoftphoneHeight", "300", json!([true, 400, 300])),
        ("cti.setSoftphoneWidth", "250.5", json!([true, 250.5, 300])),
        ("setVisible", "false", json!([false, 0, 0])),
        ("setVisible", "true", json!([true, 250.5, 300])),
        ("cti.setSoftphoneHeight", "0", json!([true, 250.5, 0])),
    ] {
        assert_eq!(phone.eval(&format!("ask('interaction.{method}', {argument})")).await, json!([true, null, true]), "{method}");
        assert_eq!(page.eval(shown).await, expected, "{method}({argument})");
        assert_eq!(phone.eval("ask('interaction.isVisible')").await[0], expected[0]);
    }
    for wrong in ["-1", "NaN", "Infinity", "'300'", "null", "undefined", "{}"] {
        for side in ["Height", "Width"] {
            let said = phone.eval(&format!("ask('interaction.cti.setSoftphone{side}', {wrong})")).await;
            assert_eq!(
                said,
                json!([false, format!("{} must be a finite number of pixels, 0 or more.", side.to_lowercase()), true]),
                "{wrong}"
            );
        }
    }
    assert_eq!(phone.eval("ask('interaction.setVisible', 'yes')").await, json!([false, "setVisible: value must be true or false.", true]));

    // the agent folds it away with the keyboard's button, and it stays so on the next page
    let toggle = format!("{TREE}.querySelector('button')");
    page.eval(&format!("{toggle}.click()")).await;
    assert_eq!(page.eval(&format!("[CtiHost.visible, {toggle}.getAttribute('aria-expanded')]")).await, json!([false, "false"]));
    page.open(&crm.url("page.html")).await;
    page.wait_for("CtiHost.frame && !CtiHost.visible", SECONDS).await;
    assert_eq!(page.eval("[CtiHost.show(), CtiHost.visible, CtiHost.hide(), CtiHost.visible]").await, json!([true, true, true, false]));
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stands_where_the_page_wants_it_in_light_and_dark() {
    let crm = Crm::open().await;
    let attributes = "data-server=PHONE data-client=crm-1 data-place='#phone' data-height=200 data-title=Calls";
    crm.put_page("placed.html", attributes, "", "<div id=phone></div>");
    crm.put("apps/crm-1", "<!doctype html><title>app</title>");
    let page = crm.browser.page(&crm.url("placed.html")).await;
    page.frame("/apps/crm-1?token=").await;
    let shown = format!("[CtiHost.frame.title, {TREE}.host.parentElement.id, {TREE}.querySelector('button'), CtiHost.frame.clientHeight]");
    assert_eq!(page.eval(&shown).await, json!(["Calls", "phone", null, 200]));
    // such a softphone says nothing: after a while there is a readable line
    let notice = format!("{TREE}.querySelector('[role=status]')");
    let line = format!("The softphone does not show here: is {} among the origins of the client app?", crm.origin);
    wait_is(&page, &format!("{notice}.hidden ? '' : {notice}.textContent"), json!(line)).await;
    let mut looks = vec![];
    for dark in [false, true] {
        page.emulate_media(dark).await;
        looks.push(
            page.eval(&format!("(({{color, backgroundColor}}) => [color, backgroundColor])(getComputedStyle({notice}.parentElement))"))
                .await,
        );
    }
    assert_eq!(looks, [json!(["rgb(0, 0, 0)", "rgb(255, 255, 255)"]), json!(["rgb(255, 255, 255)", "rgb(18, 18, 18)"])]);
    assert_eq!(page.console_errors(), [""; 0]);

    // what cannot be is said
    for (wrong, why) in [
        ("{colour: 'red'}", "there is no setting \"colour\""),
        ("{ajaxPaths: '/api'}", "\"ajaxPaths\" must be a list of paths that begin with /"),
        ("{screenPop: {lead: '/'}}", "\"screenPop\" must be an object of addresses by customer, company and case"),
        ("{softphone: 'javascript:0'}", "\"softphone\" must be an http or https address"),
        ("{place: '#nowhere'}", "this page has no element #nowhere"),
        ("{pageInfo: {object: 'lead', objectId: '1'}}", "\"pageInfo\" must be null or {object"),
        ("7", "the configuration must be an object"),
    ] {
        let said =
            page.eval(&format!("(() => {{ try {{ CtiHost.configure({wrong}) }} catch (error) {{ return error.message }} }})()")).await;
        assert!(said.as_str().unwrap_or_default().contains(why), "{wrong}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_pop_by_their_addresses() {
    let crm = Crm::open().await;
    let templates = "screenPop: {case: '/cases/{id}', customer: 'people/{id}?of={object}', company: 'https://other.example/{id}'},
        list: {case: '/cases?q={text}', company: '/companies?q={text}'}});";
    let (page, phone) = crm.page(&format!("{KEEPS_POPS}{templates}"), "").await;
    for (id, query, url) in [
        ("7", "object=case", "/cases/7"),
        ("8", "object=case&view=1", "/cases/8"),
        ("a/b?c#d", "object=case", "/cases/a%2Fb%3Fc%23d"),
        ("$&", "?object=customer", "/people/%24%26?of=customer"),
    ] {
        assert_eq!(phone.eval(&format!("ask('interaction.screenPop', '{id}', '{query}')")).await, json!([true, null, false]), "{id}");
        let expected = json!({"object": query.split(['=', '&']).nth(1), "id": id, "url": crm.url(&url[1..]), "text": null});
        assert_eq!(page.eval("pops.at(-1)").await, expected);
    }
    for (object, url) in [("case", "cases?q=%2B49%2030"), ("company", "companies?q=%2B49%2030")] {
        let said = phone.eval(&format!("ask('interaction.searchAndScreenPop', '+49 30', 'object={object}')")).await;
        assert_eq!(said, json!([true, null, false]), "{object}");
        assert_eq!(page.eval("pops.at(-1)").await, json!({"object": object, "id": null, "url": crm.url(url), "text": "+49 30"}));
    }
    assert_eq!(phone.eval("ask('interaction.screenPop', 9, 'object=case')").await[0], true, "an id may be a number");
    let pops = page.eval("pops.length").await;
    let kinds = "object must be one of customer, company and case.";
    for (call, why) in [
        ("'screenPop', '7', 'object=company'", "https://other.example is another origin than this page's."),
        ("'screenPop', '..', 'object=case'", "\"..\" is no id."),
        ("'screenPop', '7', 'object=lead'", kinds),
        ("'screenPop', '7', ''", kinds),
        ("'screenPop', '7', 'object=case&object=case'", "\"object\" is given more than once."),
        ("'screenPop', '7', 7", "queryParams must be text, such as \"object=case\"."),
        ("'screenPop', {}, 'object=case'", "id must be text that is not empty."),
        ("'screenPop', '', 'object=case'", "id must be text that is not empty."),
        ("'searchAndScreenPop', ' ', 'object=case'", "searchString must be text that is not empty."),
        ("'searchAndScreenPop', {}, 'object=case'", "searchString must be text that is not empty."),
        ("'searchAndScreenPop', '1', 'object=lead'", kinds),
        ("'searchAndScreenPop', '1', 'object=customer'", "This page cannot search for customers."),
    ] {
        let said = phone.eval(&format!("ask('interaction.'+{call})")).await;
        assert_eq!((&said[0], &said[2]), (&json!(false), &json!(true)), "{call}");
        assert!(said[1].as_str().unwrap_or_default().ends_with(why), "{call}: {said}");
    }
    assert_eq!(page.eval("pops.length").await, pops, "what is refused pops nothing");
    page.eval("CtiHost.configure({popOrigins: ['https://other.example'], recordExists: (object, id) => id !== '404'})").await;
    assert_eq!(phone.eval("ask('interaction.screenPop', '7', 'object=company')").await[0], true);
    assert_eq!(
        phone.eval("ask('interaction.screenPop', '404', 'object=case')").await,
        json!([false, "Resource Object does not exist.", true])
    );

    // without a hook this page goes there; who is there already stays
    page.eval("globalThis.stays = true; CtiHost.configure({onScreenPop: () => {}, screenPop: {case: '/page.html?{id}'}})").await;
    crm.put("page.html.js", "CtiHost.configure({screenPop: {case: '/page.html?{id}'}})");
    phone.eval("ask('interaction.screenPop', '7', 'object=case')").await;
    page.wait_for("location.search === '?7' && !globalThis.stays && CtiHost.frame", SECONDS).await;
    page.eval("globalThis.stays = true").await;
    let phone = page.frame("/phone.html").await;
    assert_eq!(phone.eval("ask('interaction.screenPop', '7', 'object=case')").await[0], true);
    settled(&page).await;
    assert_eq!(page.eval("globalThis.stays").await, true);
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_softphone_learns_what_the_page_is_about_and_who_looks() {
    let crm = Crm::open().await;
    let user = "CtiHost.configure({user: async () => ({userId: '5', email: 'anna@example.com', secret: 1})})";
    let (page, phone) = crm.page(user, RECORD).await;
    let case = json!({"url": crm.url("page.html"), "objectId": "42", "object": "case", "objectName": "Broken lamp"});
    assert_eq!(phone.eval("ask('interaction.getPageInfo')").await, json!([case, null, false]));
    let expected = json!({
        "userId": "5", "email": "anna@example.com", "userName": null, "fullName": null, "profilePhotoUrl": null,
        "profileThumbnailUrl": null, "userType": null, "language": null, "locale": null, "siteUrl": crm.origin,
    });
    for path in ["interaction.getUserInfo", "getUserInfo", "interaction.cti.getUserInfo"] {
        assert_eq!(phone.eval(&format!("ask('{path}')")).await, json!([expected, null, false]));
    }
    // told when it is looked at, once; and when it is about something else
    phone.eval("desk.interaction.onFocus((response) => focused.push([response.result?.objectId, 'error' in response]))").await;
    // it was looked at before somebody asked
    wait_is(&phone, "focused", json!([["42", false]])).await;
    page.eval("dispatchEvent(new Event('focus')); document.dispatchEvent(new Event('visibilitychange'))").await;
    phone.eval("ask('interaction.isVisible')").await;
    assert_eq!(phone.eval("focused.length").await, 1);
    page.eval("dispatchEvent(new Event('blur')); document.dispatchEvent(new Event('visibilitychange')); dispatchEvent(new Event('focus'))")
        .await;
    let about = "{object: 'customer', objectId: 'c-1', objectName: 'Anna'}";
    page.eval(&format!("CtiHost.setPageInfo({about}); CtiHost.setPageInfo({about})")).await;
    wait_is(&phone, "focused.map(([id]) => id)", json!(["42", "42", "c-1"])).await;
    page.eval("CtiHost.setPageInfo(null); dispatchEvent(new Event('blur')); dispatchEvent(new Event('focus'))").await;
    let nothing = "This page is about no customer, company or case.";
    assert_eq!(phone.eval("ask('interaction.getPageInfo')").await, json!([null, nothing, true]));
    assert_eq!(phone.eval("focused.length").await, 3, "a page of no record is not told of");
    page.eval("CtiHost.configure({user: () => ({userId: () => 1})})").await;
    assert_eq!(phone.eval("ask('interaction.getUserInfo')").await, json!([null, "The page's answer cannot be sent.", true]));
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_its_own_softphone_is_believed() {
    let crm = Crm::open().await;
    let (page, phone) = crm.page(&format!("{KEEPS_POPS} screenPop: {{case: '/cases/{{id}}'}}}});"), "").await;
    let token = phone.eval("new URLSearchParams(location.search).get('token')").await;
    phone.eval("ask('interaction.isVisible')").await;
    let hide = json!({"method": "setVisible", "apiVersion": "0.0.1", "token": token, "callbackId": "x", "value": false}).to_string();
    let own = json!({"api": "cti_gateway", "version": "1.0", "method": "call", "payload": {"dtCallId": "1"}}).to_string();
    let listens = "globalThis.told = []; document.addEventListener('ctihost:call', ({detail}) => told.push(detail))";
    page.eval(&format!("{listens}; globalThis.zero = CtiHost.ignored")).await;

    // of the right origin, but from a frame inside of the softphone or beside it; of another origin, with everything right
    crm.put("liar.html", "<!doctype html><script src=liar.js></script>");
    crm.put("liar.js", &format!("for (const lie of [{hide}, {own}]) top.postMessage(lie, '*')"));
    let mut expected = 0;
    for (place, address) in [(&phone, &crm.phone), (&phone, &crm.stranger), (&page, &crm.phone), (&page, &crm.stranger)] {
        place
            .eval(&format!("var liar = document.createElement('iframe'); liar.src = '{address}/liar.html'; document.body.append(liar)"))
            .await;
        expected += 2;
        wait_is(&page, "CtiHost.ignored - zero", json!(expected)).await;
    }
    // the page's own scripts
    page.eval(&format!("postMessage({hide}, '*'); dispatchEvent(new MessageEvent('message', {{data: {own}, origin: '{}'}}))", crm.phone))
        .await;
    expected += 2;
    // the softphone itself, but not as agreed
    let odd = [
        hide.replace(token.as_str().expect("text"), "0000"),
        hide.replace("\"x\"", "7"),
        hide.replace("\"x\"", "\"\""),
        hide.replace("\"token\"", "\"toke\""),
        hide.replace("\"setVisible\"", "[\"setVisible\"]"),
        own.replace("1.0", "2.0"),
        own.replace("cti_gateway", "constructor"),
        own.replace("cti_gateway", "someone"),
        own.replace("\"call\"", "\"__proto__\""),
        own.replace("{\"dtCallId\":\"1\"}", "\"text\""),
        "null".into(),
        "7".into(),
        "'text'".into(),
        "[]".into(),
        "{}".into(),
    ];
    for one in &odd {
        phone.eval(&format!("raw({one})")).await;
        expected += 1;
        wait_is(&page, "CtiHost.ignored - zero", json!(expected)).await;
    }
    // believed, but not understood
    for (method, why) in [
        ("nonsense", "There is no method \"nonsense\"."),
        ("constructor", "There is no method \"constructor\"."),
        ("isVisible", "isVisible: there is no argument \"value\"."),
    ] {
        phone.eval(&format!("raw({})", hide.replace("setVisible", method))).await;
        wait_is(&phone, "heard.at(-1)?.error", json!(why)).await;
    }
    assert_eq!(page.eval("[CtiHost.visible, told, pops, CtiHost.ignored - zero]").await, json!([true, [], [], expected]));
    // these are the same messages, from whom they are believed
    phone.eval(&format!("raw({hide}); raw({own})")).await;
    wait_is(&page, "[CtiHost.visible, told]", json!([false, [{"dtCallId": "1"}]])).await;

    gone_elsewhere(&crm, &page, &phone, &hide.replace("false", "true")).await;
}

/// A softphone that has gone to another origin is no softphone.
async fn gone_elsewhere(crm: &Crm, page: &Page, phone: &Page, show: &str) {
    phone.eval(&format!("location.href = '{}/phone.html' + location.search", crm.stranger)).await;
    let gone = page.frame(&format!("{}/phone.html", crm.stranger)).await;
    wait_is(&gone, "location.pathname", json!("/phone.html")).await;
    let before = page.eval("CtiHost.ignored").await.as_i64().expect("a count");
    gone.eval(&format!("raw({})", show)).await;
    wait_is(page, "CtiHost.ignored", json!(before + 1)).await;
    assert_eq!(page.eval("CtiHost.visible").await, false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn softphone_and_page_tell_each_other_more() {
    let crm = Crm::open().await;
    let configuration = "globalThis.told = [];
        for (const name of ['call', 'connection', 'call_ringing', 'user_authentication', 'sign_in_failed'])
          document.addEventListener('ctihost:' + name, ({type, detail}) => told.push([type, detail]));
        CtiHost.configure({embedToken: '/embed-token', visible: false}); globalThis.early = CtiHost.dial('+49 (0)30 123');
        globalThis.shown = CtiHost.show();";
    let (page, phone) = crm.page(configuration, "").await;
    // what is asked before the softphone can listen waits for it
    let dialed = json!({"api": "cti_gateway", "version": "1.0", "method": "dial", "payload": {"number": "+4930123"}});
    phone.wait_for("heard.length > 0", SECONDS).await;
    assert_eq!(phone.eval("heard").await, json!([dialed]));
    assert_eq!(page.eval("[shown, CtiHost.visible]").await, json!([true, true]));
    assert_eq!(page.eval("[early, CtiHost.dial('abc'), CtiHost.dial('781-555-0100')]").await, json!([true, false, true]));
    wait_is(&phone, "heard.at(-1).payload.number", json!("7815550100")).await;

    let say = |api: &str, method: &str, payload: Value| {
        format!("raw({})", json!({"api": api, "version": "1.0", "method": method, "payload": payload}))
    };
    let shows = |hide: bool, message: String| {
        let (page, phone) = (&page, &phone);
        async move {
            page.eval("CtiHost.hide()").await;
            phone.eval(&message).await;
            phone.eval("ask('interaction.isVisible')").await;
            assert_eq!(page.eval("CtiHost.visible").await, hide, "{message}");
        }
    };
    shows(true, say("opencti_dialpad", "call_ringing", json!({"state": "on"}))).await;
    shows(false, say("opencti_dialpad", "call_ringing", json!({"state": "off"}))).await;
    shows(true, say("cti_gateway", "wants_attention", json!({}))).await;
    shows(false, say("cti_gateway", "connection", json!({"state": "connected"}))).await;
    shows(false, say("cti_gateway", "call", json!({"dtCallId": "dt-1"}))).await;
    shows(false, say("opencti_dialpad", "user_authentication", json!({"user_authenticated": true, "user_id": 7}))).await;
    let expected = json!([
        ["ctihost:call_ringing", {"state": "on"}],
        ["ctihost:call_ringing", {"state": "off"}],
        ["ctihost:connection", {"state": "connected"}],
        ["ctihost:call", {"dtCallId": "dt-1"}],
        ["ctihost:user_authentication", {"user_authenticated": true, "user_id": 7}],
    ]);
    assert_eq!(page.eval("told").await, expected);

    // asked twice at once, the token is fetched once
    phone.eval(&format!("{0}; {0}", say("cti_gateway", "sign_in_needed", json!({})))).await;
    let signed = json!([{"api": "cti_gateway", "version": "1.0", "method": "sign_in", "payload": {"token": "embed_1"}}]);
    phone.wait_for("heard.some(({method}) => method === 'sign_in')", SECONDS).await;
    assert_eq!(phone.eval("heard.filter(({method}) => method === 'sign_in')").await, signed);
    assert_eq!(crm.asked("/embed-token").iter().map(|(method, ..)| method.as_str()).collect::<Vec<_>>(), ["POST"]);
    for (source, token) in [("async () => 'embed_2'", "embed_2"), ("() => ({token: 'embed_3'})", "embed_3")] {
        page.eval(&format!("CtiHost.configure({{embedToken: {source}}})")).await;
        phone.eval(&say("cti_gateway", "sign_in_needed", json!({}))).await;
        wait_is(&phone, "heard.at(-1).payload.token", json!(token)).await;
    }
    // without one the agent is asked
    page.eval("CtiHost.hide(); CtiHost.configure({embedToken: () => ''})").await;
    phone.eval(&say("cti_gateway", "sign_in_needed", json!({}))).await;
    wait_is(&page, "[CtiHost.visible, told.at(-1)]", json!([true, ["ctihost:sign_in_failed", {"message": "embedToken gave no token."}]]))
        .await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(page.eval(&format!("{TREE}.querySelector('[role=status]').hidden")).await, true, "it has said something");
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_a_conversation_is_asked_first() {
    let crm = Crm::open().await;
    let (page, phone) = crm.page("", "").await;
    let asks =
        "(() => { const event = new Event('beforeunload', {cancelable: true}); dispatchEvent(event); return event.defaultPrevented; })()";
    let say = |talking: Value| {
        format!("raw({})", json!({"api": "cti_gateway", "version": "1.0", "method": "sound", "payload": {"talking": talking}}))
    };
    assert_eq!(page.eval(asks).await, false);
    for (talking, asked) in [(json!(true), true), (json!(false), false), (json!("yes"), false), (json!(true), true)] {
        phone.eval(&say(talking)).await;
        wait_is(&page, asks, json!(asked)).await;
    }
    // a frame that is loaded anew has lost it
    phone.eval("setTimeout(() => location.reload())").await;
    wait_is(&page, asks, json!(false)).await;
}
