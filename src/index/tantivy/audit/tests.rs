//! Audits of undamaged indexes, and of indexes with exactly one defect.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use fastrand::Rng;
use tantivy::TantivyDocument;

use super::*;
use crate::core::replication::object::{ETag, Object, StorageClass};
use crate::core::replication::record::{Record, RecordContent};
use crate::core::replication::sequencer::Sequencer;
use crate::core::replication::source_state::{SourceId, SourceIdentity};
use crate::core::replication::timestamp::Timestamp;
use crate::index::tantivy::corpus::random_path;
use crate::index::tantivy::document::document;
use crate::index::tantivy::schema::Fields;
use crate::index::tantivy::{MIN_WRITER_MEMORY, TantivyEngine};
use crate::index::{Change, Changes, Engine};

const ONE: SourceId = SourceId(0);
const PREFIX: &str = "p/";

/// An index in a folder with two Sources, whose first scan has begun.
struct TestIndex {
    folder: tempfile::TempDir,
    engine: TantivyEngine,
    checkpoint: Checkpoint,
}

impl TestIndex {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoint = Checkpoint::default();
        for (name, prefix) in [("one", PREFIX), ("two", "")] {
            let identity = SourceIdentity {
                name,
                subdomain: name,
                origin: "aws/bucket",
                prefix,
                scope: "",
            };
            let (id, _) = checkpoint.register(&identity).unwrap();
            let state = checkpoint.state_mut(id).unwrap();
            state.begin_scan(Vec::new());
            state.note_page(Timestamp::from_millis(1000));
        }
        Self {
            engine: TantivyEngine::open_or_create(folder.path(), MIN_WRITER_MEMORY).unwrap(),
            folder,
            checkpoint,
        }
    }

    /// Creates an index with records of all kinds. Some were overwritten or erased.
    fn random(rng: &mut Rng, commits: usize, changes: usize) -> Self {
        let mut index = Self::new();
        for _ in 0..commits {
            let mut commit = Changes::new();
            for _ in 0..changes {
                let source = SourceId(rng.u16(0..2));
                let prefix = if source == ONE { PREFIX } else { "" };
                let key = format!("{prefix}{}", &random_path(rng)[1..]);
                let replaces = index.has(source, &key);
                let record = (rng.u8(0..5) > 0).then(|| random_record(rng));
                commit.insert((source, key), Change { record, replaces });
            }
            index.commit(&commit);
        }
        index
    }

    fn has(&self, source: SourceId, key: &str) -> bool {
        self.engine.get(source, &[key]).unwrap()[0].is_some()
    }

    fn commit(&mut self, changes: &Changes) {
        self.engine.commit(changes, &self.checkpoint).unwrap();
    }

    /// Commits one record without deleting an earlier record of the key.
    fn put(&mut self, source: SourceId, key: &str, record: Record) {
        let change = Change {
            record: Some(record),
            replaces: false,
        };
        self.commit(&Changes::from([((source, key.to_owned()), change)]));
    }

    /// Commits a document as it is.
    fn put_document(&mut self, document: TantivyDocument) {
        let writer = self.engine.writer.as_mut().unwrap();
        writer.add_document(document).unwrap();
        let records = self.engine.snapshot.searcher.num_docs() + 1;
        self.engine.publish(&self.checkpoint, records).unwrap();
    }

    fn audit(&self) -> AuditReport {
        audit(self.folder.path(), &|_| {}).unwrap()
    }

    /// Audits the index and returns the only problem.
    fn only_problem(&self) -> String {
        let report = self.audit();
        assert_eq!(report.problems.len(), 1, "{report:#?}");
        report.problems[0].to_string()
    }

    fn segment_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let is_of_segment = |path: &PathBuf| {
            let ending = path.extension().unwrap_or_default();
            ending != "json" && ending != "lock"
        };
        paths.filter(is_of_segment).collect()
    }
}

fn live(millis: i64) -> Record {
    Record {
        content: RecordContent::Live {
            object: Object {
                size: 7,
                etag: ETag::parse("0123456789abcdef0123456789abcdef-3"),
                last_modified: Timestamp::from_millis(5),
                storage_class: StorageClass::from_name("GLACIER"),
            },
            first_seen: Timestamp::from_millis(millis),
        },
        event_time: Some(Timestamp::from_millis(millis)),
        sequencer: Sequencer::parse("0a"),
        listed_at: Some(Timestamp::from_millis(millis)),
    }
}

fn tombstone(scan: u64) -> Record {
    Record {
        content: RecordContent::Removed { scan },
        ..live(1)
    }
}

