//! The state of one queue that decisions depend on: whether receiving works, whether the queue was drained,
//! and whether events were lost.
//!
//! The consumer and its handler write it. The daemon reads it to decide when to scan and whether events count
//! as followed. It lives as long as the queue is open. It is copied to the status board, but never read from there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::misdirected::{self, Misdirected};
use crate::aws::queue::{QueueAttributes, QueueError, QueueErrorKind};
use crate::core::counters::Counter;
use crate::core::replication::source_state::QueueId;
use crate::observe::status::{QueueHealth, QueueStatus};

/// How long a receive waits for messages if the queue is not known to be drained.
const DRAIN_WAIT: Duration = Duration::from_secs(1);

/// The state of one queue.
#[derive(Debug)]
pub struct QueueState {
    reception: watch::Sender<Reception>,
    attributes: Mutex<Option<QueueAttributes>>,
    missing: Counter,
    given_up: Counter,
    misdirected: Misdirected,
    board: Arc<QueueStatus>,
}

/// How receiving works at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    /// Whether the queue answers.
    pub health: QueueHealth,
    /// Whether there was a moment at which no message was waiting, since receiving started or last failed.
    pub is_drained: bool,
}

impl QueueState {
    /// The state of a queue that has not answered yet. It is shown on `board`.
    pub fn new(board: Arc<QueueStatus>) -> Self {
        board.restart();
        Self {
            reception: watch::Sender::new(Reception {
                health: QueueHealth::Starting,
                is_drained: false,
            }),
            attributes: Mutex::default(),
            missing: Counter::default(),
            given_up: Counter::default(),
            misdirected: Misdirected::default(),
            board,
        }
    }

    /// The status that shows this state.
    pub fn board(&self) -> &QueueStatus {
        &self.board
    }

    /// How receiving works at the moment.
    pub fn reception(&self) -> Reception {
        self.reception.borrow().clone()
    }

    /// Notifies of changes, but not if only the reason of a failure changes.
    pub fn watch(&self) -> watch::Receiver<Reception> {
        self.reception.subscribe()
    }

    /// How long the next receive waits for messages. At most `longest`.
    pub fn receive_wait(&self, longest: Duration) -> Duration {
        let reception = self.reception.borrow();
        match reception.health {
            QueueHealth::Receiving if reception.is_drained => longest,
            QueueHealth::Receiving => longest.min(DRAIN_WAIT),
            // Until the queue has answered once, do not wait for messages: its health must be known soon.
            QueueHealth::Starting | QueueHealth::Failing(_) => Duration::ZERO,
        }
    }

    /// Records a successful receive of that many messages, which waited up to `wait` for the first one.
    ///
    /// An empty response marks the queue as drained only if the receive waited: without a wait, SQS asks only
    /// some of its servers, and the response may be empty although messages are waiting.
    pub fn on_received(&self, messages: usize, wait: Duration) {
        let waited_in_vain = messages == 0 && !wait.is_zero();
        let is_drained = self.reception.borrow().is_drained || waited_in_vain;
        self.set_reception(QueueHealth::Receiving, is_drained);
    }

    /// Records a failed receive. The queue no longer counts as drained.
    pub fn on_receive_failed(&self, error: &QueueError) {
        if error.kind == QueueErrorKind::NoSuchQueue {
            self.missing.add(1);
        }
        self.set_reception(QueueHealth::Failing(error.to_string()), false);
    }

    /// Records that handling a message has failed so often that the queue may drop it.
    pub fn on_given_up(&self) {
        self.given_up.add(1);
    }

    /// Counts an event of a bucket that no Source has. `similar` is the bucket of a Source whose name differs only in
    /// the case of its letters.
    pub(super) fn note_other_bucket(&self, name: &str, similar: Option<&str>) {
        self.misdirected
            .note_other_bucket(&self.board, name, similar);
    }

    /// Counts a record of CloudTrail about a bucket. Its name is empty if the record has none.
    pub(super) fn note_cloudtrail(&self, bucket: &str) {
        misdirected::note_cloudtrail(&self.board, bucket);
    }

    /// Counts an event of a key that is not UTF-8. `text` shows the key to people.
    pub(super) fn note_unusable_key(&self, text: &str) {
        misdirected::note_unusable_key(&self.board, text);
    }

    /// The number of receives that failed because the queue does not exist. After each of them, the messages of
    /// the queue may be lost.
    pub fn missing(&self) -> u64 {
        self.missing.get()
    }

    /// Grows if events may have been lost, so that only a scan can find what they reported.
    pub fn losses(&self) -> u64 {
        self.missing.get() + self.given_up.get()
    }

    /// The latest known attributes. `None` if they could not be requested yet.
    pub fn attributes(&self) -> Option<QueueAttributes> {
        self.lock_attributes().clone()
    }

    /// Records the attributes.
    pub fn set_attributes(&self, attributes: QueueAttributes) {
        *self.lock_attributes() = Some(attributes.clone());
        self.board.set_attributes(attributes);
    }

