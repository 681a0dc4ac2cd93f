//! Tests and makes the changes of managed Sources that clients request, and waits until the session uses them.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use super::commands::ScanCommand;
use super::reload::Reloader;
use crate::core::replication::scan_mode::ScanMode;
use crate::doctor::changed_source;
use crate::index::directory::DataDir;
use crate::index::info::check_binding;
use crate::index::tantivy::schema::SCHEMA_VERSION;
use crate::managed::changes::{self, Change, ChangeContext, ChangeError, WrittenChange};
use crate::managed::rotation::{self, Rotation};
use crate::managed::{Actor, FileStore};
use crate::serve::source_changes::{
    ChangeRequest, MAX_WAITING, ReindexError, RequestError, RotationError, StoredChange,
};

/// Serves until no client can send a request any more.
pub(crate) async fn serve(mut requests: mpsc::Receiver<ChangeRequest>, reloader: Arc<Reloader>) {
    let writing = Arc::new(Mutex::new(()));
    let mut running = JoinSet::new();
    loop {
        let request = tokio::select! {
            request = requests.recv(), if running.len() < MAX_WAITING => request,
            Some(_) = running.join_next() => continue,
        };
        let Some(request) = request else { return };
        running.spawn(handle(request, Arc::clone(&reloader), Arc::clone(&writing)));
    }
}

/// Makes a change. It is tested first, so that a server that does not answer holds up no other change. Whoever has
/// `writing` changes files.
async fn handle(request: ChangeRequest, reloader: Arc<Reloader>, writing: Arc<Mutex<()>>) {
    // A client that has disconnected needs no answer.
    match request {
        ChangeRequest::Source {
            name,
            change,
            actor,
            is_untested,
            mut reply,
        } => {
            let tested = if is_untested {
                Ok(())
            } else {
                tokio::select! {
                    tested = test(&reloader, name.clone(), change.clone()) => tested,
                    // Tests can take long. Those that nobody waits for must not hold up others.
                    () = reply.closed() => return,
                }
            };
            let _ = reply.send(match tested {
                Ok(()) => {
                    let _writing = writing.lock().await;
                    make(&reloader, name, change, actor).await
                }
                Err(error) => Err(error.into()),
            });
        }
        ChangeRequest::Check {
            name,
            change,
            actor,
            reply,
        } => {
            let checked = check(&reloader, name, change, actor).await;
            let _ = reply.send(checked.map_err(RequestError::from));
        }
        ChangeRequest::Reindex { name, reply } => {
            let _ = reply.send(request_scan(&reloader, &name));
        }
        ChangeRequest::RotateKey(reply) => {
            let _writing = writing.lock().await;
            let _ = reply.send(rotate_key(&reloader).await);
        }
    }
}

/// Tests new credentials, a new bucket and a new endpoint before the old ones are dropped.
async fn test(reloader: &Arc<Reloader>, name: String, change: Change) -> Result<(), ChangeError> {
    // Other changes replace no values that work.
    if !matches!(change, Change::Update { .. }) {
        return Ok(());
    }
    let reread = Arc::clone(reloader);
    let to_test = blocking(move || {
        let config = reread.read();
        let config = config.map_err(|error| ChangeError::Configuration(error.to_string()))?;
        let store = FileStore::new(config.managed_folder());
        Ok(changed_source::to_test(&store, &name, &change, &config))
    });
    match to_test.await? {
        Some(draft) => changed_source::test(&draft).await,
        None => Ok(()),
    }
}

