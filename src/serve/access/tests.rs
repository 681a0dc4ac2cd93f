//! Tests what tokens give access to, and what happens when their file changes.

use std::os::unix::fs::PermissionsExt;

use super::entry::TokenEntry;
use super::token::Token;
use super::*;

/// A folder for a tokens file.
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

    /// Adds a token and returns its text.
    fn add(
        &self,
        name: &str,
        level: AccessLevel,
        scope: SourceScope,
        expires: Option<&str>,
    ) -> String {
        let token = Token::generate().unwrap();
        let entry = TokenEntry {
            name: name.to_owned(),
            level,
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

/// Returns the grant at `after` since the file was last checked.
fn grant_after(access: &Access, after: Duration, text: &str) -> Result<Grant, TokenError> {
    let file = access.file.as_ref().unwrap();
    let now = file.lock().checked_at + after;
    grant(&file.tokens(now), &TokenHash::of(text), Timestamp::now())
}

#[test]
fn without_tokens_every_client_sees_everything() {
    let access = Access::open();
    assert_eq!(access.grant(None), Ok(Grant::ALL));
    assert!(access.is_open() && Grant::ALL.is_admin() && Grant::ALL.sees_all());
    // A client that sends a token must not believe that it has rights.
    let unknown = Token::generate().unwrap().to_string();
    for (text, error) in [
        ("anything", TokenError::Malformed),
        (&unknown, TokenError::Unknown),
    ] {
        assert_eq!(access.grant(Some(text)), Err(error));
    }
}

#[test]
fn link_token_works_with_and_without_a_tokens_file() {
    let tokens = Fixture::new();
    tokens.add("a", AccessLevel::Read, SourceScope::All, None);
    for access in [Access::open(), tokens.access()] {
        let code = access.links().new_code(Timestamp::now()).unwrap();
        let token = access.links().redeem(&code, Timestamp::now()).unwrap();
        let grant = access.grant(Some(&token.token.to_string())).unwrap();
        assert!(grant.may_create_sources());
        assert_eq!(access.grant(Some(&code)), Err(TokenError::Malformed));
    }
}

#[test]
fn each_token_grants_what_its_entry_says() {
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
    let web = tokens.add("web", AccessLevel::Manage, SourceScope::only(["a"]), None);
    let access = tokens.access();
    for (text, admin, sees_all, seen, unseen) in [
        (&photos, false, false, Some("photos"), Some("photo")),
        (&all, false, true, Some("photos"), None),
        (&watch, true, false, Some("b"), Some("photos")),
        (&root, true, true, Some("photos"), None),
        (&web, true, false, Some("a"), Some("b")),
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
    assert_eq!(access.count(), Some(5));
    let pair = |name: &str, source: &str| (name.to_owned(), source.to_owned());
    assert_eq!(
        access.unknown_sources(&["photos", "a"]),
        [pair("watch", "b")]
    );
}

#[test]
fn only_manage_tokens_may_change_sources() {
    let ours = || SourceScope::only(["ours"]);
    let grant = |level, scope| Grant::of_token("t", level, scope);
    for (grant, ours, theirs, creates) in [
        (Grant::ALL, false, false, false),
        (
            grant(AccessLevel::Read, SourceScope::All),
            false,
            false,
            false,
        ),
        (
            grant(AccessLevel::Admin, SourceScope::All),
            false,
            false,
            false,
        ),
        (grant(AccessLevel::Manage, ours()), true, false, false),
        (
            grant(AccessLevel::Manage, SourceScope::All),
            true,
            true,
            true,
        ),
    ] {
        let rights = (
            grant.may_manage("ours"),
            grant.may_manage("theirs"),
            grant.may_create_sources(),
        );
        assert_eq!(rights, (ours, theirs, creates), "{grant:?}");
    }
    let manager = grant(AccessLevel::Manage, SourceScope::All);
    assert_eq!(manager.actor(), "token t");
}

#[test]
fn invalid_tokens_grant_nothing() {
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
fn file_change_takes_effect_within_a_second() {
    let tokens = Fixture::new();
    let first = tokens.add("first", AccessLevel::Read, SourceScope::All, None);
    let access = tokens.access();
    let second = tokens.add("second", AccessLevel::Read, SourceScope::All, None);
    edit::remove(&tokens.path(), "first").unwrap();
    let soon = RECHECK_INTERVAL - Duration::from_millis(1);
    assert!(grant_after(&access, soon, &first).is_ok());
    assert_eq!(
        grant_after(&access, RECHECK_INTERVAL, &first),
        Err(TokenError::Unknown)
    );
    assert!(grant_after(&access, soon, &second).is_ok());
    edit::remove(&tokens.path(), "second").unwrap();
    // An empty file grants nothing.
    assert_eq!(
        grant_after(&access, RECHECK_INTERVAL, &second),
        Err(TokenError::Unknown)
    );
}

#[test]
fn reload_takes_effect_immediately_and_reports_errors() {
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
fn invalid_file_changes_nothing_and_missing_file_revokes_all() {
    let tokens = Fixture::new();
    let text = tokens.add("a", AccessLevel::Read, SourceScope::All, None);
    let access = tokens.access();
    let good = std::fs::read(tokens.path()).unwrap();
    std::fs::write(tokens.path(), "nonsense").unwrap();
    assert!(grant_after(&access, RECHECK_INTERVAL, &text).is_ok());
    std::fs::set_permissions(tokens.path(), PermissionsExt::from_mode(0o644)).unwrap();
    assert!(grant_after(&access, RECHECK_INTERVAL, &text).is_ok());
    std::fs::remove_file(tokens.path()).unwrap();
    assert_eq!(
        grant_after(&access, RECHECK_INTERVAL, &text),
        Err(TokenError::Unknown)
    );
    std::fs::write(tokens.path(), good).unwrap();
    std::fs::set_permissions(tokens.path(), PermissionsExt::from_mode(0o600)).unwrap();
    assert!(grant_after(&access, RECHECK_INTERVAL, &text).is_ok());
}

#[test]
fn startup_fails_without_tokens() {
    let tokens = Fixture::new();
    let error = Access::from_file(&tokens.path()).unwrap_err();
    assert!(matches!(error, TokenFileError::Absent { .. }), "{error}");
    tokens.add("a", AccessLevel::Read, SourceScope::All, None);
    edit::remove(&tokens.path(), "a").unwrap();
    let error = Access::from_file(&tokens.path()).unwrap_err();
    assert!(error.to_string().contains("no token in"), "{error}");
}
