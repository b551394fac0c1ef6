//! What is exported can be imported again.

use super::{add_account, assert_names, on_both, read, refused, set_up, write};
use crate::support::program::Program;

/// The columns that the import sets, by name, of every row.
fn client_columns(csv: &str) -> Vec<Vec<(String, String)>> {
    let own = [
        "id",
        "campaign",
        "subcampaign",
        "clientId",
        "firstName",
        "lastName",
        "address",
        "city",
        "state",
        "zip",
        "phone",
        "email",
        "rep",
        "callStatus",
        "notes",
        "source",
        "hot",
        "importOnly",
        "dialNonCallables",
        "checkWindow",
        "attempts",
        "version",
        "Policy ID",
        "=Odd",
    ];
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<String> = reader.headers().expect("a header").iter().map(|name| name.trim_start_matches('\'').to_owned()).collect();
    for name in own {
        assert!(names.iter().any(|known| known == name), "the column {name} in {names:?}");
    }
    let cells = |row: csv::StringRecord| -> Vec<(String, String)> {
        let all = names.iter().cloned().zip(row.iter().map(str::to_owned));
        all.filter(|(name, _)| own.contains(&name.as_str())).collect()
    };
    reader.records().map(|row| cells(row.expect("a row"))).collect()
}

on_both! {
    async fn an_export_is_imported_into_another_account(program: Program) {
        set_up(&program).await;
        add_account(&program, "beta").await;
        for account in ["acme", "beta"] {
            program.record(&["field", "add", "--account", account, "--name", "=Odd"]).await;
            program.record(&["campaign", "add", "--account", account, "--name", "Autumn"]).await;
        }
        let text = "\
Campaign,Subcampaign,ClientId,First,Last,Phone,Email,Zip,State,Rep,CallStatus,Notes,Policy ID,=Odd
Spring,North,c-1,Ada,\"Love\nlace\",(202) 555-0101,ada@example.com,02108,MA,ada,SALE,\"=1+1\",P-1,\"+49 30 x\"
Spring,,-1,@Bob,'quoted,+1 202 555 0102,,00501,NY,,,\"a \"\"quote\"\", a comma\",,-5
Autumn,,c-3,Żółć,,+49 30 12345678,,,,,CALL BACK,''=quoted,\u{4f60}\u{597d},'+x
";
        write(&program, "in.csv", text);
        let shown = program.record(&["lead", "import", "in.csv", "--account", "acme"]).await;
        assert_eq!(shown["stored"], 3, "{shown}");
        let exported = program.record(&["lead", "export", "--account", "acme", "--output", "acme.csv"]).await;
        assert_eq!((&exported["exported"], &exported["file"]), (&serde_json::json!(3), &serde_json::json!("acme.csv")));
        let first = read(&program, "acme.csv");
        assert_names(&first, &[",'=1+1,", ",'@Bob,", "''=quoted", ",'+49 30 x", "02108", ",'=Odd"]);
        assert_eq!(program.run(&["lead", "export", "--account", "acme"]).await.out, first, "to the standard output it is the same");
        let shown = program.record(&["lead", "import", "acme.csv", "--account", "beta"]).await;
        assert_eq!((&shown["stored"], &shown["rejected"]), (&serde_json::json!(3), &serde_json::json!(0)), "{shown}");
        let second = program.run(&["lead", "export", "--account", "beta"]).await.out;
        assert_eq!(client_columns(&first), client_columns(&second));
        assert_eq!(client_columns(&first).len(), 3);

        let one = program.json(&["lead", "export", "--account", "beta", "--campaign", "AUTUMN"]).await;
        assert_eq!((one.len(), &one[0]["firstName"]), (1, &serde_json::json!("Żółć")));
        assert_names(&refused(&program, &["lead", "export", "--account", "acme", "--campaign", "Winter"]).await, &["no campaign \"Winter\""]);
        assert_names(&refused(&program, &["lead", "export", "--account", "acme", "--output", "no/where.csv"]).await, &["no/where.csv"]);
    }
}
