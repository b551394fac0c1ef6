//! Checking parties before they are stored, from the API, a form or CSV.

use std::io::Read;

use serde::Deserialize;

use super::directory::Account;
use crate::{domain::phone::Number, store::parties::NewParty};

/// Longest text of a field, in bytes.
const MAX_FIELD: usize = 500;
/// Most numbers of one party.
const MAX_NUMBERS: usize = 20;

/// What is wrong with a party.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct InvalidParty {
    /// The field, with the row when it came from a file.
    pub field: String,
    /// What was expected.
    pub expected: String,
}

/// A party as it was written.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "fields of the directory")]
pub struct PartyDraft<'a> {
    pub kind: &'a str,
    pub id: &'a str,
    pub name: &'a str,
    pub email: Option<String>,
    pub url: Option<String>,
    pub numbers: &'a [String],
}

/// Checks a party and reads its numbers in the account's region.
///
/// # Errors
/// The first field that is wrong.
pub fn check(account: &Account, draft: PartyDraft<'_>) -> Result<NewParty, InvalidParty> {
    let invalid = |field: &str, expected: String| InvalidParty { field: field.to_owned(), expected };
    let PartyDraft { kind, id, name, email, url, numbers } = draft;
    for (field, text) in
        [("type", Some(kind)), ("id", Some(id)), ("name", Some(name)), ("email", email.as_deref()), ("url", url.as_deref())]
    {
        let Some(text) = text else { continue };
        if text.trim().is_empty() || text.len() > MAX_FIELD || text.chars().any(char::is_control) {
            return Err(invalid(field, format!("expected 1 to {MAX_FIELD} bytes of text")));
        }
    }
    if url.as_deref().is_some_and(|url| !["https://", "http://"].iter().any(|scheme| url.starts_with(scheme))) {
        return Err(invalid("url", "expected an address that begins with https:// or http://".to_owned()));
    }
    if numbers.len() > MAX_NUMBERS {
        return Err(invalid("numbers", format!("expected at most {MAX_NUMBERS}")));
    }
    let numbers = numbers.iter().map(|raw| {
        Number::read(raw, account.region).ok_or_else(|| invalid("numbers", format!("{raw:?} has no digits of a telephone number")))
    });
    Ok(NewParty {
        kind: kind.to_owned(),
        id: id.to_owned(),
        name: name.trim().to_owned(),
        email,
        url,
        numbers: numbers.collect::<Result<_, _>>()?,
    })
}

/// What a spreadsheet would take for a formula gets a quote before it in CSV; a number does not.
pub fn quote_formula(text: &str) -> String {
    let number = text.strip_prefix(['+', '-']).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    if looks_like_formula(text) && !number { format!("'{text}") } else { text.to_owned() }
}

/// Takes the quote of [`quote_formula`] away.
pub fn unquote_formula(text: String) -> String {
    match text.strip_prefix('\'') {
        Some(rest) if looks_like_formula(rest) => rest.to_owned(),
        _ => text,
    }
}

/// Whether it begins with a sign of a formula, behind quotes or not: what looks quoted already is quoted once more, so that
/// taking one quote away gives back what was there.
fn looks_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    id: String,
    name: String,
    #[serde(default)]
    numbers: String,
    email: Option<String>,
    url: Option<String>,
}

/// Reads parties from CSV with the columns type, id, name, numbers (separated by semicolons), email, url.
///
/// # Errors
/// The first row and column that is wrong, or that there are more than `most` rows.
pub fn read_csv(account: &Account, text: impl Read, most: usize) -> Result<Vec<NewParty>, InvalidParty> {
    let mut parties = Vec::new();
    for (index, line) in csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text).deserialize::<Line>().enumerate() {
        let row = index + 2; // the first line holds the names
        let at = |field: &str| format!("row {row}, {field}");
        let line = line.map_err(|error| InvalidParty {
            field: at("columns"),
            expected: format!("{error}; expected type, id, name, numbers, email, url"),
        })?;
        let Line { r#type, id, name, numbers, email, url } = line;
        let [kind, id, name, numbers] = [r#type, id, name, numbers].map(unquote_formula);
        let some = |text: Option<String>| text.filter(|text| !text.is_empty()).map(unquote_formula);
        let numbers: Vec<String> = numbers.split(';').map(|number| number.trim().to_owned()).filter(|number| !number.is_empty()).collect();
        let draft = PartyDraft { kind: &kind, id: &id, name: &name, email: some(email), url: some(url), numbers: &numbers };
        parties.push(check(account, draft).map_err(|invalid| InvalidParty { field: at(&invalid.field), ..invalid })?);
        if parties.len() > most {
            return Err(InvalidParty { field: at("count"), expected: format!("expected at most {most} rows: send the file in parts") });
        }
    }
    Ok(parties)
}
