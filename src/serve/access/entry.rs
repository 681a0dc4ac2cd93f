//! What is known of a token: its name, its digest, what it may see, until when.
//!
//! An entry is a line of words, in any order, all but the last of which must be there:
//!
//! ```text
//! name=backend right=read sources=photos,videos sha256=9f86… expires=2027-01-01T00:00:00Z
//! ```
//!
//! `sources=*` stands for all Sources, also those that are yet to come.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::token::TokenHash;

/// The longest name, in characters.
const MAX_NAME: usize = 64;

/// What stands for all Sources; no Source can have that name.
const ALL_SOURCES: &str = "*";

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenEntry {
    /// By which people tell it from others.
    pub name: String,
    /// Whether it may see how the service does.
    pub right: AccessLevel,
    /// Which Sources it sees.
    pub scope: SourceScope,
    /// Of its text.
    pub hash: TokenHash,
    /// From when on it is of no use any more.
    pub expires: Option<Timestamp>,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessLevel {
    /// To search.
    Read,
    /// And to watch the service.
    Admin,
}

/// Which Sources can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceScope {
    /// All, also those that are yet to come.
    All,
    /// Those of these names, at least one.
    Only(Arc<BTreeSet<String>>),
}

impl SourceScope {
    /// Those of the names.
    pub(crate) fn only<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = names.into_iter().map(str::to_owned);
        Self::Only(Arc::new(names.collect()))
    }

    /// Whether the Source of that name is one of them.
    pub(crate) fn has(&self, source: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(source),
        }
    }
}

impl AccessLevel {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Admin => "admin",
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
        let (right, hash) = (self.right.as_str(), &self.hash);
        let (name, scope) = (&self.name, &self.scope);
        write!(f, "name={name} right={right} sources={scope} sha256={hash}")?;
        match self.expires {
            Some(expires) => write!(f, " expires={expires}"),
            None => Ok(()),
        }
    }
}

impl TokenEntry {
    /// Reads a line; or says what is wrong with it, without repeating what might be a token.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut words = Words::default();
        for word in line.split_whitespace() {
            let (key, value) = word
                .split_once('=')
                .ok_or("it is no line of words key=value; `asset-indexer token new` writes one")?;
            let place = match key {
                "name" => &mut words.name,
                "right" => &mut words.right,
                "sources" => &mut words.sources,
                "sha256" => &mut words.sha256,
                "expires" => &mut words.expires,
                _ => return Err(format!("there is no key but {KEYS}")),
            };
            if place.replace(value).is_some() {
                return Err(format!("{key} is there twice"));
            }
        }
        let missing = |key: &str| format!("{key}= is missing; there must be {KEYS}");
        let name = words.name.ok_or_else(|| missing("name"))?;
        check_name(name)?;
        let sha256 = words.sha256.ok_or_else(|| missing("sha256"))?;
        Ok(Self {
            name: name.to_owned(),
            right: right(words.right.ok_or_else(|| missing("right"))?)?,
            scope: scope(words.sources.ok_or_else(|| missing("sources"))?)?,
            hash: TokenHash::parse(sha256)
                .ok_or("sha256= has 64 lower-case hex digits behind it, of the token's text")?,
            expires: words.expires.map(expiry).transpose()?,
        })
    }

    /// Whether it is of no use any more.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

const KEYS: &str = "name, right, sources, sha256 and, if it ends, expires";

#[derive(Default)]
struct Words<'a> {
    name: Option<&'a str>,
    right: Option<&'a str>,
    sources: Option<&'a str>,
    sha256: Option<&'a str>,
    expires: Option<&'a str>,
}

/// Whether a token can have that name; or what to write.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.chars().all(is_safe) && name.len() <= MAX_NAME {
        return Ok(());
    }
    Err(format!(
        "a token's name is 1 to {MAX_NAME} of the letters a-z and A-Z, digits, \"-\", \"_\" and \".\", \
         beginning with a letter or digit"
    ))
}

fn right(word: &str) -> Result<AccessLevel, String> {
    let all = [AccessLevel::Read, AccessLevel::Admin];
    let found = all.into_iter().find(|right| right.as_str() == word);
    found.ok_or_else(|| "right= has read or admin behind it".to_owned())
}

fn scope(word: &str) -> Result<SourceScope, String> {
    if word == ALL_SOURCES {
        return Ok(SourceScope::All);
    }
    word.split(',').try_for_each(check_source_name)?;
    Ok(SourceScope::only(word.split(',')))
}

/// Whether a name can stand for a Source here; it may be one that is yet to come.
pub(crate) fn check_source_name(name: &str) -> Result<(), String> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.chars().all(is_safe) {
        Ok(())
    } else {
        Err(
            "this is no name of a Source; sources= has * behind it, or names with a comma \
                  between them"
                .to_owned(),
        )
    }
}

/// The end of a time: `2027-01-31`, of which all day counts (UTC), or `2027-01-31T12:00:00Z`.
pub(crate) fn expiry(word: &str) -> Result<Timestamp, String> {
    let problem = "an end is a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z";
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
    fn a_line_comes_back_as_it_was_written() {
        for line in [
            format!("name=backend right=read sources=photos,videos sha256={HASH}"),
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
    fn a_bad_line_is_explained() {
        for (line, said) in [
            ("aix_secret", "no line of words"),
            ("name=a token=aix_secret", "no key but name"),
            ("name=a name=b", "name is there twice"),
            ("right=read sources=* sha256=HASH", "name= is missing"),
            ("name=a sources=* sha256=HASH", "right= is missing"),
            ("name=a right=read sha256=HASH", "sources= is missing"),
            ("name=a right=read sources=*", "sha256= is missing"),
            (
                "name=-a right=read sources=* sha256=HASH",
                "a token's name is 1 to 64",
            ),
            (
                "name= right=read sources=* sha256=HASH",
                "a token's name is 1 to 64",
            ),
            ("name=a right=write sources=* sha256=HASH", "read or admin"),
            ("name=a right=read sources= sha256=HASH", "sources= has *"),
            (
                "name=a right=read sources=a,* sha256=HASH",
                "sources= has *",
            ),
            (
                "name=a right=read sources=a,,b sha256=HASH",
                "sources= has *",
            ),
            (
                "name=a right=read sources=* sha256=aix_secret",
                "64 lower-case hex",
            ),
            (
                "name=a right=read sources=* sha256=HASH expires=soon",
                "2027-01-31",
            ),
        ] {
            let problem = TokenEntry::parse(&line.replace("HASH", HASH)).unwrap_err();
            assert!(problem.contains(said), "{line}: {problem}");
            assert!(!problem.contains("secret"), "{line}: {problem}");
        }
    }

    #[test]
    fn a_day_ends_when_the_next_begins() {
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
    fn an_expired_token_is_of_no_use_from_its_end_on() {
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
