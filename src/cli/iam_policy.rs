//! `iam-policy`: prints the smallest IAM policy that the configuration needs. It sends no request.
//!
//! Standard output is the policy document only. Notes go to standard error.

use anyhow::anyhow;

use super::text::{grouped, printable, say};
use super::{Failure, MISUSED, completions, runtime, sources_in_use};
use crate::aws::environment;
use crate::aws::iam::policy::MAX_MANAGED_CHARACTERS;
use crate::aws::iam::{self, Identity, Permission, Policy, PolicyOptions, arn, notes};
use crate::config::Config;

/// Print the smallest IAM policy that the configuration needs
///
/// It allows only what the program does for the enabled Sources: list buckets under the prefixes that the
/// rules admit, receive from their queues, and read objects if HTTP serves previews. Standard output is one
/// policy document for `aws iam create-policy --policy-document file://…`. No request is sent to AWS.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Include only this Source; repeat it for more
    #[arg(long, value_name = "NAME", add = completions::sources())]
    source: Vec<String>,
    /// The identity that gets the policy, if the Sources use several: default (the AWS default chain),
    /// profile:NAME, key:ID of an access key, or the ARN of a role
    #[arg(long, value_name = "WHO")]
    identity: Option<Identity>,
    /// Allow decryption with this KMS key of a queue or of previewed objects; the ARN of the key, not of
    /// an alias; repeat it for more
    #[arg(long, value_name = "ARN", value_parser = key)]
    kms_key: Vec<String>,
    /// Also allow `check` to read the notification settings of buckets
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    let sources = sources_in_use(config, &arguments.source)?;
    let options = PolicyOptions {
        previews: config.serve.listen.is_some(),
        check: arguments.check,
        kms_keys: arguments.kms_key.clone(),
        partitions: runtime()?.block_on(environment::partitions(&sources)),
    };
    let all = iam::of_sources(&sources, &options);
    let (identity, permissions) = choose(&all, arguments.identity.as_ref())?;
    let policy = Policy::of(permissions);
    say!("{}", policy.to_json());
    for note in notes::of_sources(&sources, identity, &options.partitions) {
        eprintln!("note: {}", printable(&note));
    }
    let characters = policy.characters();
    if characters > MAX_MANAGED_CHARACTERS {
        eprintln!(
            "warning: the policy has {} characters, and a managed policy can have at most {}: split it into \
             several policies with --source, or write rules with fewer prefixes",
            grouped(characters as u64),
            grouped(MAX_MANAGED_CHARACTERS as u64)
        );
    }
    Ok(())
}

/// Accepts the ARN of a KMS key. Policies ignore aliases and do not accept bare ids.
fn key(text: &str) -> Result<String, String> {
    if arn::is_kms_key(text) {
        Ok(text.to_owned())
    } else {
        Err(
            "write the ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID, not an alias; \
         `aws kms describe-key --key-id …` shows it"
                .to_owned(),
        )
    }
}

/// Returns the permissions of the chosen identity, or of the only one.
fn choose<'a>(
    all: &'a [(Identity, Vec<Permission>)],
    requested: Option<&Identity>,
) -> Result<&'a (Identity, Vec<Permission>), Failure> {
    let misused = |text: String| Failure::Error(MISUSED, anyhow!(text));
    let known: Vec<String> = all
        .iter()
        .map(|(identity, _)| format!("  --identity {}", printable(&identity.to_string())))
        .collect();
    let known = known.join("\n");
    match (requested, all) {
        (Some(requested), [_, ..]) => {
            let found = all.iter().find(|(identity, _)| identity == requested);
            let requested = printable(&requested.to_string());
            found.ok_or_else(|| {
                misused(format!(
                    "no Source uses {requested:?}; choose one of\n{known}"
                ))
            })
        }
        (None, [only]) => Ok(only),
        (_, []) => Err(misused(
            "no permission is needed: the rules of the Sources admit nothing".to_owned(),
        )),
        (None, _) => Err(misused(format!(
            "the Sources use several identities, and each needs its own policy; choose one of\n{known}"
        ))),
    }
}
