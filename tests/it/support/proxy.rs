//! A man in the middle of a server and its Postgres, who loses one commit in a chosen way.

use std::{
    net::SocketAddr,
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Notify,
};

/// How the commit is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It is done, but the connection breaks before the answer.
    AfterIt,
    /// The connection breaks before it arrives.
    BeforeIt,
    /// The connection breaks, and it arrives when the client has come back.
    Belated,
}

/// A client whose connection broke is back within this time.
const BACK_WITHIN: Duration = Duration::from_millis(200);
/// What a statement holds that writes an entry of the journal, and no other: it is a commit of its own.
const ENTRY: &[u8] = b"\"callId\":";

/// Listens on a port of its own and passes everything on.
pub(crate) struct Proxy {
    address: SocketAddr,
    upstream: PgConnectOptions,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The commit that writes an entry with this text is lost, once.
    plan: Mutex<Option<(String, Loss)>>,
    lost: AtomicUsize,
    connected: Notify,
}

impl Proxy {
    /// Stands before the Postgres of this address.
    pub(crate) async fn start(url: &str) -> Self {
        let upstream = PgConnectOptions::from_str(url).expect("the address of a Postgres");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let path = upstream.get_socket().expect("a Postgres on a unix socket").join(format!(".s.PGSQL.{}", upstream.get_port()));
        tokio::spawn(accept(listener, path, shared.clone()));
        Self { address, upstream, shared }
    }

    /// The address of the same database, through here.
    pub(crate) fn url(&self) -> String {
        let (user, database) = (self.upstream.get_username(), self.upstream.get_database().expect("a database"));
        format!("postgres://{user}@{}/{database}?sslmode=disable", self.address)
    }

    /// Loses the next commit that writes an entry with this text.
    pub(crate) fn lose(&self, text: &str, how: Loss) {
        *self.shared.plan() = Some((text.to_owned(), how));
    }

    /// How many commits were lost so far.
    pub(crate) fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn plan(&self) -> std::sync::MutexGuard<'_, Option<(String, Loss)>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done with a commit that holds the text.
    fn loss(&self) -> Option<Loss> {
        let (_, how) = self.plan().take()?;
        self.lost.fetch_add(1, Ordering::Relaxed);
        Some(how)
    }

    fn is_mentioned(&self, bytes: &[u8]) -> bool {
        self.plan().as_ref().is_some_and(|(text, _)| holds(bytes, text.as_bytes()))
    }
}

async fn accept(listener: TcpListener, path: PathBuf, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.connected.notify_waiters();
        if let Ok(server) = UnixStream::connect(&path).await {
            tokio::spawn(relay(client, server, shared.clone()));
        }
    }
}

/// Passes bytes both ways until one side ends, or a commit is to be lost.
async fn relay(mut client: TcpStream, mut server: UnixStream, shared: Arc<Shared>) {
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Some(bytes) = some(&asked, read) else { return };
                if holds(bytes, ENTRY) && shared.is_mentioned(bytes) && let Some(how) = shared.loss() {
                    return lose(client, server, &shared, bytes, how).await;
                }
                if server.write_all(bytes).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Some(bytes) = some(&answered, read) else { return };
                if client.write_all(bytes).await.is_err() { return }
            }
        }
    }
}

async fn lose(client: TcpStream, mut server: UnixStream, shared: &Shared, commit: &[u8], how: Loss) {
    match how {
        Loss::BeforeIt => {}
        Loss::AfterIt => {
            let _ = server.write_all(commit).await;
            let _ = server.read(&mut [0; 1024]).await; // its word that it is done
        }
        Loss::Belated => {
            let back = shared.connected.notified();
            drop(client);
            // it comes back by a new connection, or by one that it still has
            let _ = tokio::time::timeout(BACK_WITHIN, back).await;
            tokio::time::sleep(BACK_WITHIN).await;
            let _ = server.write_all(commit).await;
            let _ = server.read(&mut [0; 1024]).await;
        }
    }
}

/// What was read, if anything.
fn some(buffer: &[u8], read: std::io::Result<usize>) -> Option<&[u8]> {
    read.ok().filter(|&count| count > 0).map(|count| &buffer[..count])
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
