//! Reports every key that is alive in two segments.

use super::{AuditReport, Problem};
use crate::core::replication::checkpoint::Checkpoint;
use crate::index::IndexError;
use crate::index::tantivy::columns::Columns;
use crate::index::tantivy::doubled_keys::for_each_doubled;
use crate::index::tantivy::identity;

/// The columns of a segment, and the id of the segment.
pub(super) type NamedSegment = (Columns, String);

/// Reports every key that is alive in two segments.
pub(super) fn check(
    segments: &[NamedSegment],
    checkpoint: &Checkpoint,
    report: &mut AuditReport,
) -> Result<(), IndexError> {
    let columns: Vec<_> = segments.iter().map(|(columns, _)| columns).collect();
    for_each_doubled(&columns, |ukey, [first, second]| {
        let names = [&segments[first].1, &segments[second].1];
        report.add(duplicate(ukey, names, checkpoint));
    })
}

fn duplicate(ukey: &[u8], [first, second]: [&String; 2], checkpoint: &Checkpoint) -> Problem {
    let id = identity::source_of(ukey);
    let state = id.and_then(|id| checkpoint.state(id));
    Problem::Record {
        source: state.map_or_else(String::new, |state| state.name.clone()),
        key: identity::key_of(ukey).unwrap_or_default().to_owned(),
        what: format!("it is alive in two segments, {first} and {second}"),
    }
}
