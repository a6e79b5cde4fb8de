//! The command line. Others script against these names; they stay.

use crate::amount;
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
        /// Let the new site in as a keeper: it stores and forwards what is sealed, and can read nothing.
        #[arg(long, conflicts_with = "haven")]
        keeper: bool,
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
        /// Look for members of the network on this local network, and let them find this site, by multicast DNS. Others
        /// there see a nameless web server and nothing more.
        #[arg(long)]
        discover: bool,
        /// A folder where sticks appear: bundles in it are read, a receipt and what others lack are written. Repeatable.
        #[arg(long, value_name = "FOLDER")]
        watch: Vec<PathBuf>,
        /// Largest bundle written to a watched folder, in bytes; K, M and G are powers of 1024.
        #[arg(long, value_name = "N", value_parser = bytes, default_value = "512MiB")]
        watch_bytes: u64,
        /// What the FHIR interface does with a resource that has not the structure FHIR gives it.
        #[arg(long, value_enum, default_value = "warn")]
        validation: Validation,
        /// Listen on a public address all the same, and answer FHIR there: whoever can reach it can try tokens.
        #[arg(long)]
        allow_public_address: bool,
        /// Deliver FHIR Subscriptions to public addresses too. Without this only endpoints on this machine and on private
        /// networks are called.
        #[arg(long)]
        hooks_anywhere: bool,
    },
    /// Run the keeper of a folder, or the keepers in it, each of another network: no screens, one port.
    Keep(Keep),
    /// Bundles on a stick: what is held here, as a file that a person carries.
    #[command(subcommand)]
    Bundle(Bundle),
    /// Put a patient's records into every bundle before others; without a patient, list who is pinned.
    Pin {
        /// The data folder.
        dir: PathBuf,
        /// The patient's id.
        patient: Option<String>,
        /// Take the pin off.
        #[arg(long, requires = "patient")]
        off: bool,
    },
    /// Records as lines of text, for phones that can send messages and nothing else.
    #[command(subcommand)]
    Sms(Sms),
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
    /// Counts, other sites, the two gauges, and what is not yet safe.
    Status {
        /// The data folder.
        dir: PathBuf,
    },
    /// When a record is safe: how many other sites must hold it. Shows it; sets it where the network's authority is held.
    Policy {
        /// The data folder.
        dir: PathBuf,
        /// How many other sites must have confirmed a record, from 1 to 99.
        #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=99))]
        copies: Option<u32>,
        /// At least one of them must be a haven.
        #[arg(long)]
        outside: bool,
        /// Any sites will do.
        #[arg(long, conflicts_with = "outside")]
        no_outside: bool,
    },
    /// Where a record is, since when, and why it is not elsewhere.
    Explain {
        /// The data folder.
        dir: PathBuf,
        /// A patient (`ID` or `Patient/ID`), the first digits of an entry's id, or `AUTHOR/LANE/SEQ`.
        #[arg(value_name = "PATIENT|ENTRY")]
        what: String,
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
    /// Who may sign in to the screens, as what; a new PIN for whoever forgot theirs; somebody added.
    People {
        /// The data folder.
        dir: PathBuf,
        /// Draw a new PIN for this person and print it, once.
        #[arg(long, value_name = "CALLSIGN", conflicts_with_all = ["add", "role"])]
        new_pin: Option<String>,
        /// Add this person and print the PIN, once. The first is a technician.
        #[arg(long, value_name = "CALLSIGN", requires = "role")]
        add: Option<String>,
        /// triage, nurse, doctor, pharmacy, coordinator, or technician.
        #[arg(long, requires = "add")]
        role: Option<String>,
    },
    /// A bearer token for the FHIR interface: made for a role, listed, or taken back.
    Token {
        /// The data folder.
        dir: PathBuf,
        /// triage, nurse, doctor, pharmacy, coordinator, technician, or system.
        #[arg(long, conflicts_with_all = ["revoke", "list"])]
        role: Option<String>,
        /// A scope as `patient/Observation.rs`, instead of those of the role; several may be given.
        #[arg(long, requires = "role")]
        scope: Vec<String>,
        /// The patient that the token is for.
        #[arg(long, requires = "role")]
        patient: Option<String>,
        /// Days until it ends by itself.
        #[arg(long, requires = "role")]
        days: Option<u32>,
        /// Take this one back, by its id.
        #[arg(long, value_name = "ID", conflicts_with = "list")]
        revoke: Option<String>,
        /// Show all tokens.
        #[arg(long)]
        list: bool,
    },
    /// How many bytes a day may travel to and from a site; beyond it only what is urgent does, until the next day.
    Budget {
        /// The data folder.
        dir: PathBuf,
        /// Call sign of the other site.
        site: Option<String>,
        /// As `5MB/day`, `800kB/day`; `none` takes it away. Without it, budgets are shown.
        bytes: Option<String>,
    },
    /// Ask the network for a chart that is sealed here, and see what came of it.
    Ask(Ask),
    /// Answer an ask of another site: grant it a patient's chart, or refuse.
    Answer {
        /// The data folder.
        dir: PathBuf,
        /// The ask, as `ask --pending` names it.
        ask: String,
        #[command(flatten)]
        verdict: Verdict,
        /// Call sign of who decides.
        #[arg(long, value_name = "CALLSIGN")]
        by: String,
    },
    /// Open a patient's chart to another site. It cannot be taken back.
    Grant {
        /// The data folder.
        dir: PathBuf,
        /// The patient's id.
        patient: String,
        /// Call sign of the site.
        #[arg(long, value_name = "SITE")]
        to: String,
        /// Call sign of who decides.
        #[arg(long, value_name = "CALLSIGN")]
        by: String,
    },
    /// What cannot be accepted, or not yet: listed with its reason, written out, taken in.
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Check every stored byte against its hash, signature and chain.
    Check {
        /// The data folder.
        dir: PathBuf,
        /// Also make all projections anew from the log and compare; if anything is damaged, make the database anew from what
        /// can be read, and keep the damaged file.
        #[arg(long)]
        rebuild: bool,
    },
}

