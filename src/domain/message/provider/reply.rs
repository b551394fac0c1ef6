//! What an answer to a request means: whether the provider has the message, surely has not, or nobody knows.

use super::super::{Fault, Status, Told};

/// How a request came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// The provider answered. Redirects are answers, too: following one would be a second request.
    Answer {
        /// The status of HTTP.
        status: u16,
        /// What came with it.
        body: &'a [u8],
    },
    /// No connection came about, so nothing was sent: the name is unknown, the port closed, the certificate wrong.
    NotConnected,
    /// The request went out, at least in part, and no answer came: time ran out or the connection broke.
    Silence,
}

/// What is known about a message after a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The provider has it. It must not be sent again.
    Taken(Told),
    /// The provider surely has not got it.
    NotTaken {
        /// Why.
        fault: Fault,
        /// Whether the same request may do better later.
        again: bool,
    },
    /// Nobody knows. It must not be sent again by itself: the person would get it twice.
    Unclear(Fault),
}

impl Verdict {
    /// What it says about the message, for the one who tries no more.
    pub fn told(self) -> Told {
        match self {
            Self::Taken(told) => told,
            Self::NotTaken { fault, .. } => Told { fault: Some(fault), ..Told::status(Status::Failed) },
            Self::Unclear(fault) => Told { fault: Some(fault), ..Told::status(Status::Sending) },
        }
    }
}

/// What a dialect finds in an answer's body.
#[derive(Default)]
pub(super) struct Reading {
    /// What the provider says about a message that it has; `None` when it should have said more.
    pub(super) taken: Option<Told>,
    /// Its own code and text of what went wrong.
    pub(super) code: Option<String>,
    pub(super) text: Option<String>,
}

/// Judges a reply. `taking` are the statuses that mean "taken", when not any 2xx; `read` understands the body.
///
/// | reply | verdict |
/// |---|---|
/// | a status that means taken | taken; unclear when the body does not hold what it should |
/// | 429 | not taken, may do better later |
/// | 408, 409 | unclear: a proxy may have passed the request on; an earlier copy may have been taken |
/// | another 4xx | not taken |
/// | anything else, such as 5xx | unclear: it may have failed before or after the message was taken |
/// | no connection | not taken, may do better later |
/// | no answer | unclear |
pub(super) fn judge(reply: Reply<'_>, taking: &[u16], read: impl Fn(&[u8]) -> Reading) -> Verdict {
    let (status, body) = match reply {
        Reply::Answer { status, body } => (status, body),
        Reply::NotConnected => return Verdict::NotTaken { fault: Fault::new(None, "the provider could not be reached"), again: true },
        Reply::Silence => return Verdict::Unclear(Fault::new(None, "the provider did not answer; it may have the message")),
    };
    let Reading { taken, code, text } = read(body);
    let fault = || {
        let text = text.map_or_else(|| format!("the provider answered {status}"), |text| format!("the provider answered {status}: {text}"));
        Fault::new(Some(code.unwrap_or_else(|| format!("http_{status}"))), &text)
    };
    let means_taken = if taking.is_empty() { (200..300).contains(&status) } else { taking.contains(&status) };
    match (status, taken) {
        (_, Some(told)) if means_taken => Verdict::Taken(told),
        (429, _) => Verdict::NotTaken { fault: fault(), again: true },
        (400..500, _) if !matches!(status, 408 | 409) => Verdict::NotTaken { fault: fault(), again: false },
        _ => Verdict::Unclear(fault()),
    }
}
