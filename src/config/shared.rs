//! Finds values that no two Sources may share: the name, the subdomain, and a queue whose events would be ambiguous.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::error::{InvalidValue, InvalidValues, Mistake};
use super::source_file::FoundSource;
use crate::core::source::{Source, queue_url};

/// Adds the values that each Source shares with one before it.
pub(super) fn report(sources: &[FoundSource], mistakes: &mut Vec<Mistake>) {
    // Comparing each Source with all others would take long if there are thousands.
    let mut by_value: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, FoundSource { origin, source }) in sources.iter().enumerate() {
        let values = comparable(source);
        let same = values.iter().filter_map(|value| by_value.get(value));
        let previous: BTreeSet<usize> = same.flatten().copied().collect();
        let shared = previous.into_iter().flat_map(|previous| {
            let other = &sources[previous];
            between(source, &other.source, Some(&other.origin.path), &|_| true)
        });
        let shared = InvalidValues(shared.collect());
        let name = Some(&*source.name).filter(|name| !name.is_empty());
        mistakes.extend(origin.mistakes(name, shared));
        for value in values {
            by_value.entry(value).or_default().push(index);
        }
    }
}

/// The values to find the other Sources by that could share one, each with its key. A value that is missing is
/// reported already.
fn comparable(source: &Source) -> Vec<(&'static str, String)> {
    let texts = [("name", &source.name), ("subdomain", &source.subdomain)];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let texts = texts.map(|(key, text)| (key, text.clone()));
    let queue = queue(source).map(|(_, identity)| ("events.queue_url", identity));
    texts.chain(queue).collect()
}

/// The URL of the queue, and what is the same for all its URLs.
fn queue(source: &Source) -> Option<(&str, String)> {
    let url = &source.events.as_ref()?.queue_url;
    (!url.is_empty()).then(|| (url.as_str(), queue_url::identity(url)))
}

/// The values that the Source must not share with another one. Names the other one, and its file if there is one, only
/// if `may_see` allows it.
pub(super) fn between(
    source: &Source,
    other: &Source,
    file: Option<&Path>,
    may_see: &dyn Fn(&str) -> bool,
) -> Vec<InvalidValue> {
    let is_shared = |value: &str, other: &str| !value.is_empty() && value == other;
    let name = &other.name;
    let mut shared = Vec::new();
    let problem = |what| {
        if !may_see(name) {
            return format!("another Source already has this {what}; use another {what}");
        }
        let place = file.map_or_else(String::new, |file| format!(" in {}", file.display()));
        format!("Source {name:?}{place} already has this {what}; use another {what}")
    };
    if is_shared(&source.name, name) {
        shared.push(InvalidValue::text("name", name, problem("name")));
    }
    if let Some(url) = ambiguous_queue(source, other) {
        let bucket = &other.bucket;
        let problem = if may_see(name) {
            format!(
                "Source {name:?} also receives events from this queue, and its bucket in another store has the same \
                 name {bucket:?}; events contain only the name, so use another queue"
            )
        } else {
            "this queue is in use; use another queue".to_owned()
        };
        shared.push(InvalidValue::text("events.queue_url", url, problem));
    }
    if is_shared(&source.subdomain, &other.subdomain) {
        let (value, problem) = (&source.subdomain, problem("subdomain"));
        shared.push(InvalidValue::text("subdomain", value, problem));
    }
    shared
}

/// The queue, if both Sources receive events from it for buckets of the same name in different stores. Then an
/// event does not show which bucket it belongs to.
fn ambiguous_queue<'a>(source: &'a Source, other: &Source) -> Option<&'a str> {
    let could_be = source.bucket == other.bucket && source.endpoint_url != other.endpoint_url;
    let ((url, identity), (_, of_other)) = could_be.then(|| queue(source).zip(queue(other)))??;
    (identity == of_other).then_some(url)
}
