//! The steps that can follow a state of the model, and the check of its demand.

use super::rules::{BrokenRule, Rules};
use super::state::{Listed, Lookup, Scan, State};
use super::{Demand, PACE, Scope};
use crate::core::replication::object::{Object, StorageClass};
use crate::core::replication::order::{CertainEvent, Decision};
use crate::core::replication::record::Record;
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::timestamp::Timestamp;

/// One step of a history.
#[derive(Clone, Copy, Debug)]
#[expect(
    dead_code,
    reason = "the fields are for the reader of a counterexample"
)]
pub(super) enum Step {
    Operation {
        number: usize,
        content: u64,
        at: i64,
    },
    Event {
        number: usize,
        time: i64,
    },
    ScanBegins {
        number: u64,
    },
    /// A page that does not cover the key starts the scan.
    ScanStarts {
        listed_at: i64,
    },
    ScanListsKey(Listed),
    ScanPageApplied,
    ScanAbandoned,
    ScanCompletes {
        as_of: Option<Timestamp>,
    },
    LookupListed(Listed),
    LookupApplied,
    LookupLost,
}

/// The bucket's history, and the rules under test.
pub(super) struct World {
    scope: Scope,
    rules: Rules,
    /// The result of each operation: 0 for a removal, or the number of a content.
    pub(super) contents: Vec<u64>,
    /// By how much the event time of each operation is off.
    pub(super) skews: Vec<i64>,
    sequencers: Vec<Sequencer>,
}

impl World {
    pub(super) fn new(scope: Scope, rules: Rules, contents: Vec<u64>, skews: Vec<i64>) -> Self {
        let sequencer = |number: usize| Sequencer::parse(&number.to_string());
        let sequencers = (1..=contents.len()).map(|number| sequencer(number).unwrap());
        Self {
            scope,
            rules,
            sequencers: sequencers.collect(),
            contents,
            skews,
        }
    }

    /// How the state violates the demand. `None` if it does not.
    pub(super) fn violation(&self, state: &State) -> Option<String> {
        if state.went_back {
            return Some(format!("{:?} is violated", self.scope.demand));
        }
        let all = self.contents.len();
        let is_in_flight = |lookup: &Lookup| matches!(lookup, Lookup::Listed(_));
        let at_rest = state.operations == all
            && state.delivered[..all].iter().all(|times| *times > 0)
            && state.scan == Scan::Idle
            && !state.lookups.iter().any(is_in_flight);
        let indexed = state.record.as_ref().and_then(Record::object);
        let bucket = self.object(all);
        let differs = at_rest && indexed != bucket.as_ref();
        (differs && self.scope.demand != Demand::EventsInOrder)
            .then(|| format!("at rest the index has {indexed:?}, the bucket {bucket:?}"))
    }

    /// All steps that can follow, each with its resulting state.
    pub(super) fn steps(&self, state: &State) -> Vec<(Step, State)> {
        let mut steps = Vec::new();
        self.operate(state, &mut steps);
        self.deliver(state, &mut steps);
        self.scan(state, &mut steps);
        self.look_up(state, &mut steps);
        steps
    }

    fn operate(&self, state: &State, steps: &mut Vec<(Step, State)>) {
        let done = state.operations;
        let Some(content) = self.contents.get(done).copied() else {
            return;
        };
        let mut next = state.clone();
        next.now += self.scope.pace;
        next.event_times[done] = next.now + self.skews[done];
        next.operations += 1;
        let (number, at) = (next.operations, next.now);
        steps.push((
            Step::Operation {
                number,
                content,
                at,
            },
            next,
        ));
    }

    fn deliver(&self, state: &State, steps: &mut Vec<(Step, State)>) {
        for index in 0..state.operations {
            if state.delivered[index] == self.scope.copies {
                continue;
            }
            let mut next = state.clone();
            next.delivered[index] += 1;
            if next.delivered[index] == self.scope.copies {
                // The event is not delivered again, so its time does not matter any more.
                next.event_times[index] = 0;
            }
            let number = index + 1;
            let event = CertainEvent {
                object: self.object(number),
                time: self.timestamp(state.event_times[index]),
                sequencer: self.sequencers[index].clone(),
            };
            let decision = self
                .rules
                .event(state.record.as_ref(), &event, &state.watermarks);
            self.apply_decision(&mut next, decision, number, Some(number));
            let time = state.event_times[index];
            steps.push((Step::Event { number, time }, next));
        }
    }

    fn scan(&self, state: &State, steps: &mut Vec<(Step, State)>) {
        match state.scan {
            Scan::Idle if state.watermarks.scan < self.scope.scans => {
                let mut next = state.clone();
                next.with_source(|source| {
                    source.begin_scan(Vec::new());
                });
                next.scan = Scan::Begun;
                let number = next.watermarks.scan;
                steps.push((Step::ScanBegins { number }, next));
            }
            Scan::Idle => {}
            Scan::Begun => self.list_page_of_scan(state, steps),
            Scan::Listed(page) => {
                let mut next = state.clone();
                self.apply(&mut next, page);
                next.scan = Scan::Applied;
                steps.push((Step::ScanPageApplied, next));
            }
            Scan::Applied => steps.push(self.complete_scan(state)),
        }
        if state.scan != Scan::Idle {
            let mut next = state.clone();
            next.with_source(|source| source.running = None);
            next.scan = Scan::Idle;
            steps.push((Step::ScanAbandoned, next));
        }
    }

