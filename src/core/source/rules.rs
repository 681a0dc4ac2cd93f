//! The rules of a Source: which of its keys are assets, and which rule decides.
//!
//! Rules see only relative keys (a key without the prefix of its Source). They see no sizes and no bucket.

use std::borrow::Cow;

use crate::core::replication::interval::KeyRange;
use crate::core::source::case;
use crate::core::source::decision::RuleDecision;
use crate::core::source::near_miss::{self, NearMiss};
use crate::core::source::pattern::RulePattern;
use crate::core::source::pattern_set::{PatternSet, TooLarge, intersect, ranges_of};

/// The value of `include` or `exclude` in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSelection {
    /// `"all"`.
    All,
    /// A list of rules.
    Paths(Vec<String>),
}

/// Compiled rules. By default every key is an asset.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    compiled: CompiledRules,
    ignore_case: bool,
}

#[derive(Clone, Debug, Default)]
enum CompiledRules {
    #[default]
    IncludeAll,
    ExcludeAll,
    Include(PatternSet),
    Exclude(PatternSet),
    IncludeAndExclude(PatternSet, PatternSet),
}

/// An invalid rule: its key in the configuration, its value, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value}: {problem}")]
pub struct RulesError {
    /// The key in the configuration, such as `include[2]`.
    pub key: String,
    /// The value, in TOML syntax.
    pub value: String,
    /// The fault, and what to write instead.
    pub problem: String,
}

impl RulesError {
    fn new(key: impl Into<String>, value: &str, problem: impl ToString) -> Self {
        Self {
            key: key.into(),
            value: value.to_owned(),
            problem: problem.to_string(),
        }
    }
}

impl Rules {
    /// Compiles the rules. `None` means that the configuration does not contain the key.
    ///
    /// # Errors
    ///
    /// All invalid rules, at least one.
    pub fn new(
        include: Option<RuleSelection>,
        exclude: Option<RuleSelection>,
        ignore_case: bool,
    ) -> Result<Self, Vec<RulesError>> {
        let compile = |key, rules| compile(key, rules, ignore_case);
        let compiled = match (include, exclude) {
            (None | Some(RuleSelection::All), None) => CompiledRules::IncludeAll,
            (None, Some(RuleSelection::All)) => CompiledRules::ExcludeAll,
            (Some(_), Some(RuleSelection::All)) => {
                return Err(vec![RulesError::new(
                    "exclude",
                    "\"all\"",
                    "it excludes everything that `include` names; remove `exclude` to index what is \
                     included, or remove `include` to index nothing",
                )]);
            }
            (Some(RuleSelection::Paths(include)), None) => {
                CompiledRules::Include(compile("include", include)?)
            }
            (None | Some(RuleSelection::All), Some(RuleSelection::Paths(exclude))) => {
                CompiledRules::Exclude(compile("exclude", exclude)?)
            }
            (Some(RuleSelection::Paths(include)), Some(RuleSelection::Paths(exclude))) => {
                match (compile("include", include), compile("exclude", exclude)) {
                    (Ok(include), Ok(exclude)) => {
                        CompiledRules::IncludeAndExclude(include, exclude)
                    }
                    (Err(mut errors), Err(more)) => {
                        errors.extend(more);
                        return Err(errors);
                    }
                    (Err(errors), Ok(_)) | (Ok(_), Err(errors)) => return Err(errors),
                }
            }
        };
        Ok(Self {
            compiled,
            ignore_case,
        })
    }

    /// Whether the relative key is an asset.
    pub fn admits(&self, key: &str) -> bool {
        match &self.compiled {
            CompiledRules::IncludeAll => true,
            CompiledRules::ExcludeAll => false,
            CompiledRules::Include(include) => include.is_match(&self.folded(key)),
            CompiledRules::Exclude(exclude) => !exclude.is_match(&self.folded(key)),
            CompiledRules::IncludeAndExclude(include, exclude) => {
                let key = self.folded(key);
                include.is_match(&key) && !exclude.is_match(&key)
            }
        }
    }

