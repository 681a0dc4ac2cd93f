//! Loads the files of a configuration, and collects the mistakes of all of them.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::document::{self, Document};
use super::error::{ConfigError, InvalidValue, InvalidValues, Mistake};
use super::file::{ConfigFile, IndexFile, ScanFile, SourceFile};
use super::places::Places;
use super::{
    Config, IndexConfig, SOURCES_FOLDER, ScanConfig, resolve, resolved_path, search, serve,
    validate,
};
use crate::core::source::Source;

/// A parsed Source and where it is.
struct UnresolvedSource {
    origin: Origin,
    source: SourceFile,
}

/// A file, or a table in it.
#[derive(Clone)]
struct Origin {
    path: PathBuf,
    places: Rc<Places>,
    /// The path of the table in the file. Empty for the whole file.
    table: String,
}

impl Origin {
    /// Names the place of the values. Leaves out those whose mistake was found when the file was parsed.
    fn mistakes(&self, source_name: &str, values: InvalidValues) -> Vec<Mistake> {
        let mistake = |value: InvalidValue| {
            let key = Places::below(&self.table, &value.key);
            (!self.places.is_left_out(&key)).then(|| Mistake::InvalidValue {
                path: self.path.clone(),
                line: self.places.line_of(&key),
                source_name: source_name.to_owned(),
                value,
            })
        };
        values.0.into_iter().filter_map(mistake).collect()
    }
}

/// Implements [`Config::load`].
pub(super) fn load(path: &Path) -> Result<Config, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut mistakes = Vec::new();
    let main = document::read::<ConfigFile>(path, &mut mistakes);
    let in_folder = read_sources_folder(&folder.join(SOURCES_FOLDER), &mut mistakes);
    let mut sources = Vec::new();
    let settings = main.map(|Document { mut value, places }| {
        let origin = Origin {
            path: path.to_owned(),
            places: Rc::new(places),
            table: String::new(),
        };
        let inline = std::mem::take(&mut value.source).into_iter().enumerate();
        sources.extend(inline.map(|(index, source)| {
            let table = Places::item("source", index);
            let origin = Origin {
                table,
                ..origin.clone()
            };
            UnresolvedSource { origin, source }
        }));
        let mut invalid = InvalidValues::default();
        let settings = settings(&value, folder, &mut invalid);
        if sources.is_empty() && in_folder.is_empty() && mistakes.is_empty() {
            invalid.0.push(no_source());
        }
        mistakes.extend(origin.mistakes("", invalid));
        settings
    });
    sources.extend(in_folder);
    let sources = resolve_all(sources, folder, &mut mistakes);
    match settings {
        Some(settings) if mistakes.is_empty() => Ok(Config {
            sources,
            ..settings
        }),
        _ => Err(ConfigError::new(mistakes, path)),
    }
}

