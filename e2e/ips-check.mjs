// Checks International Patient Summaries against the StructureDefinitions of IPS 2.0.0, as HL7 publishes them.
//
//   node ips-check.mjs FILE…          documents, one JSON text or NDJSON; exit code 1 if one breaks a constraint
//   node ips-check.mjs --self-test    HL7's own documents pass, and each of many broken ones does not
//   node ips-check.mjs --strict FILE… what has a profile of its own in the Bundle must also follow it, though the slices are open
//
// What is checked of each document: Bundle-uv-ips and Composition-uv-ips, the base type of every resource, and of every
// resource the IPS profiles that its slice, its section or a reference asks for: elements, cardinalities, types and formats,
// fixed and pattern values, required bindings, slices (by value, pattern, type and profile), targets of references, and
// every FHIRPath invariant.
//
// What is not checked, and why:
// - Preferred, extensible and example bindings: they bind nothing, or need SNOMED CT and LOINC, which are not in the packages.
// - Required bindings to sets that cannot be listed from the packages (media types, currencies, …): named in the output.
// - The definitions of extensions (hl7.fhir.uv.extensions is not an official dependency on npm in the version IPS names): an
//   extension is checked as one, and its use is named in the output.
// - The magic codes of vital signs (a heart rate in /min, …): profiles of R4 that no StructureDefinition of IPS refers to.
// - Obligations and mustSupport: they are about programs, not about documents.
// - References to other servers (absolute URLs without an entry): nothing is fetched.
// - Displays of codes, and whether a narrative says what the entries say.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BASE, ips, structure } from './fhir/definitions.mjs';
import { Validator } from './fhir/validate.mjs';

const PROFILES = 'http://hl7.org/fhir/uv/ips/StructureDefinition/';
const BUNDLE = `${PROFILES}Bundle-uv-ips`;
const slices = [...structure(BUNDLE).root.children.get('entry').slices.values()]
  .map(slice => slice.children.get('resource').def.type[0])
  .map(({ code, profile }) => ({ type: code, profile: profile?.[0] }));

// The problems of a document, and what its resources are by the slices of the Bundle.
export function check(bundle, strict) {
  const entries = Array.isArray(bundle.entry) ? bundle.entry : [];
  const byUrl = new Map(entries.map(entry => [entry?.fullUrl, entry?.resource]));
  const urlOf = new Map(entries.map(entry => [entry?.resource, entry?.fullUrl]));
  // R4 bundle.html#references: by fullUrl; a relative one by the fullUrl of the entry it stands in. Contained ones by id.
  const resolve = (reference, from) => {
    if (reference.startsWith('#')) return from.contained?.find(({ id }) => id === reference.slice(1)) ?? (reference === '#' ? from : undefined);
    const plain = reference.split('#')[0].replace(/\/_history\/[^/]+$/, '');
    const base = /^(https?:.*\/)[A-Za-z]+\/[^/]+$/.exec(urlOf.get(from) ?? '')?.[1];
    const found = byUrl.get(plain) ?? (base && byUrl.get(base + plain));
    return found ?? (/^https?:/.test(plain) ? null : undefined);
  };
  const validator = new Validator(resolve);
  const problems = validator.resource(bundle, [BUNDLE], 'Bundle');
  const standing = new Map();
  for (const [index, entry] of entries.entries()) {
    const { resource } = entry ?? {};
    if (!resource?.resourceType) continue;
    const own = slices.filter(({ type }) => type === resource.resourceType);
    const profiled = own.filter(({ profile }) => profile);
    const followed = profiled.filter(({ profile }) => validator.conforms(resource, profile)).map(({ profile }) => profile);
    const name = followed.map(profile => profile.split('/').at(-1)).join(' and ')
      || (profiled.length ? `${resource.resourceType} outside its slices` : `${resource.resourceType}`);
    standing.set(name, (standing.get(name) ?? 0) + 1);
    const must = strict || ['Composition', 'Patient'].includes(resource.resourceType);
    if (must && profiled.length === 1 && !followed.length) {
      problems.push(...validator.resource(resource, [profiled[0].profile], `Bundle.entry[${index}].resource`));
    }
    // An Observation says by its category which of the profiles it means to follow.
    const meant = { laboratory: 'results-laboratory-pathology', imaging: 'results-radiology', 'vital-signs': 'vitalsigns' };
    for (const { code } of strict && resource.resourceType === 'Observation' ? (resource.category ?? []).flatMap(({ coding }) => coding ?? []) : []) {
      const profile = code === 'vital-signs' ? `${BASE}vitalsigns` : meant[code] && `${PROFILES}Observation-${meant[code]}-uv-ips`;
      if (profile && !followed.includes(profile)) problems.push(...validator.resource(resource, [profile], `Bundle.entry[${index}].resource`));
    }
  }
  const seen = new Set();
  const once = problems.filter(([path, what]) => !seen.has(`${path} ${what}`) && seen.add(`${path} ${what}`));
  return { problems: once, standing, validator };
}

