//! The commands that set a store up and look after it, as the program runs them.

use std::fs;

use serde_json::{Value, json};

use crate::support::program::Program;

/// A store with the account `acme`.
async fn with_account() -> Program {
    let program = Program::on_sqlite();
    assert_eq!(program.record(&["account", "add", "acme"]).await, json!({"account": "acme"}));
    program
}

fn assert_names(error: &str, words: &[&str]) {
    for word in words {
        assert!(error.contains(word), "{word:?} in: {error}");
    }
}

#[tokio::test]
async fn accounts() {
    let program = Program::on_sqlite();
    let empty = program.run(&["account", "list"]).await;
    assert_names(&empty.out, &["no accounts yet", "account add"]);
    assert_eq!(program.json(&["account", "list"]).await, [Value::Null; 0]);
    let said = program.run(&["account", "add", "acme", "--region", "de"]).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "account  acme\n", ""));
    program.record(&["account", "add", "Zeta", "--search-url", "https://crm.example/{type}/{id}"]).await;
    let listed = program.json(&["account", "list"]).await;
    assert_eq!((listed.len(), &listed[1]["account"], &listed[1]["region"]), (2, &json!("acme"), &json!("DE")));
    let table = program.run(&["account", "list"]).await.out;
    let heads: Vec<_> = table.lines().next().expect("a line").split_whitespace().collect();
    assert_eq!(heads, ["ACCOUNT", "REGION", "CREATED"]);
    assert_names(&program.refused(&["account", "add", "acme"]).await, &["\"acme\" exists already"]);
    for name in ["", " acme", "a\nb", "*", &"x".repeat(101)] {
        assert_names(&program.refused(&["account", "add", name]).await, &["the account's name", "expected 1 to 100"]);
    }
    let wrong = program.run(&["account", "add", "beta", "--region", "Mars"]).await;
    assert_eq!(wrong.code, 2);
    assert_names(&wrong.err, &["Mars", "two letters"]);
}

#[tokio::test]
async fn agents() {
    let program = with_account().await;
    let added = program
        .record(&["agent", "add", "--account", "acme", "--login", "agent1", "--number", "(202) 555-0123", "--extension", "101"])
        .await;
    assert_eq!((&added["agent"], &added["number"]), (&json!("agent1"), &json!("+12025550123")));
    let said = program
        .run_with(
            &["agent", "add", "--account", "acme", "--login", "ada", "--number", "1002", "--name", "Ada L", "--password-stdin"],
            "secret\n",
        )
        .await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let listed = program.json(&["agent", "list", "--account", "acme"]).await;
    assert_eq!(listed[0], json!({"agent": "agent1", "id": added["id"], "name": "agent1", "number": "+12025550123", "extension": "101"}));
    assert_eq!((&listed[1]["name"], &listed[1]["extension"]), (&json!("Ada L"), &Value::Null));
    let table = program.run(&["agent", "list", "--account", "acme"]).await.out;
    assert!(table.lines().nth(2).is_some_and(|line| line.starts_with("ada") && line.ends_with('-')), "absent values are dashes:\n{table}");
    let add = |login: &'static str, number: &'static str| ["agent", "add", "--account", "acme", "--login", login, "--number", number];
    assert_names(&program.refused(&add("agent1", "1003")).await, &["the agent \"agent1\" exists already in \"acme\""]);
    assert_names(&program.refused(&add("bob", "nobody")).await, &["--number \"nobody\"", "no digits"]);
    assert_names(&program.refused(&add("*", "1003")).await, &["the login"]);
    let empty = program.run_with(&[&add("bob", "1003")[..], &["--password-stdin"]].concat(), "\n").await;
    assert_eq!(empty.code, 1);
    assert_names(&empty.err, &["the password is empty", "standard input"]);
    let unknown = program.refused(&["agent", "list", "--account", "acm"]).await;
    assert_names(&unknown, &["no account \"acm\"", "account list", "account add acm"]);
    assert_eq!(program.json(&["agent", "list", "--account", "acme"]).await.len(), 2, "what was refused stored nothing");
}

