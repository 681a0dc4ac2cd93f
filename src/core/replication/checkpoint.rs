//! What an index knows of its Sources besides their records; it travels in the commit payload.
//!
//! Because it becomes durable in the same commit as the records, neither can run ahead of the
//! other. It holds no configuration: only identities, fingerprints, and where scans stand.

use serde::{Deserialize, Serialize};

use crate::core::replication::source_state::{SourceId, SourceIdentity, SourceState};

/// All Sources that an index ever held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// In the order of their first appearance.
    pub sources: Vec<SourceState>,
}

/// Which of a Source's records its configuration has made wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleRecords {
    /// None: the records are of this bucket and these rules.
    None,
    /// Those that the present prefix and rules do not admit.
    NotAdmitted,
    /// All: they are of another bucket or folder.
    Everything,
}

/// Why a Source cannot have its place in the index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The subdomain belongs to another name.
    #[error(
        "subdomain {subdomain:?} of Source {name:?} is bound to Source {owner:?} for good, because \
         URLs made with it may live on; give {name:?} another subdomain, or its old name back"
    )]
    SubdomainTaken {
        /// The Source that asked.
        name: String,
        /// What it asked for.
        subdomain: String,
        /// Who has it.
        owner: String,
    },
    /// All numbers are given away.
    #[error(
        "Source {name:?} cannot be added: the index has held 65536 Sources; begin with an empty data_dir"
    )]
    NoNumberLeft {
        /// The Source that asked.
        name: String,
    },
}

impl Checkpoint {
    /// The state of the Source of that name.
    pub fn source(&self, name: &str) -> Option<&SourceState> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The state of the Source of that name.
    pub fn source_mut(&mut self, name: &str) -> Option<&mut SourceState> {
        self.sources.iter_mut().find(|source| source.name == name)
    }

    /// The state of the Source of that number.
    pub fn state_mut(&mut self, id: SourceId) -> Option<&mut SourceState> {
        self.sources.iter_mut().find(|source| source.id == id)
    }

    /// The state of the Source of that number.
    pub fn state(&self, id: SourceId) -> Option<&SourceState> {
        self.sources.iter().find(|source| source.id == id)
    }

    /// Whether a Source of that name may have that subdomain.
    pub fn check_binding(&self, name: &str, subdomain: &str) -> Result<(), BindingError> {
        let holds = |source: &&SourceState| source.subdomains.iter().any(|held| held == subdomain);
        match self.sources.iter().find(holds) {
            Some(owner) if owner.name != name => Err(BindingError::SubdomainTaken {
                name: name.to_owned(),
                subdomain: subdomain.to_owned(),
                owner: owner.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Finds or makes the place of a Source, and tells which of its records are wrong by now.
    ///
    /// Origin, prefix and scope of a known Source stay as they are until [`SourceState::adopt`], so that a
    /// crash between the two finds the same leftovers again.
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
        if !state
            .subdomains
            .iter()
            .any(|held| held == identity.subdomain)
        {
            state.subdomains.push(identity.subdomain.to_owned());
        }
        let leftovers = if state.has_other_location(identity) {
            StaleRecords::Everything
        } else if state.scope != identity.scope {
            StaleRecords::NotAdmitted
        } else {
            StaleRecords::None
        };
        Ok((state.id, leftovers))
    }

    fn next_id(&self) -> Option<SourceId> {
        match self.sources.iter().map(|source| source.id.0).max() {
            None => Some(SourceId(0)),
            Some(last) => last.checked_add(1).map(SourceId),
        }
    }

    /// Whether every name and subdomain that `other` has bound is bound so here too.
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

    /// Whether the other index may hold newer pages or events than a scan that would go on here has
    /// settled.
    ///
    /// This index began as [`Checkpoint::bindings_only`] of the other. Stamps within one second are
    /// no order, but a scan that began there since has at least the number of the one here.
    pub fn is_outdated_by(&self, other: &Self) -> bool {
        let is_behind = |ours: &SourceState, theirs: &SourceState| {
            let started = ours.running.as_ref().and_then(|scan| scan.started);
            let sees_newer_pages = started.is_some_and(|started| {
                theirs.last_scan >= ours.last_scan || theirs.newest_page >= Some(started)
            });
            // Events that only the other has taken in are acknowledged, and come no more.
            sees_newer_pages || (ours.running.is_some() && theirs.events != ours.events)
        };
        self.sources.iter().any(|ours| {
            let theirs = other.source(&ours.name);
            theirs.is_some_and(|theirs| is_behind(ours, theirs))
        })
    }

    /// What an index that is built anew beside this one begins with: names, numbers and subdomains,
    /// the stamp that its pages must be above, and nothing of what was listed.
    pub fn bindings_only(&self) -> Self {
        let forget = |source: &SourceState| SourceState {
            complete_as_of: None,
            running: None,
            followed: None,
            partial_as_of: None,
            ..source.clone()
        };
        Self {
            sources: self.sources.iter().map(forget).collect(),
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
    fn a_subdomain_stays_bound_to_the_name_that_had_it() {
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
    fn a_changed_scope_or_origin_is_seen_until_it_is_adopted() {
        let mut checkpoint = Checkpoint::default();
        let old = identity("a", "one");
        let (id, leftovers) = checkpoint.register(&old).unwrap();
        assert_eq!(leftovers, StaleRecords::None);
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
    fn a_rebuild_does_not_go_on_behind_events_that_only_the_live_index_has_taken_in() {
        let mut live = Checkpoint::default();
        let (id, _) = live.register(&identity("a", "one")).unwrap();
        live.state_mut(id).unwrap().events = 7;
        let mut built = live.bindings_only();
        let state = built.state_mut(id).unwrap();
        state.begin_scan(Vec::new());
        assert!(!built.is_outdated_by(&live), "nothing has happened since");
        live.state_mut(id).unwrap().events += 1;
        assert!(built.is_outdated_by(&live));
        let state = built.state_mut(id).unwrap();
        state.note_page(Timestamp::from_millis(9));
        state.complete_scan().unwrap();
        assert!(!built.is_outdated_by(&live), "it is listed anew");
    }

    #[test]
    fn a_checkpoint_survives_its_text_with_any_key() {
        let mut checkpoint = Checkpoint::default();
        let (id, _) = checkpoint.register(&identity("a", "one")).unwrap();
        let state = checkpoint.state_mut(id).unwrap();
        state.begin_scan(vec![KeyRange::under("")]);
        let odd = "\u{1}\"\\ \u{10FFFF}\r\n".to_owned();
        state.running.as_mut().unwrap().advance(0, Some(odd), false);
        let text = serde_json::to_string(&checkpoint).unwrap();
        assert_eq!(
            serde_json::from_str::<Checkpoint>(&text).unwrap(),
            checkpoint
        );
    }
}
