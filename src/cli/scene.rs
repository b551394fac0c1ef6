//! The demo's telephone system: plays inbound calls by posting what a real one posts, to the door a real one uses.

use std::time::Duration;

use rand::{Rng, RngExt, seq::IndexedRandom};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A post must be answered within this time.
const TIMEOUT: Duration = Duration::from_secs(10);
const CALLERS: [&str; 6] = ["+4930123456", "+81312345678", "+351211234567", "+17812706510", "+442079460958", "+39066982"];
const AGENTS: [&str; 2] = ["1001", "1002"];

/// How a call goes.
#[derive(Clone, Copy, Debug)]
enum Plot {
    Answered,
    Recorded,
    Transferred,
    Missed,
    Busy,
}

/// Three of six calls are simply answered; the rest shows what else can happen.
const PLOTS: [Plot; 8] =
    [Plot::Answered, Plot::Recorded, Plot::Answered, Plot::Recorded, Plot::Transferred, Plot::Answered, Plot::Missed, Plot::Busy];

/// A connection to the door, as the telephone system has it.
#[derive(Clone)]
struct Line {
    client: reqwest::Client,
    url: String,
    secret: String,
    stop: CancellationToken,
}

/// Plays `per_minute` calls until told to stop; then those under way hang up.
pub(super) async fn play(url: String, secret: String, per_minute: u32, stop: CancellationToken) {
    if per_minute == 0 {
        return;
    }
    let client = match reqwest::Client::builder().timeout(TIMEOUT).no_proxy().tls_certs_only([]).build() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "the simulated telephone system cannot start");
            return;
        }
    };
    let line = Line { client, url, secret, stop: stop.clone() };
    let calls = TaskTracker::new();
    let pause = Duration::from_secs(60) / per_minute;
    loop {
        let (number, plot) = {
            let mut rng = rand::rng();
            (rng.next_u64(), *PLOTS.choose(&mut rng).unwrap_or(&Plot::Answered))
        };
        calls.spawn(call(line.clone(), format!("sim-{number:016x}"), plot));
        if stop.run_until_cancelled(tokio::time::sleep(pause.mul_f64(between(0.5, 1.5)))).await.is_none() {
            break;
        }
    }
    calls.close();
    calls.wait().await;
}

/// A random factor or number of seconds.
fn between(low: f64, high: f64) -> f64 {
    rand::rng().random_range(low..high)
}

fn pick<'a>(among: &'a [&'a str]) -> &'a str {
    among.choose(&mut rand::rng()).copied().unwrap_or_default()
}

async fn call(line: Line, id: String, plot: Plot) {
    let (caller, agent) = (pick(&CALLERS), pick(&AGENTS));
    line.post(&id, &[("event", "call_initiated"), ("from", caller), ("to", agent), ("direction", "inbound")]).await;
    line.wait(between(2.0, 6.0)).await;
    if let Plot::Missed | Plot::Busy = plot {
        let reason = if matches!(plot, Plot::Busy) { "busy" } else { "no_answer" };
        line.post(&id, &[("event", "call_hangup"), ("hangup_reason", reason)]).await;
        return;
    }
    line.post(&id, &[("event", "call_connected"), ("from", caller), ("to", agent)]).await;
    line.wait(between(4.0, 20.0)).await;
    if matches!(plot, Plot::Transferred) {
        let other = AGENTS.into_iter().find(|other| *other != agent).unwrap_or(agent);
        line.post(&id, &[("event", "call_transfer"), ("transferred_number", other)]).await;
        line.wait(between(4.0, 12.0)).await;
    }
    line.post(&id, &[("event", "call_hangup"), ("hangup_reason", "completed"), ("billduration", "42"), ("billrate", "0.02")]).await;
    if matches!(plot, Plot::Recorded) {
        line.wait(between(1.0, 3.0)).await;
        let url = format!("https://recordings.example/{id}.mp3");
        line.post(&id, &[("event", "call_recording"), ("recordingurl", &url)]).await;
    }
}

impl Line {
    async fn post(&self, call_id: &str, params: &[(&str, &str)]) {
        let request = self.client.post(&self.url).header("X-VTIGER-SECRET", &self.secret).query(&[("call_id", call_id)]).query(params);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => tracing::warn!(status = %answer.status(), "the simulated telephone system was refused"),
            Err(error) => tracing::warn!(error = %error.without_url(), "the simulated telephone system got no answer"),
        }
    }

    /// Lets the call go on for a while, or not when it is time to hang up.
    async fn wait(&self, seconds: f64) {
        self.stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs_f64(seconds))).await;
    }
}
