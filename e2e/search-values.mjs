// What a search parameter of FHIR R4 finds in a resource, as its official definition says, worked out by a FHIRPath engine
// that nobody here wrote (npm fhirpath) and by §3.1.1.4 of the specification. Shares nothing with the server's own code;
// written from the specification, so that the two can be held against each other.
//
// Values have the texts that crates/record/examples/index_values.rs describes.
//
// Where R4 leaves a choice, this takes the server's:
// - An absolute reference is also one to the resource that its end names: sites know no address of their own.
// - A reference is of the type that its end names, else of the one that its `type` says. Nothing else is resolved.
// - A canonical with a version is found with it and without it.
// - A time without a zone is in UTC.
// - The system of a `code` element is not compared: R4 leaves it to the value set.
import fhirpath from 'fhirpath';
import model from 'fhirpath/fhir-context/r4';

// ---- types

function isA(type, base) {
  for (let at = type; at; at = model.type2Parent[at]) if (at === base) return true;
  return false;
}

export const resourceTypes = new Set(
  Object.keys(model.type2Parent).filter(type => isA(type, 'Resource') && type !== 'DomainResource'));

// ---- the official expressions

// What is wrong with the official expressions themselves, and what they are read as.
const repairs = [
  // `as` refuses a list, and stands where lists stand. Later releases of FHIR say ofType().
  [/\.as\(/g, '.ofType('],
  [/([A-Za-z.]+) as ([A-Za-z]+)/g, '$1.ofType($2)'],
  // The one type that is written with a capital letter.
  [/ofType\(DateTime\)/g, 'ofType(dateTime)'],
];

// Its two parts have each other's expression: a reference is sought in a code. Later releases of FHIR have them so.
const componentRepairs = {
  'DocumentReference-relationship': { 'DocumentReference-relatesto': 'target', 'DocumentReference-relation': 'code' },
};

// The engine compares what stands on both sides of a `|`, and refuses a Quantity with a comparator there; here all values
// are put together anyway.
function alternatives(expression) {
  const found = [''];
  let depth = 0;
  for (const letter of expression) {
    depth += { '(': 1, ')': -1 }[letter] ?? 0;
    if (letter === '|' && depth === 0) found.push('');
    else found[found.length - 1] += letter;
  }
  return found.map(alternative => alternative.trim());
}

const targetOf = reference => localOf(unversioned(reference?.reference ?? ''))?.split('/')[0] ?? reference?.type;
const resolve = inputs => inputs.flatMap(input => {
  const type = targetOf(input.data);
  // As much of a resource as `is` asks about.
  return type ? [input.constructor.makeResNode(input.ctx, { resourceType: type }, null, type, null, type)] : [];
});
const options = {
  resolveInternalTypes: false,
  userInvocationTable: { resolve: { fn: resolve, arity: { 0: [] }, internalStructures: true } },
};

const compiled = new Map();
// The elements that an expression leads to: from the resource, or from one of its elements.
function evaluate(expression, resource, from) {
  return alternatives(expression).flatMap(alternative => {
    const key = `${from?.path} ${alternative}`;
    if (!compiled.has(key)) {
      const repaired = repairs.reduce((text, [wrong, right]) => text.replace(wrong, right), alternative);
      compiled.set(key, fhirpath.compile(from ? { base: from.path, expression: repaired } : repaired, model, options));
    }
    return compiled.get(key)(from ? from.data : resource, { resource });
  });
}

// ---- elements to values

const escaped = text => String(text).replace(/[\\|$,]/g, '\\$&');
const canonicals = ['canonical', 'uri', 'url', 'oid', 'uuid'];

// §3.1.1.4.10
function tokens(type, value) {
  const pair = (system, code) => system || code ? [`${escaped(system ?? '')}|${escaped(code ?? '')}`] : [];
  switch (type) {
    case 'CodeableConcept': return (value.coding ?? []).flatMap(coding => tokens('Coding', coding));
    case 'Coding': return pair(value.system, value.code);
    case 'Identifier': return pair(value.system, value.value);
    case 'ContactPoint': return value.value === undefined ? [] : [escaped(value.value)];
    case 'code': case 'boolean': case 'string': case 'id': case 'Boolean': case 'String': return [escaped(value)];
    default: return canonicals.includes(type) ? [escaped(value)] : [];
  }
}

// §3.1.1.4.8
const stringParts = {
  HumanName: ['text', 'family', 'given', 'prefix', 'suffix'],
  Address: ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'],
};
function strings(type, value) {
  const parts = stringParts[type];
  if (parts) return parts.flatMap(part => value[part] ?? []).filter(text => text !== null).map(escaped);
  return ['string', 'markdown'].includes(type) ? [escaped(value)] : [];
}

// §3.1.1.4.12 and 13
const unversioned = address => address.split('/_history/')[0];

// `Type/id` if an address ends so.
function localOf(address) {
  const [type, id] = address.split('/').slice(-2);
  return resourceTypes.has(type) && /^[A-Za-z0-9.-]{1,64}$/.test(id ?? '') ? `${type}/${id}` : undefined;
}

function literal(text) {
  if (text === '' || text.startsWith('#')) return [];
  const address = unversioned(text);
  const local = localOf(address);
  if (!address.includes(':')) return [local === address ? local : escaped(address)];
  return local ? [escaped(address), local] : [escaped(address)];
}

function references(type, value) {
  if (type === 'Reference') {
    const { system, value: id } = value.identifier ?? {};
    const identifier = id === undefined ? [] : [`:identifier=${escaped(system ?? '')}|${escaped(id)}`];
    return [...literal(value.reference ?? ''), ...identifier];
  }
  if (canonicals.includes(type)) {
    const [bare, version] = value.split('|');
    return version === undefined ? literal(bare) : [...literal(bare), escaped(value)];
  }
  // A resource within another.
  return resourceTypes.has(type) && value.id ? [`${type}/${value.id}`] : [];
}

// §3.1.1.4.7
const written = (from, until) => [`${from ?? '*'}..${until ?? '*'}`];

function dates(type, value) {
  switch (type) {
    case 'date': case 'dateTime': return written(...span(value));
    case 'instant': return written(span(value)[0], span(value)[0] + 1);
    case 'Period': return value.start || value.end ? written(...period(value)) : [];
    case 'Timing': {
      const bounds = value.repeat?.boundsPeriod;
      const limits = [...(value.event ?? []).map(span), ...bounds?.start || bounds?.end ? [period(bounds)] : []];
      const [starts, ends] = [limits.map(limit => limit[0]), limits.map(limit => limit[1])];
      const outer = (ends, most) => ends.includes(undefined) ? undefined : most(...ends);
      return limits.length ? written(outer(starts, Math.min), outer(ends, Math.max)) : [];
    }
    default: return [];
  }
}

const period = ({ start, end }) => [start && span(start)[0], end && span(end)[1]];

// From the first millisecond that a text may mean to the one after the last.
function span(text) {
  const parts = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(:\d\d)?(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?)?)?)?$/.exec(text);
  if (!parts) throw new Error(`not a date: ${text}`);
  const [, year, month, day, minute, second, fraction, zone] = parts;
  if (!month) return [Date.UTC(year, 0), Date.UTC(+year + 1, 0)];
  if (!day) return [Date.UTC(year, month - 1), Date.UTC(year, month)];
  if (!minute) return [Date.UTC(year, month - 1, day), Date.UTC(year, month - 1, +day + 1)];
  const digits = (fraction ?? '').padEnd(3, '0').slice(0, 3);
  const from = Date.parse(`${year}-${month}-${day}T${minute}${second ?? ':00'}.${digits}${zone ?? 'Z'}`);
  const exactness = fraction ? [100, 10, 1][Math.min(fraction.length, 3) - 1] : second ? 1_000 : 60_000;
  return [from, from + exactness];
}

