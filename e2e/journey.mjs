// The clinic in a real browser: a casualty by keyboard alone, thirty casualties in a burst from five phones, one patient's way
// through two hospitals with JavaScript off at one of them, and what pages weigh. A processor six times slower, Arabic, 360 x
// 640. Afterwards no word that was typed about a patient may stand in an address, a title, the browser's storage or what
// the server has printed.
//
//   node journey.mjs PROGRAM [OUT]      PROGRAM is `sanad`; OUT a folder for pictures
import { mkdirSync } from 'node:fs';
import { get } from 'node:http';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { Site } from './site.mjs';

const [program, out = 'out-journey'] = process.argv.slice(2);
if (!program) {
  console.error('usage: node journey.mjs PROGRAM [OUT_FOLDER]');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const PHONES = 5;
const EACH = 6;
const SLOWER = 6;
const FIRST_BYTES_MAX = 60_000;
const LATER_BYTES_MAX = 15_000;
// Words that nothing but these tests ever says.
const NAME = 'زعترينة';
const FAMILY = 'Quillwort';
const NOTE = 'شظية تحت الترقوة مرجانية';

const problems = [];
const check = (is, what) => {
  if (!is) {
    problems.push(what);
    console.log(`  PROBLEM ${what}`);
  }
};
const until = async (is, what) => {
  for (let n = 0; n < 150; n += 1) {
    if (await is()) return;
    await new Promise(done => setTimeout(done, 200));
  }
  check(false, what);
};

const cedar = await Site.found(program).serve();
const invite = cedar.run('invite').invite;
const olive = new Site(program);
olive.run('join', '--site', 'Olive', '--invite', invite);
await olive.serve();
const home = site => site.base.replace('/fhir', '');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});

const seen = new Set();
async function phone(site, options = {}) {
  const context = await browser.newContext({ viewport: { width: 360, height: 640 }, locale: 'ar', baseURL: home(site), ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on('request', request => seen.add(decodeURIComponent(request.url())));
  page.on('load', async () => seen.add(await page.title().catch(() => '')));
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type()) && !/status of (404|422)/.test(message.text()))
      check(false, `console: ${message.text()} at ${page.url()}`);
  });
  page.on('pageerror', error => check(false, `script: ${error}`));
  const slow = await context.newCDPSession(page);
  await slow.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  return page;
}
const picture = (page, name) => page.screenshot({ path: `${out}/${name}.png`, fullPage: true });
async function press(page, selector, to) {
  await page.locator(selector).first().click();
  await page.waitForURL(to);
}

// By keyboard alone, to the colour.
const ward = await phone(cedar);
await ward.goto('/board/new');
let steps = 0;
while ((await ward.evaluate(() => document.activeElement?.value)) !== 'delayed' && steps < 40) {
  await ward.keyboard.press('Tab');
  steps += 1;
}
check(steps < 40, 'no way to a colour by keyboard');
await ward.keyboard.press('Enter');
await ward.waitForURL(url => url.pathname === '/board');
check((await ward.locator('.cases > li').count()) === 1, 'nobody was put on the board by keyboard');

// Thirty casualties in a burst. One phone runs no script; one types a tag; one presses twice.
const phones = [];
for (let n = 0; n < PHONES; n += 1) phones.push(await phone(cedar, { javaScriptEnabled: n !== 1 }));
const began = Date.now();
await Promise.all(phones.map(async (page, n) => {
  for (let i = 0; i < EACH; i += 1) {
    await page.goto('/board/new');
    if (n === 2) await page.fill('#tag', `B-${i}`);
    const colour = page.locator(`button[name="colour"][value="${['immediate', 'delayed', 'minor'][i % 3]}"]`);
    if (n === 3) await colour.dblclick();
    else await colour.click();
    await page.waitForURL(url => url.pathname === '/board').catch(() => check(false, `phone ${n} stands at ${page.url()}`));
  }
}));
const took = (Date.now() - began) / 1000;
await until(async () => (await ward.locator('.cases > li').count()) === PHONES * EACH + 1, 'an open board does not follow the burst');
await ward.goto('/board');
const onBoard = await ward.locator('.cases > li').count();
check(onBoard === PHONES * EACH + 1, `${onBoard - 1} of ${PHONES * EACH} casualties are on the board`);
await picture(ward, 'burst');
console.log(`${PHONES * EACH} casualties from ${PHONES} phones in ${took.toFixed(1)} s`);
for (const page of phones.slice(1)) await page.context().close();

// One patient: registered by a name, sorted, looked at, written about.
await ward.goto('/patients/new');
await ward.fill('#tag', 'J-1');
await ward.fill('#given', NAME);
await ward.fill('#family', FAMILY);
await ward.fill('#age', '٣٠');
await press(ward, 'main form button.btn--main', url => /\/patients\/[0-9a-f-]+$/.test(url.pathname));
const chart = new URL(ward.url()).pathname;
const id = chart.split('/').pop();
await ward.goto(`${chart}/injuries?at=shoulder-left#new`);
await ward.check('input[name="kind"][value="penetrating"]');
await ward.fill('#note', NOTE);
await press(ward, 'button[name="do"][value="add"]', url => url.pathname.endsWith('/injuries') && !url.search);
await picture(ward, 'injuries');
await ward.goto(`${chart}/vitals`);
await ward.fill('#pressure', '١٠٠/٦٠');
await ward.fill('#pulse', '110');
await ward.locator('main form button.btn--main').first().click();
await until(async () => (await ward.locator('.values tr').count()) > 2, 'vital signs were not saved');
await ward.goto(`${chart}/notes`);
await ward.fill('#text', `${NOTE} ${NAME}`);
await ward.locator('main form button.btn--main').click();
await until(async () => (await ward.locator('.typed li').count()) === 1, 'the note was not saved');
await ward.goto(chart);
check((await ward.textContent('main')).includes(NOTE), 'the chart does not show what was written');
await picture(ward, 'chart');

