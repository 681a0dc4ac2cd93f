//! An entry of the tokens file: the name of a token, its hash, what it may see, and when it expires.
//!
//! An entry is one line of `key=value` words in any order. Only `expires` is optional:
//!
//! ```text
//! name=backend right=read sources=photos,videos sha256=9f86… expires=2027-01-01T00:00:00Z
//! ```
//!
//! `sources=*` means all Sources, including ones configured later.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::token::TokenHash;

/// Maximum length of a name, in characters.
const MAX_NAME: usize = 64;

/// Means all Sources. No Source can have this name.
const ALL_SOURCES: &str = "*";

/// A token as stored: without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenEntry {
    /// Chosen by the user to recognize the token.
    pub name: String,
    /// Written as `right=` in the file.
    pub level: AccessLevel,
    pub scope: SourceScope,
    pub hash: TokenHash,
    /// The first moment at which the token no longer works.
    pub expires: Option<Timestamp>,
}

/// The access level of a token. Each level includes the levels before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AccessLevel {
    /// May search, and read the status.
    Read,
    /// May also read metrics.
    Admin,
    /// May also set up, change and remove Sources.
    Manage,
}

/// The Sources that a token may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceScope {
    /// All Sources, including Sources configured later.
    All,
    /// The Sources with these names. Never empty.
    Only(Arc<BTreeSet<String>>),
}

impl SourceScope {
    /// The Sources with these names.
    pub(crate) fn only<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = names.into_iter().map(str::to_owned);
        Self::Only(Arc::new(names.collect()))
    }

    /// Whether it includes the Source with this name.
    pub(crate) fn contains(&self, source: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(source),
        }
    }
}

impl AccessLevel {
    /// The value of `right=` in the file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Admin => "admin",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for SourceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(ALL_SOURCES),
            Self::Only(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

impl fmt::Display for TokenEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (right, hash) = (self.level.as_str(), &self.hash);
        let (name, scope) = (&self.name, &self.scope);
        write!(f, "name={name} right={right} sources={scope} sha256={hash}")?;
        match self.expires {
            Some(expires) => write!(f, " expires={expires}"),
            None => Ok(()),
        }
    }
}

impl TokenEntry {
    /// Parses a line, or says what is wrong. The error never quotes the line: it might hold a token.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut fields = Fields::default();
        for word in line.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or(
                "expected words of the form key=value; use `asset-indexer token new` to add a line",
            )?;
            let field = match key {
                "name" => &mut fields.name,
                "right" => &mut fields.right,
                "sources" => &mut fields.sources,
                "sha256" => &mut fields.sha256,
                "expires" => &mut fields.expires,
                _ => return Err(format!("unknown key; the keys are {KEYS}")),
            };
            if field.replace(value).is_some() {
                return Err(format!("duplicate key {key}"));
            }
        }
        let missing = |key: &str| format!("{key}= is missing; the keys are {KEYS}");
        let name = fields.name.ok_or_else(|| missing("name"))?;
        check_name(name)?;
        let sha256 = fields.sha256.ok_or_else(|| missing("sha256"))?;
        Ok(Self {
            name: name.to_owned(),
            level: access_level(fields.right.ok_or_else(|| missing("right"))?)?,
            scope: scope(fields.sources.ok_or_else(|| missing("sources"))?)?,
            hash: TokenHash::parse(sha256)
                .ok_or("sha256= needs the 64 lowercase hex digits of the token's SHA-256")?,
            expires: fields.expires.map(expiry).transpose()?,
        })
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

const KEYS: &str = "name, right, sources, sha256 and optionally expires";

#[derive(Default)]
struct Fields<'a> {
    name: Option<&'a str>,
    right: Option<&'a str>,
    sources: Option<&'a str>,
    sha256: Option<&'a str>,
    expires: Option<&'a str>,
}

/// Checks the name of a token.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && name.chars().all(is_safe) && name.len() <= MAX_NAME {
        return Ok(());
    }
    Err(format!(
        "invalid token name; use 1 to {MAX_NAME} letters (a-z, A-Z), digits, \"-\", \"_\" or \".\", \
         starting with a letter or digit"
    ))
}

fn access_level(word: &str) -> Result<AccessLevel, String> {
    let all = [AccessLevel::Read, AccessLevel::Admin, AccessLevel::Manage];
    let found = all.into_iter().find(|level| level.as_str() == word);
    found.ok_or_else(|| "right= must be read, admin or manage".to_owned())
}

