//! What a follower gets, on the socket and by the long poll, when something goes on beside it.

use std::time::Duration;

use cti_gateway::{
    app::passwords,
    client::{Connect, Connection, Credential, Error, Frame},
    q,
    store::people::NewAgent,
};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::app::{ACCOUNT, Kind, QUIET_SECRET, TOKEN, TestApp, agent, answer, both, next, next_event, token};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

both! {
    // what the book gave may come by the mailbox once more
    async fn a_replay_reaches_its_mark_whatever_the_mailbox_holds(t: TestApp) {
        let (mut first, _) = following(&t).await;
        next(&mut first).await.expect("a snapshot");
        let from = first.position.clone();
        first.close().await;
        start_calls(&t, 600).await;
        for round in 0..3 {
            // written beside the server: its feed finds it in the book first, and hears of it a moment later
            t.admin().add_agent((t.account, ACCOUNT), &agent(&format!("late{round}"), &format!("20{round}"))).await.expect("the store");
            let connect = Connect { types: vec!["config.*".into()], resume: Some(from.clone()), ..t.follow() };
            let mut follower = Connection::open(&connect).await.expect("a follower");
            t.app().hub.poll().await.expect("the heads");
            let mut events = 0;
            loop {
                match next(&mut follower).await.expect("a frame") {
                    Frame::Event(_) => events += 1,
                    Frame::Mark(_) => break,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(events, 601 + round);
            t.native(json!({"callId": format!("after-{round}"), "event": "details"})).await;
            follower.close().await;
        }
    }

    async fn a_snapshot_may_be_long(t: TestApp) {
        start_calls(&t, 1200).await;
        let (mut follower, _) = following(&t).await;
        let Frame::Snapshot { calls, .. } = next(&mut follower).await.expect("a snapshot") else { panic!("no snapshot") };
        assert_eq!(calls.len(), 1200);
        t.vtiger("event=call_initiated&call_id=one-more&from=%2B4930123456&to=1001").await;
        assert_eq!(next_event(&mut follower).await["data"]["callId"], "one-more");
    }

    // for the book's search these are no ordinary characters
    async fn a_login_of_any_characters_replays(t: TestApp) {
        for (login, number) in [(r"ACME\carl", "1101"), ("50%_!", "1102"), ("plain", "1103")] {
            t.admin().add_agent((t.account, ACCOUNT), &agent(login, number)).await.expect("the store");
            t.app().directory.invalidate(t.account);
            let mut phone = t.softphone(login, None).await;
            next(&mut phone).await.expect("a snapshot");
            let position = phone.position.clone();
            phone.close().await;
            t.vtiger_at(QUIET_SECRET, &format!("event=call_initiated&call_id={number}&from=%2B4930123456&to={number}")).await;
            let mut phone = t.softphone(login, Some(position)).await;
            let Frame::Event(event) = next(&mut phone).await.expect("a frame") else { panic!("{login}: no event") };
            assert_eq!(event["agent"], login);
            phone.close().await;
        }
    }

    async fn a_ticket_ends_with_the_session_that_made_it(t: TestApp) {
        let session = sign_in(&t, "anna", "1010").await;
        let bearer = |method, path| t.request(method, path).bearer_auth(&session);
        let (_, body) = answer(bearer(Method::POST, "/api/v1/ws-ticket").json(&json!({}))).await;
        let ticket = body["ticket"].as_str().expect("a ticket").to_owned();
        let (status, _) = answer(bearer(Method::DELETE, "/api/v1/sessions/current")).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let connect = Connect { credential: Credential::Ticket(ticket), agents: None, ..t.follow() };
        assert_eq!(closed(Connection::open(&connect).await).0, 4500);
    }

    async fn types_need_the_scope_of_their_kind(t: TestApp) {
        assert!(t.admin().add_token(ACCOUNT, &token(t.account, "cti_events", "events:read,leads:read")).await.expect("the store"));
        let asking = |types: &str| Connect { credential: Credential::Bearer("cti_events".into()), types: vec![types.into()], ..t.follow() };
        for (types, allowed) in [("call.*", true), ("lead.*", true), ("lead.imported", true), ("dnc.*", false), ("list.*", false), ("config.*", false), ("config.token", false), ("campaign.*", false), ("webhook.*", false)] {
            let opened = Connection::open(&asking(types)).await;
            if allowed { opened.expect(types); } else { assert_eq!(closed(opened).0, 4507, "{types}"); }
            let (status, _) = answer(t.request(Method::GET, &format!("/api/v1/events?types={types}")).bearer_auth("cti_events")).await;
            assert_eq!(status == StatusCode::OK, allowed, "{types}");
        }
        let mut phone = Connect { credential: Credential::Ticket(t.ticket("agent1").await), agents: None, ..t.follow() };
        phone.types = vec!["config.*".into()];
        Connection::open(&phone).await.expect("the ticket has the scopes of the token that made it");
    }

    async fn a_ping_may_come_before_hello(t: TestApp) {
        let mut socket = raw(&t).await;
        socket.send(Message::Ping("early".into())).await.expect("sent");
        socket.send(Message::Pong("earlier".into())).await.expect("sent");
        assert_eq!(hello(&mut socket).await["op"], "welcome");
    }

    async fn a_journal_that_begins_anew_is_said_so(t: TestApp) {
        let (mut follower, _) = following(&t).await;
        next(&mut follower).await.expect("a snapshot");
        begin_anew(&t).await;
        let (code, reason) = closed(follower.next().await);
        assert!(code == 4000 && reason.contains("journal"), "{code} {reason}");
    }

    async fn a_long_poll_finds_the_new_journal(t: TestApp) {
        let (_, start) = t.get("/api/v1/events").await;
        let path = format!("/api/v1/events?epoch={}&after={}&wait=20", start["epoch"].as_str().expect("an epoch"), start["after"]);
        let waiting = tokio::spawn(answer(t.api(Method::GET, &path)));
        until(|| t.app().hub.followers() == 1).await;
        begin_anew(&t).await;
        let (_, body) = timeout(Duration::from_secs(5), waiting).await.expect("an answer in time").expect("no panic");
        assert_eq!((&body["reset"], &body["epoch"], &body["items"]), (&json!(true), &json!("anew"), &json!([])));
        let (_, body) = t.get(&format!("/api/v1/events?epoch=anew&after={}", body["after"])).await;
        assert_eq!(body["reset"], false);
    }

    async fn a_long_poll_that_would_see_nothing_is_refused(t: TestApp) {
        for agents in ["", ",", "nobody", "agent1,nobody"] {
            let (status, body) = t.get(&format!("/api/v1/events?agents={agents}")).await;
            assert_eq!((status, &body["error"]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("agents")), "{agents}");
        }
        for agents in ["*", "agent1", "agent1,%20agent2"] {
            assert_eq!(t.get(&format!("/api/v1/events?agents={agents}")).await.0, StatusCode::OK, "{agents}");
        }
    }

    async fn a_pong_of_any_number_is_taken(t: TestApp) {
        let mut socket = raw(&t).await;
        let ticket = t.ticket("agent1").await;
        say(&mut socket, json!({"op": "hello", "client": "test", "ticket": ticket})).await;
        for seq in [i64::MIN, i64::MAX, -1] {
            say(&mut socket, json!({"op": "pong", "seq": seq})).await;
        }
        say(&mut socket, json!({"op": "cmd", "id": "1", "m": "fly"})).await;
        assert_eq!(heard(&mut socket, "res").await["err"]["code"], "unknown");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_may_come_again() {
    let t = TestApp::start_with(Kind::Sqlite, |config| config.socket.hello_ms = 100).await;
    let mut socket = raw(&t).await;
    let closed = timeout(Duration::from_secs(5), socket.next()).await.expect("in time");
    let Some(Ok(Message::Close(Some(frame)))) = closed else { panic!("{closed:?}") };
    assert_eq!(u16::from(frame.code), 4008);
}

/// Neither a busy API nor a storm of replays holds a ping up for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_does_not_wait_for_the_book() {
    let t = TestApp::start_with(Kind::Postgres, |config| config.socket.ping_ms = 1000).await;
    let mut socket = raw(&t).await;
    hello(&mut socket).await;
    heard(&mut socket, "snapshot").await;
    let app = t.app();
    let sleepers: Vec<_> = (0..5)
        .map(|n| {
            let db = app.db.clone();
            tokio::spawn(async move {
                let on = if n < 3 { db.read() } else { db.replay() };
                on.one::<(bool,)>(q!("select pg_sleep(6) is null")).await
            })
        })
        .collect();
    drop(app);
    for _ in 0..2 {
        timeout(Duration::from_secs(3), heard(&mut socket, "ping")).await.expect("a ping within three seconds");
        say(&mut socket, json!({"op": "pong", "seq": 0})).await;
    }
    sleepers.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Many calls that ring.
async fn start_calls(t: &TestApp, count: usize) {
    for page in 0..count / 100 {
        let start = |n: usize| json!({"callId": format!("{page}-{n}"), "event": "initiated", "from": "+4930123456", "to": "1001", "direction": "inbound"});
        let events: Vec<Value> = (0..100).map(start).collect();
        let (status, body) = answer(t.api(Method::POST, "/api/v1/call-events").json(&json!({ "events": events }))).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
}

async fn following(t: &TestApp) -> (Connection, String) {
    let connection = Connection::open(&t.follow()).await.expect("a follower");
    let word = connection.welcome.resume.clone();
    (connection, word)
}

/// The session of a new agent.
async fn sign_in(t: &TestApp, login: &str, number: &str) -> String {
    let password_hash = Some(passwords::hash("a password").expect("a hash"));
    t.admin().add_agent((t.account, ACCOUNT), &NewAgent { password_hash, ..agent(login, number) }).await.expect("the store");
    t.app().directory.invalidate(t.account);
    let body = json!({"account": ACCOUNT, "login": login, "password": "a password"});
    let (status, body) = answer(t.request(Method::POST, "/api/v1/sessions").json(&body)).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    body["token"].as_str().expect("a session").to_owned()
}

fn closed<T>(result: Result<T, Error>) -> (u16, String) {
    match result {
        Err(Error::Closed(code, reason)) => (code, reason),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is open"),
    }
}

/// As after a restored backup: the journal has another name.
async fn begin_anew(t: &TestApp) {
    let app = t.app();
    app.db.write().run(q!("update journal_head set epoch = 'anew' where account_id = $1", t.account)).await.expect("the store");
    app.hub.poll().await.expect("the heads");
}

async fn until(done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen in five seconds");
}

/// A socket with the token, before hello.
async fn raw(t: &TestApp) -> Socket {
    let mut request = t.follow().url.into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("cti.v1.json"));
    request.headers_mut().insert("authorization", format!("Bearer {TOKEN}").parse().expect("a header"));
    connect_async(request).await.expect("a socket").0
}

async fn say(socket: &mut Socket, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.expect("sent");
}

async fn hello(socket: &mut Socket) -> Value {
    say(socket, json!({"op": "hello", "client": "test", "agents": "*"})).await;
    heard(socket, "welcome").await
}

/// The next frame of this operation; others are passed over.
async fn heard(socket: &mut Socket, op: &str) -> Value {
    loop {
        match timeout(Duration::from_secs(5), socket.next()).await.expect("a frame in time").expect("an open socket") {
            Ok(Message::Text(text)) => {
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                if frame["op"] == op {
                    return frame;
                }
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}
