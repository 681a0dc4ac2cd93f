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

/// The package, and a package that was built later from the same files.
pub const PACKAGES: [&str; 2] = ["asset-indexer.deb", "asset-indexer-later.deb"];

/// The times of both builds in seconds since 1970: 2026-11-29 at 12:00:00 and 12:00:01.
const BUILT: [u32; 2] = [1_795_953_600, 1_795_953_601];

/// The folder with [`PACKAGES`].
pub fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        for (name, built) in PACKAGES.into_iter().zip(BUILT) {
            build(&folder.join(name), built);
        }
        folder
    })
}

fn build(package: &Path, built: u32) {
    let mut command = Command::new(root().join("deploy/package.sh"));
    command
        .env("ASSET_INDEXER_BINARY", BINARY)
        .env("SOURCE_DATE_EPOCH", built.to_string());
    command.args(["--fast", "--output"]).arg(package);
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

/// The version of one of [`PACKAGES`].
pub fn version(package: &str) -> String {
    let version = run_dpkg_deb(&["--field", "Version"], package);
    version.trim_end().to_owned()
}

/// Runs dpkg-deb with an option on the package and returns its output.
pub fn dpkg_deb(arguments: &[&str]) -> String {
    run_dpkg_deb(arguments, PACKAGES[0])
}

fn run_dpkg_deb(arguments: &[&str], package: &str) -> String {
    let mut command = Command::new("dpkg-deb");
    let (option, fields) = arguments.split_first().expect("an option");
    command
        .arg(option)
        .arg(packages().join(package))
        .args(fields);
    let output = command
        .output()
        .expect("dpkg-deb is installed; tests/run.sh installs it");
    assert!(output.status.success(), "{arguments:?}: {output:#?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The text of a file in the package.
pub fn file(path: &str) -> String {
    let path = unpacked(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of a compressed file in the package.
pub fn compressed_file(path: &str) -> String {
    let output = Command::new("gzip")
        .args(["--decompress", "--stdout"])
        .arg(unpacked(path))
        .output();
    let output = output.expect("gzip is installed");
    assert!(output.status.success(), "{path}: {output:#?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The path of a file of the package in a folder into which the package is unpacked.
fn unpacked(path: &str) -> PathBuf {
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
    folder.join(path)
}
