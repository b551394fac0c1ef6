//! Dispositions: what an outcome means for its call and whether its lead may be dialed again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One outcome that people choose or that is found automatically.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Disposition {
    /// What a lead's call status names; any case.
    pub name: Cow<'static, str>,
    /// Shown to people.
    pub text: Cow<'static, str>,
    /// A person was reached.
    pub connects: bool,
    /// There is nothing between: where it is no connect, whoever chose it gave the call up, and it counts as an abort.
    pub is_connect_xor_abort: bool,
    /// Whether a lead with this status may be dialed.
    pub callable: bool,
}

/// What people choose: they spoke with somebody, or else they gave the call up.
const fn either(name: &'static str, text: &'static str, connects: bool, callable: bool) -> Disposition {
    Disposition { name: Cow::Borrowed(name), text: Cow::Borrowed(text), connects, is_connect_xor_abort: true, callable }
}

/// What the line or a machine says: whether it connects or not, nobody gave up.
const fn neither(name: &'static str, text: &'static str, connects: bool, callable: bool) -> Disposition {
    Disposition { name: Cow::Borrowed(name), text: Cow::Borrowed(text), connects, is_connect_xor_abort: false, callable }
}

/// The outcomes that exist in every account. A doubtful one is not callable when the doubt is whether somebody wants to be
/// rung again, and callable when the doubt is only about the line: a campaign can say otherwise with one of its own.
pub static SYSTEM: [Disposition; 29] = [
    either("AGENTSPCB", "Agent Callback", true, true),
    either("CALL BACK", "Call Back", true, true),
    neither("SYS_CALLBACK", "Callback", false, true),
    either(DO_NOT_CALL, "Do Not Call", true, false),
    neither("FTC DNC", "FTC Do Not Call", false, false),
    // a machine is no person, whoever noticed it, and leaving a message is not giving up
    neither("ANS. MACHINE", "Answering Machine", false, true),
    neither("LEFT MESSAGE", "Left Message", false, true),
    either("NOT INTERESTED", "Not Interested", true, false),
    either("SALE", "Sale", true, false),
    // passed over before it was dialed; the next agent may take it
    either("SKIP", "Skipped", false, true),
    // somebody answered, the one who was asked for was not there
    either("UNAVAILABLE", "Unavailable", true, true),
    // somebody answered, and it is not the lead: ringing him again is of no use to anybody
    either("WRONG NUMBER", "Wrong Number", true, false),
    // the line broke during a conversation
    neither("CALL DROPPED", "Call Dropped", true, true),
    neither("CR_BAD_NUMBER", "Bad Number", false, false),
    neither("CR_BUSY", "Busy", false, true),
    // the network's announcement: nearly always a number out of service
    neither("CR_CEPT", "Operator Intercept", false, false),
    // a conversation of which nobody said what became: not rung again by itself
    neither("CR_CNCT/CON_CAD", "Connected", true, false),
    neither("CR_CNCT/CON_PAMD", "Connected to a Machine", false, true),
    neither("CR_CNCT/CON_PVD", "Connected to a Voice", true, false),
    // read as "the number is disconnected"; a broken conversation is CALL DROPPED
    neither("CR_DISCONNECTED", "Disconnected Number", false, false),
    // answered, but no agent was free: to the customer nobody was there
    neither("CR_DROPPED", "Dropped by the Dialer", false, true),
    neither("CR_ERROR", "Error", false, true),
    neither("CR_FAILED", "Failed", false, true),
    neither("CR_FAXTONE", "Fax", false, false),
    neither("CR_NOANS", "No Answer", false, true),
    neither("CR_NORB", "No Ringback", false, true),
    neither("CR_UNFINISHED", "Presumed Lost", false, true),
    neither("CR_HANGUP", "Hung Up", false, true),
    // says as little as a name that nobody knows, and counts like one
    neither("UNKNOWN", "Unknown", false, false),
];

/// The status of a lead whose number was put on the DNC list.
pub const DO_NOT_CALL: &str = "DO NOT CALL";
/// Somebody asked not to be called: no disposition of an account's own takes these two away.
pub const NEVER: [&str; 2] = [DO_NOT_CALL, "FTC DNC"];

/// What a call status says about dialing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callable<'a> {
    /// No call status: nobody has called yet.
    Fresh,
    /// The status names this disposition.
    By(&'a Disposition),
    /// The status names none.
    Unknown,
}

impl Callable<'_> {
    /// Whether the lead may be dialed. A status that nobody can explain forbids it.
    pub fn is_callable(self) -> bool {
        match self {
            Self::Fresh => true,
            Self::By(disposition) => disposition.callable,
            Self::Unknown => false,
        }
    }
}

/// What a lead's call status means: the campaign's own dispositions go before the account's general ones, and those before
/// the system's, except for [`NEVER`].
pub fn resolve<'a>(call_status: Option<&str>, campaign: &'a [Disposition], account: &'a [Disposition]) -> Callable<'a> {
    let status = call_status.unwrap_or_default().trim();
    if status.is_empty() {
        return Callable::Fresh;
    }
    let named = |disposition: &&Disposition| same_name(&disposition.name, status);
    let system = SYSTEM.iter().find(named);
    if let Some(never) = system.filter(|disposition| NEVER.contains(&disposition.name.as_ref())) {
        return Callable::By(never);
    }
    campaign.iter().chain(account).find(named).or(system).map_or(Callable::Unknown, Callable::By)
}

/// The disposition that a word means: by its name as [`resolve`] finds it, else by the text that people see.
pub fn by_word<'a>(word: &str, campaign: &'a [Disposition], account: &'a [Disposition]) -> Option<&'a Disposition> {
    match resolve(Some(word), campaign, account) {
        Callable::Fresh => None,
        Callable::By(known) => Some(known),
        Callable::Unknown => campaign.iter().chain(account).chain(&SYSTEM).find(|known| same_name(&known.text, word)),
    }
}

/// Whether two names are the same but for blanks around them and case, in any script.
pub fn same_name(one: &str, other: &str) -> bool {
    let folded = |name: &str| name.trim().chars().flat_map(char::to_lowercase).collect::<String>();
    folded(one) == folded(other)
}
