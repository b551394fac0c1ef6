//! The DevTools protocol's plumbing: calls and their answers, and everything the browser says
//! between them. Messages are JSON objects, each ended by a zero byte.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::time::timeout;

use super::PATIENCE;

/// The connection to one browser, shared by its pages.
pub(super) struct Link {
    to_browser: AsyncMutex<ChildStdin>,
    heard: Mutex<Heard>,
    calls: AtomicU64,
}

/// What the browser has said so far.
struct Heard {
    /// The calls that wait for an answer; `None` when the browser is gone.
    waiting: Option<HashMap<u64, oneshot::Sender<Value>>>,
    /// The console by session.
    console: HashMap<String, Vec<Line>>,
    /// The scripts' worlds: session and frame by context.
    contexts: HashMap<String, (String, String)>,
}

struct Line {
    is_error: bool,
    text: String,
}

impl Link {
    /// Takes the two ends of the pipe and listens from now on.
    pub(super) fn new(to_browser: ChildStdin, from_browser: ChildStdout) -> Arc<Self> {
        let link = Arc::new(Self {
            to_browser: AsyncMutex::new(to_browser),
            heard: Mutex::new(Heard { waiting: Some(HashMap::new()), console: HashMap::new(), contexts: HashMap::new() }),
            calls: AtomicU64::new(1),
        });
        tokio::spawn(link.clone().listen(from_browser));
        link
    }

    /// The console of a session so far: all of it, or the errors only.
    pub(super) fn console(&self, session: &str, errors_only: bool) -> Vec<String> {
        let heard = self.heard();
        let lines = heard.console.get(session).into_iter().flatten();
        let wanted = lines.filter(|line| line.is_error || !errors_only);
        wanted.map(|line| line.text.clone()).collect()
    }

    /// Where the scripts of a session's frame run; `None` while it has no document.
    pub(super) fn context(&self, session: &str, frame: &str) -> Option<String> {
        let heard = self.heard();
        let mut contexts = heard.contexts.iter();
        let found = contexts.find(|(_, (its_session, its_frame))| its_session == session && its_frame == frame);
        found.map(|(context, _)| context.clone())
    }

    /// A test that panicked while it held the lock has said why already.
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a method of the protocol, in a session or of the browser, and waits for its result.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        const GONE: &str = "the browser is gone";
        let id = self.calls.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.heard().waiting.as_mut().ok_or(GONE)?.insert(id, answer);
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to_browser.lock().await.write_all(&bytes).await.map_err(|_| GONE)?;
        let answered = timeout(PATIENCE, answered).await;
        let mut answer = answered.map_err(|_| format!("{method}: no answer"))?.map_err(|_| GONE)?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {}", text(&error["message"]))),
            None => Ok(answer["result"].take()),
        }
    }

    /// Reads until the browser is gone.
    async fn listen(self: Arc<Self>, from_browser: ChildStdout) {
        let mut from_browser = BufReader::new(from_browser);
        let mut bytes = Vec::new();
        while from_browser.read_until(0, &mut bytes).await.is_ok_and(|count| count > 0) {
            bytes.pop();
            self.heard().hear(serde_json::from_slice(&bytes).unwrap_or_default());
            bytes.clear();
        }
        self.heard().waiting = None;
    }
}

impl Heard {
    fn hear(&mut self, message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let caller = self.waiting.as_mut().and_then(|waiting| waiting.remove(&id));
            let _ = caller.map(|caller| caller.send(message)); // it may have given up
            return;
        }
        let session = text(&message["sessionId"]);
        let said = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Runtime.consoleAPICalled" => {
                let words = said["args"].as_array().into_iter().flatten().map(shown);
                let text = words.collect::<Vec<_>>().join(" ");
                self.note(session, text, matches!(said["type"].as_str(), Some("error" | "assert")));
            }
            "Runtime.exceptionThrown" => self.note(session, exception(&said["exceptionDetails"]), true),
            "Log.entryAdded" => {
                let entry = &said["entry"];
                let line = format!("{} {}", text(&entry["text"]), text(&entry["url"]));
                self.note(session, line.trim_end().into(), entry["level"] == "error");
            }
            "Runtime.executionContextCreated" if said["context"]["auxData"]["isDefault"] == true => {
                let frame = text(&said["context"]["auxData"]["frameId"]);
                self.contexts.insert(text(&said["context"]["uniqueId"]), (session, frame));
            }
            "Runtime.executionContextDestroyed" => {
                self.contexts.remove(&text(&said["executionContextUniqueId"]));
            }
            "Runtime.executionContextsCleared" => self.contexts.retain(|_, (its, _)| *its != session),
            _ => {}
        }
    }

    fn note(&mut self, session: String, text: String, is_error: bool) {
        self.console.entry(session).or_default().push(Line { is_error, text });
    }
}

/// An exception with its stack, as the console shows it.
pub(super) fn exception(details: &Value) -> String {
    match details["exception"]["description"].as_str() {
        Some(description) => description.into(),
        None => format!("{} {}", text(&details["text"]), shown(&details["exception"])),
    }
}

/// A value of the page as the console shows it.
fn shown(value: &Value) -> String {
    match (&value["value"], value["description"].as_str()) {
        (Value::Null, Some(description)) => description.into(),
        (value, _) => text(value),
    }
}

/// A string without its quotes, nothing for null, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