const documents = file => {
  const text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  try {
    return [JSON.parse(text)];
  } catch {
    return text.split('\n').filter(line => line.trim()).map(line => JSON.parse(line));
  }
};

const add = (into, from) => from.forEach((count, name) => into.set(name, (into.get(name) ?? 0) + count));
const table = counts => [...counts].sort().map(([name, count]) => `  ${String(count).padStart(7)}  ${name}`).join('\n');

function checkFiles(files, strict) {
  const [standing, evaluated, unchecked, found] = [new Map(), new Map(), new Map(), new Map()];
  let [passed, failed] = [0, 0];
  for (const file of files) {
    for (const [index, document] of documents(file).entries()) {
      const result = check(document, strict);
      const errors = result.problems.filter(([, , severity]) => severity === 'error');
      add(standing, result.standing);
      add(evaluated, result.validator.evaluated);
      add(unchecked, result.validator.unchecked);
      for (const [, what, severity] of result.problems) if (severity !== 'error') found.set(what.slice(0, 100), (found.get(what.slice(0, 100)) ?? 0) + 1);
      errors.slice(0, 20).forEach(([path, what]) => console.log(`${file} ${index}: ${path}: ${what}`));
      if (errors.length) failed += 1;
      else passed += 1;
    }
  }
  console.log(`resources, by the profile that they follow:\n${table(standing)}`);
  console.log(`invariants evaluated: ${[...evaluated.keys()].length}, ${[...evaluated.values()].reduce((a, b) => a + b, 0)} times`);
  console.log(`not checked:\n${table(unchecked)}`);
  if (found.size) console.log(`best practice not followed (warnings):\n${table(found)}`);
  console.log(`ips: ${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0;
}

// Each breaks one kind of constraint in a document that passes.
const entryOf = (bundle, type) => bundle.entry.find(({ resource }) => resource.resourceType === type)?.resource;
const sectionOf = (bundle, code) => entryOf(bundle, 'Composition').section.find(section => section.code.coding[0].code === code);
const BREAKS = {
  'no identifier': bundle => delete bundle.identifier,
  'another type of Bundle': bundle => (bundle.type = 'collection'),
  'no timestamp': bundle => delete bundle.timestamp,
  'a time that is none': bundle => (bundle.timestamp = '2018-02-30 10:00'),
  'an entry without fullUrl': bundle => delete bundle.entry[2].fullUrl,
  'an entry with a request': bundle => (bundle.entry[2].request = { method: 'GET', url: 'Patient/1' }),
  'two entries of one fullUrl': bundle => (bundle.entry[2].fullUrl = bundle.entry[1].fullUrl),
  'two Compositions': bundle => bundle.entry.push({ ...bundle.entry[0], fullUrl: 'urn:uuid:00000000-0000-4000-8000-0000000000ff' }),
  'two Patients': bundle => bundle.entry.push({ ...bundle.entry.find(({ resource }) => resource.resourceType === 'Patient'), fullUrl: 'urn:uuid:00000000-0000-4000-8000-0000000000ff' }),
  'no Patient': bundle => (bundle.entry = bundle.entry.filter(({ resource }) => resource.resourceType !== 'Patient')),
  'another type of document': bundle => (entryOf(bundle, 'Composition').type.coding[0].code = '34133-9'),
  'a status that is none': bundle => (entryOf(bundle, 'Composition').status = 'done'),
  'no author': bundle => delete entryOf(bundle, 'Composition').author,
  'a title that is a list': bundle => (entryOf(bundle, 'Composition').title = ['x']),
  'an element R4 does not have': bundle => (entryOf(bundle, 'Composition').heading = 'x'),
  'no section of problems': bundle => (entryOf(bundle, 'Composition').section = entryOf(bundle, 'Composition').section.filter(section => section !== sectionOf(bundle, '11450-4'))),
  'two sections of allergies': bundle => entryOf(bundle, 'Composition').section.push(structuredClone(sectionOf(bundle, '48765-2'))),
  'a section without title': bundle => delete sectionOf(bundle, '10160-0').title,
  'a section without text': bundle => delete sectionOf(bundle, '10160-0').text,
  'a section within a section': bundle => (sectionOf(bundle, '10160-0').section = [structuredClone(sectionOf(bundle, '11450-4'))]),
  'an empty section without a reason': bundle => { delete sectionOf(bundle, '11450-4').entry; delete sectionOf(bundle, '11450-4').emptyReason; },
  'a reason for what is not empty': bundle => { sectionOf(bundle, '11450-4').entry = [{ reference: bundle.entry.find(({ resource }) => resource.resourceType === 'Condition')?.fullUrl }]; sectionOf(bundle, '11450-4').emptyReason = { text: 'x' }; },
  'a problem that is a Patient': bundle => { sectionOf(bundle, '11450-4').entry = [{ reference: bundle.entry.find(({ resource }) => resource.resourceType === 'Patient').fullUrl }]; delete sectionOf(bundle, '11450-4').emptyReason; },
  'an entry that leads nowhere': bundle => { sectionOf(bundle, '11450-4').entry = [{ reference: 'urn:uuid:00000000-0000-4000-8000-0000000000ee' }]; delete sectionOf(bundle, '11450-4').emptyReason; },
  'a script in the narrative': bundle => (sectionOf(bundle, '11450-4').text.div = '<div xmlns="http://www.w3.org/1999/xhtml"><script>1</script></div>'),
  'a narrative that is not closed': bundle => (sectionOf(bundle, '11450-4').text.div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>x</div>'),
  'an empty narrative': bundle => (sectionOf(bundle, '11450-4').text.div = '<div xmlns="http://www.w3.org/1999/xhtml"> </div>'),
  'a Patient without a birth date': bundle => { delete entryOf(bundle, 'Patient').birthDate; delete entryOf(bundle, 'Patient')._birthDate; },
  'a Patient without a name': bundle => delete entryOf(bundle, 'Patient').name,
  'a name that says nothing': bundle => (entryOf(bundle, 'Patient').name = [{ use: 'official' }]),
  'a sex that is none': bundle => (entryOf(bundle, 'Patient').gender = 'm'),
  'a birth date that is none': bundle => (entryOf(bundle, 'Patient').birthDate = '1980-13'),
  'a number as a text': bundle => (entryOf(bundle, 'Patient').multipleBirthInteger = '2'),
  'a choice twice': bundle => Object.assign(entryOf(bundle, 'Patient'), { deceasedBoolean: false, deceasedDateTime: '2018' }),
  'a contact without anything': bundle => (entryOf(bundle, 'Patient').contact = [{ gender: 'male' }]),
  'an extension without a value': bundle => (entryOf(bundle, 'Patient').extension = [{ url: 'http://example.org/x' }]),
  'a reference that leads nowhere': bundle => (entryOf(bundle, 'Patient').managingOrganization = { reference: 'Organization/nobody' }),
};

function selfTest() {
  let failed = 0;
  const say = (ok, what) => {
    if (!ok) failed += 1;
    if (!ok) console.log(`  WRONG ${what}`);
  };
  const folder = join(ips, 'example');
  const bundles = readdirSync(folder).filter(name => name.startsWith('Bundle-')).map(name => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  for (const bundle of bundles) {
    const errors = check(bundle).problems.filter(([, , severity]) => severity === 'error');
    errors.slice(0, 10).forEach(([path, what]) => console.log(`  ${bundle.id}: ${path}: ${what}`));
    say(!errors.length, `${bundle.id} is HL7's own and does not pass`);
    for (const [name, breaks] of Object.entries(BREAKS)) {
      const broken = structuredClone(bundle);
      breaks(broken);
      say(check(broken).problems.some(([, , severity]) => severity === 'error'), `${bundle.id} passes with ${name}`);
    }
  }
  console.log(`ips self-test: ${bundles.length} documents of HL7, ${Object.keys(BREAKS).length} ways to break each, ${failed} wrong`);
  return failed === 0 && bundles.length > 0;
}

const args = process.argv.slice(2);
const files = args.filter(arg => !arg.startsWith('--'));
if (!files.length && !args.includes('--self-test')) {
  console.error('usage: node ips-check.mjs [--strict] FILE… | --self-test');
  process.exit(2);
}
const ok = (!args.includes('--self-test') || selfTest()) && (!files.length || checkFiles(files, args.includes('--strict')));
process.exit(ok ? 0 : 1);
