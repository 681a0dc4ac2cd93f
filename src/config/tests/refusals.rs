//! Every bad configuration is refused with an error that names the place, the value and the remedy.
//!
//! In the tables each line is a case: what is written (`⏎` begins a new line), `=>`, and what the
//! error must say, piece by piece.

use super::*;

/// What must not come back in any error.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#[track_caller]
fn assert_refused(folder: &TempDir, fragments: &[&str]) {
    let error = load(folder).map(|_| "no error").unwrap_err();
    let text = format!(
        "{error} {}",
        std::error::Error::source(&error)
            .map(ToString::to_string)
            .unwrap_or_default()
    );
    for fragment in fragments {
        assert!(text.contains(fragment), "{fragment:?} is not in: {text}");
    }
    assert!(
        !format!("{text}{error:?}").contains(SECRET),
        "the secret is in: {error:?}"
    );
}

#[track_caller]
fn assert_all_refused(table: &str, written: impl Fn(&str) -> String) {
    let cases = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for case in cases {
        let (text, fragments) = case.split_once("=>").unwrap();
        let text = text.trim().replace(" ⏎ ", "\n").replace("⏎ ", "\n");
        let fragments: Vec<&str> = fragments.split(" | ").map(str::trim).collect();
        assert_refused(&folder(&written(&text), &[]), &fragments);
    }
}

#[test]
fn a_bad_value_of_a_source_is_named_with_what_to_write() {
    let table = r##"
# What TOML itself tells.
prefixx = "a" => indexer.toml:6: | unknown field `prefixx` | `prefix`
 ⏎ path_style = 1 => indexer.toml:7: | integer `1` | boolean | path_style
prefix = "a => indexer.toml:6:
bucket = "b" => indexer.toml:6: | duplicate key
endpoint_order = "fast" => indexer.toml:6: | `fast` | `external-first`
rules.includes = "all" => indexer.toml:6: | `includes` | `include`
rules.include = "/a" => indexer.toml:6: | "/a" | "all" or a list of rules
rules.include = ["/a", 1] => indexer.toml:6: | `1` | string
# Rules.
rules.include = [] => indexer.toml: source "photos": rules.include = [] | remove
rules.include = ["a", "b", "["] => source "photos": rules.include[2] = "[" | missing ']' | "[[]"
rules.exclude = [""] => rules.exclude[0] = "" | "all"
rules = { include = ["a"], exclude = "all" } => rules.exclude = "all" | remove `exclude`
# Where it is.
prefix = "/a" => source "photos": prefix = "/a" | write "a"
region = "" => region = "" | eu-central-1
region = "eu central" => region = "eu central" | eu-central-1
endpoint_url = "localhost:9000" => endpoint_url = "localhost:9000" | https://
endpoint_url = "ftp://a" => endpoint_url = "ftp://a" | https://
endpoint_url = "http://" => endpoint_url = "http://" | no host
endpoint_url = "http://a:x" => endpoint_url = "http://a:x" | port
endpoint_url = "http://a:0" => endpoint_url = "http://a:0" | port
endpoint_url = "http://a?b" => endpoint_url = "http://a?b" | no "?"
endpoint_url = "http://a b" => endpoint_url = "http://a b" | no spaces
expected_bucket_owner = "1234-5678-9012" => expected_bucket_owner = "1234-5678-9012" | twelve digits
base_url = "photos.example.com" => base_url = "photos.example.com" | https://{subdomain}
base_url = "https://{name}.com" => base_url = "https://{name}.com" | {subdomain}
endpoint_order = "external-first" ⏎ region = "eu-west-1" => endpoint_order = "external-first" | region = "us-east-1"
endpoint_order = "external-first" ⏎ endpoint_url = "http://a" => endpoint_order = "external-first" | remove `endpoint_url`
# Events.
events = { } => indexer.toml:6: | missing field `queue_url`
events = { queue_url = "my-queue" } => events.queue_url = "my-queue" | https://sqs.
events = { queue_url = "https://q", region = "x y" } => events.region = "x y" | eu-central-1
events = { queue_url = "https://q", credentials = {} } => events.credentials: it is empty | profile
# Credentials.
credentials = {} => source "photos": credentials: it is empty | default chain
credentials = { external_id = "x" } => external_id alone | role_arn
credentials = { profile = "x", role_arn = "y" } => profile and role_arn do not belong together
credentials = { profile = "" } => credentials.profile | empty
credentials = { role_arn = "reader" } => credentials.role_arn | arn:aws:iam::
credentials = { access_key_id = "AK" } => credentials.access_key_id | secret_access_key_file =
credentials = { secret_access_key_file = "/k" } => secret_access_key_file alone | access_key_id
credentials = { access_key_id = "AK", secret_access_key_file = "~/k" } => credentials.secret_access_key_file | whole path
credentials = { access_key_id = "AK", secret_access_key_file = "" } => credentials.secret_access_key_file | empty
credentials = { access_key_id = "AK", secret_access_key_file = "/k", secret_access_key_credential = "k" } => two places | remove
credentials = { access_key_id = "AK", secret_access_key_credential = "../k" } => secret_access_key_credential | LoadCredential
credentials = { profil = "x" } => indexer.toml:6: | `profil` | `profile`
"##;
    assert_all_refused(table, with_source);
}

