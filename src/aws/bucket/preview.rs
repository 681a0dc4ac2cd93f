//! Presigned URLs, with which a browser can load an object for some minutes without credentials.
//!
//! Signing itself sends no request. Opening a bucket sends requests, to find its region. Anyone with a
//! presigned URL can read the object, so it must never be logged.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::presigning::PresigningConfig;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::S3Bucket;
use crate::aws::bucket::endpoint::Endpoint;
use crate::aws::error::describe;
use crate::core::query::{AssetType, content_type, extension_of, file_name};
use crate::core::source::Source;

/// The minimum time that a URL stays valid.
pub const VALID_FOR: Duration = Duration::from_secs(600);

/// URLs of an object are the same within a period of this length, so that a browser can use its cache.
const STABLE_FOR: Duration = Duration::from_secs(300);

/// How long a bucket may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(3);

/// How long to wait after a failure before the bucket is opened again.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// Signs the preview URLs of one Source.
#[derive(Debug)]
pub struct PreviewSigner {
    source: Arc<Source>,
    bucket: Mutex<BucketState>,
}

#[derive(Clone, Debug)]
enum BucketState {
    Unopened,
    Open(Arc<S3Bucket>),
    Failed(Instant),
}

impl PreviewSigner {
    /// A signer for the Source. It does not open the bucket yet.
    pub fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            bucket: Mutex::new(BucketState::Unopened),
        }
    }

    /// One URL for each key. They are `None` if the bucket cannot be opened, or if the requester pays:
    /// a browser cannot send the header that agrees to that.
    pub async fn urls(&self, keys: &[&str]) -> Vec<Option<String>> {
        let mut urls = vec![None; keys.len()];
        if self.source.request_payer || keys.is_empty() {
            return urls;
        }
        if let Some(bucket) = self.bucket().await {
            let now = SystemTime::now();
            for (key, url) in keys.iter().zip(&mut urls) {
                *url = bucket.preview_url(key, now).await;
            }
        }
        urls
    }

    async fn bucket(&self) -> Option<Arc<S3Bucket>> {
        let mut opened = self.bucket.lock().await;
        match &*opened {
            BucketState::Open(bucket) => return Some(Arc::clone(bucket)),
            BucketState::Failed(at) if at.elapsed() < RETRY_PAUSE => return None,
            BucketState::Unopened | BucketState::Failed(_) => {}
        }
        let error = match timeout(OPEN_TIMEOUT, S3Bucket::open(&self.source, 1)).await {
            Ok(Ok(bucket)) => {
                // A browser cannot send the request again in another region. Without an answer, the region stays.
                let _ = timeout(OPEN_TIMEOUT, bucket.confirm_region()).await;
                let bucket = Arc::new(bucket);
                *opened = BucketState::Open(Arc::clone(&bucket));
                return Some(bucket);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!(
                "the bucket was not opened within {} s",
                OPEN_TIMEOUT.as_secs()
            ),
        };
        tracing::warn!(source = self.source.name, error, "preview signing failed");
        *opened = BucketState::Failed(Instant::now());
        None
    }
}

impl S3Bucket {
    /// The URL of an object. It is valid until at least [`VALID_FOR`] after `now`. `None` if the
    /// credentials cannot be loaded.
    async fn preview_url(&self, key: &str, now: SystemTime) -> Option<String> {
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let begin = since_epoch - since_epoch % STABLE_FOR.as_secs();
        let times = PresigningConfig::builder()
            .start_time(UNIX_EPOCH + Duration::from_secs(begin))
            .expires_in(VALID_FOR + STABLE_FOR)
            .build()
            .ok()?;
        let clients = self.clients().current();
        let request = clients
            .client(Endpoint::Preferred)
            .get_object()
            .bucket(self.name())
            .key(key)
            .set_response_content_type(inline_content_type(key).map(str::to_owned));
        match request.presigned(times).await {
            Ok(signed) => Some(signed.uri().to_owned()),
            Err(error) => {
                let error = describe(&error);
                tracing::debug!(bucket = self.name(), error, "preview signing failed");
                None
            }
        }
    }
}

/// The content type for images, videos and audio, from the extension of the key. Many objects are stored
/// as `binary/octet-stream`, and browsers do not render an SVG of that type.
fn inline_content_type(key: &str) -> Option<&'static str> {
    let ext = extension_of(file_name(key))?.to_lowercase();
    let is_shown = matches!(
        AssetType::from_extension(Some(&ext)),
        AssetType::Image | AssetType::Video | AssetType::Audio
    );
    is_shown.then(|| content_type(Some(&ext)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::core::source::{Credentials, SecretPlace};

    fn source(secret: &Path) -> Source {
        Source {
            region: Some("eu-west-1".into()),
            endpoint_url: Some("http://127.0.0.1:9".into()),
            path_style: true,
            credentials: Credentials::AccessKey {
                access_key_id: "AKIAEXAMPLE".into(),
                secret: SecretPlace::File(secret.into()),
            },
            ..Source::new("photos", "bucket", "acme")
        }
    }

    fn secret() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "verysecret").unwrap();
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(file.path(), owner_only).unwrap();
        file
    }

    #[tokio::test]
    async fn url_has_a_signature_and_the_key_but_no_secret() {
        let secret = secret();
        let previews = PreviewSigner::new(Arc::new(source(secret.path())));
        let urls = previews.urls(&["a b/ü+%.jpg", "x"]).await;
        let [Some(url), Some(other)] = urls.as_slice() else {
            panic!("{urls:?}");
        };
        assert!(url.contains("response-content-type=image%2Fjpeg"), "{url}");
        assert!(!other.contains("response-content-type"), "{other}");
        let begin = "http://127.0.0.1:9/bucket/a%20b/%C3%BC%2B%25.jpg?";
        assert!(url.starts_with(begin), "{url}");
        assert!(url.contains("X-Amz-Signature="), "{url}");
        assert!(url.contains("X-Amz-Expires=900"), "{url}");
        assert!(url.contains("X-Amz-SignedHeaders=host&"), "{url}");
        assert!(!url.contains("verysecret"), "{url}");
    }

    #[tokio::test]
    async fn url_stays_the_same_for_five_minutes() {
        let secret = secret();
        let bucket = S3Bucket::open(&source(secret.path()), 1).await.unwrap();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let first = bucket.preview_url("x", at(1_800_000_000)).await;
        assert!(first.is_some());
        assert_eq!(bucket.preview_url("x", at(1_800_000_299)).await, first);
        assert_ne!(bucket.preview_url("x", at(1_800_000_300)).await, first);
    }

    #[tokio::test]
    async fn no_url_without_credentials_or_if_the_requester_pays() {
        let previews = PreviewSigner::new(Arc::new(source(Path::new("/nonexistent/secret"))));
        assert_eq!(previews.urls(&["x"]).await, [None]);
        let secret = secret();
        let paid = Source {
            request_payer: true,
            ..source(secret.path())
        };
        assert_eq!(
            PreviewSigner::new(Arc::new(paid)).urls(&["x"]).await,
            [None]
        );
    }
}
