//! Random histories from seeds, and how a failing one is cut down.

use std::fmt;

use fastrand::Rng;

use super::LEAST_MARGIN;
use super::bucket::{Operation, Store};
use super::engine::Fate;
use super::fault::Fault;
use super::queue::Stage;
use super::step::Step;
use super::world::{RULES, Setup, World};

const KEYS: [&str; 4] = ["a/1", "a/2", "b/1", "c/1"];

/// What random histories may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// By how much the clocks of S3 may be off, in milliseconds.
    pub(super) jitter: i64,
    /// Whether messages are lost.
    pub(super) loses: bool,
    /// Whether the rules change.
    pub(super) new_rules: bool,
    pub(super) fault: Option<Fault>,
}

/// A history that breaks a demand.
pub(super) struct Broken {
    pub(super) setup: Setup,
    pub(super) history: Vec<Step>,
    pub(super) why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.setup)?;
        for step in &self.history {
            writeln!(f, "{step:?}")?;
        }
        write!(f, "{}", self.why)
    }
}

/// Runs the history to its end.
pub(super) fn run(setup: Setup, history: &[Step]) -> Result<(), String> {
    let mut world = World::new(setup);
    world.witness.keeps = true;
    for step in history {
        world.step(*step)?;
    }
    world.finish()
}

/// Makes up a history from a seed and runs it to its end.
pub(super) fn run_seed(seed: u64, kind: Kind) -> Result<usize, Broken> {
    let mut rng = Rng::with_seed(seed);
    let keys = [1, 1, 2, KEYS.len()][rng.usize(..4)];
    let eagerness = [5, 20, 40, 60][rng.usize(..4)];
    let mut dice = Dice {
        rng,
        kind,
        keys,
        eagerness,
    };
    let setup = dice.setup();
    let mut world = World::new(setup);
    world.witness.keeps = true;
    let mut history = Vec::new();
    for _ in 0..dice.rng.usize(10..90) {
        let step = dice.step(&world);
        match world.step(step) {
            Ok(true) => history.push(step),
            Ok(false) => {}
            Err(why) => {
                history.push(step);
                return Err(cut_down(setup, history, why));
            }
        }
    }
    match world.finish() {
        Ok(()) => Ok(history.len()),
        Err(why) => Err(cut_down(setup, history, why)),
    }
}

/// Leaves out every step that is not needed to break a demand.
fn cut_down(setup: Setup, mut history: Vec<Step>, mut why: String) -> Broken {
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
    Broken {
        setup,
        history,
        why,
    }
}

struct Dice {
    rng: Rng,
    kind: Kind,
    /// How many keys are written to: what goes wrong mostly goes wrong on one.
    keys: usize,
    /// How many of a hundred steps are about messages.
    eagerness: u8,
}

impl Dice {
    fn setup(&mut self) -> Setup {
        Setup {
            store: Store {
                versioned: self.rng.bool(),
                sequencers: self.rng.u8(..8) > 0,
                whole_seconds: self.rng.bool(),
            },
            max_changes: [1, 2, 1_000][self.rng.usize(..3)],
            newest_first: self.rng.bool(),
            fault: self.kind.fault,
        }
    }

    fn margin(&mut self) -> i64 {
        if self.rng.bool() {
            return LEAST_MARGIN;
        }
        self.rng.i64(LEAST_MARGIN..=3_000)
    }

    /// Mostly as far off as may be.
    fn skew(&mut self) -> i64 {
        let most = self.kind.jitter;
        match self.rng.u8(..5) {
            0 | 1 => most,
            2 | 3 => -most,
            _ => self.rng.i64(-most..=most),
        }
    }

    /// A step that may well be possible now.
    fn step(&mut self, world: &World) -> Step {
        if self.rng.u8(..100) < self.eagerness {
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
            _ => self.mishap(),
        }
    }

    fn pause(&mut self) -> i64 {
        match self.rng.u8(..8) {
            0..6 => self.rng.i64(1..1_500),
            6 => 3_000,
            // Long enough for tombstones to go, here and there.
            _ if self.keys == 1 => 70_000,
            _ => 10_000,
        }
    }

    /// What whoever scans does next.
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
        Step::List {
            range,
            margin: self.margin(),
            most: self.rng.usize(1..=3),
        }
    }

    fn mishap(&mut self) -> Step {
        if self.kind.new_rules && self.rng.bool() {
            return Step::NewRules {
                rules: self.rng.usize(..RULES.len()),
                knows_former: self.rng.bool(),
            };
        }
        match self.rng.u8(..4) {
            0 => Step::GiveUp,
            1 => Step::Crash,
            2 => Step::FailNextCommit(Fate::FailsBefore),
            _ => Step::FailNextCommit(Fate::FailsAfter),
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

    /// Something with a message: one that is new or comes again, or one that is worked on.
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
                Stage::WantsPage => Step::LookUp {
                    key,
                    event,
                    margin: self.margin(),
                },
                Stage::Listed { .. } => Step::Decide { key, event },
                Stage::Applied => Step::Commit,
                Stage::Durable => Step::Acknowledge { key, event },
            };
        }
        let message = &queue.messages[self.rng.usize(..queue.messages.len())];
        let (key, event) = (message.key, message.event);
        if self.kind.loses && self.rng.u8(..10) == 0 {
            return Step::Lose { key, event };
        }
        Step::Receive { key, event }
    }
}
