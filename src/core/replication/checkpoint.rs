//! The checkpoint: the state of all Sources, stored in the payload of each commit.
//!
//! It becomes durable in the same commit as the records, so neither can be ahead of the other. It contains no
//! configuration, only identities, fingerprints, and the progress of scans.

use serde::{Deserialize, Serialize};

use crate::core::replication::source_state::{SourceId, SourceIdentity, SourceState};

/// The states of all Sources that the index has ever contained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The states, in the order in which the Sources were added.
    pub sources: Vec<SourceState>,
}

/// The records of a Source that no longer belong in the index because its configuration has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleRecords {
    /// None: bucket, prefix and rules are the same.
    None,
    /// The records of keys that the new rules do not admit.
    NotAdmitted,
    /// All records: the Source has another bucket or prefix now.
    Everything,
}

/// Why a Source cannot be added to the index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The subdomain is bound to another Source.
    #[error(
        "subdomain {subdomain:?} of Source {name:?} is bound to Source {owner:?} for good, because URLs \
         with it may still be in use. Give {name:?} another subdomain, or rename it back to {owner:?}."
    )]
    SubdomainTaken {
        /// The Source that cannot be added.
        name: String,
        /// Its subdomain.
        subdomain: String,
        /// The Source that the subdomain is bound to.
        owner: String,
    },
    /// All Source ids are taken.
    #[error(
        "Source {name:?} cannot be added: the index has already had 65536 Sources. Start with an empty data_dir."
    )]
    NoNumberLeft {
        /// The Source that cannot be added.
        name: String,
    },
}

impl Checkpoint {
    /// The state of the Source with this name.
    pub fn source(&self, name: &str) -> Option<&SourceState> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The state of the Source with this name.
    pub fn source_mut(&mut self, name: &str) -> Option<&mut SourceState> {
        self.sources.iter_mut().find(|source| source.name == name)
    }

    /// The state of the Source with this id.
    pub fn state_mut(&mut self, id: SourceId) -> Option<&mut SourceState> {
        self.sources.iter_mut().find(|source| source.id == id)
    }

    /// The state of the Source with this id.
    pub fn state(&self, id: SourceId) -> Option<&SourceState> {
        self.sources.iter().find(|source| source.id == id)
    }