#[tokio::test]
async fn operators() {
    let mut program = with_account().await;
    let added = program.record(&["operator", "add", "--account", "acme", "--login", "op"]).await;
    assert!(added["password"].as_str().is_some_and(|password| password.len() > 40), "a password is made and shown once: {added}");
    let said =
        program.run_with(&["--json", "operator", "add", "--account", "acme", "--login", "op2", "--password-stdin"], "hush\r\n").await;
    assert_eq!(said.out, "{\"operator\":\"op2\"}\n", "a given one is not shown");
    assert_names(&program.refused(&["operator", "add", "--account", "acme", "--login", "op"]).await, &["\"op\" exists already"]);
    let link = program.record(&["operator", "link", "--account", "acme", "--login", "op"]).await;
    assert!(link["link"].as_str().is_some_and(|link| link.starts_with("http://127.0.0.1:0/console#code=code_")), "{link}");
    assert!(link["expires"].is_string());
    program.set("CTI_LISTEN", "0.0.0.0:8080");
    let link = program.record(&["operator", "link", "--account", "acme", "--login", "op"]).await;
    assert!(link["link"].as_str().is_some_and(|link| link.starts_with("http://127.0.0.1:8080/")), "where it answers: {link}");
    assert_names(
        &program.refused(&["operator", "link", "--account", "acme", "--login", "nobody"]).await,
        &["no operator \"nobody\"", "operator add"],
    );
    assert_names(&program.refused(&["operator", "add", "--account", "x", "--login", "op"]).await, &["no account \"x\""]);
}

#[tokio::test]
async fn tokens() {
    let program = with_account().await;
    let add = |more: &[&'static str]| [&["token", "add", "--account", "acme", "--scopes", "calls:read,events:read"][..], more].concat();
    let token = program.record(&add(&["--label", "CRM", "--expires", "30", "--network", "10.0.0.0/8", "--network", "192.168.1.5"])).await;
    let secret = token["token"].as_str().expect("a token").to_owned();
    assert!(secret.starts_with("cti_") && secret.len() > 40);
    let import = "0b6f1f5e-29a8-4dbd-8d59-d4f6d1a9c9a1";
    assert_eq!(program.record(&add(&["--import", import, "--allow-query"])).await, json!({ "token": import }));
    assert_names(&program.refused(&add(&["--import", import])).await, &["known already"]);
    let code = "0123456789ABCDEF0123456789abcdef";
    let pair = add(&["--json", "--group-id", "77", "--security-code-stdin"]);
    let said = program.run_with(&pair, &format!("{code}\n")).await;
    assert_eq!((said.code, said.out.as_str()), (0, "{\"groupId\":77}\n"), "a given code is not shown: {}", said.err);
    assert_names(&program.run_with(&pair, &code.to_lowercase()).await.err, &["known already"]);
    assert_names(&program.run_with(&pair, "1234\n").await.err, &["security code is too short", "at least 16"]);
    let said = program.run(&["--json", "token", "list", "--account", "acme"]).await;
    assert!(
        !said.out.contains(&secret) && !said.out.contains(import) && !said.out.contains("0123"),
        "secrets are shown once: {}",
        said.out
    );
    let rows: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        (&rows[0]["label"], &rows[0]["scopes"], &rows[0]["revoked"]),
        (&json!("CRM"), &json!("events:read,calls:read"), &Value::Null)
    );
    assert!(rows[0]["token"].as_str().is_some_and(|shown| secret.starts_with(shown.trim_end_matches('…'))), "{}", rows[0]);
    let id = rows[0]["id"].to_string();
    assert_eq!(program.record(&["token", "revoke", "--account", "acme", &id]).await, json!({"revoked": rows[0]["id"]}));
    assert_names(&program.refused(&["token", "revoke", "--account", "acme", &id]).await, &["no valid token", &id]);
    assert!(program.json(&["token", "list", "--account", "acme"]).await[0]["revoked"].is_string());
    assert_names(&program.refused(&add(&["--network", "somewhere"])).await, &["\"somewhere\"", "CIDR"]);
    assert_names(&program.refused(&["token", "add", "--account", "acme", "--scopes", ","]).await, &["--scopes is empty"]);
    for (arguments, words) in [
        (&["token", "add", "--account", "acme", "--scopes", "calls:fly"][..], &["calls:fly", "calls:read"][..]),
        (&["token", "add", "--account", "acme", "--scopes", "admin", "--expires", "0"], &["--expires", "0"]),
        (&["token", "add", "--account", "acme", "--scopes", "admin", "--import", "seven"], &["--import"]),
        (&["token", "add", "--account", "acme", "--scopes", "admin", "--group-id", "77"], &["--security-code-stdin"]),
        (&["token", "add", "--account", "acme", "--scopes", "admin", "--security-code-stdin"], &["--group-id"]),
        (&["token", "add", "--scopes", "admin"], &["--account"]),
        (&["token", "burn"], &["burn"]),
    ] {
        let said = program.run(arguments).await;
        assert_eq!(said.code, 2, "{arguments:?}");
        assert_names(&said.err, words);
    }
}

