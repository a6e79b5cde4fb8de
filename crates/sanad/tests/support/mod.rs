//! What the tests of the binary share: folders that clean up, processes that end, answers read as JSON.
#![allow(dead_code, reason = "each file of tests uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "a test of a process looks at the clock and waits for it")]

pub mod api;
pub mod control;
#[cfg(target_os = "linux")]
pub mod fabric;
pub mod fhir;
pub mod hand;
pub mod hostile;
pub mod http;
pub mod relay;
pub mod rights;

use relay::Relay;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The passphrase of every site in these tests.
pub const PASSPHRASE: &str = "juniper ladder copper seventeen";
/// Longest that one command may take: far beyond what any needs, so that a busy machine fails nothing.
pub const DEADLINE: Duration = Duration::from_secs(300);
/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(20);

/// A folder of a test's own, deleted at its end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// An empty one.
    pub fn new(test: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{test}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    /// A path in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// The program with nothing of the surroundings' settings, the passphrase in its environment, and no terminal.
pub fn sanad() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sanad"));
    command.env_remove("SANAD_LANG").env("LANG", "C.UTF-8").stdin(Stdio::null());
    command.env("SANAD_PASSPHRASE", PASSPHRASE).env("SANAD_TEST_QUICK_UNLOCK", "1");
    command
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// Fails the test unless it ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Standard output as the one JSON object that it is to be.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one line of JSON: {:?}\nerr: {}", self.out, self.err);
        let value: Value = serde_json::from_str(&self.out).unwrap();
        assert!(value.is_object());
        value
    }
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read_out = thread::spawn(move || read(&mut out));
    let read_err = thread::spawn(move || read(&mut err));
    let ended = poll(DEADLINE, || child.try_wait().unwrap());
    if ended.is_none() {
        child.kill().unwrap();
        panic!("{command:?} did not end: {}", read_err.join().unwrap());
    }
    Ran {
        code: ended.and_then(|status| status.code()).unwrap_or(-1),
        out: read_out.join().unwrap(),
        err: read_err.join().unwrap(),
        took: begun.elapsed(),
    }
}

fn read(from: &mut impl io::Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Looks until there is something, or until the time is over.
pub fn poll<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if begun.elapsed() > within {
            return None;
        }
        thread::sleep(LOOK);
    }
}

