//! From one message to the index: decode, route, apply, look up what must be, and say whether the
//! message may be acknowledged.
//!
//! It receives and acknowledges nothing. When it answers [`MessageOutcome::Done`], everything that the message
//! says is committed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::event_log;
use super::look_up::{self, LookUpError};
use super::routes::{ActiveSource, Routes};
use crate::aws::queue::Message;
use crate::core::replication::notification::{EventMeaning, Notification, ObjectEvent, decode};
use crate::core::replication::order::{AmbiguousEvent, CertainEvent};
use crate::core::replication::timestamp::Timestamp;
use crate::index::IndexError;
use crate::index::ledger::{Applied, EventReport, Told};
use crate::index::writer::IndexHandle;
use crate::observe::status::{self, QueueBoard, Trouble};

/// By how much the clock of a store may be ahead of the queue's before its event times are not believed.
const MAX_CLOCK_LEAD: Duration = Duration::from_secs(60);

/// From this delivery on, a message whose handling failed counts as one that fails every time.
pub const FAILS_EVERY_TIME: u32 = 5;

/// Handles the messages of one queue; any number at the same time.
pub struct Handler {
    /// Whom they concern.
    pub routes: Routes,
    /// Where their effects go.
    pub index: IndexHandle,
    /// An index that is built to take that one's place, which must miss nothing either.
    pub rebuild_index: Option<IndexHandle>,
    /// How many keys may be listed alone at the same time.
    pub look_ups: Arc<Semaphore>,
    /// When it is cancelled no key is listed any more: what needs that is to come again.
    pub stop: CancellationToken,
    /// Where they are counted.
    pub board: Arc<QueueBoard>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// All that it says is committed: it is to be acknowledged.
    Done,
    /// It concerns a Source that is not ready for it: it is to come again.
    NotYet,
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It could not be handled this time, for this reason.
    Failed(String),
}

/// One event for one Source.
struct Task {
    active: Arc<ActiveSource>,
    key: String,
    /// The name of the event.
    event: String,
    told: Told,
    time: Option<Timestamp>,
}

impl Task {
    /// Tells what became of it.
    fn tell(&self, settled: &Result<Applied, LookUpError>, looked_up: bool) {
        let became = match settled {
            Ok(applied) => event_log::of_applied(*applied),
            Err(error) => event_log::of_failed(error),
        };
        let source = Some(self.active.source.name.as_str());
        event_log::tell(source, &self.key, &self.event, became, looked_up);
    }
}

impl Handler {
    /// Handles a message. An error is one of the index, and nothing is known of the message then.
    pub async fn handle(&self, message: &Message) -> Result<MessageOutcome, IndexError> {
        let events = match decode(&message.body) {
            Err(unreadable) => return Ok(MessageOutcome::Unreadable(unreadable.to_string())),
            Ok(Notification::Test { bucket }) => {
                self.note_wired(bucket.as_deref()).await?;
                return Ok(MessageOutcome::Done);
            }
            Ok(Notification::Events(events)) => events,
        };
        if let Some(event) = events.first() {
            self.note_wired(Some(&event.bucket)).await?;
        }
        let mut tasks = Vec::with_capacity(events.len());
        for event in events {
            self.route(event, message.sent, &mut tasks);
        }
        if tasks.is_empty() {
            return Ok(MessageOutcome::Done);
        }
        let report = |task: &Task| EventReport {
            source: task.active.id,
            key: task.key.clone(),
            event: task.told.clone(),
        };
        let reports: Vec<_> = tasks.iter().map(report).collect();
        let outcome = self.settle_everywhere(&tasks, reports).await?;
        if matches!(outcome, MessageOutcome::Failed(_)) && message.receive_count >= FAILS_EVERY_TIME
        {
            // The queue may give it up before it can be handled: a scan finds what it would have told.
            self.board.counters.given_up.add(1);
            for task in &tasks {
                let time = task.told.to_ambiguous().time;
                self.index.give_up_event(task.active.id, time).await?;
            }
        }
        Ok(outcome)
    }

    /// Brings the events into the index, and into one that is built beside it.
    async fn settle_everywhere(
        &self,
        tasks: &[Task],
        reports: Vec<EventReport>,
    ) -> Result<MessageOutcome, IndexError> {
        let Some(rebuild_index) = &self.rebuild_index else {
            return self.settle(&self.index, tasks, reports).await;
        };
        let (here, there) = tokio::join!(
            self.settle(&self.index, tasks, reports.clone()),
            self.settle(rebuild_index, tasks, reports)
        );
        Ok(match (here?, there?) {
            (MessageOutcome::Done, there) => there,
            (here, _) => here,
        })
    }

    /// Brings the events into an index.
    async fn settle(
        &self,
        index: &IndexHandle,
        tasks: &[Task],
        reports: Vec<EventReport>,
    ) -> Result<MessageOutcome, IndexError> {
        let applied = index.apply_events(reports).await?;
        self.finish(index, tasks, applied).await
    }

    /// Remembers the first proof that the events of a bucket come to this queue.
    async fn note_wired(&self, bucket: Option<&str>) -> Result<(), IndexError> {
        let concerned = bucket.map(|bucket| self.routes.of_bucket(bucket));
        let concerned = concerned.into_iter().flatten();
        let new: Vec<_> = concerned
            .filter(|active| active.board.set_wired())
            .map(|active| active.id)
            .collect();
        if !new.is_empty() {
            self.board.set_wired();
            self.index.note_wired(new, self.board.url.clone()).await?;
        }
        Ok(())
    }

