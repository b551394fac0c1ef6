//! The program as a server, and the commands beside it: what they write, it hears; `tail` and the demo.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    app::{GENERIC, PBXMANAGER, answer},
    figure,
    program::{Program, Running},
};

fn client() -> Client {
    cti_gateway::courier::install_tls();
    Client::builder().no_proxy().build().expect("a client")
}

/// An account with an agent and a gateway; the gateway's secret.
async fn add_account(program: &Program, name: &str, number: &str) -> String {
    program.record(&["account", "add", name]).await;
    program.record(&["agent", "add", "--account", name, "--login", "agent1", "--number", number]).await;
    let gateway = program.record(&["gateway", "add", "--account", name, "--name", "office"]).await;
    gateway["secret"].as_str().expect("a secret").to_owned()
}

fn webhook(base: &str, secret: &str, query: &str) -> RequestBuilder {
    client().post(format!("{base}{GENERIC}?{query}")).header("X-VTIGER-SECRET", secret)
}

async fn ring(base: &str, secret: &str, call: &str, to: &str) -> Value {
    let (status, body) = answer(webhook(base, secret, &format!("event=call_initiated&call_id={call}&from=%2B4930123456&to={to}"))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// Starts `tail --json` and waits until it is connected.
async fn tail(program: &Program, more: &[&str]) -> Running {
    let mut tail = program.start(&[&["tail", "--json"], more].concat());
    tail.err.wait("# connected").await;
    tail
}

/// The next event that it shows.
async fn event(tail: &mut Running) -> Value {
    serde_json::from_str(&tail.out.next().await).expect("an envelope")
}

/// Asks again and again until it holds; the time that took.
async fn until(what: &str, holds: impl AsyncFn() -> bool) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "measures how long another process takes")]
    let now = Instant::now;
    let since = now();
    while !holds().await {
        assert!(since.elapsed() < Duration::from_secs(5), "{what}: not within five seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    since.elapsed()
}

#[tokio::test]
async fn what_commands_write_beside_it_a_server_hears() {
    let mut program = Program::on_sqlite();
    let acme = add_account(&program, "acme", "1001").await;
    let (server, base) = program.serve().await;
    ring(&base, &acme, "1", "1001").await;
    // also senders that are found by their signature: the server has looked for one before
    let signed = |signature: &'static str| {
        client()
            .post(format!("{base}{PBXMANAGER}"))
            .header("vtigersignature", signature)
            .body("callstatus=StartApp&callUUID=1&callerIdNumber=2025550123")
    };
    let said = async |signature| signed(signature).send().await.expect("an answer").text().await.expect("text");
    assert!(said("key-of-beta").await.contains("Failure"));

    let beta = add_account(&program, "beta", "1001").await;
    let added =
        program.run_with(&["gateway", "add", "--account", "beta", "--name", "asterisk", "--signature-key-stdin"], "key-of-beta\n").await;
    assert_eq!(added.code, 0, "{}", added.err);
    let mut tail = tail(&program, &["--account", "beta"]).await;
    ring(&base, &beta, "1", "1001").await;
    let shown = event(&mut tail).await;
    assert_eq!(
        (&shown["account"], &shown["type"], &shown["data"]["state"], &shown["agent"]),
        (&json!("beta"), &json!("call.state"), &json!("incoming"), &json!("agent1"))
    );
    assert!(shown.get("op").is_none() && shown.get("prev").is_none(), "the envelope alone: {shown}");
    // a second is promised; a machine that is busy with other tests may take longer
    let took = until("the new account's signature is known", async || said("key-of-beta").await.contains("Success")).await;
    figure(&format!("a new gateway's signature was known after {took:?}"));

    program.record(&["agent", "add", "--account", "acme", "--login", "agent2", "--number", "1002"]).await;
    let calls = std::cell::Cell::new(0);
    let took = until("a new agent of an account in use is known", async || {
        calls.set(calls.get() + 1);
        let call = ring(&base, &acme, &format!("new-{}", calls.get()), "1002").await;
        let call = format!("{base}/api/v1/dialer-calls/{}", call["dialerCallId"].as_str().expect("an id"));
        let token = program.record(&["token", "add", "--account", "acme", "--scopes", "calls:read"]).await;
        let (status, shown) = answer(client().get(call).bearer_auth(token["token"].as_str().expect("a token"))).await;
        assert_eq!(status, StatusCode::OK, "a new token works at once");
        shown["agent"] == "agent2"
    })
    .await;
    figure(&format!("a new agent was known after {took:?}"));

    let token = program.record(&["token", "add", "--account", "acme", "--scopes", "calls:read"]).await;
    let list = || client().get(format!("{base}/api/v1/dialer-calls")).bearer_auth(token["token"].as_str().expect("a token"));
    assert_eq!(answer(list()).await.0, StatusCode::OK);
    let id = program.json(&["token", "list", "--account", "acme"]).await.pop().expect("a token")["id"].to_string();
    program.record(&["token", "revoke", "--account", "acme", &id]).await;
    let took = until("a revoked token is refused", async || answer(list()).await.0 == StatusCode::UNAUTHORIZED).await;
    figure(&format!("a token was refused {took:?} after it was revoked"));
    assert_eq!(tail.stop("INT").await.0, 0);
    assert_eq!(server.stop("TERM").await.0, 0);
}

