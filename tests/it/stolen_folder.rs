//! Tests that nothing that a daemon writes, says or answers contains a secret of a managed Source, in any usual form,
//! and that a copy of its data folder without the key is of no use.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::cli::Cli;
use crate::config::Config;
use crate::http_client::send;
use crate::live_fixture::wait_for_keys;
use crate::s3::Bucket;
use crate::server;

/// Pages, documents and answers of the daemon.
const PATHS: [&str; 9] = [
    "/v1/sources",
    "/v1/search?q=&previews=true",
    "/v1/openapi.json",
    "/api/v1/sources",
    "/status",
    "/metrics",
    "/readyz",
    "/v1/asset?source=photos&path=/images/a.jpg&previews=true",
    "/v1/explain?source=photos&path=/images/a.jpg",
];

/// The secret as text, in hexadecimal digits, in base64, and backwards.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let backwards: String = secret.chars().rev().collect();
    let mut forms = vec![secret.as_bytes().to_vec(), hex.clone().into_bytes()];
    forms.push(hex.to_uppercase().into_bytes());
    forms.push(backwards.into_bytes());
    // Base64 looks different at each of the three offsets. Only whole groups in the middle are certain.
    forms.extend((0..3).map(|offset| {
        let padded = format!("{}{secret}", " ".repeat(offset));
        let text = base64(padded.as_bytes());
        text.as_bytes()[4..text.len() - 4].to_vec()
    }));
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group
            .iter()
            .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        let number = number << (8 * (3 - group.len()));
        for index in 0..=group.len() {
            let digit = number >> (18 - 6 * index) & 63;
            text.push(char::from(DIGITS[digit as usize]));
        }
    }
    text
}

/// Fails if the bytes contain a form of a secret.
#[track_caller]
fn assert_free_of(secrets: &[&str], bytes: &[u8], what: &str) {
    for secret in secrets {
        for form in forms(secret) {
            let found = bytes.windows(form.len()).any(|window| window == form);
            let form = String::from_utf8_lossy(&form);
            assert!(!found, "{what} contains a secret as {form:?}");
        }
    }
}

/// Calls the function with each file in the folder and below it.
fn for_each_file(folder: &Path, check: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            for_each_file(&path, check);
        } else if let Ok(content) = fs::read(&path) {
            // The control socket has no content.
            check(&path, &content);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is ours");
    for_each_file(from, &mut |path, content| {
        let target = to.join(path.strip_prefix(from).expect("it is below"));
        fs::create_dir_all(target.parent().expect("a folder")).expect("the folder is ours");
        fs::write(target, content).expect("the folder is ours");
    });
}

#[test]
fn forms_of_a_secret_are_found() {
    let secret = "wJalrXUtnFEMI/K7MDENG";
    for bytes in [
        format!("key={secret}"),
        base64(format!("{{\"secret\":\"{secret}\"}}").as_bytes()),
        base64(format!("x{secret}yz").as_bytes()),
        "774a616c725855746e46454d492f4b374d44454e47".to_owned(),
    ] {
        let found = forms(secret)
            .iter()
            .any(|form| bytes.as_bytes().windows(form.len()).any(|it| it == form));
        assert!(found, "{bytes}");
    }
}

#[test]
fn daemon_reveals_no_secret_and_a_stolen_folder_opens_none() {
    let server = server::shared_with_rights();
    let bucket = Bucket::create(server);
    bucket.put("images/a.jpg", "content");
    let key = server.create_user("stolen", &["s3:*"]);
    let mut config = Config::of([]);
    config.listen = "127.0.0.1:0".to_owned();
    let mut cli = Cli::new(&config);
    // The key is not in the data folder.
    let text = fs::read_to_string(cli.config_file()).expect("it is ours");
    cli.configure_with(&format!("{text}\n[secrets]\nkey_file = \"keys\"\n"));
    let keys = cli.succeed(&["secrets", "new-key"]).stdout;
    fs::write(cli.folder().join("keys"), &keys).expect("the folder is ours");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(cli.folder().join("keys"), fs::Permissions::from_mode(0o600)).unwrap();
    cli.set_environment("ASSET_INDEXER_LOG", "trace");
    let daemon = cli.serve();
    let address = daemon.field(&["serving HTTP"], "address");

    let wrong = "WrongSecretThatSomebodyPasted/1234567890";
    let later = "AnotherSecretThatWasTyped+09876543210abc";
    let secrets = [key.secret.as_str(), wrong, later];
    let values = cli.folder().join("values.json");
    let from = values.to_str().expect("UTF-8").to_owned();
    let mut said = Vec::new();
    for (command, name, secret) in [
        ("add", "photos", key.secret.as_str()),
        // S3 refuses the first one. The second one replaces it.
        ("add", "refused", wrong),
        ("edit", "refused", later),
    ] {
        let mut json = json!({
            "bucket": bucket.name,
            "endpoint_url": server.endpoint(),
            "path_style": true,
            "region": "us-east-1",
            "credentials": {"access_key_id": key.id, "secret_access_key": secret},
        });
        if command == "add" {
            json["subdomain"] = format!("{name}-{}", bucket.name).into();
        }
        fs::write(&values, json.to_string()).expect("the folder is ours");
        said.push(cli.run(&["source", command, name, "--from", &from]));
    }
    fs::remove_file(&values).expect("the file is ours");
    wait_for_keys(&cli, "photos", &["images/a.jpg"]);
    for command in [
        &["check", "--json"][..],
        &["status", "--json"],
        &["source", "list", "--json"],
        &["source", "show", "refused"],
        &["source", "history", "refused", "--json"],
        &["secrets", "rotate"],
    ] {
        said.push(cli.run(command));
    }
    for output in &said {
        let text = format!("{}{}", output.stdout, output.stderr);
        assert_free_of(&secrets, text.as_bytes(), "an output");
    }
    for path in PATHS {
        let response = send(&address, "GET", path, &[]);
        assert_free_of(&secrets, &response.body, path);
    }
    let process = Path::new("/proc").join(daemon.id().to_string());
    for file in ["environ", "cmdline"] {
        let content = fs::read(process.join(file)).expect("it runs");
        assert_free_of(&secrets, &content, file);
    }
    let limits = fs::read_to_string(process.join("limits")).expect("it runs");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "a core dump would contain secrets");
    let stolen = cli.folder().join("stolen");
    copy(&cli.data_dir(), &stolen);
    let log = daemon.terminate().join("\n");
    assert_free_of(&secrets, log.as_bytes(), "the log");
    let mut files = 0;
    for_each_file(&cli.data_dir(), &mut |path, content| {
        files += 1;
        assert_free_of(&secrets, content, &path.display().to_string());
        let key_text = keys.split_whitespace().last().expect("a key").as_bytes();
        let has_key = content.windows(key_text.len()).any(|it| it == key_text);
        assert!(!has_key, "{} has the key", path.display());
    });
    assert!(files > 5, "only {files} files were searched");

    // Whoever has the folder can read what is in it, and nothing more.
    let thief = Cli::new(&Config::of([]));
    copy(&stolen, &thief.data_dir());
    thief.fail(&["reindex"], &["photos", "there is no key"]);
    let shown = thief.run(&["source", "show", "photos", "--json"]);
    assert_free_of(&secrets, shown.stdout.as_bytes(), "what a thief sees");
    // Another key does not help, and the error does not show what it was tried on.
    let other = thief.succeed(&["secrets", "new-key"]).stdout;
    let key_file = thief.data_dir().join("secrets.key");
    fs::write(&key_file, other).expect("the folder is ours");
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    thief.fail(&["reindex"], &["photos", "sealed with the key"]);
}
