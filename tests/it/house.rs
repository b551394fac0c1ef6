//! The house test: what keeps the rooms apart and the files small. Every check is a function of texts, so that each is
//! shown here to fail on a small example.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use cti_gateway::{domain::call::State, http::error::ApiError};

/// The rooms and whom each may name. Arrows point down only.
const ROOMS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("pbx", &["domain"]),
    ("courier", &["domain"]),
    ("app", &["domain", "store", "pbx", "courier"]),
    ("config", &["app", "store", "courier"]),
    ("http", &["domain", "store", "pbx", "app", "config"]),
    ("client", &["app"]),
    ("cli", &["domain", "store", "pbx", "app", "config", "http", "client", "courier"]),
];
/// Macros live at the crate's root whatever room they are written in.
const MACROS: [(&str, &str); 1] = [("q", "store")];
/// The files that know there are two databases.
const FORKS: [&str; 6] = ["store/mod.rs", "store/bulk.rs", "store/commit.rs", "store/open.rs", "store/arg.rs", "store/pen.rs"];
const MAX_LINES: usize = 500;

/// A file: its path below the folder it was looked for in, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn example(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The lines without comments, numbered from one. `//` inside an address is none.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| {
            let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
            (index + 1, comment.map_or(line, |(at, _)| &line[..at]))
        })
    }

    fn without_comments(&self) -> String {
        self.code().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    }

    /// `file:line: what`, for each line of code that holds one of the words.
    fn find(&self, words: &[&str]) -> Vec<String> {
        let hit = |(number, line): (usize, &str)| {
            let word = words.iter().find(|word| holds_word(line, word))?;
            Some(format!("{}:{number}: {word}", self.path))
        };
        self.code().filter_map(hit).collect()
    }
}

/// Whether the line holds the word, not as the end of a longer one.
fn holds_word(line: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(part_of_name))
}

/// All files below a folder of the project that have one of the endings.
fn files(folder: &str, endings: &[&str]) -> Vec<Source> {
    fn walk(folder: &Path, endings: &[&str], below: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "node_modules") {
                    walk(&path, endings, below, found);
                }
            } else if endings.iter().any(|ending| path.extension().is_some_and(|extension| extension == *ending)) {
                let relative = path.strip_prefix(below).expect("a path below").display().to_string();
                found.push(Source { path: relative, text: fs::read_to_string(&path).expect("text") });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    walk(&root, endings, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "{folder} holds files");
    found
}

/// The first names after each `root` (such as `crate::`), also of those in braces, with their lines.
fn names_after(text: &str, root: &str) -> Vec<(usize, String)> {
    let name = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in text.match_indices(root) {
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &text[at + root.len()..];
        let mut items = vec![(at, rest)];
        if let Some(group) = rest.strip_prefix('{') {
            items.clear();
            let (mut depth, mut fresh) = (0_usize, true);
            for (offset, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => fresh = true,
                    c if fresh && !c.is_whitespace() => {
                        items.push((at + root.len() + 1 + offset, &group[offset..]));
                        fresh = false;
                    }
                    _ => {}
                }
            }
        }
        found.extend(items.into_iter().map(|(at, item)| (text[..at].matches('\n').count() + 1, name(item))));
    }
    found
}

/// Every name at the crate's root that a file reaches, be it by `crate::` or by climbing.
fn reaches(source: &Source) -> Vec<(usize, String)> {
    let text = source.without_comments();
    let depth = source.path.trim_end_matches("/mod.rs").split('/').count();
    let climb = "super::".repeat(depth);
    ["crate::", "cti_gateway::", &climb].iter().flat_map(|root| names_after(&text, root)).collect()
}

