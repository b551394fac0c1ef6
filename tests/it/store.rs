//! The book on both databases: the functions that the tests of the doors do not reach with all their edges.

mod commits;
mod queue;
mod tls;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use cti_gateway::{
    app::sweeper,
    domain::{
        call::{Call, Cause, News, NewsKind, Terms, Told},
        secret::SecretHash,
    },
    q,
    store::{
        Arg, Bulk, Column, Db, Reads, Tx, Verb, Writes,
        accounts::{self, NewAccount},
        calls::{self, Extent},
        credentials::{self, NewCredential},
        gateways,
        journal::{self, NewEntry},
        parties, people, records,
    },
};
use uuid::Uuid;

use crate::support::app::{Kind, SECRET, TestApp, agent, both, gateway, noon, number, token};

fn later(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

async fn begin(db: &Db) -> Tx {
    db.begin().await.expect("a transaction")
}

fn account_named(name: &str) -> NewAccount {
    NewAccount { name: name.into(), region: "DE".into(), search_url: Some("https://crm.example/{type}".into()), create_url: None }
}

/// Appends `count` entries to an account's journal; the first `old` of them are a week old.
async fn write_entries(t: &TestApp, account: i64, count: i64, old: i64) -> journal::Position {
    let db = t.app().db.clone();
    let mut tx = begin(&db).await;
    let position = journal::hold_turn(&mut tx, account).await.expect("the turn");
    let entry = |n: i64| NewEntry {
        seq: position.seq + n,
        id: t.clock.id(),
        kind: "call.state",
        audience: match n % 3 {
            0 => None,
            1 => Some("agent1".into()),
            _ => Some("agent10\nagent2".into()),
        },
        body: format!("{{\"n\":{n}}}"),
        observed_at: if n <= old { later(-7 * 86_400) } else { noon() },
    };
    let rows = vec![journal::entries(account, (1..=count).map(entry).collect())];
    let writes =
        Writes { account, epoch: position.epoch, after: position.turn, turn: t.clock.id(), seq: position.seq + count, lead_id: 0, rows };
    assert!(tx.write(writes).await.expect("the journal"), "the turn is held");
    tx.commit().await.expect("a commit");
    journal::position(db.read(), account).await.expect("a position")
}

/// A row of every type of column, absent values included.
type Cells = (i64, Option<bool>, Option<i64>, Option<String>, Option<Uuid>, Option<DateTime<Utc>>);

static EVERY_TYPE: Bulk<6> = Bulk {
    table: "every_type",
    columns: [
        ("id", Column::Int),
        ("flag", Column::Bool),
        ("figure", Column::Int),
        ("word", Column::Text),
        ("key", Column::Uuid),
        ("at", Column::Time),
    ],
    verb: Verb::Insert("on conflict (id) do update set word = excluded.word"),
};

static UPDATE: Bulk<3> = Bulk {
    table: "every_type",
    columns: [("id", Column::Int), ("figure", Column::Int), ("at", Column::Time)],
    verb: Verb::Update("set figure = v.figure, at = v.at where every_type.id = v.id"),
};

static PLAIN: Bulk<1> = Bulk { table: "every_type", columns: [("id", Column::Int)], verb: Verb::Insert("") };

static DELETE: Bulk<2> = Bulk { table: "every_type", columns: [("id", Column::Int), ("figure", Column::Int)], verb: Verb::Delete };

fn cells(id: i64) -> Cells {
    if id % 3 == 0 {
        return (id, None, None, None, None, None);
    }
    let at = noon() + TimeDelta::microseconds(id);
    (id, Some(id % 2 == 0), Some(i64::MAX - id), Some(format!("ü'{id}\"\\")), Some(Uuid::from_u128(id.unsigned_abs().into())), Some(at))
}

async fn make_every_type(t: &TestApp) {
    let columns = match t.kind {
        Kind::Sqlite => {
            "create table every_type (id integer primary key, flag integer, figure integer, word text, key blob, at text) strict"
        }
        Kind::Postgres => {
            "create table every_type (id bigint primary key, flag boolean, figure bigint, word text, key uuid, at timestamptz)"
        }
    };
    t.app().db.write().run(q!(columns)).await.expect("a table");
}

both! {
    async fn bulk_takes_any_number_of_rows_of_every_type(t: TestApp) {
        make_every_type(&t).await;
        let db = t.app().db.clone();
        let mut first = 0;
        for count in [0, 1, 15, 16, 17, 500, 1_000] {
            let expected: Vec<Cells> = (first..first + count).map(cells).collect();
            let row = |cells: &Cells| -> [Arg; 6] {
                let (id, flag, figure, word, key, at) = cells.clone();
                [id.into(), flag.into(), figure.into(), word.into(), key.into(), at.into()]
            };
            let mut tx = begin(&db).await;
            tx.bulk(EVERY_TYPE.rows(expected.iter().map(row).collect())).await.unwrap_or_else(|error| panic!("{count} rows: {error}"));
            tx.commit().await.expect("a commit");
            let stored: Vec<Cells> = db.read().all(q!("select * from every_type where id >= $1 order by id", first)).await.expect("rows");
            assert_eq!(stored, expected, "{count} rows");
            first += count;
        }
        // the tail is part of the statement
        let mut tx = begin(&db).await;
        let other = |id: i64| -> [Arg; 6] { [id.into(), true.into(), 0_i64.into(), "other".into(), Uuid::nil().into(), noon().into()] };
        tx.bulk(EVERY_TYPE.rows((0..40).map(other).collect())).await.expect("an upsert");
        tx.commit().await.expect("a commit");
        let (words, rows): (i64, i64) = db.read().one(q!("select count(*) filter (where word = 'other'), count(*) from every_type")).await.expect("counts");
        assert_eq!((words, rows), (40, first));
    }

    async fn bulk_updates_the_rows_that_are_there(t: TestApp) {
        make_every_type(&t).await;
        let db = t.app().db.clone();
        for count in [0, 1, 15, 16, 17, 500, 1_000] {
            let mut tx = begin(&db).await;
            tx.run(q!("delete from every_type")).await.expect("a statement");
            let row = |id: i64| -> [Arg; 6] { [id.into(), true.into(), 0_i64.into(), "kept".into(), Uuid::nil().into(), noon().into()] };
            tx.bulk(EVERY_TYPE.rows((0..count).map(row).collect())).await.expect("rows");
            // every row gets values of its own, absent ones too; the last is not there
            let change = |id: i64| -> [Arg; 3] { [id.into(), (id % 3 != 0).then_some(id * 2).into(), (id % 2 == 0).then(|| later(id)).into()] };
            tx.bulk(UPDATE.rows((0..=count).map(change).collect())).await.unwrap_or_else(|error| panic!("{count} rows: {error}"));
            tx.commit().await.expect("a commit");
            let stored: Vec<(i64, Option<i64>, Option<DateTime<Utc>>, String)> = db.read().all(q!("select id, figure, at, word from every_type order by id")).await.expect("rows");
            let expected: Vec<_> = (0..count).map(|id| (id, (id % 3 != 0).then_some(id * 2), (id % 2 == 0).then(|| later(id)), "kept".to_owned())).collect();
            assert_eq!(stored, expected, "{count} rows");
        }
    }

    async fn bulk_deletes_the_rows_that_equal(t: TestApp) {
        make_every_type(&t).await;
        let db = t.app().db.clone();
        let row = |id: i64| -> [Arg; 6] { [id.into(), true.into(), (id % 2).into(), "x".into(), Uuid::nil().into(), noon().into()] };
        let mut tx = begin(&db).await;
        tx.bulk(EVERY_TYPE.rows((0..10).map(row).collect())).await.expect("rows");
        tx.bulk(DELETE.rows((0..5).map(|id| [id.into(), 1_i64.into()]).collect())).await.expect("a delete");
        tx.commit().await.expect("a commit");
        let left: Vec<(i64,)> = db.read().all(q!("select id from every_type order by id")).await.expect("rows");
        assert_eq!(left, [(0,), (2,), (4,), (5,), (6,), (7,), (8,), (9,)], "both columns count");
    }

    async fn a_value_of_another_type_is_refused_and_takes_nothing_with_it(t: TestApp) {
        make_every_type(&t).await;
        let db = t.app().db.clone();
        let mut tx = begin(&db).await;
        let row = |figure: Arg| -> [Arg; 6] { [1_i64.into(), true.into(), figure, "x".into(), Uuid::nil().into(), noon().into()] };
        assert!(tx.bulk(EVERY_TYPE.rows(vec![row("seven".into())])).await.is_err());
        tx.rollback().await.expect("a rollback");
        let (rows,): (i64,) = db.read().one(q!("select count(*) from every_type")).await.expect("a count");
        assert_eq!(rows, 0);
    }

    async fn times_are_cut_to_microseconds(t: TestApp) {
        make_every_type(&t).await;
        let db = t.app().db.clone();
        let fine = noon() + TimeDelta::nanoseconds(123_456_789);
        db.write().run(q!("insert into every_type (id, at) values (1, $1)", fine)).await.expect("a row");
        let (stored,): (DateTime<Utc>,) = db.read().one(q!("select at from every_type")).await.expect("a row");
        assert_eq!(stored, noon() + TimeDelta::microseconds(123_456));
        // and they compare as times, with any number of digits
        for (id, micros) in [(2_i64, 0), (3, 500_000), (4, 500_001), (5, 999_999), (6, 1_000_000)] {
            db.write().run(q!("insert into every_type (id, at) values ($1, $2)", id, noon() + TimeDelta::microseconds(micros))).await.expect("a row");
        }
        let ids: Vec<(i64,)> = db.read().all(q!("select id from every_type where at >= $1 and at < $2 order by at", noon() + TimeDelta::milliseconds(100), later(1))).await.expect("rows");
        assert_eq!(ids, [(1,), (3,), (4,), (5,)]);
    }

    async fn a_rolled_back_or_dropped_transaction_leaves_nothing(t: TestApp) {
        let db = t.app().db.clone();
        for dropped in [false, true] {
            let mut tx = begin(&db).await;
            assert!(accounts::add(&mut tx, &account_named("ghost"), t.clock.id(), noon()).await.expect("the store").is_some());
            if dropped { drop(tx) } else { tx.rollback().await.expect("a rollback") }
            assert!(accounts::by_name(db.write(), "ghost").await.expect("the store").is_none());
        }
    }

    async fn accounts_and_people(t: TestApp) {
        let db = t.app().db.clone();
        let mut tx = begin(&db).await;
        let id = accounts::add(&mut tx, &account_named("Beta"), t.clock.id(), noon()).await.expect("the store").expect("a new account");
        assert_eq!(accounts::add(&mut tx, &account_named("Beta"), t.clock.id(), noon()).await.expect("the store"), None, "the name is taken");
        assert!(accounts::add(&mut tx, &account_named("beta"), t.clock.id(), noon()).await.expect("the store").is_some(), "case matters");
        let mut new = agent("agent1", "+4930123456");
        (new.extension, new.password_hash) = (number("101"), Some("hash-1".into()));
        assert!(people::add_agent(&mut tx, id, &new, noon()).await.expect("the store").is_some(), "a login of another account");
        assert_eq!(people::add_agent(&mut tx, id, &new, noon()).await.expect("the store"), None);
        assert!(people::add_operator(&mut tx, id, "op", "hash-2", noon()).await.expect("the store"));
        assert!(!people::add_operator(&mut tx, id, "op", "hash-3", noon()).await.expect("the store"));
        tx.commit().await.expect("a commit");
        let names: Vec<String> = accounts::list(db.read()).await.expect("accounts").into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["Beta", "acme", "beta"], "in the order of bytes on both databases");
        let row = accounts::by_id(db.read(), id).await.expect("the store").expect("an account");
        assert_eq!((row.name.as_str(), row.region.as_str(), row.search_url.as_deref(), row.create_url, row.created_at), ("Beta", "DE", Some("https://crm.example/{type}"), None, noon()));
        assert!(accounts::by_id(db.read(), 0).await.expect("the store").is_none());
        let agents = people::agents(db.read(), id).await.expect("agents");
        assert_eq!((agents.len(), agents[0].number.clone(), agents[0].extension.clone()), (1, number("+4930123456"), number("101")));
        for (login, expected) in [("agent1", Some("hash-1")), ("op", None), ("Agent1", None)] {
            assert_eq!(people::agent_password(db.read(), id, login).await.expect("the store").as_deref(), expected, "{login}");
        }
        assert_eq!(people::agent_password(db.read(), t.account, "agent1").await.expect("the store"), None, "an agent without a password");
        assert_eq!(people::operator_password(db.read(), id, "op").await.expect("the store").as_deref(), Some("hash-2"));
        assert_eq!(people::operator_password(db.read(), t.account, "op").await.expect("the store"), None);
    }

    async fn gateways_are_found_by_secret(t: TestApp) {
        let db = t.app().db.clone();
        let found = gateways::by_secret(db.read(), &SecretHash::of(SECRET)).await.expect("the store").expect("a gateway");
        assert_eq!((found.name.as_str(), found.account_id, found.popup.as_str(), found.signature_hash), ("office", t.account, "all", None));
        assert!(gateways::by_secret(db.read(), &SecretHash::of("wrong")).await.expect("the store").is_none());
        let mut tx = begin(&db).await;
        for (name, secret) in [("office", "another secret"), ("another name", SECRET)] {
            assert_eq!(gateways::add(&mut tx, t.account, &gateway(name, secret, "all"), noon()).await.expect("the store"), None, "{name}");
        }
        for name in ["open-1", "open-2"] {
            let mut open = gateway(name, "", "agent");
            (open.secret, open.signature) = (None, Some(SecretHash::of(name)));
            assert!(gateways::add(&mut tx, t.account, &open, noon()).await.expect("the store").is_some(), "several may have no secret");
        }
        tx.commit().await.expect("a commit");
        let all = gateways::all(db.read()).await.expect("gateways");
        assert_eq!(all.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["office", "quiet", "open-1", "open-2"]);
        assert_eq!(all[3].signature_hash.as_deref(), Some(SecretHash::of("open-2").as_bytes()));
    }

    async fn credentials_hold_until_they_expire_or_are_revoked(t: TestApp) {
        let db = t.app().db.clone();
        let insert = async |credential: &NewCredential| db.write().run(credentials::insert(credential, noon())).await.expect("the store");
        let short = NewCredential { expires_at: Some(later(10)), allow_query: true, networks: Some("10.0.0.0/8".into()), ..token(t.account, "short", "calls:read") };
        assert_eq!((insert(&short).await, insert(&short).await), (1, 0), "the same secret twice");
        let find = async |secret: &str, now: DateTime<Utc>| credentials::find(db.read(), &SecretHash::of(secret), now).await.expect("the store");
        let row = find("short", later(9)).await.expect("still valid");
        assert_eq!((row.allow_query, row.networks.as_deref(), row.expires_at, row.revoked_at), (true, Some("10.0.0.0/8"), Some(later(10)), None));
        assert!(find("short", later(10)).await.is_none(), "valid until, not at");
        for (now, valid) in [(later(9), true), (later(10), false)] {
            assert_eq!(credentials::is_valid(db.read(), row.id, now).await.expect("the store"), valid);
        }
        let revoke = async |account: i64, id: i64| db.write().run(credentials::revoke(account, id, noon())).await.expect("the store");
        assert_eq!(revoke(t.account + 1, row.id).await, 0, "another account's");
        assert_eq!((revoke(t.account, row.id).await, revoke(t.account, row.id).await), (1, 0));
        assert!(find("short", noon()).await.is_none());
        assert!(!credentials::is_valid(db.read(), row.id, noon()).await.expect("the store"));
        let listed = credentials::list(db.read(), t.account).await.expect("tokens");
        assert_eq!(listed.iter().map(|row| row.revoked_at).collect::<Vec<_>>(), [None, Some(noon())]);
        insert(&NewCredential { kind: "ticket", ..token(t.account, "one-time", "") }).await;
        let redeem = async |kind: &str| credentials::redeem(db.write(), &SecretHash::of("one-time"), kind, noon()).await.expect("the store");
        assert!(redeem("code").await.is_none(), "a ticket is no code");
        assert!(redeem("ticket").await.is_some());
        assert!(redeem("ticket").await.is_none());
    }

    async fn one_of_sixteen_redeems_a_ticket(t: TestApp) {
        for _ in 0..5 {
            let ticket = t.ticket("agent1").await;
            let race = (0..16).map(|_| tokio::spawn({ let (app, ticket) = (t.app(), ticket.clone()); async move { app.redeem_ticket(&ticket).await } }));
            let mut winners = 0;
            for racer in race.collect::<Vec<_>>() {
                winners += usize::from(racer.await.expect("no panic").expect("the store").is_some());
            }
            assert_eq!(winners, 1);
        }
        let late = t.ticket("agent1").await;
        t.clock.advance(Duration::from_secs(30));
        assert!(t.app().redeem_ticket(&late).await.expect("the store").is_none(), "half a minute is over");
    }

    async fn the_journal_is_read_in_pages(t: TestApp) {
        let before = journal::position(t.app().db.read(), t.account).await.expect("a position");
        let position = write_entries(&t, t.account, 9, 0).await;
        assert_eq!((position.seq, position.floor, &position.epoch), (before.seq + 9, 0, &before.epoch));
        let db = t.app().db.clone();
        let page = async |after: i64, upto: i64, login: Option<&str>, limit: i64| -> Vec<i64> {
            let rows = journal::page(db.replay(), t.account, before.seq + after, before.seq + upto, login, limit).await.expect("a page");
            rows.iter().map(|row| row.seq - before.seq).collect()
        };
        assert_eq!(page(0, 9, None, 100).await, (1..=9).collect::<Vec<_>>());
        assert_eq!(page(2, 7, None, 100).await, [3, 4, 5, 6, 7], "after is left out, upto is in");
        assert_eq!(page(2, 7, None, 2).await, [3, 4]);
        assert_eq!(page(0, 9, Some("agent2"), 100).await, [2, 3, 5, 6, 8, 9]);
        assert_eq!(page(0, 9, Some("agent1"), 100).await, (1..=9).collect::<Vec<_>>(), "agent10 looks like agent1: the reader sorts that out");
        assert_eq!(page(0, 9, Some("agent3"), 100).await, [3, 6, 9]);
        assert_eq!(page(9, 9, None, 100).await, [0_i64; 0]);
        for (seq, login) in [(1, "ACME\\ada"), (4, "50%_off")] {
            db.write().run(q!("update journal set audience = $3 where account_id = $1 and seq = $2", t.account, before.seq + seq, login)).await.expect("the journal");
            assert!(page(0, 9, Some(login), 100).await.contains(&seq), "{login} is told what concerns him");
        }
        let heads = journal::heads(db.read()).await.expect("heads");
        assert_eq!(heads, [(t.account, position.epoch.clone(), position.seq)]);
        let mut tx = begin(&db).await;
        let id: (Uuid,) = tx.one(q!("select id from journal where account_id = $1 and seq = $2", t.account, position.seq)).await.expect("an id");
        assert!(journal::holds(&mut tx, t.account, position.seq, id.0).await.expect("the store"));
        assert!(!journal::holds(&mut tx, t.account, position.seq - 1, id.0).await.expect("the store"));
        assert!(!journal::holds(&mut tx, t.account, position.seq, Uuid::nil()).await.expect("the store"));
        assert!(journal::hold_turn(&mut tx, 0).await.is_err(), "an account that is not there has no turn");
    }

    async fn old_entries_are_trimmed_from_the_front(t: TestApp) {
        let start = journal::position(t.app().db.read(), t.account).await.expect("a position").seq;
        write_entries(&t, t.account, 20, 12).await;
        let db = t.app().db.clone();
        let trim = async |before: DateTime<Utc>, limit: i64| {
            let mut tx = begin(&db).await;
            let removed = journal::trim(&mut tx, t.account, before, limit).await.expect("the journal");
            tx.commit().await.expect("a commit");
            let position = journal::position(db.read(), t.account).await.expect("a position");
            (removed, position.floor - start, position.seq - start)
        };
        // what set the account up is as young as noon and stands before the old entries: nothing after it may go
        assert_eq!(trim(later(-86_400), 100).await, (0, -start, 20));
        db.write().run(q!("update journal set observed_at = $2 where account_id = $1 and seq <= $3", t.account, later(-8 * 86_400), start)).await.expect("the journal");
        assert_eq!(trim(later(-86_400), start).await, (start.unsigned_abs(), 0, 20), "a page at a time");
        assert_eq!(trim(later(-86_400), 5).await, (5, 5, 20));
        assert_eq!(trim(later(-86_400), 100).await, (7, 12, 20));
        assert_eq!(trim(later(-86_400), 100).await, (0, 12, 20));
        assert_eq!(trim(later(1), 100).await, (8, 20, 20), "an empty journal keeps its place");
        assert_eq!(write_entries(&t, t.account, 1, 0).await.seq - start, 21);
        assert_eq!(journal::page(db.read(), t.account, 0, i64::MAX, None, 100).await.expect("a page").len(), 1);
    }

    async fn the_sweeper_trims_and_forgets(t: TestApp) {
        use serde_json::json;
        let post = |key: &str| t.api(reqwest::Method::POST, "/api/v1/call-events").header("Idempotency-Key", key).json(&json!({"events": [{"callId": "1", "event": "initiated", "from": "2025550123", "to": "1001"}]}));
        let ticket = t.ticket("agent1").await;
        post("old").send().await.expect("an answer");
        t.clock.advance(Duration::from_secs(86_400 + 60));
        post("young").send().await.expect("an answer");
        let app = t.app();
        assert_eq!(sweeper::trim(&app).await.expect("the store"), 0, "entries are kept for a week");
        let mut tx = begin(&app.db).await;
        assert!(journal::remembered(&mut Reads::Tx(&mut tx), t.account, "call-events/old").await.expect("the store").is_none(), "a key is kept for a day");
        assert!(journal::remembered(&mut Reads::Tx(&mut tx), t.account, "call-events/young").await.expect("the store").is_some());
        tx.rollback().await.expect("a rollback");
        let count = async || app.db.read().one::<(i64,)>(q!("select count(*) from token where hash = $1", SecretHash::of(&ticket).as_bytes())).await.expect("a count").0;
        assert_eq!(count().await, 0, "a ticket that nobody used is forgotten");
        let before = journal::position(app.db.read(), t.account).await.expect("a position");
        t.clock.advance(Duration::from_secs(8 * 86_400));
        assert!(sweeper::trim(&app).await.expect("the store") > 0);
        let after = journal::position(app.db.read(), t.account).await.expect("a position");
        assert_eq!((after.floor, after.seq, after.epoch), (before.seq, before.seq, before.epoch));
        assert_eq!(t.calls().await.len(), 1, "the records of calls are kept for ever");
    }

    async fn long_lists_are_looked_up_and_empty_ones_match_nothing(t: TestApp) {
        t.vtiger("event=call_initiated&call_id=needle&from=%2B4930123456&to=1001").await;
        let app = t.app();
        let gateway = gateways::by_secret(app.db.read(), &SecretHash::of(SECRET)).await.expect("the store").expect("a gateway").id;
        let mut tx = begin(&app.db).await;
        let (none, calls_none) = calls::by_keys(&mut Reads::Tx(&mut tx), t.account, &[]).await.expect("an empty list");
        assert!(none.is_empty() && calls_none.is_empty() && calls::by_ids(&mut Reads::On(app.db.look_up()), t.account, &[]).await.expect("an empty list").is_empty());
        assert!(parties::owners(&mut Reads::Tx(&mut tx), t.account, &[]).await.expect("an empty list").is_empty());
        // as many as a full batch of full requests can bring: 512 times 100
        let mut keys: Vec<String> = (0..51_200).map(|n| format!("{}/{gateway}/hay-{n}", t.account)).collect();
        keys[33_333] = format!("{}/{gateway}/needle", t.account);
        let (lines, found) = calls::by_keys(&mut Reads::Tx(&mut tx), t.account, &keys).await.expect("a long list");
        assert_eq!((lines.len(), found.len()), (1, 1));
        let mut ids: Vec<Uuid> = (0..3_000).map(|_| t.clock.id()).collect();
        ids[2_999] = found[0].id;
        assert_eq!(calls::by_ids(&mut Reads::On(app.db.look_up()), t.account, &ids).await.expect("a long list"), found);
        assert!(calls::by_ids(&mut Reads::On(app.db.look_up()), t.account + 1, &ids).await.expect("a list").is_empty(), "calls of another account");
    }

    async fn calls_are_stored_as_they_are(t: TestApp) {
        let db = t.app().db.clone();
        let terms = Terms { wrap_up: TimeDelta::seconds(30), ringing: TimeDelta::seconds(60), talk: TimeDelta::seconds(600) };
        let mut call = Call::open(t.clock.id(), 0, "1".into(), noon());
        let news = |kind, second| News { kind, occurred_at: later(second), observed_at: later(second), told: Told { customer: number("+4930123456"), agent: Some("agent1".into()), ..Told::default() } };
        call.attempts[0].hear(&news(NewsKind::Started, 0), &terms);
        let save = async |call: &Call, extent: Extent, now: DateTime<Utc>| {
            let mut tx = begin(&db).await;
            let mut rows: Vec<_> = calls::rows(t.account, std::iter::once((call, extent)), &terms, now).expect("rows").into();
            rows.push(calls::line_rows(t.account, vec![("0/1".into(), (call.id, 1))], extent == Extent::New));
            for rows in rows {
                tx.bulk(rows).await.expect("the store");
            }
            tx.commit().await.expect("a commit");
        };
        save(&call, Extent::New, noon()).await;
        let mut tx = begin(&db).await;
        assert_eq!(calls::by_ids(&mut Reads::On(db.look_up()), t.account, &[call.id]).await.expect("the store"), [call.clone()], "what is read is what was written");
        assert_eq!(calls::by_keys(&mut Reads::Tx(&mut tx), t.account, &["0/1".into()]).await.expect("the store").0["0/1"], (call.id, 1));
        tx.rollback().await.expect("a rollback");
        let due = async |now: DateTime<Utc>| calls::due(db.read(), now, 10).await.expect("the store");
        assert_eq!((due(later(59)).await.len(), due(later(60)).await), (0, vec![(t.account, call.id)]));
        let (epoch, seq, live) = calls::live(db.replay(), t.account).await.expect("the store");
        let position = journal::position(db.read(), t.account).await.expect("a position");
        assert_eq!((epoch, seq, live), (position.epoch, position.seq, vec![call.clone()]));
        call.attempts[0].hear(&news(NewsKind::Ended(Some(Cause::read("busy"))), 5), &terms);
        save(&call, Extent::Progress, later(5)).await;
        assert!(due(later(1_000)).await.is_empty() && calls::live(db.replay(), t.account).await.expect("the store").2.is_empty());
        let row = records::call(db.read(), t.account, call.id).await.expect("the store").expect("a row");
        assert_eq!((row.call, row.updated_at), (call.clone(), later(5)));
        assert_eq!((call.newest().handling.finished_at, call.outcome_text()), (Some(later(5)), Some("Busy")));
        assert!(records::call(db.read(), t.account + 1, call.id).await.expect("the store").is_none(), "another account's");
        assert!(calls::live(db.replay(), 0).await.is_err(), "an account that is not there");
        // a record that no version of ours wrote is an error that says which
        db.write().run(q!("update dialer_call set record = $1 where id = $2", "{\"attempts\":[],\"edits\":{},\"party\":null}", call.id)).await.expect("the store");
        let error = records::call(db.read(), t.account, call.id).await.expect_err("no attempt");
        assert!(error.to_string().contains(&call.id.to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_store_is_opened_by_its_address() {
    use cti_gateway::store::{Durability, OpenOptions};
    let folder = tempfile::tempdir().expect("a folder");
    let options = |url: String| OpenOptions { url, pipes: 1, writers: 1, readers: 1, replayers: 1 };
    let deep = folder.path().join("a/b/cti.db");
    let db = Db::open(&options(format!("sqlite:{}", deep.display()))).await.expect("the folders are made");
    assert_eq!((db.name(), db.has_single_writer(), db.durability().await.expect("an answer")), ("sqlite", true, Durability::Durable));
    db.close().await;
    let error = Db::open(&options("mysql://user:hush@db/cti".into())).await.map(drop).expect_err("no such store").to_string();
    assert!(error.contains("\"mysql\"") && !error.contains("hush"), "{error}");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let error =
        Db::open(&options(format!("sqlite:{}", folder.path().join("file/cti.db").display()))).await.map(drop).expect_err("no folder");
    assert!(error.to_string().contains("cannot be made"), "{error}");
    let postgres = Db::open(&options(crate::support::postgres::database().await)).await.expect("Postgres");
    let Durability::Volatile(why) = postgres.durability().await.expect("an answer") else {
        panic!("the tests' Postgres runs with fsync=off")
    };
    assert!(why.contains("fsync=off"), "{why}");
    assert_eq!((postgres.name(), postgres.has_single_writer()), ("postgres", false));
}
