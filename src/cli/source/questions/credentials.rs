//! Asks for the credentials of a new Source.

use serde_json::{Value, json};

use super::terminal::{hidden, optional, required};
use crate::cli::Failure;
use crate::managed::draft::SECRET_KEY;

/// Asks for an access key or, if Sources may use the credentials of this machine, for a role that they assume. `None`
/// stands for the credentials of this machine.
pub(super) fn ask(
    previous: Option<Value>,
    may_be_of_the_machine: bool,
) -> Result<Option<Value>, Failure> {
    let before = |key: &str| {
        let value = previous.as_ref().and_then(|it| it[key].as_str());
        value.unwrap_or_default()
    };
    let id_before = before("access_key_id");
    let id = if may_be_of_the_machine {
        optional("ID of the access key (empty for a role)", id_before)?
    } else {
        required("ID of the access key", id_before)?
    };
    if !id.is_empty() {
        let kept = Some(before(SECRET_KEY)).filter(|secret| !secret.is_empty());
        let text = match kept {
            Some(_) => "Secret access key (not shown; empty to keep it): ",
            None => "Secret access key (not shown): ",
        };
        let typed = hidden(text)?;
        let secret = match typed.trim() {
            "" => kept.unwrap_or_default(),
            typed => typed,
        };
        return Ok(Some(json!({"access_key_id": id, SECRET_KEY: secret})));
    }
    let role = optional(
        "ARN of a role (empty for this machine's own credentials)",
        before("role_arn"),
    )?;
    if role.is_empty() {
        return Ok(None);
    }
    let external_id = optional(
        "External ID of the role (may be empty)",
        before("external_id"),
    )?;
    Ok(Some(match external_id.as_str() {
        "" => json!({"role_arn": role}),
        id => json!({"role_arn": role, "external_id": id}),
    }))
}
