//! Translates a Source between imgix's attributes and our values, whose names are the keys of the configuration file.
//!
//! It is pure: it checks the shape of a document, and leaves the values to the code that applies a change.

use serde_json::{Map, Value};

use crate::serve::http::api::change_error::ShapeError;

/// Where the attributes are in a document.
const ATTRIBUTES: &str = "/data/attributes";
const DEPLOYMENT: &str = "/data/attributes/deployment";
/// The object in `deployment` with the values that imgix does not have, under our names.
pub(in crate::serve::http::api) const EXTENSION: &str = "asset_indexer";

/// A text of `deployment`, and the pointer of our value. Several names mean the same: imgix has different ones for S3 and
/// for other stores.
pub(in crate::serve::http::api) const TEXTS: [(&str, &str); 15] = [
    ("s3_bucket", "/bucket"),
    ("bucket_name", "/bucket"),
    ("s3_prefix", "/prefix"),
    ("prefix", "/prefix"),
    ("region", "/region"),
    ("endpoint", "/endpoint_url"),
    ("endpoint_url", "/endpoint_url"),
    ("annotation", "/annotation"),
    ("s3_access_key", "/credentials/access_key_id"),
    ("access_key_id", "/credentials/access_key_id"),
    ("access_key", "/credentials/access_key_id"),
    ("s3_secret_key", "/credentials/secret_access_key"),
    ("secret_key", "/credentials/secret_access_key"),
    ("secret_access_key", "/credentials/secret_access_key"),
    ("s3_region", "/region"),
];

/// Attributes of `deployment` that only concern how imgix renders and delivers pictures, or that name a vendor.
pub(in crate::serve::http::api) const RENDERING: [&str; 16] = [
    "allows_upload",
    "cache_ttl_behavior",
    "cache_ttl_error",
    "cache_ttl_value",
    "crossdomain_cors_enabled",
    "crossdomain_xml_enabled",
    "default_params",
    "image_error",
    "image_error_append_qs",
    "image_missing",
    "image_missing_append_qs",
    "robots.txt",
    "secure_url_enabled",
    "secure_url_token",
    "storage_provider",
    "picker_enabled",
];

/// Attributes that the service sets. Clients send back what they have read.
pub(in crate::serve::http::api) const READ_ONLY: [&str; 4] = [
    "date_deployed",
    "deployment_status",
    "secure_url_enabled",
    "secure_url_token",
];

/// A document, translated to our values.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SourceInput {
    /// The values. They can contain secrets.
    pub values: Map<String, Value>,
    /// What was ignored, for `meta.warnings`.
    pub warnings: Vec<String>,
    /// All mistakes in the shape of the document. If there are any, the values must not be used: some are missing.
    pub mistakes: Vec<ShapeError>,
    /// For each of our values, its pointer in our values and in the document.
    origins: Vec<(String, String)>,
    /// The same for values that are missing because of a mistake.
    unread: Vec<(String, String)>,
}

/// Reads a JSON:API document with a Source.
pub(super) fn read(document: &Map<String, Value>) -> SourceInput {
    let mut input = SourceInput::default();
    input.document(document);
    input
}

impl SourceInput {
    /// The pointer into the document for a pointer into our values, such as `/credentials/role_arn`.
    pub(super) fn pointer_of(&self, ours: &str) -> String {
        let mut origins = self.origins.iter().chain(&self.unread);
        if let Some((_, pointer)) = origins.find(|(pointer, _)| pointer == ours) {
            return pointer.clone();
        }
        // The value is missing in the document, or the problem is with a part of it.
        match ours {
            "/name" | "/enabled" => format!("{ATTRIBUTES}{ours}"),
            "/subdomain" => format!("{DEPLOYMENT}/imgix_subdomains"),
            "/base_url" => format!("{DEPLOYMENT}/custom_domains"),
            "" => DEPLOYMENT.to_owned(),
            _ => match TEXTS.iter().find(|(_, pointer)| *pointer == ours) {
                Some((theirs, _)) => format!("{DEPLOYMENT}/{theirs}"),
                None => format!("{DEPLOYMENT}/{EXTENSION}{ours}"),
            },
        }
    }
}

/// Reading a document.
impl SourceInput {
    fn document(&mut self, document: &Map<String, Value>) {
        let Some(Value::Object(data)) = document.get("data") else {
            let problem = "expected an object with type and attributes";
            return self.mistake("/data", problem);
        };
        if data.get("type").is_some_and(|kind| kind != "sources") {
            self.mistake("/data/type", "expected \"sources\"");
        }
        match data.get("attributes") {
            Some(Value::Object(attributes)) => self.attributes(attributes),
            _ => self.mistake(
                ATTRIBUTES,
                "expected an object such as {\"enabled\": false}",
            ),
        }
    }

