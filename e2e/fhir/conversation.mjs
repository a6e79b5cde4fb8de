// Everything that there is to ask of a site, so that every kind of answer is heard once at least: each function is one part of
// the interface, and leaves what the next ones find.
import { setTimeout as wait } from 'node:timers/promises';

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const AUDIT_MS_MAX = 20_000;
const BODY_BYTES_MAX = 16 * 1024 * 1024;

const loinc = code => ({ coding: [{ system: 'http://loinc.org', code }] });
const patient = (id, more) => ({ resourceType: 'Patient', ...(id && { id }), name: [{ family: 'حداد', given: ['Layla'] }], gender: 'female', ...more });
const observation = (subject, value, more) => ({
  resourceType: 'Observation', status: 'final', code: loinc('8867-4'), subject: { reference: subject },
  effectiveDateTime: '2018-03-01T10:00:00Z', valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' }, ...more,
});
const bundle = (type, ...entries) => ({ resourceType: 'Bundle', type, entry: entries });
const entry = (method, url, resource, more) => ({ ...(resource && { resource }), request: { method, url, ...more } });
const tagged = value => ({ identifier: [{ system: 'urn:tag', value }] });

async function says(talk) {
  await talk.get('metadata', '/metadata', { token: '' });
  await talk.get('metadata', '/metadata?_format=json');
}

async function writing(talk) {
  const organization = { resourceType: 'Organization', id: 'clinic', name: 'Clinic', partOf: { reference: 'Organization/network' } };
  await talk.ask('create by update', 201, 'PUT', '/Organization/network', { body: { resourceType: 'Organization', id: 'network', name: 'Network' } });
  await talk.ask('create by update', 201, 'PUT', '/Organization/clinic', { body: organization });
  const body = patient('amal', { managingOrganization: { reference: 'Organization/clinic' }, birthDate: '1984-02', active: true });
  for (const [at, wants] of ['representation', 'minimal', 'OperationOutcome'].entries()) {
    const headers = { prefer: `return=${wants}` };
    await talk.ask(`create, return=${wants}`, 201, 'POST', '/Patient', { body: patient(undefined, tagged(`c${at}`)), headers });
    await talk.ask(`create by update, return=${wants}`, 201, 'PUT', `/Patient/prefer-${at}`, { body: patient(`prefer-${at}`), headers });
    await talk.ask(`update, return=${wants}`, 200, 'PUT', `/Patient/prefer-${at}`, { body: patient(`prefer-${at}`, { active: true }), headers });
    const patch = [{ op: 'replace', path: '/gender', value: 'unknown' }];
    await talk.ask(`patch, return=${wants}`, 200, 'PATCH', `/Patient/prefer-${at}`, { body: patch, headers: { ...JSON_PATCH, ...headers } });
    await talk.ask(`delete, return=${wants}`, 204, 'DELETE', `/Patient/prefer-${at}`, { headers });
  }
  const made = await talk.ask('create by update', 201, 'PUT', '/Patient/amal', { body });
  const parameters = {
    resourceType: 'Parameters',
    parameter: [{ name: 'operation', part: [{ name: 'type', valueCode: 'replace' }, { name: 'path', valueString: 'Patient.gender' }, { name: 'value', valueCode: 'other' }] }],
  };
  await talk.ask('patch by FHIRPath', 200, 'PATCH', '/Patient/amal', { body: parameters });
  await talk.ask('update of a version', 412, 'PUT', '/Patient/amal', { body, headers: { 'if-match': made.headers.etag } });
  const now = await talk.get('read', '/Patient/amal');
  await talk.ask('update of a version', 200, 'PUT', '/Patient/amal', { body, headers: { 'if-match': now.headers.etag } });
  for (let at = 0; at < 7; at += 1) {
    const more = { effectiveDateTime: `2018-03-0${at + 1}T10:00:00Z`, performer: [{ reference: 'Organization/clinic' }] };
    await talk.ask('create', 201, 'POST', '/Observation', { body: observation('Patient/amal', 60 + at, more) });
  }
  await talk.ask('delete again', 204, 'DELETE', '/Patient/prefer-0');
}

