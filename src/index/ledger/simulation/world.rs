//! The world: bucket, queue, scanner, and the real ledger over an engine in memory.
//!
//! The module [`super::checks`] checks it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bucket::{Bucket, Store};
use super::check_state::{CheckState, MayRemove};
use super::engine::MemoryEngine;
use super::fault::Fault;
use super::queue::{Queue, Stage};
use super::scanner::{SETTLE_TIME, Scanner};
use super::step::Step;
use crate::core::replication::source_state::{SourceId, SourceState};
use crate::core::source::Source;
use crate::core::source::rules::{RuleSelection, Rules};
use crate::index::IndexError;
use crate::index::ledger::drift::DriftCandidates;
use crate::index::ledger::{AttachRequest, CommitPolicy, Ledger, Scan};
use crate::index::pending::Pending;

/// The only Source.
pub(super) const ID: SourceId = SourceId(0);

/// The included paths of each set of rules, by number.
pub(super) const RULES: [&[&str]; 4] = [&[], &["/a/", "/c/"], &["/b/", "/c/"], &["/a/"]];

/// The prefixes of the Source. The number of the rules plus a multiple of [`RULES`]`.len()` stands for the rules under
/// another prefix. No key has the last one.
pub(super) const PREFIXES: [&str; 3] = ["", "a/", "none/"];

/// The environment in which a history runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) store: Store,
    /// Number of changed keys that makes the ledger commit by itself.
    pub(super) max_changes: usize,
    /// Whether the messages that are left at the end arrive in reverse order.
    pub(super) newest_first: bool,
    pub(super) fault: Option<Fault>,
}

pub(super) struct World {
    pub(super) setup: Setup,
    /// The true time in milliseconds.
    pub(super) now: i64,
    pub(super) bucket: Bucket,
    pub(super) queue: Queue,
    pub(super) ledger: Ledger<MemoryEngine>,
    pub(super) source: Arc<Source>,
    pub(super) scanner: Option<Scanner>,
    pub(super) check_state: CheckState,
}

/// The time at which histories begin: a whole second, and late enough that no timestamp is before 1970.
const BEGIN: i64 = 1_000_000;

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let mut world = Self {
            setup,
            now: BEGIN,
            bucket: Bucket::new(setup.store),
            queue: Queue::default(),
            ledger: ledger(MemoryEngine::default(), setup),
            source: source(0),
            scanner: None,
            check_state: CheckState::default(),
        };
        let attached = world.attach(None);
        attached.expect("a commit fails only on request");
        world
    }

    /// A copy of the world, to try another continuation.
    pub(super) fn fork(&self) -> Self {
        Self {
            setup: self.setup,
            now: self.now,
            bucket: self.bucket.clone(),
            queue: self.queue.clone(),
            ledger: fork(&self.ledger),
            source: Arc::clone(&self.source),
            scanner: self.scanner.clone(),
            check_state: self.check_state.clone(),
        }
    }

    pub(super) fn state(&self) -> &SourceState {
        let state = self.ledger.checkpoint.state(ID);
        state.expect("the Source is attached")
    }

    /// Performs a step and runs the checks. Returns whether the step was possible, or the failed check.
    pub(super) fn step(&mut self, step: Step) -> Result<bool, String> {
        let was_possible = self.apply_step(step)?;
        if was_possible {
            self.note_commits();
            self.check()?;
        }
        Ok(was_possible)
    }

    /// Performs a step. Checks only what concerns the step itself.
    pub(super) fn apply_step(&mut self, step: Step) -> Result<bool, String> {
        match step {
            Step::Pass(millis) => self.now += millis,
            Step::Operate {
                key,
                operation,
                skew,
            } => {
                self.now += 1;
                let event = self.bucket.operate(key, operation, self.now, skew);
                let Some((payload, sent)) = event else {
                    return Ok(false);
                };
                self.queue.send(key, payload, sent);
            }
            Step::Lose { key, event } => return Ok(self.lose(key, event)),
            Step::Receive { key, event } => return self.receive(key, event),
            Step::LookUp { key, event, margin } => return Ok(self.look_up(key, event, margin)),
            Step::ApplyLookUp { key, event } => return Ok(self.apply_listed(key, event)),
            Step::Acknowledge { key, event } => return self.acknowledge(key, event),
            Step::Commit => {
                if self.ledger.is_clean() {
                    return Ok(false);
                }
                let committed = self.ledger.commit();
                self.ok_or_restart(committed);
            }
            Step::Begin { fresh, ranges } => self.begin(fresh, ranges),
            Step::List {
                range,
                margin,
                max_keys,
            } => return Ok(self.list(range, margin, max_keys)),
            Step::Split { range, at } => return Ok(self.split(range, at)),
            Step::Arrive { range } => return Ok(self.arrive(range)),
            Step::Complete => return self.complete(),
            Step::InterruptScan => return Ok(self.scanner.take().is_some()),
            Step::Crash => self.restart(),
            Step::FailNextCommit(next_commit) => self.ledger.engine.next_commit = next_commit,
            Step::NewRules {
                rules,
                knows_former,
            } => self.adopt_rules(rules, knows_former),
        }
        Ok(true)
    }

    /// Returns the result of the writer. An error ends the process, and it starts again.
    pub(super) fn ok_or_restart<T>(&mut self, result: Result<T, IndexError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(_) => {
                self.note_commits();
                self.restart();
                None
            }
        }
    }

    /// Restarts the process: what is not committed is lost, and messages are delivered again.
    fn restart(&mut self) {
        let scanner = self.scanner.take();
        self.stop();
        let attached = self.attach(None);
        attached.expect("a commit fails only on request");
        if let (Some(scanner), true) = (scanner, self.has(Fault::ScansContinueAfterLostPages)) {
            self.continue_lost_scan(scanner);
        }
    }

    fn stop(&mut self) {
        let engine = MemoryEngine {
            next_commit: Default::default(),
            ..self.ledger.engine.clone()
        };
        self.ledger = ledger(engine, self.setup);
        self.queue.deliveries.clear();
        self.scanner = None;
        self.check_state.restart();
    }

    fn attach(&mut self, former: Option<Arc<Source>>) -> Result<(), IndexError> {
        let attached = self.ledger.attach_single(AttachRequest {
            source: Arc::clone(&self.source),
            former,
            tally: Arc::default(),
            ranges_in_flight: 1,
        })?;
        assert_eq!(attached.id, ID, "there is only one Source");
        Ok(())
    }

    fn adopt_rules(&mut self, rules: usize, knows_former: bool) {
        let former = std::mem::replace(&mut self.source, source(rules));
        self.check_state.note_loss();
        self.check_state.new_rules_at = self.now;
        if former.prefix != self.source.prefix {
            // The daemon waits before it scans the new location.
            self.now += SETTLE_TIME;
        }
        self.check_state.may_remove = MayRemove::Anything;
        if !knows_former {
            self.restart();
            return;
        }
        // The consumer and the scan have stopped before.
        self.queue.deliveries.clear();
        self.scanner = None;
        self.check_state.pages.clear();
        self.check_state.look_ups.clear();
        let attached = self.attach(Some(former));
        self.ok_or_restart(attached);
    }

    /// Notes which effects are durable now.
    pub(super) fn note_commits(&mut self) {
        let is_clean = self.ledger.is_clean();
        self.check_state
            .note_commits(self.ledger.engine.commits, is_clean);
        if is_clean || self.has(Fault::AcknowledgeBeforeCommit) {
            for delivery in &mut self.queue.deliveries {
                if delivery.stage == Stage::Applied {
                    delivery.stage = Stage::Durable;
                }
            }
        }
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.setup.fault == Some(fault)
    }
}

