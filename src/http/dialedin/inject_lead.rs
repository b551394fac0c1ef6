//! `InjectLead`: a lead comes in, is dialed as soon as possible, and is no duplicate.

use super::{Asking, answer::Stop, fields, texts::Text};
use crate::{
    app::committer::{Intake, LeadDone, LeadOrder},
    domain::{
        lead::{Field, Source},
        scope::Scope,
        zone::Place,
    },
    http::error::ApiError,
};

/// The script.
pub(super) async fn run(asking: &mut Asking) -> Result<(), Stop<Text>> {
    asking.may(Scope::LeadsWrite)?;
    let mut patch = fields::read(asking)?;
    if patch.given(Field::Campaign).is_none() {
        return Err(Text::NoCampaign.into());
    }
    if !fields::gives_data(asking) {
        return Err(Text::NothingToImport.into());
    }
    if patch.phone().is_none() {
        return Err(if asking.text("PrimaryPhone").is_some() { Text::NoNumber } else { Text::NoPhone }.into());
    }
    fields::place(asking, &mut patch, None)?;
    let place = Place { state: patch.given(Field::State), zip: patch.given(Field::Zip) };
    let callback = fields::callback(asking, patch.phone(), &place)?;
    let asked = fields::asked(asking);
    let intake = Intake { patch, asked, callback, expires_at: None, source: Source::DialedIn };
    let account = asking.account().clone();
    let done = asking.web.app.apply_leads(&account, vec![LeadOrder::Inject(Box::new(intake))], None).await?;
    match done.into_iter().next() {
        Some(LeadDone::Created { id, dial, .. }) => {
            asking.lead = Some(id);
            fields::warn_of_dial(asking, dial);
            Ok(())
        }
        Some(LeadDone::Duplicate { id }) => {
            asking.lead = Some(id);
            Err(Text::Duplicate.into())
        }
        Some(LeadDone::Updated { .. } | LeadDone::NoRoom { .. } | LeadDone::NotFound) | None => {
            Err(ApiError::Internal("the committer answered nothing about a lead that came in".into()).into())
        }
    }
}