fn scope(word: &str) -> Result<SourceScope, String> {
    if word == ALL_SOURCES {
        return Ok(SourceScope::All);
    }
    word.split(',').try_for_each(check_source_name)?;
    Ok(SourceScope::only(word.split(',')))
}

/// Checks the name of a Source. The Source need not be configured yet.
pub(crate) fn check_source_name(name: &str) -> Result<(), String> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.chars().all(is_safe) {
        Ok(())
    } else {
        Err("invalid Source name; sources= must be * or names separated by commas".to_owned())
    }
}

/// Parses an expiry: `2027-01-31`, which includes all of that day (UTC), or `2027-01-31T12:00:00Z`.
pub(crate) fn expiry(word: &str) -> Result<Timestamp, String> {
    let problem = "expected a day such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z";
    let parsed = match word.parse::<Date>() {
        Ok(day) if !word.contains(['T', 't', ' ']) => day
            .tomorrow()
            .and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0))),
        _ => word.parse(),
    };
    parsed.map_err(|_| problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn parses_and_formats_lines() {
        for line in [
            format!("name=backend right=read sources=photos,videos sha256={HASH}"),
            format!("name=web right=manage sources=photos sha256={HASH}"),
            format!("name=ops.1 right=admin sources=* sha256={HASH} expires=2027-02-01T00:00:00Z"),
        ] {
            let entry = TokenEntry::parse(&line).unwrap();
            assert_eq!(entry.to_string(), line);
        }
        let other = format!("  sources=b,a,b\tsha256={HASH} right=read name=x expires=2027-01-31 ");
        let line =
            format!("name=x right=read sources=a,b sha256={HASH} expires=2027-02-01T00:00:00Z");
        assert_eq!(TokenEntry::parse(&other).unwrap().to_string(), line);
    }

    #[test]
    fn explains_invalid_lines() {
        for (line, expected) in [
            ("aix_secret", "expected words"),
            ("name=a token=aix_secret", "the keys are name"),
            ("name=a name=b", "duplicate key name"),
            ("right=read sources=* sha256=HASH", "name= is missing"),
            ("name=a sources=* sha256=HASH", "right= is missing"),
            ("name=a right=read sha256=HASH", "sources= is missing"),
            ("name=a right=read sources=*", "sha256= is missing"),
            (
                "name=-a right=read sources=* sha256=HASH",
                "use 1 to 64 letters",
            ),
            (
                "name= right=read sources=* sha256=HASH",
                "use 1 to 64 letters",
            ),
            (
                "name=a right=write sources=* sha256=HASH",
                "read, admin or manage",
            ),
            (
                "name=a right=read sources= sha256=HASH",
                "sources= must be *",
            ),
            (
                "name=a right=read sources=a,* sha256=HASH",
                "sources= must be *",
            ),
            (
                "name=a right=read sources=a,,b sha256=HASH",
                "sources= must be *",
            ),
            (
                "name=a right=read sources=* sha256=aix_secret",
                "64 lowercase hex",
            ),
            (
                "name=a right=read sources=* sha256=HASH expires=soon",
                "2027-01-31",
            ),
        ] {
            let problem = TokenEntry::parse(&line.replace("HASH", HASH)).unwrap_err();
            assert!(problem.contains(expected), "{line}: {problem}");
            assert!(!problem.contains("secret"), "{line}: {problem}");
        }
    }

    #[test]
    fn expiry_day_includes_the_whole_day() {
        for (word, end) in [
            ("2027-01-31", Some("2027-02-01T00:00:00Z")),
            ("2027-12-31", Some("2028-01-01T00:00:00Z")),
            ("2027-01-31T12:00:00Z", Some("2027-01-31T12:00:00Z")),
            ("2027-01-31T12:00:00+02:00", Some("2027-01-31T10:00:00Z")),
            ("2027-01-31T12:00:00", None),
            ("9999-12-31", None),
            ("31.1.2027", None),
            ("", None),
        ] {
            let read = expiry(word).ok().map(|moment| moment.to_string());
            assert_eq!(read.as_deref(), end, "{word}");
        }
    }

    #[test]
    fn token_expires_at_the_exact_moment() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let line = format!(
            "name=x right=read sources=* sha256={HASH} expires={}",
            at(1000)
        );
        let entry = TokenEntry::parse(&line).unwrap();
        let expired = [999, 1000, 1001].map(|second| entry.is_expired(at(second)));
        assert_eq!(expired, [false, true, true]);
    }
}
