//! Who can read and change the files that matter: the configuration, secrets, and the index.
//!
//! What a file holds is not looked at, and one that is not there is left to those who need it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use super::finding::{Finding, Subject};
use super::shell::quoted;
use crate::config::{Config, SOURCES_FOLDER};
use crate::core::source::{Credentials, SecretFile, Source};
use crate::serve::access::checked_file::PRIVATE;

/// Everybody who is neither owner nor of the group may write, or enter and read.
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_ENTER_AND_READ: u32 = 0o005;
const OTHERS_ENTER: u32 = 0o001;
/// In a folder with it, nobody removes what belongs to another.
const STICKY: u32 = 0o1000;
/// The bits by which a mode is told.
const MODE: u32 = 0o7777;

/// What a file is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Whoever changes it decides what the service does; also a folder of such files, or of secrets.
    Configuration,
    /// Tokens, or a private key: whoever reads it is let in, or passes for the service.
    Private,
    /// A secret access key: whether others can read it is looked at when it is read.
    Secret,
    /// The data directory; `has_tokens` whether its contents are for some alone.
    Data { has_tokens: bool },
}

/// What is known of a file.
#[derive(Clone, Debug)]
struct Facts {
    path: PathBuf,
    kind: Kind,
    mode: u32,
    owner: u32,
    /// Whether all folders above it let everybody through.
    is_reachable: bool,
    /// Whether it is in a file system that nothing is written to, whatever its mode.
    is_read_only: bool,
}

/// Examines the files of the configuration that was read from `path`. It reads the disk.
pub(super) fn examine(config: &Config, path: &Path) -> Vec<Finding> {
    let facts: Vec<Facts> = files(config, path)
        .into_iter()
        .filter_map(|(path, kind)| look_at(path, kind))
        .collect();
    let owner_of = |path: &Path| Some(std::fs::metadata(path).ok()?.uid());
    // The owner of the index is the user of the service, whoever runs this.
    let trusted = owner_of(Path::new("/proc/self")).map(|ours| {
        let service = owner_of(&config.data_dir);
        [0, ours, service.unwrap_or(ours)]
    });
    let judged = facts
        .iter()
        .flat_map(|facts| judge(facts, trusted.as_ref()));
    let mut findings: Vec<Finding> = judged.collect();
    if findings.is_empty() {
        let what = format!(
            "nobody else can change the {} files and folders that matter, or read a secret in them",
            facts.len()
        );
        findings.push(Finding::ok(Subject::Permissions, what));
    }
    findings
}

/// The files that matter, and the folders in which another could be put in their place, each once.
fn files(config: &Config, path: &Path) -> Vec<(PathBuf, Kind)> {
    let mut files = vec![(path.to_owned(), Kind::Configuration)];
    let folder = path.parent().unwrap_or(Path::new("")).join(SOURCES_FOLDER);
    if let Ok(entries) = std::fs::read_dir(&folder) {
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let written = paths.filter(|path| path.extension().is_some_and(|it| it == "toml"));
        files.push((folder, Kind::Configuration));
        files.extend(written.map(|path| (path, Kind::Configuration)));
    }
    let (serve, tls) = (&config.serve, config.serve.tls.as_ref());
    let private = [serve.tokens.as_ref(), tls.map(|tls| &tls.key)];
    files.extend(
        private
            .into_iter()
            .flatten()
            .map(|path| (path.clone(), Kind::Private)),
    );
    let secrets = config
        .sources
        .iter()
        .flat_map(|source| secret_files(source));
    files.extend(secrets.map(|path| (path.clone(), Kind::Secret)));
    let has_tokens = serve.tokens.is_some();
    let folders = files.iter().filter_map(|(path, _)| folder_of(path));
    let folders: Vec<PathBuf> = folders.collect();
    files.push((config.data_dir.clone(), Kind::Data { has_tokens }));
    // Last, so that what is known of one already stays.
    files.extend(folders.into_iter().map(|path| (path, Kind::Configuration)));
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files.dedup_by(|(one, _), (other, _)| one == other);
    files
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_owned()
    })
}

fn secret_files(source: &Source) -> impl Iterator<Item = &PathBuf> {
    let of_events = source.events.as_ref().map(|events| &events.credentials);
    [Some(&source.credentials), of_events]
        .into_iter()
        .flatten()
        .filter_map(|credentials| match credentials {
            Credentials::AccessKey {
                secret: SecretFile::Path(path),
                ..
            } => Some(path),
            _ => None,
        })
}

