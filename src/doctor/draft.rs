//! Tests a draft of a Source: sends the same requests as `check`, in a limited time, and says which field of the
//! draft each finding is about.
//!
//! It stores nothing. The caller has validated the draft.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use super::bucket::{self, BucketChecks, BucketInfo};
use super::events;
use super::finding::{Cause, Finding, IamAction, Subject, Verdict};
use super::{field, index, rules, source};
use crate::aws::iam::is_previewed;
use crate::config::Config;
use crate::core::replication::checkpoint::{BindingError, Checkpoint};
use crate::core::source::Source;
use crate::managed::Actor;
use crate::managed::changes::DraftSource;
use crate::serve::source_drafts::{TestFinding, TestReport, TestVerdict};

/// Maximum time for all requests. Clients get an answer within 15 seconds.
const LIMIT: Duration = Duration::from_secs(14);

/// Maximum length of a text in characters. Servers that a user chooses send parts of these texts.
const MAX_TEXT: usize = 1_500;

/// Tests the draft.
pub(crate) async fn examine(draft: &DraftSource, actor: &Actor, config: &Config) -> TestReport {
    let began = Instant::now();
    let mut findings = Vec::new();
    let mut skipped = Vec::new();
    let all = run(draft, actor, config, &mut findings, &mut skipped);
    let in_time = timeout_at((began + LIMIT).into(), all).await;
    let source = &draft.source;
    let mut findings: Vec<TestFinding> = findings
        .into_iter()
        .map(|finding| shown(finding, source))
        .collect();
    if in_time.is_err() {
        findings.push(too_slow(source));
    }
    findings.extend(skipped);
    TestReport {
        ok: findings.iter().all(|it| it.verdict != TestVerdict::Failure),
        findings,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Adds the findings one after another, so that those before the time limit stay.
async fn run(
    draft: &DraftSource,
    actor: &Actor,
    config: &Config,
    findings: &mut Vec<Finding>,
    skipped: &mut Vec<TestFinding>,
) {
    let source = &draft.source;
    let checkpoint = index::checkpoint(config).await;
    if draft.has_subdomain {
        findings.extend(binding(draft, actor, checkpoint.as_ref()));
    }
    findings.extend(rules::examine(source));
    let checks = BucketChecks {
        previews: config.serve.listen.is_some() && is_previewed(source),
        events: source.events.is_some(),
    };
    let mut bucket_info = BucketInfo::default();
    bucket::examine_into(source, checks, findings, &mut bucket_info).await;
    let listing = Subject::IamAction(IamAction::ListBucket);
    if bucket_info.has_no_keys {
        findings.retain(|finding| finding.subject != listing);
        findings.push(no_keys(source));
    } else if findings.iter().any(|it| it.verdict == Verdict::Failure)
        && findings.iter().all(|it| it.subject != listing)
    {
        skipped.push(not_tested(listing, "no listing was tried"));
    }
    let Some(events) = &source.events else { return };
    if bucket_info.unusable_credentials && events.credentials == source.credentials {
        let why = "the queue was not tried, because it needs the same credentials";
        skipped.push(not_tested(Subject::Queue, why));
        return;
    }
    let history = source::event_history(source, &events.queue_url, checkpoint.as_ref());
    let visibility = config.events.visibility_timeout;
    findings.extend(events::examine(source, events, &bucket_info, history, visibility).await);
}

/// A failure if the subdomain is bound to another Source, which is only named to someone who can see it.
fn binding(draft: &DraftSource, actor: &Actor, checkpoint: Option<&Checkpoint>) -> Option<Finding> {
    let source = &draft.source;
    let bound = checkpoint?.check_binding(&source.name, &source.subdomain);
    match bound.err()? {
        BindingError::SubdomainTaken { owner, .. } if !actor.may_see(&owner) => {
            let what = format!("the subdomain {:?} is already taken", source.subdomain);
            let remedy = "Give the Source another subdomain.";
            Some(Finding::failure(Subject::Binding, what).remedy(remedy))
        }
        BindingError::SubdomainTaken { owner, .. } if !draft.has_name => {
            let subdomain = &source.subdomain;
            let what = format!(
                "subdomain {subdomain:?} is bound to Source {owner:?} for good, because URLs with it may still be in use"
            );
            let remedy = format!("Give the Source another subdomain, or the name {owner:?}.");
            Some(Finding::failure(Subject::Binding, what).remedy(remedy))
        }
        _ => source::binding(source, checkpoint),
    }
}

/// The warning for a Source without keys. Its prefix or rules are probably mistyped.
fn no_keys(source: &Source) -> Finding {
    let subject = Subject::IamAction(IamAction::ListBucket);
    let (prefix, bucket) = (&source.prefix, &source.bucket);
    let (place, remedy) = if source.rules.included().is_some() {
        (
            format!("of bucket {bucket:?} under {prefix:?} that an include rule can match"),
            "Check the prefix and the include rules, also upper and lower case.",
        )
    } else if prefix.is_empty() {
        (
            format!("in bucket {bucket:?}"),
            "Check the name of the bucket. If it is right, assets appear after they are uploaded.",
        )
    } else {
        (
            format!("of bucket {bucket:?} under {prefix:?}"),
            "Check the prefix, also upper and lower case. If it is right, assets appear after they are uploaded.",
        )
    };
    Finding::warning(subject, format!("there is no key {place}")).remedy(remedy)
}

fn not_tested(subject: Subject, why: &str) -> TestFinding {
    TestFinding {
        verdict: TestVerdict::Skipped,
        subject: subject.as_str().to_owned(),
        text: why.to_owned(),
        remedy: None,
        commands: Vec::new(),
        pointer: None,
    }
}

fn too_slow(source: &Source) -> TestFinding {
    let text = format!(
        "the test was stopped after {} s, because the server is slow or does not answer",
        LIMIT.as_secs()
    );
    let remedy = "Check the endpoint, the network and any firewall in between, and test again.";
    let unreachable = crate::aws::bucket::BucketErrorKind::Connection;
    let finding = Finding::failure(Subject::Bucket, text)
        .remedy(remedy)
        .caused_by(Cause::Bucket(unreachable));
    shown(finding, source)
}

/// The finding for a client.
fn shown(finding: Finding, source: &Source) -> TestFinding {
    let pointer = field::of(&finding, source).map(|field| field.pointer());
    let (remedy, commands) = match finding.remedy {
        None => (None, Vec::new()),
        Some(remedy) => (Some(cut(&remedy.text)), remedy.commands),
    };
    // A command that is cut would do something else.
    let is_short = |command: &String| command.chars().count() <= MAX_TEXT;
    TestFinding {
        verdict: match finding.verdict {
            Verdict::Ok => TestVerdict::Ok,
            Verdict::Warning => TestVerdict::Warning,
            Verdict::Failure => TestVerdict::Failure,
        },
        subject: finding.subject.as_str().to_owned(),
        text: cut(&finding.what),
        remedy,
        commands: commands.into_iter().filter(is_short).collect(),
        pointer,
    }
}

/// The text, or its start if it is too long.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_TEXT {
        return text.to_owned();
    }
    text.chars().take(MAX_TEXT).chain(['…']).collect()
}
