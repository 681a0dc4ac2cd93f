//! Tests the IAM permissions of the credentials: whether the result of a request shows that its action is
//! allowed.
//!
//! A finding about a missing permission names the action and the resource to grant it on.

use super::finding::{Cause, Finding, IamAction, Subject, Verdict};
use crate::aws::bucket::{BucketError, BucketErrorKind};
use crate::aws::iam::partition;
use crate::aws::queue::{QueueError, QueueErrorKind};
use crate::core::source::Source;

/// Prints the IAM policy that the configuration needs.
const PRINT_POLICY: &str = "asset-indexer iam-policy";

/// Prints the same policy, plus the actions that only `check` needs.
const PRINT_CHECK_POLICY: &str = "asset-indexer iam-policy --check";

/// Prints the same policy, plus the use of a KMS key.
const PRINT_KMS_POLICY: &str = "asset-indexer iam-policy --kms-key ARN";

/// The ARN of a bucket.
pub(super) fn bucket_arn(region: &str, bucket: &str) -> String {
    format!("arn:{}:s3:::{bucket}", partition::of_region(region))
}

/// The ARN of a queue.
pub(super) fn queue_arn(region: &str, account: &str, name: &str) -> String {
    let partition = partition::of_region(region);
    format!("arn:{partition}:sqs:{region}:{account}:{name}")
}

/// The finding for an action that is denied on `resource`.
fn denied(verdict: Verdict, action: IamAction, resource: &str, what: &str) -> Finding {
    let (subject, name) = (Subject::IamAction(action), action.as_str());
    let owner = if name.starts_with("sqs:") {
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
            "Grant these credentials {name} on {resource}, in their IAM policy. If the {owner} policy denies it, \
             change that too. This command prints the whole IAM policy"
        ))
        .command(match action {
            IamAction::GetBucketNotification => PRINT_CHECK_POLICY,
            _ => PRINT_POLICY,
        })
}

/// The finding for a request to a bucket that failed for a reason other than a missing permission.
pub(super) fn bucket_failure(error: &BucketError) -> Finding {
    let subject = match error.kind() {
        BucketErrorKind::UnknownAccessKey
        | BucketErrorKind::WrongSecret
        | BucketErrorKind::ExpiredToken
        | BucketErrorKind::CredentialsNotAllowed
        | BucketErrorKind::NoCredentials => Subject::Credentials,
        BucketErrorKind::ClockSkew => Subject::Clock,
        BucketErrorKind::WrongRegion { .. } => Subject::Region,
        _ => Subject::Bucket,
    };
    let what = format!("failed to {}: {}", error.operation, error.cause);
    Finding::failure(subject, what)
        .remedy(error.remedy())
        .caused_by(Cause::Bucket(error.kind().clone()))
}

/// A prefix and the result of listing it: the first key that a scan would list, if any.
pub(super) type RangeListing = (String, Result<Option<String>, BucketError>);

