//! The do-not-call list by commands.

use serde_json::json;

use super::{assert_names, entries, leads, on_both, set_up, write};
use crate::support::program::Program;

on_both! {
    async fn numbers_come_and_go(program: Program) {
        set_up(&program).await;
        write(&program, "leads.csv", "Phone\n2025550101\n2025550102\n");
        program.record(&["lead", "import", "leads.csv", "--account", "acme", "--campaign", "Spring"]).await;

        let two = ["dnc", "add", "--account", "acme", "--number", "(202) 555-0101", "--number", "+4930123456"];
        let row = |number: &str, listed: bool, changed: bool| json!({"number": number, "channel": "voice", "listed": listed, "changed": changed});
        assert_eq!(program.json(&two).await, [row("+12025550101", true, true), row("+4930123456", true, true)]);
        assert_eq!(program.json(&two).await, [row("+12025550101", true, false), row("+4930123456", true, false)]);
        let status: Vec<_> = leads(&program, "acme").await.iter().map(|lead| lead["callStatus"].clone()).collect();
        assert_eq!(status, [json!("DO NOT CALL"), json!(null)], "its leads are marked");
        program.json(&["dnc", "add", "--account", "acme", "--number", "2025550103", "--channel", "message"]).await;
        let listed = program.json(&["dnc", "list", "--account", "acme"]).await;
        let shown: Vec<_> = listed.iter().map(|row| (row["number"].as_str().expect("a number"), row["channel"].as_str().expect("a word"))).collect();
        assert_eq!(shown, [("+12025550101", "voice"), ("+4930123456", "voice"), ("+12025550103", "message")]);
        let one = ["dnc", "list", "--account", "acme", "--channel", "voice", "--number"];
        assert_eq!(program.json(&[&one[..], &["202-555-0101"]].concat()).await.len(), 1);
        assert_eq!(program.json(&[&one[..], &["202-555-0103"]].concat()).await.len(), 0);

        let removed = program.json(&["dnc", "remove", "--account", "acme", "--number", "2025550101"]).await;
        assert_eq!(removed, [row("+12025550101", false, true)]);
        assert_eq!(leads(&program, "acme").await[0]["callStatus"], "DO NOT CALL", "taking it away restores none");
        let wrong = program.refused(&["dnc", "add", "--account", "acme", "--number", "2025550109", "--number", "nobody"]).await;
        assert_names(&wrong, &["\"nobody\"", "nothing was changed"]);
        assert_names(&program.refused(&["dnc", "list", "--account", "x"]).await, &["no account \"x\""]);
        assert_eq!(program.json(&["dnc", "list", "--account", "acme"]).await.len(), 2);
    }

    async fn a_file_of_numbers(program: Program) {
        set_up(&program).await;
        let mut text = "\u{feff}Number\r\n\r\n# asked us\r\n\"(202) 555-0100\"\r\n+4930123456 # by letter\r\nnobody\r\n".to_owned();
        text.extend((0..1200).map(|n| format!("202555{:04}\n", 1000 + n)));
        text.push_str("12");
        write(&program, "dnc.txt", &text);
        let import = ["--json", "dnc", "import", "--account", "acme", "dnc.txt"];
        let said = program.run(&import).await;
        assert_eq!(said.code, 1, "a line without a number is said");
        assert_names(&said.out, &["\"numbers\":1202", "\"added\":1202", "\"wrong\":2"]);
        assert_names(&said.err, &["no telephone number in line 6, 1207", "the others are on the list"]);
        assert!(!said.err.contains("nobody"));
        assert_eq!(program.json(&["dnc", "list", "--account", "acme"]).await.len(), 1202);
        assert_eq!(entries(&program, "acme", "dnc.added").await.len(), 1202);
        let again = program.run_with(&["--json", "dnc", "import", "--account", "acme", "-"], "+4930123456\n2025550199\n").await;
        assert_eq!(again.out, "{\"added\":1,\"channel\":\"voice\",\"numbers\":2,\"wrong\":0}\n", "{}", again.err);
        write(&program, "one-line.txt", "2".repeat(5000));
        assert_names(&program.refused(&["dnc", "import", "--account", "acme", "one-line.txt"]).await, &["line 1", "one number per line"]);
        assert_names(&program.refused(&["dnc", "import", "--account", "acme", "missing.txt"]).await, &["missing.txt"]);
    }
}