/// Names that point up, or to no room of the plan.
fn broken_floors(sources: &[Source]) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources.iter().filter(|source| !matches!(source.path.as_str(), "lib.rs" | "main.rs")) {
        let room = source.path.split(['/', '.']).next().unwrap_or_default();
        let Some((_, below)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            broken.push(format!("{}:1: {room} is no room of the plan", source.path));
            continue;
        };
        for (line, name) in reaches(source) {
            let named = MACROS.iter().find(|(word, _)| *word == name).map_or(name.as_str(), |(_, room)| room);
            if named != room && ROOMS.iter().any(|(other, _)| *other == named) && !below.contains(&named) {
                broken.push(format!("{}:{line}: {room} names {named}", source.path));
            }
        }
    }
    broken
}

/// What a pure room must not touch: clocks, randomness, the machine, other rooms' libraries.
fn impurities(source: &Source) -> Vec<String> {
    let words = ["tokio", "sqlx", "reqwest", "SystemTime", "Instant", "rand::", "getrandom", "Utc::now", "Local::now", "new_v4", "now_v7"];
    let mut found = source.find(&words);
    for (line, name) in names_after(&source.without_comments(), "std::") {
        if ["fs", "net", "env", "process", "thread", "io"].contains(&name.as_str()) {
            found.push(format!("{}:{line}: std::{name}", source.path));
        }
    }
    found
}

/// Places that know there are two databases.
fn forks(source: &Source) -> Vec<String> {
    source.find(&["Sides::", "PgPool", "PgConnection", "PgRow", "PgArguments", "Sqlite", "sqlx::Postgres", "rusqlite"])
}

/// Tables with their columns, and indexes, as a migration makes them.
fn schema(sql: &str) -> Vec<(String, Vec<String>)> {
    let plain: String = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for statement in plain.split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        match words.as_slice() {
            ["create", "table", name, ..] => found.push(((*name).to_owned(), columns(statement))),
            // types differ
            ["alter", "table", table, "add", "column", column, ..] => found.push((format!("{table} {column}"), vec![])),
            ["create", "index" | "unique", ..] | ["alter", ..] => found.push((words.join(" "), vec![])),
            _ => {}
        }
    }
    found
}

/// The names of the columns between the outer brackets.
fn columns(statement: &str) -> Vec<String> {
    let body = statement.split_once('(').map_or("", |(_, body)| body);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in body.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().expect("a part").push(c),
        }
        if depth < 0 {
            break;
        }
    }
    let first = |part: String| part.split_whitespace().next().map(str::to_owned);
    let is_column = |word: &String| !["primary", "foreign", "unique", "check", "constraint"].contains(&word.as_str());
    parts.into_iter().filter_map(first).filter(is_column).collect()
}

/// Migrations that differ between the two folders.
fn unequal_migrations(one: &[Source], other: &[Source]) -> Vec<String> {
    let by_name = |sources: &[Source]| -> BTreeMap<String, Vec<(String, Vec<String>)>> {
        sources.iter().map(|source| (source.path.clone(), schema(&source.text))).collect()
    };
    let (one, other) = (by_name(one), by_name(other));
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    (lines > MAX_LINES).then(|| format!("{}: {lines} lines", source.path))
}

fn begins_without_purpose(source: &Source) -> Option<String> {
    (!source.text.starts_with("//! ")).then(|| source.path.clone())
}

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn arrows_point_down() {
    none(broken_floors(&files("src", &["rs"])));
    let example = |path: &str, text: &str| broken_floors(&[Source::example(path, text)]);
    assert_eq!(example("domain/x.rs", "//! x\n\nuse crate::store::Db;"), ["domain/x.rs:3: domain names store"]);
    assert_eq!(example("app/x.rs", "use crate::{\n    domain::{a, b},\n    http::Web,\n};"), ["app/x.rs:3: app names http"]);
    assert_eq!(example("store/x.rs", "fn f() -> crate::app::App { }"), ["store/x.rs:1: store names app"]);
    assert_eq!(example("store/x.rs", "use crate::pbx::vtiger;"), ["store/x.rs:1: store names pbx"], "not sideways either");
    assert_eq!(example("app/mod.rs", "use super::cli;"), ["app/mod.rs:1: app names cli"]);
    assert_eq!(example("app/hub/x.rs", "use super::super::super::{clock, http};"), ["app/hub/x.rs:1: app names http"]);
    assert_eq!(example("domain/x.rs", "crate::q!(1)"), ["domain/x.rs:1: domain names store"]);
    assert_eq!(example("helpers.rs", ""), ["helpers.rs:1: helpers is no room of the plan"]);
    assert_eq!(example("http/x.rs", "// crate::cli\nuse crate::{app::App, config::Config};"), [""; 0]);
}

