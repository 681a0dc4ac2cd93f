//! Parameters of each type, from a URL and from JSON, and what is wrong with others.

use serde_json::json;

use super::*;

const SPECS: &[&[ParameterSpec]] = &[
    &[
        spec("q", ValueType::Text),
        spec("source", ValueType::RepeatedText),
        spec("name", ValueType::RequiredText),
    ],
    &[
        spec(
            "limit",
            ValueType::Number {
                min: 1,
                max: 1000,
                default: 20,
            },
        ),
        spec("highlights", ValueType::Flag),
        spec("total", ValueType::OneOf(&["exact", "10000"])),
        spec("facets", ValueType::ListOf(&["type", "ext"])),
        spec("sort", ValueType::ListOf(&["size", "-size"])),
        spec("fields", ValueType::List),
        spec("filter[custom:*]", ValueType::Text),
    ],
];

const fn spec(name: &'static str, value_type: ValueType) -> ParameterSpec {
    ParameterSpec {
        name,
        value_type,
        description: "",
    }
}

#[test]
fn parses_parameters_of_each_type() {
    let query = "q=a+b%2B%C3%A9&source=x&source=y&name=&limit=007&highlights=true&facets=ext&facets=\
                 type,ext&filter%5Bcustom:a]=1&fields=a,b&&fields=c";
    let params = Params::read(Some(query), SPECS).unwrap();
    assert_eq!(params.text("q"), Some("a b+é"));
    assert_eq!(params.values("source").collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(params.text("name"), Some(""));
    assert_eq!(params.number("limit"), 7);
    assert!(params.flag("highlights"));
    assert_eq!(params.list("facets"), ["ext", "type"]);
    assert_eq!(params.list("fields"), ["a", "b", "c"]);
    assert!(!params.is_given("total"));
    let custom: Vec<_> = params.with_prefix("filter[").collect();
    assert_eq!(custom, [("filter[custom:a]", "1")]);
    let params = Params::read(Some("name"), SPECS).unwrap();
    assert_eq!(params.number("limit"), 20);
    assert!(!params.flag("highlights"));
}

#[test]
fn rejects_invalid_parameters() {
    let long = format!("name=&q={}", "x".repeat(MAX_VALUE_CHARS + 1));
    let half = "x".repeat(MAX_VALUE_CHARS / 2);
    let long_list = format!("name=&fields={half}&fields={half}");
    for (query, code, parameter, text) in [
        ("", ErrorCode::ParameterMissing, Some("name"), "name="),
        (
            "name=&attributesToRetrieve=path",
            ErrorCode::ParameterUnknown,
            Some("attributesToRetrieve"),
            "write fields=path,size",
        ),
        (
            "name=&sort=bytes:desc",
            ErrorCode::ParameterInvalid,
            Some("sort"),
            "write -size; in general one or more of size,-size",
        ),
        (
            "nme=",
            ErrorCode::ParameterUnknown,
            Some("nme"),
            "q, source, name",
        ),
        ("Q=", ErrorCode::ParameterUnknown, Some("Q"), "\"Q\""),
        ("=1", ErrorCode::ParameterUnknown, Some(""), "\"\""),
        (
            "filter[custom:]=",
            ErrorCode::ParameterUnknown,
            Some("filter[custom:]"),
            "",
        ),
        ("q=a&q=a", ErrorCode::ParameterRepeated, Some("q"), "once"),
        (
            "limit=0",
            ErrorCode::ParameterInvalid,
            Some("limit"),
            "from 1 to 1000",
        ),
        (
            "limit=1001",
            ErrorCode::ParameterInvalid,
            Some("limit"),
            "from 1 to 1000",
        ),
        (
            "limit=%2B1",
            ErrorCode::ParameterInvalid,
            Some("limit"),
            "whole number",
        ),
        (
            "limit=",
            ErrorCode::ParameterInvalid,
            Some("limit"),
            "whole number",
        ),
        (
            "limit=99999999999999999999",
            ErrorCode::ParameterInvalid,
            Some("limit"),
            "whole",
        ),
        (
            "highlights=1",
            ErrorCode::ParameterInvalid,
            Some("highlights"),
            "true or false",
        ),
        (
            "highlights",
            ErrorCode::ParameterInvalid,
            Some("highlights"),
            "true or false",
        ),
        (
            "total=5",
            ErrorCode::ParameterInvalid,
            Some("total"),
            "exact, 10000",
        ),
        (
            "facets=type,,ext",
            ErrorCode::ParameterInvalid,
            Some("facets"),
            "type,ext",
        ),
        (
            "facets=type&facets=",
            ErrorCode::ParameterInvalid,
            Some("facets"),
            "type,ext",
        ),
        (
            "limit=1&limit=1",
            ErrorCode::ParameterRepeated,
            Some("limit"),
            "once",
        ),
        (
            &long_list,
            ErrorCode::ParameterInvalid,
            Some("fields"),
            "4096",
        ),
        ("q=100%", ErrorCode::ParameterInvalid, Some("q"), "%25"),
        ("q=%zz", ErrorCode::ParameterInvalid, Some("q"), "%25"),
        ("q=%ff", ErrorCode::ParameterInvalid, Some("q"), "UTF-8"),
        ("%ff=1", ErrorCode::ParameterInvalid, None, "UTF-8"),
        (&long, ErrorCode::ParameterInvalid, Some("q"), "4096"),
    ] {
        let error = Params::read(Some(query), SPECS).unwrap_err();
        let mut expected = ApiError::new(code, "");
        if let Some(parameter) = parameter {
            expected = expected.for_parameter(parameter);
        }
        assert!(error.is_like(&expected, text), "{query}: {error:?}");
    }
}

#[test]
fn reads_the_same_parameters_from_json() {
    let read = |value: Value| Params::of_json(value.as_object().unwrap(), SPECS);
    let params = read(json!({
        "q": "a=b&c+%2B", "source": ["x", "y"], "name": "", "limit": 7, "highlights": true,
        "facets": ["ext", "type"], "fields": [],
    }));
    let params = params.unwrap();
    assert_eq!(params.text("q"), Some("a=b&c+%2B"));
    assert_eq!(params.values("source").collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(
        (params.number("limit"), params.flag("highlights")),
        (7, true)
    );
    assert_eq!(params.list("facets"), ["ext", "type"]);
    assert!(params.list("fields").is_empty());
    for (value, parameter, text) in [
        (json!({"limit": "7"}), "limit", "must be a number"),
        (json!({"limit": 7.5}), "limit", "whole number"),
        (json!({"limit": 0}), "limit", "from 1 to 1000"),
        (json!({"highlights": "true"}), "highlights", "true or false"),
        (json!({"facets": "ext"}), "facets", "a list of texts"),
        (json!({"facets": ["ext", 1]}), "facets", "a list of texts"),
        (json!({"facets": ["colour"]}), "facets", "type,ext"),
        (json!({"q": null}), "q", "a text"),
    ] {
        let error = read(value).unwrap_err();
        let like = ApiError::invalid_parameter(parameter, "");
        assert!(error.is_like(&like, text), "{error:?}");
    }
    assert_eq!(
        read(json!({"nme": 1})).unwrap_err().code(),
        ErrorCode::ParameterUnknown
    );
    assert_eq!(
        read(json!({})).unwrap_err().code(),
        ErrorCode::ParameterMissing
    );
}

#[test]
fn decodes_a_path_once_and_keeps_plus_signs() {
    for (text, want) in [
        ("/a+b%20c%2525%2Fd//é", "/a+b c%25/d//é"),
        ("", ""),
        ("%00", "\0"),
    ] {
        assert_eq!(percent_decode(text, false).as_deref(), Ok(want), "{text}");
    }
}
