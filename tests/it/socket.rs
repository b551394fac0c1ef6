//! The softphone socket: what a client sees of its account, from the first frame on.

mod admission;
mod closing;
mod commands;
mod recovery;
mod resuming;
mod tabs;

use std::collections::BTreeSet;

use cti_gateway::client::{Connect, Connection, Frame};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::support::{
    app::{QUIET_SECRET, SECRET, TestApp, both, next},
    wire::{Wire, flood},
};

/// A call begins to ring at an agent's number; the gateway's secret decides whom it pops up for.
async fn ring(t: &TestApp, secret: &str, call: &str, to: &str) {
    t.vtiger_at(secret, &format!("event=call_initiated&call_id={call}&from=%2B4930123456&to={to}")).await;
}

/// Agents whose softphones were there a moment ago: when these come again there is nothing to tell.
async fn sign_in(t: &TestApp, logins: &[&str]) {
    for login in logins {
        drop(t.softphone(login, None).await);
    }
}

async fn hang_up(t: &TestApp, secret: &str, call: &str) {
    t.vtiger_at(secret, &format!("event=call_hangup&call_id={call}")).await;
}

/// The telephone system's ids of these calls or events.
fn call_ids<'a>(calls: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    calls.into_iter().map(|call| call["data"]["callId"].as_str().or(call["callId"].as_str()).expect("an id").to_owned()).collect()
}

/// The snapshot that follows welcome.
async fn snapshot(connection: &mut Connection) -> (i64, Vec<Value>, Value) {
    match next(connection).await {
        Ok(Frame::Snapshot { seq, calls, raw }) => (seq, calls, raw),
        other => panic!("expected a snapshot: {other:?}"),
    }
}

/// Entries after a position, each as it is stored.
async fn stored(t: &TestApp, after: i64, epoch: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Page {
        items: Vec<Box<RawValue>>,
    }
    let request = t.api(Method::GET, &format!("/api/v1/events?after={after}&epoch={epoch}&limit=500"));
    let text = request.send().await.expect("an answer").text().await.expect("a body");
    let page: Page = serde_json::from_str(&text).expect("a page");
    page.items.iter().map(|item| item.get().to_owned()).collect()
}

