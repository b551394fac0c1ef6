//! Telephone systems at work: senders that play calls, send again what got no answer, and remember what was acknowledged.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cti_gateway::app::clock::instant;
use reqwest::{Client, StatusCode, header};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::app::GENERIC;

/// A sender that gets no acknowledgement for so long gives the test up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause before what got no answer is sent again.
const AGAIN: Duration = Duration::from_millis(20);

/// What a telephone system tells of a call, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Initiated,
    Connected,
    HungUp,
    Recorded,
}

impl Step {
    pub(crate) const ALL: [Self; 4] = [Self::Initiated, Self::Connected, Self::HungUp, Self::Recorded];

    fn query(self, call: &str, extension: &str) -> String {
        match self {
            Self::Initiated => format!("event=call_initiated&call_id={call}&from=%2B4930123456&to={extension}&direction=inbound"),
            Self::Connected => format!("event=call_connected&call_id={call}&from=%2B4930123456&to={extension}"),
            Self::HungUp => format!("event=call_hangup&call_id={call}&hangup_reason=completed&billduration=42"),
            Self::Recorded => format!("event=call_recording&call_id={call}&recordingurl=https://pbx.example/{call}.wav"),
        }
    }

    /// The entries it leaves in the journal, where calls have no wrap-up.
    pub(crate) fn entries(self) -> &'static [&'static str] {
        match self {
            Self::Initiated => &["call.state incoming"],
            Self::Connected => &["call.state talk"],
            Self::HungUp => &["call.state idle", "call.state end", "call.result end"],
            Self::Recorded => &["call.updated end"],
        }
    }
}

/// What happened to all posts of a test.
#[derive(Default)]
pub(crate) struct Tally {
    /// Posts that wait for their answer at this moment.
    pub(crate) in_flight: AtomicUsize,
    pub(crate) acknowledged: AtomicUsize,
    /// Posts that reached a server and got no answer.
    pub(crate) unanswered: AtomicUsize,
    /// Of those: acknowledged when sent again, and found done already.
    pub(crate) found_done: AtomicUsize,
    /// Answers 503 with Retry-After.
    pub(crate) refused: AtomicUsize,
    /// How long each event took from its first post to its acknowledgement.
    waits: Mutex<Vec<Duration>>,
}

impl Tally {
    /// Waits until so many more posts were acknowledged.
    pub(crate) async fn progress(&self, by: usize) {
        let mut last = Self::get(&self.acknowledged);
        let target = last + by;
        let mut moved = instant();
        while last < target {
            assert!(moved.elapsed() < PATIENCE, "nothing was acknowledged for {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
            let now = Self::get(&self.acknowledged);
            if now > last {
                (last, moved) = (now, instant());
            }
        }
    }

    pub(crate) fn get(figure: &AtomicUsize) -> usize {
        figure.load(Ordering::Relaxed)
    }

    /// How long events waited, shortest first.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        waits.sort();
        waits
    }
}

/// One telephone system's connection.
pub(crate) struct Sender {
    http: Client,
    url: String,
    secret: String,
    tally: Arc<Tally>,
}

/// An acknowledgement.
pub(crate) struct Receipt {
    pub(crate) dialer_call: String,
    pub(crate) changed: bool,
    /// Posts that got no answer before this one.
    pub(crate) unanswered: usize,
}

impl Sender {
    /// A sender to the server at this base address.
    pub(crate) fn new(base: &str, secret: &str, tally: &Arc<Tally>) -> Self {
        cti_gateway::courier::install_tls();
        let http = Client::builder().no_proxy().pool_max_idle_per_host(1).timeout(PATIENCE).build().expect("a client");
        Self { http, url: format!("{base}{GENERIC}"), secret: secret.to_owned(), tally: tally.clone() }
    }

    /// Tells one step of a call until it is acknowledged.
    pub(crate) async fn tell(&self, call: &str, extension: &str, step: Step) -> Receipt {
        self.post(&step.query(call, extension)).await
    }

