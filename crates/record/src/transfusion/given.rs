//! A transfusion as a FHIR Procedure: what was given, of which group to which, and why in spite of a warning.

use serde_json::{Value, json};

use super::unit::{GROUP_URL, PRODUCT_SYSTEM, VOLUME_URL, checked_volume, group_in, product_concept};
use super::{BloodGroup, Match, Product, matches};
use crate::shape::{
    CannotWrite, Stored, Writing, amount, checked_id, code_in, extended, extension, is_type, needed, optional,
    quantity, reference, referred, text, time_ms,
};
use crate::typed::Decimal;

/// The system of the code `transfusion`.
pub const TRANSFUSION_SYSTEM: &str = "urn:sanad:transfusion";
const CODE: &str = "transfusion";
const UNIT_URL: &str = "urn:sanad:blood-unit";
const RECIPIENT_URL: &str = "urn:sanad:recipient-blood-group";
const OVERRIDE_URL: &str = "urn:sanad:override";
/// Most transfusions of one chart that are listed: a massive transfusion is fifty units.
const LISTED_MAX: usize = 1_000;

/// A transfusion to be recorded.
#[derive(Clone, Copy)]
pub struct Transfused<'a> {
    /// The BiologicallyDerivedProduct, if the bag has a record.
    pub unit: Option<&'a str>,
    /// What was given.
    pub product: Product,
    /// Millilitres.
    pub volume_ml: Decimal,
    /// The group on the bag.
    pub group: Option<BloodGroup>,
    /// The patient's group as it was known then.
    pub recipient: Option<BloodGroup>,
    /// Why it was given although the table does not say yes. Needed then.
    pub in_spite_of: Option<&'a str>,
}

/// A transfusion as it is read. No Debug: its reason is the patient's.
#[derive(Clone, PartialEq, Eq)]
pub struct Transfusion {
    /// The id of the Procedure.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at_ms: Option<u64>,
    /// The BiologicallyDerivedProduct.
    pub unit: Option<String>,
    /// What was given.
    pub product: Option<Product>,
    /// Millilitres.
    pub volume_ml: Option<Decimal>,
    /// The group on the bag.
    pub group: Option<BloodGroup>,
    /// The patient's group as it was known then.
    pub recipient: Option<BloodGroup>,
    /// Whether the two match.
    pub matches: Match,
    /// Why it was given in spite of a warning.
    pub in_spite_of: Option<String>,
}

/// The Procedure of a transfusion.
///
/// # Errors
/// [`CannotWrite::TextMissing`] if the groups do not match, or are not known, and no reason is given: in a siege it has to
/// be possible, and to be said. Else an illegal id, a text that is too long, an impossible volume.
pub fn transfusion(writing: &Writing<'_>, given: &Transfused<'_>) -> Result<Value, CannotWrite> {
    writing.check()?;
    let reason = match matches(given.product, given.group, given.recipient) {
        Match::Yes => optional(given.in_spite_of)?,
        _ => Some(needed(given.in_spite_of.unwrap_or_default())?),
    };
    let volume = quantity(checked_volume(given.volume_ml)?, "mL", "mL");
    let mut extensions = vec![
        extension(PRODUCT_SYSTEM, "valueCodeableConcept", product_concept(given.product)),
        extension(VOLUME_URL, "valueQuantity", volume),
    ];
    if let Some(unit) = given.unit {
        let unit = reference("BiologicallyDerivedProduct", checked_id(unit)?);
        extensions.push(extension(UNIT_URL, "valueReference", unit));
    }
    let groups = [(GROUP_URL, given.group), (RECIPIENT_URL, given.recipient)];
    let groups = groups.into_iter().filter_map(|(url, group)| Some((url, group?)));
    extensions.extend(groups.map(|(url, group)| extension(url, "valueCodeableConcept", group.concept())));
    extensions.extend(reason.map(|reason| extension(OVERRIDE_URL, "valueString", reason.into())));
    let coding = json!([{ "system": TRANSFUSION_SYSTEM, "code": CODE, "display": "Transfusion" }]);
    let mut procedure = json!({
        "resourceType": "Procedure", "extension": extensions, "status": "completed",
        "code": { "coding": coding, "text": "Transfusion · نقل دم" }, "subject": writing.patient(),
    });
    writing.add_encounter(&mut procedure, "encounter");
    procedure["performedDateTime"] = writing.at().into();
    if let Some(who) = writing.who() {
        procedure["performer"] = json!([{ "actor": who }]);
    }
    Ok(procedure)
}

/// The transfusions among the Procedures of a chart, newest first, without those that were written by mistake or not
/// done; at most a thousand.
pub fn transfusions(procedures: &[Stored<'_>]) -> Vec<Transfusion> {
    let mut list: Vec<Transfusion> = procedures.iter().filter_map(|record| read(*record)).collect();
    list.sort_by(|a, b| (b.at_ms, &a.id).cmp(&(a.at_ms, &b.id)));
    list.truncate(LISTED_MAX);
    list
}

fn read(record: Stored<'_>) -> Option<Transfusion> {
    let resource = record.resource;
    let is_one = is_type(resource, "Procedure") && code_in(resource.get("code"), TRANSFUSION_SYSTEM) == Some(CODE);
    if !is_one || matches!(text(resource, "status"), Some("entered-in-error" | "not-done")) {
        return None;
    }
    let product = extended(resource, PRODUCT_SYSTEM).and_then(|product| product.get("valueCodeableConcept"));
    let product = code_in(product, PRODUCT_SYSTEM).and_then(Product::of_code);
    let (group, recipient) = (group_in(resource, GROUP_URL), group_in(resource, RECIPIENT_URL));
    let unit = extended(resource, UNIT_URL).and_then(|unit| unit.get("valueReference"));
    Some(Transfusion {
        id: record.id.to_owned(),
        at_ms: time_ms(resource.get("performedDateTime")),
        unit: referred(unit, "BiologicallyDerivedProduct").map(str::to_owned),
        product,
        volume_ml: extended(resource, VOLUME_URL).and_then(|volume| amount(volume.get("valueQuantity")?)),
        group,
        recipient,
        matches: product.map_or(Match::NotKnown, |product| matches(product, group, recipient)),
        in_spite_of: extended(resource, OVERRIDE_URL).and_then(|reason| text(reason, "valueString")).map(str::to_owned),
    })
}