#[tokio::test]
async fn gateways() {
    let program = with_account().await;
    let add =
        |name: &'static str, more: &[&'static str]| [&["--json", "gateway", "add", "--account", "acme", "--name", name][..], more].concat();
    let said = program.run(&add("office", &[])).await;
    let made: Value = serde_json::from_str(&said.out).expect("JSON");
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("vt_")) && made["key"].is_string(), "{made}");
    let given = program
        .run_with(
            &add("pbx", &["--secret-stdin", "--signature-key-stdin", "--popup", "agent", "--zone", "Europe/Berlin", "--network", "::1"]),
            "one\ntwo\n",
        )
        .await;
    let shown: Value = serde_json::from_str(&given.out).unwrap_or_else(|_| panic!("{}", given.err));
    assert_eq!((&shown["gateway"], &shown["secret"]), (&json!("pbx"), &Value::Null), "a given secret is not shown");
    let rows = program.json(&["gateway", "list", "--account", "acme"]).await;
    assert_eq!((&rows[0]["popup"], &rows[0]["zone"], &rows[0]["networks"]), (&json!("all"), &json!("UTC"), &Value::Null));
    assert_eq!((&rows[1]["popup"], &rows[1]["zone"], &rows[1]["networks"]), (&json!("agent"), &json!("Europe/Berlin"), &json!("::1")));
    assert!(rows.iter().all(|row| row["secret"].is_null()));
    let taken = program.run_with(&add("other", &["--secret-stdin"]), "one\n").await;
    assert_eq!(taken.code, 1);
    assert_names(&taken.err, &["\"other\" exists already", "or its secret is in use"]);
    assert_names(&program.refused(&add("office", &[])).await, &["\"office\" exists already"]);
    assert_names(&program.refused(&add("x", &["--popup", "some"])).await, &["--popup", "\"some\"", "all or agent"]);
    assert_names(&program.refused(&add("x", &["--network", "10.0.0.0/99"])).await, &["10.0.0.0/99"]);
    assert_names(&program.refused(&add("x", &["--secret-stdin"])).await, &["the secret is empty"]);
    assert_eq!(program.run(&add("x", &["--zone", "Mars/Base"])).await.code, 2);
    assert_eq!(program.json(&["gateway", "list", "--account", "acme"]).await.len(), 2);
}

#[tokio::test]
async fn parties_come_from_a_file_or_the_standard_input() {
    let program = with_account().await;
    let csv = "type,id,name,numbers\ncontact,c-1,Greta,+4930123456\ncontact,c-2,Ben,\n";
    fs::write(program.folder.path().join("parties.csv"), csv).expect("a file");
    let import = |file: &'static str| ["party", "import", "--account", "acme", file];
    assert_eq!(program.record(&import("parties.csv")).await, json!({"stored": 2}));
    let said = program.run_with(&import("-"), csv).await;
    assert_eq!((said.code, said.out.as_str()), (0, "stored  2\n"), "{}", said.err);
    fs::write(program.folder.path().join("wrong.csv"), format!("{csv}contact,c-3,Cid,nobody\n")).expect("a file");
    assert_names(&program.refused(&import("wrong.csv")).await, &["line 4, numbers", "\"nobody\""]);
    assert_names(&program.refused(&import("missing.csv")).await, &["missing.csv", "No such file"]);
}

