// Checks FHIR JSON against StructureDefinitions: elements and their types, cardinalities, fixed and pattern values, required
// bindings, slicing, references and their targets, FHIRPath invariants. Written from the R4 specification (profiling.html,
// elementdefinition.html); it knows nothing of the program whose documents it checks.
import { createRequire } from 'node:module';
import { BASE, codes, structure } from './definitions.mjs';
import { narrativeProblem } from './xhtml.mjs';

const require = createRequire(import.meta.url);
const fhirpath = require('fhirpath');
const model = require('fhirpath/fhir-context/r4');

const YEAR = '(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)';
const DATE = `${YEAR}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[1-2][0-9]|3[0-1]))?)?`;
const TIME = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]+)?';
const ZONE = '(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))';
const DAY = `${YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[1-2][0-9]|3[0-1])`;
// datatypes.html: the JSON type of each primitive and its regular expression.
const PRIMITIVES = {
  base64Binary: /^[0-9A-Za-z+/=\s]+$/, canonical: /^\S+$/, code: /^[^\s]+(\s[^\s]+)*$/,
  date: new RegExp(`^${DATE}$`), dateTime: new RegExp(`^(?:${DATE}|${DAY}T${TIME}${ZONE})$`), id: /^[A-Za-z0-9\-.]{1,64}$/,
  instant: new RegExp(`^${DAY}T${TIME}${ZONE}$`), markdown: /\S/, oid: /^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$/, string: /\S/,
  time: new RegExp(`^${TIME}$`), uri: /^\S+$/, url: /^\S+$/, xhtml: /\S/,
  uuid: /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
};
const NUMBERS = { decimal: () => true, integer: Number.isInteger, positiveInt: value => Number.isInteger(value) && value > 0,
  unsignedInt: value => Number.isInteger(value) && value >= 0 };

// Invariants whose FHIRPath cannot say what their text says; each with the reason.
export const NOT_EVALUATED = {
  'txt-1': 'htmlChecks() of fhirpath.js does not look at the text; checked by xhtml.mjs',
  'txt-2': 'htmlChecks() of fhirpath.js does not look at the text; checked by xhtml.mjs',
  'dom-3': 'as() of many values is an error in FHIRPath, so it fails wherever something is contained; checked in JavaScript',
  'ele-1': 'checked in JavaScript, it is on every element',
  'ext-1': 'checked in JavaScript, it is on every extension',
};

const isPrimitive = type => type in PRIMITIVES || type in NUMBERS || type === 'boolean' || type.includes('fhirpath/System');
const capital = text => text[0].toUpperCase() + text.slice(1);
const typeOf = code => (code.includes('fhirpath/System') ? 'string' : code);

export class Validator {
  // resolve(reference, from): the resource that a reference means, null if it need not be here, undefined if it is missing.
  constructor(resolve) {
    this.resolve = resolve;
    this.conforming = new Map();
    this.unchecked = new Map();
    this.evaluated = new Map();
    this.held = new WeakMap();
  }

  note(what) {
    this.unchecked.set(what, (this.unchecked.get(what) ?? 0) + 1);
  }

  // The problems of a resource as its base type and as each profile: [path, what, severity].
  resource(resource, profiles, path) {
    const problems = [];
    const base = structure(BASE + resource.resourceType);
    for (const contained of resource.contained ?? []) {
      const others = JSON.stringify({ ...resource, contained: resource.contained.filter(other => other !== contained) });
      const used = others.includes(`"#${contained.id}"`) || JSON.stringify(contained).includes('"reference":"#"');
      if (!used) problems.push([path, `dom-3: contained ${contained.id} is referred to by nothing`, 'error']);
    }
    if (base?.kind !== 'resource') return [[path, `${resource.resourceType} is no resource of R4`, 'error']];
    for (const url of [base.url, ...profiles]) {
      // The base type says all that may be there; a profile is looked at for what it adds.
      const context = { problems, resource, whole: url === base.url };
      const profile = structure(url);
      if (!profile) {
        this.note(`profile ${url}: in neither package`);
        continue;
      }
      if (profile.type !== resource.resourceType) {
        problems.push([path, `is a ${resource.resourceType}, not a ${profile.type}`, 'error']);
        continue;
      }
      this.object({ value: resource }, profile.root, resource.resourceType, path, context);
    }
    return problems;
  }