    /// Posts until the server takes it. Anything but 200, 503 with Retry-After or a lost connection fails the test.
    pub(crate) async fn post(&self, query: &str) -> Receipt {
        let began = instant();
        let mut unanswered = 0;
        while began.elapsed() < PATIENCE {
            self.tally.in_flight.fetch_add(1, Ordering::Relaxed);
            let answer = self.try_post(query).await;
            self.tally.in_flight.fetch_sub(1, Ordering::Relaxed);
            match answer {
                Ok((StatusCode::OK, _, body)) => {
                    let changed = body["changed"].as_bool().expect("changed");
                    self.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                    self.tally.found_done.fetch_add(usize::from(unanswered > 0 && !changed), Ordering::Relaxed);
                    self.tally.waits.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed());
                    let dialer_call = body["dialerCallId"].as_str().expect("a dtCallId").to_owned();
                    return Receipt { dialer_call, changed, unanswered };
                }
                Ok((StatusCode::SERVICE_UNAVAILABLE, Some(after), _)) => {
                    self.tally.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(after).await;
                }
                Ok((status, _, body)) => panic!("{query}: {status} {body}"),
                Err(error) => {
                    // what could not connect was surely not heard
                    if !error.is_connect() {
                        unanswered += 1;
                        self.tally.unanswered.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        panic!("{query}: not acknowledged within {PATIENCE:?}")
    }

    async fn try_post(&self, query: &str) -> reqwest::Result<(StatusCode, Option<Duration>, Value)> {
        let response = self.http.post(format!("{}?{query}", self.url)).header("X-VTIGER-SECRET", &self.secret).send().await?;
        let status = response.status();
        let after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await?;
        Ok((status, after.map(Duration::from_secs), serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}

/// A call as its sender knows it.
pub(crate) struct Played {
    pub(crate) call_id: String,
    /// The dtCallIds that the server gave it; a second one is a doubled call.
    pub(crate) dialer_calls: BTreeSet<String>,
    pub(crate) acknowledged: Vec<Step>,
}

impl Played {
    /// A call of which nothing was told yet.
    pub(crate) fn named(call_id: String) -> Self {
        Self { call_id, dialer_calls: BTreeSet::new(), acknowledged: vec![] }
    }

    /// Notes an acknowledgement.
    pub(crate) fn note(&mut self, step: Step, receipt: Receipt) {
        self.acknowledged.push(step);
        self.dialer_calls.insert(receipt.dialer_call);
    }

    /// Plays all steps of a new call.
    pub(crate) async fn play(sender: &Sender, call_id: String, extension: &str, pause: Duration) -> Self {
        let mut played = Self::named(call_id);
        for step in Step::ALL {
            let receipt = sender.tell(&played.call_id, extension, step).await;
            played.note(step, receipt);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        played
    }
}

/// Where and how hard to work.
pub(crate) struct Plan<'a> {
    pub(crate) base: &'a str,
    /// What its call ids begin with.
    pub(crate) name: &'a str,
    /// Secrets of gateways; connections take them in turn.
    pub(crate) secrets: &'a [String],
    pub(crate) connections: usize,
    /// Telephones of agents; calls take them in turn.
    pub(crate) extensions: &'a [String],
    /// Between an acknowledgement and the next post of the same connection.
    pub(crate) pause: Duration,
}

/// Connections at work.
pub(crate) struct Load {
    pub(crate) tally: Arc<Tally>,
    stop: CancellationToken,
    tasks: JoinSet<Vec<Played>>,
}

impl Load {
    /// Starts the connections.
    pub(crate) fn start(plan: &Plan<'_>) -> Self {
        let (tally, stop) = (Arc::<Tally>::default(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        for line in 0..plan.connections {
            let sender = Sender::new(plan.base, &plan.secrets[line % plan.secrets.len()], &tally);
            let (name, stop) = (plan.name.to_owned(), stop.clone());
            let (pause, extensions) = (plan.pause, plan.extensions.to_vec());
            tasks.spawn(async move {
                let mut played = Vec::new();
                for (number, extension) in extensions.iter().cycle().skip(line).enumerate() {
                    played.push(Played::play(&sender, format!("{name}-{line}-{number}"), extension, pause).await);
                    if stop.is_cancelled() {
                        break;
                    }
                }
                played
            });
        }
        Self { tally, stop, tasks }
    }

    /// Lets every connection finish its present call; everything they played.
    pub(crate) async fn finish(self) -> (Arc<Tally>, Vec<Played>) {
        self.stop.cancel();
        (self.tally, self.tasks.join_all().await.into_iter().flatten().collect())
    }
}
