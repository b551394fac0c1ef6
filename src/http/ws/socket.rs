//! One open socket: hello, then the feed out and pongs and wishes in, until one side closes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{SinkExt, StreamExt, stream::FuturesOrdered};
use tokio::{
    task::{JoinError, JoinHandle},
    time::{Interval, MissedTickBehavior, timeout},
};
use uuid::Uuid;

use super::{
    Close, LINGER,
    frames::{AgentView, CallView, Command, Follow, FromClient, FromServer, Hello, event},
};
use crate::{
    app::{
        availability::AgentNow,
        calls::is_visible,
        clock::instant,
        committer::Failure,
        directory::Grant,
        hub::{Feed, Interest, Item, Opening, Resume},
        presence::Softphone,
        pulse::Pulse,
        wishes::{Granted, Wish},
    },
    domain::{call::Call, event::scope_to_see, scope::Scope},
    http::Web,
    store::credentials,
};

/// Frames given in one write; then the client is heard.
const BURST: usize = 64;
/// So long a ping waits for the book to say whether the credential still holds.
const VALIDITY_PATIENCE: Duration = Duration::from_secs(1);
/// Most types and agents that a hello may name.
const MAX_LIST: usize = 1000;
/// Wishes under way on one socket; beyond them its frames wait.
const MAX_WISHES: usize = 16;

/// What hello has said.
struct Opened {
    grant: Grant,
    interest: Interest,
    resume: Option<Resume>,
    agent: Option<String>,
    tab: Option<Uuid>,
}

/// The state of an open socket.
pub(super) struct Session {
    web: Web,
    socket: WebSocket,
    grant: Grant,
    feed: Feed,
    /// The agent whose softphone this is.
    agent: Option<String>,
    /// The tab that it is open in, by the name that it gave itself.
    tab: Option<Uuid>,
    /// Keeps him signed in.
    _softphone: Option<Softphone>,
    /// Where it is noted how soon entries get here.
    pulse: Arc<Pulse>,
    /// It is given what it missed while it was away.
    is_catching_up: bool,
    /// `seq` of the last event, snapshot or resume position: the next event's `prev`.
    chain: i64,
    /// Answers that are being made, in the order of the wishes.
    answers: FuturesOrdered<JoinHandle<(String, Granted)>>,
    /// When the client was last heard.
    heard: tokio::time::Instant,
}

impl Session {
    /// Drives a socket to its end.
    /// `page` is the origin of a client app's page that opened it.
    pub(super) async fn run(web: Web, mut socket: WebSocket, bearer: Option<Grant>, page: Option<String>) {
        let opened = Self::open(&web, &mut socket, bearer, page.as_deref()).await;
        let (mut socket, why) = match opened {
            Ok(Opened { grant, interest, resume, agent, tab }) => {
                match begin(&web, &grant, (agent.as_deref(), tab), interest.clone(), resume.clone()).await {
                    Ok((feed, opening, softphone)) => {
                        let mut session = Box::new(Self {
                            chain: feed.cursor(),
                            pulse: web.app.pulses.of(grant.account.id),
                            is_catching_up: false,
                            web,
                            socket,
                            grant,
                            feed,
                            agent,
                            tab,
                            _softphone: softphone,
                            answers: FuturesOrdered::new(),
                            heard: instant(),
                        });
                        let why = match session.greet(opening, interest.agents.as_ref()).await {
                            Ok(()) => session.talk().await,
                            Err(why) => why,
                        };
                        session.note_lag(0.0); // nobody lags who is not there
                        (session.socket, why)
                    }
                    Err(error) => {
                        tracing::warn!(%error, "an agent could not be signed in, or a feed not be opened");
                        (socket, Some(Close::Store))
                    }
                }
            }
            Err(why) => (socket, why),
        };
        if let Some(why) = why {
            metrics::counter!("cti_sockets_closed_total", "code" => why.code().to_string()).increment(1);
            let frame = CloseFrame { code: why.code(), reason: Utf8Bytes::from_static(why.reason()) };
            let _ = timeout(LINGER, async {
                socket.send(Message::Close(Some(frame))).await?;
                // the close frame is lost if the connection goes while the client's last frames are unread
                while let Some(Ok(_)) = socket.recv().await {}
                Ok::<_, axum::Error>(())
            })
            .await;
        }
    }