#[tokio::test]
async fn tail_goes_on_where_it_was() {
    let mut program = Program::on_sqlite();
    let secret = add_account(&program, "acme", "1001").await;
    let (server, base) = program.serve().await;
    let mut first = tail(&program, &["--account", "acme"]).await;
    ring(&base, &secret, "1", "1001").await;
    let seen = event(&mut first).await["seq"].as_i64().expect("a seq");
    let (code, said) = first.stop("INT").await;
    assert_eq!(code, 0, "{said}");
    let hint = said.lines().find(|line| line.contains("to go on from here")).unwrap_or_else(|| panic!("no hint in {said}"));
    let words: Vec<&str> = hint.split_whitespace().collect();
    let after = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1]).expect("a value");
    assert_eq!(after("--after").parse::<i64>().expect("a seq"), seen);

    // without the resume it begins at the present; with it nothing is missed
    answer(webhook(&base, &secret, "event=call_connected&call_id=1")).await;
    let mut resumed =
        tail(&program, &["--account", "acme", "--after", after("--after"), "--epoch", after("--epoch"), "--type", "config.*"]).await;
    ring(&base, &secret, "2", "1001").await;
    let mut kinds = Vec::new();
    while kinds.last() != Some(&"incoming".to_owned()) {
        let event = event(&mut resumed).await;
        assert!(event["seq"].as_i64() > Some(seen), "no copy: {event}");
        kinds.push(event["data"]["state"].as_str().or(event["type"].as_str()).expect("a word").to_owned());
    }
    assert_eq!(kinds, ["talk", "config.token", "incoming"], "its own token was written in between");
    // it survives the server
    let (code, _) = server.stop("TERM").await;
    assert_eq!(code, 0);
    let lost = resumed.err.wait("trying again").await;
    assert!(lost.contains("4000"), "the server said that it stops: {lost}");
    let (server, base) = program.serve().await;
    resumed.err.wait("# connected").await;
    answer(webhook(&base, &secret, "event=call_hangup&call_id=2")).await;
    assert_eq!(event(&mut resumed).await["data"]["state"], "idle");
    let people = program.start(&["tail", "--account", "acme", "--agent", "agent1"]);
    let mut people = people;
    people.err.wait("1 live calls").await;
    ring(&base, &secret, "3", "1001").await;
    let line = people.out.next().await;
    assert!(["call.state", "incoming", "agent1", "inbound", "+4930123456"].iter().all(|word| line.contains(word)), "{line}");
    let epoch_needed = program.run(&["tail", "--account", "acme", "--after", "1"]).await;
    assert_eq!(epoch_needed.code, 2);
    assert!(epoch_needed.err.contains("--epoch"), "{}", epoch_needed.err);
    let unknown = program.refused(&["tail", "--account", "nobody"]).await;
    assert!(unknown.contains("no account \"nobody\""), "{unknown}");
    let program = program.with("CTI_TOKEN", "cti_wrong");
    let refused = program.refused(&["tail", "--account", "acme"]).await;
    assert!(refused.contains("401") && !refused.contains("cti_wrong"), "{refused}");
    for running in [resumed, people, server] {
        assert_eq!(running.stop("INT").await.0, 0);
    }
}

#[tokio::test]
async fn health_asks_the_server_itself() {
    let mut program = Program::on_sqlite().with("CTI_LISTEN", "127.0.0.1:1");
    let away = program.refused(&["health"]).await;
    assert!(away.contains("http://127.0.0.1:1/readyz"), "{away}");
    program.set("CTI_LISTEN", "127.0.0.1:0");
    let (server, base) = program.serve().await;
    let text = async |path: &str| client().get(format!("{base}{path}")).send().await.expect("an answer").text().await.expect("text");
    assert_eq!((text("/healthz").await, text("/readyz").await), ("ok\n".into(), "ready\n".into()));
    assert!(text("/metrics").await.contains("cti_committer_queue 0"));
    // a proxy for the outside world is no way to this machine
    program.set("HTTP_PROXY", "http://127.0.0.1:1");
    program.set("http_proxy", "http://127.0.0.1:1");
    let said = program.run(&["health"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "ready\n"), "{}", said.err);
    let taken = program.refused(&["serve"]).await;
    assert!(taken.contains("cannot listen on") && taken.contains("CTI_LISTEN="), "{taken}");
    assert_eq!(server.stop("INT").await.0, 0);
}

