//! Texts with placeholders. They are taken apart once, when the configuration is read, so that a value that looks like a placeholder
//! stays a value.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use serde::{Deserialize, Serialize};

use super::Invalid;

/// What can stand for a value in a template: a closed set with a name each.
pub trait Hole: Copy + Eq + 'static {
    /// The names of the placeholders.
    const NAMES: &'static [(&'static str, Self)];
}

/// A text with placeholders, such as `{to}`. A brace that is meant as such is written twice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String", bound = "H: Hole")]
pub struct Template<H>(Vec<Part<H>>);

#[derive(Clone, PartialEq, Eq)]
enum Part<H> {
    Text(String),
    Hole(H),
}

/// What the holes of a template are filled with: the value, or `None` when there is none.
pub(in crate::domain) type Values<'a, H> = &'a dyn Fn(H) -> Option<Cow<'a, str>>;

impl<H: Hole> Template<H> {
    /// The text with its holes filled, each value escaped for where it goes; a value that is not there is empty.
    pub(in crate::domain) fn fill(&self, values: Values<'_, H>, escape: fn(&str) -> Cow<'_, str>) -> String {
        self.0.iter().fold(String::new(), |mut text, part| {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Hole(hole) => text.push_str(&escape(&values(*hole).unwrap_or_default())),
            }
            text
        })
    }

    /// The same, for a place that can be left out: `None` when the template is one hole and its value is not there.
    pub(in crate::domain) fn fill_if_any(&self, values: Values<'_, H>, escape: fn(&str) -> Cow<'_, str>) -> Option<String> {
        match self.0.as_slice() {
            [Part::Hole(hole)] if values(*hole).is_none() => None,
            _ => Some(self.fill(values, escape)),
        }
    }

    /// The texts around the holes.
    pub(in crate::domain) fn literals(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Hole(_) => None,
        })
    }

    /// Whether a value of this kind is asked for.
    pub(in crate::domain) fn asks_for(&self, hole: H) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Hole(own) if *own == hole))
    }
}

impl<H: Hole> TryFrom<String> for Template<H> {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text.as_str());
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, behind) = rest[at..].split_at(1);
            if let Some(behind) = behind.strip_prefix(brace) {
                literal.push_str(brace);
                rest = behind;
                continue;
            }
            let (name, behind) = behind.split_once('}').filter(|(name, _)| brace == "{" && !name.contains('{')).ok_or(Invalid::Brace)?;
            let hole = H::NAMES.iter().find(|(known, _)| *known == name).ok_or_else(|| unknown::<H>(name))?.1;
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

fn unknown<H: Hole>(name: &str) -> Invalid {
    let known = H::NAMES.iter().map(|(name, _)| format!("{{{name}}}")).collect::<Vec<_>>().join(" ");
    Invalid::Placeholder { name: name.to_owned(), known }
}

/// The text it was read from.
impl<H: Hole> fmt::Display for Template<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Hole(hole) => {
                f.write_char('{')?;
                H::NAMES.iter().filter(|(_, known)| known == hole).try_for_each(|(name, _)| f.write_str(name))?;
                f.write_char('}')
            }
        })
    }
}

impl<H: Hole> From<Template<H>> for String {
    fn from(template: Template<H>) -> Self {
        template.to_string()
    }
}

/// A template may hold a key.
impl<H> fmt::Debug for Template<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(…)")
    }
}
