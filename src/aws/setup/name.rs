//! Names and ids for the planned resources. They are deterministic and fit the limits of AWS.

use xxhash_rust::xxh3::xxh3_64;

use super::PlannedQueue;

/// The suffix of the names of FIFO queues. Their dead-letter queues must be FIFO queues too.
pub(super) const FIFO: &str = ".fifo";

/// The maximum length of a queue name, in characters.
const MAX_QUEUE_NAME: usize = 80;

/// The maximum length of the name of an EventBridge rule, in characters.
const MAX_RULE_NAME: usize = 64;

/// The name of a new queue for a Source. The name of a Source can have a `.`, the name of a queue cannot.
pub(super) fn queue_name(source: &str) -> String {
    format!("{}-{}", super::ID_PREFIX, source.replace('.', "-"))
}

/// The name of the dead-letter queue of a queue.
pub(crate) fn dead_letter_name(queue: &str) -> String {
    let (stem, ending) = match queue.strip_suffix(FIFO) {
        Some(stem) => (stem, FIFO),
        None => (queue, ""),
    };
    let ending = format!("-dead-letters{ending}");
    let stem: String = stem.chars().take(MAX_QUEUE_NAME - ending.len()).collect();
    format!("{stem}{ending}")
}

/// The name of the rule that forwards the events of a bucket to a queue. It is unique, because the name of
/// a standard queue has no `.`.
pub(crate) fn rule_name(queue: &str, bucket: &str) -> String {
    let name = format!("{queue}.{bucket}");
    if name.len() <= MAX_RULE_NAME {
        return name;
    }
    let hash = format!("-{}", hash(&name));
    let begin: String = name.chars().take(MAX_RULE_NAME - hash.len()).collect();
    begin + &hash
}

/// The id of a notification to a queue. Numbers start at 1.
pub(crate) fn notification_id(queue: &PlannedQueue, number: usize) -> String {
    format!("{}.{}.{number}", super::ID_PREFIX, queue.name)
}

/// A unique label with only letters, digits and `_` that does not start with a digit: `my_queue` for
/// `my-queue`.
pub(super) fn snake_case(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let snake: String = name.chars().map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{snake}_x{}", hash(name))
    } else if !name.chars().all(is_plain) {
        // The hash makes it unique: `a.b` and `a-b` would get the same label.
        format!("{snake}_x{}", hash(name))
    } else {
        snake
    }
}

/// A short hash that distinguishes similar names.
fn hash(name: &str) -> String {
    format!("{:08x}", xxh3_64(name.as_bytes()) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letter_queue_of_a_fifo_queue_is_a_fifo_queue() {
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
    fn rule_names_fit_and_are_unique() {
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
    fn labels_are_valid_and_unique() {
        assert_eq!(snake_case("my-queue1"), "my_queue1");
        assert!(snake_case("9lives").starts_with("_9lives_x"));
        let similar = [
            "my-queue-1",
            "my_queue1",
            "My-queue1",
            "my--queue1",
            "my-queue1",
            "my.queue1",
        ];
        let mut names: Vec<String> = similar.map(snake_case).into();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(
            names.iter().flat_map(|it| it.chars()).all(is_allowed),
            "{names:?}"
        );
        names.sort();
        names.dedup();
        assert_eq!(names.len(), similar.len(), "{names:?}");
    }
}