fn look_at(path: PathBuf, kind: Kind) -> Option<Facts> {
    let found = std::fs::metadata(&path).ok()?;
    let lets_through = |above: Metadata| above.mode() & OTHERS_ENTER != 0;
    let mut above = path
        .ancestors()
        .skip(1)
        .filter(|it| !it.as_os_str().is_empty());
    Some(Facts {
        kind,
        mode: found.mode() & MODE,
        owner: found.uid(),
        is_read_only: rustix::fs::statvfs(&path)
            .is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY)),
        is_reachable: above.all(|folder| std::fs::metadata(folder).is_ok_and(lets_through)),
        path,
    })
}

/// What is wrong with the file; `trusted` are the users who may own it, if that is known.
fn judge(facts: &Facts, trusted: Option<&[u32; 3]>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (path, mode) = (facts.path.display(), facts.mode);
    let chmod = |change: &str| format!("chmod {change} {}", quoted(&facts.path.to_string_lossy()));
    let subject = Subject::Permissions;
    let is_sticky = mode & STICKY != 0;
    if facts.kind == Kind::Private && mode & PRIVATE != 0 {
        let what = format!("{path} is open to others than its owner and group (mode {mode:o})");
        let finding = Finding::failure(subject, what)
            .remedy("close it, and replace what was in it: others may have read it");
        findings.push(finding.commands([chmod("u=rw,g=,o=")]));
    } else if facts.kind != Kind::Secret
        && mode & OTHERS_WRITE != 0
        && !is_sticky
        && !facts.is_read_only
    {
        let what = format!("everybody can change {path} (mode {mode:o})");
        let finding = Finding::failure(subject, what).remedy("take that right away");
        findings.push(finding.commands([chmod("o-w")]));
    } else if facts.kind == (Kind::Data { has_tokens: true })
        && mode & OTHERS_ENTER_AND_READ != 0
        && facts.is_reachable
    {
        let what = format!(
            "everybody on this machine can read the index in {path} without a token (mode {mode:o})"
        );
        let finding = Finding::warning(subject, what).remedy("take that right away");
        findings.push(finding.commands([chmod("o-rwx")]));
    }
    if let Some(trusted) = trusted.filter(|trusted| !trusted.contains(&facts.owner)) {
        let what = format!(
            "{path} belongs to the user {}, who is neither root nor the service's ({})",
            facts.owner, trusted[2]
        );
        let remedy = "give it to root, or to the user of the service";
        findings.push(Finding::warning(subject, what).remedy(remedy));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    const TRUSTED: [u32; 3] = [0, 1000, 900];

    fn facts(kind: Kind, mode: u32) -> Facts {
        Facts {
            path: "/etc/it's".into(),
            kind,
            mode,
            owner: 900,
            is_reachable: true,
            is_read_only: false,
        }
    }

    #[test]
    fn a_file_is_closed_to_those_who_have_no_business_with_it() {
        use Kind::{Configuration, Data, Private, Secret};
        let (open, guarded) = (Data { has_tokens: false }, Data { has_tokens: true });
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
            let findings = judge(&facts(kind, mode), Some(&TRUSTED));
            let found = findings.first().map(|finding| {
                let commands = &finding.remedy.as_ref().unwrap().commands;
                (finding.verdict, commands[0].clone())
            });
            let want =
                want.map(|(verdict, change)| (verdict, format!("chmod {change} '/etc/it'\\''s'")));
            assert_eq!(found, want, "{kind:?} {mode:o}");
            assert!(findings.len() < 2, "{findings:?}");
        }
        let hidden = Facts {
            is_reachable: false,
            ..facts(guarded, 0o755)
        };
        assert_eq!(judge(&hidden, Some(&TRUSTED)), []);
        // As what an orchestrator mounts.
        let mounted = Facts {
            is_read_only: true,
            ..facts(Configuration, 0o777)
        };
        assert_eq!(judge(&mounted, Some(&TRUSTED)), []);
    }

    #[test]
    fn a_file_of_a_stranger_is_told_of() {
        for (owner, is_told) in [(0, false), (1000, false), (900, false), (1001, true)] {
            let facts = Facts {
                owner,
                ..facts(Kind::Secret, 0o600)
            };
            let findings = judge(&facts, Some(&TRUSTED));
            assert_eq!(!findings.is_empty(), is_told, "{owner}: {findings:?}");
            assert_eq!(judge(&facts, None), []);
        }
    }
}
