//! `sanad serve`: screens and sync on one port, peers kept in touch, other commands answered through the folder's socket.

use super::{WRONG_PASSPHRASE_DELAY, bundle};
use crate::remote;
use crate::say::{self, Trouble};
use anyhow::Result;
use sanad_node::carrier::{Limits, Peer};
use sanad_node::discover::stopped;
use sanad_node::hook::Reach;
use sanad_node::near::{far_addresses, is_near};
use sanad_node::site::{Site, now_ms, system_entropy};
use sanad_web::api::{Ends, Validation};
use sanad_web::{Client, Config, Source};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A site that is being served. Dropped without [`Served::stop`], it stops at once.
pub struct Served {
    /// The site.
    pub site: Site,
    /// Where it listens.
    pub listening: SocketAddr,
    /// The code for the screens from other devices.
    pub screen_code: String,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Served {
    /// Stops listening and talking, ends open sessions, and releases the folder.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        self.site.close().await;
    }

    /// As a bomb would: nothing is finished, nobody is told.
    pub async fn destroy(mut self) {
        self.tasks.shutdown().await;
        self.site.close().await;
    }
}

/// Serves a site on a listener. `addresses` are announced to the network if given. Unless `is_public`, FHIR is answered on
/// near addresses only.
pub async fn serve(
    site: Site,
    listener: TcpListener,
    addresses: Vec<String>,
    validation: Validation,
    is_public: bool,
) -> Result<Served> {
    let listening = listener.local_addr()?;
    let (stop, stopping) = watch::channel(false);
    let config = Config {
        secret: system_entropy().array(),
        clock: Arc::new(now_ms),
        utc_offset: crate::local::offset(),
        host_names: vec![],
        until: stopping.clone(),
    };
    let api = sanad_web::api::router(site.clone(), config.host_names.clone(), validation);
    let api = if is_public { api } else { sanad_web::api::near_only(api) };
    let (router, screen_code) = sanad_web::router(Source::Site(site.clone()), config)?;
    let router = router.merge(api);
    let router = router.layer(axum::middleware::map_request(name_client));
    let mut tasks = JoinSet::new();
    let (accept, identity, mut until) = (Arc::new(site.clone()), site.identity(), stopping.clone());
    tasks.spawn(async move {
        let shutdown = async move { drop(until.wait_for(|stop| *stop).await) };
        // The identity was made by this program; a damaged one is told by `sanad check`.
        let _ = sanad_node::carrier::serve(listener, &identity, router, accept, Limits::default(), shutdown).await;
    });
    if !addresses.is_empty() {
        // A site that has just joined may not have the network's keys yet; it says its address once they have come.
        let (site, mut until) = (site.clone(), stopping.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = site.announce_when_ready(addresses) => {}
                _ = until.wait_for(|stop| *stop) => {}
            }
        });
    }
    let (answerer, until) = (site.clone(), stopping.clone());
    tasks.spawn(async move { answerer.keep_answering(until).await });
    let (toucher, until) = (site.clone(), stopping);
    tasks.spawn(async move {
        toucher.keep_in_touch(until).await;
    });
    Ok(Served { site, listening, screen_code, stop, tasks })
}

/// Tells the screens who asks, from what the carrier knows of the connection.
async fn name_client(mut request: axum::extract::Request) -> axum::extract::Request {
    if let Some(peer) = request.extensions().get::<Peer>().copied() {
        request.extensions_mut().insert(Client { address: peer.addr.ip(), tls: peer.tls });
        request.extensions_mut().insert(Ends { local: peer.local.ip(), peer: peer.addr.ip() });
    }
    request
}

/// Folders where sticks appear.
pub struct Watched {
    /// The folders.
    pub folders: Vec<PathBuf>,
    /// Largest bundle that is written there.
    pub bytes_max: u64,
}

