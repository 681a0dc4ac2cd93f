//! The writer thread: it owns the ledger and handles the requests of asynchronous tasks one by one.
//!
//! Requests wait in a bounded channel, so a scan cannot get far ahead of the index. After an error the thread
//! ends, and every waiting or later request gets that error. Commits from before the error stay, and the next
//! start continues from them. This module does not decide what a request changes: the ledger does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ledger::{
    AttachRequest, Attachment, CopiedRecords, EventOutcome, EventReport, Ledger, LookUpReport,
    PageReport, ScanPlan, ScanRequest, UnconfiguredSource,
};
use super::{Compaction, Engine, IndexError};
use crate::core::replication::source_state::{QueueId, SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;
use crate::core::source::Source;
use inbox::Inbox;

mod inbox;

/// Maximum number of requests that wait for the thread. A page takes about 300 KB.
const MAX_WAITING: usize = 16;
/// Time after which an idle thread checks again whether a commit is due.
const IDLE_CHECK: Duration = Duration::from_secs(1);

/// When a complete scan is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitTiming {
    /// Immediately.
    Immediate,
    /// After the interval of events at the latest. Until then, other scans that complete share the commit.
    Shared,
}

type Reply<T> = oneshot::Sender<Result<T, IndexError>>;

enum Request {
    BeginScan(ScanRequest, Reply<ScanPlan>),
    Page(PageReport),
    CompleteScan(SourceId, CommitTiming, Reply<Option<Timestamp>>),
    RemoveUnconfigured(Vec<Arc<Source>>, Reply<Vec<UnconfiguredSource>>),
    Attach(
        Vec<AttachRequest>,
        Reply<Vec<Result<Attachment, IndexError>>>,
    ),
    Detach(String, Reply<()>),
    Detached(Reply<Vec<String>>),
    TakeOver(Box<SourceState>, Reply<()>),
    ReplaceRecords(CopiedRecords, Reply<()>),
    Follow(SourceId, QueueId, Reply<()>),
    EventsLost(SourceId, Reply<()>),
    GiveUpEvent(SourceId, Timestamp, Reply<()>),
    GiveUpWaitingEvent(SourceId, Timestamp, Reply<()>),
    Unfollow(Vec<SourceId>),
    Wired(Vec<SourceId>, String),
    State(SourceId, Reply<SourceState>),
    Events(Vec<EventReport>, Reply<Vec<EventOutcome>>),
    LookUp(LookUpReport, Reply<EventOutcome>),
    Compact(Reply<Compaction>),
    FinishCompaction(Reply<()>),
}

/// Replies that are sent after the commit that makes their events or their complete scan durable. A Source has one
/// scan at a time, and the consumer limits the events.
#[derive(Default)]
struct CommitWaiters {
    replies: Vec<DeferredReply>,
    /// When the first reply began to wait.
    since: Option<Instant>,
}

/// Sends a reply. The receiver may be gone. Then a message is delivered again, and finds its effect in the
/// index.
type DeferredReply = Box<dyn FnOnce() + Send>;

impl CommitWaiters {
    /// When the commit that they wait for is due. `None` if no reply waits.
    fn due(&self, interval: Duration) -> Option<Instant> {
        self.since.map(|since| since + interval)
    }

    fn add<T: Send + 'static>(&mut self, reply: Reply<T>, result: T) {
        self.since.get_or_insert_with(Instant::now);
        self.replies.push(Box::new(move || {
            let _ = reply.send(Ok(result));
        }));
    }

    /// Sends all replies. Call it when everything that was applied is committed.
    fn reply_all(&mut self) {
        self.since = None;
        self.replies.drain(..).for_each(|reply| reply());
    }
}

/// Sends requests to the writer thread. Clones send to the same thread.
#[derive(Clone, Debug)]
pub struct IndexHandle {
    requests: mpsc::Sender<Request>,
    failure: Arc<OnceLock<IndexError>>,
    heartbeat: Arc<AtomicU64>,
}

/// The writer thread, to wait for its end.
#[derive(Debug)]
pub struct IndexThread {
    thread: JoinHandle<Result<(), IndexError>>,
}

/// Starts the writer thread. It ends after the last handle is dropped, or after an error.
///
/// Call it inside a tokio runtime.
pub fn start<E: Engine>(ledger: Ledger<E>) -> Result<(IndexHandle, IndexThread), IndexError> {
    let (requests, inbox) = mpsc::channel(MAX_WAITING);
    let failure = Arc::new(OnceLock::new());
    let shared = Arc::clone(&failure);
    let heartbeat = ledger.heartbeat();
    let thread_heartbeat = Arc::clone(&heartbeat);
    let runtime = Handle::current();
    let thread = thread::Builder::new()
        .name("index-writer".to_owned())
        .spawn(move || run(ledger, inbox, &shared, &thread_heartbeat, &runtime))
        .map_err(IndexError::engine("start the thread that writes the index"))?;
    let handle = IndexHandle {
        requests,
        failure,
        heartbeat,
    };
    Ok((handle, IndexThread { thread }))
}

