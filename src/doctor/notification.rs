//! Whether what the bucket sends is what its Source needs, and goes to the Source's queue.
//!
//! What goes through a topic of SNS, or through EventBridge, is followed no further: who is subscribed, and
//! what a rule lets through, stands elsewhere.

mod filter;
mod gaps;

use super::finding::{Finding, Subject};
use super::shell::print_setup;
use crate::aws::bucket::notifications::{
    NotificationConfiguration, NotificationRule, NotificationTarget,
};
use crate::aws::setup::EventPath;
use crate::core::source::Source;

/// By which way events come, as far as the bucket's notifications tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// From S3 into the queue.
    Direct,
    /// Through one of these topics of SNS, or through EventBridge: which of them leads to the queue cannot be
    /// seen.
    Indirect {
        topics: Vec<String>,
        event_bridge: bool,
    },
    /// By none.
    None,
}

impl Route {
    /// How the events are to be set up so that what goes this way stays as it is. S3 sends no event to the
    /// queue that it sends to a topic.
    pub(super) fn through(&self) -> EventPath {
        match self {
            Self::Direct | Self::None => EventPath::S3,
            Self::Indirect { .. } => EventPath::EventBridge,
        }
    }
}

/// What has been seen of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Whether a daemon has followed the queue to keep this Source fresh.
    pub followed: bool,
    /// Whether an event of the bucket, or S3's test event, has come.
    pub seen: bool,
}

/// The way that the events of these notifications take to the queue.
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

/// Whether the notifications are those that the Source needs.
pub(super) fn judge(
    source: &Source,
    notifications: &NotificationConfiguration,
    queue_arn: &str,
    evidence: Evidence,
) -> Finding {
    let subject = Subject::Notifications;
    let route = route(notifications, queue_arn);
    let is_taken = |target: &NotificationTarget| match (target, &route) {
        (NotificationTarget::Queue(arn), Route::Direct) => arn == queue_arn,
        (NotificationTarget::Topic(_), Route::Indirect { .. }) => true,
        _ => false,
    };
    let way = match &route {
        Route::Direct => "to the queue".to_owned(),
        Route::Indirect {
            event_bridge: true, ..
        } => {
            let what = "all events go to EventBridge, where this cannot be followed further";
            return Finding::ok(subject, what);
        }
        Route::Indirect { topics, .. } => format!(
            "to SNS ({}), where this cannot be followed further",
            topics.join(", ")
        ),
        Route::None => return nowhere(notifications, queue_arn, evidence),
    };
    let rules = notifications.rules.iter();
    let rules: Vec<&NotificationRule> = rules.filter(|rule| is_taken(&rule.target)).collect();
    let gaps = gaps::of(source, &rules);
    if gaps.is_empty() {
        return Finding::ok(subject, format!("what is needed goes {way}"));
    }
    let said = gaps
        .iter()
        .map(|gap| format!("{} {}", gap.events.join(", "), gap.what));
    let said = said.collect::<Vec<_>>().join("; ");
    let what = format!("not all that is needed goes {way}: {said}");
    let is_other = |rule: &NotificationRule| {
        matches!(rule.target, NotificationTarget::Topic(_)) && !is_taken(&rule.target)
    };
    let may_come_otherwise = notifications.event_bridge || notifications.rules.iter().any(is_other);
    let finding = if gaps.iter().any(|gap| gap.is_vital) && !may_come_otherwise {
        Finding::failure(subject, what)
    } else {
        Finding::warning(subject, what)
    };
    finding
        .remedy(
            "what is not sent is only found by the next scan; have the bucket send it, by the commands \
             that are printed by",
        )
        .command(print_setup(route.through()))
}

/// That no event can be of the Source, whose bucket is the alias of an access point.
pub(super) fn of_access_point(source: &Source) -> Finding {
    let what = format!(
        "the bucket {:?} is the alias of an access point, and events have the name of its bucket: none is taken \
         for one of this Source",
        source.bucket
    );
    Finding::failure(Subject::Notifications, what)
        .remedy("write the bucket's own name as bucket, or leave events out")
}

/// That nothing is sent to the queue.
fn nowhere(
    notifications: &NotificationConfiguration,
    queue_arn: &str,
    evidence: Evidence,
) -> Finding {
    let targets = notifications.rules.iter().map(|rule| rule.target.arn());
    let targets: Vec<&str> = targets.collect();
    let elsewhere = if targets.is_empty() {
        "the bucket sends no events".to_owned()
    } else {
        format!("the bucket's events go elsewhere ({})", targets.join(", "))
    };
    if evidence.seen {
        let what = format!("{elsewhere}, and yet some have come: another sends them");
        let remedy = "see to it that they are those of the whole Source";
        return Finding::warning(Subject::Notifications, what).remedy(remedy);
    }
    Finding::failure(
        Subject::Notifications,
        format!("{elsewhere}, none to the queue {queue_arn}"),
    )
    .remedy("have the bucket send its events, by the commands that are printed by")
    .command(print_setup(EventPath::S3))
}

/// Whether events come.
pub(super) fn first_event(evidence: Evidence) -> Finding {
    match evidence {
        Evidence { seen: true, .. } => {
            Finding::ok(Subject::FirstEvent, "events have come by the queue")
        }
        Evidence {
            followed: false, ..
        } => Finding::ok(
            Subject::FirstEvent,
            "no daemon has followed the queue yet, so none can have come",
        ),
        Evidence { followed: true, .. } => Finding::warning(
            Subject::FirstEvent,
            "the queue is followed, and neither S3's test event nor an event has come yet",
        )
        .remedy(
            "put an object into the bucket and run this again; if it stays so, see notifications",
        ),
    }
}

#[cfg(test)]
mod tests;
