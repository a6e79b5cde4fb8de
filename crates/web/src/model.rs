//! What the pages show, as plain data: the border between the screens and the site that fills them.
//!
//! Nothing here is formatted and nothing is in a language; resources are the bytes as they are kept.

use sanad_record::key::ResourceKey;
use sanad_record::merge::ConflictKind;
use sanad_record::version::VersionId;

/// How many rows a page of a list has.
pub const PAGE_ROWS: u64 = 25;
/// How many of each type a chart shows at first.
pub const GROUP_ROWS: u64 = 8;

/// What the header of every screen shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gauges {
    /// The call sign of this site.
    pub call_sign: String,
    /// Records that would be lost if this site were destroyed now: exact or over-stated, never under-stated.
    pub only_here_records: u64,
    /// Records that other sites have not confirmed as the network's policy wants; holds those that are only here.
    pub not_yet_safe_records: u64,
    /// Charts that could be read on this device now.
    pub readable_charts: u64,
    /// Resources with values waiting for a clinician's choice.
    pub conflicts: u64,
}

/// The first page.
#[derive(Clone, Debug)]
pub struct Overview {
    /// All records this site holds; of those that are sealed here, one for each entry.
    pub records: u64,
    /// Of these, the ones that are sealed here.
    pub sealed: u64,
    /// The sites of the network, this one first.
    pub sites: Vec<SiteRow>,
    /// The last attempts to talk to another site, newest first.
    pub syncs: Vec<SyncRow>,
    /// What was kept aside.
    pub aside: Aside,
    /// What is only here and not yet safe in each lane, most urgent first; lanes that hold no records left out.
    pub lanes: Vec<LaneRow>,
    /// When a record is safe.
    pub policy: Policy,
}

/// One lane of what is not elsewhere as it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneRow {
    /// Which.
    pub lane: Lane,
    /// Records that are only here.
    pub only_here: u64,
    /// Records that are not yet safe.
    pub not_yet_safe: u64,
}

/// What travels together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Triage, allergies, transfers, alarms.
    Urgent,
    /// The clinical record.
    Clinical,
    /// Attachments, reports, whole documents.
    Bulk,
}

/// When a record is safe in this network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How many other sites must have confirmed it.
    pub copies: u64,
    /// Whether one of them must be a haven.
    pub outside: bool,
    /// Whether the network has sites enough for that.
    pub can_be_met: bool,
}

/// What a site is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SiteKind {
    /// A facility inside the siege.
    Enclave,
    /// A facility outside it, which may hold what the enclave must not keep.
    Haven,
    /// Holds and forwards what is sealed, and cannot read it.
    Keeper,
}

/// One site of the network, as this one knows it.
#[derive(Clone, Debug)]
pub struct SiteRow {
    /// Its call sign.
    pub call_sign: String,
    /// What it is for.
    pub kind: SiteKind,
    /// Whether it is this site.
    pub this: bool,
    /// How far its newest signed receipt reaches. `None`: no receipt ever came.
    pub confirmed: Option<Confirmed>,
    /// When this site last exchanged anything with it directly.
    pub heard_ms: Option<u64>,
    /// Calls and sessions that failed since then.
    pub failing: Option<Failing>,
    /// Where it can be reached, as far as known.
    pub addresses: Vec<String>,
}

/// No answer, since when and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failing {
    /// When the first failure was.
    pub since_ms: u64,
    /// The name of the reason of the last one, one of [`sanad_node::talk::WHYS`].
    pub why: String,
}

/// What a receipt confirms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Confirmed {
    /// When the receipt came here, by this site's clock.
    pub at_ms: u64,
    /// Records of ours that it durably holds.
    pub held: u64,
    /// Records of ours that it does not hold yet.
    pub behind: u64,
}

/// One attempt to talk to another site.
#[derive(Clone, Debug)]
pub struct SyncRow {
    /// The other site.
    pub call_sign: String,
    /// When it ended.
    pub at_ms: u64,
    /// How it went.
    pub outcome: SyncOutcome,
}

/// How an attempt went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyncOutcome {
    /// Both sides finished.
    Done {
        /// Records received.
        received: u64,
        /// Records sent.
        sent: u64,
    },
    /// The link broke on the way; what had arrived stays.
    Broken {
        /// Records received.
        received: u64,
        /// Records sent.
        sent: u64,
    },
    /// One side refused the other: not of this network, not the site it should be, or not let in.
    Refused,
    /// The disk here did not take what arrived.
    DiskFull,
}