fn run<E: Engine>(
    mut ledger: Ledger<E>,
    inbox: mpsc::Receiver<Request>,
    failure: &OnceLock<IndexError>,
    heartbeat: &AtomicU64,
    runtime: &Handle,
) -> Result<(), IndexError> {
    let mut inbox = Inbox::new(inbox);
    let mut waiting = CommitWaiters::default();
    let event_interval = ledger.policy().event_interval;
    loop {
        heartbeat.fetch_add(1, Ordering::Relaxed);
        let due = waiting.due(event_interval);
        let until_due = due.map_or(IDLE_CHECK, |due| {
            due.saturating_duration_since(Instant::now())
        });
        let next = async { timeout(until_due.min(IDLE_CHECK), inbox.next()).await };
        let served = match runtime.block_on(next) {
            Err(_idle) => Ok(()),
            Ok(Some(Request::Page(page))) => {
                apply_page(&mut ledger, page, &mut inbox, &mut waiting)
            }
            Ok(Some(request)) => serve(&mut ledger, request, &mut waiting),
            Ok(None) => {
                let closed = ledger.close();
                if closed.is_ok() {
                    waiting.reply_all();
                }
                return closed;
            }
        };
        if let Err(error) = served.and_then(|()| commit_if_due(&mut ledger, &mut waiting)) {
            // Tasks that wait or send later find the channel closed, and read the error here.
            failure.get_or_init(|| error.clone());
            return Err(error);
        }
    }
}

fn commit_if_due<E: Engine>(
    ledger: &mut Ledger<E>,
    waiting: &mut CommitWaiters,
) -> Result<(), IndexError> {
    let due = waiting.due(ledger.policy().event_interval);
    if due.is_some_and(|due| due <= Instant::now()) {
        ledger.commit()?;
    }
    ledger.commit_if_due()?;
    ledger.commit_heartbeat()?;
    ledger.measure_drift();
    if ledger.is_clean() {
        waiting.reply_all();
    }
    Ok(())
}

/// Applies a page. A page without many keys can cover and remove any number of records, so events are handled and
/// committed between the parts of a large page.
fn apply_page<E: Engine>(
    ledger: &mut Ledger<E>,
    page: PageReport,
    inbox: &mut Inbox,
    waiting: &mut CommitWaiters,
) -> Result<(), IndexError> {
    ledger.apply_page_in_parts(page, |ledger| {
        while let Some(request) = inbox.next_event() {
            serve(ledger, request, waiting)?;
        }
        commit_if_due(ledger, waiting)
    })
}

/// Handles one request. Returns an error that ends the thread. An error that concerns one Source is only sent
/// as the reply.
fn serve<E: Engine>(
    ledger: &mut Ledger<E>,
    request: Request,
    waiting: &mut CommitWaiters,
) -> Result<(), IndexError> {
    match request {
        Request::Page(page) => ledger.apply_page(page),
        Request::BeginScan(request, reply) => send_reply(reply, ledger.begin_scan(request)),
        Request::CompleteScan(source, timing, reply) => {
            let completed = ledger.complete_scan(source);
            reply_when_committed(reply, completed, |_| false, waiting)?;
            match timing {
                CommitTiming::Shared => Ok(()),
                CommitTiming::Immediate => ledger.commit(),
            }
        }
        Request::RemoveUnconfigured(configured, reply) => {
            send_reply(reply, ledger.remove_unconfigured(&configured))
        }
        Request::Attach(requests, reply) => send_reply(reply, ledger.attach(requests)),
        Request::Detach(name, reply) => send_reply(reply, ledger.detach(&name)),
        Request::Detached(reply) => send_reply(reply, Ok(ledger.detached())),
        Request::TakeOver(state, reply) => send_reply(reply, ledger.take_over(&state)),
        Request::ReplaceRecords(records, reply) => {
            send_reply(reply, ledger.replace_records(records))
        }
        Request::Follow(id, queue, reply) => send_reply(reply, ledger.follow(id, &queue)),
        Request::EventsLost(id, reply) => send_reply(reply, ledger.mark_events_lost(id)),
        Request::GiveUpEvent(id, time, reply) => send_reply(reply, ledger.give_up_event(id, time)),
        Request::GiveUpWaitingEvent(id, time, reply) => {
            send_reply(reply, ledger.give_up_waiting_event(id, time))
        }
        Request::Unfollow(ids) => {
            ledger.unfollow(&ids);
            Ok(())
        }
        Request::Wired(ids, url) => ledger.note_wired(&ids, &url),
        Request::Compact(reply) => send_reply(reply, ledger.compact()),
        Request::FinishCompaction(reply) => send_reply(reply, ledger.finish_compaction()),
        Request::State(id, reply) => send_reply(reply, ledger.state_of(id)),
        Request::Events(reports, reply) => {
            let outcomes: Result<Vec<_>, _> = reports
                .into_iter()
                .map(|report| ledger.apply_event(report))
                .collect();
            let none_needs_commit =
                |outcomes: &Vec<EventOutcome>| outcomes.iter().all(needs_no_commit);
            reply_when_committed(reply, outcomes, none_needs_commit, waiting)
        }
        Request::LookUp(report, reply) => {
            let outcome = ledger.apply_look_up(report);
            reply_when_committed(reply, outcome, needs_no_commit, waiting)
        }
    }
}

