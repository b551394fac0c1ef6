//! A lead as `SearchLead` shows it in detail: every field by DialedIn's name, custom ones by their own, and every value a text.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::{
    app::directory::Account,
    domain::{
        lead::{
            Lead,
            field::{FIELDS, FieldRow},
        },
        phone::{HomeRegion, Number},
    },
};

/// Names and values, in the order of the table of fields.
pub(super) struct Record(Vec<(String, String)>);

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Record {
    /// A lead of this account. As in a row of a table, a field without a value is an empty text.
    pub(super) fn of(account: &Account, lead: &Lead) -> Self {
        let mut fields: Vec<(String, String)> =
            FIELDS.iter().filter_map(|row| Some((row.dialedin.to_owned(), text(account, lead, row)?))).collect();
        let callback = lead.callback.as_ref();
        let promised = [
            ("CallbackAgent", callback.and_then(|callback| callback.agent.clone())),
            ("CallbackNotes", callback.and_then(|callback| callback.notes.clone())),
        ];
        fields.extend(promised.map(|(name, value)| (name.to_owned(), value.unwrap_or_default())));
        let empty = account.setup.fields.iter().filter(|name| !lead.custom.contains_key(*name)).map(|name| (name.clone(), String::new()));
        fields.extend(empty);
        fields.extend(lead.custom.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self(fields)
    }
}

fn text(account: &Account, lead: &Lead, row: &FieldRow) -> Option<String> {
    let instant = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
    let flag = |set: bool| if set { "1" } else { "0" }.to_owned();
    if row.dialedin == "PrimaryPhone" {
        return Some(ten_digits(&lead.phone, account.region));
    }
    if let Some(field) = row.client {
        return Some(lead.text(field).unwrap_or_default().to_owned());
    }
    Some(match row.name {
        "id" => lead.id.to_string(),
        "phone_raw" => lead.phone_raw.clone(),
        "source" => lead.source.word().to_owned(),
        "hot" => flag(lead.hot),
        "hot_at" => instant(lead.hot_at),
        "expires_at" => instant(lead.expires_at),
        "import_only" => flag(lead.import_only),
        "dial_non_callables" => flag(lead.dial_non_callables),
        "check_window" => flag(lead.check_window),
        "callback" => instant(lead.callback.as_ref().map(|callback| callback.at)),
        "attempts" => lead.attempts.to_string(),
        "attempts_total" => lead.attempts_total.to_string(),
        "retry_at" => instant(lead.retry_at),
        "last_attempt_at" => instant(lead.last_attempt_at),
        "created_at" => instant(Some(lead.created_at)),
        "updated_at" => instant(Some(lead.updated_at)),
        "version" => lead.version.to_string(),
        _ => return None,
    })
}

/// The number as DialedIn's clients know it, with ten digits, where that means the same number.
fn ten_digits(number: &Number, region: HomeRegion) -> String {
    let digits = number.as_str().strip_prefix("+1").filter(|digits| digits.len() == 10);
    let digits = digits.filter(|digits| Number::read(digits, region).as_ref() == Some(number));
    digits.unwrap_or(number.as_str()).to_owned()
}
