//! Changes managed Sources for requests, and reads what is stored about them.
//!
//! Both shapes of the API call it. It checks no rights: the handlers do that before.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::change_error::{ShapeError, change_errors, not_in_use, refused, with_shape_errors};
use super::error::{ApiError, ApiErrors, ErrorCode, panicked};
use super::write_request::WriteRequest;
use crate::core::source::Source;
use crate::managed::changes::{self, Change, ChangeError};
use crate::managed::history::HistoryEntry;
use crate::managed::store::{SourceStore, Version};
use crate::managed::{Actor, FileStore};
use crate::serve::access::{Grant, SourceScope};
use crate::serve::http::app_state::AppState;
use crate::serve::source_changes::{RequestError, SourceChanger};

/// A stored Source, without its secrets.
pub(super) struct StoredValues {
    pub version: Version,
    /// The values, with the keys of the configuration file. Credentials have `has_secret` in place of a secret.
    pub values: Map<String, Value>,
}

/// What sends changes to the daemon. Fails on a server that only reads.
pub(super) fn changer(app: &AppState) -> Result<&SourceChanger, ApiError> {
    app.changer.as_ref().ok_or_else(read_only)
}

/// The error of a server that only reads.
pub(super) fn read_only() -> ApiError {
    let text = "this server only reads the index; send the request to the daemon's server";
    ApiError::new(ErrorCode::ReadOnly, text)
}

/// Who sends a request, for the history and the log.
pub(super) fn actor(grant: &Grant) -> Actor {
    match grant.scope() {
        SourceScope::All => Actor::who_sees_all(grant.actor()),
        SourceScope::Only(names) => Actor::who_sees_only(grant.actor(), Arc::clone(names)),
    }
}

/// A change that is durable.
pub(super) struct MadeChange {
    /// The new version. `None` if the Source is removed.
    pub version: Option<Version>,
    /// The Source as it is stored now. `None` if it is removed.
    pub source: Option<Arc<Source>>,
    /// Why the daemon does not use it yet, for `meta.warnings`. Usually empty.
    pub warnings: Vec<String>,
}

impl MadeChange {
    /// The status of the response, which is `success` if the daemon uses the change.
    pub(super) fn status(&self, success: StatusCode) -> StatusCode {
        if self.warnings.is_empty() {
            success
        } else {
            StatusCode::ACCEPTED
        }
    }
}

/// Makes a change. When it returns, the change is durable.
///
/// New credentials, a new bucket and a new endpoint are tested before, unless `is_untested`. `pointer` translates a JSON
/// pointer into our values to one into the body of the request.
pub(super) async fn apply(
    request: &WriteRequest,
    name: &str,
    change: Change,
    is_untested: bool,
    pointer: &(dyn Fn(&str) -> String + Sync),
) -> Result<MadeChange, ApiErrors> {
    let changer = changer(&request.app)?;
    let actor = actor(&request.grant);
    let stored = changer
        .apply(name.to_owned(), change, actor, is_untested)
        .await;
    let stored = stored.map_err(|error| change_errors(error, &request.grant, pointer))?;
    let warning = stored
        .not_in_use
        .map(|reason| not_in_use(&reason, &request.grant));
    Ok(MadeChange {
        version: stored.applied.version,
        source: stored.source,
        warnings: warning.into_iter().collect(),
    })
}

/// All mistakes of a change whose body has mistakes in its shape, at least one: also those in the values that can be
/// read. Nothing is changed. `pointer` is as for [`apply`].
pub(super) async fn shape_errors(
    request: &WriteRequest,
    name: &str,
    change: Change,
    mistakes: &[ShapeError],
    pointer: &(dyn Fn(&str) -> String + Sync),
) -> Result<ApiErrors, ApiError> {
    let changer = changer(&request.app)?;
    let actor = actor(&request.grant);
    let problems = match changer.check(name.to_owned(), change, actor).await {
        Err(RequestError::Refused(ChangeError::Invalid(problems))) => problems,
        // Other reasons are for a document without mistakes.
        _ => Vec::new(),
    };
    Ok(with_shape_errors(mistakes, problems, pointer))
}

/// The stored values of a Source. `None` if it is not a managed one, or if a client that may not change it would only
/// get an error: a file that was damaged by hand makes no difference to a reader.
pub(super) async fn stored_values(
    app: &Arc<AppState>,
    grant: &Grant,
    name: &str,
) -> Result<Option<StoredValues>, ApiErrors> {
    match read_values(app, grant, name.to_owned()).await {
        Err(_) if !grant.may_manage(name) => Ok(None),
        stored => stored,
    }
}

async fn read_values(
    app: &Arc<AppState>,
    grant: &Grant,
    name: String,
) -> Result<Option<StoredValues>, ApiErrors> {
    let read = read_store(app, move |store| {
        let Some(stored) = store.get(&name)? else {
            return Ok(None);
        };
        let file = changes::parse(&stored.text);
        let file = file.map_err(|problem| ChangeError::Damaged { name, problem })?;
        let values = serde_json::to_value(file).expect("the keys of a Source are strings");
        let Value::Object(mut values) = values else {
            return Ok(None);
        };
        hide_secrets(&mut values);
        Ok(Some(StoredValues {
            version: stored.version,
            values,
        }))
    });
    read.await?
        .map_err(|error| refused(error, grant, &str::to_owned))
}

/// The history of a Source, oldest first.
pub(super) async fn history(
    app: &Arc<AppState>,
    grant: &Grant,
    name: &str,
) -> Result<Vec<HistoryEntry>, ApiErrors> {
    let name = name.to_owned();
    let read = read_store(app, move |store| Ok(store.history(&name)?));
    read.await?
        .map_err(|error| refused(error, grant, &str::to_owned))
}

/// Reads the store on a thread that may block.
async fn read_store<T: Send + 'static>(
    app: &Arc<AppState>,
    read: impl FnOnce(&FileStore) -> Result<T, ChangeError> + Send + 'static,
) -> Result<Result<T, ChangeError>, ApiError> {
    let store = FileStore::in_data_dir(&app.board.data_dir);
    let task = tokio::task::spawn_blocking(move || read(&store));
    task.await.map_err(|error| panicked(&error))
}

/// Replaces sealed secrets with `has_secret`.
fn hide_secrets(values: &mut Map<String, Value>) {
    if let Some(Value::Object(credentials)) = values.get_mut("credentials") {
        let sealed = credentials.remove("secret_access_key_sealed");
        if sealed.is_some() {
            credentials.insert("has_secret".to_owned(), true.into());
        }
    }
    if let Some(Value::Object(events)) = values.get_mut("events") {
        hide_secrets(events);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sealed_secrets_are_not_shown() {
        let mut values = json!({
            "bucket": "b",
            "credentials": {"access_key_id": "a", "secret_access_key_sealed": "v1.x.y"},
            "events": {"queue_url": "q", "credentials": {"secret_access_key_sealed": "v1.z.y"}},
        });
        hide_secrets(values.as_object_mut().unwrap());
        let want = json!({
            "bucket": "b",
            "credentials": {"access_key_id": "a", "has_secret": true},
            "events": {"queue_url": "q", "credentials": {"has_secret": true}},
        });
        assert_eq!(values, want);
    }
}
