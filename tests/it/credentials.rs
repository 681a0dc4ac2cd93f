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

#[test]
fn notices_a_changed_secret_without_a_scan() {
    let server = server::shared_with_rights();
    let key = server.create_user("rotated", &["s3:ListBucket"]);
    let cli = cli_with(&bucket(), &key, 0o600);
    let daemon = cli.serve();
    daemon.wait_for(&["scan completed"]);
    let file = cli.folder().join("secret");
    std::fs::write(&file, "wrongwrongwrongwrongwrongwrongwrongwrong").expect("our file");
    let refused = ["bucket cannot be read; retrying", "guarded", "secret"];
    // At a reload.
    daemon.hangup();
    daemon.wait_for(&refused);
    daemon.terminate();
    // At a restart.
    let daemon = cli.serve();
    daemon.wait_for(&refused);
    let status = cli.succeed(&["status"]);
    assert!(status.stdout.contains("the secret"), "{status:#?}");
    daemon.terminate();
    std::fs::write(&file, &key.secret).expect("our file");
    let daemon = cli.serve();
    daemon.wait_for(&["ready"]);
    let log = daemon.terminate();
    assert!(!log.iter().any(|line| line.contains(&key.secret)));
}

/// The binary with a Source that uses this profile, and with these profile files. The environment has no keys.
fn cli_with_profile(profile: Option<&str>, config: &str, credentials: &str) -> Cli {
    let mut source = Source::of(
        "guarded",
        &bucket(),
        server::shared_with_rights().endpoint(),
    );
    source.profile = profile.map(str::to_owned);
    let mut cli = Cli::new(&Config::of([source]));
    for (variable, file, text) in [
        ("AWS_CONFIG_FILE", "aws-config", config),
        (
            "AWS_SHARED_CREDENTIALS_FILE",
            "aws-credentials",
            credentials,
        ),
    ] {
        let path = cli.folder().join(file);
        std::fs::write(&path, text).expect("the folder is writable");
        cli.set_environment(variable, path.to_str().expect("UTF-8"));
    }
    cli.set_environment("AWS_ACCESS_KEY_ID", "");
    cli.set_environment("AWS_SECRET_ACCESS_KEY", "");
    cli
}

/// Asserts that `reindex` fails with these words, and that its error is free of words of programmers.
#[track_caller]
fn assert_explained(cli: &Cli, words: &[&str]) {
    let output = cli.fail(&["reindex"], words);
    let errors = output.stderr.lines().filter(|line| line.contains("error:"));
    let errors: String = errors.collect();
    let jargon = ["cargo", "feature", "provider", "dispatch", "\\n", "{"];
    for word in jargon {
        assert!(!errors.contains(word), "{word:?} in {errors}");
    }
}

#[test]
fn missing_profile_is_named_with_the_files_and_their_profiles() {
    let profiles = "[profile one]\nregion = eu-west-1\n";
    let keys = "[two]\naws_access_key_id = a\naws_secret_access_key = b\n";
    let cli = cli_with_profile(Some("absent"), profiles, keys);
    let words = [
        "\"absent\"",
        "aws-config",
        "aws-credentials",
        "\"one\", \"two\"",
    ];
    assert_explained(&cli, &words);
    let mut cli = cli_with_profile(None, profiles, keys);
    cli.set_environment("AWS_PROFILE", "absent");
    assert_explained(&cli, &words);
    let refers =
        "[profile one]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = absent\n";
    let cli = cli_with_profile(Some("one"), refers, keys);
    assert_explained(&cli, &["\"absent\"", "source_profile", "\"one\""]);
    let cli = cli_with_profile(Some("absent"), "", "");
    assert_explained(&cli, &["\"absent\"", "there are no profiles"]);
    let cli = cli_with_profile(Some("one"), profiles, "");
    assert_explained(&cli, &["\"one\"", "aws-config", "has none"]);
}

#[test]
fn errors_of_sso_name_the_command_that_signs_in() {
    let session = "[profile corp]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n\
                   [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com\n\
                   [profile role]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = corp\n";
    let old = "[profile corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example.com\n\
               sso_account_id = 123456789012\nsso_role_name = r\n";
    let command = "aws sso login --profile corp";
    for (config, profile) in [(session, "corp"), (session, "role"), (old, "corp")] {
        let cli = cli_with_profile(Some(profile), config, "");
        assert_explained(&cli, &["no usable credentials", command]);
        let mut cli = cli_with_profile(None, config, "");
        cli.set_environment("AWS_PROFILE", profile);
        assert_explained(&cli, &["no usable credentials", command]);
    }
}