    /// Reads hello and checks who is there.
    async fn open(web: &Web, socket: &mut WebSocket, bearer: Option<Grant>, page: Option<&str>) -> Result<Opened, Option<Close>> {
        let patience = Duration::from_millis(web.config.socket.hello_ms);
        let first = tokio::select! {
            first = timeout(patience, first_message(socket)) => first,
            () = web.draining.cancelled() => return Err(Some(Close::Drain)),
        };
        let text = match first {
            Ok(Some(Ok(Message::Text(text)))) => text,
            Ok(Some(Ok(Message::Close(_))) | None) => return Err(None),
            Ok(Some(_)) => return Err(Some(Close::Frame("the first frame must be hello"))),
            Err(_) => return Err(Some(Close::Late)),
        };
        let Ok(FromClient::Hello(hello)) = serde_json::from_str(&text) else {
            return Err(Some(Close::Frame("the first frame must be hello: {\"op\":\"hello\",\"ticket\":…,\"client\":…}")));
        };
        let grant = match (&hello.ticket, bearer) {
            (Some(ticket), _) => match web.app.redeem_ticket(ticket).await {
                Ok(grant) => grant.ok_or(Some(Close::Ticket))?,
                Err(error) => {
                    tracing::warn!(%error, "a ticket could not be read");
                    return Err(Some(Close::Store));
                }
            },
            (None, Some(grant)) => grant,
            (None, None) => return Err(Some(Close::Ticket)),
        };
        if page.is_some_and(|origin| !grant.account.has_client_app(origin)) {
            return Err(Some(Close::Forbidden("this page's origin is none of the account's client apps")));
        }
        tracing::debug!(client = %&hello.client.chars().take(40).collect::<String>(), "a socket opens");
        let (interest, agent) = interest(&grant, &hello).map_err(Some)?;
        let resume = hello.resume.map(|position| Resume { epoch: position.epoch, seq: position.seq });
        Ok(Opened { grant, interest, resume, agent, tab: hello.tab })
    }

    /// Says welcome, and the snapshot when the client starts from it.
    async fn greet(&mut self, opening: Opening, agents: Option<&BTreeSet<String>>) -> Result<(), Option<Close>> {
        self.is_catching_up = matches!(opening, Opening::Replay);
        let (resume, calls) = match opening {
            Opening::Live => ("live", None),
            Opening::Replay => ("replay", None),
            Opening::Reset => {
                let failed = |error: sqlx::Error| {
                    tracing::warn!(%error, "the live calls cannot be read");
                    Some(Close::Store)
                };
                let calls = self.feed.snapshot().await.map_err(failed)?;
                // read after the calls: what it is ahead of them comes once more
                let presence = match &self.agent {
                    Some(login) => self.web.app.agent_now(&self.grant.account, login).await.map_err(failed)?,
                    None => None,
                };
                ("reset", Some((calls, presence)))
            }
        };
        self.chain = self.feed.cursor();
        let welcome = FromServer::Welcome {
            session: self.web.app.clock.id(),
            agent: self.agent.as_deref(),
            epoch: self.feed.epoch(),
            head: self.feed.head(),
            ping: self.web.config.socket.ping_ms,
            resume,
        };
        let welcome = welcome.text();
        let snapshot = calls.map(|(calls, presence)| self.snapshot(&calls, presence, agents));
        self.put(welcome).await?;
        if let Some(snapshot) = snapshot {
            self.put(snapshot).await?;
        }
        self.flush().await
    }

    fn snapshot(&self, calls: &[Call], now: Option<AgentNow>, agents: Option<&BTreeSet<String>>) -> Utf8Bytes {
        let account = &self.grant.account;
        let visible = calls.iter().filter(|call| is_visible(account, call, agents));
        let agent = self.agent.as_deref().and_then(|login| account.roster.by_login(login));
        FromServer::Snapshot {
            seq: self.feed.cursor(),
            agent: agent.map(|agent| AgentView::new(agent, now)),
            calls: visible.map(|call| CallView::new(account, call)).collect(),
        }
        .text()
    }