/// Whether the ranges that a scan lists can be listed.
pub(super) fn list(source: &Source, region: &str, listed: &[RangeListing]) -> Finding {
    let refused = listed.iter().find_map(|(prefix, result)| {
        let error = result.as_ref().err()?;
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
    let is_empty = listed.iter().all(|(_, result)| matches!(result, Ok(None)));
    let none = if is_empty { ", but there are none" } else { "" };
    let what = format!("keys{under} can be listed{none}");
    Finding::ok(Subject::IamAction(IamAction::ListBucket), what)
}

/// A phrase that names the prefix, or nothing if it is empty.
fn under(prefix: &str) -> String {
    match prefix {
        "" => String::new(),
        prefix => format!(" under {prefix:?}"),
    }
}

/// The finding for a prefix that cannot be listed.
fn unlisted(source: &Source, region: &str, prefix: &str, error: &BucketError) -> Finding {
    let (action, under) = (IamAction::ListBucket, under(prefix));
    match error.kind() {
        BucketErrorKind::AccessDenied => {
            let mut resource = bucket_arn(region, &source.bucket);
            if !prefix.is_empty() {
                resource += &format!(" (a condition on s3:prefix must allow {prefix:?})");
            }
            let mut what = format!("keys{under} cannot be listed: {}", error.cause);
            if let Some(owner) = &source.expected_bucket_owner {
                what += &format!(
                    "; or the account {owner} (expected_bucket_owner) does not own the bucket"
                );
            }
            denied(Verdict::Failure, action, &resource, &what)
        }
        _ => bucket_failure(error),
    }
}

/// The finding for a region that cannot be detected. `signed_for` is a region of the same partition.
pub(super) fn location(source: &Source, signed_for: &str, error: &BucketError) -> Finding {
    if *error.kind() != BucketErrorKind::AccessDenied {
        return bucket_failure(error);
    }
    let what = format!(
        "the region cannot be detected: {}. With region = \"…\" in the configuration, this permission is not \
         needed",
        error.cause
    );
    let resource = bucket_arn(signed_for, &source.bucket);
    denied(
        Verdict::Failure,
        IamAction::GetBucketLocation,
        &resource,
        &what,
    )
}

/// The key of the object that was read as a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TestedKey {
    /// A key that was listed.
    Listed,
    /// A key that does not exist, because no key was listed. `may_list`: whether a listing succeeded.
    Missing { may_list: bool },
}

/// Whether objects can be read, which presigned URLs for previews need. `None` if the result does not show
/// it.
///
/// The index does not need this permission, so its lack is only a warning.
pub(super) fn get(
    source: &Source,
    region: &str,
    tested_key: TestedKey,
    result: &Result<bool, BucketError>,
) -> Option<Finding> {
    let subject = Subject::IamAction(IamAction::GetObject);
    let resource = format!("{}/{}*", bucket_arn(region, &source.bucket), source.prefix);
    let error = match result {
        Ok(_) => return Some(Finding::ok(subject, "objects can be read, for previews")),
        Err(error) => error,
    };
    match (error.kind(), tested_key) {
        // Without the permission to list, S3 denies access to a missing key too.
        (BucketErrorKind::AccessDenied, TestedKey::Missing { may_list: false }) => None,
        (BucketErrorKind::AccessDenied, TestedKey::Missing { may_list: true }) => {
            let what = "cannot test whether objects can be read (for previews), because there is no object yet: \
                        S3 reports a missing key only to credentials that may list the whole bucket";
            let finding = Finding::warning(subject, what);
            Some(finding.remedy("Run check again when there is an object."))
        }
        (BucketErrorKind::AccessDenied, TestedKey::Listed) => {
            let what = format!(
                "no previews, because objects cannot be read: {}. This permission is not needed if you set \
                 base_url, thumbnail_url or serve.listen = \"off\"",
                error.cause
            );
            let action = IamAction::GetObject;
            Some(denied(Verdict::Warning, action, &resource, &what))
        }
        _ => {
            let what = format!("failed to {}: {}", error.operation, error.cause);
            Some(Finding::warning(subject, what).remedy(error.remedy()))
        }
    }
}

/// The finding for notifications that cannot be read.
pub(super) fn notifications_unread(source: &Source, region: &str, error: &BucketError) -> Finding {
    let what = format!("cannot read which events the bucket sends: {}", error.cause);
    match error.kind() {
        BucketErrorKind::AccessDenied => {
            let resource = bucket_arn(region, &source.bucket);
            let action = IamAction::GetBucketNotification;
            let what = what + ". The daemon does not need this permission";
            denied(Verdict::Warning, action, &resource, &what)
        }
        _ => Finding::warning(Subject::Notifications, what).remedy(
            "Look at the bucket's notifications with the tools of the store: it must send events for created and \
             removed objects to the queue.",
        ),
    }
}

/// Whether an action on the queue is allowed, by the result of a request that did not affect its messages.
pub(super) fn queue_action(
    action: IamAction,
    arn: &str,
    result: &Result<(), QueueError>,
) -> Finding {
    match result {
        Ok(()) => Finding::ok(Subject::IamAction(action), "allowed"),
        Err(error) if error.kind == QueueErrorKind::AccessDenied => {
            let is_denied_by_kms = error
                .detail
                .as_str()
                .to_ascii_lowercase()
                .starts_with("kms");
            let finding = denied(Verdict::Failure, action, arn, &queue_error(error));
            if is_denied_by_kms {
                let remedy = "Grant these credentials kms:Decrypt on the key that encrypts the queue, in the key \
                              policy and in their IAM policy. Given the ARN of the key, this command prints the \
                              IAM policy";
                finding.remedy(remedy).command(PRINT_KMS_POLICY)
            } else {
                finding
            }
        }
        Err(error) => queue_failure(error),
    }
}

/// The finding for a request to a queue that failed for a reason other than a missing permission.
pub(super) fn queue_failure(error: &QueueError) -> Finding {
    let subject = match error.kind {
        QueueErrorKind::NoCredentials | QueueErrorKind::CredentialsNotAllowed => {
            Subject::Credentials
        }
        _ => Subject::Queue,
    };
    Finding::failure(subject, queue_error(error))
        .remedy(error.remedy())
        .caused_by(Cause::Queue(error.kind))
}

/// The error without its remedy.
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
