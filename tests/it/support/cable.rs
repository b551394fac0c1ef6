//! The cable between two programs: it passes bytes on until it is cut, or stalls, as broken networks do.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What it does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Whole,
    /// All connections end, and none comes about.
    Cut,
    /// Connections stay and come about, and nothing passes.
    Stalled,
}

/// Listens on a port of its own for the one behind it.
pub(crate) struct Cable {
    pub(crate) address: SocketAddr,
    mode: watch::Sender<Mode>,
    /// Connections that came about.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Cable {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (mode, seen) = watch::channel(Mode::Whole);
        let connections = Arc::<AtomicUsize>::default();
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *seen.borrow() != Mode::Cut {
                    counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    tokio::spawn(pass(client, server, seen.clone()));
                }
            }
        });
        Self { address, mode, connections }
    }

    pub(crate) fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    pub(crate) fn stall(&self) {
        self.mode.send_replace(Mode::Stalled);
    }

    pub(crate) fn mend(&self) {
        self.mode.send_replace(Mode::Whole);
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, mut mode: watch::Receiver<Mode>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    loop {
        let now = *mode.borrow_and_update();
        match now {
            Mode::Cut => return,
            Mode::Stalled => {
                if mode.changed().await.is_err() {
                    return;
                }
            }
            Mode::Whole => {
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => return,
                    changed = mode.changed() => if changed.is_err() { return },
                }
            }
        }
    }
}
