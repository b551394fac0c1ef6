//! `UpdateLead`: the newest lead of a key is changed. It makes none, and dials none.

use super::{Asking, answer::Stop, fields, search, texts::Text};
use crate::{
    app::committer::{LeadDone, LeadEdit, LeadKey, LeadOrder},
    domain::{
        lead::{Field, Remark, Source},
        scope::Scope,
        zone::Place,
    },
};

/// The script.
pub(super) async fn run(asking: &mut Asking) -> Result<(), Stop<Text>> {
    asking.may(Scope::LeadsWrite)?;
    let key = search::key(asking)?;
    let mut patch = fields::read(asking)?;
    if patch.is_empty() && !fields::wants_callback(asking) {
        return Err(Text::NothingToUpdate.into());
    }
    let account = asking.account().clone();
    let key = key.ok_or(Text::NoMatch)?;
    let lead = asking.web.app.find_leads(account.id, &key).await?.into_iter().next().ok_or(Text::NoMatch)?;
    fields::place(asking, &mut patch, Some(&lead.campaign))?;
    let place = Place { state: patch.given(Field::State).or(lead.state.as_deref()), zip: patch.given(Field::Zip).or(lead.zip.as_deref()) };
    let callback = fields::callback(asking, patch.phone().or(Some(&lead.phone)), &place)?;
    let order = LeadOrder::Edit(LeadKey::Id(lead.id), Box::new(LeadEdit::by(Source::DialedIn, patch, callback)));
    match asking.web.app.apply_leads(&account, vec![order], None).await?.into_iter().next() {
        Some(LeadDone::Updated { id, left_out, .. }) => {
            asking.lead = Some(id);
            for name in left_out {
                // what was said when it was read is not so
                let stored = Remark::Undeclared(name.clone(), true).to_string();
                asking.warnings.retain(|warning| *warning != stored);
                asking.warn(Remark::TooMany(name));
            }
            Ok(())
        }
        _ => Err(Text::NoMatch.into()),
    }
}
