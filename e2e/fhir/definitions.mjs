// The official definitions, as HL7 publishes them: the profiles of IPS 2.0.0 (npm hl7.fhir.uv.ips, JSON) and the types,
// value sets and code systems of R4 that they stand on (npm hl7.fhir.r4.corexml, XML). Nothing of this project is read.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const folder = name => dirname(require.resolve(`${name}/package.json`));
export const ips = folder('hl7.fhir.uv.ips');
const core = folder('hl7.fhir.r4.corexml');

export const BASE = 'http://hl7.org/fhir/StructureDefinition/';
const IPS = 'http://hl7.org/fhir/uv/ips/';

// What FHIR's XML writes as repeated elements and JSON as a list, as far as the checker reads it.
const LISTS = new Set(['element', 'type', 'profile', 'targetProfile', 'constraint', 'discriminator', 'extension', 'include',
  'exclude', 'concept', 'filter', 'valueSet']);
const LIST_ONLY_IN = { valueSet: 'include' };

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
export const unescapeXml = text => text.replace(/&(#x?[0-9a-fA-F]+|\w+);/g, (whole, name) => {
  if (name[0] !== '#') return ENTITIES[name] ?? whole;
  return String.fromCodePoint(name[1] === 'x' ? parseInt(name.slice(2), 16) : Number(name.slice(1)));
});

// The tags of an XML text: [closing, name, attributes, self-closing, text behind].
export const TAG = /<(\/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>([^<]*)/g;
export const attributesOf = text =>
  [...text.matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(([, name, a, b]) => [name, unescapeXml(a ?? b)]);

// FHIR's XML as the object its JSON would be, for what LISTS knows. Narratives are skipped.
function readXml(text) {
  const root = {};
  const open = [[root, 'root']];
  let skipping = 0;
  for (const [, closing, name, attributes, empty] of text.matchAll(TAG)) {
    if (skipping) {
      if (!empty) skipping += closing ? -1 : 1;
      continue;
    }
    if (closing) {
      open.pop();
      continue;
    }
    if (name === 'div') {
      skipping = empty ? 0 : 1;
      continue;
    }
    const node = {};
    let value;
    for (const [key, said] of attributesOf(attributes)) {
      if (key === 'value') value = said;
      else if (key !== 'xmlns') node[key] = said;
    }
    const [holder, holderName] = open.at(-1);
    const said = value !== undefined && !Object.keys(node).length ? value : value !== undefined ? { ...node, value } : node;
    const isList = LISTS.has(name) && !(holderName === 'binding') && (LIST_ONLY_IN[name] ?? holderName) === holderName
      && !(name === 'type' && holderName === 'discriminator') && !(name === 'type' && holderName === 'StructureDefinition');
    if (isList) (holder[name] ??= []).push(said);
    else holder[name] = said;
    if (!empty) open.push([node, name]);
    // A primitive with extensions inside: what is said stays, the extensions go.
  }
  return Object.values(root).find(value => typeof value === 'object');
}

const files = new Map();
function load(kind, id) {
  const name = `${kind}-${id}`;
  if (!files.has(name)) {
    const own = join(ips, `${name}.json`);
    const theirs = join(core, `${name}.xml`);
    files.set(name, existsSync(own) ? JSON.parse(readFileSync(own, 'utf8'))
      : existsSync(theirs) ? readXml(readFileSync(theirs, 'utf8').replace(/^\uFEFF?<\?xml[^>]*\?>/, '')) : undefined);
  }
  return files.get(name);
}

// A structure by its canonical URL, as a tree of elements; undefined if neither package has it.
const trees = new Map();
export function structure(canonical) {
  const url = canonical.split('|')[0];
  if (!trees.has(url)) {
    const id = url.startsWith(BASE) ? url.slice(BASE.length)
      : url.startsWith(`${IPS}StructureDefinition/`) ? url.slice(`${IPS}StructureDefinition/`.length) : undefined;
    const found = id && load('StructureDefinition', id);
    trees.set(url, found?.url === url ? { url, type: found.type, kind: found.kind, root: tree(found) } : undefined);
  }
  return trees.get(url);
}

// The elements of a snapshot by name, and the slices of each.
function tree(definition) {
  const root = { def: definition.snapshot.element[0], children: new Map(), slices: new Map() };
  const at = { [root.def.id ?? root.def.path]: root };
  for (const def of definition.snapshot.element.slice(1)) {
    const node = { def, children: new Map(), slices: new Map() };
    const id = def.id;
    const dot = id.lastIndexOf('.');
    const [name, slice] = [id.slice(dot + 1).split(':')[0], id.slice(dot + 1).split(':')[1]];
    const parent = at[id.slice(0, dot)];
    if (!parent) throw new Error(`${definition.url}: ${id} has no parent`);
    if (slice === undefined) parent.children.set(name, node);
    else parent.children.get(name).slices.set(slice, node);
    at[id] = node;
  }
  root.byId = at;
  return root;
}

// The codes of a value set as `system|code`, or the reason why they cannot be listed.
const sets = new Map();
export function codes(canonical) {
  const url = canonical.split('|')[0];
  if (!sets.has(url)) sets.set(url, expand(url));
  return sets.get(url);
}

function expand(url) {
  const set = load('ValueSet', url.split('/').at(-1));
  if (set?.url !== url) return { reason: 'the value set is in neither package' };
  const found = new Set();
  for (const include of set.compose?.include ?? []) {
    const parts = [];
    for (const other of include.valueSet ?? []) {
      const inner = codes(other);
      if (inner.reason) return inner;
      parts.push(inner.codes);
    }
    if (include.concept) parts.push(new Set(include.concept.map(({ code }) => `${include.system}|${code}`)));
    else if (include.filter) {
      const picked = below(include);
      if (!picked) return { reason: `picked from ${include.system} by a filter` };
      parts.push(picked);
    } else if (include.system) {
      const system = codeSystem(include.system);
      if (!system) return { reason: `the codes of ${include.system} are in neither package` };
      parts.push(system);
    }
    for (const code of parts[0] ?? []) if (parts.every(part => part.has(code))) found.add(code);
  }
  for (const exclude of set.compose?.exclude ?? []) {
    const out = exclude.concept?.map(({ code }) => `${exclude.system}|${code}`) ?? below(exclude);
    if (!out || exclude.valueSet) return { reason: 'excludes more than codes' };
    for (const code of out) found.delete(code);
  }
  return { codes: found };
}

// The codes of a system that a filter "is a kind of this code" picks.
function below({ system, filter }) {
  const known = filter?.length === 1 && filter[0].property === 'concept' && filter[0].op === 'is-a';
  return known ? codeSystem(system, filter[0].value) : undefined;
}

// All codes of a system, or one of them and what is below it.
function codeSystem(url, under) {
  const tail = url.split('/').at(-1);
  const system = [tail, `v3-${tail.replace(/^v3-/, '')}`].map(id => load('CodeSystem', id)).find(found => found?.url === url);
  if (!system || system.content !== 'complete') return undefined;
  const found = new Set();
  const walk = (concepts, inside) => concepts?.forEach(({ code, concept }) => {
    const within = inside || code === under;
    if (within) found.add(`${url}|${code}`);
    walk(concept, within);
  });
  walk(system.concept, under === undefined);
  return found;
}
