//! `check`: tries the configuration on the real buckets, and says in words what works.

use super::{FAILED, Failure};
use crate::bucket::{BucketError, Lister, S3Bucket};
use crate::config::Config;
use crate::index::IndexError;
use crate::index::directory::DataDir;
use crate::index::tantivy::TantivyEngine;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::queue::Queue;
use crate::source::{Events, Source};
use crate::sync::checkpoint::Checkpoint;
use crate::sync::listing::PageRequest;

/// How often a request is tried: who waits for an answer wants to know of a fault at once.
const ATTEMPTS: u32 = 2;

/// Runs the command.
pub async fn run(config: &Config) -> Result<(), Failure> {
    println!(
        "ok      configuration: Sources {}",
        super::known_names(config)
    );
    let mut all_well = true;
    let mut report = |subject: &str, result: Result<String, String>| match result {
        Ok(what) => println!("ok      {subject}: {what}"),
        Err(why) => {
            all_well = false;
            println!("FAILED  {subject}: {why}");
        }
    };
    let index = live_checkpoint(config);
    let checkpoint = index.as_ref().ok().and_then(Option::as_ref);
    for source in &config.sources {
        let subject = format!("Source {:?}", source.name);
        let bound = checkpoint.map_or(Ok(()), |known| {
            known.check_binding(&source.name, &source.subdomain)
        });
        if let Err(error) = bound {
            report(&subject, Err(error.to_string()));
        }
        let listed = list_one(source)
            .await
            .map_err(|error| format!("failed to {error}"));
        report(&format!("{subject}, bucket {:?}", source.bucket), listed);
        if let Some(events) = &source.events {
            report(&format!("{subject}, queue"), try_queue(events).await);
        }
    }
    let state = match &index {
        Ok(Some(known)) => Ok(describe(known)),
        Ok(None) => Ok("there is none yet; reindex makes it".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    report(&format!("index in {}", config.data_dir.display()), state);
    if all_well {
        Ok(())
    } else {
        Err(Failure::Silent(FAILED))
    }
}

/// The checkpoint of the live index; `None` where there is no index.
fn live_checkpoint(config: &Config) -> Result<Option<Checkpoint>, IndexError> {
    match DataDir::new(&config.data_dir, SCHEMA_VERSION).current()? {
        Some(live) => {
            TantivyEngine::open_read_only(&live)?;
            Ok(Some(TantivyEngine::checkpoint_in(&live)?))
        }
        None => Ok(None),
    }
}

fn describe(checkpoint: &Checkpoint) -> String {
    let complete = checkpoint
        .sources
        .iter()
        .filter(|source| source.complete_as_of.is_some());
    format!(
        "{} Sources, {} of them listed completely",
        checkpoint.sources.len(),
        complete.count()
    )
}

/// Asks for the first key under the prefix: what a scan asks for, and no more.
async fn list_one(source: &Source) -> Result<String, BucketError> {
    let bucket = S3Bucket::open(source, ATTEMPTS).await?;
    let request = PageRequest {
        prefix: source.prefix.clone(),
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

async fn try_queue(events: &Events) -> Result<String, String> {
    let queue = Queue::open(events)
        .await
        .map_err(|error| error.to_string())?;
    let waiting = queue
        .visible_messages()
        .await
        .map_err(|error| error.to_string())?;
    Ok(format!("it can be reached; about {waiting} messages wait"))
}
