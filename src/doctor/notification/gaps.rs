//! What a Source needs events of, and is not sent.

use std::borrow::Cow;

use super::filter;
use crate::aws::bucket::notifications::NotificationRule;
use crate::core::source::Source;
use crate::core::source::glob::GLOB_CHARACTERS;
use crate::core::source::pattern::{RuleMatcher, RulePattern};

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

/// What is not sent, and of which events.
pub(super) struct Gap {
    pub what: String,
    /// Such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// Whether the Source is wrong without them until it is scanned.
    pub is_vital: bool,
}

/// All that the rules leave out; the same of several events is said once.
pub(super) fn of(source: &Source, rules: &[&NotificationRule]) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let is_on_aws = source.non_aws_store().is_none();
    let rules = rules.iter().map(|rule| Filtered::of(rule, is_on_aws));
    let (rules, parts) = (rules.collect::<Vec<_>>(), parts(source));
    for (family, kinds, is_vital) in NEEDED {
        let events = kinds.iter().map(|kind| format!("{family}:{kind}"));
        let of_kinds = events.map(|event| gap(source, &parts, &rules, &event));
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
fn gap(source: &Source, parts: &[Part<'_>], rules: &[Filtered<'_>], event: &str) -> Option<String> {
    let rules: Vec<&Filtered<'_>> = rules.iter().filter(|rule| rule.sends(event)).collect();
    if rules.is_empty() {
        return Some("not sent".to_owned());
    }
    let hint = if rules.iter().all(|rule| rule.is_understood()) {
        ""
    } else {
        HINT
    };
    let quoted = |filters: &mut dyn Iterator<Item = &str>| {
        let filters = filters.map(|filter| format!("{filter:?}"));
        filters.collect::<Vec<_>>().join(", ")
    };
    for part in parts {
        let covering = rules.iter().filter(|rule| rule.covers(part));
        let covering: Vec<_> = covering.collect();
        if covering.is_empty() {
            let prefixes = quoted(&mut rules.iter().map(|it| it.rule.prefix.as_str()));
            return Some(format!(
                "sent for keys under {prefixes} alone, not for all under {:?}{hint}",
                part.prefix
            ));
        }
        if !covering.iter().any(|rule| rule.loses_none(source, part)) {
            let suffixes = quoted(&mut covering.iter().map(|it| it.rule.suffix.as_str()));
            return Some(format!(
                "sent for keys that end in {suffixes} alone, and the rules admit others{hint}"
            ));
        }
    }
    None
}

/// What is said where a filter of a notification lets no key through.
const HINT: &str = " (S3 compares a filter with the key as URL-encoded: a space is written +, other special \
                    characters %XX)";

/// A rule of the bucket, and what its filters mean; `None`: no key.
struct Filtered<'a> {
    rule: &'a NotificationRule,
    begin: Option<Cow<'a, [u8]>>,
    end: Option<Cow<'a, [u8]>>,
}

impl<'a> Filtered<'a> {
    fn of(rule: &'a NotificationRule, is_on_aws: bool) -> Self {
        Self {
            rule,
            begin: filter::meaning(&rule.prefix, is_on_aws),
            end: filter::meaning(&rule.suffix, is_on_aws),
        }
    }

    /// Whether it is of the event, such as `ObjectCreated:Put`.
    fn sends(&self, event: &str) -> bool {
        self.rule.events.iter().any(|sent| {
            let sent = sent.strip_prefix("s3:").unwrap_or(sent);
            match sent.strip_suffix('*') {
                Some(beginning) => event.starts_with(beginning),
                None => event == sent,
            }
        })
    }

    fn is_understood(&self) -> bool {
        self.begin.is_some() && self.end.is_some()
    }

    fn covers(&self, part: &Part<'_>) -> bool {
        let begin = self.begin.as_deref();
        begin.is_some_and(|begin| part.prefix.as_bytes().starts_with(begin))
    }

    fn loses_none(&self, source: &Source, part: &Part<'_>) -> bool {
        let end = self.end.as_deref();
        end.is_some_and(|end| part.ends_in(source, end))
    }
}

/// Keys of a Source that have one beginning and, where it has rules that admit, one such rule.
struct Part<'a> {
    prefix: String,
    rule: Option<&'a RulePattern>,
}

/// All that a Source needs events of.
fn parts(source: &Source) -> Vec<Part<'_>> {
    let Some(rules) = source.rules.included() else {
        let ranges = source.listed_ranges().into_iter();
        let whole = ranges.map(|range| Part {
            prefix: range.prefix,
            rule: None,
        });
        return whole.collect();
    };
    let of_rule = |rule| {
        let ranges = RulePattern::ranges(rule).into_iter();
        ranges.map(move |range| Part {
            prefix: format!("{}{}", source.prefix, range.prefix),
            rule: Some(rule),
        })
    };
    rules.iter().flat_map(of_rule).collect()
}

impl Part<'_> {
    /// Whether all of its keys end so, as far as the text of the rule tells.
    fn ends_in(&self, source: &Source, end: &[u8]) -> bool {
        let is_glob_character = |byte: &u8| GLOB_CHARACTERS.contains(&char::from(*byte));
        let is_told = |rule: &RulePattern| {
            matches!(rule.matcher, RuleMatcher::Glob(_))
                && !source.rules.ignores_case()
                && !end.iter().any(is_glob_character)
                && rule.text.as_bytes().ends_with(end)
        };
        end.is_empty() || self.rule.is_some_and(is_told)
    }
}
