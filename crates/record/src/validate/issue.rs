//! What is wrong with a resource: how bad it is, of what kind, where, and a sentence about it.
//!
//! Nothing in here can hold a value of the record: [`What`] carries words of FHIR's own definitions only.

use std::fmt;

use super::place::Place;
use crate::definitions::definitions;
use crate::json::{Kind, Node};

/// Most issues that one validation reports. Who has so many has another format or means harm; the first ones say it.
pub const ISSUES_MAX: usize = 100;

/// How many codes or types a sentence lists at most, so that it stays a sentence. Longer lists are named.
const LISTED_MAX: usize = 20;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// Of what kind it is.
    pub code: IssueCode,
    /// The element: `Patient.contact[0].name.given[1]`. A choice is named without its type, as in FHIRPath.
    pub path: String,
    /// Where it stands, in bytes from the start of what was parsed.
    pub offset: usize,
    /// What is wrong; its Display is a plain sentence.
    pub what: What,
}

/// How bad an issue is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// FHIR R4 forbids it.
    Error,
    /// FHIR R4 advises against it.
    Warning,
}

/// Of what kind an issue is: those of the codes of R4's `issue-type` that a validation can find.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum IssueCode {
    /// The structure is not that of the type.
    Structure,
    /// Something required is missing.
    Required,
    /// A value is not what it may be.
    Value,
    /// A rule of the specification is broken.
    Invariant,
    /// A code is not one of its set.
    CodeInvalid,
    /// An extension is not acceptable.
    Extension,
    /// Something is longer than allowed.
    TooLong,
    /// A resource type that R4 does not have.
    NotSupported,
}

/// A kind of JSON value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonType {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    List,
    /// An object.
    Object,
}

/// What is wrong. Names in it are of FHIR's definitions, never of the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// No element of this name.
    UnknownElement,
    /// The name of a choice element with a type that it cannot have, or with none.
    UnknownChoice(&'static str),
    /// A choice element of two types at once.
    TwoTypes(&'static str),
    /// A member that stands there twice.
    Twice,
    /// A required element is missing.
    Missing,
    /// Another kind of JSON value than this element has.
    Shape {
        /// What it should be.
        wanted: JsonType,
        /// What it is.
        found: JsonType,
    },
    /// `null` where there can be none.
    Null,
    /// A place in a list of primitives with neither a value nor an extension.
    NothingAt,
    /// A list of primitives and the list of what stands beside them that differ in length.
    UnequalLists,
    /// An empty list or object.
    Empty,
    /// An element with nothing but an id.
    OnlyId,
    /// A value that is not of the format of this primitive type.
    Format(&'static str),
    /// A string longer than FHIR allows.
    TooLong,
    /// A string of white space only.
    Blank,
    /// A string with control characters.
    ControlCharacters,
    /// A code that is not one of this set.
    Code(&'static str),
    /// A resource that does not say its type.
    NoResourceType,
    /// A resource type that R4 does not have.
    UnknownResourceType,
    /// A reference to another type than these.
    Target(&'static [&'static str]),
    /// A reference and its `type` that contradict each other.
    TypeOfAnother,
    /// A `Reference.type` that is no resource type.
    UnknownTargetType,
    /// A relative reference that is not `Type/id`.
    ReferenceForm,
    /// A reference to a contained resource that is not there.
    NotContained,
    /// Two contained resources with one id.
    ContainedTwice,
    /// A contained resource that contains another.
    NestedContained,
    /// A contained resource with a version, a time or a security label of its own.
    ContainedMeta,
    /// An extension with both a value and extensions, or neither.
    ExtensionValue,
    /// An extension named by a relative URL.
    ExtensionUrl,
}

impl What {
    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            What::UnequalLists
            | What::Blank
            | What::ControlCharacters
            | What::UnknownTargetType
            | What::ReferenceForm => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Of what kind it is.
    pub fn code(self) -> IssueCode {
        match self {
            What::UnknownElement
            | What::UnknownChoice(_)
            | What::TwoTypes(_)
            | What::Twice
            | What::Shape { .. }
            | What::Null
            | What::NothingAt
            | What::UnequalLists
            | What::Empty => IssueCode::Structure,
            What::Missing | What::NoResourceType => IssueCode::Required,
            What::Format(_)
            | What::Blank
            | What::ControlCharacters
            | What::Target(_)
            | What::TypeOfAnother
            | What::ReferenceForm => IssueCode::Value,
            What::Code(_) | What::UnknownTargetType => IssueCode::CodeInvalid,
            What::OnlyId
            | What::NotContained
            | What::ContainedTwice
            | What::NestedContained
            | What::ContainedMeta
            | What::ExtensionValue => IssueCode::Invariant,
            What::ExtensionUrl => IssueCode::Extension,
            What::TooLong => IssueCode::TooLong,
            What::UnknownResourceType => IssueCode::NotSupported,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::UnknownElement => out.write_str("FHIR R4 has no element of this name here"),
            What::UnknownChoice(name) => {
                write!(out, "The name {name} has to end with one of the types that are allowed here")
            }
            What::TwoTypes(name) => write!(out, "There can be only one {name}[x], of one type"),
            What::Twice => out.write_str("The same name stands twice in one object"),
            What::Missing => out.write_str("This element is required"),
            What::Shape { wanted, found } => write!(out, "This has to be {wanted}, not {found}"),
            What::Null => out.write_str("There can be no null here; what is not known is left out"),
            What::NothingAt => out.write_str("There is neither a value nor an extension at this place of the list"),
            What::UnequalLists => {
                out.write_str("A list and the list of its extensions should be filled up to one length with null")
            }
            What::Empty => out.write_str("An empty list or object is not allowed; what is not known is left out"),
            What::OnlyId => out.write_str("An element needs a value or children beside its id (ele-1)"),
            What::Format(kind) => write!(out, "This is not a legal {kind}{}", hint(kind)),
            What::TooLong => out.write_str("This is longer than the 1,048,576 characters that a string may have"),
            What::Blank => out.write_str("This is white space only"),
            What::ControlCharacters => out.write_str("There should be no control characters in a text"),
            What::Code(set) => match definitions().codes(set) {
                codes if codes.len() <= LISTED_MAX => write!(out, "This code has to be one of {}", codes.join(", ")),
                _ => write!(out, "This code has to be one of the value set {set}"),
            },
            What::NoResourceType => out.write_str("A resource has to say its resourceType"),
            What::UnknownResourceType => out.write_str("This resourceType is not one of FHIR R4"),
            What::Target(types) if types.len() <= LISTED_MAX => {
                write!(out, "This reference has to lead to one of {}", types.join(", "))
            }
            What::Target(_) => out.write_str("This reference leads to a type that is not allowed here"),
            What::TypeOfAnother => out.write_str("The type of this reference is not that of what it leads to"),
            What::UnknownTargetType => out.write_str("This is not a resource type of FHIR R4"),
            What::ReferenceForm => out.write_str("A relative reference should be a resource type, a slash and an id"),
            What::NotContained => out.write_str("There is no contained resource of this id (ref-1)"),
            What::ContainedTwice => out.write_str("Two contained resources have the same id"),
            What::NestedContained => out.write_str("A contained resource cannot contain another one (dom-2)"),
            What::ContainedMeta => out.write_str(
                "A contained resource has no versionId, lastUpdated or security label of its own (dom-4, dom-5)",
            ),
            What::ExtensionValue => out.write_str("An extension has either a value or extensions, not both (ext-1)"),
            What::ExtensionUrl => out.write_str("The url of an extension has to be absolute"),
        }
    }
}

/// What a primitive looks like.
fn hint(kind: &str) -> &'static str {
    match kind {
        "base64Binary" => "; it has letters, digits, + and / in fours, filled up with =",
        "canonical" | "uri" | "url" => "; it has no white space",
        "code" => "; it has no white space but single spaces inside",
        "date" => "; it is written as 2018, 2018-02 or 2018-02-18",
        "dateTime" => "; it is written as 2018, 2018-02, 2018-02-18 or 2018-02-18T20:15:03+03:00",
        "id" => "; it has 1 to 64 of the letters A to Z and a to z, digits, dots and hyphens",
        "instant" => "; it is written as 2018-02-18T20:15:03+03:00",
        "integer" => "; it is a whole number of at most 31 bits and a sign",
        "oid" => "; it is written as urn:oid:1.2.3",
        "positiveInt" => "; it is a whole number from 1 to 2,147,483,647",
        "time" => "; it is written as 20:15:03",
        "unsignedInt" => "; it is a whole number from 0 to 2,147,483,647",
        "uuid" => "; it is written as urn:uuid: and a UUID in small letters",
        "xhtml" => "; it is one div",
        _ => "; it is not empty",
    }
}

impl IssueCode {
    /// The code in R4's `issue-type`.
    pub fn as_str(self) -> &'static str {
        match self {
            IssueCode::Structure => "structure",
            IssueCode::Required => "required",
            IssueCode::Value => "value",
            IssueCode::Invariant => "invariant",
            IssueCode::CodeInvalid => "code-invalid",
            IssueCode::Extension => "extension",
            IssueCode::TooLong => "too-long",
            IssueCode::NotSupported => "not-supported",
        }
    }
}

