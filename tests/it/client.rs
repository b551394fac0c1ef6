//! The reference client against servers that misbehave.

use std::time::Duration;

use cti_gateway::client::{Connect, Connection, Credential, Error, Followed, Follower, Frame, Position};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::HeaderValue,
    },
};

#[tokio::test]
async fn a_reset_is_over_with_its_snapshot_only() {
    let (listener, connect) = server(Some(("old", 5))).await;
    let mut follower = Follower::new(connect);
    let script = tokio::spawn(async move {
        let (socket, first) = accept(&listener, "reset").await;
        drop(socket);
        let (mut socket, second) = accept(&listener, "reset").await;
        say(&mut socket, json!({"op": "ping", "seq": 9})).await;
        let pong = hear(&mut socket).await;
        say(&mut socket, json!({"op": "mark", "seq": 9, "live": true})).await;
        drop(socket);
        let (mut socket, third) = accept(&listener, "reset").await;
        say(&mut socket, json!({"op": "snapshot", "seq": 7, "agent": null, "calls": []})).await;
        drop(socket);
        let (_socket, fourth) = accept(&listener, "live").await;
        ([first, second, third, fourth].map(|hello| hello["resume"].clone()), pong)
    });
    while !script.is_finished() {
        // the pings and marks of a connection without a position give none
        timeout(Duration::from_secs(20), follower.next()).await.expect("in time").expect("passing troubles only");
    }
    let (resumes, pong) = script.await.expect("no panic");
    assert_eq!(resumes, [json!({"epoch": "old", "seq": 5}), Value::Null, Value::Null, json!({"epoch": "new", "seq": 7})]);
    assert_eq!(pong["seq"], 0);
}

#[tokio::test]
async fn an_unknown_operation_is_passed_over() {
    let (listener, connect) = server(None).await;
    let script = tokio::spawn(async move {
        let (mut socket, _) = accept(&listener, "live").await;
        say(&mut socket, json!({"op": "confetti"})).await;
        say(&mut socket, json!({"op": "mark", "seq": 3, "live": true})).await;
        socket
    });
    let mut connection = Connection::open(&connect).await.expect("a connection");
    assert_eq!(timeout(Duration::from_secs(5), connection.next()).await.expect("in time").expect("a frame"), Frame::Mark(3));
    drop(script);
}

#[tokio::test]
async fn trouble_of_a_proxy_passes() {
    for status in ["429 Too Many Requests", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let (listener, connect) = server(None).await;
        let mut follower = Follower::new(connect);
        let script = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.readable().await;
            let said = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(said.as_bytes()).await.expect("sent");
            stream
        });
        let next = timeout(Duration::from_secs(5), follower.next()).await.expect("in time");
        assert!(matches!(next, Ok(Followed::Lost(..))), "{status}: {next:?}");
        drop(script);
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (listener, connect) = server(None).await;
    let script = tokio::spawn(async move { accept(&listener, "live").await });
    let mut connection = Connection::open(&connect).await.expect("a connection");
    let next = timeout(Duration::from_secs(5), connection.next()).await.expect("after two pings of 200 ms");
    assert!(next.as_ref().is_err_and(Error::is_passing), "{next:?}");
    drop(script);
}

async fn server(resume: Option<(&str, i64)>) -> (TcpListener, Connect) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    let resume = resume.map(|(epoch, seq)| Position { epoch: epoch.to_owned(), seq });
    let connect = Connect { url, credential: Credential::Ticket("t".into()), agents: None, types: vec![], resume };
    (listener, connect)
}

type Socket = WebSocketStream<TcpStream>;

/// Takes a connection, reads hello and says welcome.
async fn accept(listener: &TcpListener, resume: &str) -> (Socket, Value) {
    let (stream, _) = listener.accept().await.expect("a connection");
    #[expect(clippy::result_large_err, reason = "the callback's signature")]
    let protocol = |_: &Request, mut response: Response| {
        response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("cti.v1.json"));
        Ok(response)
    };
    let mut socket = accept_hdr_async(stream, protocol).await.expect("a socket");
    let hello = hear(&mut socket).await;
    say(&mut socket, json!({"op": "welcome", "agent": null, "epoch": "new", "head": 9, "ping": 200, "resume": resume})).await;
    (socket, hello)
}

async fn say(socket: &mut Socket, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.expect("sent");
}

async fn hear(socket: &mut Socket) -> Value {
    let message = timeout(Duration::from_secs(5), socket.next()).await.expect("in time").expect("open").expect("a message");
    serde_json::from_str(message.to_text().expect("text")).expect("JSON")
}
