//! `check` on a server that checks rights: each right that is missing is named, and nothing else blamed.

use crate::examined::Wired;
use crate::server::{self, AccessKey};

/// What the daemon, previews and `check` need.
const RIGHTS: [&str; 7] = [
    "s3:ListBucket",
    "s3:GetObject",
    "s3:GetBucketNotification",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
];

/// Actions that AWS does not know: there the right to an action is the right to a batch of it, and on
/// this server it is another.
const BATCHES: [&str; 2] = ["sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"];

/// A Source with a page over HTTP, asked by a user with these rights.
fn wired(user: &str, rights: &[&str]) -> Wired {
    let server = server::shared_with_rights();
    let mut wired = Wired::with(server, |_| ());
    wired.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let may_batch = |batch: &&str| rights.contains(&batch.trim_end_matches("Batch"));
    let batches = BATCHES.into_iter().filter(may_batch);
    let rights: Vec<&str> = rights.iter().copied().chain(batches).collect();
    wired.sign_by(&server.create_user(user, &rights));
    wired
}

#[test]
fn who_has_all_rights_is_told_so_right_by_right() {
    let examined = wired("has-all", &RIGHTS).examine();
    examined.assert_well();
    // That to read notifications shows in what is found of them.
    for right in RIGHTS
        .iter()
        .filter(|right| **right != "s3:GetBucketNotification")
    {
        assert!(
            examined.subjects().contains(right),
            "{right}: {examined:#?}"
        );
    }
}

#[test]
fn a_right_that_is_missing_is_named_and_nothing_else_blamed() {
    for (number, missing) in RIGHTS.iter().enumerate() {
        let rights: Vec<_> = RIGHTS
            .iter()
            .copied()
            .filter(|right| right != missing)
            .collect();
        let wired = wired(&format!("lacks-{number}"), &rights);
        let is_needed = !["s3:GetObject", "s3:GetBucketNotification"].contains(missing);
        let verdict = if is_needed { "failure" } else { "warning" };
        let named = match missing.split_once(':') {
            Some(("sqs", _)) => format!("{missing} on {}", wired.queue.arn()),
            _ => format!("{missing} on arn:aws:s3:::{}", wired.bucket.name),
        };
        let words = [&*named, "iam-policy", "denied"];
        wired.examine().assert_bad(missing, verdict, &words);
    }
}

#[test]
fn the_right_to_receive_is_told_while_messages_wait_and_none_is_touched() {
    let server = server::shared_with_rights();
    let lacking: Vec<_> = RIGHTS
        .iter()
        .copied()
        .filter(|it| *it != "sqs:ReceiveMessage")
        .collect();
    for (user, rights) in [("may-receive", &RIGHTS[..]), ("may-not", &lacking)] {
        let wired = wired(user, rights);
        // One receive would move it away.
        wired.set(server, "RedrivePolicy", &wired.redrive("1"));
        wired.queue.take(1);
        wired.queue.send(&["a", "b"]);
        for _ in 0..3 {
            let found = wired.examine();
            let denied = ("sqs:ReceiveMessage", "failure");
            let bad = found.bad();
            assert_eq!(bad.contains(&denied), user == "may-not", "{found:#?}");
        }
        assert_eq!(wired.queue.take(2).len(), 2);
        assert_eq!(wired.dead.counts().visible, 0);
    }
}

#[test]
fn credentials_that_are_none_are_told_once() {
    let server = server::shared_with_rights();
    let good = server.create_user("mistyped", &RIGHTS);
    let wrong = AccessKey {
        secret: "wrongwrongwrongwrongwrongwrongwrongwrong".to_owned(),
        ..good.clone()
    };
    let unknown = AccessKey {
        id: "AKIAUNKNOWNUNKNOWN12".to_owned(),
        ..good
    };
    for (key, said) in [(wrong, "secret"), (unknown, "access key id")] {
        let mut wired = wired(&format!("unused-{said}").replace(' ', "-"), &[]);
        wired.sign_by(&key);
        wired
            .examine()
            .assert_bad("credentials", "failure", &[said]);
    }
}