/// Seals every secret with a new key. The old key opens secrets until the session uses
/// the new texts: a Source reads its secret again from time to time.
async fn rotate_key(reloader: &Arc<Reloader>) -> Result<Rotation, RotationError> {
    let config = reloader.current().await;
    let (used, reread) = (Arc::clone(&config), Arc::clone(reloader));
    let resealed = blocking(move || {
        // A file that cannot be loaded could have a secret that would be left out.
        let loaded = reread.read();
        loaded.map_err(|error| ChangeError::Configuration(error.to_string()))?;
        let store = FileStore::new(used.managed_folder());
        rotation::reseal(&store, &used.keys)
    });
    let rotation = resealed.await?;
    let reloaded = reloader.reload(false).await;
    reloaded.map_err(|error| RotationError::NotInUse(error.one_line()))?;
    blocking(move || {
        let store = FileStore::new(config.managed_folder());
        rotation::drop_old_keys(&store, &config.keys)
    })
    .await?;
    tracing::info!(
        key = rotation.key_id,
        secrets = rotation.resealed,
        "the key of the secrets was rotated"
    );
    Ok(rotation)
}

async fn make(
    reloader: &Arc<Reloader>,
    name: String,
    change: Change,
    actor: Actor,
) -> Result<StoredChange, RequestError> {
    let actor_name = actor.name.clone();
    let WrittenChange { applied, source } = write(reloader, name.clone(), change, actor).await?;
    let stored = StoredChange {
        applied,
        source: source.map(Arc::new),
        not_in_use: None,
    };
    let applied = &stored.applied;
    if applied.changed_nothing() {
        return Ok(stored);
    }
    tracing::info!(
        source = name,
        action = applied.action.as_str(),
        fields = applied.fields.join(","),
        actor = actor_name,
        "a managed Source was changed"
    );
    // The change is durable, so it has succeeded even if it is not in use yet.
    let not_in_use = reloader.reload(false).await.err();
    Ok(StoredChange {
        not_in_use: not_in_use.map(|error| error.one_line()),
        ..stored
    })
}

/// Writes the change.
async fn write(
    reloader: &Arc<Reloader>,
    name: String,
    change: Change,
    actor: Actor,
) -> Result<WrittenChange, ChangeError> {
    with_store(reloader, actor, move |store, context| {
        changes::apply(store, &name, change, context)
    })
    .await
}

/// Checks the change without making it.
async fn check(
    reloader: &Arc<Reloader>,
    name: String,
    change: Change,
    actor: Actor,
) -> Result<(), ChangeError> {
    with_store(reloader, actor, move |store, context| {
        changes::check(store, &name, change, context)
    })
    .await
}

/// Runs work with the stored Sources on a thread that may block.
async fn with_store<T: Send + 'static>(
    reloader: &Arc<Reloader>,
    actor: Actor,
    work: impl FnOnce(&FileStore, &ChangeContext<'_>) -> Result<T, ChangeError> + Send + 'static,
) -> Result<T, ChangeError> {
    let config = reloader.current().await;
    let reloader = Arc::clone(reloader);
    let data_dir = DataDir::new(&config.data_dir, SCHEMA_VERSION);
    blocking(move || {
        let context = ChangeContext {
            load: &|| reloader.read().map_err(|error| error.to_string()),
            check_binding: &|name, subdomain| check_binding(&data_dir, name, subdomain),
            actor: &actor,
            now: Timestamp::now(),
        };
        work(&FileStore::new(config.managed_folder()), &context)
    })
    .await
}

/// Requests a scan without waiting for it.
fn request_scan(reloader: &Reloader, name: &str) -> Result<(), ReindexError> {
    let commands = reloader.scan_commands(name);
    let commands = commands.ok_or(ReindexError::NotActive)?;
    let (reply, _) = oneshot::channel();
    let command = ScanCommand {
        mode: ScanMode::Resume,
        allow_empty: false,
        progress: Arc::default(),
        reply,
    };
    commands.try_send(command).map_err(|error| match error {
        TrySendError::Full(_) => ReindexError::TooMany,
        TrySendError::Closed(_) => ReindexError::NotActive,
    })
}

/// Runs work on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ChangeError> + Send + 'static,
) -> Result<T, ChangeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(ChangeError::Panicked))
}
