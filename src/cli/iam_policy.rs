//! `iam-policy`: prints the least policy with which the configuration works; AWS is not asked.
//!
//! Standard output is one document, to be handed on as it is; what it cannot say goes to standard error.

use anyhow::anyhow;

use super::text::{grouped, printable, say};
use super::{Failure, MISUSED, sources_in_use};
use crate::aws::iam::policy::MAX_MANAGED_CHARACTERS;
use crate::aws::iam::{self, Identity, Policy, Right, Uses, arn, notes};
use crate::config::Config;

/// Print the least IAM policy with which the configuration works
///
/// It allows what is sent for the enabled Sources and nothing else: their buckets are listed under the
/// prefixes that their rules admit, their queues followed, and objects read where HTTP serves previews
/// of them. Standard output is one policy document, such as
/// `aws iam create-policy --policy-document file://…` takes it. AWS is not asked.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// For this Source alone; may be given several times
    #[arg(long, value_name = "NAME")]
    source: Vec<String>,
    /// For whom, where the Sources have several credentials: default (whoever the AWS default chain
    /// finds), profile:NAME, key:ID of an access key, or the ARN of a role
    #[arg(long, value_name = "WHO")]
    identity: Option<Identity>,
    /// Allow decryption with this key of KMS, which encrypts a queue, or objects that are previewed, by
    /// the ARN of the key itself; may be given several times
    #[arg(long, value_name = "ARN", value_parser = key)]
    kms_key: Vec<String>,
    /// Allow `check` to read the notifications of the buckets too; nothing else needs that
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    let sources = sources_in_use(config, &arguments.source)?;
    let uses = Uses {
        previews: config.serve.listen.is_some(),
        check: arguments.check,
        kms_keys: arguments.kms_key.clone(),
    };
    let all = iam::of_sources(&sources, &uses);
    let (identity, rights) = choose(&all, arguments.identity.as_ref())?;
    let policy = Policy::of(rights);
    say!("{}", policy.to_json());
    for note in notes::of_sources(&sources, identity) {
        eprintln!("note: {}", printable(&note));
    }
    let characters = policy.characters();
    if characters > MAX_MANAGED_CHARACTERS {
        eprintln!(
            "warning: the policy has {} characters and a managed policy takes {}: attach one for \
             some of the Sources each (--source), or write rules with fewer prefixes",
            grouped(characters as u64),
            grouped(MAX_MANAGED_CHARACTERS as u64)
        );
    }
    Ok(())
}

/// The ARN of a key of KMS: of an alias a policy takes note of nothing, and of a bare id there is no policy.
fn key(text: &str) -> Result<String, String> {
    if arn::is_kms_key(text) {
        Ok(text.to_owned())
    } else {
        Err(
        "a policy names a key by its own ARN, arn:aws:kms:REGION:ACCOUNT:key/ID, and by no alias; \
         `aws kms describe-key --key-id …` tells it"
            .to_owned(),
    )
    }
}

/// The rights of the one identity that is wanted, or that there is.
fn choose<'a>(
    all: &'a [(Identity, Vec<Right>)],
    wanted: Option<&Identity>,
) -> Result<&'a (Identity, Vec<Right>), Failure> {
    let misused = |text: String| Failure::Told(MISUSED, anyhow!(text));
    let known: Vec<String> = all
        .iter()
        .map(|(identity, _)| format!("  --identity {}", printable(&identity.to_string())))
        .collect();
    let known = known.join("\n");
    match (wanted, all) {
        (Some(wanted), [_, ..]) => {
            let found = all.iter().find(|(identity, _)| identity == wanted);
            let wanted = printable(&wanted.to_string());
            found.ok_or_else(|| {
                misused(format!("no Source uses {wanted:?}; choose one of\n{known}"))
            })
        }
        (None, [only]) => Ok(only),
        (_, []) => Err(misused(
            "no right is needed: the rules of the Sources admit nothing".to_owned(),
        )),
        (None, _) => Err(misused(format!(
            "several identities are used, and each needs a policy of its own; choose one of\n{known}"
        ))),
    }
}