    /// Whether the relative key is an asset, and the first rule that decides it.
    pub fn decide(&self, key: &str) -> RuleDecision<'_> {
        if let CompiledRules::ExcludeAll = self.compiled {
            return RuleDecision::ExcludedAll;
        }
        let key = self.folded(key);
        let (include, exclude) = self.lists();
        if let Some(rule) = exclude.and_then(|set| set.first_match(&key)) {
            return RuleDecision::Excluded(&rule.text);
        }
        match include.map(|set| set.first_match(&key)) {
            Some(Some(rule)) => RuleDecision::Included(&rule.text),
            Some(None) => RuleDecision::NotIncluded,
            None => RuleDecision::IncludedByDefault,
        }
    }

    /// A rule that would change the decision if it matched, and seems to name the relative key.
    pub fn near_miss(&self, key: &str) -> Option<NearMiss> {
        let (include, exclude) = self.lists();
        let rules = match self.decide(key) {
            RuleDecision::NotIncluded => include?,
            RuleDecision::Included(_) | RuleDecision::IncludedByDefault => exclude?,
            _ => return None,
        };
        near_miss::find(rules.patterns(), &self.folded(key), self.ignore_case)
    }

    /// The rules that match only at the top level although they are written like rules for all levels.
    pub fn top_level_rules(&self) -> Vec<NearMiss> {
        let (include, exclude) = self.lists();
        let rules = [include, exclude].into_iter().flatten();
        let rules = rules.flat_map(PatternSet::patterns);
        rules.filter_map(near_miss::top_level).collect()
    }

    /// The smallest set of ranges of relative keys that contains every asset. The ranges ascend and do not
    /// overlap.
    pub fn ranges(&self) -> Vec<KeyRange> {
        match (&self.compiled, self.lists()) {
            (CompiledRules::ExcludeAll, _) => Vec::new(),
            (_, (Some(include), _)) => include.ranges(),
            (_, (None, _)) => vec![KeyRange::under("")],
        }
    }

    /// The ranges of relative keys to list after a change of the rules. They contain every key that is an
    /// asset now and was not one by the `previous` rules. The ranges ascend and do not overlap.
    pub fn newly_admitted_ranges(&self, previous: &Rules) -> Vec<KeyRange> {
        if self.ignore_case != previous.ignore_case || previous.ranges().is_empty() {
            return self.ranges();
        }
        let ((include, exclude), (old_include, old_exclude)) = (self.lists(), previous.lists());
        // Consider only the rules that differ. A rule in both lists can't be the reason that a key is new.
        let added = match (include, old_include) {
            (None, Some(_)) => return self.ranges(),
            (Some(include), Some(old)) => patterns_not_in(include, Some(old)),
            (_, None) => Vec::new(),
        };
        let no_longer_excluded = match (self.ranges().is_empty(), old_exclude) {
            (false, Some(old)) => patterns_not_in(old, exclude),
            _ => Vec::new(),
        };
        let ranges = ranges_of(added.into_iter().chain(no_longer_excluded));
        // Keys that are no longer excluded need no listing if they are not included.
        intersect(&ranges, &self.ranges())
    }

    /// A text that identifies the rules. Rules with the same text admit the same keys.
    ///
    /// The order of the rules, repeated rules and a `/` at the start make no difference. Each rule is written
    /// with its length in front, so that different rules never have the same text. Globs with `**` at braces
    /// are marked, because they matched other keys before this program expanded them.
    pub fn canonical_text(&self) -> String {
        let kind = match &self.compiled {
            CompiledRules::IncludeAll => "include-all",
            CompiledRules::ExcludeAll => "exclude-all",
            CompiledRules::Include(_) => "include",
            CompiledRules::Exclude(_) => "exclude",
            CompiledRules::IncludeAndExclude(..) => "include-exclude",
        };
        let (include, exclude) = self.lists();
        let mut text = format!("{kind} ignore_case={}\n", self.ignore_case);
        for set in [include, exclude].into_iter().flatten() {
            let patterns = set.patterns().iter();
            let mut rules: Vec<(&str, bool)> = patterns
                .map(|pattern| (pattern.relative(), pattern.is_expanded()))
                .collect();
            rules.sort_unstable();
            rules.dedup();
            text.push_str(&format!("{}\n", rules.len()));
            for (rule, is_expanded) in rules {
                let mark = if is_expanded { "expanded " } else { "" };
                text.push_str(&format!("{mark}{}:{rule}\n", rule.len()));
            }
        }
        text
    }

    /// The `include` rules. `None` if there are none, so that no asset has to match one.
    pub fn included(&self) -> Option<&[RulePattern]> {
        self.lists().0.map(PatternSet::patterns)
    }

    /// `include` and `exclude` as they are written. `None` if the key is not needed.
    pub fn selections(&self) -> (Option<RuleSelection>, Option<RuleSelection>) {
        if let CompiledRules::ExcludeAll = self.compiled {
            return (None, Some(RuleSelection::All));
        }
        let written = |set: &PatternSet| {
            let rules = set.patterns().iter();
            RuleSelection::Paths(rules.map(|rule| rule.text.to_string()).collect())
        };
        let (include, exclude) = self.lists();
        (include.map(written), exclude.map(written))
    }

    /// Whether the rules ignore letter case.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// The `include` and the `exclude` rules.
    fn lists(&self) -> (Option<&PatternSet>, Option<&PatternSet>) {
        match &self.compiled {
            CompiledRules::IncludeAll | CompiledRules::ExcludeAll => (None, None),
            CompiledRules::Include(include) => (Some(include), None),
            CompiledRules::Exclude(exclude) => (None, Some(exclude)),
            CompiledRules::IncludeAndExclude(include, exclude) => (Some(include), Some(exclude)),
        }
    }

    fn folded<'a>(&self, key: &'a str) -> Cow<'a, str> {
        if self.ignore_case {
            Cow::Owned(case::fold(key))
        } else {
            Cow::Borrowed(key)
        }
    }
}

