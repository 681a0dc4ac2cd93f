//! One-time links: a code that the page exchanges for a token that may set up Sources.
//!
//! Codes and tokens exist only in memory, and only as hashes. They end with the process. This module does not print
//! links and does not read requests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::entry::{AccessLevel, SourceScope};
use super::token::{self, Token, TokenHash};
use super::{Grant, TokenError};

/// How long a code works. Someone has just asked for the link.
pub(crate) const CODE_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long the token works: a working day.
pub(crate) const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// The name of these tokens, in the log and in the history of Sources.
pub(crate) const TOKEN_NAME: &str = "link";

/// Maximum number of codes and of tokens. Above it, the oldest ends.
const MAX_EACH: usize = 16;

/// The codes and tokens of all links of this process.
#[derive(Debug, Default)]
pub(crate) struct Links(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    codes: VecDeque<Expiring>,
    tokens: VecDeque<Expiring>,
}

/// The hash of a code or a token.
#[derive(Debug)]
struct Expiring {
    hash: TokenHash,
    /// The first moment at which it no longer works.
    expires: Timestamp,
}

/// A token that a code was exchanged for.
#[derive(Debug)]
pub(crate) struct LinkToken {
    pub token: Token,
    pub expires: Timestamp,
}

/// Why a code yields no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodeError {
    /// There is no such code, or no longer.
    #[error(
        "the code of this link is wrong, was used before or is older than {} minutes; run `asset-indexer link` on \
         the server for a new one",
        CODE_LIFETIME.as_secs() / 60
    )]
    Unknown,
    /// No token can be made.
    #[error("the operating system returned no random bytes")]
    NoRandomBytes,
}

impl Links {
    /// Makes a code. Returns `None` if the system provides no random bytes.
    pub(crate) fn new_code(&self, now: Timestamp) -> Option<String> {
        let code = token::random_text()?;
        add(&mut self.lock().codes, &code, now, CODE_LIFETIME);
        Some(code)
    }

    /// Exchanges a code for a token. A code works once.
    pub(crate) fn redeem(&self, code: &str, now: Timestamp) -> Result<LinkToken, CodeError> {
        let token = Token::generate().ok_or(CodeError::NoRandomBytes)?;
        let hash = TokenHash::of(code);
        let mut state = self.lock();
        let codes = &mut state.codes;
        let found = codes.iter().position(|code| code.hash.matches(&hash));
        let code = found.and_then(|index| codes.remove(index));
        if code.is_none_or(|code| code.expires <= now) {
            return Err(CodeError::Unknown);
        }
        let expires = add(&mut state.tokens, &token.to_string(), now, TOKEN_LIFETIME);
        Ok(LinkToken { token, expires })
    }

    /// What the token with this hash grants, or `None` if it is not from a link.
    pub(super) fn grant(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Option<Result<Grant, TokenError>> {
        let state = self.lock();
        let token = state.tokens.iter().find(|token| token.hash.matches(hash))?;
        Some(if token.expires <= now {
            Err(TokenError::Expired)
        } else {
            let (level, scope) = (AccessLevel::Manage, SourceScope::All);
            Ok(Grant::of_token(TOKEN_NAME, level, scope))
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave it half-written: each holder adds or removes one item.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a text, and returns when it expires.
fn add(list: &mut VecDeque<Expiring>, text: &str, now: Timestamp, lifetime: Duration) -> Timestamp {
    // Only a clock in the year 9999 makes it overflow.
    let expires = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
    if list.len() == MAX_EACH {
        list.pop_front();
    }
    let hash = TokenHash::of(text);
    list.push_back(Expiring { hash, expires });
    expires
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_second(1_000_000 + i64::try_from(seconds).unwrap()).unwrap()
    }

    fn granted(links: &Links, token: &str, now: Timestamp) -> Option<Result<Grant, TokenError>> {
        links.grant(&TokenHash::of(token), now)
    }

    #[test]
    fn code_works_once_and_yields_a_token_that_manages_everything() {
        let links = Links::default();
        let code = links.new_code(at(0)).unwrap();
        let token = links.redeem(&code, at(1)).unwrap();
        assert_eq!(token.expires, at(1 + 12 * 3600));
        let text = token.token.to_string();
        let grant = granted(&links, &text, at(2)).unwrap().unwrap();
        assert!(grant.may_create_sources());
        assert_eq!(grant.actor(), "token link");
        for code in [code.as_str(), "", &text] {
            assert_eq!(links.redeem(code, at(2)).unwrap_err(), CodeError::Unknown);
        }
        assert_eq!(granted(&links, &code, at(2)), None);
    }

    #[test]
    fn codes_and_tokens_expire() {
        let links = Links::default();
        let [early, late] = [0, 0].map(|now| links.new_code(at(now)).unwrap());
        let lifetime = CODE_LIFETIME.as_secs();
        let token = links.redeem(&early, at(lifetime - 1)).unwrap();
        assert_eq!(
            links.redeem(&late, at(lifetime)).unwrap_err(),
            CodeError::Unknown
        );
        let text = token.token.to_string();
        let expires = lifetime - 1 + TOKEN_LIFETIME.as_secs();
        assert!(granted(&links, &text, at(expires - 1)).unwrap().is_ok());
        let expired = granted(&links, &text, at(expires));
        assert_eq!(expired, Some(Err(TokenError::Expired)));
    }

    #[test]
    fn number_of_codes_and_tokens_is_limited() {
        let links = Links::default();
        let first = links.new_code(at(0)).unwrap();
        let codes: Vec<_> = (0..MAX_EACH)
            .map(|_| links.new_code(at(0)).unwrap())
            .collect();
        assert_eq!(links.redeem(&first, at(0)).unwrap_err(), CodeError::Unknown);
        let mut tokens: Vec<_> = codes
            .iter()
            .map(|code| links.redeem(code, at(0)).unwrap())
            .collect();
        let code = links.new_code(at(0)).unwrap();
        tokens.push(links.redeem(&code, at(0)).unwrap());
        let works = |token: &LinkToken| granted(&links, &token.token.to_string(), at(1)).is_some();
        assert!(!works(&tokens[0]));
        assert!(tokens[1..].iter().all(works));
    }
}
