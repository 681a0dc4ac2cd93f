//! The server of the control socket: passes each request to the running session, and answers it.
//!
//! A client may disconnect: its scan or rebuild continues. Only one rebuild runs at a time. A new
//! configuration does not end it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use super::commands::{RebuildProgress, RebuildRequest, ScanCommand, ScanReport, SessionChange};
use super::context::DaemonContext;
use crate::aws::bucket::LazyBucket;
use crate::aws::queue::{Message, ReceiptHandle};
use crate::config::Config;
use crate::core::counters::ScanProgress;
use crate::core::replication::scan_mode::ScanMode;
use crate::doctor;
use crate::index::IndexError;
use crate::ingest::consumer::handler::MessageOutcome;
use crate::ingest::scanner::ScanOutcome;
use crate::managed::Actor;
use crate::managed::changes::ChangeError;
use crate::observe::quarantine::QuarantineEntry;
use crate::observe::status::{StatusReport, index_bytes};
use crate::observe::telemetry::LogFilter;
use crate::search::explain::{BucketState, bucket_state};
use crate::serve::connections::{ConnectionLimiter, Slot};
use crate::serve::control::{
    ControlAnswer, ControlRequest, ListedObject, LogCommand, MAX_REQUEST_BYTES, SourceScanCounts,
    read_line, write_line,
};
use crate::serve::http::page_link::{LinkError, PageLinks};
use crate::serve::source_changes::{RequestError, SourceChanger};
use crate::serve::source_drafts::{DraftError, SourceDrafts};

/// Maximum number of connections. If all are taken, a new connection evicts the one that has been waiting for
/// its request for the longest time. If all have sent their request, the new one waits.
const MAX_CONNECTIONS: usize = 32;

/// Time a client has to send its request before another connection may evict it. Clients send the request
/// right after connecting.
const GRACE_PERIOD: Duration = Duration::from_millis(50);

/// Maximum time to wait for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait after a connection could not be accepted, for example because too many files are open.
const ACCEPT_BACKOFF: Duration = Duration::from_secs(1);

/// Maximum number of attempts to compact. Merges that already run can make one fail.
const MAX_COMPACTIONS: usize = 5;

/// Maximum number of attempts to look a key up. Few, because the user waits for the result.
const LOOK_UP_ATTEMPTS: u32 = 2;

/// Why a request that needs the configuration of the session is refused.
const BETWEEN_SESSIONS: &str = "it is just starting its work with another configuration; try again";

/// How often to send the progress of scans.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// What requests use besides the session.
#[derive(Clone)]
pub(crate) struct ControlServices {
    pub changer: SourceChanger,
    pub drafts: SourceDrafts,
    /// `None` if no browser can open the page.
    pub links: Option<PageLinks>,
}

/// Serves until it is dropped.
pub(crate) async fn serve(
    listener: UnixListener,
    ctx: Arc<DaemonContext>,
    services: ControlServices,
) {
    let limiter = ConnectionLimiter::new(
        "the control socket",
        MAX_CONNECTIONS,
        GRACE_PERIOD,
        Arc::default(),
    );
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
                let (ctx, rebuilding) = (Arc::clone(&ctx), Arc::clone(&rebuilding));
                let services = services.clone();
                let slot = limiter.acquire().await;
                connections.spawn(async move {
                    slot.run_until_evicted(handle(stream, &slot, &ctx, &rebuilding, &services))
                        .await;
                });
            }
            Err(cause) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(
                        %cause,
                        "failed to accept a connection to the control socket; retrying"
                    );
                }
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// Reads one request and answers it.
async fn handle(
    stream: UnixStream,
    slot: &Arc<Slot>,
    ctx: &DaemonContext,
    rebuilding: &Mutex<()>,
    services: &ControlServices,
) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader);
    let request = read_line(&mut lines, MAX_REQUEST_BYTES);
    let request = match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Err(_) | Ok(Ok(None)) => return,
        Ok(Ok(Some(request))) => Ok(request),
        Ok(Err(error)) => Err(format!("failed to read the request: {error}")),
    };
    let _request = slot.begin_request();
    // Writing fails if the client has disconnected. Then it needs no answer.
    let _ = answer(request, ctx, rebuilding, services, &mut writer).await;
}

/// Writes all answers to a request. `request` is an error if it could not be read.
async fn answer(
    request: Result<ControlRequest, String>,
    ctx: &DaemonContext,
    rebuilding: &Mutex<()>,
    services: &ControlServices,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let result = match request {
        Err(reason) => Err(reason),
        Ok(request) => {
            write_line(writer, &ControlAnswer::Accepted).await?;
            execute(request, ctx, rebuilding, services, writer).await?
        }
    };
    let last = match result {
        Ok(()) => ControlAnswer::Done,
        Err(reason) => ControlAnswer::Refused(reason),
    };
    write_line(writer, &last).await
}

