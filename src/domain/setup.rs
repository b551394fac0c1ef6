//! What an account has set up: campaigns, dispositions, custom fields, numbers, ring groups, skills, filters, playlists, providers,
//! telephone systems and client apps. Each is a record of a closed set of kinds, known by its name; names are the same in any case.

mod check;
mod dialing;
mod names;
mod secrets;
mod terms;
mod uses;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use self::{
    check::{Beside, Invalid, check, checked_name},
    names::Names,
    secrets::{HIDDEN, hides, with_secrets, without_secrets},
    terms::replaced,
    uses::user_of,
};
use super::{
    client_app::ClientApp,
    dialing::Dialing,
    disposition::Disposition,
    filter::Filter,
    message::provider::Provider,
    phone::{HomeRegion, Number},
    playlist::{Playlist, Published},
    routing::Reception,
    skill::SkillPriority,
    telephone::System,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $path:literal;)*) => {
        /// A kind of record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $name),* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word in the book and in events.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// Its place in the native API.
            pub fn path(self) -> &'static str {
                match self { $(Self::$name => $path),* }
            }
        }
    };
}

kinds! {
    /// What leads belong to.
    Campaign = "campaign", "campaigns";
    /// An outcome of the account's own.
    Disposition = "disposition", "dispositions";
    /// A custom field of leads.
    Field = "field", "fields";
    /// A number of the account's own.
    Number = "number", "numbers";
    /// A call queue and its number.
    RingGroup = "ring_group", "ring-groups";
    /// What agents can do.
    Skill = "skill", "skills";
    /// Which leads are meant.
    Filter = "filter", "filters";
    /// Which leads of which campaigns are dialed.
    Playlist = "playlist", "playlists";
    /// Who carries text messages.
    Provider = "provider", "providers";
    /// Who carries calls.
    TelephoneSystem = "telephone_system", "telephone-systems";
    /// A CRM that embeds the softphone, or a page that uses the libraries.
    ClientApp = "client_app", "client-apps";
    /// What holds for the whole account; there is one record, named `account`.
    Options = "options", "options";
}

impl Kind {
    /// The kind of this word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// Whether records of it may hold what nobody may read: they are stored sealed, and shown without.
    pub fn has_secrets(self) -> bool {
        matches!(self, Self::Provider | Self::TelephoneSystem)
    }
}

/// The name of the one record of [`Kind::Options`].
pub const OPTIONS: &str = "account";

/// What leads belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Campaign {
    /// Parts of it, by name.
    pub subcampaigns: Vec<String>,
    /// Outcomes that mean something else here than in the account.
    pub dispositions: Vec<Disposition>,
    /// Most attempts per lead and day.
    pub daily_cap: i64,
    /// How it is dialed; without it nobody dials it.
    pub dialing: Option<Dialing>,
}

impl Default for Campaign {
    fn default() -> Self {
        Self { subcampaigns: vec![], dispositions: vec![], daily_cap: 5, dialing: None }
    }
}

/// A number of the account's own. Its name is the number in canonical form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OwnedNumber {
    /// Calls may show it.
    pub voice: bool,
    /// Messages may come from it.
    pub sms: bool,
    /// Who carries its messages.
    pub provider: Option<String>,
}

/// A call queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RingGroup {
    /// Its number (*DID*, *Source*), in canonical form.
    pub number: Number,
    /// The campaign that its callers belong to.
    #[serde(default)]
    pub campaign: Option<String>,
    /// Which skills answer, as it is edited.
    #[serde(default)]
    pub skills: BTreeMap<String, SkillPriority>,
    /// Which skills answer, as it was last reloaded.
    #[serde(default)]
    pub published: BTreeMap<String, SkillPriority>,
    /// How its callers are received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reception: Option<Reception>,
}

/// What agents can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Skill {
    /// The logins of those who can.
    pub agents: Vec<String>,
}

/// A playlist as it is edited and as it was last reloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaylistRecord {
    /// As it is edited.
    pub draft: Playlist,
    /// As it was last reloaded.
    pub published: Option<Published>,
}

/// What holds for the whole account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AccountOptions)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// Custom fields that were not declared are stored all the same.
    pub undeclared_fields: bool,
    /// DialedIn clients get the success text with one blank, as older ones compare it.
    pub older_result_text: bool,
    /// Where a person is of whom nothing else is known.
    #[schema(value_type = String, example = "Europe/Berlin")]
    pub zone: Tz,
    /// The telephone system that orders go to. Without it that is the only one there is, if there is one.
    pub telephone_system: Option<String>,
    /// Why agents are not ready, for them to choose from; any other reason may be given, too.
    pub break_reasons: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            undeclared_fields: false,
            older_result_text: false,
            zone: Tz::UTC,
            telephone_system: None,
            break_reasons: ["break", "lunch", "meeting", "training", "paperwork"].map(str::to_owned).to_vec(),
        }
    }
}

