//! Serves the control socket: each request is put to the running session, and answered.
//!
//! What has asked for nothing yet keeps nobody out. Whoever asked may leave: a scan that was asked for goes on. Of rebuilds there is one at a time; a
//! configuration that takes over ends it, and whoever asked is told to ask again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use super::mirror::{Ask, Ended};
use super::rebuild::{Rebuild, Told};
use super::session::{Order, Surroundings};
use crate::aws::queue::{Message, ReceiptHandle};
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::index::IndexError;
use crate::ingest::consumer::handler::MessageOutcome;
use crate::observe::quarantine::QuarantineEntry;
use crate::observe::status::{StatusReport, index_bytes};
use crate::observe::telemetry::LogFilter;
use crate::serve::connections::{ConnectionLimiter, Slot};
use crate::serve::control::{
    ControlAnswer, ControlRequest, LogCommand, MAX_REQUEST_BYTES, SourceScanCounts, read_line,
    write_line,
};

/// Connections at the same time; one above them gets the place of the one whose request is waited for for
/// longest, or waits where all requests are there.
const MAX_CONNECTIONS: usize = 32;

/// How long a request is waited for before the place can be had: it comes with the connection.
const GRACE: Duration = Duration::from_millis(50);

/// How long a request may take to come.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait after a connection could not be accepted: what holds the file descriptors ends
/// some time.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// How often a compaction is begun again, where merges that were under way have got in its way.
const MAX_COMPACTIONS: usize = 5;

/// How often the progress of a scan is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Serves until it is dropped.
pub(crate) async fn serve(listener: UnixListener, around: Arc<Surroundings>) {
    let limiter =
        ConnectionLimiter::new("the control socket", MAX_CONNECTIONS, GRACE, Arc::default());
    let rebuilding = Arc::new(Mutex::new(()));
    let mut connections = JoinSet::new();
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                is_failing = false;
                let (around, rebuilding) = (Arc::clone(&around), Arc::clone(&rebuilding));
                let slot = limiter.acquire().await;
                connections.spawn(async move {
                    slot.run_until_evicted(converse(stream, &slot, &around, &rebuilding))
                        .await;
                });
            }
            Err(cause) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(
                        %cause,
                        "failed to accept a connection to the control socket; it is tried again"
                    );
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Reads one request, and answers it.
async fn converse(
    stream: UnixStream,
    slot: &Arc<Slot>,
    around: &Surroundings,
    rebuilding: &Mutex<()>,
) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader);
    let request = read_line(&mut lines, MAX_REQUEST_BYTES);
    let request = match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Err(_) | Ok(Ok(None)) => return,
        Ok(Ok(Some(request))) => Ok(request),
        Ok(Err(error)) => Err(format!("the request cannot be read: {error}")),
    };
    let _under_way = slot.begin_request();
    // Whoever asked and left needs no answer.
    let _ = conclude(request, around, rebuilding, &mut writer).await;
}

/// Answers a request to the last answer; the error of one is why it cannot be read.
async fn conclude(
    request: Result<ControlRequest, String>,
    around: &Surroundings,
    rebuilding: &Mutex<()>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let answered = match request {
        Err(why) => Err(why),
        Ok(request) => {
            write_line(writer, &ControlAnswer::Accepted).await?;
            answer(request, around, rebuilding, writer).await?
        }
    };
    let last = match answered {
        Ok(()) => ControlAnswer::Done,
        Err(why) => ControlAnswer::Refused(why),
    };
    write_line(writer, &last).await
}

/// Answers a request; the inner error is why it is refused.
async fn answer(
    request: ControlRequest,
    around: &Surroundings,
    rebuilding: &Mutex<()>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    match request {
        ControlRequest::Status => {
            let data_dir = around.data_dir.path().to_owned();
            // It waits for the disk.
            let bytes = tokio::task::spawn_blocking(move || index_bytes(&data_dir)).await;
            let report = StatusReport::of(&around.board, bytes.ok().flatten());
            write_line(writer, &ControlAnswer::Status(Box::new(report))).await?;
            Ok(Ok(()))
        }
        ControlRequest::Reindex { sources, fresh } => {
            reindex(sources, ScanMode::requested(fresh), around, writer).await
        }
        ControlRequest::Rebuild => {
            let Ok(_rebuilding) = rebuilding.try_lock() else {
                return Ok(Err("a rebuild is under way already".to_owned()));
            };
            rebuild(around, writer).await
        }
        ControlRequest::Compact => Ok(compact(around).await),
        ControlRequest::Retry { ids } => {
            for id in ids {
                let problem = retry(&id, around).await.err();
                write_line(writer, &ControlAnswer::Retried { id, problem }).await?;
            }
            Ok(Ok(()))
        }
        ControlRequest::Log(order) => log(order, &around.logs, writer).await,
    }
}

/// Has all segments of the live index put together; the session goes on, and may end, meanwhile.
async fn compact(around: &Surroundings) -> Result<(), String> {
    let index = || {
        let index = around.doors.index();
        index.ok_or("the index is not open at the moment; try again".to_owned())
    };
    let told = |error: IndexError| error.to_string();
    let mut ended = Ok(());
    for _ in 0..MAX_COMPACTIONS {
        let compaction = index()?.compact().await.map_err(told)?;
        ended = compaction.await.map_err(told);
        if ended.is_ok() {
            break;
        }
    }
    ended?;
    tracing::info!("the segments of the index have been put together");
    index()?.renew().await.map_err(told)
}

