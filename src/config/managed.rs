//! Resolves the limits of managed Sources, and checks a Source that someone sets up against them.
//!
//! A stored Source is not checked again when the configuration is loaded: a stricter limit must not keep the other
//! Sources from working. It fails when it is used, with the same words.

use std::path::Path;
use std::sync::Arc;

use super::error::{InvalidValue, InvalidValues};
use super::file::{ManagedFile, RulesFile, SourceFile};
use super::resolve::{self, SourceContext};
use super::{Config, shared, validate};
use crate::core::source::limits::AllowedHosts;
use crate::core::source::rules::RuleSelection;
use crate::core::source::{Credentials, Source, SourceLimits, queue_url};

/// Maximum number of managed Sources if the configuration does not set one.
const DEFAULT_MAX_SOURCES: u32 = 1_000;

/// The highest maximum that can be set.
const MAX_MAX_SOURCES: u32 = 10_000;

/// Maximum number of rules of a managed Source, `include` and `exclude` together.
const MAX_RULES: usize = 1_000;

/// Maximum length of a prefix, in bytes. A key of S3 is not longer.
const MAX_PREFIX_BYTES: usize = 1_024;

/// Maximum length of a URL, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// Maximum length of other texts, in bytes. An external ID, which is the longest of them, has at most 1,224.
const MAX_TEXT_BYTES: usize = 1_224;

/// The limits of managed Sources, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedConfig {
    /// What they may use of this machine. By default no credentials and no hosts but public ones.
    pub limits: Arc<SourceLimits>,
    /// Maximum number of managed Sources, 0 to 10,000.
    pub max_sources: usize,
}

/// Resolves `[managed]`.
pub(super) fn managed(file: &ManagedFile, invalid: &mut InvalidValues) -> ManagedConfig {
    let mut allowed_hosts = AllowedHosts::default();
    for (index, host) in file.allowed_hosts.iter().enumerate() {
        let added = allowed_hosts.add(host);
        let key = format!("managed.allowed_hosts[{index}]");
        invalid.accept(added.map_err(|problem| InvalidValue::text(key, host, problem)));
    }
    let max_sources = invalid.accept(validate::number(
        "managed.max_sources",
        file.max_sources,
        DEFAULT_MAX_SOURCES,
        0..=MAX_MAX_SOURCES,
    ));
    ManagedConfig {
        limits: Arc::new(SourceLimits {
            allow_machine_credentials: file.allow_machine_credentials,
            allowed_hosts,
        }),
        max_sources: max_sources as usize,
    }
}

/// Implements [`Config::resolve_managed`].
pub(super) fn resolve(
    mut file: SourceFile,
    config: &Config,
    may_see: &dyn Fn(&str) -> bool,
) -> Result<Source, Vec<InvalidValue>> {
    let too_long = too_long(&file);
    if too_long.iter().any(|value| value.key.starts_with("rules.")) {
        // Compiling them would take time and memory.
        file.rules = RulesFile::default();
    }
    let mut invalid = InvalidValues::default();
    let context = SourceContext {
        // A managed Source names no files.
        folder: Path::new(""),
        keys: Some(&config.keys),
        limits: Some(&config.managed.limits),
    };
    let source = resolve::source(file, context, &mut invalid);
    let is_itself = |other: &Source| other.is_managed && other.name == source.name;
    let others = config.sources.iter().filter(|other| !is_itself(other));
    let shared = others.flat_map(|other| shared::between(&source, other, None, may_see));
    invalid.0.extend(shared);
    let mut problems = too_long;
    for more in [invalid.0, beyond_limits(&source)] {
        // A value that is too long is not reported a second time for its form. Credentials with a mistake are resolved
        // as those of the machine, which is not what they mean.
        let is_new = |value: &InvalidValue| !problems.iter().any(|other| other.is_in(&value.key));
        let new: Vec<InvalidValue> = more.into_iter().filter(is_new).collect();
        problems.extend(new);
    }
    if problems.is_empty() {
        Ok(source)
    } else {
        Err(problems)
    }
}