fn random_record(rng: &mut Rng) -> Record {
    let mut record = live(rng.i64(0..1000));
    if rng.bool() {
        (record.event_time, record.sequencer) = (None, None);
    }
    match &mut record.content {
        RecordContent::Live { object, .. } if rng.u8(0..4) > 0 => {
            object.size = rng.u64(0..9);
            let etags = ["opaque", "", "0123456789abcdef0123456789abcdef"];
            object.etag = ETag::parse(etags[rng.usize(..3)]);
            object.storage_class = StorageClass::from_name(["", "SNOW"][rng.usize(..2)]);
        }
        content => {
            *content = RecordContent::Removed {
                scan: rng.u64(0..2),
            }
        }
    }
    record
}

#[test]
fn committed_records_are_sound() {
    for seed in 0..3 {
        let index = TestIndex::random(&mut Rng::with_seed(seed), 6, 120);
        let report = index.audit();
        assert_eq!(report.problems, [], "seed {seed}");
        let records = |id| index.engine.count_records(SourceId(id)).unwrap();
        let assets = records(0).assets + records(1).assets;
        let tombstones = records(0).tombstones + records(1).tombstones;
        assert_eq!((report.assets, report.tombstones), (assets, tombstones));
        assert!(assets > 100 && tombstones > 20 && report.segments > 1);
        let bytes: u64 = index
            .segment_files()
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        // Files of merged segments may still exist.
        assert!(report.bytes > 0 && report.bytes <= bytes);
    }
}

#[test]
fn empty_index_is_sound() {
    let index = TestIndex::new();
    assert_eq!(index.audit(), AuditReport::default());
}

#[test]
fn reports_the_file_of_a_flipped_bit() {
    let rng = &mut Rng::with_seed(1);
    let mut index = TestIndex::random(rng, 2, 200);
    index.engine.close().unwrap();
    index.engine = TantivyEngine::in_memory().unwrap();
    let files = index.segment_files();
    assert!(files.iter().any(|file| file.extension().unwrap() == "del"));
    for file in &files {
        let whole = fs::read(file).unwrap();
        // Flip only bits before the footer that tantivy appends.
        let end = String::from_utf8_lossy(&whole).rfind("{\"version\"");
        let body = end.map_or(0, |_| whole.len().saturating_sub(150)).max(1);
        for _ in 0..8 {
            let mut flipped = whole.clone();
            flipped[rng.usize(..body)] ^= 1 << rng.u8(0..8);
            fs::write(file, &flipped).unwrap();
            let report = index.audit();
            let name = file.file_name().unwrap().to_str().unwrap();
            let is_of_file =
                |problem: &Problem| matches!(problem, Problem::File { file, .. } if file == name);
            assert!(
                report.problems.iter().any(is_of_file),
                "{name}: {report:#?}"
            );
        }
        fs::write(file, &whole).unwrap();
    }
    assert!(index.audit().is_sound());
}

