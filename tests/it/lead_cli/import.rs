//! Importing leads: what is understood, what is rejected and how that is said.

use std::fs;

use serde_json::{Value, json};

use super::{assert_names, entries, file, leads, on_both, read, refused, set_up, write};
use crate::support::program::Program;

/// Everything that comes out of spreadsheets and CRMs.
fn awkward() -> Vec<u8> {
    let mut text = b"\xef\xbb\xbf\"First Name\",LAST_NAME,Primary Phone,State,adv_Policy__ID,Comments,Fax\r\n".to_vec();
    for row in [
        &b"Ada,\"Love, lace\",(202) 555-0101,NY,P-1,\"line one\r\nline two\",1\r\n"[..], // row 2
        b"\r\n\r\n",                                                                     // no row
        b"Bob,,202.555.0102 x12,,,,\r\n",                                                // 3
        b"Cy,X\r\n",                                                                     // 4
        b"Di,X,2025550103,NY,P,,1,extra\r\n",                                            // 5
        b"Ed,,call me,,,,\n",                                                            // 6
        b"Flo,,2025550104,New York,,,\r\n",                                              // 7
        b"Ada2,,+1 202 555 0101,,,,\r\n",                                                // 8
        b", ,,,,,\r\n",                                                                  // 9: empty
        b"G\xff,,2025550105,,,,\r\n",                                                    // 10
        b"Hal,,,,,,\r\n",                                                                // 11
        b"Ida,'=SUM(1),2025550106.0,,,\"said \"\"hi\"\"\",\r\n",                         // 12
        b"Jo,,12,,,,",                                                                   // 13
    ] {
        text.extend_from_slice(row);
    }
    text
}

const REJECTED: &str = "\
First Name,LAST_NAME,Primary Phone,State,adv_Policy__ID,Comments,Fax,row,reason
Cy,X,,,,,,4,\"expected 7 columns, found 2\"
Di,X,2025550103,NY,P,,1,extra,5,\"expected 7 columns, found 8\"
Ed,,call me,,,,,6,phone: expected a telephone number that can be dialed
Flo,,2025550104,New York,,,,7,state: expected at most 2 characters
Ada2,,+1 202 555 0101,,,,,8,duplicate of lead 1
G?,,2025550105,,,,,10,the row is not UTF-8: save the file as CSV UTF-8
Hal,,,,,,,11,phone: it is missing
Jo,,12,,,,,13,phone: expected a telephone number that can be dialed
";

/// A file of rejected rows; a byte that is no UTF-8 must be in it as it was, and is shown as a question mark.
fn rejected(program: &Program, name: &str) -> String {
    let bytes = fs::read(file(program, name)).expect("a file");
    String::from_utf8(bytes.into_iter().map(|byte| if byte == 0xff { b'?' } else { byte }).collect()).expect("UTF-8")
}

