//! A site served by a process of its own, and clients that keep their connections.

use super::{Load, Numbers, Request, Scenario};
use crate::Options;
use crate::corpus::PASSPHRASE;
use crate::machine::{cpu_s_of, memory_mb};
use crate::report::{Report, Target};
use anyhow::{Context as _, Result, bail, ensure};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn sanad(options: &Options) -> Command {
    let mut command = Command::new(&options.sanad);
    command.env("SANAD_PASSPHRASE", PASSPHRASE);
    command
}

/// A site that is served by a process of its own.
pub(super) struct Served {
    process: Child,
    address: String,
    token: String,
}

impl Served {
    pub(super) fn start(options: &Options, folder: &Path) -> Result<Served> {
        let folder = folder.to_str().context("a folder whose name is text")?;
        ensure!(
            sanad(options).args(["init", folder, "--site", "Cedar", "--json"]).output()?.status.success(),
            "no site was founded"
        );
        let made = sanad(options)
            .args(["token", folder, "--role", "system", "--scope", "system/*.cruds", "--json"])
            .output()?;
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).context("no token was made")?;
        let token = made["token"].as_str().context("no token was made")?.to_owned();
        Served::serve(options, Path::new(folder), token)
    }

    /// Serves a folder that is there.
    pub(super) fn serve(options: &Options, folder: &Path, token: String) -> Result<Served> {
        let mut process = sanad(options)
            .args([
                "serve",
                folder.to_str().context("a folder whose name is text")?,
                "--listen",
                "127.0.0.1:0",
                "--json",
            ])
            .stdout(Stdio::piped())
            .spawn()?;
        let said = process.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let said: serde_json::Value = serde_json::from_str(&line).context("the site did not say where it listens")?;
        let address = said["listening"].as_str().unwrap_or_default().trim_start_matches("https://").to_owned();
        Ok(Served { process, address, token })
    }

    pub(super) fn stop(mut self) -> Result<()> {
        let process = self.process.id().to_string();
        Command::new("kill").arg(process).status()?;
        self.process.wait()?;
        Ok(())
    }

    pub(super) fn cpu_s(&self) -> Result<f64> {
        cpu_s_of(self.process.id())
    }

    /// The same once nothing is under way any more: who opened which chart is written down a moment later.
    fn settled_cpu_s(&self) -> Result<f64> {
        let mut before = self.cpu_s()?;
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.cpu_s()?;
            if now - before < 0.02 {
                return Ok(now);
            }
            before = now;
        }
    }

    pub(super) fn resident_mb(&self) -> Result<f64> {
        memory_mb(self.process.id(), "VmRSS")
    }

    pub(super) fn measure(&self, scenario: &Scenario, load: &Load, report: &mut Report) -> Result<()> {
        let started = Instant::now();
        let cpu_ms = self.cpu_ms(scenario, load)?;
        let per_s = scenario.requests as f64 / started.elapsed().as_secs_f64();
        report.add(format!("fhir: {}", scenario.name), per_s, "/s", Target::None);
        report.add(format!("fhir: {}, CPU", scenario.name), cpu_ms, "ms", Target::AtMost(scenario.at_most));
        Ok(())
    }

    /// Asks everything of a scenario. Returns the server's CPU for each request, in milliseconds.
    pub(super) fn cpu_ms(&self, scenario: &Scenario, load: &Load) -> Result<f64> {
        let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        let cpu_s = self.cpu_s()?;
        let clients = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..scenario.clients)
                .map(|at| {
                    let (next, failed) = (&next, &failed);
                    scope.spawn(move || self.client(scenario, load, at, next, failed))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| bail!("a client failed")))
                .collect::<Result<Vec<_>>>()
        });
        clients?;
        ensure!(
            failed.load(Ordering::Relaxed) == 0,
            "{}: {} requests failed",
            scenario.name,
            failed.load(Ordering::Relaxed)
        );
        Ok((self.settled_cpu_s()? - cpu_s) * 1_000.0 / scenario.requests as f64)
    }

    fn client(&self, scenario: &Scenario, load: &Load, at: u64, next: &AtomicU64, failed: &AtomicU64) -> Result<()> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ ((at + 1) * 7_919));
        let mut buffer = Vec::with_capacity(1 << 20);
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= scenario.requests {
                return Ok(());
            }
            let request = (scenario.make)(n, &mut numbers, load);
            let status = self.ask(&mut stream, &mut buffer, &request)?;
            failed.fetch_add(u64::from(status >= 400), Ordering::Relaxed);
        }
    }

    /// One request on a connection that is kept. Returns the status.
    fn ask(&self, stream: &mut TcpStream, buffer: &mut Vec<u8>, request: &Request) -> Result<u16> {
        let body = request.body.as_deref().unwrap_or_default();
        let head = format!(
            "{} /fhir{} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: application/fhir+json\r\n\
             Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n",
            request.method,
            request.path,
            self.address,
            self.token,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        buffer.clear();
        let mut chunk = [0; 65_536];
        let head_end = loop {
            let read = stream.read(&mut chunk)?;
            ensure!(read > 0, "the connection was closed");
            buffer.extend_from_slice(&chunk[..read]);
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..head_end]).to_ascii_lowercase();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).context("no status")?;
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|len| len.trim().parse().ok());
        let length: usize = length.unwrap_or(0);
        while buffer.len() < head_end + length {
            let read = stream.read(&mut chunk)?;
            ensure!(read > 0, "the connection was closed");
            buffer.extend_from_slice(&chunk[..read]);
        }
        Ok(status)
    }
}

pub(super) fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let meta = entry?.metadata()?;
        if meta.is_file() {
            bytes += meta.len();
        }
    }
    Ok(bytes)
}
