//! Whether an expression can find anything at all, by what FHIR R4 says about its types.
//!
//! Following a path into a resource is lenient: what is not there is nothing. A misspelt element is never there, so
//! whoever acts on the answer asks here first.

use super::eval::{EvalError, Work, chain, is_type_at_start};
use super::item::{Wanted, system_type, wanted};
use super::{Expr, Function};
use crate::definitions::{Type, TypeKind, definitions};
use std::collections::BTreeSet;

/// Checks that each element that an expression names is one of what stands before it, from a resource type on.
///
/// # Errors
/// [`EvalError::UnknownElement`] or [`EvalError::UnknownType`] names what R4 does not have; [`EvalError::TooMuchWork`].
pub fn check(expression: &Expr, resource_type: &str, work: &mut Work) -> Result<(), EvalError> {
    let root = definitions().get(resource_type).ok_or(EvalError::NotAResource)?;
    types_of(expression, root.name, &BTreeSet::from([root.name]), work).map(drop)
}

/// Names of FHIR's types; those of FHIRPath's own begin with `System.` and have no elements.
type Types = BTreeSet<&'static str>;

fn types_of(expression: &Expr, root: &'static str, this: &Types, work: &mut Work) -> Result<Types, EvalError> {
    let mut types = Types::new();
    for step in chain(expression) {
        types = match step {
            Expr::This => this.clone(),
            Expr::Resource => Types::from([root]),
            // Only calculations say these, and what a name stands for is known as they are worked out.
            Expr::Context | Expr::Variable(_) => Types::new(),
            Expr::Literal(literal) => match system_type(literal) {
                "" => Types::new(),
                _ => Types::from(["System.Any"]),
            },
            Expr::Member(of, name) if is_type_at_start(of, name) => {
                let types: Types = types.into_iter().filter(|kind| definitions().is_a(kind, name)).collect();
                if types.is_empty() {
                    return Err(EvalError::UnknownElement(name.clone()));
                }
                types
            }
            Expr::Member(_, name) => members(&types, name, work)?,
            Expr::Index(..) => types,
            Expr::Call(_, function, arguments) => {
                for argument in arguments {
                    types_of(argument, root, &types, work)?;
                }
                match function {
                    Function::Where | Function::First | Function::Last => types,
                    Function::Resolve => Types::from(["Resource"]),
                    Function::Exists | Function::Empty | Function::Not | Function::Count => Types::from(["System.Any"]),
                    Function::Sum | Function::Round | Function::Ordinal => Types::from(["System.Any"]),
                    Function::Iif | Function::Descendants => Types::new(),
                }
            }
            Expr::Union(_, right) => types.into_iter().chain(types_of(right, root, this, work)?).collect(),
            Expr::As(_, name) => match wanted(name)? {
                Wanted::Fhir(kind) => Types::from([kind.name]),
                Wanted::System(_) => Types::from(["System.Any"]),
            },
            Expr::Is(_, name) => wanted(name).map(|_| Types::from(["System.Any"]))?,
            Expr::Equal(_, right, _)
            | Expr::And(_, right)
            | Expr::Or(_, right)
            | Expr::Arithmetic(_, _, right)
            | Expr::Compare(_, _, right) => {
                types_of(right, root, this, work)?;
                Types::from(["System.Any"])
            }
        };
    }
    Ok(types)
}

/// The types that an element of that name may have.
fn members(of: &Types, name: &str, work: &mut Work) -> Result<Types, EvalError> {
    let mut found = Types::new();
    let mut is_known = of.is_empty();
    for kind in of.iter().filter_map(|kind| definitions().get(kind)) {
        let kinds = kinds_of(kind);
        // Looking through a type takes as long as visiting several items.
        work.spend(4 * kinds.len())?;
        for kind in kinds {
            if let Some(element) = kind.element(name) {
                is_known = true;
                found.extend(element.types.iter().map(|kind| kind.name));
            }
        }
    }
    if is_known { Ok(found) } else { Err(EvalError::UnknownElement(name.to_owned())) }
}

/// The types whose elements something of a type may have: any resource may stand where one is said to, and of a primitive
/// there are its id and extensions.
fn kinds_of(kind: &'static Type) -> Vec<&'static Type> {
    match kind.name {
        "Resource" | "DomainResource" => {
            definitions().types().filter(|other| other.kind == TypeKind::Resource).collect()
        }
        _ if kind.kind == TypeKind::Primitive => definitions().get("Element").into_iter().collect(),
        _ => vec![kind],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhirpath::parse;

    #[test]
    fn what_r4_does_not_have_is_named() {
        let checked = |path: &str| check(&parse(path).expect(path), "Patient", &mut Work::default());
        for path in [
            "Patient",
            "Resource.id",
            "birthDate.extension.value.as(Quantity).unit",
            "Patient.contained.status",
            "contact.where(name.given = 'a' and $this.gender.exists()).telecom[0].value",
            "{}.anything",
            "generalPractitioner.resolve().name",
            "%resource.name.given | contact.name.text",
        ] {
            assert_eq!(checked(path), Ok(()), "{path}");
        }
        for (path, name) in [
            ("Patient.nam", "nam"),
            ("Observation.value", "Observation"),
            ("deceasedBoolean", "deceasedBoolean"),
            ("name.where(givn = 'a')", "givn"),
            ("name.count().extension", "extension"),
            ("name.text.value", "value"),
            ("(name | address).city.given", "given"),
            ("Patient.contained.nothing", "nothing"),
            ("(deceased as Period).unit", "unit"),
        ] {
            assert_eq!(checked(path), Err(EvalError::UnknownElement(name.to_owned())), "{path}");
        }
        assert_eq!(checked("name is Name"), Err(EvalError::UnknownType("Name".to_owned())));
        assert_eq!(check(&parse("id").expect("a path"), "Nothing", &mut Work::default()), Err(EvalError::NotAResource));
    }
}
