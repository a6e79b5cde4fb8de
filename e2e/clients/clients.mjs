// Two FHIR clients that nobody here wrote, against a site that is being served: `fhir-kit-client` and SMART's `fhirclient`.
// Each registers a patient, searches, pages, updates with a stale version, sends a transaction and reads a whole chart.
//
// Usage: node clients.mjs BASE TOKEN
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const [base, token] = process.argv.slice(2);
let checks = 0;

function check(name, holds) {
  checks += 1;
  if (!holds) {
    console.error(`${name}: not as it should be`);
    process.exit(1);
  }
}

const transaction = (reference, count) => ({
  resourceType: "Bundle",
  type: "transaction",
  entry: Array.from({ length: count }, (_, n) => ({
    resource: {
      resourceType: "Observation",
      status: "final",
      code: { coding: [{ system: "http://loinc.org", code: "8867-4" }] },
      subject: { reference },
      valueQuantity: { value: 60 + n, unit: "/min" },
    },
    request: { method: "POST", url: "Observation" },
  })),
});

async function withFhirKitClient() {
  const kit = await import("fhir-kit-client");
  const Client = kit.default?.default ?? kit.default ?? kit.Client;
  const client = new Client({ baseUrl: base, bearerToken: token });
  check("capabilities", (await client.capabilityStatement()).fhirVersion === "4.0.1");
  const body = { resourceType: "Patient", name: [{ family: "حداد", given: ["ليلى"] }], gender: "female" };
  const made = await client.create({ resourceType: "Patient", body });
  check("create", made.id && made.meta.versionId);
  const found = await client.search({ resourceType: "Patient", searchParams: { name: "Layla Haddad" } });
  check("search in the other script", found.entry.length === 1 && found.entry[0].resource.id === made.id);

  const answered = await client.transaction({ body: transaction(`Patient/${made.id}`, 21) });
  check("transaction", answered.entry.every((entry) => entry.response.status.startsWith("201")));
  let page = await client.search({ resourceType: "Observation", searchParams: { patient: made.id, _count: 8 } });
  let count = 0;
  while (page) {
    count += page.entry.length;
    page = await client.nextPage({ bundle: page });
  }
  check("all pages", count === 21);

  const update = (active, version) =>
    client.update({
      resourceType: "Patient",
      id: made.id,
      body: { ...made, active },
      options: { headers: { "If-Match": `W/"${version}"` } },
    });
  await update(true, made.meta.versionId);
  const refused = await update(false, made.meta.versionId).catch((error) => error);
  check("a stale update", (refused.response?.status ?? refused.status) === 412);
  const patched = await client.patch({
    resourceType: "Patient",
    id: made.id,
    jsonPatch: [{ op: "replace", path: "/gender", value: "other" }],
  });
  check("patch", patched.gender === "other");
  const history = await client.history({ resourceType: "Patient", id: made.id });
  check("history", history.entry.length === 3);
  const old = await client.vread({ resourceType: "Patient", id: made.id, version: made.meta.versionId });
  check("vread", old.gender === "female");
  const chart = await client.operation({ name: "everything", resourceType: "Patient", id: made.id, method: "GET" });
  check("everything", chart.entry.filter((entry) => entry.resource.resourceType === "Observation").length === 21);
  await client.delete({ resourceType: "Patient", id: made.id });
  const gone = await client.read({ resourceType: "Patient", id: made.id }).catch((error) => error);
  check("gone", (gone.response?.status ?? gone.status) === 410);
}

async function withFhirclient() {
  const smart = require("fhirclient");
  const FHIR = smart.default ?? smart;
  const make = FHIR.client ?? FHIR({}, {}).client;
  const client = make({ serverUrl: base, tokenResponse: { access_token: token } });
  const made = await client.create({ resourceType: "Patient", name: [{ text: "Yusuf Najjar" }] });
  check("create", made.id);
  const found = await client.request("Patient?name=%D9%8A%D9%88%D8%B3%D9%81+%D9%86%D8%AC%D8%A7%D8%B1");
  check("search in the other script", found.entry.some((entry) => entry.resource.id === made.id));
  await client.request({
    url: "",
    method: "POST",
    headers: { "content-type": "application/fhir+json" },
    body: JSON.stringify(transaction(`Patient/${made.id}`, 17)),
  });
  const pages = await client.request(`Observation?patient=${made.id}&_count=5`, { pageLimit: 0, flat: true });
  check("all pages, flat", pages.filter((one) => one.resourceType === "Observation").length === 17);
  const stale = await client
    .request({
      url: `Patient/${made.id}`,
      method: "PUT",
      headers: { "content-type": "application/fhir+json", "if-match": 'W/"0"' },
      body: JSON.stringify(made),
    })
    .catch((error) => error);
  check("a stale update", (stale.status ?? stale.statusCode) === 412);
  const updated = await client.update({ ...made, active: true });
  check("update", updated.meta.versionId !== made.meta.versionId);
  const resolved = await client.request(`Observation?patient=${made.id}&_count=1`, { resolveReferences: ["subject"], flat: true });
  check("references", resolved[0].subject.resourceType === "Patient");
  const chart = await client.request(`Patient/${made.id}/$everything`);
  check("everything", chart.entry.length >= 18);
  await client.delete(`Patient/${made.id}`);
}

await withFhirKitClient();
await withFhirclient();
console.log(`clients of JavaScript: ${checks} passed, 0 failed`);
