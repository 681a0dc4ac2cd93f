//! The options of `source add` and `source edit`, and the values that they stand for.
//!
//! An empty text removes a value. A secret is never an option: it is in a file, or comes from standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde_json::{Map, Value, json};

use super::super::{Failure, MISUSED};

/// Maximum size of a file with values or a secret.
const MAX_BYTES: u64 = 16 << 20;

/// The fields of a Source.
#[derive(Debug, clap::Args)]
pub(super) struct Fields {
    /// Read the values from this JSON file, with the keys of the configuration file; `-` for standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Name of the bucket
    #[arg(long)]
    bucket: Option<String>,
    /// Folder in the bucket; asset paths start after it
    #[arg(long)]
    prefix: Option<String>,
    /// DNS label of the Source, such as photos for photos.imgix.net
    #[arg(long)]
    subdomain: Option<String>,
    /// Address of the assets, if it is not https://{subdomain}.imgix.net
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Address of a small picture of each asset, such as https://{subdomain}.imgix.net{path}?w=320&h=240&fit=max
    #[arg(long, value_name = "URL")]
    thumbnail_url: Option<String>,
    /// Note for people
    #[arg(long, value_name = "TEXT")]
    annotation: Option<String>,
    /// Maximum number of minutes between two scans
    #[arg(long, value_name = "MINUTES")]
    reconcile_every_minutes: Option<String>,
    /// Region of the bucket; found by itself on AWS
    #[arg(long)]
    region: Option<String>,
    /// Address of an S3-compatible store
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Whether requests name the bucket in the path
    #[arg(long, value_name = "BOOL")]
    path_style: Option<bool>,
    /// ID of the access key for the bucket
    #[arg(long, value_name = "ID")]
    access_key_id: Option<String>,
    /// File with the secret access key; `-` for standard input
    #[arg(long, value_name = "FILE", requires = "access_key_id")]
    secret_access_key_file: Option<PathBuf>,
    /// Role to assume for the bucket
    #[arg(long, value_name = "ARN", conflicts_with = "access_key_id")]
    role_arn: Option<String>,
    /// External ID of the role
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<String>,
    /// Only these paths are assets; repeat it for more
    #[arg(long, value_name = "RULE")]
    include: Vec<String>,
    /// These paths are not assets; repeat it for more
    #[arg(long, value_name = "RULE")]
    exclude: Vec<String>,
    /// URL of the queue with the bucket's events
    #[arg(long, value_name = "URL")]
    queue_url: Option<String>,
}

impl Fields {
    /// The values as JSON, with the keys of the configuration file.
    pub(super) fn into_values(self) -> Result<Map<String, Value>, Failure> {
        let mut values = match &self.from {
            None => Map::new(),
            Some(path) => values_in(path)?,
        };
        let texts = [
            ("bucket", self.bucket),
            ("prefix", self.prefix),
            ("subdomain", self.subdomain),
            ("base_url", self.base_url),
            ("thumbnail_url", self.thumbnail_url),
            ("annotation", self.annotation),
            ("region", self.region),
            ("endpoint_url", self.endpoint_url),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(key, text)| Some((key, text?)));
        values.extend(texts.map(|(key, text)| (key.to_owned(), text_or_null(text))));
        if let Some(minutes) = self.reconcile_every_minutes {
            let key = "reconcile_every_minutes".to_owned();
            values.insert(key, number_or_null(minutes));
        }
        if let Some(path_style) = self.path_style {
            values.insert("path_style".to_owned(), path_style.into());
        }
        if let Some(id) = self.access_key_id {
            let mut credentials = match id.as_str() {
                "" => Value::Null,
                id => json!({"access_key_id": id}),
            };
            if let Some(path) = self.secret_access_key_file
                && !credentials.is_null()
            {
                credentials["secret_access_key"] = read_text(&path)?.trim().into();
            }
            values.insert("credentials".to_owned(), credentials);
        }
        if let Some(role) = self.role_arn {
            let mut credentials = match role.as_str() {
                "" => Value::Null,
                role => json!({"role_arn": role}),
            };
            if let Some(id) = self.external_id
                && !credentials.is_null()
            {
                credentials["external_id"] = id.into();
            }
            values.insert("credentials".to_owned(), credentials);
        }
        let rules = [("include", self.include), ("exclude", self.exclude)];
        let rules: Map<String, Value> = rules
            .into_iter()
            .filter(|(_, rules)| !rules.is_empty())
            .map(|(key, rules)| (key.to_owned(), selection(rules)))
            .collect();
        if !rules.is_empty() {
            values.insert("rules".to_owned(), rules.into());
        }
        if let Some(url) = self.queue_url {
            let events = match url.as_str() {
                "" => Value::Null,
                url => json!({"queue_url": url}),
            };
            values.insert("events".to_owned(), events);
        }
        Ok(values)
    }
}

