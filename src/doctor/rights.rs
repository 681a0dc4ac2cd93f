//! What the credentials may, right by right: what an answer to a request says of the right that it needs.
//!
//! A right that is missing is named with the resource that a policy has to name beside it.

use super::finding::{Finding, Right, Subject, Verdict};
use crate::aws::bucket::{BucketError, BucketErrorKind};
use crate::aws::iam::arn::partition;
use crate::aws::queue::{QueueError, QueueErrorKind};
use crate::core::source::Source;

/// Prints the policy that gives all rights which the configuration needs.
const PRINT_POLICY: &str = "asset-indexer iam-policy";

/// The same with what only `check` needs.
const PRINT_POLICY_OF_CHECK: &str = "asset-indexer iam-policy --check";

/// The same with a key of KMS.
const PRINT_POLICY_OF_KEY: &str = "asset-indexer iam-policy --kms-key ARN";

/// The ARN of a bucket.
pub(super) fn bucket_arn(region: &str, bucket: &str) -> String {
    format!("arn:{}:s3:::{bucket}", partition(Some(region)))
}

/// The ARN of a queue.
pub(super) fn queue_arn(region: &str, account: &str, name: &str) -> String {
    let partition = partition(Some(region));
    format!("arn:{partition}:sqs:{region}:{account}:{name}")
}

/// A right that is missing.
fn denied(verdict: Verdict, right: Right, resource: &str, what: &str) -> Finding {
    let (subject, action) = (Subject::Right(right), right.action());
    let owner = if action.starts_with("sqs:") {
        "queue"
    } else {
        "bucket"
    };
    let finding = match verdict {
        Verdict::Failure => Finding::failure(subject, what),
        _ => Finding::warning(subject, what),
    };
    finding
        .remedy(format!(
            "allow these credentials {action} on {resource}, in their policy, and in the {owner}'s where \
             it has one that denies; the whole policy is printed by"
        ))
        .command(match right {
            Right::GetBucketNotification => PRINT_POLICY_OF_CHECK,
            _ => PRINT_POLICY,
        })
}

/// A request to a bucket that failed for another reason than the right to it.
pub(super) fn bucket_failure(error: &BucketError) -> Finding {
    let subject = match error.kind() {
        BucketErrorKind::UnknownAccessKey
        | BucketErrorKind::WrongSecret
        | BucketErrorKind::ExpiredToken
        | BucketErrorKind::NoCredentials => Subject::Credentials,
        BucketErrorKind::ClockSkew => Subject::Clock,
        BucketErrorKind::WrongRegion { .. } => Subject::Region,
        _ => Subject::Bucket,
    };
    let what = format!("failed to {}: {}", error.operation, error.cause);
    Finding::failure(subject, what).remedy(error.remedy())
}

/// What a listing under a prefix gave: the first key that is one of those to be listed.
pub(super) type Listed = (String, Result<Option<String>, BucketError>);

/// Whether the keys can be listed that a scan would list, by the listings that were tried.
pub(super) fn list(source: &Source, region: &str, listed: &[Listed]) -> Finding {
    let refused = listed.iter().find_map(|(prefix, answer)| {
        let error = answer.as_ref().err()?;
        Some((prefix, error))
    });
    if let Some((prefix, error)) = refused {
        return unlisted(source, region, prefix, error);
    }
    let under = match listed {
        [] => String::new(),
        [(prefix, _)] => under(prefix),
        [(first, _), more @ ..] => format!(" under {first:?}, and {} more prefixes,", more.len()),
    };
    let is_empty = listed.iter().all(|(_, answer)| matches!(answer, Ok(None)));
    let none = if is_empty { ", and there is none" } else { "" };
    let what = format!("keys{under} can be listed{none}");
    Finding::ok(Subject::Right(Right::ListBucket), what)
}

fn under(prefix: &str) -> String {
    match prefix {
        "" => String::new(),
        prefix => format!(" under {prefix:?}"),
    }
}

/// That the keys under the prefix cannot be listed.
fn unlisted(source: &Source, region: &str, prefix: &str, error: &BucketError) -> Finding {
    let (right, under) = (Right::ListBucket, under(prefix));
    match error.kind() {
        BucketErrorKind::AccessDenied => {
            let mut resource = bucket_arn(region, &source.bucket);
            if !prefix.is_empty() {
                resource += &format!(" (a condition on s3:prefix has to admit {prefix:?})");
            }
            let mut what = format!("keys{under} cannot be listed: {}", error.cause);
            if let Some(owner) = &source.expected_bucket_owner {
                what += &format!("; or the bucket is not of the account {owner}");
            }
            denied(Verdict::Failure, right, &resource, &what)
        }
        _ => bucket_failure(error),
    }
}

