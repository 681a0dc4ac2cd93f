//! Cursors survive the round trip through text, and any other text is refused.

use proptest::prelude::*;

use super::*;
use crate::core::query::forgiving::PlainWords::{Exact, Forgiving};

fn value() -> impl Strategy<Value = SortValue> {
    prop_oneof![
        any::<u64>().prop_map(SortValue::Number),
        any::<i64>().prop_map(SortValue::Time),
        Just(SortValue::Name(String::new())),
        (any::<u32>(), any::<u32>())
            .prop_map(|(score, name_words)| SortValue::Relevance { score, name_words }),
    ]
}

prop_compose! {
    fn cursor()(
        fingerprint in any::<u64>(),
        millis in any::<i64>(),
        mut values in proptest::collection::vec(value(), 0..=MAX_SORT_KEYS),
        path in "/\\PC{0,30}",
        source in "[a-z-]{0,9}",
        attempt in any::<u8>(),
        ranking in proptest::collection::vec(any::<u8>(), 0..40),
        is_backward in any::<bool>(),
    ) -> Cursor {
        for value in &mut values {
            if let SortValue::Name(name) = value {
                *name = fold_name(file_name(&path));
            }
        }
        Cursor {
            fingerprint,
            as_of: Timestamp::from_millis(millis),
            is_backward,
            position: Position { values, path, source, attempt, ranking },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_what_it_wrote(cursor in cursor()) {
        let text = cursor.to_text();
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        prop_assert_eq!(Cursor::parse(&text), Ok(cursor));
    }

    #[test]
    fn refuses_damaged_cursor(cursor in cursor(), position in any::<prop::sample::Index>(), other in "[A-Za-z0-9_-]") {
        let text = cursor.to_text();
        let position = position.index(text.len());
        let mut changed = text.clone();
        changed.replace_range(position..=position, &other);
        if changed != text {
            prop_assert_eq!(Cursor::parse(&changed), Err(CursorError::Damaged));
        }
        prop_assert_eq!(Cursor::parse(&text[..position]), Err(CursorError::Damaged));
        prop_assert_eq!(Cursor::parse(&(text + &other)), Err(CursorError::Damaged));
    }

    #[test]
    fn refuses_arbitrary_text(text in "\\PC{0,60}") {
        prop_assert!(Cursor::parse(&text).is_err());
    }
}

#[test]
fn refuses_too_long_text_and_other_versions() {
    let too_long = "A".repeat(MAX_CURSOR_CHARS + 1);
    assert_eq!(Cursor::parse(&too_long), Err(CursorError::Damaged));
    let mut bytes = vec![VERSION + 1, 7];
    bytes.extend(checksum(&bytes));
    assert_eq!(
        Cursor::parse(&URL_SAFE_NO_PAD.encode(&bytes)),
        Err(CursorError::Version)
    );
    let longest = Cursor {
        fingerprint: 0,
        as_of: Timestamp::from_millis(0),
        is_backward: false,
        position: Position {
            values: vec![SortValue::Number(0); MAX_SORT_KEYS],
            path: "x".repeat(1_025),
            source: "s".repeat(1_000),
            attempt: 0,
            ranking: vec![0; 255],
        },
    };
    assert!(longest.to_text().len() <= MAX_CURSOR_CHARS);
}

/// Clients and logs compare cursors as text, so each cursor must have exactly one.
#[test]
fn refuses_base64_that_is_not_canonical() {
    // Five bytes leave two unused bits in the last letter.
    let content = [VERSION + 1];
    let five: Vec<u8> = content.into_iter().chain(checksum(&content)).collect();
    let text = URL_SAFE_NO_PAD.encode(&five);
    assert_eq!(Cursor::parse(&text), Err(CursorError::Version));
    let (start, last) = text.split_at(text.len() - 1);
    let next_letter = char::from(last.as_bytes()[0] + 1);
    for wrong in [
        format!("{start}{next_letter}"),
        format!("{text}="),
        format!("{text} "),
        format!(" {text}"),
        format!("{text}A"),
        start.to_owned(),
        "A".to_owned(),
        "+/8".to_owned(),
        "é".to_owned(),
    ] {
        assert_eq!(Cursor::parse(&wrong), Err(CursorError::Damaged), "{wrong}");
    }
    // The alphabet is from RFC 4648, section 5, without padding.
    for (bytes, text) in [
        (&b""[..], ""),
        (b"f", "Zg"),
        (b"foobar", "Zm9vYmFy"),
        (&[0xFB, 0xFF], "-_8"),
    ] {
        assert_eq!(URL_SAFE_NO_PAD.encode(bytes), text);
    }
}

fn by_size() -> Sort {
    Sort::by(SortBy::Size)
}

#[test]
fn fingerprint_depends_on_query_sort_and_sources() {
    let path = Sort::default();
    let one = fingerprint("a b", Forgiving, path, &["x", "y"]);
    assert_eq!(fingerprint("a b", Forgiving, path, &["y", "x", "x"]), one);
    for other in [
        fingerprint("a", Forgiving, path, &["x", "y"]),
        fingerprint("a b", Forgiving, by_size(), &["x", "y"]),
        fingerprint("a b", Exact, path, &["x", "y"]),
        fingerprint("a b", Forgiving, path, &["x"]),
        fingerprint("a b", Forgiving, path, &["xy"]),
    ] {
        assert_ne!(other, one);
    }
}

#[test]
fn next_page_starts_where_the_last_one_ended() {
    let now = Timestamp::from_millis(7);
    let position = Position {
        values: vec![SortValue::Number(5)],
        path: "/a".to_owned(),
        source: "x".to_owned(),
        attempt: 3,
        ranking: vec![1, 2],
    };
    let first = PageStart::first(1, now);
    assert_eq!((first.as_of(), first.after()), (now, None));
    let cursor = first.next_cursor(position.clone());
    let second = PageStart::from_cursor(&cursor, 1, by_size()).unwrap();
    assert_eq!((second.as_of(), second.after()), (now, Some(&position)));
    let cursor_back = second.prev_cursor(position.clone());
    let back = PageStart::from_cursor(&cursor_back, 1, by_size()).unwrap();
    assert_eq!((back.after(), back.before()), (None, Some(&position)));
    assert!(back.is_continued() && !first.is_continued());
    assert_eq!(
        PageStart::from_cursor(&cursor, 2, by_size()),
        Err(CursorError::OtherSearch)
    );
    // The fingerprint covers the order, so only a forged cursor has values of another one.
    for other in ["path", "name", "size,name", "name,size"] {
        assert_eq!(
            PageStart::from_cursor(&cursor, 1, Sort::parse(other).unwrap()),
            Err(CursorError::Damaged)
        );
    }
}
