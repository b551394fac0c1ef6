//! Reading a filter strictly: the first fault is named by its path, with what was expected there. No value is repeated,
//! because it may be somebody's number.

use chrono::{DateTime, Datelike, Utc};
use serde_json::{Map, Value};

use super::{
    Block, Filter, Join, MAX_LISTED, MAX_STATEMENTS, MAX_VALUE, MAX_VALUES, Order, Statement, Test, TextField, TextOp, TextSource,
    field::Field, statement::to_the_microsecond,
};
use crate::domain::phone::{HomeRegion, Number};

/// A fault of a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct FilterError {
    /// Where it is, such as `blocks[1].statements[0].op`.
    pub path: String,
    /// What was expected.
    pub message: String,
}

fn fault(path: impl Into<String>, message: impl Into<String>) -> FilterError {
    FilterError { path: path.into(), message: message.into() }
}

/// Reads a filter of up to `max_blocks` blocks.
pub(super) fn filter(json: &Value, custom: &[impl AsRef<str>], region: HomeRegion, max_blocks: usize) -> Result<Filter, FilterError> {
    let filter = object(json, "", &["blocks"])?;
    let mut blocks = Vec::new();
    for (index, block) in list(filter, "", "blocks", max_blocks)?.iter().enumerate() {
        let path = format!("blocks[{index}]");
        let block = object(block, &path, &["statements", "join"])?;
        let read = |(index, statement)| {
            let path = format!("{path}.statements[{index}]");
            let parts = object(statement, &path, &["field", "op", "value"])?;
            Written { path, parts }.read(custom, region)
        };
        let statements = list(block, &path, "statements", MAX_STATEMENTS)?.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let join = match block.get("join") {
            None => Join::And,
            Some(word) if word == "and" => Join::And,
            Some(word) if word == "or" => Join::Or,
            Some(_) => return Err(fault(inside(&path, "join"), "expected one of and, or")),
        };
        blocks.push(Block { statements, join });
    }
    let filter = Filter { blocks };
    if filter.values() > MAX_VALUES {
        return Err(fault("blocks", format!("expected at most {MAX_VALUES} values in all lists and statements together")));
    }
    Ok(filter)
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// An object that holds nothing but these.
fn object<'a>(value: &'a Value, path: &str, known: &[&str]) -> Result<&'a Map<String, Value>, FilterError> {
    let known_ones = known.join(", ");
    let whole = if path.is_empty() { "filter" } else { path };
    let object = value.as_object().ok_or_else(|| fault(whole, format!("expected an object with {known_ones}")))?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(fault(inside(path, unknown), format!("is not known here; expected {known_ones}"))),
        None => Ok(object),
    }
}

/// A list that is neither empty nor too long.
fn list<'a>(object: &'a Map<String, Value>, path: &str, name: &str, max: usize) -> Result<&'a [Value], FilterError> {
    let listed = object.get(name).and_then(Value::as_array).filter(|listed| (1..=max).contains(&listed.len()));
    listed.map(Vec::as_slice).ok_or_else(|| fault(inside(path, name), format!("expected a list of 1 to {max} {name}")))
}

/// A statement as it was written, and where.
struct Written<'a> {
    path: String,
    parts: &'a Map<String, Value>,
}

/// Whether the kind of a field may be looked for in a list.
#[derive(PartialEq)]
enum Lists {
    Yes,
    No,
}

