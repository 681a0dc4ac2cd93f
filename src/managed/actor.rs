//! Who makes a change of a managed Source, and which Sources they can see.
//!
//! This module decides no rights: the caller has checked that the actor may make the change.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Someone who makes a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    /// Their name, for the log and the history: `token NAME`, or the user on the command line.
    pub name: String,
    /// The Sources that they can see. `None` means all of them.
    sources: Option<Arc<BTreeSet<String>>>,
}

impl Actor {
    /// Someone who can see all Sources, such as a user on the command line of this machine.
    pub(crate) fn who_sees_all(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sources: None,
        }
    }

    /// Someone who can see only these Sources.
    pub(crate) fn who_sees_only(name: impl Into<String>, sources: Arc<BTreeSet<String>>) -> Self {
        Self {
            name: name.into(),
            sources: Some(sources),
        }
    }

    /// Whether they can see the Source with this name. If not, no answer may name it.
    pub(crate) fn may_see(&self, source: &str) -> bool {
        self.sources
            .as_ref()
            .is_none_or(|names| names.contains(source))
    }
}
