//! Tests how configurations resolve.

use tempfile::TempDir;

use super::*;
use crate::core::source::{Credentials, EndpointOrder, Events, RuleDecision, SecretPlace};

mod reading_again;
mod refusals;
mod reports;

/// A folder with a configuration file and files in `sources.d`.
fn folder(main: &str, sources: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("indexer.toml"), main).unwrap();
    if !sources.is_empty() {
        std::fs::create_dir(folder.path().join(SOURCES_FOLDER)).unwrap();
    }
    for (name, text) in sources {
        std::fs::write(folder.path().join(SOURCES_FOLDER).join(name), text).unwrap();
    }
    folder
}

fn load(folder: &TempDir) -> Result<Config, ConfigError> {
    Config::load(&folder.path().join("indexer.toml"))
}

const ONE: &str = "name = \"photos\"\nbucket = \"my-bucket\"\nsubdomain = \"photos\"\n";

/// A configuration with one Source. `keys` are added to the Source, starting at line 6.
fn with_source(keys: &str) -> String {
    format!("data_dir = \"/d\"\n[[source]]\n{ONE}{keys}\n")
}

#[test]
fn missing_values_have_defaults() {
    let config = load(&folder(&with_source(""), &[])).unwrap();
    assert_eq!(config.data_dir, Path::new("/d"));
    let scan = ScanConfig {
        ranges_in_flight: 64,
        sources_in_flight: 4,
        attempts: 8,
        reconcile_every: Duration::from_secs(24 * 3600),
    };
    assert_eq!(config.scan, scan);
    let commit_interval = Duration::from_secs(10);
    let index = IndexConfig {
        commit_documents: 20_000,
        commit_interval,
        event_commit_interval: Duration::from_millis(500),
        writer_memory_bytes: 64_000_000,
    };
    assert_eq!(config.index, index);
    let search = SearchConfig {
        refresh: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        concurrent_searches: 8,
    };
    assert_eq!(config.search, search);
    let expected = Source::new("photos", "my-bucket", "photos");
    assert_eq!(format!("{:?}", config.sources[0]), format!("{expected:?}"));
    assert_eq!(config.sources[0].base_url, "https://photos.imgix.net");
}

#[test]
fn resolves_all_values() {
    let text = r#"
        data_dir = "data"
        scan = { ranges_in_flight = 64, sources_in_flight = 1, attempts = 20 }
        index = { commit_documents = 1, commit_interval_seconds = 600, writer_memory_mb = 16 }
        search = { refresh_ms = 10, timeout_ms = 60_000, concurrent_searches = 256 }

        [[source]]
        name = "Photos_2.0"
        bucket = "my.bucket-1"
        prefix = "a/b c"
        region = "us-east-1"
        endpoint_order = "external-first"
        path_style = true
        subdomain = "my-photos"
        base_url = "https://{subdomain}.example.com/x/"
        folder_markers = true
        expected_bucket_owner = "012345678901"
        request_payer = true
        thumbnail_url = "https://{subdomain}.example.com/{path}?w=400"
        annotation = "For the press\nteam"
        reconcile_every_minutes = 30
        credentials = { role_arn = "arn:aws:iam::123456789012:role/r", external_id = "x1" }

        [source.rules]
        include = ["/images", "**/*.JPG"]
        exclude = ["**/tmp/**"]
        case_insensitive = true

        [source.events]
        queue_url = "https://sqs.eu-west-1.amazonaws.com/1/q"
        region = "eu-west-1"
        credentials = { profile = "queue" }
    "#;
    let folder = folder(text, &[]);
    let config = load(&folder).unwrap();
    assert_eq!(config.data_dir, folder.path().join("data"));
    assert_eq!(
        (config.scan.attempts, config.index.writer_memory_bytes),
        (20, 16_000_000)
    );
    let search = SearchConfig {
        refresh: Duration::from_millis(10),
        timeout: Duration::from_secs(60),
        concurrent_searches: 256,
    };
    assert_eq!(config.search, search);
    let source = &config.sources[0];
    assert_eq!(source.prefix, "a/b c/");
    assert_eq!(
        source.asset_url("a/b c/d e"),
        "https://my-photos.example.com/x/d%20e"
    );
    assert_eq!(
        source.thumbnail_url("a b/c d/é&e").as_deref(),
        Some("https://my-photos.example.com/a%20b/c%20d/%C3%A9%26e?w=400")
    );
    assert_eq!(source.annotation.as_deref(), Some("For the press\nteam"));
    assert_eq!(config.scan.interval_of(source), Duration::from_secs(1_800));
    assert_eq!(source.endpoint_order, EndpointOrder::ExternalFirst);
    assert!(source.path_style && source.folder_markers && source.request_payer);
    assert_eq!(
        source.decide("a/b c/x.jpg", 1),
        RuleDecision::Included("**/*.JPG")
    );
    assert_eq!(
        source.decide("a/b c/Images/TMP/x", 1),
        RuleDecision::Excluded("**/tmp/**")
    );
    let role = Credentials::AssumeRole {
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        external_id: Some("x1".into()),
    };
    assert_eq!(source.credentials, role);
    let events = Events {
        queue_url: "https://sqs.eu-west-1.amazonaws.com/1/q".into(),
        region: Some("eu-west-1".into()),
        credentials: Credentials::Profile("queue".into()),
    };
    assert_eq!(source.events, Some(events));
}