#[test]
fn reports_truncated_empty_and_missing_files() {
    let index = TestIndex::random(&mut Rng::with_seed(2), 1, 50);
    for file in index.segment_files() {
        let whole = fs::read(&file).unwrap();
        for (damage, words) in [
            (Some(&whole[..whole.len() - 1]), "its footer is damaged"),
            (Some(&whole[..whole.len() / 2]), "its footer is damaged"),
            (Some(&whole[..7]), "its footer is damaged"),
            (Some(&[][..]), "its footer is damaged"),
            (None, "it is missing"),
        ] {
            match damage {
                Some(bytes) => fs::write(&file, bytes).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let report = index.audit();
            let problem = report.problems[0].to_string();
            assert!(problem.contains(words), "{}: {problem}", file.display());
            fs::write(&file, &whole).unwrap();
        }
    }
}

#[test]
fn reports_the_key_of_an_impossible_record() {
    let never_observed = Record {
        event_time: None,
        listed_at: None,
        ..live(1)
    };
    for (source, key, record, words) in [
        (0, "q/a", live(1), "does not begin with"),
        (1, "a", never_observed, "neither the time of an event"),
        (1, "a", tombstone(2), "scan number 2"),
        (7, "a", live(1), "has no Source with this id"),
    ] {
        let mut index = TestIndex::new();
        index.put(SourceId(1), "sound", live(1));
        index.put(SourceId(source), key, record);
        let problem = index.only_problem();
        assert!(problem.contains(words), "{problem}");
        assert!(problem.contains(&format!("{key:?}")), "{problem}");
    }
}

#[test]
fn reports_an_impossible_checkpoint() {
    let mut index = TestIndex::new();
    index.checkpoint.sources[1].name = "one".to_owned();
    index.put(ONE, "p/a", live(1));
    assert!(index.only_problem().contains("its name \"one\""));
}

#[test]
fn reports_a_key_that_is_alive_in_two_segments() {
    let mut index = TestIndex::new();
    index.put(ONE, "p/a", live(1));
    index.put(ONE, "p/b", live(1));
    index.put(ONE, "p/a", live(2));
    let problem = index.only_problem();
    let words = "key \"p/a\" of Source \"one\": it is alive in two segments";
    assert!(problem.contains(words), "{problem}");
}

/// Returns the document without a field, or with the field of another document.
fn altered(
    document: &TantivyDocument,
    field: &str,
    other: Option<&TantivyDocument>,
) -> TantivyDocument {
    let (schema, _) = Fields::schema();
    let field = schema.get_field(field).unwrap();
    let mut altered = TantivyDocument::default();
    for (kept, value) in document.field_values().filter(|(kept, _)| *kept != field) {
        altered.add_field_value(kept, value);
    }
    for value in other.into_iter().flat_map(|other| other.get_all(field)) {
        altered.add_field_value(field, value);
    }
    altered
}

#[test]
fn reports_a_field_that_does_not_match_its_record() {
    let (_, fields) = Fields::schema();
    let document_of = |key: &str| document(&fields, ONE, PREFIX, key, &live(1));
    let right = document_of("p/folder/Summer sale.jpg");
    let other = document_of("p/elsewhere/deep/banner.png");
    let same_words = document_of("p/folder/sale Summer.jpg");
    for (field, values) in [
        ("kh", &[None, Some(&other)][..]),
        ("kh2", &[None, Some(&other)]),
        ("name", &[None, Some(&other), Some(&same_words)]),
        ("name_trigrams", &[None, Some(&other)]),
        ("name_words", &[None, Some(&other)]),
        ("name_folded", &[None, Some(&other)]),
        ("folder", &[None, Some(&other)]),
        ("depth", &[None, Some(&other)]),
        ("ext", &[None, Some(&other)]),
        ("size", &[None]),
        ("last_modified", &[None]),
        ("first_seen", &[None]),
    ] {
        for other in values {
            let mut index = TestIndex::new();
            index.put(ONE, "p/aa", live(1));
            index.put_document(altered(&right, field, *other));
            let problems = index.audit().problems;
            let texts: Vec<_> = problems.iter().map(Problem::to_string).collect();
            let text = texts.join("\n");
            assert!(text.contains(&format!("`{field}`")), "{field}: {text:?}");
            assert!(text.contains("\"p/folder/Summer sale.jpg\""), "{text}");
        }
    }
}

#[test]
fn lists_a_limited_number_of_problems() {
    let mut index = TestIndex::new();
    let change = || Change {
        record: Some(tombstone(9)),
        replaces: false,
    };
    let count = MAX_PROBLEMS as u64 + 5;
    let keys = (0..count).map(|number| ((ONE, format!("p/{number}")), change()));
    index.commit(&keys.collect());
    let report = index.audit();
    let listed = report.problems.len() as u64;
    assert_eq!((listed, report.more_problems), (count - 5, 5));
}

#[test]
fn fails_if_the_meta_file_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("meta.json"), "{").unwrap();
    let error = audit(folder.path(), &|_| {}).unwrap_err().to_string();
    assert!(error.contains("--rebuild"), "{error}");
}

#[test]
fn reports_progress() {
    let index = TestIndex::random(&mut Rng::with_seed(3), 3, 100);
    let reports = Mutex::new(Vec::new());
    let on_progress = |progress| reports.lock().unwrap().push(progress);
    audit(index.folder.path(), &on_progress).unwrap();
    let reports = reports.into_inner().unwrap();
    for phase in ["files", "records"] {
        let reports: Vec<&AuditProgress> = reports.iter().filter(|it| it.phase == phase).collect();
        assert!(reports.len() > 2, "{phase}");
        assert!(
            reports
                .iter()
                .all(|progress| progress.done <= progress.total)
        );
        assert!(
            reports.is_sorted_by_key(|progress| progress.done),
            "{reports:#?}"
        );
    }
}

#[test]
fn panic_becomes_an_error_with_its_message() {
    let error = run_on_thread::<()>("x", || panic!("index out of bounds")).unwrap_err();
    assert!(error.contains("cannot be read: index out of bounds"));
}