    fn list_page_of_scan(&self, state: &State, steps: &mut Vec<(Step, State)>) {
        for lag in self.scope.lags {
            let mut next = state.clone();
            next.now += PACE;
            let listed_at = self.timestamp(next.now - lag);
            let (is_first, listed_at) = next.with_source(|source| {
                if self.rules.has(BrokenRule::ScansStartBeforeTheLastOne) {
                    source.newest_page = None;
                }
                let running = source.running.as_ref();
                let is_first = running.is_some_and(|running| running.started.is_none());
                let listed_at = source.note_page(listed_at);
                (
                    is_first,
                    listed_at.expect("a scan that has begun is running"),
                )
            });
            let page = Listed {
                listed_at: listed_at.as_millis(),
                shows: state.operations,
            };
            if is_first {
                let step = Step::ScanStarts {
                    listed_at: page.listed_at,
                };
                steps.push((step, next.clone()));
            }
            next.scan = Scan::Listed(page);
            steps.push((Step::ScanListsKey(page), next));
        }
    }

    fn complete_scan(&self, state: &State) -> (Step, State) {
        let mut next = state.clone();
        if self.rules.has(BrokenRule::ScansCompleteAsOfTheirEnd) {
            let running = next.running.as_mut();
            let running = running.expect("a scan whose pages are applied is running");
            running.started = Some(self.timestamp(next.now));
        }
        next.with_source(|source| {
            let complete = source.complete_scan();
            complete.expect("a scan whose ranges are done is complete");
        });
        next.scan = Scan::Idle;
        let watermarks = next.watermarks;
        let purgeable = |record: &Record| self.rules.is_purgeable(record, &watermarks);
        if next.record.as_ref().is_some_and(purgeable) {
            self.apply_decision(&mut next, Decision::Erase, 0, None);
        }
        let as_of = watermarks.complete_as_of;
        (Step::ScanCompletes { as_of }, next)
    }

    fn look_up(&self, state: &State, steps: &mut Vec<(Step, State)>) {
        let lookups = &state.lookups[..self.scope.lookups];
        // All unused look-ups are equal, so the first one is enough.
        let unused = lookups.iter().position(|it| *it == Lookup::Unused);
        for lag in self.scope.lags.iter().filter(|_| unused.is_some()) {
            let mut next = state.clone();
            next.now += PACE;
            let page = Listed {
                listed_at: self.timestamp(next.now - lag).as_millis(),
                shows: state.operations,
            };
            next.lookups[unused.unwrap_or_default()] = Lookup::Listed(page);
            steps.push((Step::LookupListed(page), next));
        }
        for (index, lookup) in lookups.iter().enumerate() {
            if let Lookup::Listed(page) = *lookup {
                let mut next = state.clone();
                next.lookups[index] = Lookup::Done;
                steps.push((Step::LookupLost, next.clone()));
                self.apply(&mut next, page);
                steps.push((Step::LookupApplied, next));
            }
        }
    }

    fn apply(&self, next: &mut State, page: Listed) {
        let listed = self.object(page.shows);
        let listed_at = Timestamp::from_millis(page.listed_at);
        let watermarks = next.watermarks;
        let decision = self.rules.page(
            next.record.as_ref(),
            listed.as_ref(),
            listed_at,
            &watermarks,
        );
        self.apply_decision(next, decision, page.shows, None);
    }

    /// Carries out the decision and notes what the demand checks.
    fn apply_decision(
        &self,
        next: &mut State,
        decision: Decision,
        shows: usize,
        event: Option<usize>,
    ) {
        let overwrites = next.record.is_some();
        next.record = match decision {
            Decision::Keep(_) => return,
            Decision::Erase => {
                (next.record, next.shows) = (None, 0);
                return;
            }
            Decision::Write(record) => Some(record),
        };
        match self.scope.demand {
            Demand::EndsEqual => {}
            Demand::NeverGoesBack => {
                next.went_back |= overwrites && shows < next.shows;
                next.shows = shows;
            }
            Demand::EventsInOrder => {
                next.went_back |= event.is_some_and(|number| number <= next.newest_event);
                next.newest_event = event.unwrap_or(next.newest_event);
            }
        }
    }

    /// The object under the key after this number of operations.
    fn object(&self, operations: usize) -> Option<Object> {
        let last = operations.checked_sub(1)?;
        let content = self.contents[last];
        (content > 0).then(|| Object {
            size: content,
            etag: None,
            last_modified: Timestamp::from_millis(0),
            storage_class: StorageClass::Standard,
        })
    }

    fn timestamp(&self, moments: i64) -> Timestamp {
        Timestamp::from_millis(moments * self.scope.moment)
    }
}