#[derive(Subcommand)]
pub enum Quarantine {
    /// What is kept apart, why, from whom it came and when; and devices that went back in time.
    List {
        /// The data folder.
        dir: PathBuf,
    },
    /// Write pieces as they came, with a list in plain words. What is sealed stays sealed.
    Export {
        /// The data folder.
        dir: PathBuf,
        /// The folder to write: new or empty.
        out: PathBuf,
        /// Which, by their numbers; all if none is named.
        #[arg(value_name = "N")]
        numbers: Vec<u64>,
    },
    /// Take a piece in, as a clinician decides: its records are saved anew by this site, with a record of whence they are.
    Adopt {
        /// The data folder.
        dir: PathBuf,
        /// Its number.
        #[arg(value_name = "N")]
        number: u64,
        /// Call sign of who decides.
        #[arg(long, value_name = "CALLSIGN")]
        by: Option<String>,
    },
}

#[derive(Subcommand)]
pub enum Bundle {
    /// Write a bundle, or carry on the one that this site has begun in that file.
    Write {
        /// The data folder.
        dir: PathBuf,
        /// The file, under any name.
        out: PathBuf,
        /// Largest size in bytes; K, M and G are powers of 1024.
        #[arg(long, value_name = "N", value_parser = bytes, default_value_t = sanad_node::bundle::MAX_BYTES)]
        max_bytes: u64,
        /// Only what this site has not confirmed; otherwise what is only here, then what any site has not confirmed.
        #[arg(long = "for", value_name = "SITE")]
        site: Option<String>,
    },
    /// Read a bundle, and write a receipt to carry back.
    Read {
        /// The data folder.
        dir: PathBuf,
        /// The bundle.
        file: PathBuf,
        /// Where the receipt goes; otherwise beside the bundle, under a name that says nothing.
        #[arg(long, value_name = "OUT")]
        receipt: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub enum Sms {
    /// Print lines of at most 160 characters, the most urgent records first; each line is one message.
    Encode {
        /// The data folder.
        dir: PathBuf,
        /// The site that will read them.
        #[arg(long = "for", value_name = "SITE")]
        site: String,
        /// Most lines.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=255),
            default_value_t = sanad_node::sms::FRAMES_DEFAULT as u16)]
        max_frames: u16,
    },
    /// Read lines from standard input, in any order; what is missing may follow later.
    Decode {
        /// The data folder.
        dir: PathBuf,
    },
}

