//! Playlists: which leads of which campaigns are dialed. What is changed takes effect when the playlist is reloaded.
//!
//! # Assumptions
//! - A filter that is assigned is active at once: whoever assigns it wants it to count. Assigning it again changes nothing, an
//!   inactive one stays inactive.
//! - Active filters are one row of blocks, in the order in which they were assigned: the `join` of a filter's last block stands
//!   between it and the next active filter. `f1 and f2 or f3` is `f1 and (f2 or f3)` across filters too.
//! - Filters narrow: without an active one, a playlist holds every lead of its campaigns. Without campaigns it holds none.
//! - Names of playlists and filters are compared exactly; those of campaigns as filters compare texts.
//! - A reload publishes what the filters say at that moment; a filter that is changed later counts at the next reload.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    filter::{Filter, FilterError, Subject, TextField, TooLarge},
    phone::HomeRegion,
};

/// Most filters of one playlist.
pub const MAX_FILTERS: usize = 100;
/// Most campaigns of one playlist.
pub const MAX_CAMPAIGNS: usize = 200;

/// A filter of a playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assigned {
    /// The filter's name.
    pub filter: String,
    /// Whether it counts at the next reload.
    pub active: bool,
}

/// A playlist as it is edited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Playlist {
    /// Its name.
    pub name: String,
    /// The names of its campaigns.
    pub campaigns: Vec<String>,
    /// In the order in which they were assigned.
    pub filters: Vec<Assigned>,
}

/// A playlist as it was last reloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    campaigns: Vec<String>,
    filter: Option<Filter>,
}

/// Why a playlist cannot be changed or reloaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    /// The account has no filter of this name.
    #[error("there is no filter {0:?}")]
    NoSuchFilter(String),
    /// The filter exists and is not the playlist's.
    #[error("filter {filter:?} is not assigned to playlist {playlist:?}")]
    NotAssigned {
        /// The filter's name.
        filter: String,
        /// The playlist's name.
        playlist: String,
    },
    /// One filter too many.
    #[error("a playlist has at most {MAX_FILTERS} filters")]
    TooManyFilters,
    /// Too many campaigns to be published.
    #[error("a playlist has at most {MAX_CAMPAIGNS} campaigns")]
    TooManyCampaigns,
    /// The active filters say too much together.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// The changes answer whether anything changed. `exists` says whether the account has a filter of that name: it is asked where
/// the playlist itself does not know.
impl Playlist {
    /// Adds a filter at the end.
    ///
    /// # Errors
    /// When there is no such filter, or no room.
    pub fn assign(&mut self, filter: &str, exists: bool) -> Result<bool, PlaylistError> {
        if self.filters.iter().any(|assigned| assigned.filter == filter) {
            return Ok(false);
        }
        if !exists {
            return Err(PlaylistError::NoSuchFilter(filter.to_owned()));
        }
        if self.filters.len() >= MAX_FILTERS {
            return Err(PlaylistError::TooManyFilters);
        }
        self.filters.push(Assigned { filter: filter.to_owned(), active: true });
        Ok(true)
    }

    /// Takes a filter away, even one that no longer exists.
    ///
    /// # Errors
    /// When it is not assigned.
    pub fn remove(&mut self, filter: &str, exists: bool) -> Result<bool, PlaylistError> {
        let index = self.position(filter, exists)?;
        self.filters.remove(index);
        Ok(true)
    }

    /// Makes a filter active or inactive.
    ///
    /// # Errors
    /// When it is not assigned.
    pub fn set_active(&mut self, filter: &str, active: bool, exists: bool) -> Result<bool, PlaylistError> {
        let index = self.position(filter, exists)?;
        let before = std::mem::replace(&mut self.filters[index].active, active);
        Ok(before != active)
    }

    fn position(&self, filter: &str, exists: bool) -> Result<usize, PlaylistError> {
        let found = self.filters.iter().position(|assigned| assigned.filter == filter);
        found.ok_or_else(|| match exists {
            true => PlaylistError::NotAssigned { filter: filter.to_owned(), playlist: self.name.clone() },
            false => PlaylistError::NoSuchFilter(filter.to_owned()),
        })
    }

    /// What the playlist says now, to be published. `filters` are the account's, by name.
    ///
    /// # Errors
    /// When an active filter is not among them, or they say too much together; what was published before then stays.
    pub fn reload(&self, filters: &BTreeMap<String, Filter>) -> Result<Published, PlaylistError> {
        if self.campaigns.len() > MAX_CAMPAIGNS {
            return Err(PlaylistError::TooManyCampaigns);
        }
        let active = self
            .filters
            .iter()
            .filter(|assigned| assigned.active)
            .map(|assigned| filters.get(&assigned.filter).ok_or_else(|| PlaylistError::NoSuchFilter(assigned.filter.clone())));
        let active = active.collect::<Result<Vec<_>, _>>()?;
        Ok(Published { campaigns: self.campaigns.clone(), filter: Filter::join(active)? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPublished {
    campaigns: Vec<String>,
    filter: Option<Value>,
}

impl Published {
    /// Reads what was stored. `custom` and `region` as in [`Filter::read`].
    ///
    /// # Errors
    /// The first fault, such as a custom field that is declared no more.
    pub fn read(json: &Value, custom: &[impl AsRef<str>], region: HomeRegion) -> Result<Self, FilterError> {
        let raw: RawPublished =
            RawPublished::deserialize(json).map_err(|error| FilterError { path: "published".into(), message: error.to_string() })?;
        let filter = raw.filter.map(|filter| Filter::read_joined(&filter, custom, region)).transpose()?;
        Ok(Self { campaigns: raw.campaigns, filter })
    }

    /// The names of the campaigns; without any, no lead is meant.
    pub fn campaigns(&self) -> &[String] {
        &self.campaigns
    }

    /// What narrows them, if anything does.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// Whether a lead is to be dialed.
    pub fn matches(&self, lead: &impl Subject) -> bool {
        let campaign = lead.text(TextField::Campaign).unwrap_or_default();
        let is_ours = self.campaigns.iter().any(|ours| ours.eq_ignore_ascii_case(campaign));
        is_ours && self.filter.as_ref().is_none_or(|filter| filter.matches(lead))
    }
}
