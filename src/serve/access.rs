//! Access tokens, and which Sources each token may read.
//!
//! The tokens file stores the SHA-256 of each token. Before a request, the file is checked for changes, at
//! most once a second. So a removed token stops working within a second, without a signal or a restart. An
//! invalid file (a bad line, permissions that are too open) is logged once and the tokens stay as they were.
//! A deleted file revokes all tokens. One-time links add tokens that exist only in memory; see [`link`].
//!
//! This module does not read requests: the HTTP server extracts the token.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub(crate) mod checked_file;
pub(crate) mod edit;
pub(crate) mod entry;
pub(crate) mod link;
pub(crate) mod token;
pub(crate) mod tokens;

pub(crate) use entry::{AccessLevel, SourceScope};
use link::Links;
use token::TokenHash;
pub(crate) use tokens::TokenFileError;
use tokens::{FileVersion, TokenList};

/// Minimum time between two checks of the file for changes.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Decides what a request may see and change. Share it in an [`Arc`].
#[derive(Debug)]
pub(crate) struct Access {
    /// `None` lets every client see everything.
    file: Option<TokenFile>,
    links: Links,
}

/// The tokens file and the tokens last read from it.
#[derive(Debug)]
struct TokenFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: Arc<TokenList>,
    /// The version of the file that was last read, whether it was valid or not.
    seen_version: Option<FileVersion>,
    checked_at: Instant,
}

/// The rights of a client: its access level and the Sources that it may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    level: AccessLevel,
    scope: SourceScope,
    /// The name of the token. `None` if the client sent none, because the server needs none for reads.
    token_name: Option<Arc<str>>,
}

/// Why a token gives no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// The request has no token.
    #[error("a token is required; send the header Authorization: Bearer TOKEN")]
    Missing,
    /// The request has no token. Reading needs none on this server.
    #[error(
        "a change needs a token; open the link that `asset-indexer link` prints on the server, or set serve.tokens and \
         create a token with `asset-indexer token new --manage`"
    )]
    NeededForChange,
    /// The text does not have the form of a token.
    #[error("invalid token: it is incomplete, mistyped or for another service")]
    Malformed,
    /// The tokens file does not contain it, or no longer does.
    #[error(
        "unknown token; create one with `asset-indexer token new`, or open the link that `asset-indexer link` \
         prints on the server"
    )]
    Unknown,
    /// It has expired.
    #[error(
        "the token has expired; create another with `asset-indexer token new`, or open a new link that \
         `asset-indexer link` prints on the server"
    )]
    Expired,
}

impl Grant {
    /// May see everything, and change nothing.
    pub(crate) const ALL: Self = Self {
        level: AccessLevel::Admin,
        scope: SourceScope::All,
        token_name: None,
    };

    /// The rights of the token with this name.
    pub(crate) fn of_token(name: &str, level: AccessLevel, scope: SourceScope) -> Self {
        Self {
            level,
            scope,
            token_name: Some(name.into()),
        }
    }

    pub(crate) fn level(&self) -> AccessLevel {
        self.level
    }

    pub(crate) fn scope(&self) -> &SourceScope {
        &self.scope
    }

    pub(crate) fn token_name(&self) -> Option<&str> {
        self.token_name.as_deref()
    }

    /// Who the client is, for the history of a Source and for the log.
    pub(crate) fn actor(&self) -> String {
        match &self.token_name {
            Some(name) => format!("token {name}"),
            None => "a client without a token".to_owned(),
        }
    }

    /// Whether it may read metrics, in addition to searching.
    pub(crate) fn is_admin(&self) -> bool {
        self.level >= AccessLevel::Admin
    }

    /// Whether it may change the Sources that it may see. A client without a token never may.
    pub(crate) fn is_manager(&self) -> bool {
        self.level >= AccessLevel::Manage && self.token_name.is_some()
    }

    /// Whether it may change or remove the Source with this name.
    pub(crate) fn may_manage(&self, source: &str) -> bool {
        self.is_manager() && self.may_see(source)
    }

    /// Whether it may set up new Sources.
    pub(crate) fn may_create_sources(&self) -> bool {
        self.is_manager() && self.sees_all()
    }

    /// Whether it may see the Source with this name. A hidden Source must look like a missing one.
    pub(crate) fn may_see(&self, source: &str) -> bool {
        self.scope.contains(source)
    }

    /// Whether it may see all Sources, and so facts about the whole index, the disk and the process.
    pub(crate) fn sees_all(&self) -> bool {
        self.scope == SourceScope::All
    }
}

impl Access {
    /// Every client may see everything. Only tokens of links may change something.
    pub(crate) fn open() -> Self {
        Self {
            file: None,
            links: Links::default(),
        }
    }

