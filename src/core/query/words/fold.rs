//! Folds whole names in the same way as words, without splitting them.

use std::ops::Range;

use unicode_normalization::char::{compose, decompose_compatible};

use super::class::{Class, class_of};
use super::push_folded;

/// Folds a file name in the same way as words, but keeps all other characters. It is used to sort by name
/// and to match patterns of names.
///
/// Only the marks that words drop are removed. Names that differ only in case, accents or compatibility
/// forms fold to the same text.
pub fn fold_name(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(name.len());
    fold_with(name, |part, _| folded.push_str(part));
    folded
}

/// Emits a folded name in parts, each with its byte range in `name`.
pub(in crate::core::query) fn fold_with(name: &str, mut sink: impl FnMut(&str, Range<usize>)) {
    // A single character waits here until the next character shows whether it joins.
    let mut pending: Option<(char, Range<usize>)> = None;
    let mut part = String::with_capacity(8);
    for (start, c) in name.char_indices() {
        let source = start..start + c.len_utf8();
        decompose_compatible(c, |c| {
            if let Some((base, from)) = pending.take() {
                if let Some(whole) = compose(base, c) {
                    pending = Some((whole, from.start..source.end));
                    return;
                }
                sink(base.encode_utf8(&mut [0; 4]), from);
            }
            match class_of(c) {
                Class::Mark => {}
                Class::Single => pending = Some((c, source.clone())),
                _ => {
                    part.clear();
                    push_folded(c, &mut part);
                    sink(&part, source.clone());
                }
            }
        });
    }
    if let Some((base, from)) = pending {
        sink(base.encode_utf8(&mut [0; 4]), from);
    }
}
