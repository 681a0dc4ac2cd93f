//! Tests the quarantine on a real disk. A second handle stands for another process.

use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

fn failed<'a>(message_id: &'a str, body: &'a str) -> FailedMessage<'a> {
    FailedMessage {
        queue_url: "https://sqs.us-east-1.amazonaws.com/1/events",
        message_id,
        body,
        reason: "found nothing, expected JSON",
        sent: Some(Timestamp::from_millis(1_790_000_000_000)),
        receive_count: 2,
    }
}

fn with_small_limits(data_dir: &TempDir, messages: usize, bytes: u64) -> Quarantine {
    Quarantine::with_limits(data_dir.path(), Limits { messages, bytes }).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keeps_a_message_once_and_again_after_removal() {
    let data_dir = TempDir::new().unwrap();
    let daemon = Quarantine::open(data_dir.path()).unwrap();
    let other = Quarantine::open(data_dir.path()).unwrap();
    assert!(daemon.is_empty() && other.list().unwrap().is_empty());
    let message = failed("m", "rubbish");
    assert_eq!(daemon.keep(&message).unwrap(), KeepOutcome::New);
    assert_eq!(daemon.keep(&message).unwrap(), KeepOutcome::AlreadyKept);
    let [entry] = &other.list().unwrap()[..] else {
        panic!("expected one entry");
    };
    assert_eq!(other.get(&entry.id).unwrap().as_ref(), Some(entry));
    let was = (&*entry.message_id, &*entry.body, &*entry.reason, entry.sent);
    assert_eq!(was, ("m", "rubbish", message.reason, message.sent));
    assert!(other.remove(&entry.id).unwrap());
    assert!(!other.remove(&entry.id).unwrap());
    assert_eq!(other.get(&entry.id).unwrap(), None);
    assert_eq!(daemon.keep(&message).unwrap(), KeepOutcome::New);
    let again = Quarantine::open(data_dir.path()).unwrap();
    assert_eq!(again.keep(&message).unwrap(), KeepOutcome::AlreadyKept);
    assert_eq!(again.len(), 1);
}

#[test]
fn lists_the_newest_first() {
    let data_dir = TempDir::new().unwrap();
    let quarantine = with_small_limits(&data_dir, 10, 10_000);
    for (id, kept_at) in [("1", 10), ("2", 30), ("3", 20)] {
        let entry = failed(id, "x").entry(Timestamp::from_millis(kept_at));
        let text = serde_json::to_vec(&entry).unwrap();
        quarantine
            .write(&quarantine.path(&entry.id), &text)
            .unwrap();
    }
    let listed = quarantine.list().unwrap();
    let ids: Vec<_> = listed.iter().map(|entry| &*entry.message_id).collect();
    assert_eq!(ids, ["2", "3", "1"]);
}

#[test]
fn is_full_at_the_limit_until_a_message_is_removed() {
    let data_dir = TempDir::new().unwrap();
    let daemon = with_small_limits(&data_dir, 2, 10_000);
    for id in ["1", "2"] {
        assert_eq!(daemon.keep(&failed(id, "x")).unwrap(), KeepOutcome::New);
    }
    let other = Quarantine::open(data_dir.path()).unwrap();
    assert!(other.remove(&failed("1", "").id()).unwrap());
    assert_eq!(daemon.keep(&failed("3", "x")).unwrap(), KeepOutcome::New);
    assert_eq!(daemon.keep(&failed("4", "x")).unwrap(), KeepOutcome::Full);
    // A message that is already in quarantine needs no space.
    assert_eq!(
        daemon.keep(&failed("2", "x")).unwrap(),
        KeepOutcome::AlreadyKept
    );
    assert!(daemon.remove(&failed("2", "").id()).unwrap());
    assert_eq!(daemon.keep(&failed("4", "x")).unwrap(), KeepOutcome::New);
    assert_eq!(daemon.len(), 2);
    let reopened = with_small_limits(&data_dir, 2, 10_000);
    assert_eq!(reopened.keep(&failed("5", "x")).unwrap(), KeepOutcome::Full);
}

#[test]
fn limits_the_total_size() {
    let data_dir = TempDir::new().unwrap();
    let quarantine = with_small_limits(&data_dir, 100, 3_000);
    let long = "x".repeat(2_000);
    assert_eq!(
        quarantine.keep(&failed("1", &long)).unwrap(),
        KeepOutcome::New
    );
    assert_eq!(
        quarantine.keep(&failed("2", &long)).unwrap(),
        KeepOutcome::Full
    );
    assert_eq!(
        quarantine.keep(&failed("3", "x")).unwrap(),
        KeepOutcome::New
    );
    let used: u64 = files_in(&quarantine.folder).unwrap().values().sum();
    assert!((2_000..=3_000).contains(&used), "{used}");
}

#[test]
fn only_the_owner_can_read_and_reading_creates_nothing() {
    let data_dir = TempDir::new().unwrap();
    let quarantine = Quarantine::open(data_dir.path()).unwrap();
    assert!(quarantine.list().unwrap().is_empty());
    assert!(!quarantine.folder.exists());
    let message = failed("m", "rubbish");
    quarantine.keep(&message).unwrap();
    assert_eq!(mode(&quarantine.folder), 0o700);
    assert_eq!(mode(&quarantine.path(&message.id())), 0o600);
    assert!(!quarantine.folder.join(INCOMING).exists());
}

#[test]
fn ignores_other_files_and_skips_broken_ones() {
    let data_dir = TempDir::new().unwrap();
    let quarantine = Quarantine::open(data_dir.path()).unwrap();
    quarantine.keep(&failed("m", "x")).unwrap();
    let put = |name: &str, text: &str| fs::write(quarantine.folder.join(name), text).unwrap();
    for name in [
        "notes.txt",
        "0.json",
        INCOMING,
        ".json",
        "0123456789ABCDEF.json",
    ] {
        put(name, "mine");
    }
    fs::create_dir(quarantine.folder.join("00000000000000dd.json")).unwrap();
    let broken = ["00000000000000aa", "00000000000000bb", "00000000000000cc"];
    for (id, text) in broken.iter().zip(["", "{\"id\": \"x\"", "[1]"]) {
        put(&format!("{id}.json"), text);
    }
    assert_eq!(quarantine.list().unwrap().len(), 1);
    assert_eq!(quarantine.len(), 1 + broken.len());
    for id in broken {
        let error = quarantine.get(id).unwrap_err().to_string();
        assert!(error.contains(id) && error.contains("remove it"), "{error}");
        assert!(quarantine.remove(id).unwrap());
    }
    assert!(quarantine.folder.join("notes.txt").exists());
    for outside in ["notes.txt", "../quarantine/0", "0.json", ""] {
        assert_eq!(quarantine.get(outside).unwrap(), None, "{outside}");
        assert!(!quarantine.remove(outside).unwrap(), "{outside}");
    }
}

#[test]
fn full_disk_is_an_error_that_names_the_file_and_changes_nothing() {
    let data_dir = TempDir::new().unwrap();
    let quarantine = Quarantine::open(data_dir.path()).unwrap();
    quarantine.keep(&failed("1", "x")).unwrap();
    symlink("/dev/full", quarantine.folder.join(INCOMING)).unwrap();
    let message = failed("2", "x");
    let error = quarantine.keep(&message).unwrap_err().to_string();
    assert!(error.contains(&message.id()), "{error}");
    assert!(error.ends_with("Free disk space."), "{error}");
    assert_eq!(quarantine.list().unwrap().len(), 1);
    assert_eq!(quarantine.keep(&message).unwrap(), KeepOutcome::New);
}

#[test]
fn unusable_folder_is_an_error_that_names_it() {
    let data_dir = TempDir::new().unwrap();
    let quarantine = Quarantine::open(data_dir.path()).unwrap();
    fs::write(&quarantine.folder, "a file").unwrap();
    let error = quarantine.keep(&failed("m", "x")).unwrap_err().to_string();
    assert!(error.contains("quarantine"), "{error}");
    let error = Quarantine::open(data_dir.path()).unwrap_err().to_string();
    assert!(error.starts_with("failed to read "), "{error}");
}