async function reading(talk) {
  const read = await talk.get('read', '/Patient/amal');
  await talk.ask('read, HEAD', 200, 'HEAD', '/Patient/amal');
  await talk.ask('read, not changed', 304, 'GET', '/Patient/amal', { headers: { 'if-none-match': read.headers.etag } });
  for (const part of ['_summary=true', '_summary=text', '_summary=data', '_elements=gender', '_pretty=true']) {
    await talk.get(`read, ${part}`, `/Patient/amal?${part}`);
  }
  const versions = await talk.get('history of one', '/Patient/amal/_history');
  for (const { resource } of versions.json.entry) {
    await talk.get('vread', `/Patient/amal/_history/${resource.meta.versionId}`);
  }
  await talk.pages('history of one', '/Patient/amal/_history?_count=1');
  await talk.get('history of one, deleted', '/Patient/prefer-0/_history');
  await talk.get('history of one, empty', '/Patient/amal/_history?_since=2099-01-01');
  await talk.pages('history of a type', '/Patient/_history?_count=4');
  await talk.get('history of a type, empty', '/Account/_history');
  await talk.pages('history of all', '/_history?_count=9');
  await talk.get('history of all, since', '/_history?_since=2018-01-01T00:00:00Z&_count=3');
  await talk.get('history of all, at', '/_history?_at=2018-01-01T00:00:00Z');
}

async function searching(talk) {
  const searches = {
    plain: 'Observation?subject=Patient/amal', 'of all types': '?_lastUpdated=gt2018', nothing: 'Patient?name=nobody-is-called-so',
    'of names': 'Patient?name=Haddad&gender=other,female&birthdate=lt2018', chain: 'Observation?subject:Patient.name=Layla&subject.organization.partof.name=Network',
    has: 'Patient?_has:Observation:patient:code=8867-4', sorted: 'Observation?_sort=-date,value-quantity&_count=3',
    compartment: 'Patient/amal/Observation', 'compartment, all': 'Patient/amal/*', 'of no type known in part': 'Patient?colour=green&name=Layla',
    '_total=none': 'Observation?_total=none', '_total=estimate': 'Observation?_total=estimate', '_total=accurate': 'Observation?_total=accurate&_count=2',
    '_summary=true': 'Observation?_summary=true', '_summary=text': 'Observation?_summary=text', '_summary=data': 'Observation?_summary=data',
    '_summary=count': 'Observation?_summary=count', '_summary=false': 'Observation?_summary=false', '_count=0': 'Observation?_count=0',
    _elements: 'Observation?_elements=code,valueQuantity', _include: 'Observation?_include=Observation:subject&_include=Observation:performer:Organization',
    '_include *': 'Observation?_include=*', '_include:iterate': 'Observation?_include=Observation:subject&_include:iterate=Patient:organization&_include:iterate=Organization:partof',
    _revinclude: 'Patient?_id=amal&_revinclude=Observation:subject&_revinclude=Provenance:target', 'of quantities': 'Observation?value-quantity=gt61|http://unitsofmeasure.org|/min&date=ge2018',
    composite: 'Observation?code-value-quantity=http://loinc.org|8867-4$gt60', missing: 'Patient?birthdate:missing=true', 'with included parts': 'Observation?_elements=code&_include=Observation:subject',
  };
  for (const [kind, query] of Object.entries(searches)) await talk.get(`search, ${kind}`, query.startsWith('?') ? query : `/${query}`);
  await talk.get('search, strict', '/Patient?name=Layla', { headers: { prefer: 'handling=strict' } });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  await talk.ask('search by POST', 200, 'POST', '/Observation/_search?_count=2', { body: 'code=8867-4&_sort=date', headers });
  await talk.ask('search by POST, all', 200, 'POST', '/_search', { body: '_id=amal', headers });
  const found = await talk.pages('search, paged', '/Observation?subject=Patient/amal&_count=3&_include=Observation:subject');
  const matches = found.filter(({ search }) => search.mode === 'match').length;
  if (matches !== 7) throw new Error(`search, paged: ${matches} observations, not 7`);
}

