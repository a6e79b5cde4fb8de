//! What every address takes: one table, and a guard that goes by it.
//!
//! An address without a row is answered as one that takes no such method: what nobody has thought about is closed. A test
//! reads every `.route(…)` of this crate and fails where a row is missing. What a role may do is
//! [`sanad_node::roles`]; here it is only said which page needs which of it.

use axum::http::Method;
use sanad_node::roles::{Capability, Role, allows};

/// What somebody has to be to see a page or send a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Nobody in particular: nothing of the record is there.
    Open,
    /// Anybody who is let in.
    LetIn,
    /// Somebody whose role has this.
    May(Capability),
}

use Need::{LetIn, May, Open};

const GET: Method = Method::GET;
const POST: Method = Method::POST;

/// Address, method, and what it takes.
pub(crate) const TABLE: &[(&str, Method, Need)] = &[
    ("/", GET, LetIn),
    ("/sites", GET, LetIn),
    ("/patients", GET, May(Capability::Patients)),
    ("/patients", POST, May(Capability::Patients)),
    ("/patients/{id}", GET, May(Capability::Charts)),
    ("/patients/{id}/{type}", GET, May(Capability::Charts)),
    ("/patients/{id}/{type}/{rid}", GET, May(Capability::Charts)),
    ("/resources/{type}/{rid}", GET, May(Capability::Charts)),
    ("/resources/{type}/{rid}/versions/{version}", GET, May(Capability::Charts)),
    // The board.
    ("/board", GET, May(Capability::Board)),
    ("/board/new", GET, May(Capability::Triage)),
    ("/board/new", POST, May(Capability::Triage)),
    ("/board/event", POST, May(Capability::Event)),
    ("/board/scan", GET, May(Capability::Triage)),
    ("/board/scan", POST, May(Capability::Triage)),
    ("/board/after", GET, May(Capability::Board)),
    ("/board/capacity", GET, May(Capability::Event)),
    ("/board/capacity", POST, May(Capability::Event)),
    ("/casualties/{id}", GET, May(Capability::Board)),
    ("/casualties/{id}", POST, May(Capability::Triage)),
    ("/casualties/{id}/triage", GET, May(Capability::Triage)),
    ("/casualties/{id}/triage", POST, May(Capability::Triage)),
    ("/asks", GET, May(Capability::Ask)),
    ("/asks", POST, May(Capability::Ask)),
    ("/asks/answer", POST, May(Capability::Grant)),
    ("/conflicts", GET, May(Capability::Settle)),
    ("/quarantine", GET, May(Capability::Quarantine)),
    ("/quarantine", POST, May(Capability::Quarantine)),
    // At the bedside.
    ("/patients/{id}/vitals", GET, May(Capability::Charts)),
    ("/patients/{id}/vitals", POST, May(Capability::Notes)),
    ("/patients/{id}/fluids", POST, May(Capability::Notes)),
    // What was sealed while the Wi-Fi was down. Who may save it is in its ticket; who may see it, in where it leads.
    ("/outbox", POST, Open),
    ("/outbox/kept", GET, LetIn),
    ("/outbox/kept", POST, LetIn),
    ("/patients/{id}/injuries", GET, May(Capability::Charts)),
    ("/patients/{id}/injuries", POST, May(Capability::Notes)),
    ("/patients/{id}/notes", GET, May(Capability::Charts)),
    ("/patients/{id}/notes", POST, May(Capability::Notes)),
    ("/patients/{id}/consult", GET, May(Capability::Consult)),
    ("/patients/{id}/consult", POST, May(Capability::Consult)),
    ("/patients/{id}/photos", GET, May(Capability::Charts)),
    ("/patients/{id}/photos", POST, May(Capability::Notes)),
    ("/patients/{id}/photos/{rid}", GET, May(Capability::Charts)),
    ("/patients/{id}/photos/{rid}/blur", GET, May(Capability::Notes)),
    ("/patients/{id}/photos/{rid}/blur", POST, May(Capability::Notes)),
    // Orders, and what is due of them.
    ("/patients/{id}/medicines", GET, May(Capability::Medicines)),
    ("/patients/{id}/allergies", POST, May(Capability::Notes)),
    ("/patients/{id}/allergies/withdraw", POST, May(Capability::Notes)),
    ("/patients/{id}/doses", POST, May(Capability::Administer)),
    ("/patients/{id}/orders", GET, May(Capability::Prescribe)),
    ("/patients/{id}/orders", POST, May(Capability::Prescribe)),
    ("/patients/{id}/orders/{rid}/stop", POST, May(Capability::Prescribe)),
    ("/patients/{id}/orders/{rid}/resume", POST, May(Capability::Prescribe)),
    ("/due", GET, May(Capability::Medicines)),
    // Transfers and evacuation.
    ("/patients/{id}/transfer", GET, May(Capability::Transfers)),
    ("/patients/{id}/transfer", POST, May(Capability::Transfers)),
    ("/transfers", GET, May(Capability::Transfers)),
    ("/transfers/{id}", POST, May(Capability::Transfers)),
    ("/evacuation", GET, May(Capability::Evacuation)),
    ("/evacuation/list", GET, May(Capability::Evacuation)),
    // People, the first run, and the lock.
    ("/start", GET, LetIn),
    ("/start", POST, LetIn),
    ("/start/people", GET, May(Capability::People)),
    ("/start/gauges", GET, LetIn),
    ("/people", GET, May(Capability::People)),
    ("/people", POST, May(Capability::People)),
    ("/people/change", POST, May(Capability::People)),
    ("/people/lock", POST, May(Capability::People)),
    ("/pin", GET, LetIn),
    ("/pin", POST, LetIn),
    ("/alive", GET, LetIn),
    ("/sign-in", GET, Open),
    ("/sign-in", POST, Open),
    ("/sign-out", POST, Open),
    ("/lock", GET, Open),
    ("/lock", POST, Open),
    ("/draft", GET, LetIn),
    ("/hide", POST, Open),
    ("/network", GET, Open),
    // Paper.
    ("/paper/tags", GET, May(Capability::Print)),
    // Registration, and who is who.
    ("/patients/new", GET, May(Capability::Register)),
    ("/patients/new", POST, May(Capability::Register)),
    ("/patients/{id}/identity", GET, May(Capability::Identity)),
    ("/patients/{id}/identity", POST, May(Capability::Register)),
    ("/patients/{id}/same", GET, May(Capability::Merge)),
    ("/patients/{id}/same", POST, May(Capability::Merge)),
    ("/patients/{id}/same/{other}", GET, May(Capability::Merge)),
    ("/patients/{id}/same/{other}", POST, May(Capability::Merge)),
    // The ward and the theatre.
    ("/ward", GET, May(Capability::Ward)),
    ("/ward", POST, May(Capability::Ward)),
    ("/ward/handover", GET, May(Capability::Ward)),
    ("/theatre", GET, May(Capability::Theatre)),
    ("/patients/{id}/operations", GET, May(Capability::Theatre)),
    ("/patients/{id}/operations", POST, May(Capability::Theatre)),
    // The chart.
    ("/patients/{id}/timeline", GET, May(Capability::Charts)),
    ("/resources/{type}/{rid}/settle", GET, May(Capability::Settle)),
    ("/resources/{type}/{rid}/settle", POST, May(Capability::Settle)),
    // Forms.
    ("/patients/{id}/forms", GET, May(Capability::Forms)),
    ("/patients/{id}/forms/{form}", GET, May(Capability::Forms)),
    ("/patients/{id}/forms/{form}", POST, May(Capability::Forms)),
    ("/patients/{id}/responses/{rid}", GET, May(Capability::Charts)),
    ("/patients/{id}/responses/{rid}/edit", GET, May(Capability::Forms)),
    ("/patients/{id}/responses/{rid}/edit", POST, May(Capability::Forms)),
    // Of every page.
    ("/language", POST, Open),
    ("/theme", POST, Open),
    ("/events", GET, LetIn),
    ("/assets/{name}", GET, Open),
];

