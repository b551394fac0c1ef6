//! What an account has set up: adding, listing, storing and removing by commands, beside a running server.

use serde_json::{Value, json};

use super::{assert_names, on_both, set_up};
use crate::support::program::Program;

on_both! {
    async fn campaigns_fields_numbers_and_dispositions(program: Program) {
        set_up(&program).await;
        let acme = |words: &[&'static str]| [words, &["--account", "acme"]].concat();
        let empty = program.run(&acme(&["number", "list"])).await;
        assert_names(&empty.out, &["no numbers yet", "number add"]);

        let added = program.record(&acme(&["campaign", "add", "--name", " Autumn ", "--daily-cap", "3"])).await;
        assert_eq!(added, json!({"campaign": "Autumn", "subcampaigns": [], "dailyCap": 3}));
        let listed = program.json(&acme(&["campaign", "list"])).await;
        assert_eq!(listed[0], json!({"campaign": "Autumn", "subcampaigns": [], "dailyCap": 3, "dispositions": []}));
        assert_eq!((&listed[1]["campaign"], &listed[1]["subcampaigns"]), (&json!("Spring"), &json!(["North", "South"])));
        assert_names(&program.refused(&acme(&["campaign", "add", "--name", "SPRING"])).await, &["exists already", "setup put"]);
        assert_names(&program.refused(&acme(&["campaign", "add", "--name", "X", "--daily-cap", "0"])).await, &["dailyCap", "1 to 1000"]);

        assert_eq!(program.json(&acme(&["field", "list"])).await, [json!({"field": "Policy ID"})]);
        assert_names(&program.refused(&acme(&["field", "add", "--name", "policy id"])).await, &["exists already"]);
        assert_names(&program.refused(&acme(&["field", "add", "--name", "First Name"])).await, &["name", "every lead has this name"]);

        let number = |more: &[&'static str]| acme(&[&["number", "add", "--number", "(202) 555-0123"], more].concat());
        let added = program.record(&number(&["--voice", "--sms"])).await;
        assert_eq!(added, json!({"number": "+12025550123", "voice": true, "sms": true, "provider": null}));
        assert_names(&program.refused(&number(&["--voice"])).await, &["exists already"]);
        assert_names(&program.refused(&acme(&["number", "add", "--number", "nobody", "--sms"])).await, &["expected a telephone number"]);
        assert_names(&program.refused(&acme(&["number", "add", "--number", "2025550124"])).await, &["--voice", "--sms"]);
        let unknown = acme(&["number", "add", "--number", "2025550124", "--sms", "--provider", "none"]);
        assert_names(&program.refused(&unknown).await, &["provider", "no such provider"]);
        assert_eq!(program.json(&acme(&["number", "list"])).await, [added]);

        let add = |more: &[&'static str]| acme(&[&["disposition", "add", "--name", "Later"], more].concat());
        let added = program.record(&add(&["--callable"])).await;
        assert_eq!(added, json!({"disposition": "Later", "campaign": null, "callable": true, "connects": false}));
        program.record(&add(&["--campaign", "spring", "--connects", "--text", "Not now"])).await;
        assert_names(&program.refused(&add(&["--campaign", "Spring"])).await, &["\"Later\"", "exists already"]);
        assert_names(&program.refused(&add(&[])).await, &["exists already"]);
        assert_names(&program.refused(&add(&["--campaign", "Winter"])).await, &["no campaign \"Winter\"", "campaign list"]);
        let rows = program.json(&acme(&["disposition", "list"])).await;
        assert_eq!(rows, [
            json!({"disposition": "Later", "text": "Later", "campaign": null, "callable": true, "connects": false}),
            json!({"disposition": "Later", "text": "Not now", "campaign": "Spring", "callable": false, "connects": true}),
        ]);
        let all = program.json(&acme(&["disposition", "list", "--system"])).await;
        assert!(all.len() > 20 && all.iter().any(|row| row["disposition"] == "DO NOT CALL"));
    }

    async fn records_of_every_kind(program: Program) {
        set_up(&program).await;
        program.record(&["agent", "add", "--account", "acme", "--login", "ada", "--number", "1001"]).await;
        let put = async |kind: &str, name: &str, body: &str| {
            let words = ["--json", "setup", "put", "--account", "acme", "--kind", kind, "--name", name, "--body-stdin"];
            program.run_with(&words, body).await
        };
        let stored = |said: &crate::support::program::Said| serde_json::from_str::<Value>(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
        let get = async |kind: &str| program.json(&["setup", "get", "--account", "acme", "--kind", kind]).await;

        let said = put("skill", "Spanish", r#"{"agents":["ada"]}"#).await;
        assert_eq!(stored(&said), json!({"kind": "skill", "name": "Spanish", "version": 1}));
        assert_eq!(stored(&put("skill", "spanish", "{}").await)["version"], 2);
        let unknown = put("skill", "French", r#"{"agents":["bob"]}"#).await;
        assert_eq!(unknown.code, 1);
        assert_names(&unknown.err, &["agents", "no such agent"]);
        assert_names(&put("skill", "French", "agents").await.err, &["standard input is not JSON"]);
        assert_names(&put("skill", "French", r#"{"agent":[]}"#).await.err, &["unknown field", "agents"]);

        put("ring_group", "Sales", r#"{"number":"+12025550100","campaign":"Spring","skills":{"Spanish":"medium"}}"#).await;
        put("filter", "East", r#"{"all":[]}"#).await;
        put("provider", "sms", r#"{"twilio":{"accountSid":"AC0","authToken":"hush-hush"}}"#).await;
        let said = program.run(&["--json", "setup", "get", "--account", "acme", "--kind", "provider"]).await;
        assert!(!said.out.contains("hush"), "{}", said.out);
        let options = ["setup", "put", "--account", "acme", "--kind", "options", "--body-stdin"];
        assert_eq!(program.run_with(&options, r#"{"zone":"America/New_York"}"#).await.code, 0);
        assert_eq!(get("options").await[0]["body"]["zone"], "America/New_York");

        let playlist = put("playlist", "Morning", r#"{"campaigns":["Spring"],"filters":[]}"#).await;
        assert_eq!(playlist.code, 0, "{}", playlist.err);
        let shown = get("playlists").await[0]["body"].to_string();
        assert_eq!(stored(&put("playlist", "Morning", &shown).await)["version"], 2, "what is shown can be put again");

        let one = program.record(&["setup", "get", "--account", "acme", "--kind", "campaign", "--name", "SPRING"]).await;
        assert_eq!((&one["name"], &one["body"]["subcampaigns"]), (&json!("Spring"), &json!(["North", "South"])));
        let remove = ["setup", "remove", "--account", "acme", "--kind", "skill", "--name", "SPANISH"];
        program.record(&remove).await;
        assert_names(&program.refused(&remove).await, &["no skill \"SPANISH\""]);
        assert_names(&program.refused(&["setup", "get", "--account", "acme", "--kind", "skill", "--name", "Spanish"]).await, &["no skill"]);
        assert_names(&program.refused(&["setup", "put", "--account", "acme", "--kind", "skill"]).await, &["--name is missing"]);
        let wrong = program.run(&["setup", "get", "--account", "acme", "--kind", "colour"]).await;
        assert_eq!(wrong.code, 2);
        assert_names(&wrong.err, &["colour", "ring_group"]);
    }

    async fn a_running_server_hears_of_it(program: Program) {
        program.set("CTI_STORE__ALLOW_VOLATILE", "true");
        set_up(&program).await;
        let (server, _) = program.serve().await;
        let mut tail = program.start(&["tail", "--json", "--account", "acme", "--type", "campaign.*", "--type", "config.*", "--type", "dnc.*"]);
        tail.err.wait("# connected").await;
        program.record(&["campaign", "add", "--account", "acme", "--name", "Autumn"]).await;
        let event: Value = serde_json::from_str(&tail.out.wait("campaign.changed").await).expect("JSON");
        assert_eq!(event["data"], json!({"kind": "campaign", "name": "Autumn"}));
        program.record(&["field", "add", "--account", "acme", "--name", "Colour"]).await;
        tail.out.wait("config.changed").await;
        program.record(&["dnc", "add", "--account", "acme", "--number", "2025550123"]).await;
        tail.out.wait("dnc.added").await;
        for running in [tail, server] {
            assert_eq!(running.stop("INT").await.0, 0);
        }
    }
}
