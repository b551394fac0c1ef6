//! `simulate`: plays shifts of a dialer with the pacing law and shows what comes of it, in figures and in a picture.

mod people;
mod picture;
mod sum;
mod world;

use std::path::PathBuf;

use anyhow::Context;
use chrono::TimeDelta;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::{
    people::Scenario,
    sum::{Sum, percent, share_of},
};
use super::{
    meter::{Meter, note},
    output,
};
use crate::domain::pacing;

const EXAMPLES: &str = "\
Examples:
  # ten agents, eight hours, both modes
  cti-gateway simulate
  # fifty agents, with a picture for a browser
  cti-gateway simulate --agents 50 --picture shift.svg
  # twenty shifts with the seeds 1 to 20: the mean and the worst
  cti-gateway simulate --runs 20
  # long talks, few answers
  cti-gateway simulate --answer-rate 15 --talk 240 --wrap 45 --mode predictive
  # one line per shift and mode, for programs
  cti-gateway --json simulate --runs 20

The talk share is the part of the agents' time in which they talk to somebody. A call is abandoned when a person answers and has \
no agent within 2 s; the law caps that at 3 % of the answered calls. A shift begins without earlier calls: the predictive dialer \
has no budget then, and begins like the progressive one.";

/// What to play.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Simulate {
    /// Agents, all ready at the beginning
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000))]
    agents: u32,
    /// Length of the shift in hours
    #[arg(long, default_value = "8", value_name = "H", value_parser = |text: &str| number(text, 0.1, 24.0, "hours"))]
    hours: f64,
    /// How many of a hundred dialed people answer
    #[arg(long, default_value = "28", value_name = "PERCENT", value_parser = |text: &str| number(text, 1.0, 100.0, "percent"))]
    answer_rate: f64,
    /// Mean length of a talk; most are shorter, some much longer
    #[arg(long, default_value = "120", value_name = "SECONDS", value_parser = |text: &str| number(text, 1.0, 7_200.0, "seconds"))]
    talk: f64,
    /// Mean length of the wrap-up after it
    #[arg(long, default_value = "20", value_name = "SECONDS", value_parser = |text: &str| number(text, 0.0, 3_600.0, "seconds"))]
    wrap: f64,
    /// How long a telephone rings before the dialer gives up
    #[arg(long, default_value = "25", value_name = "SECONDS", value_parser = |text: &str| number(text, 5.0, 120.0, "seconds"))]
    ring: f64,
    /// Mean time until a person answers
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = |text: &str| number(text, 1.0, 120.0, "seconds"))]
    answer_after: f64,
    /// How many of a hundred people who do not answer have a busy or dead line, which ends the call after 3 s
    #[arg(long, default_value = "0", value_name = "PERCENT", value_parser = |text: &str| number(text, 0.0, 100.0, "percent"))]
    busy: f64,
    /// How the dialer opens lines
    #[arg(long, value_enum, default_value_t = Which::Both)]
    mode: Which,
    /// Seed of the randomness: the same seed plays the same shift, with the same people in both modes
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Play so many shifts, each with the next seed
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: u32,
    /// Write a picture of talk share and abandonment over the shift (SVG)
    #[arg(long, value_name = "FILE.svg", value_parser = svg)]
    picture: Option<PathBuf>,
}

/// Which modes to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// One line per ready agent
    Progressive,
    /// As many lines as the forecast thinks good and the law allows
    Predictive,
    /// One after the other, compared
    Both,
}

/// Both modes, in the order in which they are shown.
const MODES: [(Which, pacing::Mode); 2] =
    [(Which::Progressive, pacing::Mode::Progressive), (Which::Predictive, pacing::Mode::Predictive(pacing::Predictor::Forecast))];

impl Which {
    fn word(self) -> &'static str {
        match self {
            Self::Progressive => "progressive",
            Self::Predictive => "predictive",
            Self::Both => "both",
        }
    }
}

impl Simulate {
    pub(super) fn run(&self, json: bool) -> anyhow::Result<()> {
        let scenario = self.scenario()?;
        let modes: Vec<_> = MODES.into_iter().filter(|(which, _)| self.mode == Which::Both || self.mode == *which).collect();
        let shift_ms = scenario.shift_ms().unsigned_abs();
        let shifts = u64::from(self.runs) * u64::try_from(modes.len())?;
        let mut meter = Meter::start(shift_ms * shifts, "calls dialed");
        let (mut over_ms, mut dialed) = (0, 0);
        let mut sums: Vec<Sum> = modes.iter().map(|(which, _)| Sum::new(which.word(), &scenario)).collect();
        let mut gains = Vec::new();
        for seed in (0..u64::from(self.runs)).map(|run| self.seed.wrapping_add(run)) {
            for ((_, mode), sum) in modes.iter().zip(&mut sums) {
                let played = world::play(&scenario, *mode, seed, |ms, calls| {
                    meter.show(over_ms + ms.unsigned_abs(), dialed + calls);
                })?;
                over_ms += shift_ms;
                dialed += played.dialed;
                sum.add(seed, played);
            }
            if let [progressive, predictive] = &sums[..] {
                gains.push((gain(progressive.last_talk_ms(), predictive.last_talk_ms()), seed));
            }
        }
        meter.end();
        if json {
            self.lines(&sums, &gains)?;
        } else {
            self.say(&sums, &gains)?;
        }
        if let Some(file) = &self.picture {
            let picture = picture::draw(&self.title(&sums), &self.words(), self.hours, &sums);
            std::fs::write(file, picture).with_context(|| format!("the picture {} cannot be written", file.display()))?;
            note(&format!("picture: {}", file.display()));
        }
        let broken: u64 = sums.iter().map(Sum::broken).sum();
        anyhow::ensure!(broken == 0, "the pacing law did not hold at {broken} moments; this is a fault of the program");
        Ok(())
    }

