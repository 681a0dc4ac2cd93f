//! Turns the credentials of a Source into a configuration for the AWS clients.
//!
//! Requests to S3 and SQS are in `bucket` and `queue`; this module sends none.

mod explain;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::aws::environment::{self, Service};
use crate::aws::http_client::{self, CaBundleError};
use crate::aws::profiles;
use crate::core::source::limits::AllowedHosts;
use crate::core::source::{Credentials, SecretPlace, Source, SourceLimits};
use crate::secrets::{self, SecretError};

use explain::Explained;

/// The region if nothing else names one.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// How long a secret from a file is used before the file is read again. A rotated secret therefore
/// needs no restart.
const SECRET_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The session name of an assumed role. It appears in the account's CloudTrail logs.
const SESSION_NAME: &str = "asset-indexer";

/// Why there is no SDK configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SdkConfigError {
    /// The secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The certificate authorities cannot be used.
    #[error(transparent)]
    CaBundle(#[from] CaBundleError),
    /// The Source may not use these credentials.
    #[error("{}", SourceLimits::NO_MACHINE_CREDENTIALS)]
    NotAllowed,
}

/// The limits of the clients of a Source. By default there are none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClientLimits<'a> {
    /// The limits of the Source, if any.
    pub source: Option<&'a SourceLimits>,
    /// Whether the author of the Source chose the host of the requests. Otherwise AWS or an operator did.
    pub is_host_chosen: bool,
}

impl<'a> ClientLimits<'a> {
    /// The hosts that requests may reach besides public ones. `None` means all.
    fn allowed_hosts(&self) -> Option<&'a AllowedHosts> {
        let limits = self.source.filter(|_| self.is_host_chosen);
        limits.map(|limits| &limits.allowed_hosts)
    }
}

/// Whether a secret of the Source exists for the service but not for this process: systemd passes it only to the
/// service, this user may not read the file, or the file belongs to a group of the service.
pub(crate) fn is_unreadable_here(source: &Source) -> bool {
    let event_credentials = source.events.as_ref().map(|events| &events.credentials);
    let all = [Some(&source.credentials), event_credentials];
    all.into_iter().flatten().any(|credentials| {
        let Credentials::AccessKey { secret, .. } = credentials else {
            return false;
        };
        secrets::read(secret).is_err_and(|error| error.is_only_here())
    })
}

/// The files that these credentials are read from. They need not exist. A sealed secret is in the configuration
/// itself.
pub(crate) fn files(credentials: &Credentials) -> Vec<PathBuf> {
    let Credentials::AccessKey { secret, .. } = credentials else {
        return profiles::files().into();
    };
    secrets::path_of(secret).into_iter().collect()
}

/// The SDK configuration for these credentials and this region.
///
/// It reads a secret file once, so that an unusable file is an error here and not at the first request.
pub(crate) async fn sdk_config(
    credentials: &Credentials,
    region: &str,
    limits: ClientLimits<'_>,
) -> Result<SdkConfig, SdkConfigError> {
    if let Some(limits) = limits.source
        && !limits.admit_credentials(credentials)
    {
        return Err(SdkConfigError::NotAllowed);
    }
    let http_client = http_client::shared(credentials, None).await?;
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client.clone())
        .region(Region::new(region.to_owned()));
    let loader = match credentials {
        Credentials::DefaultChain | Credentials::AssumeRole { .. } => loader,
        Credentials::Profile(name) => {
            loader
                .profile_name(name)
                .credentials_provider(ProfileCredentials {
                    name: name.clone(),
                    region: region.to_owned(),
                    http_client,
                })
        }
        Credentials::AccessKey {
            access_key_id,
            secret,
        } => {
            secrets::read(secret)?;
            loader.credentials_provider(FileCredentials {
                access_key_id: access_key_id.clone(),
                secret: secret.clone(),
            })
        }
    };
    let config = loader.load().await;
    let config = match credentials {
        Credentials::AssumeRole {
            role_arn,
            external_id,
        } => with_role(config, role_arn, external_id.as_deref()).await,
        _ => config,
    };
    let config = match config.credentials_provider() {
        Some(provider) => {
            // It is only for errors. A wrong one fails when it is used.
            let endpoint = environment::endpoint_url(&config, Service::Sts)
                .ok()
                .flatten();
            with_provider(config, Explained::new(credentials, endpoint, provider))
        }
        None => config,
    };
    Ok(match limits.allowed_hosts() {
        // The credentials keep the client without limits: they can come from a metadata service.
        Some(allowed) => {
            let guarded = http_client::shared(credentials, Some(allowed)).await?;
            config.into_builder().http_client(guarded).build()
        }
        None => config,
    })
}

fn with_provider(config: SdkConfig, provider: impl ProvideCredentials + 'static) -> SdkConfig {
    config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build()
}

/// The credentials of exactly this profile. The default chain would prefer credentials in the environment.
///
/// The profile files are read again for each request for credentials. The SDK makes one some minutes before the
/// credentials expire, or every 15 minutes if they do not expire.
#[derive(Debug)]
struct ProfileCredentials {
    name: String,
    region: String,
    http_client: SharedHttpClient,
}

