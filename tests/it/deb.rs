//! The Debian package: made once by `deploy/package.sh` from the binary under test, and opened.
//!
//! What must be in it, and what it does on a machine, is said by the tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::cli::BINARY;

/// The package, and a later one of the same contents.
pub const PACKAGES: [&str; 2] = ["asset-indexer.deb", "asset-indexer-later.deb"];

/// The version of the later one.
pub const LATER: &str = "99.0.0-1";

/// The folder with [`PACKAGES`].
pub fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        for (name, more) in PACKAGES
            .into_iter()
            .zip([&[][..], &["--deb-version", LATER]])
        {
            make(&folder.join(name), more);
        }
        folder
    })
}

fn make(package: &Path, more: &[&str]) {
    let mut command = Command::new(root().join("deploy/package.sh"));
    command.env("ASSET_INDEXER_BINARY", BINARY);
    command.args(["--fast", "--output"]).arg(package).args(more);
    let made = command.output().expect("bash is there");
    assert!(made.status.success(), "no package: {made:#?}");
}

/// The project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files in the package with their modes.
pub fn contents() -> BTreeMap<String, String> {
    let files = dpkg_deb(&["--contents"]);
    let files = files.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [mode, owner, .., path] = words.as_slice() else {
            panic!("no line of a listing: {line}");
        };
        assert_eq!(*owner, "0/0", "{line}");
        (path.trim_start_matches('.').to_owned(), (*mode).to_owned())
    });
    files.filter(|(path, _)| !path.ends_with('/')).collect()
}

/// What dpkg-deb says of the package.
pub fn dpkg_deb(arguments: &[&str]) -> String {
    let mut command = Command::new("dpkg-deb");
    let (option, fields) = arguments.split_first().expect("an option");
    command
        .arg(option)
        .arg(packages().join(PACKAGES[0]))
        .args(fields);
    let output = command
        .output()
        .expect("dpkg-deb is there: run tests/run.sh");
    assert!(output.status.success(), "{arguments:?}: {output:#?}");
    String::from_utf8(output.stdout).expect("text")
}

/// A file of the package.
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
