//! Two Patient resources are one person, or were taken for one and are not: merge and un-merge.
//!
//! Both are ordinary edits of the two Patient resources (`Patient.link` of R4: `replaced-by` on the one that is no
//! longer used, `replaces` on the one that is), so they replicate, conflict and are undone like every edit. Nothing
//! else is rewritten: the resources of the merged-away patient keep their subject, and [`survivors`] says in whose
//! chart they are shown. That is why an un-merge is complete, whatever was written in between.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::compartment::patient_id;
use crate::json::{Edits, Kind, Node, SyntaxError, parse_object};
use crate::key::is_legal_id;

/// Why two patients cannot be linked. Carries no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// One of them is not JSON.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// One of them is not a Patient resource.
    #[error("not a Patient resource")]
    NotAPatient,
    /// Both are the same patient.
    #[error("a patient cannot be linked to itself")]
    SamePatient,
    /// An id is not a legal FHIR id.
    #[error("not a legal FHIR id")]
    IllegalId,
    /// `Patient.link` is there and is not a list.
    #[error("Patient.link is not a list")]
    NotAList,
}

/// The resource of a patient who is merged into `into`: replaced by it and inactive. [`replaces`] belongs into the same
/// save.
///
/// A caller may rely on: every byte but the links and `active` is as it came; doing it twice is doing it once.
///
/// # Errors
/// [`LinkError`]; then nothing is to be saved.
pub fn replaced(raw: &[u8], id: &str, into: &str) -> Result<Vec<u8>, LinkError> {
    check_ids(id, into)?;
    let node = patient(raw)?;
    let mut edits = Edits::default();
    // R4: a patient that is replaced by another is not to be used for new entries.
    edits.set_member(raw, &node, "active", "false", &["identifier", "meta", "id", "resourceType"]);
    add_link(&mut edits, raw, &node, into, "replaced-by")?;
    Ok(edits.apply(raw))
}

/// The resource of a patient into whom `from` is merged.
///
/// A caller may rely on: every byte but the links is as it came; doing it twice is doing it once.
///
/// # Errors
/// [`LinkError`]; then nothing is to be saved.
pub fn replaces(raw: &[u8], id: &str, from: &str) -> Result<Vec<u8>, LinkError> {
    check_ids(id, from)?;
    let node = patient(raw)?;
    let mut edits = Edits::default();
    add_link(&mut edits, raw, &node, from, "replaces")?;
    Ok(edits.apply(raw))
}

/// The resource of a patient whose merge into `into` is taken back; [`replaces_no_more`] belongs into the same save.
///
/// `was_active` is what `Patient.active` said before the merge (`None`: nothing), which its earlier version tells. Every
/// byte but the links and `active` is as it came; doing it twice is doing it once.
///
/// # Errors
/// [`LinkError`]; then nothing is to be saved.
pub fn replaced_no_more(raw: &[u8], id: &str, into: &str, was_active: Option<bool>) -> Result<Vec<u8>, LinkError> {
    check_ids(id, into)?;
    let node = patient(raw)?;
    let mut edits = Edits::default();
    match was_active {
        Some(active) => edits.set_member(raw, &node, "active", &active.to_string(), &["id"]),
        None => edits.remove_members(&node, &["active"]),
    }
    let no_links_left = remove_link(&mut edits, &node, into, "replaced-by")?;
    if no_links_left && was_active.is_none() {
        // Both members go at once, for two neighbours would both claim the comma between them.
        edits = Edits::default();
        edits.remove_members(&node, &["active", "link"]);
    } else if no_links_left {
        edits.remove_members(&node, &["link"]);
    }
    Ok(edits.apply(raw))
}

/// The resource of a patient from whom the merge of `from` is taken back.
///
/// A caller may rely on: every byte but the links is as it came; doing it twice is doing it once.
///
/// # Errors
/// [`LinkError`]; then nothing is to be saved.
pub fn replaces_no_more(raw: &[u8], id: &str, from: &str) -> Result<Vec<u8>, LinkError> {
    check_ids(id, from)?;
    let node = patient(raw)?;
    let mut edits = Edits::default();
    if remove_link(&mut edits, &node, from, "replaces")? {
        edits.remove_members(&node, &["link"]);
    }
    Ok(edits.apply(raw))
}

/// The ids of the patients that replace this one.
pub fn replaced_by(patient: &Value) -> Vec<String> {
    let links = patient.get("link").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let replaced = links.iter().filter(|link| link.get("type").and_then(Value::as_str) == Some("replaced-by"));
    let ids: BTreeSet<_> =
        replaced.filter_map(|link| patient_id(link.get("other")?.get("reference")?.as_str()?)).collect();
    ids.into_iter().map(str::to_owned).collect()
}

