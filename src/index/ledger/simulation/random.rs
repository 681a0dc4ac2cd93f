//! Random histories from seeds, and how a failing history is shrunk.

use std::fmt;

use fastrand::Rng;

use super::MIN_MARGIN;
use super::bucket::{Operation, Store};
use super::engine::NextCommit;
use super::fault::Fault;
use super::queue::Stage;
use super::step::Step;
use super::world::{PREFIXES, RULES, Setup, World};

const KEYS: [&str; 4] = ["a/1", "a/2", "b/1", "c/1"];

/// The options of random histories.
#[derive(Clone, Copy, Debug)]
pub(super) struct RandomOptions {
    /// Maximum error of S3's clocks, in milliseconds.
    pub(super) jitter: i64,
    /// Whether messages are lost.
    pub(super) loses_messages: bool,
    /// Whether the rules change.
    pub(super) new_rules: bool,
    /// Whether the prefix changes.
    pub(super) moves: bool,
    pub(super) fault: Option<Fault>,
}

/// A history that fails a check.
pub(super) struct FailedHistory {
    pub(super) setup: Setup,
    pub(super) history: Vec<Step>,
    pub(super) why: String,
}

impl fmt::Display for FailedHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.setup)?;
        for step in &self.history {
            writeln!(f, "{step:?}")?;
        }
        write!(f, "{}", self.why)
    }
}

/// Runs a history, including the final checks.
pub(super) fn run(setup: Setup, history: &[Step]) -> Result<(), String> {
    let mut world = World::new(setup);
    world.check_state.keeps_applied = true;
    for step in history {
        world.step(*step)?;
    }
    world.finish()
}

/// Generates a history from a seed and runs it, including the final checks. Returns the number of steps.
pub(super) fn run_seed(seed: u64, options: RandomOptions) -> Result<usize, FailedHistory> {
    let mut rng = Rng::with_seed(seed);
    let keys = [1, 1, 2, KEYS.len()][rng.usize(..4)];
    let message_percent = [5, 20, 40, 60][rng.usize(..4)];
    let mut generator = StepGenerator {
        rng,
        options,
        keys,
        message_percent,
    };
    let setup = generator.setup();
    let mut world = World::new(setup);
    world.check_state.keeps_applied = true;
    let mut history = Vec::new();
    for _ in 0..generator.rng.usize(10..90) {
        let step = generator.step(&world);
        match world.step(step) {
            Ok(true) => history.push(step),
            Ok(false) => {}
            Err(why) => {
                history.push(step);
                return Err(shrink(setup, history, why));
            }
        }
    }
    match world.finish() {
        Ok(()) => Ok(history.len()),
        Err(why) => Err(shrink(setup, history, why)),
    }
}

/// Removes every step that is not needed to fail a check.
fn shrink(setup: Setup, mut history: Vec<Step>, mut why: String) -> FailedHistory {
    let mut chunk = history.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        while from < history.len() {
            let mut shorter = history.clone();
            shorter.drain(from..(from + chunk).min(history.len()));
            match run(setup, &shorter) {
                Ok(()) => from += chunk,
                Err(reason) => (history, why) = (shorter, reason),
            }
        }
        chunk /= 2;
    }
    FailedHistory {
        setup,
        history,
        why,
    }
}

struct StepGenerator {
    rng: Rng,
    options: RandomOptions,
    /// Number of keys that are written to. Most failures need only one key.
    keys: usize,
    /// Share of the steps that concern messages.
    message_percent: u8,
}

impl StepGenerator {
    fn setup(&mut self) -> Setup {
        Setup {
            store: Store {
                versioned: self.rng.bool(),
                sequencers: self.rng.u8(..8) > 0,
                // Events of lifecycle rules may lack sequencers only if clocks are exact, so that times are
                // in order.
                lifecycle_sequencers: self.options.jitter > 0 || self.rng.bool(),
                whole_seconds: self.rng.bool(),
            },
            max_changes: [1, 2, 1_000][self.rng.usize(..3)],
            newest_first: self.rng.bool(),
            fault: self.options.fault,
        }
    }

    fn margin(&mut self) -> i64 {
        if self.rng.bool() {
            return MIN_MARGIN;
        }
        self.rng.i64(MIN_MARGIN..=3_000)
    }