async fn log(
    order: LogCommand,
    logs: &LogFilter,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    match order {
        LogCommand::Show => {}
        LogCommand::Reset => logs.reset(),
        LogCommand::Set(filter) => {
            if let Err(error) = logs.set(&filter) {
                return Ok(Err(error.to_string()));
            }
        }
    }
    let now = ControlAnswer::Log {
        filter: logs.current(),
        initial: logs.initial().to_owned(),
    };
    write_line(writer, &now).await?;
    Ok(Ok(()))
}

/// A scan that was asked for.
struct Job {
    source: String,
    progress: Arc<ScanProgress>,
}

async fn reindex(
    mut sources: Vec<String>,
    mode: ScanMode,
    around: &Surroundings,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    if sources.is_empty() {
        sources = around.doors.names();
    }
    let mut jobs = Vec::with_capacity(sources.len());
    let mut scans = JoinSet::new();
    for (place, source) in sources.into_iter().enumerate() {
        let Some(asks) = around.doors.mirror(&source) else {
            return Ok(Err(format!(
                "the daemon does not follow a Source {source:?} now; is it in its configuration \
                 (SIGHUP reads it anew) and enabled?"
            )));
        };
        let progress = Arc::new(ScanProgress::default());
        let asked = Arc::clone(&progress);
        scans.spawn(async move { (place, scan(asks, mode, asked).await) });
        jobs.push(Job { source, progress });
    }
    let mut tick = tokio::time::interval(PROGRESS_EVERY);
    loop {
        tokio::select! {
            ended = scans.join_next() => match ended {
                None => return Ok(Ok(())),
                Some(Ok((place, ended))) => tell_end(&jobs[place], ended, writer).await?,
                Some(Err(_)) => return Ok(Err("a task died; see the daemon's log".to_owned())),
            },
            _ = tick.tick() => tell_progress(&jobs, writer).await?,
        }
    }
}

/// Has a new index built; ends when that does, even if whoever asked has left.
async fn rebuild(
    around: &Surroundings,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let order = Order::Rebuild(Rebuild { tell });
    if around.orders.send(order).await.is_err() {
        return Ok(Err("the daemon is about to end".to_owned()));
    }
    let answered = tell_rebuild(&mut told, writer).await;
    if answered.is_err() {
        while told.recv().await.is_some() {}
    }
    answered
}

async fn tell_rebuild(
    told: &mut mpsc::UnboundedReceiver<Told>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut tick = tokio::time::interval(PROGRESS_EVERY);
    loop {
        tokio::select! {
            told = told.recv() => match told {
                Some(Told::Began(source, progress)) => jobs.push(Job { source, progress }),
                Some(Told::Ended(source, ended)) => {
                    if let Some(job) = jobs.iter().find(|job| job.source == source) {
                        tell_end(job, Ok(ended), writer).await?;
                    }
                }
                Some(Told::Published) => return Ok(Ok(())),
                Some(Told::Failed(why)) => return Ok(Err(why)),
                None => return Ok(Err("the daemon did not get to it".to_owned())),
            },
            _ = tick.tick() => tell_progress(&jobs, writer).await?,
        }
    }
}

async fn tell_progress(jobs: &[Job], writer: &mut OwnedWriteHalf) -> io::Result<()> {
    for job in jobs {
        let figures = SourceScanCounts::of(&job.source, &job.progress);
        write_line(writer, &ControlAnswer::Progress(figures)).await?;
    }
    Ok(())
}

/// Asks for a scan, and waits until it has ended.
async fn scan(
    asks: mpsc::Sender<Ask>,
    mode: ScanMode,
    progress: Arc<ScanProgress>,
) -> Result<Ended, &'static str> {
    const GONE: &str = "the daemon has begun anew meanwhile; the scan goes on by itself";
    let (reply, ended) = oneshot::channel();
    let ask = Ask {
        mode,
        progress,
        reply,
    };
    asks.send(ask).await.map_err(|_| GONE)?;
    ended.await.map_err(|_| GONE)
}

async fn tell_end(
    job: &Job,
    ended: Result<Ended, &'static str>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let ended = ended.unwrap_or_else(|gone| Ended {
        result: Err(gone.to_owned()),
        took: Duration::ZERO,
        requests: 0,
    });
    let complete = |completed: crate::ingest::scanner::ScanOutcome| {
        (
            completed.resumed,
            completed.as_of.map(|stamp| stamp.as_millis()),
        )
    };
    let answer = ControlAnswer::Ended {
        figures: SourceScanCounts::of(&job.source, &job.progress),
        result: ended.result.map(complete),
        took_seconds: ended.took.as_secs_f64(),
        requests: ended.requests,
    };
    write_line(writer, &answer).await
}

/// Handles a message once more that is kept; what can be handled now leaves the quarantine. In the
/// queue, if it is still there, it is handled when it comes again.
async fn retry(id: &str, around: &Surroundings) -> Result<(), String> {
    let entry = around
        .quarantine
        .get(id)
        .map_err(|error| error.to_string())?;
    let entry: QuarantineEntry = entry.ok_or("there is no such message in the quarantine")?;
    let Some(handler) = around.doors.handler(&entry.queue_url) else {
        return Err("no Source has its queue any more".to_owned());
    };
    let message = Message {
        id: entry.message_id,
        receipt: ReceiptHandle(String::new()),
        body: entry.body,
        sent: None,
        receive_count: entry.receive_count,
    };
    match handler.handle(&message).await {
        Ok(MessageOutcome::Done) => {
            let removed = around.quarantine.remove(id);
            removed.map(drop).map_err(|error| error.to_string())
        }
        Ok(MessageOutcome::NotYet) => Err("its Source is not ready for it yet".to_owned()),
        Ok(MessageOutcome::Unreadable(why) | MessageOutcome::Failed(why)) => Err(why),
        Err(error) => Err(error.to_string()),
    }
}
