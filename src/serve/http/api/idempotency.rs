//! Remembers the answers to requests with an `Idempotency-Key`, so that a repeated request changes nothing.
//!
//! A client that got no answer can repeat its request. The answers are only in memory: a restart forgets them. A request
//! that failed is not remembered: most failures change nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::error::{ApiError, ApiErrors, ErrorCode, panicked};
use super::write_request::WriteRequest;

/// How long an answer is remembered.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// Maximum number of answers that are remembered. The oldest one is forgotten first.
const MAX_ANSWERS: usize = 1_000;

/// An answer to repeat.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub status: StatusCode,
    /// The path of what was created, for `Location`.
    pub location: String,
    /// For `ETag`.
    pub etag: String,
    pub body: Value,
}

/// Identifies a request: the name of the token, the path, and the key that the client chose.
type RequestId = (String, String, String);

/// Maximum number of requests that run. They run to their end even if their client disconnects.
const MAX_RUNNING: usize = 32;

/// The answers by request.
pub(crate) struct Answers {
    entries: Mutex<HashMap<RequestId, Entry>>,
    running: Arc<Semaphore>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
        }
    }
}

struct Entry {
    /// A hash of the body. The body can contain secrets.
    body: [u8; 32],
    /// `None` while the request is running.
    answer: Option<Answer>,
    since: Instant,
}

/// What to do with a request.
enum Turn {
    /// Run it, and finish the guard with the answer.
    First(RunningRequest),
    /// Repeat this answer.
    Repeated(Answer),
}

/// A request that is running. If it is dropped, the request failed, and is forgotten.
struct RunningRequest {
    answers: Arc<Answers>,
    id: RequestId,
}