/// A Source with the rules and the prefix of this number.
fn source(rules: usize) -> Arc<Source> {
    let paths = RULES[rules % RULES.len()];
    let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let include = (!paths.is_empty()).then_some(RuleSelection::Paths(paths));
    Arc::new(Source {
        prefix: PREFIXES[rules / RULES.len() % PREFIXES.len()].to_owned(),
        rules: Rules::new(include, None, false).expect("the rules are valid"),
        ..Source::new("photos", "bucket", "photos")
    })
}

fn ledger(engine: MemoryEngine, setup: Setup) -> Ledger<MemoryEngine> {
    let never = Duration::from_secs(1_000_000);
    let policy = CommitPolicy {
        max_changes: setup.max_changes,
        interval: never,
        event_interval: never,
        finishes_merges: true,
    };
    Ledger::new(engine, policy, false).expect("the engine in memory is always readable")
}

fn fork(ledger: &Ledger<MemoryEngine>) -> Ledger<MemoryEngine> {
    let mut pending = Pending::default();
    for ((source, key), change) in ledger.pending.changes() {
        pending.put(*source, key, change.record.clone(), change.replaces);
    }
    let scans = ledger.scans.iter().map(|(id, scan)| {
        let scan = Scan::new(Arc::clone(&scan.source), Arc::clone(&scan.progress));
        (*id, scan)
    });
    Ledger {
        engine: ledger.engine.clone(),
        checkpoint: ledger.checkpoint.clone(),
        pending,
        checkpoint_changed: ledger.checkpoint_changed,
        last_commit: Instant::now(),
        policy: ledger.policy,
        dry_run: ledger.dry_run,
        scans: scans.collect(),
        completed: HashMap::new(),
        tallies: ledger.tallies.clone(),
        following: ledger.following.clone(),
        moving: ledger.moving.clone(),
        drift_candidates: DriftCandidates::default(),
        heartbeat: Arc::default(),
        commits: Arc::default(),
        large_removals: Arc::default(),
        leaves_announcements: false,
        previous: None,
    }
}
