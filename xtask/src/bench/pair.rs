//! Two sites of one network in two processes: one served, one that asks.

use crate::Options;
use crate::corpus::{self, PASSPHRASE};
use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sanad_log::control::SiteKind;
use sanad_node::site::{NewSite, Site};
use sanad_store::KdfCost;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Two sites that know each other and hold nothing but that.
pub struct Pair {
    sanad: PathBuf,
    /// Has the records.
    pub sender: PathBuf,
    /// Wants them.
    pub receiver: PathBuf,
    /// Where the sender is served.
    pub address: String,
}

impl Pair {
    /// Founds a network and lets a site of this kind in.
    pub async fn new(options: &Options, kind: SiteKind) -> Result<Pair> {
        let dir = corpus::fresh_dir(&options.dir, "pair")?;
        let mut pair = Pair {
            sanad: options.sanad.clone(),
            sender: dir.join("sender"),
            receiver: dir.join("receiver"),
            address: "127.0.0.1:0".to_owned(),
        };
        let described = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
        Site::found(&pair.sender, PASSPHRASE, KdfCost::TEST, &described).await?.close().await;
        let served = pair.serve(&pair.sender, &pair.address)?;
        pair.address = served.address.clone();
        let mut arguments = vec!["invite".as_ref(), pair.sender.as_os_str(), "--json".as_ref()];
        if kind == SiteKind::Haven {
            arguments.push("--haven".as_ref());
        }
        let invite = sanad_json(&pair.sanad, &arguments)?;
        let invite = invite["invite"].as_str().context("no invite")?.parse()?;
        Site::join(&pair.receiver, PASSPHRASE, KdfCost::TEST, "Olive", &invite).await?.close().await;
        served.stop()?;
        Ok(pair)
    }

    /// Serves a folder in a process of its own.
    pub fn serve(&self, dir: &Path, listen: &str) -> Result<Served> {
        self.start("serve", dir, listen)
    }

    fn start(&self, command: &str, dir: &Path, listen: &str) -> Result<Served> {
        let started = Instant::now();
        let mut child = Command::new(&self.sanad)
            .args([command.as_ref(), dir.as_os_str(), "--listen".as_ref(), listen.as_ref(), "--json".as_ref()])
            .env("SANAD_PASSPHRASE", PASSPHRASE)
            .stdout(Stdio::piped())
            .spawn()
            .context("starting sanad")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).context("sanad did not say where it listens")?;
        let url = said["listening"].as_str().context("no address")?;
        Ok(Served { child, started, address: url.trim_start_matches("https://").to_owned() })
    }

    /// Runs a keeper in a process of its own, on a port of the system's choice.
    pub fn keep(&self, dir: &Path) -> Result<Served> {
        self.keep_at(dir, "127.0.0.1:0")
    }

    /// The same, where it listened before.
    pub fn keep_at(&self, dir: &Path, listen: &str) -> Result<Served> {
        self.start("keep", dir, listen)
    }

    /// One session of a folder with its peers; what it reports.
    pub fn sync(&self, dir: &Path) -> Result<Value> {
        let result = sanad_json(&self.sanad, &["sync".as_ref(), dir.as_os_str(), "--json".as_ref()])?;
        let session = result["sessions"][0].clone();
        ensure!(session["complete"] == true, "the session did not complete: {result}");
        Ok(session)
    }
}

/// A process that serves a folder.
pub struct Served {
    child: Child,
    started: Instant,
    pub address: String,
}

impl Served {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for the first page, over the loopback and without TLS, as the browser on the site's own machine may. Returns
    /// the seconds since the process was started.
    pub fn first_page(&self) -> Result<f64> {
        let mut socket = TcpStream::connect(&self.address)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(socket, "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
        let mut page = String::new();
        socket.read_to_string(&mut page)?;
        ensure!(page.starts_with("HTTP/1.1 200") && page.contains("</html>"), "the first page: {:.200}", page);
        Ok(self.started.elapsed().as_secs_f64())
    }

    /// Ends it in good order.
    pub fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        ensure!(self.child.wait()?.success(), "sanad ended badly");
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // After an error of the measuring; a process that was stopped has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command of the program; the JSON that it prints.
pub fn sanad_json(sanad: &Path, arguments: &[&OsStr]) -> Result<Value> {
    let output = Command::new(sanad)
        .args(arguments)
        .env("SANAD_PASSPHRASE", PASSPHRASE)
        .stderr(Stdio::inherit())
        .output()
        .context("starting sanad")?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).with_context(|| format!("sanad {:?}: {} {text}", arguments.first(), output.status))
}
