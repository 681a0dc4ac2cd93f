//! Tests the published schema: it reads an index with only `schema/asset.json` and tantivy, without this
//! crate. Also tests that a rebuild replaces an index of the previous schema version.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tantivy::collector::{Count, DocSetCollector};
use tantivy::query::{AllQuery, BooleanQuery, ExistsQuery, Occur, Query, QueryParser};
use tantivy::schema::Schema;
use tantivy::tokenizer::{LowerCaser, SimpleTokenizer, TextAnalyzer};
use tantivy::{Index, Searcher, TantivyDocument, doc};

use crate::cli::Cli;
use crate::fixture::{Fixture, SOURCE};

/// The published schema.
const CONTRACT: &str = include_str!("../../schema/asset.json");
/// The documentation of the schema.
const README: &str = include_str!("../../schema/README.md");
/// The schema of version 1, as it was published.
const SCHEMA_1: &str = include_str!("../golden/asset-schema-1.json");

/// The folder of the current generation, found as `schema/README.md` says.
fn current(cli: &Cli) -> PathBuf {
    cli.data_dir().join(cli.generation().trim_end())
}

/// Opens the index as a program would that only knows the published schema.
fn open(cli: &Cli) -> (Index, Searcher) {
    let contract: Value = serde_json::from_str(CONTRACT).expect("valid JSON");
    let version = &contract["schema_version"];
    let expected = format!("assets-v{version}-");
    assert!(cli.generation().starts_with(&expected));
    let schema: Schema =
        serde_json::from_value(contract["tantivy_schema"].clone()).expect("a tantivy schema");
    let index = Index::open_in_dir(current(cli)).expect("a tantivy index");
    assert_eq!(index.schema(), schema);
    for name in contract["tokenizers"]
        .as_object()
        .expect("an object")
        .keys()
    {
        register_plain(&index, name);
    }
    let searcher = index.reader().expect("a readable index").searcher();
    (index, searcher)
}

/// Registers tantivy's own tokenizer under this name.
fn register_plain(index: &Index, name: &str) {
    let plain = TextAnalyzer::builder(SimpleTokenizer::default());
    let plain = plain.filter(LowerCaser).build();
    index.tokenizers().register(name, plain);
}

/// The query without tombstones.
fn assets(query: Box<dyn Query>) -> BooleanQuery {
    let tombstone = ExistsQuery::new("removed_in_scan".to_owned(), false);
    BooleanQuery::new(vec![
        (Occur::Must, query),
        (Occur::MustNot, Box::new(tombstone)),
    ])
}

/// The Source with this name in the payload of the newest commit.
fn source(index: &Index, name: &str) -> Value {
    let payload = index.load_metas().expect("readable").payload;
    let payload: Value = serde_json::from_str(&payload.expect("a payload")).expect("valid JSON");
    let sources = payload["sources"].as_array().expect("a list");
    let found = sources.iter().find(|source| source["name"] == name);
    found.expect("a known Source").clone()
}

#[test]
fn reads_an_index_with_only_the_published_schema_and_tantivy() {
    let fixture = Fixture::with_keys(["docs/summer report.pdf", "gone.jpg"]);
    fixture.bucket.put("photos/Summer Beach.JPG", "12345");
    fixture.cli.reindex();
    fixture.bucket.delete("gone.jpg");
    fixture.cli.reindex();
    let (index, searcher) = open(&fixture.cli);
    let count = searcher.search(&assets(Box::new(AllQuery)), &Count);
    assert_eq!(count.expect("readable"), 2);

    let schema = index.schema();
    let words =
        ["name", "folder"].map(|name| schema.get_field(name).expect("a field of the schema"));
    let parser = QueryParser::for_index(&index, words.to_vec());
    let query = parser.parse_query("beach").expect("a word");
    let found = searcher.search(&assets(query), &DocSetCollector);
    let found = found.expect("readable");
    let [address] = found.into_iter().collect::<Vec<_>>()[..] else {
        panic!("exactly one asset has the word");
    };

    let columns = searcher.segment_reader(address.segment_ord).fast_fields();
    let number = |name| columns.u64(name).expect("a column").first(address.doc_id);
    let timestamp = |name| columns.i64(name).expect("a column").first(address.doc_id);
    let ukeys = columns.bytes("ukey").expect("a column").expect("present");
    let ord = ukeys.ords().first(address.doc_id).expect("a value");
    let mut ukey = Vec::new();
    ukeys.ord_to_bytes(ord, &mut ukey).expect("readable");
    let hit = &fixture.cli.search("beach", &[])[0];
    let source_number = u16::from_be_bytes([ukey[0], ukey[1]]);
    assert_eq!(&ukey[2..], hit.key.as_bytes());
    assert_eq!(number("size"), Some(hit.size));
    assert_eq!(timestamp("last_modified"), Some(hit.listed().last_modified));
    let etag = number("etag_high").zip(number("etag_low"));
    let etag = etag.map(|(high, low)| format!("{high:016x}{low:016x}"));
    assert_eq!(etag.as_deref(), Some(&*hit.etag));
    let extension = columns.str("ext").expect("a column").expect("present");
    let mut text = String::new();
    let ord = extension.term_ords(address.doc_id).next().expect("a value");
    extension.ord_to_str(ord, &mut text).expect("readable");
    assert_eq!(text, "jpg");
    let stored = source(&index, SOURCE);
    assert_eq!(stored["id"], json!(source_number));
    assert_eq!(stored["prefix"], "");
}

