//! What the simulated telephone system is like: how calls come out, how long things take, what of its news is lost.

use serde::{Deserialize, Serialize};

use crate::domain::request::Invalid;

/// Longest span, in seconds or milliseconds.
const LONGEST: u32 = 86_400;

/// Its knobs. The same seed gives each call of a name the same life, whatever other calls there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Simulated(Written);

macro_rules! knobs {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr;)*) => {
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        struct Written { $($name: $type),* }

        impl Default for Written {
            fn default() -> Self {
                Self { $($name: $default),* }
            }
        }

        impl Simulated {
            $($(#[$doc])* pub fn $name(&self) -> $type { self.0.$name })*
        }
    };
}

knobs! {
    /// What the lives of calls are drawn from.
    seed: u64 = 1;
    /// How calls come out.
    outcomes: Shares = Shares::default();
    /// Seconds that a number rings before somebody answers.
    answer_s: Span = Span(3, 12);
    /// Seconds that a conversation lasts before the other side hangs up.
    talk_s: Span = Span(20, 180);
    /// Of a hundred conversations, how many the other side ends; the others last until somebody here does.
    remote_hangup: u8 = 80;
    /// Seconds that an agent's telephone rings before he picks it up.
    pickup_s: Span = Span(1, 3);
    /// Seconds that a caller waits for somebody to answer.
    caller_waits_s: Span = Span(30, 60);
    /// Seconds that somebody who answered waits for an agent to speak.
    silence_s: Span = Span(4, 10);
    /// Milliseconds that news take to reach us.
    news_ms: Span = Span(0, 0);
    /// Of a hundred news, how many are lost.
    lost_news: u8 = 0;
    /// News of one call may overtake each other.
    out_of_order: bool = false;
}

/// From … to, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span(pub u32, pub u32);

/// How many calls of all come out in which way, each a part of their sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Shares {
    /// A person answers.
    pub answered: u16,
    /// The line is busy.
    pub busy: u16,
    /// Nobody answers.
    pub no_answer: u16,
    /// A machine answers.
    pub machine: u16,
    /// No call comes about.
    pub failed: u16,
}

impl Default for Shares {
    fn default() -> Self {
        Self { answered: 60, busy: 8, no_answer: 20, machine: 10, failed: 2 }
    }
}

impl TryFrom<Written> for Simulated {
    type Error = Invalid;

    fn try_from(written: Written) -> Result<Self, Invalid> {
        let wrong = |field, expected| Err(Invalid::Field { field, expected });
        let Shares { answered, busy, no_answer, machine, failed } = written.outcomes;
        let spans = [
            ("answerS", written.answer_s),
            ("talkS", written.talk_s),
            ("pickupS", written.pickup_s),
            ("callerWaitsS", written.caller_waits_s),
            ("silenceS", written.silence_s),
            ("newsMs", written.news_ms),
        ];
        let bad = spans.iter().find(|(_, Span(from, to))| from > to || *to > LONGEST);
        match () {
            () if [answered, busy, no_answer, machine, failed].iter().all(|share| *share == 0) => {
                wrong("outcomes", "expected one share that is not 0")
            }
            () if bad.is_some() => wrong(bad.map_or("", |(field, _)| *field), "expected [from, to] with from <= to <= 86400"),
            () if written.remote_hangup > 100 => wrong("remoteHangup", "expected 0 to 100"),
            () if written.lost_news > 100 => wrong("lostNews", "expected 0 to 100"),
            () => Ok(Self(written)),
        }
    }
}

impl From<Simulated> for Written {
    fn from(simulated: Simulated) -> Self {
        simulated.0
    }
}
