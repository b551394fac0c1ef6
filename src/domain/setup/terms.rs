//! What of the setup the places of a campaign's leads follow from, so that it is known when they must be worked out anew.

use super::{Campaign, Setup};
use crate::domain::{dialing, disposition::Disposition, playlist::Published};

/// The campaigns whose leads may have other places by the one setup than by the other. One that is in one of them only has no
/// leads.
pub fn replaced(before: &Setup, after: &Setup) -> Vec<String> {
    let anew = |(name, campaign): (&str, &Campaign)| {
        let was = before.campaigns.get(name)?;
        (Terms::of(before, was) != Terms::of(after, campaign)).then(|| name.to_owned())
    };
    after.campaigns.iter().filter_map(anew).collect()
}

#[derive(PartialEq)]
struct Terms<'a> {
    zone: chrono_tz::Tz,
    daily_cap: i64,
    max_attempts: i64,
    /// Of these the times alone count: a pause was decided when it began.
    times: Vec<(&'a str, i64)>,
    own: &'a [Disposition],
    general: &'a [Disposition],
    playlist: Option<Option<&'a Published>>,
}

impl<'a> Terms<'a> {
    fn of(setup: &'a Setup, campaign: &'a Campaign) -> Self {
        let terms = campaign.dialing.as_ref();
        let published = |name: &String| setup.playlists.get(name).and_then(|record| record.published.as_ref());
        Self {
            zone: setup.options.zone,
            daily_cap: campaign.daily_cap,
            max_attempts: dialing::max_attempts(terms),
            times: terms.iter().flat_map(|terms| &terms.retries).map(|(name, retry)| (name.as_str(), retry.times)).collect(),
            own: &campaign.dispositions,
            general: &setup.dispositions,
            playlist: terms.and_then(|terms| terms.playlist.as_ref()).map(published),
        }
    }
}
