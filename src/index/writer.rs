//! The thread that owns the writer, and the handle that the asynchronous side holds.
//!
//! Requests wait in a bounded channel, so that whoever lists a bucket is never far ahead of the
//! index. After an error the thread answers every request with that error and writes nothing more:
//! what was committed stays, and a new start goes on from there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ledger::{
    AttachRequest, Attachment, EventOutcome, EventReport, Ledger, LookUpReport, PageReport,
    ScanPlan, ScanRequest,
};
use super::{Compaction, Engine, IndexError};
use crate::core::replication::source_state::{QueueId, SourceId, SourceState};
use crate::core::replication::timestamp::Timestamp;

/// Requests that may wait for the thread; a page takes about 300 KB.
const MAX_WAITING: usize = 16;

/// How often the thread looks whether a commit is due while nobody asks for anything.
const IDLE_CHECK: Duration = Duration::from_secs(1);

type Reply<T> = oneshot::Sender<Result<T, IndexError>>;

enum Request {
    BeginScan(ScanRequest, Reply<ScanPlan>),
    Page(PageReport),
    CompleteScan(SourceId, Reply<Option<Timestamp>>),
    ForgetOthers(Vec<String>, Reply<()>),
    Attach(AttachRequest, Reply<Attachment>),
    Detach(String, Reply<()>),
    Follow(SourceId, QueueId, Reply<()>),
    EventsLost(SourceId, Reply<()>),
    GiveUpEvent(SourceId, Timestamp, Reply<()>),
    Unfollow(Vec<SourceId>),
    Wired(Vec<SourceId>, String),
    State(SourceId, Reply<SourceState>),
    Events(Vec<EventReport>, Reply<Vec<EventOutcome>>),
    LookUp(LookUpReport, Reply<EventOutcome>),
    Compact(Reply<Compaction>),
    Renew(Reply<()>),
}

/// Those who wait for the commit that holds the effect of their event.
#[derive(Default)]
struct Waiting {
    replies: Vec<Answer>,
    since: Option<Instant>,
}

/// Gives an answer to whoever waits for it; they may be gone: then the message comes again, and finds
/// its effect in the index.
type Answer = Box<dyn FnOnce() + Send>;

impl Waiting {
    /// When the commit is due that they wait for, if any do.
    fn due(&self, interval: Duration) -> Option<Instant> {
        self.since.map(|since| since + interval)
    }

    fn add<T: Send + 'static>(&mut self, reply: Reply<T>, result: T) {
        self.since.get_or_insert_with(Instant::now);
        self.replies.push(Box::new(move || {
            let _ = reply.send(Ok(result));
        }));
    }

    /// Everything that was applied is committed.
    fn answer_all(&mut self) {
        self.since = None;
        self.replies.drain(..).for_each(|answer| answer());
    }
}

/// Sends requests to the thread; clones share it.
#[derive(Clone, Debug)]
pub struct IndexHandle {
    requests: mpsc::Sender<Request>,
    failure: Arc<OnceLock<IndexError>>,
    heartbeat: Arc<AtomicU64>,
}

/// The thread itself.
#[derive(Debug)]
pub struct IndexThread {
    thread: JoinHandle<Result<(), IndexError>>,
}

/// Starts the thread over a ledger; it ends when the last handle is dropped.
pub fn start<E: Engine>(ledger: Ledger<E>) -> Result<(IndexHandle, IndexThread), IndexError> {
    let (requests, inbox) = mpsc::channel(MAX_WAITING);
    let failure = Arc::new(OnceLock::new());
    let shared = Arc::clone(&failure);
    let heartbeat = ledger.heartbeat();
    let beating = Arc::clone(&heartbeat);
    let runtime = Handle::current();
    let thread = thread::Builder::new()
        .name("index-writer".to_owned())
        .spawn(move || run(ledger, inbox, &shared, &beating, &runtime))
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
    mut inbox: mpsc::Receiver<Request>,
    failure: &OnceLock<IndexError>,
    heartbeat: &AtomicU64,
    runtime: &Handle,
) -> Result<(), IndexError> {
    let mut waiting = Waiting::default();
    let event_interval = ledger.policy().event_interval;
    loop {
        heartbeat.fetch_add(1, Ordering::Relaxed);
        let due = waiting.due(event_interval);
        let until_due = due.map_or(IDLE_CHECK, |due| {
            due.saturating_duration_since(Instant::now())
        });
        let next = async { timeout(until_due.min(IDLE_CHECK), inbox.recv()).await };
        let served = match runtime.block_on(next) {
            Err(_idle) => Ok(()),
            Ok(Some(request)) => serve(&mut ledger, request, &mut waiting),
            Ok(None) => {
                let closed = ledger.close();
                if closed.is_ok() {
                    waiting.answer_all();
                }
                return closed;
            }
        };
        if let Err(error) = served.and_then(|()| commit_what_is_due(&mut ledger, &mut waiting)) {
            // Whoever waits, or asks later, finds the inbox gone and the reason here.
            failure.get_or_init(|| error.clone());
            return Err(error);
        }
    }
}

