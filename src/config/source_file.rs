//! A Source as a file has it: validated by itself, and with the place of its values for reports.
//!
//! It does not compare Sources with each other.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::{InvalidValue, InvalidValues, Mistake};
use super::file::SourceFile;
use super::places::Places;
use super::resolve::{self, SourceContext};
use crate::core::source::Source;

/// A Source and where it is.
#[derive(Clone)]
pub(super) struct FoundSource {
    pub origin: Origin,
    pub source: Arc<Source>,
}

/// A file, or a table in it.
#[derive(Clone)]
pub(super) struct Origin {
    pub path: PathBuf,
    places: Arc<Places>,
    /// The path of the table in the file. Empty for the whole file.
    table: String,
}

impl Origin {
    /// The whole file.
    pub(super) fn of_file(path: PathBuf, places: Places) -> Self {
        Self {
            path,
            places: Arc::new(places),
            table: String::new(),
        }
    }

    /// Names the place of the values, and the Source that they belong to, if any. Leaves out those whose mistake was
    /// found when the file was parsed, and those that may have no mistake, because a part of the file cannot be parsed.
    pub(super) fn mistakes(&self, source: Option<&str>, values: InvalidValues) -> Vec<Mistake> {
        let source_name = source.map(|name| format!("source {name:?}: "));
        let source_name = source_name.unwrap_or_default();
        let mistake = |value: InvalidValue| {
            let key = Places::below(&self.table, &value.key);
            let line = self.places.line_of(&key);
            let may_be_missing = value.value.is_none() && self.places.is_incomplete();
            let is_certain = self.places.is_before_end(line) && !may_be_missing;
            (is_certain && !self.places.is_left_out(&key)).then(|| Mistake::InvalidValue {
                path: self.path.clone(),
                line,
                source_name: source_name.clone(),
                value,
            })
        };
        values.0.into_iter().filter_map(mistake).collect()
    }
}

/// Validates the Sources in the configuration file itself.
pub(super) fn inline(
    sources: Vec<SourceFile>,
    file: &Origin,
    context: SourceContext<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<FoundSource> {
    let sources = sources.into_iter().enumerate();
    let found = sources.map(|(index, source)| {
        let origin = Origin {
            table: Places::item("source", index),
            ..file.clone()
        };
        validate(source, origin, context, mistakes)
    });
    found.collect()
}

/// Validates a Source, and adds its mistakes.
pub(super) fn validate(
    file: SourceFile,
    origin: Origin,
    context: SourceContext<'_>,
    mistakes: &mut Vec<Mistake>,
) -> FoundSource {
    let mut invalid = InvalidValues::default();
    let name = file.name.clone();
    let source = resolve::source(file, context, &mut invalid);
    invalid.0.extend(misnamed(&source, &origin));
    mistakes.extend(origin.mistakes(name.as_deref(), invalid));
    FoundSource {
        origin,
        source: Arc::new(source),
    }
}

/// A managed Source is stored under its name: commands find it there, and its secrets are sealed for it.
fn misnamed(source: &Source, origin: &Origin) -> Option<InvalidValue> {
    let stem = origin.path.file_stem();
    let is_misnamed =
        source.is_managed && !source.name.is_empty() && stem != Some(source.name.as_ref());
    is_misnamed.then(|| {
        let problem = "must be the name of the file without .toml; the name of a managed Source cannot change";
        InvalidValue::text("name", &source.name, problem)
    })
}
