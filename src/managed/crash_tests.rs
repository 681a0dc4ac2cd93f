//! Crashes at every step of a write: a change is done or it is not, and nothing else changes.
//!
//! A step is one call of the system that changes files. A crash drops everything that the process held.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::changes::{self, Change, ChangeContext, Values};
use super::rotation;
use super::store::SourceStore;
use super::{Actor, FileStore};
use crate::atomic_file::crash;
use crate::config::{Config, MANAGED_FOLDER};
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::source::{Credentials, SecretPlace};
use crate::secrets;

/// The names that the random changes use.
const NAMES: [&str; 2] = ["first", "second"];

/// More than the system calls of any change.
const MAX_STEPS: u32 = 100;

/// One attempt to change something.
#[derive(Clone, Debug)]
struct Attempt {
    name: &'static str,
    edit: Edit,
    /// The number of steps after which the process is killed. With more than there are, the change completes.
    steps: u32,
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    Create(u8),
    Prefix(u8),
    Secret(u8),
    Enable(bool),
    Remove,
    /// Rotates the key of all secrets.
    Rotate,
}

/// What is stored about a Source.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    enabled: bool,
    prefix: String,
    secret: String,
}

type Sources = BTreeMap<String, Stored>;

/// The stored Sources, the state that they must have, and the number of changes that were seen.
struct Fixture {
    folder: TempDir,
    expected: Sources,
    changes: BTreeMap<&'static str, usize>,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("indexer.toml"), "data_dir = \"data\"\n").unwrap();
        Self {
            folder,
            expected: Sources::new(),
            changes: BTreeMap::new(),
        }
    }

    fn config_file(&self) -> PathBuf {
        self.folder.path().join("indexer.toml")
    }

    /// As after a restart: nothing is remembered.
    fn store(&self) -> FileStore {
        FileStore::new(self.folder.path().join("data").join(MANAGED_FOLDER))
    }

    /// Makes the attempt, and checks everything that is stored afterwards. Returns whether it came to its end.
    fn attempt(&mut self, attempt: &Attempt) -> bool {
        let before = self.expected.clone();
        let after = after(&before, attempt);
        let path = self.config_file();
        let store = self.store();
        let done = crash::after(attempt.steps, || perform(&store, &path, attempt));
        let seen = stored(&path);
        match done {
            Some(true) => self.expected = after.clone().expect("the change is allowed"),
            Some(false) => assert!(after.is_none(), "{attempt:?} was refused"),
            None => {
                let is_old_or_new = seen == before || Some(&seen) == after.as_ref();
                assert!(is_old_or_new, "{attempt:?} left {seen:?}");
            }
        }
        if seen != before {
            *self.changes.entry(attempt.name).or_default() += 1;
        }
        if done.is_none() {
            self.expected = seen.clone();
        }
        assert_eq!(seen, self.expected, "after {attempt:?}");
        for (name, count) in &self.changes {
            let entries = self.store().history(name).unwrap().len();
            assert!(entries >= *count, "a change of {name} has no entry");
        }
        done.is_some()
    }
}

/// What must be stored after the attempt. `None` if it is refused.
fn after(before: &Sources, attempt: &Attempt) -> Option<Sources> {
    let mut after = before.clone();
    let name = attempt.name.to_owned();
    match (attempt.edit, after.get_mut(&name)) {
        (Edit::Rotate, _) => {}
        (Edit::Create(number), None) => {
            let created = Stored {
                enabled: true,
                prefix: String::new(),
                secret: format!("secret{number}"),
            };
            after.insert(name, created);
        }
        (Edit::Create(_), Some(_)) | (_, None) => return None,
        (Edit::Prefix(number), Some(source)) => source.prefix = format!("p{number}/"),
        (Edit::Secret(number), Some(source)) => source.secret = format!("secret{number}"),
        (Edit::Enable(enabled), Some(source)) => source.enabled = enabled,
        (Edit::Remove, Some(_)) => {
            after.remove(&name);
        }
    }
    Some(after)
}