#[tokio::test]
async fn the_log_shows_no_secret_and_no_number() {
    let mut program = Program::on_sqlite().with("CTI_LOG", "debug").with("CTI_LOG_JSON", "false");
    let secret = add_account(&program, "acme", "1001").await;
    let token = program.record(&["token", "add", "--account", "acme", "--scopes", "calls:read,calls:write"]).await;
    let token = token["token"].as_str().expect("a token").to_owned();
    let (server, base) = program.serve().await;
    ring(&base, &secret, "1", "1001").await;
    ring(&base, &secret, "2", "%2B12025550123").await;
    answer(webhook(&base, "vt_a_wrong_secret", "event=call_initiated&call_id=1&from=%2B4930123456")).await;
    answer(client().get(format!("{base}/api/v1/dialer-calls?number=%2B4930123456&token={token}")).bearer_auth(&token)).await;
    let event = json!({"callId": "3", "event": "initiated", "from": "+4930123456", "to": "x"});
    answer(client().post(format!("{base}/api/v1/call-events")).bearer_auth(&token).json(&json!({"events": [event]}))).await;
    let (code, log) = server.stop("TERM").await;
    assert_eq!(code, 0);
    assert!(log.contains("serving"), "{log}");
    for hidden in [secret.as_str(), &token, "vt_a_wrong_secret", "4930123456", "2025550123"] {
        assert!(!log.contains(hidden), "{hidden} in the log:\n{log}");
    }
}

/// The words of a shell command: blanks part them, single quotes hold them together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The request that a curl line makes.
fn request(line: &str) -> RequestBuilder {
    let (mut method, mut headers, mut url) = (Method::GET, Vec::new(), None);
    let mut words = words(line).into_iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => method = words.next().and_then(|method| method.parse().ok()).expect("a method"),
            "-H" => headers.push(words.next().expect("a header")),
            address => url = Some(address.to_owned()),
        }
    }
    let request = client().request(method, url.expect("an address"));
    headers.iter().fold(request, |request, header| {
        let (name, value) = header.split_once(": ").expect("a header");
        request.header(name, value)
    })
}

/// Starts the demo; its curl lines and the code of its link.
async fn demo(program: &Program, calls: &str) -> (Running, Vec<String>, String) {
    let mut demo = program.start(&["demo", "--data", "demo", "--calls", calls]);
    let (mut lines, mut code) = (Vec::new(), String::new());
    loop {
        let line = demo.out.next().await;
        if let Some((_, rest)) = line.split_once("/console#code=") {
            code = rest.trim().to_owned();
        } else if line.trim_start().starts_with("curl ") {
            lines.push(line.trim().to_owned());
        } else if line.contains("Ctrl-C") {
            return (demo, lines, code);
        }
    }
}

#[tokio::test]
async fn the_lines_that_the_demo_prints_work() {
    let program = Program::on_sqlite();
    let (running, lines, code) = demo(&program, "120").await;
    assert_eq!(lines.len(), 7, "{lines:?}");
    for (line, state) in lines.iter().zip(["incoming", "talk", "end"]) {
        let (status, body) = answer(request(line)).await;
        assert_eq!((status, &body["state"]), (StatusCode::OK, &json!(state)), "{line}: {body}");
    }
    let taken = request(&lines[3]).send().await.expect("an answer").text().await.expect("text");
    assert_eq!(taken, "<br><br>Result:  OK");
    let (status, why) = answer(request(&lines[4])).await;
    assert!(status == StatusCode::OK && why["dial"].is_boolean() && why["reasons"].is_array(), "{why}");
    let (status, calls) = answer(request(&lines[5])).await;
    let mine =
        calls["items"].as_array().expect("items").iter().find(|call| call["attempts"][0]["callId"] == "mine-1").expect("my call").clone();
    assert_eq!(
        (status, &mine["to"], &mine["agent"]),
        (StatusCode::OK, &json!("Greta Sommer"), &json!("agent1")),
        "the demo knows its contacts"
    );
    let (status, events) = answer(request(&lines[6])).await;
    assert_eq!(status, StatusCode::OK);
    assert!(events["items"].as_array().is_some_and(|items| !items.is_empty()), "the simulated telephone system calls: {events}");

    let base = lines[0].split('\'').nth(1).and_then(|url| url.split(GENERIC).next()).expect("an address").to_owned();
    let sign_in = || client().post(format!("{base}/api/v1/sessions")).json(&json!({ "code": code }));
    let (status, session) = answer(sign_in()).await;
    assert_eq!((status, &session["account"], &session["login"]), (StatusCode::CREATED, &json!("demo"), &json!("operator")));
    assert_eq!(answer(sign_in()).await.0, StatusCode::UNAUTHORIZED, "once");
    let (exit, said) = running.stop("INT").await;
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("stopped") && !said.contains("was refused") && !said.contains("got no answer"), "{said}");

    let secrets = fs::metadata(program.folder.path().join("demo/secrets.json")).expect("a file");
    assert_eq!(secrets.permissions().mode() & 0o777, 0o600);
    let (again, new_lines, _) = demo(&program, "0").await;
    let token = |lines: &[String]| words(&lines[5])[2].clone();
    assert_eq!(token(&lines), token(&new_lines), "the same secrets as before");
    let open = new_lines[5].replace("limit=5", "status=open");
    assert_eq!(answer(request(&open)).await.1["items"], json!([]), "calls that were under way hung up");
    assert_eq!(again.stop("TERM").await.0, 0);
}
