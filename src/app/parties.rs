//! Checking parties before they are stored, from the API, a form or CSV.

use csv::StringRecord;
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
    /// The field, with the line when it came from a file.
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
struct Row {
    r#type: String,
    id: String,
    name: String,
    #[serde(default)]
    numbers: String,
    email: Option<String>,
    url: Option<String>,
}

/// Where lines of a text begin: counted on and on, as rows come in their order.
struct Lines<'a> {
    text: &'a [u8],
    byte: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { text, byte: 0, line: 1 }
    }

    /// The line of the row that the reader comes to from this byte on: lines without anything are no rows.
    fn of_row_from(&mut self, byte: u64) -> u64 {
        let from = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(sign) = self.text.get(self.byte)
            && (self.byte < from || matches!(sign, b'\n' | b'\r'))
        {
            let ends_a_pair = *sign == b'\n' && self.text[..self.byte].ends_with(b"\r");
            self.line += u64::from(matches!(sign, b'\n' | b'\r') && !ends_a_pair);
            self.byte += 1;
        }
        self.line
    }
}

/// Reads parties from CSV with the columns type, id, name, numbers (separated by semicolons), email, url.
///
/// # Errors
/// The first line and column that is wrong, or that there are more than `most` rows.
pub fn read_csv(account: &Account, text: &[u8], most: usize) -> Result<Vec<NewParty>, InvalidParty> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let (mut lines, mut parties, mut record) = (Lines::of(text), Vec::new(), StringRecord::new());
    let wrong = |line: u64, error: &csv::Error| InvalidParty {
        field: format!("line {line}, columns"),
        expected: format!("{}; expected type, id, name, numbers, email, url", fault(error)),
    };
    let first = lines.of_row_from(0);
    let names = reader.headers().map_err(|error| wrong(first, &error))?.clone();
    loop {
        let line = lines.of_row_from(reader.position().byte());
        let row = match reader.read_record(&mut record) {
            Ok(false) => return Ok(parties),
            Ok(true) => record.deserialize(Some(&names)),
            Err(error) => Err(error),
        };
        let at = |field: &str| format!("line {line}, {field}");
        let Row { r#type, id, name, numbers, email, url } = row.map_err(|error| wrong(line, &error))?;
        let [kind, id, name, numbers] = [r#type, id, name, numbers].map(unquote_formula);
        let some = |text: Option<String>| text.filter(|text| !text.is_empty()).map(unquote_formula);
        let numbers: Vec<String> = numbers.split(';').map(|number| number.trim().to_owned()).filter(|number| !number.is_empty()).collect();
        let draft = PartyDraft { kind: &kind, id: &id, name: &name, email: some(email), url: some(url), numbers: &numbers };
        parties.push(check(account, draft).map_err(|invalid| InvalidParty { field: at(&invalid.field), ..invalid })?);
        if parties.len() > most {
            return Err(InvalidParty { field: at("count"), expected: format!("expected at most {most} rows: send the file in parts") });
        }
    }
}

/// What is wrong with a row, without the library's own count of lines.
fn fault(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("it has {len} columns, the first line has {expected_len}"),
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_on_its_line_whatever_ends_lines() {
        for (text, lines) in [
            ("a\nb\nc\n", [1, 2, 3]),
            ("a\r\nb\r\nc", [1, 2, 3]),
            ("a\rb\rc", [1, 2, 3]),
            ("\n\na\n\nb\n\n\nc\n\n", [3, 5, 8]),
            ("\r\n\r\na\r\n\r\nb\r\n\r\n\r\nc\r\n", [3, 5, 8]),
            ("\r\ra\r\rb\r\r\rc", [3, 5, 8]),
            ("\u{feff}a\n\"b\n\r\n\"\n\nc", [1, 2, 6]),
        ] {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let (mut lines_of, mut record) = (Lines::of(text.as_bytes()), StringRecord::new());
            for line in lines {
                assert_eq!(lines_of.of_row_from(reader.position().byte()), line, "{text:?}");
                assert!(reader.read_record(&mut record).unwrap());
            }
            lines_of.of_row_from(reader.position().byte());
            assert!(!reader.read_record(&mut record).unwrap());
        }
    }
}