/// Everything that an account has set up.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the kinds")]
pub struct Setup {
    pub options: Options,
    pub campaigns: Names<Campaign>,
    pub dispositions: Vec<Disposition>,
    pub fields: Vec<String>,
    pub numbers: Names<OwnedNumber>,
    pub ring_groups: Names<RingGroup>,
    pub skills: Names<Skill>,
    pub filters: BTreeMap<String, Filter>,
    pub playlists: Names<PlaylistRecord>,
    pub providers: Names<Provider>,
    pub telephone_systems: Names<System>,
    pub client_apps: Names<ClientApp>,
}

/// A stored playlist.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredPlaylist {
    draft: Playlist,
    #[serde(default)]
    published: Option<Value>,
}

impl PlaylistRecord {
    /// The stored form.
    pub fn to_body(&self) -> Value {
        serde_json::json!({"draft": self.draft, "published": self.published})
    }
}

impl Setup {
    /// Reads stored records. One that cannot be read is left out, and named by kind, name and fault.
    pub fn read(records: impl IntoIterator<Item = (Kind, String, Value)>, region: HomeRegion) -> (Self, Vec<String>) {
        let (mut setup, mut faults) = (Self::default(), Vec::new());
        let (declared, mut others): (Vec<_>, Vec<_>) = records.into_iter().partition(|(kind, ..)| *kind == Kind::Field);
        setup.fields = declared.into_iter().map(|(_, name, _)| name).collect();
        // what a record names is read before it
        others.sort_by_key(|(kind, ..)| *kind);
        for (kind, name, body) in others {
            if let Err(fault) = setup.take(kind, name.clone(), body, region) {
                // a fault may show the value at fault, and that may be a secret
                let fault = if kind.has_secrets() { "it is not as such a record is written".to_owned() } else { fault };
                faults.push(format!("{} {name:?}: {fault}", kind.word()));
            }
        }
        (setup, faults)
    }

    fn take(&mut self, kind: Kind, name: String, body: Value, region: HomeRegion) -> Result<(), String> {
        fn typed<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, String> {
            serde_json::from_value(body).map_err(|error| error.to_string())
        }
        match kind {
            Kind::Campaign => self.campaigns.put(name, typed(body)?),
            Kind::Disposition => self.dispositions.push(typed(body)?),
            Kind::Field => self.fields.push(name),
            Kind::Number => self.numbers.put(name, typed(body)?),
            Kind::RingGroup => self.ring_groups.put(name, typed(body)?),
            Kind::Skill => self.skills.put(name, typed(body)?),
            Kind::Filter => {
                let filter = Filter::read(&body, &self.fields, region).map_err(|error| error.to_string())?;
                self.filters.insert(name, filter);
            }
            Kind::Playlist => {
                let StoredPlaylist { draft, published } = typed(body)?;
                let published = published.filter(|published| !published.is_null());
                let published = published.map(|body| Published::read(&body, &self.fields, region)).transpose();
                self.playlists.put(name, PlaylistRecord { draft, published: published.map_err(|error| error.to_string())? });
            }
            Kind::Provider => self.providers.put(name, typed(body)?),
            Kind::TelephoneSystem => self.telephone_systems.put(name, typed(body)?),
            Kind::ClientApp => self.client_apps.put(name, typed(body)?),
            Kind::Options => self.options = typed(body)?,
        }
        Ok(())
    }

    /// The outcomes that a campaign has of its own.
    pub fn dispositions_of(&self, campaign: &str) -> &[Disposition] {
        self.campaigns.get(campaign).map_or(&[], |campaign| &campaign.dispositions)
    }

    /// Whether calls may show this number: one of the account's own for calls, or that of a ring group.
    pub fn may_show(&self, number: &Number) -> bool {
        self.numbers.get(number.as_str()).is_some_and(|own| own.voice) || self.ring_groups.iter().any(|(_, group)| group.number == *number)
    }

    /// The telephone system that orders go to, by its name.
    pub fn telephone_system(&self) -> Option<(&str, &System)> {
        let mut all = self.telephone_systems.iter();
        match &self.options.telephone_system {
            Some(name) => self.telephone_systems.entry(name),
            None => all.next().filter(|_| all.next().is_none()),
        }
    }

    /// The ring group of this name or number.
    pub fn ring_group(&self, source: &str, region: HomeRegion) -> Option<(&str, &RingGroup)> {
        let number = Number::read(source, region);
        self.ring_groups.entry(source).or_else(|| self.ring_groups.iter().find(|(_, group)| Some(&group.number) == number.as_ref()))
    }
}
