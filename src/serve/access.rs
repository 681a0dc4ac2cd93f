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

pub(crate) mod edit;
pub(crate) mod entry;
pub(crate) mod guarded;
pub(crate) mod token;
pub(crate) mod tokens;

pub(crate) use entry::{Right, Scope};
use token::TokenHash;
pub(crate) use tokens::TokensError;
use tokens::{Tokens, Version};

/// How long a change of the file may go unseen.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Decides what a request may see; share it in an [`Arc`].
#[derive(Debug)]
pub(crate) struct Access(Option<Followed>);

/// A tokens file, and what was last taken from it.
#[derive(Debug)]
struct Followed {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: Arc<Tokens>,
    /// Which version of the file was last looked at, whether it could be taken or not.
    seen: Option<Version>,
    looked: Instant,
}

/// What the holder of a token may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    right: Right,
    scope: Scope,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
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
        right: Right::Admin,
        scope: Scope::All,
    };

    /// That right, on those Sources.
    pub(crate) fn new(right: Right, scope: Scope) -> Self {
        Self { right, scope }
    }

    /// Whether it is more than to search: to watch the service.
    pub(crate) fn is_admin(&self) -> bool {
        self.right == Right::Admin
    }

    /// Whether it may see the Source of that name. One that it may not see does not exist for it.
    pub(crate) fn may_see(&self, source: &str) -> bool {
        self.scope.has(source)
    }

    /// Whether it may see all Sources, and so what is of none in particular.
    pub(crate) fn sees_all(&self) -> bool {
        self.scope == Scope::All
    }
}

impl Access {
    /// Everybody may see everything.
    pub(crate) fn open() -> Self {
        Self(None)
    }

    /// Who has a token of that file may see what its entry says; an error where there is none in it.
    pub(crate) fn of(path: &Path) -> Result<Self, TokensError> {
        let tokens = Tokens::read(path)?;
        if tokens.entries.is_empty() {
            let path = path.to_owned();
            return Err(TokensError::Empty { path });
        }
        Ok(Self(Some(Followed {
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
    pub(crate) fn grant(&self, bearer: Option<&str>) -> Result<Grant, Denied> {
        let Some(followed) = &self.0 else {
            return Ok(Grant::ALL);
        };
        let tokens = followed.tokens(Instant::now());
        grant(&tokens, bearer, Timestamp::now())
    }

    /// Takes the file as it is now, whatever is known of it. Where it is gone, there is no token any more;
    /// any other error changes nothing.
    pub(crate) fn reload(&self) -> Result<(), TokensError> {
        self.0.as_ref().map_or(Ok(()), Followed::reload)
    }

    /// How many tokens there are that are of use; `None` where none is needed.
    pub(crate) fn count(&self) -> Option<usize> {
        let now = Timestamp::now();
        let followed = self.0.as_ref()?;
        Some(followed.lock().tokens.valid(now).count())
    }

    /// Which tokens are limited to a Source that is none of these, each with that Source.
    pub(crate) fn strangers(&self, known: &[&str]) -> Vec<(String, String)> {
        let Some(followed) = &self.0 else {
            return Vec::new();
        };
        let mut strangers = Vec::new();
        for entry in &followed.lock().tokens.entries {
            if let Scope::Only(names) = &entry.scope {
                let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
                strangers.extend(unknown.map(|source| (entry.name.clone(), source.clone())));
            }
        }
        strangers
    }
}

fn grant(tokens: &Tokens, bearer: Option<&str>, now: Timestamp) -> Result<Grant, Denied> {
    let text = bearer.ok_or(Denied::Missing)?;
    if !token::is_whole(text) {
        return Err(Denied::Malformed);
    }
    let entry = tokens.find(&TokenHash::of(text)).ok_or(Denied::Unknown)?;
    if entry.is_expired(now) {
        return Err(Denied::Expired);
    }
    Ok(Grant::new(entry.right, entry.scope.clone()))
}

impl Followed {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tokens that count at that moment.
    fn tokens(&self, now: Instant) -> Arc<Tokens> {
        let mut state = self.lock();
        if now.saturating_duration_since(state.looked) >= LOOK_EVERY {
            state.looked = now;
            let there = Version::at(&self.path);
            if there != state.seen {
                state.seen = there;
                match self.take_over(&mut state) {
                    Ok(()) => {}
                    Err(error @ TokensError::Absent { .. }) => {
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

    fn reload(&self) -> Result<(), TokensError> {
        let mut state = self.lock();
        state.looked = Instant::now();
        state.seen = Version::at(&self.path);
        self.take_over(&mut state)
    }

    /// Takes the file as it is. Where there is none, there is no token; any other error changes nothing.
    fn take_over(&self, state: &mut State) -> Result<(), TokensError> {
        match Tokens::read(&self.path) {
            Ok(tokens) => {
                let (file, number) = (self.path.display(), tokens.entries.len());
                tracing::info!(%file, tokens = number, "the tokens were read anew");
                state.seen = tokens.version;
                state.tokens = Arc::new(tokens);
                Ok(())
            }
            Err(error) => {
                if matches!(error, TokensError::Absent { .. }) {
                    state.tokens = Arc::new(Tokens::default());
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