/// As an argument.
fn bytes(text: &str) -> Result<u64, String> {
    amount::bytes(text).ok_or_else(|| "a number of bytes, as 500000, 500k, 5M, 5MiB or 2G".to_owned())
}

#[derive(Args)]
pub struct Ask {
    /// The data folder.
    pub dir: PathBuf,
    #[command(flatten)]
    pub what: AskWhat,
    /// With --name: the father's own name.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["id", "tag", "list", "pending", "withdraw", "policy"])]
    pub father: Option<String>,
    /// With --name: the year of birth.
    #[arg(long, value_name = "YEAR", conflicts_with_all = ["id", "tag", "list", "pending", "withdraw", "policy"])]
    pub born: Option<u16>,
    /// Call sign of who asks.
    #[arg(long, value_name = "CALLSIGN")]
    pub by: Option<String>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct AskWhat {
    /// For the chart of the patient with this id.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// For the chart of the patient with this tag number.
    #[arg(long, value_name = "NUMBER")]
    pub tag: Option<String>,
    /// For the chart of the patient with this name, in Arabic or Latin letters.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// This site's asks and what came of them.
    #[arg(long)]
    pub list: bool,
    /// Asks of other sites that wait for an answer from here.
    #[arg(long)]
    pub pending: bool,
    /// Take an ask of this site back.
    #[arg(long, value_name = "ASK")]
    pub withdraw: Option<String>,
    /// When this site answers: after a person agrees (as it is at first), or at once if exactly one patient fits.
    #[arg(long, value_enum)]
    pub policy: Option<AskPolicy>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AskPolicy {
    AtOnce,
    AskAPerson,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Verdict {
    /// Grant the chart of this patient.
    #[arg(long, value_name = "PATIENT")]
    pub grant: Option<String>,
    /// Grant nothing.
    #[arg(long)]
    pub refuse: bool,
}

#[derive(Args)]
pub struct Keep {
    /// The data folder of a keeper, or a folder with one for each network.
    pub dir: PathBuf,
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8470")]
    pub listen: SocketAddr,
    /// Where members reach this keeper: `https://HOST:PORT`. Told to the members of each network and to nobody else.
    #[arg(long, value_name = "URL")]
    pub address: Vec<String>,
    /// Bytes of entries that each network's keeper may hold; kept until another is given. Without one, the disk.
    #[arg(long, value_name = "BYTES")]
    pub quota: Option<u64>,
    /// Another address of the site that let this keeper in: `https://HOST:PORT`, or `FOLDER=https://HOST:PORT` if there are
    /// several networks.
    #[arg(long, value_name = "URL")]
    pub peer: Vec<String>,
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

/// How strict the FHIR interface is.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Validation {
    /// It is saved, and nothing is said.
    Off,
    /// It is saved as it came, and what is wrong is said to whoever asks.
    Warn,
    /// It is refused.
    Reject,
}

impl From<Validation> for sanad_web::api::Validation {
    fn from(validation: Validation) -> Self {
        match validation {
            Validation::Off => Self::Off,
            Validation::Warn => Self::Warn,
            Validation::Reject => Self::Reject,
        }
    }
}
