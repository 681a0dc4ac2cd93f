//! Tests whether a queue policy allows S3, SNS or EventBridge to send this bucket's events, and only those.
//!
//! It reads only the statements that allow. Statements that deny are ignored, and an unknown condition counts
//! as true. So if a finding says that nothing can be sent, that is certain. If it says that events can be sent,
//! that is not certain.

mod statement;

use super::commands::print_setup;
use super::finding::{Finding, Subject};
use super::notification::Route;
use crate::aws::setup::EventPath;
use statement::{SendAccess, Sender, send_access};

/// The service principal of S3 in a policy.
pub(super) const S3: &str = EventPath::S3.service();
/// The service principal of SNS.
const SNS: &str = "sns.amazonaws.com";
/// The service principal of EventBridge.
const EVENT_BRIDGE: &str = EventPath::EventBridge.service();

/// The bucket on whose behalf S3 sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendingBucket<'a> {
    /// The ARN of the bucket.
    pub bucket_arn: &'a str,
    /// The account that owns it, if known.
    pub account: Option<&'a str>,
    /// Whether it is on AWS. Other stores may ignore policies.
    pub is_on_aws: bool,
}

/// Whether the queue policy allows the bucket's events that take this route, and no others. `route` is `None`
/// if it is unknown.
pub(super) fn judge(
    policy: Option<&str>,
    queue_arn: &str,
    bucket: &SendingBucket<'_>,
    route: Option<&Route>,
) -> Finding {
    let subject = Subject::QueuePolicy;
    let statements = policy.unwrap_or("{}");
    let access = |sender: &Sender| send_access(statements, queue_arn, sender);
    let senders = senders(bucket, route);
    let best = match senders.iter().map(access).collect::<Result<Vec<_>, _>>() {
        Ok(accesses) => accesses.into_iter().max(),
        Err(error) => {
            let what = format!("cannot read the queue policy: {error}");
            return Finding::warning(subject, what).remedy("Set the queue policy again.");
        }
    };
    // Report unrestricted access of all services, including those that do not send our events.
    let all = self::senders(bucket, None).into_iter();
    let open: Vec<&str> = all
        .filter(|sender| matches!(access(sender), Ok(SendAccess::Unrestricted)))
        .map(|sender| sender.service)
        .collect();
    let services = services(route).join(" or ");
    let print_setup = print_setup(route.map_or(EventPath::S3, Route::setup_path));
    match best {
        Some(SendAccess::Restricted | SendAccess::Unrestricted) if open.is_empty() => {
            Finding::ok(subject, "it allows the bucket's events")
        }
        Some(SendAccess::Restricted | SendAccess::Unrestricted) => Finding::warning(
            subject,
            format!(
                "it lets {} send on behalf of any AWS account: no condition on aws:SourceArn or \
                 aws:SourceAccount prevents it",
                open.join(" and ")
            ),
        )
        .remedy(
            "Remove the statement from the policy, and add one with both conditions. This command prints how",
        )
        .command(print_setup),
        Some(SendAccess::Denied) | None => {
            let what = match policy {
                None => format!("the queue has no policy, so {services} cannot send to it"),
                Some(_) => format!(
                    "no statement lets {services} send on behalf of {}",
                    bucket.bucket_arn
                ),
            };
            let finding = match (route, bucket.is_on_aws) {
                (Some(Route::Direct), true) => Finding::failure(subject, what),
                _ => Finding::warning(subject, what),
            };
            let remedy = match route {
                Some(Route::Indirect {
                    event_bridge: false,
                    ..
                }) => {
                    "Allow it to send if aws:SourceArn is the topic. Or send the events through EventBridge: this \
                     command prints how"
                }
                _ => "Set the queue policy that this command prints",
            };
            finding.remedy(remedy).command(print_setup)
        }
    }
}

/// All senders that may send the bucket's events by this route.
fn senders(bucket: &SendingBucket<'_>, route: Option<&Route>) -> Vec<Sender> {
    let by = |service, source_arn: Option<&str>, account: Option<&str>| Sender {
        service,
        source_arn: source_arn.map(str::to_owned),
        account: account.map(str::to_owned),
    };
    let s3 = by(S3, Some(bucket.bucket_arn), bucket.account);
    match route {
        Some(Route::Direct) => vec![s3],
        Some(Route::Indirect {
            topics,
            event_bridge,
        }) => {
            let topics = topics.iter().map(|topic| by(SNS, Some(topic), None));
            let bridge = event_bridge.then(|| by(EVENT_BRIDGE, None, None));
            topics.chain(bridge).collect()
        }
        Some(Route::None) | None => vec![s3, by(SNS, None, None), by(EVENT_BRIDGE, None, None)],
    }
}

/// The services that may send the bucket's events by this route.
pub(super) fn services(route: Option<&Route>) -> Vec<&'static str> {
    match route {
        Some(Route::Direct) => vec![S3],
        Some(Route::Indirect {
            topics,
            event_bridge,
        }) => {
            let topics = (!topics.is_empty()).then_some(SNS);
            let bridge = event_bridge.then_some(EVENT_BRIDGE);
            topics.into_iter().chain(bridge).collect()
        }
        Some(Route::None) | None => vec![S3, SNS, EVENT_BRIDGE],
    }
}

#[cfg(test)]
mod tests;
