//! What the answer to an order means: whether the system has taken it, surely has not, or nobody knows.
//!
//! A second request for a call may ring a person twice. So only an order that the system surely has not got may be told again.

use super::Refusal;

/// How a request came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// The system answered. Redirects are answers, too: following one would be a second request.
    Answer {
        /// The status of HTTP.
        status: u16,
        /// What came with it.
        body: &'a [u8],
    },
    /// No connection came about, so nothing was sent.
    NotConnected,
    /// The request went out, at least in part, and no answer came.
    Silence,
}

/// What is known about an order after a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The system has it; its own id of the call, when it tells one.
    Taken(Option<String>),
    /// The system has surely not done it, and will not.
    Refused(Refusal),
    /// Our token is none, or none any more.
    Unknown(Refusal),
    /// The system has surely not got it: the same order may do better later.
    Again(Refusal),
    /// Nobody knows.
    Unclear(Refusal),
}

/// Judges a reply. `taking` are the statuses that mean "taken", when not any 2xx; `read` understands the body of such an answer.
///
/// | reply | verdict |
/// |---|---|
/// | a status that means taken | what the body says |
/// | 401 | our token is none |
/// | 429 | not taken, may do better later |
/// | 408, 409 | unclear: a proxy may have passed the request on |
/// | another 4xx | refused |
/// | anything else, such as 5xx | unclear: it may have failed before or after the call was begun |
/// | no connection | not taken, may do better later |
/// | no answer | unclear |
pub(super) fn judge(reply: Reply<'_>, taking: &[u16], read: impl Fn(&[u8]) -> Result<Option<String>, Refusal>) -> Verdict {
    let (status, body) = match reply {
        Reply::Answer { status, body } => (status, body),
        Reply::NotConnected => return Verdict::Again(Refusal::new("not_reached", "the telephone system could not be reached")),
        Reply::Silence => return Verdict::Unclear(Refusal::new("unclear", "the telephone system did not answer; it may have done it")),
    };
    let means_taken = if taking.is_empty() { (200..300).contains(&status) } else { taking.contains(&status) };
    let refusal = |code| Refusal::new(code, format!("the telephone system answered {status}"));
    match status {
        _ if means_taken => match read(body) {
            Ok(id) => Verdict::Taken(id),
            Err(refusal) => Verdict::Refused(refusal),
        },
        401 => Verdict::Unknown(refusal("unauthorized")),
        429 => Verdict::Again(refusal("busy")),
        400..500 if !matches!(status, 408 | 409) => Verdict::Refused(refusal("refused")),
        _ => Verdict::Unclear(refusal("unclear")),
    }
}
