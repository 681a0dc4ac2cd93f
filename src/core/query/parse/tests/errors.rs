//! Errors: their position and their advice.

use proptest::prelude::*;

use super::*;

#[test]
fn errors_have_position_and_advice() {
    for (text, column, shown, hint) in [
        ("- / &", 1, "-", "no letter or digit"),
        ("(&)", 2, "&", "no letter or digit"),
        ("name:\"-\"", 1, "name:\"-\"", "no letter or digit"),
        ("a \"b c", 3, "\"b c", "not closed"),
        ("é folder:\"b", 10, "\"b", "not closed"),
        ("a \"b\"c d", 6, "c", "a space after it"),
        ("ext:\"jpg\",\"png\"", 10, ",\"png\"", "a space after it"),
        ("folder:(a)/b", 11, "/b", "a space after it"),
        ("é http://x", 3, "http://x", "folder, path, name, ext"),
        ("http://x/%FF", 1, "http://x/%FF", "invalid percent escape"),
        ("http://x/%4", 1, "http://x/%4", "invalid percent escape"),
        ("-a:b", 1, "-a:b", "\"a:…\""),
        ("größe:1", 1, "größe:1", "no field \"größe\""),
        ("a width > 500", 3, "width >", "no field \"width\""),
        ("tags=kitten b", 1, "tags=kitten", "no field \"tags\""),
        ("public_id:x*", 1, "public_id:x*", "path:/photos/a*"),
        ("filter=size > 1000", 1, "filter=size", "size>1000"),
        ("q=summer", 1, "q=summer", "the words"),
        ("a sort=size:desc", 3, "sort=size:desc", "--sort=-size"),
        ("limit=5", 1, "limit=5", "--limit 50"),
        (
            "metadata.color:red",
            1,
            "metadata.color",
            "no field \"metadata.color\"",
        ),
        ("tags IN [a, b]", 1, "tags", "no field \"tags\""),
        ("_geoRadius(1, 2, 3)", 1, "_geoRadius", "no places"),
        ("a size 1 TO 1000", 3, "size 1 TO 1000", "size:>1mb"),
        ("ext EXISTS", 1, "ext EXISTS", "ext:jpg"),
        ("name CONTAINS red", 1, "name CONTAINS red", "name:red"),
        ("a ext:", 3, "ext:", "ext:jpg"),
        ("(ext: )", 2, "ext:", "ext:jpg"),
        ("ext: OR b", 1, "ext:", "ext:jpg"),
        ("folder:\"\"", 1, "folder:\"\"", "folder:/photos"),
        ("size:", 1, "size:", "size:>1mb"),
        ("size >", 1, "size >", "size:>1mb"),
        ("modified:", 1, "modified:", "modified:2026"),
        ("name IN [a, \"\"]", 1, "name IN [a, \"\"]", "name:red"),
        ("name IN [a, b", 9, "[a, b", "bracket is not closed"),
        (
            "name IN [\"a\" \"b\"]",
            9,
            "[\"a\" \"",
            "bracket is not closed",
        ),
        ("size:[1 TO 2", 6, "[1 TO 2", "bracket is not closed"),
        ("size:[1 TO 2]x", 14, "x", "a space after it"),
        ("ext:jpg,", 1, "ext:jpg,", "ext:jpg,png"),
        ("ext:tar.gz", 1, "ext:tar.gz", "after the last dot"),
        (
            "ext:12345678901234567",
            1,
            "ext:12345678901234567",
            "1 to 16",
        ),
        (
            "type:picturesque",
            1,
            "type:picturesque",
            "image, video, audio",
        ),
        ("sunst~3", 1, "sunst~3", "write ~ for one, or ~2"),
        ("sunst~0", 1, "sunst~0", "write ~ for one, or ~2"),
        ("source:photos", 1, "source:photos", "--source NAME"),
        (
            "modified:last week",
            1,
            "modified:last",
            "modified:\"last week\"",
        ),
        (
            "modified:tomorrow",
            1,
            "modified:tomorrow",
            "modified:today",
        ),
        ("ext:jpg|", 1, "ext:jpg|", "ext:jpg"),
        ("storage:a.b", 1, "storage:a.b", "storage:GLACIER"),
        ("name>red", 1, "name>red", "use : or ="),
        ("a -size:big", 3, "-size:big", "size:<=500kb"),
        ("size:5mb..1mb", 1, "size:5mb..1mb", "ends before it begins"),
        ("size:[1 2]", 1, "size:[1 2]", "[1mb TO 5mb]"),
        ("modified:7d", 1, "modified:7d", "modified:<7d"),
        (
            "createdAt:7d",
            1,
            "createdAt:7d",
            "createdAt>7d for younger",
        ),
        // The advice has the name of the field as it was written.
        ("created:7d", 1, "created:7d", "write created:<7d for"),
        ("first_seen:7d", 1, "first_seen:7d", "or first_seen:>7d for"),
        ("created:(2026 OR 7d)", 18, "7d", "write created:<7d for"),
        (
            "Created:soon",
            1,
            "Created:soon",
            "write Created:2026, Created:",
        ),
        ("bytes:big", 1, "bytes:big", "write bytes:1234, bytes:>1mb"),
        ("format:", 1, "format:", "for example, format:jpg"),
        (
            "extension:a.b",
            1,
            "extension:a.b",
            "write extension:jpg, or extension:",
        ),
        (
            "kind:painting",
            1,
            "kind:painting",
            "write kind:image, or kind:image,",
        ),
        (
            "storage_class:a.b",
            1,
            "storage_class:a.b",
            "in storage_class:GLACIER",
        ),
        (
            "filename>red",
            1,
            "filename>red",
            "the values of filename have",
        ),
        (
            "uploaded_at:[1w TO 4w]",
            1,
            "uploaded_at:[1w TO 4w]",
            "swap its ends",
        ),
        (
            "modified:2026-02-30",
            1,
            "modified:2026-02-30",
            "modified:2026-01",
        ),
        ("OR a", 1, "OR", "lower case"),
        ("a AND", 3, "AND", "lower case"),
        ("a OR OR b", 6, "OR", "lower case"),
        ("a (b OR )", 6, "OR", "lower case"),
        ("(AND a)", 2, "AND", "lower case"),
        ("DO NOT", 4, "NOT", "lower case"),
        ("é (a b", 3, "(", "add a ) at its end"),
        ("a) b", 2, ")", "no opening ("),
        ("(a))", 4, ")", "no opening ("),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(
            (error.column, error.text.as_str()),
            (column, shown),
            "{text:?}: {error}"
        );
        let message = error.to_string();
        assert!(message.contains(hint), "{text:?}: {message}");
        assert!(message.contains(&format!("column {column} ")), "{message}");
    }
}

