//! Why something was refused: a status, and an OperationOutcome that says what happened and what to do next.

use sanad_node::site::SiteError;
use sanad_record::search::QueryError;
use sanad_store::StoreError;
use serde_json::{Value, json};

/// A refusal. Holds no text of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    /// A code of `http://hl7.org/fhir/issue-type`.
    pub code: &'static str,
    /// A sentence.
    pub what: String,
    /// Where in what was sent, as FHIRPath, or the name of a parameter.
    pub place: Option<String>,
    /// Issues beside the first.
    pub more: Vec<Value>,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, what: impl Into<String>) -> Refusal {
        Refusal { status, code, what: what.into(), place: None, more: Vec::new() }
    }

    pub fn at(mut self, place: impl Into<String>) -> Refusal {
        self.place = Some(place.into());
        self
    }

    pub fn wrong_host() -> Refusal {
        Refusal::new(
            421,
            "security",
            "This is not the name of this site. Use its address, or a name that it was given.",
        )
    }

    pub fn too_large() -> Refusal {
        Refusal::new(
            413,
            "too-long",
            "What was sent is larger than 16 MiB. Nothing was saved; send it in smaller parts.",
        )
    }

    pub fn too_many_values() -> Refusal {
        Refusal::new(
            413,
            "too-long",
            "What was sent has more than a million values. Nothing was saved; send it in smaller parts.",
        )
    }

    pub fn torn() -> Refusal {
        Refusal::new(400, "incomplete", "The body ended before its end. Nothing was saved; send it again.")
    }

    pub fn not_found() -> Refusal {
        Refusal::new(404, "not-found", "There is no such resource, or it is not readable here.")
    }

    pub fn gone() -> Refusal {
        Refusal::new(410, "deleted", "This resource was deleted. Its earlier versions are in its history.")
    }

    pub fn unknown_type() -> Refusal {
        Refusal::new(404, "not-supported", "There is no resource type of this name in FHIR R4.")
    }

    pub fn bad_id() -> Refusal {
        Refusal::new(400, "value", "An id is 1 to 64 letters, digits, dashes and dots.")
    }

    pub fn not_supported(what: &str) -> Refusal {
        Refusal::new(405, "not-supported", format!("{what} The CapabilityStatement at /fhir/metadata says what is."))
    }

    pub fn forbidden(what: &str) -> Refusal {
        Refusal::new(403, "forbidden", what)
    }

    pub fn precondition(what: &str) -> Refusal {
        Refusal::new(412, "conflict", what)
    }

    pub fn not_json(error: &sanad_record::json::SyntaxError) -> Refusal {
        Refusal::new(400, "structure", format!("The body is not JSON: {error}. Nothing was saved."))
    }

    /// The OperationOutcome.
    pub fn outcome(&self) -> Value {
        let mut outcome = outcome("error", self.code, &self.what, self.place.as_deref());
        if let Some(issues) = outcome["issue"].as_array_mut() {
            issues.extend(self.more.iter().cloned());
        }
        outcome
    }
}

/// An OperationOutcome of one issue.
pub(crate) fn outcome(severity: &str, code: &str, what: &str, place: Option<&str>) -> Value {
    let mut issue = json!({ "severity": severity, "code": code, "diagnostics": what });
    if let Some(place) = place {
        issue["expression"] = json!([place]);
    }
    json!({ "resourceType": "OperationOutcome", "issue": [issue] })
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        match error {
            StoreError::TooCostly => Refusal::new(
                422,
                "too-costly",
                "This search would go through too much. Narrow it: add a patient, a code or a span of time.",
            ),
            StoreError::BadCursor => {
                Refusal::new(410, "not-found", "There is no such page any more. Search again from the first.")
            }
            StoreError::Full => Refusal::new(
                507,
                "no-store",
                "The disk is full. Nothing of this was saved; everything saved before is safe.",
            ),
            StoreError::TooLarge(_) => {
                Refusal::new(413, "too-long", "This is larger than a record may be. Nothing was saved.")
            }
            _ => Refusal::new(
                500,
                "exception",
                "The record could not be read or written. What was saved before is safe; run a check.",
            ),
        }
    }
}

impl From<SiteError> for Refusal {
    fn from(error: SiteError) -> Refusal {
        use sanad_log::replica::SaveError;
        match error {
            SiteError::Store(error) => error.into(),
            SiteError::Changed(_) => Refusal::precondition(
                "The resource was changed meanwhile. Nothing was saved; read it again and repeat the change.",
            ),
            SiteError::BadResource(_) => Refusal::new(
                400,
                "structure",
                "The body is not a resource of the type that it is sent as. Nothing was saved.",
            ),
            SiteError::Save(SaveError::Sealed) => Refusal::new(
                403,
                "forbidden",
                "The chart that this belongs to is sealed here. Ask for it first; nothing was saved.",
            ),
            SiteError::Save(SaveError::TooLarge) => Refusal::too_large(),
            SiteError::Save(SaveError::Disk) => Refusal::new(
                507,
                "no-store",
                "The disk did not take this. Nothing of it was saved; everything saved before is safe.",
            ),
            SiteError::Save(SaveError::NotReady) => Refusal::new(
                503,
                "transient",
                "This site has not got the keys of the network yet. Nothing was saved; try again later.",
            ),
            SiteError::TooManyJobs => Refusal::new(
                429,
                "throttled",
                "There are as many exports and imports as there may be. Delete one at its status address, or ask later.",
            ),
            SiteError::Closed => {
                Refusal::new(503, "transient", "The site is being closed. Nothing was saved; try again later.")
            }
            _ => Refusal::new(500, "exception", "The site could not do this. Nothing was saved."),
        }
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Refusal {
        let code = match &error {
            QueryError::TooMuch(_) => "too-long",
            QueryError::BadModifier(_) => "not-supported",
            QueryError::BadValue(..) | QueryError::NoReference(_) => "value",
        };
        let (QueryError::BadValue(name, _)
        | QueryError::BadModifier(name)
        | QueryError::NoReference(name)
        | QueryError::TooMuch(name)) = &error;
        let name = name.clone();
        Refusal::new(400, code, format!("The search could not be understood: {error}.")).at(name)
    }
}