/// The patterns of `set` that `other` does not contain.
fn patterns_not_in<'a>(set: &'a PatternSet, other: Option<&PatternSet>) -> Vec<&'a RulePattern> {
    let is_in_other = |pattern: &RulePattern| {
        let others = other.into_iter().flat_map(PatternSet::patterns);
        others
            .into_iter()
            .any(|other| other.relative() == pattern.relative())
    };
    let patterns = set.patterns().iter();
    patterns.filter(|pattern| !is_in_other(pattern)).collect()
}

fn compile(
    key: &str,
    rules: Vec<String>,
    ignore_case: bool,
) -> Result<PatternSet, Vec<RulesError>> {
    if rules.is_empty() {
        let problem = match key {
            "include" => {
                "an empty list would admit nothing; write the paths to include, or remove the line to \
                 include all"
            }
            _ => "an empty list excludes nothing; write the paths to exclude, or remove the line",
        };
        return Err(vec![RulesError::new(key, "[]", problem)]);
    }
    let (mut patterns, mut errors) = (Vec::new(), Vec::new());
    for (i, rule) in rules.iter().enumerate() {
        match RulePattern::parse(rule, ignore_case) {
            Ok(pattern) => patterns.push(pattern),
            Err(problem) => {
                let key = format!("{key}[{i}]");
                errors.push(RulesError::new(key, &format!("{rule:?}"), problem));
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let count = format!("[… {} rules …]", rules.len());
    PatternSet::new(patterns)
        .map_err(|problem: TooLarge| vec![RulesError::new(key, &count, problem)])
}

#[cfg(test)]
mod tests;
