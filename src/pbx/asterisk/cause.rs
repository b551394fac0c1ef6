//! Why a call ended: Q.850 as Asterisk tells it → the law's causes.

use crate::domain::call::{Cause, CauseKind};

/// What a leg had been through when it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ending {
    /// Somebody had answered.
    pub(super) answered: bool,
    /// It had rung.
    pub(super) rang: bool,
    /// We hung it up.
    pub(super) ours: bool,
}

fn cause(kind: CauseKind, text: &str) -> Cause {
    Cause { kind, text: text.to_owned() }
}

/// The cause of a leg's end. `code` is `None` when nobody told it: it is not there any more, and that is all.
pub(super) fn read(code: Option<i64>, ending: Ending) -> Cause {
    if ending.ours {
        return completed();
    }
    let Some(code) = code else { return cause(CauseKind::Other, "lost") };
    match code {
        17 => cause(CauseKind::Busy, "busy"),
        21 => cause(CauseKind::Busy, "rejected"),
        18..=20 => cause(CauseKind::NoAnswer, "no_answer"),
        // these say that it ended, not why; what it had been through says more
        0 | 16 | 31 | 127 if ending.answered => completed(),
        0 | 16 | 31 | 127 if ending.rang => cause(CauseKind::NoAnswer, "no_answer"),
        // answered by another of the telephones that rang
        26 => completed(),
        _ => cause(CauseKind::Failed, "failed"),
    }
}

/// A call that ended as calls do.
pub(super) fn completed() -> Cause {
    cause(CauseKind::Completed, "completed")
}

/// A call that did not come about, with a word for programs.
pub(super) fn failed(word: &str) -> Cause {
    cause(CauseKind::Failed, word)
}

/// Why our own side could not be brought in, as a word for programs.
pub(super) fn station_word(cause: &Cause) -> &'static str {
    match cause.kind {
        CauseKind::Busy => "agent_busy",
        CauseKind::NoAnswer => "agent_no_answer",
        _ => "agent_not_reached",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_causes() {
        let rung = Ending { rang: true, ..Ending::default() };
        let talked = Ending { answered: true, rang: true, ours: false };
        let ours = Ending { ours: true, ..rung };
        for (code, ending, kind) in [
            (17, rung, CauseKind::Busy),
            (21, rung, CauseKind::Busy),
            (18, rung, CauseKind::NoAnswer),
            (19, rung, CauseKind::NoAnswer),
            (20, Ending::default(), CauseKind::NoAnswer),
            (1, Ending::default(), CauseKind::Failed),
            (22, rung, CauseKind::Failed),
            (28, rung, CauseKind::Failed),
            (34, Ending::default(), CauseKind::Failed),
            (38, talked, CauseKind::Failed),
            (16, Ending::default(), CauseKind::Failed),
            (16, rung, CauseKind::NoAnswer),
            (16, talked, CauseKind::Completed),
            (0, Ending::default(), CauseKind::Failed),
            (31, talked, CauseKind::Completed),
            (16, ours, CauseKind::Completed),
            (19, ours, CauseKind::Completed),
            (999, rung, CauseKind::Failed),
        ] {
            assert_eq!(read(Some(code), ending).kind, kind, "{code} {ending:?}");
        }
        assert_eq!(read(None, talked).text, "lost");
    }
}
