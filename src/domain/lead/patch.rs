//! What a client writes into a lead: read leniently for DialedIn's clients, strictly for the native API, applied alike.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    super::{
        disposition::same_name,
        phone::{HomeRegion, Number},
    },
    Field, Lead, Source, field,
};

/// Most errors told of one request.
const MAX_ERRORS: usize = 50;
/// The shortest public numbers of the world have so many digits, with the country code.
const MIN_DIGITS: usize = 7;

/// What an account says about fields.
#[derive(Clone, Copy, Debug)]
pub struct FieldRules<'a> {
    /// Where numbers without a country code belong.
    pub region: HomeRegion,
    /// The names of its custom fields; matched in any case.
    pub declared: &'a [String],
    /// Whether custom fields that were not declared are stored, too.
    pub allow_undeclared: bool,
}

/// The values a client gives. What it does not name is left alone; `None` clears.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LeadPatch {
    /// All but the phone. The campaign is never cleared.
    values: BTreeMap<Field, Option<String>>,
    /// The number, and what it was read from.
    phone: Option<(Number, String)>,
    custom: BTreeMap<String, Option<String>>,
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as the client's dialect calls it.
    pub field: String,
    /// What was expected.
    pub message: String,
}

/// What a lenient reading did not take as it was given. As text it is ASCII without line breaks, fit for a header, and it holds
/// no value: names are the sender's program, values are people's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// The value was cut to so many characters.
    Cut(String, usize),
    /// No field has this name.
    Unknown(String),
    /// The server sets this field.
    ServerOwned(String),
    /// A custom field that the account has not declared, and whether it was stored all the same.
    Undeclared(String, bool),
    /// A custom field may not have this name.
    BadName(String),
    /// More custom fields than a lead holds.
    TooMany(String),
    /// The text is no telephone number that can be dialed.
    NoNumber(String),
}

/// What a patch changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The native keys of what changed; empty when the lead is as it was.
    pub changed: Vec<&'static str>,
    /// Custom fields for which the lead had no room.
    pub left_out: Vec<String>,
}

impl Applied {
    /// What was left out, as errors of a client that is told of each field by its native key.
    pub fn errors(left_out: &[String]) -> Vec<FieldError> {
        let message = format!("the lead has no room for it: expected at most {} custom fields", field::MAX_CUSTOM_VALUES);
        left_out.iter().map(|name| FieldError { field: format!("custom.{name}"), message: message.clone() }).collect()
    }
}

/// A lead is none without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is missing", .0.row().dialedin)]
pub struct Missing(pub Field);