    /// A clock error, mostly the maximum.
    fn skew(&mut self) -> i64 {
        let max = self.options.jitter;
        match self.rng.u8(..5) {
            0 | 1 => max,
            2 | 3 => -max,
            _ => self.rng.i64(-max..=max),
        }
    }

    /// A step that is probably possible now.
    fn step(&mut self, world: &World) -> Step {
        if self.rng.u8(..100) < self.message_percent {
            return self.message(world);
        }
        match self.rng.u8(..60) {
            0..16 => Step::Operate {
                key: KEYS[self.rng.usize(..self.keys)],
                operation: self.operation(),
                skew: self.skew(),
            },
            16..28 => Step::Pass(self.pause()),
            28..31 => Step::Commit,
            31..56 => self.scan(world),
            _ => self.failure(),
        }
    }

    fn pause(&mut self) -> i64 {
        match self.rng.u8(..8) {
            0..6 => self.rng.i64(1..1_500),
            6 => 3_000,
            // Long enough for tombstones to be purged in some histories.
            _ if self.keys == 1 => 70_000,
            _ => 10_000,
        }
    }

    /// The next step of the scanner.
    fn scan(&mut self, world: &World) -> Step {
        let Some(scanner) = &world.scanner else {
            return Step::Begin {
                fresh: self.rng.u8(..3) == 0,
                ranges: self.rng.usize(1..=3),
            };
        };
        if scanner.is_listed() || self.rng.u8(..20) == 0 {
            return Step::Complete;
        }
        let range = self.rng.usize(..scanner.ranges.len().max(1));
        if self.rng.bool() {
            return Step::Arrive { range };
        }
        if self.rng.u8(..6) == 0 {
            let at = KEYS[self.rng.usize(..self.keys)];
            return Step::Split { range, at };
        }
        Step::List {
            range,
            margin: self.margin(),
            max_keys: self.rng.usize(1..=3),
        }
    }

    fn failure(&mut self) -> Step {
        if self.options.new_rules && self.rng.bool() {
            return Step::NewRules {
                rules: self.rng.usize(..RULES.len()),
                knows_former: self.rng.bool(),
            };
        }
        if self.options.moves && self.rng.bool() {
            return Step::NewRules {
                rules: RULES.len() * self.rng.usize(..PREFIXES.len()),
                knows_former: self.rng.bool(),
            };
        }
        match self.rng.u8(..4) {
            0 => Step::InterruptScan,
            1 => Step::Crash,
            2 => Step::FailNextCommit(NextCommit::FailsBefore),
            _ => Step::FailNextCommit(NextCommit::FailsAfter),
        }
    }

    fn operation(&mut self) -> Operation {
        match self.rng.u8(..10) {
            0..5 => Operation::Put(self.rng.u64(..3)),
            5..7 => Operation::Delete,
            7..9 => Operation::Destroy {
                below: self.rng.usize(..2),
            },
            _ => Operation::Expire {
                sent: self.rng.i64(0..2_000),
            },
        }
    }

    /// A step for a message: receive it for the first time or again, or continue a delivery.
    fn message(&mut self, world: &World) -> Step {
        let queue = &world.queue;
        if queue.messages.is_empty() {
            return Step::Commit;
        }
        if self.rng.bool() && !queue.deliveries.is_empty() {
            let delivery = &queue.deliveries[self.rng.usize(..queue.deliveries.len())];
            let message = &queue.messages[delivery.message];
            let (key, event) = (message.key, message.event);
            return match delivery.stage {
                Stage::NeedsLookUp => Step::LookUp {
                    key,
                    event,
                    margin: self.margin(),
                },
                Stage::Listed { .. } => Step::ApplyLookUp { key, event },
                Stage::Applied => Step::Commit,
                Stage::Durable => Step::Acknowledge { key, event },
            };
        }
        let message = &queue.messages[self.rng.usize(..queue.messages.len())];
        let (key, event) = (message.key, message.event);
        if self.options.loses_messages && self.rng.u8(..10) == 0 {
            return Step::Lose { key, event };
        }
        Step::Receive { key, event }
    }
}