    /// Checks that the subdomain is not bound to another Source.
    pub fn check_binding(&self, name: &str, subdomain: &str) -> Result<(), BindingError> {
        let has_it = |source: &&SourceState| source.subdomains.iter().any(|one| one == subdomain);
        match self.sources.iter().find(has_it) {
            Some(owner) if owner.name != name => Err(BindingError::SubdomainTaken {
                name: name.to_owned(),
                subdomain: subdomain.to_owned(),
                owner: owner.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The Sources that are not among the configured ones, which are pairs of name and subdomain.
    ///
    /// # Errors
    ///
    /// If the subdomain of a configured Source is bound to another one.
    pub fn unconfigured<'a>(
        &self,
        configured: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Result<Vec<&SourceState>, BindingError> {
        for (name, subdomain) in configured.clone() {
            self.check_binding(name, subdomain)?;
        }
        let is_configured =
            |state: &SourceState| configured.clone().any(|(name, _)| name == state.name);
        let sources = self.sources.iter();
        Ok(sources.filter(|state| !is_configured(state)).collect())
    }

    /// Finds the Source or adds it. Returns its id and which of its records are stale.
    ///
    /// The origin, prefix and scope of a known Source do not change until [`SourceState::adopt`]. After a crash
    /// in between, the same records are found stale again.
    pub fn register(
        &mut self,
        identity: &SourceIdentity<'_>,
    ) -> Result<(SourceId, StaleRecords), BindingError> {
        self.check_binding(identity.name, identity.subdomain)?;
        let next_id = self.next_id();
        let Some(state) = self
            .sources
            .iter_mut()
            .find(|source| source.name == identity.name)
        else {
            let id = next_id.ok_or_else(|| BindingError::NoNumberLeft {
                name: identity.name.to_owned(),
            })?;
            self.sources.push(SourceState::new(id, identity));
            return Ok((id, StaleRecords::None));
        };
        if !state.subdomains.iter().any(|one| one == identity.subdomain) {
            state.subdomains.push(identity.subdomain.to_owned());
        }
        let stale = if state.has_other_location(identity) {
            StaleRecords::Everything
        } else if state.scope != identity.scope {
            StaleRecords::NotAdmitted
        } else {
            StaleRecords::None
        };
        Ok((state.id, stale))
    }

    fn next_id(&self) -> Option<SourceId> {
        match self.sources.iter().map(|source| source.id.0).max() {
            None => Some(SourceId(0)),
            Some(last) => last.checked_add(1).map(SourceId),
        }
    }

    /// Whether every subdomain that is bound to a Source in `other` is bound to the Source of the same name
    /// here.
    pub fn contains_bindings_of(&self, other: &Self) -> bool {
        other.sources.iter().all(|theirs| {
            let ours = self.source(&theirs.name);
            ours.is_some_and(|ours| {
                theirs
                    .subdomains
                    .iter()
                    .all(|s| ours.subdomains.contains(s))
            })
        })
    }

    /// Whether `other` may contain newer pages or events than the ranges that an unfinished scan here has
    /// listed. Then the scan must not be resumed.
    ///
    /// This index began as [`Checkpoint::bindings_only`] of `other`. Timestamps within one second have no
    /// order, so scan numbers are compared too: a scan that began in `other` since then has at least the
    /// number of the scan here.
    pub fn is_outdated_by(&self, other: &Self) -> bool {
        let is_outdated = |ours: &SourceState, theirs: &SourceState| {
            let started = ours.running.as_ref().and_then(|scan| scan.started);
            let has_newer_pages = started.is_some_and(|started| {
                theirs.last_scan >= ours.last_scan || theirs.newest_page >= Some(started)
            });
            // Events that only `other` has applied are acknowledged and will not be delivered again.
            has_newer_pages || (ours.running.is_some() && theirs.events != ours.events)
        };
        self.sources.iter().any(|ours| {
            let theirs = other.source(&ours.name);
            theirs.is_some_and(|theirs| is_outdated(ours, theirs))
        })
    }

    /// The checkpoint that a rebuild starts with. See [`SourceState::binding_only`].
    pub fn bindings_only(&self) -> Self {
        Self {
            sources: self.sources.iter().map(SourceState::binding_only).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::replication::interval::KeyRange;
    use crate::core::replication::timestamp::Timestamp;

    fn identity<'a>(name: &'a str, subdomain: &'a str) -> SourceIdentity<'a> {
        SourceIdentity {
            name,
            subdomain,
            origin: "aws/bucket",
            prefix: "",
            scope: "1",
        }
    }

    #[test]
    fn subdomain_stays_bound_to_its_source() {
        let mut checkpoint = Checkpoint::default();
        checkpoint.register(&identity("a", "one")).unwrap();
        checkpoint.register(&identity("a", "two")).unwrap();
        for taken in ["one", "two"] {
            let refused = checkpoint.register(&identity("b", taken)).unwrap_err();
            assert!(refused.to_string().contains("bound to Source \"a\""));
        }
        assert_eq!(checkpoint.sources.len(), 1);
        let (id, _) = checkpoint.register(&identity("b", "three")).unwrap();
        assert_eq!(id, SourceId(1));
        let before = Checkpoint {
            sources: checkpoint.sources[..1].to_vec(),
        };
        assert!(checkpoint.contains_bindings_of(&before));
        assert!(!before.contains_bindings_of(&checkpoint));
        assert!(
            checkpoint
                .bindings_only()
                .register(&identity("c", "one"))
                .is_err()
        );
    }

    #[test]
    fn source_is_unconfigured_only_if_every_subdomain_is_accepted() {
        let mut checkpoint = Checkpoint::default();
        for name in ["a", "b"] {
            checkpoint.register(&identity(name, name)).unwrap();
        }
        let unconfigured = |configured: &[(&str, &str)]| {
            let states = checkpoint.unconfigured(configured.iter().copied())?;
            Ok::<Vec<_>, BindingError>(states.iter().map(|state| state.name.clone()).collect())
        };
        assert_eq!(unconfigured(&[("a", "a"), ("b", "b")]).unwrap(), [""; 0]);
        assert_eq!(unconfigured(&[("a", "other")]).unwrap(), ["b"]);
        assert_eq!(unconfigured(&[("c", "c")]).unwrap(), ["a", "b"]);
        assert!(unconfigured(&[("c", "a")]).is_err());
        assert!(unconfigured(&[("a", "a"), ("c", "b")]).is_err());
    }

    #[test]
    fn changed_identity_is_reported_until_it_is_adopted() {
        let mut checkpoint = Checkpoint::default();
        let old = identity("a", "one");
        let (id, stale) = checkpoint.register(&old).unwrap();
        assert_eq!(stale, StaleRecords::None);
        checkpoint.state_mut(id).unwrap().complete_as_of = Some(Timestamp::from_millis(5));
        let rules = SourceIdentity { scope: "2", ..old };
        let bucket = SourceIdentity {
            origin: "aws/other",
            ..old
        };
        let folder = SourceIdentity {
            prefix: "photos/",
            ..bucket
        };
        for (changed, want, as_of) in [
            (
                rules,
                StaleRecords::NotAdmitted,
                Some(Timestamp::from_millis(5)),
            ),
            (folder, StaleRecords::Everything, None),
            (bucket, StaleRecords::Everything, None),
        ] {
            for _ in 0..2 {
                assert_eq!(checkpoint.register(&changed).unwrap(), (id, want));
            }
            let state = checkpoint.state_mut(id).unwrap();
            state.adopt(&changed);
            assert_eq!(state.complete_as_of, as_of);
            assert_eq!(checkpoint.register(&changed).unwrap().1, StaleRecords::None);
        }
    }

    #[test]
    fn rebuild_is_outdated_by_events_that_only_the_current_index_has() {
        let mut current = Checkpoint::default();
        let (id, _) = current.register(&identity("a", "one")).unwrap();
        current.state_mut(id).unwrap().events = 7;
        let mut rebuild = current.bindings_only();
        let state = rebuild.state_mut(id).unwrap();
        state.begin_scan(Vec::new());
        assert!(
            !rebuild.is_outdated_by(&current),
            "nothing has happened since"
        );
        current.state_mut(id).unwrap().events += 1;
        assert!(rebuild.is_outdated_by(&current));
        let state = rebuild.state_mut(id).unwrap();
        state.note_page(Timestamp::from_millis(9));
        state.complete_scan().unwrap();
        assert!(
            !rebuild.is_outdated_by(&current),
            "everything is listed again"
        );
    }

    #[test]
    fn checkpoint_with_any_key_survives_serialization() {
        let mut checkpoint = Checkpoint::default();
        let (id, _) = checkpoint.register(&identity("a", "one")).unwrap();
        let state = checkpoint.state_mut(id).unwrap();
        state.begin_scan(vec![KeyRange::under("")]);
        let odd = "\u{1}\"\\ \u{10FFFF}\r\n".to_owned();
        let listed = KeyRange {
            until: Some(odd),
            ..KeyRange::under("")
        };
        state.running.as_mut().unwrap().advance(&listed);
        let text = serde_json::to_string(&checkpoint).unwrap();
        assert_eq!(
            serde_json::from_str::<Checkpoint>(&text).unwrap(),
            checkpoint
        );
    }
}
