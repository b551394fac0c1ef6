//! The manual's snippets run as they are written; only the gateway's name is put in.

use serde_json::json;

use super::site::{SECONDS, Site, telephones};
use crate::support::{
    app::{Kind, TestApp},
    chromium::Browser,
};

const MANUAL: &str = include_str!("../../../docs/sdk.md");

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