impl LeadPatch {
    /// Reads what a DialedIn client gives, by DialedIn's names. Parameters that are no fields (`token`, `ImportOnly` …) are the
    /// door's and must not come here. What is too long is cut and said, but for the two fields that would then name something
    /// else; an empty value, `null` and `undefined` are not there.
    ///
    /// # Errors
    /// `PrimaryPhone` and `Campaign` that are too long.
    pub fn lenient<'a>(
        given: impl IntoIterator<Item = (&'a str, &'a str)>,
        rules: &FieldRules<'_>,
    ) -> Result<(Self, Vec<Remark>), Vec<FieldError>> {
        let (mut patch, mut remarks, mut refused) = (Self::default(), Vec::new(), Vec::new());
        for (name, value) in given {
            let value: String = value.chars().filter(|c| is_text(*c)).collect();
            let value = value.trim();
            if matches!(value, "" | "null" | "undefined") {
                continue;
            }
            match (field::custom_name(name), field::by_dialedin(name)) {
                (Some(custom), _) if same_name(&custom, Field::Email.row().dialedin) => {
                    // their accounts had it as a custom field; one without the prefix goes before it
                    if !patch.values.contains_key(&Field::Email) {
                        patch.cut_in(Field::Email, value, &mut remarks);
                    }
                }
                (Some(custom), _) => patch.lenient_custom(&custom, value, rules, &mut remarks),
                (None, None) => remarks.push(Remark::Unknown(name.to_owned())),
                (None, Some(row)) => match row.client {
                    None => remarks.push(Remark::ServerOwned(row.dialedin.to_owned())),
                    Some(field) if field.is_required() && is_longer(value, row.max_chars) => {
                        refused.push(too_long(row.dialedin, row.max_chars))
                    }
                    Some(Field::Phone) => match dialable(value, rules.region) {
                        Some(number) => patch.phone = Some((number, value.to_owned())),
                        None => remarks.push(Remark::NoNumber(row.dialedin.to_owned())),
                    },
                    Some(field) => patch.cut_in(field, value, &mut remarks),
                },
            }
        }
        if refused.is_empty() { Ok((patch, remarks)) } else { Err(refused) }
    }

    /// Reads what a client of the native API gives: its keys exactly, texts only, `custom` as an object by declared name. An
    /// empty text clears, `null` is not there. Keys of the request that are no fields must not come here.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn strict(given: &Map<String, Value>, rules: &FieldRules<'_>) -> Result<Self, Vec<FieldError>> {
        let (mut patch, mut errors) = (Self::default(), Vec::new());
        for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            let told = if key == "custom" {
                patch.strict_custom(value, rules, &mut errors);
                Ok(())
            } else {
                patch.strict_field(key, value, rules)
            };
            errors.extend(told.err().map(|message| FieldError { field: key.clone(), message }));
        }
        errors.truncate(MAX_ERRORS);
        if errors.is_empty() { Ok(patch) } else { Err(errors) }
    }

    fn strict_field(&mut self, key: &str, value: &Value, rules: &FieldRules<'_>) -> Result<(), String> {
        let row = field::by_native(key).ok_or("no field of a lead has this name")?;
        let field = row.client.ok_or("the server sets it")?;
        let text = strict_text(value, row.max_chars)?;
        match (field, text) {
            (field, None) if field.is_required() => return Err("it cannot be cleared".to_owned()),
            (Field::Phone, Some(raw)) => {
                let number = dialable(&raw, rules.region).ok_or("expected a telephone number that can be dialed")?;
                self.phone = Some((number, raw));
            }
            (field, text) => {
                self.values.insert(field, text);
            }
        }
        Ok(())
    }

    fn strict_custom(&mut self, value: &Value, rules: &FieldRules<'_>, errors: &mut Vec<FieldError>) {
        let Value::Object(given) = value else {
            errors.push(FieldError { field: "custom".to_owned(), message: "expected an object".to_owned() });
            return;
        };
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            let room = self.custom.len() < field::MAX_CUSTOM_VALUES;
            let read = || {
                let name = match declared(name, rules) {
                    Some(declared) => declared.to_owned(),
                    None if !rules.allow_undeclared => return Err("the account has not declared this field".to_owned()),
                    None => field::check_custom_name(name).map(|()| name.trim().to_owned())?,
                };
                let text = strict_text(value, field::MAX_CUSTOM_CHARS)?;
                if room { Ok((name, text)) } else { Err(format!("expected at most {} custom fields", field::MAX_CUSTOM_VALUES)) }
            };
            match read() {
                Ok((name, text)) => drop(self.custom.insert(name, text)),
                Err(message) => errors.push(FieldError { field: format!("custom.{name}"), message }),
            }
        }
    }

    fn cut_in(&mut self, field: Field, value: &str, remarks: &mut Vec<Remark>) {
        let row = field.row();
        let (kept, more) = field::cut(value, row.max_chars);
        if more {
            remarks.push(Remark::Cut(row.dialedin.to_owned(), row.max_chars));
        }
        self.values.insert(field, Some(kept.to_owned()));
    }

    fn lenient_custom(&mut self, name: &str, value: &str, rules: &FieldRules<'_>, remarks: &mut Vec<Remark>) {
        let declared = declared(name, rules);
        if declared.is_none() && field::check_custom_name(name).is_err() {
            return remarks.push(Remark::BadName(name.to_owned()));
        }
        if declared.is_none() {
            remarks.push(Remark::Undeclared(name.to_owned(), rules.allow_undeclared));
            if !rules.allow_undeclared {
                return;
            }
        }
        if self.custom.len() >= field::MAX_CUSTOM_VALUES {
            return remarks.push(Remark::TooMany(name.to_owned()));
        }
        let (kept, more) = field::cut(value, field::MAX_CUSTOM_CHARS);
        if more {
            remarks.push(Remark::Cut(name.to_owned(), field::MAX_CUSTOM_CHARS));
        }
        self.custom.insert(declared.unwrap_or(name).to_owned(), Some(kept.to_owned()));
    }

    /// The value given for a field; `None` when it is left alone or cleared. The phone is the number to dial.
    pub fn given(&self, field: Field) -> Option<&str> {
        match field {
            Field::Phone => self.phone().map(Number::as_str),
            field => self.values.get(&field)?.as_deref(),
        }
    }

    /// The number given.
    pub fn phone(&self) -> Option<&Number> {
        self.phone.as_ref().map(|(number, _)| number)
    }

    /// Writes a given value as the account spells it.
    pub fn respell(&mut self, field: Field, spelt: &str) {
        if let Some(Some(value)) = self.values.get_mut(&field) {
            spelt.clone_into(value);
        }
    }

    /// Whether it changes nothing, whatever the lead.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.phone.is_none() && self.custom.is_empty()
    }

    /// Makes a lead of it.
    ///
    /// # Errors
    /// What no lead is without.
    pub fn new_lead(&self, id: i64, source: Source, now: DateTime<Utc>) -> Result<Lead, Missing> {
        let campaign = self.given(Field::Campaign).ok_or(Missing(Field::Campaign))?;
        let (phone, phone_raw) = self.phone.clone().ok_or(Missing(Field::Phone))?;
        let mut lead = Lead {
            id,
            campaign: campaign.to_owned(),
            subcampaign: None,
            client_id: None,
            first_name: None,
            last_name: None,
            address: None,
            city: None,
            state: None,
            zip: None,
            phone,
            phone_raw,
            email: None,
            rep: None,
            call_status: None,
            notes: None,
            custom: BTreeMap::new(),
            source,
            hot: false,
            hot_at: None,
            expires_at: None,
            import_only: false,
            dial_non_callables: false,
            check_window: true,
            callback: None,
            attempts: 0,
            attempts_total: 0,
            last_attempt_at: None,
            outcomes: BTreeMap::new(),
            retry_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        self.apply(&mut lead, now);
        lead.version = 1;
        Ok(lead)
    }

    /// Writes the values into a lead. One that changes nothing leaves also time and version as they are.
    pub fn apply(&self, lead: &mut Lead, now: DateTime<Utc>) -> Applied {
        let mut applied = Applied::default();
        for (&field, value) in &self.values {
            let is_new = lead.text(field) != value.as_deref();
            match (lead.slot(field), value) {
                _ if !is_new => continue,
                (Some(slot), value) => slot.clone_from(value),
                (None, Some(campaign)) => lead.campaign.clone_from(campaign),
                (None, None) => continue,
            }
            applied.changed.push(field.row().native);
        }
        if let Some((number, raw)) = self.phone.as_ref().filter(|(number, raw)| (number, raw) != (&lead.phone, &lead.phone_raw)) {
            // calling windows were set aside for the place that the other number is in
            lead.check_window |= *number != lead.phone;
            lead.dial_non_callables &= *number == lead.phone;
            (lead.phone, lead.phone_raw) = (number.clone(), raw.clone());
            applied.changed.push(Field::Phone.row().native);
        }
        lead.dial_non_callables &= !applied.changed.contains(&Field::CallStatus.row().native);
        if self.apply_custom(&mut lead.custom, &mut applied.left_out) {
            applied.changed.push("custom");
        }
        if !applied.changed.is_empty() {
            lead.updated_at = now;
            lead.version += 1;
        }
        applied
    }

    /// Whether a custom value changed. Names are the same in any case: a lead holds none twice. What is cleared makes room first.
    fn apply_custom(&self, held: &mut BTreeMap<String, String>, left_out: &mut Vec<String>) -> bool {
        let before = held.clone();
        let (cleared, set): (Vec<_>, Vec<_>) = self.custom.iter().partition(|(_, value)| value.is_none());
        for (name, value) in cleared.into_iter().chain(set) {
            let key = held.keys().find(|key| same_name(key, name)).cloned().unwrap_or_else(|| name.clone());
            let full = held.len() >= field::MAX_CUSTOM_VALUES;
            match (held.entry(key), value) {
                (Entry::Occupied(mut slot), Some(value)) => slot.get_mut().clone_from(value),
                (Entry::Occupied(slot), None) => drop(slot.remove()),
                (Entry::Vacant(_), None) => {}
                (Entry::Vacant(_), Some(_)) if full => left_out.push(name.clone()),
                (Entry::Vacant(slot), Some(value)) => drop(slot.insert(value.clone())),
            }
        }
        *held != before
    }
}