#[test]
fn source_at_imgix_has_thumbnails_unless_it_wants_none() {
    let imgix = "base_url = \"https://images.imgix.net\"";
    let none = format!("{imgix}\nthumbnail_url = \"\"");
    let want = "https://images.imgix.net/a%20b.psd?w=320&h=240&fit=max&auto=format";
    for (keys, want) in [(imgix, Some(want)), (&none, None), ("", None)] {
        let config = load(&folder(&with_source(keys), &[])).unwrap();
        let thumbnail = config.sources[0].thumbnail_url("a b.psd");
        assert_eq!(thumbnail.as_deref(), want, "{keys}");
    }
}

#[test]
fn resolves_the_path_of_a_secret() {
    let key = |access_key_id: &str, secret| Credentials::AccessKey {
        access_key_id: access_key_id.into(),
        secret,
    };
    let folder = |keys: &str| folder(&with_source(keys), &[]);
    let in_file = |file: &str| {
        folder(&format!(
            "credentials = {{ access_key_id = \"AK\", secret_access_key_file = \"{file}\" }}"
        ))
    };
    let absolute = load(&in_file("/run/secret")).unwrap();
    let secret = SecretPlace::File("/run/secret".into());
    assert_eq!(absolute.sources[0].credentials, key("AK", secret));
    let relative_folder = in_file("secrets/photos");
    let relative = load(&relative_folder).unwrap();
    let secret = SecretPlace::File(relative_folder.path().join("secrets/photos"));
    assert_eq!(relative.sources[0].credentials, key("AK", secret));
    let systemd =
        "credentials = { access_key_id = \"AK\", secret_access_key_credential = \"photos.key\" }";
    let secret = SecretPlace::SystemdCredential("photos.key".into());
    assert_eq!(
        load(&folder(systemd)).unwrap().sources[0].credentials,
        key("AK", secret)
    );
}

#[test]
fn queue_inherits_credentials_only_within_aws_or_outside_of_it() {
    let (aws, local) = (
        "https://sqs.eu-west-1.amazonaws.com/1/q",
        "http://127.0.0.1:1/q",
    );
    let (own, other) = (
        Credentials::Profile("own".into()),
        Credentials::Profile("queue".into()),
    );
    let store = "endpoint_url = \"http://127.0.0.1:1\"\n";
    let vpc = "endpoint_url = \"https://vpce-1.s3.eu-west-1.vpce.amazonaws.com\"\n";
    for (endpoint, queue, credentials, want) in [
        ("", aws, "", &own),
        (vpc, aws, "", &own),
        (store, local, "", &own),
        (store, aws, "", &Credentials::DefaultChain),
        ("", local, "", &Credentials::DefaultChain),
        ("", aws, ", credentials = { profile = \"queue\" }", &other),
    ] {
        let keys = format!(
            "{endpoint}credentials = {{ profile = \"own\" }}\nevents = {{ queue_url = \"{queue}\"{credentials} }}"
        );
        let config = load(&folder(&with_source(&keys), &[])).unwrap();
        let events = config.sources[0].events.as_ref().unwrap();
        assert_eq!(
            events.credentials, *want,
            "{endpoint} {queue} {credentials}"
        );
    }
}

#[test]
fn reads_sources_from_their_own_files() {
    let source =
        |name: &str| format!("name = \"{name}\"\nbucket = \"bucket\"\nsubdomain = \"{name}\"\n");
    let secret = "credentials = { access_key_id = \"AK\", secret_access_key_file = \"k\" }\n";
    let files = [
        ("20.toml", source("twenty") + secret),
        ("10.toml", source("ten") + "[rules]\nexclude = \"all\"\n"),
        (".hidden.toml", "x".into()),
        ("30.toml.bak", "x".into()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let folder = folder(&with_source(""), &files);
    let config = load(&folder).unwrap();
    let names: Vec<&str> = config.sources.iter().map(|source| &*source.name).collect();
    assert_eq!(names, ["photos", "ten", "twenty"]);
    assert!(config.sources[1].listed_ranges().is_empty());
    let Credentials::AccessKey { secret, .. } = &config.sources[2].credentials else {
        panic!("not an access key: {:?}", config.sources[2].credentials);
    };
    assert_eq!(*secret, SecretPlace::File(folder.path().join("k")));
}
