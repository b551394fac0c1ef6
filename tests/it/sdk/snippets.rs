//! The manual's snippets run as they are written; only the gateway's name is put in.

use serde_json::json;

use super::{
    crm::Crm,
    site::{SECONDS, Site, telephones, wait_is},
};
use crate::support::{
    app::{Kind, TestApp},
    chromium::Browser,
};

const MANUAL: &str = include_str!("../../../docs/sdk.md");
const OPEN_CTI: &str = include_str!("../../../docs/open-cti.md");

/// The code blocks of a language, one after the other.
fn blocks(text: &str, language: &str) -> String {
    let open = format!("```{language}\n");
    text.split(&open).skip(1).filter_map(|rest| rest.split_once("```")).map(|(code, _)| code).collect::<Vec<_>>().join("\n")
}

/// Logs that the snippets' results are looked for in.
const KEEPS_LOG: &str = "globalThis.log = []; console.log = (...words) => { log.push(words.map(String).join(' ')) };";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manual_works() {
    let mut t = TestApp::start(Kind::Sqlite).await;
    let site = Site::open(&mut t).await;
    telephones(&t).await;
    let (client, shim) = MANUAL.split_once("\n## DynamicsTelephony\n").expect("two parts");
    let browser = Browser::launch().await;

    let module = blocks(client, "js").replace("https://cti.example", "SERVER");
    site.put("log.js", "text/javascript", KEEPS_LOG);
    site.put("manual.js", "text/javascript", &format!("{module}\nglobalThis.done = true;"));
    site.put("manual.html", "text/html", "<!doctype html><script src=log.js></script><script type=module src=manual.js></script>");
    let page = browser.page(&site.url("manual.html")).await;
    page.wait_for("globalThis.done", SECONDS).await;
    let log = page.eval("log.join('\\n')").await;
    let log = log.as_str().expect("text");
    for line in [
        "the connection is connecting",
        "the connection is connected",
        "agent1 has the calls",
        "I am ready",
        "ringing → talk",
        "true invalid digits",
    ] {
        assert!(log.contains(line), "{line:?} in:\n{log}");
    }
    page.wait_for("document.title === 'AGENT1: wrap_up, 1 calls'", SECONDS).await;
    assert_eq!(page.console_errors(), [""; 0]);
    page.close().await;

    site.put("shim.html", "text/html", &blocks(shim, "html").replace("https://cti.example", "SERVER"));
    site.put("phone-call.js", "text/javascript", &blocks(shim, "js"));
    t.api(reqwest::Method::POST, &format!("/api/v1/calls/{}/end_wrap", t.only_call().await["id"].as_str().expect("an id")))
        .json(&json!({}))
        .send()
        .await
        .expect("an answer");
    let page = browser.page(&site.url("shim.html")).await;
    page.wait_for("document.getElementById('state').textContent === 'talk +493055501901'", SECONDS).await;
    assert_eq!(page.console_errors(), [""; 0]);
}

