//! Every history within a small scope: all interleavings of operations, messages, pages, crashes.
//!
//! States that decide the same of what can follow are visited once.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use super::bucket::{Bucket, Operation, Store};
use super::fingerprint::{Itself, fingerprint};
use super::queue::Stage;
use super::step::Step;
use super::world::{Setup, World};

/// What is explored: all histories with at most so many of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) store: Store,
    pub(super) operations: usize,
    /// Milliseconds between two operations.
    pub(super) pace: i64,
    /// By how much the time of every other event is early and that of the others late.
    pub(super) skew: i64,
    /// How often each message may be received before it is acknowledged or after.
    pub(super) copies: u8,
    /// Scans begun, those that go on included.
    pub(super) scans: usize,
    /// Pages listed, for scans and look-ups.
    pub(super) pages: usize,
    /// By how much the stamp of a page may lie before its snapshot, in milliseconds.
    pub(super) margins: &'static [i64],
    /// Crashes, each with what is not committed lost; without any, everything is committed at once.
    pub(super) crashes: usize,
}

pub(super) const KEYS: [&str; 2] = ["a/1", "b/1"];

/// What a listing waits for after the step before, in milliseconds.
const PAUSE: i64 = 1_000;

type Done = (&'static str, Operation);

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
    operations: &'a [Done],
    skews: [i64; 2],
    seen: HashSet<u128, BuildHasherDefault<Itself>>,
    steps: usize,
}

/// Explores the scope: how many steps there are, or the first history that breaks a demand.
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

/// All sequences of so many operations on two keys, but for those that only swap the keys.
fn sequences(scope: Scope) -> Vec<Vec<Done>> {
    let mut all = vec![vec![(KEYS[0], Operation::Put(1))]];
    for number in 2..=scope.operations as u64 {
        let mut kinds = vec![Operation::Put(number), Operation::Delete];
        if scope.store.versioned {
            kinds.push(Operation::Destroy { below: 0 });
            kinds.push(Operation::Destroy { below: 1 });
        }
        let longer = |head: &Vec<Done>| {
            let mut tails = Vec::new();
            for key in KEYS {
                for kind in &kinds {
                    tails.push([head.as_slice(), &[(key, *kind)]].concat());
                }
            }
            tails
        };
        all = all.iter().flat_map(longer).collect();
    }
    all.retain(|operations| are_possible(scope, operations));
    all
}

/// Whether there is something to destroy where it is destroyed, and, with versions, to mark as deleted:
/// a marker over nothing shows what nothing shows.
fn are_possible(scope: Scope, operations: &[Done]) -> bool {
    let mut bucket = Bucket::new(scope.store);
    operations.iter().all(|(key, operation)| {
        let marks_nothing = scope.store.versioned
            && *operation == Operation::Delete
            && bucket.keys().all(|known| known != *key);
        !marks_nothing && bucket.operate(key, *operation, 0, 0).is_some()
    })
}

impl Explorer<'_> {
    /// Visits all that can follow; the error is the first history that breaks a demand, last step
    /// first.
    fn visit(&mut self, point: &Point) -> Result<(), Vec<String>> {
        let tally = [point.scans, point.pages, point.crashes];
        if !self
            .seen
            .insert(fingerprint(&point.world, &point.received, tally))
        {
            return Ok(());
        }
        for step in self.steps(point) {
            self.steps += 1;
            let mut next = point.fork();
            let said = |why: Vec<String>| [why, vec![format!("{step:?}")]].concat();
            match next.take(step, self) {
                Ok(true) => self.visit(&next).map_err(said)?,
                Ok(false) => {}
                Err(why) => return Err(said(vec![why])),
            }
        }
        Ok(())
    }

    /// All that may be possible next.
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
                Stage::WantsPage => steps.extend(margins.iter().map(|margin| Step::LookUp {
                    key,
                    event,
                    margin: *margin,
                })),
                Stage::Listed { .. } => steps.push(Step::Decide { key, event }),
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
        if scanner.has_pages_on_the_way() {
            steps.push(Step::Arrive { range: 0 });
        }
        steps.extend(margins.iter().map(|margin| Step::List {
            range: 0,
            margin: *margin,
            most: 1,
        }));
        steps.push(Step::GiveUp);
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

    /// Lets it happen; whether it could, or what went wrong.
    fn take(&mut self, step: Step, explorer: &Explorer<'_>) -> Result<bool, String> {
        match step {
            Step::Operate { .. } => {
                self.world.now += explorer.scope.pace - 1;
                self.operations += 1;
                self.received.push(0);
            }
            Step::Receive { key, event } => {
                let place = self.world.queue.place(key, event);
                self.received[place.unwrap_or_default()] += 1;
            }
            Step::Begin { .. } => self.scans += 1,
            Step::List { .. } | Step::LookUp { .. } => {
                self.world.now += PAUSE - 1;
                self.pages += 1;
            }
            Step::Crash => self.crashes += 1,
            _ => {}
        }
        if !self.world.happen(step)? {
            return Ok(false);
        }
        self.world.see_commits();
        if explorer.scope.crashes == 0 {
            self.come_to_rest()?;
        }
        self.world.judge()?;
        Ok(true)
    }

    /// Commits, and acknowledges what was applied.
    fn come_to_rest(&mut self) -> Result<(), String> {
        if !self.world.ledger.is_clean() {
            self.world.happen(Step::Commit)?;
            self.world.see_commits();
        }
        loop {
            let deliveries = &self.world.queue.deliveries;
            let durable = deliveries.iter().find(|it| it.stage == Stage::Durable);
            let Some(durable) = durable else {
                return Ok(());
            };
            let message = &self.world.queue.messages[durable.message];
            let (key, event) = (message.key, message.event);
            self.world.happen(Step::Acknowledge { key, event })?;
        }
    }
}
