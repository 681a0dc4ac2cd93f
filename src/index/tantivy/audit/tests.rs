//! Indexes that are sound, and indexes with one thing wrong: the audit tells which.

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

/// An index in a folder, with two Sources whose first scan has begun.
struct Written {
    folder: tempfile::TempDir,
    engine: TantivyEngine,
    checkpoint: Checkpoint,
}

impl Written {
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

    /// With records of all kinds, some of them overwritten and some erased.
    fn random(rng: &mut Rng, commits: usize, changes: usize) -> Self {
        let mut written = Self::new();
        for _ in 0..commits {
            let mut commit = Changes::new();
            for _ in 0..changes {
                let source = SourceId(rng.u16(0..2));
                let prefix = if source == ONE { PREFIX } else { "" };
                let key = format!("{prefix}{}", &random_path(rng)[1..]);
                let replaces = written.has(source, &key);
                let record = (rng.u8(0..5) > 0).then(|| random_record(rng));
                commit.insert((source, key), Change { record, replaces });
            }
            written.commit(&commit);
        }
        written
    }

    fn has(&self, source: SourceId, key: &str) -> bool {
        self.engine.get(source, &[key]).unwrap()[0].is_some()
    }

    fn commit(&mut self, changes: &Changes) {
        self.engine.commit(changes, &self.checkpoint).unwrap();
    }

    /// Commits one record, and leaves one that is there.
    fn put(&mut self, source: SourceId, key: &str, record: Record) {
        let change = Change {
            record: Some(record),
            replaces: false,
        };
        self.commit(&Changes::from([((source, key.to_owned()), change)]));
    }

    /// Commits a document that no record yields.
    fn put_document(&mut self, document: TantivyDocument) {
        let writer = self.engine.writer.as_mut().unwrap();
        writer.add_document(document).unwrap();
        self.commit(&Changes::new());
    }

    fn audit(&self) -> AuditReport {
        audit(self.folder.path(), &|_| {}).unwrap()
    }

