//! Leads, what an account has set up and the do-not-call list from the command line: the real program, on both databases.

mod dnc;
mod import;
mod resume;
mod round_trip;
mod setup;
mod speed;

use std::{fs, path::PathBuf};

use cti_gateway::store::{Db, OpenOptions, accounts, journal};
use serde_json::Value;

use crate::support::program::Program;

/// Runs one body on both databases: `on_both! { async fn name(program: Program) {…} }`.
macro_rules! on_both {
    ($(async fn $name:ident($program:ident: Program) $body:block)*) => { $(
        mod $name {
            #[allow(unused_imports, reason = "a short body may need none of the file's imports")]
            use super::*;
            #[allow(unused_mut, reason = "some bodies set variables")]
            async fn body(mut $program: Program) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body(Program::on_sqlite()).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                body(Program::on_postgres().await).await;
            }
        }
    )* };
}
use on_both;

/// The account `acme` with a campaign of two parts and a custom field.
async fn set_up(program: &Program) {
    add_account(program, "acme").await;
}

async fn add_account(program: &Program, name: &str) {
    program.record(&["account", "add", name]).await;
    program.record(&["campaign", "add", "--account", name, "--name", "Spring", "--subcampaign", "North", "--subcampaign", "South"]).await;
    program.record(&["field", "add", "--account", name, "--name", "Policy ID"]).await;
}

fn file(program: &Program, name: &str) -> PathBuf {
    program.folder.path().join(name)
}

fn write(program: &Program, name: &str, text: impl AsRef<[u8]>) {
    fs::write(file(program, name), text).expect("a file");
}

fn read(program: &Program, name: &str) -> String {
    fs::read_to_string(file(program, name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All leads of an account, the oldest first.
async fn leads(program: &Program, account: &str) -> Vec<Value> {
    program.json(&["lead", "export", "--account", account]).await
}

/// The data of the entries of a type.
async fn entries(program: &Program, account: &str, kind: &str) -> Vec<Value> {
    let url = program.variable("CTI_STORE__URL").to_owned();
    let db = Db::open(&OpenOptions { url, pipes: 1, writers: 1, readers: 1, replayers: 1 }).await.expect("the store opens");
    let id = accounts::by_name(db.read(), account).await.expect("the store").expect("an account").id;
    let entries = journal::page(db.read(), id, 0, i64::MAX, None, 10_000).await.expect("the store");
    db.close().await;
    let body = |entry: &journal::StoredEntry| serde_json::from_str::<Value>(&entry.body).expect("JSON")["data"].clone();
    entries.iter().filter(|entry| entry.kind == kind).map(body).collect()
}

fn assert_names(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} in: {text}");
    }
}

/// Runs a command that fails as it should; remarks may come before the error.
async fn refused(program: &Program, arguments: &[&str]) -> String {
    let said = program.run(arguments).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{arguments:?}: {}", said.err);
    assert!(said.err.lines().any(|line| line.starts_with("error: ")) && !said.err.contains("panicked"), "{}", said.err);
    said.err
}