    fn attributes(&mut self, attributes: &Map<String, Value>) {
        for (name, value) in attributes {
            let pointer = format!("{ATTRIBUTES}/{name}");
            match (name.as_str(), value) {
                ("deployment", Value::Object(deployment)) => self.deployment(deployment),
                ("deployment", _) => self.mistake(pointer, "expected an object"),
                ("name", value) => self.set("/name", value.clone(), pointer),
                // It has no null: a Source is enabled or not.
                ("enabled", Value::Null) => self.mistake(pointer, "expected true or false"),
                ("enabled", value) => self.set("/enabled", value.clone(), pointer),
                (name, _) if READ_ONLY.contains(&name) => self.ignore(&pointer, value),
                _ => self.mistake(pointer, "unknown attribute"),
            }
        }
    }

    fn deployment(&mut self, deployment: &Map<String, Value>) {
        for (name, value) in deployment {
            let pointer = format!("{DEPLOYMENT}/{name}");
            if let Some((_, ours)) = TEXTS.iter().find(|(theirs, _)| theirs == name) {
                self.text(ours, value, pointer);
                continue;
            }
            match (name.as_str(), value) {
                ("type", Value::String(kind)) if kind == "s3" || kind == "s3_compatible" => {}
                ("type", _) => self.mistake(pointer, "expected \"s3\" or \"s3_compatible\""),
                ("imgix_subdomains", Value::Array(items)) => match &items[..] {
                    [subdomain] => self.set("/subdomain", subdomain.clone(), pointer),
                    _ => self.unread("/subdomain", pointer, "expected a list with one subdomain"),
                },
                ("imgix_subdomains", _) => {
                    self.unread("/subdomain", pointer, "expected a list with one subdomain");
                }
                ("custom_domains", value) => self.custom_domains(value, pointer),
                (EXTENSION, Value::Object(values)) => self.extension(values, &pointer),
                (EXTENSION, _) => self.mistake(pointer, "expected an object"),
                (name, value) if RENDERING.contains(&name) => self.ignore(&pointer, value),
                _ => self.mistake(pointer, "unknown attribute"),
            }
        }
    }

    fn text(&mut self, ours: &'static str, value: &Value, pointer: String) {
        match (ours, value) {
            // imgix writes no endpoint as null, and a key that is not shown, too. Neither removes the key.
            ("/credentials/access_key_id" | "/credentials/secret_access_key", Value::Null) => {}
            (_, value) => self.set(ours, value.clone(), pointer),
        }
    }

    /// The first domain becomes the base URL.
    fn custom_domains(&mut self, value: &Value, pointer: String) {
        let no_items = Vec::new();
        let items = match value {
            Value::Null => &no_items,
            Value::Array(items) => items,
            _ => return self.mistake(pointer, "expected a list of domains"),
        };
        if items.len() > 1 {
            let text = "custom_domains: only the first one is used";
            self.warnings.push(text.to_owned());
        }
        match items.first() {
            None => self.set("/base_url", Value::Null, pointer),
            Some(Value::String(domain)) if is_domain(domain) => {
                let url = Value::from(format!("https://{domain}"));
                self.set("/base_url", url, format!("{pointer}/0"));
            }
            Some(_) => {
                let problem = "expected a domain such as \"images.example.com\"";
                self.mistake(format!("{pointer}/0"), problem);
            }
        }
    }

    /// Our own values, which imgix does not have.
    fn extension(&mut self, values: &Map<String, Value>, pointer: &str) {
        for (name, value) in values {
            match (name.as_str(), value) {
                ("credentials", Value::Object(credentials)) => {
                    for (name, value) in credentials {
                        let ours = format!("/credentials/{name}");
                        self.extension_value(ours, value, pointer);
                    }
                }
                _ => self.extension_value(format!("/{name}"), value, pointer),
            }
        }
    }

    fn extension_value(&mut self, ours: String, value: &Value, pointer: &str) {
        let pointer = format!("{pointer}{ours}");
        let is_attribute = ["/name", "/enabled", "/subdomain"].contains(&ours.as_str());
        if is_attribute || TEXTS.iter().any(|(_, other)| *other == ours) {
            let problem = "imgix has an attribute for this value; send it there";
            self.unread(&ours, pointer, problem);
        } else {
            self.set(&ours, value.clone(), pointer);
        }
    }

