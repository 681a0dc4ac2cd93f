//! What a change is: the values of a Source, what to do with them, and what was done.
//!
//! This module checks and writes nothing.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::source::Source;
use crate::managed::draft::SECRET_KEY;
use crate::managed::history::Action;
use crate::managed::store::Version;
use crate::secrets;

/// The values of a Source as JSON, with the keys of the configuration file. They can contain secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Values(pub Map<String, Value>);

impl Values {
    /// Takes the values out. The caller has to erase their secrets.
    pub(super) fn take(mut self) -> Map<String, Value> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        secrets::erase(&mut self.0);
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Values").field(&self.0.keys()).finish()
    }
}

/// A change of one Source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// Set up a new Source with these values.
    Create(Values),
    /// Change the values in the patch, as in RFC 7396: `null` removes a value, other values stay.
    Update {
        /// The new values.
        patch: Values,
        /// The change is refused if the Source has another version.
        if_version: Option<Version>,
    },
    /// Remove the Source.
    Remove {
        /// The change is refused if the Source has another version.
        if_version: Option<Version>,
    },
}

impl Change {
    /// Whether the change has a secret to seal.
    pub(crate) fn has_secret(&self) -> bool {
        let (Self::Create(Values(values))
        | Self::Update {
            patch: Values(values),
            ..
        }) = self
        else {
            return false;
        };
        let events = values.get("events");
        let of_queue = events.and_then(|events| events.get("credentials"));
        let mut tables = [values.get("credentials"), of_queue].into_iter().flatten();
        tables.any(|table| {
            table
                .get(SECRET_KEY)
                .is_some_and(|secret| !secret.is_null())
        })
    }
}

/// A change that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppliedChange {
    /// What was done.
    pub action: Action,
    /// The fields that changed.
    pub fields: Vec<String>,
    /// The new version. `None` if the Source is removed.
    pub version: Option<Version>,
}

/// An applied change, and the Source as it is now.
#[derive(Clone, Debug)]
pub(crate) struct WrittenChange {
    /// What was done.
    pub applied: AppliedChange,
    /// The Source, to show it: its new secrets are missing. `None` if it is removed.
    pub source: Option<Source>,
}

impl AppliedChange {
    /// Whether the Source already had all values, so that nothing was written.
    pub(crate) fn changed_nothing(&self) -> bool {
        self.action == Action::Update && self.fields.is_empty()
    }
}
