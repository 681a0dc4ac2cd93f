//! Exhaustive test: every history within a small scope, with all interleavings of operations, messages, pages
//! and crashes.
//!
//! If the same steps can follow two states, only the first of them is explored.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use super::bucket::{Bucket, Operation, Store};
use super::fingerprint::{FingerprintHasher, fingerprint};
use super::queue::Stage;
use super::step::Step;
use super::world::{Setup, World};

/// The scope to explore: all histories with at most these numbers of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) store: Store,
    pub(super) operations: usize,
    /// Milliseconds between two operations.
    pub(super) interval: i64,
    /// The error of event times, in milliseconds: alternately early and late by this much.
    pub(super) skew: i64,
    /// Maximum number of times that each message is received, before or after it is acknowledged.
    pub(super) copies: u8,
    /// Scans begun or resumed.
    pub(super) scans: usize,
    /// Pages listed, for scans and look-ups.
    pub(super) pages: usize,
    /// The possible margins between a page's timestamp and its later snapshot, in milliseconds.
    pub(super) margins: &'static [i64],
    /// Crashes, each of which loses the pending changes. If 0, every step is committed immediately.
    pub(super) crashes: usize,
}

pub(super) const KEYS: [&str; 2] = ["a/1", "b/1"];

/// Time between the previous step and a listing, in milliseconds.
const LISTING_DELAY: i64 = 1_000;

type KeyOperation = (&'static str, Operation);

/// One point of a history.
struct Point {
    world: World,
    operations: usize,
    received: Vec<u8>,
    scans: usize,
    pages: usize,
    crashes: usize,
}

struct Explorer<'a> {
    scope: Scope,
    operations: &'a [KeyOperation],
    skews: [i64; 2],
    seen: HashSet<u128, BuildHasherDefault<FingerprintHasher>>,
    steps: usize,
}

/// Explores the scope. Returns the number of steps, or the first history that fails a check.
pub(super) fn explore(scope: Scope) -> Result<usize, String> {
    let mut steps = 0;
    let skews: &[[i64; 2]] = match scope.skew {
        0 => &[[0, 0]],
        skew => &[[skew, -skew], [-skew, skew]],
    };
    for operations in sequences(scope) {
        for skews in skews {
            let setup = Setup {
                store: scope.store,
                max_changes: if scope.crashes > 0 { 1_000 } else { 1 },
                newest_first: false,
                fault: None,
            };
            let point = Point {
                world: World::new(setup),
                operations: 0,
                received: Vec::new(),
                scans: 0,
                pages: 0,
                crashes: 0,
            };
            let mut explorer = Explorer {
                scope,
                operations: &operations,
                skews: *skews,
                seen: HashSet::default(),
                steps: 0,
            };
            explorer.visit(&point).map_err(|history| {
                let lines: Vec<String> = history.into_iter().rev().collect();
                format!("{setup:?}\n{}", lines.join("\n"))
            })?;
            steps += explorer.steps;
        }
    }
    Ok(steps)
}

/// All sequences of this number of operations on two keys, except those that only swap the keys.
fn sequences(scope: Scope) -> Vec<Vec<KeyOperation>> {
    let mut all = vec![vec![(KEYS[0], Operation::Put(1))]];
    for number in 2..=scope.operations as u64 {
        let mut kinds = vec![Operation::Put(number), Operation::Delete];
        if scope.store.versioned {
            kinds.push(Operation::Destroy { below: 0 });
            kinds.push(Operation::Destroy { below: 1 });
        }
        let append = |head: &Vec<KeyOperation>| {
            let mut tails = Vec::new();
            for key in KEYS {
                for kind in &kinds {
                    tails.push([head.as_slice(), &[(key, *kind)]].concat());
                }
            }
            tails
        };
        all = all.iter().flat_map(append).collect();
    }
    all.retain(|operations| are_possible(scope, operations));
    all
}

/// Whether all operations are possible and useful. A delete marker on a key that was never written is left
/// out, because it shows nothing.
fn are_possible(scope: Scope, operations: &[KeyOperation]) -> bool {
    let mut bucket = Bucket::new(scope.store);
    operations.iter().all(|(key, operation)| {
        let marks_unknown_key = scope.store.versioned
            && *operation == Operation::Delete
            && bucket.keys().all(|known| known != *key);
        !marks_unknown_key && bucket.operate(key, *operation, 0, 0).is_some()
    })
}