  // Whether a resource follows a profile. While it is being looked at, it does: a circle proves nothing.
  conforms(resource, canonical) {
    const url = canonical.split('|')[0];
    if (!this.conforming.has(resource)) this.conforming.set(resource, new Map());
    const known = this.conforming.get(resource);
    if (!known.has(url)) {
      known.set(url, true);
      const isBase = url.startsWith(BASE) && structure(url)?.type === url.slice(BASE.length);
      const matches = isBase ? structure(url).type === resource.resourceType || url === `${BASE}Resource`
        : !this.resource(resource, [url], '').some(([, , severity]) => severity === 'error');
      known.set(url, matches);
    }
    return known.get(url);
  }

  // An object against the children of a node of a definition.
  object(item, node, pathInModel, path, context, whole = context.whole) {
    const { problems } = context;
    const { value } = item;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      problems.push([path, 'is not an object', 'error']);
      return;
    }
    this.invariants(item, node.def, pathInModel, path, context);
    const seen = new Set(['resourceType']);
    for (const [name, child] of node.children) {
      const items = collect(value, name, child, seen);
      const where = `${path}.${name.replace('[x]', '')}`;
      cardinality(items.length, child.def, where, problems);
      const isList = child.def.base ? child.def.base.max !== '1' : child.def.max !== '1';
      if (name.endsWith('[x]')) this.otherTypes(value, name, child.def, where, problems);
      for (const found of items) {
        if (found.listed !== isList) problems.push([where, found.listed ? 'is a list' : 'is not a list', 'error']);
      }
      items.forEach((found, index) => {
        this.element(found, child, `${pathInModel}.${name.replace('[x]', '')}`, isList ? `${where}[${index}]` : where, context);
      });
      if (child.slices.size) this.slices(items, child, `${pathInModel}.${name.replace('[x]', '')}`, where, context);
    }
    if (whole) {
      for (const name of Object.keys(value).filter(name => !seen.has(name))) problems.push([path, `has ${name}`, 'error']);
    }
  }

  // A type of a choice that R4 has and the profile does not.
  otherTypes(value, name, def, path, problems) {
    const origin = def.base?.path && structure(BASE + def.base.path.split('.')[0])?.root.byId[def.base.path];
    const allowed = def.type.map(({ code }) => code);
    for (const { code } of origin?.def.type ?? []) {
      const member = name.slice(0, -3) + capital(typeOf(code));
      if (!allowed.includes(code) && member in value) problems.push([path, `is a ${code}`, 'error']);
    }
  }

  // One element, of whatever type it turned out to have.
  element(item, node, pathInModel, path, context) {
    const { problems } = context;
    const { def } = node;
    const fixed = Object.keys(def).find(key => /^(fixed|pattern)[A-Z]/.test(key));
    if (fixed && !(fixed.startsWith('fixed') ? same(item.value, def[fixed]) : fits(item.value, def[fixed])))
      problems.push([path, `is not ${JSON.stringify(def[fixed])}`, 'error']);
    if (item.value === undefined && !item.beside?.extension) problems.push([path, 'ele-1: says nothing', 'error']);
    this.binding(item, def, path, context);
    if (def.contentReference) {
      const id = def.contentReference.slice(def.contentReference.indexOf('#') + 1);
      const target = structure(BASE + id.split('.')[0]).root.byId[id];
      this.object(item, target, target.def.path, path, context, true);
      return;
    }
    const type = def.type?.find(({ code }) => typeOf(code) === item.type) ?? def.type?.[0];
    if (!type) return;
    const code = typeOf(type.code);
    if (isPrimitive(type.code)) {
      this.primitive(item, code, path, problems);
      this.invariants(item, def, pathInModel, path, context);
      if (item.beside && context.whole) this.datatype({ value: item.beside }, 'Element', path, context);
      return;
    }
    if (code === 'Resource' || structure(BASE + code)?.kind === 'resource') {
      if (context.whole) problems.push(...this.resource(item.value, [], path));
      const broken = (type.profile ?? []).filter(url => structure(url) && !this.conforms(item.value, url));
      for (const url of broken) problems.push(...this.resource(item.value, [url], path));
      return;
    }
    if (typeof item.value === 'object' && !Object.keys(item.value ?? {}).some(key => key !== 'id'))
      problems.push([path, 'ele-1: says nothing', 'error']);
    const isPart = code === 'BackboneElement' || code === 'Element';
    this.object(item, node, isPart ? pathInModel : code, path, context, isPart && context.whole);
    if (!isPart && context.whole) this.datatype(item, code, path, context);
    for (const url of type.profile ?? []) {
      const profile = structure(url);
      if (!profile) this.note(`data type profile ${url}: in neither package, checked as ${code}`);
      else this.object(item, profile.root, code, path, context, false);
    }
    if (code === 'Reference') this.reference(item.value, type, path, context);
    if (code === 'Extension' && context.whole && typeof item.value === 'object') this.extension(item.value, path, problems);
    if (code === 'Narrative' && context.whole && typeof item.value?.div === 'string') {
      const problem = narrativeProblem(item.value.div);
      if (problem) problems.push([`${path}.div`, `txt-1, txt-2: ${problem}`, 'error']);
    }
  }

  datatype(item, code, path, context) {
    const type = structure(BASE + code);
    if (type) this.object(item, type.root, code, path, context, true);
    else this.note(`data type ${code}: in neither package`);
  }

  extension(value, path, problems) {
    const says = Object.keys(value).some(key => /^_?value[A-Z]/.test(key));
    if (says === Boolean(value.extension)) problems.push([path, 'ext-1: either extensions or a value', 'error']);
    this.note(`extension ${value.url}: checked as an extension only, not against its own definition`);
  }

  primitive({ value }, code, path, problems) {
    if (value === undefined) return;
    const ok = code === 'boolean' ? typeof value === 'boolean'
      : NUMBERS[code] ? typeof value === 'number' && NUMBERS[code](value)
        : typeof value === 'string' && PRIMITIVES[code].test(value);
    if (!ok) problems.push([path, `is not a ${code}`, 'error']);
  }

  // Required bindings only: the others are advice, and mostly of terminologies that are not at hand.
  binding({ value, type }, { binding }, path, { problems }) {
    if (!['code', 'uri', 'Coding', 'CodeableConcept', 'Quantity'].includes(type)) return;
    if (binding?.strength !== 'required' || value === undefined || !binding.valueSet) return;
    const set = codes(binding.valueSet);
    if (set.reason) {
      this.note(`required binding ${binding.valueSet}: ${set.reason}`);
      return;
    }
    const codings = typeof value === 'string' ? [{ code: value }] : value.coding ?? (value.code ? [value] : []);
    const known = codings.filter(({ system, code }) => system
      ? set.codes.has(`${system}|${code}`) : [...set.codes].some(each => each.endsWith(`|${code}`)));
    const absent = !codings.length && value.extension?.some(({ url }) => url === `${BASE}data-absent-reason`);
    if (!known.length && !absent) problems.push([path, `has no code of ${binding.valueSet}`, 'error']);
  }

  reference(value, type, path, { problems, resource }) {
    const targets = (type.targetProfile ?? []).map(url => url.split('|')[0]);
    if (typeof value?.reference !== 'string') {
      const allowed = targets.map(url => structure(url)?.type);
      const fitting = !value?.type || !targets.length || allowed.includes(value.type) || allowed.includes('Resource');
      if (!fitting) problems.push([path, `refers to a ${value.type}`, 'error']);
      return;
    }
    const found = this.resolve(value.reference, resource);
    if (found === undefined) problems.push([path, `${value.reference} leads nowhere`, 'error']);
    if (!found || !targets.length) return;
    if (targets.some(url => this.conforms(found, url))) return;
    problems.push([path, `leads to a ${found.resourceType} that is none of ${targets.map(url => url.split('/').at(-1))}`, 'error']);
  }

  slices(items, node, pathInModel, path, context) {
    const { slicing } = node.def;
    const counts = new Map([...node.slices.keys()].map(name => [name, 0]));
    items.forEach((item, index) => {
      const where = items[index].listed ? `${path}[${index}]` : path;
      let matched = false;
      for (const [name, slice] of node.slices) {
        if (!slicing.discriminator.every(each => this.discriminates(item, slice, each, context))) continue;
        matched = true;
        counts.set(name, counts.get(name) + 1);
        this.element(item, slice, pathInModel, `${where}:${name}`, { ...context, whole: false });
      }
      if (!matched && slicing.rules === 'closed') context.problems.push([where, 'is in no slice', 'error']);
    });
    for (const [name, slice] of node.slices) cardinality(counts.get(name), slice.def, `${path}:${name}`, context.problems);
    if (slicing.ordered === true || slicing.ordered === 'true') this.note(`order of the slices of ${path}`);
  }

  // Whether an item is of a slice by one discriminator.
  discriminates(item, slice, { type, path }, context) {
    if (path === 'resolve()' || path === 'resource') {
      const found = path === 'resource' ? item.value?.resource : this.resolve(item.value?.reference ?? '', context.resource);
      const wanted = path === 'resource' ? slice.children.get('resource')?.def.type?.[0] : slice.def.type?.[0];
      if (!found || !wanted) return false;
      const profiles = path === 'resource' ? wanted.profile ?? [BASE + wanted.code] : wanted.targetProfile ?? [];
      if (type === 'type') return profiles.some(url => structure(url)?.type === found.resourceType);
      return profiles.some(url => this.conforms(found, url));
    }
    if (type === 'type' && path === '$this') return slice.def.type?.some(({ code }) => code === item.type);
    if (type === 'value' || type === 'pattern') {
      const steps = path === '$this' ? [] : path.split('.');
      const said = fixedAt(slice, steps);
      if (said) return steps.length ? valuesAt(item.value, steps).some(value => said(value)) : said(item.value);
      // Extensions are sliced by the url that their own definition fixes.
      const url = path === 'url' && slice.def.type?.[0].profile?.[0];
      if (url) return item.value?.url === url.split('|')[0];
    }
    this.note(`discriminator ${type} of ${path} at ${slice.def.id}`);
    return false;
  }

  invariants(item, def, pathInModel, path, context) {
    for (const { key, severity, expression } of def.constraint ?? []) {
      if (!expression || key in NOT_EVALUATED) continue;
      const holds = this.holds(item, pathInModel, expression, context);
      this.evaluated.set(key, (this.evaluated.get(key) ?? 0) + 1);
      if (holds !== true) context.problems.push([path, `${key}: ${holds === false ? expression : holds}`, severity]);
    }
  }

  // The same invariant of the same object comes again with each profile that the object is held against.
  holds(item, pathInModel, expression, context) {
    if (typeof item.value !== 'object' || item.value === null) return this.evaluate(item, pathInModel, expression, context);
    if (!this.held.has(item.value)) this.held.set(item.value, new Map());
    const known = this.held.get(item.value);
    if (!known.has(expression)) known.set(expression, this.evaluate(item, pathInModel, expression, context));
    return known.get(expression);
  }

  // An invariant that comes out empty says nothing: ref-1 of a reference without a literal one, vs-1 of a period.
  evaluate(item, pathInModel, expression, { resource }) {
    const input = item.value === undefined ? item.holder : item.value;
    const viaHolder = item.holder !== undefined && (typeof item.value !== 'object');
    const step = viaHolder ? `\`${pathInModel.split('.').at(-1)}\`` : '';
    const whole = viaHolder ? `${step}.where($index = ${item.index}).select(${expression})` : expression;
    const base = viaHolder ? pathInModel.split('.').slice(0, -1).join('.') : pathInModel;
    try {
      const key = `${base} ${whole}`;
      if (!compiled.has(key)) compiled.set(key, fhirpath.compile({ base, expression: whole }, model, { traceFn: () => {} }));
      const result = compiled.get(key)(viaHolder ? item.holder : input, { resource, rootResource: resource });
      return result.length !== 1 || typeof result[0] !== 'boolean' || result[0];
    } catch (error) {
      return `cannot be evaluated: ${error.message}`;
    }
  }
}

