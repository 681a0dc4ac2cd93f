//! The thread that owns the writer, and the handle that the asynchronous side holds.
//!
//! Requests wait in a bounded channel, so that whoever lists a bucket is never far ahead of the
//! index. After an error the thread answers every request with that error and writes nothing more:
//! what was committed stays, and a new start goes on from there.

use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ledger::{Ledger, PageReport, ScanPlan, ScanRequest};
use super::{Engine, IndexError};
use crate::sync::source_state::SourceId;
use crate::sync::stamp::Stamp;

/// Requests that may wait for the thread; a page takes about 300 KB.
const MAX_WAITING: usize = 16;

/// How often the thread looks whether a commit is due while nobody asks for anything.
const IDLE_CHECK: Duration = Duration::from_secs(1);

type Reply<T> = oneshot::Sender<Result<T, IndexError>>;

enum Request {
    BeginScan(ScanRequest, Reply<ScanPlan>),
    Page(PageReport),
    CompleteScan(SourceId, Reply<Option<Stamp>>),
    ForgetOthers(Vec<String>, Reply<()>),
}

/// Sends requests to the thread; clones share it.
#[derive(Clone, Debug)]
pub struct IndexHandle {
    requests: mpsc::Sender<Request>,
    failure: Arc<OnceLock<IndexError>>,
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
    let runtime = Handle::current();
    let thread = thread::Builder::new()
        .name("index-writer".to_owned())
        .spawn(move || run(ledger, inbox, &shared, &runtime))
        .map_err(IndexError::engine("start the thread that writes the index"))?;
    Ok((IndexHandle { requests, failure }, IndexThread { thread }))
}

fn run<E: Engine>(
    mut ledger: Ledger<E>,
    mut inbox: mpsc::Receiver<Request>,
    failure: &OnceLock<IndexError>,
    runtime: &Handle,
) -> Result<(), IndexError> {
    loop {
        let result = match runtime.block_on(async { timeout(IDLE_CHECK, inbox.recv()).await }) {
            Err(_idle) => ledger.commit_if_due(),
            Ok(Some(request)) => serve(&mut ledger, request),
            Ok(None) => return ledger.close(),
        };
        if let Err(error) = result {
            // Whoever waits, or asks later, finds the inbox gone and the reason here.
            failure.get_or_init(|| error.clone());
            return Err(error);
        }
    }
}

/// Serves one request; an error that ends the thread is returned, one that does not is replied.
fn serve<E: Engine>(ledger: &mut Ledger<E>, request: Request) -> Result<(), IndexError> {
    match request {
        Request::Page(page) => ledger.apply_page(page),
        Request::BeginScan(request, reply) => answer(reply, ledger.begin_scan(request)),
        Request::CompleteScan(source, reply) => answer(reply, ledger.complete_scan(source)),
        Request::ForgetOthers(names, reply) => answer(reply, ledger.forget_others(&names)),
    }
}

fn answer<T>(reply: Reply<T>, result: Result<T, IndexError>) -> Result<(), IndexError> {
    let concerns_one_source =
        |error: &&IndexError| matches!(error, IndexError::Binding(_) | IndexError::NotComplete(_));
    let fatal = result
        .as_ref()
        .err()
        .filter(|error| !concerns_one_source(error))
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
    pub async fn complete_scan(&self, source: SourceId) -> Result<Option<Stamp>, IndexError> {
        self.ask(|reply| Request::CompleteScan(source, reply)).await
    }

    /// Removes the records of all Sources but those of these names.
    pub async fn forget_others(&self, names: Vec<String>) -> Result<(), IndexError> {
        self.ask(|reply| Request::ForgetOthers(names, reply)).await
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