    /// Requires a token from this file. Fails if the file has none.
    pub(crate) fn from_file(path: &Path) -> Result<Self, TokenFileError> {
        let tokens = TokenList::read(path)?;
        if tokens.entries.is_empty() {
            let path = path.to_owned();
            return Err(TokenFileError::Empty { path });
        }
        let file = TokenFile {
            path: path.to_owned(),
            state: Mutex::new(State {
                seen_version: tokens.version,
                tokens: Arc::new(tokens),
                checked_at: Instant::now(),
            }),
        };
        Ok(Self {
            file: Some(file),
            links: Links::default(),
        })
    }

    /// The one-time links.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// Whether every client may see everything.
    pub(crate) fn is_open(&self) -> bool {
        self.file.is_none()
    }

    /// Returns the rights of the bearer token. Reads the disk at most once a second.
    ///
    /// A client that sends a token means to use its rights, so a wrong one is an error even if every client may see
    /// everything.
    pub(crate) fn grant(&self, bearer: Option<&str>) -> Result<Grant, TokenError> {
        let Some(text) = bearer else {
            let is_open = self.is_open();
            return is_open.then_some(Grant::ALL).ok_or(TokenError::Missing);
        };
        if !token::is_well_formed(text) {
            return Err(TokenError::Malformed);
        }
        let (hash, now) = (TokenHash::of(text), Timestamp::now());
        if let Some(of_link) = self.links.grant(&hash, now) {
            return of_link;
        }
        let file = self.file.as_ref().ok_or(TokenError::Unknown)?;
        grant(&file.tokens(Instant::now()), &hash, now)
    }

    /// Reads the file now, even if it seems unchanged. A missing file revokes all tokens. Any other error
    /// leaves the tokens as they were.
    pub(crate) fn reload(&self) -> Result<(), TokenFileError> {
        self.file.as_ref().map_or(Ok(()), TokenFile::reload)
    }

    /// The number of tokens that have not expired, or `None` if no token is required.
    pub(crate) fn count(&self) -> Option<usize> {
        let now = Timestamp::now();
        let file = self.file.as_ref()?;
        Some(file.lock().tokens.valid(now).count())
    }

    /// Returns each token that names a Source that is not in `known`, with that Source.
    pub(crate) fn unknown_sources(&self, known: &[&str]) -> Vec<(String, String)> {
        let Some(file) = &self.file else {
            return Vec::new();
        };
        let mut unknown_sources = Vec::new();
        for entry in &file.lock().tokens.entries {
            if let SourceScope::Only(names) = &entry.scope {
                let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
                unknown_sources.extend(unknown.map(|source| (entry.name.clone(), source.clone())));
            }
        }
        unknown_sources
    }
}

/// What the entry with this hash grants.
fn grant(tokens: &TokenList, hash: &TokenHash, now: Timestamp) -> Result<Grant, TokenError> {
    let entry = tokens.find(hash).ok_or(TokenError::Unknown)?;
    if entry.is_expired(now) {
        return Err(TokenError::Expired);
    }
    Ok(Grant::of_token(
        &entry.name,
        entry.level,
        entry.scope.clone(),
    ))
}

impl TokenFile {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current tokens. Reads the file again if it changed.
    fn tokens(&self, now: Instant) -> Arc<TokenList> {
        let mut state = self.lock();
        if now.saturating_duration_since(state.checked_at) >= RECHECK_INTERVAL {
            state.checked_at = now;
            let version = FileVersion::at(&self.path);
            if version != state.seen_version {
                state.seen_version = version;
                match self.read(&mut state) {
                    Ok(()) => {}
                    Err(error @ TokenFileError::Absent { .. }) => {
                        tracing::error!(%error, "tokens file is missing; all tokens are revoked");
                    }
                    Err(error) => {
                        tracing::error!(%error, "failed to reload tokens; keeping the previous ones");
                    }
                }
            }
        }
        Arc::clone(&state.tokens)
    }

    fn reload(&self) -> Result<(), TokenFileError> {
        let mut state = self.lock();
        state.checked_at = Instant::now();
        state.seen_version = FileVersion::at(&self.path);
        self.read(&mut state)
    }

    /// Reads the file into `state`. A missing file revokes all tokens; any other error changes nothing.
    fn read(&self, state: &mut State) -> Result<(), TokenFileError> {
        match TokenList::read(&self.path) {
            Ok(tokens) => {
                let (file, count) = (self.path.display(), tokens.entries.len());
                tracing::info!(%file, tokens = count, "tokens reloaded");
                state.seen_version = tokens.version;
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
