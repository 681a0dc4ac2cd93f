//! Explains why credentials cannot be loaded: what is wrong with the profile, and the command that fixes it.
//!
//! The SDK's own errors speak about its parts. An explanation replaces them, except for failures of the network.

use aws_config::profile::ProfileSet;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use crate::aws::error::{describe_without, is_connection_failure, is_refusal};
use crate::aws::profiles;
use crate::aws::tls::TlsFailure;
use crate::core::source::Credentials;

/// Maximum number of profiles that an error names.
const MAX_NAMED: usize = 20;

/// Maximum number of profiles that refer to each other. The SDK refuses loops.
const MAX_CHAIN: usize = 20;

/// The settings of a profile that signs in with IAM Identity Center.
const SSO: [&str; 2] = ["sso_session", "sso_start_url"];

/// The setting of a profile that signs in with `aws login`.
const LOGIN: &str = "login_session";

/// The setting of a profile with the path of a token.
const TOKEN_FILE: &str = "web_identity_token_file";

/// The environment variables with the path of a token that the default chain exchanges for credentials.
const TOKEN_VARIABLES: [&str; 2] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// Texts of the SDK that name its parts, and what to say instead.
const PLAIN_WORDS: [(&str, &str); 2] = [
    ("ProfileFile provider could not be built: ", ""),
    (
        "Error retrieving credentials: external process",
        "the program of credential_process",
    ),
];

/// The setting of a profile that says where the credentials for its role are.
const CREDENTIAL_SOURCE: &str = "credential_source";

/// The setting of a profile that names the profile whose credentials it uses.
const SOURCE_PROFILE: &str = "source_profile";

/// Why credentials cannot be loaded, and how to fix it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Explanation(String);

/// A request for credentials that got no response. The errors below it say why.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Unreachable {
    what: String,
    source: CredentialsError,
}

/// Loads credentials, and explains why if that fails.
#[derive(Debug)]
pub(super) struct Explained {
    credentials: Credentials,
    /// The endpoint for assuming roles, if the environment configures one.
    sts_endpoint: Option<String>,
    provider: SharedCredentialsProvider,
}

impl Explained {
    /// Explains the errors of `provider`, which loads these credentials.
    pub(super) fn new(
        credentials: &Credentials,
        sts_endpoint: Option<String>,
        provider: SharedCredentialsProvider,
    ) -> Self {
        Self {
            credentials: credentials.clone(),
            sts_endpoint,
            provider,
        }
    }

    /// The operation that failed, for an error.
    fn operation(&self) -> String {
        let endpoint = self.sts_endpoint.as_ref();
        let endpoint = endpoint.map(|url| format!(" at {url}")).unwrap_or_default();
        match &self.credentials {
            Credentials::AssumeRole { role_arn, .. } => {
                format!("failed to assume the role {role_arn}{endpoint}")
            }
            _ => "failed to load the credentials".to_owned(),
        }
    }

    async fn explain(&self, error: CredentialsError) -> CredentialsError {
        if matches!(error, CredentialsError::ProviderTimedOut(_)) {
            return error;
        }
        if TlsFailure::of(&error).is_some() || is_connection_failure(&error) {
            let what = self.operation();
            return CredentialsError::provider_error(Unreachable {
                what,
                source: error,
            });
        }
        let mut cause = describe_without::<CredentialsError>(&error);
        for (jargon, plain) in PLAIN_WORDS {
            cause = cause.replacen(jargon, plain, 1);
        }
        let is_refusal = is_refusal(&error);
        let explained = match profiles::load(&self.credentials).await {
            Ok(_) if is_refusal => None,
            Ok(profiles) => {
                let requested = profiles::requested(&self.credentials);
                of_profile(&profiles, requested.as_deref(), &cause)
            }
            Err(problem) => Some(format!(
                "the AWS profiles cannot be read: {}",
                describe_without::<CredentialsError>(&problem)
            )),
        };
        let explained = explained.or_else(|| match &self.credentials {
            Credentials::DefaultChain | Credentials::AssumeRole { .. } if !is_refusal => {
                unreadable_token()
            }
            _ => None,
        });
        let explained = explained.unwrap_or_else(|| match &self.credentials {
            Credentials::AssumeRole { .. } => format!("{}: {cause}", self.operation()),
            Credentials::Profile(name) => {
                format!("the AWS profile {name:?} cannot be used: {cause}")
            }
            _ if is_nothing(&cause) => {
                "the environment, the AWS profile and the metadata of this machine have none"
                    .to_owned()
            }
            _ => cause,
        });
        CredentialsError::provider_error(Explanation(explained))
    }
}

