//! Turns the reasons why a change of a Source is refused into error responses.
//!
//! A client that sees only some Sources gets no text that could name others, or files of the server.

use std::io;

use super::error::{ApiError, ApiErrors, ErrorCode, pointer_of_name};
use crate::config::InvalidValue;
use crate::managed::changes::ChangeError;
use crate::managed::store::StoreError;
use crate::serve::access::Grant;
use crate::serve::source_changes::RequestError;

/// A mistake in the shape of a body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ShapeError {
    /// A JSON pointer into the body.
    pub pointer: String,
    pub problem: String,
}

/// The mistakes in the shape of a body, at least one, and the problems of the values that can be read. Leaves out the
/// problems of values that have a mistake in their shape. `pointer` is as for [`refused`].
pub(super) fn with_shape_errors(
    mistakes: &[ShapeError],
    problems: Vec<InvalidValue>,
    pointer: &dyn Fn(&str) -> String,
) -> ApiErrors {
    let error = |it: &ShapeError| {
        ApiError::new(ErrorCode::ValueInvalid, it.problem.as_str()).at(it.pointer.as_str())
    };
    let is_in = |pointer: &str, above: &str| {
        let below = pointer.strip_prefix(above);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_new = |problem: &InvalidValue| {
        let at = pointer(&json_pointer(&problem.key));
        !mistakes
            .iter()
            .any(|it| is_in(&at, &it.pointer) || is_in(&it.pointer, &at))
    };
    let problems = problems.into_iter().filter(is_new);
    let problems = problems.map(|it| value_error(ErrorCode::ValueInvalid, it, pointer));
    let errors = ApiErrors::of(mistakes.iter().map(error).chain(problems));
    errors.expect("there is at least one mistake")
}

/// The errors of a change that was not made.
pub(super) fn change_errors(
    error: RequestError,
    grant: &Grant,
    pointer: &dyn Fn(&str) -> String,
) -> ApiErrors {
    match error {
        RequestError::Refused(error) => refused(error, grant, pointer),
        RequestError::Stopping => {
            ApiError::new(ErrorCode::Unavailable, RequestError::Stopping.to_string()).into()
        }
    }
}

/// The warning about a change that the daemon does not use yet.
pub(super) fn not_in_use(reason: &str, grant: &Grant) -> String {
    let text = visible(
        "the change is stored, but the daemon does not use it yet",
        reason,
        grant,
    );
    format!("{text}; see /status, and do not send the change again")
}

/// The errors of a change that was refused.
///
/// `pointer` translates a JSON pointer into our values to one into the body of the request.
pub(super) fn refused(
    error: ChangeError,
    grant: &Grant,
    pointer: &dyn Fn(&str) -> String,
) -> ApiErrors {
    let text = error.to_string();
    let code = match error {
        ChangeError::Invalid(problems) => {
            return value_errors(ErrorCode::ValueInvalid, problems, text, pointer);
        }
        ChangeError::TestFailed(problems) => {
            return value_errors(ErrorCode::TestFailed, problems, text, pointer);
        }
        ChangeError::NotFound { .. } => ErrorCode::NotFound,
        ChangeError::ManagedByFile { .. } => ErrorCode::ManagedByFile,
        ChangeError::Conflict { .. } => ErrorCode::VersionDiffers,
        ChangeError::TooMany { .. } => ErrorCode::TooManySources,
        ChangeError::Damaged { .. } => ErrorCode::StoredFileInvalid,
        ChangeError::Panicked => ErrorCode::Internal,
        ChangeError::Configuration(_) => {
            let general =
                "nothing was changed, because the configuration on the server has mistakes";
            let text = visible(general, &text, grant);
            return ApiError::new(ErrorCode::ConfigurationInvalid, text).into();
        }
        ChangeError::Store(ref error) if is_full(error) => ErrorCode::StorageFull,
        ChangeError::Store(_)
        | ChangeError::Keys(_)
        | ChangeError::KeyNeeded { .. }
        | ChangeError::Unopened(_)
        | ChangeError::Seal => {
            let text = visible("nothing was changed", &text, grant);
            return ApiError::new(ErrorCode::ChangeFailed, text).into();
        }
    };
    ApiError::new(code, text).into()
}

/// The error with its reason, if the client may see everything.
fn visible(general: &str, reason: &str, grant: &Grant) -> String {
    if grant.sees_all() {
        format!("{general}: {reason}")
    } else {
        tracing::warn!(reason, "a change of a Source failed");
        format!("{general}; the log of asset-indexer has the reason")
    }
}

fn is_full(error: &StoreError) -> bool {
    let StoreError::File { cause, .. } = error else {
        return false;
    };
    matches!(
        cause.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// An error for each value. If there is none, an error with this text.
fn value_errors(
    code: ErrorCode,
    problems: Vec<InvalidValue>,
    text: String,
    pointer: &dyn Fn(&str) -> String,
) -> ApiErrors {
    let errors = problems
        .into_iter()
        .map(|it| value_error(code, it, pointer));
    ApiErrors::of(errors).unwrap_or_else(|| ApiError::new(code, text).into())
}

fn value_error(
    code: ErrorCode,
    problem: InvalidValue,
    pointer: &dyn Fn(&str) -> String,
) -> ApiError {
    let at = pointer(&json_pointer(&problem.key));
    let text = match &problem.value {
        Some(value) => format!("{value}: {}", problem.problem),
        None => problem.problem,
    };
    ApiError::new(code, text).at(at)
}

/// The JSON pointer of a key such as `rules.include[0]`.
fn json_pointer(key: &str) -> String {
    if key.is_empty() {
        return String::new();
    }
    let parts = key.replace('[', ".").replace(']', "");
    parts.split('.').map(pointer_of_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::access::{AccessLevel, SourceScope};

    #[test]
    fn pointers_follow_the_keys() {
        for (key, want) in [
            ("", ""),
            ("bucket", "/bucket"),
            (
                "events.credentials.role_arn",
                "/events/credentials/role_arn",
            ),
            ("rules.include[2]", "/rules/include/2"),
            ("a/b~c", "/a~1b~0c"),
        ] {
            assert_eq!(json_pointer(key), want);
        }
    }

    #[test]
    fn only_clients_that_see_all_get_reasons_of_the_server() {
        let limited = Grant::of_token("t", AccessLevel::Manage, SourceScope::only(["a"]));
        let full = Grant::of_token("t", AccessLevel::Manage, SourceScope::All);
        let answer = |grant: &Grant| {
            let error = ChangeError::Configuration("/etc/secret-place.toml is wrong".into());
            format!("{:?}", refused(error, grant, &str::to_owned))
        };
        assert!(answer(&full).contains("secret-place"));
        assert!(!answer(&limited).contains("secret-place"));
    }

    #[test]
    fn a_full_disk_has_a_code_of_its_own() {
        let grant = Grant::of_token("t", AccessLevel::Manage, SourceScope::All);
        let error = StoreError::File {
            attempted: "write",
            path: "f".into(),
            cause: io::ErrorKind::StorageFull.into(),
        };
        let errors = refused(error.into(), &grant, &str::to_owned);
        assert!(format!("{errors:?}").contains("StorageFull"), "{errors:?}");
    }
}
