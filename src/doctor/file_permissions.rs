//! Tests who can read and change the files that the service depends on: configuration, secrets and index.
//!
//! This module does not read the files. It ignores missing files: the tests that read them report them.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use super::commands::quoted;
use super::finding::{Finding, Subject};
use crate::config::{Config, SOURCES_FOLDER};
use crate::core::source::{Credentials, SecretPlace, Source};
use crate::secrets::is_exposed_file;
use crate::serve::access::checked_file::PRIVATE;

/// Permission bits for users who are neither the owner nor in the group.
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_ENTER_AND_READ: u32 = 0o005;
const OTHERS_ENTER: u32 = 0o001;
/// In a folder with this bit, users can remove only their own files.
const STICKY: u32 = 0o1000;
/// The bits of a mode that are shown.
const MODE: u32 = 0o7777;

/// The use of a file by the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    /// A file that determines what the service does, or a folder with such files or secrets.
    Configuration,
    /// A token file or the private key of TLS. Only its owner and group may read it.
    Private,
    /// A secret access key. Its mode is checked when it is read.
    Secret,
    /// The data directory. `requires_token`: whether clients need a token to read the index.
    Data { requires_token: bool },
}

/// A file or folder with its metadata.
#[derive(Clone, Debug)]
struct FileInfo {
    path: PathBuf,
    kind: FileKind,
    mode: u32,
    owner: u32,
    /// Whether every user can enter all folders above it.
    is_reachable: bool,
    /// Whether its file system is mounted read-only.
    is_read_only: bool,
}

/// Examines the files that `config` uses. `path` is the file that it was read from. Blocks on file I/O.
pub(super) fn examine(config: &Config, path: &Path) -> Vec<Finding> {
    let files: Vec<FileInfo> = files(config, path)
        .into_iter()
        .filter_map(|(path, kind)| inspect(path, kind))
        .collect();
    let owner_of = |path: &Path| Some(std::fs::metadata(path).ok()?.uid());
    // The owner of the index is the user of the service. Another user may be running this test.
    let trusted = owner_of(Path::new("/proc/self")).map(|ours| {
        let service = owner_of(&config.data_dir);
        [0, ours, service.unwrap_or(ours)]
    });
    let judged = files.iter().flat_map(|file| judge(file, trusted.as_ref()));
    let mut findings: Vec<Finding> = judged.collect();
    if findings.is_empty() {
        // The Source's credentials report a secret that others can read.
        let is_exposed =
            |file: &FileInfo| file.kind == FileKind::Secret && is_exposed_file(&file.path);
        let or_read = if files.iter().any(is_exposed) {
            ""
        } else {
            ", or read a secret in them"
        };
        let what = format!(
            "no other user can change the {} files and folders that the service depends on{or_read}",
            files.len()
        );
        findings.push(Finding::ok(Subject::FilePermissions, what));
    }
    findings
}

/// The files that the service depends on and their folders, each once. A user who can write to a folder can
/// replace its files.
fn files(config: &Config, path: &Path) -> Vec<(PathBuf, FileKind)> {
    let mut files = vec![(path.to_owned(), FileKind::Configuration)];
    let folder = path.parent().unwrap_or(Path::new("")).join(SOURCES_FOLDER);
    if let Ok(entries) = std::fs::read_dir(&folder) {
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let written = paths.filter(|path| path.extension().is_some_and(|it| it == "toml"));
        files.push((folder, FileKind::Configuration));
        files.extend(written.map(|path| (path, FileKind::Configuration)));
    }
    let (serve, tls) = (&config.serve, config.serve.tls.as_ref());
    let private = [serve.tokens.as_ref(), tls.map(|tls| &tls.key)];
    files.extend(
        private
            .into_iter()
            .flatten()
            .map(|path| (path.clone(), FileKind::Private)),
    );
    let secrets = config
        .sources
        .iter()
        .flat_map(|source| secret_files(source));
    files.extend(secrets.map(|path| (path.clone(), FileKind::Secret)));
    let requires_token = serve.tokens.is_some();
    let folders = files.iter().filter_map(|(path, _)| folder_of(path));
    let folders: Vec<PathBuf> = folders.collect();
    files.push((config.data_dir.clone(), FileKind::Data { requires_token }));
    // The folders come last: the stable sort and `dedup_by` keep the first kind of each path.
    files.extend(
        folders
            .into_iter()
            .map(|path| (path, FileKind::Configuration)),
    );
    files.sort_by(|(left, _), (right, _)| left.cmp(right));
    files.dedup_by(|(left, _), (right, _)| left == right);
    files
}

/// The folder that contains the file.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_owned()
    })
}

/// The files with the secret access keys of the Source.
fn secret_files(source: &Source) -> impl Iterator<Item = &PathBuf> {
    let event_credentials = source.events.as_ref().map(|events| &events.credentials);
    [Some(&source.credentials), event_credentials]
        .into_iter()
        .flatten()
        .filter_map(|credentials| match credentials {
            Credentials::AccessKey {
                secret: SecretPlace::File(path),
                ..
            } => Some(path),
            _ => None,
        })
}

