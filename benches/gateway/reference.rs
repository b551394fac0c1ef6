//! What the product is measured against: small servers that do as little as possible for the same load.
//!
//! Both parse the same request, give the same answer and push a frame of the same size to the agent's socket.
//! `memory` stores nothing, so it shows what this machine could carry at all. `one-tx` is the ordinary service: each
//! event is one durable transaction with two small inserts. Neither checks, merges, replays or recovers anything.
//! Both push one frame per event; the product pushes more (wrap-up and result of a call that ends), so the ratios
//! flatter the references.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{any, get, post},
    serve::ListenerExt as _,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    net::TcpListener,
    runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use uuid::Uuid;

use crate::{
    options::{Audience, Options, Reference},
    server::{login, number},
    sockets::SUBPROTOCOL,
};

/// Serves until it is killed.
pub(crate) fn serve(kind: Reference, options: &Options) -> Result<()> {
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let book = match kind {
            Reference::Memory => Book::None,
            Reference::OneTx => Book::open(options.store_url.as_deref().context("--store-url is missing")?).await?,
        };
        let desk = Mutex::new(Desk { seq: 0, calls: HashMap::new(), sockets: HashMap::new() });
        let app = Router::new()
            .route("/readyz", get(|| async { "ready" }))
            .route("/api/v1/ws-ticket", post(ticket))
            .route("/ws", any(upgrade))
            .route("/modules/PhoneCalls/callbacks/Generic.php", post(hear))
            .with_state(Arc::new(Room { desk, book, audience: options.audience }));
        let listener = TcpListener::bind(options.listen).await?.tap_io(|stream| {
            let _ = stream.set_nodelay(true); // a socket that is gone is found out when it is used
        });
        Ok(axum::serve(listener, app).await?)
    })
}

struct Room {
    desk: Mutex<Desk>,
    book: Book,
    audience: Audience,
}

impl Room {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Desk {
    seq: u64,
    /// Calls that are not over.
    calls: HashMap<String, Call>,
    /// Open sockets by agent.
    sockets: HashMap<String, Socket>,
}

#[derive(Clone)]
struct Call {
    id: Uuid,
    agent: String,
    phone: String,
}

struct Socket {
    frames: UnboundedSender<Utf8Bytes>,
    prev: u64,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    call_id: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    recordingurl: Option<String>,
}

impl Event {
    /// Type and state of the frame.
    fn becomes(&self) -> Option<(&'static str, &'static str)> {
        match self.event.as_str() {
            "call_initiated" => Some(("call.state", "incoming")),
            "call_connected" => Some(("call.state", "talk")),
            "call_recording" => Some(("call.updated", "talk")),
            "call_hangup" => Some(("call.state", "end")),
            _ => None,
        }
    }
}

async fn hear(State(room): State<Arc<Room>>, headers: HeaderMap, Query(event): Query<Event>) -> Result<Json<Value>, (StatusCode, String)> {
    if headers.get("x-vtiger-secret").is_none_or(|secret| secret != "reference") {
        return Err((StatusCode::FORBIDDEN, "wrong secret".into()));
    }
    let Some((kind, state)) = event.becomes() else {
        return Err((StatusCode::BAD_REQUEST, format!("unknown event {}", event.event)));
    };
    let call = room.desk().call(&event);
    room.book.write(&event, &call, state).await.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let to_all = room.audience == Audience::All && state == "incoming";
    room.desk().push(&event, &call, kind, state, to_all);
    Ok(Json(json!({ "success": true, "dialerCallId": call.id, "attempt": 1, "state": state, "changed": true })))
}

impl Desk {
    /// The call of an event: a new one when it begins, forgotten when it is over.
    fn call(&mut self, event: &Event) -> Call {
        let new = || Call { id: call_id(), agent: agent_of(&event.to), phone: event.from.clone() };
        if event.event == "call_hangup" {
            return self.calls.remove(&event.call_id).unwrap_or_else(new);
        }
        self.calls.entry(event.call_id.clone()).or_insert_with(new).clone()
    }

