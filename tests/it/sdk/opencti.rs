//! The global `desk` in a softphone's page: what it sends is what Desk's own library sent, and only its host is believed.

use serde_json::{Value, json};

use super::{
    crm::{Crm, settled},
    site::{SECONDS, wait_is},
};

/// A host by hand: it keeps what it is sent, and answers when it is told to.
const HOST: &str = r#"
var got = [];
addEventListener("message", (event) => { if (event.origin === "PHONE") got.push(event.data); });
var frame = document.createElement("iframe");
frame.src = "PHONE/phone.html?a=1&token=t-1&frameOrigin=" + encodeURIComponent(location.origin);
document.body.append(frame);
function say(message) { frame.contentWindow.postMessage(message, "PHONE"); }
"#;

const PAGE: &str = "<!doctype html><title>Host</title><body><script src=host-page.js></script>";

fn call(method: &str, more: &Value) -> Value {
    let mut message = json!({"method": method, "apiVersion": "0.0.1", "token": "t-1"});
    message.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wire_is_that_of_desk() {
    let crm = Crm::open().await;
    crm.put("host-page.js", HOST);
    crm.put("host.html", PAGE);
    let page = crm.browser.page(&crm.url("host.html")).await;
    let phone = page.frame("/phone.html").await;
    wait_is(&phone, "readied", json!(1)).await;
    // a callback that is no function is ignored, and there is no id without one
    phone
        .eval(
            "desk.interaction.screenPop('7', 'object=case'); desk.interaction.screenPop('8', 'object=case', 'no function');
             desk.interaction.searchAndScreenPop('Anna', 'object=customer'); desk.interaction.setVisible(true);
             desk.interaction.isVisible(null); desk.interaction.getPageInfo(7); desk.interaction.getUserInfo();
             desk.interaction.ajax('/a', {method: 'POST', data: {b: [1]}}); desk.ajax('/b'); desk.interaction.cti.ajax('/c', {});
             desk.getUserInfo(); desk.interaction.cti.getUserInfo();
             desk.interaction.cti.setSoftphoneHeight(1); desk.interaction.cti.setSoftphoneWidth(2.5);
             desk.interaction.cti.enableClickToDial(); desk.interaction.cti.disableClickToDial();
             desk.interaction.cti.onClickToDial('none'); desk.interaction.onFocus();
             desk.ready(7); desk.ready(() => { readied += 1; })",
        )
        .await;
    wait_is(&phone, "readied", json!(2)).await;
    let expected = json!([
        call("screenPop", &json!({"id": "7", "queryString": "object=case"})),
        call("screenPop", &json!({"id": "8", "queryString": "object=case"})),
        call("searchAndScreenPop", &json!({"searchString": "Anna", "queryParams": "object=customer"})),
        call("setVisible", &json!({"value": true})),
        call("isVisible", &json!({})),
        call("getPageInfo", &json!({})),
        call("getUserInfo", &json!({})),
        call("ajax", &json!({"url": "/a", "config": {"method": "POST", "data": {"b": [1]}}})),
        call("ajax", &json!({"url": "/b"})),
        call("ajax", &json!({"url": "/c", "config": {}})),
        call("getUserInfo", &json!({})),
        call("getUserInfo", &json!({})),
        call("setSoftphoneHeight", &json!({"height": 1})),
        call("setSoftphoneWidth", &json!({"width": 2.5})),
        call("enableClickToDial", &json!({})),
        call("disableClickToDial", &json!({})),
    ]);
    page.wait_for("got.length === 16", SECONDS).await;
    assert_eq!(page.eval("got").await, expected);
    assert_eq!(page.eval("got.some((message) => 'callbackId' in message)").await, false);

    answers_go_where_they_belong(&crm).await;
}

/// Callbacks hear once, listeners again and again; each response is one object.
async fn answers_go_where_they_belong(crm: &Crm) {
    let page = crm.browser.page(&crm.url("host.html")).await;
    let phone = page.frame("/phone.html").await;
    phone
        .eval(
            "globalThis.answers = [];
             const note = (name) => function (response) { answers.push([name, arguments.length, response, Object.keys(response)]) };
             desk.interaction.screenPop('7', 'object=case', note('pop')); desk.interaction.isVisible(note('visible'));
             desk.interaction.cti.onClickToDial(note('first')); desk.interaction.cti.onClickToDial(note('click'));
             desk.interaction.onFocus(() => { throw new Error('a listener that fails') }); desk.interaction.onFocus(note('focus'));
             desk.interaction.ajax('/a', {callback: note('ajax')})",
        )
        .await;
    page.wait_for("got.length === 7", SECONDS).await;
    assert_eq!(
        page.eval("got.slice(2, 6).map(({callbackId}) => callbackId)").await,
        json!(["onClickToDial", "onClickToDial", "onFocus", "onFocus"])
    );
    assert_eq!(page.eval("new Set([got[0], got[1], got[6]].map(({callbackId}) => callbackId)).size").await, 3);
    page.eval(
        "for (const at of [0, 1, 6, 0]) say({__postTarget: 'interaction', callbackId: got[at].callbackId, result: {at}});
         for (const n of [1, 2]) say({__postTarget: 'interaction', callbackId: 'onClickToDial', result: {n}});
         say({__postTarget: 'interaction', callbackId: 'onFocus', result: null, error: 'x'})",
    )
    .await;
    let expected = json!([
        ["pop", 1, {"at": 0}, ["result"]],
        ["visible", 1, {"at": 1}, ["result", "error"]],
        ["ajax", 1, {"at": 6}, ["result", "error"]],
        ["click", 1, {"n": 1}, ["result", "error"]],
        ["click", 1, {"n": 2}, ["result", "error"]],
        ["focus", 1, null, ["result", "error"]],
    ]);
    wait_is(&phone, "answers.map(([name, count, {result}, keys]) => [name, count, result, keys])", expected).await;
    assert_eq!(phone.eval("[desk.ignored, answers[5][2].error]").await, json!([1, "x"]), "the second answer to one question");
    assert_eq!(page.console_errors().len(), 1, "{:?}", page.console_errors());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_answers() {
    let crm = Crm::open().await;
    crm.put("host-page.js", HOST);
    crm.put("host.html", PAGE);
    let page = crm.browser.page(&crm.url("host.html")).await;
    let phone = page.frame("/phone.html").await;
    phone
        .eval(
            "globalThis.answers = []; desk.interaction.isVisible((answer) => answers.push(answer));
             desk.interaction.cti.onClickToDial((answer) => answers.push(answer))",
        )
        .await;
    page.wait_for("got.length === 2", SECONDS).await;
    let id = page.eval("got[0].callbackId").await;

    // what the host's origin says from elsewhere: a frame beside the softphone, one inside of it, and the softphone's own window
    let lie = |id: &Value| json!({"__postTarget": "interaction", "callbackId": id, "result": {"number": "1"}}).to_string();
    crm.put("liar.html", "<!doctype html><script src=liar.js></script>");
    crm.put(
        "liar.js",
        &format!(
            "for (const to of [parent, parent[0], parent.frames[0]]) for (const lie of [{}, {}]) to.postMessage(lie, '*')",
            lie(&id),
            lie(&json!("onClickToDial"))
        ),
    );
    for (at, address) in [crm.url("liar.html"), format!("{}/liar.html", crm.stranger)].iter().enumerate() {
        let before = phone.eval("desk.ignored").await.as_i64().expect("a count");
        let add = format!("var liar = document.createElement('iframe'); liar.src = '{address}'; document.body.append(liar)");
        (if at == 0 { &page } else { &phone }).eval(&add).await;
        phone.wait_for(&format!("desk.ignored >= {before} + 2"), SECONDS).await;
    }
    phone.eval(&format!("postMessage({}, '*')", lie(&id))).await;
    // and what the host says that is no answer
    let before = phone.eval("new Promise((later) => setTimeout(() => later(desk.ignored), 150))").await.as_i64().expect("a count");
    page.eval(
        "for (const odd of [null, 7, 'text', [], {}, {__postTarget: 'interaction'}, {__postTarget: 'interaction', callbackId: 7, result: 1},
             {__postTarget: 'interaction', callbackId: 'nobody', result: 1}, {__postTarget: 'interaction', callbackId: 'constructor'},
             {__postTarget: 'other', callbackId: got[0].callbackId, result: 1}]) say(odd);
         say({api: 'opencti_dialpad', version: '1.0', method: 'enable_current_tab'})",
    )
    .await;
    phone.wait_for("heard.at(-1)?.api === 'opencti_dialpad'", SECONDS).await;
    assert_eq!(phone.eval("[answers, desk.ignored]").await, json!([[], before + 10]));
    // nor does whoever frames it in the name of another
    crm.put("fraud.html", "<!doctype html><script src=fraud.js></script><body><iframe></iframe>");
    crm.put(
        "fraud.js",
        &format!(
            "addEventListener('load', () => {{ const frame = document.querySelector('iframe');
                 frame.onload = () => frame.contentWindow.postMessage({}, '*');
                 frame.src = 'PHONE/phone.html?token=t&frameOrigin={}'; }})",
            lie(&json!("onClickToDial")),
            crm.origin
        ),
    );
    let fraud = crm.browser.page(&format!("{}/fraud.html", crm.stranger)).await;
    let framed = fraud.frame("/phone.html").await;
    framed.eval("desk.interaction.cti.onClickToDial((answer) => clicks.push(answer))").await;
    framed.wait_for("heard.length === 1", SECONDS).await;
    fraud.eval(&format!("frames[0].postMessage({}, '*')", lie(&json!("onClickToDial")))).await;
    framed.wait_for("heard.length === 2", SECONDS).await;
    assert_eq!(framed.eval("[clicks, desk.ignored]").await, json!([[], 2]));
    // it still waits for its host
    page.eval("say({__postTarget: 'interaction', callbackId: got[0].callbackId, result: false})").await;
    wait_is(&phone, "answers.map(({result}) => result)", json!([false])).await;
    assert_eq!(page.console_errors(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_host_callbacks_hear_why() {
    let crm = Crm::open().await;
    crm.put("bare.html", "<!doctype html><title>x</title><iframe src='PHONE/phone.html?token=t&frameOrigin=javascript:0'></iframe>");
    let framed = crm.browser.page(&crm.url("bare.html")).await;
    let framed_phone = framed.frame("/phone.html").await;
    let own_origin = crm.phone.replace(':', "%3A");
    let alone = crm.browser.page(&format!("{}/phone.html?token=t&frameOrigin={own_origin}", crm.phone)).await;
    for phone in [&framed_phone, &alone] {
        let said = phone
            .eval(
                "(async () => [await ask('interaction.setVisible', true), await ask('interaction.getPageInfo'), (await ajax('/'))[1],
                     await ask('interaction.cti.onClickToDial'), desk.interaction.screenPop('1', 'object=case'), readied])()",
            )
            .await;
        let why = "There is no host: the softphone is not framed by a page that gives it token and frameOrigin.";
        let expected = json!([
            [false, why, true],
            [null, why, true],
            {"message": why, "status": 0, "statusText": ""},
            [null, why, true],
            null,
            1,
        ]);
        assert_eq!(said, expected);
    }
    settled(&alone).await;
    assert_eq!(alone.eval("heard").await, json!([]));
    assert_eq!((framed.console_errors(), alone.console_errors()), (vec![], vec![]));

    // what is no data is refused, and does not throw either
    crm.put("host-page.js", HOST);
    crm.put("host.html", PAGE);
    let page = crm.browser.page(&crm.url("host.html")).await;
    let phone = page.frame("/phone.html").await;
    let refused = phone.eval("ajax('/', {method: 'POST', data: () => 1})").await;
    assert!(refused[1]["message"].as_str().expect("text").contains("could not be cloned"), "{refused}");
}