fn commit_what_is_due<E: Engine>(
    ledger: &mut Ledger<E>,
    waiting: &mut Waiting,
) -> Result<(), IndexError> {
    let due = waiting.due(ledger.policy().event_interval);
    if due.is_some_and(|due| due <= Instant::now()) {
        ledger.commit()?;
    }
    ledger.commit_if_due()?;
    ledger.commit_heartbeat()?;
    ledger.measure_drift();
    if ledger.is_clean() {
        waiting.answer_all();
    }
    Ok(())
}

/// Serves one request; an error that ends the thread is returned, one that does not is replied.
fn serve<E: Engine>(
    ledger: &mut Ledger<E>,
    request: Request,
    waiting: &mut Waiting,
) -> Result<(), IndexError> {
    match request {
        Request::Page(page) => ledger.apply_page(page),
        Request::BeginScan(request, reply) => answer(reply, ledger.begin_scan(request)),
        Request::CompleteScan(source, reply) => answer(reply, ledger.complete_scan(source)),
        Request::ForgetOthers(names, reply) => answer(reply, ledger.forget_others(&names)),
        Request::Attach(request, reply) => answer(reply, ledger.attach(request)),
        Request::Detach(name, reply) => answer(reply, ledger.detach(&name)),
        Request::Follow(id, queue, reply) => answer(reply, ledger.follow(id, &queue)),
        Request::EventsLost(id, reply) => answer(reply, ledger.mark_events_lost(id)),
        Request::GiveUpEvent(id, time, reply) => answer(reply, ledger.give_up_event(id, time)),
        Request::Unfollow(ids) => {
            ledger.unfollow(&ids);
            Ok(())
        }
        Request::Wired(ids, url) => ledger.note_wired(&ids, &url),
        Request::Compact(reply) => answer(reply, ledger.compact()),
        Request::Renew(reply) => answer(reply, ledger.renew()),
        Request::State(id, reply) => answer(reply, ledger.state_of(id)),
        Request::Events(reports, reply) => {
            let applied: Result<Vec<_>, _> = reports
                .into_iter()
                .map(|report| ledger.apply_event(report))
                .collect();
            let needs_no_commit =
                |applied: &Vec<EventOutcome>| applied.iter().all(promises_nothing);
            answer_when_committed(reply, applied, needs_no_commit, waiting)
        }
        Request::LookUp(report, reply) => {
            let applied = ledger.apply_look_up(report);
            answer_when_committed(reply, applied, promises_nothing, waiting)
        }
    }
}

/// Whether something must be done first before the event counts as applied.
fn promises_nothing(applied: &EventOutcome) -> bool {
    matches!(applied, EventOutcome::NeedsLookUp | EventOutcome::NotYet)
}

fn answer_when_committed<T: Send + 'static>(
    reply: Reply<T>,
    applied: Result<T, IndexError>,
    needs_no_commit: impl FnOnce(&T) -> bool,
    waiting: &mut Waiting,
) -> Result<(), IndexError> {
    match applied {
        Ok(applied) if !needs_no_commit(&applied) => {
            waiting.add(reply, applied);
            Ok(())
        }
        result => answer(reply, result),
    }
}

fn answer<T>(reply: Reply<T>, result: Result<T, IndexError>) -> Result<(), IndexError> {
    let fatal = result
        .as_ref()
        .err()
        .filter(|error| !error.concerns_one_source())
        .cloned();
    // Who asked may be gone; then nobody needs the answer.
    let _ = reply.send(result);
    fatal.map_or(Ok(()), Err)
}

impl IndexHandle {
    /// Begins or resumes the scan of a Source.
    pub async fn begin_scan(&self, request: ScanRequest) -> Result<ScanPlan, IndexError> {
        self.ask(|reply| Request::BeginScan(request, reply)).await
    }