/// What an address takes, by the pattern that matched it; `None` if it takes no such method.
pub(crate) fn need(pattern: &str, method: &Method) -> Option<Need> {
    let method = if *method == Method::HEAD { &GET } else { method };
    TABLE.iter().find(|(of, by, _)| *of == pattern && by == method).map(|(_, _, need)| *need)
}

/// What an address takes, by itself; of several patterns that match, the one with the fewest names in it.
pub(crate) fn need_at(path: &str, method: &Method) -> Option<Need> {
    let is_name = |part: &&str| part.starts_with('{');
    let matches = |pattern: &str| {
        let (mut parts, mut given) = (pattern.split('/'), path.split('/'));
        parts.by_ref().zip(given.by_ref()).all(|(part, given)| part == given || is_name(&part) && !given.is_empty())
            && pattern.split('/').count() == path.split('/').count()
    };
    let found = TABLE.iter().filter(|(pattern, by, _)| by == method && matches(pattern));
    found.min_by_key(|(pattern, ..)| pattern.split('/').filter(is_name).count()).map(|(_, _, need)| *need)
}

/// What a visitor may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rights {
    /// Everything: nobody has been added yet, and the visitor is on this machine or has the screen code.
    All,
    /// What a role may do.
    Of(Role),
    /// Nothing.
    Nothing,
}