/// Executes a request and writes its answers, except for the last one. The inner error is the reason why the
/// request is refused.
async fn execute(
    request: ControlRequest,
    ctx: &DaemonContext,
    rebuilding: &Mutex<()>,
    services: &ControlServices,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    match request {
        ControlRequest::Status => {
            let data_dir = ctx.data_dir.path().to_owned();
            // Blocking: it reads the disk.
            let bytes = tokio::task::spawn_blocking(move || index_bytes(&data_dir)).await;
            let report = StatusReport::of(&ctx.board, bytes.ok().flatten());
            write_line(writer, &ControlAnswer::Status(Box::new(report))).await?;
            Ok(Ok(()))
        }
        ControlRequest::Reindex {
            sources,
            fresh,
            allow_empty,
        } => {
            let mode = ScanMode::requested(fresh);
            reindex(sources, mode, allow_empty, ctx, writer).await
        }
        ControlRequest::Rebuild { allow_empty } => {
            let Ok(_guard) = rebuilding.try_lock() else {
                return Ok(Err("a rebuild is already running".to_owned()));
            };
            rebuild(allow_empty, ctx, writer).await
        }
        ControlRequest::Compact => Ok(compact(ctx).await),
        ControlRequest::Retry { ids } => {
            for id in ids {
                let problem = retry(&id, ctx).await.err();
                write_line(writer, &ControlAnswer::Retried { id, problem }).await?;
            }
            Ok(Ok(()))
        }
        ControlRequest::Log(command) => log(command, &ctx.log_filter, writer).await,
        ControlRequest::Configuration => match ctx.session.config() {
            None => Ok(Err(BETWEEN_SESSIONS.to_owned())),
            Some(config) => {
                let answer = ControlAnswer::Configuration {
                    digest: config.digest(),
                    listen: config.serve.listen.as_ref().map(ToString::to_string),
                };
                write_line(writer, &answer).await?;
                Ok(Ok(()))
            }
        },
        ControlRequest::LookUp { source, key } => match ctx.session.config() {
            None => Ok(Err(BETWEEN_SESSIONS.to_owned())),
            Some(config) => look_up(&config, source, &key, writer).await,
        },
        ControlRequest::Check { sources } => match ctx.session.config() {
            None => Ok(Err(BETWEEN_SESSIONS.to_owned())),
            Some(config) => check(&config, &sources, writer).await,
        },
        ControlRequest::Link => match services.links.as_ref().map(PageLinks::make) {
            Some(Ok(url)) => {
                tracing::info!(actor = actor_of(writer).name, "a one-time link was made");
                write_line(writer, &ControlAnswer::Link { url }).await?;
                Ok(Ok(()))
            }
            Some(Err(error)) => Ok(Err(error.to_string())),
            None => Ok(Err(LinkError::NoPage.to_string())),
        },
        ControlRequest::RotateKey => match services.changer.rotate_key().await {
            Ok(rotation) => {
                write_line(writer, &ControlAnswer::KeyRotated(rotation)).await?;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error.to_string())),
        },
        ControlRequest::TestSource { draft } => {
            match services.drafts.test(draft, actor_of(writer)).await {
                Ok(report) => {
                    write_line(writer, &ControlAnswer::SourceTested(report)).await?;
                    Ok(Ok(()))
                }
                Err(DraftError::Refused(error)) => refused(error, writer).await,
                Err(error) => Ok(Err(error.to_string())),
            }
        }
        ControlRequest::ChangeSource {
            name,
            change,
            is_untested,
        } => {
            let actor = actor_of(writer);
            let changer = &services.changer;
            match changer.apply(name, change, actor, is_untested).await {
                Ok(stored) => {
                    if let Some(reason) = stored.not_in_use {
                        write_line(writer, &ControlAnswer::NotInUse(reason)).await?;
                    }
                    write_line(writer, &ControlAnswer::SourceChanged(stored.applied)).await?;
                    Ok(Ok(()))
                }
                Err(RequestError::Refused(error)) => refused(error, writer).await,
                Err(error) => Ok(Err(error.to_string())),
            }
        }
    }
}

/// The user of the client.
fn actor_of(writer: &OwnedWriteHalf) -> Actor {
    let user = writer.as_ref().peer_cred().map_or_else(
        |_| "an unknown user on the command line".to_owned(),
        |user| format!("uid {} on the command line", user.uid()),
    );
    Actor::who_sees_all(user)
}

