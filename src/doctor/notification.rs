//! Tests whether the bucket sends all events that its Source needs to the Source's queue.
//!
//! Events that go to an SNS topic or to EventBridge are not followed further: this module does not read the
//! subscriptions of the topic or the rules of EventBridge.

mod filter;
mod gaps;

use super::commands::print_setup;
use super::finding::{Finding, Subject};
use crate::aws::bucket::notifications::{
    NotificationConfiguration, NotificationRule, NotificationTarget,
};
use crate::aws::setup::EventPath;
use crate::core::source::Source;

/// The path of events to the queue, as far as the bucket's notifications show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// From S3 directly to the queue.
    Direct,
    /// Through one of these SNS topics, or through EventBridge. The notifications do not show which of them
    /// leads to the queue.
    Indirect {
        topics: Vec<String>,
        event_bridge: bool,
    },
    /// The bucket sends no events that could reach the queue.
    None,
}

impl Route {
    /// The event path to set up so that the existing notifications can stay. S3 does not send an event to the
    /// queue if it sends the event to a topic.
    pub(super) fn setup_path(&self) -> EventPath {
        match self {
            Self::Direct | Self::None => EventPath::S3,
            Self::Indirect { .. } => EventPath::EventBridge,
        }
    }
}

/// Earlier events of a Source, as far as the index knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EventHistory {
    /// Whether a daemon has received from the queue for this Source.
    pub queue_followed: bool,
    /// Whether an event of the bucket, or S3's test event, has arrived.
    pub event_received: bool,
}

/// The path that the events of these notifications take to the queue.
pub(super) fn route(notifications: &NotificationConfiguration, queue_arn: &str) -> Route {
    let targets = notifications.rules.iter().map(|rule| &rule.target);
    let mut topics = Vec::new();
    for target in targets {
        match target {
            NotificationTarget::Queue(arn) if arn == queue_arn => return Route::Direct,
            NotificationTarget::Topic(arn) if !topics.contains(arn) => topics.push(arn.clone()),
            _ => {}
        }
    }
    let event_bridge = notifications.event_bridge;
    if topics.is_empty() && !event_bridge {
        Route::None
    } else {
        Route::Indirect {
            topics,
            event_bridge,
        }
    }
}

/// Whether the notifications send all events that the Source needs.
pub(super) fn judge(
    source: &Source,
    notifications: &NotificationConfiguration,
    queue_arn: &str,
    history: EventHistory,
) -> Finding {
    let subject = Subject::Notifications;
    let route = route(notifications, queue_arn);
    let is_on_route = |target: &NotificationTarget| match (target, &route) {
        (NotificationTarget::Queue(arn), Route::Direct) => arn == queue_arn,
        (NotificationTarget::Topic(_), Route::Indirect { .. }) => true,
        _ => false,
    };
    let (destination, note) = match &route {
        Route::Direct => ("to the queue".to_owned(), ""),
        Route::Indirect {
            event_bridge: true, ..
        } => {
            let what = "all events go to EventBridge; its rules are not checked";
            return Finding::ok(subject, what);
        }
        Route::Indirect { topics, .. } => (
            format!("to SNS ({})", topics.join(", ")),
            "; its subscriptions are not checked",
        ),
        Route::None => return not_sent(notifications, queue_arn, history),
    };
    let rules = notifications.rules.iter();
    let rules: Vec<&NotificationRule> = rules.filter(|rule| is_on_route(&rule.target)).collect();
    let gaps = gaps::of(source, &rules);
    if gaps.is_empty() {
        return Finding::ok(
            subject,
            format!("all events that the Source needs go {destination}{note}"),
        );
    }
    let missing = gaps
        .iter()
        .map(|gap| format!("{} {}", gap.events.join(", "), gap.what));
    let missing = missing.collect::<Vec<_>>().join("; ");
    let what = format!("not all events that the Source needs go {destination}: {missing}{note}");
    let is_other = |rule: &NotificationRule| {
        matches!(rule.target, NotificationTarget::Topic(_)) && !is_on_route(&rule.target)
    };
    let may_arrive_indirectly =
        notifications.event_bridge || notifications.rules.iter().any(is_other);
    let finding = if gaps.iter().any(|gap| gap.is_essential) && !may_arrive_indirectly {
        Finding::failure(subject, what)
    } else {
        Finding::warning(subject, what)
    };
    finding
        .remedy(
            "Configure the bucket to send the missing events: until then, only scans find these changes. This \
             command prints how",
        )
        .command(print_setup(route.setup_path()))
}

/// The finding for a bucket that sends nothing to the queue.
fn not_sent(
    notifications: &NotificationConfiguration,
    queue_arn: &str,
    history: EventHistory,
) -> Finding {
    let targets = notifications.rules.iter().map(|rule| rule.target.arn());
    let targets: Vec<&str> = targets.collect();
    let destination = if targets.is_empty() {
        "the bucket sends no events".to_owned()
    } else {
        format!(
            "the bucket sends its events elsewhere ({})",
            targets.join(", ")
        )
    };
    if history.event_received {
        let what = format!("{destination}, but events have arrived, so something else sends them");
        let remedy = "Make sure that it sends the events of the whole Source.";
        return Finding::warning(Subject::Notifications, what).remedy(remedy);
    }
    Finding::failure(
        Subject::Notifications,
        format!("{destination}, and none to queue {queue_arn}"),
    )
    .remedy("Configure the bucket to send its events to the queue. This command prints how")
    .command(print_setup(EventPath::S3))
}

/// Whether an event has arrived.
pub(super) fn first_event(history: EventHistory) -> Finding {
    match history {
        EventHistory { event_received: true, .. } => {
            Finding::ok(Subject::FirstEvent, "events have arrived through the queue")
        }
        EventHistory {
            queue_followed: false, ..
        } => Finding::ok(
            Subject::FirstEvent,
            "no daemon has received from the queue yet, so no event can have arrived",
        ),
        EventHistory { queue_followed: true, .. } => Finding::warning(
            Subject::FirstEvent,
            "the daemon receives from the queue, but neither S3's test event nor another event has arrived",
        )
        .remedy(
            "Put an object into the bucket and run check again. If this finding remains, see the finding on notifications.",
        ),
    }
}

#[cfg(test)]
mod tests;