const compiled = new Map();

// The items of an element in an object: value, what stands beside it (_name), type. Marks the members as seen.
function collect(object, name, { def }, seen) {
  const of = (member, type) => {
    const [value, beside] = [object[member], object[`_${member}`]];
    seen.add(member);
    const primitive = isPrimitive(type ?? '');
    if (primitive) seen.add(`_${member}`);
    if (value === undefined && (beside === undefined || !primitive)) return [];
    const listed = Array.isArray(value ?? beside);
    const length = listed ? Math.max(value?.length ?? 0, primitive ? beside?.length ?? 0 : 0) : 1;
    return Array.from({ length }, (_, index) => ({
      value: (listed ? value?.[index] : value) ?? undefined, listed, type: type && typeOf(type), holder: object, index,
      beside: primitive ? (listed ? beside?.[index] : beside) ?? undefined : undefined,
    }));
  };
  if (!name.endsWith('[x]')) return of(name, def.type?.[0]?.code);
  return def.type.flatMap(({ code }) => of(name.slice(0, -3) + capital(typeOf(code)), code));
}

function cardinality(count, { min, max }, path, problems) {
  if (count < Number(min)) problems.push([path, `is there ${count} times, not ${min}`, 'error']);
  if (max !== '*' && count > Number(max)) problems.push([path, `is there ${count} times, at most ${max}`, 'error']);
}

