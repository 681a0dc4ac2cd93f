//! From a Source's credentials to the configuration that the AWS clients are built from.
//!
//! What S3 and SQS are asked is in `bucket` and `queue`; nothing here sends a request to either.

mod secret;

use std::error::Error;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::core::source::{Credentials, SecretFile};

pub(crate) use secret::SecretError;

/// The region where nothing says another.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// How long a secret that was read from a file is used before the file is read again, so that a
/// rotated secret needs no restart.
const SECRET_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The name under which an assumed role's session appears in the account's logs.
const SESSION_NAME: &str = "asset-indexer";

/// The configuration for those credentials; `region` unless `None`, else the environment's, else
/// [`DEFAULT_REGION`].
///
/// A secret file is read once here, so that what is wrong with it is told at once.
pub(crate) async fn sdk_config(
    credentials: &Credentials,
    region: Option<&str>,
) -> Result<SdkConfig, SecretError> {
    let loader = match credentials {
        Credentials::DefaultChain | Credentials::AssumeRole { .. } => loader(region),
        Credentials::Profile(name) => {
            loader(region)
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
            loader(region).credentials_provider(FileCredentials {
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

fn loader(region: Option<&str>) -> ConfigLoader {
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())),
        None => loader,
    }
}

/// The credentials of that profile and no other: the default chain would prefer the environment's.
async fn profile(name: &str, region: Option<&str>) -> ProfileFileCredentialsProvider {
    // The client first: finding a Region builds a client of the instance metadata, also where it is
    // never asked, and that panics without one.
    let config = ProviderConfig::without_region().with_http_client(http_client());
    let config = match region {
        Some(region) => config.with_region(Some(Region::new(region.to_owned()))),
        None => config.load_default_region().await,
    };
    ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(name)
        .build()
}

/// The credentials of a profile, whose files are read anew whenever credentials are asked for: the SDK
/// does that some minutes before they expire, and every quarter of an hour where they do not.
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
            let provider = profile(&self.name, self.region.as_deref()).await;
            provider.provide_credentials().await
        })
    }
}

/// The same configuration with the credentials of a role that its own credentials may assume.
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

/// The one HTTP client of the process: its pool and its root certificates serve all Sources.
fn http_client() -> SharedHttpClient {
    static CLIENT: OnceLock<SharedHttpClient> = OnceLock::new();
    CLIENT
        .get_or_init(|| {
            HttpClientBuilder::new()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .build_https()
        })
        .clone()
}

/// An access key whose secret lies in a file.
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
        // The file is small and local: reading it does not hold the executor up.
        future::ProvideCredentials::ready(self.load())
    }
}

/// An error, its cause, the cause's cause, and so on.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

/// An error and all that caused it, as one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = causes(error).map(ToString::to_string).collect();
    parts.dedup();
    parts.join(": ")
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
    async fn a_rotated_secret_is_read_when_the_old_one_expires() {
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
    async fn no_debug_output_holds_the_secret() {
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
    fn a_rotated_profile_is_read_when_credentials_are_asked_for_again() {
        // In a process of its own, whose environment names the files.
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
        let name = "aws::tests::a_rotated_profile_is_read_when_credentials_are_asked_for_again";
        let status = std::process::Command::new(this)
            .args(["--exact", name])
            .env("AWS_SHARED_CREDENTIALS_FILE", &path)
            .env("AWS_CONFIG_FILE", folder.path().join("config"))
            .status();
        assert!(status.unwrap().success());
    }

    #[tokio::test]
    async fn a_bad_secret_file_is_told_at_once() {
        let missing = access_key(std::path::Path::new("/nonexistent/secret"));
        let refused = sdk_config(&missing, None).await.unwrap_err().to_string();
        assert!(refused.contains("/nonexistent/secret"), "{refused}");
    }
}
