//! The fields of an asset in tantivy, and the settings of its index.
//!
//! `schema/asset.json` describes the same schema for other programs that open an index. A test keeps the two
//! equal. Raise [`SCHEMA_VERSION`] with every change, because fields cannot be added to an existing index.

use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{IndexSettings, IndexSortByField, Order};

use super::tokenizer::{TOKENIZER, WordTokenizer};
use super::trigrams::{TRIGRAM_TOKENIZER, TrigramTokenizer};

/// The version of the schema and the settings. It is part of the name of the index's folder.
pub const SCHEMA_VERSION: u32 = 3;

/// The name of the ukey field. The index is sorted by it.
pub const UKEY: &str = "ukey";

/// The handles of the fields.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// The ukey: the Source id, two bytes big-endian, then the key. Fast. The index is sorted by it.
    pub ukey: Field,
    /// Lower 64 bits of the hash of the ukey. Indexed, for look-ups and deletes.
    pub kh: Field,
    /// Upper 64 bits of the hash of the ukey. Look-ups compare it at each hit of `kh`.
    pub kh2: Field,
    /// Words of the file name. Indexed with their positions, by [`super::tokenizer::position_code`].
    pub name: Field,
    /// The three characters from each position of the folded file name; fewer at its end. Indexed.
    pub name_trigrams: Field,
    /// Number of words in `name`. A word that is split at changes of case counts as its parts.
    pub name_words: Field,
    /// Number of words in the extension, among the words in `name`.
    pub ext_words: Field,
    /// The whole folded file name. Fast. Within a segment, the order of its ordinals is the order by name.
    pub name_folded: Field,
    /// Words of the folders in the asset path. Indexed.
    pub folder: Field,
    /// Number of folders in the asset path. Fast.
    pub depth: Field,
    /// Extension in lower case. Fast and indexed.
    pub ext: Field,
    /// Size of the object in bytes.
    pub size: Field,
    /// When S3 last changed the object, in milliseconds since the epoch.
    pub last_modified: Field,
    /// When the index first saw the key, in milliseconds since the epoch.
    pub first_seen: Field,
    /// Name of the storage class in S3. Absent for `STANDARD`. Fast and indexed.
    pub storage_class: Field,
    /// Upper 64 bits of a hexadecimal ETag.
    pub etag_high: Field,
    /// Lower 64 bits of a hexadecimal ETag.
    pub etag_low: Field,
    /// Part count of a multipart ETag. Absent for other ETags.
    pub etag_parts: Field,
    /// An ETag that is not hexadecimal.
    pub etag_other: Field,
    /// Timestamp of the newest applied event, in milliseconds since the epoch.
    pub event_time: Field,
    /// The number that the digits of the newest applied event's sequencer spell. Absent if it is too great.
    pub sequencer_value: Field,
    /// Count of the digits of that sequencer, leading zeros included.
    pub sequencer_digits: Field,
    /// A sequencer whose number is too great, in lower-case hex. Up to schema version 2, every sequencer.
    pub sequencer: Field,
    /// Timestamp of the page that last wrote the record, in milliseconds since the epoch.
    pub listed_at: Field,
    /// Only on tombstones: the number of the scan during or after which the tombstone was written.
    pub removed_in_scan: Field,
}