/// That the Region cannot be found, where it is to be found.
pub(super) fn location(source: &Source, error: &BucketError) -> Finding {
    if *error.kind() != BucketErrorKind::AccessDenied {
        return bucket_failure(error);
    }
    let what = format!(
        "the Region is to be found, and the store does not tell it: {}; region = \"…\" in the \
         configuration does without",
        error.cause
    );
    let resource = bucket_arn("", &source.bucket);
    denied(Verdict::Failure, Right::GetBucketLocation, &resource, &what)
}

/// On which key it was tried whether objects can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TriedOn {
    /// One that was listed.
    Listed,
    /// One that cannot be there, because none is; `may_list` whether that could be seen.
    Missing { may_list: bool },
}

/// Whether browsers can be given addresses of objects; `None` where that cannot be told.
///
/// Without it the index is as good as with it, so its lack is no failure.
pub(super) fn get(
    source: &Source,
    region: &str,
    on: TriedOn,
    answer: &Result<bool, BucketError>,
) -> Option<Finding> {
    let subject = Subject::Right(Right::GetObject);
    let resource = format!("{}/{}*", bucket_arn(region, &source.bucket), source.prefix);
    let error = match answer {
        Ok(_) => return Some(Finding::ok(subject, "objects can be read, for previews")),
        Err(error) => error,
    };
    match (error.kind(), on) {
        // To whoever may not list, S3 says of a missing key the same as of one that may not be read.
        (BucketErrorKind::AccessDenied, TriedOn::Missing { may_list: false }) => None,
        (BucketErrorKind::AccessDenied, TriedOn::Missing { may_list: true }) => {
            let what = "whether objects can be read, for previews, cannot be told before there is one: \
                        that a key is missing is only said to those who may list the whole bucket";
            let finding = Finding::warning(subject, what);
            Some(finding.remedy("run this again when there is an object"))
        }
        (BucketErrorKind::AccessDenied, TriedOn::Listed) => {
            let what = format!(
                "there are no previews, as objects cannot be read: {}; none are needed with a base_url \
                 of your own, or with serve.listen = \"off\"",
                error.cause
            );
            let right = Right::GetObject;
            Some(denied(Verdict::Warning, right, &resource, &what))
        }
        _ => {
            let what = format!("failed to {}: {}", error.operation, error.cause);
            Some(Finding::warning(subject, what).remedy(error.remedy()))
        }
    }
}

/// That the bucket's notifications cannot be read.
pub(super) fn notifications_unread(source: &Source, region: &str, error: &BucketError) -> Finding {
    let what = format!(
        "what the bucket sends where cannot be seen: {}",
        error.cause
    );
    match error.kind() {
        BucketErrorKind::AccessDenied => {
            let resource = bucket_arn(region, &source.bucket);
            let right = Right::GetBucketNotification;
            let needed = what + "; the daemon does without this right";
            denied(Verdict::Warning, right, &resource, &needed)
        }
        _ => Finding::warning(Subject::Notifications, what).remedy(
            "look at the bucket's notifications by the store's own means: \
             created and removed objects have to be sent to the queue",
        ),
    }
}

/// Whether a request to the queue, which left its messages alone, was let through.
pub(super) fn of_queue(right: Right, arn: &str, answer: &Result<(), QueueError>) -> Finding {
    match answer {
        Ok(()) => Finding::ok(Subject::Right(right), "allowed"),
        Err(error) if error.kind == QueueErrorKind::AccessDenied => {
            let is_of_the_key = error
                .detail
                .as_str()
                .to_ascii_lowercase()
                .starts_with("kms");
            let finding = denied(Verdict::Failure, right, arn, &queue_error(error));
            if is_of_the_key {
                finding
            .remedy(
                "allow these credentials kms:Decrypt on the key that encrypts the queue, in the \
                 key's policy and in theirs, which is printed, with the ARN of the key, by",
            )
            .command(PRINT_POLICY_OF_KEY)
            } else {
                finding
            }
        }
        Err(error) => queue_failure(error),
    }
}

/// A request to a queue that failed for another reason than the right to it.
pub(super) fn queue_failure(error: &QueueError) -> Finding {
    let subject = match error.kind {
        QueueErrorKind::NoCredentials => Subject::Credentials,
        _ => Subject::Queue,
    };
    Finding::failure(subject, queue_error(error)).remedy(error.remedy())
}

fn queue_error(error: &QueueError) -> String {
    let QueueError {
        operation,
        url,
        kind,
        detail,
    } = error;
    format!("failed to {operation} queue {url}: {kind}{detail}")
}

#[cfg(test)]
mod tests;
