//! Tests what a change writes, and that a refused one writes nothing.

use super::*;

#[test]
fn created_source_is_read_back_with_its_secret() {
    let fixture = Fixture::new();
    let applied = fixture.create("photos", photos()).unwrap();
    assert_eq!(applied.action, Action::Create);
    let source = fixture.source("photos");
    assert!(source.is_managed && source.enabled);
    assert_eq!(source.prefix, "images/");
    assert_eq!(fixture.secret(&source.credentials), SECRET);
    assert!(!fixture.source("fixed").is_managed);
    let bytes = all_bytes(fixture.folder.path());
    assert!(
        !contains(&bytes, SECRET),
        "the secret is stored in the clear"
    );
    assert!(contains(&bytes, "AKIAEXAMPLE"));
}

#[test]
fn update_changes_only_what_it_names() {
    let fixture = Fixture::new();
    fixture.create("photos", photos()).unwrap();
    let applied = fixture
        .update(
            "photos",
            json!({"rules": {"include": ["/a"]}, "prefix": null}),
        )
        .unwrap();
    assert_eq!(applied.fields, ["prefix", "rules.include"]);
    let source = fixture.source("photos");
    assert_eq!(source.prefix, "");
    assert_eq!(source.bucket, "photo-bucket");
    assert_eq!(fixture.secret(&source.credentials), SECRET);
    let applied = fixture.update("photos", json!({"enabled": false})).unwrap();
    assert_eq!(applied.action, Action::Disable);
    assert!(!fixture.source("photos").enabled);
    let applied = fixture.update("photos", json!({"enabled": true})).unwrap();
    assert_eq!(applied.action, Action::Enable);
    assert!(fixture.source("photos").enabled);
}

#[test]
fn numbers_and_texts_are_stored_and_removed() {
    let fixture = Fixture::new();
    fixture.create("photos", photos()).unwrap();
    let values = json!({
        "reconcile_every_minutes": 60,
        "annotation": "For the \"press\"\nteam",
        "thumbnail_url": "https://{subdomain}.imgix.net/{path}?w=400",
    });
    let applied = fixture.update("photos", values).unwrap();
    let want = ["annotation", "reconcile_every_minutes", "thumbnail_url"];
    assert_eq!(applied.fields, want);
    let source = fixture.source("photos");
    let hour = std::time::Duration::from_secs(3_600);
    assert_eq!(source.reconcile_every, Some(hour));
    assert_eq!(
        source.annotation.as_deref(),
        Some("For the \"press\"\nteam")
    );
    let thumbnail = source.thumbnail_url("images/a b.psd");
    assert_eq!(
        thumbnail.as_deref(),
        Some("https://photos.imgix.net/a%20b.psd?w=400")
    );
    for number in [json!("often"), json!(1.5), json!(0), json!(u64::MAX)] {
        let patch = json!({"reconcile_every_minutes": number});
        let error = fixture.update("photos", patch).unwrap_err().to_string();
        assert!(error.contains("reconcile_every_minutes"), "{error}");
        assert!(error.contains("number"), "{error}");
    }
    let removed = json!({"reconcile_every_minutes": null, "thumbnail_url": null});
    fixture.update("photos", removed).unwrap();
    let source = fixture.source("photos");
    assert_eq!((source.reconcile_every, source.thumbnail_url), (None, None));
}

#[test]
fn patch_that_changes_nothing_writes_nothing() {
    let fixture = Fixture::new();
    fixture.create("photos", photos()).unwrap();
    // Someone adds a comment by hand.
    let commented = format!("# keep me\n{}", fixture.text("photos"));
    let lock = fixture.store.lock().unwrap();
    let version = fixture.store.put("photos", &commented, &lock).unwrap();
    drop(lock);
    for patch in [
        json!({}),
        json!({"enabled": true}),
        json!({"bucket": "photo-bucket", "region": null, "rules": {}}),
        json!({"credentials": {"access_key_id": "AKIAEXAMPLE"}}),
    ] {
        let applied = fixture.update("photos", patch.clone()).unwrap();
        assert!(applied.changed_nothing(), "{patch}: {applied:?}");
        assert_eq!(applied.version.as_ref(), Some(&version), "{patch}");
    }
    assert_eq!(fixture.text("photos"), commented);
    assert_eq!(fixture.store.history("photos").unwrap().len(), 1);
    let applied = fixture.update("photos", json!({"enabled": false})).unwrap();
    assert!(!applied.changed_nothing());
    assert_ne!(applied.version, Some(version));
}

