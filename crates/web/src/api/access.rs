//! Who asks, and what they may do: bearer tokens and scopes of SMART App Launch 2.0.
//!
//! A scope is `context/Type.letters`: the context `patient` (one patient's chart), `user` or `system`, a resource type or
//! `*`, and of `cruds` (create, read, update, delete, search) those that are allowed, in this order. The older `.read`,
//! `.write` and `.*` are understood.

use super::Api;
use super::outcome::Refusal;
use axum::http::{HeaderMap, header};
use sanad_node::tokens::Token;
use sanad_record::compartment::{patients_of_key, read_for_patients};
use sanad_record::key::{RESOURCE_TYPES, ResourceKey, is_resource_type};
use sanad_record::search::{Seen, Sight};
use sanad_store::Resource;
use std::sync::Arc;

/// The roles that a token may be made for, and the scopes of each where no others are given.
///
/// Clinical staff work on whole charts. A coordinator sees where people are and what is free, not what is said of them in
/// confidence. Whoever keeps the stores sees supplies and what was ordered. A technician keeps the machine running and
/// reads nothing. Other systems are given what they need by name.
pub const ROLES: &[(&str, &[&str])] = &[
    (
        "triage",
        &[
            "user/Patient.crus",
            "user/Encounter.crus",
            "user/Observation.crs",
            "user/Flag.crus",
            "user/AllergyIntolerance.crus",
        ],
    ),
    ("nurse", &["user/*.crus"]),
    ("doctor", &["user/*.cruds"]),
    (
        "pharmacy",
        &[
            "user/Patient.rs",
            "user/AllergyIntolerance.rs",
            "user/Medication.cruds",
            "user/MedicationRequest.rs",
            "user/MedicationDispense.crus",
            "user/SupplyDelivery.crus",
            "user/SupplyRequest.crus",
            "user/Substance.rs",
        ],
    ),
    (
        "coordinator",
        &[
            "user/Location.crus",
            "user/Organization.rs",
            "user/Encounter.rs",
            "user/ServiceRequest.crus",
            "user/Task.crus",
            "user/Flag.rs",
        ],
    ),
    ("technician", &[]),
    ("system", &[]),
];

/// What is done to a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    Create,
    Read,
    Update,
    Delete,
    Search,
}

/// One scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Scope {
    is_of_one_patient: bool,
    /// `None` for all.
    resource_type: Option<String>,
    allowed: Vec<Access>,
}

/// Reads a scope; `None` if it is none of these.
pub(crate) fn scope(text: &str) -> Option<Scope> {
    let (context, rest) = text.split_once('/')?;
    let is_of_one_patient = match context {
        "patient" => true,
        "user" | "system" => false,
        _ => return None,
    };
    let (kind, letters) = rest.split_once('.')?;
    let resource_type = match kind {
        "*" => None,
        kind if is_resource_type(kind) => Some(kind.to_owned()),
        _ => return None,
    };
    let letters = match letters {
        "read" => "rs",
        "write" => "cud",
        "*" => "cruds",
        letters => letters,
    };
    let mut allowed = Vec::new();
    let mut rest = letters.chars().peekable();
    for (letter, access) in [
        ('c', Access::Create),
        ('r', Access::Read),
        ('u', Access::Update),
        ('d', Access::Delete),
        ('s', Access::Search),
    ] {
        if rest.next_if_eq(&letter).is_some() {
            allowed.push(access);
        }
    }
    (rest.next().is_none() && !allowed.is_empty()).then_some(Scope { is_of_one_patient, resource_type, allowed })
}

/// True if a text is a scope that tokens may have.
pub fn is_scope(text: &str) -> bool {
    scope(text).is_some()
}

/// Who asks.
#[derive(Clone)]
pub(crate) struct Caller {
    pub token: Arc<Token>,
    scopes: Vec<Scope>,
}

