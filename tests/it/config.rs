//! The configuration file that a test gives to the binary.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::s3::Bucket;
use crate::server::AccessKey;

/// A configuration: the Sources and the few settings that tests change.
#[derive(Clone, Debug)]
pub struct Config {
    pub sources: Vec<Source>,
    /// Key ranges of one Source that are listed at the same time.
    pub ranges_in_flight: u32,
    /// How often a request is sent before it is given up.
    pub attempts: u32,
    /// How many changed documents make a commit.
    pub commit_documents: u32,
}

/// One Source.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub name: String,
    pub bucket: String,
    pub endpoint: String,
    pub subdomain: String,
    pub prefix: Option<String>,
    pub region: Option<String>,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub case_insensitive: bool,
    pub folder_markers: bool,
    /// The id of an access key, and the file with its secret.
    pub access_key: Option<(String, PathBuf)>,
    /// The name of a profile.
    pub profile: Option<String>,
}

impl Source {
    /// The whole bucket at that endpoint.
    pub fn of(name: &str, bucket: &Bucket, endpoint: String) -> Self {
        Self {
            name: name.to_owned(),
            bucket: bucket.name.clone(),
            endpoint,
            subdomain: format!("{name}-{}", bucket.name),
            region: Some("us-east-1".to_owned()),
            ..Self::default()
        }
    }

    /// The same with these rules.
    pub fn with_rules(mut self, include: &[&str], exclude: &[&str]) -> Self {
        self.include = include.iter().map(|&rule| rule.to_owned()).collect();
        self.exclude = exclude.iter().map(|&rule| rule.to_owned()).collect();
        self
    }

    /// The same with that access key, its secret in a file with these permission bits.
    pub fn with_access_key(mut self, key: &AccessKey, file: &Path, mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(file, &key.secret).expect("the folder is ours");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("our file");
        self.access_key = Some((key.id.clone(), file.to_owned()));
        self
    }

    /// The same with the credentials of that profile.
    pub fn with_profile(mut self, name: &str) -> Self {
        self.profile = Some(name.to_owned());
        self
    }

    fn to_toml(&self) -> String {
        let mut toml = String::from("\n[[source]]\n");
        let mut line = |name: &str, value: &str| writeln!(toml, "{name} = {value}").unwrap();
        line("name", &quoted(&self.name));
        line("bucket", &quoted(&self.bucket));
        line("endpoint_url", &quoted(&self.endpoint));
        line("path_style", "true");
        line("subdomain", &quoted(&self.subdomain));
        line("folder_markers", &self.folder_markers.to_string());
        if let Some(prefix) = &self.prefix {
            line("prefix", &quoted(prefix));
        }
        if let Some(region) = &self.region {
            line("region", &quoted(region));
        }
        let mut rules = vec![format!("case_insensitive = {}", self.case_insensitive)];
        for (key, paths) in [("include", &self.include), ("exclude", &self.exclude)] {
            if !paths.is_empty() {
                rules.push(format!("{key} = {}", quoted(paths)));
            }
        }
        let rules = format!("{{ {} }}", rules.join(", "));
        line("rules", &rules);
        if let Some((id, file)) = &self.access_key {
            let (id, file) = (quoted(id), quoted(file));
            let key = format!("{{ access_key_id = {id}, secret_access_key_file = {file} }}");
            line("credentials", &key);
        }
        if let Some(name) = &self.profile {
            line("credentials", &format!("{{ profile = {} }}", quoted(name)));
        }
        toml
    }
}

impl Config {
    /// These Sources; every other setting so that a test is quick and its requests are countable.
    pub fn of(sources: impl Into<Vec<Source>>) -> Self {
        Self {
            sources: sources.into(),
            ranges_in_flight: 1,
            attempts: 3,
            commit_documents: 10_000,
        }
    }

    /// The text of the file.
    pub fn to_toml(&self, data_dir: &Path) -> String {
        let mut toml = format!(
            "data_dir = {}\n\n[scan]\nranges_in_flight = {}\nattempts = {}\n\n[index]\n\
             commit_documents = {}\nwriter_memory_mb = 15\n",
            quoted(data_dir),
            self.ranges_in_flight,
            self.attempts,
            self.commit_documents
        );
        toml.extend(self.sources.iter().map(Source::to_toml));
        toml
    }
}

/// Strings and arrays of strings, as JSON writes them, are TOML too.
fn quoted(value: impl serde::Serialize) -> String {
    serde_json::to_string(&value).expect("text is JSON")
}