impl ProvideCredentials for ProfileCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let region = Region::new(self.region.clone());
            let config = ProviderConfig::without_region()
                .with_http_client(self.http_client.clone())
                .with_region(Some(region));
            let provider = ProfileFileCredentialsProvider::builder()
                .configure(&config)
                .profile_name(&self.name)
                .build();
            provider.provide_credentials().await
        })
    }
}

/// Replaces the credentials with those of a role that they assume.
async fn with_role(config: SdkConfig, role_arn: &str, external_id: Option<&str>) -> SdkConfig {
    let mut role = AssumeRoleProvider::builder(role_arn)
        .configure(&config)
        .session_name(SESSION_NAME);
    if let Some(id) = external_id {
        role = role.external_id(id);
    }
    let provider = role.build().await;
    with_provider(config, provider)
}

/// An access key with its secret in a file.
#[derive(Debug)]
struct FileCredentials {
    access_key_id: String,
    secret: SecretPlace,
}

impl FileCredentials {
    fn load(&self) -> Result<Keys, CredentialsError> {
        let secret =
            secrets::read(&self.secret).map_err(CredentialsError::invalid_configuration)?;
        Ok(Keys::builder()
            .access_key_id(&self.access_key_id)
            .secret_access_key(secret.reveal())
            .expiry(SystemTime::now() + SECRET_LIFETIME)
            .provider_name("SecretFile")
            .build())
    }
}

impl ProvideCredentials for FileCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The file is small and local, so reading it does not block the executor for long.
        future::ProvideCredentials::ready(self.load())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn access_key(path: &std::path::Path) -> Credentials {
        Credentials::AccessKey {
            access_key_id: "AKIAEXAMPLE".into(),
            secret: SecretPlace::File(path.into()),
        }
    }

    #[tokio::test]
    async fn reads_a_rotated_secret_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "first\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let config = sdk_config(&access_key(&path), "eu-west-1", ClientLimits::default())
            .await
            .unwrap();
        let provider = config.credentials_provider().unwrap();
        let keys = provider.provide_credentials().await.unwrap();
        assert_eq!(keys.access_key_id(), "AKIAEXAMPLE");
        assert_eq!(keys.secret_access_key(), "first");
        let lifetime = keys.expiry().unwrap().duration_since(SystemTime::now());
        assert!(lifetime.unwrap() <= SECRET_LIFETIME);
        std::fs::write(&path, "second").unwrap();
        let keys = provider.provide_credentials().await.unwrap();
        assert_eq!(keys.secret_access_key(), "second");
        assert_eq!(config.region(), Some(&Region::from_static("eu-west-1")));
    }

    #[tokio::test]
    async fn debug_output_has_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "verysecret").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let credentials = access_key(&path);
        let config = sdk_config(&credentials, "eu-west-1", ClientLimits::default())
            .await
            .unwrap();
        let provider = config.credentials_provider().unwrap();
        let keys = provider.provide_credentials().await.unwrap();
        let shown = format!("{credentials:?} {config:?} {provider:?} {keys:?}");
        assert!(
            shown.contains("AKIAEXAMPLE") && !shown.contains("verysecret"),
            "{shown}"
        );
    }

    #[test]
    fn reads_a_rotated_profile_again() {
        // The test runs itself in a child process, whose environment names the profile files. A variable of its own
        // tells the child that the file may be written.
        const WRITABLE: &str = "ASSET_INDEXER_TEST_PROFILES";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let profile =
            |key: &str| format!("[p]\naws_access_key_id = {key}\naws_secret_access_key = s\n");
        if let Some(path) = std::env::var_os(WRITABLE) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            return runtime.unwrap().block_on(async {
                let credentials = Credentials::Profile("p".into());
                let config = sdk_config(&credentials, "eu-west-1", ClientLimits::default())
                    .await
                    .unwrap();
                let provider = config.credentials_provider().unwrap();
                for key in ["FIRST", "SECOND"] {
                    std::fs::write(&path, profile(key)).unwrap();
                    let keys = provider.provide_credentials().await.unwrap();
                    assert_eq!(keys.access_key_id(), key);
                }
            });
        }
        let this = std::env::current_exe().unwrap();
        let name = concat!(module_path!(), "::reads_a_rotated_profile_again");
        let (_crate, name) = name
            .split_once("::")
            .expect("a module path starts with the crate");
        let output = std::process::Command::new(this)
            .args(["--exact", name])
            .env(WRITABLE, &path)
            .env("AWS_SHARED_CREDENTIALS_FILE", &path)
            .env("AWS_CONFIG_FILE", folder.path().join("config"))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && printed.contains("1 passed"),
            "{printed}"
        );
    }

    #[tokio::test]
    async fn missing_secret_file_is_an_error() {
        let missing = access_key(std::path::Path::new("/nonexistent/secret"));
        let error = sdk_config(&missing, "eu-west-1", ClientLimits::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nonexistent/secret"), "{error}");
    }
}