    /// Hands a page over; waits while too many are waiting. An error may be of an earlier page.
    pub async fn report_page(&self, page: PageReport) -> Result<(), IndexError> {
        self.send(Request::Page(page)).await
    }

    /// Completes a scan and tells as of when; everything reported before is committed then.
    pub async fn complete_scan(&self, source: SourceId) -> Result<Option<Timestamp>, IndexError> {
        self.ask(|reply| Request::CompleteScan(source, reply)).await
    }

    /// Removes the records of all Sources but those of these names.
    pub async fn forget_others(&self, names: Vec<String>) -> Result<(), IndexError> {
        self.ask(|reply| Request::ForgetOthers(names, reply)).await
    }

    /// Gives a Source that is to be followed its place.
    pub async fn attach(&self, request: AttachRequest) -> Result<Attachment, IndexError> {
        self.ask(|reply| Request::Attach(request, reply)).await
    }

    /// Ends the following of the Source of that name for good.
    pub async fn detach(&self, name: String) -> Result<(), IndexError> {
        self.ask(|reply| Request::Detach(name, reply)).await
    }

    /// Notes that the events of the Source are received from now on, from that queue.
    pub async fn follow(&self, id: SourceId, queue: QueueId) -> Result<(), IndexError> {
        self.ask(|reply| Request::Follow(id, queue, reply)).await
    }

    /// Notes that events of the Source may be lost, so that a scan is due when it is followed again.
    pub async fn mark_events_lost(&self, id: SourceId) -> Result<(), IndexError> {
        self.ask(|reply| Request::EventsLost(id, reply)).await
    }

    /// Notes that an event of that time may never be applied, unless a scan since has made up for it.
    pub async fn give_up_event(&self, id: SourceId, time: Timestamp) -> Result<(), IndexError> {
        self.ask(|reply| Request::GiveUpEvent(id, time, reply))
            .await
    }

    /// Notes that the events of these Sources are not received any more.
    pub async fn unfollow(&self, ids: Vec<SourceId>) -> Result<(), IndexError> {
        self.send(Request::Unfollow(ids)).await
    }

    /// Notes that the queue gets the events of these Sources.
    pub async fn note_wired(
        &self,
        ids: Vec<SourceId>,
        queue_url: String,
    ) -> Result<(), IndexError> {
        self.send(Request::Wired(ids, queue_url)).await
    }

    /// The state of a Source that is attached.
    pub async fn state(&self, id: SourceId) -> Result<SourceState, IndexError> {
        self.ask(|reply| Request::State(id, reply)).await
    }

    /// Applies the events of one message, and answers, in their order, when their effects are durable.
    pub async fn apply_events(
        &self,
        reports: Vec<EventReport>,
    ) -> Result<Vec<EventOutcome>, IndexError> {
        self.ask(|reply| Request::Events(reports, reply)).await
    }

    /// Applies the page of one key, and answers when its effect is durable.
    pub async fn apply_look_up(&self, report: LookUpReport) -> Result<EventOutcome, IndexError> {
        self.ask(|reply| Request::LookUp(report, reply)).await
    }

    /// Begins to put together all that is committed, which goes on beside everything else.
    ///
    /// When it has ended, [`IndexHandle::renew`] lets go of the files of before. This handle is not needed
    /// meanwhile, and should not be kept: the thread lives as long as any is.
    pub async fn compact(&self) -> Result<Compaction, IndexError> {
        self.ask(Request::Compact).await
    }

    /// Commits, and reads what has become of the files.
    pub async fn renew(&self) -> Result<(), IndexError> {
        self.ask(Request::Renew).await
    }

    /// Whether it is the same index.
    pub fn is_same_index(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.heartbeat, &other.heartbeat)
    }

    /// A number that grows as long as the thread does its work.
    pub fn heartbeat(&self) -> u64 {
        self.heartbeat.load(Ordering::Relaxed)
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, IndexError> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(self.why_gone()))
    }

    async fn send(&self, request: Request) -> Result<(), IndexError> {
        self.requests
            .send(request)
            .await
            .map_err(|_| self.why_gone())
    }

    fn why_gone(&self) -> IndexError {
        self.failure
            .get()
            .cloned()
            .unwrap_or(IndexError::WriterGone)
    }
}

impl IndexThread {
    /// Waits until the last handle is dropped, everything is committed and the engine is closed.
    pub async fn join(self) -> Result<(), IndexError> {
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        match joined {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(IndexError::WriterGone),
        }
    }
}