/// The texts and lists of a Source that are too long.
fn too_long(file: &SourceFile) -> Vec<InvalidValue> {
    let events = file.events.as_ref();
    let mut texts = vec![
        ("prefix".to_owned(), Some(&file.prefix), MAX_PREFIX_BYTES),
        ("region".to_owned(), file.region.as_ref(), MAX_TEXT_BYTES),
        (
            "endpoint_url".to_owned(),
            file.endpoint_url.as_ref(),
            MAX_URL_BYTES,
        ),
        ("base_url".to_owned(), file.base_url.as_ref(), MAX_URL_BYTES),
        (
            "events.queue_url".to_owned(),
            events.and_then(|events| events.queue_url.as_ref()),
            MAX_URL_BYTES,
        ),
        (
            "events.region".to_owned(),
            events.and_then(|events| events.region.as_ref()),
            MAX_TEXT_BYTES,
        ),
    ];
    let of_queue = events.and_then(|events| events.credentials.as_ref());
    for (above, table) in [("", file.credentials.as_ref()), ("events.", of_queue)] {
        let Some(table) = table else { continue };
        for (key, text) in [
            ("access_key_id", &table.access_key_id),
            ("role_arn", &table.role_arn),
            ("external_id", &table.external_id),
        ] {
            let key = format!("{above}credentials.{key}");
            texts.push((key, text.as_ref(), MAX_TEXT_BYTES));
        }
    }
    let is_too_long = |(_, text, max): &(String, Option<&String>, usize)| {
        text.is_some_and(|text| text.len() > *max)
    };
    let texts = texts.into_iter().filter(is_too_long).map(|(key, _, max)| {
        InvalidValue::hidden(key, format!("must not have more than {max} bytes"))
    });
    texts.chain(too_many_rules(file)).collect()
}

fn too_many_rules(file: &SourceFile) -> Option<InvalidValue> {
    let lists = [
        ("include", &file.rules.include),
        ("exclude", &file.rules.exclude),
    ];
    let count = |list: &Option<RuleSelection>| match list {
        Some(RuleSelection::Paths(paths)) => paths.len(),
        _ => 0,
    };
    let total: usize = lists.iter().map(|(_, list)| count(list)).sum();
    let (longest, _) = lists.iter().max_by_key(|(_, list)| count(list))?;
    (total > MAX_RULES).then(|| {
        let problem = format!(
            "a managed Source has at most {MAX_RULES} rules, and these are {total}; write rules that cover more, or \
             several Sources"
        );
        InvalidValue::hidden(format!("rules.{longest}"), problem)
    })
}

/// The values that the limits do not allow.
fn beyond_limits(source: &Source) -> Vec<InvalidValue> {
    let mut refused = Vec::new();
    let Some(limits) = &source.limits else {
        return refused;
    };
    let events = source.events.as_ref();
    // A disabled Source uses no credentials. Its owner must be able to disable it, whatever else is wrong.
    if source.enabled {
        let of_queue = events.map(|events| &events.credentials);
        let of_queue = of_queue.filter(|credentials| **credentials != source.credentials);
        for (above, credentials) in [("", Some(&source.credentials)), ("events.", of_queue)] {
            let refused_ones = credentials.filter(|it| !limits.admit_credentials(it));
            refused.extend(refused_ones.map(|it| machine_credentials(above, it)));
        }
        let queue_url = events.map(|events| events.queue_url.as_str());
        let queue_url = queue_url.filter(|url| !queue_url::is_public_endpoint(url));
        for (key, url) in [
            ("endpoint_url", source.endpoint_url.as_deref()),
            ("events.queue_url", queue_url),
        ] {
            let Some(url) = url else { continue };
            if let Err(error) = limits.allowed_hosts.check_url(url) {
                let problem = format!("{error}. {}", error.remedy());
                refused.push(InvalidValue::text(key, url, problem));
            }
        }
    }
    refused
}

fn machine_credentials(above: &str, credentials: &Credentials) -> InvalidValue {
    let key = match credentials {
        Credentials::AssumeRole { .. } => "credentials.role_arn",
        _ => "credentials",
    };
    let problem = format!(
        "{}; set access_key_id and secret_access_key, or ask an operator to set allow_machine_credentials = true in \
         the table [managed] of the configuration file",
        SourceLimits::NO_MACHINE_CREDENTIALS
    );
    InvalidValue::hidden(format!("{above}{key}"), problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_long_values_are_all_named() {
        let mut file: SourceFile = toml::from_str("name = \"a\"").unwrap();
        assert!(too_long(&file).is_empty());
        file.prefix = "x".repeat(MAX_PREFIX_BYTES + 1);
        file.base_url = Some("x".repeat(MAX_URL_BYTES + 1));
        file.rules.include = Some(RuleSelection::Paths(vec!["/a".into(); MAX_RULES]));
        file.rules.exclude = Some(RuleSelection::Paths(vec!["/b".into()]));
        let keys: Vec<String> = too_long(&file).into_iter().map(|it| it.key).collect();
        assert_eq!(keys, ["prefix", "base_url", "rules.include"]);
    }
}