#[test]
fn readme_documents_every_field_and_version() {
    let contract: Value = serde_json::from_str(CONTRACT).expect("valid JSON");
    for name in contract["fields"].as_object().expect("an object").keys() {
        let is_row = |line: &str| {
            let names = line.split('|').nth(1).unwrap_or_default();
            line.starts_with('|') && names.contains(&format!("`{name}`"))
        };
        assert!(
            README.lines().any(is_row),
            "{name} has no row in schema/README.md"
        );
    }
    let version = &contract["schema_version"];
    assert!(README.contains(&format!("\n| {version} | ")));
    assert!(README.contains(&format!("assets-v{version}-")));
}

/// Writes an index of schema version 1 with one asset to the data directory.
pub fn write_version_1(fixture: &Fixture, key: &str, first_seen: i64) {
    let schema: Schema = serde_json::from_str(SCHEMA_1).expect("a tantivy schema");
    let folder = fixture.cli.data_dir().join("assets-v1-000001");
    fs::create_dir_all(&folder).expect("a writable folder");
    let field = |name| schema.get_field(name).expect("a field of version 1");
    let ukey = [b"\0\0", key.as_bytes()].concat();
    let asset: TantivyDocument = doc!(
        field("ukey") => ukey,
        field("size") => 1u64,
        field("first_seen") => first_seen,
        field("listed_at") => first_seen,
    );
    let settings = json!({"sort_by_field": {"field": "ukey", "order": "Asc"}});
    let index = Index::builder()
        .schema(schema)
        .settings(serde_json::from_value(settings).expect("settings"))
        .create_in_dir(&folder)
        .expect("an empty folder");
    register_plain(&index, "asset_words_1");
    let mut writer = index
        .writer_with_num_threads(1, 15_000_000)
        .expect("a free lock");
    writer.add_document(asset).expect("a valid document");
    let source = &fixture.config.sources[0];
    let payload = json!({"sources": [{
        "id": 0, "name": source.name, "subdomains": [source.subdomain],
        "origin": format!("{}/{}", source.endpoint, source.bucket), "prefix": "", "scope": "",
        "last_scan": 1, "complete_as_of": first_seen, "newest_page": first_seen, "running": null,
    }]});
    let mut commit = writer.prepare_commit().expect("a writable folder");
    commit.set_payload(&payload.to_string());
    commit.commit().expect("a writable folder");
    let current = fixture.cli.data_dir().join("CURRENT");
    fs::write(current, "assets-v1-000001\n").expect("a writable folder");
}

#[test]
fn rebuild_replaces_an_index_of_the_previous_version() {
    let fixture = Fixture::with_keys(["new.jpg", "old.jpg"]);
    write_version_1(&fixture, "old.jpg", 1_000_000_000_000);
    let words = ["schema version 1", "reindex --rebuild"];
    fixture.cli.fail(&["search"], &words);
    fixture.cli.fail(&["reindex"], &words);
    fixture.cli.succeed(&["reindex", "--rebuild"]);
    fixture.assert_mirror();
    let indexed = fixture.cli.indexed(SOURCE);
    assert_eq!(indexed["old.jpg"].first_seen, "2001-09-09T01:46:40Z");
    assert!(indexed["new.jpg"].first_seen.as_str() > "2020");
    assert!(!fixture.cli.data_dir().join("assets-v1-000001").exists());
}