/// Reads the metadata of a file. `None` if that fails.
fn inspect(path: PathBuf, kind: FileKind) -> Option<FileInfo> {
    let metadata = std::fs::metadata(&path).ok()?;
    let others_can_enter = |above: Metadata| above.mode() & OTHERS_ENTER != 0;
    let mut above = path
        .ancestors()
        .skip(1)
        .filter(|it| !it.as_os_str().is_empty());
    Some(FileInfo {
        kind,
        mode: metadata.mode() & MODE,
        owner: metadata.uid(),
        is_read_only: rustix::fs::statvfs(&path)
            .is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY)),
        is_reachable: above.all(|folder| std::fs::metadata(folder).is_ok_and(others_can_enter)),
        path,
    })
}

/// Finds problems with the file. `trusted` are the users who may own it, if known.
fn judge(file: &FileInfo, trusted: Option<&[u32; 3]>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (path, mode) = (file.path.display(), file.mode);
    let chmod = |change: &str| format!("chmod {change} {}", quoted(&file.path.to_string_lossy()));
    let subject = Subject::FilePermissions;
    let is_sticky = mode & STICKY != 0;
    if file.kind == FileKind::Private && mode & PRIVATE != 0 {
        let what = format!(
            "{path} is accessible to more users than its owner and, for reading, its group (mode {mode:o})"
        );
        let finding = Finding::failure(subject, what).remedy(
            "Restrict the file, and replace the secret in it, because others may have read it",
        );
        findings.push(finding.commands([chmod("u=rw,g=,o=")]));
    } else if file.kind != FileKind::Secret
        && mode & OTHERS_WRITE != 0
        && !is_sticky
        && !file.is_read_only
    {
        let what = format!("every user can change {path} (mode {mode:o})");
        let finding = Finding::failure(subject, what).remedy("Remove that permission");
        findings.push(finding.commands([chmod("o-w")]));
    } else if file.kind
        == (FileKind::Data {
            requires_token: true,
        })
        && mode & OTHERS_ENTER_AND_READ != 0
        && file.is_reachable
    {
        let what = format!(
            "every user of this machine can read the index in {path} without a token (mode {mode:o})"
        );
        let finding = Finding::warning(subject, what).remedy("Remove that permission");
        findings.push(finding.commands([chmod("o-rwx")]));
    }
    if let Some(trusted) = trusted.filter(|trusted| !trusted.contains(&file.owner)) {
        let what = format!(
            "{path} belongs to user {}, which is neither root nor the user of the service ({})",
            file.owner, trusted[2]
        );
        let remedy = "Make root or the user of the service the owner.";
        findings.push(Finding::warning(subject, what).remedy(remedy));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    const TRUSTED: [u32; 3] = [0, 1000, 900];

    fn file(kind: FileKind, mode: u32) -> FileInfo {
        FileInfo {
            path: "/etc/it's".into(),
            kind,
            mode,
            owner: 900,
            is_reachable: true,
            is_read_only: false,
        }
    }

    #[test]
    fn rates_the_mode_by_the_kind_of_file() {
        use FileKind::{Configuration, Data, Private, Secret};
        let (open, guarded) = (
            Data {
                requires_token: false,
            },
            Data {
                requires_token: true,
            },
        );
        for (kind, mode, want) in [
            (Configuration, 0o644, None),
            (Configuration, 0o664, None),
            (Configuration, 0o646, Some((Verdict::Failure, "o-w"))),
            (Private, 0o600, None),
            (Private, 0o640, None),
            (Private, 0o644, Some((Verdict::Failure, "u=rw,g=,o="))),
            (Private, 0o660, Some((Verdict::Failure, "u=rw,g=,o="))),
            (Secret, 0o644, None),
            (open, 0o755, None),
            (open, 0o777, Some((Verdict::Failure, "o-w"))),
            (open, 0o1777, None),
            (guarded, 0o750, None),
            (guarded, 0o755, Some((Verdict::Warning, "o-rwx"))),
            (guarded, 0o777, Some((Verdict::Failure, "o-w"))),
        ] {
            let findings = judge(&file(kind, mode), Some(&TRUSTED));
            let found = findings.first().map(|finding| {
                let commands = &finding.remedy.as_ref().unwrap().commands;
                (finding.verdict, commands[0].clone())
            });
            let want =
                want.map(|(verdict, change)| (verdict, format!("chmod {change} '/etc/it'\\''s'")));
            assert_eq!(found, want, "{kind:?} {mode:o}");
            assert!(findings.len() < 2, "{findings:?}");
        }
        let hidden = FileInfo {
            is_reachable: false,
            ..file(guarded, 0o755)
        };
        assert_eq!(judge(&hidden, Some(&TRUSTED)), []);
        // An orchestrator mounts configuration like this.
        let mounted = FileInfo {
            is_read_only: true,
            ..file(Configuration, 0o777)
        };
        assert_eq!(judge(&mounted, Some(&TRUSTED)), []);
    }

    #[test]
    fn reports_a_file_that_another_user_owns() {
        for (owner, is_reported) in [(0, false), (1000, false), (900, false), (1001, true)] {
            let file = FileInfo {
                owner,
                ..file(FileKind::Secret, 0o600)
            };
            let findings = judge(&file, Some(&TRUSTED));
            assert_eq!(!findings.is_empty(), is_reported, "{owner}: {findings:?}");
            assert_eq!(judge(&file, None), []);
        }
    }
}
