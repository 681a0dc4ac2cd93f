//! Who may read what: tokens, and what each of them lets its holder see.
//!
//! Nothing is decided here about how a token travels. What is kept of a token is its SHA-256, in a file
//! that is looked at again before a request, at most once a second: a token that was taken out of it is of no
//! use any more within that time, with no signal to anybody. A file that cannot be taken over (a
//! mistake in it, permissions that are too wide) changes nothing, and the log says so once; one that is gone
//! takes all tokens with it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub(crate) mod checked_file;
pub(crate) mod edit;
pub(crate) mod entry;
pub(crate) mod token;
pub(crate) mod tokens;

pub(crate) use entry::{AccessLevel, SourceScope};
use token::TokenHash;
pub(crate) use tokens::TokenFileError;
use tokens::{FileVersion, TokenList};

/// How long a change of the file may go unseen.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Decides what a request may see; share it in an [`Arc`].
#[derive(Debug)]
pub(crate) struct Access(Option<TokenFile>);

/// A tokens file, and what was last taken from it.
#[derive(Debug)]
struct TokenFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: Arc<TokenList>,
    /// Which version of the file was last looked at, whether it could be taken or not.
    seen: Option<FileVersion>,
    looked: Instant,
}

/// What the holder of a token may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    right: AccessLevel,
    scope: SourceScope,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// It has no token.
    #[error("a token is needed; send the header Authorization: Bearer TOKEN")]
    Missing,
    /// What it has is no token's text.
    #[error("this is no token: it is cut off, mistyped, or of another service")]
    Malformed,
    /// There is no such token, or not any more.
    #[error("there is no such token; `asset-indexer token new` makes one")]
    Unknown,
    /// Its time is over.
    #[error("the token has expired; `asset-indexer token new` makes another")]
    Expired,
}

impl Grant {
    /// To see everything.
    pub(crate) const ALL: Self = Self {
        right: AccessLevel::Admin,
        scope: SourceScope::All,
    };

    /// That right, on those Sources.
    pub(crate) fn new(right: AccessLevel, scope: SourceScope) -> Self {
        Self { right, scope }
    }

    /// Whether it is more than to search: to watch the service.
    pub(crate) fn is_admin(&self) -> bool {
        self.right == AccessLevel::Admin
    }

    /// Whether it may see the Source of that name. One that it may not see does not exist for it.
    pub(crate) fn may_see(&self, source: &str) -> bool {
        self.scope.has(source)
    }

    /// Whether it may see all Sources, and so what is of none in particular.
    pub(crate) fn sees_all(&self) -> bool {
        self.scope == SourceScope::All
    }
}

impl Access {
    /// Everybody may see everything.
    pub(crate) fn open() -> Self {
        Self(None)
    }

    /// Who has a token of that file may see what its entry says; an error where there is none in it.
    pub(crate) fn from_file(path: &Path) -> Result<Self, TokenFileError> {
        let tokens = TokenList::read(path)?;
        if tokens.entries.is_empty() {
            let path = path.to_owned();
            return Err(TokenFileError::Empty { path });
        }
        Ok(Self(Some(TokenFile {
            path: path.to_owned(),
            state: Mutex::new(State {
                seen: tokens.version,
                tokens: Arc::new(tokens),
                looked: Instant::now(),
            }),
        })))
    }

    /// Whether everybody may see everything.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// What may be seen with that token's text.
    ///
    /// It looks at the disk at most once a second.
    pub(crate) fn grant(&self, bearer: Option<&str>) -> Result<Grant, TokenError> {
        let Some(followed) = &self.0 else {
            return Ok(Grant::ALL);
        };
        let tokens = followed.tokens(Instant::now());
        grant(&tokens, bearer, Timestamp::now())
    }

    /// Takes the file as it is now, whatever is known of it. Where it is gone, there is no token any more;
    /// any other error changes nothing.
    pub(crate) fn reload(&self) -> Result<(), TokenFileError> {
        self.0.as_ref().map_or(Ok(()), TokenFile::reload)
    }

    /// How many tokens there are that are of use; `None` where none is needed.
    pub(crate) fn count(&self) -> Option<usize> {
        let now = Timestamp::now();
        let followed = self.0.as_ref()?;
        Some(followed.lock().tokens.valid(now).count())
    }

    /// Which tokens are limited to a Source that is none of these, each with that Source.
    pub(crate) fn unknown_sources(&self, known: &[&str]) -> Vec<(String, String)> {
        let Some(followed) = &self.0 else {
            return Vec::new();
        };
        let mut unknown_sources = Vec::new();
        for entry in &followed.lock().tokens.entries {
            if let SourceScope::Only(names) = &entry.scope {
                let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
                unknown_sources.extend(unknown.map(|source| (entry.name.clone(), source.clone())));
            }
        }
        unknown_sources
    }
}

fn grant(tokens: &TokenList, bearer: Option<&str>, now: Timestamp) -> Result<Grant, TokenError> {
    let text = bearer.ok_or(TokenError::Missing)?;
    if !token::is_well_formed(text) {
        return Err(TokenError::Malformed);
    }
    let entry = tokens
        .find(&TokenHash::of(text))
        .ok_or(TokenError::Unknown)?;
    if entry.is_expired(now) {
        return Err(TokenError::Expired);
    }
    Ok(Grant::new(entry.right, entry.scope.clone()))
}

impl TokenFile {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tokens that count at that moment.
    fn tokens(&self, now: Instant) -> Arc<TokenList> {
        let mut state = self.lock();
        if now.saturating_duration_since(state.looked) >= RECHECK_INTERVAL {
            state.looked = now;
            let there = FileVersion::at(&self.path);
            if there != state.seen {
                state.seen = there;
                match self.take_over(&mut state) {
                    Ok(()) => {}
                    Err(error @ TokenFileError::Absent { .. }) => {
                        tracing::error!(%error, "all tokens are gone with their file");
                    }
                    Err(error) => {
                        tracing::error!(%error, "the tokens stay as they were");
                    }
                }
            }
        }
        Arc::clone(&state.tokens)
    }

    fn reload(&self) -> Result<(), TokenFileError> {
        let mut state = self.lock();
        state.looked = Instant::now();
        state.seen = FileVersion::at(&self.path);
        self.take_over(&mut state)
    }

    /// Takes the file as it is. Where there is none, there is no token; any other error changes nothing.
    fn take_over(&self, state: &mut State) -> Result<(), TokenFileError> {
        match TokenList::read(&self.path) {
            Ok(tokens) => {
                let (file, number) = (self.path.display(), tokens.entries.len());
                tracing::info!(%file, tokens = number, "the tokens were read anew");
                state.seen = tokens.version;
                state.tokens = Arc::new(tokens);
                Ok(())
            }
            Err(error) => {
                if matches!(error, TokenFileError::Absent { .. }) {
                    state.tokens = Arc::new(TokenList::default());
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
