//! Access keys, against a server that checks signatures and rights; and that no secret is ever
//! printed.

use crate::cli::{Cli, Output};
use crate::config::{Config, Source};
use crate::s3::Bucket;
use crate::server::{self, AccessKey};

/// The binary with one Source whose secret lies in a file with these permission bits.
fn cli_with(bucket: &Bucket, key: &AccessKey, mode: u32) -> Cli {
    let endpoint = server::shared_with_rights().endpoint();
    let source = Source::of("guarded", bucket, endpoint);
    let mut cli = Cli::new(&Config::of([]));
    let file = cli.folder().join("secret");
    cli.configure(&Config::of([source.with_access_key(key, &file, mode)]));
    // The most that it can be made to say.
    cli.set_environment("ASSET_INDEXER_LOG", "trace");
    cli
}

/// A bucket with one object on the server that checks rights.
fn bucket() -> Bucket {
    let bucket = Bucket::create(server::shared_with_rights());
    bucket.put("a.jpg", "content");
    bucket
}

#[track_caller]
fn assert_secret_unsaid(output: &Output, key: &AccessKey) {
    for stream in [&output.stdout, &output.stderr] {
        assert!(!stream.contains(&key.secret), "the secret is printed");
    }
}

#[test]
fn the_right_to_list_is_enough() {
    let bucket = bucket();
    let server = server::shared_with_rights();
    let key = server.create_user("lister", &["s3:ListBucket"]);
    let cli = cli_with(&bucket, &key, 0o600);
    for command in ["check", "reindex"] {
        let output = cli.succeed(&[command]);
        assert_secret_unsaid(&output, &key);
    }
    cli.assert_mirrors("guarded", &bucket);
}

#[test]
fn a_user_without_rights_is_told_what_is_missing() {
    let key = server::shared_with_rights().create_user("nobody", &[]);
    let cli = cli_with(&bucket(), &key, 0o600);
    let output = cli.fail(&["reindex"], &["denied", "ListBucket", "guarded"]);
    assert_secret_unsaid(&output, &key);
}

#[test]
fn a_wrong_secret_is_told_from_missing_rights() {
    let server = server::shared_with_rights();
    let right = server.create_user("mistaken", &["s3:ListBucket"]);
    let wrong = AccessKey {
        secret: "wrongwrongwrongwrongwrongwrongwrongwrong".to_owned(),
        ..right
    };
    let cli = cli_with(&bucket(), &wrong, 0o600);
    let output = cli.fail(&["reindex"], &["secret", "guarded"]);
    assert_secret_unsaid(&output, &wrong);
    assert!(
        !output.stderr.contains("Grant these credentials"),
        "{output:#?}"
    );
}

#[test]
fn an_unknown_access_key_is_named() {
    let unknown = AccessKey {
        id: "AKIAUNKNOWNUNKNOWN12".to_owned(),
        secret: "unknownunknownunknownunknownunknown12345".to_owned(),
    };
    let cli = cli_with(&bucket(), &unknown, 0o600);
    let words = ["access key", "guarded"];
    let output = cli.fail(&["reindex"], &words);
    assert_secret_unsaid(&output, &unknown);
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let server = server::shared_with_rights();
    let key = server.create_user("careless", &["s3:ListBucket"]);
    for mode in [0o644, 0o640, 0o604, 0o666] {
        let cli = cli_with(&bucket(), &key, mode);
        let file = cli.folder().join("secret");
        let file = file.to_str().expect("UTF-8");
        for command in ["check", "reindex"] {
            let output = cli.run(&[command]);
            assert!(!output.status.success(), "mode {mode:o} was accepted");
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(said.contains(file) && said.contains("chmod"), "{said}");
            assert_secret_unsaid(&output, &key);
        }
    }
}

#[test]
fn a_secret_in_the_configuration_itself_is_refused_unprinted() {
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
fn a_named_profile_is_used_whatever_the_environment_says() {
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
        assert_secret_unsaid(&output, &key);
    }
    cli.assert_mirrors("guarded", &bucket);
}