/// Writes the mistakes in the values of a Source. Any other error is the reason why the request is refused.
async fn refused(
    error: ChangeError,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    let problems = match &error {
        ChangeError::Invalid(problems) | ChangeError::TestFailed(problems) => {
            problems.iter().map(ToString::to_string).collect()
        }
        error if error.is_misuse() => vec![error.to_string()],
        error => return Ok(Err(error.to_string())),
    };
    write_line(writer, &ControlAnswer::InvalidSource(problems)).await?;
    Ok(Ok(()))
}

/// Looks a key up in the bucket of a Source, and writes what it finds.
async fn look_up(
    config: &Config,
    source: String,
    key: &str,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    let chosen = match config.choose(&[source]) {
        Ok(chosen) => chosen,
        Err(error) => return Ok(Err(error.to_string())),
    };
    for source in chosen {
        let bucket = LazyBucket::new(Arc::clone(source), LOOK_UP_ATTEMPTS);
        let found = match bucket_state(&bucket, key).await {
            BucketState::Present(object) => Ok(Some(ListedObject {
                size: object.size,
                etag: object.etag,
                last_modified: object.last_modified.as_millis(),
                storage_class: object.storage_class,
            })),
            BucketState::Absent | BucketState::NotLookedUp => Ok(None),
            BucketState::Failed { error } => Err(error),
        };
        write_line(writer, &ControlAnswer::LookedUp(found)).await?;
    }
    Ok(Ok(()))
}

/// Examines Sources of the daemon's configuration, and writes the findings.
async fn check(
    config: &Config,
    sources: &[String],
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    let chosen = match config.choose(sources) {
        Ok(chosen) => chosen.into_iter().map(Arc::clone).collect::<Vec<_>>(),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let findings = doctor::examine_sources(config, &chosen).await;
    let findings = serde_json::to_value(findings)?;
    write_line(writer, &ControlAnswer::Checked(findings)).await?;
    Ok(Ok(()))
}

/// Merges all segments of the current index into one. Meanwhile the session continues, and may even end.
async fn compact(ctx: &DaemonContext) -> Result<(), String> {
    let index = || {
        let index = ctx.session.index();
        index.ok_or("the index is not open at the moment; try again".to_owned())
    };
    let text = |error: IndexError| error.to_string();
    let mut result = Ok(());
    for _ in 0..MAX_COMPACTIONS {
        let compaction = index()?.compact().await.map_err(text)?;
        result = compaction.await.map_err(text);
        if result.is_ok() {
            break;
        }
    }
    result?;
    tracing::info!("index compacted");
    index()?.finish_compaction().await.map_err(text)
}

/// Executes a log command, and writes the filter that is active then.
async fn log(
    command: LogCommand,
    log_filter: &LogFilter,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    match command {
        LogCommand::Show => {}
        LogCommand::Reset => log_filter.reset(),
        LogCommand::Set(filter) => {
            if let Err(error) = log_filter.set(&filter) {
                return Ok(Err(error.to_string()));
            }
        }
    }
    let now = ControlAnswer::Log {
        filter: log_filter.current(),
        initial: log_filter.initial().to_owned(),
    };
    write_line(writer, &now).await?;
    Ok(Ok(()))
}

/// A scan whose progress the client sees.
struct Job {
    source: String,
    progress: Arc<ScanProgress>,
}

/// Scans the named Sources, or all if none is named, and writes the progress and the results.
async fn reindex(
    mut sources: Vec<String>,
    mode: ScanMode,
    allow_empty: bool,
    ctx: &DaemonContext,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    if sources.is_empty() {
        sources = ctx.session.source_names();
    }
    let mut jobs = Vec::with_capacity(sources.len());
    let mut scans = JoinSet::new();
    for (index, source) in sources.into_iter().enumerate() {
        let Some(commands) = ctx.session.scan_commands(&source) else {
            return Ok(Err(format!(
                "Source {source:?} is not active in the daemon; check that it is in the configuration and \
                 enabled, and that the daemon has read it (SIGHUP reads it again)"
            )));
        };
        let progress = Arc::new(ScanProgress::default());
        let counter = Arc::clone(&progress);
        scans.spawn(async move { (index, scan(commands, mode, allow_empty, counter).await) });
        jobs.push(Job { source, progress });
    }
    let mut tick = tokio::time::interval(PROGRESS_INTERVAL);
    loop {
        tokio::select! {
            ended = scans.join_next() => match ended {
                None => return Ok(Ok(())),
                Some(Ok((index, report))) => write_report(&jobs[index], report, writer).await?,
                Some(Err(_)) => {
                    return Ok(Err("a task panicked; see the daemon's log".to_owned()));
                }
            },
            _ = tick.tick() => write_progress(&jobs, writer).await?,
        }
    }
}

/// Rebuilds the index. Returns when the rebuild has ended, even if the client has disconnected, so that the
/// caller's lock prevents a second one.
async fn rebuild(
    allow_empty: bool,
    ctx: &DaemonContext,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    let (progress, mut reports) = mpsc::unbounded_channel();
    let change = SessionChange::Rebuild(RebuildRequest {
        allow_empty,
        progress,
    });
    if ctx.session_changes.send(change).await.is_err() {
        return Ok(Err("the daemon is stopping".to_owned()));
    }
    let result = write_rebuild(&mut reports, writer).await;
    if result.is_err() {
        while reports.recv().await.is_some() {}
    }
    result
}

/// Writes the progress of a rebuild until it has ended.
async fn write_rebuild(
    reports: &mut mpsc::UnboundedReceiver<RebuildProgress>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<Result<(), String>> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut tick = tokio::time::interval(PROGRESS_INTERVAL);
    loop {
        tokio::select! {
            report = reports.recv() => match report {
                Some(RebuildProgress::ScanStarted(source, progress)) => {
                    // A scan that begins again replaces the former one.
                    jobs.retain(|job| job.source != source);
                    jobs.push(Job { source, progress });
                }
                Some(RebuildProgress::ScanEnded(source, report)) => {
                    if let Some(job) = jobs.iter().find(|job| job.source == source) {
                        write_report(job, Ok(report), writer).await?;
                    }
                }
                Some(RebuildProgress::Lost(records)) => {
                    write_line(writer, &ControlAnswer::Lost(records)).await?;
                }
                Some(RebuildProgress::Published) => return Ok(Ok(())),
                Some(RebuildProgress::Failed(reason)) => return Ok(Err(reason)),
                None => return Ok(Err("the daemon stopped before the rebuild".to_owned())),
            },
            _ = tick.tick() => write_progress(&jobs, writer).await?,
        }
    }
}

async fn write_progress(jobs: &[Job], writer: &mut OwnedWriteHalf) -> io::Result<()> {
    for job in jobs {
        let figures = SourceScanCounts::of(&job.source, &job.progress);
        write_line(writer, &ControlAnswer::Progress(figures)).await?;
    }
    Ok(())
}

/// Requests a scan, and waits until it has ended.
async fn scan(
    commands: mpsc::Sender<ScanCommand>,
    mode: ScanMode,
    allow_empty: bool,
    progress: Arc<ScanProgress>,
) -> Result<ScanReport, &'static str> {
    const SESSION_ENDED: &str =
        "the daemon has restarted its work meanwhile; it continues the scan by itself";
    let (reply, report) = oneshot::channel();
    let command = ScanCommand {
        mode,
        allow_empty,
        progress,
        reply,
    };
    commands.send(command).await.map_err(|_| SESSION_ENDED)?;
    report.await.map_err(|_| SESSION_ENDED)
}

