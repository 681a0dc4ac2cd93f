//! Whether what the bucket sends is what its Source needs, and goes to the Source's queue.
//!
//! What goes through a topic of SNS, or through EventBridge, is followed no further: who is subscribed, and
//! what a rule lets through, stands elsewhere.

use super::finding::{Finding, Subject};
use crate::bucket::notifications::{NotificationRule, Notifications, Target};
use crate::source::Source;
use crate::source::glob::GLOB_CHARACTERS;
use crate::source::pattern::{Meaning, Pattern};

/// Prints the commands that have the bucket send what is needed.
const PRINT_SETUP: &str = "asset-indexer setup --print aws-cli";

/// Kinds of events that belong together, and whether a Source is wrong without them until it is scanned.
const NEEDED: [(&str, &[&str], bool); 3] = [
    (
        "ObjectCreated",
        &["Put", "Post", "Copy", "CompleteMultipartUpload"],
        true,
    ),
    ("ObjectRemoved", &["Delete", "DeleteMarkerCreated"], true),
    (
        "LifecycleExpiration",
        &["Delete", "DeleteMarkerCreated"],
        false,
    ),
];

/// By which way events come, as far as the bucket's notifications tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// From S3 into the queue.
    Direct,
    /// Through these topics of SNS.
    Topics(Vec<String>),
    /// Through EventBridge.
    EventBridge,
    /// By none.
    None,
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
pub(super) fn route(notifications: &Notifications, queue_arn: &str) -> Route {
    let targets = notifications.rules.iter().map(|rule| &rule.target);
    let mut topics = Vec::new();
    for target in targets {
        match target {
            Target::Queue(arn) if arn == queue_arn => return Route::Direct,
            Target::Topic(arn) if !topics.contains(arn) => topics.push(arn.clone()),
            _ => {}
        }
    }
    match (topics.is_empty(), notifications.event_bridge) {
        (false, _) => Route::Topics(topics),
        (true, true) => Route::EventBridge,
        (true, false) => Route::None,
    }
}

/// Whether the notifications are those that the Source needs.
pub(super) fn judge(
    source: &Source,
    notifications: &Notifications,
    queue_arn: &str,
    evidence: Evidence,
) -> Finding {
    let subject = Subject::Notifications;
    let is_taken = |target: &Target| match (target, &route(notifications, queue_arn)) {
        (Target::Queue(arn), Route::Direct) => arn == queue_arn,
        (Target::Topic(_), Route::Topics(_)) => true,
        _ => false,
    };
    let way = match route(notifications, queue_arn) {
        Route::Direct => "to the queue".to_owned(),
        Route::Topics(topics) => format!(
            "to SNS ({}), where this cannot be followed further",
            topics.join(", ")
        ),
        Route::EventBridge => {
            let what = "all events go to EventBridge, where this cannot be followed further";
            return Finding::ok(subject, what);
        }
        Route::None => return nowhere(notifications, queue_arn, evidence),
    };
    let rules = notifications.rules.iter();
    let rules: Vec<&NotificationRule> = rules.filter(|rule| is_taken(&rule.target)).collect();
    let gaps = gaps(source, &rules);
    if gaps.is_empty() {
        return Finding::ok(subject, format!("what is needed goes {way}"));
    }
    let said = gaps
        .iter()
        .map(|gap| format!("{} {}", gap.events.join(", "), gap.what));
    let said = said.collect::<Vec<_>>().join("; ");
    let what = format!("not all that is needed goes {way}: {said}");
    let is_other = |rule: &NotificationRule| {
        matches!(rule.target, Target::Topic(_)) && !is_taken(&rule.target)
    };
    let may_come_otherwise = notifications.event_bridge || notifications.rules.iter().any(is_other);
    let finding = match gaps.iter().any(|gap| gap.is_vital) && !may_come_otherwise {
        true => Finding::failure(subject, what),
        false => Finding::warning(subject, what),
    };
    finding
        .remedy(
            "what is not sent is only found by the next scan; have the bucket send it, by the commands \
             that are printed by",
        )
        .command(PRINT_SETUP)
}