impl ProvideCredentials for Explained {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match self.provider.provide_credentials().await {
                Ok(keys) => Ok(keys),
                Err(error) => Err(self.explain(error).await),
            }
        })
    }
}

/// The problem if a file with a token that the environment names cannot be read. The error of the SDK names no file.
fn unreadable_token() -> Option<String> {
    TOKEN_VARIABLES
        .iter()
        .find_map(|name| unreadable(&std::env::var(name).ok()?, name))
}

/// The problem if the file cannot be read. `named_by` is the setting with its path.
fn unreadable(path: &str, named_by: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let error = std::fs::read(path).err()?;
    Some(format!(
        "failed to read the token in {path}, which {named_by} names: {error}"
    ))
}

/// Whether the cause only says that there are no credentials.
fn is_nothing(cause: &str) -> bool {
    cause.is_empty() || cause.starts_with("no credentials found in chain")
}

/// The explanation if it lies in a profile. `requested` is the profile that was asked for by name.
fn of_profile(profiles: &ProfileSet, requested: Option<&str>, cause: &str) -> Option<String> {
    let selected = profiles.selected_profile();
    let mut name = requested.unwrap_or(selected);
    let mut referrer = None;
    for _ in 0..MAX_CHAIN {
        let Some(profile) = profiles.get_profile(name) else {
            let is_expected = requested.is_some() || referrer.is_some();
            return is_expected.then(|| missing(profiles, name, referrer));
        };
        if SSO.iter().any(|setting| profile.get(setting).is_some()) {
            return Some(format!(
                "the AWS profile {name:?} signs in with SSO: {cause}; run `aws sso login --profile {name}` as the \
                 user of this program"
            ));
        }
        if profile.get(LOGIN).is_some() {
            return Some(format!(
                "the AWS profile {name:?} signs in with `aws login`, which this program does not support; use \
                 `aws configure sso --profile {name}`, a role or an access key instead"
            ));
        }
        if let Some(problem) = profile
            .get(TOKEN_FILE)
            .and_then(|path| unreadable(path, TOKEN_FILE))
        {
            return Some(format!(
                "the AWS profile {name:?} cannot be used: {problem}"
            ));
        }
        if let Some(place) = profile.get(CREDENTIAL_SOURCE) {
            return Some(format!(
                "the AWS profile {name:?} cannot be used: its {CREDENTIAL_SOURCE} is {place:?}, which failed: {cause}"
            ));
        }
        match profile.get(SOURCE_PROFILE).filter(|&next| next != name) {
            Some(next) => (referrer, name) = (Some(name), next),
            None => break,
        }
    }
    requested.map(|requested| {
        if is_nothing(cause) {
            let files = files();
            format!("the AWS profile {requested:?} in {files} has none")
        } else {
            format!("the AWS profile {requested:?} cannot be used: {cause}")
        }
    })
}

/// The explanation if the profile does not exist. `referrer` is the profile that names it.
fn missing(profiles: &ProfileSet, name: &str, referrer: Option<&str>) -> String {
    let mut known: Vec<&str> = profiles.profiles().collect();
    known.sort_unstable();
    let more = known.len().saturating_sub(MAX_NAMED);
    let shown = known.iter().take(MAX_NAMED);
    let shown: Vec<String> = shown.map(|name| format!("{name:?}")).collect();
    let known = match (&shown[..], more) {
        ([], _) => "there are no profiles".to_owned(),
        (_, 0) => format!("the profiles there are {}", shown.join(", ")),
        (_, more) => format!(
            "the profiles there are {} and {more} more",
            shown.join(", ")
        ),
    };
    let referrer = referrer
        .map(|referrer| format!(", which {SOURCE_PROFILE} of the AWS profile {referrer:?} names,"));
    format!(
        "the AWS profile {name:?}{} is not in {}; {known}",
        referrer.unwrap_or_default(),
        files()
    )
}

fn files() -> String {
    profiles::files()
        .map(|path| path.display().to_string())
        .join(" or ")
}
