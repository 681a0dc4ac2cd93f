//! Columns of another schema version.

use tantivy::schema::{IndexRecordOption, SchemaBuilder, TextFieldIndexing, TextOptions};
use tantivy::{Index, IndexWriter, TantivyDocument};

use super::super::schema::{Fields, settings, tokenizers};
use super::super::small_index::{SOURCE, SmallIndex, tombstone};
use super::super::tokenizer::WordTokenizer;
use super::super::{MIN_WRITER_MEMORY, TantivyEngine};
use super::*;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::interval::KeyInterval;
use crate::core::replication::sequencer::MAX_DIGITS;
use crate::core::replication::source_state::SourceId;
use crate::index::{Change, Engine, RecordFilter};

/// The fields that versions 2 and 3 added.
const NEW_SINCE_VERSION_1: [&str; 7] = [
    "name_trigrams",
    "name_words",
    "ext_words",
    "name_folded",
    "depth",
    "sequencer_value",
    "sequencer_digits",
];

/// The fields that version 3 added.
const NEW_IN_VERSION_3: [&str; 3] = ["ext_words", "sequencer_value", "sequencer_digits"];

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
    document.add_text(field("sequencer"), "00617f08299329d189");
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
    let sequencer = record.sequencer.as_ref().unwrap();
    assert_eq!(sequencer.digits(), "00617f08299329d189");
}

#[test]
fn sequencers_are_preserved_and_the_usual_ones_need_no_dictionary() {
    let sequencers = [
        ("18 digits", "0055aed6dcd90281e5"),
        ("16 digits", "617f08299329d189"),
        ("one digit", "0"),
        ("zeros", "000000000000000000000000000000f0"),
        ("long", "016bf1ab4d5ea0f4a5"),
        ("longest", &"f".repeat(MAX_DIGITS)),
    ];
    let change = |(key, digits): &(&str, &str)| {
        let record = Record {
            sequencer: Sequencer::parse(digits),
            ..tombstone(1)
        };
        let change = Change {
            record: Some(record),
            replaces: false,
        };
        ((SOURCE, (*key).to_owned()), change)
    };
    let mut index = SmallIndex::empty();
    let changes = sequencers.iter().map(change).collect();
    index
        .engine
        .commit(&changes, &Checkpoint::default())
        .unwrap();

    let keys = sequencers.map(|(key, _)| key);
    let records = index.engine.get(SOURCE, &keys).unwrap();
    for ((key, digits), record) in sequencers.iter().zip(&records) {
        let sequencer = record.as_ref().and_then(|record| record.sequencer.as_ref());
        assert_eq!(sequencer.unwrap().digits(), *digits, "{key}");
    }
    let columns = &index.engine.snapshot().segments[0];
    let texts = columns.sequencer.as_ref().unwrap();
    assert_eq!(texts.num_terms(), 2, "only the long ones are texts");
}