    fn scenario(&self) -> anyhow::Result<Scenario> {
        anyhow::ensure!(
            self.answer_after < self.ring,
            "--answer-after is {} s, expected less than --ring, which is {} s",
            self.answer_after,
            self.ring
        );
        Ok(Scenario {
            agents: usize::try_from(self.agents)?,
            shift: time(self.hours * 3_600.0),
            answer_rate: self.answer_rate / 100.0,
            answer_after: time(self.answer_after),
            talk: time(self.talk),
            wrap_up: time(self.wrap),
            ring: time(self.ring),
            busy: self.busy / 100.0,
        })
    }

    /// The scenario in words.
    fn words(&self) -> String {
        let Self { agents, hours, answer_rate, talk, wrap, ring, answer_after, busy, seed, runs, .. } = self;
        let agents = if *agents == 1 { "1 agent".to_owned() } else { format!("{agents} agents") };
        let last = seed.wrapping_add(u64::from(*runs) - 1);
        let seeds = if *runs == 1 { format!("seed {seed}") } else { format!("seeds {seed} to {last}") };
        let lines = if *busy > 0.0 { format!(", {busy} % of the others busy") } else { String::new() };
        let people = format!("{answer_rate} % answer after {answer_after} s{lines}, rings {ring} s");
        format!("{agents}, {hours} h; {people}; talk {talk} s, wrap-up {wrap} s; {seeds}")
    }

    fn title(&self, sums: &[Sum]) -> String {
        match sums {
            [progressive, predictive] => {
                let gain = gain(progressive.talk_ms(), predictive.talk_ms()) * 100.0;
                let compared = if gain < 0.0 { "less" } else { "more" };
                format!("Predictive dialing: {:.0} % {compared} talk than one line per ready agent", gain.abs())
            }
            _ => format!("A shift of {} dialing", self.mode.word()),
        }
    }

    /// One line per shift and mode.
    fn lines(&self, sums: &[Sum], gains: &[(f64, u64)]) -> anyhow::Result<()> {
        for sum in sums {
            for mut line in sum.lines() {
                if sum.name == Which::Predictive.word() {
                    let gain = gains.iter().find(|(_, seed)| line["seed"] == *seed).map(|(gain, _)| *gain);
                    line["gain"] = json!(gain);
                }
                line["agents"] = json!(self.agents);
                output::record(true, &line)?;
            }
        }
        Ok(())
    }

    /// For people: a table and what it means.
    fn say(&self, sums: &[Sum], gains: &[(f64, u64)]) -> anyhow::Result<()> {
        output::text(&format!("{}\n\n", self.words()))?;
        let columns = ["mode", "talk share", "dialed", "answered", "abandoned", "rate", "worst rate", "mean wait", "90 % wait"];
        let rows: Vec<Value> = sums.iter().map(Sum::row).collect();
        output::table(false, &columns, &rows, "")?;
        let mean = share_of(gains.iter().map(|(gain, _)| gain).sum(), gains.len());
        match gains.iter().min_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((worst, seed)) if gains.len() > 1 => output::text(&format!(
                "\nPredictive talks {} more than progressive in the mean; in the worst shift (seed {seed}) {}.\n",
                percent(mean, 1),
                percent(*worst, 1)
            )),
            Some((gain, _)) => output::text(&format!("\nPredictive talks {} more than progressive.\n", percent(*gain, 1))),
            None => Ok(()),
        }
    }
}

/// How much more the second is, as a part of the first.
fn gain(progressive_ms: i64, predictive_ms: i64) -> f64 {
    sum::ratio(predictive_ms - progressive_ms, progressive_ms)
}

fn number(text: &str, least: f64, most: f64, unit: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| format!("expected {unit} from {least} to {most}"))
}

fn svg(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("svg") => Ok(path),
        _ => Err("expected a name that ends in .svg; browsers show such pictures".to_owned()),
    }
}

/// To the millisecond.
#[expect(clippy::cast_possible_truncation, reason = "checked numbers of a day at most")]
fn time(seconds: f64) -> TimeDelta {
    TimeDelta::milliseconds((seconds * 1_000.0).round() as i64)
}
