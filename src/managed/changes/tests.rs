//! Tests changes over a store of files.

mod credentials;
mod drafts;
mod limits;
mod mistakes;
mod taken_values;
mod writes;

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::MANAGED_FOLDER;
use crate::core::replication::checkpoint::Checkpoint;
use crate::core::replication::source_state::SourceIdentity;
use crate::core::source::{Credentials, SecretPlace};
use crate::managed::FileStore;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A configuration with one Source in its file, and a folder for managed ones.
struct Fixture {
    folder: TempDir,
    store: FileStore,
    /// The subdomains that the index has bound.
    bound: Checkpoint,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = "data_dir = \"data\"\n[[source]]\nname = \"fixed\"\nbucket = \"my-bucket\"\nsubdomain = \
                    \"fixed\"\n";
        fs::write(folder.path().join("indexer.toml"), text).unwrap();
        let store = FileStore::new(folder.path().join("data").join(MANAGED_FOLDER));
        let bound = Checkpoint::default();
        Self {
            folder,
            store,
            bound,
        }
    }

    /// Binds a subdomain to a Source in the index.
    fn bind_subdomain(&mut self, subdomain: &str, name: &str) {
        let identity = SourceIdentity {
            name,
            subdomain,
            origin: "aws/photo-bucket",
            prefix: "",
            scope: "all",
        };
        self.bound.register(&identity).unwrap();
    }

    fn config(&self) -> Config {
        Config::load(&self.folder.path().join("indexer.toml")).unwrap()
    }

    fn apply(&self, name: &str, change: Change) -> Result<AppliedChange, ChangeError> {
        self.apply_as(&Actor::who_sees_all("tester"), name, change)
    }

    fn apply_as(
        &self,
        actor: &Actor,
        name: &str,
        change: Change,
    ) -> Result<AppliedChange, ChangeError> {
        let path = self.folder.path().join("indexer.toml");
        let context = ChangeContext {
            load: &|| Config::load(&path).map_err(|error| error.to_string()),
            check_binding: &|name, subdomain| self.bound.check_binding(name, subdomain),
            actor,
            now: Timestamp::UNIX_EPOCH,
        };
        apply(&self.store, name, change, &context).map(|written| written.applied)
    }

    /// Adds lines before the Sources of the configuration file.
    fn configure(&self, lines: &str) {
        let path = self.folder.path().join("indexer.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(
            &path,
            text.replacen("[[source]]", &format!("{lines}\n[[source]]"), 1),
        )
        .unwrap();
    }

    /// The problems of a refused change.
    fn refusal(&self, change: Result<AppliedChange, ChangeError>) -> Vec<String> {
        match change {
            Err(ChangeError::Invalid(problems)) => {
                problems.iter().map(ToString::to_string).collect()
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    fn create(&self, name: &str, values: Value) -> Result<AppliedChange, ChangeError> {
        self.apply(name, Change::Create(Values(object(values))))
    }

    fn update(&self, name: &str, patch: Value) -> Result<AppliedChange, ChangeError> {
        let patch = Values(object(patch));
        self.apply(
            name,
            Change::Update {
                patch,
                if_version: None,
            },
        )
    }

    /// The Source as the daemon would read it.
    fn source(&self, name: &str) -> Source {
        let config = self.config();
        let mut sources = config.sources.iter();
        let source = sources.find(|source| source.name == name);
        Source::clone(source.expect("the Source is configured"))
    }

    /// The secret of the Source, opened.
    fn secret(&self, credentials: &Credentials) -> String {
        let Credentials::AccessKey { secret, .. } = credentials else {
            panic!("no access key: {credentials:?}");
        };
        assert!(matches!(secret, SecretPlace::Sealed(_)));
        secrets::read(secret).unwrap().reveal().to_owned()
    }

    fn text(&self, name: &str) -> String {
        self.store.get(name).unwrap().unwrap().text
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

fn photos() -> Value {
    json!({
        "bucket": "photo-bucket",
        "prefix": "images",
        "subdomain": "photos",
        "credentials": {"access_key_id": "AKIAEXAMPLE", "secret_access_key": SECRET},
    })
}

/// All bytes of all files in the folder.
fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(all_bytes(&path));
        } else {
            bytes.extend(fs::read(path).unwrap());
        }
    }
    bytes
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
