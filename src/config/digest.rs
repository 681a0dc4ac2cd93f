//! Digests of a configuration. Two processes exchange them to see whether they run with the same one.
//!
//! They are compared only while both processes run, and never stored.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::{Config, Listen};
use crate::core::source::{Credentials, SecretPlace, Source};

/// The digests of a configuration. Equal digests mean equal configurations, whatever the files look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConfigDigest {
    /// Of everything but the Sources.
    settings: String,
    /// Of each Source, by its name.
    sources: BTreeMap<String, String>,
}

impl ConfigDigest {
    pub(super) fn of(config: &Config) -> Self {
        let Config {
            data_dir,
            scan,
            index,
            events,
            serve,
            search,
            managed,
            keys,
            sources,
        } = config;
        let mut serve = serve.clone();
        make_absolute(&mut serve.control_socket);
        serve.tokens.iter_mut().for_each(make_absolute);
        if let Some(tls) = &mut serve.tls {
            make_absolute(&mut tls.certificate);
            make_absolute(&mut tls.key);
        }
        if let Some(Listen::Unix(path)) = &mut serve.listen {
            make_absolute(path);
        }
        let key_file = keys.file.as_deref().map(absolute);
        let data_dir = absolute(data_dir);
        let settings = (
            data_dir, scan, index, events, serve, search, managed, key_file,
        );
        let sources = sources.iter().map(|source| {
            let digest = digest(&with_absolute_paths(source));
            (source.name.clone(), digest)
        });
        Self {
            settings: digest(&settings),
            sources: sources.collect(),
        }
    }

    /// Whether both configurations have the Source, and it is the same in both.
    pub(crate) fn has_same_source(&self, other: &Self, name: &str) -> bool {
        let digest = self.sources.get(name);
        digest.is_some() && digest == other.sources.get(name)
    }

    /// The differences of the configuration of the daemon, for people. Empty if nothing does.
    pub(crate) fn differences(&self, daemon: &Self) -> Vec<String> {
        let settings = (self.settings != daemon.settings).then(|| "other settings".to_owned());
        let ours =
            self.sources
                .iter()
                .filter_map(|(name, digest)| match daemon.sources.get(name) {
                    None => Some(format!("no Source {name:?}")),
                    Some(other) if other != digest => {
                        Some(format!("other values of Source {name:?}"))
                    }
                    Some(_) => None,
                });
        let is_new = |name: &&String| !self.sources.contains_key(*name);
        let theirs = daemon.sources.keys().filter(is_new);
        let theirs = theirs.map(|name| format!("an additional Source {name:?}"));
        settings.into_iter().chain(ours).chain(theirs).collect()
    }
}

/// The debug text names every field, so a field that is added later is part of the digest.
fn digest(value: &impl Debug) -> String {
    format!("{:032x}", xxh3_128(format!("{value:?}").as_bytes()))
}

/// The Source with absolute paths: the processes may have different working folders.
fn with_absolute_paths(source: &Source) -> Source {
    let mut source = source.clone();
    let event_credentials = source.events.as_mut().map(|events| &mut events.credentials);
    for credentials in [Some(&mut source.credentials), event_credentials] {
        let Some(Credentials::AccessKey { secret, .. }) = credentials else {
            continue;
        };
        match secret {
            SecretPlace::File(path) => make_absolute(path),
            SecretPlace::Sealed(sealed) => {
                make_absolute(&mut sealed.keys.data_dir);
                sealed.keys.file.iter_mut().for_each(make_absolute);
            }
            SecretPlace::SystemdCredential(_) => {}
        }
    }
    source
}

fn make_absolute(path: &mut PathBuf) {
    *path = absolute(path);
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(folder: &Path, toml: &str) -> Config {
        let file = folder.join("asset-indexer.toml");
        std::fs::write(&file, toml).unwrap();
        Config::load(&file).unwrap()
    }

    const TWO_SOURCES: &str = "
        data_dir = \"data\"
        source = [
            { name = \"a\", bucket = \"bucket-a\", subdomain = \"a\" },
            { name = \"b\", bucket = \"bucket-b\", subdomain = \"b\", rules = { include = [\"x/**\"] } },
        ]";

    #[test]
    fn comments_and_written_defaults_make_no_difference() {
        let folder = tempfile::tempdir().unwrap();
        let first = load(folder.path(), TWO_SOURCES).digest();
        let same = format!("# comment\n scan = {{ attempts = 8 }}\n{TWO_SOURCES}");
        let same = load(folder.path(), &same).digest();
        assert_eq!(first.differences(&same), [""; 0]);
        assert!(first.has_same_source(&same, "a") && !first.has_same_source(&same, "c"));
    }

    #[test]
    fn names_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let ours = load(folder.path(), TWO_SOURCES).digest();
        let changed = TWO_SOURCES
            .replace("x/**", "y/**")
            .replace("\"a\"", "\"c\"")
            .replace("data_dir", "scan = { attempts = 3 }\ndata_dir");
        let daemon = load(folder.path(), &changed).digest();
        let want = [
            "other settings",
            "no Source \"a\"",
            "other values of Source \"b\"",
            "an additional Source \"c\"",
        ];
        assert_eq!(ours.differences(&daemon), want);
        assert!(!ours.has_same_source(&daemon, "b"));
    }
}
