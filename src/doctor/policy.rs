//! Whether a queue's policy lets S3, SNS or EventBridge send this bucket's events, and nobody else's.
//!
//! It reads the statements that allow. Those that deny are not followed, and a condition that it does not
//! know counts as one that may hold: it says that nothing can be sent only where that is certain.

mod statement;

use super::finding::{Finding, Subject};
use super::notification::Route;
use super::shell::print_setup;
use crate::aws::setup::EventPath;
use statement::{Admission, Sender, admission};

/// S3 as it stands in a policy.
pub(super) const S3: &str = EventPath::S3.service();
/// SNS, likewise.
const SNS: &str = "sns.amazonaws.com";
/// EventBridge, likewise.
const EVENT_BRIDGE: &str = EventPath::EventBridge.service();

/// The bucket as the one in whose name S3 sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    /// Its ARN.
    pub bucket_arn: &'a str,
    /// The account that it belongs to, if that is known.
    pub account: Option<&'a str>,
    /// Whether it is on AWS: other stores need not look at policies.
    pub is_on_aws: bool,
}

/// Whether the queue's policy lets the bucket's events in that come by the route (`None`: by which is not
/// known), and only those.
pub(super) fn judge(
    policy: Option<&str>,
    queue_arn: &str,
    origin: &Origin<'_>,
    route: Option<&Route>,
) -> Finding {
    let subject = Subject::QueuePolicy;
    let statements = policy.unwrap_or("{}");
    let admit = |sender: &Sender| admission(statements, queue_arn, sender);
    let senders = senders(origin, route);
    let best = match senders.iter().map(admit).collect::<Result<Vec<_>, _>>() {
        Ok(admissions) => admissions.into_iter().max(),
        Err(error) => {
            let what = format!("the queue's policy cannot be read: {error}");
            return Finding::warning(subject, what).remedy("set it again");
        }
    };
    // Whoever else can send is of interest also where none of our events come that way.
    let all = self::senders(origin, None).into_iter();
    let open: Vec<&str> = all
        .filter(|sender| matches!(admit(sender), Ok(Admission::WithOthers)))
        .map(|sender| sender.service)
        .collect();
    let services = services(route).join(" or ");
    let print_setup = print_setup(route.map_or(EventPath::S3, Route::through));
    match best {
        Some(Admission::Alone | Admission::WithOthers) if open.is_empty() => {
            Finding::ok(subject, "it lets the bucket's events in")
        }
        Some(Admission::Alone | Admission::WithOthers) => Finding::warning(
            subject,
            format!(
                "it lets {} send in the name of whoever asks for it, strangers too: there is no \
                 condition on aws:SourceArn or aws:SourceAccount that keeps them out",
                open.join(" and ")
            ),
        )
        .remedy(
            "take the statement out of the policy; one with both conditions is added by the commands that are \
             printed by",
        )
        .command(print_setup),
        Some(Admission::Refused) | None => {
            let what = match policy {
                None => format!("the queue has no policy, so {services} cannot send to it"),
                Some(_) => format!(
                    "no statement lets {services} send in the name of {}",
                    origin.bucket_arn
                ),
            };
            let finding = match (route, origin.is_on_aws) {
                (Some(Route::Direct), true) => Finding::failure(subject, what),
                _ => Finding::warning(subject, what),
            };
            let remedy = match route {
                Some(Route::Indirect {
                    event_bridge: false,
                    ..
                }) => {
                    "let it send, on the condition that aws:SourceArn is the topic; or have the events come \
                     through EventBridge, by the commands that are printed by"
                }
                _ => "set the policy that is printed by",
            };
            finding.remedy(remedy).command(print_setup)
        }
    }
}

/// All who may be the one that sends.
fn senders(origin: &Origin<'_>, route: Option<&Route>) -> Vec<Sender> {
    let by = |service, source_arn: Option<&str>, account: Option<&str>| Sender {
        service,
        source_arn: source_arn.map(str::to_owned),
        account: account.map(str::to_owned),
    };
    let s3 = by(S3, Some(origin.bucket_arn), origin.account);
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

/// The services that may be the one that sends.
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