    /// Until one side closes; says why we do, or `None` when the client did.
    async fn talk(&mut self) -> Option<Close> {
        let mut pings = self.pings();
        let draining = self.web.draining.clone();
        loop {
            let step = tokio::select! {
                item = self.feed.next() => self.give(item).await,
                frame = self.socket.recv(), if self.answers.len() < MAX_WISHES => self.take(frame).await,
                Some(answer) = self.answers.next() => self.answer(answer).await,
                _ = pings.tick() => self.ping().await,
                () = draining.cancelled() => Err(Some(Close::Drain)),
            };
            if let Err(why) = step {
                return why;
            }
        }
    }

    fn pings(&self) -> Interval {
        let every = Duration::from_millis(self.web.config.socket.ping_ms.max(1));
        let mut pings = tokio::time::interval_at(instant() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings
    }

    /// Sends an item of the feed, and what is at hand after it in the same write. Nothing is left unwritten while the feed
    /// waits, and after a burst the client is heard before more is given.
    async fn give(&mut self, item: crate::store::Result<Item>) -> Result<(), Option<Close>> {
        let mut item = item.map_err(|error| {
            tracing::warn!(%error, "a softphone cannot catch up");
            Some(Close::Store)
        })?;
        for _ in 1..BURST {
            self.show(item).await?;
            match self.feed.at_hand() {
                Some(next) => item = next,
                None => return self.flush().await,
            }
        }
        self.show(item).await?;
        self.flush().await
    }

    async fn show(&mut self, item: Item) -> Result<(), Option<Close>> {
        match item {
            Item::Entry(entry) => {
                let frame = event(&entry, self.chain);
                self.chain = entry.seq;
                if let Ok(age) = (self.web.app.clock.now() - entry.observed_at).to_std() {
                    metrics::histogram!("cti_delivery_seconds").record(age.as_secs_f64());
                    // who was away is told late, and nobody is at fault
                    if !self.is_catching_up {
                        self.pulse.delivered(age, self.web.app.clock.now());
                    }
                }
                self.put(frame).await
            }
            Item::Mark(seq) => {
                self.is_catching_up = false;
                self.put(FromServer::Mark { seq, live: true }.text()).await
            }
            // the client connects again and gets a snapshot
            Item::Reset => Err(Some(Close::Anew)),
        }
    }

    async fn take(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), Option<Close>> {
        let text = match frame {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                self.heard = instant();
                return Ok(());
            }
            Some(Ok(Message::Binary(_))) => return Err(Some(Close::Frame("frames are text"))),
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Err(error)) => {
                let too_long = error.to_string().contains("too long") || error.to_string().contains("Space limit");
                return Err(too_long.then_some(Close::Frame("a frame may have at most 16 KiB")));
            }
        };
        self.heard = instant();
        match serde_json::from_str(&text) {
            Ok(FromClient::Pong { seq }) => {
                #[expect(clippy::cast_precision_loss, reason = "a lag is small")]
                self.note_lag(self.feed.cursor().saturating_sub(seq).max(0) as f64);
                Ok(())
            }
            Ok(FromClient::Cmd(Command { id, m, p })) => {
                // beside the feed, which must not wait for a commit; and to its end, even if the client goes
                let (app, grant) = (self.web.app.clone(), self.grant.clone());
                let wish = Wish { id, verb: m, parameters: p, tab: self.tab };
                self.answers.push_back(self.web.sockets.spawn(async move {
                    let answer = app.grant_wish(&grant, &wish).await;
                    (wish.id, answer)
                }));
                Ok(())
            }
            Ok(FromClient::Hello(_)) => Err(Some(Close::Frame("hello was said already"))),
            Err(_) => Err(Some(Close::Frame("not a frame of cti.v1.json"))),
        }
    }

    async fn answer(&mut self, answer: Result<(String, Granted), JoinError>) -> Result<(), Option<Close>> {
        let (id, answer) = answer.map_err(|error| {
            tracing::error!(%error, "a wish was not answered");
            Some(Close::Store)
        })?;
        let (ok, d, err) = match answer {
            Ok(value) => (true, Some(value), None),
            Err(refusal) => (false, None, Some(refusal)),
        };
        self.put(FromServer::Res { id: &id, ok, d, err }.text()).await?;
        self.flush().await
    }

    fn note_lag(&self, events: f64) {
        if let Some(agent) = &self.agent {
            metrics::gauge!("cti_softphone_lag_events", "account" => self.grant.account.name.clone(), "agent" => agent.clone()).set(events);
        }
    }

    /// Pings, and checks that the client and its session are still there.
    async fn ping(&mut self) -> Result<(), Option<Close>> {
        let silence = Duration::from_millis(self.web.config.socket.ping_ms * 2);
        if self.heard.elapsed() > silence {
            return Err(Some(Close::Slow));
        }
        let app = &self.web.app;
        // the feed waits meanwhile: a book that does not answer soon is asked again at the next ping
        let valid = credentials::is_valid(app.db.replay(), self.grant.credential, app.clock.now());
        let asked = instant();
        if let Ok(Ok(false)) = timeout(VALIDITY_PATIENCE, valid).await {
            return Err(Some(Close::SessionExpired));
        }
        self.heard += asked.elapsed(); // what we waited for is no silence of the client
        let seq = self.feed.settle();
        self.put(FromServer::Ping { seq }.text()).await?;
        self.flush().await
    }

    async fn put(&mut self, text: Utf8Bytes) -> Result<(), Option<Close>> {
        written(&self.web, self.socket.feed(Message::Text(text))).await
    }

    async fn flush(&mut self) -> Result<(), Option<Close>> {
        written(&self.web, self.socket.flush()).await
    }
}

