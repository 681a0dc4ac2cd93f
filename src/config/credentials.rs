//! Resolves credentials: determines their kind and validates it.
//!
//! Errors do not show values, because a value could be a secret in the wrong place.

use std::path::Path;

use crate::config::error::InvalidValue;
use crate::config::file::CredentialsFile;
use crate::core::source::{Credentials, KeyPlaces, SealedSecret, SecretPlace};

/// Length of the secret of an access key, in base64 characters.
const SECRET_LENGTH: usize = 40;

/// The kinds of credentials and how to write them.
const KINDS: &str = "set one of { profile = \"…\" }, { role_arn = \"…\", external_id = \"…\" }, \
                     { access_key_id = \"…\", secret_access_key_file = \"/…\" } and { access_key_id \
                     = \"…\", secret_access_key_credential = \"…\" }, or remove it to use the AWS \
                     default chain";

/// The same for a managed Source, which a person sets up: it names no files and profiles of this machine.
const MANAGED_KINDS: &str = "set access_key_id with secret_access_key, or role_arn with external_id, or remove it \
                             to use the AWS default chain";

/// The field of a Source that is sealed, below `credentials`.
const SEALED_FIELD: &str = "credentials.secret_access_key";

/// What a secret depends on.
#[derive(Clone, Copy)]
pub(super) struct SecretContext<'a> {
    /// The folder that paths are relative to.
    pub folder: &'a Path,
    /// The keys of sealed secrets. `None` if the Source may not have sealed secrets.
    pub keys: Option<&'a KeyPlaces>,
    /// The name of the Source.
    pub source: &'a str,
    /// The table above `credentials`, with a `.`: empty or `events.`.
    pub above: &'a str,
}

/// Resolves `credentials`.
pub(super) fn resolve(
    file: Option<CredentialsFile>,
    context: SecretContext<'_>,
) -> Result<Credentials, InvalidValue> {
    let Some(file) = file else {
        return Ok(Credentials::DefaultChain);
    };
    match file {
        CredentialsFile {
            profile: Some(profile),
            role_arn: None,
            external_id: None,
            access_key_id: None,
            secret_access_key_file: None,
            secret_access_key_credential: None,
            secret_access_key_sealed: None,
        } => Ok(Credentials::Profile(word("credentials.profile", profile)?)),
        CredentialsFile {
            profile: None,
            role_arn: Some(role_arn),
            external_id,
            access_key_id: None,
            secret_access_key_file: None,
            secret_access_key_credential: None,
            secret_access_key_sealed: None,
        } => role(role_arn, external_id),
        CredentialsFile {
            profile: None,
            role_arn: None,
            external_id: None,
            access_key_id: Some(access_key_id),
            secret_access_key_file: None,
            secret_access_key_credential: None,
            secret_access_key_sealed: Some(text),
        } => Ok(Credentials::AccessKey {
            access_key_id: access_key(access_key_id)?,
            secret: sealed(text, context)?,
        }),
        CredentialsFile {
            profile: None,
            role_arn: None,
            external_id: None,
            access_key_id: Some(access_key_id),
            secret_access_key_file: path,
            secret_access_key_credential: credential,
            secret_access_key_sealed: None,
        } => Ok(Credentials::AccessKey {
            access_key_id: access_key(access_key_id)?,
            secret: secret(path, credential, context)?,
        }),
        _ => Err(contradiction(&file, context)),
    }
}

fn role(role_arn: String, external_id: Option<String>) -> Result<Credentials, InvalidValue> {
    let is_arn = role_arn.starts_with("arn:") && role_arn.contains(":role/");
    if !is_arn || role_arn.contains(char::is_whitespace) {
        let problem = "set the ARN of a role, such as \"arn:aws:iam::123456789012:role/reader\"";
        return Err(InvalidValue::hidden("credentials.role_arn", problem));
    }
    let external_id = external_id
        .map(|id| word("credentials.external_id", id))
        .transpose()?;
    Ok(Credentials::AssumeRole {
        role_arn,
        external_id,
    })
}

/// A sealed secret, which only the file of a managed Source may have.
fn sealed(text: String, context: SecretContext<'_>) -> Result<SecretPlace, InvalidValue> {
    let Some(keys) = context.keys else {
        let problem = "only managed Sources have sealed secrets; set secret_access_key_file or \
                       secret_access_key_credential";
        return Err(InvalidValue::hidden(
            "credentials.secret_access_key_sealed",
            problem,
        ));
    };
    Ok(SecretPlace::Sealed(SealedSecret {
        source: context.source.to_owned(),
        field: format!("{}{SEALED_FIELD}", context.above),
        text,
        keys: keys.clone(),
    }))
}

