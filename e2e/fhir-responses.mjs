// Every answer that the FHIR interface gives, held against two judges that others wrote (fhir/judges.mjs).
//
//   node fhir-responses.mjs PROGRAM     PROGRAM is `sanad`; sites are founded, served, asked everything and ended
//   node fhir-responses.mjs --self-test each judge refuses each of many spoilt answers, and nothing that is whole
//
// Asked are fhir/conversation.mjs and the examples that HL7 published, each put and read back: what comes back is what was
// sent, byte for byte but for `id` and `meta`. Prints how many answers of each kind were judged and every problem, and fails
// unless each is in fhir-responses-known.json with its reason, and each that is there was found.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apart, parts, strictly } from './fhir/conversation.mjs';
import { judges } from './fhir/judges.mjs';
import { membersOf } from './fhir/members.mjs';
import { Talk } from './fhir/talk.mjs';
import { Site } from './site.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'fhir-responses-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

// What the judges have said so far.
class Record {
  constructor() {
    Object.assign(this, { kinds: new Map(), statuses: new Map(), problems: new Map(), types: new Map() });
  }

  hear(kind, answer, of = kind) {
    const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
    count(this.kinds, kind);
    count(this.statuses, answer.status);
    if (!answer.json) return;
    count(this.types, answer.json.resourceType);
    for (const [judge, judged] of Object.entries(judges)) {
      for (const { place, what } of judged(answer.json)) {
        const problem = { of, judge, place, what };
        this.problems.set(JSON.stringify(problem), problem);
      }
    }
  }
}

// Each of the published examples as it is, under an id of its own where it has none, and what came back of it.
async function examples(site, token, record) {
  execFileSync('tar', ['-xJf', join(here, '../testdata/hl7-r4-examples.tar.xz'), '-C', scratch]);
  const files = readdirSync(scratch, { recursive: true }).filter(name => name.endsWith('.json')).sort();
  for (const [at, file] of files.entries()) {
    const sent = readFileSync(join(scratch, file), 'utf8').replace(/^\ufeff/, '');
    const members = membersOf(sent);
    const type = JSON.parse(members.find(([name]) => name === 'resourceType')[1]);
    const [own, id] = [members.find(([name]) => name === 'id'), `example-${at}`];
    const body = own ? sent.slice(0, own[2]) + `"${id}"` + sent.slice(own[2] + own[1].length) : sent.replace('{', `{"id":"${id}",`);
    const talk = new Talk(site, token, (kind, answer) => record.hear(kind, answer, basename(file)));
    const path = `/${type}/${id}`;
    const headers = { prefer: 'return=OperationOutcome' };
    const { headers: { etag } } = await talk.ask('example, put', 201, 'PUT', path, { body, headers });
    await talk.get('example, read', path);
    // The version that was put: a Subscription is judged by the site at once, which is another.
    const { text } = await talk.get('example, read', `${path}/_history/${etag.slice(3, -1)}`);
    const bare = json => membersOf(json).filter(([name]) => name !== 'id' && name !== 'meta').map(([name, value]) => [name, value]);
    if (JSON.stringify(bare(text)) !== JSON.stringify(bare(sent))) throw new Error(`${file}: what came back is not what was sent`);
  }
  return files.length;
}

async function all(program, record) {
  const site = await Site.found(program).serve();
  const token = site.token('system/*.cruds').token;
  const hear = record.hear.bind(record);
  const talk = new Talk(site, token, hear);
  for (const part of parts) await part(talk);
  const count = await examples(site, token, record);
  const other = Site.join(program, 'Olive', site);
  await apart(
    talk,
    async (mine, theirs) => {
      other.run('sync');
      await site.stop();
      for (const [where, resource] of [[site, mine], [other, theirs]]) {
        const file = join(scratch, 'apart.json');
        writeFileSync(file, JSON.stringify(resource));
        where.run('import', file);
      }
      await site.serve('--validation', 'reject');
    },
    async () => other.run('sync'),
  );
  await strictly(talk);
  await site.stop();
  if (site.errors()) throw new Error(`the site complained: ${site.errors()}`);
  return count;
}