#[test]
fn a_secret_in_the_text_is_refused_and_never_repeated() {
    let table = r#"
credentials = { access_key_id = "AK", secret_access_key = "SECRET" } => indexer.toml:6: | `secret_access_key` | secret_access_key_file =
[source.credentials] ⏎ secret_access_key = "SECRET" => indexer.toml:7: | `secret_access_key`
events.credentials.aws_secret_access_key = "SECRET" => indexer.toml:6: | `aws_secret_access_key`
secretAccessKey = "SECRET" => indexer.toml:6: | `secretAccessKey`
credentials = [{ password = "SECRET" }] => indexer.toml:6: | must be a table
credentials = "AK:SECRET" => indexer.toml:6: | must be a table
credentials = { profile = ["SECRET"] } => indexer.toml:6: | credentials.profile must be a text
credentials = { profile = { a = "SECRET" } } => indexer.toml:6: | credentials.profile must be a text
credentials = { secret_access_key = "SECRET => indexer.toml:6:
credentials = { secret_access_key = "SECRET"  => indexer.toml:
secret_access_key = SECRET => indexer.toml:6:
secret_access_key = "SECRET" x => indexer.toml:6:
credentials = { access_key_id = "AK", secret_access_key_file = "SECRET" } => credentials.secret_access_key_file | looks like the secret
credentials = { access_key_id = "AK", secret_access_key_credential = "SECRET" } => credentials.secret_access_key_credential | looks like the secret
credentials = { access_key_id = "AK", secret_access_key_credential = "SECRET=" } => credentials.secret_access_key_credential | LoadCredential
credentials = { access_key_id = "AK SECRET", secret_access_key_file = "/k" } => credentials.access_key_id | spaces
credentials = { profile = "SECRET", role_arn = "SECRET" } => do not belong together
credentials = { role_arn = "SECRET" } => credentials.role_arn
endpoint_url = "https://AK:SECRET@store" => endpoint_url | user or a password
base_url = "https://AK:SECRET@store" => base_url | user or a password
events = { queue_url = "https://AK:SECRET@store" } => events.queue_url | user or a password
credentials = { secret_access_key_file = "SECRET" } ⏎ rules.include = 1 => indexer.toml:7:
"#;
    assert_all_refused(table, |keys| with_source(&keys.replace("SECRET", SECRET)));
}

#[test]
fn bad_values_beside_the_sources_are_named_with_what_to_write() {
    let source = format!("[[source]]\n{ONE}");
    let table = r#"
=> indexer.toml:1: | missing field `data_dir`
data_dir = "" => data_dir = "" | write a path
data_dir = "~/x" => data_dir = "~/x" | whole path
data_dir = 1 => indexer.toml:1: | `1` | string | data_dir
data_dir = "d" ⏎ sources = 1 => indexer.toml:2: | `sources` | `source`
data_dir = "d" ⏎ [scan] ⏎ ranges = 1 => indexer.toml:3: | `ranges` | `ranges_in_flight`
data_dir = "d" ⏎ [scan] ⏎ ranges_in_flight = 0 => scan.ranges_in_flight = 0: write a number from 1 to 64
data_dir = "d" ⏎ [scan] ⏎ ranges_in_flight = -1 => scan.ranges_in_flight = -1: write a number from 1 to 64
data_dir = "d" ⏎ [scan] ⏎ sources_in_flight = 65 => scan.sources_in_flight = 65: write a number from 1 to 64
data_dir = "d" ⏎ [scan] ⏎ attempts = 21 => scan.attempts = 21: write a number from 1 to 20
data_dir = "d" ⏎ [index] ⏎ commit_documents = 0 => index.commit_documents = 0: write a number from 1 to 1000000
data_dir = "d" ⏎ [index] ⏎ commit_interval_seconds = 601 => index.commit_interval_seconds = 601: write a number from 1 to 600
data_dir = "d" ⏎ [index] ⏎ writer_memory_mb = 8589934592 => index.writer_memory_mb = 8589934592: write a number from 15 to 2000
data_dir = "d" ⏎ [search] ⏎ refresh_ms = 9 => search.refresh_ms = 9: write a number from 10 to 60000
data_dir = "d" ⏎ [search] ⏎ timeout_ms = 60001 => search.timeout_ms = 60001: write a number from 10 to 60000
data_dir = "d" ⏎ [search] ⏎ concurrent_searches = 0 => search.concurrent_searches = 0: write a number from 1 to 256
data_dir = "d" ⏎ [search] ⏎ timeout = 1 => indexer.toml:3: | `timeout` | `timeout_ms`
data_dir = "d" ⏎ [index] ⏎ writer_memory_mb = 0.5 => indexer.toml:3: | 0.5
"#;
    assert_all_refused(table, |text| format!("{text}\n{source}"));
}

#[test]
fn a_configuration_without_a_whole_source_is_refused() {
    let table = r#"
data_dir = "d" => indexer.toml: source: there is none | [[source]] | sources.d
data_dir = "d" ⏎ source = [] => indexer.toml: source: there is none
data_dir = "d" ⏎ [[source]] ⏎ name = "a" => indexer.toml:2: | missing field `bucket`
"#;
    assert_all_refused(table, str::to_owned);
}

#[test]
fn bad_names_buckets_and_subdomains_are_named_with_what_to_write() {
    let long = "a".repeat(64);
    let cases: &[(&str, &str, &str)] = &[
        ("name", "", "a-z"),
        ("name", "a b", "a-z"),
        ("name", "-a", "beginning with a letter or digit"),
        ("name", "фото", "a-z"),
        ("bucket", "", "3 to 63"),
        ("bucket", "ab", "3 to 63"),
        ("bucket", &long, "3 to 63"),
        ("bucket", "My-Bucket", "lower-case"),
        ("bucket", "my_bucket", "lower-case"),
        ("bucket", "my..bucket", "single"),
        ("bucket", "-bucket", "beginning and ending"),
        ("bucket", "bucket.", "beginning and ending"),
        ("bucket", "s3://bucket", "name alone"),
        ("bucket", "bucket/photos", "`prefix`"),
        ("bucket", "arn:aws:s3:::bucket", "not an ARN"),
        ("bucket", "bucket--use1-az4--x-s3", "in no order"),
        ("subdomain", "", "DNS label"),
        ("subdomain", "Photos", "lower-case"),
        ("subdomain", "photos.imgix.net", "one DNS label"),
        ("subdomain", "-a", "beginning and ending"),
        ("subdomain", "a-", "beginning and ending"),
        ("subdomain", &long, "63"),
    ];
    for (key, value, remedy) in cases {
        let mut keys = vec![
            ("name", "photos"),
            ("bucket", "bucket"),
            ("subdomain", "photos"),
        ];
        keys.retain(|(other, _)| other != key);
        keys.push((key, value));
        let lines = keys
            .iter()
            .map(|(key, value)| format!("{key} = {value:?}\n"));
        let text = format!(
            "data_dir = \"d\"\n[[source]]\n{}",
            lines.collect::<String>()
        );
        let found = format!("{key} = {value:?}: ");
        assert_refused(
            &folder(&text, &[]),
            &["indexer.toml: source ", &found, remedy],
        );
    }
}

#[test]
fn errors_of_a_file_in_the_folder_name_that_file() {
    let main = with_source("");
    let other = "name = \"other\"\nbucket = \"bucket\"\nsubdomain = \"other\"\n";
    let same_name = other.replace("name = \"other\"", "name = \"photos\"");
    let same_subdomain = other.replace("subdomain = \"other\"", "subdomain = \"photos\"");
    let secret = format!("{other}secret_access_key = \"{SECRET}\"\n");
    let cases: &[(&str, &[&str])] = &[
        (
            &same_name,
            &[
                "x.toml: source \"photos\": name = \"photos\": ",
                "indexer.toml has this name already",
            ],
        ),
        (
            &same_subdomain,
            &[
                "x.toml: source \"other\": subdomain = \"photos\": ",
                "\"photos\" in ",
                "already",
            ],
        ),
        (
            "[[source]]\nname = \"a\"",
            &["x.toml:1: ", "unknown field `source`"],
        ),
        (
            "name = \"a\"\nbucket = \"b\"",
            &["x.toml:1: ", "missing field `subdomain`"],
        ),
        (&secret, &["x.toml:4: ", "secret_access_key_file"]),
        ("", &["x.toml:1: ", "missing field `name`"]),
    ];
    for (text, fragments) in cases {
        assert_refused(&folder(&main, &[("x.toml", text)]), fragments);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&folder, &["indexer.toml", "cannot read", "No such file"]);
    std::fs::write(folder.path().join("indexer.toml"), with_source("")).unwrap();
    std::fs::write(folder.path().join(SOURCES_FOLDER), "").unwrap();
    assert_refused(&folder, &["sources.d", "cannot read", "directory"]);
}
