//! What an index knows of its Sources besides their records; it travels in the commit payload.
//!
//! Because it becomes durable in the same commit as the records, neither can run ahead of the
//! other. It holds no configuration: only the identity of a Source, fingerprints, and where its
//! scan stands.

use serde::{Deserialize, Serialize};

use crate::sync::interval::KeyRange;
use crate::sync::order::Clock;
use crate::sync::stamp::Stamp;

/// The number of a Source in an index; never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u16);

/// All Sources that an index ever held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// In the order of their first appearance.
    pub sources: Vec<SourceState>,
}

/// One Source as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Its number.
    pub id: SourceId,
    /// Its name in the configuration.
    pub name: String,
    /// Every subdomain that it ever had; they stay bound to its name for good.
    pub subdomains: Vec<String>,
    /// The bucket and store whose keys the records are.
    pub origin: String,
    /// What all its keys start with; asset paths are without it.
    pub prefix: String,
    /// Fingerprint of what decides which keys are admitted.
    pub scope: String,
    /// Number of the running scan, or of the last one; 0 before the first.
    pub last_scan: u64,
    /// Start stamp of the newest completed scan.
    pub complete_as_of: Option<Stamp>,
    /// Stamp of the newest page of any scan.
    pub newest_page: Option<Stamp>,
    /// The scan that is under way, if any.
    pub running: Option<RunningScan>,
}

/// Where a scan stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningScan {
    /// The start stamp; `None` until the first page is in.
    pub started: Option<Stamp>,
    /// The ranges that make up the listing.
    pub ranges: Vec<RangeProgress>,
}

/// Where the scan of one range stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeProgress {
    /// What is left to list: its `after` is the last key done.
    pub rest: KeyRange,
    /// Whether nothing is left.
    pub done: bool,
}

/// What a configured Source says of itself to the index.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its subdomain.
    pub subdomain: &'a str,
    /// See [`SourceState::origin`].
    pub origin: &'a str,
    /// See [`SourceState::prefix`].
    pub prefix: &'a str,
    /// See [`SourceState::scope`].
    pub scope: &'a str,
}

/// Which of a Source's records its configuration has made wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
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
    #[error("Source {name:?} cannot be added: the index has held 65536 Sources; rebuild it")]
    NoNumberLeft {
        /// The Source that asked.
        name: String,
    },
}

/// A scan that cannot be completed yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scan is not complete: {0}")]
pub struct NotComplete(String);

