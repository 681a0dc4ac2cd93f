//! The history of a Source: who changed it, when, and which fields. It has no values and no secrets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Maximum number of entries that a history keeps. Older ones are dropped.
pub(crate) const MAX_ENTRIES: usize = 1_000;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryEntry {
    /// When. Stored as in RFC 3339.
    #[serde(with = "time_text")]
    pub time: Timestamp,
    /// Who: the name of a token, or the user of a command.
    pub actor: String,
    /// What was done.
    pub action: Action,
    /// The fields that changed, such as `rules.include`.
    pub fields: Vec<String>,
}

/// What was done to a Source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// It was set up.
    Create,
    /// Fields changed.
    Update,
    /// It was enabled.
    Enable,
    /// It was disabled.
    Disable,
    /// It was removed.
    Remove,
}

impl Action {
    /// The word for people and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Remove => "remove",
        }
    }
}

/// Reads and writes a time as text.
mod time_text {
    use jiff::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