/// Whether the reply can be sent without a commit, because the event is not applied yet.
fn needs_no_commit(outcome: &EventOutcome) -> bool {
    matches!(outcome, EventOutcome::NeedsLookUp | EventOutcome::NotYet)
}

fn reply_when_committed<T: Send + 'static>(
    reply: Reply<T>,
    result: Result<T, IndexError>,
    needs_no_commit: impl FnOnce(&T) -> bool,
    waiting: &mut CommitWaiters,
) -> Result<(), IndexError> {
    match result {
        Ok(outcome) if !needs_no_commit(&outcome) => {
            waiting.add(reply, outcome);
            Ok(())
        }
        result => send_reply(reply, result),
    }
}

/// Sends a reply. Returns its error if that ends the thread.
fn send_reply<T>(reply: Reply<T>, result: Result<T, IndexError>) -> Result<(), IndexError> {
    let fatal = result
        .as_ref()
        .err()
        .filter(|error| !error.is_about_one_source())
        .cloned();
    // The receiver may be gone. Then the reply is not needed.
    let _ = reply.send(result);
    fatal.map_or(Ok(()), Err)
}

impl IndexHandle {
    /// Begins or resumes the scan of a Source. See [`Ledger::begin_scan`].
    pub async fn begin_scan(&self, request: ScanRequest) -> Result<ScanPlan, IndexError> {
        self.request(|reply| Request::BeginScan(request, reply))
            .await
    }

    /// Sends a page to the thread and does not wait until it is applied. Waits only while the channel is
    /// full. An error may come from an earlier page.
    pub async fn report_page(&self, page: PageReport) -> Result<(), IndexError> {
        self.send(Request::Page(page)).await
    }

    /// Completes a scan. Returns the time as of which the Source is complete, after that and everything that was
    /// reported before is durable.
    pub async fn complete_scan(
        &self,
        source: SourceId,
        timing: CommitTiming,
    ) -> Result<Option<Timestamp>, IndexError> {
        self.request(|reply| Request::CompleteScan(source, timing, reply))
            .await
    }

    /// Removes the records of all Sources that are not configured. See [`Ledger::remove_unconfigured`].
    pub async fn remove_unconfigured(
        &self,
        configured: Vec<Arc<Source>>,
    ) -> Result<Vec<UnconfiguredSource>, IndexError> {
        self.request(|reply| Request::RemoveUnconfigured(configured, reply))
            .await
    }

    /// Adds Sources to the index, or brings them in line with their configuration. See [`Ledger::attach`].
    pub async fn attach(
        &self,
        requests: Vec<AttachRequest>,
    ) -> Result<Vec<Result<Attachment, IndexError>>, IndexError> {
        self.request(|reply| Request::Attach(requests, reply)).await
    }

    /// Attaches a single Source.
    #[cfg(test)]
    pub(crate) async fn attach_single(
        &self,
        request: AttachRequest,
    ) -> Result<Attachment, IndexError> {
        self.attach(vec![request]).await?.remove(0)
    }

    /// Records that the events of the Source with this name are no longer received. See [`Ledger::detach`].
    pub async fn detach(&self, name: String) -> Result<(), IndexError> {
        self.request(|reply| Request::Detach(name, reply)).await
    }

    /// The names of the Sources that the index knows and that are not attached.
    pub(crate) async fn detached(&self) -> Result<Vec<String>, IndexError> {
        self.request(Request::Detached).await
    }

    /// Takes over the state of a detached Source from another index. See [`Ledger::take_over`].
    pub(crate) async fn take_over(&self, state: SourceState) -> Result<(), IndexError> {
        let state = Box::new(state);
        self.request(|reply| Request::TakeOver(state, reply)).await
    }

