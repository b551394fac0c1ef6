//! What a request says of a lead: its fields, and what shall be done with it. Everything that is wrong is told at once.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    app::{
        committer::{Intake, LeadEdit, LeadKey},
        directory::{Account, Grant},
        leads::{NoPlace, callback_at, spell_place},
    },
    domain::{
        lead::{Asked, Callback, DuplicatesCheck, Field, FieldError, FieldRules, Flag, Lead, LeadPatch, Override, Source},
        scope::Scopes,
        zone::Place,
    },
    http::{Web, error::ApiError},
};

/// Longest notes of a promised call, in characters.
const MAX_CALLBACK_NOTES: usize = 4_000;
/// Years that both databases keep.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;
/// The flags that ask for an override.
const FLAGS: [(&str, Override); 3] =
    [("allowDuplicates", Override::Dups), ("dialNonCallables", Override::Dnc), ("skipWindow", Override::Window)];

/// What an upsert finds its lead by; its value is a field of the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum UpsertKey {
    ClientId,
    Phone,
}

impl UpsertKey {
    fn field(self) -> Field {
        match self {
            Self::ClientId => Field::ClientId,
            Self::Phone => Field::Phone,
        }
    }

    /// The key that the patch gives.
    pub(super) fn of(self, patch: &LeadPatch) -> Option<LeadKey> {
        match self {
            Self::ClientId => patch.given(Field::ClientId).map(|id| LeadKey::ClientId(id.to_owned())),
            Self::Phone => patch.phone().cloned().map(LeadKey::Phone),
        }
    }
}

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => { $(
        $(#[$doc])*
        #[derive(Deserialize, ToSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        #[expect(dead_code, reason = "describes what is read field by field, so that everything that is wrong is told at once")]
        pub(super) struct $name {
            $($(#[$attribute])* $field: $type,)*
            #[schema(max_length = 50)]
            subcampaign: Option<String>,
            /// The client's own id; it need not be unique.
            #[schema(max_length = 50)]
            client_id: Option<String>,
            #[schema(max_length = 100)]
            first_name: Option<String>,
            #[schema(max_length = 100)]
            last_name: Option<String>,
            #[schema(max_length = 500)]
            address: Option<String>,
            #[schema(max_length = 100)]
            city: Option<String>,
            /// Two letters; it narrows the zones that the number may be in, as does the ZIP code.
            #[schema(max_length = 2)]
            state: Option<String>,
            #[schema(max_length = 10)]
            zip: Option<String>,
            #[schema(max_length = 254)]
            email: Option<String>,
            /// The agent who looks after it.
            #[schema(max_length = 50)]
            rep: Option<String>,
            /// The name of a disposition.
            #[schema(max_length = 50)]
            call_status: Option<String>,
            #[schema(max_length = 65536)]
            notes: Option<String>,
            /// Values of declared fields by their names.
            custom: Option<BTreeMap<String, String>>,
            /// Kept, and never dialed.
            import_only: Option<bool>,
            /// Not dialed from then on.
            expires_at: Option<DateTime<Utc>>,
            /// A promised call.
            callback: Option<CallbackGiven>,
        }
    )* };
}

shapes! {
    /// A lead that comes in.
    NewLead {
        /// The name of a campaign of the account.
        #[schema(max_length = 50, example = "Spring")]
        campaign: String,
        /// Written in any way.
        #[schema(max_length = 50, example = "+493055501901")]
        phone: String,
        /// Where a lead with the same number keeps this one from being stored.
        duplicates_check: Option<DuplicatesCheck>,
        /// Stores a duplicate all the same; needs the scope `dups:override`.
        allow_duplicates: Option<bool>,
        /// Dials it although its number is on the do-not-call list or its status is not callable; needs `dnc:override`.
        dial_non_callables: Option<bool>,
        /// Dials it outside calling windows; needs `window:override`.
        skip_window: Option<bool>,
    }
    /// A change of a lead. What is absent stays, `null` clears.
    LeadPatchBody {
        #[schema(max_length = 50)]
        campaign: Option<String>,
        #[schema(max_length = 50)]
        phone: Option<String>,
    }
}

/// Who asks, and when.
pub(super) struct Asking<'a> {
    account: &'a Account,
    scopes: &'a Scopes,
    now: DateTime<Utc>,
}

/// A request that is being taken apart, and what was wrong so far.
struct Given {
    fields: Map<String, Value>,
    errors: Vec<FieldError>,
}

/// A promised call as it is written: `at`, or else `localTime`.
#[derive(Deserialize, ToSchema)]
#[schema(as = CallbackBody)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CallbackGiven {
    /// The login of the agent who promised it; anybody when absent.
    agent: Option<String>,
    at: Option<DateTime<Utc>>,
    /// By the customer's wall clock.
    #[schema(example = "2026-11-21 10:00")]
    local_time: Option<String>,
    notes: Option<String>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(web: &Web, grant: &'a Grant) -> Self {
        Self { account: &grant.account, scopes: &grant.scopes, now: web.app.clock.now() }
    }

    /// A lead that comes in; with a key it may be there already, and then what is given as empty is cleared.
    pub(super) fn intake(&self, body: Value, key: Option<UpsertKey>) -> Result<Intake, ApiError> {
        let mut given = Given::of(body)?;
        let asked = self.asked(&mut given)?;
        let expires_at = given.time("expiresAt").flatten();
        if expires_at.is_some_and(|at| at <= self.now) {
            given.wrong("expiresAt", "expected a time in the future");
        }
        let callback = given.take("callback").filter(|callback| !callback.is_null());
        if key.is_none() {
            given.drop_empty()
        } else {
            given.clear_nulls()
        }
        let mut patch = given.patch(&self.rules());
        let needed = [Field::Campaign, Field::Phone].into_iter().chain(key.map(UpsertKey::field));
        for field in needed {
            given.need(field.row().native);
        }
        self.spell(&mut given, &mut patch, None);
        let callback = callback.and_then(|callback| self.callback(&mut given, callback, &patch, None));
        given.done()?;
        Ok(Intake { patch, asked, callback, expires_at, source: Source::Api })
    }

    /// A change of a lead; `present` is the lead as it is, where that is known.
    pub(super) fn edit(&self, body: Value, present: Option<&Lead>) -> Result<LeadEdit, ApiError> {
        let mut given = Given::of(body)?;
        let import_only = given.flag("importOnly");
        let expires_at = given.time("expiresAt");
        let callback = given.take("callback");
        given.clear_nulls();
        let mut patch = given.patch(&self.rules());
        self.spell(&mut given, &mut patch, present);
        let callback =
            callback.map(|callback| if callback.is_null() { None } else { self.callback(&mut given, callback, &patch, present) });
        given.done()?;
        Ok(LeadEdit { patch, callback, expires_at, import_only, source: Source::Api })
    }

    fn rules(&self) -> FieldRules<'a> {
        let setup = &self.account.setup;
        FieldRules { region: self.account.region, declared: &setup.fields, allow_undeclared: setup.options.undeclared_fields }
    }

    /// What shall be done with the lead. An override that the token may not ask for is refused at once.
    fn asked(&self, given: &mut Given) -> Result<Asked, ApiError> {
        let [allow_dups, dial_non_callables, skip_window] = FLAGS.map(|(name, wanted)| {
            let is_wanted = given.flag(name).unwrap_or_default();
            match Flag::of(is_wanted, self.scopes.allow(wanted.scope())) {
                Flag::Denied => {
                    Err(ApiError::Forbidden(format!("{name} needs the scope {}, which this token lacks", wanted.scope()).into()))
                }
                flag => Ok(flag),
            }
        });
        let check = given.take("duplicatesCheck").filter(|check| !check.is_null());
        let check = check.map(serde_json::from_value::<DuplicatesCheck>).transpose();
        if check.is_err() {
            given.wrong("duplicatesCheck", "expected one of campaign, allow, all, subcampaign");
        }
        Ok(Asked {
            duplicates_check: check.ok().flatten().unwrap_or_default(),
            allow_dups: allow_dups?,
            dial_non_callables: dial_non_callables?,
            skip_window: skip_window?,
            import_only: given.flag("importOnly").unwrap_or_default(),
        })
    }

    fn spell(&self, given: &mut Given, patch: &mut LeadPatch, present: Option<&Lead>) {
        match spell_place(self.account, patch, present.map(|lead| lead.campaign.as_str())) {
            Ok(()) => {}
            Err(error @ NoPlace::Campaign) => given.wrong(Field::Campaign.row().native, &error.to_string()),
            Err(error @ NoPlace::Subcampaign) => given.wrong(Field::Subcampaign.row().native, &error.to_string()),
        }
    }

    /// A promised call. Its local time is that of the customer, who is where number, state and ZIP say.
    fn callback(&self, given: &mut Given, body: Value, patch: &LeadPatch, present: Option<&Lead>) -> Option<Callback> {
        if !body.is_object() {
            given.wrong("callback", "expected an object with at or localTime");
            return None;
        }
        let CallbackGiven { agent, at, local_time, notes } = match serde_path_to_error::deserialize(body) {
            Ok(callback) => callback,
            Err(error) => {
                let (path, why) = (error.path().to_string(), error.into_inner().to_string());
                let field = if path == "." { "callback".to_owned() } else { format!("callback.{path}") };
                given.wrong(&field, &why);
                return None;
            }
        };
        if agent.as_deref().is_some_and(|login| self.account.roster.by_login(login).is_none()) {
            given.wrong("callback.agent", "expected the login of an agent of this account");
        }
        if notes.as_deref().is_some_and(|notes| notes.chars().count() > MAX_CALLBACK_NOTES) {
            given.wrong("callback.notes", &format!("expected at most {MAX_CALLBACK_NOTES} characters"));
        }
        let at = match (at, local_time) {
            (Some(at), None) => given.checked("callback.at", at),
            (None, Some(text)) => {
                let text_of = |field| patch.given(field).or(present.and_then(|lead| lead.text(field)));
                let place = Place { state: text_of(Field::State), zip: text_of(Field::Zip) };
                let due = callback_at(self.account, &text, patch.phone().or(present.map(|lead| &lead.phone)), &place);
                match due {
                    Ok(due) => given.checked("callback.localTime", due.at),
                    Err(error) => {
                        given.wrong("callback.localTime", &error.to_string());
                        None
                    }
                }
            }
            _ => {
                given.wrong("callback", "expected either at or localTime");
                None
            }
        };
        Some(Callback { agent, at: at?, notes })
    }
}

