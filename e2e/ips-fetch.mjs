// The summaries that a served site gives of charts that are written to it over HTTP, as NDJSON for ips-check.mjs.
//
//   node ips-fetch.mjs CHARTS OUT BASE TOKEN
//
// CHARTS has a transaction for each patient, one a line, as `ips_documents --charts` writes them.
import { readFileSync, writeFileSync } from 'node:fs';
import { Talk } from './fhir/talk.mjs';

const [charts, out, base, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: node ips-fetch.mjs CHARTS OUT BASE TOKEN');
  process.exit(2);
}
const talk = new Talk({ base }, token, () => {});
const documents = [];
for (const chart of readFileSync(charts, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line))) {
  await talk.ask('transaction', 200, 'POST', '', { body: chart });
  const { id } = chart.entry.map(({ resource }) => resource).find(({ resourceType }) => resourceType === 'Patient');
  for (const language of ['ar', 'en']) {
    const { json } = await talk.get('$summary', `/Patient/${id}/$summary?_language=${language}`);
    if (!json.entry.some(({ resource }) => resource.resourceType === 'Patient' && resource.id === id)) throw new Error('$summary: of somebody else');
    documents.push(JSON.stringify(json));
  }
}
writeFileSync(out, `${documents.join('\n')}\n`);
console.log(`${documents.length} summaries fetched`);