/// Shows what it names, never what it says: values are people's data.
impl fmt::Debug for LeadPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeadPatch")
            .field("values", &self.values.keys())
            .field("phone", &self.phone())
            .field("custom", &self.custom.keys())
            .finish()
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(name, max) => write!(f, "{} was cut to {max} characters", shown(name)),
            Self::Unknown(name) => write!(f, "{} is ignored: no field has this name", shown(name)),
            Self::ServerOwned(name) => write!(f, "{} is ignored: the server sets it", shown(name)),
            Self::Undeclared(name, true) => write!(f, "{} is stored, but not declared", shown(name)),
            Self::Undeclared(name, false) => write!(f, "{} is ignored: it is not declared", shown(name)),
            Self::BadName(name) => write!(f, "{} is ignored: a custom field cannot have this name", shown(name)),
            Self::TooMany(name) => write!(f, "{} is ignored: a lead holds {} custom fields", shown(name), field::MAX_CUSTOM_VALUES),
            Self::NoNumber(name) => write!(f, "{} is ignored: it is no number that can be dialed", shown(name)),
        }
    }
}

/// A name that a sender chose, fit for a header.
fn shown(name: &str) -> String {
    field::cut(name, field::MAX_CUSTOM_NAME_CHARS).0.escape_default().to_string()
}

