//! Taking apart what arrives: single resources, Bundles of every type, NDJSON.
//!
//! Promises:
//! - A resource keeps the exact bytes it came with. In a Bundle, only the strings of references to other entries
//!   change, because the entries get ids of their own.
//! - The same input gives the same ids, so importing twice adds nothing.
//! - Two people never land on one id because two documents both call somebody `Patient/1`: an id that is only unique
//!   at its sender is replaced by one derived from all that tells the senders' documents apart.
//! - The Bundle itself is kept whole as well, always: signatures, search scores and order are lost in the parts.
//! - One bad entry stops nothing: it is a [`Problem`], and the rest is taken apart.

mod ids;
mod ndjson;
mod people;
mod references;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use ids::of_single as key_of_single;
pub use ndjson::{Line, split_ndjson};

use crate::compartment::{paths, patients_of_key, read_for_patients};
use crate::json::{self, Node, SyntaxError, SyntaxKind};
use crate::key::{ResourceKey, is_resource_type};
use ids::Scope;
use references::References;

/// The largest file that is read as one JSON text: it is held in memory whole. More belongs into NDJSON.
pub const FILE_BYTES_MAX: usize = 256 << 20;

/// The `Bundle.identifier.system` of our own exports. Ids in such a Bundle are ours already and stay.
pub const EXPORT_SYSTEM: &str = "urn:sanad:export";

/// One resource to be saved, or one to be deleted. No Debug of its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Under which name.
    pub key: ResourceKey,
    /// The bytes; empty for a delete.
    pub raw: Vec<u8>,
    /// Whether the input asks for it to be deleted.
    pub delete: bool,
}

/// What one input holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// The resources, in the order they are to be saved in (a history comes newest first and is turned round).
    pub resources: Vec<Incoming>,
    /// The Bundle they came in, whole. It belongs into the same chart as its resources: see [`Unpacked::patients`].
    pub original: Option<Incoming>,
    /// What could not be taken over.
    pub problems: Vec<Problem>,
}

/// Something in an input that could not be taken over. Carries no content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Which entry of the Bundle, from 0.
    pub entry: usize,
    /// Why.
    pub reason: ProblemReason,
}

/// Why part of an input could not be taken over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ProblemReason {
    /// The entry is not an object, or has neither a resource nor a request nor a response.
    #[error("the entry holds nothing")]
    Empty,
    /// The entry's resource is not of an R4 resource type.
    #[error("not a resource of FHIR R4")]
    NotAResource,
    /// Two entries have one id and say different things, or the same twice. The second is kept under an id of its own,
    /// or left out.
    #[error("an entry of this id came before")]
    SameIdTwice,
    /// A Patient of this id is held already and is plainly another person. This one is kept under an id of its own.
    #[error("another person has this id already")]
    AnotherPerson,
    /// What is held under this id is about somebody else. This one is kept under an id of its own.
    #[error("a record of another person has this id already")]
    AnotherPersonsRecord,
    /// A request that cannot be carried out from a file (PATCH, conditional update or delete).
    #[error("a request that only a server can carry out")]
    Request,
    /// `request.ifNoneExist`: the resource is taken over, the condition was not checked.
    #[error("a conditional create: the condition was not checked")]
    IfNoneExist,
    /// A reference by search (`Patient?identifier=…`). Kept as it is.
    #[error("a conditional reference at {path} was kept as it is")]
    ConditionalReference {
        /// Where, in element names.
        path: String,
    },
    /// A reference to something that is not in the input.
    #[error("the reference at {path} leads to nothing in this input")]
    UnresolvedReference {
        /// Where, in element names.
        path: String,
    },
}

/// Why an input could not be read at all, and where. Carries no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Not JSON, or torn.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// JSON, but no resource of FHIR R4. `offset`, `line` and `column` are those of the object.
    #[error("not a resource of FHIR R4 at byte {offset} (line {line}, column {column})")]
    NotAResource {
        /// Bytes before the place.
        offset: usize,
        /// Line of the place, from 1.
        line: usize,
        /// Column of the place in bytes, from 1.
        column: usize,
    },
    /// Larger than [`FILE_BYTES_MAX`].
    #[error("larger than {FILE_BYTES_MAX} bytes; large sets belong into NDJSON")]
    TooLarge,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.delete { "delete" } else { "put" };
        write!(f, "Incoming({what} {}, {} bytes)", self.key.resource_type, self.raw.len())
    }
}

impl Unpacked {
    /// The patients all of this is about, each once, those of the first resources first. The original Bundle is about
    /// the same: it is to be sealed under their chart keys, though its own elements name no patient.
    pub fn patients(&self) -> Vec<String> {
        let mut ids = Vec::new();
        let mut seen = BTreeSet::new();
        for incoming in self.resources.iter().filter(|incoming| !incoming.delete) {
            for id in patients_named(&incoming.key, &incoming.raw) {
                if seen.insert(id.clone()) {
                    ids.push(id);
                }
            }
        }
        ids
    }
}

