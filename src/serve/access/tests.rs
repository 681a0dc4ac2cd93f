//! What a token opens, and what becomes of it when its file changes.

use std::os::unix::fs::PermissionsExt;

use super::entry::TokenEntry;
use super::token::Token;
use super::*;

/// A folder with a tokens file, and the texts of its tokens.
struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    /// The text of a new token.
    fn add(
        &self,
        name: &str,
        right: AccessLevel,
        scope: SourceScope,
        expires: Option<&str>,
    ) -> String {
        let token = Token::generate().unwrap();
        let entry = TokenEntry {
            name: name.to_owned(),
            right,
            scope,
            hash: token.hash(),
            expires: expires.map(|text| text.parse().unwrap()),
        };
        edit::add(&self.path(), &entry).unwrap();
        token.to_string()
    }

    fn access(&self) -> Access {
        Access::from_file(&self.path()).unwrap()
    }
}

/// What is granted when that long has passed since the file was looked at.
fn later(access: &Access, after: Duration, text: &str) -> Result<Grant, TokenError> {
    let followed = access.0.as_ref().unwrap();
    let now = followed.lock().looked + after;
    grant(&followed.tokens(now), Some(text), Timestamp::now())
}

#[test]
fn without_tokens_everybody_sees_everything() {
    let access = Access::open();
    for bearer in [None, Some("anything")] {
        assert_eq!(access.grant(bearer), Ok(Grant::ALL));
    }
    assert!(access.is_open() && Grant::ALL.is_admin() && Grant::ALL.sees_all());
}

#[test]
fn each_token_opens_what_its_entry_says() {
    let tokens = Fixture::new();
    let photos = tokens.add(
        "photos",
        AccessLevel::Read,
        SourceScope::only(["photos"]),
        None,
    );
    let all = tokens.add("all", AccessLevel::Read, SourceScope::All, None);
    let watch = tokens.add(
        "watch",
        AccessLevel::Admin,
        SourceScope::only(["a", "b"]),
        None,
    );
    let root = tokens.add(
        "root",
        AccessLevel::Admin,
        SourceScope::All,
        Some("2999-01-01T00:00:00Z"),
    );
    let access = tokens.access();
    for (text, admin, sees_all, seen, unseen) in [
        (&photos, false, false, Some("photos"), Some("photo")),
        (&all, false, true, Some("photos"), None),
        (&watch, true, false, Some("b"), Some("photos")),
        (&root, true, true, Some("photos"), None),
    ] {
        let grant = access.grant(Some(text)).unwrap();
        assert_eq!(
            (grant.is_admin(), grant.sees_all()),
            (admin, sees_all),
            "{grant:?}"
        );
        assert!(seen.is_none_or(|source| grant.may_see(source)), "{grant:?}");
        assert!(
            !unseen.is_some_and(|source| grant.may_see(source)),
            "{grant:?}"
        );
    }
    assert_eq!(access.count(), Some(4));
    let stranger = |name: &str, source: &str| (name.to_owned(), source.to_owned());
    assert_eq!(
        access.unknown_sources(&["photos", "a"]),
        [stranger("watch", "b")]
    );
}

#[test]
fn what_is_no_token_of_ours_opens_nothing() {
    let tokens = Fixture::new();
    let ours = tokens.add("ours", AccessLevel::Read, SourceScope::All, None);
    let old = tokens.add(
        "old",
        AccessLevel::Admin,
        SourceScope::All,
        Some("2000-01-01T00:00:00Z"),
    );
    let access = tokens.access();
    let other = Token::generate().unwrap().to_string();
    for (bearer, denied) in [
        (None, TokenError::Missing),
        (Some(""), TokenError::Malformed),
        (Some(&ours[1..]), TokenError::Malformed),
        (Some("ours"), TokenError::Malformed),
        (
            Some(&TokenHash::of(&ours).to_string()),
            TokenError::Malformed,
        ),
        (Some(&other), TokenError::Unknown),
        (Some(&old), TokenError::Expired),
    ] {
        assert_eq!(access.grant(bearer), Err(denied));
    }
    assert_eq!(access.count(), Some(1));
}

#[test]
fn a_change_of_the_file_counts_within_a_second() {
    let tokens = Fixture::new();
    let first = tokens.add("first", AccessLevel::Read, SourceScope::All, None);
    let access = tokens.access();
    let second = tokens.add("second", AccessLevel::Read, SourceScope::All, None);
    edit::remove(&tokens.path(), "first").unwrap();
    let soon = RECHECK_INTERVAL - Duration::from_millis(1);
    assert!(later(&access, soon, &first).is_ok());
    assert_eq!(
        later(&access, RECHECK_INTERVAL, &first),
        Err(TokenError::Unknown)
    );
    assert!(later(&access, soon, &second).is_ok());
    edit::remove(&tokens.path(), "second").unwrap();
    // Of an empty file, nothing.
    assert_eq!(
        later(&access, RECHECK_INTERVAL, &second),
        Err(TokenError::Unknown)
    );
}

#[test]
fn a_reload_counts_at_once_and_tells_what_is_wrong() {
    let tokens = Fixture::new();
    let first = tokens.add("first", AccessLevel::Read, SourceScope::All, None);
    let access = tokens.access();
    let second = tokens.add("second", AccessLevel::Read, SourceScope::All, None);
    assert_eq!(access.grant(Some(&second)), Err(TokenError::Unknown));
    access.reload().unwrap();
    assert!(access.grant(Some(&second)).is_ok());
    std::fs::write(tokens.path(), "nonsense").unwrap();
    let error = access.reload().unwrap_err();
    assert!(
        matches!(error, TokenFileError::Line { line: 1, .. }),
        "{error}"
    );
    assert!(access.grant(Some(&first)).is_ok());
}

#[test]
fn a_file_that_is_not_taken_changes_nothing_and_one_that_is_gone_ends_all() {
    let tokens = Fixture::new();
    let text = tokens.add("a", AccessLevel::Read, SourceScope::All, None);
    let access = tokens.access();
    let good = std::fs::read(tokens.path()).unwrap();
    std::fs::write(tokens.path(), "nonsense").unwrap();
    assert!(later(&access, RECHECK_INTERVAL, &text).is_ok());
    std::fs::set_permissions(tokens.path(), PermissionsExt::from_mode(0o644)).unwrap();
    assert!(later(&access, RECHECK_INTERVAL, &text).is_ok());
    std::fs::remove_file(tokens.path()).unwrap();
    assert_eq!(
        later(&access, RECHECK_INTERVAL, &text),
        Err(TokenError::Unknown)
    );
    std::fs::write(tokens.path(), good).unwrap();
    std::fs::set_permissions(tokens.path(), PermissionsExt::from_mode(0o600)).unwrap();
    assert!(later(&access, RECHECK_INTERVAL, &text).is_ok());
}

#[test]
fn a_file_without_tokens_is_no_beginning() {
    let tokens = Fixture::new();
    let error = Access::from_file(&tokens.path()).unwrap_err();
    assert!(matches!(error, TokenFileError::Absent { .. }), "{error}");
    tokens.add("a", AccessLevel::Read, SourceScope::All, None);
    edit::remove(&tokens.path(), "a").unwrap();
    let error = Access::from_file(&tokens.path()).unwrap_err();
    assert!(
        error.to_string().contains("there is no token in"),
        "{error}"
    );
}
