//! A link that can be cut: a relay in front of a site's port. What passes is what the sites' own carriers say.

use anyhow::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The way to one site.
pub struct Link {
    address: SocketAddr,
    up: Arc<watch::Sender<bool>>,
    relay: AbortHandle,
}

impl Link {
    /// A link that is up and leads to `site`.
    pub async fn to(site: SocketAddr) -> Result<Link> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (up, state) = watch::channel(true);
        let relay = tokio::spawn(relay(listener, site, state)).abort_handle();
        Ok(Link { address, up: Arc::new(up), relay })
    }

    /// Where others reach the site.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle that cuts and mends it.
    pub fn switch(&self) -> Arc<watch::Sender<bool>> {
        self.up.clone()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn relay(listener: TcpListener, site: SocketAddr, up: watch::Receiver<bool>) {
    while let Ok((mut outer, _)) = listener.accept().await {
        let mut up = up.clone();
        if !*up.borrow() {
            continue;
        }
        tokio::spawn(async move {
            let Ok(mut inner) = TcpStream::connect(site).await else { return };
            // Cut in the middle of whatever is being said: both ends see the connection break.
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut outer, &mut inner) => {}
                _ = up.wait_for(|up| !*up) => {}
            }
        });
    }
}
