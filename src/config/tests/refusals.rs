//! Tests that a bad configuration is refused with an error that names the place, the value and the remedy.
//!
//! Each line of a table is a case: the text (`⏎` starts a new line), `=>`, and the fragments that the error
//! must contain.

use super::*;

/// A secret that no error may contain.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#[track_caller]
fn assert_refused(folder: &TempDir, fragments: &[&str]) {
    let error = load(folder).map(|_| "no error").unwrap_err();
    let text = error.to_string();
    for fragment in fragments {
        assert!(text.contains(fragment), "{fragment:?} is not in: {text}");
    }
    assert!(
        !format!("{text}{error:?}").contains(SECRET),
        "the secret is in: {error:?}"
    );
}

#[track_caller]
fn assert_all_refused(table: &str, configuration: impl Fn(&str) -> String) {
    let cases = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for case in cases {
        let (text, fragments) = case.split_once("=>").unwrap();
        let text = text.trim().replace(" ⏎ ", "\n").replace("⏎ ", "\n");
        let fragments: Vec<&str> = fragments.split(" | ").map(str::trim).collect();
        assert_refused(&folder(&configuration(&text), &[]), &fragments);
    }
}

#[test]
fn names_bad_values_of_a_source_and_the_remedy() {
    let table = r##"
# Errors of the TOML parser.
prefixx = "a" => indexer.toml:6: | unknown field `prefixx` | `prefix`
 ⏎ path_style = 1 => indexer.toml:7: | integer `1` | boolean | path_style
prefix = "a => indexer.toml:6: prefix: the text has no quotation mark at its end
prefix = => indexer.toml:6: prefix: the value is missing, or it is a text without quotes
prefix = a => indexer.toml:6: prefix: the value is missing, or it is a text without quotes
prefix = "C:\photos" => indexer.toml:6: prefix: a backslash in double quotes
prefix = "a" "b" => indexer.toml:6: | there is more after the value
prefix == "a" => indexer.toml:6: | a second `=`
prefix: "a" => indexer.toml:6: a key has no value; write key = value
expected_bucket_owner = 012345678901 => indexer.toml:6: expected_bucket_owner: a number cannot start with 0
rules.include = ["a" "b"] => indexer.toml:6: rules.include: a comma is missing
events = { queue_url = "arn:aws:sqs:eu-west-1:123456789012:q" } => events.queue_url | the ARN of a queue | https://sqs.eu-west-1.amazonaws.com/123456789012/q
events = { queue_url = "q" => indexer.toml:6: | no } at its end
# Lists instead of tables.
rules = ["all"] => indexer.toml:6: `rules` must be a table, not a list
rules = [] => indexer.toml:6: `rules` must be a table, not a list
rules = [["/a"]] => indexer.toml:6: `rules` must be a table, not a list
events = ["https://sqs.eu-west-1.amazonaws.com/1/q", "eu-west-1"] => indexer.toml:6: `events` must be a table
bucket = "b" => indexer.toml:6: | duplicate key `bucket`; keep one
prefix = 1979-05-27 => indexer.toml:6: | prefix: a date or time is not allowed | quotes
rules.include = [07:32:00] => indexer.toml:6: | include: a date or time is not allowed
endpoint_order = "fast" => indexer.toml:6: | `fast` | `external-first`
rules.includes = "all" => indexer.toml:6: | `includes` | `include`
rules.include = "/a" => indexer.toml:6: | "/a" | "all" or a list of rules
rules.include = ["/a", 1] => indexer.toml:6: | `1` | string
# Rules.
rules.include = [] => indexer.toml:6: source "photos": rules.include = [] | remove
rules = { include = ["[", "a"], exclude = ["{", "!b"] } => rules.include[0] = | rules.exclude[0] = | exclude[1] =
rules.include = ["a", "b", "["] => source "photos": rules.include[2] = "[" | missing ']' | "[[]"
rules.exclude = [""] => rules.exclude[0] = "" | "all"
rules = { include = ["a"], exclude = "all" } => rules.exclude = "all" | remove `exclude`
# Location.
prefix = "/a" => source "photos": prefix = "/a" | set "a"
region = "" => region = "" | eu-central-1
region = "eu central" => region = "eu central" | eu-central-1
endpoint_url = "localhost:9000" => endpoint_url = "localhost:9000" | https://
endpoint_url = "ftp://a" => endpoint_url = "ftp://a" | https://
endpoint_url = "http://" => endpoint_url = "http://" | no host
endpoint_url = "http://a:x" => endpoint_url = "http://a:x" | port
endpoint_url = "http://a:0" => endpoint_url = "http://a:0" | port
endpoint_url = "http://a?b" => endpoint_url = "http://a?b" | "?"
endpoint_url = "http://a b" => endpoint_url = "http://a b" | contain spaces
expected_bucket_owner = "1234-5678-9012" => expected_bucket_owner = "1234-5678-9012" | 12 digits
base_url = "photos.example.com" => base_url = "photos.example.com" | https://{subdomain}
thumbnail_url = "https://t.example.com/" => thumbnail_url = "https://t.example.com/" | {path}
thumbnail_url = "https://t.example.com{path}?{size}" => thumbnail_url = "https://t.example.com{path}?{size}" | "{size}" is no placeholder
annotation = "a\u0007" => annotation | plain text
reconcile_every_minutes = 0 => reconcile_every_minutes = 0 | 1 to 43200
base_url = "https://{name}.com" => base_url = "https://{name}.com" | {subdomain}
endpoint_order = "external-first" ⏎ region = "eu-west-1" => endpoint_order = "external-first" | region = "us-east-1"
endpoint_order = "external-first" ⏎ endpoint_url = "http://a" => endpoint_order = "external-first" | remove `endpoint_url`
# Events.
events = { } => indexer.toml:6: source "photos": events.queue_url: missing; set the URL
events = { queue_url = "my-queue" } => events.queue_url = "my-queue" | https://sqs.
events = { queue_url = "https://q", region = "x y" } => events.region = "x y" | eu-central-1
events = { queue_url = "https://q", credentials = {} } => events.credentials: must not be empty | profile
# Credentials.
credentials = {} => source "photos": credentials: must not be empty | default chain
credentials = { external_id = "x" } => external_id needs another key | role_arn
credentials = { profile = "x", role_arn = "y" } => profile and role_arn cannot be combined
credentials = { profile = "" } => credentials.profile | empty
credentials = { role_arn = "reader" } => credentials.role_arn | arn:aws:iam::
credentials = { access_key_id = "AK" } => credentials.access_key_id | secret_access_key_file =
credentials = { secret_access_key_file = "/k" } => secret_access_key_file needs another key | access_key_id
credentials = { access_key_id = "AK", secret_access_key_file = "~/k" } => credentials.secret_access_key_file | full path
credentials = { access_key_id = "AK", secret_access_key_file = "" } => credentials.secret_access_key_file | empty
credentials = { access_key_id = "AK", secret_access_key_file = "/k", secret_access_key_credential = "k" } => cannot be set together | remove
credentials = { access_key_id = "AK", secret_access_key_credential = "../k" } => secret_access_key_credential | LoadCredential
credentials = { profil = "x" } => indexer.toml:6: | `profil` | `profile`
"##;
    assert_all_refused(table, with_source);
}

