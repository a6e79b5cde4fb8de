"""Two FHIR clients that nobody here wrote, against a site that is being served: SMART's `fhirclient` and `fhirpy`.

Each registers a patient, searches, pages, updates with a stale version, sends a transaction and reads a whole chart.
Usage: clients.py BASE TOKEN
"""

import sys

import requests
from fhirclient import client as smart
from fhirclient.models import bundle, fhirsearch, humanname, observation, patient
from fhirclient.server import FHIRNotFoundException
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

base, token = sys.argv[1:3]
checks = 0


def check(name, holds):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"{name}: not as it should be")


def with_fhirclient():
    fhir = smart.FHIRClient(settings={"app_id": "sanad-e2e", "api_base": base})
    fhir.server.session.headers["Authorization"] = f"Bearer {token}"
    server = fhir.server
    check("capabilities", server.capabilityStatement.fhirVersion == "4.0.1")

    person = patient.Patient()
    name = humanname.HumanName()
    name.family, name.given = "الخطيب", ["رنا"]
    person.name, person.gender = [name], "female"
    made = person.create(server)
    person = patient.Patient.read(made["id"], server)
    check("create and read", person.name[0].family == "الخطيب")

    found = patient.Patient.where(struct={"name": "Khatib", "gender": "female"}).perform_resources(server)
    check("search in the other script", [one.id for one in found] == [person.id])

    subject = {"reference": f"Patient/{person.id}"}
    entries = [
        {
            "fullUrl": f"urn:uuid:00000000-0000-4000-8000-{n:012d}",
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                "subject": subject,
                "effectiveDateTime": f"2018-03-{n + 1:02d}",
                "valueQuantity": {"value": 60 + n, "unit": "/min"},
            },
            "request": {"method": "POST", "url": "Observation"},
        }
        for n in range(25)
    ]
    sent = bundle.Bundle({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    answered = server.post_json("", sent.as_json()).json()
    check("transaction", all(entry["response"]["status"].startswith("201") for entry in answered["entry"]))

    search = observation.Observation.where({"patient": person.id, "_count": "10", "_sort": "-date"})
    pages = list(fhirsearch.FHIRSearch.perform_iter(search, server)) if hasattr(search, "perform_iter") else None
    if pages is not None:
        values = [entry.resource.valueQuantity.value for page in pages for entry in page.entry or []]
        check("pages in order", values == [84 - n for n in range(25)])
    check("search", len(search.perform_resources(server)) >= 10)

    stale = person.as_json()
    person.active = True
    person.update(server)
    headers = {"If-Match": f'W/"{stale["meta"]["versionId"]}"', "Authorization": f"Bearer {token}"}
    refused = requests.put(f"{base}/Patient/{person.id}", json=stale, headers=headers)
    check("a stale update", refused.status_code == 412)
    check("its outcome", refused.json()["resourceType"] == "OperationOutcome")

    chart = bundle.Bundle(server.request_json(f"Patient/{person.id}/$everything"))
    kinds = [entry.resource.resource_type for entry in chart.entry]
    check("everything", kinds.count("Observation") == 25 and kinds[0] == "Patient")
    person.delete()
    try:
        patient.Patient.read("nobody", server)
        check("not found", False)
    except FHIRNotFoundException:
        check("not found", True)


def with_fhirpy():
    client = SyncFHIRClient(base, authorization=f"Bearer {token}")
    person = client.resource("Patient", name=[{"family": "Saleh", "given": ["Omar"]}], gender="male")
    person.save()
    check("create", bool(person.id) and bool(person.get_by_path(["meta", "versionId"])))
    found = client.resources("Patient").search(name="عمر صالح").fetch()
    check("search in the other script", [one.id for one in found] == [person.id])

    entry = lambda n: {
        "resource": {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "weight"},
            "subject": person.to_reference().serialize(),
            "valueQuantity": {"value": n},
        },
        "request": {"method": "POST", "url": "Observation"},
    }
    client.resource("Bundle", type="transaction", entry=[entry(n) for n in range(23)]).save()
    observations = client.resources("Observation").search(patient=person.id).limit(5)
    check("all pages", len(observations.fetch_all()) == 23)
    check("count", observations.count() == 23)
    included = client.resources("Observation").search(patient=person.id).include("Observation", "subject").fetch_raw()
    check("include", any(entry.resource.resource_type == "Patient" for entry in included.entry))

    before = person.get_by_path(["meta", "versionId"])
    person["active"] = True
    person.save()
    check("a new version", person.get_by_path(["meta", "versionId"]) != before)
    # Its `patch` sends a part of a resource, which R4 knows no meaning of; what it saves is whole.
    person["birthDate"] = "1980-01-01"
    person.save()
    check("update", client.reference("Patient", person.id).to_resource()["birthDate"] == "1980-01-01")
    same, made = client.resources("Patient").search(name="nobody-is-called-so").get_or_create(
        client.resource("Patient", name=[{"text": "nobody-is-called-so"}])
    )
    check("conditional create", made and bool(same.id))
    chart = person.execute("$everything", method="get")
    check("everything", len([entry for entry in chart["entry"] if entry["resource"]["resourceType"] == "Observation"]) == 23)
    try:
        client.reference("Patient", "nobody").to_resource()
        check("not found", False)
    except (ResourceNotFound, OperationOutcome):
        check("not found", True)
    person.delete()


with_fhirclient()
with_fhirpy()
print(f"clients of Python: {checks} passed, 0 failed")