    /// Sets one of our values. Its pointer has one or two names.
    fn set(&mut self, ours: &str, value: Value, pointer: String) {
        if self.origins.iter().any(|(other, _)| other == ours) {
            let before = Value::Object(self.values.clone());
            // A client that sends back what it has read has both names of a value.
            if before.pointer(ours) != Some(&value) {
                let problem = "another attribute sets this value differently; send one of them";
                self.mistake(pointer, problem);
            }
            return;
        }
        self.origins.push((ours.to_owned(), pointer));
        let path = ours.trim_start_matches('/');
        let Some((table, name)) = path.split_once('/') else {
            self.values.insert(path.to_owned(), value);
            return;
        };
        let table = self.values.entry(table);
        let table = table.or_insert_with(|| Value::Object(Map::new()));
        // A table that is not an object is refused when the values are read.
        if let Some(table) = table.as_object_mut() {
            table.insert(name.to_owned(), value);
        }
    }

    /// Adds a warning, unless the value says what is the case anyway.
    fn ignore(&mut self, pointer: &str, value: &Value) {
        let is_default = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Object(object) => object.is_empty(),
            _ => false,
        };
        let name = pointer.rsplit('/').next().unwrap_or(pointer);
        if !is_default {
            self.warnings
                .push(format!("{name}: ignored, because it changes nothing here"));
        }
    }

    /// Adds a mistake because of which one of our values is missing.
    fn unread(&mut self, ours: &str, pointer: String, problem: &str) {
        self.unread.push((ours.to_owned(), pointer.clone()));
        self.mistake(pointer, problem);
    }

    fn mistake(&mut self, pointer: impl Into<String>, problem: &str) {
        self.mistakes.push(ShapeError {
            pointer: pointer.into(),
            problem: problem.to_owned(),
        });
    }
}

/// Whether the text can follow `https://` without changing what it means. The base URL may have a path.
fn is_domain(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:".contains(c);
    !text.is_empty() && !text.starts_with('/') && text.chars().all(is_plain)
}

/// The values that imgix does not have, for the extension in an answer. A client may send them back.
pub(super) fn extension(values: &Map<String, Value>) -> Map<String, Value> {
    below("", values)
}