#[test]
fn refuses_secrets_and_never_prints_them() {
    let table = r#"
credentials = { access_key_id = "AK", secret_access_key = "SECRET" } => indexer.toml:6: | `secret_access_key` | secret_access_key_file =
[source.credentials] ⏎ secret_access_key = "SECRET" => indexer.toml:7: | `secret_access_key`
events.credentials.aws_secret_access_key = "SECRET" => indexer.toml:6: | `aws_secret_access_key`
secretAccessKey = "SECRET" => indexer.toml:6: | `secretAccessKey`
credentials = [{ password = "SECRET" }] => indexer.toml:6: | must be a table
credentials = "AK:SECRET" => indexer.toml:6: | must be a table
credentials = { profile = ["SECRET"] } => indexer.toml:6: | credentials.profile must be a string
credentials = { profile = { a = "SECRET" } } => indexer.toml:6: | credentials.profile must be a string
credentials = { secret_access_key = "SECRET => indexer.toml:6:
credentials = { secret_access_key = "SECRET"  => indexer.toml:
secret_access_key = SECRET => indexer.toml:6:
secret_access_key = "SECRET" x => indexer.toml:6:
credentials = { access_key_id = "AK", secret_access_key_file = "SECRET" } => credentials.secret_access_key_file | looks like the secret
credentials = { access_key_id = "AK", secret_access_key_credential = "SECRET" } => credentials.secret_access_key_credential | looks like the secret
credentials = { access_key_id = "AK", secret_access_key_credential = "SECRET=" } => credentials.secret_access_key_credential | LoadCredential
credentials = { access_key_id = "SECRET", secret_access_key_file = "/k" } => credentials.access_key_id | looks like the secret
credentials = { access_key_id = "AK SECRET", secret_access_key_file = "/k" } => credentials.access_key_id | spaces
credentials = { profile = "SECRET", role_arn = "SECRET" } => cannot be combined
credentials = { role_arn = "SECRET" } => credentials.role_arn
endpoint_url = "https://AK:SECRET@store" => endpoint_url | user or a password
base_url = "https://AK:SECRET@store" => base_url | user or a password
events = { queue_url = "https://AK:SECRET@store" } => events.queue_url | user or a password
credentials = { secret_access_key_file = "SECRET" } ⏎ rules.include = 1 => indexer.toml:7:
"#;
    assert_all_refused(table, |keys| with_source(&keys.replace("SECRET", SECRET)));
}

#[test]
fn names_bad_values_outside_of_sources_and_the_remedy() {
    let source = format!("[[source]]\n{ONE}");
    let table = r#"
=> indexer.toml:1: data_dir: missing; set the folder
data_dir = "" => data_dir = "" | set a path
data_dir = "~/x" => data_dir = "~/x" | full path
data_dir = 1 => indexer.toml:1: | `1` | string | data_dir
data_dir = "d" ⏎ sources = 1 => indexer.toml:2: | `sources` | `source`
data_dir = "d" ⏎ [scan] ⏎ ranges = 1 => indexer.toml:3: | `ranges` | `ranges_in_flight`
data_dir = "d" ⏎ [scan] ⏎ ranges_in_flight = 0 => scan.ranges_in_flight = 0: must be a number from 1 to 1024
data_dir = "d" ⏎ [scan] ⏎ ranges_in_flight = -1 => scan.ranges_in_flight = -1: must be a number from 1 to 1024
data_dir = "d" ⏎ [scan] ⏎ sources_in_flight = 65 => scan.sources_in_flight = 65: must be a number from 1 to 64
data_dir = "d" ⏎ [scan] ⏎ attempts = 21 => scan.attempts = 21: must be a number from 1 to 20
data_dir = "d" ⏎ [index] ⏎ commit_documents = 0 => index.commit_documents = 0: must be a number from 1 to 1000000
data_dir = "d" ⏎ [index] ⏎ commit_interval_seconds = 601 => index.commit_interval_seconds = 601: must be a number from 1 to 600
data_dir = "d" ⏎ [index] ⏎ writer_memory_mb = 8589934592 => index.writer_memory_mb = 8589934592: must be a number from 15 to 2000
data_dir = "d" ⏎ [search] ⏎ refresh_ms = 9 => search.refresh_ms = 9: must be a number from 10 to 60000
data_dir = "d" ⏎ [search] ⏎ timeout_ms = 60001 => search.timeout_ms = 60001: must be a number from 10 to 60000
data_dir = "d" ⏎ [search] ⏎ concurrent_searches = 0 => search.concurrent_searches = 0: must be a number from 1 to 256
data_dir = "d" ⏎ [search] ⏎ timeout = 1 => indexer.toml:3: | `timeout` | `timeout_ms`
data_dir = "d" ⏎ [index] ⏎ writer_memory_mb = 0.5 => indexer.toml:3: | 0.5 | a whole number
data_dir = "d" ⏎ [index] ⏎ writer_memory_mb = "64" => indexer.toml:3: | "64" | a whole number
data_dir = "d" ⏎ [index] ⏎ writer_memory_mb = 99999999999999999999 => indexer.toml:3:
"#;
    assert_all_refused(table, |text| format!("{text}\n{source}"));
}

#[test]
fn refuses_a_configuration_without_a_complete_source() {
    let table = r#"
data_dir = "d" ⏎ [[source]] ⏎ name = "a" => indexer.toml:2: source "a": bucket: missing | indexer.toml:2: source "a": subdomain: missing
"#;
    assert_all_refused(table, str::to_owned);
}

#[test]
fn refuses_events_of_an_access_point() {
    let text = |events: &str| {
        format!(
            "data_dir = \"d\"\n[[source]]\nname = \"a\"\nbucket = \"point-1a2b-s3alias\"\nsubdomain = \"a\"\n{events}"
        )
    };
    let queue = "events.queue_url = \"https://sqs.eu-west-1.amazonaws.com/123456789012/q\"\n";
    assert_refused(
        &folder(&text(queue), &[]),
        &[
            "bucket = \"point-1a2b-s3alias\"",
            "set the name of the bucket",
        ],
    );
    load(&folder(&text(""), &[])).unwrap();
    // Another store may have a bucket of this name.
    let store = format!("endpoint_url = \"http://127.0.0.1:1\"\n{queue}");
    load(&folder(&text(&store), &[])).unwrap();
}

#[test]
fn names_bad_names_buckets_and_subdomains_and_the_remedy() {
    let long = "a".repeat(64);
    let cases: &[(&str, &str, &str)] = &[
        ("name", "", "a-z"),
        ("name", "a b", "a-z"),
        ("name", "-a", "start with a letter or digit"),
        ("name", "фото", "a-z"),
        ("bucket", "", "3 to 63"),
        ("bucket", "ab", "3 to 63"),
        ("bucket", &long, "3 to 63"),
        ("bucket", "My-Bucket", "lower-case"),
        ("bucket", "my_bucket", "lower-case"),
        ("bucket", "my..bucket", "single"),
        ("bucket", "-bucket", "start and end"),
        ("bucket", "bucket.", "start and end"),
        ("bucket", "s3://bucket", "only the name"),
        ("bucket", "bucket/photos", "`prefix`"),
        (
            "bucket",
            "https://bucket.s3.amazonaws.com/a",
            "`endpoint_url`",
        ),
        ("bucket", "arn:aws:s3:::bucket", "last part of the ARN"),
        (
            "bucket",
            "arn:aws:s3:::bucket/photos",
            "last part of the ARN",
        ),
        (
            "bucket",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/name",
            "not the ARN of an access point",
        ),
        (
            "bucket",
            "arn:aws:s3::123456789012:accesspoint/name.mrap",
            "-s3alias",
        ),
        ("bucket", "name--use1-az4--xa-s3", "in no order"),
        ("bucket", "bucket--use1-az4--x-s3", "in no order"),
        ("subdomain", "", "DNS label"),
        ("subdomain", "Photos", "lower-case"),
        ("subdomain", "photos.imgix.net", "one DNS label"),
        ("subdomain", "-a", "starting and ending"),
        ("subdomain", "a-", "starting and ending"),
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
        let start = format!("{key} = {value:?}: ");
        assert_refused(
            &folder(&text, &[]),
            &["indexer.toml:", ": source ", &start, remedy],
        );
    }
}

#[test]
fn errors_in_sources_d_name_the_file() {
    let main = with_source("");
    let other = "name = \"other\"\nbucket = \"bucket\"\nsubdomain = \"other\"\n";
    let same_name = other.replace("name = \"other\"", "name = \"photos\"");
    let same_subdomain = other.replace("subdomain = \"other\"", "subdomain = \"photos\"");
    let secret = format!("{other}secret_access_key = \"{SECRET}\"\n");
    let cases: &[(&str, &[&str])] = &[
        (
            &same_name,
            &[
                "x.toml:1: source \"photos\": name = \"photos\": ",
                "indexer.toml already has this name",
            ],
        ),
        (
            &same_subdomain,
            &[
                "x.toml:3: source \"other\": subdomain = \"photos\": ",
                "\"photos\" in ",
                "already",
            ],
        ),
        (
            "[[source]]\nname = \"a\"",
            &["x.toml:1: ", "remove the header [[source]]"],
        ),
        (
            "name = \"a\"\nbucket = \"b\"",
            &["x.toml:1: ", "subdomain: missing"],
        ),
        (&secret, &["x.toml:4: ", "secret_access_key_file"]),
        ("", &["x.toml:1: ", "name: missing"]),
    ];
    for (text, fragments) in cases {
        assert_refused(&folder(&main, &[("x.toml", text)]), fragments);
    }
}

#[test]
fn names_an_unreadable_file() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&folder, &["indexer.toml", "failed to read", "No such file"]);
    std::fs::write(folder.path().join("indexer.toml"), with_source("")).unwrap();
    std::fs::write(folder.path().join(SOURCES_FOLDER), "").unwrap();
    assert_refused(&folder, &["sources.d", "failed to read", "directory"]);
}

#[test]
fn a_wrong_subdomain_is_one_mistake() {
    let source = ONE.replace("subdomain = \"photos\"", "subdomain = \"Press Photos!\"");
    let error = load(&folder("data_dir = \"d\"\n", &[("x.toml", &source)])).unwrap_err();
    assert_eq!(error.mistakes().len(), 1, "{error}");
}

#[test]
fn refuses_one_queue_for_buckets_of_one_name_however_it_is_written() {
    let source = |name: &str, store: &str, queue: &str| {
        format!(
            "[[source]]\nname = \"{name}\"\nbucket = \"my-bucket\"\nsubdomain = \"{name}\"\nendpoint_url = \"{store}\"\n\
             events = {{ queue_url = \"{queue}\" }}\n"
        )
    };
    for other in ["http://127.0.0.1:9324/q", "http://127.1:9324//q/"] {
        let one = source("one", "http://127.0.0.1:1", "http://127.0.0.1:9324/q");
        let two = source("two", "http://127.0.0.1:2", other);
        let text = format!("data_dir = \"d\"\n{one}{two}");
        let fragments = ["source \"two\": events.queue_url", "also receives events"];
        assert_refused(&folder(&text, &[]), &fragments);
    }
}
