//! A unit of blood as a FHIR BiologicallyDerivedProduct.
//!
//! R4 has no place in it for group, volume and expiry: group and volume are extensions, expiry is the end of its storage.
//! A unit that names its donor belongs to the donor's chart ([`crate::compartment`]) and is sealed with it.

use serde_json::{Value, json};

use super::{BloodGroup, DAY_MS, Product};
use crate::outgoing::rfc3339;
use crate::patch::json_patch;
use crate::shape::{
    CannotWrite, Stored, amount, checked_id, code_in, extended, extension, is_type, list, needed, quantity, reference,
    referred, text, time_ms,
};
use crate::typed::Decimal;

/// The system of products.
pub(super) const PRODUCT_SYSTEM: &str = "urn:sanad:blood-product";
/// The system of the numbers on bags.
const NUMBER_SYSTEM: &str = "urn:sanad:blood-unit-number";
pub(super) const GROUP_URL: &str = "urn:sanad:blood-group";
pub(super) const VOLUME_URL: &str = "urn:sanad:volume";
/// More than any bag holds, in millilitres.
pub(super) const VOLUME_MAX_ML: u32 = 1_000;

/// A unit. No Debug: it may name its donor.
#[derive(Clone, PartialEq, Eq)]
pub struct BloodUnit {
    /// The number on the bag.
    pub number: String,
    /// What is in it.
    pub product: Product,
    /// Its group, if that is known.
    pub group: Option<BloodGroup>,
    /// Millilitres.
    pub volume_ml: Option<Decimal>,
    /// When it was taken, in milliseconds since 1970.
    pub collected_ms: Option<u64>,
    /// When it expires, in milliseconds since 1970.
    pub expires_ms: Option<u64>,
    /// The Patient who gave it.
    pub donor: Option<String>,
    /// False once it is used, lost or thrown away.
    pub available: bool,
}

impl BloodUnit {
    /// When it expires by the table, if it says nothing itself.
    pub fn expiry_ms(&self) -> Option<u64> {
        let by_table = || self.collected_ms?.checked_add(u64::from(self.product.keeps_days()) * DAY_MS);
        self.expires_ms.or_else(by_table)
    }

    /// Whether it is there and not expired. What says no date cannot be said to be good.
    pub fn is_usable(&self, now_ms: u64) -> bool {
        self.available && self.expiry_ms().is_some_and(|expiry| now_ms < expiry)
    }
}

/// The BiologicallyDerivedProduct of a unit. [`gone`] is its end.
///
/// # Errors
/// [`CannotWrite`]: no number, an illegal id of the donor, a volume of nothing or of more than a bag holds, an expiry
/// before it was taken.
pub fn blood_unit(unit: &BloodUnit) -> Result<Value, CannotWrite> {
    let volume = unit.volume_ml.map(checked_volume).transpose()?;
    if unit.collected_ms.zip(unit.expires_ms).is_some_and(|(collected, expires)| expires <= collected) {
        return Err(CannotWrite::WrongRecord);
    }
    let mut resource = json!({ "resourceType": "BiologicallyDerivedProduct" });
    let group = unit.group.map(|group| extension(GROUP_URL, "valueCodeableConcept", group.concept()));
    let volume = volume.map(|volume| extension(VOLUME_URL, "valueQuantity", quantity(volume, "mL", "mL")));
    let extensions: Vec<Value> = group.into_iter().chain(volume).collect();
    if !extensions.is_empty() {
        resource["extension"] = extensions.into();
    }
    resource["identifier"] = json!([{ "system": NUMBER_SYSTEM, "value": needed(&unit.number)? }]);
    resource["productCategory"] = "fluid".into();
    resource["productCode"] = product_concept(unit.product);
    resource["status"] = if unit.available { "available" } else { "unavailable" }.into();
    resource["quantity"] = 1.into();
    let mut collection = json!({});
    if let Some(donor) = &unit.donor {
        collection["source"] = reference("Patient", checked_id(donor)?);
    }
    if let Some(collected_ms) = unit.collected_ms {
        collection["collectedDateTime"] = rfc3339(collected_ms).into();
    }
    if collection.as_object().is_some_and(|collection| !collection.is_empty()) {
        resource["collection"] = collection;
    }
    if let Some(expires_ms) = unit.expires_ms {
        resource["storage"] = json!([{ "duration": { "end": rfc3339(expires_ms) } }]);
    }
    Ok(resource)
}

/// The bytes of a unit that is there no more: used, lost or thrown away. No other byte changes.
///
/// # Errors
/// [`CannotWrite::WrongRecord`] if it is no unit that is available.
pub fn gone(raw: &[u8]) -> Result<Vec<u8>, CannotWrite> {
    let resource: Value = serde_json::from_slice(raw).map_err(|_| CannotWrite::WrongRecord)?;
    if !is_type(&resource, "BiologicallyDerivedProduct") || text(&resource, "status") != Some("available") {
        return Err(CannotWrite::WrongRecord);
    }
    let patch = json!([{ "op": "replace", "path": "/status", "value": "unavailable" }]);
    json_patch(raw, patch.to_string().as_bytes()).map_err(|_| CannotWrite::WrongRecord)
}

pub(super) fn product_concept(product: Product) -> Value {
    let label = product.label();
    let coding = json!([{ "system": PRODUCT_SYSTEM, "code": label.code, "display": label.english }]);
    json!({ "coding": coding, "text": format!("{} · {}", label.english, label.arabic) })
}

pub(super) fn checked_volume(volume: Decimal) -> Result<Decimal, CannotWrite> {
    let possible = Decimal::ZERO < volume && volume <= Decimal::whole(VOLUME_MAX_ML);
    if possible { Ok(volume) } else { Err(CannotWrite::Nothing) }
}

/// Reads a unit. `None` for other resources and for products that are no blood of ours.
pub fn read_unit(record: Stored<'_>) -> Option<BloodUnit> {
    let resource = record.resource;
    if !is_type(resource, "BiologicallyDerivedProduct") {
        return None;
    }
    let collection = resource.get("collection");
    let storage = list(resource, "storage").first();
    Some(BloodUnit {
        number: list(resource, "identifier").iter().find_map(|number| text(number, "value"))?.to_owned(),
        product: Product::of_code(code_in(resource.get("productCode"), PRODUCT_SYSTEM)?)?,
        group: group_in(resource, GROUP_URL),
        volume_ml: extended(resource, VOLUME_URL).and_then(|volume| amount(volume.get("valueQuantity")?)),
        collected_ms: collection.and_then(|collection| time_ms(collection.get("collectedDateTime"))),
        expires_ms: storage.and_then(|storage| time_ms(storage.get("duration")?.get("end"))),
        donor: collection.and_then(|collection| referred(collection.get("source"), "Patient")).map(str::to_owned),
        available: text(resource, "status") == Some("available"),
    })
}

pub(super) fn group_in(resource: &Value, url: &str) -> Option<BloodGroup> {
    BloodGroup::of_concept(extended(resource, url)?.get("valueCodeableConcept")?)
}