// Offered to Olive, whose phone runs no script; accepted there; the chart follows.
await ward.goto(`${chart}/transfer`);
await ward.selectOption('#to', { label: 'Olive' });
await ward.check('input[name="category"] >> nth=0');
await ward.check('input[name="consent"] >> nth=0');
await ward.fill('#reason', NAME);
await ward.locator('main form button.btn--main').click();
await ward.locator('.problem').first().waitFor();
await ward.fill('#reason', 'جراحة أوعية');
await ward.locator('main form button.btn--main').click();
await until(async () => (await ward.goto('/transfers'), await ward.locator('button[value="withdraw"]').count()) === 1, 'no offer');
cedar.run('sync');
const other = await phone(olive, { javaScriptEnabled: false });
await until(async () => (await other.goto('/transfers'), await other.locator('button[value="accept"]').count()) === 1, 'the offer did not arrive');
await picture(other, 'offer');
check((await other.goto(chart)).status() === 404, 'a chart can be read before the patient is accepted');
await other.goto('/transfers');
await press(other, 'button[value="accept"]', /transfers/);
olive.run('sync');
const readable = async () => {
  cedar.run('sync');
  olive.run('sync');
  return (await other.goto(chart)).status() === 200;
};
await until(readable, 'the chart did not follow the acceptance');
check((await other.textContent('main')).includes(NOTE), 'the chart at the other hospital lacks the note');
await picture(other, 'chart-there');
await ward.goto('/transfers');
await press(ward, 'button[value="depart"]', /transfers/);
cedar.run('sync');
await until(async () => (await other.goto('/transfers'), await other.locator('button[value="arrive"]').count()) === 1, 'nobody is on the way');
await press(other, 'button[value="arrive"]', /transfers/);
await other.goto(`/patients/${id}/notes`);
await other.fill('#text', 'وصل بحال مستقرة');
await other.locator('main form button.btn--main').click();
await other.waitForURL(/notes$/);
check((await other.locator('.typed li').count()) === 2, 'the other hospital cannot go on writing');
await ward.goto('/evacuation/list');
check(!(await ward.textContent('body')).includes(NAME), 'the list on paper names somebody');

// What pages weigh, as a phone gets them.
const fetched = path => new Promise(done => {
  get(home(cedar) + path, { headers: { 'accept-encoding': 'gzip' } }, answer => {
    const parts = [];
    answer.on('data', part => parts.push(part)).on('end', () => {
      const body = Buffer.concat(parts);
      done({ body, bytes: answer.headers['content-encoding'] ? body.length : gzipSync(body).length });
    });
  });
});
const first = await fetched('/board');
const assets = [...new Set(first.body.toString().match(/\/assets\/[^"' )]+/g) ?? [])];
let weight = first.bytes;
for (const asset of assets) weight += (await fetched(asset)).bytes;
check(weight <= FIRST_BYTES_MAX, `the first page weighs ${weight} bytes`);
for (const path of ['/board', '/board/new', '/patients', chart, `${chart}/injuries`, `${chart}/vitals`, `${chart}/notes`, `${chart}/transfer`, '/transfers']) {
  const { bytes } = await fetched(path);
  check(bytes <= LATER_BYTES_MAX, `${path.replace(id, '…')} weighs ${bytes} bytes`);
}
console.log(`first page with everything: ${weight} bytes; ${assets.length} assets`);

// Nothing of a patient where it does not belong.
const stored = await ward.evaluate(async () => {
  const kept = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie];
  for (const { name } of await indexedDB.databases()) {
    const base = await new Promise(done => { indexedDB.open(name).onsuccess = event => done(event.target.result); });
    for (const store of base.objectStoreNames) {
      const all = await new Promise(done => { base.transaction(store).objectStore(store).getAll().onsuccess = event => done(event.target.result); });
      kept.push(...all.map(one => (one instanceof Uint8Array ? new TextDecoder().decode(one) : JSON.stringify(one))));
    }
  }
  return kept.join('\n');
});
const places = { 'an address or a title': [...seen].join('\n'), 'the storage': stored, 'what the servers print': cedar.errors() + olive.errors() };
for (const [place, text] of Object.entries(places))
  for (const word of [NAME, FAMILY, NOTE, 'مرجانية', 'J-1']) check(!text.includes(word), `${word} stands in ${place}`);
check(seen.size > 20, 'nothing was looked at');

await browser.close();
await olive.stop();
await cedar.stop();
console.log(problems.length ? `${problems.length} problems` : 'The journey holds.');
process.exit(problems.length ? 1 : 0);