on_both! {
    async fn an_awkward_file(program: Program) {
        set_up(&program).await;
        write(&program, "spring.csv", awkward());
        let import = ["lead", "import", "spring.csv", "--account", "acme", "--campaign", "spring", "--subcampaign", "NORTH"];
        let counts = |shown: &Value| ["rows", "stored", "duplicates", "rejected"].map(|name| shown[name].as_i64().expect("a count"));

        let dry = program.record(&[&import[..], &["--dry-run"]].concat()).await;
        assert_eq!((counts(&dry), &dry["dryRun"]), ([11, 3, 1, 7], &json!(true)));
        assert_eq!(leads(&program, "acme").await.len(), 0, "a dry run stores nothing");
        let names: Vec<_> = fs::read_dir(program.folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().starts_with("spring.") && name != "spring.csv"), "nor a file: {names:?}");
        program.record(&[&import[..], &["--dry-run", "--rejected", "wrong.csv"]].concat()).await;
        assert_eq!(rejected(&program, "wrong.csv"), REJECTED.replace("duplicate of lead 1", "duplicate of a row before it"));

        let said = program.run(&[&["--json"], &import[..]].concat()).await;
        let shown: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
        assert_eq!(counts(&shown), [11, 3, 1, 7]);
        assert_eq!((&shown["rejectedFile"], &shown["ignored"]), (&json!("spring.rejected.csv"), &json!(["Fax"])));
        assert_names(&said.err, &["# ignored columns: Fax"]);
        assert_eq!(rejected(&program, "spring.rejected.csv"), REJECTED);
        let stored = leads(&program, "acme").await;
        let of = |index: usize, keys: &[&str]| keys.iter().map(|key| stored[index][*key].clone()).collect::<Vec<_>>();
        assert_eq!(stored.len(), 3);
        assert_eq!(
            of(0, &["campaign", "subcampaign", "firstName", "lastName", "phone", "phoneRaw", "state", "notes", "custom"]),
            [json!("Spring"), json!("North"), json!("Ada"), json!("Love, lace"), json!("+12025550101"), json!("(202) 555-0101"), json!("NY"), json!("line one\r\nline two"), json!({"Policy ID": "P-1"})]
        );
        assert_eq!(of(0, &["importOnly", "hot", "source"]), [json!(true), json!(false), json!("import")]);
        assert_eq!(of(1, &["firstName", "phone"]), [json!("Bob"), json!("+12025550102")]);
        assert_eq!(of(2, &["lastName", "phone", "notes"]), [json!("=SUM(1)"), json!("+12025550106"), json!("said \"hi\"")]);
        assert_eq!(entries(&program, "acme", "lead.imported").await, [json!({"first": 1, "last": 3, "count": 3})]);

        // again: nothing is doubled, by the note that is left and by the store's memory
        let again = program.run(&[&["--json"], &import[..]].concat()).await;
        assert_names(&again.err, &["imported already", "--restart"]);
        fs::remove_file(file(&program, "spring.progress.json")).expect("a file");
        assert_eq!(counts(&program.record(&import).await), [11, 3, 1, 7]);
        assert_eq!(rejected(&program, "spring.rejected.csv"), REJECTED);
        assert_eq!(leads(&program, "acme").await.len(), 3);
        let anew = program.record(&[&import[..], &["--restart"]].concat()).await;
        assert_eq!(counts(&anew), [11, 0, 4, 7], "now they are duplicates");

        // what was rejected can be corrected and imported
        let corrected = rejected(&program, "spring.rejected.csv").replace("G?", "Gus").replace("Hal,,,,,,,11", "Hal,,2025550111,,,,,11");
        write(&program, "again.csv", corrected);
        let shown = program.record(&["lead", "import", "again.csv", "--account", "acme", "--campaign", "Spring"]).await;
        assert_eq!((&shown["stored"], &shown["ignored"]), (&json!(2), &json!(["Fax", "row", "reason"])));
        assert_names(rejected(&program, "again.rejected.csv").lines().next().expect("a header"), &["Comments,Fax,row,reason"]);
        assert!(!rejected(&program, "again.rejected.csv").contains("row,reason,row"));
    }

    async fn columns_options_and_dialing(program: Program) {
        set_up(&program).await;
        program.json(&["dnc", "add", "--account", "acme", "--number", "2025550103"]).await;
        write(&program, "de.csv", "Vorname;Handy;Police;Campaign;id\nAda;2025550101;P-1;spring;7\nBob;2025550102;P-2;Winter;8\nCy;2025550103;;Spring;9\n");
        let base = ["lead", "import", "de.csv", "--account", "acme"];
        let with = |more: &[&'static str]| [&base[..], more].concat();
        let unknown = refused(&program, &with(&["--campaign", "Spring"])).await;
        assert_names(&unknown, &["no column looks like the phone", "--map \"COLUMN=phone\"", "\"Handy\""]);
        assert_names(&refused(&program, &with(&["--map", "Mobil=phone"])).await, &["Mobil=phone", "no such column", "\"Handy\""]);
        assert_names(&refused(&program, &with(&["--map", "Handy=telefon"])).await, &["telefon", "firstName", "\"Policy ID\""]);
        assert_names(&refused(&program, &with(&["--map", "Handy"])).await, &["expected COLUMN=FIELD"]);
        assert_names(&refused(&program, &with(&["--map", "Handy=phone", "--map", "Police=phone"])).await, &["another column is phone already"]);
        assert_names(&refused(&program, &with(&["--campaign", "Winter"])).await, &["no campaign \"Winter\"", "campaign list"]);
        assert_names(&refused(&program, &with(&["--campaign", "Spring", "--subcampaign", "West"])).await, &["no subcampaign \"West\"", "North"]);
        assert_eq!(program.run(&with(&["--subcampaign", "North"])).await.code, 2);

        let maps = ["--map", "vorname=First Name", "--map", "Handy=PrimaryPhone", "--map", "Police=custom.policy id", "--hot"];
        let shown = program.record(&with(&maps)).await;
        assert_eq!((&shown["stored"], &shown["rejected"], &shown["ignored"]), (&json!(2), &json!(1), &json!(["id"])));
        assert_names(&read(&program, "de.rejected.csv"), &["Bob", "3,there is no such campaign"]);
        let stored = leads(&program, "acme").await;
        let hot: Vec<_> = stored.iter().map(|lead| (lead["hot"].as_bool(), lead["importOnly"].as_bool())).collect();
        assert_eq!(hot, [(Some(true), Some(false)), (Some(false), Some(false))], "a number on the list is not dialed");
        assert_eq!(stored[0]["custom"], json!({"Policy ID": "P-1"}));

        let twice = "Phone,mobile,cell\n2025550101,1,2\n2025550101,3,4\n";
        write(&program, "twice.csv", twice);
        let import = ["lead", "import", "twice.csv", "--account", "acme", "--campaign", "Spring"];
        let shown = program.record(&[&import[..], &["--duplicates", "subcampaign", "--subcampaign", "South"]].concat()).await;
        assert_eq!((&shown["stored"], &shown["duplicates"]), (&json!(1), &json!(1)), "the plain name goes before likely ones: {shown}");
        let shown = program.record(&[&import[..], &["--duplicates", "allow"]].concat()).await;
        assert_eq!(shown["stored"], json!(2));
        write(&program, "likely.csv", "mobile,cell\n1,2\n");
        let likely = refused(&program, &["lead", "import", "likely.csv", "--account", "acme", "--campaign", "Spring"]).await;
        assert_names(&likely, &["\"mobile\" and \"cell\" both look like phone", "--map"]);
    }

    async fn files_that_are_none(program: Program) {
        set_up(&program).await;
        for (text, words) in [
            (&b""[..], &["is empty"][..]),
            (b"\xff\xfeP\0", &["UTF-16", "CSV UTF-8"]),
            (b"PK\x03\x04", &["spreadsheet", "CSV UTF-8"]),
            (b"First\xff,Phone\n", &["not UTF-8"]),
            (b"\n\n", &["has no rows"]),
        ] {
            write(&program, "x.csv", text);
            assert_names(&refused(&program, &["lead", "import", "x.csv", "--account", "acme", "--campaign", "Spring"]).await, words);
        }
        assert_names(&refused(&program, &["lead", "import", "y.csv", "--account", "acme", "--campaign", "Spring"]).await, &["y.csv", "No such file"]);
        write(&program, "open.csv", [&b"Phone,Notes\n2025550101,\"never closed\n"[..], &b"2025550102,x\n".repeat(600_000)].concat());
        let open = refused(&program, &["lead", "import", "open.csv", "--account", "acme", "--campaign", "Spring"]).await;
        assert_names(&open, &["row 2 cannot be read", "is a quote not closed"]);
        assert_eq!(leads(&program, "acme").await.len(), 0);
        let help = program.run(&["lead", "import", "--help"]).await.out;
        assert_names(&help, &["Examples:", "--dry-run", "--map", "progress.json"]);
    }
}