#[test]
fn the_law_is_pure() {
    none(files("src/domain", &["rs"]).iter().flat_map(impurities).collect());
    for impure in
        ["use std::time::Instant;", "chrono::Utc::now()", "rand::random()", "use std::{fmt, fs};", "std::net::IpAddr", "Uuid::now_v7()"]
    {
        assert_eq!(impurities(&Source::example("x.rs", impure)).len(), 1, "{impure}");
    }
    for pure in ["// Instant", "use std::{fmt, str::FromStr};", "fn brand() {}", "let instant = 1;", "use std::time::Duration;"] {
        assert_eq!(impurities(&Source::example("x.rs", pure)), [""; 0], "{pure}");
    }
}

#[test]
fn few_files_know_that_there_are_two_databases() {
    let sources = files("src", &["rs"]);
    none(sources.iter().filter(|source| !FORKS.contains(&source.path.as_str())).flat_map(forks).collect());
    for file in FORKS {
        assert!(
            sources.iter().any(|source| source.path == file && !forks(source).is_empty()),
            "{file} forks no more: take it off the list"
        );
    }
    for fork in ["Sides::Pg(x)", "fn f(pool: &PgPool)", "sqlx::SqliteConnection", "use sqlx::{Sqlite, PgPool};"] {
        assert_eq!(forks(&Source::example("app/x.rs", fork)).len(), 1, "{fork}");
    }
    assert_eq!(forks(&Source::example("x.rs", "// Sides::\nlet kind = \"sqlite\"; // PgPool")), [""; 0]);
}

#[test]
fn both_databases_have_the_same_tables() {
    let (sqlite, postgres) = (files("migrations/sqlite", &["sql"]), files("migrations/postgres", &["sql"]));
    none(unequal_migrations(&sqlite, &postgres));
    let tables = schema(&sqlite[0].text);
    let columns = &tables.iter().find(|(name, _)| name == "journal").expect("a journal").1;
    assert_eq!(columns, &["account_id", "seq", "id", "kind", "audience", "body", "observed_at"]);

    let one = [Source::example("1.sql", "create table t (a integer primary key, b text, -- why\n primary key (a, b)) strict;")];
    let unequal = |sql: &str| unequal_migrations(&one, &[Source::example("1.sql", sql)]).len();
    assert_eq!(unequal("create table t (a bigint primary key, b numeric(1, 2));"), 0);
    assert_eq!(unequal("create table t (b text, a bigint);"), 1, "another order");
    assert_eq!(unequal("create table t (a bigint);"), 1, "a column less");
    assert_eq!(unequal("create table u (a bigint, b text);"), 1, "another name");
    assert_eq!(unequal("create table t (a bigint, b text); create index i on t (b);"), 1, "an index more");
    assert_eq!(unequal_migrations(&one, &[]).len(), 1, "a file less");
}

#[test]
fn every_file_says_why_it_exists_and_is_short() {
    let rust = ["src", "tests", "benches"].map(|folder| files(folder, &["rs"]));
    none(rust.iter().flatten().filter_map(begins_without_purpose).collect());
    let others = [files("web", &["js", "css", "html"]), files("migrations", &["sql"])];
    none(rust.iter().chain(&others).flatten().filter_map(too_long).collect());
    assert!(begins_without_purpose(&Source::example("x.rs", "use std::fmt;\n//! late")).is_some());
    assert!(too_long(&Source::example("x.rs", &"\n".repeat(501))).is_some());
    assert!(too_long(&Source::example("x.rs", &"\n".repeat(500))).is_none());
}

