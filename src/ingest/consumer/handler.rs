//! Brings one message into the index: decode, route, apply, look up keys, and say whether the message
//! may be acknowledged.
//!
//! It neither receives nor acknowledges. If it returns [`MessageOutcome::Done`], all effects of the
//! message are committed.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::event_log;
use super::look_up::{self, LookUpError};
use super::queue_state::QueueState;
use super::routes::{ActiveSource, Routes, SharedRoutes};
use crate::aws::queue::Message;
use crate::concurrency::ConcurrencyLimit;
use crate::core::replication::notification::{EventMeaning, Notification, ObjectEvent, decode};
use crate::core::replication::order::{AmbiguousEvent, CertainEvent};
use crate::core::replication::timestamp::Timestamp;
use crate::index::IndexError;
use crate::index::ledger::{EventOutcome, EventReport, KeyEvent};
use crate::index::writer::IndexHandle;
use crate::observe::status::{self, SourceCondition};

/// How far a store's clock may be ahead of the queue's before event times are not trusted.
const MAX_CLOCK_LEAD: Duration = Duration::from_secs(60);

/// From this delivery on, a message that failed or had to wait counts as one that the queue may drop.
pub const FAILS_EVERY_TIME: u32 = 5;

/// Handles the messages of one queue, any number at the same time.
pub struct Handler {
    /// Which Sources an event concerns.
    pub routes: SharedRoutes,
    /// The current index.
    pub index: IndexHandle,
    /// The index of a running rebuild. It gets every event too.
    pub rebuild_index: Option<IndexHandle>,
    /// Limits how many keys are looked up at the same time, of all queues.
    pub look_ups: ConcurrencyLimit,
    /// If cancelled, look-ups end and their messages wait for redelivery.
    pub stop: CancellationToken,
    /// The state of the queue.
    pub queue: Arc<QueueState>,
}

/// The outcome of handling a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// All its effects are committed. The caller must acknowledge it.
    Done,
    /// It concerns a Source that is not ready for it. It must be redelivered.
    NotYet,
    /// It cannot be decoded, for this reason.
    Unreadable(String),
    /// Handling failed this time, for this reason.
    Failed(String),
}

/// One event for one Source.
struct RoutedEvent {
    active: Arc<ActiveSource>,
    key: String,
    /// The name of the event.
    name: String,
    event: KeyEvent,
    time: Option<Timestamp>,
}

impl RoutedEvent {
    fn log(&self, settled: &Result<EventOutcome, LookUpError>, looked_up: bool) {
        let outcome = match settled {
            Ok(applied) => event_log::applied_outcome(*applied),
            Err(error) => event_log::failed_outcome(error),
        };
        let source = Some(self.active.source.name.as_str());
        event_log::log(source, &self.key, &self.name, outcome, looked_up);
    }
}

impl Handler {
    /// Handles a message.
    ///
    /// # Errors
    ///
    /// Only if the index fails. Then the outcome is unknown.
    pub async fn handle(&self, message: &Message) -> Result<MessageOutcome, IndexError> {
        let mut routes = self.routes.watch();
        loop {
            let current = Arc::clone(&routes.borrow_and_update());
            if let Some(outcome) = self.handle_with(&current, message).await? {
                return Ok(outcome);
            }
            // A new configuration changes or removes one of its Sources. The loop has no other bound: each turn
            // waits for a new configuration.
            let is_changed = tokio::select! {
                // The last routes arrive together with the stop, and are still used.
                biased;
                changed = routes.changed() => changed.is_ok(),
                () = self.stop.cancelled() => false,
            };
            if !is_changed {
                return Ok(MessageOutcome::NotYet);
            }
        }
    }

    /// Handles a message with these routes. `None` if one of its Sources was ended meanwhile. Then some of its
    /// events may have been applied, which does no harm if they are applied again.
    async fn handle_with(
        &self,
        routes: &Routes,
        message: &Message,
    ) -> Result<Option<MessageOutcome>, IndexError> {
        let events = match decode(&message.body) {
            Err(error) => return Ok(Some(MessageOutcome::Unreadable(error.to_string()))),
            Ok(Notification::Test { bucket }) => {
                self.note_wired(routes, bucket.as_deref()).await?;
                return Ok(Some(MessageOutcome::Done));
            }
            Ok(Notification::Events(events)) => events,
        };
        // A record of CloudTrail does not show that the bucket sends its events.
        let is_sent_by_bucket = |event: &&ObjectEvent| event.meaning != EventMeaning::CloudTrail;
        if let Some(event) = events.first().filter(is_sent_by_bucket) {
            self.note_wired(routes, Some(&event.bucket)).await?;
        }
        let mut routed = Vec::with_capacity(events.len());
        for event in events {
            self.route(routes, event, message.sent, &mut routed);
        }
        let work = routed.iter().map(|routed| routed.active.begin_work());
        let Some(_work) = work.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        if routed.is_empty() {
            return Ok(Some(MessageOutcome::Done));
        }
        let applied = self.apply_routed(&routed, message);
        until_any_ends(&routed, applied).await.transpose()
    }