#[test]
fn refused_change_writes_nothing_and_names_all_mistakes() {
    let fixture = Fixture::new();
    let error = fixture
        .create(
            "photos",
            json!({"bucket": "s3://b", "subdomain": "fixed", "region": ""}),
        )
        .unwrap_err()
        .to_string();
    for words in [
        "bucket = ",
        "subdomain = \"fixed\": Source \"fixed\" already has",
        "region",
    ] {
        assert!(error.contains(words), "{error}");
    }
    assert!(fixture.store.names().unwrap().is_empty());
    assert!(fixture.store.history("photos").unwrap().is_empty());
    assert!(!fixture.folder.path().join("data/secrets.key").exists());
    fixture.create("photos", photos()).unwrap();
    let before = fixture.text("photos");
    for (patch, words) in [
        (json!({"name": "other"}), "cannot change"),
        (json!({"bucket": 5}), "a string"),
        (json!({"bucket": null}), "missing"),
        (json!({"subdomain": "fixed"}), "already has this subdomain"),
        (json!({"rules": {"include": ["["]}}), "rules.include[0]"),
    ] {
        let error = fixture
            .update("photos", patch.clone())
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{patch}: {error}");
    }
    assert_eq!(fixture.text("photos"), before);
    assert_eq!(fixture.store.history("photos").unwrap().len(), 1);
}

#[test]
fn change_sees_what_others_wrote_since_the_command_began() {
    let fixture = Fixture::new();
    fixture.create("photos", photos()).unwrap();
    // Someone adds a Source with the same subdomain to the file while a command waits for the lock.
    let path = fixture.folder.path().join("indexer.toml");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("[[source]]\nname = \"other\"\nbucket = \"my-bucket\"\nsubdomain = \"other\"\n");
    fs::write(&path, text).unwrap();
    let error = fixture
        .update("photos", json!({"subdomain": "other"}))
        .unwrap_err();
    assert!(
        error.to_string().contains("already has this subdomain"),
        "{error}"
    );
    // With a mistake in a file, nothing can be checked, so nothing is written.
    let before = fixture.text("photos");
    fs::write(
        fixture.folder.path().join("data/sources/bad.toml"),
        "name = 5",
    )
    .unwrap();
    let error = fixture
        .update("photos", json!({"enabled": false}))
        .unwrap_err();
    assert!(matches!(error, ChangeError::Configuration(_)), "{error}");
    assert_eq!(fixture.text("photos"), before);
}

#[test]
fn file_of_a_managed_source_has_its_name() {
    let fixture = Fixture::new();
    fixture.create("photos", photos()).unwrap();
    let folder = fixture.folder.path().join("data/sources");
    fs::rename(folder.join("photos.toml"), folder.join("videos.toml")).unwrap();
    let path = fixture.folder.path().join("indexer.toml");
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(
        error.contains("must be the name of the file without .toml"),
        "{error}"
    );
}

#[test]
fn second_editor_does_not_overwrite_the_first() {
    let fixture = Fixture::new();
    let first = fixture.create("photos", photos()).unwrap().version;
    let change = |enabled: bool| Change::Update {
        patch: Values(object(json!({"enabled": enabled}))),
        if_version: first.clone(),
    };
    let second = fixture.apply("photos", change(false)).unwrap().version;
    let error = fixture.apply("photos", change(true)).unwrap_err();
    assert!(matches!(error, ChangeError::Conflict { .. }), "{error}");
    let remove = |if_version| Change::Remove { if_version };
    let error = fixture.apply("photos", remove(first)).unwrap_err();
    assert!(matches!(error, ChangeError::Conflict { .. }), "{error}");
    assert!(!fixture.source("photos").enabled);
    fixture.apply("photos", remove(second)).unwrap();
    assert!(fixture.store.names().unwrap().is_empty());
    let error = fixture.apply("photos", remove(None)).unwrap_err();
    assert!(matches!(error, ChangeError::NotFound { .. }), "{error}");
}

#[test]
fn history_names_fields_and_no_values() {
    let fixture = Fixture::new();
    fixture.create("photos", photos()).unwrap();
    fixture
        .update("photos", json!({"prefix": "other"}))
        .unwrap();
    fixture
        .apply("photos", Change::Remove { if_version: None })
        .unwrap();
    let history = fixture.store.history("photos").unwrap();
    let actions: Vec<Action> = history.iter().map(|entry| entry.action).collect();
    assert_eq!(actions, [Action::Create, Action::Update, Action::Remove]);
    let created = &history[0].fields;
    assert!(
        created.contains(&"credentials.secret_access_key".to_owned()),
        "{created:?}"
    );
    assert_eq!(history[1].fields, ["prefix"]);
    let text = serde_json::to_string(&history).unwrap();
    assert!(
        !text.contains(SECRET) && !text.contains("AKIAEXAMPLE"),
        "{text}"
    );
}
