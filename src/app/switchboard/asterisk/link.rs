//! The ways to an Asterisk: requests to its REST interface, and the socket by which it tells events.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    app::clock::instant,
    courier::{Answer, Courier, NoSocket, Socket, Trouble},
    domain::{
        request::{self, Credential, Outgoing},
        telephone::Asterisk,
    },
    pbx::asterisk::{Method, Request},
};

/// Longest list of channels or bridges that is read.
const MAX_LIST: usize = 64 << 20;
/// Pauses before a new connection: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(15);
/// A connection that lived for this long was a good one: the pauses begin anew.
const GOOD_LIFE: Duration = Duration::from_secs(30);
/// How often it is asked whether it is there, when it is silent. Silence for twice as long is a lost connection.
const PING: Duration = Duration::from_secs(5);
/// Events that wait to be heard.
const EVENTS: usize = 1024;

/// Makes requests.
pub(super) struct Carrier {
    courier: Courier,
    url: String,
    user: String,
    password: Credential,
    app: String,
}

/// What comes by the socket.
pub(super) enum Heard {
    /// It is open: what happens from now on will be told.
    Connected,
    Event(String),
    /// It is closed, or could not be opened.
    Lost(String),
}

/// The socket, which is opened again and again. Dropping it closes it.
pub(super) struct Link {
    heard: mpsc::Receiver<Heard>,
    again: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    pub(super) fn start(carrier: &Arc<Carrier>) -> Self {
        let (tell, heard) = mpsc::channel(EVENTS);
        let again = Arc::<Notify>::default();
        let task = tokio::spawn(keep_open(carrier.clone(), tell, again.clone()));
        Self { heard, again, task }
    }

    pub(super) async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            // the task never ends by itself
            None => std::future::pending().await,
        }
    }

    /// This connection is of no use.
    pub(super) fn connect_again(&self) {
        self.again.notify_one();
    }
}

async fn keep_open(carrier: Arc<Carrier>, tell: mpsc::Sender<Heard>, again: Arc<Notify>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = instant();
        let why = match carrier.open().await {
            Err(why) => reason(&why),
            Ok(mut socket) => tokio::select! {
                why = listen(&mut socket, &tell) => why,
                () = again.notified() => "what there is could not be read".to_owned(),
            },
        };
        if tell.send(Heard::Lost(why)).await.is_err() {
            return;
        }
        pause = if began.elapsed() >= GOOD_LIFE { FIRST_PAUSE } else { (pause * 2).min(MAX_PAUSE) };
        // full jitter: many gateways do not come back at the same moment
        tokio::time::sleep(pause.mul_f64(rand::random::<f64>())).await;
    }
}

/// Tells what comes until nothing comes any more; why.
async fn listen(socket: &mut Socket, tell: &mpsc::Sender<Heard>) -> String {
    let gone = || "nobody listens".to_owned();
    if tell.send(Heard::Connected).await.is_err() {
        return gone();
    }
    let mut is_asked = false;
    loop {
        match tokio::time::timeout(PING, socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => {
                is_asked = false;
                if tell.send(Heard::Event(text.as_str().to_owned())).await.is_err() {
                    return gone();
                }
            }
            Ok(Some(Ok(Message::Close(_))) | None) => return "it closed the connection".to_owned(),
            Ok(Some(Ok(_))) => is_asked = false,
            Ok(Some(Err(error))) => return error.to_string(),
            Err(_) if is_asked => return "it does not answer".to_owned(),
            Err(_) => {
                is_asked = true;
                let sent = tokio::time::timeout(PING, socket.send(Message::Ping(vec![].into()))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return "nothing can be sent to it".to_owned();
                }
            }
        }
    }
}

fn reason(why: &NoSocket) -> String {
    match why {
        NoSocket::Status(401 | 403) => "it does not know our user or password".to_owned(),
        NoSocket::Status(404) => "it has no REST interface at this address, or it is not enabled".to_owned(),
        why => why.to_string(),
    }
}

impl Carrier {
    pub(super) fn new(courier: Courier, asterisk: &Asterisk) -> Self {
        let (url, user, app) = (asterisk.url().to_owned(), asterisk.user().to_owned(), asterisk.app().to_owned());
        Self { courier, url, user, password: asterisk.password().clone(), app }
    }

    /// Opens the socket. Only what belongs to our application is told by it.
    async fn open(&self) -> Result<Socket, NoSocket> {
        let query = [("app", self.app.clone()), ("subscribeAll", "false".to_owned())];
        self.courier.open_socket(&self.outgoing(request::Method::Get, "/events", &query, None), rand::random()).await
    }

    /// What there is: channels and bridges. Channels first: one that is in a bridge and on no list is nobody's.
    pub(super) async fn lists(&self) -> Result<(Vec<u8>, Vec<u8>), String> {
        Ok((self.list("/channels").await?, self.list("/bridges").await?))
    }

    async fn list(&self, path: &str) -> Result<Vec<u8>, String> {
        match self.courier.fetch(&self.outgoing(request::Method::Get, path, &[], None), MAX_LIST).await {
            Ok(answer) if answer.status == 200 => Ok(answer.body),
            Ok(answer) => Err(format!("its list {path} was answered by {}", answer.status)),
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    pub(super) async fn make(&self, request: &Request) -> Result<Answer, Trouble> {
        let body = request.body.as_ref().map(|body| body.to_string().into_bytes());
        let outgoing = |method| self.outgoing(method, &request.path, &request.query, body);
        match request.method {
            Method::Get => self.courier.send(&outgoing(request::Method::Get)).await,
            Method::Post => self.courier.send(&outgoing(request::Method::Post)).await,
            Method::Delete => self.courier.delete(&outgoing(request::Method::Get)).await,
        }
    }

    /// The password goes in a header, never into the address.
    fn outgoing(&self, method: request::Method, path: &str, query: &[(&'static str, String)], body: Option<Vec<u8>>) -> Outgoing {
        let mut url = format!("{}/ari{path}", self.url);
        if !query.is_empty() {
            url.push('?');
            url.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish());
        }
        let authorization = BASE64_STANDARD.encode(format!("{}:{}", self.user, self.password.reveal()));
        let headers = vec![("Authorization".to_owned(), format!("Basic {authorization}"))];
        Outgoing { method, url, headers, content_type: body.as_ref().map(|_| "application/json"), body: body.unwrap_or_default() }
    }
}
