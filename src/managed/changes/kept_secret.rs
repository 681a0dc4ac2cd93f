//! Decides whether a change may keep a stored secret that its author does not know.
//!
//! Otherwise someone who may change a Source could let this program sign requests with the secret of someone else,
//! to a server or bucket of their choice.

use crate::config::InvalidValue;
use crate::config::file::{CredentialsFile, SourceFile};
use crate::core::source::queue_url;
use crate::managed::draft::DraftSecrets;

use super::{BUCKET_SECRET, QUEUE_SECRET};

/// The secrets to enter again, because the Source keeps them but uses them elsewhere now.
pub(super) fn check(
    old: &SourceFile,
    new: &SourceFile,
    new_secrets: &DraftSecrets,
) -> Vec<InvalidValue> {
    let mut problems = Vec::new();
    let keeps_bucket_secret = new_secrets.bucket.is_none() && has_sealed(new.credentials.as_ref());
    let is_same_bucket = old.bucket == new.bucket && store(old) == store(new);
    // A queue without credentials of its own uses those of the bucket.
    let is_shared = queue_credentials(new).is_none();
    if keeps_bucket_secret && !(is_same_bucket && (!is_shared || keeps_queue_host(old, new))) {
        let problem = "enter the secret again: a stored secret is only used for the bucket, endpoint and queue server \
                       that it was entered for";
        problems.push(InvalidValue::hidden(BUCKET_SECRET, problem));
    }
    let keeps_queue_secret = new_secrets.queue.is_none() && has_sealed(queue_credentials(new));
    if keeps_queue_secret && !keeps_queue_host(old, new) {
        let problem = "enter the secret again: a stored secret is only used for the queue server that it was entered \
                       for";
        problems.push(InvalidValue::hidden(QUEUE_SECRET, problem));
    }
    problems
}

fn has_sealed(credentials: Option<&CredentialsFile>) -> bool {
    credentials.is_some_and(|it| it.secret_access_key_sealed.is_some())
}

fn queue_credentials(source: &SourceFile) -> Option<&CredentialsFile> {
    source.events.as_ref()?.credentials.as_ref()
}

/// The endpoint, however its end is written.
fn store(source: &SourceFile) -> Option<&str> {
    let url = source.endpoint_url.as_deref();
    url.map(|url| url.trim_end_matches('/'))
}

/// Whether requests to the queue go to the same server as before, to a server of AWS, or nowhere.
fn keeps_queue_host(old: &SourceFile, new: &SourceFile) -> bool {
    let url = |source: &SourceFile| source.events.as_ref()?.queue_url.clone();
    let Some(new) = url(new) else { return true };
    is_aws_queue(&new) || url(old).is_some_and(|old| server(&old) == server(&new))
}

/// Whether only AWS can answer at the URL. Other hosts of AWS, such as a virtual machine, belong to its customers.
fn is_aws_queue(url: &str) -> bool {
    url.starts_with("https://") && queue_url::is_public_endpoint(url)
}

/// The scheme, host and port of a URL.
fn server(url: &str) -> Vec<&str> {
    url.split('/').take(3).collect()
}
