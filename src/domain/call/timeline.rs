//! The states an attempt went through, derived from its record: the `dialer_call_event`s.
//!
//! Deriving them, rather than writing a row as each piece of news comes, makes the rows independent of the news' order:
//! a ring that is told after the hang-up still gets its row and its duration.

use chrono::{DateTime, Utc};

use super::Attempt;

/// One state that was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its place: identifies the row within the attempt.
    pub slot: i64,
    /// The page's event name.
    pub name: &'static str,
    /// Entered.
    pub since: DateTime<Utc>,
    /// Left; `None` while it lasts.
    pub until: Option<DateTime<Utc>>,
}

const PREVIEW: i64 = 0;
const RING: i64 = 1;
const FIRST_TALK: i64 = 2;
const TERMINAL: i64 = 1000;

impl Segment {
    /// Milliseconds spent; never negative, as clocks of telephone systems may jump.
    pub fn duration_ms(&self) -> Option<i64> {
        self.until.map(|until| (until - self.since).num_milliseconds().max(0))
    }
}

impl Attempt {
    /// The states so far, in order.
    pub fn timeline(&self) -> Vec<Segment> {
        let line = &self.line;
        let mut segments = Vec::with_capacity(4);
        if let Some((since, _)) = self.handling.preview {
            let until = [line.started_at, line.answered_at, line.ended_at, self.handling.finished_at].into_iter().flatten().min();
            segments.push(Segment { slot: PREVIEW, name: "preview", since, until });
        }
        let released = line.ended_at.or(self.handling.finished_at);
        if let Some(since) = line.started_at {
            segments.push(Segment { slot: RING, name: "ring", since, until: line.answered_at.or(released) });
        }
        if let Some(answered) = line.answered_at {
            self.talk_and_hold(answered, released, &mut segments);
        }
        if let (Some(since), Some(outcome)) = (released, self.outcome()) {
            segments.push(Segment { slot: TERMINAL, name: outcome.words().event_name, since, until: self.handling.finished_at });
        }
        segments
    }

    /// Whether the call is on hold, as far as it was answered and is not over.
    pub fn is_held(&self) -> bool {
        self.line.answered_at.is_some_and(|answered| self.turns(answered, self.line.ended_at).last().is_some_and(|&(_, held)| held))
    }

    /// The holds and resumes that turned a conversation, alternating. One that comes before the answer, after the release, or
    /// changes nothing says nothing, and a hold and a resume of one instant undo each other, whichever was meant first.
    fn turns(&self, answered: DateTime<Utc>, released: Option<DateTime<Utc>>) -> Vec<(DateTime<Utc>, bool)> {
        let holds = &self.line.holds;
        let mut turns: Vec<(DateTime<Utc>, bool)> = Vec::new();
        for &(at, held) in holds.range((answered, false)..) {
            let held_now = turns.last().is_some_and(|&(_, held)| held);
            if held != held_now && !holds.contains(&(at, !held)) && released.is_none_or(|released| at < released) {
                turns.push((at, held));
            }
        }
        turns
    }

    fn talk_and_hold(&self, answered: DateTime<Utc>, released: Option<DateTime<Utc>>, segments: &mut Vec<Segment>) {
        let first = segments.len();
        segments.push(Segment { slot: FIRST_TALK, name: "talk", since: answered, until: None });
        for (at, held) in self.turns(answered, released) {
            let slot = FIRST_TALK + i64::try_from(segments.len() - first).unwrap_or(TERMINAL);
            segments.push(Segment { slot, name: if held { "hold" } else { "talk" }, since: at, until: None });
        }
        for index in first..segments.len() {
            let next = segments.get(index + 1).map(|segment| segment.since);
            segments[index].until = next.or(released);
        }
    }
}
