//! How far a long command is: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::app::clock::instant;

/// A line this often where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Counts bytes of a file and the things in it.
pub(super) struct Meter {
    bar: Option<ProgressBar>,
    what: &'static str,
    length: u64,
    began: Instant,
    told: Instant,
    /// How many there were at the beginning.
    before: Option<u64>,
}

impl Meter {
    /// Begins; a length of 0 is unknown.
    pub(super) fn start(length: u64, what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let known = "{bar:30} {percent:>3} %  {msg}  {eta} left";
            let style = ProgressStyle::with_template(if length > 0 { known } else { "{spinner} {msg}" });
            ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let now = instant();
        Self { bar, what, length, began: now, told: now, before: None }
    }

    /// Goes on from here, where an earlier run stopped.
    pub(super) fn resume(&mut self, bytes: u64, count: u64) {
        self.before = Some(count);
        if let Some(bar) = &mut self.bar {
            *bar = bar.clone().with_position(bytes);
            bar.reset_eta();
        }
    }

    /// So far.
    pub(super) fn show(&mut self, bytes: u64, count: u64) {
        let seconds = self.began.elapsed().as_secs().max(1);
        let rate = count.saturating_sub(self.before.unwrap_or_default()) / seconds;
        let text = format!("{count} {}, {rate}/s", self.what);
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.set_position(bytes);
            }
            None if self.told.elapsed() >= LINE_EVERY => {
                self.told = instant();
                let part = (bytes * 100).checked_div(self.length).map(|part| format!(", {part} %")).unwrap_or_default();
                note(&format!("{text}{part}"));
            }
            None => {}
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A remark beside the data.
#[expect(clippy::print_stderr, reason = "remarks beside the data")]
pub(super) fn note(text: &str) {
    eprintln!("# {text}");
}
