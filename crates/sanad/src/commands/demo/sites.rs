//! The demo's sites: each with its own folder, passphrase, port and link.

use super::link::Link;
use crate::commands::found::kdf_cost;
use crate::commands::serve::{self, Served};
use anyhow::{Context as _, Result};
use sanad_log::control::SiteKind;
use sanad_log::ids::FacilityId;
use sanad_node::site::{NewSite, Site, system_entropy};
use sanad_web::api::Validation;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A site of the demo.
pub struct DemoSite {
    name: &'static str,
    dir: PathBuf,
    served: Served,
    _link: Link,
}

impl DemoSite {
    /// The site itself.
    pub fn site(&self) -> &Site {
        &self.served.site
    }

    /// Its facility.
    pub fn facility(&self) -> FacilityId {
        self.site().facility()
    }

    /// Its call sign.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where its screens are.
    pub fn listening(&self) -> SocketAddr {
        self.served.listening
    }

    /// One session with another site. False if the link does not hold.
    pub async fn sync_with(&self, other: &DemoSite) -> Result<bool> {
        let peers = self.site().peers().await?;
        let Some(peer) = peers.get(&other.site().device()) else { return Ok(false) };
        Ok(self.site().sync_with(peer).await.is_ok_and(|report| report.complete))
    }

    /// Stops in good order.
    pub async fn stop(self) {
        self.served.stop().await;
    }

    /// Destroys the site: nothing is finished, and its folder is deleted from the disk.
    pub async fn destroy(self) -> Result<()> {
        self.served.destroy().await;
        std::fs::remove_dir_all(&self.dir).context("deleting the destroyed site's folder")?;
        Ok(())
    }
}

/// The network of the demo.
pub struct DemoNetwork {
    root: PathBuf,
    listen: SocketAddr,
    links: Vec<Arc<watch::Sender<bool>>>,
}

impl DemoNetwork {
    /// An empty one, in a folder of its own.
    pub fn new(listen: SocketAddr) -> Result<DemoNetwork> {
        let name = u64::from_le_bytes(system_entropy().array());
        #[allow(clippy::disallowed_methods, reason = "sealed folders of made-up patients, deleted at the end")]
        let root = std::env::temp_dir().join(format!("sanad-demo-{name:016x}"));
        std::fs::create_dir_all(&root).context("making a folder for the demo")?;
        Ok(DemoNetwork { root, listen, links: Vec::new() })
    }

    /// Founds it.
    pub async fn found(&mut self, name: &'static str) -> Result<DemoSite> {
        let dir = self.root.join(name);
        let described = NewSite { call_sign: name.to_owned(), kind: SiteKind::Enclave };
        let site = Site::found(&dir, &passphrase(), kdf_cost(), &described).await?;
        self.serve(name, dir, site).await
    }

    /// Lets a site in, with an invite from `by`.
    pub async fn join(&mut self, by: &DemoSite, name: &'static str, kind: SiteKind) -> Result<DemoSite> {
        let dir = self.root.join(name);
        let invite = by.site().invite(kind, vec![]).await?;
        let site = Site::join(&dir, &passphrase(), kdf_cost(), name, &invite).await?;
        self.serve(name, dir, site).await
    }

    async fn serve(&mut self, name: &'static str, dir: PathBuf, site: Site) -> Result<DemoSite> {
        let listener = TcpListener::bind(self.listen).await.context("listening")?;
        if self.listen.port() != 0 {
            self.listen.set_port(self.listen.port() + 1);
        }
        let link = Link::to(listener.local_addr()?).await?;
        self.links.push(link.switch());
        let addresses = vec![format!("https://{}", link.address())];
        site.announce(addresses.clone()).await?;
        let served = serve::serve(site, listener, addresses, Validation::default(), false).await?;
        Ok(DemoSite { name, dir, served, _link: link })
    }

    /// Cuts and mends links at random until told to stop.
    pub fn stormy(&self, seed: u64) -> Weather {
        let (stop, mut stopping) = watch::channel(false);
        let links = self.links.clone();
        let cuts = Arc::new(AtomicU64::new(0));
        let counted = cuts.clone();
        let storm = tokio::spawn(async move {
            let mut state = seed;
            while !*stopping.borrow() {
                // SplitMix64 (Steele, Lea, Flood 2014).
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut draw = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                draw = (draw ^ (draw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                draw ^= draw >> 31;
                let link = &links[(draw % links.len() as u64) as usize];
                if *link.borrow() {
                    link.send_replace(false);
                    counted.fetch_add(1, Ordering::Relaxed);
                } else {
                    link.send_replace(true);
                }
                let wait = Duration::from_millis(100 + (draw >> 32) % 400);
                drop(tokio::time::timeout(wait, stopping.wait_for(|stop| *stop)).await);
            }
            links.iter().for_each(|link| {
                link.send_replace(true);
            });
        });
        Weather { stop, storm, cuts }
    }

    /// Cuts every link.
    pub fn cut_all(&self) {
        self.links.iter().for_each(|link| {
            link.send_replace(false);
        });
    }

    /// Mends every link.
    pub fn mend_all(&self) {
        self.links.iter().for_each(|link| {
            link.send_replace(true);
        });
    }

    /// Deletes what the demo wrote.
    pub fn clean_up(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.root).context("deleting the demo's folder")
    }
}

/// Links that drop.
pub struct Weather {
    stop: watch::Sender<bool>,
    storm: JoinHandle<()>,
    cuts: Arc<AtomicU64>,
}

impl Weather {
    /// Ends the storm with all links up. Returns how often a link was cut.
    pub async fn calm(self) -> u64 {
        self.stop.send_replace(true);
        drop(self.storm.await);
        self.cuts.load(Ordering::Relaxed)
    }
}

/// A passphrase that nobody needs to know: the demo's sites live as long as it does.
fn passphrase() -> String {
    let bytes: [u8; 16] = system_entropy().array();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