impl Caller {
    /// Whoever shows a token that is good here.
    pub fn of(api: &Api, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = shown.and_then(|shown| {
            let (scheme, token) = shown.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let token = bearer.and_then(|bearer| api.site().token(bearer)).ok_or_else(|| {
            Refusal::new(401, "login", "A token is needed. Whoever runs this site makes one with `sanad token`.")
        })?;
        Ok(Caller::with(token))
    }

    /// Whoever holds a token that is good here.
    pub fn with(token: Arc<Token>) -> Caller {
        let scopes = token.scopes.iter().filter_map(|text| scope(text)).collect();
        Caller { token, scopes }
    }

    /// Who is said to have saved.
    pub fn by(&self) -> String {
        format!("{} {}", self.token.role, self.token.id)
    }

    fn scopes_for(&self, resource_type: Option<&str>, access: Access) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().filter(move |scope| {
            let fits = match (&scope.resource_type, resource_type) {
                (None, _) => true,
                (Some(of), Some(wanted)) => of == wanted,
                (Some(_), None) => false,
            };
            fits && scope.allowed.contains(&access)
        })
    }

    /// Whether this may be done to anything of a type at all (of all types, if none is named), and to whose records: all, or
    /// one patient's.
    pub fn may(&self, resource_type: Option<&str>, access: Access) -> Result<Option<&str>, Refusal> {
        let mut found = self.scopes_for(resource_type, access).peekable();
        if found.peek().is_none() {
            return Err(Refusal::forbidden(
                "The token does not allow this. Ask whoever made it for one with a wider scope.",
            ));
        }
        if found.any(|scope| !scope.is_of_one_patient) {
            return Ok(None);
        }
        match &self.token.patient {
            Some(patient) => Ok(Some(patient)),
            None => Err(Refusal::forbidden("The token is for one patient and names none.")),
        }
    }

    /// Whether a resource may be seen, or changed: one that may not is to whoever asks as if it were not there. What is
    /// deleted is about whom it was about.
    pub fn sees(&self, resource: &Resource, access: Access) -> bool {
        match self.may(Some(&resource.key.resource_type), access) {
            Ok(None) => true,
            Ok(Some(patient)) => is_own(patient, &resource.patients, access),
            Err(_) => false,
        }
    }

    /// Whether a resource that says this may be seen, or may be what another becomes.
    pub fn sees_version(&self, key: &ResourceKey, raw: &[u8], access: Access) -> bool {
        match self.may(Some(&key.resource_type), access) {
            Ok(None) => true,
            Ok(Some(patient)) => {
                let value = read_for_patients(key, raw).unwrap_or_default();
                is_own(patient, &patients_of_key(key, &value), access)
            }
            Err(_) => false,
        }
    }

    /// What searches may look at; `None` for everything.
    pub fn sight(&self) -> Option<Sight> {
        let is_whole = |access| matches!(self.may(None, access), Ok(None));
        if is_whole(Access::Search) && is_whole(Access::Read) {
            return None;
        }
        let seen = |access| {
            let each = RESOURCE_TYPES.iter().filter_map(|kind| match self.may(Some(kind), access) {
                Ok(None) => Some((*kind, Seen::All)),
                Ok(Some(patient)) => Some((*kind, Seen::Chart(patient.to_owned()))),
                Err(_) => None,
            });
            each.collect()
        };
        Some(Sight { searched: seen(Access::Search), read: seen(Access::Read) })
    }
}

/// Whether what is about these patients is a patient's own. To be written to, it has to be about that one first: a record
/// that only names them besides is of another's chart.
fn is_own(patient: &str, about: &[String], access: Access) -> bool {
    match access {
        Access::Read | Access::Search => about.iter().any(|about| about == patient),
        Access::Create | Access::Update | Access::Delete => about.first().is_some_and(|about| about == patient),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_smart_writes_them() {
        let full = scope("patient/Observation.rs").unwrap();
        assert!(full.is_of_one_patient && full.resource_type.as_deref() == Some("Observation"));
        assert_eq!(full.allowed, [Access::Read, Access::Search]);
        assert_eq!(scope("system/*.*"), scope("system/*.cruds"));
        assert_eq!(scope("user/Patient.read"), scope("user/Patient.rs"));
        for bad in [
            "",
            "Patient.rs",
            "patient/Nobody.rs",
            "patient/*.sr",
            "patient/*.",
            "root/*.rs",
            "patient/*.rsx",
            "launch",
        ] {
            assert_eq!(scope(bad), None, "{bad}");
        }
        for scopes in ROLES.iter().map(|(_, scopes)| scopes) {
            assert!(scopes.iter().all(|text| is_scope(text)));
        }
    }
}