#[tokio::test]
async fn check_shows_the_settings_and_tries_the_store() {
    let mut program = Program::on_sqlite();
    assert_eq!(program.record(&["check"]).await, json!({"store": "sqlite", "reachable": true, "durability": "durable"}));
    let text = program.run(&["check"]).await;
    assert_names(&text.out, &["settings in force", "[committer]", "max_body_bytes = 1048576", "durable"]);
    program.set("CTI_STORE__URL", "postgres://cti:hush@127.0.0.1:1/cti");
    let away = program.run(&["check"]).await;
    assert_eq!(away.code, 1);
    assert_names(&away.err, &["the store cannot be opened"]);
    assert!(!format!("{away:?}").contains("hush"), "{away:?}");
    program.set("CTI_STORE__URL", "mysql://cti:hush@db/cti");
    let error = program.run(&["--json", "check"]).await.err;
    assert_names(&error, &["\"mysql\"", "sqlite:PATH", "postgres://"]);
    assert!(!error.contains("hush"));
}

#[tokio::test]
async fn a_postgres_that_may_lose_commits_is_refused_unless_allowed() {
    let mut program = Program::on_postgres().await;
    let refused = program.run(&["--json", "check"]).await;
    assert_eq!(refused.code, 1);
    assert_names(&refused.out, &["\"store\":\"postgres\"", "VOLATILE: Postgres runs with fsync=off"]);
    assert_names(&refused.err, &["fsync=off", "power cut", "--allow-volatile"]);
    assert_eq!(program.record(&["check", "--allow-volatile"]).await["reachable"], true);
    let refused = program.run(&["serve"]).await;
    assert_eq!(refused.code, 1);
    assert_names(&refused.err, &["fsync=off", "CTI_STORE__ALLOW_VOLATILE=true"]);
    program.set("CTI_STORE__ALLOW_VOLATILE", "true");
    assert_eq!(program.record(&["check"]).await["store"], "postgres");
    let (server, _) = program.serve().await;
    assert_eq!(program.run(&["health"]).await.out, "ready\n");
    let (code, log) = server.stop("TERM").await;
    assert_eq!(code, 0);
    assert_names(&log, &["may be lost in a power cut", "stopped"]);
}

#[tokio::test]
async fn wrong_settings_are_named() {
    let file = |text: &str| {
        let program = Program::on_sqlite();
        fs::write(program.folder.path().join("cti.toml"), text).expect("a file");
        program.with("CTI_CONFIG", "cti.toml")
    };
    for (name, value, words) in [
        ("CTI_LISEN", "127.0.0.1:1", &["CTI_LISEN", "no setting \"lisen\""][..]),
        ("CTI_LISTEN", "nowhere", &["a setting is wrong", "config/default.toml"]),
        ("CTI_CALLS__WRAP_UP_MS", "soon", &["CTI_CALLS__WRAP_UP_MS", "whole number", "soon"]),
        ("CTI_STORE", "x", &["CTI_STORE", "section"]),
        ("CTI_METRICS__ALLOW", "everyone", &["a setting is wrong"]),
        ("CTI_CONFIG", "missing.toml", &["missing.toml", "cannot be read"]),
    ] {
        assert_names(&Program::on_sqlite().with(name, value).refused(&["account", "list"]).await, words);
    }
    for (text, words) in [
        ("listen =", &["cti.toml", "not TOML"][..]),
        ("[store]\nfolder = \"x\"\n", &["a setting is wrong", "folder"]),
        ("[calls]\nwrap_up_ms = -1\n", &["a setting is wrong", "-1"]),
        ("log_json = \"yes\"\n", &["a setting is wrong"]),
    ] {
        assert_names(&file(text).refused(&["account", "list"]).await, words);
    }
    let program = file("log = \"debug\"\n[calls]\nwrap_up_ms = 1\nringing_ms = 2\n").with("CTI_CALLS__RINGING_MS", "3");
    assert_names(&program.run(&["check"]).await.out, &["log = \"debug\"", "wrap_up_ms = 1\n", "ringing_ms = 3\n"]);
    assert_names(&Program::on_sqlite().with("CTI_LOG", "!!").refused(&["serve"]).await, &["log", "\"!!\""]);
}