/// For each patient the patient whose chart shows it, from what each says it is [replaced by](replaced_by).
///
/// Pure in the map, so the same at every site that holds the same Patients. Follows the links to their end. A circle
/// (A into B at one site, B into A at another) ends at its smallest id; a patient with several ends is shown in the
/// chart of the smallest, and the ends stay apart: that two sites took it for two different people does not make those
/// two one. Every id in the map, as key or as target, gets an answer; a caller that must not lose a chart from sight
/// leaves out links to patients it does not hold.
pub fn survivors(links: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, String> {
    let everyone: BTreeSet<&str> =
        links.iter().flat_map(|(from, into)| into.iter().map(String::as_str).chain([from.as_str()])).collect();
    let targets = |id: &str| links.get(id).map_or(&[][..], Vec::as_slice).iter().map(String::as_str);
    let reverse = everyone.iter().flat_map(|from| targets(from).map(move |into| (into, *from)));
    let mut sources = BTreeMap::<&str, Vec<&str>>::new();
    reverse.for_each(|(into, from)| sources.entry(into).or_default().push(from));

    // Kosaraju: circles come out in an order in which every link leads from an earlier circle to a later one.
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for &id in &everyone {
        visit(id, &mut seen, &|id| targets(id).collect(), &mut order);
    }
    let mut circles = Vec::new();
    let mut seen = BTreeSet::new();
    for &id in order.iter().rev() {
        let mut circle = Vec::new();
        visit(id, &mut seen, &|id| sources.get(id).cloned().unwrap_or_default(), &mut circle);
        circles.push(circle);
    }
    let mut shown = BTreeMap::<&str, &str>::new();
    for circle in circles.iter().rev().filter(|circle| !circle.is_empty()) {
        let beyond = circle.iter().flat_map(|id| targets(id)).filter(|into| !circle.contains(into));
        let end = beyond.filter_map(|into| shown.get(into).copied()).min().or(circle.iter().min().copied());
        shown.extend(circle.iter().filter_map(|id| Some((*id, end?))));
    }
    shown.into_iter().map(|(id, end)| (id.to_owned(), end.to_owned())).collect()
}

/// Depth first from `start` over what was not seen, each id after all it leads to. No recursion: a chain of links may
/// be as long as somebody makes it.
fn visit<'a>(
    start: &'a str,
    seen: &mut BTreeSet<&'a str>,
    next: &dyn Fn(&'a str) -> Vec<&'a str>,
    order: &mut Vec<&'a str>,
) {
    if !seen.insert(start) {
        return;
    }
    let mut path = vec![(start, next(start))];
    while let Some((id, rest)) = path.last_mut() {
        match rest.pop() {
            Some(other) if seen.insert(other) => path.push((other, next(other))),
            Some(_) => {}
            None => {
                order.push(id);
                path.pop();
            }
        }
    }
}

fn check_ids(from: &str, into: &str) -> Result<(), LinkError> {
    if !is_legal_id(from) || !is_legal_id(into) {
        return Err(LinkError::IllegalId);
    }
    if from == into { Err(LinkError::SamePatient) } else { Ok(()) }
}

fn patient(raw: &[u8]) -> Result<Node<'_>, LinkError> {
    let node = parse_object(raw)?;
    if node.get_str("resourceType").as_deref() == Some("Patient") { Ok(node) } else { Err(LinkError::NotAPatient) }
}

fn links<'n, 'a>(patient: &'n Node<'a>) -> Result<Option<&'n Node<'a>>, LinkError> {
    match patient.get("link") {
        Some(list) if !matches!(list.kind, Kind::Array(_)) => Err(LinkError::NotAList),
        list => Ok(list),
    }
}

fn is_link(link: &Node<'_>, other: &str, kind: &str) -> bool {
    let reference = link.get("other").and_then(|other| other.get_str("reference"));
    link.get_str("type").as_deref() == Some(kind) && reference.as_deref().and_then(patient_id) == Some(other)
}

fn add_link(edits: &mut Edits, raw: &[u8], patient: &Node<'_>, other: &str, kind: &str) -> Result<(), LinkError> {
    let link = format!(r#"{{"other":{{"reference":"Patient/{other}"}},"type":"{kind}"}}"#);
    match links(patient)? {
        Some(list) if list.items().iter().any(|link| is_link(link, other, kind)) => {}
        Some(list) => edits.push_item(raw, list, &link),
        None => edits.set_member(raw, patient, "link", &format!("[{link}]"), &[]),
    }
    Ok(())
}

/// Takes the links out; true, and nothing taken out yet, if none would be left: then the whole member has to go.
fn remove_link(edits: &mut Edits, patient: &Node<'_>, other: &str, kind: &str) -> Result<bool, LinkError> {
    let Some(list) = links(patient)? else { return Ok(false) };
    let goes: Vec<bool> = list.items().iter().map(|link| is_link(link, other, kind)).collect();
    if goes.contains(&true) && !goes.contains(&false) {
        return Ok(true);
    }
    edits.remove_items(list, &goes);
    Ok(false)
}

#[cfg(test)]
mod tests;
