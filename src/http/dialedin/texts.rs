//! The one table of what `InjectLead` and `UpdateLead` say. Clients compare some of these texts byte by byte; what DialedIn
//! says otherwise is not known, and those texts are ours.

use crate::domain::{callback::BadTime, scope::Scope};

/// Before every text but the newest success.
const RESULT: &str = "<br><br>Result: ";
/// Success, with two blanks, as the newest clients compare it.
const OK: &str = "<br><br>Result:  OK";
/// Success, as older clients compare it.
const OLDER_OK: &str = "<br><br>Result: OK";

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Text {
    // DialedIn's own: compared by clients, or found in its library
    #[error("CURL error[500]: Duplicated phone number. Lead ignored.")]
    Duplicate,
    #[error("Campaign name should be specified")]
    NoCampaign,
    #[error("GroupId should be specified")]
    NoGroupId,
    #[error("No data to import")]
    NothingToImport,
    #[error("No data to update")]
    NothingToUpdate,

    // ours: credentials
    #[error("token and accid should be specified")]
    NoCredential,
    #[error("accid should be specified")]
    NoAccid,
    #[error("SecurityCode should be specified")]
    NoSecurityCode,
    #[error("The credential is not known, does not belong to this account, has expired or was revoked")]
    BadCredential,
    #[error("This token may not be sent as a parameter: it was made without --allow-query")]
    NotAsParameter,
    #[error("This credential may not be used from this address")]
    NotFromHere,
    #[error("This credential lacks the scope {0}")]
    NoScope(Scope),

    // ours: values
    #[error("{field}: {message}")]
    Refused { field: String, message: String },
    #[error("There is no such Campaign")]
    NoSuchCampaign,
    #[error("PrimaryPhone should be specified")]
    NoPhone,
    #[error("PrimaryPhone is no number that can be dialed")]
    NoNumber,
    #[error("CallbackDate should be specified")]
    NoCallbackDate,
    #[error("CallbackAgent: there is no such agent (case matters)")]
    NoSuchAgent,
    #[error("CallbackDate: {0}")]
    BadCallbackDate(BadTime),

    // ours: finding a lead
    #[error("SearchField should be ClientId, LeadId or Phone")]
    NoSearchField,
    #[error("Identifier should be specified")]
    NoIdentifier,
    #[error("No lead found")]
    NoMatch,
}

/// The body of a success.
pub(super) fn success(older: bool) -> String {
    if older { OLDER_OK } else { OK }.to_owned()
}

/// The body of anything else. It is a page: what a sender wrote must not become markup.
pub(super) fn failure(text: &str) -> String {
    let mut body = RESULT.to_owned();
    for c in text.chars() {
        match c {
            '&' => body.push_str("&amp;"),
            '<' => body.push_str("&lt;"),
            '>' => body.push_str("&gt;"),
            '"' => body.push_str("&quot;"),
            c => body.push(c),
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_compare_is_exact() {
        assert_eq!(success(false), "<br><br>Result:  OK");
        assert_eq!(success(true), "<br><br>Result: OK");
        let duplicate = failure(&Text::Duplicate.to_string());
        assert_eq!(duplicate, "<br><br>Result: CURL error[500]: Duplicated phone number. Lead ignored.");
        assert_eq!(failure("<b>"), "<br><br>Result: &lt;b&gt;");
    }
}