#[test]
fn sql_made_of_text_stays_in_the_book() {
    let made = |source: &Source| source.find(&["AssertSqlSafe"]);
    none(files("src", &["rs"]).iter().filter(|source| !source.path.starts_with("store/")).flat_map(made).collect());
    assert_eq!(made(&Source::example("app/x.rs", "\nAssertSqlSafe(text)")), ["app/x.rs:2: AssertSqlSafe"]);
}

#[test]
fn nothing_is_allowed_without_being_expected() {
    let allowed = |source: &Source| source.find(&["#[allow", "#![allow"]);
    none(files("src", &["rs"]).iter().flat_map(allowed).collect());
    assert_eq!(allowed(&Source::example("x.rs", "#[allow(dead_code)]")), ["x.rs:1: #[allow"]);
}

/// The rows of the glossary: word → meaning.
fn glossary(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |")?.split_once(" | "));
    rows.filter(|(word, _)| *word != "word").map(|(word, meaning)| (word.to_owned(), meaning.to_owned())).collect()
}

#[test]
fn the_glossary_has_the_words_of_the_law() {
    let words = glossary(&fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("lib.rs"));
    for word in [
        "account",
        "agent",
        "operator",
        "gateway",
        "call",
        "attempt",
        "line",
        "handling",
        "state",
        "status",
        "call status",
        "outcome",
        "news",
        "wish",
        "fact",
        "entry",
        "epoch",
        "audience",
        "party",
        "lease",
        "pacing",
        "cover",
        "abandoned",
        "tally",
        "budget",
        "door",
        "queueDn",
    ] {
        assert!(words.get(word).is_some_and(|meaning| meaning.len() > 10), "{word} has no meaning");
    }
    for state in [State::Preview, State::Incoming, State::Ringing, State::Talk, State::Hold, State::Idle, State::End] {
        assert!(words["state"].contains(state.word()), "the state {} is missing", state.word());
    }
    assert!(["open", "retry", "closed"].iter().all(|status| words["status"].contains(status)));
    assert_eq!(glossary("//! | word | meaning |\n//! |---|---|\n//! | call | a talk |\n// | x | y |").len(), 1);
}

#[test]
fn every_error_has_one_status_and_one_word() {
    let text = || std::borrow::Cow::Borrowed("x");
    let errors = [
        (ApiError::Unauthorized(text()), 401, "unauthorized"),
        (ApiError::Forbidden(text()), 403, "forbidden"),
        (ApiError::NotFound(text()), 404, "not_found"),
        (ApiError::Invalid { field: text(), message: text() }, 422, "invalid"),
        (ApiError::Missing { field: text(), message: text() }, 400, "missing"),
        (ApiError::Unreadable(text()), 400, "unreadable"),
        (ApiError::TooLarge, 413, "too_large"),
        (ApiError::Conflict(text()), 409, "conflict"),
        (ApiError::Duplicate(7), 409, "duplicate"),
        (ApiError::Stale(Some(2)), 412, "stale"),
        (ApiError::TooMany, 429, "too_many"),
        (ApiError::Busy(text()), 503, "busy"),
        (ApiError::Internal("x".into()), 500, "internal"),
    ];
    let words: BTreeSet<&str> = errors.iter().map(|(_, _, word)| *word).collect();
    assert_eq!(words.len(), errors.len());
    for (error, status, word) in errors {
        let (found, code) = error.status();
        assert_eq!((found.as_u16(), code), (status, word));
        let response = error.with_body(());
        assert_eq!(response.headers().contains_key("retry-after"), matches!(status, 429 | 503), "{word}");
        assert_eq!(response.headers().contains_key("www-authenticate"), status == 401, "{word}");
    }
}
