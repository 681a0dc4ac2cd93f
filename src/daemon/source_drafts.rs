//! Tries out the drafts of Sources that clients send: tests them, previews their rules, and prints their setup.
//!
//! Nothing is stored. A request ends early if its client disconnects.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::reload::Reloader;
use super::{rule_preview, source_setup};
use crate::config::Config;
use crate::doctor;
use crate::managed::changes::{self, ChangeError, DraftSource, Values};
use crate::managed::{Actor, FileStore};
use crate::serve::source_drafts::{DraftError, DraftRequest, MAX_PREVIEWS, MAX_TESTS, Reply};

/// Serves until no client can send a request any more.
pub(crate) async fn serve(mut requests: mpsc::Receiver<DraftRequest>, reloader: Arc<Reloader>) {
    let (tests, previews) = (Semaphore::new(MAX_TESTS), Semaphore::new(MAX_PREVIEWS));
    let (tests, previews) = (Arc::new(tests), Arc::new(previews));
    // Each task holds a permit or ends at once, so the permits bound the set.
    let mut running = JoinSet::new();
    loop {
        let request = tokio::select! {
            request = requests.recv() => request,
            Some(_) = running.join_next() => continue,
        };
        let Some(request) = request else { return };
        let reloader = Arc::clone(&reloader);
        let (tests, previews) = (Arc::clone(&tests), Arc::clone(&previews));
        running.spawn(async move {
            match request {
                DraftRequest::Test {
                    draft,
                    actor,
                    reply,
                } => {
                    answer(&tests, reply, true, async {
                        let (draft, config) = resolve(&reloader, draft, &actor).await?;
                        Ok(doctor::draft::examine(&draft, &actor, &config).await)
                    })
                    .await;
                }
                DraftRequest::Preview {
                    draft,
                    actor,
                    paths,
                    reply,
                } => {
                    answer(&previews, reply, false, async {
                        let (draft, config) = resolve(&reloader, draft, &actor).await?;
                        Ok(rule_preview::preview(&draft, &paths, &config).await)
                    })
                    .await;
                }
                DraftRequest::Check {
                    draft,
                    actor,
                    reply,
                } => {
                    answer(&previews, reply, false, async {
                        resolve(&reloader, draft, &actor).await.map(drop)
                    })
                    .await;
                }
                DraftRequest::Setup {
                    draft,
                    actor,
                    reply,
                } => {
                    answer(&previews, reply, false, async {
                        let (draft, config) = resolve(&reloader, draft, &actor).await?;
                        source_setup::print(&draft, &actor, &config)
                            .await
                            .map_err(DraftError::NoSetup)
                    })
                    .await;
                }
            }
        });
    }
}

/// Does the work and replies. Refuses it if there is no permit. If `stops` is set, it stops when nobody waits for the
/// reply. A preview does not: it reads the index on a thread that nothing ends, and holds its permit until then.
async fn answer<T>(
    permits: &Semaphore,
    mut reply: Reply<T>,
    stops: bool,
    work: impl Future<Output = Result<T, DraftError>>,
) {
    let Ok(_permit) = permits.try_acquire() else {
        let _ = reply.send(Err(DraftError::Busy));
        return;
    };
    let done = tokio::select! {
        done = work => done,
        () = reply.closed(), if stops => return,
    };
    // A client that has disconnected needs no answer.
    let _ = reply.send(done);
}

/// Checks the draft against the configuration as it is in the files now, as a change is.
async fn resolve(
    reloader: &Arc<Reloader>,
    values: Values,
    actor: &Actor,
) -> Result<(DraftSource, Config), DraftError> {
    let (reloader, actor) = (Arc::clone(reloader), actor.clone());
    let resolved = tokio::task::spawn_blocking(move || {
        let config = reloader.read();
        let config = config.map_err(|error| ChangeError::Configuration(error.to_string()))?;
        let store = FileStore::new(config.managed_folder());
        let draft = changes::draft_source(&store, values, &config, &actor)?;
        Ok((draft, config))
    });
    let resolved = resolved.await.unwrap_or(Err(ChangeError::Panicked));
    resolved.map_err(DraftError::Refused)
}
