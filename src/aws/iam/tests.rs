//! The permissions that configurations need, and the policies that grant them.

use serde_json::{Value, json};

use super::*;
use crate::core::source::rules::RuleSelection;
use crate::core::source::{Rules, SecretPlace};

const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/events";

fn source(name: &str, bucket: &str, prefix: &str, include: &[&str]) -> Source {
    let include = include
        .iter()
        .map(|&rule| rule.to_owned())
        .collect::<Vec<_>>();
    let include = (!include.is_empty()).then_some(RuleSelection::Paths(include));
    Source {
        prefix: prefix.to_owned(),
        region: Some("eu-west-1".to_owned()),
        rules: Rules::new(include, None, false).unwrap(),
        ..Source::new(name, bucket, name)
    }
}

fn events(credentials: Credentials) -> Option<Events> {
    Some(Events {
        queue_url: QUEUE.to_owned(),
        region: None,
        credentials,
    })
}

fn role() -> Credentials {
    Credentials::AssumeRole {
        role_arn: "arn:aws:iam::123456789012:role/assets".to_owned(),
        external_id: None,
    }
}

/// The statements of the only identity, by their Sids.
fn statements(sources: &[Source], options: &PolicyOptions) -> Value {
    let sources: Vec<&Source> = sources.iter().collect();
    let permissions = of_sources(&sources, options);
    let [(Identity::Default, permissions)] = &permissions[..] else {
        panic!("not one identity: {permissions:?}");
    };
    by_sid(permissions)
}

fn by_sid(permissions: &[Permission]) -> Value {
    let document = serde_json::to_value(Policy::of(permissions)).unwrap();
    let mut named = serde_json::Map::new();
    for statement in document["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        let sid = statement["Sid"].as_str().unwrap().to_owned();
        assert!(sid.chars().all(|c| c.is_ascii_alphanumeric()), "{sid}");
        let mut rest = statement.clone();
        for key in ["Sid", "Effect", "Action"] {
            rest.as_object_mut().unwrap().remove(key);
        }
        assert!(named.insert(sid.clone(), rest).is_none(), "{sid} twice");
    }
    Value::Object(named)
}

#[test]
fn whole_bucket_needs_only_list_permission() {
    assert_eq!(
        statements(&[source("a", "acme", "", &[])], &PolicyOptions::default()),
        json!({ "ListBuckets": { "Resource": ["arn:aws:s3:::acme"] } })
    );
}

#[test]
fn list_permission_covers_only_the_listed_prefixes() {
    let sources = [
        source("a", "acme.1", "photos/", &["/2024", "/50%*.jpg", "/2024/x"]),
        source("b", "acme.1", "docs/", &[]),
        source("c", "acme-1", "", &["/a?b/"]),
        source("d", "whole", "", &[]),
        source("e", "whole", "x/", &[]),
    ];
    let prefixes = |bucket: &str, patterns: &[&str]| {
        json!({
            "Resource": [format!("arn:aws:s3:::{bucket}")],
            "Condition": { "StringLike": { "s3:prefix": patterns } },
        })
    };
    assert_eq!(
        statements(&sources, &PolicyOptions::default()),
        json!({
            "ListBuckets": { "Resource": ["arn:aws:s3:::whole"] },
            "ListPrefixesOfAcme1": prefixes("acme-1", &["a*"]),
            "ListPrefixesOfAcme1N2": prefixes(
                "acme.1",
                &["docs/*", "photos/2024", "photos/2024/*", "photos/50%*"],
            ),
        })
    );
}

#[test]
fn escapes_wildcards_in_a_prefix() {
    assert_eq!(
        statements(
            &[source("a", "acme", "50* $5?/", &[])],
            &PolicyOptions::default()
        ),
        json!({ "ListPrefixesOfAcme": {
            "Resource": ["arn:aws:s3:::acme"],
            "Condition": { "StringLike": { "s3:prefix": ["50${*} ${$}5${?}/*"] } },
        } })
    );
}

#[test]
fn optional_features_add_permissions() {
    let full = Source {
        events: events(Credentials::DefaultChain),
        region: None,
        ..source("a", "acme", "photos/", &["/2024/"])
    };
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1";
    let options = PolicyOptions {
        previews: true,
        check: true,
        kms_keys: vec![key.to_owned()],
        partitions: Partitions::default(),
    };
    let bucket = json!({ "Resource": ["arn:aws:s3:::acme"] });
    let list = json!({
        "Resource": ["arn:aws:s3:::acme"],
        "Condition": { "StringLike": { "s3:prefix": ["photos/2024/*"] } },
    });
    let queue = json!({ "Resource": ["arn:aws:sqs:eu-west-1:123456789012:events"] });
    assert_eq!(
        statements(std::slice::from_ref(&full), &options),
        json!({
            "FindRegions": bucket,
            "ListPrefixesOfAcme": list,
            "ReadForPreviews": { "Resource": ["arn:aws:s3:::acme/photos/2024/*"] },
            "ReadNotifications": bucket,
            "FollowEvents": queue,
            "Decrypt": { "Resource": [key] },
        })
    );
    let external = Source {
        endpoint_order: EndpointOrder::ExternalFirst,
        base_url: "https://cdn.example.com".to_owned(),
        events: None,
        ..full.clone()
    };
    let payer = Source {
        request_payer: true,
        base_url: full.base_url.clone(),
        ..external.clone()
    };
    let thumbnails = Source {
        thumbnail_url: Some("https://thumbs.example.com{path}".to_owned()),
        base_url: full.base_url.clone(),
        ..external.clone()
    };
    let only_list = json!({ "ListPrefixesOfAcme": list });
    for (name, source) in [
        ("own address", external),
        ("requester pays", payer),
        ("thumbnails", thumbnails),
    ] {
        assert_eq!(statements(&[source], &options), only_list, "{name}");
    }
    let listed = statements(&[full], &PolicyOptions::default());
    let sids: Vec<&String> = listed.as_object().unwrap().keys().collect();
    assert_eq!(sids, ["FindRegions", "FollowEvents", "ListPrefixesOfAcme"]);
}

