//! FHIR R4 resources as the chart's verbs: register, admit, observe, diagnose, operate, order, give, refer.

use super::{
    Sex,
    chart::{
        CODE_SYSTEM, Chart, Coding, RECORD_SYSTEM, TAG_SYSTEM, both, concept, concept_list, hl7, narrative, reference,
    },
    clinic::{Allergen, Drug, Procedure, Term, Vaccine, clinic},
    json::Json,
    names::FullName,
    vitals::Vitals,
};

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
const ATC: &str = "http://www.whocc.no/atc";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const ACT_PRIORITY: &str = "http://terminology.hl7.org/CodeSystem/v3-ActPriority";
const ROUTES: &str = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration";

/// Who a patient is, as far as anybody at the door knows.
pub(super) struct Person<'a> {
    pub(super) sex: Sex,
    pub(super) child: bool,
    /// None for someone with a tag and nothing else.
    pub(super) name: Option<&'a FullName>,
    pub(super) latin_name: bool,
    /// A year, or a year and month; none if the age is unknown.
    pub(super) birth_date: Option<String>,
    /// Minutes after arrival; zero for the dead on arrival.
    pub(super) died_at: Option<u32>,
    pub(super) tag: Option<String>,
    pub(super) home: Option<&'a Term>,
    pub(super) shelter: Option<String>,
}

/// What a visit is.
pub(super) struct Visit<'a> {
    /// v3-ActCode: EMER, IMP or AMB.
    pub(super) class: (&'static str, &'static str),
    /// v3-ActPriority.
    pub(super) priority: (&'static str, &'static str),
    pub(super) reason: &'a str,
    pub(super) begins: u32,
    /// None while the patient is still there.
    pub(super) ends: Option<u32>,
    pub(super) part_of: Option<String>,
    /// discharge-disposition, once it has ended.
    pub(super) disposition: Option<(&'static str, &'static str)>,
}

pub(super) const EMERGENCY: (&str, &str) = ("EMER", "emergency");
pub(super) const INPATIENT: (&str, &str) = ("IMP", "inpatient encounter");
pub(super) const AMBULATORY: (&str, &str) = ("AMB", "ambulatory");