    /// Makes the records of an interval equal to those of another index.
    pub(crate) async fn replace_records(&self, records: CopiedRecords) -> Result<(), IndexError> {
        self.request(|reply| Request::ReplaceRecords(records, reply))
            .await
    }

    /// Records that the events of the Source are received from this queue from now on. See
    /// [`Ledger::follow`].
    pub async fn follow(&self, id: SourceId, queue: QueueId) -> Result<(), IndexError> {
        self.request(|reply| Request::Follow(id, queue, reply))
            .await
    }

    /// Records that events of the Source may be lost. A scan is due when it is followed again.
    pub async fn mark_events_lost(&self, id: SourceId) -> Result<(), IndexError> {
        self.request(|reply| Request::EventsLost(id, reply)).await
    }

    /// Records that an event of this time may never be applied. If a scan that began later is complete,
    /// nothing changes.
    pub async fn give_up_event(&self, id: SourceId, time: Timestamp) -> Result<(), IndexError> {
        self.request(|reply| Request::GiveUpEvent(id, time, reply))
            .await
    }

    /// Records that an event of this time may never be applied because it waits for a move. See
    /// [`Ledger::give_up_waiting_event`].
    pub async fn give_up_waiting_event(
        &self,
        id: SourceId,
        time: Timestamp,
    ) -> Result<(), IndexError> {
        self.request(|reply| Request::GiveUpWaitingEvent(id, time, reply))
            .await
    }

    /// Records that the events of these Sources are not received for now. Does not wait for the thread.
    pub async fn unfollow(&self, ids: Vec<SourceId>) -> Result<(), IndexError> {
        self.send(Request::Unfollow(ids)).await
    }

    /// Records that the queue is proven to get the events of these Sources. Does not wait for the thread.
    pub async fn note_wired(
        &self,
        ids: Vec<SourceId>,
        queue_url: String,
    ) -> Result<(), IndexError> {
        self.send(Request::Wired(ids, queue_url)).await
    }

    /// The state of an attached Source. See [`Ledger::state_of`].
    pub async fn state(&self, id: SourceId) -> Result<SourceState, IndexError> {
        self.request(|reply| Request::State(id, reply)).await
    }

    /// Applies the events of one message and returns their outcomes in the same order, after they are
    /// durable.
    ///
    /// If no event was applied, because all need a look-up or come too early, it returns without a commit.
    pub async fn apply_events(
        &self,
        reports: Vec<EventReport>,
    ) -> Result<Vec<EventOutcome>, IndexError> {
        self.request(|reply| Request::Events(reports, reply)).await
    }

    /// Applies the page of one key and returns the outcome, after it is durable.
    pub async fn apply_look_up(&self, report: LookUpReport) -> Result<EventOutcome, IndexError> {
        self.request(|reply| Request::LookUp(report, reply)).await
    }

    /// Commits, and starts to merge all committed records in the background. See [`Engine::compact`].
    ///
    /// After the returned future is ready, call [`IndexHandle::finish_compaction`] to release the old files.
    /// Do not keep this handle meanwhile: the thread cannot end before the last handle is dropped.
    pub async fn compact(&self) -> Result<Compaction, IndexError> {
        self.request(Request::Compact).await
    }

    /// Commits, even if nothing has changed. The engine then opens the merged files and releases the old
    /// ones.
    pub async fn finish_compaction(&self) -> Result<(), IndexError> {
        self.request(Request::FinishCompaction).await
    }

    /// Whether both handles send to the same writer thread.
    pub fn is_same_index(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.heartbeat, &other.heartbeat)
    }

    /// A number that grows while the thread is working or idle. It stops growing if the thread hangs.
    pub fn heartbeat(&self) -> u64 {
        self.heartbeat.load(Ordering::Relaxed)
    }

    async fn request<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, IndexError> {
        let (sender, reply) = oneshot::channel();
        self.send(request(sender)).await?;
        reply.await.unwrap_or_else(|_| Err(self.failure_cause()))
    }

    async fn send(&self, request: Request) -> Result<(), IndexError> {
        self.requests
            .send(request)
            .await
            .map_err(|_| self.failure_cause())
    }

    fn failure_cause(&self) -> IndexError {
        self.failure
            .get()
            .cloned()
            .unwrap_or(IndexError::WriterGone)
    }
}

impl IndexThread {
    /// Waits until the last handle is dropped, everything is committed and the engine is closed. Returns the
    /// error that ended the thread, if any.
    pub async fn join(self) -> Result<(), IndexError> {
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        match joined {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(IndexError::WriterGone),
        }
    }
}

#[cfg(test)]
mod tests;
