//! A queue of the test server, which is reached through a relay that signals each request.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use asset_indexer::aws::queue::{
    Message, Queue, QueueAttributes, QueueError, ReceiptHandle, RefusedReceipt, SqsQueue,
};
use asset_indexer::core::source::{Credentials, Events, SecretPlace};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::TestQueue;
use crate::server::{self, AccessKey, S3Server};

/// A queue that no other test uses.
pub struct RealQueue {
    queue: SqsQueue,
    /// Its URL at the server, without the relay.
    url: String,
    requested: Arc<Notify>,
    _secret: TempDir,
}

impl RealQueue {
    pub async fn create(name: &str) -> Self {
        let server = server::shared();
        let url = server.create_queue(name);
        let requested = Arc::new(Notify::new());
        let relay = relay(server.address(), Arc::clone(&requested)).await;
        let relayed = format!("http://{relay}{}", path(&url));
        let (queue, secret) = open(&relayed, &root()).await;
        Self {
            queue,
            url,
            requested,
            _secret: secret,
        }
    }
}

/// The access key of root.
pub fn root() -> AccessKey {
    AccessKey {
        id: "test".to_owned(),
        secret: "test".to_owned(),
    }
}

/// Opens a queue with an access key. The secret is in the returned folder, which must outlive the queue.
pub async fn open(url: &str, key: &AccessKey) -> (SqsQueue, TempDir) {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, &key.secret).expect("the folder is ours");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("the file is ours");
    let events = Events {
        queue_url: url.to_owned(),
        region: None,
        credentials: Credentials::AccessKey {
            access_key_id: key.id.clone(),
            secret: SecretPlace::File(file),
        },
    };
    let queue = SqsQueue::open(&events, None, None).await;
    (queue.expect("the secret can be read"), folder)
}

/// The URL of a queue that does not exist.
pub fn missing(server: &S3Server) -> String {
    format!("{}/000000000000/no-such-queue", server.endpoint())
}

/// The path of a URL.
fn path(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL has a scheme");
    &rest[rest.find('/').expect("the URL of a queue has a path")..]
}

impl Queue for RealQueue {
    async fn receive(
        &self,
        max: u8,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        self.queue.receive(max, wait, visibility).await
    }

    async fn acknowledge(
        &self,
        receipts: &[ReceiptHandle],
    ) -> Result<Vec<RefusedReceipt>, QueueError> {
        self.queue.acknowledge(receipts).await
    }

    async fn extend(
        &self,
        receipts: &[ReceiptHandle],
        visibility: Duration,
    ) -> Result<Vec<RefusedReceipt>, QueueError> {
        self.queue.extend(receipts, visibility).await
    }

    async fn attributes(&self) -> Result<QueueAttributes, QueueError> {
        self.queue.attributes().await
    }
}

impl TestQueue for RealQueue {
    async fn send(&self, body: &str) {
        let (url, body) = (self.url.clone(), body.to_owned());
        let sent = tokio::task::spawn_blocking(move || {
            server::shared().send_message(&url, &body);
        });
        sent.await.expect("the server accepts the message");
    }

    async fn expire(&self, messages: &[Message]) {
        // Waiting for the real timeout would take too long.
        let receipts = super::receipts(messages);
        let refused = self.extend(&receipts, Duration::ZERO).await;
        assert_eq!(refused, Ok(vec![]));
    }

    async fn until_polled(&self) {
        self.requested.notified().await;
    }
}

/// Listens on a free port and forwards everything. Signals after it has forwarded a request.
async fn relay(upstream: SocketAddr, requested: Arc<Notify>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(forward(client, upstream, Arc::clone(&requested)));
        }
    });
    address
}

/// Forwards one connection until one side closes it.
async fn forward(
    client: TcpStream,
    upstream: SocketAddr,
    requested: Arc<Notify>,
) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let count = from_client.read(&mut bytes).await?;
            if count == 0 {
                return to_server.shutdown().await;
            }
            to_server.write_all(&bytes[..count]).await?;
            requested.notify_one();
        }
    };
    let responses = async {
        tokio::io::copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::try_join!(requests, responses)?;
    Ok(())
}
