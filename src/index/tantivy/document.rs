//! Derives the tantivy document of a record.

use tantivy::TantivyDocument;

use super::identity;
use super::schema::Fields;
use crate::core::query::words::{fold_name, words_with_positions};
use crate::core::query::{extension_of, file_name};
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::source_state::SourceId;

/// Returns the document of a record.
///
/// `prefix` is the prefix of the Source. It is not part of the asset path, so its words are not indexed.
pub fn document(
    fields: &Fields,
    source: SourceId,
    prefix: &str,
    key: &str,
    record: &Record,
) -> TantivyDocument {
    let ukey = identity::ukey(source, key);
    let hash = identity::hash(&ukey);
    let mut document = TantivyDocument::default();
    document.add_bytes(fields.ukey, &ukey);
    document.add_u64(fields.kh, hash.low);
    document.add_u64(fields.kh2, hash.high);
    let path = key.strip_prefix(prefix).unwrap_or(key);
    document.add_u64(fields.depth, path.matches('/').count() as u64);
    if let Some(time) = record.event_time {
        document.add_i64(fields.event_time, time.as_millis());
    }
    if let Some(sequencer) = &record.sequencer {
        match sequencer.as_number() {
            Some((value, digits)) => {
                document.add_u64(fields.sequencer_value, value);
                document.add_u64(fields.sequencer_digits, digits);
            }
            None => document.add_text(fields.sequencer, sequencer.digits()),
        }
    }
    if let Some(stamp) = record.listed_at {
        document.add_i64(fields.listed_at, stamp.as_millis());
    }
    match &record.content {
        RecordContent::Removed { scan } => document.add_u64(fields.removed_in_scan, *scan),
        RecordContent::Live { object, first_seen } => {
            document.add_i64(fields.first_seen, first_seen.as_millis());
            add_object(&mut document, fields, object);
            add_words(&mut document, fields, path);
        }
    }
    document
}

fn add_object(document: &mut TantivyDocument, fields: &Fields, object: &Object) {
    document.add_u64(fields.size, object.size);
    document.add_i64(fields.last_modified, object.last_modified.as_millis());
    if let StorageClass::Named(name) = &object.storage_class {
        document.add_text(fields.storage_class, name);
    }
    match &object.etag {
        None => {}
        Some(ETag::Hex { bits, parts }) => {
            document.add_u64(fields.etag_high, (bits >> 64) as u64);
            document.add_u64(fields.etag_low, *bits as u64);
            if *parts > 0 {
                document.add_u64(fields.etag_parts, u64::from(*parts));
            }
        }
        Some(ETag::Other(text)) => document.add_text(fields.etag_other, text),
    }
}

fn add_words(document: &mut TantivyDocument, fields: &Fields, path: &str) {
    let name = file_name(path);
    let folder = &path[..path.len() - name.len()];
    document.add_text(fields.name, name);
    document.add_text(fields.name_trigrams, name);
    let name_words = count_words(name);
    let ext = extension_of(name);
    let stem_words = ext.map_or(name_words, |ext| {
        count_words(&name[..name.len() - ext.len()])
    });
    document.add_u64(fields.name_words, name_words);
    document.add_u64(fields.ext_words, name_words - stem_words);
    document.add_text(fields.name_folded, fold_name(name));
    document.add_text(fields.folder, folder);
    if let Some(ext) = ext {
        document.add_text(fields.ext, ext.to_lowercase());
    }
}

/// Number of words, or of the parts of words that are split at case borders.
fn count_words(text: &str) -> u64 {
    let mut count = 0;
    words_with_positions(text, |_, _, positions| count = count.max(positions.end));
    count as u64
}