#[test]
fn the_manual_names_everything() {
    let read = |file: &str| std::fs::read_to_string(format!("{}/web/sdk/{file}", env!("CARGO_MANIFEST_DIR"))).expect("a file");
    let client = read("cti.js");
    // the client's methods: two blanks, a name, a bracket
    let methods = client.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.split_once('(')?.0;
        (line.ends_with('{') && !name.is_empty() && name.chars().all(char::is_alphanumeric) && name != "constructor").then_some(name)
    });
    let methods: Vec<&str> = methods.collect();
    assert!(methods.len() > 18, "{methods:?}");
    for method in methods {
        assert!(MANUAL.contains(&format!("{method}(")), "{method} is not in the manual");
    }
    let (_, events) = client.split_once("#listeners = {").expect("the events");
    for line in events.lines().skip(1).take_while(|line| line.contains("new Set()")) {
        let name = line.trim().split_once(':').expect("a name").0;
        assert!(MANUAL.contains(&format!("| `{name}` |")), "{name} is not in the manual");
    }
    // the global's: capital letters, as keys of one object
    let shim = read("DynamicsTelephony.js");
    let (_, api) = shim.split_once("const api = {").expect("the methods");
    for line in api.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase)) {
        let name = line.split(['(', ':']).next().unwrap_or_default();
        assert!(MANUAL.contains(&format!("`{name}(")) || MANUAL.contains(&format!("`{name}`")), "{name} is not in the manual");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manual_of_open_cti_works() {
    let crm = Crm::open().await;
    let (host, guest) = OPEN_CTI.split_once("\n## A softphone of your own\n").expect("two parts");
    let page = blocks(host, "html").replace("https://cti.example", "SERVER");
    assert!(page.contains("data-client=\"acme.crm\""));
    crm.put("case.html", &page.replace("data-client=\"acme.crm\"", "data-softphone=\"PHONE/softphone.html\""));
    crm.put("cti.js", &blocks(host, "js"));
    crm.put("softphone.html", &blocks(guest, "html").replace("https://cti.example", "SERVER"));
    crm.put("softphone.js", &format!("{KEEPS_LOG}\n{}", blocks(guest, "js")));
    let page = crm.browser.page(&crm.url("case.html")).await;
    let phone = page.frame("/softphone.html").await;
    wait_is(&phone, "log.toSorted()", json!(["200", "The page is about Broken lamp"])).await;
    for (link, shown) in [("data-cti-number", "+493055501901 of case 42"), ("href='tel:+493055501902'", "+493055501902 of customer 7")] {
        page.eval(&format!("document.querySelector(\"a[{link}]\").click()")).await;
        wait_is(&phone, "document.querySelector('#number').textContent", json!(shown)).await;
    }
    let call = json!({"api": "cti_gateway", "version": "1.0", "method": "call", "payload": {"state": "talk", "phone": "+49301"}});
    phone.eval(&format!("parent.postMessage({call}, '{}')", crm.origin)).await;
    wait_is(&page, "document.querySelector('#call').textContent", json!("talk +49301")).await;
    assert_eq!(page.eval("CtiHost.frame.style.height").await, "300px");
    assert_eq!(crm.asked("/api/notes").len(), 1);
    assert_eq!(page.console_errors(), [""; 0]);
}

#[test]
fn the_manual_of_open_cti_names_everything() {
    let read = |file: &str| std::fs::read_to_string(format!("{}/web/sdk/{file}", env!("CARGO_MANIFEST_DIR"))).expect("a file");
    // keys of an object: blanks, a name, a bracket or a colon
    let keys = |file: &str, from: &str, indent: &str| {
        let text = read(file);
        let (_, object) = text.split_once(from).unwrap_or_else(|| panic!("{from} in {file}"));
        let end = format!("{}}};", &indent[2..]);
        let lines = object.lines().take_while(|line| *line != end);
        let names = lines.filter_map(|line| {
            let rest = line.strip_prefix(indent)?.trim_start_matches("get ");
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            (name.starts_with(char::is_lowercase) && rest[name.len()..].starts_with([':', '('])).then_some(name)
        });
        names.collect::<Vec<String>>()
    };
    for (file, from, indent, least) in [
        ("host/settings.js", "const FORMS = {\n", "  ", 20),
        ("host/main.js", "const api = {\n", "  ", 8),
        ("opencti.js", "const cti = {\n", "    ", 5),
        ("opencti.js", "const interaction = {\n", "    ", 6),
        ("opencti.js", "const desk = {\n", "    ", 2),
    ] {
        let names = keys(file, from, indent);
        assert!(names.len() >= least, "{file}: {names:?}");
        for name in names {
            let named = ["`", ".", ", `"]
                .iter()
                .any(|before| ["`", "(", "."].iter().any(|after| OPEN_CTI.contains(&format!("{before}{name}{after}"))));
            assert!(named, "{name} is not in the manual");
        }
    }
}
