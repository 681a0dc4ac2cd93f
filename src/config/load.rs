//! Loads the files of a configuration, and collects the mistakes of all of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::document::{self, Document};
use super::error::{ConfigError, InvalidValue, InvalidValues};
use super::file::{ConfigFile, IndexFile, ScanFile};
use super::known_sources::KnownSources;
use super::resolve::SourceContext;
use super::source_file::{self, Origin};
use super::{
    Config, IndexConfig, SOURCES_FOLDER, ScanConfig, managed, resolved_path, search, serve, shared,
    validate,
};
use crate::core::source::KeyPlaces;

/// Implements [`Config::load`]. The Sources in `known` whose files have not changed are not validated again.
pub(super) fn load(path: &Path, known: &mut KnownSources) -> Result<Config, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut mistakes = Vec::new();
    let main = document::read::<ConfigFile>(path, &mut mistakes);
    let in_file = SourceContext {
        folder,
        keys: None,
        limits: None,
    };
    let in_folder = known.read_folder(&folder.join(SOURCES_FOLDER), in_file, &mut mistakes);
    let Some(Document { mut value, places }) = main else {
        shared::report(&in_folder, &mut mistakes);
        return Err(ConfigError::new(mistakes, path));
    };
    let origin = Origin::of_file(path.to_owned(), places);
    let inline = std::mem::take(&mut value.source);
    let mut sources = source_file::inline(inline, &origin, in_file, &mut mistakes);
    sources.extend(in_folder);
    let mut invalid = InvalidValues::default();
    let settings = settings(&value, folder, &mut invalid);
    let has_data_dir = !settings.data_dir.as_os_str().is_empty();
    if has_data_dir {
        known.forget_if_changed(&settings);
        let managed = SourceContext {
            keys: Some(&settings.keys),
            limits: Some(&settings.managed.limits),
            ..in_file
        };
        let found = known.read_folder(&settings.managed_folder(), managed, &mut mistakes);
        sources.extend(found);
        known.retain(&sources);
    }
    mistakes.extend(origin.mistakes(None, invalid));
    shared::report(&sources, &mut mistakes);
    if mistakes.is_empty() {
        Ok(Config {
            sources: sources.into_iter().map(|found| found.source).collect(),
            ..settings
        })
    } else {
        Err(ConfigError::new(mistakes, path))
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
        managed: managed::managed(&file.managed, invalid),
        keys: KeyPlaces {
            file: key_file(file.secrets.key_file.as_deref(), folder, invalid),
            data_dir: data_dir.clone(),
        },
        data_dir,
        sources: Vec::new(),
    }
}

/// Resolves `secrets.key_file`.
fn key_file(written: Option<&str>, folder: &Path, invalid: &mut InvalidValues) -> Option<PathBuf> {
    let resolved = written.map(|path| {
        let resolved = resolved_path(path, folder);
        resolved.map_err(|problem| InvalidValue::text("secrets.key_file", path, problem))
    });
    invalid.accept(resolved.transpose())
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
    ScanConfig {
        ranges_in_flight: number("ranges_in_flight", file.ranges_in_flight, 64, 1..=1_024) as usize,
        sources_in_flight: number("sources_in_flight", file.sources_in_flight, 4, 1..=64) as usize,
        attempts: number("attempts", file.attempts, 8, 1..=20),
        reconcile_every: invalid.accept(validate::scan_interval(
            "scan.reconcile_every_minutes",
            file.reconcile_every_minutes,
        )),
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
