//! stub
use crate::sync::listing::{Page, PageRequest};
/// stub
pub trait Lister: Send + Sync + 'static {
    /// stub
    fn list(&self, request: &PageRequest)
    -> impl Future<Output = Result<Page, BucketError>> + Send;
}
/// stub
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct BucketError;