/// That nothing is sent to the queue.
fn nowhere(notifications: &Notifications, queue_arn: &str, evidence: Evidence) -> Finding {
    let targets = notifications.rules.iter().map(|rule| rule.target.arn());
    let targets: Vec<&str> = targets.collect();
    let elsewhere = match targets.is_empty() {
        true => "the bucket sends no events".to_owned(),
        false => format!("the bucket's events go elsewhere ({})", targets.join(", ")),
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
    .command(PRINT_SETUP)
}

/// What is not sent, and of which events.
struct Gap {
    what: String,
    /// Such as `s3:ObjectCreated:*`.
    events: Vec<String>,
    /// Whether the Source is wrong without them until it is scanned.
    is_vital: bool,
}

/// All that the rules leave out; the same of several events is said once.
fn gaps(source: &Source, rules: &[&NotificationRule]) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for (family, kinds, is_vital) in NEEDED {
        let of_kinds = kinds.iter().map(|kind| gap(source, rules, family, kind));
        let of_kinds: Vec<Option<String>> = of_kinds.collect();
        let is_same = of_kinds.iter().all(|gap| *gap == of_kinds[0]);
        for (kind, what) in kinds.iter().zip(of_kinds) {
            let Some(what) = what else { continue };
            let kind = if is_same { "*" } else { kind };
            let event = format!("s3:{family}:{kind}");
            match gaps
                .iter_mut()
                .find(|gap| gap.what == what && gap.is_vital == is_vital)
            {
                Some(gap) if gap.events.contains(&event) => {}
                Some(gap) => gap.events.push(event),
                None => gaps.push(Gap {
                    what,
                    events: vec![event],
                    is_vital,
                }),
            }
        }
    }
    gaps
}

/// What the rules leave out of events of that kind, in words; `None`: nothing.
fn gap(source: &Source, rules: &[&NotificationRule], family: &str, kind: &str) -> Option<String> {
    let sends = |event: &String| {
        let event = event.strip_prefix("s3:").unwrap_or(event);
        let full = format!("{family}:{kind}");
        match event.strip_suffix('*') {
            Some(beginning) => full.starts_with(beginning),
            None => event == full,
        }
    };
    let rules = rules.iter().filter(|rule| rule.events.iter().any(sends));
    let rules: Vec<&&NotificationRule> = rules.collect();
    if rules.is_empty() {
        return Some("not sent".to_owned());
    }
    let loses_none = |rule: &NotificationRule, pattern: Option<&Pattern>| {
        rule.suffix.is_empty()
            || pattern.is_some_and(|pattern| ends_in(source, pattern, &rule.suffix))
    };
    let patterns: Vec<Option<&Pattern>> = match source.rules.included() {
        None => vec![None],
        Some(patterns) => patterns.iter().map(Some).collect(),
    };
    for range in source.listed_ranges() {
        let covering: Vec<&&&NotificationRule> = rules
            .iter()
            .filter(|rule| range.prefix.starts_with(&rule.prefix))
            .collect();
        if covering.is_empty() {
            let prefixes = rules.iter().map(|rule| format!("{:?}", rule.prefix));
            let prefixes: Vec<String> = prefixes.collect();
            return Some(format!(
                "sent for keys under {} alone, not for all under {:?}",
                prefixes.join(", "),
                range.prefix
            ));
        }
        let is_lost =
            |pattern: &Option<&Pattern>| !covering.iter().any(|rule| loses_none(rule, *pattern));
        if patterns.iter().any(is_lost) {
            let suffixes = covering.iter().map(|rule| format!("{:?}", rule.suffix));
            let suffixes: Vec<String> = suffixes.collect();
            return Some(format!(
                "sent for keys that end in {} alone, and the rules admit others",
                suffixes.join(", ")
            ));
        }
    }
    None
}

/// Whether every key that the rule of the Source matches ends so, as far as its text tells.
fn ends_in(source: &Source, pattern: &Pattern, suffix: &str) -> bool {
    matches!(pattern.meaning, Meaning::Glob(_))
        && !source.rules.ignores_case()
        && !suffix.contains(GLOB_CHARACTERS)
        && pattern.text.ends_with(suffix)
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