impl Answers {
    /// Decides whether a request runs. Fails if the key belongs to another body, or if the first request is running.
    fn begin(
        self: &Arc<Self>,
        id: RequestId,
        body: &Map<String, Value>,
        now: Instant,
    ) -> Result<Turn, ApiError> {
        let body = hash(body);
        let mut entries = self.lock();
        entries.retain(|_, entry| {
            entry.answer.is_none() || now.saturating_duration_since(entry.since) < MAX_AGE
        });
        if let Some(entry) = entries.get(&id) {
            return if entry.body != body {
                let text = "this Idempotency-Key was used for another body; choose a new one";
                Err(ApiError::new(ErrorCode::IdempotencyKeyReused, text))
            } else if let Some(answer) = &entry.answer {
                Ok(Turn::Repeated(answer.clone()))
            } else {
                let text =
                    "the first request with this Idempotency-Key is still running; repeat it later";
                Err(ApiError::new(ErrorCode::RequestInProgress, text))
            };
        }
        if entries.len() >= MAX_ANSWERS {
            let done = entries.iter().filter(|(_, entry)| entry.answer.is_some());
            let oldest = done.min_by_key(|(_, entry)| entry.since);
            let oldest = oldest.map(|(id, _)| id.clone());
            let Some(oldest) = oldest else {
                let text = "too many requests with an Idempotency-Key are running; repeat it later";
                return Err(ApiError::new(ErrorCode::RequestInProgress, text));
            };
            entries.remove(&oldest);
        }
        let entry = Entry {
            body,
            answer: None,
            since: now,
        };
        entries.insert(id.clone(), entry);
        Ok(Turn::First(RunningRequest {
            answers: Arc::clone(self),
            id,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Entry>> {
        // A panic cannot leave it half-written: each holder makes one change.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningRequest {
    /// Remembers the answer.
    fn finish(self, answer: &Answer) {
        if let Some(entry) = self.answers.lock().get_mut(&self.id) {
            entry.answer = Some(answer.clone());
        }
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        let mut entries = self.answers.lock();
        if entries.get(&self.id).is_some_and(|it| it.answer.is_none()) {
            entries.remove(&self.id);
        }
    }
}

/// Makes a request, or repeats the answer to an earlier one with the same `Idempotency-Key`. `path` is the path of the
/// request.
///
/// It runs as a task of its own: if the client disconnects, its repeated request still gets the answer.
pub(super) async fn answer_once(
    request: &WriteRequest,
    path: &str,
    run: impl Future<Output = Result<Answer, ApiErrors>> + Send + 'static,
) -> Result<Answer, ApiErrors> {
    let running = match &request.idempotency_key {
        None => None,
        Some(key) => {
            let id = (request.grant.actor(), path.to_owned(), key.clone());
            let turn = request
                .app
                .answers
                .begin(id, &request.body, Instant::now())?;
            match turn {
                Turn::Repeated(answer) => return Ok(answer),
                Turn::First(running) => Some(running),
            }
        }
    };
    let permit = Arc::clone(&request.app.answers.running).try_acquire_owned();
    let permit = permit.map_err(|_| {
        let text = "too many Sources are being set up; try again in a moment";
        ApiError::new(ErrorCode::Busy, text)
    })?;
    let task = tokio::spawn(async move {
        let _permit = permit;
        let answer = run.await?;
        if let Some(running) = running {
            running.finish(&answer);
        }
        Ok(answer)
    });
    task.await.map_err(|error| panicked(&error))?
}

fn hash(body: &Map<String, Value>) -> [u8; 32] {
    let text = serde_json::to_vec(body).map(zeroize::Zeroizing::new);
    let text = text.expect("the keys of a JSON object are strings");
    let hash = digest(&SHA256, &text);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(key: &str) -> RequestId {
        ("token".into(), "/v1/sources".into(), key.into())
    }

    fn body(name: &str) -> Map<String, Value> {
        json!({ "name": name }).as_object().unwrap().clone()
    }

    fn answer(text: &str) -> Answer {
        Answer {
            status: StatusCode::CREATED,
            location: text.into(),
            etag: text.into(),
            body: text.into(),
        }
    }

    fn first(turn: Result<Turn, ApiError>) -> RunningRequest {
        match turn {
            Ok(Turn::First(running)) => running,
            Ok(Turn::Repeated(answer)) => panic!("{answer:?}"),
            Err(error) => panic!("{error:?}"),
        }
    }

    fn code(turn: Result<Turn, ApiError>) -> Option<ErrorCode> {
        turn.err().map(|error| error.code())
    }

    #[test]
    fn a_repeated_request_gets_the_first_answer() {
        let (answers, now) = (Arc::new(Answers::default()), Instant::now());
        let running = first(answers.begin(id("k"), &body("a"), now));
        let again = answers.begin(id("k"), &body("a"), now);
        assert_eq!(code(again), Some(ErrorCode::RequestInProgress));
        running.finish(&answer("done"));
        match answers.begin(id("k"), &body("a"), now) {
            Ok(Turn::Repeated(repeated)) => assert_eq!(repeated, answer("done")),
            _ => panic!("it must be repeated"),
        }
        let other = answers.begin(id("k"), &body("b"), now);
        assert_eq!(code(other), Some(ErrorCode::IdempotencyKeyReused));
        // Another token's key is another key.
        let other = ("other".into(), "/v1/sources".into(), "k".into());
        drop(first(answers.begin(other, &body("b"), now)));
        // After a day, the key is new.
        first(answers.begin(id("k"), &body("b"), now + MAX_AGE)).finish(&answer("new"));
    }

    #[test]
    fn a_failed_request_is_forgotten() {
        let (answers, now) = (Arc::new(Answers::default()), Instant::now());
        drop(first(answers.begin(id("k"), &body("a"), now)));
        drop(first(answers.begin(id("k"), &body("b"), now)));
    }

    #[test]
    fn the_oldest_answer_is_forgotten_first() {
        let (answers, start) = (Arc::new(Answers::default()), Instant::now());
        for number in 0..=MAX_ANSWERS {
            let now = start + Duration::from_millis(number as u64);
            first(answers.begin(id(&number.to_string()), &body("a"), now)).finish(&answer(""));
        }
        assert_eq!(answers.lock().len(), MAX_ANSWERS);
        assert!(!answers.lock().contains_key(&id("0")));
    }
}