/// How a site is served.
pub struct Serving {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where others reach it.
    pub addresses: Vec<String>,
    /// Whether members are looked for on the local network.
    pub discover: bool,
    /// Where sticks appear.
    pub watched: Watched,
    /// How strict the FHIR interface is.
    pub validation: Validation,
    /// Whether a public address may be listened on, and FHIR answered there.
    pub allow_public_address: bool,
    /// How far Subscriptions are delivered.
    pub reach: Reach,
}

/// The command.
pub async fn run(dir: &Path, passphrase: &str, serving: Serving, json: bool) -> Result<u8> {
    let Serving { listen, addresses, discover, watched, validation, allow_public_address, reach } = serving;
    if !allow_public_address {
        keep_near(listen)?;
    }
    let site = Site::open(dir, passphrase, WRONG_PASSPHRASE_DELAY)?;
    if site.is_keeper() {
        return Err(Trouble::IsAKeeper.into());
    }
    let listener = TcpListener::bind(listen).await.map_err(|error| Trouble::CannotListen(error.to_string()))?;
    let addresses = if addresses.is_empty() { default_addresses(listener.local_addr()?) } else { addresses };
    let mut served = serve(site, listener, addresses, validation, allow_public_address).await?;
    served.tasks.spawn(sanad_web::api::deliver_subscriptions(served.site.clone(), reach, served.stop.subscribe()));
    for folder in watched.folders {
        let (site, until) = (served.site.clone(), served.stop.subscribe());
        served.tasks.spawn(async move {
            site.watch_folder(folder, watched.bytes_max, until, |event| bundle::say_of_watch(&event)).await;
        });
    }
    let control = remote::listen(dir, served.site.clone(), passphrase)?;
    let end = TheEnd::listen()?;
    let url = format!("https://{}", served.listening);
    if json {
        println!("{}", serde_json::json!({ "listening": url, "screen_code": served.screen_code }));
    } else {
        println!("{url}\n{} {}", say::text("screen-code", &[]), served.screen_code);
    }
    let (stop, stopping) = watch::channel(false);
    let discovering = discover.then(|| tokio::spawn(look_for_members(served.site.clone(), served.listening, stopping)));
    end.comes().await;
    stop.send_replace(true);
    if let Some(discovering) = discovering {
        drop(discovering.await);
    }
    drop(control);
    served.stop().await;
    Ok(0)
}

/// Refuses to listen on a public address; says what is left out where everything is listened on and some of it is public.
fn keep_near(listen: SocketAddr) -> Result<()> {
    let ip = listen.ip();
    if !ip.is_unspecified() {
        return if is_near(ip) { Ok(()) } else { Err(Trouble::PublicAddress(ip.to_string()).into()) };
    }
    if far_addresses().iter().any(|far| ip.is_ipv6() || far.is_ipv4()) {
        eprintln!("{}", say::text("fhir-near-only", &[]));
    }
    Ok(())
}

/// Announces this site on the local network and looks for members there. If the system does not allow it, that is said,
/// and everything else goes on.
async fn look_for_members(site: Site, listening: SocketAddr, mut stop: watch::Receiver<bool>) {
    tokio::select! {
        // Members recognise each other by their certificates; one that has announced no address tells that alone.
        () = site.announce_certificate_when_ready() => {}
        () = stopped(&mut stop) => return,
    }
    if let Err(error) = site.discover(listening, stop).await {
        eprintln!("{}", say::text("discover-failed", &[("why", error.to_string())]));
    }
}

/// An address that listens on one interface is one at which peers can reach it; a wildcard says nothing to anybody.
pub fn default_addresses(listening: SocketAddr) -> Vec<String> {
    if listening.ip().is_unspecified() { vec![] } else { vec![format!("https://{listening}")] }
}

/// Ctrl-C or a polite request to end. Listened for before a process says that it is there: whoever hears that may ask it
/// to end at once.
pub struct TheEnd {
    interrupt: Signal,
    terminate: Signal,
}

impl TheEnd {
    /// From now on a request waits here; it no longer ends the process by itself.
    pub fn listen() -> Result<TheEnd> {
        Ok(TheEnd { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Returns once somebody has asked.
    pub async fn comes(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
