//! What a client has after trouble is what the journal holds: slow reading, a restart of the server, lost connections.

use std::time::Duration;

use cti_gateway::client::{Connect, Credential, Error, Followed, Follower, Frame, Position};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::HeaderValue,
    },
};

use super::{call_ids, hang_up, ring};
use crate::support::{
    app::{QUIET_SECRET, SECRET, both, next, next_any},
    wire::{PATIENCE, Wire, flood, until},
};

/// What happens next to a follower, in time.
async fn followed(follower: &mut Follower) -> Result<Followed, Error> {
    tokio::time::timeout(PATIENCE, follower.next()).await.expect("something in time")
}

/// The events of a follower until one of this call comes; what else happened is told by a word each.
async fn events_until(follower: &mut Follower, last: &str, seqs: &mut Vec<i64>) -> Vec<String> {
    let mut words = Vec::new();
    loop {
        match followed(follower).await.expect("a follower goes on") {
            Followed::Connected(word) => words.push(word),
            Followed::Lost(..) => words.push("lost".to_owned()),
            Followed::Frame(Frame::Event(event)) => {
                seqs.push(event["seq"].as_i64().expect("a seq"));
                if event["data"]["callId"] == last {
                    return words;
                }
            }
            Followed::Frame(_) => {}
        }
    }
}

both! {
    async fn a_slow_reader_catches_up_from_the_book(t: TestApp with |config| config.socket.stall_ms = 60_000) {
        const EVENTS: usize = 2000;
        let headers = [("sec-websocket-protocol", "cti.v1.json"), ("authorization", "Bearer cti_token_for_everything")];
        let mut slow = Wire::with_headers(t.address, Some(65_536), &headers).await.expect("the upgrade");
        slow.hello(json!({"agents": "*"})).await;
        let mut prev = slow.next_of("snapshot").await["seq"].as_i64().expect("a seq");
        flood(&t, "call", "1001", EVENTS, 3000).await;
        let (mut seen, mut marks) = (Vec::new(), 0);
        while seen.len() < EVENTS {
            let frame = slow.frame().await;
            match frame["op"].as_str() {
                Some("ev") => {
                    assert_eq!(frame["prev"], prev, "an unbroken chain");
                    prev = frame["seq"].as_i64().expect("a seq");
                    seen.push(frame);
                }
                Some("mark") => marks += 1,
                other => assert_eq!(other, Some("ping")),
            }
        }
        let expected: Vec<String> = (0..EVENTS).map(|n| format!("call-{n}")).collect();
        assert_eq!(call_ids(&seen), expected, "nothing lost, nothing doubled");
        // the end of the catch-up is marked, and then it is live again
        if marks == 0 {
            slow.next_of("mark").await;
        }
        ring(&t, SECRET, "live", "1001").await;
        let event = slow.next_of("ev").await;
        assert_eq!((&event["data"]["callId"], &event["prev"]), (&json!("live"), &json!(prev)));
    }

    async fn a_softphone_has_the_journals_history_after_a_restart(t: TestApp) {
        let mut phone = t.softphone("agent1", None).await;
        next(&mut phone).await.expect("a snapshot");
        let begin = phone.position.seq;
        let mut seen = Vec::new();
        for round in 0..3 {
            flood(&t, &format!("before-{round}"), "1001", 20, 10).await;
            ring(&t, QUIET_SECRET, &format!("other-{round}"), "1002").await;
            for _ in 0..7 {
                if let Frame::Event(event) = next(&mut phone).await.expect("an unbroken chain") {
                    seen.push(event);
                }
            }
            // the position is what was read, not what was sent
            let position = phone.position.clone();
            t.restart().await;
            flood(&t, &format!("after-{round}"), "1001", 20, 10).await;
            phone = t.softphone("agent1", Some(position)).await;
            assert_eq!(phone.welcome.resume, "replay");
        }
        loop {
            match next(&mut phone).await.expect("an unbroken chain") {
                Frame::Event(event) => seen.push(event),
                Frame::Mark(_) => break,
                other => panic!("{other:?}"),
            }
        }
        let journal = t.journal().await;
        let mine = |entry: &&Value| entry["seq"].as_i64() > Some(begin) && entry["audience"] == json!(["agent1"]) && entry["type"] != "agent.state";
        let expected: Vec<&Value> = journal.iter().filter(mine).collect();
        assert_eq!(expected.len(), 3 * 40);
        assert_eq!(seen.len(), expected.len());
        for (event, entry) in seen.iter().zip(expected) {
            assert_eq!((&event["id"], &event["data"]), (&entry["id"], &entry["data"]));
        }
    }

    async fn calls_go_on_over_a_restart(t: TestApp) {
        let mut phone = t.softphone("agent1", None).await;
        next(&mut phone).await.expect("a snapshot");
        ring(&t, QUIET_SECRET, "1", "1001").await;
        for _ in ["the call", "what the agent does"] {
            next_any(&mut phone).await.expect("an event");
        }
        t.restart().await;
        let position = phone.position.clone();
        let mut phone = t.softphone("agent1", Some(position)).await;
        assert_eq!(phone.welcome.resume, "live");
        hang_up(&t, QUIET_SECRET, "1").await;
        for state in ["idle", "end", "end"] {
            match next(&mut phone).await.expect("an unbroken chain") {
                Frame::Event(event) => assert_eq!(event["data"]["state"], state),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn a_follower_comes_back_by_itself(t: TestApp) {
        let mut follower = Follower::new(t.follow());
        assert_eq!(follower.position(), None);
        let mut seqs = Vec::new();
        ring(&t, SECRET, "0", "1001").await;
        assert!(matches!(followed(&mut follower).await, Ok(Followed::Connected(word)) if word == "reset"));
        assert!(matches!(followed(&mut follower).await, Ok(Followed::Frame(Frame::Snapshot { calls, .. })) if calls.len() == 1));
        for round in 1..=3 {
            ring(&t, SECRET, &format!("{round}-before"), "1001").await;
            assert!(events_until(&mut follower, &format!("{round}-before"), &mut seqs).await.is_empty());
            t.stop().await;
            let lost = followed(&mut follower).await.expect("a loss passes");
            assert!(matches!(&lost, Followed::Lost(why, pause) if why.contains("4000") && *pause <= Duration::from_secs(30)), "{lost:?}");
            t.restart().await;
            ring(&t, SECRET, &format!("{round}-after"), "1001").await;
            let words = events_until(&mut follower, &format!("{round}-after"), &mut seqs).await;
            assert!(words.last().is_some_and(|word| word == "replay" || word == "live"), "{words:?}");
        }
        let calls = t.journal().await.into_iter().filter(|entry| entry["type"] == "call.state").skip(1);
        assert_eq!(seqs, calls.map(|entry| entry["seq"].as_i64().expect("a seq")).collect::<Vec<_>>());
        assert_eq!(follower.position().map(|position| position.seq), seqs.last().copied());
    }

    async fn a_follower_does_not_insist_where_it_is_not_wanted(t: TestApp) {
        let unknown = Connect { credential: Credential::Bearer("cti_unknown".into()), ..t.follow() };
        assert!(matches!(followed(&mut Follower::new(unknown)).await, Err(Error::Refused(401, _))));
        let nobody = Connect { agents: Some(json!(["nobody"])), ..t.follow() };
        assert!(matches!(followed(&mut Follower::new(nobody)).await, Err(Error::Closed(4507, _))));
        let used = Connect { credential: Credential::Ticket("ticket_used".into()), ..t.follow() };
        assert!(matches!(followed(&mut Follower::new(used)).await, Err(Error::Closed(4500, _))));
        until("none of them is there", || async { t.app().hub.followers() == 0 }).await;
    }
}

/// A server that says these frames after hello and then goes away; the hellos it heard.
async fn scripted(scripts: Vec<Vec<Value>>) -> (String, tokio::sync::mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    let (heard, hellos) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.expect("a client");
            #[expect(clippy::result_large_err, reason = "the callback's signature")]
            let agree = |_: &Request, mut response: Response| {
                response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("cti.v1.json"));
                Ok(response)
            };
            let mut socket = accept_hdr_async(stream, agree).await.expect("the upgrade");
            if let Some(Ok(Message::Text(hello))) = socket.next().await {
                let _ = heard.send(serde_json::from_str(&hello).expect("JSON"));
            }
            for frame in script {
                let _ = socket.send(Message::text(frame.to_string())).await;
            }
        }
    });
    (url, hellos)
}

