//! `setup`: prints a script or Terraform that creates the event queues and notifications. It changes nothing.

use anyhow::anyhow;
use clap::ValueEnum;

use super::text::say;
use super::{Failure, MISUSED, completions, runtime, sources_in_use};
use crate::aws::environment;
use crate::aws::setup::{self, EventPath, SetupPlan};
use crate::config::Config;
use crate::core::source::Source;

/// Print a setup of the event queues, for you to review and run
///
/// The setup creates a queue and a dead-letter queue for each Source, lets S3 or EventBridge send to the
/// queue, and configures the bucket's notifications. The name of the queue comes from `queue_url`, or
/// else is asset-indexer-NAME after the Source. Sources without `queue_url` share the queue of their
/// bucket. The output ends with the `events` line to add to the configuration. This command sends no
/// request to AWS and changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Output format: a shell script, which keeps existing queues and notifications, or part of a Terraform
    /// configuration
    #[arg(long, value_name = "FORM")]
    print: Form,
    /// How events reach the queue: directly from S3, or through EventBridge if S3 must also send the same
    /// events to other targets
    #[arg(long, value_name = "SENDER", default_value = "s3")]
    through: Sender,
    /// Set up the queue of this Source, and the other queues of its bucket; repeat it for more
    #[arg(long, value_name = "NAME", add = completions::sources())]
    source: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    AwsCli,
    Terraform,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sender {
    S3,
    #[value(name = "eventbridge")]
    EventBridge,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    let chosen = sources_in_use(config, &arguments.source)?;
    let is_in_use = |source: &&Source| source.enabled || arguments.source.contains(&source.name);
    let all = config.sources.iter().map(AsRef::as_ref);
    let all: Vec<&Source> = all.filter(is_in_use).collect();
    let through = match arguments.through {
        Sender::S3 => EventPath::S3,
        Sender::EventBridge => EventPath::EventBridge,
    };
    let visibility = config.events.visibility_timeout.as_secs();
    let partitions = runtime()?.block_on(environment::partitions(&all));
    let plan = SetupPlan::of(&chosen, &all, through, visibility, &partitions)
        .map_err(|error| Failure::Error(MISUSED, error.into()))?;
    let text = match arguments.print {
        Form::AwsCli => setup::script::print(&plan),
        Form::Terraform => setup::terraform::print(check_one_region_and_account(&plan)?),
    };
    say!("{}", text.trim_end());
    for source in chosen {
        if let Some(url) = source.non_aws_store() {
            let name = &source.name;
            eprintln!(
                "note: the bucket of Source {name} is at {url}: if that is not AWS, events may have to be \
                 set up in another way"
            );
        }
    }
    Ok(())
}

/// Checks that the queues are in one region and account: a Terraform module can have only one of each.
fn check_one_region_and_account(plan: &SetupPlan) -> Result<&SetupPlan, Failure> {
    let misused = |text: String| Err(Failure::Error(MISUSED, anyhow!(text)));
    let (regions, accounts) = (plan.regions(), plan.accounts());
    let mut queues = plan.queues.iter();
    let unknown = queues.find(|queue| queue.region.is_none());
    match (&regions[..], unknown) {
        ([_, _, ..], _) => misused(format!(
            "the queues are in several regions ({}), and a Terraform module is for one region; choose the \
             Sources of one region with --source",
            regions.join(", ")
        )),
        ([region], Some(queue)) => misused(format!(
            "a queue is in {region}, the region of queue {:?} is unknown, and a Terraform module is for one \
             region; set the region of {}, or choose the Sources of one region with --source",
            queue.name,
            queue.source_list()
        )),
        _ if accounts.len() > 1 => misused(format!(
            "the queues are in several accounts ({}), and a Terraform module is for one account; choose the \
             Sources of one account with --source",
            accounts.join(", ")
        )),
        _ => Ok(plan),
    }
}
