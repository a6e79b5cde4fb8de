//! References between the parts of a Bundle, rewritten to the ids the parts are kept under.
//!
//! Follows "Resolving references in Bundles" of R4 (bundle.html#references), and is more forgiving where real
//! documents are: a relative reference is also looked up by type and id alone.

use std::collections::BTreeMap;

use super::ids::{Scope, is_unique, key_of_url, restful};
use super::{Entry, Nature, Problem, ProblemReason};
use crate::json::{Edits, Kind, Node, quote};
use crate::key::ResourceKey;

pub(super) struct References<'e> {
    nature: Nature,
    scope: &'e Scope,
    by_url: BTreeMap<String, ResourceKey>,
    /// By the `Type/id` a resource says itself; `None` where several say the same.
    by_id: BTreeMap<String, Option<ResourceKey>>,
}

enum Found {
    /// The reference stays as it is.
    Kept,
    /// It means this resource.
    Meant(ResourceKey),
    /// It means this resource, which is not in the Bundle.
    Absent(ResourceKey),
    Conditional,
    Unresolved,
}

impl<'e> References<'e> {
    pub(super) fn new(entries: &[Entry<'_, '_>], nature: Nature, scope: &'e Scope) -> References<'e> {
        let mut by_url = BTreeMap::new();
        let mut by_id = BTreeMap::new();
        for entry in entries {
            if let Some(url) = &entry.full_url {
                by_url.entry(url.to_string()).or_insert_with(|| entry.key.clone());
            }
            if let Some(id) = entry.resource.get_str("id") {
                by_id
                    .entry(format!("{}/{id}", entry.resource_type))
                    .and_modify(|known: &mut Option<ResourceKey>| {
                        *known = known.take().filter(|known| *known == entry.key)
                    })
                    .or_insert_with(|| Some(entry.key.clone()));
            }
        }
        References { nature, scope, by_url, by_id }
    }

    /// The entry's bytes with its references rewritten; every other byte is as it came.
    pub(super) fn rewrite(&self, entry: &Entry<'_, '_>, problems: &mut Vec<Problem>) -> Vec<u8> {
        let mut edits = Edits::default();
        // A Bundle within a Bundle is a document of its own: its references are about its own entries.
        if self.nature != Nature::Own && entry.resource_type != "Bundle" {
            self.visit(entry.resource, &entry.resource_type, entry, &mut edits, problems);
        }
        edits.apply(entry.resource.text.as_bytes())
    }

    fn visit(
        &self,
        node: &Node<'_>,
        path: &str,
        entry: &Entry<'_, '_>,
        edits: &mut Edits,
        problems: &mut Vec<Problem>,
    ) {
        match &node.kind {
            Kind::Array(items) => items.iter().for_each(|item| self.visit(item, path, entry, edits, problems)),
            Kind::Object(members) => {
                for member in members {
                    let value = &member.value;
                    match (&*member.key, value.as_str()) {
                        ("reference", Some(reference)) => {
                            self.reference(value, &reference, path, entry, edits, problems)
                        }
                        // R4 (transactions): also elements of type uri, where they can mean nothing but an entry.
                        ("url", Some(url)) if url.starts_with("urn:") => {
                            if let Some(key) = self.by_url.get(&*url) {
                                replace(edits, value, entry, &key.to_string());
                            }
                        }
                        _ => self.visit(value, &format!("{path}.{}", member.key), entry, edits, problems),
                    }
                }
            }
            _ => {}
        }
    }

    fn reference(
        &self,
        value: &Node<'_>,
        reference: &str,
        path: &str,
        entry: &Entry<'_, '_>,
        edits: &mut Edits,
        problems: &mut Vec<Problem>,
    ) {
        let (target, fragment) = reference.find('#').map_or((reference, ""), |at| reference.split_at(at));
        let mut problem = |reason| problems.push(Problem { entry: entry.index, reason });
        let mut rewrite = |key: ResourceKey| {
            let rewritten = format!("{key}{fragment}");
            if rewritten != reference {
                replace(edits, value, entry, &rewritten);
            }
        };
        match self.find(target, entry) {
            Found::Kept => {}
            Found::Meant(key) => rewrite(key),
            Found::Absent(key) => {
                problem(ProblemReason::UnresolvedReference { path: path.to_owned() });
                rewrite(key);
            }
            Found::Conditional => problem(ProblemReason::ConditionalReference { path: path.to_owned() }),
            Found::Unresolved => problem(ProblemReason::UnresolvedReference { path: path.to_owned() }),
        }
    }

    fn find(&self, target: &str, entry: &Entry<'_, '_>) -> Found {
        let unversioned = target.split_once("/_history/").map_or(target, |(before, _)| before);
        if let Some(key) = self.by_url.get(unversioned) {
            return Found::Meant(key.clone());
        }
        // "#x" is inside the resource itself.
        if target.is_empty() {
            return Found::Kept;
        }
        if target.contains('?') {
            return Found::Conditional;
        }
        if target.starts_with("urn:") {
            return Found::Unresolved;
        }
        let Some((key, base)) = restful(target) else { return Found::Kept };
        if !base.is_empty() {
            // Something at another server. Its key is the one it will have when it comes, whoever sends it, and never
            // the id it has there, which may be somebody else's here.
            let elsewhere = self.nature == Nature::Foreign && is_unique(unversioned);
            return if elsewhere { Found::Meant(key_of_url(&key.resource_type, unversioned)) } else { Found::Kept };
        }
        let url = entry.full_url.as_deref().and_then(restful).map(|(_, base)| format!("{base}{key}"));
        if let Some(known) = url.as_ref().and_then(|url| self.by_url.get(url)) {
            return Found::Meant(known.clone());
        }
        if let Some(Some(known)) = self.by_id.get(&key.to_string()) {
            return Found::Meant(known.clone());
        }
        match (self.nature, url) {
            // A request means the server that receives it.
            (Nature::Requests | Nature::Own, _) => Found::Kept,
            (Nature::Foreign, Some(url)) if is_unique(&url) => Found::Absent(key_of_url(&key.resource_type, &url)),
            (Nature::Foreign, _) => Found::Absent(self.scope.key_of_relative(&key.resource_type, &key.id)),
        }
    }
}

/// Replaces one string in the entry's own text.
fn replace(edits: &mut Edits, value: &Node<'_>, entry: &Entry<'_, '_>, with: &str) {
    let start = entry.resource.start;
    edits.replace(value.start - start..value.end() - start, quote(with));
}