impl Given {
    fn of(body: Value) -> Result<Self, ApiError> {
        match body {
            Value::Object(fields) => Ok(Self { fields, errors: vec![] }),
            _ => Err(ApiError::Invalid { field: "body".into(), message: "expected an object: a lead".into() }),
        }
    }

    fn wrong(&mut self, field: &str, message: &str) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.to_owned() });
    }

    fn done(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::InvalidFields(self.errors)) }
    }

    /// What no field of the record is.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    /// A flag; `null` is not there.
    fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            Value::Null => None,
            _ => {
                self.wrong(name, "expected true or false");
                None
            }
        }
    }

    /// A time; `null` clears it.
    fn time(&mut self, name: &str) -> Option<Option<DateTime<Utc>>> {
        let value = self.take(name)?;
        if value.is_null() {
            return Some(None);
        }
        let at = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        if at.is_none() {
            self.wrong(name, "expected a time such as 2026-11-20T12:00:00Z");
        }
        at.and_then(|at| self.checked(name, at.to_utc())).map(Some)
    }

    /// A time as both databases keep it.
    fn checked(&mut self, name: &str, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if YEARS.contains(&at.year()) {
            return Some(at.trunc_subsecs(6));
        }
        self.wrong(name, "expected a time of the years 1970 to 9999");
        None
    }

    /// Tells of a field that is not given, unless something was told of it already.
    fn need(&mut self, name: &str) {
        let is_told = self.errors.iter().any(|error| error.field == name);
        if !is_told && self.fields.get(name).is_none_or(is_empty) {
            self.wrong(name, "it is needed");
        }
    }

    /// In a lead that is new, what is empty is not there.
    fn drop_empty(&mut self) {
        self.fields.retain(|_, value| !is_empty(value));
    }

    /// In one that may be there, `null` clears as the empty text does.
    fn clear_nulls(&mut self) {
        fn clear(fields: &mut Map<String, Value>) {
            for (name, value) in fields {
                match value {
                    Value::Null if name != "custom" => *value = Value::String(String::new()),
                    Value::Object(inner) if name == "custom" => clear(inner),
                    _ => {}
                }
            }
        }
        if self.fields.get("custom").is_some_and(Value::is_null) {
            self.wrong("custom", "expected an object: name the fields to be cleared");
        }
        clear(&mut self.fields);
    }

    /// What is left is fields of the record. Those that are right are read also where others are wrong: more may be said of them.
    fn patch(&mut self, rules: &FieldRules<'_>) -> LeadPatch {
        LeadPatch::strict(&self.fields, rules).unwrap_or_else(|errors| {
            let mut right = self.fields.clone();
            right.retain(|name, _| errors.iter().all(|error| error.field.split('.').next() != Some(name.as_str())));
            self.errors.extend(errors);
            LeadPatch::strict(&right, rules).unwrap_or_default()
        })
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}