/// Makes the attempt. Returns whether it was accepted.
fn perform(store: &FileStore, config_file: &Path, attempt: &Attempt) -> bool {
    let credentials = |number: u8| json!({"access_key_id": "AKIA", "secret_access_key": format!("secret{number}")});
    let update = |patch: Value| Change::Update {
        patch: values(patch),
        if_version: None,
    };
    let change = match attempt.edit {
        Edit::Create(number) => Change::Create(values(json!({
            "bucket": "my-bucket",
            "subdomain": attempt.name,
            "credentials": credentials(number),
        }))),
        Edit::Prefix(number) => update(json!({"prefix": format!("p{number}")})),
        Edit::Secret(number) => update(json!({"credentials": credentials(number)})),
        Edit::Enable(enabled) => update(json!({"enabled": enabled})),
        Edit::Remove => Change::Remove { if_version: None },
        Edit::Rotate => {
            let places = Config::load(config_file).unwrap().keys;
            rotation::reseal(store, &places).unwrap();
            rotation::drop_old_keys(store, &places).unwrap();
            return true;
        }
    };
    // Whether a subdomain is bound is not part of these tests.
    let bound = Checkpoint::default();
    let context = ChangeContext {
        check_binding: &|name, subdomain| bound.check_binding(name, subdomain),
        load: &|| Config::load(config_file).map_err(|error| error.to_string()),
        actor: &Actor::who_sees_all("tester"),
        now: Timestamp::UNIX_EPOCH,
    };
    changes::apply(store, attempt.name, change, &context).is_ok()
}

fn values(json: Value) -> Values {
    match json {
        Value::Object(values) => Values(values),
        other => panic!("not an object: {other}"),
    }
}

/// What a daemon would read now.
fn stored(config_file: &Path) -> Sources {
    let config = Config::load(config_file).unwrap();
    let source = |source: &std::sync::Arc<crate::core::source::Source>| {
        let Credentials::AccessKey { secret, .. } = &source.credentials else {
            panic!("no access key: {source:?}");
        };
        assert!(matches!(secret, SecretPlace::Sealed(_)));
        let stored = Stored {
            enabled: source.enabled,
            prefix: source.prefix.clone(),
            secret: secrets::read(secret).unwrap().reveal().to_owned(),
        };
        (source.name.clone(), stored)
    };
    config.sources.iter().map(source).collect()
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => (0..3_u8).prop_map(Edit::Create),
        2 => (0..3_u8).prop_map(Edit::Prefix),
        2 => (0..3_u8).prop_map(Edit::Secret),
        2 => any::<bool>().prop_map(Edit::Enable),
        1 => Just(Edit::Remove),
        1 => Just(Edit::Rotate),
    ]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let name = prop::sample::select(&NAMES[..]);
    // Half of the attempts complete.
    let steps = prop_oneof![0..25_u32, Just(MAX_STEPS)];
    (name, edit(), steps).prop_map(|(name, edit, steps)| Attempt { name, edit, steps })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn state_is_that_of_the_last_acknowledged_change(
        attempts in prop::collection::vec(attempt(), 1..16),
    ) {
        let mut fixture = Fixture::new();
        for attempt in &attempts {
            fixture.attempt(attempt);
        }
        // Whatever was interrupted does not disturb what comes next.
        for edit in [Edit::Rotate, Edit::Create(0), Edit::Secret(1), Edit::Remove] {
            let complete = Attempt { name: "third", edit, steps: MAX_STEPS };
            prop_assert!(fixture.attempt(&complete));
        }
    }
}

#[test]
fn crash_at_each_single_step_leaves_the_old_or_the_new_state() {
    for edit in [
        Edit::Create(2),
        Edit::Prefix(2),
        Edit::Secret(2),
        Edit::Enable(false),
        Edit::Remove,
        Edit::Rotate,
    ] {
        let crashes = (0..MAX_STEPS).take_while(|steps| {
            let mut fixture = Fixture::new();
            let name = match edit {
                Edit::Create(_) => "second",
                _ => "first",
            };
            let first = Attempt {
                name: "first",
                edit: Edit::Create(1),
                steps: MAX_STEPS,
            };
            assert!(fixture.attempt(&first));
            let steps = *steps;
            !fixture.attempt(&Attempt { name, edit, steps })
        });
        // At least a history is replaced, and a Source replaced or removed.
        let crashes = crashes.count();
        assert!(crashes >= 9, "{edit:?} has only {crashes} steps");
    }
}

#[test]
fn no_state_is_lost_if_the_first_change_of_all_crashes() {
    for steps in 0..MAX_STEPS {
        let mut fixture = Fixture::new();
        let mut create = Attempt {
            name: "first",
            edit: Edit::Create(1),
            steps,
        };
        let is_complete = fixture.attempt(&create);
        create.steps = MAX_STEPS;
        assert!(fixture.attempt(&create), "it can be repeated");
        assert_eq!(fixture.expected.len(), 1);
        if is_complete {
            return;
        }
    }
    panic!("it never completes");
}
