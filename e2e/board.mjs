// The board in a real browser, on a phone in Arabic: a casualty in two taps, the Wi-Fi gone in the middle of a form and in
// the middle of a POST, a tag that is photographed. Fails on whatever the console or the content policy complains about, on a
// page wider than its window, and on what axe-core finds.
//
//   node board.mjs PROGRAM [OUT]      PROGRAM is `sanad`; OUT a folder for pictures
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { Site } from './site.mjs';

const [program, out = 'out-board'] = process.argv.slice(2);
if (!program) {
  console.error('usage: node board.mjs PROGRAM [OUT_FOLDER]');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const problems = [];
const check = (is, what) => {
  if (!is) {
    problems.push(what);
    console.log(`  PROBLEM ${what}`);
  }
};

const site = await Site.found(program).serve();
const base = site.base.replace('/fhir', '');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const context = await browser.newContext({ viewport: { width: 360, height: 640 } });
const page = await context.newPage();
let isCut = false;
page.on('console', message => {
  const isExpected = /status of (40[345]|422)/.test(message.text()) || (isCut && /ERR_|Failed to load/.test(message.text()));
  if (['error', 'warning'].includes(message.type()) && !isExpected) check(false, `console: ${message.text()} at ${page.url()}`);
});
page.on('pageerror', error => check(false, `script: ${error}`));

async function look(path, name) {
  if (path) await page.goto(base + path);
  check(!(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)), `${name} is wider than its window`);
  await page.screenshot({ path: `${out}/${name}.png`, fullPage: true });
}

async function judge(path, name) {
  const other = await browser.newContext({ viewport: { width: 360, height: 640 }, bypassCSP: true });
  const judged = await other.newPage();
  await judged.goto(base + path);
  await judged.addScriptTag({ path: axeFile });
  const found = await judged.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }));
  for (const violation of found.violations.filter(v => ['serious', 'critical'].includes(v.impact)))
    check(false, `${name}: axe ${violation.id}: ${violation.nodes.map(node => node.target).join(' ')}`);
  await other.close();
}

const rows = () => page.locator('.cases > li').count();
const until = async (is, what) => {
  for (let n = 0; n < 150; n += 1) {
    if (await is()) return;
    await new Promise(done => setTimeout(done, 200));
  }
  check(false, what);
};

await look('/board', 'board-empty');
// Two taps: the button of the board, and a colour.
await page.locator('a[href="/board/new"]').click();
check((await page.locator('[required]').count()) === 0, 'a field of a new casualty is required');
await look('', 'board-new');
await page.locator('button[name="colour"][value="immediate"]').click();
await page.waitForURL(/\/board$/);
await until(async () => (await rows()) === 1, 'two taps put nobody on the board');

// The Wi-Fi is gone in the middle of a form.
await page.goto(base + '/board/new');
await page.fill('#tag', 'K7-204');
isCut = true;
await context.setOffline(true);
await page.locator('button[name="colour"][value="delayed"]').click();
await page.locator('#sealed').waitFor({ state: 'visible' });
check((await page.textContent('#waiting b')) === '1', 'the form does not wait');
check((await page.inputValue('#tag')) === '', 'the form is not ready for the next casualty');
await look('', 'outbox-waiting');
await page.fill('#tag', 'K7-205');
await page.locator('button[name="colour"][value="minor"]').click();
await until(async () => (await page.textContent('#waiting b')) === '2', 'the second form does not wait');
const stored = await page.evaluate(() => new Promise(done => {
  const asked = indexedDB.open('sanad');
  asked.onsuccess = () => {
    const all = asked.result.transaction('sealed').objectStore('sealed').getAll();
    all.onsuccess = () => done(all.result.map(sealed => String.fromCharCode(...sealed)).join(''));
  };
}));
check(stored.length > 200 && !stored.includes('K7-20') && !stored.includes('/board'), 'the phone can read what it keeps');
await context.setOffline(false);
await until(async () => !(await page.locator('#waiting').isVisible()), 'what waited was not sent on return');
isCut = false;
await page.goto(base + '/board');
check((await rows()) === 3, 'what was sealed is not on the board once');

// The Wi-Fi is gone after the site has saved and before its answer has come.
await page.goto(base + '/board/new');
isCut = true;
await page.route('**/board/new', async route => {
  await route.fetch({ maxRedirects: 0 });
  await route.abort('connectionreset');
}, { times: 1 });
await page.fill('#tag', 'K7-206');
await page.locator('button[name="colour"][value="dead"]').click();
await page.locator('#sealed').waitFor({ state: 'visible' });
await until(async () => !(await page.locator('#waiting').isVisible()), 'what had been saved still waits');
isCut = false;
await page.goto(base + '/board');
check((await rows()) === 4, 'a form whose answer was lost is not on the board exactly once');

// What cannot be saved is handed to a person.
await page.goto(base + '/board/new');
await page.locator('details.fold summary').click();
await page.fill('#age', '900');
isCut = true;
await context.setOffline(true);
await page.locator('button[name="colour"][value="minor"]').click();
await page.locator('#sealed').waitFor({ state: 'visible' });
await context.setOffline(false);
await until(async () => !(await page.locator('#waiting').isVisible()), 'a form with a mistake still waits');
isCut = false;
await look('/outbox/kept', 'outbox-kept');
await page.locator('form[action="/board/new"] button').click();
await page.locator('#age-problem').waitFor();
check((await page.inputValue('#age')) === '900', 'what was typed is gone');

await page.goto(base + '/board/capacity');
await page.fill('#beds', '٤');
await page.fill('#cannot', 'حروق');
await look('', 'capacity');
await page.locator('main form button').click();
await page.waitForURL(/\/board/);
await look('', 'board');
await page.locator('.case').first().click();
await page.waitForURL(/\/casualties\//);
await look('', 'casualty');
await look('/board/scan', 'scan');
await look('/board/after', 'after');
for (const path of ['/board', '/board/new', '/board/scan', '/board/after', '/board/capacity', '/outbox/kept']) await judge(path, path);

await browser.close();
await site.stop();
console.log(problems.length ? `${problems.length} problems` : 'The board holds.');
process.exit(problems.length ? 1 : 0);