impl Written<'_> {
    fn word(&self, part: &str) -> &str {
        self.parts.get(part).and_then(Value::as_str).unwrap_or_default()
    }

    fn value(&self) -> &Value {
        self.parts.get("value").unwrap_or(&Value::Null)
    }

    fn read(&self, custom: &[impl AsRef<str>], region: HomeRegion) -> Result<Statement, FilterError> {
        let field = Field::read(self.word("field"), custom)
            .ok_or_else(|| self.fault("field", format!("expected one of {}", Field::names(custom))))?;
        Ok(match field {
            Field::Text(source) => {
                let read = |op: Option<TextOp>, value: &Value| text(&source, op, value, region);
                let test = self.test(TextOp::ALL, TextOp::word, &Lists::Yes, read)?;
                Statement::Text(source, test)
            }
            Field::Number(field) => {
                let read = |_: Option<Order>, value: &Value| value.as_i64().ok_or("expected a whole number".to_owned());
                Statement::Number(field, self.test(Order::ALL, Order::word, &Lists::Yes, read)?)
            }
            Field::Time(field) => {
                let read = |_: Option<Order>, value: &Value| time(value);
                Statement::Time(field, self.test(Order::ALL, Order::word, &Lists::No, read)?)
            }
            Field::Flag(field) => {
                let is = match self.word("op") {
                    "eq" => true,
                    "ne" => false,
                    _ => return Err(self.fault("op", "expected one of eq, ne")),
                };
                let value = self.value().as_bool().ok_or_else(|| self.fault("value", "expected true or false"))?;
                Statement::Flag(field, value == is)
            }
        })
    }

    /// Reads what is asked of a value. `read` is told how the value is compared; not, when it stands in a list.
    fn test<O: Copy, T>(
        &self,
        ops: &[O],
        word: fn(O) -> &'static str,
        lists: &Lists,
        read: impl Fn(Option<O>, &Value) -> Result<T, String>,
    ) -> Result<Test<O, T>, FilterError> {
        if let Some(op) = ops.iter().copied().find(|op| word(*op) == self.word("op")) {
            return read(Some(op), self.value()).map(|value| Test::One(op, value)).map_err(|message| self.fault("value", message));
        }
        let list = || self.list(|value| read(None, value));
        match self.word("op") {
            "in" if *lists == Lists::Yes => Ok(Test::In(list()?)),
            "notIn" if *lists == Lists::Yes => Ok(Test::NotIn(list()?)),
            "isEmpty" | "isNotEmpty" if !self.value().is_null() => Err(self.fault("value", "expected no value")),
            "isEmpty" => Ok(Test::IsEmpty),
            "isNotEmpty" => Ok(Test::IsNotEmpty),
            _ => {
                let mut words: Vec<&str> = ops.iter().map(|op| word(*op)).collect();
                words.extend(if *lists == Lists::Yes { &["in", "notIn"][..] } else { &[] });
                words.extend(["isEmpty", "isNotEmpty"]);
                Err(self.fault("op", format!("expected one of {}", words.join(", "))))
            }
        }
    }

    fn list<T>(&self, read: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<T>, FilterError> {
        let listed = self.value().as_array().filter(|listed| (1..=MAX_LISTED).contains(&listed.len()));
        let listed = listed.ok_or_else(|| self.fault("value", format!("expected a list of 1 to {MAX_LISTED} values")))?;
        let item = |(index, value)| read(value).map_err(|message| self.fault(&format!("value[{index}]"), message));
        listed.iter().enumerate().map(item).collect()
    }

    fn fault(&self, part: &str, message: impl Into<String>) -> FilterError {
        fault(format!("{}.{part}", self.path), message)
    }
}

/// A text to compare with; one that could never be found is refused.
fn text(source: &TextSource, op: Option<TextOp>, value: &Value, region: HomeRegion) -> Result<String, String> {
    let text = value.as_str().filter(|text| text.chars().count() <= MAX_VALUE);
    let text = text.ok_or_else(|| format!("expected a text of at most {MAX_VALUE} characters"))?;
    if text.contains('\0') {
        return Err("expected text without NUL".into());
    }
    let is_part = matches!(op, Some(TextOp::Contains | TextOp::StartsWith | TextOp::EndsWith));
    if is_part && text.is_empty() {
        return Err("expected at least one character".into());
    }
    let is_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match source {
        TextSource::Of(TextField::Phone) if is_part => {
            let digits = text.strip_prefix('+').unwrap_or(text);
            let told = "expected digits, behind a plus sign when they begin with the country code";
            if is_digits(digits) { Ok(text.to_owned()) } else { Err(told.into()) }
        }
        TextSource::Of(TextField::Phone) => {
            let number = Number::read(text, region).ok_or("expected a telephone number")?;
            Ok(number.as_str().to_owned())
        }
        TextSource::AreaCode if is_part && !is_digits(text) => Err("expected digits".into()),
        TextSource::AreaCode if !is_part && (!is_digits(text) || text.len() != 3) => Err("expected three digits".into()),
        _ => Ok(text.to_owned()),
    }
}

/// A time to compare with, within the years that both databases order alike.
fn time(value: &Value) -> Result<DateTime<Utc>, String> {
    let at = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|at| to_the_microsecond(at.to_utc()));
    at.filter(|at| (1..=9999).contains(&at.year())).ok_or_else(|| "expected a time such as 2026-11-20T12:00:00Z".into())
}
