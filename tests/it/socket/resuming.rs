//! Pings, and going on where a client was.

use std::time::Duration;

use cti_gateway::{
    app::sweeper,
    client::{Connect, Connection, Credential, Frame, Position},
};
use serde_json::{Value, json};

use super::{call_ids, hang_up, ring, sign_in, snapshot};
use crate::support::{
    app::{ACCOUNT, QUIET_SECRET, SECRET, TestApp, agent, both, next, next_any},
    wire::{Wire, flood, until, with},
};

/// The journal's present position.
async fn head(t: &TestApp) -> Position {
    let (_, start) = t.get("/api/v1/events").await;
    Position { epoch: start["epoch"].as_str().expect("an epoch").to_owned(), seq: start["after"].as_i64().expect("a position") }
}

/// How the server goes on with a client that was here.
async fn resumed_at(t: &TestApp, epoch: &str, seq: i64) -> String {
    let phone = t.softphone("agent1", Some(Position { epoch: epoch.to_owned(), seq })).await;
    phone.welcome.resume.clone()
}

both! {
    async fn a_ping_moves_the_position_past_what_others_got(t: TestApp with |config| config.socket.ping_ms = 1000) {
        let mut wire = Wire::softphone(&t, "agent2", json!({})).await;
        let epoch = wire.next_of("welcome").await["epoch"].as_str().expect("an epoch").to_owned();
        ring(&t, QUIET_SECRET, "mine", "1002").await;
        let mine = wire.next_of("ev").await["seq"].as_i64().expect("a seq");
        flood(&t, "others", "1001", 5, 10).await;
        t.admin().add_agent((t.account, ACCOUNT), &agent("new", "1009")).await.expect("the store");
        let head = head(&t).await.seq;
        assert_eq!(head, mine + 7, "and that he is ringing");
        let mut pinged = mine;
        for _ in 0..5 {
            if pinged == head {
                break;
            }
            let ping = wire.frame().await;
            assert_eq!(ping["op"], "ping", "nothing of it concerns this agent: {ping}");
            assert!(ping["seq"].as_i64() >= Some(pinged), "a position never goes back");
            pinged = ping["seq"].as_i64().expect("a seq");
            wire.send(json!({"op": "pong", "seq": pinged})).await;
        }
        assert_eq!(pinged, head);
        let mut resumed = t.softphone("agent2", Some(Position { epoch, seq: head })).await;
        assert_eq!(resumed.welcome.resume, "live");
        ring(&t, QUIET_SECRET, "mine too", "1002").await;
        assert_eq!(wire.next_of("ev").await["prev"], mine + 1, "the old socket's chain goes from event to event");
        match next(&mut resumed).await.expect("an event") {
            Frame::Event(event) => assert_eq!(event["prev"], head, "the new one's begins where it resumed"),
            other => panic!("{other:?}"),
        }
    }

    async fn a_client_that_answers_pings_stays(t: TestApp with |config| config.socket.ping_ms = 250) {
        let mut wire = Wire::softphone(&t, "agent1", json!({})).await;
        let first = wire.next_of("ping").await;
        for _ in 0..4 {
            wire.send(json!({"op": "pong", "seq": first["seq"]})).await;
            assert_eq!(wire.frame().await, first, "a ping in silence says the same");
        }
    }

    async fn resume_is_live_a_replay_or_a_reset(t: TestApp) {
        sign_in(&t, &["agent1"]).await;
        let start = head(&t).await;
        for n in 0..3 {
            ring(&t, QUIET_SECRET, &n.to_string(), "1001").await;
        }
        let Position { epoch, seq } = head(&t).await;
        for (name, epoch, seq, expected) in [
            ("the head", epoch.as_str(), seq, "live"), ("behind", &epoch, start.seq, "replay"), ("the very beginning", &epoch, 0, "replay"),
            ("the future", &epoch, seq + 1, "reset"), ("the far future", &epoch, i64::MAX, "reset"), ("before time", &epoch, -1, "reset"),
            ("long before", &epoch, i64::MIN, "reset"), ("another journal", "0000", seq, "reset"), ("no journal", "", 0, "reset"),
        ] {
            assert_eq!(resumed_at(&t, epoch, seq).await, expected, "{name}");
        }
        let mut phone = t.softphone("agent1", Some(start.clone())).await;
        for n in 0..3 {
            match next(&mut phone).await.expect("an unbroken chain") {
                Frame::Event(event) => assert_eq!(event["data"]["callId"], n.to_string()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(next(&mut phone).await.expect("a mark"), Frame::Mark(seq));
        let mut reset = t.softphone("agent1", Some(Position { epoch: "other".into(), seq })).await;
        let (at, calls, _) = snapshot(&mut reset).await;
        assert_eq!((at, calls.len(), reset.position), (seq, 3, Position { epoch, seq }));
    }

    async fn resuming_in_the_midst_of_events_loses_none(t: TestApp) {
        const CALLS: usize = 400;
        let Position { epoch, .. } = head(&t).await;
        let tickets = futures_util::future::join_all((0..60).map(|_| t.ticket("agent1"))).await;
        let writer = async {
            for n in 0..CALLS {
                ring(&t, QUIET_SECRET, &n.to_string(), "1001").await;
            }
        };
        let reader = async {
            let mut resumed = Vec::new();
            for ticket in tickets {
                // the newest position there is, so that the next event comes while the socket is being opened
                let seq = head(&t).await.seq;
                let connect = Connect { credential: Credential::Ticket(ticket), agents: None, resume: Some(Position { epoch: epoch.clone(), seq }), ..t.follow() };
                resumed.push((seq, Connection::open(&connect).await.expect("a softphone connects")));
            }
            resumed
        };
        let ((), resumed) = tokio::join!(writer, reader);
        let last = head(&t).await.seq;
        for (seq, mut phone) in resumed {
            let mut expected = seq + 1;
            while expected <= last {
                if let Frame::Event(event) = next_any(&mut phone).await.expect("an unbroken chain") {
                    assert_eq!(event["seq"], expected, "resumed at {seq} with {:?}", phone.welcome);
                    expected += 1;
                }
            }
        }
    }

    async fn a_replay_of_nothing_wanted_is_a_mark(t: TestApp) {
        sign_in(&t, &["agent2"]).await;
        let start = head(&t).await;
        flood(&t, "others", "1001", 600, 10).await; // more than two pages of the book
        let mut phone = Wire::softphone(&t, "agent2", json!({"resume": {"epoch": start.epoch, "seq": start.seq}})).await;
        let welcome = phone.frame().await;
        assert_eq!((&welcome["resume"], &welcome["head"]), (&json!("replay"), &json!(start.seq + 600)));
        assert_eq!(phone.frame().await, json!({"op": "mark", "seq": start.seq + 600, "live": true}));
        ring(&t, QUIET_SECRET, "mine", "1002").await;
        assert_eq!(phone.frame().await["prev"], start.seq, "the chain goes on from where the client was");
    }

    async fn a_long_replay_is_whole_and_in_order(t: TestApp) {
        let start = head(&t).await;
        for part in 0..4 {
            flood(&t, &format!("mine-{part}"), "1001", 150, 10).await;
            flood(&t, &format!("others-{part}"), "1002", 70, 10).await;
        }
        let mut phone = t.softphone("agent1", Some(start)).await;
        let mut seen = Vec::new();
        while let Frame::Event(event) = next(&mut phone).await.expect("an unbroken chain") {
            seen.push(event["data"]["callId"].as_str().expect("an id").to_owned());
        }
        let expected: Vec<String> = (0..4).flat_map(|part| (0..150).map(move |n| format!("mine-{part}-{n}"))).collect();
        assert_eq!(seen, expected);
    }

    async fn what_was_trimmed_is_a_reset(t: TestApp) {
        ring(&t, QUIET_SECRET, "old", "1001").await;
        hang_up(&t, QUIET_SECRET, "old").await;
        let Position { epoch, seq: floor } = head(&t).await;
        t.clock.advance(t.config.retention() + Duration::from_secs(1));
        ring(&t, QUIET_SECRET, "new", "1001").await;
        assert_eq!(resumed_at(&t, &epoch, 0).await, "replay", "nothing was trimmed yet");
        // the call's entry, and that of the agent who has signed in by this
        let head = head(&t).await.seq;
        // the server's own sweeper may be at it at the same time
        sweeper::trim(&t.app()).await.expect("the store");
        until("everything old is trimmed", || async {
            let (_, page) = t.get(&format!("/api/v1/events?after={}&epoch={epoch}", floor - 1)).await;
            page["reset"] == true
        })
        .await;
        for (seq, expected) in [(0, "reset"), (floor - 1, "reset"), (floor, "replay"), (head, "live")] {
            assert_eq!(resumed_at(&t, &epoch, seq).await, expected, "{seq}, the floor is {floor}");
        }
        let mut phone = t.softphone("agent1", Some(Position { epoch, seq: 0 })).await;
        let (seq, calls, _) = snapshot(&mut phone).await;
        assert_eq!((seq, call_ids(&calls)), (head, vec!["new".to_owned()]));
    }

    async fn a_login_is_found_in_a_replay_however_it_is_spelt(t: TestApp) {
        let logins = ["ACME\\anna", "100%_sure", "o'hara", "Größe", "a b", "anna"];
        for (login, office) in logins.iter().zip(2001..) {
            t.admin().add_agent((t.account, ACCOUNT), &agent(login, &office.to_string())).await.expect("the store").expect("a new agent");
        }
        t.app().directory.invalidate(t.account);
        let start = head(&t).await;
        for (login, office) in logins.iter().zip(2001..) {
            ring(&t, QUIET_SECRET, &format!("for-{office}"), &office.to_string()).await;
            assert_eq!(t.calls().await[0]["agent"], *login);
        }
        for (login, office) in logins.iter().zip(2001..) {
            let resume = json!({"resume": {"epoch": start.epoch, "seq": start.seq}});
            let mut wire = Wire::softphone(&t, login, resume).await;
            wire.next_of("welcome").await;
            let event = wire.frame().await;
            assert_eq!((&event["op"], &event["data"]["callId"]), (&json!("ev"), &json!(format!("for-{office}"))), "{login}");
            assert_eq!(wire.frame().await["op"], "mark", "{login}");
        }
    }

    async fn a_journal_that_begins_anew_resets_its_followers(t: TestApp) {
        ring(&t, SECRET, "1", "1001").await;
        let mut phone = Wire::softphone(&t, "agent1", json!({})).await;
        let known = phone.next_of("snapshot").await["seq"].clone();
        // as after a restored backup
        let db = t.app().db.clone();
        db.write().run(cti_gateway::q!("update journal_head set epoch = $1 where account_id = $2", "anew", t.account)).await.expect("the store");
        assert_eq!(phone.closed().await.0, 4000);
        let mut again = Wire::softphone(&t, "agent1", with(json!({}), json!({"resume": {"epoch": "old", "seq": known}}))).await;
        let welcome = again.frame().await;
        assert_eq!((&welcome["resume"], &welcome["epoch"]), (&json!("reset"), &json!("anew")));
        assert_eq!(again.frame().await["calls"].as_array().map(Vec::len), Some(1));
        t.vtiger("event=call_connected&call_id=1&from=%2B4930123456&to=1001").await;
        let event = again.frame().await;
        assert_eq!((&event["op"], &event["epoch"], &event["prev"]), (&json!("ev"), &json!("anew"), &known));
    }
}

/// The position that a client reports with its pongs may be anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pong_may_say_any_position() {
    let t = TestApp::start(crate::support::app::Kind::Sqlite).await;
    let mut wire = Wire::softphone(&t, "agent1", json!({})).await;
    wire.next_of("snapshot").await;
    for seq in [0, -1, i64::MIN, i64::MAX] {
        wire.send(json!({"op": "pong", "seq": seq})).await;
    }
    wire.send(json!({"op": "cmd", "id": "after", "m": "fly"})).await;
    assert_eq!(wire.frame().await["id"], Value::from("after"));
}
