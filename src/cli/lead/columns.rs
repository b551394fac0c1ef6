//! Which column of a file is which field of a lead.

use csv::StringRecord;
use serde_json::{Map, Value};

use crate::{
    app::{directory::Account, parties::unquote_formula},
    domain::lead::{
        Field,
        field::{self, FIELDS},
    },
};

/// Spellings beside the names that a field has in every dialect, without blanks, signs and case.
const SPELLINGS: [(Field, &[&str]); 14] = [
    (Field::Campaign, &["campaignname"]),
    (Field::Subcampaign, &["subcampaignname"]),
    (Field::ClientId, &["externalid", "externalkey", "crmid"]),
    (Field::FirstName, &["first", "fname", "givenname", "forename"]),
    (Field::LastName, &["last", "lname", "surname", "familyname"]),
    (Field::Address, &["address1", "addressline1", "street", "streetaddress"]),
    (Field::City, &["town"]),
    (Field::State, &["statecode", "province"]),
    (Field::Zip, &["zip5", "postalcode", "postcode"]),
    (
        Field::Phone,
        &["phonenumber", "primaryphonenumber", "telephone", "telephonenumber", "tel", "mobile", "mobilephone", "cell", "cellphone"],
    ),
    (Field::Email, &["emailaddress", "mail"]),
    (Field::Rep, &["representative", "salesrep", "agent"]),
    (Field::CallStatus, &["status", "disposition"]),
    (Field::Notes, &["note", "comment", "comments"]),
];

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Field(Field),
    Custom(String),
}

impl Target {
    fn word(&self) -> String {
        match self {
            Self::Field(field) => field.row().native.to_owned(),
            Self::Custom(name) => format!("custom.{name}"),
        }
    }
}

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    targets: Vec<Option<Target>>,
    /// What each column is, by its name.
    pub(super) taken: Vec<(String, String)>,
    /// The names of those that are nothing.
    pub(super) ignored: Vec<String>,
}

impl Columns {
    /// Finds out what the columns are. `fixed` are fields that all leads get, whatever the file says.
    pub(super) fn of(header: &[String], maps: &[String], account: &Account, fixed: &[Field]) -> anyhow::Result<Self> {
        let mut targets = vec![None; header.len()];
        let mut mapped = vec![false; header.len()];
        for map in maps {
            let (column, meant) = map.rsplit_once('=').ok_or_else(|| anyhow::anyhow!("--map {map:?}: expected COLUMN=FIELD"))?;
            let index = column_of(header, column.trim())
                .ok_or_else(|| anyhow::anyhow!("--map {map:?}: the file has no such column; it has {}", listed(header)))?;
            mapped[index] = true;
            if !matches!(meant.trim(), "" | "-") {
                let target = target_of(meant.trim(), account).ok_or_else(|| unknown_field(map, account))?;
                anyhow::ensure!(!targets.contains(&Some(target.clone())), "--map {map:?}: another column is {} already", target.word());
                targets[index] = Some(target);
            }
        }
        // what a name says outright goes before what it is likely to mean
        let free = |index: usize| !mapped[index];
        for likely in [false, true] {
            let found: Vec<(usize, Target)> = (0..header.len())
                .filter(|&index| free(index) && targets[index].is_none())
                .filter_map(|index| {
                    Some((index, if likely { likely_target(&header[index])? } else { plain_target(&header[index], account)? }))
                })
                .filter(|(_, target)| !targets.contains(&Some(target.clone())) && !is_fixed(target, fixed))
                .collect();
            for (index, target) in &found {
                if let Some((other, _)) = found.iter().find(|(other, same)| other != index && same == target) {
                    let (word, one, two) = (target.word(), &header[*index], &header[*other]);
                    anyhow::bail!("the columns {one:?} and {two:?} both look like {word}: ignore one with --map \"{two}=\"");
                }
                targets[*index] = Some(target.clone());
            }
        }
        let taken = header.iter().zip(&targets).filter_map(|(name, target)| Some((name.clone(), target.as_ref()?.word()))).collect();
        let ignored = header.iter().zip(&targets).filter(|(_, target)| target.is_none()).map(|(name, _)| name.clone()).collect();
        let columns = Self { targets, taken, ignored };
        for field in [Field::Phone, Field::Campaign].into_iter().filter(|field| !fixed.contains(field)) {
            let (word, what) = (field.row().native, listed(header));
            let more = if field == Field::Campaign { ", or give all leads one with --campaign NAME" } else { "" };
            anyhow::ensure!(
                columns.targets.contains(&Some(Target::Field(field))),
                "no column looks like the {word} of a lead: say which with --map \"COLUMN={word}\"{more}; the file has {what}"
            );
        }
        Ok(columns)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.targets.len()
    }