#[test]
fn limits_length_terms_and_depth() {
    let longest = "é".repeat(MAX_QUERY_BYTES / 2);
    assert!(parse(&longest).is_ok());
    let error = parse(&(longest + "xyz")).unwrap_err();
    assert_eq!(
        (error.column, error.text.as_str()),
        (MAX_QUERY_BYTES / 2 + 1, "xyz")
    );
    assert_eq!(error.problem, QueryProblem::TooLong);

    let most = "a ".repeat(MAX_TERMS);
    assert!(parse(&most).is_ok());
    let error = parse(&(most.clone() + "b")).unwrap_err();
    assert_eq!(
        (error.column, error.text.as_str()),
        (2 * MAX_TERMS + 1, "b")
    );
    assert_eq!(error.problem, QueryProblem::TooManyTerms);
    assert!(parse(&(most + "- &")).is_ok());
    let listed = format!("name IN [{}]", vec!["a"; MAX_TERMS + 1].join(","));
    assert_eq!(
        parse(&listed).unwrap_err().problem,
        QueryProblem::TooManyTerms
    );

    let deep = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&deep(MAX_DEPTH)).is_ok());
    let error = parse(&deep(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error.problem, QueryProblem::TooDeep);
    assert_eq!((error.column, error.text.as_str()), (MAX_DEPTH + 1, "("));
    let error = parse(&("NOT ".repeat(200) + "a")).unwrap_err();
    assert_eq!(error.problem, QueryProblem::TooDeep);
}

fn points_into(text: &str, error: &QueryError) -> bool {
    let from_column: String = text.chars().skip(error.column - 1).collect();
    !error.text.is_empty() && from_column.starts_with(&error.text)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn error_of_arbitrary_text_points_into_it(text in "\\PC{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(points_into(&text, &error), "{error:?}");
        }
    }

    #[test]
    fn error_of_almost_valid_text_points_into_it(
        text in "((-|\\(|NOT |)(ext|folder|size|name|createdAt|x|)( ?)(:|=|>|!=|IN |)( ?)(\"|\\[|\\(|)[<>=0-9a-z.,/\"\\\\é*?~ -]{0,8}(\"|\\]|\\)|)( | OR | AND | TO )?){0,5}"
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(points_into(&text, &error), "{error:?}");
        }
    }
}