/// Signs an agent in by his softphone and opens his feed after that.
async fn begin(
    web: &Web,
    grant: &Grant,
    (agent, tab): (Option<&str>, Option<Uuid>),
    interest: Interest,
    resume: Option<Resume>,
) -> Result<(Feed, Opening, Option<Softphone>), Failure> {
    let softphone = match agent {
        Some(login) => Some(web.app.connect_softphone(&grant.account, login, tab).await?),
        None => None,
    };
    let opened = Feed::open(&web.app.hub, grant.account.id, interest, resume).await;
    let (feed, opening) = opened.map_err(|error| Failure::Store(Arc::new(error)))?;
    Ok((feed, opening, softphone))
}

/// Waits for a write, unless the client takes nothing for too long. A stopping server does not wait for such a client.
async fn written(web: &Web, write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Option<Close>> {
    let stall = Duration::from_millis(web.config.socket.stall_ms);
    tokio::select! {
        biased;
        done = timeout(stall, write) => match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(Close::Slow)),
        },
        () = web.draining.cancelled() => Err(Some(Close::Drain)),
    }
}

/// The first message that says something: pings and pongs may come at any time.
async fn first_message(socket: &mut WebSocket) -> Option<Result<Message, axum::Error>> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => return other,
        }
    }
}

/// What hello asks to see, if the grant allows it.
fn interest(grant: &Grant, hello: &Hello) -> Result<(Interest, Option<String>), Close> {
    if hello.types.len() > MAX_LIST {
        return Err(Close::Frame("hello names too many types"));
    }
    if hello.types.iter().any(|pattern| !grant.scopes.allow(scope_to_see(pattern))) {
        return Err(Close::Forbidden("hello asks for types whose scope is missing: see the table of types in the protocol"));
    }
    let types = hello.types.clone();
    if let Some(login) = grant.subject.agent() {
        let own = BTreeSet::from([login.to_owned()]);
        return Ok((Interest { agents: Some(own), types, only_types: false, softphone: true }, Some(login.to_owned())));
    }
    if !grant.scopes.allow(Scope::EventsRead) {
        return Err(Close::Forbidden("following agents needs the scope events:read"));
    }
    let agents = match &hello.agents {
        Some(Follow::Word(word)) if word == "*" => None,
        Some(Follow::Logins(logins)) if !logins.is_empty() && logins.len() <= MAX_LIST => {
            if logins.iter().any(|login| grant.account.roster.by_login(login).is_none()) {
                return Err(Close::Forbidden("hello names an agent that this account does not have"));
            }
            Some(logins.iter().cloned().collect())
        }
        _ => return Err(Close::Frame("hello must name whom to follow: \"agents\":[\"agent1\"] or \"agents\":\"*\"")),
    };
    Ok((Interest { agents, types, only_types: false, softphone: false }, None))
}
