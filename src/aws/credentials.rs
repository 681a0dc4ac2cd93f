//! Turns the credentials of a Source into a configuration for the AWS clients.
//!
//! Requests to S3 and SQS are in `bucket` and `queue`; this module sends none.

mod http_client;
mod secret;

use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use crate::core::source::{Credentials, SecretFile};

pub(crate) use http_client::CaBundleError;
pub(crate) use secret::SecretError;

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
}

/// The SDK configuration for these credentials. The region is `region`, else the region of the
/// environment, else [`DEFAULT_REGION`].
///
/// It reads a secret file once, so that an unusable file is an error here and not at the first request.
pub(crate) async fn sdk_config(
    credentials: &Credentials,
    region: Option<&str>,
) -> Result<SdkConfig, SdkConfigError> {
    let loader = || loader(region);
    let loader = match credentials {
        Credentials::DefaultChain | Credentials::AssumeRole { .. } => loader()?,
        Credentials::Profile(name) => {
            loader()?
                .profile_name(name)
                .credentials_provider(ProfileCredentials {
                    name: name.clone(),
                    region: region.map(str::to_owned),
                })
        }
        Credentials::AccessKey {
            access_key_id,
            secret,
        } => {
            secret::read(secret)?;
            loader()?.credentials_provider(FileCredentials {
                access_key_id: access_key_id.clone(),
                secret: secret.clone(),
            })
        }
    };
    let mut config = loader.load().await;
    if config.region().is_none() {
        let region = Region::from_static(DEFAULT_REGION);
        config = config.into_builder().region(region).build();
    }
    Ok(match credentials {
        Credentials::AssumeRole {
            role_arn,
            external_id,
        } => with_role(config, role_arn, external_id.as_deref()).await,
        _ => config,
    })
}

/// The region that the environment configures: `AWS_REGION`, else `AWS_DEFAULT_REGION`, else the region of the profile.
/// Unlike the SDK, this doesn't ask the instance for its region, which takes seconds outside of AWS.
pub(crate) async fn configured_region(credentials: &Credentials) -> Option<String> {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Credentials::Profile(name) = credentials {
        profile = profile.profile_name(name);
    }
    let region = match EnvironmentVariableRegionProvider::new().region().await {
        Some(region) => Some(region),
        None => profile.build().region().await,
    };
    let region = region.map(|region| region.as_ref().trim().to_owned());
    region.filter(|region| !region.is_empty())
}

fn loader(region: Option<&str>) -> Result<ConfigLoader, CaBundleError> {
    let loader = aws_config::defaults(BehaviorVersion::latest());
    let loader = loader.http_client(http_client::shared()?);
    Ok(match region {
        Some(region) => loader.region(Region::new(region.to_owned())),
        None => loader,
    })
}

/// The credentials of exactly this profile. The default chain would prefer credentials in the environment.
async fn profile(
    name: &str,
    region: Option<&str>,
) -> Result<ProfileFileCredentialsProvider, CaBundleError> {
    // Set the HTTP client first: looking for a region builds a client for the instance metadata, even if
    // it sends no request, and that panics without an HTTP client.
    let config = ProviderConfig::without_region().with_http_client(http_client::shared()?);
    let config = match region {
        Some(region) => config.with_region(Some(Region::new(region.to_owned()))),
        None => config.load_default_region().await,
    };
    Ok(ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(name)
        .build())
}

/// The credentials of a profile. The profile files are read again for each request for credentials. The
/// SDK makes one some minutes before the credentials expire, or every 15 minutes if they do not expire.
#[derive(Debug)]
struct ProfileCredentials {
    name: String,
    region: Option<String>,
}

impl ProvideCredentials for ProfileCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let provider = profile(&self.name, self.region.as_deref())
                .await
                .map_err(CredentialsError::invalid_configuration)?;
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
    config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build()
}

/// An access key with its secret in a file.
#[derive(Debug)]
struct FileCredentials {
    access_key_id: String,
    secret: SecretFile,
}

impl FileCredentials {
    fn load(&self) -> Result<Keys, CredentialsError> {
        let secret = secret::read(&self.secret).map_err(CredentialsError::invalid_configuration)?;
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
            secret: SecretFile::Path(path.into()),
        }
    }

    #[tokio::test]
    async fn reads_a_rotated_secret_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "first\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let config = sdk_config(&access_key(&path), Some("eu-west-1"))
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
        let config = sdk_config(&credentials, None).await.unwrap();
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
        // The test runs itself in a child process, whose environment names the profile files.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let profile =
            |key: &str| format!("[p]\naws_access_key_id = {key}\naws_secret_access_key = s\n");
        if let Some(path) = std::env::var_os("AWS_SHARED_CREDENTIALS_FILE") {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            return runtime.unwrap().block_on(async {
                let credentials = Credentials::Profile("p".into());
                let config = sdk_config(&credentials, Some("eu-west-1")).await.unwrap();
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
        let error = sdk_config(&missing, None).await.unwrap_err().to_string();
        assert!(error.contains("/nonexistent/secret"), "{error}");
    }
}