/// Implements [`Config::control_socket`].
pub(super) fn control_socket(path: &Path) -> Option<PathBuf> {
    let text =
        |table: &DeTable<'_>, key: &str| Some(table.get(key)?.get_ref().as_str()?.to_owned());
    let (data_dir, socket) = document::peek(path, |table| {
        let serve = table.get("serve").map(|serve| serve.get_ref());
        let socket = serve.and_then(DeValue::as_table);
        let socket = socket.and_then(|serve| text(serve, "control_socket"));
        (text(table, "data_dir"), socket)
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let data_dir = resolved_path(&data_dir?, folder).ok()?;
    serve::control_socket(socket.as_deref(), folder, &data_dir).ok()
}

fn no_source() -> InvalidValue {
    let problem = format!(
        "no Source is configured; add a table [[source]] with name, bucket and subdomain, or a file with \
         these keys in the folder {SOURCES_FOLDER} next to this file"
    );
    InvalidValue::hidden("source", problem)
}

/// Resolves everything but the Sources.
fn settings(file: &ConfigFile, folder: &Path, invalid: &mut InvalidValues) -> Config {
    let key = "data_dir";
    let what = "the folder of the index, such as \"/var/lib/asset-indexer\"";
    let data_dir = invalid.require(key, file.data_dir.clone(), what);
    let data_dir = data_dir.map(|written| {
        let resolved = resolved_path(&written, folder);
        resolved.map_err(|problem| InvalidValue::text(key, &written, problem))
    });
    let data_dir = invalid.accept(data_dir.unwrap_or_else(|| Ok(PathBuf::new())));
    Config {
        scan: scan(&file.scan, invalid),
        index: index(&file.index, invalid),
        events: serve::events(&file.events, invalid),
        serve: serve::serve(&file.serve, folder, &data_dir, invalid),
        search: search::search(&file.search, invalid),
        data_dir,
        sources: Vec::new(),
    }
}

fn scan(file: &ScanFile, invalid: &mut InvalidValues) -> ScanConfig {
    let mut number = |key: &str, value, default, range| {
        invalid.accept(validate::number(
            &format!("scan.{key}"),
            value,
            default,
            range,
        ))
    };
    let every = file.reconcile_every_minutes;
    let every = number("reconcile_every_minutes", every, 1_440, 1..=43_200);
    ScanConfig {
        ranges_in_flight: number("ranges_in_flight", file.ranges_in_flight, 8, 1..=64) as usize,
        sources_in_flight: number("sources_in_flight", file.sources_in_flight, 4, 1..=64) as usize,
        attempts: number("attempts", file.attempts, 8, 1..=20),
        reconcile_every: Duration::from_secs(60 * u64::from(every)),
    }
}

fn index(file: &IndexFile, invalid: &mut InvalidValues) -> IndexConfig {
    let mut number = |key: &str, value, default, range| {
        invalid.accept(validate::number(
            &format!("index.{key}"),
            value,
            default,
            range,
        ))
    };
    let (documents, seconds) = (file.commit_documents, file.commit_interval_seconds);
    let documents = number("commit_documents", documents, 20_000, 1..=1_000_000);
    let seconds = number("commit_interval_seconds", seconds, 10, 1..=600);
    let millis = file.event_commit_interval_ms;
    let millis = number("event_commit_interval_ms", millis, 500, 50..=10_000);
    let memory_mb = number("writer_memory_mb", file.writer_memory_mb, 64, 15..=2000);
    IndexConfig {
        commit_documents: documents as usize,
        commit_interval: Duration::from_secs(seconds.into()),
        event_commit_interval: Duration::from_millis(millis.into()),
        writer_memory_bytes: memory_mb as usize * 1_000_000,
    }
}

/// Reads the Sources in the folder, by file name. Empty if there is no such folder.
///
/// Skips hidden files: editors create them while a file is open.
fn read_sources_folder(folder: &Path, mistakes: &mut Vec<Mistake>) -> Vec<UnresolvedSource> {
    let paths = source_files(folder).unwrap_or_else(|cause| {
        let path = folder.to_owned();
        mistakes.push(Mistake::Unreadable { path, cause });
        Vec::new()
    });
    let read = |path: PathBuf| {
        let Document { value, places } = document::read(&path, mistakes)?;
        let origin = Origin {
            path,
            places: Rc::new(places),
            table: String::new(),
        };
        Some(UnresolvedSource {
            origin,
            source: value,
        })
    };
    paths.into_iter().filter_map(read).collect()
}

fn source_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.ends_with(b".toml") && !name.starts_with(b".") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Resolves each Source, and checks it against the previous Sources.
fn resolve_all(
    sources: Vec<UnresolvedSource>,
    folder: &Path,
    mistakes: &mut Vec<Mistake>,
) -> Vec<Arc<Source>> {
    let mut previous: Vec<(PathBuf, Arc<Source>)> = Vec::new();
    for UnresolvedSource { origin, source } in sources {
        let name = source.name.as_ref();
        let name = name
            .map(|name| format!("source {name:?}: "))
            .unwrap_or_default();
        let mut invalid = InvalidValues::default();
        let source = resolve::source(source, folder, &mut invalid);
        invalid.0.extend(shared_values(&source, &previous));
        mistakes.extend(origin.mistakes(&name, invalid));
        previous.push((origin.path, Arc::new(source)));
    }
    previous.into_iter().map(|(_, source)| source).collect()
}

/// The values that the Source must not share with a previous one: name, subdomain or an ambiguous queue.
fn shared_values(source: &Source, previous: &[(PathBuf, Arc<Source>)]) -> Vec<InvalidValue> {
    // A value that is missing is reported already.
    let is_shared = |value: &str, other: &str| !value.is_empty() && value == other;
    let mut shared = Vec::new();
    for (path, other) in previous {
        let problem = |what| {
            let (name, path) = (&other.name, path.display());
            format!("Source {name:?} in {path} already has this {what}; use another {what}")
        };
        if is_shared(&source.name, &other.name) {
            let value = InvalidValue::text("name", &source.name, problem("name"));
            shared.push(value);
        }
        if let Some(url) = ambiguous_queue(source, other) {
            let (name, bucket) = (&other.name, &other.bucket);
            let problem = format!(
                "Source {name:?} also receives events from this queue, and its bucket in another store \
                 has the same name {bucket:?}; events contain only the name, so use another queue"
            );
            shared.push(InvalidValue::text("events.queue_url", url, problem));
        }
        if is_shared(&source.subdomain, &other.subdomain) {
            let (value, problem) = (&source.subdomain, problem("subdomain"));
            shared.push(InvalidValue::text("subdomain", value, problem));
        }
    }
    shared
}

/// The queue, if both Sources receive events from it for buckets of the same name in different stores. Then an
/// event does not show which bucket it belongs to.
fn ambiguous_queue<'a>(source: &'a Source, other: &Source) -> Option<&'a str> {
    let url = &source.events.as_ref()?.queue_url;
    let is_shared = !url.is_empty() && *url == other.events.as_ref()?.queue_url;
    let is_ambiguous =
        is_shared && source.bucket == other.bucket && source.endpoint_url != other.endpoint_url;
    is_ambiguous.then_some(url.as_str())
}
