//! Checks the values of a Source: against the rules of the configuration, and against the other Sources.
//!
//! It seals no secret and writes no file.

use serde_json::Value;

use super::new_secrets::for_each_secret;
use super::{ChangeError, Values, kept_secret};
use crate::config::file::SourceFile;
use crate::config::{Config, InvalidValue};
use crate::core::source::Source;
use crate::managed::Actor;
use crate::managed::draft::{self, SourceDraft};

/// Resolves the Source in `file`, which has a text in place of each new secret of the draft. `taken` are values that
/// belong to other Sources.
///
/// # Errors
///
/// All problems of the draft, all values that are not allowed or taken, and all stored secrets that the Source may not
/// keep.
pub(super) fn checked(
    file: SourceFile,
    draft: &SourceDraft,
    old: Option<&SourceFile>,
    config: &Config,
    actor: &Actor,
    taken: Vec<InvalidValue>,
) -> Result<Source, ChangeError> {
    let mut found = old.map_or_else(Vec::new, |old| {
        kept_secret::check(old, &file, &draft.secrets)
    });
    let valid = match validate(file, config, actor) {
        Ok(source) => Some(source),
        Err(problems) => {
            found.extend(problems);
            None
        }
    };
    for value in taken {
        // A value that is wrong anyway has one problem, not two.
        if found.iter().all(|other| other.key != value.key) {
            found.push(value);
        }
    }
    match (valid, all_problems(&draft.problems, found)) {
        (Some(source), none) if none.is_empty() => Ok(source),
        (_, problems) => Err(ChangeError::Invalid(problems)),
    }
}

/// The problems that were found when the values were read, and those that were found when the readable ones were
/// checked. Leaves out the ones that probably follow from a value that could not be read, such as "missing".
fn all_problems(read: &[InvalidValue], found: Vec<InvalidValue>) -> Vec<InvalidValue> {
    let is_new = |it: &InvalidValue| !read.iter().any(|unread| follows(it, unread));
    let new = found.into_iter().filter(is_new);
    read.iter().cloned().chain(new).collect()
}

/// Whether a problem can follow from a value that could not be read: the value of one is the other or a part of it, or
/// the meaning of one depends on the other.
fn follows(problem: &InvalidValue, unread: &InvalidValue) -> bool {
    // Whether a queue uses the credentials of the bucket depends on where both are.
    let depends = unread.key == "endpoint_url" && problem.is_in("events.credentials");
    problem.is_in(&unread.key) || unread.is_in(&problem.key) || depends
}

/// Checks the Source against the rules of a configuration and against the other Sources.
fn validate(file: SourceFile, config: &Config, actor: &Actor) -> Result<Source, Vec<InvalidValue>> {
    config.resolve_managed(file, &|name| actor.may_see(name))
}

/// What is wrong with the values of a new Source. Values that are missing count too.
pub(crate) fn problems_of_new(name: &str, values: Values, config: &Config) -> Vec<InvalidValue> {
    let mut values = values.take();
    values.insert("name".to_owned(), Value::from(name));
    let draft = draft::from_json(values);
    // This runs on the terminal of the machine, whose user sees all Sources.
    let actor = Actor::who_sees_all(String::new());
    match with_texts_for_secrets(&draft)
        .and_then(|file| checked(file, &draft, None, config, &actor, Vec::new()))
    {
        Err(ChangeError::Invalid(problems)) => problems,
        _ => Vec::new(),
    }
}

/// The file of the draft, with an empty text in place of each new secret.
pub(super) fn with_texts_for_secrets(draft: &SourceDraft) -> Result<SourceFile, ChangeError> {
    let mut file = draft.file.clone();
    for_each_secret(&mut file, &draft.secrets, |_, _| Ok(String::new()))?;
    Ok(file)
}