async function conditionally(talk) {
  const body = patient(undefined, tagged('1'));
  const headers = { 'if-none-exist': 'identifier=urn:tag|1' };
  await talk.ask('conditional create', 201, 'POST', '/Patient', { body, headers });
  await talk.ask('conditional create, there', 200, 'POST', '/Patient', { body, headers });
  for (const wants of ['minimal', 'OperationOutcome']) {
    await talk.ask(`conditional create, there, return=${wants}`, 200, 'POST', '/Patient', { body, headers: { ...headers, prefer: `return=${wants}` } });
  }
  await talk.ask('conditional update', 200, 'PUT', '/Patient?identifier=urn:tag|1', { body: { ...body, active: true } });
  await talk.ask('conditional update, new', 201, 'PUT', '/Patient?identifier=urn:tag|2', { body: patient(undefined, tagged('2')) });
  await talk.ask('conditional patch', 200, 'PATCH', '/Patient?identifier=urn:tag|1', { body: [{ op: 'add', path: '/active', value: false }], headers: JSON_PATCH });
  await talk.ask('conditional delete', 204, 'DELETE', '/Patient?identifier=urn:tag|2');
  await talk.ask('conditional delete, nothing', 204, 'DELETE', '/Patient?identifier=urn:tag|2');
}

async function together(talk) {
  const name = at => `urn:uuid:00000000-0000-4000-8000-00000000000${at}`;
  const patch = Buffer.from(JSON.stringify([{ op: 'replace', path: '/active', value: true }])).toString('base64');
  const whole = bundle('transaction',
    { fullUrl: name(1), ...entry('POST', 'Patient', patient(undefined, tagged('t1'))) },
    { fullUrl: name(2), ...entry('POST', 'Observation', observation(name(1), 70)) },
    entry('POST', 'Patient', patient(undefined, tagged('1')), { ifNoneExist: 'identifier=urn:tag|1' }),
    entry('PUT', 'Patient/together', patient('together')),
    entry('PUT', 'Patient?identifier=urn:tag|t2', patient(undefined, tagged('t2'))),
    entry('PATCH', 'Patient/amal', { resourceType: 'Binary', contentType: 'application/json-patch+json', data: patch }),
    entry('DELETE', 'Patient?identifier=urn:tag|nobody'), entry('GET', 'Patient/amal'), entry('GET', 'Patient?name=Layla&_count=2'));
  for (const wants of ['representation', 'minimal', 'OperationOutcome']) {
    await talk.ask(`transaction, return=${wants}`, 200, 'POST', '', { body: whole, headers: { prefer: `return=${wants}` } });
  }
  const failing = [
    entry('GET', 'Patient/nobody'), entry('GET', 'Nothing/1'), entry('PUT', 'Patient/other', patient('not-other')), entry('PUT', 'Patient/amal', patient('amal'), { ifMatch: 'W/"0"' }),
    entry('POST', 'Observation', { resourceType: 'Patient' }), entry('GET', 'Observation?date=never'), entry('BREW', 'Patient'), { fullUrl: name(3) },
    entry('POST', '', bundle('batch')), entry('PATCH', 'Patient/amal', { resourceType: 'Binary', contentType: 'application/json-patch+json', data: '!' }),
  ];
  const read = [entry('GET', 'metadata'), entry('GET', 'Patient/amal'), entry('GET', 'Patient/amal/_history'), entry('GET', 'Patient/amal/$everything'), entry('DELETE', 'Patient/together'), entry('GET', 'Patient/together')];
  await talk.ask('batch', 200, 'POST', '', { body: bundle('batch', ...read, ...failing) });
  await talk.ask('batch, empty', 200, 'POST', '', { body: { resourceType: 'Bundle', type: 'batch' } });
  await talk.ask('transaction, empty', 200, 'POST', '', { body: { resourceType: 'Bundle', type: 'transaction' } });
  for (const [status, at] of [[404, 0], [404, 1], [400, 2], [412, 3], [400, 4], [400, 5], [405, 6], [400, 7], [405, 8], [400, 9]]) {
    await talk.ask('transaction, refused', status, 'POST', '', { body: bundle('transaction', entry('POST', 'Patient', patient()), failing[at]) });
  }
  await talk.ask('transaction, refused', 400, 'POST', '', { body: bundle('transaction', entry('PUT', 'Patient/x', patient('x')), entry('DELETE', 'Patient/amal'), entry('PUT', 'Patient/amal', patient('amal'))) });
  await talk.ask('transaction, refused', 412, 'POST', '', { body: bundle('transaction', entry('POST', 'Observation', observation('Patient?identifier=urn:tag|nobody', 1))) });
  await talk.ask('Bundle of another type', 400, 'POST', '', { body: bundle('collection') });
}