#[test]
fn unsupported_and_broken_profiles_are_explained() {
    let login = "[profile p]\nlogin_session = arn:aws:iam::123456789012:user/u\n";
    let cli = cli_with_profile(Some("p"), login, "");
    assert_explained(&cli, &["`aws login`", "aws configure sso --profile p"]);
    let process =
        "[profile p]\ncredential_process = /bin/sh -c 'echo first >&2; echo second >&2; exit 1'\n";
    let cli = cli_with_profile(Some("p"), process, "");
    assert_explained(&cli, &["the AWS profile \"p\" cannot be used"]);
    let role = "role_arn = arn:aws:iam::123456789012:role/r\n";
    let token = format!("[profile p]\n{role}web_identity_token_file = /absent/token\n");
    let cli = cli_with_profile(Some("p"), &token, "");
    assert_explained(&cli, &["/absent/token", "web_identity_token_file"]);
    let environment = format!("[profile p]\n{role}credential_source = Environment\n");
    let cli = cli_with_profile(Some("p"), &environment, "");
    assert_explained(&cli, &["its credential_source is \"Environment\""]);
    let turn = |one, other| format!("[profile {one}]\n{role}source_profile = {other}\n");
    let cli = cli_with_profile(Some("p"), &(turn("p", "q") + &turn("q", "p")), "");
    assert_explained(&cli, &["the AWS profile \"p\"", "infinite loop"]);
    let half = "[profile p]\naws_access_key_id = a\n";
    let cli = cli_with_profile(Some("p"), half, "");
    assert_explained(&cli, &["aws_secret_access_key"]);
    let cli = cli_with_profile(Some("p"), "[profile p\n", "");
    assert_explained(&cli, &["the AWS profiles cannot be read", "aws-config"]);
    let cli = cli_with_profile(None, "", "");
    assert_explained(&cli, &["the environment, the AWS profile and the metadata"]);
}

#[test]
fn token_file_that_is_missing_is_named() {
    for name in [
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ] {
        let mut cli = cli_with_profile(None, "", "");
        let role = "arn:aws:iam::123456789012:role/r";
        cli.set_environment("AWS_ROLE_ARN", role);
        let pods = "http://169.254.170.23/v1/credentials";
        cli.set_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", pods);
        cli.set_environment(name, "/absent/token");
        assert_explained(&cli, &["/absent/token", name]);
    }
}

#[test]
fn errors_of_a_role_name_the_role_and_the_endpoint() {
    let server = server::shared_with_rights();
    let key = server.create_user("assumer", &["s3:ListBucket"]);
    let source = Source::of("guarded", &bucket(), server.endpoint());
    let mut cli = Cli::new(&Config::of([]));
    let mut config = Config::of([source]);
    config.attempts = 1;
    let role = "arn:aws:iam::000000000000:role/absent";
    let toml = config.to_toml(&cli.data_dir());
    cli.configure_with(&format!(
        "{toml}credentials = {{ role_arn = \"{role}\" }}\n"
    ));
    cli.set_environment("AWS_ACCESS_KEY_ID", &key.id);
    cli.set_environment("AWS_SECRET_ACCESS_KEY", &key.secret);
    cli.set_environment("AWS_ENDPOINT_URL_STS", &server.endpoint());
    assert_explained(
        &cli,
        &[
            "no usable credentials",
            role,
            &server.endpoint(),
            "AccessDenied",
        ],
    );
    // A refusal is not taken for a session that has ended.
    let profiles = cli.folder().join("aws-config");
    let sso = "sso_region = eu-west-1\nsso_start_url = https://corp.example.com\n";
    std::fs::write(&profiles, format!("[default]\n{sso}")).expect("the folder is writable");
    cli.set_environment("AWS_CONFIG_FILE", profiles.to_str().expect("UTF-8"));
    let output = cli.fail(&["reindex"], &[role, "AccessDenied"]);
    assert!(!output.stderr.contains("sso"), "{output:#?}");
    let closed = "http://127.0.0.1:1";
    cli.set_environment("AWS_ENDPOINT_URL_STS", closed);
    cli.fail(&["reindex"], &[role, closed, "refused"]);
}
