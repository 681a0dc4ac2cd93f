//! Cursors come back as they were, and nothing else is taken for one.

use proptest::prelude::*;

use super::*;
use crate::core::query::sort::SortBy;

fn value() -> impl Strategy<Value = SortValue> {
    prop_oneof![
        Just(SortValue::Path),
        any::<u64>().prop_map(SortValue::Number),
        any::<i64>().prop_map(SortValue::Moment),
        Just(SortValue::Name(String::new())),
        (any::<u32>(), any::<u32>())
            .prop_map(|(score, name_words)| SortValue::Relevance { score, name_words }),
    ]
}

prop_compose! {
    fn cursor()(
        fingerprint in any::<u64>(),
        millis in any::<i64>(),
        mut value in value(),
        path in "/\\PC{0,30}",
        source in "[a-z-]{0,9}",
    ) -> Cursor {
        if let SortValue::Name(name) = &mut value {
            *name = fold_name(file_name(&path));
        }
        Cursor {
            fingerprint,
            as_of: Timestamp::from_millis(millis),
            position: Position { value, path, source },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cursor_comes_back(cursor in cursor()) {
        let text = cursor.to_text();
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        prop_assert_eq!(Cursor::parse(&text), Ok(cursor));
    }

    #[test]
    fn a_damaged_cursor_is_refused(cursor in cursor(), place in any::<prop::sample::Index>(), other in "[A-Za-z0-9_-]") {
        let text = cursor.to_text();
        let place = place.index(text.len());
        let mut changed = text.clone();
        changed.replace_range(place..=place, &other);
        if changed != text {
            prop_assert_eq!(Cursor::parse(&changed), Err(CursorError::Damaged));
        }
        prop_assert_eq!(Cursor::parse(&text[..place]), Err(CursorError::Damaged));
        prop_assert_eq!(Cursor::parse(&(text + &other)), Err(CursorError::Damaged));
    }

    #[test]
    fn arbitrary_text_is_no_cursor(text in "\\PC{0,60}") {
        prop_assert!(Cursor::parse(&text).is_err());
    }
}

#[test]
fn bounds_and_versions() {
    let too_long = "A".repeat(MAX_CURSOR_CHARS + 1);
    assert_eq!(Cursor::parse(&too_long), Err(CursorError::Damaged));
    let mut bytes = vec![VERSION + 1, 7];
    bytes.extend(check(&bytes));
    assert_eq!(
        Cursor::parse(&base64::to_text(&bytes)),
        Err(CursorError::Version)
    );
    let longest = Cursor {
        fingerprint: 0,
        as_of: Timestamp::from_millis(0),
        position: Position {
            value: SortValue::Number(0),
            path: "x".repeat(1_025),
            source: "s".repeat(1_000),
        },
    };
    assert!(longest.to_text().len() <= MAX_CURSOR_CHARS);
}

#[test]
fn a_fingerprint_tells_searches_apart() {
    let path = Sort::default();
    let by_size = Sort {
        by: SortBy::Size,
        descending: false,
    };
    let one = fingerprint("a b", path, &["x", "y"]);
    assert_eq!(fingerprint("a b", path, &["y", "x", "x"]), one);
    for other in [
        fingerprint("a", path, &["x", "y"]),
        fingerprint("a b", by_size, &["x", "y"]),
        fingerprint("a b", path, &["x"]),
        fingerprint("a b", path, &["xy"]),
    ] {
        assert_ne!(other, one);
    }
}