// Ways to spoil an answer that both judges have to see.
const SPOILS = {
  'an element that R4 does not have': answer => (answer.colour = 'green'),
  'an element within that R4 does not have': answer => (answer.issue[0].colour = 'green'),
  'no severity of R4': answer => (answer.issue[0].severity = 'grave'),
  'an issue that is no list': answer => (answer.issue = answer.issue[0]),
  'no issue': answer => delete answer.issue,
  'a list of places that is none': answer => (answer.issue[0].expression = 'Patient'),
  'an extension that is no list': answer => (answer.extension = { url: 'urn:x' }),
  'a type that is none': answer => (answer.resourceType = 'Outcome'),
};

function selfTest() {
  let wrong = 0;
  const outcome = () => ({ resourceType: 'OperationOutcome', id: 'x', issue: [{ severity: 'error', code: 'value', diagnostics: 'x', expression: ['Patient'] }] });
  const within = {
    'by itself': resource => resource,
    'in a search': resource => ({ resourceType: 'Bundle', type: 'searchset', total: 0, entry: [{ resource, search: { mode: 'outcome' } }] }),
    'in a batch': resource => ({ resourceType: 'Bundle', type: 'batch-response', entry: [{ response: { status: '404', outcome: resource } }] }),
    contained: resource => ({ resourceType: 'Basic', code: { text: 'x' }, contained: [resource] }),
  };
  for (const [judge, judged] of Object.entries(judges)) {
    for (const [where, wrap] of Object.entries(within)) {
      const refuses = (name, wanted) => resource => {
        if ((judged(wrap(resource)).length > 0) !== wanted) {
          wrong += 1;
          console.log(`  WRONG ${judge} ${wanted ? 'passes' : 'refuses'} ${name}, ${where}`);
        }
      };
      refuses('what is whole', false)(outcome());
      for (const [name, spoil] of Object.entries(SPOILS)) {
        const spoilt = outcome();
        spoil(spoilt);
        refuses(name, true)(spoilt);
      }
    }
  }
  console.log(`fhir-responses self-test: ${Object.keys(SPOILS).length} ways to spoil in ${Object.keys(within).length} places, ${wrong} wrong`);
  return wrong === 0;
}

const table = counts => [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `  ${String(count).padStart(5)}  ${name}`).join('\n');

async function main(program) {
  const record = new Record();
  const count = await all(program, record);
  const known = JSON.parse(readFileSync(join(here, 'fhir-responses-known.json'), 'utf8'));
  const expected = new Set(known.flatMap(({ places }) => places.map(place => JSON.stringify(place))));
  const unexpected = [...record.problems.keys()].filter(key => !expected.has(key));
  const outdated = [...expected].filter(key => !record.problems.has(key));
  const judged = [...record.types.values()].reduce((a, b) => a + b, 0);
  console.log(`answers, by kind:\n${table(record.kinds)}\nby status:\n${table(record.statuses)}\njudged, by type:\n${table(record.types)}`);
  console.log(`${count} published examples came back as they were sent; ${judged} answers judged twice; ${expected.size} known disagreements`);
  unexpected.forEach(key => console.log(`PROBLEM ${key}`));
  outdated.forEach(key => console.log(`no longer true: ${key}`));
  console.log(`fhir-responses: ${judged - unexpected.length} passed, ${unexpected.length + outdated.length} failed`);
  return !unexpected.length && !outdated.length;
}

const [what] = process.argv.slice(2);
if (!what) {
  console.error('usage: node fhir-responses.mjs PROGRAM | --self-test');
  process.exit(2);
}
process.exit((what === '--self-test' ? selfTest() : await main(what)) ? 0 : 1);