    /// Finds whom an event concerns, and what it tells them.
    fn route(&self, event: ObjectEvent, sent: Option<Timestamp>, tasks: &mut Vec<Task>) {
        let counters = &self.board.counters;
        if let Some(why) = event_log::of_no_concern(&event.meaning) {
            event_log::tell_passed_over(None, &event, why);
        }
        let told = match &event.meaning {
            EventMeaning::Irrelevant => return counters.irrelevant.add(1),
            EventMeaning::Unknown => return counters.unknown.add(1),
            EventMeaning::Certain(event) => {
                certain(event.clone(), sent.unwrap_or_else(status::now))
            }
            EventMeaning::LookUp(look_up) => {
                // It had happened when its message was sent, and at the latest now.
                let sent = sent.unwrap_or_else(status::now);
                Told::Ambiguous(AmbiguousEvent {
                    time: look_up.time.map_or(sent, |time| time.min(sent)),
                    sequencer: look_up.sequencer.clone(),
                })
            }
        };
        let mut concerned = self.routes.of(&event.bucket, &event.key).peekable();
        if concerned.peek().is_none() {
            event_log::tell_passed_over(
                None,
                &event,
                "passed over: no Source is of its bucket and folder",
            );
            return counters.unrouted.add(1);
        }
        for active in concerned {
            match admitted(active, &event.key, told.clone()) {
                None => {
                    let source = Some(active.source.name.as_str());
                    event_log::tell_passed_over(source, &event, "not admitted by the rules");
                    counters.not_admitted.add(1);
                }
                Some(told) => tasks.push(Task {
                    active: Arc::clone(active),
                    key: event.key.clone(),
                    event: event.name.clone(),
                    told,
                    time: event.time,
                }),
            }
        }
    }

    /// Looks up what must be, and counts what is done.
    async fn finish(
        &self,
        index: &IndexHandle,
        tasks: &[Task],
        applied: Vec<Applied>,
    ) -> Result<MessageOutcome, IndexError> {
        let mut outcome = MessageOutcome::Done;
        // Of one that is built beside it, nothing is counted or told.
        let is_live = index.is_same_index(&self.index);
        for (task, applied) in tasks.iter().zip(applied) {
            let looked_up = applied == Applied::LookUp;
            let settled = match applied {
                Applied::LookUp => {
                    let event = task.told.to_ambiguous();
                    self.look_up(index, task, &event).await
                }
                Applied::NotYet => Err(LookUpError::NotYet),
                applied => Ok(applied),
            };
            if is_live {
                task.tell(&settled, looked_up);
            }
            match settled {
                Ok(applied) if is_live => count(task, applied),
                Ok(_) => {}
                Err(LookUpError::Index(error)) => return Err(error),
                Err(LookUpError::NotYet) if outcome == MessageOutcome::Done => {
                    outcome = MessageOutcome::NotYet
                }
                Err(LookUpError::NotYet) => {}
                Err(error) => outcome = MessageOutcome::Failed(error.to_string()),
            }
        }
        Ok(outcome)
    }

    async fn look_up(
        &self,
        index: &IndexHandle,
        task: &Task,
        event: &AmbiguousEvent,
    ) -> Result<Applied, LookUpError> {
        let active = &task.active;
        let running = look_up::run(active, index, &self.look_ups, &task.key, event);
        // Boxed: it is rare, and so large that it would be most of what a message in hand takes.
        let running = Box::pin(running);
        let Some(applied) = self.stop.run_until_cancelled(running).await else {
            return Err(LookUpError::NotYet);
        };
        let source = &active.source.name;
        match &applied {
            Ok(_) if active.board.recover(Trouble::LookUp) => {
                tracing::info!(source, "keys can be looked up again");
            }
            Err(error @ (LookUpError::Bucket(_) | LookUpError::TimedOut))
                if active.board.suffer(Trouble::LookUp, error.to_string()) =>
            {
                tracing::warn!(source, %error, "a key cannot be looked up; its event waits");
            }
            _ => {}
        }
        applied
    }
}

/// An event as it stands, unless it says that it happened after its message was sent: then no page could
/// be newer for as long, so its key is listed.
fn certain(event: CertainEvent, sent: Timestamp) -> Told {
    if event.time.minus(MAX_CLOCK_LEAD) <= sent {
        return Told::Certain(event);
    }
    Told::Ambiguous(AmbiguousEvent {
        time: sent,
        sequencer: Some(event.sequencer),
    })
}

/// What an event tells a Source by its rules; `None` where it does not concern it.
fn admitted(active: &ActiveSource, key: &str, told: Told) -> Option<Told> {
    /// A removal tells no size: 1 asks whether a key that is no folder marker is admitted.
    const ANY_SIZE: u64 = 1;
    let source = &active.source;
    let object = match &told {
        Told::Certain(event) => event.object.as_ref(),
        Told::Ambiguous(_) => None,
    };
    if source.admits(key, object.map_or(ANY_SIZE, |object| object.size)) {
        return Some(told);
    }
    // A folder marker took the place of what may have been an asset.
    match told {
        Told::Certain(event) if source.admits(key, ANY_SIZE) => Some(Told::Certain(CertainEvent {
            object: None,
            ..event
        })),
        _ => None,
    }
}

/// Counts an event that is settled, and how long that took.
fn count(task: &Task, applied: Applied) {
    let board = &task.active.board;
    match applied {
        Applied::Written => {
            board.written.add(1);
            if let Some(time) = task.time {
                let millis = status::now().as_millis().saturating_sub(time.as_millis());
                let millis = u64::try_from(millis).unwrap_or(0);
                board.lag.record(Duration::from_millis(millis));
            }
        }
        _ => board.stale.add(1),
    }
}
