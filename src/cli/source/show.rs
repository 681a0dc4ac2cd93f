//! Prints Sources, their history and the result of a change. It never prints a secret.

use std::io::{self, IsTerminal};

use anyhow::anyhow;
use serde_json::{Map, Value, json};

use super::super::text::{printable, say};
use super::super::{Failure, MISUSED, terminal};
use crate::config::Config;
use crate::core::source::rules::RuleSelection;
use crate::core::source::{Credentials, EndpointOrder, Source};
use crate::managed::FileStore;
use crate::managed::changes::AppliedChange;
use crate::managed::store::SourceStore;

/// Prints all Sources.
pub(super) fn list(config: &Config, json: bool) -> Result<(), Failure> {
    if json {
        config
            .sources
            .iter()
            .for_each(|source| say!("{}", json_of(source)));
        return Ok(());
    }
    let row = |source: &Source| {
        [
            source.name.clone(),
            state(source).to_owned(),
            format!("{}/{}", source.bucket, source.prefix),
            source.subdomain.clone(),
            owner(source).to_owned(),
        ]
    };
    let rows = config.sources.iter().map(|source| row(source));
    if io::stdout().is_terminal() {
        let mut table = terminal::table();
        table
            .set_header(["NAME", "STATE", "BUCKET", "SUBDOMAIN", "MANAGED BY"])
            .add_rows(rows);
        say!("{table}");
    } else {
        rows.for_each(|row| say!("{}", row.join("\t")));
    }
    Ok(())
}

/// Prints one Source.
pub(super) fn one(name: &str, config: &Config, json: bool) -> Result<(), Failure> {
    let mut sources = config.sources.iter();
    let Some(source) = sources.find(|source| source.name == name) else {
        let known = match config.names().join(", ") {
            none if none.is_empty() => "there are no Sources".to_owned(),
            names => format!("the Sources are: {names}"),
        };
        let unknown = anyhow!("there is no Source {name:?}; {known}");
        return Err(Failure::Error(MISUSED, unknown));
    };
    let values = json_of(source);
    if json {
        say!("{values}");
        return Ok(());
    }
    let Value::Object(values) = values else {
        return Ok(());
    };
    for (key, value) in values.iter().filter(|(_, value)| !value.is_null()) {
        let text = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        say!("{key:<23} {}", printable(&text));
    }
    Ok(())
}

/// Prints the history of a Source, oldest first.
pub(super) fn history(name: &str, store: &FileStore, json: bool) -> Result<(), Failure> {
    let entries = store.history(name).map_err(anyhow::Error::from)?;
    if entries.is_empty() {
        let problem = anyhow!("Source {name:?} has no history; only managed Sources have one");
        return Err(Failure::Error(MISUSED, problem));
    }
    for entry in entries {
        if json {
            let line = serde_json::to_string(&entry).map_err(anyhow::Error::from)?;
            say!("{line}");
        } else {
            let action = entry.action.as_str();
            let (actor, fields) = (printable(&entry.actor), entry.fields.join(", "));
            say!(
                "{:.0}  {action:<8} {actor}  {}",
                entry.time,
                printable(&fields)
            );
        }
    }
    Ok(())
}

/// Prints what a change did.
pub(super) fn applied(name: &str, change: &AppliedChange, json: bool) {
    if json {
        let version = change.version.as_ref().map(ToString::to_string);
        let action = change.action.as_str();
        say!(
            "{}",
            json!({"name": name, "action": action, "fields": change.fields, "version": version})
        );
        return;
    }
    match (change.action.as_str(), &change.fields[..]) {
        ("update", []) => say!("{name}: nothing changed"),
        ("update", fields) => say!("{name}: changed {}", fields.join(", ")),
        (action, _) => say!("{name}: {action}d"),
    }
}

fn state(source: &Source) -> &'static str {
    if source.enabled {
        "enabled"
    } else {
        "disabled"
    }
}

fn owner(source: &Source) -> &'static str {
    if source.is_managed {
        "asset-indexer"
    } else {
        "file"
    }
}

/// The Source without its secrets. Values that are at their default are `null`.
fn json_of(source: &Source) -> Value {
    let is_true = |value: bool| value.then_some(true);
    let events = source.events.as_ref();
    let own_events = events.filter(|events| events.credentials != source.credentials);
    json!({
        "name": source.name,
        "state": state(source),
        "managed_by": owner(source),
        "bucket": source.bucket,
        "prefix": source.prefix,
        "region": source.region,
        "endpoint_url": source.endpoint_url,
        "path_style": is_true(source.path_style),
        "endpoint_order": (source.endpoint_order == EndpointOrder::ExternalFirst).then_some("external-first"),
        "subdomain": source.subdomain,
        "base_url": source.base_url,
        "thumbnail_url": source.thumbnail_url,
        "annotation": source.annotation,
        "rules": rules(source),
        "folder_markers": is_true(source.folder_markers),
        "credentials": credentials(&source.credentials),
        "expected_bucket_owner": source.expected_bucket_owner,
        "request_payer": is_true(source.request_payer),
        "queue_url": events.map(|events| &events.queue_url),
        "queue_region": events.and_then(|events| events.region.as_ref()),
        "queue_credentials": own_events.map(|events| credentials(&events.credentials)),
        "reconcile_every_minutes": source.reconcile_every.map(|every| every.as_secs() / 60),
    })
}

/// The rules as they are written. `None` if they admit all paths.
fn rules(source: &Source) -> Option<Value> {
    let (include, exclude) = source.rules.selections();
    let mut rules = Map::new();
    for (key, selection) in [("include", include), ("exclude", exclude)] {
        let value = match selection {
            None => continue,
            Some(RuleSelection::All) => "all".into(),
            Some(RuleSelection::Paths(paths)) => Value::from(paths),
        };
        rules.insert(key.to_owned(), value);
    }
    if source.rules.ignores_case() {
        rules.insert("case_insensitive".to_owned(), true.into());
    }
    (!rules.is_empty()).then_some(Value::Object(rules))
}

fn credentials(credentials: &Credentials) -> String {
    match credentials {
        Credentials::DefaultChain => "this machine's own".to_owned(),
        Credentials::Profile(name) => format!("profile {name}"),
        Credentials::AssumeRole {
            role_arn,
            external_id: None,
        } => format!("role {role_arn}"),
        Credentials::AssumeRole {
            role_arn,
            external_id: Some(id),
        } => format!("role {role_arn} with the external ID {id}"),
        Credentials::AccessKey { access_key_id, .. } => format!("access key {access_key_id}"),
    }
}
