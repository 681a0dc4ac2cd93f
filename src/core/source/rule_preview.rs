//! A preview of rules: how many of the given keys they admit, with examples and the rule that decides each.
//!
//! It does not fetch keys: the caller passes those of an index or of a listing.

use std::collections::BTreeMap;

use super::Source;

/// Maximum number of examples on each side.
pub const MAX_EXAMPLES: usize = 20;

/// The number of keys for which the deciding rule is always looked for. That is slower than only deciding.
const EXPLAINED_FIRST: u64 = 2_000;

/// After that, the rule is looked for only for every 50th key, unless the side still needs examples.
const EXPLAINED_THEN: u64 = 50;

/// A key with the rule that decides whether it is an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The key.
    pub key: String,
    /// The rule, in a few words.
    pub rule: String,
}

/// The numbers of keys that the rules admit and reject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// The keys that are assets.
    pub admitted: u64,
    /// The other keys.
    pub rejected: u64,
}

/// Counts keys, and collects examples.
#[derive(Debug)]
pub struct RulePreview<'a> {
    source: &'a Source,
    seen: u64,
    admitted: Examples,
    rejected: Examples,
}

impl<'a> RulePreview<'a> {
    /// A preview of the rules of this Source.
    pub fn new(source: &'a Source) -> Self {
        Self {
            source,
            seen: 0,
            admitted: Examples::default(),
            rejected: Examples::default(),
        }
    }

    /// Decides one object of `size` bytes, and counts it in `counts`.
    pub fn add(&mut self, key: &str, size: u64, counts: &mut RuleCounts) {
        let is_admitted = self.source.admits(key, size);
        let (count, examples) = if is_admitted {
            (&mut counts.admitted, &mut self.admitted)
        } else {
            (&mut counts.rejected, &mut self.rejected)
        };
        *count += 1;
        self.seen += 1;
        let is_due = self.seen <= EXPLAINED_FIRST || self.seen.is_multiple_of(EXPLAINED_THEN);
        if examples.number < MAX_EXAMPLES || is_due {
            examples.add(key, self.source.decide(key, size).rule());
        }
    }

    /// Examples of admitted and of rejected keys, with as many different rules as possible.
    pub fn into_examples(self) -> (Vec<Example>, Vec<Example>) {
        (self.admitted.choose(), self.rejected.choose())
    }
}

/// The examples of one side, by rule. At most [`MAX_EXAMPLES`] rules, with as many keys each.
#[derive(Debug, Default)]
struct Examples {
    by_rule: BTreeMap<String, Vec<String>>,
    number: usize,
}

impl Examples {
    fn add(&mut self, key: &str, rule: String) {
        if self.by_rule.len() == MAX_EXAMPLES && !self.by_rule.contains_key(&rule) {
            return;
        }
        let keys = self.by_rule.entry(rule).or_default();
        if keys.len() < MAX_EXAMPLES && !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
            self.number += 1;
        }
    }

    /// The first key of each rule, then the second of each, until there are [`MAX_EXAMPLES`].
    fn choose(self) -> Vec<Example> {
        let mut chosen = Vec::new();
        for round in 0..MAX_EXAMPLES {
            for (rule, keys) in &self.by_rule {
                if let Some(key) = keys.get(round) {
                    let (key, rule) = (key.clone(), rule.clone());
                    chosen.push(Example { key, rule });
                }
            }
        }
        chosen.truncate(MAX_EXAMPLES);
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::source::rules::{RuleSelection, Rules};

    fn source() -> Source {
        let paths = |rules: &[&str]| {
            let rules = rules.iter().map(ToString::to_string).collect();
            Some(RuleSelection::Paths(rules))
        };
        let rules = Rules::new(paths(&["/a", "/b"]), paths(&["/a/x"]), false);
        Source {
            rules: rules.unwrap(),
            prefix: "p/".into(),
            ..Source::new("photos", "bucket", "acme")
        }
    }

    #[test]
    fn counts_every_key_and_shows_each_rule() {
        let source = source();
        let mut preview = RulePreview::new(&source);
        let mut counts = RuleCounts::default();
        for (folder, number) in [("a", 5_000), ("b", 100)] {
            for number in 0..number {
                preview.add(&format!("p/{folder}/{number:04}"), 1, &mut counts);
            }
        }
        for key in ["p/a/x/1", "p/b/1", "p/c", "p/c", "q", "p/a/"] {
            let size = u64::from(!key.ends_with('/'));
            preview.add(key, size, &mut counts);
        }
        assert_eq!((counts.admitted, counts.rejected), (5_101, 5));
        let (admitted, rejected) = preview.into_examples();
        assert_eq!(admitted.len(), MAX_EXAMPLES);
        let rejected: Vec<_> = rejected
            .iter()
            .map(|it| (it.key.as_str(), it.rule.as_str()))
            .collect();
        assert_eq!(
            rejected,
            [
                ("p/a/", "an empty object that marks a folder"),
                ("p/a/x/1", "exclude /a/x"),
                ("p/c", "no include rule matches"),
                ("q", "not under the prefix p/"),
            ]
        );
        let rules: Vec<_> = admitted.iter().map(|it| it.rule.as_str()).collect();
        assert_eq!(rules[..2], ["include /a", "include /b"]);
    }
}
