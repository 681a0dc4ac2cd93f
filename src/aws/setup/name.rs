//! Names of what is set up: no longer than AWS takes them, and the same each time.

use xxhash_rust::xxh3::xxh3_64;

use super::PlannedQueue;

/// The ending of the names of FIFO queues, whose dead letters only another one can take.
pub(super) const FIFO: &str = ".fifo";

/// The longest name of a queue, in characters.
const MAX_QUEUE_NAME: usize = 80;

/// The longest name of a rule of EventBridge, in characters.
const MAX_RULE_NAME: usize = 64;

/// The name of a new queue for the Source of that name, in which `.` may stand, and in a queue's not.
pub(super) fn queue_name(source: &str) -> String {
    format!("{}-{}", super::ID_PREFIX, source.replace('.', "-"))
}

/// A name for the dead-letter queue of the queue of that name.
pub(crate) fn dead_letter_name(queue: &str) -> String {
    let (stem, ending) = match queue.strip_suffix(FIFO) {
        Some(stem) => (stem, FIFO),
        None => (queue, ""),
    };
    let ending = format!("-dead-letters{ending}");
    let stem: String = stem.chars().take(MAX_QUEUE_NAME - ending.len()).collect();
    format!("{stem}{ending}")
}

/// A name for the rule that sends the events of that bucket to that queue. In the names of standard queues
/// is no `.`, so that no other pair has the same.
pub(crate) fn rule_name(queue: &str, bucket: &str) -> String {
    let name = format!("{queue}.{bucket}");
    if name.len() <= MAX_RULE_NAME {
        return name;
    }
    let hash = format!("-{}", hash(&name));
    let begin: String = name.chars().take(MAX_RULE_NAME - hash.len()).collect();
    begin + &hash
}

/// The Id of one of the notifications to a queue, of which the first has number 1.
pub(crate) fn notification_id(queue: &PlannedQueue, number: usize) -> String {
    format!("{}.{}.{number}", super::ID_PREFIX, queue.name)
}

/// The name with nothing but letters, digits and `_`, beginning with no digit, and no others': `my-queue` as
/// `my_queue`.
pub(super) fn snake_case(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let snake: String = name.chars().map(plain).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{snake}_x{}", hash(name)),
        // Other names could become the same: `a.b` and `a-b`.
        false if !name.chars().all(is_plain) => format!("{snake}_x{}", hash(name)),
        false => snake,
    }
}

/// What tells apart names that would be the same without it.
fn hash(name: &str) -> String {
    format!("{:08x}", xxh3_64(name.as_bytes()) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_queue_is_of_the_same_kind() {
        let long = "q".repeat(MAX_QUEUE_NAME);
        for (name, want) in [
            ("events", "events-dead-letters".to_owned()),
            ("events.fifo", "events-dead-letters.fifo".to_owned()),
            (&long, format!("{}-dead-letters", "q".repeat(67))),
        ] {
            assert_eq!(dead_letter_name(name), want);
        }
    }

    #[test]
    fn a_rule_has_a_name_that_fits_and_is_no_others() {
        assert_eq!(rule_name("events", "acme"), "events.acme");
        let photos = queue_name("photos");
        let of_eu = queue_name("photos-eu");
        assert_ne!(rule_name(&photos, "eu-assets"), rule_name(&of_eu, "assets"));
        let long = "b".repeat(63);
        let (one, other) = (rule_name("one", &long), rule_name("another", &long));
        assert_eq!((one.len(), other.len()), (64, 64));
        assert_ne!(one[55..], other[55..]);
        assert!(one.starts_with("one.bbb"), "{one}");
    }

    #[test]
    fn names_become_words_of_other_languages() {
        assert_eq!(snake_case("my-queue1"), "my_queue1");
        assert!(snake_case("9lives").starts_with("_9lives_x"));
        let alike = [
            "my-queue-1",
            "my_queue1",
            "My-queue1",
            "my--queue1",
            "my-queue1",
            "my.queue1",
        ];
        let mut names: Vec<String> = alike.map(snake_case).into();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(
            names.iter().flat_map(|it| it.chars()).all(is_allowed),
            "{names:?}"
        );
        names.sort();
        names.dedup();
        assert_eq!(names.len(), alike.len(), "{names:?}");
    }
}