/// The account's spelling of a custom field.
fn declared<'a>(name: &str, rules: &FieldRules<'a>) -> Option<&'a str> {
    rules.declared.iter().map(String::as_str).find(|declared| same_name(declared, name))
}

/// A number of the public network. Fewer digits are an extension of ours or an emergency line, whatever stands before them.
pub fn dialable(raw: &str, region: HomeRegion) -> Option<Number> {
    Number::read(raw, region).filter(|number| number.as_str().trim_start_matches('+').len() >= MIN_DIGITS)
}

/// Whether the character belongs into a text. Databases take no NUL, and people see no other control character.
fn is_text(c: char) -> bool {
    !c.is_control() || matches!(c, '\t' | '\n' | '\r')
}

fn is_longer(text: &str, max: usize) -> bool {
    text.chars().nth(max).is_some()
}

fn too_long(field: &str, max: usize) -> FieldError {
    FieldError { field: field.to_owned(), message: format!("expected at most {max} characters") }
}

/// The text of a strict value without blanks around it; `None` clears.
fn strict_text(value: &Value, max: usize) -> Result<Option<String>, String> {
    let Value::String(text) = value else { return Err("expected a text".to_owned()) };
    let text = text.trim();
    if is_longer(text, max) {
        return Err(format!("expected at most {max} characters"));
    }
    if !text.chars().all(is_text) {
        return Err("expected text without control characters".to_owned());
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
