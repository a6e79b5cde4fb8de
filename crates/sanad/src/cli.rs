//! The command line. Others script against these names; they stay.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The patient record and coordination system of a hospital network under siege.
#[derive(Parser)]
#[command(name = "sanad", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Read the passphrase from the first line of this file.
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Print one JSON object on standard output; progress and warnings go to standard error.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Three sites on this machine, loaded with a synthetic siege day; destroys one; shows what was lost and what was not.
    Demo(Demo),
    /// Found a network: make its first site in an empty folder.
    Init(NewSite),
    /// Make a code that lets one more site in.
    Invite {
        /// The data folder of a site that holds the network's authority.
        dir: PathBuf,
        /// Let the new site in as a haven: outside the siege, every chart is granted to it.
        #[arg(long)]
        haven: bool,
        /// Where the new site can reach this one, if `serve` has not said so yet: `https://HOST:PORT`.
        #[arg(long, value_name = "URL")]
        address: Vec<String>,
    },
    /// Join a network with an invite: make a site in an empty folder.
    Join {
        #[command(flatten)]
        site: NewSite,
        /// The code that `sanad invite` printed.
        #[arg(long, value_name = "CODE")]
        invite: String,
    },
    /// Run a site: screens and sync on one port.
    Serve {
        /// The data folder.
        dir: PathBuf,
        /// Where to listen.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8470")]
        listen: SocketAddr,
        /// Where other sites reach this one: `https://HOST:PORT`. Given to the network's members and to nobody else.
        #[arg(long, value_name = "URL")]
        address: Vec<String>,
    },
    /// Import FHIR R4: JSON resources, Bundles, NDJSON, folders of these.
    Import {
        /// The data folder.
        dir: PathBuf,
        /// Files and folders.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Call sign of who imports.
        #[arg(long, value_name = "CALLSIGN")]
        by: Option<String>,
    },
    /// Export every readable resource, not sealed: a folder of Type/id.json, or one .ndjson file.
    Export {
        /// The data folder.
        dir: PathBuf,
        /// The folder or the .ndjson file to write.
        out: PathBuf,
    },
    /// Counts, other sites, and the two gauges.
    Status {
        /// The data folder.
        dir: PathBuf,
    },
    /// One session now with every site that has an address, or with one.
    Sync {
        /// The data folder.
        dir: PathBuf,
        /// Only with the site at this address.
        #[arg(long, value_name = "URL")]
        with: Option<String>,
    },
    /// Talk over a serial device or a radio modem, in frames of 50 to 220 bytes; urgent entries first.
    Link(Link),
    /// How many bytes a day may travel to and from a site; beyond it only what is urgent does, until the next day.
    Budget {
        /// The data folder.
        dir: PathBuf,
        /// Call sign of the other site.
        site: Option<String>,
        /// As `5MB/day`, `800kB/day`; `none` takes it away. Without it, budgets are shown.
        bytes: Option<String>,
    },
    /// Check every stored byte against its hash, signature and chain.
    Check {
        /// The data folder.
        dir: PathBuf,
        /// Also make all projections anew from the log and compare.
        #[arg(long)]
        rebuild: bool,
    },
}

#[derive(Args)]
pub struct Link {
    /// The data folder.
    pub dir: PathBuf,
    /// The serial device, or a pseudo-terminal.
    #[arg(long, value_name = "PATH")]
    pub serial: PathBuf,
    /// Bytes of a frame, everything included: 50 to 220.
    #[arg(long, value_name = "BYTES", default_value_t = 220)]
    pub mtu: usize,
    /// Speed of the device, in bits a second.
    #[arg(long, value_name = "BITS", default_value_t = 9600)]
    pub baud: u32,
    /// Lanes that travel: membership and what is urgent, or all.
    #[arg(long, value_enum, default_value = "0,1")]
    pub lanes: Lanes,
    /// Call sign of the site to call; otherwise who was there last, or whoever answers.
    #[arg(long, value_name = "CALLSIGN")]
    pub with: Option<String>,
    /// End after one session; otherwise it goes on until Ctrl-C.
    #[arg(long)]
    pub once: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lanes {
    /// Membership, keys, and what is urgent.
    #[value(name = "0,1")]
    Urgent,
    /// All four.
    All,
}

#[derive(Args)]
pub struct NewSite {
    /// The data folder: new or empty.
    pub dir: PathBuf,
    /// Call sign of the site; never a place, never a person.
    #[arg(long, value_name = "CALLSIGN")]
    pub site: String,
    /// In the siege, or outside it. A site that joins is what its invite says.
    #[arg(long, value_enum, default_value = "enclave")]
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Enclave,
    Haven,
}

#[derive(Args)]
pub struct Demo {
    /// Run it through once and exit; otherwise the sites stay up until Ctrl-C.
    #[arg(long)]
    pub once: bool,
    /// Where the first site listens; the others take the ports after it. With port 0 the system chooses.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Seed of the synthetic day.
    #[arg(long, default_value_t = 2018)]
    pub seed: u64,
    /// Patients of the day, at most; a day has about 450.
    #[arg(long, default_value_t = 360)]
    pub patients: usize,
}
