//! Tests access keys with a server that checks signatures and permissions, and that no secret is printed.

use crate::cli::{Cli, Output};
use crate::config::{Config, Source};
use crate::s3::Bucket;
use crate::server::{self, AccessKey};

/// The binary with one Source, whose secret is in a file with this mode.
fn cli_with(bucket: &Bucket, key: &AccessKey, mode: u32) -> Cli {
    let endpoint = server::shared_with_rights().endpoint();
    let source = Source::of("guarded", bucket, endpoint);
    let mut cli = Cli::new(&Config::of([]));
    let file = cli.folder().join("secret");
    cli.configure(&Config::of([source.with_access_key(key, &file, mode)]));
    // The most verbose logs.
    cli.set_environment("ASSET_INDEXER_LOG", "trace");
    cli
}

/// A bucket with one object on the server that checks permissions.
fn bucket() -> Bucket {
    let bucket = Bucket::create(server::shared_with_rights());
    bucket.put("a.jpg", "content");
    bucket
}

#[track_caller]
fn assert_secret_not_printed(output: &Output, key: &AccessKey) {
    for stream in [&output.stdout, &output.stderr] {
        assert!(!stream.contains(&key.secret), "the secret is printed");
    }
}

#[test]
fn works_with_only_the_permission_to_list() {
    let bucket = bucket();
    let server = server::shared_with_rights();
    let key = server.create_user("lister", &["s3:ListBucket"]);
    let cli = cli_with(&bucket, &key, 0o600);
    for command in ["check", "reindex"] {
        let output = cli.succeed(&[command]);
        assert_secret_not_printed(&output, &key);
    }
    cli.assert_mirrors("guarded", &bucket);
}

#[test]
fn names_the_missing_permission() {
    let key = server::shared_with_rights().create_user("nobody", &[]);
    let cli = cli_with(&bucket(), &key, 0o600);
    let output = cli.fail(&["reindex"], &["denied", "ListBucket", "guarded"]);
    assert_secret_not_printed(&output, &key);
}

#[test]
fn distinguishes_a_wrong_secret_from_a_missing_permission() {
    let server = server::shared_with_rights();
    let valid = server.create_user("mistaken", &["s3:ListBucket"]);
    let wrong = AccessKey {
        secret: "wrongwrongwrongwrongwrongwrongwrongwrong".to_owned(),
        ..valid
    };
    let cli = cli_with(&bucket(), &wrong, 0o600);
    let output = cli.fail(&["reindex"], &["secret", "guarded"]);
    assert_secret_not_printed(&output, &wrong);
    assert!(
        !output.stderr.contains("Grant these credentials"),
        "{output:#?}"
    );
}

#[test]
fn reports_an_unknown_access_key() {
    let unknown = AccessKey {
        id: "AKIAUNKNOWNUNKNOWN12".to_owned(),
        secret: "unknownunknownunknownunknownunknown12345".to_owned(),
    };
    let cli = cli_with(&bucket(), &unknown, 0o600);
    let words = ["access key", "guarded"];
    let output = cli.fail(&["reindex"], &words);
    assert_secret_not_printed(&output, &unknown);
}

#[test]
fn refuses_a_secret_that_others_can_read() {
    let server = server::shared_with_rights();
    let key = server.create_user("careless", &["s3:ListBucket"]);
    for mode in [0o644, 0o660, 0o604, 0o666] {
        let cli = cli_with(&bucket(), &key, mode);
        let file = cli.folder().join("secret");
        let file = file.to_str().expect("UTF-8");
        for command in ["check", "reindex"] {
            let output = cli.run(&[command]);
            assert!(!output.status.success(), "mode {mode:o} was accepted");
            let text = format!("{}{}", output.stdout, output.stderr);
            assert!(text.contains(file) && text.contains("chmod"), "{text}");
            assert_secret_not_printed(&output, &key);
        }
    }
}

#[test]
fn refuses_a_secret_in_the_configuration_without_printing_it() {
    let cli = Cli::new(&Config::of([]));
    let secret = "inlineinlineinlineinlineinlineinline1234";
    let toml = format!(
        "data_dir = \"data\"\n[[source]]\nname = \"a\"\nbucket = \"bucket\"\n\
         subdomain = \"a\"\ncredentials = {{ access_key_id = \"AKIA\", \
         secret_access_key = \"{secret}\" }}\n"
    );
    cli.configure_with(&toml);
    let output = cli.fail(&["reindex"], &["secret_access_key"]);
    assert!(!output.stderr.contains(secret), "{}", output.stderr);
}

#[test]
fn named_profile_wins_over_the_environment() {
    let server = server::shared_with_rights();
    let key = server.create_user("profiled", &["s3:ListBucket"]);
    let bucket = bucket();
    let source = Source::of("guarded", &bucket, server.endpoint());
    let mut cli = Cli::new(&Config::of([source.with_profile("assets")]));
    let file = cli.folder().join("aws-credentials");
    let (id, secret) = (&key.id, &key.secret);
    let profile = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    std::fs::write(&file, format!("[assets]\n{profile}")).expect("the folder is writable");
    cli.set_environment("AWS_SHARED_CREDENTIALS_FILE", file.to_str().expect("UTF-8"));
    cli.set_environment("AWS_ACCESS_KEY_ID", "AKIAUNKNOWNUNKNOWN12");
    cli.set_environment("ASSET_INDEXER_LOG", "trace");
    for command in ["check", "reindex"] {
        let output = cli.succeed(&[command]);
        assert_secret_not_printed(&output, &key);
    }
    cli.assert_mirrors("guarded", &bucket);
}