/// What was kept aside: nothing of it stops anything else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aside {
    /// Entries that failed a check and were not taken in.
    pub refused: u64,
    /// Places at which one device wrote two different entries.
    pub forks: u64,
    /// Entries whose author is not known to belong to the network.
    pub strangers: u64,
    /// Entries that opened and then could not be read as a save, and those of a later format.
    pub unreadable: u64,
    /// Records that were shown here before their entries were damaged, kept as they were shown.
    pub damaged: u64,
    /// Entries that were here, cannot be read from the disk any more, and have not come back yet.
    pub lost: u64,
}

/// Everything that is kept aside, and the devices that went back in time.
#[derive(Clone, Debug)]
pub struct Quarantine {
    /// A page of it, newest first.
    pub pieces: Listing<Piece>,
    /// Pieces that had to give way to newer ones of the same source.
    pub dropped: u64,
    /// Devices that went back in time.
    pub forks: Vec<ForkRow>,
}

/// Something that is kept aside.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its number.
    pub n: u64,
    /// The name of the reason.
    pub reason: String,
    /// Call sign of the site that is said to have written it; nothing if its device is not known.
    pub site: Option<String>,
    /// The first digits of that device.
    pub device: String,
    /// The name of the lane it claims.
    pub lane: String,
    /// The place it claims.
    pub seq: u64,
    /// When it came, if that is known.
    pub came_ms: Option<u64>,
    /// How it came: `session`, `carrier` or `here`.
    pub how: String,
    /// From whom.
    pub from: Option<String>,
    /// When its content was taken in.
    pub adopted_ms: Option<u64>,
}

/// A device that wrote two things in one place.
#[derive(Clone, Debug)]
pub struct ForkRow {
    /// Call sign of its site, if it is known.
    pub site: Option<String>,
    /// The first digits of the device.
    pub device: String,
    /// The name of the lane.
    pub lane: String,
    /// The first place at which it says two things.
    pub seq: u64,
    /// When that was found.
    pub found_ms: Option<u64>,
    /// Who found it.
    pub found_by: Option<String>,
    /// Whether the site goes on with another device.
    pub replaced: bool,
    /// In whose logs entries of the branch that lost its places stand, and how many.
    pub carried_by: Vec<(String, u64)>,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// The rows of this page.
    pub rows: Vec<T>,
    /// The number of this page, from 1.
    pub page: u64,
    /// Whether rows follow after this page.
    pub more: bool,
    /// All rows of the list, where counting them costs nothing.
    pub total: Option<u64>,
}

/// One patient in a list.
#[derive(Clone, Debug)]
pub struct PatientRow {
    /// The id of the Patient resource. A patient who was merged into another is shown under that one's id.
    pub id: String,
    /// The Patient resource; empty if it is not here.
    pub raw: Vec<u8>,
    /// Resources of this patient with values waiting for a choice.
    pub conflicts: u64,
}

/// One patient's chart.
#[derive(Clone, Debug)]
pub struct PatientPage {
    /// The id of the Patient resource. A patient who was merged into another is shown under that one's id.
    pub id: String,
    /// The Patient resource; empty if it is not here.
    pub raw: Vec<u8>,
    /// The ids of records that were merged into this one.
    pub merged_from: Vec<String>,
    /// Records of this patient that exist only here.
    pub only_here: u64,
    /// Records of this patient that are not yet safe.
    pub not_yet_safe: u64,
    /// The same by lane; lanes that hold none left out.
    pub lanes: Vec<LaneRow>,
    /// Where this record is at other sites, and why it is not.
    pub places: Vec<PlaceRow>,
    /// The call signs of the sites that can read this chart.
    pub readable_at: Vec<String>,
    /// Resources with values waiting for a choice.
    pub conflicts: u64,
    /// To whom the chart was opened, newest first.
    pub grants: Vec<GrantRow>,
    /// The resources, by type.
    pub groups: Vec<Group>,
}

/// A chart at another site.
#[derive(Clone, Debug)]
pub struct PlaceRow {
    /// Its call sign.
    pub call_sign: String,
    /// What it is for.
    pub kind: SiteKind,
    /// How many entries of the chart it has confirmed, of how many.
    pub confirmed: u64,
    /// All entries of the chart that are held here.
    pub all: u64,
    /// When its newest receipt came here; `None` if none ever came.
    pub receipt_ms: Option<u64>,
    /// The site that brought that receipt, if it was another.
    pub told_by: Option<String>,
    /// When a session with it last finished; `None` if never.
    pub talked_ms: Option<u64>,
    /// Calls and sessions that failed since then.
    pub failing: Option<Failing>,
    /// What has left for it with a carrier and is not confirmed: when, and how many entries.
    pub under_way: Vec<(u64, u64)>,
    /// Whether it can open the chart.
    pub reads: Reads,
}

/// What a site may do with a chart that it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reads {
    /// Open it.
    Readable,
    /// Open a part of it.
    Partly,
    /// Hold it.
    Sealed,
}