/// Bytes that `/proc/PID/status` says of a process under this name.
pub fn memory_of(child: &Child, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// A site: its folder, and the way on which others reach it wherever it listens.
#[derive(Clone)]
pub struct Site {
    /// The data folder.
    pub dir: PathBuf,
    /// What it announces as its address.
    pub way: Arc<Relay>,
    /// Where its processes are told to put temporary files; where the system says, if `None`.
    pub tmp: Option<PathBuf>,
}

impl Site {
    /// A folder that is a site, or will be one.
    pub fn at(dir: PathBuf) -> Site {
        Site { dir, way: Arc::new(Relay::new()), tmp: None }
    }

    /// Founds a network.
    #[track_caller]
    pub fn found(dir: PathBuf, call_sign: &str) -> Site {
        run(sanad().arg("init").arg(&dir).args(["--site", call_sign, "--json"])).code(0);
        Site::at(dir)
    }

    /// Joins one.
    #[track_caller]
    pub fn join(dir: PathBuf, call_sign: &str, invite: &str) -> Site {
        run(sanad().arg("join").arg(&dir).args(["--site", call_sign, "--invite", invite, "--json"])).code(0);
        Site::at(dir)
    }

    /// A command on it: its name, then what follows the folder. Not run yet.
    pub fn command(&self, name: &str, rest: &[&str]) -> Command {
        let mut command = sanad();
        command.arg(name).arg(&self.dir).args(rest).arg("--json");
        if let Some(tmp) = &self.tmp {
            command.env("TMPDIR", tmp);
        }
        command
    }

    /// Runs a command on it.
    #[track_caller]
    pub fn run(&self, name: &str, rest: &[&str]) -> Ran {
        run(&mut self.command(name, rest))
    }

    /// Runs a command on it that has to succeed, and reads what it printed.
    #[track_caller]
    pub fn ok(&self, name: &str, rest: &[&str]) -> Value {
        self.run(name, rest).code(0).json()
    }

    /// Imports a path. Returns the report, whatever it says.
    #[track_caller]
    pub fn import(&self, path: &Path) -> Value {
        let ran = self.run("import", &[path.to_str().unwrap()]);
        assert!(ran.code == 0 || ran.code == 1, "{ran:?}");
        ran.json()
    }

    /// Exports everything, to be looked at by name and bytes.
    #[track_caller]
    pub fn export(&self, out: &Path) -> BTreeMap<String, Vec<u8>> {
        self.ok("export", &[out.to_str().unwrap()]);
        files(out)
    }

    /// An invite from it, and the site that it lets in. The site is served meanwhile.
    #[track_caller]
    pub fn let_in(&self, dir: PathBuf, call_sign: &str, haven: bool) -> Site {
        let served = self.serve();
        let invite = self.invite(if haven { &["--haven"] } else { &[] });
        let site = Site::join(dir, call_sign, &invite);
        served.stop();
        site
    }

    /// An invite from it, with these options.
    #[track_caller]
    pub fn invite(&self, options: &[&str]) -> String {
        invite(|| self.command("invite", options))
    }

    /// Serves it on a port of the system's choice.
    #[track_caller]
    pub fn serve(&self) -> Served {
        Served::begin(self).ready(self)
    }

    /// Where the messages of those who served it are gathered.
    pub fn served_log(&self) -> PathBuf {
        self.dir.with_extension("served.log")
    }

    /// Checks that nothing stored is damaged.
    #[track_caller]
    pub fn is_sound(&self) {
        let report = self.ok("check", &["--rebuild"]);
        assert_eq!((&report["damages"], &report["projections_equal"]), (&0.into(), &true.into()), "{report}");
    }
}

/// The code that an `invite` prints. A site that has just begun to serve may not have written down yet where it is reached,
/// and says so.
#[track_caller]
pub fn invite(command: impl Fn() -> Command) -> String {
    let invited = poll(DEADLINE, || {
        let ran = run(&mut command());
        let too_early = ran.err.contains("where it is reached");
        (!too_early).then(|| ran.code(0).json()["invite"].as_str().unwrap().to_owned())
    });
    invited.expect("an invite")
}

/// A process that was told to serve a site. Killed when dropped.
pub struct Served {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// Where it listens.
    pub address: Option<SocketAddr>,
}

impl Served {
    /// Starts it, and does not wait for it.
    pub fn begin(site: &Site) -> Served {
        let log = File::options().create(true).append(true).open(site.served_log()).unwrap();
        let rest = ["--listen", "127.0.0.1:0", "--address", &site.way.url()];
        let mut child = site.command("serve", &rest).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let (say, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                drop(say.send(line));
            }
        });
        Served { child, lines, address: None }
    }

    /// Waits until it says where it listens.
    #[track_caller]
    pub fn ready(mut self, site: &Site) -> Served {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => {
                let said: Value = serde_json::from_str(&line).unwrap();
                let url = said["listening"].as_str().unwrap().strip_prefix("https://").unwrap();
                let address = url.parse().unwrap();
                site.way.lead_to(address);
                self.address = Some(address);
                self
            }
            Err(_) => panic!("it does not serve: {:?}", self.child.wait()),
        }
    }

    /// Asks it to end, and waits until it has.
    #[track_caller]
    pub fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = poll(DEADLINE, || self.child.try_wait().unwrap());
        assert_eq!(ended.and_then(|status| status.code()), Some(0), "it ends in good order");
    }

    /// As `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Bytes that `/proc/PID/status` says under this name.
    pub fn memory(&self, name: &str) -> u64 {
        memory_of(&self.child, name)
    }

    /// True while it runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Every file below a folder, by its path there.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap().flatten() {
            let path = entry.path();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_file() => {
                    let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                    found.insert(name, fs::read(&path).unwrap());
                }
                _ => {}
            }
        }
    }
    found
}

/// A copy of a folder's files.
pub fn copy_folder(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Numbers from a seed: SplitMix64 (Steele, Lea, Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    /// From `SANAD_SEED`, else from the moment. It is printed, so that a failure can be played again.
    pub fn new(test: &str) -> Dice {
        let seed = match std::env::var("SANAD_SEED") {
            Ok(seed) => seed.parse().expect("SANAD_SEED is a number"),
            Err(_) => std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
        };
        println!("{test}: SANAD_SEED={seed}");
        Dice(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut draw = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        draw = (draw ^ (draw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (draw ^ (draw >> 31)) % bound
    }
}
