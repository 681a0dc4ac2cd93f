//! Tests names, subdomains and queues that a Source cannot have.

use super::*;
use crate::managed::changes::target::RESERVED_NAMES;

#[test]
fn names_are_used_once() {
    let fixture = Fixture::new();
    let error = fixture.create("fixed", photos()).unwrap_err();
    assert!(
        matches!(error, ChangeError::ManagedByFile { .. }),
        "{error}"
    );
    fixture.create("photos", photos()).unwrap();
    let error = fixture.create("photos", photos()).unwrap_err().to_string();
    assert!(error.contains("already has this name"), "{error}");
}

#[test]
fn subdomain_that_the_index_has_bound_is_refused() {
    let mut fixture = Fixture::new();
    fixture.bind_subdomain("photos", "former");
    let problems = fixture.refusal(fixture.create("photos", photos()));
    assert!(
        problems[0].starts_with("subdomain = \"photos\": is bound to Source \"former\""),
        "{problems:?}"
    );
    fixture.create("former", photos()).unwrap();
}

#[test]
fn queue_and_subdomain_of_an_invisible_source_are_refused_without_its_name() {
    let fixture = Fixture::new();
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/q";
    let with_queue = |subdomain: &str| {
        let mut values = photos();
        values["subdomain"] = subdomain.into();
        values["events"] = json!({"queue_url": queue});
        values
    };
    fixture.create("hidden", with_queue("secret-name")).unwrap();
    fixture.create("photos", photos()).unwrap();
    fixture.create("shared", with_queue("shared")).unwrap();
    let limited = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Actor::who_sees_only("token limited", std::sync::Arc::new(names))
    };
    let edit = |actor: &Actor, name: &str, patch: Value| {
        let change = Change::Update {
            patch: Values(object(patch)),
            if_version: None,
        };
        fixture.apply_as(actor, name, change)
    };
    let one = limited(&["photos", "shared"]);
    for url in [
        queue,
        "https://EU-west-1.queue.amazonaws.com/123456789012/q/",
    ] {
        let problems = fixture.refusal(edit(&one, "photos", json!({"events": {"queue_url": url}})));
        assert!(
            problems[0].starts_with("events.queue_url = "),
            "{problems:?}"
        );
        assert!(!problems.concat().contains("hidden"), "{problems:?}");
    }
    let problems = fixture.refusal(edit(&one, "photos", json!({"subdomain": "secret-name"})));
    assert!(problems[0].starts_with("subdomain = "), "{problems:?}");
    assert!(!problems.concat().contains("hidden"), "{problems:?}");
    // The queue that an operator gave to both stays, and someone who sees both may choose it.
    edit(&one, "shared", json!({"prefix": "other"})).unwrap();
    let both = limited(&["photos", "shared", "hidden"]);
    edit(&both, "photos", json!({"events": {"queue_url": queue}})).unwrap();
}

#[test]
fn names_of_operations_and_nulls_of_a_new_source() {
    let fixture = Fixture::new();
    for name in RESERVED_NAMES {
        let refused = fixture.create(name, photos()).unwrap_err();
        assert!(matches!(&refused, ChangeError::Invalid(it) if it[0].key == "name"));
    }
    let mut values = photos();
    values["prefix"] = Value::Null;
    values["rules"] = json!({"include": null});
    fixture.create("photos", values).unwrap();
    assert_eq!(fixture.source("photos").prefix, "");
}

#[test]
fn no_spelling_of_a_url_takes_a_queue_outside_aws() {
    let fixture = Fixture::new();
    let with_queue = |url: &str| {
        let mut values = photos();
        values["events"] = json!({"queue_url": url, "credentials": values["credentials"]});
        values
    };
    let mut hidden = with_queue("http://8.8.8.8:9324/1/q");
    hidden["subdomain"] = "hidden".into();
    fixture.create("hidden", hidden).unwrap();
    let names = ["photos".to_owned()];
    let one = Actor::who_sees_only("token limited", std::sync::Arc::new(names.into()));
    let create = |url: &str| {
        let change = Change::Create(Values(object(with_queue(url))));
        fixture.apply_as(&one, "photos", change)
    };
    for (url, want) in [
        ("http://8.8.8.8:9324/1/q", "another Source"),
        ("https://8.8.8.8:9324/1/q", "another Source"),
        ("http://8.8.8.8.:09324//1/q//", "another Source"),
        ("http://8.8.2056:9324/1/q", "another Source"),
        ("http://134744072:9324/1/q", "another Source"),
        ("http://0x08.8.8.010:9324/1/q", "another Source"),
        ("http://[::ffff:8.8.8.8]:9324/1/q", "another Source"),
        ("http://8.8.8.8:9324/1/%71", "the path of the URL"),
        ("http://8.8.8.8:9324/%2531/q", "the path of the URL"),
        ("http://8.8.8.8:9324/1%2Fq", "the path of the URL"),
        ("http://8.8.8.8:9324/./1/q", "the path of the URL"),
        ("http://8.8.8.8:9324/1/x/../q", "the path of the URL"),
        ("http://8%2E8.8.8:9324/1/q", "the URL has no host"),
        ("http://a@8.8.8.8:9324/1/q", "a user or a password"),
    ] {
        let problems = fixture.refusal(create(url)).concat();
        let is_about_queue = problems.starts_with("events.queue_url");
        assert!(
            is_about_queue && problems.contains(want),
            "{url}: {problems}"
        );
    }
    create("http://8.8.8.8:9324/1/r").unwrap();
}