fn secret(
    path: Option<String>,
    credential: Option<String>,
    context: SecretContext<'_>,
) -> Result<SecretPlace, InvalidValue> {
    match (path, credential) {
        (Some(path), None) => {
            let key = "credentials.secret_access_key_file";
            refuse_secret(key, &path)?;
            Ok(SecretPlace::File(
                super::resolved_path(&path, context.folder)
                    .map_err(|problem| InvalidValue::hidden(key, problem))?,
            ))
        }
        (None, Some(name)) => {
            let key = "credentials.secret_access_key_credential";
            refuse_secret(key, &name)?;
            let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if name.is_empty() || name.starts_with('.') || !name.chars().all(is_safe) {
                let problem = "set the name of a systemd credential (LoadCredential=NAME:…): letters, \
                               digits, \"-\", \"_\" and \".\", not starting with \".\"";
                return Err(InvalidValue::hidden(key, problem));
            }
            Ok(SecretPlace::SystemdCredential(name))
        }
        (Some(_), Some(_)) => Err(InvalidValue::hidden(
            "credentials.secret_access_key_file",
            "cannot be set together with `secret_access_key_credential`; remove one of them",
        )),
        (None, None) if context.keys.is_some() => Err(InvalidValue::hidden(
            "credentials.secret_access_key",
            "the secret is missing; set the secret access key",
        )),
        (None, None) => Err(InvalidValue::hidden(
            "credentials.access_key_id",
            "the secret is missing; also set secret_access_key_file = \"/path/to/file\" or \
             secret_access_key_credential = \"name\"",
        )),
    }
}

/// Checks the id of an access key. Errors and logs may print it.
fn access_key(id: String) -> Result<String, InvalidValue> {
    let key = "credentials.access_key_id";
    if is_secret(&id) {
        let problem = "looks like the secret of the access key; set its id, such as \"AKIA…\"";
        return Err(InvalidValue::hidden(key, problem));
    }
    word(key, id)
}

/// Refuses a text that looks like the secret itself instead of the name of its file.
fn refuse_secret(key: &str, text: &str) -> Result<(), InvalidValue> {
    if is_secret(text) {
        let problem = "looks like the secret itself; put the secret in a file that only this user can \
                       read, and set the path of that file";
        return Err(InvalidValue::hidden(key, problem));
    }
    Ok(())
}

/// Whether the text looks like the secret of an access key.
fn is_secret(text: &str) -> bool {
    let has = |is_kind: fn(&char) -> bool| text.chars().any(|c| is_kind(&c));
    let is_base_64 = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b));
    let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    text.len() == SECRET_LENGTH && is_base_64 && is_mixed
}

/// Returns a text that has no spaces and is not empty.
fn word(key: &str, text: String) -> Result<String, InvalidValue> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let problem = "must not be empty or contain spaces; copy it from AWS";
        return Err(InvalidValue::hidden(key, problem));
    }
    Ok(text)
}

/// The error for keys that do not form one kind of credentials.
fn contradiction(file: &CredentialsFile, context: SecretContext<'_>) -> InvalidValue {
    let (kinds, sealed_key) = match context.keys {
        Some(_) => (MANAGED_KINDS, "secret_access_key"),
        None => (KINDS, "secret_access_key_sealed"),
    };
    let keys: Vec<&str> = [
        ("profile", &file.profile),
        ("role_arn", &file.role_arn),
        ("external_id", &file.external_id),
        ("access_key_id", &file.access_key_id),
        ("secret_access_key_file", &file.secret_access_key_file),
        (
            "secret_access_key_credential",
            &file.secret_access_key_credential,
        ),
        (sealed_key, &file.secret_access_key_sealed),
    ]
    .into_iter()
    .filter_map(|(key, value)| value.is_some().then_some(key))
    .collect();
    let problem = match keys[..] {
        [] => format!("must not be empty; {kinds}"),
        [key] => format!("{key} needs another key; {kinds}"),
        _ => format!("{} cannot be combined; {kinds}", keys.join(" and ")),
    };
    InvalidValue::hidden("credentials", problem)
}