    /// Identifies the queue, as far as it is known.
    pub fn id(&self) -> QueueId {
        let attributes = self.attributes();
        QueueId {
            url: self.board.url.clone(),
            created: attributes.and_then(|attributes| attributes.created),
        }
    }

    /// Notifies the watchers if it is another kind of health than before, or another mark.
    fn set_reception(&self, health: QueueHealth, is_drained: bool) {
        self.reception.send_if_modified(|known| {
            let is_new = std::mem::discriminant(&known.health) != std::mem::discriminant(&health);
            let is_changed = is_new || known.is_drained != is_drained;
            *known = Reception {
                health: health.clone(),
                is_drained,
            };
            is_changed
        });
        self.board.set_health(health);
    }

    fn lock_attributes(&self) -> MutexGuard<'_, Option<QueueAttributes>> {
        // A panic cannot leave it half-written: each holder stores one value.
        self.attributes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::queue::QueueOperation;
    use crate::observe::status::StatusBoard;

    const LONGEST: Duration = Duration::from_secs(20);

    fn state() -> QueueState {
        QueueState::new(StatusBoard::new("/nowhere".into()).queue("url"))
    }

    fn error(kind: QueueErrorKind) -> QueueError {
        QueueError::new(QueueOperation::Receive, "url", kind, "planned by a test")
    }

    /// Receives with the wait that the state asks for.
    fn receive(state: &QueueState, messages: usize) {
        state.on_received(messages, state.receive_wait(LONGEST));
    }

    #[test]
    fn empty_receive_marks_the_queue_as_drained_only_if_it_waited() {
        for (messages, wait, is_drained) in [
            (0, Duration::ZERO, false),
            (0, DRAIN_WAIT, true),
            (0, LONGEST, true),
            (1, Duration::ZERO, false),
            (1, LONGEST, false),
        ] {
            let state = state();
            state.on_received(messages, wait);
            assert_eq!(
                state.reception().is_drained,
                is_drained,
                "{messages} messages, {wait:?}"
            );
        }
    }

    #[test]
    fn later_messages_do_not_clear_the_mark() {
        let state = state();
        state.on_received(0, LONGEST);
        state.on_received(3, LONGEST);
        state.on_received(0, Duration::ZERO);
        assert!(state.reception().is_drained);
    }

    #[test]
    fn failed_receive_clears_the_mark() {
        let state = state();
        state.on_received(0, LONGEST);
        state.on_receive_failed(&error(QueueErrorKind::Connection));
        assert!(!state.reception().is_drained);
        // It takes a receive that waits to set the mark again.
        receive(&state, 0);
        assert!(!state.reception().is_drained);
        receive(&state, 0);
        assert!(state.reception().is_drained);
    }

    #[test]
    fn waits_as_long_as_possible_only_after_the_queue_was_drained() {
        let state = state();
        assert_eq!(state.receive_wait(LONGEST), Duration::ZERO);
        receive(&state, 0);
        assert_eq!(state.receive_wait(LONGEST), DRAIN_WAIT);
        receive(&state, 1);
        assert_eq!(state.receive_wait(LONGEST), DRAIN_WAIT);
        receive(&state, 0);
        assert_eq!(state.receive_wait(LONGEST), LONGEST);
        state.on_receive_failed(&error(QueueErrorKind::Throttled));
        assert_eq!(state.receive_wait(LONGEST), Duration::ZERO);
    }

    #[test]
    fn watchers_see_changes_of_health_and_of_the_mark() {
        let state = state();
        let mut watch = state.watch();
        let mut changed = || {
            let changed = watch.has_changed().unwrap();
            watch.mark_unchanged();
            changed
        };
        state.on_received(0, Duration::ZERO);
        assert!(changed());
        state.on_received(0, Duration::ZERO);
        assert!(!changed());
        state.on_received(0, LONGEST);
        assert!(changed());
        state.on_receive_failed(&error(QueueErrorKind::Connection));
        assert!(changed());
        state.on_receive_failed(&error(QueueErrorKind::Throttled));
        assert!(!changed());
        state.on_received(1, Duration::ZERO);
        assert!(changed());
    }

    #[test]
    fn counts_losses() {
        let state = state();
        state.on_receive_failed(&error(QueueErrorKind::Connection));
        assert_eq!((state.missing(), state.losses()), (0, 0));
        state.on_receive_failed(&error(QueueErrorKind::NoSuchQueue));
        state.on_given_up();
        assert_eq!((state.missing(), state.losses()), (1, 2));
    }

    #[test]
    fn board_shows_the_state() {
        let state = state();
        let board = StatusBoard::new("/nowhere".into()).queue("other");
        let other = QueueState::new(Arc::clone(&board));
        assert_eq!(board.health(), QueueHealth::Starting);
        other.on_received(0, LONGEST);
        assert_eq!(board.health(), QueueHealth::Receiving);
        other.on_receive_failed(&error(QueueErrorKind::Connection));
        assert_eq!(board.health(), other.reception().health);
        // A later session starts from the beginning, also on the board.
        drop(QueueState::new(Arc::clone(&board)));
        assert_eq!(board.health(), QueueHealth::Starting);
        assert_eq!(state.board().health(), QueueHealth::Starting);
    }
}