#[test]
fn each_identity_gets_its_own_permissions() {
    let key = Credentials::AccessKey {
        access_key_id: "AKIA".to_owned(),
        secret: SecretPlace::File("/secret".into()),
    };
    let first = Source {
        credentials: role(),
        events: events(key),
        ..source("a", "acme", "", &[])
    };
    let second = Source {
        credentials: Credentials::Profile("p".to_owned()),
        ..source("b", "other", "", &[])
    };
    let third = Source {
        credentials: role(),
        ..source("c", "third", "", &[])
    };
    let permissions = of_sources(&[&first, &second, &third], &PolicyOptions::default());
    let permissions: Vec<(String, Value)> = permissions
        .iter()
        .map(|(identity, permissions)| (identity.to_string(), by_sid(permissions)))
        .collect();
    let role = "arn:aws:iam::123456789012:role/assets";
    let list = |buckets: &[&str]| json!({ "ListBuckets": { "Resource": buckets } });
    let queue = json!({ "FollowEvents": {
        "Resource": ["arn:aws:sqs:eu-west-1:123456789012:events"],
    } });
    assert_eq!(
        permissions,
        [
            (
                "default".to_owned(),
                json!({ "AssumeRoles": { "Resource": [role] } })
            ),
            (
                role.to_owned(),
                list(&["arn:aws:s3:::acme", "arn:aws:s3:::third"])
            ),
            ("key:AKIA".to_owned(), queue),
            ("profile:p".to_owned(), list(&["arn:aws:s3:::other"])),
        ]
    );
}

#[test]
fn document_has_version_and_actions() {
    let permissions = [Permission::ConsumeQueue("q".to_owned())];
    let document = Policy::of(&permissions);
    let json = r#"{"Version":"2012-10-17","Statement":[{"Sid":"FollowEvents","Effect":"Allow","Action":["sqs:ReceiveMessage","sqs:DeleteMessage","sqs:ChangeMessageVisibility","sqs:GetQueueAttributes"],"Resource":["q"]}]}"#;
    assert_eq!(serde_json::to_string(&document).unwrap(), json);
    assert_eq!(document.characters(), json.len());
}

#[test]
fn notes_are_printed_once() {
    let of = |source: Source, identity: &Identity| {
        let twin = Source {
            name: "twin".to_owned(),
            ..source.clone()
        };
        notes::of_sources(&[&source, &twin], identity, &Partitions::default()).join("\n")
    };
    let plain = source("a", "acme", "", &[]);
    let with = |change: fn(&mut Source)| {
        let mut source = plain.clone();
        change(&mut source);
        source
    };
    let default = &Identity::Default;
    let assumed = &Identity::of(&role());
    let unknown_queue: fn(&mut Source) = |source| {
        source.events = Some(Events {
            queue_url: "http://127.0.0.1:1/q".to_owned(),
            region: None,
            credentials: Credentials::DefaultChain,
        });
    };
    for (name, source, identity, want) in [
        ("plain", plain.clone(), default, ""),
        ("other identity", with(|s| s.region = None), assumed, ""),
        (
            "no Region",
            with(|s| s.region = None),
            default,
            "HeadBucket|assumes the partition aws",
        ),
        (
            "store",
            with(|s| s.endpoint_url = Some("http://s3".into())),
            default,
            "http://s3",
        ),
        (
            "alias",
            with(|s| s.bucket = "a-1-s3alias".into()),
            default,
            "access point",
        ),
        (
            "letters",
            with(|s| s.prefix = "写/".into()),
            default,
            "cannot contain",
        ),
        ("queue", with(unknown_queue), default, "does not name"),
        (
            "role",
            with(|s| s.credentials = role()),
            assumed,
            "trust policy",
        ),
        (
            "role of another",
            with(|s| s.credentials = role()),
            default,
            "",
        ),
    ] {
        let notes = of(source, identity);
        let wanted: Vec<&str> = want.split('|').filter(|it| !it.is_empty()).collect();
        assert_eq!(notes.lines().count(), wanted.len(), "{name}: {notes}");
        for (note, want) in notes.lines().zip(wanted) {
            assert!(note.contains(want), "{name}: {notes}");
        }
    }
}