impl Checkpoint {
    /// The state of the Source of that name.
    pub fn source(&self, name: &str) -> Option<&SourceState> {
        self.sources.iter().find(|source| source.name == name)
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
        identity: &Identity<'_>,
    ) -> Result<(SourceId, Leftovers), BindingError> {
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
            return Ok((id, Leftovers::None));
        };
        if !state
            .subdomains
            .iter()
            .any(|held| held == identity.subdomain)
        {
            state.subdomains.push(identity.subdomain.to_owned());
        }
        let leftovers = if state.is_of_another_place(identity) {
            Leftovers::Everything
        } else if state.scope != identity.scope {
            Leftovers::NotAdmitted
        } else {
            Leftovers::None
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
    pub fn knows_bindings_of(&self, other: &Self) -> bool {
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

    /// What an index that is built anew beside this one begins with: names, numbers and subdomains,
    /// and nothing of what was listed.
    pub fn bindings_only(&self) -> Self {
        let forget = |source: &SourceState| SourceState {
            complete_as_of: None,
            newest_page: None,
            running: None,
            ..source.clone()
        };
        Self {
            sources: self.sources.iter().map(forget).collect(),
        }
    }
}

impl SourceState {
    fn new(id: SourceId, identity: &Identity<'_>) -> Self {
        Self {
            id,
            name: identity.name.to_owned(),
            subdomains: vec![identity.subdomain.to_owned()],
            origin: identity.origin.to_owned(),
            prefix: identity.prefix.to_owned(),
            scope: identity.scope.to_owned(),
            last_scan: 0,
            complete_as_of: None,
            newest_page: None,
            running: None,
        }
    }

    /// Whether the Source now names another bucket or folder than the records are of.
    fn is_of_another_place(&self, identity: &Identity<'_>) -> bool {
        self.origin != identity.origin || self.prefix != identity.prefix
    }

    /// Takes over the identity once the leftovers are gone; a scan under the old one is void.
    pub fn adopt(&mut self, identity: &Identity<'_>) {
        if self.is_of_another_place(identity) {
            (self.complete_as_of, self.newest_page) = (None, None);
        }
        identity.origin.clone_into(&mut self.origin);
        identity.prefix.clone_into(&mut self.prefix);
        identity.scope.clone_into(&mut self.scope);
        self.running = None;
    }

    /// The Source's clock.
    pub fn clock(&self) -> Clock {
        Clock {
            complete_as_of: self.complete_as_of,
            scanning_since: self.running.as_ref().and_then(|scan| scan.started),
            scan: self.last_scan,
        }
    }

    /// Begins a scan over `ranges`; one that was under way is given up.
    pub fn begin_scan(&mut self, ranges: Vec<KeyRange>) -> &RunningScan {
        self.last_scan += 1;
        let progress = |rest| RangeProgress { rest, done: false };
        self.running.insert(RunningScan {
            started: None,
            ranges: ranges.into_iter().map(progress).collect(),
        })
    }

    /// The stamp that a page of the running scan counts as; `None` where no scan is running.
    ///
    /// The first page sets the scan's start, and no page counts as older than that: whoever scans
    /// asks for no other page before the first is in. The start itself is above every page of the
    /// scans before, whose answers were in before this page was asked for. S3's `Date` has whole
    /// seconds and could not tell two scans within one apart; a scan takes longer than the
    /// millisecond that is added, so the start still is not later than the page's snapshot.
    pub fn stamp_page(&mut self, stamp: Stamp) -> Option<Stamp> {
        let running = self.running.as_mut()?;
        let floor = self.newest_page.map(Stamp::next);
        let started = *running
            .started
            .get_or_insert_with(|| floor.map_or(stamp, |f| stamp.max(f)));
        let counted = stamp.max(started);
        self.newest_page = self.newest_page.max(Some(counted));
        Some(counted)
    }

    /// Completes the running scan: everything up to its start is in the index now.
    pub fn complete_scan(&mut self) -> Result<(), NotComplete> {
        let running = self
            .running
            .as_ref()
            .ok_or_else(|| NotComplete("none is under way".to_owned()))?;
        if let Some(open) = running.ranges.iter().find(|range| !range.done) {
            return Err(NotComplete(format!(
                "the range with prefix {:?} is listed up to {:?} only",
                open.rest.prefix, open.rest.after
            )));
        }
        self.complete_as_of = self.complete_as_of.max(running.started);
        self.running = None;
        Ok(())
    }
}

impl RunningScan {
    /// Notes how far a range is.
    pub fn advance(&mut self, range: usize, settled: Option<String>, done: bool) {
        if let Some(progress) = self.ranges.get_mut(range) {
            progress.rest.after = settled;
            progress.done = done;
        }
    }

    /// The ranges that are not done, with their places in the scan.
    pub fn open_ranges(&self) -> Vec<(usize, KeyRange)> {
        let ranges = self.ranges.iter().enumerate();
        ranges
            .filter(|(_, range)| !range.done)
            .map(|(place, range)| (place, range.rest.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity<'a>(name: &'a str, subdomain: &'a str) -> Identity<'a> {
        Identity {
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
        assert!(checkpoint.knows_bindings_of(&before));
        assert!(!before.knows_bindings_of(&checkpoint));
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
        assert_eq!(leftovers, Leftovers::None);
        checkpoint.state_mut(id).unwrap().complete_as_of = Some(Stamp::from_millis(5));
        let rules = Identity { scope: "2", ..old };
        let bucket = Identity {
            origin: "aws/other",
            ..old
        };
        let folder = Identity {
            prefix: "photos/",
            ..bucket
        };
        for (changed, want, as_of) in [
            (rules, Leftovers::NotAdmitted, Some(Stamp::from_millis(5))),
            (folder, Leftovers::Everything, None),
            (bucket, Leftovers::Everything, None),
        ] {
            for _ in 0..2 {
                assert_eq!(checkpoint.register(&changed).unwrap(), (id, want));
            }
            let state = checkpoint.state_mut(id).unwrap();
            state.adopt(&changed);
            assert_eq!(state.complete_as_of, as_of);
            assert_eq!(checkpoint.register(&changed).unwrap().1, Leftovers::None);
        }
    }

    #[test]
    fn a_scan_is_complete_when_every_range_is_and_not_before() {
        let mut state = SourceState::new(SourceId(0), &identity("a", "one"));
        state.begin_scan(vec![KeyRange::under("a/"), KeyRange::under("b/")]);
        let at = Stamp::from_millis;
        assert_eq!(state.stamp_page(at(10)), Some(at(10)));
        assert_eq!(state.stamp_page(at(8)), Some(at(10)));
        assert_eq!(state.stamp_page(at(12)), Some(at(12)));
        let running = state.running.as_mut().unwrap();
        running.advance(0, Some("a/z".into()), true);
        running.advance(1, Some("b/c".into()), false);
        assert_eq!(running.open_ranges().len(), 1);
        let text = state.complete_scan().unwrap_err().to_string();
        assert!(text.contains("\"b/\"") && text.contains("b/c"), "{text}");
        state.running.as_mut().unwrap().advance(1, None, true);
        state.complete_scan().unwrap();
        assert_eq!(state.complete_as_of, Some(Stamp::from_millis(10)));
        assert_eq!(state.clock().scan, 1);
        assert!(state.complete_scan().is_err());
    }

    #[test]
    fn a_scan_starts_above_every_page_of_the_scans_before() {
        let mut state = SourceState::new(SourceId(0), &identity("a", "one"));
        let at = Stamp::from_millis;
        assert_eq!(state.stamp_page(at(9)), None);
        for (stamp, counted) in [(10, 10), (10, 11), (9, 12), (50, 50)] {
            state.begin_scan(Vec::new());
            assert_eq!(state.stamp_page(at(stamp)), Some(at(counted)));
            state.complete_scan().unwrap();
            assert_eq!(state.complete_as_of, Some(at(counted)));
        }
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