impl Chart<'_> {
    pub(super) fn register(&mut self, person: &Person<'_>) {
        let mut draft = self.draft("Patient");
        let json = &mut draft.json;
        let anonymous = format!("مجهول الهوية {}", person.tag.as_deref().unwrap_or(&self.record));
        let called = person.name.map_or_else(|| anonymous.clone(), FullName::arabic);
        narrative(json, &format!("{called} · {}", self.record));
        let group = if person.child { "child" } else { "adult" };
        json.array("extension").item().str("url", "urn:sanad:synth:age-group").str("valueCode", group).end().end();
        json.array("identifier")
            .item()
            .str("use", "usual")
            .str("system", RECORD_SYSTEM)
            .str("value", &self.record)
            .end();
        if let Some(tag) = &person.tag {
            json.item().str("use", "temp").str("system", TAG_SYSTEM).str("value", tag).end();
        }
        json.end().raw("active", "true");
        json.array("name");
        match person.name {
            Some(name) => names(json, name, person.sex, person.latin_name),
            None => {
                json.item().str("use", "anonymous").str("text", &anonymous).end();
            }
        }
        json.end();
        json.str("gender", person.sex.as_str());
        if let Some(date) = &person.birth_date {
            json.str("birthDate", date);
        }
        if let Some(minutes) = person.died_at {
            json.str("deceasedDateTime", &self.at(minutes));
        }
        if let Some(home) = person.home {
            json.array("address")
                .item()
                .str("use", "home")
                .str("text", &both(home))
                .str("city", home.arabic)
                .str("country", "SY")
                .end();
            if let Some(shelter) = &person.shelter {
                json.item().str("use", "temp").str("text", shelter).array("line").str_item(shelter).end().end();
            }
            json.end();
        }
        json.array("communication").item();
        concept(json, "language", &[("urn:ietf:bcp:47", "ar", Some("Arabic"))], "العربية");
        json.raw("preferred", "true").end().end();
        self.site_ref(&mut draft.json, "managingOrganization", "Organization");
        self.save(draft);
    }

    /// Opens a visit, which later entries belong to.
    pub(super) fn admit(&mut self, visit: Visit<'_>) -> String {
        let mut draft = self.draft("Encounter");
        let json = &mut draft.json;
        json.str("status", if visit.ends.is_some() { "finished" } else { "in-progress" });
        hl7(json, "class", ACT_CODE, visit.class.0, visit.class.1);
        concept(json, "priority", &[(ACT_PRIORITY, visit.priority.0, Some(visit.priority.1))], "");
        self.patient_ref(json, "subject");
        json.array("participant").item();
        self.doctor_ref(json, "individual");
        json.end().end();
        json.object("period").str("start", &self.at(visit.begins));
        if let Some(ends) = visit.ends {
            json.str("end", &self.at(ends));
        }
        json.end();
        concept_list(json, "reasonCode", &[], visit.reason);
        if let Some((code, display)) = visit.disposition {
            json.object("hospitalization");
            let system = "http://terminology.hl7.org/CodeSystem/discharge-disposition";
            concept(json, "dischargeDisposition", &[(system, code, Some(display))], "");
            json.end();
        }
        self.site_ref(json, "serviceProvider", "Organization");
        if let Some(outer) = &visit.part_of {
            reference(json, "partOf", "Encounter", outer);
        }
        let id = self.save(draft);
        self.encounter = Some(id.clone());
        id
    }

    fn observation(
        &mut self,
        category: (&str, &str),
        codings: &[Coding<'_>],
        text: &str,
        minutes: u32,
    ) -> super::chart::Draft {
        let mut draft = self.draft("Observation");
        let json = &mut draft.json;
        json.str("status", "final");
        let system = "http://terminology.hl7.org/CodeSystem/observation-category";
        concept_list(json, "category", &[(system, category.0, Some(category.1))], "");
        concept(json, "code", codings, text);
        self.patient_ref(json, "subject");
        self.encounter_ref(json, "encounter");
        json.str("effectiveDateTime", &self.at(minutes));
        self.nurse_list(json, "performer", None);
        draft
    }

    /// A LOINC quantity, in tenths of its unit.
    pub(super) fn observe(&mut self, key: &str, tenths: i32, minutes: u32) {
        let measure = clinic().measure(key);
        let laboratory = matches!(key, "glucose" | "haemoglobin");
        let category = if laboratory { ("laboratory", "Laboratory") } else { ("vital-signs", "Vital Signs") };
        let coding = (LOINC, measure.term.code, Some(measure.term.english));
        let mut draft = self.observation(category, &[coding], measure.term.arabic, minutes);
        quantity(&mut draft.json, "valueQuantity", tenths, measure.unit, measure.ucum);
        self.save(draft);
    }

    fn observe_pressure(&mut self, vitals: &Vitals, minutes: u32) {
        let clinic = clinic();
        let panel = clinic.measure("blood_pressure");
        let coding = (LOINC, panel.term.code, Some(panel.term.english));
        let mut draft = self.observation(("vital-signs", "Vital Signs"), &[coding], panel.term.arabic, minutes);
        draft.json.array("component");
        for (key, value) in [("systolic", vitals.systolic), ("diastolic", vitals.diastolic)] {
            let part = clinic.measure(key);
            draft.json.item();
            concept(&mut draft.json, "code", &[(LOINC, part.term.code, Some(part.term.english))], part.term.arabic);
            quantity(&mut draft.json, "valueQuantity", value * 10, part.unit, part.ucum);
            draft.json.end();
        }
        draft.json.end();
        self.save(draft);
    }

    /// A coded finding of the generator's own, such as the triage colour.
    pub(super) fn observe_code(&mut self, code: &str, text: &str, value: (&str, &str), minutes: u32) {
        let mut draft = self.observation(("exam", "Exam"), &[(CODE_SYSTEM, code, None)], text, minutes);
        concept(&mut draft.json, "valueCodeableConcept", &[(CODE_SYSTEM, value.0, None)], value.1);
        self.save(draft);
    }

    /// A round of vital signs. The first round is the full one; later ones leave out what changes slowly.
    pub(super) fn observe_vitals(&mut self, vitals: &Vitals, full: bool, minutes: u32) {
        self.observe("heart_rate", vitals.heart_rate * 10, minutes);
        self.observe("respiratory_rate", vitals.respiratory_rate * 10, minutes);
        self.observe_pressure(vitals, minutes);
        self.observe("oxygen", vitals.oxygen * 10, minutes);
        if full {
            self.observe("temperature", vitals.temperature_tenths, minutes);
            self.observe("coma_scale", vitals.coma_scale * 10, minutes);
        }
    }

    /// A diagnosis, confirmed; gives its id.
    pub(super) fn diagnose(&mut self, finding: &Term, region: Option<&Term>, grave: bool, minutes: u32) -> String {
        let mut draft = self.draft("Condition");
        let json = &mut draft.json;
        let status = "http://terminology.hl7.org/CodeSystem/condition-clinical";
        concept(json, "clinicalStatus", &[(status, "active", Some("Active"))], "");
        let certainty = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
        concept(json, "verificationStatus", &[(certainty, "confirmed", Some("Confirmed"))], "");
        let category = "http://terminology.hl7.org/CodeSystem/condition-category";
        concept_list(json, "category", &[(category, "encounter-diagnosis", Some("Encounter Diagnosis"))], "");
        concept(json, "severity", &[], if grave { "شديدة · severe" } else { "خفيفة · light" });
        concept(json, "code", &[(ICD10, finding.code, None)], &both(finding));
        if let Some(region) = region {
            concept_list(json, "bodySite", &[(CODE_SYSTEM, region.key, None)], &both(region));
        }
        self.patient_ref(json, "subject");
        self.encounter_ref(json, "encounter");
        json.str("recordedDate", &self.at(minutes));
        self.doctor_ref(json, "recorder");
        self.save(draft)
    }

    pub(super) fn operate(&mut self, procedure: &Procedure, because: Option<&str>, minutes: u32) {
        let mut draft = self.draft("Procedure");
        let json = &mut draft.json;
        json.str("status", "completed");
        concept(json, "code", &[(CODE_SYSTEM, procedure.term.key, None)], &both(&procedure.term));
        self.patient_ref(json, "subject");
        self.encounter_ref(json, "encounter");
        json.object("performedPeriod")
            .str("start", &self.at(minutes))
            .str("end", &self.at(minutes + procedure.minutes))
            .end();
        self.doctor_list(json, "performer", Some("actor"));
        self.site_ref(json, "location", "Location");
        because_of(json, because);
        self.save(draft);
    }

    /// An order for a drug, dosed by the weight of the chart; gives its id.
    pub(super) fn prescribe(&mut self, drug: &Drug, because: Option<&str>, minutes: u32) -> String {
        let mut draft = self.draft("MedicationRequest");
        let json = &mut draft.json;
        json.str("status", if drug.days <= 1 { "completed" } else { "active" }).str("intent", "order");
        drug_code(json, drug);
        self.patient_ref(json, "subject");
        self.encounter_ref(json, "encounter");
        json.str("authoredOn", &self.at(minutes));
        self.doctor_ref(json, "requester");
        because_of(json, because);
        let dose = drug.dose_tenths(self.weight_kg);
        let times = format!("{} مرة يوميا لمدة {} يوم", drug.per_day, drug.days);
        json.array("dosageInstruction").item().str("text", &times);
        json.object("timing").object("repeat");
        json.object("boundsDuration")
            .int("value", drug.days as i32)
            .str("unit", "d")
            .str("system", UCUM)
            .str("code", "d")
            .end();
        json.int("frequency", drug.per_day as i32).int("period", 1).str("periodUnit", "d").end().end();
        concept(json, "route", &[(ROUTES, drug.route.code, Some(drug.route.display))], drug.route.arabic);
        json.array("doseAndRate").item();
        quantity(json, "doseQuantity", dose, drug.unit, drug.unit);
        json.end().end().end().end();
        self.save(draft)
    }

    pub(super) fn give(&mut self, drug: &Drug, order: Option<&str>, minutes: u32) {
        let mut draft = self.draft("MedicationAdministration");
        let json = &mut draft.json;
        json.str("status", "completed");
        drug_code(json, drug);
        self.patient_ref(json, "subject");
        self.encounter_ref(json, "context");
        json.str("effectiveDateTime", &self.at(minutes));
        self.nurse_list(json, "performer", Some("actor"));
        if let Some(order) = order {
            reference(json, "request", "MedicationRequest", order);
        }
        json.object("dosage").str("text", drug.route.arabic);
        concept(json, "route", &[(ROUTES, drug.route.code, Some(drug.route.display))], drug.route.arabic);
        quantity(json, "dose", drug.dose_tenths(self.weight_kg), drug.unit, drug.unit);
        json.end();
        self.save(draft);
    }

    pub(super) fn vaccinate(&mut self, vaccine: &Vaccine, minutes: u32) {
        let mut draft = self.draft("Immunization");
        let lot = format!("L{:04}", self.rng.between(0, 9999));
        let dose_number = self.rng.between(1, 3);
        let json = &mut draft.json;
        json.str("status", "completed");
        concept(json, "vaccineCode", &[(CVX, vaccine.term.code, None)], &both(&vaccine.term));
        self.patient_ref(json, "patient");
        self.encounter_ref(json, "encounter");
        json.str("occurrenceDateTime", &self.at(minutes)).raw("primarySource", "true").str("lotNumber", &lot);
        concept(json, "route", &[(ROUTES, vaccine.route.code, Some(vaccine.route.display))], vaccine.route.arabic);
        quantity(json, "doseQuantity", vaccine.dose_tenths, "mL", "mL");
        self.nurse_list(json, "performer", Some("actor"));
        json.array("protocolApplied").item().int("doseNumberPositiveInt", dose_number).end().end();
        self.save(draft);
    }

    pub(super) fn note_allergy(&mut self, allergen: &Allergen, minutes: u32) {
        let mut draft = self.draft("AllergyIntolerance");
        let json = &mut draft.json;
        let status = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
        concept(json, "clinicalStatus", &[(status, "active", Some("Active"))], "");
        let certainty = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";
        concept(json, "verificationStatus", &[(certainty, "unconfirmed", Some("Unconfirmed"))], "");
        json.str("type", "allergy").array("category").str_item(allergen.category).end();
        json.str("criticality", allergen.criticality);
        concept(json, "code", &[(CODE_SYSTEM, allergen.term.key, None)], &both(&allergen.term));
        self.patient_ref(json, "patient");
        self.encounter_ref(json, "encounter");
        json.str("recordedDate", &self.at(minutes));
        self.nurse_ref(json, "recorder");
        json.array("reaction").item();
        concept_list(
            json,
            "manifestation",
            &[],
            &format!("{} · {}", allergen.reaction_arabic, allergen.reaction_english),
        );
        json.end().end();
        self.save(draft);
    }

    /// Something everybody who opens the chart must see.
    pub(super) fn flag(&mut self, code: &str, text: &str, minutes: u32) {
        let mut draft = self.draft("Flag");
        let json = &mut draft.json;
        json.str("status", "active");
        let category = "http://terminology.hl7.org/CodeSystem/flag-category";
        concept_list(json, "category", &[(category, "clinical", Some("Clinical"))], "");
        concept(json, "code", &[(CODE_SYSTEM, code, None)], text);
        self.patient_ref(json, "subject");
        json.object("period").str("start", &self.at(minutes)).end();
        self.encounter_ref(json, "encounter");
        self.nurse_ref(json, "author");
        self.save(draft);
    }

    /// A request to move the patient to another facility.
    pub(super) fn refer(&mut self, priority: &str, because: Option<&str>, note: &str, minutes: u32) {
        let mut draft = self.draft("ServiceRequest");
        let json = &mut draft.json;
        json.str("status", "active").str("intent", "order").str("priority", priority);
        concept(json, "code", &[(CODE_SYSTEM, "transfer", None)], "تحويل إلى مشفى آخر · transfer to another hospital");
        self.patient_ref(json, "subject");
        self.encounter_ref(json, "encounter");
        json.str("authoredOn", &self.at(minutes));
        self.doctor_ref(json, "requester");
        because_of(json, because);
        json.array("note").item().str("text", note).end().end();
        self.save(draft);
    }
}

