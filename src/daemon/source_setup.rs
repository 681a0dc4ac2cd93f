//! Prints what has to be set up on AWS for a draft of a Source: its IAM policy, and the script that creates its
//! queue. It sends no request and changes nothing.

use crate::aws::environment;
use crate::aws::iam::{self, Policy, PolicyOptions};
use crate::aws::setup::{self, EventPath, SetupPlan};
use crate::config::Config;
use crate::core::source::{Source, queue_url};
use crate::managed::Actor;
use crate::managed::changes::DraftSource;
use crate::serve::source_drafts::Setup;

/// The setup. The error says why there is none.
pub(super) async fn print(
    draft: &DraftSource,
    actor: &Actor,
    config: &Config,
) -> Result<Setup, String> {
    let source = &draft.source;
    if shares_queue_with_hidden(source, actor, config) {
        // The script replaces what the bucket sends to the queue, so it would stop the events of the other Source.
        return Err(
            "another Source that you cannot see gets its events from the same queue; ask an operator for a script \
             that includes both, or use a queue for this Source only"
                .to_owned(),
        );
    }
    let partitions = environment::partitions(&[source]).await;
    let options = PolicyOptions {
        previews: config.serve.listen.is_some(),
        partitions: partitions.clone(),
        ..PolicyOptions::default()
    };
    let permissions: Vec<_> = iam::of_source(source, &options)
        .into_iter()
        .flat_map(|(_, permissions)| permissions)
        .collect();
    let policy = Policy::of(&permissions);
    let visibility = config.events.visibility_timeout.as_secs();
    // The notifications of a bucket are one document, so the script includes the other Sources of the bucket.
    let mut all = others(source, actor, config);
    all.push(source);
    let plan = SetupPlan::of(&[source], &all, EventPath::S3, visibility, &partitions);
    let plan = plan.map_err(|error| error.to_string())?;
    Ok(Setup {
        iam_policy: serde_json::to_value(&policy).map_err(|error| error.to_string())?,
        queue_script: setup::script::print(&plan),
    })
}

fn shares_queue_with_hidden(source: &Source, actor: &Actor, config: &Config) -> bool {
    let queue = |source: &Source| {
        let events = source.events.as_ref()?;
        Some(queue_url::identity(&events.queue_url))
    };
    let Some(own) = queue(source) else {
        return false;
    };
    let is_hidden_twin = |other: &Source| {
        other.name != source.name
            && !actor.may_see(&other.name)
            && queue(other).as_ref() == Some(&own)
    };
    config.sources.iter().any(|other| is_hidden_twin(other))
}

/// The other enabled Sources that the actor can see.
fn others<'a>(source: &Source, actor: &Actor, config: &'a Config) -> Vec<&'a Source> {
    let sources = config.sources.iter().map(AsRef::as_ref);
    sources
        .filter(|other| other.enabled && other.name != source.name)
        .filter(|other: &&Source| actor.may_see(&other.name))
        .collect()
}