fn welcome(resume: &str) -> Value {
    json!({"op": "welcome", "session": "s", "agent": null, "epoch": "new", "head": 900, "ping": 25000, "resume": resume})
}

/// A client that was told of a reset and lost the connection before the snapshot has nothing yet: it must not resume in the
/// new journal at the old one's position.
#[tokio::test]
async fn a_reset_that_was_cut_short_is_no_position() {
    let (url, mut hellos) = scripted(vec![vec![welcome("reset")], vec![]]).await;
    let resume = Some(Position { epoch: "old".into(), seq: 500 });
    let connect = Connect { url, credential: Credential::Bearer("x".into()), agents: Some(json!("*")), types: vec![], resume };
    let mut follower = Follower::new(connect);
    while !matches!(followed(&mut follower).await, Ok(Followed::Lost(..))) {}
    assert_eq!(hellos.recv().await.expect("a hello")["resume"], json!({"epoch": "old", "seq": 500}));
    while !matches!(followed(&mut follower).await, Ok(Followed::Lost(..))) {}
    let second = hellos.recv().await.expect("a second hello");
    assert_ne!(second["resume"], json!({"epoch": "new", "seq": 500}));
}

/// A hole in the chain is noticed, and then nothing that was known is trusted.
#[tokio::test]
async fn a_gap_is_noticed_and_starts_afresh() {
    let event = |seq: i64, prev: i64| json!({"op": "ev", "seq": seq, "prev": prev, "data": {}});
    let script = vec![welcome("reset"), json!({"op": "snapshot", "seq": 10, "calls": []}), event(12, 10), event(15, 14)];
    let (url, mut hellos) = scripted(vec![script, vec![]]).await;
    let connect = Connect { url, credential: Credential::Bearer("x".into()), agents: Some(json!("*")), types: vec![], resume: None };
    let mut follower = Follower::new(connect);
    let lost = loop {
        if let Followed::Lost(why, _) = followed(&mut follower).await.expect("a loss passes") {
            break why;
        }
    };
    assert!(lost.contains("12") && lost.contains("14"), "{lost}");
    while !matches!(followed(&mut follower).await, Ok(Followed::Lost(..))) {}
    assert!(hellos.recv().await.expect("a hello")["resume"].is_null());
    assert!(hellos.recv().await.expect("a second hello")["resume"].is_null());
}
