//! The processing rules of a Source: which of its keys are assets, and by which rule.
//!
//! They know relative keys only (a key without the prefix of its Source), no size and no bucket.

use std::borrow::Cow;

use crate::core::replication::interval::KeyRange;
use crate::core::source::case;
use crate::core::source::decision::RuleDecision;
use crate::core::source::pattern::{PatternError, RulePattern};
use crate::core::source::pattern_set::{PatternSet, TooLarge, intersect, ranges_of};

/// What may be written behind `include` and `exclude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSelection {
    /// `"all"`
    All,
    /// A list of rules.
    Paths(Vec<String>),
}

/// CompiledRules rules; by default every key is an asset.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    choice: CompiledRules,
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

/// Rules that cannot be meant: where, what stands there, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value}: {problem}")]
pub struct RulesError {
    /// Such as `include[2]`.
    pub key: String,
    /// As it would stand in TOML.
    pub value: String,
    /// What is wrong with it and what to write instead.
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
    /// Compiles what was written; what was not written is `None`.
    pub fn new(
        include: Option<RuleSelection>,
        exclude: Option<RuleSelection>,
        ignore_case: bool,
    ) -> Result<Self, RulesError> {
        let compile = |key, rules| compile(key, rules, ignore_case);
        let choice = match (include, exclude) {
            (None | Some(RuleSelection::All), None) => CompiledRules::IncludeAll,
            (None, Some(RuleSelection::All)) => CompiledRules::ExcludeAll,
            (Some(_), Some(RuleSelection::All)) => {
                return Err(RulesError::new(
                    "exclude",
                    "\"all\"",
                    "it leaves nothing of what `include` names; remove `exclude` to have what is \
                     included, or remove `include` to have nothing",
                ));
            }
            (Some(RuleSelection::Paths(include)), None) => {
                CompiledRules::Include(compile("include", include)?)
            }
            (None | Some(RuleSelection::All), Some(RuleSelection::Paths(exclude))) => {
                CompiledRules::Exclude(compile("exclude", exclude)?)
            }
            (Some(RuleSelection::Paths(include)), Some(RuleSelection::Paths(exclude))) => {
                let include = compile("include", include)?;
                CompiledRules::IncludeAndExclude(include, compile("exclude", exclude)?)
            }
        };
        Ok(Self {
            choice,
            ignore_case,
        })
    }

    /// Whether the relative key is an asset.
    pub fn admits(&self, key: &str) -> bool {
        match &self.choice {
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

    /// Whether the relative key is an asset, and the first rule that says so.
    pub fn decide(&self, key: &str) -> RuleDecision<'_> {
        if let CompiledRules::ExcludeAll = self.choice {
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

    /// The fewest ranges of relative keys that hold every asset, ascending, none in another.
    pub fn ranges(&self) -> Vec<KeyRange> {
        match (&self.choice, self.lists()) {
            (CompiledRules::ExcludeAll, _) => Vec::new(),
            (_, (Some(include), _)) => include.ranges(),
            (_, (None, _)) => vec![KeyRange::under("")],
        }
    }

    /// The fewest ranges of relative keys that hold every asset which was none by the `former`
    /// rules, ascending, none in another.
    pub fn newly_admitted_ranges(&self, former: &Rules) -> Vec<KeyRange> {
        if self.ignore_case != former.ignore_case || former.ranges().is_empty() {
            return self.ranges();
        }
        let ((include, exclude), (old_include, old_exclude)) = (self.lists(), former.lists());
        // A new asset is not matched by what the two have in common, or the former would have had it.
        let added = match (include, old_include) {
            (None, Some(_)) => return self.ranges(),
            (Some(include), Some(old)) => missing_in(include, Some(old)),
            (_, None) => Vec::new(),
        };
        let freed = match (self.ranges().is_empty(), old_exclude) {
            (false, Some(old)) => missing_in(old, exclude),
            _ => Vec::new(),
        };
        let ranges = ranges_of(added.into_iter().chain(freed));
        // What was excluded may reach beyond what is included, where nothing is to be listed.
        intersect(&ranges, &self.ranges())
    }

    /// A text that is the same for rules that admit the same because they say the same.
    ///
    /// The order of the rules and doubles do not count, nor does a leading `/`. Each part is
    /// written with its length before, so that no two different rules have the same text.
    pub fn canonical_text(&self) -> String {
        let kind = match &self.choice {
            CompiledRules::IncludeAll => "include-all",
            CompiledRules::ExcludeAll => "exclude-all",
            CompiledRules::Include(_) => "include",
            CompiledRules::Exclude(_) => "exclude",
            CompiledRules::IncludeAndExclude(..) => "include-exclude",
        };
        let (include, exclude) = self.lists();
        let mut text = format!("{kind} ignore_case={}\n", self.ignore_case);
        for set in [include, exclude].into_iter().flatten() {
            let mut rules: Vec<&str> = set.patterns().iter().map(RulePattern::relative).collect();
            rules.sort_unstable();
            rules.dedup();
            text.push_str(&format!("{}\n", rules.len()));
            for rule in rules {
                text.push_str(&format!("{}:{rule}\n", rule.len()));
            }
        }
        text
    }

    /// The rules of which an asset's relative key has to match one; `None` where there are no such.
    pub fn included(&self) -> Option<&[RulePattern]> {
        self.lists().0.map(PatternSet::patterns)
    }

    /// Whether the case of letters does not count.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    fn lists(&self) -> (Option<&PatternSet>, Option<&PatternSet>) {
        match &self.choice {
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

/// The patterns of the set that the other does not have.
fn missing_in<'a>(set: &'a PatternSet, other: Option<&PatternSet>) -> Vec<&'a RulePattern> {
    let is_there = |pattern: &RulePattern| {
        let others = other.into_iter().flat_map(PatternSet::patterns);
        others
            .into_iter()
            .any(|other| other.relative() == pattern.relative())
    };
    let patterns = set.patterns().iter();
    patterns.filter(|pattern| !is_there(pattern)).collect()
}

fn compile(key: &str, rules: Vec<String>, ignore_case: bool) -> Result<PatternSet, RulesError> {
    if rules.is_empty() {
        let problem = match key {
            "include" => {
                "an empty list would admit nothing; write the paths to include, or remove \
                          the line to include all"
            }
            _ => "an empty list excludes nothing; write the paths to exclude, or remove the line",
        };
        return Err(RulesError::new(key, "[]", problem));
    }
    let parse = |(i, rule): (usize, &String)| {
        RulePattern::parse(rule, ignore_case).map_err(|problem: PatternError| {
            RulesError::new(format!("{key}[{i}]"), &format!("{rule:?}"), problem)
        })
    };
    let patterns = rules.iter().enumerate().map(parse);
    let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
    let count = format!("[… {} rules …]", rules.len());
    PatternSet::new(patterns).map_err(|problem: TooLarge| RulesError::new(key, &count, problem))
}

#[cfg(test)]
mod tests;