fn text_or_null(text: String) -> Value {
    match text.as_str() {
        "" => Value::Null,
        _ => text.into(),
    }
}

/// A text that is not a number stays a text, which is refused together with all other mistakes.
fn number_or_null(text: String) -> Value {
    match text.trim().parse::<u64>() {
        Ok(number) => number.into(),
        Err(_) => text_or_null(text),
    }
}

/// `"all"`, nothing, or a list of rules.
fn selection(rules: Vec<String>) -> Value {
    match &rules[..] {
        [only] if only == "all" => "all".into(),
        [only] if only.is_empty() => Value::Null,
        _ => rules.into(),
    }
}

fn values_in(path: &PathBuf) -> Result<Map<String, Value>, Failure> {
    let text = read_text(path)?;
    let values = serde_json::from_str::<Value>(&text);
    // The error of the parser shows only a line and a column, never a value.
    let values = values.map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Failure::Error(MISUSED, anyhow!("{} is not JSON: {place}", shown(path)))
    })?;
    match values {
        Value::Object(values) => Ok(values),
        _ => {
            let problem = "must be one JSON object with the keys of a Source";
            Err(Failure::Error(
                MISUSED,
                anyhow!("{}: {problem}", shown(path)),
            ))
        }
    }
}

/// The file, for a message.
fn shown(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    }
}

fn read_text(path: &PathBuf) -> Result<zeroize::Zeroizing<String>, Failure> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let read = if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(MAX_BYTES)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
    };
    read.with_context(|| format!("failed to read {}", shown(path)))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        fields: Fields,
    }

    fn values(line: &[&str]) -> Value {
        let line = Line::try_parse_from([&["x"], line].concat()).unwrap();
        match line.fields.into_values() {
            Ok(values) => values.into(),
            Err(_) => panic!("the values are refused"),
        }
    }

    #[test]
    fn options_become_values() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "hidden\n").unwrap();
        let from = folder.path().join("values.json");
        std::fs::write(&from, r#"{"bucket": "old", "request_payer": true}"#).unwrap();
        let (secret, from) = (secret.to_str().unwrap(), from.to_str().unwrap());
        for (line, want) in [
            (
                &["--bucket", "b", "--prefix", ""][..],
                json!({"bucket": "b", "prefix": null}),
            ),
            (
                &["--from", from, "--bucket", "new"],
                json!({"bucket": "new", "request_payer": true}),
            ),
            (
                &[
                    "--access-key-id",
                    "AKIA",
                    "--secret-access-key-file",
                    secret,
                ],
                json!({"credentials": {"access_key_id": "AKIA", "secret_access_key": "hidden"}}),
            ),
            (
                &["--role-arn", "arn", "--external-id", "7"],
                json!({"credentials": {"role_arn": "arn", "external_id": "7"}}),
            ),
            (
                &["--include", "/a", "--include", "/b", "--exclude", "all"],
                json!({"rules": {"include": ["/a", "/b"], "exclude": "all"}}),
            ),
            (&["--include", ""], json!({"rules": {"include": null}})),
            (&["--queue-url", "u"], json!({"events": {"queue_url": "u"}})),
            (&["--queue-url", ""], json!({"events": null})),
            (&["--role-arn", ""], json!({"credentials": null})),
            (&["--access-key-id", ""], json!({"credentials": null})),
            (&["--path-style", "true"], json!({"path_style": true})),
            (
                &["--reconcile-every-minutes", "30"],
                json!({"reconcile_every_minutes": 30}),
            ),
            (
                &["--reconcile-every-minutes", ""],
                json!({"reconcile_every_minutes": null}),
            ),
            (&["--annotation", "a note"], json!({"annotation": "a note"})),
        ] {
            assert_eq!(values(line), want, "{line:?}");
        }
    }

    #[test]
    fn secret_is_never_an_option() {
        for line in [
            &["--secret-access-key", "hidden"][..],
            &["--secret-access-key-file", "file"],
            &["--role-arn", "arn", "--access-key-id", "id"],
        ] {
            assert!(
                Line::try_parse_from([&["x"], line].concat()).is_err(),
                "{line:?}"
            );
        }
    }
}