impl Severity {
    /// The code in R4's `issue-severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl JsonType {
    /// What a value is.
    pub(super) fn of(node: &Node<'_>) -> JsonType {
        match node.kind {
            Kind::Null => JsonType::Null,
            Kind::Bool(_) => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::String => JsonType::String,
            Kind::Array(_) => JsonType::List,
            Kind::Object(_) => JsonType::Object,
        }
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            JsonType::Null => "null",
            JsonType::Boolean => "true or false",
            JsonType::Number => "a number",
            JsonType::String => "a string",
            JsonType::List => "a list",
            JsonType::Object => "an object",
        })
    }
}

/// The issues found so far, at most [`ISSUES_MAX`]. A warning makes room for an error: whoever refuses what has errors
/// must not be led past one by many warnings.
#[derive(Default)]
pub(super) struct Issues {
    found: Vec<Issue>,
    errors: usize,
}

impl Issues {
    /// Notes what is wrong at a place; `offset` is where it stands in the text.
    pub(super) fn add(&mut self, what: What, offset: usize, place: &Place<'_>) {
        let severity = what.severity();
        if self.found.len() == ISSUES_MAX {
            let warning = self.found.iter().rposition(|issue| issue.severity == Severity::Warning);
            match warning.filter(|_| severity == Severity::Error) {
                Some(at) => drop(self.found.remove(at)),
                None => return,
            }
        }
        self.errors += usize::from(severity == Severity::Error);
        self.found.push(Issue { severity, code: what.code(), path: place.to_string(), offset, what });
    }

    /// True if nothing that may still be found would be told.
    pub(super) fn is_full(&self) -> bool {
        self.errors == ISSUES_MAX
    }

    /// In the order of the document; what is missing stands where its object begins.
    pub(super) fn in_order(mut self) -> Vec<Issue> {
        self.found.sort_by_key(|issue| issue.offset);
        self.found
    }
}
