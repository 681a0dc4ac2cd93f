//! Shows the progress of a reindex: a bar for each Source on a terminal, log lines elsewhere.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use super::text::grouped;
use crate::ingest::reindex::ReindexJob;

/// Time between two updates of the bars.
const REDRAW: Duration = Duration::from_millis(100);
/// Time between two log lines about a running scan.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// Maximum number of bars.
const MAX_BARS: usize = 12;

/// Writes log lines above the bars.
#[derive(Clone)]
pub(super) struct AboveBars(pub MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Shows the jobs until the caller drops the future.
pub(super) async fn show(jobs: Vec<Arc<ReindexJob>>, bars: MultiProgress) {
    if bars.is_hidden() {
        log(&jobs).await;
    } else {
        draw(&jobs, &bars).await;
    }
}

async fn log(jobs: &[Arc<ReindexJob>]) {
    let mut tick = tokio::time::interval(LOG_EVERY);
    tick.tick().await;
    loop {
        tick.tick().await;
        for job in jobs {
            let progress = &job.progress;
            // The reindex logs that it waits for merges.
            if progress.listed.get() > 0 && !is_merging(job) {
                tracing::info!(
                    source = job.source.name,
                    listed = progress.listed.get(),
                    admitted = progress.admitted.get(),
                    expected = progress.expected.get(),
                    changed = changed(job),
                    "scanning"
                );
            }
        }
    }
}

async fn draw(jobs: &[Arc<ReindexJob>], bars: &MultiProgress) {
    let shown = &jobs[..jobs.len().min(MAX_BARS)];
    let shown: Vec<_> = shown.iter().map(|job| (job, new_bar(job, bars))).collect();
    let began = Instant::now();
    let mut tick = tokio::time::interval(REDRAW);
    loop {
        tick.tick().await;
        for (job, bar) in &shown {
            update(job, bar, began.elapsed());
        }
    }
}

/// Templates of a bar: while the number of keys is unknown, and when an estimate is known.
const UNKNOWN_LENGTH: &str = "{prefix} {spinner} {wide_msg}";
const KNOWN_LENGTH: &str = "{prefix} [{bar:20}] {wide_msg}";

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style
        .expect("the templates are constants, and a test parses them")
        .progress_chars("=> ")
}

fn new_bar(job: &ReindexJob, bars: &MultiProgress) -> ProgressBar {
    let bar = bars.add(ProgressBar::no_length().with_style(style(UNKNOWN_LENGTH)));
    bar.set_prefix(job.source.name.clone());
    bar
}

fn update(job: &ReindexJob, bar: &ProgressBar, elapsed: Duration) {
    let progress = &job.progress;
    let (listed, expected) = (progress.listed.get(), progress.expected.get());
    let rate = listed as f64 / elapsed.as_secs_f64().max(0.001);
    if expected > 0 && bar.length().is_none() {
        bar.set_style(style(KNOWN_LENGTH));
    }
    let mut message = format!("{} keys listed", grouped(listed));
    if expected > 0 {
        let expected = expected.max(listed);
        bar.set_length(expected);
        bar.set_position(listed);
        message += &format!(" of about {}", grouped(expected));
    }
    message += &format!(
        ", {} admitted, {} changed, {} keys/s",
        grouped(progress.admitted.get()),
        grouped(changed(job)),
        grouped(rate as u64),
    );
    if is_merging(job) {
        message += "; waiting until the index has merged its segments";
    }
    bar.set_message(message);
    bar.tick();
}

fn is_merging(job: &ReindexJob) -> bool {
    job.is_merging.load(Ordering::Relaxed)
}

/// Number of records that the scan added, changed or removed.
fn changed(job: &ReindexJob) -> u64 {
    let progress = &job.progress;
    progress.added.get() + progress.changed.get() + progress.removed.get()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::core::source::Source;

    #[test]
    fn templates_are_valid() {
        for template in [UNKNOWN_LENGTH, KNOWN_LENGTH] {
            style(template);
        }
    }

    #[test]
    fn bar_says_that_it_waits_for_merges() {
        let job = ReindexJob {
            source: Arc::new(Source::new("photos", "bucket", "photos")),
            progress: Arc::default(),
            is_merging: AtomicBool::new(false),
        };
        job.progress.listed.add(1_234);
        let bar = ProgressBar::hidden();
        let second = Duration::from_secs(1);
        update(&job, &bar, second);
        let scanning = bar.message();
        assert!(scanning.contains("keys listed"), "{scanning}");
        assert!(!scanning.contains("waiting"), "{scanning}");
        job.is_merging.store(true, Ordering::Relaxed);
        update(&job, &bar, second);
        let merging = "waiting until the index has merged its segments";
        assert!(bar.message().ends_with(merging), "{}", bar.message());
    }
}
