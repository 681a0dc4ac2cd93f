//! Names folded as words are, but not taken apart.

use std::ops::Range;

use unicode_normalization::char::{compose, decompose_compatible};

use super::{Class, class_of, push_folded};

/// A file name folded as the words are, but with all its characters in place: for the order by name
/// and for parts of names.
///
/// Only marks that words drop are missing. Two names that differ in nothing but case, accents or
/// compatibility forms fold to the same text.
pub fn fold_name(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(name.len());
    fold_with(name, |part, _| folded.push_str(part));
    folded
}

/// Emits a folded name in parts, each with the byte range of `name` that it stands for.
pub(in crate::core::query) fn fold_with(name: &str, mut sink: impl FnMut(&str, Range<usize>)) {
    // A syllable is held back until it is known that nothing joins it.
    let mut held: Option<(char, Range<usize>)> = None;
    let mut part = String::with_capacity(8);
    for (start, c) in name.char_indices() {
        let source = start..start + c.len_utf8();
        decompose_compatible(c, |c| {
            if let Some((base, from)) = held.take() {
                if let Some(whole) = compose(base, c) {
                    held = Some((whole, from.start..source.end));
                    return;
                }
                sink(base.encode_utf8(&mut [0; 4]), from);
            }
            match class_of(c) {
                Class::Mark => {}
                Class::Syllable => held = Some((c, source.clone())),
                _ => {
                    part.clear();
                    push_folded(c, &mut part);
                    sink(&part, source.clone());
                }
            }
        });
    }
    if let Some((base, from)) = held {
        sink(base.encode_utf8(&mut [0; 4]), from);
    }
}