impl Fields {
    /// Builds the schema. Returns it with the handles of its fields.
    pub fn schema() -> (Schema, Self) {
        let mut builder = Schema::builder();
        let number = NumericOptions::default().set_fast();
        let hash = NumericOptions::default().set_indexed();
        let label = TextOptions::default().set_fast("raw");
        let indexed = |tokenizer| {
            TextFieldIndexing::default()
                .set_tokenizer(tokenizer)
                .set_index_option(IndexRecordOption::Basic)
                .set_fieldnorms(false)
        };
        let words = TextOptions::default().set_indexing_options(indexed(TOKENIZER));
        let words_in_order = TextOptions::default().set_indexing_options(
            indexed(TOKENIZER).set_index_option(IndexRecordOption::WithFreqsAndPositions),
        );
        let filter = label.clone().set_indexing_options(indexed("raw"));
        let fields = Self {
            ukey: builder.add_bytes_field(UKEY, BytesOptions::default().set_fast()),
            kh: builder.add_u64_field("kh", hash),
            kh2: builder.add_u64_field("kh2", number.clone()),
            name: builder.add_text_field("name", words_in_order),
            name_trigrams: builder.add_text_field(
                "name_trigrams",
                TextOptions::default().set_indexing_options(indexed(TRIGRAM_TOKENIZER)),
            ),
            name_words: builder.add_u64_field("name_words", number.clone()),
            ext_words: builder.add_u64_field("ext_words", number.clone()),
            name_folded: builder.add_text_field("name_folded", label.clone()),
            folder: builder.add_text_field("folder", words),
            depth: builder.add_u64_field("depth", number.clone()),
            ext: builder.add_text_field("ext", filter.clone()),
            size: builder.add_u64_field("size", number.clone()),
            last_modified: builder.add_i64_field("last_modified", number.clone()),
            first_seen: builder.add_i64_field("first_seen", number.clone()),
            storage_class: builder.add_text_field("storage_class", filter),
            etag_high: builder.add_u64_field("etag_high", number.clone()),
            etag_low: builder.add_u64_field("etag_low", number.clone()),
            etag_parts: builder.add_u64_field("etag_parts", number.clone()),
            etag_other: builder.add_text_field("etag_other", label.clone()),
            event_time: builder.add_i64_field("event_time", number.clone()),
            sequencer_value: builder.add_u64_field("sequencer_value", number.clone()),
            sequencer_digits: builder.add_u64_field("sequencer_digits", number.clone()),
            sequencer: builder.add_text_field("sequencer", label),
            listed_at: builder.add_i64_field("listed_at", number.clone()),
            removed_in_scan: builder.add_u64_field("removed_in_scan", number),
        };
        (builder.build(), fields)
    }
}

/// The settings of the index: sorted by ukey, so that a key prefix is a range of documents.
pub fn settings() -> IndexSettings {
    IndexSettings {
        sort_by_field: Some(IndexSortByField {
            field: UKEY.to_owned(),
            order: Order::Asc,
        }),
        ..IndexSettings::default()
    }
}

/// The tokenizers that this schema needs. An index does not store tokenizers, so register them after opening
/// one.
pub fn tokenizers() -> TokenizerManager {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(TOKENIZER, WordTokenizer::default());
    tokenizers.register(TRIGRAM_TOKENIZER, TrigramTokenizer::default());
    tokenizers
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The description of the schema for other programs.
    const CONTRACT: &str = include_str!("../../../schema/asset.json");

    #[test]
    fn contract_matches_the_code() {
        let contract: Value = serde_json::from_str(CONTRACT).unwrap();
        let (schema, _) = Fields::schema();
        assert_eq!(contract["schema_version"], json!(SCHEMA_VERSION));
        let written: Schema = serde_json::from_value(contract["tantivy_schema"].clone()).unwrap();
        let ours = serde_json::to_value(&schema).unwrap();
        assert_eq!(written, schema, "expected in schema/asset.json: {ours:#}");
        let ours = serde_json::to_value(settings()).unwrap();
        assert_eq!(contract["tantivy_settings"], ours);
        let folder = contract["folder"].as_str().unwrap();
        assert!(folder.starts_with(&format!("assets-v{SCHEMA_VERSION}-")));
    }

    #[test]
    fn contract_explains_every_field_and_tokenizer() {
        let contract: Value = serde_json::from_str(CONTRACT).unwrap();
        let (schema, _) = Fields::schema();
        let explained = contract["fields"].as_object().unwrap();
        let names: Vec<&str> = schema.fields().map(|(_, entry)| entry.name()).collect();
        assert_eq!(explained.len(), names.len());
        for name in names {
            assert!(explained[name].as_str().unwrap().len() > 10, "{name}");
        }
        let tokenizers = contract["tokenizers"].as_object().unwrap();
        assert_eq!(
            tokenizers.keys().collect::<Vec<_>>(),
            [TRIGRAM_TOKENIZER, TOKENIZER]
        );
    }
}