    /// The one problem that there is.
    fn problem(&self) -> String {
        let audit = self.audit();
        assert_eq!(audit.problems.len(), 1, "{audit:#?}");
        audit.problems[0].to_string()
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
fn what_commits_have_written_is_sound() {
    for seed in 0..3 {
        let written = Written::random(&mut Rng::with_seed(seed), 6, 120);
        let audit = written.audit();
        assert_eq!(audit.problems, [], "seed {seed}");
        let records = |id| written.engine.count_records(SourceId(id)).unwrap();
        let assets = records(0).assets + records(1).assets;
        let tombstones = records(0).tombstones + records(1).tombstones;
        assert_eq!((audit.assets, audit.tombstones), (assets, tombstones));
        assert!(assets > 100 && tombstones > 20 && audit.segments > 1);
        let bytes: u64 = written
            .segment_files()
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        // Files of segments that were merged may still be there.
        assert!(audit.bytes > 0 && audit.bytes <= bytes);
    }
}

#[test]
fn an_empty_index_is_sound() {
    let written = Written::new();
    assert_eq!(written.audit(), AuditReport::default());
}

#[test]
fn a_flipped_bit_is_told_with_the_file_wherever_it_is() {
    let rng = &mut Rng::with_seed(1);
    let mut written = Written::random(rng, 2, 200);
    written.engine.close().unwrap();
    written.engine = TantivyEngine::in_memory().unwrap();
    let files = written.segment_files();
    assert!(files.iter().any(|file| file.extension().unwrap() == "del"));
    for file in &files {
        let whole = fs::read(file).unwrap();
        // In front of what tantivy writes of itself at the end.
        let end = String::from_utf8_lossy(&whole).rfind("{\"version\"");
        let body = end.map_or(0, |_| whole.len().saturating_sub(150)).max(1);
        for _ in 0..8 {
            let mut flipped = whole.clone();
            flipped[rng.usize(..body)] ^= 1 << rng.u8(0..8);
            fs::write(file, &flipped).unwrap();
            let audit = written.audit();
            let name = file.file_name().unwrap().to_str().unwrap();
            let is_told =
                |problem: &Problem| matches!(problem, Problem::File { file, .. } if file == name);
            assert!(audit.problems.iter().any(is_told), "{name}: {audit:#?}");
        }
        fs::write(file, &whole).unwrap();
    }
    assert!(written.audit().is_sound());
}

#[test]
fn a_file_that_is_cut_off_empty_or_gone_is_told() {
    let written = Written::random(&mut Rng::with_seed(2), 1, 50);
    for file in written.segment_files() {
        let whole = fs::read(&file).unwrap();
        for (damage, words) in [
            (Some(&whole[..whole.len() - 1]), "its end is damaged"),
            (Some(&whole[..whole.len() / 2]), "its end is damaged"),
            (Some(&[][..]), "its end is damaged"),
            (None, "it is not there"),
        ] {
            match damage {
                Some(bytes) => fs::write(&file, bytes).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let audit = written.audit();
            let problem = audit.problems[0].to_string();
            assert!(problem.contains(words), "{}: {problem}", file.display());
            fs::write(&file, &whole).unwrap();
        }
    }
}

#[test]
fn a_record_that_cannot_be_is_told_with_its_key() {
    let unseen = Record {
        event_time: None,
        listed_at: None,
        ..live(1)
    };
    for (source, key, record, words) in [
        (0, "q/a", live(1), "does not begin with"),
        (1, "a", unseen, "neither the time of an event"),
        (1, "a", tombstone(2), "of scan 2"),
        (7, "a", live(1), "knows no Source of that number"),
    ] {
        let mut written = Written::new();
        written.put(SourceId(1), "sound", live(1));
        written.put(SourceId(source), key, record);
        let problem = written.problem();
        assert!(problem.contains(words), "{problem}");
        assert!(problem.contains(&format!("{key:?}")), "{problem}");
    }
}

#[test]
fn a_checkpoint_that_cannot_be_is_told() {
    let mut written = Written::new();
    written.checkpoint.sources[1].name = "one".to_owned();
    written.put(ONE, "p/a", live(1));
    assert!(written.problem().contains("its name \"one\""));
}

#[test]
fn a_key_that_is_alive_twice_is_told() {
    let mut written = Written::new();
    written.put(ONE, "p/a", live(1));
    written.put(ONE, "p/b", live(1));
    written.put(ONE, "p/a", live(2));
    let problem = written.problem();
    let words = "key \"p/a\" of Source \"one\": it is alive in two segments";
    assert!(problem.contains(words), "{problem}");
}

/// The document without a field, or with another value in its place.
fn altered(
    document: &TantivyDocument,
    field: &str,
    other: Option<&TantivyDocument>,
) -> TantivyDocument {
    let (schema, _) = Fields::schema();
    let field = schema.get_field(field).unwrap();
    let mut altered = TantivyDocument::default();
    for (its, value) in document.field_values().filter(|(its, _)| *its != field) {
        altered.add_field_value(its, value);
    }
    for value in other.into_iter().flat_map(|other| other.get_all(field)) {
        altered.add_field_value(field, value);
    }
    altered
}

#[test]
fn a_field_that_is_not_what_the_record_yields_is_told_with_the_keys_around_it() {
    let (_, fields) = Fields::schema();
    let of = |key: &str| document(&fields, ONE, PREFIX, key, &live(1));
    let right = of("p/folder/Summer sale.jpg");
    let other = of("p/elsewhere/deep/banner.png");
    for (field, values) in [
        ("kh", &[None, Some(&other)][..]),
        ("kh2", &[None, Some(&other)]),
        ("name", &[None, Some(&other)]),
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
            let mut written = Written::new();
            written.put(ONE, "p/aa", live(1));
            written.put_document(altered(&right, field, *other));
            let problems = written.audit().problems;
            let told: Vec<_> = problems.iter().map(Problem::to_string).collect();
            let told = told.join("\n");
            assert!(told.contains(&format!("`{field}`")), "{field}: {told:?}");
            assert!(told.contains("\"p/folder/Summer sale.jpg\""), "{told}");
        }
    }
}

#[test]
fn problems_are_told_one_by_one_up_to_a_bound() {
    let mut written = Written::new();
    let change = || Change {
        record: Some(tombstone(9)),
        replaces: false,
    };
    let count = MAX_PROBLEMS as u64 + 5;
    let keys = (0..count).map(|number| ((ONE, format!("p/{number}")), change()));
    written.commit(&keys.collect());
    let audit = written.audit();
    let told = audit.problems.len() as u64;
    assert_eq!((told, audit.more_problems), (count - 5, 5));
}

#[test]
fn an_index_of_another_schema_is_no_damage_of_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("meta.json"), "{").unwrap();
    let refused = audit(folder.path(), &|_| {}).unwrap_err().to_string();
    assert!(refused.contains("--rebuild"), "{refused}");
}

#[test]
fn it_is_told_how_far_the_audit_is() {
    let written = Written::random(&mut Rng::with_seed(3), 3, 100);
    let steps = Mutex::new(Vec::new());
    let on_progress = |step| steps.lock().unwrap().push(step);
    audit(written.folder.path(), &on_progress).unwrap();
    let steps = steps.into_inner().unwrap();
    for what in ["files", "records"] {
        let told: Vec<&AuditProgress> = steps.iter().filter(|step| step.what == what).collect();
        assert!(told.len() > 2, "{what}");
        assert!(told.iter().all(|step| step.done <= step.total));
        assert!(told.is_sorted_by_key(|step| step.done), "{told:#?}");
    }
}

#[test]
fn a_panic_is_an_error_that_says_what_happened() {
    let failed = run_on_thread::<()>("x", || panic!("index out of bounds")).unwrap_err();
    assert!(failed.contains("cannot be read: index out of bounds"));
}
