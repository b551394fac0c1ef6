//! A second server on the store of a test's first one, with doors of its own.

use std::{net::SocketAddr, sync::Arc};

use cti_gateway::{app::App, http::server::Server};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::app::TestApp;

/// The second server.
pub(crate) struct Beside {
    pub(crate) app: Arc<App>,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Beside {
    /// Starts it with the settings and the clock of the first.
    pub(crate) async fn start(first: &TestApp) -> Self {
        let server = Server::open(first.config.clone(), first.clock.clone(), None).await.expect("the server opens");
        let app = server.app();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Self { app, address, stop, serving }
    }

    /// Stops it in an orderly way; nobody may hold its app any more.
    pub(crate) async fn stop(self) {
        drop((self.app, self.stop));
        self.serving.await.expect("the server ends well");
    }
}
