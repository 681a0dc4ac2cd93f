//! `check`: tries the configuration on the real buckets and queues, and says in words what works.

mod queue;

use std::convert::Infallible;
use std::fmt::Display;

use super::text::say;
use super::{FAILED, Failure};
use crate::bucket::{BucketError, Lister, S3Bucket};
use crate::config::Config;
use crate::http::gate::Gate;
use crate::index::directory::DataDir;
use crate::index::live::open_live;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::index::{Engine, IndexError};
use crate::source::Source;
use crate::sync::checkpoint::Checkpoint;
use crate::sync::listing::PageRequest;

/// How often a request is tried: who waits for an answer wants to know of a fault at once.
const ATTEMPTS: u32 = 2;

/// One line for everything that was tried.
struct Report {
    all_well: bool,
}

impl Report {
    fn line(&mut self, subject: impl Display, result: Result<String, impl Display>) {
        match result {
            Ok(what) => say!("ok      {subject}: {what}"),
            Err(why) => {
                self.all_well = false;
                say!("FAILED  {subject}: {why}");
            }
        }
    }

    /// Something that works and had better be otherwise, with the commands that make it so.
    fn warning(&mut self, subject: impl Display, what: impl Display, commands: &[String]) {
        say!("warning {subject}: {what}");
        for command in commands {
            say!("            {command}");
        }
    }
}

/// Runs the command.
pub async fn run(config: &Config) -> Result<(), Failure> {
    let mut report = Report { all_well: true };
    let sources = format!("Sources {}", config.names().join(", "));
    report.line("configuration", Ok::<_, Infallible>(sources));
    let index = live_checkpoint(config);
    let checkpoint = index.as_ref().ok().and_then(Option::as_ref);
    for source in &config.sources {
        try_source(source, checkpoint, &mut report).await;
    }
    let state = index.as_ref().map(|known| match known {
        Some(checkpoint) => describe(checkpoint),
        None => "there is none yet; reindex makes it".to_owned(),
    });
    report.line(
        format_args!("index in {}", config.data_dir.display()),
        state,
    );
    try_gate(config, &mut report);
    match report.all_well {
        true => Ok(()),
        false => Err(Failure::Silent(FAILED)),
    }
}

/// Whether those who are to read over HTTP can, and nobody else.
fn try_gate(config: &Config, report: &mut Report) {
    let Some(listen) = &config.serve.listen else {
        return;
    };
    let subject = format!("HTTP on {listen}");
    let gate = Gate::of(&config.serve);
    let concerns = gate.as_ref().map(|gate| gate.concerns(config));
    let what = gate.as_ref().map(|gate| match gate.access().count() {
        None => "whoever can connect may read everything".to_owned(),
        Some(1) => "1 token lets in".to_owned(),
        Some(count) => format!("{count} tokens let in"),
    });
    report.line(&subject, what);
    for concern in concerns.into_iter().flatten() {
        report.warning(&subject, concern, &[]);
    }
}

async fn try_source(source: &Source, checkpoint: Option<&Checkpoint>, report: &mut Report) {
    let subject = format!("Source {:?}", source.name);
    let bound = checkpoint.map(|known| known.check_binding(&source.name, &source.subdomain));
    if let Some(Err(error)) = bound {
        report.line(&subject, Err(error));
    }
    let bucket = S3Bucket::open(source, ATTEMPTS).await;
    let region = bucket
        .as_ref()
        .ok()
        .map(|bucket| bucket.region().to_owned());
    let listed = match bucket {
        Ok(bucket) => list_one(source, &bucket).await,
        Err(error) => Err(error),
    };
    let listed = listed.map_err(|error| format!("failed to {error}"));
    report.line(
        format_args!("{subject}, bucket {:?}", source.bucket),
        listed,
    );
    if let Some(events) = &source.events {
        let subject = format!("{subject}, queue");
        queue::try_queue(events, region.as_deref(), &subject, report).await;
    }
}

/// Asks for the first key under the first prefix that a scan lists: the right that it needs, and no more.
async fn list_one(source: &Source, bucket: &S3Bucket) -> Result<String, BucketError> {
    let first = source.listed_ranges().into_iter().next();
    let request = PageRequest {
        prefix: first.map_or(source.prefix.clone(), |range| range.prefix),
        start_after: None,
        token: None,
        max_keys: 1,
    };
    let page = bucket.list(&request).await?;
    let found = match page.entries.is_empty() {
        true => "it can be listed, and there is no key under the prefix",
        false => "it can be listed",
    };
    Ok(format!("{found} (region {})", bucket.region()))
}

/// The checkpoint of the live index; `None` where there is no index.
fn live_checkpoint(config: &Config) -> Result<Option<Checkpoint>, IndexError> {
    let live = open_live(&DataDir::new(&config.data_dir, SCHEMA_VERSION))?;
    live.map(|engine| engine.checkpoint()).transpose()
}

fn describe(checkpoint: &Checkpoint) -> String {
    let sources = &checkpoint.sources;
    let complete = sources
        .iter()
        .filter(|source| source.complete_as_of.is_some());
    format!(
        "Sources it has held: {}, listed completely: {}",
        sources.len(),
        complete.count()
    )
}
