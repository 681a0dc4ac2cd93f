//! Tests that the document is published, consistent, and complete.

use std::collections::BTreeSet;

use axum::http::StatusCode;

use super::check::check_value;
use super::*;
use crate::serve::http::api::error::ErrorCode;

mod answers;

#[test]
fn published_document_is_up_to_date() {
    let published = include_str!("../../../../../schema/openapi.json");
    if published != text() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/target/openapi.json");
        std::fs::write(file, text()).unwrap();
        panic!("schema/openapi.json is out of date: replace it with {file}");
    }
}

/// All values below a part of the document, with their keys.
fn visit(part: &Value, key: &str, look: &mut impl FnMut(&str, &Value)) {
    look(key, part);
    match part {
        Value::Object(members) => members.iter().for_each(|(key, it)| visit(it, key, look)),
        Value::Array(items) => items.iter().for_each(|it| visit(it, key, look)),
        _ => {}
    }
}

#[test]
fn every_reference_exists_and_every_component_is_used() {
    let document = document();
    let mut named = BTreeSet::new();
    visit(&document, "", &mut |key, value| {
        if key == "$ref" {
            let reference = value.as_str().unwrap().trim_start_matches('#');
            assert!(document.pointer(reference).is_some(), "{reference}");
            named.insert(reference.to_owned());
        }
    });
    for kind in ["headers", "responses", "schemas"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("/components/{kind}/{name}");
            assert!(named.contains(&reference), "{reference} is not used");
        }
    }
    assert!(named.len() > 50, "only {} references", named.len());
}

/// Without a type or a format, clients get a wrong type: a number of 32 bits, or none at all.
#[test]
fn every_schema_says_its_type() {
    visit(&document(), "", &mut |key, value| {
        let Some(schema) = value.as_object() else {
            return;
        };
        let is_type = |kind: &str| match &schema["type"] {
            Value::Array(kinds) => kinds.iter().any(|it| it == kind),
            one => one == kind,
        };
        if schema
            .get("type")
            .is_some_and(|it| it.is_string() || it.is_array())
        {
            assert!(
                !is_type("integer") || schema.contains_key("format"),
                "{key}: {value}"
            );
            assert!(
                !is_type("array") || schema.contains_key("items"),
                "{key}: {value}"
            );
            let is_closed = ["properties", "additionalProperties", "maxProperties"];
            let is_closed = is_closed.iter().any(|it| schema.contains_key(*it));
            assert!(!is_type("object") || is_closed, "{key}: {value}");
        } else if schema.contains_key("enum") || schema.contains_key("properties") {
            // A member may have the name `type`.
            assert!(
                schema.get("type").is_some_and(Value::is_object),
                "{key}: {value}"
            );
        }
    });
}

fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
    });
    operations.collect()
}

#[test]
fn operation_ids_and_parameter_names_are_unique() {
    let operations = operations(&document());
    let mut ids = BTreeSet::new();
    for (path, operation) in &operations {
        assert!(ids.insert(operation["operationId"].to_string()), "{path}");
        let mut names = BTreeSet::new();
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(names.insert(parameter["name"].to_string()), "{path}");
        }
    }
}

/// Whether a request that only reads, and one that changes something, can get this error.
fn arises(code: ErrorCode) -> (bool, bool) {
    use ErrorCode as E;
    match code {
        E::QueryInvalid
        | E::CursorInvalid
        | E::CursorOfAnotherQuery
        | E::ParameterRepeated
        | E::ParameterMissing
        | E::TooSlow
        | E::IndexAbsent => (true, false),
        E::ParameterUnknown
        | E::ParameterInvalid
        | E::PathInvalid
        | E::Unauthenticated
        | E::Forbidden
        | E::HostInvalid
        | E::HostUnknown
        | E::NotFound
        | E::MethodNotAllowed
        | E::UriTooLong
        | E::Busy
        | E::IndexFailed
        | E::Internal => (true, true),
        E::OriginNotAllowed
        | E::CodeInvalid
        | E::HeaderInvalid
        | E::BodyInvalid
        | E::BodyTooSlow
        | E::BodyTooLarge
        | E::ContentTypeUnsupported
        | E::ValueInvalid
        | E::TestFailed
        | E::ManagedByFile
        | E::VersionDiffers
        | E::TooManySources
        | E::StoredFileInvalid
        | E::SourceDisabled
        | E::IdempotencyKeyReused
        | E::RequestInProgress
        | E::ReadOnly
        | E::Unavailable
        | E::ConfigurationInvalid
        | E::ChangeFailed
        | E::StorageFull => (false, true),
    }
}

#[test]
fn every_error_has_its_status_in_the_document() {
    let document = document();
    for (path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        // Exchanging a code changes no Source, and neither do searches in a body.
        let posts = ["/v1/session", "/v1/searches"];
        let is_read = path.starts_with("get ") || posts.iter().any(|post| path.ends_with(post));
        for code in ErrorCode::ALL {
            let (reads, writes) = arises(code);
            let is_possible = if is_read { reads } else { writes };
            let status = code.status();
            let may_be_missing = status == StatusCode::NOT_FOUND;
            let is_there = responses.contains_key(status.as_str());
            assert!(
                !is_possible || is_there || may_be_missing,
                "{path}: {status}"
            );
        }
        assert!(responses.contains_key("431"), "{path}");
    }
}

#[test]
fn the_check_forbids_what_the_document_does_not_name() {
    let document = document();
    let schema = schema_ref("Total");
    for (value, problem) in [
        (json!({ "value": 1, "relation": "eq" }), None),
        (json!({ "value": 1 }), Some("\"relation\" is missing")),
        (json!({ "value": -1, "relation": "eq" }), Some("/value: -1")),
        (
            json!({ "value": 1.5, "relation": "eq" }),
            Some("/value: 1.5"),
        ),
        (json!({ "value": 1, "relation": "lt" }), Some("/relation")),
        (
            json!({ "value": 1, "relation": "eq", "x": 1 }),
            Some("no member \"x\""),
        ),
        (json!([]), Some("type")),
    ] {
        let found = check_value(&document, &schema, &value);
        match problem {
            None => assert_eq!(found, Ok(())),
            Some(problem) => assert!(found.clone().unwrap_err().contains(problem), "{found:?}"),
        }
    }
}
