//! Serves the screens over a made-up record on loopback, for looking at them and for the browser run in `e2e/`.
//! Usage: `cargo run -p sanad-web --example sample -- [ADDR] [--network]`; with `--network` every client must type the
//! screen code, as if it came from the facility's network.

mod record;

use std::net::SocketAddr;
use std::sync::Arc;

use sanad_web::{Client, Config, Source, router};

/// 2 March 2018, 14:20 at +03:00: the record is of that day, so that every run shows the same times.
const NOW_MS: u64 = 1_519_989_600_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut network = false;
    let mut address = "127.0.0.1:8099".to_owned();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--network" => network = true,
            other => address = other.to_owned(),
        }
    }
    let config = Config {
        secret: [7; 32],
        clock: Arc::new(|| NOW_MS),
        utc_offset: time::UtcOffset::from_hms(3, 0, 0)?,
        host_names: Vec::new(),
        until: tokio::sync::watch::channel(false).1,
    };
    let (mut pages, code) = router(Source::Fixed(Arc::new(record::made_up(NOW_MS))), config)?;
    if network {
        let stranger = Client { address: [192, 0, 2, 7].into(), tls: false };
        pages = pages.layer(axum::Extension(stranger));
    }
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{} screen code {code}", listener.local_addr()?);
    axum::serve(listener, pages.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
