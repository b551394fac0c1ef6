//! `PlaylistOperations`: which filters of a playlist count, from the next reload on.

use super::{
    Asking,
    action::{Action, choose},
    answer::{Refusal, Stop, changed},
};
use crate::{
    app::playlists::{PlaylistOrder, PlaylistRefusal},
    domain::{playlist::PlaylistError, scope::Scope},
};

#[derive(Clone, Copy)]
enum Does {
    Enable,
    Disable,
    Assign,
    Remove,
    Reload,
}

const fn of_filter(name: &'static str, does: Does) -> Action<Does> {
    Action { name, scope: Scope::ListsWrite, required: &["Playlist", "Filter"], does }
}

static ACTIONS: [Action<Does>; 5] = [
    of_filter("EnableFilter", Does::Enable),
    of_filter("DisableFilter", Does::Disable),
    Action { name: "Reload", scope: Scope::ListsWrite, required: &["Playlist"], does: Does::Reload },
    of_filter("AssignFilter", Does::Assign),
    of_filter("RemoveFilter", Does::Remove),
];

/// The script.
pub(super) async fn run(asking: &mut Asking) -> Result<String, Stop<Refusal>> {
    let does = choose(asking, &ACTIONS)?;
    let (playlist, filter) = (asking.required("Playlist"), asking.required("Filter"));
    let order = match does {
        Does::Enable => PlaylistOrder::Enable(filter),
        Does::Disable => PlaylistOrder::Disable(filter),
        Does::Assign => PlaylistOrder::Assign(filter),
        Does::Remove => PlaylistOrder::Remove(filter),
        Does::Reload => PlaylistOrder::Reload,
    };
    match asking.web.app.change_playlist(asking.account(), &playlist, order).await? {
        Ok(is_new) => changed(is_new),
        Err(refusal) => Refusal::new(code(&refusal), refusal),
    }
}

fn code(refusal: &PlaylistRefusal) -> &'static str {
    match refusal {
        PlaylistRefusal::NoSuchPlaylist(_) | PlaylistRefusal::Law(PlaylistError::NoSuchFilter(_) | PlaylistError::NotAssigned { .. }) => {
            "not_found"
        }
        PlaylistRefusal::Law(_) => "too_many",
        PlaylistRefusal::Invalid(_) => "invalid",
    }
}