    fn push(&mut self, event: &Event, call: &Call, kind: &str, state: &str, to_all: bool) {
        self.seq += 1;
        let seq = self.seq;
        let body = envelope(event, call, kind, state, seq);
        let send = |socket: &mut Socket| {
            let frame = format!(r#"{{"op":"ev","prev":{},{body}"#, socket.prev);
            socket.prev = seq;
            let _ = socket.frames.send(frame.into()); // its reader has gone: nobody waits for the frame
        };
        if to_all {
            self.sockets.values_mut().for_each(send);
        } else if let Some(socket) = self.sockets.get_mut(&call.agent) {
            send(socket);
        }
    }
}

/// An event as the product pushes it, every key present, without its opening brace.
fn envelope(event: &Event, call: &Call, kind: &str, state: &str, seq: u64) -> String {
    let Call { id, agent, phone } = call;
    let call_id = &event.call_id;
    let recording = event.recordingurl.as_ref().map_or_else(|| "null".into(), |url| format!(r#""{url}""#));
    format!(
        concat!(
            r#""v":1,"id":"evt_{event_id}","account":"bench","epoch":"{event_id}","seq":{seq},"type":"{kind}","#,
            r#""call":"{id}","attempt":1,"cv":1,"audience":["{agent}"],"agent":"{agent}","#,
            r#""occurredAt":"2026-11-20T12:00:00.000000Z","observedAt":"2026-11-20T12:00:00.000000Z","#,
            r#""source":"vtiger","data":{{"state":"{state}","stateTime":"2026-11-20T12:00:00Z","type":"phonecall","#,
            r#""id":null,"direction":"inbound","phone":"{phone}","outcome":null,"fromType":null,"fromId":null,"#,
            r#""fromName":null,"toType":"agent","toId":"{agent}","toName":null,"dtCallId":"{id}","isCallback":false,"#,
            r#""retryDatetime":null,"dnis":null,"queueDn":null,"agentId":"{agent}","extension":"1001","#,
            r#""callId":"{call_id}","callStatus":"in-progress","customData":null,"recordingUrl":{recording},"#,
            r#""notes":null,"capabilities":[]}}}}"#
        ),
        event_id = id.simple(),
        id = id,
        seq = seq,
        kind = kind,
        agent = agent,
        state = state,
        phone = phone,
        call_id = call_id,
        recording = recording,
    )
}

#[expect(clippy::disallowed_methods, reason = "nothing here is repeated from a seed")]
fn call_id() -> Uuid {
    Uuid::now_v7()
}

fn agent_of(extension: &str) -> String {
    let index = extension.parse::<usize>().ok().and_then(|wanted| wanted.checked_sub(number(0)));
    index.map(login).unwrap_or_default()
}

#[derive(Deserialize)]
struct TicketRequest {
    agent: String,
}

/// A ticket is the agent's name: nothing is guarded here.
async fn ticket(Json(request): Json<TicketRequest>) -> Json<Value> {
    Json(json!({ "ticket": request.agent }))
}

async fn upgrade(State(room): State<Arc<Room>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SUBPROTOCOL]).on_upgrade(async move |socket| {
        let _ = talk(room, socket).await; // the softphone has gone
    })
}

#[derive(Deserialize)]
struct Hello {
    ticket: String,
}

async fn talk(room: Arc<Room>, mut socket: WebSocket) -> Result<()> {
    let hello = socket.recv().await.context("no hello")??;
    let Hello { ticket: agent } = serde_json::from_str(hello.to_text()?)?;
    let (frames, mut mailbox) = unbounded_channel();
    let seq = {
        let mut desk = room.desk();
        let prev = desk.seq;
        desk.sockets.insert(agent.clone(), Socket { frames, prev });
        prev
    };
    let welcome = json!({ "op": "welcome", "agent": agent, "head": seq, "ping": 25_000 });
    let snapshot = json!({ "op": "snapshot", "seq": seq, "agent": {}, "calls": [] });
    for frame in [welcome, snapshot] {
        socket.send(Message::text(frame.to_string())).await?;
    }
    drain(&mut mailbox, &mut socket).await
}

/// Writes what has gathered in one go.
async fn drain(mailbox: &mut UnboundedReceiver<Utf8Bytes>, socket: &mut WebSocket) -> Result<()> {
    use futures_util::SinkExt as _;
    let mut batch = Vec::new();
    while mailbox.recv_many(&mut batch, 64).await > 0 {
        for frame in batch.drain(..) {
            socket.feed(Message::Text(frame)).await?;
        }
        socket.flush().await?;
    }
    Ok(())
}

/// Where events are kept.
enum Book {
    None,
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

const INSERT_EVENT: &str = "insert into event (call, call_id, event, state) values ($1, $2, $3, $4)";
const INSERT_OUTBOX: &str = "insert into outbox (agent, call, state) values ($1, $2, $3)";

impl Book {
    async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres") {
            let pool = PgPoolOptions::new().max_connections(16).connect(url).await?;
            for table in tables("bigint generated always as identity primary key") {
                sqlx::query(sqlx::AssertSqlSafe(table)).execute(&pool).await?;
            }
            return Ok(Self::Postgres(pool));
        }
        let file = url.parse::<SqliteConnectOptions>()?.create_if_missing(true);
        let file = file.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        // SQLite has one writer; more connections would only wait for each other.
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(file).await?;
        for table in tables("integer primary key") {
            sqlx::query(sqlx::AssertSqlSafe(table)).execute(&pool).await?;
        }
        Ok(Self::Sqlite(pool))
    }

    async fn write(&self, event: &Event, call: &Call, state: &str) -> sqlx::Result<()> {
        // The same statements on two types of pool.
        macro_rules! commit {
            ($pool:expr) => {{
                let mut tx = $pool.begin().await?;
                let insert = sqlx::query(INSERT_EVENT).bind(call.id).bind(&event.call_id);
                insert.bind(&event.event).bind(state).execute(&mut *tx).await?;
                let insert = sqlx::query(INSERT_OUTBOX).bind(&call.agent).bind(call.id);
                insert.bind(state).execute(&mut *tx).await?;
                tx.commit().await
            }};
        }
        match self {
            Self::None => Ok(()),
            Self::Sqlite(pool) => commit!(pool),
            Self::Postgres(pool) => commit!(pool),
        }
    }
}

fn tables(id: &str) -> [String; 2] {
    let uuid = if id.starts_with("bigint") { "uuid" } else { "blob" };
    [
        format!("create table event (id {id}, call {uuid} not null, call_id text not null, event text, state text)"),
        format!("create table outbox (id {id}, agent text not null, call {uuid} not null, state text)"),
    ]
}
