//! Columns of another schema version.

use tantivy::schema::{IndexRecordOption, SchemaBuilder, TextFieldIndexing, TextOptions};
use tantivy::{Index, IndexWriter, TantivyDocument};

use super::super::schema::{Fields, settings, tokenizers};
use super::super::tokenizer::WordTokenizer;
use super::super::{MIN_WRITER_MEMORY, TantivyEngine};
use super::*;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::index::{Engine, RecordFilter};

/// The fields that versions 2 and 3 added.
const NEW_SINCE_VERSION_1: [&str; 5] = [
    "name_trigrams",
    "name_words",
    "ext_words",
    "name_folded",
    "depth",
];

/// The fields that version 3 added.
const NEW_IN_VERSION_3: [&str; 1] = ["ext_words"];

#[test]
fn reads_records_of_earlier_schema_versions() {
    reads_records_without(&NEW_SINCE_VERSION_1);
    reads_records_without(&NEW_IN_VERSION_3);
}

/// Reads a record of an index without these fields, and without the positions of words.
fn reads_records_without(missing: &[&str]) {
    let mut builder = SchemaBuilder::new();
    for (_, entry) in Fields::schema().0.fields() {
        if entry.name() == "name" {
            let words = TextFieldIndexing::default().set_tokenizer("asset_words_1");
            let words = words.set_index_option(IndexRecordOption::Basic);
            builder.add_text_field("name", TextOptions::default().set_indexing_options(words));
        } else if !missing.contains(&entry.name()) {
            builder.add_field(entry.clone());
        }
    }
    let schema = builder.build();
    let tokenizers = tokenizers();
    tokenizers.register("asset_words_1", WordTokenizer::default());
    let folder = tempfile::tempdir().unwrap();
    let index = Index::builder()
        .schema(schema.clone())
        .settings(settings())
        .tokenizers(tokenizers)
        .create_in_dir(folder.path())
        .unwrap();
    let mut writer: IndexWriter = index.writer_with_num_threads(1, MIN_WRITER_MEMORY).unwrap();
    let field = |name| schema.get_field(name).unwrap();
    let mut document = TantivyDocument::default();
    document.add_bytes(field(UKEY), &identity::ukey(SourceId(0), "a.jpg"));
    document.add_u64(field("size"), 7);
    document.add_i64(field("first_seen"), 9);
    writer.add_document(document).unwrap();
    writer.commit().unwrap();

    assert!(TantivyEngine::open_read_only(folder.path()).is_err());
    let engine = TantivyEngine::open_any_schema(folder.path()).unwrap();
    let everything = KeyInterval::everything();
    let read = engine
        .read(SourceId(0), &everything, RecordFilter::All, 10)
        .unwrap();
    let (key, record) = &read[0];
    assert_eq!((read.len(), key.as_str()), (1, "a.jpg"));
    assert_eq!(record.first_seen(), Some(Timestamp::from_millis(9)));
    assert_eq!(record.object().unwrap().size, 7);
}
