//! What names a record, so that it cannot be removed.

use super::{Kind, PlaylistRecord, RingGroup, Setup};
use crate::domain::{
    client_app::Identity,
    dialing::Dialing,
    disposition::SYSTEM,
    filter::{Filter, Statement, TextSource},
    playlist::Published,
};

/// The first record that names this one, as a sentence for people.
pub fn user_of(setup: &Setup, kind: Kind, name: &str) -> Option<String> {
    let same = |other: &str| other.trim().to_lowercase() == name.trim().to_lowercase();
    let playlist = |uses: &dyn Fn(&PlaylistRecord) -> bool| {
        setup.playlists.iter().find(|(_, record)| uses(record)).map(|(user, _)| format!("playlist {user:?} names it"))
    };
    let group = |uses: &dyn Fn(&RingGroup) -> bool| {
        setup.ring_groups.iter().find(|(_, group)| uses(group)).map(|(user, _)| format!("ring group {user:?} names it"))
    };
    let dialing = |uses: &dyn Fn(&Dialing) -> bool| {
        let user = setup.campaigns.iter().find(|(_, campaign)| campaign.dialing.as_ref().is_some_and(uses));
        user.map(|(user, _)| format!("campaign {user:?} names it"))
    };
    let app = |uses: &dyn Fn(&Identity) -> bool| {
        let user = setup.client_apps.iter().find(|(_, app)| app.identities.iter().any(uses));
        user.map(|(user, _)| format!("client app {user:?} names it"))
    };
    match kind {
        Kind::Campaign => {
            let published = |record: &PlaylistRecord| record.published.iter().flat_map(Published::campaigns).any(|campaign| same(campaign));
            playlist(&|record| record.draft.campaigns.iter().any(|campaign| same(campaign)) || published(record))
                .or_else(|| group(&|group| group.campaign.as_deref().is_some_and(same)))
        }
        Kind::Filter => playlist(&|record| record.draft.filters.iter().any(|assigned| same(&assigned.filter))),
        Kind::Skill => group(&|group| group.skills.keys().chain(group.published.keys()).any(|skill| same(skill)))
            .or_else(|| dialing(&|dialing| dialing.skill.as_deref().is_some_and(same))),
        Kind::Playlist => dialing(&|dialing| dialing.playlist.as_deref().is_some_and(same)),
        Kind::Number => dialing(&|dialing| dialing.caller_id.as_ref().is_some_and(|number| same(number.as_str())))
            .or_else(|| app(&|identity| identity.number.as_ref().is_some_and(|number| same(number.as_str())))),
        // where the system has one of the same name, that is meant then
        Kind::Disposition if SYSTEM.iter().any(|known| same(&known.name)) => None,
        Kind::Disposition => dialing(&|dialing| dialing.retries.keys().any(|outcome| same(outcome))),
        Kind::Provider => {
            let user = setup.numbers.iter().find(|(_, number)| number.provider.as_deref().is_some_and(same));
            user.map(|(user, _)| format!("number {user} names it"))
        }
        Kind::Field => {
            let user = setup.filters.iter().find(|(_, filter)| asks_for(filter, name)).map(|(user, _)| format!("filter {user:?} names it"));
            user.or_else(|| playlist(&|record| record.published.as_ref().and_then(Published::filter).is_some_and(|f| asks_for(f, name))))
        }
        Kind::TelephoneSystem => {
            setup.options.telephone_system.as_deref().is_some_and(same).then(|| "the options name it as telephoneSystem".to_owned())
        }
        Kind::RingGroup => app(&|identity| identity.ring_group.as_deref().is_some_and(same)),
        Kind::ClientApp | Kind::Options => None,
    }
}

/// Whether a filter looks at this custom field.
fn asks_for(filter: &Filter, field: &str) -> bool {
    let is_it =
        |statement: &Statement| matches!(statement, Statement::Text(TextSource::Custom(name), _) if name.eq_ignore_ascii_case(field));
    filter.blocks().iter().any(|block| block.statements().iter().any(is_it))
}
