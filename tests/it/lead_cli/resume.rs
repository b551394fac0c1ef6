//! Imports that are killed, interrupted and gone on with: every row is stored once.

use std::{collections::BTreeSet, fs, time::Duration};

use serde_json::{Value, json};

use super::{add_account, assert_names, entries, file, leads, on_both, read, refused, set_up, write};
use crate::support::program::Program;

const ROWS: usize = 6_000;

/// Leads with an id of their own; every hundredth cannot be stored.
fn rows(count: usize) -> String {
    let row = |n: usize| {
        let phone = if n % 100 == 99 { "nobody".to_owned() } else { format!("202{:07}", 2_000_000 + n / 2) };
        format!("c-{n},Ada,{phone},\"a note, {n}\"\n")
    };
    std::iter::once("Client Id,First,Phone,Notes\n".to_owned()).chain((0..count).map(row)).collect()
}

const IMPORT: [&str; 9] = ["lead", "import", "big.csv", "--account", "acme", "--campaign", "Spring", "--duplicates", "allow"];

fn reached(program: &Program) -> u64 {
    let text = fs::read_to_string(file(program, "big.progress.json")).unwrap_or_default();
    serde_json::from_str::<Value>(&text).ok().and_then(|position| position["reached"]["row"].as_u64()).unwrap_or_default()
}

/// Waits until some rows are durable, as the note beside the file says.
async fn some_rows(program: &Program) {
    for _ in 0..3000 {
        if reached(program) > 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is durable after 30 s");
}

/// Every good row is there once, every bad one in the file of rejected rows once.
async fn assert_whole(program: &Program, shown: &Value) {
    let bad = ROWS / 100;
    let counts = ["rows", "stored", "duplicates", "rejected"].map(|name| shown[name].as_u64().expect("a count"));
    assert_eq!(counts, [ROWS as u64, (ROWS - bad) as u64, 0, bad as u64], "{shown}");
    let stored = leads(program, "acme").await;
    let ids: BTreeSet<&str> = stored.iter().filter_map(|lead| lead["clientId"].as_str()).collect();
    assert_eq!((stored.len(), ids.len()), (ROWS - bad, ROWS - bad), "nothing is doubled and nothing is missing");
    let numbers: Vec<i64> = stored.iter().filter_map(|lead| lead["id"].as_i64()).collect();
    assert_eq!((numbers[0], numbers[numbers.len() - 1]), (1, (ROWS - bad) as i64), "ids have no gap");
    let told: i64 = entries(program, "acme", "lead.imported").await.iter().filter_map(|data| data["count"].as_i64()).sum();
    assert_eq!(told, (ROWS - bad) as i64, "and the journal tells of each once");
    let rejected = read(program, "big.rejected.csv");
    let numbers: Vec<&str> = rejected.lines().skip(1).filter_map(|line| line.rsplit(',').nth(1)).collect();
    let expected: Vec<String> = (0..ROWS).filter(|n| n % 100 == 99).map(|n| (n + 2).to_string()).collect();
    assert_eq!(numbers, expected);
}

on_both! {
    async fn killed_at_the_worst_instants(program: Program) {
        set_up(&program).await;
        write(&program, "big.csv", rows(ROWS));
        // the batch is on its way; it is durable and nobody has heard; all have heard and nothing is noted
        for instant in ["before-commit:2", "after-commit:1", "replied:1", "published:2"] {
            program.set("CTI_FAILPOINT", instant);
            let said = program.run(&IMPORT).await;
            assert!(said.code != 0 && said.out.is_empty(), "{instant}: {said:?}");
        }
        program.unset("CTI_FAILPOINT");
        let shown = program.record(&IMPORT).await;
        assert_whole(&program, &shown).await;
    }

    async fn killed_from_outside_and_interrupted(program: Program) {
        set_up(&program).await;
        write(&program, "big.csv", rows(ROWS));
        let killed = program.start(&IMPORT);
        some_rows(&program).await;
        assert_ne!(killed.stop("KILL").await.0, 0);
        let at = reached(&program);
        let mut interrupted = program.start(&IMPORT);
        interrupted.err.wait("# going on after row").await;
        let (code, said) = interrupted.stop("INT").await;
        if code != 0 {
            assert_names(&said, &["interrupted after row", "the same command goes on from there"]);
        }
        assert!(reached(&program) >= at);
        let shown = program.record(&IMPORT).await;
        assert_whole(&program, &shown).await;
    }

    async fn another_import_does_not_go_on_from_there(program: Program) {
        set_up(&program).await;
        add_account(&program, "beta").await;
        write(&program, "big.csv", rows(4500));
        program.set("CTI_FAILPOINT", "after-commit:2");
        assert_ne!(program.run(&IMPORT).await.code, 0);
        program.unset("CTI_FAILPOINT");
        let beta = IMPORT.map(|word| if word == "acme" { "beta" } else { word });
        assert_names(&refused(&program, &beta).await, &["was interrupted at row", "other options", "--restart"]);
        let other = [&IMPORT[..], &["--hot"]].concat();
        assert_names(&refused(&program, &other).await, &["other options", "--restart"]);
        // so long ago that the store may have forgotten
        let text = read(&program, "big.progress.json");
        let mut position: Value = serde_json::from_str(&text).expect("JSON");
        (position["writtenAt"], position["settled"]) = (json!("2020-01-01T00:00:00Z"), json!(false));
        write(&program, "big.progress.json", position.to_string());
        assert_names(&refused(&program, &IMPORT).await, &["may have forgotten", "--restart"]);
        write(&program, "big.progress.json", text);
        // rows have changed that are stored and not noted: the file's length and beginning are as they were
        let changed = ["1990", "2990", "3990", "4490"].iter().fold(rows(4500), |text, n| text.replace(&format!("note, {n}"), &format!("note: {n}")));
        let changed = changed.into_bytes();
        write(&program, "big.csv", &changed);
        let before = leads(&program, "acme").await.len();
        assert!(before >= 1980, "two chunks are stored: {before}");
        assert_names(&refused(&program, &IMPORT).await, &["rows ", "were stored by an earlier run", "another", "--restart"]);
        let before = leads(&program, "acme").await.len();
        write(&program, "big.csv", [&changed[..], b"x,y,2025550101,\n"].concat());
        assert_names(&refused(&program, &IMPORT).await, &["the file has changed since", "--restart"]);
        write(&program, "big.progress.json", "{");
        assert_names(&refused(&program, &IMPORT).await, &["cannot be understood", "--restart"]);
        let shown = program.record(&[&IMPORT[..], &["--restart"]].concat()).await;
        assert_eq!(shown["stored"], json!(4456));
        assert_eq!(leads(&program, "acme").await.len(), before + 4456, "anew is anew");
        let shown = program.record(&beta).await;
        assert_eq!(shown["stored"], json!(4456), "what is finished stands in nobody's way");
    }

    async fn a_server_runs_beside_it(program: Program) {
        program.set("CTI_STORE__ALLOW_VOLATILE", "true");
        set_up(&program).await;
        let (server, _) = program.serve().await;
        write(&program, "big.csv", rows(ROWS));
        let numbers: String = (0..300).map(|n| format!("303555{n:04}\n")).collect();
        write(&program, "dnc.txt", numbers);
        let (shown, dnc) = tokio::join!(program.record(&IMPORT), program.record(&["dnc", "import", "--account", "acme", "dnc.txt"]));
        assert_eq!(dnc["added"], json!(300));
        assert_whole(&program, &shown).await;
        assert_eq!(server.stop("TERM").await.0, 0);
    }
}
