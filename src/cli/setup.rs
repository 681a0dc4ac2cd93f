//! `setup`: prints a script or Terraform that creates the event queues and notifications. It changes nothing.

use anyhow::anyhow;
use clap::ValueEnum;

use super::text::say;
use super::{Failure, MISUSED, sources_in_use};
use crate::aws::setup::{self, EventPath, SetupPlan};
use crate::config::Config;
use crate::core::source::Source;

/// Print what sets up the queues of events, for you to look at and run
///
/// For the queue of each Source: the queue and one for its dead letters, who may send to it, and what
/// the bucket sends there. A queue is named as in `queue_url`, else asset-indexer-NAME after the Source;
/// the Sources of one bucket share it. What is printed ends with the line that the configuration needs.
/// AWS is not asked, and nothing is changed.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The form: a shell script, which adds to what is there; or a part of a Terraform configuration
    #[arg(long, value_name = "FORM")]
    print: Form,
    /// How events come to the queue: from S3 itself, or through EventBridge where S3 must send them to
    /// others too that want the same
    #[arg(long, value_name = "SENDER", default_value = "s3")]
    through: Sender,
    /// For the queue of this Source, and others that its bucket sends to; may be given several times
    #[arg(long, value_name = "NAME")]
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
    let is_meant = |source: &&Source| source.enabled || arguments.source.contains(&source.name);
    let all = config.sources.iter().map(AsRef::as_ref);
    let all: Vec<&Source> = all.filter(is_meant).collect();
    let through = match arguments.through {
        Sender::S3 => EventPath::S3,
        Sender::EventBridge => EventPath::EventBridge,
    };
    let visibility = config.events.visibility_timeout.as_secs();
    let plan = SetupPlan::of(&chosen, &all, through, visibility)
        .map_err(|error| Failure::Error(MISUSED, error.into()))?;
    let text = match arguments.print {
        Form::AwsCli => setup::script::print(&plan),
        Form::Terraform => setup::terraform::print(in_one_place(&plan)?),
    };
    say!("{}", text.trim_end());
    for source in chosen {
        if let Some(url) = source.non_aws_store() {
            let name = &source.name;
            eprintln!(
                "note: Source {name} has its bucket at {url}: where that is not AWS, events may be set up \
                 in another way"
            );
        }
    }
    Ok(())
}

/// The same, if what can be of one Region and account alone can hold it.
fn in_one_place(plan: &SetupPlan) -> Result<&SetupPlan, Failure> {
    let misused = |text: String| Err(Failure::Error(MISUSED, anyhow!(text)));
    let (regions, accounts) = (plan.regions(), plan.accounts());
    let mut queues = plan.queues.iter();
    let unknown = queues.find(|queue| queue.region.is_none());
    match (&regions[..], unknown) {
        ([_, _, ..], _) => misused(format!(
            "the queues are in several Regions ({}), and this form is for one; choose the Sources of one \
             with --source",
            regions.join(", ")
        )),
        ([region], Some(queue)) => misused(format!(
            "a queue is in {region}, and where {:?} is to be is not known, and this form is for one \
             Region; write the region of {}, or choose the Sources of one Region with --source",
            queue.name,
            queue.source_list()
        )),
        _ if accounts.len() > 1 => misused(format!(
            "the queues are in several accounts ({}), and this form is for one; choose the Sources of one \
             with --source",
            accounts.join(", ")
        )),
        _ => Ok(plan),
    }
}