async fn write_report(
    job: &Job,
    report: Result<ScanReport, &'static str>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let report = report.unwrap_or_else(|reason| ScanReport {
        result: Err(reason.to_owned()),
        took: Duration::ZERO,
        list_requests: 0,
    });
    let outcome = |outcome: ScanOutcome| {
        let as_of = outcome.as_of.map(|timestamp| timestamp.as_millis());
        (outcome.resumed, as_of)
    };
    let answer = ControlAnswer::Ended {
        figures: SourceScanCounts::of(&job.source, &job.progress),
        result: report.result.map(outcome),
        took_seconds: report.took.as_secs_f64(),
        requests: report.list_requests,
    };
    write_line(writer, &answer).await
}

/// Handles a quarantined message again, and removes it from the quarantine if that succeeds. If the message
/// is still in the queue, it is handled once more when it is redelivered.
async fn retry(id: &str, ctx: &DaemonContext) -> Result<(), String> {
    let entry = ctx.quarantine.get(id).map_err(|error| error.to_string())?;
    let entry: QuarantineEntry = entry.ok_or("there is no such message in the quarantine")?;
    let Some(handler) = ctx.session.handler(&entry.queue_url) else {
        return Err("no Source has the message's queue any more".to_owned());
    };
    let message = Message {
        id: entry.message_id,
        receipt: ReceiptHandle(String::new()),
        body: entry.body,
        sent: None,
        first_received: None,
        receive_count: entry.receive_count,
    };
    match handler.handle(&message).await {
        Ok(MessageOutcome::Done) => {
            let removed = ctx.quarantine.remove(id);
            removed.map(drop).map_err(|error| error.to_string())
        }
        Ok(MessageOutcome::NotYet) => Err("the Source is not ready for the message yet".to_owned()),
        Ok(MessageOutcome::Unreadable(reason) | MessageOutcome::Failed(reason)) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}
