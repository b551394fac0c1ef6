//! The queue at size: a million leads, nine of ten outside their calling window, and the next one is found at once. The plans
//! that the databases keep from when the table was empty must not be in the way.

use std::time::Duration;

use chrono::TimeDelta;
use cti_gateway::{
    app::clock::instant,
    domain::{lead::Lead, setup::Kind},
    store::{Q, queue},
};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::support::{
    app::{self, TestApp, both, noon},
    figure,
};

const LEADS: i64 = 1_000_000;
/// Of ten leads one is in Berlin, where it is day; the others are asleep.
const LANES: [(&str, &str); 5] = [
    ("+1781", "US America/New_York"),
    ("+1312", "US America/Chicago"),
    ("+1303", "US America/Denver"),
    ("+1206", "US America/Los_Angeles"),
    ("+1808", "US Pacific/Honolulu"),
];
/// A debug build on a machine with other things to do.
const WITHIN: Duration = Duration::from_millis(100);

/// Writes leads as they are when their windows were open yesterday and nobody dialed them.
async fn fill(t: &TestApp) {
    let sqlite = t.kind == app::Kind::Sqlite;
    let (flags, yesterday, since) =
        ((if sqlite { "0, 0, 0, 1" } else { "false, false, false, true" }), "2026-11-19T12:00:00+00:00", "2026-11-19T18:00:00+00:00");
    let time = |text: &str| if sqlite { format!("'{}'", text) } else { format!("timestamptz '{text}'") };
    let pick = |of: fn(&(&'static str, &'static str)) -> &'static str, berlin: &str| {
        let cases: Vec<String> = LANES.iter().enumerate().map(|(index, lane)| format!("when {} then '{}'", index + 1, of(lane))).collect();
        format!("case when i % 10 = 0 then '{berlin}' else case i % 5 + 1 {} end end", cases.join(" "))
    };
    let (phone, lane) = (pick(|lane| lane.0, "+4930"), pick(|lane| lane.1, "default Europe/Berlin"));
    let numbers = if sqlite {
        format!("with recursive n (i) as (select 1 union all select i + 1 from n where i < {LEADS})")
    } else {
        format!("with n (i) as (select generate_series(1, {LEADS}))")
    };
    let agent = "case when i % 1000 = 0 then 'agent' || ((i / 1000) % 50) end";
    let insert = format!(
        "insert into lead (account_id, id, version, campaign, phone, phone_raw, source, hot, import_only, dial_non_callables, check_window,
           attempts, attempts_total, created_at, updated_at, callback_agent, callback_at, dial_rank, dial_at, dial_lane)
         {numbers}
         select {account}, i, 1, case when i % 20 = 7 then 'Winter' else 'Summer' end, ({phone}) || (2700000 + i), '', 'import', {flags},
           0, 0, {yesterday}, {yesterday}, {agent}, case when i % 1000 = 0 then {yesterday} end,
           case when i % 1000 = 0 then 1 else 2 end, {since}, case when i % 1000 = 0 then 'own ' else '' end || ({lane})
         from n",
        account = t.account,
        yesterday = time(yesterday),
        since = time(since),
    );
    t.app().db.write().run(Q::new(AssertSqlSafe(insert), vec![])).await.expect("a million leads");
}

/// The middle one of some times; the first may wait for the disk.
async fn middle<T>(ask: impl AsyncFn() -> T, check: impl Fn(&T)) -> Duration {
    let mut times = Vec::new();
    for _ in 0..15 {
        let began = instant();
        let told = ask().await;
        times.push(began.elapsed());
        check(&told);
    }
    times.sort_unstable();
    times[7]
}

async fn measure(t: &TestApp, when: &str) {
    let (app, now) = (t.app(), noon());
    let on = app.db.read();
    let account = app.directory.account(&app.hub, t.account).await.expect("the account");
    for limit in [1, 100] {
        let count = usize::try_from(limit).expect("a figure");
        let all_in_berlin = |leads: &Vec<Lead>| {
            assert_eq!(leads.len(), count);
            assert!(leads.iter().all(|lead| lead.phone.as_str().starts_with("+49") && lead.campaign == "Summer"));
        };
        let next = async || queue::next_to_dial(on, t.account, "Summer", TimeDelta::zero(), now, limit).await.expect("the store");
        let promised = async || queue::promised_by(on, t.account, "agent7", now, limit).await.expect("the store");
        let waiting = async || queue::waiting(on, t.account, "Summer", now, limit).await.expect("the store");
        let placed = async || queue::placed(on, t.account, "Winter", LEADS / 2, 1000).await.expect("the store");
        let desk = async || app.next_to_dial(&account, "Summer", count).await.expect("the store");
        let times = [
            ("the next", middle(next, all_in_berlin).await),
            ("promised", middle(promised, |leads| assert_eq!(leads.len(), count.min(20))).await),
            ("the queue", middle(waiting, |leads| assert_eq!(leads.len(), count)).await),
            ("the desk", middle(desk, all_in_berlin).await),
        ];
        // a thousand whole leads, which nobody waits for
        let page = middle(placed, |leads| assert_eq!(leads.len(), 1000)).await;
        figure(&format!("{:?} {when}, {limit}: {times:?}, a page of a pass {page:?}", t.kind));
        assert!(page < 10 * WITHIN, "{page:?}");
        assert!(times.iter().all(|(_, time)| *time < WITHIN), "{when}, {limit}: {times:?}");
    }
    let journal = t.journal().await;
    assert!(journal.iter().all(|entry| entry["type"] != "lead.retimed"), "they stand where they should");
}

both! {
    #[ignore = "slow"]
    async fn the_next_of_a_million_is_found_at_once(t: TestApp) {
        for name in ["Summer", "Winter"] {
            let put = t.app().put_setup(&t.app().directory.account(&t.app().hub, t.account).await.expect("the account"), Kind::Campaign, name, json!({})).await;
            put.expect("the store").expect("a campaign");
        }
        // as often as it takes for a database to keep its plans, on every connection there is
        for _ in 0..10 {
            let ask = (0..8).map(|_| {
                let app = t.app();
                tokio::spawn(async move {
                    let on = app.db.read();
                    queue::next_to_dial(on, 1, "Summer", TimeDelta::zero(), noon(), 10).await.expect("the store");
                    queue::promised_by(on, 1, "agent7", noon(), 10).await.expect("the store");
                    queue::waiting(on, 1, "Summer", noon(), 10).await.expect("the store");
                    queue::placed(on, 1, "Summer", 0, 10).await.expect("the store");
                })
            });
            for asked in ask.collect::<Vec<_>>() {
                asked.await.expect("no panic");
            }
        }
        fill(&t).await;
        measure(&t, "with the plans of an empty table").await;
        t.app().db.write().run(cti_gateway::q!("analyze lead")).await.expect("statistics");
        measure(&t, "with statistics").await;
    }
}
