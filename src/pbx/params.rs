//! Parameters as careless senders give them: from the query, a form or a JSON object, with the body winning.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

/// Longest text kept of one parameter; notes and addresses beyond it are cut.
pub const MAX_TEXT: usize = 4096;
/// Most parameters looked at; the rest of a body is ignored.
const MAX_PARAMS: usize = 200;

/// Merged parameters, by lower-case name, each with the name as it was sent. Absent, empty, `null` and `undefined` are all the
/// same: not there.
#[derive(Clone, Default)]
pub struct Params(BTreeMap<String, (String, String)>);

impl Params {
    /// Merges a query string and a body. A body that is neither a form nor a JSON object says nothing.
    pub fn read(query: &str, content_type: &str, body: &[u8]) -> Self {
        let mut params = Self::default();
        params.merge_form(query.as_bytes());
        let trimmed = body.trim_ascii();
        if trimmed.starts_with(b"{") {
            if let Ok(Value::Object(object)) = serde_json::from_slice(trimmed) {
                for (name, value) in object.into_iter().take(MAX_PARAMS) {
                    match value {
                        Value::String(text) => params.put(&name, &text),
                        Value::Number(_) | Value::Bool(_) => params.put(&name, &value.to_string()),
                        Value::Null | Value::Array(_) | Value::Object(_) => {}
                    }
                }
            }
        } else if !content_type.contains("json") {
            params.merge_form(trimmed);
        }
        params
    }

    /// Merges a query string and the pairs of a body of another form.
    pub fn with_pairs(query: &str, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut params = Self::default();
        params.merge_form(query.as_bytes());
        for (name, value) in pairs.into_iter().take(MAX_PARAMS) {
            params.put(&name, &value);
        }
        params
    }

    fn merge_form(&mut self, text: &[u8]) {
        for (name, value) in form_urlencoded::parse(text).take(MAX_PARAMS) {
            self.put(&name, &value);
        }
    }

    fn put(&mut self, name: &str, value: &str) {
        // databases take no NUL in text
        let value: String = if value.contains('\0') { value.replace('\0', "") } else { value.to_owned() };
        let absent = matches!(value.trim(), "" | "null" | "undefined");
        if !absent {
            self.0.insert(name.to_ascii_lowercase(), (name.to_owned(), value));
        }
    }

    /// The value of the first of these names that is there. The text is as sent: a leading space may mean a plus sign.
    pub fn raw(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)).map(|(_, value)| value.as_str())
    }

    /// Every parameter, with its name in lower case and as it was sent, and its value; in the order of names, so that the same
    /// request is always read alike.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().map(|(name, (sent, value))| (name.as_str(), sent.as_str(), value.as_str()))
    }

    /// The trimmed value, cut to what the book keeps.
    pub fn text(&self, names: &[&str]) -> Option<String> {
        self.raw(names).map(|value| cut(value.trim()))
    }

    /// Those of these parameters that [`Params::text`] cuts.
    pub fn overlong(&self, names: &[&'static str]) -> Vec<&'static str> {
        names.iter().copied().filter(|name| self.raw(&[*name]).is_some_and(|value| value.trim().len() > MAX_TEXT)).collect()
    }

    /// A whole number; what is not one is not there.
    pub fn int(&self, names: &[&str]) -> Option<i64> {
        self.raw(names).and_then(|value| value.trim().parse().ok()).filter(|seconds| (0..=i64::from(i32::MAX)).contains(seconds))
    }
}

/// Shows names, never values: secrets and people's data ride there.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Params").field(&self.0.keys()).finish()
    }
}

/// Cuts a text at [`MAX_TEXT`] bytes, on a character.
pub fn cut(text: &str) -> String {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
    text[..end].to_owned()
}

/// Puts back the plus sign that an unescaped query turned into a blank.
pub fn with_plus(raw: &str) -> String {
    match raw.strip_prefix(' ') {
        Some(rest) if rest.trim_start().starts_with(|c: char| c.is_ascii_digit()) => format!("+{}", rest.trim()),
        _ => raw.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_wins_and_junk_says_nothing() {
        let form = Params::read("a=1&b=2&key&c=undefined", "application/x-www-form-urlencoded", b"a=9&d=null");
        assert_eq!(form.raw(&["a"]), Some("9"));
        assert_eq!(form.raw(&["b"]), Some("2"));
        for absent in ["c", "d", "key"] {
            assert_eq!(form.raw(&[absent]), None);
        }
        assert_eq!(Params::read("a=1", "application/json", b"\"junk=1\"").raw(&["a"]), Some("1"));
        assert_eq!(Params::read("a=1", "application/json", br#"{"a": 77, "b": {"c": 1}}"#).raw(&["a"]), Some("77"));
        assert_eq!(Params::read("A=%zz%00x", "", b"").raw(&["a"]), Some("%zzx"));
    }

    #[test]
    fn names_keep_the_spelling_of_the_value_that_won() {
        let params = Params::read("adv_Policy__ID=1&b=2&B=null", "", b"ADV_policy__id=3");
        assert_eq!(params.iter().collect::<Vec<_>>(), [("adv_policy__id", "ADV_policy__id", "3"), ("b", "b", "2")]);
        assert!(!format!("{params:?}").contains('3'), "values are nobody's business");
    }

    #[test]
    fn a_leading_blank_was_a_plus() {
        assert_eq!(with_plus(" 4930123456"), "+4930123456");
        assert_eq!(with_plus("4930"), "4930");
        assert_eq!(with_plus(" bob"), "bob");
    }
}