async function operations(talk) {
  await talk.get('$everything', '/Patient/amal/$everything');
  await talk.pages('$everything, paged', '/Patient/amal/$everything?_count=3');
  await talk.get('$everything, parts', '/Patient/amal/$everything?_type=Observation,Organization&_since=2018-01-01');
  await talk.ask('$everything, strict', 400, 'GET', '/Patient/amal/$everything?colour=green', { headers: { prefer: 'handling=strict' } });
  await talk.get('$summary', '/Patient/amal/$summary');
  await talk.get('$summary', '/Patient/amal/$summary?_language=en');
  const wanted = more => ({ resourceType: 'Parameters', parameter: [{ name: 'resource', resource: patient() }, ...more] });
  await talk.ask('$match', 200, 'POST', '/Patient/$match', { body: wanted([{ name: 'count', valueInteger: 3 }]) });
  await talk.ask('$match, certain', 200, 'POST', '/Patient/$match', { body: wanted([{ name: 'onlyCertainMatches', valueBoolean: true }]) });
  await talk.ask('$match, nothing', 400, 'POST', '/Patient/$match', { body: { resourceType: 'Parameters' } });
  await talk.ask('$validate', 200, 'POST', '/Patient/$validate', { body: patient('p') });
  await talk.ask('$validate with issues', 200, 'POST', '/Patient/$validate', { body: { resourceType: 'Patient', gender: 'x', birthDate: 'y', contact: [{}], _name: 3, contained: [7] } });
  await talk.ask('$validate by Parameters', 200, 'POST', '/$validate', { body: wanted([]) });
  await talk.get('$validate', '/Patient/amal/$validate');
  await talk.ask('$validate, nothing', 400, 'POST', '/Patient/$validate');
}

async function terminology(talk) {
  const gender = 'url=http%3A%2F%2Fhl7.org%2Ffhir%2FValueSet%2Fadministrative-gender';
  await talk.get('$expand', `/ValueSet/$expand?${gender}`);
  await talk.get('$expand, a part', `/ValueSet/$expand?${gender}&filter=ma&count=1&includeDesignations=true`);
  await talk.get('$validate-code', `/ValueSet/$validate-code?${gender}&code=male`);
  await talk.get('$validate-code', `/ValueSet/$validate-code?${gender}&code=sometimes`);
  await talk.get('$validate-code', '/CodeSystem/$validate-code?url=http%3A%2F%2Fhl7.org%2Ffhir%2Fadministrative-gender&code=female');
  await talk.ask('$expand, not here', 404, 'GET', '/ValueSet/$expand?url=http%3A%2F%2Fexample.org%2Fnone', { headers: { 'accept-language': 'ar' } });
}

