//! Warns about rules that probably mean something else than was intended. It sends no request.

use super::finding::{Finding, Subject};
use crate::core::source::{NearMiss, Source};

/// Examines the rules of the Source. No finding if none is doubtful.
pub(super) fn examine(source: &Source) -> Vec<Finding> {
    let doubtful = source.top_level_rules().into_iter();
    doubtful.filter_map(|rule| finding(&rule)).collect()
}

fn finding(rule: &NearMiss) -> Option<Finding> {
    let NearMiss::OnlyTopLevel { rule, instead } = rule else {
        return None;
    };
    let what = format!("the rule {rule:?} matches only at the top level of the Source");
    let remedy = format!(
        "Write {instead:?} for all levels, or {:?} to say that the top level is meant.",
        format!("/{rule}")
    );
    Some(Finding::warning(Subject::Rules, what).remedy(remedy))
}