both! {
    async fn a_first_connect_shows_the_calls_that_its_audience_sees(t: TestApp) {
        for (secret, call, to) in [(QUIET_SECRET, "one", "1001"), (QUIET_SECRET, "two", "1002"), (SECRET, "loud", "1002"), (QUIET_SECRET, "over", "1001")] {
            ring(&t, secret, call, to).await;
        }
        hang_up(&t, QUIET_SECRET, "over").await;
        sign_in(&t, &["agent1", "agent2", "agent3"]).await;
        let head = t.journal().await.last().expect("an entry")["seq"].as_i64().expect("a seq");
        for (login, seen) in [("agent1", vec!["one", "loud"]), ("agent2", vec!["two", "loud"]), ("agent3", vec!["loud"])] {
            let mut phone = t.softphone(login, None).await;
            assert_eq!((phone.welcome.agent.as_deref(), phone.welcome.resume.as_str(), phone.welcome.head), (Some(login), "reset", head));
            assert_eq!(phone.welcome.ping, t.config.socket.ping_ms);
            let (seq, calls, raw) = snapshot(&mut phone).await;
            assert_eq!((seq, call_ids(&calls)), (head, seen.iter().map(ToString::to_string).collect()), "{login}");
            assert_eq!((&raw["agent"]["login"], &raw["agent"]["name"]), (&json!(login), &json!(login.to_uppercase())));
        }
        for (agents, seen) in [(json!("*"), vec!["one", "two", "loud"]), (json!(["agent1"]), vec!["one", "loud"]), (json!(["agent1", "agent2"]), vec!["one", "two", "loud"])] {
            let mut program = Connection::open(&Connect { agents: Some(agents), ..t.follow() }).await.expect("a program connects");
            assert_eq!(program.welcome.agent, None);
            let (_, calls, raw) = snapshot(&mut program).await;
            assert_eq!(call_ids(&calls), seen);
            assert_eq!(raw["agent"], Value::Null);
        }
    }

    async fn a_snapshot_shows_calls_as_their_last_entries_do(t: TestApp) {
        ring(&t, SECRET, "talks", "1001").await;
        t.vtiger("event=call_connected&call_id=talks&from=%2B4930123456&to=1002").await;
        t.vtiger("event=call_recording&call_id=talks&recordingurl=https://r.example/1").await;
        ring(&t, SECRET, "rings", "1003").await;
        let journal = t.journal().await;
        let mut phone = t.softphone("agent1", None).await;
        let (_, calls, _) = snapshot(&mut phone).await;
        assert_eq!(call_ids(&calls), ["talks", "rings"]);
        for call in calls {
            let last = journal.iter().rfind(|entry| entry["call"] == call["dtCallId"]).expect("an entry of the call");
            for field in ["cv", "attempt", "agent"] {
                assert_eq!(call[field], last[field], "{field}");
            }
            for (field, value) in last["data"].as_object().expect("an object") {
                assert_eq!(call[field], *value, "{field}");
            }
        }
    }

    async fn a_snapshot_of_very_many_calls_arrives_whole(t: TestApp) {
        const CALLS: usize = 2000;
        flood(&t, "call", "1001", CALLS, 400).await;
        let mut phone = t.softphone("agent1", None).await;
        let (_, calls, raw) = snapshot(&mut phone).await;
        assert_eq!(calls.len(), CALLS);
        assert!(raw.to_string().len() > 1 << 20, "more than fits any buffer");
    }

    async fn position_and_calls_of_a_snapshot_are_from_one_read(t: TestApp) {
        const CALLS: usize = 80;
        let writer = async {
            for n in 0..CALLS {
                ring(&t, SECRET, &n.to_string(), "1001").await;
            }
        };
        let reader = async {
            let mut snapshots = Vec::new();
            for _ in 0..25 {
                let mut program = Connection::open(&t.follow()).await.expect("a program connects");
                let (seq, calls, _) = snapshot(&mut program).await;
                snapshots.push((program, seq, calls));
            }
            snapshots
        };
        let ((), snapshots) = tokio::join!(writer, reader);
        let journal = t.journal().await;
        let rings: Vec<&Value> = journal.iter().filter(|entry| entry["type"] == "call.state").collect();
        assert_eq!(rings.len(), CALLS);
        for (mut program, seq, calls) in snapshots {
            let until = rings.iter().filter(|entry| entry["seq"].as_i64() <= Some(seq));
            assert_eq!(call_ids(&calls), call_ids(until.copied()), "at {seq}");
            // and what follows is the rest, neither lost nor doubled
            let mut rest = Vec::new();
            while calls.len() + rest.len() < CALLS {
                if let Frame::Event(event) = next(&mut program).await.expect("an unbroken chain") {
                    rest.push(event);
                }
            }
            let after = rings.iter().filter(|entry| entry["seq"].as_i64() > Some(seq));
            assert_eq!(call_ids(&rest), call_ids(after.copied()));
        }
    }

    async fn an_event_frame_is_the_stored_envelope(t: TestApp) {
        let mut wire = Wire::program(&t, json!({"agents": "*"})).await;
        let welcome = wire.next_of("welcome").await;
        let mut prev = wire.next_of("snapshot").await["seq"].as_i64().expect("a seq");
        let head = prev;
        ring(&t, QUIET_SECRET, "one", "1001").await;
        t.vtiger("event=call_hangup&call_id=two&notes=%22%5C%0A%F0%9F%98%80%3C%2Fscript%3E%E2%80%A8&hangup_reason=left+planet").await;
        ring(&t, SECRET, "two", "1002").await;
        t.vtiger_at(QUIET_SECRET, "event=call_transfer&call_id=one&transferred_number=1002").await;
        let stored = stored(&t, head, welcome["epoch"].as_str().expect("an epoch")).await;
        assert_eq!(stored.len(), 6, "{stored:#?}");
        for envelope in stored {
            let frame = wire.next().await.expect("an event");
            let seq = serde_json::from_str::<Value>(&envelope).expect("JSON")["seq"].as_i64().expect("a seq");
            let rest = frame.strip_prefix(&format!(r#"{{"op":"ev","prev":{prev},"#)).unwrap_or_else(|| panic!("prev {prev}: {frame}"));
            assert_eq!(format!("{{{rest}"), envelope);
            prev = seq;
        }
    }

    async fn prev_is_the_subscribers_own_last_event(t: TestApp) {
        let mut wire = Wire::softphone(&t, "agent2", json!({})).await;
        let mut prev = wire.next_of("snapshot").await["seq"].clone();
        for n in 0..5 {
            flood(&t, &format!("others-{n}"), "1001", 3, 10).await;
            ring(&t, QUIET_SECRET, &n.to_string(), "1002").await;
            let event = wire.frame().await;
            assert_eq!((&event["op"], &event["data"]["callId"]), (&json!("ev"), &json!(n.to_string())));
            // what he does himself is told in between
            assert!(event["prev"].as_i64() >= prev.as_i64() && event["prev"].as_i64() <= prev.as_i64().map(|prev| prev + 1), "{event}");
            assert!(event["seq"].as_i64() > event["prev"].as_i64().map(|prev| prev + 3), "entries of others lie between: {event}");
            prev = event["seq"].clone();
        }
    }

    async fn an_owner_change_is_seen_by_both_and_replayed_as_it_was_pushed(t: TestApp) {
        sign_in(&t, &["agent1", "agent2", "agent3"]).await;
        let (_, start) = t.get("/api/v1/events").await;
        let resume = json!({"resume": {"epoch": start["epoch"], "seq": start["after"]}});
        let mut live = vec![];
        for login in ["agent1", "agent2", "agent3"] {
            let mut wire = Wire::softphone(&t, login, resume.clone()).await;
            assert_eq!(wire.frame().await["resume"], "live");
            live.push(wire);
        }
        ring(&t, QUIET_SECRET, "moves", "1001").await;
        t.vtiger_at(QUIET_SECRET, "event=call_connected&call_id=moves&to=1001").await;
        t.clock.advance(std::time::Duration::from_secs(1));
        t.vtiger_at(QUIET_SECRET, "event=call_transfer&call_id=moves&transferred_number=1002").await;
        hang_up(&t, QUIET_SECRET, "moves").await;
        ring(&t, SECRET, "for-all", "1001").await; // the last one that each of them sees
        let mut seen = Vec::new();
        for (mut wire, login) in live.into_iter().zip(["agent1", "agent2", "agent3"]) {
            let mut pushed = Vec::new();
            while !pushed.last().is_some_and(|frame: &String| frame.contains("for-all")) {
                pushed.push(wire.next().await.expect("an event"));
            }
            let mut again = Wire::softphone(&t, login, resume.clone()).await;
            assert_eq!(again.frame().await["resume"], "replay");
            for frame in &pushed {
                assert_eq!(again.next().await.as_ref(), Ok(frame), "{login}: replay and push are the same bytes");
            }
            assert_eq!(again.frame().await["op"], "mark");
            let states = pushed.iter().map(|frame| serde_json::from_str::<Value>(frame).expect("JSON"));
            let of_calls = states.filter(|event| event["type"] != "agent.state");
            seen.push(of_calls.map(|event| format!("{} {}", event["type"].as_str().expect("a type"), event["data"]["state"].as_str().expect("a state"))).collect::<Vec<_>>());
        }
        assert_eq!(seen[0], ["call.state incoming", "call.state talk", "call.updated talk", "call.state incoming"]);
        let new_owner = &seen[1];
        assert_eq!((new_owner[0].as_str(), new_owner[1].as_str()), ("call.updated talk", "call.state idle"));
        assert_eq!(seen[2], ["call.state incoming"]);
    }

    async fn further_types_come_on_request_only(t: TestApp) {
        let mut plain = Wire::program(&t, json!({"agents": "*"})).await;
        let mut curious = Wire::program(&t, json!({"agents": "*", "types": ["config.*"]})).await;
        let mut exact = Wire::program(&t, json!({"agents": "*", "types": ["config.agent", "lead.*"]})).await;
        // an agent may ask too, but is not in the audience of what concerns the account's configuration
        let mut phone = Wire::softphone(&t, "agent1", json!({"types": ["config.*"]})).await;
        for wire in [&mut plain, &mut curious, &mut exact, &mut phone] {
            wire.next_of("snapshot").await;
        }
        t.admin().add_agent((t.account, crate::support::app::ACCOUNT), &crate::support::app::agent("new", "1009")).await.expect("the store");
        t.admin().add_gateway((t.account, crate::support::app::ACCOUNT), &crate::support::app::gateway("new", "new secret", "all")).await.expect("the store");
        ring(&t, SECRET, "last", "1001").await;
        for (name, wire, expected) in [
            ("plain", &mut plain, &["call.state"][..]), ("curious", &mut curious, &["config.agent", "config.gateway", "call.state"]),
            ("exact", &mut exact, &["config.agent", "call.state"]), ("phone", &mut phone, &["call.state"]),
        ] {
            for kind in expected {
                let event = wire.frame().await;
                assert_eq!((&event["op"], &event["type"]), (&json!("ev"), &json!(kind)), "{name}");
            }
        }
    }
}

/// Sockets of one account are many; each gets a session of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_socket_has_a_session_of_its_own() {
    let t = TestApp::start(crate::support::app::Kind::Sqlite).await;
    let mut sessions = BTreeSet::new();
    for _ in 0..3 {
        let mut wire = Wire::program(&t, json!({"agents": "*"})).await;
        sessions.insert(wire.frame().await["session"].as_str().expect("a session").to_owned());
    }
    assert_eq!(sessions.len(), 3);
}
