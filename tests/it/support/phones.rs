//! The telephones of a real Asterisk: the far ends of its local channels, in an application of the test. A telephone rings, answers,
//! is busy, hangs up, sends tones and hears when the test says so, and the test hears what it hears.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::StreamExt;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};

use super::asterisk::{Asterisk, PASSWORD, PHONES, USER};

/// How long something may take that is sure to happen.
const PATIENCE: Duration = Duration::from_secs(15);

/// All telephones of one Asterisk.
#[derive(Clone)]
pub(crate) struct Phones {
    base: String,
    http: Client,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    events: Mutex<Vec<Value>>,
    /// Channels that a test has in its hands.
    taken: Mutex<HashSet<String>>,
    more: Notify,
}

impl Heard {
    fn events(&self) -> MutexGuard<'_, Vec<Value>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them, in a call.
pub(crate) struct Phone {
    pub(crate) channel: String,
    /// The number that it shows.
    pub(crate) shows: String,
    phones: Phones,
}

impl Phones {
    /// Of this Asterisk, which must be asked anew after it was started anew.
    pub(crate) async fn of(asterisk: &Asterisk) -> Self {
        let url = format!("ws://{}/ari/events?app={PHONES}", asterisk.address);
        let mut request = url.into_client_request().expect("an address");
        let basic = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
        request.headers_mut().insert("Authorization", format!("Basic {basic}").parse().expect("a header"));
        let (mut socket, _) = connect_async(request).await.expect("a connection for events");
        let heard = Arc::<Heard>::default();
        let ears = heard.clone();
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                if let Ok(event) = serde_json::from_str(message.to_text().unwrap_or_default()) {
                    ears.events().push(event);
                    ears.more.notify_waiters();
                }
            }
        });
        Self { base: asterisk.url(""), http: asterisk.http.clone(), heard }
    }

    /// One request, whatever comes of it.
    pub(crate) async fn ask(&self, method: Method, path: &str, query: &[(&str, &str)]) -> (StatusCode, Value) {
        let request = self.http.request(method, format!("{}{path}", self.base)).basic_auth(USER, Some(PASSWORD)).query(query);
        let response = request.send().await.expect("an answer");
        let (status, body) = (response.status(), response.text().await.expect("a body"));
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    async fn done(&self, method: Method, path: &str, query: &[(&str, &str)]) {
        let (status, body) = self.ask(method.clone(), path, query).await;
        assert!(status.is_success(), "{method} {path} {query:?}: {status} {body}");
    }

    /// Waits for the first event that fits.
    async fn wait(&self, what: &str, from: usize, fits: impl Fn(&Value) -> bool) -> Value {
        let look = async {
            loop {
                let more = self.heard.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                let found = self.heard.events().iter().skip(from).find(|event| fits(event)).cloned();
                if let Some(event) = found {
                    return event;
                }
                more.await;
            }
        };
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(event) => event,
            Err(_) => panic!("{what} did not happen; heard: {:#?}", self.heard.events().iter().map(brief).collect::<Vec<_>>()),
        }
    }

    fn is_free(&self, event: &Value) -> bool {
        let taken = self.heard.taken.lock().unwrap_or_else(PoisonError::into_inner);
        !taken.contains(event["channel"]["id"].as_str().unwrap_or_default())
    }

    fn take(&self, event: &Value) -> Phone {
        let channel = event["channel"]["id"].as_str().expect("a channel").to_owned();
        self.heard.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.clone());
        let shows = event["channel"]["caller"]["number"].as_str().unwrap_or_default().to_owned();
        Phone { channel, shows, phones: self.clone() }
    }

    /// The telephone of this number, once it is called.
    pub(crate) async fn called(&self, number: &str) -> Phone {
        let fits = |event: &Value| event["type"] == "StasisStart" && event["args"][0] == number && self.is_free(event);
        let event = self.wait(&format!("a call to {number}"), 0, fits).await;
        self.take(&event)
    }

    /// Whether the telephone of this number was ever called.
    pub(crate) fn was_called(&self, number: &str) -> bool {
        self.heard.events().iter().any(|event| event["type"] == "StasisStart" && event["args"][0] == number)
    }

    /// Somebody calls one of our numbers, given with the context of the dialplan that takes it. The name of his channel, and so of
    /// the call.
    pub(crate) async fn call_in(&self, line: &str, caller: &str, id: &str) -> String {
        let query = [("endpoint", &*format!("Local/{line}/n")), ("app", PHONES), ("appArgs", id), ("callerId", caller), ("timeout", "60")];
        self.done(Method::POST, &format!("/channels/{id}"), &query).await;
        format!("{id};2")
    }

    /// Who called in, once he is answered.
    pub(crate) async fn answered(&self, id: &str) -> Phone {
        self.called(id).await
    }

    /// How a call that was made from outside ended: its cause.
    pub(crate) async fn ended(&self, id: &str) -> i64 {
        let fits = |event: &Value| event["type"] == "ChannelDestroyed" && event["channel"]["id"] == id;
        self.wait(&format!("the end of {id}"), 0, fits).await["cause"].as_i64().expect("a cause")
    }

    /// Who called in gives up.
    pub(crate) async fn give_up(&self, id: &str) {
        self.done(Method::DELETE, &format!("/channels/{id}"), &[]).await;
    }

    /// What there is of a kind: `channels` or `bridges`.
    pub(crate) async fn list(&self, kind: &str) -> Vec<String> {
        let (_, list) = self.ask(Method::GET, &format!("/{kind}"), &[]).await;
        list.as_array().expect("a list").iter().map(|entry| entry["id"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until nothing is left of any call.
    pub(crate) async fn nothing_left(&self) {
        let look = async {
            while !(self.list("channels").await.is_empty() && self.list("bridges").await.is_empty()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, look).await.is_err() {
            panic!("left: {:?} {:?}", self.list("channels").await, self.list("bridges").await);
        }
    }
}

fn brief(event: &Value) -> String {
    format!("{} {} {}", event["type"], event["channel"]["id"], event["args"])
}

impl Phone {
    fn path(&self, verb: &str) -> String {
        format!("/channels/{}{verb}", self.channel.replace(';', "%3B").replace('+', "%2B"))
    }

    /// It rings.
    pub(crate) async fn ring(&self) {
        self.phones.done(Method::POST, &self.path("/ring"), &[]).await;
    }

    /// Somebody picks it up.
    pub(crate) async fn pick_up(&self) {
        self.phones.done(Method::POST, &self.path("/answer"), &[]).await;
    }

    /// It ends the call, with a cause of Q.850.
    pub(crate) async fn hang_up(&self, cause: i64) {
        self.phones.done(Method::DELETE, &self.path(""), &[("reason_code", &cause.to_string())]).await;
    }

    /// Somebody presses keys.
    pub(crate) async fn press(&self, digits: &str) {
        self.phones.done(Method::POST, &self.path("/dtmf"), &[("dtmf", digits)]).await;
    }

    /// Somebody presses a key, and it has arrived at Asterisk, whoever hears it there.
    pub(crate) async fn press_and_wait(&self, digit: &str) {
        let near = self.channel.trim_end_matches(";2");
        let source = format!("channel:{near}");
        self.phones.done(Method::POST, &format!("/applications/{PHONES}/subscription"), &[("eventSource", &source)]).await;
        let from = self.phones.heard.events().len();
        self.press(digit).await;
        let fits = |event: &Value| event["type"] == "ChannelDtmfReceived" && event["channel"]["id"] == near && event["digit"] == digit;
        self.phones.wait(&format!("{digit} at {near}"), from, fits).await;
    }

    /// Goes on elsewhere in the dialplan.
    pub(crate) async fn go_elsewhere(&self, channel: &str) {
        let query = [("context", "did"), ("extension", "elsewhere"), ("priority", "1")];
        self.phones.done(Method::POST, &format!("/channels/{}/continue", channel.replace(';', "%3B")), &query).await;
    }

    /// All tones that it has heard so far.
    pub(crate) fn tones(&self) -> String {
        let events = self.phones.heard.events();
        let mine = events.iter().filter(|event| event["type"] == "ChannelDtmfReceived" && event["channel"]["id"] == self.channel);
        mine.filter_map(|event| event["digit"].as_str()).collect()
    }

    /// Waits until it has heard these tones, after whatever it heard before.
    pub(crate) async fn hears(&self, digits: &str) {
        let fits = |_: &Value| true;
        let mut from = 0;
        while !self.tones().ends_with(digits) {
            self.phones.wait(&format!("{} hearing {digits} ({})", self.channel, self.tones()), from, fits).await;
            from = self.phones.heard.events().len();
        }
    }

    /// Waits until it hears a sound.
    pub(crate) async fn hears_sound(&self) {
        let from = self.phones.heard.events().len();
        self.phones.done(Method::POST, &self.path("/variable"), &[("variable", "TALK_DETECT(set)"), ("value", "")]).await;
        let fits = |event: &Value| event["type"] == "ChannelTalkingStarted" && event["channel"]["id"] == self.channel;
        self.phones.wait(&format!("a sound at {}", self.channel), from, fits).await;
        self.phones.done(Method::POST, &self.path("/variable"), &[("variable", "TALK_DETECT(remove)"), ("value", "")]).await;
    }

    /// Waits until the other side has ended the call.
    pub(crate) async fn is_released(&self) {
        let fits = |event: &Value| event["type"] == "StasisEnd" && event["channel"]["id"] == self.channel;
        self.phones.wait(&format!("the end of {}", self.channel), 0, fits).await;
    }

    /// Whether it is in a call.
    pub(crate) fn is_busy(&self) -> bool {
        !self.phones.heard.events().iter().any(|event| event["type"] == "StasisEnd" && event["channel"]["id"] == self.channel)
    }
}