async function subscribing(talk) {
  const body = { resourceType: 'Subscription', id: 'ward', status: 'requested', reason: 'ward board', criteria: 'Observation?code=8867-4', channel: { type: 'rest-hook', endpoint: 'http://127.0.0.1:9/in', payload: 'application/fhir+json' } };
  await talk.ask('Subscription', 201, 'PUT', '/Subscription/ward', { body });
  await talk.ask('Subscription that cannot be', 201, 'PUT', '/Subscription/mail', { body: { ...body, id: 'mail', channel: { type: 'email', endpoint: 'mailto:nobody@example.org' } } });
  await wait(500);
  await talk.get('Subscription, judged', '/Subscription?_id=ward,mail');
  await talk.ask('Subscription, off', 200, 'PUT', '/Subscription/ward', { body: { ...body, status: 'off' } });
}

async function bulk(talk) {
  await talk.ask('$export, not asynchronous', 400, 'GET', '/$export');
  await talk.ask('$export, no job', 404, 'GET', '/$export/nobody');
  await talk.ask('$import, not NDJSON', 415, 'POST', '/$import', { body: {} });
}

async function refused(talk) {
  const narrow = talk.site.token('user/Observation.rs').token;
  const ofOne = talk.site.run('token', '--role', 'nurse', '--patient', 'somebody-else').token;
  const gone = talk.site.token('system/*.cruds');
  talk.site.run('token', '--revoke', gone.id);
  const put = body => ({ body });
  const asked = [
    [400, 'POST', '/Patient', put('{"resourceType":"Patient",')], [400, 'POST', '/Patient', put('[]')], [400, 'PUT', '/Patient/a', put({ resourceType: 'Patient' })],
    [400, 'PUT', '/Patient/a', put({ resourceType: 'Patient', id: 7 })], [400, 'PUT', '/Patient/a_b', put({ resourceType: 'Patient', id: 'a_b' })],
    [400, 'POST', '/Patient', put({ resourceType: 'Observation' })], [400, 'POST', '/Patient', put({})], [400, 'GET', '/Patient?birthdate=never'], [400, 'GET', '/Patient?name:colour=x'],
    [400, 'GET', '/Patient?_include=Patient:name'], [400, 'GET', `/Patient?${'name=a&'.repeat(300)}`], [400, 'GET', '/Patient/_history?_since=never'], [400, 'DELETE', '/Patient'],
    [400, 'GET', '/Patient?colour=green', { headers: { prefer: 'handling=strict' } }], [400, 'PATCH', '/Patient/amal', { body: '{}', headers: JSON_PATCH }],
    [400, 'PUT', '/Patient?identifier=urn:tag|1', put(patient('another'))], [400, 'POST', '', put({ resourceType: 'Patient' })],
    [401, 'GET', '/Patient', { token: '' }], [401, 'GET', '/Patient', { token: 'sanad_nobody' }], [401, 'GET', '/Patient', { token: gone.token }],
    [403, 'GET', '/Patient', { token: narrow }], [403, 'POST', '/Observation', { token: narrow, ...put(observation('Patient/amal', 1)) }], [403, 'PUT', '/Patient/amal', { token: ofOne, ...put(patient('amal')) }],
    [404, 'GET', '/Nothing/1'], [404, 'GET', '/Patient/nobody'], [404, 'GET', '/Patient/nobody/_history'], [404, 'GET', '/Patient/amal/_history/0'], [404, 'GET', '/Patient/amal', { token: ofOne }], [404, 'DELETE', '/Patient/nobody'],
    [405, 'DELETE', ''], [405, 'GET', '/Patient/amal/$nothing'], [405, 'GET', '/Patient/_search'], [405, 'OPTIONS', '/Patient'], [405, 'GET', '/Encounter/x/Observation'],
    [406, 'GET', '/Patient/amal', { headers: { accept: 'application/fhir+xml' } }], [406, 'GET', '/Patient?_format=xml'],
    [409, 'PUT', '/Patient?identifier=urn:tag|nobody', put(patient('amal'))], [410, 'GET', '/Patient/prefer-0'], [410, 'GET', '/Patient?_after=nothing'],
    [412, 'PUT', '/Patient/amal', { headers: { 'if-match': 'W/"0"' }, ...put(patient('amal')) }], [412, 'DELETE', '/Patient?name=Layla'], [412, 'DELETE', '/Patient/amal', { headers: { 'if-match': 'W/"0"' } }],
    [413, 'POST', '/Patient', put(Buffer.alloc(BODY_BYTES_MAX + 1, 32))], [413, 'POST', '', put(bundle('batch', ...Array.from({ length: 1_001 }, () => entry('GET', 'Patient/x'))))],
    [414, 'GET', `/Patient?name=${'a'.repeat(40_000)}`], [415, 'POST', '/Patient', { body: '<Patient/>', headers: { 'content-type': 'application/fhir+xml' } }],
    [415, 'PATCH', '/Patient/amal', { body: '<diff/>', headers: { 'content-type': 'application/xml-patch+xml' } }], [421, 'GET', '/Patient', { headers: { host: 'elsewhere.example' } }],
    [422, 'PATCH', '/Patient/amal', { body: [{ op: 'test', path: '/gender', value: 'x' }], headers: JSON_PATCH }], [422, 'PATCH', '/Patient/amal', { body: [{ op: 'replace', path: '/id', value: 'x' }], headers: JSON_PATCH }],
  ];
  for (const [status, ...rest] of asked) await talk.ask(`refused, ${status}`, status, ...rest);
}

