// What search finds a resource by, held against what somebody else's FHIRPath engine finds by the official definitions.
//
//   node search-oracle.mjs INDEX_VALUES [FOLDER…]
//
// INDEX_VALUES is the program built from crates/record/examples/index_values.rs. Without folders: the published examples in
// ../testdata, and specimens that have something to say for every parameter. Prints every disagreement, and fails unless
// each is in search-oracle-known.json with its reason, and each that is there was found.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { specimens } from './search-specimens.mjs';
import { Parameters } from './search-values.mjs';

const [program, ...folders] = process.argv.slice(2);
if (!program) {
  console.error('usage: node search-oracle.mjs INDEX_VALUES [FOLDER…]');
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'search-oracle-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

// What is not read out of a resource at a place, and why the server has it otherwise or not at all.
const elsewhere = new Map([
  ['Resource-id', 'the server knows the id of what it keeps'],
  ['Resource-lastUpdated', 'the server knows when it changed'],
  ['Resource-content', 'no expression; not offered'],
  ['Resource-query', 'no expression; not offered'],
  ['DomainResource-text', 'no expression; not offered'],
  ['Location-near', 'of the kind special; not offered'],
]);

function unpacked(archive) {
  const folder = join(scratch, archive);
  execFileSync('mkdir', [folder]);
  execFileSync('tar', ['-xJf', join(here, '../testdata', `${archive}.tar.xz`), '-C', folder, '--strip-components=1']);
  return folder;
}

const read = file => JSON.parse(readFileSync(file, 'utf8').replace(/^\ufeff/, ''));
const definitions = read(join(unpacked('search-parameters-r4'), 'search-parameters.json')).entry.map(entry => entry.resource);
const parameters = new Parameters(definitions);
const known = read(join(here, 'search-oracle-known.json'));

// A set of resources: its name, the resources by key, and what the server's code says of them.
function setOf(folder) {
  const files = readdirSync(folder, { recursive: true }).filter(name => name.endsWith('.json')).sort();
  return {
    name: basename(folder),
    resources: files.map(file => [file, read(join(folder, file))]),
    said: execFileSync(program, [folder], { maxBuffer: 2 ** 30, encoding: 'utf8' }),
  };
}

function setOfSpecimens() {
  const resources = [...specimens(definitions)];
  const input = resources.map(resource => JSON.stringify(resource)).join('\n');
  return {
    name: 'specimens',
    resources: resources.map((resource, at) => [String(at + 1), resource]),
    said: execFileSync(program, [], { input, maxBuffer: 2 ** 30, encoding: 'utf8' }),
  };
}

// A resource, and for a Bundle those in it, by key.
function* within(key, resource) {
  yield [key, resource];
  if (resource.resourceType !== 'Bundle') return;
  for (const [at, entry] of (resource.entry ?? []).entries()) {
    if (entry.resource) yield* within(`${key}#${at}`, entry.resource);
  }
}

const disagreements = [];
const withValues = new Set();
const ofKind = {};
function compare(set) {
  const ours = new Map();
  for (const line of set.said.split('\n').filter(Boolean)) {
    const { key, param, values } = JSON.parse(line);
    ours.set(`${key} ${param}`, values);
  }
  let [resources, compared, wrong] = [0, 0, 0];
  for (const [key, resource] of set.resources.flatMap(([key, resource]) => [...within(key, resource)])) {
    resources += 1;
    for (const param of parameters.of(resource.resourceType)) {
      if (elsewhere.has(param.id)) continue;
      const place = `${key} ${param.code}`;
      const theirs = parameters.values(param, resource);
      const own = ours.get(place) ?? ['no such parameter'];
      ours.delete(place);
      const count = new Set([...theirs, ...own]).size;
      compared += count;
      ofKind[param.type] = (ofKind[param.type] ?? 0) + count;
      if (theirs.length && own.length) withValues.add(`${resource.resourceType}.${param.code}`);
      const onlyOurs = own.filter(value => !theirs.includes(value));
      const onlyTheirs = theirs.filter(value => !own.includes(value));
      if (onlyOurs.length || onlyTheirs.length) {
        wrong += 1;
        const type = resource.resourceType;
        disagreements.push({ set: set.name, file: key, type, param: param.code, ours: onlyOurs, theirs: onlyTheirs });
      }
    }
  }
  for (const place of ours.keys()) {
    wrong += 1;
    disagreements.push({ set: set.name, file: place, type: '', param: '', ours: ['no official parameter'], theirs: [] });
  }
  console.log(`${set.name}: ${resources} resources, ${compared} values, ${wrong} places where they differ`);
}

const sets = folders.length ? folders.map(folder => () => setOf(folder))
  : ['hl7-r4-examples', 'ips-samples', 'synthea-r4'].map(archive => () => setOf(unpacked(archive))).concat(setOfSpecimens);
sets.forEach(set => compare(set()));

// ---- the verdict

const all = [...parameters.byType].flatMap(([type, params]) =>
  params.filter(param => !elsewhere.has(param.id)).map(param => `${type}.${param.code}`));
console.log(Object.entries(ofKind).map(([kind, count]) => `${kind} ${count}`).join(', '));
console.log(`${all.length} parameters of ${parameters.byType.size} types, ${withValues.size} of them with values on both sides`);

const textOf = ({ set, file, param, ours, theirs }) => JSON.stringify([set, file, param, ours, theirs]);
const left = new Map(disagreements.map(found => [textOf(found), found]));
const stale = [];
for (const { reason, places } of known) {
  const found = places.filter(place => left.delete(textOf(place)));
  if (!folders.length) stale.push(...places.filter(place => !found.includes(place)));
  console.log(`explained: ${found.length} places, ${reason}`);
}
for (const { set, file, type, param, ours, theirs } of left.values()) {
  console.log(`  DISAGREE ${set} ${file} ${type}.${param}`);
  console.log(`    ours    ${JSON.stringify(ours)}\n    theirs  ${JSON.stringify(theirs)}`);
}
stale.forEach(place => console.log(`  NOT FOUND ${textOf(place)}`));
const silent = folders.length ? [] : all.filter(name => !withValues.has(name));
silent.forEach(name => console.log(`  NO VALUE ${name}`));
const wrong = left.size + stale.length + silent.length;
console.log(`search oracle: ${wrong ? 0 : 1} passed, ${wrong ? 1 : 0} failed`);
process.exitCode = wrong ? 1 : 0;