impl Explorer<'_> {
    /// Visits everything that can follow. The error is the first history that fails a check, last step first.
    fn visit(&mut self, point: &Point) -> Result<(), Vec<String>> {
        let counts = [point.scans, point.pages, point.crashes];
        if !self
            .seen
            .insert(fingerprint(&point.world, &point.received, counts))
        {
            return Ok(());
        }
        for step in self.steps(point) {
            self.steps += 1;
            let mut next = point.fork();
            let with_step = |history: Vec<String>| [history, vec![format!("{step:?}")]].concat();
            match next.apply(step, self) {
                Ok(true) => self.visit(&next).map_err(with_step)?,
                Ok(false) => {}
                Err(failure) => return Err(with_step(vec![failure])),
            }
        }
        Ok(())
    }

    /// All steps that may be possible next.
    fn steps(&self, point: &Point) -> Vec<Step> {
        let mut steps = Vec::new();
        let (scope, world) = (&self.scope, &point.world);
        if let Some((key, operation)) = self.operations.get(point.operations) {
            steps.push(Step::Operate {
                key,
                operation: *operation,
                skew: self.skews[point.operations % 2],
            });
        }
        let margins = if point.pages < scope.pages {
            scope.margins
        } else {
            &[]
        };
        self.add_messages(point, margins, &mut steps);
        self.add_scan(point, margins, &mut steps);
        if point.crashes < scope.crashes {
            steps.push(Step::Crash);
        }
        if scope.crashes > 0 && !world.ledger.is_clean() {
            steps.push(Step::Commit);
        }
        steps
    }

    fn add_messages(&self, point: &Point, margins: &[i64], steps: &mut Vec<Step>) {
        let queue = &point.world.queue;
        for (message, received) in queue.messages.iter().zip(&point.received) {
            let (key, event) = (message.key, message.event);
            if *received < self.scope.copies {
                steps.push(Step::Receive { key, event });
            }
        }
        for delivery in &queue.deliveries {
            let message = &queue.messages[delivery.message];
            let (key, event) = (message.key, message.event);
            match delivery.stage {
                Stage::NeedsLookUp => steps.extend(margins.iter().map(|margin| Step::LookUp {
                    key,
                    event,
                    margin: *margin,
                })),
                Stage::Listed { .. } => steps.push(Step::ApplyLookUp { key, event }),
                Stage::Applied => {}
                Stage::Durable => steps.push(Step::Acknowledge { key, event }),
            }
        }
    }

    fn add_scan(&self, point: &Point, margins: &[i64], steps: &mut Vec<Step>) {
        let Some(scanner) = &point.world.scanner else {
            if point.scans < self.scope.scans && !margins.is_empty() {
                let (fresh, ranges) = (false, 1);
                steps.push(Step::Begin { fresh, ranges });
            }
            return;
        };
        if scanner.is_listed() {
            steps.push(Step::Complete);
            return;
        }
        if scanner.has_pages_in_flight() {
            steps.push(Step::Arrive { range: 0 });
        }
        steps.extend(margins.iter().map(|margin| Step::List {
            range: 0,
            margin: *margin,
            max_keys: 1,
        }));
        steps.push(Step::InterruptScan);
    }
}

impl Point {
    fn fork(&self) -> Self {
        Self {
            world: self.world.fork(),
            received: self.received.clone(),
            ..*self
        }
    }

    /// Performs a step and runs the checks. Returns whether the step was possible, or the failed check.
    fn apply(&mut self, step: Step, explorer: &Explorer<'_>) -> Result<bool, String> {
        match step {
            Step::Operate { .. } => {
                self.world.now += explorer.scope.interval - 1;
                self.operations += 1;
                self.received.push(0);
            }
            Step::Receive { key, event } => {
                let index = self.world.queue.index_of(key, event);
                self.received[index.unwrap_or_default()] += 1;
            }
            Step::Begin { .. } => self.scans += 1,
            Step::List { .. } | Step::LookUp { .. } => {
                self.world.now += LISTING_DELAY - 1;
                self.pages += 1;
            }
            Step::Crash => self.crashes += 1,
            _ => {}
        }
        if !self.world.apply_step(step)? {
            return Ok(false);
        }
        self.world.note_commits();
        if explorer.scope.crashes == 0 {
            self.commit_and_acknowledge()?;
        }
        self.world.check()?;
        Ok(true)
    }

    /// Commits, and acknowledges the applied messages.
    fn commit_and_acknowledge(&mut self) -> Result<(), String> {
        if !self.world.ledger.is_clean() {
            self.world.apply_step(Step::Commit)?;
            self.world.note_commits();
        }
        loop {
            let deliveries = &self.world.queue.deliveries;
            let durable = deliveries
                .iter()
                .find(|delivery| delivery.stage == Stage::Durable);
            let Some(durable) = durable else {
                return Ok(());
            };
            let message = &self.world.queue.messages[durable.message];
            let (key, event) = (message.key, message.event);
            self.world.apply_step(Step::Acknowledge { key, event })?;
        }
    }
}