    /// Applies the events of a message. If the queue may drop the message although they are not applied, records
    /// that they are lost.
    async fn apply_routed(
        &self,
        routed: &[RoutedEvent],
        message: &Message,
    ) -> Result<MessageOutcome, IndexError> {
        let report = |routed: &RoutedEvent| EventReport {
            source: routed.active.id,
            key: routed.key.clone(),
            event: routed.event.clone(),
        };
        let reports: Vec<_> = routed.iter().map(report).collect();
        let outcome = self.apply_to_all(routed, reports).await?;
        let is_failed = matches!(outcome, MessageOutcome::Failed(_));
        // A look-up that ended because of the stop does not wait for a move.
        let waits = outcome == MessageOutcome::NotYet && !self.stop.is_cancelled();
        if (is_failed || waits) && message.receive_count >= FAILS_EVERY_TIME {
            // The queue may drop the message before it succeeds. A scan will find what it reported.
            self.queue.on_given_up();
            for routed in routed {
                let (id, time) = (routed.active.id, routed.event.to_ambiguous().time);
                if waits {
                    self.index.give_up_waiting_event(id, time).await?;
                } else {
                    self.index.give_up_event(id, time).await?;
                }
            }
        }
        Ok(outcome)
    }

    /// Applies the events to the current index, and to the one of a running rebuild.
    async fn apply_to_all(
        &self,
        routed: &[RoutedEvent],
        reports: Vec<EventReport>,
    ) -> Result<MessageOutcome, IndexError> {
        let Some(rebuild_index) = &self.rebuild_index else {
            return self.apply(&self.index, routed, reports).await;
        };
        let (current, rebuilt) = tokio::join!(
            self.apply(&self.index, routed, reports.clone()),
            self.apply(rebuild_index, routed, reports)
        );
        Ok(match (current?, rebuilt?) {
            (MessageOutcome::Done, rebuilt) => rebuilt,
            (current, _) => current,
        })
    }

    async fn apply(
        &self,
        index: &IndexHandle,
        routed: &[RoutedEvent],
        reports: Vec<EventReport>,
    ) -> Result<MessageOutcome, IndexError> {
        let applied = index.apply_events(reports).await?;
        self.finish(index, routed, applied).await
    }

    /// Records the first proof that the bucket's events reach this queue.
    async fn note_wired(&self, routes: &Routes, bucket: Option<&str>) -> Result<(), IndexError> {
        let sources = bucket.map(|bucket| routes.of_bucket(bucket));
        let sources = sources.into_iter().flatten();
        let new = sources.filter_map(|active| {
            let work = active.begin_work()?;
            active.set_wired().then_some((active.id, work))
        });
        let (new, _work): (Vec<_>, Vec<_>) = new.unzip();
        if !new.is_empty() {
            let board = self.queue.board();
            board.set_wired();
            self.index.note_wired(new, board.url.clone()).await?;
        }
        Ok(())
    }

    /// Finds the Sources that an event concerns and what it means to each, and adds them to `routed`.
    fn route(
        &self,
        routes: &Routes,
        event: ObjectEvent,
        sent: Option<Timestamp>,
        routed: &mut Vec<RoutedEvent>,
    ) {
        let counters = &self.queue.board().counters;
        if let Some(outcome) = event_log::irrelevant_outcome(&event.meaning) {
            event_log::log_skipped(None, &event, outcome);
        }
        // The event happened before its message was sent, and certainly before now.
        let sent = sent.unwrap_or_else(status::now);
        let meaning = match &event.meaning {
            EventMeaning::Irrelevant => return counters.irrelevant.add(1),
            EventMeaning::Unknown => return counters.unknown.add(1),
            EventMeaning::UnusableKey => return self.queue.note_unusable_key(&event.key),
            EventMeaning::CloudTrail => return self.queue.note_cloudtrail(&event.bucket),
            EventMeaning::Certain(event) => trust_until(sent, event.clone()),
            EventMeaning::LookUp { time, sequencer } => KeyEvent::Ambiguous(AmbiguousEvent {
                time: time.map_or(sent, |time| time.min(sent)),
                sequencer: sequencer.clone(),
            }),
        };
        let mut sources = routes.of(&event.bucket, &event.key).peekable();
        if sources.peek().is_none() {
            event_log::log_skipped(None, &event, "skipped: no Source has its bucket and prefix");
            if routes.of_bucket(&event.bucket).next().is_none() {
                let similar = routes.similar_bucket(&event.bucket);
                self.queue.note_other_bucket(&event.bucket, similar);
            }
            return counters.unrouted.add(1);
        }
        for active in sources {
            match admitted(active, &event.key, meaning.clone()) {
                None => {
                    let source = Some(active.source.name.as_str());
                    event_log::log_skipped(source, &event, "not admitted by the rules");
                    counters.not_admitted.add(1);
                }
                Some(meaning) => routed.push(RoutedEvent {
                    active: Arc::clone(active),
                    key: event.key.clone(),
                    name: event.name.clone(),
                    event: meaning,
                    time: event.time,
                }),
            }
        }
    }

