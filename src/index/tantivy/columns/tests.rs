//! Columns of another schema version.

use tantivy::schema::SchemaBuilder;
use tantivy::{Index, IndexWriter, TantivyDocument};

use super::super::schema::{Fields, settings, tokenizers};
use super::super::{MIN_WRITER_MEMORY, TantivyEngine};
use super::*;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::source_state::SourceId;
use crate::index::{Engine, RecordFilter};

/// The fields that version 2 added.
const NEW_IN_VERSION_2: [&str; 4] = ["name_trigrams", "name_words", "name_folded", "depth"];

#[test]
fn reads_records_of_schema_version_1() {
    let mut builder = SchemaBuilder::new();
    for (_, entry) in Fields::schema().0.fields() {
        if !NEW_IN_VERSION_2.contains(&entry.name()) {
            builder.add_field(entry.clone());
        }
    }
    let schema = builder.build();
    let folder = tempfile::tempdir().unwrap();
    let index = Index::builder()
        .schema(schema.clone())
        .settings(settings())
        .tokenizers(tokenizers())
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
