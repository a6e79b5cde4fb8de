// Resources that say something for every search parameter of R4, which no collection of examples does: built from the model
// of the FHIRPath engine, with each type that an element may have and with the edges of what each type may say. They need
// not make sense, and need not be valid.
import model from 'fhirpath/fhir-context/r4';
import { resourceTypes } from './search-values.mjs';

// Twice as many of each type as the longest choice that is searched has types.
const OF_EACH = 24;
// A type within a type within a type is enough for any expression.
const DEPTH_MAX = 3;
const nowhere = new Set(['id', 'extension', 'modifierExtension']);
const notInResources = new Set(['contained', 'text', 'implicitRules', 'language']);

const texts = ['plain', 'a|b,c$d\\e', 'دوما', 'two\nlines "quoted"', '😀', ' '];
const uuid = 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0';
const uris = ['http://example.org/fhir/ValueSet/a', 'urn:oid:1.2.3', uuid, 'ValueSet/b', 'http://example.org/other|1',
  'https://example.org/x?y=z#part'];
const instants = ['2018-02-18T10:15:00Z', '2018-02-18T10:15:00.5+02:00', '1969-12-31T23:59:59.123456-03:30'];
const dates = ['2018', '2016-02', '2016-02-29', '1969-12-31', '2018-12'];
const times = [...dates, ...instants, '2018-02-18T23:59:59', '2018-12-31T23:30:00-05:00'];
const decimals = [1.5, 0, -3, 1e-22, 12345678901234567000, 0.1, 185];
const integers = [0, 1, 7, 2147483647];
const quantities = [
  { value: 5.4, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' },
  { value: -0.001, comparator: '<', unit: 'mm | Hg' },
  { value: 60, code: 'mm[Hg]', system: 'http://unitsofmeasure.org' },
  { unit: 'nothing' },
];
const samples = {
  string: texts, markdown: texts, xhtml: ['<div/>'], code: ['active', 'a|b', 'phone'], id: ['x1'],
  uri: uris, url: uris, canonical: [...uris, 'http://example.org/fhir/Library/l|2.0'], oid: ['urn:oid:1.2'], uuid: [uuid],
  boolean: [true, false], date: dates, dateTime: times, instant: instants, time: ['10:15:00'], base64Binary: ['AAAA'],
  decimal: decimals, integer: integers, positiveInt: integers, unsignedInt: integers,
  Quantity: quantities, Age: quantities, Duration: quantities, Count: quantities, Distance: quantities,
  Money: [{ value: 12.5, currency: 'SYP' }, { currency: 'SYP' }, { value: 0.3 }],
  Range: [
    { low: quantities[0], high: quantities[2] }, { low: quantities[2] }, { high: quantities[0] }, {},
    { low: quantities[3], high: quantities[0] },
  ],
  Period: [{ start: '2018-02-18', end: '2018-03' }, { start: instants[1] }, { end: '2018' }, {}],
  Timing: [
    { event: ['2018-02-18', '2018-01', '2019-01-01T10:00:00Z'] }, { repeat: { boundsPeriod: { start: '2018' } } }, {},
    { event: ['2018'], repeat: { boundsPeriod: { end: '2018-06' } } }, { repeat: { boundsDuration: quantities[0], count: 3 } },
  ],
  Coding: [
    { system: 'http://loinc.org', code: '8480-6', display: 'x' }, { code: 'c,d$e' }, { system: 'urn:a|b' }, { display: 'only' },
  ],
  CodeableConcept: [
    { coding: [{ system: 'http://loinc.org', code: '8480-6' }, { code: 'local' }, { system: 'http://snomed.info/sct' }], text: 't' },
    { coding: [{ system: 'urn:a|b', code: '|' }] }, { text: 'only' }, { coding: [] },
  ],
  Identifier: [
    { system: 'urn:tag', value: 'TAG-0113' }, { value: '7' }, { system: 'urn:none' }, { type: { text: 'x' } },
  ],
  ContactPoint: [
    ...['phone', 'email', 'fax', undefined].map(system => ({ system, value: `a@${system}|1`, use: 'home' })), { system: 'phone' },
  ],
  HumanName: [
    { family: 'الأحمد', given: ['محمد', 'خالد'], prefix: ['Dr'], suffix: ['Jr'], use: 'usual', text: 'all of it' },
    { given: [null, 'second'], _given: [{ id: 'a' }, null], _family: { id: 'b' }, period: { start: '2018' } },
  ],
  Address: [
    { line: ['Street 3', 'c/o x'], city: 'دوما', district: 'd', state: 's', postalCode: '1', country: 'SY', text: 't' },
    { use: 'work' },
  ],
  RelatedArtifact: ['composed-of', 'depends-on', 'derived-from', 'predecessor', 'successor', 'citation']
    .map((type, at) => ({ type, resource: `http://example.org/Library/${at}|${at}`, url: 'http://example.org' })),
  Meta: [{
    lastUpdated: instants[0], profile: ['http://x/p|2', 'http://x/q'], source: 'urn:s', security: [{ code: 's' }],
    tag: [{ system: 'urn:t', code: 't' }],
  }],
  Resource: [{ resourceType: 'Composition', id: 'c1' }, { resourceType: 'MessageHeader', id: 'm1' }],
};

function referencesTo(types) {
  return types.flatMap(type => [
    { reference: `${type}/x1` },
    { reference: `https://example.org/fhir/${type}/x2/_history/3`, display: 'd' },
    { reference: `${type}/x3`, identifier: { system: 'urn:i', value: type } },
    { type, identifier: { value: type } },
  ]).concat([
    { reference: uuid }, { reference: '#part' }, { display: 'somebody' },
    { reference: 'Patient?identifier=1' }, { reference: 'http://example.org/elsewhere', identifier: { system: 'urn:i' } },
  ]);
}

// The specimens of all types. `params` are the official definitions.
export function* specimens(params) {
  for (const type of resourceTypes) {
    const own = params.filter(param => param.base.some(base => [type, 'Resource', 'DomainResource'].includes(base)));
    const parts = own.flatMap(param => param.component ?? []);
    const expressions = [...own, ...parts].map(each => each.expression ?? '').join(' ');
    const searched = new Set(expressions.match(/\w+/g));
    // The types that a parameter asks for, and a few others.
    const asked = [...expressions.matchAll(/ is (\w+)/g)].map(found => found[1]);
    const targets = new Set([...asked, ...own.flatMap(param => param.target ?? []).slice(0, 6), 'Patient']);
    const builder = new Builder({ ...samples, Reference: referencesTo([...targets]) }, searched);
    for (let which = 0; which < OF_EACH; which += 1) yield { resourceType: type, ...builder.element(type, which, 0) };
  }
}

class Builder {
  constructor(samples, searched) {
    this.samples = samples;
    this.searched = searched;
    this.state = 1;
  }

  // The same from run to run (Park and Miller's generator).
  below(limit) {
    this.state = (this.state * 48271) % 2147483647;
    return this.state % limit;
  }

  // The members of an element at a path, which may be a type.
  element(path, which, depth) {
    const element = {};
    for (const [name, types] of childrenOf(path)) {
      // In a resource only what is searched; in a data type everything.
      if (nowhere.has(name) || (depth === 0 && !this.searched.has(name))) continue;
      if (resourceTypes.has(path) && notInResources.has(name)) continue;
      const many = model.path2Repeating[`${path}.${name}`];
      const [member, type, at] = types[which % types.length];
      const values = [which, which + 1].slice(many ? 0 : 1).map(which => this.value(at, type, which, depth));
      if (values[0] !== undefined) element[member] = many ? values : values[0];
    }
    return element;
  }

  // A sample of a type, or one that is built.
  value(path, type, which, depth) {
    const known = this.samples[type];
    if (known) return known[this.below(known.length)];
    if (type === 'BackboneElement' || type === 'Element') return this.element(path, which, depth);
    return depth < DEPTH_MAX ? this.element(type, which, depth + 1) : undefined;
  }
}

const children = new Map();
// The elements at a path: name, and for each type it may have the JSON member, the type, and where its parts are defined.
function childrenOf(path) {
  if (children.has(path)) return children.get(path);
  const found = new Map();
  const add = (full, type, at) => {
    const choice = Object.entries(model.choiceTypePaths)
      .find(([of, kinds]) => kinds.some(kind => `${of}${kind}` === full))?.[0];
    const name = (choice ?? full).split('.').at(-1);
    found.set(name, [...found.get(name) ?? [], [full.split('.').at(-1), type, at]]);
  };
  for (const base of [model.type2Parent[path], path].filter(Boolean)) {
    const inBase = full => full.startsWith(`${base}.`) && !full.slice(base.length + 1).includes('.');
    Object.entries(model.path2Type).filter(([full]) => inBase(full)).forEach(([full, type]) => add(full, type, full));
    // What is the same as another element, and not the same as one that it stands in.
    Object.entries(model.pathsDefinedElsewhere).filter(([full, at]) => inBase(full) && !full.startsWith(`${at}.`))
      .forEach(([full, at]) => add(full, 'BackboneElement', at));
  }
  children.set(path, [...found]);
  return children.get(path);
}