/// A chart that was opened to another site.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// The site that may read it since.
    pub to: String,
    /// The site that granted it.
    pub from: String,
    /// Call sign of who agreed. `None`: the site's policy did.
    pub by: Option<String>,
    /// When, as a FHIR instant by the granting site's clock.
    pub recorded: String,
}

/// Asking for charts, and answering.
#[derive(Clone, Debug, Default)]
pub struct Asks {
    /// Asks of other sites that wait for a person here.
    pub pending: Vec<PendingAsk>,
    /// This site's asks.
    pub own: Vec<OwnAsk>,
    /// Whether this site answers at once where nobody has to choose.
    pub at_once: bool,
}

/// An ask that waits for a person here.
#[derive(Clone, Debug)]
pub struct PendingAsk {
    /// Its id.
    pub id: String,
    /// The site that asks.
    pub site: String,
    /// Call sign of who asked there.
    pub by: Option<String>,
    /// When, by that site's clock.
    pub at_ms: u64,
    /// What it asks for: an id, a tag number, or name keys and a year.
    pub whom: Vec<String>,
    /// Who it may be: the patient's id, the Patient resource, and whether every part fits.
    pub candidates: Vec<(String, Vec<u8>, bool)>,
}

/// An ask of this site.
#[derive(Clone, Debug)]
pub struct OwnAsk {
    /// What it asks for.
    pub whom: Vec<String>,
    /// When, by this site's clock.
    pub at_ms: u64,
    /// Whether it was taken back.
    pub withdrawn: bool,
    /// The answers that have come.
    pub answers: Vec<Answer>,
}

/// An answer to an ask.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The site that gave it.
    pub site: String,
    /// How many charts it granted. `None`: it refused.
    pub charts: Option<u64>,
    /// The patients whose charts can be read here by now: id and Patient resource.
    pub patients: Vec<(String, Vec<u8>)>,
}

/// The resources of one type in a chart.
#[derive(Clone, Debug)]
pub struct Group {
    /// The type.
    pub resource_type: String,
    /// How many there are.
    pub total: u64,
    /// The newest of them, newest first.
    pub newest: Vec<ResourceRow>,
}

/// One resource in a list.
#[derive(Clone, Debug)]
pub struct ResourceRow {
    /// Which.
    pub key: ResourceKey,
    /// Its current bytes.
    pub raw: Vec<u8>,
    /// Whether values of it wait for a choice.
    pub conflict: bool,
}

/// One resource, with where it came from.
#[derive(Clone, Debug)]
pub struct ResourcePage {
    /// Which.
    pub key: ResourceKey,
    /// The patients it is about.
    pub about: Vec<String>,
    /// Its current bytes: the only head as it was written, or the merge of several. `None` once it is deleted.
    pub raw: Option<Vec<u8>>,
    /// Its versions, every one before the ones it grew from, newest first.
    pub versions: Vec<VersionRow>,
    /// The values that do not merge by themselves.
    pub conflicts: Vec<Conflict>,
}

/// One version of a resource.
#[derive(Clone, Debug)]
pub struct VersionRow {
    /// Its name.
    pub id: VersionId,
    /// The versions it grew from.
    pub parents: Vec<VersionId>,
    /// Whether nothing grew from it yet.
    pub head: bool,
    /// Whether it deletes the resource.
    pub deletes: bool,
    /// Who saved it, by call sign. `None` if the save does not say.
    pub author: Option<String>,
    /// The site it was saved at.
    pub site: String,
    /// When, by that site's clock.
    pub at_ms: u64,
}

/// One place in a resource at which two or more values stand.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// Where, as element names: `Observation.value`.
    pub path: String,
    /// Why.
    pub kind: ConflictKind,
    /// The values, in the same order at every site.
    pub sides: Vec<Side>,
}

/// One of the values.
#[derive(Clone, Debug)]
pub struct Side {
    /// The JSON text of the value. `None`: this side has removed it.
    pub value: Option<String>,
    /// The version that says so.
    pub version: VersionId,
    /// Who saved it, by call sign. `None` if the save does not say.
    pub author: Option<String>,
    /// The site it was saved at.
    pub site: String,
    /// When, by that site's clock.
    pub at_ms: u64,
}

/// One resource in the list of conflicts.
#[derive(Clone, Debug)]
pub struct ConflictRow {
    /// Which.
    pub key: ResourceKey,
    /// Its current bytes.
    pub raw: Vec<u8>,
    /// What does not merge.
    pub conflicts: Vec<Conflict>,
}

/// One version, with its bytes.
#[derive(Clone, Debug)]
pub struct VersionPage {
    /// Of which resource.
    pub key: ResourceKey,
    /// The version.
    pub version: VersionRow,
    /// Its bytes as they were written. `None` if it deletes.
    pub raw: Option<Vec<u8>>,
}
