//! Finds the events that a Source needs but the bucket does not send.

use std::borrow::Cow;

use super::filter;
use crate::aws::bucket::notifications::NotificationRule;
use crate::core::source::Source;
use crate::core::source::glob::GLOB_CHARACTERS;
use crate::core::source::pattern::{RuleMatcher, RulePattern};

/// The events that a Source needs: family, kinds, and whether the family is essential. Without an essential
/// event, the index is wrong until the next scan.
const REQUIRED_EVENTS: [(&str, &[&str], bool); 3] = [
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

/// Events that are not sent, or are sent only for some keys.
pub(super) struct Gap {
    /// The problem, for people.
    pub what: String,
    /// Such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// Whether the index is wrong without them until the next scan.
    pub is_essential: bool,
}

/// All gaps of the rules. Events with the same gap are grouped.
pub(super) fn of(source: &Source, rules: &[&NotificationRule]) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let is_on_aws = source.non_aws_store().is_none();
    let rules = rules.iter().map(|rule| FilteredRule::new(rule, is_on_aws));
    let (rules, key_sets) = (rules.collect::<Vec<_>>(), key_sets(source));
    for (family, kinds, is_essential) in REQUIRED_EVENTS {
        let events = kinds.iter().map(|kind| format!("{family}:{kind}"));
        let of_kinds = events.map(|event| gap(source, &key_sets, &rules, &event));
        let of_kinds: Vec<Option<String>> = of_kinds.collect();
        let is_same = of_kinds.iter().all(|gap| *gap == of_kinds[0]);
        for (kind, what) in kinds.iter().zip(of_kinds) {
            let Some(what) = what else { continue };
            let kind = if is_same { "*" } else { kind };
            let event = format!("s3:{family}:{kind}");
            match gaps
                .iter_mut()
                .find(|gap| gap.what == what && gap.is_essential == is_essential)
            {
                Some(gap) if gap.events.contains(&event) => {}
                Some(gap) => gap.events.push(event),
                None => gaps.push(Gap {
                    what,
                    events: vec![event],
                    is_essential,
                }),
            }
        }
    }
    gaps
}

/// Describes the keys for which the rules do not send the event. `None` if they send it for all keys.
fn gap(
    source: &Source,
    key_sets: &[KeySet<'_>],
    rules: &[FilteredRule<'_>],
    event: &str,
) -> Option<String> {
    let rules: Vec<&FilteredRule<'_>> = rules.iter().filter(|rule| rule.sends(event)).collect();
    if rules.is_empty() {
        return Some("not sent".to_owned());
    }
    let hint = if rules.iter().all(|rule| rule.can_match()) {
        ""
    } else {
        ENCODING_HINT
    };
    let quoted = |filters: &mut dyn Iterator<Item = &str>| {
        let filters = filters.map(|filter| format!("{filter:?}"));
        filters.collect::<Vec<_>>().join(", ")
    };
    for keys in key_sets {
        let covering = rules.iter().filter(|rule| rule.covers(keys));
        let covering: Vec<_> = covering.collect();
        if covering.is_empty() {
            let prefixes = quoted(&mut rules.iter().map(|it| it.rule.prefix.as_str()));
            return Some(format!(
                "sent only for keys under {prefixes}, not for all keys under {:?}{hint}",
                keys.prefix
            ));
        }
        if !covering.iter().any(|rule| rule.passes_all(source, keys)) {
            let suffixes = quoted(&mut covering.iter().map(|it| it.rule.suffix.as_str()));
            return Some(format!(
                "sent only for keys that end in {suffixes}, but the rules admit other keys too{hint}"
            ));
        }
    }
    None
}

/// The hint for a filter that no key can match.
const ENCODING_HINT: &str = " (S3 compares a filter with the URL-encoded key: write a space as +, and \
                    other special characters as %XX)";

/// A notification rule with its decoded filters. `None` if no key can match the filter.
struct FilteredRule<'a> {
    rule: &'a NotificationRule,
    prefix: Option<Cow<'a, [u8]>>,
    suffix: Option<Cow<'a, [u8]>>,
}

impl<'a> FilteredRule<'a> {
    fn new(rule: &'a NotificationRule, is_on_aws: bool) -> Self {
        Self {
            rule,
            prefix: filter::decode(&rule.prefix, is_on_aws),
            suffix: filter::decode(&rule.suffix, is_on_aws),
        }
    }

    /// Whether the rule sends this event, such as `ObjectCreated:Put`.
    fn sends(&self, event: &str) -> bool {
        self.rule.events.iter().any(|sent| {
            let sent = sent.strip_prefix("s3:").unwrap_or(sent);
            match sent.strip_suffix('*') {
                Some(prefix) => event.starts_with(prefix),
                None => event == sent,
            }
        })
    }

    fn can_match(&self) -> bool {
        self.prefix.is_some() && self.suffix.is_some()
    }

    /// Whether the prefix of the rule matches all of the keys.
    fn covers(&self, keys: &KeySet<'_>) -> bool {
        let prefix = self.prefix.as_deref();
        prefix.is_some_and(|prefix| keys.prefix.as_bytes().starts_with(prefix))
    }

    /// Whether the suffix of the rule matches all of the keys.
    fn passes_all(&self, source: &Source, keys: &KeySet<'_>) -> bool {
        let suffix = self.suffix.as_deref();
        suffix.is_some_and(|suffix| keys.ends_in(source, suffix))
    }
}

/// The keys of a Source under one prefix. If the Source has include rules, only those that match `rule`.
struct KeySet<'a> {
    prefix: String,
    rule: Option<&'a RulePattern>,
}

/// The keys that a Source needs events of.
fn key_sets(source: &Source) -> Vec<KeySet<'_>> {
    let Some(rules) = source.rules.included() else {
        let ranges = source.listed_ranges().into_iter();
        let whole = ranges.map(|range| KeySet {
            prefix: range.prefix,
            rule: None,
        });
        return whole.collect();
    };
    let key_sets_of_rule = |rule| {
        let ranges = RulePattern::ranges(rule).into_iter();
        ranges.map(move |range| KeySet {
            prefix: format!("{}{}", source.prefix, range.prefix),
            rule: Some(rule),
        })
    };
    rules.iter().flat_map(key_sets_of_rule).collect()
}

impl KeySet<'_> {
    /// Whether all keys end in this suffix, as far as the text of the rule shows.
    fn ends_in(&self, source: &Source, suffix: &[u8]) -> bool {
        let is_glob_character = |byte: &u8| GLOB_CHARACTERS.contains(&char::from(*byte));
        let requires_suffix = |rule: &RulePattern| {
            matches!(rule.matcher, RuleMatcher::Glob(_))
                && !source.rules.ignores_case()
                && !suffix.iter().any(is_glob_character)
                && rule.text.as_bytes().ends_with(suffix)
        };
        suffix.is_empty() || self.rule.is_some_and(requires_suffix)
    }
}
