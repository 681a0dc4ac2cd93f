//! Tests `check` on a server that enforces permissions: it names each missing permission, and nothing else.

use crate::examined::Wired;
use crate::server::{self, AccessKey};

/// The actions that the daemon, previews and `check` need.
const ACTIONS: [&str; 7] = [
    "s3:ListBucket",
    "s3:GetObject",
    "s3:GetBucketNotification",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
];

/// Actions that AWS does not have. On AWS the permission for an action includes its batches, but this server
/// requires another one.
const BATCHES: [&str; 2] = ["sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"];

/// A Source with a search page over HTTP, and a user with these permissions.
fn wired(user: &str, actions: &[&str]) -> Wired {
    let server = server::shared_with_rights();
    let mut wired = Wired::with(server, |_| ());
    wired.configure(|config| config.listen = "127.0.0.1:0".to_owned());
    let has_permission = |batch: &&str| actions.contains(&batch.trim_end_matches("Batch"));
    let batches = BATCHES.into_iter().filter(has_permission);
    let actions: Vec<&str> = actions.iter().copied().chain(batches).collect();
    wired.sign_by(&server.create_user(user, &actions));
    wired
}

#[test]
fn reports_each_permission_if_all_are_granted() {
    let examined = wired("has-all", &ACTIONS).examine();
    examined.assert_well();
    // The permission to read notifications has no finding of its own: the subject is `notifications`.
    for action in ACTIONS
        .iter()
        .filter(|action| **action != "s3:GetBucketNotification")
    {
        assert!(
            examined.subjects().contains(action),
            "{action}: {examined:#?}"
        );
    }
}

#[test]
fn names_the_missing_permission_and_nothing_else() {
    for (number, missing) in ACTIONS.iter().enumerate() {
        let actions: Vec<_> = ACTIONS
            .iter()
            .copied()
            .filter(|action| action != missing)
            .collect();
        let wired = wired(&format!("lacks-{number}"), &actions);
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
fn tests_the_permission_to_receive_without_receiving_a_message() {
    let server = server::shared_with_rights();
    let lacking: Vec<_> = ACTIONS
        .iter()
        .copied()
        .filter(|it| *it != "sqs:ReceiveMessage")
        .collect();
    for (user, actions) in [("may-receive", &ACTIONS[..]), ("may-not", &lacking)] {
        let wired = wired(user, actions);
        // One receive would move a message to the dead-letter queue.
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
fn reports_invalid_credentials_once() {
    let server = server::shared_with_rights();
    let good = server.create_user("mistyped", &ACTIONS);
    let wrong = AccessKey {
        secret: "wrongwrongwrongwrongwrongwrongwrongwrong".to_owned(),
        ..good.clone()
    };
    let unknown = AccessKey {
        id: "AKIAUNKNOWNUNKNOWN12".to_owned(),
        ..good
    };
    for (key, word) in [(wrong, "secret"), (unknown, "access key id")] {
        let mut wired = wired(&format!("unused-{word}").replace(' ', "-"), &[]);
        wired.sign_by(&key);
        wired
            .examine()
            .assert_bad("credentials", "failure", &[word]);
    }
}
