//! Reads the region and the endpoints that the environment of this process configures for requests to AWS. The
//! environment consists of variables and the files with profiles.

use aws_config::SdkConfig;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_types::service_config::ServiceConfigKey;

use crate::aws::iam::Partitions;
use crate::core::source::{Credentials, Source};

/// A service of AWS, by the name that its settings have.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    S3,
    Sqs,
    Sts,
}

impl Service {
    fn id(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Sqs => "SQS",
            Self::Sts => "STS",
        }
    }
}

/// The region for these credentials: `AWS_REGION`, else `AWS_DEFAULT_REGION`, else the region of the profile.
/// Unlike the SDK, this doesn't ask the instance for its region, which takes seconds outside of AWS.
pub(crate) async fn region(credentials: &Credentials) -> Option<String> {
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

/// The partitions of these Sources. If the configuration of a Source does not show its partition, the region of the
/// environment does.
pub(crate) async fn partitions(sources: &[&Source]) -> Partitions {
    let mut partitions = Partitions::default();
    for source in sources {
        if partitions.is_assumed(source)
            && let Some(region) = region(&source.credentials).await
        {
            partitions.set_environment_region(source, region);
        }
    }
    partitions
}

/// An endpoint of the environment that is not a URL, or contains a password.
#[derive(Debug, thiserror::Error)]
#[error(
    "AWS_ENDPOINT_URL_{}, AWS_ENDPOINT_URL or the AWS profile sets {problem}",
    service.id()
)]
pub(crate) struct InvalidEndpoint {
    service: Service,
    problem: String,
}

impl InvalidEndpoint {
    /// What to do about it: one sentence.
    pub(crate) const REMEDY: &str =
        "Set the endpoint to a URL without a user or a password, or remove it.";

    /// Does not print a URL that may contain a password.
    fn new(service: Service, url: &str) -> Self {
        let problem = if url.contains('@') {
            "an endpoint with a user or a password, which cannot be used".to_owned()
        } else {
            format!("the endpoint {url:?}, which is not a URL such as \"https://example.com\"")
        };
        Self { service, problem }
    }
}

/// The endpoint of the service: the one of a variable such as `AWS_ENDPOINT_URL_S3`, else of
/// `AWS_ENDPOINT_URL`, else of the profile. `None` if they name none or if the environment says to ignore them.
pub(crate) fn endpoint_url(
    config: &SdkConfig,
    service: Service,
) -> Result<Option<String>, InvalidEndpoint> {
    let key = ServiceConfigKey::builder()
        .service_id(service.id())
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all three fields are set");
    let of_service = config
        .service_config()
        .and_then(|settings| settings.load_config(key));
    let url = of_service.or_else(|| config.endpoint_url().map(str::to_owned));
    match url.filter(|url| !url.trim().is_empty()) {
        Some(url) if !is_url(&url) => Err(InvalidEndpoint::new(service, &url)),
        url => Ok(url),
    }
}

/// Whether the text has the scheme and the host of an HTTP URL, and no user: errors and logs print the URL.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://");
    let rest = rest.or_else(|| text.strip_prefix("http://"));
    let is_host = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    rest.is_some_and(|rest| is_host(rest) && !rest.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls() {
        for (text, want) in [
            ("https://s3.example.com", true),
            ("http://[::1]:9000/", true),
            ("http://localhost:9000", true),
            ("localhost:9000", false),
            ("http://", false),
            ("https:///x", false),
            ("ftp://example.com", false),
            ("http://user:hidden@example.com", false),
        ] {
            assert_eq!(is_url(text), want, "{text}");
        }
    }

    #[test]
    fn error_prints_no_password() {
        for url in ["http://user:hidden@example.com", "user:hidden@example.com"] {
            let error = InvalidEndpoint::new(Service::S3, url).to_string();
            let is_clear = error.contains("AWS_ENDPOINT_URL_S3") && error.contains("password");
            assert!(is_clear && !error.contains("hidden"), "{error}");
        }
        let error = InvalidEndpoint::new(Service::Sqs, "localhost:9000").to_string();
        assert!(error.contains("\"localhost:9000\""), "{error}");
    }
}
