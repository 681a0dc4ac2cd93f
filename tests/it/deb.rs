//! Builds the Debian package with `deploy/package.sh` from the binary under test, once for all tests, and
//! opens it.
//!
//! It makes no assertions about the content of the package.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::cli::BINARY;

/// The package, and a later version with the same content.
pub const PACKAGES: [&str; 2] = ["asset-indexer.deb", "asset-indexer-later.deb"];

/// The version of the later package.
pub const LATER: &str = "99.0.0-1";

/// The folder with [`PACKAGES`].
pub fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        for (name, options) in PACKAGES
            .into_iter()
            .zip([&[][..], &["--deb-version", LATER]])
        {
            build(&folder.join(name), options);
        }
        folder
    })
}

fn build(package: &Path, options: &[&str]) {
    let mut command = Command::new(root().join("deploy/package.sh"));
    command.env("ASSET_INDEXER_BINARY", BINARY);
    command
        .args(["--fast", "--output"])
        .arg(package)
        .args(options);
    let output = command.output().expect("bash runs");
    assert!(output.status.success(), "no package: {output:#?}");
}

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The paths and modes of the files in the package.
pub fn contents() -> BTreeMap<String, String> {
    let files = dpkg_deb(&["--contents"]);
    let files = files.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [mode, owner, .., path] = words.as_slice() else {
            panic!("unexpected line of dpkg-deb: {line}");
        };
        assert_eq!(*owner, "0/0", "{line}");
        (path.trim_start_matches('.').to_owned(), (*mode).to_owned())
    });
    files.filter(|(path, _)| !path.ends_with('/')).collect()
}

/// Runs dpkg-deb with an option on the package and returns its output.
pub fn dpkg_deb(arguments: &[&str]) -> String {
    let mut command = Command::new("dpkg-deb");
    let (option, fields) = arguments.split_first().expect("an option");
    command
        .arg(option)
        .arg(packages().join(PACKAGES[0]))
        .args(fields);
    let output = command
        .output()
        .expect("dpkg-deb is installed; tests/run.sh installs it");
    assert!(output.status.success(), "{arguments:?}: {output:#?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The text of a file in the package.
pub fn file(path: &str) -> String {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = packages().join("unpacked");
        let mut command = Command::new("dpkg-deb");
        command
            .arg("--extract")
            .arg(packages().join(PACKAGES[0]))
            .arg(&folder);
        assert!(command.status().is_ok_and(|status| status.success()));
        folder
    });
    fs::read_to_string(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
