//! The fields of an asset in tantivy, and the settings of its index.
//!
//! `schema/asset.json` says the same to whoever opens an index without this program; a test holds
//! the two equal. Raise [`SCHEMA_VERSION`] with every change: fields cannot be added to an index.

use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{IndexSettings, IndexSortByField, Order};

use super::tokenizer::{WordTokenizer, TOKENIZER};
use super::trigrams::{TRIGRAM_TOKENIZER, TrigramTokenizer};

/// The version of everything in here; it stands in the name of the index's folder.
pub const SCHEMA_VERSION: u32 = 2;

/// The name of the key field, which the index is sorted by.
pub const UKEY: &str = "ukey";

/// The fields by their names.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// Identity: Source number, two bytes big-endian, then the key. Fast; the index's sort order.
    pub ukey: Field,
    /// Lower 64 bits of the key's hash. Indexed: look-up and delete.
    pub kh: Field,
    /// Upper 64 bits of the key's hash, checked at each hit of `kh`.
    pub kh2: Field,
    /// Words of the file name.
    pub name: Field,
    /// Three characters from each place of the folded file name on, fewer at its end.
    pub name_trigrams: Field,
    /// How many words `name` holds, one that case borders cut as its parts.
    pub name_words: Field,
    /// The folded file name as a whole. Fast: within a segment its ordinals are the order by name.
    pub name_folded: Field,
    /// Words of the folders of the asset path.
    pub folder: Field,
    /// How many folders of the asset path the key lies in. Fast.
    pub depth: Field,
    /// Extension in lower case.
    pub ext: Field,
    /// Bytes.
    pub size: Field,
    /// Milliseconds since the epoch.
    pub last_modified: Field,
    /// Milliseconds since the epoch.
    pub first_seen: Field,
    /// Storage class by S3's name; absent for `STANDARD`.
    pub storage_class: Field,
    /// Upper 64 bits of a hexadecimal ETag.
    pub etag_high: Field,
    /// Lower 64 bits of a hexadecimal ETag.
    pub etag_low: Field,
    /// Part count of a multipart ETag; absent for others.
    pub etag_parts: Field,
    /// An ETag of any other form.
    pub etag_other: Field,
    /// Timestamp of the newest event applied, milliseconds since the epoch.
    pub event_time: Field,
    /// Sequencer of the newest event applied, lower-case hex.
    pub sequencer: Field,
    /// Timestamp of the page that last wrote the record, milliseconds since the epoch.
    pub listed_at: Field,
    /// Present on tombstones alone: the number of the scan during or after which it was written.
    pub removed_in_scan: Field,
}

impl Fields {
    /// The schema, and its fields.
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
        let filter = label.clone().set_indexing_options(indexed("raw"));
        let fields = Self {
            ukey: builder.add_bytes_field(UKEY, BytesOptions::default().set_fast()),
            kh: builder.add_u64_field("kh", hash),
            kh2: builder.add_u64_field("kh2", number.clone()),
            name: builder.add_text_field("name", words.clone()),
            name_trigrams: builder.add_text_field(
                "name_trigrams",
                TextOptions::default().set_indexing_options(indexed(TRIGRAM_TOKENIZER)),
            ),
            name_words: builder.add_u64_field("name_words", number.clone()),
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
            sequencer: builder.add_text_field("sequencer", label),
            listed_at: builder.add_i64_field("listed_at", number.clone()),
            removed_in_scan: builder.add_u64_field("removed_in_scan", number),
        };
        (builder.build(), fields)
    }
}

/// Sorted by key, so that a key prefix is a range of documents.
pub fn settings() -> IndexSettings {
    IndexSettings {
        sort_by_field: Some(IndexSortByField {
            field: UKEY.to_owned(),
            order: Order::Asc,
        }),
        ..IndexSettings::default()
    }
}

/// The tokenizers that an index of this schema is opened with; an index does not store them.
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

    /// The contract, as others read it.
    const CONTRACT: &str = include_str!("../../../schema/asset.json");

    #[test]
    fn the_contract_says_what_the_code_does() {
        let contract: Value = serde_json::from_str(CONTRACT).unwrap();
        let (schema, _) = Fields::schema();
        assert_eq!(contract["schema_version"], json!(SCHEMA_VERSION));
        let written: Schema = serde_json::from_value(contract["tantivy_schema"].clone()).unwrap();
        let ours = serde_json::to_value(&schema).unwrap();
        assert_eq!(written, schema, "write it so: {ours:#}");
        let ours = serde_json::to_value(settings()).unwrap();
        assert_eq!(contract["tantivy_settings"], ours);
        let folder = contract["folder"].as_str().unwrap();
        assert!(folder.starts_with(&format!("assets-v{SCHEMA_VERSION}-")));
    }

    #[test]
    fn the_contract_explains_every_field_and_tokenizer() {
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
