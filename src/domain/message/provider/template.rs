//! Texts with placeholders. They are taken apart once, when the configuration is read, so that a value that looks like a placeholder
//! stays a value.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use serde::{Deserialize, Serialize};

use super::InvalidProvider;
use crate::domain::message::Message;

/// A text with placeholders `{from}`, `{to}`, `{body}`, `{id}`, `{agent}`, `{lead}` and `{callback}`. A brace that is meant as
/// such is written twice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(Vec<Part>);

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(Hole),
}

/// What stands for a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hole {
    From,
    To,
    Body,
    Id,
    Agent,
    Lead,
    Callback,
}

/// The names of the placeholders.
const HOLES: [(&str, Hole); 7] = [
    ("from", Hole::From),
    ("to", Hole::To),
    ("body", Hole::Body),
    ("id", Hole::Id),
    ("agent", Hole::Agent),
    ("lead", Hole::Lead),
    ("callback", Hole::Callback),
];

/// The placeholders, for people.
pub(super) fn known() -> String {
    HOLES.map(|(name, _)| format!("{{{name}}}")).join(" ")
}

/// What the holes of a template are filled with.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) message: &'a Message,
    pub(super) callback: Option<&'a str>,
}

impl<'a> Values<'a> {
    /// The value; `None` when this message has none.
    fn get(self, hole: Hole) -> Option<Cow<'a, str>> {
        let Values { message, callback } = self;
        match hole {
            Hole::From => Some(message.from.as_str().into()),
            Hole::To => Some(message.to.as_str().into()),
            Hole::Body => Some(message.body.as_str().into()),
            Hole::Id => Some(message.id.to_string().into()),
            Hole::Agent => message.agent.as_deref().map(Cow::Borrowed),
            Hole::Lead => message.lead.map(|lead| lead.to_string().into()),
            Hole::Callback => callback.map(Cow::Borrowed),
        }
    }
}

impl Template {
    /// The text with its holes filled, each value escaped for where it goes; a value that is not there is empty.
    pub(super) fn fill(&self, values: Values<'_>, escape: fn(&str) -> Cow<'_, str>) -> String {
        self.0.iter().fold(String::new(), |mut text, part| {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Hole(hole) => text.push_str(&escape(&values.get(*hole).unwrap_or_default())),
            }
            text
        })
    }

    /// The same, for a place that can be left out: `None` when the template is one hole and its value is not there.
    pub(super) fn fill_if_any(&self, values: Values<'_>, escape: fn(&str) -> Cow<'_, str>) -> Option<String> {
        match self.0.as_slice() {
            [Part::Hole(hole)] if values.get(*hole).is_none() => None,
            _ => Some(self.fill(values, escape)),
        }
    }

    /// The texts around the holes.
    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Hole(_) => None,
        })
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidProvider;

    fn try_from(text: String) -> Result<Self, InvalidProvider> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text.as_str());
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, behind) = rest[at..].split_at(1);
            if let Some(behind) = behind.strip_prefix(brace) {
                literal.push_str(brace);
                rest = behind;
                continue;
            }
            let (name, behind) =
                behind.split_once('}').filter(|(name, _)| brace == "{" && !name.contains('{')).ok_or(InvalidProvider::Brace)?;
            let hole = HOLES.iter().find(|(known, _)| *known == name).ok_or_else(|| InvalidProvider::Placeholder(name.to_owned()))?.1;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Hole(hole));
            rest = behind;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }
}

/// The text it was read from.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Hole(hole) => {
                f.write_char('{')?;
                HOLES.iter().filter(|(_, known)| known == hole).try_for_each(|(name, _)| f.write_str(name))?;
                f.write_char('}')
            }
        })
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

/// A template may hold a provider's key.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(…)")
    }
}
