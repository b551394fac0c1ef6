//! `SearchField` and `Identifier`: which lead is meant.

use super::{Asking, texts::Text};
use crate::{
    app::committer::LeadKey,
    domain::{lead::Field, phone::Number},
};

/// The key of the lead that is meant; `None` when no lead can have it.
pub(super) fn key(asking: &Asking) -> Result<Option<LeadKey>, Text> {
    let field = asking.text("SearchField").map(str::to_ascii_lowercase);
    let identifier = || asking.text("Identifier").ok_or(Text::NoIdentifier);
    match field.as_deref() {
        Some("clientid") => {
            // one that is longer was cut when it was stored
            let kept: String = identifier()?.chars().take(Field::ClientId.row().max_chars).collect();
            Ok(Some(LeadKey::ClientId(kept.trim_end().to_owned())))
        }
        Some("leadid") => Ok(identifier()?.parse().ok().map(LeadKey::Id)),
        Some("phone") => Ok(Number::read(identifier()?, asking.account().region).map(LeadKey::Phone)),
        _ => Err(Text::NoSearchField),
    }
}