// §3.1.1.4.6 and 11
const decimal = number => number === undefined ? '*' : number.toExponential().replace('e+', 'e');
const range = (low, high) => `${decimal(low)}..${decimal(high)}`;

function numbers(type, value) {
  switch (type) {
    case 'decimal': case 'integer': case 'positiveInt': case 'unsignedInt': return [range(value, value)];
    case 'Range': return value.low || value.high ? [range(value.low?.value, value.high?.value)] : [];
    default: return [];
  }
}

function quantities(type, value) {
  const unit = ({ system, code, unit }) => [system, code, unit].map(text => escaped(text ?? '')).join('|');
  const number = value.value;
  if (isA(type, 'Quantity')) return number === undefined ? [] : [`${range(number, number)}|${unit(value)}`];
  if (type === 'Money') {
    return quantities('Quantity', { value: number, system: 'urn:iso:std:iso:4217', code: value.currency });
  }
  if (type !== 'Range') return [];
  const ends = [value.low, value.high].filter(end => end?.value !== undefined);
  return ends.length ? [`${range(value.low?.value, value.high?.value)}|${unit(ends[0])}`] : [];
}

// §3.1.1.4.9
function uris(type, value) {
  if (!canonicals.includes(type)) return [];
  const bare = value.split('|')[0];
  return type === 'canonical' && bare !== value ? [escaped(bare), escaped(value)] : [escaped(value)];
}

const converters = {
  token: tokens, string: strings, reference: references, date: dates, number: numbers, quantity: quantities, uri: uris,
};

const sorted = values => [...new Set(values)].sort();

function convert(kind, elements) {
  return sorted(elements.flatMap(element => {
    const type = element?.getTypeInfo?.().name ?? { boolean: 'Boolean', string: 'String' }[typeof element];
    // An element may have extensions only.
    const [value] = fhirpath.resolveInternalTypes([element]);
    return value === undefined || value === null ? [] : converters[kind](type, value);
  }));
}

// ---- parameters

export class Parameters {
  // `definitions`: the SearchParameters of R4, as HL7 publishes them.
  constructor(definitions) {
    this.byUrl = new Map(definitions.map(param => [param.url, param]));
    this.byType = new Map([...resourceTypes].map(type =>
      [type, definitions.filter(param => param.base.some(base => isA(type, base)))]));
  }

  of(type) {
    return this.byType.get(type) ?? [];
  }

  // The values of a parameter, sorted and without repetitions.
  values(param, resource) {
    const elements = evaluate(param.expression, resource);
    if (param.type !== 'composite') return convert(param.type, elements);
    // The parts meet at one base, all of them.
    return sorted(elements.flatMap(base => {
      const parts = param.component.map(({ definition, expression }) => {
        const part = this.byUrl.get(definition);
        return convert(part.type, evaluate(componentRepairs[param.id]?.[part.id] ?? expression, resource, base));
      });
      return parts.every(part => part.length) ? [parts.map(part => part.join(',')).join('$')] : [];
    }));
  }
}