// What the server writes itself, a moment after a chart was opened.
async function audit(talk) {
  const until = Date.now() + AUDIT_MS_MAX;
  for (;;) {
    const { json } = await talk.request('GET', '/AuditEvent?entity=Patient/amal', { token: talk.token, headers: {} }).then(({ text }) => ({ json: JSON.parse(text) }));
    if (json.entry) break;
    if (Date.now() > until) throw new Error('audit: nothing was written of a chart that was opened');
    await wait(100);
  }
  await talk.pages('audit', '/AuditEvent?_count=3');
}

// What is not of R4: it is kept as it came, so that nobody reads it here after this; what is wrong with it is said.
async function odd(talk) {
  const body = { resourceType: 'Patient', id: 'odd', gender: 'sometimes', colour: 'green', birthDate: '1984-13' };
  const headers = { prefer: 'return=OperationOutcome' };
  await talk.ask('update with issues', 201, 'PUT', '/Patient/odd', { body, headers });
  await talk.get('$validate with issues', '/Patient/odd/$validate');
}

export const parts = [says, writing, reading, searching, conditionally, together, operations, terminology, subscribing, bulk, refused, audit, odd];

// The same site, strict: what has not the structure of R4 is refused.
export async function strictly(talk) {
  await talk.ask('refused, 422', 422, 'POST', '/Patient', { body: { resourceType: 'Patient', gender: 'sometimes', colour: 'green' } });
  await talk.ask('refused, 422', 422, 'POST', '', { body: bundle('transaction', entry('POST', 'Patient', { resourceType: 'Patient', contact: [7] })) });
}

// A resource that was written apart at two sites, which do not hear of each other meanwhile.
export async function apart(talk, write, meet) {
  const id = 'apart';
  await talk.ask('create by update', 201, 'PUT', `/Patient/${id}`, { body: patient(id, { gender: 'unknown' }) });
  await write(patient(id, { gender: 'male' }), patient(id, { gender: 'female' }));
  await meet();
  const read = await talk.get('read, marked', `/Patient/${id}`);
  const tag = read.json.meta.tag?.find(({ code }) => code === 'conflict');
  if (!tag) throw new Error('read, marked: what was written apart is not marked');
  await talk.get('search, marked', `/Patient?_id=${id}`);
  await talk.get('history, marked', `/Patient/${id}/_history`);
  const settled = await talk.ask('update that settles', 200, 'PUT', `/Patient/${id}`, { body: patient(id), headers: { 'if-match': read.headers.etag } });
  if (settled.json.meta.tag) throw new Error('update that settles: it is still marked');
}
