//! The names of a Patient, in the parts of a form.

use serde_json::{Value, json};

use super::super::shape::{extension_text, list, set, set_extension, set_list, str_of, text_of};
use super::PersonParts;

/// Where a father's name stands if the own name is not known, and a grandfather's if the father's is not.
const FATHER: &str = "urn:sanad:father";
const GRANDFATHER: &str = "urn:sanad:grandfather";

/// The parts of the name that says who somebody is.
#[derive(Default)]
pub(super) struct Name {
    pub(super) given: Option<String>,
    pub(super) father: Option<String>,
    pub(super) grandfather: Option<String>,
    pub(super) family: Option<String>,
}

/// The place of the name that is read: one in parts, the official one before others.
fn place(names: &[Value]) -> Option<usize> {
    let has_parts = |name: &&Value| {
        let use_ = str_of(name, "use");
        let is_own = !matches!(use_, Some("nickname" | "anonymous" | "old" | "temp"));
        let ours = [FATHER, GRANDFATHER].iter().any(|url| extension_text(name, url).is_some());
        is_own && (!list(name, "given").is_empty() || text_of(name, "family").is_some() || ours)
    };
    let official = |name: &Value| str_of(name, "use") == Some("official");
    let first = names.iter().position(|name| has_parts(&name) && official(name));
    first.or_else(|| names.iter().position(|name| has_parts(&name)))
}

pub(super) fn read(patient: &Value) -> Name {
    let names = list(patient, "name");
    let Some(name) = place(names).map(|at| &names[at]) else { return Name::default() };
    let mut given = list(name, "given").iter().filter_map(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let (own, father) = (given.next().map(str::to_owned), given.next().map(str::to_owned));
    // A fourth and fifth name are further fathers; as one text they stay what they are.
    let rest = given.collect::<Vec<_>>().join(" ");
    Name {
        given: own,
        father: father.or_else(|| extension_text(name, FATHER)),
        grandfather: Some(rest).filter(|rest| !rest.is_empty()).or_else(|| extension_text(name, GRANDFATHER)),
        family: text_of(name, "family"),
    }
}

pub(super) fn read_call_name(patient: &Value) -> Option<String> {
    let nicknames = list(patient, "name").iter().filter(|name| str_of(name, "use") == Some("nickname"));
    let text = |name: &Value| {
        let given = || list(name, "given").first()?.as_str().map(str::to_owned);
        text_of(name, "text").or_else(given)
    };
    nicknames.filter_map(text).next().or_else(|| patient_kunya(patient))
}

/// As others write it: an extension whose URL ends in `kunya`.
fn patient_kunya(patient: &Value) -> Option<String> {
    extension_text(patient, &kunya_url(patient)?)
}

fn kunya_url(patient: &Value) -> Option<String> {
    let urls = list(patient, "extension").iter().filter_map(|extension| str_of(extension, "url"));
    urls.filter(|url| url.to_ascii_lowercase().ends_with("kunya")).map(str::to_owned).next()
}

pub(super) fn edit(patient: &mut Value, before: &PersonParts, after: &PersonParts) {
    let parts =
        |parts: &PersonParts| [&parts.given, &parts.father, &parts.grandfather, &parts.family].map(|part| part.clone());
    let (old, new) = (parts(before), parts(after));
    if old != new {
        set_name(patient, &old, new);
    }
    if before.call_name != after.call_name {
        set_call_name(patient, after.call_name.as_deref());
    }
}

fn set_name(patient: &mut Value, old: &[Option<String>; 4], new: [Option<String>; 4]) {
    let mut names = list(patient, "name").to_vec();
    let is_known = new.iter().any(Option::is_some);
    let at = place(&names).unwrap_or_else(|| {
        // Before a name that is only a text: that one stays as it was recorded.
        names.insert(0, json!({ "use": "official" }));
        0
    });
    if is_known {
        let name = &mut names[at];
        if old[..3] != new[..3] {
            set_given(name, &new);
        }
        if old[3] != new[3] {
            set(name, "family", new[3].as_deref().map(Value::from));
            set(name, "_family", None);
        }
        // It would go on to say the old name.
        set(name, "text", None);
    } else {
        names.remove(at);
    }
    set_list(patient, "name", names);
}

fn set_given(name: &mut Value, [own, father, grandfather, _]: &[Option<String>; 4]) {
    let mut given: Vec<Value> = Vec::new();
    let mut beside = [None, None];
    given.extend(own.as_deref().map(Value::from));
    match (father, given.len()) {
        (Some(father), 1) => given.push(father.as_str().into()),
        (father, _) => beside[0] = father.as_deref(),
    }
    match (grandfather, given.len()) {
        (Some(grandfather), 2) => given.push(grandfather.as_str().into()),
        (grandfather, _) => beside[1] = grandfather.as_deref(),
    }
    set_list(name, "given", given);
    // What stood beside a name that is another now.
    set(name, "_given", None);
    for (url, part) in [FATHER, GRANDFATHER].into_iter().zip(beside) {
        set_extension(name, url, part.map(|part| ("valueString", part.into())));
    }
}

fn set_call_name(patient: &mut Value, call_name: Option<&str>) {
    let mut names = list(patient, "name").to_vec();
    let at = names.iter().position(|name| str_of(name, "use") == Some("nickname"));
    match (at, call_name) {
        (Some(at), Some(call_name)) => {
            set(&mut names[at], "text", Some(call_name.into()));
            ["given", "_given", "family"].iter().for_each(|member| set(&mut names[at], member, None));
        }
        (Some(_), None) => names.retain(|name| str_of(name, "use") != Some("nickname")),
        (None, call_name) => {
            if let Some(url) = kunya_url(patient) {
                set_extension(patient, &url, call_name.map(|call_name| ("valueString", call_name.into())));
                return;
            }
            names.extend(call_name.map(|call_name| json!({ "use": "nickname", "text": call_name })));
        }
    }
    set_list(patient, "name", names);
}