    /// Looks up the keys that must be listed, and logs and counts the outcomes.
    async fn finish(
        &self,
        index: &IndexHandle,
        routed: &[RoutedEvent],
        applied: Vec<EventOutcome>,
    ) -> Result<MessageOutcome, IndexError> {
        let mut outcome = MessageOutcome::Done;
        // Each event is counted and logged once, for the current index.
        let is_current = index.is_same_index(&self.index);
        for (routed, applied) in routed.iter().zip(applied) {
            let looked_up = applied == EventOutcome::NeedsLookUp;
            let settled = match applied {
                EventOutcome::NeedsLookUp => {
                    let event = routed.event.to_ambiguous();
                    self.look_up(index, routed, &event).await
                }
                EventOutcome::NotYet => Err(LookUpError::NotYet),
                applied => Ok(applied),
            };
            if is_current {
                routed.log(&settled, looked_up);
            }
            match settled {
                Ok(applied) if is_current => count(routed, applied),
                Ok(_) => {}
                Err(LookUpError::Index(error)) => return Err(error),
                Err(LookUpError::NotYet) if outcome == MessageOutcome::Done => {
                    outcome = MessageOutcome::NotYet;
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
        routed: &RoutedEvent,
        event: &AmbiguousEvent,
    ) -> Result<EventOutcome, LookUpError> {
        let active = &routed.active;
        let look_up = look_up::run(active, index, &self.look_ups, &routed.key, event);
        // Boxed because it is rare, and larger than everything else that a message in flight takes.
        let look_up = Box::pin(look_up);
        let Some(applied) = self.stop.run_until_cancelled(look_up).await else {
            return Err(LookUpError::NotYet);
        };
        let source = &active.source.name;
        match &applied {
            Ok(_) if active.board.recover(SourceCondition::LookUp) => {
                tracing::info!(source, "look-ups succeed again");
            }
            Err(error @ (LookUpError::Bucket(_) | LookUpError::TimedOut))
                if active
                    .board
                    .raise(SourceCondition::LookUp, error.to_string()) =>
            {
                tracing::warn!(source, %error, "look-up failed; the message waits for redelivery");
            }
            _ => {}
        }
        applied
    }
}

/// Runs `work` until one of the Sources of the events is ended. Then `work` is dropped, and the result is `None`.
async fn until_any_ends<T>(routed: &[RoutedEvent], work: impl Future<Output = T>) -> Option<T> {
    let first = routed.first()?.active.ending();
    let others = routed[1..].iter().map(|routed| routed.active.ending());
    // Almost every message has one event.
    let mut others: Vec<_> = others.map(|ending| Box::pin(ending.cancelled())).collect();
    let mut work = pin!(work);
    let work = std::future::poll_fn(|context| {
        let mut others = others.iter_mut();
        if others.any(|ending| ending.as_mut().poll(context).is_ready()) {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    });
    first.run_until_cancelled(work).await.flatten()
}

/// The event as it is, unless its time is after its message was sent: for that long no page would be
/// newer than the event. Then its key is looked up instead.
fn trust_until(sent: Timestamp, event: CertainEvent) -> KeyEvent {
    if event.time.minus(MAX_CLOCK_LEAD) <= sent {
        return KeyEvent::Certain(event);
    }
    KeyEvent::Ambiguous(AmbiguousEvent {
        time: sent,
        sequencer: Some(event.sequencer),
    })
}

/// The event as it applies to a Source by its rules. `None` if it does not concern the Source.
fn admitted(active: &ActiveSource, key: &str, meaning: KeyEvent) -> Option<KeyEvent> {
    /// Stands for the unknown size of a removed object: any size except that of a folder marker, 0.
    const ANY_SIZE: u64 = 1;
    let source = &active.source;
    let object = match &meaning {
        KeyEvent::Certain(event) => event.object.as_ref(),
        KeyEvent::Ambiguous(_) => None,
    };
    if source.admits(key, object.map_or(ANY_SIZE, |object| object.size)) {
        return Some(meaning);
    }
    // A folder marker was written over an object that may have been an asset: remove the asset.
    match meaning {
        KeyEvent::Certain(event) if source.admits(key, ANY_SIZE) => {
            Some(KeyEvent::Certain(CertainEvent {
                object: None,
                ..event
            }))
        }
        _ => None,
    }
}

/// Counts a settled event, and its lag if it was written.
fn count(routed: &RoutedEvent, applied: EventOutcome) {
    let board = &routed.active.board;
    match applied {
        EventOutcome::Written => {
            board.written.add(1);
            if let Some(time) = routed.time {
                let millis = status::now().as_millis().saturating_sub(time.as_millis());
                let millis = u64::try_from(millis).unwrap_or(0);
                board.saw_event(time);
                board.lag.record(Duration::from_millis(millis));
            }
        }
        _ => board.stale.add(1),
    }
}

#[cfg(test)]
mod tests;