    /// Adds what a row gives, as the native API takes it. Empty cells give nothing.
    pub(super) fn read(&self, cells: &StringRecord, given: &mut Map<String, Value>) {
        let mut custom = Map::new();
        for (cell, target) in cells.iter().zip(&self.targets) {
            let Some(target) = target else { continue };
            let cell = cell.trim();
            if cell.is_empty() {
                continue;
            }
            let mut text = unquote_formula(cell.to_owned());
            match target {
                Target::Field(field) => {
                    if *field == Field::Phone {
                        without_fraction(&mut text);
                    }
                    given.insert(field.row().native.to_owned(), Value::String(text));
                }
                Target::Custom(name) => drop(custom.insert(name.clone(), Value::String(text))),
            }
        }
        if !custom.is_empty() {
            given.insert("custom".to_owned(), Value::Object(custom));
        }
    }
}

/// Programs that take a column of numbers for figures write `2025550123.0`.
fn without_fraction(phone: &mut String) {
    if let Some(digits) = phone.strip_suffix(".0").filter(|digits| digits.chars().all(|c| c.is_ascii_digit())) {
        phone.truncate(digits.len());
    }
}

fn is_fixed(target: &Target, fixed: &[Field]) -> bool {
    matches!(target, Target::Field(field) if fixed.contains(field))
}

/// A name without what people write differently.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The column of this name: as it is written, or else in any spelling.
fn column_of(header: &[String], name: &str) -> Option<usize> {
    let exact = header.iter().position(|column| column == name);
    exact.or_else(|| header.iter().position(|column| plain(column) == plain(name)))
}

/// What a name says outright: a field of a lead in any dialect, or a declared custom field.
fn plain_target(name: &str, account: &Account) -> Option<Target> {
    let named = plain(name);
    if named.is_empty() {
        return None;
    }
    let is_row = |row: &&field::FieldRow| [row.name, row.dialedin, row.native].iter().any(|known| plain(known) == named);
    match FIELDS.iter().find(is_row) {
        Some(row) => row.client.map(Target::Field),
        None => declared(name, account).map(Target::Custom),
    }
}

/// What a name is likely to mean.
fn likely_target(name: &str) -> Option<Target> {
    let named = plain(name);
    SPELLINGS.iter().find(|(_, spellings)| spellings.contains(&named.as_str())).map(|(field, _)| Target::Field(*field))
}

/// The declared custom field that is meant by `Policy ID`, `adv_Policy__ID` or `custom.Policy ID`.
fn declared(name: &str, account: &Account) -> Option<String> {
    let bare = custom_name(name);
    let bare = plain(bare.as_deref().unwrap_or(name));
    account.setup.fields.iter().find(|declared| plain(declared) == bare).cloned()
}

/// The name behind a mark of custom fields.
fn custom_name(name: &str) -> Option<String> {
    let marked = name.trim().strip_prefix("custom.").map(str::to_owned);
    marked.or_else(|| field::custom_name(name))
}

/// What is meant by the field of a `--map`. A custom field that is not declared must be marked, and the account must take such.
fn target_of(meant: &str, account: &Account) -> Option<Target> {
    let undeclared = || custom_name(meant).filter(|_| account.setup.options.undeclared_fields).map(Target::Custom);
    plain_target(meant, account).or_else(|| likely_target(meant)).or_else(undeclared)
}

fn unknown_field(map: &str, account: &Account) -> anyhow::Error {
    let own: Vec<&str> = FIELDS.iter().filter(|row| row.client.is_some()).map(|row| row.native).collect();
    let custom = if account.setup.fields.is_empty() {
        "none are declared (see `cti-gateway field add`)".to_owned()
    } else {
        listed(&account.setup.fields)
    };
    anyhow::anyhow!("--map {map:?}: no field of a lead is called so. Fields: {}. Custom fields: {custom}", own.join(", "))
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}
