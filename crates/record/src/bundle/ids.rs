//! Under which ids arriving resources are kept.

use crate::json::Node;
use crate::key::{ResourceKey, is_legal_id, is_resource_type};
use crate::op::{uuid_bytes, uuid_text};
use crate::version::VersionId;

/// What separates these hashes from every other use of BLAKE3 in the system.
const CONTEXT: &str = "sanad 2026 imported id v1";

/// Hosts that stand for "some server" in examples and test systems: URLs there name nothing uniquely.
const PLACEHOLDER_HOSTS: &[&str] = &["example", "invalid", "local", "localhost", "test", "127.0.0.1", "::1"];

/// The sender's id space, as far as a Bundle tells: what its relative ids are relative to.
pub(super) struct Scope([u8; 32]);

impl Scope {
    /// From the Bundle's identifier, else its id if that is unique (a UUID), else the name the caller has for the
    /// sender. Identifiers are copied with templates, so the Patients in the Bundle count as well, byte for byte;
    /// where there are none, the whole Bundle does. So whatever two documents call themselves, if their patients are
    /// not the same to the letter, their ids are not either.
    pub(super) fn of(bundle: &Node<'_>, name_for_ids: &str) -> Scope {
        let identifier = bundle
            .get("identifier")
            .and_then(|identifier| Some(format!("{}|{}", identifier.get_str("system")?, identifier.get_str("value")?)));
        let id = bundle.get_str("id").filter(|id| uuid_bytes(&id.to_ascii_lowercase()).is_some());
        let said = identifier.or(id.map(|id| id.into_owned())).unwrap_or_else(|| name_for_ids.to_owned());
        let entries = bundle.get("entry").map_or(&[][..], Node::items);
        let patients = entries.iter().filter_map(|entry| entry.get("resource"));
        let patients: Vec<&str> = patients
            .filter(|resource| resource.get_str("resourceType").as_deref() == Some("Patient"))
            .map(|resource| resource.text)
            .collect();
        let told_apart_by = if patients.is_empty() { vec![bundle.text] } else { patients };
        let parts = std::iter::once(&*said).chain(told_apart_by);
        Scope(*hash("scope", parts).as_bytes())
    }

    /// The key of an entry's resource.
    pub(super) fn key_of(
        &self,
        resource_type: &str,
        full_url: Option<&str>,
        resource: &Node<'_>,
        own: bool,
    ) -> ResourceKey {
        let said = resource.get_str("id").filter(|id| is_legal_id(id));
        if let (true, Some(id)) = (own, &said) {
            return key(resource_type, id.to_string());
        }
        match (full_url, said) {
            (Some(url), _) if uuid_of(url).is_some() => key(resource_type, uuid_of(url).unwrap_or_default()),
            (Some(url), _) if is_unique(url) => key_of_url(resource_type, url),
            (_, Some(id)) => self.key_of_relative(resource_type, &id),
            (Some(url), None) => key(resource_type, hex(hash("relative", [&*self.text(), url]))),
            (None, None) => self.key_of_content(resource_type, resource),
        }
    }

    /// The key of `Type/id` in the sender's id space.
    pub(super) fn key_of_relative(&self, resource_type: &str, id: &str) -> ResourceKey {
        key(resource_type, hex(hash("relative", [&*self.text(), resource_type, id])))
    }

    /// The key of a resource that is only known by what it says.
    pub(super) fn key_of_content(&self, resource_type: &str, resource: &Node<'_>) -> ResourceKey {
        key(resource_type, hex(hash("content", [&*self.text(), resource.text])))
    }

    fn text(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// The key of what has a globally unique URL; the same from every document that names it.
pub(super) fn key_of_url(resource_type: &str, url: &str) -> ResourceKey {
    key(resource_type, hex(hash("url", [url])))
}

/// The key of a resource that came by itself: its own id, else one from its content.
pub fn of_single(resource_type: &str, resource: &Node<'_>) -> ResourceKey {
    match resource.get_str("id").filter(|id| is_legal_id(id)) {
        Some(id) => key(resource_type, id.into_owned()),
        None => key(resource_type, hex(hash("single", [resource.text]))),
    }
}

/// The key of a Bundle that is kept whole: its own id if that is unique, else one from its content.
pub(super) fn of_bundle(bundle: &Node<'_>) -> ResourceKey {
    let own = bundle.get_str("id").and_then(|id| uuid_bytes(&id.to_ascii_lowercase()));
    key("Bundle", own.map_or_else(|| hex(hash("single", [bundle.text])), |uuid| uuid_text(&uuid)))
}

/// `Type/id` at the end of a reference or URL, without a version, and what stands before it (empty or ending in `/`).
pub(super) fn restful(url: &str) -> Option<(ResourceKey, &str)> {
    let unversioned = url.split_once("/_history/").map_or(url, |(before, _)| before);
    let (before, id) = unversioned.rsplit_once('/')?;
    let start = before.rfind('/').map_or(0, |slash| slash + 1);
    let key = ResourceKey::new(&before[start..], id).ok()?;
    Some((key, &before[..start]))
}

/// The UUID of `urn:uuid:…`, in canonical form.
fn uuid_of(url: &str) -> Option<String> {
    let uuid = url.strip_prefix("urn:uuid:")?.to_ascii_lowercase();
    uuid_bytes(&uuid).map(|bytes| uuid_text(&bytes))
}

/// Whether a URL names one thing for everybody.
pub(super) fn is_unique(url: &str) -> bool {
    if url.starts_with("urn:oid:") {
        return true;
    }
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split_once("]").map_or_else(|| host.split(':').next().unwrap_or_default(), |(ip, _)| &ip[1..]);
    let last = host.rsplit('.').next().unwrap_or_default();
    let example = host.split('.').rev().nth(1).is_some_and(|label| label == "example");
    !host.is_empty() && !example && !PLACEHOLDER_HOSTS.iter().any(|placeholder| [host, last].contains(placeholder))
}

/// Every type that comes here is checked, and every id is hexadecimal, a UUID or checked.
fn key(resource_type: &str, id: String) -> ResourceKey {
    debug_assert!(is_resource_type(resource_type) && is_legal_id(&id));
    ResourceKey { resource_type: resource_type.to_owned(), id }
}

/// A hash over parts of which none can run into the next.
fn hash<'a>(kind: &'a str, parts: impl IntoIterator<Item = &'a str>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for part in std::iter::once(kind).chain(parts) {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize()
}

/// Sixteen bytes are enough not to collide, and half as long in every reference.
fn hex(hash: blake3::Hash) -> String {
    let (id, _) = hash.as_bytes().split_at(16);
    VersionId::from_bytes(id.try_into().unwrap_or_default()).to_string()
}
