//! What doors do with playlists: which filters count, and the reload that makes it so.

use std::sync::Arc;

use super::{
    App,
    directory::Account,
    setup::{Change, Changed},
};
use crate::{
    domain::{
        playlist::{Playlist, PlaylistError},
        setup::{Invalid, Kind, Setup},
    },
    store::Result,
};

/// What is to be done with a playlist. A filter is given by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaylistOrder {
    /// The filter becomes the playlist's.
    Assign(String),
    /// It is the playlist's no more.
    Remove(String),
    /// It counts from the next reload on.
    Enable(String),
    /// It does not count from the next reload on.
    Disable(String),
    /// What the playlist says now is published.
    Reload,
}

/// Why it is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistRefusal {
    /// The account has none of this name.
    #[error("there is no playlist {0:?}")]
    NoSuchPlaylist(String),
    /// The law of playlists.
    #[error(transparent)]
    Law(#[from] PlaylistError),
    /// The check of the record.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl App {
    /// Changes a playlist; whether anything changed.
    ///
    /// # Errors
    /// Why it is not done, or what the database says.
    pub async fn change_playlist(
        &self,
        account: &Arc<Account>,
        playlist: &str,
        order: PlaylistOrder,
    ) -> Result<Result<bool, PlaylistRefusal>> {
        let name = playlist.to_owned();
        let change = move |setup: &Setup, _| {
            let record = setup.playlists.get(&name).ok_or(PlaylistRefusal::NoSuchPlaylist(name.clone()))?;
            let mut changed = record.clone();
            if order == PlaylistOrder::Reload {
                changed.published = Some(record.draft.reload(&setup.filters)?);
            } else {
                edit(&mut changed.draft, setup, &order)?;
            }
            Ok(if changed == *record { Change::Keep } else { Change::Record(changed.to_body()) })
        };
        let changed = self.change_setup(account, Kind::Playlist, playlist, change).await?;
        Ok(changed.map(|changed| matches!(changed, Changed::Stored(..))))
    }
}

fn edit(draft: &mut Playlist, setup: &Setup, order: &PlaylistOrder) -> Result<bool, PlaylistError> {
    match order {
        PlaylistOrder::Assign(filter) => spelt(draft, setup, filter, |draft, filter, exists| draft.assign(filter, exists)),
        PlaylistOrder::Remove(filter) => spelt(draft, setup, filter, |draft, filter, exists| draft.remove(filter, exists)),
        PlaylistOrder::Enable(filter) => spelt(draft, setup, filter, |draft, filter, exists| draft.set_active(filter, true, exists)),
        PlaylistOrder::Disable(filter) => spelt(draft, setup, filter, |draft, filter, exists| draft.set_active(filter, false, exists)),
        PlaylistOrder::Reload => Ok(false),
    }
}

/// Names of records are the same in any case, those inside a playlist are compared exactly: the filter is spelt as the account
/// spells it, else as the playlist does, which may hold one that is gone.
fn spelt<T>(draft: &mut Playlist, setup: &Setup, filter: &str, edit: impl FnOnce(&mut Playlist, &str, bool) -> T) -> T {
    let is_meant = |name: &&String| name.trim().to_lowercase() == filter.trim().to_lowercase();
    let known = setup.filters.keys().find(is_meant);
    let held = draft.filters.iter().map(|assigned| &assigned.filter).find(is_meant);
    let name = known.or(held).map_or(filter, String::as_str).to_owned();
    edit(draft, &name, known.is_some())
}