impl Rights {
    pub(crate) fn may(self, capability: Capability) -> bool {
        match self {
            Rights::All => true,
            Rights::Of(role) => allows(role, capability),
            Rights::Nothing => false,
        }
    }

    pub(crate) fn meet(self, need: Need) -> bool {
        match need {
            Open => true,
            LetIn => self != Rights::Nothing,
            May(capability) => self.may(capability),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Every `.route(` of this crate's pages: the pattern, and the methods that it takes.
    fn routes(folder: &Path, found: &mut BTreeSet<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                // The FHIR interface has its own rights, by token.
                _ if matches!(name.as_str(), "api" | "api.rs" | "rights.rs") => {}
                true => routes(&path, found),
                false => routes_in(&std::fs::read_to_string(&path).unwrap(), found),
            }
        }
    }

    fn routes_in(text: &str, found: &mut BTreeSet<(String, String)>) {
        for route in text.split(".route(").skip(1) {
            let (pattern, rest) = route.split_once(',').unwrap();
            let pattern = match pattern.trim() {
                "events::PATH" => crate::events::PATH,
                quoted => quoted.trim_matches('"'),
            };
            // Up to the parenthesis that ends the call.
            let mut depth = 1;
            let call: String = rest
                .chars()
                .take_while(|letter| {
                    depth += match letter {
                        '(' => 1,
                        ')' => -1,
                        _ => 0,
                    };
                    depth > 0
                })
                .collect();
            let mut methods = 0;
            for method in ["get", "post", "put", "patch", "delete", "any"] {
                let by_itself =
                    ["", "_service"].iter().any(|kind| call.trim_start().starts_with(&format!("{method}{kind}(")));
                if by_itself || call.contains(&format!(".{method}(")) {
                    found.insert((pattern.to_owned(), method.to_uppercase()));
                    methods += 1;
                }
            }
            assert!(methods > 0, "{pattern}: no method found in {call}");
        }
    }

    #[test]
    fn every_route_has_a_row_and_every_row_a_route() {
        let mut found = BTreeSet::new();
        routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let rows: BTreeSet<_> =
            TABLE.iter().map(|(pattern, method, _)| ((*pattern).to_owned(), method.to_string())).collect();
        assert_eq!(rows.len(), TABLE.len(), "a row stands twice");
        assert!(found.len() > 20);
        let open: Vec<_> = found.difference(&rows).collect();
        assert!(open.is_empty(), "routes without a row in rights.rs: {open:?}");
        let idle: Vec<_> = rows.difference(&found).collect();
        assert!(idle.is_empty(), "rows without a route: {idle:?}");
    }

    #[test]
    fn nothing_of_a_patient_is_open_to_just_anybody_and_head_is_get() {
        for (pattern, _, need) in TABLE {
            let about =
                ["/patients", "/resources", "/asks", "/conflicts"].iter().any(|start| pattern.starts_with(start));
            assert!(!about || matches!(need, May(_)), "{pattern}");
        }
        assert_eq!(need("/patients", &Method::HEAD), need("/patients", &Method::GET));
        assert_eq!(need("/patients", &Method::DELETE), None);
        assert_eq!(need("/nothing", &Method::GET), None);
        for (pattern, method, expected) in TABLE {
            assert_eq!(need_at(pattern, method), Some(*expected), "{pattern}");
        }
        assert_eq!(need_at("/casualties/p1", &Method::POST), Some(May(Capability::Triage)));
        assert_eq!(need_at("/casualties/p1/triage/x", &Method::POST), None);
        assert_eq!(need_at("/casualties//triage", &Method::POST), None);
        assert!(
            !Rights::Nothing.meet(LetIn) && Rights::Nothing.meet(Open) && Rights::All.meet(May(Capability::People))
        );
        assert!(!Rights::Of(Role::Technician).meet(May(Capability::Charts)));
    }
}
