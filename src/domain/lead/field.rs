//! The one table of a lead's fields: what each is called in every dialect, how long it may be and whose it is.

use super::super::disposition::same_name;

/// Longest value of a custom field, in characters.
pub const MAX_CUSTOM_CHARS: usize = 4_000;
/// Longest name of a custom field, in characters.
pub const MAX_CUSTOM_NAME_CHARS: usize = 100;
/// Most custom values of one lead: a row must have an end, also where undeclared names are taken.
pub const MAX_CUSTOM_VALUES: usize = 100;
/// What DialedIn puts before the name of a custom field.
const CUSTOM_PREFIX: &str = "adv_";

/// A field that clients set, in the order of [`FIELDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table says what they are")]
pub enum Field {
    Campaign,
    Subcampaign,
    ClientId,
    FirstName,
    LastName,
    Address,
    City,
    State,
    Zip,
    Phone,
    Email,
    Rep,
    CallStatus,
    Notes,
}

impl Field {
    /// Its row of the table.
    pub fn row(self) -> &'static FieldRow {
        &FIELDS[self as usize]
    }

    /// Whether a lead is none without it: it cannot be cleared, and a cut one would name something else.
    pub fn is_required(self) -> bool {
        matches!(self, Self::Campaign | Self::Phone)
    }
}

/// One row: a field of the record.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldRow {
    /// The canonical name, which is also the column's.
    pub name: &'static str,
    /// DialedIn's name, matched in any case.
    pub dialedin: &'static str,
    /// The key in the native API's JSON, matched exactly.
    pub native: &'static str,
    /// Longest value in characters; 0 where a client may set none.
    pub max_chars: usize,
    /// What a client sets by it; `None` is the server's own.
    pub client: Option<Field>,
}

const fn client(field: Field, name: &'static str, dialedin: &'static str, native: &'static str, max_chars: usize) -> FieldRow {
    FieldRow { name, dialedin, native, max_chars, client: Some(field) }
}

const fn server(name: &'static str, dialedin: &'static str, native: &'static str) -> FieldRow {
    FieldRow { name, dialedin, native, max_chars: 0, client: None }
}

/// The table. Those that clients set come first, as [`Field`] counts them.
pub static FIELDS: [FieldRow; 33] = [
    client(Field::Campaign, "campaign", "Campaign", "campaign", 50),
    client(Field::Subcampaign, "subcampaign", "Subcampaign", "subcampaign", 50),
    client(Field::ClientId, "client_id", "ClientId", "clientId", 50),
    client(Field::FirstName, "first_name", "FirstName", "firstName", 100),
    client(Field::LastName, "last_name", "LastName", "lastName", 100),
    client(Field::Address, "address", "Address", "address", 500),
    client(Field::City, "city", "City", "city", 100),
    client(Field::State, "state", "State", "state", 2),
    client(Field::Zip, "zip", "ZipCode", "zip", 10),
    client(Field::Phone, "phone", "PrimaryPhone", "phone", 50),
    client(Field::Email, "email", "Email", "email", 254),
    client(Field::Rep, "rep", "Rep", "rep", 50),
    client(Field::CallStatus, "call_status", "CallStatus", "callStatus", 50),
    // DialedIn's page says "unlimited". A row, an entry and an answer must have an end: 64 Ki characters are an hour of talk
    // written down, and in any script they fit into the largest body that a door takes.
    client(Field::Notes, "notes", "Notes", "notes", 64 * 1024),
    server("id", "LeadId", "id"),
    server("phone_raw", "PrimaryPhoneRaw", "phoneRaw"),
    server("custom", "Custom", "custom"),
    server("source", "Source", "source"),
    server("hot", "Hot", "hot"),
    server("hot_at", "HotAt", "hotAt"),
    server("expires_at", "ExpiresAt", "expiresAt"),
    server("import_only", "ImportOnly", "importOnly"),
    server("dial_non_callables", "DialNonCallables", "dialNonCallables"),
    server("check_window", "CheckWindow", "checkWindow"),
    server("callback", "Callback", "callback"),
    server("attempts", "Attempts", "attempts"),
    server("attempts_total", "AttemptsTotal", "attemptsTotal"),
    server("last_attempt_at", "LastAttemptAt", "lastAttemptAt"),
    server("outcomes", "Outcomes", "outcomes"),
    server("retry_at", "RetryAt", "retryAt"),
    server("created_at", "CreatedAt", "createdAt"),
    server("updated_at", "UpdatedAt", "updatedAt"),
    server("version", "Version", "version"),
];

/// The row that a DialedIn name means, whatever its case.
pub fn by_dialedin(name: &str) -> Option<&'static FieldRow> {
    FIELDS.iter().find(|row| row.dialedin.eq_ignore_ascii_case(name.trim()))
}

/// The row of a native key.
pub fn by_native(key: &str) -> Option<&'static FieldRow> {
    FIELDS.iter().find(|row| row.native == key)
}

/// The custom field that a DialedIn name such as `adv_Policy__ID` means: "Policy ID". `None` for any other name.
pub fn custom_name(name: &str) -> Option<String> {
    let name = name.trim();
    let (prefix, rest) = name.split_at_checked(CUSTOM_PREFIX.len())?;
    let custom = rest.replace("__", " ").trim().to_owned();
    (prefix.eq_ignore_ascii_case(CUSTOM_PREFIX) && !custom.is_empty()).then_some(custom)
}

/// Whether a custom field may be called so. A field of the record in any dialect's spelling may not: a flat answer would show
/// the custom value in its place.
///
/// # Errors
/// What is expected of a name.
pub fn check_custom_name(name: &str) -> Result<(), &'static str> {
    if name.trim().is_empty() || name.chars().count() > MAX_CUSTOM_NAME_CHARS || name.chars().any(char::is_control) {
        return Err("expected a name of 1 to 100 visible characters");
    }
    // "Created At", "created_at" and "createdAt" are the same name to whoever reads it
    let plain = |name: &str| name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).collect::<String>();
    let taken = |row: &FieldRow| [row.name, row.dialedin, row.native].iter().any(|known| same_name(&plain(known), &plain(name)));
    if FIELDS.iter().any(taken) { Err("a field of every lead has this name") } else { Ok(()) }
}

/// The first `max` characters and whether there were more.
pub(super) fn cut(text: &str, max: usize) -> (&str, bool) {
    text.char_indices().nth(max).map_or((text, false), |(end, _)| (text[..end].trim_end(), true))
}
