//! What filters ask of a lead, answered in memory as the book answers it.

use chrono::{DateTime, Utc};

use super::Lead;
use crate::domain::filter::{FlagField, NumberField, Subject, TextField, TimeField};

impl Subject for Lead {
    fn text(&self, field: TextField) -> Option<&str> {
        match field {
            TextField::ClientId => self.client_id.as_deref(),
            TextField::FirstName => self.first_name.as_deref(),
            TextField::LastName => self.last_name.as_deref(),
            TextField::Address => self.address.as_deref(),
            TextField::City => self.city.as_deref(),
            TextField::State => self.state.as_deref(),
            TextField::Zip => self.zip.as_deref(),
            TextField::Phone => Some(self.phone.as_str()),
            TextField::Email => self.email.as_deref(),
            TextField::Rep => self.rep.as_deref(),
            TextField::CallStatus => self.call_status.as_deref(),
            TextField::Campaign => Some(&self.campaign),
            TextField::Subcampaign => self.subcampaign.as_deref(),
        }
    }

    fn custom(&self, name: &str) -> Option<&str> {
        self.custom.get(name).map(String::as_str)
    }

    fn number(&self, field: NumberField) -> Option<i64> {
        match field {
            NumberField::Attempts => Some(self.attempts),
            NumberField::AttemptsTotal => Some(self.attempts_total),
        }
    }

    fn time(&self, field: TimeField) -> Option<DateTime<Utc>> {
        match field {
            TimeField::CreatedAt => Some(self.created_at),
            TimeField::UpdatedAt => Some(self.updated_at),
            TimeField::LastAttemptAt => self.last_attempt_at,
            TimeField::CallbackAt => self.callback.as_ref().map(|callback| callback.at),
        }
    }

    fn flag(&self, field: FlagField) -> Option<bool> {
        match field {
            FlagField::Hot => Some(self.hot),
        }
    }
}