/// Reads one JSON text: a resource as it is, a Bundle also taken apart.
///
/// `name_for_ids` says whose ids these are, for Bundles that do not say it themselves (a server's base URL); empty if
/// nobody knows. It decides ids only where an entry has no globally unique name of its own.
///
/// # Errors
/// [`ImportError`] if it is not JSON or not a resource; then nothing of it was taken over.
pub fn unpack(raw: &[u8], name_for_ids: &str) -> Result<Unpacked, ImportError> {
    unpack_beside(raw, name_for_ids, &|_| None)
}

/// As [`unpack`], beside what is held already: `held` gives the bytes of a resource, if there is one.
///
/// Documents made from a template share ids, so an importer should use this. Where the id of an entry comes from the
/// sender (and is no `PUT` to an id of ours), two cases give it an id of its own, and the references with it:
/// - a Patient that is plainly somebody else than the one held (not a word of the name, no identifier and no date of
///   birth in common);
/// - anything else that is about other patients than what is held under its id.
///
/// A single resource keeps its id, whoever it is about.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_beside(
    raw: &[u8],
    name_for_ids: &str,
    held: &dyn Fn(&ResourceKey) -> Option<Vec<u8>>,
) -> Result<Unpacked, ImportError> {
    if raw.len() > FILE_BYTES_MAX {
        return Err(ImportError::TooLarge);
    }
    let node = json::parse_object(raw)?;
    let resource_type = node.get_str("resourceType").filter(|name| is_resource_type(name)).ok_or_else(|| {
        let SyntaxError { offset, line, column, .. } = SyntaxError::at(raw, node.start, SyntaxKind::NotAnObject);
        ImportError::NotAResource { offset, line, column }
    })?;
    if resource_type == "Bundle" {
        return Ok(take_apart(&node, name_for_ids, held));
    }
    let incoming = Incoming { key: ids::of_single(&resource_type, &node), raw: node.text.into(), delete: false };
    Ok(Unpacked { resources: vec![incoming], ..Unpacked::default() })
}

/// What a Bundle's type means for taking it apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// Made by us: all ids and references are ours.
    Own,
    /// Requests to a server: what is relative means the server that receives it, that is us.
    Requests,
    /// Made elsewhere: what is relative means the sender.
    Foreign,
}

struct Entry<'n, 'a> {
    index: usize,
    full_url: Option<Cow<'a, str>>,
    resource_type: Cow<'a, str>,
    resource: &'n Node<'a>,
    key: ResourceKey,
    /// The key is one of ours that the input names on purpose.
    on_purpose: bool,
}

fn take_apart(bundle: &Node<'_>, name_for_ids: &str, held: &dyn Fn(&ResourceKey) -> Option<Vec<u8>>) -> Unpacked {
    let bundle_type = bundle.get_str("type").unwrap_or_default();
    let nature = match &*bundle_type {
        _ if bundle.get("identifier").and_then(|id| id.get_str("system")).as_deref() == Some(EXPORT_SYSTEM) => {
            Nature::Own
        }
        "transaction" | "batch" => Nature::Requests,
        _ => Nature::Foreign,
    };
    let scope = Scope::of(bundle, name_for_ids);
    let original = Incoming { key: ids::of_bundle(bundle), raw: bundle.text.into(), delete: false };
    let mut problems = Vec::new();
    let mut deletes = Vec::new();
    let mut entries: Vec<Entry<'_, '_>> = Vec::new();
    for (index, entry) in bundle.get("entry").map_or(&[][..], Node::items).iter().enumerate() {
        match read_entry(index, entry, nature, &scope) {
            Ok(Read::Resource(mut entry, mut problem)) => {
                if is_another_person(&entry, held) {
                    entry.key = scope.key_of_content(&entry.resource_type, entry.resource);
                    problem = Some(ProblemReason::AnotherPerson);
                }
                problems.extend(problem.map(|reason| Problem { entry: index, reason }));
                entries.push(entry);
            }
            Ok(Read::Delete(key)) => deletes.push((index, key)),
            Ok(Read::Nothing) => {}
            Err(reason) => problems.push(Problem { entry: index, reason }),
        }
    }
    if bundle_type != "history" {
        tell_apart(&mut entries, &scope, &mut problems);
    }
    tell_records_apart(&mut entries, nature, &scope, held, &mut problems);
    let references = References::new(&entries, nature, &scope);
    let mut resources: Vec<(usize, Incoming)> = entries
        .iter()
        .map(|entry| {
            let raw = references.rewrite(entry, &mut problems);
            (entry.index, Incoming { key: entry.key.clone(), raw, delete: false })
        })
        .collect();
    resources.extend(deletes.into_iter().map(|(index, key)| (index, Incoming { key, raw: Vec::new(), delete: true })));
    resources.sort_by_key(|(index, _)| *index);
    if bundle_type == "history" {
        resources.reverse();
    }
    problems.sort();
    let resources = resources.into_iter().map(|(_, incoming)| incoming).collect();
    Unpacked { resources, original: Some(original), problems }
}

