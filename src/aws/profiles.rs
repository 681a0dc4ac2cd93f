//! The AWS profiles of this machine: the files that have them, and what a profile says.

use std::path::PathBuf;

use aws_config::profile::{ProfileFileLoadError, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};

use crate::core::source::Credentials;

/// The environment variable with the name of the profile to use.
const SELECTED: &str = "AWS_PROFILE";

/// For each file with profiles: the environment variable with its path, and its path below the home folder.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html>
const FILES: [(&str, &str); 2] = [
    ("AWS_CONFIG_FILE", ".aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
];

/// The profile that was asked for by name: by the credentials, else by `AWS_PROFILE`.
pub(super) fn requested(credentials: &Credentials) -> Option<String> {
    match credentials {
        Credentials::Profile(name) => Some(name.clone()),
        _ => variable(SELECTED),
    }
}

/// All profiles. The selected one is that of the credentials, else of `AWS_PROFILE`, else `default`.
pub(super) async fn load(credentials: &Credentials) -> Result<ProfileSet, ProfileFileLoadError> {
    let name = match credentials {
        Credentials::Profile(name) => Some(name.clone().into()),
        _ => None,
    };
    aws_config::profile::load(&Fs::real(), &Env::real(), &Default::default(), name).await
}

/// The files that may have profiles. They need not exist.
pub(super) fn files() -> [PathBuf; 2] {
    let home = PathBuf::from(variable("HOME").unwrap_or_else(|| "~".to_owned()));
    FILES.map(|(name, below_home)| match variable(name) {
        Some(path) => path.into(),
        None => home.join(below_home),
    })
}

/// The value of an environment variable, if it is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