fn names(json: &mut Json, name: &FullName, sex: Sex, latin: bool) {
    json.item().str("use", "official").str("text", &name.arabic()).str("family", name.family.arabic);
    json.array("given").str_item(name.given.arabic).str_item(name.father.arabic).end().end();
    if latin {
        json.item();
        let url = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation";
        json.array("extension").item().str("url", url).str("valueCode", "ABC").end().end();
        json.str("use", "usual").str("text", &name.latin()).str("family", name.family.latin);
        json.array("given").str_item(name.given.latin).str_item(name.father.latin).end().end();
    }
    if let Some(son) = name.kunya {
        let parent = match sex {
            Sex::Male => "أبو",
            Sex::Female => "أم",
        };
        json.item().str("use", "nickname").str("text", &format!("{parent} {}", son.arabic)).end();
    }
}

fn quantity(json: &mut Json, key: &str, tenths: i32, unit: &str, ucum: &str) {
    json.object(key).tenths("value", tenths).str("unit", unit).str("system", UCUM).str("code", ucum).end();
}

fn drug_code(json: &mut Json, drug: &Drug) {
    concept(json, "medicationCodeableConcept", &[(ATC, drug.term.code, None)], &both(&drug.term));
}

fn because_of(json: &mut Json, condition: Option<&str>) {
    if let Some(id) = condition {
        json.array("reasonReference").item().str_of("reference", &["Condition/", id]).end().end();
    }
}
