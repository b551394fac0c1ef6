//! What of a lead a filter may name: a closed set, so that no name that somebody wrote becomes part of an SQL text.

/// What custom fields are named with.
const CUSTOM: &str = "custom:";
/// The name of the field that no lead has outright.
const AREA_CODE: &str = "areaCode";
/// Most custom fields that a message lists.
const MAX_TOLD: usize = 20;

macro_rules! fields {
    ($(#[$meta:meta])* $kind:ident { $($variant:ident = $word:literal $(or $other:literal)?),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the word beside each name says what it is")]
        pub enum $kind { $($variant),* }

        impl $kind {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in a filter.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            fn read(name: &str) -> Option<Self> {
                let names = [$(($word, Self::$variant), $(($other, Self::$variant),)?)*];
                names.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, field)| field)
            }
        }
    };
}

fields! {
    /// A text of a lead. The other names are those of DialedIn's lead fields.
    TextField {
        ClientId = "clientId", FirstName = "firstName", LastName = "lastName", Address = "address", City = "city", State = "state",
        Zip = "zip" or "ZipCode", Phone = "phone" or "PrimaryPhone", Email = "email", Rep = "rep", CallStatus = "callStatus",
        Campaign = "campaign", Subcampaign = "subcampaign",
    }
}

fields! {
    /// A number of a lead.
    NumberField { Attempts = "attempts", AttemptsTotal = "attemptsTotal" }
}

fields! {
    /// A time of a lead.
    TimeField { CreatedAt = "createdAt", UpdatedAt = "updatedAt", LastAttemptAt = "lastAttemptAt", CallbackAt = "callbackAt" }
}

fields! {
    /// A flag of a lead.
    FlagField { Hot = "hot" or "priority" }
}

/// Where a text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// A field that every lead has.
    Of(TextField),
    /// A part of the telephone number.
    AreaCode,
    /// A custom field, by its declared name.
    Custom(String),
}

impl TextSource {
    /// Its name in a filter.
    pub fn name(&self) -> String {
        match self {
            Self::Of(field) => field.word().to_owned(),
            Self::AreaCode => AREA_CODE.to_owned(),
            Self::Custom(name) => format!("{CUSTOM}{name}"),
        }
    }
}

/// A field by its kind, which decides how it may be compared.
pub(super) enum Field {
    Text(TextSource),
    Number(NumberField),
    Time(TimeField),
    Flag(FlagField),
}

impl Field {
    /// The field of this name, whatever its case. A custom field must be one of `custom`.
    pub(super) fn read(name: &str, custom: &[impl AsRef<str>]) -> Option<Self> {
        if let Some((prefix, name)) = name.split_at_checked(CUSTOM.len())
            && prefix.eq_ignore_ascii_case(CUSTOM)
        {
            let mut declared = custom.iter().map(AsRef::as_ref);
            let declared =
                declared.clone().find(|known| *known == name).or_else(|| declared.find(|known| known.eq_ignore_ascii_case(name)));
            return declared.map(|known| Self::Text(TextSource::Custom(known.to_owned())));
        }
        if name.eq_ignore_ascii_case(AREA_CODE) {
            return Some(Self::Text(TextSource::AreaCode));
        }
        TextField::read(name)
            .map(|field| Self::Text(TextSource::Of(field)))
            .or_else(|| NumberField::read(name).map(Self::Number))
            .or_else(|| TimeField::read(name).map(Self::Time))
            .or_else(|| FlagField::read(name).map(Self::Flag))
    }

    /// The names there are, for people.
    pub(super) fn names(custom: &[impl AsRef<str>]) -> String {
        let texts = TextField::ALL.iter().map(|field| field.word()).chain([AREA_CODE]);
        let numbers = NumberField::ALL.iter().map(|field| field.word());
        let times = TimeField::ALL.iter().map(|field| field.word());
        let flags = FlagField::ALL.iter().map(|field| field.word());
        let mut names: Vec<String> = texts.chain(numbers).chain(times).chain(flags).map(str::to_owned).collect();
        names.extend(custom.iter().take(MAX_TOLD).map(|name| format!("{CUSTOM}{}", name.as_ref())));
        if custom.len() > MAX_TOLD {
            names.push(format!("{} more custom fields", custom.len() - MAX_TOLD));
        }
        names.join(", ")
    }
}