fn below(above: &str, values: &Map<String, Value>) -> Map<String, Value> {
    /// It says that there is a secret. It is no value.
    const HAS_SECRET: &str = "has_secret";
    let is_attribute = |pointer: &str| {
        ["/name", "/enabled", "/subdomain", "/base_url"].contains(&pointer)
            || TEXTS.iter().any(|(_, other)| *other == pointer)
    };
    let mut kept = Map::new();
    for (name, value) in values {
        let pointer = format!("{above}/{name}");
        if name == HAS_SECRET || is_attribute(&pointer) {
            continue;
        }
        let value = match value {
            Value::Object(table) => {
                let table = below(&pointer, table);
                if table.is_empty() {
                    continue;
                }
                Value::Object(table)
            }
            value => value.clone(),
        };
        kept.insert(name.clone(), value);
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(attributes: Value) -> Map<String, Value> {
        let document = json!({"data": {"type": "sources", "attributes": attributes}});
        document.as_object().unwrap().clone()
    }

    fn mistakes(attributes: Value) -> Vec<String> {
        let mistakes = read(&document(attributes)).mistakes;
        mistakes
            .into_iter()
            .map(|mistake| mistake.pointer)
            .collect()
    }

    #[test]
    fn s3_source_becomes_our_values() {
        let input = read(&document(json!({
            "name": "photos",
            "enabled": true,
            "date_deployed": 1_600_000_000,
            "deployment": {
                "type": "s3",
                "annotation": "First",
                "s3_access_key": "AKIAEXAMPLE",
                "s3_secret_key": "secret",
                "s3_bucket": "my-bucket",
                "s3_prefix": "/images",
                "imgix_subdomains": ["photos"],
                "custom_domains": ["images.example.com"],
                "cache_ttl_behavior": "override_origin",
                "image_missing": null,
                "default_params": {},
                "secure_url_enabled": false,
                "asset_indexer": {
                    "rules": {"exclude": ["/drafts"]},
                    "credentials": {"external_id": "x"},
                },
            },
        })));
        assert_eq!(input.mistakes, []);
        let want = json!({
            "name": "photos",
            "enabled": true,
            "annotation": "First",
            "bucket": "my-bucket",
            "prefix": "/images",
            "subdomain": "photos",
            "base_url": "https://images.example.com",
            "rules": {"exclude": ["/drafts"]},
            "credentials": {
                "access_key_id": "AKIAEXAMPLE",
                "secret_access_key": "secret",
                "external_id": "x",
            },
        });
        assert_eq!(Value::Object(input.values), want);
        let warned = |name: &str| input.warnings.iter().any(|it| it.starts_with(name));
        assert!(warned("cache_ttl_behavior") && warned("date_deployed"));
        assert_eq!(input.warnings.len(), 2, "{:?}", input.warnings);
    }

    #[test]
    fn source_on_another_store_becomes_our_values() {
        let input = read(&document(json!({"deployment": {
            "type": "s3_compatible",
            "storage_provider": "Wasabi",
            "access_key_id": "key",
            "secret_key": "secret",
            "bucket_name": "my-bucket",
            "s3_bucket": "my-bucket",
            "endpoint_url": "https://s3.example.com",
            "region": "eu",
        }})));
        assert_eq!(input.mistakes, []);
        let want = json!({
            "bucket": "my-bucket",
            "endpoint_url": "https://s3.example.com",
            "region": "eu",
            "credentials": {"access_key_id": "key", "secret_access_key": "secret"},
        });
        assert_eq!(Value::Object(input.values.clone()), want);
        for (ours, pointer) in [
            ("/bucket", "/data/attributes/deployment/bucket_name"),
            (
                "/credentials/secret_access_key",
                "/data/attributes/deployment/secret_key",
            ),
            ("/prefix", "/data/attributes/deployment/s3_prefix"),
            ("/subdomain", "/data/attributes/deployment/imgix_subdomains"),
            ("/name", "/data/attributes/name"),
            (
                "/rules/include/0",
                "/data/attributes/deployment/asset_indexer/rules/include/0",
            ),
            (
                "/credentials/role_arn",
                "/data/attributes/deployment/asset_indexer/credentials/role_arn",
            ),
            ("", "/data/attributes/deployment"),
        ] {
            assert_eq!(input.pointer_of(ours), pointer, "{ours}");
        }
    }

    #[test]
    fn null_removes_a_value_but_never_a_key() {
        let input = read(&document(json!({"deployment": {
            "s3_prefix": null,
            "s3_access_key": null,
            "s3_secret_key": null,
            "custom_domains": [],
        }})));
        let want = json!({"prefix": null, "base_url": null});
        assert_eq!(Value::Object(input.values), want);
    }

    #[test]
    fn names_all_mistakes_at_once() {
        for (attributes, pointers) in [
            (
                json!({"name": "a", "enabled": null, "nonsense": 1, "deployment": 1}),
                &["deployment", "enabled", "nonsense"][..],
            ),
            (
                json!({"deployment": {
                    "type": "gcs",
                    "imgix_subdomains": ["a", "b"],
                    "custom_domains": ["user@a"],
                    "gcs_bucket": "x",
                    "asset_indexer": {"bucket": "x", "credentials": {"access_key_id": "x"}},
                }}),
                &[
                    "deployment/asset_indexer/bucket",
                    "deployment/asset_indexer/credentials/access_key_id",
                    "deployment/custom_domains/0",
                    "deployment/gcs_bucket",
                    "deployment/imgix_subdomains",
                    "deployment/type",
                ],
            ),
            (
                json!({"deployment": {"bucket_name": "a", "s3_bucket": "b"}}),
                &["deployment/s3_bucket"],
            ),
        ] {
            let mut found = mistakes(attributes);
            found.sort();
            let want = pointers.iter().map(|it| format!("/data/attributes/{it}"));
            assert_eq!(found, want.collect::<Vec<_>>());
        }
        for (document, pointer) in [
            (json!({}), "/data"),
            (json!({"data": []}), "/data"),
            (json!({"data": {"type": "sources"}}), "/data/attributes"),
            (
                json!({"data": {"type": "assets", "attributes": {}}}),
                "/data/type",
            ),
        ] {
            let mistakes = read(document.as_object().unwrap()).mistakes;
            assert_eq!(mistakes[0].pointer, pointer, "{document}");
        }
    }

    #[test]
    fn answers_show_only_what_imgix_lacks_in_the_extension() {
        let values = json!({
            "name": "photos",
            "bucket": "b",
            "subdomain": "s",
            "rules": {"include": ["/a"]},
            "base_url": "https://images.example.com",
            "credentials": {"access_key_id": "AKIA", "has_secret": true},
            "events": {
                "queue_url": "https://q",
                "credentials": {"access_key_id": "AKIA", "has_secret": true},
            },
        });
        let want = json!({
            "rules": {"include": ["/a"]},
            "events": {"queue_url": "https://q", "credentials": {"access_key_id": "AKIA"}},
        });
        let shown = extension(values.as_object().unwrap());
        assert_eq!(Value::Object(shown), want);
    }
}
