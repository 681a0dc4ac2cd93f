//! Tests how changes seal, replace and keep credentials.

use super::*;

#[test]
fn credentials_are_replaced_as_a_whole() {
    let fixture = Fixture::new();
    fixture.configure("[managed]\nallow_machine_credentials = true");
    fixture.create("photos", photos()).unwrap();
    let rotated =
        json!({"credentials": {"access_key_id": "AKIAOTHER", "secret_access_key": "new"}});
    let applied = fixture.update("photos", rotated).unwrap();
    let want = ["credentials.access_key_id", "credentials.secret_access_key"];
    assert_eq!(applied.fields, want);
    assert_eq!(fixture.secret(&fixture.source("photos").credentials), "new");
    // The same access key keeps its secret.
    let same = json!({"credentials": {"access_key_id": "AKIAOTHER"}});
    assert!(fixture.update("photos", same).unwrap().fields.is_empty());
    // Another one needs another secret.
    let error = fixture.update(
        "photos",
        json!({"credentials": {"access_key_id": "AKIATHIRD"}}),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("credentials.secret_access_key: the secret is missing"),
        "{error}"
    );
    let role = "arn:aws:iam::123456789012:role/reader";
    fixture
        .update("photos", json!({"credentials": {"role_arn": role}}))
        .unwrap();
    let want = Credentials::AssumeRole {
        role_arn: role.to_owned(),
        external_id: None,
    };
    assert_eq!(fixture.source("photos").credentials, want);
    fixture
        .update("photos", json!({"credentials": null}))
        .unwrap();
    assert_eq!(
        fixture.source("photos").credentials,
        Credentials::DefaultChain
    );
}

#[test]
fn new_secret_of_the_same_access_key_is_sealed() {
    let fixture = Fixture::new();
    fixture.create("photos", photos()).unwrap();
    let patch = json!({"credentials": {"secret_access_key": "new"}});
    let changed = fixture.update("photos", patch).unwrap();
    assert_eq!(changed.fields, ["credentials.secret_access_key"]);
    assert_eq!(fixture.secret(&fixture.source("photos").credentials), "new");
    let patch = json!({"credentials": {"external_id": "7"}});
    let error = fixture.update("photos", patch).unwrap_err().to_string();
    let want = "external_id and access_key_id and secret_access_key cannot be combined; set access_key_id with";
    assert!(error.contains(want), "{error}");
}

#[test]
fn secret_that_is_pasted_as_the_id_is_neither_stored_nor_shown() {
    let fixture = Fixture::new();
    let mut values = photos();
    values["credentials"] = json!({"access_key_id": SECRET, "secret_access_key": "AKIAEXAMPLE"});
    let error = fixture.create("photos", values).unwrap_err().to_string();
    assert!(
        error.contains("looks like the secret of the access key"),
        "{error}"
    );
    assert!(!error.contains(SECRET), "{error}");
    assert!(fixture.store.get("photos").unwrap().is_none());
}

#[test]
fn sealed_secret_of_another_source_does_not_open() {
    let fixture = Fixture::new();
    fixture.create("photos", photos()).unwrap();
    let stolen = fixture.text("photos").replace("photos", "theirs");
    let lock = fixture.store.lock().unwrap();
    fixture.store.put("theirs", &stolen, &lock).unwrap();
    let Credentials::AccessKey { secret, .. } = fixture.source("theirs").credentials else {
        panic!("no access key");
    };
    let error = secrets::read(&secret).unwrap_err().to_string();
    assert!(error.contains("belongs to another Source"), "{error}");
    fs::remove_file(fixture.folder.path().join("data/secrets.key")).unwrap();
    let error = secrets::read(&secret).unwrap_err().to_string();
    assert!(
        error.contains("secrets.key does not exist; restore it"),
        "{error}"
    );
}