// What a slice fixes at a path: a function that says whether a value is it.
function fixedAt(node, steps) {
  const fixed = Object.keys(node.def).find(key => /^(fixed|pattern)[A-Z]/.test(key));
  if (fixed) {
    const wanted = steps.reduce((value, step) => (Array.isArray(value) ? value[0] : value)?.[step], node.def[fixed]);
    if (wanted === undefined) return undefined;
    return value => (fixed.startsWith('fixed') ? same(value, wanted) : fits(value, wanted));
  }
  if (!steps.length) return undefined;
  const child = node.children.get(steps[0]);
  return child && fixedAt(child, steps.slice(1));
}

function valuesAt(value, steps) {
  if (Array.isArray(value)) return value.flatMap(each => valuesAt(each, steps));
  if (!steps.length || value === undefined) return [value];
  const inner = value?.[steps[0]];
  // A pattern on a list element is met by each of its values.
  return Array.isArray(inner) ? inner.flatMap(each => valuesAt(each, steps.slice(1))) : valuesAt(inner, steps.slice(1));
}

function same(value, fixed) {
  if (typeof fixed !== 'object') return String(value) === String(fixed);
  const keys = new Set([...Object.keys(fixed), ...Object.keys(value ?? {})]);
  return typeof value === 'object' && [...keys].every(key => same(value?.[key], fixed[key]));
}

// elementdefinition.html: what the pattern says is in the value; of a list, each of its elements somewhere.
function fits(value, pattern) {
  if (Array.isArray(pattern)) return Array.isArray(value) && pattern.every(each => value.some(item => fits(item, each)));
  if (typeof pattern !== 'object') return String(value) === String(pattern);
  return typeof value === 'object' && value !== null && Object.keys(pattern).every(key => fits(value[key], pattern[key]));
}