enum Read<'n, 'a> {
    Resource(Entry<'n, 'a>, Option<ProblemReason>),
    Delete(ResourceKey),
    Nothing,
}

fn read_entry<'n, 'a>(
    index: usize,
    entry: &'n Node<'a>,
    nature: Nature,
    scope: &Scope,
) -> Result<Read<'n, 'a>, ProblemReason> {
    let request = entry.get("request");
    let method = request.and_then(|request| request.get_str("method")).unwrap_or_default();
    let target = request.and_then(|request| request.get_str("url")).unwrap_or_default();
    // "Patient/1", also with a leading slash or as an absolute URL of the receiving server.
    let target_key = ids::restful(&target).filter(|_| !target.contains('?'));
    match &*method {
        "DELETE" => return target_key.map(|(key, _)| Read::Delete(key)).ok_or(ProblemReason::Request),
        "PATCH" => return Err(ProblemReason::Request),
        "GET" | "HEAD" => return Ok(Read::Nothing),
        _ => {}
    }
    let Some(resource) = entry.get("resource") else {
        return if entry.get("response").is_some() { Ok(Read::Nothing) } else { Err(ProblemReason::Empty) };
    };
    let resource_type = resource.get_str("resourceType").filter(|name| is_resource_type(name));
    let resource_type = resource_type.ok_or(ProblemReason::NotAResource)?;
    let full_url = entry.get_str("fullUrl");
    let put = (method == "PUT").then_some(target_key).flatten().map(|(key, _)| key);
    let put = put.filter(|key| key.resource_type == *resource_type && nature != Nature::Foreign);
    let on_purpose = put.is_some() || nature == Nature::Own;
    let problem = match () {
        () if method == "PUT" && target.contains('?') => Some(ProblemReason::Request),
        () if request.is_some_and(|request| request.get("ifNoneExist").is_some()) => Some(ProblemReason::IfNoneExist),
        () => None,
    };
    let key = put.unwrap_or_else(|| scope.key_of(&resource_type, full_url.as_deref(), resource, nature == Nature::Own));
    Ok(Read::Resource(Entry { index, full_url, resource_type, resource, key, on_purpose }, problem))
}

fn is_another_person(entry: &Entry<'_, '_>, held: &dyn Fn(&ResourceKey) -> Option<Vec<u8>>) -> bool {
    let comparable = entry.resource_type == "Patient" && !entry.on_purpose;
    let held = if comparable { held(&entry.key) } else { None };
    let held = held.as_deref().and_then(|raw| json::parse_object(raw).ok());
    held.is_some_and(|held| !people::may_be_one_person(&held, entry.resource))
}

/// Gives records whose id is that of another person's record ids of their own. Whom they are about shows only once their
/// references are resolved, which is done again afterwards, since a new id changes what others refer to.
fn tell_records_apart(
    entries: &mut [Entry<'_, '_>],
    nature: Nature,
    scope: &Scope,
    held: &dyn Fn(&ResourceKey) -> Option<Vec<u8>>,
    problems: &mut Vec<Problem>,
) {
    let references = References::new(entries, nature, scope);
    let is_anothers = |entry: &Entry<'_, '_>| {
        let may_name_somebody = entry.resource_type != "Patient" && !paths(&entry.resource_type).is_empty();
        if entry.on_purpose || !may_name_somebody {
            return false;
        }
        let Some(held) = held(&entry.key) else { return false };
        let theirs = patients_named(&entry.key, &held);
        let raw = references.rewrite(entry, &mut Vec::new());
        let ours = patients_named(&entry.key, &raw);
        !ours.is_empty() && !theirs.is_empty() && !ours.iter().any(|patient| theirs.contains(patient))
    };
    let found: Vec<_> = entries.iter().map(is_anothers).collect();
    for (entry, _) in entries.iter_mut().zip(found).filter(|(_, found)| *found) {
        entry.key = scope.key_of_content(&entry.resource_type, entry.resource);
        problems.push(Problem { entry: entry.index, reason: ProblemReason::AnotherPersonsRecord });
    }
}

/// The patients that a resource names; none if it cannot be read.
fn patients_named(key: &ResourceKey, raw: &[u8]) -> Vec<String> {
    read_for_patients(key, raw).map_or_else(Vec::new, |resource| patients_of_key(key, &resource))
}

/// Gives entries that came out with one id ids of their own; drops a repetition.
fn tell_apart(entries: &mut Vec<Entry<'_, '_>>, scope: &Scope, problems: &mut Vec<Problem>) {
    let mut first = BTreeMap::<ResourceKey, &Node<'_>>::new();
    entries.retain_mut(|entry| {
        if let Some(before) = first.get(&entry.key) {
            problems.push(Problem { entry: entry.index, reason: ProblemReason::SameIdTwice });
            if before.same(entry.resource) {
                return false;
            }
            entry.key = scope.key_of_content(&entry.resource_type, entry.resource);
            // Its old name means the first of the two.
            entry.full_url = None;
        }
        first.insert(entry.key.clone(), entry.resource);
        true
    });
}

#[cfg(test)]
mod tests;
